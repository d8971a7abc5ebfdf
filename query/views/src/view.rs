//! Facility views: a visibility and a snapshot of the store, taken together.

use crate::opening::{Opening, Taking};
use crate::planted::{Bug, is};
use crate::scan::{FacilityTable, Sight, Tally, persons};
use crate::store::Snapshot;
use crate::{Feeds, Store};
use consent_filter::{Acquaintance, Book, Child};
use datafusion::catalog::TableProvider;
use model::{Category, CategorySet, FacilityId, Frontier, Moment, PatientNumber, Principal};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// The store, the book and the feeds, and the views they make.
pub struct Views {
    store: Arc<Store>,
    book: Arc<RwLock<Book>>,
    feeds: Arc<Feeds>,
    /// The last visibility of each principal: statements follow each other faster than the book moves.
    sights: Mutex<HashMap<Principal, Arc<Sight>>>,
}

/// More principals than this are not remembered.
const REMEMBERED: usize = 1024;

impl Views {
    /// Joins a store and a book. Gives the classes in the store's files their numbers in the book; records put into
    /// the store must have their facts from this book too.
    pub fn new(store: Arc<Store>, book: Arc<RwLock<Book>>, feeds: Arc<Feeds>) -> Self {
        store.bind(&mut book.write());
        Self { store, book, feeds, sights: Mutex::new(HashMap::new()) }
    }

    /// What this principal sees at this moment: for one statement.
    ///
    /// The visibility and the rows are taken together: rows put under a book are seen with that book or a later one.
    pub fn view(&self, principal: &Principal, moment: Moment) -> View {
        self.take(principal, moment, None)
    }

    /// The same for a statement whose rows leave one after the other: while it is held, [`View::opening`] says whether
    /// something that it shows was taken from the principal since.
    pub fn held(&self, principal: &Principal, moment: Moment, taking: Taking) -> View {
        self.take(principal, moment, Some(taking))
    }

    fn take(&self, principal: &Principal, moment: Moment, taking: Option<Taking>) -> View {
        let book = self.book.read();
        let known = self.sights.lock().get(principal).cloned();
        let sight = match known.filter(|sight| sight.visibility.is_current(&book, moment) || is(Bug::StaleSight)) {
            Some(sight) => sight,
            None => {
                let sight = Arc::new(Sight::new(&book, Arc::new(book.visibility(principal, moment))));
                let mut sights = self.sights.lock();
                if sights.len() >= REMEMBERED {
                    sights.clear();
                }
                sights.insert(principal.clone(), sight.clone());
                sight
            }
        };
        let snapshot = self.store.snapshot();
        let opening = taking.map(|taking| self.feeds.openings().open(&book, taking, sight.clone(), snapshot.clone()));
        drop(book);
        View { sight, snapshot, book: Arc::clone(&self.book), moment, tally: Arc::default(), opening }
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }
    /// The book.
    pub fn book(&self) -> &Arc<RwLock<Book>> {
        &self.book
    }
    /// The feeds.
    pub fn feeds(&self) -> &Arc<Feeds> {
        &self.feeds
    }
}

impl std::fmt::Debug for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Views").field("store", &self.store).finish_non_exhaustive()
    }
}

/// One facility's view, as one principal sees it at one moment. It does not change; take a new one per statement.
#[derive(Clone)]
pub struct View {
    sight: Arc<Sight>,
    snapshot: Arc<Snapshot>,
    book: Arc<RwLock<Book>>,
    moment: Moment,
    tally: Arc<Tally>,
    opening: Option<Arc<Opening>>,
}

impl View {
    /// A table of the view. It holds what the principal may see and nothing else.
    pub fn table(&self, category: Category) -> Arc<dyn TableProvider> {
        let (sight, snapshot, tally) = (self.sight.clone(), self.snapshot.clone(), self.tally.clone());
        Arc::new(FacilityTable { category, sight, snapshot, tally })
    }
    /// The viewing facility's own numbers of the persons of whom these tables may show something, in order, each once. No row
    /// is looked at, so that it may name one of whom they show nothing: only who reads the tables knows.
    pub fn persons(&self, categories: CategorySet) -> Vec<PatientNumber> {
        persons(&self.sight, &self.snapshot, categories)
    }
    /// Where else each of these own patients is known, and what is open there, as the book says now: as much as the viewing
    /// facility may know (see [`Acquaintance`]).
    pub fn acquaintances(&self, own: &[PatientNumber]) -> Vec<Vec<(FacilityId, Acquaintance)>> {
        let book = self.book.read();
        let mut known = book.acquaintances(self.principal(), self.moment);
        own.iter().map(|number| known.of(number)).collect()
    }
    /// The newborns of each of these own patients who are patients of the viewing facility too, as the book says now: as much as
    /// that facility may know (see [`Child`]).
    pub fn children(&self, own: &[PatientNumber]) -> Vec<Vec<Child>> {
        let book = self.book.read();
        let mut known = book.acquaintances(self.principal(), self.moment);
        own.iter().map(|number| known.children_of(number)).collect()
    }
    /// What was read through this view, patient by patient.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }
    /// Whether the view still holds; `None` unless it was taken by [`Views::held`].
    pub fn opening(&self) -> Option<&Arc<Opening>> {
        self.opening.as_ref()
    }
    /// Who looks.
    pub fn principal(&self) -> &Principal {
        self.sight.visibility.viewer()
    }
    /// How far in the log the rows reach.
    pub fn frontier(&self) -> &Frontier {
        &self.snapshot.frontier
    }
    /// The moment consents are judged by.
    pub fn moment(&self) -> Moment {
        self.moment
    }
    /// When what is seen was published; its age is how long ago that was.
    pub fn published_at(&self) -> Instant {
        self.snapshot.published_at
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("principal", self.principal())
            .field("frontier", self.frontier())
            .field("moment", &self.moment)
            .finish_non_exhaustive()
    }
}
