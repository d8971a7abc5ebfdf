//! The course of one laboratory record: its versions in the order in which they came, which of them took the place of a
//! value that could be seen, and which were critical.
//!
//! What a correction is says `clinical::lab::Chain`; what was shown says the record store: of the versions that have come
//! the highest, so that an older one that comes late was shown to nobody. Both are functions of the log: versions of one
//! patient ref share a partition; of a record that moved to another patient ref the door's clock says which came first.

use super::critical::Alarm;
use clinical::lab::{Chain, Effect, Version};
use model::{ChangeKind, Coding, LabStatus, Moment, PatientRef, Payload, Position, Record, Value};
use std::collections::BTreeMap;

/// A version of a record at its place in the log.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) position: Position,
    pub(super) admitted: Moment,
    pub(super) record: Record,
    /// Whether it raises an alarm, as long as it stands.
    pub(super) alarm: Option<Alarm>,
}

/// How a value was put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Corrected,
    Cancelled,
    Deleted,
    Moved,
}

impl Change {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Corrected => "corrected",
            Self::Cancelled => "cancelled",
            Self::Deleted => "deleted",
            Self::Moved => "moved",
        }
    }
}

/// A value that others could see, and what took its place. Versions are named by their number among the arrivals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Corrected {
    /// The versions that said the old value, in order.
    pub(super) run: Vec<usize>,
    /// The version that put it right.
    pub(super) by: usize,
    pub(super) change: Change,
}

/// A critical value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Critical {
    /// The version that said it first.
    pub(super) by: usize,
    /// The version that said otherwise.
    pub(super) withdrawn: Option<usize>,
}

/// What happened to a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) corrected: Vec<Corrected>,
    pub(super) critical: Vec<Critical>,
}

/// What a person would take from a version.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    patient: PatientRef,
    code: (String, String),
    value: Option<Value>,
}

/// Versions that say the same, one after the other.
struct Run {
    of: Vec<usize>,
    version: Version<Said>,
}

impl Run {
    /// What a later version does to what this run says; nothing is done to what had no value.
    fn effect(&self, next: &Version<Said>) -> Effect {
        let chain = Chain::of([self.version.clone(), next.clone()]);
        chain.and_then(|chain| chain.history().last().map(|(_, effect)| effect)).unwrap_or(Effect::Ignored)
    }
    fn has_value(&self) -> bool {
        self.version.value.value.is_some()
    }
}

impl Course {
    /// Of versions in the order in which they came (see [`in_order`]).
    pub(super) fn of(arrivals: &[Arrival]) -> Self {
        let mut course = Self::default();
        let mut highest = None;
        let mut standing: Option<Run> = None;
        // A preliminary version after a final one: it is shown, and stands for nothing.
        let mut aside: Option<Run> = None;
        for (at, arrival) in arrivals.iter().enumerate() {
            if highest.is_some_and(|highest| highest >= arrival.record.version) {
                continue;
            }
            highest = Some(arrival.record.version);
            let next = version(at, &arrival.record);
            let effect = standing.as_ref().map_or(Effect::First, |run| run.effect(&next));
            course.correct(arrivals, at, [(&standing, effect), (&aside, effect_on(aside.as_ref(), &next))]);
            match effect {
                Effect::Ignored => match &mut aside {
                    Some(run) if run.effect(&next) == Effect::Confirmed => run.of.push(at),
                    _ => aside = Some(Run { of: vec![at], version: next }),
                },
                Effect::Confirmed => {
                    aside = None;
                    if let Some(run) = &mut standing {
                        run.of.push(at);
                        run.version = next;
                    }
                }
                Effect::First | Effect::Changed | Effect::Cancelled | Effect::Restored => {
                    (aside, standing) = (None, Some(Run { of: vec![at], version: next }));
                    course.alarm(at, arrival);
                }
            }
        }
        course
    }

    /// Those who were shown a value that another takes the place of are told.
    fn correct(&mut self, arrivals: &[Arrival], by: usize, runs: [(&Option<Run>, Effect); 2]) {
        let ended = runs.into_iter().filter_map(|(run, effect)| {
            let run = run.as_ref().filter(|run| run.has_value())?;
            matches!(effect, Effect::Changed | Effect::Cancelled).then_some(run)
        });
        let run: Vec<usize> = ended.flat_map(|run| run.of.iter().copied()).collect();
        let (Some(old), Some(new)) = (run.last().and_then(|old| arrivals.get(*old)), arrivals.get(by)) else { return };
        let change = if new.record.change() == ChangeKind::Delete {
            Change::Deleted
        } else if status(&new.record) == LabStatus::Cancelled {
            Change::Cancelled
        } else if new.record.patient != old.record.patient {
            Change::Moved
        } else {
            Change::Corrected
        };
        self.corrected.push(Corrected { run, by, change });
    }

    /// Another value stands: the alarm of the one before is over, and this one may raise its own.
    fn alarm(&mut self, by: usize, arrival: &Arrival) {
        if let Some(last) = self.critical.last_mut() {
            last.withdrawn.get_or_insert(by);
        }
        if arrival.alarm.is_some() && status(&arrival.record) != LabStatus::Cancelled {
            self.critical.push(Critical { by, withdrawn: None });
        }
    }
}

fn effect_on(run: Option<&Run>, next: &Version<Said>) -> Effect {
    run.map_or(Effect::Ignored, |run| run.effect(next))
}

fn version(at: usize, record: &Record) -> Version<Said> {
    let lab = match record.payload() {
        Some(Payload::Laboratory(lab)) if status(record) != LabStatus::Cancelled => Some(lab),
        _ => None,
    };
    let value = lab.map(|lab| plain(&lab.value)).filter(|value| !matches!(value, Value::Absent(_)));
    Version {
        id: at.to_string(),
        number: record.version.get(),
        issued: record.recorded,
        status: status(record),
        value: Said {
            patient: record.patient.clone(),
            code: lab.map(|lab| code(&lab.code)).unwrap_or_default(),
            value,
        },
    }
}

fn status(record: &Record) -> LabStatus {
    match record.payload() {
        Some(Payload::Laboratory(lab)) if record.change() != ChangeKind::Delete => lab.status,
        _ => LabStatus::Cancelled,
    }
}

/// A code without the words it was shown with, which may change without a change of meaning.
fn code(coding: &Coding) -> (String, String) {
    let code = if coding.code.trim().is_empty() { &coding.display } else { &coding.code };
    (coding.system.code().to_owned(), code.trim().to_owned())
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Quantity { value, unit, comparator } => {
            let [unit, comparator] = [unit, comparator].map(|text| text.trim().to_owned());
            Value::Quantity { value: *value, unit, comparator }
        }
        Value::Coded(coding) => {
            let (system, code) = code(coding);
            Value::Text(format!("{system} {code}"))
        }
        Value::Text(text) => Value::Text(text.trim().to_owned()),
        Value::Absent(why) => Value::Absent(why.clone()),
    }
}

/// Puts letters in the order in which they came: those of a partition as they stand there, those of different partitions by
/// the door's clock. The same letters are always in the same order, however they were read.
pub(super) fn in_order<T>(mut letters: Vec<T>, place: impl Fn(&T) -> (Position, Moment)) -> Vec<T> {
    letters.sort_by_key(|letter| place(letter).0);
    // A clock that was set back does not turn the order of a partition.
    let mut latest = BTreeMap::new();
    let mut timed: Vec<(Moment, Position, T)> = letters
        .into_iter()
        .map(|letter| {
            let (position, admitted) = place(&letter);
            let at = latest.entry(position.partition).or_insert(admitted);
            *at = admitted.max(*at);
            (*at, position, letter)
        })
        .collect();
    timed.sort_by_key(|(at, position, _)| (*at, *position));
    timed.into_iter().map(|(_, _, letter)| letter).collect()
}

#[cfg(test)]
mod tests;
