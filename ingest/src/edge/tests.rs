//! A hospital's edge in virtual time: a cut of days, restarts in the middle of it, answers that are lost.

use super::*;
use crate::admission::{Admission, Answer, Incoming};
use crate::tests::fixture::*;
use event_log::{Clock, EventLog, MemoryLog, ReadLimit};
use model::{Offset, Position};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

/// Time that passes when it is told to, in seconds from the beginning.
#[derive(Clone, Default)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn hours(&self) -> i64 {
        self.0.load(Ordering::Relaxed) / 3600
    }
    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
    fn clock(&self) -> Clock {
        let time = self.clone();
        Arc::new(move || now().plus_micros(time.0.load(Ordering::Relaxed) * 1_000_000))
    }
}

/// What goes wrong.
#[derive(Clone, Default)]
struct Troubles {
    /// The line is cut for these hours.
    cut: std::ops::Range<i64>,
    /// Every so many batches the answer is lost after the node has taken them.
    loses_each: Option<u32>,
    /// The edge is restarted every so many events.
    restarts_each: Option<u32>,
}

/// A node with a real door, behind a line that is cut.
struct Cut {
    admission: Arc<Admission>,
    time: Time,
    troubles: Troubles,
    sent: Arc<AtomicU32>,
    lates: Arc<AtomicU32>,
}

#[tonic::async_trait]
impl Line for Cut {
    async fn send(&mut self, held: &[Held], late: bool) -> Result<Vec<Answered>, LineError> {
        if self.troubles.cut.contains(&self.time.hours()) {
            return Err(LineError { reason: "no route".to_owned() });
        }
        let events = held.iter().map(|held| Incoming { event: held.event.clone(), trace: None }).collect();
        let answers = self.admission.admit(&hospital(), events).await.unwrap();
        let count = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        if self.troubles.loses_each.is_some_and(|each| count.is_multiple_of(each)) {
            return Err(LineError { reason: "the answer was lost".to_owned() });
        }
        self.lates.fetch_add(u32::from(late), Ordering::Relaxed);
        let answered = |answer: &Answer| match answer {
            Answer::Accepted { position, .. } => Answered::Durable(*position),
            Answer::Refused { .. } => Answered::Refused,
        };
        Ok(answers.iter().map(answered).collect())
    }
}

/// What a hospital sends through its edge within four days comes to, as the node's log holds it: per partition, the events
/// in order, without when they were admitted.
struct Outcome {
    log: Vec<(u32, Vec<Vec<u8>>)>,
    late_batches: u32,
}

/// An edge: its queue, its door, and what brings the one to the other end.
struct Edge {
    door: EdgeDoor,
    queue: Arc<Queue>,
    forwarder: Forwarder<Cut>,
}

impl Edge {
    fn start(directory: &Path, clock: &Clock, line: Cut) -> Self {
        let queue = Arc::new(Queue::open(&directory.join("queue"), 64 << 20, Arc::clone(clock)).unwrap());
        let door = door_of(directory, Arc::clone(&queue), clock);
        // Small batches, so that there are many.
        let pace = Pace { batch: 20, ..Pace::default() };
        let forwarder = Forwarder::new(Arc::clone(&queue), line, pace, Arc::default());
        Self { door, queue, forwarder }
    }
}

fn door_of(directory: &Path, queue: Arc<Queue>, clock: &Clock) -> EdgeDoor {
    let quarantine = Quarantine::open(&directory.join("edge"), 1 << 20, Arc::clone(clock)).unwrap();
    let feeds = FeedBook::open(&directory.join("feeds"), Arc::clone(clock)).unwrap();
    EdgeDoor::new(facility("hospital"), queue, Arc::new(quarantine), Arc::new(feeds))
}

async fn four_days(troubles: Troubles) -> Outcome {
    let time = Time::default();
    let (clock, directory) = (time.clock(), tempfile::tempdir().unwrap());
    let log = Arc::new(MemoryLog::new(NonZeroU32::new(4).unwrap()));
    let book = Arc::new(TestBook::default());
    let admission =
        Admission::open(Arc::clone(&log) as _, book, &settings(&directory), Arc::clone(&clock)).await.unwrap();
    let (sent, lates) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let start = || {
        let (admission, time, troubles) = (Arc::clone(&admission), time.clone(), troubles.clone());
        let line = Cut { admission, time, troubles, sent: Arc::clone(&sent), lates: Arc::clone(&lates) };
        Edge::start(directory.path(), &clock, line)
    };
    let mut edge = start();
    // Every ten minutes, of one of three patients.
    for number in 0..4 * 24 * 6_u32 {
        time.pass(600);
        let whose = patient("hospital", &(number % 3).to_string());
        let mut record = record_of(&whose, &format!("text {number}"));
        record.id = model::RecordId::parse(&format!("r-{}", number / 2)).unwrap();
        record.version = model::Version::new(u64::from(number) + 1).unwrap();
        let event = event_of("hospital", &format!("e-{number}"), model::Body::Record(Box::new(record)));
        let published = edge.door.publish(vec![wire::write_event(&event)]).await.unwrap();
        assert_eq!(published, [Published::Queued]);
        // One batch between two events: with a queue of days it takes a while.
        let _cut_or_lost = edge.forwarder.batch().await;
        if troubles.restarts_each.is_some_and(|each| number % each == each - 1) {
            drop(edge);
            edge = start();
        }
    }
    let mut tries = 0;
    while edge.queue.waiting().unwrap().events > 0 {
        time.pass(1);
        let _lost = edge.forwarder.batch().await;
        tries += 1;
        assert!(tries < 1000, "it does not catch up");
    }
    let mut partitions = Vec::new();
    for (partition, end) in log.end().await.unwrap().iter() {
        let (mut from, mut letters) = (Offset(0), Vec::new());
        while from < end {
            for stored in log.read(partition, from, ReadLimit::default(), Duration::ZERO).await.unwrap() {
                from = stored.position.offset.next();
                let payload = stored.letter.payload;
                letters.push(payload[..payload.len() - wire::STAMP_LENGTH].to_vec());
            }
        }
        partitions.push((partition.0, letters));
    }
    Outcome { log: partitions, late_batches: lates.load(Ordering::Relaxed) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_of_72_hours_leaves_the_same_events_in_the_same_order() {
    let whole = four_days(Troubles::default()).await;
    assert_eq!(whole.log.iter().map(|(_, letters)| letters.len()).sum::<usize>(), 576);
    assert_eq!(whole.late_batches, 0);
    let cut = four_days(Troubles { cut: 12..84, ..Troubles::default() }).await;
    assert_eq!(cut.log, whole.log);
    assert!(cut.late_batches > 0, "what was held is marked late");
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_and_lost_answers_around_a_cut_change_nothing() {
    let whole = four_days(Troubles::default()).await;
    let troubled = Troubles { cut: 12..84, loses_each: Some(3), restarts_each: Some(50) };
    assert_eq!(four_days(troubled).await.log, whole.log);
}

/// A line that fails a few times, in real time.
struct Mended {
    failures: u32,
    seen: tokio::sync::mpsc::UnboundedSender<u64>,
}

#[tonic::async_trait]
impl Line for Mended {
    async fn send(&mut self, held: &[Held], _: bool) -> Result<Vec<Answered>, LineError> {
        if self.failures > 0 {
            self.failures -= 1;
            return Err(LineError { reason: "no route".to_owned() });
        }
        for held in held {
            self.seen.send(held.place).unwrap();
        }
        Ok(held.iter().map(|held| Answered::Durable(Position::new(1, held.place))).collect())
    }
}

#[tokio::test]
async fn a_forwarder_tries_again_and_then_sends_what_comes() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Arc::new(open(directory.path(), 1 << 20));
    let (seen, mut places) = tokio::sync::mpsc::unbounded_channel();
    let forwarded = Arc::new(Forwarded::default());
    let pace = Pace { rest: Duration::from_millis(1), longest_rest: Duration::from_millis(4), ..Pace::default() };
    queue.push(&[Bytes::from_static(b"a"), Bytes::from_static(b"b")]).unwrap();
    let line = Mended { failures: 5, seen };
    let running = tokio::spawn(Forwarder::new(Arc::clone(&queue), line, pace, Arc::clone(&forwarded)).run());
    assert_eq!((places.recv().await, places.recv().await), (Some(0), Some(1)));
    queue.push(&[Bytes::from_static(b"c")]).unwrap();
    assert_eq!(places.recv().await, Some(2));
    while forwarded.sent() < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!((forwarded.failures(), forwarded.trouble(), forwarded.late()), (5, None, 0));
    assert_eq!(queue.reached().map(|reached| reached.position), Some(Position::new(1, 2)));
    assert_eq!(queue.waiting().unwrap().events, 0);
    running.abort();
}

fn open(directory: &Path, limit: u64) -> Queue {
    Queue::open(directory, limit, clock()).unwrap()
}

#[test]
fn a_queue_survives_a_restart_and_gives_its_room_back() {
    let directory = tempfile::tempdir().unwrap();
    let events: Vec<Bytes> = (0..10_u8).map(|n| Bytes::from(vec![n; 100])).collect();
    let queue = open(directory.path(), 2000);
    queue.push(&events).unwrap();
    // All or nothing.
    assert_eq!(queue.push(&events), Err(QueueError::Full { limit: 2000 }));
    assert_eq!(queue.waiting().unwrap(), Waiting { events: 10, bytes: 1640, oldest: Some(now()) });
    let first = queue.oldest(3, 1 << 20).unwrap();
    assert_eq!(queue.oldest(100, 250).unwrap().len(), 2);
    assert_eq!(queue.oldest(100, 1).unwrap().len(), 1, "one always comes");
    queue.done(&first, Some(Position::new(3, 7))).unwrap();
    drop(queue);
    let queue = open(directory.path(), 2000);
    assert_eq!(queue.reached(), Some(Reached { position: Position::new(3, 7), at: now() }));
    assert_eq!(queue.waiting().unwrap(), Waiting { events: 7, bytes: 7 * 164, oldest: Some(now()) });
    let held = queue.oldest(100, 1 << 20).unwrap();
    assert_eq!(held.iter().map(|held| held.event[0]).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8, 9]);
    queue.done(&held, None).unwrap();
    assert_eq!(queue.waiting().unwrap(), Waiting::default());
    queue.push(&events).unwrap();
    assert_eq!(queue.oldest(1, 1).unwrap()[0].event[0], 0);
}

#[tokio::test]
async fn a_full_edge_refuses_and_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Arc::new(open(&directory.path().join("queue"), 10));
    let door = door_of(directory.path(), queue, &clock());
    let error = door.publish(vec![Bytes::from_static(b"0123456789")]).await.unwrap_err();
    assert!(error.to_string().contains("mend the line"), "{error}");
}

/// More than the node takes would stand before everything else for ever.
#[tokio::test]
async fn an_event_that_no_call_carries_is_kept_aside_here() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Arc::new(open(&directory.path().join("queue"), 64 << 20));
    let mut door = door_of(directory.path(), Arc::clone(&queue), &clock());
    let path = directory.path().join("quarantine");
    door.quarantine = Arc::new(Quarantine::open(&path, 64 << 20, clock()).unwrap());
    let events = vec![Bytes::from_static(b"small"), Bytes::from(vec![0; LARGEST_EVENT + 1])];
    let published = door.publish(events).await.unwrap();
    assert_eq!(published[0], Published::Queued);
    assert!(matches!(&published[1], Published::Refused(refusal) if refusal.reason == RefusalReason::TooLarge));
    assert_eq!((queue.waiting().unwrap().events, door.quarantine.size().events), (1, 1));
}
