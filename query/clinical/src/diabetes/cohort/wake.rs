//! When time alone may change membership.

use super::Criterion;
use super::criterion::{Within, last_birth};
use crate::diabetes::day::{days_later, months_later, start_of};
use crate::diabetes::facts::{Dated, Facts, Measure};
use crate::diabetes::tables::Tables;
use model::Moment;

const DAY: i64 = 86_400_000_000;

/// The first moment after now at which a criterion may turn.
pub(super) fn next(criterion: &Criterion, facts: &Facts, tables: &Tables, now: Moment) -> Option<Moment> {
    let mut found = Turns { facts, tables, now, first: None };
    // facts of later moments are not yet looked at
    let origins = [
        facts.readings.iter().map(|one| one.at).min_by_key(|at| later(*at, now)),
        facts.supplies.iter().map(|one| one.at).min_by_key(|at| later(*at, now)),
        facts.diagnoses.iter().map(|one| one.at).min_by_key(|at| later(*at, now)),
        facts.visits.iter().map(|one| one.at).min_by_key(|at| later(*at, now)),
        facts.observations.iter().map(|one| one.at).min_by_key(|at| later(*at, now)),
        facts.died,
    ];
    origins.into_iter().flatten().for_each(|at| found.at(at));
    found.look(criterion);
    found.first
}

/// Later moments in their order, before all earlier ones.
fn later(at: Moment, now: Moment) -> (bool, Moment) {
    (at <= now, at)
}

struct Turns<'a> {
    facts: &'a Facts,
    tables: &'a Tables,
    now: Moment,
    first: Option<Moment>,
}

impl Turns<'_> {
    fn at(&mut self, moment: Moment) {
        if moment > self.now && self.first.is_none_or(|first| moment < first) {
            self.first = Some(moment);
        }
    }

    /// Some days after a moment, to the microsecond.
    fn after(&mut self, moment: Moment, days: u32) {
        self.at(moment.plus_micros(i64::from(days) * DAY));
    }

    /// The start of the day some days after one.
    fn day(&mut self, day: crate::diabetes::Date, days: i64) {
        if let Some(moment) = start_of(days_later(day, days)) {
            self.at(moment);
        }
    }

    fn birthday(&mut self, years: u16) {
        let Some(birth) = self.facts.birth else { return };
        // who was born on 29 February completes a year on 1 March: the day before is early, never late
        if let Some(moment) = start_of(months_later(birth, i64::from(years) * 12)) {
            self.at(moment);
            self.at(moment.plus_micros(DAY));
        }
    }

    fn readings(&mut self, measures: &[Measure], days: u32) {
        let facts = self.facts;
        for one in facts.readings.iter().filter(|one| measures.contains(&one.value.measure())) {
            self.after(one.at, days);
        }
    }

    fn look(&mut self, criterion: &Criterion) {
        let (facts, tables) = (self.facts, self.tables);
        match criterion {
            Criterion::All(of) | Criterion::Any(of) => of.iter().for_each(|one| self.look(one)),
            Criterion::Not(of) => self.look(of),
            Criterion::Age(from, to) => [*from, to.saturating_add(1)].into_iter().for_each(|age| self.birthday(age)),
            Criterion::AtLeast(measure, _, within) | Criterion::Below(measure, _, within) => {
                if let Within::Days(days) = within {
                    self.readings(&[*measure], u32::from(*days));
                }
            }
            Criterion::Coded(_, _, within) => {
                if let Within::Days(days) = within {
                    facts.diagnoses.iter().for_each(|one| self.after(one.at, u32::from(*days)));
                }
            }
            Criterion::StageAtLeast(_) | Criterion::RiskAtLeast(_) => self.readings(
                &[
                    Measure::AlbuminRatio,
                    Measure::UrineAlbumin,
                    Measure::UrineCreatinine,
                    Measure::ProteinRatio,
                    Measure::ProteinGrade,
                ],
                tables.kidney.albumin_days,
            ),
            Criterion::RapidDecline | Criterion::FallingBelow60 => {
                self.readings(&[Measure::Creatinine, Measure::Egfr], tables.kidney.slope_days);
            }
            Criterion::OverTreated => {
                self.supplies();
                tables.targets.ages().for_each(|age| self.birthday(age));
            }
            Criterion::Takes(_) => self.supplies(),
            Criterion::Overdue(check) => {
                if let Ok(found) = tables.due.next(facts, *check, self.now) {
                    self.day(found.value.due, 1);
                }
            }
            Criterion::NotSeenFor(days) => self.contacts(i64::from(*days) + 1),
            Criterion::Admitted => self.ends(),
            Criterion::GestationalBirth(from, to) => {
                if let Some(birth) = last_birth(facts, self.now) {
                    self.day(birth.day(), i64::from(*from));
                    self.day(birth.day(), i64::from(*to) + 1);
                }
            }
            Criterion::Diabetes
            | Criterion::Kind(_)
            | Criterion::Alive
            | Criterion::MovedAway
            | Criterion::GlucoseSinceBirth => {}
        }
    }

    /// Supplies that run out, with their days of grace.
    fn supplies(&mut self) {
        let drugs = &self.tables.drugs;
        for one in &self.facts.supplies {
            self.day(drugs.end(one), i64::from(drugs.grace_days()) + 1);
        }
    }

    /// Everything that is a contact, so many days later.
    fn contacts(&mut self, days: i64) {
        let facts = self.facts;
        facts.readings.iter().map(Dated::day).for_each(|day| self.day(day, days));
        facts.observations.iter().map(Dated::day).for_each(|day| self.day(day, days));
        let ends = facts.supplies.iter().map(|one| self.tables.drugs.end(one)).collect::<Vec<_>>();
        ends.into_iter().for_each(|day| self.day(day, days));
        for one in &facts.visits {
            let end = one.value.until.map_or(one.day(), crate::diabetes::day::day_of);
            self.day(end, days);
        }
        self.ends();
    }

    fn ends(&mut self) {
        self.facts.visits.iter().filter_map(|one| one.value.until).for_each(|until| self.at(until));
    }
}
