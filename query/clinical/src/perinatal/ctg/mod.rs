//! Cardiotocograms: cleaning, baseline, variability, events, contractions, sinusoidal pattern, and what the classifications
//! of the JSOG, FIGO and NICHD make of them. docs/perinatal.md says from which source and how certain.
//!
//! [`Monitor`] reads a trace as it comes, with little memory; [`analyse`] reads a whole recording at once. Both say the same.
//! Nothing here is an alarm, and nothing here is a diagnosis.
//!
//! ```
//! use clinical::perinatal::ctg::{
//!     CtgLimits, Fetus, Frame, Jsog, JsogTable, Maturity, Monitor, Rating, ReadingRules, Reserve, Sample, Standing,
//! };
//! let rules = ReadingRules { limits: CtgLimits::shipped(), maturity: Maturity::From32Weeks };
//! let mut monitor = Monitor::new(rules, 1);
//! let [first, ..] = Fetus::ALL;
//! for sample in 0..10 * 60 * 4 {
//!     let rate = 140.0 + (sample as f32 / 24.0).sin() * (sample as f32 / 41.0).sin() * 8.0;
//!     let uterus = Sample::good(10.0);
//!     monitor.push(&Frame { fetal: [Sample::good(rate), Sample::LOST, Sample::LOST], uterus, ..Frame::LOST });
//! }
//! let window = monitor.provisional(first).ok_or("there are ten minutes")?;
//! assert_eq!(window.standing, Standing::Provisional);
//! let rated = JsogTable::shipped().rate(&window, Reserve::Usual, &CtgLimits::shipped());
//! assert!(matches!(rated, Jsog::Rated(Rating::Unverified { .. })), "until a facility confirms its matrix");
//! # Ok::<(), &str>(())
//! ```

mod analyse;
mod baseline;
mod classify;
mod clean;
mod event;
mod excursion;
mod limit;
mod monitor;
mod sample;
mod second;
mod sinusoid;
mod twins;
mod uterus;
mod window;

pub use analyse::{Analysis, CONTEXT, analyse};
pub use baseline::{Baseline, BaselineFrom, WEIGHTED_MEDIAN, ten_minutes, weighted_median};
pub use classify::*;
pub use clean::{Clean, Cleaner, clean};
pub use event::{Acceleration, Deceleration, DecelerationKind, Maturity, Severity, acceleration, deceleration};
pub use excursion::{Excursion, ExcursionScanner, Side, excursions};
pub use limit::{CtgLimit, CtgLimits};
pub use monitor::{Monitor, Told};
pub use sample::{FETUSES, Fetus, Frame, HERTZ, Sample};
pub use second::{Bridge, Epoch, Minute, Second, Signal, bridge};
pub use sinusoid::{Sinusoid, sinusoid};
pub use twins::{SameHeart, TwinWatch};
pub use uterus::{Contraction, ContractionScanner, TONE_REACH, contractions, rises};
pub use window::{
    NotAssessable, Reading, ReadingRules, ShortTerm, Standing, Variability, VariabilityClass, WINDOW, Window,
};

#[cfg(test)]
pub(super) mod tests;
