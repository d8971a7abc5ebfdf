//! HbA1c: the old Japanese values and the international ones.

use crate::{OutOfDomainError, within};

/// NGSP percent from JDS percent: `1.02 × JDS + 0.25` (certainty: memory; JDS committee 2011).
/// JDS values carry JLAC10 analyte 3D045; show a converted value as converted.
///
/// # Errors
/// Outside 2 to 20 %.
pub fn ngsp_from_jds(jds_percent: f64) -> Result<f64, OutOfDomainError> {
    let jds = within("jds_percent", jds_percent, (2.0, 20.0), "2 to 20 %")?;
    Ok(1.02 * jds + 0.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jds_converts_by_the_published_line() {
        assert!((ngsp_from_jds(6.5).unwrap() - 6.88).abs() < 1e-9);
        assert!((ngsp_from_jds(8.0).unwrap() - 8.41).abs() < 1e-9);
    }

    #[test]
    fn values_no_blood_can_have_are_refused() {
        assert_eq!(ngsp_from_jds(65.0).unwrap_err().argument, "jds_percent");
        assert!(ngsp_from_jds(f64::NAN).is_err());
    }
}
