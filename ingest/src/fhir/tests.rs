//! Small resources of our own. The files of others are in `tests/fhir_files.rs`.

mod labels;
pub(in crate::fhir) mod laws;
mod observations;
mod others;
mod patients;
mod pregnancies;
mod reading;

use super::*;
use model::{Category, ChangeKind, CodeSystem, Coding, Labels, Payload, Value as Stated};
use serde_json::{Value, json};

fn context() -> Context {
    Context::new(FacilityId::parse("nagasaki-mc").unwrap(), Moment::parse("2026-04-01").unwrap())
}

/// A patient of number 0042 whose resource id is `p1`.
fn patient() -> Value {
    json!({"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-01",
        "identifier": [{"system": "urn:oid:1.2.392.100495.20.3.51.14210000000", "value": "0042"}]})
}

/// `base` with the members of `more` put over it.
fn with(mut base: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        base[key] = value.clone();
    }
    base
}

fn lab(more: Value) -> Value {
    let base = json!({"resourceType": "Observation", "id": "o1", "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4", "display": "HbA1c"}]},
        "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-03-01T09:30:00+09:00",
        "valueQuantity": {"value": 6.5, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}});
    with(base, more)
}

fn known() -> References {
    let mut references = References::default();
    references.learn(&Resource::alone(patient()), &context());
    references
}

fn converted(json: Value) -> Result<Vec<Record>, Refusal> {
    convert(&Resource::alone(json), &context(), &known())
}

/// The one record of a resource.
#[track_caller]
fn one(json: Value) -> Record {
    let mut records = converted(json).unwrap();
    assert_eq!(records.len(), 1, "one record");
    records.remove(0)
}

#[track_caller]
fn refused(json: Value, reason: Reason, path: &str) {
    let refusal = converted(json).unwrap_err();
    assert_eq!((refusal.reason, refusal.path.as_str()), (reason, path), "{}", refusal.rule);
}

#[track_caller]
fn result(record: &Record) -> &model::LabResult {
    match record.payload() {
        Some(Payload::Laboratory(result)) => result,
        other => panic!("a laboratory payload, not {other:?}"),
    }
}

fn moment(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}
