//! Items (検査項目): what is measured in which kind of specimen, with the codes, names and factors known of it.

mod specimen;
mod table;

pub use specimen::SpecimenKind;
pub use table::{ITEMS, ITEMS_VERSION};

use super::{Jlac10, Loinc, Unit};
use crate::{Certainty, Source};
use rust_decimal::Decimal;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What is measured in which kind of specimen: the row that units, intervals, critical values and delta rules name.
#[derive(Clone, Debug)]
pub struct Item {
    /// A short stable name: `glucose`, `urine-protein`. Tables and facilities' overrides name items by it.
    pub key: &'static str,
    /// Japanese name.
    pub ja: &'static str,
    /// English name.
    pub en: &'static str,
    /// Other names laboratories print.
    pub aliases: &'static [&'static str],
    /// The JLAC10 codes that mean it.
    pub jlac10: &'static [Pattern],
    /// In which specimen.
    pub specimen: SpecimenKind,
    /// The unit results are normalised to (UCUM); empty for what is not a quantity.
    pub unit: &'static str,
    /// LOINC codes, the one to translate to first.
    pub loinc: &'static [(&'static str, Certainty)],
    /// What turns mass into amount, where that is safe.
    pub substance: Option<Substance>,
    /// Charges per molecule: what turns mEq into mmol.
    pub valence: Option<u32>,
    /// An enzyme activity, for which IU (the old writing) and U are the same.
    pub enzyme: bool,
    /// Bounds no patient's value is outside, in `unit`: a value outside them has another unit than it says.
    pub plausible: Option<(Decimal, Decimal)>,
}

/// A substance with its mass per mole.
#[derive(Clone, Copy, Debug)]
pub struct Substance {
    /// Its formula, from which the mass can be computed again.
    pub formula: &'static str,
    /// Grams per mole of what is reported (urea nitrogen: per mole of urea, 2 N).
    pub grams_per_mole: Decimal,
    /// Where it comes from.
    pub source: Source,
}

/// Which JLAC10 codes mean an item: the analyte, and where one analyte holds several items, the result part.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// The 5-character analyte.
    pub analyte: &'static str,
    /// The 2-character result parts; empty for all.
    pub results: &'static [&'static str],
}

static BY_ANALYTE: LazyLock<HashMap<&'static str, Vec<&'static Item>>> = LazyLock::new(|| {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for item in ITEMS {
        for pattern in item.jlac10 {
            found.entry(pattern.analyte).or_default().push(item);
        }
    }
    found
});

static OWN_UNITS: LazyLock<HashMap<&'static str, Unit>> =
    LazyLock::new(|| ITEMS.iter().filter_map(|item| Some((item.unit, Unit::ucum(item.unit).ok()?))).collect());

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Item {}

impl Item {
    /// The item of this key.
    pub fn by_key(key: &str) -> Option<&'static Self> {
        ITEMS.iter().find(|item| item.key == key)
    }

    /// The item that somebody names by its key, a JLAC10 code or a LOINC code.
    pub fn find(text: &str) -> Option<&'static Self> {
        Self::by_key(text)
            .or_else(|| Self::of_jlac10(&Jlac10::parse(text).ok()?))
            .or_else(|| Self::of_loinc(&Loinc::parse(text).ok()?))
    }

    /// The item a JLAC10 code means: its analyte in that kind of specimen, and, for an analyte that holds several
    /// items (2A990 blood count, 2B030 prothrombin time), that result part.
    pub fn of_jlac10(code: &Jlac10) -> Option<&'static Self> {
        let specimen = SpecimenKind::of_jlac10(code.specimen());
        ITEMS
            .iter()
            .find(|item| item.specimen.covers(specimen) && item.jlac10.iter().any(|pattern| pattern.covers(code)))
    }

    /// The unit results are normalised to; `None` for what is not a quantity.
    pub fn own_unit(&self) -> Option<&'static Unit> {
        OWN_UNITS.get(self.unit)
    }

    /// The items of a code's analyte and result part, in any specimen.
    pub(crate) fn of_analyte(code: &Jlac10) -> impl Iterator<Item = &'static Self> {
        let of_analyte = BY_ANALYTE.get(code.analyte()).map(Vec::as_slice).unwrap_or_default();
        of_analyte.iter().copied().filter(|item| item.jlac10.iter().any(|pattern| pattern.covers(code)))
    }

    /// The item a LOINC code means.
    pub fn of_loinc(code: &Loinc) -> Option<&'static Self> {
        ITEMS.iter().find(|item| item.loinc.iter().any(|(loinc, _)| *loinc == code.as_str()))
    }

    /// All names it goes by.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.ja, self.en].into_iter().chain(self.aliases.iter().copied())
    }
}

impl Pattern {
    fn covers(&self, code: &Jlac10) -> bool {
        // an order code (15 characters) has no result part and means an item only where all results do
        self.analyte == code.analyte() && (self.results.is_empty() || self.results.contains(&code.result()))
    }
}

#[cfg(test)]
mod tests;
