use super::*;
use crate::Certainty;
use crate::lab::{SpecimenKind, Unit, UnitSpellings};
use proptest::prelude::*;

fn jlac10(code: &str) -> Jlac10 {
    Jlac10::parse(code).unwrap()
}

#[track_caller]
fn loinc(code: &str, expected: &str, how: Match) {
    let found = to_loinc(&jlac10(code), None).unwrap_or_else(|error| panic!("{code}: {error}"));
    assert_eq!((found.code.as_str(), found.how), (expected, how), "{code}");
}

#[test]
fn jlac10_becomes_loinc_where_it_is_known() {
    loinc("3D010000002227201", "2345-7", Match::AnalyteSpecimenResult);
    loinc("3D010130002227201", "1558-6", Match::Exact);
    loinc("3D046000001920402", "4548-4", Match::AnalyteSpecimenResult);
    loinc("2A990000001930952", "6690-2", Match::AnalyteSpecimenResult);
    loinc("2B030000002231157", "6301-6", Match::AnalyteSpecimenResult);
    assert_eq!(to_loinc(&jlac10("3C015000002327101"), None).map(|found| found.certainty), Ok(Certainty::Secondary));
}

#[test]
fn a_specimen_that_is_not_said_is_filled_in_only_when_there_is_one() {
    loinc("3B035000000027201", "1920-8", Match::Analyte);
    assert_eq!(to_loinc(&jlac10("3D010000000027201"), None), Err(NoLoinc::Unknown), "glucose in blood or in urine");
    assert_eq!(to_loinc(&jlac10("3D010000004127201"), None), Err(NoLoinc::Unknown), "in cerebrospinal fluid");
    assert_eq!(to_loinc(&jlac10("9Z999000002327101"), None), Err(NoLoinc::Unknown));
}

#[test]
fn loinc_of_a_mass_is_not_that_of_an_amount() {
    let glucose = jlac10("3D010000002227201");
    let with =
        |unit: &str| to_loinc(&glucose, Some(&Unit::ucum(unit).unwrap())).map(|found| found.code.as_str().to_owned());
    assert_eq!(with("mg/dL"), Ok("2345-7".to_owned()));
    assert_eq!(with("g/L"), Ok("2345-7".to_owned()));
    assert_eq!(with("mmol/L"), Err(NoLoinc::OtherProperty));
}

fn map(version: u64, rows: &[[&str; 5]]) -> Result<LocalMap, MapError> {
    LocalMap::read("hospital-a", version, rows.iter().copied())
}

#[test]
fn a_map_says_what_local_codes_mean() {
    let map = map(
        3,
        &[
            ["0101", "", "jlac10", "3C015000002327101", "mg/dL"],
            ["0101", "尿", "jlac10", "3C015000000127101", ""],
            ["CMT", "", "nothing", "", ""],
            ["A1C", "", "loinc", "4548-4", ""],
        ],
    )
    .unwrap();
    let serum = map.resolve("0101", "血清").unwrap();
    assert_eq!((serum.item.unwrap().key, serum.unit.unwrap().code()), ("creatinine", "mg/dL"));
    assert_eq!(serum.by, ResolvedBy::Map { version: 3 });
    assert_eq!(map.resolve("0101", "尿").unwrap().item.unwrap().key, "urine-creatinine");
    assert_eq!(map.resolve("A1C", "").unwrap().item.unwrap().key, "hba1c");
    assert_eq!(map.resolve("CMT", "").unwrap().item.map(|item| item.key), None);
    assert_eq!(map.resolve("0102", ""), None, "unmapped is not the same as meaning nothing");
}

#[test]
fn a_wrong_row_refuses_the_map_with_its_number() {
    let good = ["1", "", "jlac10", "3C015000002327101", ""];
    let error = |row| map(1, &[good, row]).unwrap_err();
    assert!(matches!(error(["2", "", "jlac10", "3C015", ""]), MapError::Jlac10 { row: 2, .. }));
    assert!(matches!(error(["2", "", "loinc", "2345-8", ""]), MapError::Loinc { row: 2, .. }));
    assert!(matches!(error(["2", "", "snomed", "1", ""]), MapError::System { row: 2, .. }));
    assert!(matches!(error(["2", "", "nothing", "", "mg/dLL"]), MapError::Unit { row: 2, .. }));
    assert_eq!(error(good), MapError::Twice { row: 2 });
    assert_eq!(error(["", "", "nothing", "", ""]), MapError::Empty { row: 2 });
}

#[test]
fn a_new_version_says_what_changes() {
    let old = map(
        1,
        &[["1", "", "jlac10", "3C015000002327101", ""], ["2", "", "nothing", "", ""], ["3", "", "loinc", "4548-4", ""]],
    );
    let new = map(
        2,
        &[
            ["1", "", "jlac10", "3C025000002327101", ""],
            ["2", "", "nothing", "", "mg"],
            ["4", "", "loinc", "2345-7", ""],
        ],
    );
    let changes = old.unwrap().changes_to(&new.unwrap());
    let seen: Vec<_> = changes.iter().map(|change| (change.code().code.as_str(), change.moves_results())).collect();
    assert_eq!(seen, [("1", true), ("2", false), ("3", true), ("4", true)]);
    assert!(matches!(changes[0], MapChange::Changed { .. }));
    assert!(matches!(changes[2], MapChange::Removed { .. }));
    assert!(matches!(changes[3], MapChange::Added { .. }));
}

fn suggested(name: &str, unit: &str, specimen: Option<SpecimenKind>) -> Vec<&'static str> {
    let unit = UnitSpellings::shipped().read(unit, None).ok().map(|read| read.unit);
    let unmapped = Unmapped { name, unit: unit.as_ref(), specimen };
    suggest(&unmapped, 3).into_iter().map(|suggestion| suggestion.item.key).collect()
}

#[test]
fn suggestions_know_width_kana_and_old_names() {
    assert_eq!(suggested("ｸﾚｱﾁﾆﾝ", "mg/dl", Some(SpecimenKind::Blood)).first(), Some(&"creatinine"));
    assert_eq!(suggested("ガンマＧＴＰ", "IU/L", None).first(), Some(&"ggt"));
    assert_eq!(suggested("ＨｂＡ１ｃ（ＮＧＳＰ）", "%", None).first(), Some(&"hba1c"));
    assert_eq!(suggested("ＧＯＴ", "U/L", None).first(), Some(&"ast"));
    assert_eq!(suggested("血清カリウム", "mEq/L", None).first(), Some(&"potassium"));
    assert_eq!(suggested("そうこれすてろーる", "mg/dL", None).first(), Some(&"total-cholesterol"));
}

#[test]
fn unit_and_specimen_decide_between_names() {
    assert_eq!(suggested("クレアチニン", "mg/dL", Some(SpecimenKind::Urine)).first(), Some(&"urine-creatinine"));
    assert_eq!(suggested("PT", "秒", None).first(), Some(&"pt-seconds"));
    assert_eq!(suggested("プロトロンビン", "%", None).first(), Some(&"pt-percent"));
}

#[test]
fn nothing_like_it_is_no_suggestion() {
    assert_eq!(suggested("看護師コメント", "", None), Vec::<&str>::new());
    assert_eq!(suggested("", "mg/dL", None), Vec::<&str>::new());
}

proptest! {
    /// What changes between two versions, done to the first, is the second.
    #[test]
    fn the_changes_lead_from_one_version_to_the_other(before in rows(), after in rows()) {
        let read = |version, rows: &[(String, usize)]| LocalMap::read("f", version, rows.iter().map(|(code, target)| row(code, *target))).unwrap();
        let (old, new) = (read(1, &before), read(2, &after));
        let mut codes: std::collections::BTreeMap<_, _> = old.rows().map(|(code, row)| (code.clone(), row.clone())).collect();
        for change in old.changes_to(&new) {
            match change {
                MapChange::Removed { code, before } => prop_assert_eq!(codes.remove(&code), Some(before)),
                MapChange::Added { code, now } => prop_assert_eq!(codes.insert(code, now), None),
                MapChange::Changed { code, before, now } => prop_assert_eq!(codes.insert(code, now), Some(before)),
            }
        }
        let expected: std::collections::BTreeMap<_, _> = new.rows().map(|(code, row)| (code.clone(), row.clone())).collect();
        prop_assert_eq!(codes, expected);
        prop_assert!(new.changes_to(&new).is_empty());
    }

    /// One wrong digit never passes for another code.
    #[test]
    fn a_wrong_digit_in_a_loinc_code_is_found(number in 1_u32..999_999, at in 0_usize..6, by in 1_u8..9) {
        let with = |text: &str| (0..10).map(|check| format!("{text}-{check}")).find(|code| Loinc::parse(code).is_ok()).unwrap();
        let right = with(&number.to_string());
        let mut wrong = right.clone().into_bytes();
        let at = at % (wrong.len() - 2);
        wrong[at] = (wrong[at] - b'0' + by) % 10 + b'0';
        prop_assume!(wrong != right.as_bytes());
        prop_assert!(Loinc::parse(std::str::from_utf8(&wrong).unwrap()).is_err());
    }
}

const TARGETS: [[&str; 2]; 4] =
    [["jlac10", "3C015000002327101"], ["jlac10", "3C025000002327101"], ["loinc", "4548-4"], ["nothing", ""]];

fn row(code: &str, target: usize) -> [&str; 5] {
    let [system, target] = TARGETS[target];
    [code, "", system, target, ""]
}

fn rows() -> impl Strategy<Value = Vec<(String, usize)>> {
    proptest::collection::btree_map("[a-e]", 0..TARGETS.len(), 0..6).prop_map(|rows| rows.into_iter().collect())
}
