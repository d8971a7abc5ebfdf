//! Since when somebody is a member, by the facts that are known now.

use super::looks::Looks;
use super::{Cause, Cohort, cause};
use crate::diabetes::facts::{Dated, Facts};
use crate::diabetes::tables::Tables;
use model::Moment;

/// Since when, and what made the person enter then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Since {
    /// From this moment on the person has been a member, as the facts tell that are known now.
    pub at: Moment,
    /// What happened then, to the facts that the cohort looks at.
    pub cause: Cause,
}

/// So many moments are looked at; whoever has been a member for longer is one since the earliest of them.
const LOOKS: usize = 400;

impl Cohort {
    /// Since when a person is a member at a moment; `None` where they are not. It is when the facts make them one, not when
    /// that was learnt: a function of the facts and the moment, so that it is the same whoever asks, and after a restart.
    pub fn since(&self, facts: &Facts, tables: &Tables, now: Moment) -> Option<Since> {
        if !self.of(facts, tables, now).is_member() {
            return None;
        }
        // membership turns only where a fact that is looked at begins to be known or where it wakes
        let facts = &Looks::of(&self.criterion).only(facts);
        let mut starts = moments(facts, now);
        starts.sort_unstable_by(|a, b| b.cmp(a));
        starts.dedup();
        let (mut since, mut looks) = (now, 0);
        'back: for start in starts.into_iter().filter(|start| *start < now) {
            let (mut at, mut member_from) = (start, None);
            while at < since {
                looks += 1;
                if looks > LOOKS {
                    break 'back;
                }
                if self.of(facts, tables, at).is_member() {
                    member_from.get_or_insert(at);
                } else {
                    member_from = None;
                }
                at = self.wakes_at(facts, tables, at).unwrap_or(since);
            }
            match member_from {
                Some(from) if from == start => since = start,
                Some(from) => {
                    since = from;
                    break;
                }
                None => break,
            }
        }
        Some(Since { at: since, cause: cause_at(facts, since) })
    }
}

fn cause_at(facts: &Facts, at: Moment) -> Cause {
    let before = at.plus_micros(-1);
    cause((&known(facts, before), before), (&known(facts, at), at))
}

fn moments(facts: &Facts, now: Moment) -> Vec<Moment> {
    let lists = facts.readings.iter().map(|one| one.at).chain(facts.supplies.iter().map(|one| one.at));
    let lists = lists.chain(facts.diagnoses.iter().map(|one| one.at)).chain(facts.visits.iter().map(|one| one.at));
    let all = lists.chain(facts.observations.iter().map(|one| one.at)).chain(facts.died);
    all.filter(|at| *at <= now).collect()
}

/// The facts without those that are later than a moment.
pub fn known(facts: &Facts, until: Moment) -> Facts {
    fn up_to<T: Clone>(list: &[Dated<T>], until: Moment) -> Vec<Dated<T>> {
        list.iter().filter(|one| one.at <= until).cloned().collect()
    }
    Facts {
        birth: facts.birth,
        sex: facts.sex,
        died: facts.died,
        readings: up_to(&facts.readings, until),
        diagnoses: up_to(&facts.diagnoses, until),
        supplies: up_to(&facts.supplies, until),
        visits: up_to(&facts.visits, until),
        observations: up_to(&facts.observations, until),
        reach: facts.reach.clone(),
    }
}
