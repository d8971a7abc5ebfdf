//! Delta checks: a result against the patient's own earlier ones.
//!
//! Two questions are asked of the same changes. Has something happened to the patient? One change beyond what biology
//! and the method explain is enough. Is it the same patient? Then things that have nothing to do with one another, and
//! that hardly move in anybody, must have moved together. Both answers are given; neither is a diagnosis.

mod mix_up;
mod rule;
mod variation;

pub use mix_up::{MixUp, MixUpLimits};
pub use rule::{Direction, Rule, RuleKind, SHIPPED_RULES};
pub use variation::{VARIATION, VARIATION_VERSION, Variation, reference_change};

use super::Item;
use model::Moment;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;

/// A value of an item in its own unit. A bound (`<0.5`) is no value to take a difference of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measured {
    /// What was measured.
    pub item: &'static Item,
    /// The value, in the item's unit.
    pub value: Decimal,
    /// When the specimen was taken.
    pub at: Moment,
}

/// What is checked: the variation and the rules of each item.
#[derive(Clone, Debug)]
pub struct DeltaTable {
    version: String,
    variation: BTreeMap<&'static str, Variation>,
    rules: Vec<Rule>,
    window_days: u32,
    mix_up: MixUpLimits,
}

/// Why a facility's row was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DeltaError {
    /// No item has this key.
    #[error("no item is called `{key}`")]
    Item {
        /// What was written.
        key: String,
    },
    /// A coefficient of variation that is none.
    #[error("a coefficient of variation of `{key}` is not between 0 and 200 percent")]
    Variation {
        /// The item.
        key: String,
    },
    /// A limit that is not above zero.
    #[error("a limit of `{key}` is not above zero")]
    Limit {
        /// The item.
        key: String,
    },
}

/// A change from the last earlier result.
#[derive(Clone, PartialEq, Debug)]
pub struct Delta {
    /// The earlier value.
    pub before: Measured,
    /// The value now.
    pub now: Measured,
    /// What changed, in the item's unit.
    pub change: Decimal,
    /// What changed, in percent of the earlier value; `None` where that was zero.
    pub percent: Option<f64>,
    /// Days between the two.
    pub days: f64,
    /// The reference change value in percent, where the item's variation is known.
    pub reference_change: Option<f64>,
    /// Whether the change is beyond the reference change value.
    pub beyond_reference: bool,
    /// The rules it breaks.
    pub broken: Vec<Rule>,
}

impl Delta {
    /// Whether biology and method do not explain it, or a rule is broken.
    pub fn is_real_change(&self) -> bool {
        self.beyond_reference || !self.broken.is_empty()
    }
}

/// Days after which an earlier result is no longer compared; a rule may look further back or less far.
const WINDOW_DAYS: u32 = 7;
const DAY: f64 = 86_400_000_000.0;

impl DeltaTable {
    /// The shipped variation and rules.
    pub fn shipped() -> Self {
        let variation = VARIATION.iter().map(|row| (row.item, *row)).collect();
        Self {
            version: VARIATION_VERSION.to_owned(),
            variation,
            rules: SHIPPED_RULES.to_vec(),
            window_days: WINDOW_DAYS,
            mix_up: MixUpLimits::default(),
        }
    }

    /// The same with a laboratory's own analytical variation (percent) of its methods.
    ///
    /// # Errors
    /// When a row names no item with a known variation, or its figure is none.
    pub fn with_analytical<'a>(
        mut self,
        version: &str,
        rows: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<Self, DeltaError> {
        for (key, percent) in rows {
            let row = self.variation.get_mut(key).ok_or_else(|| DeltaError::Item { key: key.to_owned() })?;
            if !(0.0..=200.0).contains(&percent) {
                return Err(DeltaError::Variation { key: key.to_owned() });
            }
            row.analytical = percent;
        }
        self.version = version.to_owned();
        Ok(self)
    }

    /// The same with a facility's own rules for an item in place of the shipped ones; none of them to take them out.
    ///
    /// # Errors
    /// When a limit is not above zero, or the item is unknown.
    pub fn with_rules(mut self, version: &str, item: &str, rules: Vec<Rule>) -> Result<Self, DeltaError> {
        let known = Item::by_key(item).ok_or_else(|| DeltaError::Item { key: item.to_owned() })?;
        if rules.iter().any(|rule| rule.item != known.key) {
            return Err(DeltaError::Item { key: item.to_owned() });
        }
        if rules.iter().any(|rule| rule.limit <= Decimal::ZERO) {
            return Err(DeltaError::Limit { key: item.to_owned() });
        }
        self.rules.retain(|rule| rule.item != known.key);
        self.rules.extend(rules);
        self.version = version.to_owned();
        Ok(self)
    }

    /// The same with another number of days to look back.
    #[must_use]
    pub fn with_window(mut self, version: &str, days: u32) -> Self {
        self.version = version.to_owned();
        self.window_days = days;
        self
    }

    /// The same with other limits of a mix-up.
    #[must_use]
    pub fn with_mix_up(mut self, version: &str, limits: MixUpLimits) -> Self {
        self.version = version.to_owned();
        self.mix_up = limits;
        self
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many days back an earlier result is compared where no rule says otherwise.
    pub fn window(&self) -> u32 {
        self.window_days
    }

    /// How far back any check of an item looks.
    pub fn window_days(&self, item: &Item) -> u32 {
        let rules = self.rules.iter().filter(|rule| rule.item == item.key).map(|rule| rule.within_days);
        rules.chain([self.window_days]).max().unwrap_or(self.window_days)
    }

    /// The change of a result from the last of the patient's earlier ones of the same item, within the item's window;
    /// `None` where there is none. What is not earlier, or of another item, is not looked at.
    pub fn delta(&self, now: Measured, earlier: &[Measured]) -> Option<Delta> {
        let window = i64::from(self.window_days(now.item)) * 86_400_000_000;
        let before = earlier
            .iter()
            .filter(|one| one.item == now.item && one.at < now.at && now.at.since(one.at) <= window)
            .max_by(|a, b| a.at.cmp(&b.at).then(a.value.cmp(&b.value)))?;
        let change = now.value.checked_sub(before.value)?;
        let days = now.at.since(before.at) as f64 / DAY;
        let percent = change
            .checked_mul(Decimal::ONE_HUNDRED)
            .and_then(|change| change.checked_div(before.value.abs()))
            .and_then(|percent| percent.to_f64());
        let within = days <= f64::from(self.window_days);
        let variation = self.variation.get(now.item.key);
        let limit = variation.map(|row| reference_change(row.analytical, row.within_subject));
        let beyond_reference = within && limit.zip(percent).is_some_and(|(limit, percent)| percent.abs() > limit);
        let broken = self.rules.iter().filter(|rule| rule.item == now.item.key);
        let broken = broken.filter(|rule| rule.breaks(before.value, change, days)).copied().collect();
        Some(Delta { before: *before, now, change, percent, days, reference_change: limit, beyond_reference, broken })
    }

    /// What the changes of one specimen say of whose it is.
    pub fn mix_up(&self, deltas: &[Delta]) -> MixUp {
        mix_up::mix_up(deltas, self.mix_up)
    }

    /// The changes of all results of one specimen.
    pub fn deltas(&self, now: &[Measured], earlier: &[Measured]) -> Vec<Delta> {
        now.iter().filter_map(|one| self.delta(*one, earlier)).collect()
    }
}

#[cfg(test)]
mod tests;
