//! Reading files of one source side by side, patient by patient.

use super::TableFile;
use super::write::SLICE_ROWS;
use crate::StoreError;
use crate::hot::{Chunk, keys_of};
use crate::table::{stored_schema, table_name};
use arrow::array::AsArray;
use arrow::compute::concat_batches;
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::sync::Arc;

/// So many rows of a file are decoded at once.
const BATCH_ROWS: usize = SLICE_ROWS / 8;

/// The rows of some files of one table and source, a slice at a time: the next patients of all of them, each patient with all rows there
/// are, in at least [`SLICE_ROWS`] rows but for the last slice. What is held is a slice, however large the files are.
pub(crate) struct Merge<'a> {
    files: Vec<Cursor<'a>>,
}

impl<'a> Merge<'a> {
    pub(crate) fn of(files: &'a [Arc<TableFile>]) -> Result<Self, StoreError> {
        Ok(Self { files: files.iter().map(|file| Cursor::open(file)).collect::<Result<_, _>>()? })
    }
}

impl Iterator for Merge<'_> {
    /// The slice's rows by file; a file that has none of its patients is left out.
    type Item = Result<Vec<Arc<Chunk>>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rows = 0;
        while rows < SLICE_ROWS {
            let Some(patient) = self.files.iter().filter_map(Cursor::patient).min() else { break };
            let patient = patient.to_owned();
            rows += self.files.iter_mut().map(|file| file.pass(&patient)).sum::<usize>();
        }
        let passed = self.files.iter_mut().filter(|file| file.passed > 0);
        (rows > 0).then(|| passed.map(|file| file.take().map(Arc::new)).collect())
    }
}

/// How far a file was read.
struct Cursor<'a> {
    file: &'a TableFile,
    rows: ParquetRecordBatchReader,
    class_at: usize,
    /// What was decoded and not taken.
    ready: Option<RecordBatch>,
    /// The first patient that was not passed, and how many rows were passed and not taken.
    at: usize,
    passed: usize,
}

impl<'a> Cursor<'a> {
    fn open(file: &'a TableFile) -> Result<Self, StoreError> {
        let rows = ParquetRecordBatchReaderBuilder::new_with_metadata(file.reader()?, file.metadata()?)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|source| StoreError::Parquet { table: table_name(file.category), source })?;
        Ok(Self { class_at: file.places()?.class, file, rows, ready: None, at: 0, passed: 0 })
    }

    /// The next patient's number.
    fn patient(&self) -> Option<&str> {
        self.file.runs.number(self.at)
    }

    /// Goes past a patient, if they are the next one; says how many rows they have.
    fn pass(&mut self, patient: &str) -> usize {
        if self.patient() != Some(patient) {
            return 0;
        }
        let rows = self.file.runs.range(self.at).map_or(0, |range| range.len());
        self.at += 1;
        self.passed += rows;
        rows
    }

    /// The rows that were passed. Patients are not numbered in them, files do not carry that.
    fn take(&mut self) -> Result<Chunk, StoreError> {
        let table = table_name(self.file.category);
        let arrow = |source| StoreError::Arrow { table, source };
        let (mut batches, mut classes) = (Vec::new(), Vec::new());
        while self.passed > 0 {
            let batch = match self.ready.take() {
                Some(batch) => batch,
                None => self.decode()?,
            };
            let rows = batch.num_rows().min(self.passed);
            if rows < batch.num_rows() {
                self.ready = Some(batch.slice(rows, batch.num_rows() - rows));
            }
            self.passed -= rows;
            let batch = batch.slice(0, rows);
            let local = batch.columns().get(self.class_at).and_then(|column| column.as_primitive_opt::<Int32Type>());
            let local = local.ok_or_else(|| StoreError::damaged(table, "its class column is missing"))?;
            let class = |local: &i32| self.file.class(*local).map_or(u32::MAX, |class| class.as_u32());
            classes.extend(local.values().iter().map(class));
            batches.push(self.file.stored(&batch)?);
        }
        let batch = concat_batches(&stored_schema(self.file.category), &batches).map_err(arrow)?;
        let keys = keys_of(&batch);
        Ok(Chunk::new(batch, vec![u32::MAX; keys.len()], classes, keys))
    }

    fn decode(&mut self) -> Result<RecordBatch, StoreError> {
        let table = table_name(self.file.category);
        let batch =
            self.rows.next().ok_or_else(|| StoreError::damaged(table, "a file has fewer rows than its runs"))?;
        batch.map_err(|source| StoreError::Arrow { table, source })
    }
}
