//! The log in a directory of this machine: append, fdatasync, acknowledge.
//!
//! All partitions share one journal of segment files, so one sync commits whatever every caller has waiting. One
//! thread writes; it never sleeps to gather more. Readers that keep up are served from memory; others read chunks of
//! about a mebibyte, found by a sparse index, decoded once for all partitions.
//!
//! What a crash may leave is one incomplete group at the very end, which opening cuts off. Anything else that is not
//! as it was written is damage, and an error that names the file and the byte.

mod config;
mod frame;
mod hot;
mod index;
mod reader;
mod recovery;
mod segment;
pub mod storage;
mod writer;

pub use config::{EmbeddedConfig, OpenError};

use crate::{
    AppendError, EventLog, Letter, ReadError, ReadLimit, Stored,
    letter::Allowance,
    metrics::{LogMetrics, ReadFrom},
};
use async_trait::async_trait;
use hot::Hot;
use index::{SegmentIndex, slot};
use model::{Frontier, Offset, PartitionId, Position};
use parking_lot::{Mutex, RwLock};
use reader::Chunks;
use recovery::{Recovered, recover};
use std::{
    fmt, io,
    num::NonZeroU32,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use storage::{Disk, Storage};
use tokio::sync::{Semaphore, oneshot, watch};
use writer::{Request, Writer};

/// How much may wait to be written. Callers beyond it wait their turn.
const QUEUE_BYTES: usize = 64 << 20;
/// The queue is counted in these units, so that a count fits the semaphore.
const QUEUE_UNIT: usize = 1024;
/// Chunks one read may go through before it returns what it has.
const CHUNKS_PER_READ: usize = 4;

/// The log in a directory of this machine.
pub struct EmbeddedLog {
    data_partitions: NonZeroU32,
    letter_bytes: usize,
    metrics: LogMetrics,
    shared: Arc<Shared>,
    chunks: Chunks,
    room: Arc<Semaphore>,
    requests: Mutex<Option<mpsc::Sender<Request>>>,
    writer: Mutex<Option<JoinHandle<Option<AppendError>>>>,
}

/// What the writer publishes and readers read.
#[derive(Debug)]
struct Shared {
    catalogue: RwLock<Catalogue>,
    hot: RwLock<Hot>,
    /// Of each partition, control first.
    ends: Vec<watch::Sender<End>>,
}

#[derive(Debug)]
struct Catalogue {
    /// All segments in order; the last is the active one.
    segments: Vec<SegmentIndex>,
}

#[derive(Clone, Copy, Debug)]
struct End {
    next: Offset,
    closed: bool,
}

impl EmbeddedLog {
    /// Opens the log in a directory, or begins one there. Reads the last segment: call it where blocking is allowed.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(config: &EmbeddedConfig) -> Result<Self, OpenError> {
        let subject = config.directory.display().to_string();
        let disk = Disk::at(&config.directory).map_err(|source| OpenError::io("creating", &subject, source))?;
        Self::open_on(Arc::new(disk), config)
    }
    /// Opens the log on a storage of the caller's; `config.directory` is not looked at.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_on(storage: Arc<dyn Storage>, config: &EmbeddedConfig) -> Result<Self, OpenError> {
        let started = Instant::now();
        let lock = storage.lock().map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse,
            _ => OpenError::io("locking", "the log's directory", source),
        })?;
        let data_partitions = config.data_partitions;
        let recovered = recover(&*storage, data_partitions, config.segment_bytes)?;
        let Recovered { sealed, active, file, torn_bytes } = recovered;
        let metrics = LogMetrics::new("embedded");
        metrics.torn(torn_bytes);
        tracing::info!(
            segments = sealed.len() + 1,
            letters = active.ends().iter().sum::<u64>(),
            torn_bytes,
            millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "opened the log"
        );
        let shared = Arc::new(Shared::new(sealed, active.clone(), config.memory_bytes));
        let writer = Writer {
            storage: Arc::clone(&storage),
            shared: Arc::clone(&shared),
            metrics: metrics.clone(),
            data_partitions,
            segment_bytes: config.segment_bytes,
            file,
            index: active,
            poisoned: None,
            buffer: Vec::new(),
        };
        let (requests, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new().name("log-writer".to_owned()).spawn(move || {
            let poison = writer.run(&inbox);
            drop(lock);
            poison
        });
        let thread = thread.map_err(|source| OpenError::io("starting", "the log's writer", source))?;
        let partitions = shared.ends.len();
        Ok(Self {
            data_partitions,
            letter_bytes: config.letter_bytes,
            metrics,
            shared,
            chunks: Chunks::new(storage, partitions),
            room: Arc::new(Semaphore::new(QUEUE_BYTES / QUEUE_UNIT)),
            requests: Mutex::new(Some(requests)),
            writer: Mutex::new(Some(thread)),
        })
    }

    /// What the letters cost in the queue, or why they are refused.
    fn measure(&self, letters: &[Letter]) -> Result<usize, AppendError> {
        let mut bytes = 0_usize;
        for letter in letters {
            check_limit(letter.size(), self.letter_bytes)?;
            check_limit(letter.key.bytes().len(), usize::from(u16::MAX))?;
            bytes = bytes.saturating_add(frame::letter_bytes(letter));
        }
        check_limit(bytes, QUEUE_BYTES)?;
        Ok(bytes)
    }

    async fn submit(&self, letters: Vec<Letter>) -> Result<Vec<Position>, AppendError> {
        let bytes = self.measure(&letters)?;
        if self.requests.lock().is_none() {
            return Err(AppendError::Closed);
        }
        if letters.is_empty() {
            return Ok(Vec::new());
        }
        let units = u32::try_from(bytes.div_ceil(QUEUE_UNIT)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(units).await.map_err(|_| AppendError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let request = Request { letters, bytes, reply, _room: room };
        match &*self.requests.lock() {
            Some(requests) => requests.send(request).map_err(|_| AppendError::Closed)?,
            None => return Err(AppendError::Closed),
        }
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Letters that are no longer in memory. There is at least one at `from`.
    async fn read_cold(
        &self,
        partition: PartitionId,
        mut from: Offset,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, ReadError> {
        let mut found = Vec::new();
        let mut allowance = Allowance::new(limit);
        for _ in 0..CHUNKS_PER_READ {
            let Some(place) = self.shared.find(partition, from) else { break };
            let chunk = self.chunks.get(place).await?;
            let letters = chunk.partition(partition);
            let skip = letters.partition_point(|stored| stored.position.offset < from);
            let before = found.len();
            for stored in letters.iter().skip(skip) {
                if stored.position.offset != from {
                    break;
                }
                if !allowance.admit(&stored.letter) {
                    return Ok(found);
                }
                from = from.next();
                found.push(stored.clone());
            }
            if found.len() == before {
                let (file, reason) = (recovery::journal_name(place.sequence), "a letter is not where its index says");
                return Err(ReadError::Damaged { file, at: place.start, reason: reason.to_owned() });
            }
        }
        Ok(found)
    }
}

fn check_limit(bytes: usize, limit: usize) -> Result<(), AppendError> {
    if bytes <= limit { Ok(()) } else { Err(AppendError::TooLarge { bytes: bytes as u64, limit: limit as u64 }) }
}

impl Shared {
    fn new(sealed: Vec<SegmentIndex>, active: SegmentIndex, memory_bytes: usize) -> Self {
        let ends: Vec<_> =
            active.ends().iter().map(|next| watch::Sender::new(End { next: Offset(*next), closed: false })).collect();
        let hot = RwLock::new(Hot::new(ends.len(), memory_bytes));
        let mut segments = sealed;
        segments.push(active);
        Self { catalogue: RwLock::new(Catalogue { segments }), hot, ends }
    }
    /// Shows a durable group to readers, at once: whoever finds a letter, in memory or in a file, must find an end that
    /// includes it, or reading on from there would look like reading past the end. So the locks are held together.
    fn publish(&self, length: u64, ends: &[u64], letters: Vec<Stored>) {
        let mut catalogue = self.catalogue.write();
        let mut hot = self.hot.write();
        if let Some(active) = catalogue.segments.last_mut() {
            active.commit(length, ends);
        }
        hot.push(letters);
        for (sender, next) in self.ends.iter().zip(ends) {
            sender.send_if_modified(|end| {
                let grew = end.next.0 < *next;
                end.next = Offset(*next);
                grew
            });
        }
    }
    fn roll(&self, active: SegmentIndex) {
        self.catalogue.write().segments.push(active);
    }
    fn close(&self) {
        for end in &self.ends {
            end.send_modify(|end| end.closed = true);
        }
    }
    fn find(&self, partition: PartitionId, offset: Offset) -> Option<index::ChunkPlace> {
        let catalogue = self.catalogue.read();
        let later = |segment: &SegmentIndex| segment.base(partition).is_some_and(|base| base <= offset);
        let after = catalogue.segments.partition_point(later);
        catalogue.segments.get(after.checked_sub(1)?)?.find(partition, offset)
    }
    /// The first offset still kept.
    fn first(&self, partition: PartitionId) -> Offset {
        self.catalogue.read().segments.first().and_then(|segment| segment.base(partition)).unwrap_or_default()
    }
}

impl fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLog").field("data_partitions", &self.data_partitions).finish_non_exhaustive()
    }
}

impl Drop for EmbeddedLog {
    /// Commits what is under way and frees the directory.
    fn drop(&mut self) {
        self.requests.lock().take();
        if let Some(writer) = self.writer.lock().take() {
            let _panicked = writer.join();
        }
    }
}

// === impl EventLog ===

#[async_trait]
impl EventLog for EmbeddedLog {
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

    async fn read(
        &self,
        partition: PartitionId,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Stored>, ReadError> {
        let unknown = ReadError::UnknownPartition { partition, last: self.data_partitions.get() };
        let mut ends = self.shared.ends.get(slot(partition)).ok_or(unknown)?.subscribe();
        let end = *ends.borrow_and_update();
        let first = self.shared.first(partition);
        if from < first || from > end.next {
            return Err(ReadError::OutOfRange { partition, from, first, end: end.next });
        }
        if from == end.next {
            let arrived = ends.wait_for(|end| end.closed || end.next > from);
            match tokio::time::timeout(wait, arrived).await {
                Ok(Ok(end)) if end.next > from => {}
                Ok(_) => return Err(ReadError::Closed),
                Err(_elapsed) => return Ok(Vec::new()),
            }
        }
        if let Some(letters) = self.shared.hot.read().read(partition, from, limit) {
            self.metrics.read(letters.len() as u64, ReadFrom::Memory);
            return Ok(letters);
        }
        let letters = self.read_cold(partition, from, limit).await?;
        self.metrics.read(letters.len() as u64, ReadFrom::Storage);
        Ok(letters)
    }

    async fn end(&self) -> Result<Frontier, ReadError> {
        let ends = (0u32..).zip(&self.shared.ends);
        Ok(ends.map(|(partition, end)| (PartitionId(partition), end.borrow().next)).collect())
    }

    async fn close(&self) -> Result<(), AppendError> {
        // Without a sender the writer answers what waits and ends.
        self.requests.lock().take();
        let writer = self.writer.lock().take();
        let ended = match writer {
            Some(writer) => tokio::task::spawn_blocking(move || writer.join()).await,
            None => Ok(Ok(None)),
        };
        self.shared.close();
        match ended {
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(poison))) => Err(poison),
            _ => Err(AppendError::Poisoned { reason: "the log's writer ended by a panic".to_owned() }),
        }
    }
}
