//! The feeds' worker: a thread that turns what the pipeline told into what each group is told.

use super::group::{First, GroupId, Listeners, Message, Pulse, remember};
use super::weight::weight;
use super::{Closing, FeedItem, FeedStart, ResetReason, Vanishing};
use crate::StoreError;
use crate::planted::{Bug, is};
use crate::rows::{DeadSet, RowKey};
use crate::scan::{Sight, facts_at, records};
use crate::store::Snapshot;
use arc_swap::ArcSwap;
use consent_filter::{Book, PatientIx, Visibility};
use model::{Category, Frontier, Moment, Position, Record, RecordRef, Version};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// What was told since the publication before, in order, and the rows as they were then published.
pub(super) struct Publication {
    pub(super) jobs: Vec<Job>,
    pub(super) snapshot: Arc<Snapshot>,
}

/// One thing to work out.
pub(super) enum Job {
    /// A new group.
    Found { id: GroupId, visibility: Arc<Visibility> },
    /// A group nobody is in.
    Leave { id: GroupId },
    /// A listener joins at the end of the publication.
    Join { id: GroupId, newcomer: Newcomer },
    /// A group's visibility knows more classes; nothing shown changes.
    Learn { id: GroupId, visibility: Arc<Visibility> },
    /// A group's visibility changed, for these patients; for any where none is named.
    /// `closing` where the permission to watch ended with it.
    Change {
        id: GroupId,
        new: Arc<Visibility>,
        cause: Option<Position>,
        patients: Vec<PatientIx>,
        closing: Option<Closing>,
        /// What had been put when it changed: rows that were put later are none of it.
        put: Arc<Frontier>,
    },
    /// A version was put: whom it reaches, and what it replaced (with the version, unless it is a deletion).
    Put {
        position: Position,
        record: Arc<Record>,
        admitted: Moment,
        reached: Vec<GroupId>,
        replaced: Option<(Position, Option<Version>)>,
    },
}

/// Someone who begins to listen.
pub(super) struct Newcomer {
    pub(super) start: FeedStart,
    pub(super) sender: mpsc::Sender<Message>,
    pub(super) pulse: Arc<Pulse>,
}

/// What the worker shares with the pipeline's side. No lock of it is held while another is taken.
pub(super) struct Shared {
    /// Groups that are to be forgotten.
    pub(super) retired: Arc<Mutex<Vec<GroupId>>>,
    /// How far was handed out.
    pub(super) handed: Arc<ArcSwap<Frontier>>,
    /// Rings whenever that moves.
    pub(super) bell: watch::Sender<()>,
    /// Publications not begun with.
    pub(super) waiting: Arc<AtomicUsize>,
}

pub(super) struct Worker {
    book: Arc<RwLock<Book>>,
    shared: Shared,
    groups: HashMap<GroupId, Listeners>,
    /// What is dead at the place the work has come to: between two publications it grows with each version replaced, so
    /// that a change of permissions is worked out over the rows as they were when it came.
    dead: DeadSet,
    /// How far the publication before reached.
    handed: Frontier,
    swept_at: Instant,
    items: Counter<u64>,
}

/// With more publications waiting than this, working them off one by one would take longer than beginning anew.
const WAITING: usize = 1024;

/// About so many bytes are remembered in all groups together: at a thousand beds of eight channels the last minute, of what comes as
/// seldom as results do far more than a group remembers anyway.
const HELD: usize = 256 << 20;

/// A group stays this long after its last listener, for those who resume.
const PATIENCE: Duration = Duration::from_secs(300);

impl Worker {
    pub(super) fn new(book: Arc<RwLock<Book>>, shared: Shared) -> Self {
        let meter = opentelemetry::global::meter("ajisai.views");
        Self {
            book,
            shared,
            groups: HashMap::new(),
            dead: DeadSet::default(),
            handed: Frontier::start(),
            swept_at: Instant::now(),
            items: meter.u64_counter("ajisai.feed.items").with_description("items told to groups, by kind").build(),
        }
    }

    /// Works until the feeds are dropped.
    pub(super) fn run(mut self, publications: &Receiver<Publication>) {
        while let Ok(publication) = publications.recv() {
            self.work(publication);
        }
    }

    fn work(&mut self, publication: Publication) {
        let Publication { jobs, snapshot } = publication;
        if self.shared.waiting.fetch_sub(1, Ordering::AcqRel) > WAITING && !self.groups.is_empty() {
            tracing::warn!(waiting = WAITING, "the feeds cannot follow; every listener begins anew");
            self.retire_all();
        }
        let (mut newcomers, mut closings) = (Vec::new(), Vec::new());
        for job in jobs {
            let result = match job {
                Job::Found { id, visibility } => {
                    if self.groups.is_empty() {
                        // Nothing was handed out while nobody listened; what died meanwhile nobody here saw alive.
                        self.dead = snapshot.dead.clone();
                        self.handed.clone_from(&snapshot.frontier);
                    }
                    self.groups.insert(id, Listeners::new(visibility, snapshot.frontier.clone()));
                    Ok(())
                }
                Job::Leave { id } => {
                    self.groups.remove(&id);
                    Ok(())
                }
                Job::Join { id, newcomer } => {
                    newcomers.push((id, newcomer));
                    Ok(())
                }
                Job::Learn { id, visibility } => {
                    if let Some(group) = self.groups.get_mut(&id) {
                        group.visibility = visibility;
                    }
                    Ok(())
                }
                Job::Change { id, new, cause, patients, closing, put } => {
                    closings.extend(closing.map(|closing| (id, closing)));
                    self.change(&snapshot, id, new, (cause, patients, &put))
                }
                Job::Put { position, record, admitted, reached, replaced } => {
                    self.put(&snapshot, (position, &record, admitted), &reached, replaced)
                }
            };
            if let Err(error) = result {
                // Told to nobody what could not be worked out: everyone begins anew and sees what is.
                tracing::error!(%error, "a change of a feed could not be worked out; its listeners begin anew");
                self.retire_all();
            }
        }
        self.dead = snapshot.dead.clone();
        self.handed.clone_from(&snapshot.frontier);
        for group in self.groups.values_mut() {
            group.reached(&snapshot.frontier);
        }
        remember(&mut self.groups, HELD);
        for (id, closing) in closings {
            // What vanished with the permission was said above.
            if let Some(group) = self.groups.remove(&id) {
                group.close(closing);
                self.shared.retired.lock().push(id);
            }
        }
        for (id, newcomer) in newcomers {
            self.welcome(&snapshot, id, newcomer);
        }
        self.shared.handed.store(Arc::new(snapshot.frontier.clone()));
        self.shared.bell.send_modify(|()| ());
        self.sweep();
    }

    /// Lets every listener go: their subscriptions begin anew with a reset, from the rows as they then are.
    fn retire_all(&mut self) {
        self.shared.retired.lock().extend(self.groups.drain().map(|(id, _)| id));
    }

    /// A newcomer hears of everything after this publication, and first of what they asked for.
    fn welcome(&mut self, snapshot: &Arc<Snapshot>, id: GroupId, newcomer: Newcomer) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let whole = Some((snapshot.clone(), group.visibility.clone()));
        let frontier: Frontier = snapshot.frontier.clone();
        let first = match newcomer.start {
            FeedStart::Beginning => First { whole, reset: None, replay: Vec::new(), frontier },
            FeedStart::Now => First { whole: None, reset: None, replay: Vec::new(), frontier },
            FeedStart::After(after) => match group.since(&after) {
                Some(replay) => First { whole: None, reset: None, replay, frontier },
                None => First { whole, reset: Some(ResetReason::Forgotten), replay: Vec::new(), frontier },
            },
        };
        group.welcome((newcomer.sender, newcomer.pulse), first);
    }

    fn put(
        &mut self,
        snapshot: &Snapshot,
        (position, record, admitted): (Position, &Arc<Record>, Moment),
        reached: &[GroupId],
        replaced: Option<(Position, Option<Version>)>,
    ) -> Result<(), StoreError> {
        if self.groups.is_empty() {
            return Ok(());
        }
        let (category, admitted) = (record.category(), Some(admitted));
        let before = match replaced {
            Some((previous, _)) => {
                Arc::make_mut(&mut self.dead.recent).insert(RowKey::of(previous).0);
                facts_at(snapshot, &self.book.read(), previous)?
            }
            None => None,
        };
        // A viewer who is not to see the newer version is not told what it is of either.
        let was = before.and_then(|facts| Some(self.book.read().scope_class(facts.class)?.category));
        let was = was.unwrap_or(category);
        for (id, group) in &mut self.groups {
            let shown = before.is_some_and(|facts| group.visibility.permits(&facts));
            let (item, kind) = match (reached.contains(id), shown, replaced.and_then(|(_, version)| version)) {
                (true, true, Some(superseded)) if !is(Bug::ChangeTakenForNew) => (
                    FeedItem::Changed { position, record: record.clone(), admitted, superseded, was, historic: false },
                    "changed",
                ),
                (true, ..) => {
                    let position = Some(position);
                    (FeedItem::Appeared { position, record: record.clone(), admitted, historic: false }, "appeared")
                }
                (false, true, Some(_)) if is(Bug::SupersededStays) => continue,
                (false, true, None) if is(Bug::DeletedStays) => continue,
                (false, true, version) => {
                    let reason = if version.is_some() { Vanishing::Superseded } else { Vanishing::Deleted };
                    let (record, position) = (record.reference(), Some(position));
                    (FeedItem::Vanished { record, category: was, reason, position }, "vanished")
                }
                (false, false, _) => continue,
            };
            self.items.add(1, &[KeyValue::new("kind", kind)]);
            let heavy = weight(&item, reached.len());
            group.say(item, heavy);
        }
        Ok(())
    }

    /// Tells a group the difference between what it saw and what it sees.
    fn change(
        &mut self,
        snapshot: &Snapshot,
        id: GroupId,
        new: Arc<Visibility>,
        (cause, patients, put): (Option<Position>, Vec<PatientIx>, &Frontier),
    ) -> Result<(), StoreError> {
        let Some(group) = self.groups.get_mut(&id) else { return Ok(()) };
        let old = std::mem::replace(&mut group.visibility, new.clone());
        if is(Bug::StaleVisibilityKept) {
            group.visibility = old.clone();
        }
        let (before, after) = {
            let book = self.book.read();
            let patients = if patients.is_empty() { old.differing(&new) } else { patients };
            let own = old.own().is_some() != new.own().is_some();
            (Sight::of(&book, old, &patients, own), Sight::of(&book, new, &patients, own))
        };
        let (mut appeared, mut vanished) = (Vec::new(), Vec::new());
        let had_come = |position| self.handed.includes(position) || put.includes(position);
        for category in Category::ALL.iter().copied() {
            let mut was: HashMap<u128, RecordRef> = HashMap::new();
            records(&before, snapshot, &self.dead, category, |position, record| {
                if had_come(position) {
                    let reference = record.reference();
                    was.insert(reference.digest(), reference);
                }
                true
            })?;
            records(&after, snapshot, &self.dead, category, |position, record| {
                if had_come(position) && was.remove(&record.reference().digest()).is_none() {
                    appeared.push((record.occurred, position, Arc::new(record)));
                }
                true
            })?;
            vanished.extend(was.into_values().map(|record| (record, category)));
        }
        // In the order of what happened to the patient, and in none that tells how rows lie in files: that follows from
        // other rows as well, which this viewer may not see.
        appeared.sort_unstable_by_key(|(occurred, position, _)| (*occurred, *position));
        vanished.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (record, category) in vanished {
            if !is(Bug::MissedRetraction) {
                self.items.add(1, &[KeyValue::new("kind", "vanished")]);
                let item = FeedItem::Vanished { record, category, reason: Vanishing::Withheld, position: cause };
                let heavy = weight(&item, 1);
                group.say(item, heavy);
            }
        }
        for (_, _, record) in appeared {
            if !is(Bug::MissedSplice) {
                self.items.add(1, &[KeyValue::new("kind", "historic")]);
                let item = FeedItem::Appeared { position: cause, record, admitted: None, historic: true };
                let heavy = weight(&item, 1);
                group.say(item, heavy);
            }
        }
        Ok(())
    }

    /// Lets go of groups nobody has listened to for long.
    fn sweep(&mut self) {
        if self.swept_at.elapsed() < Duration::from_secs(5) {
            return;
        }
        self.swept_at = Instant::now();
        let mut retired = self.shared.retired.lock();
        let deserted = |(id, group): (&GroupId, &mut Listeners)| group.is_deserted(PATIENCE).then_some(*id);
        retired.extend(self.groups.iter_mut().filter_map(deserted));
    }
}
