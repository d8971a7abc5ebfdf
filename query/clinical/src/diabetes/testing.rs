//! Facts for tests.

use super::facts::{Dated, Diagnosis, Facts, Measure, Observation, Reading, Supply, Visit};
use model::{CodeSystem, EncounterClass, FacilityId, Moment};
use rust_decimal::Decimal;

pub fn at(day: &str) -> Moment {
    Moment::parse(day).unwrap()
}

pub fn dated<T>(day: &str, value: T) -> Dated<T> {
    Dated { value, at: at(day), source: FacilityId::parse("hospital").unwrap() }
}

pub fn reading(day: &str, measure: Measure, value: &str) -> Dated<Reading> {
    dated(day, Reading::new(measure, value.parse::<Decimal>().unwrap()).unwrap())
}

pub fn drug(day: &str, yj: &str, days: Option<u32>) -> Dated<Supply> {
    dated(day, Supply { system: CodeSystem::Yj, code: yj.to_owned(), days })
}

pub fn icd(day: &str, code: &str, suspected: bool) -> Dated<Diagnosis> {
    dated(day, Diagnosis { system: CodeSystem::Icd10, code: code.to_owned(), suspected })
}

pub fn visit(day: &str) -> Dated<Visit> {
    dated(day, Visit { class: EncounterClass::Ambulatory, planned: false, until: None })
}

pub fn readings(rows: &[(&str, Measure, &str)]) -> Facts {
    Facts {
        readings: rows.iter().map(|(day, measure, value)| reading(day, *measure, value)).collect(),
        ..Facts::default()
    }
}

pub fn observed(day: &str, value: Observation) -> Dated<Observation> {
    dated(day, value)
}
