//! What the log tells of itself. Labels come from closed lists only.

use crate::AppendError;
use opentelemetry::{KeyValue, global, metrics::Counter, metrics::Histogram};
use std::{sync::Arc, time::Duration};

/// The log's instruments, shared by its parts.
#[derive(Clone, Debug)]
pub(crate) struct LogMetrics(Arc<Instruments>);

#[derive(Debug)]
struct Instruments {
    appended: Counter<u64>,
    appended_bytes: Counter<u64>,
    refused: Counter<u64>,
    append_duration: Histogram<f64>,
    sync_duration: Histogram<f64>,
    group_letters: Histogram<u64>,
    read: Counter<u64>,
    torn_bytes: Counter<u64>,
    implementation: [KeyValue; 1],
}

/// Where letters were read from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReadFrom {
    /// The newest letters, kept in memory.
    Memory,
    /// Segment files, or the broker.
    Storage,
}

impl LogMetrics {
    /// The instruments of one implementation (`embedded`, `kafka`, `memory`).
    pub(crate) fn new(implementation: &'static str) -> Self {
        let meter = global::meter("ajisai.log");
        let seconds = vec![0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
        Self(Arc::new(Instruments {
            appended: meter
                .u64_counter("ajisai.log.appended")
                .with_unit("{letter}")
                .with_description("Letters made durable")
                .build(),
            appended_bytes: meter
                .u64_counter("ajisai.log.appended.size")
                .with_unit("By")
                .with_description("Bytes of letters made durable")
                .build(),
            refused: meter
                .u64_counter("ajisai.log.refused")
                .with_unit("{letter}")
                .with_description("Letters not acknowledged, by reason")
                .build(),
            append_duration: meter
                .f64_histogram("ajisai.log.append.duration")
                .with_unit("s")
                .with_boundaries(seconds.clone())
                .with_description("From the call of append to its acknowledgement")
                .build(),
            sync_duration: meter
                .f64_histogram("ajisai.log.sync.duration")
                .with_unit("s")
                .with_boundaries(seconds)
                .with_description("Time of one commit's sync to disk")
                .build(),
            group_letters: meter
                .u64_histogram("ajisai.log.group.letters")
                .with_unit("{letter}")
                .with_boundaries(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0])
                .with_description("Letters in one commit")
                .build(),
            read: meter
                .u64_counter("ajisai.log.read")
                .with_unit("{letter}")
                .with_description("Letters read, by where they were found")
                .build(),
            torn_bytes: meter
                .u64_counter("ajisai.log.torn.size")
                .with_unit("By")
                .with_description("Bytes of incomplete commits cut off when the log was opened")
                .build(),
            implementation: [KeyValue::new("log", implementation)],
        }))
    }
    pub(crate) fn appended(&self, letters: u64, bytes: u64, took: Duration) {
        self.0.appended.add(letters, &self.0.implementation);
        self.0.appended_bytes.add(bytes, &self.0.implementation);
        self.0.append_duration.record(took.as_secs_f64(), &self.0.implementation);
    }
    pub(crate) fn refused(&self, letters: u64, error: &AppendError) {
        let reason = match error {
            AppendError::Full { .. } => "full",
            AppendError::TooLarge { .. } => "too_large",
            AppendError::Closed => "closed",
            AppendError::Poisoned { .. } => "poisoned",
            AppendError::Unavailable { .. } => "unavailable",
        };
        let [log] = &self.0.implementation;
        self.0.refused.add(letters, &[log.clone(), KeyValue::new("reason", reason)]);
    }
    pub(crate) fn synced(&self, letters: u64, took: Duration) {
        self.0.sync_duration.record(took.as_secs_f64(), &self.0.implementation);
        self.0.group_letters.record(letters, &self.0.implementation);
    }
    pub(crate) fn read(&self, letters: u64, from: ReadFrom) {
        let tier = match from {
            ReadFrom::Memory => "memory",
            ReadFrom::Storage => "storage",
        };
        let [log] = &self.0.implementation;
        self.0.read.add(letters, &[log.clone(), KeyValue::new("tier", tier)]);
    }
    pub(crate) fn torn(&self, bytes: u64) {
        self.0.torn_bytes.add(bytes, &self.0.implementation);
    }
}
