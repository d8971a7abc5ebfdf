//! The first load of an SS-MIX2 storage: a generated tree of 60,000 files (or `AJISAI_BENCH_FILES`) of 10,000 patients, read,
//! converted and made durable in the embedded log; then a sweep that finds nothing, and a survey that reads every byte again.
//! The tree lies on the disk the target directory is on, or in the directory `AJISAI_BENCH_DIR` names.
//!
//! `cargo bench -p ingest --bench first_load`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement: it prints, and what fails here fails the measurement"
)]

use event_log::embedded::{EmbeddedConfig, EmbeddedLog};
use ingest::hl7::Feed;
use ingest::ss_mix2::{
    Cursor, Folder, Intake, Known, Messages, Nothing, OtherPatient, Outcome, Progress, Reading, Sweeper, Swept,
    TakeError, Taker, Volume, survey,
};
use ingest::{Admission, ConsentQuery, ConsentReader, DirectoryReader, GlassStanding, LocalDoor, Settings, Standing};
use model::*;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Records need nothing of the book.
#[derive(Debug)]
struct NoBook;
impl DirectoryReader for NoBook {
    fn facilities(&self) -> Vec<Facility> {
        Vec::new()
    }
    fn members(&self, _: &FacilityId) -> Vec<Member> {
        Vec::new()
    }
    fn member(&self, _: &MemberId) -> Option<Member> {
        None
    }
    fn scope(&self, _: &FacilityId) -> Option<DisclosureScope> {
        None
    }
    fn link(&self, _: &LinkId) -> Option<Link> {
        None
    }
    fn visit_links(&self, _: &FacilityId, _: Option<&LinkId>, _: &mut dyn FnMut(&Link) -> bool) {}
}
impl ConsentReader for NoBook {
    fn consent(&self, _: &ConsentId) -> Option<Standing> {
        None
    }
    fn visit_consents(&self, _: &ConsentQuery<'_>, _: &mut dyn FnMut(&Standing) -> bool) {}
    fn visit_glasses(&self, _: &FacilityId, _: &mut dyn FnMut(&GlassStanding) -> bool) {}
}

/// Reads and forgets.
struct Nobody;
impl Taker for Nobody {
    fn take(&self, _: Vec<Folder>) -> Result<(), TakeError> {
        Ok(())
    }
}

fn source() -> FacilityId {
    FacilityId::parse("nagasaki-mc").unwrap()
}

/// A message with the bytes of a real one: 患者^太郎 in ISO-2022-JP.
fn message(kind: &str, patient: &str, body: &str) -> Vec<u8> {
    let header =
        format!("MSH|^~\\&|HIS123|SEND|GW|RCV|20111220103059.000||{kind}|1|P|2.5||||||~ISO IR87||ISO 2022-1994\r");
    let name = "\u{1b}$B4 <T\u{1b}(B^\u{1b}$BB@O:\u{1b}(B^^^^^L^I";
    format!("{header}PID|0001||{patient}^^^^PI||{name}||19650415|M\r{body}").into_bytes()
}

/// One of six files of a patient: demographics, diagnoses, and twice a visit's results and prescription.
fn file(patient: &str, which: u64) -> (String, String, Vec<u8>) {
    let day = if which < 4 { "20111220" } else { "20120120" };
    let stamp = format!("{day}103059000");
    let orc =
        |control: &str| format!("ORC|{control}|00000001100{which:04}||||||||||||||||01^\u{1b}$BFb2J\u{1b}(B^99XY1\r");
    let (date, kind, text) = match which % 6 {
        0 => (
            "-",
            "ADT-00",
            message("ADT^A08^ADT_A01", patient, "PV1|0001|O\rOBX|1|NM|9N001000000000001^h^JC10||167.8|cm|||||F\r"),
        ),
        1 => {
            let problem =
                "PRB|AD|20110915|20054174^\u{1b}$B0_1j\u{1b}(B^MDCDX2|123456789012345|||20110831||20110915|K297^^I10\r";
            ("-", "PPR-01", message("PPR^ZD1^PPR_ZD1", patient, &format!("{problem}{}", orc("NW"))))
        }
        2 | 4 => {
            let mut body = format!(
                "PV1|0001|O|01^^^^^C\rSPM|1|1||023^\u{1b}$B7l@6\u{1b}(B^JC10|||||||||||||201112191500\r\
                 OBR|1|00000001100{which:04}||E001^x^99O03|||{day}\r{}",
                orc("SC")
            );
            for item in 0..10 {
                let code = format!("3A0{item}0000002327101");
                body += &format!(
                    "OBX|{item}|NM|{code}^\u{1b}$BAmC3GrGr\u{1b}(B^JC10||7.{item}|g/dl^g/dl^99XYZ|6.70-8.3||||F|||201112191500\r"
                );
            }
            (day, "OML-11", message("OUL^R22^OUL_R22", patient, &body))
        }
        _ => {
            let drug = "RXE||108665201^x^HOT9|1||TAB^T^MR9P|||||15|TAB^T^MR9P\rTQ1|1||1013044400000000&x&JAMISDP01|||5^d|2011070100\r";
            (
                day,
                "OMP-01",
                message("RDE^O11^RDE_O11", patient, &format!("PV1|0001|O\r{}{drug}RXR|PO^x^HL70162\r", orc("NW"))),
            )
        }
    };
    let name = format!("{patient}_{date}_{kind}_00000001100{which:04}_{stamp}_01_1");
    let folder = format!("{}/{}/{patient}/{date}/{kind}", patient.get(..3).unwrap(), patient.get(3..6).unwrap());
    (folder, name, text)
}

fn generate(root: &Path, files: u64) {
    for number in 0..files {
        let patient = format!("{:010}", 1_000_000 + number / 6 * 37);
        let (folder, name, text) = file(&patient, number % 6);
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    }
}

fn sweep(volume: &Volume, known: &dyn Known, taker: &dyn Taker, threads: usize) -> (Swept, Duration) {
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let reading = Reading { threads, settled: Duration::ZERO, ..Reading::default() };
    let begun = Instant::now();
    let sweeper = Sweeper { volume, known, reading: &reading, taker, progress: &progress, stop: &stop };
    (sweeper.run().unwrap(), begun.elapsed())
}

fn say(what: &str, files: u64, took: Duration) {
    println!("{what:<52} {:>9.0} files/s ({files} files in {took:.2?})", files as f64 / took.as_secs_f64());
}

fn main() {
    let files = std::env::var("AJISAI_BENCH_FILES").ok().and_then(|text| text.parse().ok()).unwrap_or(60_000);
    let base =
        std::env::var_os("AJISAI_BENCH_DIR").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let directory = tempfile::tempdir_in(base).unwrap();
    let volume = Volume { label: "STD".to_owned(), root: directory.path().join("root") };
    generate(&volume.root, files);
    for threads in [1, 4, 16] {
        let (swept, took) = sweep(&volume, &Nothing, &Nobody, threads);
        assert_eq!(swept.new, files);
        say(&format!("walked and read, {threads} threads"), files, took);
    }

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = EmbeddedConfig::new(directory.path().join("log"), NonZeroU32::new(8).unwrap());
    let log = Arc::new(EmbeddedLog::open(&config).unwrap());
    let settings = Settings {
        index: directory.path().join("index"),
        quarantine: directory.path().join("quarantine"),
        quarantine_share: 1 << 20,
    };
    let clock = Arc::new(|| Moment::from_micros(1_775_000_000_000_000).unwrap());
    let admission = runtime.block_on(Admission::open(log, Arc::new(NoBook), &settings, clock)).unwrap();
    let principal = Principal { facility: source(), member: None, role: Role::System, purpose: Purpose::Treatment };
    let door = Arc::new(LocalDoor::new(admission, principal));
    let cursor = Arc::new(Cursor::open(&directory.path().join("cursor")).unwrap());
    let messages = Arc::new(Messages::new(Feed::new(source()), OtherPatient::Refuse));
    let intake = Intake::new(Arc::clone(&cursor), messages, door, runtime.handle().clone());
    let (_, took) = sweep(&volume, cursor.as_ref(), &intake, 16);
    let taken: u64 =
        intake.counts().iter().filter(|((_, outcome), _)| *outcome == Outcome::Taken).map(|(_, n)| n).sum();
    assert_eq!(taken, files, "{:?}", intake.counts());
    say("first load: converted and durable, 16 threads", files, took);
    let (swept, took) = sweep(&volume, cursor.as_ref(), &intake, 16);
    assert_eq!(swept.new, 0);
    say("a sweep that finds nothing", files, took);
    let (progress, stop, begun) = (Progress::default(), AtomicBool::new(false), Instant::now());
    let reading = Reading { settled: Duration::ZERO, ..Reading::default() };
    let found = survey(&volume, &cursor, &reading, &progress, &stop).unwrap();
    assert!(found.values().all(|day| day.comparison.is_whole()));
    say("a survey that reads every byte", files, begun.elapsed());
}
