//! The baseline as a weighted median (Boudet et al., Comput Biol Med 2019, PMID 31577964).
//!
//! A sliding median in which a second weighs by how likely the heart is at its baseline there: first by how still the rate is at
//! low frequencies, then also by how near it lies to the baseline found so far, while the window narrows. Written from the
//! published description; the constants are those of the domain notes. Where the description leaves something open (the
//! unit of the slopes, the form of the envelopes, what each pass narrows by) this is one reading of it, and its agreement with
//! experts was not measured: no annotated recordings were at hand.

use super::filter::{envelope, low_pass, slope};
use crate::perinatal::ctg::Second;
use crate::{Certainty, Source};

/// Where the method comes from.
pub const WEIGHTED_MEDIAN: Source = Source {
    text: "weighted median filter baseline, Boudet 2019 (PMID 31577964), constants as in the domain notes; own reading",
    certainty: Certainty::Secondary,
};

/// Seconds of one point of the median.
const POINT: usize = 6;
/// Points that the window reaches to either side: twenty minutes.
const REACH: usize = 200;
/// The weights of stillness: the constant, then slope and envelopes of the slope at 0–1, 1–3 and 3–7 cycles per minute.
const STILL: [f32; 5] = [-2.4744, 0.0266, 0.0413, 0.0105, 0.0036];
/// Of each pass: the constant of nearness, and the power of the triangular window.
const PASSES: [(f32, i32); 6] = [(3.21, 1), (2.5, 2), (2.0, 4), (1.5, 8), (1.0, 16), (1.0, 16)];
/// How fast nearness falls per beat.
const NEARNESS: f32 = 0.19;
/// How much of the baseline of the pass before stays.
const KEPT: f32 = 0.1;

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The baseline of every second, in beats per minute; NaN where nothing was measured within reach.
pub fn weighted_median(seconds: &[Second]) -> Vec<f32> {
    let Some(filled) = filled(seconds) else { return vec![f32::NAN; seconds.len()] };
    let slow = low_pass(&filled, 1.0);
    let still = stillness(&filled, &slow);
    let points: Vec<Point> = filled
        .chunks(POINT)
        .zip(slow.chunks(POINT))
        .zip(still.chunks(POINT).zip(seconds.chunks(POINT)))
        .map(|((rates, slow), (still, seconds))| {
            let seen = seconds.iter().filter(|second| second.measured().is_some()).count() as f32;
            Point { rate: mean(rates), slow: mean(slow), still: mean(still) * seen / seconds.len() as f32 }
        })
        .collect();
    let mut order: Vec<(f32, usize)> = points.iter().enumerate().map(|(at, point)| (point.rate, at)).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let stillness: Vec<f32> = points.iter().map(|point| point.still).collect();
    let mut baseline = pass(&order, &stillness, 1);
    for (constant, power) in PASSES {
        let near = |(point, baseline): (&Point, &f32)| {
            point.still * sigmoid(constant - NEARNESS * (point.slow - baseline).abs())
        };
        let weights: Vec<f32> = points.iter().zip(&baseline).map(near).map(|weight| weight.max(0.0)).collect();
        let next = pass(&order, &weights, power);
        baseline = baseline.iter().zip(&next).map(|(before, next)| KEPT * before + (1.0 - KEPT) * next).collect();
    }
    by_second(&baseline, seconds.len())
}

struct Point {
    rate: f32,
    slow: f32,
    still: f32,
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

/// Gaps of any length drawn straight, for the filters; what is drawn weighs nothing. `None` where nothing was measured.
fn filled(seconds: &[Second]) -> Option<Vec<f32>> {
    let mut filled = Vec::with_capacity(seconds.len());
    let mut last: Option<f32> = None;
    for second in seconds {
        if let Some(value) = second.value() {
            let gap = seconds_missing(&filled);
            let from = last.unwrap_or(value);
            let steps = gap as f32 + 1.0;
            let start = filled.len() - gap;
            for (at, one) in filled.iter_mut().skip(start).enumerate() {
                *one = from + (value - from) * (at as f32 + 1.0) / steps;
            }
            last = Some(value);
            filled.push(value);
        } else {
            filled.push(f32::NAN);
        }
    }
    let last = last?;
    filled.iter_mut().rev().take_while(|value| value.is_nan()).for_each(|value| *value = last);
    Some(filled)
}

fn seconds_missing(filled: &[f32]) -> usize {
    filled.iter().rev().take_while(|value| value.is_nan()).count()
}

/// How likely the heart is at its baseline, by how still the rate is.
fn stillness(filled: &[f32], slow: &[f32]) -> Vec<f32> {
    let [constant, by_slope, by_slow, by_middle, by_fast] = STILL;
    let (middle, fast) = (low_pass(filled, 3.0), low_pass(filled, 7.0));
    let band = |upper: &[f32], lower: &[f32]| upper.iter().zip(lower).map(|(u, l)| u - l).collect::<Vec<_>>();
    let slope_slow = slope(slow);
    let env_slow = envelope(&slope_slow, 60);
    let env_middle = envelope(&slope(&band(&middle, slow)), 60);
    let env_fast = envelope(&slope(&band(&fast, &middle)), 20);
    slope_slow
        .iter()
        .zip(&env_slow)
        .zip(env_middle.iter().zip(&env_fast))
        .map(|((slope, slow), (middle, fast))| {
            let restless = by_slope * slope.abs() + by_slow * slow + by_middle * middle + by_fast * fast;
            1.0 - sigmoid(constant + restless)
        })
        .collect()
}

/// One sliding weighted median: every second point, and between them the mean of the two.
fn pass(order: &[(f32, usize)], weights: &[f32], power: i32) -> Vec<f32> {
    let triangle: Vec<f32> = (0..REACH)
        .map(|distance| (1.0 - distance as f32 / REACH as f32).powi(power))
        .take_while(|weight| *weight > 1e-3)
        .collect();
    let mut baseline = vec![f32::NAN; weights.len()];
    let last = weights.len().saturating_sub(1);
    for (center, value) in baseline.iter_mut().enumerate() {
        if center % 2 == 0 || center == last {
            *value = median(order, weights, &triangle, center);
        }
    }
    let between: Vec<f32> = baseline
        .iter()
        .enumerate()
        .map(|(at, value)| {
            if at % 2 == 0 || at == last {
                return *value;
            }
            let (before, after) = (baseline.get(at - 1), baseline.get(at + 1));
            before.zip(after).map_or(f32::NAN, |(before, after)| (before + after) / 2.0)
        })
        .collect();
    between
}

fn median(order: &[(f32, usize)], weights: &[f32], triangle: &[f32], center: usize) -> f32 {
    let near = weights.iter().skip(center).zip(triangle);
    let far = weights.get(..center).unwrap_or_default().iter().rev().zip(triangle.iter().skip(1));
    let total: f32 = near.chain(far).map(|(weight, window)| weight * window).sum();
    if total <= 0.0 {
        return f32::NAN;
    }
    let mut sum = 0.0;
    for (rate, at) in order {
        let window = triangle.get(at.abs_diff(center)).copied().unwrap_or_default();
        sum += window * weights.get(*at).copied().unwrap_or_default();
        if 2.0 * sum >= total {
            return *rate;
        }
    }
    // rounding alone keeps a sum from reaching half of itself
    order.iter().rev().map(|(rate, _)| *rate).next().unwrap_or(f32::NAN)
}

/// From points to seconds, by straight lines between the middles of the points.
fn by_second(points: &[f32], seconds: usize) -> Vec<f32> {
    let middle = (POINT as f32 - 1.0) / 2.0;
    let last = points.len().saturating_sub(1);
    (0..seconds)
        .map(|second| {
            let place = ((second as f32 - middle) / POINT as f32).clamp(0.0, last as f32);
            let (before, part) = (place.floor() as usize, place.fract());
            let point = |at: usize| points.get(at.min(last)).copied().unwrap_or(f32::NAN);
            if part == 0.0 { point(before) } else { point(before) * (1.0 - part) + point(before + 1) * part }
        })
        .collect()
}
