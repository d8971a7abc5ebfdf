//! DocumentReference and DiagnosticReport → documents; a report's contained results → laboratory.

use super::case::{Case, Parts};
use super::code::{self, Prefer};
use super::{Reason, Refusal, observation};
use base64::Engine as _;
use model::{Category, ChangeKind, Coding, Document, Payload, Record};
use serde_json::Value;

/// | `status` | `docStatus` | change |
/// | --- | --- | --- |
/// | `current` | absent, `preliminary`, `final` | upsert |
/// | `current` | `amended` | correct |
/// | `superseded`, `entered-in-error` | any | delete: another document took its place, or it was wrong |
/// | any | `entered-in-error` | delete |
pub(super) fn reference(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    let change = case.closed("/status", |code| match code {
        "current" => Some(ChangeKind::Upsert),
        "superseded" | "entered-in-error" => Some(ChangeKind::Delete),
        _ => None,
    })?;
    let change = match (change, case.text("/docStatus")) {
        (ChangeKind::Delete, _) | (_, "entered-in-error") => ChangeKind::Delete,
        (_, "amended") => ChangeKind::Correct,
        (_, "" | "preliminary" | "final") => change,
        _ => return Err(case.refuse(Reason::UnknownCode, ".docStatus", "the code is in the element's closed list")),
    };
    let occurred = case.occurred(&["/context/period/start", "/date"], change)?;
    let recorded = case.start("/date")?;
    let payload = match change {
        ChangeKind::Delete => None,
        _ => {
            let kind = kind(case, "type")?;
            let attachments: Vec<&Value> =
                case.list("/content").iter().filter_map(|content| content.get("attachment")).collect();
            let (content_type, content) =
                text_of(case, &attachments, ".content")?.unwrap_or_else(|| pointer_of(&attachments));
            let titled = attachments.iter().find_map(|attachment| attachment.get("title")?.as_str());
            let title = Some(case.text("/description"))
                .filter(|text| !text.is_empty())
                .or(titled)
                .unwrap_or(&kind.display)
                .to_owned();
            Some(Payload::Document(Document { kind, title, content_type, content }))
        }
    };
    let parts = Parts { category: Category::Document, occurred, recorded, change, payload };
    Ok(vec![case.record("", parts)?])
}

/// | `status` | change |
/// | --- | --- |
/// | `registered`, `partial`, `preliminary`, `final`, `unknown` | upsert |
/// | `amended`, `corrected`, `appended` | correct |
/// | `cancelled`, `entered-in-error` | delete |
pub(super) fn report(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    let change = case.closed("/status", |code| match code {
        "registered" | "partial" | "preliminary" | "final" | "unknown" => Some(ChangeKind::Upsert),
        "amended" | "corrected" | "appended" => Some(ChangeKind::Correct),
        "cancelled" | "entered-in-error" => Some(ChangeKind::Delete),
        _ => None,
    })?;
    let occurred =
        case.occurred(&["/effectiveDateTime", "/effectivePeriod/start", "/effectivePeriod/end", "/issued"], change)?;
    let recorded = case.start("/issued")?;
    let payload = match change {
        ChangeKind::Delete => None,
        _ => {
            let kind = kind(case, "code")?;
            let title = case.text("/code/text");
            let title = if title.is_empty() { kind.display.clone() } else { title.to_owned() };
            let attachments: Vec<&Value> = case.list("/presentedForm").iter().collect();
            let conclusion = Some(case.text("/conclusion")).filter(|text| !text.is_empty());
            let written = text_of(case, &attachments, ".presentedForm")?;
            let (content_type, content) = written
                .or_else(|| conclusion.map(|text| ("text/plain".to_owned(), text.to_owned())))
                .unwrap_or_else(|| pointer_of(&attachments));
            Some(Payload::Document(Document { kind, title, content_type, content }))
        }
    };
    let parts = Parts { category: Category::Document, occurred, recorded, change, payload };
    let mut records = vec![case.record("", parts)?];
    records.append(&mut results(case)?);
    Ok(records)
}

/// The observations that live only inside the report. Those that merely group others are passed over.
fn results(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    let mut records = Vec::new();
    let order = format!("DiagnosticReport/{}", case.text("/id"));
    for (index, inner) in case.list("/contained").iter().enumerate() {
        if inner.get("resourceType").and_then(Value::as_str) != Some("Observation") {
            continue;
        }
        let inner = case.contained(index, inner)?;
        if inner.patient()? != case.patient()? {
            return Err(inner.refuse(
                Reason::AmbiguousPatient,
                ".subject",
                "a contained result is of the report's patient",
            ));
        }
        records.append(&mut observation::records(&inner, &order)?);
    }
    Ok(records)
}

fn kind(case: &Case<'_>, key: &str) -> Result<Coding, Refusal> {
    let stated = case.json.get(key).and_then(|concept| code::concept(concept, Prefer::Document));
    let category = || case.list("/category").first().and_then(|concept| code::concept(concept, Prefer::Document));
    stated
        .or_else(category)
        .ok_or_else(|| case.refuse(Reason::MissingElement, format!(".{key}"), "what sort of document it is"))
}

/// The first attachment that is text and carries it.
fn text_of(case: &Case<'_>, attachments: &[&Value], path: &str) -> Result<Option<(String, String)>, Refusal> {
    for (index, attachment) in attachments.iter().enumerate() {
        let content_type = mime(attachment);
        let Some(data) = attachment.get("data").and_then(Value::as_str).filter(|_| content_type.starts_with("text/"))
        else {
            continue;
        };
        let compact: String = data.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(compact).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let rule = "text is base64 of UTF-8";
        let text = text.ok_or_else(|| case.refuse(Reason::InvalidElement, format!("{path}[{index}].data"), rule))?;
        return Ok(Some((content_type.to_owned(), text)));
    }
    Ok(None)
}

/// Where the document is kept: the first address. Binary content is not carried: it stays at its source.
fn pointer_of(attachments: &[&Value]) -> (String, String) {
    let linked = attachments.iter().find(|attachment| attachment.get("url").is_some());
    let first = linked.or(attachments.first());
    let url = linked.and_then(|attachment| attachment.get("url")?.as_str()).unwrap_or_default();
    (first.map(|attachment| mime(attachment)).unwrap_or_default().to_owned(), url.to_owned())
}

fn mime(attachment: &Value) -> &str {
    attachment.get("contentType").and_then(Value::as_str).unwrap_or_default()
}
