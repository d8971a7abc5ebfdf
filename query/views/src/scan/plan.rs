//! The execution plan of a scan. What it shows of itself speaks of the caller's world alone: the table and the
//! columns, and as many partitions as the session asks for, however much or little lies below.

use super::cold::ColdRows;
use super::pieces::Piece;
use super::pruning::Pruning;
use super::rows::{Given, hot};
use super::sight::Sight;
use super::tally::{Run, Tally};
use crate::rows::DeadSet;
use crate::table::table_name;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream,
};
use model::Category;
use std::fmt;
use std::sync::Arc;

pub(crate) struct FacilityScan {
    pub(crate) category: Category,
    pub(crate) sight: Arc<Sight>,
    pub(crate) dead: DeadSet,
    pub(crate) given: Arc<[Given]>,
    pub(crate) schema: SchemaRef,
    /// By partition.
    pub(crate) pieces: Vec<Arc<Vec<Piece>>>,
    pruning: Arc<Pruning>,
    pub(crate) limit: Option<usize>,
    pub(crate) tally: Arc<Tally>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// What a scan is made of.
pub(crate) struct Parts {
    pub(crate) category: Category,
    pub(crate) sight: Arc<Sight>,
    pub(crate) dead: DeadSet,
    pub(crate) given: Vec<Given>,
    pub(crate) schema: SchemaRef,
    pub(crate) pieces: Vec<Vec<Piece>>,
    pub(crate) pruning: Pruning,
    pub(crate) limit: Option<usize>,
    pub(crate) tally: Arc<Tally>,
}

impl FacilityScan {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { category, sight, dead, given, schema, pieces, pruning, limit, tally } = parts;
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(pieces.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        let pieces = pieces.into_iter().map(Arc::new).collect();
        let metrics = ExecutionPlanMetricsSet::new();
        let (given, pruning) = (given.into(), Arc::new(pruning));
        Self { category, sight, dead, given, schema, pieces, pruning, limit, tally, properties, metrics }
    }
}

impl fmt::Debug for FacilityScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FacilityScan").field("table", &table_name(self.category)).finish_non_exhaustive()
    }
}

impl DisplayAs for FacilityScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "FacilityScan: table={}, columns=[{}]", table_name(self.category), names.join(", "))
    }
}

impl ExecutionPlan for FacilityScan {
    fn name(&self) -> &'static str {
        "FacilityScan"
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }
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
    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(pieces) = self.pieces.get(partition).cloned() else {
            return Err(DataFusionError::Internal("the scan has no such partition".to_owned()));
        };
        self.tally.begin();
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), 2);
        let out = builder.tx();
        let work = Work {
            sight: self.sight.clone(),
            dead: self.dead.clone(),
            given: self.given.clone(),
            schema: self.schema.clone(),
            pruning: self.pruning.clone(),
            limit: self.limit.unwrap_or(usize::MAX),
            category: self.category,
            tally: self.tally.clone(),
            batch_rows: context.session_config().batch_size(),
        };
        let carried = crate::planted::carry();
        builder.spawn_blocking(move || {
            carried();
            let _timer = baseline.elapsed_compute().timer();
            let send = |batch: RecordBatch| {
                baseline.record_output(batch.num_rows());
                out.blocking_send(Ok(batch)).is_ok()
            };
            work.run(&pieces, send)
        });
        Ok(builder.build())
    }
}

/// One partition's work.
struct Work {
    sight: Arc<Sight>,
    dead: DeadSet,
    given: Arc<[Given]>,
    schema: SchemaRef,
    pruning: Arc<Pruning>,
    limit: usize,
    batch_rows: usize,
    category: Category,
    tally: Arc<Tally>,
}

impl Work {
    /// Sends the visible rows of the pieces, in batches of a good size, until the receiver goes away.
    fn run(&self, pieces: &[Piece], send: impl Fn(RecordBatch) -> bool) -> Result<()> {
        let coalescer = BatchCoalescer::new(self.schema.clone(), self.batch_rows);
        let mut out = Out { coalescer, left: self.limit, send };
        // Counted before they leave: what is handed out late, or to nobody, was read all the same.
        let mut give = |batch: RecordBatch, runs: &[Run]| {
            self.tally.add(self.category, runs, batch.num_rows().min(out.left));
            out.push(batch)
        };
        for piece in pieces {
            match piece {
                Piece::Hot(chunk) => {
                    if let Some((batch, runs)) =
                        hot(&self.sight, &self.dead, (chunk, &self.pruning), &self.given, &self.schema)?
                        && !give(batch, &runs)?
                    {
                        return Ok(());
                    }
                }
                Piece::Cold(piece) => {
                    let failed = |error| DataFusionError::External(Box::new(error));
                    let mut rows = ColdRows::open(piece, &self.dead, &self.given, &self.schema).map_err(failed)?;
                    while let Some(batch) = rows.next() {
                        let batch = batch.map_err(failed)?;
                        if !give(batch, &rows.runs())? {
                            return Ok(());
                        }
                    }
                }
            }
        }
        out.finish()
    }
}

/// Gathers rows into batches and counts down the limit.
struct Out<S> {
    coalescer: BatchCoalescer,
    left: usize,
    send: S,
}

impl<S: Fn(RecordBatch) -> bool> Out<S> {
    /// Takes rows; `false` when no more are wanted.
    fn push(&mut self, batch: RecordBatch) -> Result<bool> {
        let batch = if batch.num_rows() > self.left { batch.slice(0, self.left) } else { batch };
        self.left -= batch.num_rows();
        // A batch without columns is a count: there is nothing to gather.
        if batch.num_columns() == 0 {
            return Ok((self.send)(batch) && self.left > 0);
        }
        self.coalescer.push_batch(batch)?;
        if !self.drain() {
            return Ok(false);
        }
        if self.left == 0 {
            self.coalescer.finish_buffered_batch()?;
            self.drain();
            return Ok(false);
        }
        Ok(true)
    }

    fn finish(&mut self) -> Result<()> {
        self.coalescer.finish_buffered_batch()?;
        self.drain();
        Ok(())
    }

    fn drain(&mut self) -> bool {
        while let Some(batch) = self.coalescer.next_completed_batch() {
            if !(self.send)(batch) {
                return false;
            }
        }
        true
    }
}
