//! Readings that were read before. Reading a laboratory result takes far longer than finding that the same was read: of one item,
//! from one source and in one unit, there are few values.

use crate::lab::read::{Inputs, ValueTexts};
use clinical::diabetes::Reading;
use clinical::lab::Patient;
use std::collections::HashMap;

/// What the rows of some hundred persons were read as.
#[derive(Default)]
pub(super) struct Known {
    /// Each sort of row (item, source, unit and the rest but the number) by its texts.
    sorts: HashMap<ValueTexts<String>, u32>,
    /// By sort, and the number's bits.
    readings: HashMap<(u32, Option<u64>), Option<Reading>>,
}

/// The same over the rows of one batch.
pub(super) struct KnownOf<'k, 'a> {
    known: &'k mut Known,
    inputs: &'a Inputs<'a>,
    /// As far as the batch has shown them, without a copy of their texts.
    sorts: HashMap<ValueTexts<&'a str>, u32>,
}

impl Known {
    /// Over the rows of a batch.
    pub(super) fn of<'k, 'a>(&'k mut self, inputs: &'a Inputs<'a>) -> KnownOf<'k, 'a> {
        KnownOf { known: self, inputs, sorts: HashMap::new() }
    }
}

impl KnownOf<'_, '_> {
    /// What a row says; `None` where it says nothing that is asked for, or no patient has such a value.
    pub(super) fn read(&mut self, row: usize) -> Option<&Reading> {
        let (texts, number) = self.inputs.parts(row);
        let Known { sorts, readings } = &mut *self.known;
        let sort = *self.sorts.entry(texts).or_insert_with(|| {
            // far fewer than there are rows
            let next = u32::try_from(sorts.len()).unwrap_or(u32::MAX);
            *sorts.entry(texts.map(str::to_owned)).or_insert(next)
        });
        let read = || Reading::of_lab(&self.inputs.read(row, Patient::default())).ok().flatten();
        readings.entry((sort, number.map(f64::to_bits))).or_insert_with(read).as_ref()
    }
}
