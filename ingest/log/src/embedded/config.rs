//! What the embedded log is opened with, and why it may refuse.

use std::{io, num::NonZeroU32, path::PathBuf};

/// Where the log lies and how large its parts are.
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// The directory, which the log has for itself.
    pub directory: PathBuf,
    /// How many data partitions. Fixed when the log is created; opening with another number is refused.
    pub data_partitions: NonZeroU32,
    /// Size of a segment file in bytes. Opening reads one segment whole; space is reserved and freed by segment.
    pub segment_bytes: u64,
    /// How many bytes of the newest letters stay in memory for readers that keep up.
    pub memory_bytes: usize,
    /// The largest letter taken, in bytes of [`Letter::size`](crate::Letter::size).
    pub letter_bytes: usize,
}

impl EmbeddedConfig {
    /// The usual sizes: segments of 128 MiB, 64 MiB in memory, letters of up to 8 MiB.
    pub fn new(directory: impl Into<PathBuf>, data_partitions: NonZeroU32) -> Self {
        Self {
            directory: directory.into(),
            data_partitions,
            segment_bytes: 128 << 20,
            memory_bytes: 64 << 20,
            letter_bytes: 8 << 20,
        }
    }
}

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another log in this one, has the directory.
    #[error("the log's directory is in use by another process; stop it, or configure another directory")]
    InUse,
    /// The log was created with another number of data partitions.
    #[error("the log has {found} data partitions but {configured} are configured; configure {found}")]
    Partitions {
        /// What the log has.
        found: u32,
        /// What was asked for.
        configured: u32,
    },
    /// A file of a format this program does not know.
    #[error("`{file}` has format version {version}, which this program does not know; use the program that wrote it")]
    UnknownVersion {
        /// The file's name.
        file: String,
        /// The version in it.
        version: u32,
    },
    /// Stored bytes are not what was written.
    #[error("the log is damaged: {reason} in `{file}` at byte {at}; restore this file from a backup")]
    Damaged {
        /// The file's name.
        file: String,
        /// Where in it, in bytes.
        at: u64,
        /// What was found.
        reason: String,
    },
    /// A segment between two others is not there.
    #[error("the log's file `{file}` is missing; restore it from a backup")]
    Missing {
        /// The file's name.
        file: String,
    },
    /// The file system refused.
    #[error("{action} {subject} failed: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        subject: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl OpenError {
    pub(super) fn io(action: &'static str, subject: &str, source: io::Error) -> Self {
        Self::Io { action, subject: subject.to_owned(), source }
    }
}
