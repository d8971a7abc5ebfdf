//! Laboratory codes and values.

mod hba1c;
mod jlac10;

pub use hba1c::ngsp_from_jds;
pub use jlac10::{Jlac10, Jlac10Error, Match};
