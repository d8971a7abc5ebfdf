//! What is told of statements: counts and durations, never their words or rows.

use crate::QueryError;
use crate::session::Door;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};
use std::time::Instant;

/// The room's instruments.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    statements: Counter<u64>,
    rows: Counter<u64>,
    duration: Histogram<f64>,
    running: UpDownCounter<i64>,
}

impl Told {
    pub(crate) fn new() -> Self {
        let meter = opentelemetry::global::meter("ajisai.query");
        Self {
            statements: meter
                .u64_counter("ajisai.query.statements")
                .with_description("Statements answered, by door and outcome")
                .build(),
            rows: meter.u64_counter("ajisai.query.rows").with_description("Rows handed out, by door").build(),
            duration: meter
                .f64_histogram("ajisai.query.statement.duration")
                .with_unit("s")
                .with_description("From admission to the last row, waiting for freshness included")
                .build(),
            running: meter
                .i64_up_down_counter("ajisai.query.statements.running")
                .with_description("Statements running now")
                .build(),
        }
    }

    /// Begins to tell of one statement.
    pub(crate) fn begin(&self, door: Door) -> Telling {
        self.running.add(1, &[]);
        Telling { told: self.clone(), door, started: Instant::now(), rows: 0, outcome: "cancelled" }
    }
}

/// The telling of one statement; it ends when this is dropped, as it is too when the statement's task is aborted.
#[derive(Debug)]
pub(crate) struct Telling {
    told: Told,
    door: Door,
    started: Instant,
    rows: u64,
    outcome: &'static str,
}

impl Telling {
    pub(crate) fn count(&mut self, rows: usize) {
        self.rows += rows as u64;
    }
    /// What was counted reached nobody.
    pub(crate) fn begin_again(&mut self) {
        self.rows = 0;
    }
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }
    pub(crate) fn end(mut self, error: Option<&QueryError>) {
        self.outcome = error.map_or("answered", QueryError::code);
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let door = KeyValue::new("door", self.door.code());
        let outcome = KeyValue::new("outcome", self.outcome);
        self.told.running.add(-1, &[]);
        self.told.rows.add(self.rows, std::slice::from_ref(&door));
        self.told.duration.record(elapsed.as_secs_f64(), std::slice::from_ref(&door));
        self.told.statements.add(1, &[door, outcome]);
        let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(outcome = self.outcome, rows = self.rows, duration_ms, "statement ended");
    }
}
