use super::*;

/// Two hearts about one baseline, or one heart heard twice with a little noise.
fn frames(seconds: usize, same: bool, lost: usize) -> Vec<Frame> {
    let mut noise = Noise(17);
    (0..seconds * HERTZ)
        .map(|at| {
            let t = at as f32 / (60 * HERTZ) as f32 * std::f32::consts::TAU;
            let one = 140.0 + 5.0 * (t * 3.1).sin() + 4.0 * (t * 7.7).sin();
            let other = 140.0 + 5.0 * (t * 2.3 + 1.0).sin() + 4.0 * (t * 8.9).sin();
            let second = if same { one + 0.8 * noise.next() } else { other };
            let second = if at % 10 < lost { Sample::LOST } else { Sample::good(second) };
            Frame { fetal: [Sample::good(one), second, Sample::good(one + 15.0)], ..Frame::LOST }
        })
        .collect()
}

fn said(frames: &[Frame]) -> Vec<(u8, u8)> {
    let mut watch = TwinWatch::new(&limits());
    frames.iter().for_each(|frame| watch.push(frame));
    watch.same_heart().iter().map(|one| (one.pair.0.number(), one.pair.1.number())).collect()
}

#[test]
fn one_heart_heard_twice_is_said_and_two_hearts_alike_are_not() {
    assert_eq!(said(&frames(60, true, 0)), [(1, 2)]);
    assert_eq!(said(&frames(600, false, 0)), []);
}

#[test]
fn half_a_minute_of_both_must_be_seen() {
    assert_eq!(said(&frames(29, true, 0)), []);
    assert_eq!(said(&frames(30, true, 0)), [(1, 2)]);
    assert_eq!(said(&frames(60, true, 5)), [(1, 2)]);
    assert_eq!(said(&frames(600, true, 6)), [], "forty percent are seen");
}

#[test]
fn what_is_over_is_forgotten_within_a_minute() {
    let mut all = frames(300, true, 0);
    all.extend(frames(60, false, 0));
    assert_eq!(said(&all), []);
}

#[test]
fn a_monitor_of_twins_says_so_and_a_monitor_of_one_fetus_never() {
    let of = |fetuses: u8| {
        let mut monitor = Monitor::new(rules(), fetuses);
        monitor.push_all(&frames(60, true, 0));
        monitor.same_heart().len()
    };
    assert_eq!((of(1), of(2), of(3)), (0, 1, 1));
}

proptest! {
    #[test]
    fn a_watch_forgets_everything_but_the_last_minute(before in 0_usize..200, same in any::<bool>(), now in any::<bool>()) {
        let last = frames(60, now, 0);
        let mut all = frames(before, same, 2);
        all.extend(last.iter().copied());
        prop_assert_eq!(said(&all), said(&last));
    }
}
