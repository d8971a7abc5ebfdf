//! Worklists on disk: what was last done with each entry, folded from the ledger's letters.

use super::{Register, RegisterError, share_key};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch};
use ledger::Entry;
use model::{DefinitionName, FacilityId, PatientNumber, PatientRef, What, WorklistAct, WorklistEntry};
use prost::Message as _;
use std::collections::HashMap;
use wire::v1;

/// What was last done with entries.
pub(super) struct Worklists {
    /// facility, 0, cohort, 0, patient number → the last deed
    kept: Keyspace,
}

impl Worklists {
    pub(super) fn open(database: &Database) -> Result<Self, RegisterError> {
        Ok(Self { kept: database.keyspace("worklists", KeyspaceCreateOptions::default)? })
    }

    /// Takes in what the ledger's letters say; whose facilities it is about.
    pub(super) fn take(
        &self,
        batch: &mut OwnedWriteBatch,
        letters: &[Entry],
    ) -> Result<Vec<FacilityId>, RegisterError> {
        let mut rung = Vec::new();
        let mut said_now: HashMap<Vec<u8>, v1::WorklistDeed> = HashMap::new();
        for Entry { position, event } in letters {
            let What::Worklist { entry, act, remark } = &event.what else { continue };
            let Some(member) = event.agent.member.as_ref() else { continue };
            if event.agent.facility != *entry.patient.facility() {
                continue;
            }
            let key = key(entry);
            let last = match said_now.get(&key) {
                Some(last) => Some(last.clone()),
                None => self.read(&key)?,
            };
            // of two who were quick the first in the log stands, on every node
            if !follows(last.as_ref(), *act, member.as_str()) {
                continue;
            }
            let deed = v1::WorklistDeed {
                act: v1::WorklistAct::from(*act).into(),
                member: member.as_str().to_owned(),
                role: v1::Role::from(event.agent.role).into(),
                at_us: event.ended.micros(),
                remark: remark.as_str().to_owned(),
                position: Some((*position).into()),
            };
            batch.insert(&self.kept, key.clone(), deed.encode_to_vec());
            said_now.insert(key, deed);
            rung.push(event.agent.facility.clone());
        }
        Ok(rung)
    }

    fn read(&self, key: &[u8]) -> Result<Option<v1::WorklistDeed>, RegisterError> {
        Ok(self.kept.get(key)?.and_then(|bytes| v1::WorklistDeed::decode(bytes.as_ref()).ok()))
    }
}

/// Whether an act may follow what was last done: nobody takes what another has taken, and only who has taken an entry ends it.
/// Anybody may release one: people fall ill.
pub fn follows(last: Option<&v1::WorklistDeed>, act: WorklistAct, member: &str) -> bool {
    let taken_by = last.filter(|last| last.act() == v1::WorklistAct::Take).map(|last| last.member.as_str());
    match (act, taken_by) {
        (WorklistAct::Take | WorklistAct::Done, Some(by)) => act == WorklistAct::Done && by == member,
        (WorklistAct::Take | WorklistAct::Done, None) | (WorklistAct::Release, Some(_)) => true,
        (WorklistAct::Release, None) => false,
    }
}

impl Register {
    /// What was last done with the entries of a facility's worklist.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn worklist(
        &self,
        facility: &FacilityId,
        cohort: &DefinitionName,
    ) -> Result<HashMap<PatientNumber, v1::WorklistDeed>, RegisterError> {
        let mut prefix = share_key(facility.as_str().as_bytes(), cohort.as_str());
        prefix.push(0);
        let mut found = HashMap::new();
        for guard in self.worklists.kept.prefix(&prefix) {
            let (key, value) = guard.into_inner()?;
            let number = key.strip_prefix(prefix.as_slice()).and_then(|number| std::str::from_utf8(number).ok());
            let number = number.and_then(|number| PatientNumber::parse(number).ok());
            if let (Some(number), Ok(deed)) = (number, v1::WorklistDeed::decode(value.as_ref())) {
                found.insert(number, deed);
            }
        }
        Ok(found)
    }

    /// What was last done with one entry.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn worklist_entry(&self, entry: &WorklistEntry) -> Result<Option<v1::WorklistDeed>, RegisterError> {
        self.worklists.read(&key(entry))
    }
}

fn key(WorklistEntry { cohort, patient }: &WorklistEntry) -> Vec<u8> {
    let mut key = share_key(patient.facility().as_str().as_bytes(), cohort.as_str());
    key.push(0);
    key.extend_from_slice(number(patient).as_bytes());
    key
}

fn number(patient: &PatientRef) -> &str {
    patient.number().as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_what_another_has_and_only_its_taker_ends_it() {
        let last =
            |act: v1::WorklistAct| v1::WorklistDeed { act: act.into(), member: "a".to_owned(), ..Default::default() };
        let taken = last(v1::WorklistAct::Take);
        for (before, act, member, may) in [
            (None, WorklistAct::Take, "a", true),
            (None, WorklistAct::Release, "a", false),
            (None, WorklistAct::Done, "a", true),
            (Some(&taken), WorklistAct::Take, "b", false),
            (Some(&taken), WorklistAct::Take, "a", false),
            (Some(&taken), WorklistAct::Done, "b", false),
            (Some(&taken), WorklistAct::Done, "a", true),
            (Some(&taken), WorklistAct::Release, "b", true),
            (Some(&last(v1::WorklistAct::Done)), WorklistAct::Take, "b", true),
            (Some(&last(v1::WorklistAct::Release)), WorklistAct::Take, "b", true),
            (Some(&last(v1::WorklistAct::Done)), WorklistAct::Release, "a", false),
        ] {
            assert_eq!(follows(before, act, member), may, "{act:?} {member}");
        }
    }
}
