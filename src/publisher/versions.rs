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
    /// Its place in [`Versions::patients`].
    patient: usize,
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

/// Folds the versions of records, in two readings: first the letters of the stretch ([`Versions::take`]), then, where it is
/// not known what stood before ([`Versions::asks_for_earlier`]), those before it ([`Versions::take_earlier`]). Senders number
/// versions by their clocks, so that a number does not tell whether it is the first.
#[derive(Default)]
pub struct Versions {
    said: HashMap<RecordId, Vec<Said>>,
    patients: Vec<PatientRef>,
    numbers: HashMap<PatientRef, usize>,
}

impl std::fmt::Debug for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Versions").field("records", &self.said.len()).finish_non_exhaustive()
    }
}

impl Versions {
    /// Takes in a version of the stretch; each letter once. Of more than `most` records it takes no further ones, and says
    /// `false`.
    pub fn take(&mut self, (position, appended_at): (Position, Moment), record: &Record, most: usize) -> bool {
        if !self.said.contains_key(&record.id) {
            if self.said.len() >= most {
                return false;
            }
            self.said.insert(record.id.clone(), Vec::new());
        }
        self.take_earlier((position, appended_at), record);
        true
    }
    /// The stretch was read: lets go of the records that have no other version there and cannot have had an earlier one.
    /// Says whether any is left.
    pub fn asks_for_earlier(&mut self) -> bool {
        let is_first = |said: &Said| said.version == 1;
        self.said.retain(|_, said| said.len() > 1 || !said.iter().all(is_first));
        !self.said.is_empty()
    }
    /// Takes in a version from before the stretch; of records that had none in it nothing is taken.
    pub fn take_earlier(&mut self, (position, appended_at): (Position, Moment), record: &Record) {
        let Some(said) = self.said.get_mut(&record.id) else { return };
        let patient = match self.numbers.get(&record.patient) {
            Some(number) => *number,
            None => {
                self.numbers.insert(record.patient.clone(), self.patients.len());
                self.patients.push(record.patient.clone());
                self.patients.len() - 1
            }
        };
        said.push(Said {
            appended_at,
            position,
            version: record.version.get(),
            patient,
            category: record.category(),
            is_deleted: record.change() == ChangeKind::Delete,
        });
    }
    /// What ended in the stretch.
    pub fn end(self, span: &Span) -> Corrected {
        let Self { said, patients, numbers: _ } = self;
        let mut told = Corrected::default();
        let mut records: Vec<_> = said.into_iter().collect();
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
                    if let Some(patient) = patients.get(held.patient)
                        && !held.is_deleted
                        && span.holds(said.position)
                    {
                        let cause = if said.is_deleted { Cause::Deleted } else { Cause::Corrected };
                        let places = (held.position, said.position);
                        let recall = Recall::record(cause, patient.clone(), held.category, places);
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
