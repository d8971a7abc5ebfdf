//! The board in a real browser: beds open, move, are called lost when their source is cut and when the node is silent, come
//! again, and close with a word when consent ends. The other pages are opened once beside it.
//!
//! Beside it the pages of pregnancies, from their list to the words that a withdrawal leaves.
//!
//! The browser's side is dashboards/web/tests/board.mjs, and pregnancy.mjs: it says what is to happen here, a line at a time, and
//! checks what is on the screen. Screenshots go to `AJISAI_ARTIFACTS`, or to the build directory.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop where it stands, also in its helpers, and says how far the browser is"
)]

mod maternity;
mod stage;

use ajisai::bench::region::{self, Size};
use ajisai::rig::Rig;
use maternity::{checkup, days_ago, delivered, measured, registered, watched, who};
use model::{MemberId, Principal, Role};
use stage::{Stage, ending, now, publish, stage, withdrawal};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use wire::v1::ingest_service_client::IngestServiceClient;

// The clinic has the consent of all three.
const SIZE: Size = Size { sources: 1, viewers: 1, patients: 3, audience: 1 };
/// A wall that is full.
const HUNDRED: Size = Size { sources: 1, viewers: 1, patients: 100, audience: 1 };
/// What was before a page is opened.
const BEFORE: i64 = 14 * 60 * 2;

fn web() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/web")
}

/// Where screenshots are kept.
fn artifacts() -> PathBuf {
    let directory = std::env::var_os("AJISAI_ARTIFACTS").map(PathBuf::from);
    let directory = directory.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("board"));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn signal(rig: &Rig, signal: &str) {
    let process = rig.process().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
}

/// The browser with one of the scripts, signed in as the physician.
fn browser(stage: &Stage, script: &str) -> Child {
    let patients = stage.beds.len() as u32;
    let size = Size { patients, ..SIZE };
    opened((&stage.rig, &stage.physician), script, size, "")
}

fn opened((rig, physician): (&Rig, &Principal), script: &str, size: Size, expected: &str) -> Child {
    let numbers = (0..size.patients).map(|bed| region::number_at_viewer(size, 0, bed)).collect::<Vec<_>>();
    Command::new("node")
        .arg(web().join("tests").join(script))
        .env("AJISAI_PAGE", format!("http://127.0.0.1:{}/", rig.ports().dashboards))
        .env("AJISAI_TOKEN", rig.token(physician).unwrap())
        .env("AJISAI_PATIENTS", numbers.join(" "))
        .env("AJISAI_EXPECTED", expected)
        .env("AJISAI_SCREENSHOTS", artifacts())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("node cannot be started ({error}): `make tools` installs what tests need"))
}

#[tokio::test(flavor = "multi_thread")]
async fn beds_are_shown_in_a_browser_and_never_look_alive_when_they_are_not() {
    let mut stage = stage(SIZE, BEFORE).await;
    let mut browser = browser(&stage, "board.mjs");
    let mut answers = browser.stdin.take().unwrap();
    let mut told = Vec::new();
    for line in BufReader::new(browser.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let (what, bed) =
            line.strip_prefix("ask ").map_or(("", ""), |asked| asked.split_once(' ').unwrap_or((asked, "")));
        let number = bed.parse::<u32>().unwrap_or_default();
        let monitor = stage.beds.get(number as usize).unwrap();
        match what {
            "cut" => monitor.on.store(false, Ordering::Relaxed),
            "resume" => monitor.on.store(true, Ordering::Relaxed),
            "withdraw" => publish(&mut stage.door, vec![withdrawal(number)]).await,
            "end-soon" => publish(&mut stage.door, vec![ending(number, Some(now().plus_micros(6_000_000)))]).await,
            "open" => publish(&mut stage.door, vec![ending(number, None)]).await,
            "freeze-node" => signal(&stage.rig, "-STOP"),
            "thaw-node" => signal(&stage.rig, "-CONT"),
            _ => {
                println!("{line}");
                told.push(line);
                continue;
            }
        }
        writeln!(answers, "done").unwrap();
    }
    let status = browser.wait().unwrap();
    stage.beds.iter().for_each(|bed| bed.task.abort());
    assert!(status.success(), "the browser (`make tools` installs it) found:\n{}", told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: frames a second of a wall of a hundred beds, printed with --nocapture"]
async fn a_hundred_beds_on_one_page() {
    let stage = stage(HUNDRED, 5 * 120).await;
    let output = browser(&stage, "frames.mjs").wait_with_output().unwrap();
    stage.beds.iter().for_each(|bed| bed.task.abort());
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success());
}

// === Pregnancies ===

/// Three women and a newborn.
const WOMEN: Size = Size { sources: 1, viewers: 1, patients: 4, audience: 1 };

fn run(rig: &Rig, who: &Principal, arguments: &[&str]) -> String {
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    let token = rig.token(who).unwrap();
    let connection = ["--address", &address, "--token", &token];
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let output = Command::new(program).args([arguments, &connection].concat()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The rows of a statement over the clinic's view, once there are so many: a JSON array.
fn answered(rig: &Rig, who: &Principal, sql: &str, rows: usize) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = run(rig, who, &["sql", "--format", "json", sql]);
        let lines: Vec<&str> = answer.lines().filter(|line| line.starts_with('{')).collect();
        if lines.len() == rows {
            return format!("[{}]", lines.join(","));
        }
        assert!(Instant::now() < deadline, "{sql}: {answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pregnancies_are_listed_by_need_and_shown_as_a_sheet_until_consent_ends() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let rig = ajisai::bench::raise(program, directory.path(), WOMEN, "").await.unwrap();
    let clinic = Rig::system(region::viewer(0).unwrap());
    let hospital = Rig::system(region::source(0).unwrap());
    run(&rig, &clinic, &["directory", "member", "--id", "dr-sato", "--role", "physician", "--name", "佐藤"]);
    let physician =
        Principal { member: Some(MemberId::parse("dr-sato").unwrap()), role: Role::Physician, ..clinic.clone() };
    run(&rig, &hospital, &["directory", "member", "--id", "dr-tanaka", "--role", "physician", "--name", "田中"]);
    let at_source = Some(MemberId::parse("dr-tanaka").unwrap());
    let at_source = Principal { member: at_source, role: Role::Physician, ..hospital.clone() };
    let tables = directory.path().join("own.yaml");
    std::fs::write(&tables, maternity::TABLES).unwrap();
    run(&rig, &clinic, &["perinatal", "put", tables.to_str().unwrap()]);
    let (mother, newborn) = (region::number(2), region::number(3));
    run(&rig, &hospital, &["directory", "kin", "--mother", &mother, "--newborn", &newborn, "--fetus", "1"]);

    let mut door = IngestServiceClient::new(rig.channel(&hospital).await.unwrap());
    let born = jiff::civil::date(1990, 4, 12);
    let mut told = vec![
        who(0, "山田 花子", "ヤマダ ハナコ", born),
        who(1, "佐々木 葉月", "ササキ ハヅキ", born),
        who(2, "鈴木 さくら", "スズキ サクラ", born),
        who(3, "鈴木 ベビー", "スズキ ベビー", days_ago(1).to_string().get(..10).unwrap().parse().unwrap()),
    ];
    // high pressure, watched; twins, overdue; a birth
    told.extend(registered(0, 240, 6, "単胎"));
    for (ago, raised, protein) in [(100, 0.0, "-"), (72, 0.0, "-"), (44, 6.0, "-"), (30, 12.0, "±"), (16, 30.0, "1+")]
    {
        told.extend(checkup(0, (240, ago), raised, protein));
        told.extend(measured(0, (240, ago), 1, 0.95));
    }
    told.push(watched(0, 2));
    told.extend(registered(1, 210, 0, "双胎"));
    for ago in [80, 52, 40] {
        told.extend(checkup(1, (210, ago), 0.0, "-"));
        told.extend(measured(1, (210, ago), 1, 1.0));
        told.extend(measured(1, (210, ago), 2, 0.92));
    }
    told.extend(registered(2, 275, 0, "単胎"));
    for ago in [60, 20, 6] {
        told.extend(checkup(2, (275, ago), 0.0, "-"));
        told.extend(measured(2, (275, ago), 1, 1.02));
    }
    told.push(delivered(2, 1));
    publish(&mut door, told).await;

    let number = region::number_at_viewer(WOMEN, 0, 0);
    let sql = format!(
        "SELECT gestational_age, weight, systolic, diastolic, estimated_weight, deviations, bpd, ac, fl \
         FROM pregnancy_checkups WHERE my_patient_id = '{number}' ORDER BY at"
    );
    let expected = answered(&rig, &physician, &sql, 5);
    let told = format!("{{\"rows\":{expected},\"source\":\"{}\"}}", rig.token(&at_source).unwrap());
    let mut browser = opened((&rig, &physician), "pregnancy.mjs", WOMEN, &told);
    let mut answers = browser.stdin.take().unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(browser.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        match line.strip_prefix("ask ").map(str::trim) {
            Some("checkup") => {
                let mut told = checkup(0, (240, 2), 38.0, "2+");
                told.extend(measured(0, (240, 2), 1, 0.94));
                publish(&mut door, told).await;
                writeln!(answers, "{}", answered(&rig, &physician, &sql, 6)).unwrap();
            }
            Some("withdraw") => {
                publish(&mut door, vec![withdrawal(0)]).await;
                writeln!(answers, "done").unwrap();
            }
            _ => {
                println!("{line}");
                said.push(line);
            }
        }
    }
    let status = browser.wait().unwrap();
    assert!(status.success(), "the browser (`make tools` installs it) found:\n{}", said.join("\n"));
    // what the page was given stands in the ledger, under the name of whose token it was
    let subject = format!("{}:{}", hospital.facility, region::number(0));
    let report = run(&rig, &hospital, &["ledger", "report", "--patient", &subject]);
    assert!(report.contains("佐藤") && report.contains("周産期の記録"), "{report}");
}
