//! Codes: JLAC10, LOINC, a facility's own, and the ways between them.
//!
//! JLAC11 is not read: its structure is not verified (what the national data calls JLAC11 still holds JLAC10 codes).

mod jlac10;
mod local;
mod loinc;
mod suggest;
mod to_loinc;

pub use jlac10::{Jlac10, Jlac10Error, Jlac10Part, Match};
pub use local::{LocalCode, LocalMap, MapChange, MapError, MapRow, Resolved, ResolvedBy, Target};
pub use loinc::{Loinc, LoincError};
pub use suggest::{Fit, Suggestion, Unmapped, suggest};
pub use to_loinc::{LOINC_MAP_VERSION, LoincMatch, NoLoinc, to_loinc};

#[cfg(test)]
mod tests;
