//! What the log asks of a file system, in so few words that the ways it fails can be simulated.

mod disk;
mod simulated;

pub use disk::Disk;
pub use simulated::SimulatedDisk;

use std::{fmt::Debug, io, sync::Arc};

/// Held while a log is open; dropping it lets another process in.
pub type DirectoryLock = Box<dyn Debug + Send + Sync>;

/// One directory of files.
pub trait Storage: Send + Sync + Debug + 'static {
    /// The names of the files in it, in no order.
    ///
    /// # Errors
    /// As the operating system says; likewise below.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Creates a file. It may vanish in a crash until [`sync_directory`](Self::sync_directory) returned.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one of that name.
    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>>;
    /// Opens a file that exists, to read and write.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>>;
    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes the creations and removals so far survive a crash.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync_directory(&self) -> io::Result<()>;
    /// Takes the directory for one log alone.
    ///
    /// # Errors
    /// `WouldBlock` when another log has it.
    fn lock(&self) -> io::Result<DirectoryLock>;
}

/// One file.
pub trait StorageFile: Send + Sync + Debug + 'static {
    /// Its length in bytes.
    ///
    /// # Errors
    /// As the operating system says; likewise below.
    fn length(&self) -> io::Result<u64>;
    /// Fills `buffer` from byte `at` on.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;
    /// Writes all of `bytes` at byte `at`. They may be lost in a crash, page by page and in any order, until
    /// [`sync`](Self::sync) returned.
    ///
    /// # Errors
    /// `StorageFull` or `QuotaExceeded` when there is no space; part may have been written.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    /// Makes the file `length` bytes long.
    ///
    /// # Errors
    /// As the operating system says.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Reserves space up to `length` bytes and makes the file that long; the new bytes read as zero.
    ///
    /// # Errors
    /// `StorageFull` when there is not so much, `Unsupported` where it cannot be done.
    fn allocate(&self, length: u64) -> io::Result<()>;
    /// Makes the bytes written and the length survive a crash (fdatasync).
    ///
    /// # Errors
    /// Whatever it says, nothing written since the last sync may be trusted, now or later.
    fn sync(&self) -> io::Result<()>;
}

/// Whether an error says that there is no space, so that trying again later can succeed.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
