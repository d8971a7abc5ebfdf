//! What was read of whom: counted where rows leave the scan, because nothing that shows rows goes around it.

use crate::hot::{Chunk, place, texts};
use model::{Category, Counts, FacilityId, PatientNumber, PatientRef};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many rows of which patients and categories left the scans of one view, for the ledger.
///
/// It counts what a statement was given to read: all visible rows of a scan that has to look at them, not only those
/// that made it into the answer, and none that were left out by patient, source or time before they were read.
#[derive(Debug, Default)]
pub struct Tally {
    rows: Mutex<HashMap<PatientRef, Counts>>,
    begun: AtomicBool,
}

impl Tally {
    /// Everything counted since the last time, in no order.
    pub fn take(&self) -> Vec<(PatientRef, Category, u64)> {
        let mut all = Vec::new();
        for (patient, counts) in self.take_by_patient() {
            all.extend(counts.iter().map(|(category, rows)| (patient.clone(), category, rows)));
        }
        all
    }

    /// The same patient by patient.
    pub(crate) fn take_by_patient(&self) -> HashMap<PatientRef, Counts> {
        std::mem::take(&mut *self.rows.lock())
    }

    /// Whether any table was looked at, though nothing may have been found.
    pub fn is_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }

    /// Counts the first `rows` of what `runs` spell.
    pub(crate) fn add(&self, category: Category, runs: &[Run], rows: usize) {
        let mut left = rows;
        let mut counted = self.rows.lock();
        for run in runs {
            let rows = run.rows.min(left);
            if rows == 0 {
                break;
            }
            left -= rows;
            // Mostly the patient is known from another table: no name is copied then.
            let counts = match counted.get_mut(&run.patient) {
                Some(counts) => counts,
                None => counted.entry(run.patient.clone()).or_default(),
            };
            counts.add(category, rows as u64);
        }
    }
}

/// Consecutive rows of one patient.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) patient: PatientRef,
    pub(crate) rows: usize,
}

/// Runs as they are met, row by row.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    runs: Vec<Run>,
    /// Which patient the last run is of, in whatever numbers the rows have.
    last: Option<usize>,
}

impl Runs {
    /// Adds `rows` of the patient numbered `ix`; `name` spells the patient out where a run begins.
    pub(crate) fn push(&mut self, ix: usize, rows: usize, name: impl FnOnce() -> Option<PatientRef>) {
        if self.last == Some(ix)
            && let Some(run) = self.runs.last_mut()
        {
            run.rows += rows;
            return;
        }
        if let Some(patient) = name() {
            self.runs.push(Run { patient, rows });
            self.last = Some(ix);
        }
    }
    /// What was added since the last time.
    pub(crate) fn take(&mut self) -> Vec<Run> {
        self.last = None;
        std::mem::take(&mut self.runs)
    }
}

/// Whose a row of a hot chunk is.
pub(crate) fn owner(chunk: &Chunk, row: usize) -> Option<PatientRef> {
    let text = |at| texts(&chunk.batch, at).map(|texts| texts.value(row));
    patient_ref(text(place::SOURCE)?, text(place::PATIENT)?)
}

/// A patient ref from stored texts, which were one when they were stored.
pub(crate) fn patient_ref(source: &str, number: &str) -> Option<PatientRef> {
    Some(PatientRef::new(FacilityId::parse(source).ok()?, PatientNumber::parse(number).ok()?))
}
