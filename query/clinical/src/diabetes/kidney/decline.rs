//! How fast filtration declines, and how sure that is.

use super::{KidneyLimits, TOO_FEW, filtration, filtrations};
use crate::diabetes::answer::{Absent, Answer, Found};
use crate::diabetes::facts::{Facts, Measure};
use crate::diabetes::line::{Line, line};
use model::{FacilityId, Moment};

/// Whether a decline is rapid.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rapid {
    /// The whole 95 % interval of the slope is below the limit.
    Certainly,
    /// The slope is below the limit, its interval reaches above.
    Probably,
    /// The slope is not below the limit.
    No,
}

/// The slope of filtration over the years looked back.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Decline {
    /// The line, mL/min/1.73 m² per year, with its uncertainty.
    pub line: Line,
    /// Whether it is rapid.
    pub rapid: Rapid,
    /// Values left out as acute injury, because they came back.
    pub acute: usize,
    /// The fall from the first value to the last, in percent of the first; negative where it rose.
    pub fall_percent: f64,
    /// The largest of the falls that stand for an end point which is reached.
    pub event: Option<u8>,
}

const DAY: i64 = 86_400_000_000;

/// The decline up to a moment, from values of outpatients without acute injuries.
///
/// # Errors
/// When there are too few values or they span too short a time.
pub fn decline(facts: &Facts, limits: &KidneyLimits, now: Moment) -> Answer<Decline> {
    let from = now.plus_micros(-i64::from(limits.slope_days) * DAY);
    let outpatient = filtrations(facts, now).into_iter().filter(|one| one.0 > from && !one.2.inpatient);
    let all: Vec<(Moment, &FacilityId, f64)> = outpatient.map(|one| (one.0, one.1, one.2.value)).collect();
    let kept = without_acute(&all, limits);
    let points: Vec<(Moment, f64)> = kept.iter().map(|one| (one.0, one.2)).collect();
    let (least, years) = limits.slope_needs;
    let line = line(&points).filter(|line| line.points >= least && line.years >= years);
    let (Some(line), Some(first), Some(last)) = (line, points.first(), points.last()) else {
        filtration(facts, now).map_err(|absent| absent.needed(Measure::Egfr))?;
        return Err(Absent::CannotBeSaid { why: TOO_FEW });
    };
    let rapid = if line.interval.1 < limits.rapid {
        Rapid::Certainly
    } else if line.per_year < limits.rapid {
        Rapid::Probably
    } else {
        Rapid::No
    };
    // times before divided by: a fall of exactly 57 % is one
    let fall_percent = (first.1 - last.1) * 100.0 / first.1;
    let event = limits.falls.into_iter().filter(|fall| fall_percent >= f64::from(*fall)).max();
    let value = Decline { line, rapid, acute: all.len() - kept.len(), fall_percent, event };
    let origins = kept.iter().map(|one| (one.0, one.1));
    Found::resting_on(value, origins).ok_or(Absent::CannotBeSaid { why: TOO_FEW })
}

/// Without values that lie far below the one kept before them and came back within the acute days.
fn without_acute<'a>(
    values: &[(Moment, &'a FacilityId, f64)],
    limits: &KidneyLimits,
) -> Vec<(Moment, &'a FacilityId, f64)> {
    let mut kept: Vec<(Moment, &FacilityId, f64)> = Vec::new();
    for (at, one) in values.iter().enumerate() {
        let floor = kept.last().map(|before| before.2 * limits.acute_share);
        let came_back = |floor: f64| {
            let after = values.get(at + 1..).unwrap_or_default().iter();
            let within =
                |later: &&(Moment, &FacilityId, f64)| later.0.since(one.0) <= i64::from(limits.acute_days) * DAY;
            after.take_while(within).any(|later| later.2 >= floor)
        };
        if floor.is_none_or(|floor| one.2 >= floor || !came_back(floor)) {
            kept.push(*one);
        }
    }
    kept
}
