//! What the log carries.

use crate::TraceContext;
use bytes::Bytes;
use model::{Moment, Position};
use std::fmt;

/// Where a letter belongs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum PartitionKey {
    /// The control partition: directory, scopes, links.
    Control,
    /// The data partition of one patient ref, from `PatientRef::partition_key()`. Patient data: at most
    /// 65,535 bytes.
    Patient(Bytes),
}

impl PartitionKey {
    /// The key's bytes; none for the control partition.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Control => &[],
            Self::Patient(key) => key,
        }
    }
}

// Redacted: the key names a patient.
impl fmt::Debug for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control => f.write_str("Control"),
            Self::Patient(_) => f.write_str("Patient(******)"),
        }
    }
}

/// One sealed letter. The log never opens the payload.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where it belongs.
    pub key: PartitionKey,
    /// Which event it is: `EventKey::digest`. The same number is the same event.
    pub event: u128,
    /// The trace it travels in.
    pub trace: Option<TraceContext>,
    /// Protobuf bytes of `ajisai.v1.Event`.
    pub payload: Bytes,
}

impl Letter {
    /// Its size for limits: key, trace and payload, in bytes.
    pub fn size(&self) -> usize {
        self.key.bytes().len() + self.trace.as_ref().map_or(0, TraceContext::size) + self.payload.len()
    }
}

// Redacted: event ids and payloads are patient data.
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({:?}, {} bytes)", self.key, self.payload.len())
    }
}

/// A letter in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Its place.
    pub position: Position,
    /// When the log took it in, by the log's clock.
    pub appended_at: Moment,
    /// The letter.
    pub letter: Letter,
}

/// How much one read may return. A read that returns anything returns at least one letter, whatever its size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadLimit {
    /// At most so many letters; 0 counts as 1.
    pub letters: usize,
    /// Stop before the letter that would bring [`Letter::size`] in total above this.
    pub bytes: usize,
}

impl Default for ReadLimit {
    /// 4,096 letters, 4 MiB.
    fn default() -> Self {
        Self { letters: 4096, bytes: 4 << 20 }
    }
}

/// Counts letters against a [`ReadLimit`].
#[derive(Debug)]
pub(crate) struct Allowance {
    limit: ReadLimit,
    letters: usize,
    bytes: usize,
}

impl Allowance {
    pub(crate) fn new(limit: ReadLimit) -> Self {
        Self { limit, letters: 0, bytes: 0 }
    }
    /// Takes `letter` in if it still fits; the first always does.
    pub(crate) fn admit(&mut self, letter: &Letter) -> bool {
        let bytes = self.bytes.saturating_add(letter.size());
        let fits = self.letters == 0 || (self.letters < self.limit.letters && bytes <= self.limit.bytes);
        if fits {
            self.letters += 1;
            self.bytes = bytes;
        }
        fits
    }
}
