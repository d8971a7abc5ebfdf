//! Tables made of persons with rows of a type of their own: several for a person, or one.

use super::exec::{Make, PersonsExec};
use super::{Diabetes, PersonFacts, whose};
use crate::lab::cells::Made;
use async_trait::async_trait;
use clinical::diabetes::Person;
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

/// What is asked of every person.
pub(super) trait Ask: Send + Sync + 'static {
    /// A row of the answer.
    type Row: Send + 'static;
    /// How the plan names it.
    const NAME: &'static str;
    /// The answer's columns; `my_patient_id` among them.
    fn columns() -> &'static [Made<Self::Row>];
    /// A person's rows.
    fn rows(&self, number: &str, person: &Person<'_>, into: &mut Vec<Self::Row>);
}

/// The answers of one view's persons as a table.
pub(super) struct AskedOf<A> {
    pub(super) ask: Arc<A>,
    pub(super) diabetes: Diabetes,
}

impl<A: Ask> fmt::Debug for AskedOf<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(A::NAME)
    }
}

#[async_trait]
impl<A: Ask> TableProvider for AskedOf<A> {
    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(A::columns().iter().map(Made::field).collect::<Vec<Field>>()))
    }
    fn table_type(&self) -> TableType {
        TableType::Temporary
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
        let every = || (0..A::columns().len()).collect();
        let places: Vec<usize> = projection.cloned().unwrap_or_else(every);
        let schema = Arc::new(self.schema().project(&places)?);
        let whose = whose::of(filters).unwrap_or_else(|| self.diabetes.persons.numbers());
        let rows = Rows { ask: Arc::clone(&self.ask), places, schema, diabetes: self.diabetes.clone() };
        Ok(Arc::new(PersonsExec::new(rows, whose, state.config().target_partitions())))
    }
}

struct Rows<A> {
    ask: Arc<A>,
    places: Vec<usize>,
    schema: SchemaRef,
    diabetes: Diabetes,
}

impl<A: Ask> Make for Rows<A> {
    type Person = PersonFacts;
    type Rows = Vec<A::Row>;
    const NAME: &'static str = A::NAME;

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    fn read<'a>(
        &'a self,
        whose: &'a [PatientNumber],
        context: Arc<TaskContext>,
    ) -> BoxFuture<'a, Result<(Vec<PersonFacts>, MemoryReservation)>> {
        Box::pin(async move { Ok(self.diabetes.persons.read(whose, context).await?.into_parts()) })
    }
    fn begin(&self) -> Self::Rows {
        Vec::new()
    }
    fn add(&self, of: &PersonFacts, rows: &mut Self::Rows) {
        self.ask.rows(of.number.as_str(), &self.diabetes.person(of), rows);
    }
    fn finish(&self, rows: Self::Rows) -> (Vec<ArrayRef>, usize) {
        let columns = self.places.iter().filter_map(|at| A::columns().get(*at)).map(|made| made.array(&rows));
        (columns.collect(), rows.len())
    }
}
