//! The table `lab_unmapped`: codes whose results are of no known item, by source, with counts and what they most likely are.
//!
//! It is a statement over `lab_results`, so it shows what that shows and is counted where that is.

use crate::functions::suggest_item;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::functions_aggregate::expr_fn::{count, count_distinct, max, min};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, col, lit, when};
use std::sync::{Arc, LazyLock};
use views::table::{Column, Kind};

/// The table's name.
pub(crate) const LAB_UNMAPPED: &str = "lab_unmapped";

const fn column(name: &'static str, kind: Kind, en: &'static str, ja: &'static str) -> Column {
    Column { name, kind, nullable: true, en, ja }
}

/// Its columns.
pub(super) const COLUMNS: &[Column] = &[
    column("source", Kind::Text, "facility whose code it is", "開示施設"),
    column("code_system", Kind::Text, "`jlac10`, `loinc` or the source's own", "コード体系"),
    column("code", Kind::Text, "the code", "コード"),
    column("specimen", Kind::Text, "specimen as the source writes it", "材料"),
    column("reason", Kind::Text, "`unmapped`, `bad-code`, or `no-item`: a code of which no item is known", "理由"),
    column("name", Kind::Text, "what the source calls it", "検査名称"),
    column("unit", Kind::Text, "a unit of its results as the source writes it", "単位（原文）"),
    column("results", Kind::Long, "how many results", "結果件数"),
    column("patients", Kind::Long, "of how many of the source's patients", "患者数"),
    column("first_occurred", Kind::Time, "the first specimen", "最初の検体採取日時"),
    column("last_occurred", Kind::Time, "the last specimen", "最後の検体採取日時"),
    column("suggestion", Kind::Text, "the item it most likely is (suggest_item); a person decides", "候補の検査項目"),
];

/// The table's schema.
pub(crate) fn unmapped_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(COLUMNS.iter().map(super::cells::field).collect::<Vec<Field>>())));
    Arc::clone(&SCHEMA)
}

/// The table over one view's results.
///
/// # Errors
/// When the engine cannot plan it.
pub(crate) fn lab_unmapped(results: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(ViewTable::new(plan(results)?, None)))
}

fn plan(results: Arc<dyn TableProvider>) -> Result<LogicalPlan> {
    let group = ["source", "code_system", "code", "specimen", "code_read"].map(col);
    let of = |name: &str, made: Expr| made.alias(name);
    let counted = [
        of("name", max(col("name"))),
        of("unit", max(col("unit"))),
        of("results", count(lit(1_i64))),
        of("patients", count_distinct(col("patient_id"))),
        of("first_occurred", min(col("occurred"))),
        of("last_occurred", max(col("occurred"))),
    ];
    let reason = when(col("code_read").in_list(vec![lit("unmapped"), lit("bad-code")], false), col("code_read"))
        .otherwise(lit("no-item"))?;
    let suggestion = suggest_item().call(vec![col("name"), col("unit"), col("specimen")]);
    let given = unmapped_schema();
    let out = given.fields().iter().map(|field| match field.name().as_str() {
        "reason" => reason.clone().alias("reason"),
        "suggestion" => suggestion.clone().alias("suggestion"),
        name => cast(col(name), field.data_type().clone()).alias(name),
    });
    LogicalPlanBuilder::scan("lab_results", provider_as_source(results), None)?
        .filter(col("item").is_null().and(col("code_read").not_eq(lit("nothing"))))?
        .aggregate(group, counted)?
        .project(out.collect::<Vec<_>>())?
        .build()
}

#[cfg(test)]
mod tests {
    use super::super::results::{LabResults, lab_schema};
    use super::*;
    use clinical::lab::Sites;
    use datafusion::datasource::empty::EmptyTable;
    use model::Category;
    use views::table::view_schema;

    #[test]
    fn the_plans_columns_are_those_it_is_said_to_have() {
        let empty = |category| Arc::new(EmptyTable::new(view_schema(category))) as Arc<dyn TableProvider>;
        let results = LabResults::over(empty(Category::Laboratory), empty(Category::Patient), Arc::<Sites>::default());
        let table = lab_unmapped(Arc::new(results)).unwrap();
        let of = |schema: SchemaRef| -> Vec<(String, datafusion::arrow::datatypes::DataType)> {
            schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
        };
        assert_eq!(of(table.schema()), of(unmapped_schema()));
        assert!(lab_schema().index_of("code_read").is_ok());
    }
}
