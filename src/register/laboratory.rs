//! Laboratory results that were put right, and who had been shown them; and those that are critical.
//!
//! The pipeline says which records have more than one version (`versions`) and that they are to be looked at (`todo`), in
//! the same act as it makes them visible. What they mean is worked out beside it, from the letters: so it rests on nothing
//! but the log, and comes out the same whenever it is worked out. From the ledger's letters it is known who was shown
//! laboratory results of whom (`shown`); both orders are met: a correction looks back at readings that were taken in before,
//! a reading at corrections.

use super::alerts::{Alerts, Critical};
use super::course::{Arrival, Corrected, Course, in_order};
use super::critical::Alarm;
use super::places::{LookError, Places, event_at, placed, position_of};
use super::shown::{Letters, Stretch, viewers, was_shown};
use super::sites::Stated;
use super::{RegisterError, Told, share_key};
use event_log::EventLog;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch};
use ledger::{Cause, Entry, Recall};
use model::{
    Act, Body, Category, Event, FacilityId, Frontier, MemberId, Moment, NoticeId, NoticeKind, PartitionId, PatientRef,
    Position, Record, RecordRef,
};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use wire::v1;

/// So many letters that are to be looked at are taken at once.
const ROUND: usize = 256;

/// That a laboratory record came which is not the only version of it, or may be critical.
#[derive(Clone, PartialEq, Eq)]
pub struct Noted {
    /// Where it lies.
    pub position: Position,
    /// Which record.
    pub record: RecordRef,
    /// Where another version of it lies, if one was known.
    pub other: Option<Position>,
}

impl fmt::Debug for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Noted").field("position", &self.position).field("other", &self.other).finish_non_exhaustive()
    }
}

/// What is known of laboratory records, on disk.
pub(super) struct Laboratory {
    /// source, 0, record id, 0, position → nothing
    versions: Keyspace,
    /// position → source, 0, record id
    todo: Keyspace,
    /// patient ref, 0, position of the correction → [`CorrectionEntry`]
    pub(super) corrections: Keyspace,
    /// patient ref, 0, position of the ledger's letter → nothing
    shown: Keyspace,
    bell: Notify,
    published: watch::Sender<Frontier>,
}

/// A correction as it lies on disk.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct CorrectionEntry {
    /// The event of the last version that said the old value.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) old: Vec<u8>,
    /// The versions that said it.
    #[prost(message, repeated, tag = "2")]
    run: Vec<v1::Position>,
    #[prost(sfixed64, tag = "3")]
    pub(super) corrected_us: i64,
    #[prost(string, tag = "4")]
    pub(super) change: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) told: Vec<ToldEntry>,
}

/// Somebody who is told.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ToldEntry {
    #[prost(string, tag = "1")]
    pub(super) facility: String,
    #[prost(string, tag = "2")]
    pub(super) member: String,
    #[prost(sfixed64, tag = "3")]
    pub(super) raised_us: i64,
}

impl ToldEntry {
    /// The person; `None` within where it was a facility's system, and nothing where it cannot be read.
    pub(super) fn member(&self) -> Option<Option<MemberId>> {
        if self.member.is_empty() { Some(None) } else { MemberId::parse(&self.member).ok().map(Some) }
    }
}

impl fmt::Debug for CorrectionEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CorrectionEntry(******)")
    }
}

impl CorrectionEntry {
    /// The last version that said the old value.
    pub(super) fn old(&self) -> Option<Record> {
        record_of(super::entry::event_of(&self.old)?)
    }
}

/// A correction with its key's parts.
#[derive(Debug, Clone)]
struct Correction {
    patient: PatientRef,
    cause: Position,
    entry: CorrectionEntry,
}

impl Correction {
    fn key(&self) -> Vec<u8> {
        placed(&self.patient.partition_key(), self.cause)
    }
    /// Whoever saw it while the old value was the one shown.
    fn recall(&self) -> Option<Recall> {
        let from = (*self.entry.run.first()?).into();
        let (patient, until) = (self.patient.clone(), self.cause);
        Some(Recall::record(Cause::Corrected, patient, Category::Laboratory, (from, until)))
    }
    /// Tells the agent of a reading, once. Readings come in the order of the ledger, so that the first one counts.
    fn tell(&mut self, reading: &Entry) -> Option<Told> {
        let (agent, ended) = (&reading.event.agent, reading.event.ended);
        let member = agent.member.as_ref().map(MemberId::as_str).unwrap_or_default();
        let told = &mut self.entry.told;
        if told.iter().any(|told| told.facility == agent.facility.as_str() && told.member == member) {
            return None;
        }
        let raised = Moment::from_micros(self.entry.corrected_us).map_or(ended, |corrected| corrected.max(ended));
        let facility = agent.facility.as_str().to_owned();
        told.push(ToldEntry { facility, member: member.to_owned(), raised_us: raised.micros() });
        let id = NoticeId {
            kind: NoticeKind::ResultCorrected,
            cause: self.cause,
            facility: agent.facility.clone(),
            member: agent.member.clone(),
        };
        let record = self.entry.old()?;
        let mut told = Told::new(id, raised, Some(&self.patient), record.id.as_str());
        told.notice.source = self.patient.facility().as_str().to_owned();
        told.notice.seen_by = Some(reading.position.into());
        Some(told)
    }
}

/// What a look found, to be written in one act.
#[derive(Debug, Default)]
pub(super) struct Found {
    corrections: BTreeMap<Vec<u8>, Correction>,
    /// Critical results, and those that are so no more.
    pub(super) criticals: Vec<Critical>,
    /// Whom to tell what.
    pub(super) told: Vec<Told>,
    /// What need not be looked at again.
    done: Vec<Position>,
}

// === impl Laboratory ===

impl Laboratory {
    pub(super) fn open(database: &Database) -> Result<Self, RegisterError> {
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self {
            versions: keyspace("laboratory-versions")?,
            todo: keyspace("laboratory-todo")?,
            corrections: keyspace("corrections")?,
            shown: keyspace("laboratory-shown")?,
            bell: Notify::new(),
            published: watch::Sender::new(Frontier::start()),
        })
    }

    /// Remembers versions, and that they are to be looked at.
    pub(super) fn note(&self, batch: &mut OwnedWriteBatch, noted: &[Noted]) {
        for Noted { position, record, other } in noted {
            let key = share_key(record.source.as_str().as_bytes(), record.id.as_str());
            for version in [Some(*position), *other].into_iter().flatten() {
                batch.insert(&self.versions, placed(&key, version), "");
            }
            batch.insert(&self.todo, super::places::position_bytes(*position), key);
        }
    }
    /// Says that something was noted.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }
    /// Until something was noted.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }
    pub(super) fn publish(&self, frontier: &Frontier) {
        self.published.send_if_modified(|published| {
            let moved = published != frontier;
            if moved {
                published.clone_from(frontier);
            }
            moved
        });
    }
    /// Waits until the pipeline has come as far as the log reaches now: whatever decides about what was read by now is known
    /// then.
    pub(super) async fn caught_up(&self, log: &Arc<dyn EventLog>) -> Result<(), LookError> {
        let end = log.end().await?;
        // The sender lives as long as this does.
        let _ = self.published.subscribe().wait_for(|published| published.covers(&end)).await;
        Ok(())
    }

    /// Where in each partition something is still to be looked at.
    pub(super) fn behind(&self, partition: PartitionId) -> Result<Option<Position>, RegisterError> {
        let from = Position { partition, offset: model::Offset(0) };
        let to = Position { partition, offset: model::Offset(u64::MAX) };
        let [from, to] = [from, to].map(super::places::position_bytes);
        self.todo.range(from..=to).next().map(|guard| Ok(position_of(&guard.key()?))).transpose().map(Option::flatten)
    }

    /// What is to be looked at, by record.
    fn todo(&self) -> Result<BTreeMap<Vec<u8>, Vec<Position>>, RegisterError> {
        let mut todo: BTreeMap<Vec<u8>, Vec<Position>> = BTreeMap::new();
        for guard in self.todo.iter().take(ROUND) {
            let (key, record) = guard.into_inner()?;
            todo.entry(record.to_vec()).or_default().extend(position_of(&key));
        }
        Ok(todo)
    }
    pub(super) fn has_todo(&self) -> Result<bool, RegisterError> {
        Ok(!self.todo.is_empty()?)
    }

    /// All versions of a record, in the order in which they came.
    async fn arrivals(
        &self,
        log: &Arc<dyn EventLog>,
        sites: &Stated,
        record: &[u8],
    ) -> Result<Vec<Arrival>, LookError> {
        let mut positions = Vec::new();
        for guard in self.versions.prefix(share_key(record, "")) {
            positions.extend(position_of(&guard.key()?));
        }
        let mut arrivals = Vec::with_capacity(positions.len());
        for position in positions {
            let Some(event) = event_at(log, position).await? else { continue };
            let admitted = event.admitted_at;
            let Some(record) = record_of(event) else { continue };
            let alarm = Alarm::of(&record, admitted, &sites.at(record.patient.facility(), admitted));
            arrivals.push(Arrival { position, admitted, record, alarm });
        }
        Ok(in_order(arrivals, |arrival| (arrival.position, arrival.admitted)))
    }

    // --- corrections ---

    /// Looks at what was noted: which corrections there were, and who had been shown what they put right, by the ledger's
    /// letters taken in so far; and what is critical, in whose view.
    pub(super) async fn look(
        &self,
        log: &Arc<dyn EventLog>,
        places: &Places,
        alerts: &Alerts,
        sites: &Stated,
    ) -> Result<Found, LookError> {
        let mut found = Found::default();
        for (record, positions) in self.todo()? {
            let arrivals = self.arrivals(log, sites, &record).await?;
            let Course { corrected, critical } = Course::of(&arrivals);
            for one in critical {
                let withdrawn = one.withdrawn.and_then(|at| arrivals.get(at)).map(|by| by.admitted);
                let Some(by) = arrivals.get(one.by) else { continue };
                found.criticals.extend(critical_at(by, withdrawn));
            }
            for corrected in corrected {
                let Some(mut correction) = correction(&arrivals, &corrected) else { continue };
                let known = self.correction(&correction.key())?;
                if known.as_ref().is_some_and(|known| known.run == correction.entry.run) {
                    continue;
                }
                correction.entry.told = known.map(|known| known.told).unwrap_or_default();
                let told = self.look_back(log, places, &mut correction).await?;
                found.told.extend(told);
                found.corrections.insert(correction.key(), correction);
            }
            found.done.extend(positions);
        }
        let detected = std::mem::take(&mut found.criticals);
        for mut critical in detected {
            match alerts.find(&critical.patient, critical.cause)? {
                Some(known) => {
                    critical.entry.facilities = known.entry.facilities.clone();
                    if critical.entry != known.entry {
                        found.criticals.push(critical);
                    }
                }
                None => {
                    let letters = places.letters_of(log, &critical.patient).await?;
                    critical.see(|place, record| viewers(&letters, place, record));
                    found.told.extend(critical.notices());
                    found.criticals.push(critical);
                }
            }
        }
        Ok(found)
    }

    /// Who was shown what a correction put right, by the letters of the ledger that were taken in before it.
    async fn look_back(
        &self,
        log: &Arc<dyn EventLog>,
        places: &Places,
        correction: &mut Correction,
    ) -> Result<Vec<Told>, LookError> {
        let mut readings = Vec::new();
        for guard in self.shown.prefix(share_key(&correction.patient.partition_key(), "")) {
            let Some(position) = position_of(&guard.key()?) else { continue };
            let event = event_at(log, position).await?;
            readings.extend(event.and_then(|event| Entry::of(position, &event)));
        }
        self.tell(log, places, correction, &readings.iter().collect::<Vec<_>>()).await
    }

    /// Tells the agents of those readings that can have shown what the correction put right.
    async fn tell(
        &self,
        log: &Arc<dyn EventLog>,
        places: &Places,
        correction: &mut Correction,
        readings: &[&Entry],
    ) -> Result<Vec<Told>, LookError> {
        let Some(recall) = correction.recall() else { return Ok(Vec::new()) };
        let readings: Vec<&&Entry> = readings.iter().filter(|entry| recall.of(0, entry).is_some()).collect();
        if readings.is_empty() {
            return Ok(Vec::new());
        }
        let mut versions = Vec::new();
        for position in correction.entry.run.iter().copied().map(Position::from) {
            let Some(event) = event_at(log, position).await? else { continue };
            let admitted = event.admitted_at;
            versions.extend(record_of(event).map(|record| (position, admitted, record)));
        }
        let admitted = event_at(log, correction.cause).await?.map(|event| event.admitted_at);
        let Some(admitted) = admitted else { return Ok(Vec::new()) };
        let stretch = Stretch { versions, until: (correction.cause, admitted) };
        let letters = places.letters_of(log, &correction.patient).await?;
        let letters: &Letters = &letters;
        let shown = readings.into_iter().filter(|entry| was_shown(letters, &stretch, &entry.event));
        Ok(shown.filter_map(|entry| correction.tell(entry)).collect())
    }

    /// Takes in letters of the ledger: remembers who was shown laboratory results of whom.
    pub(super) fn remember(&self, batch: &mut OwnedWriteBatch, entries: &[Entry]) {
        for entry in entries {
            for patient in readers_patients(entry) {
                batch.insert(&self.shown, placed(&patient.partition_key(), entry.position), "");
            }
        }
    }
    /// The corrections that these letters of the ledger may be about, and the letters.
    pub(super) fn concerned<'a>(&self, entries: &'a [Entry]) -> Result<Concerned<'a>, RegisterError> {
        let mut concerned = Concerned::default();
        if self.corrections.is_empty()? {
            return Ok(concerned);
        }
        for entry in entries {
            for patient in readers_patients(entry) {
                for guard in self.corrections.prefix(share_key(&patient.partition_key(), "")) {
                    let (key, bytes) = guard.into_inner()?;
                    let (Some(cause), Ok(correction)) = (position_of(&key), CorrectionEntry::decode(bytes.as_ref()))
                    else {
                        continue;
                    };
                    let correction = Correction { patient: patient.clone(), cause, entry: correction };
                    if correction.recall().is_some_and(|recall| recall.of(0, entry).is_some()) {
                        let known = concerned.0.entry(key.to_vec()).or_insert_with(|| (correction, Vec::new()));
                        known.1.push(entry);
                    }
                }
            }
        }
        Ok(concerned)
    }
    /// Whom of them to tell.
    pub(super) async fn tell_concerned(
        &self,
        log: &Arc<dyn EventLog>,
        places: &Places,
        concerned: Concerned<'_>,
    ) -> Result<Found, LookError> {
        let mut found = Found::default();
        for (key, (mut correction, readings)) in concerned.0 {
            found.told.extend(self.tell(log, places, &mut correction, &readings).await?);
            found.corrections.insert(key, correction);
        }
        Ok(found)
    }

    /// Writes what was found, besides the notices.
    pub(super) fn keep(&self, batch: &mut OwnedWriteBatch, found: &Found) {
        for (key, correction) in &found.corrections {
            batch.insert(&self.corrections, key.as_slice(), correction.entry.encode_to_vec());
        }
        for position in &found.done {
            batch.remove(&self.todo, super::places::position_bytes(*position));
        }
    }

    fn correction(&self, key: &[u8]) -> Result<Option<CorrectionEntry>, RegisterError> {
        let bytes = self.corrections.get(key)?;
        Ok(bytes.and_then(|bytes| CorrectionEntry::decode(bytes.as_ref()).ok()))
    }
    /// The version that a correction of this patient put right.
    pub(super) fn corrected(&self, patient: &PatientRef, cause: Position) -> Result<Option<Record>, RegisterError> {
        let entry = self.correction(&placed(&patient.partition_key(), cause))?;
        Ok(entry.and_then(|entry| entry.old()))
    }
    /// A publisher's corrections that somebody else is told of.
    pub(super) fn corrections_of(
        &self,
        source: &FacilityId,
    ) -> Result<Vec<(Position, CorrectionEntry)>, RegisterError> {
        let mut found = Vec::new();
        for guard in self.corrections.prefix(share_key(source.as_str().as_bytes(), "")) {
            let (key, bytes) = guard.into_inner()?;
            let (Some(cause), Ok(entry)) = (position_of(&key), CorrectionEntry::decode(bytes.as_ref())) else {
                continue;
            };
            if !entry.told.is_empty() {
                found.push((cause, entry));
            }
        }
        Ok(found)
    }
}

/// Corrections by their keys, each with the readings that may have shown what it put right.
#[derive(Debug, Default)]
pub(super) struct Concerned<'a>(BTreeMap<Vec<u8>, (Correction, Vec<&'a Entry>)>);

impl Concerned<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The patients of other facilities whose laboratory results an entry shows.
fn readers_patients(entry: &Entry) -> BTreeSet<&PatientRef> {
    let event = &entry.event;
    let is_reading = !matches!(event.what.act(), Act::Disclosure | Act::Receipt);
    let shown = event.shown.iter().filter(|(patient, counts)| {
        is_reading && counts.of(Category::Laboratory) > 0 && event.agent.facility != *patient.facility()
    });
    shown.map(|(patient, _)| patient).collect()
}

fn correction(arrivals: &[Arrival], corrected: &Corrected) -> Option<Correction> {
    let (old, by) = (arrivals.get(*corrected.run.last()?)?, arrivals.get(corrected.by)?);
    let run = corrected.run.iter().filter_map(|at| arrivals.get(*at)).map(|version| version.position.into());
    Some(Correction {
        patient: old.record.patient.clone(),
        cause: by.position,
        entry: CorrectionEntry {
            old: event_of(old)?,
            run: run.collect(),
            corrected_us: by.admitted.micros(),
            change: corrected.change.code().to_owned(),
            told: Vec::new(),
        },
    })
}

/// A version that raises an alarm, until the one that said otherwise.
fn critical_at(by: &Arrival, withdrawn: Option<Moment>) -> Option<Critical> {
    let mut critical = Critical::of(by.position, (by.admitted, &by.record, event_of(by)?), by.alarm?);
    critical.entry.withdrawn_us = withdrawn.map(Moment::micros);
    Some(critical)
}

/// The event of a version, in the bytes of the wire.
fn event_of(version: &Arrival) -> Option<Vec<u8>> {
    let record = version.record.clone();
    let key = model::EventKey { source: record.patient.facility().clone(), id: model::EventId::parse("v").ok()? };
    let event = Event { key, admitted_at: version.admitted, body: Body::Record(Box::new(record)) };
    Some(super::entry::event_bytes(&event))
}

/// The laboratory record that an event is.
pub(super) fn record_of(event: Event) -> Option<Record> {
    match event.body {
        Body::Record(record) if record.category() == Category::Laboratory => Some(*record),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
