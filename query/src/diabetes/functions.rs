//! The table functions over a statement's persons.

use super::asked::AskedOf;
use super::cgm::{Metrics, OfPeriod, Periods, Picture, Profile, Worn};
use super::measures::{Measures, Prevention};
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
        Ok(Arc::new(AskedOf { ask: Arc::new(Measures(year)), diabetes }))
    }),
    ("diabetes_programme", |asking, diabetes| {
        let moment = day(asking, "diabetes_programme(['2026-03-31'])")?.unwrap_or(diabetes.moment);
        Ok(Arc::new(AskedOf { ask: Arc::new(Prevention), diabetes: Diabetes { moment, ..diabetes } }))
    }),
    ("cgm_periods", |asking, diabetes| worn(asking, Periods, diabetes, "cgm_periods()")),
    ("cgm_metrics", |asking, diabetes| worn(asking, Metrics, diabetes, "cgm_metrics()")),
    ("cgm_agp", |asking, diabetes| worn(asking, Profile, diabetes, "cgm_agp()")),
    ("cgm_picture", |asking, diabetes| {
        let language = match (asking.text(0), asking.len()) {
            (None, 0) | (Some("ja"), 1) => Language::Japanese,
            (Some("en"), 1) => Language::English,
            _ => return Err(asking.wrong("cgm_picture(['ja' | 'en'])")),
        };
        Ok(Arc::new(Worn { of: Arc::new(Picture(language)), diabetes }))
    }),
];

/// A table of periods of wear, which takes no arguments.
fn worn<P: OfPeriod>(asking: &Asking<'_>, of: P, diabetes: Diabetes, usage: &str) -> Result<Arc<dyn TableProvider>> {
    if asking.len() > 0 {
        return Err(asking.wrong(usage));
    }
    Ok(Arc::new(Worn { of: Arc::new(of), diabetes }))
}

/// The last moment, in Japan, of the one day that is named; `None` where none is.
fn day(asking: &Asking<'_>, usage: &str) -> Result<Option<Moment>> {
    const DAY: i64 = 86_400_000_000;
    match (asking.text(0), asking.len()) {
        (None, 0) => Ok(None),
        (Some(day), 1) if day.len() == 10 => {
            let start = Moment::parse(day).map_err(|_| {
                DataFusionError::Plan(format!(
                    "the day is written as 2026-03-31: {usage} / 日付は 2026-03-31 のように書きます"
                ))
            })?;
            Ok(Some(start.plus_micros(DAY - 1)))
        }
        _ => Err(asking.wrong(usage)),
    }
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
