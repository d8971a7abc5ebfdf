//! Estimated filtration of a person, value by value.

use super::{KidneyLimits, NOT_ADULT, PREGNANT, WHO};
use crate::diabetes::answer::{Absent, Answer};
use crate::diabetes::egfr::{egfr_cystatin_jsn, egfr_jsn};
use crate::diabetes::facts::{Dated, Facts, Measure, Reading};
use model::{FacilityId, Moment};

/// G category of the chronic kidney disease classification.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum GStage {
    /// 90 and more.
    G1,
    /// 60 to 89.
    G2,
    /// 45 to 59.
    G3a,
    /// 30 to 44.
    G3b,
    /// 15 to 29.
    G4,
    /// Below 15.
    G5,
}

impl GStage {
    /// All, best first.
    pub const ALL: [Self; 6] = [Self::G1, Self::G2, Self::G3a, Self::G3b, Self::G4, Self::G5];

    /// Of an eGFR.
    pub fn of(egfr: f64, limits: &KidneyLimits) -> Self {
        let reached = limits.g.iter().position(|limit| egfr >= *limit);
        reached.and_then(|at| Self::ALL.get(at)).copied().unwrap_or(Self::G5)
    }
    /// `G1` to `G5`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::G1 => "G1",
            Self::G2 => "G2",
            Self::G3a => "G3a",
            Self::G3b => "G3b",
            Self::G4 => "G4",
            Self::G5 => "G5",
        }
    }
}

/// What an eGFR was made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FiltrationBasis {
    /// Creatinine, by the Japanese equation.
    Creatinine,
    /// Cystatin C, by the Japanese equation.
    CystatinC,
    /// Both, their mean (eGFRavg).
    Both,
    /// As the laboratory reported it: creatinine, age or sex are not known here.
    Reported,
}

/// One estimate of filtration, mL/min/1.73 m².
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Filtration {
    /// The estimate.
    pub value: f64,
    /// What it was made of.
    pub basis: FiltrationBasis,
    /// Whether it was taken during an admission.
    pub inpatient: bool,
}

/// Every estimate from creatinine up to a moment, earliest first (of one moment and place the lowest last): computed where creatinine, age and sex are known,
/// otherwise as reported. Not in pregnancy.
pub fn filtrations(facts: &Facts, now: Moment) -> Vec<(Moment, &FacilityId, Filtration)> {
    let mut found: Vec<(Moment, &FacilityId, Filtration)> = Vec::new();
    for one in facts.values(Measure::Creatinine, now) {
        let Some(value) = computed(facts, one, egfr_jsn) else { continue };
        let basis = FiltrationBasis::Creatinine;
        found.push((one.at, &one.source, Filtration { value, basis, inpatient: one.value.is_inpatient() }));
    }
    for one in facts.values(Measure::Egfr, now) {
        let known = found.iter().any(|before| before.0 == one.at && before.1 == &one.source);
        let Some(value) = one.value.number().filter(|_| !known && !facts.pregnant_at(one.at)) else { continue };
        let basis = FiltrationBasis::Reported;
        found.push((one.at, &one.source, Filtration { value, basis, inpatient: one.value.is_inpatient() }));
    }
    found.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.value.total_cmp(&a.2.value)));
    found
}

type Equation = fn(f64, f64, crate::diabetes::BiologicalSex) -> Result<f64, crate::OutOfDomainError>;

fn computed(facts: &Facts, one: &Dated<Reading>, equation: Equation) -> Option<f64> {
    if facts.pregnant_at(one.at) {
        return None;
    }
    equation(one.value.number()?, f64::from(facts.age(one.at)?), facts.sex?).ok()
}

/// The latest estimate from creatinine.
///
/// # Errors
/// When there is none: no creatinine and no reported eGFR, age or sex unknown, a child, a pregnancy.
pub fn filtration(facts: &Facts, now: Moment) -> Answer<Filtration> {
    // mostly the last creatinine is the answer, and the others need not be computed
    let last = facts.latest(Measure::Creatinine, now).ok();
    let reported = facts.latest(Measure::Egfr, now).ok().map(|one| one.at);
    if let Some(one) = last.filter(|one| reported.is_none_or(|reported| reported < one.at))
        && let Some(value) = computed(facts, one, egfr_jsn)
    {
        let basis = FiltrationBasis::Creatinine;
        return Ok(one.found(Filtration { value, basis, inpatient: one.value.is_inpatient() }));
    }
    if let Some((at, source, value)) = filtrations(facts, now).pop() {
        return Ok(crate::diabetes::Found { value, at, sources: vec![source.clone()] });
    }
    Err(why_none(facts, Measure::Creatinine, now))
}

/// The latest estimate from cystatin C; the mean with that from creatinine, where both were taken at one moment at one
/// place.
///
/// # Errors
/// When there is none.
pub fn filtration_cystatin(facts: &Facts, now: Moment) -> Answer<Filtration> {
    let found = facts.values(Measure::CystatinC, now).into_iter().rev();
    let mut found = found.filter_map(|one| Some((one, computed(facts, one, egfr_cystatin_jsn)?)));
    let Some((one, value)) = found.next() else { return Err(why_none(facts, Measure::CystatinC, now)) };
    let with = filtrations(facts, now)
        .into_iter()
        .find(|other| other.0 == one.at && other.1 == &one.source && other.2.basis == FiltrationBasis::Creatinine);
    let (value, basis) = match with {
        Some((.., other)) => (f64::midpoint(value, other.value), FiltrationBasis::Both),
        None => (value, FiltrationBasis::CystatinC),
    };
    Ok(one.found(Filtration { value, basis, inpatient: one.value.is_inpatient() }))
}

fn why_none(facts: &Facts, measure: Measure, now: Moment) -> Absent {
    let Ok(one) = facts.latest(measure, now) else {
        return facts.reach.absent(measure.category());
    };
    match facts.age(one.at) {
        None => Absent::CannotBeSaid { why: WHO },
        Some(age) if age < 18 => Absent::DoesNotApply { why: NOT_ADULT },
        Some(_) if facts.pregnant_at(one.at) => Absent::DoesNotApply { why: PREGNANT },
        Some(_) if facts.sex.is_none() => Absent::CannotBeSaid { why: WHO },
        Some(_) => Absent::CannotBeSaid { why: super::BOUND },
    }
}
