//! Time. The model reads no clock: a moment is always an argument.

use std::fmt;

/// Why a text is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// Not an RFC 3339 date and time or date.
    #[error("is not a date or an RFC 3339 time such as `2026-04-01T09:30:00+09:00`: {reason}")]
    Unreadable {
        /// What the parser found.
        reason: String,
    },
    /// Outside the years 1800 to 2300.
    #[error("lies outside the years 1800 to 2300")]
    OutOfRange,
}

/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    const EARLIEST: i64 = -5_364_662_400_000_000;
    const LATEST: i64 = 10_413_792_000_000_000;

    /// A moment from microseconds since the Unix epoch.
    ///
    /// # Errors
    /// Outside the years 1800 to 2300.
    pub fn from_micros(micros: i64) -> Result<Self, MomentError> {
        if (Self::EARLIEST..Self::LATEST).contains(&micros) { Ok(Self(micros)) } else { Err(MomentError::OutOfRange) }
    }
    /// Microseconds since the Unix epoch.
    pub fn micros(self) -> i64 {
        self.0
    }
    /// Parses RFC 3339 with an offset, or a date (`2026-04-01`, the start of that day in Japan, UTC+9).
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, MomentError> {
        let unreadable = |error: jiff::Error| MomentError::Unreadable { reason: error.to_string() };
        let micros = if text.len() == 10 {
            let date: jiff::civil::Date = text.parse().map_err(unreadable)?;
            let japan = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
            date.to_zoned(japan).map_err(unreadable)?.timestamp().as_microsecond()
        } else {
            text.parse::<jiff::Timestamp>().map_err(unreadable)?.as_microsecond()
        };
        Self::from_micros(micros)
    }
    /// This moment moved by microseconds, held inside the allowed range.
    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros).clamp(Self::EARLIEST, Self::LATEST - 1))
    }
    /// Microseconds from `earlier` to this moment; negative when it is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a period is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the period ends before it begins")]
pub struct PeriodError;

/// A half-open stretch of time `[from, until)`; an absent side is unbounded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Period {
    from: Option<Moment>,
    until: Option<Moment>,
}

impl Period {
    /// All of time.
    pub const ALWAYS: Self = Self { from: None, until: None };

    /// The period `[from, until)`.
    ///
    /// # Errors
    /// When `until` is before `from`.
    pub fn new(from: Option<Moment>, until: Option<Moment>) -> Result<Self, PeriodError> {
        match (from, until) {
            (Some(from), Some(until)) if until < from => Err(PeriodError),
            _ => Ok(Self { from, until }),
        }
    }
    /// The first moment inside, if bounded.
    pub fn from(&self) -> Option<Moment> {
        self.from
    }
    /// The first moment after, if bounded.
    pub fn until(&self) -> Option<Moment> {
        self.until
    }
    /// Whether `moment` lies inside.
    pub fn contains(&self, moment: Moment) -> bool {
        self.from.is_none_or(|from| from <= moment) && self.until.is_none_or(|until| moment < until)
    }
}
