//! Chance, reproducible: every draw comes from a ChaCha8 stream named by the seed and a stream number.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of chance. The same seed and stream give the same draws on every machine.
#[derive(Debug, Clone)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// Stream number `stream` of `seed`. Streams are independent, so one patient's life never moves another's.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(stream);
        Self(chance)
    }
    /// Whether something of probability `p` happens.
    pub(super) fn happens(&mut self, p: f64) -> bool {
        self.unit() < p
    }
    /// Uniform in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        self.0.random::<f64>()
    }
    /// A whole number in `[low, high]`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        if low >= high { low } else { self.0.random_range(low..=high) }
    }
    /// Uniform in `[low, high)`.
    pub(super) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    /// Normal (Box–Muller, one draw used of two so that the stream stays simple).
    pub(super) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        mean + deviation * radius * (std::f64::consts::TAU * self.unit()).cos()
    }
    /// Exponential with the given mean: the wait for the next of events that come independently.
    pub(super) fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

/// A non-empty list to draw from, each entry with a weight.
#[derive(Debug, Clone)]
pub(super) struct Urn<T> {
    first: T,
    rest: Vec<(f64, T)>,
    total: f64,
}

impl<T> Urn<T> {
    /// An urn of entries with weights; `None` when there is no entry.
    pub(super) fn new(entries: impl IntoIterator<Item = (f64, T)>) -> Option<Self> {
        let mut entries = entries.into_iter();
        let (weight, first) = entries.next()?;
        let mut total = weight;
        // Cumulative, counted from the end of `first`.
        let rest = entries
            .map(|(weight, entry)| {
                let begin = total;
                total += weight;
                (begin, entry)
            })
            .collect();
        Some(Self { first, rest, total })
    }
    /// Draws one.
    pub(super) fn draw(&self, dice: &mut Dice) -> &T {
        let at = dice.uniform(0.0, self.total);
        let after = self.rest.partition_point(|(begin, _)| *begin <= at);
        after.checked_sub(1).and_then(|i| self.rest.get(i)).map_or(&self.first, |(_, entry)| entry)
    }
}
