//! Diabetes care on a real node: figures that facilities compare and an attacker who subtracts them, cohorts in SQL as by command,
//! the shared-care booklet by command and in a browser, a real sensor's fortnight through the real door.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may stop where it stands, also in its helpers, and says what it did not find"
)]

use ajisai::bench;
use ajisai::bench::region::{self, Size};
use ajisai::rig::Rig;
use model::{
    Author, Body, ChangeKind, CodeSystem, Coding, Condition, ConsentChange, DefinitionName, Demographics,
    DirectoryChange, Encounter, EncounterClass, Event, EventId, EventKey, FacilityId, LabResult, LabStatus, Labels,
    MeasureRelease, MemberId, Moment, PatientNumber, PatientRef, Payload, Principal, Purpose, Record, RecordId, Role,
    Sex, Value, Version,
};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use wire::v1;

// Both clinics have the consent of every patient of the hospital, under other numbers than the hospital's.
const SIZE: Size = Size { sources: 1, viewers: 2, patients: 60, audience: 2 };
const PATIENCE: Duration = Duration::from_secs(60);
const MEASURE: &str = "hedis-gsd-below-8-my2024";
/// The clinic's own patients among them: it sees them on more days than the hospital.
const CLINICS: u32 = 25;

fn run(rig: &Rig, who: &Principal, arguments: &[&str]) -> Output {
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    let token = rig.token(who).unwrap();
    let connection = ["--address", &address, "--token", &token];
    Command::new(env!("CARGO_BIN_EXE_ajisai")).args([arguments, &connection].concat()).output().unwrap()
}

#[track_caller]
fn said(rig: &Rig, who: &Principal, arguments: &[&str]) -> String {
    let output = run(rig, who, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The rows of a statement, as CSV.
#[track_caller]
fn rows(rig: &Rig, who: &Principal, sql: &str) -> Vec<String> {
    said(rig, who, &["sql", "--format", "csv", sql]).lines().skip(1).map(str::to_owned).collect()
}

#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn at(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

fn coding(system: CodeSystem, code: &str) -> Coding {
    Coding { system, code: code.to_owned(), display: String::new() }
}

fn record(of: PatientRef, (id, version): (&str, u64), when: &str, payload: Payload) -> v1::Event {
    let source = of.facility().clone();
    let record = Record::new(
        of,
        RecordId::parse(id).unwrap(),
        Version::new(version).unwrap(),
        payload.category(),
        at(when),
        at(when),
        Labels::NONE,
        None,
        Author { member: None, role: Role::Physician },
        ChangeKind::Upsert,
        Some(payload),
    );
    let key = EventKey { source, id: EventId::parse(&format!("{id}-{version}")).unwrap() };
    v1::Event::from(&Event { key, admitted_at: at(when), body: Body::Record(Box::new(record.unwrap())) })
}

fn at_hospital(patient: u32) -> PatientRef {
    PatientRef::new(region::source(0).unwrap(), PatientNumber::parse(&region::number(patient)).unwrap())
}

fn at_clinic(patient: u32) -> PatientRef {
    let number = region::number_at_viewer(SIZE, 0, patient);
    PatientRef::new(region::viewer(0).unwrap(), PatientNumber::parse(&number).unwrap())
}

fn result(code: &str, value: f64, unit: &str) -> Payload {
    Payload::Laboratory(LabResult {
        code: coding(CodeSystem::Loinc, code),
        value: Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() },
        reference_low: None,
        reference_high: None,
        flag: String::new(),
        specimen: String::new(),
        status: LabStatus::Final,
        order: String::new(),
        note: String::new(),
    })
}

fn hba1c(patient: u32, version: u64, value: f64) -> v1::Event {
    let id = format!("a-{patient}");
    record(at_hospital(patient), (&id, version), "2025-06-02T09:00:00+09:00", result("4548-4", value, "%"))
}

fn visit(of: PatientRef, day: &str) -> v1::Event {
    let id = format!("v-{}-{day}", of.number().as_str());
    let start = Some(at(&format!("{day}T09:00:00+09:00")));
    let payload = Payload::Encounter(Encounter {
        class: EncounterClass::Ambulatory,
        status: "finished".to_owned(),
        reason: Coding::default(),
        start,
        end: start,
    });
    record(of, (&id, 1), &format!("{day}T09:00:00+09:00"), payload)
}

/// What the hospital has of a patient: who they are, diabetes on two days, one visit.
fn known(patient: u32) -> Vec<v1::Event> {
    let who = Payload::Patient(Demographics {
        name: format!("患者 <{patient}>"),
        kana: String::new(),
        birth_date: Some(jiff::civil::date(1965, 4, 1)),
        sex: Sex::Female,
        postal_code: String::new(),
        address: String::new(),
        deceased: None,
    });
    let coded = |day: &str| {
        let condition = Condition {
            code: coding(CodeSystem::Icd10, "E11.9"),
            clinical_status: String::new(),
            suspected: false,
            onset: None,
            abated: None,
        };
        record(at_hospital(patient), (&format!("c-{patient}-{day}"), 1), day, Payload::Condition(condition))
    };
    vec![
        record(at_hospital(patient), (&format!("w-{patient}"), 1), "2025-01-10", who),
        coded("2025-01-10"),
        coded("2025-02-10"),
        visit(at_hospital(patient), "2025-06-02"),
    ]
}

async fn publish(rig: &Rig, who: &Principal, events: Vec<v1::Event>) -> Vec<v1::PublishResponse> {
    let mut door = v1::ingest_service_client::IngestServiceClient::new(rig.channel(who).await.unwrap());
    let request =
        |event: v1::Event| v1::PublishRequest { event: event.encode_to_vec().into(), traceparent: String::new() };
    let events = events.into_iter().map(request).collect();
    let answers = door.publish_batch(v1::PublishBatchRequest { events }).await.unwrap().into_inner().responses;
    for answer in &answers {
        assert!(!matches!(answer.outcome, None | Some(v1::publish_response::Outcome::Refused(_))), "{answer:?}");
    }
    answers
}

/// What became of a publication: the first line, and the exit code.
fn published(rig: &Rig, who: &Principal, measure: &str, more: &[&str]) -> (String, Option<i32>) {
    let arguments = [&["diabetes", "measures", "publish", measure, "--year", "2025"][..], more].concat();
    let output = run(rig, who, &arguments);
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    (text, output.status.code())
}

fn person(at: &FacilityId, member: &str, role: Role) -> Principal {
    let member = Some(MemberId::parse(member).unwrap());
    Principal { facility: at.clone(), member, role, purpose: Purpose::Treatment }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attacker_who_subtracts_published_figures_learns_of_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let mut rig = bench::raise(program, directory.path(), SIZE, "").await.unwrap();
    let hospital = Rig::system(region::source(0).unwrap());
    let [clinic, other] = [0, 1].map(|n| Rig::system(region::viewer(n).unwrap()));
    publish(&rig, &hospital, (0..SIZE.patients).flat_map(known).collect()).await;
    // of the clinic's 25 twelve are well controlled, of the hospital's 35 twenty
    let well = |patient: u32| patient < 12 || (CLINICS..CLINICS + 20).contains(&patient);
    publish(&rig, &hospital, (0..SIZE.patients).map(|n| hba1c(n, 1, if well(n) { 7.0 } else { 8.5 })).collect()).await;
    let visits = (0..CLINICS).flat_map(|n| ["2025-07-01", "2025-09-01"].map(|day| visit(at_clinic(n), day)));
    publish(&rig, &clinic, visits.collect()).await;
    let count =
        format!("SELECT count(*) FROM diabetes_measures(2025) WHERE measure = '{MEASURE}' AND counts IS NOT NULL");
    until("the clinic's view", || rows(&rig, &clinic, &count) == ["60"]);
    until("the clinic's visits", || rows(&rig, &clinic, "SELECT count(*) FROM encounter") == ["110"]);
    let shown = |rig: &Rig, who: &Principal| {
        let sql =
            "SELECT facility, denominator, numerator, latest FROM diabetes_benchmark ORDER BY facility, published";
        rows(rig, who, sql)
    };

    // Tried first, nothing is published. Who takes no part is shown nothing.
    let (text, code) = published(&rig, &clinic, MEASURE, &["--try"]);
    assert!(code == Some(0) && text.contains("12 / 25") && text.contains("would be"), "{text}");
    assert_eq!(shown(&rig, &clinic), Vec::<String>::new());
    let (text, code) = published(&rig, &clinic, MEASURE, &[]);
    assert!(code == Some(0) && text.contains("12 / 25") && text.contains("35 名は他施設"), "{text}");
    assert_eq!(shown(&rig, &hospital), Vec::<String>::new());

    // The hospital sees no visit of the clinic's and would count all: whom another counts it does not.
    let (text, code) = published(&rig, &hospital, MEASURE, &[]);
    assert!(code == Some(0) && text.contains("20 / 35") && text.contains("25 名は他施設"), "{text}");
    let both = ["bench-clinic-0,25,12,true", "bench-hospital-0,35,20,true"];
    assert_eq!(shown(&rig, &hospital), both);
    assert_eq!(shown(&rig, &clinic), both);
    assert_eq!(shown(&rig, &other), Vec::<String>::new(), "who publishes nothing is shown nothing");
    let (text, code) = published(&rig, &other, MEASURE, &[]);
    assert!(code == Some(3) && text.contains("too-few"), "{text}");
    assert_eq!(shown(&rig, &other), Vec::<String>::new());

    // Not beside it the other end of the same scale: together they would tell of those between.
    let (text, code) = published(&rig, &clinic, "hedis-gsd-above-9-my2024", &[]);
    assert!(code == Some(1) && text.contains(MEASURE), "{text}");
    let (text, code) = published(&rig, &clinic, MEASURE, &["--least", "2"]);
    assert!(code == Some(1) && text.contains("least"), "{text}");
    said(&rig, &clinic, &["directory", "member", "--id", "nurse-1", "--role", "nurse", "--name", "看護師"]);
    let (text, code) = published(&rig, &person(&clinic.facility, "nurse-1", Role::Nurse), MEASURE, &[]);
    assert!(code == Some(1), "{text}");

    // One patient's value is put right. The attacker, who knows everybody else's, subtracts: the figures have not moved.
    publish(&rig, &hospital, vec![hba1c(12, 2, 7.1)]).await;
    let met = format!("{count} AND counts");
    until("the correction", || rows(&rig, &clinic, &met) == ["33"]);
    let (text, code) = published(&rig, &clinic, MEASURE, &[]);
    assert!(code == Some(3) && text.contains("differencing") && text.contains("12 / 25"), "{text}");
    assert_eq!(shown(&rig, &hospital), both);
    // Nor does it move where one is withdrawn, or where the node forgets: what was published is in the log.
    let id = "c-0-3".to_owned();
    let withdrawal = v1::Withdrawal { id, patient: Some((&at_hospital(3)).into()), ..v1::Withdrawal::default() };
    let mut consents = v1::consent_service_client::ConsentServiceClient::new(rig.channel(&hospital).await.unwrap());
    let request = v1::WithdrawConsentRequest { withdrawal: Some(withdrawal), request_id: String::new() };
    consents.withdraw(request).await.unwrap();
    until("the withdrawal", || rows(&rig, &clinic, &count) == ["59"]);
    rig.stop(PATIENCE).await.unwrap();
    rig.start(PATIENCE).await.unwrap();
    until("the node's view", || rows(&rig, &clinic, &count) == ["59"]);
    assert_eq!(shown(&rig, &hospital), both);
    let (text, code) = published(&rig, &clinic, MEASURE, &[]);
    assert!(code == Some(3) && text.contains("differencing"), "{text}");

    // The attacker sends what the service would not publish, past it: one person fewer. It is in the log and shown nowhere.
    let everybody: BTreeMap<PatientNumber, bool> =
        (0..CLINICS - 1).map(|n| (at_clinic(n).number().clone(), n < 12)).collect();
    let forged = MeasureRelease {
        facility: clinic.facility.clone(),
        measure: DefinitionName::parse(MEASURE).unwrap(),
        year: 2025,
        of: jiff::civil::date(2026, 1, 1),
        least: 10,
        counted: everybody,
    };
    let key = EventKey { source: clinic.facility.clone(), id: EventId::parse("forged-1").unwrap() };
    let body = Body::Directory(DirectoryChange::Measure(forged));
    let event = v1::Event::from(&Event { key, admitted_at: at("2026-01-01"), body });
    let answers = publish(&rig, &clinic, vec![event]).await;
    let Some(v1::publish_response::Outcome::Accepted(accepted)) = answers[0].outcome.clone() else { panic!("refused") };
    let position = model::Position::from(accepted.position.unwrap()).to_string();
    let fresh = ["sql", "--format", "csv", "--at-least", &position, "SELECT count(*) FROM diabetes_benchmark"];
    assert_eq!(said(&rig, &hospital, &fresh).lines().nth(1), Some("2"));

    // The patient comes back, and nineteen have changed: it is published, and what is found by subtracting speaks of them all.
    let viewers = vec![clinic.facility.clone(), other.facility.clone()];
    let consent = region::consent("again-3", at_hospital(3), viewers, at("2026-01-01")).unwrap();
    let key = EventKey { source: hospital.facility.clone(), id: EventId::parse("again-3").unwrap() };
    let body = Body::Consent(ConsentChange::Given(consent));
    publish(&rig, &hospital, vec![v1::Event::from(&Event { key, admitted_at: at("2026-01-01"), body })]).await;
    publish(&rig, &hospital, (13..22).map(|n| hba1c(n, 2, 7.1)).collect()).await;
    publish(&rig, &hospital, (0..9).map(|n| hba1c(n, 2, 8.8)).collect()).await;
    until("the changes", || rows(&rig, &clinic, &met) == ["33"] && rows(&rig, &clinic, &count) == ["60"]);
    let (text, code) = published(&rig, &clinic, MEASURE, &[]);
    assert!(code == Some(0) && text.contains("13 / 25"), "{text}");
    let now = ["bench-clinic-0,25,12,false", "bench-clinic-0,25,13,true", "bench-hospital-0,35,20,true"];
    assert_eq!(shown(&rig, &hospital), now);
    let table = said(&rig, &hospital, &["diabetes", "measures", "show", "--year", "2025"]);
    assert!(table.contains("52.0") && table.contains("自施設 own") && !table.contains("12/25"), "{table}");
    let table = said(&rig, &hospital, &["diabetes", "measures", "show", "--history"]);
    assert!(table.contains("12/25"), "{table}");

    // What the table function says of a cohort is what the command says, person by person.
    for cohort in ["lapsed-180", "poor-control"] {
        let found = rows(&rig, &clinic, &format!("SELECT my_patient_id FROM cohort('{cohort}') ORDER BY 1"));
        let lines = said(&rig, &clinic, &["cohort", "run", cohort, "--json"]);
        let ran: BTreeSet<String> = lines
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["patient"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(found, ran.into_iter().collect::<Vec<_>>(), "{cohort}");
    }
    assert!(!rows(&rig, &clinic, "SELECT 1 FROM cohort('lapsed-180')").is_empty());
}

fn seen_rows(rig: &Rig, source: &Principal, viewer: &Principal) -> u64 {
    let told: serde_json::Value = serde_json::from_str(&said(rig, source, &["published", "--json"])).unwrap();
    let all = told["facilities"].as_array().unwrap().clone();
    let of_viewer = all.iter().find(|one| one["facility"] == viewer.facility.as_str());
    of_viewer.and_then(|one| one["seen"]["rows"].as_u64()).unwrap_or_default()
}

fn artifacts() -> PathBuf {
    let directory = std::env::var_os("AJISAI_ARTIFACTS").map(PathBuf::from);
    let directory = directory.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("booklet"));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booklet_is_written_shown_printed_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let size = Size { patients: 2, ..SIZE };
    let rig = bench::raise(program, directory.path(), size, "").await.unwrap();
    let hospital = Rig::system(region::source(0).unwrap());
    let clinic = Rig::system(region::viewer(0).unwrap());
    said(&rig, &clinic, &["directory", "member", "--id", "dr-sato", "--role", "physician", "--name", "佐藤"]);
    let doctor = person(&clinic.facility, "dr-sato", Role::Physician);
    let mut events: Vec<v1::Event> = (0..2).flat_map(known).collect();
    for (n, day) in (0_i32..).zip(["2026-02-02", "2026-05-11", "2026-08-17", "2026-11-02"]) {
        let when = format!("{day}T09:00:00+09:00");
        let of = |code: &str, value, unit| {
            record(at_hospital(0), (&format!("{code}-{n}"), 1), &when, result(code, value, unit))
        };
        let better = f64::from(n);
        events.extend([
            of("4548-4", 8.6 - 0.3 * better, "%"),
            of("2345-7", 168.0 - 9.0 * better, "mg/dL"),
            of("13457-7", 128.0 - 6.0 * better, "mg/dL"),
            of("2160-0", 0.81 + 0.02 * better, "mg/dL"),
            of("14959-1", 62.0 + 8.0 * better, "mg/g"),
            visit(at_hospital(0), day),
        ]);
    }
    events.extend(hba1c_of_the_other());
    publish(&rig, &hospital, events).await;
    until("the results", || rows(&rig, &clinic, "SELECT count(*) FROM laboratory") == ["21"]);

    let before = seen_rows(&rig, &hospital, &clinic);
    let file = directory.path().join("booklet.html");
    let number = region::number_at_viewer(size, 0, 0);
    let path = file.to_str().unwrap();
    said(&rig, &doctor, &["diabetes", "booklet", "--patient", &number, "--size", "a6", "-o", path]);
    let page = std::fs::read_to_string(&file).unwrap();
    for said in [
        "<article class=\"booklet a6\"",
        "bench-hospital-0",
        "患者 &lt;0&gt;",
        "7.7",
        "2026-11-02",
        "not-measured",
        "@page booklet-a6",
        "関わる施設",
    ] {
        assert!(page.contains(said), "{said} is not in the booklet");
    }
    assert!(
        !page.contains("<script") && !page.contains("9.9"),
        "nothing runs in it, and nothing of another person is in it"
    );
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    until("the ledger", || seen_rows(&rig, &hospital, &clinic) > before);
    let refused = run(&rig, &doctor, &["diabetes", "booklet", "--patient", "nobody", "-o", path]);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && words.contains("nothing is shown of such a patient"), "{words}");

    // What was withdrawn is said to be closed, apart from what was never measured.
    let browser = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/web/tests/booklet.mjs"))
        .env("AJISAI_PAGE", format!("http://127.0.0.1:{}/", rig.ports().dashboards))
        .env("AJISAI_TOKEN", rig.token(&doctor).unwrap())
        .env("AJISAI_PATIENTS", &number)
        .env("AJISAI_SCREENSHOTS", artifacts())
        .output()
        .unwrap_or_else(|error| panic!("node cannot be started ({error}): `make tools` installs what tests need"));
    let told = String::from_utf8_lossy(&browser.stdout);
    assert!(browser.status.success(), "the browser (`make tools` installs it) found:\n{told}");
}

fn hba1c_of_the_other() -> Vec<v1::Event> {
    vec![record(at_hospital(1), ("other", 1), "2026-03-03", result("4548-4", 9.9, "%"))]
}

/// A period of the Shanghai data (Zhao et al., Sci Data 2023, CC BY 4.0), its local times taken as of Japan.
fn shanghai(id: &str) -> Option<Vec<(String, f64)>> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let file = root.join("cgm/shanghai/shanghai_cgm_tidy.csv.gz");
    if !file.is_file() {
        eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", file.display());
        return None;
    }
    let unpacked = Command::new("gzip").arg("-dc").arg(&file).output().unwrap();
    let text = String::from_utf8(unpacked.stdout).unwrap();
    let of_period = text.lines().filter(|line| line.split(',').next() == Some(id));
    let readings = of_period.map(|line| {
        let [_, _, time, value] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        (format!("{}+09:00", time.replace(' ', "T")), value.parse().unwrap())
    });
    Some(readings.collect())
}

/// Computed apart with numpy from the published definitions (query/clinical/tests/cgm_shanghai.rs).
const APART: [(&str, f64); 14] = [
    ("mean", 196.829179),
    ("sd", 50.141982),
    ("cv", 25.474872),
    ("gmi", 8.018154),
    ("tir-70-180", 38.297872),
    ("tbr-70", 0.759878),
    ("tar-250", 16.261398),
    ("lbgi", 0.177621),
    ("hbgi", 12.261563),
    ("gri", 63.768997),
    ("mage", 131.815385),
    ("modd", 45.063102),
    ("conga-24", 56.323841),
    ("cv-sd", 5.425540),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_real_sensors_period_through_the_real_door_is_what_was_computed_apart() {
    let Some(readings) = shanghai("1001_0_20210730") else { return };
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let size = Size { patients: 1, ..SIZE };
    let rig = bench::raise(program, directory.path(), size, "").await.unwrap();
    let hospital = Rig::system(region::source(0).unwrap());
    let clinic = Rig::system(region::viewer(0).unwrap());
    let number = region::number(0);
    let mut lines = format!("{{\"resourceType\":\"Patient\",\"id\":\"{number}\",\"birthDate\":\"1960-04-01\"}}\n");
    for (n, (time, value)) in readings.iter().enumerate() {
        writeln!(
            lines,
            r#"{{"resourceType":"Observation","id":"g{n}","status":"final","category":[{{"coding":[{{"code":"laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"99504-3"}}]}},"subject":{{"reference":"Patient/{number}"}},"effectiveDateTime":"{time}","valueQuantity":{{"value":{value},"unit":"mg/dL"}}}}"#
        )
        .unwrap();
    }
    let file = directory.path().join("sensor.ndjson");
    std::fs::write(&file, lines).unwrap();
    said(&rig, &hospital, &["publish", file.to_str().unwrap()]);
    let count = readings.len().to_string();
    until("the readings", || rows(&rig, &clinic, "SELECT sum(readings) FROM cgm_periods()") == [count.clone()]);

    for (metric, expected) in APART {
        let found = rows(&rig, &clinic, &format!("SELECT value FROM cgm_metrics() WHERE metric = '{metric}'"));
        let found: f64 = found[0].parse().unwrap();
        assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{metric}: {found} is not {expected}");
    }

    // The picture by command is the one of SQL; of some days it is of those alone.
    let svg = directory.path().join("agp.svg");
    let path = svg.to_str().unwrap();
    let own = region::number_at_viewer(size, 0, 0);
    said(&rig, &clinic, &["diabetes", "agp", "--patient", &own, "--language", "en", "-o", path]);
    let whole = std::fs::read_to_string(&svg).unwrap();
    assert!(whole.starts_with("<svg ") && whole.ends_with("</svg>") && !whole.contains(&own), "{whole}");
    let json = said(&rig, &clinic, &["sql", "--format", "json", "SELECT svg FROM cgm_picture('en')"]);
    let by_sql: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(by_sql["svg"], whole.as_str());
    let some = ["--from", "2021-08-01", "--until", "2021-08-03"];
    said(&rig, &clinic, &[&["diabetes", "agp", "--patient", &own, "--language", "en", "-o", path][..], &some].concat());
    let days = std::fs::read_to_string(&svg).unwrap();
    assert!(days.starts_with("<svg ") && days != whole);
    let none = ["--from", "2020-08-01", "--until", "2020-08-03"];
    let refused = run(&rig, &clinic, &[&["diabetes", "agp", "--patient", &own, "-o", path][..], &none].concat());
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && words.contains("no sensor"), "{words}");
}
