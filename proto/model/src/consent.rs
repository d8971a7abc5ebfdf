//! Consent: a patient's grant on an edge.

use crate::label::closed_set;
use crate::{CategorySet, ConsentId, DepartmentCode, FacilityId, Labels, MemberId, Moment, PatientRef, Period};

closed_set! {
    /// Why data is used (HL7 ActReason).
    Purpose, PurposeSet, u8, UnknownPurpose, "purpose" {
        /// Treatment.
        Treatment = "TREAT",
        /// Emergency treatment.
        EmergencyTreatment = "ETREAT",
        /// Break the glass.
        BreakGlass = "BTG",
        /// Healthcare operations.
        Operations = "HOPERAT",
        /// Research.
        Research = "HRESCH",
        /// Public health.
        PublicHealth = "PUBHLTH",
        /// At the patient's request.
        PatientRequest = "PATRQT",
    }
}

/// To whom a consent opens the source's data.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Viewers {
    /// All members of the network (一括同意), as the directory stands at each moment.
    AllMembers,
    /// The facilities named; one is the usual form.
    Facilities(Vec<FacilityId>),
    /// The practitioners named, each at the facility where the directory has them.
    Practitioners(Vec<MemberId>),
}

/// Who signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Signer {
    /// The patient.
    Patient,
    /// A legal representative (parent, guardian).
    Representative,
    /// Someone else on the patient's behalf.
    Agent,
}

impl Signer {
    /// All, in order of the wire.
    pub const ALL: [Self; 3] = [Self::Patient, Self::Representative, Self::Agent];
    /// `patient`, `representative` or `agent`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Representative => "representative",
            Self::Agent => "agent",
        }
    }
}

/// Where a consent stands. Only `Active` opens anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConsentState {
    /// Being written.
    Draft,
    /// Signed on paper.
    Signed,
    /// Received by the source facility.
    Received,
    /// In force, within its period.
    Active,
    /// Refused by the source facility.
    Rejected,
}

impl ConsentState {
    /// All, in order of the wire.
    pub const ALL: [Self; 5] = [Self::Draft, Self::Signed, Self::Received, Self::Active, Self::Rejected];
    /// The state's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Signed => "signed",
            Self::Received => "received",
            Self::Active => "active",
            Self::Rejected => "rejected",
        }
    }
}

/// A patient's grant. Stated again under the same id, it replaces the earlier statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// The patient, as the *disclosing* facility knows them; the edge begins at `patient.facility()`.
    pub patient: PatientRef,
    /// The edge's other end.
    pub viewers: Viewers,
    /// Where it stands.
    pub state: ConsentState,
    /// When it is in force.
    pub period: Period,
    /// Which data it opens, by the records' `occurred`.
    pub data_period: Period,
    /// Which categories it opens.
    pub categories: CategorySet,
    /// Which departments' records it opens; empty means all.
    pub departments: Vec<DepartmentCode>,
    /// Which sensitivity labels it opens beyond normal records.
    pub labels: Labels,
    /// For which purposes.
    pub purposes: PurposeSet,
    /// Who signed.
    pub signer: Signer,
    /// The facility that took the consent (the viewing side as a rule; the disclosing side in 代行同意).
    pub taken_by: FacilityId,
    /// When it was signed.
    pub signed_at: Moment,
    /// SHA-256 of the scanned form, in hex; empty where there is none.
    pub form_digest: String,
}

/// A patient's withdrawal. It is final for that consent id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withdrawal {
    /// Which consent.
    pub id: ConsentId,
    /// The patient it belongs to.
    pub patient: PatientRef,
    /// When the patient withdrew; it takes effect at its position in the log, whatever this says.
    pub withdrawn_at: Moment,
}

/// A change of a patient's consent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConsentChange {
    /// A consent is stated or stated again.
    Given(Consent),
    /// A consent is withdrawn.
    Withdrawn(Withdrawal),
}

impl ConsentChange {
    /// The patient whose consent it is.
    pub fn patient(&self) -> &PatientRef {
        match self {
            Self::Given(consent) => &consent.patient,
            Self::Withdrawn(withdrawal) => &withdrawal.patient,
        }
    }
}
