//! Bringing what waits to the node, in order, one batch after another, for as long as the line holds.

use super::queue::{Held, Queue, QueueError};
use model::{Moment, Position};
use opentelemetry::metrics::{Counter, Gauge};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

/// What the node made of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It is durable, here.
    Durable(Position),
    /// It was refused, and is in the node's quarantine.
    Refused,
}

/// The line to the node.
#[tonic::async_trait]
pub trait Line: Send {
    /// Sends a batch, of which all or none are `late`. One answer each, in order.
    ///
    /// # Errors
    /// When the node was not reached, or did not answer for each of them.
    async fn send(&mut self, held: &[Held], late: bool) -> Result<Vec<Answered>, LineError>;
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
    async fn send(&mut self, held: &[Held], late: bool) -> Result<Vec<Answered>, LineError> {
        let event = |held: &Held| v1::PublishRequest { event: held.event.clone(), traceparent: String::new() };
        let events = held.iter().map(event).collect();
        let mut request = tonic::Request::new(v1::PublishBatchRequest { events });
        if let Some(oldest) = held.first().filter(|_| late) {
            request.metadata_mut().insert(HELD_SINCE, MetadataValue::from(oldest.since.micros()));
        }
        let answered = self.client.publish_batch(request).await;
        let answered = answered.map_err(|status| LineError { reason: said(&status) })?;
        let responses = answered.into_inner().responses;
        if responses.len() != held.len() {
            return Err(LineError { reason: "the node answered for another number of events".to_owned() });
        }
        let answer = |response: v1::PublishResponse| match response.outcome {
            Some(Outcome::Accepted(accepted)) => Ok(Answered::Durable(accepted.position.unwrap_or_default().into())),
            // A refusal that the node does not keep would lose the event.
            Some(Outcome::Refused(refused)) if !refused.quarantine_id.is_empty() => Ok(Answered::Refused),
            Some(Outcome::Refused(_)) => Err(LineError { reason: "the node's quarantine is full".to_owned() }),
            None => Err(LineError { reason: "the node did not answer for an event".to_owned() }),
        };
        responses.into_iter().map(answer).collect()
    }
}

/// What a failed call says: of a call that did not reach the node, what the transport says below its "transport error".
fn said(status: &tonic::Status) -> String {
    let mut at: Option<&dyn std::error::Error> = std::error::Error::source(status);
    let mut below = String::new();
    while let Some(cause) = at {
        below = cause.to_string();
        at = cause.source();
    }
    match below.as_str() {
        "" => format!("{:?}: {}", status.code(), status.message()),
        below => format!("{:?}: {below}", status.code()),
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

/// Why the line does not carry, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: Moment,
    /// Why, as of the last try.
    pub reason: String,
}

/// What the forwarder has done. Read it while it runs.
#[derive(Debug, Default)]
pub struct Forwarded {
    sent: AtomicU64,
    refused: AtomicU64,
    failures: AtomicU64,
    late: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
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
    /// Why the last batch was not carried; `None`: it was, or nothing was to be sent.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().clone()
    }
}

#[derive(Debug)]
struct Metrics {
    waiting: Gauge<u64>,
    waiting_bytes: Gauge<u64>,
    oldest: Gauge<f64>,
    up: Gauge<u64>,
    sent: Counter<u64>,
    refused: Counter<u64>,
    failures: Counter<u64>,
}

impl Metrics {
    fn new() -> Self {
        let meter = opentelemetry::global::meter("ajisai.edge");
        Self {
            waiting: meter
                .u64_gauge("ajisai.edge.queue.events")
                .with_description("Events that wait for the line")
                .build(),
            waiting_bytes: meter.u64_gauge("ajisai.edge.queue.size").with_unit("By").build(),
            oldest: meter
                .f64_gauge("ajisai.edge.queue.age")
                .with_unit("s")
                .with_description("For how long the oldest event has waited")
                .build(),
            up: meter.u64_gauge("ajisai.edge.line.up").with_description("1 while the line to the node carries").build(),
            sent: meter.u64_counter("ajisai.edge.sent").with_description("Events the node answered for").build(),
            refused: meter
                .u64_counter("ajisai.edge.refused")
                .with_description("Events among them that the node refused and keeps")
                .build(),
            failures: meter.u64_counter("ajisai.edge.line.failures").with_description("Batches not carried").build(),
        }
    }
}

/// Brings a queue to the node.
#[derive(Debug)]
pub struct Forwarder<L> {
    queue: Arc<Queue>,
    line: L,
    pace: Pace,
    forwarded: Arc<Forwarded>,
    metrics: Arc<Metrics>,
}

/// How often it is told how much waits.
const TOLD: Duration = Duration::from_secs(1);

impl<L: Line> Forwarder<L> {
    /// A forwarder; `forwarded` says how it goes.
    pub fn new(queue: Arc<Queue>, line: L, pace: Pace, forwarded: Arc<Forwarded>) -> Self {
        Self { queue, line, pace, forwarded, metrics: Arc::new(Metrics::new()) }
    }

    /// Sends what waits and what comes, for ever.
    pub async fn run(mut self) {
        let telling = tell(Arc::clone(&self.queue), Arc::clone(&self.forwarded), Arc::clone(&self.metrics));
        tokio::select! {
            () = self.forward() => {}
            () = telling => {}
        }
    }

    async fn forward(&mut self) {
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
                    self.failed(reason);
                    tokio::time::sleep(rest).await;
                    rest = (rest * 2).min(self.pace.longest_rest);
                }
            }
        }
    }

    /// Notes that a batch was not carried; says so when it is news.
    fn failed(&self, reason: String) {
        self.forwarded.failures.fetch_add(1, Ordering::Relaxed);
        self.metrics.failures.add(1, &[]);
        let mut trouble = self.forwarded.trouble.lock();
        if trouble.as_ref().is_none_or(|known| known.reason != reason) {
            tracing::warn!(reason, "nothing is brought to the node; what comes is kept here");
        }
        let since = trouble.as_ref().map_or_else(|| self.queue.now(), |known| known.since);
        *trouble = Some(Trouble { since, reason });
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
        let sent = held.len() as u64;
        let refused = answers.iter().filter(|answered| **answered == Answered::Refused).count() as u64;
        let position = answers.iter().rev().find_map(|answered| match answered {
            Answered::Durable(position) => Some(*position),
            Answered::Refused => None,
        });
        self.work(move |queue| queue.done(&held, position)).await?;
        if let Some(Trouble { since, .. }) = self.forwarded.trouble.lock().take() {
            tracing::info!(%since, "the line to the node carries again");
        }
        self.forwarded.sent.fetch_add(sent, Ordering::Relaxed);
        self.forwarded.late.fetch_add(if late { sent } else { 0 }, Ordering::Relaxed);
        self.forwarded.refused.fetch_add(refused, Ordering::Relaxed);
        self.metrics.sent.add(sent, &[]);
        if refused > 0 {
            self.metrics.refused.add(refused, &[]);
            tracing::warn!(refused, "the node refused events and keeps them: `ajisai quarantine list` there");
        }
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

/// Tells how much waits, also while nothing is carried.
async fn tell(queue: Arc<Queue>, forwarded: Arc<Forwarded>, metrics: Arc<Metrics>) {
    let mut tick = tokio::time::interval(TOLD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        metrics.up.record(u64::from(forwarded.trouble().is_none()), &[]);
        let asked = Arc::clone(&queue);
        // What cannot be read is said by whoever sends it.
        let Ok(Ok(waiting)) = tokio::task::spawn_blocking(move || asked.waiting()).await else { continue };
        metrics.waiting.record(waiting.events, &[]);
        metrics.waiting_bytes.record(waiting.bytes, &[]);
        let age = waiting.oldest.map_or(0, |oldest| queue.now().since(oldest));
        metrics.oldest.record(Duration::from_micros(u64::try_from(age).unwrap_or(0)).as_secs_f64(), &[]);
    }
}
