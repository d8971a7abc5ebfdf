//! Condition, AllergyIntolerance and Encounter.

use super::case::{Case, Parts};
use super::code::{self, Prefer};
use super::{Reason, Refusal};
use model::{Allergy, Category, ChangeKind, Coding, Condition, Encounter, EncounterClass, Payload, Record};
use serde_json::Value;

/// The first code of a status concept (`clinicalStatus`, `verificationStatus`); empty when it is not stated.
fn status<'a>(case: &Case<'a>, key: &str) -> &'a str {
    case.text(&format!("/{key}/coding/0/code"))
}

/// | `verificationStatus` | change | suspected |
/// | --- | --- | --- |
/// | absent, `confirmed` | upsert | no |
/// | `unconfirmed`, `provisional`, `differential` | upsert | yes |
/// | `refuted`, `entered-in-error` | delete | – |
fn verification(case: &Case<'_>) -> Result<(ChangeKind, bool), Refusal> {
    match status(case, "verificationStatus") {
        "" | "confirmed" => Ok((ChangeKind::Upsert, false)),
        "unconfirmed" | "provisional" | "differential" => Ok((ChangeKind::Upsert, true)),
        "refuted" | "entered-in-error" => Ok((ChangeKind::Delete, false)),
        _ => Err(case.refuse(Reason::UnknownCode, ".verificationStatus", "the code is in the element's closed list")),
    }
}

fn code(case: &Case<'_>, prefer: Prefer) -> Result<Coding, Refusal> {
    let coding = case.json.get("code").and_then(|concept| code::concept(concept, prefer));
    coding.ok_or_else(|| case.refuse(Reason::MissingElement, ".code", "what it is, as a code or text"))
}

pub(super) fn condition(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    let (change, suspected) = verification(case)?;
    let onset = case.first(&["/onsetDateTime", "/onsetPeriod/start"])?;
    let recorded = case.start("/recordedDate")?;
    let occurred = case.occurred(&["/onsetDateTime", "/onsetPeriod/start", "/recordedDate"], change)?;
    let payload = match change {
        ChangeKind::Delete => None,
        _ => Some(Payload::Condition(Condition {
            code: code(case, Prefer::Disease)?,
            clinical_status: status(case, "clinicalStatus").to_owned(),
            suspected: suspected || says_suspected(case),
            onset,
            abated: match case.end("/abatementDateTime")? {
                Some(end) => Some(end),
                None => case.end("/abatementPeriod/end")?,
            },
        })),
    };
    let parts = Parts { category: Category::Condition, occurred, recorded, change, payload };
    Ok(vec![case.record("", parts)?])
}

/// Whether the diagnosis carries the modifier 疑い, in its text or among its modifier extensions.
fn says_suspected(case: &Case<'_>) -> bool {
    let modifiers =
        case.list("/code/extension").iter().filter_map(|extension| extension.get("valueCodeableConcept")).flat_map(
            |concept| {
                code::codings(concept)
                    .filter_map(|coding| coding.get("display")?.as_str())
                    .chain(concept.get("text").and_then(Value::as_str))
            },
        );
    std::iter::once(case.text("/code/text")).chain(modifiers).any(|text| text.contains("疑い"))
}

pub(super) fn allergy(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    let (change, _) = verification(case)?;
    let recorded = case.start("/recordedDate")?;
    let occurred =
        case.occurred(&["/onsetDateTime", "/onsetPeriod/start", "/recordedDate", "/lastOccurrence"], change)?;
    let payload = match change {
        ChangeKind::Delete => None,
        _ => {
            let code = match code(case, Prefer::First) {
                Ok(code) => code,
                // FHIR allows an allergy that names its substance only in the reactions.
                Err(refusal) => {
                    let substance = case.json.pointer("/reaction/0/substance");
                    substance.and_then(|concept| code::concept(concept, Prefer::First)).ok_or(refusal)?
                }
            };
            let criticality = case.text("/criticality");
            if !matches!(criticality, "" | "high" | "low" | "unable-to-assess") {
                return Err(case.refuse(Reason::UnknownCode, ".criticality", "`high`, `low` or `unable-to-assess`"));
            }
            Some(Payload::Allergy(Allergy {
                code,
                criticality: criticality.to_owned(),
                reaction: reactions(case),
                clinical_status: status(case, "clinicalStatus").to_owned(),
            }))
        }
    };
    let parts = Parts { category: Category::Allergy, occurred, recorded, change, payload };
    Ok(vec![case.record("", parts)?])
}

/// Every manifestation, or else the description, of every reaction.
fn reactions(case: &Case<'_>) -> String {
    let mut all: Vec<String> = Vec::new();
    for reaction in case.list("/reaction") {
        let manifestations =
            reaction.get("manifestation").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let before = all.len();
        all.extend(
            manifestations
                .iter()
                .filter_map(|concept| code::concept(concept, Prefer::First))
                .map(|coding| if coding.display.is_empty() { coding.code } else { coding.display }),
        );
        if all.len() == before {
            all.extend(reaction.get("description").and_then(Value::as_str).map(str::to_owned));
        }
    }
    all.join("; ")
}

pub(super) fn encounter(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    const STATUSES: [&str; 9] = [
        "planned",
        "arrived",
        "triaged",
        "in-progress",
        "onleave",
        "finished",
        "cancelled",
        "entered-in-error",
        "unknown",
    ];
    let status = case.closed("/status", |code| STATUSES.into_iter().find(|known| *known == code))?;
    let change = if status == "entered-in-error" { ChangeKind::Delete } else { ChangeKind::Upsert };
    let occurred = case.occurred(&["/period/start", "/classHistory/0/period/start", "/period/end"], change)?;
    let payload = match change {
        ChangeKind::Delete => None,
        _ => Some(Payload::Encounter(Encounter {
            class: case.closed("/class/code", |code| class(case.text("/class/system"), code))?,
            status: status.to_owned(),
            reason: case
                .list("/reasonCode")
                .first()
                .and_then(|concept| code::concept(concept, Prefer::Disease))
                .unwrap_or_default(),
            start: case.start("/period/start")?,
            end: case.end("/period/end")?,
        })),
    };
    let parts = Parts { category: Category::Encounter, occurred, recorded: None, change, payload };
    Ok(vec![case.record("", parts)?])
}

/// HL7 ActCode, and the one class of a Japanese health check-up, which is an outpatient visit.
fn class(system: &str, code: &str) -> Option<EncounterClass> {
    if system == "http://jpfhir.jp/fhir/eCheckup/CodeSystem/encounter-category" {
        return (code == "checkup").then_some(EncounterClass::Ambulatory);
    }
    if !matches!(system, "" | "http://terminology.hl7.org/CodeSystem/v3-ActCode" | "http://hl7.org/fhir/v3/ActCode") {
        return None;
    }
    Some(match code {
        "AMB" => EncounterClass::Ambulatory,
        "IMP" | "ACUTE" | "NONAC" | "SS" => EncounterClass::Inpatient,
        "EMER" => EncounterClass::Emergency,
        "HH" => EncounterClass::Home,
        "VR" => EncounterClass::Virtual,
        _ => return None,
    })
}
