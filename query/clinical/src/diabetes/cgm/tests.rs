use super::*;
use crate::diabetes::day::start_of;
use jiff::civil::date;
use model::Moment;
use proptest::prelude::*;

const MINUTE: i64 = 60_000_000;

fn midnight() -> Moment {
    start_of(date(2026, 4, 1)).unwrap()
}

fn at(minute: i64) -> Moment {
    midnight().plus_micros(minute * MINUTE)
}

fn trace(interval: CgmInterval, values: impl IntoIterator<Item = (i64, f64)>) -> Trace {
    Trace::new(interval, values.into_iter().map(|(minute, value)| (at(minute), value))).unwrap()
}

/// Values every five minutes from midnight.
fn every_five(values: &[f64]) -> Trace {
    trace(CgmInterval::Five, (0..).step_by(5).zip(values.iter().copied()))
}

/// Three days of five minutes with a gap of two and a half hours.
fn fixture() -> Trace {
    let values = (0..864_i64).filter(|i| !(300..330).contains(i));
    trace(CgmInterval::Five, values.map(|i| (i * 5, (50 + i * 37 % 101 + (i * 3 % 400 - 200).abs()) as f64)))
}

/// Computed apart with numpy from the definitions; means, deviations, risks, differences, GRADE, indexes and COGI of real
/// traces also agree with iglu-python 0.4.3 (tests/cgm_shanghai.rs).
const FIXTURE: &[(&str, f64)] = &[
    ("mean", 201.974820),
    ("sd", 64.701090),
    ("cv", 32.034236),
    ("median", 202.000000),
    ("iqr", 100.000000),
    ("mad", 74.130000),
    ("range", 291.000000),
    ("gmi", 8.141238),
    ("ea1c", 8.664628),
    ("tir-70-180", 37.769784),
    ("tir-70-140", 19.664269),
    ("tir-63-140", 20.383693),
    ("tbr-70", 0.959233),
    ("tbr-63", 0.239808),
    ("tbr-54", 0.000000),
    ("tar-140", 79.376499),
    ("tar-180", 61.270983),
    ("tar-250", 26.258993),
    ("j-index", 71.116041),
    ("lbgi", 0.252677),
    ("hbgi", 14.041372),
    ("adrr", 58.598030),
    ("gri", 72.326139),
    ("grade", 13.778534),
    ("grade-hypo", 0.306013),
    ("grade-hyper", 96.434826),
    ("grade-eu", 3.259161),
    ("m-value", 55.547010),
    ("hyper-index", 3.600758),
    ("hypo-index", 0.102078),
    ("igc", 3.702836),
    ("cogi", 58.863168),
    ("mage", 79.389610),
    ("mage-both", 79.954545),
    ("modd", 60.430233),
    ("conga-1", 59.985662),
    ("conga-2", 75.533974),
    ("conga-4", 116.469502),
    ("conga-24", 76.561807),
    ("mag", 562.341346),
    ("gvp", 842.967608),
    ("auc-hourly", 202.049880),
    ("sd-roc", 2.097349),
    ("sd-w", 64.533770),
    ("sd-hhmm", 41.868644),
    ("sd-wsh", 31.951341),
    ("sd-dm", 5.841311),
    ("sd-b", 58.258993),
    ("sd-bdm", 57.722746),
    ("cv-mean", 31.952177),
    ("cv-sd", 1.349485),
];

#[test]
fn every_measure_is_that_of_an_independent_computation() {
    let trace = fixture();
    for row in CGM_METRICS {
        let (_, expected) = FIXTURE.iter().find(|one| one.0 == row.key).unwrap();
        let found = (row.of)(&trace).unwrap();
        assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{}: {found} is not {expected}", row.key);
    }
    assert_eq!(FIXTURE.len(), CGM_METRICS.len());
}

#[test]
fn measures_have_names_of_their_own() {
    let names: std::collections::BTreeSet<_> = CGM_METRICS.iter().map(|row| row.key).collect();
    assert_eq!(names.len(), CGM_METRICS.len());
    assert_eq!(metric("gvp").map(|row| row.unit), Some("%"));
    assert!(metric("no-such").is_none());
}

#[test]
fn too_little_has_no_measure_rather_than_a_number() {
    let one = every_five(&[100.0]);
    for key in ["sd", "cv", "mage", "modd", "conga-24", "mag", "gvp", "sd-w", "sd-dm", "cv-sd"] {
        assert_eq!((metric(key).unwrap().of)(&one), None, "{key}");
    }
    assert_eq!((metric("mage").unwrap().of)(&every_five(&[100.0; 10])), None, "nothing swings");
}

#[test]
fn published_points_hold() {
    // symmetrised scale: zero at 112.5 mg/dL, and the two ends of 20 and 600 weigh the same
    assert!(point::symmetrised(112.5).abs() < 0.001);
    assert!((point::low_risk(20.0) - 100.0).abs() < 1.0 && (point::high_risk(600.0) - 100.0).abs() < 1.0);
    assert_eq!((point::low_risk(120.0), point::high_risk(100.0)), (0.0, 0.0));
    // the M-value of its reference is nothing, J of a steady 100 is 10
    let steady = every_five(&[90.0; 4]);
    assert_eq!((metric("m-value").unwrap().of)(&steady), Some(0.0));
    assert!(((metric("j-index").unwrap().of)(&every_five(&[100.0; 4])).unwrap() - 10.0).abs() < 1e-9);
    assert_eq!((metric("cogi").unwrap().of)(&every_five(&[100.0; 4])), Some(100.0));
}

#[test]
fn limits_belong_to_the_range() {
    let ranges = Ranges::of(&every_five(&[53.9, 54.0, 69.9, 70.0, 180.0, 180.1, 250.0, 250.1, 100.0, 100.0]));
    let expected = Ranges { very_low: 10.0, low: 20.0, in_range: 40.0, high: 20.0, very_high: 10.0 };
    assert_eq!(ranges, expected);
    assert_eq!((ranges.below(), ranges.above()), (30.0, 30.0));
}

#[test]
fn readings_that_no_sensor_gives_are_refused_by_place() {
    let of = |value| Trace::new(CgmInterval::Five, [(at(0), 100.0), (at(5), value)]);
    assert_eq!(of(5.6), Err(CgmError::Value { at: 1 }));
    assert_eq!(of(600.1), Err(CgmError::Value { at: 1 }));
    assert_eq!(of(f64::NAN), Err(CgmError::Value { at: 1 }));
    assert!(of(20.0).is_ok() && of(600.0).is_ok());
    assert_eq!(Trace::new(CgmInterval::Five, []), Err(CgmError::Empty));
}

#[test]
fn of_several_readings_at_one_moment_the_lowest_holds() {
    let twice = trace(CgmInterval::Five, [(0, 120.0), (0, 60.0), (5, 110.0)]);
    assert_eq!(twice.values().collect::<Vec<_>>(), [60.0, 110.0]);
}

#[test]
fn wear_is_enough_from_fourteen_days_and_seventy_percent() {
    const PER_DAY: i64 = 96;
    let worn = |days: i64, present: i64| {
        let trace = trace(CgmInterval::Fifteen, (0..present).map(|slot| (slot * 15, 100.0)));
        let wear = trace.wear(midnight(), at(days * 1440));
        (wear.expected, wear.percent, wear.sufficient)
    };
    assert_eq!(worn(14, 14 * PER_DAY), (1344, 100.0, true));
    // 70 % of 1,344 are 940.8
    assert!(worn(14, 941).2 && !worn(14, 940).2);
    assert!(!worn(13, 13 * PER_DAY).2);
    assert!(worn(20, 1344).2, "exactly 70 % of 1,920");
    let doubled = trace(CgmInterval::Fifteen, [(0, 100.0), (3, 100.0), (15, 100.0)]);
    assert_eq!(doubled.wear(midnight(), at(30)).present, 2, "two readings of one interval are one");
    assert_eq!(doubled.wear(at(30), midnight()).percent, 0.0);
}

fn found(kind: EpisodeKind, values: &[f64]) -> Vec<(i64, i64, f64, bool)> {
    let rule = EpisodeRule::CONSENSUS.into_iter().find(|rule| rule.kind == kind).unwrap();
    let minute = |one: &Episode| one.from.since(midnight()) / MINUTE;
    let of = |one: Episode| (minute(&one), one.minutes, one.extreme, one.cut_off);
    episodes(&every_five(values), &rule).into_iter().map(of).collect()
}

#[test]
fn fifteen_minutes_begin_an_episode_and_fifteen_end_it() {
    let (n, l) = (100.0, 65.0);
    assert_eq!(found(EpisodeKind::Low, &[n, l, l, n, n, n, n]), [], "ten minutes");
    assert_eq!(found(EpisodeKind::Low, &[n, l, l, l, n, n, n, n]), [(5, 15, l, false)]);
    assert_eq!(
        found(EpisodeKind::Low, &[n, l, l, l, n, n, l, l, n, n, n]),
        [(5, 35, l, false)],
        "ten minutes back do not end it"
    );
    assert_eq!(
        found(EpisodeKind::Low, &[n, l, l, l, n, n, n, l, 60.0, l, n, n, n]),
        [(5, 15, l, false), (35, 15, 60.0, false)]
    );
    assert_eq!(
        found(EpisodeKind::Low, &[n, l, l, l, n, n]),
        [(5, 15, l, true)],
        "the trace breaks off before it is over"
    );
    assert_eq!(found(EpisodeKind::Low, &[n, 70.0, 70.0, 70.0, 70.0, n, n, n]), [], "the limit is not beyond itself");
    assert_eq!(
        found(EpisodeKind::Low, &[l, l, n, l, l, l, n, n, n]),
        [(15, 15, l, false)],
        "what was too short before is not part of it"
    );
}

#[test]
fn each_sort_has_its_limit_and_the_extended_one_its_two_hours() {
    let with = |value: f64, count: usize| [vec![100.0], vec![value; count], vec![100.0; 4]].concat();
    assert_eq!(found(EpisodeKind::VeryLow, &with(54.0, 5)), []);
    assert_eq!(found(EpisodeKind::VeryLow, &with(53.9, 3)), [(5, 15, 53.9, false)]);
    assert_eq!(found(EpisodeKind::High, &with(180.1, 3)), [(5, 15, 180.1, false)]);
    assert_eq!(found(EpisodeKind::VeryHigh, &with(250.0, 9)), []);
    assert_eq!(found(EpisodeKind::ExtendedLow, &with(60.0, 24)), [], "120 minutes are not more than two hours");
    assert_eq!(found(EpisodeKind::ExtendedLow, &with(60.0, 25)), [(5, 125, 60.0, false)]);
}

#[test]
fn a_gap_breaks_an_episode_and_a_short_one_is_bridged() {
    let rule = EpisodeRule::CONSENSUS[0];
    let of = |minutes: &[i64]| episodes(&trace(CgmInterval::Five, minutes.iter().map(|minute| (*minute, 60.0))), &rule);
    let long = of(&[0, 5, 10, 60, 65, 70]);
    assert_eq!(long.iter().map(|one| (one.minutes, one.cut_off)).collect::<Vec<_>>(), [(15, true), (15, true)]);
    let short = of(&[0, 5, 10, 55, 60]);
    assert_eq!(short.iter().map(|one| one.minutes).collect::<Vec<_>>(), [65], "45 minutes are bridged");
}

#[test]
fn swings_of_at_most_one_deviation_are_no_excursions() {
    // deviation about 49; the ripple of 10 is not counted
    let found = Mage::of(&every_five(&[100.0, 110.0, 105.0, 200.0, 195.0, 205.0, 90.0, 95.0, 210.0])).unwrap();
    assert_eq!(found.swings, 3);
    assert!((found.first_direction - (105.0 + 120.0) / 2.0).abs() < 1e-9, "{found:?}");
    assert!((found.both - (105.0 + 115.0 + 120.0) / 3.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn goals_are_met_on_the_right_side_of_their_limits() {
    let met = |bound: GoalBound, value| bound.is_met(value);
    assert_eq!([met(GoalBound::MoreThan(70.0), 70.0), met(GoalBound::MoreThan(70.0), 70.1)], [false, true]);
    assert_eq!([met(GoalBound::LessThan(4.0), 4.0), met(GoalBound::LessThan(4.0), 3.9)], [false, true]);
    assert_eq!([met(GoalBound::AtMost(36.0), 36.0), met(GoalBound::AtMost(36.0), 36.1)], [true, false]);
    for set in CGM_GOALS {
        assert!(set.goals.iter().all(|goal| metric(goal.metric).is_some()), "{}", set.key);
    }
    // 71 of 100 in range, 3 low, 26 high
    let values: Vec<f64> = [vec![100.0; 71], vec![65.0; 3], vec![190.0; 26]].concat();
    let missed: Vec<_> = judge(&every_five(&values), &CGM_GOALS[0])
        .into_iter()
        .filter(|one| !one.met)
        .map(|one| one.goal.metric)
        .collect();
    assert_eq!(missed, ["tar-180"]);
}

#[test]
fn a_profile_pools_the_same_time_of_all_days() {
    let days: Vec<(i64, f64)> = (0..5).map(|day| (day * 1440 + 7 * 60 + 10, 100.0 + 10.0 * day as f64)).collect();
    let agp = Agp::of(&trace(CgmInterval::Five, days));
    assert_eq!(agp.bins.len(), 1);
    let bin = agp.bins[0];
    assert_eq!((bin.minute, bin.count, bin.values), (435, 5, [102.0, 110.0, 120.0, 130.0, 138.0]));
}

fn picture(language: Language) -> String {
    let trace = fixture();
    let wear = trace.wear(midnight(), at(3 * 1440));
    agp_svg(&trace, &wear, language)
}

#[test]
fn the_picture_is_well_formed_and_speaks_both_languages() {
    for (language, words) in
        [(Language::Japanese, ["中央値", "データ不足"]), (Language::English, ["median", "too little data"])]
    {
        let svg = picture(language);
        let mut reader = quick_xml::Reader::from_str(&svg);
        reader.config_mut().check_end_names = true;
        let mut polygons = 0;
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Empty(tag) if tag.name().as_ref() == b"polygon" => polygons += 1,
                _ => {}
            }
        }
        assert_eq!(polygons, 2, "one run of the day, two bands");
        assert!(words.iter().all(|word| svg.contains(word)), "{svg}");
        assert!(!svg.contains("NaN") && svg.contains("37.8 %"), "the numbers drawn are those computed");
    }
}

#[test]
fn the_picture_holds_no_date_and_warns_only_where_wear_is_too_little() {
    assert!(!picture(Language::English).contains("2026"));
    let worn = trace(CgmInterval::Fifteen, (0..1344).map(|slot| (slot * 15, 100.0 + (slot % 50) as f64)));
    let svg = agp_svg(&worn, &worn.wear(midnight(), at(14 * 1440)), Language::English);
    assert!(!svg.contains("too little data") && svg.contains("14.0 days, 100 %"), "{svg}");
}

fn any_trace() -> impl Strategy<Value = Vec<(i64, f64)>> {
    proptest::collection::vec((0_i64..900, 40_i64..400), 2..120)
        .prop_map(|rows| rows.into_iter().map(|(slot, value)| (slot * 5, value as f64)).collect())
}

proptest! {
    /// The order in which readings arrive changes no measure, no episode and no picture.
    #[test]
    fn the_order_of_readings_changes_nothing(rows in any_trace(), turn in 0_usize..120) {
        let mut turned = rows.clone();
        turned.reverse();
        let by = turn % turned.len();
        turned.rotate_left(by);
        prop_assert_eq!(trace(CgmInterval::Five, turned), trace(CgmInterval::Five, rows));
    }

    /// Every reading is in exactly one range.
    #[test]
    fn ranges_share_out_all_readings(rows in any_trace()) {
        let ranges = Ranges::of(&trace(CgmInterval::Five, rows));
        let sum = ranges.very_low + ranges.low + ranges.in_range + ranges.high + ranges.very_high;
        prop_assert!((sum - 100.0).abs() < 1e-9);
    }

    /// Where everything is lower, time below range and the risk of low are not less, the mean and GMI not more.
    #[test]
    fn lower_is_never_safer_from_low(rows in any_trace(), less in 1_i64..20) {
        let lower: Vec<_> = rows.iter().map(|(minute, value)| (*minute, value - less as f64)).collect();
        let (before, after) = (trace(CgmInterval::Five, rows), trace(CgmInterval::Five, lower));
        let of = |trace: &Trace, key: &str| (metric(key).unwrap().of)(trace).unwrap();
        for key in ["tbr-70", "tbr-54", "lbgi", "hypo-index"] {
            prop_assert!(of(&after, key) >= of(&before, key), "{}", key);
        }
        for key in ["tar-180", "hbgi", "hyper-index", "mean"] {
            prop_assert!(of(&after, key) <= of(&before, key), "{}", key);
        }
    }

    /// Shares are percentages, indexes of risk are not below zero, and no measure is NaN.
    #[test]
    fn measures_stay_in_their_domain(rows in any_trace()) {
        let trace = trace(CgmInterval::Five, rows);
        for row in CGM_METRICS {
            if let Some(value) = (row.of)(&trace) {
                prop_assert!(value.is_finite(), "{}", row.key);
                prop_assert!(value >= -1e-9, "{}", row.key);
                prop_assert!(row.unit != "%" || !row.key.starts_with('t') || value <= 100.0, "{}", row.key);
            }
        }
    }

    /// Episodes of one sort do not overlap, begin with enough, and every very low one lies in a low one.
    #[test]
    fn episodes_are_apart_and_very_low_ones_lie_in_low_ones(values in proptest::collection::vec(40_i64..100, 10..200)) {
        let values: Vec<f64> = values.into_iter().map(|value| value as f64).collect();
        let trace = every_five(&values);
        let of = |rule: &EpisodeRule| episodes(&trace, rule);
        let [low, very_low, ..] = EpisodeRule::CONSENSUS;
        let end = |one: &Episode| one.from.plus_micros(one.minutes * MINUTE);
        for rule in EpisodeRule::CONSENSUS {
            let found = of(&rule);
            prop_assert!(found.iter().all(|one| one.minutes >= 15));
            prop_assert!(found.windows(2).all(|two| two[1].from.since(end(&two[0])) >= 15 * MINUTE));
        }
        let lows = of(&low);
        for one in of(&very_low) {
            prop_assert!(lows.iter().any(|low| low.from <= one.from && end(&one) <= end(low)));
        }
    }
}
