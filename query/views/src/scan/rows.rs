//! Which rows are visible, and the columns a scan gives of them.

use super::pruning::Pruning;
use super::sight::{Sight, admits};
use super::tally::{Run, Runs, owner};
use super::wanted::Wanted;
use crate::hot::{Chunk, place};
use crate::planted::{Bug, is};
use crate::rows::DeadSet;
use crate::table::{MY_PATIENT_ID, columns};
use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, StringArray};
use arrow::compute::filter;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use consent_filter::{ClassIx, PatientIx};
use model::Category;
use std::sync::Arc;

/// One column a scan gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Given {
    /// The source.
    Source,
    /// The viewer's own number.
    MyPatient,
    /// The stored column at this place.
    Stored(usize),
}

/// The columns of a view at the places of a projection.
pub(crate) fn given(category: Category, projection: &[usize]) -> Vec<Given> {
    let mine = columns(category).position(|column| column.name == MY_PATIENT_ID).unwrap_or(usize::MAX);
    let one = |at: &usize| match *at {
        0 => Given::Source,
        at if at == mine => Given::MyPatient,
        at if at > mine => Given::Stored(at - 1),
        at => Given::Stored(at),
    };
    projection.iter().map(one).collect()
}

/// A batch of a scan's columns; it may have none, and then still counts its rows.
pub(crate) fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}

/// What a hot chunk shows.
pub(crate) struct HotRows {
    pub(crate) batch: RecordBatch,
    /// Of whom the rows are, in order.
    pub(crate) runs: Vec<Run>,
    /// Which of the chunk's rows they are.
    pub(crate) mask: BooleanArray,
}

/// The visible rows of a hot chunk that are of use; `None` when there are none.
pub(crate) fn hot(
    (sight, dead): (&Sight, &DeadSet),
    (chunk, pruning, wanted): (&Chunk, &Pruning, &Wanted<'_>),
    given: &[Given],
    schema: &SchemaRef,
) -> Result<Option<HotRows>, ArrowError> {
    let (occurred, recorded) = (chunk.occurred(), chunk.recorded());
    let mut mine: Vec<Option<&str>> = Vec::new();
    let wants_mine = given.contains(&Given::MyPatient);
    let patients = crate::hot::texts(&chunk.batch, place::PATIENT);
    // What a query has no use for is not read, as in files: so it is not counted as read either.
    let sources = crate::hot::texts(&chunk.batch, place::SOURCE);
    let mut mask = BooleanBufferBuilder::new(chunk.len());
    mask.append_n(chunk.len(), false);
    let mut runs = Runs::default();
    let mut look = |row: usize| {
        let of_row = (chunk.patients.get(row), chunk.classes.get(row), chunk.keys.get(row));
        let (Some(patient), Some(class), Some(key)) = of_row else { return };
        let (Some(occurred), Some(recorded)) = (occurred.get(row), recorded.get(row)) else { return };
        let class = ClassIx::from_u32(*class);
        let patient = PatientIx::from_u32(*patient);
        let (visible, number) = if sight.own_class(class) {
            (true, None)
        } else if let Some(seen) = sight.patient(patient) {
            let grant = sight.visibility.grant(patient);
            let within = grant
                .is_some_and(|grant| grant.alternatives().any(|bounds| admits(&bounds, class, *occurred, *recorded)));
            (within || is(Bug::HotTierBypass), Some(seen.own.as_str()))
        } else {
            (false, None)
        };
        let visible = visible && (!dead.contains(*key) || is(Bug::HotDeadShown));
        // Whose rows are of use was asked before: `wanted` has no others.
        let of_use = sources.is_none_or(|sources| pruning.source(sources.value(row)));
        if visible && of_use {
            runs.push(patient.get(), 1, || owner(chunk, row));
            if wants_mine {
                // Of the viewer's own rows the number is the patient's own.
                mine.push(number.or_else(|| patients.map(|patients| patients.value(row))));
            }
            mask.set_bit(row, true);
        }
    };
    match wanted.rows(chunk) {
        Some(rows) => rows.into_iter().for_each(|row| look(row as usize)),
        None => (0..chunk.len()).for_each(look),
    }
    let mask = BooleanArray::from(mask.finish());
    let visible = mask.true_count();
    if visible == 0 {
        return Ok(None);
    }
    let mut columns = Vec::with_capacity(given.len());
    for column in given {
        columns.push(match column {
            Given::MyPatient => Arc::new(StringArray::from(mine.clone())) as ArrayRef,
            Given::Source => filter(chunk.batch.column(place::SOURCE), &mask)?,
            Given::Stored(at) => filter(chunk.batch.column(*at), &mask)?,
        });
    }
    Ok(Some(HotRows { batch: batch(schema, columns, visible)?, runs: runs.take(), mask }))
}
