//! Gestational age and the due date: arithmetic of whole days in Japan.

use crate::diabetes::{Date, day_of, days_between, start_of};
use model::Moment;
use std::fmt;

/// Days from the first day of the last period to the due date (40 weeks and 0 days).
pub const TERM_DAYS: i32 = 280;
/// Days from conception to the due date.
const FROM_CONCEPTION: i32 = 266;
const DAY: i64 = 86_400_000_000;

/// The age of a pregnancy in completed weeks and days: 39 weeks and 2 days is 275 days.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GestationalAge(u16);

/// An age that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a gestational age lies within 0 weeks 0 days and 44 weeks 6 days, and days of a week within 0 to 6")]
pub struct GestationalAgeError;

/// What a child born at an age is called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TermClass {
    /// 流産: before 22 weeks.
    Abortion,
    /// 早産: 22 weeks to 36 weeks and 6 days.
    Preterm,
    /// 正期産: 37 weeks to 41 weeks and 6 days.
    Term,
    /// 過期産: from 42 weeks on.
    Postterm,
}

impl GestationalAge {
    /// The oldest: 44 weeks and 6 days.
    pub const OLDEST: Self = Self(44 * 7 + 6);

    /// From weeks and days.
    ///
    /// # Errors
    /// Past 44 weeks and 6 days, or when the days are more than six.
    pub fn new(weeks: u16, days: u16) -> Result<Self, GestationalAgeError> {
        if days > 6 {
            Err(GestationalAgeError)
        } else {
            Self::from_days(i32::from(weeks.min(100)) * 7 + i32::from(days))
        }
    }
    /// From days.
    ///
    /// # Errors
    /// Before the first day and past 44 weeks and 6 days.
    pub fn from_days(days: i32) -> Result<Self, GestationalAgeError> {
        let age = u16::try_from(days).map(Self).map_err(|_| GestationalAgeError)?;
        if age <= Self::OLDEST { Ok(age) } else { Err(GestationalAgeError) }
    }
    /// In days.
    pub fn days(self) -> u16 {
        self.0
    }
    /// Completed weeks, and the days beyond them.
    pub fn weeks_and_days(self) -> (u16, u16) {
        (self.0 / 7, self.0 % 7)
    }
    /// The month of the pregnancy as it is counted in Japan (妊娠何か月), from 1.
    pub fn month(self) -> u16 {
        self.0 / 28 + 1
    }
    /// What a child born at this age is called (definitions of the JSOG, from memory).
    pub fn term(self) -> TermClass {
        match self.0 / 7 {
            0..=21 => TermClass::Abortion,
            22..=36 => TermClass::Preterm,
            37..=41 => TermClass::Term,
            _ => TermClass::Postterm,
        }
    }
}

impl fmt::Display for GestationalAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (weeks, days) = self.weeks_and_days();
        write!(f, "{weeks}w{days}d")
    }
}

impl fmt::Debug for GestationalAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a due date rests on. The later one is the surer where the cycle is not regular; which holds is for a physician
/// to say, so each is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Basis {
    /// The first day of the last period.
    LastPeriod(Date),
    /// The day of ovulation, or of the egg's retrieval.
    Conception(Date),
    /// The day an embryo was transferred, and its age then, in days.
    Transfer {
        /// The day of the transfer.
        on: Date,
        /// Days since the egg was fertilised.
        embryo_days: u8,
    },
    /// An age found on a day, by ultrasound.
    Ultrasound {
        /// The day.
        on: Date,
        /// The age.
        age: GestationalAge,
    },
    /// The date itself, as somebody wrote it down.
    Written(Date),
    /// An age that an entry states, without saying what it rests on.
    Stated {
        /// The day of the entry.
        on: Date,
        /// The age.
        age: GestationalAge,
    },
}

impl Basis {
    /// A short name for a column.
    pub const fn code(self) -> &'static str {
        match self {
            Self::LastPeriod(_) => "last-period",
            Self::Conception(_) => "conception",
            Self::Transfer { .. } => "transfer",
            Self::Ultrasound { .. } => "ultrasound",
            Self::Written(_) => "written",
            Self::Stated { .. } => "stated",
        }
    }
}

/// A due date, with what it rests on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DueDate {
    due: Date,
    basis: Basis,
}

/// Why a due date was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DueDateError {
    /// Outside the calendar.
    #[error("the due date from `{basis}` lies outside the calendar: correct the date it rests on")]
    OutOfCalendar {
        /// What it rests on.
        basis: &'static str,
    },
    /// No embryo is transferred at this age.
    #[error("an embryo is transferred 0 to 7 days after fertilisation, not {days}")]
    Embryo {
        /// What was given.
        days: u8,
    },
}

impl DueDate {
    /// From what it rests on.
    ///
    /// # Errors
    /// When the date lies outside the calendar, or the embryo is older than any that is transferred.
    pub fn new(basis: Basis) -> Result<Self, DueDateError> {
        let due = match basis {
            Basis::LastPeriod(on) => later(on, TERM_DAYS),
            Basis::Conception(on) => later(on, FROM_CONCEPTION),
            Basis::Transfer { embryo_days, .. } if embryo_days > 7 => {
                return Err(DueDateError::Embryo { days: embryo_days });
            }
            Basis::Transfer { on, embryo_days } => later(on, FROM_CONCEPTION - i32::from(embryo_days)),
            Basis::Ultrasound { on, age } | Basis::Stated { on, age } => later(on, TERM_DAYS - i32::from(age.days())),
            Basis::Written(due) => Some(due),
        };
        let due = due.ok_or(DueDateError::OutOfCalendar { basis: basis.code() })?;
        Ok(Self { due, basis })
    }
    /// The date: 40 weeks and 0 days.
    pub fn date(self) -> Date {
        self.due
    }
    /// What it rests on.
    pub fn basis(self) -> Basis {
        self.basis
    }
    /// The age on a day; `None` before the first day and past the oldest age.
    pub fn age_on(self, day: Date) -> Option<GestationalAge> {
        GestationalAge::from_days(TERM_DAYS - days_between(day, self.due)).ok()
    }
    /// The age at a moment, by the day in Japan.
    pub fn age_at(self, moment: Moment) -> Option<GestationalAge> {
        self.age_on(day_of(moment))
    }
    /// The day on which an age is reached.
    pub fn day_of(self, age: GestationalAge) -> Option<Date> {
        later(self.due, i32::from(age.days()) - TERM_DAYS)
    }
}

/// A day some days later; `None` outside the years a moment may lie in.
fn later(day: Date, days: i32) -> Option<Date> {
    let start = start_of(day)?;
    let moved = Moment::from_micros(start.micros() + i64::from(days) * DAY).ok()?;
    Some(day_of(moved))
}
