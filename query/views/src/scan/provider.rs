//! A table of one facility's view, as DataFusion knows it.

use super::pieces::pieces;
use super::plan::{FacilityScan, Parts};
use super::pruning::Pruning;
use super::rows::given;
use super::sieve::{Sieve, is_test};
use super::sight::Sight;
use super::tally::Tally;
use crate::store::Snapshot;
use crate::table::{table_name, view_schema};
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use model::Category;
use std::fmt;
use std::sync::Arc;

/// One table of one view.
pub(crate) struct FacilityTable {
    pub(crate) category: Category,
    pub(crate) sight: Arc<Sight>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) tally: Arc<Tally>,
}

impl fmt::Debug for FacilityTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FacilityTable").field("table", &table_name(self.category)).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for FacilityTable {
    fn schema(&self) -> SchemaRef {
        view_schema(self.category)
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // What is no test only spares reading: the rows that come are filtered again above.
        let pushed = |filter: &&Expr| match is_test(self.category, filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(pushed).collect())
    }
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let full = view_schema(self.category);
        let projection = projection.cloned().unwrap_or_else(|| (0..full.fields().len()).collect());
        let schema: Schema = full.project(&projection)?;
        let partitions = state.config().target_partitions();
        let pruning = Pruning::of(filters);
        Ok(Arc::new(FacilityScan::new(Parts {
            category: self.category,
            sight: self.sight.clone(),
            dead: self.snapshot.dead.clone(),
            given: given(self.category, &projection),
            schema: Arc::new(schema),
            pieces: pieces(&self.sight, &self.snapshot, self.category, &pruning, partitions),
            pruning,
            // Rows that are filtered again above are more than are wanted, so the limit is not this scan's.
            limit: limit.filter(|_| filters.iter().all(|filter| is_test(self.category, filter))),
            sieve: Sieve::of(state, self.category, filters)?,
            tally: self.tally.clone(),
        })))
    }
}
