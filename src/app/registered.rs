//! The door of a way in that no certificate opens.

use super::BookDirectory;
use crate::identity::{DirectoryCheck, Standing};
use bytes::Bytes;
use event_log::Clock;
use ingest::completeness::{FeedKind, Item};
use ingest::{Admission, Aside, Door, DoorError, LocalDoor, Published, Step};
use jiff::civil::Date;
use model::{FacilityId, Principal, Purpose, Role};
use std::sync::Arc;

/// The door for a facility's system, as long as the directory stands behind the facility: a configured line opens no more
/// than a certificate would. Until then nothing is taken and everything may be sent again.
pub(super) struct Registered {
    door: LocalDoor,
    principal: Principal,
    directory: Arc<BookDirectory>,
    clock: Clock,
}

impl Registered {
    pub(super) fn new(
        admission: Arc<Admission>,
        facility: FacilityId,
        directory: Arc<BookDirectory>,
        clock: Clock,
    ) -> Self {
        let principal = Principal { facility, member: None, role: Role::System, purpose: Purpose::Treatment };
        Self { door: LocalDoor::new(admission, principal.clone()), principal, directory, clock }
    }

    fn ask(&self) -> Result<(), DoorError> {
        match self.directory.standing(&self.principal, (self.clock)()) {
            Standing::Good => Ok(()),
            standing => Err(DoorError { reason: format!("`{}`: {standing}", self.principal.facility) }),
        }
    }
}

#[tonic::async_trait]
impl Door for Registered {
    fn facility(&self) -> &FacilityId {
        self.door.facility()
    }
    async fn publish(&self, events: Vec<Bytes>) -> Result<Vec<Published>, DoorError> {
        self.ask()?;
        self.door.publish(events).await
    }
    async fn republish(&self, event: Bytes) -> Result<Published, DoorError> {
        self.ask()?;
        self.door.republish(event).await
    }
    async fn set_aside(&self, refused: Vec<Aside>) -> Result<(), DoorError> {
        self.ask()?;
        self.door.set_aside(refused).await
    }
    async fn note(&self, feed: FeedKind, name: &'static str, step: Step, items: Vec<(Date, Item)>) {
        self.door.note(feed, name, step, items).await;
    }
}
