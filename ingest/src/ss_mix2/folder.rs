//! One data type folder: what is new in it, read into memory, oldest first.

use super::cursor::{Cursor, CursorError, Print, Seen};
use super::kind::DataType;
use super::name::FileName;
use super::place::{PathError, place};
use bytes::Bytes;
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One root of a storage; a hospital may have several (by period, by type, extended ones).
#[derive(Clone, Debug)]
pub struct Volume {
    /// A short name that stays the same when the root is mounted elsewhere, such as the index database's volume label.
    pub label: String,
    /// Where it is.
    pub root: PathBuf,
}

/// How a storage is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// How many threads read. Waiting for a file server takes more of them than there are cores.
    pub threads: usize,
    /// The largest file that is read, in bytes.
    pub largest_file: u64,
    /// How long a file must have been left alone: it may still be written.
    pub settled: Duration,
}

impl Default for Reading {
    /// 16 threads, 16 MiB, 2 seconds.
    fn default() -> Self {
        Self { threads: 16, largest_file: 16 << 20, settled: Duration::from_secs(2) }
    }
}

/// What was found of a file's content.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// A file's bytes.
    File(Bytes),
    /// A content folder: its main document and what else lies in it.
    Content {
        /// The main document's name.
        main: String,
        /// Its bytes.
        bytes: Bytes,
        /// How many other files there are (images, style sheets); they are not read.
        others: usize,
    },
    /// Larger than is read.
    TooLarge,
    /// A content folder without a main document.
    NoMainDocument,
    /// It could not be read.
    Unreadable(ErrorKind),
}

impl Body {
    /// The bytes, if there are any.
    pub fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::File(bytes) | Self::Content { bytes, .. } => Some(bytes),
            Self::TooLarge | Self::NoMainDocument | Self::Unreadable(_) => None,
        }
    }
}

// Redacted: it is patient data.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
            Self::Content { bytes, others, .. } => write!(f, "Content({} bytes, {others} others)", bytes.len()),
            Self::TooLarge => f.write_str("TooLarge"),
            Self::NoMainDocument => f.write_str("NoMainDocument"),
            Self::Unreadable(kind) => write!(f, "Unreadable({kind:?})"),
        }
    }
}

/// A file or content folder that was not dealt with yet, or has changed since.
#[derive(Clone)]
pub struct Found {
    /// Its name in its folder. Patient data.
    pub name: String,
    /// What its place says.
    pub place: Result<FileName, PathError>,
    /// What is in it.
    pub body: Body,
    /// By what it is known to be unchanged.
    pub print: Print,
    /// XXH3-128 of its bytes; 0 where there are none.
    pub hash: u128,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("body", &self.body).field("print", &self.print).finish_non_exhaustive()
    }
}

/// What is new in a data type folder.
#[derive(Clone, Default)]
pub struct Folder {
    /// The volume's label.
    pub volume: String,
    /// The folder, relative to the root, with `/` between its parts. Patient data.
    pub path: String,
    /// What was not dealt with yet, in the order in which files replace each other.
    pub found: Vec<Found>,
    /// Names that are known and no longer there, with what was known of them.
    pub gone: Vec<(String, Seen)>,
    /// Whether something was passed over because it may still be written: look again.
    pub unsettled: bool,
    /// How many files there are in all.
    pub files: u64,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder")
            .field("found", &self.found)
            .field("gone", &self.gone.len())
            .field("unsettled", &self.unsettled)
            .finish_non_exhaustive()
    }
}

impl Folder {
    /// Whether there is anything to do.
    pub fn is_unchanged(&self) -> bool {
        self.found.is_empty() && self.gone.is_empty()
    }
    /// Its bytes in memory.
    pub fn bytes(&self) -> usize {
        self.found.iter().filter_map(|found| found.body.bytes()).map(Bytes::len).sum()
    }
}

/// Why a folder could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The file system refused.
    #[error("a folder of the storage could not be read: {0}")]
    Storage(#[from] std::io::Error),
    /// The record of what was taken failed.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// What was found could not be taken.
    #[error(transparent)]
    Take(#[from] super::sweep::TakeError),
}

/// What is known of a storage's files.
pub trait Known: Sync {
    /// What was dealt with in one folder, by name.
    ///
    /// # Errors
    /// When it cannot be read.
    fn in_folder(&self, volume: &str, folder: &str) -> Result<Vec<(String, Seen)>, CursorError>;
}

impl Known for Cursor {
    fn in_folder(&self, volume: &str, folder: &str) -> Result<Vec<(String, Seen)>, CursorError> {
        Self::in_folder(self, volume, folder)
    }
}

/// Nothing is known: every file is read.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Known for Nothing {
    fn in_folder(&self, _: &str, _: &str) -> Result<Vec<(String, Seen)>, CursorError> {
        Ok(Vec::new())
    }
}

/// Looks at one data type folder and reads what is new in it. A folder that is not there holds nothing.
///
/// # Errors
/// When the folder cannot be listed or the record of what was taken cannot be read. A file that cannot be read is
/// [found](Body::Unreadable) so.
pub fn look(volume: &Volume, path: &str, known: &dyn Known, reading: &Reading) -> Result<Folder, LookError> {
    let mut known: HashMap<String, Seen> = known.in_folder(&volume.label, path)?.into_iter().collect();
    let mut folder = Folder { volume: volume.label.clone(), path: path.to_owned(), ..Folder::default() };
    let directory = volume.root.join(path);
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => Some(entries),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => return Err(error.into()),
    };
    let now = SystemTime::now();
    let data = path.rsplit('/').next().and_then(DataType::parse);
    let is_extended = matches!(data, Some(DataType::Extended(_)));
    for entry in entries.into_iter().flatten() {
        let entry = entry?;
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Renamed between listing and looking: the next look finds it under its new name.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                folder.unsettled = true;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        // A link may lead out of the storage.
        if metadata.is_symlink() || (metadata.is_dir() && !is_extended) {
            continue;
        }
        let Ok(name) = entry.file_name().into_string() else {
            // Not even a name to keep it under; a storage's names are ASCII but for a type's.
            tracing::warn!("a file whose name is not UTF-8 was passed over");
            continue;
        };
        folder.files += 1;
        let content = if metadata.is_dir() { Some(Content::list(&entry.path())?) } else { None };
        let print = content.as_ref().map_or_else(|| print_of(&metadata), |content| content.print);
        if known.remove(&name).is_some_and(|seen| seen.print == print) {
            continue;
        }
        if !is_settled(print, now, reading.settled) {
            folder.unsettled = true;
            continue;
        }
        let body = match content {
            Some(content) => content.read(reading.largest_file),
            None => read(&entry.path(), reading.largest_file)
                .map_or_else(Body::Unreadable, |b| b.map_or(Body::TooLarge, Body::File)),
        };
        if body == Body::Unreadable(ErrorKind::NotFound) {
            folder.unsettled = true;
            continue;
        }
        let hash = body.bytes().map_or(0, |bytes| xxhash_rust::xxh3::xxh3_128(bytes));
        let place = place(&Path::new(path).join(&name));
        folder.found.push(Found { name, place, body, print, hash });
    }
    folder.gone = known.into_iter().collect();
    // Files that replace each other come in the order they were written, a deletion after what it deletes.
    folder.found.sort_by(|a, b| order_of(a).cmp(&order_of(b)).then_with(|| a.name.cmp(&b.name)));
    Ok(folder)
}

fn order_of(found: &Found) -> Option<(super::slot::Slot, model::Moment, bool)> {
    use super::name::Condition;
    let name = found.place.as_ref().ok()?;
    Some((super::slot::Slot::of(name), name.stamp, name.condition == Condition::Deleted))
}

fn print_of(metadata: &Metadata) -> Print {
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let modified_us = modified.and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0);
    Print { modified_us, size: metadata.len() }
}

fn is_settled(print: Print, now: SystemTime, settled: Duration) -> bool {
    let modified = UNIX_EPOCH + Duration::from_micros(u64::try_from(print.modified_us).unwrap_or(0));
    // A file from the future (another clock) is settled: waiting would not help.
    now.duration_since(modified).map_or(true, |age| age >= settled)
}

/// A whole file, or `None` when it is too large.
fn read(path: &Path, largest: u64) -> Result<Option<Bytes>, ErrorKind> {
    let file = File::open(path).map_err(|error| error.kind())?;
    let mut bytes = Vec::new();
    file.take(largest + 1).read_to_end(&mut bytes).map_err(|error| error.kind())?;
    Ok((bytes.len() as u64 <= largest).then(|| bytes.into()))
}

/// A content folder's listing.
struct Content {
    print: Print,
    main: Option<PathBuf>,
    files: usize,
}

impl Content {
    fn list(directory: &Path) -> Result<Self, std::io::Error> {
        let mut content = Self { print: Print { modified_us: 0, size: 0 }, main: None, files: 0 };
        let mut candidates = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if !metadata.is_file() {
                continue;
            }
            let print = print_of(&metadata);
            content.print.modified_us = content.print.modified_us.max(print.modified_us);
            content.print.size += print.size;
            content.files += 1;
            candidates.push(entry.path());
        }
        candidates.sort();
        let named = |path: &&PathBuf| path.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("main_document"));
        let ending = |path: &&PathBuf| {
            path.extension().is_some_and(|it| it.eq_ignore_ascii_case("hl7") || it.eq_ignore_ascii_case("xml"))
        };
        content.main = candidates.iter().find(named).or_else(|| candidates.iter().find(ending)).cloned();
        Ok(content)
    }

    fn read(self, largest: u64) -> Body {
        let Some(main) = self.main else { return Body::NoMainDocument };
        let name = main.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match read(&main, largest) {
            Ok(Some(bytes)) => Body::Content { main: name, bytes, others: self.files.saturating_sub(1) },
            Ok(None) => Body::TooLarge,
            Err(kind) => Body::Unreadable(kind),
        }
    }
}
