use super::super::code::{self, Asked, Level, Marked};
use super::*;

const REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
const ACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const TYPE: &str = "http://hl7.org/fhir/resource-types";

#[test]
fn each_purpose_of_the_network_has_its_code_and_a_foreign_one_has_none() {
    for purpose in Purpose::ALL {
        assert_eq!(code::purpose(REASON, purpose.code()), Some(Asked::Here(*purpose)));
    }
    assert_eq!(code::purpose(REASON, "HPAYMT"), Some(Asked::Never));
    // HLEGAL is a kind of HOPERAT, PurposeOfUse is above all: neither is equal to one of ours nor apart from all.
    for (system, unknown) in [(REASON, "HLEGAL"), (REASON, "PurposeOfUse"), ("http://example.org/policies", "TREAT")] {
        assert_eq!(code::purpose(system, unknown), None, "{unknown}");
    }
}

#[test]
fn a_label_goes_out_as_a_code_that_selects_it_and_nothing_else() {
    for label in Label::ALL {
        let (system, text) = code::label_code(*label);
        assert_eq!(code::label(system, text), Some(Marked::Any(Labels::of(*label))), "{label}");
    }
    let behavioural = [Label::Bh, Label::Psy, Label::Eth].into_iter().collect();
    assert_eq!(code::label(ACT, "BH"), Some(Marked::Any(behavioural)), "what is below a code counts as it");
    assert_eq!(code::label(CONFIDENTIALITY, "R"), Some(Marked::Level(Level::Restricted)));
}

#[test]
fn a_label_finer_than_ours_or_of_another_system_is_not_known() {
    for (system, text) in [(ACT, "ETHUD"), (ACT, "OPIOIDUD"), (ACT, "SPI"), (CONFIDENTIALITY, "L"), ("", "HIV")] {
        assert_eq!(code::label(system, text), None, "{text}");
    }
}

#[test]
fn classes_are_categories_where_they_make_up_whole_ones() {
    let of = |codes: &[&'static str]| code::categories(&codes.iter().map(|code| (TYPE, *code)).collect::<Vec<_>>());
    let observed = [Category::Laboratory, Category::VitalSign, Category::Waveform, Category::Perinatal];
    assert_eq!(of(&["Observation"]), Ok(observed.into_iter().collect()));
    assert_eq!(of(&["Condition", "Observation"]).map(|set| set.contains(Category::Condition)), Ok(true));
    assert_eq!(of(&["MedicationRequest"]), Err(0), "dispensing and injections are medication too");
    let all = ["MedicationRequest", "MedicationDispense", "MedicationAdministration", "MedicationStatement"];
    assert_eq!(of(&all), Ok(CategorySet::of(Category::Medication)));
    assert_eq!(of(&["Condition", "Claim"]), Err(1));
    for category in Category::ALL {
        assert_eq!(code::categories(&[("urn:ajisai:category", category.code())]), Ok(CategorySet::of(*category)));
    }
    assert_eq!(code::categories(&[("urn:ietf:bcp:13", "application/hl7-cda+xml")]), Err(0));
}

#[test]
fn reasons_and_remarks_have_codes_of_their_own() {
    let reasons: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(reasons.len(), Reason::ALL.len());
    let remarks: std::collections::BTreeSet<_> = Remark::ALL.iter().map(|remark| remark.code()).collect();
    assert_eq!(remarks.len(), Remark::ALL.len());
}
