//! Pregnancies as a view shows them: charts read out of one view's tables, and what is made of them.
//!
//! Nothing here has a way to a row of its own: all is made of the tables of one view, as that view shows them, and what is read of
//! those is counted there. What it means is `clinical::perinatal`'s to say.

mod beds;
mod charts;
mod checkups;
mod growth;
mod monitors;
mod pregnancies;
mod table;
mod warnings;

pub(crate) use table::{perinatal_schemas, perinatal_table};

use crate::diabetes::Persons;
use clinical::perinatal::PerinatalTables;
use model::Moment;
use std::sync::Arc;
use views::table::Column;

/// The women of one statement's view, the tables they are read by, and the moment they are asked about.
#[derive(Debug, Clone)]
pub(crate) struct Perinatal {
    pub(crate) persons: Arc<Persons>,
    pub(crate) tables: Arc<PerinatalTables>,
    pub(crate) moment: Moment,
}

/// The tables' columns, for the documentation: it is made from here.
pub fn perinatal_table_columns() -> Vec<(&'static str, Vec<&'static Column>)> {
    vec![
        (pregnancies::PREGNANCIES, pregnancies::columns().iter().map(|made| &made.column).collect()),
        (checkups::PREGNANCY_CHECKUPS, checkups::columns().iter().map(|made| &made.column).collect()),
        (warnings::MATERNAL_WARNINGS, warnings::columns().iter().map(|made| &made.column).collect()),
        (growth::GROWTH_TABLES, growth::columns().iter().map(|made| &made.column).collect()),
    ]
}
