//! The chart of one woman: what the records of a view say of her, pregnancy by pregnancy, and what the maternal rules make of it.
//!
//! A chart is a function of its records: their order means nothing. docs/perinatal.md lists the codes records are read by.

mod at_bed;
mod code;
mod fact;
mod limit_key;
mod monitor;
mod of_record;
mod pregnancies;
mod rule;
mod rules;

pub use at_bed::{AtBed, LittleReserve};
pub use code::{ChartCode, LAB_CODES, RECORD_CODES, chart_codes};
pub use fact::{Chart, Fact, HdpSign, LabMeasure, Noted};
pub use limit_key::{Finding, LimitKey};
pub use monitor::{MonitorSign, Monitored};
pub use of_record::{Learned, Refused};
pub use pregnancies::{AFTER_BIRTH_DAYS, Ending, FetusAt, Newborn, OfPregnancy, Outcome, VisitAt};
pub use rule::{LimitReached, MaternalRules, Missing, Rule, Ruling, Said as RulingSaid};

#[cfg(test)]
mod tests;
