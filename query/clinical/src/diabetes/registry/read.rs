//! What several items and cohorts ask alike.

use crate::diabetes::Observation;
use crate::diabetes::answer::{Absent, Answer, Found, Unsaid};
use crate::diabetes::drug::DrugClass;
use crate::diabetes::facts::{Dated, Measure};
use crate::diabetes::person::Person;
use crate::diabetes::target::{ElderlyCategory, NO_TARGET, Target};
use model::{Category, FacilityId, Moment};

const AGE_UNKNOWN: Unsaid =
    Unsaid { key: "age-unknown", en: "the birth date is not known", ja: "生年月日が不明" };
const YOUNG: Unsaid =
    Unsaid {
        key: "not-elderly", en: "a floor is set for those of 65 and older only", ja: "下限値は65歳以上のみ"
    };

/// The classes of diabetes drugs a person takes, with the supplies they come from.
///
/// # Errors
/// When none is seen: none is taken, where all prescriptions are open.
pub fn treatment(person: &Person<'_>) -> Answer<Vec<DrugClass>> {
    let current = person.drugs();
    let classes = current.keys().copied().collect();
    Found::resting_on(classes, current.values().map(|one| one.origin()))
        .ok_or_else(|| person.facts().reach.absent(Category::Medication))
}

/// Whether a drug that risks hypoglycaemia is taken, with what that rests on; `false` only where all prescriptions are
/// open.
fn risky(person: &Person<'_>) -> Result<(bool, Vec<(Moment, FacilityId)>), Absent> {
    let risky = person.drugs().iter().filter(|one| one.0.risks_hypoglycaemia());
    let supplies: Vec<_> = risky.map(|(_, one)| (one.at, one.source.clone())).collect();
    let absent = person.facts().reach.absent(Category::Medication);
    match (supplies.is_empty(), absent) {
        (false, _) => Ok((true, supplies)),
        (true, Absent::NotMeasured) => Ok((false, supplies)),
        (true, absent) => Err(absent),
    }
}

/// The HbA1c target of a person. It rests on the drug that sets it, or on the DASC-8; of the young on nothing but age, and
/// is then of the moment of the latest HbA1c.
///
/// # Errors
/// Where no target holds, with the reason.
pub fn target(person: &Person<'_>) -> Answer<Target> {
    let (facts, tables, now) = (person.facts(), person.tables(), person.now());
    let age = facts.age(now).ok_or(Absent::CannotBeSaid { why: AGE_UNKNOWN })?;
    let category = ElderlyCategory::of(facts, now);
    let (is_risky, supplies) = if age < 65 { (false, Vec::new()) } else { risky(person)? };
    let target = tables
        .targets
        .target(age, category, is_risky)
        .map_err(|why| if why == NO_TARGET { Absent::DoesNotApply { why } } else { Absent::CannotBeSaid { why } })?;
    let said = facts.observed(now, |one| matches!(one, Observation::Dasc8(_)).then_some(()));
    let said = said.last().filter(|_| age >= 65).map(|one| one.1.origin());
    let latest = facts.latest(Measure::Hba1c, now).map(Dated::origin);
    let rests_on: Vec<_> = supplies.iter().map(|one| (one.0, &one.1)).chain(said).collect();
    let found = Found::resting_on(target, rests_on);
    let found = found.or_else(|| Found::resting_on(target, latest.ok()));
    found.ok_or_else(|| facts.reach.absent(Measure::Hba1c.category()).needed(Measure::Hba1c))
}

/// Whether HbA1c lies below the floor while a drug is taken that risks hypoglycaemia.
///
/// # Errors
/// Below 65; without HbA1c; where prescriptions are not open; where it depends on a category that is not known.
pub fn over_treated(person: &Person<'_>) -> Answer<bool> {
    let (facts, tables, now) = (person.facts(), person.tables(), person.now());
    let age = facts.age(now).ok_or(Absent::CannotBeSaid { why: AGE_UNKNOWN })?;
    if age < 65 {
        return Err(Absent::DoesNotApply { why: YOUNG });
    }
    let hba1c = facts.latest(Measure::Hba1c, now).map_err(|absent| absent.needed(Measure::Hba1c))?;
    let (is_risky, supplies) = risky(person)?;
    let classes = person.drugs().keys().copied().filter(|_| is_risky);
    let bound = || Absent::CannotBeSaid { why: crate::diabetes::kidney::BOUND };
    let value = hba1c.value.value().low.filter(|low| Some(*low) == hba1c.value.value().high).ok_or_else(bound)?.0;
    let category = ElderlyCategory::of(facts, now);
    let said = tables.targets.over_treated(age, category, classes, value);
    let unknown = Absent::CannotBeSaid { why: crate::diabetes::target::CATEGORY_UNKNOWN };
    let said = said.ok_or(unknown)?;
    let rests_on = supplies.iter().map(|one| (one.0, &one.1)).chain([hba1c.origin()]);
    Found::resting_on(said, rests_on).ok_or_else(bound)
}
