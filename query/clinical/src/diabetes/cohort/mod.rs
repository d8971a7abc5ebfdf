//! Cohorts: criteria as values, who meets them and why, and what makes a person enter or leave.
//!
//! A criterion is true, false or not known of a person (Kleene); only who certainly meets all is a member. Membership is
//! a function of one person's facts and the moment: what touches one person is evaluated for that person alone.

mod criterion;
mod file;
mod looks;
mod named;
mod roll;
mod since;
mod step;
mod wake;

pub use criterion::{Criterion, Ground, Truth, Verdict, Within};
pub use file::{CohortFile, CohortFileError};
pub use named::named;
pub use roll::{Membership, Roll, Turned};
pub use since::{Since, known};
use step::cause;
pub use step::{Cause, Change, Step, step};

use super::facts::Facts;
use super::person::Person;
use super::tables::Tables;
use model::Moment;

/// A cohort's definition.
#[derive(Clone, PartialEq, Debug)]
pub struct Cohort {
    /// A short stable name.
    pub key: String,
    /// Its version.
    pub version: String,
    /// Japanese name.
    pub ja: String,
    /// English name.
    pub en: String,
    /// Who is in it.
    pub criterion: Criterion,
}

impl Cohort {
    /// Whether a person is a member at a moment, and why.
    pub fn of(&self, facts: &Facts, tables: &Tables, now: Moment) -> Verdict {
        self.criterion.of(&Person::new(facts, tables, now))
    }

    /// The next moment at which membership may change though no fact does: a check becomes overdue, a supply runs out, a
    /// birthday. `None` where time alone changes nothing. It may be too early, never too late.
    pub fn wakes_at(&self, facts: &Facts, tables: &Tables, now: Moment) -> Option<Moment> {
        wake::next(&self.criterion, facts, tables, now)
    }
}

#[cfg(test)]
mod tests;
