//! Limits beyond which a physician is told at once.
//!
//! Japan has no national table (医療安全の提言 No.20, 2024-12: each facility sets its own). Two published hospital tables
//! are shipped; a facility takes one of them and changes rows, or brings its own.

use crate::lab::decimal::dec;
use crate::lab::value::Span;
use crate::lab::{Interval, Item, Place};
use crate::{Certainty, Source};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// The limits of an item, in its unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CriticalRow {
    /// What is not critical. A value below or above it is.
    pub between: Interval,
    /// Where the limits come from; `None` for a facility's own.
    pub source: Option<Source>,
}

/// Why a row was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CriticalError {
    /// No item has this key.
    #[error("no item is called `{key}`")]
    Item {
        /// What was written.
        key: String,
    },
    /// The limits have no end, or are the wrong way round.
    #[error("the limits of `{key}` have no end, or are the wrong way round")]
    Limits {
        /// The item.
        key: String,
    },
}

/// Whether a value is critical.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Detection {
    /// Certainly below the lower limit.
    Low,
    /// Certainly above the upper limit.
    High,
    /// Certainly not.
    No,
    /// It may be: `<8` against an upper limit of 6. To be looked at by a person.
    CannotBeSaid,
}

/// A facility's limits, by item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CriticalTable {
    version: String,
    rows: BTreeMap<&'static str, CriticalRow>,
}

const NIIGATA: Source = Source {
    text: "Niigata University hospital, panic values, 2012 (med.niigata-u.ac.jp panic.html)",
    certainty: Certainty::Primary,
};
const KAKOGAWA: Source =
    Source { text: "Kakogawa laboratory, panic values (kakogawa.or.jp page03)", certainty: Certainty::Primary };

/// Item, lower limit, upper limit; an empty one is none.
type Limits = (&'static str, &'static str, &'static str);

/// A value is critical beyond these: `<2.5, >6.0`.
const NIIGATA_ROWS: &[Limits] = &[
    ("glucose", "50", "500"),
    ("potassium", "2.5", "6.0"),
    ("sodium", "125", "155"),
    ("calcium", "6", "14"),
    ("creatinine", "", "8"),
    ("urea-nitrogen", "", "80"),
    ("ast", "", "500"),
    ("alt", "", "500"),
    ("haemoglobin", "6.0", ""),
    ("platelets", "50", ""),
    ("wbc", "2.0", ""),
    ("pt-inr", "", "4.0"),
];

/// A value is critical from these on: `≤2.5, ≥6.0`.
const KAKOGAWA_ROWS: &[Limits] = &[
    ("glucose", "50", "500"),
    ("potassium", "2.5", "6.0"),
    ("sodium", "120", "160"),
    ("calcium", "6", "12"),
    ("creatinine", "", "8"),
    ("urea-nitrogen", "", "100"),
    ("ast", "", "500"),
    ("alt", "", "500"),
    ("haemoglobin", "5", "20"),
    ("platelets", "30", "1000"),
    ("wbc", "2", "20"),
    ("pt-inr", "", "4.0"),
];

impl CriticalTable {
    /// The shipped default: [`Self::kakogawa`], whose limits have two sides for blood counts.
    pub fn shipped() -> Self {
        Self::kakogawa()
    }

    /// The limits of Kakogawa's laboratory; the limit itself is critical.
    pub fn kakogawa() -> Self {
        Self::published("kakogawa", KAKOGAWA_ROWS, false, KAKOGAWA)
    }

    /// The limits of Niigata University hospital; the limit itself is not critical.
    pub fn niigata() -> Self {
        Self::published("niigata-2012", NIIGATA_ROWS, true, NIIGATA)
    }

    fn published(version: &str, rows: &[Limits], limit_is_harmless: bool, source: Source) -> Self {
        let end = |text: &'static str| (!text.is_empty()).then(|| (dec(text), limit_is_harmless));
        let row = |(key, low, high): &Limits| {
            (*key, CriticalRow { between: Interval { low: end(low), high: end(high) }, source: Some(source) })
        };
        Self { version: version.to_owned(), rows: rows.iter().map(row).collect() }
    }

    /// The same with a facility's own rows: limits replaced or added, or, with `None`, an item taken out.
    ///
    /// # Errors
    /// When a row names no item or its limits are none.
    pub fn with<'a>(
        mut self,
        version: &str,
        rows: impl IntoIterator<Item = (&'a str, Option<Interval>)>,
    ) -> Result<Self, CriticalError> {
        for (key, limits) in rows {
            let item = Item::by_key(key).ok_or_else(|| CriticalError::Item { key: key.to_owned() })?;
            let Some(between) = limits else {
                self.rows.remove(item.key);
                continue;
            };
            let ends = |end: Option<(Decimal, bool)>| end.map(|(value, _)| value);
            if Interval::closed(ends(between.low), ends(between.high)).is_none() {
                return Err(CriticalError::Limits { key: key.to_owned() });
            }
            self.rows.insert(item.key, CriticalRow { between, source: None });
        }
        self.version = version.to_owned();
        Ok(self)
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The limits of an item.
    pub fn row(&self, item: &Item) -> Option<&CriticalRow> {
        self.rows.get(item.key)
    }

    /// Whether a value, in the item's unit, is critical; `None` for an item without limits.
    pub fn detect(&self, item: &Item, value: Span) -> Option<Detection> {
        Some(match self.row(item)?.between.place(value) {
            Some(Place::Below) => Detection::Low,
            Some(Place::Above) => Detection::High,
            Some(Place::Within) => Detection::No,
            None => Detection::CannotBeSaid,
        })
    }
}
