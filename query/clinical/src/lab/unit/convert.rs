//! Conversion: exact where the factor is, explicit about what it used, refused where it would be unsafe.

use super::super::hba1c::{Hba1c, Hba1cScale};
use super::{Unit, UnitError, UnitSpellings};
use crate::lab::Item;
use octofhir_ucum::{Number, SpecialKind};
use rust_decimal::Decimal;
use std::sync::LazyLock;

/// Significant digits kept of a value that has no exact decimal.
const DIGITS: u32 = 12;

/// A converted value, how it was reached, and whether it is exact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Converted {
    /// The value in the unit asked for.
    pub value: Decimal,
    /// What the conversion rests on.
    pub by: By,
    /// Whether `value` is the exact result; otherwise it is rounded to 12 significant digits.
    pub exact: bool,
}

/// What a conversion rests on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum By {
    /// The same unit, perhaps in another spelling.
    Same,
    /// The ratio of two units of one kind.
    Ratio,
    /// The item's molar mass (mass ↔ amount).
    MolarMass,
    /// The item's charge (mEq ↔ mmol).
    Charge,
    /// The item's molar mass and charge (mass ↔ mEq).
    MolarMassAndCharge,
    /// The item is an enzyme: IU is the old name of U.
    OldNameOfUnit,
    /// The NGSP / IFCC line of HbA1c: show the value as converted.
    Hba1cFormula,
    /// A temperature scale.
    TemperatureScale,
}

impl By {
    /// A short name for a column.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Ratio => "ratio",
            Self::MolarMass => "molar-mass",
            Self::Charge => "charge",
            Self::MolarMassAndCharge => "molar-mass-and-charge",
            Self::OldNameOfUnit => "old-name-of-unit",
            Self::Hba1cFormula => "hba1c-formula",
            Self::TemperatureScale => "temperature-scale",
        }
    }
}

/// Why a conversion is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// A unit could not be read.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The units measure different things.
    #[error("`{from}` and `{to}` measure different things")]
    DifferentKinds {
        /// The unit given.
        from: String,
        /// The unit asked for.
        to: String,
    },
    /// Mass to amount of a substance whose molar mass is not in the table.
    #[error("from `{from}` to `{to}` needs the molar mass of what was measured, which is not known")]
    NoMolarMass {
        /// The unit given.
        from: String,
        /// The unit asked for.
        to: String,
    },
    /// Equivalents of a substance whose charge is not in the table, or not fixed.
    #[error("from `{from}` to `{to}` needs the charge of what was measured, which is not known or not fixed")]
    NoCharge {
        /// The unit given.
        from: String,
        /// The unit asked for.
        to: String,
    },
    /// An arbitrary unit, which means something only for its own test.
    #[error("`{arbitrary}` is an arbitrary unit: it converts to no other")]
    Arbitrary {
        /// The arbitrary unit.
        arbitrary: String,
    },
    /// A logarithmic or otherwise special scale.
    #[error("`{special}` is on a scale of its own that is not converted here")]
    Special {
        /// The special unit.
        special: String,
    },
    /// The same unit of different things: `mg/g{creat}` and `mg/g`.
    #[error("`{from}` and `{to}` are the same unit of different things (what stands in braces differs)")]
    DifferentThings {
        /// The unit given.
        from: String,
        /// The unit asked for.
        to: String,
    },
    /// The result does not fit a decimal.
    #[error("the result is too large or too small for a decimal")]
    TooLarge,
}

/// Converts a value. `of` is what was measured: mass ↔ amount, mEq ↔ mmol, IU ↔ U and the scales of HbA1c are
/// converted only where the item says how.
///
/// # Errors
/// When the conversion would be unsafe; the error says what is missing.
pub fn convert(value: Decimal, from: &Unit, to: &Unit, of: Option<&Item>) -> Result<Converted, ConvertError> {
    if from == to {
        return Ok(Converted { value, by: By::Same, exact: true });
    }
    if let Some(converted) = hba1c(value, from, to, of)? {
        return Ok(converted);
    }
    if from.0.special.is_some() || to.0.special.is_some() {
        return temperature(value, from, to);
    }
    let pair = Pair { from, to };
    let (renamed_from, renamed_to) = (renamed(from, of), renamed(to, of));
    let units = Pair { from: renamed_from.as_ref().unwrap_or(from), to: renamed_to.as_ref().unwrap_or(to) };
    let other_name = renamed_from.is_some() || renamed_to.is_some();
    if units.from.0.annotations != units.to.0.annotations {
        return Err(pair.refused(|from, to| ConvertError::DifferentThings { from, to }));
    }
    if units.from.0.arbitrary != units.to.0.arbitrary {
        let arbitrary = if units.from.0.arbitrary.is_empty() { to } else { from };
        return Err(ConvertError::Arbitrary { arbitrary: arbitrary.code().to_owned() });
    }
    let bridge = pair.bridge(units, of)?;
    let above = units.from.0.factor.checked_mul(bridge.factor).ok_or(ConvertError::TooLarge)?;
    let by = if other_name && bridge.by == By::Ratio { By::OldNameOfUnit } else { bridge.by };
    scale(value, above, units.to.0.factor, by)
}

/// Two units a value goes between.
#[derive(Clone, Copy)]
struct Pair<'a> {
    from: &'a Unit,
    to: &'a Unit,
}

/// What the first unit's factor is multiplied by before the ratio, and what that rests on.
struct Bridge {
    factor: Number,
    by: By,
}

impl Pair<'_> {
    fn refused(self, error: impl FnOnce(String, String) -> ConvertError) -> ConvertError {
        error(self.from.code().to_owned(), self.to.code().to_owned())
    }

    /// By how much the power of an amount differs.
    fn step(self, amount: &str) -> i32 {
        let power = |unit: &Unit| unit.0.amounts.get(amount).copied().unwrap_or_default();
        power(self.from) - power(self.to)
    }

    /// By how much the powers of the base units differ.
    fn dimension(self) -> Vec<i32> {
        let pairs = self.from.0.dimension.0.iter().zip(&self.to.0.dimension.0);
        pairs.map(|(a, b)| i32::from(*a) - i32::from(*b)).collect()
    }

    /// What lies between the kinds of two units: nothing, a charge, a molar mass, both; or a refusal, which names the
    /// units as they were given (`self`), not as they were renamed (`units`).
    fn bridge(self, units: Pair<'_>, of: Option<&Item>) -> Result<Bridge, ConvertError> {
        let different = || self.refused(|from, to| ConvertError::DifferentKinds { from, to });
        if units.step("osm") != 0 || units.step("activity") != 0 {
            return Err(different());
        }
        let (moles, charges) = (units.step("mol"), units.step("eq"));
        let mut dimension = units.dimension();
        if moles + charges != 0 {
            // every mole that goes must be a gram that comes: mol^n · (g/mol)^n = g^n
            match dimension.get_mut(MASS) {
                Some(mass) if *mass == -(moles + charges) => *mass = 0,
                _ => return Err(different()),
            }
        }
        if dimension.iter().any(|power| *power != 0) {
            return Err(different());
        }
        let mut bridge = Bridge { factor: Number::ONE, by: By::Ratio };
        if charges != 0 {
            let valence = of
                .and_then(|item| item.valence)
                .ok_or_else(|| self.refused(|from, to| ConvertError::NoCharge { from, to }))?;
            // one equivalent is 1/valence mole
            let factor = Number::from_i64(i64::from(valence)).checked_powi(-charges);
            bridge = Bridge { factor: factor.ok_or(ConvertError::TooLarge)?, by: By::Charge };
        }
        if moles + charges != 0 {
            let substance = of
                .and_then(|item| item.substance)
                .ok_or_else(|| self.refused(|from, to| ConvertError::NoMolarMass { from, to }))?;
            let factor = number(substance.grams_per_mole)
                .zip(*MOLE)
                .and_then(|(grams, mole)| grams.checked_div(mole))
                .and_then(|grams| grams.checked_powi(moles + charges))
                .and_then(|factor| factor.checked_mul(bridge.factor))
                .ok_or(ConvertError::TooLarge)?;
            let by = if bridge.by == By::Charge { By::MolarMassAndCharge } else { By::MolarMass };
            bridge = Bridge { factor, by };
        }
        Ok(bridge)
    }
}

/// The unit under the other name laboratories give it: `IU/L` of an enzyme is `U/L`; `uU/mL` of what is counted in
/// international units is `u[IU]/mL`.
fn renamed(unit: &Unit, of: Option<&Item>) -> Option<Unit> {
    let item = of?;
    let code = unit.code();
    let other = if item.enzyme && !unit.0.arbitrary.is_empty() {
        code.replace("[IU]", "U").replace("[iU]", "U")
    } else if item.unit.contains("[IU]") && unit.0.amounts.contains_key("activity") && !code.contains("kat") {
        code.replace('U', "[IU]")
    } else {
        return None;
    };
    Unit::ucum(&other).ok()
}

/// Reads two units as laboratories write them and converts.
///
/// # Errors
/// When a unit cannot be read or the conversion would be unsafe.
pub fn convert_written(value: Decimal, from: &str, to: &str, of: Option<&Item>) -> Result<Converted, ConvertError> {
    let spellings = UnitSpellings::shipped();
    convert(value, &spellings.read(from, of)?.unit, &spellings.read(to, of)?.unit, of)
}

/// How many things a mole is.
static MOLE: LazyLock<Option<Number>> = LazyLock::new(|| Unit::ucum("mol").ok().map(|mole| mole.0.factor));

/// Grams, the third of UCUM's base units.
const MASS: usize = 2;

/// `value · above / below`: exact when the fraction ends in decimals that fit, else rounded.
fn scale(value: Decimal, above: Number, below: Number, by: By) -> Result<Converted, ConvertError> {
    if let Some(value) = exactly(value, above, below) {
        // two codes with one meaning: `u[IU]/mL` and `m[IU]/L`
        return Ok(Converted { value, by, exact: true });
    }
    let rounded = number(value)
        .and_then(|value| value.checked_mul(above))
        .and_then(|value| value.checked_div(below))
        .and_then(decimal)
        .and_then(|value| value.round_sf(DIGITS))
        .ok_or(ConvertError::TooLarge)?;
    // what is too small for a decimal is not nothing
    let value = Some(rounded).filter(|rounded| value.is_zero() || !rounded.is_zero()).ok_or(ConvertError::TooLarge)?;
    Ok(Converted { value: value.normalize(), by, exact: false })
}

fn number(value: Decimal) -> Option<Number> {
    Number::parse(&value.to_string())
}

fn decimal(value: Number) -> Option<Decimal> {
    let (digits, exponent) = value.to_integer_and_exponent();
    power_of_ten(digits, exponent)
}

/// `digits · 10^exponent`, rounded only where a decimal ends.
fn power_of_ten(mut digits: i128, mut exponent: i32) -> Option<Decimal> {
    // `10*2000000000` is UCUM: no loop may run as often as it says
    if digits == 0 || exponent < -80 {
        return Some(Decimal::ZERO);
    }
    while exponent > 0 {
        digits = digits.checked_mul(10)?;
        exponent -= 1;
    }
    while exponent < -28 {
        digits /= 10;
        exponent += 1;
    }
    Decimal::try_from_i128_with_scale(digits, exponent.unsigned_abs()).ok()
}

/// `value · above / below` if it has an end within a decimal.
fn exactly(value: Decimal, above: Number, below: Number) -> Option<Decimal> {
    let value = value.normalize();
    let (mut numerator, up) = above.to_integer_and_exponent();
    let (mut denominator, down) = below.to_integer_and_exponent();
    let mut digits = value.mantissa();
    let mut exponent = up - down - i32::try_from(value.scale()).ok()?;
    let common = gcd(numerator, denominator);
    (numerator, denominator) = (numerator / common, denominator / common);
    let common = gcd(digits, denominator);
    (digits, denominator) = (digits / common, denominator / common);
    for (divisor, partner) in [(2, 5), (5, 2)] {
        while denominator % divisor == 0 {
            denominator /= divisor;
            digits = digits.checked_mul(partner)?;
            exponent -= 1;
        }
    }
    if denominator != 1 {
        return None;
    }
    digits = digits.checked_mul(numerator)?;
    while digits != 0 && digits % 10 == 0 {
        digits /= 10;
        exponent += 1;
    }
    if exponent < -28 { None } else { power_of_ten(digits, exponent) }
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a.max(1)).unwrap_or(1)
}

/// Between the temperature scales; every other special unit only to itself.
fn temperature(value: Decimal, from: &Unit, to: &Unit) -> Result<Converted, ConvertError> {
    let special = |unit: &Unit| ConvertError::Special { special: unit.code().to_owned() };
    let offset = |unit: &Unit| match &unit.0.special {
        None => Ok((Number::ONE, Number::ZERO)),
        Some((SpecialKind::Celsius, scale)) => Ok((*scale, Number::parse("273.15").unwrap_or_default())),
        Some((SpecialKind::Fahrenheit, scale)) => Ok((*scale, Number::parse("459.67").unwrap_or_default())),
        Some(_) => Err(special(unit)),
    };
    let ((scale_from, offset_from), (scale_to, offset_to)) = (offset(from)?, offset(to)?);
    if (Pair { from, to }).dimension().iter().any(|power| *power != 0) || from.0.amounts != to.0.amounts {
        return Err(ConvertError::DifferentKinds { from: from.code().to_owned(), to: to.code().to_owned() });
    }
    let kelvin = number(value)
        .and_then(|value| value.checked_mul(scale_from))
        .and_then(|value| value.checked_add(offset_from))
        .and_then(|value| value.checked_mul(from.0.factor));
    let value = kelvin
        .and_then(|kelvin| kelvin.checked_div(to.0.factor))
        .and_then(|value| value.checked_sub(offset_to))
        .and_then(|value| value.checked_div(scale_to))
        .and_then(decimal)
        .and_then(|value| value.round_sf(DIGITS))
        .ok_or(ConvertError::TooLarge)?;
    Ok(Converted { value: value.normalize(), by: By::TemperatureScale, exact: false })
}

/// HbA1c between NGSP percent and IFCC mmol/mol: two scales, not two units.
fn hba1c(value: Decimal, from: &Unit, to: &Unit, of: Option<&Item>) -> Result<Option<Converted>, ConvertError> {
    let scale = |unit: &Unit| match unit.code() {
        "%" => Some(Hba1cScale::Ngsp),
        "mmol/mol" => Some(Hba1cScale::Ifcc),
        _ => None,
    };
    let (Some("hba1c"), Some(from_scale), Some(to_scale)) = (of.map(|item| item.key), scale(from), scale(to)) else {
        return Ok(None);
    };
    let refused = |_| ConvertError::DifferentKinds { from: from.code().to_owned(), to: to.code().to_owned() };
    let value = Hba1c::new(value, from_scale).map_err(refused)?.to(to_scale).value();
    Ok(Some(Converted { value, by: By::Hba1cFormula, exact: false }))
}
