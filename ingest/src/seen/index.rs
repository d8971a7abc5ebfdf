//! The index of seen events on disk.

use event_log::Stored;
use fjall::config::PinningPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use model::{Frontier, Position};
use parking_lot::RwLock;
use std::path::{Path, PathBuf};
use wire::STAMP_LENGTH;

/// The tag of `Event.admitted_us` (field 15, 64 bits), with which the stamp at the end of a letter begins.
const STAMP_TAG: u8 = 15 << 3 | 1;
const FRONTIER: &str = "frontier";
const FORMAT: &str = "format";
const FORMAT_VERSION: &[u8] = b"1";
const ENTRY_LENGTH: usize = 20;

/// Memory of the index: block cache, and the table it fills before it goes to disk.
const CACHE_BYTES: u64 = 32 << 20;
const TABLE_BYTES: u64 = 16 << 20;

/// Where an event lies, and what it said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    /// XXH3-64 of the event without its admission stamp.
    pub(crate) content: u64,
}

/// The digest of what an event says, from the bytes of its letter: without the stamp, which differs each time.
pub(crate) fn content_of(payload: &[u8]) -> u64 {
    let content = match payload.split_at_checked(payload.len().saturating_sub(STAMP_LENGTH)) {
        Some((content, stamp)) if stamp.first() == Some(&STAMP_TAG) => content,
        _ => payload,
    };
    xxhash_rust::xxh3::xxh3_64(content)
}

impl Entry {
    pub(crate) fn of(stored: &Stored) -> Self {
        Self { position: stored.position, content: content_of(&stored.letter.payload) }
    }

    fn to_bytes(self) -> [u8; ENTRY_LENGTH] {
        let mut bytes = [0; ENTRY_LENGTH];
        let fields = self
            .position
            .partition
            .0
            .to_be_bytes()
            .into_iter()
            .chain(self.position.offset.0.to_be_bytes())
            .chain(self.content.to_be_bytes());
        for (byte, field) in bytes.iter_mut().zip(fields) {
            *byte = field;
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (partition, rest) = bytes.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let content = u64::from_be_bytes(rest.try_into().ok()?);
        let position = Position::new(u32::from_be_bytes(*partition), u64::from_be_bytes(*offset));
        Some(Self { position, content })
    }
}

/// The index could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the index of seen events failed: {reason}")]
pub(crate) struct IndexError {
    reason: String,
}

impl IndexError {
    pub(super) fn new(reason: impl ToString) -> Self {
        Self { reason: reason.to_string() }
    }
}

impl From<fjall::Error> for IndexError {
    fn from(error: fjall::Error) -> Self {
        Self::new(error)
    }
}

#[derive(Clone)]
struct Open {
    database: Database,
    events: Keyspace,
    meta: Keyspace,
}

/// The index. A write that fails poisons the store below, so it is closed then and may be opened again.
pub(crate) struct Index {
    directory: PathBuf,
    open: RwLock<Option<Open>>,
}

impl Index {
    /// Opens the index; one that cannot be read is thrown away, since it is rebuilt from the log.
    pub(crate) fn open(directory: &Path) -> Result<Self, IndexError> {
        let open = match Open::at(directory) {
            Ok(open) => open,
            Err(OpenFault::Locked) => return Err(IndexError::new("another process has it open")),
            Err(OpenFault::Unreadable(reason)) => {
                tracing::warn!(%reason, "the index of seen events is unreadable and is rebuilt from the log");
                std::fs::remove_dir_all(directory).map_err(IndexError::new)?;
                Open::at(directory).map_err(IndexError::new)?
            }
        };
        Ok(Self { directory: directory.to_owned(), open: RwLock::new(Some(open)) })
    }

    fn handle(&self) -> Result<Open, IndexError> {
        self.open.read().clone().ok_or_else(|| IndexError::new("it is closed after a failed write"))
    }

    /// Where these events were seen, one answer each.
    pub(crate) fn get(&self, digests: &[u128]) -> Result<Vec<Option<Entry>>, IndexError> {
        let open = self.handle()?;
        let mut found = Vec::with_capacity(digests.len());
        for digest in digests {
            let value = open.events.get(digest.to_be_bytes())?;
            let entry =
                value.map(|value| Entry::from_bytes(&value).ok_or_else(|| IndexError::new("an entry is damaged")));
            found.push(entry.transpose()?);
        }
        Ok(found)
    }

    /// How far the index has read the log.
    pub(crate) fn frontier(&self) -> Result<Frontier, IndexError> {
        let Some(text) = self.handle()?.meta.get(FRONTIER)? else { return Ok(Frontier::start()) };
        let text = std::str::from_utf8(&text).map_err(IndexError::new)?;
        text.parse().map_err(IndexError::new)
    }

    /// Adds entries and how far the log was read for them, in one act.
    pub(crate) fn record(&self, entries: &[(u128, Entry)], frontier: &Frontier) -> Result<(), IndexError> {
        let recorded = self.handle().and_then(|open| {
            let mut batch = open.database.batch();
            for (digest, entry) in entries {
                batch.insert(&open.events, digest.to_be_bytes(), entry.to_bytes());
            }
            batch.insert(&open.meta, FRONTIER, frontier.to_string().as_bytes());
            Ok(batch.commit()?)
        });
        if recorded.is_err() {
            *self.open.write() = None;
        }
        recorded
    }

    /// Opens the index again after a write failed.
    pub(crate) fn reopen(&self) -> Result<(), IndexError> {
        let mut open = self.open.write();
        if open.is_none() {
            *open = Some(Open::at(&self.directory).map_err(IndexError::new)?);
        }
        Ok(())
    }

    /// Forgets everything: the log is not the one that was indexed.
    pub(crate) fn clear(&self) -> Result<(), IndexError> {
        let open = self.handle()?;
        open.events.clear()?;
        open.meta.clear()?;
        open.meta.insert(FORMAT, FORMAT_VERSION)?;
        Ok(())
    }

    /// Brings everything to disk, so that the next start reads little of the log again.
    pub(crate) fn sync(&self) -> Result<(), IndexError> {
        Ok(self.handle()?.database.persist(PersistMode::SyncAll)?)
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("directory", &self.directory).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
enum OpenFault {
    #[error("another process has it open")]
    Locked,
    #[error("{0}")]
    Unreadable(String),
}

impl From<fjall::Error> for OpenFault {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Locked => Self::Locked,
            other => Self::Unreadable(other.to_string()),
        }
    }
}

impl Open {
    fn at(directory: &Path) -> Result<Self, OpenFault> {
        let database = Database::builder(directory).cache_size(CACHE_BYTES).worker_threads(1).open()?;
        // Most events are new, which the filters answer; left to the cache, a filter of megabytes is read and checked anew
        // for each of them.
        let pinned = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(TABLE_BYTES)
                .filter_block_pinning_policy(PinningPolicy::all(true))
                .index_block_pinning_policy(PinningPolicy::all(true))
        };
        let events = database.keyspace("events", pinned)?;
        let meta = database.keyspace("meta", KeyspaceCreateOptions::default)?;
        match meta.get(FORMAT)? {
            None => meta.insert(FORMAT, FORMAT_VERSION)?,
            Some(version) if &*version == FORMAT_VERSION => {}
            Some(_) => return Err(OpenFault::Unreadable("its format is of another version".to_owned())),
        }
        Ok(Self { database, events, meta })
    }
}
