//! Tables: one per category, with a typed Arrow schema, and the two directions between a row and a record.

mod columns;
mod decode;
mod encode;
mod shown;

pub use columns::{Column, Kind, columns};
pub(crate) use decode::record_of;
pub(crate) use encode::RowBuilder;
pub use shown::ShownRecords;

use arrow::datatypes::{Schema, SchemaRef};
use model::Category;
use std::sync::{Arc, OnceLock};

/// The SQL name of a category's table: the category's code with `_` for `-`.
pub const fn table_name(category: Category) -> &'static str {
    match category {
        Category::Patient => "patient",
        Category::Laboratory => "laboratory",
        Category::VitalSign => "vital_sign",
        Category::Condition => "condition",
        Category::Allergy => "allergy",
        Category::Medication => "medication",
        Category::Encounter => "encounter",
        Category::Document => "document",
        Category::Imaging => "imaging",
        Category::Waveform => "waveform",
        Category::Perinatal => "perinatal",
        Category::CarePlan => "care_plan",
        Category::Message => "message",
        Category::Immunization => "immunization",
    }
}

/// The schema of a category's table as a viewer sees it.
pub fn view_schema(category: Category) -> SchemaRef {
    static SCHEMAS: OnceLock<Vec<SchemaRef>> = OnceLock::new();
    cached(SCHEMAS.get_or_init(|| every(|c| columns(c).map(Column::field).collect())), category)
}

/// The schema rows are kept in: the view's without what only a viewer has (`my_patient_id`).
pub(crate) fn stored_schema(category: Category) -> SchemaRef {
    static SCHEMAS: OnceLock<Vec<SchemaRef>> = OnceLock::new();
    cached(SCHEMAS.get_or_init(|| every(|c| stored_columns(c).map(Column::field).collect())), category)
}

/// The columns rows are kept in, in order.
pub(crate) fn stored_columns(category: Category) -> impl Iterator<Item = &'static Column> {
    columns(category).filter(|column| column.name != MY_PATIENT_ID)
}

/// The viewer's own number for the person; made by the scan, never stored.
pub(crate) const MY_PATIENT_ID: &str = "my_patient_id";

fn every(fields: impl Fn(Category) -> Vec<arrow::datatypes::Field>) -> Vec<SchemaRef> {
    Category::ALL.iter().map(|category| Arc::new(Schema::new(fields(*category)))).collect()
}

fn cached(schemas: &[SchemaRef], category: Category) -> SchemaRef {
    schemas.get(category as usize).cloned().unwrap_or_else(|| Arc::new(Schema::empty()))
}

#[cfg(test)]
mod tests;
