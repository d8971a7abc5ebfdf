//! A cohort over a whole view, once.

use super::Cohorts;
use super::definitions::{Limits, limits};
use clinical::diabetes::cohort::{Cause, Cohort, Membership, Since, Truth, known};
use clinical::diabetes::quality::{MeasureYear, QualityMeasure, is_counted_at};
use clinical::diabetes::{Facts, Tables};
use futures::StreamExt;
use model::{AuditOutcome, CategorySet, Frontier, Moment, PatientNumber, Principal};
use query::{PersonFacts, Persons, PersonsRead};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use views::{Account, Asked, Opening, Taking, Written};

/// Why a cohort was not found out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Something was taken from the caller meanwhile.
    #[error("permissions changed while the cohort was worked out: ask again")]
    PermissionsChanged,
    /// The ledger could not be written.
    #[error("the ledger could not be written: {0}; try again")]
    Unrecorded(String),
    /// The view could not be read.
    #[error("the view could not be read; try again")]
    Unreadable,
    /// The node stops.
    #[error("the node stops; ask again")]
    Stopping,
}

/// Who is a member.
#[derive(Debug)]
pub struct Found {
    /// Members, by number.
    pub members: Vec<(PatientNumber, Membership)>,
    /// Persons looked at.
    pub persons: u64,
    /// Persons of whom it cannot be said.
    pub unknown: u64,
    /// Everything before this was looked at.
    pub frontier: Frontier,
    /// The moment it was judged at.
    pub moment: Moment,
    /// Whether it may still be shown; held until it was.
    pub opening: Option<Arc<Opening>>,
}

/// One side of a difference.
#[derive(Debug, Clone)]
pub enum Side {
    /// A typed definition at a moment.
    At(Cohort, Moment),
    /// The members, found by a statement.
    These(BTreeSet<PatientNumber>),
}

/// Who is a member on one side only.
#[derive(Debug)]
pub struct Difference {
    /// Only on the other side; how, and by what where both sides have one definition.
    pub entered: Vec<(PatientNumber, Option<Membership>, Option<Cause>)>,
    /// Only on the one side; by what where both sides have one definition.
    pub left: Vec<(PatientNumber, Option<Cause>)>,
    /// On both.
    pub stayed: u64,
    /// Whether it may still be shown; held until it was.
    pub opening: Option<Arc<Opening>>,
}

impl Side {
    /// The tables that are enough to say who is in it.
    fn tables(&self) -> CategorySet {
        match self {
            Self::At(cohort, _) => cohort.tables(),
            Self::These(_) => CategorySet::NONE,
        }
    }
}

impl Cohorts {
    /// Who is a member of a typed cohort at a moment, by what the principal's view shows now.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run(&self, principal: &Principal, cohort: &Cohort, moment: Option<Moment>) -> Result<Found, RunError> {
        let (Limits { tables, .. }, now) = (self.limits(principal), (self.clock)());
        let moment = moment.unwrap_or(now);
        let (mut members, mut persons, mut unknown) = (Vec::new(), 0, 0);
        let asked = format!("cohort {} {}", cohort.key, cohort.version);
        let judged = cohort.clone();
        let judge = move |_: &PatientNumber, facts: &Facts| {
            let verdict = judged.of(facts, &tables, moment);
            let since = || judged.since(facts, &tables, moment).unwrap_or(Since { at: moment, cause: Cause::Time });
            let member = verdict.is_member().then(since);
            (verdict.truth, member.map(|since| Membership { grounds: verdict.grounds, since }))
        };
        let (frontier, opening) = self
            .each(principal, (&asked, cohort.tables()), judge, |number, (truth, membership)| {
                persons += 1;
                unknown += u64::from(truth == Truth::Unknown);
                members.extend(membership.map(|membership| (number, membership)));
            })
            .await?;
        members.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Found { members, persons, unknown, frontier, moment, opening })
    }

    /// Who is a member on one side only, by what the principal's view shows now.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn diff(&self, principal: &Principal, before: &Side, after: &Side) -> Result<Difference, RunError> {
        if let (Side::These(a), Side::These(b)) = (before, after) {
            let entered = b.difference(a).map(|number| (number.clone(), None, None)).collect();
            let left = a.difference(b).map(|number| (number.clone(), None)).collect();
            return Ok(Difference { entered, left, stayed: a.intersection(b).count() as u64, opening: None });
        }
        let Limits { tables, .. } = self.limits(principal);
        let (mut entered, mut left, mut stayed) = (Vec::new(), Vec::new(), 0);
        let asked = format!("cohort diff {} {}", side_name(before), side_name(after));
        let mut seen = BTreeSet::new();
        let read =
            [before, after].into_iter().map(Side::tables).reduce(CategorySet::union).unwrap_or(CategorySet::NONE);
        let sides = (before.clone(), after.clone());
        let judge = move |number: &PatientNumber, facts: &Facts| turned((&sides.0, &sides.1), (number, facts), &tables);
        let (_, opening) = self
            .each(principal, (&asked, read), judge, |number, turned| {
                seen.insert(number.clone());
                match turned {
                    Turned::Stayed => stayed += 1,
                    Turned::Neither => {}
                    Turned::Left(why) => left.push((number, why)),
                    Turned::Entered(membership, why) => entered.push((number, membership, why)),
                }
            })
            .await?;
        // a statement may name persons of whom the tables read here show nothing
        if let Side::These(these) = before {
            left.extend(these.difference(&seen).map(|number| (number.clone(), None)));
        }
        if let Side::These(these) = after {
            entered.extend(these.difference(&seen).map(|number| (number.clone(), None, None)));
        }
        entered.sort_by(|a, b| a.0.cmp(&b.0));
        left.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Difference { entered, left, stayed, opening })
    }

    /// Who counts by a measure, and whether in its numerator, of those under the care of the principal's facility; and how many of
    /// whom another facility's care is seen.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn count(
        &self,
        principal: &Principal,
        measure: &QualityMeasure,
        year: MeasureYear,
    ) -> Result<(BTreeMap<PatientNumber, bool>, u64), RunError> {
        let Limits { tables, .. } = self.limits(principal);
        let (mut counted, mut elsewhere) = (BTreeMap::new(), 0);
        let asked = format!("measure {} {}", measure.key, year.year());
        let (measured, facility) = (*measure, principal.facility.clone());
        let judge = move |_: &PatientNumber, facts: &Facts| {
            let met = measured.in_numerator(&measured.of(facts, &tables, year))?;
            Some((met, is_counted_at(&facility, facts, year)))
        };
        self.each(principal, (&asked, Persons::categories()), judge, |number, met| match met {
            Some((met, true)) => drop(counted.insert(number, met)),
            Some((_, false)) => elsewhere += 1,
            None => {}
        })
        .await?;
        Ok((counted, elsewhere))
    }

    fn limits(&self, principal: &Principal) -> Limits {
        limits(&self.rooms.register.definitions(), &principal.facility)
    }

    /// Gives what is judged of the facts of each person of the principal's view, as these tables show them; it is judged on every core.
    /// What was read is in the ledger before this returns, and nothing of it was taken meanwhile.
    async fn each<T: Send + 'static>(
        &self,
        principal: &Principal,
        (asked, tables): (&str, CategorySet),
        judge: impl Fn(&PatientNumber, &Facts) -> T + Send + Sync + 'static,
        mut take: impl FnMut(PatientNumber, T) + Send,
    ) -> Result<(Frontier, Option<Arc<Opening>>), RunError> {
        let _turn = self.runs.acquire().await.map_err(|_| RunError::Stopping)?;
        let now = (self.clock)();
        let view = self.views.held(principal, now, Taking::Query);
        let (tally, opening, frontier) = (Arc::clone(view.tally()), view.opening().cloned(), view.frontier().clone());
        let mut account = self.views.feeds().witness().map(|witness| {
            Account::open(Arc::clone(witness), witness.begin(principal, Asked::Statement(asked), &frontier, now))
        });
        let sites = self.rooms.register.sites();
        let persons = Persons::of(Arc::new(view), principal.facility.clone(), sites);
        let persons = Arc::new(persons.asking(self.limits(principal).asks).reading(tables));
        let mut failed = false;
        let mut written: Vec<Written> = Vec::new();
        {
            let judged = move |read: PersonsRead| -> Vec<(PatientNumber, T)> {
                let judge = |person: &PersonFacts| (person.number.clone(), judge(&person.number, &person.facts));
                read.persons.iter().map(judge).collect()
            };
            let mut read = pin!(persons.each(persons.numbers(), Arc::default(), judged));
            while let Some(batch) = read.next().await {
                match batch {
                    Ok(batch) => batch.into_iter().for_each(|(number, judged)| take(number, judged)),
                    Err(_) => {
                        // the engine's own words may name a patient
                        tracing::error!(facility = %principal.facility, "a view could not be read for a cohort");
                        failed = true;
                        break;
                    }
                }
                // the ledger is written while others are read
                if let Some(account) = &mut account {
                    account.all_rows(&tally);
                    if account.is_full() {
                        written.extend(account.so_far());
                    }
                }
            }
        }
        let taken = opening.as_ref().is_some_and(|opening| opening.is_ended());
        if let Some(mut account) = account {
            account.all_rows(&tally);
            let outcome = match (failed, taken) {
                (true, _) => AuditOutcome::Failed,
                (false, true) => AuditOutcome::Closed,
                (false, false) => AuditOutcome::Completed,
            };
            written.push(Box::pin(account.close(outcome)));
            let written = futures::future::try_join_all(written).await;
            written.map_err(|unwritten| RunError::Unrecorded(unwritten.reason))?;
        }
        match (failed, taken) {
            (true, _) => Err(RunError::Unreadable),
            (false, true) => Err(RunError::PermissionsChanged),
            (false, false) => Ok((frontier, opening)),
        }
    }
}

/// Where a person is on two sides.
enum Turned {
    Neither,
    Stayed,
    Left(Option<Cause>),
    Entered(Option<Membership>, Option<Cause>),
}

fn turned((before, after): (&Side, &Side), (number, facts): (&PatientNumber, &Facts), tables: &Tables) -> Turned {
    let is_in = |side: &Side| match side {
        Side::At(cohort, moment) => cohort.of(facts, tables, *moment).is_member(),
        Side::These(these) => these.contains(number),
    };
    let why = || match (before, after) {
        (Side::At(a, then), Side::At(b, now)) if a == b => {
            Some(b.cause((&known(facts, *then), *then), (&known(facts, *now), *now)))
        }
        _ => None,
    };
    match (is_in(before), is_in(after)) {
        (true, true) => Turned::Stayed,
        (false, false) => Turned::Neither,
        (true, false) => Turned::Left(why()),
        (false, true) => {
            let membership = match after {
                Side::At(cohort, moment) => cohort
                    .since(facts, tables, *moment)
                    .map(|since| Membership { grounds: cohort.of(facts, tables, *moment).grounds, since }),
                Side::These(_) => None,
            };
            Turned::Entered(membership, why())
        }
    }
}

fn side_name(side: &Side) -> String {
    match side {
        Side::At(cohort, _) => format!("{} {}", cohort.key, cohort.version),
        Side::These(_) => "sql".to_owned(),
    }
}
