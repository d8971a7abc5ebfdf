use super::*;
use crate::lab::Item;
use proptest::prelude::*;
use rust_decimal::Decimal;

fn item(key: &str) -> Option<&'static Item> {
    Some(Item::by_key(key).unwrap_or_else(|| panic!("no item {key}")))
}

#[track_caller]
fn reads(written: &str, expected: &str) {
    let read = UnitSpellings::shipped().read(written, None).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.unit.code(), expected, "{written}");
}

fn value(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[track_caller]
fn converts(of: Option<&Item>, given: &str, from: &str, to: &str, expected: &str) -> Converted {
    let converted = convert_written(value(given), from, to, of).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(converted.value, value(expected), "{given} {from} in {to}");
    converted
}

#[track_caller]
fn refused(of: Option<&Item>, from: &str, to: &str) -> ConvertError {
    convert_written(Decimal::ONE, from, to, of).expect_err("an unsafe conversion is refused")
}

#[test]
fn counts_are_read_in_every_way_they_are_written() {
    let four = [
        "×10^4/μL",
        "×10⁴/µL",
        "x10^4/ul",
        "10^4/μl",
        "10*4/uL",
        ".10*4/uL",
        "１０＾４／μＬ",
        "万/μL",
        "×万/μl",
        "10000/μＬ",
        "x10 4/ul",
        "X10*4/μＬ",
        "10*4/mm*3",
        "10^4個/μL",
        "10^4μl",
    ];
    // the last has lost its solidus: a number of volumes is not a count
    for written in four {
        reads(written, "10*4/uL");
    }
    reads("×10^2/μL", "10*2/uL");
    reads("100/μＬ", "10*2/uL");
    reads("千/μl", "10*3/uL");
    reads("百万/μl", "10*6/uL");
    reads("10^12/L", "10*12/L");
    reads("10*6./L", "10*6/L");
    reads("giga.l-1", "10*9/L");
    reads("K/μL", "10*3/uL");
    reads("M/uL", "10*6/uL");
    for written in ["/uL", "/μL", "/μｌ", "/mm3", "/mm^3", "/㎣", "1/mm3", "個/μL", "cells/μL", "/MCL"] {
        reads(written, "/uL");
    }
    reads("個/HPF", "/[HPF]");
    reads("/3μl", "/(3.uL)");
}

#[test]
fn a_count_without_its_volume_is_supplied_only_for_a_blood_count() {
    let spellings = UnitSpellings::shipped();
    for written in ["×10^4", "10^4/", "×10^4/μ", "万"] {
        let read = spellings.read(written, item("platelets")).unwrap();
        assert_eq!((read.unit.code(), read.how), ("10*4/uL", Reading::Supplied), "{written}");
        assert!(matches!(spellings.read(written, None), Err(UnitError::PerWhat { .. })), "{written}");
        assert!(spellings.read(written, item("crp")).is_err(), "{written}");
    }
}

#[test]
fn case_and_width_do_not_change_a_unit() {
    for written in ["mg/dl", "ｍｇ／ｄＬ", "MG/DL", "㎎/dl", "Mg/dL", "mg%"] {
        reads(written, "mg/dL");
    }
    // to UCUM alone these would be petagrams per megalitre
    reads("PG/ML", "pg/mL");
    reads("ＩＵ／Ｌ", "[IU]/L");
    reads("IU/l/37℃", "[IU]/L");
    reads("U/l", "U/L");
    reads("mlU/ml", "m[IU]/mL");
    reads("μIU/mL", "u[IU]/mL");
    reads("uiu/mL", "u[IU]/mL");
    reads("mEq/L", "meq/L");
    reads("mEq/ｌ", "meq/L");
    reads("％", "%");
    reads("秒", "s");
    reads("sec", "s");
    reads("℃", "Cel");
    reads("mmHg", "mm[Hg]");
    reads("mm(hg)", "mm[Hg]");
    reads("mm/hr", "mm/h");
    reads("fl", "fL");
    reads("m[IU]/L", "m[IU]/L");
    reads("mL/分", "mL/min");
    reads("UMOLL", "umol/L");
    reads("gm/dl", "g/dL");
    reads("beats/min", "/min");
}

#[test]
fn mega_genome_equivalents_are_not_milliequivalents() {
    reads("Meq/mL", "10*6.{genome_eq}/mL");
    reads("mEq/mL", "meq/mL");
}

#[test]
fn per_creatinine_and_per_body_surface_are_kept() {
    for written in ["mg/g・Cr", "mg/g･CRE", "mg/gCr", "mg/g.cre", "mg/g(creat)", "MG/G·CREA", "mg/g Cr", "mg/g{creat}"]
    {
        reads(written, "mg/g{creat}");
    }
    reads("μmol/mmol・CRE", "umol/mmol{creat}");
    for written in ["mL/min/1.73m2", "ml/分/1.73㎡", "ml/min/1.73m^2", "mL/min/1.73m²", "mL/min/{1.73_m2}"] {
        reads(written, "mL/min/{1.73_m2}");
    }
}

#[test]
fn what_is_not_a_unit_is_refused_by_name() {
    let spellings = UnitSpellings::shipped();
    assert_eq!(spellings.read("　", None), Err(UnitError::Absent));
    // the last ones are UCUM to the letter: kelvin, poise per farad, coulomb, a number
    for written in ["不明", "mg/", "定性", "以下", "K", "P/F", "C", "M", "5"] {
        let error = spellings.read(written, None).unwrap_err();
        assert!(error.to_string().contains(written), "{error}");
    }
}

#[test]
fn a_facility_says_what_its_own_words_mean() {
    let spellings = UnitSpellings::with("3", [("ｺﾋﾟｰ", "{copies}/ug"), ("U/L", "k[IU]/L")]).unwrap();
    let read = spellings.read("コピー", None).unwrap();
    assert_eq!((read.unit.code(), read.how), ("{copies}/ug", Reading::Facility));
    assert_eq!(spellings.read("U/L", None).unwrap().unit.code(), "k[IU]/L", "also over a shipped one");
    assert_eq!(spellings.read("mg/dl", None).unwrap().unit.code(), "mg/dL");
    assert!(UnitSpellings::with("4", [("x", "mg/dEciliter")]).is_err());
}

#[test]
fn every_spelling_in_the_tables_is_a_unit() {
    for (written, code) in vocabulary::CASED.iter().chain(vocabulary::WHOLE) {
        Unit::ucum(code).unwrap_or_else(|error| panic!("{written}: {error}"));
        reads(written, code);
    }
    for (written, code) in vocabulary::PARTS {
        Unit::ucum(code).unwrap_or_else(|error| panic!("{written}: {error}"));
    }
}

#[test]
fn one_kind_converts_exactly() {
    assert!(converts(item("wbc"), "5200", "/μL", "10*3/uL", "5.2").exact);
    assert!(converts(item("platelets"), "21.5", "万/μL", "10*3/uL", "215").exact);
    assert!(converts(item("rbc"), "452", "×10⁴/µL", "10*6/uL", "4.52").exact);
    assert!(converts(item("platelets"), "158", "10*9/L", "10*3/uL", "158").exact);
    assert!(converts(item("crp"), "3", "mg/L", "mg/dl", "0.3").exact);
    assert!(converts(item("tsh"), "2.71", "m[IU]/L", "μIU/mL", "2.71").exact);
    assert_eq!(converts(None, "120", "mmHg", "kPa", "15.99864").by, By::Ratio);
    assert!(!converts(None, "1", "U/L", "nkat/L", "16.6666666667").exact);
}

#[test]
fn mass_and_amount_need_a_molar_mass() {
    assert_eq!(converts(item("glucose"), "180.156", "mg/dL", "mmol/L", "10").by, By::MolarMass);
    converts(item("glucose"), "5.5", "mmol/L", "mg/dL", "99.0858");
    converts(item("creatinine"), "1", "mg/dL", "umol/L", "88.4016973126");
    converts(item("total-cholesterol"), "200", "mg/dL", "mmol/L", "5.17244946517");
    converts(item("urea-nitrogen"), "14", "mg/dL", "mmol/L", "4.99750124938");
    for of in [None, item("albumin")] {
        assert!(matches!(refused(of, "mg/dL", "mmol/L"), ConvertError::NoMolarMass { .. }));
    }
}

#[test]
fn equivalents_need_a_charge() {
    assert_eq!(converts(item("sodium"), "140", "mEq/L", "mmol/L", "140").by, By::Charge);
    converts(item("calcium"), "5", "mEq/L", "mmol/L", "2.5");
    assert_eq!(converts(item("calcium"), "5", "mEq/L", "mg/dL", "10.0195").by, By::MolarMassAndCharge);
    converts(item("calcium"), "2.5", "mmol/L", "mEq/L", "5");
    assert!(matches!(refused(item("phosphate"), "mEq/L", "mmol/L"), ConvertError::NoCharge { .. }));
    assert!(
        matches!(refused(None, "mEq/L", "mmol/L"), ConvertError::NoCharge { .. }),
        "UCUM alone would say they are equal"
    );
}

#[test]
fn international_units_are_arbitrary_but_for_enzymes() {
    assert_eq!(converts(item("ast"), "32", "IU/L", "U/L", "32").by, By::OldNameOfUnit);
    assert_eq!(converts(item("insulin"), "8.1", "μU/mL", "μIU/mL", "8.1").by, By::OldNameOfUnit);
    assert!(matches!(refused(item("insulin"), "uIU/mL", "pmol/L"), ConvertError::Arbitrary { .. }));
    assert!(matches!(refused(None, "IU/L", "U/L"), ConvertError::Arbitrary { .. }));
    converts(None, "1", "IU/mL", "IU/L", "1000");
}

#[test]
fn a_mole_is_not_a_number_of_cells() {
    // UCUM's mole is the number 6.02214076·10²³: by it alone these would convert
    for (from, to) in [("mmol/L", "/uL"), ("mmol/L", "mosm/L"), ("U/L", "mmol/L/s"), ("mol/mol", "eq/mol")] {
        assert!(convert_written(Decimal::ONE, from, to, None).is_err(), "{from} to {to}");
    }
}

#[test]
fn what_stands_in_braces_must_agree() {
    assert!(matches!(refused(None, "mg/gCr", "mg/g"), ConvertError::DifferentThings { .. }));
    assert!(matches!(refused(None, "mL/min/1.73m2", "mL/min"), ConvertError::DifferentThings { .. }));
    converts(None, "0.15", "g/gCr", "mg/gCr", "150");
    reads("μg/mL FEU", "ug/mL{FEU}");
    assert!(matches!(refused(item("d-dimer"), "μg/mL FEU", "ug/mL"), ConvertError::DifferentThings { .. }));
}

#[test]
fn what_a_ratio_to_creatinine_is_per_is_said_by_its_item() {
    let spellings = UnitSpellings::shipped();
    let read = |written, of| spellings.read(written, of).map(|read| (read.unit.code().to_owned(), read.how));
    let ratio = item("urine-albumin-creatinine");
    for (written, code) in [("mg/g", "mg/g{creat}"), ("mg/mmol", "mg/mmol{creat}"), ("ug/mg", "ug/mg{creat}")] {
        assert_eq!(read(written, ratio), Ok((code.to_owned(), Reading::Supplied)), "{written}");
    }
    assert_eq!(read("mg/gCr", ratio).map(|read| read.1), Ok(Reading::Spelling), "the unit itself says it");
    assert_eq!(read("mg/L", ratio).map(|read| read.0), Ok("mg/L".to_owned()), "no ratio");
    assert_eq!(
        read("mg/g", None).map(|read| read.0),
        Ok("mg/g".to_owned()),
        "of what is not known nothing is supplied"
    );
    assert_eq!(read("mg/g", item("hba1c")).map(|read| read.0), Ok("mg/g".to_owned()));
}

#[test]
fn hba1c_goes_by_its_line_and_says_so() {
    assert_eq!(converts(item("hba1c"), "48", "mmol/mol", "%", "6.5").by, By::Hba1cFormula);
    converts(item("hba1c"), "7.0", "%", "mmol/mol", "53");
    // without the item it is a ratio of amounts like any other, and says that it is
    assert_eq!(converts(None, "48", "mmol/mol", "%", "4.8").by, By::Ratio);
    assert!(convert_written(value("480"), "mmol/mol", "%", item("hba1c")).is_err());
}

#[test]
fn temperatures_convert_and_logarithms_do_not() {
    converts(None, "37", "℃", "[degF]", "98.6");
    let kelvin = Unit::ucum("K").unwrap();
    let found = convert(value("36.5"), &Unit::ucum("Cel").unwrap(), &kelvin, None).unwrap();
    assert_eq!((found.value, found.by), (value("309.65"), By::TemperatureScale));
    assert!(matches!(refused(None, "[pH]", "mol/L"), ConvertError::Special { .. }));
}

#[test]
fn different_things_do_not_convert() {
    assert!(matches!(refused(item("glucose"), "mg/dL", "s"), ConvertError::DifferentKinds { .. }));
    assert!(matches!(refused(item("glucose"), "mg", "mmol/L"), ConvertError::DifferentKinds { .. }));
    assert!(matches!(refused(None, "mg/dL", "とても"), ConvertError::Unit(UnitError::Unknown { .. })));
}

#[test]
fn a_number_too_large_is_an_error_and_no_number() {
    let huge = Decimal::MAX;
    assert_eq!(convert_written(huge, "kg", "pg", None), Err(ConvertError::TooLarge));
    let unit = |code: &str| Unit::ucum(code).unwrap();
    for zero_or_one in [Decimal::ZERO, Decimal::ONE] {
        let large = convert(zero_or_one, &unit("10*2000000000/L"), &unit("/uL"), None);
        assert_eq!(large.is_ok(), zero_or_one.is_zero());
        let small = convert(zero_or_one, &unit("/uL"), &unit("10*2000000000/L"), None);
        assert_eq!(small.is_ok(), zero_or_one.is_zero(), "too small is not nothing");
    }
}

/// Units of one kind, and the item that allows what lies between them.
const KINDS: &[(&str, &[&str])] = &[
    ("wbc", &["/uL", "10*2/uL", "10*3/uL", "10*4/uL", "10*9/L", "10*6/L", "/mm3"]),
    ("glucose", &["mg/dL", "g/L", "mg/L", "mmol/L", "umol/mL"]),
    ("calcium", &["mg/dL", "mmol/L", "meq/L", "ueq/mL"]),
    ("ast", &["U/L", "IU/L", "mU/mL", "kU/L", "ukat/L"]),
    ("tsh", &["uIU/mL", "mIU/L", "uU/mL", "IU/L"]),
];

proptest! {
    /// There and back is the same, exactly where both ways are exact and else to ten digits.
    #[test]
    fn there_and_back_is_the_same(kind in 0..KINDS.len(), a in 0_usize..7, b in 0_usize..7, digits in 1_i64..10_000_000, scale in 0_u32..6) {
        let (key, units) = KINDS[kind];
        let (from, to) = (units[a % units.len()], units[b % units.len()]);
        let given = Decimal::new(digits, scale);
        let there = convert_written(given, from, to, item(key)).unwrap();
        let back = convert_written(there.value, to, from, item(key)).unwrap();
        if there.exact && back.exact {
            prop_assert_eq!(back.value, given);
        } else {
            prop_assert!((back.value - given).abs() <= given * Decimal::new(1, 10), "{} {} {}", given, there.value, back.value);
        }
    }

    /// Whatever is written, reading it ends, in a unit or in an error, and what is read is UCUM that reads as itself.
    #[test]
    fn reading_never_fails_in_another_way(written in "[0-9a-zA-Zμ×^*/.()万千個％ ^·-]{0,14}") {
        if let Ok(read) = UnitSpellings::shipped().read(&written, None) {
            prop_assert_eq!(Unit::ucum(read.unit.code()).unwrap(), read.unit);
        }
    }

    /// A conversion is refused both ways or neither.
    #[test]
    fn what_is_refused_is_refused_both_ways(a in 0..vocabulary::PARTS.len(), b in 0..vocabulary::PARTS.len(), kind in 0..KINDS.len()) {
        let unit = |at: usize| Unit::ucum(vocabulary::PARTS[at].1).unwrap();
        let (from, to, of) = (unit(a), unit(b), item(KINDS[kind].0));
        let there = convert(Decimal::ONE_HUNDRED, &from, &to, of).is_ok();
        prop_assert_eq!(there, convert(Decimal::ONE_HUNDRED, &to, &from, of).is_ok(), "{} {}", from, to);
    }
}
