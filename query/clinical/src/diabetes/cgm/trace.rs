//! A trace: one period's readings of one sensor.

use crate::diabetes::day::{Date, day_of, days_between, start_of};
use model::Moment;

/// How often a device reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CgmInterval {
    /// Every 5 minutes.
    Five,
    /// Every 15 minutes.
    Fifteen,
}

/// Why readings are not a trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CgmError {
    /// No readings.
    #[error("a trace needs at least one reading")]
    Empty,
    /// A value that no sensor reads.
    #[error("reading {at} is outside 20 to 600 mg/dL: is it mmol/L, or a mark for low or high?")]
    Value {
        /// Which, from 0, as given.
        at: usize,
    },
}

/// Readings of one period, mg/dL, earliest first, one per moment.
#[derive(Clone, PartialEq)]
pub struct Trace {
    interval: CgmInterval,
    readings: Vec<(Moment, f64)>,
    // INVARIANT: the moment of the first reading, of which there is one
    first: Moment,
}

/// How much of a period the sensor was worn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Wear {
    /// Days of the period.
    pub days: f64,
    /// Readings a device worn all the time would have given.
    pub expected: usize,
    /// Readings there are; of several within one interval one counts.
    pub present: usize,
    /// The share, in percent, at most 100.
    pub percent: f64,
    /// Whether summaries of it may be judged: at least 14 days and 70 %.
    pub sufficient: bool,
}

/// Days a period must have to be judged (2019 consensus; certainty: memory).
pub const WEAR_DAYS: f64 = 14.0;
/// Percent of it the sensor must have been worn (2019 consensus; certainty: memory).
pub const WEAR_PERCENT: f64 = 70.0;
/// Minutes over which readings are joined by a straight line; a longer gap stays one.
pub const MAX_GAP_MINUTES: i64 = 45;

pub(super) const MINUTE: i64 = 60_000_000;
const DAY: f64 = 86_400_000_000.0;
const BOUNDS: (f64, f64) = (20.0, 600.0);

impl CgmInterval {
    /// Minutes.
    pub const fn minutes(self) -> i64 {
        match self {
            Self::Five => 5,
            Self::Fifteen => 15,
        }
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace({:?}, {} readings)", self.interval, self.readings.len())
    }
}

impl Trace {
    /// From readings in mg/dL, in any order. Of several at one moment the lowest holds.
    ///
    /// # Errors
    /// When there are none, or one is outside 20 to 600 mg/dL.
    pub fn new(interval: CgmInterval, readings: impl IntoIterator<Item = (Moment, f64)>) -> Result<Self, CgmError> {
        let mut readings: Vec<_> = readings.into_iter().collect();
        let (low, high) = BOUNDS;
        if let Some(at) = readings.iter().position(|one| !(low..=high).contains(&one.1)) {
            return Err(CgmError::Value { at });
        }
        readings.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        readings.dedup_by_key(|one| one.0);
        let first = readings.first().ok_or(CgmError::Empty)?.0;
        Ok(Self { interval, readings, first })
    }

    /// How often the device reads.
    pub fn interval(&self) -> CgmInterval {
        self.interval
    }
    /// The readings, earliest first.
    pub fn readings(&self) -> &[(Moment, f64)] {
        &self.readings
    }
    /// The values, earliest first.
    pub fn values(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        self.readings.iter().map(|one| one.1)
    }
    /// The moments of the first reading and of the last.
    pub fn span(&self) -> (Moment, Moment) {
        (self.first, self.readings.last().map_or(self.first, |last| last.0))
    }

    /// How much of `[from, until)` the sensor was worn.
    pub fn wear(&self, from: Moment, until: Moment) -> Wear {
        let step = self.interval.minutes() * MINUTE;
        let length = until.since(from).max(0);
        let expected = usize::try_from(length / step).unwrap_or(0);
        let mut slots: Vec<i64> = self
            .readings
            .iter()
            .filter(|one| from <= one.0 && one.0 < until)
            .map(|one| one.0.since(from) / step)
            .collect();
        slots.dedup();
        let present = slots.len();
        let percent = if expected == 0 { 0.0 } else { (present as f64 * 100.0 / expected as f64).min(100.0) };
        let days = length as f64 / DAY;
        Wear { days, expected, present, percent, sufficient: days >= WEAR_DAYS && percent >= WEAR_PERCENT }
    }

    /// The part of it in `[from, until)`; `None` where it has no reading there.
    pub fn between(&self, from: Moment, until: Moment) -> Option<Self> {
        let inside = self.readings.iter().filter(|one| from <= one.0 && one.0 < until).copied();
        Self::new(self.interval, inside).ok()
    }

    /// The readings laid on a grid from midnight.
    pub(super) fn grid(&self) -> Grid {
        let (first, last) = self.span();
        let (first_day, last_day) = (day_of(first), day_of(last));
        let per_day = 1440 / self.interval.minutes();
        let days = i64::from(days_between(first_day, last_day)) + 1;
        let origin = start_of(first_day).unwrap_or(first);
        let step = self.interval.minutes() * MINUTE;
        let mut values = Vec::new();
        let mut next = 0;
        for slot in 0..days * per_day {
            let at = origin.plus_micros(slot * step);
            while self.readings.get(next).is_some_and(|one| one.0 < at) {
                next += 1;
            }
            values.push(self.value_at(at, next));
        }
        Grid {
            values,
            per_day: usize::try_from(per_day).unwrap_or(1),
            first_day,
            step_minutes: self.interval.minutes(),
        }
    }

    /// The value at a moment, where `next` is the first reading not before it.
    fn value_at(&self, at: Moment, next: usize) -> Option<f64> {
        let after = self.readings.get(next)?;
        if after.0 == at {
            return Some(after.1);
        }
        let before = self.readings.get(next.checked_sub(1)?)?;
        let gap = after.0.since(before.0);
        if gap > MAX_GAP_MINUTES * MINUTE {
            return None;
        }
        let share = at.since(before.0) as f64 / gap as f64;
        Some(before.1 + (after.1 - before.1) * share)
    }
}

/// Values at equal steps from midnight of the first day to the end of the last; `None` in gaps.
pub(super) struct Grid {
    pub values: Vec<Option<f64>>,
    pub per_day: usize,
    pub first_day: Date,
    pub step_minutes: i64,
}

impl Grid {
    /// Differences of values so many steps apart, where both are there.
    pub fn differences(&self, steps: usize) -> Vec<f64> {
        let later = self.values.iter().skip(steps);
        later.zip(&self.values).filter_map(|(later, earlier)| Some((*later)? - (*earlier)?)).collect()
    }
    /// The days, each with its values in order.
    pub fn days(&self) -> impl Iterator<Item = &[Option<f64>]> {
        self.values.chunks(self.per_day)
    }
    /// The values of each time of day.
    pub fn times(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        (0..self.per_day).map(|slot| self.values.iter().skip(slot).step_by(self.per_day).copied().flatten().collect())
    }
}
