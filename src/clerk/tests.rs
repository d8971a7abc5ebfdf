use super::*;
use event_log::{Letter, MemoryLog, PartitionKey};
use model::{Agent, AuditOutcome, EventId, Moment, Purpose, Role, Salt, Shown};
use std::num::NonZeroU32;

fn frontier(text: &str) -> Frontier {
    text.parse().unwrap()
}

/// The letter of one disclosure.
fn disclosure(number: u8, since: &str, seen: &str) -> Letter {
    let facility = FacilityId::parse("clinic").unwrap();
    let at = Moment::from_micros(0).unwrap();
    let audit = AuditEvent {
        id: ActId(u128::from(number)),
        part: 0,
        agent: Agent { facility: facility.clone(), member: None, role: Role::System },
        purpose: Purpose::Operations,
        what: What::Disclosure { since: frontier(since), seen: frontier(seen) },
        began: at,
        ended: at,
        outcome: AuditOutcome::Completed,
        shown: Shown::default(),
        salt: Salt::from_bytes([number; 32]),
    };
    let key = EventKey { source: facility, id: EventId::parse(&format!("disclosure-{number}")).unwrap() };
    let payload = wire::write_event(&Event { key, admitted_at: at, body: Body::Audit(Box::new(audit)) });
    Letter { key: PartitionKey::Control, event: u128::from(number), trace: None, payload }
}

/// The clerk of a node that finds these disclosures in its log, and no committed views.
async fn clerk(disclosures: &[(&str, &str)]) -> (Clerk, tempfile::TempDir) {
    let log = MemoryLog::new(NonZeroU32::new(2).unwrap());
    for (number, (since, seen)) in (0..).zip(disclosures) {
        log.append(vec![disclosure(number, since, seen)]).await.unwrap();
    }
    let log: Arc<dyn EventLog> = Arc::new(log);
    let clock = crate::identity::system_clock();
    let (recorder, _recording) = Recorder::start(Arc::clone(&log), Arc::clone(&clock));
    let directory = tempfile::tempdir().unwrap();
    let keeping = Keeping { disclosures: true, mark: directory.path().join("mark") };
    (Clerk::open(&log, &recorder, &clock, &Frontier::start(), keeping).await.unwrap(), directory)
}

#[tokio::test]
async fn the_first_disclosures_of_a_node_are_made_whole_if_it_was_killed_while_it_wrote_them() {
    let (clerk, _directory) = clerk(&[("", "0:1,1:3")]).await;
    assert_eq!(clerk.telling(Position::new(1, 2)), Telling::Again, "another facility's may be missing");
    assert_eq!(clerk.telling(Position::new(1, 3)), Telling::Fresh);
    assert!(!clerk.may_commit(&frontier("0:1,1:2")), "nothing is committed before they were read again");
    assert!(clerk.may_commit(&frontier("0:1,1:3")));
}

#[tokio::test]
async fn where_the_views_were_deleted_what_was_told_long_ago_counts_as_told() {
    let (clerk, _directory) = clerk(&[("", "0:1,1:3"), ("0:1,1:3", "0:2,1:9")]).await;
    assert_eq!(clerk.telling(Position::new(1, 2)), Telling::Nothing);
    assert_eq!(clerk.telling(Position::new(1, 8)), Telling::Nothing);
    assert_eq!(clerk.telling(Position::new(1, 9)), Telling::Fresh);
    assert!(clerk.may_commit(&frontier("1:1")), "it need not all be held in memory");
}
