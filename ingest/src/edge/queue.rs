//! The queue on an edge's disk: events in, in the order they came, out when the node has answered for them.
//!
//! It lies in an LSM tree and not in the embedded log: the log keeps an order per patient and gives space back by segments of
//! age, where an edge needs one order and gives space back as the node answers.

use bytes::Bytes;
use event_log::Clock;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use model::Moment;
use parking_lot::Mutex;
use std::path::Path;
use tokio::sync::watch;

/// Why nothing was queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The queue may not grow.
    #[error(
        "the edge's queue is full ({limit} bytes); mend the line to the node, or give the queue more of the disk. Nothing was \
         taken, and what the sources still have is taken when there is room"
    )]
    Full {
        /// What it may hold, in bytes.
        limit: u64,
    },
    /// The storage failed.
    #[error("the edge's queue could not be read or written: {reason}")]
    Storage {
        /// What it said.
        reason: String,
    },
}

impl From<fjall::Error> for QueueError {
    fn from(error: fjall::Error) -> Self {
        Self::Storage { reason: error.to_string() }
    }
}

/// An event in the queue.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// Its place; places grow by one.
    pub place: u64,
    /// When the edge took it in.
    pub since: Moment,
    /// The bytes of `ajisai.v1.Event`. Patient data.
    pub event: Bytes,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({}, {} bytes)", self.place, self.event.len())
    }
}

/// How much waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waiting {
    /// Events.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the oldest came.
    pub oldest: Option<Moment>,
}

/// Places from `first` to before `next` are in the queue.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: u64,
    next: u64,
    bytes: u64,
}

/// The queue. Every call may touch the disk: call it where blocking is allowed.
pub struct Queue {
    database: Database,
    events: Keyspace,
    limit: u64,
    clock: Clock,
    span: Mutex<Span>,
    /// The place after the last, for whoever waits.
    grown: watch::Sender<u64>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("span", &*self.span.lock()).finish_non_exhaustive()
    }
}

/// What an event costs beside its bytes.
const OVERHEAD: u64 = 64;
const STAMP: usize = 8;

impl Queue {
    /// Opens the queue in `directory`; it holds at most `limit` bytes.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn open(directory: &Path, limit: u64, clock: Clock) -> Result<Self, QueueError> {
        let database = Database::builder(directory).cache_size(8 << 20).worker_threads(1).open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(16 << 20);
        let events = database.keyspace("events", options)?;
        let mut span = Span { first: 0, next: 0, bytes: 0 };
        let mut first = None;
        for item in events.iter() {
            let (key, value) = item.into_inner()?;
            let place = place_of(&key)?;
            first.get_or_insert(place);
            span.next = place + 1;
            span.bytes += (value.len() as u64).saturating_sub(STAMP as u64) + OVERHEAD;
        }
        span.first = first.unwrap_or(span.next);
        let grown = watch::Sender::new(span.next);
        Ok(Self { database, events, limit, clock, span: Mutex::new(span), grown })
    }

    /// Takes events in, all or none, durably when it returns.
    ///
    /// # Errors
    /// When they would not fit, or the storage failed.
    pub fn push(&self, events: &[Bytes]) -> Result<(), QueueError> {
        let mut span = self.span.lock();
        let more: u64 = events.iter().map(|event| event.len() as u64 + OVERHEAD).sum();
        if span.bytes.saturating_add(more) > self.limit {
            return Err(QueueError::Full { limit: self.limit });
        }
        let now = (self.clock)().micros().to_be_bytes();
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (place, event) in (span.next..).zip(events) {
            batch.insert(&self.events, place.to_be_bytes(), [now.as_slice(), event].concat());
        }
        batch.commit()?;
        span.next += events.len() as u64;
        span.bytes += more;
        self.grown.send_replace(span.next);
        Ok(())
    }

    /// The oldest events, at most so many and so many bytes; at least one if there is any.
    ///
    /// # Errors
    /// When the storage failed.
    pub fn oldest(&self, most: usize, most_bytes: usize) -> Result<Vec<Held>, QueueError> {
        let (mut held, mut bytes) = (Vec::new(), 0);
        let first = self.span.lock().first;
        for item in self.events.range(first.to_be_bytes()..) {
            let (key, value) = item.into_inner()?;
            bytes += value.len();
            if held.len() == most || (bytes > most_bytes && !held.is_empty()) {
                break;
            }
            let damaged = || QueueError::Storage { reason: "an entry is damaged".to_owned() };
            let (stamp, event) = value.split_first_chunk::<STAMP>().ok_or_else(damaged)?;
            let since = Moment::from_micros(i64::from_be_bytes(*stamp)).map_err(|_| damaged())?;
            held.push(Held { place: place_of(&key)?, since, event: Bytes::copy_from_slice(event) });
        }
        Ok(held)
    }

    /// Forgets the events up to and with `place`: the node has answered for them. What is forgotten and not yet so on disk after a
    /// crash is sent again, and is the same event.
    ///
    /// # Errors
    /// When the storage failed.
    pub fn done(&self, held: &[Held]) -> Result<(), QueueError> {
        let Some(last) = held.last() else { return Ok(()) };
        let mut batch = self.database.batch();
        for held in held {
            batch.remove(&self.events, held.place.to_be_bytes());
        }
        batch.commit()?;
        let mut span = self.span.lock();
        span.first = last.place + 1;
        let freed: u64 = held.iter().map(|held| held.event.len() as u64 + OVERHEAD).sum();
        span.bytes = span.bytes.saturating_sub(freed);
        Ok(())
    }

    /// How much waits.
    ///
    /// # Errors
    /// When the storage failed.
    pub fn waiting(&self) -> Result<Waiting, QueueError> {
        let oldest = self.oldest(1, 1)?.first().map(|held| held.since);
        let span = *self.span.lock();
        Ok(Waiting { events: span.next - span.first, bytes: span.bytes, oldest })
    }

    /// The moment, by the queue's clock.
    pub fn now(&self) -> Moment {
        (self.clock)()
    }

    /// Says when something was taken in.
    pub fn grown(&self) -> watch::Receiver<u64> {
        self.grown.subscribe()
    }
}

fn place_of(key: &[u8]) -> Result<u64, QueueError> {
    let key = key.try_into().map_err(|_| QueueError::Storage { reason: "a key is damaged".to_owned() })?;
    Ok(u64::from_be_bytes(key))
}
