//! The bytes that are hashed: one spelling for each meaning, apart from any encoding on the wire or in a file.
//!
//! A value is a row of fields, each a tag (1 byte), a length (4 bytes, big-endian) and that many bytes; tags rise, and
//! what is absent is left out. Numbers are 8 bytes, big-endian; moments are microseconds since 1970, in the same way;
//! texts are UTF-8. A field that is added later, and absent, leaves the bytes of what was there before as they are.

use model::{Counts, Digest, Frontier, Moment, PatientRef, Position};
use sha2::{Digest as _, Sha256};

/// A row of fields being written.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<u8>);

impl Fields {
    pub(crate) fn bytes(mut self, tag: u8, bytes: &[u8]) -> Self {
        self.0.push(tag);
        // Nothing here comes near 4 GiB: a letter of the log is far smaller.
        self.0.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }
    pub(crate) fn text(self, tag: u8, text: &str) -> Self {
        self.bytes(tag, text.as_bytes())
    }
    pub(crate) fn number(self, tag: u8, number: u64) -> Self {
        self.bytes(tag, &number.to_be_bytes())
    }
    pub(crate) fn moment(self, tag: u8, moment: Moment) -> Self {
        self.bytes(tag, &moment.micros().to_be_bytes())
    }
    pub(crate) fn position(self, tag: u8, position: Position) -> Self {
        let Position { partition, offset } = position;
        self.bytes(tag, &place(partition.0, offset.0))
    }
    pub(crate) fn frontier(self, tag: u8, frontier: &Frontier) -> Self {
        let places: Vec<u8> = frontier.iter().flat_map(|(partition, next)| place(partition.0, next.0)).collect();
        self.bytes(tag, &places)
    }
    pub(crate) fn digest(self, tag: u8, digest: &Digest) -> Self {
        self.bytes(tag, digest.as_bytes())
    }
    pub(crate) fn counts(self, tag: u8, counts: &Counts) -> Self {
        let mut fields = Self::default();
        for (category, rows) in counts.iter() {
            fields = fields.text(1, category.code()).number(2, rows);
        }
        self.bytes(tag, &fields.0)
    }
    pub(crate) fn patient(self, tag: u8, patient: &PatientRef) -> Self {
        let fields = Self::default().text(1, patient.facility().as_str()).text(2, patient.number().as_str());
        self.bytes(tag, &fields.0)
    }
    pub(crate) fn fields(self, tag: u8, fields: Self) -> Self {
        self.bytes(tag, &fields.0)
    }
    pub(crate) fn maybe<T>(self, value: Option<T>, write: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => write(self, value),
            None => self,
        }
    }
    /// The bytes after the name of what they are, so that bytes of one kind are never taken for another's.
    pub(crate) fn named(self, domain: &str) -> Vec<u8> {
        let mut named = Vec::with_capacity(domain.len() + 1 + self.0.len());
        named.extend_from_slice(domain.as_bytes());
        named.push(0);
        named.extend_from_slice(&self.0);
        named
    }
}

fn place(partition: u32, offset: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    let (low, high) = bytes.split_at_mut(4);
    low.copy_from_slice(&partition.to_be_bytes());
    high.copy_from_slice(&offset.to_be_bytes());
    bytes
}

/// SHA-256.
pub(crate) fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Digest::from_bytes(hasher.finalize().into())
}
