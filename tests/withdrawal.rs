//! A patient withdraws while a clinic watches and queries a real node: the feed is thinned, the query ends, and the receipt
//! stands in the ledger with what was hidden and when, signed and proved; also when the node is killed in between.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::notary::Notary;
use ajisai::rig::Rig;
use model::{AuditOutcome, Category, Counts, FacilityId, Moment, Position, Principal, Receipt, What};
use prost::Message;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tonic::Code;
use wire::v1;

const SIZE: Size = Size { sources: 1, viewers: 2, patients: 8, audience: 1 };
/// Of each patient.
const ROWS: u64 = 40;

#[track_caller]
fn said(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ajisai")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn publish(rig: &Rig, run: &str) -> model::Frontier {
    let source = Rig::system(region::source(0).unwrap());
    let records = Records::new(SIZE, 0, run, 600).unwrap();
    let stamp = Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
    let events = (0..ROWS * u64::from(SIZE.patients)).map(|n| v1::PublishRequest {
        event: records.event(n, stamp).unwrap().encode_to_vec().into(),
        traceparent: String::new(),
    });
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(&source).await.unwrap());
    let request = v1::PublishBatchRequest { events: events.collect() };
    let mut reached = model::Frontier::start();
    for answer in door.publish_batch(request).await.unwrap().into_inner().responses {
        let Some(v1::publish_response::Outcome::Accepted(accepted)) = answer.outcome else { panic!("refused") };
        let position = accepted.position.unwrap();
        reached.include(Position::new(position.partition, position.offset));
    }
    bench::wait_until_visible(rig, &reached).await.unwrap();
    reached
}

/// Patient `number` withdraws the one consent; acknowledged when it returns.
async fn withdraw(rig: &Rig, number: u32) -> Position {
    let source = region::source(0).unwrap();
    let patient = v1::PatientRef { facility: source.as_str().to_owned(), number: format!("{number:08}") };
    let withdrawal =
        v1::Withdrawal { id: format!("c-0-{number}"), patient: Some(patient), ..v1::Withdrawal::default() };
    let request = v1::WithdrawConsentRequest { withdrawal: Some(withdrawal), request_id: String::new() };
    let channel = rig.channel(&Rig::system(source)).await.unwrap();
    let mut door = v1::consent_service_client::ConsentServiceClient::new(channel);
    let position = door.withdraw(request).await.unwrap().into_inner().position.unwrap();
    Position::new(position.partition, position.offset)
}

async fn watch(rig: &Rig, who: &Principal) -> tonic::Streaming<v1::FeedItem> {
    let from = Some(v1::watch_request::From::Frontier(v1::Frontier::default()));
    let request = v1::WatchRequest { from, categories: Vec::new(), heartbeat_ms: 100 };
    let channel = rig.channel(who).await.unwrap();
    v1::feed_service_client::FeedServiceClient::new(channel).watch(request).await.unwrap().into_inner()
}

/// The next item that is no heartbeat.
async fn next(feed: &mut tonic::Streaming<v1::FeedItem>) -> Result<v1::feed_item::Item, tonic::Status> {
    loop {
        // The feed speaks, and ends with a status.
        let message = tokio::time::timeout(Duration::from_secs(30), feed.message()).await.unwrap()?;
        match message.unwrap().item.unwrap() {
            v1::feed_item::Item::Heartbeat(_) => {}
            item => return Ok(item),
        }
    }
}

/// Everything the stopped node's ledger says, verified.
fn entries(rig: &Rig, directory: &str) -> Vec<model::AuditEvent> {
    let config = rig.config().display().to_string();
    said(&["ledger", "export", "--config", &config, "--dir", directory]);
    said(&["ledger", "verify", directory]);
    let text = std::fs::read_to_string(Path::new(directory).join("entries.ndjson")).unwrap();
    text.lines().map(|line| ledger::read_entry_line(line).unwrap().1.event).collect()
}

fn receipts(entries: &[model::AuditEvent]) -> Vec<&Receipt> {
    let receipts = entries.iter().map(|entry| match &entry.what {
        What::Receipt(receipt) => Some(receipt.as_ref()),
        _ => None,
    });
    receipts.flatten().collect()
}

fn hidden(from: &FacilityId) -> std::collections::BTreeMap<FacilityId, Counts> {
    [(from.clone(), Counts::from_iter([(Category::Laboratory, ROWS)]))].into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_reaches_what_is_open_and_its_receipt_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    publish(&rig, "open").await;
    let (viewer, other) = (Rig::system(region::viewer(0).unwrap()), Rig::system(region::viewer(1).unwrap()));

    // The clinic watches, and asks for far more than it reads.
    let mut feed = watch(&rig, &viewer).await;
    let half = ROWS * u64::from(SIZE.patients) / 2;
    for _ in 0..half {
        assert!(matches!(next(&mut feed).await.unwrap(), v1::feed_item::Item::Appeared(_)));
    }
    let mut departing = watch(&rig, &other).await;
    for _ in 0..half {
        assert!(matches!(next(&mut departing).await.unwrap(), v1::feed_item::Item::Appeared(_)));
    }
    let sql = "SELECT l.*, g.x FROM laboratory l, generate_series(1, 100000) AS g(x)".to_owned();
    let channel = rig.channel(&viewer).await.unwrap();
    let mut query = v1::query_service_client::QueryServiceClient::new(channel);
    let mut answer = query.query(v1::QueryRequest { sql, ..Default::default() }).await.unwrap().into_inner();
    for _ in 0..3 {
        assert!(answer.message().await.unwrap().is_some());
    }

    let before = Moment::from_micros(now()).unwrap();
    let position = withdraw(&rig, 0).await;
    let mut vanished = 0;
    while vanished < ROWS {
        match next(&mut feed).await.unwrap() {
            v1::feed_item::Item::Vanished(item) => {
                vanished += 1;
                let at = item.position.unwrap();
                assert_eq!(Position::new(at.partition, at.offset), position, "thinned by the withdrawal itself");
            }
            other => panic!("only what was withdrawn goes: {other:?}"),
        }
    }
    let ended = loop {
        match answer.message().await {
            Ok(part) => assert!(part.is_some(), "the answer ended as if it were whole"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Aborted, "{ended:?}");

    // The other clinic leaves the network: its feed is emptied and closed.
    let left = v1::Facility {
        status: v1::FacilityStatus::Inactive.into(),
        ..region::facilities(SIZE).unwrap().into_iter().find(|f| f.id == other.facility.as_str()).unwrap()
    };
    let operator = rig.channel(&Rig::operator().unwrap()).await.unwrap();
    let mut desk = v1::directory_service_client::DirectoryServiceClient::new(operator);
    desk.put_facility(v1::PutFacilityRequest { facility: Some(left), ..Default::default() }).await.unwrap();
    let mut vanished = 0;
    let closed = loop {
        match next(&mut departing).await {
            Ok(v1::feed_item::Item::Vanished(_)) => vanished += 1,
            Ok(other) => panic!("{other:?}"),
            Err(status) => break status,
        }
    };
    assert_eq!((closed.code(), vanished), (Code::PermissionDenied, half), "{closed:?}");
    drop((feed, answer));
    rig.stop(Duration::from_secs(60)).await.unwrap();

    let entries = entries(&rig, &directory.path().join("audit").display().to_string());
    let receipts = receipts(&entries);
    assert_eq!(receipts.len(), 1);
    let receipt = receipts[0];
    assert_eq!((receipt.consent.as_str(), receipt.position), ("c-0-0", position));
    assert_eq!(receipt.hidden, hidden(&viewer.facility), "as many rows as were shown, from the one who saw them");
    let (queries, feeds) = (receipt.queries_passed.unwrap(), receipt.feeds_passed.unwrap());
    assert!(before < queries && before < feeds, "{receipt:?}");
    assert!(queries.since(before) < 30_000_000 && feeds.since(before) < 30_000_000, "{receipt:?}");
    assert_eq!(receipt.exports_passed, None, "nothing left by Flight SQL");
    let notary = Notary::open(&rig.data(), "rig").unwrap();
    let note = ledger::sign_receipt(receipt, notary.key()).unwrap();
    assert_eq!(ledger::open_receipt(&note, &notary.verifying()).as_ref(), Ok(receipt));

    // The statement and the feed that were ended say that a permission ended them.
    let closed = |wanted: fn(&What) -> bool| {
        let of = entries.iter().filter(|entry| wanted(&entry.what));
        of.filter(|entry| entry.outcome == AuditOutcome::Closed).map(|entry| &entry.agent.facility).collect::<Vec<_>>()
    };
    assert_eq!(closed(|what| matches!(what, What::MachinePull { .. })), [&viewer.facility]);
    assert_eq!(closed(|what| matches!(what, What::Feed { .. })), [&other.facility]);

    // What became visible is told: all rows of each patient, once, to the one clinic that sees them.
    let mut told = std::collections::BTreeMap::new();
    for entry in entries.iter().filter(|entry| matches!(entry.what, What::Disclosure { .. })) {
        for (patient, counts) in entry.shown.iter() {
            *told.entry((entry.agent.facility.clone(), patient.number().clone())).or_insert(0) += counts.total();
        }
    }
    assert_eq!(told.len(), SIZE.patients as usize);
    assert!(told.values().all(|rows| *rows == ROWS), "{told:?}");
}

/// What `ajisai ledger receipts` says of a consent, and where it wrote the signed notes; tried until there is one.
fn asked_for(rig: &Rig, who: &Principal, consent: &str, directory: &Path) -> (String, std::path::PathBuf) {
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    let token = rig.token(who).unwrap();
    let notes = directory.join("receipts");
    let written = notes.display().to_string();
    let asked =
        ["ledger", "receipts", "--consent", consent, "--dir", &written, "--address", &address, "--token", &token];
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let output = Command::new(env!("CARGO_BIN_EXE_ajisai")).args(asked).output().unwrap();
        if output.status.success() {
            return (String::from_utf8(output.stdout).unwrap(), notes.join(format!("{consent}.txt")));
        }
        assert_eq!(output.status.code(), Some(3), "there is none yet: {output:?}");
        assert!(std::time::Instant::now() < deadline, "no receipt came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_node_gives_the_receipt_to_the_source_and_it_verifies_without_the_node() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    publish(&rig, "receipt").await;
    let (source, viewer) = (Rig::system(region::source(0).unwrap()), Rig::system(region::viewer(0).unwrap()));

    // A feed that has caught up, and a query in the midst of its rows.
    let mut feed = watch(&rig, &viewer).await;
    for _ in 0..ROWS * u64::from(SIZE.patients) / 2 {
        assert!(matches!(next(&mut feed).await.unwrap(), v1::feed_item::Item::Appeared(_)));
    }
    let sql = "SELECT l.*, g.x FROM laboratory l, generate_series(1, 100000) AS g(x)".to_owned();
    let mut query = v1::query_service_client::QueryServiceClient::new(rig.channel(&viewer).await.unwrap());
    let mut answer = query.query(v1::QueryRequest { sql, ..Default::default() }).await.unwrap().into_inner();
    for _ in 0..3 {
        assert!(answer.message().await.unwrap().is_some());
    }

    let before = Moment::from_micros(now()).unwrap();
    let position = withdraw(&rig, 0).await;
    while matches!(answer.message().await, Ok(Some(_))) {}
    let (text, note) = asked_for(&rig, &source, "c-0-0", directory.path());
    let after = Moment::from_micros(now()).unwrap();
    for word in [viewer.facility.as_str(), "検査結果", &format!("{ROWS}"), &position.to_string()] {
        assert!(text.contains(word), "{word}: {text}");
    }

    // The note says it to whoever has the published key, and nothing else is needed.
    let key = rig.data().join("ledger/verifying-key.txt");
    let published = std::fs::read_to_string(&key).unwrap();
    let signed = std::fs::read_to_string(&note).unwrap();
    let receipt = ledger::open_receipt(&signed, &ledger::VerifyingKey::parse(&published).unwrap()).unwrap();
    assert_eq!((receipt.consent.as_str(), receipt.position), ("c-0-0", position));
    assert_eq!(receipt.patient.facility(), &source.facility);
    assert_eq!(receipt.hidden, hidden(&viewer.facility), "as many rows as were shown, from the one who saw them");
    for passed in [receipt.queries_passed, receipt.feeds_passed] {
        assert!(passed.is_some_and(|passed| before < passed && passed < after), "{before} {passed:?} {after}");
    }
    assert_eq!(receipt.exports_passed, None, "nothing left by Flight SQL");
    assert!(receipt.withdrawn_at >= before && receipt.withdrawn_at < after);

    let other = Rig::system(region::viewer(1).unwrap());
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    for stranger in [&viewer, &other] {
        let token = rig.token(stranger).unwrap();
        let asked = ["ledger", "receipts", "--consent", "c-0-0", "--address", &address, "--token", &token];
        let refused = Command::new(env!("CARGO_BIN_EXE_ajisai")).args(asked).output().unwrap();
        assert_eq!(refused.status.code(), Some(1), "it is the source's and the patient's: {refused:?}");
    }

    drop((feed, answer));
    rig.stop(Duration::from_secs(60)).await.unwrap();
    let [key, file] = [&key, &note].map(|path| path.display().to_string());
    let verified = said(&["ledger", "verify", &file, "--key", &key]);
    assert!(verified.contains(viewer.facility.as_str()), "{verified}");
    // The same once more from the stopped node's log.
    let (config, again) = (rig.config().display().to_string(), directory.path().join("again").display().to_string());
    said(&["ledger", "receipts", "--consent", "c-0-0", "--config", &config, "--dir", &again]);
    assert_eq!(std::fs::read_to_string(directory.path().join("again/c-0-0.txt")).unwrap(), signed);

    // One row less, and the signature does not hold; nor does it for another node's key.
    let forged = signed.replacen(&ROWS.to_string(), &(ROWS - 1).to_string(), 1);
    assert_ne!(forged, signed);
    std::fs::write(directory.path().join("forged.txt"), forged).unwrap();
    let foreign = Notary::open(&directory.path().join("foreign"), "rig").unwrap().verifying().to_string();
    std::fs::write(directory.path().join("foreign.txt"), foreign).unwrap();
    let [forged, foreign] = ["forged.txt", "foreign.txt"].map(|name| directory.path().join(name).display().to_string());
    for (note, key) in [(&forged, &key), (&file, &foreign)] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_ajisai")).args(["ledger", "verify", note, "--key", key]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_between_withdrawal_and_receipt_still_writes_exactly_one() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    // Commits now and then, so that some withdrawals are read again after the kill and some are not.
    let mut rig = bench::raise(program, directory.path(), SIZE, "[views]\nflush_seconds = 1").await.unwrap();
    publish(&rig, "killed").await;
    let viewers = [region::viewer(0).unwrap(), region::viewer(1).unwrap()];
    let mut withdrawn = Vec::new();
    for number in 0..SIZE.patients - 2 {
        withdrawn.push((withdraw(&rig, number).await, &viewers[number as usize % 2]));
        // The acknowledgement says that it is in the log; its receipt is on the way, or is not.
        tokio::time::sleep(Duration::from_millis(u64::from(number) * 7)).await;
        rig.kill().unwrap();
        rig.start(Duration::from_secs(60)).await.unwrap();
        if number % 2 == 1 {
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
    }
    rig.stop(Duration::from_secs(60)).await.unwrap();
    let entries = entries(&rig, &directory.path().join("audit").display().to_string());
    let mut receipts = receipts(&entries);
    receipts.sort_by_key(|receipt| receipt.position);
    withdrawn.sort_by_key(|(position, _)| *position);
    let positions: Vec<Position> = receipts.iter().map(|receipt| receipt.position).collect();
    assert_eq!(positions, withdrawn.iter().map(|(position, _)| *position).collect::<Vec<_>>(), "one each");
    for (receipt, (_, viewer)) in receipts.iter().zip(&withdrawn) {
        assert_eq!(receipt.hidden, hidden(viewer), "{receipt:?}");
    }
}
