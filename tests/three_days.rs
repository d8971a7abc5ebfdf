//! A hospital's line is cut for 72 hours of simulated time, its edge restarted in the middle of it. HL7 messages come over a real
//! socket every ten minutes all the while; the views come out byte for byte as those of a node that got them without a cut.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, also in its helpers"
)]

use ajisai::clerk::{Clerk, Keeping};
use ajisai::pipeline::{self, Rooms, Unhindered, Withheld};
use ajisai::recorder::Recorder;
use ajisai::register::Register;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use consent_filter::Book;
use datafusion::prelude::SessionContext;
use event_log::{EventLog, Letter, MemoryLog, PartitionKey, ReadLimit};
use ingest::completeness::FeedBook;
use ingest::edge::{Answered, EdgeDoor, Forwarded, Forwarder, Held, Line as Wire, LineError, Pace, Queue};
use ingest::hl7::Feed;
use ingest::mllp::{Line, Settings, Speaker, serve_mllp};
use ingest::{Admission, Answer, Door, Incoming, LocalDoor, Quarantine};
use model::*;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use views::{Feeds, Store, StoreConfig, Views};

const HOUR: i64 = 3600;
/// The line is cut in these hours.
const CUT: Range<i64> = 12 * HOUR..84 * HOUR;
const PATIENTS: [&str; 4] = ["0000041", "0000042", "0000043", "0000044"];
/// What the clinic may see is every patient's but the last one's.
const OPEN: usize = 3;

/// Time that passes when it is told to, in seconds from the beginning.
#[derive(Clone, Default)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn seconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
    fn now(&self) -> Moment {
        Moment::parse("2026-11-22T12:00:00Z").unwrap().plus_micros(self.seconds() * 1_000_000)
    }
    fn clock(&self) -> event_log::Clock {
        let time = self.clone();
        Arc::new(move || time.now())
    }
}

fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
fn system(id: &str) -> Principal {
    Principal { facility: facility(id), member: None, role: Role::System, purpose: Purpose::Treatment }
}

/// A node over a log in memory, its corridor running.
struct Node {
    admission: Arc<Admission>,
    rooms: Rooms,
    views: Views,
    directory: tempfile::TempDir,
}

impl Node {
    async fn open(time: &Time) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let config = StoreConfig { flush_rows: 50, ..StoreConfig::in_dir(path("store")) };
        let (store, recovered) = Store::open(config).await.unwrap();
        let (store, book) = (Arc::new(store), Arc::new(RwLock::new(Book::new())));
        let register = Arc::new(Register::open(&path("register"), Arc::clone(&book)).unwrap());
        let feeds = Feeds::new(Arc::clone(&book));
        let views = Views::new(Arc::clone(&store), Arc::clone(&book), Arc::clone(&feeds));
        let log = Arc::new(MemoryLog::new(NonZeroU32::new(4).unwrap())) as Arc<dyn EventLog>;
        let (recorder, _recording) = Recorder::start(Arc::clone(&log), time.clock());
        let keeping = Keeping { disclosures: false, mark: path("mark") };
        let clerk = Clerk::open(&log, &recorder, &time.clock(), &recovered.frontier, keeping).await.unwrap();
        let (withheld, clerk) = (Arc::new(Withheld::default()), Some(Arc::new(clerk)));
        let settings =
            ingest::Settings { index: path("seen"), quarantine: path("quarantine"), quarantine_share: 1 << 20 };
        let admission =
            Admission::open(Arc::clone(&log), Arc::clone(&register) as _, &settings, time.clock()).await.unwrap();
        let rooms = Rooms { log, book, store, feeds, register, withheld, clerk };
        let (running, clock) = (rooms.clone(), time.clock());
        tokio::spawn(async move {
            let never = CancellationToken::new();
            pipeline::run(&running, ReadLimit::default(), &clock, &mut Unhindered, never).await.unwrap();
        });
        let node = Self { admission, rooms, views, directory };
        node.state(time.now()).await;
        node
    }

    /// Facilities, the hospital's scope, links and consents.
    async fn state(&self, now: Moment) {
        let mut bodies = Vec::new();
        for (id, kind) in [("hospital", FacilityKind::Hospital), ("clinic", FacilityKind::Clinic)] {
            let (name, status) = (id.to_owned(), FacilityStatus::Active);
            let stated = Facility { id: facility(id), kind, name: name.clone(), name_en: name, status };
            bodies.push(Body::Directory(DirectoryChange::Facility(stated)));
        }
        let rule = ScopeRule {
            categories: CategorySet::all(),
            viewer_kinds: FacilityKindSet::all(),
            viewer_roles: RoleSet::all(),
            departments: Vec::new(),
            author_roles: RoleSet::all(),
            labels: Labels::NONE,
            since: None,
            hold_back: HoldBack::None,
        };
        bodies.push(Body::Directory(DirectoryChange::Scope(DisclosureScope::of(facility("hospital"), vec![rule]))));
        for number in &PATIENTS[..OPEN] {
            let patient = PatientRef::new(facility("hospital"), PatientNumber::parse(number).unwrap());
            let link = Link {
                id: LinkId::parse(&format!("l-{number}")).unwrap(),
                a: patient.clone(),
                b: PatientRef::new(facility("clinic"), PatientNumber::parse(&format!("k-{number}")).unwrap()),
                evidence: LinkEvidence::Manual,
                confirmed_by: MemberId::parse("m").unwrap(),
                confirmed_at: now,
            };
            bodies.push(Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))));
            let consent = Consent {
                id: ConsentId::parse(&format!("c-{number}")).unwrap(),
                patient,
                viewers: Viewers::Facilities(vec![facility("clinic")]),
                state: ConsentState::Active,
                supersedes: None,
                period: Period::new(None, None).unwrap(),
                data_period: Period::new(None, None).unwrap(),
                categories: CategorySet::all(),
                departments: Vec::new(),
                labels: Labels::NONE,
                purposes: PurposeSet::of(Purpose::Treatment),
                exceptions: Exceptions::none(),
                signer: Signer::Patient,
                taken_by: facility("clinic"),
                signed_at: now,
                form_digest: String::new(),
                paper: Box::default(),
            };
            bodies.push(Body::Consent(ConsentChange::Given(consent)));
        }
        let letter = |(number, body): (usize, Body)| {
            let id = EventId::parse(&format!("stated-{number}")).unwrap();
            let event = Event { key: EventKey { source: facility("hospital"), id }, admitted_at: now, body };
            let key = event
                .patient()
                .map_or(PartitionKey::Control, |patient| PartitionKey::Patient(Bytes::from(patient.partition_key())));
            Letter { key, event: event.key.digest(), trace: None, payload: wire::write_event(&event) }
        };
        self.rooms.log.append(bodies.into_iter().enumerate().map(letter).collect()).await.unwrap();
    }

    /// Every row of every category that each facility sees, by columns; only where it is in the log is left out.
    async fn shown(&self, time: &Time) -> BTreeMap<(&'static str, &'static str), Vec<String>> {
        let end = self.rooms.log.end().await.unwrap();
        while !self.rooms.store.reached(&end, Duration::from_secs(1)).await {}
        let mut shown = BTreeMap::new();
        for who in ["hospital", "clinic"] {
            let view = self.views.view(&system(who), time.now());
            for category in [Category::Laboratory, Category::Encounter, Category::Patient] {
                let frame = SessionContext::new().read_table(view.table(category)).unwrap();
                let mut rows = Vec::new();
                for batch in frame.collect().await.unwrap() {
                    let options = FormatOptions::default().with_null("NULL");
                    let schema = batch.schema();
                    let fields = schema.fields().iter().zip(batch.columns());
                    let columns = fields.filter(|(field, _)| !field.name().starts_with("position_"));
                    let columns: Vec<_> = columns
                        .map(|(field, column)| (field.name(), ArrayFormatter::try_new(column, &options).unwrap()))
                        .collect();
                    rows.extend((0..batch.num_rows()).map(|row| {
                        let cells = columns.iter().map(|(name, column)| format!("{name}={}", column.value(row)));
                        cells.collect::<Vec<_>>().join("|")
                    }));
                }
                rows.sort_unstable();
                shown.insert((who, category.code()), rows);
            }
        }
        shown
    }
}

/// The line to the node, which is cut for days.
struct Cut {
    admission: Arc<Admission>,
    time: Time,
    tries: Arc<AtomicU64>,
}

#[tonic::async_trait]
impl Wire for Cut {
    async fn send(&mut self, held: &[Held], _: bool) -> Result<Vec<Answered>, LineError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if CUT.contains(&self.time.seconds()) {
            return Err(LineError { reason: "no route".to_owned() });
        }
        let events = held.iter().map(|held| Incoming { event: held.event.clone(), trace: None }).collect();
        let answers = self.admission.admit(&system("hospital"), events).await.unwrap();
        let answered = |answer: Answer| match answer {
            Answer::Accepted { position, .. } => Answered::Durable(position),
            Answer::Refused { .. } => Answered::Refused,
        };
        Ok(answers.into_iter().map(answered).collect())
    }
}

/// The hospital's side: where it sends its messages.
struct House {
    port: u16,
    stop: tokio::sync::oneshot::Sender<()>,
    listening: tokio::task::JoinHandle<()>,
}

impl House {
    async fn open(door: Arc<dyn Door>, time: &Time) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let lines = HashMap::from([(facility("hospital"), Line { feed: Feed::new(facility("hospital")), door })]);
        let settings = Settings::new(Speaker::Port(facility("hospital")), time.clock());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let listening = tokio::spawn(async move {
            let stopped = async { stopped.await.unwrap_or_default() };
            serve_mllp(listener, lines, settings, stopped).await.unwrap();
        });
        Self { port, stop, listening }
    }

    /// Sends a message and waits for its acknowledgement.
    async fn send(&self, message: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(format!("\x0b{message}\x1c\r").as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("MSA|AA|"), "{answer}");
    }

    async fn close(self) {
        self.stop.send(()).unwrap();
        self.listening.await.unwrap();
    }
}

/// An edge: what it keeps, and what brings it on.
struct Edge {
    house: House,
    queue: Arc<Queue>,
    forwarded: Arc<Forwarded>,
    tries: Arc<AtomicU64>,
    forwarding: tokio::task::JoinHandle<()>,
}

impl Edge {
    async fn open(directory: &Path, node: &Node, time: &Time) -> Self {
        let queue = Arc::new(Queue::open(&directory.join("queue"), 64 << 20, time.clock()).unwrap());
        let quarantine = Quarantine::open(&directory.join("kept"), 1 << 20, time.clock()).unwrap();
        // The account is still being closed by whoever wrote it last.
        let feeds = loop {
            match FeedBook::open(&directory.join("feeds"), time.clock()) {
                Ok(feeds) => break feeds,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        let door = EdgeDoor::new(facility("hospital"), Arc::clone(&queue), Arc::new(quarantine), Arc::new(feeds));
        let (forwarded, tries) = (Arc::new(Forwarded::default()), Arc::new(AtomicU64::new(0)));
        let line = Cut { admission: Arc::clone(&node.admission), time: time.clone(), tries: Arc::clone(&tries) };
        // Small batches, so that there are many.
        let rest = Duration::from_millis(1);
        let pace = Pace { batch: 20, rest, longest_rest: rest, ..Pace::default() };
        let forwarder = Forwarder::new(Arc::clone(&queue), line, pace, Arc::clone(&forwarded));
        let forwarding = tokio::spawn(forwarder.run());
        Self { house: House::open(Arc::new(door), time).await, queue, forwarded, tries, forwarding }
    }

    /// Waits until the line was tried again, or there is nothing to bring.
    async fn tried(&self) {
        let before = self.tries.load(Ordering::SeqCst);
        while self.tries.load(Ordering::SeqCst) == before && self.queue.waiting().unwrap().events > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn close(self) {
        let Self { house, queue, forwarding, .. } = self;
        house.close().await;
        forwarding.abort();
        assert!(forwarding.await.is_err_and(|error| error.is_cancelled()));
        // What a thread still holds of the queue is gone before the queue is opened again.
        while Arc::strong_count(&queue) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// The hospital's four days: every ten minutes something of one of its patients, results corrected and stays begun.
fn messages() -> impl Iterator<Item = (i64, String)> {
    (0..4 * 24 * 6_i64).map(|number| {
        let patient = PATIENTS[usize::try_from(number).unwrap() % PATIENTS.len()];
        let (day, hour, minute) = (1 + number / 144, number / 6 % 24, number % 6 * 10);
        let head = format!("MSH|^~\\&|HIS|HOSP|||202604{day:02}{hour:02}{minute:02}00");
        let pid = format!("PID|||{patient}^^^HOSP^PI||Yamada^Taro||19600401|M");
        let message = if number % 36 < 4 {
            let stay = "V".to_owned() + &number.to_string();
            let pv1 = format!("PV1|1|I|32^302^1^^^N||||||||01|||||||||{stay}|||||||||||||||||||||||||2026040{day}0000");
            format!("{head}||ADT^A01|{number}|P|2.5\rEVN|A01|2026040{day}0000\r{pid}\r{pv1}\r")
        } else {
            let obr = format!("OBR|1|A{}||E001^panel|||20260401080000", number / 8);
            let obx = format!("OBX|1|NM|718-7^Hb^LN||{}.{}|g/dL|11.6-14.8||||C", 8 + number % 9, number % 10);
            format!("{head}||ORU^R01|{number}|P|2.5\r{pid}\r{obr}\r{obx}\r")
        };
        (number * 600, message)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_of_72_hours_leaves_views_byte_equal_to_those_without() {
    let time = Time::default();
    let whole = Node::open(&time).await;
    let house = House::open(Arc::new(LocalDoor::new(Arc::clone(&whole.admission), system("hospital"))), &time).await;
    for (at, message) in messages() {
        time.0.store(at, Ordering::SeqCst);
        house.send(&message).await;
    }
    house.close().await;
    let without = whole.shown(&time).await;

    let time = Time::default();
    let node = Node::open(&time).await;
    let mut edge = Edge::open(node.directory.path(), &node, &time).await;
    let (mut most, mut late) = (0, 0);
    for (number, (at, message)) in messages().enumerate() {
        time.0.store(at, Ordering::SeqCst);
        edge.house.send(&message).await;
        edge.tried().await;
        most = most.max(edge.queue.waiting().unwrap().events);
        if number % 100 == 99 {
            late += edge.forwarded.late();
            edge.close().await;
            edge = Edge::open(node.directory.path(), &node, &time).await;
        }
    }
    while edge.queue.waiting().unwrap().events > 0 {
        edge.tried().await;
    }
    let reached = edge.queue.reached();
    late += edge.forwarded.late();
    edge.close().await;
    assert!(most >= 72 * 6, "{most} waited at most");
    assert!(late >= most - 1 && reached.is_some(), "{late} were marked late");

    let with = node.shown(&time).await;
    assert!(without[&("hospital", "laboratory")].len() > 100 && without[&("hospital", "encounter")].len() > 10);
    assert!(without[&("clinic", "laboratory")].len() > 50);
    assert!(!without[&("clinic", "laboratory")].iter().any(|row| row.contains(PATIENTS[OPEN])));
    assert_eq!(with, without);
}
