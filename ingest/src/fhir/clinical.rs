//! Condition, AllergyIntolerance, Encounter and CarePlan.

use super::case::{Case, Parts};
use super::code::{self, Prefer};
use super::{Reason, Refusal, perinatal};
use model::{
    Allergy, CarePlan, Category, ChangeKind, CodeSystem, Coding, Condition, Encounter, EncounterClass, Payload, Record,
};
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
    let suspected = suspected || says_suspected(case);
    let payload = match change {
        ChangeKind::Delete => None,
        _ => Some(Payload::Condition(Condition {
            code: code(case, Prefer::Disease)?,
            clinical_status: status(case, "clinicalStatus").to_owned(),
            suspected,
            onset,
            abated: match case.end("/abatementDateTime")? {
                Some(end) => Some(end),
                None => case.end("/abatementPeriod/end")?,
            },
        })),
    };
    let parts = Parts { category: Category::Condition, occurred, recorded, change, payload };
    let mut records = vec![case.record("", parts)?];
    records.extend(perinatal::of_condition(case, (occurred, recorded), (change, suspected))?);
    Ok(records)
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
    let mut records = vec![case.record("", parts)?];
    records.extend(perinatal::of_encounter(case, occurred, (change, status))?);
    Ok(records)
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

/// | `status` | `intent` | change |
/// | --- | --- | --- |
/// | `active`, `on-hold`, `revoked`, `completed`, `unknown` | `plan`, `order` | upsert |
/// | `entered-in-error` | any | delete |
/// | `draft` | any | refused: not agreed |
/// | any | `proposal`, `option` | refused: not agreed |
pub(super) fn care_plan(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    const STATUSES: [&str; 7] = ["draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"];
    let status = case.closed("/status", |code| STATUSES.into_iter().find(|known| *known == code))?;
    let change = if status == "entered-in-error" { ChangeKind::Delete } else { ChangeKind::Upsert };
    let agreed = case.closed("/intent", |code| match code {
        "plan" | "order" => Some(true),
        "proposal" | "option" => Some(false),
        _ => None,
    })?;
    if change != ChangeKind::Delete && (!agreed || status == "draft") {
        let (path, rule) =
            if agreed { (".status", "a draft is no plan yet") } else { (".intent", "a plan is agreed on") };
        return Err(case.refuse(Reason::NotAFact, path, rule));
    }
    let occurred = case.occurred(&["/period/start", "/created", "/period/end"], change)?;
    let recorded = case.start("/created")?;
    let payload = match change {
        ChangeKind::Delete => None,
        _ => Some(Payload::CarePlan(CarePlan {
            code: plan_code(case)?,
            status: status.to_owned(),
            text: plan_text(case),
        })),
    };
    let parts = Parts { category: Category::CarePlan, occurred, recorded, change, payload };
    Ok(vec![case.record("", parts)?])
}

/// The first category that says something of the plan, else its title.
fn plan_code(case: &Case<'_>) -> Result<Coding, Refusal> {
    let stated = case.list("/category").iter().find_map(|concept| code::concept(concept, Prefer::First));
    let titled = || {
        let display = case.text("/title");
        (!display.is_empty()).then(|| Coding {
            system: CodeSystem::Local,
            code: String::new(),
            display: display.to_owned(),
        })
    };
    stated.or_else(titled).ok_or_else(|| case.refuse(Reason::MissingElement, ".category", "what sort of plan it is"))
}

/// Title, description and what is to be done, a line each.
fn plan_text(case: &Case<'_>) -> String {
    let mut lines: Vec<String> = [case.text("/title"), case.text("/description")].map(str::to_owned).into();
    for activity in case.list("/activity") {
        let text = |pointer| activity.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let code = activity.pointer("/detail/code").and_then(|concept| code::concept(concept, Prefer::First));
        let named = code.map(|code| if code.display.is_empty() { code.code } else { code.display }).unwrap_or_default();
        let line = [named.as_str(), text("/detail/description")].into_iter().filter(|text| !text.is_empty());
        lines.push(line.collect::<Vec<_>>().join(": "));
    }
    lines.extend(case.list("/note").iter().filter_map(|note| Some(note.get("text")?.as_str()?.to_owned())));
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}
