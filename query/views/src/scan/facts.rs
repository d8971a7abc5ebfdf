//! What decisions ask of a patient's rows, wherever they lie. No content is read, and nothing here reaches a reader: it
//! tells what a change of permission took from somebody.

use crate::StoreError;
use crate::cold::TableFile;
use crate::hot::{numbers, place};
use crate::rows::RowKey;
use crate::store::Snapshot;
use crate::table::table_name;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use consent_filter::{ClassIx, Facts, PatientIx};
use model::{Category, Moment, PatientRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection};
use std::ops::Range;

/// Gives every living row of one patient ref, by its key, to `each`, until it says `false`.
pub(crate) fn facts_of_patient(
    snapshot: &Snapshot,
    (ix, patient): (PatientIx, &PatientRef),
    mut each: impl FnMut(Category, RowKey, Facts) -> bool,
) -> Result<(), StoreError> {
    for category in Category::ALL.iter().copied() {
        for chunk in snapshot.hot_of(category) {
            let rows = chunk.patients.iter().zip(&chunk.classes).zip(&chunk.keys);
            let times = chunk.occurred().iter().zip(chunk.recorded());
            for (((row, class), key), (occurred, recorded)) in rows.zip(times) {
                if *row != ix.as_u32() || snapshot.dead.contains(*key) {
                    continue;
                }
                let facts = facts(ix, ClassIx::from_u32(*class), (*occurred, *recorded));
                if facts.is_some_and(|facts| !each(category, *key, facts)) {
                    return Ok(());
                }
            }
        }
        for file in snapshot.cold.of(category).filter(|file| file.source == *patient.facility()) {
            let Some(rows) = file.runs.find(patient.number().as_str()) else { continue };
            let mut living = |key, facts| snapshot.dead.contains(key) || each(category, key, facts);
            if !in_file(file, rows, ix, &mut living)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

pub(super) fn facts(patient: PatientIx, class: ClassIx, (occurred, recorded): (i64, i64)) -> Option<Facts> {
    let (occurred, recorded) = (Moment::from_micros(occurred).ok()?, Moment::from_micros(recorded).ok()?);
    Some(Facts { patient, class, occurred, recorded })
}

/// Some rows of a file; `false` when no more are wanted.
fn in_file(
    file: &TableFile,
    rows: Range<usize>,
    patient: PatientIx,
    each: &mut dyn FnMut(RowKey, Facts) -> bool,
) -> Result<bool, StoreError> {
    let table = table_name(file.category);
    let metadata = file.metadata()?;
    let class_at = file.places()?.class;
    // In a file the source is not stored, so columns lie one place earlier; they come in that order.
    let read = [place::OCCURRED - 1, place::RECORDED - 1, place::PARTITION - 1, place::OFFSET - 1, class_at];
    let mask = ProjectionMask::roots(metadata.parquet_schema(), read);
    let selection = RowSelection::from_consecutive_ranges(std::iter::once(rows), file.runs.rows());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.reader()?, metadata)
        .with_projection(mask)
        .with_row_selection(selection)
        .with_batch_size(8192)
        .build()
        .map_err(|source| StoreError::Parquet { table, source })?;
    for batch in reader {
        let batch = batch.map_err(|source| StoreError::Arrow { table, source })?;
        let times = |place| numbers::<TimestampMicrosecondType>(&batch, place);
        let keys = numbers::<Int32Type>(&batch, 2).iter().zip(numbers::<Int64Type>(&batch, 3));
        let rows = times(0).iter().zip(times(1)).zip(keys).zip(numbers::<Int32Type>(&batch, 4));
        for (((occurred, recorded), (partition, offset)), class) in rows {
            let Some(class) = file.class(*class) else { continue };
            let key = RowKey::from_columns(*partition, *offset);
            if facts(patient, class, (*occurred, *recorded)).is_some_and(|facts| !each(key, facts)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
