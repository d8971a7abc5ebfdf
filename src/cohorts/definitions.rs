//! By which limits a facility's cohorts are judged.

use clinical::diabetes::Tables;
use model::FacilityId;
use query::Definitions;
use std::sync::Arc;

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
