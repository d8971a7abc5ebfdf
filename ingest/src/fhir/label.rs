//! Labels: what a resource says of its own sensitivity.
//!
//! | where | what | label |
//! | --- | --- | --- |
//! | `meta.security`, `meta.tag`, extensions | `LTS`, `UNINFORMED`, `UNDELIVERED` | the same |
//! | `meta.security`, `meta.tag` | confidentiality `R`, `V` | the same |
//! | `meta.security`, `meta.tag` | sensitivity `HIV`, `PSY`, `STD`, `SDV`, `GDIS`, `ETH`, `BH` … | the same |
//! | `meta.security` | confidentiality `U`, `L`, `M`, `N`; `SUBSETTED`, `REDACTED` … | none |
//! | `meta.security` | anything else | `R`: a label not understood withholds |
//!
//! The national tags count whatever system is written beside them: losing one would disclose what must not be.

use model::{Label, Labels};
use serde_json::Value;

const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
const OBSERVATION_VALUE: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";

fn known(code: &str) -> Option<Label> {
    Some(match code {
        "LTS" => Label::Lts,
        "UNINFORMED" => Label::Uninformed,
        "UNDELIVERED" => Label::Undelivered,
        "R" => Label::Restricted,
        "V" => Label::VeryRestricted,
        "HIV" => Label::Hiv,
        "PSY" | "PSYTHPN" | "MH" => Label::Psy,
        "STD" => Label::Std,
        "SDV" | "VIO" => Label::Sdv,
        "GDIS" => Label::Gdis,
        "ETH" | "ETHUD" | "SUD" | "OPIOIDUD" | "ALC" | "DRUG" => Label::Eth,
        "SEX" | "REPRO" => Label::Repro,
        "BH" => Label::Bh,
        _ => return None,
    })
}

fn national(code: &str) -> Option<Label> {
    known(code).filter(|label| matches!(label, Label::Lts | Label::Uninformed | Label::Undelivered))
}

fn part<'a>(coding: &'a Value, key: &str) -> &'a str {
    coding.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(json: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    json.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

fn of_security(coding: &Value) -> Option<Label> {
    let (system, code) = (part(coding, "system"), part(coding, "code"));
    if let Some(label) = known(code) {
        return Some(label);
    }
    let harmless = match system {
        CONFIDENTIALITY => matches!(code, "U" | "L" | "M" | "N"),
        OBSERVATION_VALUE => true,
        _ => false,
    };
    (!harmless).then_some(Label::Restricted)
}

/// A tag is a label only under a system of labels, for other systems use the same short words for other things.
fn of_tag(coding: &Value) -> Option<Label> {
    let (system, code) = (part(coding, "system"), part(coding, "code"));
    let labels = system == CONFIDENTIALITY || system == "http://terminology.hl7.org/CodeSystem/v3-ActCode";
    if labels { known(code) } else { national(code) }
}

fn of_extension(extension: &Value, depth: usize, labels: &mut Labels) {
    let codes = [extension.get("valueCode"), extension.get("valueString"), extension.pointer("/valueCoding/code")];
    let concept = list(extension, "/valueCodeableConcept/coding").map(|coding| coding.get("code"));
    for code in codes.into_iter().chain(concept).flatten().filter_map(Value::as_str) {
        if let Some(label) = national(code) {
            *labels = labels.with(label);
        }
    }
    if depth > 0 {
        list(extension, "/extension").for_each(|inner| of_extension(inner, depth - 1, labels));
    }
}

/// The labels of one resource, by its own words.
pub(super) fn labels(resource: &Value) -> Labels {
    let security = list(resource, "/meta/security").filter_map(of_security);
    let tags = list(resource, "/meta/tag").filter_map(of_tag);
    let mut labels: Labels = security.chain(tags).collect();
    for extension in list(resource, "/extension").chain(list(resource, "/meta/extension")) {
        of_extension(extension, 2, &mut labels);
    }
    labels
}

/// `Composition.confidentiality` and `DocumentReference.securityLabel`.
pub(super) fn confidentiality(code: Option<&Value>) -> Labels {
    match code.and_then(Value::as_str) {
        None | Some("U" | "L" | "M" | "N") => Labels::NONE,
        Some("V") => Labels::of(Label::VeryRestricted),
        Some(_) => Labels::of(Label::Restricted),
    }
}

/// `securityLabel`: a list of concepts, each read as `meta.security` is.
pub(super) fn security_labels(resource: &Value) -> Labels {
    list(resource, "/securityLabel").flat_map(|concept| list(concept, "/coding")).filter_map(of_security).collect()
}
