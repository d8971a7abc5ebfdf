//! Recordings of CTU-UHB played through the real door: what the hospital then sees is what the files hold, sample by sample.
//!
//! Reads `../shared/data` from the project's root, or `AJISAI_SHARED_DATA`; says so when it is not there.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::rig::{OFFICE, Rig};
use model::FacilityId;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const HOSPITAL: &str = "hospital";
const STRANGER: &str = "stranger";

fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let found = root.join("ctg/ctu-uhb-40");
    let there = found.is_dir();
    if !there {
        println!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test then looked at nothing", found.display());
    }
    there.then_some(found)
}

struct Ward {
    rig: Rig,
    directory: tempfile::TempDir,
}

impl Ward {
    async fn raise() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut rig = Rig::prepare(Path::new(env!("CARGO_BIN_EXE_ajisai")), directory.path(), "").unwrap();
        rig.start(Duration::from_secs(60)).await.unwrap();
        let ward = Self { rig, directory };
        ward.keep(OFFICE, &ward.rig.token(&Rig::operator().unwrap()).unwrap());
        for id in [HOSPITAL, STRANGER] {
            ward.keep(id, &ward.rig.token(&Rig::system(FacilityId::parse(id).unwrap())).unwrap());
            let known = ward.run(
                OFFICE,
                &["directory", "facility", "--id", id, "--kind", "hospital", "--name", id, "--name-en", id],
            );
            assert!(known.status.success());
        }
        ward
    }
    fn token(&self, name: &str) -> String {
        self.directory.path().join(format!("{name}.token")).display().to_string()
    }
    fn keep(&self, name: &str, token: &str) {
        std::fs::write(self.token(name), token).unwrap();
    }
    fn run(&self, who: &str, arguments: &[&str]) -> Output {
        let address = format!("http://127.0.0.1:{}", self.rig.ports().grpc);
        Command::new(env!("CARGO_BIN_EXE_ajisai"))
            .args(arguments)
            .args(["--address", &address, "--token", &self.token(who)])
            .output()
            .unwrap()
    }
    #[track_caller]
    fn say(&self, who: &str, arguments: &[&str]) -> String {
        let output = self.run(who, arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
        text
    }
    /// Plays, and waits until the node shows so many beds closed: the frames of a bed come before.
    #[track_caller]
    fn play(&self, who: &str, arguments: &[&str], beds: usize) -> String {
        let told = self.say(who, arguments);
        let closed = "SELECT count(*) FROM waveform WHERE kind = 'bed' AND closed IS NOT NULL";
        let start = Instant::now();
        while self.rows(who, closed) != [beds.to_string()] {
            assert!(start.elapsed() < Duration::from_secs(60), "the node does not show {beds} closed beds");
            std::thread::sleep(Duration::from_millis(50));
        }
        told
    }
    /// The samples of a channel of a patient's frames, in order, in hundredths.
    #[track_caller]
    fn samples(&self, patient: &str, channel: &str) -> Vec<i64> {
        let sql = format!(
            "SELECT array_to_string({channel}, ' ') AS samples FROM waveform \
             WHERE kind = 'frame' AND patient_id = '{patient}' ORDER BY sequence"
        );
        let rows = self.rows(HOSPITAL, &sql);
        let values = rows.iter().flat_map(|row| row.split(' '));
        values.map(|value| (value.parse::<f64>().unwrap() * 100.0).round() as i64).collect()
    }
    /// The rows of a query, without their header.
    #[track_caller]
    fn rows(&self, who: &str, sql: &str) -> Vec<String> {
        self.say(who, &["sql", "--format", "csv", sql]).lines().skip(1).map(|line| line.trim().to_owned()).collect()
    }
}

/// Heart rates and uterine activity as the file holds them, in hundredths: read here by hand, 16 bits little end first.
fn hundredths(folder: &Path, name: &str) -> (Vec<i64>, Vec<i64>) {
    let bytes = std::fs::read(folder.join(format!("{name}.dat"))).unwrap();
    let (words, _) = bytes.as_chunks::<2>();
    let all: Vec<i64> = words.iter().map(|word| i64::from(i16::from_le_bytes(*word))).collect();
    let every_other = |from: usize| all.iter().skip(from).step_by(2).copied().collect();
    (every_other(0), every_other(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_played_is_a_bed_whose_rows_hold_every_sample_of_the_file() {
    let Some(folder) = folder() else { return };
    let mut ward = Ward::raise().await;
    let one = folder.join("1001.hea").display().to_string();
    let (heart, uterus) = hundredths(&folder, "1001");
    let arguments =
        ["publish", "--wfdb", &one, "--speed", "0", "--patient", "0042", "--bed", "LDR 2", "--session", "s-1"];
    let told = ward.play(HOSPITAL, &arguments, 1);
    assert!(told.contains("80:00"), "the table says how long it is: {told}");

    let sum = "SELECT count(*) AS rows, min(sequence), max(sequence) FROM waveform WHERE kind = 'frame' AND patient_id = '0042'";
    assert_eq!(ward.rows(HOSPITAL, sum), [format!("{},0,{}", heart.len() / 4, heart.len() / 4 - 1)]);
    assert!(ward.samples("0042", "fhr1") == heart, "every heart rate, in its place");
    assert!(ward.samples("0042", "uc") == uterus, "every sample of uterine activity, in its place");
    let lost = heart.iter().filter(|value| **value == 0).count().to_string();
    let sql = "SELECT count(*) FROM (SELECT unnest(fhr1_quality) AS quality FROM waveform) WHERE quality = 2";
    assert_eq!(ward.rows(HOSPITAL, sql), [lost], "a rate of nothing is a lost signal");

    // A bed of one record, closed; its end is the recording's, and nothing is of the future.
    let bed = "SELECT bed, session, version, closing, array_length(fetuses), CAST(extract(epoch FROM closed) - \
        extract(epoch FROM opened) AS bigint) FROM waveform WHERE kind = 'bed'";
    assert_eq!(ward.rows(HOSPITAL, bed), [format!("LDR 2,s-1,2,end of recording,1,{}", heart.len() / 4)]);
    let closed =
        ward.rows(HOSPITAL, "SELECT CAST(extract(epoch FROM closed) AS bigint) FROM waveform WHERE kind = 'bed'");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(closed.iter().all(|closed| closed.parse::<u64>().unwrap() <= now), "the play's end is its present");
    assert!(ward.rows(STRANGER, "SELECT count(*) FROM waveform") == ["0"], "nobody else sees it");

    // At rest: a few more beside it, so that the files are not of one bed alone; then everything is read from files.
    let more = ["1002", "1003", "1024", "1028", "1029", "1044", "1051"];
    let headers: Vec<String> =
        more.iter().map(|name| folder.join(format!("{name}.hea")).display().to_string()).collect();
    let named: Vec<&str> = headers.iter().map(String::as_str).collect();
    ward.play(HOSPITAL, &[&["publish", "--speed", "0", "--wfdb"][..], &named].concat(), 1 + more.len());
    ward.rig.stop(Duration::from_secs(60)).await.unwrap();
    ward.rig.start(Duration::from_secs(60)).await.unwrap();
    assert!(ward.samples("0042", "fhr1") == heart, "every heart rate, out of the files");
    assert!(ward.samples("0042", "uc") == uterus, "every sample of uterine activity, out of the files");
    let all: usize = more.iter().map(|name| 2 * hundredths(&folder, name).0.len()).sum::<usize>() + 2 * heart.len();
    let bytes = files_below(&ward.rig.data().join("views/store/tables/waveform"));
    assert!(bytes > 0 && bytes < all as u64, "{bytes} bytes for {all} samples: less than one each");
    println!("{bytes} bytes for {all} samples at rest: {:.2} each", bytes as f64 / all as f64);
}

/// The bytes of the table files below a directory.
fn files_below(directory: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes += files_below(&path);
        } else if path.extension().is_some_and(|kind| kind == "parquet") {
            bytes += std::fs::metadata(&path).unwrap().len();
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn several_are_played_at_once_at_their_pace_each_in_its_own_bed() {
    let Some(folder) = folder() else { return };
    // The first half minute of three recordings: the header says how much of a file is played.
    let place = tempfile::tempdir().unwrap();
    for name in ["1001", "1002", "1003"] {
        let header = format!("{name} 2 4 120\n{name}.dat 16 100(0)/bpm 12 0\n{name}.dat 16 100/nd 12 0\n");
        std::fs::write(place.path().join(format!("{name}.hea")), header).unwrap();
        std::fs::copy(folder.join(format!("{name}.dat")), place.path().join(format!("{name}.dat"))).unwrap();
    }
    let ward = Ward::raise().await;
    let path = place.path().display().to_string();
    let refused = ward.run(HOSPITAL, &["publish", "--wfdb", &path, "--speed", "10"]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && why.contains("its name is that of no channel"),
        "signals without a name: {why}"
    );
    let start = Instant::now();
    let named = ["--channel", "1=fhr1", "--channel", "2=uc"];
    ward.play(HOSPITAL, &[&["publish", "--wfdb", &path, "--speed", "10"][..], &named].concat(), 3);
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(3), "half a minute at ten times takes three seconds, not {took:?}");
    let beds = "SELECT patient_id, bed, CAST(extract(epoch FROM closed) - extract(epoch FROM opened) AS bigint) \
        FROM waveform WHERE kind = 'bed' ORDER BY bed";
    assert_eq!(ward.rows(HOSPITAL, beds), ["1001,1001,30", "1002,1002,30", "1003,1003,30"]);
    let frames = "SELECT patient_id, count(*), count(DISTINCT sequence), bool_and(held_back), bool_and(device_at = occurred) \
        FROM waveform WHERE kind = 'frame' GROUP BY patient_id ORDER BY patient_id";
    assert_eq!(ward.rows(HOSPITAL, frames), ["1001,30,30,true,true", "1002,30,30,true,true", "1003,30,30,true,true"]);
}
