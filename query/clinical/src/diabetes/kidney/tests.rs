use super::*;
use crate::diabetes::answer::{Absent, Standing};
use crate::diabetes::facts::{Dated, Facts, KidneyReplacement, Measure, Observation, Reading};
use crate::diabetes::testing::{at, dated, observed, reading, readings};
use crate::diabetes::{BiologicalSex, Reach};
use crate::lab::Span;
use jiff::civil::date;
use model::{CategorySet, FacilityId};
use proptest::prelude::*;

const NOW: &str = "2026-11-01";

fn limits() -> KidneyLimits {
    KidneyLimits::shipped()
}

fn stage_of(facts: &Facts) -> Result<u8, String> {
    let found = nephropathy_stage(facts, &limits(), Edition::Y2023, at(NOW));
    found.map(|found| found.value.number()).map_err(|absent| match absent {
        Absent::Needs { measure, absent } => format!("needs {}: {}", measure.key(), absent.code()),
        Absent::CannotBeSaid { why } => why.key.to_owned(),
        other => other.code().to_owned(),
    })
}

#[track_caller]
fn stage(egfr: &str, albumins: &[&str], expected: Result<u8, &str>) {
    let days = ["2026-02-01", "2026-05-01", "2026-08-01"];
    let mut rows = vec![("2026-08-01", Measure::Egfr, egfr)];
    rows.extend(albumins.iter().zip(days).map(|(value, day)| (day, Measure::AlbuminRatio, *value)));
    assert_eq!(stage_of(&readings(&rows)), expected.map_err(str::to_owned), "{egfr} {albumins:?}");
}

#[test]
fn nephropathy_stages_change_at_their_limits() {
    stage("30", &["29.9"], Ok(1));
    stage("30", &["30", "30"], Ok(2));
    stage("30", &["299.9", "299.9"], Ok(2));
    stage("30", &["300"], Ok(3));
    stage("29.9", &["10"], Ok(4));
    stage("29.9", &[], Ok(4));
    stage("90", &["5"], Ok(1));
}

#[test]
fn stage_two_needs_two_of_three() {
    stage("70", &["40"], Err("not-confirmed"));
    stage("70", &["10", "40"], Err("not-confirmed"));
    stage("70", &["10", "10", "40"], Ok(1));
    stage("70", &["40", "10", "40"], Ok(2));
    stage("70", &["40", "40", "10"], Ok(2));
}

#[test]
fn a_stage_is_never_given_without_albumin_or_filtration() {
    stage("70", &[], Err("needs urine-albumin-creatinine: not-measured"));
    let no_egfr = readings(&[("2026-08-01", Measure::AlbuminRatio, "10")]);
    assert_eq!(stage_of(&no_egfr), Err("needs egfr: not-measured".to_owned()));
    let mut clean = readings(&[("2026-08-01", Measure::Egfr, "70"), ("2026-08-01", Measure::ProteinGrade, "1")]);
    assert_eq!(stage_of(&clean), Err("needs urine-albumin-creatinine: not-measured".to_owned()));
    clean.reach = Reach::new([(FacilityId::parse("clinic").unwrap(), Standing::Linked { open: CategorySet::NONE })]);
    assert_eq!(stage_of(&clean), Err("needs urine-albumin-creatinine: not-consented".to_owned()));
}

#[test]
fn protein_shows_stage_three_but_never_stage_one() {
    let with =
        |protein| readings(&[("2026-08-01", Measure::Egfr, "70"), ("2026-08-01", Measure::ProteinRatio, protein)]);
    assert_eq!(stage_of(&with("0.5")), Ok(3));
    assert_eq!(stage_of(&with("0.49")), Err("needs urine-albumin-creatinine: not-measured".to_owned()));
}

#[test]
fn dialysis_is_stage_five_and_a_transplant_only_since_2023() {
    let with = |kind| Facts {
        observations: vec![observed("2026-01-01", Observation::KidneyReplacement(kind))],
        ..readings(&[("2026-08-01", Measure::Egfr, "50"), ("2026-08-01", Measure::AlbuminRatio, "10")])
    };
    let number = |kind, edition| nephropathy_stage(&with(kind), &limits(), edition, at(NOW)).unwrap().value.number();
    assert_eq!(number(KidneyReplacement::Dialysis, Edition::Y2014), 5);
    assert_eq!(number(KidneyReplacement::Dialysis, Edition::Y2023), 5);
    assert_eq!(number(KidneyReplacement::Transplant, Edition::Y2023), 5);
    assert_eq!(number(KidneyReplacement::Transplant, Edition::Y2014), 1);
    assert_eq!(NephropathyStage::Four.name(Edition::Y2023), "第4期（GFR高度低下・末期腎不全期）");
}

#[test]
fn a_bound_says_only_what_is_certain() {
    let bound = |low: Option<&'static str>, high: Option<&'static str>| {
        let end = |text: Option<&'static str>| text.map(|text| (dec(text), false));
        dated("2026-08-01", Reading::span(Measure::AlbuminRatio, Span { low: end(low), high: end(high) }).unwrap())
    };
    let with = |one: Dated<Reading>| {
        let mut facts = readings(&[("2026-08-01", Measure::Egfr, "70")]);
        facts.readings.push(one);
        stage_of(&facts)
    };
    assert_eq!(with(bound(None, Some("5.0"))), Ok(1), "<5.0");
    assert_eq!(with(bound(None, Some("30"))), Ok(1), "<30");
    assert_eq!(with(bound(None, Some("100"))), Err("bound".to_owned()), "<100");
    assert_eq!(with(bound(Some("300"), None)), Ok(3), ">300");
}

#[test]
fn albumin_and_creatinine_of_one_specimen_give_their_ratio() {
    let facts = readings(&[
        ("2026-08-01", Measure::Egfr, "70"),
        ("2026-08-01", Measure::UrineAlbumin, "30"),
        ("2026-08-01", Measure::UrineCreatinine, "100"),
    ]);
    let found = albuminuria(&facts, &limits(), at(NOW)).unwrap();
    assert_eq!(found.value, Albuminuria { stage: AlbuminuriaStage::A2, basis: AlbuminuriaBasis::Albumin });
    let other_day =
        readings(&[("2026-08-01", Measure::UrineAlbumin, "30"), ("2026-08-02", Measure::UrineCreatinine, "100")]);
    assert_eq!(albuminuria(&other_day, &limits(), at(NOW)).unwrap_err(), Absent::NotMeasured);
}

#[test]
fn a_dipstick_stands_for_albumin_and_says_so() {
    let of = |rank| {
        let facts = readings(&[("2026-08-01", Measure::ProteinGrade, rank)]);
        albuminuria(&facts, &limits(), at(NOW)).map(|found| (found.value.stage, found.value.basis))
    };
    assert_eq!(of("1"), Ok((AlbuminuriaStage::A1, AlbuminuriaBasis::Dipstick)));
    assert_eq!(of("2"), Ok((AlbuminuriaStage::A2, AlbuminuriaBasis::Dipstick)), "±");
    assert_eq!(of("3"), Ok((AlbuminuriaStage::A3, AlbuminuriaBasis::Dipstick)), "1+");
}

#[test]
fn an_albumin_of_long_ago_is_not_looked_at() {
    let facts = readings(&[("2024-10-01", Measure::AlbuminRatio, "400"), ("2026-08-01", Measure::ProteinGrade, "1")]);
    let found = albuminuria(&facts, &limits(), at(NOW)).unwrap().value;
    assert_eq!((found.stage, found.basis), (AlbuminuriaStage::A1, AlbuminuriaBasis::Dipstick));
}

#[test]
fn filtration_categories_change_at_their_limits() {
    let of = |value| GStage::of(value, &limits()).code();
    let found = [90.0, 89.9, 60.0, 59.9, 45.0, 44.9, 30.0, 29.9, 15.0, 14.9, 0.0].map(of);
    assert_eq!(found, ["G1", "G2", "G2", "G3a", "G3a", "G3b", "G3b", "G4", "G4", "G5", "G5"]);
}

#[test]
fn the_map_has_the_published_colours() {
    use CkdRisk::{Green, Orange, Red, Yellow};
    let expected = [
        [Green, Yellow, Orange],
        [Green, Yellow, Orange],
        [Yellow, Orange, Red],
        [Orange, Red, Red],
        [Red, Red, Red],
        [Red, Red, Red],
    ];
    assert_eq!(GStage::ALL.map(|g| AlbuminuriaStage::ALL.map(|a| ckd_risk(g, a))), expected);
}

#[test]
fn what_is_abnormal_is_chronic_only_after_ninety_days() {
    let cell = |earlier: Option<(&'static str, &'static str)>| {
        let mut rows = vec![("2026-10-01", Measure::Egfr, "50"), ("2026-10-01", Measure::AlbuminRatio, "10")];
        rows.extend(earlier.map(|(day, value)| (day, Measure::Egfr, value)));
        ckd_cell(&readings(&rows), &limits(), at(NOW)).unwrap().value.persistence
    };
    assert_eq!(cell(None), Persistence::Unknown);
    assert_eq!(cell(Some(("2026-09-01", "50"))), Persistence::Unknown, "61 days ago");
    assert_eq!(cell(Some(("2026-08-03", "50"))), Persistence::Unknown, "90 days ago");
    assert_eq!(cell(Some(("2026-08-02", "50"))), Persistence::Lasting, "91 days ago");
    assert_eq!(cell(Some(("2026-08-02", "60"))), Persistence::New);
    let normal = readings(&[("2026-10-01", Measure::Egfr, "60"), ("2026-10-01", Measure::AlbuminRatio, "29")]);
    let normal = ckd_cell(&normal, &limits(), at(NOW)).unwrap().value;
    assert_eq!((normal.risk, normal.persistence), (CkdRisk::Green, Persistence::Normal));
}

fn adult(rows: &[(&str, Measure, &str)]) -> Facts {
    Facts { birth: Some(date(1966, 8, 1)), sex: Some(BiologicalSex::Male), ..readings(rows) }
}

#[test]
fn filtration_is_computed_where_creatinine_age_and_sex_are_known() {
    let facts = adult(&[("2026-08-01", Measure::Creatinine, "1.0"), ("2026-08-01", Measure::Egfr, "55")]);
    let found = filtration(&facts, at(NOW)).unwrap().value;
    assert!((found.value - 59.91).abs() < 0.005 && found.basis == FiltrationBasis::Creatinine, "{found:?}");
    let unknown = Facts { sex: None, ..facts.clone() };
    assert_eq!(filtration(&unknown, at(NOW)).unwrap().value.basis, FiltrationBasis::Reported);
    let child = Facts { birth: Some(date(2010, 8, 1)), ..adult(&[("2026-08-01", Measure::Creatinine, "0.5")]) };
    assert_eq!(filtration(&child, at(NOW)).unwrap_err(), Absent::DoesNotApply { why: NOT_ADULT });
    let pregnant = Facts { observations: vec![observed("2026-05-01", Observation::PregnancyBegan)], ..facts };
    assert_eq!(filtration(&pregnant, at(NOW)).unwrap_err(), Absent::DoesNotApply { why: PREGNANT });
}

#[test]
fn cystatin_gives_its_own_estimate_and_the_mean_of_both() {
    let facts = adult(&[("2026-08-01", Measure::CystatinC, "0.8")]);
    let found = filtration_cystatin(&facts, at(NOW)).unwrap().value;
    assert!((found.value - 94.65).abs() < 0.005 && found.basis == FiltrationBasis::CystatinC, "{found:?}");
    let both = adult(&[("2026-08-01", Measure::CystatinC, "0.8"), ("2026-08-01", Measure::Creatinine, "1.0")]);
    let found = filtration_cystatin(&both, at(NOW)).unwrap().value;
    assert!((found.value - 77.28).abs() < 0.01 && found.basis == FiltrationBasis::Both, "{found:?}");
}

fn falling(rows: &[(&str, &str)]) -> Facts {
    readings(&rows.iter().map(|(day, value)| (*day, Measure::Egfr, *value)).collect::<Vec<_>>())
}

#[test]
fn a_slope_needs_three_values_over_a_year() {
    let of = |rows: &[(&str, &str)]| decline(&falling(rows), &limits(), at(NOW)).map(|found| found.value.line.points);
    let few = Err(Absent::CannotBeSaid { why: TOO_FEW });
    assert_eq!(of(&[("2025-01-01", "60"), ("2026-06-01", "50")]), few);
    assert_eq!(of(&[("2026-01-01", "60"), ("2026-05-01", "55"), ("2026-10-01", "50")]), few);
    assert_eq!(of(&[("2025-10-01", "60"), ("2026-05-01", "55"), ("2026-10-31", "50")]), Ok(3));
    assert_eq!(of(&[]), Err(Absent::NotMeasured.needed(Measure::Egfr)));
}

#[test]
fn a_decline_is_rapid_below_minus_five_and_certain_when_its_interval_is() {
    let of = |rows: &[(&str, &str)]| decline(&falling(rows), &limits(), at(NOW)).unwrap().value.rapid;
    assert_eq!(
        of(&[("2024-10-31", "60"), ("2025-10-31", "55.01"), ("2026-10-31", "50.02")]),
        Rapid::No,
        "730 days at -4.99"
    );
    assert_eq!(of(&[("2024-10-31", "60"), ("2025-10-31", "53"), ("2026-10-31", "46")]), Rapid::Certainly);
    assert_eq!(of(&[("2024-10-31", "60"), ("2025-10-31", "40"), ("2026-10-31", "46")]), Rapid::Probably);
}

#[test]
fn acute_injuries_that_come_back_and_admissions_are_left_out() {
    let mut facts = falling(&[("2024-10-01", "60"), ("2025-06-01", "30"), ("2025-07-01", "58"), ("2026-10-01", "56")]);
    let found = decline(&facts, &limits(), at(NOW)).unwrap().value;
    assert_eq!((found.line.points, found.acute), (3, 1));
    facts.readings.push(dated("2026-10-15", reading("2026-10-15", Measure::Egfr, "50").value.in_hospital()));
    assert_eq!(decline(&facts, &limits(), at(NOW)).unwrap().value.line.points, 3);
    let stays = falling(&[("2024-10-01", "60"), ("2025-06-01", "30"), ("2025-07-01", "31"), ("2026-10-01", "29")]);
    let found = decline(&stays, &limits(), at(NOW)).unwrap().value;
    assert_eq!((found.line.points, found.acute), (4, 0), "what does not come back is decline");
}

#[test]
fn falls_reach_their_end_points_at_the_limit() {
    let event = |last| {
        let facts = falling(&[("2024-10-01", "100"), ("2025-10-01", "90"), ("2026-10-01", last)]);
        decline(&facts, &limits(), at(NOW)).unwrap().value.event
    };
    assert_eq!([event("71"), event("70"), event("60"), event("43")], [None, Some(30), Some(40), Some(57)]);
}

proptest! {
    /// Less filtration or more albumin never makes the risk smaller.
    #[test]
    fn risk_grows_with_either_axis(egfr in 1.0_f64..130.0, less in 0.0_f64..60.0, a in 0_usize..3, more in 0_usize..3) {
        let g = GStage::of(egfr, &limits());
        let worse = GStage::of((egfr - less).max(0.0), &limits());
        let (one, other) = (AlbuminuriaStage::ALL[a], AlbuminuriaStage::ALL[(a + more).min(2)]);
        prop_assert!(ckd_risk(worse, one) >= ckd_risk(g, one));
        prop_assert!(ckd_risk(g, other) >= ckd_risk(g, one));
    }

    /// With albumin and filtration fixed at one specimen each, more of the first or less of the second never lowers the
    /// stage.
    #[test]
    fn the_stage_never_falls_as_the_kidney_worsens(
        egfr in 5_i64..120, fall in 0_i64..60, albumin in 1_i64..1_000, rise in 0_i64..1_000
    ) {
        let at_two = |egfr: i64, albumin: i64| {
            let (egfr, albumin) = (egfr.max(1).to_string(), albumin.to_string());
            stage_of(&readings(&[
                ("2026-08-01", Measure::Egfr, egfr.as_str()),
                ("2026-05-01", Measure::AlbuminRatio, albumin.as_str()),
                ("2026-08-01", Measure::AlbuminRatio, albumin.as_str()),
            ])).unwrap()
        };
        prop_assert!(at_two(egfr - fall, albumin) >= at_two(egfr, albumin));
        prop_assert!(at_two(egfr, albumin + rise) >= at_two(egfr, albumin));
    }

    /// The order of readings changes neither stage, nor cell, nor slope.
    #[test]
    fn the_order_of_readings_changes_nothing(
        values in proptest::collection::vec((0_i64..900, 5_i64..120, 1_i64..600), 1..8), turn in 0_usize..8
    ) {
        let mut facts = Facts::default();
        for (days, egfr, albumin) in values {
            let day = crate::diabetes::day::days_later(date(2024, 5, 1), days).to_string();
            facts.readings.push(reading(&day, Measure::Egfr, &egfr.to_string()));
            facts.readings.push(reading(&day, Measure::AlbuminRatio, &albumin.to_string()));
        }
        let mut turned = facts.clone();
        turned.readings.reverse();
        let by = turn % turned.readings.len();
        turned.readings.rotate_left(by);
        prop_assert_eq!(stage_of(&turned), stage_of(&facts));
        prop_assert_eq!(ckd_cell(&turned, &limits(), at(NOW)), ckd_cell(&facts, &limits(), at(NOW)));
        prop_assert_eq!(decline(&turned, &limits(), at(NOW)), decline(&facts, &limits(), at(NOW)));
    }
}
