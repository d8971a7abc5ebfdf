//! Quarantined resources, read anew.

use super::{Context, Refusal, Resource, events, read};
use super::{References, endpoint};
use crate::door::{Door, Published};
use crate::error::AdmissionError;
use crate::refusal::Refusal as DoorRefusal;
use crate::replay::Replayer;
use bytes::Bytes;
use event_log::Clock;
use model::{FacilityId, Position, Principal};
use std::collections::HashMap;
use std::sync::Arc;

/// Reads FHIR resources out of quarantine, edited or not, as the endpoint reads them now. The bytes may be one resource, lines
/// or a Bundle; what stands in a Bundle for another's sake (`search.mode` `include`) is read and not sent.
pub(super) struct FhirReplayer {
    pub(super) door: Again,
    pub(super) clock: Clock,
    pub(super) contexts: HashMap<FacilityId, Context>,
}

/// The door of whoever replays; `None` when it is gone.
pub(super) type Again = Box<dyn Fn(Principal) -> Option<Arc<dyn Door>> + Send + Sync>;

#[tonic::async_trait]
impl Replayer for FhirReplayer {
    async fn replay(
        &self,
        principal: &Principal,
        _: &str,
        bytes: Bytes,
    ) -> Result<Result<Vec<Position>, DoorRefusal>, AdmissionError> {
        let unavailable = |reason: &str| AdmissionError::Unavailable { reason: reason.to_owned() };
        let door = (self.door)(principal.clone()).ok_or_else(|| unavailable("the door is gone"))?;
        let context = endpoint::context(&self.contexts, &principal.facility, (self.clock)());
        let reading = tokio::task::spawn_blocking(move || said(&bytes, &context));
        let said = match reading.await.map_err(|_| unavailable("the bytes could not be read"))? {
            Ok(said) => said,
            Err(refusal) => return Ok(Err(endpoint::of_the_door(&refusal))),
        };
        let mut positions = Vec::with_capacity(said.len());
        for event in said {
            match door.republish(event).await.map_err(|error| unavailable(&error.to_string()))? {
                Published::Accepted(position) => positions.push(position),
                Published::Queued => {}
                Published::Refused(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(Ok(positions))
    }
}

/// The events of what was kept; all of them, or why there are none.
fn said(bytes: &[u8], context: &Context) -> Result<Vec<Bytes>, Refusal> {
    let found = read(bytes).collect::<Result<Vec<Resource>, Refusal>>()?;
    let mut references = References::default();
    found.iter().for_each(|resource| references.learn(resource, context));
    let mut said = Vec::new();
    let sent = found.iter().filter(|resource| !resource.is_included());
    for came in sent.map(|resource| events(resource, context, &references)) {
        match came.refusal {
            Some(refusal) => return Err(refusal),
            None => said.extend(came.events.iter().map(wire::write_event)),
        }
    }
    if said.is_empty() {
        let rule = "a resource, a Bundle with entries, or lines of resources";
        let place = super::Place { line: 1, entry: None };
        return Err(Refusal::new(super::Reason::NotAResource, "", place, "$", rule));
    }
    Ok(said)
}
