use super::*;
use crate::diabetes::BiologicalSex;
use crate::diabetes::answer::{Absent, Reach, Standing};
use crate::diabetes::facts::{Dated, Measure, Observation, Reading, Retinopathy, Smoking};
use crate::diabetes::testing::{any_facts, at, dated, drug, icd, observed, reading, turned, visit};
use crate::lab::{Hba1c, Hba1cScale};
use jiff::civil::date;
use model::{CategorySet, FacilityId};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: &str = "2026-11-01";

fn from(facility: &str, one: Dated<Reading>) -> Dated<Reading> {
    Dated { source: FacilityId::parse(facility).unwrap(), ..one }
}

/// A woman of 78 with type 2 diabetes, seen at a hospital and a clinic.
fn woman() -> Facts {
    let jds = Hba1c::new("6.3".parse().unwrap(), Hba1cScale::Jds).unwrap();
    Facts {
        birth: Some(date(1948, 5, 1)),
        sex: Some(BiologicalSex::Female),
        readings: vec![
            dated("2026-10-10", Reading::hba1c(jds).unwrap()),
            from("clinic", reading("2026-04-10", Measure::Hba1c, "7.1")),
            reading("2026-01-10", Measure::Hba1c, "7.4"),
            reading("2024-10-10", Measure::Creatinine, "0.80"),
            reading("2025-10-10", Measure::Creatinine, "0.90"),
            reading("2026-10-10", Measure::Creatinine, "1.00"),
            reading("2026-04-10", Measure::AlbuminRatio, "45"),
            from("clinic", reading("2026-10-12", Measure::AlbuminRatio, "50")),
            reading("2026-10-10", Measure::Weight, "50"),
            reading("2020-10-10", Measure::Height, "150"),
            from("clinic", reading("2026-10-12", Measure::Systolic, "132")),
            from("clinic", reading("2026-10-12", Measure::Diastolic, "78")),
        ],
        diagnoses: vec![icd("2019-01-10", "E14", false), icd("2026-01-10", "E11.9", false)],
        supplies: vec![drug("2026-10-10", "3961008F1020", Some(28)), drug("2026-10-10", "3969010F2030", Some(28))],
        visits: vec![visit("2026-10-10")],
        observations: vec![
            observed("2025-12-01", Observation::Eye(Some(Retinopathy::Simple))),
            observed("2026-01-10", Observation::Dasc8(9)),
            observed("2026-01-10", Observation::Smoking(Smoking::Never)),
            observed("2026-01-10", Observation::DiabetesSince(2008)),
        ],
        ..Facts::default()
    }
}

fn row(facts: &Facts) -> Vec<Cell> {
    registry_row(facts, &Tables::shipped(), at(NOW))
}

fn written(answer: &Answer<ItemValue>) -> String {
    match answer {
        Err(Absent::Needs { measure, absent }) => format!("{} ({})", absent.code(), measure.key()),
        Err(Absent::CannotBeSaid { why } | Absent::DoesNotApply { why }) => why.key.to_owned(),
        Err(absent) => absent.code().to_owned(),
        Ok(found) => {
            let value = match &found.value {
                ItemValue::Number(number) => format!("{}", (number * 100.0).round() / 100.0),
                ItemValue::Bound(_) => "bound".to_owned(),
                ItemValue::Word(word) => (*word).to_owned(),
                ItemValue::Words(words) => words.join("+"),
                ItemValue::Flag(flag) => flag.to_string(),
                ItemValue::Day(day) => day.to_string(),
            };
            let sources: Vec<_> = found.sources.iter().map(FacilityId::as_str).collect();
            format!("{value} @{} {}", crate::diabetes::day_of(found.at), sources.join("+"))
        }
    }
}

/// Numbers by hand: eGFR 194·1.0^-1.094·78^-0.287·0.739 = 41.06; slope by numpy of eGFR 53.01 (76 y), 46.43 (77 y), 41.06.
const EXPECTED: &[(&str, &str)] = &[
    ("diabetes", "codes-on-two-days+code-and-drug+hba1c-twice @2026-10-10 clinic+hospital"),
    ("type", "type-2 @2026-01-10 hospital"),
    ("gestational", "not-measured"),
    ("since", "2026-01-10 @2026-01-10 hospital"),
    ("duration", "18 @2026-01-10 hospital"),
    ("hba1c", "6.7 @2026-10-10 hospital"),
    ("hba1c_converted", "true @2026-10-10 hospital"),
    ("hba1c_mean", "7.07 @2026-10-10 hospital"),
    ("glucose_fasting", "not-measured"),
    ("systolic", "132 @2026-10-12 clinic"),
    ("bmi", "22.22 @2026-10-10 hospital"),
    ("creatinine", "1 @2026-10-10 hospital"),
    ("egfr", "41.06 @2026-10-10 hospital"),
    ("egfr_basis", "creatinine @2026-10-10 hospital"),
    ("egfr_cys", "not-measured"),
    ("uacr", "50 @2026-10-12 clinic"),
    ("urine_protein", "not-measured"),
    ("albuminuria", "A2 @2026-10-12 clinic"),
    ("albuminuria_basis", "albumin @2026-10-12 clinic"),
    ("nephropathy_2014", "2 @2026-10-12 clinic+hospital"),
    ("nephropathy_2023", "2 @2026-10-12 clinic+hospital"),
    ("ckd_g", "G3b @2026-10-12 clinic+hospital"),
    ("ckd_a", "A2 @2026-10-12 clinic+hospital"),
    ("ckd_risk", "red @2026-10-12 clinic+hospital"),
    ("ckd_persistence", "lasting @2026-10-12 clinic+hospital"),
    ("egfr_rapid", "probably @2026-10-10 hospital"),
    ("retinopathy", "simple @2025-12-01 hospital"),
    ("eye_last", "2025-12-01 @2025-12-01 hospital"),
    ("foot_last", "not-measured"),
    ("smoking", "never @2026-01-10 hospital"),
    ("treatment", "sulfonylurea+dpp4 @2026-10-10 hospital"),
    ("hypoglycaemia_drugs", "sulfonylurea @2026-10-10 hospital"),
    ("elderly_category", "I @2026-01-10 hospital"),
    ("target_below", "8 @2026-10-10 hospital"),
    ("target_floor", "7 @2026-10-10 hospital"),
    ("over_treated", "true @2026-10-10 hospital"),
    ("due_hba1c", "2027-01-10 @2026-10-10 hospital"),
    ("due_eye", "2026-06-01 @2025-12-01 hospital"),
    ("due_foot", "not-measured"),
    ("last_contact", "2026-11-01 @2026-10-10 hospital"),
    ("days_since_contact", "0 @2026-10-10 hospital"),
];

#[test]
fn a_row_says_each_item_with_its_date_and_source_or_why_not() {
    let row = row(&woman());
    for (key, expected) in EXPECTED {
        let cell = row.iter().find(|cell| cell.item.key == *key).unwrap();
        assert_eq!(written(&cell.answer), *expected, "{key}");
    }
    assert_eq!(row.len(), REGISTRY_ITEMS.len());
}

#[test]
fn items_have_names_of_their_own_in_both_languages() {
    let keys: BTreeSet<_> = REGISTRY_ITEMS.iter().map(|item| item.key).collect();
    assert_eq!(keys.len(), REGISTRY_ITEMS.len());
    assert!(REGISTRY_ITEMS.iter().all(|item| !item.ja.is_empty() && !item.en.is_empty()));
}

#[test]
fn what_is_absent_is_absent_in_three_ways() {
    let with = |standing| {
        let reach = Reach::new([(FacilityId::parse("elsewhere").unwrap(), standing)]);
        row(&Facts { reach, ..Facts::default() })
    };
    let codes =
        |row: Vec<Cell>| row.iter().map(|cell| cell.answer.as_ref().unwrap_err().code()).collect::<BTreeSet<_>>();
    let says = |standing| codes(with(standing));
    assert!(says(Standing::Linked { open: CategorySet::all() }).contains("not-measured"));
    let closed = says(Standing::Linked { open: CategorySet::NONE });
    assert!(closed.contains("not-consented") && !closed.contains("not-measured"), "{closed:?}");
    let unlinked = says(Standing::NotLinked);
    assert!(unlinked.contains("not-linked") && !unlinked.contains("not-measured"), "{unlinked:?}");
}

#[test]
fn over_treatment_is_not_denied_where_prescriptions_are_closed() {
    let mut facts = woman();
    facts.supplies.clear();
    let over = |facts: &Facts| {
        written(&over_treated(&Person::new(facts, &Tables::shipped(), at(NOW))).map(|one| one.map(ItemValue::Flag)))
    };
    assert_eq!(over(&facts), "false @2026-10-10 hospital");
    let pharmacy = FacilityId::parse("pharmacy").unwrap();
    facts.reach = Reach::new([(pharmacy, Standing::Linked { open: CategorySet::NONE })]);
    assert_eq!(over(&facts), "not-consented");
    facts.birth = Some(date(1980, 1, 1));
    assert_eq!(over(&facts), "not-elderly");
}

proptest! {
    /// Whatever the facts, each value is of its item's kind, is a number, has a source, and is not of the future.
    #[test]
    fn values_are_of_their_kind_and_of_the_past(facts in any_facts()) {
        for cell in row(&facts) {
            let Ok(found) = cell.answer else { continue };
            let kind = match found.value {
                ItemValue::Number(number) => {
                    prop_assert!(number.is_finite(), "{}", cell.item.key);
                    ItemKind::Number
                }
                ItemValue::Bound(_) => ItemKind::Number,
                ItemValue::Word(_) => ItemKind::Word,
                ItemValue::Words(_) => ItemKind::Words,
                ItemValue::Flag(_) => ItemKind::Flag,
                ItemValue::Day(_) => ItemKind::Day,
            };
            prop_assert_eq!(kind, cell.item.kind, "{}", cell.item.key);
            prop_assert!(!found.sources.is_empty() && found.at <= at(NOW), "{}", cell.item.key);
        }
    }

    /// The order of facts changes no cell.
    #[test]
    fn the_order_of_facts_changes_no_cell(facts in any_facts()) {
        for (one, other) in row(&facts).iter().zip(row(&turned(&facts))) {
            prop_assert_eq!(&one.answer, &other.answer, "{}", one.item.key);
        }
    }

    /// What is later than the moment is not known: leaving it out changes no cell.
    #[test]
    fn the_future_is_not_known(facts in any_facts(), days in 0_i64..1_300) {
        let now = at("2023-04-01").plus_micros(days * 86_400_000_000);
        let mut known = facts.clone();
        known.readings.retain(|one| one.at <= now);
        known.diagnoses.retain(|one| one.at <= now);
        known.supplies.retain(|one| one.at <= now);
        known.visits.retain(|one| one.at <= now);
        known.observations.retain(|one| one.at <= now);
        let tables = Tables::shipped();
        for (one, other) in registry_row(&facts, &tables, now).iter().zip(registry_row(&known, &tables, now)) {
            prop_assert_eq!(&one.answer, &other.answer, "{}", one.item.key);
        }
    }
}
