//! Why the door refuses.

use model::{
    BedAlarmError, BreakGlassError, DefinitionError, ExceptionsError, FetusNumberError, IdError, KinshipError,
    LabTableError, MomentError, NoticeIdError, OwnWordsError, PeriodError, RecordError, ReferralError,
};

/// A message of the wire that is not a value of the model: which field, and the rule it breaks.
///
/// The offending value is never carried: it may be patient data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {rule}")]
pub struct WireError {
    field: String,
    rule: Rule,
}

impl WireError {
    /// The rule `rule` is broken at `field`.
    pub fn new(field: impl Into<String>, rule: impl Into<Rule>) -> Self {
        Self { field: field.into(), rule: rule.into() }
    }
    /// The path of the field from the outermost message, for example `record.payload.laboratory.value`.
    pub fn field(&self) -> &str {
        &self.field
    }
    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }
    /// The same refusal seen from the message that holds this one in its field `outer`.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        let Self { field, rule } = self;
        Self { field: if field.is_empty() { outer.to_owned() } else { format!("{outer}.{field}") }, rule }
    }
}

/// A rule of the wire that was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The bytes are not a message of this kind.
    #[error("is not readable as a protobuf message of package ajisai.v1: {reason}")]
    Unreadable {
        /// What the decoder found: field names and wire types, never values.
        reason: String,
    },
    /// A field that must be said was not.
    #[error("is required")]
    Required,
    /// A number that its vocabulary does not list.
    #[error("number {number} is not a known {vocabulary}")]
    UnknownNumber {
        /// The vocabulary.
        vocabulary: &'static str,
        /// The number.
        number: i32,
    },
    /// A text outside a short list.
    #[error("must be one of {known}")]
    UnknownText {
        /// What it may be.
        known: &'static str,
    },
    /// Not an identifier.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Not a moment.
    #[error("{0}; write microseconds since 1970-01-01T00:00:00Z")]
    Moment(#[from] MomentError),
    /// Not a period.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// Not a civil date.
    #[error("is not a date such as `1975-04-01`")]
    Date,
    /// NaN or infinite.
    #[error("must be a finite number")]
    NotFinite,
    /// 0 or less.
    #[error("must be above 0")]
    NotPositive,
    /// Too large a number.
    #[error("must be at most {limit}")]
    TooLarge {
        /// The largest allowed.
        limit: u64,
    },
    /// Too long a text.
    #[error("must be at most {limit} bytes long")]
    TooLong {
        /// The most bytes allowed.
        limit: usize,
    },
    /// Said though another field rules it out.
    #[error("must be left out where `{other}` is said")]
    RuledOut {
        /// The field that rules it out.
        other: &'static str,
    },
    /// A relation where the patient signed.
    #[error("must be empty where the patient signed")]
    RelationOfPatient,
    /// A consent that supersedes itself.
    #[error("must be another consent's id")]
    SameConsent,
    /// An agreement with oneself.
    #[error("must be another facility than `facility`")]
    OwnAgreement,
    /// Not the exceptions of a consent.
    #[error(transparent)]
    Exceptions(#[from] ExceptionsError),
    /// Not a broken glass.
    #[error(transparent)]
    BreakGlass(#[from] BreakGlassError),
    /// A text that is not a notice's id.
    #[error(transparent)]
    Notice(#[from] NoticeIdError),
    /// A text that is not an alarm of a bed.
    #[error(transparent)]
    BedAlarm(#[from] BedAlarmError),
    /// Not own words.
    #[error(transparent)]
    OwnWords(#[from] OwnWordsError),
    /// Not a referral.
    #[error(transparent)]
    Referral(#[from] ReferralError),
    /// Not a definition.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// Not a laboratory table.
    #[error(transparent)]
    LabTable(#[from] LabTableError),
    /// Not a mother and her newborn.
    #[error(transparent)]
    Kinship(#[from] KinshipError),
    /// A list whose length is given by another.
    #[error("has {found} entries where `{other}` has {expected}")]
    Length {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
        /// The field that says so.
        other: &'static str,
    },
    /// More entries than there may be.
    #[error("must have at most {limit} entries")]
    TooMany {
        /// The most there may be.
        limit: usize,
    },
    /// Not the number of a fetus.
    #[error(transparent)]
    Fetus(#[from] FetusNumberError),
    /// A channel or entry stated twice.
    #[error("is stated twice")]
    Repeated,
    /// A coding without code and display.
    #[error("carries neither a code nor a display text")]
    EmptyCoding,
    /// A link within one facility.
    #[error("must be at another facility than `a`")]
    SameFacility,
    /// Not a SHA-256 in hex.
    #[error("must be 64 lower-case hex digits (SHA-256) or empty")]
    Digest,
    /// Bytes of another length than said.
    #[error("is {found} bytes long, it must be {expected}")]
    Bytes {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// The parts of a record do not agree.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Names the field at which a rule was broken.
pub(crate) trait At<T> {
    fn at(self, field: &str) -> Result<T, WireError>;
}

impl<T, E: Into<Rule>> At<T> for Result<T, E> {
    fn at(self, field: &str) -> Result<T, WireError> {
        self.map_err(|rule| WireError::new(field, rule))
    }
}

/// Names the field that holds the message in which a rule was broken.
pub(crate) trait Within<T> {
    fn within(self, outer: &str) -> Result<T, WireError>;
}

impl<T> Within<T> for Result<T, WireError> {
    fn within(self, outer: &str) -> Result<T, WireError> {
        self.map_err(|error| error.within(outer))
    }
}

/// A field that must be said.
pub(crate) fn required<T>(field: &str, value: Option<T>) -> Result<T, WireError> {
    value.ok_or_else(|| WireError::new(field, Rule::Required))
}

/// A text that must not be empty.
pub(crate) fn said(field: &str, text: String) -> Result<String, WireError> {
    if text.is_empty() { Err(WireError::new(field, Rule::Required)) } else { Ok(text) }
}
