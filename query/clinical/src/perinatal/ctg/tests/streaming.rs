use super::*;

/// What happens in a trace, one after the other: a kind, and how many seconds.
fn course() -> impl Strategy<Value = Vec<(u8, usize)>> {
    proptest::collection::vec((0_u8..10, prop_oneof![3_usize..40, 20_usize..180, 100_usize..700]), 6..40)
}

/// A trace of such a course, at most `minutes` long, with everything in it that makes reading hard.
fn trace(course: &[(u8, usize)], minutes: usize, seed: u64) -> Vec<Frame> {
    let mut noise = Noise(seed);
    let mut frames: Vec<Frame> = Vec::new();
    let (mut level, mut tone) = (140.0, 10.0);
    for (kind, seconds) in course {
        let samples = seconds * HERTZ;
        for at in 0..samples {
            let along = at as f32 / samples as f32;
            let hill = (along * std::f32::consts::PI).sin();
            let t = frames.len() as f32 / 240.0 * std::f32::consts::TAU;
            let rate = level + 4.0 * (t * 3.1).sin() + 3.0 * (t * 7.7).sin() + noise.next();
            let (heart, uterus, mother) = match kind {
                0 => (rate - 45.0 * hill, tone, 80.0),
                1 => (rate + 25.0 * hill, tone, 80.0),
                2 => (rate, tone + 50.0 * hill, 80.0),
                3 => (rate - 20.0 * hill, tone + 50.0 * (along * 2.0).min(1.0), 80.0),
                4 => (f32::NAN, tone, 80.0),
                5 => (rate / 2.0, tone, 80.0),
                6 => (rate, f32::NAN, f32::NAN),
                7 => (82.0 + noise.next(), tone, 80.0),
                _ => (rate, tone, 80.0),
            };
            let sample = |value: f32| if value.is_nan() { Sample::LOST } else { Sample::good(value) };
            let fetal = [sample(heart), sample(heart + 12.0), Sample::LOST];
            frames.push(Frame { fetal, uterus: sample(uterus), maternal: sample(mother) });
        }
        level = (level + 8.0 * noise.next()).clamp(70.0, 180.0);
        tone += 3.0 * noise.next();
    }
    frames.truncate(minutes * 60 * HERTZ);
    frames
}

fn of(told: &[Told], fetus: Fetus) -> Vec<Window> {
    told.iter().filter(|told| told.fetus == fetus).map(|told| told.window.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_trace_read_as_it_comes_says_what_a_whole_one_says(course in course(), seed in any::<u64>()) {
        let frames = trace(&course, 75, seed);
        let mut monitor = Monitor::new(rules(), 2);
        let mut told = Vec::new();
        for frame in &frames {
            told.extend(monitor.push(frame));
        }
        told.extend(monitor.finish());
        for fetus in &Fetus::ALL[..2] {
            let whole = analyse(&frames, *fetus, &rules()).windows;
            let streamed = of(&told, *fetus);
            prop_assert_eq!(streamed.len(), whole.len());
            for (streamed, whole) in streamed.iter().zip(&whole) {
                prop_assert_eq!(streamed, whole);
            }
        }
    }

    #[test]
    fn a_final_window_never_changes_whatever_comes_after(course in course(), other in course(), seed in any::<u64>()) {
        let mut frames = trace(&course, 45, seed);
        let mut monitor = Monitor::new(rules(), 1);
        let before = monitor.push_all(&frames);
        frames.extend(trace(&other, 30, seed ^ 1));
        let whole = analyse(&frames, Fetus::ALL[0], &rules()).windows;
        for (told, whole) in before.iter().zip(&whole) {
            prop_assert_eq!(&told.window, whole);
        }
    }
}

#[test]
fn memory_is_bounded_and_every_window_is_told_within_half_an_hour() {
    let hour = trace(&(0..300).map(|at| ((at % 10) as u8, 12 + at % 37)).collect::<Vec<_>>(), 60, 5);
    let mut monitor = Monitor::new(rules(), 3);
    let (mut most, mut told) = (0, 0);
    for hours in 0..5 {
        for (at, frame) in hour.iter().enumerate() {
            told += monitor.push(frame).len();
            if at % 997 == 0 {
                most = most.max(monitor.held());
                let windows = (hours * hour.len() + at) / (WINDOW * HERTZ);
                assert!(told / 3 + 4 >= windows, "{told} of {windows} windows after {at}");
            }
        }
    }
    assert!(most <= 4 * 4_800, "{most} seconds are held");
}

#[test]
fn the_provisional_window_is_the_last_ten_whole_minutes_and_says_that_it_may_change() {
    let drawn = Drawn::new(30, 140.0, 12.0).with(1500, 60, 6, -45.0);
    let mut monitor = Monitor::new(rules(), 1);
    let first = Fetus::ALL[0];
    assert_eq!(monitor.provisional(first), None);
    let frames = &drawn.frames;
    monitor.push_all(&frames[..(599 * HERTZ)]);
    assert_eq!(monitor.provisional(first), None, "not yet ten minutes");
    monitor.push_all(&frames[599 * HERTZ..1_630 * HERTZ]);
    let window = monitor.provisional(first).unwrap();
    assert_eq!((window.from, window.until, window.standing), (1_020, 1_620, Standing::Provisional));
    assert_eq!(window.decelerations.len(), 1);
    assert_eq!(window.decelerations[0].kind, DecelerationKind::Variable);
    assert_eq!(window.reading.unwrap().baseline.bpm, 140);
    assert_eq!(monitor.provisional(Fetus::ALL[1]), None, "not watched");
}

#[test]
fn looking_provisionally_changes_nothing() {
    let frames = trace(&[(0, 100), (4, 50), (2, 90), (5, 30), (8, 600), (1, 40), (8, 900)], 30, 11);
    let (mut looked, mut not) = (Monitor::new(rules(), 1), Monitor::new(rules(), 1));
    let mut told = (Vec::new(), Vec::new());
    for (at, frame) in frames.iter().enumerate() {
        if at % 1_000 == 0 {
            looked.provisional(Fetus::ALL[0]);
        }
        told.0.extend(looked.push(frame));
        told.1.extend(not.push(frame));
    }
    told.0.extend(looked.finish());
    told.1.extend(not.finish());
    assert_eq!(told.0, told.1);
    assert!(told.0.len() >= 3);
}

#[test]
fn a_dead_transducer_is_never_normal() {
    let frames = vec![Frame::LOST; 20 * 60 * HERTZ];
    let mut monitor = Monitor::new(rules(), 3);
    assert_eq!(monitor.push_all(&frames), []);
    for fetus in Fetus::ALL {
        assert_eq!(monitor.provisional(fetus).unwrap().reading, Err(NotAssessable::Lost));
    }
    let told = monitor.finish();
    assert_eq!(told.len(), 6);
    assert!(told.iter().all(|told| told.window.reading == Err(NotAssessable::Lost)));
}
