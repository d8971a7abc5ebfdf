//! `ajisai edge`: a hospital's gateway. What its feeds bring is durable here at once, and brought to the node in order when
//! the line allows; days of it, if need be.
//!
//! ```text
//! feed ─▶ EdgeDoor ─▶ Queue (disk) ─▶ Forwarder ─▶ Line (gRPC) ─▶ the node's door
//! ```
//!
//! An event is the same event whether it was held or not, so a cut of days leaves the node with what it would have had; when it
//! was taken in travels beside it, and the node counts it as late. What is refused before it is an event is kept in
//! the edge's own quarantine, what the node refuses in the node's.

mod forward;
mod queue;
#[cfg(test)]
mod tests;
mod watchdog;

pub use forward::{Forwarded, Forwarder, GrpcLine, HELD_SINCE, Line, LineError, Pace};
pub use queue::{Held, Queue, QueueError, Waiting};
pub use watchdog::{Notice, Watch, Watchdog, WatchedDoor};

use crate::door::{Door, DoorError, Published};
use crate::quarantine::{Aside, Quarantine};
use bytes::Bytes;
use model::FacilityId;
use std::sync::Arc;

/// The door of an edge: what comes through it is durable here and will reach the node.
#[derive(Debug)]
pub struct EdgeDoor {
    facility: FacilityId,
    queue: Arc<Queue>,
    quarantine: Arc<Quarantine>,
}

impl EdgeDoor {
    /// The door of a hospital's edge.
    pub fn new(facility: FacilityId, queue: Arc<Queue>, quarantine: Arc<Quarantine>) -> Self {
        Self { facility, queue, quarantine }
    }
}

#[tonic::async_trait]
impl Door for EdgeDoor {
    fn facility(&self) -> &FacilityId {
        &self.facility
    }

    async fn publish(&self, events: Vec<Bytes>) -> Result<Vec<Published>, DoorError> {
        let queue = Arc::clone(&self.queue);
        let count = events.len();
        match tokio::task::spawn_blocking(move || queue.push(&events)).await {
            Ok(Ok(())) => Ok(vec![Published::Queued; count]),
            Ok(Err(error)) => Err(DoorError { reason: error.to_string() }),
            Err(error) => Err(DoorError { reason: error.to_string() }),
        }
    }

    async fn set_aside(&self, refused: Vec<Aside>) -> Result<(), DoorError> {
        let (quarantine, facility) = (Arc::clone(&self.quarantine), self.facility.clone());
        let keeping = tokio::task::spawn_blocking(move || quarantine.keep(&facility, &refused)).await;
        let kept = keeping.map_err(|error| DoorError { reason: error.to_string() })?;
        match kept.into_iter().find_map(Result::err) {
            Some(error) => Err(DoorError { reason: error.to_string() }),
            None => Ok(()),
        }
    }
}
