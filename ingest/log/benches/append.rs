//! How many letters of 1 KB the embedded log makes durable and hands out again, by batch size and callers.
//!
//! `cargo bench -p event-log --bench append`; the directory is in `TMPDIR`, which should be on the disk to be measured.
#![expect(missing_docs, clippy::unwrap_used, reason = "a measurement, not a library")]

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use event_log::{EmbeddedConfig, EmbeddedLog, EventLog, Letter, PartitionKey, ReadLimit, tail};
use futures::StreamExt;
use model::Frontier;
use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

const PAYLOAD: usize = 1024;
const PARTITIONS: u32 = 16;

fn open(directory: &std::path::Path, memory_bytes: usize) -> Arc<EmbeddedLog> {
    let usual = EmbeddedConfig::new(directory, NonZeroU32::new(PARTITIONS).unwrap());
    Arc::new(EmbeddedLog::open(&EmbeddedConfig { memory_bytes, ..usual }).unwrap())
}

fn batch(size: u64, seed: u64) -> Vec<Letter> {
    let payload = Bytes::from(vec![b'x'; PAYLOAD]);
    let key = |n: u64| PartitionKey::Patient(Bytes::from(format!("hospital\0{:08}", (seed * 31 + n) % 100_000)));
    (0..size).map(|n| Letter { key: key(n), event: u128::from(n), trace: None, payload: payload.clone() }).collect()
}

async fn append(log: &Arc<EmbeddedLog>, callers: u64, rounds: u64, size: u64) -> Duration {
    let started = Instant::now();
    let tasks = (0..callers).map(|caller| {
        let log = Arc::clone(log);
        let rounds = rounds / callers + u64::from(caller < rounds % callers);
        tokio::spawn(async move {
            for round in 0..rounds {
                log.append(batch(size, caller + round)).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    started.elapsed()
}

fn appending(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("append");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for size in [1, 64, 1024] {
        for callers in [1, 8, 64] {
            let directory = tempfile::tempdir().unwrap();
            let log = open(directory.path(), 64 << 20);
            group.throughput(Throughput::Elements(size));
            group.bench_function(BenchmarkId::new(format!("{callers} callers"), format!("batch of {size}")), |b| {
                b.iter_custom(|rounds| runtime.block_on(append(&log, callers, rounds, size)));
            });
        }
    }
    group.finish();
}

fn tailing(c: &mut Criterion) {
    const LETTERS: u64 = 300_000;
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("tail");
    group.sample_size(10).throughput(Throughput::Elements(LETTERS));
    for (from, memory_bytes) in [("memory", 1 << 30), ("files", 0)] {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path(), memory_bytes);
        runtime.block_on(append(&log, 4, LETTERS / 1000, 1000));
        group.bench_function(from, |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let mut tail = Box::pin(tail(Arc::clone(&log) as _, Frontier::start(), ReadLimit::default()));
                    let mut read = 0;
                    while read < LETTERS {
                        read += tail.next().await.unwrap().unwrap().len() as u64;
                    }
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, appending, tailing);
criterion_main!(benches);
