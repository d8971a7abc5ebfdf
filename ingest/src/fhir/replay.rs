//! Quarantined resources, read anew.

use super::{Context, Refusal, Resource, events, read};
use super::{References, endpoint};
use crate::admission::{Admission, Incoming};
use crate::error::AdmissionError;
use crate::refusal::Refusal as DoorRefusal;
use crate::replay::Replayer;
use bytes::Bytes;
use model::{FacilityId, Position, Principal};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Reads FHIR resources out of quarantine, edited or not, as the endpoint reads them now. The bytes may be one resource, lines
/// or a Bundle; what stands in a Bundle for another's sake (`search.mode` `include`) is read and not sent.
pub(super) struct FhirReplayer {
    admission: Weak<Admission>,
    contexts: HashMap<FacilityId, Context>,
}

impl FhirReplayer {
    pub(super) fn new(admission: &Arc<Admission>, contexts: HashMap<FacilityId, Context>) -> Self {
        Self { admission: Arc::downgrade(admission), contexts }
    }
}

#[tonic::async_trait]
impl Replayer for FhirReplayer {
    async fn replay(
        &self,
        principal: &Principal,
        _: &str,
        bytes: Bytes,
    ) -> Result<Result<Vec<Position>, DoorRefusal>, AdmissionError> {
        let unavailable = |reason: &str| AdmissionError::Unavailable { reason: reason.to_owned() };
        let admission = self.admission.upgrade().ok_or_else(|| unavailable("the door is gone"))?;
        let context = endpoint::context(&self.contexts, &principal.facility, admission.now());
        let reading = tokio::task::spawn_blocking(move || said(&bytes, &context));
        let said = match reading.await.map_err(|_| unavailable("the bytes could not be read"))? {
            Ok(said) => said,
            Err(refusal) => return Ok(Err(endpoint::of_the_door(&refusal))),
        };
        let mut positions = Vec::with_capacity(said.len());
        for event in said {
            // What was durable before is the same event again: a replay that broke off may be repeated.
            match admission.readmit(principal, Incoming { event, trace: None }).await? {
                Ok((position, _)) => positions.push(position),
                Err(refusal) => return Ok(Err(refusal)),
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
