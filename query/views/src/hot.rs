//! The hot tier: rows since the last flush, in Arrow columns.
//!
//! One writer appends to a [`Tail`]; publishing cuts the tail into an immutable [`Chunk`] and merges small chunks
//! with their neighbours, so that a table has few of them however often it is published. A row is copied once per
//! doubling, about seven times in all.

mod by_patient;

use crate::StoreError;
use crate::rows::RowKey;
use crate::table::{RowBuilder, table_name};
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use consent_filter::Facts;
use model::{Category, Position, Record};
use std::sync::{Arc, OnceLock};

pub(crate) use by_patient::ByPatient;

/// Places of the stored columns that the store itself reads.
pub(crate) mod place {
    pub(crate) const SOURCE: usize = 0;
    pub(crate) const PATIENT: usize = 1;
    pub(crate) const RECORD: usize = 2;
    pub(crate) const VERSION: usize = 3;
    pub(crate) const OCCURRED: usize = 4;
    pub(crate) const RECORDED: usize = 5;
    pub(crate) const PARTITION: usize = 11;
    pub(crate) const OFFSET: usize = 12;
}

/// Immutable rows of one table with what a decision asks of each.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// The stored columns.
    pub(crate) batch: RecordBatch,
    /// Each row's `PatientIx`, as a number.
    pub(crate) patients: Vec<u32>,
    /// Each row's `ClassIx`, as a number.
    pub(crate) classes: Vec<u32>,
    pub(crate) keys: Vec<RowKey>,
    /// Made when some patients' rows are first asked for.
    by_patient: OnceLock<ByPatient>,
}

/// The growing end of a table; only the writer sees it.
pub(crate) struct Tail {
    builder: RowBuilder,
    patients: Vec<u32>,
    classes: Vec<u32>,
    keys: Vec<RowKey>,
}

impl Tail {
    pub(crate) fn new(category: Category) -> Self {
        Self { builder: RowBuilder::new(category), patients: Vec::new(), classes: Vec::new(), keys: Vec::new() }
    }

    pub(crate) fn push(&mut self, position: Position, record: &Record, facts: &Facts) {
        if self.builder.push(position, record) {
            self.patients.push(facts.patient.as_u32());
            self.classes.push(facts.class.as_u32());
            self.keys.push(RowKey::of(position));
        }
    }

    /// What was pushed since the last cut; `None` when that is nothing.
    pub(crate) fn cut(&mut self, category: Category) -> Result<Option<Chunk>, StoreError> {
        if self.builder.is_empty() {
            return Ok(None);
        }
        let batch =
            self.builder.finish().map_err(|source| StoreError::Arrow { table: table_name(category), source })?;
        let (patients, classes) = (std::mem::take(&mut self.patients), std::mem::take(&mut self.classes));
        Ok(Some(Chunk::new(batch, patients, classes, std::mem::take(&mut self.keys))))
    }
}

/// A chunk of this many rows is merged no further.
const FULL: usize = 16_384;

/// Adds a chunk and merges from the end while a chunk is less than twice as long as the one after it.
pub(crate) fn append(chunks: &mut Vec<Arc<Chunk>>, chunk: Chunk) -> Result<(), arrow::error::ArrowError> {
    chunks.push(Arc::new(chunk));
    while let [.., before, last] = chunks.as_slice() {
        if before.len() >= 2 * last.len() || before.len() + last.len() > FULL {
            break;
        }
        let merged = merge(&[before.clone(), last.clone()])?;
        chunks.truncate(chunks.len() - 2);
        chunks.push(Arc::new(merged));
    }
    Ok(())
}

/// All rows of the chunks as one, in order. At least one chunk.
pub(crate) fn merge(chunks: &[Arc<Chunk>]) -> Result<Chunk, arrow::error::ArrowError> {
    let schema =
        chunks.first().map_or_else(|| Arc::new(arrow::datatypes::Schema::empty()), |chunk| chunk.batch.schema());
    Ok(Chunk::new(
        arrow::compute::concat_batches(&schema, chunks.iter().map(|chunk| &chunk.batch))?,
        chunks.iter().flat_map(|chunk| chunk.patients.iter().copied()).collect(),
        chunks.iter().flat_map(|chunk| chunk.classes.iter().copied()).collect(),
        chunks.iter().flat_map(|chunk| chunk.keys.iter().copied()).collect(),
    ))
}

impl Chunk {
    /// Of rows with the stored columns, and of each its `PatientIx` and `ClassIx`, as numbers, and its key.
    pub(crate) fn new(batch: RecordBatch, patients: Vec<u32>, classes: Vec<u32>, keys: Vec<RowKey>) -> Self {
        Self { batch, patients, classes, keys, by_patient: OnceLock::new() }
    }
    /// Where each patient's rows lie.
    pub(crate) fn by_patient(&self) -> &ByPatient {
        self.by_patient.get_or_init(|| ByPatient::of(&self.batch, &self.patients))
    }
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
    /// Each row's `occurred` in microseconds.
    pub(crate) fn occurred(&self) -> &[i64] {
        numbers::<TimestampMicrosecondType>(&self.batch, place::OCCURRED)
    }
    /// Each row's `recorded` in microseconds.
    pub(crate) fn recorded(&self) -> &[i64] {
        numbers::<TimestampMicrosecondType>(&self.batch, place::RECORDED)
    }
}

/// A primitive column's values; empty where the batch has no such column of that type, so that nothing is shown.
pub(crate) fn numbers<T: ArrowPrimitiveType>(batch: &RecordBatch, place: usize) -> &[T::Native] {
    values::<T>(batch.columns().get(place))
}

pub(crate) fn values<T: ArrowPrimitiveType>(column: Option<&ArrayRef>) -> &[T::Native] {
    let array: Option<&PrimitiveArray<T>> = column.and_then(|array| array.as_primitive_opt::<T>());
    array.map(|array| &array.values()[..]).unwrap_or_default()
}

/// The row keys of a batch with the stored columns.
pub(crate) fn keys_of(batch: &RecordBatch) -> Vec<RowKey> {
    let partitions = numbers::<Int32Type>(batch, place::PARTITION);
    let offsets = numbers::<Int64Type>(batch, place::OFFSET);
    partitions.iter().zip(offsets).map(|(partition, offset)| RowKey::from_columns(*partition, *offset)).collect()
}

/// A text column of a batch with the stored columns.
pub(crate) fn texts(batch: &RecordBatch, place: usize) -> Option<&arrow::array::StringArray> {
    batch.columns().get(place).and_then(|array| array.as_any().downcast_ref())
}
