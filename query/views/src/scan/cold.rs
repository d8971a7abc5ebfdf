//! Reading a piece of a table file: only the pages of its stretches, then the check of class, times and death.

use super::pieces::{ColdPiece, Stretch, Term};
use super::rows::{Given, batch};
use super::tally::{Run, Runs, patient_ref};
use crate::StoreError;
use crate::cold::Places;
use crate::hot::{place, values};
use crate::rows::{DeadSet, RowKey};
use crate::table::table_name;
use arrow::array::{ArrayRef, BooleanArray, StringArray, new_null_array};
use arrow::compute::filter;
use arrow::datatypes::{Int32Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};
use std::ops::Range;
use std::sync::Arc;

const BATCH_ROWS: usize = 8192;

/// The visible rows of a piece, batch by batch.
pub(crate) struct ColdRows<'a> {
    piece: &'a ColdPiece,
    dead: &'a DeadSet,
    given: &'a [Given],
    schema: &'a SchemaRef,
    reader: ParquetRecordBatchReader,
    /// Where the file's columns lie.
    places: &'a Places,
    /// The places of the file's columns in the batches read.
    read: Vec<usize>,
    /// Where in the stretches the next batch begins.
    stretch: usize,
    within: usize,
    /// Of whom the rows of the last batch are.
    runs: Runs,
}

/// In a file the source is not stored, so a column that every table has lies one place earlier.
const fn in_file(stored: usize) -> usize {
    stored - 1
}

impl<'a> ColdRows<'a> {
    pub(crate) fn open(
        piece: &'a ColdPiece,
        dead: &'a DeadSet,
        given: &'a [Given],
        schema: &'a SchemaRef,
    ) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Parquet { table: table_name(piece.file.category), source };
        let metadata = piece.file.metadata()?;
        let places = piece.file.places()?;
        let mut read = vec![places.class];
        read.extend(given.iter().filter_map(|column| match column {
            Given::Stored(at) => places.of(*at),
            // Of the viewer's own rows it is the patient's number.
            Given::MyPatient => Some(in_file(place::PATIENT)),
            Given::Source => None,
        }));
        if piece.has_dead {
            read.extend([in_file(place::PARTITION), in_file(place::OFFSET)]);
        }
        if piece.has_bounds {
            read.extend([in_file(place::OCCURRED), in_file(place::RECORDED)]);
        }
        read.sort_unstable();
        read.dedup();
        let rows = piece.stretches.iter().map(|stretch| stretch.rows.clone());
        let selection = RowSelection::from_consecutive_ranges(rows, piece.file.runs.rows());
        let mask = ProjectionMask::roots(metadata.parquet_schema(), read.iter().copied());
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(piece.file.reader()?, metadata)
            .with_projection(mask)
            .with_row_selection(selection)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(failed)?;
        Ok(Self { piece, dead, given, schema, reader, places, read, stretch: 0, within: 0, runs: Runs::default() })
    }

    /// The next batch that shows anything.
    pub(crate) fn next(&mut self) -> Option<Result<RecordBatch, StoreError>> {
        let failed = |source| StoreError::Arrow { table: table_name(self.piece.file.category), source };
        loop {
            let read = match self.reader.next()? {
                Ok(read) => read,
                Err(error) => return Some(Err(failed(error))),
            };
            match self.show(&read) {
                Ok(Some(shown)) => return Some(Ok(shown)),
                Ok(None) => {}
                Err(error) => return Some(Err(failed(error))),
            }
        }
    }

    /// Of whom the rows of the batch given last are, in its order.
    pub(crate) fn runs(&mut self) -> Vec<Run> {
        self.runs.take()
    }

    fn column<'b>(&self, read: &'b RecordBatch, file_place: usize) -> Option<&'b ArrayRef> {
        let at = self.read.binary_search(&file_place).ok()?;
        read.columns().get(at)
    }

    fn show(&mut self, read: &RecordBatch) -> Result<Option<RecordBatch>, arrow::error::ArrowError> {
        let rows = read.num_rows();
        let classes = values::<Int32Type>(self.column(read, self.places.class));
        let occurred = values::<TimestampMicrosecondType>(self.column(read, in_file(place::OCCURRED)));
        let recorded = values::<TimestampMicrosecondType>(self.column(read, in_file(place::RECORDED)));
        let mut mask = vec![false; rows];
        let mut shown: Vec<(usize, Range<usize>)> = Vec::new();
        let mut done = 0;
        while done < rows {
            let Some(stretch) = self.piece.stretches.get(self.stretch) else { break };
            let take = (stretch.rows.len() - self.within).min(rows - done);
            check(self.piece, stretch, done..done + take, (classes, occurred, recorded), &mut mask);
            shown.push((self.stretch, stretch.rows.start + self.within..stretch.rows.start + self.within + take));
            done += take;
            self.within += take;
            if self.within == stretch.rows.len() {
                (self.stretch, self.within) = (self.stretch + 1, 0);
            }
        }
        if self.piece.has_dead {
            let partitions = values::<Int32Type>(self.column(read, in_file(place::PARTITION)));
            let offsets = values::<Int64Type>(self.column(read, in_file(place::OFFSET)));
            for ((visible, partition), offset) in mask.iter_mut().zip(partitions).zip(offsets) {
                *visible = *visible && !self.dead.contains(RowKey::from_columns(*partition, *offset));
            }
        }
        let mask = BooleanArray::from(mask);
        let visible = mask.true_count();
        if visible == 0 {
            return Ok(None);
        }
        self.count(&mask, &shown);
        let keep = |array: &ArrayRef| if visible == rows { Ok(array.clone()) } else { filter(array, &mask) };
        let mut columns = Vec::with_capacity(self.given.len());
        for (column, field) in self.given.iter().zip(self.schema.fields()) {
            columns.push(match column {
                Given::Source => {
                    let source = self.piece.file.entry.source.as_str();
                    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(source, visible))) as ArrayRef
                }
                Given::MyPatient => self.own_numbers(read, &mask, &shown)?,
                Given::Stored(at) => match self.places.of(*at) {
                    Some(at) => keep(self.column(read, at).ok_or_else(missing)?)?,
                    // From before the table had this column.
                    None => new_null_array(field.data_type(), visible),
                },
            });
        }
        batch(self.schema, columns, visible).map(Some)
    }

    /// Notes of whom the visible rows are. `shown` spells the rows read: of which stretch, and where in the file.
    fn count(&mut self, mask: &BooleanArray, shown: &[(usize, Range<usize>)]) {
        let file = &self.piece.file;
        let mut read = 0;
        for rows in shown.iter().map(|(_, rows)| rows.clone()) {
            let begins = read;
            read += rows.len();
            let mut at = rows.start;
            // Rows of one patient lie together: one look for each, not one for each row.
            while at < rows.end {
                let Some((patient, until)) = file.runs.run_of(at) else { break };
                let until = until.min(rows.end);
                let visible = mask.slice(begins + at - rows.start, until - at).true_count();
                if visible > 0 {
                    let name = || patient_ref(file.entry.source.as_str(), file.runs.number(patient)?);
                    self.runs.push(patient, visible, name);
                }
                at = until;
            }
        }
    }

    /// The viewer's own numbers of the visible rows.
    fn own_numbers(
        &self,
        read: &RecordBatch,
        mask: &BooleanArray,
        shown: &[(usize, Range<usize>)],
    ) -> Result<ArrayRef, arrow::error::ArrowError> {
        let patients = self.column(read, in_file(place::PATIENT)).ok_or_else(missing)?;
        let patients: Option<&StringArray> = patients.as_any().downcast_ref();
        let mut numbers = Vec::with_capacity(mask.true_count());
        let mut row = 0;
        for (stretch, rows) in shown {
            let rows = rows.len();
            let own = self.piece.stretches.get(*stretch).and_then(|stretch| stretch.own.as_ref());
            for row in row..row + rows {
                if mask.value(row) {
                    let number = own.map(|own| own.as_str());
                    numbers.push(number.or_else(|| patients.map(|patients| patients.value(row))));
                }
            }
            row += rows;
        }
        Ok(Arc::new(StringArray::from(numbers)))
    }
}

fn missing() -> arrow::error::ArrowError {
    arrow::error::ArrowError::SchemaError("a column of a table file is missing".to_owned())
}

/// Sets the mask of the rows of one stretch that meet its terms.
fn check(
    piece: &ColdPiece,
    stretch: &Stretch,
    rows: Range<usize>,
    columns: (&[i32], &[i64], &[i64]),
    mask: &mut [bool],
) {
    let (classes, occurred, recorded) = columns;
    let Some(terms) = piece.terms.get(stretch.terms) else { return };
    let (Some(mask), Some(classes)) = (mask.get_mut(rows.clone()), classes.get(rows.clone())) else { return };
    let class_of = |term: &Term, class: i32| {
        usize::try_from(class).ok().and_then(|class| term.classes.get(class)).is_some_and(|permitted| *permitted)
    };
    if !piece.has_bounds {
        for (visible, class) in mask.iter_mut().zip(classes) {
            *visible = terms.iter().any(|term| class_of(term, *class));
        }
        return;
    }
    let (Some(occurred), Some(recorded)) = (occurred.get(rows.clone()), recorded.get(rows)) else { return };
    let times = occurred.iter().zip(recorded);
    for ((visible, class), (occurred, recorded)) in mask.iter_mut().zip(classes).zip(times) {
        *visible = terms.iter().any(|term| {
            class_of(term, *class)
                && term.occurred_from <= *occurred
                && *occurred < term.occurred_until
                && *recorded <= term.recorded_until
        });
    }
}
