//! What was taken of a storage, durably, so that a restart goes on where it stood.
//!
//! It is written *after* the door has acknowledged. What is lost of it in a crash is read again and makes the same
//! events, which the door knows; it is therefore brought to disk now and then and not for each file.

use super::slot::{Slot, State, Stated};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use model::{Moment, RecordId, Version};
use prost::Message;
use std::path::Path;

/// The cursor could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record of what was taken from the storage failed: {reason}")]
pub struct CursorError {
    reason: String,
}

impl CursorError {
    fn new(reason: impl ToString) -> Self {
        Self { reason: reason.to_string() }
    }
}

impl From<fjall::Error> for CursorError {
    fn from(error: fjall::Error) -> Self {
        Self::new(error)
    }
}

/// What became of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Outcome {
    /// Its records are in, or were taken back.
    Taken = 0,
    /// It is of a kind that is only counted.
    Counted = 1,
    /// It was refused and is in quarantine.
    Refused = 2,
    /// A newer file of its place has come before.
    Late = 3,
    /// Its records are in, and it is in quarantine for what was not understood of it.
    Partly = 4,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Taken, Self::Counted, Self::Refused, Self::Late, Self::Partly];
    /// `taken`, `counted`, `refused`, `late` or `partly`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Counted => "counted",
            Self::Refused => "refused",
            Self::Late => "late",
            Self::Partly => "partly",
        }
    }
}

/// By what a file is known to be unchanged without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Print {
    /// When it was last written, in microseconds since 1970.
    pub modified_us: i64,
    /// Its length in bytes.
    pub size: u64,
}

/// A file that was dealt with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// What it looked like.
    pub print: Print,
    /// XXH3-128 of its bytes.
    pub hash: u128,
    /// What became of it.
    pub outcome: Outcome,
}

const SEEN_LENGTH: usize = 33;

impl Seen {
    fn to_bytes(self) -> [u8; SEEN_LENGTH] {
        let mut bytes = [0; SEEN_LENGTH];
        let fields = self
            .print
            .modified_us
            .to_be_bytes()
            .into_iter()
            .chain(self.print.size.to_be_bytes())
            .chain(self.hash.to_be_bytes())
            .chain([self.outcome as u8]);
        for (byte, field) in bytes.iter_mut().zip(fields) {
            *byte = field;
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (modified, rest) = bytes.split_first_chunk::<8>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (hash, rest) = rest.split_first_chunk::<16>()?;
        let [outcome] = rest else { return None };
        let outcome = Outcome::ALL.into_iter().find(|known| *known as u8 == *outcome)?;
        let print = Print { modified_us: i64::from_be_bytes(*modified), size: u64::from_be_bytes(*size) };
        Some(Self { print, hash: u128::from_be_bytes(*hash), outcome })
    }
}

/// The state of a place, as it is stored.
#[derive(Clone, PartialEq, Message)]
struct StoredState {
    #[prost(sfixed64, tag = "1")]
    stamp_us: i64,
    #[prost(uint32, tag = "2")]
    revision: u32,
    #[prost(bytes = "vec", tag = "3")]
    content: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    records: Vec<StoredRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredRecord {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    category: String,
    #[prost(uint64, tag = "3")]
    version: u64,
}

impl StoredState {
    fn of(state: &State) -> Self {
        let record = |stated: &Stated| StoredRecord {
            id: stated.id.as_str().to_owned(),
            category: stated.category.code().to_owned(),
            version: stated.version.get(),
        };
        Self {
            stamp_us: state.stamp.micros(),
            revision: state.revision,
            content: state.content.to_be_bytes().to_vec(),
            records: state.records.iter().map(record).collect(),
        }
    }

    fn read(bytes: &[u8]) -> Option<State> {
        let stored = Self::decode(bytes).ok()?;
        let record = |record: StoredRecord| {
            let (id, category) = (RecordId::parse(&record.id).ok()?, record.category.parse().ok()?);
            Some(Stated { id, category, version: Version::new(record.version)? })
        };
        Some(State {
            stamp: Moment::from_micros(stored.stamp_us).ok()?,
            revision: stored.revision,
            content: u128::from_be_bytes(stored.content.try_into().ok()?),
            records: stored.records.into_iter().map(record).collect::<Option<_>>()?,
        })
    }
}

/// Where a file lies: its volume's label, its folder and its name. Patient data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey(Vec<u8>);

impl FileKey {
    /// The file `name` in `folder` of `volume`.
    pub fn new(volume: &str, folder: &str, name: &str) -> Self {
        let mut key = folder_key(volume, folder);
        key.extend_from_slice(name.as_bytes());
        Self(key)
    }
    /// Its volume, folder and name.
    pub fn parts(&self) -> Option<(&str, &str, &str)> {
        parts_of(&self.0)
    }
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey(******)")
    }
}

fn folder_key(volume: &str, folder: &str) -> Vec<u8> {
    [volume.as_bytes(), &[0], folder.as_bytes(), &[0]].concat()
}

fn parts_of(key: &[u8]) -> Option<(&str, &str, &str)> {
    let mut parts = std::str::from_utf8(key).ok()?.split('\0');
    let found = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(found)
}

/// What changes together.
#[derive(Debug, Default)]
pub struct Changes {
    /// Files that were dealt with.
    pub seen: Vec<(FileKey, Seen)>,
    /// Files that are no longer there: most were renamed.
    pub gone: Vec<FileKey>,
    /// What places now state.
    pub states: Vec<(Slot, State)>,
}

/// The record of what was taken. Every call may touch the disk: call it where blocking is allowed.
pub struct Cursor {
    database: Database,
    files: Keyspace,
    slots: Keyspace,
    marks: Keyspace,
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").finish_non_exhaustive()
    }
}

const FORMAT: &str = "format";
const FORMAT_VERSION: &[u8] = b"1";

impl Cursor {
    /// Opens the record in `directory`, which one process has for itself.
    ///
    /// # Errors
    /// When it cannot be opened, or is of another version. It may then be deleted: the storage is read anew, and what
    /// comes again is known to the door.
    pub fn open(directory: &Path) -> Result<Self, CursorError> {
        let database = Database::builder(directory).cache_size(32 << 20).worker_threads(1).open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(16 << 20);
        let (files, slots) = (database.keyspace("files", options)?, database.keyspace("slots", options)?);
        let marks = database.keyspace("marks", KeyspaceCreateOptions::default)?;
        match marks.get(FORMAT)? {
            None => marks.insert(FORMAT, FORMAT_VERSION)?,
            Some(version) if &*version == FORMAT_VERSION => {}
            Some(_) => {
                return Err(CursorError::new("its format is of another version; delete it to read the storage anew"));
            }
        }
        Ok(Self { database, files, slots, marks })
    }

    /// What was dealt with in one folder, by name.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn in_folder(&self, volume: &str, folder: &str) -> Result<Vec<(String, Seen)>, CursorError> {
        let mut found = Vec::new();
        self.visit(&folder_key(volume, folder), |_, name, seen| found.push((name.to_owned(), seen)))?;
        Ok(found)
    }

    /// Visits every file of a volume: folder, name, what is known of it; in order of the folders.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn visit_volume(&self, volume: &str, visit: impl FnMut(&str, &str, Seen)) -> Result<(), CursorError> {
        self.visit(&[volume.as_bytes(), &[0]].concat(), visit)
    }

    fn visit(&self, prefix: &[u8], mut visit: impl FnMut(&str, &str, Seen)) -> Result<(), CursorError> {
        for item in self.files.prefix(prefix) {
            let (key, value) = item.into_inner()?;
            let damaged = || CursorError::new("an entry is damaged; delete it to read the storage anew");
            let (_, folder, name) = parts_of(&key).ok_or_else(damaged)?;
            visit(folder, name, Seen::from_bytes(&value).ok_or_else(damaged)?);
        }
        Ok(())
    }

    /// What a place last stated.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn state(&self, slot: &Slot) -> Result<Option<State>, CursorError> {
        let Some(value) = self.slots.get(slot.as_bytes())? else { return Ok(None) };
        StoredState::read(&value).map(Some).ok_or_else(|| CursorError::new("a place's state is damaged"))
    }

    /// Writes what changed, in one act. It is on disk after [`Self::sync`].
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn commit(&self, changes: &Changes) -> Result<(), CursorError> {
        let mut batch = self.database.batch();
        for FileKey(key) in &changes.gone {
            batch.remove(&self.files, key.as_slice());
        }
        for (FileKey(key), seen) in &changes.seen {
            batch.insert(&self.files, key.as_slice(), seen.to_bytes());
        }
        for (slot, state) in &changes.states {
            batch.insert(&self.slots, slot.as_bytes(), StoredState::of(state).encode_to_vec());
        }
        Ok(batch.commit()?)
    }

    /// How far a follower has come, under its name.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn mark(&self, name: &str) -> Result<Option<Vec<u8>>, CursorError> {
        Ok(self.marks.get(format!("mark {name}"))?.map(|value| value.to_vec()))
    }

    /// Notes how far a follower has come.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn set_mark(&self, name: &str, value: &[u8]) -> Result<(), CursorError> {
        Ok(self.marks.insert(format!("mark {name}"), value)?)
    }

    /// Brings everything to disk.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn sync(&self) -> Result<(), CursorError> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }
}
