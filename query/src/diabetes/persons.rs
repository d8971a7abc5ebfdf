//! Persons: the facts of one person after the other, out of one view.

use super::gather::{Gathered, READ};
use crate::OpenView;
use clinical::diabetes::{Facts, Reach, Standing};
use clinical::lab::Sites;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::{Stream, StreamExt};
use model::{Category, CategorySet, FacilityId, Moment, PatientNumber};
use std::fmt;
use std::sync::{Arc, LazyLock};
use views::table::view_schema;
use views::{Acquaintance, Child};

/// Persons read at once: few enough to hold ten years of each, many enough for a scan to be worth its while.
const AT_ONCE: usize = 512;

/// Reads persons out of one view, for one statement or one look.
///
/// A person is whom the viewing facility knows by one number of its own (`my_patient_id`): its own patient, and the patients of
/// other facilities that links join to it. One of whom the view shows no row of the tables read is nobody. Memory is bounded by
/// the persons read at once, not by the view.
///
/// What is read is counted by the view's tally, as of any statement: who reads outside a statement writes that down.
///
/// ```no_run
/// # async fn each(view: std::sync::Arc<dyn query::OpenView>, facility: model::FacilityId) -> datafusion::common::Result<()> {
/// use futures::StreamExt;
/// let persons = std::sync::Arc::new(query::Persons::of(view, facility, std::sync::Arc::default()));
/// // what is made of some hundred persons is made where they are read, on every core
/// let readings = |read: query::PersonsRead| read.persons.iter().map(|one| one.facts.readings.len()).sum::<usize>();
/// let mut counted = std::pin::pin!(persons.each(persons.numbers(), std::sync::Arc::default(), readings));
/// while let Some(readings) = counted.next().await {
///     println!("{}", readings?);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Persons {
    /// Absent where a statement is only planned.
    view: Option<Arc<dyn OpenView>>,
    facility: FacilityId,
    sites: Arc<Sites>,
    asked: Vec<FacilityId>,
    read: CategorySet,
}

/// One person's facts, under the viewing facility's own number.
pub struct PersonFacts {
    /// The number.
    pub number: PatientNumber,
    /// The facts.
    pub facts: Facts,
}

/// Persons that were read at once, and the memory they hold.
pub struct PersonsRead {
    /// The persons of whom the view shows something, in the order in which they were asked for.
    pub persons: Vec<PersonFacts>,
    memory: MemoryReservation,
}

impl Persons {
    /// Persons of the view of a facility's principal; laboratory results are read under their sources' own tables.
    pub fn of(view: Arc<dyn OpenView>, facility: FacilityId, sites: Arc<Sites>) -> Self {
        Self { view: Some(view), facility, sites, asked: Vec::new(), read: Self::categories() }
    }

    /// Nobody: for planning.
    pub(crate) fn nobody(facility: FacilityId) -> Self {
        Self { view: None, facility, sites: Arc::default(), asked: Vec::new(), read: Self::categories() }
    }

    /// Facilities that this one asks about each of its patients: where one of them has nothing open and no link is known, a value that
    /// is not there may lie with it (`not-linked`).
    #[must_use]
    pub fn asking(self, asked: Vec<FacilityId>) -> Self {
        Self { asked, ..self }
    }

    /// Facts are taken from these tables alone. Who is somebody stays the same: of whom they show nothing, the other tables are asked
    /// whether they show anything.
    #[must_use]
    pub fn reading(self, read: CategorySet) -> Self {
        Self { read, ..self }
    }

    /// The tables that are read where nothing else is said.
    pub fn categories() -> CategorySet {
        READ.iter().map(|(category, _)| *category).collect()
    }

    /// The numbers of all persons of whom the view may show something, in an order in which they are read best. Some may turn out
    /// to be nobody.
    pub fn numbers(&self) -> Vec<PatientNumber> {
        self.view.as_ref().map(|view| view.persons(Self::categories())).unwrap_or_default()
    }

    /// Reads these persons, some hundred at once, and gives what is made of each batch, in order. Nothing is read before the first is
    /// asked for, and nothing more before the second is: who wants a few rows has few persons read. From then on twice as many batches are
    /// under way side by side as the session has partitions, and what is made of one is made where it was read; what is under way ends with
    /// the stream.
    pub fn each<T: Send + 'static, M: Fn(PersonsRead) -> T + Send + Sync + 'static>(
        self: &Arc<Self>,
        whose: Vec<PatientNumber>,
        context: Arc<TaskContext>,
        make: M,
    ) -> impl Stream<Item = Result<T>> + Send + use<T, M> {
        let (this, make) = (Arc::clone(self), Arc::new(make));
        let side_by_side = context.session_config().target_partitions().max(1);
        let mut batches: Vec<Vec<PatientNumber>> = whose.chunks(AT_ONCE).map(<[_]>::to_vec).collect();
        let rest = batches.split_off(batches.len().min(1));
        let read = move |batch: Vec<PatientNumber>| {
            let (this, make, context) = (Arc::clone(&this), Arc::clone(&make), Arc::clone(&context));
            async move { this.read(&batch, context).await.map(|read| make(read)) }
        };
        let apart = read.clone();
        let beside = futures::stream::iter(rest).map(move |batch| {
            let task = SpawnedTask::spawn(apart(batch));
            async move { task.join().await.unwrap_or_else(|error| Err(DataFusionError::ExecutionJoin(Box::new(error)))) }
        });
        // Twice as many as are read at once: while the first of them takes longer, no core waits for it.
        futures::stream::iter(batches).then(read).chain(beside.buffered(2 * side_by_side))
    }

    /// How many persons [`Self::each`] reads at once.
    pub const fn at_once() -> usize {
        AT_ONCE
    }

    /// Reads these persons, all at once: some hundreds at most.
    ///
    /// # Errors
    /// When a table cannot be read, or the statement's memory does not hold them.
    pub async fn read(&self, whose: &[PatientNumber], context: Arc<TaskContext>) -> Result<PersonsRead> {
        let memory = MemoryConsumer::new("persons").register(context.memory_pool());
        let Some(view) = &self.view else { return Ok(PersonsRead { persons: Vec::new(), memory }) };
        let mut gathered = Gathered::of(whose, &self.facility, &self.sites);
        for (category, columns) in READ.iter().filter(|(category, _)| self.read.contains(*category)) {
            let plan = scan(view.table(*category), (*category, columns), (whose, None)).await?;
            let mut rows = execute_stream(plan, Arc::clone(&context))?;
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                memory.try_grow(gathered.add(*category, &batch)?)?;
            }
        }
        for (category, _) in READ.iter().filter(|(category, _)| !self.read.contains(*category)) {
            let unseen = gathered.unseen();
            if unseen.is_empty() {
                break;
            }
            let plan = scan(view.table(*category), (*category, &["my_patient_id"]), (&unseen, None)).await?;
            let mut rows = execute_stream(plan, Arc::clone(&context))?;
            while let Some(batch) = rows.next().await {
                gathered.see(&batch?)?;
            }
        }
        let known = view.acquaintances(whose);
        let persons = gathered.finish().zip(known).filter_map(|(person, known)| {
            let mut person = person?;
            person.facts.reach = self.reach(known);
            Some(person)
        });
        Ok(PersonsRead { persons: persons.collect(), memory })
    }

    /// The rows of a table, with these columns in its order, of these persons.
    pub(crate) async fn rows(
        &self,
        category: Category,
        columns: &[&str],
        whose: &[PatientNumber],
        context: Arc<TaskContext>,
    ) -> Result<Option<SendableRecordBatchStream>> {
        let Some(view) = &self.view else { return Ok(None) };
        let plan = scan(view.table(category), (category, columns), (whose, None)).await?;
        execute_stream(plan, context).map(Some)
    }

    /// The same, of what was true since a moment, as far as that spares reading: earlier rows may come too.
    pub(crate) async fn rows_since(
        &self,
        (category, columns): (Category, &[&str]),
        whose: &[PatientNumber],
        since: Moment,
        context: Arc<TaskContext>,
    ) -> Result<Option<SendableRecordBatchStream>> {
        let Some(view) = &self.view else { return Ok(None) };
        let plan = scan(view.table(category), (category, columns), (whose, Some(since))).await?;
        execute_stream(plan, context).map(Some)
    }

    /// Persons of whom one table alone may show something.
    pub(crate) fn numbers_of(&self, category: Category) -> Vec<PatientNumber> {
        self.view.as_ref().map(|view| view.persons(CategorySet::of(category))).unwrap_or_default()
    }

    /// Where else each of these persons is known, and what is open there.
    pub(crate) fn reaches(&self, whose: &[PatientNumber]) -> Vec<Reach> {
        let known = self.view.as_ref().map(|view| view.acquaintances(whose)).unwrap_or_default();
        known.into_iter().map(|known| self.reach(known)).collect()
    }

    /// The newborns of a person who are patients of the viewing facility, as far as it may know.
    pub(crate) fn children(&self, of: &PatientNumber) -> Vec<Child> {
        let known = self.view.as_ref().map(|view| view.children(std::slice::from_ref(of)));
        known.and_then(|mut known| known.pop()).unwrap_or_default()
    }

    /// How laboratory results are read.
    pub(crate) fn sites(&self) -> &Sites {
        &self.sites
    }

    /// Whom the viewing facility asks about a person. It asks itself, and hides nothing from itself.
    fn reach(&self, known: Vec<(FacilityId, Acquaintance)>) -> Reach {
        let asked = self.asked.iter().filter(|asked| **asked != self.facility);
        let asked = asked.map(|asked| (asked.clone(), Standing::NotLinked));
        let own = (self.facility.clone(), Standing::Linked { open: CategorySet::all() });
        // of several rows of one facility the last holds
        Reach::new(asked.chain([own]).chain(known.into_iter().map(|(facility, how)| {
            let standing = match how {
                Acquaintance::Linked(open) => Standing::Linked { open },
                Acquaintance::Parted => Standing::NotLinked,
            };
            (facility, standing)
        })))
    }
}

impl PersonsRead {
    pub(super) fn into_parts(self) -> (Vec<PersonFacts>, MemoryReservation) {
        (self.persons, self.memory)
    }
}

impl fmt::Debug for Persons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persons").field("facility", &self.facility).finish_non_exhaustive()
    }
}

// Redacted: the number is patient data.
impl fmt::Debug for PersonFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonFacts(******)")
    }
}

impl fmt::Debug for PersonsRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonsRead").field("persons", &self.persons.len()).finish_non_exhaustive()
    }
}

/// What a scan is planned with: one partition, because persons are read side by side, not their rows.
fn planner() -> &'static SessionState {
    static STATE: LazyLock<SessionState> = LazyLock::new(|| {
        SessionStateBuilder::new().with_config(SessionConfig::new().with_target_partitions(1)).build()
    });
    &STATE
}

async fn scan(
    table: Arc<dyn TableProvider>,
    (category, columns): (Category, &[&str]),
    (whose, since): (&[PatientNumber], Option<Moment>),
) -> Result<Arc<dyn datafusion::physical_plan::ExecutionPlan>> {
    let schema = view_schema(category);
    let places = columns.iter().map(|name| schema.index_of(name));
    let places = places.collect::<std::result::Result<Vec<usize>, _>>().map_err(DataFusionError::from)?;
    let numbers: Vec<Expr> = whose.iter().map(|number| lit(number.as_str())).collect();
    let mine = col("my_patient_id").in_list(numbers, false);
    let mut filters = vec![mine];
    if let Some(since) = since {
        let of_time = schema.field_with_name("occurred").map_err(DataFusionError::from)?.data_type();
        let since = ScalarValue::TimestampMicrosecond(Some(since.micros()), None).cast_to(of_time)?;
        filters.push(col("occurred").gt_eq(lit(since)));
    }
    table.scan(planner() as &dyn Session, Some(&places), &filters, None).await
}
