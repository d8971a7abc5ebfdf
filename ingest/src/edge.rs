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

pub use forward::{Answered, Forwarded, Forwarder, GrpcLine, HELD_SINCE, Line, LineError, Pace, Trouble};
pub use queue::{Held, Queue, QueueError, Reached, Waiting};

use crate::admission::LARGEST_EVENT;
use crate::completeness::{Accountant, FeedBook, FeedKind, Item};
use crate::door::{Door, DoorError, Published, Step, note};
use crate::quarantine::{Aside, Form, Quarantine};
use crate::refusal::{Refusal, RefusalReason};
use bytes::Bytes;
use jiff::civil::Date;
use model::FacilityId;
use std::sync::Arc;

/// The door of an edge: what comes through it is durable here and will reach the node.
#[derive(Clone, Debug)]
pub struct EdgeDoor {
    facility: FacilityId,
    queue: Arc<Queue>,
    quarantine: Arc<Quarantine>,
    accountant: Arc<Accountant>,
}

impl EdgeDoor {
    /// The door of a hospital's edge: events wait in `queue`, what is refused here is kept in `quarantine`, and `feeds` is the
    /// account of the feeds' completeness.
    pub fn new(facility: FacilityId, queue: Arc<Queue>, quarantine: Arc<Quarantine>, feeds: Arc<FeedBook>) -> Self {
        Self { facility, queue, quarantine, accountant: Accountant::new(feeds) }
    }
}

#[tonic::async_trait]
impl Door for EdgeDoor {
    fn facility(&self) -> &FacilityId {
        &self.facility
    }

    async fn publish(&self, events: Vec<Bytes>) -> Result<Vec<Published>, DoorError> {
        let verdict = |event: &Bytes| too_large(event).map_or(Published::Queued, Published::Refused);
        let answers: Vec<Published> = events.iter().map(verdict).collect();
        let (refused, events): (Vec<Bytes>, Vec<Bytes>) =
            events.into_iter().partition(|event| event.len() > LARGEST_EVENT);
        if !refused.is_empty() {
            let aside = |bytes: Bytes| {
                let refusal = too_large(&bytes)?;
                Some(Aside { form: Form::Event, bytes, refusal, origin: String::new(), name: String::new() })
            };
            self.set_aside(refused.into_iter().filter_map(aside).collect()).await?;
        }
        if events.is_empty() {
            return Ok(answers);
        }
        let queue = Arc::clone(&self.queue);
        push(queue, events).await?;
        Ok(answers)
    }

    async fn republish(&self, event: Bytes) -> Result<Published, DoorError> {
        // What the node could not read would be in its quarantine, with nobody there who knows of it.
        let refusal = too_large(&event).or_else(|| wire::read_event(event.clone()).err().map(Refusal::from));
        if let Some(refusal) = refusal {
            return Ok(Published::Refused(refusal));
        }
        push(Arc::clone(&self.queue), vec![event]).await?;
        Ok(Published::Queued)
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

    async fn note(&self, kind: FeedKind, name: &'static str, step: Step, items: Vec<(Date, Item)>) {
        note(&self.accountant, (&self.facility, kind, name), step, items).await;
    }
}

/// Puts events into the queue, where it may block.
async fn push(queue: Arc<Queue>, events: Vec<Bytes>) -> Result<(), DoorError> {
    match tokio::task::spawn_blocking(move || queue.push(&events)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(DoorError { reason: error.to_string() }),
        Err(error) => Err(DoorError { reason: error.to_string() }),
    }
}

/// The node would refuse it, and a batch with it may be more than a call carries: it must not stand before all others.
fn too_large(event: &Bytes) -> Option<Refusal> {
    let rule = || format!("is {} bytes long, the limit is {LARGEST_EVENT}", event.len());
    (event.len() > LARGEST_EVENT).then(|| Refusal::new(RefusalReason::TooLarge, "event", rule()))
}
