//! Links: confirmed statements that two patient refs are one person.

use crate::{LinkId, MemberId, Moment, PatientRef};

/// What a link rests on. Never name and birth date alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LinkEvidence {
    /// A signed consent form that carries both numbers.
    ConsentForm,
    /// The insured person's number, with birth date and sex.
    InsuredId,
    /// A person compared the charts.
    Manual,
}

impl LinkEvidence {
    /// All, in order of the wire.
    pub const ALL: [Self; 3] = [Self::ConsentForm, Self::InsuredId, Self::Manual];
    /// The evidence's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ConsentForm => "consent-form",
            Self::InsuredId => "insured-id",
            Self::Manual => "manual",
        }
    }
}

/// A confirmed statement that `a` and `b` are one person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// One ref.
    pub a: PatientRef,
    /// The other, at another facility.
    pub b: PatientRef,
    /// What it rests on.
    pub evidence: LinkEvidence,
    /// Who confirmed it.
    pub confirmed_by: MemberId,
    /// When.
    pub confirmed_at: Moment,
}

/// Takes a link back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unlink {
    /// Which link.
    pub id: LinkId,
    /// Who took it back.
    pub by: MemberId,
    /// When.
    pub at: Moment,
}

/// A change of links.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkChange {
    /// Two refs are one person.
    Linked(Link),
    /// They are not.
    Unlinked(Unlink),
}
