mod merged;
mod older;
mod tested;

use super::commit::Step;
use crate::testing::world::{World, everything};
use crate::{Feeds, PutOutcome, Store, StoreConfig, StoreError, Views};
use consent_filter::Book;
use model::{Body, Event, Frontier, Position};
use parking_lot::RwLock;
use rand::Rng;
use std::sync::Arc;
use std::time::Duration;

/// A node's store and book, driven as the pipeline drives them.
struct Node {
    dir: tempfile::TempDir,
    store: Arc<Store>,
    book: Arc<RwLock<Book>>,
    frontier: Frontier,
}

fn config(dir: &std::path::Path) -> StoreConfig {
    StoreConfig { merge_files: 2, ..StoreConfig::in_dir(dir) }
}

impl Node {
    async fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap(), &[]).await
    }

    /// Opens what lies in the directory and replays the log.
    async fn open(dir: tempfile::TempDir, log: &[(Position, Event)]) -> Self {
        let (store, recovered) = Store::open(config(dir.path())).await.unwrap();
        let mut book = Book::new();
        for letter in recovered.book_letters {
            let (position, bytes) = letter.unwrap();
            let event = log.iter().find(|(at, _)| *at == position).expect("a kept letter is one of the log's");
            assert_eq!(bytes, letter_of(position), "a letter comes back as it was kept");
            let _ = book.apply(position, &event.1.body);
        }
        let store = Arc::new(store);
        let book = Arc::new(RwLock::new(book));
        let mut node = Self { dir, store, book, frontier: recovered.frontier.clone() };
        // Views binds the classes of the files before anything is put.
        node.views();
        for (position, event) in log.iter().filter(|(position, _)| !recovered.frontier.includes(*position)) {
            node.take(*position, event);
        }
        node.publish();
        node
    }

    fn take(&mut self, position: Position, event: &Event) -> Option<PutOutcome> {
        self.frontier.include(position);
        match &event.body {
            Body::Record(record) => {
                let facts = self.book.write().facts(record);
                Some(self.store.put(position, record, &facts))
            }
            body => {
                let _ = self.book.write().apply(position, body);
                self.store.keep_book_letter(position, letter_of(position));
                None
            }
        }
    }

    fn take_all(&mut self, log: &[(Position, Event)]) {
        for (position, event) in log {
            self.take(*position, event);
        }
    }

    fn publish(&self) {
        self.store.publish(&self.frontier).unwrap();
    }

    fn views(&self) -> Views {
        let feeds = Feeds::new(self.book.clone());
        Views::new(self.store.clone(), self.book.clone(), feeds)
    }

    /// Leaves the directory as a crash would, and opens it again.
    async fn crash(self, log: &[(Position, Event)]) -> Self {
        let Self { dir, store, .. } = self;
        drop(store);
        Self::open(dir, log).await
    }
}

fn letter_of(position: Position) -> bytes::Bytes {
    bytes::Bytes::from(format!("letter {position}"))
}

#[track_caller]
fn check(world: &World, node: &Node, shown: &[std::collections::BTreeSet<String>], what: &str) {
    let book = node.book.read();
    for (principal, shown) in world.principals.iter().zip(shown) {
        let wanted = world.visible(&book, principal);
        assert_eq!(shown, &wanted, "{what}: {principal:?}, seed {}", world.seed);
    }
}

async fn all_shown(world: &World, node: &Node) -> Vec<std::collections::BTreeSet<String>> {
    let views = node.views();
    let mut all = Vec::new();
    for principal in &world.principals {
        all.push(everything(&views.view(principal, world.moment)).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_is_the_fold_of_the_log_under_decide() {
    let mut seen = 0;
    for seed in 0..8 {
        let world = World::new(seed, 220);
        let mut rng = crate::testing::rng(seed ^ 0xabcd);
        let mut node = Node::new().await;
        for (position, event) in &world.log {
            node.take(*position, event);
            match rng.random_range(0..60) {
                0..8 => node.publish(),
                8 | 9 => {
                    node.publish();
                    node.store.commit().await.unwrap();
                }
                10 => {
                    node.publish();
                    node.store.compact().await.unwrap();
                }
                11 => {
                    let upto = world.log.iter().position(|(at, _)| at == position).unwrap() + 1;
                    node = node.crash(&world.log[..upto]).await;
                }
                _ => {}
            }
        }
        node.publish();
        let shown = all_shown(&world, &node).await;
        seen += shown.iter().map(std::collections::BTreeSet::len).sum::<usize>();
        check(&world, &node, &shown, "at the end");
        node.store.commit().await.unwrap();
        check(&world, &node, &all_shown(&world, &node).await, "after the last commit");
        node.store.compact().await.unwrap();
        check(&world, &node, &all_shown(&world, &node).await, "after compaction");
        let node = node.crash(&world.log).await;
        check(&world, &node, &all_shown(&world, &node).await, "after a restart");
    }
    assert!(seen > 200, "the histories show something: {seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_before_any_step_of_a_commit_loses_nothing_and_doubles_nothing() {
    let steps =
        [Step::WriteTables, Step::WriteBeside, Step::Record, Step::Rename, Step::Show, Step::Settle, Step::Tidy];
    for (at, step) in steps.into_iter().enumerate() {
        let world = World::new(1000 + at as u64, 300);
        let digest = {
            let mut node = Node::new().await;
            node.take_all(&world.log);
            node.publish();
            node.store.content_digest().await.unwrap()
        };
        let mut node = Node::new().await;
        let third = world.log.len() / 3;
        for (position, event) in &world.log[..third] {
            node.take(*position, event);
        }
        node.publish();
        node.store.commit().await.unwrap();
        for (position, event) in &world.log[third..2 * third] {
            node.take(*position, event);
        }
        node.publish();
        node.store.committer.lock().await.stop_at = Some(step as u32);
        node.store.commit().await.expect_err("the commit was stopped");
        let mut node = node.crash(&world.log[..2 * third]).await;
        check(&world_upto(&world, 2 * third), &node, &all_shown(&world, &node).await, &format!("{step:?}"));
        for (position, event) in &world.log[2 * third..] {
            node.take(*position, event);
        }
        node.publish();
        node.store.commit().await.unwrap();
        assert_eq!(node.store.content_digest().await.unwrap(), digest, "{step:?}");
        check(&world, &node, &all_shown(&world, &node).await, &format!("{step:?}, then on"));
    }
}

fn world_upto(world: &World, length: usize) -> World {
    World { log: world.log[..length].to_vec(), ..world.clone() }
}

#[tokio::test]
async fn a_commit_that_fails_keeps_its_rows_and_succeeds_later() {
    let world = World::new(77, 200);
    let mut node = Node::new().await;
    node.take_all(&world.log);
    node.publish();
    // A file where the table directory should be: every write below it fails.
    let tables = node.dir.path().join("tables");
    std::fs::write(&tables, b"in the way").unwrap();
    node.store.commit().await.expect_err("nothing can be written");
    check(&world, &node, &all_shown(&world, &node).await, "after the failure");
    std::fs::remove_file(&tables).unwrap();
    assert!(node.store.commit().await.unwrap().rows > 0);
    check(&world, &node, &all_shown(&world, &node).await, "after the retry");
}

#[tokio::test]
async fn a_store_rebuilt_from_the_log_has_the_same_digest() {
    let world = World::new(5, 300);
    let mut node = Node::new().await;
    for (at, (position, event)) in world.log.iter().enumerate() {
        node.take(*position, event);
        if at % 60 == 59 {
            node.publish();
            node.store.commit().await.unwrap();
        }
    }
    node.publish();
    node.store.compact().await.unwrap();
    let digest = node.store.content_digest().await.unwrap();
    assert!(digest.rows > 0);
    let dir = node.dir.path().to_owned();
    drop(node.store);
    Store::destroy(&dir).await.unwrap();
    let again = Node::open(node.dir, &world.log).await;
    assert_eq!(again.store.content_digest().await.unwrap(), digest);
}

#[tokio::test]
async fn the_same_letters_put_again_change_nothing() {
    let world = World::new(9, 150);
    let mut node = Node::new().await;
    node.take_all(&world.log);
    node.publish();
    node.store.commit().await.unwrap();
    let digest = node.store.content_digest().await.unwrap();
    for (position, event) in &world.log {
        if let Some(outcome) = node.take(*position, event) {
            assert!(matches!(outcome, PutOutcome::Duplicate | PutOutcome::Stale), "{outcome:?}");
        }
    }
    node.publish();
    assert_eq!(node.store.content_digest().await.unwrap(), digest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_ends_when_what_was_put_will_never_be_published() {
    let world = World::new(3, 40);
    let mut node = Node::new().await;
    node.take_all(&world.log);
    let store = node.store.clone();
    let commit = tokio::spawn(async move { store.commit().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!commit.is_finished(), "it waits for the publication");
    node.store.end_publications();
    let ended = tokio::time::timeout(Duration::from_secs(5), commit).await.unwrap().unwrap();
    assert!(matches!(ended, Err(StoreError::Interrupted)), "{ended:?}");
}

#[tokio::test]
async fn a_reader_can_wait_for_a_position() {
    let node = Node::new().await;
    let wanted: Frontier = "1:1".parse().unwrap();
    assert!(!node.store.reached(&wanted, Duration::from_millis(20)).await);
    let store = node.store.clone();
    let waits = tokio::spawn({
        let wanted = wanted.clone();
        async move { store.reached(&wanted, Duration::from_secs(5)).await }
    });
    node.store.publish(&wanted).unwrap();
    assert!(waits.await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loaded_rows_are_shown_as_put_rows_are() {
    let world = World::new(21, 400);
    let mut node = Node::new().await;
    for (position, event) in world.log.iter().filter(|(_, event)| !matches!(event.body, Body::Record(_))) {
        node.take(*position, event);
    }
    node.publish();
    node.store.commit().await.unwrap();
    let standing: Vec<_> = world.standing().into_iter().map(|(at, record)| (at, record.clone())).collect();
    let loader = node.store.loader();
    for category in model::Category::ALL.iter().copied() {
        let mut book = node.book.write();
        let rows: Vec<_> = standing.iter().map(|(at, record)| (*at, record.clone(), book.facts(record))).collect();
        loader.add(category, &rows).unwrap();
    }
    let frontier = world.log.iter().fold(Frontier::start(), |mut frontier, (position, _)| {
        frontier.include(*position);
        frontier
    });
    assert_eq!(loader.finish(&frontier).await.unwrap(), standing.len() as u64);
    check(&world, &node, &all_shown(&world, &node).await, "loaded");
    let node = node.crash(&world.log).await;
    check(&world, &node, &all_shown(&world, &node).await, "loaded, after a restart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_the_same_whatever_lies_below_it() {
    use datafusion::prelude::{SessionConfig, SessionContext};
    let explain = async |views: &Views, principal: &model::Principal, moment| {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(3));
        let table = views.view(principal, moment).table(model::Category::Laboratory);
        context.register_table("laboratory", table).unwrap();
        let sql = "EXPLAIN SELECT count(*), max(value_number) FROM laboratory WHERE patient_id = '001'";
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
    };
    let world = World::new(3, 300);
    let mut node = Node::new().await;
    let empty = explain(&node.views(), &world.principals[0], world.moment).await;
    node.take_all(&world.log);
    node.publish();
    node.store.commit().await.unwrap();
    for principal in &world.principals {
        assert_eq!(explain(&node.views(), principal, world.moment).await, empty, "{principal:?}");
    }
    assert!(empty.contains("FacilityScan: table=laboratory"), "{empty}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_that_prune_show_what_filters_above_would() {
    use datafusion::prelude::SessionContext;
    let world = World::new(8, 500);
    let mut node = Node::new().await;
    for (at, (position, event)) in world.log.iter().enumerate() {
        node.take(*position, event);
        if at == 300 {
            node.publish();
            node.store.commit().await.unwrap();
        }
    }
    node.publish();
    let conditions = [
        ("patient_id = '001'", "patient_id || '' = '001'"),
        ("my_patient_id IN ('001', '002')", "my_patient_id || '' IN ('001', '002')"),
        (
            "source = 'alpha-hospital' AND patient_id <> '003'",
            "source || '' = 'alpha-hospital' AND patient_id <> '003'",
        ),
        (
            "occurred >= TIMESTAMP '2023-11-18T00:00:00Z' AND occurred < TIMESTAMP '2023-11-22T00:00:00Z'",
            "occurred + INTERVAL '0 days' >= TIMESTAMP '2023-11-18T00:00:00Z' AND occurred + INTERVAL '0 days' < TIMESTAMP '2023-11-22T00:00:00Z'",
        ),
    ];
    let mut found = 0;
    for principal in &world.principals {
        let context = SessionContext::new();
        let table = node.views().view(principal, world.moment).table(model::Category::Laboratory);
        context.register_table("laboratory", table).unwrap();
        for (pruned, plain) in conditions {
            let mut count = async |condition: &str| {
                let sql = format!("SELECT record_id, version FROM laboratory WHERE {condition} ORDER BY 1, 2");
                let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
                found += batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
                datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
            };
            assert_eq!(count(pruned).await, count(plain).await, "{pruned}, {principal:?}");
        }
    }
    assert!(found > 20, "the conditions find something: {found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_letters_kept_for_the_book_are_all_there_beside_commits_and_their_merging() {
    let world = World::new(91, 900);
    let mut node = Node::new().await;
    let mut kept = Vec::new();
    for (at, (position, event)) in world.log.iter().enumerate() {
        node.take(*position, event);
        if !matches!(event.body, Body::Record(_)) {
            kept.push(*position);
        }
        if at % 11 == 0 {
            node.publish();
            node.store.commit().await.unwrap();
        }
        if at % 97 == 0 {
            let letters: Vec<_> = node.store.book_letters().await.map(Result::unwrap).collect();
            assert_eq!(letters.iter().map(|(position, _)| *position).collect::<Vec<_>>(), kept);
            assert!(letters.iter().all(|(position, bytes)| *bytes == letter_of(*position)));
        }
    }
    assert!(kept.len() > 150, "more segments than are kept apart were written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_glance_shows_under_each_visibility_what_is_decided_and_no_row_twice() {
    let (mut seen, mut whole) = (0, 0);
    for seed in 40..44 {
        let world = World::new(seed, 300);
        let mut node = Node::new().await;
        node.take_all(&world.log[..200]);
        node.publish();
        node.store.commit().await.unwrap();
        node.take_all(&world.log[200..]);
        node.publish();
        let views = node.views();
        let glance = views.store().glance();
        let mut book = node.book.read().clone();
        let standing = world.standing();
        for principal in &world.principals {
            let visibility = book.visibility(principal, world.moment);
            let others: Vec<_> = (0..u32::try_from(book.patient_count()).unwrap())
                .map(consent_filter::PatientIx::from_u32)
                .filter(|ix| book.patient_ref(*ix).unwrap().facility() != &principal.facility)
                .collect();
            let shown = glance.under(&book, &visibility, &others, true);
            let mut told = std::collections::BTreeSet::new();
            for category in model::Category::ALL.iter().copied() {
                shown
                    .rows(category, |row| {
                        let line = (row.position, row.record.to_owned(), row.version, row.occurred, row.recorded);
                        assert!(told.insert(line), "a row came twice");
                        true
                    })
                    .unwrap();
                shown
                    .records(category, |position, record| {
                        whole += 1;
                        let (id, version) = (record.id.as_str().to_owned(), record.version.get());
                        let line = (position, id, version, record.occurred.micros(), record.recorded.micros());
                        assert!(told.contains(&line), "a whole record is one of the rows");
                        true
                    })
                    .unwrap();
            }
            let mut wanted = std::collections::BTreeSet::new();
            for (position, record) in &standing {
                let facts = book.facts(record);
                if book.decide(&facts, principal, world.moment).is_permit() {
                    let (id, version) = (record.id.as_str().to_owned(), record.version.get());
                    wanted.insert((*position, id, version, record.occurred.micros(), record.recorded.micros()));
                }
            }
            assert_eq!(told, wanted, "{principal:?}, seed {seed}");
            seen += told.len();
        }
    }
    assert!(seen > 100 && seen == whole, "{seen} rows, {whole} records");
}
