//! Loading many rows at once, past the hot tier: for measurements on stores of a given size.

use super::Store;
use super::commit::sync_names;
use crate::StoreError;
use crate::cold::write::{Place, write};
use crate::cold::{ColdTables, FileEntry, TableFile};
use crate::hot::Tail;
use crate::table::table_name;
use consent_filter::Facts;
use model::{Category, Frontier, Position, Record};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One row to load.
pub type LoadedRow = (Position, Record, Facts);

/// Writes rows straight to table files, as a commit would write them.
///
/// The record index does not learn of them: loaded records can be read and not corrected. That is right for a
/// measurement and for nothing else.
pub struct Loader<'a> {
    store: &'a Store,
    files: Mutex<Vec<Arc<TableFile>>>,
    parts: AtomicU64,
}

impl Store {
    /// Begins to load.
    pub fn loader(&self) -> Loader<'_> {
        Loader { store: self, files: Mutex::default(), parts: AtomicU64::new(0) }
    }
}

impl Loader<'_> {
    /// Writes one file per source of the rows, which are all of one category. Blocks; call it from as many threads as
    /// there are cores, with some hundred thousand rows of one source each.
    ///
    /// # Errors
    /// When the disk is full or failing.
    pub fn add(&self, category: Category, rows: &[LoadedRow]) -> Result<(), StoreError> {
        let mut tail = Tail::new(category);
        for (position, record, facts) in rows.iter().filter(|(_, record, _)| record.category() == category) {
            tail.push(*position, record, facts);
        }
        let Some(chunk) = tail.cut(category)? else { return Ok(()) };
        let stem = format!("loaded-{:06}", self.parts.fetch_add(1, Ordering::Relaxed));
        let root = self.store.config.dir.as_path();
        let files = write(&Place { root, category, stem: &stem, level: u8::MAX }, &[Arc::new(chunk)])?;
        sync_names(root, &files)?;
        self.files.lock().extend(files.into_iter().map(Arc::new));
        Ok(())
    }

    /// Commits what was added and shows it to readers. `frontier` takes in the rows' positions.
    ///
    /// # Errors
    /// When the disk is full or failing.
    pub async fn finish(self, frontier: &Frontier) -> Result<u64, StoreError> {
        let mut committer = self.store.committer.lock().await;
        let loaded = self.files.into_inner();
        let cold = self.store.writer.lock().cold.clone();
        let all: Vec<Arc<TableFile>> = cold.all().iter().chain(&loaded).cloned().collect();
        let mut manifest = committer.manifest.clone();
        manifest.set_frontier(frontier);
        manifest.files = all.iter().map(|file| file.entry.clone()).collect();
        for category in Category::ALL {
            if loaded.iter().any(|file| file.category == *category) {
                let files: Vec<&FileEntry> =
                    all.iter().filter(|file| file.category == *category).map(|file| &file.entry).collect();
                let version = committer.logs.bring_to(*category, &files, frontier).await?;
                manifest.table_versions.insert(table_name(*category).to_owned(), version);
            }
        }
        manifest.commit(&self.store.config.dir)?;
        committer.manifest = manifest;
        let mut writer = self.store.writer.lock();
        writer.cold = ColdTables::new(all);
        writer.frontier = frontier.clone();
        writer.committed_frontier = frontier.clone();
        self.store.reshow(&mut writer);
        Ok(loaded.iter().map(|file| file.entry.rows).sum())
    }
}

impl std::fmt::Debug for Loader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("files", &self.files.lock().len()).finish_non_exhaustive()
    }
}
