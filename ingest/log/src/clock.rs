//! When letters were taken in.

use model::Moment;
use std::{sync::Arc, time::SystemTime};

/// Reads the time. A simulation passes its own.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// The system's clock.
pub(crate) fn system_time() -> Moment {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_micros());
    moment(i64::try_from(since_epoch).unwrap_or(i64::MAX))
}

/// Microseconds since the Unix epoch, held inside the years a moment may have.
#[expect(clippy::expect_used, reason = "the epoch lies inside the years a moment may have")]
pub(crate) fn moment(micros: i64) -> Moment {
    Moment::from_micros(0).expect("the Unix epoch is a moment").plus_micros(micros)
}
