//! What facilities have defined for their own views: held in memory, made again from the letters at the start.

use super::Register;
use model::{Definition, Moment, Position};
use parking_lot::RwLock;
use query::Definitions;
use std::sync::Arc;

/// The definitions as they hold.
#[derive(Debug, Default)]
pub(super) struct Defined(RwLock<Arc<Definitions>>);

impl Defined {
    /// Takes in a statement. The door lets texts pass that nothing here can read, where a sender goes around
    /// `DefinitionService`; what held goes on, and it is said.
    pub(super) fn apply(&self, position: Position, at: Moment, definition: &Definition) {
        let mut held = self.0.write();
        let mut definitions = Definitions::clone(&held);
        match definitions.apply(position, at, definition) {
            Ok(_) => *held = Arc::new(definitions),
            Err(error) => {
                let (facility, kind, name) = (definition.facility(), definition.kind(), definition.name());
                tracing::error!(%facility, %kind, %name, %position, %error, "a definition is not taken; what held goes on");
            }
        }
    }
}

impl Register {
    /// The facilities' definitions as they hold.
    pub fn definitions(&self) -> Arc<Definitions> {
        Arc::clone(&self.definitions.0.read())
    }
}
