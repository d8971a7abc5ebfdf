//! By which limits beds are read.

use clinical::perinatal::ctg::{CtgLimits, JsogTable, Maturity, ReadingRules, Reserve};
use clinical::perinatal::trace::TraceLimits;

/// The limits and tables that hold for a board.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How cardiotocograms are read.
    pub reading: ReadingRules,
    /// After how long a fault of a trace is named.
    pub trace: TraceLimits,
    /// The matrix of levels, and who has confirmed it.
    pub jsog: JsogTable,
    /// Whether the fetuses have little reserve.
    pub reserve: Reserve,
}

impl Rules {
    /// As shipped: the matrix of levels is one that nobody has confirmed.
    pub fn shipped() -> Self {
        Self {
            reading: ReadingRules { limits: CtgLimits::shipped(), maturity: Maturity::From32Weeks },
            trace: TraceLimits::shipped(),
            jsog: JsogTable::shipped(),
            reserve: Reserve::Usual,
        }
    }
}
