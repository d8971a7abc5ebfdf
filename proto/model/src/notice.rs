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
    fn what_is_missing_or_unknown_is_refused() {
        assert_eq!("glass-broken/3:1".parse::<NoticeId>(), Err(NoticeIdError::Parts));
        assert!(matches!("glass/3:1/nmc".parse::<NoticeId>(), Err(NoticeIdError::Kind(_))));
        assert!(matches!("glass-broken/3/nmc".parse::<NoticeId>(), Err(NoticeIdError::Position(_))));
        assert!(matches!("glass-broken/3:1/NMC".parse::<NoticeId>(), Err(NoticeIdError::Id(_))));
    }
}
