//! Estimated glomerular filtration rate by the Japanese Society of Nephrology's equations.

use crate::{OutOfDomainError, within};

/// The sex an equation was fitted for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BiologicalSex {
    /// Female.
    Female,
    /// Male.
    Male,
}

const ADULT: (f64, f64) = (18.0, 120.0);

/// eGFRcreat in mL/min/1.73 m²: `194 · Cr^-1.094 · age^-0.287 · (0.739 if female)` (JSN 2009; certainty: primary).
///
/// `creatinine` in mg/dL by an enzymatic method, `age` in completed years. Not for children, not in pregnancy.
///
/// # Errors
/// Creatinine outside 0.1 to 30 mg/dL, age outside 18 to 120 years.
pub fn egfr_jsn(creatinine: f64, age: f64, sex: BiologicalSex) -> Result<f64, OutOfDomainError> {
    let creatinine = within("creatinine", creatinine, (0.1, 30.0), "0.1 to 30 mg/dL")?;
    let age = within("age", age, ADULT, "18 to 120 years")?;
    let factor = match sex {
        BiologicalSex::Female => 0.739,
        BiologicalSex::Male => 1.0,
    };
    Ok(194.0 * creatinine.powf(-1.094) * age.powf(-0.287) * factor)
}

/// eGFRcys in mL/min/1.73 m²: male `104 · CysC^-1.019 · 0.996^age - 8`, female
/// `104 · CysC^-1.019 · 0.996^age · 0.929 - 8` (JSN 2013; certainty: memory). `cystatin` in mg/L.
///
/// # Errors
/// Cystatin C outside 0.2 to 10 mg/L, age outside 18 to 120 years.
pub fn egfr_cystatin_jsn(cystatin: f64, age: f64, sex: BiologicalSex) -> Result<f64, OutOfDomainError> {
    let cystatin = within("cystatin", cystatin, (0.2, 10.0), "0.2 to 10 mg/L")?;
    let age = within("age", age, ADULT, "18 to 120 years")?;
    let factor = match sex {
        BiologicalSex::Female => 0.929,
        BiologicalSex::Male => 1.0,
    };
    Ok(104.0 * cystatin.powf(-1.019) * 0.996_f64.powf(age) * factor - 8.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: Result<f64, OutOfDomainError>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() < 0.005, "{found} is not {expected}");
    }

    #[test]
    fn creatinine_gives_the_published_vectors() {
        check(egfr_jsn(1.0, 60.0, BiologicalSex::Male), 59.91);
        check(egfr_jsn(0.8, 60.0, BiologicalSex::Female), 56.51);
        check(egfr_jsn(2.5, 72.0, BiologicalSex::Male), 20.86);
    }

    #[test]
    fn cystatin_gives_the_published_vectors() {
        check(egfr_cystatin_jsn(0.8, 60.0, BiologicalSex::Male), 94.65);
        check(egfr_cystatin_jsn(0.8, 60.0, BiologicalSex::Female), 87.36);
        check(egfr_cystatin_jsn(1.6, 75.0, BiologicalSex::Male), 39.70);
    }

    #[test]
    fn children_and_impossible_values_are_refused_by_name() {
        assert_eq!(egfr_jsn(0.4, 10.0, BiologicalSex::Male).unwrap_err().argument, "age");
        assert_eq!(egfr_jsn(0.0, 40.0, BiologicalSex::Male).unwrap_err().argument, "creatinine");
    }
}
