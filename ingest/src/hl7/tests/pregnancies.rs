use super::*;
use model::{CodeSystem, Perinatal};

/// A result message of 2026-05-20 with these observations.
fn result(observations: &[&str]) -> String {
    let obr = "OBR|1|A1||11881-0^check-up^LN|||20260520100000\r";
    message("ORU^R01", "20260520101500", &format!("{obr}{}", observations.join("\r")))
}
#[track_caller]
fn entry(record: &Record) -> &Perinatal {
    assert_eq!(record.category(), Category::Perinatal);
    match record.payload() {
        Some(Payload::Perinatal(entry)) => entry,
        other => panic!("an entry, not {other:?}"),
    }
}
fn said(observations: &[&str]) -> Vec<(String, String, Option<u32>)> {
    let of = |record: &Record| {
        let entry = entry(record);
        let value = match &entry.value {
            Value::Quantity { value, unit, .. } => format!("{value} {unit}"),
            Value::Text(text) => text.clone(),
            Value::Coded(code) => code.code.clone(),
            Value::Absent(why) => format!("({why})"),
        };
        (entry.code.code.clone(), value, entry.gestational_days)
    };
    all(&result(observations)).iter().map(of).collect()
}
fn one_said(code: &str, value: &str, days: Option<u32>) -> (String, String, Option<u32>) {
    (code.to_owned(), value.to_owned(), days)
}
/// The field of the one remark, with how the message fares.
#[track_caller]
fn refused(observation: &str) -> (u16, Reason, String) {
    let outcome = outcome(&result(&[observation]));
    assert_eq!((outcome.events.len(), outcome.fate()), (0, Fate::Refused));
    let [remark] = outcome.remarks.as_slice() else { panic!("one remark") };
    (remark.fault.location.field, remark.reason, remark.to_string())
}

#[test]
fn observations_are_entries_by_loinc() {
    assert_eq!(
        said(&[
            "OBX|1|DT|11778-8^EDD^LN||20261008||||||F",
            "OBX|2|NM|11996-6^gravida^LN||2||||||F",
            "OBX|3|NM|11881-0^子宮底長^LN||18.5|cm|||||F",
            "OBX|4|NM|18185-9^GA^LN||133|d|||||F",
            "OBX|5|ST|49051-6^GA^LN||19w0d||||||F",
            "OBX|6|NM|11727-5^EFW^LN||0.31|kg|||||F",
            "OBX|7|NM|11948-7^FHR^LN||150|bpm|||||F",
        ]),
        [
            one_said("11778-8", "2026-10-08", None),
            one_said("11996-6", "2 ", None),
            one_said("11881-0", "18.5 cm", None),
            one_said("18185-9", "133 d", Some(133)),
            one_said("49051-6", "19w0d", Some(133)),
            one_said("11727-5", "0.31 kg", None),
            one_said("11948-7", "150 bpm", None),
        ]
    );
    let record = one(&result(&["OBX|1|NM|11881-0^子宮底長^LN||18.5|cm|||||F"]));
    assert_eq!(record.id.as_str(), "hl7/perinatal/0042/A1/11881-0/11881-0");
    assert_eq!(record.occurred, moment("2026-05-20T10:00:00+09:00"));
}

#[test]
fn the_words_of_this_project_come_under_a_name_of_its_own() {
    assert_eq!(
        said(&[
            "OBX|1|ST|checkup^健診^99AJISAI||||||||F",
            "OBX|2|ST|delivery^分娩^99AJISAI||経腟||||||F",
            "OBX|3|NM|bpd/2^BPD^99AJISAI||52|mm|||||F",
            "OBX|4|NM|X1^BPD^99LOC^11820-8^BPD^LN||51|mm|||||F",
        ]),
        [
            one_said("checkup", "(not-applicable)", None),
            one_said("delivery", "経腟", None),
            one_said("bpd/2", "52 mm", None),
            one_said("11820-8", "51 mm", None),
        ]
    );
    // another's local code of the same letters is a laboratory's
    let other = one(&result(&["OBX|1|ST|checkup^健診^99LOC||1||||||F"]));
    assert_eq!(other.category(), Category::Laboratory);
}

#[rstest]
#[case("OBX|1|NM|11727-5^EFW^LN||3200|kg|||||F", 5)]
#[case("OBX|1|NM|11727-5^EFW^LN||3200|lb|||||F", 6)]
#[case("OBX|1|NM|11820-8^BPD^LN||52|m|||||F", 6)]
#[case("OBX|1|DT|11778-8^EDD^LN||202610||||||F", 5)]
#[case("OBX|1|DT|11778-8^EDD^LN||20160101||||||F", 5)]
#[case("OBX|1|ST|11778-8^EDD^LN||来月||||||F", 5)]
#[case("OBX|1|NM|18185-9^GA^LN||32.3|wk|||||F", 5)]
#[case("OBX|1|NM|11881-0^FH^LN||約18|cm|||||F", 5)]
#[case("OBX|1|NM|11820-8^BPD^LN|a|52|mm|||||F", 4)]
fn what_nobody_reads_is_refused_at_its_field(#[case] observation: &str, #[case] field: u16) {
    let (at, reason, told) = refused(observation);
    assert_eq!((at, reason), (field, Reason::InvalidElement), "{told}");
    assert!(!told.contains("3200") && !told.contains("来月"), "no value in an error");
}

#[test]
fn the_others_of_a_refused_message_are_taken() {
    let outcome =
        outcome(&result(&["OBX|1|NM|11881-0^FH^LN||180|cm|||||F", "OBX|2|NM|11948-7^FHR^LN||150|/min|||||F"]));
    assert_eq!((outcome.events.len(), outcome.fate()), (1, Fate::Refused));
}

#[test]
fn a_sub_id_names_the_fetus_where_it_does_not_count_the_segments() {
    let codes =
        |observations: &[&str]| -> Vec<String> { said(observations).into_iter().map(|(code, ..)| code).collect() };
    let twins = [
        "OBX|1|NM|11820-8^BPD^LN|1|52|mm|||||F",
        "OBX|2|NM|11820-8^BPD^LN|2|50|mm|||||F",
        "OBX|3|NM|11963-6^FL^LN|2|34|mm|||||F",
    ];
    assert_eq!(codes(&twins), ["11820-8", "bpd/2", "fl/2"]);
    let counted = [
        "OBX|1|NM|11820-8^BPD^LN|1|52|mm|||||F",
        "OBX|2|NM|11979-2^AC^LN|2|150|mm|||||F",
        "OBX|3|NM|11963-6^FL^LN|3|34|mm|||||F",
    ];
    assert_eq!(codes(&counted), ["11820-8", "11979-2", "11963-6"], "a count of the segments");
    assert_eq!(codes(&["OBX|1|NM|11820-8^BPD^LN|2|52|mm|||||F"]), ["bpd/2"]);
}

#[test]
fn a_report_of_ultrasound_is_an_image_and_its_measures_are_entries() {
    let text = message(
        "ORU^R01",
        "20260520101500",
        "OBR|1|U1||OB^産科超音波^L|||20260520100000|||||||||||||||||OUS\rOBX|1|NM|11820-8^BPD^LN||52|mm|||||F\rOBX|2|TX|R^所見^L||特記なし||||||F",
    );
    let records = all(&text);
    assert_eq!(records.iter().map(Record::category).collect::<Vec<_>>(), [Category::Imaging, Category::Perinatal]);
    assert_eq!(entry(&records[1]).code.system, CodeSystem::Loinc);
}

#[test]
fn corrections_meet_the_same_record_and_withdrawals_delete_it() {
    let of = |letter: &str| one(&result(&[&format!("OBX|1|NM|11881-0^FH^LN||18|cm|||||{letter}")]));
    let ids: Vec<_> = ["F", "C", "D", "X"].map(|letter| of(letter).id.clone()).to_vec();
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(
        ["F", "C", "D", "X"].map(|letter| of(letter).change()),
        [ChangeKind::Upsert, ChangeKind::Correct, ChangeKind::Delete, ChangeKind::Delete]
    );
}

#[test]
fn a_newborn_has_no_entries_of_its_own_pregnancy() {
    let text = result(&["OBX|1|NM|18185-9^GA^LN||273|d|||||F"]).replace("19700405|F", "20260519|F");
    let outcome = outcome(&text);
    assert_eq!((outcome.events.len(), outcome.fate()), (0, Fate::Refused));
}
