//! What the corridor tells: counts from outcomes, times from moments.

use consent_filter::Outcome;
use model::Moment;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram};

/// The corridor's instruments.
#[derive(Debug, Clone)]
pub(super) struct Told {
    records: Counter<u64>,
    applied: Counter<u64>,
    disclosed: Counter<u64>,
    visible: Histogram<f64>,
    lag: Gauge<u64>,
}

impl Told {
    pub(super) fn new() -> Self {
        let meter = opentelemetry::global::meter("ajisai.pipeline");
        Self {
            records: meter
                .u64_counter("ajisai.pipeline.records")
                .with_description("record versions taken from the log, by what became of them")
                .build(),
            applied: meter
                .u64_counter("ajisai.pipeline.applied")
                .with_description("consent and directory events applied to the book, by outcome")
                .build(),
            disclosed: meter
                .u64_counter("ajisai.pipeline.disclosed")
                .with_description("new records times the other facilities each reached")
                .build(),
            visible: meter
                .f64_histogram("ajisai.pipeline.visible")
                .with_unit("s")
                .with_description("from durable in the log to visible in the views, of the oldest letter of a batch")
                .with_boundaries(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0])
                .build(),
            lag: meter
                .u64_gauge("ajisai.pipeline.batch")
                .with_description("letters in the newest batch: how far behind the corridor runs")
                .build(),
        }
    }
    pub(super) fn record(&self, outcome: &'static str, others_reached: usize) {
        self.records.add(1, &[KeyValue::new("outcome", outcome)]);
        self.disclosed.add(u64::try_from(others_reached).unwrap_or(u64::MAX), &[]);
    }
    pub(super) fn applied(&self, outcome: Outcome) {
        self.applied.add(1, &[KeyValue::new("outcome", outcome.code())]);
    }
    pub(super) fn published(&self, letters: usize, oldest: Option<Moment>, now: Moment) {
        self.lag.record(u64::try_from(letters).unwrap_or(u64::MAX), &[]);
        if let Some(oldest) = oldest {
            #[expect(clippy::cast_precision_loss, reason = "microseconds of minutes, far below 2^52")]
            let seconds = now.since(oldest).max(0) as f64 / 1e6;
            self.visible.record(seconds, &[]);
        }
    }
}
