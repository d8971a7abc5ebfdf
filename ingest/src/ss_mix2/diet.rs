//! `OMD^O03` → a care plan: what the patient is to eat.

use super::messages::{of_fault, stated};
use super::name::FileName;
use crate::hl7::Feed;
use crate::refusal::{Refusal, RefusalReason};
use hl7v2::{Coded, Message, Segment};
use model::{CarePlan, CodeSystem, Coding, Moment, Payload, Record};

/// One record for each `ODS` that says something: `ODS-3` is the diet, `ODS-4` the instruction, `TQ1-7` when it begins.
pub(super) fn records(message: &Message<'_>, name: &FileName, feed: &Feed) -> Result<Vec<Record>, Refusal> {
    let mut records = Vec::new();
    let (mut order, mut begins): (Option<Segment<'_>>, Option<Moment>) = (None, None);
    for segment in message.segments() {
        match segment.id().as_str() {
            "ORC" => (order, begins) = (Some(segment), None),
            "TQ1" => {
                let at = segment.field(7).ts().map_err(|fault| of_fault(RefusalReason::Invalid, &fault))?;
                let at = at.and_then(|at| at.start(&feed.zone));
                begins = at.and_then(|at| Moment::from_micros(at.as_microsecond()).ok());
            }
            // Cancelled or stopped: nothing is stated, and what was stated goes.
            "ODS" if order.is_some_and(|orc| matches!(&*orc.field(1).text(), "CA" | "OC" | "CR" | "DC" | "OD")) => {}
            "ODS" => {
                let number = order.map(|orc| orc.field(2).component(1).text().into_owned()).unwrap_or_default();
                let at = (records.len() + 1, number.as_str());
                records.extend(diet(&segment, name, feed, at, begins.unwrap_or(name.stamp))?);
            }
            _ => {}
        }
    }
    Ok(records)
}

fn diet(
    ods: &Segment<'_>,
    name: &FileName,
    feed: &Feed,
    (nth, order): (usize, &str),
    begins: Moment,
) -> Result<Option<Record>, Refusal> {
    let code = coding(&ods.field(3).coded());
    let text = ods.field(4).whole_text().into_owned();
    if code.code.is_empty() && code.display.is_empty() && text.is_empty() {
        return Ok(None);
    }
    let order: String = order.chars().filter(char::is_ascii_graphic).collect();
    let id = format!("hl7/diet/{}/{order}/{nth}", name.patient.as_str());
    let said = format!("{}\0{}\0{text}", code.code, code.display);
    let digest = xxhash_rust::xxh3::xxh3_64(said.as_bytes());
    let plan = CarePlan { code, status: "active".to_owned(), text };
    stated(&feed.source, name, (&id, digest), begins, Payload::CarePlan(plan)).map(Some)
}

fn coding(coded: &Coded<'_>) -> Coding {
    let shown = [&coded.text, &coded.original].into_iter().find(|text| !text.is_empty());
    let display = shown.map(|text| text.to_string()).unwrap_or_default();
    // Diets have no standard codes in Japan.
    Coding { system: CodeSystem::Local, code: coded.code.to_string(), display }
}
