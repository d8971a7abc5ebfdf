//! NICHD 2008: three categories, from the last twenty minutes. All limits from memory.

use super::recurrence::Recurrence;
use crate::perinatal::ctg::{DecelerationKind, NotAssessable, VariabilityClass, Window};
use crate::{Certainty, Source};

/// Where the limits come from.
pub const NICHD: Source =
    Source { text: "NICHD workshop on electronic fetal monitoring, 2008, from memory", certainty: Certainty::Memory };

/// A category.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NichdCategory {
    /// I.
    One,
    /// II: everything that is neither I nor III.
    Two,
    /// III.
    Three,
}

/// What speaks against category I.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NichdReason {
    /// Baseline outside 110 to 160.
    Baseline,
    /// Variability is not moderate.
    Variability,
    /// A late, variable or prolonged deceleration.
    Deceleration,
    /// A sinusoidal pattern.
    Sinusoidal,
    /// Absent variability and recurrent late decelerations.
    AbsentWithRecurrentLate,
    /// Absent variability and recurrent variable decelerations.
    AbsentWithRecurrentVariable,
    /// Absent variability and bradycardia.
    AbsentWithBradycardia,
}

impl NichdReason {
    const fn category(self) -> NichdCategory {
        match self {
            Self::Baseline | Self::Variability | Self::Deceleration => NichdCategory::Two,
            Self::Sinusoidal
            | Self::AbsentWithRecurrentLate
            | Self::AbsentWithRecurrentVariable
            | Self::AbsentWithBradycardia => NichdCategory::Three,
        }
    }
}

/// What the NICHD's categories make of the last window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nichd {
    /// Nothing can be said.
    NotAssessable(NotAssessable),
    /// A category, with what speaks against category I; from memory.
    Rated {
        /// The category.
        category: NichdCategory,
        /// Its reasons.
        reasons: Vec<NichdReason>,
    },
}

/// Rates the last of some windows that follow one another; decelerations are recurrent over the last two. `None` without a
/// window.
pub fn nichd(windows: &[Window]) -> Option<Nichd> {
    let now = windows.last()?;
    let reading = match &now.reading {
        Ok(reading) => reading,
        Err(why) => return Some(Nichd::NotAssessable(*why)),
    };
    let twenty = windows.get(windows.len().saturating_sub(2)..).unwrap_or_default();
    let late = |kind: DecelerationKind| matches!(kind, DecelerationKind::Late | DecelerationKind::GradualAlone);
    let recurrent_late = Recurrence::of(twenty, |one| late(one.kind)).recurrent(false);
    let recurrent_variable = Recurrence::of(twenty, |one| one.kind == DecelerationKind::Variable).recurrent(false);
    let baseline = reading.baseline.bpm;
    let class = reading.variability.class;
    let absent = class == VariabilityClass::Absent;
    let reasons: Vec<NichdReason> = [
        (!(110..=160).contains(&baseline), NichdReason::Baseline),
        (class != VariabilityClass::Moderate, NichdReason::Variability),
        (now.decelerations.iter().any(|one| one.kind != DecelerationKind::Early), NichdReason::Deceleration),
        (reading.sinusoid.is_some(), NichdReason::Sinusoidal),
        (absent && recurrent_late, NichdReason::AbsentWithRecurrentLate),
        (absent && recurrent_variable, NichdReason::AbsentWithRecurrentVariable),
        (absent && baseline < 110, NichdReason::AbsentWithBradycardia),
    ]
    .into_iter()
    .filter_map(|(is, reason)| is.then_some(reason))
    .collect();
    let category = reasons.iter().map(|reason| reason.category()).max().unwrap_or(NichdCategory::One);
    Some(Nichd::Rated { category, reasons })
}
