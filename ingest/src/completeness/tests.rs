use super::*;
use crate::door::Step;
use jiff::civil::date;
use model::FacilityId;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

fn hospital() -> FacilityId {
    FacilityId::parse("hospital").unwrap()
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec((0u8..6, 0u128..3), 0..20)
        .prop_map(|items| items.into_iter().map(|(key, digest)| Item::new(format!("k{key}"), digest)).collect())
}

proptest! {
    /// Counted by hand: per key, how often each side has each digest.
    #[test]
    fn the_gaps_are_what_counting_by_hand_finds(offered in items(), taken in items()) {
        let comparison = compare(&offered, &taken);
        for key in (0..6).map(|key| format!("k{key}")) {
            let count = |items: &[Item]| {
                let mut counts: HashMap<u128, i64> = HashMap::new();
                items.iter().filter(|item| item.key == key).for_each(|item| *counts.entry(item.digest).or_default() += 1);
                counts
            };
            let (a, b) = (count(&offered), count(&taken));
            let common: i64 = (0..3).map(|d| a.get(&d).copied().unwrap_or(0).min(b.get(&d).copied().unwrap_or(0))).sum();
            let (left, right) = (a.values().sum::<i64>() - common, b.values().sum::<i64>() - common);
            let found = |kind| comparison.gaps.iter().filter(|gap| gap.key == key && gap.kind == kind).count() as i64;
            prop_assert_eq!(found(GapKind::Differing), left.min(right));
            prop_assert_eq!(found(GapKind::Missing), (left - right).max(0));
            prop_assert_eq!(found(GapKind::Vanished), (right - left).max(0));
        }
        prop_assert_eq!(comparison.offered_digest == comparison.dealt_with_digest, comparison.is_whole());
    }

    #[test]
    fn order_makes_no_difference_and_parts_add_up(offered in items(), taken in items()) {
        let whole = compare(&offered, &taken);
        let mut reversed = (offered.clone(), taken.clone());
        reversed.0.reverse();
        reversed.1.reverse();
        prop_assert_eq!(&compare(&reversed.0, &reversed.1), &whole);
        // Split by key, as a storage is by folder.
        let mut sum = Comparison::default();
        for key in (0..6).map(|key| format!("k{key}")) {
            let of = |items: &[Item]| items.iter().filter(|item| item.key == key).cloned().collect::<Vec<_>>();
            sum.add(compare(&of(&offered), &of(&taken)));
        }
        prop_assert_eq!(sum, whole);
    }
}

#[test]
fn a_days_gaps_survive_a_restart_and_go_when_they_are_closed() {
    let directory = tempfile::tempdir().unwrap();
    let clock: event_log::Clock = Arc::new(|| model::Moment::from_micros(7).unwrap());
    let (hospital, day) = (hospital(), date(2026, 4, 1));
    let feed = Feed { facility: &hospital, name: "adt", kind: FeedKind::Mllp };
    let page = |skip| Page { skip, limit: 10 };
    let sent = [Item::new("a", 1), Item::new("a", 1), Item::new("b", 2), Item::new("b\0c", 3)];
    {
        let book = FeedBook::open(directory.path(), Arc::clone(&clock)).unwrap();
        book.offered(feed, day, &sent).unwrap();
        book.dealt_with(feed, day, &sent[..2]).unwrap();
        let comparison = book.settle(feed, day).unwrap();
        // What was sent again is the same item.
        assert_eq!((comparison.offered, comparison.count(GapKind::Missing)), (3, 2));
    }
    let book = FeedBook::open(directory.path(), clock).unwrap();
    let listed = book.days(&hospital, "", page(0)).unwrap();
    assert_eq!((listed[0].missing, listed[0].day.as_str(), listed[0].kind.as_str()), (2, "2026-04-01", "mllp"));
    assert_ne!(listed[0].offered_digest, listed[0].dealt_with_digest);
    let gaps = book.gaps(&hospital, "adt", "2026-04-01", page(0)).unwrap();
    assert_eq!(gaps.iter().map(|gap| gap.key.as_str()).collect::<Vec<_>>(), ["b", "b\u{1}c"]);
    assert_eq!(book.gaps(&hospital, "adt", "2026-04-01", page(1)).unwrap().len(), 1);
    // Another feed's days, and another facility's, are not among them.
    let clinic = FacilityId::parse("hospital-2").unwrap();
    assert!(book.days(&clinic, "", page(0)).unwrap().is_empty());
    assert!(book.days(&hospital, "ad", page(0)).unwrap().is_empty());

    book.dealt_with(feed, day, &sent[2..]).unwrap();
    let listed = book.days(&hospital, "", page(0)).unwrap();
    assert_eq!(listed[0].missing, 0, "a list is of now");
    assert!(book.gaps(&hospital, "adt", "2026-04-01", page(0)).unwrap().is_empty());
    let listed = book.days(&hospital, "adt", page(0)).unwrap();
    assert_eq!((listed[0].missing, listed[0].offered_digest), (0, listed[0].dealt_with_digest));
}

/// Sixty senders at once: each is told when its own note is written, and none is lost between two writes.
#[tokio::test(flavor = "multi_thread")]
async fn notes_of_many_at_once_are_all_written_when_they_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    let clock: event_log::Clock = Arc::new(|| model::Moment::from_micros(7).unwrap());
    let book = Arc::new(FeedBook::open(directory.path(), clock).unwrap());
    let accountant = Accountant::new(Arc::clone(&book));
    let day = date(2026, 4, 1);
    let senders = (0..60_u128).map(|sender| {
        let accountant = Arc::clone(&accountant);
        tokio::spawn(async move {
            for message in 0..20 {
                // Now all at once, now one after the other: a writer goes and another comes.
                tokio::time::sleep(std::time::Duration::from_micros(u64::try_from(sender).unwrap() * 7)).await;
                for step in [Step::Offered, Step::DealtWith] {
                    // One in ten is never dealt with.
                    let item = Item::new(format!("{sender}-{message}"), sender);
                    let items = if step == Step::DealtWith && message % 10 == 9 { vec![] } else { vec![(day, item)] };
                    let (facility, name) = (hospital(), "mllp".into());
                    accountant.note(Note { facility, name, kind: FeedKind::Mllp, step, items }).await.unwrap();
                }
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let facility = hospital();
    let feed = Feed { facility: &facility, name: "mllp", kind: FeedKind::Mllp };
    let comparison = book.settle(feed, day).unwrap();
    assert_eq!((comparison.offered, comparison.dealt_with), (1200, 1080));
    assert_eq!(comparison.count(GapKind::Missing), 120);
}

/// A writer that never began, because its runtime ended, does not keep the next note from being written.
#[test]
fn a_note_whose_writer_is_gone_does_not_hold_up_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let clock: event_log::Clock = Arc::new(|| model::Moment::from_micros(7).unwrap());
    let book = Arc::new(FeedBook::open(directory.path(), clock).unwrap());
    let accountant = Accountant::new(Arc::clone(&book));
    let note = |key: &str| {
        let items = vec![(date(2026, 4, 1), Item::new(key, 1))];
        Note { facility: hospital(), name: "mllp".into(), kind: FeedKind::Mllp, step: Step::Offered, items }
    };
    let runtime = || tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    // Its one thread is held, so that the writer waits in the queue and is dropped there.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let first = runtime();
    first.spawn_blocking(move || held.recv());
    let (waits, first_note) = (Arc::clone(&accountant), note("a"));
    first.spawn(async move { waits.note(first_note).await });
    first.block_on(tokio::task::yield_now());
    first.shutdown_background();
    drop(release);
    // What the first left behind does not keep the next from being written.
    runtime().block_on(async { accountant.note(note("b")).await }).unwrap();
    let facility = hospital();
    let feed = Feed { facility: &facility, name: "mllp", kind: FeedKind::Mllp };
    assert!(book.settle(feed, date(2026, 4, 1)).unwrap().offered >= 1);
}
