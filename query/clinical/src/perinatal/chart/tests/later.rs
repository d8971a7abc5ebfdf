//! Rules that came later: the criteria for DIC, the second stage; and what begins no pregnancy.

use super::*;

#[test]
fn the_criteria_for_dic_are_asked_of_who_bleeds_after_the_birth_and_say_what_is_missing() {
    let mut of = dated();
    let lab = |of: &mut Chart, when: &str, measure: LabMeasure, value: f64| {
        let note = Noted {
            fact: Fact::Lab(measure, value),
            age: None,
            at: at(when),
            source: facility("clinic"),
            entry: false,
            monitor: false,
        };
        of.notes.push(note);
    };
    lab(&mut of, "2026-10-01T01:00:00Z", LabMeasure::Fibrinogen, 140.0);
    assert_eq!(ruling(&of, Rule::ObstetricDic, "2026-10-01T03:00:00Z"), None, "she does not bleed");
    add(
        &mut of,
        &[
            ("2026-10-01T02:00:00Z", "delivery", None, word("vaginal")),
            ("2026-10-01T02:10:00Z", "blood-loss", None, number(900.0, "mL")),
        ],
    );
    let told = |of: &Chart| ruling(of, Rule::ObstetricDic, "2026-10-01T03:00:00Z").unwrap();
    let one = told(&of);
    assert_eq!((one.said, one.class), (RulingSaid::CannotBeSaid, None));
    assert_eq!(lacks(&one), ["dic-disease", "fdp-or-d-dimer"]);
    lab(&mut of, "2026-10-01T02:20:00Z", LabMeasure::DDimer, 18.0);
    assert_eq!(lacks(&told(&of)), ["dic-disease"]);
    add(&mut of, &[("2026-10-01T02:30:00Z", "dic-disease", None, word("非凝固性出血"))]);
    let one = told(&of);
    assert_eq!((one.said, one.class), (RulingSaid::Reached, Some("dic")));
    assert_eq!(keys(&one), ["obstetric-dic", "dic-fibrinogen-3", "dic-d-dimer-1"]);
    assert_eq!((one.reached[0].value, one.reached[0].since), (Some(8.0), at("2026-10-01T02:30:00Z")));
    assert_eq!(one.reached[1].at, at("2026-10-01T01:00:00Z"));
    assert!(one.reached.iter().all(|one| one.source.is_some_and(|source| source.text.contains("unverified"))));
    // a day later the blood is not what it was
    let late = ruling(&of, Rule::ObstetricDic, "2026-10-03T03:00:00Z").unwrap();
    assert_eq!(late.at, Some(at("2026-10-01T02:30:00Z")), "what it rests on says its age");
    // nothing it may come of: whatever the blood says it is not one by these criteria
    let mut none = of.clone();
    none.notes.retain(|note| !matches!(note.fact, Fact::DicDisease(_)));
    add(&mut none, &[("2026-10-01T02:40:00Z", "dic-disease", None, word("none"))]);
    assert_eq!(told(&none).class, Some("below"));
}

#[test]
fn a_diagnosis_of_abruption_is_what_a_dic_may_come_of() {
    let mut of = dated();
    let condition = model::Condition {
        code: coding(CodeSystem::Icd10, "O45.9"),
        clinical_status: String::new(),
        suspected: false,
        onset: None,
        abated: None,
    };
    of.learn(&Payload::Condition(condition), at("2026-10-01T02:00:00Z"), &facility("clinic")).unwrap();
    let one = ruling(&of, Rule::ObstetricDic, "2026-10-01T03:00:00Z").unwrap();
    assert_eq!((one.said, lacks(&one)), (RulingSaid::CannotBeSaid, vec!["fdp-or-d-dimer", "fibrinogen"]));
    assert_eq!(ruling(&of, Rule::ObstetricDic, "2026-10-04T03:00:00Z"), None, "days ago, and she did not give birth");
}

#[test]
fn the_second_stage_is_counted_from_the_first_full_dilatation_until_the_birth() {
    let mut of = dated();
    add(
        &mut of,
        &[
            ("2026-10-01T00:00:00Z", "dilatation", None, number(8.0, "cm")),
            ("2026-10-01T02:00:00Z", "dilatation", None, number(10.0, "cm")),
            ("2026-10-01T03:00:00Z", "dilatation", None, number(10.0, "cm")),
        ],
    );
    assert_eq!(ruling(&of, Rule::SecondStage, "2026-10-01T01:00:00Z"), None, "not yet");
    let told = |of: &Chart, now: &str| ruling(of, Rule::SecondStage, now).unwrap();
    assert_eq!(
        (told(&of, "2026-10-01T03:59:00Z").said, told(&of, "2026-10-01T03:59:00Z").class),
        (RulingSaid::NotReached, Some("usual"))
    );
    let open = told(&of, "2026-10-01T04:30:00Z");
    assert_eq!((open.said, lacks(&open)), (RulingSaid::CannotBeSaid, vec!["para"]));
    assert_eq!(told(&of, "2026-10-01T05:00:00Z").said, RulingSaid::Reached, "long by either");
    add(&mut of, &[("2026-03-01", "para", None, number(1.0, ""))]);
    let long = told(&of, "2026-10-01T04:30:00Z");
    assert_eq!(
        (long.said, keys(&long), lacks(&long)),
        (RulingSaid::Reached, vec!["second-stage-later"], vec!["epidural"])
    );
    assert_eq!((long.reached[0].value, long.reached[0].since), (Some(2.5), at("2026-10-01T04:00:00Z")));
    add(&mut of, &[("2026-10-01T01:00:00Z", "epidural", None, word("yes"))]);
    assert_eq!(told(&of, "2026-10-01T04:30:00Z").said, RulingSaid::NotReached);
    assert_eq!(keys(&told(&of, "2026-10-01T05:00:00Z")), ["second-stage-later-epidural"]);
    add(&mut of, &[("2026-10-01T05:10:00Z", "delivery", None, word("vaginal"))]);
    assert_eq!(ruling(&of, Rule::SecondStage, "2026-10-01T06:00:00Z"), None);
}

#[test]
fn what_is_asked_of_every_woman_and_what_is_said_of_a_child_begin_no_pregnancy() {
    let now = at("2026-10-01");
    let asked =
        chart(&[("2026-09-01", "gravida", None, number(2.0, "")), ("2026-09-01", "para", None, number(1.0, ""))]);
    assert_eq!(asked.pregnancies(now), []);
    let mut known = asked.clone();
    add(&mut known, &[("2026-09-20", "registration", Some(60), nothing())]);
    let told = known.pregnancies(now);
    assert_eq!((told.len(), told[0].record.registration.as_ref().and_then(|one| one.gravida)), (1, Some(2)));
    let mut newborn = chart(&[("2026-09-01", "gestational-age", Some(273), nothing())]);
    assert_eq!(newborn.pregnancies(now).len(), 1);
    newborn.born = Some(day("2026-09-01"));
    assert_eq!(newborn.pregnancies(now), []);
}

// === monitors ===

/// A minute of pulses from a monitor, and a pressure.
fn monitored(pulse: &[(&str, f64)], pressures: &[(&str, f64, f64)]) -> Monitored {
    let mut of = Monitored::default();
    for (when, value) in pulse {
        of.take(MonitorSign::Pulse, at(when), &facility("ward"), &mut [*value]);
    }
    for (when, systolic, diastolic) in pressures {
        of.take_pressure(at(when), &facility("ward"), [Some(*systolic), Some(*diastolic)]);
    }
    of
}

#[test]
fn what_a_monitor_measures_reaches_the_shock_index_and_says_that_it_is_a_monitors() {
    let mut of = dated();
    of.learn_monitored(monitored(
        &[("2026-10-01T10:10:05Z", 118.0), ("2026-10-01T10:10:30Z", 122.0), ("2026-10-01T10:10:50Z", 180.0)],
        &[
            ("2026-10-01T10:00:00Z", 78.0, 50.0),
            ("2026-10-01T10:00:01Z", 78.0, 50.0),
            ("2026-10-01T10:04:00Z", 78.0, 50.0),
        ],
    ));
    assert_eq!(
        of.notes.iter().filter(|note| note.monitor).count(),
        3,
        "a pulse of the minute, one pressure of two figures"
    );
    let told = ruling(&of, Rule::Haemorrhage, "2026-10-01T10:11:00Z").unwrap();
    assert_eq!((told.class, keys(&told)), (Some("critical"), vec!["shock-critical", "shock-abnormal"]));
    assert!(told.reached.iter().all(|one| one.monitor));
    assert_eq!(told.reached[0].value, Some(122.0 / 78.0), "the median of the minute");
    assert_eq!((told.at, told.sources.as_slice()), (Some(at("2026-10-01T10:10:50Z")), [facility("ward")].as_slice()));
    // a pressure that is repeated is as old as it is
    let mut late = dated();
    let repeated: Vec<String> = (0..30).map(|minute| format!("2026-10-01T10:{minute:02}:00Z")).collect();
    let repeated: Vec<(&str, f64, f64)> = repeated.iter().map(|when| (when.as_str(), 78.0, 50.0)).collect();
    late.learn_monitored(monitored(&[("2026-10-01T10:29:00Z", 122.0)], &repeated));
    assert_eq!(
        ruling(&late, Rule::Haemorrhage, "2026-10-01T10:30:00Z"),
        None,
        "measured half an hour before the pulse"
    );
}

#[test]
fn a_monitors_pressure_is_a_crisis_and_no_disorder_and_changes_no_pregnancy() {
    let mut of = dated();
    let before = of.pregnancies(at("2026-10-02"));
    of.learn_monitored(monitored(&[], &[("2026-10-01T10:00:00Z", 190.0, 100.0)]));
    assert_eq!(of.pregnancies(at("2026-10-02")), before);
    let crisis = ruling(&of, Rule::Crisis, "2026-10-01T10:05:00Z").unwrap();
    assert_eq!(
        (crisis.class, keys(&crisis), crisis.reached[0].monitor),
        (Some("emergency"), vec!["emergency-systolic"], true)
    );
    let disorder = ruling(&of, Rule::Hypertension, "2026-10-01T10:05:00Z").unwrap();
    assert_eq!((disorder.said, lacks(&disorder)), (RulingSaid::CannotBeSaid, vec!["pressure"]));
    pressure(&mut of, "2026-10-01T10:10:00Z", 182.0, 100.0);
    let written = ruling(&of, Rule::Crisis, "2026-10-01T10:12:00Z").unwrap();
    assert!(!written.reached[0].monitor, "the newest was written down");
}

#[test]
fn what_no_patient_has_is_counted_and_no_note() {
    let mut of = dated();
    let mut wrong = monitored(
        &[("2026-10-01T10:00:00Z", 7.0), ("2026-10-01T10:00:01Z", f64::NAN)],
        &[("2026-10-01T10:00:00Z", 400.0, 5.0)],
    );
    wrong.take(MonitorSign::Saturation, at("2026-10-01T10:00:00Z"), &facility("ward"), &mut []);
    wrong.take_pressure(at("2026-10-01T10:00:00Z"), &facility("ward"), [None, None]);
    of.learn_monitored(wrong);
    assert_eq!((of.notes.iter().filter(|note| note.monitor).count(), of.refused), (0, 4));
}

proptest! {
    /// The order in which frames are read means nothing.
    #[test]
    fn the_order_of_frames_means_nothing(mut frames in prop::collection::vec((0i64..7_200, 60.0..160.0_f64, 80.0..180.0_f64), 1..60), turn in 0usize..60) {
        let told = |frames: &[(i64, f64, f64)]| {
            let mut of = dated();
            let mut monitored = Monitored::default();
            for (second, pulse, systolic) in frames {
                let when = at("2026-10-01T10:00:00Z").plus_micros(second * 1_000_000);
                monitored.take(MonitorSign::Pulse, when, &facility("ward"), &mut [*pulse]);
                monitored.take_pressure(when, &facility("ward"), [Some(systolic.round()), Some(60.0)]);
            }
            of.learn_monitored(monitored);
            rulings(&of, "2026-10-01T12:00:00Z")
        };
        frames.sort_by_key(|(second, ..)| *second);
        frames.dedup_by_key(|(second, ..)| *second);
        let before = told(&frames);
        let turn = turn % frames.len();
        frames.rotate_left(turn);
        prop_assert_eq!(told(&frames), before);
    }
}

// === at a bed ===

#[test]
fn a_bed_is_told_the_week_and_what_is_known_of_the_reserve() {
    use crate::perinatal::ctg::{Maturity, Reserve};
    let tables = PerinatalTables::shipped();
    // due on 2026-10-08: 32 weeks and 0 days on 2026-08-13
    let told = |of: &Chart, when: &str| of.at_bed(&of.pregnancies(at("2026-10-20")), at(when), &tables);
    let mut of = dated();
    let before = told(&of, "2026-08-12T14:59:00Z");
    assert_eq!(
        (before.age.map(|age| age.to_string()), before.maturity),
        (Some("31w6d".to_owned()), Maturity::Before32Weeks)
    );
    let after = told(&of, "2026-08-12T15:00:00Z");
    assert_eq!(
        (after.age.map(|age| age.to_string()), after.maturity),
        (Some("32w0d".to_owned()), Maturity::From32Weeks)
    );
    assert_eq!((after.reserve, after.because), (Reserve::Usual, vec![]));
    let undated = chart(&[("2026-08-01", "registration", None, nothing())]);
    let unknown = told(&undated, "2026-08-02");
    assert_eq!(
        (unknown.age, unknown.maturity),
        (None, Maturity::From32Weeks),
        "not known: an acceleration has to rise higher"
    );
    assert_eq!(told(&Chart::default(), "2026-08-02"), super::super::AtBed::default());
    add(
        &mut of,
        &[("2026-08-01", "placenta-praevia", None, word("yes")), ("2026-08-05", "uteroplacental", None, word("yes"))],
    );
    assert_eq!(told(&of, "2026-07-31").reserve, Reserve::Usual, "not known then");
    let little = told(&of, "2026-08-12");
    assert_eq!(
        (little.reserve, little.because),
        (Reserve::Little, vec![LittleReserve::Uteroplacental, LittleReserve::PlacentaPraevia])
    );
    add(&mut of, &[("2026-08-20", "placenta-praevia", None, word("no"))]);
    assert_eq!(
        told(&of, "2026-08-21").because,
        [LittleReserve::Uteroplacental],
        "the last that was said of the placenta holds"
    );
    // after the birth the bed of a day is still that pregnancy's
    add(&mut of, &[("2026-10-01T00:00:00Z", "delivery", None, word("vaginal"))]);
    assert!(told(&of, "2026-10-01T12:00:00Z").age.is_some());
    assert_eq!(told(&of, "2026-10-03"), super::super::AtBed::default());
}
