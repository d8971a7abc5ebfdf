//! Beds of monitors that speak HL7 alone: their frames name no bed, so that this side opens it with the first frame and closes it.
//!
//! A bed is a patient and the session that the frames name: the place in `PV1-3`, else the device. It is opened by a frame that was
//! just measured, and closed by the patient's discharge (`ADT^A03`) or transfer to another place (`ADT^A02`), or where nothing came
//! for as long as the listener's settings say (half an hour); then it says so and ends with the last sample. A frame measured after
//! that opens another.
//!
//! What is open is kept on disk, so that neither a restart nor a message that is sent again opens a bed twice. Where it is lost,
//! beds that were open stay so until somebody closes them, and their next frame opens another.

mod kept;

use crate::hl7::Left;
use event_log::Clock;
pub use kept::BedsideError;
use kept::{Kept, Shelf};
use model::{
    Author, BedSession, Body, Category, ChangeKind, Event, FacilityId, Labels, Moment, PatientRef, Payload, Record,
    RecordId, Role, Version, Waveform,
};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

/// Usually a bed of which nothing came for so long is closed: as long as a board shows such a bed.
pub(super) const SILENCE: Duration = Duration::from_secs(30 * 60);
/// What was measured so long before now is history and opens no bed, and neither does what is said to be measured so long after: its
/// clock is wrong. In microseconds.
const FAR: i64 = 30 * 60 * 1_000_000;
/// A bed that was closed is remembered for so long: what was measured before it was closed and comes after opens it no more.
const REMEMBERED: i64 = 2 * 3_600 * 1_000_000;
/// More beds than this are not open at a time; further frames are taken, and open none.
const MOST: usize = 4_096;

/// Whose bed, and the session of its frames.
type Key = (PatientRef, String);

/// The beds that this process has opened.
pub struct Bedside {
    beds: Mutex<Beds>,
    shelf: Option<Shelf>,
    clock: Clock,
}

#[derive(Default)]
struct Beds {
    all: HashMap<Key, Kept>,
    /// Those whose newest record is not known to be durable.
    unsaid: HashSet<Key>,
}

/// A state of a bed that was sent: [`Bedside::settled`] when it is durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mark(Key, Version);

/// What is to be sent of beds.
#[derive(Default, Debug)]
pub(super) struct Said {
    pub events: Vec<Event>,
    pub marks: Vec<Mark>,
}

impl std::fmt::Debug for Bedside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bedside").field("beds", &self.beds.lock().all.len()).finish_non_exhaustive()
    }
}

impl Bedside {
    /// Keeps what is open in a directory, which one process has for itself.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn open(directory: &Path, clock: Clock) -> Result<Self, BedsideError> {
        let shelf = Shelf::open(directory)?;
        let all: HashMap<Key, Kept> = shelf.all()?.into_iter().map(|kept| (kept.key(), kept)).collect();
        let unsaid = all.iter().filter(|(_, kept)| !kept.durable).map(|(key, _)| key.clone()).collect();
        Ok(Self { beds: Mutex::new(Beds { all, unsaid }), shelf: Some(shelf), clock })
    }

    /// Keeps it in memory alone.
    pub fn in_memory(clock: Clock) -> Self {
        Self { beds: Mutex::default(), shelf: None, clock }
    }

    /// What a message's events and departures make of beds. What an earlier call gave and was not durable is given again.
    pub(super) fn take(&self, facility: &FacilityId, events: &[Event], left: &[Left]) -> Said {
        let now = (self.clock)();
        let mut beds = self.beds.lock();
        let mut touched = Vec::new();
        for event in events {
            let Body::Record(record) = &event.body else { continue };
            let Some(Payload::Waveform(wave)) = record.payload() else { continue };
            touched.extend(frame(&mut beds.all, record, wave, now));
        }
        for left in left {
            for (key, kept) in beds.all.iter_mut().filter(|(key, _)| key.0 == left.patient) {
                // one that names a device and no place goes where its patient goes
                let stays = left.to.as_ref().is_some_and(|to| *to == key.1 || kept.bed.bed.is_empty());
                if !stays && kept.close(left.at.min(now), if left.to.is_some() { TRANSFER } else { DISCHARGE }, now) {
                    touched.push(key.clone());
                }
            }
        }
        self.write(&mut beds, &touched);
        said(&beds, facility)
    }

    /// Time goes on: a facility's beds of which nothing came for so long are closed.
    pub(super) fn tick(&self, facility: &FacilityId, silence: Duration) -> Said {
        let now = (self.clock)();
        let silence = i64::try_from(silence.as_micros()).unwrap_or(i64::MAX);
        let mut beds = self.beds.lock();
        let mut touched = Vec::new();
        for (key, kept) in beds.all.iter_mut().filter(|(key, _)| key.0.facility() == facility) {
            if now.since(kept.heard) >= silence && kept.close(kept.until, SILENT, now)
                || std::mem::take(&mut kept.newer)
            {
                touched.push(key.clone());
            }
        }
        self.write(&mut beds, &touched);
        let old = |kept: &Kept| kept.bed.closed.is_some() && kept.durable && now.since(kept.heard) >= REMEMBERED;
        let gone: Vec<Key> = beds.all.iter().filter(|(_, kept)| old(kept)).map(|(key, _)| key.clone()).collect();
        for key in gone {
            if let (Some(kept), Some(shelf)) = (beds.all.remove(&key), &self.shelf) {
                noted(shelf.remove(&kept));
            }
        }
        said(&beds, facility)
    }

    /// What was sent is durable.
    pub(super) fn settled(&self, marks: &[Mark]) {
        let mut beds = self.beds.lock();
        let mut touched = Vec::new();
        for Mark(key, version) in marks {
            if let Some(kept) = beds.all.get_mut(key).filter(|kept| kept.record.version == *version) {
                kept.durable = true;
                touched.push(key.clone());
            }
        }
        self.write(&mut beds, &touched);
    }

    /// Beds that change are few: each is written before it is sent.
    fn write(&self, beds: &mut Beds, touched: &[Key]) {
        for key in touched {
            if beds.all.get(key).is_some_and(|kept| kept.durable) {
                beds.unsaid.remove(key);
            } else {
                beds.unsaid.insert(key.clone());
            }
        }
        if let Some(shelf) = &self.shelf
            && !touched.is_empty()
        {
            noted(shelf.put(touched.iter().filter_map(|key| beds.all.get(key))));
        }
    }
}

/// A bed goes on without its note: at worst it is opened once more after a restart.
fn noted(written: Result<(), BedsideError>) {
    if let Err(error) = written {
        tracing::warn!(%error, "which beds are open is not noted");
    }
}

/// Why a bed was closed.
const SILENT: &str = "silent";
const DISCHARGE: &str = "discharge";
const TRANSFER: &str = "transfer";

/// A frame of a bed; the bed, where it is opened or changed.
fn frame(beds: &mut HashMap<Key, Kept>, record: &Record, wave: &Waveform, now: Moment) -> Option<Key> {
    let longest = wave.frames.iter().map(|frame| frame.samples.len()).max().unwrap_or(0);
    let length = (longest as f64 / f64::from(wave.hertz) * 1e6).round();
    if !(0.0..FAR as f64).contains(&length) {
        return None;
    }
    let (from, until) = (record.occurred, record.occurred.plus_micros(length as i64));
    let key = (record.patient.clone(), wave.session.clone());
    if let Some(kept) = beds.get_mut(&key) {
        match kept.bed.closed {
            None => return kept.goes_on((until, now), &wave.device).then_some(key),
            // what was measured before it was closed is of that one
            Some(closed) if from < closed => return None,
            Some(_) => {}
        }
    }
    // what was measured long ago is history, and what is said to be measured long after now has a clock that is wrong
    let open = || beds.values().filter(|kept| kept.bed.closed.is_none()).count();
    if now.since(until).abs() >= FAR || open() >= MOST {
        return None;
    }
    let place = if wave.session == wave.device { String::new() } else { wave.session.clone() };
    let bed = BedSession {
        session: wave.session.clone(),
        bed: place,
        opened: from,
        closed: None,
        closing: String::new(),
        fetuses: Vec::new(),
        devices: Some(wave.device.clone()).filter(|device| !device.is_empty()).into_iter().collect(),
    };
    let record = stated(record, (id(&key, from)?, Version::FIRST), bed.clone(), now)?;
    beds.insert(key.clone(), Kept { record, bed, until, heard: now, durable: false, newer: false });
    Some(key)
}

/// The id of a bed's record: a digest where it would be too long or not ASCII. Its event's id adds the version.
fn id((patient, session): &Key, opened: Moment) -> Option<RecordId> {
    let text = format!("{}/{}/{}", patient.number().as_str(), crate::hl7::key(session), opened.micros());
    let plain = RecordId::parse(&format!("hl7/bed/{text}")).ok().filter(|id| id.as_str().len() <= 100);
    plain.or_else(|| RecordId::parse(&format!("hl7/bed/~{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()))).ok())
}

/// A bed's record, of the patient and the department of another.
fn stated(like: &Record, (id, version): (RecordId, Version), bed: BedSession, now: Moment) -> Option<Record> {
    let author = Author { member: None, role: Role::System };
    let (patient, department) = (like.patient.clone(), like.department.clone());
    let (opened, payload) = (bed.opened, Some(Payload::Bed(bed)));
    let (category, labels, change) = (Category::Waveform, Labels::NONE, ChangeKind::Upsert);
    Record::new(patient, id, version, category, opened, now, labels, department, author, change, payload).ok()
}

/// What of a facility's beds is not durable.
fn said(beds: &Beds, facility: &FacilityId) -> Said {
    let mut said = Said::default();
    let unsaid = beds.unsaid.iter().filter(|key| key.0.facility() == facility);
    for (key, kept) in unsaid.filter_map(|key| Some((key, beds.all.get(key)?))) {
        // its id carries its version: one that is too long was never taken up
        if let Ok(event) = crate::fhir::event(kept.record.clone(), kept.record.recorded) {
            said.events.push(event);
            said.marks.push(Mark(key.clone(), kept.record.version));
        }
    }
    said
}

impl Kept {
    /// Something came of it; `true` where a device is new and the bed is stated anew.
    fn goes_on(&mut self, (until, now): (Moment, Moment), device: &str) -> bool {
        (self.until, self.heard, self.newer) = (self.until.max(until), now, true);
        if device.is_empty() || self.bed.devices.iter().any(|known| known == device) {
            return false;
        }
        let mut bed = self.bed.clone();
        bed.devices.push(device.to_owned());
        self.state(bed, now)
    }

    /// States the bed anew; `false` where that cannot be.
    fn state(&mut self, bed: BedSession, now: Moment) -> bool {
        let version = Version::new(self.record.version.get().saturating_add(1)).unwrap_or(self.record.version);
        let named = (self.record.id.clone(), version);
        let Some(record) = stated(&self.record, named, bed.clone(), now) else { return false };
        (self.record, self.bed, self.durable) = (record, bed, false);
        true
    }

    /// Closes it, not before its last sample; `false` where it is closed, or was opened after.
    fn close(&mut self, at: Moment, why: &str, now: Moment) -> bool {
        let bed = &self.bed;
        if bed.closed.is_some() || at < bed.opened {
            return false;
        }
        let closed = BedSession { closed: Some(at.max(self.until)), closing: why.to_owned(), ..bed.clone() };
        self.state(closed, now)
    }
}

#[cfg(test)]
mod tests;
