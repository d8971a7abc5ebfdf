//! All tables a person's facts are read by, together.

use super::denominator::Denominator;
use super::drug::DrugTable;
use super::due::DueTable;
use super::kidney::KidneyLimits;
use super::target::TargetTable;
use std::sync::{Arc, LazyLock};

/// The tables of a facility.
#[derive(Clone, PartialEq, Debug)]
pub struct Tables {
    /// Who has diabetes.
    pub denominator: Denominator,
    /// What drug codes mean.
    pub drugs: DrugTable,
    /// HbA1c targets.
    pub targets: TargetTable,
    /// When checks are due.
    pub due: DueTable,
    /// Limits of the kidney.
    pub kidney: KidneyLimits,
}

impl Tables {
    /// The shipped ones.
    pub fn shipped() -> Self {
        Self {
            denominator: Denominator::shipped(),
            drugs: DrugTable::shipped(),
            targets: TargetTable::shipped(),
            due: DueTable::shipped(),
            kidney: KidneyLimits::shipped(),
        }
    }

    /// The shipped ones, made once.
    pub fn shared() -> Arc<Self> {
        static SHIPPED: LazyLock<Arc<Tables>> = LazyLock::new(|| Arc::new(Tables::shipped()));
        Arc::clone(&SHIPPED)
    }

    /// The name and version of each.
    pub fn versions(&self) -> [(&'static str, &str); 5] {
        [
            ("denominator", self.denominator.version()),
            ("drugs", self.drugs.version()),
            ("targets", self.targets.version()),
            ("due", self.due.version()),
            ("kidney", &self.kidney.version),
        ]
    }
}
