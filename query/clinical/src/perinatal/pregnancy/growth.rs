//! The growth of the fetus: estimated weight, and where a measure lies in a table of means and deviations.
//!
//! The tables of the Japanese standard (JSUM 2003) are not shipped: they were not read in a text that could be checked. A
//! facility brings its own, and without one no deviation is said.

use super::GestationalAge;
use crate::{Certainty, OutOfDomainError, Source, within};

/// Where the formula of the weight comes from.
pub const ESTIMATED_WEIGHT: Source = Source {
    text: "EFW = 1.07·BPD³ + 0.30·AC²·FL (JSUM 2003, as given by medcalc.jp/efw and others)",
    certainty: Certainty::Secondary,
};
/// Below this many deviations a fetus is small (FGR is looked for), by the guideline.
pub const SMALL: f64 = -1.5;
/// Where [`SMALL`] comes from.
pub const SMALL_SOURCE: Source =
    Source { text: "産科編 guideline: −1.5 SD and below, from memory", certainty: Certainty::Memory };

/// The estimated weight in grams from biparietal diameter, abdominal circumference and femur length in millimetres.
///
/// # Errors
/// When a measure is none a fetus of the second or third trimester has.
pub fn estimated_weight(bpd: f64, ac: f64, fl: f64) -> Result<f64, OutOfDomainError> {
    let bpd = within("bpd", bpd, (20.0, 120.0), "20 to 120 mm")? / 10.0;
    let ac = within("ac", ac, (60.0, 450.0), "60 to 450 mm")? / 10.0;
    let fl = within("fl", fl, (8.0, 90.0), "8 to 90 mm")? / 10.0;
    Ok(1.07 * bpd.powi(3) + 0.30 * ac.powi(2) * fl)
}

/// What is measured of a fetus.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FetalMeasure {
    /// Estimated weight, g.
    Weight,
    /// Biparietal diameter, mm.
    Bpd,
    /// Abdominal circumference, mm.
    Ac,
    /// Femur length, mm.
    Fl,
}

impl FetalMeasure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Weight, Self::Bpd, Self::Ac, Self::Fl];

    /// Its unit.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Weight => "g",
            Self::Bpd | Self::Ac | Self::Fl => "mm",
        }
    }
}

/// A row of a table.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GrowthRow {
    /// The age, in days.
    pub age: GestationalAge,
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
}

/// Why a table was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrowthError {
    /// Fewer than two rows.
    #[error("a growth table needs at least two rows")]
    TooFew,
    /// The rows are not in order of age.
    #[error("row {row}: its age does not come after that of the row before")]
    Order {
        /// Which row, from 1.
        row: usize,
    },
    /// A mean or a deviation that is not above zero.
    #[error("row {row}: mean and deviation must be above zero")]
    NotAboveZero {
        /// Which row, from 1.
        row: usize,
    },
    /// The mean falls.
    #[error("row {row}: the mean is smaller than that of the row before, and a fetus does not shrink")]
    Shrinks {
        /// Which row, from 1.
        row: usize,
    },
    /// It does not say where it comes from.
    #[error("a growth table must name its source")]
    NoSource,
}

/// A table of means and deviations of one measure by age.
#[derive(Clone, PartialEq, Debug)]
pub struct GrowthTable {
    measure: FetalMeasure,
    source: String,
    rows: Vec<GrowthRow>,
}

impl GrowthTable {
    /// A facility's table.
    ///
    /// # Errors
    /// When it is not whole or not in order; the error names the row.
    pub fn new(measure: FetalMeasure, source: &str, rows: Vec<GrowthRow>) -> Result<Self, GrowthError> {
        if source.trim().is_empty() {
            return Err(GrowthError::NoSource);
        }
        if rows.len() < 2 {
            return Err(GrowthError::TooFew);
        }
        for (at, row) in rows.iter().enumerate() {
            if !(row.mean > 0.0 && row.deviation > 0.0 && row.mean.is_finite() && row.deviation.is_finite()) {
                return Err(GrowthError::NotAboveZero { row: at + 1 });
            }
        }
        for (at, (before, row)) in rows.iter().zip(rows.iter().skip(1)).enumerate() {
            if row.age <= before.age {
                return Err(GrowthError::Order { row: at + 2 });
            }
            if row.mean < before.mean {
                return Err(GrowthError::Shrinks { row: at + 2 });
            }
        }
        Ok(Self { measure, source: source.trim().to_owned(), rows })
    }
    /// What it is of.
    pub fn measure(&self) -> FetalMeasure {
        self.measure
    }
    /// Where it comes from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its rows, by age.
    pub fn rows(&self) -> &[GrowthRow] {
        &self.rows
    }

    /// Mean and deviation at an age, by straight lines between the rows; `None` before the first row and after the last.
    pub fn at(&self, age: GestationalAge) -> Option<(f64, f64)> {
        if let Some(row) = self.rows.iter().find(|row| row.age == age) {
            return Some((row.mean, row.deviation));
        }
        let (before, after) = self
            .rows
            .iter()
            .zip(self.rows.iter().skip(1))
            .find(|(before, after)| before.age < age && age < after.age)?;
        let days = |age: GestationalAge| f64::from(age.days());
        let along = (days(age) - days(before.age)) / (days(after.age) - days(before.age));
        let between = |from: f64, to: f64| from + (to - from) * along;
        Some((between(before.mean, after.mean), between(before.deviation, after.deviation)))
    }

    /// How many deviations a value lies from the mean at an age; `None` where the table does not reach.
    pub fn deviations(&self, age: GestationalAge, value: f64) -> Option<f64> {
        let (mean, deviation) = self.at(age)?;
        value.is_finite().then(|| (value - mean) / deviation)
    }
}
