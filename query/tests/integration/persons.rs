//! Persons read out of a view: whose facts, from where, and why something is not there.

use crate::house;
use crate::region::{CLINIC, HOSPITAL, PATIENTS, RESULTS, Region, STRANGER, facility, patient};
use clinical::diabetes::{Absent, Measure};
use futures::TryStreamExt;
use model::*;
use query::{PersonFacts, Persons, ViewSource};
use std::collections::BTreeMap;
use std::sync::Arc;
use views::Taking;

fn now() -> Moment {
    Moment::parse("2026-05-01").unwrap()
}

fn of(region: &Region, principal: &Principal) -> Arc<Persons> {
    let view = region.views.open(principal, now(), Taking::Query);
    Arc::new(Persons::of(Arc::from(view), principal.facility.clone(), Arc::default()))
}

async fn everybody(persons: &Arc<Persons>) -> BTreeMap<String, PersonFacts> {
    let read: Vec<_> = persons.each(persons.numbers(), Arc::default(), |read| read).try_collect().await.unwrap();
    let persons = read.into_iter().flat_map(|batch| batch.persons);
    persons.map(|person| (person.number.as_str().to_owned(), person)).collect()
}

fn record(at: &str, number: usize, id: &str, payload: Payload) -> Body {
    let record = Record::new(
        patient(at, number),
        RecordId::parse(id).unwrap(),
        Version::FIRST,
        payload.category(),
        Moment::parse("2026-03-01").unwrap(),
        Moment::parse("2026-03-01").unwrap(),
        Labels::NONE,
        None,
        Author { member: None, role: Role::Physician },
        ChangeKind::Upsert,
        Some(payload),
    );
    Body::Record(Box::new(record.unwrap()))
}

fn coding(system: CodeSystem, code: &str) -> Coding {
    Coding { system, code: code.to_owned(), display: String::new() }
}

fn demographics(birth: (i16, i8, i8), sex: Sex) -> Payload {
    Payload::Patient(Demographics {
        name: "秘密".to_owned(),
        kana: String::new(),
        birth_date: Some(jiff::civil::date(birth.0, birth.1, birth.2)),
        sex,
        postal_code: String::new(),
        address: String::new(),
        deceased: None,
    })
}

fn fill(region: &Region) {
    let quantity = |value, unit: &str| Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() };
    for body in [
        record(HOSPITAL, 0, "h-0/who", demographics((1950, 1, 1), Sex::Male)),
        record(CLINIC, 0, "c-0/who", demographics((1951, 2, 3), Sex::Female)),
        record(
            HOSPITAL,
            0,
            "h-0/e11",
            Payload::Condition(Condition {
                code: coding(CodeSystem::Icd10, "E11.9"),
                clinical_status: "active".to_owned(),
                suspected: false,
                onset: None,
                abated: None,
            }),
        ),
        record(
            CLINIC,
            0,
            "c-0/metformin",
            Payload::Medication(Medication {
                code: coding(CodeSystem::Yj, "3962002F2027"),
                status: "active".to_owned(),
                dosage: String::new(),
                quantity: None,
                quantity_unit: String::new(),
                days: Some(28),
            }),
        ),
        record(
            CLINIC,
            0,
            "c-0/stay",
            Payload::Encounter(Encounter {
                class: EncounterClass::Inpatient,
                status: "finished".to_owned(),
                reason: Coding::default(),
                start: Some(Moment::parse("2026-02-27").unwrap()),
                end: Some(Moment::parse("2026-03-02").unwrap()),
            }),
        ),
        record(
            CLINIC,
            0,
            "c-0/systolic",
            Payload::VitalSign(VitalSign {
                code: coding(CodeSystem::Loinc, "8480-6"),
                value: quantity(132.0, "mm[Hg]"),
            }),
        ),
        record(
            HOSPITAL,
            0,
            "h-0/cancelled",
            Payload::Laboratory(LabResult {
                code: coding(CodeSystem::Jlac10, "3D046000001906202"),
                value: quantity(13.0, "%"),
                reference_low: None,
                reference_high: None,
                flag: String::new(),
                specimen: String::new(),
                status: LabStatus::Cancelled,
                order: String::new(),
                note: String::new(),
            }),
        ),
        record(
            HOSPITAL,
            1,
            "h-1/creatinine",
            Payload::Laboratory(LabResult {
                code: coding(CodeSystem::Jlac10, "3C015000002327101"),
                value: Value::Quantity { value: 0.5, unit: "mg/dL".to_owned(), comparator: "<".to_owned() },
                reference_low: None,
                reference_high: None,
                flag: String::new(),
                specimen: String::new(),
                status: LabStatus::Final,
                order: String::new(),
                note: String::new(),
            }),
        ),
        record(
            CLINIC,
            0,
            "c-0/checkup",
            Payload::Perinatal(Perinatal {
                code: coding(CodeSystem::Local, "checkup"),
                gestational_days: Some(100),
                value: Value::Absent(String::new()),
            }),
        ),
    ] {
        let _ = region.say(body);
    }
}

#[tokio::test]
async fn a_person_is_what_the_facility_and_those_linked_to_it_know() {
    let region = Region::open().await;
    fill(&region);
    let clinic = everybody(&of(&region, &house::principal(CLINIC))).await;
    assert_eq!(clinic.keys().collect::<Vec<_>>(), ["clinic-0000", "clinic-0001"]);
    let facts = &clinic["clinic-0000"].facts;
    // the clinic's own word on who it is holds before the hospital's
    assert_eq!(facts.birth, Some(jiff::civil::date(1951, 2, 3)));
    let values: Vec<_> = facts.values(Measure::Hba1c, now()).iter().map(|one| one.value.number()).collect();
    assert_eq!(values, [Some(5.0); RESULTS], "the cancelled one is none");
    assert!(
        facts
            .readings
            .iter()
            .filter(|one| one.value.measure() == Measure::Hba1c)
            .all(|one| one.source == facility(HOSPITAL))
    );
    let systolic = facts.latest(Measure::Systolic, now()).unwrap();
    assert!(systolic.value.is_inpatient() && systolic.source == facility(CLINIC), "it lies in the stay");
    assert_eq!((facts.diagnoses.len(), facts.supplies.len(), facts.visits.len()), (1, 1, 1));
    assert_eq!(facts.supplies[0].value.days, Some(28));
    assert!(facts.pregnant_at(Moment::parse("2026-03-02").unwrap()));

    let hospital = everybody(&of(&region, &house::principal(HOSPITAL))).await;
    assert_eq!(hospital.len(), PATIENTS);
    assert_eq!(hospital["hospital-0000"].facts.birth, Some(jiff::civil::date(1950, 1, 1)));
    assert!(hospital["hospital-0000"].facts.supplies.is_empty(), "the clinic discloses nothing");
    assert_eq!(everybody(&of(&region, &house::principal(STRANGER))).await.len(), 1);
    let clerk = Principal { role: Role::Clerk, ..house::principal(HOSPITAL) };
    assert!(everybody(&of(&region, &clerk)).await.is_empty());
}

#[tokio::test]
async fn not_measured_not_consented_and_not_linked_come_out_as_they_are() {
    let region = Region::open().await;
    fill(&region);
    let clinic = house::principal(CLINIC);
    let absent = async |region: &Region| {
        let persons = everybody(&of(region, &clinic)).await;
        persons["clinic-0000"].facts.latest(Measure::Creatinine, now()).unwrap_err()
    };
    assert_eq!(absent(&region).await, Absent::NotMeasured);
    let _ = region.withdraw(0);
    assert_eq!(absent(&region).await, Absent::NotConsented { at: vec![facility(HOSPITAL)] });
    let _ = region.say(Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(Unlink {
        id: LinkId::parse("link-0").unwrap(),
        by: MemberId::parse("dr@clinic").unwrap(),
        at: now(),
    }))));
    assert_eq!(absent(&region).await, Absent::NotLinked { at: vec![facility(HOSPITAL)] });

    // a facility that this one says it asks, and where nothing is known of the patient
    let view = region.views.open(&clinic, now(), Taking::Query);
    let persons = Persons::of(Arc::from(view), clinic.facility.clone(), Arc::default());
    let persons = Arc::new(persons.asking(vec![facility(STRANGER), facility(CLINIC)]));
    let person = &everybody(&persons).await["clinic-0000"];
    let asked: Vec<_> = person.facts.reach.standings().map(|(facility, _)| facility.as_str().to_owned()).collect();
    assert_eq!(asked, [CLINIC, HOSPITAL, STRANGER]);
}

#[tokio::test]
async fn persons_are_the_same_from_memory_and_from_files_together_and_one_by_one() {
    let region = Region::open().await;
    fill(&region);
    for principal in [house::principal(CLINIC), house::principal(HOSPITAL)] {
        let hot = everybody(&of(&region, &principal)).await;
        let _ = region.views.store().commit().await.unwrap();
        let persons = of(&region, &principal);
        let cold = everybody(&persons).await;
        assert_eq!(hot.keys().collect::<Vec<_>>(), cold.keys().collect::<Vec<_>>());
        for (number, person) in &hot {
            assert!(same(&person.facts, &cold[number].facts), "{number}");
            let alone = persons.read(std::slice::from_ref(&person.number), Arc::default()).await.unwrap();
            assert!(alone.persons.len() == 1 && same(&person.facts, &alone.persons[0].facts), "{number}");
        }
        let nobody = [PatientNumber::parse("nobody").unwrap()];
        assert!(persons.read(&nobody, Arc::default()).await.unwrap().persons.is_empty());
    }
}

#[tokio::test]
async fn who_is_somebody_stays_the_same_whichever_tables_are_read_and_no_more_is_read_than_asked() {
    let region = Region::open().await;
    fill(&region);
    let clinic = house::principal(CLINIC);
    let all = everybody(&of(&region, &clinic)).await;
    let open = |tables: CategorySet| {
        let view = ViewSource::open(region.views.as_ref(), &clinic, now(), Taking::Query);
        let tally = view.tally();
        let persons = Persons::of(Arc::from(view), clinic.facility.clone(), Arc::default());
        (Arc::new(persons.reading(tables)), tally)
    };
    for category in Persons::categories().iter() {
        let (persons, tally) = open(CategorySet::of(category));
        let read = everybody(&persons).await;
        assert_eq!(read.keys().collect::<Vec<_>>(), all.keys().collect::<Vec<_>>(), "{}", category.code());
        for (patient, of, _) in tally.take() {
            // of whom the table shows nothing the others are asked, until one shows something
            let own = patient.number().as_str().replace("hospital", "clinic");
            let facts = &read[&own].facts;
            let known = !facts.readings.is_empty() || !facts.diagnoses.is_empty() || !facts.supplies.is_empty();
            assert!(of == category || !known, "{} {}", category.code(), of.code());
        }
    }
    let (persons, _) = open(CategorySet::of(Category::Condition));
    let facts = &everybody(&persons).await["clinic-0000"].facts;
    let whole = &all["clinic-0000"].facts;
    assert!(!whole.readings.is_empty() && !whole.supplies.is_empty() && !whole.visits.is_empty());
    assert_eq!((facts.diagnoses.len(), &facts.reach), (whole.diagnoses.len(), &whole.reach));
    assert!(facts.readings.is_empty() && facts.supplies.is_empty() && facts.visits.is_empty());
}

#[tokio::test]
async fn the_registry_shows_each_person_of_the_view_and_nobody_else() {
    let region = Region::open().await;
    fill(&region);
    crate::sql::check(&region.room, &house::principal(CLINIC), "diabetes.slt").await;
}

/// Whether two persons' facts are the same, in whatever order.
fn same(one: &clinical::diabetes::Facts, other: &clinical::diabetes::Facts) -> bool {
    let rows = |facts| {
        let tables = clinical::diabetes::Tables::shipped();
        format!("{:?}", clinical::diabetes::registry::registry_row(facts, &tables, now()))
    };
    let counts =
        |facts: &clinical::diabetes::Facts| [facts.readings.len(), facts.visits.len(), facts.observations.len()];
    one.reach == other.reach && counts(one) == counts(other) && rows(one) == rows(other)
}

#[test]
fn the_readme_of_query_documents_the_diabetes_tables_as_they_are() {
    use std::fmt::Write as _;
    let mut text = String::from(
        "### `diabetes_registry`, `diabetes_registry_at(…)`\n\n| item | unit | meaning | 意味 |\n| --- | --- | --- | --- |\n",
    );
    for item in clinical::diabetes::registry::REGISTRY_ITEMS {
        writeln!(text, "| `{}` | {} | {} | {} |", item.key, item.unit, item.en, item.ja).unwrap();
    }
    text.push('\n');
    for (name, columns) in query::diabetes_columns() {
        let call = if name == "diabetes_benchmark" { "" } else { "(…)" };
        write!(text, "### `{name}{call}`\n\n").unwrap();
        text.push_str("| column | type | NULL | meaning | 意味 |\n| --- | --- | --- | --- | --- |\n");
        for column in columns {
            let null = if column.nullable { "yes" } else { "no" };
            let views::table::Column { name, kind, en, ja, .. } = column;
            writeln!(text, "| `{name}` | {} | {null} | {en} | {ja} |", kind.sql()).unwrap();
        }
        text.push('\n');
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let (begin, end) = ("<!-- diabetes: begin -->\n", "<!-- diabetes: end -->");
    let readme = std::fs::read_to_string(path).expect("query/README.md");
    let (head, rest) = readme.split_once(begin).expect("the mark where the tables begin");
    let (found, tail) = rest.split_once(end).expect("the mark where the tables end");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{head}{begin}{text}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(found, text, "run with UPDATE_EXPECT=1 to write the section anew");
}
