mod ctu_uhb;
mod mfer;
mod played;
mod wfdb;

use super::{Recording, Signal};

/// A recording of signals named with their units.
fn recording(signals: &[(&str, &str, f64, Vec<Option<f32>>)]) -> Recording {
    let signals = signals.iter().map(|(name, unit, hertz, samples)| Signal {
        name: (*name).to_owned(),
        unit: (*unit).to_owned(),
        calibrated: true,
        hertz: *hertz,
        samples: samples.clone(),
    });
    Recording { name: "r".to_owned(), patient: None, begins: None, signals: signals.collect() }
}
