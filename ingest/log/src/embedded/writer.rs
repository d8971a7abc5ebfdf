//! The one thread that writes: it takes whatever is waiting, writes it as one group, syncs, publishes, acknowledges.

use super::{
    Shared,
    frame::{self, Commit},
    index::{SegmentIndex, slot},
    recovery::{create_segment, write_sidecar},
    segment::Header,
    storage::{Storage, StorageFile, is_full},
};
use crate::{AppendError, Letter, Stored, clock, metrics::LogMetrics, partition_of};
use model::{Offset, Position};
use std::{
    io,
    num::NonZeroU32,
    sync::{Arc, mpsc::Receiver},
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A group stops growing at so many bytes; one caller's letters are never parted.
const GROUP_BYTES: usize = 4 << 20;

/// Letters of one caller, on their way.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) letters: Vec<Letter>,
    pub(super) bytes: usize,
    pub(super) reply: oneshot::Sender<Result<Vec<Position>, AppendError>>,
    /// Room in the queue, given back when the request is answered.
    pub(super) _room: OwnedSemaphorePermit,
}

/// The thread's state: the end of the log.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) shared: Arc<Shared>,
    pub(super) metrics: LogMetrics,
    pub(super) data_partitions: NonZeroU32,
    pub(super) segment_bytes: u64,
    pub(super) file: Arc<dyn StorageFile>,
    /// The writer's own copy of the active segment's index.
    pub(super) index: SegmentIndex,
    pub(super) poisoned: Option<AppendError>,
    pub(super) buffer: Vec<u8>,
}

/// Why a group was not committed.
enum Fault {
    Full,
    Broken(&'static str, io::Error),
}

impl Fault {
    fn of(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| if is_full(&error) { Self::Full } else { Self::Broken(action, error) }
    }
}

impl Writer {
    /// Serves until nobody can ask any more and everything asked is answered. Returns why it accepted nothing at the
    /// end, if so.
    pub(super) fn run(mut self, inbox: &Receiver<Request>) -> Option<AppendError> {
        while let Ok(first) = inbox.recv() {
            let mut bytes = first.bytes;
            let mut requests = vec![first];
            while bytes < GROUP_BYTES
                && let Ok(next) = inbox.try_recv()
            {
                bytes += next.bytes;
                requests.push(next);
            }
            self.serve(requests);
        }
        self.poisoned
    }

    fn serve(&mut self, requests: Vec<Request>) {
        if let Some(error) = &self.poisoned {
            refuse(requests, error);
            return;
        }
        let bytes = requests.iter().map(|request| request.bytes as u64).sum();
        match self.commit(requests) {
            Ok(()) => {}
            Err((requests, Fault::Full)) => {
                tracing::warn!(bytes, "the log's disk is full: letters are refused");
                refuse(requests, &AppendError::Full { bytes });
            }
            Err((requests, Fault::Broken(action, error))) => {
                refuse(requests, &self.poison(action, &error));
            }
        }
    }

    fn poison(&mut self, action: &str, error: &io::Error) -> AppendError {
        tracing::error!(action, error = %error, "the log's storage failed: nothing more is accepted until the process restarts");
        let poison = AppendError::Poisoned { reason: format!("{action}: {error}") };
        self.poisoned = Some(poison.clone());
        poison
    }

    /// Writes the requests as one group, makes it durable, publishes it and acknowledges it. On a fault nothing of it
    /// is in the log, and the requests are given back.
    fn commit(&mut self, mut requests: Vec<Request>) -> Result<(), (Vec<Request>, Fault)> {
        let size = group_bytes(&requests);
        let full = self.index.end() + size > self.segment_bytes;
        let has_groups = self.index.end() > Header::length(self.data_partitions);
        if full
            && has_groups
            && let Err(fault) = self.roll(size)
        {
            return Err((requests, fault));
        }
        let group = self.encode(&mut requests);
        let started = Instant::now();
        if let Err(fault) = self.write() {
            // The letters went into the group; their callers get them back only as a refusal.
            return Err((requests, fault));
        }
        self.metrics.synced(group.letters.len() as u64, started.elapsed());
        self.index.commit(self.buffer.len() as u64, &group.ends);
        self.shared.publish(self.buffer.len() as u64, &group.ends, group.letters);
        for (request, positions) in requests.into_iter().zip(group.positions) {
            let _gone = request.reply.send(Ok(positions));
        }
        self.buffer.clear();
        self.buffer.shrink_to(2 * GROUP_BYTES);
        Ok(())
    }

    /// Spells the group into the buffer and gives its letters their places.
    fn encode(&mut self, requests: &mut [Request]) -> Group {
        self.buffer.clear();
        let appended_at = clock::system_time();
        let mut group = Group { ends: self.index.ends().to_vec(), letters: Vec::new(), positions: Vec::new() };
        for request in requests {
            let mut positions = Vec::with_capacity(request.letters.len());
            for letter in std::mem::take(&mut request.letters) {
                let partition = partition_of(&letter.key, self.data_partitions);
                let Some(next) = group.ends.get_mut(slot(partition)) else { continue };
                let position = Position { partition, offset: Offset(*next) };
                *next += 1;
                frame::put_letter(&mut self.buffer, &letter, position, appended_at);
                positions.push(position);
                group.letters.push(Stored { position, appended_at, letter });
            }
            group.positions.push(positions);
        }
        let letters = u32::try_from(group.letters.len()).unwrap_or(u32::MAX);
        let commit = Commit { group: self.index.next_group(), start: self.index.end(), letters };
        frame::put_commit(&mut self.buffer, commit);
        group
    }

    fn write(&self) -> Result<(), Fault> {
        if let Err(error) = self.file.write_at(&self.buffer, self.index.end()) {
            // Part of the group may lie there. Cut it off, so that the next group finds the end clean.
            self.file
                .truncate(self.index.end())
                .map_err(|error| Fault::Broken("cutting off a partial write", error))?;
            return Err(Fault::of("writing")(error));
        }
        // Whatever the reason, after a failed sync the pages may be lost and marked clean: no way back.
        self.file.sync().map_err(|error| Fault::Broken("syncing", error))
    }

    /// Ends the active segment and begins the next, with room for a group of `size` bytes.
    fn roll(&mut self, size: u64) -> Result<(), Fault> {
        let header = Header {
            data_partitions: self.data_partitions,
            sequence: self.index.sequence() + 1,
            first_group: self.index.next_group(),
            bases: self.index.ends().to_vec(),
        };
        let length = self.segment_bytes.max(Header::length(self.data_partitions) + size);
        let file = create_segment(&*self.storage, &header, length).map_err(Fault::of("beginning a segment"))?;
        // The reserved rest of the old segment is not needed any more.
        if let Err(error) = self.file.truncate(self.index.end()) {
            tracing::warn!(segment = self.index.sequence(), error = %error, "reserved space of a log segment stays reserved");
        }
        write_sidecar(&*self.storage, &self.index);
        self.file = file;
        self.index = SegmentIndex::new(&header);
        self.shared.roll(self.index.clone());
        Ok(())
    }
}

/// A group on its way.
struct Group {
    /// The next offsets after it.
    ends: Vec<u64>,
    letters: Vec<Stored>,
    /// Of each request.
    positions: Vec<Vec<Position>>,
}

fn group_bytes(requests: &[Request]) -> u64 {
    let letters = requests.iter().flat_map(|request| &request.letters);
    letters.map(|letter| frame::letter_bytes(letter) as u64).sum::<u64>() + frame::COMMIT_BYTES as u64
}

fn refuse(requests: Vec<Request>, error: &AppendError) {
    for request in requests {
        let _gone = request.reply.send(Err(error.clone()));
    }
}
