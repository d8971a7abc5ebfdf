//! Two transducers on one heart: of twins one is then not watched, though two traces look well.

use super::{CtgLimit, CtgLimits, FETUSES, Fetus, Frame, HERTZ};
use std::collections::VecDeque;

/// Two traces that have run together for the last minute.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SameHeart {
    /// Which two.
    pub pair: (Fetus, Fetus),
    /// The part of the samples both have at which they do.
    pub part: f32,
}

/// Seconds that are looked back on.
const LOOKED_BACK: usize = 60;
/// Which places of a frame are compared.
const PAIRS: [(usize, usize); FETUSES] = [(0, 1), (0, 2), (1, 2)];

/// Watches whether two traces are of one heart.
#[derive(Clone, Debug)]
pub struct TwinWatch {
    rates: (f32, f32),
    near: f32,
    part: f32,
    pairs: [Pair; FETUSES],
}

/// Of each of the last samples: whether both were there, and then whether they were near.
#[derive(Clone, Debug, Default)]
struct Pair {
    last: VecDeque<Option<bool>>,
    both: usize,
    near: usize,
}

impl TwinWatch {
    /// With a facility's limits.
    pub fn new(limits: &CtgLimits) -> Self {
        Self {
            rates: (limits.f32(CtgLimit::LowestRate), limits.f32(CtgLimit::HighestRate)),
            near: limits.f32(CtgLimit::TwinNear),
            part: limits.f32(CtgLimit::TwinPart),
            pairs: std::array::from_fn(|_| Pair::default()),
        }
    }

    /// Takes the next frame.
    pub fn push(&mut self, frame: &Frame) {
        let rate = |place: usize| frame.fetal.get(place).and_then(|sample| sample.within(self.rates));
        for (pair, (one, other)) in self.pairs.iter_mut().zip(PAIRS) {
            let near = rate(one).zip(rate(other)).map(|(one, other)| (one - other).abs() <= self.near);
            pair.push(near);
        }
    }

    /// The pairs that have run together for the last minute, of which both were seen for at least half.
    pub fn same_heart(&self) -> Vec<SameHeart> {
        let fetus = |place: usize| Fetus::ALL.get(place).copied();
        let mut found = Vec::new();
        for (pair, (one, other)) in self.pairs.iter().zip(PAIRS) {
            let part = pair.near as f32 / pair.both.max(1) as f32;
            let seen = 2 * pair.both >= LOOKED_BACK * HERTZ;
            if let Some(pair) = fetus(one).zip(fetus(other)).filter(|_| seen && part >= self.part) {
                found.push(SameHeart { pair, part });
            }
        }
        found
    }
}

impl Pair {
    fn push(&mut self, near: Option<bool>) {
        if self.last.len() == LOOKED_BACK * HERTZ
            && let Some(Some(near)) = self.last.pop_front()
        {
            self.both -= 1;
            self.near -= usize::from(near);
        }
        if let Some(near) = near {
            self.both += 1;
            self.near += usize::from(near);
        }
        self.last.push_back(near);
    }
}
