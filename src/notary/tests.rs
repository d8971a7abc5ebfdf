use super::*;
use event_log::{Letter, MemoryLog, PartitionKey};
use ledger::{Subject, Verifier, entry_line};
use model::{
    ActId, AuditOutcome, Category, DirectoryChange, EventId, EventKey, Facility, FacilityId, FacilityKind,
    FacilityStatus, Frontier, PatientNumber, PatientRef, Principal, Purpose, Reading, Role, Salt, What,
};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt as _;

fn at(minutes: i64) -> Moment {
    Moment::from_micros(1_780_000_000_000_000 + minutes * 60_000_000).unwrap()
}
fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
fn audited(number: u64, rows: u64) -> Body {
    let (facility_id, role) = (facility("sato"), Role::System);
    let principal = Principal { facility: facility_id, member: None, role, purpose: Purpose::Treatment };
    let what = What::Query { statement: Digest::from_bytes([1; 32]), seen: Frontier::start() };
    let mut reading = Reading::begin(ActId(u128::from(number)), &principal, what, at(0));
    let patient = PatientRef::new(facility("nmc"), PatientNumber::parse("001").unwrap());
    reading.rows(&patient, Category::Laboratory, rows);
    let event = reading.finish(at(1), AuditOutcome::Completed, || Salt::from_bytes([2; 32])).remove(0);
    Body::Audit(Box::new(event))
}
fn stated() -> Body {
    let (kind, status) = (FacilityKind::Clinic, FacilityStatus::Active);
    let (name, name_en) = ("佐藤医院".to_owned(), String::new());
    Body::Directory(DirectoryChange::Facility(Facility { id: facility("sato"), kind, name, name_en, status }))
}

async fn log(bodies: &[Body]) -> Arc<dyn EventLog> {
    let log = MemoryLog::new(NonZeroU32::MIN);
    for (number, body) in (0..).zip(bodies) {
        append(&log, number, body.clone()).await;
    }
    Arc::new(log)
}
async fn append(log: &dyn EventLog, number: u128, body: Body) {
    let key = EventKey { source: facility("sato"), id: EventId::parse(&format!("e-{number}")).unwrap() };
    let payload = wire::write_event(&Event { key, admitted_at: at(0), body });
    log.append(vec![Letter { key: PartitionKey::Control, event: number, trace: None, payload }]).await.unwrap();
}
async fn history(log: &Arc<dyn EventLog>) -> History {
    History::read(log, &mut |_, _| Ok(())).await.unwrap()
}

#[tokio::test]
async fn what_is_signed_verifies_with_the_entries_of_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let notary = Notary::open(directory.path(), "n1").unwrap();
    let log = log(&[audited(1, 3), stated(), audited(2, 4)]).await;
    let first = notary.sign(&history(&log).await, at(10)).unwrap();
    append(log.as_ref(), 9, audited(3, 5)).await;
    let history = history(&log).await;
    let (head, _) = notary.sign(&history, at(20)).unwrap();
    assert_eq!((first.0.size, head.size, head.next), (2, 3, Offset(4)));
    assert_eq!(history.names.facility(&facility("sato"), ledger::Language::Japanese), "佐藤医院");

    let mut lines = Vec::new();
    History::read(&log, &mut |index, entry| {
        lines.push(entry_line(index, entry, &history.proof(index).unwrap())?);
        Ok(())
    })
    .await
    .unwrap();
    let heads = notary.heads().unwrap();
    assert_eq!(heads.len(), 2);
    let published = std::fs::read_to_string(directory.path().join("ledger/verifying-key.txt")).unwrap();
    let key = VerifyingKey::parse(&published).unwrap();
    let mut verifier = Verifier::begin(&key, heads.iter().map(String::as_str), Some(&first.1));
    lines.iter().for_each(|line| verifier.line(line));
    let verdict = verifier.finish();
    assert!(verdict.is_whole(), "{:?}", verdict.findings);
    assert_eq!((verdict.proved, verdict.head), (3, Some(head)));
}

#[tokio::test]
async fn a_ledger_that_has_not_grown_keeps_its_head() {
    let directory = tempfile::tempdir().unwrap();
    let log = log(&[audited(1, 3)]).await;
    let notary = Notary::open(directory.path(), "n1").unwrap();
    let (head, note) = notary.sign(&history(&log).await, at(10)).unwrap();
    append(log.as_ref(), 5, stated()).await;
    let key = notary.verifying();
    let second = Notary::open(directory.path(), "n1").unwrap_err();
    assert!(second.to_string().contains("another process"), "{second}");
    drop(notary);
    let again = Notary::open(directory.path(), "n1").unwrap();
    assert_eq!(again.verifying(), key, "the key is made once");
    assert_eq!(again.sign(&history(&log).await, at(20)).unwrap(), (head, note));
    assert_eq!(again.heads().unwrap().len(), 1);
}

#[tokio::test]
async fn a_log_that_is_not_the_history_that_was_signed_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let notary = Notary::open(directory.path(), "n1").unwrap();
    notary.sign(&history(&log(&[audited(1, 3), audited(2, 4)]).await).await, at(10)).unwrap();
    let changed = [audited(1, 3), audited(2, 5), audited(3, 1)];
    let shorter = [audited(1, 3)];
    let other_order = [audited(2, 4), audited(1, 3)];
    for bodies in [&changed[..], &shorter[..], &other_order[..]] {
        let refused = notary.sign(&history(&log(bodies).await).await, at(20)).unwrap_err();
        assert!(matches!(refused, NotaryError::History { size: 2, .. }), "{refused}");
    }
    assert_eq!(notary.heads().unwrap().len(), 1, "nothing was signed");
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_is_counted_and_is_no_entry() {
    let log = log(&[audited(1, 3)]).await;
    let payload = bytes::Bytes::from_static(b"\xff\xff");
    log.append(vec![Letter { key: PartitionKey::Control, event: 77, trace: None, payload }]).await.unwrap();
    let history = history(&log).await;
    assert_eq!((history.size(), history.unreadable, history.next), (1, 1, Offset(2)));
}

#[test]
fn the_key_is_the_nodes_alone_and_a_damaged_one_is_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    Notary::open(directory.path(), "n1").unwrap();
    let key = directory.path().join("ledger/key.pem");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&key, "nothing").unwrap();
    assert!(matches!(Notary::open(directory.path(), "n1").unwrap_err(), NotaryError::Key { .. }));
    assert_eq!(std::fs::read_to_string(&key).unwrap(), "nothing");
    let spaced = Notary::open(directory.path(), "node 1").unwrap_err();
    assert!(matches!(spaced, NotaryError::Name(_)), "{spaced}");
}

#[tokio::test]
async fn a_kept_head_that_this_key_did_not_sign_is_named_by_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let notary = Notary::open(directory.path(), "n1").unwrap();
    let history = history(&log(&[audited(1, 3)]).await).await;
    notary.sign(&history, at(10)).unwrap();
    let heads = directory.path().join("ledger/heads.ndjson");
    let kept = std::fs::read_to_string(&heads).unwrap();
    std::fs::write(&heads, format!("{kept}{{}}\n")).unwrap();
    drop(notary);
    let notary = Notary::open(directory.path(), "n1").unwrap();
    assert!(matches!(notary.sign(&history, at(20)).unwrap_err(), NotaryError::Head { line: 2, .. }));
}

#[tokio::test]
async fn the_shelf_is_the_history_at_every_size_and_after_every_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let bodies: Vec<Body> = (0..20)
        .flat_map(|number| if number % 3 == 0 { vec![stated(), audited(number, 1)] } else { vec![audited(number, 2)] })
        .collect();
    for taken in [0, 1, 4, 5, 17, bodies.len()] {
        let log = log(&bodies[..taken]).await;
        let shelf = Shelf::open(directory.path()).unwrap();
        shelf.catch_up(&log).await.unwrap();
        // Again, from the beginning: nothing doubles.
        walk(
            &log,
            (PartitionId::CONTROL, Offset(0)),
            &mut |position, event| Ok(shelf.take(position, &event.unwrap())?),
        )
        .await
        .unwrap();
        let mut index = ledger::MemoryIndex::default();
        let mut places = Vec::new();
        let history = History::read(&log, &mut |number, entry| {
            index.insert(number, entry);
            places.push(entry.position);
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(shelf.size(), history.size());
        for size in 0..=history.size() {
            assert_eq!(shelf.root_at(size), history.root_at(size));
        }
        for (number, place) in (0..).zip(&places) {
            assert_eq!(shelf.proof(number), history.proof(number));
            assert_eq!(shelf.position(number).unwrap(), Some(*place));
        }
        assert_eq!(shelf.position(history.size()).unwrap(), None);
        let patient = PatientRef::new(facility("nmc"), PatientNumber::parse("001").unwrap());
        let (by, other) = (facility("sato"), facility("sat"));
        for subject in [Subject::Patient(&patient), Subject::Facility(&by), Subject::Facility(&other)] {
            assert_eq!(shelf.of(subject).unwrap(), index.of(subject).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn a_kept_shelf_is_signed_as_it_grows_and_once_more_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let notary = Notary::open(directory.path(), "n1").unwrap();
    let shelf = Shelf::open(directory.path()).unwrap();
    let log = log(&[audited(1, 3)]).await;
    let stop = CancellationToken::new();
    let last = async {
        while notary.heads().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        append(log.as_ref(), 8, audited(2, 4)).await;
        stop.cancel();
    };
    let clock = || at(10);
    let kept = keep((&notary, &shelf), &log, &clock, Duration::from_secs(3600), stop.clone());
    let (kept, ()) = tokio::join!(kept, last);
    kept.unwrap();
    let heads = notary.heads().unwrap();
    assert_eq!(heads.len(), 2, "what was appended before the stop is signed");
    let verifier = Verifier::begin(&notary.verifying(), heads.iter().map(String::as_str), None);
    let verdict = verifier.finish();
    assert_eq!(verdict.head.map(|head| head.size), Some(2));
    assert_eq!(verdict.findings, [ledger::Finding::Omitted { entries: 0..2 }], "the heads continue each other");
}

#[tokio::test]
async fn a_shelf_of_another_history_is_not_signed() {
    let directory = tempfile::tempdir().unwrap();
    let notary = Notary::open(directory.path(), "n1").unwrap();
    let first = Shelf::open(directory.path()).unwrap();
    first.catch_up(&log(&[audited(1, 3), audited(2, 4)]).await).await.unwrap();
    notary.sign(&first, at(10)).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let second = Shelf::open(elsewhere.path()).unwrap();
    second.catch_up(&log(&[audited(1, 3), audited(9, 9), audited(3, 1)]).await).await.unwrap();
    assert!(matches!(notary.sign(&second, at(20)).unwrap_err(), NotaryError::History { size: 2, .. }));
    // The refusal did not make it forget what it signed.
    assert!(matches!(notary.sign(&second, at(30)).unwrap_err(), NotaryError::History { size: 2, .. }));
    notary.sign(&first, at(40)).unwrap();
    assert_eq!(notary.heads().unwrap().len(), 1);
}

fn receipt(consent: &str, number: &str) -> Body {
    let principal =
        Principal { facility: facility("nmc"), member: None, role: Role::System, purpose: Purpose::Operations };
    let patient = PatientRef::new(facility("nmc"), PatientNumber::parse(number).unwrap());
    let receipt = model::Receipt {
        consent: model::ConsentId::parse(consent).unwrap(),
        patient,
        position: Position::new(1, 4),
        withdrawn_at: at(3),
        hidden: [(facility("sato"), [(Category::Laboratory, 3)].into_iter().collect())].into(),
        queries_passed: Some(at(4)),
        feeds_passed: None,
        exports_passed: None,
    };
    let reading = Reading::begin(ActId(77), &principal, What::Receipt(Box::new(receipt)), at(4));
    let event = reading.finish(at(4), AuditOutcome::Completed, || Salt::from_bytes([3; 32])).remove(0);
    Body::Audit(Box::new(event))
}

async fn reader(directory: &Path, log: &Arc<dyn EventLog>) -> Reader {
    let notary = Arc::new(Notary::open(directory, "n1").unwrap());
    Reader::new(notary, Arc::new(Shelf::open(directory).unwrap()), Arc::clone(log))
}

#[tokio::test]
async fn what_a_running_node_answers_is_proved_however_the_ledger_grows_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let log = log(&[audited(1, 3), stated(), audited(2, 4)]).await;
    let reader = reader(directory.path(), &log).await;
    let then = reader.head(at(10)).await.unwrap();
    for number in 3..400 {
        append(log.as_ref(), u128::from(number) + 100, audited(number, 1)).await;
    }
    let now = reader.head(at(20)).await.unwrap();
    assert_eq!((then.head.size, now.head.size), (2, 399));

    let patient = PatientRef::new(facility("nmc"), PatientNumber::parse("001").unwrap());
    for signed in [&then, &now] {
        let report = reader.report(&patient, signed).await.unwrap();
        let (read, head) = ledger::Report::verify(&reader.report_json(&report).unwrap(), &reader.verifying()).unwrap();
        assert_eq!((read.lines.len() as u64, head), (signed.head.size, signed.head));
    }
    let nobody = PatientRef::new(facility("nmc"), PatientNumber::parse("00").unwrap());
    assert_eq!(reader.report(&nobody, &now).await.unwrap().lines, []);

    let proof = reader.consistency(2, 399).unwrap();
    assert!(ledger::extends((2, &then.head.root), (399, &now.head.root), &proof));
    assert!(reader.consistency(3, 2).is_none() && reader.consistency(2, 400).is_none());
    assert_eq!(reader.heads(&then).unwrap().len(), 1, "a head that was signed later does not belong to it");
    assert_eq!(reader.heads(&now).unwrap().len(), 2);
    let far_apart = reader.entries([0, 398, 1]).await.unwrap();
    assert_eq!(far_apart.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 398, 1]);
    assert!(matches!(reader.entries([399]).await.unwrap_err(), NotaryError::Nodes));
}

#[tokio::test]
async fn a_patient_is_given_the_signed_receipts_of_their_own_withdrawals() {
    let directory = tempfile::tempdir().unwrap();
    let log = log(&[audited(1, 3), receipt("c-1", "001"), receipt("c-2", "002"), receipt("c-3", "001")]).await;
    let reader = reader(directory.path(), &log).await;
    let head = reader.head(at(10)).await.unwrap().head;
    let patient = PatientRef::new(facility("nmc"), PatientNumber::parse("001").unwrap());
    let receipts = reader.receipts(&patient, &head).await.unwrap();
    let named: Vec<(u64, &str)> = receipts.iter().map(|(at, receipt)| (*at, receipt.consent.as_str())).collect();
    assert_eq!(named, [(1, "c-1"), (3, "c-3")]);
    for (_, receipt) in &receipts {
        let note = reader.sign_receipt(receipt).unwrap();
        assert_eq!(ledger::open_receipt(&note, &reader.verifying()).as_ref(), Ok(receipt));
    }
    // The node that keeps it signed is still the only one that signs.
    assert!(Notary::open(directory.path(), "n1").is_err());
}
