//! The roll: who is in which of some cohorts, kept up person by person.
//!
//! Whoever keeps a roll tells it of each person that something happened to, with their facts as they stand now, and asks it
//! who is due by the clock. The work is that of looking at these persons, whatever the cohorts hold. Kept are, of each person,
//! the cohorts they are in, by what and since when, and when time alone may change that; facts are kept of the last few only, to
//! say what happened.

use super::since::Since;
use super::{Cause, Cohort, Ground, Step};
use crate::diabetes::facts::Facts;
use crate::diabetes::person::Person;
use crate::diabetes::tables::Tables;
use model::Moment;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

/// Who is in which of some cohorts.
#[derive(Debug)]
pub struct Roll<K> {
    cohorts: Vec<Cohort>,
    tables: Arc<Tables>,
    persons: BTreeMap<K, Entry>,
    wakes: BTreeSet<(Moment, K)>,
    /// The facts of the last persons that were looked at, the longest ago first in the queue.
    recent: HashMap<K, Recent>,
    order: VecDeque<(K, u64)>,
    looks: u64,
    remembered: usize,
    /// By the cohort's place.
    counts: Vec<Counts>,
}

/// How many persons are in a cohort, and of how many that cannot be said.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    members: u64,
    unknown: u64,
}

#[derive(Debug, Default)]
struct Entry {
    /// By the cohort's place.
    in_cohorts: Vec<(usize, Membership)>,
    /// Of which cohorts it cannot be said.
    unknown: Vec<usize>,
    wakes: Option<Moment>,
}

#[derive(Debug)]
struct Recent {
    facts: Facts,
    looked: Moment,
    /// Which look it was: what stands in the queue of an earlier one is void.
    look: u64,
}

/// How somebody is in a cohort.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// By what.
    pub grounds: Vec<Ground>,
    /// Since when, by the facts known when they were found to be in it.
    pub since: Since,
}

/// Somebody entered or left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turned {
    /// The cohort's place among those of the roll.
    pub cohort: usize,
    /// Which way.
    pub step: Step,
    /// What happened.
    pub cause: Cause,
    /// How they are in it; `None` where they left.
    pub membership: Option<Membership>,
}

impl<K: Ord + Hash + Clone> Roll<K> {
    /// A roll of these cohorts, with nobody in them. The facts of so many persons are remembered.
    pub fn new(cohorts: Vec<Cohort>, tables: Arc<Tables>, remembered: usize) -> Self {
        let counts = vec![Counts::default(); cohorts.len()];
        let (persons, wakes, recent, order) = (BTreeMap::new(), BTreeSet::new(), HashMap::new(), VecDeque::new());
        Self { cohorts, tables, persons, wakes, recent, order, looks: 0, remembered, counts }
    }

    /// The cohorts.
    pub fn cohorts(&self) -> &[Cohort] {
        &self.cohorts
    }

    /// Looks at a person: with their facts, or without any where nothing is known of them. `hint` is what happened, as far as
    /// whoever tells it knows; it is told where the facts of before are not remembered, and where facts went with what was open.
    pub fn look(&mut self, key: &K, facts: Option<Facts>, now: Moment, hint: Option<Cause>) -> Vec<Turned> {
        let before = self.recent.remove(key);
        let mut entry = self.persons.remove(key).unwrap_or_default();
        if let Some(wakes) = entry.wakes.take() {
            self.wakes.remove(&(wakes, key.clone()));
        }
        self.count(&entry, -1);
        let Some(facts) = facts else {
            let why = hint.unwrap_or(Cause::Consent);
            let left = entry.in_cohorts.into_iter();
            return left
                .map(|(cohort, _)| Turned { cohort, step: Step::Leave, cause: why, membership: None })
                .collect();
        };
        let person = Person::new(&facts, &self.tables, now);
        let changed =
            |cohort: &Cohort| before.as_ref().map(|before| cohort.cause((&before.facts, before.looked), (&facts, now)));
        let why = |cohort: &Cohort| match changed(cohort) {
            // facts that went with what was open were not corrected
            Some(Cause::Correction) => {
                hint.filter(|hint| matches!(hint, Cause::Link | Cause::Consent)).unwrap_or(Cause::Correction)
            }
            Some(cause) => cause,
            None => hint.unwrap_or(Cause::Time),
        };
        let (mut turned, mut is_in, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        let mut was_in: HashMap<usize, Membership> = entry.in_cohorts.drain(..).collect();
        for (place, cohort) in self.cohorts.iter().enumerate() {
            let verdict = cohort.criterion.of(&person);
            match (was_in.remove(&place), verdict.is_member()) {
                (Some(was), true) => is_in.push((place, Membership { grounds: verdict.grounds, since: was.since })),
                (None, true) => {
                    let since = cohort.since(&facts, &self.tables, now);
                    let since = since.unwrap_or(Since { at: now, cause: Cause::Time });
                    let membership = Membership { grounds: verdict.grounds, since };
                    let (step, cause, told) = (Step::Enter, why(cohort), Some(membership.clone()));
                    turned.push(Turned { cohort: place, step, cause, membership: told });
                    is_in.push((place, membership));
                }
                (Some(_), false) => {
                    turned.push(Turned { cohort: place, step: Step::Leave, cause: why(cohort), membership: None });
                }
                (None, false) => {}
            }
            if verdict.truth == super::Truth::Unknown {
                unknown.push(place);
            }
        }
        let wakes = self.cohorts.iter().filter_map(|cohort| cohort.wakes_at(&facts, &self.tables, now)).min();
        drop(person);
        if let Some(wakes) = wakes {
            self.wakes.insert((wakes, key.clone()));
        }
        let entry = Entry { in_cohorts: is_in, unknown, wakes };
        self.count(&entry, 1);
        self.persons.insert(key.clone(), entry);
        self.looks += 1;
        self.remember(key, Recent { facts, looked: now, look: self.looks });
        turned
    }

    /// Who is to be looked at because time has passed, at most so many, the longest due first.
    pub fn due(&self, now: Moment, at_most: usize) -> Vec<K> {
        self.wakes.iter().take_while(|(wakes, _)| *wakes <= now).take(at_most).map(|(_, key)| key.clone()).collect()
    }

    /// When the next is due.
    pub fn next_due(&self) -> Option<Moment> {
        self.wakes.first().map(|(wakes, _)| *wakes)
    }

    /// The members of a cohort, in the order of their keys.
    pub fn members(&self, cohort: usize) -> impl Iterator<Item = (&K, &Membership)> {
        self.persons.iter().filter_map(move |(key, entry)| {
            let found = entry.in_cohorts.iter().find(|(place, _)| *place == cohort)?;
            Some((key, &found.1))
        })
    }

    /// How many members a cohort has.
    pub fn count_members(&self, cohort: usize) -> u64 {
        self.counts.get(cohort).map_or(0, |counts| counts.members)
    }

    /// How somebody is in a cohort; `None` where they are not.
    pub fn membership(&self, cohort: usize, key: &K) -> Option<&Membership> {
        let entry = self.persons.get(key)?;
        entry.in_cohorts.iter().find(|(place, _)| *place == cohort).map(|(_, membership)| membership)
    }

    /// Everybody there is.
    pub fn persons(&self) -> impl ExactSizeIterator<Item = &K> {
        self.persons.keys()
    }

    /// Of how many it cannot be said whether they are in a cohort.
    pub fn unknown(&self, cohort: usize) -> u64 {
        self.counts.get(cohort).map_or(0, |counts| counts.unknown)
    }

    /// Counts a person, or what they were counted as before.
    fn count(&mut self, entry: &Entry, by: i64) {
        for (cohort, _) in &entry.in_cohorts {
            if let Some(counts) = self.counts.get_mut(*cohort) {
                counts.members = counts.members.saturating_add_signed(by);
            }
        }
        for cohort in &entry.unknown {
            if let Some(counts) = self.counts.get_mut(*cohort) {
                counts.unknown = counts.unknown.saturating_add_signed(by);
            }
        }
    }

    fn remember(&mut self, key: &K, recent: Recent) {
        self.order.push_back((key.clone(), recent.look));
        self.recent.insert(key.clone(), recent);
        while self.recent.len() > self.remembered {
            let Some((oldest, look)) = self.order.pop_front() else { return };
            if self.recent.get(&oldest).is_some_and(|recent| recent.look == look) {
                self.recent.remove(&oldest);
            }
        }
        if self.order.len() > 64 + 4 * self.remembered {
            let recent = &self.recent;
            self.order.retain(|(key, look)| recent.get(key).is_some_and(|recent| recent.look == *look));
        }
    }
}

#[cfg(test)]
mod tests;
