use super::export::for_facility;
use super::*;
use ledger::Entry;
use model::{
    ActId, AuditOutcome, Category, Digest, Frontier, Moment, PatientNumber, Position, Purpose, Reading, Receipt, Salt,
    What,
};
use proptest::prelude::*;

fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
fn patient(at: &str, number: &str) -> PatientRef {
    PatientRef::new(facility(at), PatientNumber::parse(number).unwrap())
}
fn principal(at: &str, role: Role) -> Principal {
    Principal { facility: facility(at), member: None, role, purpose: Purpose::Treatment }
}
fn at() -> Moment {
    Moment::from_micros(1_780_000_000_000_000).unwrap()
}
fn entry(by: &str, what: What, shown: &[PatientRef]) -> Entry {
    let mut reading = Reading::begin(ActId(1), &principal(by, Role::System), what, at());
    shown.iter().for_each(|patient| reading.rows(patient, Category::Laboratory, 2));
    let event = reading.finish(at(), AuditOutcome::Completed, || Salt::from_bytes([1; 32])).remove(0);
    Entry { position: Position::new(0, 3), event }
}
fn query() -> What {
    What::Query { statement: Digest::from_bytes([7; 32]), seen: Frontier::start() }
}

#[test]
fn a_facility_speaks_for_its_own_patients_and_a_patient_for_nobody() {
    assert!(speaks_for(&principal("nmc", Role::Clerk), &facility("nmc")));
    assert!(speaks_for(&principal("nmc", Role::Auditor), &facility("nmc")));
    assert!(!speaks_for(&principal("nmc", Role::Patient), &facility("nmc")));
    assert!(!speaks_for(&principal("sato", Role::Physician), &facility("nmc")));
    assert!(!speaks_for(&principal("sato", Role::Administrator), &facility("nmc")));
}

#[test]
fn a_text_is_in_the_language_asked_for_and_in_both_where_none_is() {
    let said = |language: i32| languages(language).map(|found| texts(found, |each| format!("{each:?}")));
    assert_eq!(said(0).unwrap(), "Japanese\nEnglish");
    assert_eq!((said(1).unwrap().as_str(), said(2).unwrap().as_str()), ("Japanese", "English"));
    assert_eq!(said(3).unwrap_err().code(), tonic::Code::InvalidArgument);
}

proptest! {
    #[test]
    fn a_facility_is_told_of_no_patient_that_is_neither_its_own_nor_was_shown_to_it(
        by in prop::sample::select(vec!["sato", "nmc", "kita", "nm"]),
        shown in prop::collection::vec(prop::sample::select(vec![
            ("nmc", "1"), ("nmc", "2"), ("kita", "1"), ("nm", "1"),
        ]), 0..5),
        told in prop::sample::select(vec!["sato", "nmc", "kita", "nm", "ueda"]),
    ) {
        let shown: Vec<PatientRef> = shown.into_iter().map(|(at, number)| patient(at, number)).collect();
        let whole = entry(by, query(), &shown);
        prop_assert_eq!(for_facility(whole.clone(), None), Some(whole.clone()));
        let part = for_facility(whole.clone(), Some(&facility(told)));
        let own: std::collections::BTreeSet<&PatientRef> =
            shown.iter().filter(|patient| by == told || patient.facility().as_str() == told).collect();
        prop_assert_eq!(part.is_some(), by == told || !own.is_empty());
        if let Some(part) = part {
            prop_assert_eq!(part.event.patients().collect::<Vec<_>>(), own.iter().copied().collect::<Vec<_>>());
            for patient in own {
                prop_assert_eq!(part.event.shown.of(patient), whole.event.shown.of(patient));
            }
        }
    }
}

#[test]
fn a_receipt_is_for_the_patients_own_facility() {
    let receipt = Receipt {
        consent: ConsentId::parse("c-1").unwrap(),
        patient: patient("nmc", "1"),
        position: Position::new(1, 1),
        withdrawn_at: at(),
        hidden: [(facility("sato"), model::Counts::default())].into(),
        queries_passed: None,
        feeds_passed: None,
        exports_passed: None,
    };
    let entry = entry("office", What::Receipt(Box::new(receipt)), &[]);
    assert!(for_facility(entry.clone(), Some(&facility("nmc"))).is_some());
    assert!(for_facility(entry, Some(&facility("sato"))).is_none());
}
