//! How entries lie on disk.

use model::{Event, Moment, Position};
use prost::Message;

/// A consent as last stated, and whether it was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConsentEntry {
    /// Of the latest change.
    pub(super) position: Position,
    pub(super) withdrawn_at: Option<Moment>,
    /// The event that stated it; empty for an id that was withdrawn before it was given.
    pub(super) given: Vec<u8>,
}

impl ConsentEntry {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let withdrawn = self.withdrawn_at.map_or(i64::MIN, Moment::micros);
        let mut bytes = Vec::with_capacity(20 + self.given.len());
        bytes.extend_from_slice(&self.position.partition.0.to_be_bytes());
        bytes.extend_from_slice(&self.position.offset.0.to_be_bytes());
        bytes.extend_from_slice(&withdrawn.to_be_bytes());
        bytes.extend_from_slice(&self.given);
        bytes
    }
    /// `None` for bytes that no [`to_bytes`](Self::to_bytes) wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (partition, rest) = bytes.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (withdrawn, given) = rest.split_first_chunk::<8>()?;
        let withdrawn_at = match i64::from_be_bytes(*withdrawn) {
            i64::MIN => None,
            micros => Some(Moment::from_micros(micros).ok()?),
        };
        let position = Position::new(u32::from_be_bytes(*partition), u64::from_be_bytes(*offset));
        Some(Self { position, withdrawn_at, given: given.to_vec() })
    }
}

/// An event in the bytes of the wire.
pub(super) fn event_bytes(event: &Event) -> Vec<u8> {
    wire::v1::Event::from(event).encode_to_vec()
}

/// The event back, by the one door.
pub(super) fn event_of(bytes: &[u8]) -> Option<Event> {
    if bytes.is_empty() {
        return None;
    }
    wire::v1::Event::decode(bytes).ok().and_then(|event| Event::try_from(event).ok())
}
