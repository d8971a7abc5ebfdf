//! What the pages ask of a real node: an emergency is listed with what was read under it and reviewed, notices are
//! acknowledged, and a hospital sees what became of its records; each as whom the token stands for, and nobody else.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, also in its helpers"
)]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::rig::Rig;
use model::{FacilityId, MemberId, Moment, Position, Principal, Purpose, Role};
use prost::Message;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use wire::v1;

// Clinic 0 has the patient's consent; clinic 1 breaks the glass; clinic 2 has no part in it.
const SIZE: Size = Size { sources: 1, viewers: 3, patients: 1, audience: 1 };
const ROWS: u64 = 4;
const PATIENCE: Duration = Duration::from_secs(20);
const SCOPE: &str = r#"
[[rules]]
categories = ["all"]
viewer_kinds = ["all"]
viewer_roles = ["clinical", "system"]

[[break_glass]]
viewer_kinds = ["clinic"]
viewer_roles = ["physician"]
"#;

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

/// What a page asks: GET, or POST where something is said.
fn page(rig: &Rig, who: &Principal, path: &str, said: Option<Value>) -> (u16, Value) {
    let token = rig.token(who).unwrap();
    let body = said.as_ref().map(Value::to_string).unwrap_or_default();
    let method = if said.is_some() { "POST" } else { "GET" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", rig.ports().dashboards)).unwrap();
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[track_caller]
fn told(rig: &Rig, who: &Principal, path: &str) -> Value {
    let (status, answer) = page(rig, who, path, None);
    assert_eq!(status, 200, "{path}: {answer:#}");
    answer
}

fn person(at: &FacilityId, member: &str, role: Role, purpose: Purpose) -> Principal {
    Principal { facility: at.clone(), member: Some(MemberId::parse(member).unwrap()), role, purpose }
}

async fn publish(rig: &Rig) {
    let source = Rig::system(region::source(0).unwrap());
    let records = Records::new(SIZE, 0, "pages", 400).unwrap();
    let stamp = Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
    let request = |n| v1::PublishRequest {
        event: records.event(n, stamp).unwrap().encode_to_vec().into(),
        traceparent: String::new(),
    };
    let events = (0..ROWS).map(request).collect();
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(&source).await.unwrap());
    let answers = door.publish_batch(v1::PublishBatchRequest { events }).await.unwrap().into_inner().responses;
    let mut reached = model::Frontier::start();
    for answer in answers {
        let Some(v1::publish_response::Outcome::Accepted(accepted)) = answer.outcome else { unreachable!("refused") };
        let position = accepted.position.unwrap();
        reached.include(Position::new(position.partition, position.offset));
    }
    bench::wait_until_visible(rig, &reached).await.unwrap();
}

/// The notices of a kind, once there are any.
fn notices(rig: &Rig, who: &Principal, kind: &str) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let all = told(rig, who, "/api/notices");
        let found: Vec<Value> =
            all["notices"].as_array().unwrap().iter().filter(|notice| notice["kind"] == kind).cloned().collect();
        if !found.is_empty() || begun.elapsed() > PATIENCE {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_is_shown_with_what_was_read_and_is_reviewed_on_the_page() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    publish(&rig).await;
    let hospital = Rig::system(region::source(0).unwrap());
    let [consented, clinic, stranger] = [0, 1, 2].map(|n| Rig::system(region::viewer(n).unwrap()));
    let number = region::number(0);
    let scope = directory.path().join("scope.toml");
    std::fs::write(&scope, SCOPE).unwrap();
    said(&rig, &hospital, &["directory", "scope", "--from-file", scope.to_str().unwrap()]);
    let own = ["--b", clinic.facility.as_str(), "--b-number", "H-77"];
    said(&rig, &hospital, &[&["directory", "link", "--a-number", &number][..], &own].concat());
    said(&rig, &clinic, &["directory", "member", "--id", "dr-sato", "--role", "physician", "--name", "佐藤"]);
    said(&rig, &hospital, &["directory", "member", "--id", "clerk-1", "--role", "clerk", "--name", "田中"]);
    said(&rig, &hospital, &["directory", "member", "--id", "auditor-1", "--role", "auditor", "--name", "監査"]);
    let doctor = person(&clinic.facility, "dr-sato", Role::Physician, Purpose::BreakGlass);
    let clerk = person(&hospital.facility, "clerk-1", Role::Clerk, Purpose::Operations);
    let auditor = person(&hospital.facility, "auditor-1", Role::Auditor, Purpose::Operations);

    let source = hospital.facility.as_str();
    let broken = ["consent", "break-glass", "--source", source, "--patient", &number, "--reason", "意識障害で搬送"];
    let broken = said(&rig, &doctor, &broken);
    let id = broken.split_whitespace().skip_while(|word| *word != "glass").nth(1).unwrap().to_owned();
    let every = ["sql", "--format", "csv", "SELECT record_id FROM laboratory"];
    for _ in 0..2 {
        assert_eq!(said(&rig, &doctor, &every).lines().count() as u64 - 1, ROWS);
    }

    // The queue says who, why, until when and how much was read; the one who broke it sees it too, and reviews nothing.
    let queue = told(&rig, &clerk, "/api/glasses");
    assert_eq!((queue["glasses"].as_array().unwrap().len(), &queue["may_review"]), (1, &json!(true)));
    let glass = &queue["glasses"][0];
    for (name, value) in [
        ("id", json!(id)),
        ("viewer", json!(clinic.facility.as_str())),
        ("member_name", json!("佐藤")),
        ("role", json!("physician")),
        ("patient", json!(number)),
        ("own", json!(true)),
        ("reason", json!("意識障害で搬送")),
        ("open", json!(true)),
        ("review", Value::Null),
        ("rows", json!(2 * ROWS)),
        ("acts", json!(2)),
    ] {
        assert_eq!(glass[name], value, "{name}: {glass:#}");
    }
    assert!(glass["first"].as_str() < glass["last"].as_str() && glass["until"].is_string(), "{glass:#}");
    assert_eq!(told(&rig, &doctor, "/api/glasses")["glasses"][0]["own"], false);
    for nobody in [&stranger, &consented] {
        assert_eq!(told(&rig, nobody, "/api/glasses")["glasses"], json!([]));
    }
    assert_eq!(page(&rig, &auditor, "/api/glasses", None).0, 403);
    let listed = said(&rig, &clerk, &["consent", "glasses"]);
    assert!(listed.contains(&format!(" {} ", 2 * ROWS)), "by command too: {listed}");

    // The review is the source's staff's alone, and closes it where it was not justified.
    let review = |outcome: &str| json!({ "id": id, "viewer": clinic.facility.as_str(), "patient": number, "outcome": outcome, "text": "記録を確認" });
    let of = |who: &Principal, said: Value| page(&rig, who, "/api/glasses/review", Some(said)).0;
    assert_eq!(of(&clerk, review("perhaps")), 400);
    assert_eq!(of(&hospital, review("justified")), 403, "a machine reviews nothing");
    assert_ne!(of(&doctor, review("justified")), 200, "it is not the breaker's");
    assert_eq!(told(&rig, &clerk, "/api/glasses")["glasses"][0]["review"], Value::Null);
    assert_eq!(of(&clerk, review("unjustified")), 200);
    let reviewed = &told(&rig, &clerk, "/api/glasses")["glasses"][0];
    assert_eq!((&reviewed["review"]["outcome"], &reviewed["review"]["name"]), (&json!("unjustified"), &json!("田中")));
    assert_eq!((&reviewed["review"]["text"], &reviewed["open"]), (&json!("記録を確認"), &json!(false)));
    assert_eq!(said(&rig, &doctor, &every).lines().count(), 1, "nothing is seen any more");

    // The notice of it is acknowledged by a person.
    let waiting = notices(&rig, &clerk, "glass-broken");
    assert_eq!((waiting.len(), &waiting[0]["acknowledged"]), (1, &Value::Null), "{waiting:#?}");
    assert!(waiting[0]["text_ja"].as_str().unwrap().contains("佐藤"), "{waiting:#?}");
    let acknowledge = json!({ "id": waiting[0]["id"] });
    let said_by = |who: &Principal| page(&rig, who, "/api/notices/acknowledge", Some(acknowledge.clone()));
    assert_eq!((said_by(&hospital).0, said_by(&auditor).0, said_by(&doctor).0), (403, 403, 404));
    assert_eq!(said_by(&clerk), (200, json!({ "duplicate": false })));
    assert_eq!(notices(&rig, &clerk, "glass-broken")[0]["acknowledged"]["name"], "田中");
    assert_eq!(told(&rig, &hospital, "/api/notices")["may_acknowledge"], false);
    assert_eq!(told(&rig, &stranger, "/api/notices")["notices"], json!([]));

    // What became of the records: the reading in the emergency is told as such. The same as by command.
    let published = told(&rig, &auditor, "/api/published");
    let at = |facility: &Principal| {
        let all = published["facilities"].as_array().unwrap();
        all.iter().find(|told| told["facility"] == facility.facility.as_str()).cloned().unwrap_or_default()
    };
    assert_eq!((&at(&clinic)["seen"]["rows"], &at(&clinic)["emergency_rows"]), (&json!(2 * ROWS), &json!(2 * ROWS)));
    assert_eq!((&at(&clinic)["visible"], &at(&consented)["visible"]), (&json!(0), &json!(ROWS)));
    assert_eq!(at(&clinic)["held"][0]["reason_ja"], "同意がない");
    assert_eq!(at(&stranger), Value::Null);
    let by_command: Value = serde_json::from_str(&said(&rig, &clerk, &["published", "--json"])).unwrap();
    assert_eq!(by_command["facilities"], published["facilities"]);
    assert_eq!(told(&rig, &stranger, "/api/published")["facilities"], json!([]));
    assert_eq!(page(&rig, &doctor, "/api/published", None).0, 403);
    assert_eq!(page(&rig, &clerk, "/api/published?from_us=5&until_us=4", None).0, 400);
}
