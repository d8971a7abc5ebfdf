use super::*;
use crate::register::tests::{at, patient};
use model::{Author, Category, CodeSystem, LabResult, Labels, RecordId, Role};
use proptest::prelude::*;

/// A version as a source writes it: potassium of one patient ref, or its deletion.
#[derive(Debug, Clone, Copy)]
struct Wrote {
    version: u64,
    status: LabStatus,
    value: Option<f64>,
    patient: &'static str,
    deleted: bool,
}

const FINAL: Wrote = Wrote { version: 1, status: LabStatus::Final, value: Some(5.1), patient: "1", deleted: false };

fn record(wrote: Wrote) -> Record {
    let code = Coding { system: CodeSystem::Local, code: "K".to_owned(), display: "カリウム".to_owned() };
    let quantity = |value| Value::Quantity { value, unit: "mmol/L".to_owned(), comparator: String::new() };
    let lab = LabResult {
        code,
        value: wrote.value.map_or(Value::Absent("pending".to_owned()), quantity),
        reference_low: None,
        reference_high: None,
        flag: String::new(),
        specimen: String::new(),
        status: wrote.status,
        order: String::new(),
        note: String::new(),
    };
    Record::new(
        patient("lab", wrote.patient),
        RecordId::parse("r-1").unwrap(),
        model::Version::new(wrote.version).unwrap(),
        Category::Laboratory,
        at(0),
        at(0),
        Labels::NONE,
        None,
        Author { member: None, role: Role::LaboratoryStaff },
        if wrote.deleted { ChangeKind::Delete } else { ChangeKind::Upsert },
        Some(Payload::Laboratory(lab)),
    )
    .unwrap()
}

/// In the order given; every value of 6 and more raises an alarm.
fn arrivals(wrote: &[Wrote]) -> Vec<Arrival> {
    let item = clinical::lab::Item::by_key("potassium").unwrap();
    let each = (0..).zip(wrote).map(|(offset, wrote)| Arrival {
        position: Position::new(1, offset),
        admitted: at(0),
        record: record(*wrote),
        alarm: wrote.value.filter(|value| *value >= 6.0).map(|_| Alarm {
            item,
            bound: crate::register::critical::Bound::High,
            policy: clinical::lab::EscalationPolicy::default(),
        }),
    });
    each.collect()
}

/// What was put right: the versions that had said it, by which, how.
fn put_right(wrote: &[Wrote]) -> Vec<(Vec<usize>, usize, &'static str)> {
    let course = Course::of(&arrivals(wrote));
    course.corrected.into_iter().map(|one| (one.run, one.by, one.change.code())).collect()
}

fn alarms(wrote: &[Wrote]) -> Vec<(usize, Option<usize>)> {
    Course::of(&arrivals(wrote)).critical.into_iter().map(|one| (one.by, one.withdrawn)).collect()
}

#[test]
fn a_value_said_again_is_no_correction_and_another_one_is() {
    let preliminary = Wrote { status: LabStatus::Preliminary, ..FINAL };
    let again = Wrote { version: 2, ..FINAL };
    assert_eq!(put_right(&[preliminary, again]), []);
    let other = Wrote { version: 3, status: LabStatus::Corrected, value: Some(4.1), ..FINAL };
    assert_eq!(put_right(&[preliminary, again, other]), [(vec![0, 1], 2, "corrected")]);
    assert_eq!(put_right(&[FINAL, FINAL]), [], "the same version twice");
}

#[test]
fn cancelled_deleted_and_moved_results_are_put_right_and_what_had_no_value_is_not() {
    let cancelled = Wrote { version: 2, status: LabStatus::Cancelled, ..FINAL };
    assert_eq!(put_right(&[FINAL, cancelled]), [(vec![0], 1, "cancelled")]);
    let deleted = Wrote { version: 2, deleted: true, ..FINAL };
    assert_eq!(put_right(&[FINAL, deleted]), [(vec![0], 1, "deleted")]);
    let moved = Wrote { version: 2, patient: "2", ..FINAL };
    assert_eq!(put_right(&[FINAL, moved]), [(vec![0], 1, "moved")]);
    let pending = Wrote { value: None, status: LabStatus::Preliminary, ..FINAL };
    assert_eq!(put_right(&[pending, Wrote { version: 2, ..FINAL }]), []);
    let back = Wrote { version: 3, ..FINAL };
    assert_eq!(put_right(&[FINAL, cancelled, back]), [(vec![0], 1, "cancelled")], "it is told of once");
}

#[test]
fn an_older_version_that_comes_late_was_shown_to_nobody() {
    let third = Wrote { version: 3, status: LabStatus::Corrected, value: Some(4.1), ..FINAL };
    let second = Wrote { version: 2, status: LabStatus::Corrected, value: Some(4.5), ..FINAL };
    assert_eq!(put_right(&[FINAL, third, second]), [(vec![0], 1, "corrected")]);
    assert_eq!(put_right(&[third, FINAL, second]), []);
}

#[test]
fn a_preliminary_value_after_a_final_one_is_shown_and_is_put_right_by_what_follows() {
    let late = Wrote { version: 2, status: LabStatus::Preliminary, value: Some(9.9), ..FINAL };
    assert_eq!(put_right(&[FINAL, late]), [], "it changes nothing");
    let again = Wrote { version: 3, ..FINAL };
    assert_eq!(put_right(&[FINAL, late, again]), [(vec![1], 2, "corrected")]);
    let other = Wrote { version: 3, value: Some(4.0), ..FINAL };
    assert_eq!(put_right(&[FINAL, late, other]), [(vec![0, 1], 2, "corrected")]);
}

#[test]
fn an_alarm_lasts_as_long_as_its_value_stands() {
    let high = Wrote { value: Some(7.2), ..FINAL };
    let again = Wrote { version: 2, ..high };
    assert_eq!(alarms(&[high, again]), [(0, None)]);
    let normal = Wrote { version: 3, status: LabStatus::Corrected, ..FINAL };
    assert_eq!(alarms(&[high, again, normal]), [(0, Some(2))]);
    let higher = Wrote { version: 4, value: Some(8.0), ..FINAL };
    assert_eq!(alarms(&[high, again, normal, higher]), [(0, Some(2)), (3, None)]);
    assert_eq!(alarms(&[higher, high]), [(0, None)], "what comes late is not shown");
    assert_eq!(alarms(&[FINAL, Wrote { version: 2, status: LabStatus::Cancelled, ..high }]), []);
}

#[test]
fn letters_of_a_partition_keep_their_order_whatever_the_clock_says() {
    let letters = [(1, 0, 5), (1, 1, 3), (2, 0, 4), (2, 1, 9), (1, 2, 6)];
    let place = |(partition, offset, hour): &(u32, u64, i64)| (Position::new(*partition, *offset), at(*hour));
    let order: Vec<_> = in_order(letters.to_vec(), place).into_iter().map(|(p, o, _)| (p, o)).collect();
    assert_eq!(order, [(2, 0), (1, 0), (1, 1), (1, 2), (2, 1)]);
}

fn wrote() -> impl Strategy<Value = Wrote> {
    let status = prop::sample::select(&LabStatus::ALL[..]);
    let value = prop::sample::select(&[None, Some(4.1), Some(5.1), Some(7.2)][..]);
    (1..6_u64, status, value, prop::sample::select(&["1", "2"][..]), prop::bool::weighted(0.1))
        .prop_map(|(version, status, value, patient, deleted)| Wrote { version, status, value, patient, deleted })
}

proptest! {
    /// Whoever looked at any moment and heeds the notices is not left with a value that does not stand, unless a
    /// preliminary one stands aside of it.
    #[test]
    fn nobody_is_left_with_an_old_value(wrote in prop::collection::vec(wrote(), 1..8)) {
        let arrivals = arrivals(&wrote);
        let course = Course::of(&arrivals);
        let mut shown: Vec<usize> = Vec::new();
        for (at, arrival) in arrivals.iter().enumerate() {
            if shown.last().is_none_or(|last| arrivals[*last].record.version < arrival.record.version) {
                shown.push(at);
            }
        }
        let said = |at: usize| version(at, &arrivals[at].record);
        let last = said(*shown.last().unwrap());
        for looked in &shown {
            let then = said(*looked);
            let told = course.corrected.iter().any(|one| one.run.contains(looked));
            let right = then.value == last.value || then.value.value.is_none();
            let aside = last.status == LabStatus::Preliminary;
            prop_assert!(told || right || aside, "{:?} was shown, {:?} stands", then.value, last.value);
        }
    }

    /// What is put right was shown, and is put right once.
    #[test]
    fn every_version_is_put_right_at_most_once_by_a_later_one(wrote in prop::collection::vec(wrote(), 1..8)) {
        let course = Course::of(&arrivals(&wrote));
        let mut runs: Vec<usize> = course.corrected.iter().flat_map(|one| one.run.iter().copied()).collect();
        prop_assert!(course.corrected.iter().all(|one| one.run.iter().all(|at| *at < one.by)));
        let all = runs.len();
        runs.sort_unstable();
        runs.dedup();
        prop_assert_eq!(runs.len(), all);
        prop_assert!(course.critical.iter().all(|one| one.withdrawn.is_none_or(|by| by > one.by)));
    }
}
