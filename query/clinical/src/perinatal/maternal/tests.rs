use super::*;
use crate::perinatal::pregnancy::GestationalAge;
use model::Moment;
use proptest::prelude::*;

fn limits() -> MaternalLimits {
    MaternalLimits::shipped()
}

fn at(minutes: f64) -> Moment {
    Moment::from_micros(1_800_000_000_000_000 + (minutes * 60e6) as i64).unwrap()
}

fn keys(reached: &[Reached]) -> Vec<&'static str> {
    reached.iter().map(|one| one.limit.row().key).collect()
}

// === haemorrhage ===

const UNKNOWN: Bleeding = Bleeding {
    delivery: Delivery::Vaginal,
    heart_rate: None,
    systolic: None,
    loss: None,
    dic_score: None,
    fibrinogen: None,
    goes_on_with_abnormal_signs: false,
};

fn level(bleeding: Bleeding) -> Option<HaemorrhageLevel> {
    haemorrhage(&bleeding, &limits()).unwrap().level
}

#[test]
fn the_levels_begin_exactly_at_their_thresholds() {
    assert_eq!(haemorrhage_level(shock_index(99.0, 100.0).unwrap()), HaemorrhageLevel::BelowThreshold);
    assert_eq!(haemorrhage_level(shock_index(100.0, 100.0).unwrap()), HaemorrhageLevel::Abnormal);
    assert_eq!(haemorrhage_level(shock_index(119.9, 80.0).unwrap()), HaemorrhageLevel::Abnormal);
    assert_eq!(haemorrhage_level(shock_index(120.0, 80.0).unwrap()), HaemorrhageLevel::Critical);
}

#[test]
fn a_pressure_of_zero_is_refused() {
    assert_eq!(shock_index(100.0, 0.0).unwrap_err().argument, "systolic");
    let error = haemorrhage(&Bleeding { loss: Some(-1.0), ..UNKNOWN }, &limits()).unwrap_err();
    assert_eq!(error.to_string(), "`loss` is outside 0 to 20,000 mL");
}

#[test]
fn each_criterion_of_the_protocol_reaches_its_level_by_itself() {
    use HaemorrhageLevel::{Abnormal, Critical};
    let loss = |delivery, loss| level(Bleeding { delivery, loss: Some(loss), ..UNKNOWN });
    assert_eq!((loss(Delivery::Vaginal, 999.0), loss(Delivery::Vaginal, 1_000.0)), (None, Some(Abnormal)));
    assert_eq!((loss(Delivery::Caesarean, 1_999.0), loss(Delivery::Caesarean, 2_000.0)), (None, Some(Abnormal)));
    let fibrinogen = |value| level(Bleeding { fibrinogen: Some(value), ..UNKNOWN });
    assert_eq!((fibrinogen(150.0), fibrinogen(149.9)), (None, Some(Critical)));
    let dic = |value| level(Bleeding { dic_score: Some(value), ..UNKNOWN });
    assert_eq!((dic(7.0), dic(8.0)), (None, Some(Critical)));
    assert_eq!(level(Bleeding { goes_on_with_abnormal_signs: true, ..UNKNOWN }), Some(Critical));
}

#[test]
fn below_the_limits_is_said_only_where_shock_index_and_loss_are_known() {
    let known = Bleeding { heart_rate: Some(80.0), systolic: Some(120.0), loss: Some(300.0), ..UNKNOWN };
    assert_eq!(level(known), Some(HaemorrhageLevel::BelowThreshold));
    assert_eq!(level(Bleeding { loss: None, ..known }), None);
    assert_eq!(level(Bleeding { systolic: None, ..known }), None);
    assert_eq!(level(UNKNOWN), None);
}

#[test]
fn all_reasons_are_told_and_name_their_limit() {
    let found = haemorrhage(
        &Bleeding { heart_rate: Some(130.0), systolic: Some(80.0), loss: Some(1_200.0), ..UNKNOWN },
        &limits(),
    )
    .unwrap();
    assert_eq!((found.level, found.shock_index), (Some(HaemorrhageLevel::Critical), Some(1.625)));
    let told: Vec<&str> = found
        .reasons
        .iter()
        .map(|(_, reason)| match reason {
            HaemorrhageReason::Limit(reached) => reached.limit.row().key,
            HaemorrhageReason::GoesOn => "goes-on",
        })
        .collect();
    assert_eq!(told, ["shock-critical", "shock-abnormal", "loss-vaginal"]);
}

#[test]
fn blood_loss_adds_up_until_a_moment_and_says_what_was_found_by_eye() {
    let loss = |minutes, millilitres, amount| Loss { at: at(minutes), millilitres, amount };
    let losses = [
        loss(0.0, 500.0, Amount::Weighed),
        loss(10.0, 300.0, Amount::ByEye),
        loss(20.0, 1.0, Amount::Weighed),
        loss(60.0, 900.0, Amount::Weighed),
    ];
    let until = |minutes, kind| blood_loss(&losses, at(minutes), kind, &limits()).unwrap();
    let ten = until(10.0, (Delivery::Vaginal, 1));
    assert_eq!((ten.total, ten.by_eye, ten.above_usual), (800.0, 300.0, None));
    assert_eq!(until(20.0, (Delivery::Vaginal, 1)).above_usual.unwrap().limit, MaternalLimit::UsualVaginal);
    assert_eq!(until(20.0, (Delivery::Caesarean, 1)).above_usual, None);
    assert_eq!(until(60.0, (Delivery::Caesarean, 1)).above_usual.unwrap().limit, MaternalLimit::UsualCaesarean);
    assert_eq!(until(60.0, (Delivery::Vaginal, 2)).above_usual.unwrap().limit, MaternalLimit::UsualVaginalMultiple);
    assert_eq!(until(60.0, (Delivery::Caesarean, 2)).above_usual, None);
    assert!(blood_loss(&[loss(0.0, -1.0, Amount::ByEye)], at(1.0), (Delivery::Vaginal, 1), &limits()).is_err());
}

// === pressure ===

fn pressure(systolic: f64, diastolic: f64) -> Pressure {
    Pressure::new(systolic, diastolic).unwrap()
}

#[test]
fn either_pressure_is_enough_for_its_class() {
    use PressureClass::{Emergency, Hypertensive, NotHypertensive, Severe};
    for (systolic, diastolic, class) in [
        (139.0, 89.0, NotHypertensive),
        (140.0, 60.0, Hypertensive),
        (120.0, 90.0, Hypertensive),
        (159.0, 109.0, Hypertensive),
        (160.0, 80.0, Severe),
        (130.0, 110.0, Severe),
        (179.0, 119.0, Severe),
        (180.0, 90.0, Emergency),
        (150.0, 120.0, Emergency),
    ] {
        assert_eq!(pressure_class(pressure(systolic, diastolic), &limits()), class, "{systolic}/{diastolic}");
    }
}

#[test]
fn a_pressure_no_patient_has_is_refused() {
    for (systolic, diastolic) in [(120.0, 120.0), (80.0, 120.0), (301.0, 90.0), (120.0, 9.0), (f64::NAN, 80.0)] {
        assert!(Pressure::new(systolic, diastolic).is_err(), "{systolic}/{diastolic}");
    }
}

#[test]
fn severe_for_fifteen_minutes_is_a_crisis_and_an_emergency_is_one_at_once() {
    let severe = |minutes| (at(minutes), pressure(165.0, 100.0));
    let found = |all: &[(Moment, Pressure)], until| crisis(all, at(until), &limits());
    assert_eq!(found(&[], 0.0), None);
    assert_eq!(found(&[severe(0.0)], 60.0), None, "once is not persisting");
    assert_eq!(found(&[severe(0.0), severe(14.9)], 60.0), None);
    assert_eq!(found(&[severe(15.0), severe(0.0)], 60.0), Some(Crisis::Persisting { since: at(0.0) }));
    assert_eq!(found(&[severe(0.0), (at(10.0), pressure(150.0, 90.0)), severe(15.0)], 60.0), None, "it fell between");
    assert_eq!(found(&[severe(0.0), severe(15.0)], 14.0), None, "not yet taken");
    let emergency = (at(5.0), pressure(185.0, 100.0));
    assert_eq!(found(&[severe(0.0), emergency], 5.0), Some(Crisis::Emergency { at: at(5.0) }));
    assert_eq!(found(&[emergency, (at(30.0), pressure(150.0, 90.0))], 30.0), None, "it is over");
}

fn age(weeks: u16, days: u16) -> GestationalAge {
    GestationalAge::new(weeks, days).unwrap()
}

fn facts() -> HypertensionFacts {
    HypertensionFacts {
        pressure: pressure(145.0, 92.0),
        onset: age(35, 0),
        now: age(36, 0),
        known_before: false,
        protein_day: Some(200.0),
        protein_ratio: None,
        ast: Some(20.0),
        alt: Some(20.0),
        creatinine: Some(0.6),
        platelets: Some(200.0),
        neurological: Some(false),
        coagulation: Some(false),
        pain: Some(false),
        uteroplacental: Some(false),
    }
}

fn class(facts: HypertensionFacts) -> HdpClass {
    hdp(&facts, &limits()).unwrap().class
}

#[test]
fn hypertension_is_named_by_when_it_began_and_what_goes_with_it() {
    use HdpClass::{ChronicHypertension, GestationalHypertension, Preeclampsia, SuperimposedPreeclampsia};
    assert_eq!(hdp(&HypertensionFacts { pressure: pressure(139.0, 89.0), ..facts() }, &limits()), None);
    assert_eq!(class(facts()), GestationalHypertension);
    assert_eq!(class(HypertensionFacts { protein_day: Some(300.0), ..facts() }), Preeclampsia);
    assert_eq!(class(HypertensionFacts { onset: age(19, 6), ..facts() }), ChronicHypertension);
    assert_eq!(class(HypertensionFacts { onset: age(20, 0), ..facts() }), GestationalHypertension);
    assert_eq!(class(HypertensionFacts { known_before: true, ..facts() }), ChronicHypertension);
    let both = HypertensionFacts { known_before: true, protein_ratio: Some(0.3), ..facts() };
    assert_eq!(class(both), SuperimposedPreeclampsia);
    assert_eq!(class(HypertensionFacts { now: age(19, 6), onset: age(10, 0), ..both }), ChronicHypertension);
    let codes =
        [GestationalHypertension, Preeclampsia, ChronicHypertension, SuperimposedPreeclampsia].map(HdpClass::code);
    assert_eq!(codes, ["GH", "PE", "CH", "SPE"]);
}

#[test]
fn every_feature_makes_preeclampsia_at_its_limit() {
    let base = facts();
    for (with, without) in [
        (
            HypertensionFacts { protein_day: Some(300.0), ..base },
            HypertensionFacts { protein_day: Some(299.0), ..base },
        ),
        (
            HypertensionFacts { protein_ratio: Some(0.3), ..base },
            HypertensionFacts { protein_ratio: Some(0.29), ..base },
        ),
        (HypertensionFacts { ast: Some(40.1), ..base }, HypertensionFacts { ast: Some(40.0), ..base }),
        (HypertensionFacts { alt: Some(40.1), ..base }, HypertensionFacts { alt: Some(40.0), ..base }),
        (HypertensionFacts { creatinine: Some(1.01), ..base }, HypertensionFacts { creatinine: Some(1.0), ..base }),
        (HypertensionFacts { platelets: Some(149.0), ..base }, HypertensionFacts { platelets: Some(150.0), ..base }),
        (HypertensionFacts { neurological: Some(true), ..base }, base),
        (HypertensionFacts { coagulation: Some(true), ..base }, base),
        (HypertensionFacts { pain: Some(true), ..base }, base),
        (HypertensionFacts { uteroplacental: Some(true), ..base }, base),
    ] {
        assert_eq!(class(with), HdpClass::Preeclampsia, "{with:?}");
        assert_eq!(class(without), HdpClass::GestationalHypertension, "{without:?}");
    }
}

#[test]
fn severity_and_onset_are_those_of_their_limits() {
    let of = |facts: HypertensionFacts| hdp(&facts, &limits()).map(|hdp| (hdp.severe, hdp.early_onset)).unwrap();
    assert_eq!(of(facts()), (false, false));
    assert_eq!(of(HypertensionFacts { pressure: pressure(160.0, 90.0), ..facts() }), (true, false));
    assert_eq!(of(HypertensionFacts { platelets: Some(90.0), ..facts() }), (true, false));
    assert_eq!(
        of(HypertensionFacts { protein_day: Some(9_000.0), ..facts() }),
        (false, false),
        "protein is no severity"
    );
    assert_eq!(of(HypertensionFacts { onset: age(33, 6), ..facts() }), (false, true));
    assert_eq!(of(HypertensionFacts { onset: age(34, 0), ..facts() }), (false, false));
}

#[test]
fn what_was_not_looked_at_is_said() {
    let blind = HypertensionFacts { protein_day: None, ast: None, platelets: None, pain: None, ..facts() };
    assert_eq!(hdp(&blind, &limits()).unwrap().not_looked_at, ["protein", "transaminases", "platelets", "pain"]);
    assert!(hdp(&facts(), &limits()).unwrap().not_looked_at.is_empty());
}

// === early warning ===

const WELL: [(Sign, f64); 6] = [
    (Sign::Systolic, 120.0),
    (Sign::Diastolic, 70.0),
    (Sign::HeartRate, 80.0),
    (Sign::Breathing, 16.0),
    (Sign::Temperature, 36.8),
    (Sign::Saturation, 98.0),
];

#[test]
fn each_sign_changes_its_colour_at_its_limits() {
    use Colour::{Red, White, Yellow};
    let cases: [(Sign, &[(f64, Colour)]); 6] = [
        (
            Sign::Systolic,
            &[
                (89.9, Red),
                (90.0, Yellow),
                (100.0, Yellow),
                (100.1, White),
                (149.9, White),
                (150.0, Yellow),
                (160.0, Yellow),
                (160.1, Red),
            ],
        ),
        (Sign::Diastolic, &[(30.0, White), (89.9, White), (90.0, Yellow), (100.0, Yellow), (100.1, Red)]),
        (
            Sign::HeartRate,
            &[
                (39.9, Red),
                (40.0, Yellow),
                (50.0, Yellow),
                (50.1, White),
                (99.9, White),
                (100.0, Yellow),
                (120.0, Yellow),
                (120.1, Red),
            ],
        ),
        (Sign::Breathing, &[(9.9, Red), (10.0, White), (20.9, White), (21.0, Yellow), (30.0, Yellow), (30.1, Red)]),
        (Sign::Temperature, &[(34.9, Red), (35.0, Yellow), (36.0, Yellow), (36.1, White), (38.0, White), (38.1, Red)]),
        (Sign::Saturation, &[(94.9, Red), (95.0, White), (100.0, White)]),
    ];
    for (sign, values) in cases {
        let row = MEOWS_ROWS.iter().find(|row| row.sign == sign).unwrap();
        for (value, colour) in values {
            assert_eq!(row.colour(*value), Ok(*colour), "{sign:?} {value}");
        }
        assert!(row.colour(-1.0).is_err() && row.colour(f64::NAN).is_err() && row.colour(1_000.0).is_err());
    }
}

#[test]
fn one_red_or_two_yellow_call() {
    let calls = |changed: &[(Sign, f64)], awake| {
        let mut signs = WELL.to_vec();
        for (sign, value) in changed {
            signs.iter_mut().find(|(one, _)| one == sign).unwrap().1 = *value;
        }
        meows(&signs, Some(awake), &MeowsTable::shipped()).unwrap().calls
    };
    use Consciousness::{Alert, Pain, Unresponsive, Voice};
    assert_eq!(calls(&[], Alert), Some(false));
    assert_eq!(calls(&[(Sign::HeartRate, 110.0)], Alert), Some(false));
    assert_eq!(calls(&[(Sign::HeartRate, 110.0), (Sign::Breathing, 22.0)], Alert), Some(true));
    assert_eq!(calls(&[(Sign::HeartRate, 130.0)], Alert), Some(true));
    for awake in [Voice, Pain, Unresponsive] {
        assert_eq!(calls(&[], awake), Some(true));
    }
}

#[test]
fn a_missing_sign_is_not_a_normal_one() {
    let without = &WELL[1..];
    let found = meows(without, Some(Consciousness::Alert), &MeowsTable::shipped()).unwrap();
    assert_eq!((found.calls, found.missing), (None, vec![Sign::Systolic]));
    assert_eq!(meows(&WELL, None, &MeowsTable::shipped()).unwrap().calls, None);
    assert_eq!(meows(&[(Sign::Saturation, 90.0)], None, &MeowsTable::shipped()).unwrap().calls, Some(true));
    let twice = [WELL.as_slice(), &[(Sign::HeartRate, 130.0)]].concat();
    assert_eq!(
        meows(&twice, Some(Consciousness::Alert), &MeowsTable::shipped()).unwrap().calls,
        Some(true),
        "the worst counts"
    );
}

#[test]
fn a_facilitys_colours_have_a_version_and_an_order() {
    let narrow = [Some(95.0), Some(105.0), Some(140.0), Some(155.0)];
    let own = MeowsTable::shipped().with("ward-1", [(Sign::Systolic, narrow)]).unwrap();
    assert_eq!((own.version(), MeowsTable::shipped().version()), ("ward-1", MEOWS_VERSION));
    let coloured = |table: &MeowsTable| meows(&[(Sign::Systolic, 94.0)], None, table).unwrap().coloured;
    assert_eq!(coloured(&own), [(Sign::Systolic, Colour::Red)]);
    assert_eq!(coloured(&MeowsTable::shipped()), [(Sign::Systolic, Colour::Yellow)]);
    for wrong in
        [[Some(105.0), Some(95.0), None, None], [Some(20.0), None, None, None], [None, None, None, Some(f64::NAN)]]
    {
        let error = MeowsTable::shipped().with("x", [(Sign::Systolic, wrong)]).unwrap_err();
        assert_eq!((error.sign, error.words), (Sign::Systolic, "30 to 300 mmHg"));
    }
}

#[test]
fn the_early_warning_criteria_hold_at_their_limits() {
    let of = |signs: EarlySigns| keys(&early_warning(&signs, &limits()));
    let none = EarlySigns::default();
    let within = EarlySigns {
        systolic: Some(90.0),
        diastolic: Some(100.0),
        pulse: Some(50.0),
        breathing: Some(10.0),
        saturation: Some(95.0),
        urine: Some((35.0, 2.0)),
    };
    assert_eq!(of(within), Vec::<&str>::new());
    let upper = EarlySigns { systolic: Some(160.0), pulse: Some(120.0), breathing: Some(30.0), ..within };
    assert_eq!(of(upper), Vec::<&str>::new());
    for (signs, key) in [
        (EarlySigns { systolic: Some(89.0), ..none }, "merc-systolic-low"),
        (EarlySigns { systolic: Some(161.0), ..none }, "merc-systolic-high"),
        (EarlySigns { diastolic: Some(101.0), ..none }, "merc-diastolic-high"),
        (EarlySigns { pulse: Some(49.0), ..none }, "merc-pulse-low"),
        (EarlySigns { pulse: Some(121.0), ..none }, "merc-pulse-high"),
        (EarlySigns { breathing: Some(9.0), ..none }, "merc-breathing-low"),
        (EarlySigns { breathing: Some(31.0), ..none }, "merc-breathing-high"),
        (EarlySigns { saturation: Some(94.0), ..none }, "merc-saturation"),
        (EarlySigns { urine: Some((34.0, 2.0)), ..none }, "merc-urine"),
    ] {
        assert_eq!(of(signs), [key]);
    }
    assert_eq!(of(EarlySigns { urine: Some((34.0, 1.9)), ..none }), Vec::<&str>::new());
}

// === labour ===

fn examined(hours: f64, dilatation: f64) -> Examination {
    Examination { at: at(hours * 60.0), dilatation }
}

#[test]
fn each_centimetre_has_its_hours() {
    for (centimetres, hours) in [(5.0, 6.0), (6.0, 5.0), (7.0, 3.0), (8.0, 2.5), (9.0, 2.0)] {
        let after = |hours: f64| progress(&[examined(0.0, centimetres)], at(hours * 60.0), &limits()).unwrap().unwrap();
        assert_eq!(after(hours - 0.01).alert, None, "{centimetres} cm");
        assert_eq!(after(hours).alert.unwrap().value, hours, "{centimetres} cm");
    }
    for centimetres in [0.0, 4.9, 10.0] {
        assert_eq!(progress(&[examined(0.0, centimetres)], at(6_000.0), &limits()).unwrap().unwrap().alert, None);
    }
}

#[test]
fn a_centimetre_gained_begins_its_own_time_and_one_lost_does_not() {
    let all = [examined(0.0, 5.0), examined(4.0, 6.5), examined(6.0, 6.0), examined(7.0, 5.0)];
    let found = progress(&all, at(8.0 * 60.0), &limits()).unwrap().unwrap();
    assert_eq!((found.centimetres, found.since, found.hours, found.alert), (6, at(240.0), 4.0, None));
    assert_eq!(progress(&all, at(-1.0), &limits()), Ok(None));
    assert!(progress(&[examined(0.0, 10.1)], at(1.0), &limits()).is_err());
}

#[test]
fn the_guides_alerts_hold_at_their_limits() {
    let none = LabourSigns::default();
    let of = |signs: LabourSigns| keys(&labour_alerts(&signs, &limits()));
    assert_eq!(of(none), Vec::<&str>::new());
    for (without, with, key) in [
        (
            LabourSigns { fetal_rate: Some(110.0), ..none },
            LabourSigns { fetal_rate: Some(109.0), ..none },
            "lcg-fetal-low",
        ),
        (
            LabourSigns { fetal_rate: Some(159.0), ..none },
            LabourSigns { fetal_rate: Some(160.0), ..none },
            "lcg-fetal-high",
        ),
        (
            LabourSigns { systolic: Some(80.0), ..none },
            LabourSigns { systolic: Some(79.0), ..none },
            "lcg-systolic-low",
        ),
        (
            LabourSigns { systolic: Some(139.0), ..none },
            LabourSigns { systolic: Some(140.0), ..none },
            "lcg-systolic-high",
        ),
        (LabourSigns { pulse: Some(60.0), ..none }, LabourSigns { pulse: Some(59.0), ..none }, "lcg-pulse-low"),
        (LabourSigns { pulse: Some(119.0), ..none }, LabourSigns { pulse: Some(120.0), ..none }, "lcg-pulse-high"),
        (
            LabourSigns { temperature: Some(37.4), ..none },
            LabourSigns { temperature: Some(37.5), ..none },
            "lcg-temperature",
        ),
        (
            LabourSigns { contractions: Some(3.0), ..none },
            LabourSigns { contractions: Some(2.0), ..none },
            "lcg-contractions-few",
        ),
        (
            LabourSigns { contractions: Some(5.0), ..none },
            LabourSigns { contractions: Some(6.0), ..none },
            "lcg-contractions-many",
        ),
    ] {
        assert_eq!((of(without), of(with)), (vec![], vec![key]));
    }
}

#[test]
fn the_bishop_score_steps_where_its_table_does() {
    let base = Cervix {
        dilatation: 0.0,
        effacement: 0.0,
        station: -3.0,
        consistency: Consistency::Hard,
        position: CervixPosition::Posterior,
    };
    let points = |cervix: Cervix| bishop(&cervix, &limits()).unwrap().points;
    for (dilatation, expected) in [(0.0, 0), (0.9, 0), (1.0, 1), (2.9, 1), (3.0, 2), (4.9, 2), (5.0, 3), (10.0, 3)] {
        assert_eq!(points(Cervix { dilatation, ..base })[0], expected, "{dilatation} cm");
    }
    for (effacement, expected) in
        [(0.0, 0), (39.0, 0), (40.0, 1), (59.0, 1), (60.0, 2), (79.0, 2), (80.0, 3), (100.0, 3)]
    {
        assert_eq!(points(Cervix { effacement, ..base })[1], expected, "{effacement} %");
    }
    for (station, expected) in [(-5.0, 0), (-3.0, 0), (-2.0, 1), (-1.0, 2), (0.0, 2), (0.9, 2), (1.0, 3), (5.0, 3)] {
        assert_eq!(points(Cervix { station, ..base })[2], expected, "{station}");
    }
    let ripe = Cervix {
        dilatation: 3.0,
        effacement: 80.0,
        station: 0.0,
        consistency: Consistency::Medium,
        position: CervixPosition::Middle,
    };
    assert_eq!(bishop(&ripe, &limits()), Ok(Bishop { points: [2, 3, 2, 1, 1], score: 9, ripe: true }));
    let eight = bishop(&Cervix { consistency: Consistency::Hard, ..ripe }, &limits()).unwrap();
    assert_eq!((eight.score, eight.ripe), (8, false));
    let most = Cervix {
        dilatation: 9.0,
        effacement: 100.0,
        station: 3.0,
        consistency: Consistency::Soft,
        position: CervixPosition::Anterior,
    };
    assert_eq!(bishop(&most, &limits()).unwrap().score, 13);
    assert!(bishop(&Cervix { effacement: 101.0, ..base }, &limits()).is_err());
}

// === glucose ===

#[test]
fn glucose_is_classed_at_its_limits() {
    use GlucoseClass::{CannotBeSaid, Gestational, Neither, Overt, Pregestational};
    let whole =
        GlucoseFacts { fasting: Some(91.0), one_hour: Some(179.0), two_hours: Some(152.0), ..GlucoseFacts::default() };
    let of = |facts: GlucoseFacts| glucose(&facts, &limits()).map(|found| (found.class, found.look_for_overt)).unwrap();
    assert_eq!(of(whole), (Neither, false));
    assert_eq!(of(GlucoseFacts { one_hour: None, ..whole }), (CannotBeSaid, false));
    assert_eq!(of(GlucoseFacts::default()), (CannotBeSaid, false));
    assert_eq!(of(GlucoseFacts { fasting: Some(92.0), ..whole }), (Gestational, false));
    assert_eq!(of(GlucoseFacts { one_hour: Some(180.0), ..whole }), (Gestational, false));
    assert_eq!(of(GlucoseFacts { two_hours: Some(153.0), ..whole }), (Gestational, false));
    assert_eq!(of(GlucoseFacts { two_hours: Some(199.0), ..whole }), (Gestational, false));
    assert_eq!(of(GlucoseFacts { two_hours: Some(200.0), ..whole }), (Gestational, true));
    assert_eq!(of(GlucoseFacts { casual: Some(200.0), ..GlucoseFacts::default() }), (CannotBeSaid, true));
    assert_eq!(of(GlucoseFacts { fasting: Some(125.0), ..whole }), (Gestational, false));
    assert_eq!(of(GlucoseFacts { fasting: Some(126.0), ..whole }), (Overt, false));
    assert_eq!(of(GlucoseFacts { hba1c: Some(6.4), ..whole }), (Neither, false));
    assert_eq!(of(GlucoseFacts { hba1c: Some(6.5), ..GlucoseFacts::default() }), (Overt, false));
    assert_eq!(of(GlucoseFacts { before: true, ..whole }), (Pregestational, false));
    let odd = GlucoseFacts { fasting: Some(5.1), ..whole };
    assert_eq!(glucose(&odd, &limits()).unwrap_err().argument, "fasting", "mmol/L");
}

proptest! {
    #[test]
    fn one_fact_more_never_lowers_a_bleeding(
        rate in proptest::option::of(40.0_f64..200.0), systolic in proptest::option::of(50.0_f64..200.0),
        loss in proptest::option::of(0.0_f64..4_000.0), fibrinogen in proptest::option::of(50.0_f64..500.0),
        dic in proptest::option::of(0.0_f64..15.0), more in 0.0_f64..4_000.0,
    ) {
        let bleeding = Bleeding { heart_rate: rate, systolic, loss, fibrinogen, dic_score: dic, ..UNKNOWN };
        let before = level(bleeding);
        let bled = level(Bleeding { loss: Some(loss.unwrap_or_default() + more), ..bleeding });
        let goes_on = level(Bleeding { goes_on_with_abnormal_signs: true, ..bleeding });
        prop_assert!(bled >= before && goes_on >= before);
    }

    #[test]
    fn a_worse_sign_never_silences_a_score(which in 0_usize..6, by in 0.0_f64..60.0, up in any::<bool>()) {
        let calls = |value: f64| {
            let mut signs = WELL;
            signs[which].1 = value;
            meows(&signs, Some(Consciousness::Alert), &MeowsTable::shipped()).map(|found| found.coloured.iter().map(|(_, colour)| *colour).max())
        };
        let (start, sign) = (WELL[which].1, if up { 1.0 } else { -1.0 });
        if let (Ok(near), Ok(far)) = (calls(start + sign * by / 2.0), calls(start + sign * by)) {
            prop_assert!(far >= near);
        }
    }
}

// === the second stage ===

#[test]
fn the_second_stage_is_long_from_its_limit_on() {
    let full_at = Moment::parse("2026-10-01T00:00:00Z").unwrap();
    for (births, epidural, minutes, key) in [
        (Some(0), false, 180, "second-stage-first"),
        (Some(1), false, 120, "second-stage-later"),
        (Some(4), false, 120, "second-stage-later"),
        (Some(0), true, 240, "second-stage-first-epidural"),
        (Some(1), true, 180, "second-stage-later-epidural"),
    ] {
        let stage = SecondStage { full_at, births, epidural };
        let at = |minutes: i64| second_stage(&stage, full_at.plus_micros(minutes * 60_000_000), &limits());
        assert_eq!((at(0).reached, at(minutes - 1).reached, at(minutes - 1).alert), (Some(false), Some(false), None));
        let told = at(minutes);
        assert_eq!((told.reached, told.alert.map(|one| one.limit.row().key)), (Some(true), Some(key)));
        assert_eq!(told.hours, minutes as f64 / 60.0);
    }
}

#[test]
fn where_the_births_before_are_not_known_what_holds_of_both_holds() {
    let full_at = Moment::parse("2026-10-01T00:00:00Z").unwrap();
    let stage = SecondStage { full_at, births: None, epidural: false };
    let at = |minutes: i64| second_stage(&stage, full_at.plus_micros(minutes * 60_000_000), &limits()).reached;
    assert_eq!([at(-5), at(119), at(120), at(179), at(180)], [Some(false), Some(false), None, None, Some(true)]);
}
