//! What a change would show and hide: two books asked the same of one viewer at one moment.

use super::{Entry, Visibility};
use crate::intern::QuickMap;
use crate::{Book, Facts, PatientIx};
use model::{Body, Moment, Position, Principal};
use std::cmp::Ordering;

/// What becomes of one record for one viewer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    /// It is shown in both or in neither.
    Same,
    /// It is hidden before and shown after.
    Gained,
    /// It is shown before and hidden after.
    Lost,
}

/// How what one viewer sees differs between two books, for every record there is or may be.
#[derive(Clone, Debug)]
pub struct Difference {
    before: Visibility,
    after: Visibility,
    /// INVARIANT: sorted; of every other patient of another facility both visibilities show the same.
    patients: Vec<PatientIx>,
    own: bool,
}

// === impl Book ===

impl Book {
    /// How what `viewer` sees at `moment` differs between this book and `after`.
    ///
    /// `after` is a copy of this one that was told more: patients and classes have the same numbers in both.
    pub fn difference(&self, after: &Self, viewer: &Principal, moment: Moment) -> Difference {
        Difference::between(self.visibility(viewer, moment), after.visibility(viewer, moment))
    }

    /// The first moment after `moment` at which what this one event says begins or ends by the clock alone. As with
    /// [`Book::next_change_after`] it may name a moment at which nothing changes; it never skips one.
    pub fn next_change_of(body: &Body, moment: Moment) -> Option<Moment> {
        let mut alone = Self::new();
        let _ = alone.apply(Position::new(0, 0), body);
        alone.next_change_after(moment)
    }
}

// === impl Difference ===

impl Difference {
    /// Between two visibilities of one viewer at one moment, of books in which patients and classes have the same
    /// numbers.
    pub fn between(before: Visibility, after: Visibility) -> Self {
        let own_of = |visibility: &Visibility| visibility.resolved.as_ref().map(|resolved| resolved.own.clone());
        let own = own_of(&before) != own_of(&after);
        let patients = differing(&before, &after);
        Self { before, after, patients, own }
    }

    /// The visibility before.
    pub fn before(&self) -> &Visibility {
        &self.before
    }
    /// The visibility after.
    pub fn after(&self) -> &Visibility {
        &self.after
    }
    /// The patient refs of other facilities of whom something may appear or vanish, sorted. Never too few.
    pub fn patients(&self) -> &[PatientIx] {
        &self.patients
    }
    /// Whether something of the viewing facility's own records may appear or vanish.
    pub fn own(&self) -> bool {
        self.own
    }
    /// Whether no record at all appears or vanishes.
    pub fn is_nothing(&self) -> bool {
        self.patients.is_empty() && !self.own
    }
    /// What becomes of one record.
    pub fn of(&self, facts: &Facts) -> Change {
        match (self.before.permits(facts), self.after.permits(facts)) {
            (false, true) => Change::Gained,
            (true, false) => Change::Lost,
            _ => Change::Same,
        }
    }
    /// Whether the other viewer, at the same facility, gains and loses exactly the same: cheap, and never wrongly true.
    pub fn is_like(&self, other: &Self) -> bool {
        let alike = |a: &Visibility, b: &Visibility, patient: PatientIx| match (a.entry(patient), b.entry(patient)) {
            (Some(one), Some(two)) => a.sets.get(one.set) == b.sets.get(two.set),
            (None, None) => true,
            _ => false,
        };
        let own_of = |visibility: &Visibility| visibility.resolved.as_ref().map(|resolved| resolved.own.clone());
        let same_own = |a: &Visibility, b: &Visibility| own_of(a) == own_of(b);
        self.own == other.own
            && (!self.own || same_own(&self.before, &other.before) && same_own(&self.after, &other.after))
            && self.before.moment == other.before.moment
            && self.patients == other.patients
            && self.patients.iter().all(|patient| {
                alike(&self.before, &other.before, *patient) && alike(&self.after, &other.after, *patient)
            })
    }
}

// === impl Visibility ===

impl Visibility {
    /// The patient refs of other facilities of whom this one and a later one of the same book may not show the same,
    /// sorted. Never too few.
    pub fn differing(&self, after: &Self) -> Vec<PatientIx> {
        differing(self, after)
    }
}

/// The patients of whom the two do not show the same.
fn differing(before: &Visibility, after: &Visibility) -> Vec<PatientIx> {
    let mut patients = Vec::new();
    let mut compared: QuickMap<(u32, u32), bool> = QuickMap::default();
    let mut same = |old: &Entry, new: &Entry| {
        // Most patients of a source share their set, so that few sets are compared.
        *compared.entry((old.set, new.set)).or_insert_with(|| {
            let (old, new) = (before.sets.get(old.set), after.sets.get(new.set));
            // Between two moments a hold-back may have lapsed for some record.
            let held = || old.is_some_and(|set| set.iter().any(|alternative| alternative.hold != i64::MIN));
            old == new && (before.moment == after.moment || !held())
        })
    };
    let (mut old, mut new) = (before.entries.iter().peekable(), after.entries.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return patients,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.patient.cmp(&new.patient),
        };
        let one = if order == Ordering::Greater { None } else { old.next() };
        let other = if order == Ordering::Less { None } else { new.next() };
        match (one, other) {
            (Some(one), Some(other)) if same(one, other) => {}
            (Some(entry), _) | (None, Some(entry)) => patients.push(entry.patient),
            (None, None) => {}
        }
    }
}
