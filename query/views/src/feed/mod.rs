//! The feed: one facility's view as it changes.
//!
//! The pipeline tells, in order, what it put and what the book's changes touched; what was published in one act is
//! handed out in one act. A worker of its own works out for each principal that listens what appeared, changed and
//! vanished: always as the difference between what the visibility before and the visibility after show of the rows,
//! so that nobody is told of the end of something they never could see. A listener that reads too slowly is reset and
//! slows nobody. Before an item leaves it is asked of the book of that moment once more.

mod group;
mod item;
mod passing;
mod subscription;
mod touch;
mod weight;
mod worker;

pub use item::{Closing, FeedItem, FeedStart, ResetReason, Vanishing};
pub use passing::{Passing, Past};
pub use subscription::Subscription;
pub(crate) use subscription::now;
pub use touch::{TouchFeed, TouchedBy, Touches};

use crate::opening::Openings;
use crate::planted::{Bug, is};
use crate::scan::facts_of;
use crate::store::Snapshot;
use crate::{PutOutcome, Store, Witness};
use arc_swap::ArcSwap;
use consent_filter::{Audience, Book, FacilityIx, Facts, PatientIx, Touched, Visibility};
use group::GroupId;
use model::{
    CategorySet, FacilityId, Frontier, Moment, PatientNumber, PatientRef, Position, Principal, Purpose, Record,
};
use opentelemetry::metrics::{Counter, Gauge};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use worker::{Job, Newcomer, Publication, Shared, Worker};

/// The feeds of all facilities.
pub struct Feeds {
    book: Arc<RwLock<Book>>,
    registry: Mutex<Registry>,
    /// Who is told of persons that were touched.
    curious: touch::Curious,
    /// Groups that listen: the pipeline does nothing for feeds while there are none.
    listening: AtomicUsize,
    publications: mpsc::Sender<Publication>,
    /// Publications the worker has not begun with.
    waiting: Arc<AtomicUsize>,
    /// Groups the worker found nobody in.
    retired: Arc<Mutex<Vec<GroupId>>>,
    /// How far the worker has handed out.
    handed: Arc<ArcSwap<Frontier>>,
    /// Rings whenever that moves.
    bell: tokio::sync::watch::Sender<()>,
    /// Statements under way, from which permissions may be taken too.
    openings: Arc<Openings>,
    ended: AtomicBool,
    /// The worker cannot be told anything any more.
    worker_gone: AtomicBool,
    /// Rings once when the node stops.
    closed: tokio::sync::watch::Sender<bool>,
    /// Who writes down what subscriptions and statements show.
    witness: OnceLock<Arc<dyn Witness>>,
    resets: Counter<u64>,
    subscribers: Gauge<u64>,
}

/// What the pipeline's side knows: who listens, and what they saw when it was last asked.
#[derive(Default)]
struct Registry {
    groups: HashMap<FacilityIx, Vec<Group>>,
    /// The number of the last group.
    next: u64,
    /// Since the last publication, in order.
    jobs: Vec<Job>,
    /// What was put while anyone listened.
    put: Frontier,
    /// Before this no visibility changes by the clock alone, hold-backs aside; `None` where none ever does.
    due: Option<Moment>,
}

/// Listeners with one principal see the same, so it is worked out once.
struct Group {
    id: GroupId,
    principal: Principal,
    visibility: Arc<Visibility>,
    /// How many classes the visibility knows.
    classes: usize,
}

/// A version that was put, as the pipeline tells it to the feeds.
#[derive(Debug)]
pub struct Put<'a> {
    /// Its place in the log.
    pub position: Position,
    /// The record.
    pub record: &'a Arc<Record>,
    /// When the door admitted this version.
    pub admitted: Moment,
    /// Its facts, from the book the feeds were made with.
    pub facts: Facts,
    /// What the store made of it.
    pub outcome: PutOutcome,
}

/// Hold-backs are counted in days, so it is enough to look every ten minutes which have lapsed.
const HOLD_BACK_STEP: i64 = 600_000_000;

impl Feeds {
    /// Feeds over a book; starts the worker, which ends when the feeds are dropped.
    pub fn new(book: Arc<RwLock<Book>>) -> Arc<Self> {
        let (publications, arriving) = mpsc::channel();
        let retired = Arc::new(Mutex::new(Vec::new()));
        let waiting = Arc::new(AtomicUsize::new(0));
        let handed = Arc::new(ArcSwap::from_pointee(Frontier::start()));
        let bell = tokio::sync::watch::Sender::new(());
        let openings = Openings::new(book.clone());
        let worker = Worker::new(
            book.clone(),
            Shared { retired: retired.clone(), handed: handed.clone(), bell: bell.clone(), waiting: waiting.clone() },
        );
        let carried = crate::planted::carry();
        let work = move || {
            carried();
            worker.run(&arriving);
        };
        let spawned = std::thread::Builder::new().name("feeds".to_owned()).spawn(work);
        if let Err(error) = spawned {
            tracing::error!(%error, "the feeds' worker could not be started; subscriptions will end at once");
        }
        let meter = opentelemetry::global::meter("ajisai.views");
        Arc::new(Self {
            book,
            registry: Mutex::default(),
            curious: touch::Curious::default(),
            listening: AtomicUsize::new(0),
            publications,
            waiting,
            retired,
            handed,
            bell,
            openings,
            ended: AtomicBool::new(false),
            worker_gone: AtomicBool::new(false),
            closed: tokio::sync::watch::Sender::new(false),
            witness: OnceLock::new(),
            resets: meter.u64_counter("ajisai.feed.resets").with_description("listeners too slow").build(),
            subscribers: meter.u64_gauge("ajisai.feed.groups").with_description("principals that listen").build(),
        })
    }

    /// Whether anyone listens: while not, `publish` and `splice` cost nothing and need not be called.
    pub fn is_listened_to(&self) -> bool {
        self.listening.load(Ordering::Acquire) > 0
    }

    /// Whether the book permits a record to a principal at this very moment: for who keeps on a screen what a feed gave.
    pub fn permits(&self, principal: &Principal, record: &Record, moment: Moment) -> bool {
        let book = self.book.read();
        facts_of(&book, record).is_some_and(|facts| book.decide(&facts, principal, moment).is_permit())
    }

    /// Until when the clock lets a principal see what comes like this record, and for which state of the book that was said: for
    /// who keeps on a screen what a feed gave. See [`Book::lets_go_at`].
    pub fn lets_go_at(&self, principal: &Principal, record: &Record, moment: Moment) -> (Option<Moment>, u64) {
        let book = self.book.read();
        let facts = facts_of(&book, record);
        let until = facts.map_or(Some(moment), |facts| book.lets_go_at(&facts, principal, moment));
        (until, book.generation_for(&principal.facility))
    }

    /// The first moment after another at which the clock alone may take something from somebody: who asked the book whether records are
    /// permitted need not ask before, as long as its state ([`Feeds::generation_for`]) is the same. `None` where it never does.
    pub fn turns_after(&self, moment: Moment) -> Option<Moment> {
        self.book.read().next_change_after(moment)
    }

    /// What a facility calls a patient, as the column `my_patient_id` has it: by its own number, or by that of the person the
    /// patient is linked with.
    pub fn own_number(&self, facility: &FacilityId, patient: &PatientRef) -> Option<PatientNumber> {
        if patient.facility() == facility {
            return Some(patient.number().clone());
        }
        let book = self.book.read();
        let mut person = book.person_of(book.find_patient(patient)?).filter_map(|known| book.patient_ref(known));
        person.find(|known| known.facility() == facility).map(|known| known.number().clone())
    }

    /// The state of the book, as far as it concerns a principal.
    pub fn generation_for(&self, principal: &Principal) -> u64 {
        self.book.read().generation_for(&principal.facility)
    }

    /// How many principals listen.
    pub fn listeners(&self) -> usize {
        self.listening.load(Ordering::Acquire)
    }

    /// Tells of a version that was put. `audience` is whom it reaches now; `moment` is now.
    pub fn publish(&self, book: &Book, put: &Put<'_>, audience: &Audience, moment: Moment) {
        if let PutOutcome::Supersedes { previous, .. } = put.outcome {
            self.openings.replaced(book, &put.facts, previous, moment);
        }
        if matches!(put.outcome, PutOutcome::Stale | PutOutcome::Duplicate) {
            return;
        }
        let by = match put.outcome {
            PutOutcome::New => TouchedBy::Record(put.record.category()),
            _ => TouchedBy::Correction,
        };
        self.curious.record(book, put.facts.patient, by);
        if !self.is_listened_to() {
            return;
        }
        let mut registry = self.registry.lock();
        if registry.due.is_some_and(|due| due <= moment) && !is(Bug::TickForgotten) {
            // What the clock has changed comes before what is put after it.
            registry.tick(book, moment);
        }
        let Registry { groups, jobs, .. } = &mut *registry;
        let mut reached = Vec::new();
        if !matches!(put.outcome, PutOutcome::Deleted { .. }) {
            for facility in audience.reached() {
                for group in groups.get_mut(&facility.facility).into_iter().flatten() {
                    if book.decide(&put.facts, &group.principal, moment).is_permit() {
                        if group.classes < book.class_count() && !is(Bug::ClassNotLearnt) {
                            group.learn_classes(book, jobs);
                        }
                        reached.push(group.id);
                    }
                }
            }
        }
        let replaced = match put.outcome {
            PutOutcome::Supersedes { previous, version } => Some((previous, Some(version))),
            PutOutcome::Deleted { previous } => previous.map(|previous| (previous, None)),
            _ => None,
        };
        if !reached.is_empty() || replaced.is_some() {
            let (position, record, admitted) = (put.position, put.record.clone(), put.admitted);
            jobs.push(Job::Put { position, record, admitted, reached, replaced });
        }
        registry.put.include(put.position);
    }

    /// Tells of an event of the book, after it was applied and while the book is still held: from here on nothing that
    /// it took is handed out. [`Feeds::passed`] says when all that was open had passed it.
    pub fn splice(&self, book: &Book, position: Position, touched: &Touched) -> Passing {
        let passage = self.openings.touched(book, touched);
        self.curious.change(book, touched);
        let listened_to = self.is_listened_to();
        if listened_to && *touched != Touched::Nothing {
            self.tell(book, position, touched);
        }
        Passing { position, passage, listened_to }
    }

    fn tell(&self, book: &Book, position: Position, touched: &Touched) {
        if is(Bug::PartedNotTold) && matches!(touched, Touched::Person(_)) {
            return;
        }
        let mut registry = self.registry.lock();
        let mut concerned: HashMap<FacilityIx, Vec<PatientIx>> = HashMap::new();
        match touched {
            // After a person is parted the pairs of before are no longer spelled out: every listener at a facility
            // that has one of the refs is asked about all of them.
            Touched::Person(refs) => {
                for facility in refs.iter().filter_map(|patient| book.patient_source(*patient)) {
                    concerned.insert(facility, refs.clone());
                }
            }
            Touched::Patient { patient, viewers } => {
                for facility in registry.groups.keys().filter(|facility| viewers.contain(**facility)) {
                    concerned.insert(*facility, vec![*patient]);
                }
            }
            // Whole facilities changed: each listener's patients are compared one by one.
            Touched::Source(_) | Touched::Viewers(_) | Touched::Facility(_) => {
                concerned.extend(registry.groups.keys().map(|facility| (*facility, Vec::new())));
            }
            Touched::Nothing => {}
        }
        let put = Arc::new(registry.put.clone());
        let Registry { groups, jobs, due, .. } = &mut *registry;
        for (facility, patients) in concerned {
            for group in groups.get_mut(&facility).into_iter().flatten() {
                // At the moment it already has: what the clock changes beyond what was touched, `tick` finds.
                let mut new = group.visibility.as_ref().clone();
                new.refresh(book, touched);
                earlier(due, new.holds_until());
                jobs.push(group.change(book, new, (Some(position), patients.clone(), put.clone())));
            }
        }
    }

    /// Follows the clock: consents that began or ended and hold-backs that lapsed since the last time. Call it about
    /// once a second.
    pub fn tick(&self, book: &Book, moment: Moment) {
        self.openings.tick(moment);
        if !self.is_listened_to() || is(Bug::TickForgotten) {
            return;
        }
        self.registry.lock().tick(book, moment);
    }

    /// Hands out everything told so far, with the rows as `store` last published them. Call it after
    /// [`Store::publish`].
    pub fn published(&self, store: &Store) {
        self.curious.published(&store.frontier());
        if !self.is_listened_to() {
            return;
        }
        self.hand_out(store.snapshot());
    }

    fn hand_out(&self, snapshot: Arc<Snapshot>) {
        let mut registry = self.registry.lock();
        self.drop_retired(&mut registry);
        self.send(&mut registry, snapshot);
    }

    /// Sends under the lock, so that publications reach the worker in the order of their snapshots.
    fn send(&self, registry: &mut Registry, snapshot: Arc<Snapshot>) {
        let jobs = std::mem::take(&mut registry.jobs);
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if self.publications.send(Publication { jobs, snapshot }).is_err() {
            self.ended.store(true, Ordering::Release);
            self.worker_gone.store(true, Ordering::Release);
            tracing::error!("the feeds' worker has ended");
        }
    }

    /// Is told from now on who of a facility's own patients something may have happened to.
    pub fn touches(&self, store: &Store, facility: &FacilityId) -> TouchFeed {
        self.curious.about(facility.clone(), store.frontier())
    }

    /// Listens to what a principal's view shows.
    pub fn subscribe(
        self: &Arc<Self>,
        store: &Arc<Store>,
        principal: &Principal,
        start: FeedStart,
        categories: CategorySet,
    ) -> Subscription {
        Subscription::new(self.clone(), store.clone(), principal.clone(), start, categories)
    }

    /// From now on this witness writes down what is shown. Said once, before anything is; what is said again counts for
    /// nothing.
    pub fn witnessed_by(&self, witness: Arc<dyn Witness>) {
        let _first_counts = self.witness.set(witness);
    }
    /// Who writes down what is shown; `None` where nobody does, as in a room's own tests.
    pub fn witness(&self) -> Option<&Arc<dyn Witness>> {
        self.witness.get()
    }

    /// Ends every subscription after what it was already given, and those that begin from now on: the node stops, and
    /// a listener resumes elsewhere or later.
    pub fn close(&self) {
        self.ended.store(true, Ordering::Release);
        self.closed.send_replace(true);
    }

    /// Forgets the groups the worker found nobody in any more.
    fn drop_retired(&self, registry: &mut Registry) {
        for id in self.retired.lock().drain(..) {
            for groups in registry.groups.values_mut() {
                if let Some(at) = groups.iter().position(|group| group.id == id) {
                    groups.swap_remove(at);
                    let left = self.listening.fetch_sub(1, Ordering::AcqRel) - 1;
                    self.subscribers.record(left as u64, &[]);
                    registry.jobs.push(Job::Leave { id });
                }
            }
        }
    }

    /// Joins or makes the principal's group. From the publication that carries it on, the newcomer is told everything.
    fn join(&self, store: &Store, principal: &Principal, moment: Moment, newcomer: Newcomer) {
        let book = self.book.read();
        let mut registry = self.registry.lock();
        // A group retired but not yet forgotten is forgotten first: its worker's side is gone.
        self.drop_retired(&mut registry);
        let Registry { groups, jobs, next, due, .. } = &mut *registry;
        let Some(facility) = book.facility(&principal.facility) else { return };
        let at = groups.entry(facility).or_default();
        let known = at.iter().find(|group| group.principal == *principal);
        let id = match known {
            Some(group) => group.id,
            None => {
                *next += 1;
                let id = GroupId(*next);
                let visibility = Arc::new(book.visibility(principal, moment));
                earlier(due, visibility.holds_until());
                jobs.push(Job::Found { id, visibility: visibility.clone() });
                at.push(Group { id, principal: principal.clone(), visibility, classes: book.class_count() });
                let groups = self.listening.fetch_add(1, Ordering::AcqRel) + 1;
                self.subscribers.record(groups as u64, &[]);
                id
            }
        };
        let waits =
            jobs.iter().any(|job| matches!(job, Job::Put { .. } | Job::Change { .. })) || store.has_unpublished();
        jobs.push(Job::Join { id, newcomer });
        // With something put and not yet published the newcomer waits for that publication; otherwise there may be
        // none for long.
        if !waits {
            self.send(&mut registry, store.snapshot());
        }
    }

    pub(crate) fn openings(&self) -> &Arc<Openings> {
        &self.openings
    }
    /// How many statements are under way.
    pub fn statements(&self) -> usize {
        self.openings.count()
    }
    /// Whether a principal is one that sees anything at all.
    fn admits(&self, principal: &Principal, moment: Moment) -> bool {
        self.book.read().visibility(principal, moment).own().is_some()
    }

    fn handed(&self) -> Frontier {
        self.handed.load().as_ref().clone()
    }
    /// Resolves when the feeds are closed.
    async fn closed(&self) {
        // The sender lives in `self`, so that waiting cannot fail.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }
    fn have_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
    fn worker_is_gone(&self) -> bool {
        self.worker_gone.load(Ordering::Acquire)
    }
    fn count_reset(&self) {
        self.resets.add(1, &[]);
    }

    pub(crate) fn book(&self) -> &Arc<RwLock<Book>> {
        &self.book
    }
}

impl Registry {
    /// Gives each group the visibility of a moment, where the clock has changed it.
    fn tick(&mut self, book: &Book, moment: Moment) {
        let put = Arc::new(self.put.clone());
        self.due = None;
        for group in self.groups.values_mut().flatten() {
            let due = group.visibility.holds_until().is_some_and(|until| until <= moment);
            let aged = moment.since(group.visibility.moment()) >= HOLD_BACK_STEP;
            if due || aged && !group.visibility.is_current(book, moment) {
                let new = book.visibility(&group.principal, moment);
                self.jobs.push(group.change(book, new, (None, Vec::new(), put.clone())));
            }
            earlier(&mut self.due, group.visibility.holds_until());
        }
    }
}

fn earlier(due: &mut Option<Moment>, until: Option<Moment>) {
    *due = due.iter().copied().chain(until).min();
}

impl Group {
    /// Learns the classes that came since, which no row shown before has.
    fn learn_classes(&mut self, book: &Book, jobs: &mut Vec<Job>) {
        let mut new = self.visibility.as_ref().clone();
        new.refresh(book, &Touched::Nothing);
        self.visibility = Arc::new(new);
        self.classes = book.class_count();
        jobs.push(Job::Learn { id: self.id, visibility: self.visibility.clone() });
    }

    /// Takes on a new visibility; the job tells what that changes.
    fn change(
        &mut self,
        book: &Book,
        new: Visibility,
        (cause, patients, put): (Option<Position>, Vec<PatientIx>, Arc<Frontier>),
    ) -> Job {
        let new = Arc::new(new);
        let closing = self.closing(&new);
        self.visibility = new.clone();
        self.classes = book.class_count();
        Job::Change { id: self.id, new, cause, patients, closing, put }
    }

    /// Whether the permission to watch itself ends with this visibility.
    fn closing(&self, new: &Visibility) -> Option<Closing> {
        let old = &self.visibility;
        if old.own().is_some() && new.own().is_none() {
            return Some(Closing::Departed);
        }
        let glass = self.principal.purpose == Purpose::BreakGlass;
        (glass && old.patient_count() > 0 && new.patient_count() == 0).then_some(Closing::GlassClosed)
    }
}

impl std::fmt::Debug for Feeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feeds").field("listening", &self.listening.load(Ordering::Relaxed)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
