use super::*;
use proptest::prelude::*;

const STEP: i64 = 250_000;
const SECOND: i64 = 1_000_000;

fn at(micros: i64) -> Moment {
    Moment::from_micros(1_800_000_000_000_000 + micros).unwrap()
}

fn exact() -> ClockError {
    ClockError::new(0, 0).unwrap()
}

fn arrive(trace: &mut Trace, arrived: i64, measured: i64, rates: &[f32]) -> Merged {
    let fetal: Vec<Sample> = rates.iter().map(|rate| Sample::good(*rate)).collect();
    let arrival = Arrival { arrived: at(arrived), measured: at(measured), step: STEP, fetal: &fetal, maternal: &[] };
    trace.arrive(&arrival, exact())
}

/// A trace that was live for three seconds: its last sample was measured and arrived at 3 s.
fn live() -> Trace {
    let mut trace = Trace::new(TraceLimits::shipped());
    for sample in 0..=12 {
        arrive(&mut trace, sample * STEP, sample * STEP, &[140.0 + (sample % 5) as f32]);
    }
    trace
}

#[test]
fn every_limit_is_named_once_and_lies_in_its_span() {
    crate::perinatal::limit::check_rows(TraceLimit::ALL.iter().map(|limit| limit.row()));
    assert!(TraceLimits::shipped().with("x", [(TraceLimit::LostAfter, 2.0)]).is_err(), "nothing is named after 2 s");
}

#[test]
fn nothing_is_lost_and_not_live() {
    assert_eq!(Trace::new(TraceLimits::shipped()).state(at(0)), TraceState::Lost(LostBecause::NothingYet));
    assert_eq!(Trace::new(TraceLimits::shipped()).age(at(0)), None);
}

#[test]
fn silence_is_late_and_then_lost_at_its_limits() {
    let (trace, last) = (live(), 3 * SECOND);
    let state = |silent: i64| trace.state(at(last + silent));
    assert_eq!(state(0), TraceState::Live);
    assert_eq!(state(1_249_999), TraceState::Live);
    assert_eq!(state(1_250_000), TraceState::Late);
    assert_eq!(state(1_749_999), TraceState::Late);
    assert_eq!(state(1_750_000), TraceState::Lost(LostBecause::NothingArrives));
    assert_eq!(state(3_600 * SECOND), TraceState::Lost(LostBecause::NothingArrives));
    assert_eq!(trace.age(at(last + 500)), Some(Age { likely: 500, most: 500 }));
}

#[test]
fn what_stands_still_is_frozen_at_its_limit() {
    let mut trace = live();
    for sample in 13..=18 {
        arrive(&mut trace, sample * STEP, sample * STEP, &[142.0]);
        assert_eq!(trace.state(at(sample * STEP)), TraceState::Live, "{sample}");
    }
    // the last change was measured at 3 s
    arrive(&mut trace, 19 * STEP, 19 * STEP, &[142.0]);
    assert_eq!(trace.state(at(19 * STEP)), TraceState::Frozen(FrozenBecause::ValueStands));
    arrive(&mut trace, 20 * STEP, 20 * STEP, &[142.25]);
    assert_eq!(trace.state(at(20 * STEP)), TraceState::Live, "it moves again");
}

#[test]
fn what_is_missing_is_no_sign_of_standing_still_and_none_of_moving() {
    // every second sample never comes: the values move all the same
    let mut trace = live();
    for sample in (13..40).step_by(2) {
        arrive(&mut trace, sample * STEP, sample * STEP, &[140.0 + (sample % 7) as f32]);
        assert_eq!(trace.state(at(sample * STEP)), TraceState::Live, "{sample}");
    }
    // and here four of five, and what comes stands still
    let mut trace = live();
    for sample in (17..60).step_by(5) {
        arrive(&mut trace, sample * STEP, sample * STEP, &[142.0]);
        let state = trace.state(at(sample * STEP));
        // sample 12 was the last to move
        let frozen = sample >= 12 + 7;
        assert_eq!(state == TraceState::Frozen(FrozenBecause::ValueStands), frozen, "{sample}: {state:?}");
    }
}

#[test]
fn late_samples_are_merged_and_it_is_said() {
    let mut trace = live();
    assert_eq!(arrive(&mut trace, 3 * SECOND, 3 * SECOND, &[142.0]), Merged { new: 0, late: 1, gap: 0 });
    assert_eq!(arrive(&mut trace, 4 * SECOND, 2 * SECOND, &[142.0, 1.0, 2.0]), Merged { new: 0, late: 3, gap: 0 });
    let merged = arrive(&mut trace, 4 * SECOND, 3 * SECOND - STEP, &[142.0, 141.0, 140.0, 143.0]);
    assert_eq!(merged, Merged { new: 2, late: 2, gap: 0 });
    let merged = arrive(&mut trace, 6 * SECOND, 6 * SECOND, &[142.0]);
    assert_eq!(merged, Merged { new: 1, late: 0, gap: 6 * SECOND - (3 * SECOND + 2 * STEP) - STEP });
}

#[test]
fn what_is_sent_again_does_not_keep_a_trace_alive() {
    let mut trace = live();
    for again in 13..40 {
        arrive(&mut trace, again * STEP, 3 * SECOND, &[142.0]);
        let state = trace.state(at(again * STEP));
        assert_eq!(state == TraceState::Live, again * STEP - 3 * SECOND < 1_250_000, "{again}: {state:?}");
    }
    assert_eq!(trace.state(at(40 * STEP)), TraceState::Frozen(FrozenBecause::ClockStands));
}

#[test]
fn samples_from_the_future_are_suspect() {
    let mut trace = live();
    arrive(&mut trace, 3 * SECOND + STEP, 3 * SECOND + STEP + 500_000, &[144.0]);
    assert_eq!(trace.state(at(3 * SECOND + STEP)), TraceState::Live);
    arrive(&mut trace, 3 * SECOND + 2 * STEP, 3 * SECOND + 2 * STEP + 500_001, &[143.0]);
    assert_eq!(trace.state(at(3 * SECOND + 2 * STEP)), TraceState::Suspect(SuspectBecause::Clock));
}

#[test]
fn an_uncertain_clock_makes_a_trace_late_and_never_younger() {
    let mut trace = Trace::new(TraceLimits::shipped());
    let fetal = [Sample::good(140.0), Sample::good(141.0)];
    let arrival = Arrival { arrived: at(STEP), measured: at(7 * SECOND), step: STEP, fetal: &fetal, maternal: &[] };
    trace.arrive(&arrival, ClockError::new(7 * SECOND, SECOND).unwrap());
    assert_eq!(trace.age(at(STEP)), Some(Age { likely: 0, most: SECOND }));
    assert_eq!(trace.state(at(2 * STEP - 1)), TraceState::Live);
    assert_eq!(trace.state(at(2 * STEP)), TraceState::Late);
    assert_eq!(ClockError::new(0, -1), Err(ClockErrorError { micros: -1 }));
}

#[test]
fn what_is_no_heart_rate_may_stand_still_and_is_lost_and_late_all_the_same() {
    let mut trace = Trace::of_other(TraceLimits::shipped());
    let mut send = |arrived: i64, measured: i64, sample: Sample| {
        let fetal = [sample];
        let arrival =
            Arrival { arrived: at(arrived), measured: at(measured), step: STEP, fetal: &fetal, maternal: &[] };
        trace.arrive(&arrival, ClockError::new(0, 0).unwrap());
        trace.state(at(arrived))
    };
    for sample in 0..40 {
        assert_eq!(send(sample * STEP, sample * STEP, Sample::good(8.0)), TraceState::Live, "a uterus at rest");
    }
    assert_eq!(send(40 * STEP, 34 * STEP, Sample::good(8.0)), TraceState::Live, "what comes late makes it no older");
    assert_eq!(send(47 * STEP, 42 * STEP, Sample::good(8.0)), TraceState::Late);
    for sample in 48..60 {
        send(sample * STEP, sample * STEP, Sample::LOST);
    }
    assert_eq!(trace.state(at(59 * STEP)), TraceState::Lost(LostBecause::NoSignal));
    assert_eq!(trace.state(at(66 * STEP)), TraceState::Lost(LostBecause::NothingArrives));
}

#[test]
fn five_words_and_no_other() {
    let words = [
        TraceState::Live,
        TraceState::Late,
        TraceState::Lost(LostBecause::NoSignal),
        TraceState::Frozen(FrozenBecause::ClockStands),
        TraceState::Suspect(SuspectBecause::Mother),
    ];
    assert_eq!(words.map(TraceState::code), ["live", "late", "lost", "frozen", "suspect"]);
    assert_eq!(words.map(TraceState::japanese), ["ライブ", "遅延", "消失", "停止", "疑い"]);
    let reasons = [None, None, Some("no-signal"), Some("clock-stands"), Some("mother")];
    assert_eq!(words.map(TraceState::because), reasons);
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    Nothing,
    /// The line is cut.
    Cut,
    /// The transducer falls off: samples without signal.
    TransducerOff,
    /// Samples say they are good and are no heart rate.
    Nonsense,
    /// The last value stands.
    Hold,
    /// The last few values come over and over.
    Loop(usize),
    /// Samples come, and their clock stands.
    ClockStands,
    /// The line becomes slower by so many microseconds.
    Slow(i64),
    /// The transducer finds the mother's pulse.
    Mother,
    /// The source's clock jumps ahead.
    ClockJumps(i64),
}

impl Fault {
    /// Whether a state names this fault.
    fn is_named_by(self, state: TraceState) -> bool {
        match self {
            Self::Nothing => state == TraceState::Live,
            Self::Cut => state == TraceState::Lost(LostBecause::NothingArrives),
            Self::TransducerOff | Self::Nonsense => state == TraceState::Lost(LostBecause::NoSignal),
            Self::Hold | Self::Loop(_) => state == TraceState::Frozen(FrozenBecause::ValueStands),
            Self::ClockStands => state == TraceState::Frozen(FrozenBecause::ClockStands),
            // until the first delayed sample comes, nothing arrives
            Self::Slow(delay) if delay > 1_300_000 => {
                matches!(state, TraceState::Late | TraceState::Lost(LostBecause::NothingArrives))
            }
            Self::Slow(_) => state == TraceState::Late,
            Self::Mother => state == TraceState::Suspect(SuspectBecause::Mother),
            Self::ClockJumps(_) => state == TraceState::Suspect(SuspectBecause::Clock),
        }
    }
}

/// Faults after whose repair everything is as before within two seconds.
fn repairable() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Cut),
        Just(Fault::TransducerOff),
        Just(Fault::Nonsense),
        Just(Fault::Hold),
        (2_usize..=4).prop_map(Fault::Loop),
        Just(Fault::ClockStands),
        (1_260_000_i64..5 * SECOND).prop_map(Fault::Slow),
        Just(Fault::Mother),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        8 => repairable(),
        1 => (5 * SECOND..20 * SECOND).prop_map(Fault::Slow),
        1 => (2 * SECOND..3_600 * SECOND).prop_map(Fault::ClockJumps),
    ]
}

/// A line: samples to a frame, the clock of its source, how wrong that is estimated, and the time each frame takes.
#[derive(Clone, Debug)]
struct Line {
    frame: usize,
    ahead: i64,
    wrong: i64,
    transit: Vec<i64>,
    steps: Vec<bool>,
}

fn line() -> impl Strategy<Value = Line> {
    let transit = proptest::collection::vec(20_000_i64..300_000, 97);
    let steps = proptest::collection::vec(any::<bool>(), 101);
    (1_usize..=2, -3_600 * SECOND..3_600 * SECOND, -50_000_i64..=50_000, transit, steps)
        .prop_map(|(frame, ahead, wrong, transit, steps)| Line { frame, ahead, wrong, transit, steps })
}

/// What differs from beat to beat: never the same, and never in a circle.
fn beat(number: usize) -> f32 {
    (number as f32 * 0.618_034).fract() * 3.0
}

struct Frame {
    arrived: i64,
    measured: i64,
    fetal: Vec<Sample>,
    maternal: Vec<Sample>,
}

/// Half a minute of a line in which a fault lasts from one instant to another, in order of arrival.
fn frames(line: &Line, fault: Fault, (from, until): (i64, i64)) -> Vec<Frame> {
    let mut rate = 140.0_f32;
    let mut values: Vec<f32> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut standing = 0;
    for number in 0..120 / line.frame {
        let first = (number * line.frame) as i64 * STEP;
        let transit = line.transit[number % line.transit.len()];
        let mut frame = Frame { arrived: 0, measured: first + line.ahead, fetal: vec![], maternal: vec![] };
        for at in 0..line.frame {
            let time = first + at as i64 * STEP;
            let faulty = from <= time && time < until;
            rate += if line.steps[values.len() % line.steps.len()] { 0.5 } else { -0.5 };
            let before = |back: usize| values.get(values.len() - back).copied().unwrap_or_default();
            let value = match fault {
                Fault::Hold if faulty => before(1),
                Fault::Loop(length) if faulty => before(length),
                Fault::Mother if faulty => 83.0 + beat(values.len()),
                _ => rate.clamp(100.0, 180.0) + beat(values.len()),
            };
            values.push(value);
            frame.fetal.push(match fault {
                Fault::TransducerOff if faulty => Sample::LOST,
                Fault::Nonsense if faulty => Sample::good(if at == 0 { 0.0 } else { 600.0 }),
                _ => Sample::good(value),
            });
            frame.maternal.push(Sample::good(84.0));
        }
        // a frame is sent when its last sample is there
        let sent = first + (line.frame as i64 - 1) * STEP;
        let faulty = from <= sent && sent < until;
        frame.arrived = sent
            + transit
            + match fault {
                Fault::Slow(delay) if faulty => delay,
                _ => 0,
            };
        match fault {
            Fault::Cut if faulty => continue,
            Fault::ClockStands if faulty => frame.measured = standing,
            Fault::ClockJumps(jump) if faulty => frame.measured += jump,
            _ => standing = frame.measured,
        }
        frames.push(frame);
    }
    frames.sort_by_key(|frame| frame.arrived);
    frames
}

/// The state at every tenth of a second.
fn states(line: &Line, fault: Fault, span: (i64, i64)) -> Vec<(i64, TraceState)> {
    let mut trace = Trace::new(TraceLimits::shipped());
    let clock = ClockError::new(line.ahead + line.wrong, 50_000).unwrap();
    let frames = frames(line, fault, span);
    let mut next = frames.iter().peekable();
    (0..290)
        .map(|tenth| {
            let now = tenth * SECOND / 10;
            while let Some(frame) = next.next_if(|frame| frame.arrived <= now) {
                let arrival = Arrival {
                    arrived: at(frame.arrived),
                    measured: at(frame.measured),
                    step: STEP,
                    fetal: &frame.fetal,
                    maternal: &frame.maternal,
                };
                trace.arrive(&arrival, clock);
            }
            (now, trace.state(at(now)))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_line_without_a_fault_is_live(line in line()) {
        for (now, state) in states(&line, Fault::Nothing, (0, 0)) {
            prop_assert!(now < SECOND || Fault::Nothing.is_named_by(state), "{} at {} µs", state.code(), now);
        }
    }

    #[test]
    fn every_fault_is_named_within_two_seconds_and_for_as_long_as_it_lasts(
        line in line(), fault in fault(), from in 5 * SECOND..15 * SECOND
    ) {
        for (now, state) in states(&line, fault, (from, i64::MAX)) {
            if now >= SECOND && now < from {
                prop_assert!(Fault::Nothing.is_named_by(state), "{:?} at {} µs, before the fault", state, now);
            } else if now >= from + 2 * SECOND {
                prop_assert!(fault.is_named_by(state), "{:?} at {} µs, {} µs into {:?}", state, now, now - from, fault);
            }
        }
    }

    #[test]
    fn no_frozen_trace_is_ever_called_live(line in line(), length in 1_usize..=4, from in 5 * SECOND..15 * SECOND) {
        let fault = if length == 1 { Fault::Hold } else { Fault::Loop(length) };
        for (now, state) in states(&line, fault, (from, i64::MAX)) {
            prop_assert!(now < from + 2 * SECOND || state != TraceState::Live, "{} µs", now - from);
        }
        for (now, state) in states(&line, Fault::ClockStands, (from, i64::MAX)) {
            prop_assert!(now < from + 2 * SECOND || state != TraceState::Live, "{} µs", now - from);
        }
    }

    #[test]
    fn a_line_that_is_repaired_is_live_again_within_two_seconds(
        line in line(), fault in repairable(), from in 5 * SECOND..8 * SECOND, lasting in 3 * SECOND..6 * SECOND
    ) {
        for (now, state) in states(&line, fault, (from, from + lasting)) {
            if now >= from + lasting + 2 * SECOND {
                prop_assert!(state == TraceState::Live, "{:?} at {} µs after {:?}", state, now - from - lasting, fault);
            }
        }
    }
}
