//! The baseline, by two methods: a curve of every second (for events), and one number per ten minutes (for classification).

mod filter;
mod jsog;
mod median;

pub(super) use jsog::round_to_five;
pub use jsog::{Baseline, BaselineFrom, ten_minutes};
pub use median::{WEIGHTED_MEDIAN, weighted_median};

#[cfg(test)]
mod tests;
