//! The queue on an edge's disk: events in, in the order they came, out when the node has answered for them.
//!
//! It lies in an LSM tree and not in the embedded log: the log keeps an order per patient and gives space back by segments of
//! age, where an edge needs one order and gives space back as the node answers.

use bytes::Bytes;
use event_log::Clock;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use model::{Moment, Offset, PartitionId, Position};
use parking_lot::Mutex;
use std::io::Write as _;
use std::path::{Path, PathBuf};
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

/// How far the node has answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    /// Where the last event that it took is in its log.
    pub position: Position,
    /// When it said so, by the edge's clock.
    pub at: Moment,
}

/// Places from `first` to before `next` are in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Span {
    first: u64,
    next: u64,
    bytes: u64,
}

/// The storage below.
#[derive(Clone)]
struct Open {
    database: Database,
    events: Keyspace,
    /// What is known of the whole: under [`SPAN`] and [`REACHED`].
    known: Keyspace,
}

struct State {
    /// `None` after a write failed: the storage refuses everything until it is opened again.
    open: Option<Open>,
    span: Span,
    reached: Option<Reached>,
    /// Why the last write failed, until one succeeds.
    fault: Option<QueueError>,
}

/// The queue. Every call may touch the disk: call it where blocking is allowed.
pub struct Queue {
    directory: PathBuf,
    limit: u64,
    clock: Clock,
    state: Mutex<State>,
    /// The place after the last, for whoever waits.
    grown: watch::Sender<u64>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("span", &self.state.lock().span).finish_non_exhaustive()
    }
}

/// What an event costs beside its bytes.
const OVERHEAD: u64 = 64;
/// So much must fit on a disk that was full before it counts as having room.
const ROOM: usize = 256 << 10;
const STAMP: usize = 8;
const SPAN: &[u8] = b"span";
const REACHED: &[u8] = b"reached";

impl Queue {
    /// Opens the queue in `directory`; it holds at most `limit` bytes.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn open(directory: &Path, limit: u64, clock: Clock) -> Result<Self, QueueError> {
        let open = Open::at(directory)?;
        let (span, reached) = (open.span()?, open.reached()?);
        let (state, grown) =
            (Mutex::new(State { open: Some(open), span, reached, fault: None }), watch::Sender::new(span.next));
        Ok(Self { directory: directory.to_owned(), limit, clock, state, grown })
    }

    /// Takes events in, all or none, durably when it returns.
    ///
    /// # Errors
    /// When they would not fit, or the storage failed. Of a write that failed some may come back when the storage is opened
    /// again: sent again, they are the same events.
    pub fn push(&self, events: &[Bytes]) -> Result<(), QueueError> {
        let mut state = self.state.lock();
        let open = state.opened(&self.directory)?;
        let more: u64 = events.iter().map(|event| event.len() as u64 + OVERHEAD).sum();
        if state.span.bytes.saturating_add(more) > self.limit {
            return Err(QueueError::Full { limit: self.limit });
        }
        let now = (self.clock)().micros().to_be_bytes();
        let mut batch = open.database.batch().durability(Some(PersistMode::SyncData));
        for (place, event) in (state.span.next..).zip(events) {
            batch.insert(&open.events, place.to_be_bytes(), [now.as_slice(), event].concat());
        }
        let Span { first, next, bytes } = state.span;
        let span = Span { first, next: next + events.len() as u64, bytes: bytes + more };
        state.carry_out(batch, &open, span)?;
        self.grown.send_replace(span.next);
        Ok(())
    }

    /// The oldest events, at most so many and so many bytes; at least one if there is any.
    ///
    /// # Errors
    /// When the storage failed.
    pub fn oldest(&self, most: usize, most_bytes: usize) -> Result<Vec<Held>, QueueError> {
        let (open, first) = {
            let mut state = self.state.lock();
            (state.opened(&self.directory)?, state.span.first)
        };
        let (mut held, mut bytes) = (Vec::new(), 0);
        for item in open.events.range(first.to_be_bytes()..) {
            let (key, value) = item.into_inner()?;
            bytes += value.len();
            if held.len() == most || (bytes > most_bytes && !held.is_empty()) {
                break;
            }
            let (stamp, event) = value.split_first_chunk::<STAMP>().ok_or_else(damaged)?;
            let since = Moment::from_micros(i64::from_be_bytes(*stamp)).map_err(|_| damaged())?;
            held.push(Held { place: place_of(&key)?, since, event: Bytes::copy_from_slice(event) });
        }
        Ok(held)
    }

    /// Forgets these events, the oldest: the node has answered for them, and taken the last of those it took at `position`. What
    /// is forgotten and not yet so on disk after a crash is sent again, and is the same event.
    ///
    /// # Errors
    /// When the storage failed.
    pub fn done(&self, held: &[Held], position: Option<Position>) -> Result<(), QueueError> {
        let Some(last) = held.last() else { return Ok(()) };
        let reached = position.map(|position| Reached { position, at: self.now() });
        let mut state = self.state.lock();
        let open = state.opened(&self.directory)?;
        let mut batch = open.database.batch();
        for held in held {
            batch.remove(&open.events, held.place.to_be_bytes());
        }
        if let Some(Reached { position: Position { partition, offset }, at }) = reached {
            let numbers = [u64::from(partition.0), offset.0, at.micros().cast_unsigned()];
            batch.insert(&open.known, REACHED, written(numbers));
        }
        let freed: u64 = held.iter().map(|held| held.event.len() as u64 + OVERHEAD).sum();
        let Span { next, bytes, .. } = state.span;
        let span = Span { first: last.place + 1, next, bytes: bytes.saturating_sub(freed) };
        state.carry_out(batch, &open, span)?;
        state.reached = reached.or(state.reached);
        Ok(())
    }

    /// How much waits. After a write that failed it tries whether one succeeds again.
    ///
    /// # Errors
    /// When the storage failed, or still fails.
    pub fn waiting(&self) -> Result<Waiting, QueueError> {
        self.try_again()?;
        let oldest = self.oldest(1, 1)?.first().map(|held| held.since);
        let span = self.state.lock().span;
        Ok(Waiting { events: span.next - span.first, bytes: span.bytes, oldest })
    }

    /// How far the node has answered, also in an earlier life.
    pub fn reached(&self) -> Option<Reached> {
        self.state.lock().reached
    }

    /// How much waited when that was last known; it does not touch the disk.
    pub fn counted(&self) -> Waiting {
        let Span { first, next, bytes } = self.state.lock().span;
        Waiting { events: next - first, bytes, oldest: None }
    }

    /// A disk that was full has room again when there is some for more than a few bytes, and what is known of the queue can be
    /// written once more.
    fn try_again(&self) -> Result<(), QueueError> {
        let mut state = self.state.lock();
        if state.fault.is_none() {
            return Ok(());
        }
        let room = self.directory.join("room");
        let tried = std::fs::File::create(&room).and_then(|mut file| {
            file.write_all(&vec![0; ROOM])?;
            file.sync_all()
        });
        // What is left of it is overwritten and removed the next time.
        let removed = std::fs::remove_file(&room);
        if let Err(error) = tried.and(removed) {
            return Err(QueueError::Storage { reason: error.to_string() });
        }
        let open = state.opened(&self.directory)?;
        let (batch, span) = (open.database.batch().durability(Some(PersistMode::SyncData)), state.span);
        state.carry_out(batch, &open, span)
    }

    /// Whether there is room for another event, as far as that is known without writing one.
    pub fn has_room(&self) -> bool {
        let state = self.state.lock();
        state.fault.is_none() && state.open.is_some() && state.span.bytes.saturating_add(OVERHEAD) < self.limit
    }

    /// What it may hold, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
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

impl State {
    /// The storage, opened again if a write failed before; what the failed write left is counted anew.
    fn opened(&mut self, directory: &Path) -> Result<Open, QueueError> {
        if let Some(open) = &self.open {
            return Ok(open.clone());
        }
        let open = Open::at(directory)?;
        self.span = open.span()?;
        self.open = Some(open.clone());
        Ok(open)
    }

    /// Writes a batch, after which the queue is `span`.
    fn carry_out(&mut self, mut batch: OwnedWriteBatch, open: &Open, span: Span) -> Result<(), QueueError> {
        batch.insert(&open.known, SPAN, written([span.first, span.next, span.bytes]));
        if let Err(error) = batch.commit() {
            let error = QueueError::from(error);
            (self.open, self.fault) = (None, Some(error.clone()));
            return Err(error);
        }
        (self.span, self.fault) = (span, None);
        Ok(())
    }
}

impl Open {
    fn at(directory: &Path) -> Result<Self, QueueError> {
        let database = Database::builder(directory).cache_size(8 << 20).worker_threads(1).open()?;
        let events = database.keyspace("events", || KeyspaceCreateOptions::default().max_memtable_size(16 << 20))?;
        let known = database.keyspace("known", || KeyspaceCreateOptions::default().max_memtable_size(4 << 20))?;
        Ok(Self { database, events, known })
    }

    /// As it was written with the last batch: days of events are not counted at each start.
    fn span(&self) -> Result<Span, QueueError> {
        let Some(bytes) = self.known.get(SPAN)? else { return Ok(Span::default()) };
        let [first, next, bytes] = read(&bytes)?;
        Ok(Span { first, next, bytes })
    }

    fn reached(&self) -> Result<Option<Reached>, QueueError> {
        let Some(bytes) = self.known.get(REACHED)? else { return Ok(None) };
        let [partition, offset, at] = read(&bytes)?;
        let partition = PartitionId(u32::try_from(partition).map_err(|_| damaged())?);
        let at = Moment::from_micros(at.cast_signed()).map_err(|_| damaged())?;
        Ok(Some(Reached { position: Position { partition, offset: Offset(offset) }, at }))
    }
}

fn written(numbers: [u64; 3]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn read(bytes: &[u8]) -> Result<[u64; 3], QueueError> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    match (numbers, rest) {
        ([a, b, c], []) => Ok([a, b, c].map(|number| u64::from_be_bytes(*number))),
        _ => Err(damaged()),
    }
}

fn damaged() -> QueueError {
    QueueError::Storage { reason: "an entry is damaged".to_owned() }
}

fn place_of(key: &[u8]) -> Result<u64, QueueError> {
    let key = key.try_into().map_err(|_| QueueError::Storage { reason: "a key is damaged".to_owned() })?;
    Ok(u64::from_be_bytes(key))
}
