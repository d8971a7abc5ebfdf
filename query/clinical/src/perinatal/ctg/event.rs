//! What an excursion is called: accelerations, and decelerations with their severity.

use super::{Contraction, CtgLimit, CtgLimits, Excursion, Side};
use crate::perinatal::pregnancy::GestationalAge;

/// Whether the fetus has reached 32 weeks: before, a smaller rise is an acceleration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Maturity {
    /// Before 32 weeks and 0 days.
    Before32Weeks,
    /// From 32 weeks and 0 days on, or not known.
    From32Weeks,
}

impl Maturity {
    /// By the age of the pregnancy.
    pub fn of(age: Option<GestationalAge>) -> Self {
        match age {
            Some(age) if age.weeks_and_days().0 < 32 => Self::Before32Weeks,
            _ => Self::From32Weeks,
        }
    }
}

/// An acceleration.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Acceleration {
    /// Where and how far.
    pub excursion: Excursion,
    /// Whether it lasts two minutes or more.
    pub prolonged: bool,
}

/// What kind of deceleration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DecelerationKind {
    /// Gradual, its nadir at the peak of a contraction (早発一過性徐脈).
    Early,
    /// Gradual, its nadir after the peak of a contraction (遅発一過性徐脈).
    Late,
    /// Gradual, and no contraction was seen that it belongs to: it cannot be said to be early, and is counted as late.
    GradualAlone,
    /// Abrupt (変動一過性徐脈).
    Variable,
    /// Two minutes or more (遷延一過性徐脈).
    Prolonged,
}

/// How severe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// 軽度. Early decelerations have no severity and are mild.
    Mild,
    /// 高度.
    Severe,
}

/// A deceleration.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Deceleration {
    /// Where and how deep.
    pub excursion: Excursion,
    /// What kind.
    pub kind: DecelerationKind,
    /// How severe.
    pub severity: Severity,
    /// The peak of the contraction it belongs to, where there is one.
    pub contraction: Option<usize>,
}

/// Seconds after a contraction within which a deceleration still belongs to it.
const AFTER_CONTRACTION: usize = 60;

/// What an upward excursion is; `None` where it is no acceleration, or lasts so long that it is a change of the baseline.
pub fn acceleration(excursion: &Excursion, maturity: Maturity, limits: &CtgLimits) -> Option<Acceleration> {
    let (rise, time) = match maturity {
        Maturity::Before32Weeks => (CtgLimit::PretermRise, CtgLimit::PretermTime),
        Maturity::From32Weeks => (CtgLimit::AccelerationRise, CtgLimit::AccelerationTime),
    };
    let length = excursion.length();
    let is = excursion.side == Side::Above
        && excursion.depth >= limits.f32(rise)
        && length >= limits.seconds(time)
        && length < limits.seconds(CtgLimit::BaselineChange);
    let prolonged = length >= limits.seconds(CtgLimit::Prolonged);
    let abrupt = excursion.descent() < limits.seconds(CtgLimit::Abrupt);
    (is && (abrupt || prolonged)).then_some(Acceleration { excursion: *excursion, prolonged })
}

/// What a downward excursion is; `None` where it is no deceleration, or a change of the baseline.
///
/// | length | fall | onset to nadir | contraction | kind |
/// | --- | --- | --- | --- | --- |
/// | 10 min and more | | | | none: the baseline changed |
/// | 2 to 10 min | ≥ 15 | | | prolonged |
/// | from 15 s | ≥ 15 | < 30 s | | variable |
/// | from 15 s | ≥ 10 | ≥ 30 s | peak within 15 s of the nadir | early |
/// | from 15 s | ≥ 10 | ≥ 30 s | peak more than 15 s before the nadir | late |
/// | from 15 s | ≥ 15 | ≥ 30 s | none, or its peak comes later | gradual alone |
pub fn deceleration(excursion: &Excursion, contractions: &[Contraction], limits: &CtgLimits) -> Option<Deceleration> {
    let length = excursion.length();
    if excursion.side != Side::Below
        || length < limits.seconds(CtgLimit::DecelerationTime)
        || length >= limits.seconds(CtgLimit::BaselineChange)
    {
        return None;
    }
    let contraction = contraction_of(excursion, contractions);
    let full = excursion.depth >= limits.f32(CtgLimit::DecelerationFall);
    let shallow = excursion.depth >= limits.f32(CtgLimit::ShallowFall);
    let kind = if length >= limits.seconds(CtgLimit::Prolonged) {
        full.then_some(DecelerationKind::Prolonged)
    } else if excursion.descent() < limits.seconds(CtgLimit::Abrupt) {
        full.then_some(DecelerationKind::Variable)
    } else {
        let lag = limits.seconds(CtgLimit::PeakLag);
        match contraction.map(|contraction| contraction.peak) {
            Some(peak) if excursion.extreme.abs_diff(peak) <= lag => shallow.then_some(DecelerationKind::Early),
            Some(peak) if excursion.extreme > peak => shallow.then_some(DecelerationKind::Late),
            _ => full.then_some(DecelerationKind::GradualAlone),
        }
    }?;
    let contraction = contraction.map(|contraction| contraction.peak);
    Some(Deceleration { excursion: *excursion, kind, severity: severity(excursion, kind, limits), contraction })
}

/// The contraction that a deceleration belongs to: of those it touches, or follows within a minute, the one whose peak is
/// nearest to the nadir.
fn contraction_of<'a>(excursion: &Excursion, contractions: &'a [Contraction]) -> Option<&'a Contraction> {
    contractions
        .iter()
        .filter(|one| excursion.onset < one.end + AFTER_CONTRACTION && one.onset < excursion.end)
        .min_by_key(|one| one.peak.abs_diff(excursion.extreme))
}

fn severity(excursion: &Excursion, kind: DecelerationKind, limits: &CtgLimits) -> Severity {
    let severe = match kind {
        DecelerationKind::Early => false,
        DecelerationKind::Late | DecelerationKind::GradualAlone => excursion.depth >= limits.f32(CtgLimit::LateSevere),
        DecelerationKind::Variable => {
            excursion.deep >= limits.seconds(CtgLimit::VariableDeepTime)
                || excursion.low >= limits.seconds(CtgLimit::VariableLowTime)
        }
        DecelerationKind::Prolonged => excursion.rate < limits.f32(CtgLimit::ProlongedSevere),
    };
    if severe { Severity::Severe } else { Severity::Mild }
}
