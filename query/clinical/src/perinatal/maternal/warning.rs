//! Early-warning scores: MEOWS with its colours, and the maternal early warning criteria. All limits from memory.

use super::{MaternalLimit, MaternalLimits, Reached};
use crate::{Certainty, OutOfDomainError, Source, within};

/// Where the colours come from.
pub const MEOWS: Source = Source { text: "MEOWS (Singh 2012), from memory", certainty: Certainty::Memory };
/// Changes with every change of [`MEOWS_ROWS`].
pub const MEOWS_VERSION: &str = "2026-11-23";

/// A vital sign of the score.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Sign {
    /// Systolic pressure, mmHg.
    Systolic,
    /// Diastolic pressure, mmHg.
    Diastolic,
    /// Heart rate, beats/min.
    HeartRate,
    /// Breaths/min.
    Breathing,
    /// Temperature, °C.
    Temperature,
    /// Oxygen saturation, %.
    Saturation,
}

impl Sign {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Systolic, Self::Diastolic, Self::HeartRate, Self::Breathing, Self::Temperature, Self::Saturation];
}

/// The limits of a sign. What is `None` has no limit on that side.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MeowsRow {
    /// Which sign.
    pub sign: Sign,
    /// Below this: red.
    pub red_below: Option<f64>,
    /// Up to this: yellow.
    pub yellow_up_to: Option<f64>,
    /// From this on: yellow.
    pub yellow_from: Option<f64>,
    /// Above this: red.
    pub red_above: Option<f64>,
    /// What a patient can have: anything else is refused.
    pub domain: (f64, f64),
    /// The same in words.
    pub words: &'static str,
}

/// The shipped rows.
pub const MEOWS_ROWS: [MeowsRow; 6] = [
    row(Sign::Systolic, [Some(90.0), Some(100.0), Some(150.0), Some(160.0)], (30.0, 300.0), "30 to 300 mmHg"),
    row(Sign::Diastolic, [None, None, Some(90.0), Some(100.0)], (10.0, 200.0), "10 to 200 mmHg"),
    row(Sign::HeartRate, [Some(40.0), Some(50.0), Some(100.0), Some(120.0)], (10.0, 300.0), "10 to 300 beats/min"),
    row(Sign::Breathing, [Some(10.0), None, Some(21.0), Some(30.0)], (0.0, 100.0), "0 to 100 breaths/min"),
    row(Sign::Temperature, [Some(35.0), Some(36.0), None, Some(38.0)], (25.0, 45.0), "25 to 45 Cel"),
    row(Sign::Saturation, [Some(95.0), None, None, None], (0.0, 100.0), "0 to 100 %"),
];

const fn row(sign: Sign, limits: [Option<f64>; 4], domain: (f64, f64), words: &'static str) -> MeowsRow {
    let [red_below, yellow_up_to, yellow_from, red_above] = limits;
    MeowsRow { sign, red_below, yellow_up_to, yellow_from, red_above, domain, words }
}

/// How awake she is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Consciousness {
    /// Alert.
    Alert,
    /// Answers to the voice.
    Voice,
    /// Answers to pain.
    Pain,
    /// Does not answer.
    Unresponsive,
}

/// A colour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Colour {
    /// Neither.
    White,
    /// Yellow.
    Yellow,
    /// Red.
    Red,
}

impl MeowsRow {
    /// The colour of a value.
    ///
    /// # Errors
    /// When no patient has it.
    pub fn colour(&self, value: f64) -> Result<Colour, OutOfDomainError> {
        let value = within("value", value, self.domain, self.words)?;
        let below = |limit: Option<f64>| limit.is_some_and(|limit| value < limit);
        let above = |limit: Option<f64>| limit.is_some_and(|limit| value > limit);
        let up_to = |limit: Option<f64>| limit.is_some_and(|limit| value <= limit);
        let from = |limit: Option<f64>| limit.is_some_and(|limit| value >= limit);
        Ok(if below(self.red_below) || above(self.red_above) {
            Colour::Red
        } else if up_to(self.yellow_up_to) || from(self.yellow_from) {
            Colour::Yellow
        } else {
            Colour::White
        })
    }
}

impl MeowsRow {
    /// The limit that gives a value its colour; `None` where it is white.
    pub fn limit_of(&self, value: f64) -> Option<f64> {
        let below = self.red_below.filter(|limit| value < *limit);
        let above = || self.red_above.filter(|limit| value > *limit);
        let up_to = || self.yellow_up_to.filter(|limit| value <= *limit);
        let from = || self.yellow_from.filter(|limit| value >= *limit);
        below.or_else(above).or_else(up_to).or_else(from)
    }
}

/// The limits that hold at a facility.
#[derive(Clone, PartialEq, Debug)]
pub struct MeowsTable {
    version: String,
    rows: [MeowsRow; 6],
}

/// A facility's row that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the MEOWS limits of `{sign:?}` must lie within {words} and rise from red to yellow to yellow to red")]
pub struct MeowsError {
    /// Which sign.
    pub sign: Sign,
    /// What a patient can have.
    pub words: &'static str,
}

impl MeowsTable {
    /// The shipped limits.
    pub fn shipped() -> Self {
        Self { version: MEOWS_VERSION.to_owned(), rows: MEOWS_ROWS }
    }

    /// The same with a facility's own limits of some signs: red below, yellow up to, yellow from, red above.
    ///
    /// # Errors
    /// When the limits of a sign are not in order, or no patient's.
    pub fn with(
        mut self,
        version: &str,
        signs: impl IntoIterator<Item = (Sign, [Option<f64>; 4])>,
    ) -> Result<Self, MeowsError> {
        for (sign, limits) in signs {
            for row in self.rows.iter_mut().filter(|row| row.sign == sign) {
                let (low, high) = row.domain;
                let within = limits.iter().flatten().all(|limit| low <= *limit && *limit <= high);
                let ordered = limits.iter().flatten().is_sorted_by(|before, after| before <= after);
                if !within || !ordered {
                    return Err(MeowsError { sign, words: row.words });
                }
                [row.red_below, row.yellow_up_to, row.yellow_from, row.red_above] = limits;
            }
        }
        self.version = version.to_owned();
        Ok(self)
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }
    /// Its rows.
    pub fn rows(&self) -> &[MeowsRow] {
        &self.rows
    }
}

/// What the score says.
#[derive(Clone, PartialEq, Debug)]
pub struct Meows {
    /// Whether it calls: one red or two yellow. `None` where it does not, and a sign is missing that could change that.
    pub calls: Option<bool>,
    /// The signs that are not white.
    pub coloured: Vec<(Sign, Colour)>,
    /// Whether she is less than alert, which is red; `None` where that is not known.
    pub less_than_alert: Option<bool>,
    /// The signs that are missing.
    pub missing: Vec<Sign>,
}

/// The score of some signs. Of a sign that is given more than once the worst counts.
///
/// # Errors
/// When a value is none a patient has.
pub fn meows(
    signs: &[(Sign, f64)],
    consciousness: Option<Consciousness>,
    table: &MeowsTable,
) -> Result<Meows, OutOfDomainError> {
    let (mut coloured, mut missing) = (Vec::new(), Vec::new());
    for row in table.rows() {
        let values = signs.iter().filter(|(sign, _)| *sign == row.sign);
        let colours = values.map(|(_, value)| row.colour(*value)).collect::<Result<Vec<Colour>, _>>()?;
        match colours.into_iter().max() {
            None => missing.push(row.sign),
            Some(Colour::White) => {}
            Some(colour) => coloured.push((row.sign, colour)),
        }
    }
    let less_than_alert = consciousness.map(|consciousness| consciousness != Consciousness::Alert);
    let red = less_than_alert == Some(true) || coloured.iter().any(|(_, colour)| *colour == Colour::Red);
    let complete = missing.is_empty() && less_than_alert.is_some();
    let calls = if red || coloured.len() >= 2 { Some(true) } else { complete.then_some(false) };
    Ok(Meows { calls, coloured, less_than_alert, missing })
}

/// What the maternal early warning criteria look at. What is `None` was not looked at.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct EarlySigns {
    /// Systolic pressure, mmHg.
    pub systolic: Option<f64>,
    /// Diastolic pressure, mmHg.
    pub diastolic: Option<f64>,
    /// Heart rate, beats/min.
    pub pulse: Option<f64>,
    /// Breaths/min.
    pub breathing: Option<f64>,
    /// Oxygen saturation in room air, %.
    pub saturation: Option<f64>,
    /// Urine per hour, mL, and over how many hours it was measured.
    pub urine: Option<(f64, f64)>,
}

/// The maternal early warning criteria: each that is reached. Consciousness, and headache or breathlessness with preeclampsia, are
/// no numbers and not among them.
pub fn early_warning(signs: &EarlySigns, limits: &MaternalLimits) -> Vec<Reached> {
    let long = signs.urine.filter(|(_, hours)| *hours >= limits.value(MaternalLimit::MercUrineHours));
    [
        limits.below(MaternalLimit::MercSystolicLow, signs.systolic),
        limits.above(MaternalLimit::MercSystolicHigh, signs.systolic),
        limits.above(MaternalLimit::MercDiastolicHigh, signs.diastolic),
        limits.below(MaternalLimit::MercPulseLow, signs.pulse),
        limits.above(MaternalLimit::MercPulseHigh, signs.pulse),
        limits.below(MaternalLimit::MercBreathingLow, signs.breathing),
        limits.above(MaternalLimit::MercBreathingHigh, signs.breathing),
        limits.below(MaternalLimit::MercSaturation, signs.saturation),
        limits.below(MaternalLimit::MercUrine, long.map(|(per_hour, _)| per_hour)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
