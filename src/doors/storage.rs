//! Storages: each is followed by a thread, and surveyed by another.

use super::{Alive, DoorsError, read_as};
use crate::config;
use bytes::Bytes;
use ingest::completeness::FeedBook;
use ingest::ss_mix2::{
    Cursor, Follower, Following, Intake, Messages, OtherPatient, Progress, Reading, Report, SurveyError, Volume, note,
    survey,
};
use ingest::{AdmissionError, Door, Refusal, Replayer};
use model::{FacilityId, Position, Principal};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// How often a thread that rests looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);
/// The rest after a survey that failed, as when the drive is not mounted.
const AGAIN: Duration = Duration::from_secs(60);

/// A storage, opened.
pub(super) struct Storage {
    config: config::Storage,
    follower: Arc<Follower>,
    intake: Arc<Intake>,
    book: Arc<FeedBook>,
}

impl Storage {
    /// Opens the note of what was taken of it, in `directory`. The storage itself may be away: it is looked for again.
    pub(super) fn open(
        config: config::Storage,
        directory: &Path,
        (door, alive): (Arc<dyn Door>, Alive),
        book: Arc<FeedBook>,
    ) -> Result<Self, DoorsError> {
        let cursor = Cursor::open(directory).map_err(|error| DoorsError::Cursor {
            name: config.name.clone(),
            path: directory.display().to_string(),
            reason: error.to_string(),
        })?;
        let cursor = Arc::new(cursor);
        let other = if config.path_is_right { OtherPatient::TakePath } else { OtherPatient::Refuse };
        let mut feed = read_as(&config.text, config.facility.clone());
        feed.options.largest = config.largest;
        let messages = Arc::new(Messages::new(feed, other));
        let intake = Arc::new(Intake::new(Arc::clone(&cursor), messages, door, Handle::current()));
        let follower = Follower {
            volume: Volume { label: config.name.clone(), root: config.path.clone() },
            cursor,
            reading: Reading {
                threads: config.threads,
                largest_file: u64::try_from(config.largest).unwrap_or(u64::MAX),
                settled: config.settled,
            },
            following: Following {
                watch: config.watch,
                transactions: config.transactions.clone(),
                sweep_every: config.sweep_every,
                ..Following::default()
            },
            taker: Arc::clone(&intake) as _,
            report: Arc::new(Report::default()),
            alive,
            stop: Arc::new(AtomicBool::new(false)),
        };
        Ok(Self { config, follower: Arc::new(follower), intake, book })
    }

    /// Follows and surveys it until `stop`; what is returned ends when both threads have ended, with an error when one ends
    /// before.
    pub(super) fn follow(
        self,
        stop: CancellationToken,
    ) -> Result<impl Future<Output = Result<(), String>> + Send + 'static, DoorsError> {
        let Self { config, follower, intake: _, book } = self;
        let flag = Arc::clone(&follower.stop);
        let following = {
            let follower = Arc::clone(&follower);
            run(&config.name, move || follower.run())?
        };
        let surveying = {
            let (facility, every) = (config.facility, config.survey_every);
            run(&config.name, move || keep_account(&follower, &facility, &book, every))?
        };
        Ok(async move {
            let mut both = std::pin::pin!(futures::future::join(following, surveying));
            let early = || format!("the storage \"{}\" is no longer followed", config.name);
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    flag.store(true, Ordering::Relaxed);
                    match both.await {
                        (Ok(()), Ok(())) => Ok(()),
                        _ => Err(early()),
                    }
                }
                _ = &mut both => Err(early()),
            }
        })
    }
}

/// Runs it in a thread of its own; the receiver hears of its end, and gets an error when it did not end well.
fn run(name: &str, work: impl FnOnce() + Send + 'static) -> Result<oneshot::Receiver<()>, DoorsError> {
    let (ended, end) = oneshot::channel();
    let thread = std::thread::Builder::new().name(format!("storage {name}"));
    let body = move || {
        work();
        // Nobody listens when the node is being dropped.
        let _ = ended.send(());
    };
    thread.spawn(body).map_err(|source| DoorsError::Thread { name: name.to_owned(), source })?;
    Ok(end)
}

/// Surveys the storage after its first load and then again and again, and notes what is found.
fn keep_account(follower: &Follower, facility: &FacilityId, book: &FeedBook, every: Duration) {
    let stopped = || follower.stop.load(Ordering::Relaxed);
    let mut seen = 0;
    while follower.report.sweeps() == 0 && !stopped() {
        std::thread::sleep(LOOK);
        seen = beat(follower, seen);
    }
    while !stopped() {
        let rest = match look(follower, facility, book) {
            Ok(()) => every,
            Err(error) => {
                tracing::warn!(%error, volume = follower.volume.label, "the storage was not surveyed");
                AGAIN.min(every)
            }
        };
        let until = Instant::now() + rest;
        while Instant::now() < until && !stopped() {
            std::thread::sleep(LOOK);
            seen = beat(follower, seen);
        }
    }
}

/// A sweep of a large storage takes longer than it may be silent: each folder it comes to is a sign of life.
fn beat(follower: &Follower, seen: u64) -> u64 {
    let folders = follower.report.sweep.lock().so_far().folders;
    if folders != seen {
        (follower.alive)();
    }
    folders
}

fn look(follower: &Follower, facility: &FacilityId, book: &FeedBook) -> Result<(), SurveyError> {
    let Follower { volume, cursor, reading, stop, .. } = follower;
    let found = survey(volume, cursor, reading, &Progress::default(), stop)?;
    // One that was broken off has not seen everything.
    if stop.load(Ordering::Relaxed) {
        return Ok(());
    }
    let (offered, missing) = found
        .values()
        .fold((0, 0), |(offered, gaps), day| (offered + day.comparison.offered, gaps + day.comparison.gaps.len()));
    tracing::info!(volume = volume.label, days = found.len(), offered, gaps = missing, "the storage was surveyed");
    Ok(note(&found, facility, volume, book)?)
}

/// Reads quarantined files anew, each as its own storage reads.
pub(super) struct Replaying(HashMap<(FacilityId, String), Arc<Intake>>);

impl Replaying {
    pub(super) fn new(storages: &[Storage]) -> Self {
        let of = |storage: &Storage| {
            ((storage.config.facility.clone(), storage.config.name.clone()), Arc::clone(&storage.intake))
        };
        Self(storages.iter().map(of).collect())
    }
}

#[tonic::async_trait]
impl Replayer for Replaying {
    async fn replay(
        &self,
        principal: &Principal,
        name: &str,
        bytes: Bytes,
    ) -> Result<Result<Vec<Position>, Refusal>, AdmissionError> {
        let volume = name.split_once(": ").map_or(name, |(volume, _)| volume);
        match self.0.get(&(principal.facility.clone(), volume.to_owned())) {
            Some(intake) => intake.replay(principal, name, bytes).await,
            None => Err(AdmissionError::Unavailable {
                reason: format!("no storage `{volume}` of the facility is followed here; replay it where it is"),
            }),
        }
    }
}
