//! How letters and commits are spelled in a segment file, format version 1. Integers are little-endian.
//!
//! ```text
//! frame   = length u32 · crc32 u32 (of length and body) · body
//! letter  = 1 u8 · partition u32 · offset u64 · appended_at i64 (µs) · event u128
//!           · key length u16 · traceparent length u16 · tracestate length u16
//!           · key · traceparent · tracestate · payload
//! commit  = 2 u8 · "AJICOMIT" · group u64 · byte in the file where the group starts u64 · letters u32
//! group   = letter … letter commit
//! ```
//!
//! A group is whole when each of its frames is, and its commit names its start and its count. Only whole groups
//! exist for readers. A length of zero is not a frame: it is the space reserved for what is yet to be written.

use crate::{Letter, PartitionKey, Stored, TraceContext, clock};
use bytes::Bytes;
use model::{Moment, Offset, PartitionId, Position};

const LETTER: u8 = 1;
const COMMIT: u8 = 2;
const MARKER: [u8; 8] = *b"AJICOMIT";
const FRAME_HEAD: usize = 8;
const LETTER_HEAD: usize = 1 + 4 + 8 + 8 + 16 + 2 + 2 + 2;
const COMMIT_BODY: usize = 1 + 8 + 8 + 8 + 4;
/// From a commit frame's first byte to its marker.
const MARKER_AT: usize = FRAME_HEAD + 1;

/// Bytes of a commit frame.
pub(super) const COMMIT_BYTES: usize = FRAME_HEAD + COMMIT_BODY;

/// Bytes of a letter's frame.
pub(super) fn letter_bytes(letter: &Letter) -> usize {
    FRAME_HEAD + LETTER_HEAD + letter.size()
}

/// What ends a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// The group's number, counted over the whole log.
    pub(super) group: u64,
    /// Where the group starts in its file.
    pub(super) start: u64,
    /// How many letters it has.
    pub(super) letters: u32,
}

/// A letter's frame, as it lies in the file.
#[derive(Clone, Copy)]
pub(super) struct LetterFrame<'a> {
    pub(super) partition: u32,
    pub(super) offset: u64,
    appended_at: i64,
    event: u128,
    key: &'a [u8],
    traceparent: &'a [u8],
    tracestate: &'a [u8],
    payload: &'a [u8],
}

/// A group that is not whole: where, counted from the group's first byte, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) reason: &'static str,
}

// === writing ===

/// Appends a letter's frame.
pub(super) fn put_letter(out: &mut Vec<u8>, letter: &Letter, position: Position, appended_at: Moment) {
    frame(out, |out| {
        out.push(LETTER);
        out.extend_from_slice(&position.partition.0.to_le_bytes());
        out.extend_from_slice(&position.offset.0.to_le_bytes());
        out.extend_from_slice(&appended_at.micros().to_le_bytes());
        out.extend_from_slice(&letter.event.to_le_bytes());
        let key = letter.key.bytes();
        let traceparent = letter.trace.as_ref().map_or("", TraceContext::traceparent).as_bytes();
        let tracestate = letter.trace.as_ref().and_then(TraceContext::tracestate).unwrap_or("").as_bytes();
        for part in [key, traceparent, tracestate] {
            // INVARIANT: admission refuses longer keys, and a trace context is far shorter.
            out.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_le_bytes());
        }
        for part in [key, traceparent, tracestate, &letter.payload] {
            out.extend_from_slice(part);
        }
    });
}

/// Appends a commit frame.
pub(super) fn put_commit(out: &mut Vec<u8>, commit: Commit) {
    frame(out, |out| {
        out.push(COMMIT);
        out.extend_from_slice(&MARKER);
        out.extend_from_slice(&commit.group.to_le_bytes());
        out.extend_from_slice(&commit.start.to_le_bytes());
        out.extend_from_slice(&commit.letters.to_le_bytes());
    });
}

fn frame(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEAD]);
    body(out);
    let length = u32::try_from(out.len() - start - FRAME_HEAD).unwrap_or(u32::MAX).to_le_bytes();
    let checksum = checksum(length, out.get(start + FRAME_HEAD..).unwrap_or_default()).to_le_bytes();
    if let Some((head, _)) = out.get_mut(start..).and_then(<[u8]>::split_first_chunk_mut::<FRAME_HEAD>) {
        let [a, b, c, d] = length;
        let [e, f, g, h] = checksum;
        *head = [a, b, c, d, e, f, g, h];
    }
}

fn checksum(length: [u8; 4], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(body);
    hasher.finalize()
}

// === reading ===

enum Frame<'a> {
    Letter(LetterFrame<'a>),
    Commit(Commit),
}

/// Reads one group, which starts at byte `start` of its file, calling `each` for its letters, and returns its commit
/// and its length. `each` may have been called for some letters of a group that turns out not to be whole.
pub(super) fn read_group<'a>(
    bytes: &'a [u8],
    start: u64,
    mut each: impl FnMut(LetterFrame<'a>) -> Result<(), &'static str>,
) -> Result<(Commit, usize), Fault> {
    let mut at = 0;
    let mut letters = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (frame, length) = read_frame(rest).map_err(|reason| Fault { at, reason })?;
        match frame {
            Frame::Letter(letter) => {
                each(letter).map_err(|reason| Fault { at, reason })?;
                letters += 1;
            }
            Frame::Commit(commit) => {
                if (commit.start, commit.letters) != (start, letters) {
                    return Err(Fault { at, reason: "a commit that belongs to another group" });
                }
                return Ok((commit, at + length));
            }
        }
        at += length;
    }
}

fn read_frame(bytes: &[u8]) -> Result<(Frame<'_>, usize), &'static str> {
    let (head, rest) = bytes.split_first_chunk::<FRAME_HEAD>().ok_or("the file ends inside a group")?;
    let [a, b, c, d, e, f, g, h] = *head;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|_| "a frame too long for this machine")?;
    if length == 0 {
        return Err("no frame where one was expected");
    }
    let body = rest.get(..length).ok_or("a frame longer than the file")?;
    if checksum([a, b, c, d], body) != u32::from_le_bytes([e, f, g, h]) {
        return Err("a frame whose checksum does not match");
    }
    let frame = read_body(body).ok_or("a frame of an unknown kind or shape")?;
    Ok((frame, FRAME_HEAD + length))
}

fn read_body(body: &[u8]) -> Option<Frame<'_>> {
    let mut cursor = Cursor(body);
    match cursor.take::<1>()? {
        [LETTER] => {
            let partition = u32::from_le_bytes(cursor.take()?);
            let offset = u64::from_le_bytes(cursor.take()?);
            let appended_at = i64::from_le_bytes(cursor.take()?);
            let event = u128::from_le_bytes(cursor.take()?);
            let [key, traceparent, tracestate] =
                [cursor.take()?, cursor.take()?, cursor.take()?].map(|length| usize::from(u16::from_le_bytes(length)));
            let key = cursor.slice(key)?;
            let traceparent = cursor.slice(traceparent)?;
            let tracestate = cursor.slice(tracestate)?;
            let payload = cursor.0;
            Some(Frame::Letter(LetterFrame {
                partition,
                offset,
                appended_at,
                event,
                key,
                traceparent,
                tracestate,
                payload,
            }))
        }
        [COMMIT] => {
            let marker: [u8; 8] = cursor.take()?;
            let group = u64::from_le_bytes(cursor.take()?);
            let start = u64::from_le_bytes(cursor.take()?);
            let letters = u32::from_le_bytes(cursor.take()?);
            (marker == MARKER && cursor.0.is_empty()).then_some(Frame::Commit(Commit { group, start, letters }))
        }
        _ => None,
    }
}

/// The highest group number of the whole commit frames in `bytes`, wherever they start. It tells a torn end, after
/// which nothing was ever written, from damage, after which something was.
pub(super) fn last_commit_in(bytes: &[u8]) -> Option<u64> {
    let mut last = None;
    let mut at = 0;
    while let Some(found) = find_marker(bytes, at) {
        let frame = found.checked_sub(MARKER_AT).and_then(|start| bytes.get(start..));
        if let Some(Ok((Frame::Commit(commit), _))) = frame.map(read_frame) {
            last = last.max(Some(commit.group));
        }
        at = found + 1;
    }
    last
}

fn find_marker(bytes: &[u8], mut at: usize) -> Option<usize> {
    const BLOCK: usize = 4096;
    loop {
        let block = bytes.get(at..bytes.len().min(at + BLOCK + MARKER.len() - 1))?;
        if block.len() < MARKER.len() {
            return None;
        }
        if !is_zero(block)
            && let Some(found) = block.windows(MARKER.len()).position(|window| window == MARKER)
        {
            return Some(at + found);
        }
        at += BLOCK;
    }
}

/// Whether there is nothing but zeros.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|chunk| ZEROS.get(..chunk.len()) == Some(chunk))
}

/// Reads fixed and measured parts off the front of bytes.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }
    pub(super) fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(front)
    }
}

impl LetterFrame<'_> {
    /// The stored letter; its key and payload share `owner`, of which this frame must be a part.
    pub(super) fn to_stored(self, owner: &Bytes) -> Result<Stored, &'static str> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "a trace context that is not text");
        let trace = if self.traceparent.is_empty() {
            None
        } else {
            let context = TraceContext::parse(text(self.traceparent)?, Some(text(self.tracestate)?));
            Some(context.map_err(|_| "a trace context that is not one")?)
        };
        let partition = PartitionId(self.partition);
        let key = if partition == PartitionId::CONTROL {
            PartitionKey::Control
        } else {
            PartitionKey::Patient(owner.slice_ref(self.key))
        };
        Ok(Stored {
            position: Position { partition, offset: Offset(self.offset) },
            appended_at: clock::moment(self.appended_at),
            letter: Letter { key, event: self.event, trace, payload: owner.slice_ref(self.payload) },
        })
    }
}
