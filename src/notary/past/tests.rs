use super::*;
use event_log::{Letter, MemoryLog, PartitionKey};
use ledger::{Entry, Recalled};
use model::{
    ActId, AuditOutcome, Author, CategorySet, Digest, EventId, EventKey, Exceptions, FacilityId, Labels, LinkEvidence,
    MemberId, Message, Moment, PatientNumber, Payload, Period, Principal, Purpose, PurposeSet, Reading, Record,
    RecordId, Role, Salt, Signer, Unlink, Viewers, What, Withdrawal,
};
use std::num::NonZeroU32;

fn at() -> Moment {
    Moment::from_micros(1_780_000_000_000_000).unwrap()
}
fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
fn patient(at: &str, number: &str) -> PatientRef {
    PatientRef::new(facility(at), PatientNumber::parse(number).unwrap())
}
fn member(id: &str) -> MemberId {
    MemberId::parse(id).unwrap()
}
fn given(viewer: &str, state: ConsentState) -> Body {
    Body::Consent(ConsentChange::Given(Consent {
        id: ConsentId::parse("c-1").unwrap(),
        taken_by: facility(viewer),
        viewers: Viewers::Facilities(vec![facility(viewer)]),
        patient: patient("nmc", "001"),
        state,
        supersedes: None,
        period: Period::ALWAYS,
        data_period: Period::ALWAYS,
        categories: CategorySet::all(),
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::of(Purpose::Treatment),
        exceptions: Exceptions::none(),
        signer: Signer::Patient,
        signed_at: at(),
        form_digest: String::new(),
        paper: Box::default(),
    }))
}
fn withdrawn() -> Body {
    let id = ConsentId::parse("c-1").unwrap();
    Body::Consent(ConsentChange::Withdrawn(Withdrawal { id, patient: patient("nmc", "001"), withdrawn_at: at() }))
}
fn record(version: u64, change: ChangeKind) -> Body {
    let says = Payload::Message(Message { subject: String::new(), text: "x".to_owned() });
    let record = Record::new(
        patient("nmc", "001"),
        RecordId::parse("r-1").unwrap(),
        Version::new(version).unwrap(),
        Category::Message,
        at(),
        at(),
        Labels::NONE,
        None,
        Author { member: None, role: Role::System },
        change,
        (change != ChangeKind::Delete).then_some(says),
    );
    Body::Record(Box::new(record.unwrap()))
}
fn linked(id: &str, a: PatientRef, b: PatientRef) -> Body {
    let id = LinkId::parse(id).unwrap();
    let (evidence, confirmed_by, confirmed_at) = (LinkEvidence::Manual, member("m"), at());
    Body::Directory(DirectoryChange::Link(LinkChange::Linked(Link { id, a, b, evidence, confirmed_by, confirmed_at })))
}
fn unlinked(id: &str) -> Body {
    let unlink = Unlink { id: LinkId::parse(id).unwrap(), by: member("m"), at: at() };
    Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink)))
}

async fn log(bodies: Vec<Body>) -> Arc<dyn EventLog> {
    let log = MemoryLog::new(NonZeroU32::MIN);
    for (number, body) in (0..).zip(bodies) {
        let key = EventKey { source: facility("nmc"), id: EventId::parse(&format!("e-{number}")).unwrap() };
        let event = Event { key, admitted_at: at(), body };
        let partition = event.patient().map(PatientRef::partition_key);
        let key = partition.map_or(PartitionKey::Control, |key| PartitionKey::Patient(key.into()));
        let payload = wire::write_event(&event);
        log.append(vec![Letter { key, event: number, trace: None, payload }]).await.unwrap();
    }
    Arc::new(log)
}

/// Which of the queries by `viewer` at these places in a partition the recalls name.
fn named(recalls: &[Recall], viewer: &str, seen: impl Iterator<Item = String>) -> Vec<usize> {
    let found = seen.enumerate().filter_map(|(number, seen)| {
        let (facility, role) = (facility(viewer), Role::System);
        let principal = Principal { facility, member: None, role, purpose: Purpose::Treatment };
        let what = What::Query { statement: Digest::from_bytes([1; 32]), seen: seen.parse().unwrap() };
        let mut reading = Reading::begin(ActId(1), &principal, what, at());
        reading.rows(&patient("nmc", "001"), Category::Message, 1);
        let event = reading.finish(at(), AuditOutcome::Completed, || Salt::from_bytes([2; 32])).remove(0);
        let entry = Entry { position: Position::new(0, 99), event };
        let recalled: Vec<Recalled> = recalls.iter().filter_map(|recall| recall.of(0, &entry)).collect();
        (!recalled.is_empty()).then_some(number + 1)
    });
    found.collect()
}
/// Queries after 1, 2, … 9 letters of the patients' partition.
fn in_partition_1() -> impl Iterator<Item = String> {
    (1..10).map(|next| format!("0:1,1:{next}"))
}

#[tokio::test]
async fn each_statement_of_a_withdrawn_consent_recalls_those_it_let_in() {
    let statements = vec![
        given("sato", ConsentState::Draft),  // offset 0
        given("sato", ConsentState::Active), // 1: sato from 2 letters on
        record(1, ChangeKind::Upsert),       // 2
        given("ueda", ConsentState::Active), // 3: ueda from 4 letters on, sato no more
        withdrawn(),                         // 4
        given("sato", ConsentState::Active), // 5: withdrawn for good, opens nothing
    ];
    let id = ConsentId::parse("c-1").unwrap();
    let recalls = of_consent(&log(statements.clone()).await, &id, None).await.unwrap();
    assert_eq!(named(&recalls, "sato", in_partition_1()), [2, 3]);
    assert_eq!(named(&recalls, "ueda", in_partition_1()), [4]);
    assert_eq!(named(&recalls, "nmc", in_partition_1()), [0; 0]);
    let standing = of_consent(&log(statements[..4].to_vec()).await, &id, Some(&patient("nmc", "001"))).await.unwrap();
    assert_eq!(standing, [], "it was not withdrawn");
}

#[tokio::test]
async fn each_version_of_a_record_recalls_those_who_saw_it_before_the_next() {
    let versions = vec![
        record(2, ChangeKind::Upsert),  // 0: shown from 1 letter on
        record(1, ChangeKind::Upsert),  // 1: late, never shown
        record(3, ChangeKind::Correct), // 2
        record(4, ChangeKind::Delete),  // 3
        record(5, ChangeKind::Upsert),  // 4: stands
    ];
    let reference = RecordRef { source: facility("nmc"), id: RecordId::parse("r-1").unwrap() };
    let recalls = of_record(&log(versions).await, &reference).await.unwrap();
    assert_eq!(recalls.iter().map(|recall| recall.cause).collect::<Vec<_>>(), [Cause::Corrected, Cause::Deleted]);
    assert_eq!(named(&recalls[..1], "sato", in_partition_1()), [1, 2]);
    assert_eq!(named(&recalls[1..], "sato", in_partition_1()), [3]);
}

#[tokio::test]
async fn a_wrong_link_recalls_the_whole_of_both_persons_while_it_held() {
    let (here, there, beyond) = (patient("nmc", "001"), patient("sato", "9"), patient("ueda", "7"));
    let links = vec![
        linked("right", there.clone(), beyond), // 0
        linked("wrong", here, there),           // 1: from 2 letters on
        linked("other", patient("nmc", "5"), patient("ito", "5")),
        unlinked("wrong"), // 3
    ];
    let id = LinkId::parse("wrong").unwrap();
    let recalls = of_link(&log(links.clone()).await, &id).await.unwrap();
    let in_control = || (1..7).map(|next| format!("0:{next},1:1"));
    assert_eq!(named(&recalls, "sato", in_control()), [2, 3]);
    assert_eq!(named(&recalls, "ueda", in_control()), [2, 3], "by the right link beyond the wrong one");
    assert_eq!(named(&recalls, "ito", in_control()), [0; 0]);
    assert_eq!(of_link(&log(links[..3].to_vec()).await, &id).await.unwrap(), [], "it was not taken back");
}
