//! What became of one source's records at the facilities that receive them: what became visible there, what was read
//! and by how many people, and which corrected records may have been seen there in their old version.
//!
//! Two folds over entries. The caller chooses which: those of a period for [`Publication`], those of the patients
//! concerned for [`Corrections`]. The source's own readings are no consumption and count nowhere.

use crate::entry::Entry;
use crate::recall::Recall;
use model::{Act, ActId, AuditEvent, Counts, FacilityId, MemberId, Moment, PatientRef, Purpose};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Rows of one source at one facility.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Stretch {
    counts: Counts,
    patients: BTreeSet<u32>,
    first: Option<Moment>,
    last: Option<Moment>,
}

/// What one facility was given, and what it read.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Consumed {
    /// Rows that became visible there, read or not. Earlier rows that a later grant opened are not among them.
    pub delivered: Stretch,
    /// Rows that were read there; a row read twice counts twice.
    pub seen: Stretch,
    persons: BTreeSet<MemberId>,
    acts: BTreeSet<ActId>,
    by_system: BTreeSet<ActId>,
    emergency: u64,
}

/// What became of one source's records, facility by facility.
#[derive(Clone, Debug)]
pub struct Publication {
    source: FacilityId,
    patients: HashMap<PatientRef, u32>,
    consumed: BTreeMap<FacilityId, Consumed>,
}

/// Which corrected or deleted records may have been seen where, in the version that no longer stands.
#[derive(Clone, Default, Debug)]
pub struct Corrections {
    recalls: BTreeMap<PatientRef, Vec<(u64, Recall)>>,
    seen: BTreeMap<FacilityId, BTreeSet<u64>>,
}

// === impl Stretch ===

impl Stretch {
    /// Rows per category.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
    /// Of how many patients.
    pub fn patients(&self) -> u64 {
        self.patients.len() as u64
    }
    /// When the first act began; `None` where there was none.
    pub fn first(&self) -> Option<Moment> {
        self.first
    }
    /// When the last act, or its last part, ended.
    pub fn last(&self) -> Option<Moment> {
        self.last
    }
    fn take(&mut self, patient: u32, counts: &Counts, event: &AuditEvent) {
        counts.iter().for_each(|(category, rows)| self.counts.add(category, rows));
        self.patients.insert(patient);
        self.first = Some(self.first.map_or(event.began, |first| first.min(event.began)));
        self.last = self.last.max(Some(event.ended));
    }
}

// === impl Consumed ===

impl Consumed {
    /// By how many people it was read.
    pub fn persons(&self) -> u64 {
        self.persons.len() as u64
    }
    /// In how many acts: statements, feeds, exports.
    pub fn acts(&self) -> u64 {
        self.acts.len() as u64
    }
    /// How many of the acts were a system's, without a person.
    pub fn system_acts(&self) -> u64 {
        self.by_system.len() as u64
    }
    /// How many of the rows that were read were read for the purpose of break-glass.
    pub fn emergency_rows(&self) -> u64 {
        self.emergency
    }
}

// === impl Publication ===

impl Publication {
    /// Nothing yet of this source's records.
    pub fn of(source: FacilityId) -> Self {
        Self { source, patients: HashMap::new(), consumed: BTreeMap::new() }
    }
    /// Takes in an entry; each once.
    pub fn take(&mut self, entry: &Entry) {
        let event = &entry.event;
        let is_read = match event.what.act() {
            Act::Disclosure => false,
            Act::Query | Act::Feed | Act::Export | Act::MachinePull => true,
            Act::Receipt
            | Act::BreakGlass
            | Act::Acknowledgement
            | Act::Delivery
            | Act::Action
            | Act::Worklist
            | Act::Bed => {
                return;
            }
        };
        if event.agent.facility == self.source {
            return;
        }
        for (patient, counts) in event.shown.iter().filter(|(patient, _)| *patient.facility() == self.source) {
            let number = match self.patients.get(patient) {
                Some(number) => *number,
                None => {
                    let number = u32::try_from(self.patients.len()).unwrap_or(u32::MAX);
                    self.patients.insert(patient.clone(), number);
                    number
                }
            };
            if !self.consumed.contains_key(&event.agent.facility) {
                self.consumed.insert(event.agent.facility.clone(), Consumed::default());
            }
            let Some(consumed) = self.consumed.get_mut(&event.agent.facility) else { continue };
            if is_read {
                consumed.seen.take(number, counts, event);
                consumed.acts.insert(event.id);
                match &event.agent.member {
                    Some(member) if !consumed.persons.contains(member) => {
                        consumed.persons.insert(member.clone());
                    }
                    Some(_) => {}
                    None => {
                        consumed.by_system.insert(event.id);
                    }
                }
                if event.purpose == Purpose::BreakGlass {
                    consumed.emergency = consumed.emergency.saturating_add(counts.total());
                }
            } else {
                consumed.delivered.take(number, counts, event);
            }
        }
    }
    /// The facilities that were given or read something, in order.
    pub fn consumers(&self) -> impl Iterator<Item = (&FacilityId, &Consumed)> {
        self.consumed.iter()
    }
    /// What one facility was given and read.
    pub fn at(&self, facility: &FacilityId) -> Option<&Consumed> {
        self.consumed.get(facility)
    }
}

// === impl Corrections ===

impl Corrections {
    /// Asks also who may have seen this version of a record; `record` tells records apart, whatever it counts.
    pub fn ask(&mut self, record: u64, recall: Recall) {
        self.recalls.entry(recall.patient.clone()).or_default().push((record, recall));
    }
    /// The patients whose entries answer.
    pub fn patients(&self) -> impl ExactSizeIterator<Item = &PatientRef> {
        self.recalls.keys()
    }
    /// Takes in an entry, as often as it comes.
    pub fn take(&mut self, index: u64, entry: &Entry) {
        for (patient, _) in entry.event.shown.iter() {
            for (record, recall) in self.recalls.get(patient).into_iter().flatten() {
                if let Some(recalled) = recall.of(index, entry) {
                    self.seen.entry(recalled.agent.facility).or_default().insert(*record);
                }
            }
        }
    }
    /// Of how many records the old version may have been seen at a facility.
    pub fn seen_at(&self, facility: &FacilityId) -> u64 {
        self.seen.get(facility).map_or(0, |records| records.len() as u64)
    }
    /// The facilities where any may have been seen, in order.
    pub fn facilities(&self) -> impl Iterator<Item = &FacilityId> {
        self.seen.keys()
    }
}
