//! Following a storage: whatever says that something happened, the tree itself says what.
//!
//! Three things say so. The *transaction storage*, where there is one, names patients as they change. A *watch* on the
//! tree (the operating system's) names folders; it does not see what other machines write to a network drive, and an
//! operating system has a limit of folders it watches, below the number a large storage has. So a *sweep* over the whole
//! tree, compared with what was taken, always runs as well: it is what following is on a network drive, and everywhere the
//! proof that nothing was missed.

use super::cursor::Cursor;
use super::folder::{LookError, Reading, Volume};
use super::sweep::{Hint, Progress, Sweeper, Swept, Taker};
use super::transactions::Transactions;
use super::watch::Watch;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How a storage is followed.
#[derive(Clone, Debug)]
pub struct Following {
    /// Whether the tree is watched: not for a network drive that other machines write to.
    pub watch: bool,
    /// The transaction storage's root, where there is one.
    pub transactions: Option<PathBuf>,
    /// How often the journal and the watch are asked.
    pub ask_every: Duration,
    /// How often the whole tree is swept.
    pub sweep_every: Duration,
}

impl Default for Following {
    /// Watched, no journal, asked five times a second, swept every ten minutes.
    fn default() -> Self {
        Self {
            watch: true,
            transactions: None,
            ask_every: Duration::from_millis(200),
            sweep_every: Duration::from_secs(600),
        }
    }
}

/// What a follower has to tell. Read it while it runs.
#[derive(Debug, Default)]
pub struct Report {
    /// The sweep that runs, or ran last.
    pub sweep: Mutex<Arc<Progress>>,
    sweeps: AtomicU64,
    missed: AtomicU64,
    failures: AtomicU64,
}

impl Report {
    /// Whole sweeps so far; the first is the first load.
    pub fn sweeps(&self) -> u64 {
        self.sweeps.load(Ordering::Relaxed)
    }
    /// Files that a later sweep found and nothing had said anything about.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
    /// Looks that failed and were tried again.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// Whoever follows a storage.
pub struct Follower {
    /// The root.
    pub volume: Volume,
    /// What was taken.
    pub cursor: Arc<Cursor>,
    /// How to read.
    pub reading: Reading,
    /// How to follow.
    pub following: Following,
    /// Whoever takes what is found.
    pub taker: Arc<dyn Taker>,
    /// What there is to tell.
    pub report: Arc<Report>,
    /// Called whenever the storage could be looked at: its sign of life.
    pub alive: Arc<dyn Fn() + Send + Sync>,
    /// Set it to end.
    pub stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("volume", &self.volume.label).finish_non_exhaustive()
    }
}

/// Where to look, when, and how often still.
type Pending = BTreeMap<Hint, (Instant, u8)>;

impl Follower {
    /// Loads what is there and follows it until told to stop. It blocks: give it a thread of its own.
    ///
    /// What fails is said, counted and tried again after a rest; only a watch that cannot be set up, because the tree has
    /// more folders than the system watches, is given up for good, and said.
    pub fn run(&self) {
        // Both begin before the first sweep: what happens meanwhile is then seen by one or the other.
        let mut watch = self.watch();
        let mut transactions = None;
        let mut pending = Pending::new();
        let mut sweep_at = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            let outcome = self.turn(&mut watch, &mut transactions, &mut pending, &mut sweep_at);
            if outcome.is_ok() {
                (self.alive)();
            }
            if let Err(error) = outcome {
                self.report.failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, volume = self.volume.label, "the storage is not followed for the moment");
                self.rest(Duration::from_secs(1));
            }
            self.rest(self.following.ask_every);
        }
        if let Err(error) = self.cursor.sync() {
            tracing::warn!(%error, "what was taken was not brought to disk; the next start reads more of the storage again");
        }
    }

    /// One turn: hear, sweep when it is due, look where something was said to have happened.
    fn turn(
        &self,
        watch: &mut Option<Watch>,
        transactions: &mut Option<Transactions>,
        pending: &mut Pending,
        sweep_at: &mut Instant,
    ) -> Result<(), LookError> {
        let now = Instant::now();
        // A root that is gone (a drive that is not mounted) must be noticed now and not with the next sweep.
        std::fs::metadata(&self.volume.root)?;
        let mut hints = std::collections::BTreeSet::new();
        if let Some(there) = watch
            && !there.ask(&mut hints)
        {
            // It lost count: only a sweep helps, after the folders are all watched again.
            *watch = self.watch();
            *sweep_at = now;
        }
        if let (None, Some(root)) = (&transactions, &self.following.transactions) {
            *transactions = Some(Transactions::open(root, &self.volume.label, &self.cursor)?);
        }
        if let Some(transactions) = transactions {
            hints.append(&mut transactions.poll()?);
        }
        for hint in hints {
            // Twice: the journal may be ahead of the tree, and what is found may still be written.
            pending.insert(hint, (now + self.reading.settled, 2));
        }
        if now >= *sweep_at {
            let first = self.report.sweeps() == 0;
            let swept = self.sweep()?;
            if !first {
                self.report.missed.fetch_add(swept.new, Ordering::Relaxed);
            }
            let soon = swept.unsettled > 0;
            *sweep_at = now + if soon { self.reading.settled } else { self.following.sweep_every };
        }
        let due: Vec<Hint> = pending.iter().filter(|(_, (at, _))| *at <= now).map(|(hint, _)| hint.clone()).collect();
        if due.is_empty() {
            return Ok(());
        }
        let progress = Progress::default();
        let again = self.sweeper(&progress).look_where(due.iter().cloned())?;
        for hint in due {
            let looks = pending.remove(&hint).map_or(0, |(_, looks)| looks);
            if again.contains(&hint) {
                pending.insert(hint, (now + self.reading.settled, looks.max(1)));
            } else if looks > 1 {
                pending.insert(hint, (now + self.reading.settled.max(Duration::from_secs(5)), looks - 1));
            }
        }
        if pending.is_empty()
            && let Some(transactions) = transactions
        {
            transactions.keep(&self.cursor)?;
            self.cursor.sync()?;
        }
        Ok(())
    }

    fn sweeper<'a>(&'a self, progress: &'a Progress) -> Sweeper<'a> {
        Sweeper {
            volume: &self.volume,
            known: self.cursor.as_ref(),
            reading: &self.reading,
            taker: self.taker.as_ref(),
            progress,
            stop: &self.stop,
        }
    }

    fn sweep(&self) -> Result<Swept, LookError> {
        let progress = Arc::new(Progress::default());
        *self.report.sweep.lock() = Arc::clone(&progress);
        let swept = self.sweeper(&progress).run()?;
        self.cursor.sync()?;
        if !self.stop.load(Ordering::Relaxed) {
            self.report.sweeps.fetch_add(1, Ordering::Relaxed);
        }
        Ok(swept)
    }

    fn watch(&self) -> Option<Watch> {
        if !self.following.watch {
            return None;
        }
        match Watch::open(&self.volume.root) {
            Ok(watch) => Some(watch),
            Err(error) => {
                let every = self.following.sweep_every.as_secs();
                tracing::warn!(%error, every, volume = self.volume.label, "the storage is not watched, only swept");
                None
            }
        }
    }

    fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20).min(time));
        }
    }
}
