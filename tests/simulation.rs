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

use ajisai::pipeline::{self, Effect, Go, PipelineError, Probe, Rooms, Withheld};
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
async fn open(directory: &Path, log: &Arc<MemoryLog>) -> (Rooms, Views) {
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
    (Rooms { log, book, store, feeds, register, withheld }, views)
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
    let clock: pipeline::Clock = Arc::new(now);
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
        let (rooms, _views) = open(directory.path(), &log).await;
        let mut fuse = Fuse { left: author.rng.random_range(0..200), stopped_before: None };
        let limit = ReadLimit { letters: author.rng.random_range(1..20), bytes: 1 << 20 };
        let stop = CancellationToken::new();
        let end = log.end().await.unwrap();
        let (store, stopper) = (Arc::clone(&rooms.store), stop.clone());
        let watcher = tokio::spawn(async move {
            while !store.reached(&end, Duration::from_millis(20)).await {}
            stopper.cancel();
        });
        match pipeline::run(&rooms, limit, &clock, &mut fuse, stop).await {
            Ok(()) | Err(PipelineError::Stopped(_)) => {}
            Err(error) => panic!("{error}"),
        }
        watcher.abort();
        // Its hold on the store is gone before the store is opened again.
        let _ = watcher.await;
        kinds.extend(fuse.stopped_before.map(|effect| format!("{effect:?}").split('(').next().unwrap().to_owned()));
    }
    log.close().await.unwrap();
    let (rooms, views) = open(directory.path(), &log).await;
    let mut fuse = Fuse { left: u64::MAX, stopped_before: None };
    pipeline::run(&rooms, ReadLimit::default(), &clock, &mut fuse, CancellationToken::new()).await.unwrap();
    assert!(rooms.store.frontier().covers(&log.end().await.unwrap()), "everything was read");
    assert_eq!(rooms.withheld.count(), 0);
    let expected = expected(&log).await;
    for (at, expected) in expected.iter().enumerate() {
        assert_eq!(&shown(&views, at).await, expected, "the view of {}", FACILITIES[at].0);
    }
    // And once more from what lies on disk alone.
    drop((rooms, views));
    let (_rooms, views) = open(directory.path(), &log).await;
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
