//! Laboratory results read whole: `lab_results`, `lab_trend`, `lab_duplicate`.
//!
//! Nothing here has a way to a row of its own: all three are made of the tables `laboratory` and `patient` of the
//! statement's view, as that view shows them, and what is read of those is counted there. What a result means is
//! `clinical::lab`'s to say.

pub(crate) mod asking;
pub(crate) mod cells;
mod duplicate;
mod exec;
mod history;
mod lines;
mod people;
pub(crate) mod read;
mod results;
mod trend;
mod unmapped;

pub(crate) use results::{LAB_RESULTS, LabResults, lab_schema};
pub(crate) use unmapped::{LAB_UNMAPPED, lab_unmapped, unmapped_schema};

use crate::definition::Definitions;
use crate::diabetes::Benchmark;
use clinical::lab::Sites;
use datafusion::catalog::{TableFunction, TableProvider};
use model::{FacilityId, Moment, Principal};
use std::collections::HashMap;
use std::sync::Arc;
use views::table::Column;
use wire::v1;

/// Whose statement it is, when it is asked, and the view's results.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) facility: FacilityId,
    pub(crate) moment: Moment,
    pub(crate) laboratory: Arc<dyn TableProvider>,
    /// What the sources have stated about their laboratories.
    pub(crate) sites: Arc<Sites>,
}

/// What facilities have stated about their laboratories and defined for their views, as it holds now.
pub trait SiteSource: Send + Sync + 'static {
    /// All facilities' tables; a statement is answered under those that hold when it begins.
    fn sites(&self) -> Arc<Sites>;
    /// All facilities' definitions; a statement is answered under those that hold when it begins.
    fn definitions(&self) -> Arc<Definitions>;
    /// How complete the ways in of a principal's own facility are, as far as the principal may know. It may touch the disk.
    fn feed_days(&self, principal: &Principal) -> Vec<v1::FeedDay> {
        let _ = principal;
        Vec::new()
    }
    /// What facilities have published of measures of care.
    fn benchmark(&self) -> Arc<Benchmark> {
        Arc::default()
    }
}

/// Nobody has stated anything: the shipped tables hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NothingStated;

impl SiteSource for NothingStated {
    fn sites(&self) -> Arc<Sites> {
        Arc::default()
    }
    fn definitions(&self) -> Arc<Definitions> {
        Arc::default()
    }
}

/// Adds the table functions of one statement: they know its view.
pub(crate) fn add_functions(to: &mut HashMap<String, Arc<TableFunction>>, asker: &Asker) {
    let trend = Arc::new(trend::LabTrend(asker.clone()));
    let duplicate = Arc::new(duplicate::LabDuplicate(asker.clone()));
    to.insert(LAB_TREND.to_owned(), Arc::new(TableFunction::new(LAB_TREND.to_owned(), trend)));
    to.insert(LAB_DUPLICATE.to_owned(), Arc::new(TableFunction::new(LAB_DUPLICATE.to_owned(), duplicate)));
}

const LAB_TREND: &str = "lab_trend";
const LAB_DUPLICATE: &str = "lab_duplicate";

/// Whether a table function has this name.
pub(crate) fn is_function(name: &str) -> bool {
    name == LAB_TREND || name == LAB_DUPLICATE
}

/// The columns of `lab_results` beyond those every table begins with, and those of the table functions, for the
/// documentation: it is made from here.
pub fn laboratory_columns() -> Vec<(&'static str, Vec<&'static Column>)> {
    vec![
        (LAB_RESULTS, results::own_columns().collect()),
        (LAB_UNMAPPED, unmapped::COLUMNS.iter().collect()),
        ("lab_trend", trend::columns().collect()),
        ("lab_duplicate", duplicate::columns().collect()),
    ]
}
