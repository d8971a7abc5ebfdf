//! `TXA` and its `OBX` → documents.

use super::case::{Case, Out, Parts, confidentiality, key};
use super::code::Prefer;
use super::result::text_of;
use super::{Reason, Remark};
use hl7v2::{ErrorCode, Segment};
use model::{Category, ChangeKind, Document, Payload, Record};

/// | event | records |
/// | --- | --- |
/// | T01 to T04, T07, T08 | the document; T07 and T08 correct it |
/// | T05, T06 | the addendum, a document of its own |
/// | T09, T10 | the replacement, and its parent (`TXA-13`) taken back |
/// | T11 | taken back |
pub(super) fn convert(case: &Case<'_>, out: &mut Out) {
    let Some(txa) = case.section.others.iter().find(|segment| segment.id() == "TXA") else {
        let fault = case.message.header().fault(9, ErrorCode::SegmentSequence, "a document is described in `TXA`");
        return out.remarks.push(Remark::new(Reason::MissingElement, fault));
    };
    let cancelled = case.kind.trigger == 11 || matches!(&*txa.field(17).text(), "CA");
    let change = match case.kind.trigger {
        _ if cancelled => ChangeKind::Delete,
        7 | 8 => ChangeKind::Correct,
        _ => ChangeKind::Upsert,
    };
    for obx in case.section.groups.iter().flat_map(|group| &group.obx) {
        if obx.field(2).text() == "ED" {
            out.leave(Reason::Binary, &obx.field(5), "text; binary content stays at its source");
        }
    }
    out.put(document(case, txa, change));
    if matches!(case.kind.trigger, 9 | 10) && !cancelled && txa.field(13).present().is_some() {
        out.put(parent(case, txa));
    }
}

/// The document's number: `TXA-12`, as whoever gave it numbers it.
fn number(txa: &Segment<'_>, field: u16) -> Result<Vec<String>, Remark> {
    let id = txa.field(field).ei().id;
    if id.is_empty() {
        // Some senders leave the first component empty and put the number behind it.
        let other = txa.field(field).components().map(|part| part.text().into_owned()).find(|text| !text.is_empty());
        let rule = "the document's unique number";
        return other
            .map(|other| vec![key(&other)])
            .ok_or_else(|| txa.fault(field, ErrorCode::RequiredFieldMissing, rule).into());
    }
    Ok(vec![key(&id)])
}

fn document(case: &Case<'_>, txa: &Segment<'_>, change: ChangeKind) -> Result<Record, Remark> {
    let occurred = case.first_start([Some(txa.field(4)), Some(txa.field(6))])?;
    let payload = match change {
        ChangeKind::Delete => None,
        _ => {
            let rule = "what sort of document it is";
            let kind = case.coding(&txa.field(2), Prefer::Document);
            let kind = kind.ok_or_else(|| Remark::from(txa.fault(2, ErrorCode::RequiredFieldMissing, rule)))?;
            let text: Vec<String> =
                case.section.groups.iter().map(|group| text_of(case, group)).filter(|text| !text.is_empty()).collect();
            let asked = case
                .section
                .groups
                .iter()
                .filter_map(|group| group.obr)
                .find_map(|obr| case.coding(&obr.field(4), Prefer::Document));
            let title =
                asked.map(|code| code.display).filter(|text| !text.is_empty()).unwrap_or_else(|| kind.display.clone());
            Some(Payload::Document(Document {
                kind,
                title,
                content_type: "text/plain".to_owned(),
                content: text.join("\n"),
            }))
        }
    };
    let parts = Parts {
        key: number(txa, 12)?,
        kind: "document",
        category: Category::Document,
        occurred,
        recorded: case.first_start([Some(txa.field(8)), Some(txa.field(7)), Some(txa.field(6))])?,
        change,
        rank: match change {
            ChangeKind::Upsert => 1,
            ChangeKind::Correct => 2,
            ChangeKind::Delete => 4,
        },
        labels: confidentiality(&txa.field(18)),
        payload,
    };
    case.record(txa, case.section.groups.first(), parts)
}

/// The document that another took the place of.
fn parent(case: &Case<'_>, txa: &Segment<'_>) -> Result<Record, Remark> {
    let parts = Parts {
        key: number(txa, 13)?,
        kind: "document",
        category: Category::Document,
        occurred: None,
        recorded: None,
        change: ChangeKind::Delete,
        rank: 4,
        labels: confidentiality(&txa.field(18)),
        payload: None,
    };
    case.record(txa, case.section.groups.first(), parts)
}
