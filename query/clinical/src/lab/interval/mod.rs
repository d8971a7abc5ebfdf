//! Reference intervals: as they came with a result, the laboratory's own, and the shared ones of the JCCLS.

mod flag;
mod jccls;
mod parse;
mod table;

pub use flag::{Agreement, Flag, agreement, flag};
pub use jccls::{JCCLS, JCCLS_VERSION, SharedRow};
pub use table::{Chosen, IntervalError, IntervalRow, IntervalSource, IntervalTable, Patient, choose};

use super::value::{Grade, Side, Span};
use crate::diabetes::BiologicalSex;
use rust_decimal::Decimal;

/// An interval of numbers; each end is part of it or not, or there is none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Interval {
    /// The lower end and whether it is part of the interval.
    pub low: Option<(Decimal, bool)>,
    /// The upper end and whether it is part of the interval.
    pub high: Option<(Decimal, bool)>,
}

/// Where a value lies from an interval.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// Certainly below it.
    Below,
    /// Certainly in it.
    Within,
    /// Certainly above it.
    Above,
}

impl Interval {
    /// From `low` to `high`, both part of it; `None` when neither is given or they are the wrong way round.
    pub fn closed(low: Option<Decimal>, high: Option<Decimal>) -> Option<Self> {
        match (low, high) {
            (None, None) => None,
            (Some(low), Some(high)) if high < low => None,
            _ => Some(Self { low: low.map(|low| (low, true)), high: high.map(|high| (high, true)) }),
        }
    }

    /// Where a value certainly lies; `None` when that cannot be said (`<5` from 3 to 10).
    pub fn place(&self, value: Span) -> Option<Place> {
        let below = |(low, part): (Decimal, bool)| {
            if part { value.side_of(low) == Side::Below } else { value.at_most(low) == Some(true) }
        };
        let above = |(high, part): (Decimal, bool)| {
            if part { value.side_of(high) == Side::Above } else { value.at_least(high) == Some(true) }
        };
        let over_low = |(low, part): (Decimal, bool)| {
            if part { value.at_least(low) == Some(true) } else { value.side_of(low) == Side::Above }
        };
        let under_high = |(high, part): (Decimal, bool)| {
            if part { value.at_most(high) == Some(true) } else { value.side_of(high) == Side::Below }
        };
        if self.low.is_some_and(below) {
            Some(Place::Below)
        } else if self.high.is_some_and(above) {
            Some(Place::Above)
        } else if self.low.is_none_or(over_low) && self.high.is_none_or(under_high) {
            Some(Place::Within)
        } else {
            None
        }
    }
}

/// What counts as unremarkable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reference {
    /// Numbers in an interval.
    Numbers(Interval),
    /// Grades up to this one.
    UpTo(Grade),
}

/// An interval as it was written, and as it was understood, per sex where it was written so.
#[derive(Clone, PartialEq)]
pub struct ReferenceText {
    original: String,
    by_sex: Vec<(Option<BiologicalSex>, Reference)>,
}

/// What was written may be a comment.
impl std::fmt::Debug for ReferenceText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReferenceText({})", self.by_sex.len())
    }
}

impl ReferenceText {
    /// Reads what a laboratory wrote: `3.5-5.0`, `3.5～5.0`, `5.0以下`, `(-)`, `M:13.7-16.8 F:11.6-14.8`. What is not
    /// understood gives no interval.
    pub fn read(written: &str) -> Self {
        Self { original: written.to_owned(), by_sex: parse::by_sex(written) }
    }

    /// An interval that came as numbers; its original is those numbers.
    pub fn of(reference: Reference) -> Self {
        let end = |end: Option<(Decimal, bool)>| end.map(|(value, _)| value.to_string()).unwrap_or_default();
        let original = match reference {
            Reference::Numbers(interval) => format!("{}-{}", end(interval.low), end(interval.high)),
            Reference::UpTo(grade) => grade.symbol(),
        };
        Self { original, by_sex: vec![(None, reference)] }
    }

    /// Exactly what was written.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// The intervals that hold for a patient: one, or where the sex is not known and the laboratory wrote two, both.
    pub fn references(&self, sex: Option<BiologicalSex>) -> Vec<Reference> {
        let holds = |of: &Option<BiologicalSex>| of.is_none() || sex.is_none() || *of == sex;
        self.by_sex.iter().filter(|(of, _)| holds(of)).map(|(_, reference)| *reference).collect()
    }
}

#[cfg(test)]
mod tests;
