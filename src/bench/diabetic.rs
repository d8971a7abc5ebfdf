//! Persons whose registry is asked for: who they are, and what diabetes care measures of them.

use crate::bench::region::stored;
use anyhow::Context;
use model::{CodeSystem, Coding, Demographics, FacilityId, LabResult, LabStatus, Moment, Payload, Record, Sex, Value};

/// What diabetes care measures, by LOINC, with the unit and about what value: in turn.
const MEASURED: [(&str, &str, f64); 8] = [
    ("4548-4", "%", 7.2),
    (CREATININE, "mg/dL", 0.9),
    ("2339-0", "mg/dL", 155.0),
    (ALBUMIN, "mg/g", 25.0),
    ("13457-7", "mg/dL", 110.0),
    ("2085-9", "mg/dL", 50.0),
    ("2571-8", "mg/dL", 130.0),
    ("1742-6", "U/L", 25.0),
];
const CREATININE: &str = "38483-4";
const ALBUMIN: &str = "14959-1";

/// Kidneys of persons in turn, as shares of what is measured of creatinine and of urine albumin: every stage of nephropathy but
/// dialysis and every colour of the risk map is there.
const KIDNEYS: [(f64, f64); 8] =
    [(0.8, 0.4), (0.9, 0.4), (1.0, 0.8), (1.0, 1.2), (1.2, 3.0), (1.5, 6.0), (2.0, 16.0), (3.5, 60.0)];

/// One row of a large table; its value differs with the row.
///
/// # Errors
/// When an id cannot be parsed.
pub fn row(source: &FacilityId, patient: u32, id: u64, occurred: Moment) -> anyhow::Result<Record> {
    let which = usize::try_from(id)? % MEASURED.len();
    let (code, unit, about) = *MEASURED.get(which).context("no such measurement")?;
    let (creatinine, albumin) = *KIDNEYS.get(patient as usize % KIDNEYS.len()).context("no such kidneys")?;
    let share = match code {
        CREATININE => creatinine,
        ALBUMIN => albumin,
        _ => 1.0,
    };
    let spread = f64::from(u32::try_from(id.wrapping_mul(2_654_435_761) % 1_000)?) / 1_000.0;
    let value = (about * share * (0.7 + 0.6 * spread) * 100.0).round() / 100.0;
    let result = LabResult {
        code: Coding { system: CodeSystem::Loinc, code: code.to_owned(), display: String::new() },
        value: Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() },
        reference_low: None,
        reference_high: None,
        flag: String::new(),
        specimen: String::new(),
        status: LabStatus::Final,
        order: String::new(),
        note: String::new(),
    };
    stored((source, patient), &format!("row-{id}"), occurred, Payload::Laboratory(result))
}

/// Who a patient is: an adult of a known age and sex, without which there is no filtration.
///
/// # Errors
/// When an id cannot be parsed.
pub fn person(source: &FacilityId, patient: u32, recorded: Moment) -> anyhow::Result<Record> {
    let part = |of: u32| i8::try_from(patient % of);
    let birth = jiff::civil::Date::new(1931 + i16::from(part(55)?), 1 + part(12)?, 1 + part(28)?)?;
    let who = Demographics {
        name: String::new(),
        kana: String::new(),
        birth_date: Some(birth),
        sex: if (patient / 8).is_multiple_of(2) { Sex::Female } else { Sex::Male },
        postal_code: String::new(),
        address: String::new(),
        deceased: None,
    };
    stored((source, patient), &format!("person-{patient}"), recorded, Payload::Patient(who))
}
