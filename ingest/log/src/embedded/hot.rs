//! The newest letters, kept in memory so that whoever keeps up never touches the disk.

use super::index::slot;
use crate::{Letter, ReadLimit, Stored, letter::Allowance};
use model::{Offset, PartitionId};
use std::collections::VecDeque;

/// What a letter costs besides its bytes.
const OVERHEAD: usize = size_of::<Stored>();

/// The newest letters of all partitions, up to a number of bytes.
#[derive(Debug)]
pub(super) struct Hot {
    partitions: Vec<VecDeque<Stored>>,
    /// Partitions of the letters held, oldest first.
    order: VecDeque<PartitionId>,
    bytes: usize,
    budget: usize,
}

impl Hot {
    pub(super) fn new(partitions: usize, budget: usize) -> Self {
        Self { partitions: vec![VecDeque::new(); partitions], order: VecDeque::new(), bytes: 0, budget }
    }
    /// Takes in the next letters, in the log's order, and forgets the oldest.
    pub(super) fn push(&mut self, letters: impl IntoIterator<Item = Stored>) {
        for stored in letters {
            let partition = stored.position.partition;
            let Some(queue) = self.partitions.get_mut(slot(partition)) else { continue };
            self.bytes += cost(&stored.letter);
            queue.push_back(stored);
            self.order.push_back(partition);
        }
        while self.bytes > self.budget {
            let Some(partition) = self.order.pop_front() else { break };
            let oldest = self.partitions.get_mut(slot(partition)).and_then(VecDeque::pop_front);
            self.bytes -= oldest.map_or(0, |stored| cost(&stored.letter));
        }
    }
    /// Letters from an offset on; `None` when that one is no longer, or not yet, here.
    pub(super) fn read(&self, partition: PartitionId, from: Offset, limit: ReadLimit) -> Option<Vec<Stored>> {
        let queue = self.partitions.get(slot(partition))?;
        let first = queue.front()?.position.offset;
        let skip = usize::try_from(from.0.checked_sub(first.0)?).ok()?;
        if skip >= queue.len() {
            return None;
        }
        let mut allowance = Allowance::new(limit);
        Some(queue.range(skip..).take_while(|stored| allowance.admit(&stored.letter)).cloned().collect())
    }
}

fn cost(letter: &Letter) -> usize {
    letter.size() + OVERHEAD
}
