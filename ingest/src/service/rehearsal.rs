//! Everything the services check of a statement before it is stored, without storing it.

use super::consent::told_of_withdrawal;
use super::directory::told_of_unlink;
use super::{of_refusal, of_wire};
use crate::admission::Admission;
use model::{Body, ConsentChange, DirectoryChange, Event, EventId, EventKey, LinkChange, Principal};
use tonic::Status;
use uuid::Uuid;

/// Whether the door would take this statement from this caller now.
///
/// # Errors
/// What the service that takes it would answer, in the same words.
pub fn rehearse(admission: &Admission, principal: &Principal, body: Body) -> Result<Event, Status> {
    match &body {
        Body::Consent(ConsentChange::Withdrawn(withdrawal)) => {
            let known = admission.book().consent(&withdrawal.id);
            told_of_withdrawal(principal, withdrawal, known.as_ref(), admission.book())?;
        }
        Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink))) => {
            told_of_unlink(principal, admission.book().link(&unlink.id).as_ref())?;
        }
        _ => {}
    }
    let id = EventId::parse(&format!("try-{}", Uuid::now_v7())).map_err(|error| Status::internal(error.to_string()))?;
    let key = EventKey { source: principal.facility.clone(), id };
    let event = Event { key, admitted_at: admission.now(), body };
    admission.would_admit(principal, &event).map_err(|refusal| of_refusal(&refusal))?;
    // As a letter it comes back by the same door.
    wire::read_event(wire::write_event(&event)).map_err(|error| of_wire(&error))
}
