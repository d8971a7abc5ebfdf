use super::*;
use crate::lab::decimal::dec;
use proptest::prelude::*;

fn at(days: f64) -> Moment {
    Moment::from_micros(1_800_000_000_000_000 + (days * DAY) as i64).unwrap()
}

fn measured(key: &str, value: &str, days: f64) -> Measured {
    Measured { item: Item::by_key(key).unwrap(), value: value.parse().unwrap(), at: at(days) }
}

fn delta(key: &str, before: &str, now: &str, days: f64) -> Delta {
    DeltaTable::shipped().delta(measured(key, now, days), &[measured(key, before, 0.0)]).unwrap()
}

#[test]
fn the_reference_change_value_is_that_of_the_formula() {
    // CVa 1.1, CVi 5.0: √2·1.96·√(1.21 + 25) = 14.19
    assert!((reference_change(1.1, 5.0) - 14.191).abs() < 0.001);
    assert!((reference_change(0.0, 10.0) - 27.719).abs() < 0.001);
    assert_eq!(reference_change(0.0, 0.0), 0.0);
}

#[test]
fn a_change_is_measured_against_the_last_earlier_result() {
    let earlier = [measured("creatinine", "0.50", 0.0), measured("creatinine", "0.80", 2.0), measured("alt", "9", 2.5)];
    let delta = DeltaTable::shipped().delta(measured("creatinine", "0.88", 3.0), &earlier).unwrap();
    assert_eq!((delta.before.value, delta.change), (dec("0.80"), dec("0.08")));
    assert!((delta.percent.unwrap() - 10.0).abs() < 1e-9 && (delta.days - 1.0).abs() < 1e-9);
    assert!(!delta.is_real_change(), "10 % is within 15.5 %");
}

#[test]
fn beyond_the_reference_change_value_it_is_real() {
    assert!(delta("creatinine", "0.80", "0.93", 5.0).beyond_reference);
    assert!(!delta("creatinine", "0.80", "0.92", 5.0).beyond_reference);
    assert!(delta("sodium", "140", "135", 1.0).is_real_change());
    assert!(!delta("crp", "0.10", "0.20", 1.0).beyond_reference, "CRP doubles in health");
}

#[test]
fn rules_hold_within_their_days_and_direction() {
    let broken = |key: &str, before: &str, now: &str, days: f64| -> Vec<RuleKind> {
        delta(key, before, now, days).broken.iter().map(|rule| rule.kind).collect()
    };
    assert_eq!(broken("haemoglobin", "12.0", "9.0", 6.0), [RuleKind::Absolute]);
    assert_eq!(broken("haemoglobin", "9.0", "12.0", 6.0), [], "a rise is no bleeding");
    assert_eq!(broken("creatinine", "0.80", "1.10", 2.0), [RuleKind::Absolute]);
    assert_eq!(broken("creatinine", "0.80", "1.10", 3.0), []);
    assert_eq!(broken("creatinine", "0.60", "0.90", 5.0), [RuleKind::Percent]);
    assert_eq!(broken("potassium", "4.0", "5.0", 1.0), [RuleKind::Absolute]);
    assert_eq!(broken("mcv", "90", "94", 0.5), [RuleKind::PerDay]);
    assert_eq!(broken("mcv", "90", "94", 20.0), [], "four in twenty days");
}

#[test]
fn what_is_too_old_or_not_earlier_is_not_compared() {
    let table = DeltaTable::shipped();
    assert_eq!(table.delta(measured("creatinine", "1.0", 8.0), &[measured("creatinine", "0.5", 0.0)]), None);
    assert_eq!(table.delta(measured("creatinine", "1.0", 1.0), &[measured("creatinine", "0.5", 1.0)]), None);
    let mcv = table.delta(measured("mcv", "94", 20.0), &[measured("mcv", "85", 0.0)]).unwrap();
    assert!(!mcv.beyond_reference, "the reference change value is not used beyond the window");
    assert!(
        table
            .with_window("w", 60)
            .delta(measured("creatinine", "1.0", 50.0), &[measured("creatinine", "0.5", 0.0)])
            .is_some()
    );
}

#[test]
fn a_change_from_nothing_has_no_percentage() {
    let delta = delta("crp", "0", "1.0", 1.0);
    assert_eq!((delta.percent, delta.beyond_reference), (None, false));
}

#[test]
fn a_facility_sets_its_own_variation_and_rules() {
    let shipped = || DeltaTable::shipped();
    let precise = shipped().with_analytical("a", [("creatinine", 1.1)]).unwrap();
    let limit = |table: &DeltaTable| {
        let delta = table.delta(measured("creatinine", "0.9", 1.0), &[measured("creatinine", "0.8", 0.0)]);
        delta.unwrap().reference_change.unwrap()
    };
    assert!(limit(&precise) < limit(&shipped()));
    assert!((limit(&precise) - 14.191).abs() < 0.001);
    let own = Rule {
        item: "albumin",
        kind: RuleKind::Absolute,
        direction: Direction::Fall,
        limit: dec("1"),
        within_days: 3,
        source: None,
    };
    let table = shipped().with_rules("b", "albumin", vec![own]).unwrap();
    let delta = table.delta(measured("albumin", "3.0", 1.0), &[measured("albumin", "4.0", 0.0)]).unwrap();
    assert_eq!(delta.broken, [own]);
    assert!(
        shipped()
            .with_rules("c", "potassium", Vec::new())
            .unwrap()
            .delta(measured("potassium", "5.0", 1.0), &[measured("potassium", "4.0", 0.0)])
            .unwrap()
            .broken
            .is_empty()
    );
    assert!(matches!(shipped().with_rules("d", "potassium", vec![own]), Err(DeltaError::Item { .. })));
    assert!(matches!(
        shipped().with_rules("d", "albumin", vec![Rule { limit: Decimal::ZERO, ..own }]),
        Err(DeltaError::Limit { .. })
    ));
    assert!(matches!(shipped().with_analytical("d", [("sugar", 1.0)]), Err(DeltaError::Item { .. })));
    assert!(matches!(shipped().with_analytical("d", [("alt", f64::NAN)]), Err(DeltaError::Variation { .. })));
}

#[test]
fn every_row_names_an_item() {
    for key in VARIATION.iter().map(|row| row.item).chain(SHIPPED_RULES.iter().map(|rule| rule.item)) {
        assert!(Item::by_key(key).is_some(), "{key}");
    }
}

/// A routine panel: item, mean, and how much persons differ (coefficient of variation between persons in percent, from
/// memory, for this test only).
const PANEL: &[(&str, f64, f64)] = &[
    ("mcv", 91.0, 4.85),
    ("haemoglobin", 14.0, 6.8),
    ("platelets", 250.0, 21.9),
    ("albumin", 4.5, 4.75),
    ("creatinine", 0.8, 14.7),
    ("uric-acid", 5.5, 17.5),
    ("alp", 75.0, 26.1),
    ("ggt", 30.0, 42.2),
    ("alt", 20.0, 41.6),
    ("total-cholesterol", 200.0, 15.3),
    ("hdl-cholesterol", 60.0, 19.7),
    ("potassium", 4.2, 5.6),
    ("glucose", 95.0, 7.5),
    ("crp", 0.1, 76.3),
];

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
    /// About normal: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
    fn person(&mut self) -> Vec<f64> {
        PANEL.iter().map(|(_, mean, between)| mean * (self.normal() * between / 100.0).exp()).collect()
    }
    fn day(&mut self, person: &[f64], days: f64) -> Vec<Measured> {
        let results = PANEL.iter().zip(person).map(|((key, ..), own)| {
            let row = VARIATION.iter().find(|row| row.item == *key).unwrap();
            let noise = row.within_subject.hypot(row.analytical) / 100.0;
            let value = (own * (1.0 + self.normal() * noise)).max(own / 10.0);
            Measured {
                item: Item::by_key(key).unwrap(),
                value: Decimal::try_from(value).unwrap().round_dp(4),
                at: at(days),
            }
        });
        results.collect()
    }
}

/// How often a mix-up is called likely, of 1,000 pairs of specimens.
fn called(pair: impl Fn(&mut Dice) -> (Vec<Measured>, Vec<Measured>)) -> usize {
    let (table, mut dice) = (DeltaTable::shipped(), Dice(20_261_122));
    let once = |_| {
        let (before, now) = pair(&mut dice);
        table.mix_up(&table.deltas(&now, &before)).is_likely
    };
    (0..1_000).map(once).filter(|likely| *likely).count()
}

#[test]
fn the_same_person_is_hardly_ever_called_another() {
    let false_alarms = called(|dice| {
        let person = dice.person();
        (dice.day(&person, 0.0), dice.day(&person, 3.0))
    });
    assert!(false_alarms <= 5, "{false_alarms} of 1,000");
}

#[test]
fn a_very_ill_person_is_not_called_another() {
    // glucose, CRP, potassium and haemoglobin move far, and the kidney fails
    let false_alarms = called(|dice| {
        let person = dice.person();
        let mut ill = dice.day(&person, 3.0);
        for one in &mut ill {
            let factor = match one.item.key {
                "crp" => dec("100"),
                "glucose" => dec("3"),
                "creatinine" => dec("3"),
                "potassium" => dec("1.4"),
                "haemoglobin" => dec("0.6"),
                _ => Decimal::ONE,
            };
            one.value *= factor;
        }
        (dice.day(&person, 0.0), ill)
    });
    assert!(false_alarms <= 40, "{false_alarms} of 1,000");
}

#[test]
fn two_persons_are_told_apart_more_often_than_not() {
    let found = called(|dice| {
        let (one, other) = (dice.person(), dice.person());
        (dice.day(&one, 0.0), dice.day(&other, 3.0))
    });
    assert!(found >= 600, "{found} of 1,000");
}

#[test]
fn too_little_says_nothing() {
    let table = DeltaTable::shipped();
    let deltas = table.deltas(
        &[measured("potassium", "9", 1.0), measured("alp", "300", 1.0)],
        &[measured("potassium", "4", 0.0), measured("alp", "50", 0.0)],
    );
    let found = table.mix_up(&deltas);
    assert_eq!((found.enough, found.is_likely, found.moved), (false, false, 1));
    assert_eq!(table.mix_up(&[]).score, 0.0);
    let eager = MixUpLimits { moved: 1, weight: 2, score: 0.5 };
    assert!(table.with_mix_up("eager", eager).mix_up(&deltas).is_likely, "a facility sets its own limits");
}

proptest! {
    /// A change is beyond the reference change value exactly when its percentage is.
    #[test]
    fn beyond_is_beyond(before in 1_i64..100_000, now in 1_i64..100_000, which in 0..VARIATION.len()) {
        let row = VARIATION[which];
        let delta = delta(row.item, &Decimal::new(before, 2).to_string(), &Decimal::new(now, 2).to_string(), 1.0);
        let percent = (now - before) as f64 / before as f64 * 100.0;
        let limit = reference_change(row.analytical, row.within_subject);
        prop_assume!((percent.abs() - limit).abs() > 1e-9);
        prop_assert_eq!(delta.beyond_reference, percent.abs() > limit);
    }

    /// The order of the earlier results does not matter.
    #[test]
    fn the_order_of_earlier_results_does_not_matter(values in proptest::collection::vec((1_i64..1_000, 0_i64..6), 1..8)) {
        let mut earlier: Vec<_> = values.iter().map(|(value, day)| measured("alt", &value.to_string(), *day as f64)).collect();
        let now = measured("alt", "50", 6.5);
        let expected = DeltaTable::shipped().delta(now, &earlier);
        earlier.reverse();
        prop_assert_eq!(DeltaTable::shipped().delta(now, &earlier), expected);
    }
}
