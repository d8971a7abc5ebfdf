//! What a monitor measures of the mother, as notes of her chart: a value a minute, and a pressure when it was taken.
//!
//! The choices are this project's: a minute is the median of its good samples, and stands at the last of them; a pressure that comes
//! again with the same figures within five minutes is the one that was taken first, because monitors repeat their last; a doubtful
//! sample is none. What a monitor measured is marked, so that a reader can tell it from what somebody wrote down.

use super::code::{RECORD_CODES, Reads};
use super::fact::{Chart, Fact, Noted};
use model::{FacilityId, Moment};
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000_000;
/// A pressure that is repeated within this is the same one.
const SAME: i64 = 5 * MINUTE;

/// What is measured all the time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MonitorSign {
    /// Heart rate, beats/min.
    Pulse,
    /// Oxygen saturation, %.
    Saturation,
    /// Temperature, °C.
    Temperature,
}

impl MonitorSign {
    /// The word of the same sign as an entry: its span holds here too.
    const fn word(self) -> &'static str {
        match self {
            Self::Pulse => "pulse",
            Self::Saturation => "saturation",
            Self::Temperature => "temperature",
        }
    }
}

/// A pressure when it was measured: systolic and diastolic, where they are known.
type Taken = (Moment, [Option<f64>; 2]);

/// What monitors measured of one woman, gathered in any order.
#[derive(Clone, Default)]
pub struct Monitored {
    signs: BTreeMap<(FacilityId, MonitorSign, i64), Vec<(Moment, f64)>>,
    pressures: BTreeMap<FacilityId, Vec<Taken>>,
    refused: u32,
}

// Redacted: what is measured is patient data.
impl std::fmt::Debug for Monitored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Monitored(******)")
    }
}

/// The fact of a figure, where a patient can have it.
fn fact(word: &str, value: f64) -> Option<Fact> {
    let row = RECORD_CODES.iter().find(|row| row.local == word)?;
    let Reads::Number { span: (low, high), fact, .. } = row.reads else { return None };
    (value.is_finite() && low <= value && value <= high).then(|| fact(value))
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get((values.len().checked_sub(1)?) / 2)?, values.get(values.len() / 2)?);
    Some((low + high) / 2.0)
}

impl Monitored {
    /// Takes in the good samples of a frame; the moment is that of the last of them.
    pub fn take(&mut self, sign: MonitorSign, at: Moment, source: &FacilityId, samples: &mut [f64]) {
        let Some(value) = median(samples) else { return };
        if fact(sign.word(), value).is_none() {
            self.refused = self.refused.saturating_add(1);
            return;
        }
        let minute = at.micros().div_euclid(MINUTE);
        self.signs.entry((source.clone(), sign, minute)).or_default().push((at, value));
    }

    /// Takes in a pressure: systolic and diastolic, where they were measured.
    pub fn take_pressure(&mut self, at: Moment, source: &FacilityId, values: [Option<f64>; 2]) {
        if values.iter().any(Option::is_some) {
            self.pressures.entry(source.clone()).or_default().push((at, values));
        }
    }
}

impl Chart {
    /// Notes what monitors measured. Pregnancies are made of entries alone, so that these change none.
    pub fn learn_monitored(&mut self, monitored: Monitored) {
        let Monitored { signs, pressures, refused } = monitored;
        self.refused = self.refused.saturating_add(refused);
        for ((source, sign, _), samples) in signs {
            let at = samples.iter().map(|(at, _)| *at).max();
            let value = median(&mut samples.iter().map(|(_, value)| *value).collect::<Vec<_>>());
            if let (Some(at), Some(fact)) = (at, value.and_then(|value| fact(sign.word(), value))) {
                self.notes.push(Noted { fact, age: None, at, source, entry: false, monitor: true });
            }
        }
        for (source, mut taken) in pressures {
            taken.sort_by_key(|(at, _)| *at);
            let mut last: Option<Taken> = None;
            for (at, values) in taken {
                let repeated = last.is_some_and(|(seen, same)| same == values && at.since(seen) <= SAME);
                last = Some((at, values));
                if repeated {
                    continue;
                }
                for (word, value) in ["systolic", "diastolic"].into_iter().zip(values) {
                    let Some(value) = value else { continue };
                    match fact(word, value) {
                        Some(fact) => {
                            let source = source.clone();
                            self.notes.push(Noted { fact, age: None, at, source, entry: false, monitor: true });
                        }
                        None => self.refused = self.refused.saturating_add(1),
                    }
                }
            }
        }
    }
}
