//! Beds: the wall, one bed, what was measured before, and what was on the screen at a time.
//!
//! A wall and a bed are lines of JSON, four a second, whether or not anything came: a page that hears none knows that the node
//! or the line is gone. Words come once each: a line names them by number and brings those that are new.

mod around;
mod told;

use crate::Windows;
use crate::refusal::{Refusal, bearer};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use futures::stream::unfold;
use query::AuthError;
use query::beds::{BedId, Cursor, KEPT, Looking, Place, SLOT, Watch, moment};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{Interval, MissedTickBehavior};
use told::Teller;

/// How often a line comes.
const EVERY: Duration = Duration::from_millis(250);
/// How often the token is looked at again: a stream ends with the authority it was opened by.
const RECHECK: Duration = Duration::from_secs(5);
/// A wall shows so many slots of each bed: five minutes.
const WALL: i64 = 5 * 60 * 4;
/// A viewer that is behind by more than this gets the newest, and a gap that is marked.
const BEHIND: i64 = 60 * 4;
/// For so long a bed may still be on its way, after a page was opened or a node began.
const PATIENCE: Duration = Duration::from_secs(4);
/// At most so much history at once, in microseconds.
const AT_ONCE: i64 = KEPT * SLOT;

/// `?bed=`.
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    bed: String,
}

/// `?bed=&from_us=&until_us=`.
#[derive(Debug, Deserialize)]
pub(crate) struct Past {
    bed: String,
    from_us: i64,
    until_us: i64,
}

/// `?bed=&at_us=`.
#[derive(Debug, Deserialize)]
pub(crate) struct At {
    bed: String,
    at_us: i64,
}

/// Somebody who watches, as long as the token holds.
struct Viewer {
    windows: Arc<Windows>,
    token: String,
    watch: Arc<Watch>,
    checked: Instant,
    ticks: Interval,
    teller: Teller,
    /// As long as the page is open, its reader watches what it shows.
    looking: Looking,
    /// How presence stood when it was last told.
    present: Option<u64>,
}

impl Viewer {
    async fn admit(windows: Arc<Windows>, headers: &HeaderMap, alone: bool) -> Result<Self, Refusal> {
        let token = bearer(headers)?.to_owned();
        let principal = windows.authenticator.token(&token).await?;
        let watch = windows.boards.watch(&principal);
        tracing::info!(facility = %principal.facility, purpose = principal.purpose.code(), "beds are watched");
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let looking = windows.boards.looks(&principal, alone);
        let (checked, teller) = (Instant::now(), Teller::default());
        Ok(Self { windows, token, watch, checked, ticks, teller, looking, present: None })
    }

    /// Waits for the next line to be due; gives the last line where there is none any more.
    async fn due(&mut self) -> Option<Value> {
        self.ticks.tick().await;
        if self.checked.elapsed() >= RECHECK {
            match self.windows.authenticator.token(&self.token).await {
                Ok(principal) if principal == *self.watch.principal() => {}
                Ok(_) | Err(AuthError::Refused { .. }) => return Some(ended("token_refused")),
                // Keys that cannot be read just now end nothing: each bed is still asked of the book.
                Err(AuthError::Unavailable) => {}
            }
            self.checked = Instant::now();
        }
        self.watch.over().map(ended)
    }

    /// What a source is called, in Japanese and English.
    fn named(&self, place: &Place) -> [String; 2] {
        let book = self.windows.views.book().read();
        book.stated_facility(place.source())
            .map(|stated| [stated.name.clone(), stated.name_en.clone()])
            .unwrap_or_default()
    }
}

/// Says one thing more.
fn also(told: &mut Value, name: &str, what: Value) {
    if let Value::Object(told) = told {
        told.insert(name.to_owned(), what);
    }
}

fn ended(reason: &str) -> Value {
    json!({ "kind": "ended", "reason": reason })
}

/// Something that says a line whenever it is due.
trait Says: Send + Sized + 'static {
    /// The next line, and whether it is the last.
    fn next(&mut self) -> impl Future<Output = (Value, bool)> + Send;

    /// All of them.
    fn stream(self) -> Response {
        let lines = unfold(Some(self), |says| async move {
            let mut says = says?;
            let (line, last) = says.next().await;
            // A value can always be written.
            let mut bytes = serde_json::to_vec(&line).unwrap_or_default();
            bytes.push(b'\n');
            Some((Ok::<_, Infallible>(Bytes::from(bytes)), (!last).then_some(says)))
        });
        let headers = [
            (CONTENT_TYPE, "application/x-ndjson; charset=utf-8"),
            // A proxy that gathers lines before it passes them on would look like a frozen node.
            (HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        (headers, Body::from_stream(lines)).into_response()
    }
}

// === The wall ===

struct Wall {
    viewer: Viewer,
    cursors: HashMap<BedId, Cursor>,
}

/// `GET /api/beds`.
pub(crate) async fn wall(State(windows): State<Arc<Windows>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let viewer = Viewer::admit(windows, &headers, false).await?;
    Ok(Wall { viewer, cursors: HashMap::new() }.stream())
}

impl Says for Wall {
    async fn next(&mut self) -> (Value, bool) {
        if let Some(last) = self.viewer.due().await {
            return (last, true);
        }
        let Self { viewer, cursors } = self;
        let watch = viewer.watch.clone();
        let shown: Vec<BedId> = watch.look(|ward, _| ward.beds().map(|(bed, _)| bed.id()).collect());
        viewer.looking.shows(shown);
        let presence = viewer.news_of_presence();
        let mut line = watch.look(|ward, now| {
            cursors.retain(|id, _| ward.bed(*id).is_some());
            let beds: Vec<Value> = ward
                .beds()
                .map(|(bed, names)| {
                    let cursor = cursors.entry(bed.id()).or_default();
                    let mut told = viewer.teller.bed(bed, names, now);
                    also(&mut told, "named", json!(viewer.named(bed.place())));
                    also(&mut told, "strip", viewer.teller.news(bed, &bed.news(cursor, WALL), told::On::Wall));
                    also(&mut told, "now", viewer.teller.levels(bed, ward.rules()));
                    viewer.around(&mut told, (ward, bed), (now, presence));
                    told
                })
                .collect();
            let gone: Vec<Value> = ward.ended().iter().map(told::ended).collect();
            json!({ "kind": "beds", "moment_us": now.micros(), "beds": beds, "ended": gone })
        });
        also(&mut line, "words", viewer.teller.words());
        (line, false)
    }
}

// === One bed ===

struct One {
    viewer: Viewer,
    bed: BedId,
    cursor: Cursor,
    /// What was told of its windows: nothing is told twice.
    windows: u64,
    begun: Instant,
    seen: bool,
}

/// `GET /api/beds/bed?bed=`.
pub(crate) async fn bed(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response, Refusal> {
    bearer(&headers)?;
    let bed = id(&which.bed)?;
    let viewer = Viewer::admit(windows, &headers, true).await?;
    let one = One { viewer, bed, cursor: Cursor::default(), windows: 0, begun: Instant::now(), seen: false };
    Ok(one.stream())
}

impl Says for One {
    async fn next(&mut self) -> (Value, bool) {
        if let Some(last) = self.viewer.due().await {
            return (last, true);
        }
        let watch = self.viewer.watch.clone();
        let (mut line, last) = watch.look(|ward, now| {
            let Some((bed, names)) = ward.bed(self.bed) else {
                let ended = ward.ended().iter().find(|ended| ended.bed == self.bed);
                return match ended {
                    Some(ended) => (told::closed(ended), true),
                    None if self.seen || self.begun.elapsed() > PATIENCE => {
                        (json!({ "kind": "closed", "why": "unknown", "at_us": now.micros() }), true)
                    }
                    None => (json!({ "kind": "waiting", "moment_us": now.micros() }), false),
                };
            };
            let mut news = bed.news(&mut self.cursor, if self.seen { BEHIND } else { KEPT });
            if news.anew && self.seen {
                self.cursor = Cursor::default();
                news = bed.news(&mut self.cursor, KEPT);
            }
            self.seen = true;
            let viewer = &mut self.viewer;
            viewer.looking.shows([self.bed]);
            let presence = viewer.news_of_presence();
            let mut told = viewer.teller.bed(bed, names, now);
            also(&mut told, "named", json!(viewer.named(bed.place())));
            also(&mut told, "strip", viewer.teller.news(bed, &news, told::On::Bed));
            viewer.around(&mut told, (ward, bed), (now, presence));
            also(&mut told, "notes", viewer.notes(bed.place()));
            let windows = told::mark(bed);
            if windows != self.windows || news.anew {
                self.windows = windows;
                also(&mut told, "windows", viewer.teller.windows(bed, ward.rules()));
                also(&mut told, "now", viewer.teller.last(bed, ward.rules()));
            }
            (json!({ "kind": "bed", "moment_us": now.micros(), "bed": told }), false)
        });
        also(&mut line, "words", self.viewer.teller.words());
        (line, last)
    }
}

fn id(text: &str) -> Result<BedId, Refusal> {
    BedId::parse(text).ok_or(Refusal::Parameter("`bed` is missing or is no bed's number"))
}

// === Before ===

/// `GET /api/beds/history?bed=&from_us=&until_us=`: what was measured then, as the caller's view holds it now.
pub(crate) async fn history(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(past): Query<Past>,
) -> Result<Json<Value>, Refusal> {
    let principal = windows.authenticator.token(bearer(&headers)?).await?;
    let bed = id(&past.bed)?;
    let period = (past.from_us, past.until_us);
    if past.until_us <= past.from_us || past.until_us.saturating_sub(past.from_us) > AT_ONCE {
        return Err(Refusal::Parameter("`from_us` lies before `until_us`, and at most an hour of it is told at once"));
    }
    let watch = windows.boards.watch(&principal);
    let strip = watch.history(bed, period).await?.ok_or(Refusal::NoBed)?;
    Ok(Json(told::strip(&strip)))
}

/// `GET /api/beds/seen?bed=&at_us=`: what was on the screen at a moment, apart from what is known now.
pub(crate) async fn seen(
    State(windows): State<Arc<Windows>>,
    headers: HeaderMap,
    Query(at): Query<At>,
) -> Result<Json<Value>, Refusal> {
    let principal = windows.authenticator.token(bearer(&headers)?).await?;
    let bed = id(&at.bed)?;
    let watch = windows.boards.watch(&principal);
    let moment = moment(at.at_us).ok_or(Refusal::Parameter("`at_us` is no moment"))?;
    let (strip, course) = watch.seen(bed, moment).await?.ok_or(Refusal::NoBed)?;
    let mut teller = Teller::default();
    let mut told = watch.look(|ward, _| teller.seen((&strip, &course), ward.rules(), at.at_us));
    also(&mut told, "words", teller.words());
    Ok(Json(told))
}
