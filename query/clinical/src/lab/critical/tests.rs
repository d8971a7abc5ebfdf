use super::*;
use crate::lab::{Expect, Interval, Item, ResultText};
use model::Moment;
use proptest::prelude::*;

fn detect(table: &CriticalTable, key: &str, value: &str) -> Option<Detection> {
    let span = ResultText::read(value, Expect::Quantity).span().unwrap();
    table.detect(Item::by_key(key).unwrap(), span)
}

fn decimal(text: &str) -> rust_decimal::Decimal {
    text.parse().unwrap()
}

#[test]
fn the_shipped_limits_are_critical_themselves() {
    let table = CriticalTable::shipped();
    assert_eq!(detect(&table, "potassium", "6.0"), Some(Detection::High));
    assert_eq!(detect(&table, "potassium", "5.9"), Some(Detection::No));
    assert_eq!(detect(&table, "potassium", "2.5"), Some(Detection::Low));
    assert_eq!(detect(&table, "platelets", "30"), Some(Detection::Low));
    assert_eq!(detect(&table, "wbc", "20"), Some(Detection::High));
    assert_eq!(detect(&table, "creatinine", "0.1"), Some(Detection::No), "no lower limit");
    assert_eq!(detect(&table, "albumin", "0.1"), None, "no limits at all");
}

#[test]
fn niigata_begins_beyond_its_limits() {
    let table = CriticalTable::niigata();
    assert_eq!(detect(&table, "potassium", "6.0"), Some(Detection::No));
    assert_eq!(detect(&table, "potassium", "6.1"), Some(Detection::High));
    assert_eq!(detect(&table, "sodium", "124"), Some(Detection::Low));
}

#[test]
fn a_bound_is_critical_only_when_that_is_certain() {
    let table = CriticalTable::shipped();
    assert_eq!(detect(&table, "potassium", ">7.0"), Some(Detection::High));
    assert_eq!(detect(&table, "potassium", "100<"), Some(Detection::High));
    assert_eq!(detect(&table, "potassium", "<8.0"), Some(Detection::CannotBeSaid));
    assert_eq!(detect(&table, "glucose", "20未満"), Some(Detection::Low));
}

#[test]
fn a_facility_replaces_adds_and_takes_out_rows() {
    let limits = |low: &str, high: &str| Interval::closed(Some(decimal(low)), Some(decimal(high)));
    let table = CriticalTable::shipped()
        .with("h-2", [("potassium", limits("3.0", "5.5")), ("albumin", limits("1.5", "9")), ("ast", None)])
        .unwrap();
    assert_eq!(table.version(), "h-2");
    assert_eq!(detect(&table, "potassium", "5.6"), Some(Detection::High));
    assert_eq!(detect(&table, "albumin", "1.4"), Some(Detection::Low));
    assert_eq!(detect(&table, "ast", "9999"), None);
    assert!(table.row(Item::by_key("potassium").unwrap()).unwrap().source.is_none());
    assert!(table.row(Item::by_key("sodium").unwrap()).unwrap().source.is_some());
    let error = CriticalTable::shipped().with("x", [("sugar", None)]).unwrap_err();
    assert_eq!(error, CriticalError::Item { key: "sugar".to_owned() });
    let reversed = Interval { low: Some((decimal("5"), true)), high: Some((decimal("1"), true)) };
    assert!(CriticalTable::shipped().with("x", [("ast", Some(reversed))]).is_err());
}

#[test]
fn every_shipped_row_names_an_item_with_a_unit() {
    for table in [CriticalTable::kakogawa(), CriticalTable::niigata()] {
        let known = crate::lab::ITEMS.iter().filter(|item| table.row(item).is_some());
        assert_eq!(known.filter(|item| !item.unit.is_empty()).count(), 12);
    }
}

fn at(minutes: i64) -> Moment {
    Moment::from_micros(1_800_000_000_000_000 + minutes * 60_000_000).unwrap()
}

fn event(minutes: i64, step: AlertStep) -> AlertEvent {
    AlertEvent { at: at(minutes), step }
}

fn notified(minutes: i64) -> AlertEvent {
    event(minutes, AlertStep::Notified { whom: "dr-a".to_owned() })
}

fn escalated(events: &[AlertEvent], minutes: i64) -> Option<u32> {
    let alert = Alert::at(events, at(minutes)).unwrap();
    alert.escalation(EscalationPolicy::default(), at(minutes)).map(|escalation| escalation.level)
}

#[test]
fn it_goes_from_detected_to_acted() {
    let events = [
        event(0, AlertStep::Detected),
        notified(5),
        event(20, AlertStep::Acknowledged { by: "dr-a".to_owned() }),
        event(40, AlertStep::Acted { by: "dr-a".to_owned() }),
    ];
    let state = |minutes| Alert::at(&events, at(minutes)).map(|alert| alert.state());
    assert_eq!(state(-1), None);
    assert_eq!(state(0), Some(AlertState::Detected));
    assert_eq!(state(19), Some(AlertState::Notified));
    assert_eq!(state(20), Some(AlertState::Acknowledged));
    assert_eq!(state(40), Some(AlertState::Acted));
    let alert = Alert::at(&events, at(50)).unwrap();
    assert_eq!((alert.acknowledged(), alert.acted()), (Some((at(20), "dr-a")), Some((at(40), "dr-a"))));
    assert_eq!(alert.told(), [(at(5), "dr-a".to_owned())]);
}

#[test]
fn what_is_not_acknowledged_escalates_every_hour() {
    let events = [event(0, AlertStep::Detected)];
    assert_eq!(escalated(&events, 59), None);
    assert_eq!(escalated(&events, 60), Some(1));
    assert_eq!(escalated(&events, 125), Some(2));
    let told = [event(0, AlertStep::Detected), notified(50)];
    assert_eq!(escalated(&told, 109), None, "the time runs again from the notification");
    assert_eq!(escalated(&told, 110), Some(1));
    let alert = Alert::at(&told, at(110)).unwrap();
    let policy = EscalationPolicy::default();
    assert_eq!(alert.escalation(policy, at(110)).unwrap().due, at(110));
    assert_eq!(alert.next_escalation(policy, at(110)), Some(at(170)));
    assert_eq!(alert.next_escalation(policy, at(60)), Some(at(110)));
}

#[test]
fn what_is_acknowledged_and_not_acted_on_escalates_too() {
    let events = [event(0, AlertStep::Detected), event(10, AlertStep::Acknowledged { by: "dr-b".to_owned() })];
    assert_eq!(escalated(&events, 69), None);
    assert_eq!(escalated(&events, 70), Some(1));
    let quick = EscalationPolicy { acknowledge_minutes: 15, act_minutes: 30 };
    let alert = Alert::at(&events, at(40)).unwrap();
    assert_eq!(alert.escalation(quick, at(40)).map(|escalation| escalation.level), Some(1));
}

#[test]
fn a_withdrawn_value_is_due_no_more_and_may_come_again() {
    let mut events = vec![event(0, AlertStep::Detected), notified(5), event(10, AlertStep::Withdrawn)];
    let alert = Alert::at(&events, at(200)).unwrap();
    assert_eq!((alert.state(), alert.told().len()), (AlertState::Withdrawn, 1));
    assert_eq!(alert.escalation(EscalationPolicy::default(), at(200)), None);
    assert_eq!(alert.next_escalation(EscalationPolicy::default(), at(200)), None);
    events.push(event(100, AlertStep::Detected));
    let again = Alert::at(&events, at(200)).unwrap();
    assert_eq!((again.state(), again.detected_at()), (AlertState::Detected, at(100)));
}

fn steps() -> impl Strategy<Value = AlertEvent> {
    let who = prop_oneof![Just("dr-a".to_owned()), Just("dr-b".to_owned())];
    let step = prop_oneof![
        Just(AlertStep::Detected),
        who.clone().prop_map(|whom| AlertStep::Notified { whom }),
        who.clone().prop_map(|by| AlertStep::Acknowledged { by }),
        who.prop_map(|by| AlertStep::Acted { by }),
        Just(AlertStep::Withdrawn),
    ];
    (0_i64..300, step).prop_map(|(minutes, step)| event(minutes, step))
}

proptest! {
    /// The order of arrival, and arriving twice, change nothing.
    #[test]
    fn the_order_of_arrival_changes_nothing(events in proptest::collection::vec(steps(), 0..8), seed in any::<u64>(), now in 0_i64..400) {
        let expected = Alert::at(&events, at(now));
        let mut shuffled: Vec<_> = events.iter().chain(&events).cloned().collect();
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
        }
        prop_assert_eq!(Alert::at(&shuffled, at(now)), expected);
    }

    /// What happens later does not change what held before.
    #[test]
    fn the_future_does_not_change_the_past(events in proptest::collection::vec(steps(), 0..8), now in 0_i64..300) {
        let until: Vec<_> = events.iter().filter(|event| event.at <= at(now)).cloned().collect();
        prop_assert_eq!(Alert::at(&events, at(now)), Alert::at(&until, at(now)));
    }

    /// Escalation is due from `next_escalation` on, and not a microsecond earlier.
    #[test]
    fn the_next_escalation_is_when_the_level_rises(events in proptest::collection::vec(steps(), 1..6), now in 300_i64..400) {
        let policy = EscalationPolicy { acknowledge_minutes: 7, act_minutes: 11 };
        let Some(alert) = Alert::at(&events, at(now)) else { return Ok(()) };
        let Some(next) = alert.next_escalation(policy, at(now)) else { return Ok(()) };
        let level = |moment| alert.escalation(policy, moment).map_or(0, |escalation| escalation.level);
        prop_assert!(next > at(now));
        prop_assert_eq!(level(next), level(next.plus_micros(-1)) + 1);
        prop_assert_eq!(level(next.plus_micros(-1)), level(at(now)));
    }
}
