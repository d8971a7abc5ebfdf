//! Entries of a pregnancy's record as other standards name them: which codes they are, and whether a value is one.
//!
//! What the records mean is not said here: a chart is read elsewhere. Here it is seen to that what comes in can be read there,
//! so that a value in a unit nobody reads, or one that no patient has, is kept aside with a reason and not passed over in silence.

mod table;

pub(crate) use table::{ROWS, Row};

use jiff::civil::Date;
use jiff::tz::Offset;
use model::{CodeSystem, Coding, Moment, Perinatal, Value};

/// The name of this project's words as a system of FHIR codes.
pub(crate) const SYSTEM: &str = "urn:ajisai:perinatal";
/// The same in HL7 v2, where the name of a coding system of one's own begins with `99`.
pub(crate) const SYSTEM_V2: &str = "99AJISAI";
/// Why there is no value where the code alone says it, in FHIR's word.
pub(crate) const NOTHING: &str = "not-applicable";
/// The oldest age, in days: 44 weeks and 6 days.
const OLDEST: f64 = 314.0;

/// What a code's value must be.
#[derive(Clone, Copy)]
pub(super) enum Says {
    /// A number within a span, in one of some units, each with its factor.
    Number { low: f64, high: f64, units: &'static [(&'static str, f64)] },
    /// A day, so many days from that of the observation.
    Day { from: i64, to: i64 },
    /// An age of the pregnancy.
    Age,
    /// A word: a code or a text, as it stands.
    Word,
    /// Nothing.
    Alone,
}

/// What an entry that is none breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The value: which rule.
    Value(&'static str),
    /// The unit: which rule.
    Unit(&'static str),
    /// Which fetus it is of.
    Fetus,
}

/// What is asked of the name of a fetus.
pub(crate) const FETUS: &str = "which fetus it is of: a number from 1 to 5, and only with what is measured of a fetus";

/// A code that is known here, with the fetus that it names itself.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) row: &'static Row,
    fetus: Option<u8>,
}

impl Known {
    /// The row of a LOINC code.
    pub(crate) fn by_loinc(code: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.loinc.contains(&code)).map(|row| Self { row, fetus: None })
    }

    /// The row of a word of this project; `bpd/2` is of the second fetus.
    pub(crate) fn by_word(word: &str) -> Option<Self> {
        let (name, end) = word.split_once('/').map_or((word, None), |(name, end)| (name, Some(end)));
        let row = ROWS.iter().find(|row| row.word == name)?;
        let fetus = match end {
            None => None,
            Some(end) => Some(end.parse().ok().filter(|fetus| row.of_fetus && (1..=5).contains(fetus))?),
        };
        Some(Self { row, fetus })
    }

    /// Whether the code says it without a value.
    pub(crate) fn is_alone(self) -> bool {
        matches!(self.row.says, Says::Alone) || self.row.word == "registration"
    }

    /// Whether its value is a day.
    pub(crate) fn is_day(self) -> bool {
        matches!(self.row.says, Says::Day { .. })
    }

    /// Whether its value is an age of the pregnancy.
    pub(crate) fn is_age(self) -> bool {
        matches!(self.row.says, Says::Age)
    }

    /// The entry: its code as it was stated, or the word of the fetus it is of where that is not the first.
    pub(crate) fn entry(self, code: Coding, value: Value, fetus: Option<u8>, at: Moment) -> Result<Perinatal, Wrong> {
        let fetus = match (self.fetus, fetus) {
            (Some(named), Some(other)) if named != other => return Err(Wrong::Fetus),
            (named, other) => named.or(other),
        };
        let code = match fetus {
            Some(fetus) if !self.row.of_fetus || !(1..=5).contains(&fetus) => return Err(Wrong::Fetus),
            Some(fetus) if fetus > 1 => {
                Coding { system: CodeSystem::Local, code: format!("{}/{fetus}", self.row.word), ..code }
            }
            _ => code,
        };
        let (value, gestational_days) = self.value(value, at)?;
        Ok(Perinatal { code, gestational_days, value })
    }

    /// The value as it is kept, and the age that it states.
    fn value(self, value: Value, at: Moment) -> Result<(Value, Option<u32>), Wrong> {
        let broken = Err(Wrong::Value(self.row.rule));
        if matches!(value, Value::Absent(_)) {
            return Ok((value, None));
        }
        match self.row.says {
            Says::Alone | Says::Word => Ok((value, None)),
            Says::Number { low, high, units } => {
                // a bound is kept; it is no measurement
                let Value::Quantity { value: number, unit, comparator } = &value else { return broken };
                let Some((_, factor)) = units.iter().find(|(known, _)| known == unit) else {
                    return Err(Wrong::Unit(self.row.rule));
                };
                let number = number * factor;
                let holds = low <= number && number <= high;
                if holds || !comparator.is_empty() { Ok((value, None)) } else { broken }
            }
            Says::Day { from, to } => {
                let Some(day) = stated(&value).and_then(|text| day(&text)) else { return broken };
                let apart = i64::from((day - day_of(at)).get_days());
                if from <= apart && apart <= to { Ok((Value::Text(day.to_string()), None)) } else { broken }
            }
            Says::Age => {
                let days = match &value {
                    Value::Quantity { value, unit, comparator } if comparator.is_empty() => {
                        days(*value, unit).ok_or(Wrong::Unit(self.row.rule))?
                    }
                    _ => stated(&value).as_deref().and_then(written_age).ok_or(Wrong::Value(self.row.rule))?,
                };
                let whole = days.round();
                if !(0.0..=OLDEST).contains(&whole) || (days - whole).abs() > 0.05 {
                    return broken;
                }
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 314")]
                let whole = whole as u32;
                Ok((value, Some(whole)))
            }
        }
    }
}

/// What a value says in words.
fn stated(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.trim().to_owned()),
        Value::Coded(code) => Some(if code.code.is_empty() { code.display.clone() } else { code.code.clone() }),
        Value::Quantity { .. } | Value::Absent(_) => None,
    }
}

/// A whole day: `2026-10-08`, or the day in Japan of a time with an offset.
fn day(text: &str) -> Option<Date> {
    if text.len() == 10 { text.parse().ok() } else { Moment::parse(text).ok().filter(|_| text.len() > 10).map(day_of) }
}

/// The day in Japan on which a moment lies.
fn day_of(moment: Moment) -> Date {
    let stamp = jiff::Timestamp::from_microsecond(moment.micros()).unwrap_or_default();
    Offset::constant(9).to_datetime(stamp).date()
}

/// An age as a number, in days.
fn days(value: f64, unit: &str) -> Option<f64> {
    match unit {
        "wk" | "{wk}" | "w" | "week" | "weeks" | "週" => Some(value * 7.0),
        "d" | "day" | "days" | "日" => Some(value),
        _ => None,
    }
}

/// An age as it is written: `32w3d`, `32w`, `32週3日`, `32+3`.
fn written_age(text: &str) -> Option<f64> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let (weeks, rest) = plain.split_at(plain.find(|c: char| !c.is_ascii_digit())?);
    let rest = ["weeks", "week", "wk", "w", "週", "+"].iter().find_map(|unit| rest.strip_prefix(unit))?;
    let rest = ["days", "day", "d", "日"].iter().find_map(|unit| rest.strip_suffix(unit)).unwrap_or(rest);
    let weeks: u16 = weeks.parse().ok()?;
    let days: u16 = if rest.is_empty() { 0 } else { rest.parse().ok().filter(|days| *days < 7)? };
    Some(f64::from(weeks) * 7.0 + f64::from(days))
}

#[cfg(test)]
mod tests;
