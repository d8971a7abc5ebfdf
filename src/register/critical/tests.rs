use super::*;
use crate::register::sites::Stated;
use crate::register::tests::{at, patient};
use model::{Author, Category, Labels, RecordId, Role, Version};

/// Potassium in serum, written down an hour after it was taken.
fn potassium(value: Value, status: LabStatus) -> Record {
    let code = Coding { system: CodeSystem::Loinc, code: "2823-3".to_owned(), display: String::new() };
    let lab = LabResult {
        code,
        value,
        reference_low: None,
        reference_high: None,
        flag: String::new(),
        specimen: String::new(),
        status,
        order: String::new(),
        note: String::new(),
    };
    let author = Author { member: None, role: Role::LaboratoryStaff };
    let id = RecordId::parse("r-1").unwrap();
    let payload = Some(Payload::Laboratory(lab));
    let (upsert, of) = (ChangeKind::Upsert, patient("lab", "1"));
    Record::new(of, id, Version::FIRST, Category::Laboratory, at(0), at(1), Labels::NONE, None, author, upsert, payload)
        .unwrap()
}
fn quantity(value: f64, comparator: &str) -> Value {
    Value::Quantity { value, unit: "mmol/L".to_owned(), comparator: comparator.to_owned() }
}
fn bound(value: Value, admitted: i64) -> Option<&'static str> {
    let alarm = Alarm::of(&potassium(value, LabStatus::Final), at(admitted), SiteTables::shipped());
    alarm.map(|alarm| alarm.bound.code())
}

#[test]
fn a_value_beyond_the_limits_raises_an_alarm_and_one_that_may_be_does_not() {
    assert_eq!(bound(quantity(6.0, ""), 2), Some("high"));
    assert_eq!(bound(quantity(2.4, ""), 2), Some("low"));
    assert_eq!(bound(Value::Text("7.1 mmol/L".to_owned()), 2), Some("high"));
    assert_eq!(bound(quantity(4.0, ""), 2), None);
    assert_eq!(bound(quantity(8.0, "<"), 2), None);
    assert_eq!(bound(Value::Absent("pending".to_owned()), 2), None);
    let alarm = Alarm::of(&potassium(quantity(6.0, ""), LabStatus::Preliminary), at(2), SiteTables::shipped()).unwrap();
    assert_eq!(alarm.item.key, "potassium");
    assert_eq!(Alarm::of(&potassium(quantity(6.0, ""), LabStatus::Cancelled), at(2), SiteTables::shipped()), None);
}

#[test]
fn an_old_result_raises_none() {
    assert_eq!(bound(quantity(6.5, ""), 1 + 72), Some("high"), "a line may be cut for three days");
    assert_eq!(bound(quantity(6.5, ""), 2 + 72), None);
    let mut measured_long_ago = potassium(quantity(6.5, ""), LabStatus::Final);
    measured_long_ago.occurred = at(-8 * 24);
    assert_eq!(Alarm::of(&measured_long_ago, at(2), SiteTables::shipped()), None);
}

#[test]
fn a_facilitys_own_limits_and_times_hold_from_when_they_were_admitted() {
    let stated = |offset, hour, kind, cells: &[&str]| {
        let row = cells.iter().map(|cell| (*cell).to_owned()).collect();
        let table = model::LabTable::new(patient("lab", "1").facility().clone(), kind, vec![row]).unwrap();
        (model::Position::new(0, offset), at(hour), table)
    };
    let stated_all = [
        stated(0, 1, model::LabTableKind::Critical, &["potassium", "2.5", "5.5"]),
        stated(1, 1, model::LabTableKind::Settings, &["critical-acknowledge-minutes", "15"]),
        stated(2, 9, model::LabTableKind::Critical, &["potassium", "2.5", "7.0"]),
    ];
    let held = Stated::default();
    // Read again after a restart, they are the same.
    for (position, at, table) in stated_all.iter().chain(&stated_all) {
        held.apply(*position, *at, table);
    }
    let record = potassium(quantity(5.8, ""), LabStatus::Final);
    let lab = record.patient.facility();
    let alarm = |hour| Alarm::of(&record, at(hour), &held.at(lab, at(hour)));
    assert_eq!(alarm(0), None, "what is shipped begins at 6.0");
    assert_eq!(alarm(2).map(|alarm| alarm.policy.acknowledge_minutes), Some(15));
    assert_eq!(alarm(9), None);
    let other = patient("other", "1");
    assert_eq!(*held.at(other.facility(), at(2)).critical(), clinical::lab::CriticalTable::shipped());
}
