//! Disclosure scope: the source facility's own matrix.

use crate::{CategorySet, DepartmentCode, FacilityId, FacilityKindSet, Labels, Moment, PatientRef, RoleSet};

/// How long a source keeps a record back before it is disclosed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum HoldBack {
    /// Not at all.
    #[default]
    None,
    /// Until so many days after it was recorded.
    Days(u16),
    /// Until the source releases it: one record by stating it again with the tag [`crate::Label::Released`], a patient's
    /// records by a [`Release`].
    UntilReleased,
}

/// A source releases what it holds of one patient under [`HoldBack::UntilReleased`]. It is not taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release {
    /// Whose records; the source is `patient.facility()`.
    pub patient: PatientRef,
    /// Which categories.
    pub categories: CategorySet,
    /// Records recorded up to and with this moment.
    pub recorded_until: Moment,
}

/// One cell group of the matrix. A record is in scope when at least one rule matches it on every column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeRule {
    /// Categories disclosed.
    pub categories: CategorySet,
    /// To which kinds of facility.
    pub viewer_kinds: FacilityKindSet,
    /// To which roles there.
    pub viewer_roles: RoleSet,
    /// Only these departments' records; empty means all.
    pub departments: Vec<DepartmentCode>,
    /// Only records written by these roles.
    pub author_roles: RoleSet,
    /// Sensitivity labels disclosed beyond normal records.
    pub labels: Labels,
    /// Only records that occurred from this moment on.
    pub since: Option<Moment>,
    /// How long each record is kept back.
    pub hold_back: HoldBack,
}

/// Who may break the glass over a source's patients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakGlassRule {
    /// At which kinds of facility.
    pub viewer_kinds: FacilityKindSet,
    /// In which roles there.
    pub viewer_roles: RoleSet,
}

/// What becomes of a consent that a representative signed for a minor when the patient comes of age.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum GuardianConsents {
    /// It goes on, flagged for a consent of the patient's own.
    #[default]
    GoOn,
    /// It opens nothing from the day the patient comes of age.
    Stop,
}

impl GuardianConsents {
    /// All, in order of the wire.
    pub const ALL: [Self; 2] = [Self::GoOn, Self::Stop];
    /// `go-on` or `stop`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::GoOn => "go-on",
            Self::Stop => "stop",
        }
    }
}

/// A source facility's whole scope. Stated again, it replaces the earlier one. No scope discloses nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisclosureScope {
    /// Whose scope.
    pub facility: FacilityId,
    /// Its rules; empty discloses nothing.
    pub rules: Vec<ScopeRule>,
    /// Who may break the glass over its patients; empty lets nobody.
    pub break_glass: Vec<BreakGlassRule>,
    /// What becomes of guardians' consents at majority.
    pub guardian_consents: GuardianConsents,
}

impl DisclosureScope {
    /// The scope of these rules: nobody may break the glass, guardians' consents go on.
    pub fn of(facility: FacilityId, rules: Vec<ScopeRule>) -> Self {
        Self { facility, rules, break_glass: Vec::new(), guardian_consents: GuardianConsents::GoOn }
    }
}
