//! A table made of persons, with rows of a type of their own: several for a person, or one.

use super::exec::{Make, PersonsExec};
use super::whose;
use crate::lab::cells::Made;
use async_trait::async_trait;
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;
use model::PatientNumber;
use std::fmt;
use std::sync::Arc;

/// What is read of persons, and which rows are made of each.
pub(crate) trait OfPersons: Send + Sync + 'static {
    /// What is read of a person.
    type Person: Send + Sync + 'static;
    /// A row.
    type Row: Send + 'static;
    /// How the plan names it.
    const NAME: &'static str;
    /// What kind of table it is.
    const TYPE: TableType;
    /// The columns; `my_patient_id` among them.
    fn columns() -> &'static [Made<Self::Row>];
    /// Whom to read where a statement names nobody.
    fn everybody(&self) -> Vec<PatientNumber>;
    /// Reads some hundred persons, with the memory they hold.
    fn read<'a>(
        &'a self,
        whose: &'a [PatientNumber],
        context: Arc<TaskContext>,
    ) -> BoxFuture<'a, Result<(Vec<Self::Person>, MemoryReservation)>>;
    /// A person's rows.
    fn rows(&self, of: &Self::Person, into: &mut Vec<Self::Row>);
}

/// The schema of such a table.
pub(crate) fn schema<T: OfPersons>() -> SchemaRef {
    Arc::new(Schema::new(T::columns().iter().map(Made::field).collect::<Vec<Field>>()))
}

/// The table over one view.
pub(crate) struct PersonsTable<T>(Arc<T>);

impl<T: OfPersons> PersonsTable<T> {
    pub(crate) fn new(of: T) -> Self {
        Self(Arc::new(of))
    }
}

impl<T: OfPersons> fmt::Debug for PersonsTable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::NAME)
    }
}

#[async_trait]
impl<T: OfPersons> TableProvider for PersonsTable<T> {
    fn schema(&self) -> SchemaRef {
        schema::<T>()
    }
    fn table_type(&self) -> TableType {
        T::TYPE
    }
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(whose::pushdown(filters))
    }
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let every = || (0..T::columns().len()).collect();
        let places: Vec<usize> = projection.cloned().unwrap_or_else(every);
        let schema = Arc::new(self.schema().project(&places)?);
        let whose = whose::of(filters).unwrap_or_else(|| self.0.everybody());
        let rows = Rows { of: Arc::clone(&self.0), places, schema };
        Ok(Arc::new(PersonsExec::new(rows, whose, state.config().target_partitions())))
    }
}

struct Rows<T> {
    of: Arc<T>,
    places: Vec<usize>,
    schema: SchemaRef,
}

impl<T: OfPersons> Make for Rows<T> {
    type Person = T::Person;
    type Rows = Vec<T::Row>;
    const NAME: &'static str = T::NAME;

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    fn read<'a>(
        &'a self,
        whose: &'a [PatientNumber],
        context: Arc<TaskContext>,
    ) -> BoxFuture<'a, Result<(Vec<T::Person>, MemoryReservation)>> {
        self.of.read(whose, context)
    }
    fn begin(&self) -> Self::Rows {
        Vec::new()
    }
    fn add(&self, of: &T::Person, rows: &mut Self::Rows) {
        self.of.rows(of, rows);
    }
    fn finish(&self, rows: Self::Rows) -> (Vec<ArrayRef>, usize) {
        let columns = self.places.iter().filter_map(|at| T::columns().get(*at)).map(|made| made.array(&rows));
        (columns.collect(), rows.len())
    }
}
