//! Every laboratory result of the two sample SS-MIX2 storages in `../shared/data/ss-mix2`, read whole.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop where it stands and says what it measured"
)]

use clinical::lab::{
    CodeText, CriticalTable, LabInput, LabRow, Patient, Site, UnitSpellings, Written, WrittenInterval, read_result,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn storage(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = root.join("ss-mix2").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", folder.display());
    None
}

/// Files of laboratory results: their names carry the type.
fn results(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name.to_string_lossy().contains("_OML-11_")) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The ASCII of an ISO-2022-JP text: what stands between the escape to kanji and the one back is left out. Codes, numbers
/// and units are ASCII; reading the rest is the adapters' work.
fn ascii(bytes: &[u8]) -> String {
    let (mut text, mut kanji, mut at) = (String::new(), false, 0);
    while let Some(byte) = bytes.get(at) {
        match bytes.get(at..at + 3) {
            Some([0x1B, b'$', b'B' | b'@']) => (kanji, at) = (true, at + 3),
            Some([0x1B, b'(', b'B' | b'J']) => (kanji, at) = (false, at + 3),
            _ => {
                if !kanji && byte.is_ascii() {
                    text.push(char::from(*byte));
                }
                at += 1;
            }
        }
    }
    text
}

fn component(field: &str, at: usize) -> &str {
    field.split('^').nth(at).unwrap_or_default()
}

/// Reads every OBX that carries a JLAC10 code.
fn read(folder: &Path) -> Vec<LabRow> {
    let critical = CriticalTable::shipped();
    let site = Site {
        map: None,
        spellings: UnitSpellings::shipped(),
        intervals: None,
        critical: &critical,
        blank_flag_is_normal: false,
    };
    let mut rows = Vec::new();
    for file in results(folder) {
        let text = ascii(&std::fs::read(file).unwrap());
        for segment in text.split(['\r', '\n']).filter(|segment| segment.starts_with("OBX|")) {
            let fields: Vec<_> = segment.split('|').collect();
            let field = |at: usize| fields.get(at).copied().unwrap_or_default();
            if component(field(3), 2) != "JC10" {
                continue;
            }
            rows.push(read_result(
                &LabInput {
                    code: CodeText::Jlac10(component(field(3), 0)),
                    specimen: "",
                    value: Written::Text(component(field(5), 0)),
                    unit: component(field(6), 0),
                    interval: WrittenInterval::Text(field(7)),
                    flag: field(8),
                    patient: Patient { sex: None, age: Some(50) },
                },
                &site,
            ));
        }
    }
    rows
}

/// How many rows, how many of them with an item, how many brought to its unit, and the doubts.
fn counts(rows: &[LabRow]) -> (usize, usize, usize, BTreeMap<&'static str, usize>) {
    let mut doubts = BTreeMap::new();
    for doubt in rows.iter().flat_map(|row| &row.doubts) {
        *doubts.entry(doubt.code()).or_default() += 1;
    }
    let known = rows.iter().filter(|row| row.item().is_some()).count();
    let normalised = rows.iter().filter(|row| row.normalised.is_some()).count();
    (rows.len(), known, normalised, doubts)
}

#[test]
fn every_result_of_the_five_patients_is_brought_to_its_items_unit() {
    let Some(folder) = storage("five-patients") else { return };
    let rows = read(&folder);
    let (all, known, normalised, doubts) = counts(&rows);
    println!("five-patients: {all} results, {known} of items, {normalised} normalised, doubts {doubts:?}");
    assert_eq!((all, known, normalised), (145, 145, 145));
    assert!(doubts.is_empty(), "{doubts:?}");
}

#[test]
fn results_of_the_sample_storage_are_kept_as_they_came() {
    let Some(folder) = storage("nho-sample") else { return };
    let rows = read(&folder);
    let (all, known, normalised, doubts) = counts(&rows);
    println!("nho-sample: {all} results, {known} of items, {normalised} normalised, doubts {doubts:?}");
    // the albumin/globulin ratio is no item here, and has no unit
    assert_eq!((all, known, normalised), (3, 2, 2));
    assert!(doubts.is_empty(), "{doubts:?}");
}
