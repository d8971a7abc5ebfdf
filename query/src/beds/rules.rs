//! By which limits beds are read.

use clinical::perinatal::PerinatalTables;
use clinical::perinatal::ctg::{JsogTable, Maturity, ReadingRules, Reserve};
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
    /// As a facility's tables say. Maturity and reserve are not known to a board.
    pub fn of(tables: &PerinatalTables) -> Self {
        Self {
            reading: ReadingRules { limits: tables.ctg.clone(), maturity: Maturity::From32Weeks },
            trace: tables.trace.clone(),
            jsog: tables.jsog.clone(),
            reserve: Reserve::Usual,
        }
    }

    /// As shipped: the matrix of levels is one that nobody has confirmed.
    pub fn shipped() -> Self {
        Self::of(&PerinatalTables::shipped())
    }
}
