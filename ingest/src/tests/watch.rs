//! Feeds that fall silent, and what is told of them.

use super::fixture::*;
use crate::completeness::{FeedBook, FeedKind, Page, Report};
use crate::watch::{Expected, FeedName, FeedStanding, Notice, Watchdog};
use model::Moment;
use std::time::Duration;
use wire::v1;

fn at(seconds: i64) -> Moment {
    now().plus_micros(seconds * 1_000_000)
}
fn named(feed: &str) -> FeedName {
    FeedName { facility: facility("hospital"), feed: feed.to_owned() }
}
fn expected(kind: FeedKind, seconds: u64) -> Expected {
    Expected { kind, within: (seconds > 0).then(|| Duration::from_secs(seconds)), heard: None }
}

#[test]
fn a_feed_that_falls_silent_is_said_once_and_so_is_its_return() {
    let mut dog = Watchdog::default();
    let mllp = named("mllp:2575");
    dog.watch(mllp.clone(), expected(FeedKind::Mllp, 10), at(0));
    dog.watch(named("std"), expected(FeedKind::SsMix2, 600), at(0));
    dog.watch(named("fhir"), expected(FeedKind::Fhir, 0), at(0));
    assert!(dog.check(at(10)).is_empty());
    assert_eq!(dog.check(at(11)), [Notice::Silent { feed: mllp.clone(), since: at(0) }]);
    assert!(dog.check(at(12)).is_empty());
    let silent =
        |dog: &Watchdog| dog.standings().into_iter().filter(|it| it.silent_since.is_some()).collect::<Vec<_>>();
    assert_eq!(
        silent(&dog),
        [FeedStanding {
            feed: mllp.clone(),
            kind: FeedKind::Mllp,
            heard: None,
            silent_since: Some(at(0)),
            within: Some(Duration::from_secs(10)),
        }]
    );
    assert_eq!(dog.heard(&mllp, at(20)), Some(Notice::Back { feed: mllp.clone(), since: at(0) }));
    assert_eq!(dog.heard(&mllp, at(21)), None);
    assert_eq!(dog.heard(&named("nobody"), at(21)), None);
    assert!(silent(&dog).is_empty());
    assert!(dog.check(at(31)).is_empty());
    assert_eq!(dog.check(at(32)).len(), 1);
    assert!(
        dog.check(at(100_000))
            .iter()
            .all(|notice| !matches!(notice, Notice::Silent { feed, .. } if feed.feed == "fhir"))
    );
}

/// A gateway that was switched off over the weekend does not call its feeds silent when it is switched on.
#[test]
fn a_process_that_was_away_is_no_silence_and_forgets_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let book = FeedBook::open(directory.path(), clock()).unwrap();
    let mut dog = Watchdog::default();
    dog.watch(named("mllp:1"), expected(FeedKind::Mllp, 10), at(0));
    dog.heard(&named("mllp:1"), at(5));
    book.stand(&dog.standings()).unwrap();
    assert_eq!(book.heard(&named("mllp:2")).unwrap(), None);
    let heard = book.heard(&named("mllp:1")).unwrap();
    assert_eq!(heard, Some(at(5)));
    let mut dog = Watchdog::default();
    dog.watch(named("mllp:1"), Expected { heard, ..expected(FeedKind::Mllp, 10) }, at(1000));
    assert!(dog.check(at(1010)).is_empty());
    assert_eq!(dog.standings()[0].heard, Some(at(5)));
    assert_eq!(dog.check(at(1011)).len(), 1);
}

fn standing(feed: &str) -> v1::FeedStanding {
    let (heard_us, silent_since_us) = (at(1).micros(), at(2).micros());
    let (feed, kind) = (feed.to_owned(), "mllp".to_owned());
    v1::FeedStanding { feed, kind, heard_us, silent_since_us, expected_seconds: 900, told_us: 0 }
}

fn told(edge: &str, feeds: &[&str]) -> v1::ReportFeedsRequest {
    let feeds = feeds.iter().map(|feed| standing(feed)).collect();
    v1::ReportFeedsRequest { edge: edge.to_owned(), feeds, days: Vec::new() }
}

#[test]
fn what_an_edge_tells_replaces_what_it_told_before_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let book = FeedBook::open(directory.path(), clock()).unwrap();
    let (hospital, clinic) = (facility("hospital"), facility("clinic"));
    let mut dog = Watchdog::default();
    dog.watch(named("std"), expected(FeedKind::SsMix2, 60), at(0));
    book.stand(&dog.standings()).unwrap();
    let tell = |whose, request| book.report(whose, Report::try_from(request).unwrap()).unwrap();
    tell(&hospital, told("e1", &["mllp:1", "mllp:2"]));
    tell(&hospital, told("e2", &["mllp:1"]));
    tell(&clinic, told("e1", &["mllp:1"]));
    tell(&hospital, told("e1", &["mllp:2"]));
    let names = |whose| book.standings(whose).unwrap().into_iter().map(|it| it.feed).collect::<Vec<_>>();
    assert_eq!(names(&hospital), ["e1/mllp:2", "e2/mllp:1", "std"]);
    assert_eq!(names(&clinic), ["e1/mllp:1"]);
    let kept = &book.standings(&clinic).unwrap()[0];
    assert_eq!((kept.silent_since_us, kept.told_us), (at(2).micros(), now().micros()));

    let day = v1::FeedDay {
        feed: "std".into(),
        kind: "ss-mix2".into(),
        day: "2026-04-01".into(),
        missing: 1,
        ..v1::FeedDay::default()
    };
    let gap = v1::Gap { kind: "missing".into(), key: "a/file".into() };
    let mut request = told("e1", &[]);
    request.days.push(v1::ReportedDay { day: Some(day), gaps: vec![gap.clone()] });
    tell(&hospital, request);
    let page = Page { skip: 0, limit: 10 };
    assert_eq!(book.days(&hospital, "e1/std", page).unwrap()[0].missing, 1);
    assert_eq!(book.gaps(&hospital, "e1/std", "2026-04-01", page).unwrap(), [gap]);
    assert!(book.days(&hospital, "std", page).unwrap().is_empty());
    assert_eq!(names(&hospital).len(), 3, "a report of days alone leaves the standings");
}

#[test]
fn what_an_edge_tells_is_refused_by_field() {
    let refused = |request: v1::ReportFeedsRequest| Report::try_from(request).unwrap_err().field;
    assert_eq!(refused(told("e/1", &[])), "edge");
    assert_eq!(refused(told("", &[])), "edge");
    for feed in ["", "a/b", "a\u{0}b", &"x".repeat(101)] {
        assert_eq!(refused(told("e1", &[feed])), "feeds", "{feed:?}");
    }
    let mut request = told("e1", &["mllp"]);
    request.feeds[0].kind = "fax".to_owned();
    assert_eq!(refused(request), "feeds");
    let mut request = told("e1", &["mllp"]);
    request.feeds[0].heard_us = i64::MIN;
    assert_eq!(refused(request), "feeds");
    let day = |day: &str, gap: &str| {
        let day = v1::FeedDay { feed: "std".into(), kind: "ss-mix2".into(), day: day.into(), ..v1::FeedDay::default() };
        let gaps = vec![v1::Gap { kind: gap.into(), key: String::new() }];
        let days = vec![v1::ReportedDay { day: Some(day), gaps }];
        v1::ReportFeedsRequest { days, ..told("e1", &[]) }
    };
    assert_eq!(refused(day("yesterday", "missing")), "days.day.day");
    assert_eq!(refused(day("2026-04-01", "odd")), "days.gaps.kind");
    let without = v1::ReportFeedsRequest { days: vec![v1::ReportedDay::default()], ..told("e1", &[]) };
    assert_eq!(refused(without), "days.day");
}
