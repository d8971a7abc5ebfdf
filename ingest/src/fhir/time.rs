//! FHIR dates and times to moments.
//!
//! FHIR allows `YYYY`, `YYYY-MM`, `YYYY-MM-DD` and a full time with offset. A beginning of partial precision is the
//! start of its first day, an end the start of its last day, both in Japan (UTC+9). A time without an offset is
//! against FHIR and refused: an hour's doubt in a result's time is not ours to settle.

use model::Moment;

/// A beginning, or a point in time.
pub(super) fn start(text: &str) -> Option<Moment> {
    match text.len() {
        4 => Moment::parse(&format!("{text}-01-01")).ok(),
        7 => Moment::parse(&format!("{text}-01")).ok(),
        _ => Moment::parse(text).ok(),
    }
}

/// An end.
pub(super) fn end(text: &str) -> Option<Moment> {
    match text.len() {
        4 => Moment::parse(&format!("{text}-12-31")).ok(),
        7 => {
            let first: jiff::civil::Date = format!("{text}-01").parse().ok()?;
            Moment::parse(&first.last_of_month().to_string()).ok()
        }
        _ => Moment::parse(text).ok(),
    }
}
