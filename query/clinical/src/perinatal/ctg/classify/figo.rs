//! FIGO 2015, from the last windows of ten minutes. All limits from memory.
//!
//! Times of the guideline are counted in whole windows: "more than 30 minutes" is met by four windows, not by three.

use super::recurrence::Recurrence;
use crate::perinatal::ctg::{DecelerationKind, NotAssessable, Window};
use crate::{Certainty, Source};

/// Where the limits come from.
pub const FIGO: Source = Source {
    text: "FIGO consensus guidelines on intrapartum fetal monitoring, 2015, from memory",
    certainty: Certainty::Memory,
};

/// A category.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FigoCategory {
    /// Normal.
    Normal,
    /// Suspicious: at least one feature of normality is missing.
    Suspicious,
    /// Pathological.
    Pathological,
}

/// What speaks against normal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FigoReason {
    /// Baseline outside 110 to 160.
    Baseline,
    /// Baseline below 100.
    BaselineBelow100,
    /// Variability outside 5 to 25.
    Variability,
    /// Variability below 5 for more than 50 minutes.
    VariabilityReducedLong,
    /// Variability above 25 for more than 30 minutes.
    VariabilityIncreasedLong,
    /// A sinusoidal pattern.
    Sinusoidal,
    /// A sinusoidal pattern for more than 30 minutes.
    SinusoidalLong,
    /// Decelerations with more than half of the contractions.
    Repetitive,
    /// Late or prolonged ones with more than half of the contractions, for more than 30 minutes (20 where variability is
    /// reduced).
    RepetitiveLateOrProlonged,
    /// One deceleration of more than 5 minutes.
    LongerThanFiveMinutes,
}

impl FigoReason {
    const fn category(self) -> FigoCategory {
        match self {
            Self::Baseline | Self::Variability | Self::Sinusoidal | Self::Repetitive => FigoCategory::Suspicious,
            Self::BaselineBelow100
            | Self::VariabilityReducedLong
            | Self::VariabilityIncreasedLong
            | Self::SinusoidalLong
            | Self::RepetitiveLateOrProlonged
            | Self::LongerThanFiveMinutes => FigoCategory::Pathological,
        }
    }
}

/// What FIGO makes of the last window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Figo {
    /// Nothing can be said.
    NotAssessable(NotAssessable),
    /// A category, with what speaks against normal; from memory.
    Rated {
        /// The category.
        category: FigoCategory,
        /// Its reasons.
        reasons: Vec<FigoReason>,
    },
}

/// Rates the last of some windows that follow one another; the earlier ones say how long something has lasted. `None`
/// without a window.
pub fn figo(windows: &[Window]) -> Option<Figo> {
    let now = windows.last()?;
    let reading = match &now.reading {
        Ok(reading) => reading,
        Err(why) => return Some(Figo::NotAssessable(*why)),
    };
    let low = |window: &Window| window.reading.as_ref().is_ok_and(|reading| reading.variability.amplitude < 5.0);
    let high = |window: &Window| window.reading.as_ref().is_ok_and(|reading| reading.variability.amplitude > 25.0);
    let wave = |window: &Window| window.reading.as_ref().is_ok_and(|reading| reading.sinusoid.is_some());
    let lasting = |is: &dyn Fn(&Window) -> bool| windows.iter().rev().take_while(|window| is(window)).count();
    let repeated = |window: &Window| {
        let late = |kind: DecelerationKind| matches!(kind, DecelerationKind::Late | DecelerationKind::GradualAlone);
        // FIGO calls prolonged what lasts more than three minutes
        Recurrence::of(std::slice::from_ref(window), |one| late(one.kind) || one.excursion.length() > 180)
            .recurrent(true)
    };
    let baseline = reading.baseline.bpm;
    let repeated_for = lasting(&repeated);
    let reasons: Vec<FigoReason> = [
        (!(110..=160).contains(&baseline), FigoReason::Baseline),
        (baseline < 100, FigoReason::BaselineBelow100),
        (low(now) || high(now), FigoReason::Variability),
        (lasting(&low) > 5, FigoReason::VariabilityReducedLong),
        (lasting(&high) > 3, FigoReason::VariabilityIncreasedLong),
        (wave(now), FigoReason::Sinusoidal),
        (lasting(&wave) > 3, FigoReason::SinusoidalLong),
        (Recurrence::of(std::slice::from_ref(now), |_| true).recurrent(true), FigoReason::Repetitive),
        (repeated_for > 3 || (repeated_for > 2 && low(now)), FigoReason::RepetitiveLateOrProlonged),
        (now.decelerations.iter().any(|one| one.excursion.length() > 300), FigoReason::LongerThanFiveMinutes),
    ]
    .into_iter()
    .filter_map(|(is, reason)| is.then_some(reason))
    .collect();
    let category = reasons.iter().map(|reason| reason.category()).max().unwrap_or(FigoCategory::Normal);
    Some(Figo::Rated { category, reasons })
}
