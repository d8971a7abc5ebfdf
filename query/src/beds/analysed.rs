//! The plan of `ctg_windows` and `ctg_events`: rows of `waveform` in, what the analysis says of them out.

use super::course::{Course, Judged, MINUTE, WINDOW_SLOTS};
use super::reading::{Rows, place, text};
use super::rules::Rules;
use super::stretch::{Place, Stretch};
use super::strip::{KEPT, Strip};
use super::tables::{event_columns, window_columns};
use super::told::{EventTold, WindowTold, window};
use crate::perinatal::Perinatal;
use crate::session::now;
use clinical::perinatal::chart::AtBed;
use datafusion::arrow::array::{
    Array as _, ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
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
/// What is measured so long after a bed was closed is still of it: the closing is told in whole seconds. In microseconds.
const CLOSING: i64 = 1_000_000;

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
                let missing = || DataFusionError::Internal("a column of `waveform` is not there".to_owned());
                gather(&batch, &mut gathered).ok_or_else(missing)?;
            }
            let mut batch = Told::default();
            let known = match &perinatal {
                Some(perinatal) => Some(perinatal.at_beds(&owners(&gathered), context).await?),
                None => None,
            };
            for session in gathered.into_values() {
                let first = session.stretches.iter().map(|stretch| stretch.measured).min();
                // as a board has it
                let begun = first.map(|first| session.bed.map_or(first, |(opened, _)| opened.min(first)));
                let at_bed = known.as_ref().zip(begun).map(|(known, begun)| known.of(&session.own, begun));
                let rules = at_bed.map_or_else(|| rules.clone(), |at_bed| Arc::new(rules.at(at_bed)));
                tell(session, (&rules, &mut batch));
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
    let own = gathered.values().filter_map(|session| PatientNumber::parse(&session.own).ok());
    own.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What was gathered of one session.
#[derive(Default)]
struct Session {
    /// The viewer's own number.
    own: String,
    stretches: Vec<Stretch>,
    /// Of the bed that was opened last: when, and when it was closed.
    bed: Option<(Moment, Option<Moment>)>,
}

/// By source, patient and session.
type Gathered = BTreeMap<(String, String, String), Session>;

fn gather(batch: &RecordBatch, gathered: &mut Gathered) -> Option<()> {
    let rows = Rows::of(batch)?;
    let time = |name: &str| batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>();
    let (opened, closed) = (time("opened")?, time("closed")?);
    let moment = |column: &TimestampMicrosecondArray, at: usize| {
        column.is_valid(at).then(|| Moment::from_micros(column.value(at)).ok()).flatten()
    };
    for at in 0..batch.num_rows() {
        let Some((Place { patient, session }, _)) = place(batch, at) else { continue };
        let key = (patient.facility().as_str().to_owned(), patient.number().as_str().to_owned(), session);
        match (text(batch, "kind", at), moment(opened, at)) {
            (Some("bed"), Some(opened)) => {
                let bed = &mut gathered.entry(key).or_default().bed;
                if bed.is_none_or(|(before, _)| before < opened) {
                    *bed = Some((opened, moment(closed, at)));
                }
            }
            (Some("frame"), _) => {
                let Some(stretch) = rows.stretch(at) else { continue };
                let kept = gathered.entry(key).or_default();
                text(batch, "my_patient_id", at).unwrap_or_default().clone_into(&mut kept.own);
                kept.stretches.push(stretch);
            }
            _ => {}
        }
    }
    Some(())
}

#[derive(Default)]
struct Told {
    windows: Vec<Analysed<WindowTold>>,
    events: Vec<Analysed<EventTold>>,
}

/// Reads one session and says what is seen in it.
fn tell(session: Session, (rules, to): (&Arc<Rules>, &mut Told)) {
    let Session { own, mut stretches, bed } = session;
    stretches.sort_by_key(|stretch| stretch.measured);
    let Some(first) = stretches.first() else { return };
    let place = &first.place;
    let whose = Arc::new(Whose {
        source: place.source().as_str().to_owned(),
        patient: place.patient.number().as_str().to_owned(),
        own,
        session: place.session.clone(),
        at_bed: rules.at_bed.clone(),
    });
    let fetuses = stretches.iter().flat_map(|stretch| &stretch.traces);
    let fetuses = fetuses.filter_map(|(lead, _)| lead.fetus()).map(|fetus| fetus.number()).max().unwrap_or(1);
    let ends = stretches.iter().map(|stretch| stretch.measured.plus_micros(stretch.length()));
    let ends = ends.max().unwrap_or(first.measured);
    // A source that closed a bed has sent all of it: a patient's records share one order, and this one came last.
    let closed = bed.and_then(|(_, closed)| closed).is_some_and(|closed| ends <= closed.plus_micros(CLOSING));
    let undecided = !closed && now().since(ends) < UNDECIDED;
    let begin = |measured: Moment| {
        let mut course = Course::new(rules.clone(), 0);
        course.watch(fetuses);
        (Strip::new(measured), course)
    };
    let (mut strip, mut course) = begin(first.measured);
    // what is final asks for no provisional reading before
    let looks =
        |strip: &Strip, at: i64| undecided && (at % WINDOW_SLOTS == 0 || at == strip.slot_of(ends) / MINUTE * MINUTE);
    for stretch in &stretches {
        if strip.slot_of(stretch.measured) > strip.end() + KEPT {
            // after an hour of nothing another recording begins
            course.read_looking(&strip, strip.end(), |_| false);
            say(&strip, course.finish(), (&whose, rules), to);
            (strip, course) = begin(stretch.measured);
        }
        strip.lay(stretch);
        course.read_looking(&strip, strip.end() - BEHIND, |at| looks(&strip, at));
    }
    course.read_looking(&strip, strip.end(), |at| looks(&strip, at));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beds::bed::tests::stretch;
    use crate::beds::strip::SLOT;
    use clinical::perinatal::ctg::Sample;

    /// Twenty-five minutes of a bed that end now, in stretches of half a second.
    fn session(bed: Option<(Moment, Option<Moment>)>) -> Session {
        let slots = 25 * 60 * 4;
        let begins = now().plus_micros(-slots * SLOT);
        let stretches = (0..slots / 2).map(|two| Stretch {
            measured: begins.plus_micros(two * 2 * SLOT),
            ..stretch("001", two * 2, |at| Sample::good(140.0 + 6.0 * (at as f32 / 9.0).sin()))
        });
        Session { own: "1".to_owned(), stretches: stretches.collect(), bed }
    }

    fn standings(session: Session) -> Vec<&'static str> {
        let mut told = Told::default();
        tell(session, (&Arc::new(Rules::shipped()), &mut told));
        told.windows.iter().map(|one| one.told.standing.code).collect()
    }

    #[test]
    fn windows_of_a_bed_that_goes_on_are_provisional_and_of_one_that_was_closed_they_are_final_at_once() {
        let (opened, ended) = (now().plus_micros(-3_600_000_000), now());
        let goes_on = ["provisional", "provisional", "provisional"];
        assert_eq!(standings(session(None)), goes_on);
        assert_eq!(standings(session(Some((opened, None)))), goes_on);
        let closed = standings(session(Some((opened, Some(ended)))));
        assert!(closed.len() == 3 && closed.iter().all(|standing| *standing == "final"), "{closed:?}");
        // what is measured after it was closed: it is monitored on
        let early = ended.plus_micros(-60_000_000);
        assert_eq!(standings(session(Some((opened, Some(early))))), goes_on);
    }
}
