//! Lets a statement be ended in the middle of a join.
//!
//! A task is ended where it gives way. The engine gives way where rows are read; a join makes many rows out of few
//! without reading, and what stands above it would take them all without a pause. So may a facility's own table.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use std::sync::Arc;

/// Makes every operator that multiplies rows give way to the scheduler.
#[derive(Debug, Default)]
pub(super) struct GiveWay;

impl PhysicalOptimizerRule for GiveWay {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let given = plan.transform_up(|node| {
            if !multiplies(node.name()) {
                return Ok(Transformed::no(node));
            }
            Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>))
        })?;
        Ok(given.data)
    }
    fn name(&self) -> &str {
        "give_way"
    }
    fn schema_check(&self) -> bool {
        true
    }
}

fn multiplies(operator: &str) -> bool {
    operator.ends_with("JoinExec") || operator == "UnnestExec" || operator == crate::standard::MAKES
}
