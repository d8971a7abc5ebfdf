//! The forty recordings of CTU-UHB in `../shared/data/ctg`, read from their files and analysed whole and as they come. What
//! is found stands in docs/perinatal.md beside the pH of the umbilical artery: reported, not tuned.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may stop where it stands and says what it measured"
)]

use clinical::perinatal::ctg::{
    CtgLimits, Fetus, Figo, FigoCategory, Frame, HERTZ, Jsog, JsogTable, Level, Maturity, Monitor, Nichd,
    NichdCategory, Rating, ReadingRules, Reserve, Sample, Window, analyse, figo, nichd,
};
use clinical::perinatal::trace::{Arrival, ClockError, Trace, TraceLimits};
use model::Moment;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = root.join("ctg/ctu-uhb-40");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", folder.display());
    None
}

struct Recording {
    name: String,
    ph: f64,
    weeks: u32,
    frames: Vec<Frame>,
}

/// Seconds of uterine activity at zero after which the transducer is taken to be off; shorter ones are its floor.
const OFF: usize = 60;

/// Reads a recording: a header of text, and samples of sixteen bits, heart rate and uterine activity in turn, in hundredths.
fn recording(folder: &Path, name: &str) -> Recording {
    let header = std::fs::read_to_string(folder.join(format!("{name}.hea"))).unwrap();
    let mut lines = header.lines();
    let record: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(record[1..3], ["2", "4"], "{name}: two signals at 4 Hz");
    for (signal, line) in ["FHR", "UC"].into_iter().zip(&mut lines) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        assert!(fields[1] == "16" && fields[2].starts_with("100") && fields[8] == signal, "{name}: {line}");
    }
    let outcome = |key: &str| {
        let line = header.lines().find_map(|line| line.strip_prefix('#')?.strip_prefix(key));
        line.unwrap_or_else(|| panic!("{name} has no {key}")).trim().to_owned()
    };
    let bytes = std::fs::read(folder.join(format!("{name}.dat"))).unwrap();
    let values: Vec<f32> =
        bytes.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 100.0).collect();
    let mut frames: Vec<Frame> = values
        .chunks_exact(2)
        .map(|pair| {
            let heart = if pair[0] == 0.0 { Sample::LOST } else { Sample::good(pair[0]) };
            Frame { fetal: [heart, Sample::LOST, Sample::LOST], uterus: Sample::good(pair[1]), ..Frame::LOST }
        })
        .collect();
    assert_eq!(frames.len(), record[3].parse::<usize>().unwrap(), "{name}: as many samples as the header says");
    for flat in frames.chunk_by_mut(|a, b| (a.uterus.value == 0.0) == (b.uterus.value == 0.0)) {
        if flat[0].uterus.value == 0.0 && flat.len() > OFF * HERTZ {
            flat.iter_mut().for_each(|frame| frame.uterus = Sample::LOST);
        }
    }
    let (ph, weeks) = (outcome("pH").parse().unwrap(), outcome("Gest. weeks").parse().unwrap());
    Recording { name: name.to_owned(), ph, weeks, frames }
}

/// Those that are there: the list of records names all 552 of the collection.
fn recordings(folder: &Path) -> Vec<Recording> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut headers: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "hea")).collect();
    headers.sort();
    headers.iter().map(|path| recording(folder, path.file_stem().unwrap().to_str().unwrap())).collect()
}

fn rules(recording: &Recording) -> ReadingRules {
    let maturity = if recording.weeks < 32 { Maturity::Before32Weeks } else { Maturity::From32Weeks };
    ReadingRules { limits: CtgLimits::shipped(), maturity }
}

fn level(window: &Window) -> Option<Level> {
    match JsogTable::shipped().rate(window, Reserve::Usual, &CtgLimits::shipped()) {
        Jsog::Rated(Rating::Unverified { verdict, .. } | Rating::Confirmed { verdict, .. }) => Some(verdict.level),
        Jsog::NotAssessable(_) => None,
    }
}

/// A recording as it was read: whole, and as it comes; of each the last window may be short.
struct Read {
    recording: Recording,
    ph: f64,
    whole: Vec<Window>,
    streamed: Vec<Window>,
    /// The windows of full ten minutes.
    windows: Vec<Window>,
    /// The last ten minutes before the end.
    last: Window,
}

fn read(recording: Recording) -> Read {
    let rules = rules(&recording);
    let whole = analyse(&recording.frames, Fetus::ALL[0], &rules).windows;
    let mut monitor = Monitor::new(rules, 1);
    let mut told = monitor.push_all(&recording.frames);
    let last = monitor.provisional(Fetus::ALL[0]).unwrap();
    told.extend(monitor.finish());
    let streamed = told.into_iter().map(|told| told.window).collect();
    let windows = whole.iter().filter(|window| window.until - window.from == 600).cloned().collect();
    Read { ph: recording.ph, whole, streamed, windows, last, recording }
}

/// All of them, read once for all tests.
fn all() -> Option<&'static [Read]> {
    static ALL: LazyLock<Option<Vec<Read>>> =
        LazyLock::new(|| Some(recordings(&folder()?).into_iter().map(read).collect()));
    ALL.as_deref()
}

const BANDS: [(&str, f64, f64); 4] =
    [("pH < 7.05", 0.0, 7.05), ("7.05–7.14", 7.05, 7.15), ("7.15–7.19", 7.15, 7.20), ("≥ 7.20", 7.20, 9.0)];

/// A row: how many of the recordings in each band of pH are of some kind.
fn row(text: &mut String, name: &str, all: &[Read], is: impl Fn(&Read) -> bool) {
    let count = |(_, from, until): &(&str, f64, f64)| {
        all.iter().filter(|read| *from <= read.ph && read.ph < *until && is(read)).count().to_string()
    };
    writeln!(text, "| {name} | {} |", BANDS.iter().map(count).collect::<Vec<_>>().join(" | ")).unwrap();
}

fn head(text: &mut String, of: &str) {
    writeln!(text, "| {of} | {} |", BANDS.map(|(name, ..)| name).join(" | ")).unwrap();
    writeln!(text, "| --- | --- | --- | --- | --- |").unwrap();
}

fn report(all: &[Read]) -> String {
    let mut text = String::new();
    head(&mut text, "recordings");
    row(&mut text, "all", all, |_| true);
    let worst = |read: &Read| read.windows.iter().filter_map(level).max();
    for one in Level::ALL {
        row(&mut text, &format!("highest JSOG level {} (unverified matrix)", one.number()), all, |read| {
            worst(read) == Some(one)
        });
    }
    row(&mut text, "no window assessable", all, |read| worst(read).is_none());
    for one in Level::ALL {
        row(&mut text, &format!("last ten minutes: level {}", one.number()), all, |read| {
            level(&read.last) == Some(one)
        });
    }
    row(&mut text, "last ten minutes: not assessable", all, |read| level(&read.last).is_none());
    let figo_of = |read: &Read| {
        let of = |until: usize| match figo(&read.windows[..until]) {
            Some(Figo::Rated { category, .. }) => Some(category),
            _ => None,
        };
        (1..=read.windows.len()).filter_map(of).max()
    };
    for one in [FigoCategory::Normal, FigoCategory::Suspicious, FigoCategory::Pathological] {
        row(&mut text, &format!("worst FIGO: {}", one.code()), all, |read| figo_of(read) == Some(one));
    }
    let nichd_of = |read: &Read| {
        let of = |until: usize| match nichd(&read.windows[..until]) {
            Some(Nichd::Rated { category, .. }) => Some(category),
            _ => None,
        };
        (1..=read.windows.len()).filter_map(of).max()
    };
    for one in [NichdCategory::One, NichdCategory::Two, NichdCategory::Three] {
        row(&mut text, &format!("worst NICHD: {}", one.code()), all, |read| nichd_of(read) == Some(one));
    }
    writeln!(text).unwrap();
    writeln!(text, "| windows of ten minutes | count |\n| --- | --- |").unwrap();
    let windows: Vec<&Window> = all.iter().flat_map(|read| &read.windows).collect();
    writeln!(text, "| all | {} |", windows.len()).unwrap();
    for one in Level::ALL {
        let count = windows.iter().filter(|window| level(window) == Some(one)).count();
        writeln!(text, "| level {} | {count} |", one.number()).unwrap();
    }
    let mut reasons = std::collections::BTreeMap::<&str, usize>::new();
    windows
        .iter()
        .filter_map(|window| window.reading.as_ref().err())
        .for_each(|why| *reasons.entry(why.code()).or_default() += 1);
    reasons.iter().for_each(|(why, count)| writeln!(text, "| not assessable: {why} | {count} |").unwrap());
    let sinusoidal =
        windows.iter().filter(|window| window.reading.as_ref().is_ok_and(|one| one.sinusoid.is_some())).count();
    writeln!(text, "| sinusoidal | {sinusoidal} |").unwrap();
    let unseen = windows.iter().filter(|window| window.contractions.is_none()).count();
    writeln!(text, "| contractions not seen | {unseen} |").unwrap();
    writeln!(
        text,
        "\n| honesty of the trace, samples with a signal, each arriving at once | of 1,000 |\n| --- | --- |"
    )
    .unwrap();
    let mut states = std::collections::BTreeMap::<&str, usize>::new();
    all.iter().for_each(|read| words(&read.recording, &mut states));
    let signal: usize = states.values().sum();
    states
        .iter()
        .for_each(|(word, count)| writeln!(text, "| {word} | {} |", (1_000 * count + signal / 2) / signal).unwrap());
    text
}

/// What is said of the trace of a recording at each sample that has a signal.
fn words(recording: &Recording, states: &mut std::collections::BTreeMap<&'static str, usize>) {
    let begin = Moment::from_micros(1_800_000_000_000_000).unwrap();
    let mut trace = Trace::new(TraceLimits::shipped());
    for (number, frame) in recording.frames.iter().enumerate() {
        let now = begin.plus_micros(number as i64 * 250_000);
        let fetal = &frame.fetal[..1];
        let arrival = Arrival { arrived: now, measured: now, step: 250_000, fetal, maternal: &[] };
        trace.arrive(&arrival, ClockError::new(0, 0).unwrap());
        if fetal[0] != Sample::LOST {
            *states.entry(trace.state(now).code()).or_default() += 1;
        }
    }
}

#[test]
fn levels_and_ph_of_all_recordings_are_as_the_page_says() {
    let Some(all) = all() else { return };
    assert_eq!(all.len(), 40);
    let found = report(all);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/perinatal.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- ctu-uhb: written by query/clinical/tests/ctu_uhb.rs -->\n", "<!-- ctu-uhb: end -->");
    let (before, rest) = page.split_once(begin).unwrap();
    let (said, after) = rest.split_once(end).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, format!("{before}{begin}{found}{end}{after}")).unwrap();
        return;
    }
    assert!(said == found, "docs/perinatal.md differs (write it with UPDATE_EXPECT=1):\n{found}");
}

#[test]
fn every_recording_read_as_it_comes_says_what_it_says_as_a_whole() {
    for read in all().unwrap_or_default() {
        assert!(read.streamed == read.whole, "{} differs", read.recording.name);
    }
}

#[test]
fn no_window_with_more_than_a_third_lost_is_rated() {
    let Some(all) = all() else { return };
    let mut seen = 0;
    for read in all {
        let frames = &read.recording.frames;
        for window in &read.whole {
            let frames = &frames[window.from * HERTZ..(window.until * HERTZ).min(frames.len())];
            let lost = frames.iter().filter(|frame| frame.fetal[0] == Sample::LOST).count();
            if 100 * lost > 33 * 600 * HERTZ {
                seen += 1;
                assert_eq!(level(window), None, "{} {}", read.recording.name, window.from);
            }
        }
    }
    assert!(seen > 10, "the recordings have such windows");
}
