//! Breaking the glass: an emergency in which a member sees without consent, for a short time, and is asked about it.

use crate::label::closed_set;
use crate::{FacilityId, GlassId, MemberId, Moment, PatientRef, Role};

/// Why the parts of a broken glass do not make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BreakGlassError {
    /// No reason.
    #[error("the reason is empty: say why the patient's consent cannot be waited for")]
    NoReason,
    /// Too long a reason.
    #[error("the reason is longer than {} bytes", BreakGlass::REASON)]
    LongReason,
    /// Ends before it begins.
    #[error("ends before it begins")]
    Backwards,
    /// Too long.
    #[error("lasts longer than 24 hours; break it again if the emergency lasts")]
    TooLong,
    /// The facility is the patient ref's own.
    #[error("the viewing facility is the patient ref's own, which sees its own records anyway")]
    Own,
}

/// A member of a viewing facility has broken the glass over one source's patient: with purpose `BTG`, and for that member
/// alone, consent is bypassed. The source's scope still holds, and must have named the role beforehand.
///
/// INVARIANT: the reason is not empty; it ends at most 24 hours after it begins; facility and source differ.
#[derive(Clone, PartialEq, Eq)]
pub struct BreakGlass {
    /// Its id, one per viewing facility and patient ref.
    pub id: GlassId,
    /// The viewing facility.
    pub facility: FacilityId,
    /// Who broke it.
    pub member: MemberId,
    /// In which role.
    pub role: Role,
    /// The patient, as the source knows them.
    pub patient: PatientRef,
    reason: String,
    from: Moment,
    until: Moment,
}

impl BreakGlass {
    /// The longest time a glass stays broken, in microseconds: 24 hours.
    pub const LONGEST: i64 = 24 * 3_600_000_000;
    /// The longest reason, in bytes.
    pub const REASON: usize = 2_000;

    /// Checks the reason and the time.
    ///
    /// # Errors
    /// When there is no reason, or it is to last longer than 24 hours.
    #[expect(clippy::too_many_arguments, reason = "the fields of the .proto, in their order; all typed apart")]
    pub fn new(
        id: GlassId,
        facility: FacilityId,
        member: MemberId,
        role: Role,
        patient: PatientRef,
        reason: String,
        from: Moment,
        until: Moment,
    ) -> Result<Self, BreakGlassError> {
        if reason.trim().is_empty() {
            Err(BreakGlassError::NoReason)
        } else if reason.len() > Self::REASON {
            Err(BreakGlassError::LongReason)
        } else if until < from {
            Err(BreakGlassError::Backwards)
        } else if until.since(from) > Self::LONGEST {
            Err(BreakGlassError::TooLong)
        } else if *patient.facility() == facility {
            Err(BreakGlassError::Own)
        } else {
            Ok(Self { id, facility, member, role, patient, reason, from, until })
        }
    }
    /// Why. May be patient data.
    pub fn reason(&self) -> &str {
        &self.reason
    }
    /// From when.
    pub fn from(&self) -> Moment {
        self.from
    }
    /// Until before when.
    pub fn until(&self) -> Moment {
        self.until
    }
}

impl std::fmt::Debug for BreakGlass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BreakGlass")
            .field("id", &self.id)
            .field("facility", &self.facility)
            .field("member", &self.member)
            .field("role", &self.role)
            .field("patient", &self.patient)
            .field("from", &self.from)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Closes a broken glass before its time. It is final for that id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BreakGlassEnd {
    /// Which.
    pub id: GlassId,
    /// The viewing facility that broke it.
    pub facility: FacilityId,
    /// The patient, as the source knows them.
    pub patient: PatientRef,
    /// When; it takes effect at its position in the log, whatever this says.
    pub at: Moment,
}

closed_set! {
    /// What a review found.
    ReviewOutcome, ReviewOutcomes, u8, UnknownReviewOutcome, "review outcome" {
        /// It was an emergency.
        Justified = "justified",
        /// It was not; the glass is closed at once, if it still stands.
        Unjustified = "unjustified",
    }
}

/// The source's review of a broken glass. Each is to have one.
#[derive(Clone, PartialEq, Eq)]
pub struct BreakGlassReview {
    /// Which.
    pub id: GlassId,
    /// The viewing facility that broke it.
    pub facility: FacilityId,
    /// The patient, as the source knows them.
    pub patient: PatientRef,
    /// Who reviewed it, at the source.
    pub reviewer: MemberId,
    /// What they found.
    pub outcome: ReviewOutcome,
    /// In words; may be patient data.
    pub text: String,
    /// When.
    pub at: Moment,
}

impl std::fmt::Debug for BreakGlassReview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BreakGlassReview")
            .field("id", &self.id)
            .field("facility", &self.facility)
            .field("patient", &self.patient)
            .field("reviewer", &self.reviewer)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
