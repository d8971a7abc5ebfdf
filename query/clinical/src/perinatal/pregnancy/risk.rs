//! What of a pregnancy asks for more attention. A list of factors with their sources; there is no score: none was read whose
//! points could be checked.

use super::{Dipstick, FetalMeasure, GestationalAge, GrowthTable, History, Pregnancy, Presentation, SMALL};
use crate::diabetes::{Date, age_on};
use crate::perinatal::limit::limits;
use crate::perinatal::maternal::{MaternalLimits, PressureClass, pressure_class};
use crate::{Certainty, Source};

const USUAL: Source = Source { text: "usual factor of high-risk pregnancy, from memory", certainty: Certainty::Memory };

const INTERVALS: Source = Source {
    text: "妊婦に対する健康診査についての望ましい基準（平成27年厚生労働省告示）: every 4 weeks until 23 weeks, every 2 until 35, then weekly; from memory",
    certainty: Certainty::Memory,
};

limits! {
    /// A figure of the screening.
    RiskLimit, RiskLimits, "2026-11-23";

    /// Of this age at the due date, and older.
    AgeFrom: "risk-age-from" = 35.0, (30.0, 45.0), "years", USUAL;
    /// Younger than this at the due date.
    AgeBelow: "risk-age-below" = 18.0, (16.0, 20.0), "years", USUAL;
    /// Body mass index before the pregnancy, from this on.
    BmiFrom: "risk-bmi-from" = 25.0, (25.0, 35.0), "kg/m2", USUAL;
    /// Body mass index before the pregnancy, below this.
    BmiBelow: "risk-bmi-below" = 18.5, (16.0, 20.0), "kg/m2", USUAL;
    /// Length of the cervix below this, before 34 weeks.
    Cervix: "risk-cervix" = 25.0, (15.0, 30.0), "mm", USUAL;
    /// From this week on a fetus that does not lie head first counts.
    LieWeek: "risk-lie-week" = 34.0, (28.0, 37.0), "weeks", USUAL;
    /// After a check-up before 24 weeks the next is due so long after.
    CheckupsEarly: "checkups-early" = 28.0, (7.0, 42.0), "days", INTERVALS;
    /// After a check-up from 24 weeks on.
    CheckupsMiddle: "checkups-middle" = 14.0, (5.0, 28.0), "days", INTERVALS;
    /// After a check-up from 36 weeks on.
    CheckupsLate: "checkups-late" = 7.0, (1.0, 14.0), "days", INTERVALS;
}

/// A factor.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Factor {
    /// Her age, in completed years at the due date.
    Age(u16),
    /// Her body mass index before the pregnancy.
    BodyMassIndex(f64),
    /// Something known from before.
    History(History),
    /// More than one child.
    Children(u8),
    /// The pressure of the last check-up that has one.
    Pressure(PressureClass),
    /// Protein in the urine of the last check-up that has it.
    Protein(Dipstick),
    /// Sugar in the urine of the last check-up that has it.
    Sugar(Dipstick),
    /// A fetus whose last weight lies at −1.5 deviations or below.
    Small {
        /// Which.
        fetus: u8,
        /// How many deviations.
        deviations: f64,
    },
    /// A short cervix, mm.
    Cervix(f64),
    /// The placenta covers the inner os.
    PlacentaPraevia,
    /// A fetus that does not lie head first near its time.
    Lie(Presentation),
    /// The pregnancy is older than 42 weeks.
    Overdue(GestationalAge),
}

/// What the screening finds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Screening {
    /// The factors.
    pub factors: Vec<Factor>,
    /// What could not be looked at.
    pub not_looked_at: Vec<&'static str>,
}

/// Not looked at, because the facility states no table of growth that reaches there: nothing that was not measured.
pub const NO_GROWTH_TABLE: &str = "growth-table";

/// With what a pregnancy is screened.
#[derive(Clone, Copy, Debug)]
pub struct RiskRules<'a> {
    /// The limits of the screening.
    pub limits: &'a RiskLimits,
    /// The limits of blood pressure.
    pub maternal: &'a MaternalLimits,
    /// The facility's table of weights, where it has one.
    pub weights: Option<&'a GrowthTable>,
}

impl RiskLimits {
    /// Days from a check-up at an age to the next.
    pub fn checkup_interval(&self, age: GestationalAge) -> i64 {
        let limit = match age.days() / 7 {
            0..24 => RiskLimit::CheckupsEarly,
            24..36 => RiskLimit::CheckupsMiddle,
            _ => RiskLimit::CheckupsLate,
        };
        // within its span, a few weeks
        self.value(limit) as i64
    }
}

/// Screens a pregnancy as it is known on a day.
pub fn screen(pregnancy: &Pregnancy, day: Date, rules: RiskRules<'_>) -> Screening {
    let mut found = Screening::default();
    of_mother(pregnancy, rules, &mut found);
    of_visits(pregnancy, rules, &mut found);
    match pregnancy.due {
        None => found.not_looked_at.push("due-date"),
        Some(due) => {
            let overdue = due.age_on(day).filter(|age| age.days() >= 42 * 7);
            found.factors.extend(overdue.map(Factor::Overdue));
        }
    }
    found
}

fn of_mother(pregnancy: &Pregnancy, rules: RiskRules<'_>, found: &mut Screening) {
    let Some(registration) = &pregnancy.registration else {
        found.not_looked_at.push("registration");
        return;
    };
    let limit = |limit| rules.limits.value(limit);
    match registration.born.zip(pregnancy.due).and_then(|(born, due)| age_on(born, due.date())) {
        None => found.not_looked_at.push("age"),
        Some(age) => {
            let years = f64::from(age);
            if years >= limit(RiskLimit::AgeFrom) || years < limit(RiskLimit::AgeBelow) {
                found.factors.push(Factor::Age(age));
            }
        }
    }
    let sane = |value: Option<f64>, low: f64, high: f64| value.filter(|value| low <= *value && *value <= high);
    match sane(registration.weight, 20.0, 300.0).zip(sane(registration.height, 100.0, 220.0)) {
        None => found.not_looked_at.push("body-mass-index"),
        Some((weight, height)) => {
            let index = 10_000.0 * weight / (height * height);
            if index >= limit(RiskLimit::BmiFrom) || index < limit(RiskLimit::BmiBelow) {
                found.factors.push(Factor::BodyMassIndex(index));
            }
        }
    }
    found.factors.extend(registration.history.iter().copied().map(Factor::History));
    match registration.children {
        None => found.not_looked_at.push("children"),
        Some(children) if children > 1 => found.factors.push(Factor::Children(children)),
        Some(_) => {}
    }
}

fn of_visits(pregnancy: &Pregnancy, rules: RiskRules<'_>, found: &mut Screening) {
    let limit = |limit| rules.limits.value(limit);
    let visits = || pregnancy.visits.iter().rev();
    match visits().find_map(|visit| visit.checkup.pressure) {
        None => found.not_looked_at.push("pressure"),
        Some(pressure) => {
            let class = pressure_class(pressure, rules.maternal);
            if class > PressureClass::NotHypertensive {
                found.factors.push(Factor::Pressure(class));
            }
        }
    }
    match visits().find_map(|visit| visit.checkup.protein) {
        None => found.not_looked_at.push("protein"),
        Some(protein) if protein >= Dipstick::One => found.factors.push(Factor::Protein(protein)),
        Some(_) => {}
    }
    match visits().find_map(|visit| visit.checkup.sugar) {
        None => found.not_looked_at.push("sugar"),
        Some(sugar) if sugar >= Dipstick::One => found.factors.push(Factor::Sugar(sugar)),
        Some(_) => {}
    }
    let cervix = visits().find_map(|visit| Some((visit.age?, visit.checkup.cervix?)));
    if let Some((age, length)) = cervix
        && age.days() < 34 * 7
        && length < limit(RiskLimit::Cervix)
    {
        found.factors.push(Factor::Cervix(length));
    }
    if visits().find_map(|visit| visit.checkup.placenta_praevia) == Some(true) {
        found.factors.push(Factor::PlacentaPraevia);
    }
    let children = pregnancy.registration.as_ref().map_or(1, |registration| registration.children.unwrap_or(1).max(1));
    for fetus in 1..=children {
        of_fetus(pregnancy, fetus, rules, found);
    }
}

fn of_fetus(pregnancy: &Pregnancy, fetus: u8, rules: RiskRules<'_>, found: &mut Screening) {
    let weight = pregnancy.curve(fetus, FetalMeasure::Weight).last().copied();
    let table = rules.weights.filter(|table| table.measure() == FetalMeasure::Weight);
    match (weight, table.zip(weight).and_then(|(table, (age, weight))| table.deviations(age, weight))) {
        (None, _) => found.not_looked_at.push("growth"),
        (Some(_), None) => found.not_looked_at.push(NO_GROWTH_TABLE),
        (_, Some(deviations)) if deviations <= SMALL => found.factors.push(Factor::Small { fetus, deviations }),
        (_, Some(_)) => {}
    }
    let lie = pregnancy.visits.iter().rev().find_map(|visit| {
        let one = visit.checkup.fetuses.iter().find(|one| one.number == fetus)?;
        Some((visit.age?, one.presentation?))
    });
    if let Some((age, presentation)) = lie
        && f64::from(age.days()) >= rules.limits.value(RiskLimit::LieWeek) * 7.0
        && presentation != Presentation::Cephalic
    {
        found.factors.push(Factor::Lie(presentation));
    }
}
