//! Glucose management indicator.

use crate::{OutOfDomainError, within};

/// GMI in percent from mean CGM glucose in mg/dL: `3.31 + 0.02392 · mean` (Bergenstal 2018; certainty: primary).
///
/// # Errors
/// Outside 40 to 500 mg/dL.
pub fn gmi(mean_glucose: f64) -> Result<f64, OutOfDomainError> {
    Ok(3.31 + 0.02392 * within("mean_glucose", mean_glucose, (40.0, 500.0), "40 to 500 mg/dL")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gmi_gives_the_published_vectors() {
        for (mean, expected) in [(100.0, 5.70), (154.0, 6.99), (200.0, 8.09)] {
            let found = gmi(mean).unwrap();
            assert!((found - expected).abs() < 0.006, "{mean}: {found} is not {expected}");
        }
        assert!(gmi(-1.0).is_err());
    }
}
