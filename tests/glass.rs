//! A clinic breaks the glass over a hospital's patient by command: its live feed opens and closes, the hospital is told
//! within a second, lists what was broken and reviews it, and strangers find nothing. What was told is told after a
//! restart too.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::bench;
use ajisai::bench::region::{self, Records, Size};
use ajisai::rig::Rig;
use model::{FacilityId, MemberId, Moment, Principal, Purpose, Role};
use prost::Message;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use wire::v1;

// One of the two clinics has the patient's consent; the other breaks the glass.
const SIZE: Size = Size { sources: 1, viewers: 2, patients: 1, audience: 1 };
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

fn person(at: &FacilityId, member: &str, role: Role, purpose: Purpose) -> Principal {
    Principal { facility: at.clone(), member: Some(MemberId::parse(member).unwrap()), role, purpose }
}

/// A command that goes on, and the lines it prints with the moment each came.
struct Watching {
    child: Child,
    lines: Receiver<(Instant, String)>,
}

impl Watching {
    fn begin(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if tell.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }
    /// The next line that fits, and when it came.
    #[track_caller]
    fn next(&self, fits: impl Fn(&str) -> bool) -> (Instant, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (at, line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap();
            if fits(&line) {
                return (at, line);
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

/// The id that a command printed after this word.
fn id_after(word: &str, printed: &str) -> String {
    printed.split_whitespace().skip_while(|part| *part != word).nth(1).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_opens_to_one_person_is_told_and_is_reviewed() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let hospital = Rig::system(region::source(0).unwrap());
    let source = hospital.facility.as_str();

    let stamp = Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
    let event = Records::new(SIZE, 0, "glass", 600).unwrap().event(0, stamp).unwrap();
    let Some(v1::event::Body::Record(record)) = &event.body else { unreachable!("these are records") };
    let number = record.patient.as_ref().unwrap().number.clone();
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(&hospital).await.unwrap());
    let request = v1::PublishRequest { event: event.encode_to_vec().into(), traceparent: String::new() };
    door.publish_batch(v1::PublishBatchRequest { events: vec![request] }).await.unwrap();

    // The clinic without consent knows the patient, and the hospital allows its physicians to break the glass.
    let consents = said(&rig, &hospital, &["consent", "list"]);
    let clinics = [region::viewer(0).unwrap(), region::viewer(1).unwrap()];
    let clinic = clinics.iter().find(|clinic| !consents.contains(clinic.as_str())).unwrap();
    let scope = directory.path().join("scope.toml");
    std::fs::write(&scope, SCOPE).unwrap();
    said(&rig, &hospital, &["directory", "scope", "--from-file", scope.to_str().unwrap()]);
    said(&rig, &hospital, &["directory", "link", "--a-number", &number, "--b", clinic.as_str(), "--b-number", "H-77"]);
    let system = Rig::system(clinic.clone());
    said(&rig, &system, &["directory", "member", "--id", "dr-sato", "--role", "physician", "--name", "佐藤"]);
    said(&rig, &hospital, &["directory", "member", "--id", "clerk-1", "--role", "clerk", "--name", "田中"]);
    let doctor = person(clinic, "dr-sato", Role::Physician, Purpose::BreakGlass);
    let clerk = person(&hospital.facility, "clerk-1", Role::Clerk, Purpose::Operations);
    let stranger = Rig::system(clinics.iter().find(|other| *other != clinic).unwrap().clone());
    let sees =
        || said(&rig, &doctor, &["sql", "--format", "csv", "SELECT record_id FROM laboratory"]).lines().count() - 1;
    assert_eq!(sees(), 0);

    let feed = Watching::begin(command(&rig, &doctor, &["feed", "watch", "--from", "start", "--heartbeats"]));
    feed.next(|line| line.starts_with('.'));
    let breaking = ["consent", "break-glass", "--source", source, "--patient", &number, "--hours", "2", "--reason"];
    let notices = Watching::begin(command(&rig, &clerk, &["notices", "watch"]));
    let elsewhere = Watching::begin(command(&rig, &stranger, &["notices", "watch"]));
    let broken = said(&rig, &doctor, &[&breaking[..], &["意識障害で搬送"]].concat());
    let returned = Instant::now();
    let id = id_after("glass", &broken);
    let (at, notice) = notices.next(|line| line.contains("glass-broken"));
    assert!(at < returned + Duration::from_secs(1), "told {:?} after it was acknowledged", at - returned);
    assert!(notice.starts_with('!') && notice.contains(&id) && notice.contains(&number), "{notice}");
    assert!(!notice.contains("意識障害"), "the reason is for the review: {notice}");
    feed.next(|line| line.starts_with('+'));
    assert_eq!(sees(), 1);
    assert_eq!(run(&rig, &system, &[&breaking[..], &["理由"]].concat()).status.code(), Some(1), "a person breaks it");

    // Both ends are told of it, with the reason; nobody else.
    let queue = said(&rig, &clerk, &["consent", "glasses", "--waiting", "--own-patients"]);
    for word in [id.as_str(), "dr-sato", "意識障害で搬送", "open", "waiting"] {
        assert!(queue.contains(word), "{word}: {queue}");
    }
    assert!(said(&rig, &doctor, &["consent", "glasses"]).contains(&id));
    assert!(!said(&rig, &stranger, &["consent", "glasses"]).contains(&id));
    let unknown = run(&rig, &stranger, &["consent", "close-glass", "g-never"]);
    assert_eq!(run(&rig, &stranger, &["consent", "close-glass", &id]), unknown);

    // The doctor closes it: the feed loses what it showed.
    said(&rig, &doctor, &["consent", "close-glass", &id]);
    feed.next(|line| line.starts_with('-'));
    assert_eq!(sees(), 0);
    said(&rig, &clerk, &["consent", "review-glass", &id, "--outcome", "justified", "--text", "搬送を確認"]);
    assert!(!said(&rig, &clerk, &["consent", "glasses", "--waiting"]).contains(&id));
    let reviewed = said(&rig, &doctor, &["consent", "glasses"]);
    assert!(reviewed.contains("justified") && reviewed.contains("closed"), "{reviewed}");

    notices.next(|line| line.contains("glass-closed") && line.contains(&id));

    // The clerk says that they were told: once, for themselves, and everybody at the hospital can see it.
    let told = notice.split_whitespace().nth(2).unwrap();
    assert_eq!(run(&rig, &hospital, &["notices", "ack", told]).status.code(), Some(1), "a machine is not told");
    let unknown = run(&rig, &doctor, &["notices", "ack", &told.replacen("/", "/9", 1)]);
    assert_eq!(run(&rig, &doctor, &["notices", "ack", told]), unknown, "it is the hospital's");
    assert!(said(&rig, &clerk, &["notices", "ack", told]).contains("clerk-1"));
    assert!(said(&rig, &clerk, &["notices", "ack", told]).contains("it had been before"));
    let (_, again) = notices.next(|line| line.starts_with('=') && line.contains(told));
    assert!(again.contains("clerk-1"), "{again}");
    assert!(!said(&rig, &clerk, &["notices", "list", "--waiting"]).contains(told));

    // The feed was closed with the glass that opened it. Another is found unjustified, which closes it at once.
    let feed = Watching::begin(command(&rig, &doctor, &["feed", "watch", "--from", "start", "--heartbeats"]));
    let second = id_after("glass", &said(&rig, &doctor, &[&breaking[..], &["念のため"]].concat()));
    feed.next(|line| line.starts_with('+'));
    said(&rig, &clerk, &["consent", "review-glass", &second, "--outcome", "unjustified"]);
    feed.next(|line| line.starts_with('-'));
    assert!(said(&rig, &doctor, &["notices", "list"]).contains(&second), "its breaker is told");

    // A restart tells the same; strangers were told of nothing.
    let before = said(&rig, &clerk, &["notices", "list"]);
    assert!(before.contains("clerk-1") && before.contains(told), "{before}");
    rig.stop(Duration::from_secs(60)).await.unwrap();
    rig.start(Duration::from_secs(60)).await.unwrap();
    assert_eq!(said(&rig, &clerk, &["notices", "list"]), before);
    assert!(elsewhere.lines.try_iter().next().is_none());
    assert!(!said(&rig, &stranger, &["notices", "list"]).contains("glass-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_released_and_a_proxy_opens_by_agreement() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let hospital = Rig::system(region::source(0).unwrap());
    let source = hospital.facility.as_str();
    let stamp = Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
    let event = Records::new(SIZE, 0, "held", 600).unwrap().event(0, stamp).unwrap();
    let Some(v1::event::Body::Record(record)) = &event.body else { unreachable!("these are records") };
    let number = record.patient.as_ref().unwrap().number.clone();
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(&hospital).await.unwrap());
    let request = v1::PublishRequest { event: event.encode_to_vec().into(), traceparent: String::new() };
    door.publish_batch(v1::PublishBatchRequest { events: vec![request] }).await.unwrap();
    let consents = said(&rig, &hospital, &["consent", "list"]);
    let clinics = [region::viewer(0).unwrap(), region::viewer(1).unwrap()];
    let [consented, other] = {
        let mut sorted = clinics.clone();
        sorted.sort_by_key(|clinic| !consents.contains(clinic.as_str()));
        sorted.map(Rig::system)
    };
    let sees = |who: &Principal| {
        said(&rig, who, &["sql", "--format", "csv", "SELECT record_id FROM laboratory"]).lines().count() - 1
    };

    let scope = directory.path().join("scope.toml");
    let held = SCOPE.replace(
        "viewer_roles = [\"clinical\", \"system\"]",
        "viewer_roles = [\"clinical\", \"system\"]\nhold_until_released = true",
    );
    std::fs::write(&scope, held).unwrap();
    said(&rig, &hospital, &["directory", "scope", "--from-file", scope.to_str().unwrap()]);
    assert_eq!(sees(&consented), 0, "it is held until released");
    said(&rig, &hospital, &["consent", "release", "--patient", &number, "--category", "medication"]);
    assert_eq!(sees(&consented), 0, "another category was released");
    said(&rig, &hospital, &["consent", "release", "--patient", &number, "--category", "laboratory"]);
    assert_eq!(sees(&consented), 1);
    let not_theirs = run(&rig, &consented, &["consent", "release", "--patient", &number]);
    assert!(not_theirs.status.success(), "of its own patient of that number, which is another: {not_theirs:?}");

    // The hospital takes a consent itself, naming the other clinic: it opens once that clinic has agreed.
    let viewer = other.facility.as_str();
    said(&rig, &hospital, &["directory", "link", "--a-number", &number, "--b", viewer, "--b-number", "H-78"]);
    let proxy = ["consent", "give", "--patient", &number, "--viewer", viewer, "--taken-by", source];
    said(&rig, &hospital, &proxy);
    assert_eq!(sees(&other), 0, "the clinic has not agreed");
    let agreed = said(&rig, &other, &["directory", "agree", "--source", source]);
    assert_eq!(sees(&other), 1);
    said(&rig, &other, &["directory", "end-agreement", &id_after("agreement", &agreed)]);
    assert_eq!(sees(&other), 0);

    // A mother and her newborn: two persons, and nothing opens.
    let kin = said(&rig, &hospital, &["directory", "kin", "--mother", &number, "--newborn", "99999"]);
    assert_eq!((sees(&other), sees(&consented)), (0, 1));
    said(&rig, &hospital, &["directory", "end-kin", &id_after("kinship", &kin), "--mother", &number]);
    let same = run(&rig, &hospital, &["directory", "kin", "--mother", &number, "--newborn", &number]);
    assert_eq!(same.status.code(), Some(1), "nobody is their own mother: {same:?}");
}
