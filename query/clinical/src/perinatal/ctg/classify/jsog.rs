//! The JSOG's five levels of ten minutes, with the reasons.

use super::{Confirmation, JsogColumn, JsogRow, JsogTable};
use crate::Source;
use crate::perinatal::ctg::{CtgLimit, CtgLimits, DecelerationKind, NotAssessable, Window};

/// A level.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// 正常波形.
    L1,
    /// 亜正常波形.
    L2,
    /// 異常波形（軽度）.
    L3,
    /// 異常波形（中等度）.
    L4,
    /// 異常波形（高度）.
    L5,
}

impl Level {
    /// All five.
    pub const ALL: [Self; 5] = [Self::L1, Self::L2, Self::L3, Self::L4, Self::L5];

    /// The level of a number, 1 to 5.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.number() == number)
    }
    /// 1 to 5.
    pub const fn number(self) -> u8 {
        match self {
            Self::L1 => 1,
            Self::L2 => 2,
            Self::L3 => 3,
            Self::L4 => 4,
            Self::L5 => 5,
        }
    }
    /// What the guideline proposes, for a physician to judge (from memory): A observe, B watch and treat conservatively,
    /// C prepare rapid delivery, D deliver rapidly and prepare for the newborn.
    pub const fn proposals(self) -> &'static str {
        match self {
            Self::L1 => "A",
            Self::L2 => "A or B",
            Self::L3 => "B or C",
            Self::L4 => "C or D",
            Self::L5 => "D",
        }
    }
}

/// Who has compared the matrix with the guideline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verified {
    /// Nobody: it is as its source says, and must be shown so.
    ByNobody(Source),
    /// A facility.
    By(Confirmation),
}

/// What a matrix says of a window, together with whether the matrix was confirmed. There is no way to the one without the
/// other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rating {
    /// By a matrix that nobody has confirmed.
    Unverified {
        /// What it says.
        verdict: Verdict,
        /// Where its cells come from.
        source: Source,
    },
    /// By a matrix that a facility has confirmed.
    Confirmed {
        /// What it says.
        verdict: Verdict,
        /// By whom, and with what it was compared.
        by: Confirmation,
    },
}

/// A level with its reasons.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The worst level of its reasons.
    pub level: Level,
    /// The reasons, the worst first.
    pub reasons: Vec<JsogReason>,
    /// The version of the matrix.
    pub version: String,
}

/// Whether the fetus has little reserve: one cell asks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reserve {
    /// Growth restriction or an abnormal placenta is known.
    Little,
    /// Neither is known.
    Usual,
}

/// Why a window has its level: one of what is seen in it, and the cell it falls into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JsogReason {
    /// The row.
    pub row: JsogRow,
    /// The column.
    pub column: JsogColumn,
    /// When the deceleration begins, in seconds since the trace began; `None` for the row without one.
    pub deceleration: Option<usize>,
    /// The level of the cell.
    pub level: Level,
    /// Whether the matrix has no entry there, and the worst of its neighbours stands in.
    pub filled: bool,
    /// Whether a gradual deceleration is counted as late because no contraction was seen that it belongs to.
    pub counted_as_late: bool,
}

/// What the JSOG's classification makes of a window.
#[derive(Clone, PartialEq, Debug)]
pub enum Jsog {
    /// Nothing can be said. Never the same as normal.
    NotAssessable(NotAssessable),
    /// A level, unverified or confirmed.
    Rated(Rating),
}

impl JsogTable {
    /// Rates a window.
    pub fn rate(&self, window: &Window, reserve: Reserve, limits: &CtgLimits) -> Jsog {
        let reading = match &window.reading {
            Ok(reading) => reading,
            Err(why) => return Jsog::NotAssessable(*why),
        };
        let bands = [CtgLimit::BaselineSevere, CtgLimit::BaselineLow, CtgLimit::BaselineHigh];
        let bands = bands.map(|limit| limits.value(limit));
        let row = match reading.sinusoid {
            Some(_) => JsogRow::Sinusoidal,
            None => JsogRow::of(reading.variability.class, f64::from(reading.baseline.bpm), bands),
        };
        let none = (JsogColumn::Nothing, None, false);
        let decelerations = window
            .decelerations
            .iter()
            .map(|one| (JsogColumn::of(one), Some(one.excursion.onset), one.kind == DecelerationKind::GradualAlone));
        let mut reasons: Vec<JsogReason> = std::iter::once(none)
            .chain(decelerations)
            .filter_map(|(column, deceleration, counted_as_late)| {
                let cell = self.cell(row, column)?;
                let level = match reserve {
                    Reserve::Little => cell.little_reserve,
                    Reserve::Usual => cell.level,
                };
                Some(JsogReason { row, column, deceleration, level, filled: cell.filled, counted_as_late })
            })
            .collect();
        reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.level), reason.deceleration));
        // every row has a column for no deceleration, so there is a worst
        let level = reasons.first().map_or(Level::L5, |reason| reason.level);
        let verdict = Verdict { level, reasons, version: self.version().to_owned() };
        Jsog::Rated(match self.verified() {
            Verified::ByNobody(source) => Rating::Unverified { verdict, source: *source },
            Verified::By(confirmation) => Rating::Confirmed { verdict, by: confirmation.clone() },
        })
    }
}
