//! The door's cost per event: bytes to meaning and back, for a laboratory event of 1 KB.

#![expect(missing_docs, reason = "criterion_group! writes a public function without documentation")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use wire::v1;

/// A laboratory event whose order text fills it up to 1 KB.
fn event() -> v1::Event {
    let result = v1::LabResult {
        code: Some(v1::Coding {
            system: "jlac10".into(),
            code: "3D046000001920402".into(),
            display: "ヘモグロビンA1c(NGSP)".into(),
        }),
        value: Some(v1::Value {
            kind: Some(v1::value::Kind::Quantity(v1::Quantity {
                value: 6.8,
                unit: "%".into(),
                comparator: String::new(),
            })),
        }),
        reference_low: Some(4.9),
        reference_high: Some(6.0),
        flag: "H".into(),
        specimen: "019".into(),
        status: v1::LabStatus::Final as i32,
        order: "x".repeat(740),
        note: String::new(),
    };
    let record = v1::Record {
        patient: Some(v1::PatientRef { facility: "nagasaki-mc".into(), number: "00012345".into() }),
        id: "Observation/0123456789.20260401.OML-11.081251234567800.1".into(),
        version: 1,
        category: v1::Category::Laboratory as i32,
        occurred_us: Some(1_775_000_000_000_000),
        recorded_us: Some(1_775_000_100_000_000),
        labels: vec![],
        department: "01".into(),
        author: Some(v1::Author { member: "m-0001".into(), role: v1::Role::LaboratoryStaff as i32 }),
        change: v1::ChangeKind::Upsert as i32,
        payload: Some(v1::record::Payload::Laboratory(result)),
    };
    v1::Event {
        id: "0123456789.20260401.OML-11.081251234567800.1.202604011030001".into(),
        source: "nagasaki-mc".into(),
        body: Some(v1::event::Body::Record(Box::new(record))),
        admitted_us: Some(1_775_000_100_100_000),
    }
}

fn decode(criterion: &mut Criterion) {
    let bytes: bytes::Bytes = prost::Message::encode_to_vec(&event()).into();
    let Ok(read) = wire::read_event(bytes.clone()) else { return };
    let mut group = criterion.benchmark_group(format!("event of {} bytes", bytes.len()));
    group.throughput(Throughput::Elements(1));
    group.bench_function("read", |bencher| bencher.iter(|| black_box(wire::read_event(black_box(bytes.clone())))));
    group.bench_function("parse only", |bencher| {
        bencher.iter(|| black_box(wire::parse_event(black_box(bytes.clone()))))
    });
    group.bench_function("write", |bencher| bencher.iter(|| black_box(wire::write_event(black_box(&read)))));
    group.bench_function("write a parsed message", |bencher| {
        bencher.iter_batched_ref(
            event,
            |message| black_box(prost::Message::encode_to_vec(message)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
