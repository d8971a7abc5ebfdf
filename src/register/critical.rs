//! Which laboratory results raise an alarm.
//!
//! A result is looked at by the limits of the facility that published it, as they held when the door admitted it. Old results
//! raise none: what a first load brings in was somebody's alarm long ago.

use clinical::lab::{
    CodeText, Detection, EscalationPolicy, Item, LabInput, Patient, SiteTables, Written, WrittenInterval, read_result,
};
use model::{ChangeKind, CodeSystem, Coding, LabResult, LabStatus, Moment, Payload, Record, Value};

const HOUR: i64 = 3_600_000_000;
/// What its source wrote down longer before it was admitted raises no alarm. A line may be cut for three days.
const WRITTEN_WITHIN: i64 = 3 * 24 * HOUR;
/// What was measured longer before it was admitted raises no alarm.
const MEASURED_WITHIN: i64 = 7 * 24 * HOUR;

/// On which side a value is critical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Low,
    High,
}

impl Bound {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

/// That a result is critical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alarm {
    pub(super) item: &'static Item,
    pub(super) bound: Bound,
    /// How long it may wait.
    pub(super) policy: EscalationPolicy,
}

impl Alarm {
    /// Whether this version of a record, admitted at a moment, is certainly critical and new.
    pub(super) fn of(record: &Record, admitted: Moment, tables: &SiteTables) -> Option<Self> {
        let Some(Payload::Laboratory(lab)) = record.payload() else { return None };
        if !is_new(record, admitted) || record.change() == ChangeKind::Delete || lab.status == LabStatus::Cancelled {
            return None;
        }
        let row = read_result(&input(lab), &tables.site());
        let bound = match row.critical? {
            Detection::Low => Bound::Low,
            Detection::High => Bound::High,
            Detection::No | Detection::CannotBeSaid => return None,
        };
        Some(Self { item: row.item()?, bound, policy: tables.escalation() })
    }
}

/// Whether a record was new when the door admitted it.
pub(super) fn is_new(record: &Record, admitted: Moment) -> bool {
    admitted.since(record.recorded) <= WRITTEN_WITHIN && admitted.since(record.occurred) <= MEASURED_WITHIN
}

fn input(lab: &LabResult) -> LabInput<'_> {
    let Coding { system, code, .. } = &lab.code;
    let code = match system {
        CodeSystem::Jlac10 => CodeText::Jlac10(code),
        CodeSystem::Loinc => CodeText::Loinc(code),
        _ => CodeText::Local(code),
    };
    let (value, unit) = match &lab.value {
        Value::Quantity { value, unit, comparator } => (Written::Number(comparator, *value), unit.as_str()),
        Value::Coded(Coding { display, .. }) if !display.is_empty() => (Written::Text(display), ""),
        Value::Coded(Coding { code, .. }) => (Written::Text(code), ""),
        Value::Text(text) => (Written::Text(text), ""),
        Value::Absent(_) => (Written::Absent, ""),
    };
    LabInput {
        code,
        specimen: &lab.specimen,
        value,
        unit,
        interval: WrittenInterval::Bounds(lab.reference_low, lab.reference_high),
        flag: &lab.flag,
        patient: Patient::default(),
    }
}

#[cfg(test)]
mod tests;
