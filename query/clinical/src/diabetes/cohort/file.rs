//! A cohort's definition as a file that facilities give each other: YAML over typed criteria, or a statement.
//!
//! ```
//! use clinical::diabetes::cohort::CohortFile;
//! let text = "
//! name: young-and-high
//! version: '2026-11'
//! ja: 40歳未満でHbA1c 9%以上
//! en: Younger than 40 with HbA1c 9 % or more
//! where:
//!   all:
//!     - alive
//!     - diabetes
//!     - age: { from: 0, to: 39 }
//!     - at-least: { measure: hba1c, value: 9.0, within-days: 180 }
//! ";
//! let file = CohortFile::parse(text)?;
//! assert_eq!(file.key(), "young-and-high");
//! assert_eq!(CohortFile::parse(&file.to_yaml())?, file);
//! # Ok::<(), clinical::diabetes::cohort::CohortFileError>(())
//! ```

mod form;

use super::{Cohort, Criterion};
use form::Form;
use std::fmt;

/// Why a text is no definition of a cohort, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{rule}", Place(*line))]
pub struct CohortFileError {
    /// Which line, from 1; 0 where it is the file as a whole.
    pub line: u64,
    /// What is wrong, with the field.
    pub rule: String,
}

struct Place(u64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, "line {}: ", self.0) }
    }
}

/// A cohort as its file defines it.
#[derive(Clone, PartialEq, Debug)]
pub enum CohortFile {
    /// By typed criteria.
    Typed(Cohort),
    /// By a statement over the view's tables that gives the numbers of the members.
    Sql {
        /// A short stable name.
        key: String,
        /// Its version.
        version: String,
        /// Japanese name.
        ja: String,
        /// English name.
        en: String,
        /// The statement, as written.
        sql: String,
    },
}

impl CohortFile {
    /// At most so many criteria, inner ones counted.
    pub const CRITERIA: usize = 200;
    /// Criteria lie at most so deep in each other.
    pub const DEPTH: usize = 16;

    /// Reads a file.
    ///
    /// # Errors
    /// With the line and the field, where it is no definition.
    pub fn parse(text: &str) -> Result<Self, CohortFileError> {
        form::read(text)?.into_file().map_err(|rule| CohortFileError { line: 0, rule })
    }

    /// The file, in one spelling: what is read from it is equal.
    pub fn to_yaml(&self) -> String {
        Form::of(self).write()
    }

    /// A short stable name.
    pub fn key(&self) -> &str {
        match self {
            Self::Typed(cohort) => &cohort.key,
            Self::Sql { key, .. } => key,
        }
    }
    /// Its version, as the file says.
    pub fn version(&self) -> &str {
        match self {
            Self::Typed(cohort) => &cohort.version,
            Self::Sql { version, .. } => version,
        }
    }
    /// Japanese and English name.
    pub fn names(&self) -> (&str, &str) {
        match self {
            Self::Typed(cohort) => (&cohort.ja, &cohort.en),
            Self::Sql { ja, en, .. } => (ja, en),
        }
    }
    /// The typed cohort; `None` where a statement defines it.
    pub fn typed(&self) -> Option<&Cohort> {
        match self {
            Self::Typed(cohort) => Some(cohort),
            Self::Sql { .. } => None,
        }
    }
}

/// How many criteria there are, and how deep they lie.
fn extent(criterion: &Criterion) -> (usize, usize) {
    let inner: &[Criterion] = match criterion {
        Criterion::All(of) | Criterion::Any(of) => of,
        Criterion::Not(of) => std::slice::from_ref(of),
        _ => &[],
    };
    let each = inner.iter().map(extent);
    let (count, depth) = each.fold((0, 0), |(count, deep), one| (count + one.0, deep.max(one.1)));
    (count + 1, depth + 1)
}

#[cfg(test)]
mod tests;
