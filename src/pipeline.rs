//! The corridor: from the log to the views.
//!
//! ```text
//! tail ─▶ decode (same door as the wire) ─▶ record:   store.put ─▶ audience ─▶ feeds
//!                                           the rest: book.apply ─▶ what it touched ─▶ feeds, spliced
//!      ─▶ publish: rows, permissions and the frontier become visible in one act
//!      ─▶ commit, now and then: the same become durable in one act
//! ```
//!
//! Every collaborator is passed in, and every effect is announced to a [`Probe`] first, so that a simulation runs this
//! very loop under a seed and stops it between any two effects. What was not committed is read from the log again;
//! the store and the book take the same letter twice as once.

mod decode;
mod telling;

pub(crate) use decode::read as read_letter;
pub use decode::{Withheld, WithheldLetter};

use crate::clerk::{Clerk, Disclosed, NotYet, Withdrawn};
use crate::pipeline::decode::{Decoded, decode};
use crate::pipeline::telling::Told;
use crate::register::{Noted, Register, RegisterError};
use crate::telemetry::trace_context;
use consent_filter::{Audience, Book, Facts};
use event_log::{EventLog, ReadError, ReadLimit};
use futures::{Stream, StreamExt};
use model::{Body, Category, ConsentChange, Event, Frontier, Moment, PartitionId, Position, Record};
use parking_lot::{RwLock, RwLockWriteGuard};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use views::{Committed, ConsentChanged, Feeds, Pinned, Put, PutOutcome, Store, StoreError};

/// What the corridor works on.
#[derive(Debug, Clone)]
pub struct Rooms {
    /// Where letters come from.
    pub log: Arc<dyn EventLog>,
    /// Who may see what.
    pub book: Arc<RwLock<Book>>,
    /// The rows.
    pub store: Arc<Store>,
    /// The live disclosures.
    pub feeds: Arc<Feeds>,
    /// Consents and links with their paper.
    pub register: Arc<Register>,
    /// Letters that could not be read.
    pub withheld: Arc<Withheld>,
    /// Who writes into the ledger what is done here; `None` where that was done before, as when views are rebuilt.
    pub clerk: Option<Arc<Clerk>>,
}

/// The wall clock; a simulation passes its own.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// An effect about to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// A record goes to the store.
    Put(Position),
    /// A record goes to the feeds.
    Feed(Position),
    /// A consent or directory event goes to the book.
    Apply(Position),
    /// What a consent or directory event touched is spliced into the feeds.
    Splice(Position),
    /// What came so far becomes visible.
    Publish,
    /// What is visible becomes durable.
    Commit,
}

/// Is told of each effect before it happens; `Stop` ends the loop there, as a crash would.
pub trait Probe: Send {
    /// Whether to go on.
    fn about_to(&mut self, effect: Effect) -> Go;
}

/// A probe's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// Go on.
    On,
    /// Stop here and forget what is in memory.
    Stop,
}

/// The node's probe: nothing stops it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unhindered;

/// Why the corridor stopped before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The log cannot be read further. Nothing is skipped, so nothing goes on.
    #[error("the log cannot be read: {0}")]
    Log(#[from] ReadError),
    /// The register failed.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The store failed other than for want of space.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// The probe stopped it.
    #[error("stopped before {0:?}")]
    Stopped(Effect),
    /// A decoding thread died.
    #[error("a decoding thread ended early")]
    DecoderLost,
}

// === impl Probe ===

impl Probe for Unhindered {
    fn about_to(&mut self, _: Effect) -> Go {
        Go::On
    }
}

fn announce(probe: &mut dyn Probe, effect: Effect) -> Result<(), PipelineError> {
    match probe.about_to(effect) {
        Go::On => Ok(()),
        Go::Stop => Err(PipelineError::Stopped(effect)),
    }
}

// === the loop ===

/// Runs until `stop` is cancelled or the log is closed and read to its end, then commits what is left.
///
/// # Errors
/// When the log cannot be read, the store fails for good, or the probe stops it.
pub async fn run(
    rooms: &Rooms,
    batch: ReadLimit,
    clock: &Clock,
    probe: &mut dyn Probe,
    stop: CancellationToken,
) -> Result<(), PipelineError> {
    let mut worker = Worker::new(rooms, clock.clone());
    worker.history = rooms.log.end().await?;
    let batches = event_log::tail(Arc::clone(&rooms.log), rooms.store.frontier(), batch);
    // Decoding is the dear part and needs no order; what follows it does.
    let mut decoded = batches
        .map(|batch| async move {
            let batch = batch?;
            tokio::task::spawn_blocking(move || batch.into_iter().map(decode).collect::<Vec<_>>())
                .await
                .map_err(|_| PipelineError::DecoderLost)
        })
        .buffered(DECODERS)
        .boxed();
    let mut committing = Committing::default();
    let ended = drive(&mut worker, &mut decoded, &mut committing, probe, &stop).await;
    if ended.is_err() {
        // A commit under way may wait for rows that were put and will now never be published.
        rooms.store.end_publications();
    }
    // Whoever opens the store next must not meet a commit that still writes to it.
    let committed = committing.finish().await;
    ended?;
    committed?;
    announce(probe, Effect::Commit)?;
    if let Some(aside) = worker.set_aside().await {
        match aside.commit().await {
            Ok(_) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::Register(error)) => return Err(error.into()),
            // The letters are read again at the next start, and the ledger is told then.
            Err(CommitError::NotYet(error)) => tracing::warn!(%error, "the views were not committed at the end"),
        }
    }
    Ok(())
}

/// Takes batches in until it is told to stop or there are no more.
async fn drive(
    worker: &mut Worker<'_>,
    decoded: &mut (impl Stream<Item = Result<Vec<Decoded>, PipelineError>> + Unpin),
    committing: &mut Committing,
    probe: &mut dyn Probe,
    stop: &CancellationToken,
) -> Result<(), PipelineError> {
    let mut beats = tokio::time::interval(HEARTBEAT);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            done = committing.done(), if committing.is_under_way() => committing.settle(done)?,
            _ = beats.tick() => worker.beat()?,
            batch = decoded.next() => match batch {
                Some(batch) => worker.take(batch?, probe)?,
                None => return Ok(()),
            },
        }
        if !committing.is_under_way()
            && committing.may_try()
            && worker.rooms.store.commit_due()
            && let Some(aside) = worker.set_aside().await
        {
            announce(probe, Effect::Commit)?;
            committing.begin(aside);
        }
    }
}

/// How many batches are decoded at the same time.
const DECODERS: usize = 3;
/// How often an idle corridor says that it is alive, and lets periods begin and end by the clock.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// One letter after the other, without waiting: what the loop drives, and the simulation step by step.
#[derive(Debug)]
pub struct Worker<'a> {
    rooms: &'a Rooms,
    clock: ClockHandle,
    audience: Audience,
    frontier: Frontier,
    told: Told,
    /// Withdrawals that were applied and not published yet.
    withdrawn: Vec<Withdrawn>,
    /// What became visible since the last commit.
    disclosed: Disclosed,
    /// What the log held when the corridor began: of this, what was stated of laboratories may be read later than their
    /// results.
    history: Frontier,
    /// Laboratory records that the register is to look at, put and not published yet.
    noted: Vec<Noted>,
}

struct ClockHandle(Clock);

impl std::fmt::Debug for ClockHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl<'a> Worker<'a> {
    /// A worker that goes on where the store stands.
    pub fn new(rooms: &'a Rooms, clock: Clock) -> Self {
        Self {
            rooms,
            clock: ClockHandle(clock),
            audience: Audience::new(),
            frontier: rooms.store.frontier(),
            told: Told::new(),
            withdrawn: Vec::new(),
            disclosed: Disclosed::default(),
            history: Frontier::start(),
            noted: Vec::new(),
        }
    }

    /// Takes a batch of decoded letters in and makes it visible as one act.
    fn take(&mut self, batch: Vec<Decoded>, probe: &mut dyn Probe) -> Result<(), PipelineError> {
        let oldest = batch.iter().map(|decoded| decoded.appended_at).min();
        let letters = batch.len();
        let facts = self.facts(&batch);
        for (decoded, facts) in batch.into_iter().zip(facts) {
            let position = decoded.position;
            if self.frontier.includes(position) {
                continue;
            }
            self.letter(decoded, facts, probe)?;
            self.frontier.include(position);
        }
        announce(probe, Effect::Publish)?;
        self.show()?;
        self.told.published(letters, oldest, (self.clock.0)());
        Ok(())
    }

    /// Numbers the patients and classes of a batch under one lock, and fetches what its decisions will read.
    ///
    /// Numbers are given in the order of the records and never change, so that it may be done ahead of the events
    /// between them.
    fn facts(&self, batch: &[Decoded]) -> Vec<Option<Facts>> {
        let mut book = self.rooms.book.write();
        let facts = batch.iter().map(|decoded| match &decoded.event {
            Ok(Event { body: Body::Record(record), .. }) => Some(book.facts(record)),
            _ => None,
        });
        let facts: Vec<Option<Facts>> = facts.collect();
        let book = RwLockWriteGuard::downgrade(book);
        book.look_ahead(&facts.iter().flatten().copied().collect::<Vec<_>>());
        facts
    }

    /// Rows, permissions and the frontier become visible in one act, and the feeds hand out what was told.
    fn show(&mut self) -> Result<(), PipelineError> {
        self.note()?;
        let Rooms { store, feeds, book, clerk, register, .. } = self.rooms;
        store.publish(&self.frontier)?;
        feeds.published(store);
        register.published(&self.frontier);
        for withdrawn in self.withdrawn.drain(..) {
            if let Some(clerk) = clerk {
                clerk.issue(withdrawn, feeds, book);
            }
        }
        Ok(())
    }

    /// Sets what is published aside for a commit, and what the ledger must hold before it; `None` when there is nothing,
    /// or it is not the time.
    async fn set_aside(&mut self) -> Option<Aside> {
        let Rooms { store, clerk, book, .. } = self.rooms;
        if clerk.as_ref().is_some_and(|clerk| !clerk.may_commit(&store.frontier())) {
            return None;
        }
        let reaches = store.freeze()?;
        if let Some(clerk) = clerk.as_ref().filter(|clerk| clerk.tells_disclosures()) {
            clerk.take_over(&reaches, &mut self.disclosed, book).await;
        }
        let register = Arc::clone(&self.rooms.register);
        Some(Aside { store: Arc::clone(store), register, clerk: clerk.clone(), reaches })
    }

    fn letter(&mut self, decoded: Decoded, facts: Option<Facts>, probe: &mut dyn Probe) -> Result<(), PipelineError> {
        let Decoded { position, payload, event, trace, .. } = decoded;
        // Only letters of a recorded trace cost a span: at full rate most carry none.
        let span = trace.filter(is_sampled).map(|trace| {
            let span = tracing::info_span!("view", %position);
            trace_context::continue_from(&span, trace.traceparent());
            span
        });
        let _entered = span.as_ref().map(tracing::Span::enter);
        match (event, facts) {
            (Err(fault), _) => self.rooms.withheld.note(position, fault),
            (Ok(Event { body: Body::Record(record), admitted_at, .. }), Some(facts)) => {
                self.record((position, admitted_at), Arc::new(*record), facts, probe)?;
            }
            // Who read what permits nothing and is no row: the ledger is folded from the log itself.
            (Ok(Event { body: Body::Audit(_), .. }), _) => {}
            (Ok(event), _) => self.change(position, &event, payload, probe)?,
        }
        Ok(())
    }

    fn record(
        &mut self,
        (position, admitted): (Position, Moment),
        record: Arc<Record>,
        facts: Facts,
        probe: &mut dyn Probe,
    ) -> Result<(), PipelineError> {
        announce(probe, Effect::Put(position))?;
        let outcome = self.rooms.store.put(position, &record, &facts);
        announce(probe, Effect::Feed(position))?;
        let now = (self.clock.0)();
        let book = self.rooms.book.read();
        book.audience(&facts, now, &mut self.audience);
        self.rooms.feeds.publish(
            &book,
            &Put { position, record: &record, admitted, facts, outcome },
            &self.audience,
            now,
        );
        drop(book);
        if let Some(clerk) = self.rooms.clerk.as_ref().filter(|clerk| clerk.tells_disclosures())
            && matches!(outcome, PutOutcome::New | PutOutcome::Supersedes { .. })
        {
            let of = (facts.patient, record.category());
            self.disclosed.note(clerk.telling(position), of, self.audience.reached());
        }
        if record.category() == Category::Laboratory {
            self.note_version((position, admitted), &record, outcome)?;
        }
        let others = self.audience.reached().len().saturating_sub(1);
        self.told.record(code(outcome), others);
        Ok(())
    }

    /// Notes a version of a laboratory record that is not its only one, or may be critical.
    fn note_version(
        &mut self,
        (position, admitted): (Position, Moment),
        record: &Record,
        outcome: PutOutcome,
    ) -> Result<(), PipelineError> {
        let reference = record.reference();
        let other = match outcome {
            PutOutcome::New if self.rooms.register.may_be_critical(record, admitted, self.tables_unread(position)) => {
                None
            }
            PutOutcome::New | PutOutcome::Duplicate => return Ok(()),
            PutOutcome::Supersedes { previous, .. } => Some(previous),
            PutOutcome::Deleted { previous } => previous,
            PutOutcome::Stale => self.rooms.store.standing_of(&reference)?.map(|standing| standing.position),
        };
        self.noted.push(Noted { position, record: reference, other });
        Ok(())
    }

    /// Whether what was stated of laboratories before this letter may still have to be read.
    fn tables_unread(&self, position: Position) -> bool {
        let control = PartitionId::CONTROL;
        self.history.includes(position) && self.frontier.next(control) < self.history.next(control)
    }

    /// What the register is to look at, it knows before anyone sees it.
    fn note(&mut self) -> Result<(), PipelineError> {
        if !self.noted.is_empty() {
            self.rooms.register.note(&self.noted)?;
            self.noted.clear();
        }
        Ok(())
    }

    fn change(
        &mut self,
        position: Position,
        event: &Event,
        payload: bytes::Bytes,
        probe: &mut dyn Probe,
    ) -> Result<(), PipelineError> {
        announce(probe, Effect::Apply(position))?;
        let withdrawal = match (&self.rooms.clerk, &event.body) {
            (Some(clerk), Body::Consent(ConsentChange::Withdrawn(withdrawal)))
                if !clerk.has_receipt(&withdrawal.patient, position) =>
            {
                clerk.owe(position);
                Some(withdrawal)
            }
            _ => None,
        };
        let rows = match withdrawal {
            Some(_) => {
                self.note()?;
                Some(self.rows_so_far(probe)?)
            }
            None => None,
        };
        let mut book = self.rooms.book.write();
        let before = withdrawal.map(|withdrawal| book.wishes(&withdrawal.patient));
        let applied = book.apply(position, &event.body);
        self.rooms.store.keep_book_letter(position, payload);
        self.rooms.register.apply(position, event)?;
        announce(probe, Effect::Splice(position))?;
        let passing = self.rooms.feeds.splice(&book, position, &applied.touched);
        self.told.applied(applied.outcome);
        if let (Some(withdrawal), Some(before), Some(rows)) = (withdrawal, before, rows) {
            let (patient, moment) = (withdrawal.patient.clone(), (self.clock.0)());
            let after = book.wishes(&patient);
            self.withdrawn.push(Withdrawn {
                consent: withdrawal.id.clone(),
                withdrawn_at: withdrawal.withdrawn_at,
                change: ConsentChanged { patient, position, moment, before, after },
                rows,
                passing,
            });
        }
        Ok(())
    }

    /// The rows as they stand before the letter at hand: what came before it in its batch is shown first, so that a
    /// receipt counts what could be seen, no row more and none less.
    fn rows_so_far(&self, probe: &mut dyn Probe) -> Result<Pinned, PipelineError> {
        let store = &self.rooms.store;
        if store.has_unpublished() {
            announce(probe, Effect::Publish)?;
            store.publish(&self.frontier)?;
        }
        Ok(store.pin())
    }

    /// Says that the corridor is alive though nothing came, and lets the clock begin and end what it must.
    fn beat(&mut self) -> Result<(), PipelineError> {
        let now = (self.clock.0)();
        self.rooms.feeds.tick(&self.rooms.book.read(), now);
        self.show()
    }
}

/// Whether the sender of the letter recorded its trace: the last bit of the `traceparent`'s flags.
fn is_sampled(trace: &event_log::TraceContext) -> bool {
    trace
        .traceparent()
        .bytes()
        .last()
        .is_some_and(|flag| matches!(flag, b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f'))
}

/// The outcome's name among the metrics.
fn code(outcome: PutOutcome) -> &'static str {
    match outcome {
        PutOutcome::New => "new",
        PutOutcome::Supersedes { .. } => "supersedes",
        PutOutcome::Stale => "stale",
        PutOutcome::Duplicate => "duplicate",
        PutOutcome::Deleted { .. } => "deleted",
    }
}

/// What is set aside for a commit.
struct Aside {
    store: Arc<Store>,
    register: Arc<Register>,
    clerk: Option<Arc<Clerk>>,
    /// How far in the log it reaches.
    reaches: Frontier,
}

/// Why a commit failed.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error(transparent)]
    NotYet(#[from] NotYet),
}

impl Aside {
    /// Commits what the ledger holds everything about: what is read again after a crash is what may be missing there.
    async fn commit(&self) -> Result<Committed, CommitError> {
        if let Some(clerk) = &self.clerk {
            clerk.settle(&self.reaches).await?;
        }
        // What is committed is not read again: what was noted of it must be as durable.
        self.register.sync()?;
        Ok(self.store.commit().await?)
    }
}

/// The commit under way, if any: rows become durable beside the loop, which goes on.
#[derive(Debug, Default)]
struct Committing {
    task: Option<tokio::task::JoinHandle<Result<Committed, CommitError>>>,
    not_before: Option<tokio::time::Instant>,
}

/// How long after a failed commit the next is tried.
const COMMIT_AGAIN: Duration = Duration::from_secs(5);

impl Committing {
    fn is_under_way(&self) -> bool {
        self.task.is_some()
    }
    fn may_try(&self) -> bool {
        self.not_before.is_none_or(|not_before| tokio::time::Instant::now() >= not_before)
    }
    fn begin(&mut self, aside: Aside) {
        self.task = Some(tokio::spawn(async move {
            let committed = aside.commit().await?;
            if let Err(error) = aside.store.compact().await {
                tracing::warn!(%error, "table files were not merged; tried again later");
            }
            Ok(committed)
        }));
    }
    /// The outcome of the commit under way; waits for ever when there is none.
    async fn done(&mut self) -> Result<Committed, CommitError> {
        let Some(task) = self.task.as_mut() else { return std::future::pending().await };
        let outcome = task.await.unwrap_or(Err(StoreError::Interrupted.into()));
        self.task = None;
        outcome
    }
    /// A full disk is waited out: the rows stay in memory and the letters in the log. A poisoned store is the end.
    fn settle(&mut self, outcome: Result<Committed, CommitError>) -> Result<(), PipelineError> {
        match outcome {
            Ok(committed) => {
                tracing::debug!(rows = committed.rows, took_ms = committed.took.as_millis(), "committed");
                self.not_before = None;
                Ok(())
            }
            Err(CommitError::Store(StoreError::Poisoned)) => Err(StoreError::Poisoned.into()),
            Err(error) => {
                tracing::error!(%error, "the views could not be made durable; tried again soon, nothing acknowledged is lost");
                self.not_before = Some(tokio::time::Instant::now() + COMMIT_AGAIN);
                Ok(())
            }
        }
    }
    async fn finish(&mut self) -> Result<(), PipelineError> {
        if self.is_under_way() {
            let outcome = self.done().await;
            self.settle(outcome)?;
        }
        Ok(())
    }
}

// === the start ===

/// Brings the book to where the store stands, from the letters the store kept for it.
///
/// # Errors
/// When a kept letter cannot be read from disk; one that cannot be understood is withheld, as on its first way.
pub fn restore_book(
    book: &RwLock<Book>,
    register: &Register,
    withheld: &Withheld,
    letters: impl IntoIterator<Item = Result<(Position, bytes::Bytes), StoreError>>,
) -> Result<u64, PipelineError> {
    let mut book = book.write();
    let mut applied = 0;
    for letter in letters {
        let (position, payload) = letter?;
        match decode::read(payload) {
            Ok(event) => {
                let _ = book.apply(position, &event.body);
                register.apply(position, &event)?;
                applied += 1;
            }
            Err(fault) => withheld.note(position, fault),
        }
    }
    Ok(applied)
}
