//! Some columns of some rows of one table file.

use crate::StoreError;
use crate::cold::{TableFile, Texts};
use crate::table::table_name;
use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};
use std::ops::Range;
use std::sync::Arc;

pub(super) const BATCH_ROWS: usize = 8192;

/// Reads batch by batch.
pub(super) struct Reader {
    file: Arc<TableFile>,
    /// The places of the file's columns in the batches.
    read: Vec<usize>,
    batches: ParquetRecordBatchReader,
}

impl Reader {
    /// `rows` are in order. Only the row groups they lie in are opened: one that is skipped would be asked for its dictionaries
    /// all the same.
    pub(super) fn open(
        file: &Arc<TableFile>,
        mut read: Vec<usize>,
        rows: impl Iterator<Item = Range<usize>>,
        texts: Texts,
    ) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Parquet { table: table_name(file.category), source };
        read.sort_unstable();
        read.dedup();
        let metadata = match texts {
            Texts::Spelled => file.metadata()?,
            Texts::Folded => file.folded()?,
        };
        let rows: Vec<Range<usize>> = rows.collect();
        let first = rows.first().map_or(0, |rows| rows.start);
        let last = rows.last().map_or(0, |rows| rows.end);
        let (mut groups, mut begin, mut until) = (Vec::new(), 0, 0);
        for (at, group) in metadata.metadata().row_groups().iter().enumerate() {
            let here = until..until + usize::try_from(group.num_rows()).unwrap_or(usize::MAX);
            until = here.end;
            if here.end <= first {
                begin = here.end;
            } else if here.start < last {
                groups.push(at);
            } else {
                until = here.start;
                break;
            }
        }
        let shifted = rows.into_iter().map(|rows| rows.start - begin..rows.end - begin);
        let selection = RowSelection::from_consecutive_ranges(shifted, until - begin);
        let mask = ProjectionMask::roots(metadata.parquet_schema(), read.iter().copied());
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(file.reader()?, metadata)
            .with_row_groups(groups)
            .with_projection(mask)
            .with_row_selection(selection)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(failed)?;
        Ok(Self { file: file.clone(), read, batches })
    }

    pub(super) fn next(&mut self) -> Option<Result<RecordBatch, StoreError>> {
        let table = table_name(self.file.category);
        Some(self.batches.next()?.map_err(|source| StoreError::Arrow { table, source }))
    }

    /// What was read of the file's column at a place.
    pub(super) fn column<'a>(&self, batch: &'a RecordBatch, file_place: usize) -> Option<&'a ArrayRef> {
        let at = self.read.binary_search(&file_place).ok()?;
        batch.columns().get(at)
    }
}

/// An error of Arrow about a file's table.
pub(super) fn arrow_of(file: &TableFile) -> impl Fn(arrow::error::ArrowError) -> StoreError + use<> {
    let table = table_name(file.category);
    move |source| StoreError::Arrow { table, source }
}
