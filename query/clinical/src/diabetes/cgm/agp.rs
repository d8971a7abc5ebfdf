//! The ambulatory glucose profile: percentiles by time of day.

use super::Trace;
use super::point::{quantile, sorted};
use crate::diabetes::day::{day_of, start_of};

/// The percentiles, least first.
pub const AGP_PERCENTILES: [u8; 5] = [5, 25, 50, 75, 95];
/// Minutes of a bin; readings of the same bin of every day are taken together (a choice).
pub const AGP_BIN_MINUTES: u16 = 30;

/// Percentiles of one stretch of the day.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AgpBin {
    /// Minutes from midnight to its middle.
    pub minute: u16,
    /// Readings in it.
    pub count: usize,
    /// The value of each of [`AGP_PERCENTILES`], mg/dL.
    pub values: [f64; 5],
}

/// The profile of a trace.
#[derive(Clone, PartialEq, Debug)]
pub struct Agp {
    /// The bins that hold readings, in the order of the day.
    pub bins: Vec<AgpBin>,
}

impl Agp {
    /// Of the readings as they are, without smoothing.
    pub fn of(trace: &Trace) -> Self {
        let minute_of = |at: model::Moment| {
            let start = start_of(day_of(at)).unwrap_or(at);
            u16::try_from(at.since(start) / super::trace::MINUTE).unwrap_or(0)
        };
        let mut bins: Vec<Vec<f64>> = vec![Vec::new(); usize::from(1440 / AGP_BIN_MINUTES)];
        for (at, value) in trace.readings() {
            if let Some(bin) = bins.get_mut(usize::from(minute_of(*at) / AGP_BIN_MINUTES)) {
                bin.push(*value);
            }
        }
        let of = |(minute, values): (u16, Vec<f64>)| {
            let sorted = sorted(values);
            let mut found = [0.0; 5];
            for (value, percentile) in found.iter_mut().zip(AGP_PERCENTILES) {
                *value = quantile(&sorted, f64::from(percentile) / 100.0)?;
            }
            Some(AgpBin { minute, count: sorted.len(), values: found })
        };
        let middles = (0..).map(|bin: u16| bin * AGP_BIN_MINUTES + AGP_BIN_MINUTES / 2);
        Self { bins: middles.zip(bins).filter_map(of).collect() }
    }
}
