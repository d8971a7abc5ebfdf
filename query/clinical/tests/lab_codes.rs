//! The codes of a synthetic-data project in `../shared/data/lab-codes`, against the tables here: every LOINC code has
//! its check digit (but two of document sections), every JLAC10 analyte means the item it is named for, and names suggest the items they name.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop where it stands and says what it measured"
)]

use clinical::lab::{ITEMS, Item, Jlac10, Loinc, Unmapped, suggest};
use std::path::{Path, PathBuf};

fn file(name: &str) -> Option<String> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let file = root.join("lab-codes").join(name);
    let text = std::fs::read_to_string(&file).ok();
    if text.is_none() {
        eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", file.display());
    }
    text
}

/// Codes with their English and Japanese names, in this project's own simple YAML.
fn codes(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines().skip_while(|line| *line != "codes:").skip(1) {
        let content = line.trim();
        if content.starts_with('#') || content.is_empty() {
            continue;
        }
        match (line.len() - line.trim_start().len(), content.split_once(": ")) {
            (2, None) => found.push((content.trim_end_matches(':').to_owned(), Vec::new())),
            (4, Some(("en" | "ja", name))) => found.last_mut().unwrap().1.push(name.to_owned()),
            _ => {}
        }
    }
    found
}

#[test]
fn every_loinc_code_of_a_test_has_its_check_digit() {
    let Some(text) = file("loinc.yaml") else { return };
    let codes = codes(&text);
    assert!(codes.len() > 100, "{} codes", codes.len());
    let wrong: Vec<_> = codes.iter().filter(|(code, _)| Loinc::parse(code).is_err()).map(|(code, _)| code).collect();
    // two codes of document sections there, none of a test
    assert_eq!(wrong, ["42346-6", "45391-8"]);
}

/// Items for the analytes of a JLAC10 code, in a serum or arterial specimen and a result part that means one.
fn item_of(analyte: &str) -> Option<&'static Item> {
    ["023", "020"].iter().find_map(|specimen| {
        ["01", "51"]
            .iter()
            .find_map(|result| Item::of_jlac10(&Jlac10::parse(&format!("{analyte}0000{specimen}999{result}")).unwrap()))
    })
}

#[test]
fn every_analyte_means_the_item_it_is_named_for() {
    let Some(text) = file("code_mapping_lab.yaml") else { return };
    let (mut seen, mut unknown) = (0, Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#') && line.contains(": \"")) {
        let (name, analyte) = line.split_once(": ").unwrap();
        let analyte = analyte.trim_matches('"');
        seen += 1;
        match (name, item_of(analyte)) {
            // contradicted by the domain notes: 3D045 is the old JDS value, and is read as that
            ("HbA1c", item) => assert_eq!((analyte, item.unwrap().key), ("3D045", "hba1c-jds")),
            // one analyte for seconds, percent and INR: the result part tells, and none of them is INR
            ("PT_INR", item) => assert_eq!(item.unwrap().key, "pt-seconds"),
            (_, None) => unknown.push(analyte.to_owned()),
            (name, Some(item)) => {
                let plain = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
                let named = item.names().chain([item.key]).any(|other| plain(other) == plain(name));
                assert!(named, "{name} {analyte} is {}", item.key);
            }
        }
    }
    assert!(seen > 40, "{seen} analytes");
    assert_eq!(unknown, ["2Z010"], "the sedimentation rate is no item here");
}

#[test]
fn names_suggest_the_items_they_name() {
    let Some(text) = file("jlac10.yaml") else { return };
    let (mut asked, mut first, mut among_three, mut missed) = (0, 0, 0, Vec::new());
    for (analyte, names) in codes(&text) {
        let Some(item) = item_of(&analyte) else { continue };
        for name in names {
            asked += 1;
            let found: Vec<_> = suggest(&Unmapped { name: &name, ..Unmapped::default() }, 3);
            let same = |key: &str| item.key == key || item.key == "pt-seconds" && key.starts_with("pt-");
            first += usize::from(found.first().is_some_and(|one| same(one.item.key)));
            if found.iter().any(|one| same(one.item.key)) {
                among_three += 1;
            } else {
                missed.push(name);
            }
        }
    }
    println!("{asked} names: {first} first, {among_three} among three, missed {missed:?}");
    assert!(asked > 80, "{asked} names");
    assert!(first * 100 >= asked * 95, "{first} of {asked} first");
    assert!(among_three * 100 >= asked * 97, "{among_three} of {asked} among three, missed {missed:?}");
}

#[test]
fn every_loinc_code_of_the_items_that_the_data_knows_is_named_alike() {
    let Some(text) = file("loinc.yaml") else { return };
    let (mut known, mut differ) = (0, Vec::new());
    for (code, names) in codes(&text) {
        let Some(item) = Loinc::parse(&code).ok().and_then(|code| Item::of_loinc(&code)) else { continue };
        known += 1;
        let ranked = |name: &String| suggest(&Unmapped { name, ..Unmapped::default() }, 3);
        let named = names.iter().any(|name| ranked(name).iter().any(|one| one.item.key == item.key));
        if !named {
            differ.push(format!("{code} {names:?} is {}", item.key));
        }
    }
    println!("{known} of {} items' codes known to the data; {differ:?}", ITEMS.len());
    assert!(known > 40, "{known}");
    assert!(differ.is_empty(), "{differ:?}");
}
