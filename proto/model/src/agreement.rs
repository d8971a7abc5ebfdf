//! What a viewing facility agrees to beforehand, so that a disclosing one may take consents in its stead.

use crate::{AgreementId, FacilityId, MemberId, Moment, Period};

/// A viewing facility's prior agreement to be named in consents that `source` takes (代行同意). Stated again under the same
/// id by the same facility, it replaces the earlier statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ViewerAgreement {
    /// Its id, one per viewing facility.
    pub id: AgreementId,
    /// The viewing facility, which states it.
    pub facility: FacilityId,
    /// The disclosing facility that takes the consents.
    pub source: FacilityId,
    /// The members it agrees for; empty means the whole facility, its machines too.
    pub members: Vec<MemberId>,
    /// When it holds.
    pub period: Period,
}

/// Takes an agreement back. It is final for that id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgreementEnd {
    /// Which.
    pub id: AgreementId,
    /// The viewing facility that stated it.
    pub facility: FacilityId,
    /// When; it takes effect at its position in the log, whatever this says.
    pub at: Moment,
}

/// A change of agreements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AgreementChange {
    /// An agreement is stated or stated again.
    Stated(ViewerAgreement),
    /// An agreement is taken back.
    Ended(AgreementEnd),
}

impl AgreementChange {
    /// The viewing facility whose agreement it is.
    pub fn facility(&self) -> &FacilityId {
        match self {
            Self::Stated(agreement) => &agreement.facility,
            Self::Ended(end) => &end.facility,
        }
    }
}
