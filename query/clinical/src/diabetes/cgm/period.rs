//! From the readings of a record to periods of wear.

use super::trace::MINUTE;
use super::{CgmInterval, Trace, WEAR_DAYS};
use crate::diabetes::gmi::gmi;
use model::{CodeSystem, Moment};

/// Hours without a reading after which another period begins: another sensor, or the same worn again (a choice).
pub const PERIOD_GAP_HOURS: i64 = 24;

/// Glucose in interstitial fluid, mass and substance (LOINC, as the HL7 CGM guide uses them; certainty: memory).
const CODES: [&str; 2] = ["99504-3", "105272-9"];
/// mg/dL per mmol/L of glucose: its molar mass over ten.
const PER_MMOL: f64 = 18.0156;

/// Whether a code is a sensor's reading: it is no laboratory result, and counts nowhere as one.
pub fn is_sensor(system: &CodeSystem, code: &str) -> bool {
    *system == CodeSystem::Loinc && CODES.contains(&code)
}

/// A sensor's reading in mg/dL, from the unit it is written in; `None` of another unit and of what no sensor reads (20 to 600 mg/dL).
pub fn sensor_value(value: f64, unit: &str) -> Option<f64> {
    let value = match unit {
        "mg/dL" | "mg/dl" => value,
        "mmol/L" | "mmol/l" => value * PER_MMOL,
        _ => return None,
    };
    (20.0..=600.0).contains(&value).then_some(value)
}

/// The periods of one person's readings of one source, earliest first: one ends where no reading follows for more than a day. How often
/// the device reads is what most of its readings are apart: up to 10 minutes is every 5, more is every 15.
pub fn periods(readings: impl IntoIterator<Item = (Moment, f64)>) -> Vec<Trace> {
    let mut readings: Vec<(Moment, f64)> = readings.into_iter().collect();
    readings.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let gap = PERIOD_GAP_HOURS * 60 * MINUTE;
    let periods = readings.chunk_by(|a, b| b.0.since(a.0) <= gap);
    periods.filter_map(|period| Trace::new(interval(period), period.iter().copied()).ok()).collect()
}

/// The glucose management indicator of each stretch of 14 days, from the beginning of each period of wear, in which the sensor was worn
/// enough to be judged, with the moment of its last reading. A stretch is said when it is over, so that later readings change none.
pub fn management_indicators(readings: impl IntoIterator<Item = (Moment, f64)>) -> Vec<(Moment, f64)> {
    const STRETCH: i64 = WEAR_DAYS as i64 * 1440 * MINUTE;
    let mut found = Vec::new();
    for period in periods(readings) {
        let (first, last) = period.span();
        let over = last.plus_micros(period.interval().minutes() * MINUTE);
        for stretch in 0..over.since(first) / STRETCH {
            let (from, until) = (first.plus_micros(stretch * STRETCH), first.plus_micros((stretch + 1) * STRETCH));
            let Some(part) = period.between(from, until).filter(|_| period.wear(from, until).sufficient) else {
                continue;
            };
            let mean = part.values().sum::<f64>() / part.readings().len() as f64;
            found.extend(gmi(mean).ok().map(|gmi| (part.span().1, gmi)));
        }
    }
    found
}

fn interval(period: &[(Moment, f64)]) -> CgmInterval {
    let pairs = period.iter().zip(period.iter().skip(1));
    let mut apart: Vec<i64> = pairs.map(|(a, b)| b.0.since(a.0)).filter(|apart| *apart > 0).collect();
    apart.sort_unstable();
    match apart.get(apart.len() / 2) {
        Some(apart) if *apart <= 10 * MINUTE => CgmInterval::Five,
        _ => CgmInterval::Fifteen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minutes: i64) -> Moment {
        Moment::parse("2026-04-01").unwrap().plus_micros(minutes * MINUTE)
    }

    #[test]
    fn a_day_without_readings_ends_a_period_and_its_device_is_known_by_its_steps() {
        let five = (0..100).map(|step| (at(step * 5), 100.0));
        let fifteen = (0..100).map(|step| (at(495 + 1_441 + step * 15), 120.0));
        let found = periods(fifteen.chain(five));
        let seen: Vec<_> = found.iter().map(|one| (one.interval(), one.readings().len())).collect();
        assert_eq!(seen, [(CgmInterval::Five, 100), (CgmInterval::Fifteen, 100)]);
        let one = periods([(at(0), 100.0), (at(1_440), 100.0)]);
        assert_eq!(one.len(), 1, "a day itself is not more than a day");
        assert!(periods([]).is_empty());
    }

    #[test]
    fn a_value_is_read_in_its_unit_and_no_other() {
        assert_eq!(sensor_value(100.0, "mg/dL"), Some(100.0));
        assert!((sensor_value(5.5, "mmol/L").unwrap() - 99.0858).abs() < 1e-6);
        assert_eq!([sensor_value(5.5, "mg/dL"), sensor_value(100.0, "mmol/L"), sensor_value(100.0, "")], [None; 3]);
        assert!(is_sensor(&CodeSystem::Loinc, "99504-3") && !is_sensor(&CodeSystem::Loinc, "2339-0"));
    }

    #[test]
    fn an_indicator_is_of_two_weeks_that_are_over_and_worn_enough() {
        const PER_DAY: i64 = 96;
        let days = |from: i64, days: i64, value: f64| {
            (from * PER_DAY..(from + days) * PER_DAY).map(move |step| (at(step * 15), value))
        };
        assert_eq!(management_indicators(days(0, 13, 154.0)), [], "two weeks are not over");
        let worn = |until: i64| days(0, 14, 154.0).chain(days(14, until, 200.0));
        let found = management_indicators(worn(13));
        assert!(
            matches!(found.as_slice(), [(last, value)] if *last == at(14 * 1440 - 15) && (value - 6.99368).abs() < 1e-9)
        );
        let longer = management_indicators(worn(14));
        assert_eq!((longer.len(), longer.first()), (2, found.first()), "what comes later changes none");
        assert!((longer[1].1 - 8.094).abs() < 1e-9);
        // worn half of each day
        let half = days(0, 14, 154.0).enumerate().filter(|(step, _)| step % 96 < 48).map(|(_, reading)| reading);
        assert_eq!(management_indicators(half), []);
    }

    proptest! {
        /// The order of readings means nothing, and none is lost but of several at one moment.
        #[test]
        fn order_means_nothing_and_no_moment_is_lost(
            mut readings in proptest::collection::vec((0_i64..20_000, 40.0_f64..400.0), 0..200)
        ) {
            let of = |readings: &[(i64, f64)]| periods(readings.iter().map(|(minute, value)| (at(*minute), *value)));
            let found = of(&readings);
            readings.reverse();
            let again = of(&readings);
            prop_assert_eq!(&found, &again);
            let moments: std::collections::BTreeSet<i64> = readings.iter().map(|one| one.0).collect();
            prop_assert_eq!(found.iter().map(|one| one.readings().len()).sum::<usize>(), moments.len());
        }
    }
}
