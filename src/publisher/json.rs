//! The answer as JSON, the same from the command and in the window. Moments are texts; codes come with their words.

use super::words::{reason_words, refusal_words};
use model::{Category, Frontier, Label, Moment};
use serde_json::{Value, json};
use wire::v1;

fn moment(micros: Option<i64>) -> Value {
    micros.and_then(|micros| Moment::from_micros(micros).ok()).map_or(Value::Null, |at| json!(at.to_string()))
}

fn counts(rows: &[v1::CategoryRows]) -> Value {
    let of = |row: &v1::CategoryRows| {
        let category = v1::Category::try_from(row.category).ok().and_then(|category| Category::try_from(category).ok());
        (category.map_or("?", Category::code).to_owned(), json!(row.rows))
    };
    rows.iter().map(of).collect::<serde_json::Map<_, _>>().into()
}

fn consumed(rows: Option<&v1::ConsumedRows>) -> Value {
    let v1::ConsumedRows { patients, rows, first_us, last_us } = rows.cloned().unwrap_or_default();
    json!({
        "rows": rows.iter().map(|row| row.rows).sum::<u64>(),
        "patients": patients,
        "categories": counts(&rows),
        "first": moment(first_us),
        "last": moment(last_us),
    })
}

fn held(held: &v1::HeldRows) -> Value {
    let v1::HeldRows { reason, patients, rows, of_period, next_us, last_us, labels } = held;
    let (ja, en) = reason_words(reason);
    let labels = labels.iter().filter_map(|label| Label::try_from(v1::Label::try_from(*label).ok()?).ok());
    json!({
        "reason": reason,
        "reason_ja": ja,
        "reason_en": en,
        "rows": rows,
        "of_period": of_period,
        "patients": patients,
        "next": moment(*next_us),
        "last": moment(*last_us),
        "labels": labels.map(Label::code).collect::<Vec<_>>(),
    })
}

/// One receiving facility.
pub fn json_of(to: &v1::PublishedTo) -> Value {
    json!({
        "facility": to.facility,
        "name": to.name,
        "name_en": to.name_en,
        "delivered": consumed(to.delivered.as_ref()),
        "seen": consumed(to.seen.as_ref()),
        "persons": to.persons,
        "acts": to.acts,
        "system_acts": to.system_acts,
        "emergency_rows": to.emergency_rows,
        "corrected": to.corrected,
        "visible": to.visible,
        "held": to.held.iter().map(held).collect::<Vec<_>>(),
    })
}

/// The source as a whole.
pub fn json_of_summary(summary: &v1::PublishedSummary) -> Value {
    let refused = |one: &v1::RefusedCount| {
        let (ja, en) = refusal_words(&one.reason);
        json!({
            "reason": one.reason,
            "reason_ja": ja,
            "reason_en": en,
            "waiting": one.waiting,
            "replayed": one.replayed,
        })
    };
    let unmapped = |one: &v1::UnmappedCode| {
        json!({
            "system": one.system,
            "code": one.code,
            "display": one.display,
            "why": one.why,
            "results": one.results,
        })
    };
    json!({
        "from": moment(Some(summary.from_us)),
        "until": moment(Some(summary.until_us)),
        "at": moment(Some(summary.at_us)),
        "frontier": Frontier::from(summary.frontier.clone().unwrap_or_default()).to_string(),
        "rows": summary.rows,
        "of_period": summary.of_period,
        "corrected": summary.corrected,
        "deleted": summary.deleted,
        "refused": summary.refused.iter().map(refused).collect::<Vec<_>>(),
        "unmapped_results": summary.unmapped_results,
        "unmapped_codes": summary.unmapped_codes,
        "unmapped": summary.unmapped.iter().map(unmapped).collect::<Vec<_>>(),
        "partial": summary.partial,
        "unreadable": summary.unreadable,
        "disclosures": summary.disclosures,
    })
}
