//! Committing: hot rows become table files, and rows and position become durable in one act.
//!
//! The steps, and what a crash after each leaves behind:
//!
//! 1. *freeze* the hot rows, the index's changes, the dead and the letters at a publication. Nothing on disk.
//! 2. *write* table files, dead rows, letters and changes under new names, synced. Orphans, removed at opening.
//! 3. *record* the files in each table's open log. Rolled over by the next commit of that table.
//! 4. *rename* the manifest: the commit. Before it the log replays from the old frontier, after it from the new.
//! 5. *show* readers the files in the place of the frozen rows, in one snapshot: no gap, no double.
//! 6. *settle* the index's changes in its tree. A crash here is made good at opening, from the named changes.
//!
//! When a step fails (a full disk), the frozen rows stay readable in memory and the next commit tries again.

use super::{Committed, Committer, Store, Writer};
use crate::StoreError;
use crate::cold::write::{Place, write};
use crate::cold::{ColdTables, FileEntry, TableFile};
use crate::files::{Writer as FileWriter, create_dir, sync_dir};
use crate::hot::Chunk;
use crate::index::{Changes, write_changes};
use crate::letters::{self, Letter};
use crate::table::table_name;
use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use model::{Category, Frontier};
use roaring::RoaringTreemap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What one commit makes durable.
pub(super) struct Frozen {
    /// By category.
    pub(super) chunks: Vec<Vec<Arc<Chunk>>>,
    /// Every row that died since the last commit.
    dead: RoaringTreemap,
    changes: Arc<Changes>,
    pub(super) letters: Vec<Letter>,
    frontier: Frontier,
}

impl Frozen {
    pub(super) fn frontier(&self) -> &Frontier {
        &self.frontier
    }
}

/// More segments of letters than this are written as one.
const SEGMENTS: usize = 32;

/// The step a commit is about to take; tests end a commit before one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Step {
    WriteTables,
    WriteBeside,
    Record,
    Rename,
    Show,
    Settle,
    Tidy,
}

impl Committer {
    #[cfg(test)]
    pub(super) fn about_to(&self, step: Step) -> Result<(), StoreError> {
        if self.stop_at == Some(step as u32) { Err(StoreError::Interrupted) } else { Ok(()) }
    }
    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests stop here")]
    pub(super) fn about_to(&self, _: Step) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Writer {
    /// Sets everything published aside for a commit.
    pub(super) fn freeze(&mut self) {
        if self.frozen.is_some() {
            return;
        }
        let chunks = self.active.iter_mut().map(std::mem::take).collect();
        self.frozen = Some(Arc::new(Frozen {
            chunks,
            dead: self.dead.clone(),
            changes: self.index.freeze(),
            letters: std::mem::take(&mut self.letters),
            frontier: self.frontier.clone(),
        }));
        self.rows = 0;
    }
}

impl Store {
    /// Writes the hot rows to the tables and makes them and the position they reach durable in one act.
    ///
    /// Takes what is published; waits for the publication when something is put and not yet published.
    ///
    /// # Errors
    /// When the disk is full or failing, or what was put will never be published. Nothing is lost: the rows stay hot,
    /// and the next commit tries again.
    pub async fn commit(&self) -> Result<Committed, StoreError> {
        let mut committer = self.committer.lock().await;
        let started = Instant::now();
        let result = self.commit_with(&mut committer, started).await;
        match &result {
            Ok(committed) => {
                self.metrics.committed(committed);
                if committed.rows > 0 {
                    tracing::info!(rows = committed.rows, took = ?committed.took, frontier = %committed.frontier, "committed");
                }
            }
            Err(error) => {
                self.metrics.commit_failed();
                tracing::error!(%error, "a commit failed; the rows stay in memory and the next commit tries again");
            }
        }
        result
    }

    async fn commit_with(&self, committer: &mut Committer, started: Instant) -> Result<Committed, StoreError> {
        self.settle(committer).await?;
        let Some(frozen) = self.frozen().await? else {
            let frontier = self.frontier();
            return Ok(Committed { rows: 0, frontier, took: started.elapsed() });
        };
        committer.attempts += 1;
        let sequence = committer.manifest.sequence + 1;
        let stem = format!("{sequence:010}-{:016x}", committer.attempts);

        committer.about_to(Step::WriteTables)?;
        let (root, source, name) = (self.config.dir.clone(), frozen.clone(), stem.clone());
        let written = blocking(move || write_tables(&root, &source, &name)).await?;
        let files: Vec<Arc<TableFile>> = written.files.into_iter().map(Arc::new).collect();
        let rows = files.iter().map(|file| file.runs.rows()).sum();
        let result = self.finish(committer, &frozen, Outcome { files: &files, dropped: written.dropped, stem }).await;
        if let Err(error) = result {
            if !matches!(error, StoreError::Interrupted) {
                files.iter().for_each(|file| file.doom());
            }
            return Err(error);
        }
        self.settle(committer).await?;
        committer.about_to(Step::Tidy)?;
        self.tidy(committer);
        Ok(Committed { rows, frontier: frozen.frontier.clone(), took: started.elapsed() })
    }

    /// Steps 2 (what lies beside the tables) to 5.
    async fn finish(
        &self,
        committer: &mut Committer,
        frozen: &Arc<Frozen>,
        outcome: Outcome<'_>,
    ) -> Result<(), StoreError> {
        let (cold, settled) = {
            let writer = self.writer.lock();
            (writer.cold.clone(), writer.settled.clone())
        };
        let settled = Arc::new((settled.as_ref() | &frozen.dead) - &outcome.dropped);
        let all: Vec<Arc<TableFile>> = cold.all().iter().chain(outcome.files).cloned().collect();

        committer.about_to(Step::WriteBeside)?;
        let mut manifest = committer.manifest.clone();
        manifest.sequence += 1;
        manifest.set_frontier(&frozen.frontier);
        manifest.files = all.iter().map(|file| file.entry.clone()).collect();
        let beside = Beside {
            root: self.config.dir.clone(),
            stem: outcome.stem,
            frozen: frozen.clone(),
            settled: settled.clone(),
            letters: manifest.letters.clone(),
        };
        let (dead, letters, changes) = blocking(move || beside.write()).await?;
        (manifest.dead, manifest.letters, manifest.changes) = (dead, letters, changes);

        committer.about_to(Step::Record)?;
        for category in Category::ALL {
            if outcome.files.iter().any(|file| file.category == *category) {
                let files: Vec<&FileEntry> =
                    all.iter().filter(|file| file.category == *category).map(|file| &file.entry).collect();
                let version = committer.logs.bring_to(*category, &files, &frozen.frontier).await?;
                manifest.table_versions.insert(table_name(*category).to_owned(), version);
            }
        }

        committer.about_to(Step::Rename)?;
        manifest.commit(&self.config.dir)?;
        committer.manifest = manifest;
        committer.unsettled = Some(frozen.changes.clone());

        committer.about_to(Step::Show)?;
        let mut writer = self.writer.lock();
        writer.cold = ColdTables::new(all);
        writer.settled = settled;
        writer.dead -= &frozen.dead;
        writer.dead_shared = Arc::new(writer.dead.clone());
        writer.dead_changed = false;
        writer.frozen = None;
        writer.committed_frontier = frozen.frontier.clone();
        writer.committed_at = Instant::now();
        self.reshow(&mut writer);
        Ok(())
    }

    /// Step 6: the index's changes go to its tree.
    async fn settle(&self, committer: &mut Committer) -> Result<(), StoreError> {
        let Some(changes) = committer.unsettled.clone() else { return Ok(()) };
        committer.about_to(Step::Settle)?;
        let tree = self.writer.lock().index.tree();
        let sequence = committer.manifest.sequence;
        blocking(move || tree.apply(&changes, sequence)).await?;
        committer.unsettled = None;
        self.writer.lock().index.settled();
        Ok(())
    }

    /// What is to be committed; freezes it at a publication.
    async fn frozen(&self) -> Result<Option<Arc<Frozen>>, StoreError> {
        let mut bell = self.bell.subscribe();
        loop {
            {
                let mut writer = self.writer.lock();
                if writer.poisoned {
                    return Err(StoreError::Poisoned);
                }
                if let Some(frozen) = &writer.frozen {
                    return Ok(Some(frozen.clone()));
                }
                if writer.unpublished {
                    if writer.ended {
                        return Err(StoreError::Interrupted);
                    }
                    writer.freeze_wanted = true;
                } else if writer.frontier == writer.committed_frontier {
                    return Ok(None);
                } else {
                    writer.freeze();
                    continue;
                }
            }
            bell.changed().await.map_err(|_| StoreError::Interrupted)?;
        }
    }

    /// Removes what the manifest before named and this one does not. What cannot be removed now goes at the next
    /// opening.
    pub(super) fn tidy(&self, committer: &Committer) {
        super::open::remove_orphans_beside(&self.config.dir, &committer.manifest);
    }
}

/// What writing the tables came to.
struct Outcome<'a> {
    files: &'a [Arc<TableFile>],
    dropped: RoaringTreemap,
    stem: String,
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Interrupted)?
}

struct Written {
    files: Vec<TableFile>,
    /// Rows that were dead before they reached a file.
    dropped: RoaringTreemap,
}

fn write_tables(root: &Path, frozen: &Frozen, stem: &str) -> Result<Written, StoreError> {
    let mut written = Written { files: Vec::new(), dropped: RoaringTreemap::new() };
    for (category, chunks) in Category::ALL.iter().zip(&frozen.chunks) {
        if chunks.is_empty() {
            continue;
        }
        let failed = |source| StoreError::Arrow { table: table_name(*category), source };
        let alive = chunks.iter().map(|chunk| without_dead(chunk, &frozen.dead, &mut written.dropped));
        let chunks = alive.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let place = Place { root, category: *category, stem, level: 0 };
        match write(&place, &chunks) {
            Ok(files) => written.files.extend(files),
            Err(error) => {
                written.files.iter().for_each(TableFile::doom);
                return Err(error);
            }
        }
    }
    sync_names(root, &written.files)?;
    Ok(written)
}

/// Makes the names of new table files durable.
pub(super) fn sync_names(root: &Path, files: &[TableFile]) -> Result<(), StoreError> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    for file in files {
        dirs.extend(file.directories(root));
    }
    dirs.sort();
    dirs.dedup();
    dirs.iter().try_for_each(|dir| sync_dir(dir))
}

/// The chunk without its dead rows, which are noted.
pub(super) fn without_dead(
    chunk: &Arc<Chunk>,
    dead: &RoaringTreemap,
    dropped: &mut RoaringTreemap,
) -> Result<Arc<Chunk>, arrow::error::ArrowError> {
    let alive: Vec<bool> = chunk.keys.iter().map(|key| !dead.contains(key.0)).collect();
    if alive.iter().all(|alive| *alive) {
        return Ok(Arc::clone(chunk));
    }
    dropped.extend(chunk.keys.iter().zip(&alive).filter(|(_, alive)| !**alive).map(|(key, _)| key.0));
    fn kept<T: Copy>(all: &[T], alive: &[bool]) -> Vec<T> {
        all.iter().zip(alive).filter(|(_, alive)| **alive).map(|(one, _)| *one).collect()
    }
    let (patients, classes) = (kept(&chunk.patients, &alive), kept(&chunk.classes, &alive));
    let keys = kept(&chunk.keys, &alive);
    let batch = filter_record_batch(&chunk.batch, &BooleanArray::from(alive))?;
    Ok(Arc::new(Chunk::new(batch, patients, classes, keys)))
}

/// What a commit writes beside the tables.
struct Beside {
    root: PathBuf,
    stem: String,
    frozen: Arc<Frozen>,
    settled: Arc<RoaringTreemap>,
    letters: Vec<String>,
}

type Names = (Option<String>, Vec<String>, Option<String>);

impl Beside {
    fn write(self) -> Result<Names, StoreError> {
        let dir = self.root.join("beside");
        create_dir(&dir)?;
        let dead = write_dead(&dir, &self.stem, &self.settled)?;
        let mut letters = self.letters;
        if !self.frozen.letters.is_empty() {
            let name = format!("letters-{}", self.stem);
            if letters.len() >= SEGMENTS {
                let mut all = Vec::new();
                for segment in &letters {
                    all.extend(letters::read(&dir.join(segment))?);
                }
                letters::write(&dir.join(&name), all.iter().chain(&self.frozen.letters))?;
                letters.clear();
            } else {
                letters::write(&dir.join(&name), &self.frozen.letters)?;
            }
            letters.push(name);
        }
        let changes = if self.frozen.changes.is_empty() {
            None
        } else {
            let name = format!("changes-{}", self.stem);
            write_changes(&dir.join(&name), &self.frozen.changes)?;
            Some(name)
        };
        sync_dir(&dir)?;
        Ok((dead, letters, changes))
    }
}

/// Writes the dead rows; gives the file's name, or `None` when there are none.
pub(super) fn write_dead(dir: &Path, stem: &str, dead: &RoaringTreemap) -> Result<Option<String>, StoreError> {
    if dead.is_empty() {
        return Ok(None);
    }
    let name = format!("dead-{stem}");
    let path = dir.join(&name);
    let mut bytes = Vec::with_capacity(dead.serialized_size());
    dead.serialize_into(&mut bytes).map_err(StoreError::disk(&path, "written"))?;
    let mut writer = FileWriter::create(&path)?;
    writer.put(&bytes)?;
    writer.finish()?;
    Ok(Some(name))
}
