//! Perinatal medicine: cardiotocograms, the honesty of their traces, the mother, the pregnancy. docs/perinatal.md says from
//! which source.

pub mod chart;
pub mod ctg;
mod limit;
pub mod maternal;
mod own;
pub mod pregnancy;
mod tables;
pub mod trace;
mod word;

pub use limit::{LimitError, LimitRow};
pub use maternal::{HaemorrhageLevel, haemorrhage_level, shock_index};
pub use own::{OwnPerinatal, OwnPerinatalError};
pub use tables::PerinatalTables;
