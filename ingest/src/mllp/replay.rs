//! Quarantined messages, read anew.

use super::Line;
use super::take::refusal;
use crate::door::Published;
use crate::error::AdmissionError;
use crate::hl7::{self, Fate};
use crate::refusal::Refusal;
use crate::replay::Replayer;
use bytes::Bytes;
use event_log::Clock;
use model::{FacilityId, Position, Principal};
use std::collections::HashMap;

/// Reads HL7 v2 messages out of quarantine, edited or not, as their facility's feed reads them now.
pub struct Hl7Replayer {
    lines: HashMap<FacilityId, Line>,
    clock: Clock,
}

impl std::fmt::Debug for Hl7Replayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hl7Replayer").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}

impl Hl7Replayer {
    /// For these facilities.
    pub fn new(lines: HashMap<FacilityId, Line>, clock: Clock) -> Self {
        Self { lines, clock }
    }
}

#[tonic::async_trait]
impl Replayer for Hl7Replayer {
    async fn replay(
        &self,
        principal: &Principal,
        _: &str,
        bytes: Bytes,
    ) -> Result<Result<Vec<Position>, Refusal>, AdmissionError> {
        let unavailable = |reason: String| AdmissionError::Unavailable { reason };
        let line = self.lines.get(&principal.facility);
        let line = line.ok_or_else(|| unavailable("the facility has no line for HL7 v2".to_owned()))?;
        let outcome = hl7::read(&bytes, &line.feed, (self.clock)());
        let fate = outcome.fate();
        if let Some(remark) = outcome.remarks.iter().find(|remark| remark.reason.fate() == fate && fate > Fate::Left) {
            return Ok(Err(refusal(remark)));
        }
        let mut positions = Vec::new();
        for event in &outcome.events {
            let published = line.door.republish(wire::write_event(event)).await;
            match published.map_err(|error| unavailable(error.to_string()))? {
                Published::Accepted(position) => positions.push(position),
                Published::Queued => {}
                Published::Refused(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(Ok(positions))
    }
}
