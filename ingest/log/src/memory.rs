//! A log in memory, for simulations of the parts around it. The node never uses it: nothing here survives the process.

use crate::{
    AppendError, Clock, EventLog, Letter, ReadError, ReadLimit, Stored, clock, letter::Allowance, partition_of,
};
use async_trait::async_trait;
use model::{Frontier, Offset, PartitionId, Position};
use parking_lot::Mutex;
use std::{collections::VecDeque, fmt, num::NonZeroU32, sync::Arc, time::Duration};
use tokio::sync::{oneshot, watch};

/// The largest letter taken, in bytes: what the embedded log usually takes.
const LETTER_BYTES: usize = 8 << 20;

/// A log in memory, with the faults a simulation needs: an append that stays under way, one that is refused, and a
/// crash that forgets what was not yet acknowledged.
pub struct MemoryLog {
    data_partitions: NonZeroU32,
    clock: Clock,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    partitions: Vec<Vec<Stored>>,
    underway: VecDeque<Underway>,
    held: bool,
    closed: bool,
    refusals: VecDeque<AppendError>,
}

#[derive(Debug)]
struct Underway {
    letters: Vec<Letter>,
    reply: oneshot::Sender<Result<Vec<Position>, AppendError>>,
}

impl MemoryLog {
    /// An empty log on the system's clock.
    pub fn new(data_partitions: NonZeroU32) -> Self {
        Self::with_clock(data_partitions, Arc::new(clock::system_time))
    }
    /// An empty log on a clock of the caller's.
    pub fn with_clock(data_partitions: NonZeroU32, clock: Clock) -> Self {
        let partitions = (0..=data_partitions.get()).map(|_| Vec::new()).collect();
        Self::holding(data_partitions, clock, partitions)
    }
    fn holding(data_partitions: NonZeroU32, clock: Clock, partitions: Vec<Vec<Stored>>) -> Self {
        let state = Mutex::new(State { partitions, ..State::default() });
        Self { data_partitions, clock, state, changed: watch::Sender::new(0) }
    }
    /// From now on appends stay under way, unacknowledged and unreadable, until [`release`](Self::release).
    pub fn hold(&self) {
        self.state.lock().held = true;
    }
    /// Commits what is under way, in order, and commits appends at once again.
    pub fn release(&self) {
        let mut state = self.state.lock();
        state.held = false;
        self.commit_underway(&mut state);
    }
    /// The next append is refused with `error`, and leaves nothing behind.
    pub fn refuse_next(&self, error: AppendError) {
        self.state.lock().refusals.push_back(error);
    }
    /// Ends this log as a crash would and returns the log found after the restart: every acknowledged letter, and
    /// none that was under way. Callers waiting here get [`AppendError::Closed`].
    pub fn crash(&self) -> Self {
        let mut state = self.state.lock();
        state.closed = true;
        for lost in state.underway.drain(..) {
            let _gone = lost.reply.send(Err(AppendError::Closed));
        }
        let survived = Self::holding(self.data_partitions, Arc::clone(&self.clock), state.partitions.clone());
        drop(state);
        self.announce();
        survived
    }
    fn commit_underway(&self, state: &mut State) {
        while let Some(Underway { letters, reply }) = state.underway.pop_front() {
            let positions = self.commit(state, letters);
            let _gone = reply.send(Ok(positions));
        }
        self.announce();
    }
    fn commit(&self, state: &mut State, letters: Vec<Letter>) -> Vec<Position> {
        let appended_at = (self.clock)();
        let mut positions = Vec::with_capacity(letters.len());
        for letter in letters {
            let partition = partition_of(&letter.key, self.data_partitions);
            let Some(stored) = state.partitions.get_mut(index(partition)) else { continue };
            let position = Position { partition, offset: Offset(stored.len() as u64) };
            stored.push(Stored { position, appended_at, letter });
            positions.push(position);
        }
        positions
    }
    fn announce(&self) {
        self.changed.send_modify(|version| *version = version.wrapping_add(1));
    }
    /// `None`: nothing there yet.
    fn try_read(
        &self,
        partition: PartitionId,
        from: Offset,
        limit: ReadLimit,
    ) -> Result<Option<Vec<Stored>>, ReadError> {
        let state = self.state.lock();
        let unknown = ReadError::UnknownPartition { partition, last: self.data_partitions.get() };
        let stored = state.partitions.get(index(partition)).ok_or(unknown)?;
        let end = Offset(stored.len() as u64);
        if from > end {
            return Err(ReadError::OutOfRange { partition, from, first: Offset(0), end });
        }
        if from == end {
            return if state.closed { Err(ReadError::Closed) } else { Ok(None) };
        }
        let mut allowance = Allowance::new(limit);
        let rest = stored.iter().skip(usize::try_from(from.0).unwrap_or(usize::MAX));
        Ok(Some(rest.take_while(|stored| allowance.admit(&stored.letter)).cloned().collect()))
    }
}

fn index(partition: PartitionId) -> usize {
    usize::try_from(partition.0).unwrap_or(usize::MAX)
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLog").field("data_partitions", &self.data_partitions).finish_non_exhaustive()
    }
}

// === impl EventLog ===

#[async_trait]
impl EventLog for MemoryLog {
    fn data_partitions(&self) -> u32 {
        self.data_partitions.get()
    }

    async fn append(&self, letters: Vec<Letter>) -> Result<Vec<Position>, AppendError> {
        let answer = {
            let mut state = self.state.lock();
            if state.closed {
                return Err(AppendError::Closed);
            }
            if let Some(large) = letters.iter().map(Letter::size).find(|size| *size > LETTER_BYTES) {
                return Err(AppendError::TooLarge { bytes: large as u64, limit: LETTER_BYTES as u64 });
            }
            if let Some(error) = state.refusals.pop_front() {
                return Err(error);
            }
            let (reply, answer) = oneshot::channel();
            state.underway.push_back(Underway { letters, reply });
            if !state.held {
                self.commit_underway(&mut state);
            }
            answer
        };
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    async fn read(
        &self,
        partition: PartitionId,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Stored>, ReadError> {
        let mut changes = self.changed.subscribe();
        let patience = tokio::time::sleep(wait);
        tokio::pin!(patience);
        loop {
            if let Some(letters) = self.try_read(partition, from, limit)? {
                return Ok(letters);
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = &mut patience => return Ok(Vec::new()),
            }
        }
    }

    async fn end(&self) -> Result<Frontier, ReadError> {
        let state = self.state.lock();
        let ends = (0u32..).zip(&state.partitions);
        Ok(ends.map(|(p, stored)| (PartitionId(p), Offset(stored.len() as u64))).collect())
    }

    async fn close(&self) -> Result<(), AppendError> {
        let mut state = self.state.lock();
        state.closed = true;
        state.held = false;
        self.commit_underway(&mut state);
        Ok(())
    }
}
