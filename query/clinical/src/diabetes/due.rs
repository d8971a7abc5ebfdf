//! When each check is due next, and how long the person has not been seen.

use super::answer::{Absent, Answer};
use super::day::{Date, day_of, days_between, days_later, months_later};
use super::drug::DrugTable;
use super::facts::{Dated, Facts, Measure, Observation, Retinopathy};
use crate::{Certainty, Source};
use model::{Category, FacilityId, Moment};

/// A check that comes again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Check {
    /// HbA1c.
    Hba1c,
    /// Creatinine or eGFR.
    Kidney,
    /// Urine albumin per creatinine.
    UrineAlbumin,
    /// Lipids: LDL cholesterol.
    Lipids,
    /// Blood pressure.
    BloodPressure,
    /// Eyes.
    Eye,
    /// Feet.
    Foot,
    /// Teeth.
    Dental,
}

impl Check {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Hba1c,
        Self::Kidney,
        Self::UrineAlbumin,
        Self::Lipids,
        Self::BloodPressure,
        Self::Eye,
        Self::Foot,
        Self::Dental,
    ];

    /// A short stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hba1c => "hba1c",
            Self::Kidney => "kidney",
            Self::UrineAlbumin => "urine-albumin",
            Self::Lipids => "lipids",
            Self::BloodPressure => "blood-pressure",
            Self::Eye => "eye",
            Self::Foot => "foot",
            Self::Dental => "dental",
        }
    }

    /// The values it is made by; none where it is an examination.
    pub const fn measures(self) -> &'static [Measure] {
        match self {
            Self::Hba1c => &[Measure::Hba1c],
            Self::Kidney => &[Measure::Creatinine, Measure::CystatinC, Measure::Egfr],
            Self::UrineAlbumin => &[Measure::AlbuminRatio, Measure::UrineAlbumin],
            Self::Lipids => &[Measure::Ldl],
            Self::BloodPressure => &[Measure::Systolic],
            Self::Eye | Self::Foot | Self::Dental => &[],
        }
    }

    /// The category of record it comes in.
    pub const fn category(self) -> Category {
        match self {
            Self::Hba1c | Self::Kidney | Self::UrineAlbumin | Self::Lipids => Category::Laboratory,
            Self::BloodPressure => Category::VitalSign,
            Self::Eye | Self::Foot | Self::Dental => Category::Document,
        }
    }
}

/// After how long.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Interval {
    /// Months of the calendar.
    Months(u8),
    /// Days.
    Days(u16),
}

/// How long a check holds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DueRow {
    /// The check.
    pub check: Check,
    /// For the eyes, after this finding; `None` for every finding, and where none is stated.
    pub finding: Option<Retinopathy>,
    /// After how long it is due again.
    pub after: Interval,
    /// Where it comes from; `None` for a facility's own.
    pub source: Option<Source>,
}

/// Changes with every change of the shipped rows.
pub const DUE_VERSION: &str = "2026-11-23";

const EYE: Option<Source> = Some(Source {
    text: "糖尿病治療ガイド: none 6-12 months, simple 3-6, pre-proliferative 1-2, proliferative 2-4 weeks; the longer end",
    certainty: Certainty::Memory,
});
const ALBUMIN: Option<Source> =
    Some(Source { text: "every 3-6 months in stages 1-2 (almediaweb); the longer end", certainty: Certainty::Primary });
const CHOICE: Option<Source> = Some(Source { text: "usual practice; a choice", certainty: Certainty::Memory });

const fn row(check: Check, finding: Option<Retinopathy>, after: Interval, source: Option<Source>) -> DueRow {
    DueRow { check, finding, after, source }
}

/// The shipped rows. The first that fits holds.
pub const DUE_ROWS: &[DueRow] = &[
    row(Check::Hba1c, None, Interval::Months(3), CHOICE),
    row(Check::Kidney, None, Interval::Months(6), CHOICE),
    row(Check::UrineAlbumin, None, Interval::Months(6), ALBUMIN),
    row(Check::Lipids, None, Interval::Months(12), CHOICE),
    row(Check::BloodPressure, None, Interval::Months(3), CHOICE),
    row(Check::Eye, Some(Retinopathy::Simple), Interval::Months(6), EYE),
    row(Check::Eye, Some(Retinopathy::PreProliferative), Interval::Months(2), EYE),
    row(Check::Eye, Some(Retinopathy::Proliferative), Interval::Days(28), EYE),
    row(Check::Eye, None, Interval::Months(12), EYE),
    row(Check::Foot, None, Interval::Months(12), CHOICE),
    row(Check::Dental, None, Interval::Months(12), CHOICE),
];

/// Rows with a version.
#[derive(Clone, PartialEq, Debug)]
pub struct DueTable {
    version: String,
    rows: Vec<DueRow>,
}

/// When a check is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NextDue {
    /// The day of the last one.
    pub last: Date,
    /// The day from which it is due; on that day it is not yet overdue.
    pub due: Date,
    /// Days past that day; zero where it is not past.
    pub overdue_days: u32,
}

impl DueTable {
    /// The shipped rows.
    pub fn shipped() -> Self {
        Self { version: DUE_VERSION.to_owned(), rows: DUE_ROWS.to_vec() }
    }

    /// The same with a facility's own rows before the shipped ones.
    #[must_use]
    pub fn with(self, version: &str, own: Vec<DueRow>) -> Self {
        Self { version: version.to_owned(), rows: own.into_iter().chain(self.rows).collect() }
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// When a check is due next, by the last one up to a moment.
    ///
    /// # Errors
    /// When none was seen: it is due now, if it was nowhere else; or no row speaks of the check.
    pub fn next(&self, facts: &Facts, check: Check, now: Moment) -> Answer<NextDue> {
        let absent = || facts.reach.absent(check.category());
        let (at, source, finding) = last(facts, check, now).ok_or_else(absent)?;
        let fits = |row: &&DueRow| row.check == check && (row.finding.is_none() || row.finding == finding);
        let row = self.rows.iter().find(fits).ok_or_else(absent)?;
        let last = day_of(at);
        let due = match row.after {
            Interval::Months(months) => months_later(last, i64::from(months)),
            Interval::Days(days) => days_later(last, i64::from(days)),
        };
        let overdue_days = u32::try_from(days_between(due, day_of(now))).unwrap_or(0);
        Ok(super::Found { value: NextDue { last, due, overdue_days }, at, sources: vec![source.clone()] })
    }
}

/// The last time a check was made, with what the eyes showed.
fn last(facts: &Facts, check: Check, now: Moment) -> Option<(Moment, &FacilityId, Option<Retinopathy>)> {
    let observed = |of: fn(Observation) -> Option<Option<Retinopathy>>| {
        facts.observed(now, of).pop().map(|(finding, one)| (one.at, &one.source, finding))
    };
    match check {
        Check::Hba1c | Check::Kidney | Check::UrineAlbumin | Check::Lipids | Check::BloodPressure => {
            let values = check.measures().iter().filter_map(|measure| facts.latest(*measure, now).ok());
            values.map(Dated::origin).max().map(|(at, source)| (at, source, None))
        }
        Check::Eye => observed(|one| if let Observation::Eye(finding) = one { Some(finding) } else { None }),
        Check::Foot => observed(|one| (one == Observation::Foot).then_some(None)),
        Check::Dental => observed(|one| (one == Observation::Dental).then_some(None)),
    }
}

/// The last contact of a person with anybody whose records are open: a visit kept, a value taken, an examination, or
/// the end of a supply of diabetes drugs. A stay in hospital that goes on is a contact now.
///
/// # Errors
/// When there is none.
pub fn last_contact(facts: &Facts, drugs: &DrugTable, now: Moment) -> Answer<Date> {
    let today = day_of(now);
    let visits = facts.visits.iter().filter(|one| one.at <= now && !one.value.planned).map(|one| {
        let inpatient = one.value.class == model::EncounterClass::Inpatient;
        let end = one.value.until.map(|until| day_of(until.min(now)));
        (end.unwrap_or(if inpatient { today } else { one.day() }), one.origin())
    });
    // the latest of many values is on the latest of their days
    let readings = facts.readings.iter().filter(|one| one.at <= now).map(Dated::origin).max();
    let readings = readings.map(|origin| (day_of(origin.0), origin));
    let examined = facts.observations.iter().filter(|one| one.at <= now).filter(|one| {
        !matches!(one.value, Observation::MovedAway | Observation::DiabetesSince(_) | Observation::PregnancyBegan)
    });
    let examined = examined.map(|one| (one.day(), one.origin()));
    let supplied = drugs.supplies(facts, now).into_iter().map(|(one, _)| (drugs.end(one).min(today), one.origin()));
    let all = visits.chain(readings).chain(examined).chain(supplied);
    match all.max() {
        Some((day, (at, source))) => Ok(super::Found { value: day, at, sources: vec![source.clone()] }),
        None => Err(facts.reach.absent(Category::Encounter)),
    }
}

/// Whether a value is due: not there at all, or overdue. Where it may have been made in what is not open, it is not
/// said.
pub fn is_overdue(answer: &Answer<NextDue>) -> Option<bool> {
    match answer {
        Ok(found) => Some(found.value.overdue_days > 0),
        Err(Absent::NotMeasured) => Some(true),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diabetes::testing::{at, dated, drug, observed, readings, visit};
    use crate::diabetes::{Reach, Standing, Visit};
    use jiff::civil::date;
    use model::EncounterClass;
    use proptest::prelude::*;

    const NOW: &str = "2026-11-01";

    fn next(facts: &Facts, check: Check) -> Answer<NextDue> {
        DueTable::shipped().next(facts, check, at(NOW))
    }

    #[test]
    fn a_check_is_due_after_its_interval_and_overdue_the_day_after() {
        let due = |day| next(&readings(&[(day, Measure::AlbuminRatio, "10")]), Check::UrineAlbumin).unwrap().value;
        assert_eq!(due("2026-05-01"), NextDue { last: date(2026, 5, 1), due: date(2026, 11, 1), overdue_days: 0 });
        assert_eq!(due("2026-04-30").overdue_days, 2, "30 April and six months is 30 October");
    }

    #[test]
    fn eyes_are_due_by_what_they_showed() {
        let due = |finding| {
            let facts =
                Facts { observations: vec![observed("2026-01-31", Observation::Eye(finding))], ..Facts::default() };
            next(&facts, Check::Eye).unwrap().value.due
        };
        assert_eq!(due(None), date(2027, 1, 31));
        assert_eq!(due(Some(Retinopathy::None)), date(2027, 1, 31));
        assert_eq!(due(Some(Retinopathy::Simple)), date(2026, 7, 31));
        assert_eq!(due(Some(Retinopathy::PreProliferative)), date(2026, 3, 31));
        assert_eq!(due(Some(Retinopathy::Proliferative)), date(2026, 2, 28));
    }

    #[test]
    fn what_was_never_seen_is_overdue_only_where_all_is_open() {
        let mut facts = Facts::default();
        assert_eq!(is_overdue(&next(&facts, Check::Eye)), Some(true));
        facts.reach = Reach::new([(FacilityId::parse("eyes").unwrap(), Standing::NotLinked)]);
        assert_eq!(is_overdue(&next(&facts, Check::Eye)), None);
        assert_eq!(next(&facts, Check::Eye).unwrap_err().code(), "not-linked");
    }

    #[test]
    fn every_check_has_a_row_and_a_facilitys_row_comes_first() {
        for check in Check::ALL {
            assert!(DUE_ROWS.iter().any(|row| row.check == check && row.finding.is_none()), "{check:?}");
        }
        let own = DueRow { check: Check::Foot, finding: None, after: Interval::Months(6), source: None };
        let table = DueTable::shipped().with("own", vec![own]);
        let facts = Facts { observations: vec![observed("2026-01-01", Observation::Foot)], ..Facts::default() };
        assert_eq!(table.next(&facts, Check::Foot, at(NOW)).unwrap().value.due, date(2026, 7, 1));
        assert_eq!(table.version(), "own");
    }

    #[test]
    fn the_last_contact_is_a_visit_a_value_or_the_end_of_a_supply() {
        let table = DrugTable::shipped();
        let last = |facts: &Facts| last_contact(facts, &table, at(NOW)).map(|found| found.value);
        let mut facts =
            Facts { visits: vec![visit("2026-03-01")], ..readings(&[("2026-02-01", Measure::Hba1c, "7.0")]) };
        assert_eq!(last(&facts), Ok(date(2026, 3, 1)));
        facts.supplies =
            vec![drug("2026-03-01", "3962002F2027", Some(63)), drug("2026-05-01", "2189015F1015", Some(90))];
        assert_eq!(last(&facts), Ok(date(2026, 5, 2)), "a statin is no diabetes drug");
        let planned = Visit { class: EncounterClass::Ambulatory, planned: true, until: None };
        facts.visits.push(dated("2026-10-01", planned));
        assert_eq!(last(&facts), Ok(date(2026, 5, 2)), "a visit that was planned and not kept is none");
        facts.visits.push(dated("2026-06-01", Visit { class: EncounterClass::Inpatient, planned: false, until: None }));
        assert_eq!(last(&facts), Ok(date(2026, 11, 1)), "a stay that goes on is a contact now");
        assert_eq!(last(&Facts::default()), Err(Absent::NotMeasured));
    }

    proptest! {
        /// A later check is never due earlier, and time alone never makes less overdue.
        #[test]
        fn later_checks_are_due_later(first in 0_i64..1_000, more in 0_i64..400, wait in 0_i64..400) {
            let day = |days| days_later(date(2023, 1, 1), days);
            let now = at(NOW);
            let with = |days: i64| readings(&[(day(days).to_string().as_str(), Measure::Hba1c, "7.0")]);
            let due = |days, now| DueTable::shipped().next(&with(days), Check::Hba1c, now).unwrap().value;
            prop_assert!(due(first + more, now).due >= due(first, now).due);
            let later = now.plus_micros(wait * 86_400_000_000);
            prop_assert!(due(first, later).overdue_days >= due(first, now).overdue_days);
        }
    }
}
