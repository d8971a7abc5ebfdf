use super::{FeedItem, FeedStart, Feeds, Put, ResetReason, Subscription};
use crate::testing::world::World;
use crate::{Store, StoreConfig};
use consent_filter::{Audience, Book};
use model::{Body, Category, CategorySet, Event, Frontier, Moment, Position, Principal, Record};
use parking_lot::RwLock;
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

mod order;

/// A pipeline with feeds, at the clock's own moment: the worlds' periods are open-ended.
struct Line {
    _dir: tempfile::TempDir,
    store: Arc<Store>,
    book: Arc<RwLock<Book>>,
    feeds: Arc<Feeds>,
    frontier: Frontier,
}

fn clock() -> Moment {
    super::subscription::now().unwrap()
}

impl Line {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(StoreConfig::in_dir(dir.path())).await.unwrap();
        let book = Arc::new(RwLock::new(Book::new()));
        let feeds = Feeds::new(book.clone());
        Self { _dir: dir, store: Arc::new(store), book, feeds, frontier: Frontier::start() }
    }
    fn take(&mut self, position: Position, event: &Event) {
        self.frontier.include(position);
        let mut book = self.book.write();
        match &event.body {
            Body::Record(record) => {
                let facts = book.facts(record);
                let outcome = self.store.put(position, record, &facts);
                let mut audience = Audience::new();
                book.audience(&facts, clock(), &mut audience);
                let record = Arc::new(record.as_ref().clone());
                self.feeds.publish(
                    &book,
                    &Put { position, record: &record, admitted: clock(), facts, outcome },
                    &audience,
                    clock(),
                );
            }
            body => {
                let applied = book.apply(position, body);
                let _ = self.feeds.splice(&book, position, &applied.touched);
                self.store.keep_book_letter(position, bytes::Bytes::from_static(b"letter"));
            }
        }
    }
    fn publish(&self) {
        self.store.publish(&self.frontier).unwrap();
        self.feeds.published(&self.store);
    }
    fn listen(&self, principal: &Principal, start: FeedStart) -> Subscription {
        self.feeds.subscribe(&self.store, principal, start, CategorySet::all())
    }
}

/// A view built from nothing but a feed.
#[derive(Default)]
struct Mirror {
    records: BTreeMap<(String, String), u64>,
    resets: Vec<ResetReason>,
    historic: usize,
    live: usize,
}

fn name(record: &Record) -> (String, String) {
    (record.patient.facility().as_str().to_owned(), record.id.as_str().to_owned())
}

impl Mirror {
    /// Follows a feed while a line takes a log, which is published so many events at a time.
    async fn follow_log(
        &mut self,
        (line, feed): (&mut Line, &mut Subscription),
        log: &[(Position, Event)],
        every: usize,
    ) {
        for published in log.chunks(every) {
            published.iter().for_each(|(position, event)| line.take(*position, event));
            line.publish();
            self.follow(feed, &line.frontier).await;
        }
    }

    /// Takes in what comes until a heartbeat reaches `upto`.
    async fn follow(&mut self, feed: &mut Subscription, upto: &Frontier) -> Frontier {
        for _ in 0..100_000 {
            let item = tokio::time::timeout(Duration::from_secs(20), feed.next(Duration::from_millis(20)));
            match item.await.expect("a feed speaks").expect("a feed goes on").unwrap() {
                FeedItem::Appeared { record, historic, .. } => {
                    if historic {
                        self.historic += 1
                    } else {
                        self.live += 1
                    }
                    self.records.insert(name(&record), record.version.get());
                }
                FeedItem::Changed { record, .. } => {
                    self.records.insert(name(&record), record.version.get());
                }
                FeedItem::Vanished { record, .. } => {
                    self.records.remove(&(record.source.as_str().to_owned(), record.id.as_str().to_owned()));
                }
                FeedItem::Reset(reason) => {
                    self.resets.push(reason);
                    self.records.clear();
                }
                FeedItem::Heartbeat { frontier, .. } if frontier.covers(upto) => return frontier,
                FeedItem::Heartbeat { .. } => {}
                FeedItem::Closed(closing) => panic!("nobody departs in these worlds: {closing:?}"),
            }
        }
        panic!("the feed did not reach the frontier");
    }
}

fn wanted(world: &World, book: &Book, principal: &Principal) -> BTreeMap<(String, String), u64> {
    let mut known = book.clone();
    let standing = world.standing().into_iter().filter(|(_, record)| {
        let facts = known.facts(record);
        known.decide(&facts, principal, clock()).is_permit()
    });
    standing.map(|(_, record)| (name(record), record.version.get())).collect()
}

fn upto(world: &World, length: usize) -> World {
    World { log: world.log[..length].to_vec(), ..world.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_built_from_the_feed_alone_equals_the_fold_of_the_log() {
    let (mut historic, mut live) = (0, 0);
    let worlds = std::env::var("AJISAI_WORLDS").ok().and_then(|worlds| worlds.parse().ok()).unwrap_or(16);
    for seed in 0..worlds {
        let world = World::new(seed + 500, 260);
        let mut rng = crate::testing::rng(seed);
        let mut line = Line::new().await;
        // The directory first, so that there are facilities to listen at.
        for (position, event) in &world.log[..12] {
            line.take(*position, event);
        }
        line.publish();
        let mut followed: Vec<(Principal, Subscription, Mirror)> = Vec::new();
        for (at, (position, event)) in world.log.iter().enumerate().skip(12) {
            if at % 40 == 20 {
                for principal in world.principals.iter().filter(|who| who.facility.as_str() != "nowhere") {
                    let feed = line.listen(principal, FeedStart::Beginning);
                    followed.push((principal.clone(), feed, Mirror::default()));
                }
            }
            line.take(*position, event);
            if rng.random_range(0..6) == 0 {
                line.publish();
            }
            if at % 70 == 69 {
                line.publish();
                line.store.commit().await.unwrap();
                for (principal, feed, mirror) in &mut followed {
                    mirror.follow(feed, &line.frontier).await;
                    let wanted = wanted(&upto(&world, at + 1), &line.book.read(), principal);
                    assert_eq!(mirror.records, wanted, "seed {seed}, after {at}, {principal:?}");
                }
            }
        }
        line.publish();
        for (principal, feed, mirror) in &mut followed {
            mirror.follow(feed, &line.frontier).await;
            let wanted = wanted(&world, &line.book.read(), principal);
            assert_eq!(mirror.records, wanted, "seed {seed}, at the end, {principal:?}");
            assert!(mirror.resets.is_empty());
            (historic, live) = (historic + mirror.historic, live + mirror.live);
        }
    }
    assert!(historic > 100 && live > 100, "the histories tell something: {historic} {live}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_gives_of_the_categories_it_heeds_what_is_wanted_and_of_the_others_all() {
    let world = World::new(42, 300);
    let who = world.principals[4].clone();
    let mut line = Line::new().await;
    let heeded = [Category::Laboratory, Category::Medication].into_iter().collect::<CategorySet>();
    let is_wanted = |record: &Record| !heeded.contains(record.category()) || record.patient.number().as_str() == "001";
    let mut feed = line.listen(&who, FeedStart::Beginning);
    feed.heed(heeded, |record| record.patient.number().as_str() == "001");
    let mut mirror = Mirror::default();
    mirror.follow_log((&mut line, &mut feed), &world.log, 50).await;
    let all = wanted(&world, &line.book.read(), &who);
    let of: BTreeMap<_, _> =
        world.standing().into_iter().map(|(_, record)| (name(record), is_wanted(record))).collect();
    let expected: BTreeMap<_, _> =
        all.iter().filter(|(name, _)| of[*name]).map(|(name, at)| (name.clone(), *at)).collect();
    assert_eq!(mirror.records, expected);
    assert!(!expected.is_empty() && expected.len() < all.len(), "some were not wanted");
}

/// Records are moved from one category to another by their newer versions: by then they are no more what was asked for, or only now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_of_some_categories_gives_what_is_in_them_and_takes_back_what_is_moved_out_of_them() {
    let (world, categories) = (World::new(42, 300), [Category::Laboratory, Category::Medication]);
    for who in world.principals.iter().filter(|who| who.facility.as_str() != "nowhere") {
        let mut line = Line::new().await;
        // The directory first, so that there are facilities to listen at.
        for (position, event) in &world.log[..12] {
            line.take(*position, event);
        }
        line.publish();
        let asked = categories.into_iter().collect::<CategorySet>();
        let mut feed = line.feeds.subscribe(&line.store, who, FeedStart::Beginning, asked);
        let mut mirror = Mirror::default();
        mirror.follow_log((&mut line, &mut feed), &world.log[12..], 10).await;
        let of: BTreeMap<_, _> =
            world.standing().into_iter().map(|(_, record)| (name(record), record.category())).collect();
        let all = wanted(&world, &line.book.read(), who);
        let expected: BTreeMap<_, _> =
            all.iter().filter(|(name, _)| asked.contains(of[*name])).map(|(name, at)| (name.clone(), *at)).collect();
        assert_eq!(mirror.records, expected, "{who:?}");
    }
    let mut seen: BTreeMap<_, BTreeSet<Category>> = BTreeMap::new();
    for (_, event) in &world.log {
        if let Body::Record(record) = &event.body {
            seen.entry(name(record)).or_default().insert(record.category());
        }
    }
    let moved = |of: &BTreeSet<Category>| of.len() > 1 && categories.iter().any(|category| of.contains(category));
    assert!(seen.values().filter(|of| moved(of)).count() > 3, "some are moved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_resumed_at_a_heartbeat_misses_nothing() {
    let world = World::new(42, 300);
    let who = world.principals[4].clone();
    let mut line = Line::new().await;
    for (position, event) in &world.log[..150] {
        line.take(*position, event);
    }
    line.publish();
    let mut mirror = Mirror::default();
    let mut feed = line.listen(&who, FeedStart::Beginning);
    let heard = mirror.follow(&mut feed, &line.frontier).await;
    drop(feed);
    for (position, event) in &world.log[150..] {
        line.take(*position, event);
        line.publish();
    }
    let mut feed = line.listen(&who, FeedStart::After(heard));
    mirror.follow(&mut feed, &line.frontier).await;
    assert!(mirror.resets.is_empty(), "the ring remembered");
    let wanted = wanted(&world, &line.book.read(), &who);
    assert!(!wanted.is_empty());
    assert_eq!(mirror.records, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_resumed_from_before_what_is_remembered_is_reset_and_sent_whole() {
    let world = World::new(43, 200);
    let who = world.principals[4].clone();
    let mut line = Line::new().await;
    world.log.iter().for_each(|(position, event)| line.take(*position, event));
    line.publish();
    let mut mirror = Mirror::default();
    mirror.records.insert(("alpha-hospital".to_owned(), "stale".to_owned()), 1);
    let mut feed = line.listen(&who, FeedStart::After(Frontier::start()));
    mirror.follow(&mut feed, &line.frontier).await;
    assert_eq!(mirror.resets, [ResetReason::Forgotten]);
    assert_eq!(mirror.records, wanted(&world, &line.book.read(), &who));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_at_an_unknown_facility_hears_the_end() {
    let world = World::new(44, 40);
    let line = Line::new().await;
    let mut feed = line.listen(&world.principals[5], FeedStart::Beginning);
    assert!(feed.next(Duration::from_millis(50)).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_of_a_node_that_stops_hears_the_end_after_all_it_was_given() {
    let world = World::new(45, 60);
    let mut line = Line::new().await;
    world.log.iter().for_each(|(position, event)| line.take(*position, event));
    line.publish();
    let who = world.principals.iter().find(|who| !wanted(&world, &line.book.read(), who).is_empty()).unwrap().clone();
    let mut feed = line.listen(&who, FeedStart::Beginning);
    let mut mirror = Mirror::default();
    mirror.follow(&mut feed, &line.frontier).await;
    assert_eq!(mirror.records, wanted(&world, &line.book.read(), &who));
    let waits = tokio::spawn(async move { feed.next(Duration::from_secs(60)).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    line.feeds.close();
    let ended = tokio::time::timeout(Duration::from_secs(5), waits).await.unwrap().unwrap();
    assert!(ended.is_none(), "{ended:?}");
    assert!(line.listen(&who, FeedStart::Now).next(Duration::from_secs(60)).await.is_none(), "nobody begins anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_whose_member_leaves_is_told_what_vanished_and_is_closed_in_the_same_publication() {
    let mut closed = 0;
    for seed in 0..6 {
        let world = World::new(seed + 900, 260);
        let mut line = Line::new().await;
        for (position, event) in &world.log {
            line.take(*position, event);
        }
        line.publish();
        for principal in world.principals.iter().filter(|principal| principal.member.is_some()) {
            let mut feed = line.feeds.subscribe(&line.store, principal, FeedStart::Beginning, CategorySet::all());
            let mut mirror = Mirror::default();
            mirror.follow(&mut feed, &line.frontier).await;
            let member = line.book.read().member(principal.member.as_ref().unwrap()).cloned();
            let Some(member) =
                member.filter(|member| !mirror.records.is_empty() && member.facility == principal.facility)
            else {
                continue;
            };
            let left = model::Period::new(None, Some(world.moment)).unwrap();
            let body = Body::Directory(model::DirectoryChange::Member(model::Member { period: left, ..member }));
            let at = Position::new(0, line.frontier.next(model::PartitionId::CONTROL).0);
            let key = world.log[0].1.key.clone();
            line.take(at, &Event { key, admitted_at: clock(), body });
            line.publish();
            let mut before_the_end = Vec::new();
            loop {
                let item = tokio::time::timeout(Duration::from_secs(20), feed.next(Duration::from_secs(20)));
                match item.await.expect("a feed speaks").expect("the end is said").unwrap() {
                    FeedItem::Vanished { record, position, .. } => {
                        assert_eq!(position, Some(at));
                        mirror.records.remove(&(record.source.as_str().to_owned(), record.id.as_str().to_owned()));
                        before_the_end.push(record);
                    }
                    FeedItem::Closed(closing) => {
                        assert_eq!(closing, super::Closing::Departed);
                        break;
                    }
                    other => panic!("nothing else is said: {other:?}"),
                }
            }
            assert!(mirror.records.is_empty() && !before_the_end.is_empty(), "everything vanished before the end");
            assert!(feed.next(Duration::from_millis(10)).await.is_none(), "nothing comes after the end");
            closed += 1;
        }
    }
    assert!(closed > 0, "somebody left");
}
