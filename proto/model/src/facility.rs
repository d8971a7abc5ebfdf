//! The directory: facilities and the people who work there.

use crate::label::closed_set;
use crate::{FacilityId, MemberId, Period};

closed_set! {
    /// What sort of institution a facility is.
    FacilityKind, FacilityKindSet, u8, UnknownFacilityKind, "facility kind" {
        /// 病院
        Hospital = "hospital",
        /// 診療所
        Clinic = "clinic",
        /// 薬局
        Pharmacy = "pharmacy",
        /// 訪問看護ステーション
        HomeNursing = "home-nursing",
        /// 検査センター
        Laboratory = "laboratory",
        /// 周産期母子医療センター
        PerinatalCentre = "perinatal-centre",
        /// 介護施設
        CareFacility = "care-facility",
    }
}

closed_set! {
    /// What a person does at a facility, and who wrote a record.
    Role, RoleSet, u16, UnknownRole, "role" {
        /// 医師
        Physician = "physician",
        /// 歯科医師
        Dentist = "dentist",
        /// 看護師
        Nurse = "nurse",
        /// 助産師
        Midwife = "midwife",
        /// 薬剤師
        Pharmacist = "pharmacist",
        /// 臨床検査技師
        LaboratoryStaff = "laboratory-staff",
        /// 訪問看護師・ケアマネジャー
        CareManager = "care-manager",
        /// 事務
        Clerk = "clerk",
        /// 監査: no clinical data.
        Auditor = "auditor",
        /// 管理者: runs the node, no clinical data.
        Administrator = "administrator",
        /// A facility's system, authenticated by its certificate.
        System = "system",
        /// The patient.
        Patient = "patient",
    }
}

/// Whether a facility takes part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FacilityStatus {
    /// Takes part.
    Active,
    /// Has left or is barred: discloses nothing and sees nothing.
    Inactive,
}

/// A member institution.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facility {
    /// Its id.
    pub id: FacilityId,
    /// Its kind.
    pub kind: FacilityKind,
    /// Its name in Japanese.
    pub name: String,
    /// Its name in English; may be empty.
    pub name_en: String,
    /// Whether it takes part.
    pub status: FacilityStatus,
}

/// A person who works at a facility.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The person's id in the network.
    pub id: MemberId,
    /// Where they work.
    pub facility: FacilityId,
    /// What they do there.
    pub role: Role,
    /// Their name as shown to patients and in the ledger.
    pub name: String,
    /// When the membership holds.
    pub period: Period,
}
