//! `IngestService`: events in, one answer each.

use super::keeping::{Again, Keeping, Went, refused};
use super::{denied, of_admission, page_size, principal_of, trace_of};
use crate::admission::{Admission, Answer, Incoming, Prepared};
use crate::authority;
use crate::completeness::{FeedBook, FeedError, Page, Report};
use crate::error::AdmissionError;
use crate::refusal::Refusal;
use crate::replay::Replayer;
use bytes::Bytes;
use event_log::TraceContext;
use futures::{Stream, StreamExt, stream};
use model::{Moment, Principal, Role};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};
use wire::v1;
use wire::v1::ingest_service_server::IngestService;
use wire::v1::publish_response::Outcome;

/// Events of one stream that may wait for the log; the stream is read no further while they do.
const MOST_UNDER_WAY: usize = 4096;
/// Bytes of one stream that may wait for the log.
const MOST_BYTES_UNDER_WAY: usize = 16 << 20;
/// Events appended together at most: what waits is taken, nothing is waited for.
const LARGEST_GROUP: usize = 1024;
/// Groups answered and not yet read by the caller.
const MOST_UNREAD: usize = 4;
/// Events of one `PublishBatch`.
const LARGEST_BATCH: usize = 10_000;

/// `IngestService` over the door.
#[derive(Clone, Debug)]
pub struct Ingest {
    admission: Arc<Admission>,
}

/// What the reading half of a stream hands to the storing half.
enum Item {
    Event(Prepared, OwnedSemaphorePermit),
    Broken(Status),
}

impl Ingest {
    /// The service over this door.
    pub fn new(admission: Arc<Admission>) -> Self {
        Self { admission }
    }

    fn keeping(&self) -> Keeping {
        Keeping(Arc::clone(self.admission.quarantine()))
    }

    /// Reads what is known of the feeds' completeness, where it may block.
    async fn feeds<T: Send + 'static>(
        &self,
        work: impl FnOnce(&FeedBook) -> Result<T, FeedError> + Send + 'static,
    ) -> Result<T, Status> {
        let none = || Status::failed_precondition("no account of feeds is kept here");
        let feeds = self.admission.feeds().ok_or_else(none)?;
        match tokio::task::spawn_blocking(move || work(&feeds)).await {
            Ok(done) => done.map_err(|error| Status::unavailable(error.to_string())),
            Err(error) => Err(Status::internal(error.to_string())),
        }
    }
}

/// How many entries the pages before held. A key would be shorter to look up, and is patient data.
fn skip_of(page: &str) -> Result<usize, Status> {
    if page.is_empty() {
        return Ok(0);
    }
    page.parse().map_err(|_| Status::invalid_argument("`page`: is the `next_page` of the page before"))
}

/// Since when the oldest event of a call was held at an edge, where it says so.
fn held_since(metadata: &MetadataMap) -> Option<Moment> {
    let text = metadata.get(crate::edge::HELD_SINCE)?.to_str().ok()?;
    Moment::from_micros(text.parse().ok()?).ok()
}

fn next_of(skip: usize, found: usize, limit: usize) -> String {
    if found == limit { (skip + found).to_string() } else { String::new() }
}

fn publisher<T>(request: &Request<T>) -> Result<Principal, Status> {
    let principal = principal_of(request)?;
    if authority::may_publish(&principal) { Ok(principal) } else { Err(denied("the caller's role sends no events")) }
}

fn reader<T>(request: &Request<T>) -> Result<Principal, Status> {
    let principal = principal_of(request)?;
    if authority::may_see_events(&principal) { Ok(principal) } else { Err(denied("the caller's role sees no events")) }
}

fn incoming(request: v1::PublishRequest, call: Option<&TraceContext>) -> Incoming {
    let v1::PublishRequest { event, traceparent } = request;
    let own = if traceparent.is_empty() { None } else { TraceContext::parse(&traceparent, None).ok() };
    Incoming { event, trace: own.or_else(|| call.cloned()) }
}

fn response(sequence: u64, answer: Answer) -> v1::PublishResponse {
    let outcome = match answer {
        Answer::Accepted { position, duplicate } => {
            Outcome::Accepted(v1::Accepted { position: Some(position.into()), duplicate })
        }
        Answer::Refused { refusal, kept } => Outcome::Refused(refused(refusal, kept)),
    };
    v1::PublishResponse { sequence, outcome: Some(outcome) }
}

/// Reads a stream, prepares its events and queues them, until it ends, breaks, or the door shuts.
async fn read(
    admission: Arc<Admission>,
    principal: Principal,
    trace: Option<TraceContext>,
    mut events: Streaming<v1::PublishRequest>,
    queue: mpsc::Sender<Item>,
) {
    let room = Arc::new(Semaphore::new(MOST_BYTES_UNDER_WAY));
    let shut = admission.shut();
    tokio::pin!(shut);
    loop {
        let message = tokio::select! {
            message = events.message() => message,
            error = &mut shut => Err(of_admission(&error)),
            () = queue.closed() => return,
        };
        let item = match message {
            Ok(Some(request)) => {
                let prepared = admission.prepare(&principal, incoming(request, trace.as_ref()));
                let bytes = u32::try_from(prepared.size().min(MOST_BYTES_UNDER_WAY)).unwrap_or(u32::MAX);
                let Ok(permit) = Arc::clone(&room).acquire_many_owned(bytes).await else { return };
                Item::Event(prepared, permit)
            }
            Ok(None) => return,
            Err(status) => Item::Broken(status),
        };
        let broken = matches!(item, Item::Broken(_));
        if queue.send(item).await.is_err() || broken {
            return;
        }
    }
}

/// Out of quarantine through a node's door.
struct AtNode<'a> {
    admission: &'a Admission,
    trace: Option<TraceContext>,
}

#[tonic::async_trait]
impl Again for AtNode<'_> {
    async fn event(&self, principal: &Principal, event: Bytes) -> Result<Result<Went, Refusal>, AdmissionError> {
        let incoming = Incoming { event, trace: self.trace.clone() };
        let readmitted = self.admission.readmit(principal, incoming).await?;
        Ok(readmitted.map(|(position, duplicate)| Went { positions: vec![position], duplicate }))
    }
    fn replayer(&self, form: &str) -> Option<Arc<dyn Replayer>> {
        self.admission.replayer(form)
    }
}

type Answers = Result<Vec<v1::PublishResponse>, Status>;

/// Takes what waits, makes it durable as one group, answers it, and takes what waits then.
async fn write(
    admission: Arc<Admission>,
    principal: Principal,
    mut queue: mpsc::Receiver<Item>,
    answers: mpsc::Sender<Answers>,
) {
    let mut sequence = 0;
    let mut items = Vec::with_capacity(LARGEST_GROUP);
    while queue.recv_many(&mut items, LARGEST_GROUP).await > 0 {
        let (mut group, mut permits) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        let mut broken = None;
        for item in items.drain(..) {
            match item {
                Item::Event(prepared, permit) => {
                    group.push(prepared);
                    permits.push(permit);
                }
                Item::Broken(status) => broken = Some(status),
            }
        }
        if !group.is_empty() {
            let stored = admission.commit(&principal.facility, group).await;
            // The room is given back before the caller reads the answers: it bounds what waits for the log.
            drop(permits);
            let stored = stored.map_err(|error| of_admission(&error)).map(|group| {
                let numbered = (sequence..).zip(group);
                numbered.map(|(sequence, answer)| response(sequence, answer)).collect::<Vec<_>>()
            });
            sequence += stored.as_ref().map_or(0, |group| group.len() as u64);
            let failed = stored.is_err();
            if answers.send(stored).await.is_err() || failed {
                return;
            }
        }
        if let Some(status) = broken {
            // Whoever broke the stream is gone, or wants to know why it ended.
            let _gone = answers.send(Err(status)).await;
            return;
        }
    }
}

#[tonic::async_trait]
impl IngestService for Ingest {
    type PublishStream = Pin<Box<dyn Stream<Item = Result<v1::PublishResponse, Status>> + Send>>;

    async fn publish(
        &self,
        request: Request<Streaming<v1::PublishRequest>>,
    ) -> Result<Response<Self::PublishStream>, Status> {
        let principal = publisher(&request)?;
        let trace = trace_of(request.metadata());
        let (queue, queued) = mpsc::channel(MOST_UNDER_WAY);
        let (answers, answered) = mpsc::channel(MOST_UNREAD);
        tokio::spawn(read(Arc::clone(&self.admission), principal.clone(), trace, request.into_inner(), queue));
        tokio::spawn(write(Arc::clone(&self.admission), principal, queued, answers));
        let responses = ReceiverStream::new(answered).flat_map(|group: Answers| {
            stream::iter(match group {
                Ok(responses) => responses.into_iter().map(Ok).collect::<Vec<_>>(),
                Err(status) => vec![Err(status)],
            })
        });
        Ok(Response::new(Box::pin(responses)))
    }

    async fn publish_batch(
        &self,
        request: Request<v1::PublishBatchRequest>,
    ) -> Result<Response<v1::PublishBatchResponse>, Status> {
        let principal = publisher(&request)?;
        let trace = trace_of(request.metadata());
        let held_since = held_since(request.metadata());
        let v1::PublishBatchRequest { events } = request.into_inner();
        if events.len() > LARGEST_BATCH {
            return Err(Status::invalid_argument(format!("`events`: must be at most {LARGEST_BATCH}")));
        }
        let events = events.into_iter().map(|event| incoming(event, trace.as_ref())).collect();
        let answers = self.admission.admit(&principal, events).await.map_err(|error| of_admission(&error))?;
        if let Some(since) = held_since {
            self.admission.late(answers.len(), since);
        }
        let responses = (0..).zip(answers).map(|(sequence, answer)| response(sequence, answer)).collect();
        Ok(Response::new(v1::PublishBatchResponse { responses }))
    }

    async fn list_quarantined(
        &self,
        request: Request<v1::ListQuarantinedRequest>,
    ) -> Result<Response<v1::ListQuarantinedResponse>, Status> {
        let facility = reader(&request)?.facility;
        self.keeping().list(facility, request.into_inner()).await
    }

    async fn get_quarantined(
        &self,
        request: Request<v1::GetQuarantinedRequest>,
    ) -> Result<Response<v1::GetQuarantinedResponse>, Status> {
        let facility = reader(&request)?.facility;
        self.keeping().get(facility, request.into_inner()).await
    }

    async fn replay_quarantined(
        &self,
        request: Request<v1::ReplayQuarantinedRequest>,
    ) -> Result<Response<v1::ReplayQuarantinedResponse>, Status> {
        let principal = reader(&request)?;
        let again = AtNode { admission: &self.admission, trace: trace_of(request.metadata()) };
        self.keeping().replay(&principal, request.into_inner(), &again).await
    }

    async fn list_replayed(
        &self,
        request: Request<v1::ListReplayedRequest>,
    ) -> Result<Response<v1::ListReplayedResponse>, Status> {
        let facility = reader(&request)?.facility;
        self.keeping().replayed(facility, request.into_inner()).await
    }

    async fn discard_quarantined(
        &self,
        request: Request<v1::DiscardQuarantinedRequest>,
    ) -> Result<Response<v1::DiscardQuarantinedResponse>, Status> {
        let principal = principal_of(&request)?;
        if principal.role != Role::System {
            return Err(denied("only the facility's system throws refused events away"));
        }
        self.keeping().discard(principal.facility, request.into_inner()).await
    }

    async fn list_feeds(
        &self,
        request: Request<v1::ListFeedsRequest>,
    ) -> Result<Response<v1::ListFeedsResponse>, Status> {
        let facility = reader(&request)?.facility;
        let v1::ListFeedsRequest { feed, page_size: asked, page } = request.into_inner();
        let (limit, skip) = (page_size(asked)?, skip_of(&page)?);
        let listed = self.feeds(move |feeds| {
            let days = feeds.days(&facility, &feed, Page { skip, limit })?;
            let mut standings = if skip == 0 { feeds.standings(&facility)? } else { Vec::new() };
            standings.retain(|standing| feed.is_empty() || standing.feed == feed);
            Ok((days, standings))
        });
        let (days, feeds) = listed.await?;
        let next_page = next_of(skip, days.len(), limit);
        Ok(Response::new(v1::ListFeedsResponse { days, next_page, feeds }))
    }

    async fn report_feeds(
        &self,
        request: Request<v1::ReportFeedsRequest>,
    ) -> Result<Response<v1::ReportFeedsResponse>, Status> {
        let principal = principal_of(&request)?;
        if principal.role != Role::System {
            return Err(denied("only the facility's system tells of its feeds"));
        }
        let report = Report::try_from(request.into_inner());
        let report = report.map_err(|error| Status::invalid_argument(error.to_string()))?;
        self.feeds(move |feeds| feeds.report(&principal.facility, report)).await?;
        Ok(Response::new(v1::ReportFeedsResponse {}))
    }

    async fn list_gaps(&self, request: Request<v1::ListGapsRequest>) -> Result<Response<v1::ListGapsResponse>, Status> {
        let facility = reader(&request)?.facility;
        let v1::ListGapsRequest { feed, day, page_size: asked, page } = request.into_inner();
        let (limit, skip) = (page_size(asked)?, skip_of(&page)?);
        let gaps = self.feeds(move |feeds| feeds.gaps(&facility, &feed, &day, Page { skip, limit })).await?;
        let next_page = next_of(skip, gaps.len(), limit);
        Ok(Response::new(v1::ListGapsResponse { gaps, next_page }))
    }
}
