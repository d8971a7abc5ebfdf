//! What files come to: events, what is set aside, and what will be noted once both are durable. Reads, and changes nothing.

use super::cursor::{Changes, Cursor, CursorError, FileKey, Outcome, Seen};
use super::folder::{Body, Folder, Found};
use super::kind::{DataType, Kind, Treatment};
use super::name::FileName;
use super::slot::{Slot, State, Stated, Step, step, withdrawal};
use crate::quarantine::{Aside, Form};
use crate::refusal::{Refusal, RefusalReason};
use bytes::Bytes;
use model::{
    Author, Body as EventBody, ChangeKind, Event, EventId, EventKey, FacilityId, Labels, PatientRef, Record, RecordId,
    Role, Version,
};
use std::collections::{HashMap, HashSet};

/// What a file says.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Said {
    /// The facts it states, and those that it takes back itself.
    pub records: Vec<Record>,
    /// Why the file is kept aside as well, where it says more than was understood.
    pub kept: Option<Refusal>,
}

/// Reads what a file says.
pub trait Interpreter: Send + Sync {
    /// Reads a file. Each record has the version that its message gives it, and an id of its own within the file.
    ///
    /// # Errors
    /// Why it is not understood: the segment and field, and the rule; never a value.
    fn interpret(&self, name: &FileName, body: &Body) -> Result<Said, Refusal>;
}

/// What files come to.
#[derive(Debug, Default)]
pub struct Plan {
    /// Events to send, and which file each is of.
    pub events: Vec<(usize, Bytes)>,
    /// Files to set aside.
    pub aside: Vec<Aside>,
    /// The files, by type, and what becomes of each unless one of its events is refused.
    pub files: Vec<(FileKey, Seen, String)>,
    /// What is to be noted of places and of names that are gone.
    pub changes: Changes,
    /// Files that could not be read and will be found again.
    pub unread: usize,
    /// What places state after the files so far.
    states: HashMap<Slot, State>,
}

/// What becomes of a file, and why it is set aside if it is.
type Verdict = (Outcome, Option<Refusal>);

const fn refused(refusal: Refusal) -> Verdict {
    (Outcome::Refused, Some(refusal))
}

/// Works out what becomes of files.
pub(super) struct Planner<'a> {
    pub(super) facility: &'a FacilityId,
    pub(super) cursor: &'a Cursor,
    pub(super) interpreter: &'a dyn Interpreter,
}

impl Planner<'_> {
    /// What these folders come to.
    pub(super) fn plan(&self, folders: Vec<Folder>) -> Result<Plan, CursorError> {
        let mut plan = Plan::default();
        for Folder { volume, path, found, gone, .. } in folders {
            for found in found {
                self.file((&volume, &path), found, &mut plan)?;
            }
            plan.changes.gone.extend(gone.into_iter().map(|(name, _)| FileKey::new(&volume, &path, &name)));
        }
        plan.changes.states = std::mem::take(&mut plan.states).into_iter().collect();
        Ok(plan)
    }

    fn file(&self, (volume, folder): (&str, &str), found: Found, plan: &mut Plan) -> Result<(), CursorError> {
        let Found { name, place, body, print, hash } = found;
        let kind = place.as_ref().map_or("?", |name| name.data.code()).to_owned();
        let verdict = match (&place, &body) {
            (_, Body::Unreadable(error)) => {
                tracing::warn!(%error, kind, "a file of the storage could not be read");
                plan.unread += 1;
                return Ok(());
            }
            (Err(fault), _) => refused(Refusal::new(RefusalReason::Invalid, fault.at.code(), fault.rule)),
            (Ok(name), _) => self.understand(name, &body, hash, plan)?,
        };
        let outcome = match verdict {
            (outcome, None) => outcome,
            (outcome, Some(refusal)) => {
                let origin = match &place {
                    Ok(name) => format!("{volume}: {}", name.origin()),
                    Err(_) => format!("{volume}: ?"),
                };
                let bytes = body.bytes().cloned().unwrap_or_default();
                plan.aside.push(Aside {
                    form: Form::SsMix2,
                    bytes,
                    refusal,
                    origin,
                    name: format!("{volume}: {folder}/{name}"),
                });
                outcome
            }
        };
        plan.files.push((FileKey::new(volume, folder, &name), Seen { print, hash, outcome }, kind));
        Ok(())
    }

    fn understand(&self, name: &FileName, body: &Body, hash: u128, plan: &mut Plan) -> Result<Verdict, CursorError> {
        if matches!(&name.data, DataType::Standard(kind) if kind.treatment() == Treatment::Counted) {
            return Ok((Outcome::Counted, None));
        }
        match body {
            Body::TooLarge => {
                return Ok(refused(Refusal::new(
                    RefusalReason::TooLarge,
                    "file",
                    "is larger than is read; it stays where it is",
                )));
            }
            Body::NoMainDocument => {
                let rule = "holds `main_document.*`, or one HL7 or XML document";
                return Ok(refused(Refusal::new(RefusalReason::Invalid, "content folder", rule)));
            }
            Body::File(_) | Body::Content { .. } | Body::Unreadable(_) => {}
        }
        let slot = Slot::of(name);
        let before = match plan.states.get(&slot) {
            Some(state) => Some(state.clone()),
            None => self.cursor.state(&slot)?,
        };
        let (revision, withdraws) = match step(before.as_ref(), name, hash) {
            Step::Same => return Ok((Outcome::Taken, None)),
            Step::Late => return Ok((Outcome::Late, None)),
            Step::State(revision) => (revision, false),
            Step::Withdraw(revision) => (revision, true),
        };
        let said = match self.interpreter.interpret(name, body) {
            Ok(said) => said,
            // What is deleted need not be understood: what its place has stated goes all the same.
            Err(_) if withdraws => Said::default(),
            Err(refusal) => return Ok(refused(refusal)),
        };
        let Said { mut records, kept } = said;
        supersede(&mut records, before.as_ref());
        // What the file takes back itself it does not state.
        let mut named: Vec<Stated> =
            records.iter().filter(|record| record.change() != ChangeKind::Delete).map(stated_of).collect();
        let file = plan.files.len();
        let mut events = Vec::new();
        let mut gone = no_longer_stated(before.as_ref(), &named, withdraws);
        if !withdraws {
            let taken_back: HashSet<&RecordId> = records.iter().map(|record| &record.id).collect();
            gone.retain(|gone| !taken_back.contains(&gone.id));
            events.extend(records.into_iter().map(|record| self.event(record)));
        }
        let elsewhere = self.stated_elsewhere(name, plan)?;
        for mut gone in gone.into_iter().filter(|gone| !elsewhere.contains(&gone.id)) {
            gone.version = withdrawal(name.stamp, revision).max(next(gone.version));
            if let Some(named) = named.iter_mut().find(|named| named.id == gone.id) {
                named.version = gone.version;
            }
            events.push(self.deletion(name, gone).and_then(|record| self.event(record)));
        }
        match events.into_iter().collect::<Result<Vec<Bytes>, Refusal>>() {
            Ok(events) => plan.events.extend(events.into_iter().map(|event| (file, event))),
            Err(refusal) => return Ok(refused(refusal)),
        }
        plan.states.insert(slot, State { stamp: name.stamp, revision, content: hash, records: named });
        let kept = kept.filter(|_| !withdraws);
        Ok(kept.map_or((Outcome::Taken, None), |kept| (Outcome::Partly, Some(kept))))
    }

    /// Allergies may be stated by a patient's demographics and by their allergies. One that the other still states must not
    /// go because this one leaves it out.
    fn stated_elsewhere(&self, name: &FileName, plan: &Plan) -> Result<HashSet<RecordId>, CursorError> {
        let other = match &name.data {
            DataType::Standard(Kind::Adt00) => Kind::Adt61,
            DataType::Standard(Kind::Adt61) => Kind::Adt00,
            _ => return Ok(HashSet::new()),
        };
        let slot = Slot::of(&FileName { data: DataType::Standard(other), ..name.clone() });
        let state = match plan.states.get(&slot) {
            Some(state) => Some(state.clone()),
            None => self.cursor.state(&slot)?,
        };
        let stated = state.filter(State::is_stated).map(|state| state.records).unwrap_or_default();
        Ok(stated.into_iter().map(|stated| stated.id).collect())
    }

    fn deletion(&self, name: &FileName, gone: Stated) -> Result<Record, Refusal> {
        let Stated { id, category, version } = gone;
        let patient = PatientRef::new(self.facility.clone(), name.patient.clone());
        let author = Author { member: None, role: Role::System };
        let (at, labels, department) = (name.stamp, Labels::NONE, name.department.clone());
        let change = ChangeKind::Delete;
        Record::new(patient, id, version, category, at, at, labels, department, author, change, None)
            .map_err(|error| Refusal::new(RefusalReason::Invalid, "record", error.to_string()))
    }

    fn event(&self, record: Record) -> Result<Bytes, Refusal> {
        let id = EventId::parse(&format!("{}/{}", record.id.as_str(), record.version.get()))
            .map_err(|error| Refusal::new(RefusalReason::Invalid, "event.id", error.to_string()))?;
        let key = EventKey { source: self.facility.clone(), id };
        // The door stamps it anew.
        let event = Event { key, admitted_at: record.recorded, body: EventBody::Record(Box::new(record)) };
        Ok(wire::write_event(&event))
    }
}

fn stated_of(record: &Record) -> Stated {
    Stated { id: record.id.clone(), category: record.category(), version: record.version }
}

fn next(version: Version) -> Version {
    Version::new(version.get().saturating_add(1)).unwrap_or(version)
}

/// A newer file holds whatever time its message was written at: what it states is above what was last sent of it.
fn supersede(stated: &mut [Record], before: Option<&State>) {
    for record in stated {
        let last = before.and_then(|state| state.records.iter().find(|last| last.id == record.id));
        if let Some(last) = last.filter(|last| last.version > record.version) {
            record.version = next(last.version);
        }
    }
}

/// What a place had stated and does not state any more; of a withdrawal also what the file itself names, for it may have
/// come another way.
fn no_longer_stated(before: Option<&State>, named: &[Stated], withdraws: bool) -> Vec<Stated> {
    let now: HashSet<&RecordId> = named.iter().map(|stated| &stated.id).collect();
    let stood = before.filter(|state| state.is_stated());
    let stood = stood.map(|state| state.records.as_slice()).unwrap_or_default();
    if !withdraws {
        return stood.iter().filter(|stated| !now.contains(&stated.id)).cloned().collect();
    }
    let withdrawn = before.filter(|state| !state.is_stated());
    let known: HashSet<&RecordId> =
        withdrawn.map(|state| state.records.iter().map(|stated| &stated.id).collect()).unwrap_or_default();
    let stood: HashMap<&RecordId, &Stated> = stood.iter().map(|stated| (&stated.id, stated)).collect();
    // Of what the file names and the place had stated, the version last sent counts.
    let named_here = named.iter().filter(|stated| !known.contains(&stated.id));
    let named_here = named_here.map(|stated| stood.get(&stated.id).map_or(stated, |last| last));
    let others = stood.values().filter(|stated| !now.contains(&stated.id)).copied();
    let mut gone: Vec<Stated> = named_here.chain(others).cloned().collect();
    gone.sort_by(|a, b| a.id.cmp(&b.id));
    gone
}
