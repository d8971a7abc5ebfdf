//! The record store: hot rows, table files and the record index behind one writer and many readers.
//!
//! The writer (the pipeline) puts, keeps and publishes; a background task commits. Readers hold a [`Snapshot`],
//! which never changes under them.

mod commit;
mod compact;
mod digest;
mod load;
mod metrics;
mod open;
mod standing;

pub use compact::Compacted;
pub use digest::ContentDigest;
pub use load::{LoadedRow, Loader};
pub use open::Recovered;
pub use standing::StandingVersion;

use crate::StoreError;
use crate::cold::ColdTables;
use crate::cold::delta::TableLogs;
use crate::hot::{Chunk, Tail, append};
use crate::index::{RecordIndex, Standing};
use crate::letters::Letter;
use crate::manifest::Manifest;
use crate::planted::{Bug, is};
use crate::rows::{DeadSet, RowKey};
use crate::table::table_name;
use arc_swap::ArcSwap;
use bytes::Bytes;
use commit::Frozen;
use consent_filter::{Book, Facts};
use metrics::StoreMetrics;
use model::{Category, ChangeKind, Frontier, Position, Record, Version};
use parking_lot::Mutex;
use roaring::RoaringTreemap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a store is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreConfig {
    /// Its directory; made when it is not there.
    pub dir: PathBuf,
    /// A commit is due when so many rows are hot.
    pub flush_rows: usize,
    /// A commit is due when so much time has passed since the last one and anything is hot.
    pub flush_interval: Duration,
    /// Files of one table, source and level are merged when there are so many; at least 2.
    pub merge_files: usize,
    /// Files are merged into files of at most so many rows.
    pub file_rows: usize,
}

impl StoreConfig {
    /// A store in `dir`, kept for a node that takes tens of thousands of events a second.
    pub fn in_dir(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            flush_rows: 500_000,
            flush_interval: Duration::from_secs(60),
            merge_files: 8,
            file_rows: 1_000_000,
        }
    }
}

/// What became of a version that was put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PutOutcome {
    /// The record's first version here, or its first after a deletion.
    New,
    /// It took the place of an earlier version.
    Supersedes {
        /// Where the earlier version stands in the log.
        previous: Position,
        /// Which version that was.
        version: Version,
    },
    /// A higher version already stands.
    Stale,
    /// This very version already stands.
    Duplicate,
    /// It took the record back.
    Deleted {
        /// Where the version it took back stands, if one stood.
        previous: Option<Position>,
    },
}

/// What a commit did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Committed {
    /// How many rows went to table files.
    pub rows: usize,
    /// How far in the log the files now reach: the log before it need not be read again.
    pub frontier: Frontier,
    /// How long it took.
    pub took: Duration,
}

/// The rows of every table as readers see them, and how far in the log they reach.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) frontier: Frontier,
    pub(crate) published_at: Instant,
    /// By category: chunks being committed, then chunks since.
    pub(crate) hot: Vec<Vec<Arc<Chunk>>>,
    pub(crate) cold: ColdTables,
    pub(crate) dead: DeadSet,
}

impl Snapshot {
    pub(crate) fn hot_of(&self, category: Category) -> &[Arc<Chunk>] {
        self.hot.get(category as usize).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The record store. One writer calls `put`, `keep_book_letter` and `publish`; everything else may be called from
/// anywhere.
pub struct Store {
    config: StoreConfig,
    writer: Mutex<Writer>,
    visible: ArcSwap<Snapshot>,
    /// Rings at every publication and every commit.
    bell: tokio::sync::watch::Sender<u64>,
    /// One commit or compaction at a time.
    committer: tokio::sync::Mutex<Committer>,
    metrics: StoreMetrics,
}

/// What only the writer touches, and the commit for the moment of freezing.
struct Writer {
    tails: Vec<Tail>,
    /// By category, since the last freeze.
    active: Vec<Vec<Arc<Chunk>>>,
    /// Being committed.
    frozen: Option<Arc<Frozen>>,
    index: RecordIndex,
    dead: RoaringTreemap,
    /// Died between the last freeze and the end of the commit in progress, or since the last commit.
    dead_shared: Arc<RoaringTreemap>,
    dead_changed: bool,
    settled: Arc<RoaringTreemap>,
    letters: Vec<Letter>,
    cold: ColdTables,
    frontier: Frontier,
    published_at: Instant,
    /// Something was put or kept that is not published.
    unpublished: bool,
    freeze_wanted: bool,
    /// Rows put since the last freeze.
    rows: usize,
    committed_at: Instant,
    committed_frontier: Frontier,
    /// Nothing more will be published.
    ended: bool,
    /// The index or Arrow failed: what is in memory is no longer the log's fold, and only opening anew mends it.
    poisoned: bool,
}

/// What only a commit or a compaction touches.
struct Committer {
    manifest: Manifest,
    logs: TableLogs,
    /// Distinguishes file names of this opening.
    attempts: u64,
    /// Changes of the last commit that are not in the index's tree yet.
    unsettled: Option<Arc<crate::index::Changes>>,
    #[cfg(test)]
    stop_at: Option<u32>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("dir", &self.config.dir)
            .field("frontier", &self.frontier())
            .finish_non_exhaustive()
    }
}

// === impl Store, writing ===

impl Store {
    /// Puts one version of a record. Readers see it after the next [`Store::publish`].
    ///
    /// A higher version wins in any order of arrival; between equal versions the one earlier in the log wins. The
    /// same letter put twice is put once. `facts` come from the book the views are made with.
    ///
    /// A failing index poisons the store: nothing is published or committed from then on, commits say so, and the
    /// letters are read from the log again when the store is opened anew.
    pub fn put(&self, position: Position, record: &Record, facts: &Facts) -> PutOutcome {
        let mut writer = self.writer.lock();
        let outcome = match writer.put(position, record, facts) {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%position, %error, "a record could not be put");
                writer.poisoned = true;
                PutOutcome::Stale
            }
        };
        drop(writer);
        self.metrics.put(outcome);
        outcome
    }

    /// Keeps the raw bytes of a consent or directory letter, so that the book can be rebuilt at the next opening.
    pub fn keep_book_letter(&self, position: Position, bytes: Bytes) {
        let mut writer = self.writer.lock();
        if !is(Bug::LetterLost) {
            writer.letters.push((position, bytes));
        }
        writer.unpublished = true;
    }

    /// Shows readers everything put so far as one act, and says that it reaches `frontier`.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`] once a put, this cut of the rows or an earlier one failed: readers stay at what was
    /// whole, and nothing mends it but opening the store anew.
    pub fn publish(&self, frontier: &Frontier) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        if let Err(error) = writer.cut() {
            tracing::error!(%error, "rows could not be published");
            writer.poisoned = true;
        }
        if writer.poisoned {
            return Err(StoreError::Poisoned);
        }
        writer.frontier = frontier.clone();
        writer.published_at = Instant::now();
        writer.unpublished = false;
        if std::mem::take(&mut writer.freeze_wanted) {
            writer.freeze();
        }
        self.reshow(&mut writer);
        Ok(())
    }

    /// Sets everything published aside for the next commit, and says how far in the log that commit will reach; `None`
    /// when there is nothing to commit, or something was put and is not published yet.
    ///
    /// What is set aside already, by an earlier call or a commit that failed, is what the next commit takes.
    pub fn freeze(&self) -> Option<Frontier> {
        let mut writer = self.writer.lock();
        if writer.frozen.is_none() && !writer.unpublished && writer.frontier != writer.committed_frontier {
            writer.freeze();
        }
        writer.frozen.as_ref().map(|frozen| frozen.frontier().clone())
    }

    /// Says that the writer publishes nothing more: a commit that waits for what was put to be published ends with
    /// [`StoreError::Interrupted`] instead of waiting for ever.
    pub fn end_publications(&self) {
        self.writer.lock().ended = true;
        self.bell.send_modify(|rings| *rings += 1);
    }

    /// Whether enough is hot, for long enough, that a commit is due.
    pub fn commit_due(&self) -> bool {
        let writer = self.writer.lock();
        let waiting = writer.rows > 0 || !writer.letters.is_empty();
        writer.frozen.is_some()
            || writer.rows >= self.config.flush_rows
            || (waiting || writer.frontier != writer.committed_frontier)
                && writer.committed_at.elapsed() >= self.config.flush_interval
    }

    fn reshow(&self, writer: &mut Writer) {
        let snapshot = writer.snapshot();
        let hot: usize = snapshot.hot.iter().flatten().map(|chunk| chunk.len()).sum();
        self.metrics.state(hot as u64, snapshot.dead.len());
        self.visible.store(Arc::new(snapshot));
        self.bell.send_modify(|rings| *rings += 1);
    }
}

// === impl Store, reading ===

impl Store {
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.visible.load_full()
    }

    /// How far in the log readers see.
    pub fn frontier(&self) -> Frontier {
        self.visible.load().frontier.clone()
    }

    /// Waits until readers see everything `wanted` includes. `false` when that did not happen within `timeout`.
    pub async fn reached(&self, wanted: &Frontier, timeout: Duration) -> bool {
        let mut bell = self.bell.subscribe();
        let wait = async {
            while !self.visible.load().frontier.covers(wanted) {
                if bell.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(timeout, wait).await.unwrap_or(false)
    }

    /// Rings whenever readers see something new.
    pub fn publications(&self) -> tokio::sync::watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// Whether something was put that readers do not see yet.
    pub fn has_unpublished(&self) -> bool {
        self.writer.lock().unpublished
    }

    /// Gives the scope classes of all table files their numbers in `book`. [`crate::Views::new`] does it.
    pub(crate) fn bind(&self, book: &mut Book) {
        self.visible.load().cold.all().iter().for_each(|file| file.bind(book));
    }
}

// === impl Writer ===

impl Writer {
    fn put(&mut self, position: Position, record: &Record, facts: &Facts) -> Result<PutOutcome, StoreError> {
        let digest = record.reference().digest();
        let found = self.index.find(digest)?;
        let version = record.version.get();
        if let Some(found) = found {
            if found.version > version {
                return Ok(PutOutcome::Stale);
            }
            if found.version == version && found.position <= position {
                return Ok(PutOutcome::Duplicate);
            }
        }
        let deleted = record.change() == ChangeKind::Delete;
        self.index.set(digest, Standing { version, position, deleted });
        self.unpublished = true;
        let previous = found.filter(|found| !found.deleted);
        if let Some(previous) = previous {
            self.dead.insert(RowKey::of(previous.position).0);
            self.dead_changed = true;
        }
        if !deleted {
            if let Some(tail) = self.tails.get_mut(record.category() as usize) {
                tail.push(position, record, facts);
            }
            self.rows += 1;
        }
        Ok(match (deleted, previous) {
            (true, previous) => PutOutcome::Deleted { previous: previous.map(|previous| previous.position) },
            (false, None) => PutOutcome::New,
            (false, Some(previous)) => PutOutcome::Supersedes {
                previous: previous.position,
                version: Version::new(previous.version).unwrap_or(Version::FIRST),
            },
        })
    }

    /// Moves what was put since the last cut to the chunks.
    fn cut(&mut self) -> Result<(), StoreError> {
        for ((tail, chunks), category) in self.tails.iter_mut().zip(&mut self.active).zip(Category::ALL) {
            if let Some(chunk) = tail.cut(*category)? {
                append(chunks, chunk).map_err(|source| StoreError::Arrow { table: table_name(*category), source })?;
            }
        }
        if std::mem::take(&mut self.dead_changed) {
            self.dead_shared = Arc::new(self.dead.clone());
        }
        Ok(())
    }

    fn snapshot(&self) -> Snapshot {
        let frozen = |at: usize| self.frozen.iter().flat_map(move |frozen| frozen.chunks.get(at)).flatten();
        let hot = self.active.iter().enumerate().map(|(at, active)| frozen(at).chain(active).cloned().collect());
        Snapshot {
            frontier: self.frontier.clone(),
            published_at: self.published_at,
            hot: hot.collect(),
            cold: self.cold.clone(),
            dead: DeadSet { settled: self.settled.clone(), recent: self.dead_shared.clone() },
        }
    }
}

#[cfg(test)]
mod tests;
