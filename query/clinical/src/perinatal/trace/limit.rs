//! After how long a fault is named.

use crate::perinatal::limit::limits;
use crate::{Certainty, Source};

const TWO_SECONDS: Source = Source {
    text: "a choice, so that each fault is named within 2 s of itself with up to 0.8 s from sample to arrival",
    certainty: Certainty::Memory,
};
const USUAL: Source = Source { text: "usual limit, from memory", certainty: Certainty::Memory };

limits! {
    /// A limit of the honesty of a trace.
    TraceLimit, TraceLimits, "2026-11-23";

    /// The newest sample is older than this: late.
    LateAfter: "late-after" = 1.25, (0.5, 10.0), "s", TWO_SECONDS;
    /// Nothing has arrived, or nothing was measured, for this long: lost.
    LostAfter: "lost-after" = 1.75, (0.5, 1.9), "s", TWO_SECONDS;
    /// Nothing has changed for this long: frozen.
    FrozenAfter: "frozen-after" = 1.75, (0.5, 1.9), "s", TWO_SECONDS;
    /// As much of that must have been seen, and not only be old.
    FaultSeen: "fault-seen" = 0.75, (0.25, 1.0), "s", TWO_SECONDS;
    /// The fetal rate has run with the maternal one for this long: suspect.
    CoincidenceSeen: "coincidence-seen" = 1.0, (0.5, 1.0), "s", TWO_SECONDS;
    /// How near is with it.
    CoincidenceNear: "coincidence-near" = 5.0, (1.0, 10.0), "bpm", TWO_SECONDS;
    /// A sample from further in the future than this, and than the clock's uncertainty, makes its times suspect.
    AheadAtMost: "ahead-at-most" = 0.5, (0.1, 5.0), "s", TWO_SECONDS;
    /// Below this a heart rate is no signal.
    LowestRate: "trace-lowest-rate" = 30.0, (20.0, 60.0), "bpm", USUAL;
    /// Above this a heart rate is no signal.
    HighestRate: "trace-highest-rate" = 240.0, (200.0, 300.0), "bpm", USUAL;
}

impl TraceLimits {
    /// A limit of time in microseconds.
    pub(super) fn micros(&self, limit: TraceLimit) -> i64 {
        (self.value(limit) * 1e6).round() as i64
    }
}
