//! Site rules: changes that are told whatever biology explains.

use crate::lab::decimal::dec;
use crate::{Certainty, Source};
use rust_decimal::Decimal;

/// What of a change a rule looks at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RuleKind {
    /// The change in the item's unit.
    Absolute,
    /// The change in percent of the earlier value.
    Percent,
    /// The change in the item's unit per day; what happens within a day counts as of one.
    PerDay,
}

/// Which way a change must go.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// Up.
    Rise,
    /// Down.
    Fall,
    /// Either way.
    Either,
}

/// A rule: a change of at least `limit` within some days.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rule {
    /// The item's key.
    pub item: &'static str,
    /// What of the change.
    pub kind: RuleKind,
    /// Which way.
    pub direction: Direction,
    /// At least this much.
    pub limit: Decimal,
    /// Within so many days.
    pub within_days: u32,
    /// Where it comes from; `None` for a facility's own.
    pub source: Option<Source>,
}

const fn source(text: &'static str, certainty: Certainty) -> Option<Source> {
    Some(Source { text, certainty })
}

const USUAL: Option<Source> = source("usual limit, from memory", Certainty::Memory);
const KDIGO: Option<Source> = source("KDIGO acute kidney injury stage 1, from memory", Certainty::Memory);
const HB: Option<Source> =
    source("Hb drop of 3 g/dL as Δ panic value (imis.igaku-shoin 1543100448)", Certainty::Primary);

/// The shipped rules. A facility replaces them item by item.
pub const SHIPPED_RULES: &[Rule] = &[
    rule("haemoglobin", RuleKind::Absolute, Direction::Fall, "3", (7, HB)),
    rule("mcv", RuleKind::PerDay, Direction::Either, "3", (30, USUAL)),
    rule("potassium", RuleKind::Absolute, Direction::Either, "1.0", (7, USUAL)),
    rule("sodium", RuleKind::Absolute, Direction::Either, "8", (7, USUAL)),
    rule("creatinine", RuleKind::Absolute, Direction::Rise, "0.3", (2, KDIGO)),
    rule("creatinine", RuleKind::Percent, Direction::Rise, "50", (7, KDIGO)),
];

const fn rule(
    item: &'static str,
    kind: RuleKind,
    direction: Direction,
    limit: &'static str,
    (within_days, source): (u32, Option<Source>),
) -> Rule {
    Rule { item, kind, direction, limit: dec(limit), within_days, source }
}

impl Rule {
    /// Whether a change from `before` within `days` breaks it.
    pub(super) fn breaks(&self, before: Decimal, change: Decimal, days: f64) -> bool {
        let way = match self.direction {
            Direction::Rise => change > Decimal::ZERO,
            Direction::Fall => change < Decimal::ZERO,
            Direction::Either => true,
        };
        if !way || days > f64::from(self.within_days) {
            return false;
        }
        let size = match self.kind {
            RuleKind::Absolute => Some(change.abs()),
            RuleKind::Percent => {
                change.abs().checked_mul(Decimal::ONE_HUNDRED).and_then(|size| size.checked_div(before.abs()))
            }
            RuleKind::PerDay => Decimal::try_from(days.max(1.0)).ok().and_then(|days| change.abs().checked_div(days)),
        };
        size.is_some_and(|size| size >= self.limit)
    }
}
