//! The sinusoidal pattern: a regular smooth wave of two to six cycles a minute that fills the window.

use super::{CtgLimit, CtgLimits, Second};

/// A sinusoidal pattern.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sinusoid {
    /// Cycles per minute.
    pub cycles: f32,
    /// Mean amplitude from trough to peak, in beats per minute.
    pub amplitude: f32,
}

/// Seconds of the slowest and the fastest wave: two and six cycles a minute.
const PERIODS: std::ops::RangeInclusive<usize> = 10..=30;
/// Shortest wave that is looked for, so that a faster one is not taken for a multiple of it.
const FASTEST: usize = 4;
/// The part of the window that must be there.
const SEEN: f32 = 0.9;

/// Whether a window holds nothing but such a wave.
pub fn sinusoid(seconds: &[Second], limits: &CtgLimits) -> Option<Sinusoid> {
    let rates: Vec<f32> = seconds.iter().filter_map(|second| second.value()).collect();
    if (rates.len() as f32) < SEEN * seconds.len() as f32 || rates.len() < 300 {
        return None;
    }
    let wave = without_trend(&rates);
    let power: f32 = wave.iter().map(|value| value * value).sum();
    let likeness = |lag: usize| {
        let shifted: f32 = wave.iter().zip(wave.iter().skip(lag)).map(|(a, b)| a * b).sum();
        shifted / power.max(f32::MIN_POSITIVE) * wave.len() as f32 / (wave.len() - lag) as f32
    };
    let lags: Vec<f32> = (0..=*PERIODS.end() + 1).map(likeness).collect();
    let at = |lag: usize| lags.get(lag).copied().unwrap_or_default();
    let alike = limits.f32(CtgLimit::SinusoidLikeness);
    // the first lag at which the wave meets itself again; half of it before, it is its own mirror image
    let meets = |lag: &usize| at(*lag) >= alike && at(*lag) >= at(lag - 1) && at(*lag) >= at(lag + 1);
    let period = (FASTEST..=*PERIODS.end()).find(meets).filter(|period| PERIODS.contains(period))?;
    if at(period / 2) > 0.0 {
        return None;
    }
    let swings: Vec<f32> = wave.chunks_exact(period).map(swing).collect();
    let amplitude = swings.iter().sum::<f32>() / swings.len().max(1) as f32;
    let largest = swings.iter().copied().fold(0.0, f32::max);
    let between = limits.f32(CtgLimit::SinusoidLow)..=limits.f32(CtgLimit::SinusoidHigh);
    (between.contains(&amplitude) && largest <= limits.f32(CtgLimit::SinusoidLargest))
        .then_some(Sinusoid { cycles: 60.0 / period as f32, amplitude })
}

fn swing(cycle: &[f32]) -> f32 {
    let (low, high) =
        cycle.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    high - low
}

/// The rates less their mean over a minute about each.
fn without_trend(rates: &[f32]) -> Vec<f32> {
    (0..rates.len())
        .map(|at| {
            let around = rates.get(at.saturating_sub(30)..(at + 31).min(rates.len())).unwrap_or_default();
            let mean = around.iter().sum::<f32>() / around.len().max(1) as f32;
            rates.get(at).copied().unwrap_or(mean) - mean
        })
        .collect()
}
