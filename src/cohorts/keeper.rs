//! One principal's rolls, and the task that keeps them.

use super::definitions::{Limits, limits};
use super::events::{Event, Events, Since};
use super::permissions::Permissions;
use crate::app::BookDirectory;
use crate::identity::{DirectoryCheck, Standing};
use crate::pipeline::{Clock, Rooms};
use clinical::diabetes::Tables;
use clinical::diabetes::cohort::{Cause, Cohort, Membership, Roll};
use clinical::lab::Sites;
use model::{AuditOutcome, Category, Frontier, Moment, PatientNumber, Principal};
use parking_lot::RwLock;
use query::Persons;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use views::{Account, Asked, TouchFeed, TouchedBy, Touches, View, Views};

/// The facts of so many persons are remembered, to say what happened to them.
const REMEMBERED: usize = 4_096;
/// How often the clock is asked what it changed, and what facilities have stated.
const TICK: Duration = Duration::from_millis(500);
/// How often everybody is looked at again in passing, whatever was told.
const SWEEP: Duration = Duration::from_secs(6 * 3600);
/// How often a keeper's reading is written into the ledger.
const TELLING: Duration = Duration::from_secs(60);

/// Why a keeper has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closed {
    /// The facility or the person no longer takes part.
    Departed,
    /// The node stops, or nobody asked any more.
    LetGo,
    /// The view could not be read.
    Failed,
}

/// One principal's rolls.
pub struct Keeper {
    principal: Principal,
    only: Option<Cohort>,
    state: RwLock<State>,
    bell: watch::Sender<u64>,
    stop: CancellationToken,
}

struct State {
    /// Goes up when the cohorts themselves change: what was told before counts for nothing.
    life: u64,
    roll: Roll<PatientNumber>,
    /// Whether everybody was looked at once.
    ready: bool,
    events: Events,
    frontier: Frontier,
    closed: Option<Closed>,
}

/// A look at one cohort of a keeper.
#[derive(Debug)]
pub struct Look {
    /// The keeper's life and the last event that this takes in.
    pub at: (u64, u64),
    /// Everything before this was looked at.
    pub frontier: Frontier,
    /// Its place among the keeper's cohorts.
    pub cohort: usize,
    /// Who is in it.
    pub members: Vec<(PatientNumber, Membership)>,
}

/// What came after a look.
#[derive(Debug)]
pub struct Came {
    /// Who entered and left, of each person the last.
    pub events: Vec<Event>,
    /// The keeper's life and the last event that this takes in.
    pub at: (u64, u64),
    /// Everything before this was looked at.
    pub frontier: Frontier,
    /// How many are in it.
    pub members: u64,
}

impl Keeper {
    pub(super) fn new(principal: Principal, only: Option<Cohort>, stop: CancellationToken) -> Arc<Self> {
        let state = State {
            life: 0,
            roll: Roll::new(Vec::new(), Tables::shared(), 0),
            ready: false,
            events: Events::default(),
            frontier: Frontier::start(),
            closed: None,
        };
        Arc::new(Self { principal, only, state: RwLock::new(state), bell: watch::Sender::new(0), stop })
    }

    /// Ends it.
    pub(super) fn let_go(&self) {
        self.stop.cancel();
    }
    /// Why it has ended; `None` while it goes on.
    pub fn closed(&self) -> Option<Closed> {
        self.state.read().closed
    }
    /// Whether somebody waits for its bell.
    pub fn is_watched(&self) -> bool {
        self.bell.receiver_count() > 0
    }
    /// Rings when something may have changed.
    pub fn bell(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// A cohort as it stands; `None` while not everybody was looked at, or where there is no such cohort.
    pub fn look(&self, name: &str) -> Option<Look> {
        let state = self.state.read();
        let cohort = state.roll.cohorts().iter().position(|one| one.key == name).filter(|_| state.ready)?;
        let members = state.roll.members(cohort).map(|(number, one)| (number.clone(), one.clone())).collect();
        let at = (state.life, state.events.last());
        Some(Look { at, frontier: state.frontier.clone(), cohort, members })
    }

    /// Whether a cohort is among those kept; `None` while that is not known.
    pub fn has(&self, name: &str) -> Option<bool> {
        let state = self.state.read();
        state.ready.then(|| state.roll.cohorts().iter().any(|one| one.key == name))
    }

    /// How one person is in a cohort.
    pub fn membership(&self, name: &str, number: &PatientNumber) -> Option<Membership> {
        let state = self.state.read();
        let cohort = state.roll.cohorts().iter().position(|one| one.key == name)?;
        state.roll.membership(cohort, number).cloned()
    }

    /// What came after a look; `None` where that is no longer remembered, or the cohorts themselves have changed.
    pub fn since(&self, at: (u64, u64), cohort: usize) -> Option<Came> {
        let state = self.state.read();
        if at.0 != state.life {
            return None;
        }
        let events = state.events.since(at.1, cohort)?;
        let members = state.roll.count_members(cohort);
        let at = (state.life, state.events.last());
        Some(Came { events, at, frontier: state.frontier.clone(), members })
    }

    /// Where a watcher goes on that was told everything before a frontier; `None` where that is not known.
    pub fn resume(&self, after: &Frontier) -> Option<(u64, u64)> {
        let state = self.state.read();
        match state.events.after(after) {
            Since::Event(number) if state.ready => Some((state.life, number)),
            _ => None,
        }
    }

    fn ring(&self) {
        self.bell.send_modify(|rung| *rung += 1);
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("facility", &self.principal.facility).finish_non_exhaustive()
    }
}

/// The view could not be read.
struct Unreadable;

// === the task ===

/// Keeps a keeper's rolls.
pub(super) struct Worker {
    keeper: Arc<Keeper>,
    rooms: Rooms,
    views: Arc<Views>,
    clock: Clock,
    directory: BookDirectory,
    touches: TouchFeed,
    /// Who is to be looked at, and what happened to them.
    pending: BTreeMap<PatientNumber, Option<Cause>>,
    /// Who is to be looked at in passing.
    sweep: VecDeque<PatientNumber>,
    /// What happened where the sweep is because of something.
    sweep_for: Option<Cause>,
    swept: Instant,
    /// Everything up to here is looked at when nobody is left to be.
    reaches: Frontier,
    permissions: Permissions,
    sites: Arc<Sites>,
    limits: Limits,
    account: Option<Account>,
    begun: Instant,
    told: Instant,
}

impl Worker {
    pub(super) fn new(keeper: &Arc<Keeper>, rooms: Rooms, views: Arc<Views>, clock: Clock) -> Self {
        let touches = views.feeds().touches(views.store(), &keeper.principal.facility);
        let directory = BookDirectory::new(Arc::clone(&rooms.book));
        let (sites, now) = (rooms.register.sites(), Instant::now());
        let limits = limits(&rooms.register.definitions(), &keeper.principal.facility);
        Self {
            keeper: Arc::clone(keeper),
            rooms,
            views,
            clock,
            directory,
            touches,
            pending: BTreeMap::new(),
            sweep: VecDeque::new(),
            sweep_for: None,
            swept: now,
            reaches: Frontier::start(),
            permissions: Permissions::default(),
            sites,
            limits,
            account: None,
            begun: now,
            told: now,
        }
    }

    /// Until it is let go, or its principal departs.
    pub(super) async fn run(mut self) {
        let stop = self.keeper.stop.clone();
        let closed = tokio::select! {
            closed = self.keep() => closed,
            () = stop.cancelled() => Closed::LetGo,
        };
        self.keeper.state.write().closed = Some(closed);
        self.keeper.ring();
        if let Some(account) = self.account.take() {
            account.end(if closed == Closed::Departed { AuditOutcome::Closed } else { AuditOutcome::Completed });
        }
    }

    async fn keep(&mut self) -> Closed {
        let mut ticked: Option<Instant> = None;
        loop {
            let now = (self.clock)();
            if ticked.is_none_or(|ticked| ticked.elapsed() >= TICK) {
                if self.directory.standing(&self.keeper.principal, now) != Standing::Good {
                    return Closed::Departed;
                }
                self.tick(now);
                ticked = Some(Instant::now());
            }
            let touches = self.touches.take();
            self.take(touches);
            let due = self.keeper.state.read().roll.due(now, Persons::at_once());
            for number in due {
                self.pending.entry(number).or_insert(None);
            }
            let batch = self.batch();
            if batch.is_empty() {
                self.rest();
                let next = self.keeper.state.read().roll.next_due();
                let wait = next.map_or(TICK, |next| micros(next.since(now)).min(TICK));
                tokio::select! {
                    () = self.touches.touched() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            } else if self.look(batch, now).await.is_err() {
                // the engine's own words may name a patient
                tracing::error!(facility = %self.keeper.principal.facility, "a view cannot be read: cohorts are no longer kept up");
                return Closed::Failed;
            }
        }
    }

    /// Takes in who was touched.
    fn take(&mut self, touches: Touches) {
        let Touches { persons, everybody, frontier, .. } = touches;
        for (number, by) in persons {
            let cause = cause_of(by);
            let known = self.pending.entry(number).or_insert(Some(cause));
            *known = Some(known.map_or(cause, |known| known.min(cause)));
        }
        if let Some(by) = everybody {
            self.everybody(Some(cause_of(by)));
        }
        self.reaches = frontier;
    }

    /// Everybody is to be looked at: whom the view may show, and whom the rolls know.
    fn everybody(&mut self, because: Option<Cause>) {
        let mut all: BTreeSet<PatientNumber> = self.keeper.state.read().roll.persons().cloned().collect();
        all.extend(self.persons((self.clock)()).numbers());
        self.sweep = all.into_iter().collect();
        self.sweep_for = because;
        self.swept = Instant::now();
    }

    /// Who is looked at next: those to whom something happened before those in passing.
    fn batch(&mut self) -> Vec<(PatientNumber, Option<Cause>)> {
        let mut batch = Vec::new();
        while batch.len() < Persons::at_once() {
            let Some(next) = self.pending.pop_first() else { break };
            batch.push(next);
        }
        if batch.is_empty() {
            let many = self.sweep.len().min(Persons::at_once());
            batch.extend(self.sweep.drain(..many).map(|number| (number, self.sweep_for)));
        }
        batch
    }

    /// Nobody is left to be looked at.
    fn rest(&mut self) {
        let mut state = self.keeper.state.write();
        let is_news = !state.ready || state.frontier != self.reaches;
        state.ready = true;
        state.frontier.clone_from(&self.reaches);
        let frontier = state.frontier.clone();
        state.events.mark(&frontier);
        drop(state);
        if is_news {
            self.keeper.ring();
        }
        if let Some(account) = &mut self.account {
            account.reached(&self.reaches, self.begun.elapsed().as_secs());
            if self.told.elapsed() >= TELLING {
                self.told = Instant::now();
                // handing it over is enough
                drop(account.so_far());
            }
        }
    }

    fn persons(&self, now: Moment) -> Persons {
        self.persons_of(self.views.view(&self.keeper.principal, now))
    }

    fn persons_of(&self, view: View) -> Persons {
        let facility = self.keeper.principal.facility.clone();
        Persons::of(Arc::new(view), facility, Arc::clone(&self.sites)).asking(self.limits.asks.clone())
    }

    /// Looks at some persons through the principal's view.
    async fn look(&mut self, batch: Vec<(PatientNumber, Option<Cause>)>, now: Moment) -> Result<(), Unreadable> {
        let principal = &self.keeper.principal;
        let view = self.views.view(principal, now);
        let (tally, frontier) = (Arc::clone(view.tally()), view.frontier().clone());
        let persons = self.persons_of(view);
        let numbers: Vec<PatientNumber> = batch.iter().map(|(number, _)| number.clone()).collect();
        let read = persons.read(&numbers, Arc::default()).await.map_err(|_| Unreadable)?;
        if self.account.is_none()
            && let Some(witness) = self.views.feeds().witness()
        {
            let reading = witness.begin(principal, Asked::Feed("cohorts"), &frontier, now);
            self.account = Some(Account::open(Arc::clone(witness), reading));
        }
        if let Some(account) = &mut self.account {
            account.all_rows(&tally);
            if account.is_full() {
                // handing it over is enough
                drop(account.so_far());
            }
        }
        let mut found: BTreeMap<PatientNumber, _> =
            read.persons.into_iter().map(|person| (person.number, person.facts)).collect();
        let mut rang = false;
        let mut state = self.keeper.state.write();
        let State { roll, events, ready, .. } = &mut *state;
        for (number, hint) in batch {
            for turned in roll.look(&number, found.remove(&number), now, hint) {
                // who is in at the beginning has not entered
                if *ready {
                    let (cohort, step, cause) = (turned.cohort, turned.step, turned.cause);
                    let (number, membership) = (number.clone(), turned.membership);
                    events.push(Event { cohort, number, step, cause, at: now, membership });
                    rang = true;
                }
            }
        }
        drop(state);
        if rang {
            self.keeper.ring();
        }
        Ok(())
    }

    /// What changed without anybody being touched: definitions, laboratories' tables, permissions by the clock.
    fn tick(&mut self, now: Moment) {
        let definitions = self.rooms.register.definitions();
        let facility = &self.keeper.principal.facility;
        let limits = limits(&definitions, facility);
        let other_limits = limits != self.limits;
        self.limits = limits;
        let cohorts = match &self.keeper.only {
            Some(cohort) => vec![cohort.clone()],
            None => definitions.cohorts(facility).iter().filter_map(|one| one.file.typed().cloned()).collect(),
        };
        let sites = self.rooms.register.sites();
        let read_anew = !Arc::ptr_eq(&sites, &self.sites);
        self.sites = sites;
        let begins = self.permissions.is_new();
        let by_clock = self.permissions.turned(&self.rooms.book.read(), &self.keeper.principal, now);
        let mut state = self.keeper.state.write();
        if begins || other_limits || state.roll.cohorts() != cohorts.as_slice() {
            state.life += 1;
            state.roll = Roll::new(cohorts, Arc::clone(&self.limits.tables), REMEMBERED);
            state.events = Events::default();
            state.ready = false;
            drop(state);
            self.everybody(None);
            return;
        }
        drop(state);
        if read_anew {
            self.everybody(Some(Cause::Correction));
        } else if self.swept.elapsed() >= SWEEP && self.sweep.is_empty() {
            self.everybody(None);
        }
        for number in by_clock {
            self.pending.insert(number, Some(Cause::Consent));
        }
    }
}

const fn cause_of(by: TouchedBy) -> Cause {
    match by {
        TouchedBy::Link => Cause::Link,
        TouchedBy::Permission => Cause::Consent,
        TouchedBy::Correction => Cause::Correction,
        TouchedBy::Record(category) => match category {
            Category::Laboratory | Category::VitalSign => Cause::Result,
            Category::Medication => Cause::Drug,
            Category::Condition => Cause::Diagnosis,
            Category::Encounter => Cause::Visit,
            Category::Patient => Cause::Person,
            _ => Cause::Observation,
        },
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
