//! One segment file: its header, and finding its whole groups by reading all of it.
//!
//! ```text
//! header = "AJISALOG" · version u32 · data partitions u32 · sequence u64 · first group u64
//!          · next offset of each partition, control first, u64 … · crc32 u32 (of all before)
//! ```

use super::{
    frame::{self, Cursor},
    index::SegmentIndex,
};
use std::num::NonZeroU32;

const MAGIC: [u8; 8] = *b"AJISALOG";
/// The only format there is so far.
const VERSION: u32 = 1;
const FIXED: usize = 8 + 4 + 4 + 8 + 8;
const CHECKSUM: usize = 4;

/// The start of a segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) data_partitions: NonZeroU32,
    /// Segments are numbered from 0 without gaps.
    pub(super) sequence: u64,
    /// The number of the first group in it.
    pub(super) first_group: u64,
    /// For each partition, control first, the offset of the first letter in it.
    pub(super) bases: Vec<u64>,
}

/// Why bytes are not a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// Another version of this format, or a later one.
    Version(u32),
    /// Not a header at all, or only part of one.
    Unreadable,
}

impl Header {
    /// Bytes of a header.
    pub(super) fn length(data_partitions: NonZeroU32) -> u64 {
        (FIXED + CHECKSUM) as u64 + 8 * (u64::from(data_partitions.get()) + 1)
    }
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.data_partitions.get().to_le_bytes());
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.first_group.to_le_bytes());
        for base in &self.bases {
            out.extend_from_slice(&base.to_le_bytes());
        }
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out
    }
    /// Reads the header off the front of a file's bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let mut cursor = Cursor(bytes);
        if cursor.take() != Some(MAGIC) {
            return Err(HeaderFault::Unreadable);
        }
        match cursor.take().map(u32::from_le_bytes) {
            Some(VERSION) => {}
            // The zero of a page that never reached the disk.
            None | Some(0) => return Err(HeaderFault::Unreadable),
            Some(version) => return Err(HeaderFault::Version(version)),
        }
        Self::parse_rest(bytes, cursor).ok_or(HeaderFault::Unreadable)
    }
    fn parse_rest(bytes: &[u8], mut cursor: Cursor<'_>) -> Option<Self> {
        let data_partitions = NonZeroU32::new(u32::from_le_bytes(cursor.take()?))?;
        let length = usize::try_from(Self::length(data_partitions)).ok()?;
        let (body, checksum) = bytes.get(..length)?.split_last_chunk::<CHECKSUM>()?;
        if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let sequence = u64::from_le_bytes(cursor.take()?);
        let first_group = u64::from_le_bytes(cursor.take()?);
        let bases =
            (0..=data_partitions.get()).map(|_| cursor.take().map(u64::from_le_bytes)).collect::<Option<_>>()?;
        Some(Self { data_partitions, sequence, first_group, bases })
    }
}

/// What lies after the last whole group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing, or reserved space.
    Clean,
    /// The remains of one commit that was never acknowledged: so many bytes, reserved space not counted.
    Torn(u64),
}

/// All whole groups of one segment.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) index: SegmentIndex,
    /// Where the last whole group lies: from, and up to but not.
    pub(super) last_group: Option<(usize, usize)>,
    pub(super) tail: Tail,
}

/// A place in a file whose bytes are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) at: u64,
    pub(super) reason: &'static str,
}

/// Finds the groups of a segment whose bytes, header included, are `bytes`.
///
/// A group is written only after the one before it was synced. So what a crash tears is one group, the last; and
/// where a later group follows a broken one, the broken one had been acknowledged: that is damage.
pub(super) fn scan(bytes: &[u8], header: &Header) -> Result<Scan, Damage> {
    let mut index = SegmentIndex::new(header);
    let mut last_group = None;
    loop {
        let start = index.end();
        let from = usize::try_from(start).unwrap_or(usize::MAX);
        let rest = bytes.get(from..).unwrap_or_default();
        let mut next = index.ends().to_vec();
        let group = frame::read_group(rest, start, |letter| advance(&mut next, letter.partition, letter.offset));
        let fault = match group {
            Ok((commit, length)) if commit.group == index.next_group() => {
                last_group = Some((from, from + length));
                index.commit(length as u64, &next);
                continue;
            }
            Ok(_) => frame::Fault { at: 0, reason: "a commit out of order" },
            Err(fault) => fault,
        };
        if frame::last_commit_in(rest).is_some_and(|later| later > index.next_group()) {
            return Err(Damage { at: start + fault.at as u64, reason: fault.reason });
        }
        let written =
            rest.len() - rest.rchunks(4096).take_while(|chunk| frame::is_zero(chunk)).map(<[u8]>::len).sum::<usize>();
        let tail = if written == 0 { Tail::Clean } else { Tail::Torn(written as u64) };
        return Ok(Scan { index, last_group, tail });
    }
}

/// Takes one letter into the next offsets; letters of a partition follow one another without gaps.
pub(super) fn advance(next: &mut [u64], partition: u32, offset: u64) -> Result<(), &'static str> {
    let slot = usize::try_from(partition).ok().and_then(|partition| next.get_mut(partition));
    let next = slot.ok_or("a letter of a partition that does not exist")?;
    if *next != offset {
        return Err("a letter whose offset does not follow the one before it");
    }
    *next += 1;
    Ok(())
}

#[cfg(test)]
mod tests;
