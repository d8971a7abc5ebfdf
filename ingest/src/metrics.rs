//! What the door counts. Labels come from closed lists only.

use crate::refusal::RefusalReason;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Metrics {
    accepted: Counter<u64>,
    duplicate: Counter<u64>,
    refused: Counter<u64>,
    late: Counter<u64>,
    lateness: Gauge<f64>,
    append: Histogram<f64>,
    group: Histogram<u64>,
    index_lag: Gauge<u64>,
    quarantined: Gauge<u64>,
    quarantine_bytes: Gauge<u64>,
    unkept: Counter<u64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let meter = opentelemetry::global::meter("ajisai.ingest");
        let latencies = vec![0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
        Self {
            accepted: meter.u64_counter("ajisai.ingest.accepted").with_description("Events made durable").build(),
            duplicate: meter
                .u64_counter("ajisai.ingest.duplicate")
                .with_description("Events that were durable already")
                .build(),
            refused: meter.u64_counter("ajisai.ingest.refused").with_description("Events refused, by reason").build(),
            late: meter
                .u64_counter("ajisai.ingest.late")
                .with_description("Events that an edge had held while its line was cut")
                .build(),
            lateness: meter
                .f64_gauge("ajisai.ingest.late.age")
                .with_unit("s")
                .with_description("How long the oldest of the last late events had been held")
                .build(),
            append: meter
                .f64_histogram("ajisai.ingest.append.duration")
                .with_unit("s")
                .with_description("From the group being ready to its being durable")
                .with_boundaries(latencies)
                .build(),
            group: meter
                .u64_histogram("ajisai.ingest.group.events")
                .with_description("Events appended together")
                .with_boundaries(vec![1.0, 4.0, 16.0, 64.0, 256.0, 1024.0])
                .build(),
            index_lag: meter
                .u64_gauge("ajisai.ingest.index.pending")
                .with_description("Durable events that the index of seen events does not hold yet")
                .build(),
            quarantined: meter.u64_gauge("ajisai.ingest.quarantine.events").build(),
            quarantine_bytes: meter.u64_gauge("ajisai.ingest.quarantine.size").with_unit("By").build(),
            unkept: meter
                .u64_counter("ajisai.ingest.quarantine.unkept")
                .with_description("Refused events whose bytes could not be kept")
                .build(),
        }
    }

    pub(crate) fn late(&self, events: usize, micros: i64) {
        self.late.add(events as u64, &[]);
        self.lateness.record(Duration::from_micros(u64::try_from(micros).unwrap_or(0)).as_secs_f64(), &[]);
    }

    pub(crate) fn accepted(&self, new: u64, duplicate: u64) {
        if new > 0 {
            self.accepted.add(new, &[]);
        }
        if duplicate > 0 {
            self.duplicate.add(duplicate, &[]);
        }
    }
    pub(crate) fn refused(&self, reason: RefusalReason) {
        self.refused.add(1, &[KeyValue::new("reason", reason.code())]);
    }
    pub(crate) fn appended(&self, events: usize, took: Duration) {
        self.append.record(took.as_secs_f64(), &[]);
        self.group.record(events as u64, &[]);
    }
    pub(crate) fn index_pending(&self, events: usize) {
        self.index_lag.record(events as u64, &[]);
    }
    pub(crate) fn quarantine(&self, events: u64, bytes: u64) {
        self.quarantined.record(events, &[]);
        self.quarantine_bytes.record(bytes, &[]);
    }
    pub(crate) fn unkept(&self) {
        self.unkept.add(1, &[]);
    }
}
