//! Reading a piece of a table file: only the pages of its stretches, then the check of class, times and death.

use super::pieces::{ColdPiece, Stretch, Term};
use super::reading::{Reader, arrow_of};
use super::rows::{Given, batch};
use super::tally::{Run, Runs};
use super::whose::{Whose, counted, numbers, own_numbers, whose};
use crate::StoreError;
use crate::cold::{Places, Texts};
use crate::hot::{place, values};
use crate::rows::{DeadSet, RowKey};
use crate::table::stored_schema;
use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, StringArray, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter;
use arrow::datatypes::{Int32Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use std::ops::Range;
use std::sync::Arc;

/// The visible rows of a piece, batch by batch.
pub(crate) struct ColdRows<'a> {
    piece: &'a ColdPiece,
    dead: &'a DeadSet,
    given: &'a [Given],
    reader: Reader,
    /// Where the file's columns lie.
    places: &'a Places,
    /// Every row of the stretches is visible: no class need be asked.
    open: bool,
    /// Where in the stretches the next batch begins.
    stretch: usize,
    within: usize,
    /// Of whom the rows of the last batch are.
    runs: Runs,
}

/// What a batch shows.
pub(crate) struct Shown {
    pub(crate) columns: Vec<ArrayRef>,
    /// Which of the rows read are visible, and where in the file these lie.
    mask: BooleanArray,
    read: Vec<Range<usize>>,
    visible: usize,
}

impl Shown {
    /// Where in the file the visible rows lie of which `keep` says so; it speaks of visible rows alone.
    pub(crate) fn kept(&self, keep: &BooleanArray, into: &mut Vec<u32>) {
        // Of the rows read, those that are kept.
        let kept = if self.visible == self.mask.len() {
            keep.values().clone()
        } else {
            let mut kept = BooleanBufferBuilder::new(self.mask.len());
            kept.append_n(self.mask.len(), false);
            let visible = self.mask.values().set_indices().zip(keep.values());
            visible.filter(|(_, keep)| *keep).for_each(|(at, _)| kept.set_bit(at, true));
            kept.finish()
        };
        let mut begins = 0;
        for rows in &self.read {
            let here = kept.slice(begins, rows.len());
            into.extend(here.set_indices().filter_map(|at| u32::try_from(rows.start + at).ok()));
            begins += rows.len();
        }
    }
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
        texts: Texts,
    ) -> Result<Self, StoreError> {
        let places = piece.file.places()?;
        let mut read = stored(given, places);
        let open = piece.is_open();
        if !open {
            read.push(places.class);
        }
        if piece.has_dead {
            read.extend([in_file(place::PARTITION), in_file(place::OFFSET)]);
        }
        if piece.has_bounds {
            read.extend([in_file(place::OCCURRED), in_file(place::RECORDED)]);
        }
        let rows = piece.stretches.iter().map(|stretch| stretch.rows.clone());
        let reader = Reader::open(&piece.file, read, rows, texts)?;
        Ok(Self { piece, dead, given, reader, places, open, stretch: 0, within: 0, runs: Runs::default() })
    }

    /// The next batch that shows anything, with these columns.
    pub(crate) fn next(&mut self, schema: &SchemaRef) -> Option<Result<RecordBatch, StoreError>> {
        let made = |shown: Shown| batch(schema, shown.columns, shown.visible).map_err(arrow_of(&self.piece.file));
        self.next_shown().map(|shown| shown.and_then(made))
    }

    /// The next batch that shows anything, as the file has its columns.
    pub(crate) fn next_shown(&mut self) -> Option<Result<Shown, StoreError>> {
        loop {
            let read = match self.reader.next()? {
                Ok(read) => read,
                Err(error) => return Some(Err(error)),
            };
            match self.show(&read) {
                Ok(Some(shown)) => return Some(Ok(shown)),
                Ok(None) => {}
                Err(error) => return Some(Err(arrow_of(&self.piece.file)(error))),
            }
        }
    }

    /// Of whom the rows of the batch given last are, in its order.
    pub(crate) fn runs(&mut self) -> Vec<Run> {
        self.runs.take()
    }

    fn show(&mut self, read: &RecordBatch) -> Result<Option<Shown>, ArrowError> {
        let rows = read.num_rows();
        let column = |at| self.reader.column(read, at);
        let classes = values::<Int32Type>(column(self.places.class));
        let occurred = values::<TimestampMicrosecondType>(column(in_file(place::OCCURRED)));
        let recorded = values::<TimestampMicrosecondType>(column(in_file(place::RECORDED)));
        let mut mask = vec![false; if self.open { 0 } else { rows }];
        let mut shown: Vec<(usize, Range<usize>)> = Vec::new();
        let mut done = 0;
        while done < rows {
            let Some(stretch) = self.piece.stretches.get(self.stretch) else { break };
            let take = (stretch.rows.len() - self.within).min(rows - done);
            if !self.open {
                check(self.piece, stretch, done..done + take, (classes, occurred, recorded), &mut mask);
            }
            shown.push((self.stretch, stretch.rows.start + self.within..stretch.rows.start + self.within + take));
            done += take;
            self.within += take;
            if self.within == stretch.rows.len() {
                (self.stretch, self.within) = (self.stretch + 1, 0);
            }
        }
        if self.piece.has_dead {
            let partitions = values::<Int32Type>(column(in_file(place::PARTITION)));
            let offsets = values::<Int64Type>(column(in_file(place::OFFSET)));
            for ((visible, partition), offset) in mask.iter_mut().zip(partitions).zip(offsets) {
                *visible = *visible && !self.dead.contains(RowKey::from_columns(*partition, *offset));
            }
        }
        let mask = if self.open { BooleanBuffer::new_set(rows).into() } else { BooleanArray::from(mask) };
        let visible = if self.open { rows } else { mask.true_count() };
        if visible == 0 {
            return Ok(None);
        }
        let mut of = Vec::new();
        let mut begins = 0;
        for (stretch, rows) in &shown {
            let given = |part: Range<usize>| match visible == mask.len() {
                true => part.len(),
                false => mask.slice(begins + part.start - rows.start, part.len()).true_count(),
            };
            whose(self.piece, *stretch, rows.clone(), given, &mut of);
            begins += rows.len();
        }
        let keep = |array: &ArrayRef| if visible == rows { Ok(array.clone()) } else { filter(array, &mask) };
        let columns = columns(self.piece, self.given, &of, |at| column(at).map(keep))?;
        counted(self.piece, &of, &mut self.runs);
        Ok(Some(Shown { columns, mask, read: shown.into_iter().map(|(_, rows)| rows).collect(), visible }))
    }
}

/// The file's columns that must be read for those given: whose a row is, is known without it.
pub(super) fn stored(given: &[Given], places: &Places) -> Vec<usize> {
    let read = given.iter().filter_map(|column| match column {
        Given::Stored(place::PATIENT) | Given::MyPatient | Given::Source => None,
        Given::Stored(at) => places.of(*at),
    });
    read.collect()
}

/// The columns given, row by row of those `of` tells. `column` gives what was read of the file's column.
pub(super) fn columns(
    piece: &ColdPiece,
    given: &[Given],
    of: &[Whose],
    column: impl Fn(usize) -> Option<Result<ArrayRef, ArrowError>>,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let rows = of.iter().map(Whose::rows).sum();
    let places = piece.file.places().map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
    let one = |given: &Given| match given {
        Given::Source => {
            let source = piece.file.entry.source.as_str();
            Ok(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(source, rows))) as ArrayRef)
        }
        Given::MyPatient => Ok(own_numbers(piece, of)),
        Given::Stored(place::PATIENT) => Ok(numbers(piece, of)),
        Given::Stored(at) => match places.of(*at) {
            Some(at) => column(at).unwrap_or_else(|| Err(missing())),
            // From before the table had this column.
            None => Ok(new_null_array(stored_schema(piece.file.category).field(*at).data_type(), rows)),
        },
    };
    given.iter().map(one).collect()
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
