//! What makes a person enter or leave.

use super::looks::Looks;
use super::{Cohort, Verdict};
use crate::diabetes::answer::{Reach, Standing};
use crate::diabetes::facts::{Dated, Facts};
use crate::diabetes::person::Person;
use model::Moment;

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// The person has become a member.
    Enter,
    /// The person is a member no more.
    Leave,
}

/// What happened to the facts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// The person died, or the death was taken back.
    Death,
    /// A patient number was linked or unlinked.
    Link,
    /// What is open has changed: consent, withdrawal, scope.
    Consent,
    /// A fact was corrected or taken back.
    Correction,
    /// A new result or measurement.
    Result,
    /// A new prescription or supply.
    Drug,
    /// A new diagnosis.
    Diagnosis,
    /// A new visit.
    Visit,
    /// Something else was examined or stated.
    Observation,
    /// Who the person is (birth, sex) was learned or corrected.
    Person,
    /// Nothing: time has passed.
    Time,
}

/// A step, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Which way.
    pub step: Step,
    /// What happened.
    pub cause: Cause,
    /// As it was.
    pub before: Verdict,
    /// As it is.
    pub after: Verdict,
}

impl Cause {
    /// A short stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Death => "death",
            Self::Link => "link",
            Self::Consent => "consent",
            Self::Correction => "correction",
            Self::Result => "result",
            Self::Drug => "drug",
            Self::Diagnosis => "diagnosis",
            Self::Visit => "visit",
            Self::Observation => "observation",
            Self::Person => "person",
            Self::Time => "time",
        }
    }
}

/// Whether one person enters or leaves a cohort between two moments; `None` where membership stays. The work is that of
/// looking at this person's facts, whatever the cohort holds; of several cohorts, what they ask alike is worked out once.
pub fn step(cohort: &Cohort, before: &Person<'_>, after: &Person<'_>) -> Option<Change> {
    let (was, is) = (cohort.criterion.of(before), cohort.criterion.of(after));
    let step = match (was.is_member(), is.is_member()) {
        (false, true) => Step::Enter,
        (true, false) => Step::Leave,
        _ => return None,
    };
    let cause = cohort.cause((before.facts(), before.now()), (after.facts(), after.now()));
    Some(Change { step, cause, before: was, after: is })
}

impl Cohort {
    /// What happened between two moments to those of a person's facts that the cohort looks at: a visit on the day of a value makes
    /// nobody a member. Of several things the weightiest is told, in the order of [`Cause`].
    pub fn cause(&self, (before, then): (&Facts, Moment), (after, now): (&Facts, Moment)) -> Cause {
        let looks = Looks::of(&self.criterion);
        cause((&looks.only(before), then), (&looks.only(after), now))
    }
}

/// What happened to facts between two moments. Of several things the weightiest is told, in the order of
/// [`Cause`]: what consent took away was not corrected.
pub(super) fn cause((before, then): (&Facts, Moment), (after, now): (&Facts, Moment)) -> Cause {
    if before.died.is_some_and(|died| died <= then) != after.died.is_some_and(|died| died <= now) {
        return Cause::Death;
    }
    if before.reach != after.reach {
        return if links(&before.reach) == links(&after.reach) { Cause::Consent } else { Cause::Link };
    }
    let results = changed(&before.readings, &after.readings);
    let drugs = changed(&before.supplies, &after.supplies);
    let diagnoses = changed(&before.diagnoses, &after.diagnoses);
    let visits = changed(&before.visits, &after.visits);
    let observations = changed(&before.observations, &after.observations);
    let lists = [
        (results, Cause::Result),
        (drugs, Cause::Drug),
        (diagnoses, Cause::Diagnosis),
        (visits, Cause::Visit),
        (observations, Cause::Observation),
    ];
    // a stay that has ended is the same visit seen later, not a visit taken back
    let taken_back = lists.iter().any(|((gone, _), cause)| *gone && *cause != Cause::Visit);
    if taken_back || (visits.0 && !visits.1) {
        return Cause::Correction;
    }
    if let Some((_, cause)) = lists.iter().find(|((gone, come), _)| *gone || *come) {
        return *cause;
    }
    let person = (before.birth, before.sex) != (after.birth, after.sex);
    if person { Cause::Person } else { Cause::Time }
}

fn links(reach: &Reach) -> Vec<&model::FacilityId> {
    reach.standings().filter(|(_, standing)| *standing != Standing::NotLinked).map(|row| row.0).collect()
}

/// Whether facts have gone, and whether others have come.
fn changed<T: PartialEq>(before: &[Dated<T>], after: &[Dated<T>]) -> (bool, bool) {
    // mostly one fact was added at the end: what is the same from the start is not compared with everything
    let same = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let (before, after) = (before.get(same..).unwrap_or_default(), after.get(same..).unwrap_or_default());
    let gone = before.iter().any(|one| !after.contains(one));
    let come = after.iter().any(|one| !before.contains(one));
    (gone, come)
}
