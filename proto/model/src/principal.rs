//! Who is asking.

use crate::{FacilityId, MemberId, Purpose, Role};

/// An authenticated caller: a person with a token, or a facility's system with a certificate.
///
/// One session has one principal. There is no anonymous one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Principal {
    /// For which facility they act. A session shows this facility's view and no other.
    pub facility: FacilityId,
    /// The person; `None` for a system.
    pub member: Option<MemberId>,
    /// What they do there.
    pub role: Role,
    /// Why they ask.
    pub purpose: Purpose,
}

impl Principal {
    /// Whether they may change the directory for facilities other than their own.
    pub fn is_administrator(&self) -> bool {
        self.role == Role::Administrator
    }
}
