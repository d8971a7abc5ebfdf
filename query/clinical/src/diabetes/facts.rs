//! A person's facts: what a viewer's view shows of one linked person, as dated values with their sources.

use super::answer::{Absent, Found, Reach};
use super::day::{Date, day_of};
use super::egfr::BiologicalSex;
use crate::lab::{Grade, Hba1c, Hba1cScale, Span};
use model::{Category, CodeSystem, EncounterClass, FacilityId, Moment};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::fmt;

/// A fact with when and where.
#[derive(Clone, PartialEq, Debug)]
pub struct Dated<T> {
    /// What.
    pub value: T,
    /// When it was true: collection, measurement, prescription, start of the visit.
    pub at: Moment,
    /// The facility it comes from.
    pub source: FacilityId,
}

/// What is measured, in the unit in which it is held here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Measure {
    /// HbA1c, NGSP percent.
    Hba1c,
    /// Plasma glucose after 10 hours or more without a meal, mg/dL.
    FastingGlucose,
    /// Plasma glucose at any other or an unknown time, mg/dL.
    CasualGlucose,
    /// Plasma glucose two hours after a load of 75 g, mg/dL.
    LoadGlucose,
    /// Serum creatinine, mg/dL, enzymatic.
    Creatinine,
    /// Cystatin C, mg/L.
    CystatinC,
    /// eGFRcreat as the laboratory reported it, mL/min/1.73 m².
    Egfr,
    /// Urine albumin per creatinine, mg/g.
    AlbuminRatio,
    /// Urine albumin, mg/L.
    UrineAlbumin,
    /// Urine creatinine, mg/dL.
    UrineCreatinine,
    /// Urine protein per creatinine, g/g.
    ProteinRatio,
    /// Urine protein by dipstick, as the rank of its grade: 1 negative, 2 ±, 3 and more for 1+ and more.
    ProteinGrade,
    /// Total cholesterol, mg/dL.
    TotalCholesterol,
    /// HDL cholesterol, mg/dL.
    Hdl,
    /// LDL cholesterol, mg/dL.
    Ldl,
    /// Triglyceride, mg/dL.
    Triglyceride,
    /// Alanine aminotransferase, U/L.
    Alt,
    /// Systolic blood pressure, mmHg.
    Systolic,
    /// Diastolic blood pressure, mmHg.
    Diastolic,
    /// Height, cm.
    Height,
    /// Weight, kg.
    Weight,
    /// Glucose management indicator of a period that ends then, percent.
    Gmi,
}

/// Key, unit, bounds that no patient's value is outside.
type Row = (Measure, &'static str, &'static str, f64, f64);

const ROWS: [Row; 22] = [
    (Measure::Hba1c, "hba1c", "%", 2.0, 20.0),
    (Measure::FastingGlucose, "glucose-fasting", "mg/dL", 1.0, 3000.0),
    (Measure::CasualGlucose, "glucose-casual", "mg/dL", 1.0, 3000.0),
    (Measure::LoadGlucose, "glucose-2h", "mg/dL", 1.0, 3000.0),
    (Measure::Creatinine, "creatinine", "mg/dL", 0.1, 30.0),
    (Measure::CystatinC, "cystatin-c", "mg/L", 0.2, 10.0),
    (Measure::Egfr, "egfr", "mL/min/{1.73_m2}", 0.0, 300.0),
    (Measure::AlbuminRatio, "urine-albumin-creatinine", "mg/g{creat}", 0.0, 50_000.0),
    (Measure::UrineAlbumin, "urine-albumin", "mg/L", 0.0, 50_000.0),
    (Measure::UrineCreatinine, "urine-creatinine", "mg/dL", 0.0, 2000.0),
    (Measure::ProteinRatio, "urine-protein-creatinine", "g/g{creat}", 0.0, 100.0),
    (Measure::ProteinGrade, "urine-protein", "", 1.0, 7.0),
    (Measure::TotalCholesterol, "total-cholesterol", "mg/dL", 10.0, 3000.0),
    (Measure::Hdl, "hdl-cholesterol", "mg/dL", 1.0, 300.0),
    (Measure::Ldl, "ldl-cholesterol", "mg/dL", 1.0, 2000.0),
    (Measure::Triglyceride, "triglyceride", "mg/dL", 1.0, 20_000.0),
    (Measure::Alt, "alt", "U/L", 0.0, 50_000.0),
    (Measure::Systolic, "systolic", "mm[Hg]", 30.0, 350.0),
    (Measure::Diastolic, "diastolic", "mm[Hg]", 10.0, 250.0),
    (Measure::Height, "height", "cm", 20.0, 260.0),
    (Measure::Weight, "weight", "kg", 0.2, 500.0),
    (Measure::Gmi, "gmi", "%", 3.0, 20.0),
];

impl Measure {
    /// All.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.0)
    }
    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.0 == self)
    }
    /// A short stable name; where there is a laboratory item, that item's.
    pub fn key(self) -> &'static str {
        self.row().map_or("", |row| row.1)
    }
    /// From that name.
    pub fn from_key(key: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.1 == key).map(|row| row.0)
    }
    /// The unit (UCUM); empty for grades.
    pub fn unit(self) -> &'static str {
        self.row().map_or("", |row| row.2)
    }
    /// The category of record it comes in.
    pub const fn category(self) -> Category {
        match self {
            Self::Systolic | Self::Diastolic | Self::Height | Self::Weight => Category::VitalSign,
            _ => Category::Laboratory,
        }
    }
}

/// Why a number is not a reading.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("a value of `{measure}` in `{unit}` lies between {low} and {high}")]
pub struct ReadingError {
    /// What was measured.
    pub measure: &'static str,
    /// Its unit here.
    pub unit: &'static str,
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
}

/// One measured value: a number, or a bound such as `<5.0`.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    measure: Measure,
    value: Span,
    converted: bool,
    inpatient: bool,
}

impl Reading {
    /// A number, in the measure's unit.
    ///
    /// # Errors
    /// When no patient has such a value: it has another unit than was thought.
    pub fn new(measure: Measure, value: Decimal) -> Result<Self, ReadingError> {
        Self::span(measure, Span { low: Some((value, true)), high: Some((value, true)) })
    }

    /// All numbers it may be, in the measure's unit.
    ///
    /// # Errors
    /// When an end of it is a value no patient has.
    pub fn span(measure: Measure, value: Span) -> Result<Self, ReadingError> {
        let (_, key, unit, low, high) =
            *measure.row().ok_or(ReadingError { measure: "", unit: "", low: 0.0, high: 0.0 })?;
        let fits = |end: Option<(Decimal, bool)>| {
            end.is_none_or(|(end, _)| end.to_f64().is_some_and(|end| low <= end && end <= high))
        };
        if !fits(value.low) || !fits(value.high) || value.low.is_none() && value.high.is_none() {
            return Err(ReadingError { measure: key, unit, low, high });
        }
        Ok(Self { measure, value, converted: false, inpatient: false })
    }

    /// An HbA1c on whatever scale it was reported; held as NGSP, and marked where it was converted.
    pub fn hba1c(value: Hba1c) -> Result<Self, ReadingError> {
        let ngsp = value.to(Hba1cScale::Ngsp);
        Ok(Self { converted: ngsp.is_converted(), ..Self::new(Measure::Hba1c, ngsp.value())? })
    }

    /// A grade of urine protein.
    pub fn protein(grade: Grade) -> Result<Self, ReadingError> {
        Self::new(Measure::ProteinGrade, Decimal::from(grade.rank()))
    }

    /// The same, computed from another scale.
    pub(super) fn marked_converted(self) -> Self {
        Self { converted: true, ..self }
    }

    /// The same, taken during an admission.
    #[must_use]
    pub fn in_hospital(self) -> Self {
        Self { inpatient: true, ..self }
    }
    /// What was measured.
    pub fn measure(&self) -> Measure {
        self.measure
    }
    /// All numbers it may be.
    pub fn value(&self) -> Span {
        self.value
    }
    /// The number, where it is one and not a bound.
    pub fn number(&self) -> Option<f64> {
        let (low, high) = (self.value.low?.0, self.value.high?.0);
        if low == high { low.to_f64() } else { None }
    }
    /// Whether it was computed from another scale (JDS, IFCC).
    pub fn is_converted(&self) -> bool {
        self.converted
    }
    /// Whether it was taken during an admission.
    pub fn is_inpatient(&self) -> bool {
        self.inpatient
    }
}

/// A coded diagnosis, each time it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnosis {
    /// Whose code it is.
    pub system: CodeSystem,
    /// The code as written.
    pub code: String,
    /// Only suspected (疑い).
    pub suspected: bool,
}

/// A drug prescribed, dispensed or given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Supply {
    /// Whose code it is.
    pub system: CodeSystem,
    /// The code as written.
    pub code: String,
    /// Days supplied, where known.
    pub days: Option<u32>,
}

/// A visit or admission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Visit {
    /// Where.
    pub class: EncounterClass,
    /// Planned and not (yet) kept.
    pub planned: bool,
    /// When it ended; an admission without an end goes on.
    pub until: Option<Moment>,
}

/// Diabetic retinopathy, of the worse eye.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Retinopathy {
    /// なし
    None,
    /// 単純
    Simple,
    /// 増殖前
    PreProliferative,
    /// 増殖
    Proliferative,
}

impl Retinopathy {
    /// `none`, `simple`, `pre-proliferative` or `proliferative`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Simple => "simple",
            Self::PreProliferative => "pre-proliferative",
            Self::Proliferative => "proliferative",
        }
    }
}

/// Smoking.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Smoking {
    /// Never.
    Never,
    /// In the past.
    Former,
    /// Now.
    Current,
}

impl Smoking {
    /// `never`, `former` or `current`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Former => "former",
            Self::Current => "current",
        }
    }
}

/// Kidney replacement therapy.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KidneyReplacement {
    /// Haemodialysis or peritoneal dialysis.
    Dialysis,
    /// A transplanted kidney.
    Transplant,
}

/// What was examined, stated or happened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Observation {
    /// The eyes were examined; with what was found, where it is stated.
    Eye(Option<Retinopathy>),
    /// The feet were examined.
    Foot,
    /// A dentist was seen.
    Dental,
    /// Guidance was given (療養指導).
    Guidance,
    /// Smoking, as stated.
    Smoking(Smoking),
    /// The sum of DASC-8, 8 to 32.
    Dasc8(u8),
    /// The year in which diabetes began, as stated.
    DiabetesSince(i16),
    /// Kidney replacement therapy began or was seen.
    KidneyReplacement(KidneyReplacement),
    /// A pregnancy began (last menstrual period).
    PregnancyBegan,
    /// A pregnancy ended (birth or otherwise).
    PregnancyEnded,
    /// Hospice or palliative care began.
    Hospice,
    /// The patient moved away (転出).
    MovedAway,
}

impl Observation {
    /// The category of record it comes in.
    pub const fn category(self) -> Category {
        match self {
            Self::PregnancyBegan | Self::PregnancyEnded => Category::Perinatal,
            Self::Guidance => Category::CarePlan,
            Self::Hospice | Self::MovedAway => Category::Encounter,
            Self::DiabetesSince(_) | Self::KidneyReplacement(_) => Category::Condition,
            Self::Eye(_) | Self::Foot | Self::Dental | Self::Smoking(_) | Self::Dasc8(_) => Category::Document,
        }
    }
}

/// Everything a view shows of one linked person that diabetes care asks for. The order of facts means nothing.
#[derive(Clone, PartialEq, Default)]
pub struct Facts {
    /// Birth date.
    pub birth: Option<Date>,
    /// Sex, where the equations can use it.
    pub sex: Option<BiologicalSex>,
    /// When the person died.
    pub died: Option<Moment>,
    /// Measured values.
    pub readings: Vec<Dated<Reading>>,
    /// Diagnoses.
    pub diagnoses: Vec<Dated<Diagnosis>>,
    /// Drugs.
    pub supplies: Vec<Dated<Supply>>,
    /// Visits and admissions.
    pub visits: Vec<Dated<Visit>>,
    /// What was examined, stated or happened.
    pub observations: Vec<Dated<Observation>>,
    /// Whom the viewer asks, and what is open there.
    pub reach: Reach,
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Facts(******)")
    }
}

impl<T> Dated<T> {
    /// The day in Japan.
    pub fn day(&self) -> Date {
        day_of(self.at)
    }
    /// When and where, without the fact.
    pub fn origin(&self) -> (Moment, &FacilityId) {
        (self.at, &self.source)
    }
    /// As an answer that rests on this fact alone.
    pub fn found<U>(&self, value: U) -> Found<U> {
        Found { value, at: self.at, sources: vec![self.source.clone()] }
    }
}

impl Facts {
    /// The values of a measure up to a moment, earliest first; of one moment in the order of source and value.
    pub fn values(&self, measure: Measure, now: Moment) -> Vec<&Dated<Reading>> {
        let mut found: Vec<_> =
            self.readings.iter().filter(|one| one.value.measure == measure && one.at <= now).collect();
        let ends = |one: &Dated<Reading>| (one.value.value.low, one.value.value.high);
        found.sort_by(|a, b| a.origin().cmp(&b.origin()).then_with(|| ends(a).cmp(&ends(b))));
        found
    }

    /// The last value of a measure up to a moment, or why there is none.
    ///
    /// # Errors
    /// When there is none.
    pub fn latest(&self, measure: Measure, now: Moment) -> Result<&Dated<Reading>, Absent> {
        let ends = |one: &Dated<Reading>| (one.value.value.low, one.value.value.high);
        let values = self.readings.iter().filter(|one| one.value.measure == measure && one.at <= now);
        let last = values.max_by(|a, b| a.origin().cmp(&b.origin()).then_with(|| ends(a).cmp(&ends(b))));
        last.ok_or_else(|| self.reach.absent(measure.category()))
    }

    /// What is made of observations up to a moment, earliest first.
    pub fn observed<T: Copy>(
        &self,
        now: Moment,
        of: impl Fn(Observation) -> Option<T>,
    ) -> Vec<(T, &Dated<Observation>)> {
        let mut found: Vec<_> = self
            .observations
            .iter()
            .filter(|one| one.at <= now)
            .filter_map(|one| Some((of(one.value)?, one)))
            .collect();
        found.sort_by(|a, b| a.1.origin().cmp(&b.1.origin()));
        found
    }

    /// Completed years at a moment.
    pub fn age(&self, at: Moment) -> Option<u16> {
        super::day::age_on(self.birth?, day_of(at))
    }

    /// Whether a moment lies in a pregnancy: after one began, and before the first end after that or 300 days.
    pub fn pregnant_at(&self, at: Moment) -> bool {
        const LONGEST: i64 = 300 * 86_400_000_000;
        let began = self.observations.iter().filter(|one| one.value == Observation::PregnancyBegan && one.at <= at);
        began.map(|one| one.at).any(|began| {
            let ended = self.observations.iter().filter(|one| one.value == Observation::PregnancyEnded);
            let end = ended.map(|one| one.at).filter(|end| *end >= began).min();
            at.since(began) <= LONGEST && end.is_none_or(|end| at <= end)
        })
    }
}
