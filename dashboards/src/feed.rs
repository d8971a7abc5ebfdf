//! Live disclosures: one JSON object per line, and a heartbeat every second that says how far they reach.
//!
//! A line says that something appeared, changed or vanished, of which category and from whom; what it says is left to
//! the tables. `EventSource` cannot carry an `Authorization` header, so the page reads the lines itself.

use crate::Windows;
use crate::refusal::{Refusal, bearer};
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use futures::stream::unfold;
use query::{AtLeast, AuthError, category_of, frontier_text};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use views::table::table_name;
use views::{FeedItem, FeedStart, Subscription};

/// How often a heartbeat comes. The page calls itself frozen after three.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often the token is looked at again: a stream ends with the authority it was opened by.
const RECHECK: Duration = Duration::from_secs(5);

/// `?after=`: a heartbeat's frontier, to go on from.
#[derive(Debug, Deserialize)]
pub(crate) struct From {
    after: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Appeared {
        #[serde(flatten)]
        what: What,
        historic: bool,
    },
    Changed {
        #[serde(flatten)]
        what: What,
        historic: bool,
    },
    Vanished {
        key: String,
        source: String,
        reason: &'static str,
    },
    /// What was received before is void.
    Reset {
        reason: &'static str,
    },
    Heartbeat {
        /// Everything before it was sent.
        frontier: String,
        moment_us: i64,
        /// How long before that moment the view was last made current: it grows when the pipeline stands still.
        age_ms: u64,
    },
    /// The last line.
    Ended {
        reason: &'static str,
    },
}

#[derive(Serialize)]
struct What {
    /// The same for all that is told of one record; no identifier of anything.
    key: String,
    category: &'static str,
    source: String,
    source_name: String,
    source_name_en: String,
    occurred_us: i64,
    version: u64,
}

/// `GET /api/feed[?after=]`.
pub(crate) async fn feed(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(from): Query<From>,
) -> Result<Response, Refusal> {
    let token = bearer(&headers)?.to_owned();
    let principal = windows.authenticator.token(&token).await?;
    let after = from.after.as_deref().map(AtLeast::parse).transpose();
    let (start, first) = match after.map_err(|_| Refusal::Parameter("`after` takes a heartbeat's frontier"))? {
        None => (FeedStart::Now, None),
        Some(after) if windows.views.store().frontier().covers(after.frontier()) => {
            (FeedStart::After(after.frontier().clone()), None)
        }
        // What lies ahead of the view is no place to go on from: the node began anew.
        Some(_) => (FeedStart::Now, Some(Line::Reset { reason: "ahead" })),
    };
    let every = crate::summary::TABLES.iter().filter_map(|table| category_of(table)).collect();
    let subscription = windows.views.feeds().subscribe(windows.views.store(), &principal, start, every);
    tracing::info!(facility = %principal.facility, purpose = principal.purpose.code(), "a dashboard begins to watch");

    let watch = Watch { windows, token, checked: Instant::now(), first, subscription };
    let lines = unfold(Some(watch), |watch| async move {
        let mut watch = watch?;
        let line = watch.next().await;
        let last = matches!(line, Line::Ended { .. });
        Some((Ok::<_, Infallible>(written(&line)), (!last).then_some(watch)))
    });
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson; charset=utf-8"),
        // A proxy that gathers lines before it passes them on would look like a frozen node.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// One dashboard's watch.
struct Watch {
    windows: Arc<Windows>,
    token: String,
    checked: Instant,
    /// To be said before anything else.
    first: Option<Line>,
    subscription: Subscription,
}

impl Watch {
    async fn next(&mut self) -> Line {
        if let Some(line) = self.first.take() {
            return line;
        }
        if self.checked.elapsed() >= RECHECK {
            match self.windows.authenticator.token(&self.token).await {
                Ok(principal) if principal == *self.subscription.principal() => {}
                Ok(_) | Err(AuthError::Refused { .. }) => return Line::Ended { reason: "token_refused" },
                // Keys that cannot be read just now end nothing: each record is still asked of the book.
                Err(AuthError::Unavailable) => {}
            }
            self.checked = Instant::now();
        }
        match self.subscription.next(HEARTBEAT).await {
            Some(Ok(item)) => self.line(item),
            Some(Err(_)) => Line::Ended { reason: "internal" },
            None => Line::Ended { reason: "feeds_ended" },
        }
    }

    fn line(&mut self, item: FeedItem) -> Line {
        match item {
            FeedItem::Appeared { ref record, historic, .. } | FeedItem::Changed { ref record, historic, .. } => {
                let source = record.patient.facility();
                let (source_name, source_name_en) = {
                    let book = self.windows.views.book().read();
                    book.stated_facility(source).map(|stated| (stated.name.clone(), stated.name_en.clone()))
                }
                .unwrap_or_default();
                let what = What {
                    key: key(record.reference().digest()),
                    category: table_name(record.category()),
                    source: source.as_str().to_owned(),
                    source_name,
                    source_name_en,
                    occurred_us: record.occurred.micros(),
                    version: record.version.get(),
                };
                match item {
                    FeedItem::Changed { .. } => Line::Changed { what, historic },
                    _ => Line::Appeared { what, historic },
                }
            }
            FeedItem::Vanished { record, reason, .. } => Line::Vanished {
                key: key(record.digest()),
                source: record.source.as_str().to_owned(),
                reason: reason.code(),
            },
            FeedItem::Reset(reason) => {
                // The whole view anew is for those who keep it; a list of the newest begins again with what comes.
                let views = &self.windows.views;
                let every = crate::summary::TABLES.iter().filter_map(|table| category_of(table)).collect();
                let principal = self.subscription.principal().clone();
                self.subscription = views.feeds().subscribe(views.store(), &principal, FeedStart::Now, every);
                Line::Reset { reason: reason.code() }
            }
            FeedItem::Closed(closing) => Line::Ended { reason: closing.code() },
            FeedItem::Heartbeat { frontier, moment } => {
                let published = self.windows.views.view(self.subscription.principal(), moment).published_at();
                let age_ms = u64::try_from(published.elapsed().as_millis()).unwrap_or(u64::MAX);
                Line::Heartbeat { frontier: frontier_text(&frontier), moment_us: moment.micros(), age_ms }
            }
        }
    }
}

fn key(digest: u128) -> String {
    format!("{digest:032x}")
}

fn written(line: &Line) -> Bytes {
    // A line of texts and numbers can always be written.
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}
