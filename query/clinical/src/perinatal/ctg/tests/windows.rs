use super::*;

fn reading(drawn: &Drawn) -> Reading {
    drawn.windows()[0].reading.clone().unwrap()
}

#[test]
fn a_quiet_trace_is_read_as_it_was_drawn() {
    let windows = Drawn::new(30, 142.0, 12.0).windows();
    assert_eq!(windows.len(), 3);
    for window in windows {
        let reading = window.reading.unwrap();
        assert_eq!(reading.baseline, Baseline { bpm: 140, from: BaselineFrom::Here });
        assert!((reading.weighted_median - 142.0).abs() < 2.0, "{}", reading.weighted_median);
        assert_eq!((reading.variability.class, reading.sinusoid), (VariabilityClass::Moderate, None));
        assert!((window.accelerations.len(), window.decelerations.len()) == (0, 0));
        assert_eq!(window.contractions, Some(vec![]));
        assert_eq!(
            reading.short_term.iter().map(|one| one.epoch).collect::<Vec<_>>(),
            [Epoch::Sixteenth, Epoch::Sample]
        );
    }
}

#[test]
fn variability_changes_its_name_at_its_limits() {
    let class = |swing: f32| reading(&Drawn::new(10, 140.0, swing)).variability;
    for (swing, expected) in [
        (0.2, VariabilityClass::Absent),
        (3.0, VariabilityClass::Decreased),
        (12.0, VariabilityClass::Moderate),
        (35.0, VariabilityClass::Increased),
    ] {
        assert_eq!(class(swing).class, expected, "{swing}: {:?}", class(swing));
    }
    assert_eq!(reading(&Drawn::new(10, 140.0, 35.0)).baseline, Baseline { bpm: 140, from: BaselineFrom::Curve });
}

#[test]
fn a_third_lost_is_not_assessable_whatever_the_rest_is_like() {
    let lost = |seconds: usize| Drawn::new(10, 140.0, 12.0).lost(200, seconds).windows()[0].clone();
    assert!(lost(197).reading.is_ok());
    assert_eq!(lost(200).reading, Err(NotAssessable::Lost));
    assert_eq!(lost(400).reading, Err(NotAssessable::Lost));
    assert!((lost(200).measured - 2.0 / 3.0).abs() < 0.01);
}

#[test]
fn a_window_that_may_be_the_mothers_pulse_is_not_assessable() {
    let window = Drawn::new(10, 84.0, 4.0).mother(84.0).windows()[0].clone();
    assert_eq!(window.reading, Err(NotAssessable::Suspect));
    assert!(window.suspect > 0.9 && window.measured < 0.1);
    assert!(Drawn::new(10, 140.0, 4.0).mother(84.0).windows()[0].reading.is_ok());
}

#[test]
fn a_trace_of_less_than_ten_minutes_is_too_short() {
    let mut drawn = Drawn::new(10, 140.0, 12.0);
    drawn.frames.truncate(599 * HERTZ + 3);
    assert_eq!(drawn.windows()[0].reading, Err(NotAssessable::TooShort));
    drawn.frames.clear();
    assert_eq!(drawn.windows(), []);
}

#[test]
fn decelerations_are_told_by_their_kind_and_leave_the_baseline_alone() {
    let drawn = Drawn::new(40, 140.0, 8.0)
        .contraction(700)
        .with(656, 88, 44, -25.0) // nadir with the peak
        .contraction(960)
        .with(940, 90, 45, -25.0) // nadir 25 s after it
        .with(1300, 50, 6, -45.0) // abrupt
        .with(1500, 200, 10, -40.0); // long
    let windows = drawn.windows();
    let kinds: Vec<DecelerationKind> = windows.iter().flat_map(|w| &w.decelerations).map(|one| one.kind).collect();
    assert_eq!(
        kinds,
        [DecelerationKind::Early, DecelerationKind::Late, DecelerationKind::Variable, DecelerationKind::Prolonged]
    );
    assert!(windows.iter().all(|window| window.reading.as_ref().unwrap().baseline.bpm == 140));
    let late = windows[1].decelerations[1];
    assert_eq!(late.severity, Severity::Severe);
    assert!(late.contraction.unwrap().abs_diff(960) <= 3);
}

#[test]
fn a_deceleration_across_two_windows_is_told_in_both() {
    let windows = Drawn::new(20, 140.0, 8.0).with(570, 70, 8, -40.0).windows();
    assert_eq!(windows[0].decelerations, windows[1].decelerations);
    assert_eq!(windows[0].decelerations.len(), 1);
    let barely = Drawn::new(20, 140.0, 8.0).with(500, 112, 8, -40.0).windows();
    assert_eq!((barely[0].decelerations.len(), barely[1].decelerations.len()), (1, 0), "less than 20 s of it");
}

#[test]
fn an_undetermined_baseline_is_carried_over_once() {
    // 11 bpm a minute: the minutes differ by more than 26 bpm
    let mut drawn = Drawn::new(40, 130.0, 6.0);
    for (at, frame) in drawn.frames.iter_mut().enumerate().skip(600 * HERTZ) {
        let up = (at - 600 * HERTZ) as f32 / (60 * HERTZ) as f32 * 3.5;
        frame.fetal[0].value += up.min(90.0);
    }
    let baselines: Vec<_> = drawn
        .windows()
        .iter()
        .map(|window| window.reading.as_ref().map(|reading| reading.baseline))
        .map(|one| one.ok())
        .collect();
    assert_eq!(baselines[0], Some(Baseline { bpm: 130, from: BaselineFrom::Here }));
    assert_eq!(baselines[1], Some(Baseline { bpm: 130, from: BaselineFrom::Before }));
    assert_eq!(baselines[2], None, "what was carried is not carried on");
    assert_eq!(drawn.windows()[2].reading, Err(NotAssessable::NoBaseline));
}

#[test]
fn a_bradycardia_of_ten_minutes_becomes_the_baseline() {
    let windows = Drawn::new(60, 140.0, 8.0).with(600, 3000, 10, -65.0).windows();
    let later = windows[3].reading.as_ref().unwrap();
    assert_eq!(later.baseline.bpm, 75);
}

#[test]
fn more_than_five_contractions_are_tachysystole_and_unseen_ones_are_not_none() {
    let with =
        |count: usize| (0..count).fold(Drawn::new(10, 140.0, 12.0), |drawn, which| drawn.contraction(55 + which * 98));
    let said = |drawn: Drawn| drawn.windows()[0].tachysystole(&limits());
    assert_eq!((said(with(5)), said(with(6))), (Some(false), Some(true)));
    let mut unseen = with(6);
    unseen.frames.iter_mut().for_each(|frame| frame.uterus = Sample::LOST);
    assert_eq!(said(unseen), None);
}

fn wave(cycles: f32, amplitude: f32) -> Drawn {
    let mut drawn = Drawn::new(10, 140.0, 0.3);
    for (at, frame) in drawn.frames.iter_mut().enumerate() {
        let t = at as f32 / (60 * HERTZ) as f32 * cycles * std::f32::consts::TAU;
        frame.fetal[0].value += amplitude / 2.0 * t.sin();
    }
    drawn
}

#[test]
fn a_regular_wave_of_two_to_six_cycles_is_sinusoidal() {
    for cycles in [2.2, 3.0, 4.0, 5.5] {
        let found = reading(&wave(cycles, 10.0)).sinusoid.unwrap();
        assert!((found.cycles - cycles).abs() < 0.4, "{cycles}: {found:?}");
        assert!((found.amplitude - 10.0).abs() < 2.0, "{found:?}");
    }
    for (cycles, amplitude) in [(1.0, 10.0), (9.0, 10.0), (4.0, 3.0), (4.0, 20.0)] {
        assert_eq!(reading(&wave(cycles, amplitude)).sinusoid, None, "{cycles} {amplitude}");
    }
    assert_eq!(reading(&Drawn::new(10, 140.0, 12.0)).sinusoid, None, "waves that are not alike");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn more_than_a_third_without_signal_is_never_normal(gaps in proptest::collection::vec((0_usize..600, 1_usize..200), 1..9)) {
        let drawn = gaps.iter().fold(Drawn::new(10, 140.0, 12.0), |drawn, (from, seconds)| drawn.lost(*from, *seconds));
        let lost = drawn.frames.iter().filter(|frame| frame.fetal[0].quality == FrameQuality::Lost).count();
        let window = &drawn.windows()[0];
        if lost as f32 > 0.33 * drawn.frames.len() as f32 {
            prop_assert_eq!(&window.reading, &Err(NotAssessable::Lost));
        }
        prop_assert!(window.measured <= 1.0 - lost as f32 / drawn.frames.len() as f32 + 1e-6);
    }
}
