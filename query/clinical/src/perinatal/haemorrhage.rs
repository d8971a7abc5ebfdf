//! The shock index and the levels of the Japanese guideline on critical obstetric haemorrhage.

use crate::{OutOfDomainError, within};

/// Shock index: maternal heart rate (beats/min) over systolic pressure (mmHg). Dimensionless.
///
/// # Errors
/// Heart rate outside 20 to 300, systolic pressure outside 30 to 300.
pub fn shock_index(heart_rate: f64, systolic: f64) -> Result<f64, OutOfDomainError> {
    let heart_rate = within("heart_rate", heart_rate, (20.0, 300.0), "20 to 300 beats/min")?;
    let systolic = within("systolic", systolic, (30.0, 300.0), "30 to 300 mmHg")?;
    Ok(heart_rate / systolic)
}

/// The guideline's levels by shock index alone (産科危機的出血への対応指針 2022; certainty: primary).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HaemorrhageLevel {
    /// Below 1.0.
    BelowThreshold,
    /// 1.0 and above: 分娩時異常出血.
    Abnormal,
    /// 1.5 and above: 産科危機的出血.
    Critical,
}

/// The level that a shock index reaches.
pub fn haemorrhage_level(shock_index: f64) -> HaemorrhageLevel {
    if shock_index >= 1.5 {
        HaemorrhageLevel::Critical
    } else if shock_index >= 1.0 {
        HaemorrhageLevel::Abnormal
    } else {
        HaemorrhageLevel::BelowThreshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_begin_exactly_at_their_thresholds() {
        assert_eq!(haemorrhage_level(shock_index(99.0, 100.0).unwrap()), HaemorrhageLevel::BelowThreshold);
        assert_eq!(haemorrhage_level(shock_index(100.0, 100.0).unwrap()), HaemorrhageLevel::Abnormal);
        assert_eq!(haemorrhage_level(shock_index(120.0, 80.0).unwrap()), HaemorrhageLevel::Critical);
    }

    #[test]
    fn a_pressure_of_zero_is_refused() {
        assert_eq!(shock_index(100.0, 0.0).unwrap_err().argument, "systolic");
    }
}
