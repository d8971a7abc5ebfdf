use super::*;
use crate::lab::{CodeText, Detection, LabInput, Patient, Written, WrittenInterval, read_result};
use crate::lab::{Decimal, Doubt, Item, MapError, Place, ResultText};

fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
fn table(kind: LabTableKind, rows: &[&[&str]]) -> LabTable {
    let rows = rows.iter().map(|cells| cells.iter().map(|cell| (*cell).to_owned()).collect()).collect();
    LabTable::new(facility("lab"), kind, rows).unwrap()
}
fn state(sites: &mut Sites, offset: u64, kind: LabTableKind, rows: &[&[&str]]) -> Result<u64, SiteError> {
    let at = Moment::from_micros(i64::try_from(offset).unwrap()).unwrap();
    sites.apply(Position::new(0, offset), at, &table(kind, rows))
}
fn refused(kind: LabTableKind, rows: &[&[&str]]) -> String {
    state(&mut Sites::default(), 1, kind, rows).unwrap_err().to_string()
}
fn read(sites: &Sites, code: &str, value: f64, unit: &str) -> crate::lab::LabRow {
    let input = LabInput {
        code: CodeText::Local(code),
        specimen: "",
        value: Written::Number("", value),
        unit,
        interval: WrittenInterval::Text(""),
        flag: "",
        patient: Patient::default(),
    };
    read_result(&input, &sites.of(&facility("lab")).site())
}

const POTASSIUM: &[&str] = &["K01", "", "jlac10", "3H015000002326101", "mmol/L"];

#[test]
fn a_new_map_is_at_once_the_reading_of_every_result() {
    let mut sites = Sites::default();
    assert_eq!(read(&sites, "K01", 4.1, "").doubts.first(), Some(&Doubt::Unmapped));
    assert_eq!(state(&mut sites, 1, LabTableKind::Codes, &[POTASSIUM]), Ok(1));
    let row = read(&sites, "K01", 4.1, "");
    assert_eq!(row.item().map(|item| item.key), Some("potassium"));
    assert_eq!(
        row.unit.map(|read| read.unit.code().to_owned()).as_deref(),
        Some("mmol/L"),
        "the map supplies the unit"
    );
    assert_eq!(state(&mut sites, 2, LabTableKind::Codes, &[]), Ok(2));
    assert_eq!(read(&sites, "K01", 4.1, "").doubts.first(), Some(&Doubt::Unmapped), "without rows nothing is mapped");
}

#[test]
fn one_facilitys_tables_are_no_other_ones() {
    let mut sites = Sites::default();
    state(&mut sites, 1, LabTableKind::Codes, &[POTASSIUM]).unwrap();
    assert!(sites.of(&facility("lab")).codes().is_some());
    assert!(sites.of(&facility("clinic")).codes().is_none());
}

#[test]
fn a_table_is_taken_whole_or_not_at_all() {
    let mut sites = Sites::default();
    state(&mut sites, 1, LabTableKind::Codes, &[POTASSIUM]).unwrap();
    let wrong = state(&mut sites, 2, LabTableKind::Codes, &[&["Na01", "", "jlac10", "3H"]]);
    assert!(matches!(wrong, Err(SiteError::Codes(MapError::Jlac10 { row: 1, .. }))));
    assert!(read(&sites, "K01", 4.1, "").item().is_some());
    let stated = sites.of(&facility("lab")).stated(LabTableKind::Codes).cloned().unwrap();
    assert_eq!((stated.version(), stated.table().rows().len()), (1, 1));
}

#[test]
fn a_statement_taken_in_twice_is_one_version() {
    let mut sites = Sites::default();
    for offset in [3, 3, 7, 3, 7] {
        state(&mut sites, offset, LabTableKind::Codes, &[POTASSIUM]).unwrap();
    }
    let tables = sites.of(&facility("lab"));
    let stated = tables.stated(LabTableKind::Codes).unwrap();
    assert_eq!(stated.version(), 2);
    assert_eq!(stated.place(1).map(|(position, _)| position), Some(Position::new(0, 3)));
    assert_eq!(stated.place(2).map(|(position, _)| position), Some(Position::new(0, 7)));
    assert_eq!((stated.place(0), stated.place(3)), (None, None));
}

#[test]
fn critical_limits_are_the_shipped_ones_with_the_facilitys_rows_over_them() {
    let mut sites = Sites::default();
    let rows: &[&[&str]] = &[&["potassium", "2.8", "5.8", "yes"], &["sodium"]];
    state(&mut sites, 1, LabTableKind::Critical, rows).unwrap();
    let tables = sites.of(&facility("lab"));
    let item = |key| Item::by_key(key).unwrap();
    let limits = tables.critical().row(item("potassium")).unwrap();
    let span = |value| ResultText::of_number("", Decimal::new(value, 1)).value.span().unwrap();
    assert_eq!(limits.between.place(span(58)), Some(Place::Above), "the limit itself is critical");
    assert_eq!(tables.critical().detect(item("potassium"), span(57)), Some(Detection::No));
    assert_eq!(tables.critical().row(item("sodium")), None, "no limits any more");
    assert!(tables.critical().row(item("glucose")).is_some(), "as shipped");
}

#[test]
fn settings_and_rules_hold_together_in_either_order() {
    let rules: &[&[&str]] = &[&["haemoglobin", "absolute", "fall", "3", "2"], &["creatinine", "none"]];
    let window: &[&[&str]] = &[&["delta-window-days", "14"], &["critical-acknowledge-minutes", "30"]];
    let (mut one, mut other) = (Sites::default(), Sites::default());
    state(&mut one, 1, LabTableKind::Delta, rules).unwrap();
    state(&mut one, 2, LabTableKind::Settings, window).unwrap();
    state(&mut other, 1, LabTableKind::Settings, window).unwrap();
    state(&mut other, 2, LabTableKind::Delta, rules).unwrap();
    for sites in [one, other] {
        let tables = sites.of(&facility("lab"));
        assert_eq!(tables.delta().window(), 14);
        assert_eq!(tables.delta().window_days(Item::by_key("mcv").unwrap()), 30, "a shipped rule looks further back");
        assert_eq!((tables.escalation().acknowledge_minutes, tables.escalation().act_minutes), (30, 60));
    }
}

#[test]
fn what_would_change_is_told_row_by_row() {
    let mut sites = Sites::default();
    let sodium: &[&str] = &["Na01", "", "loinc", "2951-2"];
    state(&mut sites, 1, LabTableKind::Codes, &[POTASSIUM, sodium]).unwrap();
    let now = table(LabTableKind::Codes, &[&["K01", "", "nothing", ""], &["Cl01", "", "loinc", "2075-0", ""]]);
    let (version, changes) = sites.rehearse(&now).unwrap();
    let told: Vec<String> = changes
        .iter()
        .map(|change| {
            let row = |row: &Option<Vec<String>>| row.as_ref().map(|row| row.join(",")).unwrap_or_default();
            format!("{} > {}", row(&change.before), row(&change.now))
        })
        .collect();
    assert_eq!(version, 2);
    assert_eq!(
        told,
        [" > Cl01,,loinc,2075-0", "K01,,jlac10,3H015000002326101,mmol/L > K01,,nothing", "Na01,,loinc,2951-2 > "]
    );
    let same = table(LabTableKind::Codes, &[sodium, POTASSIUM]);
    assert_eq!(sites.rehearse(&same), Ok((2, Vec::new())), "the order of rows says nothing");
}

#[test]
fn a_wrong_row_is_named_with_its_rule() {
    let key = |key| format!("row 2: no item is called `{key}`");
    assert!(refused(LabTableKind::Critical, &[&["sodium", "120"], &["natrium", "120"]]).starts_with(&key("natrium")));
    assert!(refused(LabTableKind::Critical, &[&["sodium", "a"]]).contains("`low` is no number"));
    assert!(refused(LabTableKind::Critical, &[&["sodium", "160", "120"]]).contains("wrong way round"));
    assert!(refused(LabTableKind::Critical, &[&["sodium", "1"], &["sodium", "2"]]).contains("earlier row"));
    assert!(refused(LabTableKind::Intervals, &[&["sodium", "f", "", "", "1", "2"]]).contains("`sex` must be"));
    assert!(refused(LabTableKind::Units, &[&["千個", "no unit"]]).starts_with("row 1"));
    assert!(refused(LabTableKind::Delta, &[&["sodium", "absolute", "rise", "7"]]).contains("`limit` is no number"));
    assert!(refused(LabTableKind::Settings, &[&["colour", "blue"]]).contains("`name` must be one of"));
    assert!(refused(LabTableKind::Settings, &[&["critical-act-minutes", "0"]]).contains("above zero"));
    assert!(refused(LabTableKind::Units, &[&["a", "g", "b"]]).contains("3 cells"));
}
