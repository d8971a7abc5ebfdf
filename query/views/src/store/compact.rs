//! Compaction: many small files of one source become one, and dead rows leave the disk.

use super::commit::{blocking, sync_names, without_dead, write_dead};
use super::{Snapshot, Store};
use crate::StoreError;
use crate::cold::merge::Merge;
use crate::cold::write::{Growing, Place};
use crate::cold::{ColdTables, FileEntry, TableFile};
use crate::files::sync_dir;
use crate::planted::{Bug, is};
use crate::table::table_name;
use model::Category;
use roaring::RoaringTreemap;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What a compaction did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Compacted {
    /// Files that were merged away.
    pub files: usize,
    /// Rows written anew.
    pub rows: u64,
    /// Dead rows that left the disk.
    pub removed: u64,
}

impl Store {
    /// Merges the small files of each source and takes dead rows out, one table at a time and within it one group of
    /// files at a time. Commits wait meanwhile; readers do not notice.
    ///
    /// # Errors
    /// When the disk is full or failing; the files stay as they were.
    pub async fn compact(&self) -> Result<Compacted, StoreError> {
        let mut total = Compacted::default();
        loop {
            let done = self.compact_one_table().await?;
            if done.files == 0 {
                return Ok(total);
            }
            total.files += done.files;
            total.rows += done.rows;
            total.removed += done.removed;
        }
    }

    async fn compact_one_table(&self) -> Result<Compacted, StoreError> {
        let mut committer = self.committer.lock().await;
        let snapshot = self.snapshot();
        let groups = self.next_groups(&snapshot);
        let Some(category) = groups.first().and_then(|group| group.first()).map(|file| file.category) else {
            return Ok(Compacted::default());
        };
        let mut files: Vec<Arc<TableFile>> = Vec::new();
        let mut removed = RoaringTreemap::new();
        for group in &groups {
            committer.attempts += 1;
            let stem = format!("{:010}-{:016x}-merged", committer.manifest.sequence, committer.attempts);
            let (root, old, dead) = (self.config.dir.clone(), group.clone(), snapshot.dead.settled.clone());
            let (new, gone) = blocking(move || rewrite(&root, &stem, &old, &dead)).await?;
            files.extend(new.into_iter().map(Arc::new));
            removed |= gone;
        }

        let old: Vec<Arc<TableFile>> = groups.into_iter().flatten().collect();
        let replaced = |file: &Arc<TableFile>| old.iter().any(|old| Arc::ptr_eq(old, file));
        let kept = snapshot.cold.all().iter().filter(|file| !replaced(file));
        let all: Vec<Arc<TableFile>> = kept.chain(&files).cloned().collect();
        let settled = Arc::new(snapshot.dead.settled.as_ref() - &removed);
        let settled = if is(Bug::MergedDeadLive) { Arc::default() } else { settled };
        let mut manifest = committer.manifest.clone();
        manifest.files = all.iter().map(|file| file.entry.clone()).collect();
        let frontier = manifest.frontier(&self.config.dir)?;
        let entries: Vec<&FileEntry> =
            all.iter().filter(|file| file.category == category).map(|file| &file.entry).collect();
        let version = committer.logs.bring_to(category, &entries, &frontier).await?;
        manifest.table_versions.insert(table_name(category).to_owned(), version);
        let (dir, dead) = (self.config.dir.join("beside"), settled.clone());
        let stem = format!("{:010}-{:016x}-merged", manifest.sequence, committer.attempts);
        manifest.dead = blocking(move || {
            let name = write_dead(&dir, &stem, &dead)?;
            sync_dir(&dir)?;
            Ok(name)
        })
        .await?;
        manifest.commit(&self.config.dir)?;
        committer.manifest = manifest;
        {
            let mut writer = self.writer.lock();
            writer.cold = ColdTables::new(all);
            writer.settled = settled;
            self.reshow(&mut writer);
        }
        old.iter().for_each(|file| file.doom());
        self.tidy(&committer);
        let rows = files.iter().map(|file| file.entry.rows).sum();
        self.metrics.compacted(rows);
        Ok(Compacted { files: old.len(), rows, removed: removed.len() })
    }

    /// The groups of files of one table that are each to become one: enough small ones of one source and level, or
    /// one that is a fifth dead.
    fn next_groups(&self, snapshot: &Snapshot) -> Vec<Vec<Arc<TableFile>>> {
        let mut small: BTreeMap<(Category, &str, u8), Vec<Arc<TableFile>>> = BTreeMap::new();
        for file in snapshot.cold.all() {
            if file.runs.rows() < self.config.file_rows {
                small.entry((file.category, &file.entry.source, file.entry.level)).or_default().push(file.clone());
            }
        }
        // No file becomes much larger than that: one that has dead rows is written anew whole.
        for files in small.values_mut() {
            let mut rows = 0;
            files.retain(|file| {
                rows += file.runs.rows();
                rows <= self.config.file_rows
            });
        }
        let enough = |files: &Vec<Arc<TableFile>>| files.len() >= self.config.merge_files.max(2);
        let first = small.iter().find(|(_, files)| enough(files)).map(|((category, ..), _)| *category);
        if let Some(first) = first {
            let groups = small.into_iter().filter(|((category, ..), files)| *category == first && enough(files));
            return groups.map(|(_, files)| files).collect();
        }
        let wasteful = |file: &&Arc<TableFile>| {
            let within = |(first, last): &(u64, u64)| snapshot.dead.settled.range_cardinality(*first..=*last);
            let dead: u64 = file.runs.keys.iter().map(within).sum();
            // Keys of other tables lie in the same range; whether the rows are this file's is asked only then.
            dead * 5 > file.entry.rows
                && dead_rows(file, &snapshot.dead.settled).is_ok_and(|dead| dead * 5 > file.entry.rows)
        };
        snapshot.cold.all().iter().find(wasteful).map(|file| vec![vec![file.clone()]]).unwrap_or_default()
    }
}

fn dead_rows(file: &Arc<TableFile>, dead: &RoaringTreemap) -> Result<u64, StoreError> {
    let mut found = 0;
    for chunks in Merge::of(std::slice::from_ref(file))? {
        let keys = chunks?;
        found += keys.iter().flat_map(|chunk| &chunk.keys).filter(|key| dead.contains(key.0)).count() as u64;
    }
    Ok(found)
}

/// Writes the living rows of a group anew, one level up, and notes the dead ones. A slice of the rows is in memory at once.
fn rewrite(
    root: &Path,
    stem: &str,
    group: &[Arc<TableFile>],
    dead: &RoaringTreemap,
) -> Result<(Vec<TableFile>, RoaringTreemap), StoreError> {
    let mut removed = RoaringTreemap::new();
    let Some(first) = group.first() else { return Ok((Vec::new(), removed)) };
    let level = group.iter().map(|file| file.entry.level).max().unwrap_or(0).saturating_add(u8::from(group.len() > 1));
    let place = Place { root, category: first.category, stem, level };
    let mut growing = None;
    for chunks in Merge::of(group)? {
        let living = chunks?.iter().map(|chunk| without_dead(chunk, dead, &mut removed)).collect::<Result<Vec<_>, _>>();
        let living = living.map_err(|source| StoreError::Arrow { table: table_name(first.category), source })?;
        if living.iter().all(|chunk| chunk.len() == 0) {
            continue;
        }
        let file = match &mut growing {
            Some(file) => file,
            none => none.insert(Growing::create(&place, first.source.as_str())?),
        };
        file.add_all(&living)?;
    }
    let files: Vec<TableFile> = growing.map(Growing::finish).transpose()?.into_iter().collect();
    sync_names(root, &files)?;
    Ok((files, removed))
}
