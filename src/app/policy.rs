//! `PolicyService`: what a statement would change, before it is made.
//!
//! The draft is applied to a copy of the book, and what viewers are shown before and after is compared over the rows as
//! readers see them. The copy is made while the book is held for reading: measured at 50 ms for 750,000 grants, during
//! which the pipeline waits and nobody else. A book made anew from the letters would hold nothing up, but would number
//! patients and classes otherwise than the rows do.

mod trial;

use crate::app::explain::parse_purpose;
use crate::app::policy::trial::{Asked, Trial, Voice};
use crate::pipeline::Rooms;
use futures::StreamExt;
use futures::stream::BoxStream;
use ingest::Admission;
use model::{Body, ConsentChange, DirectoryChange, Moment, Principal, Role};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use views::Account;
use wire::v1;
use wire::v1::policy_service_server::{PolicyService, PolicyServiceServer};

/// The service over the book, the store and the door.
pub(super) fn service(rooms: Rooms, admission: Arc<Admission>) -> PolicyServiceServer<PolicyDesk> {
    PolicyServiceServer::new(PolicyDesk { rooms, admission, places: Arc::new(Semaphore::new(AT_ONCE)) })
}

/// So many drafts are tried at once: each holds two copies of the book.
const AT_ONCE: usize = 1;

/// The form of a trial that tells references, in the ledger.
const FORM: &str = "SIMULATE POLICY RECORDS";

/// References streamed where no limit is said.
const LIMIT: u32 = 10_000;

/// Answers `PolicyService`.
#[derive(Debug)]
pub(super) struct PolicyDesk {
    rooms: Rooms,
    admission: Arc<Admission>,
    places: Arc<Semaphore>,
}

fn invalid(field: &str, rule: &dyn std::fmt::Display) -> Status {
    Status::invalid_argument(format!("`{field}`: {rule}"))
}

/// The draft, as the door would take it.
fn parse(draft: Option<v1::simulate_request::Draft>) -> Result<Body, Status> {
    use v1::simulate_request::Draft;
    let required = || invalid("draft", &"is required: say what to try");
    match draft.ok_or_else(required)? {
        Draft::Consent(change) => {
            ConsentChange::try_from(change).map(Body::Consent).map_err(|error| invalid("consent", &error))
        }
        Draft::Directory(change) => {
            DirectoryChange::try_from(change).map(Body::Directory).map_err(|error| invalid("directory", &error))
        }
    }
}

/// Whether this caller may try it, beyond whether they may state it: nobody learns from a draft of what is hidden from
/// them.
fn may_try(caller: &Principal, body: &Body) -> Result<(), Status> {
    let other = |rule: &str| Err(Status::permission_denied(rule));
    match body {
        Body::Consent(
            change @ (ConsentChange::Given(_) | ConsentChange::Withdrawn(_) | ConsentChange::Released(_)),
        ) => {
            if *change.patient().facility() == caller.facility {
                Ok(())
            } else {
                other(
                    "`consent.patient.facility`: only the disclosing facility tries a change of its patients' consents",
                )
            }
        }
        Body::Directory(DirectoryChange::Member(member)) if member.facility != caller.facility => {
            other("`directory.member.facility`: only the member's own facility tries a change of its members")
        }
        Body::Directory(
            DirectoryChange::Member(_)
            | DirectoryChange::Scope(_)
            | DirectoryChange::Link(_)
            | DirectoryChange::Agreement(_),
        ) => Ok(()),
        _ => Err(invalid("draft", &"a statement of this kind cannot be tried")),
    }
}

#[tonic::async_trait]
impl PolicyService for PolicyDesk {
    type SimulateStream = BoxStream<'static, Result<v1::SimulateResponse, Status>>;

    async fn simulate(&self, request: Request<v1::SimulateRequest>) -> Result<Response<Self::SimulateStream>, Status> {
        let unknown = || Status::unauthenticated("who asks is not known");
        let caller = request.extensions().get::<Principal>().cloned().ok_or_else(unknown)?;
        let v1::SimulateRequest { draft, at_us, purpose, records, limit } = request.into_inner();
        let body = parse(draft)?;
        ingest::service::rehearse(&self.admission, &caller, body.clone())?;
        may_try(&caller, &body)?;
        if records && !consent_filter::CLINICAL.with(Role::System).contains(caller.role) {
            let rule = "`records`: only clinical staff and the facility's system are given references of records";
            return Err(Status::permission_denied(rule));
        }
        let purpose = parse_purpose(purpose)?;
        let began = (crate::identity::system_clock())();
        let moment = match at_us {
            Some(micros) => Moment::from_micros(micros).map_err(|error| invalid("at_us", &error))?,
            None => began,
        };
        let full = |_| Status::resource_exhausted("another draft is being tried; ask again soon");
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        let account = self.rooms.feeds.witness().filter(|_| records).map(|witness| {
            let seen = self.rooms.store.frontier();
            Account::open(Arc::clone(witness), witness.begin(&caller, views::Asked::Statement(FORM), &seen, began))
        });
        let asked = Asked {
            caller: caller.facility,
            purpose,
            moment,
            references: records.then(|| u64::from(if limit == 0 { LIMIT } else { limit })),
        };

        let (out, answers) = mpsc::channel(64);
        let rooms = self.rooms.clone();
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let voice = Voice::new(out);
            match Trial::begin(&rooms, &body, asked).run(&voice, account) {
                Ok(()) | Err(trial::Ended::Deaf) => {}
                Err(trial::Ended::Unrecorded(unwritten)) => {
                    tracing::error!(%unwritten, "references told of a draft could not be recorded");
                    voice.fail(Status::unavailable("the ledger cannot be written just now; try again"));
                }
                Err(trial::Ended::Store(error)) => {
                    tracing::error!(%error, "a draft could not be tried");
                    voice.fail(Status::unavailable("the record store cannot be read just now; try again"));
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(answers).boxed()))
    }
}
