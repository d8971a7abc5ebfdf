//! From a piece of a table file, or a hot chunk, to those of its visible rows that meet the tests.

use super::cold::ColdRows;
use super::picked::PickedRows;
use super::pieces::ColdPiece;
use super::rows::Given;
use super::sieve::{Memo, Sieve};
use super::tally::Run;
use crate::StoreError;
use crate::cold::Texts;
use crate::hot::Chunk;
use crate::rows::DeadSet;
use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::{and, filter, filter_record_batch};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, Result};

/// Where in the file the rows of a piece lie that are visible and meet every test. A column is read only of rows that met
/// the tests before. Whose the visible rows are is told to `read`, batch by batch, before the first test is asked of them.
pub(crate) fn sift(piece: &ColdPiece, dead: &DeadSet, sieve: &Sieve, mut read: impl FnMut(&[Run])) -> Result<Vec<u32>> {
    let mut picked = Vec::new();
    let Some((first, others)) = sieve.tests().split_first() else { return Ok(picked) };
    let (given, mut memo) = ([Given::Stored(first.at)], Memo::default());
    let mut rows = ColdRows::open(piece, dead, &given, Texts::Folded).map_err(failed)?;
    while let Some(shown) = rows.next_shown() {
        let shown = shown.map_err(failed)?;
        read(&rows.runs());
        let keep = first.met(only(&shown.columns)?, &mut memo)?;
        shown.kept(&keep, &mut picked);
    }
    for test in others {
        let (given, mut memo, before) = ([Given::Stored(test.at)], Memo::default(), std::mem::take(&mut picked));
        let mut rows = PickedRows::open(piece, &given, &before, Texts::Folded).map_err(failed)?;
        while let Some(shown) = rows.next_picked() {
            let shown = shown.map_err(failed)?;
            let keep = test.met(only(&shown.columns)?, &mut memo)?;
            picked.extend(shown.at.iter().zip(keep.values()).filter(|(_, kept)| *kept).map(|(row, _)| *row));
        }
    }
    Ok(picked)
}

/// Of the visible rows of a hot chunk, which `mask` tells, those that meet every test.
pub(crate) fn sift_hot(chunk: &Chunk, mask: &BooleanArray, batch: RecordBatch, sieve: &Sieve) -> Result<RecordBatch> {
    let mut keep: Option<BooleanArray> = None;
    for test in sieve.tests() {
        let met = test.met(&filter(chunk.batch.column(test.at), mask)?, &mut Memo::default())?;
        keep = Some(match keep {
            Some(before) => and(&before, &met)?,
            None => met,
        });
    }
    Ok(match keep {
        Some(keep) => filter_record_batch(&batch, &keep)?,
        None => batch,
    })
}

fn only(columns: &[ArrayRef]) -> Result<&ArrayRef> {
    columns.first().ok_or_else(|| DataFusionError::Internal("a test was given no column".to_owned()))
}

pub(super) fn failed(error: StoreError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
