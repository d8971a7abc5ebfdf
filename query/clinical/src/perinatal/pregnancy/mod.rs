//! The pregnancy: its age, its record (registration, check-ups, birth), growth, and screening.

mod gestation;
mod growth;
mod record;
mod risk;

pub use gestation::{Basis, DueDate, DueDateError, GestationalAge, GestationalAgeError, TERM_DAYS, TermClass};
pub use growth::{
    ESTIMATED_WEIGHT, FetalMeasure, GrowthError, GrowthRow, GrowthTable, SMALL, SMALL_SOURCE, estimated_weight,
};
pub use record::{
    Birth, Checkup, Dipstick, Entry, FetusMeasured, History, Pregnancy, Presentation, Registration, Said, Stage, Visit,
};
pub use risk::{Factor, NO_GROWTH_TABLE, RiskLimit, RiskLimits, RiskRules, Screening, screen};

#[cfg(test)]
mod tests;
