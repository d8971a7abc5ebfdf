//! The ledger on disk: nodes of the tree, where each entry lies in the log, and the index of subjects.
//!
//! It is a function of the log and may be deleted. What belongs to one entry is written in one act, so that after a
//! crash it is a ledger of some size, and goes on from there; an entry taken in twice is one entry. Memory stays at the
//! database's cache and buffers, however long the history; on disk an entry about two patients takes some 400 bytes.

use super::{Ledgered, NotaryError, walk};
use event_log::EventLog;
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use ledger::{Entry, Nodes, Subject, Tree, index_of, keys, nodes_kept};
use model::{Digest, Event, Offset, PartitionId, Position};
use parking_lot::Mutex;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The disk of the ledger failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger's shelf failed: {reason}; check the disk, or delete the shelf: it is built again from the log")]
pub struct ShelfError {
    reason: String,
}

impl From<fjall::Error> for ShelfError {
    fn from(error: fjall::Error) -> Self {
        Self { reason: error.to_string() }
    }
}

/// The key under which `state` says how far the shelf has come.
const STATE: &[u8] = b"state";

/// The ledger on disk.
pub struct Shelf {
    database: Database,
    kept: Kept,
    /// index → offset in the control partition
    entries: Keyspace,
    /// subject and index → nothing, see [`ledger::keys`]
    subjects: Keyspace,
    /// size and next offset, both 8 bytes, big-endian
    state: Keyspace,
    growing: Mutex<Growing>,
}

/// place → node
struct Kept(Keyspace);

struct Growing {
    tree: Tree,
    next: Offset,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("reach", &self.reach()).finish_non_exhaustive()
    }
}

impl Nodes for Kept {
    fn node(&self, place: u64) -> Option<Digest> {
        // A disk that fails here is a node that is missing: nothing is proved by it.
        let bytes = self.0.get(place.to_be_bytes()).ok()??;
        Some(Digest::from_bytes(bytes.as_ref().try_into().ok()?))
    }
}

/// Memory of each of the shelf's tables before it goes to disk: with two thousand feeds that tell the ledger every minute all of
/// them fill.
const TABLE_BYTES: u64 = 8 << 20;

impl Shelf {
    /// Opens the shelf below `data_dir`, making it where there is none.
    ///
    /// # Errors
    /// When the disk fails, or the shelf is not whole.
    pub fn open(data_dir: &Path) -> Result<Self, ShelfError> {
        let database = Database::builder(data_dir.join("ledger/shelf")).cache_size(8 << 20).open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(TABLE_BYTES);
        let keyspace = |name: &str| database.keyspace(name, options);
        let (kept, state) = (Kept(keyspace("nodes")?), keyspace("state")?);
        let (size, next) = state.get(STATE)?.and_then(|bytes| read_state(&bytes)).unwrap_or_default();
        let damaged = || ShelfError { reason: format!("nodes of its {size} entries are missing") };
        let tree = Tree::resume(size, &kept).ok_or_else(damaged)?;
        let growing = Mutex::new(Growing { tree, next });
        Ok(Self { kept, entries: keyspace("entries")?, subjects: keyspace("subjects")?, state, growing, database })
    }

    /// Takes in a letter of the control partition; one that was taken in, or is no audit event, changes nothing.
    ///
    /// # Errors
    /// When the disk fails; the shelf is then as it was.
    pub fn take(&self, position: Position, event: &Event) -> Result<(), ShelfError> {
        let mut growing = self.growing.lock();
        if position.partition != PartitionId::CONTROL || position.offset < growing.next {
            return Ok(());
        }
        let Some(entry) = Entry::of(position, event) else { return Ok(()) };
        let index = growing.tree.size();
        let mut tree = growing.tree.clone();
        let next = position.offset.next();
        let mut batch = self.database.batch();
        for (place, node) in (nodes_kept(index)..).zip(tree.append(entry.leaf())) {
            batch.insert(&self.kept.0, place.to_be_bytes(), node.as_bytes());
        }
        batch.insert(&self.entries, index.to_be_bytes(), position.offset.0.to_be_bytes());
        for key in keys(index, &entry) {
            batch.insert(&self.subjects, key, b"");
        }
        batch.insert(&self.state, STATE, write_state(tree.size(), next));
        batch.commit()?;
        *growing = Growing { tree, next };
        Ok(())
    }
    /// Takes in what the log's control partition holds beyond.
    ///
    /// # Errors
    /// When the log or the disk fails.
    pub async fn catch_up(&self, log: &Arc<dyn EventLog>) -> Result<(), NotaryError> {
        let (_, from) = self.reach();
        let take = &mut |position, event: Option<Event>| match event {
            Some(event) => self.take(position, &event).map_err(NotaryError::from),
            None => Ok(()),
        };
        walk(log, (PartitionId::CONTROL, from), take).await
    }
    /// Where an entry lies in the log; `None` when there is no such entry.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn position(&self, index: u64) -> Result<Option<Position>, ShelfError> {
        let bytes = self.entries.get(index.to_be_bytes())?;
        let offset = bytes.and_then(|bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?)));
        Ok(offset.map(|offset| Position::new(PartitionId::CONTROL.0, offset)))
    }
    /// A subject's entries, in order.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn of(&self, subject: Subject<'_>) -> Result<Vec<u64>, ShelfError> {
        let mut found = Vec::new();
        for guard in self.subjects.prefix(subject.prefix()) {
            found.extend(index_of(&guard.key()?));
        }
        Ok(found)
    }
}

impl Ledgered for Shelf {
    fn reach(&self) -> (u64, Offset) {
        let growing = self.growing.lock();
        (growing.tree.size(), growing.next)
    }
    fn nodes(&self) -> &dyn Nodes {
        &self.kept
    }
}

fn write_state(size: u64, next: Offset) -> [u8; 16] {
    (u128::from(size) << 64 | u128::from(next.0)).to_be_bytes()
}

fn read_state(bytes: &[u8]) -> Option<(u64, Offset)> {
    let (size, next) = bytes.split_at_checked(8)?;
    Some((u64::from_be_bytes(size.try_into().ok()?), Offset(u64::from_be_bytes(next.try_into().ok()?))))
}
