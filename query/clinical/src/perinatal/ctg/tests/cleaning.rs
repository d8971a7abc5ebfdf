use super::*;

fn samples(pieces: &[(f32, usize)]) -> Vec<Sample> {
    let sample = |rate: f32| if rate == 0.0 { Sample::LOST } else { Sample::good(rate) };
    pieces.iter().flat_map(|(rate, count)| std::iter::repeat_n(sample(*rate), *count)).collect()
}

/// How many samples of each piece are measured after cleaning.
#[track_caller]
fn check(pieces: &[(f32, usize)], mother: f32, expected: &[usize]) {
    let fetal = samples(pieces);
    let cleaned = clean(&fetal, &samples(&[(mother, fetal.len())]), &limits());
    let mut at = 0;
    let measured: Vec<usize> = pieces
        .iter()
        .map(|(_, count)| {
            at += count;
            cleaned[at - count..at].iter().filter(|one| one.rate().is_some()).count()
        })
        .collect();
    assert_eq!(measured, expected);
}

#[test]
fn an_island_of_less_than_five_seconds_is_taken_out() {
    check(&[(140.0, 400), (0.0, 40), (140.0, 19), (0.0, 40), (140.0, 400)], 0.0, &[400, 0, 0, 0, 400]);
    check(&[(140.0, 400), (0.0, 40), (140.0, 20), (0.0, 40), (140.0, 400)], 0.0, &[400, 0, 20, 0, 400]);
}

#[test]
fn a_longer_island_goes_where_it_lies_off_both_neighbours_and_stays_otherwise() {
    // half the rate, as a monitor counts every second beat
    check(&[(140.0, 400), (0.0, 8), (70.0, 60), (0.0, 8), (140.0, 400)], 0.0, &[400, 0, 0, 0, 400]);
    check(&[(140.0, 400), (0.0, 8), (115.0, 60), (0.0, 8), (140.0, 400)], 0.0, &[400, 0, 60, 0, 400]);
    check(&[(140.0, 400), (0.0, 8), (70.0, 120), (0.0, 8), (140.0, 400)], 0.0, &[400, 0, 120, 0, 400]);
    // a deceleration that the signal is lost after: only one neighbour lies elsewhere
    check(&[(140.0, 400), (0.0, 8), (80.0, 60), (0.0, 8), (85.0, 400)], 0.0, &[400, 0, 60, 0, 400]);
    // the neighbour is too far away to speak
    check(&[(140.0, 400), (0.0, 8), (70.0, 60), (0.0, 121), (140.0, 400)], 0.0, &[400, 0, 60, 0, 400]);
    check(&[(140.0, 400), (0.0, 8), (70.0, 60), (0.0, 120), (140.0, 400)], 0.0, &[400, 0, 0, 0, 400]);
}

#[test]
fn a_rate_that_runs_with_the_mothers_is_suspect_and_not_the_fetuss() {
    let fetal = samples(&[(140.0, 400), (88.0, 40), (140.0, 400), (88.0, 39), (140.0, 400)]);
    let cleaned = clean(&fetal, &samples(&[(84.0, fetal.len())]), &limits());
    let suspect: Vec<usize> =
        cleaned.iter().enumerate().filter(|(_, one)| **one == Clean::Suspect).map(|(at, _)| at).collect();
    assert_eq!(suspect, (400..440).collect::<Vec<_>>(), "ten seconds are suspect, a quarter less is not");
    let apart = clean(&fetal, &samples(&[(82.9, fetal.len())]), &limits());
    assert!(!apart.contains(&Clean::Suspect), "more than five beats apart");
    let unknown = clean(&fetal, &[], &limits());
    assert!(!unknown.contains(&Clean::Suspect), "nothing is known of the mother");
}

#[test]
fn what_no_heart_does_is_no_signal() {
    let odd = [29.9, 240.1, f32::NAN, f32::INFINITY, -120.0].map(Sample::good);
    for sample in odd {
        let cleaned = clean(&vec![sample; 200], &[], &limits());
        assert!(cleaned.iter().all(|one| *one == Clean::Lost), "{sample:?}");
    }
    assert!(clean(&vec![Sample::good(30.0); 200], &[], &limits()).iter().all(|one| one.rate() == Some(30.0)));
    let fair = Sample { value: 140.0, quality: FrameQuality::Fair };
    assert!(clean(&vec![fair; 200], &[], &limits()).iter().all(|one| one.rate() == Some(140.0)));
}

fn second(rate: f32, signal: Signal) -> Second {
    let of = match signal {
        Signal::Suspect => [Clean::Suspect; 4],
        Signal::Measured => [Clean::Measured(rate); 4],
        Signal::Lost | Signal::Bridged => [Clean::Lost; 4],
    };
    Second::of(&of)
}

#[test]
fn a_second_needs_half_of_its_samples() {
    let (measured, lost) = (Clean::Measured(140.0), Clean::Lost);
    assert_eq!(Second::of(&[measured, lost, measured, lost]).measured(), Some(140.0));
    assert_eq!(Second::of(&[measured, lost, lost, lost]).signal, Signal::Lost);
    assert_eq!(Second::of(&[Clean::Suspect, Clean::Suspect, measured, lost]).signal, Signal::Suspect);
}

#[test]
fn gaps_of_fifteen_seconds_are_bridged_and_longer_ones_are_not() {
    for (length, bridged) in [(1, true), (15, true), (16, false)] {
        let mut seconds = vec![second(140.0, Signal::Measured); 3];
        seconds.extend(vec![second(0.0, Signal::Lost); length]);
        seconds.push(second(140.0 + length as f32 + 1.0, Signal::Measured));
        let bridge = bridge(&seconds, &limits());
        assert_eq!(bridge[3].value().is_some(), bridged, "{length}");
        if bridged {
            assert!((bridge[3].value().unwrap() - 141.0).abs() < 1e-3, "a straight line");
            assert_eq!(bridge[3].measured(), None, "what is bridged is not measured");
        }
    }
}

#[test]
fn nothing_is_drawn_across_what_may_be_the_mother() {
    let mut seconds = vec![second(140.0, Signal::Measured), second(0.0, Signal::Suspect), second(0.0, Signal::Lost)];
    seconds.push(second(140.0, Signal::Measured));
    assert!(bridge(&seconds, &limits())[1..3].iter().all(|second| second.value().is_none()));
}

#[test]
fn short_term_variability_depends_on_its_epoch() {
    // 400 and 410 ms in turn, sample by sample: the epochs of 3.75 s hardly differ
    let samples: Vec<Clean> = (0..240).map(|at| Clean::Measured(60_000.0 / (400.0 + 10.0 * (at % 2) as f32))).collect();
    let minute = Minute::of(&samples);
    assert!((minute.sample.unwrap() - 10.0).abs() < 0.01);
    assert!((minute.sixteenth.unwrap() - 10.0 / 15.0).abs() < 0.01);
    let half: Vec<Clean> =
        samples.iter().enumerate().map(|(at, one)| if at < 130 { *one } else { Clean::Lost }).collect();
    assert!(Minute::of(&half).sixteenth.is_some());
    let little: Vec<Clean> =
        samples.iter().enumerate().map(|(at, one)| if at < 110 { *one } else { Clean::Lost }).collect();
    assert_eq!(Minute::of(&little), Minute { sixteenth: None, sample: None });
}

/// Pieces of heart rate, loss, halved rate and the mother's, of random lengths about the limits.
fn pieces() -> impl Strategy<Value = Vec<(f32, usize)>> {
    let rate = prop_oneof![Just(0.0), Just(140.0), Just(72.0), Just(118.0), Just(84.0), Just(160.0)];
    let length = prop_oneof![1_usize..30, 15_usize..45, 100_usize..140, 1_usize..400];
    proptest::collection::vec((rate, length), 0..30)
}

proptest! {
    #[test]
    fn cleaning_sample_by_sample_says_what_cleaning_at_once_says(pieces in pieces(), mother in prop_oneof![Just(0.0_f32), Just(86.0)]) {
        let fetal = samples(&pieces);
        let maternal = samples(&[(mother, fetal.len())]);
        let mut cleaner = Cleaner::new(&limits());
        let mut out = Vec::new();
        for (fetal, maternal) in fetal.iter().zip(&maternal) {
            cleaner.push(*fetal, *maternal, &mut out);
        }
        // ten seconds of coincidence, an island of thirty, thirty of reach, a short island, and what a second holds back
        prop_assert!(fetal.len() - out.len() <= 40 + 120 + 120 + 20 + 4, "{} are undecided", fetal.len() - out.len());
        cleaner.finish(&mut out);
        prop_assert_eq!(out, clean(&fetal, &maternal, &limits()));
    }

    #[test]
    fn cleaning_only_takes_away(pieces in pieces()) {
        let fetal = samples(&pieces);
        for (sample, cleaned) in fetal.iter().zip(clean(&fetal, &[], &limits())) {
            prop_assert!(cleaned.rate().is_none_or(|rate| rate == sample.value));
        }
    }

    #[test]
    fn bridging_second_by_second_says_what_bridging_at_once_says(
        kinds in proptest::collection::vec((0_u8..8, 1_usize..20), 0..40)
    ) {
        let mut noise = Noise(3);
        let mut seconds = Vec::new();
        for (kind, length) in kinds {
            let signal = match kind { 0..=3 => Signal::Measured, 4..=6 => Signal::Lost, _ => Signal::Suspect };
            seconds.extend((0..length).map(|_| second(140.0 + 10.0 * noise.next(), signal)));
        }
        let mut streaming = Bridge::new(&limits());
        let mut out = Vec::new();
        seconds.iter().for_each(|second| streaming.push(*second, &mut out));
        streaming.finish(&mut out);
        prop_assert_eq!(out, bridge(&seconds, &limits()));
    }
}
