//! The baseline of a ten-minute window as the JSOG defines it.

use crate::perinatal::ctg::{CtgLimit, CtgLimits, Second};

/// Where the baseline of ten minutes comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BaselineFrom {
    /// From these ten minutes.
    Here,
    /// From the ten minutes before, because these leave it undetermined.
    Before,
    /// From the weighted median, because variability is increased throughout and leaves it undetermined.
    Curve,
}

/// A baseline in beats per minute, a multiple of five.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Baseline {
    /// Beats per minute.
    pub bpm: u16,
    /// Where it comes from.
    pub from: BaselineFrom,
}

/// The mean of what is baseline in a window, rounded to a multiple of five; `None` where less than two minutes of it are
/// seen, or where its parts differ too much.
///
/// `quiet` yields each second of the window that is outside accelerations and decelerations; minutes whose amplitude is
/// increased are left out, as the definition says.
pub fn ten_minutes<'a>(minutes: impl Iterator<Item = &'a [(Second, bool)]>, limits: &CtgLimits) -> Option<u16> {
    let restless = limits.f32(CtgLimit::VariabilityIncreased);
    let (mut sum, mut count) = (0.0_f32, 0_usize);
    let (mut lowest, mut highest) = (f32::INFINITY, f32::NEG_INFINITY);
    for minute in minutes {
        let rates: Vec<f32> =
            minute.iter().filter(|(_, quiet)| *quiet).filter_map(|(second, _)| second.measured()).collect();
        let (low, high) = rates
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        if rates.is_empty() || high - low > restless {
            continue;
        }
        let part = rates.iter().sum::<f32>();
        (sum, count) = (sum + part, count + rates.len());
        // a few seconds are no candidate of a baseline
        if rates.len() >= 15 {
            let mean = part / rates.len() as f32;
            (lowest, highest) = (lowest.min(mean), highest.max(mean));
        }
    }
    let seen = count >= limits.seconds(CtgLimit::BaselineSeen);
    let one = highest - lowest < limits.f32(CtgLimit::BaselineSpread);
    (seen && one).then(|| round_to_five(sum / count as f32))
}

pub(in crate::perinatal::ctg) fn round_to_five(rate: f32) -> u16 {
    ((rate / 5.0).round() * 5.0) as u16
}
