//! What facilities have stated about their laboratories: held in memory, made again from the letters at the start.

use super::Register;
use clinical::lab::Sites;
use model::{LabTable, Moment, Position};
use parking_lot::RwLock;
use std::sync::Arc;

/// The tables as they hold.
#[derive(Debug, Default)]
pub(super) struct Stated(RwLock<Arc<Sites>>);

impl Stated {
    /// Takes in a statement. The door lets rows pass that the laboratory cannot read, where a sender goes around
    /// `LaboratoryService`; what held goes on, and it is said.
    pub(super) fn apply(&self, position: Position, at: Moment, table: &LabTable) {
        let mut stated = self.0.write();
        let mut sites = Sites::clone(&stated);
        match sites.apply(position, at, table) {
            Ok(_) => *stated = Arc::new(sites),
            Err(error) => {
                let (facility, kind) = (table.facility(), table.kind());
                tracing::error!(%facility, %kind, %position, %error, "a laboratory table is not taken; what held goes on");
            }
        }
    }
}

impl Register {
    /// The laboratories' tables as they hold.
    pub fn sites(&self) -> Arc<Sites> {
        Arc::clone(&self.sites.0.read())
    }
}

impl query::SiteSource for Register {
    fn sites(&self) -> Arc<Sites> {
        Self::sites(self)
    }
}
