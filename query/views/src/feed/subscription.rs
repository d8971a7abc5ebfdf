//! One listener's side of a feed.

use super::group::{First, Message, Pulse};
use super::worker::Newcomer;
use super::{Closing, FeedItem, FeedStart, Feeds, ResetReason, Vanishing};
use crate::planted::{Bug, is};
use crate::scan::{Sight, records};
use crate::{Account, Asked, Store, StoreError};
use model::{AuditOutcome, Category, CategorySet, Frontier, Moment, Principal, Record};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// So many items wait for a listener before it counts as too slow.
const ROOM: usize = 65_536;
/// How often the ledger is told what a feed that goes on has given.
const TELLING: Duration = Duration::from_secs(60);
/// So many rows of the whole view are read ahead of a listener.
const AHEAD: usize = 1024;

/// Whether a record is wanted.
type Wants = Box<dyn Fn(&Record) -> bool + Send + Sync>;

/// Listens to one principal's view. Give it time with [`Subscription::next`].
pub struct Subscription {
    feeds: Arc<Feeds>,
    store: Arc<Store>,
    principal: Principal,
    categories: CategorySet,
    /// Which records of some of the categories are wanted; of the others all are.
    heeded: Option<(CategorySet, Wants)>,
    receiver: mpsc::Receiver<Message>,
    pulse: Arc<Pulse>,
    /// The worker has taken the listener in.
    joined: bool,
    beat_at: Instant,
    /// To be given before anything live: replayed items, and the whole view as it is read.
    pending: VecDeque<FeedItem>,
    whole: Option<mpsc::Receiver<Result<FeedItem, StoreError>>>,
    /// Everything before this was given.
    reached: Frontier,
    /// What was given, for the ledger.
    account: Option<Account>,
    begun: Instant,
    told: Instant,
    /// The permission to watch has ended, and that was said.
    over: bool,
}

impl Subscription {
    pub(super) fn new(
        feeds: Arc<Feeds>,
        store: Arc<Store>,
        principal: Principal,
        start: FeedStart,
        categories: CategorySet,
    ) -> Self {
        let reached = match &start {
            FeedStart::After(frontier) => frontier.clone(),
            FeedStart::Beginning | FeedStart::Now => Frontier::start(),
        };
        let account = account(&feeds, &principal, categories, &reached);
        let pulse = Pulse::new();
        let receiver = join(&feeds, &store, &principal, (start, &pulse));
        Self {
            account,
            begun: Instant::now(),
            told: Instant::now(),
            over: false,
            feeds,
            store,
            principal,
            categories,
            heeded: None,
            receiver,
            pulse,
            joined: false,
            beat_at: Instant::now(),
            pending: VecDeque::new(),
            whole: None,
            reached,
        }
    }

    /// From now on only those records of some of its categories are given of which `wants` says so when it comes to them: the others
    /// are not shown to anybody, and not counted. What vanishes is told of all of them, and so is that a newer version, which is not wanted,
    /// took the place of another: it says no more than that.
    pub fn heed(&mut self, categories: CategorySet, wants: impl Fn(&Record) -> bool + Send + Sync + 'static) {
        self.heeded = Some((categories, Box::new(wants)));
    }

    /// The next change of the view; a heartbeat when none comes within `heartbeat`. `None` when the feeds have ended
    /// or the facility is not one of the network's.
    ///
    /// A record is given only if the book permits it at this very moment. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When rows of the whole view cannot be read.
    pub async fn next(&mut self, heartbeat: Duration) -> Option<Result<FeedItem, StoreError>> {
        let deadline = tokio::time::Instant::now() + heartbeat;
        let _asking = self.pulse.asks();
        loop {
            if self.over {
                return None;
            }
            if let Some(item) = self.pending.pop_front() {
                match self.let_out(item) {
                    Some(item) => {
                        self.write_down(&item);
                        return Some(Ok(item));
                    }
                    None => continue,
                }
            }
            if let Some(whole) = &mut self.whole {
                match whole.recv().await {
                    Some(Ok(item)) => self.pending.push_back(item),
                    Some(Err(error)) => return Some(Err(error)),
                    None => self.whole = None,
                }
                continue;
            }
            if self.joined && self.beat_at.elapsed() >= heartbeat {
                return self.beat().map(Ok);
            }
            let message = tokio::select! {
                biased;
                message = tokio::time::timeout_at(deadline, self.receiver.recv()) => message,
                () = self.feeds.closed() => return None,
            };
            match message {
                Ok(Some(message)) => self.take(message),
                Ok(None) => {
                    if !self.begin_again() {
                        return None;
                    }
                }
                Err(_) => {
                    // Asked before the channel: what was handed out by then and is not in the channel is nothing.
                    let handed = self.feeds.handed();
                    match self.receiver.try_recv() {
                        Ok(message) => self.take(message),
                        Err(_) if self.joined => {
                            self.reached = handed;
                            return self.beat().map(Ok);
                        }
                        Err(_) => return self.beat().map(Ok),
                    }
                }
            }
        }
    }

    fn beat(&mut self) -> Option<FeedItem> {
        self.beat_at = Instant::now();
        if let Some(account) = &mut self.account {
            account.reached(&self.reached, self.begun.elapsed().as_secs());
            if self.told.elapsed() >= TELLING {
                self.told = Instant::now();
                // Handing it over is enough; a feed does not wait for the ledger's disk.
                drop(account.so_far());
            }
        }
        Some(FeedItem::Heartbeat { frontier: self.reached.clone(), moment: now()? })
    }

    /// Counts an item that is given.
    fn write_down(&mut self, item: &FeedItem) {
        if let FeedItem::Closed(_) = item {
            self.over = true;
            if let Some(mut account) = self.account.take() {
                account.reached(&self.reached, self.begun.elapsed().as_secs());
                account.end(AuditOutcome::Closed);
            }
            return;
        }
        let (position, record) = match item {
            FeedItem::Appeared { position, record, .. } => (*position, record),
            FeedItem::Changed { position, record, .. } => (Some(*position), record),
            _ => return,
        };
        let Some(account) = &mut self.account else { return };
        account.rows(&record.patient, record.category(), 1);
        // It may be given before the frontier that includes it.
        if let Some(position) = position {
            account.gave(position);
        }
        if account.is_full() {
            drop(account.so_far());
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::First(first) => self.begin(*first),
            Message::Item(item) => self.pending.push_back(item),
            Message::Reached(frontier) => self.reached = frontier,
            Message::Closed(closing) => self.pending.push_back(FeedItem::Closed(closing)),
        }
    }

    fn begin(&mut self, first: First) {
        self.joined = true;
        self.reached = first.frontier;
        self.pending.extend(first.reset.map(FeedItem::Reset));
        self.pending.extend(first.replay.into_iter().map(as_history));
        let Some((snapshot, visibility)) = first.whole else { return };
        if is(Bug::HistoryForgotten) {
            return;
        }
        let (sender, receiver) = mpsc::channel(AHEAD);
        let sight = Sight::new(&self.feeds.book().read(), visibility);
        let categories = self.categories;
        tokio::task::spawn_blocking(move || {
            for category in Category::ALL.iter().copied().filter(|category| categories.contains(*category)) {
                let mut listening = true;
                let result = records(&sight, &snapshot, &snapshot.dead, category, |_, record| {
                    let item =
                        FeedItem::Appeared { position: None, record: Arc::new(record), admitted: None, historic: true };
                    listening = sender.blocking_send(Ok(item)).is_ok();
                    listening
                });
                if let Err(error) = result {
                    let _ = sender.blocking_send(Err(error));
                    return;
                }
                if !listening {
                    return;
                }
            }
        });
        self.whole = Some(receiver);
    }

    /// After being let go for slowness: everything anew. `false` when there is nothing to listen to.
    fn begin_again(&mut self) -> bool {
        if self.feeds.have_ended() || self.feeds.book().read().facility(&self.principal.facility).is_none() {
            return false;
        }
        // There was no room to say that the permission had ended.
        if now().is_some_and(|moment| !self.feeds.admits(&self.principal, moment)) {
            self.pending.push_back(FeedItem::Closed(Closing::Departed));
            return true;
        }
        self.feeds.count_reset();
        self.joined = false;
        tracing::warn!(facility = %self.principal.facility, "a listener was too slow and begins anew");
        self.receiver = join(&self.feeds, &self.store, &self.principal, (FeedStart::Beginning, &self.pulse));
        self.pending.push_back(FeedItem::Reset(ResetReason::TooFarBehind));
        true
    }

    /// What may leave: the categories asked for, what of them is wanted, and records the book permits now.
    fn let_out(&self, item: FeedItem) -> Option<FeedItem> {
        let (record, was) = match &item {
            FeedItem::Appeared { record, .. } => (record, None),
            FeedItem::Changed { record, was, .. } => (record, Some(*was)),
            FeedItem::Vanished { category, .. } => return self.categories.contains(*category).then_some(item),
            _ => return Some(item),
        };
        let had = was.filter(|was| self.categories.contains(*was));
        if !self.categories.contains(record.category()) || !self.is_wanted(record) {
            return superseded(&item, had?);
        }
        if !self.permitted(record) {
            return None;
        }
        Some(if was.is_some() && had.is_none() { as_appeared(item) } else { item })
    }

    fn is_wanted(&self, record: &Record) -> bool {
        let unwanted = |(of, wants): &(CategorySet, Wants)| of.contains(record.category()) && !wants(record);
        !self.heeded.as_ref().is_some_and(unwanted)
    }

    fn permitted(&self, record: &Record) -> bool {
        now().is_some_and(|moment| self.feeds.permits(&self.principal, record, moment))
    }

    /// Whose view it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// What a subscription gives is written down where the feeds have a witness.
fn account(feeds: &Feeds, principal: &Principal, categories: CategorySet, reached: &Frontier) -> Option<Account> {
    let witness = feeds.witness()?;
    let asked: Vec<&str> = categories.iter().map(Category::code).collect();
    let reading = witness.begin(principal, Asked::Feed(&asked.join(" ")), reached, now()?);
    Some(Account::open(witness.clone(), reading))
}

/// What is left of a newer version that is not wanted: that the one before, which may have been given, holds no more.
fn superseded(item: &FeedItem, category: Category) -> Option<FeedItem> {
    let FeedItem::Changed { record, position, .. } = item else { return None };
    let (reason, position) = (Vanishing::Superseded, Some(*position));
    Some(FeedItem::Vanished { record: record.reference(), category, reason, position })
}

/// For whom the version before was never given.
fn as_appeared(item: FeedItem) -> FeedItem {
    match item {
        FeedItem::Changed { position, record, admitted, historic, .. } => {
            FeedItem::Appeared { position: Some(position), record, admitted, historic }
        }
        other => other,
    }
}

fn join(
    feeds: &Arc<Feeds>,
    store: &Store,
    principal: &Principal,
    (start, pulse): (FeedStart, &Arc<Pulse>),
) -> mpsc::Receiver<Message> {
    let (sender, receiver) = mpsc::channel(ROOM);
    if let Some(moment) = now() {
        feeds.join(store, principal, moment, Newcomer { start, sender, pulse: Arc::clone(pulse) });
    }
    receiver
}

fn as_history(item: FeedItem) -> FeedItem {
    match item {
        FeedItem::Appeared { position, record, admitted, .. } => {
            FeedItem::Appeared { position, record, admitted, historic: true }
        }
        FeedItem::Changed { position, record, admitted, superseded, was, .. } => {
            FeedItem::Changed { position, record, admitted, superseded, was, historic: true }
        }
        other => other,
    }
}

/// The clock; `None` outside the years the model knows, and then nothing is given.
pub(crate) fn now() -> Option<Moment> {
    #[cfg(test)]
    if let Some(moment) = crate::testing::clock::said() {
        return Some(moment);
    }
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_micros();
    Moment::from_micros(i64::try_from(micros).ok()?).ok()
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("facility", &self.principal.facility).finish_non_exhaustive()
    }
}
