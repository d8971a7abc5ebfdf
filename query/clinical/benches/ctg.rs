//! What reading cardiotocograms costs: an hour of one bed at once, and a second of a thousand beds as it comes.

#![expect(missing_docs, reason = "criterion's macros")]

use clinical::perinatal::ctg::{CtgLimits, Fetus, Frame, HERTZ, Maturity, Monitor, ReadingRules, Sample, analyse};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const BEDS: usize = 1_000;
const HOUR: usize = 3_600 * HERTZ;

fn rules() -> ReadingRules {
    ReadingRules { limits: CtgLimits::shipped(), maturity: Maturity::From32Weeks }
}

/// An hour with waves, contractions every three minutes with a deceleration each, some loss, and the mother's heart.
fn hour() -> Vec<Frame> {
    let mut noise = 7_u64;
    (0..HOUR)
        .map(|at| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let jitter = (noise >> 40) as f32 / (1_u64 << 23) as f32 - 1.0;
            let t = at as f32 / (60 * HERTZ) as f32 * std::f32::consts::TAU;
            let hill = |from: f32, length: f32| {
                let along = ((at as f32 / HERTZ as f32) % 180.0 - from) / length;
                if (0.0..1.0).contains(&along) { (along * std::f32::consts::PI).sin() } else { 0.0 }
            };
            let rate = 140.0 + 4.0 * (t * 3.1).sin() + 3.0 * (t * 7.7).sin() + jitter - 30.0 * hill(80.0, 60.0);
            let lost = (at / HERTZ) % 97 < 5;
            let heart = if lost { Sample::LOST } else { Sample::good(rate) };
            let fetal = [heart, Sample::good(rate + 9.0), Sample::good(rate - 9.0)];
            Frame { fetal, uterus: Sample::good(8.0 + 50.0 * hill(40.0, 80.0)), maternal: Sample::good(82.0 + jitter) }
        })
        .collect()
}

fn whole(c: &mut Criterion) {
    let (frames, rules) = (hour(), rules());
    c.bench_function("ctg/an hour of one bed, one fetus", |b| {
        let [fetus, ..] = Fetus::ALL;
        b.iter(|| analyse(black_box(&frames), fetus, &rules));
    });
}

fn live(c: &mut Criterion) {
    let frames = hour();
    // beds that began at different times, each with an hour behind it
    let beds: Vec<Monitor> = (0..60)
        .map(|bed| {
            let mut monitor = Monitor::new(rules(), 1);
            monitor.push_all(&frames);
            monitor.push_all(frames.get(..bed * 10 * HERTZ).unwrap_or_default());
            monitor
        })
        .collect();
    let mut beds: Vec<Monitor> = beds.into_iter().cycle().take(BEDS).collect();
    let [fetus, ..] = Fetus::ALL;
    let mut group = c.benchmark_group("ctg");
    group.sample_size(60);
    let mut second = 0;
    group.bench_function("a second of 1,000 beds, final windows", |b| {
        b.iter(|| {
            let at = second * HERTZ % HOUR;
            second += 1;
            let now = frames.get(at..at + HERTZ).unwrap_or_default();
            beds.iter_mut().map(|bed| bed.push_all(now).len()).sum::<usize>()
        });
    });
    group.bench_function("the provisional reading of one bed", |b| {
        b.iter(|| beds.first().and_then(|bed| bed.provisional(black_box(fetus))));
    });
    group.finish();
}

criterion_group!(benches, whole, live);
criterion_main!(benches);
