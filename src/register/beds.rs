//! What people did at beds, folded from the ledger's letters: who knows of which alarm, what was written beside the traces, and
//! the receipts of watches that went over.
//!
//! The letters are kept by bed; what they come to is worked out when it is asked for, and held until another comes.

use super::{Register, RegisterError};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch};
use ledger::Entry;
use model::{AuditEvent, BedDeed, BedHandover, BedPlace, MemberId, PatientRef, ReferralId, What};
use parking_lot::RwLock;
use prost::Message as _;
use query::beds::{BedId, Chart, Charts, Known, Note, Place};
use std::collections::HashMap;
use std::sync::Arc;
use wire::v1;

/// So many charts are held at once; the next empties the shelf.
const HELD: usize = 10_000;
/// So many acknowledgements of one bed are looked at, the newest.
const LOOKED_AT: usize = 500;

/// What people did at beds, on disk.
pub(super) struct Beds {
    /// length and key of the patient, length and name of the session, place in the log → the letter
    kept: Keyspace,
    charts: RwLock<HashMap<BedId, Arc<Chart>>>,
}

impl Beds {
    pub(super) fn open(database: &Database) -> Result<Self, RegisterError> {
        Ok(Self { kept: database.keyspace("beds", KeyspaceCreateOptions::default)?, charts: RwLock::default() })
    }

    /// Takes in what the ledger's letters say; at which beds.
    pub(super) fn take(&self, batch: &mut OwnedWriteBatch, letters: &[Entry]) -> Vec<BedId> {
        let mut changed = Vec::new();
        for Entry { position, event } in letters {
            let What::Bed { bed, .. } = &event.what else { continue };
            let mut key = key(&bed.patient);
            key.extend_from_slice(&sized(bed.session.as_bytes()));
            key.extend_from_slice(&position.partition.0.to_be_bytes());
            key.extend_from_slice(&position.offset.0.to_be_bytes());
            batch.insert(&self.kept, key, v1::AuditEvent::from(event).encode_to_vec());
            changed.push(BedId::of(&place(bed)));
        }
        changed
    }

    /// What was held of these beds does not hold any more.
    pub(super) fn changed(&self, beds: &[BedId]) {
        if !beds.is_empty() {
            let mut charts = self.charts.write();
            beds.iter().for_each(|bed| drop(charts.remove(bed)));
        }
    }

    fn letters(&self, prefix: &[u8]) -> Result<Vec<AuditEvent>, RegisterError> {
        let mut found = Vec::new();
        for guard in self.kept.prefix(prefix) {
            let bytes = guard.value()?;
            let event = v1::AuditEvent::decode(bytes.as_ref()).ok().and_then(|event| AuditEvent::try_from(event).ok());
            found.extend(event);
        }
        Ok(found)
    }

    fn chart(&self, place: &Place) -> Result<Arc<Chart>, RegisterError> {
        let bed = BedId::of(place);
        if let Some(chart) = self.charts.read().get(&bed) {
            return Ok(Arc::clone(chart));
        }
        // Read and put on the shelf in one hold: what comes meanwhile is taken off after it.
        let mut charts = self.charts.write();
        let mut prefix = key(&place.patient);
        prefix.extend_from_slice(&sized(place.session.as_bytes()));
        let chart = Arc::new(fold(&self.letters(&prefix)?));
        if charts.len() >= HELD {
            charts.clear();
        }
        charts.insert(bed, Arc::clone(&chart));
        Ok(chart)
    }
}

/// What letters of one bed come to, in the order of the log.
fn fold(letters: &[AuditEvent]) -> Chart {
    let mut chart = Chart::default();
    for event in letters {
        let (What::Bed { deed, .. }, Some(member)) = (&event.what, &event.agent.member) else { continue };
        let facility = &event.agent.facility;
        let own = |note: &Note| note.facility == *facility && note.member == *member;
        match deed {
            BedDeed::Acknowledged { alarm } => {
                let (facility, member) = (facility.clone(), member.clone());
                chart.known.push(Known { facility, member, alarm: *alarm, at: event.ended });
            }
            BedDeed::Noted { at, text, replaces } => {
                let written = |member: &MemberId, corrected| Note {
                    id: event.id,
                    at: *at,
                    text: text.clone(),
                    facility: facility.clone(),
                    member: member.clone(),
                    written: event.ended,
                    corrected,
                };
                match replaces {
                    None => chart.notes.push(written(member, false)),
                    Some(old) => {
                        // only what stands is put right, and by who wrote it
                        if let Some(note) = chart.notes.iter_mut().find(|note| note.id == *old && own(note)) {
                            *note = written(member, true);
                        }
                    }
                }
            }
            BedDeed::NoteTaken { note: old } => chart.notes.retain(|note| note.id != *old || !own(note)),
            BedDeed::HandedOver(_) => {}
        }
    }
    let too_many = chart.known.len().saturating_sub(LOOKED_AT);
    chart.known.drain(..too_many);
    chart.notes.sort_by_key(|note| (note.at, note.written));
    chart
}

fn place(BedPlace { patient, session }: &BedPlace) -> Place {
    Place { patient: patient.clone(), session: session.clone() }
}

fn key(patient: &PatientRef) -> Vec<u8> {
    sized(&patient.partition_key())
}

/// A part of a key and its length, so that no part is the beginning of another.
fn sized(part: &[u8]) -> Vec<u8> {
    let mut key = u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    key.extend_from_slice(part);
    key
}

impl Register {
    /// The receipts of watches that went over with a referral of a patient, in order.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn handovers(&self, patient: &PatientRef, referral: &ReferralId) -> Result<Vec<BedHandover>, RegisterError> {
        let of_it = |event: AuditEvent| match event.what {
            What::Bed { deed: BedDeed::HandedOver(handover), .. } if handover.referral == *referral => {
                Some((event.ended, handover))
            }
            _ => None,
        };
        let mut all: Vec<_> = self.beds.letters(&key(patient))?.into_iter().filter_map(of_it).collect();
        all.sort_by_key(|(at, _)| *at);
        Ok(all.into_iter().map(|(_, handover)| handover).collect())
    }
}

impl Charts for Register {
    fn of(&self, place: &Place) -> Arc<Chart> {
        self.beds.chart(place).unwrap_or_else(|error| {
            tracing::error!(%error, "what people did at beds cannot be read; alarms are shown as nobody's");
            Arc::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::tests::{at, facility, patient};
    use model::{ActId, Agent, AuditOutcome, OwnWords, Position, Purpose, Role, Salt, Shown};
    use query::beds::Risen;

    fn bed(session: &str) -> BedPlace {
        BedPlace { patient: patient("hospital", "7"), session: session.to_owned() }
    }
    fn entry(offset: u64, (facility_id, member): (&str, &str), session: &str, deed: BedDeed) -> Entry {
        let moment = at(i64::try_from(offset).unwrap());
        let agent = Agent {
            facility: facility(facility_id),
            member: Some(MemberId::parse(member).unwrap()),
            role: Role::Midwife,
        };
        let event = AuditEvent {
            id: ActId(u128::from(offset)),
            part: 0,
            agent,
            purpose: Purpose::Treatment,
            what: What::Bed { bed: bed(session), deed },
            began: moment,
            ended: moment,
            outcome: AuditOutcome::Completed,
            shown: Shown::default(),
            salt: Salt::from_bytes([1; 32]),
        };
        Entry { position: Position::new(0, offset), event }
    }
    fn noted(text: &str, replaces: Option<u64>) -> BedDeed {
        let replaces = replaces.map(|note| ActId(u128::from(note)));
        BedDeed::Noted { at: at(0), text: OwnWords::parse(text).unwrap(), replaces }
    }
    fn known(alarm: &str) -> BedDeed {
        BedDeed::Acknowledged { alarm: alarm.parse().unwrap() }
    }
    fn take(register: &Register, letters: &[Entry]) {
        let mut batch = register.database.batch();
        let changed = register.beds.take(&mut batch, letters);
        batch.commit().unwrap();
        register.beds.changed(&changed);
    }

    #[test]
    fn what_people_did_is_there_after_a_restart_and_letters_twice_are_once() {
        let directory = tempfile::tempdir().unwrap();
        let (dr, other) = (("centre", "dr"), ("clinic", "nurse"));
        let letters = [
            entry(1, dr, "s", known("lost/1")),
            entry(2, dr, "s", noted("体位変換", None)),
            entry(3, other, "s", noted("酸素投与", None)),
            entry(4, other, "s", noted("違う人の書き直し", Some(2))),
            entry(5, dr, "s", noted("左側臥位", Some(2))),
            entry(6, dr, "s", BedDeed::NoteTaken { note: ActId(3) }),
            entry(7, dr, "t", noted("別のベッド", None)),
        ];
        let read = |register: &Register| register.of(&place(&bed("s")));
        {
            let register = Register::open(directory.path(), Arc::default()).unwrap();
            assert!(read(&register).notes.is_empty(), "held before anything came");
            take(&register, &letters[..4]);
            take(&register, &letters);
            let chart = read(&register);
            let notes: Vec<_> = chart.notes.iter().map(|note| (note.text.as_str(), note.corrected)).collect();
            assert_eq!(notes, [("酸素投与", false), ("左側臥位", true)], "each by its own author alone");
            assert!(Arc::ptr_eq(&chart, &read(&register)), "nothing was done meanwhile");
            register.sync().unwrap();
        }
        let register = Register::open(directory.path(), Arc::default()).unwrap();
        let chart = read(&register);
        let risen = |since| Risen { alarm: "lost/1".parse().unwrap(), since: at(since) };
        assert_eq!(chart.known.len(), 1);
        assert!(chart.knows(&facility("centre"), &risen(1)).is_some(), "it rose before");
        assert!(chart.knows(&facility("centre"), &risen(2)).is_none(), "it rose anew");
        assert!(chart.knows(&facility("clinic"), &risen(1)).is_none(), "another facility's");
        take(&register, &[entry(8, dr, "s", BedDeed::NoteTaken { note: ActId(5) })]);
        assert_eq!(read(&register).notes.len(), 1);
    }

    #[test]
    fn a_receipt_is_found_by_its_referral() {
        let directory = tempfile::tempdir().unwrap();
        let register = Register::open(directory.path(), Arc::default()).unwrap();
        let handover = |referral: &str| BedHandover {
            referral: ReferralId::parse(referral).unwrap(),
            to: facility("centre"),
            step: model::ReferralStep::Arrived,
            watchers: Vec::new(),
        };
        let over = |at, referral: &str| entry(at, ("centre", "dr"), "s", BedDeed::HandedOver(handover(referral)));
        take(&register, &[over(1, "t-1"), over(2, "t-2")]);
        let found = |of: &str| register.handovers(&bed("s").patient, &ReferralId::parse(of).unwrap()).unwrap();
        assert_eq!((found("t-1"), found("t-3").len()), (vec![handover("t-1")], 0));
    }
}
