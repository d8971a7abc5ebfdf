//! One facility's catalogue: what exists for one principal, for the length of one statement.
//!
//! A catalogue is built anew for every statement from one view, so that the visibility and the rows it shows are
//! captured together. Nothing can be registered in it, and it names nothing that another facility has.

use crate::beds;
use crate::diabetes::{
    Benchmark, DIABETES_BENCHMARK, DIABETES_REGISTRY, Diabetes, Persons, Registry, benchmark_schema, registry_schema,
};
use crate::feeds::{FEED_DAYS, OwnFeeds, feed_schema};
use crate::lab::{LAB_RESULTS, LAB_UNMAPPED, LabResults, lab_schema, lab_unmapped, unmapped_schema};
use crate::perinatal::{Perinatal, perinatal_schemas, perinatal_table};
use crate::standard::OwnTables;
use async_trait::async_trait;
use clinical::lab::Sites;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry, ObjectStoreUrl};
use futures::future::BoxFuture;
use model::{Category, CategorySet, FacilityId, Frontier, Moment, PatientNumber, Principal};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use views::table::{table_name, view_schema};
use views::{Acquaintance, Child, Opening, Taking, Tally, View, Views, Witness};

/// The catalogue's name.
pub const CATALOG: &str = "ajisai";
/// The schema that holds the tables.
pub const SCHEMA: &str = "public";
/// The schema PostgreSQL clients look into for names and types.
pub(crate) const PG_CATALOG: &str = "pg_catalog";

/// Where views come from: the one seam between this room and the record store.
pub trait ViewSource: Send + Sync + 'static {
    /// The view of a principal at a moment: visibility and snapshot captured together. `taking` says how its rows leave.
    fn open(&self, principal: &Principal, moment: Moment, taking: Taking) -> Box<dyn OpenView>;
    /// How far the published rows have come.
    fn frontier(&self) -> Frontier;
    /// Waits until the published rows cover `frontier`, at most `wait`; whether they do.
    fn reached<'a>(&'a self, frontier: &'a Frontier, wait: Duration) -> BoxFuture<'a, bool>;
    /// Who writes down what statements read; `None` where nobody does, as in this room's own tests.
    fn witness(&self) -> Option<Arc<dyn Witness>>;
}

/// One view, held for one statement.
pub trait OpenView: Send + Sync {
    /// The category's table as this view shows it.
    fn table(&self, category: Category) -> Arc<dyn TableProvider>;
    /// The viewing facility's own numbers of the persons of whom tables of these categories may show something, each once;
    /// perhaps of one of whom they show nothing.
    fn persons(&self, categories: CategorySet) -> Vec<PatientNumber>;
    /// Where else each of these own patients is known, and what is open there: as much as the viewing facility may know.
    fn acquaintances(&self, own: &[PatientNumber]) -> Vec<Vec<(FacilityId, Acquaintance)>>;
    /// The newborns of each of these own patients who are own patients too: as much as the viewing facility may know.
    fn children(&self, own: &[PatientNumber]) -> Vec<Vec<Child>>;
    /// Everything before this is in the view.
    fn frontier(&self) -> Frontier;
    /// How long ago the newest rows in the view were published.
    fn age(&self) -> Duration;
    /// What was read through this view.
    fn tally(&self) -> Arc<Tally>;
    /// Whether it still holds; `None` where nothing is ever taken from it, as in this room's own tests.
    fn opening(&self) -> Option<Arc<Opening>>;
}

impl ViewSource for Views {
    fn open(&self, principal: &Principal, moment: Moment, taking: Taking) -> Box<dyn OpenView> {
        Box::new(self.held(principal, moment, taking))
    }
    fn frontier(&self) -> Frontier {
        self.store().frontier()
    }
    fn reached<'a>(&'a self, frontier: &'a Frontier, wait: Duration) -> BoxFuture<'a, bool> {
        Box::pin(self.store().reached(frontier, wait))
    }
    fn witness(&self) -> Option<Arc<dyn Witness>> {
        self.feeds().witness().cloned()
    }
}

impl OpenView for View {
    fn table(&self, category: Category) -> Arc<dyn TableProvider> {
        self.table(category)
    }
    fn persons(&self, categories: CategorySet) -> Vec<PatientNumber> {
        self.persons(categories)
    }
    fn acquaintances(&self, own: &[PatientNumber]) -> Vec<Vec<(FacilityId, Acquaintance)>> {
        self.acquaintances(own)
    }
    fn children(&self, own: &[PatientNumber]) -> Vec<Vec<Child>> {
        self.children(own)
    }
    fn frontier(&self) -> Frontier {
        self.frontier().clone()
    }
    fn age(&self) -> Duration {
        self.published_at().elapsed()
    }
    fn tally(&self) -> Arc<Tally> {
        Arc::clone(self.tally())
    }
    fn opening(&self) -> Option<Arc<Opening>> {
        self.opening().cloned()
    }
}

/// The category whose table has this name.
pub fn category_of(table: &str) -> Option<Category> {
    Category::ALL.iter().copied().find(|category| table_name(*category) == table)
}

// === Tables ===

/// Every table of the schema `public` and its columns: one per category, and what is read out of them.
pub(crate) fn tables() -> impl Iterator<Item = (&'static str, SchemaRef)> {
    let categories = Category::ALL.iter().map(|category| (table_name(*category), view_schema(*category)));
    categories
        .chain([(LAB_RESULTS, lab_schema()), (LAB_UNMAPPED, unmapped_schema()), (DIABETES_REGISTRY, registry_schema())])
        .chain([(FEED_DAYS, feed_schema())])
        .chain([(DIABETES_BENCHMARK, benchmark_schema())])
        .chain(beds::schemas())
        .chain(perinatal_schemas())
}

/// Whether every view has a table or a table function of this name.
pub(crate) fn is_taken(name: &str) -> bool {
    tables().any(|(table, _)| table == name) || crate::lab::is_function(name) || crate::diabetes::is_function(name)
}

/// The schema `public`, over an open view or, for planning only, over nothing.
pub(crate) struct Tables {
    rows: Rows,
    sites: Arc<Sites>,
    own: OwnTables,
    feeds: Option<OwnFeeds>,
    benchmark: Arc<Benchmark>,
}

enum Rows {
    Of(Arc<dyn OpenView>, Diabetes),
    None,
}

impl Tables {
    /// The tables of a facility's view at a moment, read under what facilities have stated.
    pub(crate) fn of(view: Box<dyn OpenView>, sites: Arc<Sites>, own: OwnTables, moment: Moment) -> Self {
        let defined = own.defined();
        let view: Arc<dyn OpenView> = Arc::from(view);
        let persons = Persons::of(Arc::clone(&view), own.facility().clone(), Arc::clone(&sites));
        let limits = own.thresholds();
        let asked = limits.map(|limits| limits.asks().to_vec()).unwrap_or_default();
        let tables = limits.map_or_else(clinical::diabetes::Tables::shared, |limits| Arc::clone(limits.tables()));
        let diabetes = Diabetes { persons: Arc::new(persons.asking(asked)), tables, moment, defined };
        Self { rows: Rows::Of(view, diabetes), sites, own, feeds: None, benchmark: Arc::default() }
    }
    /// With the account of the facility's own feeds.
    pub(crate) fn with_feeds(self, feeds: OwnFeeds) -> Self {
        Self { feeds: Some(feeds), ..self }
    }
    pub(crate) fn without_rows(own: OwnTables) -> Self {
        Self { rows: Rows::None, sites: Arc::default(), own, feeds: None, benchmark: Arc::default() }
    }
    /// With what facilities have published.
    pub(crate) fn beside(self, benchmark: Arc<Benchmark>) -> Self {
        Self { benchmark, ..self }
    }
    /// Whose they are, and what that facility has defined.
    pub(crate) fn own(&self) -> &OwnTables {
        &self.own
    }
    /// What the sources have stated about their laboratories.
    pub(crate) fn sites(&self) -> &Arc<Sites> {
        &self.sites
    }
    fn lab_results(&self) -> Arc<dyn TableProvider> {
        let (laboratory, patient) = (self.category(Category::Laboratory), self.category(Category::Patient));
        Arc::new(LabResults::over(laboratory, patient, Arc::clone(&self.sites)))
    }
    /// The persons of the view; `None` where there is none.
    pub(crate) fn diabetes(&self) -> Option<&Diabetes> {
        match &self.rows {
            Rows::Of(_, diabetes) => Some(diabetes),
            Rows::None => None,
        }
    }
    fn registry(&self) -> Arc<dyn TableProvider> {
        match &self.rows {
            Rows::Of(_, diabetes) => Arc::new(Registry(diabetes.clone())),
            Rows::None => Arc::new(EmptyTable::new(registry_schema())),
        }
    }
    /// The women of the view; `None` where there is none.
    fn perinatal(&self) -> Option<Perinatal> {
        let Diabetes { persons, moment, .. } = self.diabetes()?;
        Some(Perinatal { persons: Arc::clone(persons), tables: self.own.perinatal(), moment: *moment })
    }
    /// The table of a category.
    pub(crate) fn category(&self, category: Category) -> Arc<dyn TableProvider> {
        match &self.rows {
            Rows::Of(view, _) => view.table(category),
            Rows::None => Arc::new(EmptyTable::new(view_schema(category))),
        }
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tables")
    }
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        let everybodys = tables().map(|(name, _)| name.to_owned());
        everybodys.chain(self.own.all().map(|(name, _)| name.to_owned())).collect()
    }
    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        match name {
            LAB_RESULTS => Ok(Some(self.lab_results())),
            LAB_UNMAPPED => lab_unmapped(self.lab_results()).map(Some),
            DIABETES_REGISTRY => Ok(Some(self.registry())),
            FEED_DAYS => match &self.feeds {
                Some(feeds) => feeds.table().await.map(Some),
                None => Ok(Some(Arc::new(EmptyTable::new(feed_schema())))),
            },
            DIABETES_BENCHMARK => self.benchmark.table(self.own.facility()).map(Some),
            _ => match category_of(name) {
                Some(category) => Ok(Some(self.category(category))),
                None => match beds::table(
                    name,
                    (self.category(Category::Waveform), self.perinatal()),
                    &self.own.perinatal(),
                ) {
                    Some(table) => table.map(Some),
                    None => match perinatal_table(name, self.perinatal()) {
                        Some(table) => table.map(Some),
                        None => Ok(self.own.table(name, |category| self.category(category))),
                    },
                },
            },
        }
    }
    fn table_exist(&self, name: &str) -> bool {
        tables().any(|(known, _)| known == name) || self.own.get(name).is_some()
    }
}

// === World ===

/// Everything that exists for one statement: one catalogue with `public` and `pg_catalog`.
#[derive(Debug)]
pub(crate) struct World {
    catalogue: Arc<Catalogue>,
}

#[derive(Debug)]
struct Catalogue {
    tables: Arc<dyn SchemaProvider>,
    pg_catalog: Arc<dyn SchemaProvider>,
}

impl World {
    pub(crate) fn new(tables: Tables, pg_catalog: Arc<dyn SchemaProvider>) -> Self {
        Self { catalogue: Arc::new(Catalogue { tables: Arc::new(tables), pg_catalog }) }
    }
}

impl CatalogProviderList for World {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }
    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }
    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG).then(|| Arc::clone(&self.catalogue) as Arc<dyn CatalogProvider>)
    }
}

impl CatalogProvider for Catalogue {
    fn schema_names(&self) -> Vec<String> {
        vec![SCHEMA.to_owned(), PG_CATALOG.to_owned()]
    }
    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match name {
            SCHEMA => Some(Arc::clone(&self.tables)),
            PG_CATALOG => Some(Arc::clone(&self.pg_catalog)),
            _ => None,
        }
    }
}

/// An object store registry with nothing in it, not even the local disk: no address in a statement leads anywhere.
///
/// # Errors
/// When the local disk cannot be taken out.
pub(crate) fn no_stores() -> DataFusionResult<Arc<dyn ObjectStoreRegistry>> {
    let registry = DefaultObjectStoreRegistry::new();
    registry.deregister_store(ObjectStoreUrl::local_filesystem().as_ref())?;
    Ok(Arc::new(registry))
}
