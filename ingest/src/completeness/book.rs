//! What is known of feeds, durably: what came as messages and what of it was dealt with, and what the comparisons came to.

use super::compare::{Comparison, Gap, GapKind, Item, compare};
use crate::door::Step;
use event_log::Clock;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use jiff::civil::Date;
use model::{FacilityId, Moment};
use prost::Message;
use std::borrow::Cow;
use std::path::Path;
use wire::v1;

/// What is known of the feeds could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is known of the feeds' completeness could not be read or written: {reason}")]
pub struct FeedError {
    reason: String,
}

impl FeedError {
    pub(crate) fn stopped() -> Self {
        Self { reason: "the process stops, or a write broke off".to_owned() }
    }
}

impl From<fjall::Error> for FeedError {
    fn from(error: fjall::Error) -> Self {
        Self { reason: error.to_string() }
    }
}

/// What sort of feed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FeedKind {
    /// A storage; an item is a file.
    SsMix2,
    /// A listener; an item is a message, by its control id.
    Mllp,
    /// Bundles; an item is an entry.
    Fhir,
}

impl FeedKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SsMix2, Self::Mllp, Self::Fhir];
    /// `ss-mix2`, `mllp` or `fhir`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SsMix2 => "ss-mix2",
            Self::Mllp => "mllp",
            Self::Fhir => "fhir",
        }
    }
}

/// A feed of a facility.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Feed<'a> {
    /// Whose.
    pub facility: &'a FacilityId,
    /// Its name.
    pub name: &'a str,
    /// What sort.
    pub kind: FeedKind,
}

impl Feed<'_> {
    fn key(&self, day: &str) -> Vec<u8> {
        key(self.facility, &[self.name, day])
    }
    /// The key of all that belongs to a day.
    fn prefix(&self, day: &str) -> Vec<u8> {
        prefix(self.facility, &[self.name, day])
    }
}

/// Items of a feed, each under its day, and how far they have come.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) facility: FacilityId,
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: FeedKind,
    pub(crate) step: Step,
    pub(crate) items: Vec<(Date, Item)>,
}

/// Which part of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// So many entries were on the pages before.
    pub skip: usize,
    /// At most so many.
    pub limit: usize,
}

/// What is known of the feeds. Every call may touch the disk: call it where blocking is allowed.
pub struct FeedBook {
    database: Database,
    /// Items the source has: `facility \0 feed \0 day \0 key \0 digest`.
    offered: Keyspace,
    /// Items that were dealt with, under the same keys.
    dealt_with: Keyspace,
    /// Days of message feeds on which something came since they were compared: `facility \0 feed \0 day` → kind.
    unsettled: Keyspace,
    /// What comparing came to: `facility \0 feed \0 day` → `v1::FeedDay`.
    days: Keyspace,
    /// Its gaps: `facility \0 feed \0 day \0 number` → `v1::Gap`.
    gaps: Keyspace,
    /// How feeds stand: `facility \0 feed` → `v1::FeedStanding`.
    standings: Keyspace,
    clock: Clock,
}

impl std::fmt::Debug for FeedBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedBook").finish_non_exhaustive()
    }
}

pub(super) fn key(facility: &FacilityId, parts: &[&str]) -> Vec<u8> {
    let mut key = facility.as_str().as_bytes().to_vec();
    for part in parts {
        key.push(0);
        // What a sender calls its items is not ours to trust: a NUL in it would end the part.
        key.extend(part.bytes().map(|byte| if byte == 0 { 1 } else { byte }));
    }
    key
}

/// The key of all that begins with these whole parts.
pub(super) fn prefix(facility: &FacilityId, parts: &[&str]) -> Vec<u8> {
    let mut prefix = key(facility, parts);
    prefix.push(0);
    prefix
}

impl FeedBook {
    /// Opens the book in `directory`, which one process has for itself.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(directory: &Path, clock: Clock) -> Result<Self, FeedError> {
        let database = Database::builder(directory).cache_size(8 << 20).worker_threads(1).open()?;
        let small = || KeyspaceCreateOptions::default().max_memtable_size(4 << 20);
        let (offered, dealt_with) = (database.keyspace("offered", small)?, database.keyspace("dealt_with", small)?);
        let (days, gaps) = (database.keyspace("days", small)?, database.keyspace("gaps", small)?);
        let (unsettled, standings) = (database.keyspace("unsettled", small)?, database.keyspace("standings", small)?);
        Ok(Self { database, offered, dealt_with, unsettled, days, gaps, standings, clock })
    }

    /// Writes notes in one batch, in their order.
    pub(crate) fn write(&self, notes: &[Note]) -> Result<(), FeedError> {
        let mut batch = self.database.batch();
        for Note { facility, name, kind, step, items } in notes {
            let to = match step {
                Step::Offered => &self.offered,
                Step::DealtWith => &self.dealt_with,
            };
            let feed = Feed { facility, name, kind: *kind };
            let mut last = None;
            for (day, item) in items {
                let text = day.to_string();
                let key = key(facility, &[name, &text, &item.key, &format!("{:032x}", item.digest)]);
                batch.insert(to, key, []);
                if last.replace(*day) != Some(*day) {
                    batch.insert(&self.unsettled, feed.key(&text), kind.code().as_bytes());
                }
            }
        }
        Ok(batch.commit()?)
    }

    /// Notes items that a source has sent. Note them before they are dealt with. The same item sent again is the same item.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn offered(&self, feed: Feed<'_>, day: Date, items: &[Item]) -> Result<(), FeedError> {
        self.count(Step::Offered, feed, day, items)
    }

    /// Notes items that were dealt with: made durable, or kept in quarantine. Note them after that.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn dealt_with(&self, feed: Feed<'_>, day: Date, items: &[Item]) -> Result<(), FeedError> {
        self.count(Step::DealtWith, feed, day, items)
    }

    fn count(&self, step: Step, feed: Feed<'_>, day: Date, items: &[Item]) -> Result<(), FeedError> {
        let items = items.iter().map(|item| (day, item.clone())).collect();
        let (facility, name) = (feed.facility.clone(), feed.name.to_owned().into());
        self.write(&[Note { facility, name, kind: feed.kind, step, items }])
    }

    fn items(&self, of: &Keyspace, feed: Feed<'_>, day: &str) -> Result<Vec<Item>, FeedError> {
        let prefix = feed.prefix(day);
        let mut items = Vec::new();
        for entry in of.prefix(&prefix) {
            let key = entry.key()?;
            let rest = key.get(prefix.len()..).unwrap_or_default();
            let damaged = || FeedError { reason: "an entry is damaged".to_owned() };
            let (name, digest) =
                std::str::from_utf8(rest).ok().and_then(|rest| rest.split_once('\0')).ok_or_else(damaged)?;
            let digest = u128::from_str_radix(digest, 16).map_err(|_| damaged())?;
            items.push(Item::new(name, digest));
        }
        Ok(items)
    }

    /// Compares what was offered on a day with what was dealt with, and notes what that came to.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn settle(&self, feed: Feed<'_>, day: Date) -> Result<Comparison, FeedError> {
        let text = day.to_string();
        let comparison = compare(&self.items(&self.offered, feed, &text)?, &self.items(&self.dealt_with, feed, &text)?);
        self.note(feed, day, &comparison, 0)?;
        Ok(comparison)
    }

    /// Compares the days of a facility's message feeds on which something came since.
    fn settle_open(&self, facility: &FacilityId) -> Result<(), FeedError> {
        for entry in self.unsettled.prefix(prefix(facility, &[])) {
            let (key, kind) = entry.into_inner()?;
            let text = std::str::from_utf8(&key).unwrap_or_default();
            let mut parts = text.split('\0').skip(1);
            let (name, day) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let kind = FeedKind::ALL.into_iter().find(|known| known.code().as_bytes() == &*kind);
            // Removed first: what comes meanwhile opens the day again.
            self.unsettled.remove(&*key)?;
            if let (Some(kind), Ok(day)) = (kind, day.parse()) {
                self.settle(Feed { facility, name, kind }, day)?;
            }
        }
        Ok(())
    }

    /// Notes what comparing a day came to, in the place of what was noted before; `refused` of what was dealt with is in
    /// quarantine. On disk when it returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&self, feed: Feed<'_>, day: Date, comparison: &Comparison, refused: u64) -> Result<(), FeedError> {
        let text = day.to_string();
        let noted = v1::FeedDay {
            feed: feed.name.to_owned(),
            kind: feed.kind.code().to_owned(),
            day: text.clone(),
            offered: comparison.offered,
            dealt_with: comparison.dealt_with,
            refused,
            missing: comparison.count(GapKind::Missing),
            differing: comparison.count(GapKind::Differing),
            vanished: comparison.count(GapKind::Vanished),
            offered_digest: comparison.offered_digest,
            dealt_with_digest: comparison.dealt_with_digest,
            compared_us: (self.clock)().micros(),
        };
        self.put_day(feed.facility, &noted, &comparison.gaps)
    }

    /// Writes what comparing a day came to, and its gaps, in the place of what was written before.
    pub(super) fn put_day(&self, facility: &FacilityId, day: &v1::FeedDay, gaps: &[Gap]) -> Result<(), FeedError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        let begin = prefix(facility, &[&day.feed, &day.day]);
        for entry in self.gaps.prefix(&begin) {
            batch.remove(&self.gaps, entry.key()?);
        }
        for (number, Gap { key, kind }) in (0u64..).zip(gaps) {
            let gap = v1::Gap { kind: kind.code().to_owned(), key: key.clone() };
            batch.insert(&self.gaps, [begin.as_slice(), &number.to_be_bytes()].concat(), gap.encode_to_vec());
        }
        batch.insert(&self.days, key(facility, &[&day.feed, &day.day]), day.encode_to_vec());
        Ok(batch.commit()?)
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }
    pub(super) fn standings_kept(&self) -> &Keyspace {
        &self.standings
    }
    pub(super) fn now(&self) -> Moment {
        (self.clock)()
    }

    /// What is noted of a facility's feeds, by feed and day; of one feed where it is named. Of message feeds, as of now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn days(&self, facility: &FacilityId, feed: &str, which: Page) -> Result<Vec<v1::FeedDay>, FeedError> {
        self.settle_open(facility)?;
        let prefix = if feed.is_empty() { prefix(facility, &[]) } else { prefix(facility, &[feed]) };
        page(&self.days, &prefix, which)
    }

    /// The gaps of one day of a feed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn gaps(&self, facility: &FacilityId, feed: &str, day: &str, which: Page) -> Result<Vec<v1::Gap>, FeedError> {
        page(&self.gaps, &prefix(facility, &[feed, day]), which)
    }
}

pub(super) fn page<M: Message + Default>(of: &Keyspace, prefix: &[u8], which: Page) -> Result<Vec<M>, FeedError> {
    let mut found = Vec::new();
    for entry in of.prefix(prefix).skip(which.skip).take(which.limit) {
        let value = entry.value()?;
        found.push(M::decode(&*value).map_err(|error| FeedError { reason: error.to_string() })?);
    }
    Ok(found)
}
