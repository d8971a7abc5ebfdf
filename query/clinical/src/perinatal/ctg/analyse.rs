//! A whole recording read at once: the obvious way, stage after stage, which the streaming [`super::Monitor`] is held to.

use super::baseline::weighted_median;
use super::uterus::{contractions, rises};
use super::window::{Found, Part, ReadingRules, Standing, WINDOW, Window};
use super::{
    Baseline, BaselineFrom, Clean, Contraction, Fetus, Frame, HERTZ, Minute, Sample, Second, bridge, clean, excursions,
};

/// Seconds before and after a window that its baseline is taken from.
pub const CONTEXT: usize = 1_200;

/// Everything read from one fetus's recording.
#[derive(Clone, PartialEq, Debug)]
pub struct Analysis {
    /// The cleaned trace, by second.
    pub seconds: Vec<Second>,
    /// The weighted-median baseline, by second.
    pub baseline: Vec<f32>,
    /// The windows of ten minutes, in order; the last may be too short.
    pub windows: Vec<Window>,
}

/// Reads a whole recording of one fetus.
pub fn analyse(frames: &[Frame], fetus: Fetus, rules: &ReadingRules) -> Analysis {
    let limits = &rules.limits;
    let heart: Vec<Sample> = frames.iter().filter_map(|frame| frame.fetal.get(fetus.place()).copied()).collect();
    let mother: Vec<Sample> = frames.iter().map(|frame| frame.maternal).collect();
    let cleaned: Vec<Clean> = clean(&heart, &mother, limits);
    let seconds: Vec<Second> = cleaned.chunks_exact(HERTZ).map(Second::of).collect();
    let seconds = bridge(&seconds, limits);
    let minutes: Vec<Minute> = cleaned.chunks_exact(60 * HERTZ).map(Minute::of).collect();
    let uterus = uterus_seconds(frames);
    let uterus = bridge(&uterus, limits);
    let contractions = uterine(&uterus, rules);

    let mut baseline = Vec::with_capacity(seconds.len());
    for from in (0..seconds.len()).step_by(WINDOW) {
        let until = (from + WINDOW).min(seconds.len());
        baseline.extend(baseline_of(&seconds, 0, from..until));
    }
    let rates: Vec<Option<f32>> = seconds.iter().map(|second| second.value()).collect();
    let excursions = excursions(&rates, &baseline, limits);
    let found = Found {
        seconds: Part { first: 0, all: &seconds },
        baseline: Part { first: 0, all: &baseline },
        uterus: Part { first: 0, all: &uterus },
        minutes: Part { first: 0, all: &minutes },
        excursions: &excursions,
        contractions: &contractions,
    };
    let mut windows: Vec<Window> = Vec::new();
    for from in (0..seconds.len()).step_by(WINDOW) {
        let before = windows.last().and_then(own_baseline);
        windows.push(found.window((from, (from + WINDOW).min(seconds.len())), before, Standing::Final, rules));
    }
    Analysis { seconds, baseline, windows }
}

/// The baseline a window determined itself; one that was carried is not carried on.
pub(super) fn own_baseline(window: &Window) -> Option<Baseline> {
    let baseline = window.reading.as_ref().ok().map(|reading| reading.baseline);
    baseline.filter(|baseline| baseline.from == BaselineFrom::Here)
}

/// The baseline of a part of a trace of which `seconds` are at hand, from what lies within the context of it.
pub(super) fn baseline_of(seconds: &[Second], first: usize, part: std::ops::Range<usize>) -> Vec<f32> {
    let from = part.start.saturating_sub(CONTEXT).max(first);
    let context = seconds.get(from - first..(part.end + CONTEXT - first).min(seconds.len())).unwrap_or_default();
    weighted_median(context).into_iter().skip(part.start - from).take(part.len()).collect()
}

/// Uterine activity by second.
fn uterus_seconds(frames: &[Frame]) -> Vec<Second> {
    let samples: Vec<Sample> = frames.iter().map(|frame| frame.uterus).collect();
    samples.chunks_exact(HERTZ).map(Second::of_uterus).collect()
}

/// The contractions of a whole trace.
fn uterine(uterus: &[Second], rules: &ReadingRules) -> Vec<Contraction> {
    contractions(&rises(uterus, 0, 0..uterus.len()), &rules.limits)
}
