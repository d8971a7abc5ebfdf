//! A view built from nothing but what its feed says.

use crate::{FeedItem, Subscription};
use model::{Frontier, Record, RecordRef};
use std::collections::BTreeMap;
use std::time::Duration;

/// The records of a view: their versions by source and id.
pub(super) type Held = BTreeMap<(String, String), u64>;

pub(super) fn name(source: &str, id: &str) -> (String, String) {
    (source.to_owned(), id.to_owned())
}
fn of(record: &Record) -> (String, String) {
    name(record.patient.facility().as_str(), record.id.as_str())
}
fn of_ref(record: &RecordRef) -> (String, String) {
    name(record.source.as_str(), record.id.as_str())
}

/// Whether a feed was ended from within.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Ended {
    Not,
    /// The permission to watch has ended.
    Closed,
}

#[derive(Default)]
pub(super) struct Mirror {
    pub(super) held: Held,
    /// The frontier of the last heartbeat: where to resume.
    pub(super) heard: Option<Frontier>,
    /// Items in all.
    pub(super) told: u64,
}

impl Mirror {
    /// Takes in what comes until a heartbeat reaches `upto`. `strict`: an item must be about what it says, a record not
    /// held appears, one that is held changes or vanishes; it need not where several events were published in one act,
    /// or where the feed was resumed, because what may no longer be shown is left out of what is said late.
    pub(super) async fn follow(
        &mut self,
        feed: &mut Subscription,
        upto: &Frontier,
        strict: bool,
    ) -> Result<Ended, &'static str> {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(30), feed.next(Duration::from_millis(1)));
            let item = next.await.map_err(|_| "a feed speaks")?;
            let item = item.ok_or("a feed goes on")?.map_err(|_| "a feed reads its rows")?;
            let odd = match item {
                FeedItem::Appeared { record, .. } => {
                    self.told += 1;
                    self.held.insert(of(&record), record.version.get()).is_some()
                }
                FeedItem::Changed { record, superseded, .. } => {
                    self.told += 1;
                    self.held.insert(of(&record), record.version.get()) != Some(superseded.get())
                }
                FeedItem::Vanished { record, .. } => {
                    self.told += 1;
                    self.held.remove(&of_ref(&record)).is_none()
                }
                FeedItem::Reset(_) => {
                    self.held.clear();
                    false
                }
                // The last item; whoever may watch again begins anew.
                FeedItem::Closed(_) => return Ok(Ended::Closed),
                FeedItem::Heartbeat { frontier, .. } => {
                    if frontier.covers(upto) {
                        self.heard = Some(frontier);
                        return Ok(Ended::Not);
                    }
                    false
                }
            };
            if odd && strict {
                return Err("what a feed says fits what it said before");
            }
        }
    }
}
