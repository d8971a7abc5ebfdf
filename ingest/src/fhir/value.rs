//! `value[x]`, quantities and reference ranges.

use super::case::Case;
use super::code::{self, Prefer};
use super::{Reason, Refusal};
use crate::interval;
use model::{Coding, Value as Stated};
use serde_json::Value;

const UCUM: &str = "http://unitsofmeasure.org";

fn text<'a>(json: &'a Value, key: &str) -> &'a str {
    json.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The unit as the source wrote it: the code where it says UCUM, else the unit shown.
pub(super) fn unit(quantity: &Value) -> &str {
    let (unit, code) = (text(quantity, "unit"), text(quantity, "code"));
    let coded = text(quantity, "system") == UCUM || unit.is_empty();
    if coded && !code.is_empty() { code } else { unit }
}

/// A finite number.
pub(super) fn number(json: Option<&Value>) -> Option<f64> {
    json?.as_f64().filter(|number| number.is_finite())
}

/// What `holder` (an Observation or a component of one, at `path`) states.
///
/// `Ok(None)` when it states no value and does not say why.
pub(super) fn stated(case: &Case<'_>, holder: &Value, path: &str) -> Result<Option<Stated>, Refusal> {
    let invalid = |key: &str, rule| case.refuse(Reason::InvalidElement, format!("{path}.{key}"), rule);
    if let Some(quantity) = holder.get("valueQuantity") {
        if quantity.get("value").is_some() {
            let value =
                number(quantity.get("value")).ok_or_else(|| invalid("valueQuantity.value", "a finite number"))?;
            let comparator = text(quantity, "comparator");
            if !matches!(comparator, "" | "<" | "<=" | ">" | ">=") {
                return Err(invalid("valueQuantity.comparator", "empty, `<`, `<=`, `>` or `>=`"));
            }
            let (unit, comparator) = (unit(quantity).to_owned(), comparator.to_owned());
            return Ok(Some(Stated::Quantity { value, unit, comparator }));
        }
    } else if let Some(concept) = holder.get("valueCodeableConcept") {
        if let Some(coding) = code::concept(concept, Prefer::Laboratory) {
            return Ok(Some(Stated::Coded(coding)));
        }
    } else if let Some(whole) = holder.get("valueInteger") {
        let value = number(Some(whole)).ok_or_else(|| invalid("valueInteger", "an integer"))?;
        return Ok(Some(Stated::Quantity { value, unit: String::new(), comparator: String::new() }));
    } else if let Some(written) = written(holder) {
        return Ok(Some(Stated::Text(written)));
    } else if ["valueSampledData", "valueAttachment"].iter().any(|key| holder.get(key).is_some()) {
        return Err(case.refuse(Reason::UnsupportedCategory, format!("{path}.value"), "waveforms do not come by FHIR"));
    }
    let absent = holder.get("dataAbsentReason").and_then(|reason| code::concept(reason, Prefer::First));
    Ok(absent.map(|Coding { code, display, .. }| Stated::Absent(if code.is_empty() { display } else { code })))
}

/// The values that become text, each as it is read aloud: `1:128`, `5-10`, `true`, a date.
fn written(holder: &Value) -> Option<String> {
    let amount = |quantity: &Value| {
        let value = quantity.get("value").filter(|value| value.is_number())?;
        Some(format!("{value}{}", unit(quantity)))
    };
    let plain = ["valueString", "valueDateTime", "valueTime"].iter().find_map(|key| holder.get(key)?.as_str());
    if let Some(plain) = plain {
        return (!plain.trim().is_empty()).then(|| plain.trim().to_owned());
    }
    if let Some(truth) = holder.get("valueBoolean").and_then(Value::as_bool) {
        return Some(truth.to_string());
    }
    if let Some(ratio) = holder.get("valueRatio") {
        return Some(format!("{}:{}", amount(ratio.get("numerator")?)?, amount(ratio.get("denominator")?)?));
    }
    if let Some(range) = holder.get("valueRange") {
        let side = |key| range.get(key).and_then(amount).unwrap_or_default();
        return Some(format!("{}-{}", side("low"), side("high"))).filter(|text| text.len() > 1);
    }
    let period = holder.get("valuePeriod")?;
    Some(format!("{}/{}", text(period, "start"), text(period, "end"))).filter(|text| text.len() > 1)
}

/// The bounds of the interval that came with the result.
///
/// The one range of type `normal` or without a type; where several remain (by age, by sex) none is taken, because
/// choosing among them is a judgement on the patient. One that is written as text alone is read as from any other source.
pub(super) fn reference_range(holder: &Value) -> (Option<f64>, Option<f64>) {
    let all = holder.get("referenceRange").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut normal = all.iter().filter(|range| {
        range.get("type").is_none_or(|kind| code::codings(kind).any(|coding| text(coding, "code") == "normal"))
    });
    match (normal.next(), normal.next()) {
        (Some(range), None) => match (number(range.pointer("/low/value")), number(range.pointer("/high/value"))) {
            (None, None) => interval::read(text(range, "text")).unwrap_or_default(),
            bounds => bounds,
        },
        _ => (None, None),
    }
}
