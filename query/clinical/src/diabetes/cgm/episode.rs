//! Episodes of low and high glucose, by the consensus: 15 minutes beyond a limit begin one, 15 minutes back end it.

use super::Trace;
use super::trace::MINUTE;
use crate::diabetes::day::start_of;
use model::Moment;

/// What sort of episode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EpisodeKind {
    /// Below 70 mg/dL.
    Low,
    /// Below 54 mg/dL.
    VeryLow,
    /// Below 70 mg/dL for more than two hours.
    ExtendedLow,
    /// Above 180 mg/dL.
    High,
    /// Above 250 mg/dL.
    VeryHigh,
}

/// How an episode is recognised.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EpisodeRule {
    /// The sort.
    pub kind: EpisodeKind,
    /// The limit, mg/dL, which is itself not beyond.
    pub limit: f64,
    /// Minutes beyond the limit that begin one.
    pub begins: i64,
    /// Minutes back that end one.
    pub ends: i64,
}

/// An episode.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Episode {
    /// Its sort.
    pub kind: EpisodeKind,
    /// When it began.
    pub from: Moment,
    /// How long it lasted, up to the values that ended it, minutes; a value stands for one interval of the device.
    pub minutes: i64,
    /// The value farthest beyond the limit.
    pub extreme: f64,
    /// Whether the trace breaks off in it: it may have been longer.
    pub cut_off: bool,
}

impl EpisodeKind {
    /// `low`, `very-low`, `extended-low`, `high` or `very-high`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::VeryLow => "very-low",
            Self::ExtendedLow => "extended-low",
            Self::High => "high",
            Self::VeryHigh => "very-high",
        }
    }

    const fn is_low(self) -> bool {
        matches!(self, Self::Low | Self::VeryLow | Self::ExtendedLow)
    }
}

impl EpisodeRule {
    /// The rules of the consensus (Battelino 2023, doi:10.1016/s2213-8587(22)00319-9; certainty: secondary).
    pub const CONSENSUS: [Self; 5] = [
        Self { kind: EpisodeKind::Low, limit: 70.0, begins: 15, ends: 15 },
        Self { kind: EpisodeKind::VeryLow, limit: 54.0, begins: 15, ends: 15 },
        Self { kind: EpisodeKind::ExtendedLow, limit: 70.0, begins: 121, ends: 15 },
        Self { kind: EpisodeKind::High, limit: 180.0, begins: 15, ends: 15 },
        Self { kind: EpisodeKind::VeryHigh, limit: 250.0, begins: 15, ends: 15 },
    ];

    fn is_beyond(&self, value: f64) -> bool {
        if self.kind.is_low() { value < self.limit } else { value > self.limit }
    }
}

/// The episodes of a trace by a rule, earliest first, on the grid from midnight. A gap of more than 45 minutes breaks the
/// trace: what is open there ends there, and is marked.
pub fn episodes(trace: &Trace, rule: &EpisodeRule) -> Vec<Episode> {
    let grid = trace.grid();
    let Some(origin) = start_of(grid.first_day) else { return Vec::new() };
    let step = grid.step_minutes;
    let steps = |minutes: i64| usize::try_from((minutes + step - 1) / step).unwrap_or(1).max(1);
    let (begins, ends) = (steps(rule.begins), steps(rule.ends));
    let mut found = Vec::new();
    let mut open: Option<Open> = None;
    for (slot, value) in grid.values.iter().enumerate() {
        let Some(value) = value else {
            found.extend(open.take().and_then(|open| open.close(begins, true)));
            continue;
        };
        match (&mut open, rule.is_beyond(*value)) {
            (None, false) => {}
            (None, true) => open = Some(Open { from: slot, beyond: 1, longest: 1, last: slot, extreme: *value }),
            (Some(open), true) => {
                // a short return interrupts the run, not the episode
                open.beyond = if open.last + 1 == slot { open.beyond + 1 } else { 1 };
                if open.longest < begins && open.beyond == 1 {
                    open.from = slot;
                    open.extreme = *value;
                }
                open.longest = open.longest.max(open.beyond);
                open.last = slot;
                let farther = if rule.kind.is_low() { f64::min } else { f64::max };
                open.extreme = farther(open.extreme, *value);
            }
            (Some(pending), false) => {
                if slot - pending.last >= ends {
                    found.extend(open.take().and_then(|open| open.close(begins, false)));
                }
            }
        }
    }
    found.extend(open.take().and_then(|open| open.close(begins, true)));
    let of = |one: Closed| Episode {
        kind: rule.kind,
        from: origin.plus_micros(one.from as i64 * step * MINUTE),
        minutes: (one.last - one.from + 1) as i64 * step,
        extreme: one.extreme,
        cut_off: one.cut_off,
    };
    found.into_iter().map(of).collect()
}

/// An episode under way, or a run that may become one.
struct Open {
    from: usize,
    /// Steps of the present run beyond the limit.
    beyond: usize,
    /// Steps of its longest run.
    longest: usize,
    /// The last step beyond the limit.
    last: usize,
    extreme: f64,
}

struct Closed {
    from: usize,
    last: usize,
    extreme: f64,
    cut_off: bool,
}

impl Open {
    fn close(self, begins: usize, cut_off: bool) -> Option<Closed> {
        let Self { from, longest, last, extreme, .. } = self;
        (longest >= begins).then_some(Closed { from, last, extreme, cut_off })
    }
}
