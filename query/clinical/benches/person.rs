//! One person's registry row, and one person's step in every shipped cohort.
//!
//! The person has 667 laboratory values over ten years: 100 million over 150,000 people.

#![expect(missing_docs, reason = "criterion's macros")]

use clinical::diabetes::cohort::{named, step};
use clinical::diabetes::registry::registry_row;
use clinical::diabetes::{
    BiologicalSex, Date, Dated, Diagnosis, Facts, Measure, Observation, Person, Reading, Retinopathy, Supply, Tables,
    Visit,
};
use clinical::lab::Decimal;
use criterion::{Criterion, criterion_group, criterion_main};
use model::{CodeSystem, EncounterClass, FacilityId, Moment};
use std::hint::black_box;

const DAY: i64 = 86_400_000_000;

fn person() -> Option<(Facts, Moment)> {
    let source = FacilityId::parse("hospital").ok()?;
    let start = Moment::parse("2016-11-01").ok()?;
    let at = |day: i64| start.plus_micros(day * DAY);
    let panel = [
        (Measure::Hba1c, 72, 1),
        (Measure::CasualGlucose, 160, 0),
        (Measure::Creatinine, 95, 2),
        (Measure::Ldl, 110, 0),
        (Measure::Hdl, 50, 0),
        (Measure::Triglyceride, 140, 0),
        (Measure::Alt, 25, 0),
        (Measure::Systolic, 132, 0),
        (Measure::Diastolic, 78, 0),
        (Measure::Weight, 64, 0),
        (Measure::AlbuminRatio, 35, 0),
    ];
    let mut facts = Facts { birth: Date::new(1950, 4, 1).ok(), sex: Some(BiologicalSex::Male), ..Facts::default() };
    for visit in 0..61_i64 {
        let (day, source) = (visit * 60, source.clone());
        for (measure, value, scale) in panel {
            let value = Reading::new(measure, Decimal::new(value + visit % 7, scale)).ok()?;
            facts.readings.push(Dated { value, at: at(day), source: source.clone() });
        }
        let visited = Visit { class: EncounterClass::Ambulatory, planned: false, until: None };
        facts.visits.push(Dated { value: visited, at: at(day), source: source.clone() });
        let supply = Supply { system: CodeSystem::Yj, code: "3961008F1020".to_owned(), days: Some(60) };
        facts.supplies.push(Dated { value: supply, at: at(day), source: source.clone() });
        let code = Diagnosis { system: CodeSystem::Icd10, code: "E11.9".to_owned(), suspected: false };
        facts.diagnoses.push(Dated { value: code, at: at(day), source: source.clone() });
        if visit % 6 == 0 {
            let value = Observation::Eye(Some(Retinopathy::None));
            facts.observations.push(Dated { value, at: at(day), source });
        }
    }
    Some((facts, at(3_652)))
}

fn person_at_once(criterion: &mut Criterion) {
    let (Some((facts, now)), tables) = (person(), Tables::shipped()) else { return };
    criterion.bench_function("registry row of 671 values", |bench| {
        bench.iter(|| registry_row(black_box(&facts), &tables, now));
    });
    let cohorts = named();
    let mut before = facts.clone();
    before.readings.pop();
    criterion.bench_function("one new value, ten cohorts", |bench| {
        bench.iter(|| {
            let before = Person::new(black_box(&before), &tables, now);
            let after = Person::new(black_box(&facts), &tables, now);
            cohorts.iter().filter_map(|cohort| step(cohort, &before, &after)).count()
        });
    });
    // a member for ten years, whose every value is looked at
    if let Some(poor) = cohorts.iter().find(|cohort| cohort.key == "poor-control") {
        let mut high = facts.clone();
        for one in high.readings.iter_mut().filter(|one| one.value.measure() == Measure::Hba1c) {
            let Ok(value) = Reading::new(Measure::Hba1c, Decimal::new(91, 1)) else { return };
            one.value = value;
        }
        criterion.bench_function("since when somebody is a member, 671 values", |bench| {
            bench.iter(|| poor.since(black_box(&high), &tables, now));
        });
    }
}

criterion_group!(benches, person_at_once);
criterion_main!(benches);
