//! The real file system.

use super::{DirectoryLock, Storage, StorageFile};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

const LOCK: &str = "LOCK";

/// A directory of the operating system's.
#[derive(Debug)]
pub struct Disk {
    directory: PathBuf,
}

#[derive(Debug)]
struct DiskFile(File);

impl Disk {
    /// The directory at `path`, created with its parents if it is not there, for the owner alone: it holds patient data.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn at(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { directory: path.to_owned() })
    }
    fn options() -> OpenOptions {
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        options
    }
}

// === impl Storage ===

impl Storage for Disk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(DiskFile(Self::options().create_new(true).open(self.directory.join(name))?)))
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(DiskFile(Self::options().open(self.directory.join(name))?)))
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.directory.join(name))
    }
    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
    fn lock(&self) -> io::Result<DirectoryLock> {
        let file = Self::options().create(true).truncate(false).open(self.directory.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

// === impl StorageFile ===

impl StorageFile for DiskFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, at)
    }
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, at)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
    fn allocate(&self, length: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(&self.0, rustix::fs::FallocateFlags::empty(), 0, length)?)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
