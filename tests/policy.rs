//! What is tried is what then happens: each draft is simulated, then really stated, and what the simulation said is
//! compared record by record with what the feeds of the viewers say and with what their tables hold before and after.

#![expect(
    clippy::unwrap_used,
    clippy::unreachable,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, also in its helpers"
)]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::rig::{Bearing, Rig};
use model::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use tonic::Code;
use wire::v1;
use wire::v1::simulate_request::Draft;

const SIZE: Size = Size { sources: 1, viewers: 3, patients: 4, audience: 2 };
const RECORDS: u64 = 24;
const HOUR: i64 = 3_600_000_000;

/// A record gained (`true`) or lost.
type Changes = BTreeSet<(String, bool)>;

struct House {
    rig: Rig,
    sent: u32,
}

/// One viewer's feed, from the beginning of the test on.
struct Watcher {
    principal: Principal,
    items: tonic::Streaming<v1::FeedItem>,
}

impl Watcher {
    async fn open(rig: &Rig, principal: &Principal) -> Self {
        let mut feed = v1::feed_service_client::FeedServiceClient::new(rig.channel(principal).await.unwrap());
        let request = v1::WatchRequest {
            from: Some(v1::watch_request::From::Now(v1::Now {})),
            categories: Vec::new(),
            heartbeat_ms: 100,
        };
        let mut items = feed.watch(request).await.unwrap().into_inner();
        // With its first heartbeat it stands.
        items.message().await.unwrap().unwrap();
        Self { principal: principal.clone(), items }
    }

    /// What it was told until everything up to a position was said.
    async fn until(&mut self, position: Position) -> Changes {
        use v1::feed_item::Item;
        let mut changes = Changes::new();
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), self.items.message()).await;
            let item = match next.unwrap() {
                Ok(item) => item.unwrap().item.unwrap(),
                // A feed whose own standing ends is told what vanished and is then closed.
                Err(closed) if closed.code() == Code::PermissionDenied => return changes,
                Err(error) => unreachable!("the feed broke: {error}"),
            };
            match item {
                Item::Appeared(appeared) => {
                    assert!(appeared.historic, "nothing new was recorded");
                    changes.insert((appeared.record.unwrap().id, true));
                }
                Item::Vanished(vanished) => {
                    changes.insert((vanished.id, false));
                }
                Item::Heartbeat(beat) => {
                    if Frontier::from(beat.frontier.unwrap()).includes(position) {
                        return changes;
                    }
                }
                Item::Changed(_) | Item::Reset(_) => unreachable!("no record was corrected and nobody reads slowly"),
            }
        }
    }
}

fn clinic(n: u32) -> Principal {
    Rig::system(region::viewer(n).unwrap())
}
fn source() -> Principal {
    Rig::system(region::source(0).unwrap())
}
fn doctor() -> MemberId {
    MemberId::parse("dr-0").unwrap()
}
fn physician() -> Principal {
    Principal { member: Some(doctor()), role: Role::Physician, ..clinic(0) }
}
fn patient(number: u32) -> PatientRef {
    PatientRef::new(region::source(0).unwrap(), PatientNumber::parse(&format!("{number:08}")).unwrap())
}
fn now() -> Moment {
    Moment::from_micros(jiff::Timestamp::now().as_microsecond()).unwrap()
}

impl House {
    async fn raise(directory: &Path) -> Self {
        let rig = bench::raise(Path::new(env!("CARGO_BIN_EXE_ajisai")), directory, SIZE, "").await.unwrap();
        let mut house = Self { rig, sent: 0 };
        let member = Member {
            id: doctor(),
            facility: region::viewer(0).unwrap(),
            role: Role::Physician,
            name: "医師".to_owned(),
            period: Period::ALWAYS,
        };
        house.state(&clinic(0), &Body::Directory(DirectoryChange::Member(member))).await;
        // A record an hour, the newest last hour: some are older than a day and some are not.
        let records = Records::new(SIZE, 0, "policy", 600).unwrap();
        let begun = now();
        let mut reached = Frontier::start();
        for n in 0..RECORDS {
            let hours = i64::try_from((RECORDS - n) * 2).unwrap();
            let event = records.event(n, begun.plus_micros(-hours * HOUR)).unwrap();
            reached.include(house.publish(&source(), &Event::try_from(event).unwrap()).await);
        }
        bench::wait_until_visible(&house.rig, &reached).await.unwrap();
        house
    }

    async fn publish(&self, who: &Principal, event: &Event) -> Position {
        let mut door = v1::ingest_service_client::IngestServiceClient::new(self.rig.channel(who).await.unwrap());
        let request = v1::PublishRequest { event: wire::write_event(event), traceparent: String::new() };
        let answer = door.publish_batch(v1::PublishBatchRequest { events: vec![request] }).await.unwrap().into_inner();
        match &answer.responses[0].outcome {
            Some(v1::publish_response::Outcome::Accepted(accepted)) => accepted.position.unwrap().into(),
            other => unreachable!("{other:?}"),
        }
    }

    /// Really states it.
    async fn state(&mut self, who: &Principal, body: &Body) -> Position {
        self.sent += 1;
        let id = EventId::parse(&format!("real-{}", self.sent)).unwrap();
        let key = EventKey { source: who.facility.clone(), id };
        let position = self.publish(who, &Event { key, admitted_at: now(), body: body.clone() }).await;
        let mut reached = Frontier::start();
        reached.include(position);
        bench::wait_until_visible(&self.rig, &reached).await.unwrap();
        position
    }

    async fn policy(&self, who: &Principal) -> v1::policy_service_client::PolicyServiceClient<Bearing> {
        v1::policy_service_client::PolicyServiceClient::new(self.rig.channel(who).await.unwrap())
    }

    async fn simulate(&self, who: &Principal, body: &Body) -> Result<Simulated, tonic::Status> {
        use v1::simulate_response::Part;
        let draft = match body {
            Body::Consent(change) => Draft::Consent(change.into()),
            Body::Directory(change) => Draft::Directory(change.into()),
            Body::Record(_) | Body::Referral(_) | Body::Audit(_) => unreachable!("no draft"),
        };
        let request = v1::SimulateRequest { draft: Some(draft), records: true, ..Default::default() };
        let mut answers = self.policy(who).await.simulate(request).await?.into_inner();
        let mut told = Simulated::default();
        while let Some(answer) = answers.message().await? {
            match answer.part.unwrap() {
                Part::Start(start) => told.outcome = start.outcome,
                Part::Progress(_) => {}
                Part::Effect(effect) => told.effects.push(effect),
                Part::Record(record) => {
                    let viewer = (record.viewer, record.member);
                    assert!(told.records.insert((viewer, record.record_id, record.gained)), "told twice");
                }
                Part::End(end) => told.end = Some(end),
            }
        }
        Ok(told)
    }

    fn ask(&self, who: &Principal, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ajisai"))
            .args(arguments)
            .args(["--address", &format!("http://127.0.0.1:{}", self.rig.ports().grpc)])
            .args(["--token", &self.rig.token(who).unwrap()])
            .output()
            .unwrap()
    }

    /// What a viewer's table holds.
    fn rows(&self, who: &Principal) -> BTreeSet<String> {
        let output = self.ask(who, &["sql", "--format", "csv", "SELECT record_id FROM laboratory"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().skip(1).map(str::to_owned).collect()
    }
}

#[derive(Default)]
struct Simulated {
    outcome: String,
    effects: Vec<v1::Effect>,
    records: BTreeSet<((String, String), String, bool)>,
    end: Option<v1::SimulateEnd>,
}

impl Simulated {
    fn of(&self, viewer: &Principal) -> Changes {
        let member = viewer.member.as_ref().map_or("", |member| member.as_str());
        let is = |(at, who): &(String, String)| at == viewer.facility.as_str() && who == member;
        self.records.iter().filter(|(at, ..)| is(at)).map(|(_, record, gained)| (record.clone(), *gained)).collect()
    }
    fn rows(&self, pick: impl Fn(&v1::Effect) -> &Option<v1::AffectedRows>) -> u64 {
        self.effects.iter().map(|effect| pick(effect).as_ref().unwrap().rows).sum()
    }
}

fn scope(kinds: FacilityKindSet, hold_back: HoldBack) -> Body {
    let rule = ScopeRule {
        categories: CategorySet::all(),
        viewer_kinds: kinds,
        viewer_roles: RoleSet::all(),
        departments: Vec::new(),
        author_roles: RoleSet::all(),
        labels: Labels::NONE,
        since: None,
        hold_back,
    };
    Body::Directory(DirectoryChange::Scope(DisclosureScope::of(region::source(0).unwrap(), vec![rule])))
}

fn withdrawal(number: u32) -> Body {
    let id = ConsentId::parse(&format!("c-0-{number}")).unwrap();
    Body::Consent(ConsentChange::Withdrawn(Withdrawal { id, patient: patient(number), withdrawn_at: now() }))
}

fn consent_to_all(number: u32, until: Option<Moment>) -> Body {
    Body::Consent(ConsentChange::Given(Consent {
        id: ConsentId::parse(&format!("all-{number}")).unwrap(),
        patient: patient(number),
        viewers: Viewers::AllMembers,
        state: ConsentState::Active,
        supersedes: None,
        period: Period::new(None, until).unwrap(),
        data_period: Period::ALWAYS,
        categories: CategorySet::all(),
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::of(Purpose::Treatment),
        exceptions: Exceptions::none(),
        signer: Signer::Patient,
        taken_by: region::viewer(0).unwrap(),
        signed_at: now(),
        form_digest: String::new(),
        paper: Box::default(),
    }))
}

fn unlink(id: &str) -> Body {
    let (id, by) = (LinkId::parse(id).unwrap(), MemberId::parse("m").unwrap());
    Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(Unlink { id, by, at: now() })))
}

fn link(number: u32, at: u32) -> Body {
    Body::Directory(DirectoryChange::Link(LinkChange::Linked(Link {
        id: LinkId::parse("l-new").unwrap(),
        a: patient(number),
        b: PatientRef::new(region::viewer(at).unwrap(), PatientNumber::parse("new-1").unwrap()),
        evidence: LinkEvidence::Manual,
        confirmed_by: MemberId::parse("m").unwrap(),
        confirmed_at: now(),
    })))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_is_what_the_feeds_and_the_tables_then_say() {
    let directory = tempfile::tempdir().unwrap();
    let mut house = House::raise(directory.path()).await;
    let viewers = [clinic(0), clinic(1), clinic(2)];
    let mut watchers = Vec::new();
    for viewer in &viewers {
        watchers.push(Watcher::open(&house.rig, viewer).await);
    }
    let day = HoldBack::Days(1);
    let everybody = FacilityKindSet::all();
    let until = now().plus_micros(1_000 * HOUR);
    // What is tried, and for how many facilities it changes something.
    let drafts = [
        ("a withdrawal", withdrawal(0), 2),
        ("an unlink", unlink("l-0-1-0"), 1),
        ("a link without a consent", link(3, 2), 0),
        ("a consent to all members", consent_to_all(3, Some(until)), 1),
        ("a scope for hospitals alone", scope(FacilityKindSet::of(FacilityKind::Hospital), HoldBack::None), 3),
        ("a scope that holds back for a day", scope(everybody, day), 3),
        ("a scope for everybody", scope(everybody, HoldBack::None), 3),
    ];
    let (mut gained, mut lost) = (0, 0);
    for (what, draft, facilities) in drafts {
        let before: Vec<_> = viewers.iter().map(|viewer| house.rows(viewer)).collect();
        let told = house.simulate(&source(), &draft).await.unwrap();
        assert_eq!(told.outcome, "applied", "{what}");
        let end = told.end.as_ref().unwrap();
        assert_eq!((end.concerned, end.truncated), (facilities, false), "{what}");
        // Nothing was stated.
        assert!(viewers.iter().zip(&before).all(|(viewer, rows)| house.rows(viewer) == *rows), "{what}");
        // Whoever gains and loses what their machine does is not told of again.
        assert!(told.effects.iter().all(|effect| effect.member.is_empty()), "{what}");

        let position = house.state(&source(), &draft).await;
        for (watcher, before) in watchers.iter_mut().zip(&before) {
            let tried = told.of(&watcher.principal);
            assert_eq!(watcher.until(position).await, tried, "{what}: the feed of {}", watcher.principal.facility);
            let after = house.rows(&watcher.principal);
            let appeared = after.difference(before).map(|id| (id.clone(), true));
            let vanished = before.difference(&after).map(|id| (id.clone(), false));
            assert_eq!(appeared.chain(vanished).collect::<Changes>(), tried, "{what}: {}", watcher.principal.facility);
        }
        let all = told.records.len();
        let counted = told.rows(|effect| &effect.gained) + told.rows(|effect| &effect.lost);
        assert_eq!(counted, u64::try_from(all).unwrap(), "{what}: the counts are those of the records");
        gained += told.rows(|effect| &effect.gained);
        lost += told.rows(|effect| &effect.lost);
        match what {
            "a consent to all members" => assert_eq!(end.next_change_us, Some(until.micros())),
            "a scope that holds back for a day" => {
                let lapse = end.next_change_us.unwrap();
                assert!(now().micros() < lapse && lapse < now().plus_micros(24 * HOUR).micros(), "the next row let go");
            }
            _ => assert_eq!(end.next_change_us, None, "{what}"),
        }
        match house.simulate(&source(), &draft).await {
            Ok(again) => assert_eq!(again.records.len(), 0, "{what}: it is so already"),
            Err(gone) => assert_eq!((gone.code(), what), (Code::NotFound, "an unlink"), "the link is there no more"),
        }
    }
    assert!(gained > 20 && lost > 20, "the drafts show and hide: {gained} {lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_that_ends_takes_from_that_person_what_their_machine_keeps() {
    let directory = tempfile::tempdir().unwrap();
    let mut house = House::raise(directory.path()).await;
    let seen = house.rows(&physician());
    assert!(!seen.is_empty(), "the physician is shown what the machine is");
    let ended = Member {
        id: doctor(),
        facility: region::viewer(0).unwrap(),
        role: Role::Physician,
        name: "医師".to_owned(),
        period: Period::new(None, Some(now())).unwrap(),
    };
    let draft = Body::Directory(DirectoryChange::Member(ended));
    let mut machine = Watcher::open(&house.rig, &clinic(0)).await;
    let mut person = Watcher::open(&house.rig, &physician()).await;
    let told = house.simulate(&clinic(0), &draft).await.unwrap();
    assert_eq!(told.of(&physician()), seen.into_iter().map(|record| (record, false)).collect());
    assert_eq!(told.of(&clinic(0)), Changes::new());
    // Nobody else may try it, and nobody learns from trying what another's member sees.
    let denied = house.simulate(&source(), &draft).await.err().unwrap();
    assert_eq!(denied.code(), Code::PermissionDenied, "{denied}");

    let position = house.state(&clinic(0), &draft).await;
    assert_eq!(machine.until(position).await, Changes::new());
    assert_eq!(person.until(position).await, told.of(&physician()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whose_statement_it_is_may_try_it_and_the_command_says_what_would_change() {
    let directory = tempfile::tempdir().unwrap();
    let mut house = House::raise(directory.path()).await;
    // A viewer that has a part in the consent may withdraw it, and may not find out by trying what others see.
    for (who, draft) in [
        (clinic(0), withdrawal(0)),
        (clinic(0), consent_to_all(0, None)),
        (clinic(0), scope(FacilityKindSet::all(), HoldBack::None)),
    ] {
        let denied = house.simulate(&who, &draft).await.err().unwrap();
        assert_eq!(denied.code(), Code::PermissionDenied, "{denied}");
    }
    let unknown = house.simulate(&clinic(2), &unlink("l-0-0-0")).await.err().unwrap();
    assert_eq!(unknown.code(), Code::NotFound, "{unknown}");
    // A facility that joins its patient to another's learns nothing of the other's records.
    let told = house.simulate(&clinic(2), &link(3, 2)).await.unwrap();
    assert!(told.effects.is_empty() && told.records.is_empty());
    // An administrator sees the counts of their facility's own disclosure and no references of records.
    let administrator =
        Principal { member: Some(MemberId::parse("admin-0").unwrap()), role: Role::Administrator, ..source() };
    let member = Member {
        id: MemberId::parse("admin-0").unwrap(),
        facility: region::source(0).unwrap(),
        role: Role::Administrator,
        name: "事務長".to_owned(),
        period: Period::ALWAYS,
    };
    house.state(&source(), &Body::Directory(DirectoryChange::Member(member))).await;
    let file = directory.path().join("scope.toml");
    std::fs::write(
        &file,
        "[[rules]]\ncategories = [\"all\"]\nviewer_kinds = [\"hospital\"]\nviewer_roles = [\"clinical\"]\n",
    )
    .unwrap();
    let scope = ["policy", "simulate", "scope", "--from-file", file.to_str().unwrap()];
    let counts = house.ask(&administrator, &scope);
    let said = String::from_utf8_lossy(&counts.stdout).into_owned();
    assert_eq!(counts.status.code(), Some(0), "{counts:?}");
    assert!(said.contains("bench-clinic-0") && said.contains("laboratory") && said.contains("3 / 3"), "{said}");
    let references = house.ask(&administrator, &[&scope[..], &["--records"]].concat());
    assert_eq!(references.status.code(), Some(1), "{references:?}");

    let withdraw = house.ask(&source(), &["policy", "simulate", "withdraw", "c-0-0", "--records"]);
    let said = String::from_utf8_lossy(&withdraw.stdout).into_owned();
    assert_eq!(withdraw.status.code(), Some(0), "{withdraw:?}");
    assert!(said.contains("policy-0") && said.contains("2 / 2"), "{said}");
    let nothing = house.ask(
        &source(),
        &["policy", "simulate", "link", "--a-number", "00000003", "--b", "bench-clinic-2", "--b-number", "new-1"],
    );
    assert_eq!(nothing.status.code(), Some(3), "{nothing:?}");
}
