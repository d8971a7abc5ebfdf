//! A world that can be told things its viewer must not notice.

use crate::house;
use consent_filter::{Audience, Book};
use model::*;
use parking_lot::{Mutex, RwLock};
use query::{Executor, Limits, ReadingRoom, ViewSource};
use rand::Rng;
use rand::rngs::StdRng;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use views::{FeedItem, FeedStart, Feeds, Put, Store, StoreConfig, Subscription, Views};

/// What happens to a world.
#[derive(Clone)]
pub enum Deed {
    /// An event of both worlds.
    Say(Body),
    /// An event of one world, of which the viewers must notice nothing.
    Hide(Body),
    /// The store commits.
    Commit,
    /// The store merges files.
    Merge,
}

/// Those who must notice nothing: a person, a machine, and one who sees nothing of others.
pub const VIEWERS: [fn() -> Principal; 3] = [
    || house::principal("clinic"),
    || Principal { member: None, role: Role::System, ..house::principal("clinic") },
    || Principal { purpose: Purpose::Research, ..house::principal("clinic") },
];

pub struct Twin {
    pub views: Arc<Views>,
    pub room: Arc<ReadingRoom>,
    pub grpc: SocketAddr,
    pub postgres: SocketAddr,
    /// By partition: how many events of both worlds there were, and how many hidden ones since the last of them.
    next: Mutex<[(u64, u64); 2]>,
    _dir: TempDir,
}

/// Room for hidden events between two of both worlds, so that those have the same positions.
const ROOM: u64 = 1_000;

fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
fn patient(at: &str, number: u32) -> PatientRef {
    PatientRef::new(facility(at), PatientNumber::parse(&format!("{at}-{number:04}")).unwrap())
}
fn day(day: i64) -> Moment {
    Moment::parse("2026-03-01").unwrap().plus_micros(day * 86_400_000_000)
}

impl Twin {
    pub async fn open(deeds: Vec<Deed>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig { merge_files: 2, ..StoreConfig::in_dir(dir.path()) };
        let (store, _) = Store::open(config).await.unwrap();
        let book = Arc::new(RwLock::new(Book::new()));
        let feeds = Feeds::new(Arc::clone(&book));
        let views = Arc::new(Views::new(Arc::new(store), book, feeds));
        let source: Arc<dyn ViewSource> = Arc::clone(&views) as Arc<dyn ViewSource>;
        let room = ReadingRoom::open(source, Limits::default(), Executor::start(2).unwrap()).unwrap();
        let (grpc, postgres) = house::serve(&room).await;
        let twin = Self { views, room, grpc, postgres, next: Mutex::new([(0, 0); 2]), _dir: dir };
        for deed in deeds {
            twin.deed(deed).await;
        }
        twin
    }

    pub async fn deed(&self, deed: Deed) {
        match deed {
            Deed::Say(body) => self.tell(body, false),
            Deed::Hide(body) => self.tell(body, true),
            Deed::Commit => drop(self.views.store().commit().await.unwrap()),
            Deed::Merge => drop(self.views.store().compact().await.unwrap()),
        }
    }

    fn tell(&self, body: Body, hidden: bool) {
        let partition = usize::from(!matches!(body, Body::Directory(_)));
        let position = {
            let (said, since) = &mut self.next.lock()[partition];
            if hidden {
                *since += 1;
                assert!(*since < ROOM);
            } else {
                (*said, *since) = (*said + 1, 0);
            }
            Position::new(partition as u32, *said * ROOM + *since)
        };
        let (store, feeds) = (self.views.store(), self.views.feeds());
        let now = day(100);
        let mut book = self.views.book().write();
        match body {
            Body::Record(record) => {
                let record: Arc<Record> = Arc::from(record);
                let facts = book.facts(&record);
                let outcome = store.put(position, &record, &facts);
                let mut audience = Audience::default();
                book.audience(&facts, now, &mut audience);
                feeds.publish(&book, &Put { position, record: &record, admitted: now, facts, outcome }, &audience, now);
            }
            body => {
                let applied = book.apply(position, &body);
                let _ = feeds.splice(&book, position, &applied.touched);
            }
        }
        drop(book);
        let mut frontier = store.frontier();
        frontier.include(position);
        store.publish(&frontier).unwrap();
        feeds.published(store);
    }

    pub fn listen(&self, viewer: &Principal) -> Subscription {
        self.views.feeds().subscribe(self.views.store(), viewer, FeedStart::Beginning, CategorySet::all())
    }

    /// What a feed says until it stands where the store does.
    pub async fn said(&self, feed: &mut Subscription) -> Vec<String> {
        let upto = self.views.store().frontier();
        let mut told = Vec::new();
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), feed.next(Duration::from_millis(5)));
            match next.await.unwrap().unwrap().unwrap() {
                FeedItem::Heartbeat { frontier, .. } if frontier.covers(&upto) => return told,
                FeedItem::Heartbeat { .. } => {}
                item => told.push(format!("{item:?}")),
            }
        }
    }
}

// === what both worlds are told ===

fn directory(id: &str, kind: FacilityKind) -> Body {
    let (name, name_en, status) = (id.to_owned(), String::new(), FacilityStatus::Active);
    Body::Directory(DirectoryChange::Facility(Facility { id: facility(id), kind, name, name_en, status }))
}

fn member(id: &str, at: &str, role: Role) -> Body {
    let (id, name) = (MemberId::parse(id).unwrap(), id.to_owned());
    Body::Directory(DirectoryChange::Member(Member { id, facility: facility(at), role, name, period: Period::ALWAYS }))
}

fn rule(categories: CategorySet) -> ScopeRule {
    ScopeRule {
        categories,
        viewer_kinds: FacilityKindSet::all(),
        viewer_roles: RoleSet::all(),
        departments: Vec::new(),
        author_roles: RoleSet::all(),
        labels: Labels::NONE,
        since: None,
        hold_back: HoldBack::None,
    }
}

fn scope(at: &str, categories: CategorySet) -> Body {
    Body::Directory(DirectoryChange::Scope(DisclosureScope::of(facility(at), vec![rule(categories)])))
}

fn link(id: &str, a: PatientRef, b: PatientRef) -> Body {
    Body::Directory(DirectoryChange::Link(LinkChange::Linked(Link {
        id: LinkId::parse(id).unwrap(),
        a,
        b,
        evidence: LinkEvidence::ConsentForm,
        confirmed_by: MemberId::parse("dr@clinic").unwrap(),
        confirmed_at: day(0),
    })))
}

fn consent(id: &str, patient: PatientRef, viewers: &[&str]) -> Consent {
    Consent {
        id: ConsentId::parse(id).unwrap(),
        patient,
        viewers: Viewers::Facilities(viewers.iter().map(|id| facility(id)).collect()),
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
        taken_by: facility("reception"),
        signed_at: day(0),
        form_digest: String::new(),
        paper: Box::default(),
    }
}

fn given(consent: Consent) -> Body {
    Body::Consent(ConsentChange::Given(consent))
}

fn withdrawn(id: &str, patient: PatientRef) -> Body {
    let id = ConsentId::parse(id).unwrap();
    Body::Consent(ConsentChange::Withdrawn(Withdrawal { id, patient, withdrawn_at: day(1) }))
}

fn coding(code: &str) -> Coding {
    Coding { system: CodeSystem::Local, code: code.to_owned(), display: code.to_owned() }
}

/// What a record says: a value that only hidden ones have, or one that only others have.
fn payload(category: Category, hides: bool, rng: &mut StdRng) -> Payload {
    let text = |seen: String| if hides { "hidden".to_owned() } else { seen };
    match category {
        Category::Laboratory => Payload::Laboratory(LabResult {
            code: coding(&text(format!("code-{}", rng.random_range(0..3)))),
            value: match (rng.random_bool(0.7), hides) {
                (true, true) => Value::Quantity { value: 8.0, unit: "hidden".into(), comparator: String::new() },
                (true, false) => {
                    let value = f64::from(rng.random_range(0..12)) / 2.0;
                    Value::Quantity { value, unit: "%".into(), comparator: String::new() }
                }
                (false, true) => Value::Text("not a number".into()),
                (false, false) => Value::Text(rng.random_range(1..90).to_string()),
            },
            reference_low: None,
            reference_high: None,
            flag: String::new(),
            specimen: String::new(),
            status: LabStatus::Final,
            order: String::new(),
            note: String::new(),
        }),
        Category::Condition => Payload::Condition(Condition {
            code: coding(&text("I10".into())),
            clinical_status: "active".into(),
            suspected: false,
            onset: None,
            abated: None,
        }),
        Category::Medication => Payload::Medication(Medication {
            code: coding(&text("620001".into())),
            status: "active".into(),
            dosage: text("1日1回".into()),
            quantity: None,
            quantity_unit: String::new(),
            days: Some(14),
        }),
        _ => Payload::Document(Document {
            kind: coding("letter"),
            title: text("紹介状".into()),
            content_type: "text/plain".into(),
            content: text("…".into()),
        }),
    }
}

/// One version of a record, by where and whose it is, its id and its version.
fn version(
    (at, number): (&str, u32),
    (id, version): (String, u64),
    category: Category,
    (hides, labels): (bool, Labels),
    rng: &mut StdRng,
) -> Body {
    let change = match version {
        1 => ChangeKind::Upsert,
        _ if rng.random_bool(0.3) => ChangeKind::Delete,
        _ => ChangeKind::Correct,
    };
    let payload = payload(category, hides, rng);
    let record = Record::new(
        patient(at, number),
        RecordId::parse(&id).unwrap(),
        Version::new(version).unwrap(),
        category,
        day(rng.random_range(0..6)),
        day(rng.random_range(6..9)),
        labels,
        None,
        Author { member: None, role: Role::Physician },
        change,
        (change != ChangeKind::Delete).then_some(payload),
    );
    Body::Record(Box::new(record.unwrap()))
}

const SEEN: [Category; 3] = [Category::Laboratory, Category::Condition, Category::Medication];

fn seen_categories() -> CategorySet {
    SEEN.into_iter().collect()
}

/// A region in which the clinic sees four patients of the hospital, and its own.
pub fn shared(rng: &mut StdRng) -> Vec<Body> {
    let mut said = vec![
        directory("hospital", FacilityKind::Hospital),
        directory("clinic", FacilityKind::Clinic),
        directory("stranger", FacilityKind::Hospital),
        member("dr@clinic", "clinic", Role::Physician),
        member("dr@hospital", "hospital", Role::Physician),
        scope("hospital", seen_categories()),
    ];
    for number in 0..4 {
        said.push(link(&format!("link-{number}"), patient("hospital", number), patient("clinic", number)));
        let mut opens = consent(&format!("consent-{number}"), patient("hospital", number), &["clinic"]);
        if number == 1 {
            opens.categories = CategorySet::of(Category::Laboratory);
        }
        said.push(given(opens));
    }
    for at in 0..70 {
        let category = SEEN[rng.random_range(0..SEEN.len())];
        let (at_facility, number) = if rng.random_bool(0.7) { ("hospital", at % 4) } else { ("clinic", at % 6) };
        // Of patient 1 only laboratory results are open: of both worlds the same, and not seen.
        let category = if (at_facility, number) == ("hospital", 1) { Category::Laboratory } else { category };
        let id = format!("{at_facility}-{at}");
        for stated in 1..=rng.random_range(1..4_u64) {
            let owner = (at_facility, number);
            said.push(version(owner, (id.clone(), stated), category, (false, Labels::NONE), rng));
        }
    }
    said
}

/// What happens afterwards, in view of all.
pub fn tail(rng: &mut StdRng) -> Vec<Body> {
    let mut said = Vec::new();
    for at in 0..8 {
        said.push(version(
            ("hospital", at % 4),
            (format!("late-{at}"), 1),
            Category::Laboratory,
            (false, Labels::NONE),
            rng,
        ));
    }
    said.push(withdrawn("consent-2", patient("hospital", 2)));
    said.push(given(consent("consent-2b", patient("hospital", 2), &["clinic"])));
    said.push(Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(Unlink {
        id: LinkId::parse("link-3").unwrap(),
        by: MemberId::parse("dr@clinic").unwrap(),
        at: day(1),
    }))));
    said.push(scope("hospital", CategorySet::of(Category::Laboratory)));
    said.push(link("link-3b", patient("hospital", 3), patient("clinic", 3)));
    said.push(scope("hospital", seen_categories()));
    said
}

// === what only one is told ===

/// An event of which the clinic must notice nothing: records that no gate opens, corrections and deletions of such, and
/// what others say to each other.
pub fn hidden(rng: &mut StdRng) -> Body {
    let (at, stated) = (rng.random_range(0..20_u32), rng.random_range(1..5_u64));
    // Versions of one id keep what hides them.
    match rng.random_range(0..24) {
        0..5 => {
            let labels = [Label::Hiv, Label::Psy, Label::Undelivered][at as usize % 3];
            let what = (true, Labels::of(labels));
            version(("hospital", at % 4), (format!("labelled-{at}"), stated), Category::Laboratory, what, rng)
        }
        5..8 => {
            let what = (true, Labels::NONE);
            version(("hospital", at % 4), (format!("document-{at}"), stated), Category::Document, what, rng)
        }
        8..13 => {
            let (what, category) = ((true, Labels::NONE), SEEN[at as usize % 3]);
            version(("hospital", 9 + at % 3), (format!("unseen-{at}"), stated), category, what, rng)
        }
        13..16 => {
            let (what, category) = ((true, Labels::NONE), SEEN[at as usize % 3]);
            version(("stranger", at % 4), (format!("stranger-{at}"), stated), category, what, rng)
        }
        _ => between_others(at, rng),
    }
}

fn between_others(at: u32, rng: &mut StdRng) -> Body {
    let unseen = 9 + at % 3;
    let number = at % 4;
    match rng.random_range(0..13) {
        // Patient 9 consents and is not linked; 10 is linked and does not consent.
        0 if unseen == 9 => given(consent(&format!("unlinked-{at}"), patient("hospital", 9), &["clinic", "stranger"])),
        0 | 1 => given(consent(&format!("others-{at}"), patient("hospital", unseen), &["stranger"])),
        2 => withdrawn(&format!("others-{at}"), patient("hospital", unseen)),
        3 => link("unconsented", patient("hospital", 10), patient("clinic", 10)),
        4 => link(&format!("stranger-{number}"), patient("hospital", number), patient("stranger", number)),
        5 => Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(Unlink {
            id: LinkId::parse(&format!("stranger-{number}")).unwrap(),
            by: MemberId::parse("dr@hospital").unwrap(),
            at: day(1),
        }))),
        6 => scope("stranger", if at.is_multiple_of(2) { CategorySet::all() } else { CategorySet::NONE }),
        7 => member(&format!("nurse-{at}"), "stranger", Role::Nurse),
        // A patient the clinic sees consents to somebody else too, or thinks about another consent to the clinic.
        8 => given(consent(&format!("besides-{number}"), patient("hospital", number), &["stranger"])),
        9 => {
            let id = format!("draft-{number}");
            given(Consent { state: ConsentState::Draft, ..consent(&id, patient("hospital", number), &["clinic"]) })
        }
        10 => directory(&format!("other-{at}"), FacilityKind::Clinic),
        11 => Body::Consent(ConsentChange::Released(Release {
            patient: patient("hospital", number),
            categories: CategorySet::of(Category::Document),
            recorded_until: day(20),
        })),
        _ => {
            let (id, who) = (GlassId::parse(&format!("glass-{at}")).unwrap(), MemberId::parse("dr@stranger").unwrap());
            let (reason, from) = ("unconscious".to_owned(), day(1));
            let of = patient("hospital", number);
            let glass =
                BreakGlass::new(id, facility("stranger"), who, Role::Physician, of, reason, from, from.plus_micros(1));
            Body::Consent(ConsentChange::GlassBroken(glass.unwrap()))
        }
    }
}
