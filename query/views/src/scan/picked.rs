//! Reading rows of a piece that were checked before.

use super::cold::{columns, stored};
use super::pieces::ColdPiece;
use super::reading::{BATCH_ROWS, Reader, arrow_of};
use super::rows::{Given, batch};
use super::whose::whose_picked;
use crate::StoreError;
use crate::cold::Texts;
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use std::ops::Range;

/// Fewer rows than this between two that are wanted are read with them: to skip them costs more.
const READ_THROUGH: usize = 64;

/// Some rows of a piece, batch by batch, in order.
pub(crate) struct PickedRows<'a> {
    piece: &'a ColdPiece,
    given: &'a [Given],
    picked: &'a [u32],
    /// There is none where no column of the file is given.
    reader: Option<Reader>,
    /// The rows the reader gives, where the next batch begins.
    ranges: std::vec::IntoIter<Range<usize>>,
    range: Range<usize>,
}

/// What a batch gives: the columns, and where in the file the rows lie.
pub(crate) struct Picked<'a> {
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) at: &'a [u32],
}

impl<'a> PickedRows<'a> {
    pub(crate) fn open(
        piece: &'a ColdPiece,
        given: &'a [Given],
        picked: &'a [u32],
        texts: Texts,
    ) -> Result<Self, StoreError> {
        let read = stored(given, piece.file.places()?);
        let near = |row: &u32, next: &u32| ((next - row) as usize) < READ_THROUGH;
        let ranges = picked.chunk_by(near).filter_map(|rows| {
            let (first, last) = (*rows.first()? as usize, *rows.last()? as usize);
            Some(first..last + 1)
        });
        let ranges: Vec<Range<usize>> = ranges.collect();
        let reader = match read.is_empty() || ranges.is_empty() {
            true => None,
            false => Some(Reader::open(&piece.file, read, ranges.iter().cloned(), texts)?),
        };
        Ok(Self { piece, given, picked, reader, ranges: ranges.into_iter(), range: 0..0 })
    }

    /// The next rows, as the file has its columns.
    pub(crate) fn next_picked(&mut self) -> Option<Result<Picked<'a>, StoreError>> {
        loop {
            if self.picked.is_empty() {
                return None;
            }
            let (read, rows, indices) = match self.reader.as_mut().map(Reader::next) {
                Some(read) => match read? {
                    Ok(read) => {
                        let indices = self.places(read.num_rows());
                        (Some(read), indices.len(), indices)
                    }
                    Err(error) => return Some(Err(error)),
                },
                None => (None, BATCH_ROWS.min(self.picked.len()), Vec::new()),
            };
            if rows == 0 {
                continue;
            }
            let (these, rest) = self.picked.split_at_checked(rows)?;
            self.picked = rest;
            let of = whose_picked(self.piece, these);
            let indices = UInt32Array::from(indices);
            let column = |at| {
                let (reader, read) = (self.reader.as_ref()?, read.as_ref()?);
                let column = reader.column(read, at)?;
                Some(if read.num_rows() == rows { Ok(column.clone()) } else { take(column, &indices, None) })
            };
            let columns = columns(self.piece, self.given, &of, column).map_err(arrow_of(&self.piece.file));
            return Some(columns.map(|columns| Picked { columns, at: these }));
        }
    }

    /// Where in the next batch, which has so many rows, those that are wanted lie.
    fn places(&mut self, rows: usize) -> Vec<u32> {
        let mut found = Vec::new();
        let (mut begins, mut rest) = (0, self.picked);
        while begins < rows {
            if self.range.is_empty() {
                let Some(next) = self.ranges.next() else { break };
                self.range = next;
            }
            let here = self.range.start..self.range.end.min(self.range.start + rows - begins);
            let wanted = rest.partition_point(|row| (*row as usize) < here.end);
            let (these, after) = rest.split_at(wanted);
            let place = |row: &u32| u32::try_from(begins + *row as usize - here.start).ok();
            found.extend(these.iter().filter_map(place));
            rest = after;
            begins += here.len();
            self.range.start = here.end;
        }
        found
    }

    /// The next rows, as a batch of these columns.
    pub(crate) fn next(&mut self, schema: &SchemaRef) -> Option<Result<RecordBatch, StoreError>> {
        let failed = arrow_of(&self.piece.file);
        let made = |picked: Picked<'_>| batch(schema, picked.columns, picked.at.len()).map_err(failed);
        self.next_picked().map(|picked| picked.and_then(made))
    }
}
