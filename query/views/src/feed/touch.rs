//! Who of a facility's own patients something may have happened to: for those who keep something up person by person.
//!
//! It tells no row and decides nothing: whoever is told asks a view. Never too few are told; that of one nothing changed for a
//! particular principal is found by asking. Only facilities somebody is curious about cost anything.

use consent_filter::{Book, FacilityIx, PatientIx, Touched};
use model::{Category, FacilityId, Frontier, PatientNumber, PatientRef};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;
use tokio::sync::Notify;

/// By what a person was touched. Of several the first in this order is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TouchedBy {
    /// Patient numbers were linked or parted.
    Link,
    /// What is open has changed: a consent, a withdrawal, a scope.
    Permission,
    /// A record was corrected or taken back.
    Correction,
    /// A new record of this category.
    Record(Category),
}

/// Who was touched since it was last asked.
#[derive(Debug, Default)]
pub struct Touches {
    /// By the facility's own number.
    pub persons: HashMap<PatientNumber, TouchedBy>,
    /// Anybody may have been, by this.
    pub everybody: Option<TouchedBy>,
    /// When the first of them was published; `None` where nobody was touched.
    pub since: Option<Instant>,
    /// All of it is in what is published up to here.
    pub frontier: Frontier,
}

/// Told of those who were touched at one facility.
#[derive(Debug)]
pub struct TouchFeed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    facility: FacilityId,
    /// Told, not published yet.
    told: Mutex<Touches>,
    /// Published, not taken yet.
    published: Mutex<Touches>,
    bell: Notify,
}

/// The feeds' side.
#[derive(Debug, Default)]
pub(super) struct Curious {
    is_any: AtomicBool,
    feeds: Mutex<Vec<Weak<Shared>>>,
}

/// More than so many at once is everybody.
const MOST: usize = 100_000;

impl Touches {
    fn touch(&mut self, number: &PatientNumber, by: TouchedBy) {
        if self.everybody.is_some() && self.persons.is_empty() {
            self.all(by);
        } else if self.persons.len() >= MOST {
            self.persons.clear();
            self.all(by);
        } else {
            match self.persons.get_mut(number) {
                Some(known) => *known = by.min(*known),
                None => {
                    self.persons.insert(number.clone(), by);
                }
            }
        }
    }
    fn all(&mut self, by: TouchedBy) {
        self.everybody = Some(self.everybody.map_or(by, |known| known.min(by)));
    }
    /// Whether nobody was touched.
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty() && self.everybody.is_none()
    }
    fn append(&mut self, other: Self) {
        for (number, by) in other.persons {
            self.touch(&number, by);
        }
        if let Some(by) = other.everybody {
            self.all(by);
        }
    }
}

impl TouchFeed {
    /// Those touched since it was last asked; waits for nobody, and may be empty.
    pub fn take(&self) -> Touches {
        let mut published = self.shared.published.lock();
        let frontier = published.frontier.clone();
        std::mem::replace(&mut *published, Touches { frontier, ..Touches::default() })
    }
    /// Waits until somebody was touched and it is published.
    pub async fn touched(&self) {
        loop {
            let rung = self.shared.bell.notified();
            if !self.shared.published.lock().is_empty() {
                return;
            }
            rung.await;
        }
    }
}

impl Curious {
    /// From now on those touched at the facility are told.
    pub(super) fn about(&self, facility: FacilityId, frontier: Frontier) -> TouchFeed {
        let published = Mutex::new(Touches { frontier, ..Touches::default() });
        let shared = Arc::new(Shared { facility, told: Mutex::default(), published, bell: Notify::new() });
        let mut feeds = self.feeds.lock();
        feeds.push(Arc::downgrade(&shared));
        self.is_any.store(true, Ordering::Release);
        TouchFeed { shared }
    }

    fn each(&self, mut of: impl FnMut(&Arc<Shared>)) {
        if !self.is_any.load(Ordering::Acquire) {
            return;
        }
        let mut feeds = self.feeds.lock();
        feeds.retain(|feed| feed.upgrade().inspect(&mut of).is_some());
        self.is_any.store(!feeds.is_empty(), Ordering::Release);
    }

    /// A record of a patient was put.
    pub(super) fn record(&self, book: &Book, patient: PatientIx, by: TouchedBy) {
        self.each(|feed| {
            let Some(facility) = book.facility(&feed.facility) else { return };
            own_refs(book, patient, facility, |own| feed.told.lock().touch(own.number(), by));
        });
    }

    /// An event of the book was applied.
    pub(super) fn change(&self, book: &Book, touched: &Touched) {
        self.each(|feed| {
            let Some(facility) = book.facility(&feed.facility) else { return };
            let mut told = feed.told.lock();
            match touched {
                Touched::Nothing => {}
                Touched::Patient { patient, viewers } => {
                    if viewers.contain(facility) || book.patient_source(*patient) == Some(facility) {
                        own_refs(book, *patient, facility, |own| told.touch(own.number(), TouchedBy::Permission));
                    }
                }
                // all refs of before are named, whoever they are joined to now
                Touched::Person(refs) => {
                    for patient in refs {
                        own_refs(book, *patient, facility, |own| told.touch(own.number(), TouchedBy::Link));
                    }
                }
                Touched::Source(_) => told.all(TouchedBy::Permission),
                Touched::Viewers(viewers) => {
                    if viewers.contains(&facility) {
                        told.all(TouchedBy::Permission);
                    }
                }
                Touched::Facility(_) => told.all(TouchedBy::Permission),
            }
        });
    }

    /// What was told so far is published.
    pub(super) fn published(&self, frontier: &Frontier) {
        self.each(|feed| {
            let told = std::mem::take(&mut *feed.told.lock());
            let mut published = feed.published.lock();
            published.frontier.clone_from(frontier);
            if !told.is_empty() {
                published.since.get_or_insert_with(Instant::now);
                published.append(told);
                feed.bell.notify_waiters();
            }
        });
    }
}

/// The refs that a facility has of the person to whom a patient belongs.
fn own_refs(book: &Book, patient: PatientIx, facility: FacilityIx, mut each: impl FnMut(&PatientRef)) {
    let others = book.person_of(patient).filter(|other| *other != patient);
    for one in others.chain([patient]).filter(|one| book.patient_source(*one) == Some(facility)) {
        if let Some(own) = book.patient_ref(one) {
            each(own);
        }
    }
}
