use super::*;
use crate::diabetes::answer::{Reach, Standing};
use crate::diabetes::cohort::named;
use crate::diabetes::facts::Measure;
use crate::diabetes::testing::{any_facts, at, icd, reading, readings, visit};
use model::{CategorySet, FacilityId};
use proptest::prelude::*;

const DAY: i64 = 86_400_000_000;

fn of(key: &str) -> Vec<Cohort> {
    named().into_iter().filter(|one| one.key == key).collect()
}

fn roll(key: &str, remembered: usize) -> Roll<u8> {
    Roll::new(of(key), Tables::shared(), remembered)
}

fn person(rows: &[(&str, Measure, &str)]) -> Facts {
    Facts { diagnoses: vec![icd("2020-01-10", "E11.9", false), icd("2020-02-10", "E11.9", false)], ..readings(rows) }
}

fn steps(turned: &[Turned]) -> Vec<(Step, Cause)> {
    turned.iter().map(|one| (one.step, one.cause)).collect()
}

#[test]
fn a_result_makes_a_member_and_a_better_one_ends_it() {
    let mut roll = roll("poor-control", 10);
    let mut facts = person(&[("2026-09-01", Measure::Hba1c, "7.0")]);
    assert_eq!(roll.look(&1, Some(facts.clone()), at("2026-09-02"), None), []);
    facts.readings.push(reading("2026-10-01", Measure::Hba1c, "8.5"));
    let turned = roll.look(&1, Some(facts.clone()), at("2026-10-02"), Some(Cause::Result));
    assert_eq!(steps(&turned), [(Step::Enter, Cause::Result)]);
    let membership = roll.membership(0, &1).unwrap();
    assert_eq!((membership.since.at, membership.grounds.len()), (at("2026-10-01"), 2));
    facts.readings.push(reading("2026-10-20", Measure::Hba1c, "7.2"));
    let turned = roll.look(&1, Some(facts), at("2026-10-21"), None);
    assert_eq!(steps(&turned), [(Step::Leave, Cause::Result)]);
}

#[test]
fn what_the_cohort_does_not_look_at_is_no_reason() {
    let mut roll = roll("poor-control", 10);
    let weight = |day| reading(day, Measure::Weight, "70");
    let mut facts = person(&[("2026-09-01", Measure::Hba1c, "7.0")]);
    facts.readings.push(weight("2026-09-01"));
    roll.look(&1, Some(facts.clone()), at("2026-09-02"), None);
    // a weight is taken back and somebody comes by when the value is published
    facts.readings.pop();
    facts.visits.push(visit("2026-10-01"));
    facts.readings.push(reading("2026-10-01", Measure::Hba1c, "8.5"));
    let turned = roll.look(&1, Some(facts.clone()), at("2026-10-02"), None);
    assert_eq!(steps(&turned), [(Step::Enter, Cause::Result)]);
    // and when the value has become too old, another weight is new
    facts.readings.push(weight("2027-11-01"));
    let turned = roll.look(&1, Some(facts), at("2028-11-02"), None);
    assert_eq!(steps(&turned), [(Step::Leave, Cause::Time)]);
}

#[test]
fn what_is_not_remembered_is_said_as_it_was_told() {
    let mut roll = roll("poor-control", 0);
    let poor = person(&[("2026-10-01", Measure::Hba1c, "8.5")]);
    assert_eq!(steps(&roll.look(&1, Some(poor), at("2026-10-02"), Some(Cause::Drug))), [(Step::Enter, Cause::Drug)]);
    assert_eq!(steps(&roll.look(&1, None, at("2026-10-03"), Some(Cause::Link))), [(Step::Leave, Cause::Link)]);
    assert_eq!(roll.persons().len(), 0);
}

#[test]
fn facts_that_go_with_a_consent_were_not_corrected() {
    let reach = |open| Reach::new([(FacilityId::parse("hospital").unwrap(), Standing::Linked { open })]);
    let mut roll = roll("poor-control", 10);
    let poor = person(&[("2026-10-01", Measure::Hba1c, "8.5")]);
    let open = Facts { reach: reach(CategorySet::all()), ..poor.clone() };
    roll.look(&1, Some(open.clone()), at("2026-10-02"), None);
    // the categories stay open, one record of them is closed by a label
    let closed = Facts { readings: vec![], ..open };
    let turned = roll.look(&1, Some(closed), at("2026-10-03"), Some(Cause::Consent));
    assert_eq!(steps(&turned), [(Step::Leave, Cause::Consent)]);
}

#[test]
fn time_alone_wakes_who_is_due() {
    let mut roll = roll("lapsed-180", 10);
    let seen = Facts { visits: vec![visit("2026-04-01")], ..person(&[]) };
    roll.look(&1, Some(seen.clone()), at("2026-04-02"), None);
    assert_eq!(roll.due(at("2026-09-29").plus_micros(-1), 10), Vec::<u8>::new());
    assert_eq!((roll.due(at("2026-09-29"), 10), roll.next_due()), (vec![1], Some(at("2026-09-29"))));
    let turned = roll.look(&1, Some(seen), at("2026-09-29"), None);
    assert_eq!(steps(&turned), [(Step::Enter, Cause::Time)]);
}

#[test]
fn so_many_are_remembered_and_no_more() {
    let mut roll = roll("poor-control", 3);
    for look in 0..1_000_u32 {
        let who = if look % 2 == 0 { 0 } else { (look % 200) as u8 };
        roll.look(&who, Some(person(&[])), at("2026-10-02"), None);
    }
    assert!(roll.recent.len() == 3 && roll.order.len() < 80, "{} {}", roll.recent.len(), roll.order.len());
    assert!(roll.recent.contains_key(&0), "who was looked at last");
}

/// What happens in a little world.
#[derive(Clone, Debug)]
enum Happens {
    To(u8, Box<Facts>),
    Gone(u8),
    Days(i64),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0_u8..5, any_facts()).prop_map(|(who, facts)| Happens::To(who, Box::new(facts))),
        1 => (0_u8..5).prop_map(Happens::Gone),
        3 => (1_i64..200).prop_map(Happens::Days),
    ]
}

proptest! {
    /// Told of those to whom something happened, and asked who is due, the roll is what it is when everybody is asked anew; and
    /// what it said of entering and leaving leads there.
    #[test]
    fn the_roll_is_what_everybody_asked_anew_gives(world in prop::collection::vec(happens(), 1..14), remembered in 0_usize..6) {
        let (cohorts, tables) = (named(), Tables::shipped());
        let mut roll = Roll::new(cohorts.clone(), Tables::shared(), remembered);
        let (mut now, mut facts) = (at("2023-04-01"), BTreeMap::<u8, Facts>::new());
        let mut told: BTreeSet<(usize, u8)> = BTreeSet::new();
        for event in world {
            let mut turned = Vec::new();
            match event {
                Happens::To(who, new) => {
                    turned.push((who, roll.look(&who, Some((*new).clone()), now, None)));
                    facts.insert(who, *new);
                }
                Happens::Gone(who) => {
                    turned.push((who, roll.look(&who, None, now, None)));
                    facts.remove(&who);
                }
                Happens::Days(days) => {
                    now = now.plus_micros(days * DAY);
                    for who in roll.due(now, 10) {
                        turned.push((who, roll.look(&who, facts.get(&who).cloned(), now, None)));
                    }
                    prop_assert!(roll.due(now, 10).is_empty(), "who was looked at is due later");
                }
            }
            for (who, steps) in turned {
                for one in steps {
                    let fresh = match one.step {
                        Step::Enter => told.insert((one.cohort, who)),
                        Step::Leave => told.remove(&(one.cohort, who)),
                    };
                    prop_assert!(fresh, "{:?} {who} twice", one.step);
                }
            }
            for (place, cohort) in cohorts.iter().enumerate() {
                let anew: Vec<_> = facts.iter().map(|(who, facts)| (*who, cohort.of(facts, &tables, now))).collect();
                let members: Vec<u8> = anew.iter().filter(|one| one.1.is_member()).map(|one| one.0).collect();
                prop_assert_eq!(roll.members(place).map(|one| *one.0).collect::<Vec<_>>(), members.clone(), "{} {}", cohort.key, now);
                prop_assert_eq!(roll.count_members(place), members.len() as u64);
                let said: Vec<u8> = told.iter().filter(|one| one.0 == place).map(|one| one.1).collect();
                prop_assert_eq!(said, members, "what was told of {}", cohort.key);
                let unknown = anew.iter().filter(|one| one.1.truth == super::super::Truth::Unknown).count() as u64;
                prop_assert_eq!(roll.unknown(place), unknown);
            }
        }
    }
}
