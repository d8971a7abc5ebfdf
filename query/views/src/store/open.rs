//! Opening a store: the manifest says what there is; what it does not name is removed.

use super::{Committer, Store, StoreConfig, Writer};
use crate::StoreError;
use crate::cold::delta::TableLogs;
use crate::cold::{ColdTables, TableFile, runs_path, table_dir};
use crate::files::{Reader, create_dir};
use crate::hot::Tail;
use crate::index::{RecordIndex, Tree, read_changes};
use crate::letters::BookLetters;
use crate::manifest::Manifest;
use crate::rows::DeadSet;
use arc_swap::ArcSwap;
use model::{Category, Frontier};
use roaring::RoaringTreemap;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What an opened store holds: the log is to be put again from `frontier` on, and the book to be rebuilt from
/// `book_letters` before that.
#[derive(Debug)]
pub struct Recovered {
    /// Everything before this is in the store.
    pub frontier: Frontier,
    /// The consent and directory letters before `frontier`, in the order they were kept.
    pub book_letters: BookLetters,
}

impl Store {
    /// Opens the store in `config.dir`, or makes an empty one there.
    ///
    /// Reads the manifest, the indexes beside the table files and the dead rows; no rows. After a crash the result is
    /// that of the last commit whose manifest stands.
    ///
    /// # Errors
    /// When the directory cannot be read or written, or a file in it is damaged.
    pub async fn open(config: StoreConfig) -> Result<(Self, Recovered), StoreError> {
        super::commit::blocking(move || Self::open_now(config)).await
    }

    fn open_now(config: StoreConfig) -> Result<(Self, Recovered), StoreError> {
        let dir = config.dir.as_path();
        create_dir(dir)?;
        let manifest = Manifest::read(dir)?;
        let beside = dir.join("beside");
        let tree = Tree::open(&dir.join("index"))?;
        let settled_to = tree.sequence()?;
        if settled_to > manifest.sequence {
            return Err(StoreError::damaged(dir, "the index is ahead of the manifest"));
        }
        if settled_to < manifest.sequence {
            let changes = match &manifest.changes {
                Some(name) => read_changes(&beside.join(name))?,
                None => Default::default(),
            };
            tree.apply(&changes, manifest.sequence)?;
        }
        let settled = match &manifest.dead {
            Some(name) => read_dead(&beside.join(name))?,
            None => RoaringTreemap::new(),
        };
        let files = manifest.files.iter().map(|entry| TableFile::open(dir, entry.clone()).map(Arc::new));
        let cold = ColdTables::new(files.collect::<Result<_, _>>()?);
        remove_orphans_beside(dir, &manifest);
        remove_orphan_tables(dir, &manifest);

        let frontier = manifest.frontier(dir)?;
        let letters = manifest.letters.iter().map(|name| beside.join(name)).collect();
        let writer = Writer {
            tails: Category::ALL.iter().map(|category| Tail::new(*category)).collect(),
            active: Category::ALL.iter().map(|_| Vec::new()).collect(),
            frozen: None,
            index: RecordIndex::new(tree),
            dead: RoaringTreemap::new(),
            dead_shared: Arc::default(),
            dead_changed: false,
            settled: Arc::new(settled),
            letters: Vec::new(),
            cold,
            frontier: frontier.clone(),
            committed_frontier: frontier.clone(),
            published_at: Instant::now(),
            unpublished: false,
            freeze_wanted: false,
            rows: 0,
            committed_at: Instant::now(),
            ended: false,
            poisoned: false,
        };
        let committer = Committer {
            logs: TableLogs::new(dir),
            manifest,
            attempts: this_opening(),
            unsettled: None,
            #[cfg(test)]
            stop_at: None,
        };
        let visible = ArcSwap::from_pointee(writer.snapshot());
        debug_assert!(DeadSet::default().is_empty(), "an empty store hides nothing");
        let store = Self {
            config,
            writer: parking_lot::Mutex::new(writer),
            visible,
            bell: tokio::sync::watch::Sender::new(0),
            committer: tokio::sync::Mutex::new(committer),
            metrics: super::metrics::StoreMetrics::new(),
        };
        Ok((store, Recovered { frontier, book_letters: BookLetters::new(letters) }))
    }

    /// Removes a store's directory and everything in it. The log is untouched; the store comes back from it.
    ///
    /// # Errors
    /// When the directory cannot be removed.
    pub async fn destroy(dir: impl Into<PathBuf>) -> Result<(), StoreError> {
        let dir = dir.into();
        super::commit::blocking(move || match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::disk(dir, "removed")(error)),
            _ => Ok(()),
        })
        .await
    }
}

/// Begins the count that names files, so that no opening gives a name an earlier one gave: the tables' open logs may
/// still list it.
fn this_opening() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    u64::try_from(now).unwrap_or(0)
}

fn read_dead(path: &Path) -> Result<RoaringTreemap, StoreError> {
    let reader = Reader::open(path)?;
    RoaringTreemap::deserialize_from(reader.body().as_ref())
        .map_err(|_| StoreError::damaged(path, "its bitmap is not readable"))
}

/// Removes dead rows, letters and changes that the manifest does not name.
pub(super) fn remove_orphans_beside(dir: &Path, manifest: &Manifest) {
    let named: HashSet<&str> =
        manifest.letters.iter().chain(&manifest.dead).chain(&manifest.changes).map(String::as_str).collect();
    remove_others(&dir.join("beside"), |name| named.contains(name));
}

fn remove_orphan_tables(dir: &Path, manifest: &Manifest) {
    for category in Category::ALL {
        let table = table_dir(dir, *category);
        let entries = || manifest.files.iter().filter(|entry| entry.category == category.code());
        let named: HashSet<PathBuf> =
            entries().flat_map(|entry| [table.join(&entry.path), runs_path(&table, &entry.path)]).collect();
        let sources = std::fs::read_dir(&table).into_iter().flatten().flatten();
        for source in sources.filter(|source| source.file_name() != "_delta_log") {
            let dir = source.path();
            remove_others(&dir, |name| named.contains(&dir.join(name)));
        }
    }
}

fn remove_others(dir: &Path, keep: impl Fn(&str) -> bool) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| !keep(name)) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
