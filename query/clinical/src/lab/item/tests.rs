use super::*;
use crate::lab::Unit;
use std::collections::BTreeSet;

fn item(code: &str) -> Option<&'static str> {
    Item::of_jlac10(&Jlac10::parse(code).unwrap()).map(|item| item.key)
}

#[test]
fn codes_mean_items_by_analyte_specimen_and_result() {
    assert_eq!(item("3D010000002227201"), Some("glucose"));
    assert_eq!(item("3D010000000127201"), Some("urine-glucose"), "the same analyte in urine is another item");
    assert_eq!(item("3D046000001920402"), Some("hba1c"));
    assert_eq!(item("3D045000001920402"), Some("hba1c-jds"), "the old code is the old scale");
    assert_eq!(item("2A990000001930952"), Some("wbc"));
    assert_eq!(item("2A990000001930955"), Some("platelets"));
    assert_eq!(item("2B030000002231157"), Some("pt-inr"));
    assert_eq!(item("2B030000002231153"), Some("pt-percent"));
    assert_eq!(item("9Z999000002327101"), None);
}

#[test]
fn an_item_is_found_by_whatever_names_it() {
    for name in ["glucose", "3D010000002227201", "2345-7", "1558-6"] {
        assert_eq!(Item::find(name).map(|item| item.key), Some("glucose"), "{name}");
    }
    assert_eq!(Item::find("3D010"), None, "an analyte alone does not say in what");
}

#[test]
fn a_panel_without_its_result_part_is_no_item() {
    assert_eq!(item("2A9900000019309"), None);
}

#[test]
fn keys_and_loinc_codes_are_unique_and_well_formed() {
    let (mut keys, mut codes) = (BTreeSet::new(), BTreeSet::new());
    for item in ITEMS {
        assert!(keys.insert(item.key), "{} twice", item.key);
        for (code, _) in item.loinc {
            assert!(codes.insert(*code), "{code} means two items");
            Loinc::parse(code).unwrap_or_else(|error| panic!("{}: {error}", item.key));
        }
        if !item.unit.is_empty() {
            Unit::ucum(item.unit).unwrap_or_else(|error| panic!("{}: {error}", item.key));
        }
    }
}

#[test]
fn no_code_means_two_items() {
    for (at, item) in ITEMS.iter().enumerate() {
        for other in &ITEMS[at + 1..] {
            let shared = item.jlac10.iter().any(|one| {
                other.jlac10.iter().any(|two| {
                    let overlap = one.results.is_empty()
                        || two.results.is_empty()
                        || one.results.iter().any(|result| two.results.contains(result));
                    one.analyte == two.analyte && overlap
                })
            });
            assert!(!shared || item.specimen != other.specimen, "{} and {}", item.key, other.key);
        }
    }
}

/// Standard atomic weights (CIAAW 2021, abridged).
fn atomic_weight(element: &str) -> f64 {
    match element {
        "H" => 1.008,
        "C" => 12.011,
        "N" => 14.007,
        "O" => 15.999,
        "P" => 30.974,
        "I" => 126.90,
        "Na" => 22.990,
        "Mg" => 24.305,
        "Cl" => 35.45,
        "K" => 39.098,
        "Ca" => 40.078,
        "Fe" => 55.845,
        other => panic!("no weight for {other}"),
    }
}

/// The weights of the elements of a formula such as `C6H12O6`.
fn weights(formula: &str) -> Vec<f64> {
    let mut elements: Vec<(String, String)> = Vec::new();
    for c in formula.chars() {
        match elements.last_mut() {
            Some((name, _)) if c.is_ascii_lowercase() => name.push(c),
            Some((_, count)) if c.is_ascii_digit() => count.push(c),
            _ => elements.push((c.to_string(), String::new())),
        }
    }
    let count = |count: &str| if count.is_empty() { 1.0 } else { count.parse::<f64>().unwrap() };
    elements.iter().map(|(name, number)| atomic_weight(name) * count(number)).collect()
}

#[test]
fn molar_masses_are_those_of_their_formulas() {
    for item in ITEMS {
        let Some(substance) = item.substance else { continue };
        let sum: f64 = weights(substance.formula).iter().sum();
        let stated: f64 = substance.grams_per_mole.to_string().parse().unwrap();
        assert!((sum - stated).abs() / sum < 5e-5, "{}: {stated} stated, {sum} computed", item.key);
    }
}
