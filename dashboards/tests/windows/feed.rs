//! The live lines.

use crate::lines::Lines;
use crate::region::{CLINIC, HOSPITAL, Region, STRANGER, physician};
use futures::StreamExt as _;
use serde_json::Value;
use std::sync::atomic::Ordering;

impl Lines {
    /// Lines up to the next heartbeat, and the heartbeat.
    async fn until_heartbeat(&mut self) -> (Vec<Value>, Value) {
        let mut lines = Vec::new();
        loop {
            let line = self.next().await;
            if line["kind"] == "heartbeat" {
                return (lines, line);
            }
            lines.push(line);
        }
    }

    /// Everything told up to where the region stands.
    async fn until_reached(&mut self, region: &Region) -> Vec<Value> {
        let mut lines = Vec::new();
        loop {
            let (more, heartbeat) = self.until_heartbeat().await;
            lines.extend(more);
            if heartbeat["frontier"] == query::frontier_text(&region.views.store().frontier()) {
                return lines;
            }
        }
    }

    /// A watch that has begun: what is told from now on comes.
    async fn joined(region: &Region, facility: &str) -> Self {
        let mut lines = Self::of(region, "/api/feed", facility).await;
        loop {
            region.beat();
            let (_, heartbeat) = lines.until_heartbeat().await;
            if heartbeat["frontier"].as_str().unwrap().contains("1:") && heartbeat["frontier"] != "0:0,1:0" {
                return lines;
            }
        }
    }
}

#[tokio::test]
async fn a_quiet_feed_beats_and_says_how_far_and_when() {
    let region = Region::open().await;
    let mut lines = Lines::of(&region, "/api/feed", CLINIC).await;
    let (told, first) = lines.until_heartbeat().await;
    assert!(told.is_empty(), "a feed begins with what comes now: {told:?}");
    region.beat();
    let (_, second) = lines.until_heartbeat().await;
    assert!(second["moment_us"].as_i64().unwrap() > first["moment_us"].as_i64().unwrap());
    assert!(second["frontier"].as_str().unwrap().contains("1:"), "{second}");
}

#[tokio::test]
async fn a_heartbeat_tells_when_the_view_is_no_longer_made_current() {
    let region = Region::open().await;
    let mut lines = Lines::joined(&region, CLINIC).await;
    region.beat();
    let (_, first) = lines.until_heartbeat().await;
    // Nobody publishes any more: the feed goes on, and says that what it shows grows old.
    let (_, second) = lines.until_heartbeat().await;
    let age = |beat: &Value| beat["age_ms"].as_u64().unwrap();
    assert!(age(&second) >= age(&first) + 900, "{first} {second}");
}

#[tokio::test]
async fn what_appears_and_vanishes_is_told_under_one_key_and_names_no_patient() {
    let region = Region::open().await;
    let mut lines = Lines::joined(&region, CLINIC).await;
    region.result(HOSPITAL, 0, 77, 6.5);
    let told = lines.until_reached(&region).await;
    let [appeared] = told.as_slice() else { panic!("one record came, and {told:?} was told") };
    assert_eq!(appeared["kind"], "appeared");
    assert_eq!(appeared["category"], "laboratory");
    assert_eq!(appeared["source"], HOSPITAL);
    assert_eq!(appeared["source_name_en"], "The hospital");
    assert_eq!(appeared["historic"], false);

    region.withdraw(0);
    let vanished = lines.until_reached(&region).await;
    assert!(vanished.iter().all(|line| line["kind"] == "vanished" && line["reason"] == "withheld"), "{vanished:?}");
    assert!(vanished.iter().any(|line| line["key"] == appeared["key"]), "{vanished:?}");
    for line in vanished.iter().chain([appeared]) {
        let text = line.to_string();
        assert!(!text.contains("-0000") && !text.contains("hospital/0"), "{text}");
    }
}

#[tokio::test]
async fn nobody_is_told_of_what_is_not_in_their_view() {
    let region = Region::open().await;
    let (mut clinic, mut stranger) = (Lines::joined(&region, CLINIC).await, Lines::joined(&region, STRANGER).await);
    region.result(HOSPITAL, 3, 88, 6.5);
    region.result(HOSPITAL, 0, 89, 6.5);
    assert_eq!(clinic.until_reached(&region).await.len(), 1, "patient 3 has no consent");
    assert!(stranger.until_reached(&region).await.is_empty());
}

#[tokio::test]
async fn a_watch_goes_on_from_a_heartbeat_and_marks_what_it_repeats_as_history() {
    let region = Region::open().await;
    let mut lines = Lines::joined(&region, CLINIC).await;
    let (_, heartbeat) = lines.until_heartbeat().await;
    drop(lines);
    region.result(HOSPITAL, 0, 90, 6.5);
    let after = heartbeat["frontier"].as_str().unwrap();
    let mut again = Lines::of(&region, &format!("/api/feed?after={after}"), CLINIC).await;
    region.beat();
    let told = again.until_reached(&region).await;
    let [line] = told.as_slice() else { panic!("one record came, and {told:?} was told") };
    assert_eq!((&line["kind"], &line["historic"]), (&Value::from("appeared"), &Value::from(true)), "{line}");
}

#[tokio::test]
async fn a_place_ahead_of_the_view_is_answered_with_a_reset() {
    let region = Region::open().await;
    let mut lines = Lines::of(&region, "/api/feed?after=0:900,1:900", CLINIC).await;
    assert_eq!(lines.next().await, serde_json::json!({ "kind": "reset", "reason": "ahead" }));
    region.beat();
    assert_eq!(lines.until_heartbeat().await.0.len(), 0);
    assert_eq!(region.get("/api/feed?after=yesterday", Some(&physician(CLINIC))).await.status(), 400);
}

#[tokio::test]
async fn a_watch_ends_with_the_authority_it_was_opened_by() {
    let region = Region::open().await;
    let mut lines = Lines::joined(&region, CLINIC).await;
    region.accepts.store(false, Ordering::Relaxed);
    let ended = loop {
        let line = lines.next().await;
        if line["kind"] != "heartbeat" {
            break line;
        }
    };
    assert_eq!(ended, serde_json::json!({ "kind": "ended", "reason": "token_refused" }));
    assert!(lines.body.next().await.is_none(), "nothing comes after the end");
}
