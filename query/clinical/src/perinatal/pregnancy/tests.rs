use super::*;
use crate::diabetes::{Date, days_between};
use crate::perinatal::maternal::{Delivery, MaternalLimits, Pressure, PressureClass};
use model::{FacilityId, Moment, PatientNumber, PatientRef};
use proptest::prelude::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn age(weeks: u16, days: u16) -> GestationalAge {
    GestationalAge::new(weeks, days).unwrap()
}

// === gestation ===

#[test]
fn every_basis_of_the_same_pregnancy_gives_the_same_due_date() {
    let bases = [
        Basis::LastPeriod(day("2026-01-01")),
        Basis::Conception(day("2026-01-15")),
        Basis::Transfer { on: day("2026-01-20"), embryo_days: 5 },
        Basis::Ultrasound { on: day("2026-03-05"), age: age(9, 0) },
        Basis::Written(day("2026-10-08")),
        Basis::Stated { on: day("2026-03-05"), age: age(9, 0) },
    ];
    for basis in bases {
        let due = DueDate::new(basis).unwrap();
        assert_eq!((due.date(), due.basis()), (day("2026-10-08"), basis), "{}", basis.code());
    }
}

#[test]
fn an_age_is_counted_in_completed_weeks_and_days_in_japan() {
    let due = DueDate::new(Basis::LastPeriod(day("2026-01-01"))).unwrap();
    assert_eq!(due.age_on(day("2026-01-01")), Some(age(0, 0)));
    assert_eq!(due.age_on(day("2025-12-31")), None);
    assert_eq!(due.age_on(day("2026-10-08")), Some(age(40, 0)));
    assert_eq!(due.age_on(day("2026-11-11")), Some(age(44, 6)));
    assert_eq!(due.age_on(day("2026-11-12")), None);
    // the day begins at 15:00 UTC
    assert_eq!(due.age_at(Moment::parse("2026-10-07T14:59:59Z").unwrap()), Some(age(39, 6)));
    assert_eq!(due.age_at(Moment::parse("2026-10-07T15:00:00Z").unwrap()), Some(age(40, 0)));
    assert_eq!(due.day_of(age(22, 0)), Some(day("2026-06-04")));
    assert_eq!((age(39, 2).to_string(), age(39, 2).weeks_and_days()), ("39w2d".to_owned(), (39, 2)));
}

#[test]
fn ages_have_their_names_at_their_limits() {
    for (weeks, days, term, month) in [
        (21, 6, TermClass::Abortion, 6),
        (22, 0, TermClass::Preterm, 6),
        (36, 6, TermClass::Preterm, 10),
        (37, 0, TermClass::Term, 10),
        (41, 6, TermClass::Term, 11),
        (42, 0, TermClass::Postterm, 11),
        (3, 6, TermClass::Abortion, 1),
        (4, 0, TermClass::Abortion, 2),
    ] {
        assert_eq!((age(weeks, days).term(), age(weeks, days).month()), (term, month), "{weeks}w{days}d");
    }
}

#[test]
fn what_is_no_age_and_no_date_is_refused() {
    assert_eq!(GestationalAge::new(44, 6), Ok(GestationalAge::OLDEST));
    for (weeks, days) in [(45, 0), (10, 7), (u16::MAX, 0)] {
        assert_eq!(GestationalAge::new(weeks, days), Err(GestationalAgeError));
    }
    assert_eq!(GestationalAge::from_days(-1), Err(GestationalAgeError));
    let embryo = Basis::Transfer { on: day("2026-01-20"), embryo_days: 8 };
    assert_eq!(DueDate::new(embryo), Err(DueDateError::Embryo { days: 8 }));
    assert!(DueDate::new(Basis::LastPeriod(day("2299-12-01"))).is_err());
}

proptest! {
    #[test]
    fn the_age_grows_by_a_day_each_day(from in 0_i32..60_000, days in 0_i32..313) {
        let start = Moment::parse("1900-06-01").unwrap().plus_micros(i64::from(from) * 86_400_000_000);
        let first = crate::diabetes::day_of(start);
        let due = DueDate::new(Basis::LastPeriod(first)).unwrap();
        let reached = GestationalAge::from_days(days).unwrap();
        let on = due.day_of(reached).unwrap();
        prop_assert_eq!(due.age_on(on), Some(reached));
        prop_assert_eq!(days_between(first, on), days);
        prop_assert_eq!(days_between(first, due.date()), TERM_DAYS);
        let (weeks, rest) = reached.weeks_and_days();
        prop_assert_eq!(GestationalAge::new(weeks, rest), Ok(reached));
    }
}

// === growth ===

#[test]
fn the_weight_is_that_of_the_formula() {
    // 1.07·9³ + 0.30·30²·7
    assert!((estimated_weight(90.0, 300.0, 70.0).unwrap() - 2_670.03).abs() < 0.01);
    for (bpd, ac, fl, argument) in
        [(9.0, 300.0, 70.0, "bpd"), (90.0, 30.0, 70.0, "ac"), (90.0, 300.0, 7.0, "fl"), (f64::NAN, 300.0, 70.0, "bpd")]
    {
        assert_eq!(estimated_weight(bpd, ac, fl).unwrap_err().argument, argument, "centimetres for millimetres");
    }
}

fn row(weeks: u16, mean: f64, deviation: f64) -> GrowthRow {
    GrowthRow { age: age(weeks, 0), mean, deviation }
}

/// A made-up table: not the Japanese standard.
fn table() -> GrowthTable {
    let rows = vec![row(20, 300.0, 40.0), row(30, 1_500.0, 180.0), row(40, 3_100.0, 360.0)];
    GrowthTable::new(FetalMeasure::Weight, "made up for a test", rows).unwrap()
}

#[test]
fn deviations_are_those_between_the_rows_and_none_outside_them() {
    assert_eq!(table().at(age(30, 0)), Some((1_500.0, 180.0)));
    assert_eq!(table().at(age(35, 0)), Some((2_300.0, 270.0)));
    assert_eq!(table().deviations(age(30, 0), 1_230.0), Some(-1.5));
    assert_eq!(table().deviations(age(19, 6), 300.0), None);
    assert_eq!(table().deviations(age(40, 1), 3_000.0), None);
    assert_eq!(table().deviations(age(30, 0), f64::NAN), None);
}

#[test]
fn a_table_that_is_not_whole_is_refused_and_the_row_named() {
    let of = |rows| GrowthTable::new(FetalMeasure::Bpd, "own", rows).unwrap_err();
    assert_eq!(of(vec![row(20, 45.0, 3.0)]), GrowthError::TooFew);
    assert_eq!(of(vec![row(20, 45.0, 3.0), row(20, 46.0, 3.0)]), GrowthError::Order { row: 2 });
    assert_eq!(of(vec![row(20, 45.0, 3.0), row(21, 48.0, 0.0)]), GrowthError::NotAboveZero { row: 2 });
    assert_eq!(of(vec![row(20, f64::NAN, 3.0), row(21, 48.0, 3.0)]), GrowthError::NotAboveZero { row: 1 });
    assert_eq!(of(vec![row(20, 45.0, 3.0), row(21, 48.0, 3.0), row(22, 47.0, 3.0)]), GrowthError::Shrinks { row: 3 });
    let unnamed = GrowthTable::new(FetalMeasure::Bpd, " ", vec![row(20, 45.0, 3.0), row(21, 48.0, 3.0)]);
    assert_eq!(unnamed, Err(GrowthError::NoSource));
}

// === record ===

fn at(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

fn entry(number: u64, version: u32, on: &str, said: Said) -> Entry {
    Entry { number, version, at: at(on), said: Some(said) }
}

fn registration() -> Registration {
    Registration {
        born: Some(day("1996-05-05")),
        height: Some(160.0),
        weight: Some(54.0),
        gravida: Some(1),
        para: Some(0),
        children: Some(1),
        history: vec![],
    }
}

fn checkup(weight: f64) -> Checkup {
    let one = FetusMeasured {
        number: 1,
        measures: vec![(FetalMeasure::Weight, weight)],
        presentation: Some(Presentation::Cephalic),
    };
    Checkup {
        pressure: Some(Pressure::new(118.0, 70.0).unwrap()),
        protein: Some(Dipstick::Negative),
        sugar: Some(Dipstick::Negative),
        fetuses: vec![one],
        ..Checkup::default()
    }
}

fn newborn() -> PatientRef {
    PatientRef::new(FacilityId::parse("nagasaki-mc").unwrap(), PatientNumber::parse("00099").unwrap())
}

fn course() -> Vec<Entry> {
    let due = |on: &str| Said::Dated(DueDate::new(Basis::LastPeriod(day(on))).unwrap());
    vec![
        entry(1, 1, "2026-02-20", Said::Registered(registration())),
        entry(2, 1, "2026-02-20", due("2026-01-01")),
        entry(3, 1, "2026-03-10", due("2026-01-03")),
        entry(4, 1, "2026-08-01", Said::CheckedUp(checkup(1_400.0))),
        entry(5, 1, "2026-06-01", Said::CheckedUp(checkup(400.0))),
        entry(6, 1, "2026-10-05", Said::Born(Birth { delivery: Some(Delivery::Vaginal), newborns: vec![newborn()] })),
    ]
}

#[test]
fn the_record_is_what_was_known_at_a_moment() {
    let known = |on: &str| Pregnancy::at(&course(), at(on));
    assert_eq!(known("2026-02-19"), None);
    let early = known("2026-03-01").unwrap();
    assert_eq!(
        (early.due.unwrap().date(), early.due_before.len(), early.stage),
        (day("2026-10-08"), 0, Stage::Pregnant)
    );
    let later = known("2026-09-01").unwrap();
    assert_eq!(later.due.unwrap().date(), day("2026-10-10"), "the later date holds");
    assert_eq!(later.due_before.iter().map(|due| due.date()).collect::<Vec<_>>(), [day("2026-10-08")]);
    assert_eq!(later.curve(1, FetalMeasure::Weight), [(age(21, 2), 400.0), (age(30, 0), 1_400.0)]);
    assert_eq!(later.curve(2, FetalMeasure::Weight), []);
    let Stage::Born { age: born, birth, .. } = known("2026-10-06").unwrap().stage else { panic!() };
    assert_eq!((born, birth.newborns), (Some(age(39, 2)), vec![newborn()]));
}

#[test]
fn a_correction_takes_the_place_of_its_entry_and_what_is_taken_back_is_gone() {
    let mut entries = course();
    entries.push(Entry { number: 5, version: 2, at: at("2026-06-01"), said: None });
    entries.push(entry(4, 3, "2026-08-02", Said::CheckedUp(checkup(1_450.0))));
    entries.push(entry(4, 2, "2026-08-01", Said::CheckedUp(checkup(9.0))));
    let known = Pregnancy::at(&entries, at("2026-09-01")).unwrap();
    assert_eq!(known.curve(1, FetalMeasure::Weight), [(age(30, 1), 1_450.0)]);
}

proptest! {
    #[test]
    fn the_order_of_arrival_and_repetition_change_nothing(
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(), again in proptest::collection::vec(0_usize..6, 0..6)
    ) {
        let entries = course();
        let shuffled: Vec<Entry> = order.iter().chain(&again).map(|which| entries[*which].clone()).collect();
        for on in ["2026-02-20", "2026-07-01", "2026-12-01"] {
            prop_assert_eq!(Pregnancy::at(&shuffled, at(on)), Pregnancy::at(&entries, at(on)));
        }
    }
}

// === screening ===

fn screened(pregnancy: &Pregnancy, on: &str, weights: Option<&GrowthTable>) -> Screening {
    let (limits, maternal) = (RiskLimits::shipped(), MaternalLimits::shipped());
    screen(pregnancy, day(on), RiskRules { limits: &limits, maternal: &maternal, weights })
}

fn known() -> Pregnancy {
    Pregnancy::at(&course(), at("2026-09-01")).unwrap()
}

#[test]
fn every_limit_is_named_once_and_lies_in_its_span() {
    crate::perinatal::limit::check_rows(RiskLimit::ALL.iter().map(|limit| limit.row()));
}

#[test]
fn nothing_found_is_not_nothing_looked_at() {
    assert_eq!(screened(&known(), "2026-09-01", Some(&table())), Screening::default());
    let without = screened(&known(), "2026-09-01", None);
    assert_eq!((without.factors, without.not_looked_at), (vec![], vec![NO_GROWTH_TABLE]));
    let empty = Pregnancy { registration: None, due: None, due_before: vec![], visits: vec![], stage: Stage::Pregnant };
    assert_eq!(
        screened(&empty, "2026-09-01", Some(&table())).not_looked_at,
        ["registration", "pressure", "protein", "sugar", "growth", "due-date"]
    );
}

#[test]
fn each_factor_is_found_at_its_limit() {
    let with = |change: &dyn Fn(&mut Registration)| {
        let mut pregnancy = known();
        change(pregnancy.registration.as_mut().unwrap());
        screened(&pregnancy, "2026-09-01", Some(&table())).factors
    };
    // due on 2026-10-10
    assert_eq!(with(&|one| one.born = Some(day("1991-10-11"))), []);
    assert_eq!(with(&|one| one.born = Some(day("1991-10-10"))), [Factor::Age(35)]);
    assert_eq!(with(&|one| one.born = Some(day("2008-10-10"))), []);
    assert_eq!(with(&|one| one.born = Some(day("2008-10-11"))), [Factor::Age(17)]);
    assert_eq!(with(&|one| one.weight = Some(63.9)), []);
    assert_eq!(with(&|one| one.weight = Some(64.0)), [Factor::BodyMassIndex(25.0)]);
    assert_eq!(with(&|one| one.weight = Some(47.36)), []);
    assert!(matches!(with(&|one| one.weight = Some(47.3))[..], [Factor::BodyMassIndex(_)]));
    assert_eq!(with(&|one| one.history = vec![History::UterineScar]), [Factor::History(History::UterineScar)]);
    assert_eq!(with(&|one| one.children = Some(2)), [Factor::Children(2)]);
}

#[test]
fn the_last_checkup_that_looked_counts() {
    let with = |change: &dyn Fn(&mut Checkup)| {
        let mut entries = course();
        let mut changed = checkup(1_800.0);
        change(&mut changed);
        entries.push(entry(9, 1, "2026-08-28", Said::CheckedUp(changed)));
        screened(&Pregnancy::at(&entries, at("2026-09-30")).unwrap(), "2026-09-30", Some(&table())).factors
    };
    assert_eq!(with(&|_| {}), []);
    assert_eq!(
        with(&|one| one.pressure = Some(Pressure::new(140.0, 80.0).unwrap())),
        [Factor::Pressure(PressureClass::Hypertensive)]
    );
    assert_eq!(with(&|one| one.pressure = None), [], "the one before it had a pressure");
    assert_eq!(with(&|one| one.protein = Some(Dipstick::Trace)), []);
    assert_eq!(with(&|one| one.protein = Some(Dipstick::One)), [Factor::Protein(Dipstick::One)]);
    assert_eq!(with(&|one| one.sugar = Some(Dipstick::Three)), [Factor::Sugar(Dipstick::Three)]);
    assert_eq!(with(&|one| one.cervix = Some(25.0)), []);
    assert_eq!(with(&|one| one.cervix = Some(24.9)), [Factor::Cervix(24.9)], "33 weeks and 6 days");
    assert_eq!(with(&|one| one.placenta_praevia = Some(true)), [Factor::PlacentaPraevia]);
    assert_eq!(with(&|one| one.fetuses[0].presentation = Some(Presentation::Breech)), [], "33 weeks and 6 days");
    assert!(matches!(with(&|one| one.fetuses[0].measures[0].1 = 1_600.0)[..], [Factor::Small { fetus: 1, .. }]));
}

#[test]
fn lie_and_overdue_count_from_their_weeks_on() {
    let mut entries = course();
    let mut breech = checkup(2_200.0);
    breech.fetuses[0].presentation = Some(Presentation::Breech);
    breech.cervix = Some(10.0);
    entries.push(entry(9, 1, "2026-08-29", Said::CheckedUp(breech)));
    let known = Pregnancy::at(&entries, at("2026-09-30")).unwrap();
    let factors = |on| screened(&known, on, Some(&table())).factors;
    assert_eq!(factors("2026-10-23"), [Factor::Lie(Presentation::Breech)], "34 weeks: the cervix no longer counts");
    assert_eq!(factors("2026-10-24"), [Factor::Lie(Presentation::Breech), Factor::Overdue(age(42, 0))]);
}
