//! Broken glasses and releases: what few patients have, beside the grants.

use crate::directory::Viewer;
use crate::index::MemberIx;
use crate::intern::QuickMap;
use crate::planted::{Bug, is};
use crate::{FacilityIx, PatientIx, Reason};
use model::{
    BreakGlass, Category, CategorySet, FacilityId, GlassId, MemberId, Moment, PatientRef, Position, Release,
    ReviewOutcome, Role,
};

/// One broken glass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Glass {
    pub id: GlassId,
    pub facility: FacilityIx,
    pub member: MemberIx,
    pub role: Role,
    pub from: i64,
    pub until: i64,
    /// Closed before its time, or barred before it was stated.
    pub closed: bool,
    /// Whether it was stated at all.
    pub stated: bool,
    pub review: Option<ReviewOutcome>,
    /// Where it was broken.
    pub broken_at: Option<Position>,
}

/// Up to which `recorded` each category is released, in microseconds; `i64::MIN` where it is not.
pub(crate) type Released = [i64; Category::ALL.len()];

#[derive(Clone, Default, Debug)]
pub(crate) struct Emergencies {
    glasses: QuickMap<PatientIx, Vec<Glass>>,
    released: QuickMap<PatientIx, Released>,
}

/// Up to which `recorded` a category is released, if at all.
pub(crate) fn released_until(released: &Released, category: Category) -> Option<i64> {
    released.get(category as usize).copied().filter(|until| *until != i64::MIN)
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shattered {
    Changed,
    /// Recorded; it opens and closes nothing.
    Noted,
    Unchanged,
    /// The id stands for another statement, which came first.
    Taken,
    /// The id was closed before it was stated.
    Final,
    Unknown,
}

// === impl Glass ===

impl Glass {
    pub(crate) fn new(glass: &BreakGlass, facility: FacilityIx, member: MemberIx) -> Self {
        Self {
            id: glass.id.clone(),
            facility,
            member,
            role: glass.role,
            from: glass.from().micros(),
            until: glass.until().micros(),
            closed: false,
            stated: true,
            review: None,
            broken_at: None,
        }
    }
    fn barred(id: &GlassId, facility: FacilityIx) -> Self {
        Self {
            id: id.clone(),
            facility,
            member: MemberIx::at(usize::MAX),
            role: Role::Patient,
            from: i64::MIN,
            until: i64::MIN,
            closed: true,
            stated: false,
            review: None,
            broken_at: None,
        }
    }
    /// Whether this is the viewer's own glass.
    pub(crate) fn is_of(&self, viewer: &Viewer) -> bool {
        self.stated
            && self.facility == viewer.facility
            && (viewer.member == Some(self.member) || is(Bug::GlassForColleagues))
            && viewer.roles.contains(self.role)
    }
    /// Whether it is broken now, or the gate at which it is not.
    pub(crate) fn in_force(&self, moment: i64) -> Result<(), Reason> {
        if moment < self.from {
            Err(Reason::BreakGlassNotBegun)
        } else if self.closed || moment >= self.until && !is(Bug::GlassNeverExpires) {
            Err(Reason::BreakGlassExpired)
        } else {
            Ok(())
        }
    }
    fn says(&self, other: &Self) -> bool {
        (self.member, self.role, self.from, self.until) == (other.member, other.role, other.from, other.until)
    }
}

// === impl Emergencies ===

impl Emergencies {
    /// A patient's glasses, in the order of their first mention.
    pub(crate) fn glasses(&self, patient: PatientIx) -> &[Glass] {
        // Almost always there are none at all.
        if self.glasses.is_empty() {
            return &[];
        }
        self.glasses.get(&patient).map(Vec::as_slice).unwrap_or_default()
    }
    pub(crate) fn all(&self) -> impl Iterator<Item = (PatientIx, &Glass)> {
        self.glasses.iter().flat_map(|(patient, glasses)| glasses.iter().map(|glass| (*patient, glass)))
    }
    pub(crate) fn shatter(&mut self, patient: PatientIx, glass: Glass) -> Shattered {
        let glasses = self.glasses.entry(patient).or_default();
        match glasses.iter().find(|known| known.facility == glass.facility && known.id == glass.id) {
            None => {
                glasses.push(glass);
                Shattered::Changed
            }
            Some(known) if !known.stated && is(Bug::BarredGlassBreaks) => {
                glasses.push(glass);
                Shattered::Changed
            }
            Some(known) if !known.stated => Shattered::Final,
            Some(known) if known.says(&glass) => Shattered::Unchanged,
            Some(_) => Shattered::Taken,
        }
    }
    pub(crate) fn note_statement(&mut self, patient: PatientIx, id: &GlassId, position: Position) {
        let glasses = self.glasses.get_mut(&patient).map(Vec::as_mut_slice).unwrap_or_default();
        // The statement just taken in is the last of its id that is not noted yet.
        if let Some(glass) = glasses.iter_mut().rfind(|glass| glass.id == *id && glass.broken_at.is_none()) {
            glass.broken_at = Some(position);
        }
    }
    pub(crate) fn close(&mut self, patient: PatientIx, facility: FacilityIx, id: &GlassId) -> Shattered {
        let glasses = self.glasses.entry(patient).or_default();
        match glasses.iter_mut().find(|known| known.facility == facility && known.id == *id) {
            None => {
                glasses.push(Glass::barred(id, facility));
                Shattered::Unknown
            }
            Some(known) if known.closed => Shattered::Unchanged,
            Some(known) => {
                known.closed = !is(Bug::GlassStaysBroken);
                Shattered::Changed
            }
        }
    }
    pub(crate) fn review(
        &mut self,
        patient: PatientIx,
        facility: FacilityIx,
        (id, outcome): (&GlassId, ReviewOutcome),
    ) -> Shattered {
        let known = self.glasses.get_mut(&patient).and_then(|glasses| {
            glasses.iter_mut().find(|known| known.stated && known.facility == facility && known.id == *id)
        });
        let Some(known) = known else { return Shattered::Unknown };
        if known.review == Some(outcome) {
            return Shattered::Unchanged;
        }
        known.review = Some(outcome);
        if outcome == ReviewOutcome::Unjustified && !known.closed {
            known.closed = !is(Bug::ReviewForgotten);
            return Shattered::Changed;
        }
        Shattered::Noted
    }

    /// Up to which `recorded` this category of the patient is released, if at all.
    pub(crate) fn released(&self, patient: PatientIx, category: Category) -> Option<i64> {
        released_until(self.releases_of(patient)?, category)
    }
    /// What is released of the patient, if anything.
    pub(crate) fn releases_of(&self, patient: PatientIx) -> Option<&Released> {
        // Almost always there is nothing at all.
        if self.released.is_empty() { None } else { self.released.get(&patient) }
    }
    /// Whether the release released anything more.
    pub(crate) fn release(&mut self, patient: PatientIx, release: &Release) -> bool {
        if release.categories.is_empty() {
            return false;
        }
        let released = self.released.entry(patient).or_insert([i64::MIN; Category::ALL.len()]);
        let mut more = false;
        let everything = if is(Bug::ReleaseOfEverything) { CategorySet::all() } else { release.categories };
        for category in everything.iter() {
            if let Some(until) = released.get_mut(category as usize)
                && *until < release.recorded_until.micros()
            {
                *until = release.recorded_until.micros();
                more = true;
            }
        }
        more
    }
    /// Every release that holds: whose, which categories together, up to when.
    pub(crate) fn releases(&self) -> impl Iterator<Item = (PatientIx, CategorySet, i64)> {
        self.released.iter().flat_map(|(patient, released)| {
            let one = |(category, until): (&Category, &i64)| (*patient, CategorySet::of(*category), *until);
            Category::ALL.iter().zip(released).map(one).filter(|(_, _, until)| *until != i64::MIN)
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        let glasses: usize = self.glasses.values().map(|glasses| glasses.capacity() * size_of::<Glass>()).sum();
        glasses
            + self.glasses.capacity() * (size_of::<(PatientIx, Vec<Glass>)>() + 1)
            + self.released.capacity() * (size_of::<(PatientIx, Released)>() + 1)
    }
}

/// A broken glass as the book holds it. Why it was broken stays in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatedGlass {
    /// Its id, one per viewing facility and patient ref.
    pub id: GlassId,
    /// The patient, as the source knows them.
    pub patient: PatientRef,
    /// The viewing facility.
    pub facility: FacilityId,
    /// Who broke it; absent for an id that was closed before it was stated.
    pub member: Option<MemberId>,
    /// In which role.
    pub role: Role,
    /// From when; absent as `member` is.
    pub from: Option<Moment>,
    /// Until before when.
    pub until: Option<Moment>,
    /// Whether it was closed before its time.
    pub closed: bool,
    /// What the source's review found; absent while it waits for one.
    pub review: Option<ReviewOutcome>,
}
