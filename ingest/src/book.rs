//! What the door must know of the directory and of consents to say who may change them.
//!
//! The book itself is another room's; the hall implements these traits over it.

use model::{
    BreakGlass, BreakGlassEnd, BreakGlassReview, Consent, ConsentId, DisclosureScope, Facility, FacilityId, Link,
    LinkId, Member, MemberId, Moment, PatientRef, Position,
};
use std::fmt::Debug;

/// Reads the directory as it stands.
pub trait DirectoryReader: Send + Sync + Debug {
    /// All facilities, in order of id.
    fn facilities(&self) -> Vec<Facility>;
    /// The members of a facility, in order of id.
    fn members(&self, facility: &FacilityId) -> Vec<Member>;
    /// One member.
    fn member(&self, id: &MemberId) -> Option<Member>;
    /// A facility's scope, if it has stated one.
    fn scope(&self, facility: &FacilityId) -> Option<DisclosureScope>;
    /// A link that holds (stated and not taken back).
    fn link(&self, id: &LinkId) -> Option<Link>;
    /// The links that hold with one end at `facility`, after `after` in order of id, given to `visit` until it
    /// answers `false`.
    fn visit_links(&self, facility: &FacilityId, after: Option<&LinkId>, visit: &mut dyn FnMut(&Link) -> bool);
}

/// A consent and how it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The consent as last stated.
    pub consent: Consent,
    /// When it was withdrawn.
    pub withdrawn_at: Option<Moment>,
    /// The place in the log of its latest change.
    pub position: Position,
}

/// A broken glass and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GlassStanding {
    /// As it was first stated.
    pub glass: BreakGlass,
    /// The place in the log of that statement.
    pub position: Position,
    /// What closed it before its time.
    pub end: Option<BreakGlassEnd>,
    /// The latest review.
    pub review: Option<BreakGlassReview>,
    /// Whether a review has found it unjustified, which closes it for good, whatever is found later.
    pub refused: bool,
}

impl GlassStanding {
    /// Whether it stands broken at a moment: not ended by the clock, by anybody, or by its review.
    pub fn is_open(&self, moment: Moment) -> bool {
        self.end.is_none() && !self.refused && self.glass.from() <= moment && moment < self.glass.until()
    }
}

/// Which consents to visit.
#[derive(Clone, Debug)]
pub struct ConsentQuery<'a> {
    /// The facility that asks. Consents in which it has no part may be left out; the door looks again itself.
    pub facility: &'a FacilityId,
    /// Only this patient ref's.
    pub patient: Option<&'a PatientRef>,
    /// Only ids after this one.
    pub after: Option<&'a ConsentId>,
}

/// Reads consents as they stand.
pub trait ConsentReader: Send + Sync + Debug {
    /// One consent.
    fn consent(&self, id: &ConsentId) -> Option<Standing>;
    /// Consents in order of id, given to `visit` until it answers `false`.
    fn visit_consents(&self, query: &ConsentQuery<'_>, visit: &mut dyn FnMut(&Standing) -> bool);
    /// The glasses broken over a facility's patients or by its members, the newest first, given to `visit` until it
    /// answers `false`.
    fn visit_glasses(&self, facility: &FacilityId, visit: &mut dyn FnMut(&GlassStanding) -> bool);
}

/// Both.
pub trait Book: DirectoryReader + ConsentReader + 'static {}
impl<T: DirectoryReader + ConsentReader + 'static> Book for T {}
