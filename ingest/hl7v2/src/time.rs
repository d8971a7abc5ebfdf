//! `TS`, `DTM`, `DT`: a date and time as precise as it was written.

use crate::{ErrorCode, Fault, Part};
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};
use std::fmt;

/// How much of a time is stated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Precision {
    /// `2026`
    Year,
    /// `202604`
    Month,
    /// `20260401`
    Day,
    /// `2026040109`
    Hour,
    /// `202604010930`
    Minute,
    /// `20260401093000`
    Second,
    /// `20260401093000.1234`
    Fraction,
}

/// A date and time with its precision, and its offset where it says one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ts {
    /// The first moment it may mean, by the clock on the wall.
    pub civil: DateTime,
    /// How much of it is stated.
    pub precision: Precision,
    /// `+0900` and the like.
    pub offset: Option<Offset>,
}

const RULE: &str =
    "a time as YYYYMMDDHHMMSS, from the right as far as it is known, with an offset such as +0900 or without";

impl Ts {
    /// Reads `YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]`. Milliseconds without their dot (17 digits, as SS-MIX2 names its files)
    /// are taken too.
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, offset) = match text.find(['+', '-']) {
            Some(at) => (text.get(..at)?, Some(offset(text.get(at..)?)?)),
            None => (text.strip_suffix('Z').unwrap_or(text), text.ends_with('Z').then_some(Offset::UTC)),
        };
        let (digits, fraction) = match digits.split_once('.') {
            Some((digits, fraction)) if digits.len() == 14 => (digits, fraction),
            Some(_) => return None,
            None if digits.len() == 17 => digits.split_at_checked(14)?,
            None => (digits, ""),
        };
        if !digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<i8>().ok());
        let precision = match digits.len() {
            4 => Precision::Year,
            6 => Precision::Month,
            8 => Precision::Day,
            10 => Precision::Hour,
            12 => Precision::Minute,
            14 if fraction.is_empty() => Precision::Second,
            14 => Precision::Fraction,
            _ => return None,
        };
        let year = digits.get(..4)?.parse().ok()?;
        let date = Date::new(year, part(4, 6).unwrap_or(1), part(6, 8).unwrap_or(1)).ok()?;
        let nanoseconds = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").get(..9)?.parse().ok()? };
        let (hour, minute, second) = (part(8, 10).unwrap_or(0), part(10, 12).unwrap_or(0), part(12, 14).unwrap_or(0));
        let civil = date.at(0, 0, 0, 0).with().hour(hour).minute(minute).second(second).subsec_nanosecond(nanoseconds);
        let civil = match civil.build() {
            Ok(civil) => civil,
            // The end of a day, as some write it.
            Err(_) if hour == 24 && minute == 0 && second == 0 => date.tomorrow().ok()?.at(0, 0, 0, 0),
            // A leap second has no place on our line of time.
            Err(_) if second == 60 => date.at(hour.clamp(0, 23), minute.clamp(0, 59), 59, 0),
            Err(_) => return None,
        };
        (hour <= 24 && minute <= 59).then_some(Self { civil, precision, offset })
    }

    /// The calendar date, when at least the day is stated.
    pub fn date(&self) -> Option<Date> {
        (self.precision >= Precision::Day).then(|| self.civil.date())
    }

    /// The first moment it may mean; `zone` holds where no offset is stated.
    pub fn start(&self, zone: &TimeZone) -> Option<Timestamp> {
        self.at(self.civil, zone)
    }

    /// The last moment it may mean, to the microsecond.
    pub fn end(&self, zone: &TimeZone) -> Option<Timestamp> {
        let span = match self.precision {
            Precision::Year => 1.year(),
            Precision::Month => 1.month(),
            Precision::Day => 1.day(),
            Precision::Hour => 1.hour(),
            Precision::Minute => 1.minute(),
            Precision::Second => 1.second(),
            Precision::Fraction => return self.start(zone),
        };
        let after = self.at(self.civil.checked_add(span).ok()?, zone)?;
        after.checked_sub(1.microsecond()).ok()
    }

    fn at(&self, civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
        match self.offset {
            Some(offset) => offset.to_timestamp(civil).ok(),
            None => zone.to_timestamp(civil).ok(),
        }
    }

    /// A moment as it is written into a message: to the second, with its offset.
    pub fn of(moment: Timestamp, offset: Offset) -> Self {
        let civil = offset.to_datetime(moment);
        let civil = civil.with().subsec_nanosecond(0).build().unwrap_or(civil);
        Self { civil, precision: Precision::Second, offset: Some(offset) }
    }
}

fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (digits.get(..2)?.parse().ok()?, digits.get(2..)?.parse().ok()?);
    let seconds = (hours * 60 + minutes) * 60;
    if minutes > 59 {
        return None;
    }
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

/// As HL7 writes it.
impl fmt::Display for Ts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.civil;
        write!(f, "{:04}", civil.year())?;
        let stated = |level: Precision| self.precision >= level;
        for (level, part) in [
            (Precision::Month, civil.month()),
            (Precision::Day, civil.day()),
            (Precision::Hour, civil.hour()),
            (Precision::Minute, civil.minute()),
            (Precision::Second, civil.second()),
        ] {
            if stated(level) {
                write!(f, "{part:02}")?;
            }
        }
        if stated(Precision::Fraction) {
            write!(f, ".{:04}", civil.subsec_nanosecond() / 100_000)?;
        }
        match self.offset {
            Some(offset) => {
                let minutes = offset.seconds() / 60;
                let sign = if minutes < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60)
            }
            None => Ok(()),
        }
    }
}

impl Part<'_> {
    /// A time, `None` where nothing is stated.
    ///
    /// # Errors
    /// When something is stated that is not a time.
    pub fn ts(&self) -> Result<Option<Ts>, Fault> {
        let text = self.text();
        if text.is_empty() {
            return Ok(None);
        }
        // Zeros alone say that nobody knows.
        if text.bytes().all(|b| b == b'0') {
            return Ok(None);
        }
        Ts::parse(&text).map(Some).ok_or_else(|| self.fault(ErrorCode::DataType, RULE))
    }
}

#[cfg(test)]
mod tests;
