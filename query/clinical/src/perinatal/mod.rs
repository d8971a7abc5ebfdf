//! Perinatal medicine: cardiotocograms, and the shock index of obstetric haemorrhage. docs/perinatal.md says from which source.

pub mod ctg;
mod haemorrhage;
mod limit;
pub mod trace;

pub use haemorrhage::{HaemorrhageLevel, haemorrhage_level, shock_index};
pub use limit::{LimitError, LimitRow};
