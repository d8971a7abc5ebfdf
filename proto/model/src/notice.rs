//! Notices: what a facility, or a person there, is to be told, and when somebody has said that they were.

use crate::label::closed_set;
use crate::{FacilityId, IdError, MemberId, Position, PositionError};
use std::fmt;

closed_set! {
    /// What a notice is about.
    NoticeKind, NoticeKinds, u16, UnknownNoticeKind, "notice kind" {
        /// A glass was broken over one of the facility's patients.
        GlassBroken = "glass-broken",
        /// A broken glass was closed before its time, by the other side.
        GlassClosed = "glass-closed",
        /// A broken glass still waits for the facility's review.
        GlassUnreviewed = "glass-unreviewed",
        /// A consent under which the facility was shown something was withdrawn.
        ConsentWithdrawn = "consent-withdrawn",
        /// A patient for whom a representative signed has come of age: ask the patient.
        ReconsentDue = "reconsent-due",
        /// The receipt of a withdrawal at the facility can be given to the patient.
        ReceiptReady = "receipt-ready",
        /// A laboratory result that was shown was corrected, cancelled or taken back.
        ResultCorrected = "result-corrected",
        /// A laboratory result in the facility's view is critical.
        CriticalResult = "critical-result",
        /// Nobody has acknowledged a critical result in time.
        CriticalUnacknowledged = "critical-unacknowledged",
        /// A patient is referred to the facility.
        ReferralReceived = "referral-received",
        /// The other side of a referral has taken a step.
        ReferralTurned = "referral-turned",
    }
}

closed_set! {
    /// What was done about a critical result.
    CriticalAction, CriticalActions, u8, UnknownCriticalAction, "action" {
        /// The patient was seen.
        Seen = "seen",
        /// The patient was called and told to come.
        Called = "called",
        /// The treatment was begun or changed.
        Treated = "treated",
        /// The test was ordered again.
        Repeated = "repeated",
        /// The patient was sent to another facility.
        Referred = "referred",
        /// It was known or expected: nothing needs to be done.
        Expected = "expected",
    }
}

/// Why a text is not own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OwnWordsError {
    /// Too long.
    #[error("is longer than {} bytes", OwnWords::LONGEST)]
    Long,
    /// A control character.
    #[error("holds a control character: write one line")]
    Control,
}

/// One line of a person's own words; may be empty. It may be patient data.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct OwnWords(String);

impl OwnWords {
    /// The longest, in bytes.
    pub const LONGEST: usize = 500;
    /// Checks a text; white space around it is dropped.
    ///
    /// # Errors
    /// When it is too long or more than one line.
    pub fn parse(text: &str) -> Result<Self, OwnWordsError> {
        let text = text.trim();
        if text.len() > Self::LONGEST {
            Err(OwnWordsError::Long)
        } else if text.chars().any(char::is_control) {
            Err(OwnWordsError::Control)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
    /// What it says.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for OwnWords {
    type Err = OwnWordsError;
    fn from_str(text: &str) -> Result<Self, OwnWordsError> {
        Self::parse(text)
    }
}

// Redacted: people write what they see.
impl fmt::Debug for OwnWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnWords(******)")
    }
}

/// Why a text is not a notice's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeIdError {
    /// Too few parts.
    #[error("write `kind/partition:offset/facility` or `kind/partition:offset/facility/member`")]
    Parts,
    /// The kind.
    #[error(transparent)]
    Kind(#[from] UnknownNoticeKind),
    /// The position.
    #[error(transparent)]
    Position(#[from] PositionError),
    /// The facility or the member.
    #[error(transparent)]
    Id(#[from] IdError),
}

/// A notice's id: what it is about, the place in the log of what caused it, and to whom it goes. It is a function of the
/// log, so that every node gives the same notice the same id. Written `glass-broken/3:1842/nagasaki-mc`, with a member
/// where it goes to a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NoticeId {
    /// What it is about.
    pub kind: NoticeKind,
    /// The letter that caused it.
    pub cause: Position,
    /// The facility it goes to.
    pub facility: FacilityId,
    /// The person it goes to; `None` for everybody there whom it concerns.
    pub member: Option<MemberId>,
}

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, cause, facility, member } = self;
        write!(f, "{kind}/{cause}/{facility}")?;
        member.as_ref().map_or(Ok(()), |member| write!(f, "/{member}"))
    }
}

impl std::str::FromStr for NoticeId {
    type Err = NoticeIdError;
    fn from_str(text: &str) -> Result<Self, NoticeIdError> {
        // A member's id may hold a slash; what stands before it may not.
        let mut parts = text.splitn(4, '/');
        let mut next = || parts.next().ok_or(NoticeIdError::Parts);
        let (kind, cause, facility) = (next()?.parse()?, next()?.parse()?, FacilityId::parse(next()?)?);
        let member = parts.next().map(MemberId::parse).transpose()?;
        Ok(Self { kind, cause, facility, member })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_is_read_as_it_is_written(
            kind in prop::sample::select(NoticeKind::ALL), partition in any::<u32>(), offset in any::<u64>(),
            facility in "[a-z0-9-]{1,40}", member in prop::option::of("[!-~]{1,64}"),
        ) {
            let facility = FacilityId::parse(&facility).unwrap();
            let member = member.map(|member| MemberId::parse(&member).unwrap());
            let id = NoticeId { kind, cause: Position::new(partition, offset), facility, member };
            prop_assert_eq!(id.to_string().parse::<NoticeId>(), Ok(id));
        }

        #[test]
        fn any_text_is_an_id_or_a_refusal(text in ".{0,80}") {
            if let Ok(id) = text.parse::<NoticeId>() {
                prop_assert_eq!(id.to_string().parse::<NoticeId>(), Ok(id));
            }
        }
    }

    #[test]
    fn a_remark_is_one_short_line_and_is_not_shown_in_debug() {
        let remark = OwnWords::parse(" 再検を依頼 ").unwrap();
        assert_eq!((remark.as_str(), format!("{remark:?}").as_str()), ("再検を依頼", "OwnWords(******)"));
        assert_eq!(OwnWords::parse("a\nb"), Err(OwnWordsError::Control));
        assert_eq!(OwnWords::parse(&"x".repeat(501)), Err(OwnWordsError::Long));
        assert_eq!(OwnWords::parse("").unwrap(), OwnWords::default());
    }

    #[test]
    fn what_is_missing_or_unknown_is_refused() {
        assert_eq!("glass-broken/3:1".parse::<NoticeId>(), Err(NoticeIdError::Parts));
        assert!(matches!("glass/3:1/nmc".parse::<NoticeId>(), Err(NoticeIdError::Kind(_))));
        assert!(matches!("glass-broken/3/nmc".parse::<NoticeId>(), Err(NoticeIdError::Position(_))));
        assert!(matches!("glass-broken/3:1/NMC".parse::<NoticeId>(), Err(NoticeIdError::Id(_))));
    }
}
