//! A patient's values of one item over time.

use super::Measured;
use model::Moment;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// A straight line through values of one item, in the item's unit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trend {
    /// How many values.
    pub count: usize,
    /// The earliest: when, and what.
    pub first: (Moment, Decimal),
    /// The latest.
    pub last: (Moment, Decimal),
    /// The least.
    pub least: Decimal,
    /// The most.
    pub most: Decimal,
    /// How much the line rises in a year of 365.25 days.
    pub per_year: f64,
    /// The share of the spread that the line explains, 0 to 1; 1 where nothing spreads.
    pub explained: f64,
}

const LEAST_VALUES: usize = 3;
const LEAST_SPAN_DAYS: f64 = 1.0;
const DAY: f64 = 86_400_000_000.0;
const YEAR: f64 = 365.25;

/// The least-squares line through values of one item. `None` of fewer than three values, of values of several items, and
/// of less than a day.
pub fn trend(values: &[Measured]) -> Option<Trend> {
    let (first, rest) = values.split_first()?;
    if values.len() < LEAST_VALUES || rest.iter().any(|one| one.item != first.item) {
        return None;
    }
    let by_time = |a: &&Measured, b: &&Measured| a.at.cmp(&b.at).then(a.value.cmp(&b.value));
    let (earliest, latest) = (values.iter().min_by(by_time)?, values.iter().max_by(by_time)?);
    if latest.at.since(earliest.at) as f64 / DAY < LEAST_SPAN_DAYS {
        return None;
    }
    let points: Option<Vec<_>> =
        values.iter().map(|one| Some((one.at.since(earliest.at) as f64 / DAY / YEAR, one.value.to_f64()?))).collect();
    let points = points?;
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in &points {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    let explained = if yy > 0.0 { (xy * xy / (xx * yy)).clamp(0.0, 1.0) } else { 1.0 };
    Some(Trend {
        count: values.len(),
        first: (earliest.at, earliest.value),
        last: (latest.at, latest.value),
        least: values.iter().map(|one| one.value).min()?,
        most: values.iter().map(|one| one.value).max()?,
        per_year: xy / xx,
        explained,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Item;
    use proptest::prelude::*;

    fn measured(key: &str, days: i64, value: Decimal) -> Measured {
        let at = Moment::from_micros(1_800_000_000_000_000 + days * 86_400_000_000).unwrap();
        Measured { item: Item::by_key(key).unwrap(), value, at }
    }

    #[test]
    fn a_line_is_found_with_its_slope() {
        // 5 down in a year and a half: an eGFR
        let values: Vec<_> = [(0, 600), (180, 585), (365, 566), (548, 550)]
            .map(|(day, value)| measured("egfr", day, Decimal::new(value, 1)))
            .to_vec();
        let trend = trend(&values).unwrap();
        assert!((trend.per_year + 3.3755).abs() < 0.0005, "{trend:?}");
        assert!(trend.explained > 0.99 && trend.count == 4);
        assert_eq!((trend.first.1, trend.last.1), (Decimal::new(600, 1), Decimal::new(550, 1)));
    }

    #[test]
    fn too_few_too_close_or_mixed_values_have_no_trend() {
        let value = |key, day| measured(key, day, Decimal::ONE);
        assert_eq!(trend(&[value("egfr", 0), value("egfr", 100)]), None);
        assert_eq!(trend(&[value("egfr", 0), value("egfr", 0), value("egfr", 0)]), None);
        assert_eq!(trend(&[value("egfr", 0), value("creatinine", 50), value("egfr", 100)]), None);
        assert_eq!(trend(&[]), None);
        assert_eq!(
            trend(&[value("egfr", 0), value("egfr", 50), value("egfr", 100)]).map(|one| one.per_year),
            Some(0.0)
        );
    }

    proptest! {
        /// Points on a line give that line, in any order.
        #[test]
        fn points_on_a_line_give_that_line(slope in -1_000_i64..1_000, days in proptest::collection::btree_set(0_i64..2_000, 3..8), turn in 0_usize..8) {
            prop_assume!(days.last() > days.first());
            // the value is slope/100 per day
            let mut values: Vec<_> = days.iter().map(|day| measured("alp", *day, Decimal::new(slope * day, 2) + Decimal::from(100_000))).collect();
            let by = turn % values.len();
            values.rotate_left(by);
            let found = trend(&values).unwrap();
            let expected = slope as f64 / 100.0 * YEAR;
            prop_assert!((found.per_year - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{} {}", found.per_year, expected);
            prop_assert!(found.explained > 1.0 - 1e-6);
            prop_assert_eq!(values.iter().map(|one| one.at).max(), Some(found.last.0));
        }
    }
}
