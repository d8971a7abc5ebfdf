//! The log: what every implementation promises.

use crate::{Letter, PartitionKey, ReadLimit, Stored};
use async_trait::async_trait;
use model::{Frontier, Offset, PartitionId, Position};
use std::{fmt::Debug, num::NonZeroU32, time::Duration};

/// Why letters were not acknowledged. None, some or all of them may be in the log all the same;
/// appending them again is safe, because the same event is the same event wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk is full. The log goes on serving reads and accepts again as soon as there is space.
    #[error("the log's disk is full: {bytes} bytes could not be stored; free space or add disk, then send again")]
    Full {
        /// How many bytes were to be written.
        bytes: u64,
    },
    /// A letter, or all letters of one call together, are larger than the log takes.
    #[error("{bytes} bytes are more than the {limit} the log takes at once; send smaller events or fewer of them")]
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The log is closing or closed.
    #[error("the log is closed")]
    Closed,
    /// Storage failed in a way after which nothing may be acknowledged. The process must restart.
    #[error("the log's storage failed and nothing more is accepted: {reason}; check the disk and restart the process")]
    Poisoned {
        /// What the storage said.
        reason: String,
    },
    /// The broker did not confirm in time. Send again.
    #[error("the log's broker did not confirm: {reason}; send again")]
    Unavailable {
        /// What the broker or its client said.
        reason: String,
    },
}

/// Why letters could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The log has no such partition.
    #[error("partition {partition} does not exist: the log has partitions 0 to {last}")]
    UnknownPartition {
        /// The partition asked for.
        partition: PartitionId,
        /// The last that exists.
        last: u32,
    },
    /// The offset lies before what the log still keeps, or after its end: letters would be skipped.
    #[error("offset {from} of partition {partition} is outside the log, which holds {first} up to but not {end}")]
    OutOfRange {
        /// The partition asked for.
        partition: PartitionId,
        /// The offset asked for.
        from: Offset,
        /// The first offset kept.
        first: Offset,
        /// The next offset to be written.
        end: Offset,
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
    /// The storage or the broker did not answer. Read again.
    #[error("the log could not be read: {reason}; try again")]
    Unavailable {
        /// What it said.
        reason: String,
    },
    /// The log is closed and everything from the offset on has been read.
    #[error("the log is closed and this is its end")]
    Closed,
}

/// A durable log of letters in one control partition and several data partitions.
///
/// Letters of one partition are in one total order without gaps; between partitions there is no order.
#[async_trait]
pub trait EventLog: Send + Sync + Debug + 'static {
    /// How many data partitions there are, besides the control partition. Fixed when the log is created.
    fn data_partitions(&self) -> u32;

    /// The partition a key belongs to: the same in every implementation, see [`partition_of`].
    fn partition_of(&self, key: &PartitionKey) -> PartitionId {
        partition_of(key, NonZeroU32::new(self.data_partitions()).unwrap_or(NonZeroU32::MIN))
    }

    /// Appends letters, durably when it returns: one position per letter, in the letters' order. Letters of one
    /// call and one partition keep their order, and stand after those of every call that returned before.
    /// Concurrent callers are grouped into one commit. Dropping the future does not take the letters back.
    ///
    /// # Errors
    /// See [`AppendError`].
    async fn append(&self, letters: Vec<Letter>) -> Result<Vec<Position>, AppendError>;

    /// Reads letters of one partition from an offset on, durable ones only, waiting up to `wait` for at least one;
    /// empty when none came. After [`close`](Self::close) what is there can still be read, and the end is
    /// [`ReadError::Closed`] at once.
    ///
    /// # Errors
    /// See [`ReadError`].
    async fn read(
        &self,
        partition: PartitionId,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Stored>, ReadError>;

    /// The next offset of every partition, control and data, of durable letters only.
    ///
    /// # Errors
    /// When the broker does not answer.
    async fn end(&self) -> Result<Frontier, ReadError>;

    /// Stops admitting, commits what is under way, and closes. Closing twice is closing once.
    ///
    /// # Errors
    /// When what was under way could not be committed.
    async fn close(&self) -> Result<(), AppendError>;
}

/// The partition a key belongs to among `data_partitions`: control is 0, a patient's is 1 + XXH3-64(key) mod n.
pub fn partition_of(key: &PartitionKey, data_partitions: NonZeroU32) -> PartitionId {
    match key {
        PartitionKey::Control => PartitionId::CONTROL,
        PartitionKey::Patient(key) => {
            let place = xxhash_rust::xxh3::xxh3_64(key) % u64::from(data_partitions.get());
            PartitionId(u32::try_from(place).unwrap_or(u32::MAX - 1) + 1)
        }
    }
}
