//! Laboratory results read whole: `lab_results`, `lab_trend`, `lab_duplicate`.
//!
//! Nothing here has a way to a row of its own: all three are made of the tables `laboratory` and `patient` of the
//! statement's view, as that view shows them, and what is read of those is counted there. What a result means is
//! `clinical::lab`'s to say.

mod asking;
mod cells;
mod duplicate;
mod exec;
mod history;
mod lines;
mod people;
mod read;
mod results;
mod trend;

pub(crate) use results::{LAB_RESULTS, LabResults, lab_schema};

use datafusion::catalog::{TableFunction, TableProvider};
use model::{FacilityId, Moment};
use std::collections::HashMap;
use std::sync::Arc;
use views::table::Column;

/// Whose statement it is, when it is asked, and the view's results.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) facility: FacilityId,
    pub(crate) moment: Moment,
    pub(crate) laboratory: Arc<dyn TableProvider>,
}

/// Adds the table functions of one statement: they know its view.
pub(crate) fn add_functions(to: &mut HashMap<String, Arc<TableFunction>>, asker: &Asker) {
    let trend = Arc::new(trend::LabTrend(asker.clone()));
    let duplicate = Arc::new(duplicate::LabDuplicate(asker.clone()));
    to.insert("lab_trend".to_owned(), Arc::new(TableFunction::new("lab_trend".to_owned(), trend)));
    to.insert("lab_duplicate".to_owned(), Arc::new(TableFunction::new("lab_duplicate".to_owned(), duplicate)));
}

/// The columns of `lab_results` beyond those every table begins with, and those of the table functions, for the
/// documentation: it is made from here.
pub fn laboratory_columns() -> Vec<(&'static str, Vec<&'static Column>)> {
    vec![
        (LAB_RESULTS, results::own_columns().collect()),
        ("lab_trend", trend::columns().collect()),
        ("lab_duplicate", duplicate::columns().collect()),
    ]
}
