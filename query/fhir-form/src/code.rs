//! Codes and systems.

use model::{CodeSystem, Coding};
use serde_json::{Map, Value, json};

pub(crate) const FACILITY: &str = "urn:ajisai:facility:";
pub(crate) const PATIENT_NUMBER: &str = "urn:ajisai:patient-number:";
pub(crate) const RECORD: &str = "urn:ajisai:record:";
pub(crate) const CATEGORY: &str = "urn:ajisai:category";
pub(crate) const CHANNEL: &str = "urn:ajisai:channel";
pub(crate) const PERINATAL: &str = "urn:ajisai:perinatal";
pub(crate) const DEPARTMENT: &str = "urn:ajisai:department";
pub(crate) const LABEL: &str = "urn:ajisai:label";
pub(crate) const EXTENSION: &str = "urn:ajisai:extension:";
pub(crate) const ACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
pub(crate) const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
pub(crate) const UCUM: &str = "http://unitsofmeasure.org";

/// The address of a system as FHIR names it; none for the source's own codes.
///
/// The same addresses that `CodeSystem::from_text` knows; a test holds them to it.
pub(crate) fn uri(system: &CodeSystem) -> Option<&str> {
    Some(match system {
        CodeSystem::Jlac10 => "http://medis.or.jp/CodeSystem/master-JLAC10-17digits",
        CodeSystem::Loinc => "http://loinc.org",
        CodeSystem::Snomed => "http://snomed.info/sct",
        CodeSystem::Icd10 => "http://jpfhir.jp/fhir/core/mhlw/CodeSystem/ICD10-2013-full",
        CodeSystem::MedisDisease => "http://medis.or.jp/CodeSystem/master-disease-exCode",
        CodeSystem::Hot => "http://medis.or.jp/CodeSystem/master-HOT9",
        CodeSystem::Yj => "http://capstandard.jp/iyaku.info/CodeSystem/YJ-code",
        CodeSystem::RxNorm => "http://www.nlm.nih.gov/research/umls/rxnorm",
        CodeSystem::Local => return None,
        CodeSystem::Other(uri) => uri,
    })
}

/// A `Coding`; none without a code.
pub(crate) fn coding(coding: &Coding) -> Option<Value> {
    if coding.code.is_empty() {
        return None;
    }
    let mut json = Map::new();
    put_text(&mut json, "system", uri(&coding.system).unwrap_or_default());
    put_text(&mut json, "code", &coding.code);
    put_text(&mut json, "display", &coding.display);
    Some(Value::Object(json))
}

/// A `CodeableConcept`: the coding where there is a code, and what the source showed.
pub(crate) fn concept(code: &Coding) -> Value {
    let mut json = Map::new();
    if let Some(coding) = coding(code) {
        json.insert("coding".to_owned(), json!([coding]));
    }
    put_text(&mut json, "text", &code.display);
    Value::Object(json)
}

/// A concept of one code.
pub(crate) fn coded(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

/// Sets a text; an empty one is not there.
pub(crate) fn put_text(json: &mut Map<String, Value>, key: &str, text: &str) {
    if !text.is_empty() {
        json.insert(key.to_owned(), Value::from(text));
    }
}

/// A number as it is written: whole where it is whole, so that it does not seem measured to a tenth.
pub(crate) fn number(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
        return Value::from(number as i64);
    }
    Value::from(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_known_by_its_address() {
        let known = [
            CodeSystem::Jlac10,
            CodeSystem::Loinc,
            CodeSystem::Snomed,
            CodeSystem::Icd10,
            CodeSystem::MedisDisease,
            CodeSystem::Hot,
            CodeSystem::Yj,
            CodeSystem::RxNorm,
            CodeSystem::Other("urn:x".to_owned()),
        ];
        for system in known {
            assert_eq!(CodeSystem::from_text(uri(&system).unwrap()), system);
        }
        assert_eq!(uri(&CodeSystem::Local), None);
    }
}
