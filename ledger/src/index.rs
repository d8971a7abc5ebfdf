//! Where to find a patient's or a viewer's entries: keys for any store that keeps keys in order, so that the index
//! takes no memory here. A key is a subject and an entry's index; a subject's entries are the keys under its prefix.

use crate::entry::Entry;
use model::{FacilityId, MemberId, PatientRef};
use std::collections::BTreeSet;

/// Whom or what entries are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject<'a> {
    /// Of whom something was shown, or whose withdrawal was carried out.
    Patient(&'a PatientRef),
    /// Of whose patients: their entries, patient by patient, so that one may come more than once.
    Source(&'a FacilityId),
    /// For which facility it was seen.
    Facility(&'a FacilityId),
    /// Who saw it.
    Member(&'a MemberId),
}

impl Subject<'_> {
    /// What the keys of this subject's entries begin with.
    pub fn prefix(&self) -> Vec<u8> {
        let (kind, name) = match self {
            Self::Patient(patient) => (b'p', patient.partition_key()),
            // What its patients' keys begin with.
            Self::Source(facility) => (b'p', facility.as_str().as_bytes().to_vec()),
            Self::Facility(facility) => (b'f', facility.as_str().as_bytes().to_vec()),
            Self::Member(member) => (b'm', member.as_str().as_bytes().to_vec()),
        };
        // No identifier holds a zero byte, so no prefix is the beginning of another's.
        let mut prefix = Vec::with_capacity(name.len() + 2);
        prefix.push(kind);
        prefix.extend_from_slice(&name);
        prefix.push(0);
        prefix
    }
    /// The key of one of this subject's entries. A source has none of its own: it has its patients'.
    pub fn key(&self, index: u64) -> Vec<u8> {
        let mut key = self.prefix();
        key.extend_from_slice(&index.to_be_bytes());
        key
    }
}

/// The keys of an entry.
pub fn keys(index: u64, entry: &Entry) -> Vec<Vec<u8>> {
    let agent = &entry.event.agent;
    let mut keys: Vec<Vec<u8>> = entry.event.patients().map(|patient| Subject::Patient(patient).key(index)).collect();
    keys.push(Subject::Facility(&agent.facility).key(index));
    keys.extend(agent.member.as_ref().map(|member| Subject::Member(member).key(index)));
    keys
}

/// The index of the entry that a key leads to; `None` for bytes that are no key.
pub fn index_of(key: &[u8]) -> Option<u64> {
    let (_, index) = key.split_last_chunk::<8>()?;
    Some(u64::from_be_bytes(*index))
}

/// The index in memory, for histories that fit: some 60 bytes for each entry and each patient in it.
#[derive(Clone, Debug, Default)]
pub struct MemoryIndex(BTreeSet<Vec<u8>>);

impl MemoryIndex {
    /// Takes in an entry.
    pub fn insert(&mut self, index: u64, entry: &Entry) {
        self.0.extend(keys(index, entry));
    }
    /// A subject's entries, in order.
    pub fn of(&self, subject: Subject<'_>) -> impl Iterator<Item = u64> + '_ {
        let prefix = subject.prefix();
        let start = prefix.clone();
        self.0.range(start..).take_while(move |key| key.starts_with(&prefix)).filter_map(|key| index_of(key))
    }
}
