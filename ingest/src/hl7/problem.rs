//! `PRB` → conditions.

use super::Remark;
use super::case::{Case, Out, Parts, confidentiality, key};
use super::code::{self, Prefer};
use super::visit::{says_suspected, told_by};
use hl7v2::{ErrorCode, Segment};
use model::{Category, ChangeKind, Coding, Condition, Payload, Record};

pub(super) fn convert(case: &Case<'_>, out: &mut Out) {
    for segment in case.section.others.iter().filter(|segment| segment.id() == "PRB") {
        out.put(problem(case, segment));
    }
}

/// | `PRB-1` | change |
/// | --- | --- |
/// | absent, `AD`, `UP`, `UC`, `UN`, `LI`, `CO` | upsert; `CO` correct |
/// | `DE` | delete |
fn problem(case: &Case<'_>, prb: &Segment<'_>) -> Result<Record, Remark> {
    let change = match &*prb.field(1).text() {
        "" | "AD" | "UP" | "UC" | "UN" | "LI" => ChangeKind::Upsert,
        "CO" => ChangeKind::Correct,
        "DE" => ChangeKind::Delete,
        _ => return Err(prb.fault(1, ErrorCode::TableValue, "an action: AD, UP, CO, DE, LI, UC or UN").into()),
    };
    let code = stated(case, prb);
    let instance = prb.field(4).ei().id;
    let onset = case.start(&prb.field(16))?;
    let established = case.start(&prb.field(7))?;
    let told = match (&*instance, &code) {
        // Two problems of one code are told apart by when they began.
        ("", Some(code)) => {
            vec![told_by(code), onset.or(established).map(|at| at.micros().to_string()).unwrap_or_default()]
        }
        ("", None) => {
            return Err(prb.fault(3, ErrorCode::RequiredFieldMissing, "the problem, as a code or text").into());
        }
        (instance, _) => vec![key(instance)],
    };
    let payload = match (change, code) {
        (ChangeKind::Delete, _) => None,
        (_, None) => {
            return Err(prb.fault(3, ErrorCode::RequiredFieldMissing, "the problem, as a code or text").into());
        }
        (_, Some(code)) => {
            let abated = case.end(&prb.field(9))?;
            let certainty = [prb.field(13).coded(), prb.field(19).coded()];
            let words =
                certainty.iter().flat_map(|coded| [coded.code.to_ascii_lowercase(), coded.text.to_ascii_lowercase()]);
            let doubtful = ["suspected", "provisional", "probable", "possible", "differential", "unconfirmed"];
            let suspected = says_suspected(&code.display)
                || words
                    .into_iter()
                    .any(|word| says_suspected(&word) || doubtful.iter().any(|doubt| word.starts_with(doubt)));
            Some(Payload::Condition(Condition {
                clinical_status: status(prb, abated.is_some()).to_owned(),
                code,
                suspected,
                onset,
                abated,
            }))
        }
    };
    let parts = Parts {
        key: told,
        kind: "problem",
        category: Category::Condition,
        occurred: onset.or(established),
        recorded: case.start(&prb.field(2))?,
        change,
        rank: match change {
            ChangeKind::Upsert => 1,
            ChangeKind::Correct => 2,
            ChangeKind::Delete => 4,
        },
        labels: confidentiality(&prb.field(25)),
        payload,
    };
    case.record(prb, None, parts)
}

/// The preferred code of `PRB-3` and of its classification (`PRB-10`, where Japanese senders write ICD-10), shown as the
/// problem is named.
fn stated(case: &Case<'_>, prb: &Segment<'_>) -> Option<Coding> {
    let named = prb.field(3).coded();
    let mut all = code::codings(&named, case.feed);
    for part in prb.field(10).repetitions() {
        all.extend(code::codings(&part.coded(), case.feed));
    }
    let shown = [&named.original, &named.text].into_iter().find(|text| !text.is_empty()).map(|text| text.to_string());
    let mut chosen =
        code::choose(&all, Prefer::Disease).cloned().or_else(|| case.coding(&prb.field(3), Prefer::Disease))?;
    // What the clinician wrote is shown before the dictionary's word.
    if let Some(shown) = shown {
        chosen.display = shown;
    }
    Some(chosen)
}

/// FHIR's clinical status by the life cycle (`PRB-14`): active, unless it says that it has ended, or a date says so.
///
/// Japanese senders write an outcome of HL7 table 0241 there: R recovered, N not recovering, W worsening, S sequelae.
fn status(prb: &Segment<'_>, has_ended: bool) -> &'static str {
    let stated = prb.field(14).coded();
    let word = if stated.text.is_ascii() && !stated.text.is_empty() {
        stated.text.to_ascii_lowercase()
    } else {
        stated.code.to_ascii_lowercase()
    };
    match word.as_str() {
        "inactive" | "i" => "inactive",
        "resolved" | "r" | "recovered" => "resolved",
        "remission" => "remission",
        "relapse" => "relapse",
        "recurrence" => "recurrence",
        "f" | "d" => "inactive",
        "" if has_ended => "resolved",
        _ => "active",
    }
}
