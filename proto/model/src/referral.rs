//! Referrals: one facility sends a patient to another, and what becomes of it.

use crate::label::closed_set;
use crate::{ConsentId, FacilityId, MemberId, Moment, OwnWords, PatientRef, ReferralId};
use std::fmt;

closed_set! {
    /// What a referral asks for.
    ReferralKind, ReferralKinds, u8, UnknownReferralKind, "referral" {
        /// 紹介: another facility's examination or treatment.
        Refer = "refer",
        /// 逆紹介: care goes back to the facility that referred.
        ReferBack = "refer-back",
        /// 搬送: the patient is on the way, as with 母体搬送.
        Transfer = "transfer",
    }
}

closed_set! {
    /// What became of a referral.
    ReferralStep, ReferralSteps, u8, UnknownReferralStep, "step of a referral" {
        /// The receiving facility takes the patient.
        Accepted = "accepted",
        /// It does not.
        Declined = "declined",
        /// The patient has left the sending facility.
        Departed = "departed",
        /// The patient has come to the receiving facility.
        Arrived = "arrived",
        /// The receiving facility says how it ended.
        Completed = "completed",
        /// The sending facility takes the referral back.
        Cancelled = "cancelled",
        /// The sending facility has read the outcome; what the referral opened is closed.
        Closed = "closed",
    }
}

impl ReferralStep {
    /// Whether the receiving facility takes this step; the others are the sending one's.
    pub const fn is_receivers(self) -> bool {
        matches!(self, Self::Accepted | Self::Declined | Self::Arrived | Self::Completed)
    }
    /// Whether this step may follow another; `None` is a referral that was only sent.
    pub const fn may_follow(self, before: Option<Self>) -> bool {
        match before {
            None => matches!(self, Self::Accepted | Self::Declined | Self::Cancelled),
            Some(Self::Accepted) => matches!(self, Self::Departed | Self::Arrived | Self::Cancelled),
            Some(Self::Departed) => matches!(self, Self::Arrived | Self::Cancelled),
            Some(Self::Arrived) => matches!(self, Self::Completed),
            Some(Self::Declined | Self::Completed) => matches!(self, Self::Closed),
            Some(Self::Cancelled | Self::Closed) => false,
        }
    }
}

/// Why something is no referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferralError {
    /// A facility cannot refer to itself.
    #[error("must be another facility than the patient's")]
    ToItself,
    /// No reason, or too long a one.
    #[error("must have 1 to {most} bytes of text", most = Referral::LONGEST_REASON)]
    Reason,
    /// Control characters other than tabs and ends of lines.
    #[error("has a control character")]
    Control,
}

/// A facility's request that another see, take back or take over one of its patients.
///
/// It opens nothing by itself: the receiving facility is shown it as it would be shown a message of the patient's record, and
/// what it may read is what a consent opens.
///
/// INVARIANT: the receiving facility is not the patient's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Referral {
    /// Its id, one per sending facility and patient ref.
    pub id: ReferralId,
    patient: PatientRef,
    to: FacilityId,
    /// What it asks for.
    pub kind: ReferralKind,
    reason: String,
    /// Which referral of the receiving facility it answers, for one that sends back.
    pub answers: Option<ReferralId>,
    /// The consent that was stated for it; closing the referral withdraws it.
    pub opens: Option<ConsentId>,
    /// Who refers.
    pub by: MemberId,
    /// When.
    pub at: Moment,
}

impl Referral {
    /// At most so many bytes of reason.
    pub const LONGEST_REASON: usize = 8000;

    /// A referral that answers none and for which no consent was stated.
    ///
    /// # Errors
    /// When it goes to the patient's own facility, or the reason is no text of the right length.
    pub fn new(
        id: ReferralId,
        (patient, to): (PatientRef, FacilityId),
        kind: ReferralKind,
        reason: String,
        (by, at): (MemberId, Moment),
    ) -> Result<Self, ReferralError> {
        if *patient.facility() == to {
            return Err(ReferralError::ToItself);
        }
        if reason.trim().is_empty() || reason.len() > Self::LONGEST_REASON {
            return Err(ReferralError::Reason);
        }
        if reason.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(ReferralError::Control);
        }
        Ok(Self { id, patient, to, kind, reason, answers: None, opens: None, by, at })
    }

    /// The patient, as the sending facility knows them.
    pub fn patient(&self) -> &PatientRef {
        &self.patient
    }
    /// The sending facility.
    pub fn from(&self) -> &FacilityId {
        self.patient.facility()
    }
    /// The receiving facility.
    pub fn to(&self) -> &FacilityId {
        &self.to
    }
    /// Why, in words. Patient data.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

// Redacted: it says why a patient is ill.
impl fmt::Debug for Referral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Referral({}, {}, {} to {}, ******)", self.id, self.kind, self.from(), self.to)
    }
}

/// One step of a referral.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReferralTurn {
    /// Which referral.
    pub id: ReferralId,
    /// The patient, as the sending facility knows them.
    pub patient: PatientRef,
    /// The receiving facility.
    pub to: FacilityId,
    /// What happened.
    pub step: ReferralStep,
    /// Who says so.
    pub by: MemberId,
    /// When.
    pub at: Moment,
    /// In their own words; may be empty.
    pub words: OwnWords,
}

impl ReferralTurn {
    /// The facility whose step it is.
    pub fn facility(&self) -> &FacilityId {
        if self.step.is_receivers() { &self.to } else { self.patient.facility() }
    }
}

/// What is said of a referral. It lies in the partition of the patient, as the sending facility knows them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReferralChange {
    /// It is sent.
    Sent(Referral),
    /// A step.
    Turned(ReferralTurn),
}

impl ReferralChange {
    /// The patient.
    pub fn patient(&self) -> &PatientRef {
        match self {
            Self::Sent(referral) => referral.patient(),
            Self::Turned(turn) => &turn.patient,
        }
    }
    /// The referral's id.
    pub fn id(&self) -> &ReferralId {
        match self {
            Self::Sent(referral) => &referral.id,
            Self::Turned(turn) => &turn.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PatientNumber;

    fn referral(to: &str, reason: &str) -> Result<Referral, ReferralError> {
        let patient = PatientRef::new(FacilityId::parse("clinic").unwrap(), PatientNumber::parse("12").unwrap());
        let (to, by) = (FacilityId::parse(to).unwrap(), MemberId::parse("m-1").unwrap());
        let at = Moment::parse("2026-11-23T00:00:00Z").unwrap();
        Referral::new(
            ReferralId::parse("r-1").unwrap(),
            (patient, to),
            ReferralKind::Refer,
            reason.to_owned(),
            (by, at),
        )
    }

    #[test]
    fn a_referral_goes_elsewhere_and_says_why() {
        assert!(referral("centre", "妊娠28週、血圧 168/112").is_ok());
        assert_eq!(referral("clinic", "x"), Err(ReferralError::ToItself));
        assert_eq!(referral("centre", " \n"), Err(ReferralError::Reason));
        assert_eq!(referral("centre", &"x".repeat(8001)), Err(ReferralError::Reason));
        assert_eq!(referral("centre", "a\u{7}"), Err(ReferralError::Control));
        let shown = format!("{:?}", referral("centre", "秘密").unwrap());
        assert!(!shown.contains("秘密") && !shown.contains("12"), "{shown}");
    }

    #[test]
    fn every_course_ends_and_nothing_follows_its_end() {
        let mut courses = vec![vec![]];
        let mut ended = 0;
        while let Some(course) = courses.pop() {
            let last: Option<ReferralStep> = course.last().copied();
            let next: Vec<_> = ReferralStep::ALL.iter().copied().filter(|step| step.may_follow(last)).collect();
            if next.is_empty() {
                assert!(matches!(last, Some(ReferralStep::Cancelled | ReferralStep::Closed)), "{course:?}");
                ended += 1;
            }
            assert!(course.len() < 6, "{course:?}");
            courses.extend(next.into_iter().map(|step| [course.as_slice(), &[step]].concat()));
        }
        assert_eq!(ended, 6, "declined; cancelled at three places; by ambulance or not");
    }
}
