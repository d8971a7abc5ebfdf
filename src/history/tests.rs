use super::*;
use crate::pipeline::{self, Unhindered, Withheld};
use crate::register::Register;
use event_log::{EventLog, Letter, MemoryLog};
use model::{
    Consent, ConsentChange, ConsentId, ConsentState, DirectoryChange, DisclosureScope, EventId, EventKey, Exceptions,
    Facility, FacilityId, FacilityKind, FacilityStatus, Labels, LinkChange, Message, PatientNumber, Payload, Period,
    Principal, Purpose, PurposeSet, Role, Signer, Version, Viewers, Withdrawal,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use views::{Feeds, Store, StoreConfig, Views};

/// A log on a clock that is set by hand, and the rooms that follow it.
struct House {
    log: Arc<MemoryLog>,
    clock: Arc<AtomicI64>,
    rooms: Rooms,
    history: History,
    /// Everything that was told, with its place and when.
    told: Vec<(Position, i64, Event)>,
    _directory: tempfile::TempDir,
}

fn moment(seconds: i64) -> Moment {
    Moment::parse("2026-10-01").unwrap().plus_micros(seconds * 1_000_000)
}
fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
fn patient(number: u32) -> PatientRef {
    PatientRef::new(facility("hospital"), PatientNumber::parse(&format!("p{number}")).unwrap())
}

impl House {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(0));
        let read = Arc::clone(&clock);
        let log = Arc::new(MemoryLog::with_clock(
            NonZeroU32::new(3).unwrap(),
            Arc::new(move || moment(read.load(Ordering::SeqCst))),
        ));
        // Small commits, so that kept letters lie in segments, are frozen and are in memory.
        let config = StoreConfig { flush_rows: 5, ..StoreConfig::in_dir(directory.path().join("store")) };
        let (store, _) = Store::open(config).await.unwrap();
        let (store, book) = (Arc::new(store), Arc::new(RwLock::new(Book::new())));
        let register = Arc::new(Register::open(&directory.path().join("register"), Arc::clone(&book)).unwrap());
        let feeds = Feeds::new(Arc::clone(&book));
        let _classes = Views::new(Arc::clone(&store), Arc::clone(&book), Arc::clone(&feeds));
        let rooms = Rooms {
            log: Arc::clone(&log) as Arc<dyn EventLog>,
            book,
            store,
            feeds,
            register,
            withheld: Arc::new(Withheld::default()),
            clerk: None,
        };
        let history = History::new(rooms.clone());
        let following = rooms.clone();
        tokio::spawn(async move {
            let clock: pipeline::Clock = Arc::new(|| moment(0));
            pipeline::run(&following, ReadLimit::default(), &clock, &mut Unhindered, CancellationToken::new()).await
        });
        Self { log, clock, rooms, history, told: Vec::new(), _directory: directory }
    }

    /// Appends an event at a second, and waits until it is visible.
    async fn tell(&mut self, second: i64, body: Body) -> Position {
        self.clock.store(second, Ordering::SeqCst);
        let id = EventId::parse(&format!("e{}", self.told.len())).unwrap();
        let event = Event { key: EventKey { source: facility("hospital"), id }, admitted_at: moment(second), body };
        let key = match event.patient() {
            Some(patient) => patient_key(patient),
            None => PartitionKey::Control,
        };
        let letter = Letter { key, event: event.key.digest(), trace: None, payload: wire::write_event(&event) };
        let position = self.log.append(vec![letter]).await.unwrap()[0];
        let mut wanted = Frontier::start();
        wanted.include(position);
        assert!(self.rooms.store.reached(&wanted, Duration::from_secs(20)).await);
        self.told.push((position, second, event));
        position
    }

    /// What was told before a frontier, record by record: the plainest fold.
    fn standing(&self, whose: &PatientRef, frontier: &Frontier) -> Vec<(String, u64)> {
        let mut standing: BTreeMap<RecordId, &Record> = BTreeMap::new();
        for (_, _, event) in self.told.iter().filter(|(position, ..)| frontier.includes(*position)) {
            let Body::Record(record) = &event.body else { continue };
            if standing.get(&record.id).is_none_or(|held| held.version < record.version) {
                standing.insert(record.id.clone(), record);
            }
        }
        let stands =
            standing.values().filter(|record| record.change() != ChangeKind::Delete && record.patient == *whose);
        stands.map(|record| (record.id.as_str().to_owned(), record.version.get())).collect()
    }

    async fn rows(&self, whose: &PatientRef, frontier: &Frontier) -> Vec<(String, u64)> {
        let rows = self.history.rows(whose, frontier, |_, _| true).await.unwrap();
        assert_eq!(rows.unreadable, 0);
        rows.rows.iter().map(|row| (row.record.as_str().to_owned(), row.version)).collect()
    }
}

fn record(id: &str, whose: PatientRef, version: u64, change: ChangeKind) -> Body {
    let text = Payload::Message(Message { subject: String::new(), text: version.to_string() });
    let author = model::Author { member: None, role: Role::Physician };
    let record = Record::new(
        whose,
        RecordId::parse(id).unwrap(),
        Version::new(version).unwrap(),
        Category::Message,
        moment(0),
        moment(0),
        Labels::NONE,
        None,
        author,
        change,
        (change != ChangeKind::Delete).then_some(text),
    );
    Body::Record(Box::new(record.unwrap()))
}

fn consent(id: &str, whose: PatientRef) -> Body {
    Body::Consent(ConsentChange::Given(Consent {
        id: ConsentId::parse(id).unwrap(),
        patient: whose,
        viewers: Viewers::Facilities(vec![facility("clinic")]),
        state: ConsentState::Active,
        supersedes: None,
        period: Period::ALWAYS,
        data_period: Period::ALWAYS,
        categories: model::CategorySet::all(),
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::of(Purpose::Treatment),
        exceptions: Exceptions::none(),
        signer: Signer::Patient,
        taken_by: facility("clinic"),
        signed_at: moment(0),
        form_digest: String::new(),
        paper: Box::default(),
    }))
}

fn withdrawal(id: &str, whose: PatientRef) -> Body {
    let (id, withdrawn_at) = (ConsentId::parse(id).unwrap(), moment(0));
    Body::Consent(ConsentChange::Withdrawn(Withdrawal { id, patient: whose, withdrawn_at }))
}

fn stated(id: &str, kind: FacilityKind) -> Body {
    Body::Directory(DirectoryChange::Facility(Facility {
        id: facility(id),
        kind,
        name: id.to_owned(),
        name_en: id.to_owned(),
        status: FacilityStatus::Active,
    }))
}

fn scope() -> Body {
    let rule = model::ScopeRule {
        categories: model::CategorySet::all(),
        viewer_kinds: model::FacilityKindSet::all(),
        viewer_roles: model::RoleSet::all(),
        departments: Vec::new(),
        author_roles: model::RoleSet::all(),
        labels: Labels::NONE,
        since: None,
        hold_back: model::HoldBack::None,
    };
    Body::Directory(DirectoryChange::Scope(DisclosureScope::of(facility("hospital"), vec![rule])))
}

fn link(number: u32) -> Body {
    Body::Directory(DirectoryChange::Link(LinkChange::Linked(model::Link {
        id: model::LinkId::parse(&format!("l{number}")).unwrap(),
        a: patient(number),
        b: PatientRef::new(facility("clinic"), PatientNumber::parse(&format!("c{number}")).unwrap()),
        evidence: model::LinkEvidence::Manual,
        confirmed_by: model::MemberId::parse("m").unwrap(),
        confirmed_at: moment(0),
    })))
}

#[tokio::test]
async fn a_moment_takes_in_what_the_log_had_taken_in_by_then_and_a_tie_counts() {
    let mut house = House::new().await;
    let one = house.tell(10, stated("hospital", FacilityKind::Hospital)).await;
    let two = house.tell(20, stated("clinic", FacilityKind::Clinic)).await;
    let three = house.tell(20, scope()).await;
    let four = house.tell(20, consent("c-1", patient(1))).await;
    let five = house.tell(30, withdrawal("c-1", patient(1))).await;
    let seen = async |as_of: &AsOf| {
        let place = house.history.place(Some(as_of)).await.unwrap();
        [one, two, three, four, five].map(|position| place.frontier.includes(position))
    };
    assert_eq!(seen(&AsOf::Moment(moment(9))).await, [false; 5]);
    assert_eq!(seen(&AsOf::Moment(moment(10))).await, [true, false, false, false, false]);
    assert_eq!(seen(&AsOf::Moment(moment(20).plus_micros(-1))).await, [true, false, false, false, false]);
    assert_eq!(seen(&AsOf::Moment(moment(20))).await, [true, true, true, true, false]);
    assert_eq!(seen(&AsOf::Moment(moment(99))).await, [true; 5]);
    // Of one partition likewise.
    for second in [9, 10, 20, 99] {
        let whole = house.history.place(Some(&AsOf::Moment(moment(second)))).await.unwrap().frontier;
        for (partition, end) in whole.iter() {
            assert_eq!(house.history.end_at(partition, moment(second)).await.unwrap(), end);
        }
    }
    // A letter: its own partition ends with it, though another of the same moment follows; the others take the tie in.
    assert_eq!(seen(&AsOf::Letter(two)).await, [true, true, false, true, false]);
    assert_eq!(seen(&AsOf::Letter(four)).await, [true, true, true, true, false]);
    assert_eq!(house.history.place(Some(&AsOf::Letter(two))).await.unwrap().moment, Some(moment(20)));
    // What is not there yet is no past.
    let ahead = Position { offset: five.offset.next(), ..five };
    assert!(matches!(house.history.place(Some(&AsOf::Letter(ahead))).await, Err(HistoryError::Ahead)));
    let mut beyond = house.rooms.store.frontier();
    beyond.include(ahead);
    assert!(matches!(house.history.place(Some(&AsOf::Frontier(beyond))).await, Err(HistoryError::Ahead)));
}

#[tokio::test]
async fn the_book_of_a_frontier_is_the_fold_of_the_letters_before_it() {
    let mut house = House::new().await;
    let mut rng = StdRng::seed_from_u64(3);
    house.tell(0, stated("hospital", FacilityKind::Hospital)).await;
    house.tell(0, stated("clinic", FacilityKind::Clinic)).await;
    for second in 1..60 {
        let number = rng.random_range(0..4);
        let id = format!("c-{number}-{}", rng.random_range(0..3));
        let body = match rng.random_range(0..6) {
            0 => scope(),
            1 => link(number),
            2 | 3 => consent(&id, patient(number)),
            4 => withdrawal(&id, patient(number)),
            _ => record(&format!("r{second}"), patient(number), 1, ChangeKind::Upsert),
        };
        house.tell(second, body).await;
        if second % 17 == 0 {
            house.rooms.store.commit().await.unwrap();
        }
    }
    let stop = CancellationToken::new();
    for second in [0, 1, 13, 30, 44, 59] {
        let place = house.history.place(Some(&AsOf::Moment(moment(second)))).await.unwrap();
        let made = house.history.book(&place.frontier, &stop).await.unwrap();
        let mut folded = Book::new();
        for (position, told, event) in &house.told {
            if *told <= second {
                let _ = folded.apply(*position, &event.body);
            }
        }
        assert_eq!(made.read().digest(), folded.digest(), "as of second {second}");
        // Asked again it is the same book and not another.
        assert!(Arc::ptr_eq(&made, &house.history.book(&place.frontier, &stop).await.unwrap()));
    }
    assert_eq!(
        house.history.book(&house.rooms.store.frontier(), &stop).await.unwrap().read().digest(),
        house.rooms.book.read().digest(),
        "as of now it is the node's own"
    );
}

#[tokio::test]
async fn a_book_that_nobody_waits_for_is_not_made() {
    let mut house = House::new().await;
    house.tell(0, stated("hospital", FacilityKind::Hospital)).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let made = house.history.book(&house.rooms.store.frontier(), &stop).await;
    assert!(matches!(made, Err(HistoryError::Cancelled)));
    let rows = house.history.rows(&patient(1), &house.rooms.store.frontier(), |_, _| false).await;
    // Nothing of this patient's partition was read: there is nothing in it.
    assert!(rows.is_ok_and(|rows| rows.rows.is_empty()));
    house.tell(1, record("r", patient(1), 1, ChangeKind::Upsert)).await;
    let rows = house.history.rows(&patient(1), &house.rooms.store.frontier(), |_, _| false).await;
    assert!(matches!(rows, Err(HistoryError::Cancelled)));
}

#[tokio::test]
async fn records_stand_as_they_stood_corrected_deleted_and_moved_to_another_number() {
    let mut house = House::new().await;
    house.tell(0, stated("hospital", FacilityKind::Hospital)).await;
    house.tell(1, record("a", patient(1), 1, ChangeKind::Upsert)).await;
    house.tell(2, record("b", patient(1), 1, ChangeKind::Upsert)).await;
    house.tell(3, record("a", patient(1), 3, ChangeKind::Correct)).await;
    house.tell(4, record("a", patient(1), 2, ChangeKind::Correct)).await;
    house.tell(5, record("b", patient(1), 2, ChangeKind::Delete)).await;
    house.tell(6, record("c", patient(1), 1, ChangeKind::Upsert)).await;
    // The wrong patient: put right under another number, and later taken back there.
    house.tell(7, record("c", patient(2), 2, ChangeKind::Correct)).await;
    house.tell(8, record("d", patient(2), 1, ChangeKind::Upsert)).await;
    house.tell(9, record("c", patient(2), 3, ChangeKind::Delete)).await;
    house.tell(10, record("b", patient(1), 4, ChangeKind::Upsert)).await;
    // What is superseded leaves the tables; the log keeps it.
    house.rooms.store.commit().await.unwrap();
    house.rooms.store.compact().await.unwrap();
    let mut seen = Vec::new();
    for second in 0..=10 {
        let place = house.history.place(Some(&AsOf::Moment(moment(second)))).await.unwrap();
        for number in [1, 2, 3] {
            let rows = house.rows(&patient(number), &place.frontier).await;
            assert_eq!(rows, house.standing(&patient(number), &place.frontier), "second {second}, patient {number}");
            seen.push(rows);
        }
        // One record alone, looked for by its name.
        for id in ["a", "b"] {
            let named = RecordRef { source: facility("hospital"), id: RecordId::parse(id).unwrap() };
            let row = house.history.row(&named, &place.frontier).await.unwrap().map(|row| (id.to_owned(), row.version));
            let standing = house.standing(&patient(1), &place.frontier);
            assert_eq!(row, standing.into_iter().find(|(stands, _)| stands == id), "second {second}");
        }
    }
    let versions = |second: usize, number: usize| seen[second * 3 + number - 1].clone();
    assert_eq!(versions(2, 1), [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    assert_eq!(versions(6, 1), [("a".to_owned(), 3), ("c".to_owned(), 1)]);
    assert_eq!((versions(7, 1), versions(7, 2)), (vec![("a".to_owned(), 3)], vec![("c".to_owned(), 2)]));
    assert_eq!(versions(10, 2), [("d".to_owned(), 1)]);
}

#[tokio::test]
async fn what_was_withdrawn_later_was_shown_before() {
    let mut house = House::new().await;
    for body in [stated("hospital", FacilityKind::Hospital), stated("clinic", FacilityKind::Clinic), scope(), link(1)] {
        house.tell(0, body).await;
    }
    house.tell(1, consent("c-1", patient(1))).await;
    house.tell(2, record("r", patient(1), 1, ChangeKind::Upsert)).await;
    house.tell(3, withdrawal("c-1", patient(1))).await;
    let clinic =
        Principal { facility: facility("clinic"), member: None, role: Role::System, purpose: Purpose::Treatment };
    let row = house.history.rows(&patient(1), &house.rooms.store.frontier(), |_, _| true).await.unwrap().rows.remove(0);
    let mut shown = Vec::new();
    for second in 0..4 {
        let place = house.history.place(Some(&AsOf::Moment(moment(second)))).await.unwrap();
        let book = house.history.book(&place.frontier, &CancellationToken::new()).await.unwrap();
        let mut book = book.write();
        let facts = row.facts(&mut book);
        shown.push(book.decide(&facts, &clinic, moment(second)).is_permit());
    }
    assert_eq!(shown, [false, true, true, false]);
}
