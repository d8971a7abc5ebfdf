//! Within one publication everything is told as if each event had been published by itself.

use super::{Line, Mirror, clock};
use crate::feed::{FeedItem, FeedStart, Subscription};
use crate::testing::{facility, moment, patient, payload, rng};
use model::*;
use std::time::Duration;

const SOURCE: &str = "alpha-hospital";
const VIEWER: &str = "gamma-clinic";

struct Desk {
    line: Line,
    next: u64,
}

impl Desk {
    /// Two facilities, a scope that opens everything, and a patient of both.
    async fn open() -> (Self, Subscription) {
        let mut desk = Self { line: Line::new().await, next: 0 };
        for (id, kind) in [(SOURCE, FacilityKind::Hospital), (VIEWER, FacilityKind::Clinic)] {
            let (name, name_en, status) = (id.to_owned(), String::new(), FacilityStatus::Active);
            desk.directory(DirectoryChange::Facility(Facility { id: facility(id), kind, name, name_en, status }));
        }
        let rule = ScopeRule {
            categories: CategorySet::all(),
            viewer_kinds: FacilityKindSet::all(),
            viewer_roles: RoleSet::all(),
            departments: Vec::new(),
            author_roles: RoleSet::all(),
            labels: Labels::of(Label::Psy),
            since: None,
            hold_back: HoldBack::None,
        };
        desk.directory(DirectoryChange::Scope(DisclosureScope::of(facility(SOURCE), vec![rule])));
        desk.directory(DirectoryChange::Link(LinkChange::Linked(Link {
            id: LinkId::parse("l1").unwrap(),
            a: patient(SOURCE, "001"),
            b: patient(VIEWER, "901"),
            evidence: LinkEvidence::ConsentForm,
            confirmed_by: MemberId::parse("dr-gamma").unwrap(),
            confirmed_at: moment(1_700_000_000_000_000),
        })));
        desk.consent("c1", Labels::NONE);
        desk.line.publish();
        let who =
            Principal { facility: facility(VIEWER), member: None, role: Role::System, purpose: Purpose::Treatment };
        let feed = desk.line.listen(&who, FeedStart::Beginning);
        (desk, feed)
    }

    fn say(&mut self, body: Body) {
        let partition = if matches!(body, Body::Directory(_)) { 0 } else { 1 };
        self.next += 1;
        let key = EventKey { source: facility(SOURCE), id: EventId::parse(&format!("e{}", self.next)).unwrap() };
        self.line.take(Position::new(partition, self.next), &Event { key, admitted_at: clock(), body });
    }
    fn directory(&mut self, change: DirectoryChange) {
        self.say(Body::Directory(change));
    }
    fn consent(&mut self, id: &str, labels: Labels) {
        self.say(Body::Consent(ConsentChange::Given(Consent {
            id: ConsentId::parse(id).unwrap(),
            patient: patient(SOURCE, "001"),
            viewers: Viewers::AllMembers,
            state: ConsentState::Active,
            supersedes: None,
            period: Period::ALWAYS,
            data_period: Period::ALWAYS,
            categories: CategorySet::all(),
            departments: Vec::new(),
            labels,
            purposes: PurposeSet::of(Purpose::Treatment),
            exceptions: Exceptions::none(),
            signer: Signer::Patient,
            taken_by: facility("reception"),
            signed_at: moment(1_700_000_000_000_000),
            form_digest: String::new(),
            paper: Box::default(),
        })));
    }
    fn withdraw(&mut self, id: &str) {
        self.say(Body::Consent(ConsentChange::Withdrawn(Withdrawal {
            id: ConsentId::parse(id).unwrap(),
            patient: patient(SOURCE, "001"),
            withdrawn_at: moment(1_700_000_000_000_000),
        })));
    }
    fn record(&mut self, id: &str, version: u64, labels: Labels) {
        let record = Record::new(
            patient(SOURCE, "001"),
            RecordId::parse(id).unwrap(),
            Version::new(version).unwrap(),
            Category::Laboratory,
            moment(1_701_000_000_000_000),
            moment(1_701_000_000_000_000),
            labels,
            None,
            Author { member: None, role: Role::Physician },
            ChangeKind::Upsert,
            Some(payload(Category::Laboratory, &mut rng(1))),
        );
        self.say(Body::Record(Box::new(record.unwrap())));
    }
    /// Publishes, and gives what the feed says of it, heartbeats aside.
    async fn said(&self, feed: &mut Subscription) -> Vec<String> {
        self.line.publish();
        let mut said = Vec::new();
        loop {
            let item = tokio::time::timeout(Duration::from_secs(20), feed.next(Duration::from_millis(20))).await;
            said.push(match item.expect("a feed speaks").expect("a feed goes on").unwrap() {
                FeedItem::Appeared { record, .. } => format!("+ {} v{}", record.id.as_str(), record.version.get()),
                FeedItem::Changed { record, .. } => format!("~ {} v{}", record.id.as_str(), record.version.get()),
                FeedItem::Vanished { record, .. } => format!("- {}", record.id.as_str()),
                FeedItem::Heartbeat { frontier, .. } if frontier.covers(&self.line.frontier) => return said,
                FeedItem::Heartbeat { .. } => continue,
                other => panic!("{other:?}"),
            });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_was_hidden_and_then_opened_is_there() {
    let (mut desk, mut feed) = Desk::open().await;
    desk.record("r1", 1, Labels::NONE);
    assert_eq!(desk.said(&mut feed).await, ["+ r1 v1"]);
    // What stands next has a label, which is opened only after it.
    desk.record("r1", 2, Labels::of(Label::Psy));
    desk.consent("c2", Labels::of(Label::Psy));
    assert_eq!(desk.said(&mut feed).await, ["- r1", "+ r1 v2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_is_written_after_a_withdrawal_not_even_the_end_is_told() {
    let (mut desk, mut feed) = Desk::open().await;
    desk.record("r1", 1, Labels::NONE);
    assert_eq!(desk.said(&mut feed).await, ["+ r1 v1"]);
    desk.withdraw("c1");
    desk.record("r2", 1, Labels::NONE);
    assert_eq!(desk.said(&mut feed).await, ["- r1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_replaced_after_a_change_of_permissions_changes_and_does_not_vanish() {
    let (mut desk, mut feed) = Desk::open().await;
    desk.record("r1", 1, Labels::NONE);
    assert_eq!(desk.said(&mut feed).await, ["+ r1 v1"]);
    desk.consent("c2", Labels::of(Label::Psy));
    desk.record("r1", 2, Labels::NONE);
    assert_eq!(desk.said(&mut feed).await, ["~ r1 v2"]);
    // A view built from it is what the book permits.
    let mut mirror = Mirror::default();
    let who = feed.principal().clone();
    let mut anew = desk.line.listen(&who, FeedStart::Beginning);
    mirror.follow(&mut anew, &desk.line.frontier).await;
    assert_eq!(mirror.records.values().copied().collect::<Vec<_>>(), [2]);
}
