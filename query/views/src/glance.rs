//! Glances: the rows of one moment under any number of visibilities.
//!
//! A view is one principal's, for statements. Whoever asks what a change would show and hide, or whether a viewer is
//! shown a record at all, looks at the same rows through several visibilities. Nothing is shown without one here either.

use crate::StoreError;
use crate::hot::{numbers, place, texts};
use crate::scan::{Sight, records, references};
use crate::store::{Snapshot, Store};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use consent_filter::{Book, PatientIx, Visibility};
use model::{Category, Frontier, Position, Record};
use std::sync::Arc;

/// The rows of the store at one moment. They do not change.
#[derive(Clone)]
pub struct Glance {
    snapshot: Arc<Snapshot>,
}

/// What one visibility shows of the rows of a [`Glance`].
#[derive(Debug)]
pub struct Shown {
    sight: Sight,
    snapshot: Arc<Snapshot>,
}

/// One row that is shown; of its content no more than its names and times is read.
#[derive(Clone, Copy)]
pub struct ShownRow<'a> {
    /// Its place in the log.
    pub position: Position,
    /// Its source.
    pub source: &'a str,
    /// The source's number of the patient.
    pub patient: &'a str,
    /// The record's id at its source.
    pub record: &'a str,
    /// Its version there.
    pub version: u64,
    /// When the fact was true, in microseconds.
    pub occurred: i64,
    /// When the source wrote it down, in microseconds.
    pub recorded: i64,
}

impl Store {
    /// The rows as readers see them now. Taken while the book is held, they are seen with that book or a later one.
    pub fn glance(&self) -> Glance {
        Glance { snapshot: self.snapshot() }
    }
}

impl Glance {
    /// How far in the log the rows reach.
    pub fn frontier(&self) -> &Frontier {
        &self.snapshot.frontier
    }

    /// What a visibility shows of these patients of other facilities, and of the viewing facility's own rows if `own`.
    /// `book` gives patients the same numbers as the book the store was filled with.
    pub fn under(&self, book: &Book, visibility: &Visibility, patients: &[PatientIx], own: bool) -> Shown {
        Shown {
            sight: Sight::of(book, Arc::new(visibility.clone()), patients, own),
            snapshot: Arc::clone(&self.snapshot),
        }
    }
}

impl Shown {
    /// Gives each row of a category to `each`, until it says `false`.
    ///
    /// # Errors
    /// When a table file cannot be read.
    pub fn rows(&self, category: Category, mut each: impl FnMut(ShownRow<'_>) -> bool) -> Result<(), StoreError> {
        references(&self.sight, &self.snapshot, category, |batch| tell(batch, &mut each))
    }

    /// Gives each record of a category with its place in the log to `each`, until it says `false`.
    ///
    /// # Errors
    /// When a table file cannot be read.
    pub fn records(&self, category: Category, each: impl FnMut(Position, Record) -> bool) -> Result<(), StoreError> {
        records(&self.sight, &self.snapshot, &self.snapshot.dead, category, each)
    }
}

/// The columns of a [`ShownRow`] among the stored ones, in their order.
pub(crate) const REFERENCE: [usize; 8] = [
    place::SOURCE,
    place::PATIENT,
    place::RECORD,
    place::VERSION,
    place::OCCURRED,
    place::RECORDED,
    place::PARTITION,
    place::OFFSET,
];

/// Reads the rows of a batch with the columns of [`REFERENCE`].
fn tell(batch: &RecordBatch, each: &mut impl FnMut(ShownRow<'_>) -> bool) -> bool {
    let (Some(sources), Some(patients), Some(ids)) = (texts(batch, 0), texts(batch, 1), texts(batch, 2)) else {
        return true;
    };
    let versions = numbers::<Int64Type>(batch, 3);
    let occurred = numbers::<TimestampMicrosecondType>(batch, 4);
    let recorded = numbers::<TimestampMicrosecondType>(batch, 5);
    let (partitions, offsets) = (numbers::<Int32Type>(batch, 6), numbers::<Int64Type>(batch, 7));
    let times = occurred.iter().zip(recorded);
    let places = partitions.iter().zip(offsets);
    let rows = versions.iter().zip(times).zip(places).enumerate();
    for (row, ((version, (occurred, recorded)), (partition, offset))) in rows {
        let shown = ShownRow {
            position: Position::new(partition.unsigned_abs(), offset.unsigned_abs()),
            source: sources.value(row),
            patient: patients.value(row),
            record: ids.value(row),
            version: version.unsigned_abs(),
            occurred: *occurred,
            recorded: *recorded,
        };
        if !each(shown) {
            return false;
        }
    }
    true
}

impl std::fmt::Debug for Glance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Glance").field("frontier", self.frontier()).finish_non_exhaustive()
    }
}

// Redacted: the numbers and the id are patient data.
impl std::fmt::Debug for ShownRow<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShownRow").field("position", &self.position).finish_non_exhaustive()
    }
}
