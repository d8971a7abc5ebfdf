//! All numbers a value may be, and on which side of a bound it then lies.

use super::Comparator;
use rust_decimal::Decimal;

/// All numbers a value may be: from `low` to `high`, each end part of it or not, or without end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The lower end and whether it is part of it.
    pub low: Option<(Decimal, bool)>,
    /// The upper end and whether it is part of it.
    pub high: Option<(Decimal, bool)>,
}

/// Where a value lies from a bound.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// Certainly less than the bound.
    Below,
    /// Certainly the bound itself.
    On,
    /// Certainly more than the bound.
    Above,
    /// It may be on either side: `<0.5` against 0.3.
    Unknown,
}

impl Span {
    pub(super) fn compared(comparator: Comparator, value: Decimal) -> Self {
        match comparator {
            Comparator::Equal => Self { low: Some((value, true)), high: Some((value, true)) },
            Comparator::Less => Self { low: None, high: Some((value, false)) },
            Comparator::AtMost => Self { low: None, high: Some((value, true)) },
            Comparator::More => Self { low: Some((value, false)), high: None },
            Comparator::AtLeast => Self { low: Some((value, true)), high: None },
        }
    }

    pub(super) fn between(low: Decimal, high: Decimal, below_high: bool) -> Self {
        Self { low: Some((low, true)), high: Some((high, !below_high)) }
    }

    /// On which side of a bound every number of it lies.
    pub fn side_of(self, bound: Decimal) -> Side {
        let above = self.low.is_some_and(|(low, part)| low > bound || low == bound && !part);
        let below = self.high.is_some_and(|(high, part)| high < bound || high == bound && !part);
        let on = self.low == Some((bound, true)) && self.high == Some((bound, true));
        match (below, on, above) {
            (true, ..) => Side::Below,
            (_, true, _) => Side::On,
            (.., true) => Side::Above,
            _ => Side::Unknown,
        }
    }

    /// Whether it is certainly at least the bound; `None` when that cannot be said.
    pub fn at_least(self, bound: Decimal) -> Option<bool> {
        if self.low.is_some_and(|(low, _)| low >= bound) {
            return Some(true);
        }
        (self.side_of(bound) == Side::Below).then_some(false)
    }

    /// Whether it is certainly at most the bound; `None` when that cannot be said.
    pub fn at_most(self, bound: Decimal) -> Option<bool> {
        if self.high.is_some_and(|(high, _)| high <= bound) {
            return Some(true);
        }
        (self.side_of(bound) == Side::Above).then_some(false)
    }
}
