//! A hospital asks a real node what became of what it published: what was delivered to whom and read there, what is held
//! back and why, what was corrected after it was read, what was refused, and which codes nobody knows. Nobody else is
//! told any of it.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::rig::Rig;
use model::{FacilityId, MemberId, Moment, Position, Principal, Purpose, Role};
use prost::Message;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use wire::v1;

// Patient 0 is known to and consented for clinic 0, patient 1 for clinic 1; clinic 2 has no consent.
const SIZE: Size = Size { sources: 1, viewers: 3, patients: 2, audience: 1 };
/// Of each patient.
const ROWS: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(60);

fn run(rig: &Rig, who: &Principal, arguments: &[&str]) -> Output {
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    let token = rig.token(who).unwrap();
    let connection = ["--address", &address, "--token", &token];
    Command::new(env!("CARGO_BIN_EXE_ajisai")).args([arguments, &connection].concat()).output().unwrap()
}

#[track_caller]
fn said(rig: &Rig, who: &Principal, arguments: &[&str]) -> String {
    let output = run(rig, who, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn published(rig: &Rig, who: &Principal, period: &[&str]) -> Value {
    serde_json::from_str(&said(rig, who, &[&["published", "--json"], period].concat())).unwrap()
}

/// What is told of one facility; null where nothing is.
fn of<'a>(answer: &'a Value, facility: &FacilityId) -> &'a Value {
    let all = answer["facilities"].as_array().unwrap();
    all.iter().find(|told| told["facility"] == facility.as_str()).unwrap_or(&Value::Null)
}

/// Sends events, and waits until what was taken is visible. Says how many were refused.
async fn send(rig: &Rig, events: Vec<bytes::Bytes>) -> usize {
    let source = Rig::system(region::source(0).unwrap());
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(&source).await.unwrap());
    let events = events.into_iter().map(|event| v1::PublishRequest { event, traceparent: String::new() }).collect();
    let answers = door.publish_batch(v1::PublishBatchRequest { events }).await.unwrap().into_inner().responses;
    let (mut reached, mut refused) = (model::Frontier::start(), 0);
    for answer in answers {
        match answer.outcome.unwrap() {
            v1::publish_response::Outcome::Accepted(accepted) => {
                let position = accepted.position.unwrap();
                reached.include(Position::new(position.partition, position.offset));
            }
            v1::publish_response::Outcome::Refused(_) => refused += 1,
        }
    }
    bench::wait_until_visible(rig, &reached).await.unwrap();
    refused
}

/// The n-th record of a run, changed: even ones are patient 0's, odd ones patient 1's.
fn event(run: &str, n: u64, change: impl FnOnce(&mut v1::Record)) -> bytes::Bytes {
    let stamp = Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
    let mut event = Records::new(SIZE, 0, run, 400).unwrap().event(n, stamp).unwrap();
    let Some(v1::event::Body::Record(record)) = &mut event.body else { unreachable!("these are records") };
    change(record);
    event.encode_to_vec().into()
}

fn own_code(record: &mut v1::Record) {
    let Some(v1::record::Payload::Laboratory(result)) = &mut record.payload else { unreachable!("a result") };
    let (system, code, display) = ("local".to_owned(), "K-77".to_owned(), "ｶﾘｳﾑ".to_owned());
    result.code = Some(v1::Coding { system, code, display });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_told_what_became_of_its_records_and_nobody_else_is() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    // Disclosures are told with each commit of the views.
    let rig = bench::raise(program, directory.path(), SIZE, "[views]\nflush_seconds = 1").await.unwrap();
    let hospital = Rig::system(region::source(0).unwrap());
    let [reader, idle, unconsented] = [0, 1, 2].map(|n| Rig::system(region::viewer(n).unwrap()));
    let (number, clinic) = (region::number(0), unconsented.facility.as_str());
    said(&rig, &hospital, &["directory", "link", "--a-number", &number, "--b", clinic, "--b-number", "Z-1"]);
    let registered = ["directory", "member", "--id", "dr-sato", "--role", "physician", "--name", "佐藤"];
    said(&rig, &reader, &registered);
    let doctor = Principal {
        member: Some(MemberId::parse("dr-sato").unwrap()),
        role: Role::Physician,
        purpose: Purpose::Treatment,
        ..reader.clone()
    };

    // Five normal rows of each patient; of patient 0 one more that is especially sensitive and one with a code of the
    // hospital's own; and bytes that are no event.
    let mut events: Vec<bytes::Bytes> = (0..2 * ROWS).map(|n| event("first", n, |_| ())).collect();
    events.push(event("hiv", 0, |record| record.labels.push(v1::Label::Hiv.into())));
    events.push(event("own-code", 0, own_code));
    events.push(bytes::Bytes::from_static(b"\xff\xff no event"));
    assert_eq!(send(&rig, events).await, 1);
    let before_reading = Moment::from_micros(now()).unwrap();

    let every = ["sql", "--format", "csv", "SELECT record_id FROM laboratory"];
    let read = said(&rig, &reader, &every).lines().count() as u64 - 1;
    assert_eq!(read, ROWS + 1);
    said(&rig, &doctor, &every);

    // One of the rows that were read is corrected, and one of the other patient's, which nobody read.
    let correct = |record: &mut v1::Record| {
        record.version = 2;
        record.change = v1::ChangeKind::Correct.into();
    };
    let correction = |n: u64| {
        let mut event = v1::Event::decode(event("first", n, correct)).unwrap();
        event.id = format!("corrected-{n}");
        event.encode_to_vec().into()
    };
    assert_eq!(send(&rig, vec![correction(0), correction(1)]).await, 0);

    // What became visible is in the ledger with the next commit: the rows, and the corrected ones once more.
    let begun = Instant::now();
    let answer = loop {
        let answer = published(&rig, &hospital, &[]);
        if of(&answer, &reader.facility)["delivered"]["rows"] == ROWS + 2 || begun.elapsed() > PATIENCE {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let told = of(&answer, &reader.facility);
    assert_eq!(told["delivered"]["rows"], ROWS + 2, "{answer:#}");
    assert_eq!((&told["delivered"]["patients"], &told["name"]), (&1.into(), &reader.facility.as_str().into()));
    assert_eq!(told["seen"]["rows"], 2 * (ROWS + 1), "by the system, and by the doctor: {told:#}");
    assert_eq!(told["seen"]["categories"], serde_json::json!({ "laboratory": 2 * (ROWS + 1) }));
    assert_eq!((&told["persons"], &told["acts"], &told["system_acts"]), (&1.into(), &2.into(), &1.into()));
    assert!(told["seen"]["first"].as_str() < told["seen"]["last"].as_str(), "{told:#}");
    assert_eq!((&told["corrected"], &told["visible"]), (&1.into(), &(ROWS + 1).into()), "{told:#}");
    let held = told["held"].as_array().unwrap();
    assert_eq!(held.len(), 1, "{told:#}");
    assert_eq!(
        (&held[0]["reason"], &held[0]["rows"], &held[0]["of_period"], &held[0]["labels"][0]),
        (&"label_not_consented".into(), &1.into(), &1.into(), &"HIV".into())
    );

    let told = of(&answer, &idle.facility);
    assert_eq!((&told["delivered"]["rows"], &told["seen"]["rows"]), (&(ROWS + 1).into(), &0.into()), "{told:#}");
    assert_eq!((&told["corrected"], &told["visible"]), (&0.into(), &ROWS.into()), "nobody there had read it: {told:#}");
    let told = of(&answer, &unconsented.facility);
    assert_eq!((&told["delivered"]["rows"], &told["visible"]), (&0.into(), &0.into()), "{told:#}");
    assert_eq!((&told["held"][0]["reason"], &told["held"][0]["rows"]), (&"no_consent".into(), &(ROWS + 2).into()));

    let source = &answer["source"];
    assert_eq!((&source["rows"], &source["corrected"]), (&(2 * ROWS + 2).into(), &2.into()), "{source:#}");
    assert_eq!(source["refused"][0]["reason"], "unreadable");
    assert_eq!((&source["refused"][0]["waiting"], &source["refused"].as_array().unwrap().len()), (&1.into(), &1));
    assert_eq!((&source["unmapped_codes"], &source["unmapped_results"]), (&1.into(), &1.into()));
    assert_eq!((&source["unmapped"][0]["code"], &source["unmapped"][0]["display"]), (&"K-77".into(), &"ｶﾘｳﾑ".into()));
    assert_eq!((&source["partial"], &source["unreadable"]), (&serde_json::json!([]), &0.into()));

    // The period says what is counted: before it was read, nothing was.
    let earlier = published(&rig, &hospital, &["--until", &before_reading.to_string()]);
    let told = of(&earlier, &reader.facility);
    assert_eq!((&told["seen"]["rows"], &told["corrected"]), (&0.into(), &0.into()), "{earlier:#}");
    assert_eq!((&earlier["source"]["corrected"], &earlier["source"]["refused"][0]["waiting"]), (&0.into(), &1.into()));
    let later = published(&rig, &hospital, &["--from", &Moment::from_micros(now()).unwrap().to_string()]);
    assert_eq!((&later["source"]["of_period"], &later["source"]["unmapped_codes"]), (&0.into(), &0.into()));
    assert_eq!(of(&later, &unconsented.facility)["held"][0]["rows"], ROWS + 2, "what is held back is held back now");
    assert_eq!(of(&later, &unconsented.facility)["held"][0]["of_period"], 0);

    // A withdrawal shows at once; the table says it in words.
    said(&rig, &hospital, &["consent", "withdraw", "c-0-0", "--patient", &number]);
    let answer = published(&rig, &hospital, &[]);
    assert_eq!(of(&answer, &reader.facility)["held"][0]["reason"], "consent_withdrawn", "{answer:#}");
    let table = said(&rig, &hospital, &["published"]);
    for word in ["同意は撤回された", "consent withdrawn", "同意がない", "K-77", "読めない", clinic] {
        assert!(table.contains(word), "{word}: {table}");
    }

    // Who receives is told of what it published itself, which is nothing; and not everybody of the hospital may ask.
    for other in [&reader, &unconsented] {
        let own = published(&rig, other, &[]);
        assert_eq!((&own["facilities"], &own["source"]["rows"]), (&serde_json::json!([]), &0.into()), "{own:#}");
    }
    said(&rig, &hospital, &["directory", "member", "--id", "dr-ueda", "--role", "physician", "--name", "上田"]);
    let member = Some(MemberId::parse("dr-ueda").unwrap());
    let physician = Principal { member, role: Role::Physician, ..hospital.clone() };
    assert!(said(&rig, &physician, &every).lines().count() > 1, "the hospital's physician reads its records");
    let refused = run(&rig, &physician, &["published"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("clerks"), "{refused:?}");
    let backwards = run(&rig, &hospital, &["published", "--from", "2026-11-02", "--until", "2026-11-01"]);
    assert_eq!(backwards.status.code(), Some(1), "{backwards:?}");

    // Asking stands in the ledger.
    let operator = Rig::operator().unwrap();
    let audit = directory.path().join("audit").display().to_string();
    said(&rig, &operator, &["ledger", "export", "--dir", &audit]);
    let entries = std::fs::read_to_string(directory.path().join("audit/entries.ndjson")).unwrap();
    let by_hospital = format!("\"facility\":\"{}\"", hospital.facility);
    assert!(entries.lines().filter(|line| line.contains(&by_hospital) && line.contains("machine-pull")).count() >= 4);
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}
