//! What is asked of every person's facts, as a table.

use super::made::OfPersons;
use super::{Diabetes, PersonFacts};
use crate::lab::cells::Made;
use clinical::diabetes::Person;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::TableType;
use futures::future::BoxFuture;
use model::PatientNumber;
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

/// The answers of one view's persons.
pub(super) struct AskedOf<A> {
    pub(super) ask: A,
    pub(super) diabetes: Diabetes,
}

impl<A: Ask> OfPersons for AskedOf<A> {
    type Person = PersonFacts;
    type Row = A::Row;
    const NAME: &'static str = A::NAME;
    const TYPE: TableType = TableType::Temporary;

    fn columns() -> &'static [Made<A::Row>] {
        A::columns()
    }
    fn everybody(&self) -> Vec<PatientNumber> {
        self.diabetes.persons.numbers()
    }
    fn read<'a>(
        &'a self,
        whose: &'a [PatientNumber],
        context: Arc<TaskContext>,
    ) -> BoxFuture<'a, Result<(Vec<PersonFacts>, MemoryReservation)>> {
        Box::pin(async move { Ok(self.diabetes.persons.read(whose, context).await?.into_parts()) })
    }
    fn rows(&self, of: &PersonFacts, into: &mut Vec<A::Row>) {
        self.ask.rows(of.number.as_str(), &self.diabetes.person(of), into);
    }
}
