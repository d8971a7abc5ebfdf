//! What is written is read back by the adapter as the same record, wherever FHIR can say it; and everything has a form.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it stands, also in its helpers")]

use fhir_form::{Mine, resource};
use ingest::fhir::{self, Context, References};
use model::*;
use proptest::prelude::*;
use serde_json::Value as Json;

fn facility() -> FacilityId {
    FacilityId::parse("nagasaki-mc").unwrap()
}

/// Text that says something, without blanks at its ends.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9あ-ん血糖値]{1,8}", "[A-Za-z0-9あ-ん血糖値]{1,4} [A-Za-z0-9あ-ん]{1,4}",]
}
fn maybe(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop_oneof![1 => Just(String::new()), 2 => text]
}
fn moment() -> impl Strategy<Value = Moment> {
    (0i64..2_000_000_000_000_000).prop_map(|micros| Moment::from_micros(micros).unwrap())
}
fn number() -> impl Strategy<Value = f64> {
    // At most 15 digits: serde_json reads longer ones to the last bit only with a feature that is off here.
    (any::<i32>(), 0i32..6).prop_map(|(mantissa, scale)| f64::from(mantissa) / 10f64.powi(scale))
}

fn coding() -> BoxedStrategy<Coding> {
    let system = prop_oneof![
        Just(CodeSystem::Loinc),
        Just(CodeSystem::Snomed),
        Just(CodeSystem::Icd10),
        Just(CodeSystem::MedisDisease),
        Just(CodeSystem::Hot),
        Just(CodeSystem::Yj),
        Just(CodeSystem::RxNorm),
        Just(CodeSystem::Local),
        Just(CodeSystem::Other("urn:oid:1.2.3".to_owned())),
    ];
    let jlac = (Just(CodeSystem::Jlac10), "[0-8][A-Z][0-9]{15}", text());
    let coded = (system, "[A-Za-z0-9.-]{1,12}", text());
    prop_oneof![
        3 => coded.prop_map(|(system, code, display)| Coding { system, code, display }),
        1 => jlac.prop_map(|(system, code, display)| Coding { system, code, display }),
        1 => text().prop_map(|display| Coding { system: CodeSystem::Local, code: String::new(), display }),
    ]
    .boxed()
}

fn value() -> BoxedStrategy<Value> {
    let comparator = prop::sample::select(vec!["", "<", "<=", ">", ">="]).prop_map(str::to_owned);
    prop_oneof![
        3 => (number(), maybe("[a-zA-Z%/0-9]{1,6}"), comparator)
            .prop_map(|(value, unit, comparator)| Value::Quantity { value, unit, comparator }),
        1 => coding().prop_map(Value::Coded),
        1 => text().prop_map(Value::Text),
        1 => "[a-z-]{1,12}".prop_map(Value::Absent),
    ]
    .boxed()
}

/// What the record says, of the kinds that the adapter reads.
fn payload() -> BoxedStrategy<Payload> {
    let status = prop::sample::select(LabStatus::ALL.to_vec());
    let bounds = (prop::option::of(number()), prop::option::of(number()));
    let flag = maybe("H|L|HH|LL|A|N");
    let laboratory = (coding(), value(), bounds, flag, maybe(text()), status, (maybe(text()), maybe(text()))).prop_map(
        |(code, value, (reference_low, reference_high), flag, specimen, status, (order, note))| {
            Payload::Laboratory(LabResult {
                code,
                value,
                reference_low,
                reference_high,
                flag,
                specimen,
                status,
                order,
                note,
            })
        },
    );
    let vital = (coding(), value()).prop_map(|(code, value)| Payload::VitalSign(VitalSign { code, value }));
    let clinical = prop::sample::select(vec!["", "active", "resolved"]).prop_map(str::to_owned);
    let condition = (coding(), clinical.clone(), any::<bool>(), prop::option::of(moment()), prop::option::of(moment()))
        .prop_map(|(code, clinical_status, suspected, onset, abated)| {
            Payload::Condition(Condition { code, clinical_status, suspected, onset, abated })
        });
    let criticality = prop::sample::select(vec!["", "high", "low", "unable-to-assess"]).prop_map(str::to_owned);
    let allergy =
        (coding(), criticality, maybe(text()), clinical).prop_map(|(code, criticality, reaction, clinical_status)| {
            Payload::Allergy(Allergy { code, criticality, reaction, clinical_status })
        });
    let status = prop::sample::select(vec!["active", "completed", "stopped", "unknown"]).prop_map(str::to_owned);
    let quantity = (prop::option::of(number()), maybe("錠|mL|g"));
    let medication = (coding(), status, maybe(text()), quantity, prop::option::of(0u32..1000)).prop_map(
        |(code, status, dosage, (quantity, quantity_unit), days)| {
            Payload::Medication(Medication { code, status, dosage, quantity, quantity_unit, days })
        },
    );
    let class = prop::sample::select(EncounterClass::ALL.to_vec());
    let status = prop::sample::select(vec!["planned", "in-progress", "finished", "cancelled"]).prop_map(str::to_owned);
    let reason = prop_oneof![Just(Coding::default()), coding()];
    let encounter = (class, status, reason, prop::option::of(moment()), prop::option::of(moment())).prop_map(
        |(class, status, reason, start, end)| Payload::Encounter(Encounter { class, status, reason, start, end }),
    );
    let body = prop_oneof![
        text().prop_map(|content| ("text/plain".to_owned(), content)),
        Just(("application/pdf".to_owned(), "https://pacs.example/1".to_owned())),
    ];
    let document = (coding(), text(), body).prop_map(|(kind, title, (content_type, content))| {
        Payload::Document(Document { kind, title, content_type, content })
    });
    let modality = prop::sample::select(vec!["", "CT", "CT\\SR"]).prop_map(str::to_owned);
    let procedure = prop_oneof![Just(Coding::default()), coding()];
    let imaging = (modality, procedure, maybe("[0-9]\\.[0-9]{1,5}")).prop_map(|(modality, procedure, study_uid)| {
        Payload::Imaging(Imaging { modality, procedure, study_uid, report: String::new() })
    });
    let status = prop::sample::select(vec!["active", "completed", "unknown"]).prop_map(str::to_owned);
    let plan = (coding(), status, maybe(text()))
        .prop_map(|(code, status, text)| Payload::CarePlan(CarePlan { code, status, text }));
    // Boxed: by value they are larger than a test's stack.
    prop_oneof![
        laboratory.boxed(),
        vital.boxed(),
        condition.boxed(),
        allergy.boxed(),
        medication.boxed(),
        encounter.boxed(),
        document.boxed(),
        imaging.boxed(),
        plan.boxed(),
        patient().boxed(),
        immunization().boxed(),
    ]
    .boxed()
}

fn immunization() -> impl Strategy<Value = Payload> {
    let vaccine = (coding(), prop::sample::select(ImmunizationStatus::ALL.to_vec()), maybe(text()), maybe(text()));
    let given = (maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text()));
    let amount = (prop::option::of(number()), maybe("mL|管"), any::<bool>(), any::<bool>());
    (vaccine, given, amount).prop_map(|((code, status, reason, lot), given, (quantity, unit, reported, subpotent))| {
        let (manufacturer, dose_number, site, route, note) = given;
        // What was not given has no amount.
        let quantity = quantity.filter(|_| status == ImmunizationStatus::Completed);
        let quantity_unit = if quantity.is_some() { unit } else { String::new() };
        Payload::Immunization(Immunization {
            code,
            status,
            reason,
            lot,
            manufacturer,
            dose_number,
            quantity,
            quantity_unit,
            site,
            route,
            reported,
            subpotent,
            note,
        })
    })
}

fn patient() -> impl Strategy<Value = Payload> {
    let born = prop::option::of((1900i16..2026, 1i8..13, 1i8..29).prop_map(|(y, m, d)| jiff::civil::date(y, m, d)));
    let sex = prop::sample::select(Sex::ALL.to_vec());
    (maybe(text()), maybe("[ァ-ン]{1,6}"), born, sex, (maybe("[0-9]{7}"), maybe(text())), prop::option::of(moment()))
        .prop_map(|(name, kana, birth_date, sex, (postal_code, address), deceased)| {
            Payload::Patient(Demographics { name, kana, birth_date, sex, postal_code, address, deceased })
        })
}

fn labels() -> impl Strategy<Value = Labels> {
    // RELEASED is written as a tag that readers pass over.
    let known: Vec<Label> = Label::ALL.iter().copied().filter(|label| *label != Label::Released).collect();
    prop::collection::vec(prop::sample::select(known), 0..3).prop_map(|labels| labels.into_iter().collect())
}

/// The type that a payload's resource has.
fn type_of(payload: &Payload, report: bool) -> &'static str {
    match payload {
        Payload::Document(_) if report => "DiagnosticReport",
        Payload::Document(_) => "DocumentReference",
        other => fhir_form::TYPES.iter().find(|(_, of)| of.contains(&other.category())).unwrap().0,
    }
}

/// Records as FHIR can say them: their times where a resource has a place for each, corrections where it has a status.
fn record() -> impl Strategy<Value = Record> {
    let id = ("[A-Za-z0-9.-]{1,40}", any::<bool>());
    let number = prop_oneof!["[0-9]{1,10}", "[A-Z0-9 /_]{1,8}[0-9]"].prop_filter("no outer blanks", |n| n.trim() == n);
    let department = prop::option::of("[0-9]{2}");
    (payload(), id, number, (moment(), moment()), (labels(), department), (1u64..1_000_000, any::<bool>())).prop_map(
        |(
            mut payload,
            (id, report),
            number,
            (mut occurred, mut recorded),
            (labels, department),
            (version, corrected),
        )| {
            let mut change = ChangeKind::Upsert;
            match &mut payload {
                Payload::Laboratory(result) if result.status == LabStatus::Corrected => change = ChangeKind::Correct,
                Payload::VitalSign(_) if corrected => change = ChangeKind::Correct,
                Payload::Document(document) => {
                    change = if corrected { ChangeKind::Correct } else { ChangeKind::Upsert };
                    // A report's title is its code's text.
                    if report && document.kind.code.is_empty() {
                        document.title = document.kind.display.clone();
                    }
                }
                Payload::Condition(condition) => match condition.onset {
                    Some(onset) => occurred = onset,
                    None => occurred = recorded,
                },
                Payload::Encounter(encounter) => {
                    occurred = encounter.start.or(encounter.end).unwrap_or(recorded);
                }
                Payload::Medication(_) => recorded = occurred,
                Payload::Patient(_) => occurred = recorded,
                _ => {}
            }
            let patient = PatientRef::new(facility(), PatientNumber::parse(&number).unwrap());
            let id = RecordId::parse(&format!("{}/{id}", type_of(&payload, report))).unwrap();
            let author = Author { member: None, role: Role::System };
            let department = department.map(|code| DepartmentCode::parse(&code).unwrap());
            let version = Version::new(version).unwrap();
            let category = payload.category();
            Record::new(
                patient,
                id,
                version,
                category,
                occurred,
                recorded,
                labels,
                department,
                author,
                change,
                Some(payload),
            )
            .unwrap()
        },
    )
}

/// What the adapter makes of it.
fn read_back(json: &Json) -> Record {
    let context = Context::new(facility(), Moment::from_micros(0).unwrap());
    let line = json.to_string();
    let resources = fhir::read(line.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let [resource] = resources.as_slice() else { panic!("one resource") };
    let records = fhir::convert(resource, &context, &References::default());
    let mut records = records.unwrap_or_else(|refusal| panic!("{refusal}\n{json:#}"));
    assert_eq!(records.len(), 1, "{json:#}");
    records.remove(0)
}

proptest! {
    #[test]
    fn what_is_read_back_is_the_same_record(record in record()) {
        let json = resource(&record, None).unwrap();
        let mut back = read_back(&json);
        // A patient's resource has the id of the number, so that others can refer to it.
        if record.category() == Category::Patient {
            back.id = record.id.clone();
        }
        prop_assert_eq!(&back, &record, "{:#}", json);
    }

    #[test]
    fn the_viewers_own_number_changes_nothing_that_is_read(record in record(), number in "[0-9]{1,8}") {
        let (facility, number) = (FacilityId::parse("clinic").unwrap(), PatientNumber::parse(&number).unwrap());
        let json = resource(&record, Some(Mine { facility: &facility, number: &number })).unwrap();
        prop_assert!(json.to_string().contains("urn:ajisai:patient-number:clinic"));
        prop_assert_eq!(read_back(&json).patient, record.patient);
    }

    /// A reference and the patient it names have one key.
    #[test]
    fn what_refers_to_a_patient_names_the_patients_resource(record in record(), id in "[a-z]{1,9}") {
        let demographics = Demographics {
            name: String::new(), kana: String::new(), birth_date: None, sex: Sex::Unknown,
            postal_code: String::new(), address: String::new(), deceased: None,
        };
        let author = Author { member: None, role: Role::System };
        let patient = Record::new(
            record.patient.clone(), RecordId::parse(&id).unwrap(), Version::FIRST, Category::Patient, record.occurred,
            record.recorded, Labels::NONE, None, author, ChangeKind::Upsert, Some(Payload::Patient(demographics)),
        ).unwrap();
        let (patient, other) = (resource(&patient, None).unwrap(), resource(&record, None).unwrap());
        let subject = other.get("subject").or(other.get("patient"));
        if let Some(reference) = subject.and_then(|subject| subject["reference"].as_str()) {
            prop_assert_eq!(reference, format!("Patient/{}", patient["id"].as_str().unwrap()));
        } else {
            prop_assert_eq!(&other["id"], &patient["id"]);
        }
    }
}

fn of(payload: Payload, id: &str) -> Record {
    let patient = PatientRef::new(facility(), PatientNumber::parse("0042").unwrap());
    let at = Moment::parse("2026-04-01T09:00:00+09:00").unwrap();
    let (author, category) = (Author { member: None, role: Role::Physician }, payload.category());
    let id = RecordId::parse(id).unwrap();
    let labels = Labels::of(Label::Released);
    Record::new(patient, id, Version::FIRST, category, at, at, labels, None, author, ChangeKind::Upsert, Some(payload))
        .unwrap()
}

#[test]
fn what_fhir_has_no_place_for_stands_in_extensions() {
    let signs = WaveformFrame {
        channel: WaveformChannel::FetalHeartRate(1),
        samples: vec![140.0, 141.5, 0.0],
        quality: vec![FrameQuality::Good, FrameQuality::Fair, FrameQuality::Lost],
    };
    let waveform = Waveform {
        session: "bed 3".to_owned(),
        device: "HP".to_owned(),
        hertz: 4.0,
        sequence: 7,
        frames: vec![signs],
        hops: Hops::default(),
        held_back: false,
    };
    let json = resource(&of(Payload::Waveform(waveform), "frame#7"), None).unwrap();
    assert_eq!(json["component"][0]["valueSampledData"]["data"], "140 141.5 E");
    assert_eq!(json["component"][0]["valueSampledData"]["period"], 250);
    let said = json["extension"].to_string();
    for wanted in ["urn:ajisai:extension:session", "urn:ajisai:extension:sequence", "urn:ajisai:extension:author-role"]
    {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert_eq!(json["identifier"][0]["value"], "frame#7", "an id that FHIR does not take stands beside its digest");
    assert_eq!(json["meta"]["tag"][0]["code"], "RELEASED");
    assert_eq!(json["meta"]["source"], "urn:ajisai:facility:nagasaki-mc");

    let entry =
        Perinatal { code: Coding::default(), gestational_days: Some(203), value: Value::Text("頭位".to_owned()) };
    let json = resource(&of(Payload::Perinatal(entry), "p1"), None).unwrap();
    assert_eq!(json["component"][0]["valueQuantity"]["value"], 203);
    let bed = BedSession {
        session: "s1".to_owned(),
        bed: "3号".to_owned(),
        opened: Moment::parse("2026-04-01").unwrap(),
        closed: None,
        closing: String::new(),
        fetuses: vec!["A児".to_owned()],
        devices: vec!["HP".to_owned()],
    };
    let json = resource(&of(Payload::Bed(bed), "bed"), None).unwrap();
    assert_eq!(
        (json["valueString"].as_str(), json["component"][0]["valueString"].as_str()),
        (Some("3号"), Some("A児"))
    );
    let message = Message { subject: "逆紹介".to_owned(), text: "次回".to_owned() };
    let json = resource(&of(Payload::Message(message), "m1"), None).unwrap();
    assert_eq!(
        (json["resourceType"].as_str(), json["payload"][0]["contentString"].as_str()),
        (Some("Communication"), Some("次回"))
    );
    let condition = Condition {
        code: Coding::default(),
        clinical_status: String::new(),
        suspected: false,
        onset: None,
        abated: None,
    };
    let mut record = of(Payload::Condition(condition), "c1");
    record.recorded = Moment::parse("2026-05-01").unwrap();
    let json = resource(&record, None).unwrap();
    assert!(json["extension"].to_string().contains("urn:ajisai:extension:occurred"), "{json:#}");
}

#[test]
fn every_category_has_a_type() {
    for category in Category::ALL {
        assert!(fhir_form::TYPES.iter().any(|(_, of)| of.contains(category)), "{category}");
    }
    assert_eq!(fhir_form::categories("Questionnaire"), None);
    assert_eq!(fhir_form::categories("Patient"), Some([Category::Patient].as_slice()));
}

#[test]
fn an_entry_of_a_pregnancys_record_is_read_back_with_its_age() {
    let local = |code: &str| Coding { system: CodeSystem::Local, code: code.to_owned(), display: "健診".to_owned() };
    let loinc = |code: &str| Coding { system: CodeSystem::Loinc, code: code.to_owned(), display: "EDD".to_owned() };
    let quantity = |value, unit: &str| Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() };
    let entries = [
        (local("checkup"), Some(133), Value::Absent("not-applicable".to_owned())),
        (local("bpd/2"), None, quantity(52.0, "mm")),
        (local("delivery"), Some(280), Value::Coded(local("vaginal"))),
        (local("A-院内"), Some(0), Value::Text("頭位".to_owned())),
        (loinc("11778-8"), Some(133), Value::Text("2026-08-20".to_owned())),
        (loinc("11727-5"), None, quantity(0.3, "kg")),
        (loinc("18185-9"), Some(133), quantity(19.0, "wk")),
    ];
    for (code, gestational_days, value) in entries {
        let payload = Payload::Perinatal(Perinatal { code, gestational_days, value });
        let at = Moment::parse("2026-04-01T09:00:00+09:00").unwrap();
        let record = Record::new(
            PatientRef::new(facility(), PatientNumber::parse("0042").unwrap()),
            RecordId::parse("Observation/e1").unwrap(),
            Version::FIRST,
            Category::Perinatal,
            at,
            at,
            Labels::NONE,
            None,
            Author { member: None, role: Role::System },
            ChangeKind::Upsert,
            Some(payload),
        );
        let record = record.unwrap();
        let json = resource(&record, None).unwrap();
        assert_eq!(read_back(&json), record, "{json:#}");
    }
}
