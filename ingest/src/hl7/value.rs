//! `OBX-5`, units and reference intervals.

use super::case::Case;
use super::code::Prefer;
use super::{Reason, Remark};
use crate::interval;
use hl7v2::{ErrorCode, Segment};
use model::Value;

/// The unit as the source wrote it: the code, else the text.
pub(super) fn unit(obx: &Segment<'_>) -> String {
    let unit = obx.field(6).coded();
    [&unit.code, &unit.text].into_iter().find(|text| !text.is_empty()).map(|text| text.to_string()).unwrap_or_default()
}

/// What an observation states; `Ok(None)` when it states nothing.
///
/// | `OBX-2` | value |
/// | --- | --- |
/// | `NM` | a number with its unit; what is no number stays the text it is |
/// | `SN` | a number with its comparator; a ratio, a range or a sum is text |
/// | `CE`, `CWE`, `CNE`, `CF` | coded; several are text |
/// | `RP` | the pointer as text |
/// | `ED` | refused to the caller, who knows what holds it |
/// | any other, or none | text; of no type and a number with a unit, a number |
pub(super) fn stated(case: &Case<'_>, obx: &Segment<'_>) -> Result<Option<Value>, Remark> {
    let field = obx.field(5);
    let Some(part) = field.present() else { return Ok(None) };
    let text = |text: &str| (!text.is_empty()).then(|| Value::Text(text.to_owned()));
    let quantity =
        |value, comparator: &str| Value::Quantity { value, unit: unit(obx), comparator: comparator.to_owned() };
    let several = part.repetitions().filter(|one| one.present().is_some()).count() > 1;
    Ok(match &*obx.field(2).text() {
        "NM" if !several => match part.nm() {
            Ok(Some(number)) => Some(quantity(number.value, "")),
            // `100未満`, `(1+)`, `＜0.5`: dirty, and what the laboratory said.
            _ => text(&part.whole_text()),
        },
        "SN" if !several => match part.sn() {
            Ok(Some(number)) if !number.is_compound() && number.comparator != "<>" => {
                let comparator = if number.comparator == "=" { "" } else { &*number.comparator };
                number.first.map(|first| quantity(first, comparator))
            }
            Ok(_) => text(&joined(&part)),
            Err(fault) => return Err(fault.into()),
        },
        "CE" | "CWE" | "CNE" | "CF" if !several => case.coding(&part, Prefer::First).map(Value::Coded),
        "CE" | "CWE" | "CNE" | "CF" => {
            let words = part.repetitions().filter_map(|one| case.coding(&one, Prefer::First));
            let words: Vec<String> =
                words.map(|code| if code.display.is_empty() { code.code } else { code.display }).collect();
            text(&words.join("; "))
        }
        "RP" => text(&part.component(1).text()),
        "ED" => {
            let fault = part.fault(ErrorCode::DataType, "text; binary content stays at its source");
            return Err(Remark::new(Reason::Binary, fault));
        }
        "" if !several => match part.nm() {
            Ok(Some(number)) if obx.field(6).present().is_some() => Some(quantity(number.value, "")),
            _ => text(&part.whole_text()),
        },
        _ => text(&part.whole_text()),
    })
}

/// The interval that came with a result (`OBX-7`); `None` where what stands there is none. A tilde between two numbers is
/// what its sender meant (`3.5~5.3`), whatever it is to HL7.
pub(super) fn interval(obx: &Segment<'_>) -> Option<(Option<f64>, Option<f64>)> {
    let field = obx.field(7);
    interval::read(&field.whole_text().replace('\n', "~"))
}

/// The components of a structured number, as they are read aloud: `1:128`, `5-10`, `2+`.
fn joined(part: &hl7v2::Part<'_>) -> String {
    part.first().components().map(|component| component.text()).collect()
}
