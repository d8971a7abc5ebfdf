//! Of whom the clock opened or closed something.

use consent_filter::Book;
use model::{Moment, PatientNumber, Principal};
use std::collections::BTreeSet;

/// After how long hold-backs are asked whether they have lapsed, in microseconds; they are counted in days.
const HOLD_BACK_STEP: i64 = 600_000_000;

/// Until when a principal's permissions were asked what the clock changed.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    asked: Option<Moment>,
}

impl Permissions {
    /// Whether nothing was asked yet: everybody is looked at then.
    pub(super) fn is_new(&self) -> bool {
        self.asked.is_none()
    }

    /// The persons of whom the principal may be shown something else than when this was last asked, by their facility's own numbers, and
    /// by the clock alone: what an event changed is told by the feeds. Never too few: of whom something is held back for days is among
    /// them every ten minutes.
    pub(super) fn turned(&mut self, book: &Book, principal: &Principal, now: Moment) -> BTreeSet<PatientNumber> {
        let Some(asked) = self.asked else {
            self.asked = Some(now);
            return BTreeSet::new();
        };
        let turned = book.next_change_after(asked).is_some_and(|turns| turns <= now);
        if !turned && now.since(asked) < HOLD_BACK_STEP {
            return BTreeSet::new();
        }
        self.asked = Some(now);
        // of one book at two moments, so that no event since is taken for the clock
        let (before, after) = (book.visibility(principal, asked), book.visibility(principal, now));
        let persons = before.differing(&after).into_iter().filter_map(|patient| {
            let own = after.own_patient(patient).or_else(|| before.own_patient(patient))?;
            Some(book.patient_ref(own)?.number().clone())
        });
        persons.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::{Simulation, SimulationOptions, Site};
    use consent_filter::Patients;
    use model::{Body, ConsentChange, DirectoryChange, HoldBack, Period, Position, Purpose, Role};

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn the_clock_touches_those_alone_whose_permission_it_turns() {
        let start = Moment::parse("2026-04-01").unwrap();
        let options =
            SimulationOptions { patients: 60, hours: 12, frame_millis: 60_000, ..SimulationOptions::new(9, start) };
        let now = options.end();
        let simulation = Simulation::new(options).unwrap();
        let office = simulation.offices().iter().find(|office| office.site == Site::Clinic).unwrap();
        let member = office.member(Role::Physician).map(|member| member.id.clone());
        let facility = office.id().clone();
        let clinic = Principal { facility, member, role: Role::Physician, purpose: Purpose::Treatment };
        let (mut book, mut consents) = (Book::new(), Vec::new());
        let tell = |book: &mut Book, offset, body: &Body| drop(book.apply(Position::new(0, offset), body));
        let mut offset = 0;
        for timed in simulation {
            let mut body = timed.unwrap().event.body;
            match &mut body {
                // what is held back for days may be shown at any moment
                Body::Directory(DirectoryChange::Scope(scope)) => {
                    scope.rules.iter_mut().for_each(|rule| rule.hold_back = HoldBack::None);
                }
                Body::Consent(ConsentChange::Given(consent)) => consents.push(consent.clone()),
                // nothing is shown of what nobody has seen a record of
                Body::Record(record) => drop(book.facts(record)),
                _ => {}
            }
            tell(&mut book, offset, &body);
            offset += 1;
        }
        let mut permissions = Permissions::default();
        assert!(permissions.is_new() && permissions.turned(&book, &clinic, now).is_empty() && !permissions.is_new());

        // what one patient's consents say ends in half an hour, and nothing of others
        let visibility = book.visibility(&clinic, now);
        let listed = visibility.sources().find_map(|(_, patients)| match patients {
            Patients::Listed([one, ..]) => Some(*one),
            _ => None,
        });
        let other = listed.expect("the clinic is shown somebody of another facility");
        let whose = book.patient_ref(other).unwrap().clone();
        let own = book.patient_ref(visibility.own_patient(other).unwrap()).unwrap().number().clone();
        let ends = now.plus_micros(30 * MINUTE);
        for mut consent in consents.into_iter().filter(|consent| consent.patient == whose) {
            consent.period = Period::new(None, Some(ends)).unwrap();
            tell(&mut book, offset, &Body::Consent(ConsentChange::Given(consent)));
            offset += 1;
        }
        for minutes in [1, 5, 11, 25] {
            let then = now.plus_micros(minutes * MINUTE);
            assert!(permissions.turned(&book, &clinic, then).is_empty(), "after {minutes} minutes nobody's turns");
        }
        assert_eq!(permissions.turned(&book, &clinic, ends), BTreeSet::from([own]));
        assert!(permissions.turned(&book, &clinic, ends.plus_micros(20 * MINUTE)).is_empty());
    }
}
