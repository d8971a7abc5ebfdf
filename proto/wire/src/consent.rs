//! Consents and withdrawals.

use crate::error::{At, Rule, WireError, Within, required};
use crate::v1;
use crate::vocabulary::{Vocabulary, entries, moment, numbers, patient, period, period_out};
use model::{
    Category, Consent, ConsentChange, ConsentId, ConsentState, DepartmentCode, FacilityId, IdError, Label, MemberId,
    Purpose, Signer, Viewers, Withdrawal,
};

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
        } = wire;
        if !form_digest.is_empty() && !is_sha256(&form_digest) {
            return Err(WireError::new("form_digest", Rule::Digest));
        }
        Ok(Self {
            id: ConsentId::parse(&id).at("id")?,
            patient: patient("patient", patient_ref)?,
            viewers: Viewers::try_from(required("viewers", viewers)?).within("viewers")?,
            state: ConsentState::from_number(state).at("state")?,
            period: period("period", in_force)?,
            data_period: period("data_period", data_period)?,
            categories: entries::<Category, _>("categories", &categories)?,
            departments: ids("departments", &departments, DepartmentCode::parse)?,
            labels: entries::<Label, _>("labels", &labels)?,
            purposes: entries::<Purpose, _>("purposes", &purposes)?,
            signer: Signer::from_number(signer).at("signer")?,
            taken_by: FacilityId::parse(&taken_by).at("taken_by")?,
            signed_at: moment("signed_us", signed_us)?,
            form_digest,
        })
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
            period,
            data_period,
            categories,
            departments,
            labels,
            purposes,
            signer,
            taken_by,
            signed_at,
            form_digest,
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
        }
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
