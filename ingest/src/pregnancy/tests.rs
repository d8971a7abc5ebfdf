use super::*;
use clinical::perinatal::chart::{Chart, Learned, chart_codes};
use model::{FacilityId, Payload};
use proptest::prelude::*;
use rstest::rstest;
use std::collections::BTreeSet;

fn at() -> Moment {
    Moment::parse("2026-05-20T10:00:00+09:00").unwrap()
}
fn quantity(value: f64, unit: &str) -> Value {
    Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() }
}
fn loinc(code: &str) -> Coding {
    Coding { system: CodeSystem::Loinc, code: code.to_owned(), display: String::new() }
}
/// What a chart makes of an entry that came in here.
fn read(entry: Perinatal) -> Result<Learned, clinical::perinatal::chart::Refused> {
    Chart::default().learn(&Payload::Perinatal(entry), at(), &FacilityId::parse("clinic").unwrap())
}
fn words() -> Vec<(String, Vec<String>)> {
    let split = |text: &str| text.split(',').next().unwrap_or_default().trim().to_owned();
    let codes = |text: &str| -> Vec<String> {
        text.split(", ")
            .filter_map(|one| one.split(' ').next())
            .filter(|one| !one.is_empty())
            .map(str::to_owned)
            .collect()
    };
    chart_codes().map(|(local, _, loinc, ..)| (split(&local), codes(&loinc))).collect()
}

#[test]
fn every_word_a_chart_reads_has_a_row_and_every_row_is_a_word_a_chart_reads() {
    let here: BTreeSet<&str> = ROWS.iter().map(|row| row.word).collect();
    let there = words();
    assert_eq!(here, there.iter().map(|(word, _)| word.as_str()).collect());
    assert_eq!(here.len(), ROWS.len(), "each once");
    for row in ROWS {
        let (_, known) = there.iter().find(|(word, _)| word == row.word).unwrap();
        for code in row.loinc {
            assert!(known.iter().any(|one| one == code), "{} reads no LOINC {code}", row.word);
        }
    }
}

#[test]
fn what_is_taken_at_the_edges_is_read_and_what_is_read_nowhere_is_refused() {
    let mut looked = 0;
    for row in ROWS {
        let Says::Number { low, high, units } = row.says else { continue };
        let known = Known::by_word(row.word).unwrap();
        let entry = |value, unit| {
            let code = Coding { system: CodeSystem::Local, code: row.word.to_owned(), display: String::new() };
            known.entry(code, quantity(value, unit), None, at())
        };
        for (unit, factor) in units {
            // a hair inside, for a factor does not divide evenly
            for inside in [low + (high - low) * 1e-9, (low + high) / 2.0, high - (high - low) * 1e-9] {
                let entry = entry(inside / factor, unit).unwrap_or_else(|_| panic!("{} {inside} {unit}", row.word));
                assert_eq!(read(entry), Ok(Learned::Taken), "{} {inside} {unit}", row.word);
                looked += 1;
            }
            for outside in [low - (high - low) * 0.01, high + (high - low) * 0.01] {
                assert_eq!(entry(outside / factor, unit), Err(Wrong::Value(row.rule)), "{} {outside}", row.word);
                let code = Coding { system: CodeSystem::Local, code: row.word.to_owned(), display: String::new() };
                let past = Perinatal { code, gestational_days: None, value: quantity(outside / factor, unit) };
                assert!(read(past).is_err(), "a chart takes {} {outside} {unit}", row.word);
            }
        }
        for other in ["furlong", "kg/m2", "mmHg/s"] {
            assert_eq!(entry((low + high) / 2.0, other), Err(Wrong::Unit(row.rule)), "{}", row.word);
        }
    }
    assert!(looked > 150, "{looked}");
}

#[rstest]
#[case(3.2, "kg", Ok(()))]
#[case(3_200.0, "g", Ok(()))]
#[case(3_200.0, "kg", Err(()))]
#[case(3.2, "g", Err(()))]
fn an_estimated_weight_in_kilograms_and_grams(
    #[case] value: f64,
    #[case] unit: &str,
    #[case] expected: Result<(), ()>,
) {
    let entry = Known::by_loinc("11727-5").unwrap().entry(loinc("11727-5"), quantity(value, unit), None, at());
    assert_eq!(entry.map(drop).map_err(drop), expected);
}

#[rstest]
#[case("2026-10-08", true)]
#[case("2026-10-08T00:00:00+09:00", true)]
#[case("2026-10-07T16:00:00Z", true)]
#[case("2026-10", false)]
#[case("2026", false)]
#[case("2026-02-30", false)]
#[case("令和8年10月8日", false)]
#[case("", false)]
#[case("2027-06-01", false)]
#[case("2025-10-08", false)]
fn a_due_date_is_a_whole_day_near_the_observation(#[case] text: &str, #[case] taken: bool) {
    let entry = Known::by_loinc("11778-8").unwrap().entry(loinc("11778-8"), Value::Text(text.to_owned()), None, at());
    assert_eq!(entry.is_ok(), taken);
    if let Ok(entry) = entry {
        assert_eq!(entry.value, Value::Text("2026-10-08".to_owned()));
        assert_eq!(read(entry), Ok(Learned::Taken));
    }
}

#[rstest]
#[case("11778-8", -60, 300)]
#[case("33067-0", -310, 0)]
fn days_lie_within_their_span_of_the_observation(#[case] code: &str, #[case] from: i64, #[case] to: i64) {
    let known = Known::by_loinc(code).unwrap();
    let on = |days: i64| {
        let day = at().plus_micros(days * 86_400_000_000);
        known.entry(loinc(code), Value::Text(day_of(day).to_string()), None, at()).is_ok()
    };
    assert_eq!([on(from - 1), on(from), on(to), on(to + 1)], [false, true, true, false]);
}

#[rstest]
#[case(quantity(32.0, "wk"), Some(224))]
#[case(quantity(227.0, "d"), Some(227))]
#[case(quantity(32.43, "wk"), Some(227))]
#[case(quantity(32.428_571, "wk"), Some(227))]
#[case(quantity(32.3, "wk"), None)]
#[case(quantity(32.5, "wk"), None)]
#[case(quantity(44.0 + 6.0 / 7.0, "wk"), Some(314))]
#[case(quantity(315.0, "d"), None)]
#[case(quantity(-1.0, "d"), None)]
#[case(quantity(8.0, "mo"), None)]
#[case(quantity(32.0, ""), None)]
#[case(Value::Text("32w3d".to_owned()), Some(227))]
#[case(Value::Text("32週3日".to_owned()), Some(227))]
#[case(Value::Text("32 weeks 3 days".to_owned()), Some(227))]
#[case(Value::Text("32+3".to_owned()), Some(227))]
#[case(Value::Text("32w".to_owned()), Some(224))]
#[case(Value::Text("32w7d".to_owned()), None)]
#[case(Value::Text("32.3".to_owned()), None)]
#[case(Value::Text("w".to_owned()), None)]
#[case(Value::Text(String::new()), None)]
#[case(Value::Text("99999999999w".to_owned()), None)]
fn an_age_is_in_whole_days(#[case] value: Value, #[case] days: Option<u32>) {
    let entry = Known::by_loinc("18185-9").unwrap().entry(loinc("18185-9"), value, None, at());
    assert_eq!(entry.as_ref().ok().and_then(|entry| entry.gestational_days), days);
    assert_eq!(entry.is_ok(), days.is_some());
    if let Ok(entry) = entry {
        assert_eq!(read(entry), Ok(Learned::Taken));
    }
}

#[test]
fn a_fetus_is_named_by_the_word_or_beside_it_and_only_where_there_is_one() {
    let bpd = || Known::by_loinc("11820-8").unwrap();
    let of = |known: Known, fetus| known.entry(loinc("11820-8"), quantity(80.0, "mm"), fetus, at());
    assert_eq!(of(bpd(), None).unwrap().code, loinc("11820-8"));
    assert_eq!(of(bpd(), Some(1)).unwrap().code, loinc("11820-8"));
    let second = of(bpd(), Some(2)).unwrap();
    assert_eq!((second.code.system.clone(), second.code.code.as_str()), (CodeSystem::Local, "bpd/2"));
    assert_eq!(read(second), Ok(Learned::Taken));
    assert_eq!(of(bpd(), Some(6)), Err(Wrong::Fetus));
    assert_eq!(of(Known::by_word("bpd/2").unwrap(), Some(1)), Err(Wrong::Fetus), "two numbers");
    assert_eq!(of(Known::by_word("fundal-height").unwrap(), Some(2)), Err(Wrong::Fetus), "the mother's");
    for none in ["bpd/0", "bpd/6", "bpd/", "bpd/a", "para/2", "nothing", ""] {
        assert!(Known::by_word(none).is_none(), "{none}");
    }
}

#[test]
fn a_bound_is_kept_and_is_no_measurement() {
    let bound = Value::Quantity { value: 1.0, unit: "mm".to_owned(), comparator: "<".to_owned() };
    let entry = Known::by_loinc("11820-8").unwrap().entry(loinc("11820-8"), bound.clone(), None, at()).unwrap();
    assert_eq!(entry.value, bound);
    assert_eq!(read(entry), Ok(Learned::NotAsked));
}

proptest! {
    /// Whatever is stated: it is an entry a chart takes without refusing it, or it is kept aside.
    #[test]
    fn no_entry_that_is_taken_is_refused_by_a_chart(
        row in 0..ROWS.len(),
        number in prop_oneof![-1e6..1e6_f64, 0.0..400.0_f64, Just(f64::NAN), Just(f64::INFINITY)],
        unit in prop_oneof![Just("".to_owned()), Just("g".to_owned()), Just("kg".to_owned()), Just("mm".to_owned()), Just("cm".to_owned()),
            Just("wk".to_owned()), Just("d".to_owned()), Just("/min".to_owned()), "[a-z/]{0,6}"],
        text in prop_oneof!["[0-9wd週日+. -]{0,12}", "\\PC{0,20}"],
        is_text in any::<bool>(),
        fetus in prop::option::of(0u8..8),
    ) {
        let row = &ROWS[row];
        let value = if is_text { Value::Text(text) } else { quantity(number, &unit) };
        let code = Coding { system: CodeSystem::Local, code: row.word.to_owned(), display: String::new() };
        if let Ok(entry) = Known::by_word(row.word).unwrap().entry(code, value, fetus, at()) {
            prop_assert!(entry.gestational_days.is_none_or(|days| days <= 314));
            prop_assert!(read(entry).is_ok());
        }
    }
}
