//! HbA1c over time.

use super::answer::{Answer, Found};
use super::facts::{Facts, Measure};
use super::line::{Line, line};
use model::Moment;

/// Days back of the mean (a choice).
pub const HBA1C_MEAN_DAYS: u32 = 365;
/// Days back of the slope (a choice).
pub const HBA1C_SLOPE_DAYS: u32 = 730;

/// HbA1c of a person, NGSP percent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Hba1cCourse {
    /// The latest; `None` of a bound.
    pub latest: Option<f64>,
    /// Whether the latest was computed from another scale (JDS, IFCC): show it as converted.
    pub converted: bool,
    /// The mean over the days of the mean, and of how many values.
    pub mean: Option<(f64, usize)>,
    /// The line over the days of the slope, percent per year; `None` of fewer than three values.
    pub slope: Option<Line>,
}

const DAY: i64 = 86_400_000_000;

/// The course up to a moment.
///
/// # Errors
/// When no HbA1c is there.
pub fn hba1c_course(facts: &Facts, now: Moment) -> Answer<Hba1cCourse> {
    let latest = facts.latest(Measure::Hba1c, now)?;
    let since = |days: u32| -> Vec<(Moment, f64)> {
        let from = now.plus_micros(-i64::from(days) * DAY);
        let values = facts.values(Measure::Hba1c, now).into_iter().filter(|one| one.at > from);
        values.filter_map(|one| Some((one.at, one.value.number()?))).collect()
    };
    let year = since(HBA1C_MEAN_DAYS);
    let mean = year.iter().map(|one| one.1).sum::<f64>() / year.len() as f64;
    let value = Hba1cCourse {
        latest: latest.value.number(),
        converted: latest.value.is_converted(),
        mean: (!year.is_empty()).then_some((mean, year.len())),
        slope: line(&since(HBA1C_SLOPE_DAYS)),
    };
    Ok(Found { value, at: latest.at, sources: vec![latest.source.clone()] })
}

/// Body mass index from the latest weight, and the latest height of an adult, kg/m².
///
/// # Errors
/// When weight or height are absent.
pub fn body_mass_index(facts: &Facts, now: Moment) -> Answer<f64> {
    let weight = facts.latest(Measure::Weight, now).map_err(|absent| absent.needed(Measure::Weight))?;
    let height = facts.latest(Measure::Height, now).map_err(|absent| absent.needed(Measure::Height))?;
    let unsaid = || super::Absent::CannotBeSaid { why: super::kidney::BOUND };
    let (kilograms, centimetres) = weight.value.number().zip(height.value.number()).ok_or_else(unsaid)?;
    let metres = centimetres / 100.0;
    let origins = [weight.origin(), height.origin()];
    let found = Found::resting_on(kilograms / (metres * metres), origins);
    // as old as the weight: a height of long ago is still a height
    found.map(|found| Found { at: weight.at, ..found }).ok_or_else(unsaid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diabetes::testing::{at, dated, readings};
    use crate::diabetes::{Absent, Reading};
    use crate::lab::{Hba1c, Hba1cScale};

    const NOW: &str = "2026-11-01";

    #[test]
    fn latest_mean_and_slope_look_back_as_far_as_they_say() {
        let facts = readings(&[
            ("2024-10-01", Measure::Hba1c, "12.0"),
            ("2024-12-01", Measure::Hba1c, "9.0"),
            ("2025-11-01", Measure::Hba1c, "8.6"),
            ("2025-11-02", Measure::Hba1c, "8.0"),
            ("2026-10-01", Measure::Hba1c, "7.0"),
            ("2026-12-01", Measure::Hba1c, "5.0"),
        ]);
        let found = hba1c_course(&facts, at(NOW)).unwrap();
        assert_eq!((found.value.latest, found.at), (Some(7.0), at("2026-10-01")), "what is later is not yet known");
        assert_eq!(found.value.mean, Some((7.5, 2)), "365 days back is not in the year");
        let slope = found.value.slope.unwrap();
        assert!(slope.points == 4 && slope.per_year < -0.9, "{slope:?}");
    }

    #[test]
    fn a_value_of_the_old_scale_is_converted_and_marked() {
        let jds = Hba1c::new("6.1".parse().unwrap(), Hba1cScale::Jds).unwrap();
        let facts =
            super::Facts { readings: vec![dated("2026-10-01", Reading::hba1c(jds).unwrap())], ..Facts::default() };
        let found = hba1c_course(&facts, at(NOW)).unwrap().value;
        assert_eq!((found.latest, found.converted), (Some(6.5), true));
        assert_eq!(hba1c_course(&Facts::default(), at(NOW)).unwrap_err(), Absent::NotMeasured);
    }

    #[test]
    fn body_mass_is_over_the_square_of_height() {
        let facts = readings(&[("2020-01-01", Measure::Height, "160"), ("2026-10-01", Measure::Weight, "64")]);
        let found = body_mass_index(&facts, at(NOW)).unwrap();
        assert!((found.value - 25.0).abs() < 1e-9 && found.at == at("2026-10-01"));
        let light = readings(&[("2026-10-01", Measure::Weight, "64")]);
        assert_eq!(body_mass_index(&light, at(NOW)).unwrap_err(), Absent::NotMeasured.needed(Measure::Height));
    }

    #[test]
    fn values_no_patient_has_are_refused_by_name() {
        let refused = Reading::new(Measure::Hba1c, "48".parse().unwrap()).unwrap_err();
        assert_eq!(refused.to_string(), "a value of `hba1c` in `%` lies between 2 and 20");
        for measure in Measure::all() {
            assert_eq!(Measure::from_key(measure.key()), Some(measure));
        }
    }
}
