//! The worker's side of a group: what its listeners were told lately, and the listeners.

use super::FeedItem;
use super::item::{Closing, ResetReason};
use crate::store::Snapshot;
use consent_filter::Visibility;
use model::Frontier;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A group's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct GroupId(pub(super) u64);

/// What a newcomer is given first.
pub(super) struct First {
    /// Send the whole view from these before anything else.
    pub(super) whole: Option<(Arc<Snapshot>, Arc<Visibility>)>,
    /// Say first that the view is sent anew.
    pub(super) reset: Option<ResetReason>,
    /// Send these, which came since the place to resume from.
    pub(super) replay: Vec<FeedItem>,
    /// From here on what follows is live.
    pub(super) frontier: Frontier,
}

/// What goes to one listener.
pub(super) enum Message {
    First(Box<First>),
    Item(FeedItem),
    /// Everything of a publication was sent.
    Reached(Frontier),
    /// The permission to watch has ended.
    Closed(Closing),
}

pub(super) struct Listeners {
    pub(super) visibility: Arc<Visibility>,
    senders: Vec<Listener>,
    ring: VecDeque<Remembered>,
    /// About how many bytes the ring holds.
    held: usize,
    /// The ring remembers everything from here on.
    since: Frontier,
    /// Something was said in the publication being worked on.
    spoke: bool,
    left_at: Option<Instant>,
}

/// Since when a listener asks for nothing. One that still reads the whole view takes nothing live for as long as that lasts, and
/// does ask.
#[derive(Debug)]
pub(super) struct Pulse {
    begun: Instant,
    /// Milliseconds since it began; [`Pulse::ASKS`] while it asks.
    away_since: AtomicU64,
}

impl Pulse {
    const ASKS: u64 = u64::MAX;

    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), away_since: AtomicU64::new(0) })
    }
    /// It asks, until what this gives is dropped.
    pub(super) fn asks(self: &Arc<Self>) -> Asking {
        self.away_since.store(Self::ASKS, Ordering::Relaxed);
        Asking(Arc::clone(self))
    }
    fn elapsed(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(Self::ASKS - 1)
    }
    /// For how long it has asked for nothing.
    fn away(&self) -> Duration {
        match self.away_since.load(Ordering::Relaxed) {
            Self::ASKS => Duration::ZERO,
            since => Duration::from_millis(self.elapsed().saturating_sub(since)),
        }
    }
}

/// A listener that asks.
pub(super) struct Asking(Arc<Pulse>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.away_since.store(self.0.elapsed(), Ordering::Relaxed);
    }
}

/// One listener's end of the line.
struct Listener {
    sender: mpsc::Sender<Message>,
    pulse: Arc<Pulse>,
}

impl Listener {
    /// Whether there was room for it.
    fn send(&self, message: Message) -> bool {
        self.sender.try_send(message).is_ok()
    }
    /// Whether something waits for them and they asked for nothing for so long.
    fn stands_still(&self, patience: Duration) -> bool {
        self.sender.capacity() < self.sender.max_capacity() && self.pulse.away() >= patience
    }
}

enum Remembered {
    /// With about how many bytes it holds.
    Item(FeedItem, usize),
    Reached(Frontier),
}

/// So many items are remembered per group for those who resume, or as many as [`remember`] leaves.
const REMEMBERED: usize = 16_384;

/// The group that holds most gives up this part of it at a time.
const GIVEN_UP: usize = 16;

/// Forgets what is oldest in the groups that hold most, until all together hold about so many bytes: what one group brings in
/// a stream takes nothing from those that are told something now and then.
pub(super) fn remember(groups: &mut HashMap<GroupId, Listeners>, most: usize) {
    let mut held: usize = groups.values().map(|group| group.held).sum();
    while held > most {
        let Some(heaviest) = groups.values_mut().max_by_key(|group| group.held) else { return };
        let before = heaviest.held;
        heaviest.keep(before - before.div_ceil(GIVEN_UP));
        held -= before - heaviest.held;
    }
}

impl Listeners {
    pub(super) fn new(visibility: Arc<Visibility>, since: Frontier) -> Self {
        let (senders, ring) = (Vec::new(), VecDeque::new());
        Self { visibility, senders, ring, held: 0, since, spoke: false, left_at: Some(Instant::now()) }
    }

    /// Tells everyone an item that holds about so many bytes. Whoever has no room left is let go: their subscription begins again
    /// with a reset.
    pub(super) fn say(&mut self, item: FeedItem, weight: usize) {
        self.senders.retain(|listener| listener.send(Message::Item(item.clone())));
        self.ring.push_back(Remembered::Item(item, weight));
        self.held += weight;
        self.spoke = true;
    }

    /// Ends a publication.
    pub(super) fn reached(&mut self, frontier: &Frontier) {
        if std::mem::take(&mut self.spoke) {
            self.senders.retain(|listener| listener.send(Message::Reached(frontier.clone())));
            self.ring.push_back(Remembered::Reached(frontier.clone()));
        }
        while self.ring.len() > REMEMBERED {
            self.forget();
        }
    }

    /// Forgets from the oldest on until no more than so many bytes are remembered.
    fn keep(&mut self, most: usize) {
        while self.held > most && !self.ring.is_empty() {
            self.forget();
        }
    }

    /// Forgets the oldest publication: within it there is no place to resume from.
    fn forget(&mut self) {
        while let Some(dropped) = self.ring.pop_front() {
            match dropped {
                Remembered::Item(_, weight) => self.held = self.held.saturating_sub(weight),
                Remembered::Reached(frontier) => {
                    self.since = frontier;
                    break;
                }
            }
        }
    }

    /// Says the last thing there is to say. Whoever has no room left for it finds the channel closed.
    pub(super) fn close(self, closing: Closing) {
        for listener in self.senders {
            listener.send(Message::Closed(closing));
        }
    }

    pub(super) fn welcome(&mut self, (sender, pulse): (mpsc::Sender<Message>, Arc<Pulse>), first: First) {
        let listener = Listener { sender, pulse };
        if listener.send(Message::First(Box::new(first))) {
            self.senders.push(listener);
        }
    }

    /// What came after `frontier`; `None` where that is no longer remembered.
    pub(super) fn since(&self, frontier: &Frontier) -> Option<Vec<FeedItem>> {
        if !frontier.covers(&self.since) {
            return None;
        }
        let after = self.ring.iter().rposition(|entry| matches!(entry, Remembered::Reached(at) if frontier.covers(at)));
        let items = self.ring.iter().skip(after.map_or(0, |at| at + 1)).filter_map(|entry| match entry {
            Remembered::Item(item, _) => Some(item.clone()),
            Remembered::Reached(_) => None,
        });
        Some(items.collect())
    }

    /// Whether nobody has listened for so long that the group may go. Who has something to take and asks for nothing for so long is let
    /// go before: what waits for them would grow for as long as they stand still.
    pub(super) fn is_deserted(&mut self, patience: Duration) -> bool {
        self.senders.retain(|listener| !listener.sender.is_closed() && !listener.stands_still(patience));
        if !self.senders.is_empty() {
            self.left_at = None;
            return false;
        }
        self.left_at.get_or_insert_with(Instant::now).elapsed() >= patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Vanishing;
    use consent_filter::Book;
    use model::{Category, FacilityId, Moment, Offset, PartitionId, Principal, Purpose, RecordId, RecordRef, Role};

    fn item(at: u64) -> FeedItem {
        let source = FacilityId::parse("hospital").unwrap();
        let record = RecordRef { source, id: RecordId::parse(&at.to_string()).unwrap() };
        let reason = Vanishing::Deleted;
        FeedItem::Vanished { record, category: Category::Waveform, reason, position: None }
    }

    fn upto(at: u64) -> Frontier {
        let mut frontier = Frontier::start();
        frontier.advance(PartitionId(0), Offset(at));
        frontier
    }

    /// A group that was told an item of so many bytes in each of so many publications.
    fn told(publications: u64, weight: usize) -> Listeners {
        let facility = FacilityId::parse("centre").unwrap();
        let viewer = Principal { facility, member: None, role: Role::System, purpose: Purpose::Treatment };
        let seen = Book::new().visibility(&viewer, Moment::from_micros(0).unwrap());
        let mut group = Listeners::new(Arc::new(seen), upto(0));
        for at in 1..=publications {
            group.say(item(at), weight);
            group.reached(&upto(at));
        }
        group
    }

    #[test]
    fn the_group_that_holds_most_forgets_first_and_where_it_begins_is_known() {
        let mut groups = HashMap::from([(GroupId(0), told(1000, 1000)), (GroupId(1), told(100, 1000))]);
        remember(&mut groups, 500_000);
        let (beds, clinic) = (&groups[&GroupId(0)], &groups[&GroupId(1)]);
        assert!(beds.held + clinic.held <= 500_000 && beds.held > 300_000, "{} {}", beds.held, clinic.held);
        assert_eq!(clinic.since(&upto(0)).map(|items| items.len()), Some(100), "the others keep what they had");
        let remembered = u64::try_from(beds.held / 1000).unwrap();
        assert_eq!(beds.since(&upto(1000 - remembered)).map(|items| items.len()), Some(beds.held / 1000));
        assert_eq!(beds.since(&upto(1000 - remembered - 1)), None, "what came after is not all remembered");
    }

    #[test]
    fn who_asks_for_nothing_is_let_go_and_who_asks_stays_however_little_they_take() {
        let mut group = told(1, 1000);
        let (still, mut unread) = mpsc::channel(64);
        let (whole, mut later) = mpsc::channel(64);
        let (slow, mut read) = mpsc::channel(64);
        let first = || First { whole: None, reset: None, replay: Vec::new(), frontier: upto(1) };
        let (reads_whole, reads) = (Pulse::new(), Pulse::new());
        group.welcome((still, Pulse::new()), first());
        group.welcome((whole, Arc::clone(&reads_whole)), first());
        group.welcome((slow, Arc::clone(&reads)), first());
        let _busy = reads_whole.asks();
        let patience = Duration::from_millis(400);
        for at in 2..12 {
            group.say(item(at), 1000);
            let asking = reads.asks();
            assert!(read.try_recv().is_ok());
            drop(asking);
            std::thread::sleep(patience / 5);
            assert!(!group.is_deserted(patience));
        }
        let came = |receiver: &mut mpsc::Receiver<Message>| std::iter::from_fn(|| receiver.try_recv().ok()).count();
        assert_eq!(group.senders.len(), 2);
        assert_eq!(came(&mut later), 11, "who is given the whole view meanwhile finds everything after it");
        let rest = came(&mut unread);
        assert!((2..11).contains(&rest), "{rest}: the other was told until it was let go");
        assert!(matches!(unread.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    }
}
