//! The same scan for the feeds: the visible rows as records.

use super::cold::ColdRows;
use super::facts::facts;
use super::pieces::{Piece, pieces};
use super::pruning::Pruning;
use super::rows::{Given, hot};
use super::sight::Sight;
use super::wanted::Wanted;
use crate::StoreError;
use crate::cold::Texts;
use crate::glance::REFERENCE;
use crate::hot::{numbers, place};
use crate::rows::{DeadSet, RowKey};
use crate::store::Snapshot;
use crate::table::{record_of, stored_schema, table_name};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use consent_filter::{Book, ClassIx, Facts, PatientIx, ScopeClass};
use model::{Category, PatientNumber, PatientRef, Position, Record};
use std::sync::Arc;

/// Gives every record of a category that a sight shows, with its place in the log, to `each`, until it says `false`.
/// `dead` is what counts as dead: a snapshot's own, or that of one before it.
pub(crate) fn records(
    sight: &Sight,
    snapshot: &Snapshot,
    dead: &DeadSet,
    category: Category,
    mut each: impl FnMut(Position, Record) -> bool,
) -> Result<(), StoreError> {
    let columns: Vec<usize> = (0..stored_schema(category).fields().len()).collect();
    batches((sight, snapshot, dead), category, &columns, |batch| {
        (0..batch.num_rows()).all(|row| match record_of(category, batch, row) {
            Some((position, record)) => each(position, record),
            None => {
                tracing::error!(table = table_name(category), "a row is not readable as the record it was");
                true
            }
        })
    })
}

/// Gives the rows of a category that a sight shows to `give`, batch by batch, until it says `false`: names, times and
/// places, in the order of [`REFERENCE`].
pub(crate) fn references(
    sight: &Sight,
    snapshot: &Snapshot,
    category: Category,
    give: impl FnMut(&RecordBatch) -> bool,
) -> Result<(), StoreError> {
    batches((sight, snapshot, &snapshot.dead), category, &REFERENCE, give)
}

/// Gives the shown rows of a category batch by batch with the stored columns at these places, the source first.
fn batches(
    (sight, snapshot, dead): (&Sight, &Snapshot, &DeadSet),
    category: Category,
    columns: &[usize],
    mut give: impl FnMut(&RecordBatch) -> bool,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Arrow { table: table_name(category), source };
    let schema = Arc::new(stored_schema(category).project(columns).map_err(failed)?);
    let given: Vec<Given> =
        columns.iter().map(|at| if *at == place::SOURCE { Given::Source } else { Given::Stored(*at) }).collect();
    let pruning = Pruning::of(&[]);
    let wanted = Wanted::of(sight, &pruning);
    for piece in pieces(sight, snapshot, category, &pruning, 1).into_iter().flatten() {
        match piece {
            Piece::Hot(chunk) => {
                let shown = hot((sight, dead), (&chunk, &pruning, &wanted), &given, &schema).map_err(failed)?;
                if shown.is_some_and(|shown| !give(&shown.batch)) {
                    return Ok(());
                }
            }
            Piece::Cold(mut piece) => {
                // Whether rows of the file are dead was asked of the snapshot's own set.
                piece.has_dead = true;
                let mut rows = ColdRows::open(&piece, dead, &given, Texts::Spelled)?;
                while let Some(batch) = rows.next(&schema) {
                    if !give(&batch?) {
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

/// What a decision asks of the row at a place in the log, wherever it lies, dead or not. Its content is not read.
pub(crate) fn facts_at(snapshot: &Snapshot, book: &Book, at: Position) -> Result<Option<Facts>, StoreError> {
    Ok(found_at(snapshot, at)?.and_then(|row| row.facts(book)))
}

/// A row that was found, before the book is asked whose it is.
pub(crate) struct FoundRow {
    owner: Owner,
    class: ClassIx,
    times: (i64, i64),
}

enum Owner {
    Numbered(PatientIx),
    Named(PatientRef),
}

impl FoundRow {
    pub(crate) fn facts(&self, book: &Book) -> Option<Facts> {
        let patient = match &self.owner {
            Owner::Numbered(patient) => *patient,
            Owner::Named(patient) => book.find_patient(patient)?,
        };
        facts(patient, self.class, self.times)
    }
}

/// The row at a place in the log. No book is needed while files are read.
pub(crate) fn found_at(snapshot: &Snapshot, at: Position) -> Result<Option<FoundRow>, StoreError> {
    let key = RowKey::of(at);
    for chunk in snapshot.hot.iter().flatten() {
        let Some(row) = chunk.keys.iter().position(|held| *held == key) else { continue };
        let (patient, class) = (chunk.patients.get(row), chunk.classes.get(row));
        let times = (chunk.occurred().get(row), chunk.recorded().get(row));
        if let (Some(patient), Some(class), (Some(occurred), Some(recorded))) = (patient, class, times) {
            let (patient, class) = (PatientIx::from_u32(*patient), ClassIx::from_u32(*class));
            return Ok(Some(FoundRow { owner: Owner::Numbered(patient), class, times: (*occurred, *recorded) }));
        }
    }
    for file in snapshot.cold.all() {
        if file.runs.keys.iter().any(|(first, last)| (*first..=*last).contains(&key.0))
            && let Some((row, class, times)) = find_in_file(file, at)?
        {
            let Some(class) = file.class(class) else { return Ok(None) };
            let number = file.runs.owner(row).and_then(|number| PatientNumber::parse(number).ok());
            let owner = number.map(|number| Owner::Named(PatientRef::new(file.source.clone(), number)));
            return Ok(owner.map(|owner| FoundRow { owner, class, times }));
        }
    }
    Ok(None)
}

type Found = (usize, i32, (i64, i64));

fn find_in_file(file: &crate::cold::TableFile, at: Position) -> Result<Option<Found>, StoreError> {
    use arrow::datatypes::TimestampMicrosecondType;
    use parquet::arrow::ProjectionMask;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let table = table_name(file.category);
    let metadata = file.metadata()?;
    let class_at = file.places()?.class;
    // In a file the source is not stored, so columns lie one place earlier; they come in that order.
    let read = [place::OCCURRED - 1, place::RECORDED - 1, place::PARTITION - 1, place::OFFSET - 1, class_at];
    let mask = ProjectionMask::roots(metadata.parquet_schema(), read);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.reader()?, metadata)
        .with_projection(mask)
        .with_batch_size(8192)
        .build()
        .map_err(|source| StoreError::Parquet { table, source })?;
    let mut before = 0;
    for batch in reader {
        let batch = batch.map_err(|source| StoreError::Arrow { table, source })?;
        let (partitions, offsets) = (numbers::<Int32Type>(&batch, 2), numbers::<Int64Type>(&batch, 3));
        let wanted = RowKey::of(at);
        let mut keys = partitions.iter().zip(offsets).map(|(p, o)| RowKey::from_columns(*p, *o));
        if let Some(row) = keys.position(|key| key == wanted) {
            let time = |place| numbers::<TimestampMicrosecondType>(&batch, place).get(row).copied();
            let class = numbers::<Int32Type>(&batch, 4).get(row).copied();
            return Ok(class.zip(time(0).zip(time(1))).map(|(class, times)| (before + row, class, times)));
        }
        before += batch.num_rows();
    }
    Ok(None)
}

/// A record's facts, if the book knows its class. A patient the book has no number for (of files from before it was
/// opened, and named by no letter since) gets one that is nobody's: their own facility is shown the record, for whom the
/// patient is not asked, and nobody else.
pub(crate) fn facts_of(book: &Book, record: &Record) -> Option<Facts> {
    let class = ScopeClass {
        source: record.patient.facility().clone(),
        category: record.category(),
        department: record.department.clone(),
        author_role: record.author.role,
        labels: record.labels,
    };
    Some(Facts {
        patient: book.find_patient(&record.patient).unwrap_or(PatientIx::from_u32(u32::MAX)),
        class: book.find_class(&class)?,
        occurred: record.occurred,
        recorded: record.recorded,
    })
}
