//! Each vocabulary's numbers mean the same on both sides.

use crate::error::Rule;
use crate::v1;
use crate::vocabulary::Vocabulary;

/// Number by number, the .proto's name of a value is its prefix and the model's variant name.
#[track_caller]
fn check<T: Vocabulary + std::fmt::Debug>(prefix: &str, wire_name: impl Fn(i32) -> Option<&'static str>) {
    for entry in T::WIRE {
        let number = entry.number();
        let variant = format!("{entry:?}");
        // `PerinatalCentre` is written PERINATAL_CENTRE, `FetalHeartRate(1)` has a short name of its own.
        let mut expected = prefix.to_owned();
        for c in variant.chars() {
            if c.is_ascii_uppercase() {
                expected.push('_');
            }
            expected.push(c.to_ascii_uppercase());
        }
        assert_eq!(wire_name(number), Some(expected.as_str()), "number {number}");
        assert_eq!(T::from_number(number), Ok(*entry));
    }
    let past = i32::try_from(T::WIRE.len()).unwrap() + 1;
    assert_eq!(wire_name(past), None, "the .proto lists more than the model");
    assert_eq!(T::from_number(0), Err(Rule::Required));
    for number in [past, -1, i32::MIN, i32::MAX] {
        assert_eq!(T::from_number(number), Err(Rule::UnknownNumber { vocabulary: T::NAME, number }));
    }
}

macro_rules! vocabularies {
    ($($test:ident: $name:ident, $prefix:literal;)+) => {
        $(#[test]
        fn $test() {
            check::<model::$name>($prefix, |number| v1::$name::try_from(number).ok().map(|it| it.as_str_name()));
        })+
    };
}

vocabularies! {
    categories_have_the_same_numbers: Category, "CATEGORY";
    labels_have_the_same_numbers: Label, "LABEL";
    facility_kinds_have_the_same_numbers: FacilityKind, "FACILITY_KIND";
    roles_have_the_same_numbers: Role, "ROLE";
    purposes_have_the_same_numbers: Purpose, "PURPOSE";
    signers_have_the_same_numbers: Signer, "SIGNER";
    audit_outcomes_have_the_same_numbers: AuditOutcome, "AUDIT_OUTCOME";
    consent_states_have_the_same_numbers: ConsentState, "CONSENT_STATE";
    provision_kinds_have_the_same_numbers: ProvisionKind, "PROVISION_KIND";
    review_outcomes_have_the_same_numbers: ReviewOutcome, "REVIEW_OUTCOME";
    choices_for_guardians_consents_have_the_same_numbers: GuardianConsents, "GUARDIAN_CONSENTS";
    link_evidence_has_the_same_numbers: LinkEvidence, "LINK_EVIDENCE";
    laboratory_statuses_have_the_same_numbers: LabStatus, "LAB_STATUS";
    encounter_classes_have_the_same_numbers: EncounterClass, "ENCOUNTER_CLASS";
    immunization_statuses_have_the_same_numbers: ImmunizationStatus, "IMMUNIZATION_STATUS";
    sexes_have_the_same_numbers: Sex, "SEX";
    change_kinds_have_the_same_numbers: ChangeKind, "CHANGE_KIND";
    facility_statuses_have_the_same_numbers: FacilityStatus, "FACILITY_STATUS";
}

#[test]
fn waveform_channels_have_the_same_numbers() {
    for channel in model::WaveformChannel::WIRE {
        let name = v1::WaveformChannel::from(*channel).as_str_name();
        assert_eq!(name, format!("WAVEFORM_CHANNEL_{}", channel.code().to_uppercase()));
        assert_eq!(v1::WaveformChannel::from(*channel) as i32, channel.number());
        assert_eq!(model::WaveformChannel::from_number(channel.number()), Ok(*channel));
    }
    assert!(v1::WaveformChannel::try_from(11).is_err());
    assert!(model::WaveformChannel::from_number(11).is_err());
}

#[test]
fn a_vocabulary_goes_out_and_comes_back_as_its_twin() {
    for category in model::Category::ALL {
        let twin = v1::Category::from(*category);
        assert_eq!(model::Category::try_from(twin), Ok(*category));
    }
    assert_eq!(model::Category::try_from(v1::Category::Unspecified), Err(Rule::Required));
}
