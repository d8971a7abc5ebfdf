//! What the listener counts. Labels come from closed lists only.

use crate::hl7::Reason;
use hl7v2::AckCode;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Metrics {
    messages: Counter<u64>,
    repeated: Counter<u64>,
    remarks: Counter<u64>,
    passed_over: Counter<u64>,
    lost: Counter<u64>,
    cut_off: Counter<u64>,
    connections: UpDownCounter<i64>,
    took: Histogram<f64>,
}

impl Metrics {
    pub fn new() -> Self {
        let meter = opentelemetry::global::meter("ajisai.ingest");
        let latencies = vec![0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
        Self {
            messages: meter
                .u64_counter("ajisai.ingest.mllp.messages")
                .with_description("Messages answered, by answer")
                .build(),
            repeated: meter
                .u64_counter("ajisai.ingest.mllp.repeated")
                .with_description("Messages answered again without another look")
                .build(),
            remarks: meter
                .u64_counter("ajisai.ingest.hl7.remarks")
                .with_description("What of messages became no record, by reason")
                .build(),
            passed_over: meter
                .u64_counter("ajisai.ingest.hl7.segments_passed_over")
                .with_description("Segments that nothing is made of")
                .build(),
            lost: meter
                .u64_counter("ajisai.ingest.mllp.lost")
                .with_unit("By")
                .with_description("Bytes outside of frames, or in frames that another began in")
                .build(),
            cut_off: meter
                .u64_counter("ajisai.ingest.mllp.cut_off")
                .with_description("Connections that ended within a message")
                .build(),
            connections: meter.i64_up_down_counter("ajisai.ingest.mllp.connections").build(),
            took: meter
                .f64_histogram("ajisai.ingest.mllp.duration")
                .with_unit("s")
                .with_description("From messages being read to their answers being ready")
                .with_boundaries(latencies)
                .build(),
        }
    }

    pub fn answered(&self, code: AckCode) {
        self.messages.add(1, &[KeyValue::new("answer", code.code())]);
    }
    pub fn repeated(&self) {
        self.repeated.add(1, &[]);
    }
    pub fn remark(&self, reason: Reason) {
        self.remarks.add(1, &[KeyValue::new("reason", reason.code())]);
    }
    pub fn passed_over(&self, segments: u64) {
        if segments > 0 {
            self.passed_over.add(segments, &[]);
        }
    }
    pub fn lost(&self, bytes: u64) {
        self.lost.add(bytes, &[]);
    }
    pub fn cut_off(&self) {
        self.cut_off.add(1, &[]);
    }
    pub fn connected(&self) {
        self.connections.add(1, &[]);
    }
    pub fn disconnected(&self) {
        self.connections.add(-1, &[]);
    }
    pub fn took(&self, took: Duration) {
        self.took.record(took.as_secs_f64(), &[]);
    }
}
