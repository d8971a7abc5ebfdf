//! What a record says that is asked of here, with when and where.

use crate::diabetes::{Date, Reach};
use crate::perinatal::maternal::{Amount, CervixPosition, Consciousness, Consistency, Delivery, DicDisease};
use crate::perinatal::pregnancy::{Basis, Dipstick, FetalMeasure, GestationalAge, History, Presentation};
use model::{FacilityId, Moment, PatientRef};
use std::fmt;

/// One thing a record says. Values lie within what a patient can have, in the unit that is named.
#[derive(Clone, PartialEq, Debug)]
pub enum Fact {
    /// The pregnancy was registered; with how many children, where that was said.
    Registered(Option<u8>),
    /// How often she has been pregnant, this one included.
    Gravida(u8),
    /// How often she has given birth.
    Para(u8),
    /// How many children she carries.
    Children(u8),
    /// Height, cm.
    Height(f64),
    /// Weight before the pregnancy, kg.
    WeightBefore(f64),
    /// Something known from before.
    History(History),
    /// A due date, by what it rests on.
    Dated(Basis),
    /// A check-up took place.
    CheckedUp,
    /// Weight, kg.
    Weight(f64),
    /// Systolic pressure, mmHg.
    Systolic(f64),
    /// Diastolic pressure, mmHg.
    Diastolic(f64),
    /// Heart rate, beats/min.
    Pulse(f64),
    /// Breaths/min.
    Breathing(f64),
    /// Temperature, °C.
    Temperature(f64),
    /// Oxygen saturation, %.
    Saturation(f64),
    /// How awake she is.
    Awake(Consciousness),
    /// Protein in urine, by dipstick.
    Protein(Dipstick),
    /// Sugar in urine, by dipstick.
    Sugar(Dipstick),
    /// Fundal height, cm.
    FundalHeight(f64),
    /// Length of the cervix, mm.
    CervixLength(f64),
    /// Whether the placenta covers the inner os.
    PlacentaPraevia(bool),
    /// A measure of a fetus: grams or mm.
    Fetal(u8, FetalMeasure, f64),
    /// Heart rate of a fetus, beats/min.
    FetalRate(u8, f64),
    /// How a fetus lies.
    Lie(u8, Presentation),
    /// The cervix is open, cm.
    Dilatation(f64),
    /// The cervix is effaced, %.
    Effacement(f64),
    /// The station of the head, cm.
    Station(f64),
    /// How firm the cervix is.
    Firm(Consistency),
    /// Where the cervix points.
    Points(CervixPosition),
    /// Contractions in ten minutes.
    Contractions(f64),
    /// Blood lost, mL.
    BloodLoss(f64, Amount),
    /// Urine of the hour before, mL/h.
    Urine(f64),
    /// Obstetric DIC score, as somebody scored it.
    DicScore(f64),
    /// What a DIC may come of, found or not.
    DicDisease(Option<DicDisease>),
    /// Whether she has epidural analgesia.
    Epidural(bool),
    /// Whether the bleeding goes on with abnormal vital signs, as somebody says.
    GoesOn(bool),
    /// A sign of preeclampsia, looked for and found or not.
    Sign(HdpSign, bool),
    /// The children were born.
    Born(Option<Delivery>),
    /// A newborn's own patient number, and which fetus it was.
    Newborn(PatientRef, Option<u8>),
    /// The pregnancy ended otherwise.
    Ended,
    /// A laboratory value.
    Lab(LabMeasure, f64),
    /// A diagnosis of hypertension that is not of a pregnancy; whether its code says that it was there before one.
    Hypertension(bool),
    /// A diagnosis of diabetes that is not of a pregnancy; likewise.
    Diabetes(bool),
}

/// What makes a hypertension a preeclampsia, beside laboratory values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HdpSign {
    /// Eclampsia, stroke, lasting headache or disturbed sight.
    Neurological,
    /// DIC or haemolysis.
    Coagulation,
    /// Lasting pain of the upper abdomen.
    Pain,
    /// The uterus or placenta works badly.
    Uteroplacental,
}

/// A laboratory value of the maternal rules, in the unit that is named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LabMeasure {
    /// Protein in the urine of a day, mg.
    ProteinDay,
    /// Protein over creatinine in urine, g/g.
    ProteinRatio,
    /// AST, U/L.
    Ast,
    /// ALT, U/L.
    Alt,
    /// Creatinine, mg/dL.
    Creatinine,
    /// Platelets, 10³/µL.
    Platelets,
    /// Fibrinogen, mg/dL.
    Fibrinogen,
    /// FDP, µg/mL.
    Fdp,
    /// D-dimer, µg/mL.
    DDimer,
    /// Fasting glucose, mg/dL.
    GlucoseFasting,
    /// Glucose an hour after 75 g, mg/dL.
    GlucoseOneHour,
    /// Glucose two hours after 75 g, mg/dL.
    GlucoseTwoHours,
    /// Glucose at any time, mg/dL.
    GlucoseCasual,
    /// HbA1c (NGSP), %.
    Hba1c,
}

/// A fact with when and where.
#[derive(Clone, PartialEq)]
pub struct Noted {
    /// What.
    pub fact: Fact,
    /// The age of the pregnancy that the record states.
    pub age: Option<GestationalAge>,
    /// When it was true.
    pub at: Moment,
    /// The facility it comes from.
    pub source: FacilityId,
    /// Whether it is an entry of a pregnancy's record, and not a vital sign, a laboratory value or a diagnosis.
    pub entry: bool,
    /// Whether a monitor measured it, and nobody wrote it down.
    pub monitor: bool,
}

/// Everything that records of one woman say, as far as it is asked for here.
#[derive(Clone, Default)]
pub struct Chart {
    /// Her birthday; the first that says it holds.
    pub born: Option<Date>,
    /// What records say, in any order.
    pub notes: Vec<Noted>,
    /// Who is asked about her, and what is open there.
    pub reach: Reach,
    /// Values that no patient has: they are no notes.
    pub refused: u32,
}

// Redacted: what is noted is patient data.
impl fmt::Debug for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Noted(******)")
    }
}

impl fmt::Debug for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chart").field("notes", &self.notes.len()).finish_non_exhaustive()
    }
}
