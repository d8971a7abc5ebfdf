use super::*;
use crate::pipeline::{self, Rooms, Unhindered, Withheld};
use crate::register::Register;
use crate::register::tests::{at, facility, given, patient, withdrawn};
use consent_filter::Book;
use event_log::{Letter, MemoryLog, PartitionKey, ReadLimit};
use model::{
    ActId, Agent, AuditEvent, AuditOutcome, Author, ChangeKind, CodeSystem, Coding, Consent, ConsentChange, Digest,
    DirectoryChange, DisclosureScope, EventId, EventKey, Facility, FacilityKind, FacilityStatus, LabResult, LabStatus,
    Label, Labels, Link, LinkChange, LinkEvidence, LinkId, Member, Payload, Period, Principal, Purpose, RecordId, Role,
    Salt, Shown, Unlink, Value, Version, What,
};
use parking_lot::RwLock;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use views::{Feeds, Store, StoreConfig, Views};

/// A laboratory and two clinics, and everything that was told to their node, with the hour when.
#[derive(Clone, Default)]
struct Story(Vec<Event>);

const LAB: &str = "lab";
/// The laboratory's number of the person whom both clinics know, and that of another.
const PERSON: &str = "1";
const OTHER: &str = "2";

impl Story {
    fn new() -> Self {
        let mut story = Self::default();
        for (id, kind) in [(LAB, FacilityKind::Laboratory), ("k", FacilityKind::Clinic), ("n", FacilityKind::Clinic)] {
            let (id, name) = (facility(id), id.to_owned());
            let status = FacilityStatus::Active;
            story.state(DirectoryChange::Facility(Facility { id, kind, name: name.clone(), name_en: name, status }));
        }
        for (id, clinic) in [("a", "k"), ("b", "k"), ("c", "n")] {
            story.state(DirectoryChange::Member(Member {
                id: MemberId::parse(id).unwrap(),
                facility: facility(clinic),
                role: Role::Physician,
                name: id.to_owned(),
                period: Period::ALWAYS,
            }));
        }
        let rule = model::ScopeRule {
            categories: model::CategorySet::all(),
            viewer_kinds: model::FacilityKindSet::all(),
            viewer_roles: model::RoleSet::all(),
            departments: Vec::new(),
            author_roles: model::RoleSet::all(),
            labels: Labels::all(),
            since: None,
            hold_back: model::HoldBack::None,
        };
        story.state(DirectoryChange::Scope(DisclosureScope::of(facility(LAB), vec![rule])));
        for clinic in ["k", "n"] {
            for number in [PERSON, OTHER] {
                story.link(clinic, number);
                story.consent(clinic, number, Labels::NONE);
            }
        }
        story
    }
    fn push(&mut self, body: Body) {
        let id = EventId::parse(&format!("e{}", self.0.len())).unwrap();
        let admitted_at = at(i64::try_from(self.0.len()).unwrap());
        self.0.push(Event { key: EventKey { source: facility(LAB), id }, admitted_at, body });
    }
    fn now(&self) -> Moment {
        at(i64::try_from(self.0.len()).unwrap())
    }
    fn state(&mut self, change: DirectoryChange) {
        self.push(Body::Directory(change));
    }
    fn link(&mut self, clinic: &str, number: &str) {
        self.state(DirectoryChange::Link(LinkChange::Linked(Link {
            id: LinkId::parse(&format!("l-{clinic}-{number}")).unwrap(),
            a: patient(LAB, number),
            b: patient(clinic, &format!("{clinic}{number}")),
            evidence: LinkEvidence::Manual,
            confirmed_by: MemberId::parse("m").unwrap(),
            confirmed_at: at(0),
        })));
    }
    fn consent(&mut self, clinic: &str, number: &str, labels: Labels) {
        let Event { body: Body::Consent(ConsentChange::Given(consent)), .. } =
            given(&format!("c-{clinic}-{number}"), patient(LAB, number), clinic)
        else {
            unreachable!("it gives one")
        };
        self.push(Body::Consent(ConsentChange::Given(Consent { labels, ..consent })));
    }
    fn withdraw(&mut self, clinic: &str) {
        self.push(withdrawn(&format!("c-{clinic}-{PERSON}"), patient(LAB, PERSON)).body);
    }
    /// A version of the one result.
    fn result(&mut self, version: u64, value: f64) -> &mut Self {
        self.result_of(PERSON, version, value, Labels::NONE)
    }
    fn result_of(&mut self, number: &str, version: u64, value: f64, labels: Labels) -> &mut Self {
        let lab = LabResult {
            code: Coding { system: CodeSystem::Loinc, code: "2823-3".to_owned(), display: String::new() },
            value: Value::Quantity { value, unit: "mmol/L".to_owned(), comparator: String::new() },
            reference_low: None,
            reference_high: None,
            flag: String::new(),
            specimen: String::new(),
            status: LabStatus::Final,
            order: String::new(),
            note: String::new(),
        };
        let record = Record::new(
            patient(LAB, number),
            RecordId::parse("r-1").unwrap(),
            Version::new(version).unwrap(),
            Category::Laboratory,
            at(0),
            self.now(),
            labels,
            None,
            Author { member: None, role: Role::LaboratoryStaff },
            ChangeKind::Upsert,
            Some(Payload::Laboratory(lab)),
        );
        self.push(Body::Record(Box::new(record.unwrap())));
        self
    }
    /// How far a log of these letters reaches.
    fn frontier(&self) -> Frontier {
        let mut frontier = Frontier::start();
        self.positions().for_each(|position| frontier.include(position));
        frontier
    }
    /// All patients' letters lie in one partition.
    fn positions(&self) -> impl Iterator<Item = Position> {
        let mut next = [0, 0];
        self.0.iter().map(move |event| {
            let partition = usize::from(event.patient().is_some());
            next[partition] += 1;
            Position::new(u32::try_from(partition).unwrap(), next[partition] - 1)
        })
    }
    fn last(&self) -> Position {
        self.positions().last().unwrap()
    }
    /// A person, or a system, was shown laboratory rows of a patient just now; its letter comes when it is pushed.
    fn reading(&self, who: (&str, Option<&str>), number: &str) -> AuditEvent {
        let (statement, seen) = (Digest::from_bytes([1; 32]), self.frontier());
        self.act(who, number, What::Query { statement, seen })
    }
    fn act(&self, (clinic, member): (&str, Option<&str>), number: &str, what: What) -> AuditEvent {
        let mut shown = Shown::default();
        shown.add(&patient(LAB, number), Category::Laboratory, 1);
        AuditEvent {
            id: ActId(self.0.len() as u128),
            part: 0,
            agent: Agent {
                facility: facility(clinic),
                member: member.map(|member| MemberId::parse(member).unwrap()),
                role: if member.is_some() { Role::Physician } else { Role::System },
            },
            purpose: Purpose::Treatment,
            what,
            began: self.now().plus_micros(-1),
            ended: self.now().plus_micros(-1),
            outcome: AuditOutcome::Completed,
            shown,
            salt: Salt::from_bytes([0; 32]),
        }
    }
    fn audit(&mut self, event: AuditEvent) -> &mut Self {
        self.push(Body::Audit(Box::new(event)));
        self
    }
    fn reads(&mut self, who: (&str, Option<&str>), number: &str) -> &mut Self {
        let reading = self.reading(who, number);
        self.audit(reading)
    }

    /// A node that reads all this, opened in a directory, and what it tells once it has. `apart`: the letters come one by
    /// one, each after everything about the one before was told.
    async fn told(&self, directory: &std::path::Path, apart: bool) -> House {
        let log = Arc::new(MemoryLog::new(NonZeroU32::MIN));
        let mut letters = self.0.iter().map(|event| {
            let key = match event.patient() {
                Some(patient) => PartitionKey::Patient(patient.partition_key().into()),
                None => PartitionKey::Control,
            };
            Letter { key, event: event.key.digest(), trace: None, payload: wire::write_event(event) }
        });
        if !apart {
            for letter in letters.by_ref() {
                log.append(vec![letter]).await.unwrap();
            }
        }
        let house = House::open(directory, &log).await;
        for letter in letters {
            log.append(vec![letter]).await.unwrap();
            house.settled().await;
        }
        house.settled().await;
        house
    }
}

/// A node without doors.
struct House {
    rooms: Rooms,
    stop: CancellationToken,
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl House {
    async fn open(directory: &std::path::Path, log: &Arc<MemoryLog>) -> Self {
        let (store, _) = Store::open(StoreConfig::in_dir(directory.join("store"))).await.unwrap();
        let (store, book) = (Arc::new(store), Arc::new(RwLock::new(Book::new())));
        let register = Arc::new(Register::open(&directory.join("register"), Arc::clone(&book)).unwrap());
        let feeds = Feeds::new(Arc::clone(&book));
        let _classes = Views::new(Arc::clone(&store), Arc::clone(&book), Arc::clone(&feeds));
        let withheld = Arc::new(Withheld::default());
        let log = Arc::clone(log) as Arc<dyn EventLog>;
        let rooms = Rooms { log, book, store, feeds, register, withheld, clerk: None };
        let stop = CancellationToken::new();
        let (following, stopped) = (rooms.clone(), stop.clone());
        tokio::spawn(async move {
            let clock: pipeline::Clock = Arc::new(|| at(500));
            pipeline::run(&following, ReadLimit::default(), &clock, &mut Unhindered, stopped).await
        });
        let following = rooms.clone();
        tokio::spawn(async move { following.register.follow_notices(&following.log).await });
        Self { rooms, stop }
    }
    /// Until everything was told.
    async fn settled(&self) {
        let end = self.rooms.log.end().await.unwrap();
        for _ in 0..2_000 {
            let Rooms { store, register, .. } = &self.rooms;
            if store.frontier().covers(&end) && register.noticed(&store.frontier()).unwrap().covers(&end) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it does not come to an end");
    }
    /// Every notice of a corrected result, as its reader knows it: its id, when, of whom, which record.
    fn notices(&self) -> Vec<(String, i64, Option<String>, String)> {
        let mut all = Vec::new();
        for clinic in [LAB, "k", "n"] {
            let kept = self.rooms.register.notices_of(&facility(clinic), at(600)).unwrap();
            for told in kept.into_iter().filter(|told| told.id.kind == NoticeKind::ResultCorrected) {
                let member = told.id.member.clone();
                let role = if member.is_some() { Role::Physician } else { Role::System };
                let caller = Principal { facility: facility(clinic), member, role, purpose: Purpose::Treatment };
                let told = self.rooms.register.as_known_to(&caller, told, at(600)).unwrap().unwrap();
                let number = told.notice.patient.map(|patient| patient.number);
                all.push((told.notice.id, told.notice.raised_us, number, told.notice.subject));
            }
        }
        all.sort();
        all
    }
    fn ids(&self) -> Vec<String> {
        self.notices().into_iter().map(|(id, ..)| id).collect()
    }
}

const A: (&str, Option<&str>) = ("k", Some("a"));
const B: (&str, Option<&str>) = ("k", Some("b"));
const C: (&str, Option<&str>) = ("n", Some("c"));

/// What is told, whether the letters come one by one or all are there at once, and after everything derived was deleted.
async fn told(story: &Story) -> Vec<(String, i64, Option<String>, String)> {
    let directory = tempfile::tempdir().unwrap();
    let one = story.told(&directory.path().join("one"), true).await.notices();
    let rebuilt = story.told(&directory.path().join("rebuilt"), false).await.notices();
    assert_eq!(one, rebuilt);
    one
}
async fn ids(story: &Story) -> Vec<String> {
    told(story).await.into_iter().map(|(id, ..)| id).collect()
}

#[tokio::test]
async fn exactly_those_are_told_who_were_shown_the_old_value() {
    let mut story = Story::new();
    story.result(1, 5.1);
    story.reads(A, PERSON).reads(("n", None), PERSON).reads(B, OTHER).reads((LAB, None), PERSON);
    story.result(2, 4.1);
    let cause = story.last();
    story.reads(C, PERSON);
    let all = told(&story).await;
    let expected = [format!("result-corrected/{cause}/k/a"), format!("result-corrected/{cause}/n")];
    assert_eq!(all.iter().map(|(id, ..)| id.clone()).collect::<Vec<_>>(), expected);
    let corrected = story.0.iter().rev().nth(1).unwrap().admitted_at;
    assert!(all.iter().all(|(_, raised, ..)| *raised == corrected.micros()));
    let known: Vec<_> = all.iter().map(|(_, _, number, record)| (number.as_deref(), record.as_str())).collect();
    assert_eq!(known, [(Some("k1"), "r-1"), (Some("n1"), "r-1")], "each by its own number");
}

#[tokio::test]
async fn a_reading_that_comes_to_the_ledger_after_the_correction_is_told_of_too() {
    let mut story = Story::new();
    story.result(1, 5.1);
    let late = story.reading(A, PERSON);
    story.result(2, 4.1);
    let cause = story.last();
    story.audit(late);
    assert_eq!(ids(&story).await, [format!("result-corrected/{cause}/k/a")]);
    // A second reading changes nothing.
    let before = told(&story).await;
    story.reads(A, PERSON);
    assert_eq!(told(&story).await, before);
}

#[tokio::test]
async fn a_watcher_who_was_given_the_old_value_is_told_and_one_who_came_later_is_not() {
    let mut story = Story::new();
    let (statement, since) = (Digest::from_bytes([2; 32]), story.frontier());
    story.result(1, 5.1);
    let seen = story.frontier();
    let feed = |since: &Frontier, seen: &Frontier| What::Feed {
        statement,
        since: since.clone(),
        seen: seen.clone(),
        seconds: 60,
    };
    let early = story.act(A, PERSON, feed(&since, &seen));
    story.result(2, 4.1);
    let cause = story.last();
    let through = story.act(B, PERSON, feed(&since, &story.frontier()));
    let after = story.act(C, PERSON, feed(&story.frontier(), &story.frontier()));
    story.audit(early).audit(through).audit(after);
    assert_eq!(ids(&story).await, ["a", "b"].map(|who| format!("result-corrected/{cause}/k/{who}")));
}

#[tokio::test]
async fn whoever_was_shown_other_results_of_the_patient_but_not_this_one_is_not_told() {
    let mut story = Story::new();
    // One clinic's consent covers the label, the other's does not: it sees other results of the same patient.
    story.consent("n", PERSON, Labels::of(Label::Hiv));
    story.result_of(PERSON, 1, 5.1, Labels::of(Label::Hiv));
    story.reads(A, PERSON).reads(C, PERSON);
    story.result_of(PERSON, 2, 4.1, Labels::of(Label::Hiv));
    let cause = story.last();
    assert_eq!(ids(&story).await, [format!("result-corrected/{cause}/n/c")]);
}

#[tokio::test]
async fn whose_consent_was_withdrawn_since_is_told_no_more_than_that() {
    let mut story = Story::new();
    story.result(1, 5.1).reads(A, PERSON);
    story.withdraw("k");
    story.result(2, 4.1);
    let cause = story.last();
    // They had been shown it before; they still know the patient.
    let id = format!("result-corrected/{cause}/k/a");
    let stated: Vec<_> = told(&story).await.into_iter().map(|(id, _, number, record)| (id, number, record)).collect();
    assert_eq!(stated, [(id.clone(), Some("k1".to_owned()), String::new())]);
    let by = MemberId::parse("m").unwrap();
    let unlink = Unlink { id: LinkId::parse("l-k-1").unwrap(), by, at: at(0) };
    story.state(DirectoryChange::Link(LinkChange::Unlinked(unlink)));
    let stated: Vec<_> = told(&story).await.into_iter().map(|(id, _, number, record)| (id, number, record)).collect();
    assert_eq!(stated, [(id, None, String::new())]);
}

#[tokio::test]
async fn a_result_that_belonged_to_another_patient_is_told_to_who_saw_it_under_the_wrong_one() {
    let mut story = Story::new();
    story.result_of(OTHER, 1, 5.1, Labels::NONE).reads(A, OTHER).reads(B, PERSON);
    story.result_of(PERSON, 2, 5.1, Labels::NONE);
    let cause = story.last();
    let house = tempfile::tempdir().unwrap();
    let house = story.told(house.path(), true).await;
    assert_eq!(house.ids(), [format!("result-corrected/{cause}/k/a")]);
    let corrections = house.rooms.register.corrections_of(&facility(LAB)).unwrap();
    let [moved] = corrections.as_slice() else { panic!("one") };
    assert_eq!((moved.change.as_str(), moved.told.len(), moved.acknowledged), ("moved", 1, 0));
    assert_eq!(moved.patient.as_ref().unwrap().number, OTHER);
    assert!(house.rooms.register.corrections_of(&facility("k")).unwrap().is_empty());
}

#[tokio::test]
async fn the_publisher_sees_who_has_acknowledged_and_what_is_outstanding_first() {
    let mut story = Story::new();
    story.result(1, 5.1).reads(A, PERSON).reads(C, PERSON);
    story.result(2, 4.1);
    let first = story.last();
    story.reads(A, PERSON);
    story.result(3, 3.9);
    let second = story.last();
    for (at, member, cause) in [("k", "a", first), ("n", "c", first), ("n", "c", second)] {
        let notice = format!("result-corrected/{cause}/{at}/{member}").parse().unwrap();
        let mut said = story.act((at, Some(member)), PERSON, What::Acknowledgement { notice });
        said.shown = Shown::default();
        story.audit(said);
    }
    let directory = tempfile::tempdir().unwrap();
    let house = story.told(directory.path(), true).await;
    let corrections = house.rooms.register.corrections_of(&facility(LAB)).unwrap();
    let listed: Vec<_> =
        corrections.iter().map(|one| (one.told.len(), one.acknowledged, one.change.as_str())).collect();
    assert_eq!(listed, [(1, 0, "corrected"), (2, 2, "corrected")], "what is outstanding first");
    let said = corrections[1].told.iter().map(|told| told.acknowledged.as_ref().unwrap().member.as_str());
    assert_eq!(said.collect::<Vec<_>>(), ["a", "c"]);
}

// --- critical results ---

/// Minutes after an event of the story.
fn after(event: &Event, minutes: i64) -> Moment {
    event.admitted_at.plus_micros(minutes * 60_000_000)
}

impl House {
    /// What one caller is told of critical results: kind, by whom acknowledged, the item where it is said, the patient.
    fn criticals(&self, caller: &Principal, now: Moment) -> Vec<(&'static str, String, String, String)> {
        let register = &self.rooms.register;
        let all = register.notices_of(&caller.facility, now).unwrap().into_iter();
        let known = all.filter_map(|told| register.as_known_to(caller, told, now).unwrap());
        let is_critical = |told: &Told| told.id.kind.code().starts_with("critical");
        let each = known.filter(is_critical).map(|told| {
            let notice = told.notice;
            let by = notice.acknowledged.map(|said| said.member).unwrap_or_default();
            let item = notice.critical.map(|critical| critical.item).unwrap_or_default();
            let number = notice.patient.map(|patient| patient.number).unwrap_or_default();
            (told.id.kind.code(), by, item, number)
        });
        each.collect()
    }
    /// The publisher's list: how far each facility is, and whether it is overdue.
    fn listed(&self, now: Moment) -> Vec<(String, String, bool)> {
        let all = self.rooms.register.criticals_of(&facility(LAB), now).unwrap();
        let told = all.into_iter().flat_map(|critical| critical.told);
        told.map(|told| (told.facility, told.state, told.overdue)).collect()
    }
}

fn doctor(clinic: &str, member: &str) -> Principal {
    let member = Some(MemberId::parse(member).unwrap());
    Principal { facility: facility(clinic), member, role: Role::Physician, purpose: Purpose::Operations }
}
fn laboratory() -> Principal {
    Principal { facility: facility(LAB), member: None, role: Role::System, purpose: Purpose::Operations }
}

impl Story {
    fn says(&mut self, clinic: &str, member: &str, what: What) -> &mut Self {
        let now = self.now().plus_micros(-1);
        self.said_at(now, (clinic, member), what)
    }
    fn said_at(&mut self, moment: Moment, (clinic, member): (&str, &str), what: What) -> &mut Self {
        let mut said = self.act((clinic, Some(member)), PERSON, what);
        (said.began, said.ended, said.shown) = (moment, moment, Shown::default());
        self.audit(said)
    }
}

#[tokio::test]
async fn a_critical_result_goes_from_detected_to_acted_and_escalates_after_an_hour() {
    let mut story = Story::new();
    story.withdraw("n");
    story.result(1, 7.2);
    let (cause, detected) = (story.last(), story.0.last().unwrap().clone());
    let directory = tempfile::tempdir().unwrap();
    let house = story.told(&directory.path().join("one"), true).await;
    let a = doctor("k", "a");
    let waiting = ("critical-result", String::new(), "potassium".to_owned(), "k1".to_owned());
    assert_eq!(house.criticals(&a, after(&detected, 59)), std::slice::from_ref(&waiting));
    assert_eq!(house.criticals(&doctor("n", "c"), after(&detected, 59)), [], "it was not in their view");
    assert_eq!(house.criticals(&laboratory(), after(&detected, 59)), []);
    assert_eq!(house.listed(after(&detected, 59)), [("k".to_owned(), "detected".to_owned(), false)]);

    // Nobody has said that they know: the clinic is told again, and the laboratory, which telephones.
    let escalated = ("critical-unacknowledged", String::new(), "potassium".to_owned(), "k1".to_owned());
    assert_eq!(house.criticals(&a, after(&detected, 60)), [escalated.clone(), waiting]);
    let own = ("critical-unacknowledged", String::new(), "potassium".to_owned(), PERSON.to_owned());
    assert_eq!(house.criticals(&laboratory(), after(&detected, 60)), std::slice::from_ref(&own));
    assert_eq!(house.listed(after(&detected, 60)), [("k".to_owned(), "detected".to_owned(), true)]);
    let told = house.rooms.register.notices_of(&facility(LAB), after(&detected, 60)).unwrap();
    assert_eq!((told[0].notice.waiting_at.as_slice(), told[0].id.cause), (&["k".to_owned()][..], cause));

    // Somebody opens it, somebody acts. That it was late stays known.
    let notice: NoticeId = format!("critical-result/{cause}/k").parse().unwrap();
    story.says("k", "b", What::Delivery { notice: notice.clone() });
    let delivered = story.0.last().unwrap().admitted_at;
    let (action, remark) = (model::CriticalAction::Called, model::OwnWords::parse("午後に来院").unwrap());
    story.says("k", "a", What::Action { notice: notice.clone(), action, remark });
    story.says("k", "b", What::Action { notice, action: model::CriticalAction::Seen, remark: Default::default() });
    let one = story.told(&directory.path().join("two"), true).await;
    let rebuilt = story.told(&directory.path().join("three"), false).await;
    for house in [one, rebuilt] {
        let known = ("critical-result", "a".to_owned(), "potassium".to_owned(), "k1".to_owned());
        assert_eq!(house.criticals(&a, at(600)), [escalated.clone(), known]);
        assert_eq!(house.criticals(&laboratory(), at(600)), std::slice::from_ref(&own));
        assert_eq!(house.listed(at(600)), [("k".to_owned(), "acted".to_owned(), false)]);
        assert_eq!(house.listed(delivered), [("k".to_owned(), "notified".to_owned(), true)]);
        let all = house.rooms.register.criticals_of(&facility(LAB), at(600)).unwrap();
        let told = &all[0].told[0];
        let acted = told.acted.as_ref().unwrap();
        assert_eq!((acted.member.as_str(), acted.action().as_str_name()), ("a", "CRITICAL_ACTION_CALLED"));
        assert_eq!(acted.remark, "午後に来院");
        assert_eq!(told.delivered.as_ref().unwrap().member, "b");
    }
}

#[tokio::test]
async fn what_is_acknowledged_in_time_or_corrected_does_not_escalate() {
    let mut story = Story::new();
    story.result(1, 7.2);
    let (cause, detected) = (story.last(), story.0.last().unwrap().clone());
    for clinic in ["k", "n"] {
        let notice = format!("critical-result/{cause}/{clinic}").parse().unwrap();
        let member = if clinic == "k" { "a" } else { "c" };
        story.said_at(after(&detected, 10), (clinic, member), What::Acknowledgement { notice });
    }
    let directory = tempfile::tempdir().unwrap();
    let house = story.told(&directory.path().join("one"), true).await;
    let states = |house: &House, now| house.listed(now).into_iter().map(|(_, state, _)| state).collect::<Vec<_>>();
    assert_eq!(states(&house, at(600)), ["acknowledged", "acknowledged"]);
    assert_eq!(house.criticals(&laboratory(), after(&detected, 60)), []);

    let mut story = Story::new();
    story.result(1, 7.2);
    story.result(2, 5.1);
    let house = story.told(&directory.path().join("two"), true).await;
    assert_eq!(states(&house, at(600)), ["withdrawn", "withdrawn"]);
    assert!(house.listed(at(600)).iter().all(|(.., overdue)| !overdue));
}

#[tokio::test]
async fn of_a_critical_result_that_is_shown_no_longer_nothing_is_told_but_that_it_was() {
    let mut story = Story::new();
    story.result(1, 7.2);
    story.withdraw("k");
    let directory = tempfile::tempdir().unwrap();
    let house = story.told(directory.path(), true).await;
    let bare = ("critical-result", String::new(), String::new(), String::new());
    let escalated = ("critical-unacknowledged", String::new(), String::new(), String::new());
    assert_eq!(house.criticals(&doctor("k", "a"), at(600)), [escalated, bare]);
}

#[tokio::test]
async fn a_laboratorys_own_limits_and_minutes_hold() {
    let mut story = Story::new();
    let table = |kind, cells: &[&str]| {
        let row = cells.iter().map(|cell| (*cell).to_owned()).collect();
        DirectoryChange::Laboratory(model::LabTable::new(facility(LAB), kind, vec![row]).unwrap())
    };
    story.state(table(model::LabTableKind::Critical, &["potassium", "2.5", "5.5"]));
    story.state(table(model::LabTableKind::Settings, &["critical-acknowledge-minutes", "15"]));
    story.result(1, 5.8);
    let detected = story.0.last().unwrap().clone();
    // Stated later, it does not change what was critical then.
    story.state(table(model::LabTableKind::Critical, &["potassium", "2.5", "7.0"]));
    let directory = tempfile::tempdir().unwrap();
    for apart in [true, false] {
        let house = story.told(&directory.path().join(apart.to_string()), apart).await;
        assert_eq!(house.listed(after(&detected, 14)).len(), 2);
        assert_eq!(house.criticals(&laboratory(), after(&detected, 14)).len(), 0);
        assert_eq!(house.criticals(&laboratory(), after(&detected, 15)).len(), 1);
    }
}

#[tokio::test]
async fn what_is_not_new_raises_no_alarm() {
    let mut story = Story::new();
    for _ in 0..80 {
        story.reads(B, OTHER);
    }
    let Event { body: Body::Record(mut record), .. } = story.result(1, 7.2).0.pop().unwrap() else { unreachable!() };
    record.recorded = at(1);
    story.push(Body::Record(record));
    let directory = tempfile::tempdir().unwrap();
    let house = story.told(directory.path(), false).await;
    assert_eq!(house.listed(at(600)), []);
}
