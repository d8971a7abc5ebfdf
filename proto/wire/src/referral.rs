//! Referrals and their steps.

use crate::error::{At, WireError, Within, required};
use crate::v1;
use crate::vocabulary::{Vocabulary, id_if, moment, patient};
use model::{
    ConsentId, FacilityId, MemberId, OwnWords, Referral, ReferralChange, ReferralError, ReferralId, ReferralKind,
    ReferralStep, ReferralTurn,
};

impl TryFrom<v1::Referral> for Referral {
    type Error = WireError;
    fn try_from(wire: v1::Referral) -> Result<Self, WireError> {
        let v1::Referral { id, patient: patient_ref, to, kind, reason, answers, opens, by, at_us } = wire;
        let ends = (patient("patient", patient_ref)?, FacilityId::parse(&to).at("to")?);
        let said = (MemberId::parse(&by).at("by")?, moment("at_us", at_us)?);
        let kind = ReferralKind::from_number(kind).at("kind")?;
        let referral = Self::new(ReferralId::parse(&id).at("id")?, ends, kind, reason, said);
        let mut referral = referral.map_err(|error| {
            let field = if error == ReferralError::ToItself { "to" } else { "reason" };
            WireError::new(field, error)
        })?;
        referral.answers = id_if("answers", &answers, ReferralId::parse)?;
        referral.opens = id_if("opens", &opens, ConsentId::parse)?;
        Ok(referral)
    }
}

impl TryFrom<v1::ReferralTurn> for ReferralTurn {
    type Error = WireError;
    fn try_from(wire: v1::ReferralTurn) -> Result<Self, WireError> {
        let v1::ReferralTurn { id, patient: patient_ref, to, step, by, at_us, words } = wire;
        Ok(Self {
            id: ReferralId::parse(&id).at("id")?,
            patient: patient("patient", patient_ref)?,
            to: FacilityId::parse(&to).at("to")?,
            step: ReferralStep::from_number(step).at("step")?,
            by: MemberId::parse(&by).at("by")?,
            at: moment("at_us", at_us)?,
            words: OwnWords::parse(&words).at("words")?,
        })
    }
}

impl TryFrom<v1::ReferralChange> for ReferralChange {
    type Error = WireError;
    fn try_from(wire: v1::ReferralChange) -> Result<Self, WireError> {
        use v1::referral_change::Kind;
        Ok(match required("kind", wire.kind)? {
            Kind::Sent(referral) => Self::Sent(referral.try_into().within("sent")?),
            Kind::Turned(turn) => Self::Turned(turn.try_into().within("turned")?),
        })
    }
}

impl From<&Referral> for v1::Referral {
    fn from(referral: &Referral) -> Self {
        let text = |id: Option<&str>| id.unwrap_or_default().to_owned();
        Self {
            id: referral.id.as_str().to_owned(),
            patient: Some(referral.patient().into()),
            to: referral.to().as_str().to_owned(),
            kind: referral.kind.number(),
            reason: referral.reason().to_owned(),
            answers: text(referral.answers.as_ref().map(ReferralId::as_str)),
            opens: text(referral.opens.as_ref().map(ConsentId::as_str)),
            by: referral.by.as_str().to_owned(),
            at_us: Some(referral.at.micros()),
        }
    }
}

impl From<&ReferralTurn> for v1::ReferralTurn {
    fn from(turn: &ReferralTurn) -> Self {
        let ReferralTurn { id, patient, to, step, by, at, words } = turn;
        Self {
            id: id.as_str().to_owned(),
            patient: Some(patient.into()),
            to: to.as_str().to_owned(),
            step: step.number(),
            by: by.as_str().to_owned(),
            at_us: Some(at.micros()),
            words: words.as_str().to_owned(),
        }
    }
}

impl From<&ReferralChange> for v1::ReferralChange {
    fn from(change: &ReferralChange) -> Self {
        use v1::referral_change::Kind;
        let kind = match change {
            ReferralChange::Sent(referral) => Kind::Sent(referral.into()),
            ReferralChange::Turned(turn) => Kind::Turned(turn.into()),
        };
        Self { kind: Some(kind) }
    }
}
