//! Mother and newborn: two persons, related and never merged.

use crate::{FetusNumber, LinkId, MemberId, Moment, PatientRef};

/// Why two refs are not a mother and her newborn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("mother and newborn are the same patient ref")]
pub struct KinshipError;

/// A statement that one patient ref is the mother of another. It opens nothing: each has consents and links of their own.
///
/// INVARIANT: the two refs differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kinship {
    /// Its id, one per mother.
    pub id: LinkId,
    mother: PatientRef,
    newborn: PatientRef,
    /// Which fetus the newborn was, where it is known: the trace before birth was theirs.
    pub fetus: Option<FetusNumber>,
    /// Who stated it.
    pub stated_by: MemberId,
    /// When.
    pub stated_at: Moment,
}

impl Kinship {
    /// The statement, which fetus it was not said.
    ///
    /// # Errors
    /// When the two are one ref.
    pub fn new(
        id: LinkId,
        mother: PatientRef,
        newborn: PatientRef,
        stated_by: MemberId,
        stated_at: Moment,
    ) -> Result<Self, KinshipError> {
        if mother == newborn {
            return Err(KinshipError);
        }
        Ok(Self { id, mother, newborn, fetus: None, stated_by, stated_at })
    }
    /// The mother.
    pub fn mother(&self) -> &PatientRef {
        &self.mother
    }
    /// The newborn.
    pub fn newborn(&self) -> &PatientRef {
        &self.newborn
    }
}

/// Takes a kinship back. It is final for that id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KinshipEnd {
    /// Which.
    pub id: LinkId,
    /// The mother.
    pub mother: PatientRef,
    /// Who took it back.
    pub by: MemberId,
    /// When.
    pub at: Moment,
}

/// A change of kinships.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KinshipChange {
    /// Two refs are mother and newborn.
    Stated(Kinship),
    /// They are not.
    Ended(KinshipEnd),
}
