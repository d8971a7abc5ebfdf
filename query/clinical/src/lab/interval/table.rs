//! Which interval holds: the one that came with the result, else the laboratory's own, else the shared one.

use super::{Interval, JCCLS, Reference, ReferenceText};
use crate::Certainty;
use crate::diabetes::BiologicalSex;
use crate::lab::Item;
use rust_decimal::Decimal;

/// What an interval depends on. Age in completed years.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Patient {
    /// The sex, where it is known.
    pub sex: Option<BiologicalSex>,
    /// The age at the time of the test, where it is known.
    pub age: Option<u32>,
}

/// A row of a laboratory's own intervals, in the unit of the item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IntervalRow {
    /// The item's key.
    pub item: String,
    /// For one sex, or for both.
    pub sex: Option<BiologicalSex>,
    /// For patients of at least this age.
    pub from_age: u32,
    /// For patients younger than this, where it ends.
    pub below_age: Option<u32>,
    /// The interval.
    pub interval: Interval,
}

/// Why a laboratory's table was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// No item has this key.
    #[error("row {row}: no item is called `{key}`")]
    Item {
        /// Which row, from 1.
        row: usize,
        /// What was written.
        key: String,
    },
    /// The interval has no end, or its ends are the wrong way round.
    #[error("row {row}: the interval has no end, or its ends are the wrong way round")]
    Interval {
        /// Which row, from 1.
        row: usize,
    },
    /// Two rows hold for one patient.
    #[error("row {row}: an earlier row holds for the same patients")]
    Twice {
        /// Which row, from 1.
        row: usize,
    },
}

/// A laboratory's own intervals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IntervalTable {
    version: String,
    rows: Vec<IntervalRow>,
}

impl IntervalTable {
    /// A laboratory's table.
    ///
    /// # Errors
    /// At the first row that is wrong.
    pub fn new(version: &str, rows: Vec<IntervalRow>) -> Result<Self, IntervalError> {
        for (at, row) in rows.iter().enumerate() {
            let number = at + 1;
            if Item::by_key(&row.item).is_none() {
                return Err(IntervalError::Item { row: number, key: row.item.clone() });
            }
            let (low, high) = (row.interval.low.map(|low| low.0), row.interval.high.map(|high| high.0));
            if Interval::closed(low, high).is_none() {
                return Err(IntervalError::Interval { row: number });
            }
            if rows.iter().take(at).any(|earlier| earlier.overlaps(row)) {
                return Err(IntervalError::Twice { row: number });
            }
        }
        Ok(Self { version: version.to_owned(), rows })
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl IntervalRow {
    fn overlaps(&self, other: &Self) -> bool {
        let sex = self.sex.is_none() || other.sex.is_none() || self.sex == other.sex;
        let before = |one: &Self, two: &Self| one.below_age.is_some_and(|end| end <= two.from_age);
        self.item == other.item && sex && !before(self, other) && !before(other, self)
    }

    fn holds(&self, patient: Patient) -> bool {
        let sex = self.sex.is_none() || patient.sex.is_none() || self.sex == patient.sex;
        // without an age only a row for every age holds
        let age = match patient.age {
            Some(age) => age >= self.from_age && self.below_age.is_none_or(|end| age < end),
            None => self.from_age == 0 && self.below_age.is_none(),
        };
        sex && age
    }
}

/// Where an interval comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IntervalSource {
    /// It came with the result. Its numbers are in the result's own unit.
    Result,
    /// The laboratory's table in this version. Its numbers are in the item's unit.
    Laboratory {
        /// The version.
        version: String,
    },
    /// The JCCLS's shared intervals. Their numbers are in the item's unit.
    Shared {
        /// How certain the row is.
        certainty: Certainty,
    },
}

impl IntervalSource {
    /// A short name for a column.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Laboratory { .. } => "laboratory",
            Self::Shared { .. } => "jccls",
        }
    }
}

/// What holds for a result: one interval, or one for each sex where the sex is not known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// What counts as unremarkable.
    pub references: Vec<Reference>,
    /// Where it comes from.
    pub from: IntervalSource,
}

/// The shared intervals are of adults.
const ADULT: u32 = 18;

/// The interval that came with the result wins; then the laboratory's own; then, for adults, the JCCLS's. An interval that
/// came and was not understood is not replaced by another: nothing is then said.
pub fn choose(
    came_with: Option<&ReferenceText>,
    own: Option<&IntervalTable>,
    item: Option<&Item>,
    patient: Patient,
) -> Option<Chosen> {
    if let Some(text) = came_with.filter(|text| !text.original().trim().is_empty()) {
        let references = text.references(patient.sex);
        return (!references.is_empty()).then_some(Chosen { references, from: IntervalSource::Result });
    }
    let item = item?;
    if let Some(table) = own {
        let rows = table.rows.iter().filter(|row| row.item == item.key && row.holds(patient));
        let references: Vec<_> = rows.map(|row| Reference::Numbers(row.interval)).collect();
        if !references.is_empty() {
            return Some(Chosen { references, from: IntervalSource::Laboratory { version: table.version.clone() } });
        }
    }
    if patient.age.is_none_or(|age| age < ADULT) {
        return None;
    }
    let rows = JCCLS
        .iter()
        .filter(|(key, sex, ..)| *key == item.key && (sex.is_none() || patient.sex.is_none() || *sex == patient.sex));
    let closed = |low: Decimal, high: Decimal| Interval { low: Some((low, true)), high: Some((high, true)) };
    let (mut references, mut certainty) = (Vec::new(), None);
    for (_, _, low, high, source) in rows {
        references.push(Reference::Numbers(closed(*low, *high)));
        // of two rows the less certain one speaks
        let least = certainty.filter(|known| *known == Certainty::Memory).unwrap_or(source.certainty);
        certainty = Some(least);
    }
    Some(Chosen { references, from: IntervalSource::Shared { certainty: certainty? } })
}
