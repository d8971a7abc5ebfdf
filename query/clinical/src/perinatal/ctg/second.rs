//! Seconds and minutes: what the rest of the reading works on, so that little is kept of a long labour.

use super::{Clean, CtgLimit, CtgLimits, HERTZ, Sample};

/// What a second is made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Signal {
    /// Measured.
    Measured,
    /// A short gap, bridged by a straight line between what was measured.
    Bridged,
    /// No signal.
    Lost,
    /// Likely the mother's pulse.
    Suspect,
}

/// A second of one channel.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Second {
    value: f32,
    /// What it is made of.
    pub signal: Signal,
    /// How many of its samples were measured.
    pub measured: u8,
    /// How many were suspect.
    pub suspect: u8,
}

impl Second {
    /// The mean of its samples, measured or bridged.
    pub fn value(self) -> Option<f32> {
        matches!(self.signal, Signal::Measured | Signal::Bridged).then_some(self.value)
    }
    /// The mean of its samples, where measured.
    pub fn measured(self) -> Option<f32> {
        (self.signal == Signal::Measured).then_some(self.value)
    }

    /// From its samples: half of them must be measured.
    pub(super) fn of(samples: &[Clean]) -> Self {
        let rates = samples.iter().filter_map(|one| one.rate());
        let (sum, measured) = rates.fold((0.0, 0_u8), |(sum, count), rate| (sum + rate, count + 1));
        let suspect = samples.iter().filter(|one| **one == Clean::Suspect).count() as u8;
        let half = HERTZ as u8 / 2;
        let (value, signal) = if measured >= half {
            (sum / f32::from(measured), Signal::Measured)
        } else if suspect >= half {
            (0.0, Signal::Suspect)
        } else {
            (0.0, Signal::Lost)
        };
        Self { value, signal, measured, suspect }
    }

    /// A second of a channel that is not cleaned: uterine activity.
    pub(super) fn of_uterus(samples: &[Sample]) -> Self {
        let clean = |sample: &Sample| sample.within((-1000.0, 1000.0)).map_or(Clean::Lost, Clean::Measured);
        let clean: Vec<Clean> = samples.iter().map(clean).collect();
        Self::of(&clean)
    }

    fn bridged(mut self, value: f32) -> Self {
        (self.value, self.signal) = (value, Signal::Bridged);
        self
    }
}

/// Bridges short gaps, second by second. Seconds that are suspect are no gap: nothing is drawn across them.
#[derive(Clone, Debug)]
pub struct Bridge {
    longest: usize,
    last: Option<f32>,
    gap: Vec<Second>,
}

impl Bridge {
    /// With a facility's limits.
    pub fn new(limits: &CtgLimits) -> Self {
        Self { longest: limits.seconds(CtgLimit::Bridge), last: None, gap: Vec::new() }
    }

    /// Takes the next second; what is decided by it is appended to `out`, in order.
    pub fn push(&mut self, second: Second, out: &mut Vec<Second>) {
        match second.signal {
            Signal::Lost if self.last.is_some() && self.gap.len() < self.longest => self.gap.push(second),
            Signal::Lost | Signal::Suspect | Signal::Bridged => {
                self.give_up(out);
                out.push(second);
            }
            Signal::Measured => {
                if let Some(last) = self.last {
                    let steps = self.gap.len() as f32 + 1.0;
                    let line = |at: usize| last + (second.value - last) * (at as f32 + 1.0) / steps;
                    out.extend(self.gap.drain(..).enumerate().map(|(at, lost)| lost.bridged(line(at))));
                }
                self.last = Some(second.value);
                out.push(second);
            }
        }
    }

    /// There are no more seconds.
    pub fn finish(mut self, out: &mut Vec<Second>) {
        self.give_up(out);
    }

    fn give_up(&mut self, out: &mut Vec<Second>) {
        out.append(&mut self.gap);
        self.last = None;
    }
}

/// Bridges a whole recording at once: the obvious way, which [`Bridge`] is held to.
pub fn bridge(seconds: &[Second], limits: &CtgLimits) -> Vec<Second> {
    let mut bridged = seconds.to_vec();
    let measured: Vec<(usize, f32)> =
        seconds.iter().enumerate().filter_map(|(at, second)| second.measured().map(|value| (at, value))).collect();
    for ((from, first), (to, last)) in measured.iter().zip(measured.iter().skip(1)) {
        let length = to - from - 1;
        let lost = seconds.iter().skip(from + 1).take(length).all(|second| second.signal == Signal::Lost);
        if lost && length <= limits.seconds(CtgLimit::Bridge) {
            for (at, second) in bridged.iter_mut().skip(from + 1).take(length).enumerate() {
                *second = second.bridged(first + (last - first) * (at as f32 + 1.0) / (length as f32 + 1.0));
            }
        }
    }
    bridged
}

/// How long the epochs are whose means short-term variability compares. The values of two lengths are two quantities and
/// are never compared (PMID 28672744).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Epoch {
    /// 3.75 s: sixteen to the minute.
    Sixteenth,
    /// 0.25 s: every sample.
    Sample,
}

/// Short-term variability of one minute in milliseconds of pulse interval, by epoch, where enough was measured.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Minute {
    /// With epochs of 3.75 s.
    pub sixteenth: Option<f32>,
    /// With epochs of one sample.
    pub sample: Option<f32>,
}

const MINUTE_SAMPLES: usize = 60 * HERTZ;
const EPOCH_SAMPLES: usize = MINUTE_SAMPLES / 16;

impl Minute {
    /// From a minute of samples. Half of the differences must be there.
    pub(super) fn of(samples: &[Clean]) -> Self {
        let interval = |one: &Clean| one.rate().map(|rate| 60_000.0 / rate);
        let single = samples.iter().map(interval);
        let epochs = samples.chunks(EPOCH_SAMPLES).map(|epoch| {
            let intervals = epoch.iter().filter_map(interval);
            let (sum, count) = intervals.fold((0.0, 0_usize), |(sum, count), one| (sum + one, count + 1));
            (2 * count >= EPOCH_SAMPLES).then(|| sum / count as f32)
        });
        Self { sixteenth: mean_step(epochs, 16), sample: mean_step(single, MINUTE_SAMPLES) }
    }

    /// By the length of the epoch.
    pub fn short_term(self, epoch: Epoch) -> Option<f32> {
        match epoch {
            Epoch::Sixteenth => self.sixteenth,
            Epoch::Sample => self.sample,
        }
    }
}

/// The mean absolute step between neighbours that are both there, where at least half of `all - 1` steps are.
fn mean_step(values: impl Iterator<Item = Option<f32>>, all: usize) -> Option<f32> {
    let (mut before, mut sum, mut steps) = (None, 0.0, 0_usize);
    for value in values {
        if let Some((before, now)) = before.zip(value) {
            let (before, now): (f32, f32) = (before, now);
            sum += (now - before).abs();
            steps += 1;
        }
        before = value;
    }
    (2 * steps >= all - 1).then(|| sum / steps as f32)
}
