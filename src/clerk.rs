//! The clerk: what the corridor did, for the ledger.
//!
//! Two things are written: the receipt of every withdrawal, once everything that was open had passed it, and per commit
//! of the views what became visible to whom. Both stand in the ledger exactly once whatever is killed when: **the views
//! commit only what the ledger holds.** Letters that were not committed are read again after a crash; what an earlier life
//! wrote of them is looked for in the log first, by keys that are functions of the place in the log, and not written twice.
//!
//! It is looked for from the committed place on. So the views do not commit a part of what was found: until all letters
//! that an earlier life told of were read again, nothing is committed. Where the views were deleted and everything is read
//! again, that would be too much for memory: then a mark beside the views says from where to look, and disclosures of
//! before are taken as told.

mod disclosed;
mod receipt;
#[cfg(test)]
mod tests;

pub use disclosed::Disclosed;
pub(crate) use receipt::Withdrawn;

use crate::notary::{NotaryError, walk};
use crate::pipeline::Clock;
use crate::recorder::{Recorder, key_of};
use consent_filter::Book;
use disclosed::{Told, events_of};
use event_log::EventLog;
use model::{
    ActId, AuditEvent, Body, Event, EventKey, FacilityId, Frontier, Offset, PartitionId, PatientRef, Position, What,
};
use parking_lot::{Mutex, RwLock};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use views::Feeds;

/// So many receipts are counted at the same time: each reads a patient's rows from disk.
const COUNTED_AT_ONCE: usize = 2;
/// How long a commit waits for the receipts before it. They wait for statements and feeds, which pass in milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long after the ledger could not be written it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How the clerk is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// Whether disclosures are written.
    pub disclosures: bool,
    /// The mark beside the views that says that everything is read again. It lies where the views do.
    pub mark: PathBuf,
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> NotaryError {
    let path = path.display().to_string();
    |source| NotaryError::File { path, source }
}

fn leave(path: &Path) -> io::Result<()> {
    std::fs::File::create(path)?.sync_all()?;
    // Its name must be as durable as what is committed beside it.
    path.parent().map_or(Ok(()), |directory| std::fs::File::open(directory)?.sync_all())
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Why the views may not commit yet. They try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotYet {
    /// What became visible could not be written into the ledger.
    #[error("the ledger could not be told what became visible: {0}")]
    Disclosures(String),
    /// Receipts are outstanding.
    #[error("{count} receipts of withdrawals are not durable yet")]
    Receipts {
        /// How many.
        count: usize,
    },
}

/// Writes down what the corridor did. Dropped, it stops where it is, as a crash would.
pub struct Clerk {
    desk: Arc<Desk>,
    tasks: Mutex<JoinSet<()>>,
    /// Whether disclosures are written.
    disclosures: bool,
    /// What an earlier life told of letters that are read again.
    told: Option<Told>,
    /// How far they must have been read again before a commit.
    found: Frontier,
    /// What is to be told before the next commit.
    due: tokio::sync::Mutex<Due>,
}

/// What the clerk's tasks share.
struct Desk {
    log: Arc<dyn EventLog>,
    recorder: Arc<Recorder>,
    clock: Clock,
    /// What an earlier life wrote beyond the committed views.
    written: HashSet<u128>,
    /// Withdrawals without a durable receipt.
    outstanding: Mutex<BTreeSet<Position>>,
    bell: watch::Sender<()>,
    counting: Semaphore,
}

/// Disclosures up to where the views will be committed next.
#[derive(Default)]
struct Due {
    /// How far disclosures were taken over.
    since: Frontier,
    events: Vec<AuditEvent>,
}

impl std::fmt::Debug for Clerk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clerk").field("outstanding", &self.outstanding()).finish_non_exhaustive()
    }
}

impl Clerk {
    /// Opens for views committed up to `committed`: looks for what was written of the letters after it.
    ///
    /// # Errors
    /// When the log cannot be read, or the mark.
    pub async fn open(
        log: &Arc<dyn EventLog>,
        recorder: &Arc<Recorder>,
        clock: &Clock,
        committed: &Frontier,
        keeping: Keeping,
    ) -> Result<Self, NotaryError> {
        let Keeping { disclosures, mark } = keeping;
        let all_anew = *committed == Frontier::start() || mark.try_exists().map_err(file(&mark))?;
        let from = if all_anew { Offset(0) } else { committed.next(PartitionId::CONTROL) };
        let (mut written, mut told, mut found) = (HashSet::new(), None, Frontier::start());
        let take = &mut |_: Position, event: Option<Event>| {
            let Some(Event { key, body: Body::Audit(audit), .. }) = event else { return Ok(()) };
            match &audit.what {
                What::Disclosure { since, seen } if !committed.covers(seen) => {
                    // The last stands for all: one is begun only when the one before is committed.
                    told = Some(Told { since: since.clone(), seen: seen.clone() });
                    seen.iter().for_each(|(partition, next)| found.advance(partition, next));
                }
                What::Receipt(receipt) => found.include(receipt.position),
                _ => return Ok(()),
            }
            written.insert(key.digest());
            Ok(())
        };
        walk(log, (PartitionId::CONTROL, from), take).await?;
        // Of views that were never committed the first disclosures may be cut off too: they are made whole as any others.
        let first = told.as_ref().is_some_and(|told: &Told| told.since == Frontier::start());
        if all_anew {
            if committed.covers(&found) {
                remove(&mark).map_err(file(&mark))?;
            } else if !first {
                leave(&mark).map_err(file(&mark))?;
                // Everything up to there counts as told; nothing is held back for it.
                told = told.map(|told| Told { since: told.seen.clone(), seen: told.seen });
                found = Frontier::start();
            }
        }
        Ok(Self {
            desk: Arc::new(Desk {
                log: Arc::clone(log),
                recorder: Arc::clone(recorder),
                clock: Arc::clone(clock),
                written,
                outstanding: Mutex::default(),
                bell: watch::Sender::new(()),
                counting: Semaphore::new(COUNTED_AT_ONCE),
            }),
            tasks: Mutex::new(JoinSet::new()),
            disclosures,
            told,
            found,
            due: tokio::sync::Mutex::new(Due { since: committed.clone(), events: Vec::new() }),
        })
    }

    // --- receipts ---

    /// Whether a withdrawal's receipt stands in the log already.
    pub(crate) fn has_receipt(&self, patient: &PatientRef, position: Position) -> bool {
        self.desk.written.contains(&receipt_key(patient.facility(), position).digest())
    }
    /// A withdrawal was applied, and will be published soon: its receipt is owed from now on.
    pub(crate) fn owe(&self, position: Position) {
        self.desk.outstanding.lock().insert(position);
    }
    /// Writes the receipt of a withdrawal that was published, once everything that was open has passed it.
    pub(crate) fn issue(&self, withdrawn: Withdrawn, feeds: &Arc<Feeds>, book: &Arc<RwLock<Book>>) {
        let (desk, feeds, book) = (Arc::clone(&self.desk), Arc::clone(feeds), Arc::clone(book));
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move { desk.issue(withdrawn, &feeds, &book).await });
    }
    /// How many receipts are owed.
    pub fn outstanding(&self) -> usize {
        self.desk.outstanding.lock().len()
    }

    // --- disclosures ---

    /// Whether it is written down what becomes visible.
    pub(crate) fn tells_disclosures(&self) -> bool {
        self.disclosures
    }
    /// What of a letter's disclosures is still to be told.
    pub(crate) fn telling(&self, position: Position) -> Telling {
        match &self.told {
            Some(told) if told.since.includes(position) => Telling::Nothing,
            Some(told) if told.seen.includes(position) => Telling::Again,
            _ => Telling::Fresh,
        }
    }
    /// Views up to `seen` are set aside for a commit: takes over what became visible until then.
    pub(crate) async fn take_over(&self, seen: &Frontier, disclosed: &mut Disclosed, book: &RwLock<Book>) {
        let mut due = self.due.lock().await;
        if due.since == *seen {
            return;
        }
        let moment = (self.desk.clock)();
        if let Some(told) = self.told.as_ref().filter(|told| !due.since.covers(&told.seen)) {
            let mut again = events_of(disclosed.take_again(), book, &told.since, &told.seen, moment);
            // What was cut off in the midst is made whole.
            again.retain(|event| !self.desk.written.contains(&key_of(event).digest()));
            due.events.extend(again);
            due.since = told.seen.clone();
        }
        let fresh = events_of(disclosed.take(), book, &due.since, seen, moment);
        due.events.extend(fresh);
        due.since = seen.clone();
    }

    // --- commits ---

    /// Whether views that reach `frontier` may be committed: not before all letters of which an earlier life told were
    /// read again.
    pub(crate) fn may_commit(&self, frontier: &Frontier) -> bool {
        frontier.covers(&self.found)
    }
    /// Waits until the ledger holds everything about the letters before `frontier`.
    ///
    /// # Errors
    /// When it does not, for now.
    pub(crate) async fn settle(&self, frontier: &Frontier) -> Result<(), NotYet> {
        let mut due = self.due.lock().await;
        if !due.events.is_empty() {
            let events = due.events.clone();
            self.desk.write_once(events).await.map_err(NotYet::Disclosures)?;
            due.events = Vec::new();
        }
        drop(due);
        let mut bell = self.desk.bell.subscribe();
        let owed = || self.desk.outstanding.lock().iter().filter(|position| frontier.includes(**position)).count();
        let all = async {
            while owed() > 0 {
                // The sender lives as long as the desk.
                let _ = bell.changed().await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.map_err(|_| NotYet::Receipts { count: owed() })
    }
}

/// What of a letter's disclosures is to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Telling {
    /// An earlier life told it, and committed the next after it.
    Nothing,
    /// An earlier life told it, perhaps not to the end.
    Again,
    /// Nobody has.
    Fresh,
}

impl Desk {
    /// Writes events so that each stands in the log once: an attempt that failed may have written some of them.
    async fn write_once(&self, mut events: Vec<AuditEvent>) -> Result<(), String> {
        let from = self.log.end().await.map_err(|error| error.to_string())?.next(PartitionId::CONTROL);
        let first = self.recorder.hand(events.clone()).await;
        let Err(unwritten) = first else { return Ok(()) };
        let mut failure = unwritten.reason;
        for _ in 0..5 {
            tokio::time::sleep(AGAIN).await;
            match self.written_since(from).await {
                Ok(written) => events.retain(|event| !written.contains(&key_of(event).digest())),
                Err(error) => {
                    failure = error.to_string();
                    continue;
                }
            }
            match self.recorder.hand(events.clone()).await {
                Ok(()) => return Ok(()),
                Err(unwritten) => failure = unwritten.reason,
            }
        }
        Err(failure)
    }

    async fn written_since(&self, from: Offset) -> Result<HashSet<u128>, NotaryError> {
        let mut written = HashSet::new();
        let take = &mut |_: Position, event: Option<Event>| {
            written.extend(event.map(|event| event.key.digest()));
            Ok(())
        };
        walk(&self.log, (PartitionId::CONTROL, from), take).await?;
        Ok(written)
    }
}

/// The id of an act that is a function of what it is about.
fn act(kind: &str, about: &[&str]) -> ActId {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    for part in about {
        hash.update([0]);
        hash.update(part.as_bytes());
    }
    let bytes: [u8; 32] = hash.finalize().into();
    let (half, _) = bytes.split_at(16);
    ActId(half.iter().fold(0, |id, byte| id << 8 | u128::from(*byte)))
}

fn receipt_act(position: Position) -> ActId {
    act("receipt", &[&position.to_string()])
}

fn receipt_key(facility: &FacilityId, position: Position) -> EventKey {
    crate::recorder::key(facility, receipt_act(position), 0)
}
