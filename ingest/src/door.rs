//! The door as a feed sees it: in the same process, or at the other end of a line.

use crate::admission::{Admission, Answer, Incoming};
use crate::completeness::{Accountant, FeedKind, Item, Note};
use crate::error::AdmissionError;
use crate::quarantine::Aside;
use crate::refusal::Refusal;
use bytes::Bytes;
use jiff::civil::Date;
use model::{FacilityId, Position, Principal};
use std::sync::Arc;

/// What became of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Published {
    /// It is durable.
    Accepted(Position),
    /// It is durable on the way: in an edge's own queue, which will bring it to the node.
    Queued,
    /// It was refused, and is in quarantine.
    Refused(Refusal),
}

/// Events could not be made durable, or refused ones not kept. All of them may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the door took nothing: {reason}")]
pub struct DoorError {
    /// Why.
    pub reason: String,
}

impl From<AdmissionError> for DoorError {
    fn from(error: AdmissionError) -> Self {
        Self { reason: error.to_string() }
    }
}

/// Where a feed brings what it has.
#[tonic::async_trait]
pub trait Door: Send + Sync {
    /// The facility whose feed it is.
    fn facility(&self) -> &FacilityId;
    /// Makes events durable, each the bytes of `ajisai.v1.Event`. One answer each, in order; what is refused is in
    /// quarantine then.
    ///
    /// # Errors
    /// When they could not be made durable.
    async fn publish(&self, events: Vec<Bytes>) -> Result<Vec<Published>, DoorError>;
    /// Makes an event durable that comes out of quarantine. What is refused is not kept again: it is there already.
    ///
    /// # Errors
    /// When it could not be made durable.
    async fn republish(&self, event: Bytes) -> Result<Published, DoorError>;
    /// Keeps aside what was refused before it was an event.
    ///
    /// # Errors
    /// When not all of it is kept.
    async fn set_aside(&self, refused: Vec<Aside>) -> Result<(), DoorError>;
    /// Notes items for the account of a feed's completeness: that the source has sent them, or that they were dealt with. A note
    /// that fails is said and holds nothing up. A door that keeps no account passes over it.
    async fn note(&self, feed: FeedKind, name: &'static str, step: Step, items: Vec<(Date, Item)>) {
        let _ = (feed, name, step, items);
    }
}

/// How far an item has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The source has sent it.
    Offered,
    /// It is durable, or in quarantine.
    DealtWith,
}

/// The door of this process.
#[derive(Debug)]
pub struct LocalDoor {
    admission: Arc<Admission>,
    principal: Principal,
}

impl LocalDoor {
    /// The door, for a feed that speaks as `principal`: its facility's system.
    pub fn new(admission: Arc<Admission>, principal: Principal) -> Self {
        Self { admission, principal }
    }
}

#[tonic::async_trait]
impl Door for LocalDoor {
    fn facility(&self) -> &FacilityId {
        &self.principal.facility
    }

    async fn publish(&self, events: Vec<Bytes>) -> Result<Vec<Published>, DoorError> {
        let incoming = events.into_iter().map(|event| Incoming { event, trace: None }).collect();
        let answers = self.admission.admit(&self.principal, incoming).await?;
        let published = answers.into_iter().map(|answer| match answer {
            Answer::Accepted { position, .. } => Ok(Published::Accepted(position)),
            Answer::Refused { refusal, kept: Ok(_) } => Ok(Published::Refused(refusal)),
            Answer::Refused { kept: Err(error), .. } => Err(DoorError { reason: error.to_string() }),
        });
        published.collect()
    }

    async fn republish(&self, event: Bytes) -> Result<Published, DoorError> {
        // What was durable before is the same event again: a replay that broke off may be repeated.
        let readmitted = self.admission.readmit(&self.principal, Incoming { event, trace: None }).await?;
        Ok(match readmitted {
            Ok((position, _)) => Published::Accepted(position),
            Err(refusal) => Published::Refused(refusal),
        })
    }

    async fn set_aside(&self, refused: Vec<Aside>) -> Result<(), DoorError> {
        let wanted = refused.len();
        let kept = self.admission.set_aside(&self.principal.facility, refused).await;
        match kept.iter().find_map(|(_, kept)| kept.as_ref().err()) {
            Some(error) => Err(DoorError { reason: error.to_string() }),
            None if kept.len() < wanted => Err(DoorError { reason: "the quarantine did not answer".to_owned() }),
            None => Ok(()),
        }
    }

    async fn note(&self, kind: FeedKind, name: &'static str, step: Step, items: Vec<(Date, Item)>) {
        let Some(accountant) = self.admission.accountant() else { return };
        note(accountant, (&self.principal.facility, kind, name), step, items).await;
    }
}

/// Notes items in the account of a feed. A failure is said and holds nothing up.
pub(crate) async fn note(
    accountant: &Arc<Accountant>,
    (facility, kind, name): (&FacilityId, FeedKind, &'static str),
    step: Step,
    items: Vec<(Date, Item)>,
) {
    let note = Note { facility: facility.clone(), name: name.into(), kind, step, items };
    if let Err(error) = accountant.note(note).await {
        tracing::warn!(%error, name, "the account of a feed has a hole");
    }
}
