//! Uterine activity: how far it rises above the tone, and contractions.
//!
//! An external transducer has no zero and no scale: only the rise above what lies around it means anything.

use super::{CtgLimit, CtgLimits, Second};

/// A contraction. Times are seconds since the trace began; the end is the first second after it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Contraction {
    /// When it begins.
    pub onset: usize,
    /// When it is strongest.
    pub peak: usize,
    /// The first second after it.
    pub end: usize,
    /// How far above the tone at its peak, in the units of the transducer.
    pub rise: f32,
}

impl Contraction {
    /// The same, so many seconds later.
    pub(super) fn later(self, seconds: usize) -> Self {
        Self { onset: self.onset + seconds, peak: self.peak + seconds, end: self.end + seconds, rise: self.rise }
    }
}

/// Seconds to either side that the tone is taken from.
pub const TONE_REACH: usize = 300;
/// The part of them that lies below the tone.
const TONE_PART: f32 = 0.2;
/// Seconds between two places at which the tone is taken.
pub(super) const TONE_STEP: usize = 30;
/// What lasts longer is cut: nothing may be waited for without end.
const LONGEST: usize = 600;

/// How far each second of a part of `seconds` rises above the tone; NaN where there is no signal.
///
/// `first` is the number of the first of `seconds` since the trace began, so that the places at which the tone is taken do
/// not depend on where the part begins.
pub fn rises(seconds: &[Second], first: usize, part: std::ops::Range<usize>) -> Vec<f32> {
    let tone_at = |place: usize| {
        let (from, until) = (place.saturating_sub(TONE_REACH).max(first), place + TONE_REACH);
        let around = seconds.get(from - first..(until - first).min(seconds.len())).unwrap_or_default();
        let mut values: Vec<f32> = around.iter().filter_map(|second| second.value()).collect();
        let rank = (values.len() as f32 * TONE_PART) as usize;
        if rank < values.len() { *values.select_nth_unstable_by(rank, f32::total_cmp).1 } else { f32::NAN }
    };
    let grid = |second: usize| second / TONE_STEP * TONE_STEP;
    let mut tones: (usize, f32, f32) = (usize::MAX, f32::NAN, f32::NAN);
    part.map(|second| {
        if tones.0 != grid(second) {
            tones = (grid(second), tone_at(grid(second)), tone_at(grid(second) + TONE_STEP));
        }
        let along = (second - tones.0) as f32 / TONE_STEP as f32;
        let tone = tones.1 + (tones.2 - tones.1) * along;
        let value = second.checked_sub(first).and_then(|at| seconds.get(at)).and_then(|second| second.value());
        value.map_or(f32::NAN, |value| value - tone)
    })
    .collect()
}

/// Finds contractions second by second.
#[derive(Clone, Debug)]
pub struct ContractionScanner {
    edge: f32,
    rise: f32,
    time: usize,
    at: usize,
    open: Option<(usize, usize, f32)>,
}

impl ContractionScanner {
    /// Begins at a second.
    pub fn new(limits: &CtgLimits, at: usize) -> Self {
        Self {
            edge: limits.f32(CtgLimit::ContractionEdge),
            rise: limits.f32(CtgLimit::ContractionRise),
            time: limits.seconds(CtgLimit::ContractionTime),
            at,
            open: None,
        }
    }

    /// The next second to come.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Takes the rise of the next second; gives the contraction that ended by it. Where the signal is lost within one,
    /// it ends there.
    pub fn push(&mut self, rise: f32) -> Option<Contraction> {
        let at = self.at;
        self.at += 1;
        if rise > self.edge {
            let (_, peak, most) = self.open.get_or_insert((at, at, rise));
            if rise > *most {
                (*peak, *most) = (at, rise);
            }
            let onset = self.open.map_or(at, |(onset, ..)| onset);
            return if at + 1 - onset == LONGEST { self.end(at + 1) } else { None };
        }
        self.end(at)
    }

    /// There are no more seconds.
    pub fn finish(&mut self) -> Option<Contraction> {
        self.end(self.at)
    }

    fn end(&mut self, end: usize) -> Option<Contraction> {
        let (onset, peak, rise) = self.open.take()?;
        (rise >= self.rise && end - onset >= self.time).then_some(Contraction { onset, peak, end, rise })
    }
}

/// Finds the contractions of a whole trace at once: the obvious way, which [`ContractionScanner`] is held to.
pub fn contractions(rises: &[f32], limits: &CtgLimits) -> Vec<Contraction> {
    let edge = limits.f32(CtgLimit::ContractionEdge);
    let mut found = Vec::new();
    let mut onset = 0;
    for stretch in rises.chunk_by(|a, b| (*a > edge) == (*b > edge)).flat_map(|stretch| stretch.chunks(LONGEST)) {
        let end = onset + stretch.len();
        let most = stretch.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let long = stretch.len() >= limits.seconds(CtgLimit::ContractionTime);
        if stretch.first().is_some_and(|rise| *rise > edge) && long && most >= limits.f32(CtgLimit::ContractionRise) {
            let peak = onset + stretch.iter().position(|rise| *rise == most).unwrap_or_default();
            found.push(Contraction { onset, peak, end, rise: most });
        }
        onset = end;
    }
    found
}
