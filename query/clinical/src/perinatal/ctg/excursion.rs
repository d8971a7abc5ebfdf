//! Excursions: stretches that lie off the baseline, up or down.

use super::{CtgLimit, CtgLimits};

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// Above the baseline.
    Above,
    /// Below it.
    Below,
}

/// A stretch off the baseline. Times are seconds since the trace began; the end is the first second after it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Excursion {
    /// Which way.
    pub side: Side,
    /// When it begins.
    pub onset: usize,
    /// When most of its depth is first reached.
    pub reached: usize,
    /// When it is furthest off.
    pub extreme: usize,
    /// The first second after it.
    pub end: usize,
    /// How far off the baseline at the extreme, in beats per minute.
    pub depth: f32,
    /// The heart rate furthest from the baseline.
    pub rate: f32,
    /// Seconds below the limit of a deep variable deceleration.
    pub deep: usize,
    /// Seconds below the limit of a low one.
    pub low: usize,
    /// Whether its end was seen; otherwise the signal was lost, or the trace ended, and it may have gone on.
    pub whole: bool,
}

impl Excursion {
    /// How long, in seconds.
    pub fn length(&self) -> usize {
        self.end - self.onset
    }
    /// Seconds from its onset until most of its depth is reached.
    pub fn descent(&self) -> usize {
        self.reached - self.onset
    }
    /// The same, so many seconds later.
    pub(super) fn later(self, seconds: usize) -> Self {
        let Self { onset, reached, extreme, end, .. } = self;
        let (onset, reached, extreme, end) = (onset + seconds, reached + seconds, extreme + seconds, end + seconds);
        Self { onset, reached, extreme, end, ..self }
    }
    /// Whether it touches a stretch of time for at least some seconds.
    pub fn touches(&self, from: usize, until: usize, seconds: usize) -> bool {
        self.end.min(until).saturating_sub(self.onset.max(from)) >= seconds.min(self.length()).max(1)
    }
}

/// Most seconds by which an excursion is drawn out towards the baseline on either side.
pub(super) const DRAWN_OUT: usize = 15;

#[derive(Clone, Copy, Debug)]
struct Rules {
    edge: f32,
    rest: usize,
    longest: usize,
    reached: f32,
    deep: f32,
    low: f32,
}

impl Rules {
    fn of(limits: &CtgLimits) -> Self {
        Self {
            edge: limits.f32(CtgLimit::ExcursionEdge),
            rest: limits.seconds(CtgLimit::ExcursionRest),
            longest: limits.seconds(CtgLimit::BaselineChange),
            reached: limits.f32(CtgLimit::ExcursionReached),
            deep: limits.f32(CtgLimit::VariableDeep),
            low: limits.f32(CtgLimit::VariableLow),
        }
    }

    /// From the seconds of its core: `(difference, rate)` from the first to the last one off the baseline.
    fn excursion(
        &self,
        core: &[(f32, f32)],
        (onset, first, end): (usize, usize, usize),
        whole: bool,
    ) -> Option<Excursion> {
        let mut furthest: Option<(usize, f32, f32)> = None;
        for (at, (difference, rate)) in core.iter().enumerate() {
            if furthest.is_none_or(|(_, most, _)| difference.abs() > f32::abs(most)) {
                furthest = Some((at, *difference, *rate));
            }
        }
        let (at, difference, rate) = furthest?;
        let depth = difference.abs();
        let reached = core.iter().position(|(one, _)| one.abs() >= self.reached * depth).unwrap_or(at);
        let below = |limit: f32| core.iter().filter(|(_, rate)| *rate < limit).count();
        Some(Excursion {
            side: if difference > 0.0 { Side::Above } else { Side::Below },
            onset,
            reached: first + reached,
            extreme: first + at,
            end,
            depth,
            rate,
            deep: below(self.deep),
            low: below(self.low),
            whole,
        })
    }
}

/// Finds excursions second by second.
#[derive(Clone, Debug)]
pub struct ExcursionScanner {
    rules: Rules,
    at: usize,
    side: Option<Side>,
    /// Since when the rate has been on this side.
    since: usize,
    /// Where the core began, and its seconds up to now.
    core: Option<(usize, Vec<(f32, f32)>)>,
    /// How many of the core's last seconds were back at the baseline.
    rest: usize,
    /// Whether this stretch has become a change of the baseline.
    changed: bool,
}

impl ExcursionScanner {
    /// Begins at a second.
    pub fn new(limits: &CtgLimits, at: usize) -> Self {
        let rules = Rules::of(limits);
        Self { rules, at, side: None, since: at, core: None, rest: 0, changed: false }
    }

    /// The next second to come.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Where the excursion under way begins, if there is one.
    pub fn under_way(&self) -> Option<usize> {
        self.core.as_ref().map(|(first, _)| self.onset(*first))
    }

    fn onset(&self, first: usize) -> usize {
        first.saturating_sub(DRAWN_OUT).max(self.since)
    }

    /// Takes the rate and the baseline of the next second; gives the excursion that ended by it.
    pub fn push(&mut self, rate: Option<f32>, baseline: f32) -> Option<Excursion> {
        let at = self.at;
        self.at += 1;
        let Some((rate, difference)) = rate.map(|rate| (rate, rate - baseline)).filter(|(_, d)| !d.is_nan()) else {
            let ended = self.end(at, false);
            (self.side, self.since, self.changed) = (None, at + 1, false);
            return ended;
        };
        let side = if difference > 0.0 {
            Some(Side::Above)
        } else if difference < 0.0 {
            Some(Side::Below)
        } else {
            None
        };
        let mut ended = None;
        if side != self.side {
            ended = self.end(at, true);
            (self.side, self.since, self.changed) = (side, at, false);
        }
        if self.changed {
            return ended;
        }
        let off = difference.abs() > self.rules.edge;
        match &mut self.core {
            None if off => self.core = Some((at, vec![(difference, rate)])),
            None => {}
            Some((_, core)) => {
                core.push((difference, rate));
                self.rest = if off { 0 } else { self.rest + 1 };
                let length = core.len();
                if self.rest > self.rules.rest {
                    ended = self.end(at + 1, true);
                    self.since = at + 1;
                } else if length >= self.rules.longest {
                    ended = self.end(at + 1, true);
                    self.changed = true;
                }
            }
        }
        ended
    }

    /// There are no more seconds: the excursion under way, as far as it was seen.
    pub fn finish(&mut self) -> Option<Excursion> {
        self.end(self.at, false)
    }

    fn end(&mut self, now: usize, whole: bool) -> Option<Excursion> {
        let (first, core) = self.core.take()?;
        let off = core.get(..core.len() - std::mem::take(&mut self.rest).min(core.len()))?;
        let end = (first + off.len() + DRAWN_OUT).min(now);
        self.rules.excursion(off, (self.onset(first), first, end), whole)
    }
}

/// Finds the excursions of a whole trace at once: the obvious way, which [`ExcursionScanner`] is held to.
pub fn excursions(rates: &[Option<f32>], baseline: &[f32], limits: &CtgLimits) -> Vec<Excursion> {
    let rules = Rules::of(limits);
    let seconds: Vec<Option<(f32, f32)>> = rates
        .iter()
        .zip(baseline)
        .map(|(rate, baseline)| rate.map(|rate| (rate - baseline, rate)).filter(|(difference, _)| !difference.is_nan()))
        .collect();
    let side = |at: usize| seconds.get(at).copied().flatten().map(|(d, _)| d.partial_cmp(&0.0));
    let mut found = Vec::new();
    let mut start = 0;
    while start < seconds.len() {
        let stretch = (start..seconds.len()).take_while(|at| side(*at) == side(start)).count();
        let (until, whole) = (start + stretch, side(start + stretch).is_some());
        if let Some(stretch) = seconds.get(start..until).and_then(|all| all.iter().copied().collect::<Option<Vec<_>>>())
        {
            within_stretch(&rules, &stretch, start, whole, &mut found);
        }
        start = until;
    }
    found
}

/// The excursions of one stretch on one side of the baseline.
fn within_stretch(rules: &Rules, stretch: &[(f32, f32)], start: usize, whole: bool, found: &mut Vec<Excursion>) {
    let off = |(difference, _): &(f32, f32)| difference.abs() > rules.edge;
    let mut free = 0;
    while let Some(first) = stretch.iter().skip(free).position(off).map(|at| at + free) {
        let rest = stretch.get(first..).unwrap_or_default();
        // the core ends where more than the rest's length follows at the baseline, at its longest, or with the stretch
        let mut last = 0;
        let mut closed = None;
        for (at, one) in rest.iter().enumerate() {
            if off(one) {
                last = at;
            }
            if at - last > rules.rest || at + 1 >= rules.longest {
                closed = Some(at);
                break;
            }
        }
        let seen = closed.map_or(rest.len(), |at| at + 1);
        let ended = closed.is_some() || whole;
        let onset = first.saturating_sub(DRAWN_OUT).max(free);
        let end = (first + last + 1 + DRAWN_OUT).min(first + seen);
        let core = rest.get(..=last).unwrap_or_default();
        found.extend(rules.excursion(core, (start + onset, start + first, start + end), ended));
        match closed {
            Some(at) if at - last > rules.rest => free = first + at + 1,
            _ => return,
        }
    }
}
