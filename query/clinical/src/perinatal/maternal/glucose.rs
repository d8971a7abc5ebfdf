//! Disturbed glucose in pregnancy: 妊娠糖尿病, overt diabetes, and diabetes from before.

use super::{MaternalLimit, MaternalLimits, Reached};
use crate::{OutOfDomainError, within};

/// What is known. Glucose in mg/dL; what is `None` was not measured.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct GlucoseFacts {
    /// Whether diabetes was known before, or diabetic retinopathy is definite.
    pub before: bool,
    /// Fasting.
    pub fasting: Option<f64>,
    /// One hour after 75 g.
    pub one_hour: Option<f64>,
    /// Two hours after 75 g.
    pub two_hours: Option<f64>,
    /// At any time.
    pub casual: Option<f64>,
    /// HbA1c (NGSP), %.
    pub hba1c: Option<f64>,
}

/// What it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum GlucoseClass {
    /// 糖尿病合併妊娠.
    Pregestational,
    /// 妊娠中の明らかな糖尿病.
    Overt,
    /// 妊娠糖尿病.
    Gestational,
    /// None of them, by a whole 75 g test.
    Neither,
    /// Nothing was reached, and the 75 g test is not whole.
    CannotBeSaid,
}

/// The class, and the limits that were reached.
#[derive(Clone, PartialEq, Debug)]
pub struct Glucose {
    /// The class.
    pub class: GlucoseClass,
    /// The limits that were reached.
    pub reached: Vec<Reached>,
    /// Whether overt diabetes is to be looked for: casual or two-hour glucose from 200 on, while it is not overt.
    pub look_for_overt: bool,
}

/// Classifies what is known.
///
/// # Errors
/// When a value is none a patient has.
pub fn glucose(facts: &GlucoseFacts, limits: &MaternalLimits) -> Result<Glucose, OutOfDomainError> {
    for (argument, value) in [
        ("fasting", facts.fasting),
        ("one_hour", facts.one_hour),
        ("two_hours", facts.two_hours),
        ("casual", facts.casual),
    ] {
        value.map(|value| within(argument, value, (10.0, 2_000.0), "10 to 2,000 mg/dL")).transpose()?;
    }
    facts.hba1c.map(|value| within("hba1c", value, (2.0, 25.0), "2 to 25 % NGSP")).transpose()?;
    let overt =
        [limits.from(MaternalLimit::OvertFasting, facts.fasting), limits.from(MaternalLimit::OvertHba1c, facts.hba1c)];
    let gestational = [
        limits.from(MaternalLimit::GlucoseFasting, facts.fasting),
        limits.from(MaternalLimit::GlucoseOneHour, facts.one_hour),
        limits.from(MaternalLimit::GlucoseTwoHours, facts.two_hours),
    ];
    let look =
        [limits.from(MaternalLimit::OvertCheck, facts.casual), limits.from(MaternalLimit::OvertCheck, facts.two_hours)];
    let any = |reached: &[Option<Reached>]| reached.iter().any(Option::is_some);
    let whole = facts.fasting.is_some() && facts.one_hour.is_some() && facts.two_hours.is_some();
    let class = if facts.before {
        GlucoseClass::Pregestational
    } else if any(&overt) {
        GlucoseClass::Overt
    } else if any(&gestational) {
        GlucoseClass::Gestational
    } else if whole {
        GlucoseClass::Neither
    } else {
        GlucoseClass::CannotBeSaid
    };
    let settled = matches!(class, GlucoseClass::Pregestational | GlucoseClass::Overt);
    let look_for_overt = any(&look) && !settled;
    let reached = overt.into_iter().chain(gestational).chain(look).flatten().collect();
    Ok(Glucose { class, reached, look_for_overt })
}
