//! The table functions over a statement's persons.

use super::asked::AskedOf;
use super::cgm::{Metrics, OfPeriod, Periods, Picture, Profile, Worn};
use super::course::Course;
use super::made::PersonsTable;
use super::measures::{Measures, Prevention};
use super::members::{self, COHORT, members};
use super::{Diabetes, Registry};
use crate::lab::asking::Asking;
use clinical::diabetes::cgm::Language;
use clinical::diabetes::quality::MeasureYear;
use datafusion::catalog::{TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DataFusionError, Result};
use model::Moment;
use std::collections::HashMap;
use std::sync::Arc;

/// Adds the table functions of one statement: they know its view.
pub(crate) fn add_functions(to: &mut HashMap<String, Arc<TableFunction>>, diabetes: &Diabetes) {
    for &(name, call) in FUNCTIONS {
        let function = Arc::new(Function { name, call, diabetes: diabetes.clone() });
        to.insert(name.to_owned(), Arc::new(TableFunction::new(name.to_owned(), function)));
    }
}

/// Whether one of them has this name.
pub(crate) fn is_function(name: &str) -> bool {
    FUNCTIONS.iter().any(|(function, _)| *function == name)
}

type Call = fn(&Asking<'_>, Diabetes) -> Result<Arc<dyn TableProvider>>;

const FUNCTIONS: &[(&str, Call)] = &[
    (COHORT, |asking, diabetes| {
        let usage = || asking.wrong(members::USAGE);
        let name = asking.text(0).ok_or_else(usage)?;
        let day = day_at(asking, 1, members::USAGE)?;
        let found = diabetes.cohort(name).ok_or_else(|| {
            DataFusionError::Plan(format!(
                "there is no cohort `{name}`; `ajisai cohort list` names them / コホート `{name}` はありません"
            ))
        })?;
        members(&found, Diabetes { moment: day.unwrap_or(diabetes.moment), ..diabetes }, day.is_some())
    }),
    ("diabetes_course", |asking, diabetes| {
        if asking.len() > 0 {
            return Err(asking.wrong("diabetes_course()"));
        }
        Ok(Arc::new(PersonsTable::new(AskedOf { ask: Course, diabetes })))
    }),
    ("diabetes_registry_at", |asking, diabetes| {
        const USAGE: &str = "diabetes_registry_at('2026-03-31')";
        match day(asking, USAGE)? {
            Some(moment) => Ok(Arc::new(Registry(Diabetes { moment, ..diabetes }))),
            None => Err(asking.wrong(USAGE)),
        }
    }),
    ("diabetes_measures", |asking, diabetes| {
        const USAGE: &str = "diabetes_measures(2026)";
        let (Some(year), 1) = (asking.whole(0), asking.len()) else { return Err(asking.wrong(USAGE)) };
        let year =
            i16::try_from(year).ok().and_then(|year| MeasureYear::new(year).ok()).ok_or_else(|| asking.wrong(USAGE))?;
        Ok(Arc::new(PersonsTable::new(AskedOf { ask: Measures(year), diabetes })))
    }),
    ("diabetes_programme", |asking, diabetes| {
        let moment = day(asking, "diabetes_programme(['2026-03-31'])")?.unwrap_or(diabetes.moment);
        Ok(Arc::new(PersonsTable::new(AskedOf { ask: Prevention, diabetes: Diabetes { moment, ..diabetes } })))
    }),
    ("cgm_periods", |asking, diabetes| worn(asking, Periods, diabetes, "cgm_periods()")),
    ("cgm_metrics", |asking, diabetes| worn(asking, Metrics, diabetes, "cgm_metrics()")),
    ("cgm_agp", |asking, diabetes| worn(asking, Profile, diabetes, "cgm_agp()")),
    ("cgm_picture", |asking, diabetes| {
        const USAGE: &str = "cgm_picture(['ja' | 'en' [, '2026-03-01', '2026-03-14']])";
        let language = match asking.text(0) {
            None if asking.len() == 0 => Language::Japanese,
            Some("ja") => Language::Japanese,
            Some("en") => Language::English,
            _ => return Err(asking.wrong(USAGE)),
        };
        let within = match asking.len() {
            0 | 1 => None,
            3 => {
                let (from, until) = (day_start(asking, 1, USAGE)?, day_start(asking, 2, USAGE)?.plus_micros(DAY));
                if from >= until {
                    return Err(asking.wrong(USAGE));
                }
                Some((from, until))
            }
            _ => return Err(asking.wrong(USAGE)),
        };
        Ok(Arc::new(PersonsTable::new(Worn { of: Picture { language, within }, diabetes })))
    }),
];

/// A table of periods of wear, which takes no arguments.
fn worn<P: OfPeriod>(asking: &Asking<'_>, of: P, diabetes: Diabetes, usage: &str) -> Result<Arc<dyn TableProvider>> {
    if asking.len() > 0 {
        return Err(asking.wrong(usage));
    }
    Ok(Arc::new(PersonsTable::new(Worn { of, diabetes })))
}

/// The last moment, in Japan, of the one day that is named; `None` where none is.
fn day(asking: &Asking<'_>, usage: &str) -> Result<Option<Moment>> {
    day_at(asking, 0, usage)
}

/// The same of the last argument, which stands at a place.
fn day_at(asking: &Asking<'_>, place: usize, usage: &str) -> Result<Option<Moment>> {
    match asking.len() {
        len if len == place => Ok(None),
        len if len == place + 1 => Ok(Some(day_start(asking, place, usage)?.plus_micros(DAY - 1))),
        _ => Err(asking.wrong(usage)),
    }
}

const DAY: i64 = 86_400_000_000;

/// Where the day at a place begins in Japan.
fn day_start(asking: &Asking<'_>, place: usize, usage: &str) -> Result<Moment> {
    let day = asking.text(place).filter(|day| day.len() == 10).ok_or_else(|| asking.wrong(usage))?;
    Moment::parse(day).map_err(|_| {
        DataFusionError::Plan(format!("the day is written as 2026-03-31: {usage} / 日付は 2026-03-31 のように書きます"))
    })
}

#[derive(Debug)]
struct Function {
    name: &'static str,
    call: Call,
    diabetes: Diabetes,
}

impl TableFunctionImpl for Function {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        (self.call)(&Asking::of(self.name, args.exprs())?, self.diabetes.clone())
    }
}
