//! The plan of `ctg_windows` and `ctg_events`: rows of `waveform` in, what the analysis says of them out.

use super::course::{Course, Judged};
use super::reading::{place, stretch, text};
use super::rules::Rules;
use super::stretch::{Place, Stretch};
use super::strip::{KEPT, Strip};
use super::tables::{event_columns, window_columns};
use super::told::{EventTold, WindowTold, window};
use crate::perinatal::Perinatal;
use crate::session::now;
use clinical::perinatal::chart::AtBed;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, InputDistributionRequirements,
    Partitioning, PhysicalExpr, PlanProperties, ReplaceChildrenOptions, SendableRecordBatchStream,
};
use futures::StreamExt as _;
use model::{Moment, PatientNumber};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Windows,
    Events,
}

/// Whose it is.
#[derive(Clone)]
pub(super) struct Whose {
    pub(super) source: String,
    pub(super) patient: String,
    pub(super) own: String,
    pub(super) session: String,
    /// What of the pregnancy it was read by.
    pub(super) at_bed: AtBed,
}

/// What is told of somebody.
pub(super) struct Analysed<T> {
    pub(super) whose: Arc<Whose>,
    pub(super) told: T,
}

/// What a batch's samples hold once they are gathered, in its own size.
const GATHERED: usize = 2;
/// The analysis of what is sorted by time may run so many slots behind what was laid: two devices need not send alike.
const BEHIND: i64 = 4 * 120;
/// What was measured less than this before now may still change: its last windows are provisional. In microseconds.
const UNDECIDED: i64 = 31 * 60 * 1_000_000;

pub(super) struct CtgExec {
    rows: Arc<dyn ExecutionPlan>,
    of: Of,
    rules: Arc<Rules>,
    perinatal: Option<Perinatal>,
    projection: Vec<usize>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl CtgExec {
    /// Over rows in one partition, read by a facility's rules.
    pub(super) fn new(
        rows: Arc<dyn ExecutionPlan>,
        (of, rules, perinatal): (Of, Arc<Rules>, Option<Perinatal>),
        projection: Vec<usize>,
        schema: SchemaRef,
    ) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        ));
        Self { rows, of, rules, perinatal, projection, schema, properties }
    }
}

impl fmt::Debug for CtgExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cardiotocograms")
    }
}

impl DisplayAs for CtgExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "Cardiotocograms: columns=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for CtgExec {
    fn name(&self) -> &'static str {
        "Cardiotocograms"
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
    /// A session's rows are analysed together: an optimiser that reads them in parallel joins them again.
    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
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
            (Some(rows), None) => {
                let of = (self.of, Arc::clone(&self.rules), self.perinatal.clone());
                Ok(Arc::new(Self::new(rows, of, self.projection.clone(), Arc::clone(&self.schema))))
            }
            _ => Err(DataFusionError::Internal("cardiotocograms are read from one table".to_owned())),
        }
    }
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let memory = MemoryConsumer::new("cardiotocograms").register(context.memory_pool());
        let mut rows = self.rows.execute(partition, Arc::clone(&context))?;
        let (of, projection, schema) = (self.of, self.projection.clone(), Arc::clone(&self.schema));
        let (rules, perinatal) = (Arc::clone(&self.rules), self.perinatal.clone());
        let told = async move {
            let mut gathered: Gathered = BTreeMap::new();
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                memory.try_grow(GATHERED * batch.get_array_memory_size())?;
                gather(&batch, &mut gathered);
            }
            let mut batch = Told::default();
            let known = match &perinatal {
                Some(perinatal) => Some(perinatal.at_beds(&owners(&gathered), context).await?),
                None => None,
            };
            for ((_, _, _), (own, stretches)) in gathered {
                let begun = stretches.iter().map(|stretch| stretch.measured).min();
                let at_bed = known.as_ref().zip(begun).map(|(known, begun)| known.of(&own, begun));
                let rules = at_bed.map_or_else(|| rules.clone(), |at_bed| Arc::new(rules.at(at_bed)));
                tell(&own, stretches, (&rules, &mut batch));
                // others run meanwhile
                tokio::task::yield_now().await;
            }
            drop(memory);
            batch.into_batch(of, &projection, &schema)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::once(told))))
    }
}

/// The viewer's own numbers of those that are gathered.
fn owners(gathered: &Gathered) -> Vec<PatientNumber> {
    let own = gathered.values().filter_map(|(own, _)| PatientNumber::parse(own).ok());
    own.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Stretches by source, patient and session, with the viewer's own number.
type Gathered = BTreeMap<(String, String, String), (String, Vec<Stretch>)>;

fn gather(batch: &RecordBatch, gathered: &mut Gathered) {
    for at in 0..batch.num_rows() {
        // what is handed down filters for reading less, and need not filter at all
        let is_frame = text(batch, "kind", at) == Some("frame");
        let Some(stretch) = is_frame.then(|| stretch(batch, at)).flatten() else { continue };
        let Some(own) = text(batch, "my_patient_id", at) else { continue };
        let Some((Place { patient, session }, _)) = place(batch, at) else { continue };
        let key = (patient.facility().as_str().to_owned(), patient.number().as_str().to_owned(), session);
        let (kept, stretches) = gathered.entry(key).or_default();
        own.clone_into(kept);
        stretches.push(stretch);
    }
}

#[derive(Default)]
struct Told {
    windows: Vec<Analysed<WindowTold>>,
    events: Vec<Analysed<EventTold>>,
}

/// Reads one session and says what is seen in it.
fn tell(own: &str, mut stretches: Vec<Stretch>, (rules, to): (&Arc<Rules>, &mut Told)) {
    stretches.sort_by_key(|stretch| stretch.measured);
    let Some(first) = stretches.first() else { return };
    let place = &first.place;
    let whose = Arc::new(Whose {
        source: place.source().as_str().to_owned(),
        patient: place.patient.number().as_str().to_owned(),
        own: own.to_owned(),
        session: place.session.clone(),
        at_bed: rules.at_bed.clone(),
    });
    let fetuses = stretches.iter().flat_map(|stretch| &stretch.traces);
    let fetuses = fetuses.filter_map(|(lead, _)| lead.fetus()).map(|fetus| fetus.number()).max().unwrap_or(1);
    let begin = |measured: Moment| {
        let mut course = Course::new(rules.clone(), 0);
        course.watch(fetuses);
        (Strip::new(measured), course)
    };
    let (mut strip, mut course) = begin(first.measured);
    for stretch in &stretches {
        if strip.slot_of(stretch.measured) > strip.end() + KEPT {
            // after an hour of nothing another recording begins
            course.read(&strip, strip.end());
            say(&strip, course.finish(), (&whose, rules), to);
            (strip, course) = begin(stretch.measured);
        }
        strip.lay(stretch);
        course.read(&strip, strip.end() - BEHIND);
    }
    course.read(&strip, strip.end());
    let undecided = now().since(strip.moment_of(strip.end())) < UNDECIDED;
    let judged = if undecided { course.so_far() } else { course.finish() };
    say(&strip, judged, (&whose, rules), to);
}

fn say(strip: &Strip, judged: Vec<Judged>, (whose, rules): (&Arc<Whose>, &Rules), to: &mut Told) {
    for one in judged {
        let told = window(strip, &one, &rules.reading.limits);
        for event in &told.events {
            // an event that touches two windows is one
            let known = to.events.iter().rev().take(64).any(|other| {
                Arc::ptr_eq(&other.whose, whose)
                    && (other.told.lead, other.told.kind, other.told.from) == (event.lead, event.kind, event.from)
            });
            if !known {
                to.events.push(Analysed { whose: whose.clone(), told: event.clone() });
            }
        }
        to.windows.push(Analysed { whose: whose.clone(), told });
    }
}

impl Told {
    fn into_batch(self, of: Of, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        let missing = || DataFusionError::Internal("there is no such column".to_owned());
        let (count, all): (usize, Vec<ArrayRef>) = match of {
            Of::Windows => (self.windows.len(), window_columns().map(|made| made.array(&self.windows)).collect()),
            Of::Events => (self.events.len(), event_columns().map(|made| made.array(&self.events)).collect()),
        };
        let arrays = projection.iter().map(|at| all.get(*at).cloned().ok_or_else(missing));
        let arrays = arrays.collect::<Result<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
    }
}
