//! Parts of a segment: a field, a repetition, a component, a subcomponent.

use crate::{ErrorCode, Fault, Location, Syntax, unescape};
use std::borrow::Cow;
use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Level {
    Field,
    Repetition,
    Component,
    Subcomponent,
}

/// A part of a segment, at any level. It borrows the message's text and is cheap to copy.
///
/// A part that is not there is an empty part: absence is a value here, as it is in HL7.
#[derive(Clone, Copy)]
pub struct Part<'m> {
    raw: &'m str,
    syntax: &'m Syntax,
    level: Level,
    at: Location,
}

impl<'m> Part<'m> {
    pub(crate) fn field(raw: &'m str, syntax: &'m Syntax, at: Location) -> Self {
        Self { raw, syntax, level: Level::Field, at }
    }
    /// A part that has no parts.
    pub(crate) fn plain(raw: &'m str, syntax: &'m Syntax, at: Location) -> Self {
        Self { raw, syntax, level: Level::Subcomponent, at }
    }

    /// Its text, as it stands in the message.
    pub fn raw(&self) -> &'m str {
        self.raw
    }
    /// Where it is.
    pub fn location(&self) -> Location {
        self.at
    }
    /// The delimiters it is written with.
    pub fn syntax(&self) -> &'m Syntax {
        self.syntax
    }
    /// Nothing is said: what was known before stays as it was.
    pub fn is_absent(&self) -> bool {
        self.raw.is_empty()
    }
    /// `""`: what was known before is to be forgotten.
    pub fn is_null(&self) -> bool {
        self.raw == "\"\""
    }
    /// This part, when it is neither absent nor null nor made of delimiters and blanks alone.
    pub fn present(&self) -> Option<Self> {
        let Syntax { component, repetition, subcomponent, .. } = *self.syntax;
        let says = |b: u8| b != component && b != repetition && b != subcomponent && !b.is_ascii_whitespace();
        (!self.is_null() && self.raw.bytes().any(says)).then_some(*self)
    }

    /// The repetitions of a field, the first of any other part itself. A field always has one, which may be empty.
    pub fn repetitions(&self) -> Parts<'m> {
        let delimiter = if self.level == Level::Field { self.syntax.repetition } else { 0 };
        Parts { of: *self, level: self.level.max(Level::Repetition), delimiter, rest: Some(self.raw), number: 0 }
    }
    /// The first repetition.
    pub fn first(&self) -> Self {
        self.repetitions().next().unwrap_or(*self)
    }
    /// The components of its first repetition.
    pub fn components(&self) -> Parts<'m> {
        let of = self.first();
        let delimiter = if of.level == Level::Repetition { self.syntax.component } else { 0 };
        Parts { of, level: of.level.max(Level::Component), delimiter, rest: Some(of.raw), number: 0 }
    }
    /// A component of its first repetition, from 1; absent where there is none.
    pub fn component(&self, number: u16) -> Self {
        self.components().nth_or_absent(number)
    }
    /// The subcomponents of its first component.
    pub fn subcomponents(&self) -> Parts<'m> {
        let of = if self.level == Level::Component { *self } else { self.component(1) };
        let delimiter = if of.level == Level::Component { self.syntax.subcomponent } else { 0 };
        Parts { of, level: Level::Subcomponent, delimiter, rest: Some(of.raw), number: 0 }
    }
    /// A subcomponent of its first component, from 1; absent where there is none.
    pub fn subcomponent(&self, number: u16) -> Self {
        self.subcomponents().nth_or_absent(number)
    }

    /// The text of its first subcomponent, escape sequences taken out and trimmed. Empty for null.
    pub fn text(&self) -> Cow<'m, str> {
        let first = if self.level == Level::Subcomponent { *self } else { self.subcomponent(1) };
        if first.is_null() { Cow::Borrowed("") } else { trim(unescape(first.raw, self.syntax)) }
    }
    /// The whole text of a part that its type does not divide (`ST`, `TX`, `FT`), also where its sender left delimiters
    /// in it unescaped. A field's repetitions become lines.
    pub fn whole_text(&self) -> Cow<'m, str> {
        if self.is_null() {
            return Cow::Borrowed("");
        }
        if self.level == Level::Field
            && self.syntax.repetition != 0
            && self.raw.contains(char::from(self.syntax.repetition))
        {
            let lines: Vec<_> = self.repetitions().map(|line| line.whole_text()).collect();
            return Cow::Owned(lines.join("\n"));
        }
        trim(unescape(self.raw, self.syntax))
    }

    /// A fault of this part.
    pub fn fault(&self, code: ErrorCode, rule: impl Into<Cow<'static, str>>) -> Fault {
        Fault::new(self.at, code, rule)
    }
    /// This part, or the fault that it must be there.
    ///
    /// # Errors
    /// When it is absent or null.
    pub fn required(&self, rule: &'static str) -> Result<Self, Fault> {
        self.present().ok_or_else(|| self.fault(ErrorCode::RequiredFieldMissing, rule))
    }
}

fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

impl Level {
    fn max(self, other: Self) -> Self {
        let rank = |level| match level {
            Self::Field => 0,
            Self::Repetition => 1,
            Self::Component => 2,
            Self::Subcomponent => 3,
        };
        if rank(self) >= rank(other) { self } else { other }
    }
}

/// Where a part is, and how long; not what it says.
impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({}, {} bytes)", self.at, self.raw.len())
    }
}

/// Parts of one level, in order.
#[derive(Clone, Debug)]
pub struct Parts<'m> {
    of: Part<'m>,
    level: Level,
    /// Zero: the part is its own only part.
    delimiter: u8,
    rest: Option<&'m str>,
    number: u16,
}

impl<'m> Parts<'m> {
    fn part(&self, raw: &'m str, number: u16) -> Part<'m> {
        if self.level == self.of.level {
            return Part { raw, ..self.of };
        }
        let mut at = self.of.at;
        match self.level {
            Level::Field => {}
            Level::Repetition => at.repetition = number,
            Level::Component => at.component = number,
            Level::Subcomponent => at.subcomponent = number,
        }
        Part { raw, syntax: self.of.syntax, level: self.level, at }
    }

    fn nth_or_absent(mut self, number: u16) -> Part<'m> {
        let before = usize::from(number.saturating_sub(1));
        self.nth(before).unwrap_or_else(|| self.part("", number))
    }
}

impl<'m> Iterator for Parts<'m> {
    type Item = Part<'m>;

    fn next(&mut self) -> Option<Part<'m>> {
        let rest = self.rest?;
        let at = (self.delimiter != 0).then(|| memchr::memchr(self.delimiter, rest.as_bytes())).flatten();
        let raw = match at {
            Some(at) => {
                self.rest = rest.get(at + 1..);
                rest.get(..at)?
            }
            None => {
                self.rest = None;
                rest
            }
        };
        self.number = self.number.saturating_add(1);
        Some(self.part(raw, self.number))
    }
}

#[cfg(test)]
mod tests;
