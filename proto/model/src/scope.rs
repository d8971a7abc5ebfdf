//! Disclosure scope: the source facility's own matrix.

use crate::{CategorySet, DepartmentCode, FacilityId, FacilityKindSet, Labels, Moment, RoleSet};

/// How long a source keeps a record back before it is disclosed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum HoldBack {
    /// Not at all.
    #[default]
    None,
    /// Until so many days after it was recorded.
    Days(u16),
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

/// A source facility's whole scope. Stated again, it replaces the earlier one. No scope discloses nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisclosureScope {
    /// Whose scope.
    pub facility: FacilityId,
    /// Its rules; empty discloses nothing.
    pub rules: Vec<ScopeRule>,
}
