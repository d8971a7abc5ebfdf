//! Cleaning: what of the samples is the fetus's heart.
//!
//! In two steps, each of which decides with a bounded look ahead. First: where the fetal rate runs with the maternal one for
//! a time, it may be the mother's pulse; it is suspect and not read as the fetus's. Then: short islands of signal are taken
//! out, and somewhat longer ones that lie off both neighbours (halved and doubled rates).

use super::{CtgLimit, CtgLimits, HERTZ, Sample};
use std::collections::VecDeque;

/// A sample after cleaning.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Clean {
    /// The fetus's heart rate.
    Measured(f32),
    /// No signal, or an island that was taken out.
    Lost,
    /// A rate that coincides with the mother's.
    Suspect,
}

impl Clean {
    /// The heart rate, where it was measured.
    pub fn rate(self) -> Option<f32> {
        match self {
            Self::Measured(rate) => Some(rate),
            Self::Lost | Self::Suspect => None,
        }
    }
}

/// The limits of cleaning, in samples.
#[derive(Clone, Copy, Debug)]
struct Rules {
    rates: (f32, f32),
    coincidence: f32,
    coincidence_time: usize,
    short: usize,
    long: usize,
    offset: f32,
    reach: usize,
}

impl Rules {
    fn of(limits: &CtgLimits) -> Self {
        Self {
            rates: (limits.f32(CtgLimit::LowestRate), limits.f32(CtgLimit::HighestRate)),
            coincidence: limits.f32(CtgLimit::Coincidence),
            coincidence_time: limits.samples(CtgLimit::CoincidenceTime).max(1),
            short: limits.samples(CtgLimit::IslandShort),
            long: limits.samples(CtgLimit::IslandLong),
            offset: limits.f32(CtgLimit::IslandOffset),
            reach: limits.samples(CtgLimit::IslandReach),
        }
    }

    fn coincide(&self, fetal: Option<f32>, maternal: Sample) -> bool {
        let maternal = maternal.within(self.rates);
        fetal.zip(maternal).is_some_and(|(fetal, maternal)| (fetal - maternal).abs() <= self.coincidence)
    }

    /// Whether an island that begins and ends with these rates lies off both of what surrounds it.
    fn off_both(&self, before: Option<f32>, (first, last): (f32, f32), after: Option<f32>) -> bool {
        before.is_some_and(|before| (first - before).abs() > self.offset)
            && after.is_some_and(|after| (after - last).abs() > self.offset)
    }
}

/// Cleans sample by sample. At most about a minute and a quarter is undecided at any time.
#[derive(Clone, Debug)]
pub struct Cleaner {
    rules: Rules,
    /// Samples of a run that coincides and is still too short to be suspect.
    run: Vec<f32>,
    suspect: bool,
    /// What is not decided about islands. It begins with one, or is empty.
    pending: VecDeque<Clean>,
    /// Whether the last sample given out belongs to an island that stays.
    inside: bool,
    /// The last rate given out and how many samples ago.
    last: Option<(f32, usize)>,
    taken: usize,
}

impl Cleaner {
    /// With a facility's limits.
    pub fn new(limits: &CtgLimits) -> Self {
        let rules = Rules::of(limits);
        let (run, pending) = (Vec::new(), VecDeque::new());
        Self { rules, run, suspect: false, pending, inside: false, last: None, taken: 0 }
    }

    /// Takes the next sample; what is decided by it is appended to `out`, in order.
    pub fn push(&mut self, fetal: Sample, maternal: Sample, out: &mut Vec<Clean>) {
        let rate = fetal.within(self.rules.rates);
        match rate {
            Some(rate) if self.rules.coincide(Some(rate), maternal) => {
                if self.suspect {
                    self.pending.push_back(Clean::Suspect);
                } else {
                    self.run.push(rate);
                    if self.run.len() >= self.rules.coincidence_time {
                        self.pending.extend(self.run.drain(..).map(|_| Clean::Suspect));
                        self.suspect = true;
                    }
                }
            }
            rate => {
                self.end_run();
                self.pending.push_back(rate.map_or(Clean::Lost, Clean::Measured));
            }
        }
        // once a second is enough: when it is asked changes nothing of what is decided
        self.taken += 1;
        if self.taken.is_multiple_of(HERTZ) {
            self.decide(false, out);
        }
    }

    /// There are no more samples: decides the rest.
    pub fn finish(mut self, out: &mut Vec<Clean>) {
        self.end_run();
        self.decide(true, out);
    }

    fn end_run(&mut self) {
        self.pending.extend(self.run.drain(..).map(Clean::Measured));
        self.suspect = false;
    }

    fn decide(&mut self, ended: bool, out: &mut Vec<Clean>) {
        while let Some(front) = self.pending.front().copied() {
            if front.rate().is_none() || self.inside {
                self.give(front, out);
                continue;
            }
            let island = self.run_from(0);
            let whole = ended || island < self.pending.len();
            if island >= self.rules.long {
                self.inside = true;
            } else if !whole {
                return;
            } else if island < self.rules.short {
                self.drop_front(island, out);
            } else {
                let Some(after) = self.neighbour(island, ended) else { return };
                let before = self.last.filter(|(_, ago)| *ago <= self.rules.reach).map(|(rate, _)| rate);
                let rate = |at: usize| self.pending.get(at).and_then(|one| one.rate()).unwrap_or_default();
                if self.rules.off_both(before, (rate(0), rate(island - 1)), after) {
                    self.drop_front(island, out);
                } else {
                    self.inside = true;
                }
            }
        }
    }

    /// How many samples from `at` on are measured.
    fn run_from(&self, at: usize) -> usize {
        self.pending.iter().skip(at).take_while(|one| one.rate().is_some()).count()
    }

    /// The first rate of the next island of some length within reach: `Some(None)` where there is none, `None` where that
    /// cannot be said yet.
    fn neighbour(&self, island: usize, ended: bool) -> Option<Option<f32>> {
        let mut at = island;
        while at <= island + self.rules.reach {
            match self.pending.get(at) {
                None => return ended.then_some(None),
                Some(one) => match one.rate() {
                    None => at += 1,
                    Some(rate) => {
                        let next = self.run_from(at);
                        if next >= self.rules.short {
                            return Some(Some(rate));
                        }
                        if at + next == self.pending.len() && !ended {
                            return None;
                        }
                        at += next;
                    }
                },
            }
        }
        Some(None)
    }

    fn drop_front(&mut self, samples: usize, out: &mut Vec<Clean>) {
        for _ in 0..samples {
            self.give(Clean::Lost, out);
        }
    }

    fn give(&mut self, one: Clean, out: &mut Vec<Clean>) {
        self.pending.pop_front();
        match one.rate() {
            Some(rate) => self.last = Some((rate, 0)),
            None => {
                self.inside = false;
                self.last = self.last.map(|(rate, ago)| (rate, ago.saturating_add(1)));
            }
        }
        out.push(one);
    }
}

/// Cleans a whole recording at once: the obvious way, which [`Cleaner`] is held to.
pub fn clean(fetal: &[Sample], maternal: &[Sample], limits: &CtgLimits) -> Vec<Clean> {
    let rules = Rules::of(limits);
    let rates: Vec<Option<f32>> = fetal.iter().map(|sample| sample.within(rules.rates)).collect();
    let maternal = maternal.iter().copied().chain(std::iter::repeat(Sample::LOST));
    let together: Vec<bool> = rates.iter().zip(maternal).map(|(rate, mother)| rules.coincide(*rate, mother)).collect();
    let mut cleaned: Vec<Clean> = rates.iter().map(|rate| rate.map_or(Clean::Lost, Clean::Measured)).collect();
    for (start, length) in runs(&together) {
        if length >= rules.coincidence_time {
            cleaned.iter_mut().skip(start).take(length).for_each(|one| *one = Clean::Suspect);
        }
    }
    let measured: Vec<bool> = cleaned.iter().map(|one| one.rate().is_some()).collect();
    let mut islands = runs(&measured);
    for (start, length) in islands.extract_if(.., |(_, length)| *length < rules.short) {
        cleaned.iter_mut().skip(start).take(length).for_each(|one| *one = Clean::Lost);
    }
    let rate = |cleaned: &[Clean], at: usize| cleaned.get(at).and_then(|one| one.rate()).unwrap_or_default();
    let mut kept: Option<usize> = None;
    for (which, (start, length)) in islands.iter().copied().enumerate() {
        let end = start + length;
        let before = kept.filter(|kept| start - kept <= rules.reach).map(|kept| rate(&cleaned, kept - 1));
        let after = islands.get(which + 1).filter(|(next, _)| next - end <= rules.reach);
        let after = after.map(|(next, _)| rate(&cleaned, *next));
        let ends = (rate(&cleaned, start), rate(&cleaned, end - 1));
        if length < rules.long && rules.off_both(before, ends, after) {
            cleaned.iter_mut().skip(start).take(length).for_each(|one| *one = Clean::Lost);
        } else {
            kept = Some(end);
        }
    }
    cleaned
}

/// Where each run of `true` begins and how long it is.
fn runs(flags: &[bool]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (at, flag) in flags.iter().enumerate() {
        match found.last_mut() {
            Some((start, length)) if *flag && *start + *length == at => *length += 1,
            _ if *flag => found.push((at, 1)),
            _ => {}
        }
    }
    found
}
