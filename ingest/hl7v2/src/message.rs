//! A message: its text, where its segments lie, and where their fields begin.

use crate::charset::{self, Charset, Decoded};
use crate::{ErrorCode, Fault, Location, Part, Syntax};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// The largest message that is read unless [`Options`] say otherwise, in bytes.
pub const LARGEST_MESSAGE: usize = 16 << 20;

/// How messages of a feed are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// The character set of messages that do not name theirs. `None`: by their bytes, where these leave no doubt.
    pub charset: Option<Charset>,
    /// The largest message, in bytes. At most 1 GiB, whatever is set.
    pub largest: usize,
    /// The most segments of one message.
    pub most_segments: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { charset: None, largest: LARGEST_MESSAGE, most_segments: 100_000 }
    }
}

/// A segment's name: three capitals or digits, the first a capital.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId([u8; 3]);

impl SegmentId {
    /// The message header.
    pub const MSH: Self = Self(*b"MSH");

    /// A name; `None` when it is not of that form.
    pub const fn new(name: &str) -> Option<Self> {
        match name.as_bytes() {
            [a @ b'A'..=b'Z', b @ (b'A'..=b'Z' | b'0'..=b'9'), c @ (b'A'..=b'Z' | b'0'..=b'9')] => {
                Some(Self([*a, *b, *c]))
            }
            _ => None,
        }
    }
    /// The name.
    pub fn as_str(&self) -> &str {
        // Three ASCII bytes by construction.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
    /// Whether it is a header, in which the first delimiter is itself the first field.
    pub fn is_header(self) -> bool {
        matches!(&self.0, b"MSH" | b"FHS" | b"BHS")
    }
}

impl fmt::Debug for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<str> for SegmentId {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for SegmentId {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

/// Where one segment lies: its text, and its delimiters among all delimiters of the message.
#[derive(Clone, Copy)]
struct Entry {
    id: SegmentId,
    /// Which of the segments of its name, from 1.
    sequence: u32,
    start: u32,
    end: u32,
    first_delimiter: u32,
    delimiters: u32,
}

/// One message.
///
/// It holds the whole text: what no accessor asks for is in [`text`](Self::text) still.
#[derive(Clone)]
pub struct Message<'b> {
    text: Cow<'b, str>,
    syntax: Syntax,
    segments: Vec<Entry>,
    /// The places of all delimiters between fields.
    delimiters: Vec<u32>,
    damaged: bool,
    joined: usize,
}

impl<'b> Message<'b> {
    /// Reads one message: decodes it, finds its delimiters, segments and fields.
    ///
    /// A byte-order mark, white space around the message, LF and CRLF for CR, and a missing last CR are taken as they
    /// come. A line that does not begin with a segment's name belongs to the field before it, as text with line breaks
    /// that somebody forgot to escape.
    ///
    /// # Errors
    /// When it does not begin with `MSH`, is too large, holds a second `MSH` ([`batch`](crate::batch) cuts those), its
    /// delimiters cannot be told, or its character set is not known.
    pub fn parse(bytes: &'b [u8], options: &Options) -> Result<Self, Fault> {
        let limit = options.largest.min(1 << 30);
        if bytes.len() > limit {
            let rule = format!("a message has at most {limit} bytes, this one has {}", bytes.len());
            return Err(Fault::new(Location::header(0), ErrorCode::TooLong, rule));
        }
        let Decoded { text, charset, damaged } = charset::decode_message(trimmed(bytes), options.charset)?;
        let text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(bare(text)),
            Cow::Owned(text) if bare(&text).len() == text.len() => Cow::Owned(text),
            Cow::Owned(text) => Cow::Owned(bare(&text).to_owned()),
        };
        if !text.starts_with("MSH") {
            let rule = "a message begins with `MSH`";
            return Err(Fault::new(Location::header(0), ErrorCode::SegmentSequence, rule));
        }
        // Decoding may make a message longer, at most threefold.
        if u32::try_from(text.len()).is_err() {
            return Err(Fault::new(Location::header(0), ErrorCode::TooLong, "a message has at most 4 GiB of text"));
        }
        let syntax = Syntax::of_header(&text, charset)?;
        let mut message = Self {
            segments: Vec::new(),
            delimiters: Vec::with_capacity(text.len() / 8),
            text,
            syntax,
            damaged,
            joined: 0,
        };
        message.index(options.most_segments)?;
        Ok(message)
    }

    fn index(&mut self, most_segments: usize) -> Result<(), Fault> {
        let bytes = self.text.as_bytes();
        let field = self.syntax.field;
        let mut counts: HashMap<SegmentId, u32> = HashMap::new();
        let mut begin = |at: usize, delimiters: usize| -> Option<Entry> {
            let id = starts_segment(bytes.get(at..)?, field)?;
            let sequence = counts.entry(id).or_default();
            *sequence += 1;
            let start = narrow(at);
            Some(Entry {
                id,
                sequence: *sequence,
                start,
                end: start,
                first_delimiter: narrow(delimiters),
                delimiters: 0,
            })
        };
        let mut open = begin(0, 0);
        for at in memchr::memchr3_iter(field, b'\r', b'\n', bytes) {
            if bytes.get(at) == Some(&field) {
                self.delimiters.push(narrow(at));
                continue;
            }
            // Line ends in succession (CRLF, empty lines) are looked at with the first of them.
            let is_end = |b: &u8| matches!(b, b'\r' | b'\n');
            if at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(is_end) {
                continue;
            }
            let line_ends = bytes.get(at..).unwrap_or_default().iter().take_while(|b| is_end(b)).count();
            let Some(entry) = begin(at + line_ends, self.delimiters.len()) else {
                self.joined += 1;
                continue;
            };
            // A header names its delimiters; `MSH` alone on a line is an empty segment.
            let named = bytes.get(at + line_ends + 3).is_some_and(u8::is_ascii_punctuation);
            if entry.id == SegmentId::MSH && named {
                let at = Location::segment(entry.id, entry.sequence);
                return Err(Fault::new(at, ErrorCode::SegmentSequence, "one message has one `MSH`"));
            }
            if let Some(mut done) = open.replace(entry) {
                done.end = narrow(at);
                done.delimiters = narrow(self.delimiters.len()) - done.first_delimiter;
                self.segments.push(done);
            }
            if self.segments.len() >= most_segments {
                let rule = format!("a message has at most {most_segments} segments");
                return Err(Fault::new(Location::header(0), ErrorCode::SegmentSequence, rule));
            }
        }
        if let Some(mut done) = open {
            done.end = narrow(bytes.len());
            done.delimiters = narrow(self.delimiters.len()) - done.first_delimiter;
            self.segments.push(done);
        }
        Ok(())
    }

    /// The whole text, decoded.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// Its delimiters and character set.
    pub fn syntax(&self) -> &Syntax {
        &self.syntax
    }
    /// The character set it was read in.
    pub fn charset(&self) -> Charset {
        self.syntax.charset
    }
    /// Whether bytes without a character in the set became U+FFFD.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }
    /// How many lines did not begin with a segment's name and were taken for text of the field before them.
    pub fn joined_lines(&self) -> usize {
        self.joined
    }
    /// The segments, in order.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = Segment<'_>> {
        self.segments.iter().map(|entry| self.view(entry))
    }
    /// The n-th segment, from 0, of whatever name.
    pub fn segment_at(&self, index: usize) -> Option<Segment<'_>> {
        self.segments.get(index).map(|entry| self.view(entry))
    }
    /// The first segment of a name.
    pub fn segment(&self, name: &str) -> Option<Segment<'_>> {
        self.segments.iter().find(|entry| entry.id == *name).map(|entry| self.view(entry))
    }
    /// All segments of a name, in order.
    pub fn all<'m>(&'m self, name: &'m str) -> impl Iterator<Item = Segment<'m>> {
        self.segments.iter().filter(move |entry| entry.id == *name).map(|entry| self.view(entry))
    }
    /// The header.
    pub fn header(&self) -> Segment<'_> {
        let nothing = Entry { id: SegmentId::MSH, sequence: 1, start: 0, end: 0, first_delimiter: 0, delimiters: 0 };
        self.view(self.segments.first().unwrap_or(&nothing))
    }

    fn view(&self, entry: &Entry) -> Segment<'_> {
        let first = to_usize(entry.first_delimiter);
        Segment {
            id: entry.id,
            sequence: entry.sequence,
            text: &self.text,
            end: entry.end,
            start: entry.start,
            delimiters: self.delimiters.get(first..first + to_usize(entry.delimiters)).unwrap_or_default(),
            syntax: &self.syntax,
        }
    }
}

/// Shows what it is and how much, not what it says.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<SegmentId> = self.segments.iter().map(|entry| entry.id).collect();
        f.debug_struct("Message").field("charset", &self.charset()).field("segments", &ids).finish_non_exhaustive()
    }
}

fn narrow(at: usize) -> u32 {
    // Texts over 4 GiB are refused.
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn to_usize(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// The name, where the bytes begin a segment: a name that a delimiter or the line's end follows.
fn starts_segment(bytes: &[u8], field: u8) -> Option<SegmentId> {
    let name = std::str::from_utf8(bytes.get(..3)?).ok()?;
    let id = SegmentId::new(name)?;
    match bytes.get(3) {
        None | Some(b'\r' | b'\n') => Some(id),
        Some(b) if *b == field => Some(id),
        // A header names its own delimiter.
        Some(_) if id == SegmentId::MSH => Some(id),
        Some(_) => None,
    }
}

/// The text without white space in front, line ends behind, and the marks of an MLLP frame that was stored with it.
fn bare(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{b}'))
        .trim_end_matches(['\r', '\n', '\u{1c}', '\0'])
}

/// The bytes without white space and frame marks in front.
fn trimmed(bytes: &[u8]) -> &[u8] {
    // A zero before a letter is the first half of UTF-16.
    let filler = |b: &u8| matches!(b, b'\r' | b'\n' | b' ' | b'\t' | 0x0b);
    bytes.get(bytes.iter().take_while(|b| filler(b)).count()..).unwrap_or_default()
}

/// One segment of a message.
#[derive(Clone, Copy)]
pub struct Segment<'m> {
    id: SegmentId,
    sequence: u32,
    text: &'m str,
    start: u32,
    end: u32,
    delimiters: &'m [u32],
    syntax: &'m Syntax,
}

impl<'m> Segment<'m> {
    /// Its name.
    pub fn id(&self) -> SegmentId {
        self.id
    }
    /// Which of the segments of its name it is, from 1.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }
    /// Where it is.
    pub fn location(&self) -> Location {
        Location::segment(self.id, self.sequence)
    }
    /// Its text, as it stands in the message.
    pub fn raw(&self) -> &'m str {
        self.text.get(to_usize(self.start)..to_usize(self.end)).unwrap_or_default()
    }
    /// The number of the last field there is.
    pub fn fields(&self) -> u16 {
        let header = u16::from(self.id.is_header());
        u16::try_from(self.delimiters.len()).unwrap_or(u16::MAX).saturating_add(header)
    }
    /// A field, from 1; an absent one when the segment ends before it.
    ///
    /// The first field of a header is the delimiter itself, the second the other delimiters, which are not taken apart.
    pub fn field(&self, number: u16) -> Part<'m> {
        let at = self.location().at_field(number);
        let header = self.id.is_header();
        if header && number == 1 {
            let sign = self.delimiters.first().map(|at| to_usize(*at)).and_then(|at| self.text.get(at..=at));
            return Part::plain(sign.unwrap_or_default(), self.syntax, at);
        }
        let index = usize::from(number).checked_sub(1 + usize::from(header));
        let between = index.and_then(|index| {
            let start = to_usize(*self.delimiters.get(index)?) + 1;
            let end = to_usize(self.delimiters.get(index + 1).copied().unwrap_or(self.end));
            self.text.get(start..end)
        });
        match between {
            Some(raw) if header && number == 2 => Part::plain(raw, self.syntax, at),
            Some(raw) => Part::field(raw, self.syntax, at),
            None => Part::field("", self.syntax, at),
        }
    }
    /// A fault of a field of this segment.
    pub fn fault(&self, field: u16, code: ErrorCode, rule: impl Into<Cow<'static, str>>) -> Fault {
        Fault::new(self.location().at_field(field), code, rule)
    }
}

impl fmt::Debug for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({}, {} fields)", self.location(), self.fields())
    }
}

#[cfg(test)]
mod tests;
