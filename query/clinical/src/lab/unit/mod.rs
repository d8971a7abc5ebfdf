//! Units: UCUM, what laboratories write for it, and conversion that refuses what is not safe.

mod convert;
mod spelling;
mod vocabulary;

pub use convert::{By, ConvertError, Converted, convert, convert_written};
pub use spelling::{ReadUnit, Reading, SPELLINGS_VERSION, UnitSpellings};

use octofhir_ucum::{Dimension, Number, SpecialKind, UnitExpr};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Why a text is not a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Nothing was written.
    #[error("no unit is given")]
    Absent,
    /// Neither UCUM nor a spelling known here or at the facility.
    #[error("`{written}` is neither UCUM nor a known spelling of it; add it to the facility's spellings")]
    Unknown {
        /// What was written.
        written: String,
    },
    /// A count such as `×10^4` without its volume, for something that is not a blood count.
    #[error("`{written}` does not say per what")]
    PerWhat {
        /// What was written.
        written: String,
    },
}

/// A valid UCUM unit with what conversion asks of it.
#[derive(Clone)]
pub struct Unit(Arc<Meaning>);

struct Meaning {
    code: String,
    factor: Number,
    dimension: Dimension,
    arbitrary: Vec<(&'static str, i32)>,
    special: Option<(SpecialKind, Number)>,
    /// Exponents of `mol`, `eq`, `osm`, `U` and `kat`. UCUM counts them as numbers, so it would turn mmol/L into
    /// cells per microlitre.
    amounts: BTreeMap<&'static str, i32>,
    /// Annotations, which UCUM ignores and laboratories mean (`g{creat}`).
    annotations: Vec<String>,
}

/// Amounts of substance and activities: to UCUM multiples of Avogadro's number, to a laboratory a dimension.
const AMOUNTS: [(&str, &str); 6] =
    [("mol", "mol"), ("eq", "eq"), ("osm", "osm"), ("kat", "activity"), ("U", "activity"), ("Osm", "osm")];

impl Unit {
    /// Reads a UCUM code, case sensitive.
    ///
    /// # Errors
    /// When it is empty or not UCUM.
    pub fn ucum(code: &str) -> Result<Self, UnitError> {
        if code.is_empty() {
            return Err(UnitError::Absent);
        }
        let unknown = || UnitError::Unknown { written: code.to_owned() };
        let expression = octofhir_ucum::parse_expression(code).map_err(|_| unknown())?;
        let result = octofhir_ucum::evaluate(&expression).map_err(|_| unknown())?;
        let (mut amounts, mut annotations) = (BTreeMap::new(), Vec::new());
        gather(&expression, 1, &mut amounts, &mut annotations);
        amounts.retain(|_, exponent| *exponent != 0);
        annotations.sort_unstable();
        Ok(Self(Arc::new(Meaning {
            code: code.to_owned(),
            factor: result.factor,
            dimension: result.dim,
            arbitrary: result.arbitrary,
            special: result.special.map(|term| (term.unit.special, term.scale)),
            amounts,
            annotations,
        })))
    }

    /// The UCUM code.
    pub fn code(&self) -> &str {
        &self.0.code
    }
}

impl PartialEq for Unit {
    /// The same code. Different codes may mean the same unit: [`convert`] tells.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.code == other.0.code
    }
}

impl Eq for Unit {}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.code)
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unit({})", self.0.code)
    }
}

/// Collects amounts and annotations of an expression that stands to the power `sign`.
fn gather(expression: &UnitExpr, sign: i32, amounts: &mut BTreeMap<&'static str, i32>, annotations: &mut Vec<String>) {
    match expression {
        UnitExpr::Symbol(symbol) => {
            // `mmol` is a prefix and `mol`
            let unit = octofhir_ucum::lookup_unit(symbol, octofhir_ucum::Case::Sensitive);
            let known = unit.and_then(|(_, unit)| AMOUNTS.iter().find(|(code, _)| *code == unit.code));
            if let Some((_, amount)) = known {
                *amounts.entry(amount).or_default() += sign;
            }
        }
        UnitExpr::Numeric(_) => {}
        UnitExpr::Power(base, exponent) => gather(base, sign * exponent, amounts, annotations),
        UnitExpr::Annotation(text) => annotations.push(text.clone()),
        UnitExpr::Annotated(base, text) => {
            annotations.push(text.clone());
            gather(base, sign, amounts, annotations);
        }
        UnitExpr::Product(terms) => terms.iter().for_each(|term| gather(term, sign, amounts, annotations)),
        UnitExpr::Quotient(above, below) => {
            gather(above, sign, amounts, annotations);
            gather(below, -sign, amounts, annotations);
        }
        UnitExpr::Reciprocal(below) => gather(below, -sign, amounts, annotations),
    }
}

#[cfg(test)]
mod tests;
