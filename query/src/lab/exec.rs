//! The plan of `lab_results`: rows of `laboratory` in, rows read whole out, batch by batch.

use super::cells::Made;
use super::people::People;
use super::read::{Inputs, column, text, texts, times};
use super::results::Read;
use clinical::lab::{Patient, Sites};
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
use futures::{StreamExt, TryStreamExt};
use std::fmt;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A column that goes out.
#[derive(Clone, Copy)]
pub(super) enum Out {
    Passed(&'static str),
    Made(&'static Made<Read>),
}

pub(super) struct ReadExec {
    rows: Arc<dyn ExecutionPlan>,
    patients: Option<Arc<dyn ExecutionPlan>>,
    /// Read by the first partition that needs them, for all.
    people: Arc<OnceCell<Arc<People>>>,
    sites: Arc<Sites>,
    outs: Arc<[Out]>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ReadExec {
    pub(super) fn new(
        rows: Arc<dyn ExecutionPlan>,
        patients: Option<Arc<dyn ExecutionPlan>>,
        sites: Arc<Sites>,
        outs: Arc<[Out]>,
        schema: SchemaRef,
    ) -> Self {
        let partitions = rows.output_partitioning().partition_count();
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        let (people, metrics) = (Arc::default(), ExecutionPlanMetricsSet::new());
        Self { rows, patients, people, sites, outs, schema, properties, metrics }
    }
}

impl fmt::Debug for ReadExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LabResults")
    }
}

impl DisplayAs for ReadExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "LabResults: columns=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for ReadExec {
    fn name(&self) -> &'static str {
        "LabResults"
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        std::iter::once(&self.rows).chain(&self.patients).collect()
    }
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.children().len()]
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
        let (rows, patients) = (children.next(), children.next());
        match rows {
            Some(rows) if patients.is_some() == self.patients.is_some() && children.next().is_none() => {
                let (sites, outs, schema) = (Arc::clone(&self.sites), Arc::clone(&self.outs), Arc::clone(&self.schema));
                Ok(Arc::new(Self::new(rows, patients, sites, outs, schema)))
            }
            _ => Err(DataFusionError::Internal("results are read from other tables".to_owned())),
        }
    }
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }
    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.rows.execute(partition, Arc::clone(&context))?;
        let (patients, people) = (self.patients.clone(), Arc::clone(&self.people));
        let (sites, outs, schema) = (Arc::clone(&self.sites), Arc::clone(&self.outs), Arc::clone(&self.schema));
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let read = async move {
            let people = match patients {
                Some(patients) => {
                    let gather = || async { People::gather(patients, context).await.map(Arc::new) };
                    Some(Arc::clone(people.get_or_try_init(gather).await?))
                }
                None => None,
            };
            let read = rows.map(move |batch| {
                let _timer = baseline.elapsed_compute().timer();
                let batch = read(&batch?, (people.as_deref(), &sites), &outs, &schema)?;
                baseline.record_output(batch.num_rows());
                Ok(batch)
            });
            Ok::<_, DataFusionError>(read)
        };
        let read = futures::stream::once(read).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), read)))
    }
}

/// Reads a batch of `laboratory`.
fn read(
    batch: &RecordBatch,
    (people, sites): (Option<&People>, &Sites),
    outs: &[Out],
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let makes = outs.iter().any(|out| matches!(out, Out::Made(_)));
    let rows = if makes { whole(batch, people, sites)? } else { Vec::new() };
    let arrays = outs.iter().map(|out| match out {
        Out::Passed(name) => column(batch, name).cloned(),
        Out::Made(made) => Ok(made.array(&rows)),
    });
    let arrays = arrays.collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

fn whole(batch: &RecordBatch, people: Option<&People>, sites: &Sites) -> Result<Vec<Read>> {
    let inputs = Inputs::of(batch, sites)?;
    let absent = texts(batch, "value_absent")?;
    let whose = match people {
        Some(people) => Some((people, texts(batch, "source")?, texts(batch, "patient_id")?, times(batch, "occurred")?)),
        None => None,
    };
    let one = |row| {
        let patient = match whose {
            Some((people, sources, numbers, occurred)) => {
                people.patient(text(sources, row), text(numbers, row), occurred.value(row))
            }
            None => Patient::default(),
        };
        let (absent, flag) = (text(absent, row).to_owned(), inputs.flag(row).to_owned());
        Read { row: inputs.read(row, patient), absent, flag }
    };
    Ok((0..batch.num_rows()).map(one).collect())
}
