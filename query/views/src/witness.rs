//! Who writes down what is read. The room that shows rows counts them here; the root brings the pen.

use crate::Tally;
use model::{AuditOutcome, Frontier, Moment, PatientRef, Principal, Reading};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What somebody asks, for the digest that stands in the ledger. The text itself is not kept.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// A statement in its normal form, without literals.
    Statement(&'a str),
    /// A live feed of these categories, by their codes.
    Feed(&'a str),
}

/// What was read could not be made durable.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the ledger could not be written: {reason}")]
pub struct Unwritten {
    /// Why, without patient data.
    pub reason: String,
}

/// When a writing is durable.
pub type Written = Pin<Box<dyn Future<Output = Result<(), Unwritten>> + Send>>;

/// Writes the ledger's audit events.
pub trait Witness: Send + Sync + 'static {
    /// Somebody begins to read; nothing is written yet.
    fn begin(&self, principal: &Principal, asked: Asked<'_>, seen: &Frontier, moment: Moment) -> Reading;
    /// Writes what was read so far of an act that goes on. The call itself hands it over; the answer says when it is
    /// durable, and need not be waited for.
    fn so_far(&self, reading: &mut Reading) -> Written;
    /// Writes the end of an act, in the same way.
    fn end(&self, reading: Reading, outcome: AuditOutcome) -> Written;
}

/// One act of reading on its way to the ledger. Dropped before its end, it is written as cancelled: rows that were
/// shown are in the ledger whatever became of the reader.
pub struct Account {
    witness: Arc<dyn Witness>,
    reading: Option<Reading>,
}

impl Account {
    /// Opens an account.
    pub fn open(witness: Arc<dyn Witness>, reading: Reading) -> Self {
        Self { witness, reading: Some(reading) }
    }
    /// Counts rows shown.
    pub fn rows(&mut self, patient: &PatientRef, category: model::Category, rows: u64) {
        if let Some(reading) = &mut self.reading {
            reading.rows(patient, category, rows);
        }
    }
    /// Counts all that a scan's tally has counted since the last time.
    pub fn all_rows(&mut self, tally: &Tally) {
        let counted = tally.take_by_patient();
        if let Some(reading) = &mut self.reading {
            counted.into_iter().for_each(|(patient, counts)| reading.all_rows(patient, &counts));
        }
    }
    /// Says how far a feed has come, after so many seconds.
    pub fn reached(&mut self, frontier: &Frontier, seconds: u64) {
        if let Some(reading) = &mut self.reading {
            reading.reached(frontier, seconds);
        }
    }
    /// Says that a feed has given what lies at a position.
    pub fn gave(&mut self, position: model::Position) {
        if let Some(reading) = &mut self.reading {
            reading.gave(position);
        }
    }
    /// Whether as many patients wait to be told as one event holds.
    pub fn is_full(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.waiting() >= Reading::PATIENTS_PER_EVENT)
    }
    /// Writes what was shown so far, of an act that goes on. Need not be waited for.
    pub fn so_far(&mut self) -> Option<Written> {
        let witness = self.witness.clone();
        self.reading.as_mut().map(|reading| witness.so_far(reading))
    }
    /// Writes the end and waits until it is durable.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn close(mut self, outcome: AuditOutcome) -> Result<(), Unwritten> {
        match self.reading.take() {
            Some(reading) => self.witness.end(reading, outcome).await,
            None => Ok(()),
        }
    }
    /// Writes the end without waiting for it.
    pub fn end(mut self, outcome: AuditOutcome) {
        if let Some(reading) = self.reading.take() {
            // Handing it over is enough.
            drop(self.witness.end(reading, outcome));
        }
    }
    /// Writes the end; nobody is left to wait for it.
    pub fn leave(mut self, outcome: AuditOutcome) {
        if let Some(reading) = self.reading.take() {
            drop(self.witness.end(reading, outcome));
        }
    }
    /// Nothing was read after all: nothing is written.
    pub fn strike(mut self) {
        self.reading = None;
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(reading) = self.reading.take() {
            // Handing it over is enough: nobody is left to be told.
            drop(self.witness.end(reading, AuditOutcome::Cancelled));
        }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account")
    }
}
