//! MedicationRequest → medication.

use super::case::{Case, Parts};
use super::code::{self, Prefer};
use super::{Reason, Refusal, value};
use model::{Category, ChangeKind, CodeSystem, Coding, Medication, Payload, Record};
use serde_json::Value;

pub(super) fn convert(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    const STATUSES: [&str; 8] =
        ["active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"];
    let status = case.closed("/status", |code| STATUSES.into_iter().find(|known| *known == code))?;
    let change = if status == "entered-in-error" { ChangeKind::Delete } else { ChangeKind::Upsert };
    // `doNotPerform` turns the order into its opposite: shown as a prescription it would be read as "take it".
    if case.json.get("doNotPerform").is_some_and(|value| value.as_bool() != Some(false)) {
        return Err(case.refuse(
            Reason::NotAFact,
            ".doNotPerform",
            "an order not to give a drug is not a prescription",
        ));
    }
    if change != ChangeKind::Delete && matches!(case.text("/intent"), "proposal" | "plan" | "option") {
        return Err(case.refuse(
            Reason::NotAFact,
            ".intent",
            "an order; a proposal, plan or option is not yet prescribed",
        ));
    }
    let recorded = case.start("/authoredOn")?;
    let occurred = case.occurred(&["/authoredOn", "/dosageInstruction/0/timing/event/0"], change)?;
    let parts = |payload| Parts { category: Category::Medication, occurred, recorded, change, payload };
    let drugs = drugs(case);
    let mut records = Vec::new();
    if change == ChangeKind::Delete {
        records.push(case.record("", parts(None))?);
        for (suffix, _) in drugs.into_iter().flatten().filter(|(suffix, _)| !suffix.is_empty()) {
            records.push(case.record(&suffix, parts(None))?);
        }
        return Ok(records);
    }
    let dispensed = case.json.pointer("/dispenseRequest/quantity");
    for (suffix, code) in drugs? {
        let payload = Payload::Medication(Medication {
            code,
            status: status.to_owned(),
            dosage: dosage(case),
            quantity: dispensed.and_then(|quantity| value::number(quantity.get("value"))),
            quantity_unit: dispensed.map(shown_unit).unwrap_or_default(),
            days: days(case),
        });
        records.push(case.record(&suffix, parts(Some(payload)))?);
    }
    Ok(records)
}

/// The drugs: `medicationCodeableConcept`, or the `Medication` referred to, contained, in the Bundle or in a file
/// learnt: by its code, or, for a mixture (an infusion), one by one.
fn drugs(case: &Case<'_>) -> Result<Vec<(String, Coding)>, Refusal> {
    let missing = |path| case.refuse(Reason::MissingElement, path, "the drug, as a code or text");
    if let Some(concept) = case.json.get("medicationCodeableConcept") {
        let coding = code::concept(concept, Prefer::Drug).ok_or_else(|| missing(".medicationCodeableConcept"))?;
        return Ok(vec![(String::new(), coding)]);
    }
    let reference = case.json.get("medicationReference").ok_or_else(|| missing(".medication"))?;
    let Some(medication) = case.find_anywhere(reference) else {
        let shown = reference.get("display").and_then(Value::as_str).filter(|display| !display.trim().is_empty());
        let coding = shown.map(|display| Coding {
            system: CodeSystem::Local,
            code: String::new(),
            display: display.trim().to_owned(),
        });
        let rule = "a Medication that is contained, in the Bundle or in the files read; or its display";
        let coding = coding.ok_or_else(|| case.refuse(Reason::UnknownReference, ".medicationReference", rule))?;
        return Ok(vec![(String::new(), coding)]);
    };
    if let Some(coding) = medication.get("code").and_then(|concept| code::concept(concept, Prefer::Drug)) {
        return Ok(vec![(String::new(), coding)]);
    }
    let ingredients = medication.get("ingredient").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut drugs: Vec<(String, Coding)> = Vec::new();
    for (index, ingredient) in ingredients.iter().enumerate() {
        let coding = ingredient.get("itemCodeableConcept").and_then(|concept| code::concept(concept, Prefer::Drug));
        let coding = coding.ok_or_else(|| missing(".medicationReference.ingredient.item"))?;
        drugs.push((format!("ingredient.{index}"), coding));
    }
    match drugs.len() {
        0 => Err(missing(".medicationReference.code")),
        1 => Ok(drugs.into_iter().map(|(_, coding)| (String::new(), coding)).collect()),
        _ => Ok(drugs),
    }
}

/// How to take it: each instruction's text, else its usage, else its numbers.
fn dosage(case: &Case<'_>) -> String {
    let written: Vec<String> =
        case.list("/dosageInstruction").iter().map(instruction).filter(|text| !text.is_empty()).collect();
    written.join("; ")
}

fn instruction(dosage: &Value) -> String {
    let text =
        |pointer: &str| dosage.pointer(pointer).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let usage = dosage
        .pointer("/timing/code")
        .and_then(|concept| code::concept(concept, Prefer::First))
        .map(|coding| coding.display);
    if let Some(text) =
        text("/text").or(usage.as_deref().filter(|usage| !usage.is_empty())).or(text("/patientInstruction"))
    {
        return text.to_owned();
    }
    let mut words = Vec::new();
    if let Some(dose) =
        dosage.pointer("/doseAndRate/0/doseQuantity").filter(|dose| dose.get("value").is_some_and(Value::is_number))
    {
        let amount = dose.get("value").map(Value::to_string).unwrap_or_default();
        words.push(format!("{amount} {}", shown_unit(dose)).trim().to_owned());
    }
    let repeat = |key: &str| {
        dosage.pointer(&format!("/timing/repeat/{key}")).filter(|value| value.is_number() || value.is_string())
    };
    if let (Some(frequency), Some(period), Some(unit)) =
        (repeat("frequency"), repeat("period"), repeat("periodUnit").and_then(Value::as_str))
    {
        words.push(format!("{frequency} / {period} {unit}"));
    }
    if dosage.get("asNeededBoolean").and_then(Value::as_bool) == Some(true) {
        words.push("as needed".to_owned());
    }
    words.join(", ")
}

/// A pharmacy's unit (錠, 包) is shown, not coded.
fn shown_unit(quantity: &Value) -> String {
    let unit = quantity.get("unit").and_then(Value::as_str).filter(|unit| !unit.is_empty());
    unit.or_else(|| quantity.get("code")?.as_str()).unwrap_or_default().to_owned()
}

/// Days supplied: the expected supply, else the bounds of the first instruction; in days or weeks only.
fn days(case: &Case<'_>) -> Option<u32> {
    ["/dispenseRequest/expectedSupplyDuration", "/dosageInstruction/0/timing/repeat/boundsDuration"]
        .into_iter()
        .find_map(|pointer| {
            let duration = case.json.pointer(pointer)?;
            let value = value::number(duration.get("value"))?;
            let days = match duration.get("code").or_else(|| duration.get("unit"))?.as_str()? {
                "d" | "日" | "day" | "days" => value,
                "wk" | "週" | "week" | "weeks" => value * 7.0,
                _ => return None,
            };
            let whole = days.fract() == 0.0 && (0.0..=100_000.0).contains(&days);
            // In range and whole, so the cast is exact.
            whole.then_some(days as u32)
        })
}
