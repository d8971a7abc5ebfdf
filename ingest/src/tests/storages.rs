//! The real storages through the whole door, file by file; the tables of docs/inputs.md are what these tests find.

use super::fixture::*;
use super::page::{FILES, INPUTS, is_written_down};
use crate::hl7::Feed;
use crate::ss_mix2::{Cursor, Intake, Messages, OtherPatient, Outcome, Progress, Reading, Seen, Sweeper, Volume};
use crate::{LocalDoor, Settings};
use event_log::{EventLog, MemoryLog, ReadLimit};
use model::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What a storage came to.
pub(super) struct Loaded {
    house: House,
    cursor: Arc<Cursor>,
    intake: Arc<Intake>,
    pub(super) records: Vec<Record>,
    kept: Vec<wire::v1::Quarantined>,
}

pub(super) async fn load(root: PathBuf, other_patient: OtherPatient) -> Loaded {
    let directory = tempfile::tempdir().unwrap();
    let log = Arc::new(MemoryLog::new(NonZeroU32::new(4).unwrap()));
    let settings = Settings { quarantine_share: 1 << 20, ..settings(&directory) };
    let book = Arc::new(TestBook::default());
    let admission = crate::Admission::open(Arc::clone(&log) as _, book, &settings, clock()).await.unwrap();
    let house = House { admission, log, directory };
    let cursor = Arc::new(Cursor::open(&house.directory.path().join("cursor")).unwrap());
    let interpreter = Arc::new(Messages::new(Feed::new(facility("hospital")), other_patient));
    let door = Arc::new(LocalDoor::new(Arc::clone(&house.admission), hospital()));
    let runtime = tokio::runtime::Handle::current();
    let intake = Arc::new(Intake::new(Arc::clone(&cursor), interpreter, door, runtime));
    let (taker, swept) = (Arc::clone(&intake), Arc::clone(&cursor));
    let sweep = move || {
        let (progress, stop, volume) =
            (Progress::default(), AtomicBool::new(false), Volume { label: "STD".to_owned(), root });
        let reading = Reading { settled: Duration::ZERO, ..Reading::default() };
        let (known, taker) = (swept.as_ref(), taker.as_ref());
        let sweeper = Sweeper { volume: &volume, known, reading: &reading, taker, progress: &progress, stop: &stop };
        sweeper.run().unwrap();
        let progress = Progress::default();
        let sweeper = Sweeper { progress: &progress, ..sweeper };
        assert_eq!(sweeper.run().unwrap().new, 0, "a second sweep finds nothing");
    };
    tokio::task::spawn_blocking(sweep).await.unwrap();
    let records = records(&house).await;
    let kept = house.admission.quarantine().list(&facility("hospital"), "", 1000).unwrap();
    Loaded { house, cursor, intake, records, kept }
}

/// Every record of the log.
pub(super) async fn records(house: &House) -> Vec<Record> {
    let mut records = Vec::new();
    for (partition, end) in house.log.end().await.unwrap().iter() {
        let mut from = Offset(0);
        while from < end {
            for stored in house.log.read(partition, from, ReadLimit::default(), Duration::ZERO).await.unwrap() {
                from = stored.position.offset.next();
                match wire::read_event(stored.letter.payload).unwrap().body {
                    Body::Record(record) => records.push(*record),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    records
}

impl Loaded {
    /// Every file, what became of it, and why where it is in quarantine.
    fn files(&self) -> String {
        let mut why: BTreeMap<String, String> = BTreeMap::new();
        for head in &self.kept {
            let (_, _, name) = self.house.admission.quarantine().get(&facility("hospital"), &head.id).unwrap();
            why.insert(name, format!("{}, `{}`", head.reason, head.field));
        }
        let mut rows: Vec<String> = Vec::new();
        let visit = |folder: &str, name: &str, seen: Seen| {
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            let why = why.get(&format!("STD: {path}")).cloned().unwrap_or_default();
            rows.push(format!("| `{path}` | {} | {why} |\n", seen.outcome.code()));
        };
        self.cursor.visit_volume("STD", visit).unwrap();
        rows.sort();
        format!("| file | fate | why |\n| --- | --- | --- |\n{}", rows.concat())
    }

    /// Per data type, how many files came to what; per category, how many letters; why files were refused.
    fn table(&self) -> String {
        let mut types: BTreeMap<String, [u64; 5]> = BTreeMap::new();
        for ((kind, outcome), count) in self.intake.counts() {
            let place = [Outcome::Taken, Outcome::Partly, Outcome::Counted, Outcome::Late, Outcome::Refused];
            let at = place.iter().position(|known| *known == outcome).unwrap();
            types.entry(kind).or_default()[at] += count;
        }
        let mut table = String::from(
            "| type | files | taken | partly | counted | late | refused |\n| --- | --- | --- | --- | --- | --- | --- |\n",
        );
        let mut sums = [0; 5];
        for (kind, counts) in &types {
            let files: u64 = counts.iter().sum();
            let cells = counts.map(|count| count.to_string()).join(" | ");
            writeln!(table, "| {kind} | {files} | {cells} |").unwrap();
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        let (files, cells) = (sums.iter().sum::<u64>(), sums.map(|count| count.to_string()).join(" | "));
        writeln!(table, "| all | {files} | {cells} |\n").unwrap();
        let mut letters: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for record in &self.records {
            let (stated, withdrawn) = letters.entry(record.category().code()).or_default();
            *if record.change() == ChangeKind::Delete { withdrawn } else { stated } += 1;
        }
        table.push_str("| category | stated | taken back |\n| --- | --- | --- |\n");
        for (category, (stated, withdrawn)) in letters {
            writeln!(table, "| {category} | {stated} | {withdrawn} |").unwrap();
        }
        let mut reasons: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for head in &self.kept {
            *reasons.entry((&head.reason, &head.field, &head.rule)).or_default() += 1;
        }
        if !reasons.is_empty() {
            table.push_str("\n| refused | at | rule | files |\n| --- | --- | --- | --- |\n");
            for ((reason, field, rule), count) in reasons {
                writeln!(table, "| {reason} | `{field}` | {rule} | {count} |").unwrap();
            }
        }
        table
    }
}

/// A storage of the shared data.
pub(super) fn sample(name: &str) -> Option<PathBuf> {
    shared(&format!("ss-mix2/{name}"))
}

/// A folder of the shared data.
#[expect(clippy::print_stderr, reason = "a test that looked at nothing says so")]
pub(super) fn shared(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("AJISAI_SHARED_DATA").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    let sample = shared.join(name);
    if sample.is_dir() {
        return Some(sample);
    }
    eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", sample.display());
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nho_sample_comes_to_what_is_written_down() {
    let Some(root) = sample("nho-sample") else { return };
    let strict = load(root.clone(), OtherPatient::Refuse).await;
    is_written_down(INPUTS, "nho-sample, strict", &strict.table());
    let loaded = load(root, OtherPatient::TakePath).await;
    is_written_down(INPUTS, "nho-sample, by path", &loaded.table());
    is_written_down(FILES, "nho-sample, by path", &loaded.files());
    // Its one bad file is in quarantine, and everything else is in.
    let fields: Vec<&str> = loaded.kept.iter().map(|head| head.field.as_str()).collect();
    assert_eq!(fields, ["path.patient"]);
    // Everything is of the patients whose folders they are.
    let mut patients: Vec<&str> = loaded.records.iter().map(|record| record.patient.number().as_str()).collect();
    patients.sort_unstable();
    patients.dedup();
    assert_eq!(patients, ["0000001", "9999013"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_five_patients_come_to_what_is_written_down() {
    let Some(root) = sample("five-patients/ssmix2_root") else { return };
    let loaded = load(root, OtherPatient::Refuse).await;
    is_written_down(INPUTS, "five-patients", &loaded.table());
    is_written_down(FILES, "five-patients", &loaded.files());
    assert!(loaded.kept.is_empty());
    assert!(loaded.house.admission.quarantined().events == 0);
    // The department that the path knows is there for the scope to withhold by.
    assert!(loaded.records.iter().any(|record| record.department.is_some()));
}
