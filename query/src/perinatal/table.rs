//! The tables made of women: each with its rows.

use super::charts::{Wanted, Woman};
use super::{Perinatal, checkups, growth, pregnancies, warnings};
use crate::diabetes::exec::{Make, PersonsExec};
use crate::diabetes::whose;
use crate::lab::cells::Made;
use async_trait::async_trait;
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;
use model::{Category, PatientNumber};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// What a table says of every woman.
pub(super) trait Tell: Send + Sync + 'static {
    /// A row.
    type Row: Send + Sync + 'static;
    /// What is read of her for it.
    const WANTED: Wanted = Wanted::Chart;
    /// How the plan names it.
    const NAME: &'static str;
    /// The columns; `my_patient_id` among them.
    fn columns() -> &'static [Made<Self::Row>];
    /// A woman's rows.
    fn rows(of: &Woman, perinatal: &Perinatal, into: &mut Vec<Self::Row>);
}

/// Each table with its schema.
pub(crate) fn perinatal_schemas() -> [(&'static str, SchemaRef); 4] {
    [
        (pregnancies::PREGNANCIES, schema::<pregnancies::Pregnancies>()),
        (checkups::PREGNANCY_CHECKUPS, schema::<checkups::Checkups>()),
        (warnings::MATERNAL_WARNINGS, schema::<warnings::Warnings>()),
        (growth::GROWTH_TABLES, growth::schema()),
    ]
}

/// One of the tables over a view, or over nothing; `None` where the name is none of them.
pub(crate) fn perinatal_table(name: &str, of: Option<Perinatal>) -> Option<Result<Arc<dyn TableProvider>>> {
    if name == growth::GROWTH_TABLES {
        return Some(growth::table(of.as_ref()));
    }
    let table = match name {
        pregnancies::PREGNANCIES => Some(table::<pregnancies::Pregnancies>(of)),
        checkups::PREGNANCY_CHECKUPS => Some(table::<checkups::Checkups>(of)),
        warnings::MATERNAL_WARNINGS => Some(table::<warnings::Warnings>(of)),
        _ => None,
    };
    table.map(Ok)
}

fn table<T: Tell>(of: Option<Perinatal>) -> Arc<dyn TableProvider> {
    match of {
        Some(perinatal) => Arc::new(Told::<T> { perinatal, tell: PhantomData }),
        None => Arc::new(EmptyTable::new(schema::<T>())),
    }
}

fn schema<T: Tell>() -> SchemaRef {
    Arc::new(Schema::new(T::columns().iter().map(Made::field).collect::<Vec<Field>>()))
}

/// The table over one view.
struct Told<T> {
    perinatal: Perinatal,
    tell: PhantomData<T>,
}

impl<T: Tell> fmt::Debug for Told<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::NAME)
    }
}

#[async_trait]
impl<T: Tell> TableProvider for Told<T> {
    fn schema(&self) -> SchemaRef {
        schema::<T>()
    }
    fn table_type(&self) -> TableType {
        TableType::Base
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
        let all = || self.perinatal.persons.numbers_of(Category::Perinatal);
        let whose = whose::of(filters).unwrap_or_else(all);
        let rows = Rows::<T> { places, schema, perinatal: self.perinatal.clone(), tell: PhantomData };
        Ok(Arc::new(PersonsExec::new(rows, whose, state.config().target_partitions())))
    }
}

struct Rows<T> {
    places: Vec<usize>,
    schema: SchemaRef,
    perinatal: Perinatal,
    tell: PhantomData<T>,
}

impl<T: Tell> Make for Rows<T> {
    type Person = Woman;
    type Rows = Vec<T::Row>;
    const NAME: &'static str = T::NAME;

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    fn read<'a>(
        &'a self,
        whose: &'a [PatientNumber],
        context: Arc<TaskContext>,
    ) -> BoxFuture<'a, Result<(Vec<Woman>, MemoryReservation)>> {
        Box::pin(self.perinatal.read(whose, T::WANTED, context))
    }
    fn begin(&self) -> Self::Rows {
        Vec::new()
    }
    fn add(&self, of: &Woman, rows: &mut Self::Rows) {
        T::rows(of, &self.perinatal, rows);
    }
    fn finish(&self, rows: Self::Rows) -> (Vec<ArrayRef>, usize) {
        let columns = self.places.iter().filter_map(|at| T::columns().get(*at)).map(|made| made.array(&rows));
        (columns.collect(), rows.len())
    }
}
