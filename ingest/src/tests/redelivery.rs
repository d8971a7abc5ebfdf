//! Redelivery changes nothing: under a seed, callers send overlapping events at the same time, appends fail with and
//! without leaving their letters, callers give up half-way, the node dies and starts again. Whoever got no answer sends
//! again. In the end the log holds every event once, and every answer ever given named its place.
//!
//! `AJISAI_SEED=n cargo test -p ingest one_seed_of_redelivery` replays one seed.

use super::fixture::*;
use crate::{Admission, Answer};
use async_trait::async_trait;
use event_log::{AppendError, EventLog, Letter, MemoryLog, ReadError, ReadLimit, Stored};
use model::{Frontier, Offset, PartitionId, Position};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

const EVENTS: usize = 24;
const CALLERS: usize = 4;

/// A log whose confirmations get lost: before the append, or after it.
#[derive(Debug)]
struct Lossy {
    log: MemoryLog,
    random: Mutex<StdRng>,
    faults: bool,
}

#[async_trait]
impl EventLog for Lossy {
    fn data_partitions(&self) -> u32 {
        self.log.data_partitions()
    }
    async fn append(&self, letters: Vec<Letter>) -> Result<Vec<Position>, AppendError> {
        let (fate, pause) = {
            let mut random = self.random.lock();
            (random.random_range(0..6), random.random_range(0..3))
        };
        for _ in 0..pause {
            tokio::task::yield_now().await;
        }
        let lost = || AppendError::Unavailable { reason: "timed out".to_owned() };
        if self.faults && fate == 0 {
            return Err(lost());
        }
        let positions = self.log.append(letters).await?;
        if self.faults && fate == 1 {
            return Err(lost());
        }
        Ok(positions)
    }
    async fn read(
        &self,
        partition: PartitionId,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Vec<Stored>, ReadError> {
        self.log.read(partition, from, limit, wait).await
    }
    async fn end(&self) -> Result<Frontier, ReadError> {
        self.log.end().await
    }
    async fn close(&self) -> Result<(), AppendError> {
        self.log.close().await
    }
}

/// Sends every event in an order of its own until each has its answer.
async fn caller(
    admission: Arc<Admission>,
    seed: u64,
    places: Arc<Mutex<HashMap<usize, Position>>>,
    patience: Option<usize>,
) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut waiting: Vec<usize> = (0..EVENTS).collect();
    waiting.shuffle(&mut random);
    let mut turns = 0;
    while !waiting.is_empty() && patience.is_none_or(|patience| turns < patience) {
        turns += 1;
        assert!(turns < 10_000, "it does not end");
        let count = random.random_range(1..=waiting.len());
        let group: Vec<usize> = waiting.iter().copied().take(count).collect();
        let events = group.iter().map(|i| incoming(&event(&format!("e-{i}"), "x"))).collect();
        let principal = hospital();
        let sending = admission.admit(&principal, events);
        let limit = Duration::from_millis(if random.random_bool(0.1) { 0 } else { 5000 });
        let Ok(Ok(answers)) = tokio::time::timeout(limit, sending).await else { continue };
        for (i, answer) in group.iter().zip(answers) {
            let Answer::Accepted { position, .. } = answer else { panic!("refused") };
            let first = *places.lock().entry(*i).or_insert(position);
            assert_eq!(first, position, "event {i} has two places");
        }
        waiting.drain(..count);
    }
}

async fn run(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let places = Arc::new(Mutex::new(HashMap::new()));
    let mut log = MemoryLog::new(NonZeroU32::new(2).unwrap());
    let lives = random.random_range(1..=3);
    for life in 1..=lives {
        let lossy = Lossy { log, random: Mutex::new(StdRng::seed_from_u64(random.random())), faults: true };
        let lossy = Arc::new(lossy);
        let shared: Arc<dyn EventLog> = Arc::clone(&lossy) as _;
        let book = Arc::new(TestBook::default());
        let admission = open(shared, book, &directory).await;
        // In its last life the node lives until everybody is answered.
        let patience = (life < lives).then(|| random.random_range(0..4));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| tokio::spawn(caller(Arc::clone(&admission), random.random(), Arc::clone(&places), patience)))
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        // A crash: nothing is closed or brought to disk.
        log = lossy.log.crash();
    }
    let mut letters = HashMap::new();
    for partition in 0..=2 {
        let all = ReadLimit { letters: usize::MAX, bytes: usize::MAX };
        for stored in log.read(PartitionId(partition), Offset(0), all, Duration::ZERO).await.unwrap() {
            let twice = letters.insert(stored.letter.event, stored.position);
            assert_eq!(twice, None, "an event is in the log twice");
        }
    }
    assert_eq!(letters.len(), EVENTS);
    for (i, place) in places.lock().iter() {
        assert_eq!(letters.get(&event(&format!("e-{i}"), "x").key.digest()), Some(place));
    }
}

/// Opens the door; the index's files may still be held by the life before, whose tasks are ending.
async fn open(log: Arc<dyn EventLog>, book: Arc<TestBook>, directory: &tempfile::TempDir) -> Arc<Admission> {
    for _ in 0..500 {
        let opened = Admission::open(Arc::clone(&log), Arc::clone(&book) as _, &settings(directory), clock()).await;
        match opened {
            Ok(admission) => return admission,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("the door does not open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redelivery_changes_nothing() {
    for seed in 0..30 {
        let outcome = tokio::spawn(run(seed)).await;
        assert!(outcome.is_ok(), "seed {seed}: replay with AJISAI_SEED={seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_seed_of_redelivery() {
    let seed = std::env::var("AJISAI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    run(seed).await;
}
