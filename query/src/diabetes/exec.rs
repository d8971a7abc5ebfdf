//! The plan of the tables made of persons: some hundred persons in at a time, their rows out.

use super::persons::Persons;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream,
};
use futures::StreamExt;
use futures::future::BoxFuture;
use model::PatientNumber;
use std::fmt;
use std::sync::Arc;

/// Persons between two chances to end the statement.
const BETWEEN: usize = 32;

/// What is read of persons, and made of each.
pub(crate) trait Make: Send + Sync + 'static {
    /// What is read of a person.
    type Person: Send + Sync;
    /// Rows as they gather.
    type Rows: Send;
    /// How the plan names it.
    const NAME: &'static str;
    /// The columns that go out.
    fn schema(&self) -> &SchemaRef;
    /// Reads some hundred persons, with the memory they hold.
    fn read<'a>(
        &'a self,
        whose: &'a [PatientNumber],
        context: Arc<TaskContext>,
    ) -> BoxFuture<'a, Result<(Vec<Self::Person>, MemoryReservation)>>;
    /// No rows yet.
    fn begin(&self) -> Self::Rows;
    /// Adds a person's rows.
    fn add(&self, person: &Self::Person, rows: &mut Self::Rows);
    /// The columns, and how long they are.
    fn finish(&self, rows: Self::Rows) -> (Vec<ArrayRef>, usize);
}

/// Reads persons and makes rows of them. Partitions take turns with the batches of persons.
pub(crate) struct PersonsExec<M> {
    make: Arc<M>,
    whose: Arc<[PatientNumber]>,
    partitions: usize,
    properties: Arc<PlanProperties>,
}

impl<M: Make> PersonsExec<M> {
    pub(crate) fn new(make: M, whose: Vec<PatientNumber>, partitions: usize) -> Self {
        let partitions = partitions.max(1);
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(make.schema())),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Self { make: Arc::new(make), whose: whose.into(), partitions, properties }
    }
}

impl<M: Make> fmt::Debug for PersonsExec<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(M::NAME)
    }
}

impl<M: Make> DisplayAs for PersonsExec<M> {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.make.schema().fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "{}: columns=[{}]", M::NAME, names.join(", "))
    }
}

impl<M: Make> ExecutionPlan for PersonsExec<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }
    /// None: the scans of a batch of persons are planned when it is their turn.
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }
    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition >= self.partitions {
            return Err(DataFusionError::Internal("the table has no such partition".to_owned()));
        }
        let (make, whose) = (Arc::clone(&self.make), Arc::clone(&self.whose));
        let turns = (partition..self.whose.len().div_ceil(Persons::at_once())).step_by(self.partitions);
        let rows = futures::stream::iter(turns).then(move |turn| {
            let (make, whose, context) = (Arc::clone(&make), Arc::clone(&whose), Arc::clone(&context));
            async move {
                let batch = whose.chunks(Persons::at_once()).nth(turn).unwrap_or_default();
                rows(make.as_ref(), batch, context).await
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(self.make.schema()), rows)))
    }
}

async fn rows<M: Make>(make: &M, whose: &[PatientNumber], context: Arc<TaskContext>) -> Result<RecordBatch> {
    let (persons, _memory) = make.read(whose, context).await?;
    let mut rows = make.begin();
    for (at, person) in persons.iter().enumerate() {
        make.add(person, &mut rows);
        if at % BETWEEN == BETWEEN - 1 {
            tokio::task::yield_now().await;
        }
    }
    let (arrays, count) = make.finish(rows);
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    Ok(RecordBatch::try_new_with_options(Arc::clone(make.schema()), arrays, &options)?)
}
