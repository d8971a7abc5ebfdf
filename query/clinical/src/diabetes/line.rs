//! The least-squares line through dated values, and how sure it is.

use super::day::YEAR;
use model::Moment;

/// A straight line through values, with the uncertainty of its slope.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Line {
    /// How many values.
    pub points: usize,
    /// Years of 365.25 days from the first value to the last.
    pub years: f64,
    /// How much it rises in a year.
    pub per_year: f64,
    /// The standard error of that.
    pub standard_error: f64,
    /// The 95 % confidence interval of the slope by Student's t with `points - 2` degrees of freedom.
    pub interval: (f64, f64),
}

const DAY: f64 = 86_400_000_000.0;
const LEAST_POINTS: usize = 3;

/// The 97.5 % points of Student's t, for 1 to 30 degrees of freedom.
const T: [f64; 30] = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448,
    2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484,
    2.0452, 2.0423,
];

/// Past the table: the first terms of the Cornish-Fisher expansion, within 0.0001 from 30 degrees of freedom on.
fn student(freedom: usize) -> f64 {
    const Z: f64 = 1.959_964;
    let tabled = freedom.checked_sub(1).and_then(|at| T.get(at));
    tabled.copied().unwrap_or_else(|| {
        let n = freedom as f64;
        Z + (Z.powi(3) + Z) / (4.0 * n) + (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / (96.0 * n * n)
    })
}

/// The line through dated values, in any order. `None` of fewer than three, or where all are of one moment: no slope and
/// no uncertainty can be said.
pub fn line(values: &[(Moment, f64)]) -> Option<Line> {
    let (first, last) = (values.iter().map(|one| one.0).min()?, values.iter().map(|one| one.0).max()?);
    if values.len() < LEAST_POINTS || first == last {
        return None;
    }
    let mut points: Vec<_> = values.iter().map(|(at, value)| (at.since(first) as f64 / DAY / YEAR, *value)).collect();
    // sums of floats depend on the order: one order, one answer
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut xx, mut xy) = (0.0, 0.0);
    for (x, y) in &points {
        xx += (x - mean_x) * (x - mean_x);
        xy += (x - mean_x) * (y - mean_y);
    }
    let per_year = xy / xx;
    let rest: f64 = points.iter().map(|(x, y)| (y - mean_y - per_year * (x - mean_x)).powi(2)).sum();
    let freedom = points.len() - 2;
    let standard_error = (rest / freedom as f64 / xx).sqrt();
    let half = student(freedom) * standard_error;
    Some(Line {
        points: points.len(),
        years: last.since(first) as f64 / DAY / YEAR,
        per_year,
        standard_error,
        interval: (per_year - half, per_year + half),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(days: f64) -> Moment {
        Moment::from_micros(1_700_000_000_000_000).unwrap().plus_micros((days * DAY) as i64)
    }

    #[test]
    fn slope_and_error_are_those_of_an_independent_computation() {
        // Python: numpy.polyfit and the textbook formula on x = days / 365.25
        let values: Vec<_> =
            [(0.0, 61.0), (180.0, 58.2), (365.0, 57.5), (548.0, 53.1), (730.0, 50.9)].map(|(x, y)| (at(x), y)).to_vec();
        let line = line(&values).unwrap();
        assert!((line.per_year + 5.054_08).abs() < 1e-4, "{line:?}");
        assert!((line.standard_error - 0.568_59).abs() < 1e-4, "{line:?}");
        assert!((line.interval.0 + 6.863_55).abs() < 1e-3 && (line.interval.1 + 3.244_60).abs() < 1e-3, "{line:?}");
    }

    #[test]
    fn two_values_or_one_moment_have_no_line() {
        assert_eq!(line(&[(at(0.0), 1.0), (at(400.0), 2.0)]), None);
        assert_eq!(line(&[(at(1.0), 1.0); 5]), None);
        assert_eq!(line(&[]), None);
    }

    #[test]
    fn student_goes_on_where_its_table_ends() {
        assert!((student(30) - 2.0423).abs() < 1e-9);
        assert!((student(31) - 2.0395).abs() < 2e-4 && (student(100) - 1.9840).abs() < 1e-4);
    }

    proptest! {
        /// The order of values does not matter, and a constant added to all of them does not tilt the line.
        #[test]
        fn order_and_level_do_not_tilt_the_line(
            values in proptest::collection::vec((0.0_f64..2_000.0, 10.0_f64..120.0), 3..10), level in -5.0_f64..5.0
        ) {
            let mut points: Vec<_> = values.iter().map(|(x, y)| (at(*x), *y)).collect();
            let found = line(&points);
            points.reverse();
            prop_assert_eq!(line(&points), found);
            let lifted: Vec<_> = points.iter().map(|(x, y)| (*x, y + level)).collect();
            if let (Some(found), Some(lifted)) = (found, line(&lifted)) {
                prop_assert!((found.per_year - lifted.per_year).abs() < 1e-6 * found.per_year.abs().max(1.0));
                prop_assert!(found.interval.0 <= found.per_year && found.per_year <= found.interval.1);
            }
        }
    }
}
