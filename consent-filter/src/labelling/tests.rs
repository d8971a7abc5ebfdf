use super::*;
use model::{
    Author, ChangeKind, Condition, DepartmentCode, FacilityId, LabResult, LabStatus, Moment, PatientNumber, PatientRef,
    RecordId, Role, Version,
};

fn record(payload: Payload, department: &str, labels: Labels) -> Record {
    let at = Moment::parse("2026-04-01").unwrap();
    Record::new(
        PatientRef::new(FacilityId::parse("h").unwrap(), PatientNumber::parse("1").unwrap()),
        RecordId::parse("r").unwrap(),
        Version::FIRST,
        payload.category(),
        at,
        at,
        labels,
        DepartmentCode::parse(department).ok(),
        Author { member: None, role: Role::System },
        ChangeKind::Upsert,
        Some(payload),
    )
    .unwrap()
}
fn coding(system: CodeSystem, code: &str) -> Coding {
    Coding { system, code: code.to_owned(), display: String::new() }
}
fn condition(code: &str) -> Record {
    let code = coding(CodeSystem::Icd10, code);
    let condition = Condition { code, clinical_status: String::new(), suspected: false, onset: None, abated: None };
    record(Payload::Condition(condition), "", Labels::NONE)
}
fn result(code: &str) -> Record {
    let result = LabResult {
        code: coding(CodeSystem::Jlac10, code),
        value: Value::Text("(-)".to_owned()),
        reference_low: None,
        reference_high: None,
        flag: String::new(),
        specimen: String::new(),
        status: LabStatus::Final,
        order: String::new(),
        note: String::new(),
    };
    record(Payload::Laboratory(result), "", Labels::NONE)
}
fn set(labels: &[Label]) -> Labels {
    labels.iter().copied().collect()
}

#[test]
fn each_rule_adds_its_labels_and_stops_at_its_edges() {
    use Label::{Eth, Gdis, Hiv, Psy, Repro, Restricted, Sdv, Std};
    for (code, labels) in [
        ("B19", &[][..]),
        ("B20", &[Hiv, Restricted]),
        ("B24", &[Hiv, Restricted]),
        ("B24.2", &[Hiv, Restricted]),
        ("b24", &[Hiv, Restricted]),
        ("B25", &[]),
        ("Z21", &[Hiv, Restricted]),
        ("A49.9", &[]),
        ("A50", &[Std]),
        ("A64", &[Std]),
        ("A65", &[]),
        ("E99", &[]),
        ("F00", &[Psy, Restricted]),
        ("F09", &[Psy, Restricted]),
        ("F10.2", &[Psy, Restricted, Eth]),
        ("F19", &[Psy, Restricted, Eth]),
        ("F20", &[Psy, Restricted]),
        ("F99", &[Psy, Restricted]),
        ("G00", &[]),
        ("O02", &[]),
        ("O03", &[Repro, Restricted]),
        ("O08.9", &[Repro, Restricted]),
        ("O09", &[]),
        ("T74.2", &[Sdv, Restricted]),
        ("T74.1", &[]),
        ("Y05", &[Sdv, Restricted]),
        ("Y05.0", &[Sdv, Restricted]),
        ("Z04.4", &[Sdv, Restricted]),
        ("Z04.5", &[]),
        ("F", &[]),
        ("", &[]),
    ] {
        assert_eq!(added_labels(&condition(code)), set(labels), "{code}");
    }
    for (code, labels) in [
        ("5F500149002302311", &[Hiv, Restricted][..]),
        ("5F560000002305211", &[Hiv, Restricted]),
        ("5F016141002302301", &[]),
        ("5E074135002301111", &[Std]),
        ("5E075135002301111", &[Std]),
        ("8B400000001980111", &[Gdis]),
        ("8C051000001980111", &[Gdis]),
        ("8A065000002391901", &[]),
        ("3D046000001920402", &[]),
    ] {
        assert_eq!(added_labels(&result(code)), set(labels), "{code}");
    }
}

#[test]
fn every_record_of_psychiatry_is_psychiatric_but_the_patients_address() {
    let Some(payload) = result("3D046000001920402").payload().cloned() else { return };
    let of = |department| added_labels(&record(payload.clone(), department, Labels::NONE));
    assert_eq!(of("02"), PSY);
    assert_eq!(of("021"), PSY);
    assert_eq!((of("01"), of("0"), of("0210")), (Labels::NONE, Labels::NONE, Labels::NONE));
    let who = model::Demographics {
        name: String::new(),
        kana: String::new(),
        birth_date: None,
        sex: model::Sex::Unknown,
        postal_code: String::new(),
        address: String::new(),
        deceased: None,
    };
    assert_eq!(added_labels(&record(Payload::Patient(who), "02", Labels::NONE)), Labels::NONE);
}

#[test]
fn a_code_of_another_system_says_nothing() {
    let code = coding(CodeSystem::Local, "B20");
    let condition = Condition { code, clinical_status: String::new(), suspected: false, onset: None, abated: None };
    assert_eq!(added_labels(&record(Payload::Condition(condition), "", Labels::NONE)), Labels::NONE);
}

#[test]
fn what_the_source_said_stays_and_twice_is_as_once() {
    let said = Labels::of(Label::Uninformed).with(Label::Gdis);
    let Some(payload) = condition("B20").payload().cloned() else { return };
    let once = labelled(record(payload, "", said));
    assert_eq!(once.labels, said.union(HIV));
    assert_eq!(labelled(once.clone()), once);
}

#[test]
fn every_rule_names_its_source_and_adds_what_needs_saying() {
    for rule in RULES {
        assert!(!rule.source.is_empty() && !rule.labels.is_empty());
        assert!(rule.labels.is_subset(Labels::NEED_SAYING));
    }
}
