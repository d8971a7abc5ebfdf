//! How far a source's clock is off, as far as its own samples tell.
//!
//! Samples cannot arrive before they are measured. Where they seem to, the source's clock is ahead, and by how much is known to
//! the shortest way from bed to node: that way cannot be seen in them, and such a trace is older by it than is said. Where they
//! seem to come late, a clock that is behind and a line that is slow cannot be told apart: it is taken as age.

use clinical::perinatal::trace::ClockError;
use model::Moment;
use std::collections::VecDeque;

/// The shortest way is taken within such a stretch of time.
const STRETCH: i64 = 10_000_000;
/// So many of these are looked back on; most of them must agree, so that a clock that jumps is suspect for a while and is
/// not believed at once.
const LOOKED_BACK: usize = 6;
/// An estimate is never called better than this, nor worse: what differs more is a clock that was set, not one that drifts.
const UNCERTAIN: (i64, i64) = (20_000, 500_000);

/// The estimate of one source's clock.
#[derive(Clone, Debug, Default)]
pub struct SourceClock {
    /// Which stretch is under way, and the shortest way within it.
    now: Option<(i64, i64)>,
    /// The shortest ways of the stretches before, oldest first.
    before: VecDeque<i64>,
}

impl SourceClock {
    /// Samples that were measured until `measured`, by the source's clock, arrived at `arrived`, by ours.
    pub fn observe(&mut self, arrived: Moment, measured: Moment) {
        self.observe_by(arrived, arrived.since(measured));
    }

    /// Something took so long, from the one clock to the other; when it came, by ours.
    pub fn observe_by(&mut self, arrived: Moment, way: i64) {
        let stretch = arrived.micros().div_euclid(STRETCH);
        match &mut self.now {
            Some((now, shortest)) if *now == stretch => *shortest = way.min(*shortest),
            now => {
                if let Some((_, shortest)) = now.replace((stretch, way)) {
                    self.before.push_back(shortest);
                }
                while self.before.len() > LOOKED_BACK {
                    self.before.pop_front();
                }
            }
        }
    }

    /// How far it is thought to be off now. Nothing is assumed before the first ten seconds are over.
    pub fn error(&self) -> ClockError {
        let off = self.shortest().filter(|(way, _)| *way < 0);
        off.and_then(|(way, uncertain)| ClockError::new(-way, uncertain).ok()).unwrap_or(ClockError::NONE)
    }

    /// The shortest way, and how far the stretches that agree differ in it; `None` before the first ten seconds are over, or where
    /// none agree.
    pub fn shortest(&self) -> Option<(i64, i64)> {
        let mut ways: Vec<i64> = self.before.iter().copied().collect();
        ways.sort_unstable();
        let way = *ways.get(ways.len() / 2)?;
        Some((way, self.uncertain(-way)?))
    }

    /// How far the stretches that agree differ.
    fn uncertain(&self, ahead: i64) -> Option<i64> {
        let (least, most) = UNCERTAIN;
        let off = self.before.iter().map(|way| (way + ahead).abs()).filter(|off| *off <= most);
        off.max().map(|off| off.max(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;

    fn at(micros: i64) -> Moment {
        Moment::from_micros(1_760_000_000_000_000 + micros).unwrap()
    }

    /// Two samples a second for so many seconds, with a way and a clock of their own at each moment.
    fn heard(clock: &mut SourceClock, seconds: std::ops::Range<i64>, way: impl Fn(i64) -> i64, ahead: i64) {
        for half in seconds.start * 2..seconds.end * 2 {
            let measured = half * SECOND / 2;
            clock.observe(at(measured + way(half)), at(measured + ahead));
        }
    }

    #[test]
    fn a_clock_that_is_ahead_is_known_after_ten_seconds() {
        let mut clock = SourceClock::default();
        heard(&mut clock, 0..9, |_| 30_000, 3 * SECOND);
        assert_eq!(clock.error(), ClockError::NONE);
        heard(&mut clock, 9..21, |half| 30_000 + half % 7 * 10_000, 3 * SECOND);
        assert_eq!(clock.error(), ClockError::new(3 * SECOND - 30_000, 20_000).unwrap());
    }

    #[test]
    fn a_clock_that_jumps_is_not_believed_at_once() {
        let mut clock = SourceClock::default();
        heard(&mut clock, 0..70, |_| 30_000, 0);
        heard(&mut clock, 70..95, |_| 30_000, 5 * SECOND);
        assert_eq!(clock.error(), ClockError::NONE, "for half a minute it is suspect");
        heard(&mut clock, 95..115, |_| 30_000, 5 * SECOND);
        assert_eq!(clock.error().ahead(), 5 * SECOND - 30_000);
    }

    proptest! {
        #[test]
        fn a_slow_line_or_a_clock_that_is_behind_is_age(way in 0_i64..20 * SECOND, behind in 0_i64..20 * SECOND) {
            let mut clock = SourceClock::default();
            heard(&mut clock, 0..100, |_| way, -behind);
            prop_assert_eq!(clock.error(), ClockError::NONE);
        }

        #[test]
        fn a_clock_that_is_ahead_is_known_to_the_shortest_way(
            ahead in 0_i64..20 * SECOND, jitter in 1_i64..SECOND, seed in 0_i64..1_000,
        ) {
            let mut clock = SourceClock::default();
            heard(&mut clock, 0..100, |half| (half * 7_919 + seed * 104_729) % jitter, ahead);
            let error = clock.error();
            prop_assert!(error.ahead() <= ahead, "{} of {}", error.ahead(), ahead);
            prop_assert!(error.ahead() >= ahead - jitter);
        }
    }
}
