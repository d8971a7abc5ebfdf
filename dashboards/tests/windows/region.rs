//! A hospital, a clinic it discloses two patients to, and a stranger; and the router over them.

use async_trait::async_trait;
use axum::Router;
use axum::body::Body as HttpBody;
use axum::http::{Request, Response};
use consent_filter::Book;
use dashboards::{Asked, Declined, Office, Why};
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use model::*;
use parking_lot::RwLock;
use query::beds::Boards;
use query::{AuthError, Authenticator, Executor, Limits, ReadingRoom, ViewSource};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tower::ServiceExt as _;
use views::{Feeds, Put, Store, StoreConfig, Views};

pub const HOSPITAL: &str = "hospital";
pub const CLINIC: &str = "clinic";
pub const STRANGER: &str = "stranger";
/// The hospital's patients; the first two are linked to the clinic's numbers and consented.
pub const PATIENTS: usize = 5;
/// Laboratory results of each of them at the hospital.
pub const RESULTS: usize = 4;
pub const HBA1C: &str = "3D046000001906202";

pub struct Region {
    pub room: Arc<ReadingRoom>,
    pub views: Arc<Views>,
    pub router: Router,
    /// Whether tokens are still accepted.
    pub accepts: Arc<AtomicBool>,
    next: [AtomicU64; 2],
    _dir: TempDir,
}

pub fn token(facility: &str, role: Role) -> String {
    format!("test/{facility}/{}", role.code())
}

pub fn physician(facility: &str) -> String {
    token(facility, Role::Physician)
}

struct Tokens(Arc<AtomicBool>);

#[async_trait]
impl Authenticator for Tokens {
    async fn token(&self, bearer: &str) -> Result<Principal, AuthError> {
        let known = || {
            let (facility, role) = bearer.strip_prefix("test/")?.split_once('/')?;
            Some(Principal {
                facility: FacilityId::parse(facility).ok()?,
                member: Some(MemberId::parse(&format!("dr@{facility}")).ok()?),
                role: role.parse().ok()?,
                purpose: Purpose::Treatment,
            })
        };
        let refused = || AuthError::Refused { reason: "it is not signed by a known key".to_owned() };
        if !self.0.load(Ordering::Relaxed) {
            return Err(refused());
        }
        known().ok_or_else(refused)
    }
}

pub fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}

fn patient(at: &str, number: usize) -> PatientRef {
    PatientRef::new(facility(at), PatientNumber::parse(&format!("{at}-{number:04}")).unwrap())
}

fn then() -> Moment {
    Moment::parse("2026-04-01").unwrap()
}

/// A moment some days before now.
#[derive(Clone, Copy)]
pub struct Ago(Moment);

pub fn days_ago(days: i64) -> Ago {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    Ago(Moment::from_micros(i64::try_from(now).unwrap() - days * 86_400_000_000).unwrap())
}

impl Ago {
    /// Its day in Japan.
    pub fn day(self) -> String {
        let japan = self.0.plus_micros(9 * 3_600_000_000).to_string();
        japan.split('T').next().unwrap().to_owned()
    }
}

fn consent_id(number: usize) -> ConsentId {
    ConsentId::parse(&format!("consent-{number}")).unwrap()
}

/// An office with nobody in it: what is tried of rows asks it nothing.
struct Nobody;

impl Office for Nobody {
    fn answer<'a>(&'a self, _: &'a str, _: Asked) -> BoxFuture<'a, Result<serde_json::Value, Declined>> {
        let declined = Declined { why: Why::Unavailable, message: "nobody is in".to_owned() };
        Box::pin(async { Err(declined) })
    }
}

impl Region {
    pub async fn open() -> Self {
        Self::with(Arc::new(Nobody)).await
    }

    /// With this office.
    pub async fn with(office: Arc<dyn Office>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(StoreConfig::in_dir(dir.path())).await.unwrap();
        let book = Arc::new(RwLock::new(Book::new()));
        let feeds = Feeds::new(Arc::clone(&book));
        let views = Arc::new(Views::new(Arc::new(store), book, feeds));
        let source: Arc<dyn ViewSource> = Arc::clone(&views) as Arc<dyn ViewSource>;
        let room = ReadingRoom::open(source, Limits::default(), Executor::start(2).unwrap()).unwrap();
        let accepts = Arc::new(AtomicBool::new(true));
        let charts = Arc::new(query::beds::NoCharts);
        let boards = Boards::new(room.clone(), Arc::clone(&views), charts);
        let (tokens, boards) = (Arc::new(Tokens(Arc::clone(&accepts))), Arc::new(boards));
        let router = dashboards::router(room.clone(), Arc::clone(&views), boards, tokens, office);
        let region = Self { room, views, router, accepts, next: [const { AtomicU64::new(0) }; 2], _dir: dir };
        region.found();
        region
    }

    /// One request's whole way through the router.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Response<HttpBody> {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.router.clone().oneshot(request.body(HttpBody::empty()).unwrap()).await.unwrap()
    }

    /// The JSON a request is answered with, and its status.
    pub async fn json(&self, path: &str, token: &str) -> (u16, serde_json::Value) {
        let response = self.get(path, Some(token)).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    fn found(&self) {
        for (id, kind, name) in [
            (HOSPITAL, FacilityKind::Hospital, "県立あじさい病院"),
            (CLINIC, FacilityKind::Clinic, "さくら医院"),
            (STRANGER, FacilityKind::Clinic, "となり町医院"),
        ] {
            self.say(Body::Directory(DirectoryChange::Facility(Facility {
                id: facility(id),
                kind,
                name: name.to_owned(),
                name_en: format!("The {id}"),
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
            self.say(Body::Directory(DirectoryChange::Link(LinkChange::Linked(Link {
                id: LinkId::parse(&format!("link-{number}")).unwrap(),
                a: patient(HOSPITAL, number),
                b: patient(CLINIC, number),
                evidence: LinkEvidence::ConsentForm,
                confirmed_by: MemberId::parse("dr@clinic").unwrap(),
                confirmed_at: then(),
            }))));
            self.consent(number);
        }
        for number in 0..PATIENTS {
            for result in 0..RESULTS {
                self.result(HOSPITAL, number, result, 5.0 + result as f64);
            }
        }
        self.result(STRANGER, 0, 0, 99.0);
    }

    fn consent(&self, number: usize) {
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

    pub fn withdraw(&self, number: usize) {
        self.say(Body::Consent(ConsentChange::Withdrawn(Withdrawal {
            id: consent_id(number),
            patient: patient(HOSPITAL, number),
            withdrawn_at: then(),
        })));
    }

    /// A result of the `result`-th day.
    pub fn result(&self, at: &str, number: usize, result: usize, value: f64) {
        let payload = Payload::Laboratory(LabResult {
            code: Coding { system: CodeSystem::Jlac10, code: HBA1C.to_owned(), display: "HbA1c".to_owned() },
            value: Value::Quantity { value, unit: "%".to_owned(), comparator: String::new() },
            reference_low: Some(4.6),
            reference_high: Some(6.2),
            flag: String::new(),
            specimen: String::new(),
            status: LabStatus::Final,
            order: String::new(),
            note: String::new(),
        });
        let occurred = then().plus_micros(result as i64 * 86_400_000_000);
        let record = Record::new(
            patient(at, number),
            RecordId::parse(&format!("{at}/{number}/{result}")).unwrap(),
            Version::FIRST,
            Category::Laboratory,
            occurred,
            occurred,
            Labels::NONE,
            None,
            Author { member: None, role: Role::Physician },
            ChangeKind::Upsert,
            Some(payload),
        );
        self.say(Body::Record(Box::new(record.unwrap())));
    }

    /// Half a second of a cardiotocogram of one of the hospital's patients, whose first sample was measured at `from`.
    pub fn wave(&self, number: usize, sequence: u64, from: Moment) {
        let moves = (sequence % 9) as f32;
        self.waves(number, sequence, from, [&[140.0 + moves, 141.5 + moves], &[8.0, 8.0], &[80.0, 81.0 + moves]]);
    }

    /// So many samples of the fetus, of the uterus and of the mother's pulse, four a second.
    pub fn waves(&self, number: usize, sequence: u64, from: Moment, of: [&[f32]; 3]) {
        let frame = |channel: &str, values: &[f32]| WaveformFrame {
            channel: WaveformChannel::from_code(channel).unwrap(),
            samples: values.to_vec(),
            quality: vec![FrameQuality::Good; values.len()],
        };
        let payload = Payload::Waveform(Waveform {
            session: format!("bed-{number}"),
            device: "CTG-1".to_owned(),
            hertz: 4.0,
            sequence,
            frames: ["fhr1", "uc", "mhr"].into_iter().zip(of).map(|(channel, values)| frame(channel, values)).collect(),
            hops: Hops::default(),
            held_back: false,
        });
        let record = Record::new(
            patient(HOSPITAL, number),
            RecordId::parse(&format!("{number}/wave/{sequence}")).unwrap(),
            Version::FIRST,
            Category::Waveform,
            from,
            from,
            Labels::NONE,
            None,
            Author { member: None, role: Role::System },
            ChangeKind::Upsert,
            Some(payload),
        );
        self.say(Body::Record(Box::new(record.unwrap())));
    }

    /// An entry of the pregnancy record of one of the hospital's patients.
    pub fn entry(&self, number: usize, code: &str, value: Value, at: Ago) {
        let code = Coding { system: CodeSystem::Local, code: code.to_owned(), display: String::new() };
        let id = format!("{number}/{}/{}", code.code, at.0.micros());
        self.noted(number, &id, at, Payload::Perinatal(Perinatal { code, gestational_days: None, value }));
    }

    /// That monitoring of one of the hospital's patients begins.
    pub fn bed(&self, number: usize, at: Ago) {
        let payload = Payload::Bed(BedSession {
            session: format!("bed-{number}"),
            bed: format!("LDR {number}"),
            opened: at.0,
            closed: None,
            closing: String::new(),
            fetuses: vec!["児".to_owned()],
            devices: Vec::new(),
        });
        self.noted(number, &format!("{number}/bed"), at, payload);
    }

    fn noted(&self, number: usize, id: &str, Ago(at): Ago, payload: Payload) {
        let record = Record::new(
            patient(HOSPITAL, number),
            RecordId::parse(id).unwrap(),
            Version::FIRST,
            payload.category(),
            at,
            at,
            Labels::NONE,
            None,
            Author { member: None, role: Role::Midwife },
            ChangeKind::Upsert,
            Some(payload),
        );
        self.say(Body::Record(Box::new(record.unwrap())));
    }

    /// One event's way, as the pipeline walks it.
    fn say(&self, body: Body) {
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
                feeds.splice(&book, position, &applied.touched);
            }
        }
        let mut frontier = store.frontier();
        frontier.include(position);
        store.publish(&frontier).unwrap();
        feeds.published(store);
    }

    /// What an idle pipeline does ten times a second.
    pub fn beat(&self) {
        let store = self.views.store();
        store.publish(&store.frontier()).unwrap();
        self.views.feeds().published(store);
    }
}
