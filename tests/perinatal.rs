//! Perinatal records and recordings by their whole way: published, made durable, and read in SQL by the facility that watches.
//!
//! Recordings of CTU-UHB are read from `../shared/data` of the project's root, or `AJISAI_SHARED_DATA`; says so when they are not
//! there. `AJISAI_CTG_ALL=1` plays all forty, whole, and prints what it found; without it three are played whole. `make recordings`
//! plays twenty whole ones at sixty times at once, and one at true speed, which takes its hour.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, also in its helpers"
)]

mod stage;

use clinical::perinatal::ctg::{
    CtgLimits, Fetus, Figo, Frame, HERTZ, Jsog, JsogTable, Maturity, Nichd, Rating, ReadingRules, Reserve, Sample,
    Window, analyse, figo, nichd,
};
use stage::ward::{Ward, recordings};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const CENTRE: &str = "centre";
const STRANGER: &str = "stranger";
const FACILITIES: [(&str, &str); 2] = [(CENTRE, "perinatal-centre"), (STRANGER, "hospital")];

// === recordings ===

/// Seconds of uterine activity at zero after which the transducer is off.
const OFF: usize = 60;

/// A recording as its file holds it, read here by hand, with the pH of its header.
fn frames(folder: &Path, name: &str) -> (Vec<Frame>, f64) {
    let bytes = std::fs::read(folder.join(format!("{name}.dat"))).unwrap();
    let (words, _) = bytes.as_chunks::<2>();
    let values: Vec<f32> = words.iter().map(|word| f32::from(i16::from_le_bytes(*word)) / 100.0).collect();
    let mut frames: Vec<Frame> = values
        .chunks_exact(2)
        .map(|pair| {
            let heart = if pair[0] == 0.0 { Sample::LOST } else { Sample::good(pair[0]) };
            Frame { fetal: [heart, Sample::LOST, Sample::LOST], uterus: Sample::good(pair[1]), ..Frame::LOST }
        })
        .collect();
    for flat in frames.chunk_by_mut(|a, b| (a.uterus.value == 0.0) == (b.uterus.value == 0.0)) {
        if flat[0].uterus.value == 0.0 && flat.len() > OFF * HERTZ {
            flat.iter_mut().for_each(|frame| frame.uterus = Sample::LOST);
        }
    }
    let header = std::fs::read_to_string(folder.join(format!("{name}.hea"))).unwrap();
    let ph = header.lines().find_map(|line| line.strip_prefix("#pH")).unwrap().trim().parse().unwrap();
    (frames, ph)
}

/// What a window of ten minutes is called: level or why there is none, FIGO, NICHD.
type Called = (String, Option<String>, Option<String>);

/// What the analysis of the whole recording calls its windows.
fn called(frames: &[Frame]) -> Vec<Called> {
    let rules = ReadingRules { limits: CtgLimits::shipped(), maturity: Maturity::From32Weeks };
    let windows: Vec<Window> = analyse(frames, Fetus::ALL[0], &rules).windows;
    let whole: Vec<Window> = windows.into_iter().filter(|window| window.until - window.from == 600).collect();
    let table = JsogTable::shipped();
    (1..=whole.len())
        .map(|until| {
            let seen = &whole[..until];
            let level = match table.rate(&seen[until - 1], Reserve::Usual, &CtgLimits::shipped()) {
                Jsog::Rated(Rating::Unverified { verdict, .. } | Rating::Confirmed { verdict, .. }) => {
                    verdict.level.number().to_string()
                }
                Jsog::NotAssessable(why) => why.code().to_owned(),
            };
            let figo = match figo(seen) {
                Some(Figo::Rated { category, .. }) => Some(category.code().to_owned()),
                _ => None,
            };
            let nichd = match nichd(seen) {
                Some(Nichd::Rated { category, .. }) => Some(category.code().to_owned()),
                _ => None,
            };
            (level, figo, nichd)
        })
        .collect()
}

/// What the table `ctg_windows` calls them, by recording: asked one by one, because each is analysed when it is asked for.
fn told(ward: &Ward, names: &[String]) -> BTreeMap<String, Vec<Called>> {
    names.iter().map(|name| (name.clone(), told_of(ward, name))).collect()
}

fn told_of(ward: &Ward, name: &str) -> Vec<Called> {
    let sql = format!(
        "SELECT coalesce(CAST(jsog_level AS varchar), not_assessable) AS called, figo, nichd FROM ctg_windows \
         WHERE patient_id = '{name}' AND until_at - from_at = INTERVAL '10 minutes' ORDER BY from_at"
    );
    let some = |cell: &str| Some(cell.to_owned()).filter(|cell| !cell.is_empty());
    let called = |row: String| {
        let cells: Vec<&str> = row.split(',').collect();
        (cells[0].to_owned(), some(cells[1]), some(cells[2]))
    };
    ward.rows(CENTRE, &sql).into_iter().map(called).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let headers = files.filter(|path| path.extension().is_some_and(|kind| kind == "hea"));
    let mut names: Vec<String> = headers.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The rows of the page's table that speak of whole windows.
fn report(told: &BTreeMap<String, Vec<Called>>, ph: &BTreeMap<String, f64>) -> BTreeMap<String, String> {
    let bands = [(0.0, 7.05), (7.05, 7.15), (7.15, 7.20), (7.20, 9.0)];
    let mut rows = BTreeMap::new();
    let mut row = |name: String, is: &dyn Fn(&[Called]) -> bool| {
        let count = |(from, until): &(f64, f64)| {
            let of = told.iter().filter(|(one, windows)| *from <= ph[*one] && ph[*one] < *until && is(windows));
            of.count().to_string()
        };
        rows.insert(name, bands.iter().map(count).collect::<Vec<_>>().join(" | "));
    };
    row("all".to_owned(), &|_| true);
    let level = |window: &Called| window.0.parse::<u8>().ok();
    for one in 1..=5 {
        row(format!("highest JSOG level {one} (unverified matrix)"), &|windows| {
            windows.iter().filter_map(level).max() == Some(one)
        });
    }
    row("no window assessable".to_owned(), &|windows| windows.iter().filter_map(level).next().is_none());
    let rank = |word: &str, of: [&str; 3]| of.iter().position(|one| *one == word);
    let worst_figo = ["normal", "suspicious", "pathological"];
    for (at, word) in worst_figo.into_iter().enumerate() {
        row(format!("worst FIGO: {word}"), &|windows| {
            windows.iter().filter_map(|one| rank(one.1.as_deref()?, worst_figo)).max() == Some(at)
        });
    }
    let worst_nichd = ["I", "II", "III"];
    for (at, word) in worst_nichd.into_iter().enumerate() {
        row(format!("worst NICHD: {word}"), &|windows| {
            windows.iter().filter_map(|one| rank(one.2.as_deref()?, worst_nichd)).max() == Some(at)
        });
    }
    let all = || told.values().flatten();
    rows.insert("windows: all".to_owned(), all().count().to_string());
    for one in 1..=5_u8 {
        let count = all().filter(|window| level(window) == Some(one)).count();
        rows.insert(format!("windows: level {one}"), count.to_string());
    }
    for why in ["lost", "no-baseline"] {
        let count = all().filter(|window| window.0 == why).count();
        rows.insert(format!("windows: not assessable: {why}"), count.to_string());
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_played_by_their_whole_way_are_called_what_the_analysis_of_the_file_calls_them() {
    let Some(folder) = recordings() else { return };
    let all = std::env::var_os("AJISAI_CTG_ALL").is_some();
    let mut names = names(&folder);
    assert_eq!(names.len(), 40);
    if !all {
        names.truncate(3);
    }
    let ward = Ward::raise(&FACILITIES).await;
    let headers: Vec<String> =
        names.iter().map(|name| folder.join(format!("{name}.hea")).display().to_string()).collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let begun = Instant::now();
    // they end now, and each is closed: its windows are final at once
    ward.play(CENTRE, &[&["publish", "--speed", "0", "--wfdb"][..], &headers].concat(), names.len());
    let played = begun.elapsed();
    let begun = Instant::now();
    let told = told(&ward, &names);
    let read = begun.elapsed();
    assert_eq!(told.len(), names.len());
    let mut ph = BTreeMap::new();
    for name in &names {
        let (frames, acidity) = frames(&folder, name);
        ph.insert(name.clone(), acidity);
        assert_eq!(told[name], called(&frames), "{name}");
    }
    assert_eq!(ward.rows(STRANGER, "SELECT count(*) FROM ctg_windows"), ["0"], "nobody else sees them");
    if !all {
        return;
    }
    println!("{} recordings played in {played:.1?}, their windows read in {read:.1?}", names.len());
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/perinatal.md")).unwrap();
    for (name, cells) in report(&told, &ph) {
        let name = name.trim_start_matches("windows: ");
        println!("| {name} | {cells} |");
        assert!(page.contains(&format!("\n| {name} | {cells} |\n")), "docs/perinatal.md says otherwise of `{name}`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_beds_at_sixty_times_and_one_at_true_speed_lose_and_double_no_frame() {
    let Some(folder) = recordings() else { return };
    // the first seconds of each: the header says how much of a file is played
    let place = tempfile::tempdir().unwrap();
    let (mut fast, mut slow) = (Vec::new(), String::new());
    for (at, name) in names(&folder).into_iter().take(21).enumerate() {
        let seconds = if at == 20 { 6 } else { 240 };
        let samples = seconds * 4;
        let header = format!("{name} 2 4 {samples}\n{name}.dat 16 100(0)/bpm 12 0\n{name}.dat 16 100/nd 12 0\n");
        let path = place.path().join(format!("{name}.hea"));
        std::fs::write(&path, header).unwrap();
        std::fs::copy(folder.join(format!("{name}.dat")), place.path().join(format!("{name}.dat"))).unwrap();
        let path = path.display().to_string();
        if at == 20 { slow = path } else { fast.push(path) }
    }
    let ward = Ward::raise(&FACILITIES).await;
    let named = ["--channel", "1=fhr1", "--channel", "2=uc"];
    let fast: Vec<&str> = fast.iter().map(String::as_str).collect();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            ward.run(CENTRE, &[&["publish", "--wfdb", &slow, "--speed", "1", "--patient", "slow"][..], &named].concat())
        });
        ward.say(CENTRE, &[&["publish", "--speed", "60"][..], &named, &["--wfdb"], &fast].concat());
        let output = beside.join().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    ward.closed(CENTRE, "TRUE", 21);
    assert!(begun.elapsed() >= Duration::from_secs(6), "six seconds at true speed take six");
    let frames = "SELECT count(DISTINCT patient_id), count(*), count(DISTINCT patient_id || '/' || CAST(sequence AS varchar)), \
                  bool_and(held_back) FROM waveform WHERE kind = 'frame' GROUP BY held_back ORDER BY 1";
    assert_eq!(ward.rows(CENTRE, frames), ["1,6,6,false", "20,4800,4800,true"]);
}

/// Somebody who watches while it is played: every change of the centre's view, a line each.
struct Watcher {
    child: Child,
    lines: PathBuf,
}

impl Watcher {
    fn begin(ward: &Ward) -> Self {
        let lines = PathBuf::from(ward.path("watched.txt"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_ajisai"));
        command.args(["feed", "watch", "--from", "start", "--category", "waveform"]);
        let child = command.args(ward.whose(CENTRE)).stdout(std::fs::File::create(&lines).unwrap()).spawn().unwrap();
        Self { child, lines }
    }
    /// How often each frame of a patient was shown, by its number, and how often the feed began anew.
    fn shown(&self, patient: &str) -> (BTreeMap<u64, usize>, usize) {
        let (mut shown, mut resets) = (BTreeMap::new(), 0);
        for line in std::fs::read_to_string(&self.lines).unwrap().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            resets += usize::from(words[0] == "!");
            let number = words.last().and_then(|word| word.strip_prefix('#')?.parse().ok());
            if let Some(number) = number.filter(|_| words.get(3) == Some(&patient)) {
                *shown.entry(number).or_insert(0) += 1;
            }
        }
        (shown, resets)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// That of each recording every frame is in the table and was shown to who watched, once, and that its windows are called
/// what the analysis of the file calls them: how many there are.
#[track_caller]
fn whole(ward: &Ward, watcher: &Watcher, folder: &Path, names: &[String]) -> usize {
    let mut count = 0;
    for name in names {
        let (frames, _) = frames(folder, name);
        // a frame is a second; the last may be shorter
        let seconds = frames.len().div_ceil(HERTZ);
        let sql = format!(
            "SELECT count(*), count(DISTINCT sequence), min(sequence), max(sequence) FROM waveform \
             WHERE kind = 'frame' AND patient_id = '{name}'"
        );
        assert_eq!(ward.rows(CENTRE, &sql), [format!("{seconds},{seconds},0,{}", seconds - 1)], "{name}");
        let (shown, resets) = watcher.shown(name);
        assert_eq!(resets, 0, "who watches was never told to begin anew");
        assert_eq!(shown.len(), seconds, "{name}: every frame was shown");
        assert!(shown.values().all(|times| *times == 1), "{name}: none was shown twice");
        // each is closed, so that all its windows are final
        let sql = format!(
            "SELECT standing, CAST(extract(epoch FROM from_at) AS bigint) FROM ctg_windows WHERE patient_id = '{name}' \
             AND until_at - from_at = INTERVAL '10 minutes' ORDER BY from_at"
        );
        let standings = ward.rows(CENTRE, &sql);
        let told = told_of(ward, name);
        assert_eq!(told.len(), standings.len(), "{name}");
        let from = |row: &str| row.split_once(',').unwrap().1.parse::<i64>().unwrap();
        let begun = from(&standings[0]);
        let expected = called(&frames);
        for (window, standing) in told.into_iter().zip(&standings) {
            let at = usize::try_from(from(standing) - begun).unwrap();
            assert!(standing.starts_with("final"), "{name}, window {}", at / 600);
            assert_eq!(Some(&window), expected.get(at / 600), "{name}, window {}", at / 600);
            count += 1;
        }
        assert_eq!(standings.len(), expected.len(), "{name}: no window is missing");
    }
    count
}

/// Twenty whole at sixty times at once take a minute and a half; `AJISAI_CTG_TRUE_SPEED=1` plays one whole beside them, at
/// true speed, an hour long.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes, or an hour: `make recordings`"]
async fn the_long_play() {
    let Some(folder) = recordings() else { return };
    let names = names(&folder);
    let length = |name: &String| std::fs::metadata(folder.join(format!("{name}.dat"))).unwrap().len();
    let shortest = names.iter().min_by_key(|name| length(name)).unwrap().clone();
    let fast: Vec<String> = names.iter().filter(|name| **name != shortest).take(20).cloned().collect();
    let header = |name: &String| folder.join(format!("{name}.hea")).display().to_string();
    let true_speed = std::env::var_os("AJISAI_CTG_TRUE_SPEED").is_some();
    let ward = Ward::raise(&FACILITIES).await;
    let watcher = Watcher::begin(&ward);
    let played = |names: &[String], arguments: &[&str], speed: u64| {
        let headers: Vec<String> = names.iter().map(header).collect();
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let begun = Instant::now();
        let output = ward.run(CENTRE, &[&["publish"][..], arguments, &["--wfdb"], &headers].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let took = begun.elapsed();
        let longest = names.iter().map(length).max().unwrap() / 4 / HERTZ as u64;
        assert!(took.as_secs() + 1 >= longest / speed, "{longest} seconds at {speed} times, in {took:.1?}");
        for name in names {
            ward.closed(CENTRE, &format!("patient_id = '{name}'"), 1);
        }
        std::thread::sleep(Duration::from_secs(2)); // what was shown last is written
        let windows = whole(&ward, &watcher, &folder, names);
        let count = names.len();
        println!(
            "{count} recordings at {speed} times in {took:.1?} (the longest lasts {longest} s): no frame lost or doubled in table or \
             feed; {windows} windows, each called what the analysis of the file calls it"
        );
    };
    // one that fails does not stop the other
    std::thread::scope(|scope| {
        let slow = || played(std::slice::from_ref(&shortest), &["--speed", "1", "--patient", &shortest], 1);
        let slow = true_speed.then(|| scope.spawn(slow));
        let fast = scope.spawn(|| played(&fast, &["--speed", "60"], 60));
        assert!(fast.join().is_ok() & slow.is_none_or(|slow| slow.join().is_ok()));
    });
}

// === a facility's own tables ===

const OWN: &str = "version: own-1\njsog:\n  by: 産科部長\n  on: 2026-11-20\n  document: 産科編2023\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_centre_states_its_own_tables_and_takes_them_back() {
    let Some(folder) = recordings() else { return };
    let mut ward = Ward::raise(&FACILITIES).await;
    let header = folder.join("1001.hea").display().to_string();
    ward.play(CENTRE, &["publish", "--speed", "0", "--patient", "0042", "--wfdb", &header], 1);
    let confirmed = "SELECT DISTINCT jsog_unverified, jsog_version, jsog_confirmed_by FROM ctg_windows WHERE jsog_level IS NOT NULL";
    let shipped = ward.rows(CENTRE, confirmed);
    assert!(shipped.len() == 1 && shipped[0].starts_with("true,"), "{shipped:?}");

    let file = ward.path("own.yaml");
    std::fs::write(&file, format!("{OWN}ctg:\n  lost-part: 0.9\n")).unwrap();
    let why = ward.refused(CENTRE, &["perinatal", "put", &file]);
    assert!(why.contains("line 7") && why.contains("`lost-part`"), "{why}");
    std::fs::write(&file, OWN).unwrap();
    assert!(ward.say(CENTRE, &["perinatal", "put", &file, "--try"]).contains("would be version 1"));
    assert_eq!(ward.rows(CENTRE, confirmed), shipped, "it was only tried");
    assert!(ward.refused(CENTRE, &["perinatal", "drop"]).contains("shipped ones hold"));
    assert!(ward.say(CENTRE, &["perinatal", "put", &file]).contains("version 1"));
    let mine = ["false,own-1,\"centre: 産科編2023 (産科部長, 2026-11-20)\""];
    assert_eq!(ward.rows(CENTRE, confirmed), mine);
    assert_eq!(ward.say(CENTRE, &["perinatal", "show"]).trim(), OWN.trim());

    // it survives the node, and is taken back
    ward.rig.stop(Duration::from_secs(60)).await.unwrap();
    ward.rig.start(Duration::from_secs(60)).await.unwrap();
    assert_eq!(ward.rows(CENTRE, confirmed), mine);
    ward.say(CENTRE, &["perinatal", "drop"]);
    assert_eq!(ward.rows(CENTRE, confirmed), shipped);
}

#[test]
fn limits_and_matrix_are_shown_with_their_sources_without_a_node() {
    let show = |what: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_ajisai")).args(["perinatal", what]).output().unwrap();
        assert!(output.status.success());
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (limits, _) = show("limits");
    for key in ["shock-critical", "lost-part", "late-after", "risk-cervix"] {
        assert!(limits.contains(key), "{key}");
    }
    let (matrix, remark) = show("matrix");
    assert!(matrix.contains("decreased-normal") && matrix.contains("3 [4]"), "{matrix}");
    assert!(remark.contains("nobody has confirmed"), "{remark}");
}
