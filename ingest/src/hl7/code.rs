//! Codes: which of a field's codes is kept, and what system it is of.

use super::Feed;
use hl7v2::Coded;
use model::{CodeSystem, Coding};

/// Which system is preferred where a field has two. The order of the FHIR adapter.
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
    pub(super) fn order(self) -> &'static [CodeSystem] {
        match self {
            Self::Laboratory => &[CodeSystem::Jlac10, CodeSystem::Loinc],
            Self::VitalSign => &[CodeSystem::Loinc, CodeSystem::Jlac10],
            Self::Disease => &[CodeSystem::Icd10, CodeSystem::MedisDisease, CodeSystem::Snomed],
            Self::Drug => &[CodeSystem::Hot, CodeSystem::Yj, CodeSystem::RxNorm],
            Self::Document => &[CodeSystem::Loinc],
            Self::First => &[],
        }
    }
}

/// Seventeen letters and digits, and not the "no standard code" of all nines.
fn is_jlac10(code: &str) -> bool {
    code.len() == 17
        && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && code.bytes().any(|b| b != b'9')
}

/// The system by its name in HL7 table 0396, by a name Japanese senders use, or by the sender's own.
pub(super) fn system(name: &str, code: &str, feed: &Feed) -> CodeSystem {
    if let Some(system) = feed.code_systems.get(name) {
        return system.clone();
    }
    match name.to_ascii_uppercase().as_str() {
        "" | "L" => CodeSystem::Local,
        "JC10" | "JLAC10" if is_jlac10(code) => CodeSystem::Jlac10,
        "LN" | "LOINC" => CodeSystem::Loinc,
        "SCT" | "SNOMED" | "SNOMED-CT" | "SNOMEDCT" => CodeSystem::Snomed,
        "I10" | "ICD10" | "ICD-10" => CodeSystem::Icd10,
        "MDCDX2" => CodeSystem::MedisDisease,
        "HOT" | "HOT7" | "HOT9" | "HOT13" => CodeSystem::Hot,
        "YJ" => CodeSystem::Yj,
        "RXNORM" => CodeSystem::RxNorm,
        "CVX" => CodeSystem::Other("http://hl7.org/fhir/sid/cvx".to_owned()),
        "NDC" => CodeSystem::Other("http://hl7.org/fhir/sid/ndc".to_owned()),
        local if local.starts_with("99") => CodeSystem::Local,
        _ => CodeSystem::Other(name.to_owned()),
    }
}

/// All codes of a field, as stated.
pub(super) fn codings(coded: &Coded<'_>, feed: &Feed) -> Vec<Coding> {
    let sides =
        [(&coded.code, &coded.text, &coded.system), (&coded.other_code, &coded.other_text, &coded.other_system)];
    let of = |(code, text, name): (&_, &_, &_)| {
        let (code, text, name): (&str, &str, &str) =
            (AsRef::<str>::as_ref(code), AsRef::<str>::as_ref(text), AsRef::<str>::as_ref(name));
        (!code.is_empty()).then(|| Coding {
            system: system(name, code, feed),
            code: code.to_owned(),
            display: text.to_owned(),
        })
    };
    sides
        .into_iter()
        .filter_map(|(code, text, name): (&std::borrow::Cow<'_, str>, _, _)| of((code, text, name)))
        .collect()
}

/// The preferred one of several; with a text of its own, or else with what the field says besides.
pub(super) fn choose(all: &[Coding], prefer: Prefer) -> Option<&Coding> {
    prefer.order().iter().find_map(|system| all.iter().find(|coding| coding.system == *system)).or(all.first())
}

/// The code of a field. `None` when it has neither code nor text.
pub(super) fn coding(coded: &Coded<'_>, prefer: Prefer, feed: &Feed) -> Option<Coding> {
    let texts = [&coded.original, &coded.text, &coded.other_text];
    let text = || texts.into_iter().find(|text| !text.is_empty()).map(|text| text.to_string()).unwrap_or_default();
    let all = codings(coded, feed);
    match choose(&all, prefer) {
        Some(chosen) => {
            let mut chosen = chosen.clone();
            if chosen.display.is_empty() {
                chosen.display = text();
            }
            Some(chosen)
        }
        None => {
            let display = text();
            (!display.is_empty()).then(|| Coding { system: CodeSystem::Local, code: String::new(), display })
        }
    }
}
