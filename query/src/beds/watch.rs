//! A principal's beds, watched: the one place here that reads a clock.
//!
//! However many pages one person has open, their view is watched once. A watch ends when nobody looks any more.

use super::bed::Came;
use super::before::{read_before, read_mothers};
use super::chart::Charts;
use super::course::Course;
use super::mother::of_her;
use super::past::{NoPast, Past, come_by, picture};
use super::presence::{Looking, Presence};
use super::reading::{Wanted, read};
use super::stretch::{BedId, Stretch};
use super::strip::{KEPT, SLOT, Strip};
use super::ward::{BedEnd, Stands, Ward};
use crate::session::now;
use crate::{QueryError, ReadingRoom};
use clinical::perinatal::PerinatalTables;
use model::{Category, Frontier, Moment, PatientRef, Principal, Record};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};
use views::{FeedItem, FeedStart, Subscription, Vanishing, Views};

/// How often time goes on in a ward, whether or not anything comes.
const TICK: Duration = Duration::from_millis(250);
/// What came longer ago than this is in the view's tables; in microseconds.
const SETTLED: i64 = 10_000_000;
/// A source's clock may go ahead of ours by so much more than it does now; in microseconds.
const AHEAD: i64 = 60_000_000;
/// How long a watch waits to be taken in before it reads what was before.
const JOINING: Duration = Duration::from_secs(2);

/// The beds of whoever asks.
pub struct Boards {
    room: Arc<ReadingRoom>,
    views: Arc<Views>,
    charts: Arc<dyn Charts>,
    past: Arc<dyn Past>,
    presence: Arc<Presence>,
    watches: Mutex<HashMap<Principal, Weak<Watch>>>,
}

/// One principal's beds while somebody looks at them.
pub struct Watch {
    shared: Arc<Shared>,
    task: tokio::task::AbortHandle,
}

pub(super) struct Shared {
    pub(super) principal: Principal,
    pub(super) room: Arc<ReadingRoom>,
    views: Arc<Views>,
    past: Arc<dyn Past>,
    pub(super) ward: Mutex<Ward>,
    /// The facility's tables that it is read by.
    tables: Arc<PerinatalTables>,
    /// Whether what was before has been read once.
    ready: tokio::sync::watch::Sender<bool>,
    /// Why it is over.
    over: OnceLock<&'static str>,
}

impl Boards {
    /// Boards over a reading room and the views behind it, with what people did at the beds. Each facility's are read by its own
    /// tables, where it has stated any.
    pub fn new(room: Arc<ReadingRoom>, views: Arc<Views>, charts: Arc<dyn Charts>) -> Self {
        Self { room, views, charts, past: Arc::new(NoPast), presence: Arc::default(), watches: Mutex::default() }
    }

    /// The same, with what tells when the log took letters in: what was on the screen is told back to a bed's admission then.
    #[must_use]
    pub fn with_past(self, past: Arc<dyn Past>) -> Self {
        Self { past, ..self }
    }

    /// What people did at beds.
    pub fn charts(&self) -> &Arc<dyn Charts> {
        &self.charts
    }
    /// Who watches which bed.
    pub fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }
    /// Somebody opens a page: a wall, or one bed `alone`. As long as what this gives is kept, they watch what the page shows.
    pub fn looks(&self, principal: &Principal, alone: bool) -> Looking {
        Looking::begin(&self.presence, principal, alone, now)
    }

    /// The principal's beds, watched from now on until the last of what this gives is dropped.
    pub fn watch(&self, principal: &Principal) -> Arc<Watch> {
        let mut watches = self.watches.lock();
        watches.retain(|_, watch| watch.strong_count() > 0);
        let tables = self.room.own(principal).perinatal();
        // under other tables another watch begins: who looks already goes on under those they began with
        let holds = |watch: &Arc<Watch>| watch.over().is_none() && Arc::ptr_eq(&watch.shared.tables, &tables);
        let going_on = watches.get(principal).and_then(Weak::upgrade).filter(holds);
        going_on.unwrap_or_else(|| {
            let shared = Arc::new(Shared {
                principal: principal.clone(),
                room: self.room.clone(),
                views: self.views.clone(),
                past: self.past.clone(),
                ward: Mutex::new(Ward::new(Arc::clone(&tables))),
                tables,
                ready: tokio::sync::watch::Sender::new(false),
                over: OnceLock::new(),
            });
            let task = tokio::spawn(follow(shared.clone())).abort_handle();
            let watch = Arc::new(Watch { shared, task });
            watches.insert(principal.clone(), Arc::downgrade(&watch));
            watch
        })
    }
}

impl Watch {
    /// Looks at the beds as they are at this moment; what is not permitted at this moment is not among them.
    pub fn look<T>(&self, look: impl FnOnce(&Ward, Moment) -> T) -> T {
        let now = now();
        let mut ward = self.shared.ward.lock();
        self.shared.keep_permitted(&mut ward, now);
        look(&ward, now)
    }

    /// Whose beds they are.
    pub fn principal(&self) -> &Principal {
        &self.shared.principal
    }

    /// What was measured at a bed within a time (microseconds since 1970), as the principal's view holds it now; `None` where no
    /// such bed is watched. Slots are counted from its beginning; when each came is not known.
    ///
    /// # Errors
    /// When the statement is refused or does not come to its end.
    pub async fn history(&self, bed: BedId, (from, until): (i64, i64)) -> Result<Option<Strip>, QueryError> {
        let place = self.look(|ward, _| ward.bed(bed).map(|(bed, _)| bed.place().clone()));
        let (Some(place), Some(from), Some(until)) = (place, moment(from), moment(until)) else { return Ok(None) };
        let mut strip = Strip::new(from);
        let put = |stretch: Stretch, _| strip.lay(&stretch);
        let shared = &self.shared;
        read(&shared.room, &shared.principal, Wanted::One(&place), (from, until), put).await?;
        Ok(Some(strip))
    }

    /// What was on the screen at a moment of our clock, apart from what is known now: the samples that had come by then, of the hour
    /// before, and what the analysis makes of those. `None` where no such bed is watched.
    ///
    /// What came within the last seconds is taken from what is kept in memory, and so is all where the log cannot tell any more.
    ///
    /// # Errors
    /// When the statement is refused or does not come to its end.
    pub async fn seen(&self, bed: BedId, at: Moment) -> Result<Option<(Strip, Course)>, QueryError> {
        let kept = |ward: &Ward| {
            let (bed, _) = ward.bed(bed)?;
            let whole = bed.strip().moment_of(bed.course().start());
            Some((bed.place().clone(), bed.clock().ahead(), whole, Arc::clone(bed.rules())))
        };
        let Some((place, ahead, whole, rules)) = self.look(|ward, _| kept(ward)) else { return Ok(None) };
        if now().since(at) >= SETTLED {
            // its samples are by the source's clock, and may be from a little ahead of what was thought of it then
            let here = at.plus_micros(ahead);
            let (from, until) = (here.plus_micros(-KEPT * SLOT), here.plus_micros(AHEAD));
            let (shared, mut all) = (&self.shared, Vec::new());
            let put = |stretch: Stretch, position: Option<_>| all.extend(position.map(|position| (position, stretch)));
            read(&shared.room, &shared.principal, Wanted::One(&place), (from, until), put).await?;
            if let Some(come) = come_by(&*shared.past, at, all).await.filter(|come| !come.is_empty()) {
                return Ok(Some(picture(&come, (from, whole), &rules)));
            }
        }
        Ok(self.look(|ward, _| ward.bed(bed).map(|(bed, _)| bed.as_seen(at))))
    }

    /// Waits until what was before has been read once, but not for longer than `patience`.
    pub async fn ready(&self, patience: Duration) {
        let mut ready = self.shared.ready.subscribe();
        // the sender lives as long as the watch; what is not there by then is told without
        let _ = tokio::time::timeout(patience, ready.wait_for(|ready| *ready)).await;
    }

    /// Why the watch is over; `None` while it goes on.
    pub fn over(&self) -> Option<&'static str> {
        self.shared.over.get().copied()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// What the viewing facility calls a patient; empty where it has no number of them.
    fn own(&self, patient: &PatientRef) -> String {
        let own = self.views.feeds().own_number(&self.principal.facility, patient);
        own.map(|own| own.as_str().to_owned()).unwrap_or_default()
    }

    pub(super) fn keep_permitted(&self, ward: &mut Ward, now: Moment) {
        let feeds = self.views.feeds();
        let until = |record: &Record| {
            let (until, generation) = feeds.lets_go_at(&self.principal, record, now);
            Stands::new(until, generation, now)
        };
        let generation = feeds.generation_for(&self.principal);
        ward.ask(generation, |patient| self.own(patient), until, now);
        let permits = |record: &Record| feeds.permits(&self.principal, record, now);
        ward.keep_permitted(permits, now);
        ward.keep_permitted_of_mothers((generation, || feeds.turns_after(now)), permits, now);
    }

    /// Listens to what is measured, and to what is written of the pregnancies of those who lie on the ward's beds, and of nobody else:
    /// so a record of theirs that comes, changes or goes, by whatever consent or clock, is known here as soon as a sample is, nothing is
    /// asked again meanwhile, and of others nothing is shown to anybody.
    fn subscribe(self: &Arc<Self>) -> Subscription {
        let categories = of_her().with(Category::Waveform);
        let feeds = self.views.feeds();
        let mut subscription = feeds.subscribe(self.views.store(), &self.principal, FeedStart::Now, categories);
        let shared = Arc::clone(self);
        subscription.heed(of_her(), move |record| {
            let own = shared.own(&record.patient);
            shared.ward.lock().asks(&own, record.category())
        });
        subscription
    }
}

/// A moment from microseconds since 1970; `None` outside the years the model knows.
pub fn moment(micros: i64) -> Option<Moment> {
    Moment::from_micros(micros).ok()
}

/// Follows the feed until it ends.
async fn follow(shared: Arc<Shared>) {
    let why = match watch(&shared).await {
        Ok(why) => why,
        Err(error) => {
            tracing::warn!(code = error.code(), facility = %shared.principal.facility, "beds cannot be watched");
            "internal"
        }
    };
    shared.ward.lock().clear();
    let _ = shared.over.set(why);
}

async fn watch(shared: &Arc<Shared>) -> Result<&'static str, QueryError> {
    let mut subscription = shared.subscribe();
    let mut waiting = joined(&mut subscription).await;
    read_before(shared, Wanted::All).await?;
    read_mothers(shared).await;
    {
        // what asks for attention is told with the first look
        let (mut ward, moment) = (shared.ward.lock(), now());
        shared.keep_permitted(&mut ward, moment);
        ward.tick(moment);
    }
    shared.ready.send_replace(true);
    let mut ticked = Instant::now();
    loop {
        let item = match waiting.pop() {
            Some(item) => item,
            None => match subscription.next(TICK).await {
                Some(Ok(item)) => item,
                Some(Err(_)) => return Ok("internal"),
                None => return Ok("feeds_ended"),
            },
        };
        match take(shared, item) {
            Taken::All => {}
            Taken::Reset => {
                // the whole view anew is for those who keep it: beds are read again where they were
                subscription = shared.subscribe();
                waiting = joined(&mut subscription).await;
                read_before(shared, Wanted::All).await?;
                read_mothers(shared).await;
            }
            Taken::Closed(why) => return Ok(why),
        }
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            let moment = now();
            let unread = {
                let mut ward = shared.ward.lock();
                shared.keep_permitted(&mut ward, moment);
                ward.tick(moment);
                ward.unread()
            };
            for place in unread {
                read_before(shared, Wanted::One(&place)).await?;
            }
            read_mothers(shared).await;
        }
    }
}

/// Waits until the feed has taken the listener in: what comes after is told to it, and what was before is read. Gives what
/// came meanwhile, the newest first.
async fn joined(subscription: &mut Subscription) -> Vec<FeedItem> {
    let (begun, mut waiting) = (Instant::now(), Vec::new());
    while begun.elapsed() < JOINING {
        match subscription.next(Duration::from_millis(20)).await {
            Some(Ok(FeedItem::Heartbeat { frontier, .. })) if frontier != Frontier::start() => break,
            Some(Ok(FeedItem::Heartbeat { .. })) => {}
            Some(Ok(item)) => waiting.push(item),
            Some(Err(_)) | None => break,
        }
    }
    waiting.reverse();
    waiting
}

enum Taken {
    All,
    Reset,
    Closed(&'static str),
}

fn take(shared: &Shared, item: FeedItem) -> Taken {
    let now = now();
    if let FeedItem::Appeared { record, .. } | FeedItem::Changed { record, .. } = &item
        && of_her().contains(record.category())
    {
        let own = shared.own(&record.patient);
        shared.ward.lock().learn(&own, record, now);
        return Taken::All;
    }
    let mut ward = shared.ward.lock();
    match item {
        FeedItem::Vanished { record, category, .. } if of_her().contains(category) => {
            ward.forget(record.digest(), now);
        }
        FeedItem::Appeared { record, historic, .. } | FeedItem::Changed { record, historic, .. } => {
            ward.take(&record, if historic { Came::Before(now) } else { Came::Now(now) }, now);
        }
        FeedItem::Vanished { record, reason: Vanishing::Withheld, .. } => ward.withheld(record.digest(), now),
        FeedItem::Vanished { record, .. } => ward.taken_back(record.digest()),
        FeedItem::Reset(_) => {
            ward.clear();
            return Taken::Reset;
        }
        FeedItem::Closed(closing) => {
            let beds: Vec<_> = ward.beds().map(|(bed, _)| bed.id()).collect();
            for bed in beds {
                ward.end(bed, BedEnd::Withheld, now);
            }
            return Taken::Closed(closing.code());
        }
        FeedItem::Heartbeat { .. } => {}
    }
    Taken::All
}

impl fmt::Debug for Boards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Boards").field("watches", &self.watches.lock().len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("facility", &self.shared.principal.facility).finish_non_exhaustive()
    }
}
