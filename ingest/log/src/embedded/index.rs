//! Where letters lie in a segment, in steps of about a mebibyte, and the sidecar that saves reading the segment to know it.
//!
//! ```text
//! sidecar = "AJISAIDX" · version u32 · data partitions u32 · sequence u64 · end u64 · next group u64
//!           · next offset of each partition at the end u64 … · chunks u32
//!           · per chunk: its first byte u64, next offset of each partition there u64 … · crc32 u32 (of all before)
//! ```

use super::{frame::Cursor, segment::Header};
use model::{Offset, PartitionId};

const MAGIC: [u8; 8] = *b"AJISAIDX";
const VERSION: u32 = 1;
/// A chunk is closed by the first group that brings it to this many bytes.
const CHUNK_BYTES: u64 = 1 << 20;

/// A run of whole groups in one segment: what is read and decoded at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ChunkPlace {
    pub(super) sequence: u64,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// The index of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentIndex {
    sequence: u64,
    /// First byte of each chunk.
    starts: Vec<u64>,
    /// Next offsets of all partitions at the start of each chunk, chunk after chunk.
    nexts: Vec<u64>,
    /// Next offsets of all partitions after the last group.
    ends: Vec<u64>,
    end: u64,
    next_group: u64,
}

impl SegmentIndex {
    /// The index of a segment without groups.
    pub(super) fn new(header: &Header) -> Self {
        let end = Header::length(header.data_partitions);
        Self {
            sequence: header.sequence,
            starts: vec![end],
            nexts: header.bases.clone(),
            ends: header.bases.clone(),
            end,
            next_group: header.first_group,
        }
    }
    /// Takes in the group of `length` bytes at the end, after which the next offsets are `ends`.
    pub(super) fn commit(&mut self, length: u64, ends: &[u64]) {
        if self.starts.last().is_some_and(|start| self.end - start >= CHUNK_BYTES) {
            self.starts.push(self.end);
            self.nexts.extend_from_slice(&self.ends);
        }
        self.end += length;
        self.ends.clear();
        self.ends.extend_from_slice(ends);
        self.next_group += 1;
    }
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }
    /// The byte after the last group.
    pub(super) fn end(&self) -> u64 {
        self.end
    }
    /// The next offsets of all partitions, control first.
    pub(super) fn ends(&self) -> &[u64] {
        &self.ends
    }
    pub(super) fn next_group(&self) -> u64 {
        self.next_group
    }
    /// The first offset of a partition that can be in this segment.
    pub(super) fn base(&self, partition: PartitionId) -> Option<Offset> {
        self.nexts.get(slot(partition)).copied().map(Offset)
    }
    /// Next offsets of all partitions at the start of chunk `chunk`.
    fn chunk_bases(&self, chunk: usize) -> &[u64] {
        let width = self.ends.len();
        self.nexts.get(chunk * width..(chunk + 1) * width).unwrap_or_default()
    }
    /// The chunk with one letter, if it is here.
    pub(super) fn find(&self, partition: PartitionId, offset: Offset) -> Option<ChunkPlace> {
        let here = |bases: &[u64]| bases.get(slot(partition)).is_some_and(|base| *base <= offset.0);
        if here(&self.ends) || !here(self.chunk_bases(0)) {
            return None;
        }
        let (mut low, mut high) = (0, self.starts.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            if here(self.chunk_bases(middle)) { low = middle } else { high = middle }
        }
        let start = *self.starts.get(low)?;
        Some(ChunkPlace { sequence: self.sequence, start, end: self.starts.get(low + 1).copied().unwrap_or(self.end) })
    }

    // === the sidecar ===

    pub(super) fn to_sidecar(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&u32::try_from(self.ends.len().saturating_sub(1)).unwrap_or(u32::MAX).to_le_bytes());
        for number in [self.sequence, self.end, self.next_group].iter().chain(&self.ends) {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&u32::try_from(self.starts.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (chunk, start) in self.starts.iter().enumerate() {
            for number in std::iter::once(start).chain(self.chunk_bases(chunk)) {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out
    }
    /// Reads a sidecar, if it is whole and belongs to the segment with this header. Anything else counts as none:
    /// the segment itself is the truth.
    pub(super) fn from_sidecar(bytes: &[u8], header: &Header) -> Option<Self> {
        let (body, checksum) = bytes.split_last_chunk::<4>()?;
        let mut cursor = Cursor(body);
        let data_partitions = header.data_partitions.get();
        let known = crc32fast::hash(body) == u32::from_le_bytes(*checksum)
            && cursor.take() == Some(MAGIC)
            && cursor.take() == Some(VERSION.to_le_bytes())
            && cursor.take() == Some(data_partitions.to_le_bytes());
        if !known {
            return None;
        }
        let mut number = || cursor.take().map(u64::from_le_bytes);
        let (sequence, end, next_group) = (number()?, number()?, number()?);
        let ends = (0..=data_partitions).map(|_| number()).collect::<Option<Vec<u64>>>()?;
        let chunks = u32::from_le_bytes(cursor.take()?);
        let (mut starts, mut nexts) = (Vec::new(), Vec::new());
        for _ in 0..chunks {
            starts.push(u64::from_le_bytes(cursor.take()?));
            for _ in 0..=data_partitions {
                nexts.push(u64::from_le_bytes(cursor.take()?));
            }
        }
        let index = Self { sequence, starts, nexts, ends, end, next_group };
        let belongs = cursor.0.is_empty() && sequence == header.sequence && index.chunk_bases(0) == header.bases;
        belongs.then_some(index)
    }
}

/// A partition's place in lists of all partitions.
pub(super) fn slot(partition: PartitionId) -> usize {
    usize::try_from(partition.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
