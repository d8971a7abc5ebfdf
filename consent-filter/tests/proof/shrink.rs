//! A failing world made small, as far as is cheap: beats and viewers are left out while it still fails.

use super::follow::{Found, disagreement};
use super::kept::Kept;
use super::story::{Beat, Story};
use std::path::{Path, PathBuf};

/// Makes a failing world small and keeps it in a directory: replayed by every test run from then on.
pub fn keep(directory: &Path, name: &str, seed: u64, failing: &Story) -> Option<(PathBuf, Kept)> {
    let found = disagreement(failing)?;
    let small = shrink(failing, &found, disagreement);
    let kept = Kept::of(found.law, seed, &small);
    std::fs::create_dir_all(directory).unwrap();
    let path = directory.join(format!("{name}.json"));
    std::fs::write(&path, kept.json()).unwrap();
    Some((path, kept))
}

/// Leaves out what is not needed for `fails` to say the same law.
pub fn shrink(story: &Story, found: &Found, fails: impl Fn(&Story) -> Option<Found>) -> Story {
    let mut small = story.clone();
    if found.beat > 0 {
        small.beats.truncate(found.beat + 1);
    }
    let still = |story: &Story| fails(story).is_some_and(|other| other.law == found.law);
    if let Some(viewer) = found.viewer.and_then(|at| story.viewers.get(at)) {
        let alone = Story { viewers: vec![viewer.clone()], ..small.clone() };
        if still(&alone) {
            small = alone;
        }
    }
    let mut size = (small.beats.len() / 2).max(1);
    loop {
        let before = small.beats.len();
        let mut at = 0;
        while at < small.beats.len() {
            let end = (at + size).min(small.beats.len());
            let mut beats: Vec<Beat> = small.beats[..at].to_vec();
            beats.extend_from_slice(&small.beats[end..]);
            let less = Story { beats, ..small.clone() };
            if still(&less) {
                small = less;
            } else {
                at = end;
            }
        }
        match size {
            1 if small.beats.len() == before => break,
            1 => {}
            _ => size /= 2,
        }
    }
    let mut at = 0;
    while small.viewers.len() > 1 && at < small.viewers.len() {
        let mut fewer = small.clone();
        fewer.viewers.remove(at);
        if still(&fewer) {
            small = fewer;
        } else {
            at += 1;
        }
    }
    small
}
