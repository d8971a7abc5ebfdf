//! The execution plan of a scan. What it shows of itself speaks of the caller's world alone: the table and the
//! columns, and as many partitions as the session asks for, however much or little lies below.

use super::cold::ColdRows;
use super::picked::PickedRows;
use super::pieces::Piece;
use super::pruning::Pruning;
use super::rows::{Given, hot};
use super::sieve::Sieve;
use super::sift::{failed, sift, sift_hot};
use super::sight::Sight;
use super::tally::{Run, Tally};
use super::wanted::Wanted;
use crate::cold::Texts;
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
    sieve: Arc<Sieve>,
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
    pub(crate) sieve: Sieve,
    pub(crate) limit: Option<usize>,
    pub(crate) tally: Arc<Tally>,
}

impl FacilityScan {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { category, sight, dead, given, schema, pieces, pruning, sieve, limit, tally } = parts;
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(pieces.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        let pieces = pieces.into_iter().map(Arc::new).collect();
        let metrics = ExecutionPlanMetricsSet::new();
        let (given, pruning, sieve) = (given.into(), Arc::new(pruning), Arc::new(sieve));
        Self { category, sight, dead, given, schema, pieces, pruning, sieve, limit, tally, properties, metrics }
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
        write!(f, "FacilityScan: table={}, columns=[{}]", table_name(self.category), names.join(", "))?;
        if !self.sieve.is_empty() {
            let tested: Vec<&str> = self.sieve.tests().iter().map(|test| test.name).collect();
            write!(f, ", tested=[{}]", tested.join(", "))?;
        }
        Ok(())
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
            sieve: self.sieve.clone(),
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
    sieve: Arc<Sieve>,
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
        let wanted = Wanted::of(&self.sight, &self.pruning);
        for piece in pieces {
            let more = match piece {
                Piece::Hot(chunk) => {
                    let shown =
                        hot((&self.sight, &self.dead), (chunk, &self.pruning, &wanted), &self.given, &self.schema)?;
                    match shown {
                        Some(shown) => {
                            let batch = sift_hot(chunk, &shown.mask, shown.batch, &self.sieve)?;
                            self.give(batch, &shown.runs, &mut out)?
                        }
                        None => true,
                    }
                }
                Piece::Cold(piece) if self.sieve.is_empty() => {
                    let mut rows = ColdRows::open(piece, &self.dead, &self.given, Texts::Spelled).map_err(failed)?;
                    let mut more = true;
                    while more && let Some(batch) = rows.next(&self.schema) {
                        more = self.give(batch.map_err(failed)?, &rows.runs(), &mut out)?;
                    }
                    more
                }
                Piece::Cold(piece) => {
                    let read = |runs: &[Run]| self.tally.add(self.category, runs, usize::MAX);
                    let picked = sift(piece, &self.dead, &self.sieve, read)?;
                    let mut rows = PickedRows::open(piece, &self.given, &picked, Texts::Spelled).map_err(failed)?;
                    let mut more = true;
                    while more && let Some(batch) = rows.next(&self.schema) {
                        more = out.push(batch.map_err(failed)?)?;
                    }
                    more
                }
            };
            if !more {
                return Ok(());
            }
        }
        out.finish()
    }

    /// Gives rows away. They are counted before they leave: what is handed out late, or to nobody, was read all the same; so
    /// was what a test left out.
    fn give<S: Fn(RecordBatch) -> bool>(&self, batch: RecordBatch, runs: &[Run], out: &mut Out<S>) -> Result<bool> {
        let rows = if self.sieve.is_empty() { batch.num_rows().min(out.left) } else { usize::MAX };
        self.tally.add(self.category, runs, rows);
        out.push(batch)
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
