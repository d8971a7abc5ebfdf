//! The delimiters of one message, and the character set its hexadecimal escapes are in.

use crate::{Charset, ErrorCode, Fault, Location};

/// The delimiters a message declares in `MSH-1` and `MSH-2`. A zero byte stands for one it does without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Syntax {
    /// Between fields.
    pub field: u8,
    /// Between components.
    pub component: u8,
    /// Between repetitions.
    pub repetition: u8,
    /// Around escape sequences.
    pub escape: u8,
    /// Between subcomponents.
    pub subcomponent: u8,
    /// After a truncated value (2.7 and later).
    pub truncation: u8,
    /// The character set the message came in.
    pub charset: Charset,
}

impl Default for Syntax {
    /// `|^~\&`, as nearly everybody.
    fn default() -> Self {
        Self {
            field: b'|',
            component: b'^',
            repetition: b'~',
            escape: b'\\',
            subcomponent: b'&',
            truncation: 0,
            charset: Charset::Utf8,
        }
    }
}

impl Syntax {
    /// Reads `MSH-1` and `MSH-2` from text that begins with a header segment (`MSH`, `FHS` or `BHS`).
    ///
    /// # Errors
    /// When there is no `MSH-2`, or the delimiters are letters, digits, not ASCII, or not all different.
    pub fn of_header(text: &str, charset: Charset) -> Result<Self, Fault> {
        let refuse = |field, code, rule: &'static str| Err(Fault::new(Location::header(field), code, rule));
        let Some(&field) = text.as_bytes().get(3) else {
            return refuse(
                1,
                ErrorCode::RequiredFieldMissing,
                "the delimiter between fields follows the segment's name",
            );
        };
        if !is_delimiter(field) {
            return refuse(1, ErrorCode::DataType, "a delimiter is an ASCII sign that is neither letter nor digit");
        }
        let rest = text.get(4..).unwrap_or_default();
        let end = rest.bytes().position(|b| b == field || b == b'\r' || b == b'\n').unwrap_or(rest.len());
        let declared = rest.as_bytes().get(..end).unwrap_or_default();
        // Written by a program that escaped the escape sign once too often.
        let declared = if declared == b"^~\\\\&" { b"^~\\&" } else { declared };
        if declared.is_empty() {
            return refuse(2, ErrorCode::RequiredFieldMissing, "the delimiters, such as `^~\\&`");
        }
        if declared.len() > 5 || !declared.iter().all(|b| is_delimiter(*b)) {
            return refuse(2, ErrorCode::DataType, "one to five ASCII signs that are neither letters nor digits");
        }
        let twice = |i: usize, b: &u8| *b == field || declared.iter().skip(i + 1).any(|other| other == b);
        if declared.iter().enumerate().any(|(i, b)| twice(i, b)) {
            return refuse(2, ErrorCode::DataType, "delimiters that are all different");
        }
        let sign = |i: usize| declared.get(i).copied().unwrap_or(0);
        Ok(Self {
            field,
            component: sign(0),
            repetition: sign(1),
            escape: sign(2),
            subcomponent: sign(3),
            truncation: sign(4),
            charset,
        })
    }

    /// `MSH-2` as it is written.
    pub fn encoding_characters(&self) -> String {
        [self.component, self.repetition, self.escape, self.subcomponent, self.truncation]
            .into_iter()
            .filter(|sign| *sign != 0)
            .map(char::from)
            .collect()
    }
}

fn is_delimiter(b: u8) -> bool {
    b.is_ascii_punctuation()
}
