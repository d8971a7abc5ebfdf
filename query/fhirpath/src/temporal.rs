//! Dates and times as FHIR writes them: to the precision that is stated, with an offset or without.

use std::cmp::Ordering;
use std::fmt;

/// How far a date or time is stated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Precision {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// Of a second: how many digits are written, 1 to 9.
    Fraction(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Sort {
    Date,
    DateTime,
    Time,
}

/// A date, a date with a time, or a time of day.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Temporal {
    sort: Sort,
    precision: Precision,
    year: i64,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanos: u32,
    /// Minutes east of UTC.
    offset: Option<i16>,
}

const NOTHING: Temporal = Temporal {
    sort: Sort::Date,
    precision: Precision::Year,
    year: 1,
    month: 1,
    day: 1,
    hour: 0,
    minute: 0,
    second: 0,
    nanos: 0,
    offset: None,
};

/// Exactly `digits` digits at the beginning of `text`, and what follows.
fn digits(text: &str, digits: usize) -> Option<(u32, &str)> {
    let (head, rest) = text.split_at_checked(digits)?;
    let plain = head.bytes().all(|byte| byte.is_ascii_digit());
    Some((plain.then(|| head.parse().ok())??, rest))
}

fn two(text: &str, most: u32) -> Option<(u8, &str)> {
    let (number, rest) = digits(text, 2)?;
    (number <= most).then(|| Some((u8::try_from(number).ok()?, rest)))?
}

const fn last_day(year: i64, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 0000-03-01, by the civil calendar.
const fn days(year: i64, month: u8, day: u8) -> i64 {
    let (year, month) = if month > 2 { (year, month as i64 - 3) } else { (year - 1, month as i64 + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (month * 153 + 2) / 5 + day as i64 - 1
}

impl Temporal {
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    pub fn date(text: &str) -> Option<Self> {
        let (date, rest) = Self::day_part(text)?;
        rest.is_empty().then_some(date)
    }

    /// A date, or a date with a time and perhaps an offset.
    pub fn date_time(text: &str) -> Option<Self> {
        let (mut moment, rest) = Self::day_part(text)?;
        moment.sort = Sort::DateTime;
        let Some(rest) = rest.strip_prefix('T') else { return rest.is_empty().then_some(moment) };
        if moment.precision != Precision::Day {
            return None;
        }
        if rest.is_empty() {
            return Some(moment);
        }
        let rest = moment.clock_part(rest)?;
        moment.offset = match rest.split_at_checked(1) {
            None => None,
            Some(("Z", "")) => Some(0),
            Some((sign @ ("+" | "-"), rest)) => {
                let (hours, rest) = two(rest, 14)?;
                let (minutes, rest) = two(rest.strip_prefix(':')?, 59)?;
                let east = i16::from(hours) * 60 + i16::from(minutes);
                rest.is_empty().then_some(Some(if sign == "-" { -east } else { east }))?
            }
            Some(_) => return None,
        };
        Some(moment)
    }

    /// `hh`, `hh:mm`, `hh:mm:ss` or with a fraction.
    pub fn time(text: &str) -> Option<Self> {
        let mut time = Self { sort: Sort::Time, ..NOTHING };
        time.clock_part(text)?.is_empty().then_some(time)
    }

    /// As the type of that name: `date`, `dateTime`, `instant` or `time`.
    pub(crate) fn of_type(name: &str, text: &str) -> Option<Self> {
        match name {
            "date" => Self::date(text),
            "time" => Self::time(text),
            "dateTime" | "instant" => Self::date_time(text),
            _ => None,
        }
    }

    /// As what `self` is compared with: a time beside a time, else a date with or without a time.
    pub(crate) fn like(self, text: &str) -> Option<Self> {
        if self.sort == Sort::Time { Self::time(text) } else { Self::date_time(text) }
    }

    fn day_part(text: &str) -> Option<(Self, &str)> {
        let (year, rest) = digits(text, 4)?;
        let mut date = Self { year: i64::from(year), ..NOTHING };
        let Some(rest) = rest.strip_prefix('-') else { return Some((date, rest)) };
        let (month, rest) = two(rest, 12)?;
        (date.month, date.precision) = (month, Precision::Month);
        if month == 0 {
            return None;
        }
        let Some(rest) = rest.strip_prefix('-') else { return Some((date, rest)) };
        let (day, rest) = two(rest, 31)?;
        (date.day, date.precision) = (day, Precision::Day);
        (day > 0 && day <= last_day(date.year, month)).then_some((date, rest))
    }

    fn clock_part<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let (hour, rest) = two(text, 23)?;
        (self.hour, self.precision) = (hour, Precision::Hour);
        let Some(rest) = rest.strip_prefix(':') else { return Some(rest) };
        let (minute, rest) = two(rest, 59)?;
        (self.minute, self.precision) = (minute, Precision::Minute);
        let Some(rest) = rest.strip_prefix(':') else { return Some(rest) };
        // A leap second is the last of its minute.
        let (second, rest) = two(rest, 60)?;
        (self.second, self.precision) = (second.min(59), Precision::Second);
        let Some(rest) = rest.strip_prefix('.') else { return Some(rest) };
        let written = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (fraction, rest) = rest.split_at_checked(written)?;
        let kept = fraction.get(..written.min(9))?;
        let missing = u32::try_from(9 - kept.len()).ok()?;
        self.nanos = kept.parse::<u32>().ok()? * 10u32.pow(missing);
        self.precision = Precision::Fraction(u8::try_from(kept.len()).ok()?);
        Some(rest)
    }

    /// How far it is stated.
    pub fn precision(self) -> Precision {
        self.precision
    }
    /// `date`, `dateTime` or `time`.
    pub fn type_name(self) -> &'static str {
        match self.sort {
            Sort::Date => "date",
            Sort::DateTime => "dateTime",
            Sort::Time => "time",
        }
    }

    /// Which is earlier; `None` where what is stated does not settle it.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        if (self.sort == Sort::Time) != (other.sort == Sort::Time) {
            return None;
        }
        let clocked = |it: Self| it.precision >= Precision::Minute;
        let (mine, others) = match (self.offset, other.offset) {
            (Some(_), Some(_)) if clocked(self) && clocked(other) => (self.in_utc(), other.in_utc()),
            (None, None) => (self.fields(), other.fields()),
            // Without an offset it may be any time within a day around: only the days before and after are settled.
            _ => {
                let apart = days(self.year, self.month, self.day) - days(other.year, other.month, other.day);
                let told = self.precision >= Precision::Day && other.precision >= Precision::Day;
                return if told && apart.abs() > 1 { Some(apart.cmp(&0)) } else { self.by_date(other) };
            }
        };
        let rank = |precision| match precision {
            Precision::Year => 1,
            Precision::Month => 2,
            Precision::Day => 3,
            Precision::Hour => 4,
            Precision::Minute => 5,
            Precision::Second | Precision::Fraction(_) => 7,
        };
        let shared: usize = rank(self.precision).min(rank(other.precision));
        let decided = mine.iter().zip(&others).take(shared).map(|(a, b)| a.cmp(b)).find(|order| order.is_ne());
        decided.or_else(|| (rank(self.precision) == rank(other.precision)).then_some(Ordering::Equal))
    }

    /// By the date as written, where one of the two has no time at all.
    fn by_date(self, other: Self) -> Option<Ordering> {
        if self.precision > Precision::Day && other.precision > Precision::Day {
            return None;
        }
        let plain = |it: Self| Self {
            precision: it.precision.min(Precision::Day),
            offset: None,
            hour: 0,
            minute: 0,
            second: 0,
            nanos: 0,
            ..it
        };
        plain(self).compare(plain(other)).filter(|order| order.is_ne())
    }

    fn fields(self) -> [i64; 7] {
        let (hour, minute, second) = (i64::from(self.hour), i64::from(self.minute), i64::from(self.second));
        [self.year, i64::from(self.month), i64::from(self.day), hour, minute, second, i64::from(self.nanos)]
    }
    /// The same seven places with the date as days; what is compared lies at minutes or below.
    fn in_utc(self) -> [i64; 7] {
        let minutes = days(self.year, self.month, self.day) * 1440 + i64::from(self.hour) * 60 + i64::from(self.minute)
            - i64::from(self.offset.unwrap_or_default());
        [0, 0, 0, 0, minutes, i64::from(self.second), i64::from(self.nanos)]
    }

    /// The first moment it may mean: a date to the day, a time to the millisecond, the earliest offset where none is stated.
    #[must_use]
    pub fn low(self) -> Self {
        self.filled(false)
    }
    /// The last moment it may mean.
    #[must_use]
    pub fn high(self) -> Self {
        self.filled(true)
    }

    fn filled(mut self, high: bool) -> Self {
        let end = |low: u8, last: u8| if high { last } else { low };
        let stated = self.precision;
        if stated < Precision::Month {
            self.month = end(1, 12);
        }
        if stated < Precision::Day {
            self.day = end(1, last_day(self.year, self.month));
        }
        if self.sort == Sort::Date {
            self.precision = stated.max(Precision::Day);
            return self;
        }
        if stated < Precision::Hour {
            self.hour = end(0, 23);
        }
        if stated < Precision::Minute {
            self.minute = end(0, 59);
        }
        if stated < Precision::Second {
            self.second = end(0, 59);
        }
        let written = match stated {
            Precision::Fraction(digits) => digits,
            _ => 0,
        };
        if written < 3 {
            if high {
                // 999 milliseconds, of which those that are written stay.
                self.nanos += [999, 99, 9].get(usize::from(written)).copied().unwrap_or(0) * 1_000_000;
            }
            self.precision = Precision::Fraction(3);
        }
        if self.sort == Sort::DateTime && self.offset.is_none() {
            self.offset = Some(if high { -12 * 60 } else { 14 * 60 });
        }
        self
    }
}

impl fmt::Display for Temporal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sort != Sort::Time {
            write!(f, "{:04}", self.year)?;
            if self.precision >= Precision::Month {
                write!(f, "-{:02}", self.month)?;
            }
            if self.precision >= Precision::Day {
                write!(f, "-{:02}", self.day)?;
            }
            if self.precision < Precision::Hour {
                return Ok(());
            }
            f.write_str("T")?;
        }
        write!(f, "{:02}", self.hour)?;
        if self.precision >= Precision::Minute {
            write!(f, ":{:02}", self.minute)?;
        }
        if self.precision >= Precision::Second {
            write!(f, ":{:02}", self.second)?;
        }
        if let Precision::Fraction(digits) = self.precision {
            let kept = self.nanos / 10u32.pow(9 - u32::from(digits.min(9)));
            write!(f, ".{kept:0width$}", width = usize::from(digits))?;
        }
        match self.offset {
            None => Ok(()),
            Some(0) => f.write_str("Z"),
            Some(east) => {
                let (sign, minutes) = (if east < 0 { '-' } else { '+' }, east.unsigned_abs());
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_date_or_time_is_none() {
        for text in ["", "20", "2026-00", "2026-13", "2026-02-29", "2026-1-1", "2026-01-01T", "2026-01-01 ", "日本"] {
            assert_eq!(Temporal::date(text), None, "{text}");
        }
        for text in ["2026-01T10:00", "2026-01-01T24:00", "2026-01-01T10:00+09", "2026-01-01T10:00:00.Z"] {
            assert_eq!(Temporal::date_time(text), None, "{text}");
        }
        assert!(
            Temporal::time("24:00").is_none()
                && Temporal::time("10:60").is_none()
                && Temporal::time("10:00Z").is_none()
        );
        assert_eq!(Temporal::date("2024-02-29").map(|date| date.to_string()).as_deref(), Some("2024-02-29"));
    }

    #[test]
    fn what_is_stated_decides_and_what_is_not_leaves_it_open() {
        let at = |text| Temporal::date_time(text).unwrap();
        let compared = |a, b| at(a).compare(at(b));
        assert_eq!(compared("2026", "2027-01"), Some(Ordering::Less));
        assert_eq!(compared("2026", "2026-01"), None);
        assert_eq!(compared("2026-01-01T10:00:00", "2026-01-01T10:00:00.000"), Some(Ordering::Equal));
        assert_eq!(compared("2026-01-01T10:00:00+09:00", "2026-01-01T01:00:00Z"), Some(Ordering::Equal));
        assert_eq!(compared("2026-01-01T08:00:00+09:00", "2026-01-01T00:00:00Z"), Some(Ordering::Less));
        assert_eq!(compared("2026-01-01T10:00:00+09:00", "2026-01-01T10:00:00"), None);
        assert_eq!(compared("2026-01-05T10:00:00+09:00", "2026-01-01T10:00:00"), Some(Ordering::Greater));
        assert_eq!(compared("2026-01-01", "2026-01-01T10:00:00Z"), None);
        assert_eq!(compared("2026-01-01", "2026-01-02T10:00:00Z"), Some(Ordering::Less));
        assert_eq!(Temporal::time("10:00").unwrap().compare(at("2026")), None);
    }

    #[test]
    fn boundaries_keep_what_is_stated() {
        let of = |text: &str| {
            let it = Temporal::date_time(text).unwrap();
            (it.low().to_string(), it.high().to_string())
        };
        assert_eq!(of("2026-02"), ("2026-02-01T00:00:00.000+14:00".into(), "2026-02-28T23:59:59.999-12:00".into()));
        assert_eq!(of("2026-02-03T10:11Z"), ("2026-02-03T10:11:00.000Z".into(), "2026-02-03T10:11:59.999Z".into()));
        assert_eq!(
            of("2026-02-03T10:11:12.5Z"),
            ("2026-02-03T10:11:12.500Z".into(), "2026-02-03T10:11:12.599Z".into())
        );
        assert_eq!(of("2026-02-03T10:11:12.123456Z").0, "2026-02-03T10:11:12.123456Z");
    }
}
