//! Which cohorts there are for a facility, and by which limits they are judged.

use clinical::diabetes::Tables;
use clinical::diabetes::cohort::{CohortFile, named as shipped};
use model::{DefinitionKind, FacilityId};
use query::{Definitions, Meaning};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A cohort that a facility has by name.
#[derive(Clone, PartialEq, Debug)]
pub struct Named {
    /// What it says.
    pub file: Arc<CohortFile>,
    /// Whether it is shipped; else the facility has stated it.
    pub shipped: bool,
}

/// The facility's own and the shipped ones it has not defined anew, by name.
pub fn named(definitions: &Definitions, facility: &FacilityId) -> Vec<Named> {
    let shipped =
        shipped().into_iter().map(|cohort| Named { file: Arc::new(CohortFile::Typed(cohort)), shipped: true });
    let own = definitions.of(facility, DefinitionKind::Cohort).filter_map(|defined| match defined.meaning() {
        Some(Meaning::Cohort(file)) => Some(Named { file: Arc::clone(file), shipped: false }),
        _ => None,
    });
    let all: BTreeMap<String, Named> = shipped.chain(own).map(|one| (one.file.key().to_owned(), one)).collect();
    all.into_values().collect()
}

/// What a facility has stated about diabetes care, and whom it asks about its patients.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Limits {
    pub(super) tables: Arc<Tables>,
    pub(super) asks: Vec<FacilityId>,
}

/// A facility's own limits; the shipped ones where it has stated none.
pub(super) fn limits(definitions: &Definitions, facility: &FacilityId) -> Limits {
    match definitions.thresholds(facility) {
        Some(own) => Limits { tables: Arc::clone(own.tables()), asks: own.asks().to_vec() },
        None => Limits { tables: Tables::shared(), asks: Vec::new() },
    }
}
