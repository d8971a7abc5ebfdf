//! Broken glasses, their ends and reviews; releases of what was held.

use crate::error::{At, WireError};
use crate::v1;
use crate::vocabulary::{Vocabulary, entries, moment, numbers, patient, text};
use model::{
    BreakGlass, BreakGlassEnd, BreakGlassError, BreakGlassReview, Category, FacilityId, GlassId, MemberId, Release,
    ReviewOutcome, Role,
};

impl TryFrom<v1::Release> for Release {
    type Error = WireError;
    fn try_from(wire: v1::Release) -> Result<Self, WireError> {
        let v1::Release { patient: patient_ref, categories, recorded_until_us } = wire;
        Ok(Self {
            patient: patient("patient", patient_ref)?,
            categories: entries::<Category, _>("categories", &categories)?,
            recorded_until: moment("recorded_until_us", recorded_until_us)?,
        })
    }
}

impl TryFrom<v1::BreakGlass> for BreakGlass {
    type Error = WireError;
    fn try_from(wire: v1::BreakGlass) -> Result<Self, WireError> {
        let v1::BreakGlass { id, facility, member, role, patient: patient_ref, reason, from_us, until_us } = wire;
        let glass = Self::new(
            GlassId::parse(&id).at("id")?,
            FacilityId::parse(&facility).at("facility")?,
            MemberId::parse(&member).at("member")?,
            Role::from_number(role).at("role")?,
            patient("patient", patient_ref)?,
            reason,
            moment("from_us", from_us)?,
            moment("until_us", until_us)?,
        );
        glass.map_err(|error| {
            let field = match error {
                BreakGlassError::NoReason | BreakGlassError::LongReason => "reason",
                BreakGlassError::Backwards | BreakGlassError::TooLong => "until_us",
                BreakGlassError::Own => "facility",
            };
            WireError::new(field, error)
        })
    }
}

impl TryFrom<v1::BreakGlassEnd> for BreakGlassEnd {
    type Error = WireError;
    fn try_from(wire: v1::BreakGlassEnd) -> Result<Self, WireError> {
        let v1::BreakGlassEnd { id, facility, patient: patient_ref, at_us } = wire;
        Ok(Self {
            id: GlassId::parse(&id).at("id")?,
            facility: FacilityId::parse(&facility).at("facility")?,
            patient: patient("patient", patient_ref)?,
            at: moment("at_us", at_us)?,
        })
    }
}

impl TryFrom<v1::BreakGlassReview> for BreakGlassReview {
    type Error = WireError;
    fn try_from(wire: v1::BreakGlassReview) -> Result<Self, WireError> {
        let v1::BreakGlassReview { id, facility, patient: patient_ref, reviewer, outcome, text: words, at_us } = wire;
        Ok(Self {
            id: GlassId::parse(&id).at("id")?,
            facility: FacilityId::parse(&facility).at("facility")?,
            patient: patient("patient", patient_ref)?,
            reviewer: MemberId::parse(&reviewer).at("reviewer")?,
            outcome: ReviewOutcome::from_number(outcome).at("outcome")?,
            text: text("text", words, BreakGlass::REASON)?,
            at: moment("at_us", at_us)?,
        })
    }
}

impl From<&Release> for v1::Release {
    fn from(release: &Release) -> Self {
        let Release { patient, categories, recorded_until } = release;
        Self {
            patient: Some(patient.into()),
            categories: numbers(categories.iter()),
            recorded_until_us: Some(recorded_until.micros()),
        }
    }
}

impl From<&BreakGlass> for v1::BreakGlass {
    fn from(glass: &BreakGlass) -> Self {
        let BreakGlass { id, facility, member, role, patient, .. } = glass;
        Self {
            id: id.as_str().to_owned(),
            facility: facility.as_str().to_owned(),
            member: member.as_str().to_owned(),
            role: role.number(),
            patient: Some(patient.into()),
            reason: glass.reason().to_owned(),
            from_us: Some(glass.from().micros()),
            until_us: Some(glass.until().micros()),
        }
    }
}

impl From<&BreakGlassEnd> for v1::BreakGlassEnd {
    fn from(end: &BreakGlassEnd) -> Self {
        let BreakGlassEnd { id, facility, patient, at } = end;
        Self {
            id: id.as_str().to_owned(),
            facility: facility.as_str().to_owned(),
            patient: Some(patient.into()),
            at_us: Some(at.micros()),
        }
    }
}

impl From<&BreakGlassReview> for v1::BreakGlassReview {
    fn from(review: &BreakGlassReview) -> Self {
        let BreakGlassReview { id, facility, patient, reviewer, outcome, text, at } = review;
        Self {
            id: id.as_str().to_owned(),
            facility: facility.as_str().to_owned(),
            patient: Some(patient.into()),
            reviewer: reviewer.as_str().to_owned(),
            outcome: outcome.number(),
            text: text.clone(),
            at_us: Some(at.micros()),
        }
    }
}
