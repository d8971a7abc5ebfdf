//! A transfer: a hospital sends a patient to a centre that knew nothing of them. What it opens is shown there at once and live,
//! each side is told of the other's steps, and closing it takes everything away. A restart and a rebuild tell the same.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::rig::Rig;
use model::{FacilityId, MemberId, Moment, Principal, Purpose, Role};
use prost::Message as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use wire::v1;

// Two viewers, of whom each patient's own consent names one.
const SIZE: Size = Size { sources: 1, viewers: 2, patients: 2, audience: 1 };
const PATIENCE: Duration = Duration::from_secs(30);

fn run(rig: &Rig, who: &Principal, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ajisai"));
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    command.args(arguments).args(["--address", &address, "--token", &rig.token(who).unwrap()]);
    command.output().unwrap()
}

#[track_caller]
fn said(rig: &Rig, who: &Principal, arguments: &[&str]) -> String {
    let output = run(rig, who, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(rig: &Rig, who: &Principal, arguments: &[&str], why: &str) {
    let output = run(rig, who, arguments);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && words.contains(why), "{arguments:?}: {words}");
}

/// Asks again until the answer fits.
#[track_caller]
fn until(rig: &Rig, who: &Principal, arguments: &[&str], fits: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = said(rig, who, arguments);
        if fits(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{arguments:?}: {answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn person(at: &FacilityId, member: &str) -> Principal {
    let member = Some(MemberId::parse(member).unwrap());
    Principal { facility: at.clone(), member, role: Role::Physician, purpose: Purpose::Treatment }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_opens_a_view_for_its_time_and_each_side_hears_of_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let hospital = region::source(0).unwrap();
    let stamp = Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
    let event = Records::new(SIZE, 0, "course", 600).unwrap().event(0, stamp).unwrap();
    let Some(v1::event::Body::Record(record)) = &event.body else { unreachable!("these are records") };
    let number = record.patient.as_ref().unwrap().number.clone();
    // the patient's own consent names one of the two
    let own = number.parse::<u32>().unwrap() % SIZE.viewers;
    let [named, centre] = [region::viewer(own).unwrap(), region::viewer(1 - own).unwrap()];
    let (system, centres) = (Rig::system(hospital.clone()), Rig::system(centre.clone()));
    for (of, member) in [(&system, "dr-h"), (&centres, "dr-c")] {
        said(&rig, of, &["directory", "member", "--id", member, "--role", "physician", "--name", member]);
    }
    let (doctor, there) = (person(&hospital, "dr-h"), person(&centre, "dr-c"));
    let (from, to) = (hospital.as_str(), centre.as_str());
    let send = [
        "refer",
        "send",
        "--patient",
        &number,
        "--to",
        to,
        "--kind",
        "transfer",
        "--id",
        "t-1",
        "--reason",
        "28週 頭痛",
    ];

    // The centre has not agreed to consents by proxy: it is told that somebody is sent, and not who.
    let sent = run(&rig, &doctor, &[&send[..], &["--open-hours", "2"]].concat());
    assert_eq!(sent.status.code(), Some(3), "{sent:?}");
    let told = until(&rig, &there, &["notices", "list"], |answer| answer.contains("referral-received"));
    assert!(told.contains("t-1") && !told.contains(&number), "{told}");
    assert!(!said(&rig, &there, &["refer", "list"]).contains("t-1"));
    refused(&rig, &doctor, &send, "AlreadyExists");

    // Once it has, it is shown the reason, and the records as they come.
    said(&rig, &centres, &["directory", "agree", "--source", from]);
    let listed = until(&rig, &there, &["refer", "list", "--open"], |answer| answer.contains("t-1"));
    assert!(listed.contains("頭痛") && listed.contains("rf-") && listed.contains(from), "{listed}");
    let laboratory = ["sql", "--format", "csv", "SELECT patient_id, my_patient_id FROM laboratory"];
    assert!(!said(&rig, &there, &laboratory).contains(&number));
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(&system).await.unwrap());
    let request = v1::PublishRequest { event: event.encode_to_vec().into(), traceparent: String::new() };
    door.publish_batch(v1::PublishBatchRequest { events: vec![request] }).await.unwrap();
    let shown = until(&rig, &there, &laboratory, |answer| answer.contains(&number));
    assert!(shown.contains("rf-"), "{shown}");

    // Steps come in their order, each from the side whose it is.
    let turn = |who: &Principal, step: &str| run(&rig, who, &["refer", step, "t-1", "--from", from]);
    refused(&rig, &doctor, &["refer", "depart", "t-1"], "cannot follow");
    refused(&rig, &doctor, &["refer", "accept", "t-1"], "PermissionDenied");
    refused(&rig, &Rig::system(named), &["refer", "accept", "t-1", "--from", from, "--by", "x"], "NotFound");
    assert!(turn(&there, "accept").status.success());
    refused(&rig, &there, &["refer", "decline", "t-1", "--from", from], "cannot follow");
    until(&rig, &doctor, &["notices", "list"], |answer| answer.contains("referral-turned") && answer.contains(&number));
    assert!(turn(&doctor, "depart").status.success());
    assert!(turn(&there, "arrive").status.success());
    said(&rig, &there, &["refer", "complete", "t-1", "--from", from, "--words", "母児とも安定"]);
    let ended = until(&rig, &doctor, &["refer", "list"], |answer| answer.contains("completed"));
    assert!(ended.contains("母児とも安定"), "{ended}");

    // Closing withdraws what was opened.
    said(&rig, &doctor, &["refer", "close", "t-1"]);
    until(&rig, &there, &["refer", "list"], |answer| !answer.contains("t-1"));
    assert!(!said(&rig, &there, &laboratory).contains(&number));
    assert!(!said(&rig, &doctor, &["refer", "list", "--open"]).contains("t-1"));
    let consents = said(&rig, &doctor, &["consent", "list"]);
    assert!(consents.lines().any(|line| line.contains("rf-") && line.contains("withdrawn")), "{consents}");

    let tell = |rig: &Rig| [&doctor, &there].map(|who| said(rig, who, &["refer", "list"]));
    let before = tell(&rig);
    rig.stop(Duration::from_secs(60)).await.unwrap();
    rig.start(Duration::from_secs(60)).await.unwrap();
    assert_eq!(tell(&rig), before);
    rig.stop(Duration::from_secs(60)).await.unwrap();
    let rebuilt = Command::new(program).args(["views", "rebuild", "--config"]).arg(rig.config()).output().unwrap();
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    rig.start(Duration::from_secs(60)).await.unwrap();
    until(&rig, &doctor, &["refer", "list"], |answer| *answer == before[0]);
}
