//! The disclosing hospital is told why a record is shown or not, gate by gate; a viewer is told the same of what is hidden
//! and of what does not exist.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::rig::Rig;
use model::{Moment, Principal};
use prost::Message;
use std::path::Path;
use std::process::{Command, Output};
use wire::v1;

// With one viewer for each patient, the other viewer sees nothing of them.
const SIZE: Size = Size { sources: 1, viewers: 2, patients: 2, audience: 1 };

fn explain(rig: &Rig, who: &Principal, record: &str, viewer: &Principal) -> Output {
    let source = region::source(0).unwrap();
    Command::new(env!("CARGO_BIN_EXE_ajisai"))
        .args(["explain", "--source", source.as_str(), "--record", record, "--viewer", viewer.facility.as_str()])
        .args(["--address", &format!("http://127.0.0.1:{}", rig.ports().grpc), "--token", &rig.token(who).unwrap()])
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_discloser_is_told_every_gate_and_a_viewer_cannot_tell_hidden_from_absent() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let source = Rig::system(region::source(0).unwrap());
    let viewers = [Rig::system(region::viewer(0).unwrap()), Rig::system(region::viewer(1).unwrap())];

    let stamp = Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
    let event = Records::new(SIZE, 0, "explain", 600).unwrap().event(0, stamp).unwrap();
    let Some(v1::event::Body::Record(record)) = &event.body else { unreachable!("these are records") };
    let id = record.id.clone();
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(&source).await.unwrap());
    let request = v1::PublishRequest { event: event.encode_to_vec().into(), traceparent: String::new() };
    let answer = door.publish_batch(v1::PublishBatchRequest { events: vec![request] }).await.unwrap().into_inner();
    let Some(v1::publish_response::Outcome::Accepted(accepted)) = &answer.responses.first().unwrap().outcome else {
        unreachable!("{answer:?}")
    };
    let mut reached = model::Frontier::start();
    let position = accepted.position.unwrap();
    reached.include(model::Position::new(position.partition, position.offset));
    bench::wait_until_visible(&rig, &reached).await.unwrap();

    // One of the two viewers has the patient's consent.
    let told: Vec<Output> = viewers.iter().map(|viewer| explain(&rig, &source, &id, viewer)).collect();
    let sees = told.iter().position(|output| output.status.code() == Some(0)).unwrap();
    let (seeing, blind) = (&viewers[sees], &viewers[1 - sees]);
    let (shown, hidden) = (said(&told[sees]), said(&told[1 - sees]));
    assert!(shown.contains("opens") && shown.contains("c-0-"), "the consent is named: {shown}");
    assert_eq!(told[1 - sees].status.code(), Some(3), "{hidden}");
    assert!(hidden.contains("no-consent") || hidden.contains("no_consent"), "the reason is named: {hidden}");

    // The viewer that sees it is told so, without the reasons.
    let own = explain(&rig, seeing, &id, seeing);
    assert_eq!(own.status.code(), Some(0), "{own:?}");
    assert!(!said(&own).contains("opens"), "a viewer is not told the gates: {}", said(&own));
    // The other is told the same of this record as of one that never was, also about the one that sees it.
    let absent = explain(&rig, blind, "never-was", blind);
    assert_eq!(absent.status.code(), Some(3));
    for about in [explain(&rig, blind, &id, blind), explain(&rig, blind, &id, seeing)] {
        assert_eq!((about.status.code(), said(&about)), (absent.status.code(), said(&absent)));
    }
}
