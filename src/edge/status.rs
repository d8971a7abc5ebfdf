//! How an edge stands: `/status`, and whether it is ready. It names feeds and positions, and no patient.

use crate::config::EdgeConfig;
use crate::telemetry::Readiness;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use ingest::Quarantine;
use ingest::edge::{Forwarded, Queue, Waiting};
use ingest::watch::Watch;
use model::Moment;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How an edge stands. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeStatus {
    /// The program's version.
    pub version: String,
    /// Its name.
    pub edge: String,
    /// Whose it is.
    pub facility: String,
    /// Since when it runs.
    pub started: String,
    /// Now.
    pub moment: String,
    /// What waits for the line.
    pub queue: QueueStatus,
    /// The line to the node.
    pub line: LineStatus,
    /// What was refused here and waits for a person.
    pub quarantined: u64,
    /// Every feed.
    pub feeds: Vec<FeedStatus>,
}

/// What waits for the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// Events.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The most bytes that may wait.
    pub limit_bytes: u64,
    /// When the oldest came.
    pub oldest: Option<String>,
    /// Why nothing can be written at the moment: nothing is taken until it can.
    #[serde(default)]
    pub fault: Option<String>,
}

/// The line to the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineStatus {
    /// The node's address.
    pub node: String,
    /// Since when it has not carried; absent: it carries, or nothing was to be sent.
    pub down_since: Option<String>,
    /// Why, as of the last try.
    pub reason: Option<String>,
    /// Where the last event that the node took is in its log.
    pub position: Option<String>,
    /// When it said so.
    pub answered: Option<String>,
    /// Events the node answered for since the start.
    pub sent: u64,
    /// Events among them that had waited for more than a minute.
    pub late: u64,
    /// Events among them that the node refused and keeps in its quarantine.
    pub refused: u64,
}

/// A feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedStatus {
    /// Its name.
    pub feed: String,
    /// What sort: `ss-mix2`, `mllp`, `fhir`.
    pub kind: String,
    /// When it last gave a sign of life.
    pub heard: Option<String>,
    /// Since when it is silent; absent: it is not.
    pub silent_since: Option<String>,
    /// Within how many seconds a sign of life is expected; absent: none is.
    pub expected_seconds: Option<u64>,
}

impl EdgeStatus {
    /// Whether somebody has to look at it: the line is down, a feed is silent, the queue is nearly full or
    /// cannot be written, or something was refused.
    pub fn needs_attention(&self) -> bool {
        self.line.down_since.is_some()
            || self.quarantined > 0
            || self.queue.fault.is_some()
            || self.queue.is_nearly_full()
            || self.feeds.iter().any(|feed| feed.silent_since.is_some())
    }
}

impl QueueStatus {
    /// Whether less than a tenth is left.
    pub fn is_nearly_full(&self) -> bool {
        self.bytes > self.limit_bytes / 10 * 9
    }
}

/// What there is to tell of.
pub(super) struct Inside {
    pub(super) config: EdgeConfig,
    pub(super) started: Moment,
    pub(super) queue: Arc<Queue>,
    pub(super) forwarded: Arc<Forwarded>,
    pub(super) quarantine: Arc<Quarantine>,
    pub(super) watch: Watch,
}

impl Inside {
    /// Whether it takes in. A line that is down is no reason not to.
    pub(super) fn readiness(&self) -> Readiness {
        match self.queue.has_room() {
            true => Readiness::Ready,
            false => Readiness::NotReady("the queue is full, or its disk fails: nothing is taken".to_owned()),
        }
    }

    /// It may touch the disk.
    fn status(&self) -> EdgeStatus {
        let (Waiting { events, bytes, oldest }, fault) = match self.queue.waiting() {
            Ok(waiting) => (waiting, None),
            Err(error) => (self.queue.counted(), Some(error.to_string())),
        };
        let text = |moment: Moment| moment.to_string();
        let trouble = self.forwarded.trouble();
        let reached = self.queue.reached();
        let feed = |standing: ingest::watch::FeedStanding| FeedStatus {
            feed: standing.feed.feed,
            kind: standing.kind.code().to_owned(),
            heard: standing.heard.map(text),
            silent_since: standing.silent_since.map(text),
            expected_seconds: standing.within.map(|within| within.as_secs()),
        };
        EdgeStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            edge: self.config.edge.name.clone(),
            facility: self.config.edge.facility.as_str().to_owned(),
            started: text(self.started),
            moment: text(self.queue.now()),
            queue: QueueStatus { events, bytes, limit_bytes: self.queue.limit(), oldest: oldest.map(text), fault },
            line: LineStatus {
                node: self.config.node.address.clone(),
                down_since: trouble.as_ref().map(|trouble| text(trouble.since)),
                reason: trouble.map(|trouble| trouble.reason),
                position: reached.map(|reached| reached.position.to_string()),
                answered: reached.map(|reached| text(reached.at)),
                sent: self.forwarded.sent(),
                late: self.forwarded.late(),
                refused: self.forwarded.refused(),
            },
            quarantined: self.quarantine.size().events,
            feeds: self.watch.standings().into_iter().map(feed).collect(),
        }
    }
}

/// `/status`
pub(super) fn router(inside: Arc<Inside>) -> Router {
    Router::new().route("/status", get(tell)).with_state(inside)
}

async fn tell(State(inside): State<Arc<Inside>>) -> Response {
    match tokio::task::spawn_blocking(move || inside.status()).await {
        Ok(status) => Json(status).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
