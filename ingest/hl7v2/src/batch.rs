//! Files of messages: one after the other, with or without the headers of a batch and of a file.

use crate::mllp::{END, START};
use crate::{Charset, Fault, Syntax};

/// One line-aligned piece of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Piece<'b> {
    /// A message, from its `MSH`.
    Message(&'b [u8]),
    /// `FHS`, `BHS`, `BTS` or `FTS`, one line.
    Envelope(&'b [u8]),
    /// Bytes before the first segment of these names.
    Stray(&'b [u8]),
}

impl std::fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Message(bytes) => write!(f, "Message({} bytes)", bytes.len()),
            Self::Envelope(bytes) => write!(f, "Envelope({} bytes)", bytes.len()),
            Self::Stray(bytes) => write!(f, "Stray({} bytes)", bytes.len()),
        }
    }
}

/// Cuts a file where a line begins with `MSH`, `FHS`, `BHS`, `BTS` or `FTS`. It is done before decoding, because every
/// message names its own character set; a line's first bytes are ASCII in all of them but UTF-16.
pub fn pieces(bytes: &[u8]) -> Pieces<'_> {
    Pieces { rest: bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) }
}

/// The messages of a file, whatever surrounds them.
pub fn messages(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    pieces(bytes).filter_map(|piece| match piece {
        Piece::Message(message) => Some(message),
        Piece::Envelope(_) | Piece::Stray(_) => None,
    })
}

/// See [`pieces`].
#[derive(Clone)]
pub struct Pieces<'b> {
    rest: &'b [u8],
}

impl std::fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pieces({} bytes left)", self.rest.len())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    Message,
    Envelope,
}

fn begins(line: &[u8]) -> Option<Begins> {
    match line {
        // A header names its delimiters; without one it is text.
        [b'M', b'S', b'H', sign, ..] if sign.is_ascii_punctuation() => Some(Begins::Message),
        [b'F' | b'B', b'H' | b'T', b'S', sign, ..] if sign.is_ascii_punctuation() => Some(Begins::Envelope),
        // A trailer may say nothing.
        [b'F' | b'B', b'T', b'S'] | [b'F' | b'B', b'T', b'S', b'\r' | b'\n', ..] => Some(Begins::Envelope),
        _ => None,
    }
}

impl<'b> Iterator for Pieces<'b> {
    type Item = Piece<'b>;

    fn next(&mut self) -> Option<Piece<'b>> {
        let filler = |b: &&u8| matches!(**b, b'\r' | b'\n' | 0x0b | 0x1c | b' ' | b'\t');
        let bytes = self.rest.get(self.rest.iter().take_while(filler).count()..)?;
        if bytes.is_empty() {
            self.rest = bytes;
            return None;
        }
        let kind = begins(bytes);
        let line_ends = memchr::memchr2_iter(b'\r', b'\n', bytes);
        let mut end = bytes.len();
        for at in line_ends {
            let following = bytes.get(at + 1..).unwrap_or_default();
            // Some files keep the marks of MLLP frames.
            let marks = following.iter().take_while(|b| matches!(**b, START | END)).count();
            let following = following.get(marks..).unwrap_or_default();
            if kind == Some(Begins::Envelope) || begins(following).is_some() {
                end = at;
                break;
            }
        }
        let (piece, rest) = bytes.split_at(end);
        self.rest = rest;
        Some(match kind {
            Some(Begins::Message) => Piece::Message(piece),
            Some(Begins::Envelope) => Piece::Envelope(piece),
            None => Piece::Stray(piece),
        })
    }
}

/// What the trailer of a batch or a file says it holds: `BTS-1` messages, `FTS-1` batches. `None`: another line, or no
/// number.
pub fn stated_count(envelope: &[u8], field: u8) -> Option<u64> {
    let name = envelope.get(..3)?;
    if name != b"BTS" && name != b"FTS" {
        return None;
    }
    let first = envelope.split(|b| *b == field).nth(1)?;
    std::str::from_utf8(first).ok()?.trim().parse().ok()
}

/// The delimiters of an envelope's header line.
///
/// # Errors
/// As [`Syntax::of_header`].
pub fn syntax_of(envelope: &[u8]) -> Result<Syntax, Fault> {
    Syntax::of_header(&String::from_utf8_lossy(envelope), Charset::Utf8)
}

#[cfg(test)]
mod tests;
