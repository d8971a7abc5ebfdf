//! What identity asks of the directory.

use model::{Moment, Principal};
use std::fmt;

/// The directory as identity needs it. The root implements it over the book of consents.
pub trait DirectoryCheck: Send + Sync + 'static {
    /// How the principal stands at the moment. A system (no member) stands as its facility does.
    fn standing(&self, principal: &Principal, moment: Moment) -> Standing;
}

/// How someone stands in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Facility active, member known there, in that role, at that moment.
    Good,
    /// No such facility.
    UnknownFacility,
    /// It has left or is barred.
    InactiveFacility,
    /// No such member at that facility.
    UnknownMember,
    /// The membership has not begun or has ended.
    OutsideMembership,
    /// The member has another role there.
    OtherRole,
}

impl Standing {
    /// A word from a closed list.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::UnknownFacility => "unknown_facility",
            Self::InactiveFacility => "inactive_facility",
            Self::UnknownMember => "unknown_member",
            Self::OutsideMembership => "outside_membership",
            Self::OtherRole => "other_role",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "in good standing",
            Self::UnknownFacility => "the directory does not know the facility",
            Self::InactiveFacility => "the facility is not active in the network",
            Self::UnknownMember => "the directory does not know the member at that facility",
            Self::OutsideMembership => "the membership is not in force",
            Self::OtherRole => "the member does not have that role",
        })
    }
}
