//! Tables that a facility defines by SQL-on-FHIR: made of its own view and nothing else, row for row.

use crate::house;
use crate::laboratory::Counted;
use crate::region::{CLINIC, HOSPITAL, Region, STRANGER, facility, patient};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clinical::lab::Sites;
use futures::TryStreamExt;
use model::*;
use query::{Definitions, Door, Executor, Limits, QueryError, ReadingRoom, SiteSource, Statement, ViewSource};
use std::sync::Arc;

/// What facilities have defined, in the place of the register.
struct Stated(Arc<Definitions>);

impl SiteSource for Stated {
    fn sites(&self) -> Arc<Sites> {
        Arc::default()
    }
    fn definitions(&self) -> Arc<Definitions> {
        Arc::clone(&self.0)
    }
}

fn at(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

fn define(definitions: &mut Definitions, offset: u64, of: &str, name: &str, text: &str) {
    let name = DefinitionName::parse(name).unwrap();
    let definition = Definition::new(facility(of), DefinitionKind::View, name, text.to_owned()).unwrap();
    definitions.apply(Position::new(0, offset), at("2026-04-01"), &definition).unwrap();
}

/// Each record of a type by its id, its source and its version.
fn every(resource: &str) -> String {
    format!(
        r#"{{"resource": "{resource}", "select": [{{"column": [
            {{"name": "record", "path": "identifier.where(system.startsWith('urn:ajisai:record:')).value"}},
            {{"name": "source", "path": "meta.source"}},
            {{"name": "version", "path": "meta.versionId"}}]}}]}}"#
    )
}

fn put(region: &Region, of: PatientRef, id: &str, payload: Payload) {
    let (record, when) = (RecordId::parse(id).unwrap(), at("2026-04-01T09:00:00+09:00"));
    let author = Author { member: None, role: Role::Physician };
    let (version, category) = (Version::FIRST, payload.category());
    let made = Record::new(
        of,
        record,
        version,
        category,
        when,
        when,
        Labels::NONE,
        None,
        author,
        ChangeKind::Upsert,
        Some(payload),
    );
    region.say(Body::Record(Box::new(made.unwrap())));
}

fn coding(display: &str) -> Coding {
    Coding { system: CodeSystem::Local, code: "x1".to_owned(), display: display.to_owned() }
}

fn vaccination() -> Immunization {
    Immunization {
        code: coding("風しん"),
        status: ImmunizationStatus::Completed,
        reason: String::new(),
        lot: "AB123".to_owned(),
        manufacturer: String::new(),
        dose_number: "2".to_owned(),
        quantity: Some(0.5),
        quantity_unit: "mL".to_owned(),
        site: String::new(),
        route: String::new(),
        reported: false,
        subpotent: false,
        note: String::new(),
    }
}

/// A record of nearly every category, of one patient whom the clinic sees and of one whom it does not.
fn fill(region: &Region) {
    for (number, mark) in [(0, "seen"), (3, "hidden")] {
        let of = || patient(HOSPITAL, number);
        let id = |kind: &str| format!("{kind}/{mark}");
        let demographics = Demographics {
            name: "架空 花子".to_owned(),
            kana: String::new(),
            birth_date: Some(jiff::civil::date(1980, 5, 5)),
            sex: Sex::Female,
            postal_code: String::new(),
            address: String::new(),
            deceased: None,
        };
        put(region, of(), &id("Patient"), Payload::Patient(demographics));
        let value = Value::Quantity { value: 7.4, unit: "%".to_owned(), comparator: String::new() };
        put(region, of(), &id("Vital"), Payload::VitalSign(VitalSign { code: coding("脈拍"), value: value.clone() }));
        let perinatal =
            Perinatal { code: coding("胎位"), gestational_days: Some(203), value: Value::Text("頭位".to_owned()) };
        put(region, of(), &id("Perinatal"), Payload::Perinatal(perinatal));
        let condition = Condition {
            code: coding("2型糖尿病"),
            clinical_status: "active".to_owned(),
            suspected: false,
            onset: None,
            abated: None,
        };
        put(region, of(), &id("Condition"), Payload::Condition(condition));
        let allergy = Allergy {
            code: coding("卵"),
            criticality: String::new(),
            reaction: String::new(),
            clinical_status: String::new(),
        };
        put(region, of(), &id("AllergyIntolerance"), Payload::Allergy(allergy));
        let medication = Medication {
            code: coding("メトホルミン"),
            status: "active".to_owned(),
            dosage: "朝夕".to_owned(),
            quantity: Some(60.0),
            quantity_unit: "錠".to_owned(),
            days: Some(30),
        };
        put(region, of(), &id("MedicationRequest"), Payload::Medication(medication));
        let encounter = Encounter {
            class: EncounterClass::Ambulatory,
            status: "finished".to_owned(),
            reason: coding("定期"),
            start: None,
            end: None,
        };
        put(region, of(), &id("Encounter"), Payload::Encounter(encounter));
        for kind in ["DocumentReference", "DiagnosticReport"] {
            let document = Document {
                kind: coding("紹介状"),
                title: "紹介".to_owned(),
                content_type: "text/plain".to_owned(),
                content: "本文".to_owned(),
            };
            put(region, of(), &id(kind), Payload::Document(document));
        }
        let imaging = Imaging {
            modality: "CT".to_owned(),
            procedure: coding("胸部"),
            study_uid: "1.2.3".to_owned(),
            report: String::new(),
        };
        put(region, of(), &id("ImagingStudy"), Payload::Imaging(imaging));
        let plan = CarePlan { code: coding("食事"), status: "active".to_owned(), text: "続ける".to_owned() };
        put(region, of(), &id("CarePlan"), Payload::CarePlan(plan));
        let message = Message { subject: "逆紹介".to_owned(), text: "次回".to_owned() };
        put(region, of(), &id("Communication"), Payload::Message(message));
        put(region, of(), &id("Immunization"), Payload::Immunization(vaccination()));
    }
}

struct Desk {
    region: Region,
    room: Arc<ReadingRoom>,
}

impl Desk {
    async fn open(definitions: Definitions) -> Self {
        let region = Region::open().await;
        fill(&region);
        let source = Arc::clone(&region.views) as Arc<dyn ViewSource>;
        let sites = Arc::new(Stated(Arc::new(definitions)));
        let room = ReadingRoom::open_with(source, sites, Limits::default(), Executor::start(2).unwrap()).unwrap();
        Self { region, room }
    }

    async fn ask(&self, who: &str, sql: &str) -> Result<Vec<String>, QueryError> {
        let statement = Statement::new(self.room.read(sql).await?, Door::Grpc);
        let answer = self.room.run(&house::principal(who), statement).await?;
        let batches: Vec<_> = answer.rows.try_collect().await?;
        let (mut rows, options) = (Vec::new(), FormatOptions::default().with_null("NULL"));
        for batch in &batches {
            let columns: Vec<_> =
                batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
            for row in 0..batch.num_rows() {
                rows.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" "));
            }
        }
        Ok(rows)
    }
}

/// `condition` and others are everybody's.
fn own_name(resource: &str) -> String {
    format!("own_{}", resource.to_ascii_lowercase())
}

/// The tables of everybody that a type's resources are made of.
fn tables_of(resource: &str) -> Vec<&'static str> {
    fhir_form::categories(resource).unwrap().iter().map(|category| views::table::table_name(*category)).collect()
}

#[tokio::test]
async fn a_table_of_each_type_has_the_records_of_its_own_view_and_no_other() {
    let mut definitions = Definitions::default();
    for (offset, (resource, _)) in (1..).zip(fhir_form::TYPES) {
        define(&mut definitions, offset, CLINIC, &own_name(resource), &every(resource));
    }
    let desk = Desk::open(definitions).await;
    for committed in [false, true] {
        if committed {
            desk.region.views.store().commit().await.unwrap();
        }
        for (resource, _) in fhir_form::TYPES {
            let own = format!("SELECT source, record, version FROM {}", own_name(resource));
            // Of a document its id says which of the two types it is.
            let only = match *resource {
                "DiagnosticReport" => "WHERE record_id LIKE 'DiagnosticReport/%'",
                "DocumentReference" => "WHERE record_id NOT LIKE 'DiagnosticReport/%'",
                _ => "",
            };
            let shown = tables_of(resource).into_iter().map(|table| {
                format!("SELECT 'urn:ajisai:facility:' || source, record_id, CAST(version AS TEXT) FROM {table} {only}")
            });
            let shown = shown.collect::<Vec<_>>().join(" UNION ALL ");
            for (one, other) in [(&own, &shown), (&shown, &own)] {
                let missing = desk.ask(CLINIC, &format!("({one}) EXCEPT ALL ({other})")).await.unwrap();
                assert_eq!(missing, Vec::<String>::new(), "{resource}, committed: {committed}");
            }
            let count = desk.ask(CLINIC, &format!("SELECT count(*) > 0 FROM ({own})")).await.unwrap();
            assert_eq!(count, ["true"], "{resource}");
            assert_eq!(
                desk.ask(CLINIC, &format!("{own} WHERE record LIKE '%hidden'")).await.unwrap(),
                Vec::<String>::new()
            );
            // Nobody else has the table: neither a stranger nor who wrote the records.
            for who in [STRANGER, HOSPITAL] {
                let error = desk.ask(who, &own).await.unwrap_err();
                assert!(matches!(error, QueryError::UnknownTable { .. }), "{who} {resource}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_withdrawal_hides_and_a_new_record_shows() {
    let mut definitions = Definitions::default();
    let drugs = r#"{"resource": "MedicationRequest", "select": [{"column": [
        {"name": "drug", "path": "medication.ofType(CodeableConcept).text"},
        {"name": "days", "path": "dispenseRequest.expectedSupplyDuration.value", "type": "integer"},
        {"name": "mine", "path": "subject.extension('urn:ajisai:extension:my-patient-number').value.ofType(Identifier).value"},
        {"name": "at", "path": "authoredOn", "type": "dateTime"}]},
        {"forEachOrNull": "dosageInstruction", "column": [{"name": "how", "path": "text"}, {"name": "n", "path": "%rowIndex", "type": "integer"}]}]}"#;
    define(&mut definitions, 1, CLINIC, "drugs", drugs);
    define(&mut definitions, 2, STRANGER, "drugs", &every("Patient"));
    let desk = Desk::open(definitions).await;
    let read = "SELECT drug, days, mine, at, how, n FROM drugs ORDER BY drug";
    let first = "メトホルミン 30 clinic-0000 2026-04-01T00:00:00Z 朝夕 0";
    assert_eq!(desk.ask(CLINIC, read).await.unwrap(), [first]);
    assert_eq!(desk.ask(CLINIC, "SELECT count(*) FROM drugs WHERE days > 30 OR n = 1").await.unwrap(), ["0"]);
    assert_eq!(
        desk.ask(CLINIC, "SELECT sum(d.days) FROM drugs d JOIN medication m ON m.name = d.drug").await.unwrap(),
        ["30"]
    );

    let medication = Medication {
        code: coding("ラミプリル"),
        status: "active".to_owned(),
        dosage: String::new(),
        quantity: None,
        quantity_unit: String::new(),
        days: None,
    };
    put(&desk.region, patient(HOSPITAL, 0), "MedicationRequest/new", Payload::Medication(medication));
    let both = [first, "ラミプリル NULL clinic-0000 2026-04-01T00:00:00Z NULL 0"];
    assert_eq!(desk.ask(CLINIC, read).await.unwrap(), both);

    let names = "SELECT table_name FROM information_schema.tables WHERE table_name = 'drugs'";
    assert_eq!(desk.ask(CLINIC, names).await.unwrap(), ["drugs"]);
    assert_eq!(desk.ask(HOSPITAL, names).await.unwrap(), Vec::<String>::new());

    desk.region.withdraw(0);
    assert_eq!(desk.ask(CLINIC, read).await.unwrap(), Vec::<String>::new());
    let error = desk.ask(STRANGER, read).await.unwrap_err();
    assert!(matches!(error, QueryError::UnknownColumn { .. }), "a table of the same name is another: {error}");
}

#[tokio::test]
async fn what_is_read_for_a_table_is_counted_as_read() {
    let mut definitions = Definitions::default();
    define(&mut definitions, 1, CLINIC, "mine", &every("Observation"));
    let region = Region::open().await;
    fill(&region);
    region.views.store().commit().await.unwrap();
    let counted = Arc::new(Counted { views: Arc::clone(&region.views), tallies: parking_lot::Mutex::default() });
    let sites = Arc::new(Stated(Arc::new(definitions)));
    let source = Arc::clone(&counted) as Arc<dyn ViewSource>;
    let room = ReadingRoom::open_with(source, sites, Limits::default(), Executor::start(2).unwrap()).unwrap();
    let read = async |sql: &str| {
        counted.tallies.lock().clear();
        let statement = Statement::new(room.read(sql).await.unwrap(), Door::Grpc);
        let answer = room.run(&house::principal(CLINIC), statement).await.unwrap();
        answer.rows.try_for_each(|_| async { Ok(()) }).await.unwrap();
        let mut tally = counted.tallies.lock().pop().unwrap().take();
        tally.sort_by_key(|(patient, category, _)| {
            (patient.facility().clone(), *category, patient.number().as_str().to_owned())
        });
        tally
    };
    let tables = tables_of("Observation").into_iter().map(|table| format!("SELECT record_id FROM {table}"));
    let every = read(&tables.collect::<Vec<_>>().join(" UNION ALL ")).await;
    assert!(every.len() > 1);
    assert_eq!(read("SELECT record FROM mine").await, every);
    assert_eq!(
        read("SELECT count(*) FROM mine WHERE record = 'nobody'").await,
        every,
        "what is filtered out was read too"
    );
}

#[tokio::test]
async fn a_table_that_takes_too_long_is_ended_at_the_limit() {
    let ten = "(1|2|3|4|5|6|7|8|9|10)";
    let slow = format!("{ten}.where({ten}.where({ten}.where({ten}.exists($this = 0)).exists()).exists()).exists()");
    let mut definitions = Definitions::default();
    let text =
        format!(r#"{{"resource": "Observation", "select": [{{"column": [{{"name": "c", "path": "{slow}"}}]}}]}}"#);
    define(&mut definitions, 1, CLINIC, "slow", &text);
    let desk = Desk::open(definitions).await;
    let mut statement = Statement::new(desk.room.read("SELECT count(*) FROM slow").await.unwrap(), Door::Grpc);
    statement.timeout = Some(std::time::Duration::from_millis(50));
    let ended = match desk.room.run(&house::principal(CLINIC), statement).await {
        Ok(answer) => answer.rows.try_collect::<Vec<_>>().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(ended, QueryError::TooLong { .. }), "{ended}");
}

#[test]
fn a_definition_that_can_be_no_table_is_refused() {
    let refused = |name: &str, text: &str| {
        let name = DefinitionName::parse(name).unwrap();
        let definition = Definition::new(facility(CLINIC), DefinitionKind::View, name, text.to_owned()).unwrap();
        Definitions::default().rehearse(&definition).unwrap_err().to_string()
    };
    for taken in [
        "laboratory",
        "lab_results",
        "lab_unmapped",
        "diabetes_registry",
        "diabetes_benchmark",
        "diabetes_course",
        "cohort",
        "lab_trend",
        "diabetes_registry_at",
        "cgm_agp",
    ] {
        assert!(refused(taken, &every("Patient")).contains("is there already"), "{taken}");
    }
    assert!(refused("mine", &every("Questionnaire")).starts_with("resource: no record here takes the form"));
    assert!(refused("mine", "{").starts_with("line 1, column 1"));
    assert!(
        refused("mine", &every("Patient").replace("meta.source", "meta."))
            .starts_with("select[0].column[1].path: at character 6")
    );
}

#[tokio::test]
async fn what_a_definition_did_not_foresee_is_told_by_place_and_never_by_value() {
    let mut definitions = Definitions::default();
    let several = r#"{"resource": "Condition", "select": [{"column": [{"name": "v", "path": "code.text | id"}]}]}"#;
    define(&mut definitions, 1, CLINIC, "several", several);
    let other =
        r#"{"resource": "Condition", "select": [{"column": [{"name": "v", "path": "code.text", "type": "integer"}]}]}"#;
    define(&mut definitions, 2, CLINIC, "other", other);
    let desk = Desk::open(definitions).await;
    for (table, rule) in [("several", "several values"), ("other", "is an integer")] {
        let told = desk.ask(CLINIC, &format!("SELECT * FROM {table}")).await.unwrap_err().to_string();
        assert!(told.contains("select[0].column[0].path") && told.contains(rule), "{told}");
        assert!(!told.contains("糖尿病"), "{told}");
    }
}
