use super::*;
use crate::diabetes::facts::Observation;
use crate::diabetes::testing::{at, dated, drug, icd, observed, reading, readings};
use proptest::prelude::*;

const NOW: &str = "2026-11-01";

fn of(facts: &Facts) -> HasDiabetes {
    Denominator::shipped().of(facts, &DrugTable::shipped(), at(NOW))
}

#[track_caller]
fn check(facts: &Facts, rules: &[&str]) {
    let found: Vec<_> = of(facts).reasons.iter().map(|reason| reason.rule).collect();
    assert_eq!(found, rules);
}

fn coded(rows: &[(&str, &str, bool)]) -> Facts {
    Facts {
        diagnoses: rows.iter().map(|(day, code, suspected)| icd(day, code, *suspected)).collect(),
        ..Facts::default()
    }
}

#[test]
fn codes_on_two_days_count_and_one_day_does_not() {
    check(&coded(&[("2026-01-01", "E11.9", false)]), &[]);
    check(&coded(&[("2026-01-01", "E119", false), ("2026-01-01", "E14", false)]), &[]);
    check(&coded(&[("2026-01-01", "E119", false), ("2026-02-01", "E149", false)]), &["codes-on-two-days"]);
    check(&coded(&[("2026-01-01", "E15", false), ("2026-02-01", "E09", false)]), &[]);
}

#[test]
fn suspected_codes_do_not_count_and_are_told() {
    let facts = coded(&[("2026-01-01", "E119", true), ("2026-02-01", "E119", true), ("2026-03-01", "E119", false)]);
    check(&facts, &[]);
    assert_eq!(of(&facts).suspected, 2);
}

#[test]
fn a_code_with_a_drug_counts_and_a_drug_alone_does_not() {
    let mut facts = coded(&[("2026-01-01", "E119", false)]);
    facts.supplies = vec![drug("2026-01-05", "3962002F2027", Some(28))];
    check(&facts, &["code-and-drug"]);
    assert_eq!(of(&facts).since, Some(jiff::civil::date(2026, 1, 5)), "since the later of the two");
    facts.diagnoses.clear();
    check(&facts, &[]);
}

#[test]
fn hba1c_counts_from_six_and_a_half_on_two_days() {
    let two = |value| readings(&[("2026-01-01", Measure::Hba1c, value), ("2026-02-01", Measure::Hba1c, value)]);
    check(&two("6.4"), &[]);
    check(&two("6.5"), &["hba1c-twice"]);
    check(&readings(&[("2026-01-01", Measure::Hba1c, "6.5"), ("2026-01-01", Measure::Hba1c, "6.9")]), &[]);
}

#[test]
fn hba1c_with_a_glucose_counts_at_each_boundary() {
    let with = |measure, glucose| readings(&[("2026-01-01", Measure::Hba1c, "6.5"), ("2026-01-01", measure, glucose)]);
    check(&with(Measure::FastingGlucose, "125"), &[]);
    check(&with(Measure::FastingGlucose, "126"), &["hba1c-and-glucose"]);
    check(&with(Measure::CasualGlucose, "199"), &[]);
    check(&with(Measure::CasualGlucose, "200"), &["hba1c-and-glucose"]);
    check(&with(Measure::LoadGlucose, "200"), &["hba1c-and-glucose"]);
    check(&readings(&[("2026-01-01", Measure::Hba1c, "6.4"), ("2026-01-01", Measure::FastingGlucose, "300")]), &[]);
}

#[test]
fn gestational_diabetes_stands_apart() {
    let mut facts = coded(&[("2026-01-10", "O24.4", false), ("2026-02-10", "O24.4", false)]);
    facts.supplies = vec![drug("2026-02-10", "2492416G2024", Some(28))];
    facts.observations =
        vec![observed("2025-10-01", Observation::PregnancyBegan), observed("2026-07-01", Observation::PregnancyEnded)];
    facts.readings = vec![reading("2026-02-01", Measure::Hba1c, "6.6"), reading("2026-03-01", Measure::Hba1c, "6.7")];
    check(&facts, &[]);
    assert_eq!(of(&facts).gestational.len(), 2);
    facts.readings.extend([reading("2026-08-01", Measure::Hba1c, "6.6"), reading("2026-09-01", Measure::Hba1c, "6.7")]);
    check(&facts, &["hba1c-twice"]);
    check(&coded(&[("2026-01-10", "O24.1", false), ("2026-02-10", "O24.1", false)]), &["codes-on-two-days"]);
}

#[test]
fn the_kind_is_what_codes_say_and_contradiction_is_told() {
    let kind = |rows: &[(&str, &str, bool)]| {
        let found = of(&coded(rows));
        (found.kind, found.kinds_contradict)
    };
    assert_eq!(kind(&[("2026-01-01", "E14", false), ("2026-02-01", "E11", false)]), (Some(DiabetesType::Two), false));
    assert_eq!(kind(&[("2026-01-01", "E14", false)]), (Some(DiabetesType::Unspecified), false));
    assert_eq!(kind(&[("2026-01-01", "E10", false), ("2026-02-01", "E11", false)]), (None, true));
    assert_eq!(kind(&[("2026-01-01", "E10", true), ("2026-02-01", "E11", false)]), (Some(DiabetesType::Two), false));
    assert_eq!(kind(&[]), (None, false));
}

#[test]
fn snomed_codes_are_taken_whole() {
    let with = |code: &str| {
        let one = Diagnosis { system: CodeSystem::Snomed, code: code.to_owned(), suspected: false };
        Facts { diagnoses: vec![dated("2026-01-01", one.clone()), dated("2026-02-01", one)], ..Facts::default() }
    };
    check(&with("44054006"), &["codes-on-two-days"]);
    check(&with("440540061"), &[]);
}

#[test]
fn a_facility_sets_its_own_rules_and_codes() {
    let own = DenominatorRule { key: "once", evidence: Evidence::Codes { days: 1 }, source: None };
    let row = CodeRow { system: CodeSystem::Local, beginning: "DM".to_owned(), says: DiabetesType::Two };
    let table = Denominator::shipped().with_rules("own", vec![own]).with_codes("own-2", [row]);
    let one = Diagnosis { system: CodeSystem::Local, code: "DM".to_owned(), suspected: false };
    let facts = Facts { diagnoses: vec![dated("2026-01-01", one)], ..Facts::default() };
    let found = table.of(&facts, &DrugTable::shipped(), at(NOW));
    assert_eq!((found.counts(), found.kind, table.version()), (true, Some(DiabetesType::Two), "own-2"));
}

#[test]
fn a_bound_counts_only_where_it_is_certain() {
    let span = |low: Option<&'static str>, high: Option<&'static str>| {
        let end = |text: Option<&'static str>| text.map(|text| (dec(text), true));
        crate::diabetes::facts::Reading::span(Measure::Hba1c, crate::lab::Span { low: end(low), high: end(high) })
            .unwrap()
    };
    let twice = |value: crate::diabetes::facts::Reading| Facts {
        readings: vec![dated("2026-01-01", value.clone()), dated("2026-02-01", value)],
        ..Facts::default()
    };
    check(&twice(span(Some("14.0"), None)), &["hba1c-twice"]);
    check(&twice(span(None, Some("14.0"))), &[]);
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let day = (1_u32..13, 1_u32..29).prop_map(|(month, day)| format!("2025-{month:02}-{day:02}"));
    let codes = proptest::sample::select(vec!["E10", "E11", "E14", "O244", "I10"]);
    let diagnoses = proptest::collection::vec((day.clone(), codes, any::<bool>()), 0..4);
    let values = proptest::collection::vec((day.clone(), 50_i64..80), 0..4);
    let drugs = proptest::collection::vec(day, 0..2);
    (diagnoses, values, drugs).prop_map(|(diagnoses, values, drugs)| Facts {
        diagnoses: diagnoses.iter().map(|(day, code, suspected)| icd(day, code, *suspected)).collect(),
        readings: values
            .iter()
            .map(|(day, value)| reading(day, Measure::Hba1c, &Decimal::new(*value, 1).to_string()))
            .collect(),
        supplies: drugs.iter().map(|day| drug(day, "3962002F2027", Some(28))).collect(),
        ..Facts::default()
    })
}

proptest! {
    /// The order of facts does not matter.
    #[test]
    fn the_order_of_facts_does_not_matter(facts in any_facts(), turn in 0_usize..4) {
        let mut turned = facts.clone();
        turned.readings.reverse();
        turned.supplies.reverse();
        let by = turn % turned.diagnoses.len().max(1);
        turned.diagnoses.rotate_left(by);
        prop_assert_eq!(of(&turned), of(&facts));
    }

    /// Who counts keeps counting, since the same day or an earlier one, whatever else is learned.
    #[test]
    fn more_facts_never_take_out(facts in any_facts(), more in any_facts()) {
        let mut both = facts.clone();
        both.diagnoses.extend(more.diagnoses);
        both.readings.extend(more.readings);
        both.supplies.extend(more.supplies);
        let (before, after) = (of(&facts), of(&both));
        for reason in &before.reasons {
            let again = after.reasons.iter().find(|one| one.rule == reason.rule);
            prop_assert!(again.is_some_and(|again| again.since <= reason.since));
        }
    }

    /// A suspected code puts nobody into the denominator.
    #[test]
    fn suspicion_counts_for_nothing(facts in any_facts()) {
        let mut sure = facts.clone();
        sure.diagnoses.retain(|one| !one.value.suspected);
        prop_assert_eq!(of(&sure).reasons, of(&facts).reasons);
    }
}
