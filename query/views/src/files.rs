//! Small files of the store: written once, checked by a checksum at their end, synced before they are named.

use crate::StoreError;
use bytes::Bytes;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Writes one file: bytes, then the XXH3 of them.
pub(crate) struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    hash: Xxh3,
}

impl Writer {
    pub(crate) fn create(path: &Path) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(StoreError::disk(path, "created"))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::with_capacity(1 << 18, file), hash: Xxh3::new() })
    }
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(StoreError::disk(&self.path, "written"))
    }
    /// Ends the file and syncs it.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        let path = self.path;
        self.file.write_all(&self.hash.digest().to_le_bytes()).map_err(StoreError::disk(&path, "written"))?;
        let file = self.file.into_inner().map_err(|error| StoreError::disk(&path, "written")(error.into_error()))?;
        file.sync_all().map_err(StoreError::disk(&path, "synced"))
    }
}

/// A file read whole, its checksum verified.
pub(crate) struct Reader {
    body: Bytes,
}

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let whole = Bytes::from(fs::read(path).map_err(StoreError::disk(path, "read"))?);
        let Some((body, sum)) = whole.split_last_chunk::<8>() else {
            return Err(StoreError::damaged(path, "it is too short"));
        };
        if xxhash_rust::xxh3::xxh3_64(body) != u64::from_le_bytes(*sum) {
            return Err(StoreError::damaged(path, "its checksum does not fit"));
        }
        Ok(Self { body: whole.slice_ref(body) })
    }
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(StoreError::disk(dir, "synced"))
}

pub(crate) fn create_dir(dir: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(dir).map_err(StoreError::disk(dir, "created"))
}
