//! A clinic follows a cohort on a real node: people enter by a result and leave by a correction, a withdrawal, an unlink, a
//! death, and by time alone; each with its reason. What is followed is what a run finds. A definition is stated, tried and
//! compared; a worklist is worked through; a restart changes nothing.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, also in its helpers"
)]

use ajisai::bench;
use ajisai::bench::region::{self, Size};
use ajisai::rig::Rig;
use model::{
    Author, Body, Category, ChangeKind, CodeSystem, Coding, Condition, Demographics, Event, EventId, EventKey,
    FacilityId, LabResult, LabStatus, Labels, MemberId, Moment, PatientNumber, PatientRef, Payload, Principal, Purpose,
    Record, RecordId, Role, Sex, Value, Version,
};
use prost::Message;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use wire::v1;

// The second of two hospitals, so that the clinic's numbers of its patients are others than its own.
const SIZE: Size = Size { sources: 2, viewers: 1, patients: 6, audience: 1 };
const HOSPITAL: u32 = 1;
const PATIENCE: Duration = Duration::from_secs(30);
const DAY: i64 = 86_400_000_000;

fn command(rig: &Rig, who: &Principal, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ajisai"));
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    command.args(arguments).args(["--address", &address, "--token", &rig.token(who).unwrap()]);
    command
}

fn run(rig: &Rig, who: &Principal, arguments: &[&str]) -> Output {
    command(rig, who, arguments).output().unwrap()
}

#[track_caller]
fn said(rig: &Rig, who: &Principal, arguments: &[&str]) -> String {
    let output = run(rig, who, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn person(at: &FacilityId, member: &str, role: Role) -> Principal {
    let member = Some(MemberId::parse(member).unwrap());
    Principal { facility: at.clone(), member, role, purpose: Purpose::Treatment }
}

/// A command that goes on, and the JSON lines it prints.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn begin(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }
    #[track_caller]
    fn next(&self) -> serde_json::Value {
        serde_json::from_str(&self.lines.recv_timeout(PATIENCE).unwrap()).unwrap()
    }
    /// The next line: who entered or left, and why.
    #[track_caller]
    fn step(&self) -> (String, String, String) {
        let line = self.next();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        (text(&line["step"]), text(&line["member"]["patient"]), text(&line["cause"]))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn now() -> Moment {
    let micros = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    Moment::from_micros(i64::try_from(micros).unwrap()).unwrap()
}

fn days_ago(days: i64) -> Moment {
    now().plus_micros(-days * DAY)
}

/// A version of a record of one of the hospital's patients.
fn record(patient: u32, (id, version): (&str, u64), at: Moment, payload: Payload) -> v1::Event {
    let source = region::source(HOSPITAL).unwrap();
    let category = match &payload {
        Payload::Laboratory(_) => Category::Laboratory,
        Payload::Condition(_) => Category::Condition,
        _ => Category::Patient,
    };
    let record = Record::new(
        PatientRef::new(source.clone(), PatientNumber::parse(&region::number(patient)).unwrap()),
        RecordId::parse(id).unwrap(),
        Version::new(version).unwrap(),
        category,
        at,
        at,
        Labels::NONE,
        None,
        Author { member: None, role: Role::LaboratoryStaff },
        ChangeKind::Upsert,
        Some(payload),
    );
    let key = EventKey { source, id: EventId::parse(&format!("{id}-{version}")).unwrap() };
    v1::Event::from(&Event { key, admitted_at: at, body: Body::Record(Box::new(record.unwrap())) })
}

fn coding(system: CodeSystem, code: &str) -> Coding {
    Coding { system, code: code.to_owned(), display: String::new() }
}

fn diabetes(patient: u32) -> [v1::Event; 2] {
    [400, 500].map(|days| {
        let condition = Condition {
            code: coding(CodeSystem::Icd10, "E11.9"),
            clinical_status: String::new(),
            suspected: false,
            onset: None,
            abated: None,
        };
        record(patient, (&format!("c-{patient}-{days}"), 1), days_ago(days), Payload::Condition(condition))
    })
}

fn hba1c(patient: u32, id: (&str, u64), at: Moment, value: f64) -> v1::Event {
    let result = LabResult {
        code: coding(CodeSystem::Loinc, "4548-4"),
        value: Value::Quantity { value, unit: "%".to_owned(), comparator: String::new() },
        reference_low: None,
        reference_high: None,
        flag: String::new(),
        specimen: String::new(),
        status: LabStatus::Final,
        order: String::new(),
        note: String::new(),
    };
    record(patient, id, at, Payload::Laboratory(result))
}

fn died(patient: u32) -> v1::Event {
    let who = Demographics {
        name: String::new(),
        kana: String::new(),
        birth_date: Some(jiff::civil::date(1950, 4, 1)),
        sex: Sex::Female,
        postal_code: String::new(),
        address: String::new(),
        deceased: Some(days_ago(0)),
    };
    record(patient, ("who", 1), days_ago(0), Payload::Patient(who))
}

async fn publish(rig: &Rig, hospital: &Principal, events: Vec<v1::Event>) {
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(hospital).await.unwrap());
    let request =
        |event: v1::Event| v1::PublishRequest { event: event.encode_to_vec().into(), traceparent: String::new() };
    let events = events.into_iter().map(request).collect();
    let answer = door.publish_batch(v1::PublishBatchRequest { events }).await.unwrap().into_inner();
    for answer in answer.responses {
        assert!(!matches!(answer.outcome, None | Some(v1::publish_response::Outcome::Refused(_))), "{answer:?}");
    }
}

async fn withdraw(rig: &Rig, hospital: &Principal, patient: u32) {
    let whose = v1::PatientRef { facility: hospital.facility.as_str().to_owned(), number: region::number(patient) };
    let id = format!("c-{HOSPITAL}-{patient}");
    let withdrawal = v1::Withdrawal { id, patient: Some(whose), ..v1::Withdrawal::default() };
    let request = v1::WithdrawConsentRequest { withdrawal: Some(withdrawal), request_id: String::new() };
    let mut door = v1::consent_service_client::ConsentServiceClient::new(rig.channel(hospital).await.unwrap());
    door.withdraw(request).await.unwrap();
}

/// Who a run finds.
#[track_caller]
fn members(rig: &Rig, who: &Principal, cohort: &str) -> BTreeSet<String> {
    let lines = said(rig, who, &["cohort", "run", cohort, "--json"]);
    let each = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    each.map(|line| line["patient"].as_str().unwrap().to_owned()).collect()
}

/// The clinic's own number of one of the hospital's patients.
fn own(patient: u32) -> String {
    region::number_at_viewer(SIZE, HOSPITAL, patient)
}

fn set<const N: usize>(patients: [u32; N]) -> BTreeSet<String> {
    patients.into_iter().map(own).collect()
}

/// What a page asks: GET, or POST where something is said.
fn page(rig: &Rig, who: &Principal, path: &str, said: Option<serde_json::Value>) -> (u16, serde_json::Value) {
    let token = rig.token(who).unwrap();
    let body = said.as_ref().map(serde_json::Value::to_string).unwrap_or_default();
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

#[tokio::test(flavor = "multi_thread")]
async fn people_enter_and_leave_a_cohort_for_their_reasons() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let hospital = Rig::system(region::source(HOSPITAL).unwrap());
    let clinic = Rig::system(region::viewer(0).unwrap());
    publish(&rig, &hospital, (0..6).flat_map(diabetes).collect()).await;
    publish(&rig, &hospital, vec![hba1c(5, ("early", 1), days_ago(20), 9.1)]).await;

    let watch = ["cohort", "watch", "poor-control", "--json"];
    let watched = Watching::begin(command(&rig, &clinic, &watch));
    let first = watched.next();
    assert_eq!(first["member"]["patient"], own(5).as_str(), "who is in it already has not entered: {first}");
    assert_eq!(first["member"]["cause"], "result");
    assert!(first["member"]["grounds"].to_string().contains("hba1c 9.1 %"), "{first}");
    let entered = |who: u32, cause: &str| ("enter".to_owned(), own(who), cause.to_owned());
    let left = |who: u32, cause: &str| ("leave".to_owned(), own(who), cause.to_owned());

    publish(&rig, &hospital, vec![hba1c(0, ("a", 1), days_ago(1), 8.6)]).await;
    assert_eq!(watched.step(), entered(0, "result"));
    assert_eq!(members(&rig, &clinic, "poor-control"), set([0, 5]));

    publish(&rig, &hospital, vec![hba1c(1, ("b", 1), days_ago(2), 9.0)]).await;
    assert_eq!(watched.step(), entered(1, "result"));
    publish(&rig, &hospital, vec![hba1c(1, ("b", 2), days_ago(2), 7.0)]).await;
    assert_eq!(watched.step(), left(1, "correction"));

    publish(&rig, &hospital, vec![hba1c(2, ("c", 1), days_ago(2), 8.0)]).await;
    assert_eq!(watched.step(), entered(2, "result"));
    publish(&rig, &hospital, vec![died(2)]).await;
    assert_eq!(watched.step(), left(2, "death"));

    withdraw(&rig, &hospital, 0).await;
    assert_eq!(watched.step(), left(0, "consent"));
    assert_eq!(members(&rig, &clinic, "poor-control"), set([5]));

    // a value that will be half a year old in some seconds: then nobody says that it still holds
    let soon = now().plus_micros(6_000_000 - 180 * DAY);
    publish(&rig, &hospital, vec![hba1c(3, ("d", 1), soon, 8.9)]).await;
    assert_eq!(watched.step(), entered(3, "result"));
    assert_eq!(watched.step(), left(3, "time"));

    publish(&rig, &hospital, vec![hba1c(4, ("e", 1), days_ago(3), 8.3)]).await;
    assert_eq!(watched.step(), entered(4, "result"));
    said(&rig, &hospital, &["directory", "unlink", &format!("l-{HOSPITAL}-4-0")]);
    assert_eq!(watched.step(), left(4, "link"));
    assert_eq!(members(&rig, &clinic, "poor-control"), set([5]), "what is followed is what is found anew");

    // Of the past only what is shown now counts, and nothing later than the moment.
    let then = days_ago(10).to_string();
    let before = said(&rig, &clinic, &["cohort", "run", "poor-control", "--json", "--at", &then]);
    assert!(before.lines().count() == 2 && before.contains(&own(3)) && before.contains(&own(5)), "{before}");
    let early = days_ago(30).to_string();
    let differs = run(&rig, &clinic, &["cohort", "diff", "poor-control", "--from", &early]);
    let lines = String::from_utf8(differs.stdout).unwrap();
    assert_eq!(differs.status.code(), Some(3), "{lines}");
    let [entered, left] = ["+", "-"].map(|sign| lines.lines().find(|line| line.starts_with(sign)).unwrap());
    assert!(entered.contains(&own(5)) && entered.contains("[result]"), "{lines}");
    assert!(left.contains(&own(3)) && left.contains("[time]") && lines.lines().count() == 2, "{lines}");
    assert!(!lines.contains(&own(0)), "what was withdrawn is in no past: {lines}");

    // A restart changes nothing, and who watched begins anew.
    drop(watched);
    rig.stop(Duration::from_secs(60)).await.unwrap();
    rig.start(Duration::from_secs(60)).await.unwrap();
    assert_eq!(members(&rig, &clinic, "poor-control"), set([5]));
    let again = Watching::begin(command(&rig, &clinic, &[&watch[..], &["--from", "1:1"]].concat()));
    assert_eq!(again.next(), serde_json::json!({ "reset": true }));
    assert_eq!(again.next()["member"]["patient"], own(5).as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_facility_defines_its_own_and_works_through_a_list() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let hospital = Rig::system(region::source(HOSPITAL).unwrap());
    let clinic = Rig::system(region::viewer(0).unwrap());
    let [nurse, other] = ["nurse-1", "nurse-2"].map(|member| person(&clinic.facility, member, Role::Nurse));
    let clerk = person(&clinic.facility, "clerk-1", Role::Clerk);
    for (who, role) in [("nurse-1", "nurse"), ("nurse-2", "nurse"), ("clerk-1", "clerk")] {
        said(&rig, &clinic, &["directory", "member", "--id", who, "--role", role, "--name", who]);
    }
    publish(&rig, &hospital, (0..3).flat_map(diabetes).collect()).await;
    let values = [(0, "a", 8.2), (1, "b", 9.4), (2, "c", 7.1)];
    let values = values.map(|(who, id, value)| hba1c(who, (id, 1), days_ago(5 - i64::from(who)), value));
    publish(&rig, &hospital, values.to_vec()).await;

    // The file is shown, changed, tried, compared and stated.
    let shown = said(&rig, &clinic, &["cohort", "show", "poor-control"]);
    let path = directory.path().join("stricter.yaml");
    std::fs::write(&path, shown.replace("8.0", "9.0").replace("value: '8.0'", "value: '9.0'")).unwrap();
    let file = path.to_str().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while members(&rig, &clinic, "poor-control") != set([0, 1]) {
        assert!(Instant::now() < deadline, "the view did not come so far");
    }
    assert_eq!(members(&rig, &clinic, file), set([1]));
    let differs = run(&rig, &clinic, &["cohort", "diff", "poor-control", file]);
    assert_eq!(differs.status.code(), Some(3));
    let differs = String::from_utf8(differs.stdout).unwrap();
    assert!(differs.lines().count() == 1 && differs.starts_with('-') && differs.contains(&own(0)), "{differs}");
    assert!(differs.contains("[definition]"), "{differs}");
    assert_eq!(run(&rig, &clerk, &["cohort", "run", "poor-control"]).status.code(), Some(1), "no clinical data");

    let broken = directory.path().join("broken.yaml");
    std::fs::write(&broken, "name: x\nversion: '1'\nja: あ\nwhere:\n  at-least: { measure: hba1d, value: 3 }\n")
        .unwrap();
    let refused = run(&rig, &clinic, &["cohort", "put", broken.to_str().unwrap()]);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && words.contains("line 5") && words.contains("hba1d"), "{words}");

    let watched = Watching::begin(command(&rig, &clinic, &["cohort", "watch", "poor-control", "--json"]));
    let two: BTreeSet<String> =
        (0..2).map(|_| watched.next()["member"]["patient"].as_str().unwrap().to_owned()).collect();
    assert_eq!(two, set([0, 1]));
    assert!(said(&rig, &nurse, &["cohort", "put", file]).contains("version 1"));
    assert_eq!(watched.next(), serde_json::json!({ "reset": true }), "the cohort itself has changed");
    assert_eq!(watched.next()["member"]["patient"], own(1).as_str());
    assert!(said(&rig, &clinic, &["cohort", "list"]).contains("自施設 own"));
    said(&rig, &nurse, &["cohort", "put", "--take-back", "poor-control"]);
    assert!(!said(&rig, &clinic, &["cohort", "list"]).contains("自施設 own"));

    // By statement: whoever it gives.
    let by_sql = directory.path().join("by-sql.yaml");
    let sql = "name: by-sql\nversion: '1'\nen: By statement\nsql: |\n  SELECT DISTINCT my_patient_id FROM laboratory WHERE value_number < 8\n";
    std::fs::write(&by_sql, sql).unwrap();
    assert_eq!(members(&rig, &clinic, by_sql.to_str().unwrap()), set([2]));

    // The worklist: the longest waiting first; one takes, another may not; done, it goes, until something newer comes.
    let list = ["worklist", "list", "poor-control"];
    let listed = said(&rig, &nurse, &list);
    let places = [own(0), own(1)].map(|number| listed.find(&number).unwrap());
    assert!(places[0] < places[1] && listed.contains("hba1c 8.2 %"), "{listed}");
    let take = ["worklist", "take", "poor-control", &own(0)];
    assert!(said(&rig, &nurse, &take).contains("nurse-1"));
    assert!(said(&rig, &nurse, &take).contains("it stood so before"));
    let refused = run(&rig, &other, &take);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && words.contains("nurse-1"), "{words}");
    assert_eq!(run(&rig, &other, &["worklist", "take", "poor-control", &own(2)]).status.code(), Some(1), "no member");
    assert_eq!(run(&rig, &clinic, &["worklist", "take", "poor-control", &own(1)]).status.code(), Some(1), "no person");
    assert!(said(&rig, &other, &list).contains("対応中 taken"));
    said(&rig, &nurse, &["worklist", "done", "poor-control", &own(0), "--remark", "来週受診"]);
    assert!(!said(&rig, &other, &list).contains(&own(0)));
    assert!(said(&rig, &other, &[&list[..], &["--done"]].concat()).contains("来週受診"));
    publish(&rig, &hospital, vec![hba1c(0, ("a2", 1), now(), 8.8)]).await;
    let deadline = Instant::now() + PATIENCE;
    while !said(&rig, &other, &list).contains(&own(0)) {
        assert!(Instant::now() < deadline, "a newer result did not bring them back");
    }

    // The page shows and does the same as the command, as whom the token stands for.
    let path = "/api/worklist?cohort=poor-control";
    let (status, shown) = page(&rig, &other, path, None);
    assert_eq!(
        (status, shown["entries"].as_array().unwrap().len(), &shown["may_act"]),
        (200, 2, &serde_json::json!(true))
    );
    let first = &shown["entries"][0];
    assert_eq!(first["state"], "waiting");
    assert!(first["grounds"].to_string().contains("hba1c"), "{first:#}");
    let deed = serde_json::json!({ "cohort": "poor-control", "patient": own(1), "act": "take", "remark": "" });
    assert_eq!(page(&rig, &other, "/api/worklist/act", Some(deed.clone())).0, 200);
    assert_eq!(page(&rig, &nurse, "/api/worklist/act", Some(deed)).0, 400, "another has taken it");
    assert_eq!(page(&rig, &clerk, path, None).0, 403, "no clinical data");
    let (_, shown) = page(&rig, &nurse, path, None);
    let taken =
        shown["entries"].as_array().unwrap().iter().find(|entry| entry["patient"] == own(1).as_str()).unwrap().clone();
    assert_eq!((&taken["state"], &taken["last"]["name"]), (&serde_json::json!("taken"), &serde_json::json!("nurse-2")));
}
