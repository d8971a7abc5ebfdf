//! Pure medicine: codes, units, formulas, classifications. No I/O, no Arrow, no clock.
//!
//! Every formula names its source and how certain it is (`A` read in a primary text, `B` secondary, `C` memory:
//! verify before clinical use). Nothing here is a diagnosis. A value outside a formula's domain is an error that
//! says which bound it broke, never a number.
//!
//! ```
//! use clinical::lab::Jlac10;
//! let hba1c = Jlac10::parse("3D046000001920402")?;
//! assert_eq!((hba1c.analyte(), hba1c.specimen(), hba1c.method()), ("3D046", "019", "204"));
//! # Ok::<(), clinical::lab::Jlac10Error>(())
//! ```

pub mod diabetes;
pub mod lab;
pub mod perinatal;

/// How certain a formula or threshold is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Certainty {
    /// Read in an official or primary text, or reproduced by computing.
    Primary,
    /// Read in a secondary source.
    Secondary,
    /// Expert memory; verify before clinical use.
    Memory,
}

impl Certainty {
    /// `A`, `B` or `C`, as the documents write it.
    pub const fn letter(self) -> char {
        match self {
            Self::Primary => 'A',
            Self::Secondary => 'B',
            Self::Memory => 'C',
        }
    }
}

/// Where a figure of a table comes from, and how sure that is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Source {
    /// The source, in words.
    pub text: &'static str,
    /// How certain.
    pub certainty: Certainty,
}

/// An argument outside a formula's domain.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{argument}` is outside {domain}")]
pub struct OutOfDomainError {
    /// Which argument.
    pub argument: &'static str,
    /// What it must be, with its unit.
    pub domain: &'static str,
}

/// Checks that `low <= value <= high` and is finite.
pub(crate) fn within(
    argument: &'static str,
    value: f64,
    (low, high): (f64, f64),
    domain: &'static str,
) -> Result<f64, OutOfDomainError> {
    if value.is_finite() && low <= value && value <= high {
        Ok(value)
    } else {
        Err(OutOfDomainError { argument, domain })
    }
}
