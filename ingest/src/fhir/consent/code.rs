//! Codes of FHIR consents and what they are here, both ways.
//!
//! A code that is not in these tables is not guessed at: the consent that needs it is refused.

use model::{Category, CategorySet, Label, Labels, Purpose};

/// Systems of the standard.
pub(super) const SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
pub(super) const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
pub(super) const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
pub(super) const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
pub(super) const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
pub(super) const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
pub(super) const ACTION: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
pub(super) const RESOURCE_TYPE: &str = "http://hl7.org/fhir/resource-types";
pub(super) const LOINC: &str = "http://loinc.org";
/// Departments as SS-MIX2 numbers them.
pub(super) const SS_MIX2_DEPARTMENT: &str = "http://jami.jp/SS-MIX2/CodeSystem/ClinicalDepartment";

/// Systems of our own, for what the standard has no code for.
pub(in crate::fhir) const OWN_FACILITY: &str = "urn:ajisai:facility";
pub(super) const OWN_MEMBER: &str = "urn:ajisai:member";
pub(super) const OWN_PATIENT: &str = "urn:ajisai:patient-number:";
pub(super) const OWN_CONSENT: &str = "urn:ajisai:consent";
pub(super) const OWN_CATEGORY: &str = "urn:ajisai:category";
pub(super) const OWN_LABEL: &str = "urn:ajisai:label";
pub(super) const OWN_ROLE: &str = "urn:ajisai:role";
pub(super) const OWN_DEPARTMENT: &str = "urn:ajisai:department";
pub(super) const OWN_SIGNER: &str = "urn:ajisai:signer";
pub(super) const OWN_POLICY: &str = "urn:ajisai:policy:opt-in";
/// Before the names of our extensions; none of them says what is permitted.
pub(super) const OWN_EXTENSION: &str = "urn:ajisai:consent:";

/// Where IHE Privacy Consent on FHIR keeps its profiles.
pub(super) const PCF_PROFILE: &str = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/";

/// A purpose of ActReason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// One of this network's.
    Here(Purpose),
    /// One that nobody can ask for here, and that none of ours is a kind of or has as a kind.
    Never,
}

/// A purpose; `None` for a code whose relation to ours is not known.
pub(super) fn purpose(system: &str, code: &str) -> Option<Asked> {
    if system != ACT_REASON {
        return None;
    }
    if matches!(code, "HPAYMT" | "HMARKT") {
        return Some(Asked::Never);
    }
    code.parse().ok().map(Asked::Here)
}

/// A confidentiality level that this network tells apart from others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Level {
    /// No label that needs saying.
    Normal,
    /// Some label that needs saying, and not `V`.
    Restricted,
    /// The label `V`.
    VeryRestricted,
}

/// What a security label of a provision selects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Marked {
    /// Records of a confidentiality.
    Level(Level),
    /// Records that carry one of these labels.
    Any(Labels),
}

/// A security label; `None` for one finer than ours, or not known.
pub(super) fn label(system: &str, code: &str) -> Option<Marked> {
    let only = |label| Some(Marked::Any(Labels::of(label)));
    match (system, code) {
        (CONFIDENTIALITY, "N") => Some(Marked::Level(Level::Normal)),
        (CONFIDENTIALITY, "R") => Some(Marked::Level(Level::Restricted)),
        (CONFIDENTIALITY, "V") => Some(Marked::Level(Level::VeryRestricted)),
        (ACT_CODE, "HIV") => only(Label::Hiv),
        (ACT_CODE, "PSY") => only(Label::Psy),
        (ACT_CODE, "STD") => only(Label::Std),
        (ACT_CODE, "SDV") => only(Label::Sdv),
        (ACT_CODE, "GDIS") => only(Label::Gdis),
        (ACT_CODE, "ETH") => only(Label::Eth),
        (ACT_CODE, "SEX") => only(Label::Repro),
        // Behavioural health is above psychiatry and substance use.
        (ACT_CODE, "BH") => Some(Marked::Any(Labels::of(Label::Bh).with(Label::Psy).with(Label::Eth))),
        (OWN_LABEL, code) => code.parse().ok().and_then(only),
        _ => None,
    }
}

/// The code that selects exactly the records with this label.
pub(super) fn label_code(label: Label) -> (&'static str, &'static str) {
    match label {
        Label::Hiv | Label::Psy | Label::Std | Label::Sdv | Label::Gdis | Label::Eth => (ACT_CODE, label.code()),
        Label::Repro => (ACT_CODE, "SEX"),
        // `BH` would select more, `R` and `V` are levels in the standard, and the tags are no codes of it.
        _ => (OWN_LABEL, label.code()),
    }
}

/// The resource types in which a category's records are held where they are FHIR.
const fn types_of(category: Category) -> &'static [&'static str] {
    match category {
        Category::Patient => &["Patient"],
        Category::Laboratory | Category::VitalSign | Category::Waveform | Category::Perinatal => &["Observation"],
        Category::Condition => &["Condition"],
        Category::Allergy => &["AllergyIntolerance"],
        Category::Medication => {
            &["MedicationRequest", "MedicationDispense", "MedicationAdministration", "MedicationStatement"]
        }
        Category::Encounter => &["Encounter"],
        Category::Document => &["DocumentReference", "DiagnosticReport", "Composition"],
        Category::Imaging => &["ImagingStudy"],
        Category::CarePlan => &["CarePlan"],
        Category::Message => &["Communication"],
        Category::Immunization => &["Immunization"],
    }
}

/// The categories of a list of classes. `Err` gives the place of a class that is not known, or that is part of a
/// category whose other parts are not in the list.
pub(super) fn categories<'a>(classes: &[(&'a str, &'a str)]) -> Result<CategorySet, usize> {
    let mut set = CategorySet::NONE;
    for (place, (system, code)) in classes.iter().enumerate() {
        match *system {
            OWN_CATEGORY => set = set.with(code.parse().map_err(|_| place)?),
            RESOURCE_TYPE => {
                let mut known = false;
                for category in Category::ALL.iter().filter(|category| types_of(**category).contains(code)) {
                    known = true;
                    if !types_of(*category).iter().all(|part| classes.contains(&(RESOURCE_TYPE, part))) {
                        return Err(place);
                    }
                    set = set.with(*category);
                }
                if !known {
                    return Err(place);
                }
            }
            _ => return Err(place),
        }
    }
    Ok(set)
}
