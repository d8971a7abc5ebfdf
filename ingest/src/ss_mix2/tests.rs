//! Storages in a temporary directory, written as a hospital's system writes them; and the real samples.

mod following;
mod laws;
mod meaning;
mod sweeping;

use super::*;
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Takes everything, and notes it.
pub(super) struct Notebook {
    pub(super) cursor: Arc<Cursor>,
    pub(super) taken: Mutex<Vec<(String, Body)>>,
    pub(super) gone: Mutex<Vec<String>>,
}

impl Notebook {
    pub(super) fn new(cursor: &Arc<Cursor>) -> Arc<Self> {
        Arc::new(Self { cursor: Arc::clone(cursor), taken: Mutex::default(), gone: Mutex::default() })
    }
    /// The names taken since it was last asked, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.taken.lock().drain(..).map(|(name, _)| name).collect();
        names.sort();
        names
    }
}

impl Taker for Notebook {
    fn take(&self, folders: Vec<Folder>) -> Result<(), TakeError> {
        let mut changes = Changes::default();
        for folder in folders {
            for found in folder.found {
                let seen = Seen { print: found.print, hash: found.hash, outcome: Outcome::Taken };
                changes.seen.push((FileKey::new(&folder.volume, &folder.path, &found.name), seen));
                self.taken.lock().push((found.name, found.body));
            }
            for (name, _) in folder.gone {
                changes.gone.push(FileKey::new(&folder.volume, &folder.path, &name));
                self.gone.lock().push(name);
            }
        }
        self.cursor.commit(&changes).map_err(|error| TakeError { reason: error.to_string() })
    }
}

/// A storage, its cursor and whoever takes what is found.
pub(super) struct Ward {
    pub(super) directory: tempfile::TempDir,
    pub(super) cursor: Arc<Cursor>,
    pub(super) notebook: Arc<Notebook>,
}

pub(super) const EAGER: Reading = Reading { threads: 4, largest_file: 1 << 20, settled: Duration::ZERO };

impl Ward {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("root")).unwrap();
        let cursor = Arc::new(Cursor::open(&directory.path().join("cursor")).unwrap());
        let notebook = Notebook::new(&cursor);
        Self { directory, cursor, notebook }
    }
    pub(super) fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }
    pub(super) fn volume(&self) -> Volume {
        Volume { label: "STD".to_owned(), root: self.root() }
    }
    /// Where a file of this name lies.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        let parts: Vec<&str> = name.split('_').collect();
        let (patient, date, data) = (parts[0], parts[1], parts[2]);
        let (first, rest) = patient.split_at(3);
        self.root().join(first).join(rest.split_at(3).0).join(patient).join(date).join(data).join(name)
    }
    pub(super) fn write(&self, name: &str, content: &str) {
        let path = self.path_of(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    pub(super) fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path_of(from), self.path_of(to)).unwrap();
    }
    pub(super) fn sweep(&self, reading: &Reading) -> Swept {
        sweep(&self.volume(), &self.cursor, self.notebook.as_ref(), reading)
    }
}

pub(super) fn sweep(volume: &Volume, cursor: &Cursor, taker: &dyn Taker, reading: &Reading) -> Swept {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    Sweeper { volume, known: cursor, reading, taker, progress: &progress, stop: &stop }.run().unwrap()
}

/// The real samples, or `None` where they are not.
#[expect(clippy::print_stdout, reason = "whoever runs the tests must hear that one did nothing")]
pub(super) fn samples() -> Option<PathBuf> {
    let shared = std::env::var_os("AJISAI_SHARED_DATA").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    let samples = shared.join("ss-mix2");
    if samples.is_dir() {
        return Some(samples);
    }
    println!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", samples.display());
    None
}
