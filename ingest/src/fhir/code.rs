//! Codes: which of several codings is kept, and what system it is of.

use model::{CodeSystem, Coding};
use serde_json::Value;

/// Which system is preferred where a concept has several codings. One coding is kept, the rest is left out.
#[derive(Clone, Copy)]
pub(super) enum Prefer {
    /// JLAC10, LOINC, then the first.
    Laboratory,
    /// LOINC, JLAC10, then the first.
    VitalSign,
    /// ICD-10, MEDIS exchange code, SNOMED CT, then the first.
    Disease,
    /// HOT, YJ, RxNorm, then the first.
    Drug,
    /// LOINC, then the first.
    Document,
    /// The first.
    First,
}

impl Prefer {
    fn order(self) -> &'static [CodeSystem] {
        match self {
            Self::Laboratory => &[CodeSystem::Jlac10, CodeSystem::Loinc],
            Self::VitalSign => &[CodeSystem::Loinc, CodeSystem::Jlac10],
            Self::Disease => &[CodeSystem::Icd10, CodeSystem::MedisDisease, CodeSystem::Snomed],
            Self::Drug => &[CodeSystem::Hot, CodeSystem::Yj, CodeSystem::RxNorm],
            Self::Document => &[CodeSystem::Loinc],
            Self::First => &[],
        }
    }
    /// Whether the concept's text is what the clinician wrote (a diagnosis with its modifiers), so that it is shown
    /// before the dictionary's word; for an examination it is often only the heading of a column.
    fn text_first(self) -> bool {
        matches!(self, Self::Disease | Self::Drug | Self::First)
    }
}

/// Other names of the systems that the model knows, as Japanese and older files write them.
/// A system ending in `/` stands for all that begin with it.
const ALIASES: [(&str, CodeSystem); 14] = [
    ("urn:oid:1.2.392.200119.4.504", CodeSystem::Jlac10),
    ("http://jpfhir.jp/fhir/clins/CodeSystem/JLAC10/", CodeSystem::Jlac10),
    ("http://jpfhir.jp/fhir/core/CodeSystem/JLAC10", CodeSystem::Jlac10),
    // Items of the health check-up: JLAC10 codes and, of the same shape, its own (9N…).
    ("urn:oid:1.2.392.200119.6.1005", CodeSystem::Jlac10),
    ("urn:oid:2.16.840.1.113883.6.1", CodeSystem::Loinc),
    ("urn:oid:2.16.840.1.113883.6.96", CodeSystem::Snomed),
    ("http://hl7.org/fhir/sid/icd-10", CodeSystem::Icd10),
    ("http://jpfhir.jp/fhir/core/mhlw/CodeSystem/ICD10-2013", CodeSystem::Icd10),
    ("http://medis.or.jp/CodeSystem/master-HOT7", CodeSystem::Hot),
    ("http://medis.or.jp/CodeSystem/master-HOT13", CodeSystem::Hot),
    ("urn:oid:1.2.392.200119.4.403.1", CodeSystem::Hot),
    ("urn:oid:1.2.392.100495.20.1.73", CodeSystem::Yj),
    ("urn:oid:2.16.840.1.113883.6.88", CodeSystem::RxNorm),
    ("urn:oid:1.2.392.200119.4.101.6", CodeSystem::MedisDisease),
];

/// Seventeen letters and digits, and not the "no standard code" of all nines.
fn is_jlac10(code: &str) -> bool {
    code.len() == 17
        && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && code.bytes().any(|b| b != b'9')
}

fn system(uri: &str, code: &str) -> CodeSystem {
    let known = ALIASES
        .iter()
        .find(|(name, _)| uri == *name || name.ends_with('/') && uri.starts_with(name))
        .map_or_else(|| CodeSystem::from_text(uri), |(_, system)| system.clone());
    // A dummy or local code under JLAC10's name must not be taken for an examination.
    if known == CodeSystem::Jlac10 && !is_jlac10(code) { CodeSystem::Other(uri.to_owned()) } else { known }
}

fn text<'a>(json: &'a Value, key: &str) -> &'a str {
    json.get(key).and_then(Value::as_str).map(str::trim).unwrap_or_default()
}

/// A FHIR `Coding`; `None` without a code.
pub(super) fn coding(json: &Value) -> Option<Coding> {
    let code = text(json, "code");
    (!code.is_empty()).then(|| Coding {
        system: system(text(json, "system"), code),
        code: code.to_owned(),
        display: text(json, "display").to_owned(),
    })
}

/// All codings of a `CodeableConcept`, as written.
pub(super) fn codings(concept: &Value) -> impl Iterator<Item = &Value> {
    concept.get("coding").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

/// A FHIR `CodeableConcept`: the preferred coding with what the source showed. `None` when it has neither code nor text.
pub(super) fn concept(json: &Value, prefer: Prefer) -> Option<Coding> {
    let all: Vec<Coding> = codings(json).filter_map(coding).collect();
    let preferred = prefer.order().iter().find_map(|system| all.iter().find(|coding| coding.system == *system));
    let written = text(json, "text");
    match preferred.or(all.first()) {
        Some(coding) => {
            let mut coding = coding.clone();
            if coding.display.is_empty() || prefer.text_first() && !written.is_empty() {
                coding.display = written.to_owned();
            }
            if coding.display.is_empty() {
                coding.display =
                    all.iter().map(|other| &other.display).find(|other| !other.is_empty()).cloned().unwrap_or_default();
            }
            Some(coding)
        }
        None => {
            let shown = if written.is_empty() {
                codings(json).map(|one| text(one, "display")).find(|one| !one.is_empty())?
            } else {
                written
            };
            Some(Coding { system: CodeSystem::Local, code: String::new(), display: shown.to_owned() })
        }
    }
}
