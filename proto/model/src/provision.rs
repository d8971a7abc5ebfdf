//! Exceptions to a consent: what it does not open though it would, and exceptions to that.

use crate::{CategorySet, DepartmentCode, Labels, Period, PurposeSet, RoleSet, Viewers};

/// Whether a provision opens or closes what it matches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProvisionKind {
    /// It opens it again.
    Permit,
    /// It closes it.
    Deny,
}

impl ProvisionKind {
    /// All, in order of the wire.
    pub const ALL: [Self; 2] = [Self::Permit, Self::Deny];
    /// `permit` or `deny`, as in FHIR.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
        }
    }
    /// The kind of this one's exceptions.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Permit => Self::Deny,
            Self::Deny => Self::Permit,
        }
    }
}

/// One exception, after FHIR R4 `Consent.provision`.
///
/// It matches when every criterion matches; an absent one (`None`, an empty list or set, [`Period::ALWAYS`]) matches all,
/// and of several values in one criterion any will do. Where it matches it overrides what it is an exception to, unless
/// one of its own exceptions matches in turn. Of siblings that match and disagree, deny wins.
///
/// What is not known counts against opening. A machine stands for everybody at its facility, a record without a
/// department for every department, an author role `system` for every author: a deny matches them when it could, a
/// permit only when it must.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Provision {
    /// Whether it opens or closes. The opposite of what it is an exception to.
    pub kind: ProvisionKind,
    /// For which viewers.
    pub viewers: Option<Viewers>,
    /// For which roles of the viewer.
    pub roles: RoleSet,
    /// For which purposes.
    pub purposes: PurposeSet,
    /// Which categories of records.
    pub categories: CategorySet,
    /// Which departments' records.
    pub departments: Vec<DepartmentCode>,
    /// Records written by these roles.
    pub author_roles: RoleSet,
    /// Records that carry at least one of these labels.
    pub labels: Labels,
    /// Records that occurred in this period.
    pub data_period: Period,
    /// When the exception is in force.
    pub period: Period,
    /// Its own exceptions, of the opposite kind.
    pub nested: Vec<Provision>,
}

impl Provision {
    /// A provision that matches everything and has no exceptions.
    pub fn all(kind: ProvisionKind) -> Self {
        Self {
            kind,
            viewers: None,
            roles: RoleSet::NONE,
            purposes: PurposeSet::NONE,
            categories: CategorySet::NONE,
            departments: Vec::new(),
            author_roles: RoleSet::NONE,
            labels: Labels::NONE,
            data_period: Period::ALWAYS,
            period: Period::ALWAYS,
            nested: Vec::new(),
        }
    }
}

/// Why provisions are not the exceptions of a consent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExceptionsError {
    /// A provision of the kind of the one it is an exception to.
    #[error("a provision inside a `{outer}` must be a `{}`", .outer_opposite)]
    SameKind {
        /// The code of what it is an exception to.
        outer: &'static str,
        /// The code it should have.
        outer_opposite: &'static str,
    },
    /// Nested too deep.
    #[error("provisions are nested deeper than {} levels", Exceptions::DEPTH)]
    TooDeep,
    /// Too many.
    #[error("has more than {} provisions, the nested ones counted", Exceptions::COUNT)]
    TooMany,
    /// A list of viewers that names nobody.
    #[error("a provision's viewers name nobody; leave them out to mean everybody")]
    NoViewers,
}

/// The exceptions of a consent: a tree of provisions, the outermost of them `deny`, since a consent permits.
///
/// INVARIANT: kinds alternate, at most [`Exceptions::DEPTH`] levels, at most [`Exceptions::COUNT`] provisions.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Exceptions(Vec<Provision>);

impl Exceptions {
    /// How deep provisions may be nested.
    pub const DEPTH: usize = 8;
    /// How many provisions there may be, the nested ones counted.
    pub const COUNT: usize = 64;

    /// The exceptions of these provisions.
    ///
    /// # Errors
    /// When kinds do not alternate beginning with `deny`, or there are too many levels or provisions.
    pub fn new(provisions: Vec<Provision>) -> Result<Self, ExceptionsError> {
        let mut left = Self::COUNT;
        check(&provisions, ProvisionKind::Permit, Self::DEPTH, &mut left)?;
        Ok(Self(provisions))
    }
    /// No exceptions.
    pub const fn none() -> Self {
        Self(Vec::new())
    }
    /// The outermost provisions.
    pub fn provisions(&self) -> &[Provision] {
        &self.0
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn check(
    provisions: &[Provision],
    outer: ProvisionKind,
    levels: usize,
    left: &mut usize,
) -> Result<(), ExceptionsError> {
    if provisions.is_empty() {
        return Ok(());
    }
    let levels = levels.checked_sub(1).ok_or(ExceptionsError::TooDeep)?;
    for provision in provisions {
        *left = left.checked_sub(1).ok_or(ExceptionsError::TooMany)?;
        if provision.kind == outer {
            let (outer, outer_opposite) = (outer.code(), outer.opposite().code());
            return Err(ExceptionsError::SameKind { outer, outer_opposite });
        }
        let nobody = match &provision.viewers {
            Some(Viewers::Facilities(ids)) => ids.is_empty(),
            Some(Viewers::Practitioners(ids)) => ids.is_empty(),
            Some(Viewers::AllMembers) | None => false,
        };
        if nobody {
            return Err(ExceptionsError::NoViewers);
        }
        check(&provision.nested, provision.kind, levels, left)?;
    }
    Ok(())
}
