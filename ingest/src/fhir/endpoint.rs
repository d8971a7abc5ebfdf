//! `POST /fhir`: Bundles and NDJSON over HTTP, through the adapter and the door; refusals as `OperationOutcome`.
//!
//! | body | all is taken | something is refused |
//! | --- | --- | --- |
//! | a `transaction` Bundle | 200, a `transaction-response` | 422, an `OperationOutcome`; nothing is taken or kept |
//! | a `batch` Bundle | 200, a `batch-response` | 200, the refused entries say why; they are in quarantine |
//! | any other Bundle, one resource, NDJSON | 200, an `OperationOutcome` | 422, an `OperationOutcome`; the rest is taken, the refused are in quarantine |
//!
//! Resources that are only read for those that refer to them ([`super::is_read_for_others`]) are neither refused nor kept: the answer
//! says that no record is made of them. What it answers with 200 or 422 is durable. 503: nothing is known to be durable, and it may be sent again; the same
//! resources again are the same events. Who calls is the [`Principal`] that the identity layer put into the request.

use super::keep::Keeper;
use super::replay::FhirReplayer;
use super::{Context, Reason, References, Refusal, Resource, events, read};
use crate::admission::Admission;
use crate::completeness::{FeedKind, Item};
use crate::door::{Door, DoorError, LocalDoor, Published, Step};
use crate::quarantine::{Aside, Form};
use crate::refusal::{Refusal as DoorRefusal, RefusalReason};
use crate::replay::Replayer;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use event_log::Clock;
use jiff::civil::Date;
use model::{FacilityId, Moment, Principal};
use serde_json::{Value, json};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What the endpoint needs to know.
#[derive(Clone)]
pub struct Endpoint {
    /// The door of whoever posts.
    pub door: DoorOf,
    /// When what comes was received.
    pub clock: Clock,
    /// How a facility's resources are read; those that are not named are read by the standard systems.
    pub contexts: HashMap<FacilityId, Context>,
    /// The largest body, in bytes.
    pub largest: usize,
}

/// Which door a caller comes through.
pub type DoorOf = Arc<dyn Fn(Principal) -> Arc<dyn Door> + Send + Sync>;

impl Endpoint {
    /// The endpoint of a node. What it keeps aside is read anew, when somebody asks, as it reads.
    pub fn of(admission: &Arc<Admission>, contexts: HashMap<FacilityId, Context>, largest: usize) -> Self {
        let clock = admission.clock();
        // The door keeps its replayers: they must not keep the door.
        let open = Arc::downgrade(admission);
        let again = move |principal| Some(Arc::new(LocalDoor::new(open.upgrade()?, principal)) as Arc<dyn Door>);
        let replayer = FhirReplayer { door: Box::new(again), clock: Arc::clone(&clock), contexts: contexts.clone() };
        admission.replay_by(Form::Fhir, Arc::new(replayer));
        let through = Arc::clone(admission);
        let door = move |principal| Arc::new(LocalDoor::new(Arc::clone(&through), principal)) as Arc<dyn Door>;
        Self { door: Arc::new(door), clock, contexts, largest }
    }

    /// Who reads anew what this endpoint keeps aside, as it reads.
    pub fn replayer(&self) -> Arc<dyn Replayer> {
        let door = Arc::clone(&self.door);
        let again = move |principal| Some(door(principal));
        let (clock, contexts) = (Arc::clone(&self.clock), self.contexts.clone());
        Arc::new(FhirReplayer { door: Box::new(again), clock, contexts })
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { door: _, clock: _, contexts, largest } = self;
        f.debug_struct("Endpoint").field("contexts", contexts).field("largest", largest).finish_non_exhaustive()
    }
}

/// The route `POST /fhir`.
pub fn router(endpoint: Endpoint) -> Router {
    let limit = DefaultBodyLimit::max(endpoint.largest);
    Router::new().route("/fhir", post(take)).layer(limit).with_state(Arc::new(endpoint))
}

/// What a body comes to, before the door.
struct Work {
    entries: Vec<Entry>,
    /// `Bundle.type`, where the body is one Bundle.
    kind: Option<String>,
}

/// One resource, or one place where none could be read.
struct Entry {
    events: Vec<Bytes>,
    refusal: Option<Refusal>,
    /// The resource as JSON, and what it is called, where it is refused and can be kept.
    original: Option<(Bytes, String)>,
    /// What the account of the feed holds of it: its type and id, and the digest of what it says.
    item: Option<Item>,
    /// Why the door refused an event of it.
    turned_away: Option<DoorRefusal>,
    /// It was read for others, and no record is made of it.
    only_read: bool,
}

impl Entry {
    fn is_taken(&self) -> bool {
        self.refusal.is_none() && self.turned_away.is_none()
    }
}

async fn take(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    let Some(principal) = request.extensions().get::<Principal>().cloned() else {
        return failure(StatusCode::UNAUTHORIZED, "login", "the caller is not known");
    };
    let headers = request.headers().clone();
    // Read first: over HTTP/2 an answer before the body's end is a reset of the stream.
    let Ok(body) = axum::body::to_bytes(request.into_body(), endpoint.largest).await else {
        return failure(StatusCode::PAYLOAD_TOO_LARGE, "too-long", "a body within the size limit");
    };
    if !crate::authority::may_publish(&principal) {
        return failure(StatusCode::FORBIDDEN, "forbidden", "the caller's role sends no events");
    }
    if !is_json(&headers) {
        let rule = "`Content-Type` is application/fhir+json, application/json or application/fhir+ndjson";
        return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", rule);
    }
    let received = (endpoint.clock)();
    let context = context(&endpoint.contexts, &principal.facility, received);
    // A body of megabytes is not read on a thread that serves others.
    let Ok(mut work) = tokio::task::spawn_blocking(move || understand(&body, &context)).await else {
        return failure(StatusCode::INTERNAL_SERVER_ERROR, "exception", "the body could not be read");
    };
    if work.entries.is_empty() {
        return failure(
            StatusCode::BAD_REQUEST,
            "required",
            "a resource, a Bundle with entries, or lines of resources",
        );
    }
    let transaction = work.kind.as_deref() == Some("transaction");
    if transaction && work.entries.iter().any(|entry| !entry.is_taken()) {
        return answer(StatusCode::UNPROCESSABLE_ENTITY, &outcome(&work));
    }
    let door = (endpoint.door)(principal);
    let account = accounted(&work, received);
    door.note(FeedKind::Fhir, "fhir", Step::Offered, account.clone()).await;
    if let Err(error) = carry_out(door.as_ref(), &mut work).await {
        tracing::warn!(%error, "a FHIR body was not taken");
        return failure(StatusCode::SERVICE_UNAVAILABLE, "transient", "it could not be made durable; send it again");
    }
    door.note(FeedKind::Fhir, "fhir", Step::DealtWith, account).await;
    match work.kind.as_deref() {
        Some(kind @ ("transaction" | "batch")) => answer(StatusCode::OK, &bundle(kind, &work)),
        _ if work.entries.iter().all(Entry::is_taken) => answer(StatusCode::OK, &outcome(&work)),
        _ => answer(StatusCode::UNPROCESSABLE_ENTITY, &outcome(&work)),
    }
}

/// How a facility's resources are read, received now.
pub(super) fn context(contexts: &HashMap<FacilityId, Context>, facility: &FacilityId, received: Moment) -> Context {
    let known = contexts.get(facility).cloned();
    Context { received, ..known.unwrap_or_else(|| Context::new(facility.clone(), received)) }
}

/// A refusal in the door's words.
pub(super) fn of_the_door(refusal: &Refusal) -> DoorRefusal {
    let reason = match refusal.reason {
        Reason::UnreadableFile | Reason::UnreadableJson => RefusalReason::Unreadable,
        _ => RefusalReason::Invalid,
    };
    DoorRefusal::new(reason, &refusal.path, format!("{}: {}", refusal.reason.code(), refusal.rule))
}

fn is_json(headers: &HeaderMap) -> bool {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = [
        "application/fhir+json",
        "application/json",
        "application/fhir+ndjson",
        "application/x-ndjson",
        "application/ndjson",
    ];
    known.contains(&kind.as_str())
}

/// Reads the body: first whom it speaks of, then what it says.
fn understand(body: &[u8], context: &Context) -> Work {
    let found: Vec<Result<Resource, Refusal>> = read(body).collect();
    let mut references = References::default();
    for resource in found.iter().flatten() {
        references.learn(resource, context);
    }
    let one_bundle = found.iter().flatten().all(|resource| resource.place().line == 1 && resource.bundle().is_some());
    let first = found.iter().flatten().next().filter(|_| one_bundle);
    let kind = first.and_then(|resource| resource.bundle()?.json().get("type")?.as_str().map(str::to_owned));
    let keeper = OnceCell::new();
    let keeper = || keeper.get_or_init(|| Keeper::new(found.iter().flatten()));
    let alone = found.len() == 1;
    let entry = |resource: &Result<Resource, Refusal>| {
        let resource = match resource {
            Ok(resource) => resource,
            Err(refusal) => {
                let original = unread(body, refusal, alone).map(|bytes| (bytes, String::new()));
                let (events, refusal) = (Vec::new(), Some(refusal.clone()));
                return Entry { events, refusal, original, item: None, turned_away: None, only_read: false };
            }
        };
        let came = events(resource, context, &references);
        let id = resource.json().get("id").and_then(Value::as_str).unwrap_or_default();
        let (name, text) = (format!("{}/{id}", resource.resource_type()), resource.json().to_string());
        let item = Some(Item::new(name.clone(), xxhash_rust::xxh3::xxh3_128(text.as_bytes())));
        let original = came.refusal.is_some().then(|| (keeper().body(resource), name));
        let events = came.events.iter().map(wire::write_event).collect();
        Entry { events, refusal: came.refusal, original, item, turned_away: None, only_read: came.only_read }
    };
    Work { entries: found.iter().map(entry).collect(), kind }
}

/// The bytes of what could not be read: its line, or the body if there is nothing else in it. An entry of a Bundle that holds
/// no resource has none.
fn unread(body: &[u8], refusal: &Refusal, alone: bool) -> Option<Bytes> {
    if refusal.place.entry.is_some() {
        return None;
    }
    if alone {
        return Some(Bytes::copy_from_slice(body));
    }
    let line = usize::try_from(refusal.place.line).ok()?.checked_sub(1)?;
    body.split(|byte| *byte == b'\n').nth(line).map(Bytes::copy_from_slice)
}

/// The items of a body for the account of the feed, under the day in Japan on which it came. The same resource sent again on that
/// day is the same item.
fn accounted(work: &Work, received: Moment) -> Vec<(Date, Item)> {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    let Ok(at) = jiff::Timestamp::from_microsecond(received.micros()) else { return Vec::new() };
    let day = at.to_zoned(zone).date();
    work.entries.iter().filter_map(|entry| Some((day, entry.item.clone()?))).collect()
}

/// Makes it durable: first what is kept aside, then the events.
async fn carry_out(door: &dyn Door, work: &mut Work) -> Result<(), DoorError> {
    let mut asides = Vec::new();
    let (mut places, mut all) = (Vec::new(), Vec::new());
    for (place, entry) in work.entries.iter_mut().enumerate() {
        if let (Some(refusal), Some((bytes, name))) = (&entry.refusal, entry.original.take()) {
            let refusal = of_the_door(refusal);
            asides.push(Aside { form: Form::Fhir, bytes, refusal, origin: "fhir".to_owned(), name });
        }
        for event in std::mem::take(&mut entry.events) {
            places.push(place);
            all.push(event);
        }
    }
    if !asides.is_empty() {
        door.set_aside(asides).await?;
    }
    if all.is_empty() {
        return Ok(());
    }
    for (place, published) in places.into_iter().zip(door.publish(all).await?) {
        if let (Published::Refused(refusal), Some(entry)) = (published, work.entries.get_mut(place)) {
            entry.turned_away.get_or_insert(refusal);
        }
    }
    Ok(())
}

// === what is answered ===

/// FHIR's word for a reason (value set issue-type).
fn issue_type(reason: Reason) -> &'static str {
    match reason {
        Reason::UnreadableFile | Reason::UnreadableJson | Reason::NotAResource => "structure",
        Reason::TooLarge | Reason::TooComplex => "too-long",
        Reason::UnsupportedResource | Reason::UnsupportedCategory => "not-supported",
        Reason::UnknownModifier => "extension",
        Reason::MissingElement | Reason::Undated | Reason::EntryWithoutResource => "required",
        Reason::InvalidElement => "value",
        Reason::UnknownCode => "code-invalid",
        Reason::UnknownPatient | Reason::UnknownReference | Reason::UnknownActor => "not-found",
        Reason::AmbiguousPatient => "multiple-matches",
        _ => "business-rule",
    }
}

fn issues(entry: &Entry) -> Vec<Value> {
    let mut all = Vec::new();
    if let Some(refusal) = &entry.refusal {
        all.push(json!({
            "severity": "error",
            "code": issue_type(refusal.reason),
            "details": {"text": refusal.reason.code()},
            "diagnostics": format!("{}: {}", refusal.place, refusal.rule),
            "expression": [refusal.path.replacen('$', refusal.resource, 1)],
        }));
    }
    if let Some(refusal) = &entry.turned_away {
        all.push(json!({
            "severity": "error",
            "code": "business-rule",
            "details": {"text": refusal.reason.code()},
            "diagnostics": format!("{}: {}", refusal.field, refusal.rule),
        }));
    }
    all
}

/// The outcome of the whole: what is refused, or how much was taken.
fn outcome(work: &Work) -> Value {
    let mut all: Vec<Value> = work.entries.iter().flat_map(issues).collect();
    if all.is_empty() {
        let read = work.entries.iter().filter(|entry| entry.only_read).count();
        let taken = format!("resources taken: {}, read for others: {read}", work.entries.len() - read);
        all.push(json!({"severity": "information", "code": "informational", "diagnostics": taken}));
    }
    json!({"resourceType": "OperationOutcome", "issue": all})
}

/// The answer to a transaction or a batch: one entry for each entry.
fn bundle(kind: &str, work: &Work) -> Value {
    let entry = |entry: &Entry| match issues(entry) {
        issues if issues.is_empty() => json!({"response": {"status": "200 OK"}}),
        issues => json!({"response": {
            "status": "422 Unprocessable Entity",
            "outcome": {"resourceType": "OperationOutcome", "issue": issues},
        }}),
    };
    let entries: Vec<Value> = work.entries.iter().map(entry).collect();
    json!({"resourceType": "Bundle", "type": format!("{kind}-response"), "entry": entries})
}

fn failure(status: StatusCode, code: &str, rule: &str) -> Response {
    let issue = json!({"severity": "error", "code": code, "diagnostics": rule});
    answer(status, &json!({"resourceType": "OperationOutcome", "issue": [issue]}))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/fhir+json; charset=utf-8")], body.to_string()).into_response()
}
