//! Blood pressure in pregnancy: its class, a crisis, and the hypertensive disorders (妊娠高血圧症候群).

use super::{MaternalLimit, MaternalLimits, Reached};
use crate::perinatal::pregnancy::GestationalAge;
use crate::{OutOfDomainError, within};
use model::Moment;

/// A blood pressure, mmHg.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pressure {
    systolic: f64,
    diastolic: f64,
}

impl Pressure {
    /// From both values.
    ///
    /// # Errors
    /// When they are none a patient has, or the diastolic is not the lower one.
    pub fn new(systolic: f64, diastolic: f64) -> Result<Self, OutOfDomainError> {
        let systolic = within("systolic", systolic, (30.0, 300.0), "30 to 300 mmHg")?;
        let diastolic = within("diastolic", diastolic, (10.0, 200.0), "10 to 200 mmHg")?;
        if diastolic >= systolic {
            return Err(OutOfDomainError { argument: "diastolic", domain: "below the systolic pressure" });
        }
        Ok(Self { systolic, diastolic })
    }
    /// Systolic, mmHg.
    pub fn systolic(self) -> f64 {
        self.systolic
    }
    /// Diastolic, mmHg.
    pub fn diastolic(self) -> f64 {
        self.diastolic
    }
}

/// The class of a pressure. Either value is enough.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PressureClass {
    /// Below the limits of hypertension.
    NotHypertensive,
    /// 140/90 and above.
    Hypertensive,
    /// 160/110 and above.
    Severe,
    /// 180/120 and above (from memory).
    Emergency,
}

/// The class of one pressure.
pub fn pressure_class(pressure: Pressure, limits: &MaternalLimits) -> PressureClass {
    use MaternalLimit::{Diastolic, EmergencyDiastolic, EmergencySystolic, SevereDiastolic, SevereSystolic, Systolic};
    let reaches = |systolic, diastolic| {
        limits.from(systolic, Some(pressure.systolic)).or(limits.from(diastolic, Some(pressure.diastolic))).is_some()
    };
    if reaches(EmergencySystolic, EmergencyDiastolic) {
        PressureClass::Emergency
    } else if reaches(SevereSystolic, SevereDiastolic) {
        PressureClass::Severe
    } else if reaches(Systolic, Diastolic) {
        PressureClass::Hypertensive
    } else {
        PressureClass::NotHypertensive
    }
}

/// A hypertensive crisis.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Crisis {
    /// One pressure of an emergency.
    Emergency {
        /// When it was taken.
        at: Moment,
    },
    /// Severe at two measurements at least 15 minutes apart, and at all between.
    Persisting {
        /// Since when.
        since: Moment,
    },
}

/// Whether the latest of some pressures, in any order, is part of a crisis at a moment.
pub fn crisis(pressures: &[(Moment, Pressure)], until: Moment, limits: &MaternalLimits) -> Option<Crisis> {
    let mut known: Vec<(Moment, PressureClass)> = pressures
        .iter()
        .filter(|(at, _)| *at <= until)
        .map(|(at, pressure)| (*at, pressure_class(*pressure, limits)))
        .collect();
    known.sort_unstable();
    let (last, class) = *known.last()?;
    if class == PressureClass::Emergency {
        return Some(Crisis::Emergency { at: last });
    }
    let (since, _) = *known.iter().rev().take_while(|(_, class)| *class >= PressureClass::Severe).last()?;
    let minutes = last.since(since) as f64 / 60e6;
    (minutes >= limits.value(MaternalLimit::SeverePersisting)).then_some(Crisis::Persisting { since })
}

/// What is known of a woman with hypertension. What is `None` was not looked at.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct HypertensionFacts {
    /// The highest pressure.
    pub pressure: Pressure,
    /// The age of the pregnancy when hypertension was first found.
    pub onset: GestationalAge,
    /// The age of the pregnancy now.
    pub now: GestationalAge,
    /// Whether hypertension was known before the pregnancy.
    pub known_before: bool,
    /// Protein in the urine of a day, mg.
    pub protein_day: Option<f64>,
    /// Protein over creatinine in urine, g/g.
    pub protein_ratio: Option<f64>,
    /// AST, U/L.
    pub ast: Option<f64>,
    /// ALT, U/L.
    pub alt: Option<f64>,
    /// Creatinine, mg/dL.
    pub creatinine: Option<f64>,
    /// Platelets, 10³/µL.
    pub platelets: Option<f64>,
    /// Eclampsia, stroke, lasting headache or disturbed sight.
    pub neurological: Option<bool>,
    /// DIC or haemolysis.
    pub coagulation: Option<bool>,
    /// Lasting pain of the upper abdomen.
    pub pain: Option<bool>,
    /// The uterus or placenta works badly: growth restriction, abnormal flow, stillbirth.
    pub uteroplacental: Option<bool>,
}

/// The kind of disorder.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HdpClass {
    /// 妊娠高血圧.
    GestationalHypertension,
    /// 妊娠高血圧腎症.
    Preeclampsia,
    /// 高血圧合併妊娠.
    ChronicHypertension,
    /// 加重型妊娠高血圧腎症.
    SuperimposedPreeclampsia,
}

/// What makes it preeclampsia.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum HdpFeature {
    /// Protein in the urine.
    Protein(Reached),
    /// An organ is damaged, by a laboratory value.
    Organ(Reached),
    /// Nervous system.
    Neurological,
    /// Coagulation.
    Coagulation,
    /// Lasting pain of the upper abdomen.
    Pain,
    /// Uterus or placenta.
    Uteroplacental,
}

/// A hypertensive disorder of pregnancy, as far as it can be said before twelve weeks after the delivery.
#[derive(Clone, PartialEq, Debug)]
pub struct Hdp {
    /// The kind.
    pub class: HdpClass,
    /// Whether it is severe: 160/110, or an organ is damaged.
    pub severe: bool,
    /// Whether it began before 34 weeks (from memory).
    pub early_onset: bool,
    /// What makes it preeclampsia.
    pub features: Vec<HdpFeature>,
    /// What was not looked at: preeclampsia without a feature found is not ruled out by it.
    pub not_looked_at: Vec<&'static str>,
}

/// The disorder; `None` where the pressure is not hypertensive.
pub fn hdp(facts: &HypertensionFacts, limits: &MaternalLimits) -> Option<Hdp> {
    let class = pressure_class(facts.pressure, limits);
    if class == PressureClass::NotHypertensive {
        return None;
    }
    let weeks = |limit| (limits.value(limit) * 7.0) as u16;
    let twenty = weeks(MaternalLimit::HdpWeek);
    let chronic = facts.known_before || facts.onset.days() < twenty;
    let said = |said: Option<bool>, feature| said.filter(|said| *said).map(|_| feature);
    let organ = |reached: Option<Reached>| reached.map(HdpFeature::Organ);
    let protein = limits
        .from(MaternalLimit::ProteinDay, facts.protein_day)
        .or(limits.from(MaternalLimit::ProteinRatio, facts.protein_ratio));
    let mut features: Vec<HdpFeature> = [
        protein.map(HdpFeature::Protein),
        organ(limits.above(MaternalLimit::Transaminase, facts.ast)),
        organ(limits.above(MaternalLimit::Transaminase, facts.alt)),
        organ(limits.above(MaternalLimit::Creatinine, facts.creatinine)),
        organ(limits.below(MaternalLimit::Platelets, facts.platelets)),
        said(facts.neurological, HdpFeature::Neurological),
        said(facts.coagulation, HdpFeature::Coagulation),
        said(facts.pain, HdpFeature::Pain),
        said(facts.uteroplacental, HdpFeature::Uteroplacental),
    ]
    .into_iter()
    .flatten()
    .collect();
    // before twenty weeks none of it is of the pregnancy
    if facts.now.days() < twenty {
        features.clear();
    }
    let not_looked_at = [
        ("protein", facts.protein_day.or(facts.protein_ratio).is_none()),
        ("transaminases", facts.ast.is_none() || facts.alt.is_none()),
        ("creatinine", facts.creatinine.is_none()),
        ("platelets", facts.platelets.is_none()),
        ("neurological", facts.neurological.is_none()),
        ("coagulation", facts.coagulation.is_none()),
        ("pain", facts.pain.is_none()),
        ("uteroplacental", facts.uteroplacental.is_none()),
    ];
    let damaged = features.iter().any(|one| !matches!(one, HdpFeature::Protein(_) | HdpFeature::Uteroplacental));
    Some(Hdp {
        class: match (chronic, features.is_empty()) {
            (false, true) => HdpClass::GestationalHypertension,
            (false, false) => HdpClass::Preeclampsia,
            (true, true) => HdpClass::ChronicHypertension,
            (true, false) => HdpClass::SuperimposedPreeclampsia,
        },
        severe: class >= PressureClass::Severe || damaged,
        early_onset: facts.onset.days() < weeks(MaternalLimit::EarlyOnsetWeek),
        features,
        not_looked_at: not_looked_at.into_iter().filter_map(|(what, missing)| missing.then_some(what)).collect(),
    })
}
