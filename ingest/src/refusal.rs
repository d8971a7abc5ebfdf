//! Why the door refuses one event.

use std::fmt;
use wire::{Rule, WireError};

/// Why an event was refused: the closed list of `ajisai.v1.Refused.reason`, and a label of the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RefusalReason {
    /// The bytes are not a message.
    Unreadable,
    /// A field breaks a rule of the wire.
    Invalid,
    /// The event, or its patient, belongs to another facility than the caller's.
    WrongSource,
    /// The caller's role may not say this.
    RoleNotPermitted,
    /// Only the disclosing facility may say this of a consent.
    NotDiscloser,
    /// The caller's facility may not say this.
    NotPermitted,
    /// The event's id was used before for something else.
    IdReused,
    /// The event is larger than the door or the log takes.
    TooLarge,
}

impl RefusalReason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unreadable,
        Self::Invalid,
        Self::WrongSource,
        Self::RoleNotPermitted,
        Self::NotDiscloser,
        Self::NotPermitted,
        Self::IdReused,
        Self::TooLarge,
    ];
    /// The stable code, as on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Invalid => "invalid",
            Self::WrongSource => "wrong_source",
            Self::RoleNotPermitted => "role_not_permitted",
            Self::NotDiscloser => "not_discloser",
            Self::NotPermitted => "not_permitted",
            Self::IdReused => "id_reused",
            Self::TooLarge => "too_large",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One event refused: why, at which field, by which rule. It never carries a value of the event.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}: `{field}`: {rule}")]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// The path of the field, as in [`WireError::field`].
    pub field: String,
    /// The rule, in words.
    pub rule: String,
}

impl Refusal {
    pub(crate) fn new(reason: RefusalReason, field: &str, rule: impl Into<String>) -> Self {
        Self { reason, field: field.to_owned(), rule: rule.into() }
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        let reason = match error.rule() {
            Rule::Unreadable { .. } => RefusalReason::Unreadable,
            _ => RefusalReason::Invalid,
        };
        Self { reason, field: error.field().to_owned(), rule: error.rule().to_string() }
    }
}
