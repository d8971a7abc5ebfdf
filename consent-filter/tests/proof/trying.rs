//! Trying before doing, and which statements opened a record.

use crate::world::{World, a_history, a_moment, an_event, cases, everybody, partition, region, samples};
use consent_filter::{Book, Change, Decision, Facts, Opener, Permit};
use model::*;
use proptest::prelude::*;

/// The book with one more event, at the next place of its partition.
fn tried(world: &World, draft: &Body) -> Book {
    let mut after = world.book.clone();
    let next = after.frontier().next(PartitionId(partition(draft)));
    let _ = after.apply(Position { partition: PartitionId(partition(draft)), offset: next }, draft);
    after
}

fn change(before: bool, after: bool) -> Change {
    match (before, after) {
        (false, true) => Change::Gained,
        (true, false) => Change::Lost,
        _ => Change::Same,
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_tried_is_what_then_happens(
        history in a_history(), draft in an_event(), samples in samples(), moment in a_moment(),
    ) {
        let mut world = World::of(history.clone());
        let facts: Vec<Facts> = samples.iter().map(|sample| world.facts(sample)).collect();
        let after = tried(&world, &draft);
        // What really happens is a book of its own, told everything from the first event on, in numbers of its own.
        let mut real = World::of(history);
        let _ = real.tell(draft);
        for viewer in everybody() {
            let difference = world.book.difference(&after, &viewer, moment);
            for (sample, facts) in samples.iter().zip(&facts) {
                let before = world.book.decide(facts, &viewer, moment).is_permit();
                let really = real.sees(sample, &viewer, moment);
                prop_assert_eq!(difference.of(facts), change(before, really), "{:?} {:?}", viewer, sample);
                let concerned = difference.patients().contains(&facts.patient)
                    || difference.own() && *sample.patient.facility() == viewer.facility;
                prop_assert!(before == really || concerned, "{:?} {:?}", viewer, sample);
            }
        }
    }

    #[test]
    fn what_is_tried_touches_whom_the_event_touches_and_nobody_else(
        history in a_history(), draft in an_event(), samples in samples(), moment in a_moment(),
    ) {
        let mut world = World::of(history);
        samples.iter().for_each(|sample| { world.facts(sample); });
        let before = world.book.clone();
        let touched = world.tell(draft).touched;
        let pairs = world.book.pairs(&touched);
        for viewer in everybody() {
            let difference = before.difference(&world.book, &viewer, moment);
            let at = world.book.facility(&viewer.facility);
            for patient in difference.patients() {
                prop_assert!(at.is_some_and(|at| pairs.contains(&(at, *patient))), "{:?} {:?}", viewer, touched);
            }
        }
    }

    #[test]
    fn whoever_is_shown_something_else_at_a_later_moment_is_named(
        history in a_history(), samples in samples(), one in a_moment(), other in a_moment(),
    ) {
        let mut world = World::of(history);
        let facts: Vec<Facts> = samples.iter().map(|sample| world.facts(sample)).collect();
        for viewer in everybody() {
            let earlier = world.book.visibility(&viewer, one.min(other));
            let later = world.book.visibility(&viewer, one.max(other));
            let named = earlier.differing(&later);
            for (sample, facts) in samples.iter().zip(&facts) {
                let same = earlier.permits(facts) == later.permits(facts);
                let concerned = named.contains(&facts.patient) || *sample.patient.facility() == viewer.facility;
                prop_assert!(same || concerned, "{:?} {:?}", viewer, sample);
            }
        }
    }

    #[test]
    fn viewers_whose_differences_are_alike_gain_and_lose_the_same(
        history in a_history(), draft in an_event(), samples in samples(), moment in a_moment(),
    ) {
        let mut world = World::of(history);
        let facts: Vec<Facts> = samples.iter().map(|sample| world.facts(sample)).collect();
        let after = tried(&world, &draft);
        let all: Vec<_> = everybody().into_iter()
            .filter(|viewer| viewer.purpose == Purpose::Treatment)
            .map(|viewer| (viewer.facility.clone(), world.book.difference(&after, &viewer, moment)))
            .collect();
        for (at, one) in &all {
            for (_, other) in all.iter().filter(|(elsewhere, other)| elsewhere == at && one.is_like(other)) {
                for facts in &facts {
                    prop_assert_eq!(one.of(facts), other.of(facts));
                }
            }
        }
    }

    #[test]
    fn a_record_that_is_shown_names_the_statements_that_opened_it(
        history in a_history(), samples in samples(), moment in a_moment(),
    ) {
        let mut world = World::of(history);
        // Where each event came to lie.
        let mut next = [0_u64; 3];
        let places: Vec<Position> = world.log.iter().map(|event| {
            let at = partition(event);
            next[at as usize] += 1;
            Position::new(at, next[at as usize] - 1)
        }).collect();
        let log = world.log.clone();
        for sample in &samples {
            let facts = world.facts(sample);
            for viewer in everybody() {
                let told = world.book.explain(&facts, &viewer, moment);
                let kinds: Vec<_> = told.opened_by.iter().map(|opening| match opening.by {
                    Opener::Consent(_) => "consent",
                    Opener::Glass(_) => "glass",
                    Opener::Scope(_) => "scope",
                    Opener::Link(_) => "link",
                }).collect();
                match told.decision {
                    Decision::Permit(Permit::Shared { .. }) => prop_assert_eq!(&kinds[..3], ["consent", "scope", "link"]),
                    Decision::Permit(Permit::BrokenGlass { .. }) => prop_assert_eq!(&kinds[..3], ["glass", "scope", "link"]),
                    Decision::Permit(Permit::Own) | Decision::Withhold(_) => prop_assert!(kinds.is_empty()),
                }
                for opening in &told.opened_by {
                    let at = places.iter().position(|place| *place == opening.at);
                    let event = &log[at.unwrap()];
                    let named = match (event, &opening.by) {
                        (Body::Consent(ConsentChange::Given(consent)), Opener::Consent(id)) => {
                            consent.id == *id && consent.state == ConsentState::Active
                        }
                        (Body::Consent(ConsentChange::GlassBroken(glass)), Opener::Glass(id)) => {
                            glass.id == *id && glass.facility == viewer.facility
                        }
                        (Body::Directory(DirectoryChange::Scope(scope)), Opener::Scope(id)) => scope.facility == *id,
                        (Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))), Opener::Link(id)) => {
                            link.id == *id && (link.a == sample.patient || link.b == sample.patient)
                        }
                        _ => false,
                    };
                    prop_assert!(named, "{:?} at {} is {:?}", opening.by, opening.at, event);
                }
            }
        }
    }
}

#[test]
fn what_a_draft_says_of_the_clock_is_said_without_a_book() {
    let day = |day: i64| Moment::from_micros(day * 86_400_000_000).unwrap();
    let mut consent = crate::world::consent("c-0", crate::world::patient("hosp-a", "001"), Viewers::AllMembers);
    consent.period = Period::new(Some(day(3)), Some(day(9))).unwrap();
    let body = crate::world::given(consent);
    assert_eq!(Book::next_change_of(&body, day(1)), Some(day(3)));
    assert_eq!(Book::next_change_of(&body, day(3)), Some(day(9)));
    assert_eq!(Book::next_change_of(&body, day(9)), None);
    assert!(region().iter().all(|event| Book::next_change_of(event, day(0)).is_none()));
}
