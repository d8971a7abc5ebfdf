//! What the door refused can be listed, shown, mended, replayed and thrown away with the program's own commands against
//! a real node, nothing after it is lost, and the node stops at once though somebody watches.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::rig::Rig;
use bytes::Bytes;
use model::{Moment, Principal};
use prost::Message;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use wire::v1;

/// `node.drain_seconds` where the configuration does not say.
const DRAIN: Duration = Duration::from_secs(30);
const SIZE: Size = Size { sources: 1, viewers: 2, patients: 5, audience: 2 };

/// Runs `ajisai quarantine …` as the source's own system.
fn quarantine(rig: &Rig, source: &Principal, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ajisai"))
        .arg("quarantine")
        .args(arguments)
        .args(["--address", &format!("http://127.0.0.1:{}", rig.ports().grpc), "--token", &rig.token(source).unwrap()])
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn request(event: Bytes) -> v1::PublishRequest {
    v1::PublishRequest { event, traceparent: String::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_is_kept_shown_mended_and_replayed_and_nothing_after_it_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let source = Rig::system(region::source(0).unwrap());
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(&source).await.unwrap());

    let records = Records::new(SIZE, 0, "quarantine", 600).unwrap();
    let now = Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
    let good = |n: u64| records.event(n, now).unwrap();
    let mut bad = good(1);
    if let Some(v1::event::Body::Record(record)) = &mut bad.body {
        record.version = 0;
    }
    let batch = v1::PublishBatchRequest {
        events: [good(0), bad, good(2)].iter().map(|event| request(event.encode_to_vec().into())).collect(),
    };
    let answers = door.publish_batch(batch).await.unwrap().into_inner().responses;
    let outcomes: Vec<_> = answers.into_iter().map(|answer| answer.outcome.unwrap()).collect();
    let [
        v1::publish_response::Outcome::Accepted(_),
        v1::publish_response::Outcome::Refused(refused),
        v1::publish_response::Outcome::Accepted(_),
    ] = outcomes.as_slice()
    else {
        unreachable!("{outcomes:?}")
    };
    assert!(refused.field.ends_with("version"), "{refused:?}");
    let id = refused.quarantine_id.as_str();

    let listed = said(&quarantine(&rig, &source, &["list"]));
    assert!(listed.contains(id) && listed.contains("version"), "{listed}");
    let kept = directory.path().join("kept.bin");
    let shown = quarantine(&rig, &source, &["show", id, "--output", &kept.display().to_string()]);
    assert!(shown.status.success(), "{shown:?}");
    let mut mended = v1::Event::decode(std::fs::read(&kept).unwrap().as_slice()).unwrap();

    let again = quarantine(&rig, &source, &["replay", id]);
    assert_eq!(again.status.code(), Some(3), "as it is, it is refused again: {again:?}");
    if let Some(v1::event::Body::Record(record)) = &mut mended.body {
        record.version = 1;
    }
    std::fs::write(&kept, mended.encode_to_vec()).unwrap();
    let replayed = quarantine(&rig, &source, &["replay", id, "--replacement", &kept.display().to_string()]);
    assert!(replayed.status.success() && said(&replayed).contains("accepted"), "{replayed:?}");
    assert!(!said(&quarantine(&rig, &source, &["list"])).contains(id), "what went through is kept no longer");

    let nonsense = v1::PublishBatchRequest { events: vec![request(Bytes::from_static(b"\xff\xff not an event"))] };
    let answers = door.publish_batch(nonsense).await.unwrap().into_inner().responses;
    let Some(v1::publish_response::Outcome::Refused(refused)) = answers.into_iter().next().unwrap().outcome else {
        unreachable!("bytes that are no event are refused")
    };
    let discarded = quarantine(&rig, &source, &["discard", &refused.quarantine_id]);
    assert!(discarded.status.success(), "{discarded:?}");
    assert!(!said(&quarantine(&rig, &source, &["list"])).contains(&refused.quarantine_id));
    let unknown = quarantine(&rig, &source, &["show", &refused.quarantine_id]);
    assert_eq!(unknown.status.code(), Some(1), "what was thrown away is gone: {unknown:?}");

    // All three records are in the log, and the source sees them; somebody watches while the node stops.
    let watch = v1::WatchRequest {
        from: Some(v1::watch_request::From::Frontier(v1::Frontier::default())),
        categories: Vec::new(),
        heartbeat_ms: 0,
    };
    let channel = rig.channel(&source).await.unwrap();
    let mut feed = v1::feed_service_client::FeedServiceClient::new(channel).watch(watch).await.unwrap().into_inner();
    let mut appeared = 0;
    while appeared < 3 {
        match feed.message().await.unwrap().unwrap().item.unwrap() {
            v1::feed_item::Item::Appeared(_) => appeared += 1,
            v1::feed_item::Item::Reset(_) => appeared = 0,
            _ => {}
        }
    }
    let took = rig.stop(Duration::from_secs(60)).await.unwrap();
    assert!(took < DRAIN / 2, "an open feed does not hold the node for its whole drain time: {took:?}");
}
