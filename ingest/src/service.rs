//! The gRPC services over the door.

mod consent;
mod directory;
mod edge;
mod keeping;
mod publish;
mod rehearsal;

pub use consent::Consents;
pub use directory::Directory;
pub use edge::{AtEdge, Sending};
pub use publish::Ingest;
pub use rehearsal::rehearse;

use crate::admission::Admission;
use crate::error::AdmissionError;
use crate::quarantine::QuarantineError;
use crate::refusal::{Refusal, RefusalReason};
use event_log::TraceContext;
use model::{Body, Event, EventId, EventKey, FacilityId, Frontier, Position, Principal};
use std::sync::Arc;
use std::time::Duration;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};
use uuid::Uuid;
use wire::v1::consent_service_server::ConsentServiceServer;
use wire::v1::directory_service_server::DirectoryServiceServer;
use wire::v1::ingest_service_server::IngestServiceServer;
use wire::{WireError, v1};

/// The largest message a call may carry: a batch of events.
const LARGEST_MESSAGE: usize = 64 << 20;

/// HTTP/2 window of one stream, in bytes, for the server that carries these services. The default of 64 KB lets a
/// publisher send 64 events of 1 KB and wait: measured, one stream then carries a third.
pub const STREAM_WINDOW: u32 = 2 << 20;

/// HTTP/2 window of one connection, in bytes, to go with [`STREAM_WINDOW`].
pub const CONNECTION_WINDOW: u32 = 8 << 20;

/// How long a call waits for the book to take in what the caller stated a moment ago.
const BOOK_DELAY: Duration = Duration::from_secs(1);

/// `IngestService` over the door, ready to be added to a server.
pub fn ingest(admission: Arc<Admission>) -> IngestServiceServer<Ingest> {
    use tonic::codec::CompressionEncoding::Zstd;
    IngestServiceServer::new(Ingest::new(admission))
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE)
        .accept_compressed(Zstd)
        .send_compressed(Zstd)
}

/// `ConsentService` over the door, ready to be added to a server.
pub fn consents(admission: Arc<Admission>) -> ConsentServiceServer<Consents> {
    ConsentServiceServer::new(Consents::new(admission))
}

/// `DirectoryService` over the door, ready to be added to a server.
pub fn directory(admission: Arc<Admission>) -> DirectoryServiceServer<Directory> {
    DirectoryServiceServer::new(Directory::new(admission))
}

/// Who calls. The hall's identity layer puts the principal there; without it nobody called.
fn principal_of<T>(request: &Request<T>) -> Result<Principal, Status> {
    request
        .extensions()
        .get::<Principal>()
        .cloned()
        .ok_or_else(|| Status::unauthenticated("a client certificate or a token is needed"))
}

/// The trace a call came in; a malformed one is left out, as the recommendation says.
fn trace_of(metadata: &MetadataMap) -> Option<TraceContext> {
    let text = |key| metadata.get(key).and_then(|value| value.to_str().ok());
    TraceContext::parse(text("traceparent")?, text("tracestate")).ok()
}

// === statuses: chosen here and nowhere else ===

fn of_admission(error: &AdmissionError) -> Status {
    match error {
        AdmissionError::Full { .. } => Status::resource_exhausted(error.to_string()),
        AdmissionError::Unavailable { .. } | AdmissionError::Stopping | AdmissionError::Poisoned => {
            Status::unavailable(error.to_string())
        }
    }
}

fn of_refusal(refusal: &Refusal) -> Status {
    let words = format!("`{}`: {} ({})", refusal.field, refusal.rule, refusal.reason);
    match refusal.reason {
        RefusalReason::Unreadable | RefusalReason::Invalid | RefusalReason::TooLarge => Status::invalid_argument(words),
        RefusalReason::WrongSource
        | RefusalReason::RoleNotPermitted
        | RefusalReason::NotDiscloser
        | RefusalReason::NotPermitted => Status::permission_denied(words),
        RefusalReason::IdReused => Status::already_exists(
            "`request_id`: was used before for a call that says something else; choose a new one (id_reused)",
        ),
    }
}

fn of_wire(error: &WireError) -> Status {
    Status::invalid_argument(error.to_string())
}

fn of_quarantine(error: &QuarantineError) -> Status {
    match error {
        QuarantineError::NotFound => Status::not_found(error.to_string()),
        QuarantineError::Full { .. } => Status::resource_exhausted(error.to_string()),
        QuarantineError::Storage { .. } => Status::unavailable(error.to_string()),
    }
}

fn denied(rule: &str) -> Status {
    Status::permission_denied(rule)
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, Status> {
    value.ok_or_else(|| of_wire(&WireError::new(field, wire::Rule::Required)))
}

fn page_size(asked: u32) -> Result<usize, Status> {
    match asked {
        0 => Ok(100),
        1..=1000 => Ok(usize::try_from(asked).unwrap_or(1000)),
        _ => Err(Status::invalid_argument("`page_size`: must be at most 1000")),
    }
}

// === what the unary services share ===

/// The id of an event a call makes: the same for the same `request_id`, else a new one.
fn event_id(facility: &FacilityId, request_id: &str) -> Result<EventId, Status> {
    let id = if request_id.is_empty() {
        Uuid::now_v7()
    } else {
        // Checked as the id it stands for, so that the refusal names the same rule.
        EventId::parse(request_id).map_err(|error| of_wire(&WireError::new("request_id", error)))?;
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("ajisai.v1/{facility}/{request_id}").as_bytes())
    };
    EventId::parse(&format!("call-{id}")).map_err(|error| Status::internal(error.to_string()))
}

/// A moment the caller may leave out to mean now. A repeated request must say the same, so then it may not.
fn moment_or_now(
    admission: &Admission,
    field: &str,
    said: Option<i64>,
    request_id: &str,
) -> Result<Option<i64>, Status> {
    match said {
        None if !request_id.is_empty() => {
            Err(Status::invalid_argument(format!("`{field}`: is required when `request_id` is given")))
        }
        None => Ok(Some(admission.now().micros())),
        said => Ok(said),
    }
}

/// The person who speaks, where the message does not name one.
fn speaker(field: &str, said: String, principal: &Principal) -> Result<String, Status> {
    if !said.is_empty() {
        return Ok(said);
    }
    let member = principal.member.as_ref().map(|member| member.as_str().to_owned());
    member.ok_or_else(|| Status::invalid_argument(format!("`{field}`: is required, since the caller is not a person")))
}

/// A change that has become durable.
struct Stored {
    position: v1::Position,
    at_least: v1::Frontier,
    duplicate: bool,
}

/// Makes one change durable in the caller's name.
async fn store(
    admission: &Admission,
    principal: &Principal,
    body: Body,
    request_id: &str,
    trace: Option<TraceContext>,
) -> Result<Stored, Status> {
    let key = EventKey { source: principal.facility.clone(), id: event_id(&principal.facility, request_id)? };
    let event = Event { key, admitted_at: admission.now(), body };
    let admitted = admission.admit_event(principal, event, trace).await.map_err(|error| of_admission(&error))?;
    let (position, duplicate): (Position, bool) = admitted.map_err(|refusal| of_refusal(&refusal))?;
    let mut at_least = Frontier::start();
    at_least.include(position);
    Ok(Stored { position: position.into(), at_least: (&at_least).into(), duplicate })
}

/// Makes one statement durable in the caller's name, for services that check more of it than the door can.
///
/// # Errors
/// What the door answers: a refusal with its field and rule, or that it cannot take anything just now.
pub async fn state(
    admission: &Admission,
    principal: &Principal,
    body: Body,
    request_id: &str,
    metadata: &MetadataMap,
) -> Result<v1::DirectoryResponse, Status> {
    Ok(store(admission, principal, body, request_id, trace_of(metadata)).await?.into())
}

/// What the book says, once it has taken in what the caller may have stated a moment ago.
async fn settled<T>(look: impl Fn() -> Option<T>) -> Option<T> {
    let begun = std::time::Instant::now();
    loop {
        let found = look();
        if found.is_some() || begun.elapsed() > BOOK_DELAY {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
