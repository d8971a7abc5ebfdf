//! Every table of limits that perinatal rules rest on, as it holds at a facility.

use super::ctg::{CtgLimits, JsogTable};
use super::maternal::{MaternalLimits, MeowsTable};
use super::pregnancy::{FetalMeasure, GrowthTable, RiskLimits};
use super::trace::TraceLimits;
use std::sync::{Arc, LazyLock};

/// The tables that hold.
#[derive(Clone, PartialEq, Debug)]
pub struct PerinatalTables {
    /// How cardiotocograms are read.
    pub ctg: CtgLimits,
    /// After how long a fault of a trace is named.
    pub trace: TraceLimits,
    /// The matrix of levels, and who has confirmed it.
    pub jsog: JsogTable,
    /// The figures of the maternal rules.
    pub maternal: MaternalLimits,
    /// The colours of vital signs.
    pub meows: MeowsTable,
    /// The figures of the screening.
    pub risk: RiskLimits,
    /// The facility's own tables of growth: none is shipped.
    pub growth: Vec<GrowthTable>,
}

impl PerinatalTables {
    /// The shipped ones: the matrix of levels is one that nobody has confirmed, and there is no table of growth.
    pub fn shipped() -> Self {
        Self {
            ctg: CtgLimits::shipped(),
            trace: TraceLimits::shipped(),
            jsog: JsogTable::shipped(),
            maternal: MaternalLimits::shipped(),
            meows: MeowsTable::shipped(),
            risk: RiskLimits::shipped(),
            growth: Vec::new(),
        }
    }

    /// The shipped ones, made once.
    pub fn shared() -> Arc<Self> {
        static SHIPPED: LazyLock<Arc<PerinatalTables>> = LazyLock::new(|| Arc::new(PerinatalTables::shipped()));
        Arc::clone(&SHIPPED)
    }

    /// The facility's table of growth of one measure.
    pub fn growth_of(&self, measure: FetalMeasure) -> Option<&GrowthTable> {
        self.growth.iter().find(|table| table.measure() == measure)
    }
}
