//! Reading: consumers that are assigned one partition each and stand where a reader left off.

use super::{
    config::{KafkaConfig, KafkaOpenError},
    producing::{EVENT, TRACEPARENT, TRACESTATE},
    topics::Topics,
};
use crate::{
    Letter, PartitionKey, ReadError, ReadLimit, Stored, TraceContext, clock,
    letter::Allowance,
    metrics::{LogMetrics, ReadFrom},
};
use bytes::Bytes;
use futures::FutureExt;
use model::{Frontier, Offset, PartitionId, Position};
use parking_lot::Mutex;
use rdkafka::{
    ClientConfig, Message, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, StreamConsumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers},
    types::RDKafkaErrorCode,
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long the broker may take to answer a question or to send what is known to be there.
const PATIENCE: Duration = Duration::from_secs(20);
/// Consumers kept standing in one partition for readers to come back to.
const CURSORS_KEPT: usize = 2;

/// The consumers.
pub(super) struct Reading {
    topics: Topics,
    client: ClientConfig,
    asking: Arc<BaseConsumer>,
    idle: Mutex<HashMap<PartitionId, Vec<Cursor>>>,
    metrics: LogMetrics,
    closed: watch::Receiver<bool>,
}

/// A consumer and where it stands.
struct Cursor {
    consumer: StreamConsumer,
    next: Offset,
    /// A letter received that did not fit the limit of the read it came in.
    kept_back: Option<Stored>,
}

/// What came of waiting for a message.
enum Arrival {
    Letter(Stored),
    /// The wait is over, or the log was closed meanwhile.
    None,
}

impl Reading {
    pub(super) fn new(
        config: &KafkaConfig,
        topics: Topics,
        metrics: LogMetrics,
        closed: watch::Receiver<bool>,
    ) -> Result<Self, KafkaOpenError> {
        let mut client = config.client();
        // The client wants a group's name even where nothing is committed to it. An offset that is not there is an
        // error, never a reason to begin elsewhere.
        client
            .set("group.id", "ajisai-unused")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", config.fetch_wait.as_millis().to_string())
            .set("fetch.error.backoff.ms", "50")
            .set("fetch.message.max.bytes", config.message_bytes().to_string())
            .set("queued.max.messages.kbytes", "8192");
        let asking = Arc::new(client.create().map_err(KafkaOpenError::configuration)?);
        Ok(Self { topics, client, asking, idle: Mutex::default(), metrics, closed })
    }

    pub(super) async fn end(&self) -> Result<Frontier, ReadError> {
        let mut frontier = Frontier::start();
        for partition in (0..=self.topics.last()).map(PartitionId) {
            let (_, end) = self.bounds(partition).await?;
            frontier.advance(partition, end);
        }
        Ok(frontier)
    }

    pub(super) async fn read(
        &self,
        partition: PartitionId,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Stored>, ReadError> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let known_cursor = self.take_cursor(partition, from);
            let was_closed = *self.closed.borrow();
            // Standing readers were checked when they came; only new ones, and the last readers of a closed log, ask.
            let is_there =
                if known_cursor.is_none() || was_closed { self.is_there(partition, from).await? } else { false };
            if was_closed && !is_there {
                return Err(ReadError::Closed);
            }
            let mut cursor = match known_cursor {
                Some(cursor) => cursor,
                None => self.new_cursor(partition, from)?,
            };
            let letters =
                self.receive(&mut cursor, partition, limit, if is_there { None } else { Some(deadline) }).await?;
            self.keep_cursor(partition, cursor);
            if !letters.is_empty() {
                self.metrics.read(letters.len() as u64, ReadFrom::Storage);
                return Ok(letters);
            }
            if is_there {
                let reason = format!("partition {partition} has letters from {from} on and the broker sends none");
                return Err(ReadError::Unavailable { reason });
            }
            if !*self.closed.borrow() {
                return Ok(letters);
            }
        }
    }

    /// Receives until the limit or until nothing more is at hand, waiting for the first until the deadline; without one,
    /// for as long as the broker may take to send what it has.
    async fn receive(
        &self,
        cursor: &mut Cursor,
        partition: PartitionId,
        limit: ReadLimit,
        deadline: Option<tokio::time::Instant>,
    ) -> Result<Vec<Stored>, ReadError> {
        let mut allowance = Allowance::new(limit);
        let mut letters = Vec::new();
        loop {
            let stored = match cursor.kept_back.take() {
                Some(stored) => stored,
                None if letters.is_empty() => match self.wait_for(cursor, partition, deadline).await? {
                    Arrival::Letter(stored) => stored,
                    Arrival::None => return Ok(letters),
                },
                None => match cursor.consumer.recv().now_or_never() {
                    Some(Ok(message)) => stored_in(&message, partition, cursor.next)?,
                    // An error is met again, and handled, by the next read.
                    Some(Err(_)) | None => return Ok(letters),
                },
            };
            if !allowance.admit(&stored.letter) {
                cursor.kept_back = Some(stored);
                return Ok(letters);
            }
            cursor.next = stored.position.offset.next();
            letters.push(stored);
        }
    }

    async fn wait_for(
        &self,
        cursor: &Cursor,
        partition: PartitionId,
        deadline: Option<tokio::time::Instant>,
    ) -> Result<Arrival, ReadError> {
        let mut closed = self.closed.clone();
        let until = deadline.unwrap_or_else(|| tokio::time::Instant::now() + PATIENCE);
        loop {
            let received = tokio::select! {
                biased;
                received = cursor.consumer.recv() => received,
                () = async { _ = closed.wait_for(|closed| *closed).await }, if deadline.is_some() => return Ok(Arrival::None),
                () = tokio::time::sleep_until(until) => return Ok(Arrival::None),
            };
            match received {
                Ok(message) => return Ok(Arrival::Letter(stored_in(&message, partition, cursor.next)?)),
                Err(error) if is_passing(&error) => {
                    tracing::warn!(partition = partition.0, error = %error, "the broker is out of reach; waiting for it");
                }
                Err(error) => return Err(self.explain(&error, partition, cursor.next).await),
            }
        }
    }

    /// Whether the letter at `from` is in the log; not yet, when `from` is its end.
    async fn is_there(&self, partition: PartitionId, from: Offset) -> Result<bool, ReadError> {
        let (first, end) = self.bounds(partition).await?;
        if from < first || from > end {
            return Err(ReadError::OutOfRange { partition, from, first, end });
        }
        Ok(from < end)
    }

    /// The first offset kept and the next to be written.
    async fn bounds(&self, partition: PartitionId) -> Result<(Offset, Offset), ReadError> {
        let (topic, of_topic) = self.locate(partition)?;
        let (asking, topic) = (Arc::clone(&self.asking), topic.to_owned());
        let asked = tokio::task::spawn_blocking(move || asking.fetch_watermarks(&topic, of_topic, PATIENCE)).await;
        let unavailable = |reason| ReadError::Unavailable { reason };
        let (first, end) =
            asked.map_err(|error| unavailable(error.to_string()))?.map_err(|error| unavailable(error.to_string()))?;
        let offset = |offset| u64::try_from(offset).map(Offset).unwrap_or_default();
        Ok((offset(first), offset(end)))
    }

    fn locate(&self, partition: PartitionId) -> Result<(&str, i32), ReadError> {
        let unknown = ReadError::UnknownPartition { partition, last: self.topics.last() };
        self.topics.locate(partition).ok_or(unknown)
    }

    fn take_cursor(&self, partition: PartitionId, from: Offset) -> Option<Cursor> {
        let mut idle = self.idle.lock();
        let cursors = idle.get_mut(&partition)?;
        let found = cursors.iter().position(|cursor| cursor.next == from)?;
        Some(cursors.remove(found))
    }

    fn keep_cursor(&self, partition: PartitionId, cursor: Cursor) {
        let mut idle = self.idle.lock();
        let cursors = idle.entry(partition).or_default();
        cursors.push(cursor);
        if cursors.len() > CURSORS_KEPT {
            cursors.remove(0);
        }
    }

    fn new_cursor(&self, partition: PartitionId, from: Offset) -> Result<Cursor, ReadError> {
        let (topic, of_topic) = self.locate(partition)?;
        let stand = || {
            let consumer: StreamConsumer = self.client.create()?;
            let mut assignment = TopicPartitionList::new();
            let offset = rdkafka::Offset::Offset(i64::try_from(from.0).unwrap_or(i64::MAX));
            assignment.add_partition_offset(topic, of_topic, offset)?;
            consumer.assign(&assignment)?;
            Ok(Cursor { consumer, next: from, kept_back: None })
        };
        stand().map_err(|error: KafkaError| ReadError::Unavailable { reason: error.to_string() })
    }

    async fn explain(&self, error: &KafkaError, partition: PartitionId, from: Offset) -> ReadError {
        let unavailable = ReadError::Unavailable { reason: error.to_string() };
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset) => {
                match self.bounds(partition).await {
                    Ok((first, end)) => ReadError::OutOfRange { partition, from, first, end },
                    Err(_) => unavailable,
                }
            }
            _ => unavailable,
        }
    }
}

/// Whether the client recovers from it by itself.
fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
        )
    )
}

/// The letter in a message, which must stand at `expected`: a gap is an error.
fn stored_in(message: &BorrowedMessage<'_>, partition: PartitionId, expected: Offset) -> Result<Stored, ReadError> {
    let at = u64::try_from(message.offset()).unwrap_or(u64::MAX);
    let damaged = |reason: &str| {
        let file = format!("{}[{}]", message.topic(), message.partition());
        ReadError::Damaged { file, at, reason: reason.to_owned() }
    };
    if at != expected.0 {
        return Err(damaged(&format!("letters from offset {expected} on are missing")));
    }
    let header = |name: &str| {
        let headers = message.headers()?;
        headers.iter().find(|header| header.key == name).and_then(|header| header.value)
    };
    let event = header(EVENT).and_then(|value| <[u8; 16]>::try_from(value).ok());
    let event = event.ok_or_else(|| damaged("a message without the header `event`, which the log did not write"))?;
    let trace = header(TRACEPARENT).and_then(|value| std::str::from_utf8(value).ok());
    let state = header(TRACESTATE).and_then(|value| std::str::from_utf8(value).ok());
    // A trace that cannot be read is lost and no more: letters do not depend on it.
    let trace = trace.and_then(|trace| TraceContext::parse(trace, state).ok());
    let key = if partition == PartitionId::CONTROL {
        PartitionKey::Control
    } else {
        PartitionKey::Patient(Bytes::copy_from_slice(message.key().unwrap_or_default()))
    };
    let millis = message.timestamp().to_millis().unwrap_or(0);
    Ok(Stored {
        position: Position { partition, offset: Offset(at) },
        appended_at: clock::moment(millis.saturating_mul(1000)),
        letter: Letter {
            key,
            event: u128::from_be_bytes(event),
            trace,
            payload: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
        },
    })
}
