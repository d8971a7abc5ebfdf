//! Time in, below and above range.

use super::Trace;

/// Shares of the readings, in percent, at the limits of the 2019 consensus (mg/dL; certainty: primary).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ranges {
    /// Below 54.
    pub very_low: f64,
    /// 54 and more, below 70.
    pub low: f64,
    /// 70 to 180, both included.
    pub in_range: f64,
    /// Above 180, up to 250.
    pub high: f64,
    /// Above 250.
    pub very_high: f64,
}

impl Ranges {
    /// Of a trace.
    pub fn of(trace: &Trace) -> Self {
        Self {
            very_low: share(trace, |value| value < 54.0),
            low: share(trace, |value| (54.0..70.0).contains(&value)),
            in_range: share(trace, |value| (70.0..=180.0).contains(&value)),
            high: share(trace, |value| value > 180.0 && value <= 250.0),
            very_high: share(trace, |value| value > 250.0),
        }
    }
    /// Below 70.
    pub fn below(&self) -> f64 {
        self.very_low + self.low
    }
    /// Above 180.
    pub fn above(&self) -> f64 {
        self.high + self.very_high
    }
}

/// The share of the readings that fit, in percent.
pub fn share(trace: &Trace, fits: impl Fn(f64) -> bool) -> f64 {
    let fitting = trace.values().filter(|value| fits(*value)).count();
    fitting as f64 * 100.0 / trace.readings().len() as f64
}
