//! Reads the log behind the appends and keeps the index.

use super::index::IndexError;
use super::{Claims, Entry, Index};
use crate::metrics::Metrics;
use event_log::{EventLog, ReadError, ReadLimit, Stored};
use futures::StreamExt;
use model::{Frontier, PartitionId};
use std::sync::Arc;
use std::time::Duration;

/// How long the follower rests after a failure before it tries again.
const REST: Duration = Duration::from_secs(1);

/// Keeps the index up to date.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) index: Arc<Index>,
    pub(crate) claims: Arc<Claims>,
    pub(crate) metrics: Arc<Metrics>,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Brings the index up to the log's end, before anything is admitted. Answers how far that is.
pub(crate) async fn catch_up(log: &dyn EventLog, index: &Arc<Index>) -> Result<Frontier, CatchUpError> {
    let end = log.end().await?;
    let mut frontier = index.frontier()?;
    if !end.covers(&frontier) {
        tracing::warn!(%frontier, %end, "the index of seen events is ahead of the log: it is of another log and is rebuilt");
        index.clear()?;
        frontier = Frontier::start();
    }
    let behind = end.ahead_of(&frontier);
    if behind > 0 {
        tracing::info!(letters = behind, "reading the log to bring the index of seen events up to date");
    }
    for (partition, until) in end.iter() {
        while frontier.next(partition) < until {
            let letters = read_on(log, partition, &mut frontier).await?;
            let entries = entries(&letters);
            for stored in &letters {
                frontier.include(stored.position);
            }
            record(index, entries, &frontier, &[]).await?;
        }
    }
    Ok(frontier)
}

/// Why the index could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatchUpError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Reads the next letters; where the log no longer keeps them, goes to the first it keeps.
async fn read_on(
    log: &dyn EventLog,
    partition: PartitionId,
    frontier: &mut Frontier,
) -> Result<Vec<Stored>, ReadError> {
    let wait = Duration::from_secs(5);
    match log.read(partition, frontier.next(partition), ReadLimit::default(), wait).await {
        Err(ReadError::OutOfRange { from, first, .. }) if from < first => {
            frontier.advance(partition, first);
            Ok(Vec::new())
        }
        read => read,
    }
}

fn entries(letters: &[Stored]) -> Vec<(u128, Entry)> {
    letters.iter().map(|stored| (stored.letter.event, Entry::of(stored))).collect()
}

/// Writes what is not there yet: of letters of the same event the first counts.
async fn record(
    index: &Arc<Index>,
    entries: Vec<(u128, Entry)>,
    frontier: &Frontier,
    surely_new: &[bool],
) -> Result<(), IndexError> {
    let (index, frontier, surely_new) = (Arc::clone(index), frontier.clone(), surely_new.to_vec());
    let write = move || {
        let doubtful: Vec<u128> = entries
            .iter()
            .enumerate()
            .filter(|(i, _)| !surely_new.get(*i).copied().unwrap_or(false))
            .map(|(_, (digest, _))| *digest)
            .collect();
        let found = index.get(&doubtful)?;
        let mut there: std::collections::HashSet<u128> =
            doubtful.iter().zip(found).filter(|(_, entry)| entry.is_some()).map(|(digest, _)| *digest).collect();
        let new: Vec<(u128, Entry)> = entries.into_iter().filter(|(digest, _)| there.insert(*digest)).collect();
        index.record(&new, &frontier)
    };
    match tokio::task::spawn_blocking(write).await {
        Ok(written) => written,
        Err(error) => Err(IndexError::new(error)),
    }
}

impl Follower {
    /// Follows the log from `frontier` on, until the log is closed.
    pub(crate) async fn run(self, mut frontier: Frontier) {
        loop {
            match self.follow(&mut frontier).await {
                Ok(()) => return,
                Err(fault) => {
                    tracing::warn!(%fault, %frontier, "the index of seen events stands still");
                    tokio::time::sleep(REST).await;
                    // What the index says it holds is what counts; the rest is read again.
                    match self.index.reopen().and_then(|()| self.index.frontier()) {
                        Ok(stored) => frontier = stored,
                        Err(error) => tracing::warn!(%error, "the index of seen events could not be opened again"),
                    }
                    if let Fault::Read(ReadError::OutOfRange { partition, from, first, .. }) = fault
                        && from < first
                    {
                        frontier.advance(partition, first);
                    }
                }
            }
        }
    }

    async fn follow(&self, frontier: &mut Frontier) -> Result<(), Fault> {
        let tail = event_log::tail(Arc::clone(&self.log), frontier.clone(), ReadLimit::default());
        futures::pin_mut!(tail);
        while let Some(letters) = tail.next().await {
            let letters = letters?;
            let entries = entries(&letters);
            let surely_new = self.claims.surely_new(&entries);
            let mut next = frontier.clone();
            for stored in &letters {
                next.include(stored.position);
            }
            record(&self.index, entries.clone(), &next, &surely_new).await?;
            *frontier = next;
            self.claims.indexed(&entries, frontier);
            self.metrics.index_pending(self.claims.pending());
        }
        Ok(())
    }
}
