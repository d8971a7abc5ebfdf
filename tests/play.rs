//! Recordings of CTU-UHB played through the real door: what the hospital then sees is what the files hold, sample by sample.
//!
//! Reads `../shared/data` from the project's root, or `AJISAI_SHARED_DATA`; says so when it is not there.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop where it stands, also in its helpers")]

mod stage;

use stage::ward::{Ward, recordings};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const HOSPITAL: &str = "hospital";
const STRANGER: &str = "stranger";
const FACILITIES: [(&str, &str); 2] = [(HOSPITAL, "hospital"), (STRANGER, "hospital")];

/// The samples of a channel of a patient's frames, in order, in hundredths.
#[track_caller]
fn samples(ward: &Ward, patient: &str, channel: &str) -> Vec<i64> {
    let sql = format!(
        "SELECT array_to_string({channel}, ' ') AS samples FROM waveform \
         WHERE kind = 'frame' AND patient_id = '{patient}' ORDER BY sequence"
    );
    let rows = ward.rows(HOSPITAL, &sql);
    let values = rows.iter().flat_map(|row| row.split(' '));
    values.map(|value| (value.parse::<f64>().unwrap() * 100.0).round() as i64).collect()
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
    let Some(folder) = recordings() else { return };
    let mut ward = Ward::raise(&FACILITIES).await;
    let one = folder.join("1001.hea").display().to_string();
    let (heart, uterus) = hundredths(&folder, "1001");
    let arguments =
        ["publish", "--wfdb", &one, "--speed", "0", "--patient", "0042", "--bed", "LDR 2", "--session", "s-1"];
    let told = ward.play(HOSPITAL, &arguments, 1);
    assert!(told.contains("80:00"), "the table says how long it is: {told}");

    let sum = "SELECT count(*) AS rows, min(sequence), max(sequence) FROM waveform WHERE kind = 'frame' AND patient_id = '0042'";
    assert_eq!(ward.rows(HOSPITAL, sum), [format!("{},0,{}", heart.len() / 4, heart.len() / 4 - 1)]);
    assert!(samples(&ward, "0042", "fhr1") == heart, "every heart rate, in its place");
    assert!(samples(&ward, "0042", "uc") == uterus, "every sample of uterine activity, in its place");
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
    assert!(samples(&ward, "0042", "fhr1") == heart, "every heart rate, out of the files");
    assert!(samples(&ward, "0042", "uc") == uterus, "every sample of uterine activity, out of the files");
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
    let Some(folder) = recordings() else { return };
    // The first half minute of three recordings: the header says how much of a file is played.
    let place = tempfile::tempdir().unwrap();
    for name in ["1001", "1002", "1003"] {
        let header = format!("{name} 2 4 120\n{name}.dat 16 100(0)/bpm 12 0\n{name}.dat 16 100/nd 12 0\n");
        std::fs::write(place.path().join(format!("{name}.hea")), header).unwrap();
        std::fs::copy(folder.join(format!("{name}.dat")), place.path().join(format!("{name}.dat"))).unwrap();
    }
    let ward = Ward::raise(&FACILITIES).await;
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
