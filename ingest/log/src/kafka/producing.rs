//! Appending: each letter a message, confirmed by all replicas.

use super::{
    config::{KafkaConfig, KafkaOpenError},
    topics::Topics,
};
use crate::{AppendError, Letter, PartitionKey, partition_of};
use model::{Offset, PartitionId, Position};
use rdkafka::{
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer},
    types::RDKafkaErrorCode,
};
use std::{num::NonZeroU32, time::Duration};

/// The message header with the event's digest, 16 bytes, big-endian.
pub(super) const EVENT: &str = "event";
/// The message headers with the trace.
pub(super) const TRACEPARENT: &str = "traceparent";
pub(super) const TRACESTATE: &str = "tracestate";

/// How long to wait when the client's queue is full.
const PAUSE: Duration = Duration::from_millis(2);

/// The producer.
pub(super) struct Producing {
    producer: FutureProducer,
    topics: Topics,
    data_partitions: NonZeroU32,
    letter_bytes: usize,
}

impl Producing {
    pub(super) fn new(config: &KafkaConfig, topics: Topics) -> Result<Self, KafkaOpenError> {
        let mut client = config.client();
        // Idempotence keeps the order of one partition over repetitions, and stores each message once.
        client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "0")
            .set("message.max.bytes", config.message_bytes().to_string())
            .set("message.timeout.ms", config.delivery_timeout.as_millis().to_string());
        let producer = client.create().map_err(KafkaOpenError::configuration)?;
        let (data_partitions, letter_bytes) = (config.data_partitions, config.letter_bytes);
        Ok(Self { producer, topics, data_partitions, letter_bytes })
    }

    /// Sends the letters and waits for every confirmation.
    pub(super) async fn send(&self, letters: Vec<Letter>) -> Result<Vec<Position>, AppendError> {
        for letter in &letters {
            if letter.size() > self.letter_bytes {
                let (bytes, limit) = (letter.size() as u64, self.letter_bytes as u64);
                return Err(AppendError::TooLarge { bytes, limit });
            }
        }
        let mut sent = Vec::with_capacity(letters.len());
        for letter in &letters {
            let partition = partition_of(&letter.key, self.data_partitions);
            sent.push((partition, letter.size(), self.enqueue(letter, partition).await?));
        }
        let mut positions = Vec::with_capacity(sent.len());
        for (partition, bytes, delivery) in sent {
            let delivered = match delivery.await {
                Ok(Ok(delivered)) => delivered,
                Ok(Err((error, _))) => return Err(self.refusal(&error, bytes)),
                Err(_cancelled) => return Err(AppendError::Closed),
            };
            let offset = u64::try_from(delivered.offset)
                .map_err(|_| AppendError::Unavailable { reason: "it confirmed without an offset".to_owned() })?;
            positions.push(Position { partition, offset: Offset(offset) });
        }
        Ok(positions)
    }

    async fn enqueue(&self, letter: &Letter, partition: PartitionId) -> Result<DeliveryFuture, AppendError> {
        let unknown = || AppendError::Unavailable { reason: format!("it has no partition {partition}") };
        let (topic, of_topic) = self.topics.locate(partition).ok_or_else(unknown)?;
        let mut record =
            FutureRecord::<[u8], [u8]>::to(topic).partition(of_topic).payload(&letter.payload).headers(headers(letter));
        if let PartitionKey::Patient(key) = &letter.key {
            record = record.key(key);
        }
        loop {
            record = match self.producer.send_result(record) {
                Ok(delivery) => return Ok(delivery),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => record,
                Err((error, _)) => return Err(self.refusal(&error, letter.size())),
            };
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn refusal(&self, error: &KafkaError, bytes: usize) -> AppendError {
        if let Some((_, reason)) = self.producer.client().fatal_error() {
            tracing::error!(
                reason,
                "the Kafka producer failed for good: nothing more is accepted until the process restarts"
            );
            return AppendError::Poisoned { reason };
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                AppendError::TooLarge { bytes: bytes as u64, limit: self.letter_bytes as u64 }
            }
            _ => AppendError::Unavailable { reason: error.to_string() },
        }
    }
}

fn headers(letter: &Letter) -> OwnedHeaders {
    let event = letter.event.to_be_bytes();
    let mut headers = OwnedHeaders::new().insert(Header { key: EVENT, value: Some(&event[..]) });
    if let Some(trace) = &letter.trace {
        headers = headers.insert(Header { key: TRACEPARENT, value: Some(trace.traceparent()) });
        if let Some(state) = trace.tracestate() {
            headers = headers.insert(Header { key: TRACESTATE, value: Some(state) });
        }
    }
    headers
}
