use super::*;
use model::FrameQuality;
use proptest::prelude::*;

mod cleaning;
mod events;
mod streaming;
mod twins;
mod windows;

pub(super) fn limits() -> CtgLimits {
    CtgLimits::shipped()
}

pub(super) fn rules() -> ReadingRules {
    ReadingRules { limits: limits(), maturity: Maturity::From32Weeks }
}

/// Noise that is the same each time.
#[derive(Clone, Debug)]
pub(in crate::perinatal) struct Noise(pub u64);

impl Noise {
    /// Evenly between -1 and 1.
    pub(in crate::perinatal) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 40) as f32 / (1_u64 << 23) as f32) - 1.0
    }
}

/// A trace drawn by hand: a baseline, waves about it, and what is laid over it.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    rates: Vec<f32>,
    pub frames: Vec<Frame>,
}

impl Drawn {
    /// `swing` is the amplitude from trough to peak of the waves about the baseline.
    pub(super) fn new(minutes: usize, baseline: f32, swing: f32) -> Self {
        let mut noise = Noise(7);
        let rates = (0..minutes * 60 * HERTZ)
            .map(|at| {
                // three waves of 3 to 9 cycles a minute that have nothing to do with one another, and a little noise
                let t = at as f32 / (60 * HERTZ) as f32 * std::f32::consts::TAU;
                let wave = (t * 3.1).sin() + (t * 5.3 + 1.0).sin() + (t * 8.9 + 2.0).sin();
                baseline + swing * (wave / 5.0 + noise.next() * 0.02)
            })
            .collect();
        let mut drawn = Self { rates, frames: Vec::new() };
        drawn.frames = vec![Frame { uterus: Sample::good(8.0), ..Frame::LOST }; minutes * 60 * HERTZ];
        drawn.written()
    }

    fn written(mut self) -> Self {
        for (frame, rate) in self.frames.iter_mut().zip(&self.rates) {
            frame.fetal[0] = Sample::good(*rate);
        }
        self
    }

    /// Adds `depth` over some seconds from `from`: falling over `fall` seconds, and rising again over as many.
    pub(super) fn with(mut self, from: usize, seconds: usize, fall: usize, depth: f32) -> Self {
        for at in from * HERTZ..((from + seconds) * HERTZ).min(self.rates.len()) {
            let (along, left) = ((at - from * HERTZ) as f32, ((from + seconds) * HERTZ - at) as f32);
            let part = (along.min(left) / (fall * HERTZ) as f32).min(1.0);
            self.rates[at] += depth * part;
        }
        self.written()
    }

    /// A contraction of a minute and a half whose peak is at `peak`.
    pub(super) fn contraction(mut self, peak: usize) -> Self {
        for at in (peak.saturating_sub(45) * HERTZ)..((peak + 45) * HERTZ).min(self.frames.len()) {
            let along = (at as f32 / HERTZ as f32 - peak as f32) / 45.0;
            self.frames[at].uterus = Sample::good(8.0 + 60.0 * (1.0 + (along * std::f32::consts::PI).cos()) / 2.0);
        }
        self
    }

    /// No signal from `from` for some seconds.
    pub(super) fn lost(mut self, from: usize, seconds: usize) -> Self {
        for frame in self.frames.iter_mut().skip(from * HERTZ).take(seconds * HERTZ) {
            frame.fetal[0] = Sample::LOST;
        }
        self
    }

    /// The mother's heart rate all through.
    pub(super) fn mother(mut self, rate: f32) -> Self {
        self.frames.iter_mut().for_each(|frame| frame.maternal = Sample::good(rate));
        self
    }

    pub(super) fn windows(&self) -> Vec<Window> {
        analyse(&self.frames, Fetus::ALL[0], &rules()).windows
    }
}
