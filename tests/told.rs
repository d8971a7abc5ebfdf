//! A hospital corrects a laboratory result. Exactly those are told, by person, who had been shown the old one: who asked in
//! SQL and who watched, not who looked at another patient or came later. The hospital sees who has said so. A restart and a
//! rebuild tell the same.
//! And a critical result: told to who sees it, acknowledged, acted on, and the hospital sees how far it is.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::bench;
use ajisai::bench::region::{self, Size};
use ajisai::rig::Rig;
use model::{FacilityId, MemberId, Moment, PatientNumber, PatientRef, Principal, Purpose, Role};
use prost::Message;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use wire::v1;

// The second of two hospitals, so that the clinic's numbers of its patients are others than its own.
const SIZE: Size = Size { sources: 2, viewers: 1, patients: 2, audience: 1 };
const HOSPITAL: u32 = 1;
const PATIENCE: Duration = Duration::from_secs(30);

fn command(rig: &Rig, who: &Principal, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ajisai"));
    command.args(arguments).args([
        "--address",
        &format!("http://127.0.0.1:{}", rig.ports().grpc),
        "--token",
        &rig.token(who).unwrap(),
    ]);
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

fn person(at: &FacilityId, member: &str, role: Role) -> Principal {
    let member = Some(MemberId::parse(member).unwrap());
    Principal { facility: at.clone(), member, role, purpose: Purpose::Treatment }
}

/// A command that goes on, and the lines it prints.
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
    /// The next line that fits.
    #[track_caller]
    fn next(&self, fits: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap();
            if fits(&line) {
                return line;
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Potassium of one of the hospital's patients, measured a moment ago.
fn potassium(patient: u32, id: &str, version: u64, value: f64) -> v1::Event {
    let source = region::source(HOSPITAL).unwrap();
    let stamp = Moment::from_micros(i64::try_from(now_us()).unwrap()).unwrap();
    let lab = model::LabResult {
        code: model::Coding {
            system: model::CodeSystem::Loinc,
            code: "2823-3".to_owned(),
            display: "カリウム".to_owned(),
        },
        value: model::Value::Quantity { value, unit: "mmol/L".to_owned(), comparator: String::new() },
        reference_low: None,
        reference_high: None,
        flag: String::new(),
        specimen: String::new(),
        status: model::LabStatus::Final,
        order: String::new(),
        note: String::new(),
    };
    let record = model::Record::new(
        PatientRef::new(source.clone(), PatientNumber::parse(&region::number(patient)).unwrap()),
        model::RecordId::parse(id).unwrap(),
        model::Version::new(version).unwrap(),
        model::Category::Laboratory,
        stamp,
        stamp,
        model::Labels::NONE,
        None,
        model::Author { member: None, role: Role::LaboratoryStaff },
        model::ChangeKind::Upsert,
        Some(model::Payload::Laboratory(lab)),
    );
    let key = model::EventKey { source, id: model::EventId::parse(&format!("{id}-{version}")).unwrap() };
    let body = model::Body::Record(Box::new(record.unwrap()));
    v1::Event::from(&model::Event { key, admitted_at: stamp, body })
}

fn now_us() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros()
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

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_result_is_told_to_exactly_those_who_were_shown_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let hospital = Rig::system(region::source(HOSPITAL).unwrap());
    let clinic = region::viewer(0).unwrap();
    let system = Rig::system(clinic.clone());
    let [a, b, c, d] = ["dr-a", "dr-b", "dr-c", "dr-d"].map(|member| person(&clinic, member, Role::Physician));
    for doctor in [&a, &b, &c, &d] {
        let member = doctor.member.as_ref().unwrap().as_str();
        said(&rig, &system, &["directory", "member", "--id", member, "--role", "physician", "--name", member]);
    }

    let watched = Watching::begin(command(&rig, &b, &["feed", "watch", "--from", "start", "--heartbeats"]));
    watched.next(|line| line.starts_with('.'));
    publish(&rig, &hospital, vec![potassium(0, "r-1", 1, 5.1), potassium(1, "r-2", 1, 4.4)]).await;
    watched.next(|line| line.starts_with('+'));
    watched.next(|line| line.starts_with('+'));
    let sql = ["sql", "--format", "csv", "SELECT record_id, value_number FROM laboratory"];
    assert!(until(&rig, &a, &sql, |answer| answer.contains("r-1")).contains("5.1"));
    let other = format!("SELECT record_id FROM laboratory WHERE patient_id = '{}'", region::number(1));
    let others = said(&rig, &c, &["sql", "--format", "csv", &other]);
    assert!(others.contains("r-2") && !others.contains("r-1"), "{others}");

    // The hospital puts it right. Whoever watches is given the new value at once, and is told all the same.
    let notices = Watching::begin(command(&rig, &a, &["notices", "watch"]));
    publish(&rig, &hospital, vec![potassium(0, "r-1", 2, 4.1)]).await;
    let notice = notices.next(|line| line.contains("result-corrected"));
    let own = region::number_at_viewer(SIZE, HOSPITAL, 0);
    assert!(
        notice.contains("/dr-a") && notice.contains(&own) && notice.contains(hospital.facility.as_str()),
        "{notice}"
    );
    assert!(!notice.contains("4.1") && !notice.contains("5.1"), "the value is looked at, not told: {notice}");
    watched.next(|line| line.starts_with('~') || line.starts_with('*') || line.contains("r-1"));
    drop(watched);
    assert!(said(&rig, &d, &sql).contains("4.1"));

    let corrected = ["notices", "corrected"];
    let listed = until(&rig, &hospital, &corrected, |answer| answer.contains("dr-b"));
    for who in ["dr-c", "dr-d"] {
        assert!(!listed.contains(who), "{listed}");
    }
    assert_eq!(listed.matches("waiting").count(), 2, "{listed}");
    assert!(listed.contains("r-1") && listed.contains(&region::number(0)), "{listed}");
    for who in [&c, &d] {
        assert!(!said(&rig, who, &["notices", "list"]).contains("result-corrected"));
    }
    assert!(!said(&rig, &system, &corrected).contains("dr-"), "it is not the clinic's result");

    // Each says so for themselves.
    let id = notice.split_whitespace().nth(2).unwrap();
    assert_eq!(run(&rig, &b, &["notices", "ack", id]).status.code(), Some(1), "it is another person's");
    assert!(said(&rig, &a, &["notices", "ack", id]).contains("dr-a"));
    let half = said(&rig, &hospital, &[&corrected[..], &["--waiting"]].concat());
    assert_eq!(half.matches("waiting").count(), 1, "{half}");
    said(&rig, &b, &["notices", "ack", &id.replace("dr-a", "dr-b")]);
    assert!(!said(&rig, &hospital, &[&corrected[..], &["--waiting"]].concat()).contains("r-1"));

    // A restart and a rebuild tell the same.
    let told = |rig: &Rig| {
        let lists = [&a, &b, &c, &d].map(|who| said(rig, who, &["notices", "list"]));
        (said(rig, &hospital, &corrected), lists)
    };
    let before = told(&rig);
    rig.stop(Duration::from_secs(60)).await.unwrap();
    rig.start(Duration::from_secs(60)).await.unwrap();
    assert_eq!(told(&rig), before);
    rig.stop(Duration::from_secs(60)).await.unwrap();
    let rebuilt = Command::new(program).args(["views", "rebuild", "--config"]).arg(rig.config()).output().unwrap();
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    rig.start(Duration::from_secs(60)).await.unwrap();
    until(&rig, &hospital, &corrected, |answer| *answer == before.0);
    assert_eq!(told(&rig), before);
}

/// Opens the notices page in a browser as somebody, and does there what the script says.
fn on_the_page(rig: &Rig, who: &Principal) {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/web");
    let shots = std::env::var_os("AJISAI_ARTIFACTS").map(std::path::PathBuf::from);
    let shots = shots.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("board"));
    std::fs::create_dir_all(&shots).unwrap();
    let browser = Command::new("node")
        .arg(web.join("tests/critical.mjs"))
        .env("AJISAI_PAGE", format!("http://127.0.0.1:{}/", rig.ports().dashboards))
        .env("AJISAI_TOKEN", rig.token(who).unwrap())
        .env("AJISAI_SCREENSHOTS", shots)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&browser.stdout);
    assert!(browser.status.success(), "the browser (`make tools` installs it) found:\n{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_about_a_critical_result_is_said_on_the_page() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let hospital = Rig::system(region::source(HOSPITAL).unwrap());
    let clinic = region::viewer(0).unwrap();
    let doctor = person(&clinic, "dr-a", Role::Physician);
    let member = ["directory", "member", "--id", "dr-a", "--role", "physician", "--name", "佐藤"];
    said(&rig, &Rig::system(clinic), &member);
    publish(&rig, &hospital, vec![potassium(0, "r-1", 1, 7.2)]).await;
    until(&rig, &doctor, &["notices", "list"], |answer| answer.contains("critical-result"));

    on_the_page(&rig, &doctor);
    let list = ["notices", "critical"];
    let done = said(&rig, &hospital, &list);
    assert!(done.contains("called dr-a") && done.contains("午後に来院"), "{done}");
    assert!(!said(&rig, &hospital, &[&list[..], &["--waiting"]].concat()).contains("r-1"));
    rig.stop(Duration::from_secs(60)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critical_result_is_told_acknowledged_and_acted_on() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let hospital = Rig::system(region::source(HOSPITAL).unwrap());
    let clinic = region::viewer(0).unwrap();
    let system = Rig::system(clinic.clone());
    let (doctor, clerk) = (person(&clinic, "dr-a", Role::Physician), person(&clinic, "clerk-1", Role::Clerk));
    said(&rig, &system, &["directory", "member", "--id", "dr-a", "--role", "physician", "--name", "A"]);
    said(&rig, &system, &["directory", "member", "--id", "clerk-1", "--role", "clerk", "--name", "B"]);

    publish(&rig, &hospital, vec![potassium(0, "r-1", 1, 7.2), potassium(1, "r-2", 1, 4.4)]).await;
    // The hospital's list says how far it is before anybody was told.
    let list = ["notices", "critical"];
    let detected = until(&rig, &hospital, &list, |answer| answer.contains("r-1"));
    assert!(detected.contains("detected") && detected.contains("potassium") && !detected.contains("r-2"), "{detected}");
    assert!(!detected.contains("7.2"), "{detected}");
    let own = region::number_at_viewer(SIZE, HOSPITAL, 0);
    let told = said(&rig, &doctor, &["notices", "list"]);
    assert!(told.contains("critical-result") && told.contains("カリウム") && told.contains(&own), "{told}");
    assert!(!told.contains("7.2"), "the value is looked at, not told: {told}");
    assert!(!said(&rig, &clerk, &["notices", "list"]).contains("critical-result"), "no clinical data");
    until(&rig, &hospital, &list, |answer| answer.contains("dr-a") && answer.matches("notified").count() == 2);

    let id = told.split_whitespace().find(|word| word.starts_with("critical-result/")).unwrap();
    let act = ["notices", "ack", id, "--action", "called", "--remark", "午後に来院"];
    assert_eq!(run(&rig, &clerk, &act).status.code(), Some(1));
    assert!(said(&rig, &doctor, &["notices", "ack", id]).contains("dr-a"));
    assert_eq!(said(&rig, &hospital, &list).matches("dr-a").count(), 2, "who was told, and who knows");
    let acted = said(&rig, &doctor, &act);
    assert!(acted.contains("called") && acted.contains("午後に来院"), "{acted}");
    assert!(said(&rig, &doctor, &act).contains("it had been before"));
    let done = said(&rig, &hospital, &list);
    assert!(done.contains("called dr-a") && done.contains("午後に来院"), "{done}");
    assert!(!said(&rig, &hospital, &[&list[..], &["--waiting"]].concat()).contains("r-1"));

    // It is put right: the doctor, who was told of it and has not looked at it, is told that too.
    publish(&rig, &hospital, vec![potassium(0, "r-1", 2, 4.2)]).await;
    until(&rig, &hospital, &list, |answer| answer.contains("withdrawn"));
    until(&rig, &doctor, &["notices", "list"], |answer| answer.contains("was corrected since"));

    let before = (said(&rig, &hospital, &list), said(&rig, &doctor, &["notices", "list"]));
    rig.stop(Duration::from_secs(60)).await.unwrap();
    let rebuilt = Command::new(program).args(["views", "rebuild", "--config"]).arg(rig.config()).output().unwrap();
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    rig.start(Duration::from_secs(60)).await.unwrap();
    until(&rig, &hospital, &list, |answer| *answer == before.0);
    assert_eq!(said(&rig, &doctor, &["notices", "list"]), before.1);
}
