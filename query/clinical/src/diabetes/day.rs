//! Days and ages. Days begin at midnight in Japan; an age is in completed years.

use jiff::Span;
pub use jiff::civil::Date;
use model::Moment;

const DAY: i64 = 86_400_000_000;
/// UTC+9, without daylight saving.
const JAPAN: i64 = 9 * 3_600_000_000;
const EPOCH: Date = Date::constant(1970, 1, 1);
/// The mean length of a year, in days.
pub(super) const YEAR: f64 = 365.25;

/// The day in Japan on which a moment lies.
pub fn day_of(moment: Moment) -> Date {
    days_later(EPOCH, (moment.micros() + JAPAN).div_euclid(DAY))
}

/// The start of a day in Japan; `None` outside the years a moment may lie in.
pub fn start_of(day: Date) -> Option<Moment> {
    Moment::from_micros(i64::from(days_between(EPOCH, day)) * DAY - JAPAN).ok()
}

/// The day so many days after 1970-01-01, as columns of dates hold it; `None` outside the calendar.
pub fn of_epoch(days: i32) -> Option<Date> {
    EPOCH.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// How many days after 1970-01-01.
pub fn since_epoch(day: Date) -> i32 {
    days_between(EPOCH, day)
}

/// Days from one day to another; negative when the second is earlier.
pub fn days_between(from: Date, to: Date) -> i32 {
    // two civil dates are at most 7,304,483 days apart
    (to - from).get_days()
}

/// A day some days later, held inside the calendar.
pub fn days_later(day: Date, days: i64) -> Date {
    day.saturating_add(Span::new().try_days(days).unwrap_or_default())
}

/// The same day some months later: a month's last day where it has no such day.
pub fn months_later(day: Date, months: i64) -> Date {
    day.saturating_add(Span::new().try_months(months).unwrap_or_default())
}

/// Completed years on a day; `None` before the birth. Who is born on 29 February completes a year on 1 March where
/// there is no such day.
pub fn age_on(birth: Date, day: Date) -> Option<u16> {
    let before = (day.month(), day.day()) < (birth.month(), birth.day());
    u16::try_from(day.year() - birth.year() - i16::from(before)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn a_day_begins_at_midnight_in_japan() {
        let at = |text| day_of(Moment::parse(text).unwrap());
        assert_eq!(at("2026-04-01T14:59:59Z"), date(2026, 4, 1));
        assert_eq!(at("2026-04-01T15:00:00Z"), date(2026, 4, 2));
        assert_eq!(at("1969-12-31T15:00:00Z"), date(1970, 1, 1));
        assert_eq!(start_of(date(2026, 4, 1)), Moment::parse("2026-04-01").ok());
    }

    #[test]
    fn an_age_is_completed_on_the_birthday() {
        assert_eq!(age_on(date(1961, 4, 1), date(2026, 3, 31)), Some(64));
        assert_eq!(age_on(date(1961, 4, 1), date(2026, 4, 1)), Some(65));
        assert_eq!(age_on(date(2000, 2, 29), date(2026, 2, 28)), Some(25));
        assert_eq!(age_on(date(2000, 2, 29), date(2026, 3, 1)), Some(26));
        assert_eq!(age_on(date(2026, 4, 1), date(2026, 3, 31)), None);
    }

    #[test]
    fn a_month_later_is_at_most_its_last_day() {
        assert_eq!(months_later(date(2026, 8, 31), 6), date(2027, 2, 28));
        assert_eq!(days_between(date(2024, 2, 28), date(2024, 3, 1)), 2);
        assert_eq!(days_later(date(2026, 1, 1), -1), date(2025, 12, 31));
    }

    proptest! {
        /// A day begins on itself, and a moment lies on the day that began last.
        #[test]
        fn every_day_begins_on_itself(days in -60_000_i64..120_000, micros in 0..DAY) {
            let day = days_later(EPOCH, days);
            prop_assert_eq!(start_of(day).map(day_of), Some(day));
            prop_assert_eq!(start_of(day).map(|start| day_of(start.plus_micros(micros))), Some(day));
            prop_assert_eq!(i64::from(days_between(EPOCH, day)), days);
        }
    }
}
