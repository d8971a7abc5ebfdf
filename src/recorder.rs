//! The recorder: writes what is read into the log, whence the ledger is folded.
//!
//! Rooms hand it readings; it appends them to the control partition in the order in which they came, many at once.
//! A statement waits until its reading is durable, so that no answer is whole without its entry. Readings nobody
//! waits for (feeds, callers who went away) are kept and tried again until the log takes them.

use event_log::{AppendError, EventLog, Letter, PartitionKey};
use model::{
    ActId, AuditEvent, AuditOutcome, Body, Digest, Event, EventId, EventKey, FacilityId, Frontier, Moment, Principal,
    Reading, Salt, What,
};
use opentelemetry::metrics::{Counter, Gauge};
use rand::RngCore as _;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use views::{Asked, Unwritten, Witness, Written};

/// At most so many readings become durable at once.
const MOST_AT_ONCE: usize = 256;
/// Once they have so many bytes they are appended; a reading of very many patients is appended in parts.
const MOST_BYTES_AT_ONCE: usize = 2 << 20;
/// How long after the log took nothing it is asked again for readings nobody waits for.
const AGAIN: Duration = Duration::from_secs(1);

/// Hands readings to the recorder's task.
pub struct Recorder {
    clock: crate::pipeline::Clock,
    door: mpsc::UnboundedSender<Handed>,
}

/// The recorder's task. Close it before the log is closed.
#[derive(Debug)]
pub struct Recording {
    stop: CancellationToken,
    task: JoinHandle<usize>,
}

struct Handed {
    events: Vec<AuditEvent>,
    done: oneshot::Sender<Result<(), Unwritten>>,
}

impl Recorder {
    /// Begins to record into a log.
    pub fn start(log: Arc<dyn EventLog>, clock: crate::pipeline::Clock) -> (Arc<Self>, Recording) {
        let (door, readings) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let pen = Pen::new(log, Arc::clone(&clock));
        let task = tokio::spawn(pen.run(readings, stop.clone()));
        (Arc::new(Self { clock, door }), Recording { stop, task })
    }

    /// Hands events over; the answer says when they are durable.
    pub(crate) fn hand(&self, events: Vec<AuditEvent>) -> Written {
        let (done, written) = oneshot::channel();
        let handed = self.door.send(Handed { events, done });
        Box::pin(async move {
            let ended = || Unwritten { reason: "the node stops".to_owned() };
            handed.map_err(|_| ended())?;
            written.await.unwrap_or_else(|_| Err(ended()))
        })
    }
}

impl Recording {
    /// Takes nothing more and waits until what was handed over is durable, as far as the log takes it. Returns how
    /// many readings were not.
    pub async fn close(&mut self) -> usize {
        self.stop.cancel();
        (&mut self.task).await.unwrap_or(0)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // Closed before: nothing is left to end. Otherwise it ends here, as with the process.
        self.task.abort();
    }
}

impl Witness for Recorder {
    fn begin(&self, principal: &Principal, asked: Asked<'_>, seen: &Frontier, moment: Moment) -> Reading {
        let seen = seen.clone();
        let what = match asked {
            Asked::Feed(categories) => {
                What::Feed { statement: digest("feed", categories), since: seen.clone(), seen, seconds: 0 }
            }
            Asked::Statement(form) if principal.member.is_none() => {
                What::MachinePull { statement: digest("statement", form), seen }
            }
            Asked::Statement(form) => What::Query { statement: digest("statement", form), seen },
        };
        Reading::begin(ActId(uuid::Uuid::new_v4().as_u128()), principal, what, moment)
    }

    fn so_far(&self, reading: &mut Reading) -> Written {
        let events = reading.so_far((self.clock)(), salt);
        self.hand(events)
    }

    fn end(&self, reading: Reading, outcome: AuditOutcome) -> Written {
        let events = reading.finish((self.clock)(), outcome, salt);
        self.hand(events)
    }
}

/// SHA-256 of what was asked. A statement and a feed never have the same.
fn digest(kind: &str, asked: &str) -> Digest {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    hash.update([0]);
    hash.update(asked.as_bytes());
    Digest::from_bytes(hash.finalize().into())
}

pub(crate) fn salt() -> Salt {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    Salt::from_bytes(bytes)
}

// === the task ===

struct Pen {
    log: Arc<dyn EventLog>,
    clock: crate::pipeline::Clock,
    written: Counter<u64>,
    waiting: Gauge<u64>,
    /// Readings nobody waits for, which the log did not take yet.
    kept: Vec<Handed>,
}

impl Pen {
    fn new(log: Arc<dyn EventLog>, clock: crate::pipeline::Clock) -> Self {
        let meter = opentelemetry::global::meter("ajisai.ledger");
        Self {
            log,
            clock,
            written: meter
                .u64_counter("ajisai.ledger.events")
                .with_description("audit events made durable, by outcome")
                .build(),
            waiting: meter
                .u64_gauge("ajisai.ledger.waiting")
                .with_description("readings the log did not take yet, kept in memory and tried again")
                .build(),
            kept: Vec::new(),
        }
    }

    async fn run(mut self, mut readings: mpsc::UnboundedReceiver<Handed>, stop: CancellationToken) -> usize {
        let mut batch = Vec::with_capacity(MOST_AT_ONCE);
        loop {
            let again = tokio::time::sleep(AGAIN);
            tokio::select! {
                count = readings.recv_many(&mut batch, MOST_AT_ONCE) => if count == 0 { break },
                () = again, if !self.kept.is_empty() => batch.append(&mut self.kept),
                () = stop.cancelled(), if !readings.is_closed() => readings.close(),
            }
            self.write(std::mem::take(&mut batch)).await;
        }
        let last = std::mem::take(&mut self.kept);
        self.write(last).await;
        let lost = self.kept.len();
        if lost > 0 {
            tracing::error!(readings = lost, "readings could not be written into the ledger before the node stopped");
        }
        lost
    }

    async fn write(&mut self, mut batch: Vec<Handed>) {
        if batch.is_empty() {
            return;
        }
        let (written, error) = self.append(&batch).await;
        for handed in batch.drain(..written) {
            self.told(&handed.events, "written");
            // Whoever does not wait any more need not know.
            let _ = handed.done.send(Ok(()));
        }
        if let Some(error) = error {
            tracing::error!(%error, readings = batch.len(), "the ledger could not be written; what nobody waits for is tried again");
            self.kept.extend(batch.extract_if(.., |handed| handed.done.is_closed()));
            for handed in batch {
                self.told(&handed.events, "refused");
                let _ = handed.done.send(Err(Unwritten { reason: error.to_string() }));
            }
        }
        self.waiting.record(self.kept.len() as u64, &[]);
    }

    /// Appends readings in their order, as many at once as the log likes to take. Says how many are durable, and why not
    /// all are.
    async fn append(&self, batch: &[Handed]) -> (usize, Option<AppendError>) {
        let mut letters = Vec::new();
        let mut bytes = 0;
        let mut durable = 0;
        for (at, handed) in batch.iter().enumerate() {
            for event in &handed.events {
                let letter = letter(event, (self.clock)());
                bytes += letter.size();
                letters.push(letter);
                if bytes >= MOST_BYTES_AT_ONCE {
                    bytes = 0;
                    if let Err(error) = self.log.append(std::mem::take(&mut letters)).await {
                        return (durable, Some(error));
                    }
                    durable = at;
                }
            }
        }
        match self.log.append(letters).await {
            Ok(_) => (batch.len(), None),
            Err(error) => (durable, Some(error)),
        }
    }

    fn told(&self, events: &[AuditEvent], outcome: &'static str) {
        self.written.add(events.len() as u64, &[opentelemetry::KeyValue::new("outcome", outcome)]);
    }
}

fn letter(event: &AuditEvent, now: Moment) -> Letter {
    let event = Event { key: key_of(event), admitted_at: now, body: Body::Audit(Box::new(event.clone())) };
    Letter { key: PartitionKey::Control, event: event.key.digest(), trace: None, payload: wire::write_event(&event) }
}

/// The key of an audit event in the log.
pub(crate) fn key_of(event: &AuditEvent) -> EventKey {
    key(&event.agent.facility, event.id, event.part)
}

/// The key of one part of an act of a facility.
pub(crate) fn key(facility: &FacilityId, act: ActId, part: u32) -> EventKey {
    let id = EventId::parse(&format!("audit-{act}-{part}"));
    let id = id.unwrap_or_else(|_| unreachable!("hex digits and dashes are an event id"));
    EventKey { source: facility.clone(), id }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}
