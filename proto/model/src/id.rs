//! Identifiers. Each is parsed once, has a private field, and cannot be made unchecked.

use compact_str::CompactString;
use std::fmt;

/// Why a text is not an identifier. The offending text is *not* carried: it may be patient data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{kind}` {fault}")]
pub struct IdError {
    kind: &'static str,
    fault: IdFault,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum IdFault {
    #[error("is empty")]
    Empty,
    #[error("is {length} bytes long, the limit is {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("has a character at byte {at} that is not allowed: {allowed}")]
    BadCharacter { at: usize, allowed: &'static str },
}

impl IdError {
    /// The name of the identifier that was refused, as in the .proto (`facility_id`, `patient_number` …).
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

const SLUG: &str = "use a-z, 0-9 and `-`";
const PRINTABLE: &str = "use printable characters without spaces at either end";
const TOKEN: &str = "use visible ASCII characters";

fn slug(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}
fn token(c: char) -> bool {
    c.is_ascii_graphic()
}
fn printable(c: char) -> bool {
    !c.is_control()
}

fn check(
    kind: &'static str,
    text: &str,
    limit: usize,
    fits: fn(char) -> bool,
    allowed: &'static str,
) -> Result<CompactString, IdError> {
    let fault = if text.is_empty() {
        IdFault::Empty
    } else if text.len() > limit {
        IdFault::TooLong { length: text.len(), limit }
    } else if let Some((at, _)) = text.char_indices().find(|(_, c)| !fits(*c)) {
        IdFault::BadCharacter { at, allowed }
    } else if text.trim().len() != text.len() {
        IdFault::BadCharacter { at: 0, allowed }
    } else {
        return Ok(CompactString::new(text));
    };
    Err(IdError { kind, fault })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $limit:literal, $fits:ident, $allowed:ident, shown) => {
        id!(@type $(#[$doc])* $name, $kind, $limit, $fits, $allowed);
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
    // Patient data: `Debug` hides it and there is no `Display`; use `as_str` where it must be read.
    ($(#[$doc:meta])* $name:ident, $kind:literal, $limit:literal, $fits:ident, $allowed:ident, redacted) => {
        id!(@type $(#[$doc])* $name, $kind, $limit, $fits, $allowed);
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(******)", stringify!($name))
            }
        }
    };
    (@type $(#[$doc:meta])* $name:ident, $kind:literal, $limit:literal, $fits:ident, $allowed:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(CompactString);
        impl $name {
            /// Parses the text.
            ///
            /// # Errors
            /// When it is empty, too long, or has a character that is not allowed.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check($kind, text, $limit, $fits, $allowed).map(Self)
            }
            /// The text as it was parsed.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// A member institution, for example `nagasaki-mc`. At most 40 characters of `a-z`, `0-9`, `-`.
    FacilityId, "facility_id", 40, slug, SLUG, shown
);
id!(
    /// A person who works at a facility, unique in the network. At most 64 visible ASCII characters.
    MemberId, "member_id", 64, token, TOKEN, shown
);
id!(
    /// A facility's own patient number. At most 64 bytes. Patient data.
    PatientNumber, "patient_number", 64, printable, PRINTABLE, redacted
);
id!(
    /// A record's stable id at its source. At most 128 visible ASCII characters.
    /// Sources build it from patient numbers (SS-MIX2 does), so it counts as patient data.
    RecordId, "record_id", 128, token, TOKEN, redacted
);
id!(
    /// An event's idempotency key at its source. At most 128 visible ASCII characters. May hold a patient number.
    EventId, "event_id", 128, token, TOKEN, redacted
);
id!(
    /// A consent's id, unique in the network. At most 64 visible ASCII characters.
    ConsentId, "consent_id", 64, token, TOKEN, shown
);
id!(
    /// A link's id, unique in the network. At most 64 visible ASCII characters.
    LinkId, "link_id", 64, token, TOKEN, shown
);
id!(
    /// A broken glass's id at the viewing facility. At most 64 visible ASCII characters.
    GlassId, "glass_id", 64, token, TOKEN, shown
);
id!(
    /// A referral's id at the sending facility. At most 64 visible ASCII characters.
    ReferralId, "referral_id", 64, token, TOKEN, shown
);
id!(
    /// An agreement's id at the viewing facility. At most 64 visible ASCII characters.
    AgreementId, "agreement_id", 64, token, TOKEN, shown
);
id!(
    /// A department code: SS-MIX2 unified code or the facility's own. At most 16 visible ASCII characters.
    DepartmentCode, "department", 16, token, TOKEN, shown
);

/// A patient as one facility knows them. There is no regional master number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatientRef {
    facility: FacilityId,
    number: PatientNumber,
}

impl PatientRef {
    /// The patient `number` of `facility`.
    pub fn new(facility: FacilityId, number: PatientNumber) -> Self {
        Self { facility, number }
    }
    /// The facility whose number it is.
    pub fn facility(&self) -> &FacilityId {
        &self.facility
    }
    /// That facility's own number. Patient data.
    pub fn number(&self) -> &PatientNumber {
        &self.number
    }
    /// The bytes that place this patient in a partition: the same for all of a patient ref's consents and records.
    pub fn partition_key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.facility.as_str().len() + 1 + self.number.as_str().len());
        key.extend_from_slice(self.facility.as_str().as_bytes());
        key.push(0);
        key.extend_from_slice(self.number.as_str().as_bytes());
        key
    }
}

impl fmt::Debug for PatientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PatientRef({}, ******)", self.facility)
    }
}

/// A record's identity in the network: its source and its id there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordRef {
    /// The facility that made the record.
    pub source: FacilityId,
    /// The record's id at that facility.
    pub id: RecordId,
}

impl RecordRef {
    /// A stable 128-bit digest (XXH3) of source and id, for indexes. Not a cryptographic commitment.
    pub fn digest(&self) -> u128 {
        digest(self.source.as_str(), self.id.as_str())
    }
}

pub(crate) fn digest(source: &str, id: &str) -> u128 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(source.as_bytes());
    hasher.update(&[0]);
    hasher.update(id.as_bytes());
    hasher.digest128()
}

/// A record's version, counted by its source from 1. A higher version supersedes a lower one, in any order of arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(u64);

impl Version {
    /// The first version of a record.
    pub const FIRST: Self = Self(1);
    /// A version, or `None` for 0.
    pub fn new(number: u64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }
    /// The number, from 1.
    pub fn get(self) -> u64 {
        self.0
    }
}
