//! What can go wrong in the store.

use std::path::PathBuf;

/// Why the store could not open, commit or be removed. No message carries patient data: paths hold facility ids and
/// sequence numbers only.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing a file failed; a full disk shows here. What was put stays in memory and in the log.
    #[error("`{path}` could not be {deed}: {source}; free space or mend the disk, nothing acknowledged is lost")]
    Disk {
        /// Which file or directory.
        path: PathBuf,
        /// `read`, `written` …
        deed: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the store is not what was written.
    #[error("`{path}` is damaged: {what}; run `ajisai views rebuild` to make the store anew from the log")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A table file could not be written or read.
    #[error("a table file of `{table}` could not be processed: {source}")]
    Parquet {
        /// Which table.
        table: &'static str,
        /// What the format's library said.
        source: parquet::errors::ParquetError,
    },
    /// Rows could not be put together.
    #[error("rows of `{table}` could not be put together: {source}")]
    Arrow {
        /// Which table.
        table: &'static str,
        /// What Arrow said.
        source: arrow::error::ArrowError,
    },
    /// The table's open log could not be written.
    #[error("the table log of `{table}` could not be written: {source}")]
    Delta {
        /// Which table.
        table: &'static str,
        /// What the library said.
        source: Box<deltalake_core::DeltaTableError>,
    },
    /// The record index failed.
    #[error("the record index failed: {source}; run `ajisai views rebuild` if it stays")]
    Index {
        /// What the library said.
        #[from]
        source: fjall::Error,
    },
    /// An earlier fault of the index or of memory; the rows shown stay those from before it.
    #[error("the store met a fault it said before and takes no more; start the node again, it resumes from the log")]
    Poisoned,
    /// A background task ended early: a fault of this program, or a shutdown.
    #[error("a background task of the store ended early")]
    Interrupted,
}

impl StoreError {
    pub(crate) fn disk(path: impl Into<PathBuf>, deed: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { path, deed, source }
    }
    pub(crate) fn damaged(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.into(), what: what.into() }
    }
}
