//! Figures of a measure of care that a facility published, with who was counted: what may be published next follows from that.

use crate::{DefinitionName, FacilityId, PatientNumber};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// One publication. The figures follow from who was counted; they alone are shown to others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeasureRelease {
    /// Whose.
    pub facility: FacilityId,
    /// The measure's name with its version.
    pub measure: DefinitionName,
    /// The calendar year.
    pub year: i16,
    /// Of which day.
    pub of: Date,
    /// Persons that a number of the series speaks of at least.
    pub least: u32,
    /// Who was counted, by the facility's own numbers, and whether each counts in the numerator.
    pub counted: BTreeMap<PatientNumber, bool>,
}

impl MeasureRelease {
    /// At most so many persons are counted at once: an event must hold them.
    pub const MOST: usize = 50_000;
}
