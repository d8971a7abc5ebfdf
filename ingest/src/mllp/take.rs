//! Taking messages in together, and saying what became of each.

use super::Line;
use super::bedside::{Bedside, Mark};
use super::metrics::Metrics;
use super::recent::Recent;
use crate::completeness::{FeedKind, Item};
use crate::door::{Published, Step};
use crate::hl7::{self, Fate, Outcome, Reason, Remark};
use crate::quarantine::{Aside, Form};
use crate::refusal::{Refusal, RefusalReason};
use bytes::Bytes;
use event_log::Clock;
use hl7v2::mllp::{self, Frame};
use hl7v2::{Ack, AckCode, Envelope, ErrorCode, Fault, Location, Message, Mode, Ts};
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use model::{FacilityId, Moment};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Takes messages, whichever connection they came by.
pub(super) struct Taker {
    clock: Clock,
    bedside: Arc<Bedside>,
    /// After so long without a frame a bed is closed.
    bed_silent: Duration,
    recent: Recent,
    metrics: Metrics,
    /// The number of the next answer: its own control id.
    answers: AtomicU64,
}

/// A message on its way to its answer.
struct Taken {
    envelope: Envelope,
    digest: u128,
    /// When it was written, where it says so.
    written: Option<Ts>,
    answer: Progress,
}

enum Progress {
    /// It has its answer.
    Known(Ack),
    /// Its events are at the door: which of the group's.
    Sent { events: std::ops::Range<usize>, answer: Ack },
    /// As the message before it in the group, at this place.
    Same(usize),
}

impl Taker {
    pub fn new(
        clock: Clock,
        (bedside, bed_silent): (Arc<Bedside>, Duration),
        recent: Recent,
        metrics: Metrics,
    ) -> Self {
        Self { clock, bedside, bed_silent, recent, metrics, answers: AtomicU64::new(1) }
    }

    /// Takes a group of frames and writes their answers, in their order.
    pub async fn take(&self, line: &Line, frames: Vec<Frame>) -> Vec<u8> {
        let begun = Instant::now();
        let received = (self.clock)();
        let mut group: Vec<Taken> = Vec::with_capacity(frames.len());
        let mut events: Vec<Bytes> = Vec::new();
        let mut asides: Vec<Aside> = Vec::new();
        let mut marks: Vec<Mark> = Vec::new();
        let mut places: HashMap<u128, usize> = HashMap::new();
        for frame in frames {
            let taken = match frame {
                Frame::Lost(bytes) => {
                    self.metrics.lost(bytes);
                    continue;
                }
                Frame::TooLarge { beginning, .. } => {
                    let fault = Fault::new(Location::header(0), ErrorCode::TooLong, "a message within the size limit");
                    let answer = Ack::new(AckCode::Error).with([fault]);
                    Taken {
                        envelope: Envelope::sniff(&beginning),
                        digest: 0,
                        written: None,
                        answer: Progress::Known(answer),
                    }
                }
                Frame::Message(bytes) => {
                    let digest = digest(&line.feed.source, &bytes);
                    match (self.recent.get(digest), places.get(&digest)) {
                        (Some(answer), _) => {
                            self.metrics.repeated();
                            Taken {
                                envelope: envelope(&bytes, line),
                                digest: 0,
                                written: None,
                                answer: Progress::Known(answer),
                            }
                        }
                        (None, Some(place)) => {
                            self.metrics.repeated();
                            Taken {
                                envelope: envelope(&bytes, line),
                                digest: 0,
                                written: None,
                                answer: Progress::Same(*place),
                            }
                        }
                        (None, None) => {
                            places.insert(digest, group.len());
                            self.read((bytes, digest), line, received, (&mut events, &mut asides, &mut marks))
                        }
                    }
                }
            };
            group.push(taken);
        }
        let sent: Vec<(Date, Item)> = group.iter().filter_map(|taken| accounted(taken, received)).collect();
        // That they came is noted while they are made durable: nothing is answered, and nothing noted as dealt with, before
        // both are done. What a crash leaves in between has no answer, and comes again.
        let offered = async {
            if !sent.is_empty() {
                line.door.note(FeedKind::Mllp, "mllp", Step::Offered, sent.clone()).await;
            }
        };
        let ((), kept) = tokio::join!(offered, self.keep(line, asides, events));
        if kept.is_ok() && !sent.is_empty() {
            line.door.note(FeedKind::Mllp, "mllp", Step::DealtWith, sent).await;
        }
        if kept.is_ok() {
            self.bedside.settled(&marks);
        }
        let answers = self.answers(&group, kept);
        self.metrics.took(begun.elapsed());
        answers
    }

    /// Reads one message; its events and what is to be kept aside join those of the group.
    fn read(
        &self,
        (bytes, digest): (Vec<u8>, u128),
        line: &Line,
        received: Moment,
        (events, asides, marks): (&mut Vec<Bytes>, &mut Vec<Aside>, &mut Vec<Mark>),
    ) -> Taken {
        let (envelope, outcome, written) = match Message::parse(&bytes, &line.feed.options) {
            Ok(message) => {
                let written = message.header().field(7).ts().ok().flatten();
                (Envelope::of(&message), hl7::convert(&message, &line.feed, received), written)
            }
            Err(_) => (Envelope::sniff(&bytes), hl7::read(&bytes, &line.feed, received), None),
        };
        for remark in &outcome.remarks {
            self.metrics.remark(remark.reason);
        }
        self.metrics.passed_over(outcome.passed_over.values().map(|count| u64::from(*count)).sum());
        let answer = answer(&outcome);
        let weighs = |remark: &&Remark| remark.reason.fate() == outcome.fate();
        if let Some(remark) = outcome.remarks.iter().find(weighs)
            && matches!(outcome.fate(), Fate::Aside | Fate::Refused)
        {
            asides.push(Aside {
                form: Form::Hl7v2,
                bytes: bytes.into(),
                refusal: refusal(remark),
                origin: "mllp".to_owned(),
                name: envelope.control_id().to_owned(),
            });
        }
        // what opens a bed stands before its first frame, and is no part of what the message is answered for
        let said = self.bedside.take(&line.feed.source, &outcome.events, &outcome.left);
        events.extend(said.events.iter().map(wire::write_event));
        marks.extend(said.marks);
        let from = events.len();
        events.extend(outcome.events.iter().map(wire::write_event));
        Taken { envelope, digest, written, answer: Progress::Sent { events: from..events.len(), answer } }
    }

    /// Closes the beds of a line of which nothing comes.
    pub async fn look_after(&self, line: &Line) {
        let said = self.bedside.tick(&line.feed.source, self.bed_silent);
        if !said.events.is_empty()
            && self.keep(line, Vec::new(), said.events.iter().map(wire::write_event).collect()).await.is_ok()
        {
            self.bedside.settled(&said.marks);
        }
    }

    /// Makes the group durable: first what is kept aside, then the events.
    async fn keep(&self, line: &Line, asides: Vec<Aside>, events: Vec<Bytes>) -> Result<Vec<Published>, Fault> {
        let passing = |reason: String| {
            tracing::warn!(reason, "HL7 messages were not taken; their senders may send them again");
            Fault::new(Location::header(0), ErrorCode::Internal, "the message could not be made durable; send it again")
        };
        if !asides.is_empty() {
            line.door.set_aside(asides).await.map_err(|error| passing(error.to_string()))?;
        }
        if events.is_empty() {
            return Ok(Vec::new());
        }
        line.door.publish(events).await.map_err(|error| passing(error.to_string()))
    }

    /// The answers, framed, in order.
    fn answers(&self, group: &[Taken], kept: Result<Vec<Published>, Fault>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut said: Vec<Ack> = Vec::with_capacity(group.len());
        for taken in group {
            let answer = match (&taken.answer, &kept) {
                (Progress::Known(answer), _) => answer.clone(),
                (Progress::Same(place), _) => said.get(*place).cloned().unwrap_or_else(|| Ack::new(AckCode::Reject)),
                // What is not ours needs no door.
                (Progress::Sent { answer, .. }, _) if answer.code() == AckCode::Reject => answer.clone(),
                (Progress::Sent { .. }, Err(fault)) => Ack::new(AckCode::Reject).with([fault.clone()]),
                (Progress::Sent { events, answer }, Ok(published)) => {
                    let answer = with_refusals(answer.clone(), published.get(events.clone()).unwrap_or_default());
                    self.recent.put(taken.digest, answer.clone());
                    answer
                }
            };
            self.write(&taken.envelope, &answer, &mut out);
            said.push(answer);
        }
        out
    }

    /// Writes an answer, or the two of the enhanced mode, as far as they are wanted.
    fn write(&self, envelope: &Envelope, answer: &Ack, out: &mut Vec<u8>) {
        self.metrics.answered(answer.code());
        let success = answer.code().is_success();
        let mut put = |ack: &Ack| {
            let number = self.answers.fetch_add(1, Ordering::Relaxed);
            let now = (self.clock)();
            let now = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default();
            let ack =
                ack.write(envelope, &format!("A{}-{number}", now.as_millisecond()), Ts::of(now, Offset::constant(9)));
            out.extend(mllp::frame(&ack));
        };
        match envelope.mode() {
            Mode::Original => put(answer),
            Mode::Enhanced { accept, application } => {
                if accept.wants(success) {
                    put(&Ack::new(answer.code().commit()).with(answer.faults().iter().cloned()));
                }
                if application.wants(success) {
                    put(answer);
                }
            }
        }
    }
}

/// Who sent what: the facility, and all bytes, the control id among them.
/// What the account of the feed holds of a message: its control id and its digest, under the day on which it was written, so
/// that it is the same item when it is sent again. What is not ours is none of it.
fn accounted(taken: &Taken, received: Moment) -> Option<(Date, Item)> {
    match &taken.answer {
        Progress::Sent { answer, .. } if answer.code() != AckCode::Reject => {}
        Progress::Sent { .. } | Progress::Known(_) | Progress::Same(_) => return None,
    }
    let zone = TimeZone::fixed(jiff::tz::offset(9));
    let written = taken.written.and_then(|ts| ts.start(&zone));
    let at = written.or_else(|| jiff::Timestamp::from_microsecond(received.micros()).ok())?;
    Some((at.to_zoned(zone).date(), Item::new(taken.envelope.control_id(), taken.digest)))
}

fn digest(facility: &FacilityId, bytes: &[u8]) -> u128 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(facility.as_str().as_bytes());
    hasher.update(&[0]);
    hasher.update(bytes);
    hasher.digest128()
}

fn envelope(bytes: &[u8], line: &Line) -> Envelope {
    Message::parse(bytes, &line.feed.options).map_or_else(|_| Envelope::sniff(bytes), |message| Envelope::of(&message))
}

/// What is answered when everything that is to be durable is.
fn answer(outcome: &Outcome) -> Ack {
    let fate = outcome.fate();
    let code = match fate {
        Fate::Left | Fate::Aside => AckCode::Accept,
        Fate::Refused => AckCode::Error,
        Fate::Rejected => AckCode::Reject,
    };
    let heaviest = outcome.remarks.iter().filter(|remark| remark.reason.fate() == fate && fate != Fate::Left);
    // A message of a thousand bad results is answered with its first.
    Ack::new(code).with(heaviest.take(20).map(|remark| remark.fault.clone()))
}

/// The answer, when the door refused some of the message's events: they are in its quarantine.
fn with_refusals(answer: Ack, published: &[Published]) -> Ack {
    let mut faults = published.iter().filter_map(|published| match published {
        Published::Refused(refusal) => {
            Some(Fault::new(Location::header(0), code_of(refusal.reason), refusal.rule.clone()))
        }
        Published::Accepted(_) | Published::Queued => None,
    });
    match faults.next() {
        Some(first) => {
            let said = if answer.code() == AckCode::Error { answer.faults().to_vec() } else { Vec::new() };
            Ack::new(AckCode::Error).with(said).with([first]).with(faults.take(20))
        }
        None => answer,
    }
}

fn code_of(reason: RefusalReason) -> ErrorCode {
    match reason {
        RefusalReason::TooLarge => ErrorCode::TooLong,
        RefusalReason::IdReused => ErrorCode::DuplicateKey,
        _ => ErrorCode::DataType,
    }
}

/// Why a message is kept aside, in the door's words.
pub(super) fn refusal(remark: &Remark) -> Refusal {
    let reason = match remark.reason {
        Reason::Unreadable => RefusalReason::Unreadable,
        _ => RefusalReason::Invalid,
    };
    Refusal::new(reason, &remark.fault.location.to_string(), format!("{}: {}", remark.reason, remark.fault.rule))
}
