//! Where in a chunk each patient's rows lie.

use super::{place, texts};
use arrow::array::StringArray;
use arrow::record_batch::RecordBatch;

/// The rows of a chunk, patient by patient. A scan that asks for some persons looks at theirs alone, however many others were
/// written of lately.
#[derive(Debug, Default)]
pub(crate) struct ByPatient {
    /// Rows, those of one patient side by side and in order.
    rows: Vec<u32>,
    /// Patients by their `PatientIx`, each with where theirs begin in `rows`. One that the book has no number for stands there once
    /// for each of its rows.
    patients: Vec<(u32, u32)>,
    /// Places in `patients`, by source and the source's number.
    named: Vec<u32>,
}

/// Of whom no patient of the book is.
const NOBODY: u32 = u32::MAX;

impl ByPatient {
    /// Of a chunk's rows, each with its `PatientIx`.
    pub(super) fn of(batch: &RecordBatch, numbers: &[u32]) -> Self {
        let mut rows: Vec<u32> = (0..).take(numbers.len()).collect();
        let number = |row: u32| numbers.get(row as usize).copied().unwrap_or(NOBODY);
        rows.sort_unstable_by_key(|row| (number(*row), *row));
        let mut patients: Vec<(u32, u32)> = Vec::new();
        for (at, row) in (0..).zip(&rows) {
            let number = number(*row);
            if number == NOBODY || patients.last().is_none_or(|(last, _)| *last != number) {
                patients.push((number, at));
            }
        }
        let mut made = Self { rows, patients, named: Vec::new() };
        let mut named: Vec<u32> = (0..).take(made.patients.len()).collect();
        if let Some(names) = Names::of(batch) {
            named.sort_unstable_by_key(|at| made.name(&names, *at));
        }
        made.named = named;
        made
    }

    /// Of one that the book has a number for.
    pub(crate) fn numbered(&self, number: u32) -> &[u32] {
        match self.patients.binary_search_by_key(&number, |(known, _)| *known) {
            Ok(at) if number != NOBODY => self.rows_at(at),
            _ => &[],
        }
    }

    /// Of a source's patients by the source's numbers, whether or not the book has one; adds them to `into`.
    pub(crate) fn named<'a>(
        &self,
        batch: &RecordBatch,
        (source, numbers): (&str, impl Iterator<Item = &'a str>),
        into: &mut Vec<u32>,
    ) {
        let Some(names) = Names::of(batch) else { return };
        let first = self.named.partition_point(|at| self.name(&names, *at).0 < source);
        let here = self.named.get(first..).unwrap_or_default();
        let here = here.get(..here.partition_point(|at| self.name(&names, *at).0 == source)).unwrap_or_default();
        if here.is_empty() {
            return;
        }
        for number in numbers {
            let first = here.partition_point(|at| self.name(&names, *at).1 < number);
            let found = here.get(first..).unwrap_or_default();
            for at in found.iter().take_while(|at| self.name(&names, **at).1 == number) {
                into.extend_from_slice(self.rows_at(*at as usize));
            }
        }
    }

    fn rows_at(&self, at: usize) -> &[u32] {
        let begins = |at: usize| self.patients.get(at).map_or(self.rows.len(), |(_, begins)| *begins as usize);
        self.rows.get(begins(at)..begins(at + 1)).unwrap_or_default()
    }

    fn name<'a>(&self, names: &Names<'a>, at: u32) -> (&'a str, &'a str) {
        let begins = self.patients.get(at as usize).and_then(|(_, begins)| self.rows.get(*begins as usize));
        begins.map_or(("", ""), |row| (names.sources.value(*row as usize), names.numbers.value(*row as usize)))
    }
}

/// What sources call themselves and their patients, row by row.
struct Names<'a> {
    sources: &'a StringArray,
    numbers: &'a StringArray,
}

impl<'a> Names<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        Some(Self { sources: texts(batch, place::SOURCE)?, numbers: texts(batch, place::PATIENT)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::ArrayRef;
    use std::sync::Arc;

    fn batch(rows: &[(&str, &str)]) -> RecordBatch {
        let column =
            |of: fn(&(&str, &str)) -> String| Arc::new(StringArray::from_iter_values(rows.iter().map(of))) as ArrayRef;
        let (sources, numbers) = (column(|row| row.0.to_owned()), column(|row| row.1.to_owned()));
        RecordBatch::try_from_iter([("source", sources), ("patient_id", numbers)]).unwrap()
    }

    #[test]
    fn each_patients_rows_are_found_by_number_and_by_name_and_no_others() {
        let rows = [("b", "2"), ("a", "1"), ("b", "2"), ("b", "1"), ("a", "9"), ("a", "9"), ("a", "1"), ("b", "1")];
        let numbers = [7, 3, 7, 0, NOBODY, NOBODY, 3, NOBODY];
        let batch = batch(&rows);
        let made = ByPatient::of(&batch, &numbers);
        assert_eq!([7, 3, 0, 1, NOBODY].map(|number| made.numbered(number)), [&[0, 2][..], &[1, 6], &[3], &[], &[]]);
        let named = |source, number| {
            let mut found = Vec::new();
            made.named(&batch, (source, std::iter::once(number)), &mut found);
            found.sort_unstable();
            found
        };
        // one source's patient may have a number in the book for some rows and none for others
        assert_eq!(
            [named("a", "1"), named("a", "9"), named("b", "1"), named("b", "2")],
            [[1, 6], [4, 5], [3, 7], [0, 2]]
        );
        assert_eq!([named("a", "2"), named("", ""), named("c", "1")], [[0; 0]; 3]);
        let empty = ByPatient::of(&batch.slice(0, 0), &[]);
        assert!(empty.numbered(0).is_empty());
    }
}
