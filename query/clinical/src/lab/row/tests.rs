use super::*;
use crate::diabetes::BiologicalSex;
use crate::lab::{DeltaTable, Grade, ITEMS, Unit};
use proptest::prelude::*;

const MAN: Patient = Patient { sex: Some(BiologicalSex::Male), age: Some(50) };

fn input<'a>(code: &'a str, value: &'a str, unit: &'a str) -> LabInput<'a> {
    LabInput {
        code: CodeText::Jlac10(code),
        specimen: "",
        value: Written::Text(value),
        unit,
        interval: WrittenInterval::Text(""),
        flag: "",
        patient: MAN,
    }
}

fn read(input: &LabInput<'_>) -> LabRow {
    let critical = CriticalTable::shipped();
    let site = Site {
        map: None,
        spellings: UnitSpellings::shipped(),
        intervals: None,
        critical: &critical,
        blank_flag_is_normal: false,
    };
    read_result(input, &site)
}

const WBC: &str = "2A990000001930952";
const POTASSIUM: &str = "3H015000002326101";

fn number(row: &LabRow) -> Option<String> {
    match row.normalised.as_ref()?.value {
        ResultValue::Number { comparator, value } => Some(format!("{}{value}", comparator.code())),
        _ => None,
    }
}

#[test]
fn a_result_is_read_whole() {
    let row = read(&LabInput {
        interval: WrittenInterval::Text("3.6-4.8"),
        flag: "H",
        ..input(POTASSIUM, "５．１", "mEq/L")
    });
    assert_eq!(row.item().map(|item| item.key), Some("potassium"));
    assert_eq!((number(&row), row.normalised.as_ref().map(|one| one.by)), (Some("5.1".to_owned()), Some(By::Charge)));
    assert_eq!((row.flag, row.agreement, row.critical), (Some(Flag::High), Agreement::Agrees, Some(Detection::No)));
    assert_eq!(row.value.original(), "５．１");
    assert!(row.doubts.is_empty(), "{:?}", row.doubts);
}

#[test]
fn the_traps_of_blood_counts_are_seen() {
    let row = read(&input(WBC, "5200", "/μL"));
    assert_eq!((number(&row), row.flag), (Some("5.2".to_owned()), Some(Flag::Normal)));
    // the same figure with the unit of another laboratory: no alarm, but a doubt
    let row = read(&input(WBC, "5200", "10*3/uL"));
    assert_eq!((row.flag, row.critical), (None, Some(Detection::CannotBeSaid)));
    assert_eq!(row.doubts, [Doubt::Implausible]);
    assert_eq!(read(&input(WBC, "5.2", "/uL")).doubts, [Doubt::Implausible]);
    assert_eq!(read(&input("2A990000001930955", "21.5", "/uL")).doubts, [Doubt::Implausible]);
    let row = read(&input("2A990000001930955", "21.5", "×10^4"));
    assert_eq!((number(&row), row.doubts.as_slice()), (Some("215".to_owned()), &[Doubt::UnitSupplied][..]));
    assert!(read(&input(WBC, "0", "/uL")).doubts.is_empty(), "none were found");
    assert!(read(&input(WBC, "<10", "/uL")).doubts.is_empty(), "below what can be counted");
}

#[test]
fn a_critical_value_is_critical_in_whatever_unit_it_comes() {
    let row = read(&input("3D010000002227201", "1.8", "mmol/L"));
    assert_eq!((row.flag, row.critical), (Some(Flag::CriticallyLow), Some(Detection::Low)));
    let row = read(&input(POTASSIUM, "100<", "mmol/L"));
    assert_eq!(row.critical, Some(Detection::High));
}

#[test]
fn what_cannot_be_converted_says_why_and_is_not_flagged_by_a_table() {
    let row = read(&input("3A015000002327101", "600", "umol/L"));
    assert!(
        matches!(row.doubts.as_slice(), [Doubt::NotConverted(ConvertError::NoMolarMass { .. })]),
        "{:?}",
        row.doubts
    );
    assert_eq!((row.flag, row.normalised), (None, None));
    let with_interval =
        LabInput { interval: WrittenInterval::Text("620-770"), ..input("3A015000002327101", "600", "umol/L") };
    assert_eq!(read(&with_interval).flag, Some(Flag::Low), "the interval is in the result's own unit");
}

#[test]
fn units_are_found_in_the_value_or_supplied_or_missed() {
    assert_eq!(number(&read(&input("3C015000002327101", "0.76 mg/dL", ""))), Some("0.76".to_owned()));
    assert_eq!(number(&read(&input("2B030000002231157", "1.05", ""))), Some("1.05".to_owned()), "INR has none");
    let row = read(&input("3C015000002327101", "0.76", ""));
    assert_eq!((row.doubts.as_slice(), row.flag), (&[Doubt::UnitMissing][..], None));
    assert_eq!(read(&input("3C015000002327101", "0.76", "何か")).doubts, [Doubt::UnitUnknown]);
    assert!(read(&input("3C015000002327101", "検体不足", "")).doubts.is_empty(), "no value, no unit to miss");
}

#[test]
fn grades_are_flagged_by_the_interval_that_came() {
    let urine =
        LabInput { interval: WrittenInterval::Text("(-)"), flag: "A", ..input("1A990000000191153", "(2+)", "") };
    let row = read(&urine);
    assert_eq!(row.value.grade(), Some((Comparator::Equal, Grade::Plus(2))));
    assert_eq!((row.flag, row.agreement), (Some(Flag::Abnormal), Agreement::Agrees));
    assert!(row.doubts.is_empty(), "{:?}", row.doubts);
}

#[test]
fn numbers_and_bounds_of_a_record_are_taken_as_they_were_typed() {
    let row = read(&LabInput {
        value: Written::Number("<", 0.3),
        interval: WrittenInterval::Bounds(None, Some(0.14)),
        ..input("5C070000002306201", "", "mg/L")
    });
    assert_eq!(row.value.original(), "<0.3");
    assert_eq!(number(&row), Some("<0.03".to_owned()));
    assert_eq!(row.flag, None, "below 0.3 may be above 0.14: both in the result's unit");
    let row = read(&LabInput { value: Written::Number("", 5.1), ..input(POTASSIUM, "", "mmol/L") });
    assert_eq!((number(&row), row.flag), (Some("5.1".to_owned()), Some(Flag::High)));
    let row = read(&LabInput { value: Written::Absent, ..input(POTASSIUM, "", "mmol/L") });
    assert_eq!((row.value.value, row.flag), (ResultValue::Missing(crate::lab::Missing::Blank), None));
}

#[test]
fn local_codes_go_by_the_map() {
    let map = LocalMap::read("h", 1, [["0101", "", "jlac10", "3C015000002327101", "mg/dL"]]).unwrap();
    let critical = CriticalTable::shipped();
    let site = Site {
        map: Some(&map),
        spellings: UnitSpellings::shipped(),
        intervals: None,
        critical: &critical,
        blank_flag_is_normal: true,
    };
    let local = |code| LabInput { code: CodeText::Local(code), ..input("", "0.76", "") };
    let row = read_result(&local("0101"), &site);
    assert_eq!(
        (row.item().map(|item| item.key), row.doubts.as_slice()),
        (Some("creatinine"), &[Doubt::UnitSupplied][..])
    );
    assert_eq!((row.flag, row.agreement), (Some(Flag::Normal), Agreement::Agrees));
    let row = read_result(&local("9999"), &site);
    assert_eq!((row.resolved.is_none(), row.doubts.contains(&Doubt::Unmapped)), (true, true));
    let row = read(&LabInput { code: CodeText::Loinc("2160-1"), ..input("", "0.76", "mg/dL") });
    assert_eq!(row.doubts, [Doubt::BadCode], "a check digit that does not hold");
}

#[test]
fn an_interval_that_is_not_understood_is_a_doubt_and_not_replaced() {
    let row = read(&LabInput { interval: WrittenInterval::Text("年齢別"), ..input(POTASSIUM, "5.1", "mmol/L") });
    assert_eq!((row.flag, row.reference, row.doubts.as_slice()), (None, None, &[Doubt::IntervalUnread][..]));
}

#[test]
fn rows_go_on_to_delta_checks() {
    let at = |day: i64| Moment::from_micros(1_800_000_000_000_000 + day * 86_400_000_000).unwrap();
    let measured = |code, value, unit, day| read(&input(code, value, unit)).measured(at(day));
    let before: Vec<_> =
        [measured(POTASSIUM, "4.0", "mmol/L", 0), measured(WBC, "5200", "/uL", 0)].into_iter().flatten().collect();
    let now: Vec<_> =
        [measured(POTASSIUM, "5.2", "mEq/L", 1), measured(WBC, "5.4", "10*3/uL", 1)].into_iter().flatten().collect();
    let table = DeltaTable::shipped();
    let deltas = table.deltas(&now, &before);
    let real: Vec<_> = deltas.iter().filter(|delta| delta.is_real_change()).map(|delta| delta.now.item.key).collect();
    assert_eq!((real, table.mix_up(&deltas).is_likely), (vec!["potassium"], false));
    assert_eq!(measured(POTASSIUM, "<3.0", "mmol/L", 0), None, "a bound is no value to take a difference of");
    assert_eq!(measured(WBC, "5200", "10*3/uL", 0), None, "implausible");
}

/// A JLAC10 code of an item.
fn code_of(item: &Item) -> String {
    let pattern = item.jlac10[0];
    let specimen = match item.specimen {
        crate::lab::SpecimenKind::Urine => "001",
        crate::lab::SpecimenKind::Arterial => "020",
        _ => "023",
    };
    format!("{}0000{specimen}999{}", pattern.analyte, pattern.results.first().unwrap_or(&"01"))
}

proptest! {
    /// Whatever comes, reading ends, what was written stays, and what is flagged by a table was brought to its unit.
    #[test]
    fn reading_never_fails(which in 0..ITEMS.len(), value in "[0-9.<>=±+\\-以上未満陰性 ]{0,8}", unit in "[a-zA-Z0-9/*^μ万%]{0,8}", interval in "[0-9.\\-～以下 ]{0,9}", mark in "[HLNA*]{0,2}") {
        let code = code_of(&ITEMS[which]);
        let row = read(&LabInput { interval: WrittenInterval::Text(&interval), flag: &mark, ..input(&code, &value, &unit) });
        prop_assert_eq!(row.item(), Some(&ITEMS[which]));
        prop_assert_eq!(row.value.original(), value.as_str());
        if let Some(normalised) = &row.normalised {
            prop_assert_eq!(normalised.unit, ITEMS[which].unit);
        }
        if matches!(row.flag, Some(Flag::CriticallyLow | Flag::CriticallyHigh)) {
            prop_assert!(row.normalised.is_some() && !row.doubts.contains(&Doubt::Implausible));
        }
    }

    /// A value is critical or not whatever unit it comes in.
    #[test]
    fn a_unit_does_not_make_a_value_critical(value in 1_i64..2_000, places in 0_u32..3) {
        for (key, units) in [("glucose", ["mg/dL", "mmol/L", "g/L"]), ("calcium", ["mg/dL", "mmol/L", "mEq/L"]), ("platelets", ["10*3/uL", "万/μL", "10*9/L"])] {
            let item = Item::by_key(key).unwrap();
            let own = Unit::ucum(item.unit).unwrap();
            let value = Decimal::new(value, places);
            let detected = units.map(|unit| {
                let to = UnitSpellings::shipped().read(unit, Some(item)).unwrap().unit;
                let there = convert(value, &own, &to, Some(item)).unwrap();
                // a rounded value may fall on the other side of a limit it lies on
                let exact = there.exact.then(|| read(&input(&code_of(item), &there.value.to_string(), unit)));
                exact.map(|row| (row.critical, row.flag))
            });
            let mut known = detected.iter().flatten();
            let first = known.next();
            prop_assert!(known.all(|other| Some(other) == first), "{} {} {:?}", key, value, detected);
        }
    }
}
