//! What is wrong with a message, in the words of an `ERR` segment.

use crate::SegmentId;
use std::borrow::Cow;
use std::fmt;

/// A place in a message, as `ERR-2` writes it. A zero says nothing of that level and of those below it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Location {
    /// The segment.
    pub segment: SegmentId,
    /// Which of the segments of that name, from 1.
    pub sequence: u32,
    /// The field, from 1.
    pub field: u16,
    /// The repetition of the field, from 1.
    pub repetition: u16,
    /// The component, from 1.
    pub component: u16,
    /// The subcomponent, from 1.
    pub subcomponent: u16,
}

impl Location {
    /// The whole of a segment.
    pub const fn segment(segment: SegmentId, sequence: u32) -> Self {
        Self { segment, sequence, field: 0, repetition: 0, component: 0, subcomponent: 0 }
    }
    /// A field of the message header.
    pub const fn header(field: u16) -> Self {
        Self { field, ..Self::segment(SegmentId::MSH, 1) }
    }
    /// This place's segment, at another field.
    #[must_use]
    pub const fn at_field(self, field: u16) -> Self {
        Self { field, repetition: 0, component: 0, subcomponent: 0, ..self }
    }
}

/// `PID^1^5^1^2`: segment, sequence, field, repetition, component, subcomponent, as far as they are known.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.segment.as_str())?;
        let levels =
            [self.sequence, self.field.into(), self.repetition.into(), self.component.into(), self.subcomponent.into()];
        levels.iter().take_while(|level| **level > 0).try_for_each(|level| write!(f, "^{level}"))
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)+) => {
        /// HL7 table 0357: what sort of error it is.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum ErrorCode { $($(#[$doc])* $name,)+ }

        impl ErrorCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
            /// The number in table 0357.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)+ }
            }
            /// The table's words for it.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

codes! {
    /// Segments are missing, out of order, or no segments.
    SegmentSequence = 100, "Segment sequence error";
    /// A field that must be there is not.
    RequiredFieldMissing = 101, "Required field missing";
    /// A field is not of its type.
    DataType = 102, "Data type error";
    /// A code that its table does not have.
    TableValue = 103, "Table value not found";
    /// A value is too long.
    TooLong = 104, "Value too long";
    /// The message type is not taken.
    MessageType = 200, "Unsupported message type";
    /// The trigger event is not taken.
    EventCode = 201, "Unsupported event code";
    /// The processing id is not taken.
    ProcessingId = 202, "Unsupported processing id";
    /// The version is not taken.
    Version = 203, "Unsupported version id";
    /// A key (a patient, an order) is not known here.
    UnknownKey = 204, "Unknown key identifier";
    /// A key exists already.
    DuplicateKey = 205, "Duplicate key identifier";
    /// Somebody else has the record.
    Locked = 206, "Application record locked";
    /// The fault is ours, or passing.
    Internal = 207, "Application internal error";
}

impl ErrorCode {
    /// Whether the sender is told to mend the message (`AE`) rather than that it was turned away (`AR`).
    pub const fn is_content(self) -> bool {
        self.number() < 200 || matches!(self, Self::UnknownKey | Self::DuplicateKey)
    }
}

/// What is wrong, where, and by which rule. It carries no value: values are patient data.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{location}: {rule} ({})", code.text())]
pub struct Fault {
    /// Where.
    pub location: Location,
    /// What sort of error.
    pub code: ErrorCode,
    /// The rule it breaks.
    pub rule: Cow<'static, str>,
}

impl Fault {
    /// A fault.
    pub fn new(location: Location, code: ErrorCode, rule: impl Into<Cow<'static, str>>) -> Self {
        Self { location, code, rule: rule.into() }
    }
}
