//! The door itself: parse, authorise, de-duplicate, append, acknowledge.

use crate::authority::authorise;
use crate::book::Book;
use crate::completeness::{Accountant, FeedBook};
use crate::error::{AdmissionError, OpenError};
use crate::metrics::Metrics;
use crate::quarantine::{Aside, Form, Quarantine, QuarantineError, QuarantineSize};
use crate::refusal::{Refusal, RefusalReason};
use crate::replay::{Replayer, Replayers};
use crate::seen::{Candidate, CatchUpError, Claims, Follower, Index, Resolution, catch_up, content_of};
use bytes::Bytes;
use event_log::{Clock, EventLog, Letter, PartitionKey, TraceContext};
use model::{Event, FacilityId, Position, Principal};
use prost::Message;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::watch;

/// The largest event the door takes, in bytes.
pub const LARGEST_EVENT: usize = 4 << 20;

/// What the door needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the index of seen events lies. It is derived from the log and may be deleted while the node is down.
    pub index: PathBuf,
    /// Where the quarantine lies. It is not derived from anything.
    pub quarantine: PathBuf,
    /// How many bytes each facility may keep in quarantine.
    pub quarantine_share: u64,
}

/// One event as it came: bytes of `ajisai.v1.Event` and the trace it travels in.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The bytes.
    pub event: Bytes,
    /// The trace.
    pub trace: Option<TraceContext>,
}

/// The answer to one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It is durable.
    Accepted {
        /// Where.
        position: Position,
        /// It was durable before this call.
        duplicate: bool,
    },
    /// It was refused.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Its id in the quarantine, or why its bytes are not kept.
        kept: Result<String, QuarantineError>,
    },
}

/// An event that passed parsing and authority, or did not.
#[derive(Debug)]
pub(crate) struct Prepared {
    incoming: Bytes,
    verdict: Result<Candidate, Refusal>,
}

impl Prepared {
    /// Bytes of memory it holds.
    pub(crate) fn size(&self) -> usize {
        self.incoming.len() + self.verdict.as_ref().map_or(0, |candidate| candidate.letter.size())
    }
}

/// Whether the door is open.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Gate {
    Open,
    Stopping,
    Poisoned(String),
}

/// The door.
pub struct Admission {
    log: Arc<dyn EventLog>,
    book: Arc<dyn Book>,
    clock: Clock,
    index: Arc<Index>,
    claims: Arc<Claims>,
    quarantine: Arc<Quarantine>,
    metrics: Arc<Metrics>,
    replayers: Replayers,
    feeds: OnceLock<Arc<Accountant>>,
    gate: watch::Sender<Gate>,
    follower: tokio::task::AbortHandle,
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission").field("log", &self.log).field("gate", &*self.gate.borrow()).finish_non_exhaustive()
    }
}

impl Admission {
    /// Opens the door: brings the index of seen events up to the log's end first, however long that takes. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// When the index, the quarantine or the log cannot be opened or read.
    pub async fn open(
        log: Arc<dyn EventLog>,
        book: Arc<dyn Book>,
        settings: &Settings,
        clock: Clock,
    ) -> Result<Arc<Self>, OpenError> {
        let index_failed =
            |reason: String| OpenError::Index { directory: settings.index.display().to_string(), reason };
        let index = Arc::new(Index::open(&settings.index).map_err(|error| index_failed(error.to_string()))?);
        let quarantine = Quarantine::open(&settings.quarantine, settings.quarantine_share, Arc::clone(&clock));
        let quarantine = Arc::new(quarantine.map_err(|error| OpenError::Quarantine {
            directory: settings.quarantine.display().to_string(),
            reason: error.to_string(),
        })?);
        let followed = catch_up(log.as_ref(), &index).await.map_err(|error| match error {
            CatchUpError::Read(error) => OpenError::Log(error),
            CatchUpError::Index(error) => index_failed(error.to_string()),
        })?;
        let metrics = Arc::new(Metrics::new());
        let claims = Arc::new(Claims::new(Arc::clone(&log), Arc::clone(&index), followed.clone()));
        let follower = Follower {
            log: Arc::clone(&log),
            index: Arc::clone(&index),
            claims: Arc::clone(&claims),
            metrics: Arc::clone(&metrics),
        };
        let follower = tokio::spawn(follower.run(followed)).abort_handle();
        let gate = watch::Sender::new(Gate::Open);
        let (replayers, feeds) = (Replayers::default(), OnceLock::new());
        Ok(Arc::new(Self { log, book, clock, index, claims, quarantine, metrics, replayers, feeds, gate, follower }))
    }

    /// Parses and authorises one event. It touches neither disk nor log.
    pub(crate) fn prepare(&self, principal: &Principal, incoming: Incoming) -> Prepared {
        let Incoming { event, trace } = incoming;
        let verdict = self.judge(principal, event.clone(), trace);
        Prepared { incoming: event, verdict }
    }

    fn judge(&self, principal: &Principal, bytes: Bytes, trace: Option<TraceContext>) -> Result<Candidate, Refusal> {
        if bytes.len() > LARGEST_EVENT {
            let rule = format!("is {} bytes long, the limit is {LARGEST_EVENT}", bytes.len());
            return Err(Refusal::new(RefusalReason::TooLarge, "event", rule));
        }
        let mut message = wire::parse_event(bytes)?;
        message.admitted_us = Some((self.clock)().micros());
        // Written anew: the log holds one spelling of an event, whatever the sender's encoder did.
        let payload = Bytes::from(message.encode_to_vec());
        let event = Event::try_from(message)?;
        authorise(principal, &event, self.book.as_ref())?;
        Ok(candidate(&event, payload, trace))
    }

    /// Makes prepared events durable and keeps the refused ones aside. One answer each, in order.
    ///
    /// # Errors
    /// When the events could not be made durable; none of them may be taken for stored.
    pub(crate) async fn commit(
        &self,
        facility: &FacilityId,
        group: Vec<Prepared>,
    ) -> Result<Vec<Answer>, AdmissionError> {
        self.open_gate()?;
        let mut answers: Vec<Option<Answer>> = Vec::with_capacity(group.len());
        let mut candidates = Vec::with_capacity(group.len());
        let mut bodies = Vec::with_capacity(group.len());
        let mut refused: Vec<(usize, Bytes, Refusal)> = Vec::new();
        for (i, Prepared { incoming, verdict }) in group.into_iter().enumerate() {
            answers.push(None);
            match verdict {
                Ok(candidate) => {
                    candidates.push(candidate);
                    bodies.push((i, incoming));
                }
                Err(refusal) => refused.push((i, incoming, refusal)),
            }
        }
        let resolutions = self.store(candidates).await?;
        let (mut new, mut duplicates) = (0, 0);
        for ((i, incoming), resolution) in bodies.into_iter().zip(resolutions) {
            let (position, duplicate) = match resolution {
                Resolution::New(position) => (position, false),
                Resolution::Known(position) => (position, true),
                Resolution::Refused(refusal) => {
                    refused.push((i, incoming, refusal));
                    continue;
                }
            };
            if duplicate {
                duplicates += 1
            } else {
                new += 1
            }
            if let Some(answer) = answers.get_mut(i) {
                *answer = Some(Answer::Accepted { position, duplicate });
            }
        }
        self.metrics.accepted(new, duplicates);
        for (i, answer) in self.keep(facility, refused).await {
            if let Some(slot) = answers.get_mut(i) {
                *slot = Some(answer);
            }
        }
        // Every event got its answer above; a short list would misplace the answers of a stream.
        let reason = || "an event was left without an answer".to_owned();
        answers.into_iter().collect::<Option<_>>().ok_or_else(|| AdmissionError::Unavailable { reason: reason() })
    }

    /// Appends, and notes what it cost and what broke.
    async fn store(&self, candidates: Vec<Candidate>) -> Result<Vec<Resolution>, AdmissionError> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let (events, begun) = (candidates.len(), Instant::now());
        let stored = self.claims.commit(candidates).await;
        match &stored {
            Ok(_) => self.metrics.appended(events, begun.elapsed()),
            Err(AdmissionError::Poisoned) => self.poison("the log's storage failed"),
            Err(error) => tracing::warn!(%error, events, "events were not stored"),
        }
        stored
    }

    /// Keeps refused events aside.
    async fn keep(&self, facility: &FacilityId, refused: Vec<(usize, Bytes, Refusal)>) -> Vec<(usize, Answer)> {
        if refused.is_empty() {
            return Vec::new();
        }
        let places: Vec<usize> = refused.iter().map(|(i, ..)| *i).collect();
        let aside = |(_, bytes, refusal)| {
            let (origin, name) = (String::new(), String::new());
            Aside { form: Form::Event, bytes, refusal, origin, name }
        };
        let kept = self.set_aside(facility, refused.into_iter().map(aside).collect()).await;
        let answer = |(i, (refusal, kept))| (i, Answer::Refused { refusal, kept });
        places.into_iter().zip(kept).map(answer).collect()
    }

    /// Keeps aside what was refused, also before it was an event; durably when it returns. One answer each: why, and its id
    /// in the quarantine or why it is not kept.
    pub async fn set_aside(
        &self,
        facility: &FacilityId,
        refused: Vec<Aside>,
    ) -> Vec<(Refusal, Result<String, QuarantineError>)> {
        for aside in &refused {
            self.metrics.refused(aside.refusal.reason);
        }
        let (quarantine, facility) = (Arc::clone(&self.quarantine), facility.clone());
        let keeping = tokio::task::spawn_blocking(move || {
            let kept = quarantine.keep(&facility, &refused);
            (refused, kept, quarantine.size())
        });
        let Ok((refused, kept, QuarantineSize { events, bytes })) = keeping.await else { return Vec::new() };
        self.metrics.quarantine(events, bytes);
        for error in kept.iter().filter_map(|kept| kept.as_ref().err()) {
            self.metrics.unkept();
            tracing::warn!(%error, "what was refused was not kept");
        }
        refused.into_iter().map(|aside| aside.refusal).zip(kept).collect()
    }

    /// Says who reads quarantined bytes of a form anew; until then they can be shown and discarded, not replayed.
    pub fn replay_by(&self, form: Form, replayer: Arc<dyn Replayer>) {
        self.replayers.set(form, replayer);
    }

    /// Says where the feeds' completeness is kept, so that the service can list it. The first counts.
    pub fn account_for(&self, feeds: Arc<FeedBook>) {
        if self.feeds.set(Accountant::new(feeds)).is_err() {
            tracing::warn!("the feeds' completeness is kept in one place; another was not taken");
        }
    }

    pub(crate) fn feeds(&self) -> Option<Arc<FeedBook>> {
        self.feeds.get().map(|accountant| Arc::clone(accountant.book()))
    }

    pub(crate) fn accountant(&self) -> Option<&Arc<Accountant>> {
        self.feeds.get()
    }

    pub(crate) fn replayer(&self, form: &str) -> Option<Arc<dyn Replayer>> {
        self.replayers.get(form)
    }

    /// Takes events in: parses, authorises, de-duplicates, appends. One answer each, in order. What is refused is in
    /// quarantine then.
    ///
    /// # Errors
    /// When the events could not be made durable; all of them may be sent again.
    pub async fn admit(&self, principal: &Principal, events: Vec<Incoming>) -> Result<Vec<Answer>, AdmissionError> {
        let group = events.into_iter().map(|incoming| self.prepare(principal, incoming)).collect();
        self.commit(&principal.facility, group).await
    }

    /// Sends quarantined bytes through the door again. What is refused again is not kept again.
    pub(crate) async fn readmit(
        &self,
        principal: &Principal,
        incoming: Incoming,
    ) -> Result<Result<(Position, bool), Refusal>, AdmissionError> {
        self.open_gate()?;
        match self.prepare(principal, incoming).verdict {
            Ok(candidate) => self.store_one(candidate).await,
            Err(refusal) => Ok(Err(self.note(refusal))),
        }
    }

    /// Takes one event in that is already meaning, for a caller who is told of a refusal and keeps the event himself.
    ///
    /// # Errors
    /// When the event could not be made durable; it may be sent again.
    pub async fn admit_event(
        &self,
        principal: &Principal,
        event: Event,
        trace: Option<TraceContext>,
    ) -> Result<Result<(Position, bool), Refusal>, AdmissionError> {
        self.open_gate()?;
        if let Err(refusal) = self.would_admit(principal, &event) {
            return Ok(Err(self.note(refusal)));
        }
        let payload = wire::write_event(&event);
        self.store_one(candidate(&event, payload, trace)).await
    }

    /// Whether an event that is already meaning would be taken in now: what is checked before it is stored.
    pub(crate) fn would_admit(&self, principal: &Principal, event: &Event) -> Result<(), Refusal> {
        authorise(principal, event, self.book.as_ref())?;
        // What leaves by the wire must come in again by its door.
        wire::read_event(wire::write_event(event))?;
        Ok(())
    }

    async fn store_one(&self, candidate: Candidate) -> Result<Result<(Position, bool), Refusal>, AdmissionError> {
        match self.store(vec![candidate]).await?.pop() {
            Some(Resolution::New(position)) => {
                self.metrics.accepted(1, 0);
                Ok(Ok((position, false)))
            }
            Some(Resolution::Known(position)) => {
                self.metrics.accepted(0, 1);
                Ok(Ok((position, true)))
            }
            Some(Resolution::Refused(refusal)) => Ok(Err(self.note(refusal))),
            None => Err(AdmissionError::Unavailable { reason: "the event was left without an answer".to_owned() }),
        }
    }

    /// Counts events that an edge had held, the oldest of them since `since`.
    pub(crate) fn late(&self, events: usize, since: model::Moment) {
        self.metrics.late(events, self.now().since(since));
    }

    /// Counts a refusal.
    fn note(&self, refusal: Refusal) -> Refusal {
        self.metrics.refused(refusal.reason);
        refusal
    }

    fn open_gate(&self) -> Result<(), AdmissionError> {
        match &*self.gate.borrow() {
            Gate::Open => Ok(()),
            Gate::Stopping => Err(AdmissionError::Stopping),
            Gate::Poisoned(_) => Err(AdmissionError::Poisoned),
        }
    }

    fn poison(&self, reason: &str) {
        tracing::error!(reason, "nothing more may be acknowledged: the process must restart");
        self.gate.send_replace(Gate::Poisoned(reason.to_owned()));
    }

    /// Ends when storage has failed in a way after which the process must restart, with the reason.
    pub async fn poisoned(&self) -> String {
        let mut gate = self.gate.subscribe();
        loop {
            if let Gate::Poisoned(reason) = &*gate.borrow_and_update() {
                return reason.clone();
            }
            if gate.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Ends when the door shuts, for whichever reason.
    pub(crate) async fn shut(&self) -> AdmissionError {
        let mut gate = self.gate.subscribe();
        loop {
            if let Err(error) = self.open_gate() {
                return error;
            }
            if gate.changed().await.is_err() {
                return AdmissionError::Stopping;
            }
        }
    }

    /// Shuts the door: streams end after what is under way is answered, new events are turned away. The log stays open.
    pub fn stop(&self) {
        self.gate.send_if_modified(|gate| {
            let open = *gate == Gate::Open;
            if open {
                *gate = Gate::Stopping;
            }
            open
        });
    }

    /// Brings the index to disk, so that the next start reads little of the log again. Call it after
    /// [`stop`](Self::stop), when the servers are down.
    pub async fn close(&self) {
        self.stop();
        self.follower.abort();
        let index = Arc::clone(&self.index);
        let synced = tokio::task::spawn_blocking(move || index.sync()).await;
        if let Ok(Err(error)) = synced {
            tracing::warn!(%error, "the index of seen events was not brought to disk; the next start reads more of the log");
        }
    }

    /// How much is in quarantine.
    pub fn quarantined(&self) -> QuarantineSize {
        self.quarantine.size()
    }

    /// Events that are durable and not yet in the index.
    #[cfg(test)]
    pub(crate) fn pending(&self) -> usize {
        self.claims.pending()
    }

    /// What was refused and is kept aside.
    pub fn quarantine(&self) -> &Arc<Quarantine> {
        &self.quarantine
    }

    pub(crate) fn book(&self) -> &dyn Book {
        self.book.as_ref()
    }

    pub(crate) fn clock(&self) -> Clock {
        Arc::clone(&self.clock)
    }

    pub(crate) fn now(&self) -> model::Moment {
        (self.clock)()
    }

    /// The log behind the door.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

fn candidate(event: &Event, payload: Bytes, trace: Option<TraceContext>) -> Candidate {
    let key =
        event.patient().map_or(PartitionKey::Control, |patient| PartitionKey::Patient(patient.partition_key().into()));
    let content = content_of(&payload);
    Candidate { letter: Letter { key, event: event.key.digest(), trace, payload }, content }
}
