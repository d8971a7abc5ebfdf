use super::*;
use crate::completeness::FeedKind;
use crate::watch::{Expected, FeedName};
use std::sync::atomic::Ordering;
use std::time::Instant;

const FIRST: &str = "9999013_20111220_OML-11_1_20111220103059000_01_1";
const SECOND: &str = "9999013_20111220_OML-11_1_20111221103059000_01_1";
const OTHER: &str = "8888013_20111220_OML-11_1_20111221103059000_01_1";

/// A follower on a thread of its own, stopped when it goes.
struct Running {
    report: Arc<Report>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start(ward: &Ward, following: Following) -> Self {
        Self::watched(ward, following, Arc::new(|| {}))
    }
    fn watched(ward: &Ward, following: Following, alive: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (report, stop) = (Arc::new(Report::default()), Arc::new(AtomicBool::new(false)));
        let follower = Follower {
            volume: ward.volume(),
            cursor: Arc::clone(&ward.cursor),
            reading: EAGER,
            following,
            taker: Arc::clone(&ward.notebook) as _,
            report: Arc::clone(&report),
            alive: Arc::clone(&alive),
            stop: Arc::clone(&stop),
        };
        let running = Self { report, stop, thread: Some(std::thread::spawn(move || follower.run())) };
        running.until("the first load", || running.report.sweeps() > 0);
        running
    }
    fn until(&self, what: &str, done: impl Fn() -> bool) {
        let begun = Instant::now();
        while !done() {
            assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn rarely() -> Following {
    Following {
        watch: false,
        transactions: None,
        ask_every: Duration::from_millis(20),
        sweep_every: Duration::from_secs(3600),
    }
}

fn has(ward: &Ward, name: &str) -> bool {
    ward.notebook.taken.lock().iter().any(|(taken, _)| taken == name)
}

#[test]
#[cfg(target_os = "linux")]
fn a_watched_storage_is_followed_through_new_folders_and_renames() {
    let ward = Ward::new();
    ward.write(FIRST, "a");
    let running = Running::start(&ward, Following { watch: true, ..rarely() });
    assert!(has(&ward, FIRST));
    let superseded = FIRST.replace("_01_1", "_01_2");
    ward.rename(FIRST, &superseded);
    ward.write(SECOND, "b");
    // A patient nobody has heard of: six folders that are not watched yet.
    ward.write(OTHER, "c");
    running.until("what was written", || has(&ward, &superseded) && has(&ward, SECOND) && has(&ward, OTHER));
    assert_eq!(running.report.sweeps(), 1, "the watch found it, not a sweep");
}

#[test]
fn a_journal_says_whose_tree_to_look_at_whatever_its_layout() {
    let ward = Ward::new();
    let journal = ward.directory.path().join("transactions");
    std::fs::create_dir_all(journal.join("2011")).unwrap();
    std::fs::write(journal.join("2011/TR_20111220000000000_00001.DAT"), "PID|0001||7777013^^^^PI\r").unwrap();
    ward.write(FIRST, "a");
    let running = Running::start(&ward, Following { transactions: Some(journal.clone()), ..rarely() });
    assert!(has(&ward, FIRST));
    ward.write(SECOND, "b");
    ward.write(OTHER, "c");
    std::thread::sleep(Duration::from_millis(200));
    assert!(!has(&ward, SECOND), "nothing has said so yet");
    let message = "INS,1,\r\nMSH|^~\\&|HIS\rEVN||2011\rPID|0001||9999013^^^^PI||\u{1b}$B4\u{1b}(B\r";
    let file = "2011/TR_20111221000000000_00001.DAT";
    std::fs::write(journal.join(file), message).unwrap();
    running.until("the first transaction", || has(&ward, SECOND));
    std::fs::write(journal.join(file), format!("{message}DEL {OTHER}\n")).unwrap();
    running.until("the second transaction", || has(&ward, OTHER));
    assert_eq!((running.report.sweeps(), running.report.missed()), (1, 0));
}

#[test]
fn without_watch_and_journal_a_sweep_finds_it_and_says_that_nothing_had_said_so() {
    let ward = Ward::new();
    let running = Running::start(&ward, Following { sweep_every: Duration::from_millis(50), ..rarely() });
    ward.write(FIRST, "a");
    running.until("the file", || has(&ward, FIRST));
    running.until("the count", || running.report.missed() == 1);
    let sweeps = running.report.sweeps();
    running.until("two sweeps more", || running.report.sweeps() > sweeps + 1);
    assert_eq!(running.report.missed(), 1);
}

#[test]
fn how_far_a_journal_was_read_survives_a_restart() {
    let ward = Ward::new();
    let root = ward.directory.path().join("transactions");
    std::fs::create_dir_all(root.join("2011")).unwrap();
    let mut journal = Transactions::open(&root, "STD", &ward.cursor).unwrap();
    assert!(journal.poll().unwrap().is_empty());
    let file = root.join("2011/TR_20111220000000000_00001.DAT");
    std::fs::write(&file, "PID|0001||7777013^^^^PI\r").unwrap();
    assert_eq!(journal.poll().unwrap().into_iter().collect::<Vec<_>>(), [Hint::of_patient("7777013").unwrap()]);
    journal.keep(&ward.cursor).unwrap();
    drop(journal);
    let mut journal = Transactions::open(&root, "STD", &ward.cursor).unwrap();
    assert!(journal.poll().unwrap().is_empty());
    // The file of the next year, and what was added to the old one at the last moment.
    std::fs::create_dir(root.join("2012")).unwrap();
    std::fs::write(root.join("2012/tr_20120101000000000_00001.dat"), "PID|||6666013\r").unwrap();
    std::fs::write(&file, "PID|0001||7777013^^^^PI\rPID|||5555013\r").unwrap();
    let hints = journal.poll().unwrap();
    for number in ["6666013", "5555013"] {
        assert!(hints.contains(&Hint::of_patient(number).unwrap()));
    }
}

#[test]
fn a_storage_that_goes_away_falls_silent_at_once_and_comes_back() {
    let ward = Ward::new();
    let moment = |micros: i64| model::Moment::from_micros(micros).unwrap();
    let begun = Instant::now();
    let clock: event_log::Clock = Arc::new(move || moment(i64::try_from(begun.elapsed().as_micros()).unwrap()));
    let watch = crate::watch::Watch::new(clock);
    let feed = FeedName { facility: model::FacilityId::parse("hospital").unwrap(), feed: "STD".to_owned() };
    let expected = Expected { kind: FeedKind::SsMix2, within: Some(Duration::from_millis(500)), heard: None };
    let alive = watch.feed(feed, expected);
    let running = Running::watched(&ward, rarely(), alive);
    let away = ward.directory.path().join("away");
    std::fs::rename(ward.root(), &away).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    runtime.spawn(watch.clone().run());
    let silent = || watch.standings().iter().any(|standing| standing.silent_since.is_some());
    running.until("its silence", silent);
    std::fs::rename(&away, ward.root()).unwrap();
    running.until("the storage", || !silent());
    assert_eq!(*watch.said().borrow(), 2, "each is said once");
    assert!(running.report.failures() > 0);
}
