//! What watching beds costs a node: a second of a hundred beds that have been watched for an hour, and one viewer's look.

#![expect(missing_docs, reason = "criterion's macros")]

use clinical::perinatal::PerinatalTables;
use criterion::{Criterion, criterion_group, criterion_main};
use model::{
    Author, Category, ChangeKind, FacilityId, FrameQuality, Hops, Labels, Moment, PatientNumber, PatientRef, Payload,
    Record, RecordId, Role, Version, Waveform, WaveformChannel, WaveformFrame,
};
use query::beds::{BedId, Came, Cursor, SLOT, Ward};
use std::collections::HashMap;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

const BEDS: i64 = 100;
const HALF: i64 = 500_000;
/// An hour in halves of a second.
const HOUR: i64 = 7_200;

/// Half a second of a bed: waves, and a contraction every three minutes with a deceleration. Beds begin at different times.
fn record(bed: i64, half: i64) -> Result<Arc<Record>, Box<dyn Error>> {
    let at = [half * 2, half * 2 + 1].map(|sample| (sample + bed * 97) as f32 / 4.0);
    let hill = |t: f32, begins: f32| {
        let along = (t.rem_euclid(180.0) - begins) / 60.0;
        if (0.0..1.0).contains(&along) { (along * std::f32::consts::PI).sin() } else { 0.0 }
    };
    let channel = |channel, values: [f32; 2]| WaveformFrame {
        channel,
        samples: values.to_vec(),
        quality: vec![FrameQuality::Good; 2],
    };
    let wave = |t: f32| 6.0 * (t * 0.33).sin() + 3.0 * (t * 0.81).sin() + (t * 2.7).sin();
    let payload = Payload::Waveform(Waveform {
        session: format!("session-{bed}"),
        device: "CTG-1".to_owned(),
        hertz: 4.0,
        sequence: u64::try_from(half)?,
        frames: vec![
            channel(WaveformChannel::FetalHeartRate(1), at.map(|t| 140.0 + wave(t) - 30.0 * hill(t, 80.0))),
            channel(WaveformChannel::UterineActivity, at.map(|t| 8.0 + 50.0 * hill(t, 45.0))),
            channel(WaveformChannel::MaternalHeartRate, at.map(|t| 82.0 + t.sin())),
        ],
        hops: Hops::default(),
        held_back: false,
    });
    let occurred = Moment::from_micros(1_760_000_000_000_000 + half * HALF + bed * SLOT * 7)?;
    let record = Record::new(
        PatientRef::new(FacilityId::parse("hospital")?, PatientNumber::parse(&format!("{bed:05}"))?),
        RecordId::parse(&format!("{bed}/{half}"))?,
        Version::FIRST,
        Category::Waveform,
        occurred,
        occurred,
        Labels::NONE,
        None,
        Author { member: None, role: Role::System },
        ChangeKind::Upsert,
        Some(payload),
    );
    Ok(Arc::new(record?))
}

fn live(c: &mut Criterion) {
    let mut ward = Ward::new(PerinatalTables::shared());
    let mut half = 0;
    let mut second = |ward: &mut Ward| -> Result<Moment, Box<dyn Error>> {
        let mut now = Moment::from_micros(1_760_000_000_000_000)?;
        for _ in 0..2 {
            // the beds that began last send last
            now = Moment::from_micros(1_760_000_000_000_000 + (half + 1) * HALF + BEDS * SLOT * 7)?;
            for bed in 0..BEDS {
                // each has sent what it had until now
                ward.take(&record(bed, half + (BEDS - bed) * SLOT * 7 / HALF)?, Came::Now(now), now);
            }
            half += 1;
            ward.tick(now);
            ward.tick(now.plus_micros(SLOT));
        }
        Ok(now)
    };
    for _ in 0..HOUR / 2 {
        let _ = second(&mut ward);
    }
    let mut group = c.benchmark_group("beds");
    group.sample_size(60);
    group.bench_function("a second of a hundred beds", |b| b.iter(|| second(black_box(&mut ward)).is_ok()));
    let mut cursors: HashMap<BedId, Cursor> = HashMap::new();
    let now = second(&mut ward).ok();
    group.bench_function("a viewer's look at a hundred beds", |b| {
        b.iter(|| {
            let told = ward.beds().map(|(bed, _)| {
                let lines = now.map(|now| bed.lines(now).len()).unwrap_or_default();
                lines + bed.news(cursors.entry(bed.id()).or_default(), 1_200).changed.len()
            });
            black_box(told.sum::<usize>())
        });
    });
    group.finish();
}

criterion_group!(benches, live);
criterion_main!(benches);
