//! The log in Kafka, for many processes: an idempotent producer that waits for all replicas, one topic for the control
//! partition and one for the data partitions.
//!
//! Kafka's offsets are the log's offsets: `<prefix>.control` is partition 0, partition *i* of `<prefix>.events` is
//! partition *i* + 1. Readers are assigned their partitions and place themselves; there are no consumer groups and no
//! transactions. The topics keep everything; compaction or deletion would show as a gap, which is an error.

mod config;
mod producing;
mod reading;
mod topics;

pub use config::{KafkaConfig, KafkaOpenError, KafkaSasl, KafkaSecurity, KafkaTls, SaslMechanism};

use crate::{AppendError, EventLog, Letter, ReadError, ReadLimit, Stored, metrics::LogMetrics};
use async_trait::async_trait;
use model::{Frontier, Offset, PartitionId, Position};
use producing::Producing;
use reading::Reading;
use std::{
    fmt,
    num::NonZeroU32,
    time::{Duration, Instant},
};
use tokio::sync::{RwLock, watch};
use topics::Topics;

/// The log in Kafka.
pub struct KafkaLog {
    data_partitions: NonZeroU32,
    metrics: LogMetrics,
    producing: Producing,
    reading: Reading,
    /// Whether letters are admitted; appends hold it for reading while they are under way.
    admitting: RwLock<bool>,
    closed: watch::Sender<bool>,
}

impl KafkaLog {
    /// Connects, creates the topics with their final number of partitions if they are not there, and checks them.
    ///
    /// # Errors
    /// See [`KafkaOpenError`].
    pub async fn open(config: &KafkaConfig) -> Result<Self, KafkaOpenError> {
        let topics = Topics::new(config);
        topics.prepare(config).await?;
        let closed = watch::Sender::new(false);
        let metrics = LogMetrics::new("kafka");
        Ok(Self {
            data_partitions: config.data_partitions,
            producing: Producing::new(config, topics.clone())?,
            reading: Reading::new(config, topics, metrics.clone(), closed.subscribe())?,
            metrics,
            admitting: RwLock::new(true),
            closed,
        })
    }
    async fn submit(&self, letters: Vec<Letter>) -> Result<Vec<Position>, AppendError> {
        let admitting = self.admitting.read().await;
        if !*admitting {
            return Err(AppendError::Closed);
        }
        self.producing.send(letters).await
    }
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog").field("data_partitions", &self.data_partitions).finish_non_exhaustive()
    }
}

// === impl EventLog ===

#[async_trait]
impl EventLog for KafkaLog {
    fn data_partitions(&self) -> u32 {
        self.data_partitions.get()
    }

    async fn append(&self, letters: Vec<Letter>) -> Result<Vec<Position>, AppendError> {
        let started = Instant::now();
        let count = letters.len() as u64;
        let bytes = letters.iter().map(|letter| letter.size() as u64).sum();
        let answer = self.submit(letters).await;
        match &answer {
            Ok(_) => self.metrics.appended(count, bytes, started.elapsed()),
            Err(error) => self.metrics.refused(count, error),
        }
        answer
    }

    /// Letters travel from the broker first: one that is durable may take a fetch before it is found, so a `wait` of
    /// nothing may miss the newest.
    async fn read(
        &self,
        partition: PartitionId,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Stored>, ReadError> {
        self.reading.read(partition, from, limit, wait).await
    }

    async fn end(&self) -> Result<Frontier, ReadError> {
        self.reading.end().await
    }

    async fn close(&self) -> Result<(), AppendError> {
        *self.admitting.write().await = false;
        self.closed.send_replace(true);
        Ok(())
    }
}
