use super::*;
use crate::diabetes::testing::{at, drug};

fn yj(code: &str) -> Vec<DrugClass> {
    DrugTable::shipped().classes(&CodeSystem::Yj, code).to_vec()
}

#[test]
fn a_yj_code_says_its_class() {
    assert_eq!(yj("3962002F2027"), [Biguanide]);
    assert_eq!(yj("3961008F1020"), [Sulfonylurea]);
    assert_eq!(yj("2492416G2024"), [Insulin]);
    assert_eq!(yj("2499422G1024"), [GipGlp1]);
    assert_eq!(yj("3969019F1043"), [Sglt2]);
    assert_eq!(yj("3969103F1020"), [Glinide, AlphaGlucosidase], "a combination has two");
    assert_eq!(yj("2189015F1015"), [], "a statin is no diabetes drug");
    assert_eq!(yj("3969"), [], "other antidiabetics: the ingredient must be known");
    assert_eq!(yj(""), []);
}

#[test]
fn only_insulin_sulfonylureas_and_glinides_risk_hypoglycaemia() {
    let risky: Vec<_> = DrugClass::ALL.into_iter().filter(|class| class.risks_hypoglycaemia()).collect();
    assert_eq!(risky, [Insulin, Sulfonylurea, Glinide]);
}

#[test]
fn every_class_has_a_row_and_a_name_of_its_own() {
    let mut names: Vec<_> = DrugClass::ALL.iter().map(|class| class.code()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DrugClass::ALL.len());
    for class in DrugClass::ALL {
        assert!(ROWS.iter().any(|row| row.1.contains(&class)), "{class:?}");
    }
    for (beginning, ..) in ROWS {
        assert!(is_yj(beginning), "{beginning}");
    }
}

#[test]
fn a_hot_code_means_what_the_map_says_and_nothing_without_one() {
    let hot = |table: &DrugTable, code| table.classes(&CodeSystem::Hot, code).to_vec();
    assert_eq!(hot(&DrugTable::shipped(), "111111111"), []);
    let table = DrugTable::shipped().with_hot("own", [("111111111", "3962002F2027")]).unwrap();
    assert_eq!(hot(&table, "111111111"), [Biguanide]);
    assert_eq!(hot(&table, "1111111110101"), [Biguanide], "a HOT13 begins with its HOT9");
    assert_eq!(hot(&table, "1111111"), []);
    assert_eq!(table.version(), "own");
    assert!(DrugTable::shipped().with_hot("own", [("12", "3962002")]).is_err());
    assert!(DrugTable::shipped().with_hot("own", [("111111111", "39")]).is_err());
}

#[test]
fn a_facilitys_row_comes_before_the_shipped_ones() {
    let table = DrugTable::shipped().with("own", [("2492402", vec![])]).unwrap();
    assert_eq!(table.classes(&CodeSystem::Yj, "2492402D1016"), []);
    assert_eq!(table.classes(&CodeSystem::Yj, "2492416G2024"), [Insulin]);
    assert_eq!(DrugTable::shipped().with("own", [("ABCD", vec![])]), Err(DrugError::Yj { text: "ABCD".to_owned() }));
}

#[test]
fn other_codes_are_taken_whole() {
    let table = DrugTable::shipped().with_codes("own", [(CodeSystem::RxNorm, "860975", vec![Biguanide])]);
    assert_eq!(table.classes(&CodeSystem::RxNorm, "860975"), [Biguanide]);
    assert_eq!(table.classes(&CodeSystem::RxNorm, "8609751"), []);
    assert_eq!(table.classes(&CodeSystem::Local, "860975"), []);
    assert_eq!(table.classes(&CodeSystem::Local, "3962002F2027"), [], "a local code is no YJ code");
}

#[test]
fn a_supply_is_current_until_its_grace_is_over() {
    let table = DrugTable::shipped();
    let facts = Facts { supplies: vec![drug("2026-01-01", "3962002F2027", Some(28))], ..Facts::default() };
    // 28 days from 1 January last until 28 January; 30 days of grace until 27 February
    let taken = |day| table.current(&facts, at(day)).keys().copied().collect::<Vec<_>>();
    assert_eq!(taken("2025-12-31"), []);
    assert_eq!(taken("2026-01-01"), [Biguanide]);
    assert_eq!(taken("2026-02-27"), [Biguanide]);
    assert_eq!(taken("2026-02-28"), []);
}
