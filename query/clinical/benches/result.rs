//! What one result costs: reading its unit and value, converting it, and all of it together.

#![expect(missing_docs, reason = "criterion's macros")]

use clinical::lab::{
    CodeText, CriticalTable, Decimal, Expect, Item, LabInput, Patient, ResultText, Site, Unit, UnitSpellings, Written,
    WrittenInterval, convert, read_result,
};
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

fn values(c: &mut Criterion) {
    let mut group = c.benchmark_group("value");
    for written in ["5.1", "＜０．５", "(2+)", "3+(300)", "検体不足のため", "Escherichia coli"] {
        group.bench_function(written, |b| b.iter(|| ResultText::read(black_box(written), Expect::Anything)));
    }
    group.finish();
}

/// What one row of a table of results costs.
fn results(c: &mut Criterion) {
    let critical = CriticalTable::shipped();
    let site = Site {
        map: None,
        spellings: UnitSpellings::shipped(),
        intervals: None,
        critical: &critical,
        blank_flag_is_normal: false,
    };
    let numeric = LabInput {
        code: CodeText::Jlac10("3C015000002327101"),
        specimen: "023",
        value: Written::Number("", 0.76),
        unit: "mg/dL",
        interval: WrittenInterval::Bounds(Some(0.65), Some(1.07)),
        flag: "",
        patient: Patient { sex: None, age: Some(50) },
    };
    let written = LabInput {
        code: CodeText::Jlac10("2A990000001930955"),
        value: Written::Text("２１．５"),
        unit: "×10⁴/µL",
        interval: WrittenInterval::Text("M:15.8～34.8 F:15.8～34.8"),
        flag: "Ｈ",
        ..numeric
    };
    let mut group = c.benchmark_group("result");
    group.throughput(criterion::Throughput::Elements(1));
    for (name, input) in [("a number of a record", numeric), ("a text as written in Japan", written)] {
        group.bench_function(name, |b| b.iter(|| read_result(black_box(&input), &site)));
    }
    group.finish();
}

criterion_group!(benches, units, values, results);
criterion_main!(benches);
