//! One world on its way through a store, as the pipeline takes it.

use super::follow::Found;
use super::mirror::{Ended, Held, Mirror, name};
use super::reference;
use super::story::{Beat, Story, dawn};
use super::world::partition;
use crate::testing::clock;
use crate::{FeedStart, Feeds, Put, Store, StoreConfig, Subscription, View, Views};
use arrow::array::{Array, Int64Array, StringArray};
use consent_filter::{Audience, Book};
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionConfig, SessionContext};
use model::*;
use parking_lot::RwLock;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How much was done: a proof over worlds in which nothing happens proves nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    pub(super) worlds: u64,
    pub(super) events: u64,
    /// Views compared.
    pub(super) views: u64,
    /// Rows of other facilities in them.
    pub(super) shared: u64,
    /// Items that feeds said.
    pub(super) told: u64,
    pub(super) commits: u64,
    pub(super) merges: u64,
    pub(super) openings: u64,
}

impl Count {
    pub(super) fn add(&mut self, other: &Self) {
        self.worlds += 1;
        self.events += other.events;
        self.views += other.views;
        self.shared += other.shared;
        self.told += other.told;
        self.commits += other.commits;
        self.merges += other.merges;
        self.openings += other.openings;
    }
}

/// One row: source, patient, record id, version, place in the log.
type Row = (String, String, String, u64, Position);

#[derive(Default)]
struct Listener {
    feed: Option<Subscription>,
    mirror: Mirror,
    /// It was sent a beginning that it has not read yet.
    resumed: bool,
}

struct Node {
    dir: tempfile::TempDir,
    store: Arc<Store>,
    book: Arc<RwLock<Book>>,
    feeds: Arc<Feeds>,
    views: Views,
}

pub(super) struct Line<'a> {
    story: &'a Story,
    node: Option<Node>,
    /// What the reference is asked of, and where each lies.
    log: Vec<Body>,
    positions: Vec<Position>,
    next: [u64; 4],
    frontier: Frontier,
    now: Moment,
    /// Events since the last publication.
    unpublished: usize,
    listeners: Vec<Listener>,
    rng: StdRng,
    pub(super) count: Count,
}

type Checked = Result<(), (&'static str, Option<usize>)>;

fn config(dir: &std::path::Path) -> StoreConfig {
    StoreConfig { merge_files: 2, ..StoreConfig::in_dir(dir) }
}

impl Node {
    async fn open(dir: tempfile::TempDir, log: &[Body], positions: &[Position]) -> Self {
        let (store, recovered) = Store::open(config(dir.path())).await.unwrap();
        let mut book = Book::new();
        for letter in recovered.book_letters {
            let (position, _) = letter.unwrap();
            let at = positions.iter().position(|held| *held == position).expect("a kept letter is one of the log's");
            let _ = book.apply(position, &log[at]);
        }
        let (store, book) = (Arc::new(store), Arc::new(RwLock::new(book)));
        let feeds = Feeds::new(book.clone());
        let views = Views::new(store.clone(), book.clone(), feeds.clone());
        let node = Self { dir, store, book, feeds, views };
        for (position, body) in positions.iter().zip(log).filter(|(at, _)| !recovered.frontier.includes(**at)) {
            node.take(*position, body, dawn());
        }
        node
    }

    fn take(&self, position: Position, body: &Body, now: Moment) {
        let mut book = self.book.write();
        if let Body::Record(record) = body {
            let facts = book.facts(record);
            let outcome = self.store.put(position, record, &facts);
            let mut audience = Audience::new();
            book.audience(&facts, now, &mut audience);
            let record = Arc::new(record.as_ref().clone());
            let put = Put { position, record: &record, admitted: now, facts, outcome };
            self.feeds.publish(&book, &put, &audience, now);
        } else {
            let applied = book.apply(position, body);
            self.store.keep_book_letter(position, bytes::Bytes::from_static(b"letter"));
            let _ = self.feeds.splice(&book, position, &applied.touched);
        }
    }
}

impl<'a> Line<'a> {
    pub(super) async fn new(story: &'a Story, seed: u64) -> Self {
        clock::say(Some(dawn()));
        let node = Node::open(tempfile::tempdir().unwrap(), &[], &[]).await;
        Self {
            story,
            node: Some(node),
            log: Vec::new(),
            positions: Vec::new(),
            next: [0; 4],
            frontier: Frontier::start(),
            now: dawn(),
            unpublished: 0,
            listeners: story.viewers.iter().map(|_| Listener::default()).collect(),
            rng: StdRng::seed_from_u64(seed),
            count: Count::default(),
        }
    }

    fn node(&self) -> &Node {
        self.node.as_ref().unwrap()
    }

    pub(super) async fn follow(&mut self) -> Option<Found> {
        for beat in 0..self.story.beats.len() {
            if let Err((law, viewer)) = self.take(beat).await {
                return Some(Found { beat, law, viewer });
            }
        }
        None
    }

    async fn take(&mut self, beat: usize) -> Checked {
        match &self.story.beats[beat] {
            Beat::Clock(moment) => {
                self.now = *moment;
                clock::say(Some(self.now));
                let node = self.node();
                node.feeds.tick(&node.book.read(), self.now);
            }
            Beat::Told(body) => {
                let position = self.position(partition(body));
                self.node().take(position, body, self.now);
                self.log.push(body.as_ref().clone());
                self.positions.push(position);
                self.count.events += 1;
            }
        }
        self.unpublished += 1;
        let last = beat + 1 == self.story.beats.len();
        // Some are published together, as letters that come close together are.
        if !last && self.rng.random_bool(0.25) {
            return Ok(());
        }
        self.publish();
        self.check().await?;
        self.unpublished = 0;
        match self.rng.random_range(0..40) {
            0..4 => {
                self.node().store.commit().await.unwrap();
                self.count.commits += 1;
                self.check().await?;
            }
            4..7 => {
                let merged = self.node().store.compact().await.unwrap();
                self.count.merges += u64::from(merged.files > 0);
                self.check().await?;
            }
            7 => {
                self.open_again().await;
                self.check().await?;
            }
            8..32 => self.listen(),
            32 => self.leave(),
            _ => {}
        }
        Ok(())
    }

    fn position(&mut self, partition: u32) -> Position {
        let offset = &mut self.next[partition as usize];
        let position = Position::new(partition, *offset);
        *offset += 1;
        self.frontier.include(position);
        position
    }

    /// Publishes, and moves the frontier on by an account of what was read, which is no business of the book: so that a
    /// heartbeat tells that everything was handed out.
    fn publish(&mut self) {
        self.position(3);
        let node = self.node();
        node.store.publish(&self.frontier).unwrap();
        node.feeds.published(&node.store);
    }

    /// Leaves the directory as a crash would, and opens it again. Listeners begin anew.
    async fn open_again(&mut self) {
        self.listeners.iter_mut().for_each(|listener| *listener = Listener::default());
        let Node { dir, store, book, feeds, views } = self.node.take().unwrap();
        drop((views, feeds, book, store));
        self.node = Some(Node::open(dir, &self.log, &self.positions).await);
        self.count.openings += 1;
        self.publish();
    }

    /// Those who do not listen and may begin to: some with history, some from now on, some where they had stopped.
    fn listen(&mut self) {
        for at in 0..self.listeners.len() {
            let viewer = &self.story.viewers[at];
            let known = self.node().book.read().facility(&viewer.facility).is_some();
            if self.listeners[at].feed.is_some() || !known || self.rng.random_bool(0.3) {
                continue;
            }
            let heard = self.listeners[at].mirror.heard.take();
            let now = self.rng.random_bool(0.2);
            let start = match heard {
                Some(frontier) => FeedStart::After(frontier),
                None if now => FeedStart::Now,
                None => FeedStart::Beginning,
            };
            // What is sent first is read when something has happened since, as by a listener who comes late.
            let resumed = !matches!(start, FeedStart::Now);
            let held = match &start {
                // What is there is known from elsewhere.
                FeedStart::Now => held(&self.wanted(at)),
                FeedStart::Beginning => Held::new(),
                FeedStart::After(_) => std::mem::take(&mut self.listeners[at].mirror.held),
            };
            let node = self.node();
            let feed = Some(node.feeds.subscribe(&node.store, viewer, start, CategorySet::all()));
            self.listeners[at] = Listener { feed, mirror: Mirror { held, ..Mirror::default() }, resumed };
        }
    }

    /// One listener goes away; they resume later.
    fn leave(&mut self) {
        let at = self.rng.random_range(0..self.listeners.len());
        self.listeners[at].feed = None;
    }

    /// What a viewer must see.
    fn wanted(&self, at: usize) -> BTreeSet<Row> {
        let viewer = &self.story.viewers[at];
        let standing = reference::standing(&self.log)
            .into_iter()
            .filter(|(_, record)| reference::decide(&self.log, &reference::sample(record), viewer, self.now).is_ok());
        let row = |(place, record): (usize, &Record)| {
            let text = |text: &str| text.to_owned();
            (
                text(record.patient.facility().as_str()),
                text(record.patient.number().as_str()),
                text(record.id.as_str()),
                record.version.get(),
                self.positions[place],
            )
        };
        standing.map(row).collect()
    }

    async fn check(&mut self) -> Checked {
        for at in 0..self.story.viewers.len() {
            let viewer = &self.story.viewers[at];
            let wanted = self.wanted(at);
            let view = self.node().views.view(viewer, self.now);
            let shown = self.shown(&view).await.map_err(|law| (law, Some(at)))?;
            self.count.views += 1;
            self.count.shared += wanted.iter().filter(|row| row.0 != viewer.facility.as_str()).count() as u64;
            if shown != wanted {
                return Err(("the rows of a view are the reference's", Some(at)));
            }
            let strict = self.unpublished <= 1;
            let Listener { feed: Some(feed), mirror, resumed } = &mut self.listeners[at] else { continue };
            let before = mirror.told;
            let ended =
                mirror.follow(feed, &self.frontier, strict && !*resumed).await.map_err(|law| (law, Some(at)))?;
            *resumed = false;
            self.count.told += mirror.told - before;
            if ended == Ended::Closed {
                self.listeners[at] = Listener::default();
                continue;
            }
            if mirror.held != held(&wanted) {
                return Err(("what a feed has said comes to the rows of the view", Some(at)));
            }
        }
        Ok(())
    }

    /// The rows a scan gives, none of them twice, each under a number of the viewer's own for the same person.
    async fn shown(&self, view: &View) -> Result<BTreeSet<Row>, &'static str> {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(3));
        let mut rows = BTreeSet::new();
        for category in [Category::Laboratory, Category::Document] {
            let plan = view.table(category).scan(&context.state(), None, &[], None).await;
            let batches = collect(plan.map_err(|_| "a scan is planned")?, context.task_ctx()).await;
            for batch in batches.map_err(|_| "a scan reads its rows")? {
                let text =
                    |name| batch.column_by_name(name).and_then(|held| held.as_any().downcast_ref::<StringArray>());
                let long =
                    |name| batch.column_by_name(name).and_then(|held| held.as_any().downcast_ref::<Int64Array>());
                let (source, patient, id) =
                    (text("source").unwrap(), text("patient_id").unwrap(), text("record_id").unwrap());
                let (mine, version) = (text("my_patient_id").unwrap(), long("version").unwrap());
                let (offset, table) = (long("position_offset").unwrap(), batch.column_by_name("position_partition"));
                let partitions =
                    table.and_then(|held| held.as_any().downcast_ref::<arrow::array::Int32Array>()).unwrap();
                for row in 0..batch.num_rows() {
                    let of = super::world::patient(source.value(row), patient.value(row));
                    let own = super::world::patient(view.principal().facility.as_str(), mine.value(row));
                    if mine.is_null(row) || !reference::person(&self.log, &of).contains(&own) {
                        return Err("a row comes with the viewer's own number for the person");
                    }
                    let position = Position::new(
                        u32::try_from(partitions.value(row)).unwrap(),
                        u64::try_from(offset.value(row)).unwrap(),
                    );
                    let text = |array: &StringArray| array.value(row).to_owned();
                    let version = u64::try_from(version.value(row)).unwrap();
                    if !rows.insert((text(source), text(patient), text(id), version, position)) {
                        return Err("no row comes twice");
                    }
                }
            }
        }
        Ok(rows)
    }
}

fn held(rows: &BTreeSet<Row>) -> Held {
    rows.iter().map(|(source, _, id, version, _)| (name(source, id), *version)).collect()
}
