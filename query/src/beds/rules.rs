//! By which limits beds are read.

use clinical::perinatal::PerinatalTables;
use clinical::perinatal::chart::AtBed;
use clinical::perinatal::ctg::{JsogTable, ReadingRules, Reserve};
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
    /// What of the pregnancy maturity and reserve rest on.
    pub at_bed: AtBed,
}

impl Rules {
    /// As a facility's tables say, of a pregnancy of which nothing is known.
    pub fn of(tables: &PerinatalTables) -> Self {
        let at_bed = AtBed::default();
        Self {
            reading: ReadingRules { limits: tables.ctg.clone(), maturity: at_bed.maturity },
            trace: tables.trace.clone(),
            jsog: tables.jsog.clone(),
            reserve: at_bed.reserve,
            at_bed,
        }
    }

    /// The same for a bed, by what is known of its pregnancy.
    #[must_use]
    pub fn at(&self, at_bed: AtBed) -> Self {
        let mut rules = Self { reserve: at_bed.reserve, at_bed, ..self.clone() };
        rules.reading.maturity = rules.at_bed.maturity;
        rules
    }

    /// As shipped: the matrix of levels is one that nobody has confirmed.
    pub fn shipped() -> Self {
        Self::of(&PerinatalTables::shipped())
    }
}
