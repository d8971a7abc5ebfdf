//! Who watches which bed, and who did until a while ago.
//!
//! It is of this process alone, as pages and their connections are. Who may know of whom is not decided here: see
//! [`Presence::told`].

use super::stretch::{BedId, Place};
use model::{Agent, BedWatcher, FacilityId, Moment, Principal};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Who went away is remembered for so long.
const REMEMBERED: i64 = 30 * 60 * 1_000_000;

/// Somebody who watches a bed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Looker {
    /// Who.
    pub agent: Agent,
    /// Since when.
    pub since: Moment,
    /// They look at this bed, and not only at a wall that it is on.
    pub alone: bool,
}

/// What somebody may know of who watches a bed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PresenceTold {
    /// Those of the asking facility; of every facility where the bed is its own.
    pub lookers: Vec<Looker>,
    /// Whether anybody of the bed's own facility watches it.
    pub source: bool,
}

/// Who watches what.
#[derive(Default)]
pub struct Presence {
    beds: Mutex<HashMap<BedId, Vec<Here>>>,
    changes: AtomicU64,
}

/// One agent at one bed, however many pages they have open.
struct Here {
    agent: Agent,
    since: Moment,
    walls: usize,
    pages: usize,
    /// When the last of them was closed.
    left: Option<Moment>,
}

impl Here {
    fn is_there(&self) -> bool {
        self.left.is_none()
    }
}

impl Presence {
    /// Changes whenever somebody comes or goes.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// What a facility may know of who watches a bed: its own people, of its own beds everybody, of others' whether anybody of
    /// the bed's facility does. Who receives learns nothing of who else does.
    pub fn told(&self, place: &Place, asks: &FacilityId) -> PresenceTold {
        let beds = self.beds.lock();
        let here = beds.get(&BedId::of(place)).map(Vec::as_slice).unwrap_or_default();
        let is_own = place.source() == asks;
        let lookers = here.iter().filter(|one| one.is_there() && (is_own || one.agent.facility == *asks));
        let looker = |one: &Here| Looker { agent: one.agent.clone(), since: one.since, alone: one.pages > 0 };
        PresenceTold {
            lookers: lookers.map(looker).collect(),
            source: here.iter().any(|one| one.is_there() && one.agent.facility == *place.source()),
        }
    }

    /// Who of some facilities watches a bed at a moment, and who did within the last half hour: for the receipt of a watch
    /// that goes over.
    pub fn watchers(&self, place: &Place, of: &[&FacilityId], now: Moment) -> Vec<BedWatcher> {
        let beds = self.beds.lock();
        let here = beds.get(&BedId::of(place)).map(Vec::as_slice).unwrap_or_default();
        let wanted = here.iter().filter(|one| of.contains(&&one.agent.facility));
        let recent = wanted.filter(|one| one.left.is_none_or(|left| now.since(left) <= REMEMBERED));
        let watcher = |one: &Here| BedWatcher { agent: one.agent.clone(), since: one.since, until: one.left };
        recent.map(watcher).collect()
    }

    fn come(&self, bed: BedId, agent: &Agent, (alone, now): (bool, Moment)) {
        let mut beds = self.beds.lock();
        let here = beds.entry(bed).or_default();
        here.retain(|one| one.left.is_none_or(|left| now.since(left) <= REMEMBERED));
        let at = here.iter().position(|one| one.is_there() && one.agent == *agent);
        let at = at.unwrap_or_else(|| {
            here.push(Here { agent: agent.clone(), since: now, walls: 0, pages: 0, left: None });
            here.len() - 1
        });
        if let Some(one) = here.get_mut(at) {
            *(if alone { &mut one.pages } else { &mut one.walls }) += 1;
        }
        drop(beds);
        self.changes.fetch_add(1, Ordering::Release);
    }

    fn go(&self, bed: BedId, agent: &Agent, (alone, now): (bool, Moment)) {
        let mut beds = self.beds.lock();
        let Some(here) = beds.get_mut(&bed) else { return };
        if let Some(one) = here.iter_mut().find(|one| one.is_there() && one.agent == *agent) {
            let count = if alone { &mut one.pages } else { &mut one.walls };
            *count = count.saturating_sub(1);
            if one.pages + one.walls == 0 {
                one.left = Some(now);
            }
        }
        here.retain(|one| one.left.is_none_or(|left| now.since(left) <= REMEMBERED));
        if here.is_empty() {
            beds.remove(&bed);
        }
        drop(beds);
        self.changes.fetch_add(1, Ordering::Release);
    }
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").field("beds", &self.beds.lock().len()).finish_non_exhaustive()
    }
}

/// Somebody's page: as long as it is kept, they watch what it shows.
#[derive(Debug)]
pub struct Looking {
    presence: Arc<Presence>,
    clock: fn() -> Moment,
    agent: Agent,
    alone: bool,
    at: HashSet<BedId>,
}

impl Looking {
    /// A page that shows nothing yet: a wall, or one bed alone.
    pub(super) fn begin(presence: &Arc<Presence>, principal: &Principal, alone: bool, clock: fn() -> Moment) -> Self {
        Self { presence: presence.clone(), clock, agent: Agent::from(principal), alone, at: HashSet::new() }
    }

    /// The page shows these beds now, and no others.
    pub fn shows(&mut self, beds: impl IntoIterator<Item = BedId>) {
        let beds: HashSet<BedId> = beds.into_iter().collect();
        if beds == self.at {
            return;
        }
        let now = (self.clock)();
        for bed in beds.difference(&self.at) {
            self.presence.come(*bed, &self.agent, (self.alone, now));
        }
        for bed in self.at.difference(&beds) {
            self.presence.go(*bed, &self.agent, (self.alone, now));
        }
        self.at = beds;
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.shows([]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beds::bed::tests::{at, place};
    use model::{MemberId, Purpose, Role};

    fn principal(facility: &str, member: &str) -> Principal {
        Principal {
            facility: FacilityId::parse(facility).unwrap(),
            member: Some(MemberId::parse(member).unwrap()),
            role: Role::Midwife,
            purpose: Purpose::Treatment,
        }
    }
    fn names(told: &PresenceTold) -> Vec<String> {
        told.lookers.iter().map(|one| format!("{}{}", one.agent.member.clone().unwrap(), u8::from(one.alone))).collect()
    }

    #[test]
    fn each_facility_is_told_of_its_own_and_the_beds_own_of_all() {
        let (presence, place) = (Arc::new(Presence::default()), place("001"));
        let source = place.source().clone();
        let id = BedId::of(&place);
        let looks = |who: &Principal, alone| {
            let mut looking = Looking::begin(&presence, who, alone, || at(0));
            looking.shows([id]);
            looking
        };
        let (centre, other) = (principal("centre", "dr-c"), principal("third", "dr-o"));
        let before = presence.changes();
        let _wall = looks(&centre, false);
        let page = looks(&centre, true);
        let _other = looks(&other, false);
        assert!(presence.changes() > before);
        let told = |facility: &FacilityId| presence.told(&place, facility);
        assert_eq!(names(&told(&centre.facility)), ["dr-c1"], "one person, however many pages");
        assert_eq!(names(&told(&other.facility)), ["dr-o0"]);
        assert_eq!(names(&told(&source)), ["dr-c1", "dr-o0"]);
        assert!(!told(&centre.facility).source && !told(&source).source);
        drop(page);
        assert_eq!(names(&told(&centre.facility)), ["dr-c0"]);
        let _nurse = looks(&principal(source.as_str(), "nurse"), true);
        assert!(told(&centre.facility).source);
        assert_eq!(names(&told(&centre.facility)), ["dr-c0"], "that somebody does, and not who");
    }

    #[test]
    fn a_receipt_names_who_watched_until_a_while_ago_and_nobody_of_a_third() {
        let (presence, place) = (Arc::new(Presence::default()), place("001"));
        let id = BedId::of(&place);
        let (centre, other) = (principal("centre", "dr-c"), principal("third", "dr-o"));
        let mut gone = Looking::begin(&presence, &centre, true, || at(5));
        gone.shows([id]);
        drop(gone);
        let mut third = Looking::begin(&presence, &other, true, || at(6));
        third.shows([id]);
        let of = [place.source(), &centre.facility];
        let watched = presence.watchers(&place, &of, at(7));
        assert_eq!(watched.len(), 1);
        assert_eq!((watched[0].since, watched[0].until), (at(5), Some(at(5))));
        assert!(presence.watchers(&place, &of, at(6 + REMEMBERED)).is_empty());
    }
}
