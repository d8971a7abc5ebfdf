//! Which of a source's records were corrected or deleted in a stretch of the log, and between which places the version
//! stood that no longer does.

use super::Span;
use ledger::{Cause, Recall};
use model::{Category, ChangeKind, Moment, PatientRef, Position, Record, RecordId};
use std::collections::{BTreeSet, HashMap};

/// One version, at its place.
struct Said {
    appended_at: Moment,
    position: Position,
    version: u64,
    patient: PatientRef,
    category: Category,
    is_deleted: bool,
}

/// What the versions come to.
#[derive(Default, Debug)]
pub struct Corrected {
    /// Who may have seen the versions that no longer stand: the record, counted from 0, and what to ask of the ledger.
    pub recalls: Vec<(u64, Recall)>,
    /// Records of which a later version took the place of one that stood.
    pub corrected: u64,
    /// Records that were deleted.
    pub deleted: u64,
}

/// Folds the versions of some records, in two readings: first [`Versions::look`] at the letters of the stretch for the
/// records that may have been corrected, then [`Versions::take`] all letters up to its end.
#[derive(Default)]
pub struct Versions(HashMap<RecordId, Vec<Said>>);

impl std::fmt::Debug for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Versions").field("records", &self.0.len()).finish()
    }
}

impl Versions {
    /// Notes a record of the stretch that is no first version.
    pub fn look(&mut self, record: &Record) {
        if (record.version.get() > 1 || record.change() != ChangeKind::Upsert) && !self.0.contains_key(&record.id) {
            self.0.insert(record.id.clone(), Vec::new());
        }
    }
    /// How many records are looked after.
    pub fn records(&self) -> usize {
        self.0.len()
    }
    /// Takes in a version; of records that were not noted it takes nothing.
    pub fn take(&mut self, position: Position, appended_at: Moment, record: &Record) {
        if let Some(versions) = self.0.get_mut(&record.id) {
            versions.push(Said {
                appended_at,
                position,
                version: record.version.get(),
                patient: record.patient.clone(),
                category: record.category(),
                is_deleted: record.change() == ChangeKind::Delete,
            });
        }
    }
    /// What ended in the stretch.
    pub fn end(self, span: &Span) -> Corrected {
        let mut told = Corrected::default();
        let mut records: Vec<_> = self.0.into_iter().collect();
        records.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (number, (_, mut versions)) in (0..).zip(records) {
            // A correction may move a record to another patient, and so to another partition.
            versions.sort_by_key(|said| (said.appended_at, said.position));
            let mut standing: Option<Said> = None;
            let mut ends = BTreeSet::new();
            for said in versions {
                if let Some(held) = &standing {
                    // A late version that is no newer was never shown.
                    if held.version >= said.version {
                        continue;
                    }
                    if !held.is_deleted && span.holds(said.position) {
                        let cause = if said.is_deleted { Cause::Deleted } else { Cause::Corrected };
                        let places = (held.position, said.position);
                        let recall = Recall::record(cause, held.patient.clone(), held.category, places);
                        told.recalls.push((number, recall));
                        ends.insert(said.is_deleted);
                    }
                }
                standing = Some(said);
            }
            told.corrected += u64::from(ends.contains(&false));
            told.deleted += u64::from(ends.contains(&true));
        }
        told
    }
}
