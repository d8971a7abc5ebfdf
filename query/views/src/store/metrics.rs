//! What the store tells of itself: `ajisai_store_*`.

use super::{Committed, PutOutcome};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram};

pub(super) struct StoreMetrics {
    put: Counter<u64>,
    hot: Gauge<u64>,
    dead: Gauge<u64>,
    duration: Histogram<f64>,
    rows: Counter<u64>,
    failures: Counter<u64>,
    merged: Counter<u64>,
}

impl StoreMetrics {
    pub(super) fn new() -> Self {
        let meter = opentelemetry::global::meter("ajisai.views");
        Self {
            put: meter.u64_counter("ajisai.store.put").with_description("versions put, by outcome").build(),
            hot: meter.u64_gauge("ajisai.store.hot.rows").with_description("rows not yet in table files").build(),
            dead: meter.u64_gauge("ajisai.store.dead.rows").with_description("rows hidden until compaction").build(),
            duration: meter.f64_histogram("ajisai.store.commit.duration").with_unit("s").build(),
            rows: meter.u64_counter("ajisai.store.commit.rows").with_description("rows written to table files").build(),
            failures: meter.u64_counter("ajisai.store.commit.failures").build(),
            merged: meter
                .u64_counter("ajisai.store.compact.rows")
                .with_description("rows compaction wrote anew")
                .build(),
        }
    }
    pub(super) fn put(&self, outcome: PutOutcome) {
        let outcome = match outcome {
            PutOutcome::New => "new",
            PutOutcome::Supersedes { .. } => "supersedes",
            PutOutcome::Stale => "stale",
            PutOutcome::Duplicate => "duplicate",
            PutOutcome::Deleted { .. } => "deleted",
        };
        self.put.add(1, &[KeyValue::new("outcome", outcome)]);
    }
    pub(super) fn state(&self, hot: u64, dead: u64) {
        self.hot.record(hot, &[]);
        self.dead.record(dead, &[]);
    }
    pub(super) fn committed(&self, committed: &Committed) {
        if committed.rows > 0 {
            self.duration.record(committed.took.as_secs_f64(), &[]);
            self.rows.add(committed.rows as u64, &[]);
        }
    }
    pub(super) fn commit_failed(&self) {
        self.failures.add(1, &[]);
    }
    pub(super) fn compacted(&self, rows: u64) {
        self.merged.add(rows, &[]);
    }
}
