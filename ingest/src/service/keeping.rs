//! What is done with a quarantine by a caller, at a node and at an edge.

use super::{of_admission, of_quarantine, page_size};
use crate::error::AdmissionError;
use crate::quarantine::{Form, Quarantine, QuarantineError};
use crate::refusal::Refusal;
use crate::replay::Replayer;
use bytes::Bytes;
use model::{FacilityId, Position, Principal};
use std::sync::Arc;
use tonic::{Response, Status};
use wire::v1;

/// Where an event went that was durable in the end.
pub(super) struct Went {
    /// In the log; none: it waits in an edge's queue.
    pub(super) positions: Vec<Position>,
    /// It was durable before.
    pub(super) duplicate: bool,
}

/// How what is kept goes through a door again.
#[tonic::async_trait]
pub(super) trait Again: Send + Sync {
    /// An event, as its bytes. What is refused again is not kept again.
    async fn event(&self, principal: &Principal, event: Bytes) -> Result<Result<Went, Refusal>, AdmissionError>;
    /// Who reads bytes of another form anew.
    fn replayer(&self, form: &str) -> Option<Arc<dyn Replayer>>;
}

/// A quarantine and what may be done with it. Whether the caller may is asked before.
pub(super) struct Keeping(pub(super) Arc<Quarantine>);

impl Keeping {
    /// Works on the quarantine, where it may block.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Quarantine) -> Result<T, QuarantineError> + Send + 'static,
    ) -> Result<T, Status> {
        let quarantine = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || work(&quarantine)).await {
            Ok(done) => done.map_err(|error| of_quarantine(&error)),
            Err(error) => Err(Status::internal(error.to_string())),
        }
    }

    pub(super) async fn list(
        &self,
        facility: FacilityId,
        request: v1::ListQuarantinedRequest,
    ) -> Result<Response<v1::ListQuarantinedResponse>, Status> {
        let v1::ListQuarantinedRequest { page_size: asked, page } = request;
        let limit = page_size(asked)?;
        let events = self.work(move |quarantine| quarantine.list(&facility, &page, limit)).await?;
        let full = events.len() == limit;
        let next_page = events.last().filter(|_| full).map(|last| last.id.clone()).unwrap_or_default();
        Ok(Response::new(v1::ListQuarantinedResponse { events, next_page }))
    }

    pub(super) async fn get(
        &self,
        facility: FacilityId,
        request: v1::GetQuarantinedRequest,
    ) -> Result<Response<v1::GetQuarantinedResponse>, Status> {
        let v1::GetQuarantinedRequest { id } = request;
        let (event, bytes, name) = self.work(move |quarantine| quarantine.get(&facility, &id)).await?;
        Ok(Response::new(v1::GetQuarantinedResponse { event: Some(event), bytes, name }))
    }

    pub(super) async fn replay(
        &self,
        principal: &Principal,
        request: v1::ReplayQuarantinedRequest,
        again: &dyn Again,
    ) -> Result<Response<v1::ReplayQuarantinedResponse>, Status> {
        use v1::replay_quarantined_response::Outcome;
        let v1::ReplayQuarantinedRequest { id, replacement } = request;
        let (facility, wanted) = (principal.facility.clone(), id.clone());
        let (head, kept, name) = self.work(move |quarantine| quarantine.get(&facility, &wanted)).await?;
        let bytes: Bytes = if replacement.is_empty() { kept } else { replacement };

        let replayed = if head.form.is_empty() || head.form == Form::Event.code() {
            again.event(principal, bytes.clone()).await
        } else {
            let replayer = again.replayer(&head.form).ok_or_else(|| {
                Status::failed_precondition("no feed of this form runs here; replay it where it was refused")
            })?;
            let replayed = replayer.replay(principal, &name, bytes.clone()).await;
            replayed.map(|replayed| replayed.map(|positions| Went { positions, duplicate: false }))
        };
        let (facility, wanted) = (principal.facility.clone(), id.clone());
        let outcome = match replayed.map_err(|error| of_admission(&error))? {
            Ok(Went { positions, duplicate }) => {
                let position = positions.last().map(|position| (*position).into());
                self.work(move |quarantine| quarantine.release(&facility, &wanted, &bytes, &positions)).await?;
                Outcome::Accepted(v1::Accepted { position, duplicate })
            }
            Err(refusal) => {
                let noted = refusal.clone();
                self.work(move |quarantine| quarantine.note(&facility, &wanted, &noted)).await?;
                Outcome::Refused(refused(refusal, Ok(id)))
            }
        };
        Ok(Response::new(v1::ReplayQuarantinedResponse { outcome: Some(outcome) }))
    }

    pub(super) async fn replayed(
        &self,
        facility: FacilityId,
        request: v1::ListReplayedRequest,
    ) -> Result<Response<v1::ListReplayedResponse>, Status> {
        let v1::ListReplayedRequest { page_size: asked, page } = request;
        let limit = page_size(asked)?;
        let replayed = self.work(move |quarantine| quarantine.list_replayed(&facility, &page, limit)).await?;
        let last = replayed.last().filter(|_| replayed.len() == limit).and_then(|last| last.origin.as_ref());
        let next_page = last.map(|origin| origin.id.clone()).unwrap_or_default();
        Ok(Response::new(v1::ListReplayedResponse { replayed, next_page }))
    }

    pub(super) async fn discard(
        &self,
        facility: FacilityId,
        request: v1::DiscardQuarantinedRequest,
    ) -> Result<Response<v1::DiscardQuarantinedResponse>, Status> {
        let v1::DiscardQuarantinedRequest { id } = request;
        self.work(move |quarantine| quarantine.remove(&facility, &id)).await?;
        Ok(Response::new(v1::DiscardQuarantinedResponse {}))
    }
}

/// A refusal on the wire, with its id in the quarantine or why its bytes are not kept.
pub(super) fn refused(refusal: Refusal, kept: Result<String, QuarantineError>) -> v1::Refused {
    let Refusal { reason, field, rule } = refusal;
    let (quarantine_id, rule) = match kept {
        Ok(id) => (id, rule),
        Err(error) => (String::new(), format!("{rule}; its bytes are not kept: {error}")),
    };
    v1::Refused { reason: reason.code().to_owned(), field, rule, quarantine_id }
}
