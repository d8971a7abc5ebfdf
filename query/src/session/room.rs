//! The reading room: what all statements share, and how one begins.

use super::course::Course;
use super::running::{Answer, AnswerRows, Head, Outcome, Work};
use super::seats::Seats;
use super::statement::{Door, Reading, Statement};
use super::yielding::GiveWay;
use crate::catalogue::{CATALOG, PG_CATALOG, SCHEMA, Tables, ViewSource, World, no_stores, tables};
use crate::definition::Definitions;
use crate::diabetes::{self, Diabetes};
use crate::executor::Executor;
use crate::feeds::OwnFeeds;
use crate::freshness::frontier_text;
use crate::functions::{Facts, NOT_OFFERED, aggregates, bounded, laboratory, of_diabetes};
use crate::lab::{self, Asker, NothingStated, SiteSource};
use crate::standard::OwnTables;
use crate::told::Told;
use crate::{Limits, QueryError};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::SchemaProvider;
use datafusion::common::DataFusionError;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as Parsed;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::setup_pg_catalog;
use model::{Category, FacilityId, Moment, Principal, Role};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;
use views::{Opening, Tally};

/// The schema `pg_catalog` of a facility, and of which definitions it is.
type OwnCatalog = (Arc<Definitions>, Arc<dyn SchemaProvider>);

/// Answers statements: for each one principal, one view, one catalogue.
pub struct ReadingRoom {
    source: Arc<dyn ViewSource>,
    limits: Limits,
    executor: Executor,
    /// Functions, rules and settings; its own catalogue holds no rows and is never asked for any.
    template: SessionState,
    pg_catalog: Arc<dyn SchemaProvider>,
    /// The same for facilities with tables of their own, as those were when it was made.
    own_catalogs: Mutex<HashMap<FacilityId, OwnCatalog>>,
    stores: Arc<dyn ObjectStoreRegistry>,
    seats: Seats,
    told: Told,
    sites: Arc<dyn SiteSource>,
}

impl fmt::Debug for ReadingRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadingRoom").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl ReadingRoom {
    /// Opens the room over a source of views, where no facility has stated anything about its laboratory. Statements run
    /// on `executor`.
    ///
    /// # Errors
    /// `Internal` when the engine cannot be set up; its kind is logged.
    pub fn open(source: Arc<dyn ViewSource>, limits: Limits, executor: Executor) -> Result<Arc<Self>, QueryError> {
        Self::open_with(source, Arc::new(NothingStated), limits, executor)
    }

    /// Opens the room over a source of views and of what facilities have stated about their laboratories.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        source: Arc<dyn ViewSource>,
        sites: Arc<dyn SiteSource>,
        limits: Limits,
        executor: Executor,
    ) -> Result<Arc<Self>, QueryError> {
        let stores = no_stores().map_err(|_| QueryError::internal("object store registry"))?;
        let (template, pg_catalog) = template(&stores)?;
        let seats = Seats::new(&limits);
        let (told, own_catalogs) = (Told::new(), Mutex::default());
        Ok(Arc::new(Self { source, limits, executor, template, pg_catalog, own_catalogs, stores, seats, told, sites }))
    }

    /// The room's limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
    /// Where the views come from.
    pub fn source(&self) -> &Arc<dyn ViewSource> {
        &self.source
    }

    /// Runs a piece of work on the room's own threads, whose stacks are deep enough for every statement that
    /// `session::size` lets pass; the caller's are not.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, QueryError> {
        let planner = self.executor.planner().ok_or_else(|| QueryError::internal("planner"))?;
        planner.spawn(async move { work() }).await.map_err(|_| QueryError::internal("reading"))
    }

    /// Parses one statement.
    ///
    /// # Errors
    /// As [`Reading::parse`].
    pub async fn read(&self, sql: &str) -> Result<Reading, QueryError> {
        let sql = sql.to_owned();
        self.aside(move || Reading::parse(&sql)).await?
    }

    /// The statement's plan over tables without rows: its columns and its placeholders, and nothing of anyone's data.
    ///
    /// # Errors
    /// When the statement has no meaning over these tables.
    pub async fn plan_without_rows(&self, principal: &Principal, reading: &Reading) -> Result<LogicalPlan, QueryError> {
        let state = self.state(
            Tables::without_rows(self.own(principal)),
            facts(principal, String::new(), 0),
            (principal, now()),
        )?;
        let (reading, memory_bytes) = (reading.clone(), self.limits.memory_bytes);
        let planner = self.executor.planner().ok_or_else(|| QueryError::internal("planner"))?;
        let planning = planner.spawn(async move { plan(&state, &reading).await });
        match tokio::time::timeout(self.limits.statement, planning).await {
            Ok(Ok(plan)) => plan.map_err(|error| QueryError::from_datafusion(error, memory_bytes)),
            Ok(Err(_)) => Err(QueryError::internal("planner")),
            Err(_) => Err(QueryError::TooLong { limit: self.limits.statement }),
        }
    }

    /// Runs a statement for a principal. Returns when its first rows can be asked for.
    ///
    /// # Errors
    /// When the statement is refused, does not become fresh enough, or fails before its first row.
    pub async fn run(self: &Arc<Self>, principal: &Principal, statement: Statement) -> Result<Answer, QueryError> {
        let (head, head_comes) = oneshot::channel();
        let (rows, rows_come) = mpsc::channel(4);
        let outcome = Outcome::default();
        let ending = statement.ending.clone();
        let span = tracing::info_span!(
            "statement",
            facility = %principal.facility,
            purpose = principal.purpose.code(),
            door = statement.door.code(),
            digest = %statement.reading.digest(),
        );
        let timeout = statement.timeout.map_or(self.limits.statement, |asked| asked.min(self.limits.statement));
        let longest = self.limits.turn + statement.at_least.wait(self.limits.at_least) + timeout;
        let course = Arc::new(Course::default());
        let work = Work {
            room: Arc::clone(self),
            principal: principal.clone(),
            statement,
            timeout,
            outcome: outcome.clone(),
            course: Arc::clone(&course),
        };
        let executor = self.executor.runner().ok_or_else(|| QueryError::internal("executor"))?;
        let task = executor.spawn(work.run(head, rows).instrument(span));
        ending.attach(task.abort_handle());

        let rows = AnswerRows::new((rows_come, course), task.abort_handle(), outcome.clone(), ending.clone());
        match tokio::time::timeout(longest + GRACE, head_comes).await {
            Ok(Ok(head)) => {
                let Head { schema, frontier, moment, age } = head;
                let rows = rows.until(Instant::now() + timeout + GRACE, timeout);
                Ok(Answer { schema, frontier, moment, age, rows })
            }
            Ok(Err(_)) => Err(outcome.error(&ending)),
            // The planner is not interruptible: the caller is answered, the thread ends on its own.
            Err(_) => Err(QueryError::TooLong { limit: timeout }),
        }
    }

    /// The tables that a principal's facility has defined, as they hold now.
    pub(crate) fn own(&self, principal: &Principal) -> OwnTables {
        OwnTables::of(principal.facility.clone(), self.sites.definitions())
    }

    /// What clients of the PostgreSQL protocol look into: the tables of everybody, and the facility's own where it has any.
    fn pg_catalog_of(&self, own: &OwnTables) -> Result<Arc<dyn SchemaProvider>, QueryError> {
        /// At most so many are kept; more are made anew.
        const MOST: usize = 256;
        if own.all().next().is_none() {
            return Ok(Arc::clone(&self.pg_catalog));
        }
        let (facility, definitions) = own.defined();
        let mut kept = self.own_catalogs.lock();
        if let Some((_, made)) = kept.get(&facility).filter(|(of, _)| Arc::ptr_eq(of, &definitions)) {
            return Ok(Arc::clone(made));
        }
        let internal = |_| QueryError::internal("a facility's own catalogue");
        let config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, SCHEMA)
            .with_create_default_catalog_and_schema(true);
        let context = SessionContext::new_with_config(config);
        let everybodys = tables().map(|(name, schema)| (name.to_owned(), schema));
        let all = everybodys.chain(own.all().map(|(name, schema)| (name.to_owned(), Arc::clone(schema))));
        let made = pg_catalog(&context, all).map_err(internal)?;
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(facility, (definitions, Arc::clone(&made)));
        Ok(made)
    }

    pub(crate) fn seats(&self) -> &Seats {
        &self.seats
    }
    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// A state for one statement over one view, and how old the view is.
    pub(crate) fn state_of_view(&self, principal: &Principal, door: Door) -> Result<(SessionState, Seen), QueryError> {
        let moment = now();
        let view = self.source.open(principal, moment, door.taking());
        let age = view.age();
        let frontier = view.frontier();
        let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let (tally, opening) = (view.tally(), view.opening());
        let facts = facts(principal, frontier_text(&frontier), age_ms);
        let feeds = OwnFeeds::of(Arc::clone(&self.sites), principal.clone());
        let tables = Tables::of(view, self.sites.sites(), self.own(principal), moment).with_feeds(feeds);
        // what is for a facility's staff is not for its patients
        let tables = if principal.role == Role::Patient { tables } else { tables.beside(self.sites.benchmark()) };
        let state = self.state(tables, facts, (principal, moment))?;
        Ok((state, Seen { frontier, moment, age, tally, opening }))
    }

    fn state(
        &self,
        tables: Tables,
        facts: Facts,
        (principal, moment): (&Principal, Moment),
    ) -> Result<SessionState, QueryError> {
        let laboratory = tables.category(Category::Laboratory);
        let sites = Arc::clone(tables.sites());
        let asker = Asker { facility: principal.facility.clone(), moment, laboratory, sites };
        let diabetes = tables.diabetes().cloned();
        let diabetes = diabetes.unwrap_or_else(|| Diabetes::nobody(tables.own().defined(), moment));
        let pg_catalog = self.pg_catalog_of(tables.own())?;
        let world = World::new(tables, pg_catalog);
        let mut builder = SessionStateBuilder::new_from_existing(self.template.clone())
            .with_catalog_list(Arc::new(world))
            .with_runtime_env(self.runtime()?);
        builder.scalar_functions().get_or_insert_with(Vec::new).extend(facts.functions());
        lab::add_functions(builder.table_functions().get_or_insert_default(), &asker);
        diabetes::add_functions(builder.table_functions().get_or_insert_default(), &diabetes);
        let mut state = builder.build();
        // `now()` is the statement's time; the template's is when the room was opened
        state.mark_start_execution();
        Ok(state)
    }

    /// A memory of its own for each statement, no disk, no addresses.
    fn runtime(&self) -> Result<Arc<RuntimeEnv>, QueryError> {
        RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(self.limits.memory_bytes)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .with_object_store_registry(Arc::clone(&self.stores))
            .build_arc()
            .map_err(|_| QueryError::internal("runtime"))
    }
}

/// How long after its limit a statement that cannot be interrupted is given up.
const GRACE: Duration = Duration::from_millis(500);

/// What a view showed of itself.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) frontier: model::Frontier,
    pub(crate) moment: Moment,
    pub(crate) age: Duration,
    pub(crate) tally: Arc<Tally>,
    pub(crate) opening: Option<Arc<Opening>>,
}

/// Plans a statement and checks the plan: the parser's list of kinds is one wall, this is the second.
pub(crate) async fn plan(
    state: &SessionState,
    reading: &Reading,
) -> Result<LogicalPlan, datafusion::error::DataFusionError> {
    let plan = state.statement_to_plan(Parsed::clone(reading.parsed())).await?;
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false).verify_plan(&plan)?;
    Ok(plan)
}

fn facts(principal: &Principal, frontier: String, age_ms: i64) -> Facts {
    Facts {
        facility: principal.facility.as_str().to_owned(),
        purpose: principal.purpose.code().to_owned(),
        role: principal.role.code().to_owned(),
        member: principal.member.as_ref().map(|member| member.as_str().to_owned()).unwrap_or_default(),
        frontier,
        age_ms,
    }
}

/// Now, by this machine's clock.
pub(crate) fn now() -> Moment {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    // INVARIANT: a clock outside the years 1800 to 2300 reads as the epoch, at which hardly any period holds.
    i64::try_from(micros).ok().and_then(|micros| Moment::from_micros(micros).ok()).unwrap_or_else(epoch)
}

fn epoch() -> Moment {
    Moment::from_micros(0).unwrap_or_else(|_| unreachable!("the epoch lies within the years 1800 to 2300"))
}

/// The schema `pg_catalog` over tables of these names and columns.
fn pg_catalog(
    context: &SessionContext,
    tables: impl Iterator<Item = (String, SchemaRef)>,
) -> Result<Arc<dyn SchemaProvider>, DataFusionError> {
    let schema = |name: &str| context.catalog(CATALOG).and_then(|catalog| catalog.schema(name));
    let missing = || DataFusionError::Internal("a schema is missing".to_owned());
    let public = schema(SCHEMA).ok_or_else(missing)?;
    for (name, columns) in tables {
        public.register_table(name, Arc::new(EmptyTable::new(columns)))?;
    }
    setup_pg_catalog(context, CATALOG, EmptyContextProvider).map_err(|error| *error)?;
    schema(PG_CATALOG).ok_or_else(missing)
}

fn template(stores: &Arc<dyn ObjectStoreRegistry>) -> Result<(SessionState, Arc<dyn SchemaProvider>), QueryError> {
    let internal = |_| QueryError::internal("template");
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(true)
        .with_information_schema(true);
    let options = config.options_mut();
    // Clients of the text protocols and of ADBC expect plain strings.
    options.sql_parser.map_string_types_to_utf8view = false;
    // A plan may not speak of sizes.
    options.explain.show_statistics = false;
    options.explain.show_sizes = false;

    let runtime = RuntimeEnvBuilder::new()
        .with_object_store_registry(Arc::clone(stores))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()
        .map_err(internal)?;
    let mut builder = SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_physical_optimizer_rule(Arc::new(GiveWay));
    // No format can be read or written by name.
    *builder.file_formats() = Some(Vec::new());
    *builder.table_factories() = Some(std::collections::HashMap::new());
    if let Some(functions) = builder.scalar_functions() {
        functions.retain(|function| !NOT_OFFERED.contains(&function.name()));
    }
    let context = SessionContext::new_with_state(builder.build());

    let pg_catalog =
        pg_catalog(&context, tables().map(|(name, schema)| (name.to_owned(), schema))).map_err(internal)?;
    for function in bounded(&context.state()).into_iter().chain(laboratory()).chain(of_diabetes()) {
        context.register_udf(function.as_ref().clone());
    }
    for function in aggregates() {
        context.register_udaf(function);
    }
    Ok((context.state(), pg_catalog))
}
