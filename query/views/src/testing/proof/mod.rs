//! The proof of the store, the scan and the feeds: the worlds of the conscience's own proof, driven through a real store
//! as the pipeline drives it, with commits, merges of files and openings in between. After every publication each view's
//! rows are those the slow reference works out from the list of events, and what each open feed has said comes to the
//! same rows.
//!
//! Worlds, reference and the form of kept cases are those of `consent-filter/tests/proof`; the reference shares no code
//! with book, store, scan or feeds.

#![expect(dead_code, reason = "the shared files hold what the conscience's own proof needs")]
#![expect(clippy::print_stderr, reason = "a long run shows how far it is, and a failing world is printed")]

#[path = "../../../../../consent-filter/tests/proof/follow.rs"]
mod follow;
#[path = "../../../../../consent-filter/tests/proof/kept.rs"]
mod kept;
#[path = "../../../../../consent-filter/tests/proof/reference.rs"]
mod reference;
#[path = "../../../../../consent-filter/tests/proof/shrink.rs"]
mod shrink;
#[path = "../../../../../consent-filter/tests/proof/story.rs"]
mod story;
#[path = "../../../../../consent-filter/tests/proof/world.rs"]
mod world;

mod line;
mod mirror;

use crate::planted::{Bug, plant};
use follow::Found;
use kept::Kept;
use line::{Count, Line};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use story::{Plan, Story, story};

/// Worlds for the store: every moment is a whole hour, because feeds look for lapsed hold-backs every ten minutes.
const PLAN: Plan = Plan { beats: (55, 85), nudged: false, viewers: 6 };

/// Drives a world through a store of its own; what the store does between the events follows from the seed.
fn drive(story: &Story, seed: u64) -> (Option<Found>, Count) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut line = Line::new(story, seed).await;
        let found = line.follow().await;
        super::clock::say(None);
        (found, line.count)
    })
}

fn fails(story: &Story, seed: u64) -> Option<Found> {
    drive(story, seed).0
}

fn said(name: &str, unsaid: u64) -> u64 {
    std::env::var(name).map_or(unsaid, |text| text.parse().unwrap())
}

/// Where failing worlds are kept.
fn kept_worlds() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/worlds")
}

/// How long a failing world may take to be made small.
const SHRINKING: Duration = Duration::from_secs(60);

/// Makes a failing world small and keeps it.
fn keep(name: &str, seed: u64, failing: &Story, found: &Found) -> Kept {
    // As far as is cheap: each try is a store of its own.
    let begun = Instant::now();
    let still = |story: &Story| if begun.elapsed() < SHRINKING { fails(story, seed) } else { None };
    let small = shrink::shrink(failing, found, still);
    let kept = Kept::of(found.law, seed, &small);
    std::fs::create_dir_all(kept_worlds()).unwrap();
    std::fs::write(kept_worlds().join(format!("{name}.json")), kept.json()).unwrap();
    kept
}

/// Runs worlds from seed `first` on over all cores, until there are as many events.
fn run(events: u64, first: u64, told: bool) -> Count {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicU64::new(first);
    let begun = Instant::now();
    let all = parking_lot::Mutex::new(Count::default());
    let work = || {
        while all.lock().events < events {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let world = story(seed, PLAN);
            let (found, count) = drive(&world, seed);
            if let Some(found) = found {
                eprintln!("world {seed}, after beat {}, viewer {:?}: not so: {}", found.beat, found.viewer, found.law);
                let kept = keep(&format!("world-{seed}"), seed, &world, &found);
                eprintln!("{}", kept.json());
                panic!("world {seed}, after beat {}: not so: {}. Kept in tests/worlds", found.beat, found.law);
            }
            let mut all = all.lock();
            all.add(&count);
            if told {
                eprintln!("{all:?}, {} s", begun.elapsed().as_secs());
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
    all.into_inner()
}

#[test]
fn after_every_publication_every_view_and_every_feed_is_the_references() {
    let count = run(400, said("AJISAI_SEED", 0), false);
    assert!(count.shared > 300 && count.told > 150, "the worlds show something: {count:?}");
    assert!(count.commits > 10 && count.merges > 2 && count.openings > 5, "and the store does something: {count:?}");
}

/// `make test-long`; `AJISAI_ROW_EVENTS` says how many events.
#[test]
#[ignore = "minutes: `make test-long`"]
fn the_long_rows() {
    let count = run(said("AJISAI_ROW_EVENTS", 50_000), said("AJISAI_SEED", 1_000_000), true);
    eprintln!("{count:?}: every view and every feed equal after every publication");
}

#[test]
fn worlds_that_once_failed_do_not_fail_again() {
    let Ok(entries) = std::fs::read_dir(kept_worlds()) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let kept = Kept::read(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(fails(&kept.story(), kept.seed), None, "{}: {}", path.display(), kept.law);
    }
}

/// How many worlds a bug may survive.
const WORLDS: u64 = 60;

#[test]
fn every_planted_bug_is_noticed() {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let survives = |bug: &Bug| {
        plant(Some(*bug));
        let noticed = (0..WORLDS).find_map(|seed| fails(&story(seed, PLAN), seed).map(|found| (seed, found.law)));
        plant(None);
        if let Some((seed, law)) = noticed {
            eprintln!("{bug:?}: world {seed}: {law}");
        }
        noticed.is_none()
    };
    let next = AtomicU64::new(0);
    let survivors = parking_lot::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(bug) = Bug::ALL.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap()) {
                    if survives(bug) {
                        survivors.lock().push(*bug);
                    }
                }
            });
        }
    });
    assert_eq!(survivors.into_inner(), [], "these were not noticed within {WORLDS} worlds");
}
