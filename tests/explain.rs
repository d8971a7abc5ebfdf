//! The disclosing hospital is told why a record is shown or not, gate by gate, also as of an earlier time; a viewer is told
//! the same of what is hidden and of what does not exist, and an earlier time is no way around a withdrawal.

#![expect(
    clippy::unwrap_used,
    clippy::unreachable,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, also in its helpers"
)]

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
    for opener in ["opened by: consent c-0-", "opened by: scope bench-hospital-0 @ 0:", "opened by: link l-0-"] {
        assert!(shown.contains(opener), "{opener} with its place in the log: {shown}");
    }
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

/// Asks with the arguments that are the same for everybody.
fn ask(rig: &Rig, who: &Principal, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ajisai"))
        .args(arguments)
        .args(["--address", &format!("http://127.0.0.1:{}", rig.ports().grpc), "--token", &rig.token(who).unwrap()])
        .output()
        .unwrap()
}

/// Publishes an event, waits until it is in effect, and gives its place.
async fn publish(rig: &Rig, who: &Principal, event: v1::Event) -> model::Position {
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(who).await.unwrap());
    let request = v1::PublishRequest { event: event.encode_to_vec().into(), traceparent: String::new() };
    let answer = door.publish_batch(v1::PublishBatchRequest { events: vec![request] }).await.unwrap().into_inner();
    let Some(v1::publish_response::Outcome::Accepted(accepted)) = &answer.responses[0].outcome else {
        unreachable!("{answer:?}")
    };
    let position = accepted.position.unwrap().into();
    let mut reached = model::Frontier::start();
    reached.include(position);
    bench::wait_until_visible(rig, &reached).await.unwrap();
    position
}

fn now() -> Moment {
    Moment::from_micros(jiff::Timestamp::now().as_microsecond()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_of_an_earlier_time_the_discloser_is_told_what_held_and_a_viewer_only_what_it_may_still_see() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let source = Rig::system(region::source(0).unwrap());
    let records = Records::new(SIZE, 0, "past", 600).unwrap();
    let empty = now().to_string();
    // Both of patient 0; the second is corrected later.
    let (first, second) = (records.event(0, now()).unwrap(), records.event(2, now()).unwrap());
    let Some(v1::event::Body::Record(one)) = &first.body else { unreachable!("these are records") };
    let Some(v1::event::Body::Record(two)) = &second.body else { unreachable!("these are records") };
    let (one, two) = (one.id.clone(), two.id.clone());
    let at_first = publish(&rig, &source, first).await;
    publish(&rig, &source, second.clone()).await;
    let (told, number) = (|output: &Output| said(output), "00000000");
    let viewer = |n: u32| Rig::system(region::viewer(n).unwrap());
    let (seeing, blind) = (viewer(0), viewer(1));
    let with_both = now().to_string();

    // The patient's own full reason: sentences, no codes.
    let address = ["explain", "--source", source.facility.as_str(), "--viewer", blind.facility.as_str(), "--record"];
    let plain = ask(&rig, &source, &[&address[..], &[&one, "--for-patient"]].concat());
    assert_eq!(plain.status.code(), Some(3));
    let plain = told(&plain);
    assert!(plain.contains("この施設に見せることへの同意がありません。"), "{plain}");
    assert!(plain.contains("You have not consented to showing it to this facility."), "{plain}");
    assert!(!plain.contains("no_consent") && !plain.contains("shuts"), "{plain}");

    // A viewer that sees it is told of it, also as of then.
    let of = ["explain", "view", "--source", source.facility.as_str(), "--patient", number];
    let own = ask(&rig, &seeing, &[&of[..], &["--on", &with_both]].concat());
    assert_eq!(own.status.code(), Some(0), "{own:?}");
    assert!(told(&own).contains(&one) && told(&own).contains(&two), "{}", told(&own));

    // The second is corrected, and then the consent withdrawn.
    let mut corrected = second;
    corrected.id = "past-2-corrected".to_owned();
    let Some(v1::event::Body::Record(record)) = &mut corrected.body else { unreachable!("these are records") };
    record.version = 2;
    record.set_change(v1::ChangeKind::Correct);
    publish(&rig, &source, corrected).await;
    let corrected_then = now().to_string();
    let withdrawn = v1::Withdrawal {
        id: "c-0-0".to_owned(),
        patient: Some(v1::PatientRef { facility: source.facility.as_str().to_owned(), number: number.to_owned() }),
        withdrawn_us: Some(now().micros()),
    };
    let change = v1::ConsentChange { kind: Some(v1::consent_change::Kind::Withdrawn(withdrawn)) };
    let event = v1::Event {
        id: "withdrawn".to_owned(),
        source: source.facility.as_str().to_owned(),
        body: Some(v1::event::Body::Consent(change)),
        admitted_us: None,
    };
    let withdrawal = publish(&rig, &source, event).await;
    let afterwards = now().to_string();

    // The discloser: what could they see on that day, and why not afterwards.
    let by = ["explain", "view", "--patient", number, "--viewer", seeing.facility.as_str()];
    let view = |rest: &[&str]| {
        let output = ask(&rig, &source, &[&by[..], rest].concat());
        (output.status.code().unwrap(), told(&output))
    };
    assert_eq!(view(&["--on", &empty]).0, 3, "nothing was recorded yet");
    let (code, both) = view(&["--on", &with_both]);
    assert_eq!((code, both.matches("shared").count()), (0, 2), "{both}");
    let line = |text: &str| text.lines().find(|line| line.contains(&two)).unwrap().to_owned();
    assert!(line(&both).contains(" 1 "), "the version that stood then: {}", line(&both));
    let (_, later) = view(&["--on", &corrected_then]);
    assert!(line(&later).contains(" 2 "), "the version that stood later: {}", line(&later));
    let (code, hidden) = view(&["--on", &afterwards]);
    assert_eq!((code, hidden.matches("consent_withdrawn").count()), (3, 2), "{hidden}");
    // The data of now under the consents of then, by moment and by position; and the other way about.
    let (code, mixed) = view(&["--consent-as-of", &with_both]);
    assert_eq!((code, mixed.matches("shared").count()), (0, 2), "{mixed}");
    assert!(line(&mixed).contains(" 2 "), "{mixed}");
    assert_eq!(view(&["--as-of", &with_both]).0, 3);
    assert_eq!(
        view(&["--as-of", &with_both, "--consent-as-of", &withdrawal.to_string()]).0,
        3,
        "the letter itself counts"
    );
    let before = model::Position { offset: model::Offset(withdrawal.offset.0 - 1), ..withdrawal };
    assert_eq!(view(&["--as-of", &at_first.to_string(), "--consent-as-of", &before.to_string()]).0, 0);
    assert_eq!(
        view(&["--as-of", &at_first.to_string(), "--consent-as-of", &before.to_string()]).1.matches("shared").count(),
        1
    );
    // One record, gate by gate.
    let address =
        ["explain", "--source", source.facility.as_str(), "--viewer", seeing.facility.as_str(), "--record", &two];
    let then = ask(&rig, &source, &[&address[..], &["--as-of", &with_both, "--consent-as-of", &with_both]].concat());
    assert_eq!(then.status.code(), Some(0), "{then:?}");
    assert!(told(&then).contains("opened by: consent c-0-0"), "{}", told(&then));
    let since = ask(&rig, &source, &address);
    assert!(told(&since).contains("consent_withdrawn"), "{}", told(&since));
    let ahead = ask(&rig, &source, &[&address[..], &["--as-of", "1:999999"]].concat());
    assert_eq!(ahead.status.code(), Some(1), "what has not come yet is no past");

    // An earlier time is no way around the withdrawal: not for the viewer itself, nor for anybody else. Hidden, absent
    // and not theirs to ask are told alike.
    let nothing = |output: &Output| (output.status.code().unwrap(), told(output));
    let absent = ["explain", "view", "--source", source.facility.as_str(), "--patient", "never-was"];
    let expected = nothing(&ask(&rig, &seeing, &[&absent[..], &["--on", &with_both]].concat()));
    assert_eq!(expected.0, 3);
    for (who, about) in [(&seeing, &seeing), (&blind, &blind), (&blind, &seeing)] {
        let rest = ["--on", &with_both, "--viewer", about.facility.as_str()];
        assert_eq!(nothing(&ask(&rig, who, &[&of[..], &rest].concat())), expected);
    }
    let never = ask(&rig, &seeing, &["explain", "--source", source.facility.as_str(), "--record", "never-was"]);
    for rest in [&[][..], &["--consent-as-of", &with_both], &["--at", &with_both]] {
        let own = ask(&rig, &seeing, &[&address[..3], &["--record", &two], rest].concat());
        assert_eq!(nothing(&own), nothing(&never), "{rest:?}");
    }
}
