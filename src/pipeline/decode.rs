//! Letters back into events, by the one door. What cannot be read is withheld, counted and kept, never skipped
//! silently: it stays in the log, and its position is listed here until a later version of the program can read it.

use event_log::Stored;
use model::{Body, Event, Moment, Position};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use parking_lot::Mutex;
use prost::Message;
use std::collections::BTreeMap;

/// A letter and what it says.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) position: Position,
    pub(super) appended_at: Moment,
    /// The trace it travels in, as a `traceparent`.
    pub(super) trace: Option<event_log::TraceContext>,
    pub(super) payload: bytes::Bytes,
    pub(super) event: Result<Event, String>,
}

/// Reads one letter. The error names the field and the rule, never a value.
pub(super) fn decode(stored: Stored) -> Decoded {
    let Stored { position, appended_at, letter } = stored;
    let event = read(letter.payload.clone());
    Decoded { position, appended_at, trace: letter.trace, payload: letter.payload, event }
}

/// The event that a letter's payload is. A record carries all its labels, the added ones too, so that rows, feeds and
/// decisions say the same of it.
pub(crate) fn read(payload: bytes::Bytes) -> Result<Event, String> {
    match wire::v1::Event::decode(payload) {
        Ok(event) => Event::try_from(event).map(labelled).map_err(|error| error.to_string()),
        Err(_) => Err("the bytes are not an ajisai.v1.Event".to_owned()),
    }
}

fn labelled(event: Event) -> Event {
    match event.body {
        Body::Record(record) => Event { body: Body::Record(Box::new(consent_filter::labelled(*record))), ..event },
        body => Event { body, ..event },
    }
}

/// A letter that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithheldLetter {
    /// Where it stands in the log.
    pub position: Position,
    /// The field and the rule it broke.
    pub fault: String,
}

/// The letters that could not be read since the node started, oldest first.
#[derive(Debug)]
pub struct Withheld {
    letters: Mutex<BTreeMap<Position, String>>,
    counter: Counter<u64>,
}

impl Default for Withheld {
    fn default() -> Self {
        let counter = opentelemetry::global::meter("ajisai.pipeline")
            .u64_counter("ajisai.pipeline.withheld_letters")
            .with_description("letters of the log that could not be read and were withheld")
            .build();
        Self { letters: Mutex::default(), counter }
    }
}

impl Withheld {
    pub(super) fn note(&self, position: Position, fault: String) {
        tracing::error!(%position, fault, "letter withheld: it cannot be read");
        if self.letters.lock().insert(position, fault).is_none() {
            self.counter.add(1, &[KeyValue::new("reason", "unreadable")]);
        }
    }
    /// How many there are.
    pub fn count(&self) -> u64 {
        u64::try_from(self.letters.lock().len()).unwrap_or(u64::MAX)
    }
    /// Up to `limit` of them, oldest position first.
    pub fn list(&self, limit: usize) -> Vec<WithheldLetter> {
        let letters = self.letters.lock();
        let entry =
            |(position, fault): (&Position, &String)| WithheldLetter { position: *position, fault: fault.clone() };
        letters.iter().take(limit).map(entry).collect()
    }
}
