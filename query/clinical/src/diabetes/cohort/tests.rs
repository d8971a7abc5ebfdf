use super::*;
use crate::diabetes::answer::{Reach, Standing};
use crate::diabetes::facts::{Dated, Measure, Observation, Visit};
use crate::diabetes::testing::{any_facts, at, dated, drug, icd, observed, reading, readings, turned, visit};
use jiff::civil::date;
use model::{CategorySet, EncounterClass, FacilityId};
use proptest::prelude::*;

const NOW: &str = "2026-11-01";

fn cohort(key: &str) -> Cohort {
    named().into_iter().find(|one| one.key == key).unwrap()
}

fn verdict(key: &str, facts: &Facts) -> Truth {
    cohort(key).of(facts, &Tables::shipped(), at(NOW)).truth
}

/// A person of 60 with diabetes.
fn person(rows: &[(&str, Measure, &str)]) -> Facts {
    Facts {
        birth: Some(date(1966, 1, 1)),
        diagnoses: vec![icd("2020-01-10", "E11.9", false), icd("2020-02-10", "E11.9", false)],
        ..readings(rows)
    }
}

#[test]
fn poor_control_is_from_eight_and_of_the_last_half_year() {
    let of = |day, value| verdict("poor-control", &person(&[(day, Measure::Hba1c, value)]));
    assert_eq!(of("2026-10-01", "8.0"), Truth::Yes);
    assert_eq!(of("2026-10-01", "7.9"), Truth::No);
    assert_eq!(of("2026-05-06", "8.0"), Truth::Yes, "179 days ago");
    assert_eq!(of("2026-05-05", "8.0"), Truth::Unknown, "180 days ago");
    let mut dead = person(&[("2026-10-01", Measure::Hba1c, "9.0")]);
    dead.died = Some(at("2026-10-20"));
    assert_eq!(verdict("poor-control", &dead), Truth::No);
}

#[test]
fn members_say_by_what_they_are_one() {
    let facts = person(&[("2026-10-01", Measure::Hba1c, "8.2")]);
    let found = cohort("poor-control").of(&facts, &Tables::shipped(), at(NOW));
    let grounds: Vec<_> = found.grounds.iter().map(|one| (one.criterion, one.at)).collect();
    assert_eq!(grounds, [("diabetes", at("2020-02-10")), ("at-least", at("2026-10-01"))]);
}

#[test]
fn members_say_what_was_found() {
    let fact = |key: &str, facts: &Facts| {
        let found = cohort(key).of(facts, &Tables::shipped(), at(NOW));
        found.grounds.last().map(|one| one.fact.clone()).unwrap_or_default()
    };
    assert_eq!(fact("poor-control", &person(&[("2026-10-01", Measure::Hba1c, "8.2")])), "hba1c 8.2 %");
    let seen = Facts { visits: vec![visit("2026-04-01")], ..person(&[]) };
    assert_eq!(fact("lapsed-180", &seen), "2026-04-01");
    let kidney = person(&[("2026-09-01", Measure::Egfr, "60"), ("2026-09-01", Measure::AlbuminRatio, "400")]);
    assert_eq!(fact("nephropathy-2", &kidney), "3");
    assert_eq!(
        fact("overdue-urine-albumin", &person(&[("2026-01-05", Measure::AlbuminRatio, "5")])),
        "urine-albumin 2026-01-05, due 2026-07-05"
    );
}

#[test]
fn members_say_since_when_and_what_made_them_one() {
    let since = |key: &str, facts: &Facts| {
        cohort(key).since(facts, &Tables::shipped(), at(NOW)).map(|since| (since.at, since.cause))
    };
    let poor = person(&[("2026-07-01", Measure::Hba1c, "8.4"), ("2026-10-01", Measure::Hba1c, "8.2")]);
    assert_eq!(since("poor-control", &poor), Some((at("2026-07-01"), Cause::Result)), "two in a row");
    let between = person(&[
        ("2026-07-01", Measure::Hba1c, "8.4"),
        ("2026-08-01", Measure::Hba1c, "7.0"),
        ("2026-10-01", Measure::Hba1c, "8.2"),
    ]);
    assert_eq!(since("poor-control", &between), Some((at("2026-10-01"), Cause::Result)));
    let known_late = Facts {
        diagnoses: vec![icd("2026-10-05", "E11.9", false), icd("2026-10-09", "E11.9", false)],
        ..person(&[("2026-09-01", Measure::Hba1c, "8.4")])
    };
    assert_eq!(since("poor-control", &known_late), Some((at("2026-10-09"), Cause::Diagnosis)));
    let seen = Facts { visits: vec![visit("2026-04-01")], ..person(&[]) };
    assert_eq!(since("lapsed-180", &seen), Some((at("2026-09-29"), Cause::Time)), "midnight in Japan");
    assert_eq!(since("lapsed-365", &seen), None);
}

#[test]
fn the_lapsed_were_seen_before_and_not_for_more_than_their_days() {
    let of = |day| {
        let facts = Facts { visits: vec![visit(day)], ..person(&[]) };
        ["lapsed-60", "lapsed-180", "lapsed-365"].map(|key| verdict(key, &facts) == Truth::Yes)
    };
    assert_eq!(of("2026-09-02"), [false, false, false], "60 days");
    assert_eq!(of("2026-09-01"), [true, false, false], "61 days");
    assert_eq!(of("2026-05-05"), [true, false, false], "180 days");
    assert_eq!(of("2026-05-04"), [true, true, false]);
    assert_eq!(of("2025-11-01"), [true, true, false], "365 days");
    assert_eq!(of("2025-10-31"), [true, true, true]);
}

#[test]
fn the_admitted_moved_dead_and_those_seen_elsewhere_are_not_lapsed() {
    let base = Facts { visits: vec![visit("2025-01-01")], ..person(&[]) };
    assert_eq!(verdict("lapsed-180", &base), Truth::Yes);
    let stay = |until: Option<&str>| {
        let visit = Visit { class: EncounterClass::Inpatient, planned: false, until: until.map(at) };
        let mut facts = base.clone();
        facts.visits.push(dated("2025-02-01", visit));
        verdict("lapsed-180", &facts)
    };
    assert_eq!((stay(None), stay(Some("2025-03-01"))), (Truth::No, Truth::Yes));
    let moved = Facts { observations: vec![observed("2025-06-01", Observation::MovedAway)], ..base.clone() };
    assert_eq!(verdict("lapsed-180", &moved), Truth::No);
    let dead = Facts { died: Some(at("2025-06-01")), ..base.clone() };
    assert_eq!(verdict("lapsed-180", &dead), Truth::No);
    let elsewhere = Dated { source: FacilityId::parse("clinic").unwrap(), ..visit("2026-10-01") };
    let mut seen = base.clone();
    seen.visits.push(elsewhere);
    assert_eq!(verdict("lapsed-180", &seen), Truth::No);
    let mut supplied = base;
    supplied.supplies = vec![drug("2026-04-01", "3962002F2027", Some(90))];
    assert_eq!(verdict("lapsed-180", &supplied), Truth::No, "the supply lasted until June");
}

#[test]
fn over_treated_elderly_have_a_risky_drug_and_are_below_their_floor() {
    let of = |born: i16, value| {
        let mut facts = person(&[("2026-10-01", Measure::Hba1c, value)]);
        facts.birth = Some(date(born, 1, 1));
        facts.observations = vec![observed("2026-01-01", Observation::Dasc8(9))];
        facts.supplies = vec![drug("2026-10-01", "2492416G2024", Some(28))];
        verdict("over-treated-elderly", &facts)
    };
    assert_eq!(
        [of(1946, "6.9"), of(1946, "7.0"), of(1956, "6.4"), of(1956, "6.5"), of(1970, "5.5")],
        [Truth::Yes, Truth::No, Truth::Yes, Truth::No, Truth::No]
    );
}

#[test]
fn nephropathy_and_decline_are_members_only_where_they_can_be_said() {
    let kidney = |egfr, albumin| {
        let mut rows = vec![("2026-08-01", Measure::Egfr, egfr)];
        rows.extend([("2026-05-01", Measure::AlbuminRatio, albumin), ("2026-08-01", Measure::AlbuminRatio, albumin)]);
        verdict("nephropathy-2", &person(&rows))
    };
    assert_eq!([kidney("70", "29"), kidney("70", "30"), kidney("29", "5")], [Truth::No, Truth::Yes, Truth::Yes]);
    assert_eq!(verdict("nephropathy-2", &person(&[("2026-08-01", Measure::Egfr, "70")])), Truth::Unknown);
    let falls = |last| {
        let values = [("2024-10-31", "70"), ("2025-10-31", "60"), ("2026-10-31", last)];
        verdict("rapid-decline", &person(&values.map(|(day, value)| (day, Measure::Egfr, value))))
    };
    assert_eq!([falls("50"), falls("62")], [Truth::Yes, Truth::No]);
    assert_eq!(verdict("rapid-decline", &person(&[])), Truth::Unknown);
}

#[test]
fn checks_are_overdue_the_day_after_and_unknown_where_not_all_is_open() {
    let eye = |day| Facts { observations: vec![observed(day, Observation::Eye(None))], ..person(&[]) };
    assert_eq!(verdict("overdue-eye", &eye("2025-11-01")), Truth::No);
    assert_eq!(verdict("overdue-eye", &eye("2025-10-31")), Truth::Yes);
    let mut never = person(&[]);
    assert_eq!((verdict("overdue-eye", &never), verdict("overdue-urine-albumin", &never)), (Truth::Yes, Truth::Yes));
    never.reach = Reach::new([(FacilityId::parse("eyes").unwrap(), Standing::Linked { open: CategorySet::NONE })]);
    assert_eq!(verdict("overdue-eye", &never), Truth::Unknown);
}

#[test]
fn after_gestational_diabetes_a_glucose_is_asked_for_from_six_weeks_to_a_year() {
    let born = |day: &str, more: Facts| {
        let mut facts = Facts { diagnoses: vec![icd("2025-09-01", "O24.4", false)], ..more };
        facts.observations =
            vec![observed("2025-06-01", Observation::PregnancyBegan), observed(day, Observation::PregnancyEnded)];
        facts
    };
    let at_now = |facts: &Facts, now: &str| cohort("gdm-follow-up").of(facts, &Tables::shipped(), at(now)).truth;
    let facts = born("2026-03-01", Facts::default());
    assert_eq!(at_now(&facts, "2026-04-11"), Truth::No, "41 days");
    assert_eq!(at_now(&facts, "2026-04-12"), Truth::Yes, "42 days");
    assert_eq!(at_now(&facts, "2027-03-01"), Truth::Yes, "365 days");
    assert_eq!(at_now(&facts, "2027-03-02"), Truth::No);
    let tested = born("2026-03-01", readings(&[("2026-05-01", Measure::LoadGlucose, "120")]));
    assert_eq!(at_now(&tested, NOW), Truth::No);
    let before = born("2026-03-01", readings(&[("2025-12-01", Measure::LoadGlucose, "160")]));
    assert_eq!(at_now(&before, NOW), Truth::Yes, "a value of the pregnancy is no follow-up");
    let mut healthy = facts;
    healthy.diagnoses.clear();
    assert_eq!(at_now(&healthy, NOW), Truth::No);
}

#[test]
fn not_known_is_neither_true_nor_false() {
    let unknown = Criterion::RapidDecline;
    let (yes, no) = (Criterion::Alive, Criterion::Not(Box::new(Criterion::Alive)));
    let of = |criterion: Criterion| criterion.of(&Person::new(&Facts::default(), &Tables::shipped(), at(NOW))).truth;
    assert_eq!(of(unknown.clone()), Truth::Unknown);
    assert_eq!(of(Criterion::Not(Box::new(unknown.clone()))), Truth::Unknown);
    assert_eq!(of(Criterion::All(vec![unknown.clone(), no.clone()])), Truth::No);
    assert_eq!(of(Criterion::All(vec![yes.clone(), unknown.clone()])), Truth::Unknown);
    assert_eq!(of(Criterion::Any(vec![unknown.clone(), yes])), Truth::Yes);
    assert_eq!(of(Criterion::Any(vec![no, unknown])), Truth::Unknown);
    assert_eq!((of(Criterion::All(vec![])), of(Criterion::Any(vec![]))), (Truth::Yes, Truth::No));
}

fn change(before: &Facts, after: &Facts) -> Option<(Step, Cause)> {
    let tables = Tables::shipped();
    let person = |facts| Person::new(facts, &tables, at(NOW));
    let found = step(&cohort("poor-control"), &person(before), &person(after));
    found.map(|change| (change.step, change.cause))
}

#[test]
fn people_enter_and_leave_for_a_reason() {
    let good = person(&[("2026-09-01", Measure::Hba1c, "7.0")]);
    let mut poor = good.clone();
    poor.readings.push(reading("2026-10-01", Measure::Hba1c, "8.5"));
    assert_eq!(change(&good, &poor), Some((Step::Enter, Cause::Result)));
    assert_eq!(change(&poor, &poor), None);
    let mut corrected = good.clone();
    corrected.readings.push(reading("2026-10-01", Measure::Hba1c, "7.5"));
    assert_eq!(change(&poor, &corrected), Some((Step::Leave, Cause::Correction)));
    assert_eq!(change(&poor, &good), Some((Step::Leave, Cause::Correction)), "taken back");
    let dead = Facts { died: Some(at("2026-10-30")), ..poor.clone() };
    assert_eq!(change(&poor, &dead), Some((Step::Leave, Cause::Death)));
    let closed = |facts: &Facts, standing| {
        let reach = Reach::new([(FacilityId::parse("hospital").unwrap(), standing)]);
        Facts { reach, ..facts.clone() }
    };
    let open = closed(&poor, Standing::Linked { open: CategorySet::all() });
    let withdrawn = closed(&Facts { readings: vec![], ..poor.clone() }, Standing::Linked { open: CategorySet::NONE });
    assert_eq!(change(&open, &withdrawn), Some((Step::Leave, Cause::Consent)));
    assert_eq!(change(&withdrawn, &open), Some((Step::Enter, Cause::Consent)));
    let unlinked = closed(&Facts { readings: vec![], ..poor.clone() }, Standing::NotLinked);
    assert_eq!(change(&open, &unlinked), Some((Step::Leave, Cause::Link)));
    let once = person(&[("2026-10-01", Measure::Hba1c, "8.5")]);
    let mut undiagnosed = once.clone();
    undiagnosed.diagnoses.pop();
    assert_eq!(change(&undiagnosed, &once), Some((Step::Enter, Cause::Diagnosis)));
}

#[test]
fn time_and_visits_move_the_lapsed() {
    let seen = Facts { visits: vec![visit("2026-04-01")], ..person(&[]) };
    let tables = Tables::shipped();
    let of = |before: (&Facts, &str), after: (&Facts, &str)| {
        let before = Person::new(before.0, &tables, at(before.1));
        let after = Person::new(after.0, &tables, at(after.1));
        step(&cohort("lapsed-180"), &before, &after).map(|change| (change.step, change.cause))
    };
    assert_eq!(of((&seen, "2026-09-28"), (&seen, "2026-09-29")), Some((Step::Enter, Cause::Time)));
    let mut back = seen.clone();
    back.visits.push(visit("2026-10-01"));
    assert_eq!(of((&seen, "2026-10-01"), (&back, "2026-10-01")), Some((Step::Leave, Cause::Visit)));
    let wakes = cohort("lapsed-180").wakes_at(&seen, &tables, at("2026-04-02"));
    assert_eq!(wakes, Some(at("2026-09-29")), "the day on which 181 days have passed");
}

/// The criterion turns at the moment it wakes at, and not before.
#[track_caller]
fn turns(criterion: Criterion, facts: &Facts, now: &str, on: &str) {
    let tables = Tables::shipped();
    let cohort = Cohort { criterion, ..cohort("poor-control") };
    assert_eq!(cohort.wakes_at(facts, &tables, at(now)), Some(at(on)));
    let truth = |moment| cohort.of(facts, &tables, moment).truth;
    assert_eq!(truth(at(on).plus_micros(-1)), truth(at(now)));
    assert_ne!(truth(at(on)), truth(at(now)));
}

#[test]
fn each_window_wakes_on_its_day() {
    use crate::diabetes::kidney::NephropathyStage;
    use crate::diabetes::{Check, DrugClass};
    use model::CodeSystem;
    let now = "2026-01-02";
    let supplied = Facts { supplies: vec![drug("2026-01-01", "3962002F2027", Some(28))], ..Facts::default() };
    turns(Criterion::Takes(DrugClass::Biguanide), &supplied, now, "2026-02-28");
    let staged = readings(&[("2026-01-01", Measure::Egfr, "70"), ("2026-01-01", Measure::AlbuminRatio, "5")]);
    turns(Criterion::StageAtLeast(NephropathyStage::One), &staged, now, "2028-01-01");
    let falling = readings(&[
        ("2023-01-01", Measure::Egfr, "90"),
        ("2024-06-01", Measure::Egfr, "70"),
        ("2025-06-01", Measure::Egfr, "50"),
    ]);
    turns(Criterion::RapidDecline, &falling, "2025-07-01", "2026-01-01");
    let born = Facts { birth: Some(date(1961, 4, 1)), ..Facts::default() };
    turns(Criterion::Age(65, 74), &born, now, "2026-04-01");
    turns(Criterion::Age(0, 64), &born, now, "2026-04-01");
    let leapling = Facts { birth: Some(date(1960, 2, 29)), ..Facts::default() };
    turns(Criterion::Age(66, 74), &leapling, "2026-02-28", "2026-03-01");
    let high = readings(&[("2026-01-01", Measure::Hba1c, "9.0")]);
    turns(
        Criterion::AtLeast(Measure::Hba1c, crate::lab::Decimal::from(8), Within::Days(180)),
        &high,
        now,
        "2026-06-30",
    );
    turns(Criterion::Overdue(Check::Hba1c), &high, now, "2026-04-02");
    let coded = Facts { diagnoses: vec![icd("2026-01-01", "N18.3", false)], ..Facts::default() };
    turns(Criterion::Coded(CodeSystem::Icd10, "N18".to_owned(), Within::Days(30)), &coded, now, "2026-01-31");
    let stay = Visit { class: EncounterClass::Inpatient, planned: false, until: Some(at("2026-02-01")) };
    turns(
        Criterion::Admitted,
        &Facts { visits: vec![dated("2026-01-01", stay)], ..Facts::default() },
        now,
        "2026-02-01",
    );
    turns(Criterion::Alive, &Facts { died: Some(at("2026-05-01")), ..Facts::default() }, now, "2026-05-01");
    let mut elderly = readings(&[("2026-01-01", Measure::Hba1c, "6.8")]);
    elderly.birth = Some(date(1951, 1, 20));
    elderly.observations = vec![observed("2026-01-01", Observation::Dasc8(9))];
    elderly.supplies = vec![drug("2026-01-01", "2492416G2024", Some(28))];
    turns(Criterion::OverTreated, &elderly, now, "2026-01-20");
}

#[test]
fn shipped_cohorts_have_names_of_their_own() {
    let keys: std::collections::BTreeSet<_> = named().into_iter().map(|one| one.key).collect();
    assert_eq!((keys.len(), named().len()), (10, 10));
}

proptest! {
    /// Followed step by step, membership is what it is when it is asked anew.
    #[test]
    fn steps_lead_where_evaluation_does(worlds in proptest::collection::vec(any_facts(), 2..4), which in 0_usize..10) {
        let (tables, cohort) = (Tables::shipped(), named().remove(which));
        let mut member = cohort.of(&worlds[0], &tables, at(NOW)).is_member();
        for two in worlds.windows(2) {
            let (before, after) = (Person::new(&two[0], &tables, at(NOW)), Person::new(&two[1], &tables, at(NOW)));
            match step(&cohort, &before, &after).map(|change| change.step) {
                Some(Step::Enter) => { prop_assert!(!member); member = true; }
                Some(Step::Leave) => { prop_assert!(member); member = false; }
                None => {}
            }
            prop_assert_eq!(member, cohort.of(&two[1], &tables, at(NOW)).is_member());
        }
    }

    /// Until it wakes, time alone changes nothing.
    #[test]
    fn nothing_changes_before_it_wakes(facts in any_facts(), start in 0_i64..1_200, days in proptest::collection::vec(1_i64..500, 1..8)) {
        let tables = Tables::shipped();
        let now = at("2023-04-01").plus_micros(start * 86_400_000_000);
        for cohort in named() {
            let (wakes, is) = (cohort.wakes_at(&facts, &tables, now), cohort.of(&facts, &tables, now).truth);
            let last = wakes.map(|wakes| wakes.plus_micros(-1));
            let later = days.iter().map(|days| now.plus_micros(days * 86_400_000_000));
            for moment in later.filter(|moment| wakes.is_none_or(|wakes| *moment < wakes)).chain(last) {
                prop_assert_eq!(cohort.of(&facts, &tables, moment).truth, is, "{} {}", cohort.key, moment);
            }
        }
    }

    /// Membership holds from since on, and did not just before; asked for at any moment between, it is the same.
    #[test]
    fn since_is_where_membership_began(facts in any_facts(), start in 0_i64..1_400, share in 0_i64..100) {
        let (tables, now) = (Tables::shipped(), at("2023-04-01").plus_micros(start * 86_400_000_000));
        for cohort in named() {
            let member = |moment| cohort.of(&facts, &tables, moment).is_member();
            let Some(since) = cohort.since(&facts, &tables, now) else {
                prop_assert!(!member(now));
                continue;
            };
            prop_assert!(member(since.at), "{} {}", cohort.key, since.at);
            prop_assert!(!member(since.at.plus_micros(-1)), "{} {}", cohort.key, since.at);
            let between = since.at.plus_micros(now.since(since.at) / 100 * share);
            prop_assert!(member(between), "{} {between}", cohort.key);
            prop_assert_eq!(cohort.since(&facts, &tables, between), Some(since));
        }
    }

    /// What a criterion does not look at changes nothing of what it says.
    #[test]
    fn criteria_say_the_same_of_what_they_look_at(facts in any_facts(), start in 0_i64..1_400, measure in 0_usize..22) {
        use super::looks::Looks;
        use crate::diabetes::kidney::{CkdRisk, NephropathyStage};
        use crate::diabetes::{Check, DiabetesType, DrugClass};
        let (tables, now) = (Tables::shipped(), at("2023-04-01").plus_micros(start * 86_400_000_000));
        let measure = Measure::all().nth(measure).unwrap();
        let bound = crate::lab::Decimal::from(5);
        let icd = model::CodeSystem::Icd10;
        let mut criteria = vec![
            Criterion::Diabetes,
            Criterion::Kind(DiabetesType::Two),
            Criterion::Age(40, 74),
            Criterion::AtLeast(measure, bound, Within::Days(200)),
            Criterion::Below(measure, bound, Within::Ever),
            Criterion::StageAtLeast(NephropathyStage::Two),
            Criterion::RiskAtLeast(CkdRisk::Orange),
            Criterion::RapidDecline,
            Criterion::FallingBelow60,
            Criterion::OverTreated,
            Criterion::NotSeenFor(90),
            Criterion::Takes(DrugClass::Biguanide),
            Criterion::Coded(icd, "E1".to_owned(), Within::Ever),
            Criterion::Alive,
            Criterion::Admitted,
            Criterion::MovedAway,
            Criterion::GestationalBirth(0, 365),
            Criterion::GlucoseSinceBirth,
        ];
        criteria.extend(Check::ALL.map(Criterion::Overdue));
        criteria.extend(named().into_iter().map(|cohort| cohort.criterion));
        for criterion in criteria {
            let only = Looks::of(&criterion).only(&facts);
            let (whole, part) = (Person::new(&facts, &tables, now), Person::new(&only, &tables, now));
            prop_assert_eq!(criterion.of(&whole), criterion.of(&part), "{}", criterion.code());
        }
    }

    /// What is not in the tables that a cohort asks for changes nothing of who is a member, by what and since when.
    #[test]
    fn the_tables_of_a_cohort_are_enough(mut facts in any_facts(), start in 0_i64..1_400) {
        use crate::diabetes::kidney::CkdRisk;
        use crate::diabetes::of_record::VITALS;
        use model::Category;
        let (tables, now) = (Tables::shipped(), at("2023-04-01").plus_micros(start * 86_400_000_000));
        let one = |key: &str, criterion| Cohort { key: key.to_owned(), version: "1".to_owned(), ja: String::new(), en: String::new(), criterion };
        let five = crate::lab::Decimal::from(5);
        let mut cohorts = named();
        cohorts.push(one("pressure", Criterion::AtLeast(Measure::Systolic, five, Within::Days(300))));
        cohorts.push(one("glycated", Criterion::AtLeast(Measure::Hba1c, five, Within::Ever)));
        cohorts.push(one("risk", Criterion::RiskAtLeast(CkdRisk::Yellow)));
        cohorts.push(one("not-admitted", Criterion::Not(Box::new(Criterion::Admitted))));
        let part_of = |facts: &Facts, cohort: &Cohort| {
            let (mut part, open) = (facts.clone(), cohort.tables());
            let is_vital = |measure| VITALS.iter().any(|(vital, ..)| *vital == measure);
            part.readings.retain(|one| {
                let table = if is_vital(one.value.measure()) { Category::VitalSign } else { Category::Laboratory };
                open.contains(table)
            });
            part.diagnoses.retain(|_| open.contains(Category::Condition));
            part.supplies.retain(|_| open.contains(Category::Medication));
            part.visits.retain(|_| open.contains(Category::Encounter));
            part.observations.retain(|_| open.contains(Category::Perinatal));
            part.mark_admissions();
            part
        };
        let parts: Vec<Facts> = cohorts.iter().map(|cohort| part_of(&facts, cohort)).collect();
        facts.mark_admissions();
        for (cohort, part) in cohorts.iter().zip(&parts) {
            prop_assert_eq!(cohort.of(&facts, &tables, now), cohort.of(part, &tables, now), "{}", cohort.key);
            prop_assert_eq!(cohort.since(&facts, &tables, now), cohort.since(part, &tables, now), "{}", cohort.key);
        }
    }

    /// The order of facts changes no membership, and a change of order has no cause but time.
    #[test]
    fn the_order_of_facts_changes_no_membership(facts in any_facts()) {
        let (tables, other) = (Tables::shipped(), turned(&facts));
        for cohort in named() {
            prop_assert_eq!(cohort.of(&facts, &tables, at(NOW)), cohort.of(&other, &tables, at(NOW)));
        }
        prop_assert_eq!(cause((&facts, at(NOW)), (&other, at(NOW))), Cause::Time);
    }

    /// A longer gap is a member of every shorter one.
    #[test]
    fn who_is_lapsed_for_long_is_lapsed_for_short(facts in any_facts()) {
        let of = |key| cohort(key).of(&facts, &Tables::shipped(), at(NOW)).is_member();
        prop_assert!(!of("lapsed-365") || of("lapsed-180"));
        prop_assert!(!of("lapsed-180") || of("lapsed-60"));
    }
}
