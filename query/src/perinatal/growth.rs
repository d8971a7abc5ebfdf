//! The table `growth_tables`: the rows of the facility's own tables of growth. It is of nobody.

use super::Perinatal;
use crate::lab::cells::{Cell, Made};
use clinical::perinatal::pregnancy::{FetalMeasure, GrowthRow};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use std::sync::{Arc, LazyLock};

/// The table's name.
pub(super) const GROWTH_TABLES: &str = "growth_tables";

/// A row of one of the tables, and which.
pub(super) struct Row {
    measure: FetalMeasure,
    source: Arc<str>,
    row: GrowthRow,
}

static COLUMNS: [Made<Row>; 7] = [
    Made::of("measure", "`weight`, `bpd`, `ac` or `fl`", "計測項目", Cell::Text(|row| Some(row.measure.code().into()))),
    Made::of("unit", "the unit of mean and deviation", "単位", Cell::Text(|row| Some(row.measure.unit().into()))),
    Made::of("gestational_days", "the age, days", "妊娠日数", Cell::Long(|row| Some(i64::from(row.row.age.days())))),
    Made::of(
        "gestational_age",
        "the same in weeks and days",
        "妊娠週数",
        Cell::Text(|row| Some(row.row.age.to_string().into())),
    ),
    Made::of("mean", "the mean at that age", "平均", Cell::Float(|row| Some(row.row.mean))),
    Made::of("deviation", "the standard deviation", "標準偏差", Cell::Float(|row| Some(row.row.deviation))),
    Made::of(
        "source_text",
        "where the facility has the table from",
        "出典",
        Cell::Text(|row| Some(row.source.as_ref().into())),
    ),
];

pub(super) fn columns() -> &'static [Made<Row>] {
    &COLUMNS
}

/// The table's schema.
pub(super) fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(COLUMNS.iter().map(Made::field).collect::<Vec<Field>>())));
    Arc::clone(&SCHEMA)
}

/// The table of a facility.
pub(super) fn table(of: Option<&Perinatal>) -> Result<Arc<dyn TableProvider>> {
    let stated = of.map(|perinatal| perinatal.tables.growth.as_slice()).unwrap_or_default();
    let rows: Vec<Row> = stated
        .iter()
        .flat_map(|table| {
            let source: Arc<str> = table.source().into();
            table.rows().iter().map(move |row| Row { measure: table.measure(), source: Arc::clone(&source), row: *row })
        })
        .collect();
    let columns = COLUMNS.iter().map(|made| made.array(&rows)).collect();
    let batch = RecordBatch::try_new(schema(), columns)?;
    Ok(Arc::new(MemTable::try_new(schema(), vec![vec![batch]])?))
}
