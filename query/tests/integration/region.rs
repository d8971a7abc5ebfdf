//! The real record store, the real book and a small region: what exists for whom, over all three doors.

use crate::house;
use crate::pg_client::Client;
use consent_filter::Book;
use model::*;
use parking_lot::RwLock;
use query::{Executor, FeedDesk, Limits, ReadingRoom, ViewSource};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use views::{Feeds, Put, Store, StoreConfig, Views};

pub const HOSPITAL: &str = "hospital";
pub const CLINIC: &str = "clinic";
pub const STRANGER: &str = "stranger";
/// How many patients the hospital has; the first two gave consent for the clinic and are linked to its numbers.
pub const PATIENTS: usize = 5;
/// How many laboratory results each of them has at the hospital.
pub const RESULTS: usize = 4;

pub struct Region {
    pub views: Arc<Views>,
    pub room: Arc<ReadingRoom>,
    pub grpc: SocketAddr,
    pub postgres: SocketAddr,
    pub feed: SocketAddr,
    next: [AtomicU64; 2],
    _dir: TempDir,
}

pub fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}

pub fn patient(at: &str, number: usize) -> PatientRef {
    PatientRef::new(facility(at), PatientNumber::parse(&format!("{at}-{number:04}")).unwrap())
}

fn then() -> Moment {
    Moment::parse("2026-04-01").unwrap()
}

fn consent_id(number: usize) -> ConsentId {
    ConsentId::parse(&format!("consent-{number}")).unwrap()
}

impl Region {
    pub async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(StoreConfig::in_dir(dir.path())).await.unwrap();
        let book = Arc::new(RwLock::new(Book::new()));
        let feeds = Feeds::new(Arc::clone(&book));
        let views = Arc::new(Views::new(Arc::new(store), book, feeds));
        let source: Arc<dyn ViewSource> = Arc::clone(&views) as Arc<dyn ViewSource>;
        let room = ReadingRoom::open(source, Limits::default(), Executor::start(2).unwrap()).unwrap();
        let (grpc, postgres) = house::serve(&room).await;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let feed = listener.local_addr().unwrap();
        let desk = tonic::service::interceptor::InterceptedService::new(
            FeedDesk::service(Arc::clone(&views)),
            house::identify,
        );
        tokio::spawn(Server::builder().add_service(desk).serve_with_incoming(TcpIncoming::from(listener)));

        let region = Self { views, room, grpc, postgres, feed, next: [const { AtomicU64::new(0) }; 2], _dir: dir };
        region.found();
        region
    }

    /// Facilities, members, the hospital's scope, links and consents, and records of two facilities.
    fn found(&self) {
        for (id, kind) in
            [(HOSPITAL, FacilityKind::Hospital), (CLINIC, FacilityKind::Clinic), (STRANGER, FacilityKind::Clinic)]
        {
            self.say(Body::Directory(DirectoryChange::Facility(Facility {
                id: facility(id),
                kind,
                name: id.to_owned(),
                name_en: String::new(),
                status: FacilityStatus::Active,
            })));
            self.say(Body::Directory(DirectoryChange::Member(Member {
                id: MemberId::parse(&format!("dr@{id}")).unwrap(),
                facility: facility(id),
                role: Role::Physician,
                name: id.to_owned(),
                period: Period::ALWAYS,
            })));
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
        let scope = DisclosureScope::of(facility(HOSPITAL), vec![rule]);
        self.say(Body::Directory(DirectoryChange::Scope(scope)));
        for number in 0..2 {
            self.link(number);
            self.consent(number);
        }
        for number in 0..PATIENTS {
            for result in 0..RESULTS {
                self.result(HOSPITAL, number, result, 5.0 + number as f64);
            }
        }
        self.result(STRANGER, 0, 0, 99.0);
    }

    fn link(&self, number: usize) {
        self.say(Body::Directory(DirectoryChange::Link(LinkChange::Linked(Link {
            id: LinkId::parse(&format!("link-{number}")).unwrap(),
            a: patient(HOSPITAL, number),
            b: patient(CLINIC, number),
            evidence: LinkEvidence::ConsentForm,
            confirmed_by: MemberId::parse("dr@clinic").unwrap(),
            confirmed_at: then(),
        }))));
    }

    pub fn consent(&self, number: usize) {
        self.say(Body::Consent(ConsentChange::Given(Consent {
            id: consent_id(number),
            patient: patient(HOSPITAL, number),
            viewers: Viewers::Facilities(vec![facility(CLINIC)]),
            state: ConsentState::Active,
            supersedes: None,
            period: Period::ALWAYS,
            data_period: Period::ALWAYS,
            categories: CategorySet::all(),
            departments: Vec::new(),
            labels: Labels::NONE,
            purposes: PurposeSet::of(Purpose::Treatment),
            exceptions: Exceptions::none(),
            signer: Signer::Patient,
            taken_by: facility(CLINIC),
            signed_at: then(),
            form_digest: String::new(),
            paper: Box::default(),
        })));
    }

    pub fn withdraw(&self, number: usize) -> Position {
        self.say(Body::Consent(ConsentChange::Withdrawn(Withdrawal {
            id: consent_id(number),
            patient: patient(HOSPITAL, number),
            withdrawn_at: then(),
        })))
    }

    /// The facility's physician leaves.
    pub fn leave(&self, at: &str) -> Position {
        self.say(Body::Directory(DirectoryChange::Member(Member {
            id: MemberId::parse(&format!("dr@{at}")).unwrap(),
            facility: facility(at),
            role: Role::Physician,
            name: at.to_owned(),
            period: Period::new(None, Some(then())).unwrap(),
        })))
    }

    pub fn result(&self, at: &str, number: usize, result: usize, value: f64) -> Position {
        let payload = Payload::Laboratory(LabResult {
            code: Coding {
                system: CodeSystem::Jlac10,
                code: "3D046000001906202".to_owned(),
                display: "HbA1c".to_owned(),
            },
            value: Value::Quantity { value, unit: "%".to_owned(), comparator: String::new() },
            reference_low: Some(4.6),
            reference_high: Some(6.2),
            flag: String::new(),
            specimen: String::new(),
            status: LabStatus::Final,
            order: String::new(),
            note: String::new(),
        });
        let record = Record::new(
            patient(at, number),
            RecordId::parse(&format!("{at}/{number}/{result}")).unwrap(),
            Version::FIRST,
            Category::Laboratory,
            then(),
            then(),
            Labels::NONE,
            None,
            Author { member: None, role: Role::Physician },
            ChangeKind::Upsert,
            Some(payload),
        );
        self.say(Body::Record(Box::new(record.unwrap())))
    }

    /// One event's way, as the pipeline walks it.
    pub fn say(&self, body: Body) -> Position {
        let partition = usize::from(!matches!(body, Body::Directory(_)));
        let offset = self.next[partition].fetch_add(1, Ordering::Relaxed);
        let position = Position::new(partition as u32, offset);
        let (store, feeds) = (self.views.store(), self.views.feeds());
        let now = then().plus_micros(i64::from(u32::MAX));
        match body {
            Body::Record(record) => {
                let record: Arc<Record> = Arc::from(record);
                let facts = self.views.book().write().facts(&record);
                let outcome = store.put(position, &record, &facts);
                let book = self.views.book().read();
                let mut audience = consent_filter::Audience::default();
                book.audience(&facts, now, &mut audience);
                feeds.publish(&book, &Put { position, record: &record, admitted: now, facts, outcome }, &audience, now);
            }
            body => {
                let mut book = self.views.book().write();
                let applied = book.apply(position, &body);
                let _ = feeds.splice(&book, position, &applied.touched);
            }
        }
        let mut frontier = store.frontier();
        frontier.include(position);
        store.publish(&frontier).unwrap();
        feeds.published(store);
        position
    }
}

async fn count(region: &Region, facility: &str) -> String {
    let mut client = Client::connect(region.postgres, &house::physician(facility)).await.unwrap();
    client.value("SELECT count(*) FROM laboratory").await
}

#[tokio::test]
async fn each_facility_sees_its_own_rows_and_those_opened_to_it() {
    let region = Region::open().await;
    assert_eq!(count(&region, HOSPITAL).await, (PATIENTS * RESULTS).to_string());
    assert_eq!(count(&region, CLINIC).await, (2 * RESULTS).to_string());
    assert_eq!(count(&region, STRANGER).await, "1");
    let mut clerk =
        Client::connect(region.postgres, &house::token(HOSPITAL, Role::Clerk, Purpose::Treatment)).await.unwrap();
    assert_eq!(clerk.value("SELECT count(*) FROM laboratory").await, "0");
    let research = house::token(CLINIC, Role::Physician, Purpose::Research);
    let mut research = Client::connect(region.postgres, &research).await.unwrap();
    assert_eq!(research.value("SELECT count(*) FROM laboratory").await, "0");
}

#[tokio::test]
async fn a_clinics_sql_finds_no_trace_of_what_is_not_its_own() {
    let region = Region::open().await;
    crate::sql::check(&region.room, &house::principal(CLINIC), "clinic.slt").await;
}

#[tokio::test]
async fn a_plan_says_the_same_whether_or_not_hidden_rows_exist() {
    let (with, without) = (Region::open().await, Region::open().await);
    for result in 0..200 {
        with.result(HOSPITAL, 3, 100 + result, 7.0);
        with.result(STRANGER, 1, 100 + result, 7.0);
    }
    for sql in [
        "EXPLAIN SELECT count(*) FROM laboratory",
        "EXPLAIN SELECT source, avg(value_number) FROM laboratory WHERE patient_id = 'hospital-0003' GROUP BY source",
        "EXPLAIN VERBOSE SELECT * FROM laboratory ORDER BY occurred LIMIT 3",
    ] {
        let mut plans = Vec::new();
        for region in [&with, &without] {
            let mut client = Client::connect(region.postgres, &house::physician(CLINIC)).await.unwrap();
            plans.push(client.query(sql).await.unwrap());
        }
        assert_eq!(plans[0], plans[1], "{sql}");
    }
}

#[tokio::test]
async fn an_error_of_a_hidden_row_does_not_happen() {
    let region = Region::open().await;
    // Of the hospital's rows only hidden ones have 8.0 there: a division by zero would betray them.
    let mut clinic = Client::connect(region.postgres, &house::physician(CLINIC)).await.unwrap();
    let sql = "SELECT count(*) FROM laboratory WHERE 1 / CAST(value_number - 8.0 AS INT) IS NOT NULL";
    assert_eq!(clinic.value(sql).await, (2 * RESULTS).to_string());
    let mut hospital = Client::connect(region.postgres, &house::physician(HOSPITAL)).await.unwrap();
    assert_eq!(hospital.query(sql).await.unwrap_err().sqlstate, "22000");
}

#[tokio::test]
async fn a_withdrawal_holds_in_what_is_asked_for_after_it_even_by_statements_prepared_before() {
    let region = Region::open().await;
    let mut clinic = Client::connect(region.postgres, &house::physician(CLINIC)).await.unwrap();
    assert_eq!(clinic.value("SELECT count(*) FROM laboratory").await, (2 * RESULTS).to_string());
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", region.grpc)).unwrap();
    let mut flight = arrow_flight::sql::client::FlightSqlServiceClient::new(channel.connect().await.unwrap());
    flight.set_token(house::physician(CLINIC));
    let mut prepared = flight.prepare("SELECT record_id FROM laboratory".to_owned(), None).await.unwrap();

    let position = region.withdraw(1);
    clinic.query(&format!("SET ajisai.at_least = '{position}'")).await.unwrap();
    assert_eq!(clinic.value("SELECT count(*) FROM laboratory").await, RESULTS.to_string());
    let info = prepared.execute().await.unwrap();
    let rows = flight.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let batches: Vec<arrow::record_batch::RecordBatch> = futures::TryStreamExt::try_collect(rows).await.unwrap();
    assert_eq!(batches.iter().map(arrow::record_batch::RecordBatch::num_rows).sum::<usize>(), RESULTS);
}

// === Feed ===

use wire::v1;
use wire::v1::feed_item::Item;
use wire::v1::feed_service_client::FeedServiceClient;
use wire::v1::watch_request::From as Start;

async fn watch(
    region: &Region,
    token: &str,
    from: Start,
    categories: Vec<i32>,
) -> Result<tonic::Streaming<v1::FeedItem>, tonic::Status> {
    let mut client = FeedServiceClient::connect(format!("http://{}", region.feed)).await.unwrap();
    let mut request = tonic::Request::new(v1::WatchRequest { from: Some(from), categories, heartbeat_ms: 100 });
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    client.watch(request).await.map(tonic::Response::into_inner)
}

/// Items up to the first heartbeat that stands at `at` or beyond.
async fn until(feed: &mut tonic::Streaming<v1::FeedItem>, at: Position) -> (Vec<Item>, v1::Frontier) {
    let mut items = Vec::new();
    loop {
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), feed.message()).await;
        match next.unwrap().unwrap().unwrap().item.unwrap() {
            Item::Heartbeat(beat) => {
                let frontier = beat.frontier.unwrap();
                if Frontier::from(frontier.clone()).includes(at) {
                    return (items, frontier);
                }
            }
            item => items.push(item),
        }
    }
}

#[tokio::test]
async fn a_watch_shows_history_then_what_comes_and_what_goes() {
    let region = Region::open().await;
    let start = Start::Frontier(v1::Frontier::default());
    let mut feed = watch(&region, &house::physician(CLINIC), start, Vec::new()).await.unwrap();
    let (history, _) = until(&mut feed, Position::new(0, 0)).await;
    assert_eq!(history.len(), 2 * RESULTS);
    assert!(history.iter().all(|item| matches!(item, Item::Appeared(appeared) if appeared.historic)));

    region.result(HOSPITAL, 4, 50, 9.0);
    let at = region.result(HOSPITAL, 0, 50, 9.0);
    let (live, frontier) = until(&mut feed, at).await;
    assert!(matches!(live.as_slice(), [Item::Appeared(appeared)] if !appeared.historic), "{}", live.len());

    let gone = region.withdraw(0);
    let (vanished, _) = until(&mut feed, gone).await;
    assert_eq!(vanished.len(), RESULTS + 1);
    assert!(vanished.iter().all(|item| matches!(item, Item::Vanished(gone) if gone.reason == "withheld")));

    let mut resumed = watch(&region, &house::physician(CLINIC), Start::Frontier(frontier), Vec::new()).await.unwrap();
    let (again, _) = until(&mut resumed, gone).await;
    assert_eq!(again.len(), RESULTS + 1, "what came after the heartbeat comes again");
}

#[tokio::test]
async fn a_watch_begins_only_where_there_is_something_to_begin_with() {
    let region = Region::open().await;
    let mut ahead = Frontier::start();
    ahead.include(Position::new(1, 1_000_000));
    let ahead = Start::Frontier((&ahead).into());
    let status = watch(&region, &house::physician(CLINIC), ahead, Vec::new()).await.err().unwrap();
    assert_eq!(status.code(), tonic::Code::OutOfRange);
    let clerk = house::token(CLINIC, Role::Clerk, Purpose::Treatment);
    let status = watch(&region, &clerk, Start::Now(v1::Now {}), Vec::new()).await.err().unwrap();
    assert_eq!(status.code(), tonic::Code::PermissionDenied);
    let status = watch(&region, "forged", Start::Now(v1::Now {}), Vec::new()).await.err().unwrap();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
    let status = watch(&region, &house::physician(CLINIC), Start::Now(v1::Now {}), vec![99]).await.err().unwrap();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn a_watch_of_other_categories_is_quiet() {
    let region = Region::open().await;
    let start = Start::Frontier(v1::Frontier::default());
    let medication = vec![v1::Category::Medication as i32];
    let mut feed = watch(&region, &house::physician(CLINIC), start, medication).await.unwrap();
    let at = region.result(HOSPITAL, 0, 60, 9.0);
    assert!(until(&mut feed, at).await.0.is_empty());
}

// === psql ===

#[tokio::test]
async fn psql_lists_describes_and_reads() {
    let region = Region::open().await;
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/psql.sh");
    let output = tokio::process::Command::new("sh")
        .arg(script)
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", region.postgres.port().to_string())
        .env("AJISAI_TOKEN", house::physician(CLINIC))
        .env("AJISAI_FACILITY", CLINIC)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
