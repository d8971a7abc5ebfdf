//! Diabetes as a view shows it: persons read out of one view's tables, and what is made of them.
//!
//! Nothing here has a way to a row of its own: all is made of the tables of one view, as that view shows them, and what is read of
//! those is counted there. What it means is `clinical::diabetes`'s to say.

mod asked;
mod benchmark;
mod cgm;
mod course;
mod exec;
mod functions;
mod gather;
mod known;
pub(crate) mod made;
mod measures;
mod members;
mod persons;
mod registry;
mod whose;

pub use benchmark::{Benchmark, Published};
pub(crate) use benchmark::{DIABETES_BENCHMARK, benchmark_schema};
pub(crate) use functions::{add_functions, is_function};
pub use persons::{PersonFacts, Persons, PersonsRead};
pub(crate) use registry::note;
pub(crate) use registry::{DIABETES_REGISTRY, Registry, registry_schema};

use crate::definition::Definitions;
use clinical::diabetes::cohort::CohortFile;
use clinical::diabetes::{Person, Tables};
use model::{CategorySet, FacilityId, Moment};
use std::sync::Arc;

/// The persons of one statement's view, the tables they are read by, and the moment they are asked about.
#[derive(Debug, Clone)]
pub(crate) struct Diabetes {
    pub(crate) persons: Arc<Persons>,
    pub(crate) tables: Arc<Tables>,
    pub(crate) moment: Moment,
    /// What the viewing facility has defined.
    pub(crate) defined: (FacilityId, Arc<Definitions>),
}

impl Diabetes {
    /// A person as these tables and this moment see them.
    pub(crate) fn person<'a>(&'a self, of: &'a PersonFacts) -> Person<'a> {
        Person::new(&of.facts, &self.tables, self.moment)
    }

    /// The same persons, read from these tables alone.
    fn reading(self, tables: CategorySet) -> Self {
        Self { persons: Arc::new(self.persons.as_ref().clone().reading(tables)), ..self }
    }

    /// A cohort that the facility has by name.
    fn cohort(&self, name: &str) -> Option<Arc<CohortFile>> {
        let (facility, definitions) = &self.defined;
        definitions.cohorts(facility).into_iter().find(|one| one.file.key() == name).map(|one| one.file)
    }

    /// Nobody: for planning.
    pub(crate) fn nobody((facility, definitions): (FacilityId, Arc<Definitions>), moment: Moment) -> Self {
        let persons = Arc::new(Persons::nobody(facility.clone()));
        Self { persons, tables: Tables::shared(), moment, defined: (facility, definitions) }
    }
}

/// The columns of the table functions over persons and their sensors, for the documentation: it is made from here.
pub fn diabetes_columns() -> Vec<(&'static str, Vec<&'static views::table::Column>)> {
    let persons = [
        ("cohort", members::membership().collect()),
        ("diabetes_course", course::happened().collect()),
        ("diabetes_benchmark", benchmark::shown().collect()),
        ("diabetes_measures", measures::measured().collect()),
        ("diabetes_programme", measures::prevented().collect()),
    ];
    persons.into_iter().chain(cgm::columns()).collect()
}
