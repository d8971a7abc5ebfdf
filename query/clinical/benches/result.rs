//! What one result costs: reading its unit and converting it.

#![expect(missing_docs, reason = "criterion's macros")]

use clinical::lab::{Decimal, Item, Unit, UnitSpellings, convert};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn units(c: &mut Criterion) {
    let spellings = UnitSpellings::shipped();
    let mut group = c.benchmark_group("unit");
    for written in ["mg/dL", "ｍｇ／ｄＬ", "×10⁴/µL", "mg/g・Cr"] {
        group.bench_function(written, |b| b.iter(|| spellings.read(black_box(written), None)));
    }
    let glucose = Item::by_key("glucose");
    if let (Ok(mass), Ok(amount), Ok(litre)) = (Unit::ucum("mg/dL"), Unit::ucum("mmol/L"), Unit::ucum("mg/L")) {
        group.bench_function("mg/dL to mg/L", |b| {
            b.iter(|| convert(black_box(Decimal::ONE_HUNDRED), &mass, &litre, None))
        });
        group.bench_function("mg/dL to mmol/L", |b| {
            b.iter(|| convert(black_box(Decimal::ONE_HUNDRED), &mass, &amount, glucose));
        });
    }
    group.finish();
}

criterion_group!(benches, units);
criterion_main!(benches);
