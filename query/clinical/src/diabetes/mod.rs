//! Diabetes: kidney function and glucose summaries.

mod egfr;
mod gmi;

pub use egfr::{BiologicalSex, egfr_cystatin_jsn, egfr_jsn};
pub use gmi::gmi;
