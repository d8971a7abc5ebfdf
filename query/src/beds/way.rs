//! The way of samples from clock to clock: source, gateway, edge, node.
//!
//! Each leg is the difference of two clocks: what the leg takes, and how far the clocks are apart. How long a leg takes at least cannot
//! be told from how far its clocks are apart, but what it takes beyond its shortest can: that is delay, where it arises. Added up over all
//! legs the clocks between cancel, and what is left tells as much of the source's clock as the whole way does, and more: each leg's
//! shortest way is taken when that leg was quick, whatever the others were then.

use super::clock::SourceClock;
use clinical::perinatal::trace::ClockError;
use model::{Hops, Moment};
use std::collections::BTreeMap;

/// A second: who stamps in whole seconds may have stamped anywhere within.
const WHOLE: i64 = 1_000_000;

/// Where a clock is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Hop {
    /// The source, whose clock says when samples were measured.
    Source,
    /// The ward's gateway or central monitor.
    Gateway,
    /// The hospital's edge.
    Edge,
    /// This node.
    Node,
}

impl Hop {
    /// `source`, `gateway`, `edge` or `node`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Gateway => "gateway",
            Self::Edge => "edge",
            Self::Node => "node",
        }
    }
}

/// What a leg took last, by the clocks at its ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leg {
    /// From where.
    pub from: Hop,
    /// To where.
    pub to: Hop,
    /// From the one stamp to the other, in microseconds; less than nothing where the clock it leaves is ahead of the one it reaches.
    pub last: i64,
    /// So much longer than the shortest of the last minute, which is what the leg is late; `None` before ten seconds are over.
    pub beyond: Option<i64>,
}

/// One source's way.
#[derive(Clone, Debug, Default)]
pub struct Way {
    whole: SourceClock,
    legs: BTreeMap<(Hop, Hop), SourceClock>,
    /// The newest samples' legs, in order, with what each took.
    newest: Vec<(Hop, Hop, i64)>,
}

impl Way {
    /// Samples that were measured until `measured`, by the source's clock, arrived at `arrived`, by ours.
    pub fn observe(&mut self, arrived: Moment, measured: Moment, hops: &Hops) {
        self.whole.observe(arrived, measured);
        let between = [(Hop::Gateway, hops.gateway), (Hop::Edge, hops.edge)];
        let between = between.into_iter().filter_map(|(hop, at)| Some((hop, at?)));
        let stamps: Vec<(Hop, Moment)> =
            [(Hop::Source, measured)].into_iter().chain(between).chain([(Hop::Node, arrived)]).collect();
        self.newest.clear();
        for pair in stamps.windows(2) {
            let [(from, left), (to, reached)] = *pair else { continue };
            // the latest it may have been: a leg is never called shorter than it was
            let whole = to != Hop::Node && reached.micros() % WHOLE == 0;
            let latest = reached.plus_micros(if whole { WHOLE } else { 0 });
            self.legs.entry((from, to)).or_default().observe_by(arrived, latest.since(left));
            self.newest.push((from, to, reached.since(left)));
        }
    }

    /// How far the source's clock is thought to be off now.
    pub fn error(&self) -> ClockError {
        let whole = self.whole.error();
        let legs: Option<Vec<(i64, i64)>> =
            self.newest.iter().map(|(from, to, _)| self.legs.get(&(*from, *to))?.shortest()).collect();
        let (way, uncertain) = match legs {
            Some(legs) if legs.len() > 1 => legs.iter().fold((0, 0), |sum, leg| (sum.0 + leg.0, sum.1 + leg.1)),
            _ => return whole,
        };
        // the shorter way says more of how far it is ahead, and neither says too much
        if -way <= whole.ahead() { whole } else { ClockError::new(-way, uncertain).unwrap_or(whole) }
    }

    /// The legs of the newest samples, in order.
    pub fn legs(&self) -> Vec<Leg> {
        let leg = |(from, to, last): &(Hop, Hop, i64)| {
            let shortest = self.legs.get(&(*from, *to)).and_then(SourceClock::shortest);
            Leg { from: *from, to: *to, last: *last, beyond: shortest.map(|(shortest, _)| (last - shortest).max(0)) }
        };
        self.newest.iter().map(leg).collect()
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

    /// Two samples a second for so many seconds, over a gateway whose clock is off as well; each leg has a length of its own.
    fn heard(way: &mut Way, seconds: i64, (ahead, gateway): (i64, i64), legs: impl Fn(i64) -> (i64, i64)) {
        for half in 0..seconds * 2 {
            let (first, second) = legs(half);
            let measured = half * SECOND / 2;
            let hops = Hops { gateway: Some(at(measured + first + gateway)), ..Hops::default() };
            way.observe(at(measured + first + second), at(measured + ahead), &hops);
        }
    }

    #[test]
    fn a_clock_that_is_ahead_is_known_better_where_the_legs_are_quick_at_different_times() {
        let legs = |half: i64| if half % 2 == 0 { (50_000, 900_000) } else { (900_000, 50_000) };
        let mut way = Way::default();
        heard(&mut way, 30, (3 * SECOND, 7 * SECOND + 1), legs);
        assert_eq!(way.whole.error().ahead(), 3 * SECOND - 950_000, "the whole way was never shorter");
        assert_eq!(way.error().ahead(), 3 * SECOND - 100_000);
    }

    #[test]
    fn what_a_leg_takes_beyond_its_shortest_is_told_where_it_arises() {
        let mut way = Way::default();
        heard(&mut way, 30, (0, -3 * SECOND + 1), |half| (40_000, if half < 59 { 60_000 } else { 2 * SECOND }));
        let told: Vec<_> = way.legs().iter().map(|leg| (leg.from.code(), leg.to.code(), leg.beyond)).collect();
        assert_eq!(told, [("source", "gateway", Some(0)), ("gateway", "node", Some(2 * SECOND - 60_000))]);
        assert_eq!(way.legs().first().map(|leg| leg.last), Some(40_000 - 3 * SECOND + 1));
    }

    #[test]
    fn a_gateway_that_stamps_in_whole_seconds_makes_nothing_older() {
        let mut way = Way::default();
        for half in 0..60 {
            let measured = half * SECOND / 2;
            let stamp = (measured + 30_000) / SECOND * SECOND;
            way.observe(at(measured + 60_000), at(measured), &Hops { gateway: Some(at(stamp)), ..Hops::default() });
        }
        assert_eq!(way.error(), ClockError::NONE);
    }

    proptest! {
        #[test]
        fn no_clock_between_makes_a_trace_younger_or_older_than_it_is(
            ahead in -20 * SECOND..20 * SECOND, gateway in -20 * SECOND..20 * SECOND, jitter in 1_i64..SECOND, seed in 0_i64..1_000,
        ) {
            let mut way = Way::default();
            let leg = |half: i64, prime: i64| (half * prime + seed * 104_729) % jitter;
            heard(&mut way, 100, (ahead, gateway), |half| (leg(half, 7_919), leg(half, 6_271)));
            let error = way.error();
            prop_assert!(error.ahead() <= ahead.max(0), "{} of {}", error.ahead(), ahead);
            prop_assert!(error.ahead() >= way.whole.error().ahead());
        }
    }
}
