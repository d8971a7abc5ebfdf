//! From what a laboratory wrote to UCUM.

use super::vocabulary::{CASED, COUNTED, CREATININE, EQUIVALENTS, NUMBERS, PARTS, WHOLE, WORDS};
use super::{Unit, UnitError};
use crate::lab::Item;
use crate::lab::fold::fold;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Changes with every change of the shipped spellings and rules.
pub const SPELLINGS_VERSION: &str = "2026-11-22";

/// How a unit was read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reading {
    /// It is UCUM as written.
    Ucum,
    /// A known spelling.
    Spelling,
    /// The facility's own table.
    Facility,
    /// Something was left off and supplied from the item: `×10^4` of platelets is per microlitre.
    Supplied,
}

impl Reading {
    /// A short name for a column.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ucum => "ucum",
            Self::Spelling => "spelling",
            Self::Facility => "facility",
            Self::Supplied => "supplied",
        }
    }
}

/// A unit and how it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadUnit {
    /// The unit.
    pub unit: Unit,
    /// How it was read.
    pub how: Reading,
}

/// Spellings of units: the shipped table and rules, and what a facility adds or changes.
#[derive(Clone, Debug, Default)]
pub struct UnitSpellings {
    version: String,
    facility: HashMap<String, Unit>,
}

static SHIPPED: LazyLock<UnitSpellings> = LazyLock::new(UnitSpellings::default);
static WHOLES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| WHOLE.iter().copied().collect());
static PART: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| PARTS.iter().copied().collect());
/// Codes that come with almost every result, parsed once.
static COMMON: LazyLock<HashMap<&'static str, Unit>> = LazyLock::new(|| {
    const CODES: &[&str] = &[
        "%",
        "mg/dL",
        "g/dL",
        "U/L",
        "mmol/L",
        "meq/L",
        "10*3/uL",
        "10*4/uL",
        "10*6/uL",
        "10*2/uL",
        "/uL",
        "ng/mL",
        "pg/mL",
        "ug/dL",
        "ug/mL",
        "u[IU]/mL",
        "m[IU]/L",
        "[IU]/L",
        "fL",
        "pg",
        "s",
        "mg/L",
        "g/L",
        "mm/h",
        "ng/dL",
        "mL/min/{1.73_m2}",
        "mg/g{creat}",
        "umol/L",
        "{INR}",
        "10*9/L",
        "10*12/L",
        "mmol/mol",
        "{COI}",
    ];
    CODES.iter().filter_map(|code| Some((*code, Unit::ucum(code).ok()?))).collect()
});

impl UnitSpellings {
    /// The shipped spellings.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// The shipped spellings with a facility's own before them: what it writes, and the UCUM it means.
    ///
    /// # Errors
    /// When one of the units is not UCUM.
    pub fn with<'a>(version: &str, rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, UnitError> {
        let facility = rows
            .into_iter()
            .map(|(written, code)| Ok((folded(written), Unit::ucum(code)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { version: version.to_owned(), facility })
    }

    /// The version of the facility's table; empty for the shipped one ([`SPELLINGS_VERSION`]).
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Reads what a laboratory wrote. `of` is what was measured, where it is known.
    ///
    /// # Errors
    /// When nothing was written or it cannot be read.
    pub fn read(&self, written: &str, of: Option<&Item>) -> Result<ReadUnit, UnitError> {
        if let Some(unit) = COMMON.get(written).filter(|_| self.facility.is_empty()) {
            return Ok(ReadUnit { unit: unit.clone(), how: Reading::Ucum });
        }
        let text = folded(written);
        if text.is_empty() {
            return Err(UnitError::Absent);
        }
        if let Some(unit) = self.facility.get(&text) {
            return Ok(ReadUnit { unit: unit.clone(), how: Reading::Facility });
        }
        let unknown = || UnitError::Unknown { written: written.to_owned() };
        let read = whole(&text).map(str::to_owned).or_else(|| parts(&text));
        let (code, how) = match read {
            Some(code) if code == written => (code, Reading::Ucum),
            Some(code) => (code, Reading::Spelling),
            None => match bare_count(&text) {
                Some(power) if of.is_some_and(is_blood_count) => (format!("10*{power}/uL"), Reading::Supplied),
                Some(_) => return Err(UnitError::PerWhat { written: written.to_owned() }),
                None if is_bare(written.trim()) => return Err(unknown()),
                None => (written.trim().to_owned(), Reading::Ucum),
            },
        };
        let (code, how) = match of.and_then(|item| per_creatinine(&code, item)) {
            Some(code) => (code, Reading::Supplied),
            None => (code, how),
        };
        match COMMON.get(code.as_str()) {
            Some(unit) => Ok(ReadUnit { unit: unit.clone(), how }),
            None => Ok(ReadUnit { unit: Unit::ucum(&code).map_err(|_| unknown())?, how }),
        }
    }
}

fn is_blood_count(item: &Item) -> bool {
    item.unit.ends_with("/uL") && item.unit.starts_with("10*")
}

/// `mg/g` of an item that is per creatinine: the item's code says what the grams are of, and the unit need not.
fn per_creatinine(code: &str, item: &Item) -> Option<String> {
    const CREATININE: &str = "{creat}";
    let (_, below) = code.split_once('/')?;
    let plain = matches!(below, "g" | "mg" | "mol" | "mmol");
    (plain && item.unit.ends_with(CREATININE)).then(|| format!("{code}{CREATININE}"))
}

/// Folded, without spaces; `10 4` with the space for a raised digit becomes `10^4` first.
fn folded(written: &str) -> String {
    let text = fold(written);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(' ') {
        out.push_str(before);
        let power = before.ends_with("10") && after.starts_with(|c: char| c.is_ascii_digit());
        if power {
            out.push('^');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Capitals alone, or figures alone: UCUM to the letter (`P/F` is poise per farad, `K` kelvin) and never what a laboratory
/// means by it.
fn is_bare(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_uppercase() || c == '/') || text.chars().all(|c| c.is_ascii_digit())
}

fn whole(text: &str) -> Option<&'static str> {
    if let Some((_, code)) = CASED.iter().find(|(written, _)| *written == text) {
        return Some(code);
    }
    WHOLES.get(text.to_lowercase().as_str()).copied()
}

/// Part by part: a power of ten, what is counted, and what it is per.
fn parts(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    if let Some((name, code)) = EQUIVALENTS.iter().find(|(name, _)| lower.ends_with(name)) {
        let unit = lower.strip_suffix(name).and_then(parts)?;
        return Some(format!("{unit}{code}"));
    }
    let text = without_temperature(&lower);
    let (power, rest) = match power(text) {
        Some((power, rest)) => (Some(power), rest),
        None => (None, text),
    };
    let rest = rest.strip_prefix('1').filter(|rest| rest.starts_with('/')).unwrap_or(rest);
    let mut code = power.map(|power| format!("10*{power}")).unwrap_or_default();
    for (at, written) in rest.split('/').enumerate() {
        let written = COUNTED.iter().find_map(|counted| written.strip_prefix(counted)).unwrap_or(written);
        if at == 0 && written.is_empty() {
            continue;
        }
        let part = part(written)?;
        match (at, code.is_empty()) {
            (0, true) => {}
            // a power of ten of litres has lost its solidus
            (0, false) if !part.ends_with('L') => code.push('.'),
            _ => code.push('/'),
        }
        code.push_str(&part);
    }
    // a power alone says nothing of what it is per; a lone name such as `個` counts without a unit
    let complete = !code.is_empty() && (power.is_none() || rest.contains('/') || !rest.is_empty());
    complete.then_some(code)
}

fn part(written: &str) -> Option<String> {
    if let Some(code) = PART.get(written) {
        return Some((*code).to_owned());
    }
    // g·Cr, gCr, g(creat), g.CRE, g-cre
    let mass = CREATININE.iter().find_map(|name| {
        let before = written.trim_end_matches(['.', ')']).strip_suffix(name.trim_end_matches(')'))?;
        Some(before.trim_end_matches(['.', '·', '-', '(', '/', '*'])).filter(|before| !before.is_empty())
    })?;
    let code = PART.get(mass)?;
    let counts = code.ends_with('g') || code.ends_with("mol");
    counts.then(|| format!("{code}{{creat}}"))
}

/// `IU/L/37°C`: the temperature of the assay is no part of the unit.
fn without_temperature(text: &str) -> &str {
    let plain = text.trim_end_matches("°c").trim_end_matches('°');
    match plain.strip_suffix("37") {
        Some(before) => before.trim_end_matches(['/', '·']),
        None => text,
    }
}

/// A leading power of ten and what follows it.
fn power(text: &str) -> Option<(u32, &str)> {
    let signless = text.trim_start_matches(['×', 'x', '.', '*']);
    let marked = signless.len() < text.len();
    if let Some(after) = signless.strip_prefix("10") {
        let raised = after.trim_start_matches(['^', '*', '×', 'x', 'e', 'の', '\\', 's']);
        if raised.len() < after.len() {
            let end = raised.find(|c: char| !c.is_ascii_digit()).unwrap_or(raised.len());
            let (digits, rest) = raised.split_at_checked(end)?;
            let rest = rest.strip_prefix(['乗', '.']).unwrap_or(rest);
            return digits.parse().ok().filter(|power| (1..=12).contains(power)).map(|power| (power, rest));
        }
    }
    let listed = WORDS.iter().chain(NUMBERS).find_map(|(word, power)| Some((*power, signless.strip_prefix(word)?)));
    // `100/μL` is a hundred per microlitre; `100` alone, or `1000mg`, is not a unit
    listed.filter(|(_, rest)| marked || rest.is_empty() || rest.starts_with('/') || counted(rest))
}

fn counted(rest: &str) -> bool {
    COUNTED.iter().any(|counted| rest.starts_with(counted))
}

/// The power of a count written without its volume: `×10^4`, `10^4/`, `x10^6/μ`, `万`.
fn bare_count(text: &str) -> Option<u32> {
    let lower = text.to_lowercase();
    let (power, rest) = power(&lower)?;
    matches!(rest, "" | "/" | "/μ" | "/u" | "個" | "個/").then_some(power)
}
