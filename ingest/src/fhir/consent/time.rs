//! Periods: FHIR's end is the last thing inside, ours the first moment after.

use model::Moment;

/// The moment after all that an end matches: after the year, the month, the day (in Japan), the second or the fraction
/// of a second that it names.
pub(super) fn end(text: &str) -> Option<Moment> {
    let day_after = |date: jiff::civil::Date| Moment::parse(&date.tomorrow().ok()?.to_string()).ok();
    match text.len() {
        4 => day_after(format!("{text}-12-31").parse().ok()?),
        7 => day_after(format!("{text}-01").parse::<jiff::civil::Date>().ok()?.last_of_month()),
        10 => day_after(text.parse().ok()?),
        _ => {
            let fraction =
                text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
            // Finer than a microsecond is cut off, so that the last microsecond is still inside.
            let unit = 10_i64.checked_pow(u32::try_from(6_usize.saturating_sub(fraction)).ok()?)?;
            let moment = Moment::parse(text).ok()?;
            Moment::from_micros(moment.micros().checked_add(unit)?).ok()
        }
    }
}

/// The end that [`end`] reads as `until`: the day where it ends with one, else the last microsecond.
pub(super) fn last(until: Moment) -> String {
    let last = until.plus_micros(-1);
    let day = jiff::Timestamp::from_microsecond(last.micros())
        .map(|last| last.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9))).date().to_string());
    match day {
        Ok(day) if end(&day) == Some(until) => day,
        _ => precise(last),
    }
}

/// The beginning that [`super::super::time::start`] reads as `from`.
pub(super) fn first(from: Moment) -> String {
    let day = jiff::Timestamp::from_microsecond(from.micros())
        .map(|from| from.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9))).date().to_string());
    match day {
        Ok(day) if Moment::parse(&day).ok() == Some(from) => day,
        _ => precise(from),
    }
}

/// With all six digits of the microsecond.
pub(super) fn precise(moment: Moment) -> String {
    match jiff::Timestamp::from_microsecond(moment.micros()) {
        Ok(timestamp) => format!("{timestamp:.6}"),
        Err(_) => moment.to_string(),
    }
}
