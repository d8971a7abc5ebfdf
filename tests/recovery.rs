//! A real node is killed under load, again and again: nothing acknowledged is lost, nothing is doubled.
//!
//! This proves recovery, not durability: SIGKILL leaves the page cache standing. Lost pages are simulated in the log's
//! own tests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop where it stands, also in its helpers"
)]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::rig::Rig;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;
use bytes::Bytes;
use prost::Message;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use wire::v1;

const ROUNDS: u64 = 20;
const SIZE: Size = Size { sources: 1, viewers: 3, patients: 50, audience: 2 };

/// One answered statement, as the principal asks it.
async fn query(rig: &Rig, principal: &model::Principal, sql: &str, at_least: &model::Frontier) -> Vec<RecordBatch> {
    let channel = rig.channel(principal).await.unwrap();
    let mut client = v1::query_service_client::QueryServiceClient::new(channel);
    let next = at_least.iter().map(|(p, o)| v1::Position { partition: p.0, offset: o.0 }).collect();
    let request = v1::QueryRequest {
        sql: sql.to_owned(),
        at_least: Some(v1::Frontier { next }),
        wait_ms: 20_000,
        ..Default::default()
    };
    let mut answer = client.query(request).await.unwrap().into_inner();
    let (mut bytes, mut whole) = (Vec::new(), false);
    while let Some(message) = answer.message().await.unwrap() {
        match message.part {
            Some(v1::query_response::Part::ArrowIpc(piece)) => bytes.extend_from_slice(&piece),
            Some(v1::query_response::Part::Footer(_)) => whole = true,
            _ => {}
        }
    }
    assert!(whole, "an answer without a footer is not whole");
    StreamReader::try_new(bytes.as_slice(), None).unwrap().map(Result::unwrap).collect()
}

fn numbers(batches: &[RecordBatch]) -> Vec<i64> {
    let row = batches.iter().find(|batch| batch.num_rows() == 1).unwrap();
    row.columns().iter().map(|column| column.as_primitive::<Int64Type>().value(0)).collect()
}

/// Sends the events `from..` until the connection breaks; returns which were acknowledged, and how far.
async fn send_until_broken(rig: &Rig, from: u64, sent: Arc<AtomicU64>) -> (BTreeSet<u64>, model::Frontier) {
    let channel = rig.channel(&Rig::system(region::source(0).unwrap())).await.unwrap();
    let mut door = v1::ingest_service_client::IngestServiceClient::new(channel);
    let records = Records::new(SIZE, 0, "kill", 600).unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(512);
    // The same in every round: an event sent again says the same.
    let stamp = model::Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
    tokio::spawn(async move {
        for i in from.. {
            let event = Bytes::from(records.event(i, stamp).unwrap().encode_to_vec());
            if sender.send(v1::PublishRequest { event, traceparent: String::new() }).await.is_err() {
                break;
            }
            sent.fetch_max(i + 1, Ordering::Relaxed);
        }
    });
    let (mut acknowledged, mut reached) = (BTreeSet::new(), model::Frontier::start());
    let Ok(answers) = door.publish(ReceiverStream::new(receiver)).await else { return (acknowledged, reached) };
    let mut answers = answers.into_inner();
    while let Ok(Some(answer)) = answers.message().await {
        match answer.outcome.unwrap() {
            v1::publish_response::Outcome::Accepted(accepted) => {
                let position = accepted.position.unwrap();
                reached.include(model::Position::new(position.partition, position.offset));
                acknowledged.insert(from + answer.sequence);
            }
            v1::publish_response::Outcome::Refused(refused) => panic!("refused: {} {}", refused.reason, refused.rule),
        }
    }
    (acknowledged, reached)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_twenty_times_under_load_loses_and_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    // Small commits, so that kills fall into them too.
    let extra = "[views]\nflush_rows = 2000\nflush_seconds = 1\n";
    let mut rig = bench::raise(program, directory.path(), SIZE, extra).await.unwrap();
    let seed = std::env::var("AJISAI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_122_u64);
    println!("AJISAI_SEED={seed}");
    let mut acknowledged = BTreeSet::new();
    let mut reached = model::Frontier::start();
    let sent = Arc::new(AtomicU64::new(0));
    let source = Rig::system(region::source(0).unwrap());
    let viewer = Rig::system(region::viewer(1).unwrap());
    for round in 0..ROUNDS {
        // Begin a little before the first event that was not acknowledged: some events are sent twice on purpose.
        let from = (0..).find(|i| !acknowledged.contains(i)).unwrap_or(0_u64).saturating_sub(20);
        let pause = 60 + (seed ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15)) % 400;
        let sending = send_until_broken(&rig, from, Arc::clone(&sent));
        let (outcome, ()) =
            tokio::join!(async { tokio::time::timeout(Duration::from_secs(20), sending).await.unwrap() }, async {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                rig_kill(&rig);
            });
        acknowledged.extend(outcome.0);
        for (partition, next) in outcome.1.iter() {
            reached.advance(partition, next);
        }
        let _ = rig.kill();
        rig.start(Duration::from_secs(60)).await.unwrap();

        let sql = "SELECT count(*), count(DISTINCT record_id) FROM laboratory";
        let found = numbers(&query(&rig, &source, sql, &reached).await);
        let (rows, distinct) = (found[0], found[1]);
        assert_eq!(rows, distinct, "round {round}: rows are doubled");
        assert!(
            rows >= i64::try_from(acknowledged.len()).unwrap(),
            "round {round}: {rows} rows for {} acknowledged",
            acknowledged.len()
        );
        assert!(rows <= i64::try_from(sent.load(Ordering::Relaxed)).unwrap(), "round {round}: more rows than events");
    }
    assert!(acknowledged.len() > 1_000, "the load was real: {} acknowledged", acknowledged.len());

    // Each acknowledged event is there by name, for the source and for a viewer who sees part of the patients.
    let batches = query(&rig, &source, "SELECT record_id FROM laboratory", &reached).await;
    let present: BTreeSet<String> = strings(&batches);
    for i in &acknowledged {
        assert!(present.contains(&format!("kill-{i}")), "acknowledged event {i} is lost");
    }
    let seen = strings(&query(&rig, &viewer, "SELECT record_id FROM laboratory", &reached).await);
    let expected = region::patients_of_viewer(SIZE, 1);
    assert!(expected < SIZE.patients, "the viewer sees some patients only");
    let patients = numbers(&query(&rig, &viewer, "SELECT count(DISTINCT patient_id) FROM laboratory", &reached).await);
    assert_eq!(patients[0], i64::from(expected));
    assert!(seen.is_subset(&present) && seen.len() < present.len());
    rig.stop(Duration::from_secs(30)).await.unwrap();
}

fn strings(batches: &[RecordBatch]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for batch in batches {
        let text = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
        let text = text.as_string::<i32>();
        found.extend(text.iter().flatten().map(str::to_owned));
    }
    found
}

/// Kills the process without taking it from the rig, so that it can happen while the rig is in use.
fn rig_kill(rig: &Rig) {
    let process = rig.process().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-KILL", &process]).status().unwrap().success());
}
