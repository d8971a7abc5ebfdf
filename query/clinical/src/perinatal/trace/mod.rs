//! The honesty of a trace: whether what it shows is live, late, lost, frozen or suspect.
//!
//! A function of what arrived and when, of when its source says it was measured, of the values, and of how far the source's
//! clock is thought to be off. It reads no clock: the moment is an argument. The order of the answers is the order of what can
//! still be trusted: where nothing arrives no more can be said than that; a trace is live only when nothing speaks
//! against it.

mod limit;

pub use limit::{TraceLimit, TraceLimits};

use super::ctg::Sample;
use model::{FrameQuality, Moment};

/// How far the source's clock is thought to be off, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClockError {
    ahead: i64,
    uncertainty: i64,
}

/// A clock error that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the uncertainty of a clock error is {micros} µs and cannot be negative: estimate the clock again")]
pub struct ClockErrorError {
    /// What was given.
    pub micros: i64,
}

impl ClockError {
    /// The source's clock is ours.
    pub const NONE: Self = Self { ahead: 0, uncertainty: 0 };

    /// How far it is ahead of ours, in microseconds; negative where it is behind.
    pub const fn ahead(self) -> i64 {
        self.ahead
    }
    /// Give or take so many microseconds.
    pub const fn uncertainty(self) -> i64 {
        self.uncertainty
    }

    /// The source's clock is `ahead` of ours (behind, where negative), give or take the uncertainty.
    ///
    /// # Errors
    /// When the uncertainty is negative.
    pub fn new(ahead: i64, uncertainty: i64) -> Result<Self, ClockErrorError> {
        if uncertainty < 0 { Err(ClockErrorError { micros: uncertainty }) } else { Ok(Self { ahead, uncertainty }) }
    }
}

/// Samples of one fetal heart rate that arrived together, with the mother's rate at the same instants where it is known.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// When they arrived, by our clock.
    pub arrived: Moment,
    /// When the first of them was measured, by the source's clock.
    pub measured: Moment,
    /// Microseconds from one to the next.
    pub step: i64,
    /// The fetal rates, oldest first.
    pub fetal: &'a [Sample],
    /// The mother's rates at the same instants; may be shorter.
    pub maternal: &'a [Sample],
}

/// What became of an arrival. Late samples are merged where they belong, and it is said that they were.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Merged {
    /// Samples newer than all before.
    pub new: usize,
    /// Samples from before the newest one: sent again, or come late.
    pub late: usize,
    /// Microseconds that are missing between the newest sample before and the first new one.
    pub gap: i64,
}

/// Why a trace is lost.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LostBecause {
    /// Nothing has arrived yet.
    NothingYet,
    /// Nothing arrives any more.
    NothingArrives,
    /// Samples arrive, and hold no signal.
    NoSignal,
}

/// Why a trace is frozen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FrozenBecause {
    /// Samples arrive that are no newer than the last.
    ClockStands,
    /// The value does not change, or the same few values come over and over.
    ValueStands,
}

/// Why a trace is suspect.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SuspectBecause {
    /// Its samples come from the future: the clock is not off by what it is thought to be, and no age is true.
    Clock,
    /// It runs with the mother's heart rate.
    Mother,
}

/// What can be said of a trace at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TraceState {
    /// It is what the fetus's heart does now.
    Live,
    /// It is what the fetus's heart did some time ago.
    Late,
    /// There is none.
    Lost(LostBecause),
    /// It stands still.
    Frozen(FrozenBecause),
    /// It may be something else than it says.
    Suspect(SuspectBecause),
}

impl TraceState {
    /// The same word as it is shown, in Japanese.
    pub const fn japanese(self) -> &'static str {
        match self {
            Self::Live => "ライブ",
            Self::Late => "遅延",
            Self::Lost(_) => "消失",
            Self::Frozen(_) => "停止",
            Self::Suspect(_) => "疑い",
        }
    }
    /// A short name of the reason, where the state has one.
    pub const fn because(self) -> Option<&'static str> {
        match self {
            Self::Live | Self::Late => None,
            Self::Lost(because) => Some(because.code()),
            Self::Frozen(because) => Some(because.code()),
            Self::Suspect(because) => Some(because.code()),
        }
    }
    /// A short name for a column: one of five words.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Late => "late",
            Self::Lost(_) => "lost",
            Self::Frozen(_) => "frozen",
            Self::Suspect(_) => "suspect",
        }
    }
}

/// The age of the newest sample in microseconds, by our clock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Age {
    /// As far as the clocks are known.
    pub likely: i64,
    /// At most.
    pub most: i64,
}

/// Repetitions of up to this many samples are noticed: a second of them.
const LONGEST_LOOP: usize = 4;

/// What a trace carries, which decides what its values can say against it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Carries {
    /// A heart rate: it has a range, and it always moves.
    HeartRate,
    /// Anything else: a resting uterus or a full saturation may stand for long.
    Other,
}

/// The trace of one channel.
#[derive(Clone, Debug)]
pub struct Trace {
    limits: TraceLimits,
    carries: Carries,
    seen: Option<Seen>,
}

/// What is kept of what arrived.
#[derive(Clone, Copy, Debug)]
struct Seen {
    clock: ClockError,
    /// When anything arrived last, and when something newer did; by our clock.
    arrived: Moment,
    advanced: Moment,
    /// When the newest sample was measured; by the source's clock, as all that follow.
    newest: Moment,
    /// The newest sample that held a signal.
    signal: Moment,
    /// The newest sample that differed from the value before it, whatever is missing between.
    moved: Moment,
    /// The same for loops of each length: the newest sample that differed from the one so many samples before it, and
    /// whether one has equalled it since. What is missing says neither.
    looped: [(Moment, bool); LONGEST_LOOP],
    /// Since when each sample has run with the mother's rate.
    with_mother: Option<Moment>,
    /// The values of the last instants, newest first; `None` where a sample is missing or held no signal.
    last: [Option<f32>; LONGEST_LOOP],
    /// The newest value.
    value: Option<f32>,
}

impl Trace {
    /// The trace of a heart rate of which nothing has arrived.
    pub fn new(limits: TraceLimits) -> Self {
        Self { limits, carries: Carries::HeartRate, seen: None }
    }

    /// The trace of anything else, whose values are not judged: only whether samples come, how old they are, whether their
    /// times advance and whether they hold a signal.
    pub fn of_other(limits: TraceLimits) -> Self {
        Self { limits, carries: Carries::Other, seen: None }
    }

    /// Takes an arrival. `clock` is how far the source's clock is thought to be off now.
    pub fn arrive(&mut self, arrival: &Arrival<'_>, clock: ClockError) -> Merged {
        let mut merged = Merged::default();
        let maternal = arrival.maternal.iter().copied().chain(std::iter::repeat(Sample::LOST));
        for ((at, fetal), maternal) in arrival.fetal.iter().enumerate().zip(maternal) {
            let measured = arrival.measured.plus_micros(arrival.step.saturating_mul(at as i64));
            let seen = self.seen.get_or_insert_with(|| Seen::first(arrival.arrived, measured, arrival.step, clock));
            if measured <= seen.newest {
                merged.late += 1;
                continue;
            }
            if merged.new == 0 {
                merged.gap = (measured.since(seen.newest) - arrival.step).max(0);
                seen.miss(merged.gap / arrival.step.max(1));
            }
            merged.new += 1;
            match self.carries {
                Carries::HeartRate => seen.take(measured, *fetal, maternal, &self.limits),
                Carries::Other => seen.take_other(measured, *fetal),
            }
        }
        if let Some(seen) = &mut self.seen {
            seen.clock = clock;
            seen.arrived = seen.arrived.max(arrival.arrived);
            if merged.new > 0 {
                seen.advanced = seen.advanced.max(arrival.arrived);
            }
        }
        merged
    }

    /// The age of the newest sample at a moment; `None` where there is none.
    pub fn age(&self, now: Moment) -> Option<Age> {
        let seen = self.seen.as_ref()?;
        let likely = seen.age_of(seen.newest, now);
        Some(Age { likely, most: likely.saturating_add(seen.clock.uncertainty) })
    }

    /// What can be said of it at a moment.
    ///
    /// | what is found, the first that holds | said |
    /// | --- | --- |
    /// | nothing has arrived yet, or nothing for 1.75 s | lost |
    /// | what arrives has been no newer for 1.75 s | frozen |
    /// | no sample held a signal for 1.75 s | lost |
    /// | no value changed for 1.75 s, or up to four came over and over | frozen |
    /// | the newest sample is from the future | suspect |
    /// | the newest sample is older than 1.25 s | late |
    /// | for 1 s it has run with the mother's rate | suspect |
    /// | none of these | live |
    pub fn state(&self, now: Moment) -> TraceState {
        let Some(seen) = &self.seen else { return TraceState::Lost(LostBecause::NothingYet) };
        let micros = |limit: TraceLimit| self.limits.micros(limit);
        let most = |measured: Moment| seen.age_of(measured, now).saturating_add(seen.clock.uncertainty);
        // a sample may be old only because all are: as much of the fault must have been seen
        let stood = |since: Moment, after: TraceLimit| {
            most(since) >= micros(after) && seen.newest.since(since) >= micros(TraceLimit::FaultSeen)
        };
        let loops = seen.looped.iter().filter(|(_, equal)| *equal).map(|(changed, _)| *changed);
        let changed = loops.fold(seen.moved, Moment::min);
        let with_mother = seen.with_mother.map_or(0, |since| seen.newest.since(since));
        let ahead = micros(TraceLimit::AheadAtMost).saturating_add(seen.clock.uncertainty);
        if now.since(seen.arrived) >= micros(TraceLimit::LostAfter) {
            TraceState::Lost(LostBecause::NothingArrives)
        } else if now.since(seen.advanced) >= micros(TraceLimit::LostAfter) {
            TraceState::Frozen(FrozenBecause::ClockStands)
        } else if stood(seen.signal, TraceLimit::LostAfter) {
            TraceState::Lost(LostBecause::NoSignal)
        } else if stood(changed, TraceLimit::FrozenAfter) {
            TraceState::Frozen(FrozenBecause::ValueStands)
        } else if seen.age_of(seen.newest, now).saturating_add(ahead) < 0 {
            TraceState::Suspect(SuspectBecause::Clock)
        } else if most(seen.newest) >= micros(TraceLimit::LateAfter) {
            TraceState::Late
        } else if with_mother >= micros(TraceLimit::CoincidenceSeen) {
            TraceState::Suspect(SuspectBecause::Mother)
        } else {
            TraceState::Live
        }
    }
}

// === impl Seen ===

impl Seen {
    /// As if the time before the first sample had held a signal that changed: nothing is held against a trace that begins.
    fn first(arrived: Moment, measured: Moment, step: i64, clock: ClockError) -> Self {
        let before = measured.plus_micros(-step.max(1));
        Self {
            clock,
            arrived,
            advanced: arrived,
            newest: before,
            signal: before,
            moved: before,
            looped: [(before, false); LONGEST_LOOP],
            with_mother: None,
            last: [None; LONGEST_LOOP],
            value: None,
        }
    }

    fn age_of(&self, measured: Moment, now: Moment) -> i64 {
        now.since(measured).saturating_add(self.clock.ahead)
    }

    /// A sample whose value says nothing of the trace.
    fn take_other(&mut self, measured: Moment, sample: Sample) {
        (self.newest, self.moved) = (measured, measured);
        self.looped = [(measured, false); LONGEST_LOOP];
        if sample.quality != FrameQuality::Lost {
            self.signal = measured;
        }
    }

    fn take(&mut self, measured: Moment, fetal: Sample, maternal: Sample, limits: &TraceLimits) {
        self.newest = measured;
        let rates = (limits.value(TraceLimit::LowestRate) as f32, limits.value(TraceLimit::HighestRate) as f32);
        let near = limits.value(TraceLimit::CoincidenceNear) as f32;
        let fetal = fetal.within(rates);
        let together = fetal.zip(maternal.within(rates)).is_some_and(|(fetal, mother)| (fetal - mother).abs() <= near);
        self.with_mother = if together { Some(self.with_mother.unwrap_or(measured)) } else { None };
        let Some(rate) = fetal else {
            // where there is no value nothing stands still; that there is none is told by itself
            (self.moved, self.value) = (measured, None);
            self.looped = [(measured, false); LONGEST_LOOP];
            self.remember(None);
            return;
        };
        self.signal = measured;
        if self.value != Some(rate) {
            (self.moved, self.value) = (measured, Some(rate));
        }
        for ((changed, equal), before) in self.looped.iter_mut().zip(self.last) {
            match before {
                Some(before) if before == rate => *equal = true,
                Some(_) => (*changed, *equal) = (measured, false),
                None => {}
            }
        }
        self.remember(Some(rate));
    }

    /// So many samples never came.
    fn miss(&mut self, samples: i64) {
        for _ in 0..samples.min(LONGEST_LOOP as i64) {
            self.remember(None);
        }
    }

    fn remember(&mut self, rate: Option<f32>) {
        self.last.rotate_right(1);
        if let Some(newest) = self.last.first_mut() {
            *newest = rate;
        }
    }
}

#[cfg(test)]
mod tests;
