//! Goals of the consensus. Met or not met; what follows is a person's to say.

use super::{Trace, metric};
use crate::{Certainty, Source};

/// Which side of a goal is met.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum GoalBound {
    /// More than.
    MoreThan(f64),
    /// Less than.
    LessThan(f64),
    /// At most.
    AtMost(f64),
}

/// A goal for a measure.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Goal {
    /// The measure's key.
    pub metric: &'static str,
    /// What is to be.
    pub bound: GoalBound,
}

/// Goals for some persons.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GoalSet {
    /// A short stable name.
    pub key: &'static str,
    /// The goals.
    pub goals: &'static [Goal],
    /// Where they come from.
    pub source: Source,
}

/// A goal with what was found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GoalResult {
    /// The goal.
    pub goal: Goal,
    /// The measure.
    pub value: f64,
    /// Whether it is met.
    pub met: bool,
}

/// Changes with every change of [`CGM_GOALS`].
pub const CGM_GOALS_VERSION: &str = "2026-11-23";

const SOURCE: Source = Source {
    text: "Battelino, Diabetes Care 2019;42:1593 (adults: limits primary, shares memory)",
    certainty: Certainty::Memory,
};

const fn more(metric: &'static str, than: f64) -> Goal {
    Goal { metric, bound: GoalBound::MoreThan(than) }
}
const fn less(metric: &'static str, than: f64) -> Goal {
    Goal { metric, bound: GoalBound::LessThan(than) }
}

/// The shipped goals: adults, the elderly and those at high risk, type 1 diabetes in pregnancy.
pub const CGM_GOALS: &[GoalSet] = &[
    GoalSet {
        key: "adult",
        goals: &[
            more("tir-70-180", 70.0),
            less("tbr-70", 4.0),
            less("tbr-54", 1.0),
            less("tar-180", 25.0),
            less("tar-250", 5.0),
            Goal { metric: "cv", bound: GoalBound::AtMost(36.0) },
        ],
        source: SOURCE,
    },
    GoalSet {
        key: "elderly",
        goals: &[more("tir-70-180", 50.0), less("tbr-70", 1.0), less("tar-250", 10.0)],
        source: SOURCE,
    },
    GoalSet {
        key: "pregnancy-type-1",
        goals: &[more("tir-63-140", 70.0), less("tbr-63", 4.0), less("tbr-54", 1.0), less("tar-140", 25.0)],
        source: SOURCE,
    },
];

impl GoalBound {
    /// Whether a value meets it.
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::MoreThan(bound) => value > bound,
            Self::LessThan(bound) => value < bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

/// The goals of a set with what a trace shows. Ask [`Trace::wear`] first whether the trace may be judged.
pub fn judge(trace: &Trace, set: &GoalSet) -> Vec<GoalResult> {
    let result = |goal: &Goal| {
        let value = (metric(goal.metric)?.of)(trace)?;
        Some(GoalResult { goal: *goal, value, met: goal.bound.is_met(value) })
    };
    set.goals.iter().filter_map(result).collect()
}
