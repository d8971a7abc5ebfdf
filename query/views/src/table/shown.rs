//! From rows as a viewer is shown them back to records.

use super::{MY_PATIENT_ID, record_of, view_schema};
use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray};
use model::{Category, PatientNumber, Record};

/// The records in a batch of a category's table with all its columns, as a scan of a view gives it.
#[derive(Debug)]
pub struct ShownRecords {
    category: Category,
    stored: RecordBatch,
    own: StringArray,
}

impl ShownRecords {
    /// The records of a batch; `None` where it has not the table's columns.
    pub fn of(category: Category, batch: &RecordBatch) -> Option<Self> {
        let schema = view_schema(category);
        if batch.num_columns() != schema.fields().len() {
            return None;
        }
        let own = schema.index_of(MY_PATIENT_ID).ok()?;
        let stored: Vec<usize> = (0..batch.num_columns()).filter(|at| *at != own).collect();
        let own = batch.column(own).as_string_opt::<i32>()?.clone();
        Some(Self { category, stored: batch.project(&stored).ok()?, own })
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.stored.num_rows()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The record of a row, and the viewer's own number for its patient; `None` where a cell does not hold what this crate
    /// wrote there.
    pub fn get(&self, row: usize) -> Option<(Record, Option<PatientNumber>)> {
        let (_, record) = record_of(self.category, &self.stored, row)?;
        let own = (self.own.is_valid(row)).then(|| PatientNumber::parse(self.own.value(row))).transpose().ok()?;
        Some((record, own))
    }
}
