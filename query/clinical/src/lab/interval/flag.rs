//! Flags, computed again from the value and compared with the one the laboratory set.

use super::{Interval, Place, Reference};
use crate::lab::fold::fold;
use crate::lab::value::{Comparator, Grade, ResultText};

/// A flag of HL7 table 0078.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Flag {
    /// Below the lower critical limit.
    CriticallyLow,
    /// Below the interval.
    Low,
    /// In the interval.
    Normal,
    /// Above the interval.
    High,
    /// Above the upper critical limit.
    CriticallyHigh,
    /// Abnormal, of what has no low and high.
    Abnormal,
}

impl Flag {
    /// `LL`, `L`, `N`, `H`, `HH` or `A`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CriticallyLow => "LL",
            Self::Low => "L",
            Self::Normal => "N",
            Self::High => "H",
            Self::CriticallyHigh => "HH",
            Self::Abnormal => "A",
        }
    }

    /// A flag as a laboratory writes it: table 0078, arrows, Japanese.
    pub fn read(written: &str) -> Option<Self> {
        Some(match fold(written).to_uppercase().as_str() {
            "LL" | "<<" | "↓↓" | "パニックL" => Self::CriticallyLow,
            "L" | "<" | "↓" | "低" | "低値" => Self::Low,
            "N" | "NORMAL" | "正常" => Self::Normal,
            "H" | ">" | "↑" | "高" | "高値" => Self::High,
            "HH" | ">>" | "↑↑" | "パニックH" => Self::CriticallyHigh,
            "A" | "AA" | "*" | "異常" => Self::Abnormal,
            _ => return None,
        })
    }

    const fn direction(self) -> i8 {
        match self {
            Self::CriticallyLow | Self::Low => -1,
            Self::Normal | Self::Abnormal => 0,
            Self::High | Self::CriticallyHigh => 1,
        }
    }
}

/// How the flag computed here and the one that came agree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Agreement {
    /// They say the same; H and HH do too, since each laboratory has critical limits of its own.
    Agrees,
    /// They do not.
    Differs,
    /// One of them is missing or not understood.
    CannotBeSaid,
}

impl Agreement {
    /// A short name for a column.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::CannotBeSaid => "cannot-be-said",
        }
    }
}

/// The flag of a value. With several references (both sexes) only what all of them say. `critical` is what lies between
/// the critical limits, in the unit of the value. `None` when it cannot be said.
pub fn flag(value: &ResultText, references: &[Reference], critical: Option<&Interval>) -> Option<Flag> {
    if let (Some(span), Some(limits)) = (value.span(), critical) {
        match limits.place(span) {
            Some(Place::Below) => return Some(Flag::CriticallyLow),
            Some(Place::Above) => return Some(Flag::CriticallyHigh),
            Some(Place::Within) | None => {}
        }
    }
    let mut flags = references.iter().map(|reference| one(value, reference));
    let first = flags.next()??;
    flags.all(|flag| flag == Some(first)).then_some(first)
}

fn one(value: &ResultText, reference: &Reference) -> Option<Flag> {
    match reference {
        Reference::Numbers(interval) => match interval.place(value.span()?)? {
            Place::Below => Some(Flag::Low),
            Place::Within => Some(Flag::Normal),
            Place::Above => Some(Flag::High),
        },
        Reference::UpTo(limit) => {
            let (comparator, grade) = value.grade()?;
            within(comparator, grade, *limit).map(|within| if within { Flag::Normal } else { Flag::Abnormal })
        }
    }
}

fn within(comparator: Comparator, grade: Grade, limit: Grade) -> Option<bool> {
    match comparator {
        Comparator::Equal => Some(grade.rank() <= limit.rank()),
        Comparator::More => (grade.rank() >= limit.rank()).then_some(false),
        Comparator::AtLeast => (grade.rank() > limit.rank()).then_some(false),
        Comparator::Less | Comparator::AtMost => (grade.rank() <= limit.rank()).then_some(true),
    }
}

/// Compares the flag computed here with the one that came. `blank_is_normal`: whether this laboratory leaves the flag
/// empty for a normal result; where it does not say so, an empty flag says nothing.
pub fn agreement(computed: Option<Flag>, reported: &str, blank_is_normal: bool) -> Agreement {
    let read = if reported.trim().is_empty() { blank_is_normal.then_some(Flag::Normal) } else { Flag::read(reported) };
    let (Some(computed), Some(reported)) = (computed, read) else { return Agreement::CannotBeSaid };
    let abnormal = |flag: Flag| flag != Flag::Normal;
    let same = match (computed, reported) {
        (Flag::Abnormal, other) | (other, Flag::Abnormal) => abnormal(other),
        (one, other) => one.direction() == other.direction(),
    };
    if same { Agreement::Agrees } else { Agreement::Differs }
}
