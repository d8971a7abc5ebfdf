//! Whose the rows are that a scan of a file gives: known from the runs beside the file, so no number is read from it.

use super::pieces::ColdPiece;
use super::tally::{Runs, patient_ref};
use arrow::array::{ArrayRef, StringBuilder};
use std::ops::Range;
use std::sync::Arc;

/// Rows of one patient that follow each other, and how many of them are given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose {
    /// By place in the file's runs.
    patient: usize,
    /// By place in the piece's stretches.
    stretch: usize,
    rows: usize,
}

impl Whose {
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }
}

/// Of rows of a file in order, whose they are.
pub(crate) fn whose(
    piece: &ColdPiece,
    stretch: usize,
    rows: Range<usize>,
    mut given: impl FnMut(Range<usize>) -> usize,
    into: &mut Vec<Whose>,
) {
    let mut at = rows.start;
    // Rows of one patient lie together: one look for each, not one for each row.
    while at < rows.end {
        let Some((patient, until)) = piece.file.runs.run_of(at) else { break };
        let until = until.min(rows.end);
        let rows = given(at..until);
        if rows > 0 {
            into.push(Whose { patient, stretch, rows });
        }
        at = until;
    }
}

/// Of some rows of a piece, in order, whose they are.
pub(crate) fn whose_picked(piece: &ColdPiece, picked: &[u32]) -> Vec<Whose> {
    let mut found: Vec<Whose> = Vec::new();
    let mut rest = picked;
    while let Some(first) = rest.first().map(|row| *row as usize) {
        let stretch = piece.stretches.partition_point(|stretch| stretch.rows.end <= first);
        let Some((patient, until)) = piece.file.runs.run_of(first) else { break };
        let rows = rest.partition_point(|row| (*row as usize) < until);
        found.push(Whose { patient, stretch, rows });
        rest = rest.get(rows..).unwrap_or_default();
    }
    found
}

/// What is counted of them.
pub(crate) fn counted(piece: &ColdPiece, whose: &[Whose], into: &mut Runs) {
    let file = &piece.file;
    for one in whose {
        into.push(one.patient, one.rows, || patient_ref(file.entry.source.as_str(), file.runs.number(one.patient)?));
    }
}

/// The numbers the source has for the patients, row by row.
pub(crate) fn numbers(piece: &ColdPiece, whose: &[Whose]) -> ArrayRef {
    spelled(whose, |one| piece.file.runs.number(one.patient))
}

/// The viewer's own numbers for the patients, row by row: of the viewer's own rows it is the patient's number.
pub(crate) fn own_numbers(piece: &ColdPiece, whose: &[Whose]) -> ArrayRef {
    spelled(whose, |one| {
        let own = piece.stretches.get(one.stretch).and_then(|stretch| stretch.own.as_ref());
        own.map(|own| own.as_str()).or_else(|| piece.file.runs.number(one.patient))
    })
}

fn spelled<'a>(whose: &'a [Whose], text: impl Fn(&'a Whose) -> Option<&'a str>) -> ArrayRef {
    let rows = whose.iter().map(|one| one.rows).sum();
    let mut texts = StringBuilder::with_capacity(rows, rows * 12);
    for one in whose {
        match text(one) {
            Some(text) => texts.append_value_n(text, one.rows),
            None => texts.append_nulls(one.rows),
        }
    }
    Arc::new(texts.finish())
}
