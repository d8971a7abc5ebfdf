//! Going through a whole storage: the first load, and every later look whether anything was missed.
//!
//! The tree is shared out by its second level (`first three/next three`), which divides a storage evenly whatever
//! its patient numbers look like; each thread walks its part and reads what is new. What is read is handed on one data type
//! folder at a time, so memory holds a few folders and never a storage.

use super::folder::{Folder, Known, LookError, Reading, Volume, look};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use walkdir::{DirEntry, WalkDir};

/// How far a sweep has come. Read it while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    folders: AtomicU64,
    files: AtomicU64,
    new: AtomicU64,
    bytes: AtomicU64,
    stray: AtomicU64,
    failed: AtomicU64,
    unsettled: AtomicU64,
}

/// What a sweep has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Swept {
    /// Data type folders looked at.
    pub folders: u64,
    /// Files in them.
    pub files: u64,
    /// Files that were new or had changed, and were handed on.
    pub new: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files outside any data type folder, which are no part of a storage.
    pub stray: u64,
    /// Folders that could not be read.
    pub failed: u64,
    /// Folders with something that may still be written: sweep again.
    pub unsettled: u64,
}

/// Whoever takes what is found: makes it durable and notes that it was taken, before it returns.
pub trait Taker: Send + Sync {
    /// Takes folders.
    ///
    /// # Errors
    /// When they could not be taken; all of them come again with the next sweep.
    fn take(&self, folders: Vec<Folder>) -> Result<(), TakeError>;
}

/// What was found could not be taken, and will be found again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what was found in the storage could not be taken: {reason}")]
pub struct TakeError {
    /// What stood in the way.
    pub reason: String,
}

impl Progress {
    /// The counts so far.
    pub fn so_far(&self) -> Swept {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Swept {
            folders: read(&self.folders),
            files: read(&self.files),
            new: read(&self.new),
            bytes: read(&self.bytes),
            stray: read(&self.stray),
            failed: read(&self.failed),
            unsettled: read(&self.unsettled),
        }
    }

    fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    fn looked(&self, folder: &Folder) {
        Self::add(&self.folders, 1);
        Self::add(&self.files, folder.files);
        Self::add(&self.new, folder.found.len() as u64);
        Self::add(&self.bytes, folder.bytes() as u64);
        Self::add(&self.unsettled, u64::from(folder.unsettled));
    }
}

/// Whoever looks through a storage.
pub struct Sweeper<'a> {
    /// The root to go through.
    pub volume: &'a Volume,
    /// What was taken before.
    pub known: &'a dyn Known,
    /// How to read.
    pub reading: &'a Reading,
    /// Whoever takes what is found.
    pub taker: &'a dyn Taker,
    /// Where the counts go.
    pub progress: &'a Progress,
    /// Set it to end early.
    pub stop: &'a AtomicBool,
}

impl std::fmt::Debug for Sweeper<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sweeper").field("volume", &self.volume.label).finish_non_exhaustive()
    }
}

/// Below the root: `first/second/patient/date/type`.
const SECOND: usize = 2;
const TYPE: usize = 5;

/// Folders and bytes that one thread gathers before they are taken: what is made durable together costs one sync.
const GATHERED_FOLDERS: usize = 64;
const GATHERED_BYTES: usize = 4 << 20;

/// What one thread has read and not handed on yet.
#[derive(Default)]
struct Gathered {
    folders: Vec<Folder>,
    bytes: usize,
}

fn is_part_of_a_storage(entry: &DirEntry) -> bool {
    // Folders of file servers: snapshots, indexes, bins.
    entry.depth() == 0 || !entry.file_name().to_str().is_some_and(|name| name.starts_with(['.', '@', '$']))
}

impl Sweeper<'_> {
    /// Goes through the whole volume; every folder in which anything is new is taken. It blocks until all threads are
    /// done.
    ///
    /// # Errors
    /// When the root cannot be read, the record of what was taken fails, or what is found cannot be taken. A folder below
    /// the root that cannot be read is counted and passed over: the next sweep tries again.
    pub fn run(&self) -> Result<Swept, LookError> {
        // A root that is not there must not look like an empty storage.
        std::fs::read_dir(&self.volume.root)?;
        let parts = Mutex::new(WalkDir::new(&self.volume.root).max_depth(SECOND).into_iter());
        let failure = Mutex::new(None);
        let work = || {
            let mut gathered = Gathered::default();
            let mut done = Ok(());
            while let (Some(part), true) = (self.next_part(&parts), done.is_ok()) {
                done = self.walk(part.path(), SECOND, &mut gathered).map(|_| ());
            }
            if let Err(error) = done.and_then(|()| self.flush(&mut gathered)) {
                self.stop.store(true, Ordering::Relaxed);
                failure.lock().get_or_insert(error);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.reading.threads.max(1) {
                scope.spawn(work);
            }
        });
        match failure.into_inner() {
            Some(error) => Err(error),
            None => Ok(self.progress.so_far()),
        }
    }

    /// The next folder of the second level.
    fn next_part(&self, parts: &Mutex<walkdir::IntoIter>) -> Option<DirEntry> {
        let mut parts = parts.lock();
        while !self.is_stopped() {
            match parts.next()? {
                Ok(entry) if !is_part_of_a_storage(&entry) => {
                    if entry.file_type().is_dir() {
                        parts.skip_current_dir();
                    }
                }
                Ok(entry) if entry.file_type().is_dir() => {
                    if entry.depth() == SECOND {
                        return Some(entry);
                    }
                }
                Ok(_) => Progress::add(&self.progress.stray, 1),
                Err(error) => {
                    self.failed(&error);
                }
            }
        }
        None
    }

    /// Goes through what lies below a folder that is itself `depth` levels below the root. Answers whether anything
    /// there must be looked at again.
    fn walk(&self, below: &Path, depth: usize, gathered: &mut Gathered) -> Result<bool, LookError> {
        let mut again = false;
        let walk = WalkDir::new(below).min_depth(1).max_depth(TYPE - depth).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(is_part_of_a_storage) {
            if self.is_stopped() {
                return Ok(true);
            }
            match entry {
                Err(error) => again |= self.failed(&error),
                Ok(entry) if entry.file_type().is_file() => Progress::add(&self.progress.stray, 1),
                Ok(entry) if entry.file_type().is_dir() && entry.depth() == TYPE - depth => {
                    again |= self.look_at(entry.path(), gathered)?;
                }
                Ok(_) => {}
            }
        }
        Ok(again)
    }

    fn look_at(&self, directory: &Path, gathered: &mut Gathered) -> Result<bool, LookError> {
        let Some(path) = relative(&self.volume.root, directory) else {
            tracing::warn!("a folder whose name is not UTF-8 was passed over");
            Progress::add(&self.progress.failed, 1);
            return Ok(false);
        };
        match look(self.volume, &path, self.known, self.reading) {
            Ok(folder) => {
                self.progress.looked(&folder);
                let unsettled = folder.unsettled;
                if !folder.is_unchanged() {
                    gathered.bytes += folder.bytes();
                    gathered.folders.push(folder);
                }
                if gathered.folders.len() >= GATHERED_FOLDERS || gathered.bytes >= GATHERED_BYTES {
                    self.flush(gathered)?;
                }
                Ok(unsettled)
            }
            Err(LookError::Storage(error)) => {
                // The path is patient data; what the file system says is not.
                tracing::warn!(error = %error.kind(), "a folder of the storage could not be read");
                Progress::add(&self.progress.failed, 1);
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    fn flush(&self, gathered: &mut Gathered) -> Result<(), LookError> {
        gathered.bytes = 0;
        let folders = std::mem::take(&mut gathered.folders);
        if folders.is_empty() { Ok(()) } else { Ok(self.taker.take(folders)?) }
    }

    /// Looks where something is said to have happened. Answers where to look again: what may still be written, or could
    /// not be read.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn look_where(&self, hints: impl IntoIterator<Item = Hint>) -> Result<BTreeSet<Hint>, LookError> {
        let mut again = BTreeSet::new();
        let mut gathered = Gathered::default();
        for hint in hints {
            let directory = self.volume.root.join(hint.path());
            let unfinished = match &hint {
                _ if self.is_stopped() => true,
                Hint::Folder(_) => self.look_at(&directory, &mut gathered)?,
                Hint::Below(path) => self.walk(&directory, path.split('/').count(), &mut gathered)?,
            };
            if unfinished {
                again.insert(hint);
            }
        }
        self.flush(&mut gathered)?;
        Ok(again)
    }

    fn failed(&self, error: &walkdir::Error) -> bool {
        let kind = error.io_error().map(std::io::Error::kind);
        // Renamed or removed while we looked: whoever did so says so, or the next sweep sees it.
        let failed = kind != Some(std::io::ErrorKind::NotFound);
        if failed {
            tracing::warn!(error = ?kind, "a folder of the storage could not be read");
            Progress::add(&self.progress.failed, 1);
        }
        failed
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Where to look: something is said to have happened there. What happened is for the storage to say.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hint {
    /// In a data type folder, `first/second/patient/date/type`.
    Folder(String),
    /// Somewhere below a folder above that, such as a patient's.
    Below(String),
}

// Redacted: a path holds a patient number.
impl std::fmt::Debug for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Folder(_) => "Folder(******)",
            Self::Below(_) => "Below(******)",
        })
    }
}

impl Hint {
    /// From a path below the root, of a file, a folder or a document in a content folder; `None` for the root itself, or
    /// for a path that leads out of it.
    pub fn of_path(relative: &str) -> Option<Self> {
        let parts: Vec<&str> = relative.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.is_empty() || parts.iter().any(|part| *part == ".." || part.contains('\0')) {
            return None;
        }
        Some(match parts.get(..TYPE) {
            Some(folder) => Self::Folder(folder.join("/")),
            None => Self::Below(parts.join("/")),
        })
    }
    /// The folder of a patient, for numbers that are long enough to be spread.
    pub fn of_patient(number: &str) -> Option<Self> {
        let plain = number.len() <= 15 && number.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let (first, rest) = number.split_at_checked(3)?;
        let (second, _) = rest.split_at_checked(3)?;
        plain.then(|| Self::Below(format!("{first}/{second}/{number}")))
    }
    /// The path below the root. Patient data.
    pub fn path(&self) -> &str {
        match self {
            Self::Folder(path) | Self::Below(path) => path,
        }
    }
}

/// `path` below `root`, with `/` between its parts.
pub(super) fn relative(root: &Path, path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.strip_prefix(root).ok()?.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}
