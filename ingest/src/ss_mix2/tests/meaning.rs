//! What files say.

use super::super::plan::Planner;
use super::*;
use crate::hl7::{self, Feed};
use bytes::Bytes;
use model::{Body as EventBody, Category, ChangeKind, FacilityId, Payload, Record, Value};

fn hospital() -> FacilityId {
    FacilityId::parse("hospital").unwrap()
}
fn messages() -> Messages {
    Messages::new(Feed::new(hospital()), OtherPatient::Refuse)
}
fn read(name: &str, text: &str) -> Result<Said, crate::Refusal> {
    messages().interpret(&FileName::parse(name).unwrap(), &Body::File(Bytes::copy_from_slice(text.as_bytes())))
}
fn header(kind: &str, at: &str) -> String {
    format!("MSH|^~\\&|HIS|H|GW|R|{at}||{kind}|1|P|2.5\rPID|0001||9999013^^^^PI||a^b||19650415|M\r")
}
fn result_message() -> String {
    let order = "OBR|1|000000011000354||E001^hematology^99O03|||20111219\r\
        ORC|SC|000000011000354|||CM||||20111220103059||||||||01^naika^99XY1\r";
    let values = "OBX|1|NM|3A010000002327101^TP^JC10||7.2|g/dl|6.70-8.3||||F|||201112191500\r\
        OBX|2|NM|3B035000002327201^AST^JC10||100<|u/L|||||F\r\
        OBX|3|ST|1A025000000127201^p^JC10||(1+)||||||F\r";
    header("OUL^R22^OUL_R22", "20111220103059") + "SPM|1|||023^serum^JC10\r" + order + values
}

#[test]
fn the_same_message_over_mllp_makes_the_same_events() {
    let name = "9999013_20111220_OML-11_000000011000354_20111220103059000_01_1";
    let said = read(name, &result_message()).unwrap();
    let over_mllp =
        hl7::read(result_message().as_bytes(), &Feed::new(hospital()), model::Moment::parse("2026-04-01").unwrap());
    let records: Vec<Record> = over_mllp
        .events
        .into_iter()
        .map(|event| match event.body {
            EventBody::Record(record) => *record,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said.records.len(), 3);
    assert_eq!(said.records, records);
}

#[test]
fn a_value_stays_as_it_is_written() {
    let name = "9999013_20111220_OML-11_000000011000354_20111220103059000_01_1";
    let said = read(name, &result_message()).unwrap();
    let values: Vec<&Value> = said
        .records
        .iter()
        .map(|record| match record.payload() {
            Some(Payload::Laboratory(result)) => &result.value,
            other => panic!("{other:?}"),
        })
        .collect();
    let number = Value::Quantity { value: 7.2, unit: "g/dl".to_owned(), comparator: String::new() };
    assert_eq!(values, [&number, &Value::Text("100<".to_owned()), &Value::Text("(1+)".to_owned())]);
}

#[test]
fn a_place_states_its_own_categories_only() {
    let text = header("ADT^A01^ADT_A01", "20251019074659")
        + "PV1|0001|O|052^^^^^C|||||||||||||||||||||||||||||||||||||||||20251019073827\rAL1|1|DA|1^penicillin^99XYZ\r";
    let visit = read("9999013_20251019_ADT-12_1_20251019074659616_052_1", &text).unwrap();
    let categories = |said: &Said| said.records.iter().map(Record::category).collect::<Vec<_>>();
    assert_eq!(categories(&visit), [Category::Encounter]);
    let text = text.replace("ADT^A01", "ADT^A08");
    let patient = read("9999013_-_ADT-00_999999999999999_20251019074659616_-_1", &text).unwrap();
    assert_eq!(categories(&patient), [Category::Patient, Category::Allergy]);
}

#[test]
fn another_patients_message_and_another_types_are_refused_by_field() {
    let field = |name: &str, text: &str| read(name, text).unwrap_err().field;
    let text = result_message();
    assert_eq!(field("8888013_20111220_OML-11_1_20111220103059000_01_1", &text), "PID^1^3");
    assert_eq!(field("9999013_20111220_OMP-01_1_20111220103059000_01_1", &text), "MSH^1^9");
    assert_eq!(field("9999013_20111220_OML-11_1_20111220103059000_01_1", "\u{fb}\u{fc}"), "MSH^1");
    // A storage whose paths are right whatever its messages say.
    let by_path = Messages::new(Feed::new(hospital()), OtherPatient::TakePath);
    let name = FileName::parse("8888013_20111220_OML-11_1_20111220103059000_01_1").unwrap();
    let said = by_path.interpret(&name, &Body::File(text.into())).unwrap();
    assert!(said.records.iter().all(|record| record.patient.number().as_str() == "8888013"));
    assert!(said.records.iter().all(|record| record.id.as_str().contains("8888013")));
}

#[test]
fn the_department_that_only_the_path_knows_is_kept() {
    let text = header("ADT^A03^ADT_A03", "20111220224447") + "PV1|0001|I|41^460^2^^^N\r";
    let said = read("9999013_20111220_ADT-52_999999999999999_20111220224447339_02_1", &text).unwrap();
    let department = said.records.first().and_then(|record| record.department.clone());
    assert_eq!(department.unwrap().as_str(), "02");
}

#[test]
fn an_extended_storage_holds_vital_signs_and_documents() {
    let observations = "9999013_20160101_L-OBSERVATIONS^OBSERVATIONS^99ZL01_2016010115_20160101150032100_1";
    let text = header("ORU^R30^ORU_R30", "20160101150032")
        + "ORC|SC|2016010115\rOBR|1|2016010115||9A751^BP^JC10\rOBX|1|NM|9A751000000000001^SBP^JC10||120|mmHg|||||F|||20160101150000\r";
    let content = |main: &str, text: &str| Body::Content {
        main: main.to_owned(),
        bytes: Bytes::from(text.to_owned()),
        others: 0,
    };
    let name = FileName::parse(observations).unwrap();
    let said = messages().interpret(&name, &content("main_document.hl7", &text)).unwrap();
    assert_eq!(said.records.iter().map(Record::category).collect::<Vec<_>>(), [Category::VitalSign]);

    let name =
        FileName::parse("9999013_20160105_^退院サマリ^^18842-5^退院時サマリー^LN_1_20160105150032100_01_1").unwrap();
    let said = messages().interpret(&name, &content("main_document.xml", "<ClinicalDocument/>")).unwrap();
    let Some(Payload::Document(document)) = said.records.first().and_then(Record::payload) else { panic!("{said:?}") };
    assert_eq!((document.kind.code.as_str(), document.title.as_str()), ("18842-5", "退院サマリ"));
    assert_eq!(document.content_type, "text/xml");
    let error = messages().interpret(
        &name,
        &Body::Content { main: "main_document.pdf".into(), bytes: Bytes::from_static(b"%PDF\xff"), others: 0 },
    );
    assert_eq!(error.unwrap_err().field, "main document");
}

#[test]
fn a_diet_that_is_cancelled_states_nothing() {
    let name = "9999013_20111013_OMD_123456789012345_20111014232213000_01_1";
    let text = header("OMD^O03^OMD_O03", "20111014232213")
        + "ORC|NW|123456789012345\rTQ1|1||||||2011101607\rODS|D||001^^99XY3|less salt\r";
    let said = read(name, &text).unwrap();
    let Some(Payload::CarePlan(plan)) = said.records.first().and_then(Record::payload) else { panic!("{said:?}") };
    assert_eq!((plan.code.code.as_str(), plan.text.as_str()), ("001", "less salt"));
    assert!(read(name, &text.replace("ORC|NW", "ORC|CA")).unwrap().records.is_empty());
}

/// What these files come to, one after another; the place's states are kept.
fn events(ward: &Ward, name: &str, text: &str) -> Vec<(Category, ChangeKind)> {
    let place = FileName::parse(name).unwrap();
    let body = Body::File(Bytes::copy_from_slice(text.as_bytes()));
    let hash = xxhash_rust::xxh3::xxh3_128(text.as_bytes());
    let print = Print { modified_us: 0, size: 0 };
    let found = Found { name: name.to_owned(), place: Ok(place), body, print, hash };
    let folder =
        Folder { volume: "STD".to_owned(), path: "a/b/c/d/e".to_owned(), found: vec![found], ..Folder::default() };
    let (facility, interpreter) = (hospital(), messages());
    let planner = Planner { facility: &facility, cursor: &ward.cursor, interpreter: &interpreter };
    let plan = planner.plan(vec![folder]).unwrap();
    assert!(plan.aside.is_empty(), "{:?}", plan.aside);
    ward.cursor.commit(&plan.changes).unwrap();
    let read = |bytes: Bytes| match wire::read_event(bytes).unwrap().body {
        EventBody::Record(record) => (record.category(), record.change()),
        other => panic!("{other:?}"),
    };
    plan.events.into_iter().map(|(_, bytes)| read(bytes)).collect()
}

#[test]
fn an_allergy_that_another_file_still_states_does_not_go() {
    let ward = Ward::new();
    let patient = |at: &str, allergy: &str| {
        (
            format!("9999013_-_ADT-00_999999999999999_{at}000_-_1"),
            header("ADT^A08^ADT_A01", at) + "PV1|0001|O\r" + allergy,
        )
    };
    let (name, text) = patient("20111201000000", "AL1|1|DA|106824501^drug^HOT9\r");
    events(&ward, &name, &text);
    let snapshot = |at: &str, allergies: &str| {
        (format!("9999013_-_ADT-61_999999999999999_{at}000_-_1"), header("ADT^A60^ADT_A60", at) + allergies)
    };
    let (name, text) =
        snapshot("20111202000000", "IAM|1|DA|106824501^drug^HOT9|MO||A\rIAM|2|FA|soba^buckwheat^99X|MO||A\r");
    assert_eq!(events(&ward, &name, &text).len(), 2);
    // The demographics leave allergies out from now on, as hospitals do that write them apart.
    let (name, text) = patient("20111203000000", "");
    let changes = events(&ward, &name, &text);
    assert!(changes.iter().all(|(category, _)| *category != Category::Allergy), "{changes:?}");
    // The snapshot drops one: that one goes, as both have left it out.
    let (name, text) = snapshot("20111204000000", "IAM|2|FA|soba^buckwheat^99X|MO||A\r");
    let changes = events(&ward, &name, &text);
    assert_eq!(changes, [(Category::Allergy, ChangeKind::Upsert), (Category::Allergy, ChangeKind::Delete)]);
}
