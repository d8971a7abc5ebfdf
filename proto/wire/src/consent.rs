//! Consents and withdrawals.

use crate::error::{At, Rule, WireError, Within, required};
use crate::provision::{exceptions, exceptions_out};
use crate::v1;
use crate::vocabulary::{Vocabulary, date_if, entries, id_if, moment, numbers, patient, period, period_out, text};
use model::{
    Category, Consent, ConsentChange, ConsentId, ConsentState, DepartmentCode, Done, FacilityId, IdError, Label,
    MemberId, Moment, Paper, Purpose, Signer, Viewers, Withdrawal,
};

/// The longest relation of a representative, in bytes.
const RELATION: usize = 64;

/// The identifiers of a list.
pub(crate) fn ids<T>(
    field: &str,
    texts: &[String],
    parse: fn(&str) -> Result<T, IdError>,
) -> Result<Vec<T>, WireError> {
    texts
        .iter()
        .enumerate()
        .map(|(i, text)| parse(text).map_err(|error| WireError::new(format!("{field}[{i}]"), error)))
        .collect()
}

/// The identifiers of a list that names at least one.
fn some_ids<T>(field: &str, texts: &[String], parse: fn(&str) -> Result<T, IdError>) -> Result<Vec<T>, WireError> {
    if texts.is_empty() { Err(WireError::new(field, Rule::Required)) } else { ids(field, texts, parse) }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl TryFrom<v1::ConsentChange> for ConsentChange {
    type Error = WireError;
    fn try_from(wire: v1::ConsentChange) -> Result<Self, WireError> {
        let v1::ConsentChange { kind } = wire;
        Ok(match required("kind", kind)? {
            v1::consent_change::Kind::Given(consent) => Self::Given(Consent::try_from(*consent).within("given")?),
            v1::consent_change::Kind::Withdrawn(withdrawal) => {
                Self::Withdrawn(Withdrawal::try_from(withdrawal).within("withdrawn")?)
            }
            v1::consent_change::Kind::Released(release) => Self::Released(release.try_into().within("released")?),
            v1::consent_change::Kind::GlassBroken(glass) => Self::GlassBroken(glass.try_into().within("glass_broken")?),
            v1::consent_change::Kind::GlassClosed(end) => Self::GlassClosed(end.try_into().within("glass_closed")?),
            v1::consent_change::Kind::GlassReviewed(review) => {
                Self::GlassReviewed(review.try_into().within("glass_reviewed")?)
            }
        })
    }
}

impl TryFrom<v1::Consent> for Consent {
    type Error = WireError;
    fn try_from(wire: v1::Consent) -> Result<Self, WireError> {
        let v1::Consent {
            id,
            patient: patient_ref,
            viewers,
            state,
            period: in_force,
            data_period,
            categories,
            departments,
            labels,
            purposes,
            signer,
            taken_by,
            signed_us,
            form_digest,
            supersedes,
            exceptions: provisions,
            paper,
        } = wire;
        if !form_digest.is_empty() && !is_sha256(&form_digest) {
            return Err(WireError::new("form_digest", Rule::Digest));
        }
        if !supersedes.is_empty() && supersedes == id {
            return Err(WireError::new("supersedes", Rule::SameConsent));
        }
        let signer = Signer::from_number(signer).at("signer")?;
        let paper = paper.map(Paper::try_from).transpose().within("paper")?.unwrap_or_default();
        if signer == Signer::Patient && !paper.relation.is_empty() {
            return Err(WireError::new("paper.relation", Rule::RelationOfPatient));
        }
        Ok(Self {
            id: ConsentId::parse(&id).at("id")?,
            patient: patient("patient", patient_ref)?,
            viewers: Viewers::try_from(required("viewers", viewers)?).within("viewers")?,
            state: ConsentState::from_number(state).at("state")?,
            supersedes: id_if("supersedes", &supersedes, ConsentId::parse)?,
            period: period("period", in_force)?,
            data_period: period("data_period", data_period)?,
            categories: entries::<Category, _>("categories", &categories)?,
            departments: ids("departments", &departments, DepartmentCode::parse)?,
            labels: entries::<Label, _>("labels", &labels)?,
            purposes: entries::<Purpose, _>("purposes", &purposes)?,
            exceptions: exceptions("exceptions", provisions)?,
            signer,
            taken_by: FacilityId::parse(&taken_by).at("taken_by")?,
            signed_at: moment("signed_us", signed_us)?,
            form_digest,
            paper: Box::new(paper),
        })
    }
}

impl TryFrom<v1::Paper> for Paper {
    type Error = WireError;
    fn try_from(wire: v1::Paper) -> Result<Self, WireError> {
        let v1::Paper { relation, born, explainer, received, activated } = wire;
        Ok(Self {
            relation: text("relation", relation, RELATION)?,
            born: date_if("born", &born)?,
            explainer: id_if("explainer", &explainer, MemberId::parse)?,
            received: received.map(Done::try_from).transpose().within("received")?,
            activated: activated.map(Done::try_from).transpose().within("activated")?,
        })
    }
}

impl TryFrom<v1::Done> for Done {
    type Error = WireError;
    fn try_from(wire: v1::Done) -> Result<Self, WireError> {
        let v1::Done { by, at_us } = wire;
        Ok(Self { by: id_if("by", &by, MemberId::parse)?, at: moment("at_us", at_us)? })
    }
}

impl TryFrom<v1::Viewers> for Viewers {
    type Error = WireError;
    fn try_from(wire: v1::Viewers) -> Result<Self, WireError> {
        let v1::Viewers { kind } = wire;
        Ok(match required("kind", kind)? {
            v1::viewers::Kind::AllMembers(v1::AllMembers {}) => Self::AllMembers,
            v1::viewers::Kind::Facilities(v1::FacilityList { ids }) => {
                Self::Facilities(some_ids("facilities.ids", &ids, FacilityId::parse)?)
            }
            v1::viewers::Kind::Practitioners(v1::MemberList { ids }) => {
                Self::Practitioners(some_ids("practitioners.ids", &ids, MemberId::parse)?)
            }
        })
    }
}

impl TryFrom<v1::Withdrawal> for Withdrawal {
    type Error = WireError;
    fn try_from(wire: v1::Withdrawal) -> Result<Self, WireError> {
        let v1::Withdrawal { id, patient: patient_ref, withdrawn_us } = wire;
        Ok(Self {
            id: ConsentId::parse(&id).at("id")?,
            patient: patient("patient", patient_ref)?,
            withdrawn_at: moment("withdrawn_us", withdrawn_us)?,
        })
    }
}

impl From<&ConsentChange> for v1::ConsentChange {
    fn from(change: &ConsentChange) -> Self {
        let kind = match change {
            ConsentChange::Given(consent) => v1::consent_change::Kind::Given(Box::new(consent.into())),
            ConsentChange::Withdrawn(withdrawal) => v1::consent_change::Kind::Withdrawn(withdrawal.into()),
            ConsentChange::Released(release) => v1::consent_change::Kind::Released(release.into()),
            ConsentChange::GlassBroken(glass) => v1::consent_change::Kind::GlassBroken(glass.into()),
            ConsentChange::GlassClosed(end) => v1::consent_change::Kind::GlassClosed(end.into()),
            ConsentChange::GlassReviewed(review) => v1::consent_change::Kind::GlassReviewed(review.into()),
        };
        Self { kind: Some(kind) }
    }
}

impl From<&Consent> for v1::Consent {
    fn from(consent: &Consent) -> Self {
        let Consent {
            id,
            patient,
            viewers,
            state,
            supersedes,
            period,
            data_period,
            categories,
            departments,
            labels,
            purposes,
            exceptions,
            signer,
            taken_by,
            signed_at,
            form_digest,
            paper,
        } = consent;
        Self {
            id: id.as_str().to_owned(),
            patient: Some(patient.into()),
            viewers: Some(viewers.into()),
            state: state.number(),
            period: period_out(*period),
            data_period: period_out(*data_period),
            categories: numbers(categories.iter()),
            departments: departments.iter().map(|code| code.as_str().to_owned()).collect(),
            labels: numbers(labels.iter()),
            purposes: numbers(purposes.iter()),
            signer: signer.number(),
            taken_by: taken_by.as_str().to_owned(),
            signed_us: Some(signed_at.micros()),
            form_digest: form_digest.clone(),
            supersedes: supersedes.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default(),
            exceptions: exceptions_out(exceptions),
            // A paper that says nothing is left out.
            paper: (**paper != Paper::default()).then(|| paper.as_ref().into()),
        }
    }
}

impl From<&Paper> for v1::Paper {
    fn from(paper: &Paper) -> Self {
        let Paper { relation, born, explainer, received, activated } = paper;
        Self {
            relation: relation.clone(),
            born: born.map(|date| date.to_string()).unwrap_or_default(),
            explainer: explainer.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default(),
            received: received.as_ref().map(Into::into),
            activated: activated.as_ref().map(Into::into),
        }
    }
}

impl From<&Done> for v1::Done {
    fn from(done: &Done) -> Self {
        let Done { by, at } = done;
        Self { by: by.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default(), at_us: Some(Moment::micros(*at)) }
    }
}

impl From<&Viewers> for v1::Viewers {
    fn from(viewers: &Viewers) -> Self {
        let kind = match viewers {
            Viewers::AllMembers => v1::viewers::Kind::AllMembers(v1::AllMembers {}),
            Viewers::Facilities(ids) => {
                let ids = ids.iter().map(|id| id.as_str().to_owned()).collect();
                v1::viewers::Kind::Facilities(v1::FacilityList { ids })
            }
            Viewers::Practitioners(ids) => {
                let ids = ids.iter().map(|id| id.as_str().to_owned()).collect();
                v1::viewers::Kind::Practitioners(v1::MemberList { ids })
            }
        };
        Self { kind: Some(kind) }
    }
}

impl From<&Withdrawal> for v1::Withdrawal {
    fn from(withdrawal: &Withdrawal) -> Self {
        let Withdrawal { id, patient, withdrawn_at } = withdrawal;
        Self { id: id.as_str().to_owned(), patient: Some(patient.into()), withdrawn_us: Some(withdrawn_at.micros()) }
    }
}
