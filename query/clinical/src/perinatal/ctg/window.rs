//! Ten minutes of a trace: what is seen in them, or why that cannot be said.

use super::baseline::{Baseline, BaselineFrom, round_to_five, ten_minutes};
use super::{
    Acceleration, Contraction, CtgLimit, CtgLimits, Deceleration, Epoch, Excursion, HERTZ, Maturity, Minute, Second,
    Sinusoid, acceleration, deceleration, sinusoid,
};

/// Seconds of a window.
pub const WINDOW: usize = 600;

/// Whether a window may still change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Standing {
    /// Read with what has come so far: it may still change.
    Provisional,
    /// Read with what came before and after it: it will not change.
    Final,
}

/// Why a window is not assessable. Never the same as normal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NotAssessable {
    /// The trace ended before ten minutes were full.
    TooShort,
    /// Too much of the signal is lost.
    Lost,
    /// Too much of it may be the mother's pulse.
    Suspect,
    /// No baseline can be determined here or in the ten minutes before.
    NoBaseline,
    /// Too little is seen in one piece to say how the rate varies.
    NoVariability,
}

/// How the rate varies about the baseline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum VariabilityClass {
    /// 消失.
    Absent,
    /// 減少: up to 5 bpm.
    Decreased,
    /// 中等度: 6 to 25 bpm.
    Moderate,
    /// 増加: above 25 bpm.
    Increased,
}

/// Variability of a window.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Variability {
    /// The median over its minutes of the span of the rate (means of a second) within each, in beats per minute.
    pub amplitude: f32,
    /// What that is called.
    pub class: VariabilityClass,
    /// Whether there was nothing to see outside accelerations and decelerations, so that it was taken within them.
    pub within_events: bool,
}

/// Short-term variability, with the epoch it was taken over.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ShortTerm {
    /// The epoch. Values of two epochs are two quantities.
    pub epoch: Epoch,
    /// Milliseconds of pulse interval.
    pub milliseconds: f32,
}

/// What is seen in a window that is assessable.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// The baseline as the JSOG defines it.
    pub baseline: Baseline,
    /// The mean of the weighted-median baseline.
    pub weighted_median: f32,
    /// Variability as an amplitude.
    pub variability: Variability,
    /// Short-term variability, by epoch, where enough was measured.
    pub short_term: Vec<ShortTerm>,
    /// A sinusoidal pattern.
    pub sinusoid: Option<Sinusoid>,
}

/// Ten minutes of one fetus's trace. Times are seconds since the trace began.
#[derive(Clone, PartialEq, Debug)]
pub struct Window {
    /// Its first second.
    pub from: usize,
    /// The first second after it.
    pub until: usize,
    /// Whether it may still change.
    pub standing: Standing,
    /// The part of its samples that were measured.
    pub measured: f32,
    /// The part of its samples that may be the mother's pulse.
    pub suspect: f32,
    /// The accelerations that touch it.
    pub accelerations: Vec<Acceleration>,
    /// The decelerations that touch it; told also where the window is not assessable.
    pub decelerations: Vec<Deceleration>,
    /// The contractions whose peak lies in it; `None` where uterine activity is not seen for most of it.
    pub contractions: Option<Vec<Contraction>>,
    /// What is seen, or why that cannot be said.
    pub reading: Result<Reading, NotAssessable>,
}

impl Window {
    /// Whether there were too many contractions; `None` where they are not seen.
    pub fn tachysystole(&self, limits: &CtgLimits) -> Option<bool> {
        let contractions = self.contractions.as_ref()?;
        Some(contractions.len() as f64 > limits.value(CtgLimit::Tachysystole))
    }
}

/// A part of something that goes on: the number of its first, and what is at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a, T> {
    pub first: usize,
    pub all: &'a [T],
}

impl<'a, T> Part<'a, T> {
    pub(super) fn between(self, from: usize, until: usize) -> &'a [T] {
        let at = |place: usize| place.saturating_sub(self.first).min(self.all.len());
        self.all.get(at(from)..at(until)).unwrap_or_default()
    }
    fn get(self, place: usize) -> Option<&'a T> {
        self.all.get(place.checked_sub(self.first)?)
    }
}

/// What the readers of a stretch of trace have found: everything that one window is read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub seconds: Part<'a, Second>,
    pub baseline: Part<'a, f32>,
    pub uterus: Part<'a, Second>,
    pub minutes: Part<'a, Minute>,
    pub excursions: &'a [Excursion],
    pub contractions: &'a [Contraction],
}

/// How windows are read.
#[derive(Clone, Debug)]
pub struct ReadingRules {
    /// The limits that hold.
    pub limits: CtgLimits,
    /// Whether the fetus has reached 32 weeks.
    pub maturity: Maturity,
}

/// Seconds of a minute without events that must be measured for its amplitude.
const AMPLITUDE_SECONDS: usize = 30;
/// How long an event must lie in a window to be counted there. More than an excursion is drawn out by, so that none which
/// has yet to leave the baseline touches a window that has ended.
const TOUCH: usize = super::excursion::DRAWN_OUT + 5;

impl Found<'_> {
    /// Reads one window. `before` is the baseline of the ten minutes before, where these had one of their own.
    pub(super) fn window(
        &self,
        (from, until): (usize, usize),
        before: Option<Baseline>,
        standing: Standing,
        rules: &ReadingRules,
    ) -> Window {
        let limits = &rules.limits;
        let touching = || self.excursions.iter().filter(|one| one.touches(from, until, TOUCH));
        let accelerations = touching().filter_map(|one| acceleration(one, rules.maturity, limits)).collect();
        let decelerations = touching().filter_map(|one| deceleration(one, self.contractions, limits)).collect();
        let seconds = self.seconds.between(from, until);
        let samples = (WINDOW * HERTZ) as f32;
        let part = |of: fn(&Second) -> u8| seconds.iter().map(|second| f32::from(of(second))).sum::<f32>() / samples;
        let mut window = Window {
            from,
            until,
            standing,
            measured: part(|second| second.measured),
            suspect: part(|second| second.suspect),
            accelerations,
            decelerations,
            contractions: self.contractions_seen(from, until),
            reading: Err(NotAssessable::TooShort),
        };
        window.reading = self.reading(&window, before, rules);
        window
    }

    /// Peaks within the window, where uterine activity is seen for at least half of it. A contraction may go unseen
    /// where it is not: none is then not said.
    fn contractions_seen(&self, from: usize, until: usize) -> Option<Vec<Contraction>> {
        let uterus = self.uterus.between(from, until);
        let seen = uterus.iter().filter(|second| second.value().is_some()).count();
        let here = |one: &&Contraction| from <= one.peak && one.peak < until;
        (2 * seen >= WINDOW).then(|| self.contractions.iter().filter(here).copied().collect())
    }

    fn reading(
        &self,
        window: &Window,
        before: Option<Baseline>,
        rules: &ReadingRules,
    ) -> Result<Reading, NotAssessable> {
        let (from, until, limits) = (window.from, window.until, &rules.limits);
        if until - from < WINDOW {
            return Err(NotAssessable::TooShort);
        }
        let lost_part = limits.f32(CtgLimit::LostPart);
        if 1.0 - window.measured > lost_part {
            let suspect = window.suspect > 1.0 - window.measured - window.suspect;
            return Err(if suspect { NotAssessable::Suspect } else { NotAssessable::Lost });
        }
        let quiet = self.quiet(window);
        let variability = variability(&quiet, limits).ok_or(NotAssessable::NoVariability)?;
        let curve = self.baseline.between(from, until);
        let weighted_median = curve.iter().sum::<f32>() / curve.len().max(1) as f32;
        let own = ten_minutes(quiet.chunks(60), limits).map(|bpm| Baseline { bpm, from: BaselineFrom::Here });
        let carried = before.map(|before| Baseline { from: BaselineFrom::Before, ..before });
        // where all is restless the definition leaves no baseline, and the classification does not ask for one
        let restless = variability.class == VariabilityClass::Increased;
        let curve = restless.then(|| Baseline { bpm: round_to_five(weighted_median), from: BaselineFrom::Curve });
        let baseline = own.or(carried).or(curve).ok_or(NotAssessable::NoBaseline)?;
        Ok(Reading {
            baseline,
            weighted_median,
            variability,
            short_term: self.short_term(window, &quiet),
            sinusoid: sinusoid(self.seconds.between(from, until), limits),
        })
    }

    /// The seconds of the window, and whether each is outside its accelerations and decelerations.
    fn quiet(&self, window: &Window) -> Vec<(Second, bool)> {
        let events = window.accelerations.iter().map(|one| one.excursion);
        let events: Vec<Excursion> = events.chain(window.decelerations.iter().map(|one| one.excursion)).collect();
        let quiet = |at: usize| !events.iter().any(|event| event.onset <= at && at < event.end);
        let seconds = self.seconds.between(window.from, window.until).iter();
        seconds.zip(window.from..).map(|(second, at)| (*second, quiet(at))).collect()
    }

    /// The mean over the window's minutes without events.
    fn short_term(&self, window: &Window, quiet: &[(Second, bool)]) -> Vec<ShortTerm> {
        let mut found = Vec::new();
        for epoch in [Epoch::Sixteenth, Epoch::Sample] {
            let (mut sum, mut count) = (0.0, 0_usize);
            for (at, seconds) in quiet.chunks(60).enumerate() {
                let minute = self.minutes.get(window.from / 60 + at).and_then(|minute| minute.short_term(epoch));
                if let Some(value) = minute.filter(|_| seconds.iter().all(|(_, quiet)| *quiet)) {
                    (sum, count) = (sum + value, count + 1);
                }
            }
            if count > 0 {
                found.push(ShortTerm { epoch, milliseconds: sum / count as f32 });
            }
        }
        found
    }
}

fn variability(seconds: &[(Second, bool)], limits: &CtgLimits) -> Option<Variability> {
    let outside = median_amplitude(seconds, |quiet| quiet);
    let amplitude = outside.or_else(|| median_amplitude(seconds, |_| true))?;
    let class = if amplitude < limits.f32(CtgLimit::VariabilityAbsent) {
        VariabilityClass::Absent
    } else if amplitude <= limits.f32(CtgLimit::VariabilityDecreased) {
        VariabilityClass::Decreased
    } else if amplitude <= limits.f32(CtgLimit::VariabilityIncreased) {
        VariabilityClass::Moderate
    } else {
        VariabilityClass::Increased
    };
    Some(Variability { amplitude, class, within_events: outside.is_none() })
}

/// The median over the minutes of the span of the rate in each, where at least half a minute of it counts.
fn median_amplitude(seconds: &[(Second, bool)], counts: fn(bool) -> bool) -> Option<f32> {
    let mut amplitudes = Vec::new();
    for minute in seconds.chunks(60) {
        let rates = minute.iter().filter(|(_, quiet)| counts(*quiet)).filter_map(|(second, _)| second.measured());
        let (mut low, mut high, mut count) = (f32::INFINITY, f32::NEG_INFINITY, 0_usize);
        for rate in rates {
            (low, high, count) = (low.min(rate), high.max(rate), count + 1);
        }
        if count >= AMPLITUDE_SECONDS {
            amplitudes.push(high - low);
        }
    }
    amplitudes.sort_unstable_by(f32::total_cmp);
    amplitudes.get(amplitudes.len() / 2).copied()
}
