//! Diabetes: who has it, how it goes, what is due. Nothing here is a diagnosis.
//!
//! docs/diabetes.md says what is computed, from which source and how certain it is, and what is refused.

pub mod cgm;
pub mod cohort;
pub mod quality;
pub mod registry;

mod answer;
mod day;
mod denominator;
mod drug;
mod due;
mod egfr;
mod facts;
mod glycaemia;
mod gmi;
mod kidney;
mod line;
mod of_lab;
mod of_record;
mod person;
mod tables;
mod target;
mod thresholds;

pub use answer::{Absent, Answer, Found, Reach, Standing, Unsaid};
pub(crate) use day::days_later;
pub use day::{Date, age_on, day_of, days_between, months_later, of_epoch, since_epoch, start_of};
pub use denominator::{
    CodeRow, DENOMINATOR_RULES, DENOMINATOR_VERSION, Denominator, DenominatorRule, DiabetesType, Evidence, HasDiabetes,
    Reason,
};
pub use drug::{DRUGS_VERSION, DrugClass, DrugError, DrugTable};
pub use due::{Check, DUE_ROWS, DUE_VERSION, DueRow, DueTable, Interval, NextDue, is_overdue, last_contact};
pub use egfr::{BiologicalSex, egfr_cystatin_jsn, egfr_jsn};
pub use facts::{
    Dated, Diagnosis, Facts, KidneyReplacement, Measure, Observation, Reading, ReadingError, Retinopathy, Smoking,
    Supply, Visit,
};
pub use glycaemia::{HBA1C_MEAN_DAYS, HBA1C_SLOPE_DAYS, Hba1cCourse, body_mass_index, hba1c_course};
pub use gmi::gmi;
pub use kidney::{
    Albuminuria, AlbuminuriaBasis, AlbuminuriaStage, CkdCell, CkdRisk, Decline, Edition, Filtration, FiltrationBasis,
    GStage, KIDNEY_VERSION, KidneyLimits, NephropathyStage, Persistence, Rapid, albuminuria, ckd_cell, ckd_risk,
    decline, filtration, filtration_cystatin, filtrations, nephropathy_stage,
};
pub use line::{Line, line};
pub(crate) use of_lab::is_fasting;
pub use of_record::Learned;
pub use person::Person;
pub use tables::Tables;
pub use target::{
    CATEGORY_UNKNOWN, ElderlyCategory, NO_TARGET, TARGET_ROWS, TARGETS_VERSION, Target, TargetRow, TargetTable,
};
pub use thresholds::{Thresholds, ThresholdsError};

#[cfg(test)]
mod testing;
