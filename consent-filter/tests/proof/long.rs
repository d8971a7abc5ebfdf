//! The proof over long worlds: a few thousand events in the quick run, a million and more in `make test-long`, and every
//! world that ever failed.

use crate::follow::{Seen, disagreement, follow, seen};
use crate::kept::Kept;
use crate::shrink::keep;
use crate::story::{Plan, story};
use consent_filter::Reason;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Where failing worlds are kept.
pub fn kept_worlds() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/worlds")
}

fn said(name: &str, unsaid: u64) -> u64 {
    std::env::var(name).map_or(unsaid, |text| text.parse().unwrap())
}

/// Runs worlds of seeds from `first` on over all cores, until there are `worlds` of them with `events` in all.
#[expect(clippy::print_stderr, reason = "a long run shows how far it is, and a failing world is printed")]
fn run((worlds, events): (u64, u64), first: u64, plan: Plan, told: bool) -> (u64, u64) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, done, seen) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let failed = AtomicU64::new(u64::MAX);
    let begun = Instant::now();
    let work = || {
        loop {
            let enough = done.load(Ordering::Relaxed) >= worlds && seen.load(Ordering::Relaxed) >= events;
            if enough || failed.load(Ordering::Relaxed) != u64::MAX {
                return;
            }
            let seed = first + next.fetch_add(1, Ordering::Relaxed);
            let story = story(seed, plan);
            if disagreement(&story).is_some() {
                failed.store(seed, Ordering::Relaxed);
                return;
            }
            let seen = seen.fetch_add(story.events() as u64, Ordering::Relaxed) + story.events() as u64;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if told && done % (worlds / 100).max(1) == 0 {
                eprintln!("{done} worlds, {seen} events, {} s", begun.elapsed().as_secs());
            }
        }
    };
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.load(Ordering::Relaxed);
    if failed != u64::MAX {
        let (path, kept) = keep(&kept_worlds(), &format!("world-{failed}"), failed, &story(failed, plan)).unwrap();
        eprintln!("{}", kept.json());
        panic!("world {failed}: not so: {}. Kept in {}", kept.law, path.display());
    }
    let (done, seen) = (done.into_inner(), seen.into_inner());
    if told {
        eprintln!("{done} worlds, {seen} events from seed {first} on: every view equal after every event");
    }
    (done, seen)
}

#[test]
fn after_every_event_every_view_is_the_references() {
    let (worlds, events) = run((60, 3_000), said("AJISAI_SEED", 0), Plan::SHORT, false);
    assert!(worlds >= 60 && events >= 3_000);
}

/// `make test-long`. `AJISAI_SEED`, `AJISAI_WORLDS` and `AJISAI_EVENTS` say from which seed on and how much.
#[test]
#[ignore = "minutes: `make test-long`"]
fn the_long_run() {
    let (worlds, events) = (said("AJISAI_WORLDS", 10_000), said("AJISAI_EVENTS", 1_000_000));
    run((worlds, events), said("AJISAI_SEED", 1_000_000), Plan::LONG, true);
}

#[test]
fn worlds_that_once_failed_do_not_fail_again() {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(kept_worlds()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(!files.is_empty(), "at least the example is there");
    for path in files {
        let kept = Kept::read(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(follow(&kept.story()), None, "{}: {}", path.display(), kept.law);
    }
}

#[test]
fn a_world_comes_back_from_its_json_as_it_went() {
    let mut steps = 0;
    for seed in 0..40 {
        let story = story(seed, Plan::LONG);
        let kept = Kept::of("a law", seed, &story);
        let read = Kept::read(&kept.json());
        assert_eq!(read, kept);
        assert_eq!(read.story(), story, "world {seed}");
        steps += story.beats.len();
    }
    assert!(steps > 4_000);
}

#[test]
fn the_long_worlds_are_not_vacuous() {
    let mut all = Seen::default();
    for seed in 0..30 {
        let seen = seen(&story(seed, Plan { viewers: 16, ..Plan::LONG }));
        all.shared += seen.shared;
        all.spliced += seen.spliced;
        all.retracted += seen.retracted;
        all.reasons.extend(seen.reasons);
    }
    let unmet: Vec<&Reason> = Reason::ALL
        .iter()
        .filter(|reason| **reason != Reason::UnknownRecord && !all.reasons.contains(reason))
        .collect();
    assert_eq!(unmet, Vec::<&Reason>::new());
    assert!(all.shared > 3_000 && all.spliced > 100 && all.retracted > 100, "{all:?}");
}

#[test]
fn a_seed_is_always_the_same_world() {
    for seed in [0, 7, 1_000_003] {
        assert_eq!(story(seed, Plan::LONG), story(seed, Plan::LONG));
    }
    assert_ne!(story(0, Plan::LONG), story(1, Plan::LONG));
}
