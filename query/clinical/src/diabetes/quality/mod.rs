//! Measures of care as data: named, versioned definitions, evaluated over one person's facts.
//!
//! A measure says of a person and a year: outside its denominator, excluded, met, not met, or missing; and why.
//! Missing is told apart from not met, also where the measure counts it as such.

mod benchmark;
mod hedis;
mod kept;
mod programme;
mod series;

pub use benchmark::{LEAST_CELL, MOST_RELEASES, is_counted_at};
pub use kept::{KeptError, KeptRelease, KeptSeries};
pub use programme::{PROGRAMME_VERSION, Programme, ProgrammeGroup, programme};
pub use series::{Decision, Figures, Held, Series, Suppressed};

use super::answer::{Absent, Found};
use super::day::{Date, age_on, start_of};
use super::denominator::{DenominatorRule, Evidence};
use super::drug::DrugTable;
use super::facts::Facts;
use super::tables::Tables;
use crate::Source;
use model::Moment;

/// A calendar year as measures count it, in Japan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MeasureYear {
    year: i16,
    from: Moment,
    until: Moment,
}

/// The year is outside what moments can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the year {year} lies outside 1801 to 2299")]
pub struct YearError {
    /// The year.
    pub year: i16,
}

impl MeasureYear {
    /// A year.
    ///
    /// # Errors
    /// Outside 1801 to 2299.
    pub fn new(year: i16) -> Result<Self, YearError> {
        let start = |year: i16| Date::new(year, 1, 1).ok().and_then(start_of);
        let known = (1801..=2299).contains(&year);
        match (start(year), start(year + i16::from(known))) {
            (Some(from), Some(until)) if known => Ok(Self { year, from, until }),
            _ => Err(YearError { year }),
        }
    }
    /// The year.
    pub fn year(self) -> i16 {
        self.year
    }
    /// Its last moment: what was true then, and no later fact, is looked at.
    pub fn end(self) -> Moment {
        self.until.plus_micros(-1)
    }
    /// Whether a moment lies in it.
    pub fn contains(self, at: Moment) -> bool {
        self.from <= at && at < self.until
    }
    /// The year before.
    ///
    /// # Errors
    /// Before 1801.
    pub fn before(self) -> Result<Self, YearError> {
        Self::new(self.year - 1)
    }
    fn age(self, facts: &Facts) -> Option<u16> {
        age_on(facts.birth?, Date::new(self.year, 12, 31).ok()?)
    }
}

/// What a measure says of a person.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// Not in the denominator.
    Outside(OutsideReason),
    /// In the denominator by its rules, and taken out.
    Excluded(Exclusion),
    /// The criterion holds, with what it rests on.
    Met(Found<()>),
    /// It does not hold, with what that rests on.
    NotMet(Found<()>),
    /// There is nothing to say it by.
    Missing(Absent),
}

/// Why a person is not in the denominator.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OutsideReason {
    /// No rule of diabetes holds.
    NoDiabetes,
    /// Not of the measure's ages.
    Age,
    /// The age is not known.
    AgeUnknown,
    /// Not under care in the year before.
    NotInCare,
}

/// Why a person is taken out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Exclusion {
    /// Hospice or palliative care in the year.
    Hospice,
    /// Died in the year.
    Died,
    /// End-stage kidney disease or dialysis.
    KidneyReplacement,
    /// Moved away in the year.
    MovedAway,
}

impl Outcome {
    /// `outside`, `excluded`, `met`, `not-met` or `missing`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Outside(_) => "outside",
            Self::Excluded(_) => "excluded",
            Self::Met(_) => "met",
            Self::NotMet(_) => "not-met",
            Self::Missing(_) => "missing",
        }
    }
}

impl OutsideReason {
    /// `no-diabetes`, `age`, `age-unknown` or `not-in-care`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoDiabetes => "no-diabetes",
            Self::Age => "age",
            Self::AgeUnknown => "age-unknown",
            Self::NotInCare => "not-in-care",
        }
    }
}

impl Exclusion {
    /// `hospice`, `died`, `kidney-replacement` or `moved-away`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hospice => "hospice",
            Self::Died => "died",
            Self::KidneyReplacement => "kidney-replacement",
            Self::MovedAway => "moved-away",
        }
    }
}

/// Which outcomes a measure counts in its numerator.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Counts {
    /// Those met. Higher is better.
    Met,
    /// Those met and those missing: a poor result, or none. Lower is better.
    MetOrMissing,
}

/// A measure.
#[derive(Clone, Copy, Debug)]
pub struct QualityMeasure {
    /// Its name and version: a change of meaning is a new name.
    pub key: &'static str,
    /// Japanese name.
    pub ja: &'static str,
    /// English name.
    pub en: &'static str,
    /// Ages on 31 December, both included.
    pub ages: (u16, u16),
    /// What the numerator counts.
    pub counts: Counts,
    /// Where it comes from.
    pub source: Source,
    excluded: fn(&Facts, MeasureYear) -> Option<Exclusion>,
    asked: fn(&Asked<'_>) -> Outcome,
}

/// What a measure is asked about.
struct Asked<'a> {
    facts: &'a Facts,
    year: MeasureYear,
    drugs: &'a DrugTable,
}

/// Counts over many persons.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Met, not met and missing.
    pub denominator: usize,
    /// As the measure counts.
    pub numerator: usize,
    /// Of the denominator, those of whom there is nothing to say it by because it was not measured.
    pub not_measured: usize,
    /// Because it is not open to this viewer (not consented, not linked).
    pub not_open: usize,
    /// Because the facts do not say.
    pub not_said: usize,
    /// Excluded.
    pub excluded: usize,
}

/// All measures.
pub const QUALITY_MEASURES: &[QualityMeasure] = hedis::MEASURES;

impl QualityMeasure {
    /// By its name.
    pub fn by_key(key: &str) -> Option<&'static Self> {
        QUALITY_MEASURES.iter().find(|one| one.key == key)
    }

    /// What it says of a person in a year. Facts after the year are not looked at.
    pub fn of(&self, facts: &Facts, tables: &Tables, year: MeasureYear) -> Outcome {
        let Some(age) = year.age(facts) else { return Outcome::Outside(OutsideReason::AgeUnknown) };
        if age < self.ages.0 || self.ages.1 < age {
            return Outcome::Outside(OutsideReason::Age);
        }
        if !in_two_years(facts, tables, year) {
            return Outcome::Outside(OutsideReason::NoDiabetes);
        }
        if let Some(why) = (self.excluded)(facts, year) {
            return Outcome::Excluded(why);
        }
        (self.asked)(&Asked { facts, year, drugs: &tables.drugs })
    }

    /// Whether an outcome counts in the numerator; `None` outside the denominator.
    pub fn in_numerator(&self, outcome: &Outcome) -> Option<bool> {
        match outcome {
            Outcome::Outside(_) | Outcome::Excluded(_) => None,
            Outcome::Met(_) => Some(true),
            Outcome::NotMet(_) => Some(false),
            Outcome::Missing(_) => Some(self.counts == Counts::MetOrMissing),
        }
    }

    /// The counts over many persons.
    pub fn tally<'a>(&self, outcomes: impl IntoIterator<Item = &'a Outcome>) -> Tally {
        let mut tally = Tally::default();
        for outcome in outcomes {
            tally.excluded += usize::from(matches!(outcome, Outcome::Excluded(_)));
            let Some(counts) = self.in_numerator(outcome) else { continue };
            tally.denominator += 1;
            tally.numerator += usize::from(counts);
            if let Outcome::Missing(absent) = outcome {
                match absent.code() {
                    "not-measured" => tally.not_measured += 1,
                    "not-consented" | "not-linked" => tally.not_open += 1,
                    _ => tally.not_said += 1,
                }
            }
        }
        tally
    }
}

/// Diabetes by codes and drugs of the year or the one before, as HEDIS counts it.
fn in_two_years(facts: &Facts, tables: &Tables, year: MeasureYear) -> bool {
    const RULES: [DenominatorRule; 2] = [
        DenominatorRule { key: "codes-on-two-days", evidence: Evidence::Codes { days: 2 }, source: None },
        DenominatorRule { key: "code-and-drug", evidence: Evidence::CodeAndDrug, source: None },
    ];
    let inside = |at: Moment| year.contains(at) || year.before().is_ok_and(|before| before.contains(at));
    let claims = Facts {
        diagnoses: facts.diagnoses.iter().filter(|one| inside(one.at)).cloned().collect(),
        supplies: facts.supplies.iter().filter(|one| inside(one.at)).cloned().collect(),
        ..Facts::default()
    };
    tables.denominator.by(&RULES, &claims, &tables.drugs, year.end()).counts()
}

#[cfg(test)]
mod tests;
