//! Immunization → immunization.

use super::case::{Case, Parts};
use super::code::{self, Prefer};
use super::observation::notes;
use super::{Reason, Refusal, value};
use model::{Category, ChangeKind, Immunization, ImmunizationStatus, Payload, Record};
use serde_json::Value;

/// | `status` | change |
/// | --- | --- |
/// | `completed` | upsert |
/// | `not-done` | upsert; why, in `statusReason` |
/// | `entered-in-error` | delete |
pub(super) fn convert(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    let status = case.closed("/status", |code| match code {
        "completed" => Some(Some(ImmunizationStatus::Completed)),
        "not-done" => Some(Some(ImmunizationStatus::NotDone)),
        "entered-in-error" => Some(None),
        _ => None,
    })?;
    let change = if status.is_none() { ChangeKind::Delete } else { ChangeKind::Upsert };
    let occurred = case.occurred(&["/occurrenceDateTime", "/recorded"], change)?;
    let recorded = case.start("/recorded")?;
    let payload = match status {
        None => None,
        Some(status) => Some(Payload::Immunization(stated(case, status)?)),
    };
    let parts = Parts { category: Category::Immunization, occurred, recorded, change, payload };
    Ok(vec![case.record("", parts)?])
}

fn stated(case: &Case<'_>, status: ImmunizationStatus) -> Result<Immunization, Refusal> {
    let code = case.json.get("vaccineCode").and_then(|concept| code::concept(concept, Prefer::Drug));
    let code =
        code.ok_or_else(|| case.refuse(Reason::MissingElement, ".vaccineCode", "the vaccine, as a code or text"))?;
    let dose = case.json.get("doseQuantity").filter(|_| status == ImmunizationStatus::Completed);
    let quantity = dose.and_then(|dose| value::number(dose.get("value")));
    let unit = || ["unit", "code"].into_iter().find_map(|key| dose?.get(key)?.as_str()).map(str::to_owned);
    Ok(Immunization {
        code,
        status,
        reason: shown(case, "/statusReason"),
        lot: case.text("/lotNumber").to_owned(),
        manufacturer: manufacturer(case),
        dose_number: dose_number(case),
        quantity,
        quantity_unit: quantity.and_then(|_| unit()).unwrap_or_default(),
        site: shown(case, "/site"),
        route: shown(case, "/route"),
        reported: flag(case, "primarySource", ".primarySource")? == Some(false),
        // A modifier: a dose that does not count must not be shown as one that does.
        subpotent: flag(case, "isSubpotent", ".isSubpotent")? == Some(true),
        note: note(case),
    })
}

/// A yes or a no; anything else is refused.
fn flag(case: &Case<'_>, key: &str, path: &str) -> Result<Option<bool>, Refusal> {
    match case.json.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(said)) => Ok(Some(*said)),
        Some(_) => Err(case.refuse(Reason::InvalidElement, path, "true or false")),
    }
}

/// The text a concept is shown by, or its code.
fn shown(case: &Case<'_>, pointer: &str) -> String {
    let coding = case.json.pointer(pointer).and_then(|concept| code::concept(concept, Prefer::First));
    coding.map(|coding| if coding.display.is_empty() { coding.code } else { coding.display }).unwrap_or_default()
}

/// Who made it: the display of the reference, else the name of the organisation at hand.
fn manufacturer(case: &Case<'_>) -> String {
    let Some(reference) = case.json.get("manufacturer") else { return String::new() };
    let shown = reference.get("display").and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let named = || case.find_anywhere(reference)?.get("name")?.as_str().map(str::trim);
    shown.or_else(named).unwrap_or_default().to_owned()
}

/// Which dose of its series it is: of the protocols it was given under, the first that says.
fn dose_number(case: &Case<'_>) -> String {
    let said = case.list("/protocolApplied").iter().find_map(|protocol| {
        let number = protocol.get("doseNumberPositiveInt").and_then(Value::as_u64).map(|number| number.to_string());
        number.or_else(|| Some(protocol.get("doseNumberString")?.as_str()?.trim().to_owned()))
    });
    said.unwrap_or_default()
}

/// When it was, where the source knows that in words only (「1歳頃」), and what was written beside it.
fn note(case: &Case<'_>) -> String {
    let lines = [case.text("/occurrenceString").to_owned(), notes(case)];
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
