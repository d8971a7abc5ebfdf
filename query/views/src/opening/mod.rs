//! The views that are open: statements under way, and what becomes of them when a permission ends.
//!
//! A statement runs over one visibility and one snapshot. When an event or the clock takes rows from its principal, it
//! must not show one further batch of them. The pipeline, after it applied an event and before it lets go of the book,
//! puts in doubt those open views that the event may take something from; for it that is a look at each of them, no row
//! is read. A view in doubt shows nothing until a thread beside has found out whether a row of it is gone. If one is,
//! the view has ended; if none is, it goes on, and whoever lost nothing noticed nothing.

mod judge;
mod passage;

pub use passage::{Passage, Passed};

use crate::scan::Sight;
use crate::store::Snapshot;
use consent_filter::{Book, FacilityIx, Facts, Touched};
use judge::{About, Doubt, Judge};
use model::{Moment, Position, Principal};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::task::{Context, Poll, Waker};
use tokio::sync::Notify;

pub(crate) use crate::feed::now;

/// How rows leave by a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taking {
    /// Somebody looks at them.
    Query,
    /// They are taken away in bulk.
    Export,
}

/// All views that are open.
pub(crate) struct Openings {
    open: Mutex<HashMap<u64, Weak<Opening>>>,
    count: AtomicUsize,
    next: AtomicU64,
    doubts: mpsc::Sender<Doubt>,
    moment: Arc<AtomicI64>,
}

/// One view that is open. Ask it before anything is handed out.
pub struct Opening {
    number: u64,
    taking: Taking,
    facility: Option<FacilityIx>,
    sight: Arc<Sight>,
    snapshot: Arc<Snapshot>,
    /// Doubts that are not settled; [`ENDED`] once it has ended.
    standing: AtomicU64,
    /// The clock may take something at this moment, in microseconds; `i64::MAX` for never.
    until: AtomicI64,
    /// Who waits for a doubt to be settled.
    waits: Mutex<Option<Waker>>,
    rung: Notify,
    all: Weak<Openings>,
}

const ENDED: u64 = 1 << 63;

// === impl Openings ===

impl Openings {
    pub(crate) fn new(book: Arc<RwLock<Book>>) -> Arc<Self> {
        let (doubts, arriving) = mpsc::channel();
        let moment = Arc::new(AtomicI64::new(i64::MIN));
        let judge = Judge { book, moment: moment.clone() };
        let spawned = std::thread::Builder::new().name("openings".to_owned()).spawn(move || judge.run(&arriving));
        if let Err(error) = spawned {
            tracing::error!(%error, "the openings' thread could not be started; views in doubt will end");
        }
        let (open, count, next) = (Mutex::default(), AtomicUsize::new(0), AtomicU64::new(0));
        Arc::new(Self { open, count, next, doubts, moment })
    }

    /// Notes a view. Whoever calls holds the book the view was made with, so that no event goes by unseen.
    pub(crate) fn open(
        self: &Arc<Self>,
        book: &Book,
        taking: Taking,
        sight: Arc<Sight>,
        snapshot: Arc<Snapshot>,
    ) -> Arc<Opening> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let facility = book.facility(&sight.visibility.viewer().facility);
        let until = sight.visibility.holds_until().map_or(i64::MAX, Moment::micros);
        let opening = Arc::new(Opening {
            number,
            taking,
            facility,
            sight,
            snapshot,
            standing: AtomicU64::new(0),
            until: AtomicI64::new(until),
            waits: Mutex::new(None),
            rung: Notify::new(),
            all: Arc::downgrade(self),
        });
        self.open.lock().insert(number, Arc::downgrade(&opening));
        self.count.fetch_add(1, Ordering::AcqRel);
        opening
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Puts in doubt whatever an event may take something from, after it was applied and while the book is held.
    pub(crate) fn touched(&self, book: &Book, touched: &Touched) -> Passage {
        self.doubt(|opening| opening.concerned(book, touched))
    }

    /// The same for a version that took the place of `previous`, and is not for everybody that one was for.
    pub(crate) fn replaced(&self, book: &Book, facts: &Facts, previous: Position, moment: Moment) {
        if self.count() == 0 {
            return;
        }
        let shown = |opening: &Opening| opening.sight.visibility.grant(facts.patient).is_some();
        let hidden = |opening: &Opening| !book.decide(facts, opening.principal(), moment).is_permit();
        self.doubt(|opening| (shown(opening) && hidden(opening)).then_some(About::Row(previous)));
    }

    /// Puts in doubt what the clock may have taken something from.
    pub(crate) fn tick(&self, moment: Moment) {
        self.moment.store(moment.micros(), Ordering::Release);
        self.doubt(|opening| (opening.until.load(Ordering::Acquire) <= moment.micros()).then_some(About::Everything));
    }

    fn doubt(&self, about: impl Fn(&Opening) -> Option<About>) -> Passage {
        if self.count() == 0 {
            return Passage::of(std::iter::empty());
        }
        // Letting go of the last hold on one takes the lock again: they are held until it is free.
        let open: Vec<Arc<Opening>> = self.open.lock().values().filter_map(Weak::upgrade).collect();
        let open: Vec<(Arc<Opening>, Option<About>)> = open
            .into_iter()
            .filter(|opening| !opening.is_ended())
            .map(|opening| {
                let about = about(&opening);
                (opening, about)
            })
            .collect();
        let passage = Passage::of(open.iter().map(|(opening, about)| (opening.taking, about.is_some())));
        for (opening, about) in open {
            let Some(about) = about else { continue };
            opening.doubt();
            let doubt = Doubt { opening: opening.clone(), about, passage: passage.clone() };
            if self.doubts.send(doubt).is_err() {
                opening.settle(true);
                passage.settle(opening.taking);
            }
        }
        passage
    }
}

// === impl Opening ===

impl Opening {
    /// Whether it still holds: pending while it is in doubt, `false` once it has ended. Cheap where nothing happened.
    pub fn poll_holds(&self, context: &mut Context<'_>) -> Poll<bool> {
        match self.standing.load(Ordering::Acquire) {
            0 => Poll::Ready(true),
            standing if standing & ENDED != 0 => Poll::Ready(false),
            _ => {
                *self.waits.lock() = Some(context.waker().clone());
                match self.standing.load(Ordering::Acquire) {
                    0 => Poll::Ready(true),
                    standing if standing & ENDED != 0 => Poll::Ready(false),
                    _ => Poll::Pending,
                }
            }
        }
    }
    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        self.standing.load(Ordering::Acquire) & ENDED != 0
    }
    /// Waits until it ends; for ever where nothing is taken from its principal. One waits at a time.
    pub async fn ended(&self) {
        while !self.is_ended() {
            self.rung.notified().await;
        }
    }

    fn principal(&self) -> &Principal {
        self.sight.visibility.viewer()
    }
    fn doubt(&self) {
        self.standing.fetch_add(1, Ordering::AcqRel);
    }
    fn settle(&self, lost: bool) {
        if lost {
            self.standing.fetch_or(ENDED, Ordering::AcqRel);
        }
        self.standing.fetch_sub(1, Ordering::AcqRel);
        self.rung.notify_one();
        let waits = self.waits.lock().take();
        if let Some(waits) = waits {
            waits.wake();
        }
    }
    fn holds_until(&self, until: Option<Moment>) {
        self.until.store(until.map_or(i64::MAX, Moment::micros), Ordering::Release);
    }

    /// What an event may take from it.
    fn concerned(&self, book: &Book, touched: &Touched) -> Option<About> {
        let (visibility, here) = (&self.sight.visibility, self.facility?);
        let shown = |patient: &_| visibility.grant(*patient).is_some();
        let discloses = |source: &FacilityIx| {
            let id = book.facility_id(*source);
            visibility.sources().any(|(listed, _)| Some(listed) == id)
        };
        match touched {
            Touched::Nothing => None,
            Touched::Patient { patient, viewers } => {
                (viewers.contain(here) && shown(patient)).then(|| About::Patients(vec![*patient]))
            }
            Touched::Person(refs) => {
                let shown: Vec<_> = refs.iter().copied().filter(shown).collect();
                (!shown.is_empty()).then_some(About::Patients(shown))
            }
            Touched::Source(source) => discloses(source).then_some(About::Everything),
            Touched::Viewers(facilities) => facilities.contains(&here).then_some(About::Everything),
            Touched::Facility(facility) => (*facility == here || discloses(facility)).then_some(About::Everything),
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(all) = self.all.upgrade()
            && all.open.lock().remove(&self.number).is_some()
        {
            all.count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening")
            .field("facility", &self.principal().facility)
            .field("ended", &self.is_ended())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
