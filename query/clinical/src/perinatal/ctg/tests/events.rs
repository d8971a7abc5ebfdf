use super::*;

/// An excursion as the scanners give it; the nadir follows most of the depth by a second.
fn below(length: usize, depth: f32, descent: usize) -> Excursion {
    Excursion {
        side: Side::Below,
        onset: 100,
        reached: 100 + descent,
        extreme: 100 + descent,
        end: 100 + length,
        depth,
        rate: 140.0 - depth,
        deep: 0,
        low: 0,
        whole: true,
    }
}

fn above(length: usize, depth: f32, ascent: usize) -> Excursion {
    Excursion { side: Side::Above, rate: 140.0 + depth, ..below(length, depth, ascent) }
}

fn contraction(peak: usize) -> Contraction {
    Contraction { onset: peak - 40, peak, end: peak + 40, rise: 50.0 }
}

#[track_caller]
fn check(excursion: Excursion, contractions: &[Contraction], expected: Option<(DecelerationKind, Severity)>) {
    let found = deceleration(&excursion, contractions, &limits());
    assert_eq!(found.map(|one| (one.kind, one.severity)), expected);
}

const MILD: Severity = Severity::Mild;
const SEVERE: Severity = Severity::Severe;

#[test]
fn an_abrupt_fall_of_fifteen_beats_for_fifteen_seconds_is_variable() {
    let variable = Some((DecelerationKind::Variable, MILD));
    check(below(15, 15.0, 5), &[], variable);
    check(below(14, 15.0, 5), &[], None);
    check(below(15, 14.9, 5), &[], None);
    check(below(60, 40.0, 29), &[], variable);
    check(below(119, 40.0, 29), &[], variable);
    check(below(60, 40.0, 30), &[], Some((DecelerationKind::GradualAlone, SEVERE)));
}

#[test]
fn from_two_minutes_on_it_is_prolonged_and_from_ten_the_baseline_has_changed() {
    check(below(120, 40.0, 10), &[], Some((DecelerationKind::Prolonged, MILD)));
    check(below(120, 14.9, 10), &[], None);
    check(below(120, 40.0, 60), &[contraction(150)], Some((DecelerationKind::Prolonged, MILD)));
    check(below(599, 40.0, 10), &[], Some((DecelerationKind::Prolonged, MILD)));
    check(below(600, 40.0, 10), &[], None);
    let nadir = |rate: f32| Excursion { rate, ..below(200, 60.0, 10) };
    check(nadir(80.0), &[], Some((DecelerationKind::Prolonged, MILD)));
    check(nadir(79.9), &[], Some((DecelerationKind::Prolonged, SEVERE)));
}

#[test]
fn a_gradual_fall_is_early_or_late_by_the_peak_of_its_contraction() {
    // nadir at 140
    let gradual = below(80, 12.0, 40);
    check(gradual, &[contraction(140)], Some((DecelerationKind::Early, MILD)));
    check(gradual, &[contraction(125)], Some((DecelerationKind::Early, MILD)));
    check(gradual, &[contraction(155)], Some((DecelerationKind::Early, MILD)));
    check(gradual, &[contraction(124)], Some((DecelerationKind::Late, MILD)));
    check(gradual, &[contraction(156)], None);
    check(Excursion { depth: 14.9, ..gradual }, &[contraction(110)], Some((DecelerationKind::Late, MILD)));
    check(Excursion { depth: 15.0, ..gradual }, &[contraction(110)], Some((DecelerationKind::Late, SEVERE)));
    check(Excursion { depth: 15.0, ..gradual }, &[contraction(140)], Some((DecelerationKind::Early, MILD)));
    check(Excursion { depth: 9.9, ..gradual }, &[contraction(110)], None);
    // of several, the one whose peak is nearest
    check(gradual, &[contraction(60), contraction(118), contraction(230)], Some((DecelerationKind::Late, MILD)));
}

#[test]
fn a_gradual_fall_without_a_contraction_cannot_be_said_to_be_early() {
    check(below(80, 15.0, 40), &[], Some((DecelerationKind::GradualAlone, SEVERE)));
    check(below(80, 14.9, 40), &[], None);
    // over for a minute when the fall begins
    let far = Contraction { onset: 0, peak: 20, end: 40, rise: 50.0 };
    check(below(80, 15.0, 40), &[far], Some((DecelerationKind::GradualAlone, SEVERE)));
    check(below(80, 15.0, 40), &[Contraction { end: 41, ..far }], Some((DecelerationKind::Late, SEVERE)));
}

#[test]
fn a_variable_deceleration_is_severe_by_how_long_it_is_deep() {
    let variable = below(90, 70.0, 10);
    for (deep, low, severity) in [(29, 59, MILD), (30, 30, SEVERE), (0, 59, MILD), (0, 60, SEVERE)] {
        check(Excursion { deep, low, ..variable }, &[], Some((DecelerationKind::Variable, severity)));
    }
}

#[test]
fn what_rises_is_no_deceleration_and_what_falls_no_acceleration() {
    check(above(60, 40.0, 10), &[], None);
    assert_eq!(acceleration(&below(60, 40.0, 10), Maturity::From32Weeks, &limits()), None);
}

#[test]
fn an_acceleration_needs_less_before_32_weeks() {
    let is = |excursion: Excursion, maturity: Maturity| {
        acceleration(&excursion, maturity, &limits()).map(|acceleration| acceleration.prolonged)
    };
    for (length, rise, term, preterm) in [
        (15, 15.0, Some(false), Some(false)),
        (14, 15.0, None, Some(false)),
        (15, 14.9, None, Some(false)),
        (10, 10.0, None, Some(false)),
        (9, 10.0, None, None),
        (10, 9.9, None, None),
        (119, 20.0, Some(false), Some(false)),
        (120, 20.0, Some(true), Some(true)),
        (599, 20.0, Some(true), Some(true)),
        (600, 20.0, None, None),
    ] {
        assert_eq!(is(above(length, rise, 8), Maturity::From32Weeks), term, "{length} s, {rise} bpm");
        assert_eq!(is(above(length, rise, 8), Maturity::Before32Weeks), preterm, "{length} s, {rise} bpm");
    }
    assert_eq!(is(above(60, 20.0, 29), Maturity::From32Weeks), Some(false));
    assert_eq!(is(above(60, 20.0, 30), Maturity::From32Weeks), None, "too slow a rise");
}

/// One excursion drawn as differences from a baseline of 140.
fn drawn(pieces: &[(f32, usize)]) -> Vec<Option<f32>> {
    let rate = |difference: f32| if difference.is_nan() { None } else { Some(140.0 + difference) };
    pieces.iter().flat_map(|(difference, count)| std::iter::repeat_n(rate(*difference), *count)).collect()
}

fn found(pieces: &[(f32, usize)]) -> Vec<Excursion> {
    let rates = drawn(pieces);
    excursions(&rates, &vec![140.0; rates.len()], &limits())
}

#[test]
fn an_excursion_begins_and_ends_near_the_edge() {
    let all = found(&[(1.0, 60), (-3.0, 30), (-20.0, 40), (-3.0, 8), (1.0, 60)]);
    assert_eq!(all.len(), 1);
    let one = all[0];
    assert_eq!((one.onset, one.end, one.depth, one.whole), (75, 138, 20.0, true), "drawn out by at most 15 seconds");
    assert_eq!((one.reached, one.extreme, one.rate), (90, 90, 120.0));
}

#[test]
fn a_rest_at_the_baseline_separates_two_excursions() {
    let count = |rest: usize| found(&[(1.0, 9), (-20.0, 30), (-2.0, rest), (-20.0, 30), (1.0, 9)]).len();
    assert_eq!((count(15), count(16)), (1, 2));
    assert_eq!(found(&[(-20.0, 30), (0.5, 1), (-20.0, 30)]).len(), 2, "so does crossing it");
}

#[test]
fn lost_signal_ends_an_excursion_and_says_so() {
    let all = found(&[(1.0, 9), (-20.0, 30), (f32::NAN, 20), (-20.0, 30), (1.0, 9), (-20.0, 9)]);
    assert_eq!(all.iter().map(|one| one.whole).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn what_lasts_ten_minutes_is_one_change_of_the_baseline() {
    let all = found(&[(1.0, 9), (-20.0, 900), (1.0, 9)]);
    assert_eq!(all.len(), 1);
    assert!(all[0].length() >= 600);
    assert_eq!(deceleration(&all[0], &[], &limits()), None);
}

#[test]
fn seconds_deep_and_low_are_counted_below_their_limits() {
    let one = found(&[(1.0, 9), (-60.0, 10), (-60.1, 7), (-70.0, 10), (-70.1, 4), (1.0, 9)])[0];
    assert_eq!((one.low, one.deep), (7 + 10 + 4, 4));
}

#[test]
fn a_contraction_has_a_height_and_a_length() {
    let all = |rises: &[f32]| contractions(rises, &limits());
    let of = |length: usize, rise: f32| {
        [vec![0.0; 20], vec![10.1; length / 2], vec![rise; 1], vec![10.1; length - length / 2 - 1], vec![0.0; 20]]
            .concat()
    };
    assert_eq!(all(&of(30, 20.0)), [Contraction { onset: 20, peak: 35, end: 50, rise: 20.0 }]);
    assert_eq!(all(&of(29, 20.0)), []);
    assert_eq!(all(&of(30, 19.9)), []);
    assert_eq!(all(&vec![25.0; 1300]).len(), 3, "what does not end is cut");
}

#[test]
fn the_tone_of_the_transducer_does_not_matter() {
    let drawn = Drawn::new(30, 140.0, 12.0).contraction(400).contraction(700).contraction(1000);
    for (tone, gain) in [(0.0, 1.0), (-30.0, 1.0), (90.0, 0.6)] {
        let frames: Vec<Frame> = drawn
            .frames
            .iter()
            .map(|frame| Frame { uterus: Sample::good(frame.uterus.value * gain + tone), ..*frame })
            .collect();
        let windows = analyse(&frames, Fetus::ALL[0], &rules()).windows;
        let peaks: Vec<usize> =
            windows.iter().flat_map(|window| window.contractions.clone().unwrap()).map(|one| one.peak).collect();
        assert_eq!(peaks.len(), 3, "{tone} {gain}");
        for (peak, expected) in peaks.iter().zip([400_usize, 700, 1000]) {
            assert!(peak.abs_diff(expected) <= 2, "{peak}");
        }
    }
}

proptest! {
    #[test]
    fn excursions_second_by_second_are_those_found_at_once(
        pieces in proptest::collection::vec(
            (prop_oneof![Just(f32::NAN), Just(0.0), Just(3.0), Just(-3.0), Just(-4.9), Just(-5.1), Just(-20.0), Just(30.0)], prop_oneof![1_usize..20, 1_usize..700]),
            0..25
        )
    ) {
        let rates = drawn(&pieces);
        let baseline = vec![140.0; rates.len()];
        let mut scanner = ExcursionScanner::new(&limits(), 0);
        let mut streamed: Vec<Excursion> =
            rates.iter().zip(&baseline).filter_map(|(rate, baseline)| scanner.push(*rate, *baseline)).collect();
        streamed.extend(scanner.finish());
        prop_assert_eq!(&streamed, &excursions(&rates, &baseline, &limits()));
        for pair in streamed.windows(2) {
            prop_assert!(pair[0].end <= pair[1].onset, "no two overlap");
        }
    }

    #[test]
    fn contractions_second_by_second_are_those_found_at_once(
        pieces in proptest::collection::vec((prop_oneof![Just(f32::NAN), Just(0.0_f32), Just(10.1), Just(30.0)], 1_usize..100), 0..25)
    ) {
        let rises: Vec<f32> = pieces.iter().flat_map(|(rise, count)| std::iter::repeat_n(*rise, *count)).collect();
        let mut scanner = ContractionScanner::new(&limits(), 0);
        let mut streamed: Vec<Contraction> = rises.iter().filter_map(|rise| scanner.push(*rise)).collect();
        streamed.extend(scanner.finish());
        prop_assert_eq!(streamed, contractions(&rises, &limits()));
    }
}
