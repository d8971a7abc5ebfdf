//! Second-order Butterworth low passes, run forwards and backwards so that nothing is shifted in time.

/// Signals have one value per second; frequencies are in cycles per minute, as this field counts them.
pub(super) fn low_pass(signal: &[f32], cycles_per_minute: f32) -> Vec<f32> {
    let biquad = Biquad::butterworth(cycles_per_minute / 60.0);
    let mut filtered = biquad.run(signal.iter());
    filtered = biquad.run(filtered.iter().rev());
    filtered.reverse();
    filtered
}

/// The derivative per minute, from the neighbours of each second.
pub(super) fn slope(signal: &[f32]) -> Vec<f32> {
    let (first, last) = (signal.first(), signal.last());
    let before = first.into_iter().chain(signal);
    let after = signal.iter().skip(1).chain(last);
    before.zip(after).map(|(before, after)| (after - before) * 30.0).collect()
}

/// The envelope of an oscillation: √2 times its root mean square over `width` seconds about each.
pub(super) fn envelope(signal: &[f32], width: usize) -> Vec<f32> {
    let mut sums = Vec::with_capacity(signal.len() + 1);
    let mut sum = 0.0_f64;
    sums.push(sum);
    for value in signal {
        sum += f64::from(*value) * f64::from(*value);
        sums.push(sum);
    }
    let at = |place: usize| sums.get(place.min(signal.len())).copied().unwrap_or_default();
    (0..signal.len())
        .map(|place| {
            let (from, until) = (place.saturating_sub(width / 2), (place + width / 2 + 1).min(signal.len()));
            (2.0 * (at(until) - at(from)).max(0.0) / (until - from) as f64).sqrt() as f32
        })
        .collect()
}

struct Biquad {
    b: [f32; 3],
    a: [f32; 2],
}

impl Biquad {
    /// `frequency` in cycles per sample, below a half.
    fn butterworth(frequency: f32) -> Self {
        let k = (std::f32::consts::PI * frequency).tan();
        let norm = 1.0 / (1.0 + std::f32::consts::SQRT_2 * k + k * k);
        let b0 = k * k * norm;
        let a = [2.0 * (k * k - 1.0) * norm, (1.0 - std::f32::consts::SQRT_2 * k + k * k) * norm];
        Self { b: [b0, 2.0 * b0, b0], a }
    }

    /// Begins as if the first value had stood for ever.
    fn run<'a>(&self, signal: impl Iterator<Item = &'a f32>) -> Vec<f32> {
        let ([b0, b1, b2], [a1, a2]) = (self.b, self.a);
        let mut state: Option<(f32, f32)> = None;
        let step = |value: &f32| {
            let steady = (b2 - a2) * value;
            let (one, two) = state.unwrap_or(((b1 - a1) * value + steady, steady));
            let filtered = b0 * value + one;
            state = Some((b1 * value - a1 * filtered + two, b2 * value - a2 * filtered));
            filtered
        };
        signal.map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(cycles_per_minute: f32) -> Vec<f32> {
        (0..1200).map(|s| 140.0 + 10.0 * (s as f32 / 60.0 * cycles_per_minute * std::f32::consts::TAU).sin()).collect()
    }

    fn swing(signal: &[f32]) -> f32 {
        let middle = &signal[300..900];
        middle.iter().copied().fold(f32::MIN, f32::max) - middle.iter().copied().fold(f32::MAX, f32::min)
    }

    #[test]
    fn what_is_slow_passes_and_what_is_fast_does_not() {
        assert!((swing(&low_pass(&wave(0.25), 2.0)) - 20.0).abs() < 0.5);
        assert!(swing(&low_pass(&wave(12.0), 2.0)) < 0.5);
        // twice through a filter of second order: half the amplitude where it cuts off
        assert!((swing(&low_pass(&wave(2.0), 2.0)) - 10.0).abs() < 0.5);
    }

    #[test]
    fn nothing_is_shifted_in_time() {
        let signal = wave(0.5);
        let filtered = low_pass(&signal, 4.0);
        for (before, after) in signal.iter().zip(&filtered).skip(200).take(800) {
            assert!((before - after).abs() < 0.3, "{before} {after}");
        }
    }

    #[test]
    fn a_constant_stays_itself_from_its_first_second() {
        assert!(low_pass(&[133.0; 50], 1.0).iter().all(|value| (value - 133.0).abs() < 0.01));
        assert!(slope(&[133.0; 50]).iter().all(|value| *value == 0.0));
        assert_eq!((low_pass(&[], 1.0), slope(&[]), envelope(&[], 60)), (vec![], vec![], vec![]));
    }

    #[test]
    fn slope_and_envelope_are_those_of_the_wave() {
        let ramp: Vec<f32> = (0..100).map(|s| s as f32).collect();
        assert_eq!(slope(&ramp)[50], 60.0, "a beat per second is sixty per minute");
        let detrended: Vec<f32> = wave(4.0).iter().map(|value| value - 140.0).collect();
        assert!((envelope(&detrended, 60)[600] - 10.0).abs() < 0.3);
    }
}
