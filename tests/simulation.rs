//! The corridor in a seeded simulation: it is stopped between any two effects, letters come twice and out of order,
//! it starts again from what was committed; in the end every facility's view equals the fold of the log.
//!
//! `AJISAI_SEED=n cargo test --test simulation one_seed` replays one seed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::print_stdout,
    reason = "a test may stop where it stands, also in its helpers"
)]

use ajisai::clerk::{Clerk, Keeping};
use ajisai::pipeline::{self, Effect, Go, PipelineError, Probe, Rooms, Withheld};
use ajisai::recorder::{Recorder, Recording};
use ajisai::register::Register;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use consent_filter::Book;
use datafusion::prelude::{SessionContext, col};
use event_log::{EventLog, Letter, MemoryLog, PartitionKey, ReadLimit, tail};
use futures::StreamExt;
use model::*;
use parking_lot::RwLock;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use views::{Feeds, Store, StoreConfig, Views};

const FACILITIES: [(&str, FacilityKind); 4] = [
    ("h1", FacilityKind::Hospital),
    ("h2", FacilityKind::Hospital),
    ("c1", FacilityKind::Clinic),
    ("c2", FacilityKind::Pharmacy),
];
const CATEGORIES: [Category; 2] = [Category::Message, Category::CarePlan];

fn now() -> Moment {
    Moment::parse("2026-11-22T12:00:00Z").unwrap()
}
fn facility(at: usize) -> FacilityId {
    FacilityId::parse(FACILITIES[at].0).unwrap()
}

/// Writes what could happen in a small region.
struct Author {
    rng: StdRng,
    events: u64,
}

impl Author {
    fn patient(&mut self, at: usize) -> PatientRef {
        let number = self.rng.random_range(0..3);
        PatientRef::new(facility(at), PatientNumber::parse(&format!("p{number}")).unwrap())
    }

    fn event(&mut self, source: usize, body: Body) -> Event {
        self.events += 1;
        let id = EventId::parse(&format!("e{}", self.events)).unwrap();
        Event { key: EventKey { source: facility(source), id }, admitted_at: now(), body }
    }

    fn directory(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for (at, (id, kind)) in FACILITIES.into_iter().enumerate() {
            let stated = Facility {
                id: FacilityId::parse(id).unwrap(),
                kind,
                name: id.to_owned(),
                name_en: id.to_owned(),
                status: FacilityStatus::Active,
            };
            events.push(self.event(at, Body::Directory(DirectoryChange::Facility(stated))));
        }
        events
    }

    fn any(&mut self) -> Event {
        let source = self.rng.random_range(0..2);
        match self.rng.random_range(0..100) {
            0..60 => self.record(source),
            60..72 => self.consent(source),
            72..79 => self.withdrawal(source),
            79..90 => self.link(source),
            90..94 => self.unlink(source),
            _ => self.scope(source),
        }
    }

    fn record(&mut self, source: usize) -> Event {
        // One id is always of one patient and one category, as at a real source.
        let n: u32 = self.rng.random_range(0..18);
        let category = CATEGORIES[n as usize % 2];
        let patient = PatientRef::new(facility(source), PatientNumber::parse(&format!("p{}", n % 3)).unwrap());
        let version = Version::new(self.rng.random_range(1..5)).unwrap();
        let change = *[ChangeKind::Upsert, ChangeKind::Upsert, ChangeKind::Correct, ChangeKind::Delete]
            .choose(&mut self.rng)
            .unwrap();
        let labels = if self.rng.random_bool(0.2) { Labels::of(Label::Hiv) } else { Labels::NONE };
        let payload = match category {
            Category::Message => Payload::Message(Message { subject: "s".into(), text: version.get().to_string() }),
            _ => Payload::CarePlan(CarePlan {
                code: Coding { display: "plan".into(), ..Coding::default() },
                status: "active".into(),
                text: version.get().to_string(),
            }),
        };
        let occurred = now().plus_micros(-self.rng.random_range(0..400) * 86_400_000_000);
        let record = Record::new(
            patient,
            RecordId::parse(&format!("r{n}")).unwrap(),
            version,
            category,
            occurred,
            occurred,
            labels,
            None,
            model::Author { member: None, role: Role::Physician },
            change,
            (change != ChangeKind::Delete).then_some(payload),
        );
        self.event(source, Body::Record(Box::new(record.unwrap())))
    }

    fn consent(&mut self, source: usize) -> Event {
        let patient = self.patient(source);
        let id = format!("c-{}-{}", patient.number().as_str(), self.rng.random_range(0..4));
        let viewers = match self.rng.random_range(0..4) {
            0 => Viewers::AllMembers,
            _ => Viewers::Facilities(vec![facility(self.rng.random_range(0..4))]),
        };
        let days = self.rng.random_range(0..500);
        let consent = Consent {
            id: ConsentId::parse(&format!("{id}-{source}")).unwrap(),
            patient,
            viewers,
            state: if self.rng.random_bool(0.9) { ConsentState::Active } else { ConsentState::Received },
            supersedes: None,
            period: Period::new(None, Some(now().plus_micros((days - 50) * 86_400_000_000))).unwrap(),
            data_period: Period::new(Some(now().plus_micros(-days * 86_400_000_000)), None).unwrap(),
            categories: if self.rng.random_bool(0.7) { CategorySet::all() } else { CategorySet::of(Category::Message) },
            departments: Vec::new(),
            labels: if self.rng.random_bool(0.4) { Labels::of(Label::Hiv) } else { Labels::NONE },
            purposes: PurposeSet::of(Purpose::Treatment),
            exceptions: Exceptions::none(),
            signer: Signer::Patient,
            taken_by: facility((source + 1) % 4),
            signed_at: now(),
            form_digest: String::new(),
            paper: Box::default(),
        };
        self.event(source, Body::Consent(ConsentChange::Given(consent)))
    }

    fn withdrawal(&mut self, source: usize) -> Event {
        let patient = self.patient(source);
        let id = format!("c-{}-{}-{source}", patient.number().as_str(), self.rng.random_range(0..4));
        let id = ConsentId::parse(&id).unwrap();
        self.event(source, Body::Consent(ConsentChange::Withdrawn(Withdrawal { id, patient, withdrawn_at: now() })))
    }

    fn link(&mut self, source: usize) -> Event {
        let a = self.patient(source);
        let other = self.rng.random_range(0..4);
        let other = if other == source { 2 } else { other };
        let b = self.patient(other);
        let link = Link {
            id: LinkId::parse(&format!("l{}", self.rng.random_range(0..14))).unwrap(),
            a,
            b,
            evidence: LinkEvidence::Manual,
            confirmed_by: MemberId::parse("m").unwrap(),
            confirmed_at: now(),
        };
        self.event(source, Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))))
    }

    fn unlink(&mut self, source: usize) -> Event {
        let id = LinkId::parse(&format!("l{}", self.rng.random_range(0..14))).unwrap();
        let unlink = Unlink { id, by: MemberId::parse("m").unwrap(), at: now() };
        self.event(source, Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink))))
    }

    fn scope(&mut self, source: usize) -> Event {
        let rule = ScopeRule {
            categories: if self.rng.random_bool(0.7) {
                CategorySet::all()
            } else {
                CategorySet::of(Category::CarePlan)
            },
            viewer_kinds: if self.rng.random_bool(0.7) {
                FacilityKindSet::all()
            } else {
                FacilityKindSet::of(FacilityKind::Clinic)
            },
            viewer_roles: RoleSet::all(),
            departments: Vec::new(),
            author_roles: RoleSet::all(),
            labels: if self.rng.random_bool(0.5) { Labels::of(Label::Hiv) } else { Labels::NONE },
            since: None,
            hold_back: HoldBack::None,
        };
        let rules = if self.rng.random_bool(0.9) { vec![rule] } else { Vec::new() };
        let scope = DisclosureScope::of(facility(source), rules);
        self.event(source, Body::Directory(DirectoryChange::Scope(scope)))
    }
}

fn letter(event: &Event) -> Letter {
    let key = match event.patient() {
        Some(patient) => PartitionKey::Patient(Bytes::from(patient.partition_key())),
        None => PartitionKey::Control,
    };
    Letter { key, event: event.key.digest(), trace: None, payload: wire::write_event(event) }
}

/// Stops before the n-th effect.
struct Fuse {
    left: u64,
    stopped_before: Option<Effect>,
}

impl Probe for Fuse {
    fn about_to(&mut self, effect: Effect) -> Go {
        if self.left == 0 {
            self.stopped_before = Some(effect);
            return Go::Stop;
        }
        self.left -= 1;
        Go::On
    }
}

/// Opens what lies in `directory` as a starting node does.
async fn open(directory: &Path, log: &Arc<MemoryLog>) -> (Rooms, Views, Recording) {
    let config = StoreConfig {
        flush_rows: 7,
        flush_interval: Duration::from_millis(1),
        ..StoreConfig::in_dir(directory.join("store"))
    };
    let (store, recovered) = Store::open(config).await.unwrap();
    let (store, book) = (Arc::new(store), Arc::new(RwLock::new(Book::new())));
    let register = Arc::new(Register::open(&directory.join("register"), Arc::clone(&book)).unwrap());
    let withheld = Arc::new(Withheld::default());
    pipeline::restore_book(&book, &register, &withheld, recovered.book_letters).unwrap();
    let feeds = Feeds::new(Arc::clone(&book));
    let views = Views::new(Arc::clone(&store), Arc::clone(&book), Arc::clone(&feeds));
    let log = Arc::clone(log) as Arc<dyn EventLog>;
    let clock: pipeline::Clock = Arc::new(now);
    let (recorder, recording) = Recorder::start(Arc::clone(&log), Arc::clone(&clock));
    let keeping = Keeping { disclosures: true, mark: directory.join("mark") };
    let clerk = Clerk::open(&log, &recorder, &clock, &recovered.frontier, keeping).await.unwrap();
    let clerk = Some(Arc::new(clerk));
    (Rooms { log, book, store, feeds, register, withheld, clerk }, views, recording)
}

type Shown = BTreeSet<(String, String, i64, String)>;

async fn shown(views: &Views, at: usize) -> Shown {
    let principal = Principal { facility: facility(at), member: None, role: Role::System, purpose: Purpose::Treatment };
    let view = views.view(&principal, now());
    let mut rows = Shown::new();
    let mut count = 0;
    for category in CATEGORIES {
        let frame = SessionContext::new().read_table(view.table(category)).unwrap();
        let frame = frame.select(vec![col("source"), col("record_id"), col("version"), col("text")]).unwrap();
        for batch in frame.collect().await.unwrap() {
            let text = |column: usize| arrow::compute::cast(batch.column(column), &DataType::Utf8).unwrap();
            let (source, id, body) = (text(0), text(1), text(3));
            let version = arrow::compute::cast(batch.column(2), &DataType::Int64).unwrap();
            for row in 0..batch.num_rows() {
                let string = |array: &arrow::array::ArrayRef| array.as_string::<i32>().value(row).to_owned();
                rows.insert((
                    string(&source),
                    string(&id),
                    version.as_primitive::<Int64Type>().value(row),
                    string(&body),
                ));
                count += 1;
            }
        }
    }
    assert_eq!(rows.len(), count, "a row is doubled");
    rows
}

/// What the views must be, by the plainest fold of the log.
async fn expected(log: &Arc<MemoryLog>) -> Vec<Shown> {
    let mut standing: BTreeMap<(FacilityId, RecordId), Record> = BTreeMap::new();
    let mut book = Book::new();
    let letters = tail(Arc::clone(log) as Arc<dyn EventLog>, Frontier::start(), ReadLimit::default());
    let letters: Vec<_> = letters.collect().await;
    for stored in letters.into_iter().flat_map(Result::unwrap) {
        let event = wire::read_event(stored.letter.payload).unwrap();
        match event.body {
            Body::Record(record) => {
                let key = (record.patient.facility().clone(), record.id.clone());
                if standing.get(&key).is_none_or(|stands| stands.version < record.version) {
                    standing.insert(key, *record);
                }
            }
            body => {
                let _ = book.apply(stored.position, &body);
            }
        }
    }
    let mut views = vec![Shown::new(); FACILITIES.len()];
    for record in standing.values().filter(|record| record.change() != ChangeKind::Delete) {
        let facts = book.facts(record);
        let text = match record.payload() {
            Some(Payload::Message(message)) => message.text.clone(),
            Some(Payload::CarePlan(plan)) => plan.text.clone(),
            _ => unreachable!("only these are written"),
        };
        for (at, view) in views.iter_mut().enumerate() {
            let viewer =
                Principal { facility: facility(at), member: None, role: Role::System, purpose: Purpose::Treatment };
            if book.decide(&facts, &viewer, now()).is_permit() {
                let version = i64::try_from(record.version.get()).unwrap();
                view.insert((
                    record.patient.facility().as_str().into(),
                    record.id.as_str().into(),
                    version,
                    text.clone(),
                ));
            }
        }
    }
    views
}

/// Runs the corridor until it has read what the log holds, or until the fuse burns through; says where that was.
async fn live(
    directory: &Path,
    log: &Arc<MemoryLog>,
    (left, letters): (u64, usize),
    writes_out: bool,
) -> Option<Effect> {
    let (rooms, _views, mut recording) = open(directory, log).await;
    let mut fuse = Fuse { left, stopped_before: None };
    let limit = ReadLimit { letters, bytes: 1 << 20 };
    let stop = CancellationToken::new();
    let end = log.end().await.unwrap();
    let (store, stopper) = (Arc::clone(&rooms.store), stop.clone());
    let watcher = tokio::spawn(async move {
        while !store.reached(&end, Duration::from_millis(20)).await {}
        stopper.cancel();
    });
    let clock: pipeline::Clock = Arc::new(now);
    match pipeline::run(&rooms, limit, &clock, &mut fuse, stop).await {
        Ok(()) | Err(PipelineError::Stopped(_)) => {}
        Err(error) => panic!("{error}"),
    }
    watcher.abort();
    // Its hold on the store is gone before the store is opened again.
    let _ = watcher.await;
    if writes_out {
        recording.close().await;
    }
    fuse.stopped_before
}

/// Every audit event of the log, with its key.
async fn audits(log: &Arc<MemoryLog>) -> Vec<(EventKey, AuditEvent)> {
    let letters = tail(Arc::clone(log) as Arc<dyn EventLog>, Frontier::start(), ReadLimit::default());
    let letters: Vec<_> = letters.collect().await;
    let events = letters.into_iter().flat_map(Result::unwrap).map(|stored| {
        let event = wire::read_event(stored.letter.payload).unwrap();
        match event.body {
            Body::Audit(audit) => Some((event.key, *audit)),
            _ => None,
        }
    });
    events.flatten().collect()
}

/// No entry stands twice, each withdrawal has one receipt, and what became visible is told of without gap or overlap.
async fn check_ledger(log: &Arc<MemoryLog>) {
    let audits = audits(log).await;
    let keys: BTreeSet<_> = audits.iter().map(|(key, _)| (key.source.clone(), key.id.clone())).collect();
    assert_eq!(keys.len(), audits.len(), "an entry stands twice");
    let mut withdrawals = BTreeSet::new();
    let letters = tail(Arc::clone(log) as Arc<dyn EventLog>, Frontier::start(), ReadLimit::default());
    let letters: Vec<_> = letters.collect().await;
    for stored in letters.into_iter().flat_map(Result::unwrap) {
        if let Body::Consent(ConsentChange::Withdrawn(_)) = wire::read_event(stored.letter.payload).unwrap().body {
            withdrawals.insert(stored.position);
        }
    }
    let receipts: Vec<Position> = audits.iter().filter_map(|(_, audit)| receipt(audit)).map(|at| at.position).collect();
    assert_eq!(receipts.iter().copied().collect::<BTreeSet<_>>(), withdrawals, "each withdrawal has its receipt");
    assert_eq!(receipts.len(), withdrawals.len(), "each has one");
    let windows: BTreeMap<String, (Frontier, Frontier)> = audits
        .iter()
        .filter_map(|(_, audit)| match &audit.what {
            What::Disclosure { since, seen } => Some((seen.to_string(), (since.clone(), seen.clone()))),
            _ => None,
        })
        .collect();
    for (since, seen) in windows.values() {
        assert!(seen.covers(since), "a commit goes forward");
        let overlaps = windows.values().any(|(s, e)| (s, e) != (since, seen) && !since.covers(e) && !s.covers(seen));
        assert!(!overlaps, "what became visible is told of once");
    }
}

fn receipt(audit: &AuditEvent) -> Option<&Receipt> {
    match &audit.what {
        What::Receipt(receipt) => Some(receipt),
        _ => None,
    }
}

/// Per viewing facility, patient and category, how many rows.
type Told = BTreeMap<(FacilityId, PatientRef, Category), u64>;

/// What the ledger must say, by the plainest fold of a log whose directory is stated before anything else: what each
/// withdrawal hid from whom, and what became visible to whom in all.
async fn told(log: &Arc<MemoryLog>) -> (BTreeMap<Position, BTreeMap<FacilityId, Counts>>, Told) {
    let mut book = Book::new();
    let mut standing: BTreeMap<(FacilityId, RecordId), Record> = BTreeMap::new();
    let (mut hidden, mut disclosed) = (BTreeMap::new(), Told::new());
    let letters = tail(Arc::clone(log) as Arc<dyn EventLog>, Frontier::start(), ReadLimit::default());
    let letters: Vec<_> = letters.collect().await;
    let mut letters: Vec<_> = letters.into_iter().flat_map(Result::unwrap).collect();
    letters.sort_by_key(|stored| stored.position);
    let reached = |book: &mut Book, record: &Record| -> BTreeSet<FacilityId> {
        let (facts, mut audience) = (book.facts(record), consent_filter::Audience::new());
        book.audience(&facts, now(), &mut audience);
        let ids = audience.reached().iter().map(|reached| book.facility_id(reached.facility).unwrap().clone());
        ids.filter(|id| id != record.patient.facility()).collect()
    };
    for stored in letters {
        match wire::read_event(stored.letter.payload).unwrap().body {
            Body::Record(record) => {
                let key = (record.patient.facility().clone(), record.id.clone());
                if standing.get(&key).is_some_and(|stands| stands.version >= record.version) {
                    continue;
                }
                if record.change() != ChangeKind::Delete {
                    for facility in reached(&mut book, &record) {
                        *disclosed.entry((facility, record.patient.clone(), record.category())).or_default() += 1;
                    }
                }
                standing.insert(key, *record);
            }
            Body::Consent(change) => {
                let shown = |book: &mut Book| -> Vec<(FacilityId, Category, RecordId)> {
                    let of = standing.values().filter(|record| record.change() != ChangeKind::Delete);
                    let of = of.filter(|record| record.patient == *change.patient());
                    let shown = of.flat_map(|record| {
                        let reached = reached(book, record).into_iter();
                        reached.map(|facility| (facility, record.category(), record.id.clone())).collect::<Vec<_>>()
                    });
                    shown.collect()
                };
                let before = shown(&mut book);
                let _ = book.apply(stored.position, &Body::Consent(change.clone()));
                if let ConsentChange::Withdrawn(_) = change {
                    let after = shown(&mut book);
                    let mut lost: BTreeMap<FacilityId, Counts> = BTreeMap::new();
                    for (facility, category, _) in before.into_iter().filter(|row| !after.contains(row)) {
                        lost.entry(facility).or_default().add(category, 1);
                    }
                    hidden.insert(stored.position, lost);
                }
            }
            body => {
                let _ = book.apply(stored.position, &body);
            }
        }
    }
    (hidden, disclosed)
}

/// A region whose directory stands still, so that it does not matter how partitions interleave: what the ledger says of
/// withdrawals and disclosures is then the fold of the log, row for row.
async fn told_exactly(seed: u64) -> (u64, u64) {
    let mut author = Author { rng: StdRng::seed_from_u64(seed), events: 0 };
    let directory = tempfile::tempdir().unwrap();
    let log = Arc::new(MemoryLog::new(NonZeroU32::new(3).unwrap()));
    let mut calm = author.directory();
    for _ in 0..24 {
        calm.push(author.link(0));
        calm.push(author.link(1));
    }
    for source in [0, 1] {
        calm.push(author.scope(source));
    }
    for event in &calm {
        log.append(vec![letter(event)]).await.unwrap();
    }
    live(directory.path(), &log, (u64::MAX, 4096), true).await;
    let mut written: Vec<Event> = Vec::new();
    for _ in 0..4 {
        for _ in 0..author.rng.random_range(20..90) {
            let source = author.rng.random_range(0..2);
            let event = match author.rng.random_range(0..100) {
                0..12 if !written.is_empty() => written.choose(&mut author.rng).unwrap().clone(),
                12..32 => author.consent(source),
                32..50 => author.withdrawal(source),
                _ => author.record(source),
            };
            log.append(vec![letter(&event)]).await.unwrap();
            written.push(event);
        }
        let (left, letters) = (author.rng.random_range(0..200), author.rng.random_range(1..20));
        let writes_out = author.rng.random_bool(0.5);
        live(directory.path(), &log, (left, letters), writes_out).await;
    }
    live(directory.path(), &log, (u64::MAX, 4096), true).await;
    if author.rng.random_bool(0.5) {
        // Everything derived is lost, and the node is stopped while it reads the log again.
        Store::destroy(directory.path().join("store")).await.unwrap();
        std::fs::remove_dir_all(directory.path().join("register")).unwrap();
        let left = author.rng.random_range(0..400);
        live(directory.path(), &log, (left, 10), true).await;
        live(directory.path(), &log, (u64::MAX, 10), true).await;
    }
    log.close().await.unwrap();
    check_ledger(&log).await;
    let (hidden, disclosed) = told(&log).await;
    let mut rows = Told::new();
    let mut receipts = BTreeMap::new();
    for (_, audit) in audits(&log).await {
        match &audit.what {
            What::Disclosure { .. } => {
                for (patient, counts) in audit.shown.iter() {
                    for (category, count) in counts.iter() {
                        *rows.entry((audit.agent.facility.clone(), patient.clone(), category)).or_default() += count;
                    }
                }
            }
            What::Receipt(receipt) => {
                receipts.insert(receipt.position, receipt.hidden.clone());
            }
            _ => {}
        }
    }
    assert_eq!(receipts, hidden, "what each withdrawal hid");
    assert_eq!(rows, disclosed, "what became visible to whom");
    let hidden = hidden.values().flat_map(BTreeMap::values).map(Counts::total).sum();
    (hidden, disclosed.values().sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_says_once_what_was_hidden_and_what_became_visible_whatever_stopped_the_corridor() {
    let (mut hidden, mut disclosed) = (0, 0);
    for seed in 0..16 {
        println!("seed {seed}");
        let (h, d) = told_exactly(seed).await;
        hidden += h;
        disclosed += d;
    }
    assert!(hidden > 10 && disclosed > 50, "there is something to tell: {hidden} hidden, {disclosed} disclosed");
}

/// Runs one seed; returns at how many kinds of effect it was stopped and how many rows other facilities saw.
async fn simulate(seed: u64) -> (usize, usize) {
    let mut author = Author { rng: StdRng::seed_from_u64(seed), events: 0 };
    let directory = tempfile::tempdir().unwrap();
    let log = Arc::new(MemoryLog::new(NonZeroU32::new(3).unwrap()));
    let mut written: Vec<Event> = author.directory();
    for event in &written {
        log.append(vec![letter(event)]).await.unwrap();
    }
    let mut kinds = BTreeSet::new();
    for _ in 0..4 {
        for _ in 0..author.rng.random_range(10..60) {
            // Some events come again, long after they came first.
            let event = if author.rng.random_bool(0.15) {
                written.choose(&mut author.rng).unwrap().clone()
            } else {
                author.any()
            };
            log.append(vec![letter(&event)]).await.unwrap();
            written.push(event);
        }
        let left = author.rng.random_range(0..200);
        let letters = author.rng.random_range(1..20);
        let stopped_before = live(directory.path(), &log, (left, letters), author.rng.random_bool(0.5)).await;
        kinds.extend(stopped_before.map(|effect| format!("{effect:?}").split('(').next().unwrap().to_owned()));
    }
    let end = log.end().await.unwrap();
    assert_eq!(live(directory.path(), &log, (u64::MAX, 4096), true).await, None);
    log.close().await.unwrap();
    let (rooms, views, _recording) = open(directory.path(), &log).await;
    assert!(rooms.store.frontier().covers(&end), "everything was read");
    assert_eq!(rooms.withheld.count(), 0);
    check_ledger(&log).await;
    let expected = expected(&log).await;
    for (at, expected) in expected.iter().enumerate() {
        assert_eq!(&shown(&views, at).await, expected, "the view of {}", FACILITIES[at].0);
    }
    // And once more from what lies on disk alone.
    drop((rooms, views, _recording));
    let (_rooms, views, _recording) = open(directory.path(), &log).await;
    for (at, expected) in expected.iter().enumerate() {
        assert_eq!(&shown(&views, at).await, expected, "the view of {} after a restart", FACILITIES[at].0);
    }
    (kinds.len(), expected[2].len() + expected[3].len())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_equals_the_fold_of_the_log_whatever_stopped_the_corridor() {
    let mut kinds = 0;
    let mut rows = 0;
    for seed in 0..24 {
        println!("AJISAI_SEED={seed}");
        let (stopped, seen) = simulate(seed).await;
        kinds = kinds.max(stopped);
        rows += seen;
    }
    assert!(kinds >= 2, "the corridor was stopped before different effects");
    assert!(rows > 20, "other facilities saw something to compare: {rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_seed_is_replayed_from_the_environment() {
    let seed = std::env::var("AJISAI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4_711);
    println!("AJISAI_SEED={seed}");
    simulate(seed).await;
}
