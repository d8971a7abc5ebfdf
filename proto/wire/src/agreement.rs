//! Viewers' agreements and kinships.

use crate::consent::ids;
use crate::error::{At, Rule, WireError};
use crate::v1;
use crate::vocabulary::{moment, patient, period, period_out};
use model::{
    AgreementEnd, AgreementId, FacilityId, FetusNumber, Kinship, KinshipEnd, LinkId, MemberId, ViewerAgreement,
};

impl TryFrom<v1::ViewerAgreement> for ViewerAgreement {
    type Error = WireError;
    fn try_from(wire: v1::ViewerAgreement) -> Result<Self, WireError> {
        let v1::ViewerAgreement { id, facility, source, members, period: holds } = wire;
        if facility == source {
            return Err(WireError::new("source", Rule::OwnAgreement));
        }
        Ok(Self {
            id: AgreementId::parse(&id).at("id")?,
            facility: FacilityId::parse(&facility).at("facility")?,
            source: FacilityId::parse(&source).at("source")?,
            members: ids("members", &members, MemberId::parse)?,
            period: period("period", holds)?,
        })
    }
}

impl TryFrom<v1::AgreementEnd> for AgreementEnd {
    type Error = WireError;
    fn try_from(wire: v1::AgreementEnd) -> Result<Self, WireError> {
        let v1::AgreementEnd { id, facility, at_us } = wire;
        Ok(Self {
            id: AgreementId::parse(&id).at("id")?,
            facility: FacilityId::parse(&facility).at("facility")?,
            at: moment("at_us", at_us)?,
        })
    }
}

impl TryFrom<v1::Kinship> for Kinship {
    type Error = WireError;
    fn try_from(wire: v1::Kinship) -> Result<Self, WireError> {
        let v1::Kinship { id, mother, newborn, stated_by, stated_us, fetus } = wire;
        let mut kinship = Self::new(
            LinkId::parse(&id).at("id")?,
            patient("mother", mother)?,
            patient("newborn", newborn)?,
            MemberId::parse(&stated_by).at("stated_by")?,
            moment("stated_us", stated_us)?,
        )
        .at("newborn")?;
        kinship.fetus = (fetus != 0).then(|| FetusNumber::new(fetus)).transpose().at("fetus")?;
        Ok(kinship)
    }
}

impl TryFrom<v1::KinshipEnd> for KinshipEnd {
    type Error = WireError;
    fn try_from(wire: v1::KinshipEnd) -> Result<Self, WireError> {
        let v1::KinshipEnd { id, mother, by, at_us } = wire;
        Ok(Self {
            id: LinkId::parse(&id).at("id")?,
            mother: patient("mother", mother)?,
            by: MemberId::parse(&by).at("by")?,
            at: moment("at_us", at_us)?,
        })
    }
}

impl From<&ViewerAgreement> for v1::ViewerAgreement {
    fn from(agreement: &ViewerAgreement) -> Self {
        let ViewerAgreement { id, facility, source, members, period } = agreement;
        Self {
            id: id.as_str().to_owned(),
            facility: facility.as_str().to_owned(),
            source: source.as_str().to_owned(),
            members: members.iter().map(|id| id.as_str().to_owned()).collect(),
            period: period_out(*period),
        }
    }
}

impl From<&AgreementEnd> for v1::AgreementEnd {
    fn from(end: &AgreementEnd) -> Self {
        let AgreementEnd { id, facility, at } = end;
        Self { id: id.as_str().to_owned(), facility: facility.as_str().to_owned(), at_us: Some(at.micros()) }
    }
}

impl From<&Kinship> for v1::Kinship {
    fn from(kinship: &Kinship) -> Self {
        Self {
            id: kinship.id.as_str().to_owned(),
            mother: Some(kinship.mother().into()),
            newborn: Some(kinship.newborn().into()),
            stated_by: kinship.stated_by.as_str().to_owned(),
            stated_us: Some(kinship.stated_at.micros()),
            fetus: kinship.fetus.map_or(0, |fetus| u32::from(fetus.get())),
        }
    }
}

impl From<&KinshipEnd> for v1::KinshipEnd {
    fn from(end: &KinshipEnd) -> Self {
        let KinshipEnd { id, mother, by, at } = end;
        Self {
            id: id.as_str().to_owned(),
            mother: Some(mother.into()),
            by: by.as_str().to_owned(),
            at_us: Some(at.micros()),
        }
    }
}
