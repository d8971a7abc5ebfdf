//! What the maternal rules cost over a chart with a day of a monitor: a pulse and a saturation a minute, a pressure every quarter of an
//! hour, all day beyond a limit, so that each rule looks for its beginning.

#![expect(missing_docs, reason = "criterion's macros")]

use clinical::perinatal::PerinatalTables;
use clinical::perinatal::chart::{Chart, MaternalRules, MonitorSign, Monitored};
use criterion::{Criterion, criterion_group, criterion_main};
use model::{CodeSystem, Coding, FacilityId, Moment, Payload, Perinatal, Value};
use std::hint::black_box;

const MINUTE: i64 = 60_000_000;

fn chart() -> Option<(Chart, Moment)> {
    let source = FacilityId::parse("centre").ok()?;
    let now = Moment::parse("2026-10-01T12:00:00+09:00").ok()?;
    let mut chart = Chart::default();
    let code = Coding { system: CodeSystem::Local, code: "due-date".to_owned(), display: String::new() };
    let entry = Perinatal { code, gestational_days: None, value: Value::Text("2026-10-08".to_owned()) };
    chart.learn(&Payload::Perinatal(entry), Moment::parse("2026-03-01").ok()?, &source).ok()?;
    let mut monitored = Monitored::default();
    for minute in 0..1_440_i64 {
        let at = now.plus_micros(-minute * MINUTE);
        monitored.take(MonitorSign::Pulse, at, &source, &mut [124.0]);
        monitored.take(MonitorSign::Saturation, at, &source, &mut [93.0]);
        if minute % 15 == 0 {
            let systolic = 80.0 + (minute / 15 % 3) as f64;
            monitored.take_pressure(at, &source, [Some(systolic), Some(50.0)]);
        }
    }
    chart.learn_monitored(monitored);
    Some((chart, now))
}

fn a_day_of_a_monitor(criterion: &mut Criterion) {
    let (Some((chart, now)), tables) = (chart(), PerinatalTables::shipped()) else { return };
    let pregnancies = chart.pregnancies(now);
    let Some(one) = pregnancies.first() else { return };
    criterion.bench_function("maternal rules over a day of a monitor", |bench| {
        bench.iter(|| black_box(chart.rulings(one, MaternalRules { tables: &tables, now })));
    });
}

criterion_group!(benches, a_day_of_a_monitor);
criterion_main!(benches);
