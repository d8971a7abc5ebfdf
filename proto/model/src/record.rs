//! A record: one clinical fact with a stable id at its source and a version.

use crate::{
    Category, DepartmentCode, Labels, MemberId, Moment, PatientRef, Payload, RecordId, RecordRef, Role, Version,
};

/// What a version of a record does to the one before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChangeKind {
    /// A new fact, or the same fact stated again.
    Upsert,
    /// A correction of an earlier version.
    Correct,
    /// The fact is taken back. Its payload is kept for the source's history and shown to nobody.
    Delete,
}

impl ChangeKind {
    /// `upsert`, `correct` or `delete`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::Correct => "correct",
            Self::Delete => "delete",
        }
    }
}

/// Who wrote a record.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Author {
    /// The person, where the source says so.
    pub member: Option<MemberId>,
    /// Their role; `System` where the source does not say.
    pub role: Role,
}

/// Why the parts of a record do not make one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// An upsert or a correction without a payload.
    #[error("an `{change}` needs a payload")]
    PayloadMissing {
        /// The change kind's code.
        change: &'static str,
    },
    /// The payload is of another category than the record.
    #[error("the record's category is `{category}` but its payload is `{payload}`")]
    PayloadMismatch {
        /// The record's category.
        category: Category,
        /// The payload's category.
        payload: Category,
    },
}

/// One version of one clinical fact.
///
/// INVARIANT: the payload is present unless the change is a deletion, and is of the record's category.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// The patient as the source knows them; the source facility is `patient.facility()`.
    pub patient: PatientRef,
    /// The record's id at its source.
    pub id: RecordId,
    /// Its version there.
    pub version: Version,
    /// Its kind.
    category: Category,
    /// When the fact was true: collection, measurement, onset, start of the visit.
    pub occurred: Moment,
    /// When the source wrote it down.
    pub recorded: Moment,
    /// Its labels as the source set them.
    pub labels: Labels,
    /// The department that made it.
    pub department: Option<DepartmentCode>,
    /// Who wrote it.
    pub author: Author,
    /// What it does to the version before.
    change: ChangeKind,
    payload: Option<Payload>,
}

impl Record {
    /// Puts a record together.
    ///
    /// # Errors
    /// When category, change and payload do not agree.
    #[expect(
        clippy::too_many_arguments,
        reason = "the fields of an event in the .proto, in their order; all typed apart"
    )]
    pub fn new(
        patient: PatientRef,
        id: RecordId,
        version: Version,
        category: Category,
        occurred: Moment,
        recorded: Moment,
        labels: Labels,
        department: Option<DepartmentCode>,
        author: Author,
        change: ChangeKind,
        payload: Option<Payload>,
    ) -> Result<Self, RecordError> {
        match (&payload, change) {
            (None, ChangeKind::Upsert | ChangeKind::Correct) => {
                return Err(RecordError::PayloadMissing { change: change.code() });
            }
            (Some(payload), _) if payload.category() != category => {
                return Err(RecordError::PayloadMismatch { category, payload: payload.category() });
            }
            _ => {}
        }
        Ok(Self { patient, id, version, category, occurred, recorded, labels, department, author, change, payload })
    }
    /// The record's kind.
    pub fn category(&self) -> Category {
        self.category
    }
    /// What this version does.
    pub fn change(&self) -> ChangeKind {
        self.change
    }
    /// What it says; absent only for a deletion.
    pub fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }
    /// The record's identity in the network.
    pub fn reference(&self) -> RecordRef {
        RecordRef { source: self.patient.facility().clone(), id: self.id.clone() }
    }
}
