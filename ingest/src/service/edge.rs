//! The quarantine of an edge, by the calls of a node's: for whoever runs the edge, on the machine that it runs on.

use super::keeping::{Again, Keeping, Went};
use crate::door::{Door, Published};
use crate::edge::EdgeDoor;
use crate::error::AdmissionError;
use crate::quarantine::{Form, Quarantine};
use crate::refusal::Refusal;
use crate::replay::{Replayer, Replayers};
use bytes::Bytes;
use model::{FacilityId, Principal, Purpose, Role};
use std::sync::Arc;
use tokio_stream::Empty;
use tonic::{Request, Response, Status, Streaming};
use wire::v1;
use wire::v1::ingest_service_server::{IngestService, IngestServiceServer};

/// What an edge sends out of its quarantine with.
#[derive(Debug)]
pub struct Sending {
    door: EdgeDoor,
    replayers: Replayers,
}

impl Sending {
    /// By the edge's own door; each form is read anew as its feed reads it.
    pub fn new(door: EdgeDoor, by: impl IntoIterator<Item = (Form, Arc<dyn Replayer>)>) -> Self {
        let replayers = Replayers::default();
        by.into_iter().for_each(|(form, replayer)| replayers.set(form, replayer));
        Self { door, replayers }
    }
}

#[tonic::async_trait]
impl Again for Sending {
    async fn event(&self, _: &Principal, event: Bytes) -> Result<Result<Went, Refusal>, AdmissionError> {
        let published = self.door.republish(event).await;
        let published = published.map_err(|error| AdmissionError::Unavailable { reason: error.to_string() })?;
        Ok(match published {
            Published::Accepted(position) => Ok(Went { positions: vec![position], duplicate: false }),
            Published::Queued => Ok(Went { positions: Vec::new(), duplicate: false }),
            Published::Refused(refusal) => Err(refusal),
        })
    }
    fn replayer(&self, form: &str) -> Option<Arc<dyn Replayer>> {
        self.replayers.get(form)
    }
}

/// The part of `IngestService` that an edge answers to whoever runs it: its quarantine. Nobody is authenticated here; whoever
/// reaches it may read the edge's files.
#[derive(Debug)]
pub struct AtEdge {
    principal: Principal,
    quarantine: Arc<Quarantine>,
    sending: Option<Sending>,
}

impl AtEdge {
    /// The quarantine of a facility's edge. Without `sending`, as of an edge that does not run, nothing is replayed.
    pub fn new(facility: FacilityId, quarantine: Arc<Quarantine>, sending: Option<Sending>) -> Self {
        let principal = Principal { facility, member: None, role: Role::System, purpose: Purpose::Treatment };
        Self { principal, quarantine, sending }
    }

    /// Ready to be added to a server.
    pub fn service(self) -> IngestServiceServer<Self> {
        IngestServiceServer::new(self)
            .max_decoding_message_size(super::LARGEST_MESSAGE)
            .max_encoding_message_size(super::LARGEST_MESSAGE)
    }

    fn keeping(&self) -> Keeping {
        Keeping(Arc::clone(&self.quarantine))
    }
    fn facility(&self) -> FacilityId {
        self.principal.facility.clone()
    }
}

fn elsewhere() -> Status {
    Status::unimplemented("an edge is asked about its quarantine alone; everything else is the node's to answer")
}

#[tonic::async_trait]
impl IngestService for AtEdge {
    type PublishStream = Empty<Result<v1::PublishResponse, Status>>;

    async fn publish(
        &self,
        _: Request<Streaming<v1::PublishRequest>>,
    ) -> Result<Response<Self::PublishStream>, Status> {
        Err(elsewhere())
    }

    async fn publish_batch(
        &self,
        _: Request<v1::PublishBatchRequest>,
    ) -> Result<Response<v1::PublishBatchResponse>, Status> {
        Err(elsewhere())
    }

    async fn list_quarantined(
        &self,
        request: Request<v1::ListQuarantinedRequest>,
    ) -> Result<Response<v1::ListQuarantinedResponse>, Status> {
        self.keeping().list(self.facility(), request.into_inner()).await
    }

    async fn get_quarantined(
        &self,
        request: Request<v1::GetQuarantinedRequest>,
    ) -> Result<Response<v1::GetQuarantinedResponse>, Status> {
        self.keeping().get(self.facility(), request.into_inner()).await
    }

    async fn replay_quarantined(
        &self,
        request: Request<v1::ReplayQuarantinedRequest>,
    ) -> Result<Response<v1::ReplayQuarantinedResponse>, Status> {
        let sending = self.sending.as_ref().ok_or_else(|| {
            Status::failed_precondition("the edge does not run: start it, it replays by its own queue and feeds")
        })?;
        self.keeping().replay(&self.principal, request.into_inner(), sending).await
    }

    async fn list_replayed(
        &self,
        request: Request<v1::ListReplayedRequest>,
    ) -> Result<Response<v1::ListReplayedResponse>, Status> {
        self.keeping().replayed(self.facility(), request.into_inner()).await
    }

    async fn discard_quarantined(
        &self,
        request: Request<v1::DiscardQuarantinedRequest>,
    ) -> Result<Response<v1::DiscardQuarantinedResponse>, Status> {
        self.keeping().discard(self.facility(), request.into_inner()).await
    }

    async fn list_feeds(&self, _: Request<v1::ListFeedsRequest>) -> Result<Response<v1::ListFeedsResponse>, Status> {
        Err(elsewhere())
    }

    async fn report_feeds(
        &self,
        _: Request<v1::ReportFeedsRequest>,
    ) -> Result<Response<v1::ReportFeedsResponse>, Status> {
        Err(elsewhere())
    }

    async fn list_gaps(&self, _: Request<v1::ListGapsRequest>) -> Result<Response<v1::ListGapsResponse>, Status> {
        Err(elsewhere())
    }
}
