//! What is read from a real node is in its ledger: statements and feeds, patient by patient, proved by the program's own
//! commands after the node has stopped; and an answer whose reading cannot be found there does not exist.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::rig::Rig;
use model::Moment;
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

#[tokio::test(flavor = "multi_thread")]
async fn every_reading_is_in_the_ledger_and_proved() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
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
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    let token = rig.token(&viewer).unwrap();
    let asks = |sql: &str| said(&["sql", "--format", "csv", "--address", &address, "--token", &token, sql]);
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
    rig.stop(Duration::from_secs(60)).await.unwrap();

    let config = rig.config().display().to_string();
    let who = format!("{}:{patient}", source.facility);
    let report = said(&["ledger", "report", "--config", &config, "--patient", &who, "--json", &at("report.json")]);
    assert!(report.contains(viewer.facility.as_str()), "the report names who read: {report}");
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
