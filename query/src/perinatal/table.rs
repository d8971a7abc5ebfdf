//! The tables made of women: each with its rows.

use super::charts::{Wanted, Woman};
use super::{Perinatal, checkups, growth, pregnancies, warnings};
use crate::diabetes::made::{OfPersons, PersonsTable, schema};
use crate::lab::cells::Made;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::TableType;
use futures::future::BoxFuture;
use model::{Category, PatientNumber};
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
        (pregnancies::PREGNANCIES, schema::<Told<pregnancies::Pregnancies>>()),
        (checkups::PREGNANCY_CHECKUPS, schema::<Told<checkups::Checkups>>()),
        (warnings::MATERNAL_WARNINGS, schema::<Told<warnings::Warnings>>()),
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
        Some(perinatal) => Arc::new(PersonsTable::new(Told::<T> { perinatal, tell: PhantomData })),
        None => Arc::new(EmptyTable::new(schema::<Told<T>>())),
    }
}

/// What a table says of the women of one view.
struct Told<T> {
    perinatal: Perinatal,
    tell: PhantomData<T>,
}

impl<T: Tell> OfPersons for Told<T> {
    type Person = Woman;
    type Row = T::Row;
    const NAME: &'static str = T::NAME;
    const TYPE: TableType = TableType::Base;

    fn columns() -> &'static [Made<T::Row>] {
        T::columns()
    }
    fn everybody(&self) -> Vec<PatientNumber> {
        self.perinatal.persons.numbers_of(Category::Perinatal)
    }
    fn read<'a>(
        &'a self,
        whose: &'a [PatientNumber],
        context: Arc<TaskContext>,
    ) -> BoxFuture<'a, Result<(Vec<Woman>, MemoryReservation)>> {
        Box::pin(self.perinatal.read(whose, T::WANTED, context))
    }
    fn rows(&self, of: &Woman, into: &mut Vec<T::Row>) {
        T::rows(of, &self.perinatal, into);
    }
}
