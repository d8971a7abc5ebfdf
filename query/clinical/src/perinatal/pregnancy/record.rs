//! The record of a pregnancy: registration, check-ups, delivery, and what continues with the newborn.
//!
//! A fold of its entries at a moment, whatever the order in which they arrive, each once or several times.

use super::{DueDate, FetalMeasure, GestationalAge};
use crate::diabetes::{Date, day_of};
use crate::perinatal::maternal::{Delivery, Pressure};
use model::{Moment, PatientRef};

/// What is noted when a pregnancy is registered (at the handing out of the 母子手帳, or the first visit).
#[derive(Clone, PartialEq, Debug)]
pub struct Registration {
    /// The mother's birthday.
    pub born: Option<Date>,
    /// Height, cm.
    pub height: Option<f64>,
    /// Weight before the pregnancy, kg.
    pub weight: Option<f64>,
    /// How often she has been pregnant, this one included.
    pub gravida: Option<u8>,
    /// How often she has given birth.
    pub para: Option<u8>,
    /// How many children she carries.
    pub children: Option<u8>,
    /// What is known from before.
    pub history: Vec<History>,
}

/// What is known from before, as far as it is screened for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum History {
    /// Hypertension.
    Hypertension,
    /// Diabetes.
    Diabetes,
    /// Other illness that is treated.
    Illness,
    /// A caesarean section or another operation of the uterus.
    UterineScar,
    /// A child born before 37 weeks.
    PretermBirth,
    /// A stillbirth.
    Stillbirth,
    /// A bleeding that was treated after a delivery.
    Haemorrhage,
    /// A hypertensive disorder of an earlier pregnancy.
    HypertensiveDisorder,
    /// She smokes.
    Smokes,
}

impl History {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Hypertension,
        Self::Diabetes,
        Self::Illness,
        Self::UterineScar,
        Self::PretermBirth,
        Self::Stillbirth,
        Self::Haemorrhage,
        Self::HypertensiveDisorder,
        Self::Smokes,
    ];
}

/// A dipstick.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Dipstick {
    /// −.
    Negative,
    /// ±.
    Trace,
    /// 1+.
    One,
    /// 2+.
    Two,
    /// 3+ and more.
    Three,
}

/// How a fetus lies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Presentation {
    /// Head first.
    Cephalic,
    /// Breech.
    Breech,
    /// Across.
    Transverse,
}

/// What was measured of one fetus.
#[derive(Clone, PartialEq, Debug)]
pub struct FetusMeasured {
    /// Which, from 1.
    pub number: u8,
    /// The measures.
    pub measures: Vec<(FetalMeasure, f64)>,
    /// How it lies.
    pub presentation: Option<Presentation>,
}

/// A check-up (妊婦健診). What is `None` was not looked at.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Checkup {
    /// Weight, kg.
    pub weight: Option<f64>,
    /// Blood pressure.
    pub pressure: Option<Pressure>,
    /// Protein in urine.
    pub protein: Option<Dipstick>,
    /// Sugar in urine.
    pub sugar: Option<Dipstick>,
    /// Fundal height, cm.
    pub fundal_height: Option<f64>,
    /// Length of the cervix, mm.
    pub cervix: Option<f64>,
    /// Whether the placenta covers the inner os.
    pub placenta_praevia: Option<bool>,
    /// The fetuses.
    pub fetuses: Vec<FetusMeasured>,
}

/// The end of a pregnancy.
#[derive(Clone, PartialEq, Debug)]
pub struct Birth {
    /// How, where that was said.
    pub delivery: Option<Delivery>,
    /// The children, as their records are known; each is a patient of its own.
    pub newborns: Vec<PatientRef>,
}

/// What an entry says.
#[derive(Clone, PartialEq, Debug)]
pub enum Said {
    /// The pregnancy was registered, or its registration corrected.
    Registered(Registration),
    /// The due date, or a better one.
    Dated(DueDate),
    /// A check-up.
    CheckedUp(Checkup),
    /// The children were born.
    Born(Birth),
    /// It ended otherwise.
    Ended,
}

/// An entry of the record.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Its number at its source; a later version of the same entry takes its place.
    pub number: u64,
    /// The version.
    pub version: u32,
    /// When it was true.
    pub at: Moment,
    /// What it says; `None` where it was taken back.
    pub said: Option<Said>,
}

/// A check-up in its place.
#[derive(Clone, PartialEq, Debug)]
pub struct Visit {
    /// When.
    pub at: Moment,
    /// The age of the pregnancy then, by the due date that holds now.
    pub age: Option<GestationalAge>,
    /// What was found.
    pub checkup: Checkup,
}

/// Where a pregnancy is.
#[derive(Clone, PartialEq, Debug)]
pub enum Stage {
    /// She is pregnant.
    Pregnant,
    /// The children were born.
    Born {
        /// When.
        at: Moment,
        /// At which age.
        age: Option<GestationalAge>,
        /// How, and who they are.
        birth: Birth,
    },
    /// It ended otherwise.
    Ended {
        /// When.
        at: Moment,
    },
}

/// A pregnancy as it is known at a moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Pregnancy {
    /// The registration that holds.
    pub registration: Option<Registration>,
    /// The due date that holds: the one that was given last.
    pub due: Option<DueDate>,
    /// Due dates that were given before, in order.
    pub due_before: Vec<DueDate>,
    /// The check-ups, in order.
    pub visits: Vec<Visit>,
    /// Where it is.
    pub stage: Stage,
}

impl Pregnancy {
    /// What is known at a moment; `None` before the first entry.
    pub fn at(entries: &[Entry], moment: Moment) -> Option<Self> {
        let mut last: Vec<&Entry> = Vec::new();
        for entry in entries {
            match last.iter_mut().find(|one| one.number == entry.number) {
                Some(one) if one.version < entry.version => *one = entry,
                Some(_) => {}
                None => last.push(entry),
            }
        }
        last.retain(|entry| entry.at <= moment && entry.said.is_some());
        last.sort_unstable_by_key(|entry| (entry.at, entry.number));
        let mut found =
            Self { registration: None, due: None, due_before: vec![], visits: vec![], stage: Stage::Pregnant };
        for entry in &last {
            match &entry.said {
                Some(Said::Registered(registration)) => found.registration = Some(registration.clone()),
                Some(Said::Dated(due)) => found.due_before.extend(found.due.replace(*due)),
                Some(Said::CheckedUp(checkup)) => {
                    found.visits.push(Visit { at: entry.at, age: None, checkup: checkup.clone() });
                }
                Some(Said::Born(birth)) => {
                    found.stage = Stage::Born { at: entry.at, age: None, birth: birth.clone() };
                }
                Some(Said::Ended) => found.stage = Stage::Ended { at: entry.at },
                None => {}
            }
        }
        let age = |at: Moment| found.due.and_then(|due| due.age_on(day_of(at)));
        for visit in &mut found.visits {
            visit.age = age(visit.at);
        }
        if let Stage::Born { at, age: born, .. } = &mut found.stage {
            *born = age(*at);
        }
        (!last.is_empty()).then_some(found)
    }

    /// A measure of one fetus over the check-ups: age and value, where the age is known.
    pub fn curve(&self, fetus: u8, measure: FetalMeasure) -> Vec<(GestationalAge, f64)> {
        let mut curve = Vec::new();
        for visit in &self.visits {
            let Some(age) = visit.age else { continue };
            for one in visit.checkup.fetuses.iter().filter(|one| one.number == fetus) {
                curve
                    .extend(one.measures.iter().filter(|(which, _)| *which == measure).map(|(_, value)| (age, *value)));
            }
        }
        curve
    }
}
