//! The measures of a trace by name, each with its unit and its source.

use super::point::{deviation, grade, high_risk, low_risk, mean, quantile, sorted};
use super::{Mage, Trace, share, variation};
use crate::diabetes::day::day_of;
use crate::{Certainty, Source};

/// A measure.
#[derive(Clone, Copy, Debug)]
pub struct MetricRow {
    /// A short stable name.
    pub key: &'static str,
    /// The unit; empty for indexes.
    pub unit: &'static str,
    /// Where its definition comes from.
    pub source: Source,
    /// What it makes of a trace; `None` where there is too little for it.
    pub of: fn(&Trace) -> Option<f64>,
}

/// Changes with every change of a definition.
pub const CGM_METRICS_VERSION: &str = "2026-11-23";

const fn row(key: &'static str, unit: &'static str, text: &'static str, of: fn(&Trace) -> Option<f64>) -> MetricRow {
    // definitions as the iglu paper (Broll 2021) and its documentation give them, checked by computing on real traces
    MetricRow { key, unit, source: Source { text, certainty: Certainty::Secondary }, of }
}

const USUAL: &str = "descriptive statistics";
const CONSENSUS: &str = "Battelino, Diabetes Care 2019;42:1593";
const RODBARD: &str = "Rodbard, Diabetes Technol Ther 2009;11:S55";
const KOVATCHEV: &str = "Kovatchev, Diabetes Care 2006;29:2433";
const HILL: &str = "Hill, Diabet Med 2007;24:753";

/// All measures.
pub const CGM_METRICS: &[MetricRow] = &[
    row("mean", "mg/dL", USUAL, |trace| mean(trace.values())),
    row("sd", "mg/dL", USUAL, |trace| deviation(trace.values())),
    row("cv", "%", CONSENSUS, |trace| Some(deviation(trace.values())? * 100.0 / mean(trace.values())?)),
    row("median", "mg/dL", USUAL, |trace| quantile(&sorted(trace.values()), 0.5)),
    row("iqr", "mg/dL", USUAL, |trace| {
        let sorted = sorted(trace.values());
        Some(quantile(&sorted, 0.75)? - quantile(&sorted, 0.25)?)
    }),
    row("mad", "mg/dL", "median absolute deviation times 1.4826", |trace| {
        let middle = quantile(&sorted(trace.values()), 0.5)?;
        Some(1.4826 * quantile(&sorted(trace.values().map(|value| (value - middle).abs())), 0.5)?)
    }),
    row("range", "mg/dL", USUAL, |trace| {
        let sorted = sorted(trace.values());
        Some(sorted.last()? - sorted.first()?)
    }),
    row("gmi", "%", "Bergenstal, Diabetes Care 2018;41:2275", |trace| crate::diabetes::gmi(mean(trace.values())?).ok()),
    row("ea1c", "%", "Nathan, Diabetes Care 2008;31:1473", |trace| Some((46.7 + mean(trace.values())?) / 28.7)),
    row("tir-70-180", "%", CONSENSUS, |trace| Some(share(trace, |value| (70.0..=180.0).contains(&value)))),
    row("tir-70-140", "%", CONSENSUS, |trace| Some(share(trace, |value| (70.0..=140.0).contains(&value)))),
    row("tir-63-140", "%", CONSENSUS, |trace| Some(share(trace, |value| (63.0..=140.0).contains(&value)))),
    row("tbr-70", "%", CONSENSUS, |trace| Some(share(trace, |value| value < 70.0))),
    row("tbr-63", "%", CONSENSUS, |trace| Some(share(trace, |value| value < 63.0))),
    row("tbr-54", "%", CONSENSUS, |trace| Some(share(trace, |value| value < 54.0))),
    row("tar-140", "%", CONSENSUS, |trace| Some(share(trace, |value| value > 140.0))),
    row("tar-180", "%", CONSENSUS, |trace| Some(share(trace, |value| value > 180.0))),
    row("tar-250", "%", CONSENSUS, |trace| Some(share(trace, |value| value > 250.0))),
    row("j-index", "", "Wojcicki, Horm Metab Res 1995;27:41", |trace| {
        Some(0.001 * (mean(trace.values())? + deviation(trace.values())?).powi(2))
    }),
    row("lbgi", "", KOVATCHEV, |trace| mean(trace.values().map(low_risk))),
    row("hbgi", "", KOVATCHEV, |trace| mean(trace.values().map(high_risk))),
    row("adrr", "", KOVATCHEV, adrr),
    row("gri", "", "Klonoff, J Diabetes Sci Technol 2023;17:1226", gri),
    row("grade", "", HILL, |trace| mean(trace.values().map(grade))),
    row("grade-hypo", "%", HILL, |trace| grade_share(trace, |value| value < 70.0)),
    row("grade-eu", "%", HILL, |trace| grade_share(trace, |value| (70.0..=140.0).contains(&value))),
    row("grade-hyper", "%", HILL, |trace| grade_share(trace, |value| value > 140.0)),
    row("m-value", "", "Schlichtkrull, Acta Med Scand 1965;177:95, reference 90 mg/dL", |trace| {
        mean(trace.values().map(|value| (10.0 * (value / 90.0).log10()).abs().powi(3)))
    }),
    row("hyper-index", "", RODBARD, hyper_index),
    row("hypo-index", "", RODBARD, hypo_index),
    row("igc", "", RODBARD, |trace| Some(hyper_index(trace)? + hypo_index(trace)?)),
    row("cogi", "", "Leelarathna, Diabetes Technol Ther 2020;22:186", cogi),
    row("mage", "mg/dL", "Service, Diabetes 1970;19:644; Baghurst 2011", |trace| {
        Some(Mage::of(trace)?.first_direction)
    }),
    row("mage-both", "mg/dL", "the same, swings of both directions", |trace| Some(Mage::of(trace)?.both)),
    row("modd", "mg/dL", "Service, Diabetes Care 1980;3:58", variation::modd),
    row("conga-1", "mg/dL", "McDonnell, Diabetes Technol Ther 2005;7:253", |trace| variation::conga(trace, 1)),
    row("conga-2", "mg/dL", "the same, 2 hours", |trace| variation::conga(trace, 2)),
    row("conga-4", "mg/dL", "the same, 4 hours", |trace| variation::conga(trace, 4)),
    row("conga-24", "mg/dL", "the same, 24 hours", |trace| variation::conga(trace, 24)),
    row("mag", "mg/dL/h", "Hermanides, Crit Care Med 2010;38:838", variation::absolute_change),
    row("gvp", "%", "Peyser, Diabetes Technol Ther 2018;20:6", variation::length_percent),
    row("auc-hourly", "mg/dL", "trapezia over gaps of at most 45 minutes", variation::area_per_hour),
    row("sd-roc", "mg/dL/min", "Clarke, Diabetes Technol Ther 2009;11:S45, 15 minutes", variation::rate_deviation),
    row("sd-w", "mg/dL", RODBARD, variation::sd_within),
    row("sd-hhmm", "mg/dL", RODBARD, variation::sd_profile),
    row("sd-wsh", "mg/dL", RODBARD, variation::sd_hour),
    row("sd-dm", "mg/dL", RODBARD, variation::sd_daily_means),
    row("sd-b", "mg/dL", RODBARD, variation::sd_between),
    row("sd-bdm", "mg/dL", RODBARD, variation::sd_between_corrected),
    row("cv-mean", "%", USUAL, |trace| variation::daily_cv(trace).0),
    row("cv-sd", "%", USUAL, |trace| variation::daily_cv(trace).1),
];

/// A measure by its name.
pub fn metric(key: &str) -> Option<&'static MetricRow> {
    CGM_METRICS.iter().find(|row| row.key == key)
}

/// Average daily risk range: the mean over days of the largest risk of low and the largest risk of high.
fn adrr(trace: &Trace) -> Option<f64> {
    let days = trace.readings().chunk_by(|a, b| day_of(a.0) == day_of(b.0));
    let largest =
        |day: &[(model::Moment, f64)], risk: fn(f64) -> f64| day.iter().map(|one| risk(one.1)).fold(0.0, f64::max);
    mean(days.map(|day| largest(day, low_risk) + largest(day, high_risk)))
}

/// Glycaemia risk index, 0 to 100.
fn gri(trace: &Trace) -> Option<f64> {
    let ranges = super::Ranges::of(trace);
    Some((3.0 * ranges.very_low + 2.4 * ranges.low + 1.6 * ranges.very_high + 0.8 * ranges.high).min(100.0))
}

/// The share of GRADE that values of a range contribute.
fn grade_share(trace: &Trace, fits: fn(f64) -> bool) -> Option<f64> {
    let all: f64 = trace.values().map(grade).sum();
    let part: f64 = trace.values().filter(|value| fits(*value)).map(grade).sum();
    (all > 0.0).then(|| part * 100.0 / all)
}

fn hyper_index(trace: &Trace) -> Option<f64> {
    const LIMIT: f64 = 140.0;
    mean(trace.values().map(|value| (value - LIMIT).max(0.0).powf(1.1) / 30.0))
}

fn hypo_index(trace: &Trace) -> Option<f64> {
    const LIMIT: f64 = 80.0;
    mean(trace.values().map(|value| (LIMIT - value).max(0.0).powi(2) / 30.0))
}

/// Continuous glucose monitoring index: 50 % time in range, 35 % time below (0 to 15 %), 15 % deviation (18 to 108).
fn cogi(trace: &Trace) -> Option<f64> {
    let ranges = super::Ranges::of(trace);
    let below = 1.0 - (ranges.below() / 15.0).clamp(0.0, 1.0);
    let deviation = 1.0 - ((deviation(trace.values())? - 18.0) / 90.0).clamp(0.0, 1.0);
    Some(50.0 * ranges.in_range / 100.0 + 35.0 * below + 15.0 * deviation)
}
