//! The worker's side of a group: what its listeners were told lately, and the listeners.

use super::FeedItem;
use super::item::{Closing, ResetReason};
use crate::store::Snapshot;
use consent_filter::Visibility;
use model::Frontier;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
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
    senders: Vec<mpsc::Sender<Message>>,
    ring: VecDeque<Remembered>,
    /// The ring remembers everything from here on.
    since: Frontier,
    /// Something was said in the publication being worked on.
    spoke: bool,
    left_at: Option<Instant>,
}

enum Remembered {
    Item(FeedItem),
    Reached(Frontier),
}

/// So many items are remembered per group for those who resume.
const REMEMBERED: usize = 16_384;

impl Listeners {
    pub(super) fn new(visibility: Arc<Visibility>, since: Frontier) -> Self {
        let (senders, ring) = (Vec::new(), VecDeque::new());
        Self { visibility, senders, ring, since, spoke: false, left_at: Some(Instant::now()) }
    }

    /// Tells everyone. Whoever has no room left is let go: their subscription begins again with a reset.
    pub(super) fn say(&mut self, item: FeedItem) {
        self.senders.retain(|sender| sender.try_send(Message::Item(item.clone())).is_ok());
        self.ring.push_back(Remembered::Item(item));
        self.spoke = true;
    }

    /// Ends a publication.
    pub(super) fn reached(&mut self, frontier: &Frontier) {
        if std::mem::take(&mut self.spoke) {
            self.senders.retain(|sender| sender.try_send(Message::Reached(frontier.clone())).is_ok());
            self.ring.push_back(Remembered::Reached(frontier.clone()));
        }
        while self.ring.len() > REMEMBERED {
            if let Some(Remembered::Reached(frontier)) = self.ring.pop_front() {
                self.since = frontier;
            } else {
                // Within a publication there is no place to resume from.
                while let Some(dropped) = self.ring.pop_front() {
                    if let Remembered::Reached(frontier) = dropped {
                        self.since = frontier;
                        break;
                    }
                }
            }
        }
    }

    /// Says the last thing there is to say. Whoever has no room left for it finds the channel closed.
    pub(super) fn close(self, closing: Closing) {
        for sender in &self.senders {
            let _ = sender.try_send(Message::Closed(closing));
        }
    }

    pub(super) fn welcome(&mut self, sender: mpsc::Sender<Message>, first: First) {
        if sender.try_send(Message::First(Box::new(first))).is_ok() {
            self.senders.push(sender);
        }
    }

    /// What came after `frontier`; `None` where that is no longer remembered.
    pub(super) fn since(&self, frontier: &Frontier) -> Option<Vec<FeedItem>> {
        if !frontier.covers(&self.since) {
            return None;
        }
        let after = self.ring.iter().rposition(|entry| matches!(entry, Remembered::Reached(at) if frontier.covers(at)));
        let items = self.ring.iter().skip(after.map_or(0, |at| at + 1)).filter_map(|entry| match entry {
            Remembered::Item(item) => Some(item.clone()),
            Remembered::Reached(_) => None,
        });
        Some(items.collect())
    }

    /// Whether nobody has listened for so long that the group may go.
    pub(super) fn is_deserted(&mut self, patience: std::time::Duration) -> bool {
        self.senders.retain(|sender| !sender.is_closed());
        if !self.senders.is_empty() {
            self.left_at = None;
            return false;
        }
        self.left_at.get_or_insert_with(Instant::now).elapsed() >= patience
    }
}
