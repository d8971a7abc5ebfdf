use super::*;
use crate::beds::{BedId, Judged, SLOT};
use clinical::perinatal::ctg::{Jsog, NotAssessable, Rating};
use clinical::perinatal::trace::{FrozenBecause, SuspectBecause};
use model::{FacilityId, Hops, PatientNumber, PatientRef};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;
const HALF: i64 = SECOND / 2;

pub(in crate::beds) fn at(micros: i64) -> Moment {
    Moment::from_micros(1_760_000_000_000_000 + micros).unwrap()
}

pub(in crate::beds) fn place(patient: &str) -> Place {
    let facility = FacilityId::parse("clinic").unwrap();
    let patient = PatientRef::new(facility, PatientNumber::parse(patient).unwrap());
    Place { patient, session: "bed-3".to_owned() }
}

/// A moment's heart rate that never stands still.
fn rate(sample: i64) -> f32 {
    let t = sample as f32 / (60 * HERTZ) as f32 * std::f32::consts::TAU;
    let waves = (t * 3.1).sin() + (t * 5.3 + 1.0).sin() + (t * 8.9 + 2.0).sin();
    140.0 + 12.0 * waves / 5.0 + (sample % 7) as f32 * 0.06
}

fn pulse(sample: i64) -> f32 {
    80.0 + (sample % 11) as f32 * 0.3
}

/// Half a second from a sample on.
pub(in crate::beds) fn stretch(patient: &str, first: i64, heart: impl Fn(i64) -> Sample) -> Stretch {
    let both = [first, first + 1];
    Stretch {
        place: place(patient),
        device: "CTG-1".to_owned(),
        record: first as u128 + 1,
        version: Version::FIRST,
        sequence: first as u64 / 2,
        measured: at(first * SLOT),
        step: SLOT,
        traces: vec![
            (Lead::First, both.map(heart).to_vec()),
            (Lead::Uterus, both.map(|_| Sample::good(8.0)).to_vec()),
            (Lead::Mother, both.map(|at| Sample::good(pulse(at))).to_vec()),
        ],
        spots: Vec::new(),
        hops: Hops::default(),
        held_back: false,
    }
}

/// What goes wrong, from a sample on.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    Cut,
    Off,
    Hold,
    Loop(i64),
    /// What was measured before is sent again with new numbers: its clock stands.
    ClockStands,
    Slow(i64),
    Mother,
    ClockJumps(i64),
}

impl Fault {
    fn is_named_by(self, state: TraceState) -> bool {
        match self {
            Self::Cut => state == TraceState::Lost(LostBecause::NothingArrives),
            Self::Off => state == TraceState::Lost(LostBecause::NoSignal),
            Self::Hold | Self::Loop(_) => state == TraceState::Frozen(FrozenBecause::ValueStands),
            Self::ClockStands => state == TraceState::Frozen(FrozenBecause::ClockStands),
            Self::Slow(_) => matches!(state, TraceState::Late | TraceState::Lost(LostBecause::NothingArrives)),
            Self::Mother => state == TraceState::Suspect(SuspectBecause::Mother),
            Self::ClockJumps(_) => state == TraceState::Suspect(SuspectBecause::Clock),
        }
    }
}

/// The bed as it stands when each tick of a quarter of a second is over: a source sends half a second at a time over a line,
/// and from `begins` on (a sample) something is wrong.
fn play(fault: Option<(Fault, i64)>, line: i64, seconds: i64, mut look: impl FnMut(&Bed, Moment)) -> Bed {
    let mut sent: Vec<(i64, Stretch)> = Vec::new();
    for first in (0..seconds * HERTZ as i64).step_by(2) {
        let wrong = fault.filter(|(_, begins)| first >= *begins);
        let mut one = stretch("001", first, |at| Sample::good(rate(at)));
        let mut arrives = (first + 2) * SLOT + line;
        match wrong {
            None => {}
            Some((Fault::Cut, _)) => continue,
            Some((Fault::Off, _)) => one = stretch("001", first, |_| Sample::LOST),
            Some((Fault::Hold, begins)) => one = stretch("001", first, |_| Sample::good(rate(begins))),
            Some((Fault::Loop(of), begins)) => {
                one = stretch("001", first, |at| Sample::good(rate(begins - of + (at - begins) % of)));
            }
            Some((Fault::ClockStands, begins)) => one.measured = at((begins - 2) * SLOT),
            Some((Fault::Slow(by), _)) => arrives += by,
            Some((Fault::Mother, _)) => one = stretch("001", first, |at| Sample::good(pulse(at) + 2.0)),
            Some((Fault::ClockJumps(by), _)) => one.measured = one.measured.plus_micros(by),
        }
        sent.push((arrives, one));
    }
    sent.sort_by_key(|(arrives, _)| *arrives);
    let (_, first) = sent.first().unwrap();
    let mut bed = Bed::new(&first.place, first.measured, Arc::new(Rules::shipped()), at(0));
    let mut waiting = sent.into_iter().peekable();
    for tick in 0..seconds * HERTZ as i64 {
        let now = tick * SLOT;
        while let Some((arrives, one)) = waiting.next_if(|(arrives, _)| *arrives <= now) {
            bed.take(&one, Came::Now(at(arrives)));
        }
        bed.tick(at(now), true);
        look(&bed, at(now));
    }
    bed
}

fn heart(bed: &Bed, now: Moment) -> TraceState {
    let lines = bed.lines(now);
    lines
        .iter()
        .find(|line| line.lead == Lead::First)
        .map_or(TraceState::Lost(LostBecause::NothingYet), |line| line.state)
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Cut),
        Just(Fault::Off),
        Just(Fault::Hold),
        (2_i64..=4).prop_map(Fault::Loop),
        Just(Fault::ClockStands),
        (3 * SECOND..8 * SECOND).prop_map(Fault::Slow),
        Just(Fault::Mother),
        (SECOND..60 * SECOND).prop_map(Fault::ClockJumps),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The board looks four times a second and nobody else does: a fault is on it two seconds after it began.
    #[test]
    fn each_fault_is_named_within_two_seconds_by_the_clock_alone(fault in faults(), line in 0..100_000_i64, begins in 30..60_i64) {
        let begins = begins * 2;
        let mut named = 0;
        // a slow line is late by more each second; others hold on
        let (mut live_after, mut unnamed) = (None, None);
        play(Some((fault, begins)), line, 40, |bed, now| {
            let since = now.since(at(begins * SLOT));
            let state = heart(bed, now);
            if (2 * SECOND..8 * SECOND).contains(&since) {
                if state == TraceState::Live {
                    live_after = Some(since);
                }
                if fault.is_named_by(state) { named += 1 } else { unnamed = unnamed.or(Some((since, state))) }
            }
        });
        prop_assert_eq!(live_after, None, "{:?} is called live", fault);
        prop_assert!(named >= 20 && unnamed.is_none(), "{:?}: {} of 24, {:?}", fault, named, unnamed);
    }

    #[test]
    fn a_line_without_a_fault_is_live(line in 0..200_000_i64) {
        let mut other = None;
        play(None, line, 40, |bed, now| {
            if now.since(at(0)) > SECOND && heart(bed, now) != TraceState::Live {
                other = Some((now.since(at(0)), heart(bed, now)));
            }
        });
        prop_assert_eq!(other, None);
    }
}

#[test]
fn only_the_trace_that_is_at_fault_is_blamed() {
    let mut states = Vec::new();
    play(Some((Fault::Hold, 60)), 0, 25, |bed, now| {
        states = bed.lines(now).iter().map(|line| (line.lead, line.state.code())).collect();
    });
    assert_eq!(states, [(Lead::First, "frozen"), (Lead::Uterus, "live"), (Lead::Mother, "live")]);
}

#[test]
fn a_value_that_may_be_something_else_is_not_told() {
    let mut told = Vec::new();
    let bed = play(Some((Fault::Hold, 60)), 0, 25, |bed, now| {
        told.push(bed.lines(now).first().and_then(|line| line.value));
    });
    assert!(told[50].is_some(), "it was live");
    assert_eq!(told.last(), Some(&None));
    let line = bed.lines(at(25 * SECOND)).into_iter().next().unwrap();
    assert_eq!(line.since, at(17 * SECOND - SLOT), "since when it is frozen");
}

#[test]
fn a_clock_that_is_ahead_is_learnt_and_the_age_is_true_then() {
    let mut said = Vec::new();
    play(Some((Fault::ClockJumps(4 * SECOND), 0)), 30_000, 60, |bed, now| {
        said.push((heart(bed, now), bed.clock().ahead(), bed.lines(now).first().and_then(|line| line.age)));
    });
    assert_eq!(said[5 * HERTZ].0, TraceState::Suspect(SuspectBecause::Clock), "before it is known");
    let (state, ahead, age) = *said.last().unwrap();
    assert_eq!((state, ahead), (TraceState::Live, 4 * SECOND - 30_000));
    assert!((0..SECOND).contains(&age.unwrap().likely), "{age:?}");
}

#[test]
fn a_clock_that_was_ahead_and_is_set_back_is_live_again_in_time() {
    let mut bed = play(Some((Fault::ClockJumps(40 * SECOND), 80)), 0, 40, |_, _| {});
    let mut states = Vec::new();
    for first in (160..400).step_by(2) {
        let mut one = stretch("001", first, |at| Sample::good(rate(at)));
        one.sequence += 1_000;
        bed.take(&one, Came::Now(at((first + 2) * SLOT)));
        bed.tick(at((first + 2) * SLOT), true);
        states.push(heart(&bed, at((first + 2) * SLOT)).code());
    }
    assert!(!states[..4].contains(&"live") && states.last() == Some(&"live"), "{states:?}");
    let end = bed.strip().moment_of(bed.strip().end());
    assert_eq!(end, at(400 * SLOT), "what was never measured is not kept");
    let mut cursor = Cursor { epoch: 1, slot: 100, merges: 0 };
    assert!(bed.news(&mut cursor, KEPT).anew, "and its viewers are told so");
}

#[test]
fn late_samples_are_merged_marked_and_told_to_who_has_seen_the_gap() {
    let mut bed = Bed::new(&place("001"), at(0), Arc::new(Rules::shipped()), at(0));
    let take = |bed: &mut Bed, first: i64, arrives: i64| {
        bed.take(&stretch("001", first, |at| Sample::good(rate(at))), Came::Now(at(arrives * SLOT)))
    };
    for first in (0..40).step_by(2).filter(|first| !(20..24).contains(first)) {
        assert!(take(&mut bed, first, first + 2));
    }
    let mut cursor = Cursor::default();
    let news = bed.news(&mut cursor, 1_000);
    assert_eq!(news, News { anew: true, skipped: None, fresh: 0..40, changed: Vec::new() });
    assert_eq!(bed.strip().get(Lead::First, 21), None, "a gap is a gap");

    assert!(take(&mut bed, 20, 42) && take(&mut bed, 22, 43) && take(&mut bed, 40, 44));
    let news = bed.news(&mut cursor, 1_000);
    assert_eq!(news, News { anew: false, skipped: None, fresh: 40..42, changed: vec![22..24, 20..22] });
    let slot = bed.strip().get(Lead::First, 21).unwrap();
    assert!(slot.late && slot.sample == Sample::good(rate(21)));
    assert!(!bed.strip().get(Lead::First, 40).unwrap().late);
    assert_eq!(bed.strip().as_seen(Lead::First, 21, at(41 * SLOT)), None, "on the screen there was a gap then");
    assert_eq!(bed.lines(at(44 * SLOT)).first().unwrap().late, 4);
    assert!(!take(&mut bed, 22, 45), "the same again says nothing");
}

#[test]
fn a_slow_viewer_gets_the_newest_and_a_marked_gap() {
    let bed = play(None, 0, 60, |_, _| {});
    let mut cursor = Cursor::default();
    bed.news(&mut cursor, 40);
    assert_eq!(cursor, Cursor { epoch: 1, slot: 240 - 2, merges: 0 });
    cursor.slot = 20;
    let news = bed.news(&mut cursor, 40);
    assert_eq!(news, News { anew: false, skipped: Some(20..198), fresh: 198..238, changed: Vec::new() });
    assert_eq!(bed.news(&mut cursor, 40).fresh, 238..238);
}

#[test]
fn what_was_before_is_read_in_and_says_nothing_of_the_line() {
    let mut bed = Bed::new(&place("001"), at(4_800 * SLOT), Arc::new(Rules::shipped()), at(4_800 * SLOT));
    bed.take(&stretch("001", 4_800, |at| Sample::good(rate(at))), Came::Now(at(4_802 * SLOT)));
    let read = at(4_802 * SLOT);
    for first in (0..4_800).step_by(2) {
        assert!(bed.take(&stretch("001", first, |at| Sample::good(rate(at))), Came::Before(read)));
    }
    assert_eq!(bed.began(), at(0));
    let slot = bed.strip().get(Lead::First, -4_000).unwrap();
    assert!(!slot.late);
    let on_screen = |now: Moment| bed.strip().as_seen(Lead::First, -4_000, now).is_some();
    assert!(!on_screen(at(4_801 * SLOT)) && on_screen(read), "it was on no screen before it was read");
    for first in (4_802..4_860).step_by(2) {
        bed.take(&stretch("001", first, |at| Sample::good(rate(at))), Came::Now(at((first + 2) * SLOT)));
        bed.tick(at((first + 2) * SLOT), true);
    }
    assert_eq!(heart(&bed, at(4_860 * SLOT)), TraceState::Live);
    assert_eq!(bed.lines(at(4_860 * SLOT)).first().unwrap().late, 0);
    let [judged] = bed.course().now() else { panic!("twenty minutes are read") };
    assert!(matches!(judged.jsog, Jsog::Rated(Rating::Unverified { .. })), "{judged:?}");
}

#[test]
fn a_cut_line_ends_in_a_window_that_is_not_assessable_and_never_in_a_normal_one() {
    let mut last: Vec<Judged> = Vec::new();
    let cut = 12 * 60 * HERTZ as i64;
    let bed = play(Some((Fault::Cut, cut)), 0, 20 * 60, |bed, now| {
        if now < at(cut * SLOT) {
            last = bed.course().now().to_vec();
        }
    });
    let Jsog::Rated(Rating::Unverified { verdict, .. }) = &last[0].jsog else { panic!("{last:?}") };
    assert_eq!(verdict.level.number(), 1);
    let now = &bed.course().now()[0];
    assert_eq!(now.jsog, Jsog::NotAssessable(NotAssessable::Lost));
    assert!(bed.strip().moment_of(now.slot(now.window.until)) >= at(19 * 60 * SECOND), "and it is of now");
}

#[test]
fn what_comes_late_is_read_where_it_belongs() {
    // ten minutes of which four come late, at the end
    let minutes = |from: i64, until: i64| (from * 240..until * 240).step_by(2);
    let first = stretch("001", 0, |at| Sample::good(rate(at)));
    let mut bed = Bed::new(&first.place, first.measured, Arc::new(Rules::shipped()), at(0));
    for first in minutes(0, 4).chain(minutes(8, 13)) {
        bed.take(&stretch("001", first, |at| Sample::good(rate(at))), Came::Now(at((first + 2) * SLOT)));
        bed.tick(at((first + 2) * SLOT), true);
    }
    assert_eq!(bed.course().now()[0].jsog, Jsog::NotAssessable(NotAssessable::Lost));
    for first in minutes(4, 8) {
        bed.take(&stretch("001", first, |at| Sample::good(rate(at))), Came::Now(at(13 * 240 * SLOT)));
    }
    bed.tick(at(13 * 240 * SLOT + 6 * SECOND), true);
    assert!(matches!(bed.course().now()[0].jsog, Jsog::Rated(_)));

    // and says what is said of a recording that came in time
    let in_time = play(None, 0, 13 * 60 + 10, |_, _| {});
    let both = [&bed, &in_time].map(|bed| (bed.course().now()[0].window.clone(), bed.course().now()[0].jsog.clone()));
    assert_eq!(both[0], both[1]);
}

#[test]
fn what_is_taken_back_is_gone_and_read_without() {
    let mut bed = play(None, 0, 60, |_, _| {});
    let mut cursor = Cursor::default();
    bed.news(&mut cursor, KEPT);
    assert!(bed.holds(101) && bed.take_back(101) && !bed.holds(101) && !bed.take_back(101));
    assert_eq!([99, 100, 101, 102].map(|at| bed.strip().get(Lead::First, at).is_some()), [true, false, false, true]);
    assert_eq!(bed.news(&mut cursor, KEPT).changed.first(), Some(&(100..102)));
    assert!(bed.course().is_stale());
    bed.tick(at(70 * SECOND), true);
    assert!(!bed.course().is_stale());
    // a corrected version takes its place
    let mut other = stretch("001", 100, |_| Sample::good(150.0));
    other.version = Version::new(2).unwrap();
    assert!(bed.take(&other, Came::Now(at(71 * SECOND))));
    assert_eq!(bed.strip().get(Lead::First, 100).unwrap().sample, Sample::good(150.0));
}

#[test]
fn twins_that_join_later_are_watched_from_the_beginning() {
    let mut bed = play(None, 0, 11 * 60, |_, _| {});
    assert_eq!(bed.course().now().len(), 1);
    let mut both = stretch("001", 11 * 240, |at| Sample::good(rate(at)));
    both.traces.push((Lead::Second, vec![Sample::good(150.0), Sample::good(151.0)]));
    bed.take(&both, Came::Now(at(11 * 240 * SLOT + HALF)));
    bed.tick(at(11 * 240 * SLOT + 7 * SECOND), true);
    let second = bed.course().now().iter().find(|one| one.fetus.number() == 2).unwrap();
    assert_eq!(second.jsog, Jsog::NotAssessable(NotAssessable::Lost));
    assert!(bed.lines(at(11 * 240 * SLOT + HALF)).iter().any(|line| line.lead == Lead::Second));
}

#[test]
fn what_the_source_held_back_says_nothing_of_its_clock_and_is_late() {
    let mut bed = play(None, 0, 20, |_, _| {});
    // a line was cut for a minute; what was held back comes at once, and then what is new
    for first in (80..320).step_by(2) {
        let held = Stretch { held_back: true, ..stretch("001", first, |at| Sample::good(rate(at))) };
        bed.take(&held, Came::Now(at(320 * SLOT)));
    }
    bed.tick(at(320 * SLOT), true);
    assert_eq!((heart(&bed, at(320 * SLOT)), bed.clock()), (TraceState::Live, ClockError::NONE));
    assert!(bed.strip().get(Lead::First, 100).is_some_and(|slot| slot.after > 50_000));
}

#[test]
fn a_fetus_that_is_said_to_be_monitored_and_of_which_nothing_comes_is_lost() {
    let mut bed = Bed::new(&place("001"), at(0), Arc::new(Rules::shipped()), at(0));
    assert!(bed.lines(at(0)).is_empty());
    bed.expect(2);
    let lost = TraceState::Lost(LostBecause::NothingYet);
    assert_eq!(
        bed.lines(at(0)).iter().map(|line| (line.lead, line.state)).collect::<Vec<_>>(),
        [(Lead::First, lost), (Lead::Second, lost)]
    );
    let pressure =
        Stretch { traces: Vec::new(), spots: vec![("nibp_sys", 118.0)], ..stretch("001", 8, |_| Sample::LOST) };
    assert!(bed.take(&pressure, Came::Now(at(10 * SLOT))));
    bed.tick(at(10 * SLOT), true);
    assert_eq!(bed.spots().collect::<Vec<_>>(), [("nibp_sys", 118.0, at(8 * SLOT))]);
    assert!(bed.lines(at(10 * SLOT)).iter().all(|line| line.state == lost), "a pressure is no trace");
}

#[test]
fn a_bed_is_known_by_a_number_that_tells_nothing() {
    let bed = BedId::of(&place("001"));
    assert_eq!(BedId::parse(&bed.to_string()), Some(bed));
    assert_ne!(bed, BedId::of(&place("002")));
    assert_eq!(BedId::parse("001"), None);
    assert!(!format!("{:?}", place("001")).contains("001"));
}

#[test]
fn windows_begin_with_the_first_sample_whenever_the_bed_was_opened_and_in_whichever_order_samples_are_read() {
    // seven minutes and a bit after the bed was opened, which fell on no sample
    let opened = at(-7 * 60 * SECOND - 47_110);
    let stretches: Vec<Stretch> =
        (0..11 * 60 * 2).map(|half| stretch("p", half * 2, |slot| Sample::good(rate(slot)))).collect();
    let read = |order: Vec<&Stretch>| {
        let mut bed = Bed::new(&place("p"), opened, Arc::new(Rules::shipped()), opened);
        for minute in 0..7 {
            bed.tick(opened.plus_micros(minute * 60 * SECOND), true);
        }
        assert_eq!(bed.course().windows().count() + bed.course().now().len(), 0, "nothing was measured");
        for stretch in order {
            assert!(bed.take(stretch, Came::Before(at(11 * 60 * SECOND))));
        }
        for _ in 0..2 {
            bed.tick(at(11 * 60 * SECOND + ANEW), true);
        }
        let of = |judged: &Judged| {
            [judged.window.from, judged.window.until].map(|second| bed.strip().moment_of(judged.slot(second)))
        };
        assert_eq!(bed.began(), opened);
        bed.course().windows().map(of).collect::<Vec<_>>()
    };
    let first = vec![[at(0), at(600 * SECOND)]];
    assert_eq!(read(stretches.iter().collect()), first);
    assert_eq!(read(stretches.iter().rev().collect()), first);
    // what came now before what was before
    let (before, now) = stretches.split_at(900);
    assert_eq!(read(now.iter().chain(before).collect()), first);
}
