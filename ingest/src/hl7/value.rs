//! `OBX-5`, units and reference intervals.

use super::case::Case;
use super::code::Prefer;
use super::{Reason, Remark};
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

/// The components of a structured number, as they are read aloud: `1:128`, `5-10`, `2+`.
fn joined(part: &hl7v2::Part<'_>) -> String {
    part.first().components().map(|component| component.text()).collect()
}

/// The interval that came with the result: `6.7-8.3`, `>10`, `<15`, `[3.5 - 5.3]`. `None`: something is stated that is no
/// interval of two numbers.
pub(super) fn interval(text: &str) -> Option<(Option<f64>, Option<f64>)> {
    let plain: String = text.chars().map(half_width).filter(|c| !c.is_whitespace()).collect();
    let plain = plain.trim_matches(['[', ']', '(', ')']);
    if plain.is_empty() {
        return Some((None, None));
    }
    let number = |text: &str| -> Option<f64> {
        let shaped = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
        shaped.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
    };
    for (signs, is_low) in [([">=", "≧", "≥", ">"], true), (["<=", "≦", "≤", "<"], false)] {
        if let Some(rest) = signs.iter().find_map(|sign| plain.strip_prefix(sign)) {
            let bound = number(rest)?;
            return Some(if is_low { (Some(bound), None) } else { (None, Some(bound)) });
        }
    }
    // A minus in front belongs to the number.
    let from = plain.char_indices().nth(1).map_or(plain.len(), |(at, _)| at);
    let at = plain.get(from..)?.find(['-', '~'])? + from;
    let (low, high) = plain.split_at_checked(at)?;
    let (low, high) = (low, high.get(1..)?);
    let low = number(low)?;
    if high.is_empty() {
        return Some((Some(low), None));
    }
    let high = number(high)?;
    (low <= high).then_some((Some(low), Some(high)))
}

fn half_width(c: char) -> char {
    match c {
        '０'..='９' | '＜' | '＞' | '．' | '－' | '＝' | '（' | '）' => {
            // Full-width forms lie 0xFEE0 above the ASCII signs.
            char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c)
        }
        '～' | '〜' | '–' | '—' | '−' => '~',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::interval;
    use rstest::rstest;

    #[rstest]
    #[case("6.70-8.3", Some((Some(6.7), Some(8.3))))]
    #[case("[3.5 - 5.3]", Some((Some(3.5), Some(5.3))))]
    #[case("－", None)]
    #[case("３．５～５．３", Some((Some(3.5), Some(5.3))))]
    #[case("-2--1", Some((Some(-2.0), Some(-1.0))))]
    #[case("<15", Some((None, Some(15.0))))]
    #[case("≧10", Some((Some(10.0), None)))]
    #[case("10-", Some((Some(10.0), None)))]
    #[case("", Some((None, None)))]
    #[case("[ ]", Some((None, None)))]
    #[case("9-1", None)]
    #[case("negative", None)]
    #[case("1-2-3", None)]
    #[case("(-)", None)]
    fn an_interval_is_two_numbers_or_one_with_a_sign(
        #[case] text: &str,
        #[case] expected: Option<(Option<f64>, Option<f64>)>,
    ) {
        assert_eq!(interval(text), expected, "{text}");
    }
}
