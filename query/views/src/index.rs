//! The record index: which version of each record stands, and where.
//!
//! Fifty million records do not fit in a map, so the index is a log-structured tree on disk behind the changes since
//! the last commit, which are in memory. A commit writes those changes to a file of its own that the manifest names,
//! and only then applies them to the tree, ending with the manifest's sequence number. Applying is putting values
//! under keys, so it can be done again: whatever moment a crash picks, opening applies the named file once more if
//! the tree does not carry the manifest's number, and the tree stands exactly where the manifest does.

use crate::StoreError;
use crate::files::{Reader, Writer};
use fjall::config::PinningPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use model::Position;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;
use std::sync::Arc;

/// What stands of one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Standing {
    pub(crate) version: u64,
    pub(crate) position: Position,
    /// It is taken back: no row stands.
    pub(crate) deleted: bool,
}

/// Changes of the index by the record's digest.
pub(crate) type Changes = HashMap<u128, Standing, BuildHasherDefault<Digested>>;

/// The keys are digests already; their low half is hash enough.
#[derive(Default)]
pub(crate) struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "the low half of a uniform digest is a uniform hash")]
    fn write_u128(&mut self, digest: u128) {
        self.0 = digest as u64;
    }
}

/// The index. One writer.
pub(crate) struct RecordIndex {
    tree: Tree,
    /// Since the last freeze.
    fresh: Changes,
    /// Frozen, until they are in the tree.
    settling: Option<Arc<Changes>>,
}

/// The part on disk; cheap to clone.
#[derive(Clone)]
pub(crate) struct Tree {
    database: Database,
    records: Keyspace,
    marks: Keyspace,
}

const SEQUENCE: &str = "sequence";

/// Room for blocks of records that were looked up and found.
const CACHE_BYTES: u64 = 64 << 20;
/// Room for changes before they go to disk.
const TABLE_BYTES: u64 = 16 << 20;

impl RecordIndex {
    pub(crate) fn new(tree: Tree) -> Self {
        Self { tree, fresh: Changes::default(), settling: None }
    }

    pub(crate) fn find(&self, digest: u128) -> Result<Option<Standing>, StoreError> {
        if let Some(found) = self.fresh.get(&digest) {
            return Ok(Some(*found));
        }
        if let Some(found) = self.settling.as_ref().and_then(|settling| settling.get(&digest)) {
            return Ok(Some(*found));
        }
        self.tree.find(digest)
    }

    pub(crate) fn set(&mut self, digest: u128, standing: Standing) {
        self.fresh.insert(digest, standing);
    }

    /// Sets the changes aside for a commit; they answer from there until [`RecordIndex::settled`].
    ///
    /// INVARIANT: the changes frozen before are settled.
    pub(crate) fn freeze(&mut self) -> Arc<Changes> {
        let changes = Arc::new(std::mem::take(&mut self.fresh));
        self.settling = Some(changes.clone());
        changes
    }

    pub(crate) fn settled(&mut self) {
        self.settling = None;
    }

    pub(crate) fn tree(&self) -> Tree {
        self.tree.clone()
    }
}

impl Tree {
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let database =
            Database::builder(dir).cache_size(CACHE_BYTES).worker_threads(2).manual_journal_persist(true).open()?;
        // Most look-ups are of records that are new, which the filters answer. Left to the cache, a filter of megabytes
        // is read and checked anew for each of them; pinned, ten million records cost 12 MB.
        let pinned = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(TABLE_BYTES)
                .filter_block_pinning_policy(PinningPolicy::all(true))
                .index_block_pinning_policy(PinningPolicy::all(true))
        };
        let records = database.keyspace("records", pinned)?;
        let marks = database.keyspace("marks", KeyspaceCreateOptions::default)?;
        Ok(Self { database, records, marks })
    }

    fn find(&self, digest: u128) -> Result<Option<Standing>, StoreError> {
        Ok(self.records.get(digest.to_be_bytes())?.and_then(|bytes| decode(&bytes)))
    }

    /// The sequence number of the commit whose changes are all in the tree.
    pub(crate) fn sequence(&self) -> Result<u64, StoreError> {
        let bytes = self.marks.get(SEQUENCE)?;
        Ok(bytes.and_then(|bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?))).unwrap_or(0))
    }

    /// Applies a commit's changes and marks them durable under its sequence number.
    pub(crate) fn apply(&self, changes: &Changes, sequence: u64) -> Result<(), StoreError> {
        for (digest, standing) in changes {
            self.records.insert(digest.to_be_bytes(), encode(standing))?;
        }
        // The mark must not be durable before the changes are.
        self.database.persist(PersistMode::SyncAll)?;
        self.marks.insert(SEQUENCE, sequence.to_be_bytes())?;
        self.database.persist(PersistMode::SyncAll)?;
        Ok(())
    }
}

fn encode(standing: &Standing) -> [u8; 21] {
    let mut bytes = [0; 21];
    let (version, rest) = bytes.split_at_mut(8);
    let (partition, rest) = rest.split_at_mut(4);
    let (offset, deleted) = rest.split_at_mut(8);
    version.copy_from_slice(&standing.version.to_le_bytes());
    partition.copy_from_slice(&standing.position.partition.0.to_le_bytes());
    offset.copy_from_slice(&standing.position.offset.0.to_le_bytes());
    deleted.fill(u8::from(standing.deleted));
    bytes
}

fn decode(bytes: &[u8]) -> Option<Standing> {
    let (version, rest) = bytes.split_first_chunk::<8>()?;
    let (partition, rest) = rest.split_first_chunk::<4>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    Some(Standing {
        version: u64::from_le_bytes(*version),
        position: Position::new(u32::from_le_bytes(*partition), u64::from_le_bytes(*offset)),
        deleted: *rest.first()? != 0,
    })
}

/// Writes a commit's changes to its file.
pub(crate) fn write_changes(path: &Path, changes: &Changes) -> Result<(), StoreError> {
    let mut writer = Writer::create(path)?;
    for (digest, standing) in changes {
        writer.put(&digest.to_le_bytes())?;
        writer.put(&encode(standing))?;
    }
    writer.finish()
}

/// Reads a commit's changes.
pub(crate) fn read_changes(path: &Path) -> Result<Changes, StoreError> {
    let reader = Reader::open(path)?;
    let mut changes = Changes::default();
    for entry in reader.body().chunks(16 + 21) {
        let parsed = entry.split_first_chunk::<16>().and_then(|(digest, rest)| Some((*digest, decode(rest)?)));
        let (digest, standing) = parsed.ok_or_else(|| StoreError::damaged(path, "an entry is cut short"))?;
        changes.insert(u128::from_le_bytes(digest), standing);
    }
    Ok(changes)
}
