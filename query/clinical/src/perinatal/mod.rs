//! Perinatal medicine.

mod haemorrhage;

pub use haemorrhage::{HaemorrhageLevel, haemorrhage_level, shock_index};
