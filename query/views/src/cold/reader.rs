//! Reading pages by place, without a shared cursor, so that many scans read one file at once.

use crate::StoreError;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// An open table file.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    file: Arc<File>,
    length: u64,
}

impl Pages {
    pub(crate) fn open(path: &Path) -> std::result::Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::disk(path, "read"))?;
        let length = file.metadata().map_err(StoreError::disk(path, "read"))?.len();
        Ok(Self { file: Arc::new(file), length })
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Pages {
    type T = From;

    fn get_read(&self, start: u64) -> Result<From> {
        Ok(From { file: self.file.clone(), at: start, ahead: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start).map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(bytes.into())
    }
}

/// Reads on from one place, a stretch at a time.
#[derive(Debug)]
pub(crate) struct From {
    file: Arc<File>,
    at: u64,
    ahead: Bytes,
}

const STRETCH: usize = 8192;

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.ahead.is_empty() {
            let mut stretch = vec![0; STRETCH.max(into.len())];
            let read = self.file.read_at(&mut stretch, self.at)?;
            stretch.truncate(read);
            self.at += read as u64;
            self.ahead = stretch.into();
        }
        let take = self.ahead.len().min(into.len());
        let taken = self.ahead.split_to(take);
        if let Some(into) = into.get_mut(..take) {
            into.copy_from_slice(&taken);
        }
        Ok(take)
    }
}
