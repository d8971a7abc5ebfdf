mod pregnancies;

use super::*;
use model::{Body, Category, ChangeKind, ImmunizationStatus, LabStatus, Label, Payload, Record, Value};
use proptest::prelude::*;
use rstest::rstest;

fn feed() -> Feed {
    Feed::new(FacilityId::parse("nagasaki-mc").unwrap())
}
fn moment(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}
fn received() -> Moment {
    moment("2030-01-01")
}
/// A message of one type, written at a time, with a patient.
fn message(kind: &str, written: &str, rest: &str) -> String {
    format!(
        "MSH|^~\\&|HIS|HOSP|||{written}||{kind}|1|P|2.5\rEVN||{written}\rPID|1||0042^^^HOSP^PI||長崎^花子^^^^^L^I~ナガサキ^ハナコ^^^^^L^P||19700405|F|||^^^^852-8501^JPN^H^長崎市坂本\r{rest}"
    )
}
/// A segment with some of its fields.
fn segment(name: &str, fields: &[(usize, &str)]) -> String {
    let mut all = vec![""; fields.iter().map(|(number, _)| number + 1).max().unwrap_or(1)];
    all[0] = name;
    for (number, text) in fields {
        all[*number] = text;
    }
    all.join("|")
}
fn outcome(text: &str) -> Outcome {
    read(text.as_bytes(), &feed(), received())
}
fn records(outcome: &Outcome) -> Vec<&Record> {
    let of = |event: &'_ Event| match &event.body {
        Body::Record(_) => (),
        other => panic!("{other:?}"),
    };
    outcome.events.iter().for_each(of);
    outcome
        .events
        .iter()
        .filter_map(|event| if let Body::Record(record) = &event.body { Some(&**record) } else { None })
        .collect()
}
#[track_caller]
fn all(text: &str) -> Vec<Record> {
    let outcome = outcome(text);
    assert_eq!(outcome.remarks, [], "nothing is left out");
    records(&outcome).into_iter().cloned().collect()
}
#[track_caller]
fn one(text: &str) -> Record {
    let mut all = all(text);
    assert_eq!(all.len(), 1);
    all.remove(0)
}
#[track_caller]
fn lab(record: &Record) -> &model::LabResult {
    match record.payload() {
        Some(Payload::Laboratory(result)) => result,
        other => panic!("{other:?}"),
    }
}
/// One result of one order.
fn result(written: &str, value: &str, status: &str) -> String {
    let rest = format!(
        "OBR|1|A1|F1|E001^panel^L|||20260401\rOBX|1|NM|3A010000002327101^総蛋白^JC10||{value}|g/dl^g/dl^99XYZ|6.7-8.3|L|||{status}|||202604010830"
    );
    message("ORU^R01", written, &rest)
}
#[track_caller]
fn remark(text: &str, reason: Reason, place: &str) {
    let outcome = outcome(text);
    let found: Vec<(Reason, String)> =
        outcome.remarks.iter().map(|remark| (remark.reason, remark.fault.location.to_string())).collect();
    assert_eq!(found, [(reason, place.to_owned())]);
}

#[test]
fn a_result_keeps_what_the_laboratory_wrote() {
    let record = one(&result("20260401093000", "6.5", "F"));
    assert_eq!(record.occurred, moment("2026-04-01T08:30:00+09:00"));
    assert_eq!(record.recorded, moment("2026-04-01T09:30:00+09:00"));
    let lab = lab(&record);
    assert_eq!(lab.value, Value::Quantity { value: 6.5, unit: "g/dl".to_owned(), comparator: String::new() });
    assert_eq!((lab.code.system.code(), lab.code.display.as_str()), ("jlac10", "総蛋白"));
    assert_eq!((lab.reference_low, lab.reference_high, lab.flag.as_str()), (Some(6.7), Some(8.3), "L"));
    assert_eq!((lab.order.as_str(), lab.status), ("A1", LabStatus::Final));
}

#[rstest]
#[case::no_number("NM", "100未満", Value::Text("100未満".to_owned()))]
#[case::trailing_sign("NM", "100<", Value::Text("100<".to_owned()))]
#[case::structured("SN", "<^0.5", Value::Quantity { value: 0.5, unit: "u".to_owned(), comparator: "<".to_owned() })]
#[case::equal("SN", "=^5", Value::Quantity { value: 5.0, unit: "u".to_owned(), comparator: String::new() })]
#[case::a_ratio("SN", "^1^:^128", Value::Text("1:128".to_owned()))]
#[case::words("ST", "(1+)", Value::Text("(1+)".to_owned()))]
#[case::lines("TX", "one\\.br\\two", Value::Text("one\ntwo".to_owned()))]
#[case::no_type("", "5.1", Value::Quantity { value: 5.1, unit: "u".to_owned(), comparator: String::new() })]
fn a_value_is_what_its_type_says(#[case] kind: &str, #[case] written: &str, #[case] value: Value) {
    // A numeric one beside it, so that the order is of results.
    let rest = format!("OBR|1|A1||E001^panel^L\rOBX|1|{kind}|x^x^L||{written}|u|||||F\rOBX|2|NM|y^y^L||1|u|||||F");
    let records = all(&message("ORU^R01", "20260401093000", &rest));
    assert_eq!(lab(&records[0]).value, value);
}

#[test]
fn a_chain_of_versions_has_its_order_whatever_the_order_of_arrival() {
    let chain = [
        ("20260401093000", "", "P", LabStatus::Preliminary, ChangeKind::Upsert),
        ("20260401093000", "6.5", "F", LabStatus::Final, ChangeKind::Upsert),
        ("20260401100000", "7.5", "C", LabStatus::Corrected, ChangeKind::Correct),
        ("20260401110000", "", "X", LabStatus::Cancelled, ChangeKind::Upsert),
    ];
    let versions: Vec<Record> = chain.iter().map(|(at, value, status, ..)| one(&result(at, value, status))).collect();
    for (version, (.., status, change)) in versions.iter().zip(&chain) {
        assert_eq!((lab(version).status, version.change()), (*status, *change));
        assert_eq!(version.id, versions[0].id);
    }
    assert!(versions.is_sorted_by_key(|version| version.version), "final holds over preliminary of the same second");
    assert_eq!(lab(&versions[0]).value, Value::Absent("temp-unknown".to_owned()));
    assert_eq!(lab(&versions[3]).value, Value::Absent("not-performed".to_owned()));
    let deleted = one(&result("20260401120000", "", "D"));
    assert_eq!((deleted.change(), deleted.id.clone()), (ChangeKind::Delete, versions[0].id.clone()));
    assert!(deleted.version > versions[3].version);
}

#[test]
fn two_messages_of_one_moment_are_two_versions_and_one_sent_twice_is_one() {
    let (one_way, other_way) = (one(&result("20260401093000", "6.5", "F")), one(&result("20260401093000", "6.6", "F")));
    assert_ne!(one_way.version, other_way.version);
    assert_eq!(
        outcome(&result("20260401093000", "6.5", "F")).events,
        outcome(&result("20260401093000", "6.5", "F")).events
    );
}

#[test]
fn an_order_without_its_own_status_has_that_of_the_request() {
    let rest = "OBR|1|A1||E001^panel^L|||||||||||||||||||||C\rOBX|1|NM|x^x^L||1|u";
    assert_eq!(lab(&one(&message("ORU^R01", "20260401093000", rest))).status, LabStatus::Corrected);
}

#[test]
fn a_storage_and_a_connection_give_the_same_ids() {
    let body = [
        segment("SPM", &[(2, "S1"), (4, "023^血清^JC10"), (17, "202604010830")]),
        segment("OBR", &[(2, "A1"), (3, "F1"), (4, "E001^panel^L")]),
        segment("ORC", &[(1, "SC"), (2, "A1"), (3, "F1"), (17, "01^内科^99XY1")]),
        segment("OBX", &[(2, "NM"), (3, "3A010000002327101^総蛋白^JC10"), (5, "7.2"), (6, "g/dl"), (11, "F")]),
    ]
    .join("\r");
    let body = &body;
    let text = message("OUL^R22^OUL_R22", "20260401093000", body);
    let connected = one(&text);
    assert_eq!(connected.department.as_ref().unwrap().as_str(), "01");
    assert_eq!(lab(&connected).specimen, "023");
    assert_eq!(connected.occurred, moment("2026-04-01T08:30:00+09:00"));
    // The same in the storage's character set and with another control id.
    let stored = text.replace("|1|P|2.5", "|99|P|2.5||||||~ISO IR87");
    let bytes = hl7v2::Charset::Iso2022Jp.encode(&stored);
    let outcome = read(&bytes, &feed(), received());
    assert_eq!(records(&outcome)[0], &connected);
}

#[test]
fn what_repeats_in_an_order_is_told_apart() {
    let rest = "OBR|1|A1||E001^panel^L\rOBX|1|NM|x^x^L|1|1|u|||||F\rOBX|2|NM|x^x^L|2|2|u|||||F\rOBX|3|NM|x^x^L|2|3|u|||||F\rOBR|2|A1||E001^panel^L\rOBX|1|NM|x^x^L|1|4|u|||||F";
    let records = all(&message("ORU^R01", "20260401093000", rest));
    let ids: std::collections::BTreeSet<_> = records.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(ids.len(), 4);
}

#[rstest]
#[case::typed("1^^^A^SS~0042^^^B^MR", Some("0042"))]
#[case::the_only_one("0042", Some("0042"))]
#[case::twice_the_same("0042^^^A^MR~0042^^^B^PI", Some("0042"))]
#[case::several("1^^^A^MR~2^^^B^MR", None)]
#[case::none("^^^A^MR", None)]
fn a_patient_is_known_by_the_one_number_of_the_source(#[case] field: &str, #[case] number: Option<&str>) {
    let text = message("ADT^A08", "20260401093000", "").replace("0042^^^HOSP^PI", field);
    let outcome = outcome(&text);
    let found = records(&outcome).first().map(|record| record.patient.number().as_str().to_owned());
    assert_eq!(found.as_deref(), number);
    assert_eq!(outcome.fate(), if number.is_some() { Fate::Left } else { Fate::Refused });
}

#[test]
fn a_configured_authority_decides_which_number_is_the_sources() {
    let feed = Feed { assigning_authorities: vec!["1.2.3".to_owned()], ..feed() };
    let text = message("ADT^A08", "20260401093000", "").replace("0042^^^HOSP^PI", "1^^^HOSP^MR~7^^^X&1.2.3&ISO^MR");
    assert_eq!(records(&read(text.as_bytes(), &feed, received()))[0].patient.number().as_str(), "7");
    let other = message("ADT^A08", "20260401093000", "");
    assert_eq!(read(other.as_bytes(), &feed, received()).remarks[0].reason, Reason::UnknownPatient);
}

#[test]
fn a_visit_is_one_record_from_its_admission_to_its_end() {
    let pv1 = |end: &str| {
        let fields = [(2, "I"), (3, "32^302^1^^^N"), (10, "01"), (19, "V7"), (44, "20260401090000"), (45, end)];
        segment("PV1", &fields)
    };
    let admitted = all(&message("ADT^A01", "20260401090000", &pv1("")));
    let left = all(&message("ADT^A03", "20260405100000", &pv1("202604051000")));
    let cancelled = all(&message("ADT^A11", "20260405110000", &pv1("")));
    let visit =
        |records: &[Record]| records.iter().find(|record| record.category() == Category::Encounter).unwrap().clone();
    let status = |record: &Record| match record.payload() {
        Some(Payload::Encounter(encounter)) => (encounter.status.clone(), encounter.end.is_some()),
        other => panic!("{other:?}"),
    };
    let (admitted, left, cancelled) = (visit(&admitted), visit(&left), visit(&cancelled));
    assert_eq!(status(&admitted), ("in-progress".to_owned(), false));
    assert_eq!(status(&left), ("finished".to_owned(), true));
    assert_eq!(status(&cancelled), ("cancelled".to_owned(), false));
    assert_eq!((&left.id, &cancelled.id), (&admitted.id, &admitted.id));
    assert_eq!(admitted.department.unwrap().as_str(), "01");
}

#[test]
fn a_patient_is_written_and_spoken() {
    let record = one(&message("ADT^A08", "20260401093000", ""));
    let Some(Payload::Patient(patient)) = record.payload() else { panic!("demographics") };
    assert_eq!((patient.name.as_str(), patient.kana.as_str()), ("長崎 花子", "ナガサキ ハナコ"));
    assert_eq!((patient.postal_code.as_str(), patient.address.as_str()), ("852-8501", "長崎市坂本"));
    assert_eq!(patient.birth_date.unwrap().to_string(), "1970-04-05");
    assert_eq!(one(&message("ADT^A23", "20260402093000", "")).change(), ChangeKind::Delete);
}

#[test]
fn a_merge_is_set_aside_and_the_patient_that_stays_is_taken() {
    let text = message("ADT^A40", "20260401093000", "MRG|0041^^^HOSP^PI");
    remark(&text, Reason::PatientMerge, "MRG^1^1");
    let outcome = outcome(&text);
    assert_eq!((outcome.fate(), outcome.events.len()), (Fate::Aside, 1));
}

#[test]
fn what_is_not_ours_is_rejected_and_what_is_not_known_is_set_aside() {
    let text = message("ADT^A08", "20260401093000", "");
    let feed = Feed { sending_facilities: vec!["OTHER".to_owned()], ..feed() };
    assert_eq!(read(text.as_bytes(), &feed, received()).fate(), Fate::Rejected);
    remark(&text.replace("|P|2.5", "|T|2.5"), Reason::NotOurs, "MSH^1^11");
    remark(&text.replace("|P|2.5", "|P|3.0"), Reason::NotOurs, "MSH^1^12");
    remark(&text.replace("ADT^A08", "SIU^S12"), Reason::UnsupportedType, "MSH^1^9");
    remark(&text.replace("ADT^A08", "ORU^W01"), Reason::UnsupportedType, "MSH^1^9");
    remark(&text.replace("ADT^A08", ""), Reason::MissingElement, "MSH^1^9");
    remark("no message", Reason::Unreadable, "MSH^1");
    assert_eq!(outcome("no message").fate(), Fate::Refused);
}

#[test]
fn one_bad_result_does_not_take_the_others_with_it() {
    let rest = "OBR|1|A1||E001^panel^L\rOBX|1|NM|x^x^L||1|u|||||F\rOBX|2|NM|||2|u|||||F\rOBX|3|NM|z^z^L||3|u|||||Q";
    let outcome = outcome(&message("ORU^R01", "20260401093000", rest));
    let places: Vec<String> = outcome.remarks.iter().map(|remark| remark.fault.location.to_string()).collect();
    assert_eq!((outcome.events.len(), places), (1, vec!["OBX^2^3".to_owned(), "OBX^3^11".to_owned()]));
    assert_eq!(outcome.fate(), Fate::Refused);
}

#[test]
fn a_problem_is_of_its_classification_and_shown_as_it_was_named() {
    let rest = &segment(
        "PRB",
        &[
            (1, "AD"),
            (2, "20110915"),
            (3, "20054174^胃炎の疑い^MDCDX2"),
            (4, "P1"),
            (10, "K297^^I10"),
            (16, "20110831"),
            (25, "V"),
        ],
    );
    let record = one(&message("PPR^ZD1", "20260401093000", rest));
    let Some(Payload::Condition(condition)) = record.payload() else { panic!("a condition") };
    assert_eq!((condition.code.system.code(), condition.code.code.as_str()), ("icd10", "K297"));
    assert_eq!((condition.code.display.as_str(), condition.suspected), ("胃炎の疑い", true));
    assert!(record.labels.contains(Label::VeryRestricted));
    let gone = one(&message("PPR^PC3", "20260402093000", "PRB|DE|20110915|20054174^胃炎^MDCDX2|P1"));
    assert_eq!((gone.change(), gone.id), (ChangeKind::Delete, record.id));
}

#[test]
fn a_prescription_says_how_to_take_it_for_how_long() {
    let rest = "ORC|NW|A1||1|||||20110701103045\rRXE||108665201^ダーゼン錠^HOT9|1||TAB^錠^MR9P|||||15|TAB^錠^MR9P\rTQ1|1||1013044400000000&内服・１日３回朝昼夕食後&JAMISDP01|||5^d|2011070100";
    let record = one(&message("RDE^O11", "20260401093000", rest));
    let Some(Payload::Medication(drug)) = record.payload() else { panic!("a drug") };
    assert_eq!((drug.code.system.code(), drug.status.as_str(), drug.days), ("hot", "active", Some(5)));
    assert_eq!((drug.quantity, drug.quantity_unit.as_str()), (Some(15.0), "錠"));
    assert_eq!(drug.dosage, "1 錠, 内服・１日３回朝昼夕食後");
    assert_eq!(record.occurred, moment("2011-07-01"));
    let cancelled = one(&message("RDE^O11", "20260401103000", &rest.replace("ORC|NW", "ORC|CA")));
    let Some(Payload::Medication(drug)) = cancelled.payload() else { panic!("a drug") };
    assert_eq!((drug.status.as_str(), &cancelled.id), ("cancelled", &record.id));
}

#[test]
fn each_dose_of_an_order_is_a_record_and_a_refused_one_was_not_given() {
    let rest = "ORC|NW|A1\rRXA|0|1|202604010830||1^甲^HOT9|1|TAB^錠^MR9P|||||||||||||CP\rRXA|0|2|202604011230||1^甲^HOT9|1|TAB^錠^MR9P|||||||||||||RE";
    let records = all(&message("RAS^O17", "20260401180000", rest));
    let status = |record: &Record| match record.payload() {
        Some(Payload::Medication(drug)) => drug.status.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(records.iter().map(status).collect::<Vec<_>>(), ["completed", "cancelled"]);
    assert_ne!(records[0].id, records[1].id);
}

fn vaccination(record: &Record) -> &model::Immunization {
    match record.payload() {
        Some(Payload::Immunization(given)) => given,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_vaccination_keeps_its_lot_dose_site_and_route() {
    let rxa = segment(
        "RXA",
        &[
            (3, "202604010830"),
            (5, "08^乾燥ヘプタバックス^CVX"),
            (6, "0.5"),
            (7, "mL^mL^UCUM"),
            (9, "00^New^NIP001~経過良好"),
            (15, "HB0123"),
            (17, "MSD^MSD株式会社^MVX"),
            (20, "CP"),
            (21, "A"),
        ],
    );
    let rest = format!(
        "ORC|RE||V1\r{rxa}\rRXR|SC^皮下^HL70162|LA^左上腕^HL70163\rNTE|1|L|接種後30分観察\rOBX|1|NM|30973-2^Dose number^LN||2||||||F"
    );
    let record = one(&message("VXU^V04", "20260401093000", &rest));
    assert_eq!((record.category(), record.occurred), (Category::Immunization, moment("2026-04-01T08:30:00+09:00")));
    let given = vaccination(&record);
    assert_eq!((given.code.code.as_str(), given.code.display.as_str()), ("08", "乾燥ヘプタバックス"));
    assert_eq!((given.status, given.reported, given.subpotent), (ImmunizationStatus::Completed, false, false));
    assert_eq!(
        (given.lot.as_str(), given.manufacturer.as_str(), given.dose_number.as_str()),
        ("HB0123", "MSD株式会社", "2")
    );
    assert_eq!((given.quantity, given.quantity_unit.as_str()), (Some(0.5), "mL"));
    assert_eq!((given.route.as_str(), given.site.as_str()), ("皮下", "左上腕"));
    assert_eq!((given.note.as_str(), given.reason.as_str()), ("経過良好\n接種後30分観察", ""));

    let gone = one(&message("VXU^V04", "20260402093000", &rest.replace("|CP|A", "|CP|D")));
    assert_eq!((gone.change(), &gone.id), (ChangeKind::Delete, &record.id));
}

#[test]
fn a_vaccination_that_is_put_right_or_taken_back_is_the_same_one() {
    let vaccination_of = |written: &str, orc: &str, day: &str, vaccine: &str, action: &str| {
        let fields = [(3, day), (5, vaccine), (6, "0.5"), (7, "mL"), (20, "CP"), (21, action)];
        message("VXU^V04", written, &format!("{orc}\r{}", segment("RXA", &fields)))
    };
    const FIRST: &str = "20260401093000";
    const LATER: &str = "20260402093000";
    let (hepatitis, influenza) = ("08^B型肝炎^CVX", "150^インフルエンザ^CVX");
    let orc = "ORC|RE|P7|V1";
    let given = one(&vaccination_of(FIRST, orc, "20260401", hepatitis, "A"));
    // Another day, another vaccine: by its own number it is the vaccination that was there, and the newer version of it.
    for (day, vaccine) in [("20260331", hepatitis), ("20260401", influenza), ("20260401", hepatitis)] {
        let corrected = one(&vaccination_of(LATER, orc, day, vaccine, "U"));
        assert_eq!((&corrected.id, corrected.change()), (&given.id, ChangeKind::Upsert), "{day} {vaccine}");
        assert!(corrected.version > given.version);
        let gone = one(&vaccination_of("20260403093000", orc, day, vaccine, "D"));
        assert_eq!((&gone.id, gone.change(), gone.payload()), (&given.id, ChangeKind::Delete, None));
        assert!(gone.version > corrected.version);
    }
    // One order of several doses has several; without a number of its own, the vaccine and the day tell them apart.
    let of = |orc: &str, day: &str, vaccine: &str| one(&vaccination_of(FIRST, orc, day, vaccine, "A")).id;
    assert_ne!(of("ORC|RE|P7|V2", "20260401", hepatitis), given.id);
    for orc in ["ORC|RE|P7", "ORC|RE||9999", "ORC|RE"] {
        let base = of(orc, "20260401", hepatitis);
        assert_eq!(base, one(&vaccination_of(LATER, orc, "20260401", hepatitis, "D")).id, "{orc}");
        assert_ne!(base, of(orc, "20260501", hepatitis), "{orc}");
        assert_ne!(base, of(orc, "20260401", influenza), "{orc}");
    }
    // Moved to the patient whose it is: taken back where it was, and stated there. Neither touches the other.
    let moved = one(&vaccination_of(LATER, orc, "20260401", hepatitis, "A").replace("||0042^", "||0043^"));
    assert_eq!(moved.patient.number().as_str(), "0043");
    assert_ne!(moved.id, given.id);
    let back = one(&vaccination_of(LATER, orc, "20260401", hepatitis, "D"));
    assert_eq!((&back.patient, &back.id, back.change()), (&given.patient, &given.id, ChangeKind::Delete));
}

#[test]
fn a_vaccination_that_was_not_given_says_why_and_has_no_amount() {
    let of = |more: &[(usize, &str)]| {
        let fields = [&[(3, "20260401"), (5, "150^インフルエンザ^CVX"), (6, "999")][..], more].concat();
        let record = one(&message("VXU^V04", "20260401093000", &format!("ORC|RE||V1\r{}", segment("RXA", &fields))));
        vaccination(&record).clone()
    };
    let refused = of(&[(6, "0.5"), (18, "00^保護者の拒否^NIP002"), (20, "RE")]);
    assert_eq!((refused.status, refused.reason.as_str()), (ImmunizationStatus::NotDone, "保護者の拒否"));
    assert_eq!(refused.quantity, None, "nothing was given");
    let partly = of(&[(20, "PA")]);
    assert_eq!((partly.status, partly.subpotent), (ImmunizationStatus::Completed, true));
    assert_eq!(partly.quantity, None, "999: not known");
    let told = of(&[(9, "01^Historical^NIP001")]);
    assert_eq!((told.status, told.reported, told.note.as_str()), (ImmunizationStatus::Completed, true, ""));
    remark(
        &message("VXU^V04", "20260401093000", "ORC|RE||V1\rRXA|0|1|20260401||150^x^CVX|1||||||||||||||XX"),
        Reason::UnknownCode,
        "RXA^1^20",
    );
    remark(
        &message("VXU^V04", "20260401093000", "ORC|RE||V1\rRXA|0|1|20260401||998^no vaccine^CVX|999"),
        Reason::NoCategory,
        "RXA^1^5",
    );
}

#[test]
fn a_replacement_takes_its_parent_back() {
    let first = one(&message(
        "MDM^T02",
        "20260401093000",
        "TXA|1|DS^Summary^L|TX|20260401||||||||D1^H||||||AU\rOBX|1|TX|x||text",
    ));
    let txa =
        segment("TXA", &[(2, "DS^Summary^L"), (4, "20260402"), (12, "D2^H"), (13, "D1^H"), (17, "AU"), (18, "V")]);
    let rest = &format!("{txa}\rOBX|1|TX|||better");
    let records = all(&message("MDM^T10", "20260402093000", rest));
    assert_eq!(records.iter().map(Record::change).collect::<Vec<_>>(), [ChangeKind::Upsert, ChangeKind::Delete]);
    assert_eq!(records[1].id, first.id);
    assert!(records[0].labels.contains(Label::VeryRestricted));
    let Some(Payload::Document(document)) = records[0].payload() else { panic!("a document") };
    assert_eq!(document.content, "better");
}

#[test]
fn a_report_of_images_is_imaging() {
    let rest = "OBR|1|A1||CHEST^Chest^L|||20260401|||||||||||||||||CT|F\rOBX|1|TX|IMP^Impression^L||No change||||||F\rOBX|2|ED|PDF^^L||^application^pdf^Base64^JVBERi0=||||||F";
    let imaging = one(&message("ORU^R01", "20260401093000", rest));
    let Some(Payload::Imaging(study)) = imaging.payload() else { panic!("imaging") };
    assert_eq!((study.modality.as_str(), study.report.as_str()), ("CT", "Impression\nNo change\nPDF: (binary)"));
}

#[test]
fn a_pressure_is_a_vital_sign_and_a_tracing_a_document() {
    let rest = "OBR|1|A1||VS^vital signs^L\rOBX|1|NM|9A751000000000001^収縮期血圧^JC10||128|mmHg|||||F\rOBX|2|NM|8867-4^Pulse^LN||70|/min|||||X";
    let records = all(&message("ORU^R30", "20260401093000", rest));
    assert!(records.iter().all(|record| record.category() == Category::VitalSign));
    assert_eq!(records[1].change(), ChangeKind::Delete);
    let tracing = "OBR|1|A2||9A110^標準１２誘導心電図^JC10|||20260401\rOBX|1|NM|1^心拍数^99MFR|2|67.0|bpm|||||F";
    let record = one(&message("ORU^R01", "20260401093000", tracing));
    let Some(Payload::Document(document)) = record.payload() else { panic!("a document") };
    assert_eq!(document.content, "心拍数: 67.0 bpm");
}

#[test]
fn an_order_is_no_fact_and_segments_without_a_place_are_counted() {
    let text = message("OML^O21", "20260401093000", "NK1|1\rNK1|2\rORC|NW|A1\rOBR|1|A1||E001^panel^L");
    remark(&text, Reason::NoCategory, "OBR^1^4");
    let counts: Vec<(String, u32)> =
        outcome(&text).passed_over.iter().map(|(id, count)| (id.as_str().to_owned(), *count)).collect();
    assert_eq!(counts, [("NK1".to_owned(), 2)]);
    assert_eq!(outcome(&text).fate(), Fate::Left);
}

#[test]
fn no_remark_shows_a_value() {
    let rest = "PV1|1|SECRET|SECRETSECRETSECRETSECRET^^^^^C\rOBX|1|NM|SECRET||SECRET||||||SECRET|||SECRET\rDG1|1||SECRET||SECRET";
    let text = message("ADT^A01", "SECRET", rest).replace("0042", "SECRET");
    let mut shown = format!("{:?}", outcome(&text));
    shown += &format!("{:?}", outcome(&text.replacen("SECRET", "20260401", 1)));
    assert!(!shown.contains("SECRET"), "{shown}");
}

proptest! {
    #[test]
    fn a_message_with_broken_bytes_makes_nothing_panic(cuts in prop::collection::vec((0usize..2000, any::<u8>()), 1..12), which in 0usize..5) {
        let rest = [
            "PV1|1|I|32^302^1^^^N||||||||01|||||||||V7|||||||||||||||||||||||||20260401090000|202604051000\rDG1|1||K29^x^I10||20260401\rAL1|1|DA|1^x^L|SV|y|20260401",
            "SPM|1|S1||023^血清^JC10|||||||||||||202604010830\rOBR|1|A1|F1|E001^panel^L\rORC|SC|A1|F1\rOBX|1|SN|x^y^L|1|<^5|u|1-2|H|||F|||20260401",
            "ORC|NW|A1||1|||||20110701\rRXE||1^x^HOT9|1||TAB^錠|||||15|TAB\rTQ1|1||1&a&b|||5^d|2011070100\rRXA|0|1|20260401||1^a^CVX|999",
            "PRB|AD|20110915|2^x^MDCDX2|P1|||20110831|||K297^^I10|||||||20110831|||||||||V\rOBX|1|TX|x||y",
            "TXA|1|DS^S^L|TX|20260401||||||||D1^H|D0^H|||||AU|V\rOBX|1|ED|x||^a^b^Base64^AAAA",
        ][which];
        let kind = ["ADT^A01", "OUL^R22", "RDE^O11", "PPR^PC1", "MDM^T10"][which];
        let mut bytes = message(kind, "20260401093000", rest).into_bytes();
        for (at, b) in cuts {
            let at = at % bytes.len();
            bytes[at] = b;
        }
        let outcome = read(&bytes, &feed(), received());
        for event in &outcome.events {
            prop_assert!(wire::read_event(wire::write_event(event)).is_ok(), "what comes of it passes the door");
        }
    }
}

#[test]
fn an_admission_and_its_cancellation_in_one_second_are_two_versions() {
    let text = |event: &str| {
        format!(
            "MSH|^~\\&|HIS|HOSP|||20260401093000||ADT^{event}|1|P|2.5\rPID|||0042^^^HOSP^PI\rPV1||I|||||||||||||||||V1"
        )
    };
    let read = |event: &str| read(text(event).as_bytes(), &feed(), received()).events;
    let (admitted, cancelled) = (read("A01"), read("A11"));
    assert!(!admitted.is_empty() && !cancelled.is_empty());
    // One id with two meanings would be refused at the door, and the cancellation with it.
    assert!(admitted.iter().all(|event| cancelled.iter().all(|other| other.key != event.key)));
    assert_eq!(read("A01"), admitted);
}

#[test]
fn a_note_is_part_of_a_report_and_kept_beside_its_result() {
    let result = "OBR|1|A1||E001^x^L\rNTE|1|L|至急\rOBX|1|NM|718-7^Hb^LN||13.2|g/dL|11-15||||F\rNTE|1|L|溶血あり\rNTE|2|L\rNTE|3|L|再検済\\.br\\同値\rOBX|2|NM|777-3^PLT^LN||20|10*4/uL|15-35||||F\rOBX|3|NM|8867-4^脈拍^LN||72|/min|||||F\rNTE|1|L|安静時";
    let came = outcome(&message("ORU^R01", "20260401093000", result));
    let all = records(&came);
    assert_eq!(all.len(), 3);
    assert_eq!(lab(all[0]).note, "溶血あり\n再検済\n同値", "what says nothing is no note");
    assert_eq!(lab(all[1]).note, "", "it is its own result's");
    let said: Vec<_> = came.remarks.iter().map(|remark| (remark.reason, remark.fault.location.to_string())).collect();
    let comment = |place: &str| (Reason::Comment, place.to_owned());
    assert_eq!(said, [comment("NTE^1^3"), comment("NTE^5^3")], "that of an order, and of a vital sign, have no place");
    assert_eq!(came.fate(), Fate::Left, "and the message is taken");
    assert!(!came.passed_over.keys().any(|name| *name == "NTE"), "it is counted once");

    let report = "OBR|1|A1||18748-4^報告^LN\rOBX|1|TX|x^所見^L||異常なし||||||F\rNTE|1|L|再検を勧める";
    let came = outcome(&message("ORU^R01", "20260401093000", report));
    let Some(Payload::Document(document)) = records(&came)[0].payload() else { panic!("a report") };
    assert!(document.content.ends_with("再検を勧める") && came.remarks.is_empty());

    let early = format!("NTE|1|L|患者について\r{result}");
    let came = outcome(&message("ORU^R01", "20260401093000", &early));
    assert_eq!(came.remarks.iter().filter(|remark| remark.reason == Reason::Comment).count(), 3);
}

#[test]
fn a_note_of_a_result_that_makes_no_record_is_said() {
    let rest = "OBR|1|A1||E001^x^L\rOBX|1|NM|718-7^Hb^LN|||g/dL|11-15||||F\rNTE|1|L|検体不良\rOBX|2|NM|777-3^PLT^LN||20||15-35||||D\rNTE|1|L|取消";
    let came = outcome(&message("ORU^R01", "20260401093000", rest));
    let places: Vec<_> = came.remarks.iter().map(|remark| (remark.reason, remark.fault.location.to_string())).collect();
    let comment = |place: &str| (Reason::Comment, place.to_owned());
    assert_eq!(places, [(Reason::NoValue, "OBX^1^5".to_owned()), comment("NTE^1^3"), comment("NTE^2^3")]);
    assert_eq!(records(&came)[0].change(), ChangeKind::Delete);
}

#[test]
fn a_patient_named_twice_is_one_and_two_things_of_one_record_are_refused() {
    let said = "PID|1||0042^^^HOSP^PI||a^b\rOBR|1|A1||E001^x^L|||20260401\rOBX|1|NM|718-7^Hb^LN||13.2|g/dL|||||F";
    let text = |rest: &str| format!("MSH|^~\\&|HIS|HOSP|||20260401093000||ORU^R01|1|P|2.5\r{said}\r{rest}");
    let once = outcome(&text(""));
    let again = outcome(&text(said));
    assert_eq!((once.events.len(), again.events.len(), again.remarks.len()), (1, 1, 0));
    let other = outcome(&text(&said.replace("13.2", "9.9")));
    assert_eq!((other.events.len(), other.fate()), (1, Fate::Refused), "the first is taken, the message is kept");
}
