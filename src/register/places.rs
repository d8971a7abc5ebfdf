//! Where in the log lies what decides about one patient: so that a book as of an earlier time can be made for them alone,
//! without the hundreds of thousands of letters about others.

use super::{RegisterError, share_key};
use crate::pipeline::read_letter;
use event_log::{EventLog, ReadError, ReadLimit, Stored};
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use model::{
    Body, ConsentChange, DirectoryChange, Event, LinkChange, LinkId, Offset, PartitionId, PatientRef, Position,
};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long the log is waited for; what is asked for is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why something could not be looked up.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error("the log cannot be read: {0}")]
    Log(#[from] ReadError),
}

impl From<fjall::Error> for LookError {
    fn from(error: fjall::Error) -> Self {
        Self::Register(error.into())
    }
}

/// The letters that decide, by whom they are about.
pub(super) struct Places {
    /// subject, 0, position → nothing
    kept: Keyspace,
    /// The directory's letters, as far as they were read: everybody's.
    directory: Mutex<Vec<(Position, Arc<Event>)>>,
}

/// The first byte of a subject.
const CONSENT: u8 = b'c';
const LINK: u8 = b'l';
const UNLINK: u8 = b'u';
const DIRECTORY: u8 = b'd';

impl Places {
    pub(super) fn open(database: &Database) -> Result<Self, RegisterError> {
        let kept = database.keyspace("places", KeyspaceCreateOptions::default)?;
        Ok(Self { kept, directory: Mutex::default() })
    }

    /// Remembers where a letter lies.
    pub(super) fn note(&self, position: Position, event: &Event) -> Result<(), RegisterError> {
        let subjects = match &event.body {
            Body::Consent(change) => vec![of_patient(CONSENT, consented(change))],
            Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))) => {
                vec![of_patient(LINK, &link.a), of_patient(LINK, &link.b)]
            }
            Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink))) => vec![of_unlink(&unlink.id)],
            Body::Directory(_) => vec![vec![DIRECTORY]],
            Body::Record(_) | Body::Referral(_) | Body::Audit(_) => return Ok(()),
        };
        for subject in subjects {
            let key = placed(&subject, position);
            // Read again at every start: most of it is there.
            if !self.kept.contains_key(&key)? {
                self.kept.insert(key, "")?;
            }
        }
        Ok(())
    }

    /// The positions under a subject, from one on.
    fn of(&self, subject: &[u8], from: Position) -> Result<Vec<Position>, RegisterError> {
        let end = placed(subject, Position { partition: PartitionId(u32::MAX), offset: Offset(u64::MAX) });
        let mut found = Vec::new();
        for guard in self.kept.range(placed(subject, from)..=end) {
            found.extend(position_of(&guard.key()?));
        }
        Ok(found)
    }

    /// Every letter that may decide who is shown what of this patient: their consents, the links that join them to others,
    /// and the directory. One that cannot be read permits nothing.
    pub(super) async fn letters_of(
        &self,
        log: &Arc<dyn EventLog>,
        patient: &PatientRef,
    ) -> Result<Vec<(Position, Arc<Event>)>, LookError> {
        let start = Position::new(0, 0);
        let mut letters = self.directory(log).await?;
        for position in self.of(&of_patient(CONSENT, patient), start)? {
            letters.extend(event_at(log, position).await?.map(|event| (position, Arc::new(event))));
        }
        let (mut refs, mut at, mut links) = (vec![patient.clone()], 0, BTreeSet::new());
        while let Some(subject) = refs.get(at).map(|known| of_patient(LINK, known)) {
            at += 1;
            for position in self.of(&subject, start)? {
                if !links.insert(position) {
                    continue;
                }
                let Some(event) = event_at(log, position).await? else { continue };
                if let Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))) = &event.body {
                    for end in [&link.a, &link.b] {
                        if !refs.contains(end) {
                            refs.push(end.clone());
                        }
                    }
                    for unlinked in self.of(&of_unlink(&link.id), start)? {
                        if links.insert(unlinked) {
                            letters.extend(event_at(log, unlinked).await?.map(|event| (unlinked, Arc::new(event))));
                        }
                    }
                }
                letters.push((position, Arc::new(event)));
            }
        }
        Ok(letters)
    }

    /// The directory's letters; those that came since it was last asked are read now.
    async fn directory(&self, log: &Arc<dyn EventLog>) -> Result<Vec<(Position, Arc<Event>)>, LookError> {
        let mut letters = self.directory.lock().clone();
        let from =
            letters.last().map_or(Position::new(0, 0), |(last, _)| Position { offset: last.offset.next(), ..*last });
        let known = letters.len();
        for position in self.of(&[DIRECTORY], from)? {
            letters.extend(event_at(log, position).await?.map(|event| (position, Arc::new(event))));
        }
        if letters.len() > known {
            self.directory.lock().clone_from(&letters);
        }
        Ok(letters)
    }
}

/// One letter of the log; `None` where it cannot be read, or is no longer there.
pub(super) async fn event_at(log: &Arc<dyn EventLog>, position: Position) -> Result<Option<Event>, LookError> {
    let one = ReadLimit { letters: 1, bytes: 1 };
    match log.read(position.partition, position.offset, one, PATIENCE).await {
        Ok(read) => {
            let found: Option<Stored> = read.into_iter().find(|stored| stored.position == position);
            Ok(found.and_then(|stored| read_letter(stored.letter.payload).ok()))
        }
        Err(ReadError::OutOfRange { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn consented(change: &ConsentChange) -> &PatientRef {
    change.patient()
}

fn of_patient(kind: u8, patient: &PatientRef) -> Vec<u8> {
    let mut subject = vec![kind];
    subject.extend(patient.partition_key());
    subject
}

fn of_unlink(id: &LinkId) -> Vec<u8> {
    let mut subject = vec![UNLINK];
    subject.extend_from_slice(id.as_str().as_bytes());
    subject
}

/// `subject`, 0, the position's bytes, which sort as positions do.
pub(super) fn placed(subject: &[u8], position: Position) -> Vec<u8> {
    let mut key = share_key(subject, "");
    key.extend_from_slice(&position_bytes(position));
    key
}

pub(super) fn position_bytes(position: Position) -> [u8; 12] {
    let mut bytes = [0; 12];
    let (partition, offset) = bytes.split_at_mut(4);
    partition.copy_from_slice(&position.partition.0.to_be_bytes());
    offset.copy_from_slice(&position.offset.0.to_be_bytes());
    bytes
}

/// The position that a key ends with.
pub(super) fn position_of(key: &[u8]) -> Option<Position> {
    let (rest, offset) = key.split_last_chunk::<8>()?;
    let (_, partition) = rest.split_last_chunk::<4>()?;
    Some(Position::new(u32::from_be_bytes(*partition), u64::from_be_bytes(*offset)))
}
