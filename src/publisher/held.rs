//! What is held back now: rows that stand and that nobody at a facility may see although a link says that it knows the
//! patient, by reason.
//!
//! Whether somebody may see a row is the book's audience to say. Why nobody may is the reason for the facility's own
//! machine: it counts as every clinical role there, so that nobody there comes further.

use super::Span;
use consent_filter::{Audience, Book, Decision, FacilityIx, Facts, PatientIx, Reason};
use model::{FacilityId, Labels, Moment, Position, Principal, Purpose, Role};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Rows held back from one facility for one reason.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct HeldFor {
    /// How many.
    pub rows: u64,
    /// How many of them the log took in in the period.
    pub of_period: u64,
    /// Of which patients.
    pub patients: HashSet<PatientIx>,
    /// When the clock lets the first of them go.
    pub next: Option<Moment>,
    /// When the clock lets the last of them go.
    pub last: Option<Moment>,
    /// The labels they carry.
    pub labels: Labels,
}

/// How the source's rows stand at one facility now.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Rows that somebody there may see.
    pub visible: u64,
    /// Rows that nobody there may see, by reason.
    pub held: BTreeMap<Reason, HeldFor>,
}

/// Folds the rows of one source.
#[derive(Debug)]
pub struct Held {
    source: FacilityId,
    span: Span,
    moment: Moment,
    standing: BTreeMap<FacilityIx, Standing>,
    machines: HashMap<FacilityIx, Principal>,
    rows: u64,
    of_period: u64,
    audience: Audience,
}

impl Held {
    /// Nothing yet of this source's rows, judged at `moment`.
    pub fn of(source: FacilityId, span: Span, moment: Moment) -> Self {
        let (standing, machines, audience) = (BTreeMap::new(), HashMap::new(), Audience::new());
        Self { source, span, moment, standing, machines, rows: 0, of_period: 0, audience }
    }

    /// Takes in a row of the source that stands; each once. A patient whom the book has no number for has no link either:
    /// of their rows there are no facts.
    pub fn take(&mut self, book: &Book, position: Position, facts: Option<&Facts>) {
        let in_period = self.span.holds(position);
        self.rows += 1;
        self.of_period += u64::from(in_period);
        let Some(facts) = facts else { return };
        book.audience(facts, self.moment, &mut self.audience);
        let own = book.patient_source(facts.patient);
        let mut last = own;
        // The refs of a person lie sorted by facility.
        for known in book.person_of(facts.patient) {
            let Some(facility) = book.patient_source(known) else { continue };
            if Some(facility) == last || Some(facility) == own {
                continue;
            }
            last = Some(facility);
            let reason = if self.audience.contains(facility) { None } else { self.reason(book, facts, facility) };
            let standing = self.standing.entry(facility).or_default();
            let Some(reason) = reason else {
                standing.visible += 1;
                continue;
            };
            let held = standing.held.entry(reason).or_default();
            held.rows += 1;
            held.of_period += u64::from(in_period);
            held.patients.insert(facts.patient);
            if let Some(class) = book.scope_class(facts.class) {
                held.labels = held.labels.union(class.labels);
            }
            if reason == Reason::HeldBack
                && let Some(lapse) = book.release_after(facts, self.moment)
            {
                held.next = held.next.into_iter().chain([lapse]).min();
                held.last = held.last.max(Some(lapse));
            }
        }
    }

    fn reason(&mut self, book: &Book, facts: &Facts, facility: FacilityIx) -> Option<Reason> {
        let machine = match self.machines.entry(facility) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let facility = book.facility_id(facility)?.clone();
                new.insert(Principal { facility, member: None, role: Role::System, purpose: Purpose::Treatment })
            }
        };
        match book.decide(facts, machine, self.moment) {
            Decision::Permit(_) => None,
            Decision::Withhold(reason) => Some(reason),
        }
    }

    /// Whose rows they are.
    pub fn source(&self) -> &FacilityId {
        &self.source
    }
    /// How many rows stand.
    pub fn rows(&self) -> u64 {
        self.rows
    }
    /// How many of them the log took in in the period.
    pub fn of_period(&self) -> u64 {
        self.of_period
    }
    /// How they stand at each facility that knows one of the patients.
    pub fn standing(&self) -> impl Iterator<Item = (FacilityIx, &Standing)> {
        self.standing.iter().map(|(facility, standing)| (*facility, standing))
    }
}
