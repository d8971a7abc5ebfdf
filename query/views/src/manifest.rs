//! The manifest: the one file whose renaming is the commit.
//!
//! A commit writes table files, the dead rows, the book's letters and the index's changes under names of its own,
//! syncs them, and then renames `manifest.json.new` over `manifest.json`. Before the rename none of it is there;
//! after it all of it is. Files that no manifest names are removed at the next opening.

use crate::StoreError;
use crate::cold::FileEntry;
use crate::files::sync_dir;
use model::Frontier;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

const NAME: &str = "manifest.json";
/// 2: the waveform table holds beds, more channels and the hops' times.
const FORMAT: u32 = 2;

/// What a commit names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    format: u32,
    /// Counts commits from 1; 0 is the empty store.
    pub(crate) sequence: u64,
    /// How far in the log everything named here reaches.
    frontier: String,
    /// All tables' files.
    pub(crate) files: Vec<FileEntry>,
    /// The version of each table's open log.
    pub(crate) table_versions: BTreeMap<String, u64>,
    /// The file of dead rows, if there are any.
    pub(crate) dead: Option<String>,
    /// The segments of the book's letters, oldest first.
    pub(crate) letters: Vec<String>,
    /// The index's changes of this commit, if there are any.
    pub(crate) changes: Option<String>,
}

impl Manifest {
    pub(crate) fn empty() -> Self {
        Self {
            format: FORMAT,
            sequence: 0,
            frontier: String::new(),
            files: Vec::new(),
            table_versions: BTreeMap::new(),
            dead: None,
            letters: Vec::new(),
            changes: None,
        }
    }

    /// Reads the manifest of a store's directory; the empty one where there is none.
    pub(crate) fn read(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::empty()),
            Err(error) => return Err(StoreError::disk(path, "read")(error)),
        };
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|error| StoreError::damaged(&path, error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(StoreError::damaged(
                path,
                format!("its format is {}, this program reads {FORMAT}", manifest.format),
            ));
        }
        Ok(manifest)
    }

    /// Puts this manifest in the place of the one before: the commit.
    pub(crate) fn commit(&self, dir: &Path) -> Result<(), StoreError> {
        let path = dir.join(NAME);
        let new = dir.join("manifest.json.new");
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| StoreError::damaged(&path, error.to_string()))?;
        let mut file = File::create(&new).map_err(StoreError::disk(&new, "created"))?;
        file.write_all(&bytes).map_err(StoreError::disk(&new, "written"))?;
        file.sync_all().map_err(StoreError::disk(&new, "synced"))?;
        fs::rename(&new, &path).map_err(StoreError::disk(&path, "renamed"))?;
        sync_dir(dir)
    }

    pub(crate) fn frontier(&self, dir: &Path) -> Result<Frontier, StoreError> {
        self.frontier.parse().map_err(|_| StoreError::damaged(dir.join(NAME), "its frontier is not one"))
    }

    pub(crate) fn set_frontier(&mut self, frontier: &Frontier) {
        self.frontier = frontier.to_string();
    }
}
