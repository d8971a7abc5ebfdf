//! The board in a real browser: beds open, move, are called lost when their source is cut and when the node is silent, come
//! again, and close with a word when consent ends. The other pages are opened once beside it.
//!
//! The browser's side is dashboards/web/tests/board.mjs: it says what is to happen here, a line at a time, and checks what is
//! on the screen. Screenshots go to `AJISAI_ARTIFACTS`, or to the build directory.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop where it stands, also in its helpers, and says how far the browser is"
)]

mod stage;

use ajisai::bench::region::{self, Size};
use ajisai::rig::Rig;
use stage::{Stage, ending, now, publish, stage, withdrawal};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

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
    let numbers = (0..patients).map(|bed| region::number_at_viewer(size, 0, bed)).collect::<Vec<_>>();
    Command::new("node")
        .arg(web().join("tests").join(script))
        .env("AJISAI_PAGE", format!("http://127.0.0.1:{}/", stage.rig.ports().dashboards))
        .env("AJISAI_TOKEN", stage.rig.token(&stage.physician).unwrap())
        .env("AJISAI_PATIENTS", numbers.join(" "))
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
