//! ImagingStudy → imaging.

use super::Refusal;
use super::case::{Case, Parts};
use super::code::{self, Prefer};
use model::{Category, ChangeKind, Coding, Imaging, Payload, Record};
use serde_json::Value;

/// | `status` | change |
/// | --- | --- |
/// | `registered`, `available`, `unknown` | upsert |
/// | `cancelled` (never done, or not completed), `entered-in-error` | delete |
pub(super) fn convert(case: &Case<'_>) -> Result<Vec<Record>, Refusal> {
    let change = case.closed("/status", |code| match code {
        "registered" | "available" | "unknown" => Some(ChangeKind::Upsert),
        "cancelled" | "entered-in-error" => Some(ChangeKind::Delete),
        _ => None,
    })?;
    let occurred = case.occurred(&["/started", "/series/0/started"], change)?;
    let payload = match change {
        ChangeKind::Delete => None,
        _ => Some(Payload::Imaging(Imaging {
            modality: modality(case),
            procedure: procedure(case),
            study_uid: study_uid(case),
            // Reports are documents of their own; a study's comments are not one.
            report: String::new(),
        })),
    };
    let parts = Parts { category: Category::Imaging, occurred, recorded: None, change, payload };
    Ok(vec![case.record("", parts)?])
}

/// The study's modalities, else those of its series, each once; several are separated as DICOM does, by `\`.
fn modality(case: &Case<'_>) -> String {
    let series = || case.list("/series").iter().filter_map(|series| series.get("modality"));
    let mut codes: Vec<&str> = Vec::new();
    for coding in case.list("/modality").iter().chain(series()) {
        let code = coding.get("code").and_then(Value::as_str).map(str::trim).unwrap_or_default();
        if !code.is_empty() && !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes.join("\\")
}

/// The procedure, else the body site of the first series, shown as the source describes the study.
fn procedure(case: &Case<'_>) -> Coding {
    let stated = case.list("/procedureCode").first().and_then(|concept| code::concept(concept, Prefer::First));
    let site = || case.json.pointer("/series/0/bodySite").and_then(code::coding);
    let mut coding = stated.or_else(site).unwrap_or_default();
    if coding.display.is_empty() {
        let texts = [case.text("/description"), case.text("/series/0/description")];
        coding.display = texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned();
    }
    coding
}

/// The DICOM Study Instance UID.
fn study_uid(case: &Case<'_>) -> String {
    let of_dicom = |identifier: &&Value| identifier.get("system").and_then(Value::as_str) == Some("urn:dicom:uid");
    let value = case.list("/identifier").iter().find(of_dicom).and_then(|identifier| identifier.get("value")?.as_str());
    let value = value.unwrap_or_default();
    value.strip_prefix("urn:oid:").unwrap_or(value).to_owned()
}
