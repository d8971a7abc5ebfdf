//! Albumin in the urine: measured, or as far as protein stands for it.

use super::{BOUND, KidneyLimits};
use crate::diabetes::answer::{Absent, Answer, Found};
use crate::diabetes::facts::{Facts, Measure};
use crate::lab::Span;
use model::{FacilityId, Moment};
use rust_decimal::Decimal;

/// A category of the chronic kidney disease classification.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AlbuminuriaStage {
    /// Below 30 mg/g.
    A1,
    /// 30 to 299 mg/g.
    A2,
    /// 300 mg/g and more.
    A3,
}

/// What an albuminuria was read from, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AlbuminuriaBasis {
    /// Albumin per creatinine.
    Albumin,
    /// Protein per creatinine.
    Protein,
    /// A dipstick: it stands for albumin, and is shown as doing so.
    Dipstick,
}

/// How much albumin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Albuminuria {
    /// The category.
    pub stage: AlbuminuriaStage,
    /// What it was read from.
    pub basis: AlbuminuriaBasis,
}

impl AlbuminuriaStage {
    /// All, best first.
    pub const ALL: [Self; 3] = [Self::A1, Self::A2, Self::A3];

    /// Of a value against the two limits; `None` where it is a bound on both sides of one.
    pub fn of(value: Span, limits: [Decimal; 2]) -> Option<Self> {
        match limits.map(|limit| value.at_least(limit)) {
            [_, Some(true)] => Some(Self::A3),
            [Some(true), Some(false)] => Some(Self::A2),
            [Some(false), _] => Some(Self::A1),
            _ => None,
        }
    }
    /// `A1` to `A3`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::A1 => "A1",
            Self::A2 => "A2",
            Self::A3 => "A3",
        }
    }
}

impl AlbuminuriaBasis {
    /// `albumin`, `protein` or `dipstick`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Albumin => "albumin",
            Self::Protein => "protein",
            Self::Dipstick => "dipstick",
        }
    }
}

pub(super) type Specimen<'a> = (Moment, &'a FacilityId, Span);

const DAY: i64 = 86_400_000_000;

/// Albumin per creatinine within the days looked back, earliest first: as reported, or from albumin and creatinine of
/// one specimen.
pub(super) fn ratios<'a>(facts: &'a Facts, limits: &KidneyLimits, now: Moment) -> Vec<Specimen<'a>> {
    let mut found = specimens(facts, Measure::AlbuminRatio, limits, now);
    let creatinine = specimens(facts, Measure::UrineCreatinine, limits, now);
    for (at, source, albumin) in specimens(facts, Measure::UrineAlbumin, limits, now) {
        if found.iter().any(|one| (one.0, one.1) == (at, source)) {
            continue;
        }
        let of = creatinine.iter().find(|one| (one.0, one.1) == (at, source));
        // mg/L of albumin over mg/dL of creatinine: times 100 is mg/g
        let Some(creatinine) = of.and_then(|one| one.2.low.filter(|low| Some(*low) == one.2.high)) else { continue };
        let ratio = |end: Option<(Decimal, bool)>| {
            let (value, part) = end?;
            Some((value.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(creatinine.0)?, part))
        };
        let span = Span { low: ratio(albumin.low), high: ratio(albumin.high) };
        if span.low.is_some() || span.high.is_some() {
            found.push((at, source, span));
        }
    }
    found.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| (a.2.low, a.2.high).cmp(&(b.2.low, b.2.high))));
    found
}

/// The values of a measure within the days looked back.
pub(super) fn specimens<'a>(
    facts: &'a Facts,
    measure: Measure,
    limits: &KidneyLimits,
    now: Moment,
) -> Vec<Specimen<'a>> {
    let from = now.plus_micros(-i64::from(limits.albumin_days) * DAY);
    let values = facts.values(measure, now).into_iter().filter(|one| one.at > from);
    values.map(|one| (one.at, &one.source, one.value.value())).collect()
}

/// The latest albuminuria: from albumin where there is any within the days looked back, else from protein, else from a
/// dipstick.
///
/// # Errors
/// When there is none, or it is a bound on both sides of a limit.
pub fn albuminuria(facts: &Facts, limits: &KidneyLimits, now: Moment) -> Answer<Albuminuria> {
    let protein = specimens(facts, Measure::ProteinRatio, limits, now);
    let dipstick = specimens(facts, Measure::ProteinGrade, limits, now);
    let rows = [
        (AlbuminuriaBasis::Albumin, ratios(facts, limits, now), limits.albumin),
        (AlbuminuriaBasis::Protein, protein, limits.protein),
        (AlbuminuriaBasis::Dipstick, dipstick, limits.dipstick),
    ];
    let mut bound = false;
    for (basis, specimens, bounds) in rows {
        let Some((at, source, value)) = specimens.last() else { continue };
        match AlbuminuriaStage::of(*value, bounds) {
            Some(stage) => {
                let value = Albuminuria { stage, basis };
                return Ok(Found { value, at: *at, sources: vec![(*source).clone()] });
            }
            None => bound = true,
        }
    }
    let absent = facts.reach.absent(Measure::AlbuminRatio.category());
    Err(if bound { Absent::CannotBeSaid { why: BOUND } } else { absent })
}
