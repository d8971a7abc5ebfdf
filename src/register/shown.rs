//! Whether one reading can have shown a result, and in whose view a result was: judged by the book as it stood, made of the
//! letters about one patient.
//!
//! A statement shows what its frontier holds, a feed everything between two. What was admitted before the act ended counts
//! too: permissions are older than the rows they open by moments, and a feed is written down with the frontier of its last
//! heartbeat. So nobody who was shown the result is missing.

use super::course::in_order;
use consent_filter::{Audience, Book};
use model::{AuditEvent, Event, FacilityId, Frontier, Moment, Position, Principal, Record};
use std::sync::Arc;

/// Letters that decide about one patient (see [`super::places`]).
pub(super) type Letters = [(Position, Arc<Event>)];

/// A stretch in which a record said one value: the versions that said it, and what ended it.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) versions: Vec<(Position, Moment, Record)>,
    pub(super) until: (Position, Moment),
}

enum Step<'a> {
    Letter(&'a Event),
    Stands(&'a Record),
    Ends,
}

fn ordered<'a>(letters: &'a Letters, rest: Vec<(Position, Moment, Step<'a>)>) -> Vec<(Position, Moment, Step<'a>)> {
    let stated = letters.iter().map(|(position, event)| (*position, event.admitted_at, Step::Letter(event)));
    in_order(stated.chain(rest).collect(), |(position, admitted, _)| (*position, *admitted))
}

/// Whether the agent of this reading was permitted the value at some moment of it while it stood.
pub(super) fn was_shown(letters: &Letters, stretch: &Stretch, event: &AuditEvent) -> bool {
    let nowhere = Frontier::start();
    let seen = event.what.seen().unwrap_or(&nowhere);
    let since = event.what.since().unwrap_or(seen);
    let stood = stretch.versions.iter().map(|(at, admitted, record)| (*at, *admitted, Step::Stands(record)));
    let (ended_at, ended_admitted) = stretch.until;
    let steps = ordered(letters, stood.chain([(ended_at, ended_admitted, Step::Ends)]).collect());
    let (before, after): (Vec<_>, Vec<_>) = steps.into_iter().partition(|(position, ..)| since.includes(*position));

    let agent = &event.agent;
    let viewer = Principal {
        facility: agent.facility.clone(),
        member: agent.member.clone(),
        role: agent.role,
        purpose: event.purpose,
    };
    let mut then = Then { book: Book::new(), standing: None };
    for (position, _, step) in before {
        if !then.take(position, &step) {
            return false;
        }
    }
    if then.permits(&viewer, event.began) {
        return true;
    }
    for (position, admitted, step) in after {
        if !seen.includes(position) && admitted > event.ended {
            continue;
        }
        if !then.take(position, &step) {
            return false;
        }
        if then.permits(&viewer, admitted.clamp(event.began, event.ended)) {
            return true;
        }
    }
    // Time alone may have opened it.
    then.permits(&viewer, event.ended)
}

/// In whose view a version was as it came, besides its source's own.
pub(super) fn viewers(letters: &Letters, (position, admitted): (Position, Moment), record: &Record) -> Vec<FacilityId> {
    let mut then = Then { book: Book::new(), standing: None };
    for (at, _, step) in ordered(letters, vec![(position, admitted, Step::Ends)]) {
        if !then.take(at, &step) {
            break;
        }
    }
    let facts = then.book.facts(record);
    let mut audience = Audience::new();
    then.book.audience(&facts, admitted, &mut audience);
    let reached = audience.reached().iter().filter_map(|reached| then.book.facility_id(reached.facility).cloned());
    reached.filter(|facility| facility != record.patient.facility()).collect()
}

/// The book, and the version that stood.
struct Then<'a> {
    book: Book,
    standing: Option<&'a Record>,
}

impl<'a> Then<'a> {
    /// Takes a step; `false` where the stretch ends.
    fn take(&mut self, position: Position, step: &Step<'a>) -> bool {
        match step {
            Step::Letter(event) => {
                let _ = self.book.apply(position, &event.body);
            }
            Step::Stands(record) => self.standing = Some(record),
            Step::Ends => return false,
        }
        true
    }
    fn permits(&mut self, viewer: &Principal, moment: Moment) -> bool {
        let Some(record) = self.standing else { return false };
        let facts = self.book.facts(record);
        self.book.decide(&facts, viewer, moment).is_permit()
    }
}
