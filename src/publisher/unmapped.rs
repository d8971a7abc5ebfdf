//! Laboratory codes that nobody knows, counted.

use clinical::lab::{Jlac10, LocalMap, Loinc};
use model::{CodeSystem, LabResult};
use std::collections::HashMap;

/// Why a code says nothing to others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Unknown {
    /// No map says what it means.
    Unmapped,
    /// It is not what its system says.
    BadCode,
}

impl Unknown {
    /// As the doubts of `lab_results` say it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unmapped => "unmapped",
            Self::BadCode => "bad-code",
        }
    }
}

/// Why nobody knows the code of a result; `None` where it is known, or its facility's map says that it means nothing. The
/// same judgement as the column `code_read` of `lab_results` makes.
pub fn unknown_code(result: &LabResult, map: Option<&LocalMap>) -> Option<Unknown> {
    match &result.code.system {
        CodeSystem::Jlac10 => Jlac10::parse(&result.code.code).is_err().then_some(Unknown::BadCode),
        CodeSystem::Loinc => Loinc::parse(&result.code.code).is_err().then_some(Unknown::BadCode),
        _ => {
            let known = map.and_then(|map| map.resolve(&result.code.code, &result.specimen));
            known.is_none().then_some(Unknown::Unmapped)
        }
    }
}

/// One code, and how often it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unmapped {
    /// Its system.
    pub system: String,
    /// The code.
    pub code: String,
    /// What the source called it first.
    pub display: String,
    /// Why nobody knows it.
    pub why: Unknown,
    /// How many results have it.
    pub results: u64,
}

/// Counts codes that nobody knows.
#[derive(Default, Debug)]
pub struct Codes(HashMap<(String, String), Unmapped>);

impl Codes {
    /// Takes in a result, with its facility's map; each once.
    pub fn take(&mut self, result: &LabResult, map: Option<&LocalMap>) {
        let Some(why) = unknown_code(result, map) else { return };
        let key = (result.code.system.code().to_owned(), result.code.code.clone());
        let found = self.0.entry(key).or_insert_with_key(|(system, code)| Unmapped {
            system: system.clone(),
            code: code.clone(),
            display: String::new(),
            why,
            results: 0,
        });
        if found.display.is_empty() {
            found.display.clone_from(&result.code.display);
        }
        found.results += 1;
    }
    /// How many results have such a code.
    pub fn results(&self) -> u64 {
        self.0.values().map(|found| found.results).sum()
    }
    /// How many distinct codes.
    pub fn distinct(&self) -> u64 {
        self.0.len() as u64
    }
    /// The most frequent ones, at most `limit`.
    pub fn most_frequent(&self, limit: usize) -> Vec<&Unmapped> {
        let mut all: Vec<&Unmapped> = self.0.values().collect();
        all.sort_by(|a, b| (b.results, &a.system, &a.code).cmp(&(a.results, &b.system, &b.code)));
        all.truncate(limit);
        all
    }
}
