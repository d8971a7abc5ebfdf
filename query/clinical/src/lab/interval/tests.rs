use super::*;
use crate::Certainty;
use crate::lab::{Comparator, Expect, Item, ResultText, ResultValue};
use proptest::prelude::*;
use std::collections::BTreeMap;

const MALE: Option<BiologicalSex> = Some(BiologicalSex::Male);
const FEMALE: Option<BiologicalSex> = Some(BiologicalSex::Female);

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn interval(low: &str, high: &str) -> Reference {
    let end = |text: &str| match text {
        "" => None,
        text => Some(text.strip_suffix('!').map_or_else(|| (decimal(text), true), |text| (decimal(text), false))),
    };
    Reference::Numbers(Interval { low: end(low), high: end(high) })
}

#[track_caller]
fn reads(written: &str, expected: Reference) {
    let read = ReferenceText::read(written);
    assert_eq!(read.references(None), [expected], "{written}");
    assert_eq!(read.original(), written);
}

#[test]
fn intervals_are_read_in_every_way_they_are_written() {
    for written in
        ["3.5-5.0", "3.5～5.0", "3.5 - 5.0", "３．５－５．０", "3.5〜5.0", "(3.5-5.0)", "3.5-5.0 mg/dL", "3.50-5.00"]
    {
        reads(written, interval("3.5", "5.0"));
    }
    reads("6.70-8.3", interval("6.70", "8.3"));
    reads("<5.0", interval("", "5.0!"));
    reads("5.0未満", interval("", "5.0!"));
    reads("5.0以下", interval("", "5.0"));
    reads("≦5.0", interval("", "5.0"));
    reads("～5.0", interval("", "5.0"));
    reads("60以上", interval("60", ""));
    reads("60-", interval("60", ""));
    reads("60～", interval("60", ""));
    reads(">10", interval("10!", ""));
    reads("-2.0～2.0", interval("-2.0", "2.0"));
    reads("-2.0～+2.0", interval("-2.0", "2.0"));
    reads("0.5～2未満", interval("0.5", "2!"));
    reads("4.3 to 6.2", interval("4.3", "6.2"));
    reads("4.0以上5.0未満", interval("4.0", "5.0!"));
    reads("4.0以上 5.0以下", interval("4.0", "5.0"));
}

#[test]
fn grades_are_intervals_too() {
    for written in ["(-)", "陰性", "-", "（－）"] {
        reads(written, Reference::UpTo(Grade::Negative));
    }
    reads("(-)～(±)", Reference::UpTo(Grade::Borderline));
    reads("1+以下", Reference::UpTo(Grade::Plus(1)));
}

#[test]
fn an_interval_per_sex_is_split() {
    for written in [
        "M:13.7-16.8 F:11.6-14.8",
        "男:13.7-16.8 女:11.6-14.8",
        "男性 13.7～16.8 女性 11.6～14.8",
        "M13.7-16.8/F11.6-14.8",
        "♂13.7-16.8、♀11.6-14.8",
        "男13.7-16.8女11.6-14.8",
        "Ｍ：13.7－16.8　Ｆ：11.6－14.8",
        "(M)13.7-16.8(F)11.6-14.8",
        "男)13.7-16.8 女)11.6-14.8",
        "MALE 13.7-16.8 FEMALE 11.6-14.8",
        "女性:11.6-14.8 男性:13.7-16.8",
    ] {
        let read = ReferenceText::read(written);
        assert_eq!(read.references(MALE), [interval("13.7", "16.8")], "{written}");
        assert_eq!(read.references(FEMALE), [interval("11.6", "14.8")], "{written}");
        assert_eq!(read.references(None).len(), 2, "{written}");
    }
    assert_eq!(ReferenceText::read("M:10以下 F:7以下").references(FEMALE), [interval("", "7")]);
}

#[test]
fn what_is_not_understood_is_no_interval() {
    for written in ["", "別紙参照", "5.0-3.5", "5.0", "M:13.7-16.8 F:別紙", "卵胞期 3.0-14.7", "1,5-2,5"] {
        assert!(ReferenceText::read(written).references(None).is_empty(), "{written}");
    }
}

#[test]
fn the_interval_of_the_result_wins_then_the_laboratory_then_the_shared_one() {
    let item = Item::by_key("creatinine");
    let row = |sex, low, high| IntervalRow {
        item: "creatinine".to_owned(),
        sex,
        from_age: 0,
        below_age: None,
        interval: Interval::closed(Some(decimal(low)), Some(decimal(high))).unwrap(),
    };
    let own = IntervalTable::new("7", vec![row(MALE, "0.6", "1.1"), row(FEMALE, "0.4", "0.8")]).unwrap();
    let man = Patient { sex: MALE, age: Some(50) };
    let came = ReferenceText::read("0.61-1.04");
    let chosen = choose(Some(&came), Some(&own), item, man).unwrap();
    assert_eq!((chosen.references, chosen.from), (vec![interval("0.61", "1.04")], IntervalSource::Result));
    let chosen = choose(None, Some(&own), item, man).unwrap();
    assert_eq!(chosen.references, [interval("0.6", "1.1")]);
    assert_eq!(chosen.from, IntervalSource::Laboratory { version: "7".to_owned() });
    let chosen = choose(Some(&ReferenceText::read(" ")), None, item, man).unwrap();
    assert_eq!(chosen.references, [interval("0.65", "1.07")]);
    assert_eq!(chosen.from, IntervalSource::Shared { certainty: Certainty::Secondary });
    assert_eq!(choose(Some(&ReferenceText::read("別紙")), Some(&own), item, man), None, "not replaced");
}

#[test]
fn shared_intervals_are_for_adults() {
    let item = Item::by_key("alp");
    let of = |age| choose(None, None, item, Patient { sex: MALE, age });
    assert_eq!(of(Some(18)).unwrap().references, [interval("38", "113")]);
    assert_eq!(of(Some(17)), None);
    assert_eq!(of(None), None);
}

#[test]
fn without_the_sex_only_what_both_say_is_said() {
    let item = Item::by_key("haemoglobin");
    let chosen = choose(None, None, item, Patient { sex: None, age: Some(40) }).unwrap();
    let flag = |value: &str| flag(&ResultText::read(value, Expect::Quantity), &chosen.references, None);
    assert_eq!(flag("10.0"), Some(Flag::Low));
    assert_eq!(flag("12.5"), None);
    assert_eq!(flag("14.0"), Some(Flag::Normal));
    assert_eq!(flag("17.0"), Some(Flag::High));
}

#[test]
fn a_laboratory_table_with_a_wrong_row_is_refused() {
    let row = |item: &str, from_age, below_age, low, high| IntervalRow {
        item: item.to_owned(),
        sex: None,
        from_age,
        below_age,
        interval: Interval { low: Some((decimal(low), true)), high: Some((decimal(high), true)) },
    };
    let error = |rows| IntervalTable::new("1", rows).unwrap_err();
    assert!(matches!(error(vec![row("sugar", 0, None, "1", "2")]), IntervalError::Item { row: 1, .. }));
    assert_eq!(error(vec![row("alp", 0, None, "2", "1")]), IntervalError::Interval { row: 1 });
    assert_eq!(
        error(vec![row("alp", 0, Some(18), "1", "2"), row("alp", 17, None, "1", "2")]),
        IntervalError::Twice { row: 2 }
    );
    let ages = vec![row("alp", 0, Some(18), "100", "350"), row("alp", 18, None, "38", "113")];
    let table = IntervalTable::new("1", ages).unwrap();
    let of = |age| {
        choose(None, Some(&table), Item::by_key("alp"), Patient { sex: None, age }).map(|chosen| chosen.references)
    };
    assert_eq!(of(Some(12)), Some(vec![interval("100", "350")]));
    assert_eq!(of(Some(18)), Some(vec![interval("38", "113")]));
    assert_eq!(of(None), None);
}

#[test]
fn flags_are_computed_at_the_bounds() {
    let reference = [interval("3.6", "4.8")];
    let critical = Interval { low: Some((decimal("2.5"), false)), high: Some((decimal("6.0"), false)) };
    let flag = |value: &str| flag(&ResultText::read(value, Expect::Quantity), &reference, Some(&critical));
    for (value, expected) in [
        ("3.6", Some(Flag::Normal)),
        ("4.8", Some(Flag::Normal)),
        ("3.5", Some(Flag::Low)),
        ("4.9", Some(Flag::High)),
        ("2.5", Some(Flag::CriticallyLow)),
        ("6.0", Some(Flag::CriticallyHigh)),
        ("5.9", Some(Flag::High)),
        (">7", Some(Flag::CriticallyHigh)),
        ("5.0以上", Some(Flag::High)),
        ("<4.0", None),
        ("溶血", None),
    ] {
        assert_eq!(flag(value), expected, "{value}");
    }
}

#[test]
fn grades_are_flagged_as_abnormal() {
    let reference = [Reference::UpTo(Grade::Borderline)];
    let flag = |value: &str| flag(&ResultText::read(value, Expect::Grade), &reference, None);
    assert_eq!(flag("(-)"), Some(Flag::Normal));
    assert_eq!(flag("±"), Some(Flag::Normal));
    assert_eq!(flag("(2+)"), Some(Flag::Abnormal));
    assert_eq!(flag(">3+"), Some(Flag::Abnormal));
    assert_eq!(flag("少し"), None);
}

#[test]
fn a_reported_flag_agrees_differs_or_cannot_be_compared() {
    let check = |computed, reported| agreement(computed, reported, false);
    assert_eq!(check(Some(Flag::High), "H"), Agreement::Agrees);
    assert_eq!(check(Some(Flag::CriticallyHigh), "H"), Agreement::Agrees);
    assert_eq!(check(Some(Flag::High), "Ｌ"), Agreement::Differs);
    assert_eq!(check(Some(Flag::Normal), "H"), Agreement::Differs);
    assert_eq!(check(Some(Flag::Abnormal), "*"), Agreement::Agrees);
    assert_eq!(check(Some(Flag::Low), "A"), Agreement::Agrees);
    assert_eq!(check(Some(Flag::Normal), "A"), Agreement::Differs);
    assert_eq!(check(Some(Flag::Normal), ""), Agreement::CannotBeSaid);
    assert_eq!(agreement(Some(Flag::Normal), "", true), Agreement::Agrees);
    assert_eq!(agreement(Some(Flag::High), "", true), Agreement::Differs);
    assert_eq!(check(None, "H"), Agreement::CannotBeSaid);
    assert_eq!(check(Some(Flag::High), "?"), Agreement::CannotBeSaid);
}

#[test]
fn the_shared_table_names_items_once_per_sex_and_the_right_way_round() {
    let mut seen: BTreeMap<(&str, bool, bool), u32> = BTreeMap::new();
    for (key, sex, low, high, _) in JCCLS {
        assert!(Item::by_key(key).is_some(), "{key}");
        assert!(low < high, "{key}");
        *seen.entry((key, *sex != FEMALE, *sex != MALE)).or_default() += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    assert!(
        JCCLS.iter().all(|(key, sex, ..)| sex.is_none()
            || JCCLS.iter().any(|(other, of, ..)| key == other && of.is_some() && of != sex))
    );
}

proptest! {
    /// A number is in one place, and where it is said to be, it is.
    #[test]
    fn a_number_is_where_it_is_said_to_be(value in -50_i64..50, low in -50_i64..50, width in 0_i64..50, low_part: bool, high_part: bool) {
        let high = low + width;
        let interval = Interval { low: Some((Decimal::from(low), low_part)), high: Some((Decimal::from(high), high_part)) };
        let span = ResultValue::Number { comparator: Comparator::Equal, value: Decimal::from(value) }.span().unwrap();
        let below = if low_part { value < low } else { value <= low };
        let above = if high_part { value > high } else { value >= high };
        let expected = if below { Place::Below } else if above { Place::Above } else { Place::Within };
        prop_assert_eq!(interval.place(span), Some(expected));
    }

    /// What is written as an interval is read as it, in every notation.
    #[test]
    fn every_notation_of_an_interval_means_the_same(low in -1_000_i64..1_000, width in 0_i64..1_000, scale in 0_u32..4, dash in "[-~～〜－]") {
        let (low, high) = (Decimal::new(low, scale), Decimal::new(low + width, scale));
        prop_assume!(!(high.is_sign_negative() && dash == "-"));
        let written = format!("{low}{dash}{high}");
        let expected = Reference::Numbers(Interval::closed(Some(low), Some(high)).unwrap());
        prop_assert_eq!(ReferenceText::read(&written).references(None), vec![expected], "{}", written);
    }
}
