//! The official UCUM functional tests, all of them, against what `clinical` reads units with.
//!
//! Reads `../shared/data/ucum` from the project's root, or `AJISAI_SHARED_DATA`; says so when it is not there.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop where it stands, also in its helpers"
)]

use clinical::lab::{Decimal, Unit, convert};
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn cases() -> Option<String> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let file = root.join("ucum/UcumFunctionalTests.xml");
    let text = std::fs::read_to_string(&file).ok();
    if text.is_none() {
        eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", file.display());
    }
    text
}

struct Case {
    kind: String,
    attributes: BTreeMap<String, String>,
}

impl Case {
    fn read(kind: &str, tag: &BytesStart<'_>) -> Self {
        let attributes = tag
            .attributes()
            .map(|attribute| {
                let attribute = attribute.unwrap();
                let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                let raw = String::from_utf8(attribute.value.to_vec()).unwrap();
                (key, quick_xml::escape::unescape(&raw).unwrap().into_owned())
            })
            .collect();
        Self { kind: kind.to_owned(), attributes }
    }

    fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// `None` when it passes, else what was found.
    fn failure(&self) -> Option<String> {
        match self.kind.as_str() {
            "validation" => {
                let valid = Unit::ucum(self.get("unit")).is_ok();
                (valid != (self.get("valid") == "true")).then(|| format!("valid: {valid}"))
            }
            "displayNameGeneration" => {
                let found = octofhir_ucum::display_name(self.get("unit")).unwrap();
                (found != self.get("display")).then_some(found)
            }
            "conversion" => agrees(self.get("value"), self.get("srcUnit"), self.get("dstUnit"), self.get("outcome")),
            "multiplication" => {
                let unit = octofhir_ucum::unit_multiply(self.get("u1"), self.get("u2")).unwrap().expression;
                let value = number(self.get("v1")) * number(self.get("v2"));
                agrees(&value.to_string(), &unit, self.get("uRes"), self.get("vRes"))
            }
            "division" => {
                let unit = octofhir_ucum::unit_divide(self.get("u1"), self.get("u2")).unwrap().expression;
                let value = number(self.get("v1")) / number(self.get("v2"));
                let to = if self.get("uRes").is_empty() { "1" } else { self.get("uRes") };
                agrees(&value.to_string(), &unit, to, self.get("vRes"))
            }
            other => panic!("a kind of test not known here: {other}"),
        }
    }
}

fn number(text: &str) -> Decimal {
    text.parse().or_else(|_| Decimal::from_scientific(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Whether a conversion agrees to half a unit of the last digit the outcome is written in, or to 12 digits.
fn agrees(value: &str, from: &str, to: &str, outcome: &str) -> Option<String> {
    let found = match convert(number(value), &Unit::ucum(from).unwrap(), &Unit::ucum(to).unwrap(), None) {
        Ok(converted) => converted.value,
        Err(error) => return Some(error.to_string()),
    };
    // outcomes of 1e-18 with 24 digits do not fit a decimal to the last one
    let expected = outcome.parse().or_else(|_| Decimal::from_scientific(outcome)).or_else(|_| {
        let (digits, exponent) = outcome.split_once('e').unwrap();
        Decimal::from_scientific(&format!("{}e{exponent}", digits.get(..12).unwrap()))
    });
    let expected: Decimal = expected.unwrap();
    let half = Decimal::new(5, 1) * Decimal::new(1, expected.scale().min(27));
    let near = (found - expected).abs() <= half.max(expected.abs() * Decimal::new(1, 11));
    (!near).then(|| found.to_string())
}

#[test]
fn every_official_functional_test_passes() {
    let Some(text) = cases() else { return };
    let mut reader = quick_xml::Reader::from_str(&text);
    let (mut section, mut counts, mut failures) = (String::new(), BTreeMap::<String, u32>::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => section = String::from_utf8(tag.name().as_ref().to_vec()).unwrap(),
            Event::Empty(tag) if tag.name().as_ref() == b"case" => {
                let case = Case::read(&section, &tag);
                *counts.entry(section.clone()).or_default() += 1;
                if let Some(found) = case.failure() {
                    failures.push(format!("{} {:?}: found {found}", case.kind, case.attributes));
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let expected =
        [("conversion", 30), ("displayNameGeneration", 9), ("division", 3), ("multiplication", 2), ("validation", 529)];
    assert_eq!(counts, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
}

#[test]
fn every_unit_of_the_specification_is_read() {
    let units = octofhir_ucum::get_all_units();
    assert!(units.len() > 300, "{} units", units.len());
    for unit in units {
        let read = Unit::ucum(unit.code).unwrap_or_else(|error| panic!("{}: {error}", unit.code));
        assert_eq!(read.code(), unit.code);
    }
}
