use super::*;
use crate::diabetes::answer::{Reach, Standing};
use crate::diabetes::facts::{KidneyReplacement, Measure, Observation, Retinopathy};
use crate::diabetes::testing::{at, drug, icd, observed, reading, readings, visit};
use jiff::civil::date;
use model::{CategorySet, FacilityId};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn year() -> MeasureYear {
    MeasureYear::new(2025).unwrap()
}

/// A person of 60 with type 2 diabetes.
fn person(rows: &[(&str, Measure, &str)]) -> Facts {
    Facts {
        birth: Some(date(1965, 6, 1)),
        diagnoses: vec![icd("2024-03-01", "E11.9", false), icd("2025-03-01", "E11.9", false)],
        ..readings(rows)
    }
}

fn outcome(key: &str, facts: &Facts) -> Outcome {
    QualityMeasure::by_key(key).unwrap().of(facts, &Tables::shipped(), year())
}

fn word(key: &str, facts: &Facts) -> &'static str {
    match outcome(key, facts) {
        Outcome::Outside(_) => "outside",
        Outcome::Excluded(_) => "excluded",
        Outcome::Met(_) => "met",
        Outcome::NotMet(_) => "not met",
        Outcome::Missing(_) => "missing",
    }
}

const GOOD: &str = "hedis-gsd-below-8-my2024";
const POOR: &str = "hedis-gsd-above-9-my2024";
const KED: &str = "hedis-ked-my2024";
const EED: &str = "hedis-eed-my2024";
const BPD: &str = "hedis-bpd-my2024";
const CONTINUES: &str = "jp-continuation-180-2026";

#[test]
fn measures_have_names_of_their_own_and_begin_and_end_with_the_year() {
    let keys: BTreeSet<_> = QUALITY_MEASURES.iter().map(|one| one.key).collect();
    assert_eq!(keys.len(), QUALITY_MEASURES.len());
    assert_eq!((year().end().to_string().as_str(), year().year()), ("2025-12-31T14:59:59.999999Z", 2025));
    assert!(MeasureYear::new(1800).is_err() && MeasureYear::new(2300).is_err() && MeasureYear::new(i16::MAX).is_err());
}

#[test]
fn glycaemic_status_changes_at_eight_and_nine() {
    let of = |value| {
        let facts = person(&[("2025-05-01", Measure::Hba1c, value)]);
        (word(GOOD, &facts), word(POOR, &facts))
    };
    assert_eq!(of("7.9"), ("met", "not met"));
    assert_eq!(of("8.0"), ("not met", "not met"));
    assert_eq!(of("9.0"), ("not met", "not met"));
    assert_eq!(of("9.1"), ("not met", "met"));
}

#[test]
fn the_last_of_the_year_counts_gmi_too_and_of_one_day_the_lowest() {
    let last = person(&[
        ("2025-05-01", Measure::Hba1c, "7.0"),
        ("2025-11-01", Measure::Gmi, "8.4"),
        ("2026-01-01", Measure::Hba1c, "7.0"),
    ]);
    assert_eq!(word(GOOD, &last), "not met");
    let lowest = person(&[("2025-11-01", Measure::Hba1c, "8.1"), ("2025-11-01", Measure::Gmi, "7.9")]);
    assert_eq!(word(GOOD, &lowest), "met");
}

#[test]
fn missing_is_told_apart_and_counted_as_poor_control() {
    let mut facts = person(&[("2024-12-31", Measure::Hba1c, "7.0")]);
    assert_eq!(outcome(GOOD, &facts), Outcome::Missing(Absent::NotMeasured));
    let tally = |key, facts: &Facts| QualityMeasure::by_key(key).unwrap().tally([&outcome(key, facts)]);
    let expected = Tally { denominator: 1, numerator: 0, not_measured: 1, ..Tally::default() };
    assert_eq!(tally(GOOD, &facts), expected);
    assert_eq!(tally(POOR, &facts), Tally { numerator: 1, ..expected });
    facts.reach = Reach::new([(FacilityId::parse("clinic").unwrap(), Standing::Linked { open: CategorySet::NONE })]);
    assert_eq!(tally(GOOD, &facts), Tally { not_measured: 0, not_open: 1, ..expected });
}

#[test]
fn ages_on_the_last_day_of_the_year_decide() {
    let born = |year, month, day| {
        let facts = Facts { birth: Some(date(year, month, day)), ..person(&[("2025-05-01", Measure::Hba1c, "7.0")]) };
        word(GOOD, &facts)
    };
    assert_eq!(
        [born(2007, 12, 31), born(2008, 1, 1), born(1950, 1, 1), born(1949, 12, 31)],
        ["met", "outside", "met", "outside"]
    );
    let unknown = Facts { birth: None, ..person(&[]) };
    assert_eq!(outcome(GOOD, &unknown), Outcome::Outside(OutsideReason::AgeUnknown));
}

#[test]
fn diabetes_is_of_the_year_or_the_one_before() {
    let mut facts = person(&[("2025-05-01", Measure::Hba1c, "7.0")]);
    facts.diagnoses = vec![icd("2023-03-01", "E11.9", false), icd("2025-03-01", "E11.9", false)];
    assert_eq!(outcome(GOOD, &facts), Outcome::Outside(OutsideReason::NoDiabetes));
    facts.supplies = vec![drug("2024-01-01", "3962002F2027", Some(30))];
    assert_eq!(word(GOOD, &facts), "met");
}

#[test]
fn hospice_death_and_dialysis_exclude() {
    let base = person(&[("2025-05-01", Measure::Hba1c, "7.0")]);
    let with = |day, what| Facts { observations: vec![observed(day, what)], ..base.clone() };
    let dialysis = Observation::KidneyReplacement(KidneyReplacement::Dialysis);
    assert_eq!(outcome(GOOD, &with("2025-02-01", Observation::Hospice)), Outcome::Excluded(Exclusion::Hospice));
    assert_eq!(word(GOOD, &with("2024-02-01", Observation::Hospice)), "met");
    assert_eq!(outcome(KED, &with("2020-02-01", dialysis)), Outcome::Excluded(Exclusion::KidneyReplacement));
    assert_eq!(word(GOOD, &with("2020-02-01", dialysis)), "met", "glucose is asked of persons on dialysis too");
    let died = Facts { died: Some(at("2025-12-31")), ..base.clone() };
    assert_eq!(outcome(GOOD, &died), Outcome::Excluded(Exclusion::Died));
}

#[test]
fn the_kidney_needs_both_and_albumin_with_creatinine_within_four_days() {
    let egfr = ("2025-02-01", Measure::Egfr, "70");
    assert_eq!(word(KED, &person(&[egfr, ("2025-06-01", Measure::AlbuminRatio, "10")])), "met");
    assert_eq!(word(KED, &person(&[egfr])), "not met");
    assert_eq!(word(KED, &person(&[("2025-06-01", Measure::AlbuminRatio, "10")])), "not met");
    assert_eq!(word(KED, &person(&[])), "missing");
    let pair =
        |day| person(&[egfr, ("2025-06-01", Measure::UrineAlbumin, "10"), (day, Measure::UrineCreatinine, "100")]);
    assert_eq!([word(KED, &pair("2025-06-05")), word(KED, &pair("2025-06-06"))], ["met", "not met"]);
    assert_eq!(
        word(KED, &person(&[("2024-02-01", Measure::Egfr, "70"), ("2025-06-01", Measure::AlbuminRatio, "10")])),
        "not met"
    );
}

#[test]
fn eyes_count_this_year_or_negative_last_year() {
    let of = |day, finding| {
        word(EED, &Facts { observations: vec![observed(day, Observation::Eye(finding))], ..person(&[]) })
    };
    assert_eq!(of("2025-01-01", None), "met");
    assert_eq!(of("2025-01-01", Some(Retinopathy::Proliferative)), "met");
    assert_eq!(of("2024-12-31", Some(Retinopathy::None)), "met");
    assert_eq!(of("2024-12-31", Some(Retinopathy::Simple)), "missing");
    assert_eq!(of("2024-12-31", None), "missing");
    assert_eq!(of("2023-12-31", Some(Retinopathy::None)), "missing");
}

#[test]
fn pressure_is_below_both_limits_on_its_last_day_outside_hospital() {
    let of = |high, low| {
        word(BPD, &person(&[("2025-05-01", Measure::Systolic, high), ("2025-05-01", Measure::Diastolic, low)]))
    };
    assert_eq!([of("139", "89"), of("140", "89"), of("139", "90")], ["met", "not met", "not met"]);
    let mut facts = person(&[
        ("2025-05-01", Measure::Systolic, "150"),
        ("2025-05-01", Measure::Systolic, "138"),
        ("2025-05-01", Measure::Diastolic, "85"),
    ]);
    assert_eq!(word(BPD, &facts), "met", "of one day the lowest");
    let mut stay = reading("2025-06-01", Measure::Systolic, "190");
    stay.value = stay.value.in_hospital();
    facts.readings.extend([stay, reading("2025-06-01", Measure::Diastolic, "100")]);
    assert_eq!(word(BPD, &facts), "met", "values of an admission do not count");
    assert_eq!(word(BPD, &person(&[])), "missing");
}

#[test]
fn care_goes_on_up_to_180_days() {
    let of =
        |days: &[&str]| word(CONTINUES, &Facts { visits: days.iter().map(|day| visit(day)).collect(), ..person(&[]) });
    assert_eq!(of(&["2024-05-01", "2025-07-04"]), "met", "180 days before 31 December");
    assert_eq!(of(&["2024-05-01", "2025-07-03"]), "not met");
    assert_eq!(of(&["2025-12-01"]), "outside");
    let mut moved = Facts { visits: vec![visit("2024-05-01")], ..person(&[]) };
    moved.observations = vec![observed("2025-02-01", Observation::MovedAway)];
    assert_eq!(outcome(CONTINUES, &moved), Outcome::Excluded(Exclusion::MovedAway));
}

#[test]
fn a_facilitys_own_codes_count_in_its_measures() {
    use crate::diabetes::denominator::{CodeRow, DiabetesType};
    use crate::diabetes::{Denominator, Diagnosis};
    use model::CodeSystem;
    let local = |day| {
        crate::diabetes::testing::dated(
            day,
            Diagnosis { system: CodeSystem::Local, code: "DM".to_owned(), suspected: false },
        )
    };
    let facts = Facts {
        birth: Some(date(1965, 6, 1)),
        diagnoses: vec![local("2025-03-01"), local("2025-04-01")],
        ..readings(&[("2025-05-01", Measure::Hba1c, "7.0")])
    };
    assert_eq!(outcome(GOOD, &facts), Outcome::Outside(OutsideReason::NoDiabetes));
    let row = CodeRow { system: CodeSystem::Local, beginning: "DM".to_owned(), says: DiabetesType::Two };
    let tables = Tables { denominator: Denominator::shipped().with_codes("own", [row]), ..Tables::shipped() };
    assert!(matches!(QualityMeasure::by_key(GOOD).unwrap().of(&facts, &tables, year()), Outcome::Met(_)));
    assert!(!programme(&facts, &tables, at("2025-11-01")).treated, "not seen for 214 days");
    assert!(programme(&facts, &tables, at("2025-09-01")).treated);
}

fn programme_of(facts: &Facts) -> Programme {
    programme(facts, &Tables::shipped(), at("2025-11-01"))
}

#[test]
fn the_programme_asks_the_untreated_to_see_a_doctor_and_guides_the_treated() {
    let untreated = |value| programme_of(&readings(&[("2025-10-01", Measure::Hba1c, value)]));
    assert_eq!((untreated("6.5").group, untreated("6.4").group), (Some(ProgrammeGroup::SeeDoctor), None));
    let fasting = |value| programme_of(&readings(&[("2025-10-01", Measure::FastingGlucose, value)])).diabetes;
    assert_eq!((fasting("126"), fasting("125")), (vec!["fasting-glucose-126"], vec![]));
    let casual = programme_of(&readings(&[("2025-10-01", Measure::CasualGlucose, "180")]));
    assert_eq!(casual.diabetes, Vec::<&str>::new(), "hours since the meal are not known");
    let mut treated = readings(&[("2025-10-01", Measure::Hba1c, "7.9")]);
    treated.diagnoses = vec![icd("2025-09-01", "E11.9", false)];
    assert_eq!(programme_of(&treated).group, None);
    treated.readings.push(reading("2025-10-02", Measure::ProteinGrade, "3"));
    let found = programme_of(&treated);
    assert_eq!((found.kidney, found.group), (vec!["protein-positive"], Some(ProgrammeGroup::Guidance)));
}

#[test]
fn care_broken_off_is_asked_back_unless_values_are_fine_now() {
    let mut facts = readings(&[]);
    facts.diagnoses = vec![icd("2024-01-01", "E11.9", false)];
    let found = programme_of(&facts);
    assert_eq!((found.diabetes, found.group), (vec!["treated-before"], Some(ProgrammeGroup::SeeDoctor)));
    facts.readings = vec![reading("2025-10-01", Measure::Hba1c, "5.8")];
    assert_eq!(programme_of(&facts).group, None);
    facts.diagnoses = vec![icd("2024-01-01", "E11.9", true)];
    facts.readings.clear();
    assert_eq!(programme_of(&facts).group, None, "suspected only");
}

#[test]
fn signs_of_the_kidney_change_at_their_limits() {
    let with = |rows: &[(&str, Measure, &str)]| {
        let found = programme_of(&readings(rows));
        (found.kidney, found.suspicion)
    };
    let egfr = |value| with(&[("2025-10-01", Measure::Egfr, value)]);
    assert_eq!(egfr("29.9"), (vec!["egfr-below-30"], vec![]));
    assert_eq!(egfr("30"), (vec![], vec!["egfr-below-45"]));
    assert_eq!(egfr("45"), (vec![], vec![]));
    assert_eq!(with(&[("2025-10-01", Measure::ProteinGrade, "2")]), (vec![], vec!["protein-borderline"]));
    assert_eq!(with(&[("2025-10-01", Measure::AlbuminRatio, "30")]), (vec![], vec!["urine-albumin-30"]));
    assert_eq!(with(&[("2025-10-01", Measure::Systolic, "140")]), (vec![], vec!["blood-pressure-140-90"]));
}

fn counted(met: impl IntoIterator<Item = u32>, not: impl IntoIterator<Item = u32>) -> BTreeMap<u32, bool> {
    met.into_iter().map(|one| (one, true)).chain(not.into_iter().map(|one| (one, false))).collect()
}

const DAY: jiff::civil::Date = date(2026, 1, 1);

#[test]
fn cells_below_the_least_are_not_published() {
    let mut series = Series::new(10);
    assert_eq!(series.offer(DAY, counted(0..5, 5..9)), Decision::Suppress(Suppressed::TooFew));
    let figures = Figures { of: DAY, denominator: 30, numerator: Some(10) };
    assert_eq!(series.offer(DAY, counted(0..10, 10..30)), Decision::Publish(figures));
    assert_eq!(series.offer(DAY, counted(0..4, 4..8)), Decision::Hold(figures, Held::TooFew));
    let part = |met: u32| match Series::new(10).offer(DAY, counted(0..met, met..30)) {
        Decision::Publish(figures) => figures.numerator,
        _ => panic!("enough persons"),
    };
    assert_eq!([part(9), part(10), part(20), part(21), part(0)], [None, Some(10), Some(20), None, None]);
}

#[test]
fn a_change_of_a_few_is_held_until_enough_have_changed() {
    let mut series = Series::new(10);
    series.offer(DAY, counted(0..20, 20..50));
    let mut offer = |met: u32| match series.offer(date(2026, 2, 1), counted(0..met, met..50)) {
        Decision::Hold(figures, why) => Err((figures, why)),
        Decision::Publish(figures) => Ok(figures.numerator),
        Decision::Suppress(_) => panic!("something was published"),
    };
    let before = Figures { of: DAY, denominator: 50, numerator: Some(20) };
    assert_eq!(offer(21), Err((before, Held::Differencing)));
    assert_eq!(offer(29), Err((before, Held::Differencing)));
    assert_eq!(offer(20), Err((before, Held::Unchanged)), "the same figures are shown as when too few have changed");
    assert_eq!(offer(30), Ok(Some(30)), "ten have changed");
    assert_eq!(offer(20), Ok(Some(20)), "ten have changed back");
}

#[test]
fn a_few_who_come_or_go_are_held_however_many_change_otherwise() {
    let mut series = Series::new(10);
    series.offer(DAY, counted(0..20, 20..50));
    let held = |decision| matches!(decision, Decision::Hold(_, Held::Differencing));
    assert!(
        held(series.offer(DAY, counted(1..32, 32..50))),
        "one has gone, twelve have changed: the denominators differ by one"
    );
    assert!(matches!(series.offer(DAY, counted(0..32, 32..50)), Decision::Publish(_)));
}

#[test]
fn what_cancels_between_four_releases_is_seen() {
    let mut series = Series::new(10);
    let publish = |series: &mut Series<u32>, not: Vec<u32>| {
        matches!(series.offer(DAY, counted(0..20, not)), Decision::Publish(_))
    };
    let core = 100..200;
    // nine (300..) come while one goes; many others come; the nine go while another one goes: the first minus the second plus
    // the third minus the fourth is of two persons
    assert!(publish(&mut series, core.clone().chain([900, 901]).collect()));
    assert!(publish(&mut series, core.clone().chain([901]).chain(300..309).collect()));
    assert!(publish(&mut series, core.clone().chain([901]).chain(300..309).chain(400..450).collect()));
    assert!(!publish(&mut series, core.chain(400..450).collect()));
}

/// The attacker knows who was counted when, adds and subtracts up to four published figures, and wins when some persons are left, in
/// the denominators, in the numerators or in either, but fewer than the least.
fn attacker_wins(shown: &[BTreeMap<u32, bool>], least: usize) -> bool {
    let persons: BTreeSet<u32> = shown.iter().flat_map(|one| one.keys().copied()).collect();
    let value = |person: u32, at: usize| shown[at].get(&person).map_or((0, 0), |met| (1, i32::from(*met)));
    let signs = [-1, 0, 1];
    let mut sums = vec![vec![]];
    for at in 0..shown.len() {
        let longer = sums.iter().flat_map(|sum: &Vec<(usize, i32)>| {
            signs.iter().filter(|sign| **sign == 0 || sum.len() < 4).map(move |sign| {
                let mut sum = sum.clone();
                if *sign != 0 {
                    sum.push((at, *sign));
                }
                sum
            })
        });
        sums = longer.collect();
    }
    sums.iter().any(|sum| {
        let totals = persons.iter().map(|person| {
            let parts = sum.iter().map(|(at, sign)| (value(*person, *at), sign));
            parts.fold((0, 0), |total, (part, sign)| (total.0 + sign * part.0, total.1 + sign * part.1))
        });
        // of the denominators alone, of the numerators alone, of both
        let totals: Vec<(i32, i32)> = totals.collect();
        let of = |remains: fn(&&(i32, i32)) -> bool| totals.iter().filter(remains).count();
        let told = sum.iter().all(|(at, _)| {
            let met = shown[*at].values().filter(|met| **met).count();
            met >= least && shown[*at].len() - met >= least
        });
        [of(|total| total.0 != 0), if told { of(|total| total.1 != 0) } else { 0 }, of(|total| **total != (0, 0))]
            .into_iter()
            .any(|left| left > 0 && left < least)
    })
}

#[test]
fn the_attacker_wins_where_nothing_is_held() {
    let months = [counted(0..20, 20..40), counted(0..21, 21..40)];
    assert!(attacker_wins(&months, 5));
    assert!(!attacker_wins(&months[..1], 5));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever comes and goes, no sum or difference of what was published speaks of too few; and what is published is true.
    #[test]
    fn differencing_over_time_reveals_nothing(
        months in proptest::collection::vec(proptest::collection::vec((0_u32..24, 0_u8..3), 0..14), 2..8), least in 2_usize..6
    ) {
        let mut now: BTreeMap<u32, bool> = counted(0..8, 8..16);
        let (mut series, mut shown) = (Series::new(least), Vec::new());
        for month in months {
            for (person, what) in month {
                match what {
                    0 => { now.remove(&person); }
                    other => { now.insert(person, other == 1); }
                }
            }
            match series.offer(DAY, now.clone()) {
                Decision::Publish(figures) => {
                    let met = now.values().filter(|met| **met).count();
                    prop_assert_eq!(figures.denominator, now.len());
                    prop_assert!(figures.numerator.is_none_or(|told| told == met && told >= least && now.len() - told >= least));
                    shown.push(now.clone());
                }
                Decision::Hold(figures, _) => prop_assert_eq!(series.published().last(), Some(&figures)),
                Decision::Suppress(_) => prop_assert!(shown.is_empty()),
            }
        }
        prop_assert_eq!(series.published().count(), shown.len());
        prop_assert!(!attacker_wins(&shown, least));
    }

    /// The order of facts changes no outcome.
    #[test]
    fn the_order_of_facts_changes_no_outcome(values in proptest::collection::vec((1_u32..13, 50_i64..110), 1..6)) {
        let rows: Vec<_> = values.iter().map(|(month, value)| (format!("2025-{month:02}-01"), rust_decimal::Decimal::new(*value, 1).to_string())).collect();
        let rows: Vec<_> = rows.iter().map(|(day, value)| (day.as_str(), Measure::Hba1c, value.as_str())).collect();
        let facts = person(&rows);
        let mut turned = facts.clone();
        turned.readings.reverse();
        turned.diagnoses.reverse();
        for one in QUALITY_MEASURES {
            prop_assert_eq!(outcome(one.key, &turned), outcome(one.key, &facts));
        }
    }
}
