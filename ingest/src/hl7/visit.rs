//! `ADT` → encounters; `AL1`, `IAM` → allergies; `DG1` → diagnoses.

use super::case::{Case, Out, Parts, key};
use super::code::Prefer;
use super::{Family, Reason, Remark};
use hl7v2::{ErrorCode, Part, Segment};
use model::{Allergy, Category, ChangeKind, Coding, Condition, Encounter, EncounterClass, Labels, Payload, Record};

pub(super) fn convert(case: &Case<'_>, out: &mut Out) {
    for segment in &case.section.others {
        match segment.id().as_str() {
            "AL1" | "IAM" => out.put(allergy(case, segment)),
            "DG1" => out.put(diagnosis(case, segment)),
            _ => {}
        }
    }
    if case.kind.family != Family::Visit {
        return;
    }
    let Some(status) = status(case.kind.trigger) else { return };
    let Some(pv1) = case.section.pv1 else { return };
    match class(&pv1.field(2)) {
        Some(class) => out.put(encounter(case, &pv1, class, status)),
        // An update of the patient may carry an empty visit.
        None if case.kind.trigger == 8 || pv1.field(2).text() == "N" => {
            out.leave(Reason::NoCategory, &pv1.field(2), "a class of visit that is shared: I, O, E, P, R, B");
        }
        None => out.put(Err(pv1.field(2).fault(ErrorCode::TableValue, "a class of visit: I, O, E, P, R, B").into())),
    }
}

/// What the event makes of the visit. `None`: it is no event of a visit.
///
/// | event | status |
/// | --- | --- |
/// | A05, A14 | planned |
/// | A03 | finished |
/// | A11, A27, A38 | cancelled |
/// | A21, A53 | on leave |
/// | A08 | in progress, finished where the discharge is stated |
/// | A18, A23, A24, A28 to A31, A34 to A37, A39 to A51, A60 | none: of the person, or of several |
/// | others | in progress |
fn status(trigger: u16) -> Option<&'static str> {
    Some(match trigger {
        5 | 14 => "planned",
        3 => "finished",
        11 | 27 | 38 => "cancelled",
        21 | 53 => "onleave",
        0 | 17 | 18 | 19 | 20 | 23 | 24 | 28..=31 | 33..=37 | 39..=51 | 60 => return None,
        _ => "in-progress",
    })
}

fn class(part: &Part<'_>) -> Option<EncounterClass> {
    Some(match part.text().to_ascii_uppercase().as_str() {
        "I" | "P" | "B" | "INPATIENT" | "PREADMIT" | "OBSTETRICS" => EncounterClass::Inpatient,
        "O" | "R" | "OUTPATIENT" | "AMB" => EncounterClass::Ambulatory,
        "E" | "EMERGENCY" | "EMER" => EncounterClass::Emergency,
        "H" | "HH" => EncounterClass::Home,
        "VR" => EncounterClass::Virtual,
        _ => return None,
    })
}

fn encounter(
    case: &Case<'_>,
    pv1: &Segment<'_>,
    class: EncounterClass,
    status: &'static str,
) -> Result<Record, Remark> {
    let planned = case.section.pv2.map(|pv2| pv2.field(8));
    let start = case.first_start([Some(pv1.field(44)), planned.filter(|_| status == "planned")])?;
    let end = case.end(&pv1.field(45))?;
    let happened = case.first_start([case.evn(6), case.evn(2)])?;
    let status = if status == "in-progress" && case.kind.trigger == 8 && end.is_some() { "finished" } else { status };
    let reason = case.section.pv2.and_then(|pv2| case.coding(&pv2.field(3), Prefer::Disease));
    let visit = pv1.field(19).cx().id;
    let key = match (&*visit, start) {
        ("", Some(start)) => vec![class.code().to_owned(), start.micros().to_string()],
        ("", None) => vec![class.code().to_owned(), happened.unwrap_or(case.written).micros().to_string()],
        (visit, _) => vec![key(visit)],
    };
    let end = match (status, end) {
        ("finished", None) => happened,
        (_, end) => end,
    };
    let payload = Encounter { class, status: status.to_owned(), reason: reason.unwrap_or_default(), start, end };
    let parts = Parts {
        key,
        kind: "visit",
        category: Category::Encounter,
        occurred: start.or(happened),
        recorded: happened,
        change: ChangeKind::Upsert,
        rank: 1,
        labels: Labels::NONE,
        payload: Some(Payload::Encounter(payload)),
    };
    case.record(pv1, None, parts)
}

/// `AL1`, `IAM` → allergy.
///
/// | `IAM-6` | change |
/// | --- | --- |
/// | absent, `A`, `U`, `X` | upsert |
/// | `D` | delete |
fn allergy(case: &Case<'_>, segment: &Segment<'_>) -> Result<Record, Remark> {
    let newer = segment.id() == "IAM";
    let deleted = newer && matches!(&*segment.field(6).text(), "D");
    let code = case.coding(&segment.field(3), Prefer::First);
    let unique = if newer { segment.field(7).ei().id.into_owned() } else { String::new() };
    let told = if unique.is_empty() { code.as_ref().map(told_by).unwrap_or_default() } else { key(&unique) };
    let payload = match deleted {
        true => None,
        false => {
            let rule = "what the patient does not tolerate, as a code or text";
            let code = code.ok_or_else(|| segment.fault(3, ErrorCode::RequiredFieldMissing, rule))?;
            let criticality = match &*segment.field(4).text() {
                "SV" => "high",
                "MO" | "MI" => "low",
                "U" => "unable-to-assess",
                _ => "",
            };
            let reactions: Vec<_> =
                segment.field(5).repetitions().map(|part| part.text()).filter(|text| !text.is_empty()).collect();
            let status = match newer.then(|| segment.field(17).text()).as_deref() {
                Some("I") => "inactive",
                Some("R" | "E") => "resolved",
                Some("") | None => "",
                Some(_) => "active",
            };
            Some(Payload::Allergy(Allergy {
                code,
                criticality: criticality.to_owned(),
                reaction: reactions.join("; "),
                clinical_status: status.to_owned(),
            }))
        }
    };
    let occurred = case.start(&segment.field(if newer { 11 } else { 6 }))?;
    let parts = Parts {
        key: vec![told],
        kind: "allergy",
        category: Category::Allergy,
        occurred,
        recorded: if newer { case.start(&segment.field(13))? } else { None },
        change: if deleted { ChangeKind::Delete } else { ChangeKind::Upsert },
        rank: if deleted { 4 } else { 1 },
        labels: Labels::NONE,
        payload,
    };
    case.record(segment, None, parts)
}

/// What tells a coded thing apart: its code, else its text.
pub(super) fn told_by(code: &Coding) -> String {
    key(if code.code.is_empty() { &code.display } else { &code.code })
}

/// `DG1` → condition. `DG1-21` `D` takes it back.
fn diagnosis(case: &Case<'_>, segment: &Segment<'_>) -> Result<Record, Remark> {
    let deleted = segment.field(21).text() == "D";
    let described = segment.field(4).whole_text();
    let code = match case.coding(&segment.field(3), Prefer::Disease) {
        Some(mut code) => {
            if code.display.is_empty() {
                code.display = described.to_string();
            }
            code
        }
        None if !described.is_empty() => Coding { display: described.to_string(), ..Coding::default() },
        None => {
            return Err(segment.fault(3, ErrorCode::RequiredFieldMissing, "the diagnosis, as a code or text").into());
        }
    };
    let visit = case.section.pv1.map(|pv1| key(&pv1.field(19).cx().id)).unwrap_or_default();
    let unique = segment.field(20).ei().id;
    let key = if unique.is_empty() { vec![visit, told_by(&code)] } else { vec![key(&unique)] };
    let at = case.start(&segment.field(5))?;
    let suspected = says_suspected(&code.display);
    let payload = (!deleted).then_some(Payload::Condition(Condition {
        code,
        clinical_status: "active".to_owned(),
        suspected,
        onset: at,
        abated: None,
    }));
    let parts = Parts {
        key,
        kind: "diagnosis",
        category: Category::Condition,
        occurred: at,
        recorded: case.start(&segment.field(19))?,
        change: if deleted { ChangeKind::Delete } else { ChangeKind::Upsert },
        rank: if deleted { 4 } else { 1 },
        labels: if segment.field(18).text() == "Y" { Labels::of(model::Label::Restricted) } else { Labels::NONE },
        payload,
    };
    case.record(segment, None, parts)
}

/// Whether the text carries the modifier 疑い.
pub(super) fn says_suspected(text: &str) -> bool {
    text.contains("疑い") || text.contains("の疑")
}
