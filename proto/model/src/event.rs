//! Events: what enters by the door.

use crate::{
    AgreementChange, AuditEvent, ConsentChange, Definition, DisclosureScope, EventId, Facility, FacilityId,
    KinshipChange, LabTable, LinkChange, MeasureRelease, Member, Moment, PatientRef, Record, ReferralChange,
};

/// An event's idempotency key: its source and its id there. The same key is the same event.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EventKey {
    /// Who sent it.
    pub source: FacilityId,
    /// Its id at the sender.
    pub id: EventId,
}

impl EventKey {
    /// A stable 128-bit digest (XXH3), for indexes.
    pub fn digest(&self) -> u128 {
        crate::id::digest(self.source.as_str(), self.id.as_str())
    }
}

/// A change of the directory, of a scope, of agreements or of links. These travel in the control partition.
#[derive(Clone, PartialEq, Debug)]
pub enum DirectoryChange {
    /// A facility is stated or stated again.
    Facility(Facility),
    /// A member is stated or stated again.
    Member(Member),
    /// A source's scope is stated or stated again.
    Scope(DisclosureScope),
    /// Two refs are linked or unlinked.
    Link(LinkChange),
    /// A viewing facility's agreement is stated or taken back.
    Agreement(AgreementChange),
    /// Two refs are stated to be mother and newborn, or that is taken back.
    Kinship(KinshipChange),
    /// One of a facility's laboratory tables is stated or stated again. It opens nothing.
    Laboratory(LabTable),
    /// One of a facility's definitions is stated, stated again or taken back. It opens nothing.
    Definition(Definition),
    /// A facility publishes figures of a measure of care. It opens nothing.
    Measure(MeasureRelease),
}

/// What an event says.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// A version of a record. Boxed: it is by far the largest.
    Record(Box<Record>),
    /// A patient's consent changed.
    Consent(ConsentChange),
    /// The directory, a scope or a link changed.
    Directory(DirectoryChange),
    /// A patient is referred, or a referral is answered. Boxed: it is rare.
    Referral(Box<ReferralChange>),
    /// Someone saw something, or a withdrawal was carried out. Travels in the control partition.
    Audit(Box<AuditEvent>),
}

/// One event.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Its idempotency key.
    pub key: EventKey,
    /// When the door admitted it.
    pub admitted_at: Moment,
    /// What it says.
    pub body: Body,
}

impl Event {
    /// The patient whose partition it belongs to; `None` for the control partition.
    pub fn patient(&self) -> Option<&PatientRef> {
        match &self.body {
            Body::Record(record) => Some(&record.patient),
            Body::Consent(change) => Some(change.patient()),
            Body::Referral(change) => Some(change.patient()),
            Body::Directory(_) | Body::Audit(_) => None,
        }
    }
}
