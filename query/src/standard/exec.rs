//! The plan of a facility's own table: rows of a category in, the rows their resources make out, batch by batch.

use super::{StandardView, cells};
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PhysicalExpr, PlanProperties, ReplaceChildrenOptions, SendableRecordBatchStream,
};
use fhir_form::Mine;
use fhirpath::Cell;
use futures::TryStreamExt;
use model::{Category, FacilityId};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use views::table::ShownRecords;

/// The operator's name.
pub(crate) const MAKES: &str = "StandardView";
/// How long rows are made without a pause in which a statement can be ended: a definition may be slow.
const SLICE: Duration = Duration::from_millis(10);

/// What is made of which rows, for whom.
#[derive(Clone)]
pub(super) struct Making {
    pub(super) view: Arc<StandardView>,
    pub(super) category: Category,
    /// Whose statement it is.
    pub(super) facility: FacilityId,
    /// The columns that go out, by their places in the view.
    pub(super) columns: Arc<[usize]>,
    pub(super) schema: SchemaRef,
}

pub(super) struct MakeExec {
    rows: Arc<dyn ExecutionPlan>,
    making: Making,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl MakeExec {
    pub(super) fn new(rows: Arc<dyn ExecutionPlan>, making: Making) -> Self {
        let partitions = rows.output_partitioning().partition_count();
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&making.schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Self { rows, making, properties, metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl fmt::Debug for MakeExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StandardView")
    }
}

impl DisplayAs for MakeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.making.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "StandardView: {}, columns=[{}]", self.making.view.name(), names.join(", "))
    }
}

impl ExecutionPlan for MakeExec {
    fn name(&self) -> &'static str {
        MAKES
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.rows]
    }
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }
    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut children = children.into_iter();
        match (children.next(), children.next()) {
            (Some(rows), None) => Ok(Arc::new(Self::new(rows, self.making.clone()))),
            _ => Err(DataFusionError::Internal("a view is made of one other table at a time".to_owned())),
        }
    }
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }
    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let most = context.session_config().batch_size();
        let rows = self.rows.execute(partition, context)?;
        let (making, baseline) = (self.making.clone(), BaselineMetrics::new(&self.metrics, partition));
        let made = rows.map_ok(move |batch| {
            let baseline = baseline.clone();
            let made = Made { making: making.clone(), records: None, batch: Some(batch), next: 0, most };
            futures::stream::iter(made).inspect_ok(move |batch| baseline.record_output(batch.num_rows()))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.making.schema), made.try_flatten())))
    }
}

/// What one batch makes, in batches of about `most` rows: a resource may make many.
struct Made {
    making: Making,
    batch: Option<RecordBatch>,
    records: Option<ShownRecords>,
    next: usize,
    most: usize,
}

impl Iterator for Made {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let made = self.make();
        if made.is_err() {
            self.records = None;
        }
        made.transpose()
    }
}

impl Made {
    fn make(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.batch.take() {
            let records = ShownRecords::of(self.making.category, &batch);
            self.records = Some(records.ok_or_else(|| unlike("columns"))?);
        }
        let Some(records) = &self.records else { return Ok(None) };
        if self.next >= records.len() {
            self.records = None;
            return Ok(None);
        }
        let (mut rows, begun) = (Vec::new(), Instant::now());
        while self.next < records.len() && rows.len() < self.most && begun.elapsed() < SLICE {
            let (record, own) = records.get(self.next).ok_or_else(|| unlike("rows"))?;
            self.next += 1;
            let mine = own.as_ref().map(|number| Mine { facility: &self.making.facility, number });
            let Some(resource) = fhir_form::resource(&record, mine) else { continue };
            rows.append(&mut self.making.view.view().rows(&resource).map_err(|error| self.making.broken(&error))?);
        }
        // A batch without rows is a pause too.
        self.making.batch(&rows).map(Some)
    }
}

fn unlike(what: &str) -> DataFusionError {
    DataFusionError::Internal(format!("the {what} of a view are not those of its table"))
}

impl Making {
    /// What a caller is told. It names a place in the facility's own definition and a rule, and holds nothing of a record, so it
    /// goes out as it is.
    fn broken(&self, error: &dyn fmt::Display) -> DataFusionError {
        DataFusionError::Configuration(format!("view {}: {error}", self.view.name()))
    }

    fn batch(&self, rows: &[Vec<Cell>]) -> Result<RecordBatch> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for at in self.columns.iter() {
            let column = self.view.view().columns().get(*at).ok_or_else(|| unlike("columns"))?;
            let cells = rows.iter().map(|row| row.get(*at).unwrap_or(&Cell::Null));
            let array = cells::array(column, cells);
            arrays.push(array.map_err(|rule| self.broken(&format!("column {}: {rule}", column.name)))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}
