//! Continuous glucose monitoring: traces, wear, ranges, episodes, the ambulatory glucose profile, and the published
//! measures of variability and risk.
//!
//! Values are mg/dL. Ranges, means and risks are of the readings as they are; what compares times of day is of readings
//! laid on a grid from midnight, by straight lines over gaps of at most 45 minutes (Broll et al., PLoS ONE 2021).

mod agp;
mod episode;
mod goal;
mod mage;
mod metric;
mod period;
mod picture;
mod point;
mod range;
mod trace;
mod variation;

pub use agp::{AGP_BIN_MINUTES, AGP_PERCENTILES, Agp, AgpBin};
pub use episode::{Episode, EpisodeKind, EpisodeRule, episodes};
pub use goal::{CGM_GOALS, CGM_GOALS_VERSION, Goal, GoalBound, GoalResult, GoalSet, judge};
pub use mage::Mage;
pub use metric::{CGM_METRICS, CGM_METRICS_VERSION, MetricRow, metric};
pub use period::{PERIOD_GAP_HOURS, is_sensor, management_indicators, periods, sensor_value};
pub use picture::{Language, agp_svg};
pub use range::{Ranges, share};
pub use trace::{CgmError, CgmInterval, MAX_GAP_MINUTES, Trace, WEAR_DAYS, WEAR_PERCENT, Wear};

#[cfg(test)]
mod tests;
