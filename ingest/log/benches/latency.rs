//! How long an acknowledgement takes under an open load: letters of 1 KB are due at a fixed rate whether or not the log
//! keeps up, and each is counted from the moment it was due. Also how long opening takes with many letters in the log.
//!
//! `cargo bench -p event-log --bench latency`; the directory is in `TMPDIR`, which should be on the disk to be measured.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a measurement, not a library")]

use bytes::Bytes;
use event_log::{EmbeddedConfig, EmbeddedLog, EventLog, Letter, PartitionKey, ReadLimit, tail};
use futures::StreamExt;
use model::Frontier;
use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

const SECONDS: u64 = 5;
const MANY: u64 = 10_000_000;

fn letter(number: u64, payload: &Bytes) -> Letter {
    let key =
        PartitionKey::Patient(Bytes::from(format!("hospital\0{:08}", number.wrapping_mul(2_654_435_761) % 100_000)));
    Letter { key, event: u128::from(number), trace: None, payload: payload.clone() }
}

fn open(directory: &std::path::Path) -> Arc<EmbeddedLog> {
    Arc::new(EmbeddedLog::open(&EmbeddedConfig::new(directory, NonZeroU32::new(16).unwrap())).unwrap())
}

/// `per_send` letters at a time, `rate` letters a second, with a reader following.
async fn open_load(rate: u64, per_send: u64) {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let payload = Bytes::from(vec![b'x'; 1024]);
    let following = tail(Arc::clone(&log) as _, Frontier::start(), ReadLimit::default());
    let follower = tokio::spawn(async move { following.map(|batch| batch.unwrap().len()).collect::<Vec<_>>().await });
    let sends = rate * SECONDS / per_send;
    let every = Duration::from_nanos(1_000_000_000 * per_send / rate);
    let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
    let start = Instant::now() + Duration::from_millis(50);
    // A thread of its own keeps the time; the runtime's timer has a grain of a millisecond.
    let handle = tokio::runtime::Handle::current();
    let sender = std::thread::spawn({
        let log = Arc::clone(&log);
        move || {
            for send in 0..sends {
                let due = start + every * u32::try_from(send).unwrap();
                while let Some(left) = due.checked_duration_since(Instant::now()) {
                    if left > Duration::from_micros(80) {
                        std::thread::sleep(left - Duration::from_micros(60))
                    } else {
                        std::hint::spin_loop()
                    }
                }
                let letters = (0..per_send).map(|n| letter(send * per_send + n, &payload)).collect();
                let (log, told) = (Arc::clone(&log), told.clone());
                handle.spawn(async move {
                    log.append(letters).await.unwrap();
                    told.send(due.elapsed()).unwrap();
                });
            }
        }
    });
    let mut latencies = Vec::new();
    while let Some(latency) = tell.recv().await {
        latencies.push(latency);
    }
    sender.join().unwrap();
    let took = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: f64| latencies[(share * (latencies.len() - 1) as f64) as usize];
    log.close().await.unwrap();
    let followed: usize = follower.await.unwrap().iter().sum();
    println!(
        "{rate:>7} letters/s due, {per_send:>3} a send: {:>7.0}/s done, acknowledged p50 {:?} p99 {:?} p99.9 {:?} max {:?}; {followed} read by the follower",
        (sends * per_send) as f64 / took,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
    );
}

/// The most letters a second, from callers that send as soon as they are answered; then opening what that left.
async fn as_fast_as_it_goes(letters: u64) {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let payload = Bytes::from(vec![b'x'; 1024]);
    let started = Instant::now();
    let callers = (0..16u64).map(|caller| {
        let (log, payload) = (Arc::clone(&log), payload.clone());
        tokio::spawn(async move {
            for round in 0..letters / 16 / 500 {
                let base = (caller * 1_000_000_007) + round * 500;
                log.append((base..base + 500).map(|number| letter(number, &payload)).collect()).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let rate = letters as f64 / started.elapsed().as_secs_f64();
    log.close().await.unwrap();
    drop(log);
    let started = Instant::now();
    let log = open(directory.path());
    let opened = started.elapsed();
    let started = Instant::now();
    let mut tail = Box::pin(tail(Arc::clone(&log) as _, Frontier::start(), ReadLimit::default()));
    let mut read = 0;
    let wanted: u64 = log.end().await.unwrap().iter().map(|(_, next)| next.0).sum();
    while read < wanted {
        read += tail.next().await.unwrap().unwrap().len() as u64;
    }
    let reading = read as f64 / started.elapsed().as_secs_f64();
    println!(
        "{wanted} letters of 1 KB: appended at {rate:.0}/s, opened in {opened:?}, read from files at {reading:.0}/s"
    );
}

#[tokio::main(worker_threads = 4)]
async fn main() {
    // `cargo test` runs benches too; it wants to know that they run, not how fast.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    if !measuring {
        return as_fast_as_it_goes(16_000).await;
    }
    for (rate, per_send) in [(1_000, 1), (10_000, 1), (10_000, 10), (50_000, 10), (100_000, 100), (200_000, 100)] {
        open_load(rate, per_send).await;
    }
    as_fast_as_it_goes(MANY).await;
}
