//! Bringing what waits to the node, in order, one batch after another, for as long as the line holds.

use super::queue::{Held, Queue, QueueError, Waiting};
use opentelemetry::metrics::{Counter, Gauge};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tonic::codegen::{Body, Bytes as BodyBytes, StdError};
use tonic::metadata::MetadataValue;
use wire::v1;
use wire::v1::ingest_service_client::IngestServiceClient;
use wire::v1::publish_response::Outcome;

/// The metadata of a call all of whose events were held: since when the oldest was, in microseconds since 1970.
pub const HELD_SINCE: &str = "ajisai-held-since-us";

/// An event is late when it was held so long.
const LATE: Duration = Duration::from_secs(60);

/// The line did not carry a batch; all of it is sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the node took nothing: {reason}")]
pub struct LineError {
    /// Why.
    pub reason: String,
}

/// The line to the node.
#[tonic::async_trait]
pub trait Line: Send {
    /// Sends a batch, of which all or none are `late`. One answer each, in order: `true` where the node has made the event
    /// durable, `false` where it refused it and keeps it in its quarantine.
    ///
    /// # Errors
    /// When the node was not reached, or did not answer for each of them.
    async fn send(&mut self, held: &[Held], late: bool) -> Result<Vec<bool>, LineError>;
}

/// A line over gRPC: `IngestService.PublishBatch`.
#[derive(Debug, Clone)]
pub struct GrpcLine<T> {
    client: IngestServiceClient<T>,
}

impl<T> GrpcLine<T> {
    /// A line over a client that says who the edge's hospital is.
    pub fn new(client: IngestServiceClient<T>) -> Self {
        Self { client }
    }
}

#[tonic::async_trait]
impl<T> Line for GrpcLine<T>
where
    T: tonic::client::GrpcService<tonic::body::Body> + Send + Sync,
    T::Error: Into<StdError>,
    T::ResponseBody: Body<Data = BodyBytes> + Send + 'static,
    <T::ResponseBody as Body>::Error: Into<StdError> + Send,
    T::Future: Send,
{
    async fn send(&mut self, held: &[Held], late: bool) -> Result<Vec<bool>, LineError> {
        let event = |held: &Held| v1::PublishRequest { event: held.event.clone(), traceparent: String::new() };
        let events = held.iter().map(event).collect();
        let mut request = tonic::Request::new(v1::PublishBatchRequest { events });
        if let Some(oldest) = held.first().filter(|_| late) {
            request.metadata_mut().insert(HELD_SINCE, MetadataValue::from(oldest.since.micros()));
        }
        let answered = self.client.publish_batch(request).await;
        let answered = answered.map_err(|status| LineError { reason: format!("{:?}", status.code()) })?;
        let responses = answered.into_inner().responses;
        if responses.len() != held.len() {
            return Err(LineError { reason: "the node answered for another number of events".to_owned() });
        }
        let answer = |response: v1::PublishResponse| match response.outcome {
            Some(Outcome::Accepted(_)) => Ok(true),
            // A refusal that the node does not keep would lose the event.
            Some(Outcome::Refused(refused)) if !refused.quarantine_id.is_empty() => Ok(false),
            Some(Outcome::Refused(_)) => Err(LineError { reason: "the node's quarantine is full".to_owned() }),
            None => Err(LineError { reason: "the node did not answer for an event".to_owned() }),
        };
        responses.into_iter().map(answer).collect()
    }
}

/// How a queue is brought to the node.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Events sent together at most.
    pub batch: usize,
    /// Bytes sent together at most.
    pub batch_bytes: usize,
    /// The rest after the first failure; it doubles with each.
    pub rest: Duration,
    /// The longest rest: a mended line is noticed within it.
    pub longest_rest: Duration,
}

impl Default for Pace {
    /// 1,000 events or 8 MiB; from a fifth of a second to ten seconds.
    fn default() -> Self {
        Self {
            batch: 1000,
            batch_bytes: 8 << 20,
            rest: Duration::from_millis(200),
            longest_rest: Duration::from_secs(10),
        }
    }
}

/// What the forwarder has done. Read it while it runs.
#[derive(Debug, Default)]
pub struct Forwarded {
    sent: AtomicU64,
    refused: AtomicU64,
    failures: AtomicU64,
    late: AtomicU64,
    up: AtomicBool,
}

impl Forwarded {
    /// Events among those sent that had been held for more than a minute.
    pub fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }
    /// Events the node answered for.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
    /// Events among them that the node refused and keeps.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
    /// Batches that were not carried.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
    /// Whether the last batch was carried.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Metrics {
    waiting: Gauge<u64>,
    waiting_bytes: Gauge<u64>,
    sent: Counter<u64>,
    failures: Counter<u64>,
}

/// Brings a queue to the node.
#[derive(Debug)]
pub struct Forwarder<L> {
    queue: Arc<Queue>,
    line: L,
    pace: Pace,
    forwarded: Arc<Forwarded>,
    metrics: Metrics,
}

impl<L: Line> Forwarder<L> {
    /// A forwarder; `forwarded` says how it goes.
    pub fn new(queue: Arc<Queue>, line: L, pace: Pace, forwarded: Arc<Forwarded>) -> Self {
        let meter = opentelemetry::global::meter("ajisai.edge");
        let metrics = Metrics {
            waiting: meter
                .u64_gauge("ajisai.edge.queue.events")
                .with_description("Events that wait for the line")
                .build(),
            waiting_bytes: meter.u64_gauge("ajisai.edge.queue.size").with_unit("By").build(),
            sent: meter.u64_counter("ajisai.edge.sent").with_description("Events the node answered for").build(),
            failures: meter.u64_counter("ajisai.edge.line.failures").with_description("Batches not carried").build(),
        };
        Self { queue, line, pace, forwarded, metrics }
    }

    /// Sends what waits and what comes, for ever.
    pub async fn run(mut self) {
        let mut grown = self.queue.grown();
        let mut rest = self.pace.rest;
        loop {
            grown.borrow_and_update();
            match self.batch().await {
                Ok(true) => rest = self.pace.rest,
                Ok(false) => {
                    if grown.changed().await.is_err() {
                        return;
                    }
                }
                Err(reason) => {
                    if self.forwarded.up.swap(false, Ordering::Relaxed) || self.forwarded.failures() == 0 {
                        tracing::warn!(reason, "the line to the node is cut; what comes is kept here");
                    }
                    self.forwarded.failures.fetch_add(1, Ordering::Relaxed);
                    self.metrics.failures.add(1, &[]);
                    tokio::time::sleep(rest).await;
                    rest = (rest * 2).min(self.pace.longest_rest);
                }
            }
        }
    }

    /// Sends the oldest events. `false`: there were none.
    pub(super) async fn batch(&mut self) -> Result<bool, String> {
        let (batch, bytes) = (self.pace.batch, self.pace.batch_bytes);
        let held = self.work(move |queue| queue.oldest(batch, bytes)).await?;
        if held.is_empty() {
            return Ok(false);
        }
        // Late events travel apart, so that a mark on the call is true of each.
        let now = self.queue.now();
        let is_late = |held: &Held| now.since(held.since) > i64::try_from(LATE.as_micros()).unwrap_or(i64::MAX);
        let late = held.first().is_some_and(is_late);
        let alike = held.iter().take_while(|held| is_late(held) == late).count();
        let held: Vec<Held> = held.into_iter().take(alike).collect();
        let answers = self.line.send(&held, late).await.map_err(|error| error.to_string())?;
        let (sent, refused) = (held.len() as u64, answers.iter().filter(|taken| !**taken).count() as u64);
        let Waiting { events, bytes, .. } = self
            .work(move |queue| {
                queue.done(&held)?;
                queue.waiting()
            })
            .await?;
        if !self.forwarded.up.swap(true, Ordering::Relaxed) {
            tracing::info!(waiting = events, "the line to the node is up");
        }
        self.forwarded.sent.fetch_add(sent, Ordering::Relaxed);
        self.forwarded.late.fetch_add(if late { sent } else { 0 }, Ordering::Relaxed);
        self.forwarded.refused.fetch_add(refused, Ordering::Relaxed);
        self.metrics.sent.add(sent, &[]);
        self.metrics.waiting.record(events, &[]);
        self.metrics.waiting_bytes.record(bytes, &[]);
        Ok(true)
    }

    /// Works on the queue, where it may block.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Queue) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, String> {
        let queue = Arc::clone(&self.queue);
        match tokio::task::spawn_blocking(move || work(&queue)).await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}
