//! Consents against two slow readings that share no code with the import: [`evaluate`] answers for the FHIR resource as it
//! is written, [`judge`] for our consent. [`grid`] asks both, and the [`conscience`] itself.

mod codes;
mod conscience;
mod evaluate;
mod files;
mod grid;
mod judge;
mod laws;
mod reading;
mod round_trip;

use super::super::{Context, References, Resource, Unlisted, events};
use super::super::{Outcome, Reason};
use super::*;
use model::*;
use serde_json::{Value, json};

const SOURCE: &str = "hospital";

fn fid(text: &str) -> FacilityId {
    FacilityId::parse(text).unwrap()
}
fn mid(text: &str) -> MemberId {
    MemberId::parse(text).unwrap()
}
fn moment(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

/// The hospital's context, with everybody whom the examples name.
fn context() -> Context {
    let actors = Actors::default()
        .with_facility("Organization/ex-organization", fid(SOURCE))
        .with_facility("Organization/ex-org-researcher", fid("institute"))
        .with_facility("Organization/f001", fid(SOURCE))
        .with_facility("Organization/clinic", fid("clinic"))
        .with_member("Practitioner/ex-practitioner", mid("dr-x"))
        .with_member("Practitioner/ex-author", mid("dr-author"))
        .with_member("Practitioner/f204", mid("nurse-n"))
        .with_member("Practitioner/13", mid("dr-y"));
    Context { unlisted: Unlisted::ReferenceId, actors, ..Context::new(fid(SOURCE), moment("2026-04-01")) }
}

fn outcome(json: &Value) -> Outcome {
    events(&Resource::alone(json.clone()), &context(), &References::default())
}

/// The change that the one event of a consent states.
#[track_caller]
fn change(outcome: Outcome) -> ConsentChange {
    let Outcome { mut events, .. } = outcome;
    assert_eq!(events.len(), 1, "one event");
    match events.remove(0).body {
        Body::Consent(change) => change,
        other => panic!("a change of consent, not {other:?}"),
    }
}

#[track_caller]
fn taken(json: &Value) -> Consent {
    let outcome = outcome(json);
    assert_eq!(outcome.refusal, None);
    match change(outcome) {
        ConsentChange::Given(consent) => consent,
        other => panic!("a consent, not {other:?}"),
    }
}

#[track_caller]
fn refused(json: &Value, reason: Reason, path: &str) {
    let refusal = outcome(json).refusal.expect("a refusal");
    assert_eq!((refusal.reason, refusal.path.as_str()), (reason, path), "{}", refusal.rule);
}

/// A consent with this provision.
fn with_provision(provision: Value) -> Value {
    json!({"resourceType": "Consent", "id": "c1", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/0042"}, "performer": [{"reference": "Patient/0042"}],
        "dateTime": "2026-03-01", "policy": [{"uri": "urn:policy"}], "provision": provision})
}

fn actor(reference: &str) -> Value {
    json!({"role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]},
        "reference": {"reference": reference}})
}

fn coding(system: &str, code: &str) -> Value {
    json!({"system": system, "code": code})
}
fn purpose(code: &str) -> Value {
    coding("http://terminology.hl7.org/CodeSystem/v3-ActReason", code)
}
fn sensitive(code: &str) -> Value {
    coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", code)
}
fn level(code: &str) -> Value {
    coding("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", code)
}
