//! Laboratory: units, values, codes, intervals, critical values, delta checks, the chain of a result, duplicates.
//!
//! docs/laboratory.md says what is computed, from which source and how certain it is, and what is refused.

mod chain;
mod code;
mod critical;
pub(crate) mod decimal;
mod delta;
mod duplicate;
mod fold;
mod hba1c;
mod interval;
mod item;
mod row;
mod site;
mod trend;
mod unit;
mod value;

pub use chain::{Chain, Effect, Replaced, Version};
pub use code::{
    Fit, Jlac10, Jlac10Error, Jlac10Part, LOINC_MAP_VERSION, LocalCode, LocalMap, Loinc, LoincError, LoincMatch,
    MapChange, MapError, MapRow, Match, NoLoinc, Resolved, ResolvedBy, Suggestion, Target, Unmapped, suggest, to_loinc,
};
pub use critical::{
    Alert, AlertEvent, AlertState, AlertStep, CriticalError, CriticalRow, CriticalTable, Detection, Escalation,
    EscalationPolicy,
};
pub use delta::{
    Delta, DeltaError, DeltaTable, Direction, Measured, MixUp, MixUpLimits, Rule, RuleKind, SHIPPED_RULES, VARIATION,
    VARIATION_VERSION, Variation, reference_change,
};
pub use duplicate::{
    Asked, DUPLICATE_SOURCE, Done, DuplicateTable, Repeated, TestIdentity, UnknownItemError, done_elsewhere,
    repetitions,
};
pub use hba1c::{Hba1c, Hba1cScale, IFCC_LINE, JDS_LINE, ngsp_from_jds};
pub use interval::{
    Agreement, Chosen, Flag, Interval, IntervalError, IntervalRow, IntervalSource, IntervalTable, JCCLS, JCCLS_VERSION,
    Patient, Place, Reference, ReferenceText, SharedRow, agreement, choose, flag,
};
pub use item::{ITEMS, ITEMS_VERSION, Item, Pattern, SpecimenKind, Substance};
pub use row::{CodeText, Doubt, LabInput, LabRow, Normalised, Site, Written, WrittenInterval, read_result};
pub use rust_decimal::Decimal;
pub use site::{LabTableChange, RowError, SiteError, SiteTables, Sites, Stated, columns};
pub use trend::{Trend, trend};
pub use unit::{
    By, ConvertError, Converted, ReadUnit, Reading, SPELLINGS_VERSION, Unit, UnitError, UnitSpellings, convert,
    convert_written,
};
pub use value::{Comparator, Expect, Grade, Missing, ResultText, ResultValue, Side, Span};
