//! Why something of a message became no record.

use hl7v2::Fault;
use std::fmt;

/// What happens to a message with a remark; the heaviest of its remarks decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fate {
    /// It is taken; what the remark names has no place among the categories and is counted.
    Left,
    /// It is taken, and its bytes are kept aside for a person: `AA`, the remark as information.
    Aside,
    /// Its content is wrong: what could be read is taken, its bytes are kept in quarantine, and the sender is told: `AE`.
    Refused,
    /// It is not ours: nothing of it is taken or kept: `AR`.
    Rejected,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $fate:ident;)+) => {
        /// The closed list of reasons, for counting.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
            /// Its stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
            /// What happens to a message with it.
            pub const fn fate(self) -> Fate {
                match self { $(Self::$name => Fate::$fate,)+ }
            }
        }
    };
}

reasons! {
    /// The bytes are no message.
    Unreadable = "unreadable", Refused;
    /// Another facility's, a test's, or another standard's message.
    NotOurs = "not_ours", Rejected;
    /// A type or event that no record is made from.
    UnsupportedType = "unsupported_type", Aside;
    /// Patients are merged, moved or unlinked: a statement about identity, which a person confirms here.
    PatientMerge = "patient_merge", Aside;
    /// The patient's number cannot be found.
    UnknownPatient = "unknown_patient", Refused;
    /// More than one number fits.
    AmbiguousPatient = "ambiguous_patient", Refused;
    /// A field that is needed is absent.
    MissingElement = "missing_element", Refused;
    /// A field is there and breaks its rule.
    InvalidElement = "invalid_element", Refused;
    /// A code from a closed list that is not in the list.
    UnknownCode = "unknown_code", Refused;
    /// An order that is no fact of the patient yet, or something else that no category holds.
    NoCategory = "no_category", Left;
    /// An observation without a value, that says not why.
    NoValue = "no_value", Left;
    /// A reference interval that is no interval of two numbers.
    NoInterval = "no_interval", Left;
    /// A note (`NTE`) beside a result, a drug or a patient: no record but a report has a place for it.
    Comment = "comment", Left;
    /// A location that is no department code: no scope can name it.
    NoDepartment = "no_department", Left;
    /// Binary content, which stays at its source.
    Binary = "binary", Left;
    /// Bytes without a character in the message's set: the text has a mark in their place.
    DamagedText = "damaged_text", Left;
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What became no record: why, and where. It carries no value of the message.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}: {fault}")]
pub struct Remark {
    /// Why.
    pub reason: Reason,
    /// Where, by which rule.
    pub fault: Fault,
}

impl Remark {
    pub(super) fn new(reason: Reason, fault: Fault) -> Self {
        Self { reason, fault }
    }
}

/// A fault of a field is a remark on it.
impl From<Fault> for Remark {
    fn from(fault: Fault) -> Self {
        let reason = match fault.code {
            hl7v2::ErrorCode::RequiredFieldMissing => Reason::MissingElement,
            hl7v2::ErrorCode::TableValue => Reason::UnknownCode,
            _ => Reason::InvalidElement,
        };
        Self { reason, fault }
    }
}
