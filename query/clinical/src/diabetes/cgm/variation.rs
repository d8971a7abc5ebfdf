//! Variability between times, days and hours, on the grid.

use super::Trace;
use super::point::{deviation, mean};
use super::trace::MAX_GAP_MINUTES;

/// Mean of daily differences: of values one day apart.
pub(super) fn modd(trace: &Trace) -> Option<f64> {
    let grid = trace.grid();
    mean(grid.differences(grid.per_day).into_iter().map(f64::abs))
}

/// Continuous overall net glycaemic action over some hours: the deviation of differences.
pub(super) fn conga(trace: &Trace, hours: i64) -> Option<f64> {
    let grid = trace.grid();
    deviation(grid.differences(usize::try_from(hours * 60 / grid.step_minutes).ok()?))
}

/// The deviation of the rate of change over 15 minutes, mg/dL per minute.
pub(super) fn rate_deviation(trace: &Trace) -> Option<f64> {
    const MINUTES: i64 = 15;
    let grid = trace.grid();
    let steps = usize::try_from(MINUTES / grid.step_minutes).ok()?;
    deviation(grid.differences(steps).into_iter().map(|change| change / MINUTES as f64))
}

/// Mean absolute change per hour between neighbouring readings.
pub(super) fn absolute_change(trace: &Trace) -> Option<f64> {
    let (mut change, mut hours) = (0.0, 0.0);
    for (before, after, minutes) in neighbours(trace) {
        change += (after - before).abs();
        hours += minutes / 60.0;
    }
    (hours > 0.0).then(|| change / hours)
}

/// Glycaemic variability percentage: how much longer the trace is than a straight one.
pub(super) fn length_percent(trace: &Trace) -> Option<f64> {
    let (mut length, mut straight) = (0.0, 0.0);
    for (before, after, minutes) in neighbours(trace) {
        length += minutes.hypot(after - before);
        straight += minutes;
    }
    (straight > 0.0).then(|| (length / straight - 1.0) * 100.0)
}

/// The mean height of the area under the trace.
pub(super) fn area_per_hour(trace: &Trace) -> Option<f64> {
    let (mut area, mut time) = (0.0, 0.0);
    for (before, after, minutes) in neighbours(trace) {
        area += f64::midpoint(before, after) * minutes;
        time += minutes;
    }
    (time > 0.0).then(|| area / time)
}

/// Neighbouring readings not farther apart than a gap, with the minutes between them.
fn neighbours(trace: &Trace) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
    let readings = trace.readings();
    readings.iter().zip(readings.iter().skip(1)).filter_map(|(before, after)| {
        let minutes = after.0.since(before.0) as f64 / 60_000_000.0;
        (minutes <= MAX_GAP_MINUTES as f64).then_some((before.1, after.1, minutes))
    })
}

fn present(values: &[Option<f64>]) -> impl Iterator<Item = f64> + Clone + '_ {
    values.iter().copied().flatten()
}

/// SDw: the mean of the deviations within days.
pub(super) fn sd_within(trace: &Trace) -> Option<f64> {
    mean(trace.grid().days().filter_map(|day| deviation(present(day))))
}

/// SDhh:mm: the deviation of the mean profile by time of day.
pub(super) fn sd_profile(trace: &Trace) -> Option<f64> {
    let profile: Vec<f64> = trace.grid().times().filter_map(mean).collect();
    deviation(profile)
}

/// SDwsh: the mean of the deviations within each hour, as it moves along.
pub(super) fn sd_hour(trace: &Trace) -> Option<f64> {
    let grid = trace.grid();
    let window = usize::try_from(60 / grid.step_minutes).ok()?;
    mean(grid.values.windows(window).filter_map(|hour| deviation(present(hour))))
}

/// SDdm: the deviation of daily means.
pub(super) fn sd_daily_means(trace: &Trace) -> Option<f64> {
    let means: Vec<f64> = trace.grid().days().filter_map(|day| mean(present(day))).collect();
    deviation(means)
}

/// SDb: the mean over times of day of the deviation between days.
pub(super) fn sd_between(trace: &Trace) -> Option<f64> {
    mean(trace.grid().times().filter_map(deviation))
}

/// SDbdm: the same after each day's mean is taken off.
pub(super) fn sd_between_corrected(trace: &Trace) -> Option<f64> {
    let mut grid = trace.grid();
    let per_day = grid.per_day;
    for day in grid.values.chunks_mut(per_day) {
        let middle = mean(present(day)).unwrap_or(0.0);
        day.iter_mut().flatten().for_each(|value| *value -= middle);
    }
    mean(grid.times().filter_map(deviation))
}

/// The mean and the deviation of the daily coefficients of variation, percent.
pub(super) fn daily_cv(trace: &Trace) -> (Option<f64>, Option<f64>) {
    let grid = trace.grid();
    let of = |day: &[Option<f64>]| Some(deviation(present(day))? * 100.0 / mean(present(day))?);
    let daily: Vec<f64> = grid.days().filter_map(of).collect();
    (mean(daily.iter().copied()), deviation(daily))
}
