//! Who entered and left lately: of each person in each cohort the last event alone.
//!
//! Whoever reads slowly is told less, never what is no longer so: an entry that was followed by a withdrawal is not there to be
//! told any more.

use clinical::diabetes::cohort::{Cause, Membership, Step};
use model::{Frontier, Moment, PatientNumber};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Somebody entered or left a cohort.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// Which cohort, by its place.
    pub cohort: usize,
    /// Who, by the facility's own number.
    pub number: PatientNumber,
    /// Which way.
    pub step: Step,
    /// What happened.
    pub cause: Cause,
    /// When it was found.
    pub at: Moment,
    /// How they are in it; `None` where they left.
    pub membership: Option<Membership>,
}

// Redacted: the number is patient data.
impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event").field("step", &self.step).finish_non_exhaustive()
    }
}

/// Where a watcher goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Since {
    /// After this event.
    Event(u64),
    /// That is no longer remembered: begin anew.
    Forgotten,
}

/// The last events.
#[derive(Debug, Default)]
pub(super) struct Events {
    last: u64,
    by_number: BTreeMap<u64, Event>,
    of_person: HashMap<(usize, PatientNumber), u64>,
    /// Up to where in the log events were told, each with the last of them.
    marks: VecDeque<(Frontier, u64)>,
    /// Everything after this is remembered.
    since: u64,
}

/// So many events are remembered.
const EVENTS: usize = 100_000;
/// So many places to resume from.
const MARKS: usize = 4_096;

impl Events {
    pub(super) fn push(&mut self, event: Event) {
        self.last += 1;
        if let Some(before) = self.of_person.insert((event.cohort, event.number.clone()), self.last) {
            self.by_number.remove(&before);
        }
        self.by_number.insert(self.last, event);
        while self.by_number.len() > EVENTS {
            let Some((number, event)) = self.by_number.pop_first() else { return };
            self.since = number;
            self.of_person.remove(&(event.cohort, event.number));
        }
    }

    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Everything before `frontier` was told.
    pub(super) fn mark(&mut self, frontier: &Frontier) {
        if self.marks.back().is_none_or(|(at, last)| at != frontier || *last != self.last) {
            self.marks.push_back((frontier.clone(), self.last));
        }
        if self.marks.len() > MARKS {
            self.marks.pop_front();
        }
    }

    /// Where to go on after a frontier that was told. What the clock alone did at that frontier may come again.
    pub(super) fn after(&self, frontier: &Frontier) -> Since {
        let reached = self.marks.iter().rfind(|(at, _)| frontier.covers(at));
        let Some((reached, _)) = reached else { return Since::Forgotten };
        // the first mark is where this keeper began: what was before it is not known
        let mut same = self.marks.iter().enumerate().filter(|(_, (at, _))| at == reached);
        match same.next() {
            Some((place, (_, last))) if place > 0 && *last >= self.since => Since::Event(*last),
            _ => Since::Forgotten,
        }
    }

    /// What came after an event; `None` where some of it is no longer remembered.
    pub(super) fn since(&self, number: u64, cohort: usize) -> Option<Vec<Event>> {
        if number < self.since {
            return None;
        }
        let after = self.by_number.range(number + 1..).map(|(_, event)| event);
        Some(after.filter(|event| event.cohort == cohort).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Position;

    fn event(number: &str, step: Step) -> Event {
        let (number, at) = (PatientNumber::parse(number).unwrap(), Moment::from_micros(0).unwrap());
        Event { cohort: 0, number, step, cause: Cause::Result, at, membership: None }
    }
    fn frontier(offset: u64) -> Frontier {
        let mut frontier = Frontier::start();
        frontier.include(Position::new(1, offset));
        frontier
    }

    #[test]
    fn only_the_last_of_each_person_is_told() {
        let mut events = Events::default();
        events.push(event("1", Step::Enter));
        events.push(event("2", Step::Enter));
        events.push(event("1", Step::Leave));
        let told = events.since(0, 0).unwrap();
        let told: Vec<_> = told.iter().map(|one| (one.number.as_str(), one.step)).collect();
        assert_eq!(told, [("2", Step::Enter), ("1", Step::Leave)], "what was withdrawn is not told first");
        assert_eq!(events.since(3, 0).unwrap(), []);
        assert_eq!(events.since(0, 1).unwrap(), [], "of another cohort");
    }

    #[test]
    fn a_watcher_goes_on_where_it_was_and_begins_anew_where_that_is_not_known() {
        let mut events = Events::default();
        events.mark(&frontier(5));
        assert_eq!(events.after(&frontier(5)), Since::Forgotten, "what the clock did before this life is not known");
        events.push(event("1", Step::Enter));
        events.mark(&frontier(6));
        events.push(event("2", Step::Enter));
        events.mark(&frontier(6));
        events.push(event("3", Step::Enter));
        events.mark(&frontier(9));
        assert_eq!(events.after(&frontier(4)), Since::Forgotten);
        assert_eq!(events.after(&frontier(6)), Since::Event(1), "what the clock did at 6 comes again");
        assert_eq!(events.after(&frontier(8)), Since::Event(1));
        assert_eq!(events.after(&frontier(20)), Since::Event(3));
    }
}
