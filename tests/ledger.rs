//! What is read from a real node is in its ledger: statements and feeds, patient by patient, proved by the program's own
//! commands, of the node as it runs and of its log after it has stopped; and an answer whose reading cannot be found
//! there does not exist.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::rig::Rig;
use model::{Moment, Principal};
use prost::Message;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use wire::v1;

const SIZE: Size = Size { sources: 1, viewers: 2, patients: 4, audience: 1 };
const RECORDS: u64 = 40;

fn ajisai(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ajisai")).args(arguments).output().unwrap()
}

#[track_caller]
fn said(arguments: &[&str]) -> String {
    let output = ajisai(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A node with records of one hospital, of which a clinic has read and watched; and one patient number it was shown.
struct Read {
    rig: Rig,
    source: Principal,
    viewer: Principal,
    patient: String,
    rows: usize,
}

async fn read(directory: &Path) -> Read {
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let rig = bench::raise(program, directory, SIZE, "").await.unwrap();
    let source = Rig::system(region::source(0).unwrap());
    let viewer = Rig::system(region::viewer(0).unwrap());

    let records = Records::new(SIZE, 0, "ledger", 600).unwrap();
    let stamp = Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
    let events = (0..RECORDS).map(|n| v1::PublishRequest {
        event: records.event(n, stamp).unwrap().encode_to_vec().into(),
        traceparent: String::new(),
    });
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(&source).await.unwrap());
    let answers =
        door.publish_batch(v1::PublishBatchRequest { events: events.collect() }).await.unwrap().into_inner().responses;
    let mut reached = model::Frontier::start();
    for answer in answers {
        let Some(v1::publish_response::Outcome::Accepted(accepted)) = answer.outcome else { unreachable!() };
        let position = accepted.position.unwrap();
        reached.include(model::Position::new(position.partition, position.offset));
    }
    bench::wait_until_visible(&rig, &reached).await.unwrap();

    // The viewer asks for everything it may see of one of its patients, and watches for a moment.
    let asks = |sql: &str| said(&[&["sql", "--format", "csv"], &asking(&rig, &viewer).each()[..], &[sql]].concat());
    let sources = asks("SELECT DISTINCT patient_id FROM laboratory ORDER BY patient_id");
    let patient = sources.lines().nth(1).unwrap().to_owned();
    let rows = asks(&format!("SELECT record_id FROM laboratory WHERE patient_id = '{patient}'")).lines().count() - 1;
    assert!(rows > 0);
    let watch = v1::WatchRequest {
        from: Some(v1::watch_request::From::Frontier(v1::Frontier::default())),
        categories: Vec::new(),
        heartbeat_ms: 100,
    };
    let channel = rig.channel(&viewer).await.unwrap();
    let mut feed = v1::feed_service_client::FeedServiceClient::new(channel).watch(watch).await.unwrap().into_inner();
    let mut appeared = 0;
    while appeared < rows {
        if let v1::feed_item::Item::Appeared(_) = feed.message().await.unwrap().unwrap().item.unwrap() {
            appeared += 1;
        }
    }
    drop(feed);
    Read { rig, source, viewer, patient, rows }
}

/// The options with which a principal asks a node.
struct Asking([String; 4]);

impl Asking {
    fn each(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

fn asking(rig: &Rig, who: &Principal) -> Asking {
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    Asking(["--address".to_owned(), address, "--token".to_owned(), rig.token(who).unwrap()])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reading_is_in_the_ledger_and_proved() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let Read { mut rig, source, viewer, patient, rows } = read(directory.path()).await;
    rig.stop(Duration::from_secs(60)).await.unwrap();

    let config = rig.config().display().to_string();
    let who = format!("{}:{patient}", source.facility);
    let report = said(&["ledger", "report", "--config", &config, "--patient", &who, "--json", &at("report.json")]);
    assert!(report.contains(viewer.facility.as_str()), "the report names who read: {report}");
    let data = rig.data().display().to_string();
    let same = said(&["ledger", "report", "--data-dir", &data, "--patient", &who]);
    assert_eq!(same, report, "the data directory is enough");
    let key = rig.data().join("ledger/verifying-key.txt").display().to_string();
    let verified = said(&["ledger", "verify", &at("report.json"), "--key", &key]);
    assert!(!verified.is_empty());
    let stranger = format!("{}:{patient}-never", source.facility);
    let nothing = said(&["ledger", "report", "--config", &config, "--patient", &stranger]);
    assert!(!nothing.contains(viewer.facility.as_str()), "nobody read of somebody else: {nothing}");

    // Statement, feed and their counts, as an export tells them; then one letter is changed.
    said(&["ledger", "export", "--config", &config, "--dir", &at("audit"), "--balp", "https://ajisai.example.jp"]);
    said(&["ledger", "verify", &at("audit")]);
    let entries = std::fs::read_to_string(directory.path().join("audit/entries.ndjson")).unwrap();
    assert!(entries.lines().count() >= 3, "two statements and a feed: {entries}");
    assert!(entries.contains(&format!("\"laboratory\":{rows}")), "as many rows as were shown: {entries}");
    assert!(entries.contains("machine-pull") && entries.contains("feed"), "{entries}");
    std::fs::write(directory.path().join("audit/entries.ndjson"), entries.replacen("machine-pull", "query", 1))
        .unwrap();
    let forged = ajisai(&["ledger", "verify", &at("audit")]);
    assert_eq!(forged.status.code(), Some(1), "an edited entry is found: {forged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_node_answers_those_whom_it_concerns_and_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let Read { rig, source, viewer, patient, rows } = read(directory.path()).await;
    let operator = Rig::operator().unwrap();
    let ask =
        |who: &Principal, arguments: &[&str]| ajisai(&[&["ledger"], arguments, &asking(&rig, who).each()[..]].concat());
    let told = |who: &Principal, arguments: &[&str]| {
        let output = ask(who, arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let key = rig.data().join("ledger/verifying-key.txt").display().to_string();
    let who = format!("{}:{patient}", source.facility);

    // The hospital draws its patient's report, and what it is given verifies without the node.
    let first = told(&operator, &["head"]);
    std::fs::write(at("first.txt"), &first).unwrap();
    let report = told(&source, &["report", "--patient", &who, "--json", &at("report.json")]);
    assert!(report.contains(viewer.facility.as_str()) && report.contains("検査結果"), "{report}");
    let english = told(&source, &["report", "--patient", &who, "--language", "en"]);
    assert!(!english.contains("検査結果"), "{english}");
    said(&["ledger", "verify", &at("report.json"), "--key", &key]);

    // To everybody else the patient is nobody, there or not.
    let stranger = Rig::system(region::viewer(1).unwrap());
    let absent = ask(&stranger, &["report", "--patient", &format!("{who}-never")]);
    assert_eq!(absent.status.code(), Some(1), "{absent:?}");
    for other in [&stranger, &viewer, &operator] {
        assert_eq!(ask(other, &["report", "--patient", &who]), absent, "{other:?}");
    }
    let no_receipt = ask(&stranger, &["receipts", "--consent", "c-never"]);
    assert_eq!(ask(&stranger, &["receipts", "--consent", "c-0-0"]), no_receipt);
    assert_eq!(ask(&stranger, &["receipts", "--patient", &who]), no_receipt);
    for whole in [&["head"][..], &["consistency", "--from", "0", "--to", "1"], &["export", "--dir", &at("not-theirs")]]
    {
        let refused = ask(&source, whole);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    }

    // The consent is withdrawn: who saw what it opened?
    let number: u32 = patient.parse().unwrap();
    let consent = format!("c-0-{number}");
    assert_eq!(ask(&source, &["recall", "--consent", &consent]).status.code(), Some(1), "it is not withdrawn");
    let withdraw = ["consent", "withdraw", &consent, "--patient", &patient];
    said(&[&withdraw, &asking(&rig, &source).each()[..]].concat());
    let recalled = told(&source, &["recall", "--consent", &consent]);
    assert!(recalled.contains(viewer.facility.as_str()) && !recalled.contains(&patient), "{recalled}");
    let unknown = ask(&viewer, &["recall", "--consent", "c-never"]);
    assert_eq!(ask(&viewer, &["recall", "--consent", &consent]), unknown);

    // The operator exports the whole, which verifies and continues the head kept before; reading it was an act too.
    told(&operator, &["export", "--dir", &at("whole"), "--balp", "https://ajisai.example.jp"]);
    said(&["ledger", "verify", &at("whole"), "--key", &key, "--witness", &at("first.txt")]);
    let entries = std::fs::read_to_string(directory.path().join("whole/entries.ndjson")).unwrap();
    let by_source = format!("\"facility\":\"{}\"", source.facility);
    assert!(entries.lines().filter(|line| line.contains(&by_source) && line.contains("machine-pull")).count() >= 3);
    let size = entries.lines().count().to_string();
    assert!(!told(&operator, &["consistency", "--from", "1", "--to", &size]).is_empty());

    // A clinic exports what it saw, and nobody else's patients.
    let balp = ["export", "--no-entries", "--balp", "https://ajisai.example.jp", "--dir"];
    told(&viewer, &[&balp[..], &[&at("own")]].concat());
    let own = std::fs::read_to_string(directory.path().join("own/audit-events.ndjson")).unwrap();
    assert!(own.contains(&patient) && own.lines().count() >= 2, "{rows} rows were shown: {own}");
    told(&stranger, &[&balp[..], &[&at("nothing")]].concat());
    let nothing = std::fs::read_to_string(directory.path().join("nothing/audit-events.ndjson")).unwrap();
    let own = |line: &str| line.contains(stranger.facility.as_str());
    assert!(!nothing.contains(&patient) && nothing.lines().all(own), "only what it did itself: {nothing}");
    told(&source, &[&balp[..], &[&at("ours")]].concat());
    let ours = std::fs::read_to_string(directory.path().join("ours/audit-events.ndjson")).unwrap();
    assert!(ours.contains(&patient) && ours.contains(viewer.facility.as_str()), "{ours}");
}
