//! Mean amplitude of glycaemic excursions.

use super::Trace;
use super::point::deviation;

/// The excursions of a trace: swings between peaks and nadirs of more than one standard deviation.
///
/// Service (Diabetes 1970;19:644) counted by eye the swings of more than one standard deviation, in the direction of the
/// first; Baghurst (Diabetes Technol Ther 2011;13:296) says how a machine does. Here turning points are those of the
/// readings as they are: a peak is one when glucose has since fallen by more than the deviation, and a nadir when it has
/// risen by more. Other algorithms (moving averages) give other numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mage {
    /// The mean of swings in the direction of the first, mg/dL.
    pub first_direction: f64,
    /// The mean of all swings.
    pub both: f64,
    /// How many swings there are.
    pub swings: usize,
}

impl Mage {
    /// Of a trace; `None` where no swing is larger than the standard deviation. A gap does not end a swing.
    pub fn of(trace: &Trace) -> Option<Self> {
        let limit = deviation(trace.values())?;
        let swings = swings(trace.values(), limit);
        let mean = |of: &mut dyn Iterator<Item = f64>| super::point::mean(of);
        Some(Self {
            first_direction: mean(&mut swings.iter().step_by(2).copied())?,
            both: mean(&mut swings.iter().copied())?,
            swings: swings.len(),
        })
    }
}

/// The sizes of successive swings larger than the limit. They alternate in direction.
fn swings(values: impl Iterator<Item = f64>, limit: f64) -> Vec<f64> {
    let mut turning = Vec::new();
    // until the first swing is known, both ends are candidates
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut rising = None;
    for value in values {
        match rising {
            None => {
                (low, high) = (low.min(value), high.max(value));
                if value - low > limit {
                    turning.push(low);
                    (rising, high) = (Some(true), value);
                } else if high - value > limit {
                    turning.push(high);
                    (rising, low) = (Some(false), value);
                }
            }
            Some(true) => {
                high = high.max(value);
                if high - value > limit {
                    turning.push(high);
                    (rising, low) = (Some(false), value);
                }
            }
            Some(false) => {
                low = low.min(value);
                if value - low > limit {
                    turning.push(low);
                    (rising, high) = (Some(true), value);
                }
            }
        }
    }
    match rising {
        Some(true) => turning.push(high),
        Some(false) => turning.push(low),
        None => {}
    }
    turning.iter().zip(turning.iter().skip(1)).map(|(from, to)| (to - from).abs()).collect()
}
