//! `lab_results`, `lab_trend`, `lab_duplicate`: a person known to three facilities, codes and units of several kinds.
//! What is expected is worked out by hand in the comments of `laboratory.slt`.

use crate::house;
use crate::pg_client::Client;
use crate::region::{CLINIC, HOSPITAL, Region, STRANGER, facility, patient};
use model::*;
use query::{Door, Executor, Limits, OpenView, ReadingRoom, Statement, ViewSource};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use views::{Tally, Views};

const CENTRE: &str = "centre";
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// So many days and an hour ago: whole days ago are then the same throughout a test.
fn ago(days: f64) -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let before = (days * DAY as f64) as i64 + HOUR;
    Moment::from_micros(i64::try_from(now).unwrap() - before).unwrap()
}

fn number(value: f64, unit: &str) -> Value {
    Value::Quantity { value, unit: unit.to_owned(), comparator: String::new() }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn code(system: CodeSystem, code: &str) -> Coding {
    Coding { system, code: code.to_owned(), display: String::new() }
}

fn jlac10(text: &str) -> Coding {
    code(CodeSystem::Jlac10, text)
}

fn loinc(text: &str) -> Coding {
    code(CodeSystem::Loinc, text)
}

fn result(code: Coding, value: Value) -> LabResult {
    LabResult {
        code,
        value,
        reference_low: None,
        reference_high: None,
        flag: String::new(),
        specimen: String::new(),
        status: LabStatus::Final,
        order: String::new(),
        note: String::new(),
    }
}

fn put(region: &Region, of: PatientRef, id: &str, at: Moment, payload: Payload) {
    let record = Record::new(
        of,
        RecordId::parse(id).unwrap(),
        Version::FIRST,
        payload.category(),
        at,
        at,
        Labels::NONE,
        None,
        Author { member: None, role: Role::Physician },
        ChangeKind::Upsert,
        Some(payload),
    );
    region.say(Body::Record(Box::new(record.unwrap())));
}

fn lab(region: &Region, of: PatientRef, id: &str, days: f64, result: LabResult) {
    put(region, of, id, ago(days), Payload::Laboratory(result));
}

/// A second source, whose patient 0 is the clinic's patient 0, and results of three facilities.
fn fill(region: &Region) {
    region.say(Body::Directory(DirectoryChange::Facility(Facility {
        id: facility(CENTRE),
        kind: FacilityKind::Hospital,
        name: CENTRE.to_owned(),
        name_en: String::new(),
        status: FacilityStatus::Active,
    })));
    let rule = ScopeRule {
        categories: CategorySet::all(),
        viewer_kinds: FacilityKindSet::all(),
        viewer_roles: RoleSet::all(),
        departments: Vec::new(),
        author_roles: RoleSet::all(),
        labels: Labels::NONE,
        since: None,
        hold_back: HoldBack::None,
    };
    region.say(Body::Directory(DirectoryChange::Scope(DisclosureScope::of(facility(CENTRE), vec![rule]))));
    region.say(Body::Directory(DirectoryChange::Link(LinkChange::Linked(Link {
        id: LinkId::parse("link-centre").unwrap(),
        a: patient(CENTRE, 0),
        b: patient(CLINIC, 0),
        evidence: LinkEvidence::ConsentForm,
        confirmed_by: MemberId::parse("dr@clinic").unwrap(),
        confirmed_at: ago(3000.0),
    }))));
    region.say(Body::Consent(ConsentChange::Given(Consent {
        id: ConsentId::parse("consent-centre").unwrap(),
        patient: patient(CENTRE, 0),
        viewers: Viewers::Facilities(vec![facility(CLINIC)]),
        state: ConsentState::Active,
        supersedes: None,
        period: Period::ALWAYS,
        data_period: Period::ALWAYS,
        categories: CategorySet::all(),
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::of(Purpose::Treatment),
        exceptions: Exceptions::none(),
        signer: Signer::Patient,
        taken_by: facility(CLINIC),
        signed_at: ago(3000.0),
        form_digest: String::new(),
        paper: Box::default(),
    })));
    let known = Demographics {
        name: "架空 花子".to_owned(),
        kana: String::new(),
        birth_date: Some(jiff::civil::date(1980, 5, 5)),
        sex: Sex::Female,
        postal_code: String::new(),
        address: String::new(),
        deceased: None,
    };
    let hospital = || patient(HOSPITAL, 0);
    let centre = || patient(CENTRE, 0);
    put(region, hospital(), "h-patient", ago(3000.0), Payload::Patient(known));

    // creatinine, by JLAC10 in mg/dL and by LOINC in µmol/L
    lab(region, hospital(), "h-cr-1", 5.0, result(jlac10("3C015000002327101"), number(0.7, "mg/dL")));
    lab(region, hospital(), "h-cr-2", 4.0, result(jlac10("3C015000002327101"), number(1.1, "ｍｇ／ｄＬ")));
    lab(region, centre(), "c-cr-1", 200.0, result(loinc("2160-0"), number(79.56, "umol/L")));
    // total cholesterol: a line of 20 mg/dL per year
    lab(region, hospital(), "h-tc-1", 730.5, result(jlac10("3F050000002327101"), number(200.0, "mg/dL")));
    lab(region, centre(), "c-tc-2", 365.25, result(loinc("2093-3"), number(220.0, "mg/dL")));
    lab(region, hospital(), "h-tc-3", 0.0, result(jlac10("3F050000002327101"), number(240.0, "mg/dL")));
    // as it is written in Japan
    lab(region, hospital(), "h-wbc", 4.0, result(jlac10("2A010000001930901"), number(52.0, "×10²/μL")));
    lab(region, hospital(), "h-protein", 4.0, result(jlac10("1A990000000190153"), text("２＋")));
    lab(
        region,
        hospital(),
        "h-crp",
        4.0,
        LabResult {
            reference_high: Some(0.3),
            flag: "N".to_owned(),
            ..result(jlac10("5C070000002306201"), text("0.5未満"))
        },
    );
    lab(region, hospital(), "h-missing", 4.0, result(jlac10("3H010000002326101"), text("検体不足")));
    // codes that mean nothing, and a unit that cannot be brought to the item's
    lab(region, hospital(), "h-local", 4.0, result(code(CodeSystem::Local, "GLU-1"), number(98.0, "mg/dL")));
    lab(region, hospital(), "h-bad", 4.0, result(jlac10("3D010"), number(98.0, "mg/dL")));
    lab(region, centre(), "c-molar", 4.0, result(loinc("1988-5"), number(3.0, "mmol/L")));
    // critical, and implausible
    lab(region, centre(), "c-k", 1.0, result(loinc("2823-3"), number(6.5, "mEq/L")));
    lab(region, hospital(), "h-wbc-odd", 3.0, result(jlac10("2A010000001930901"), number(5200.0, "10*3/uL")));
    // two specimens that are hardly of one patient
    for (id, of, days, values) in
        [("h", hospital(), 6.0, [90.0, 60.0, 300.0]), ("c", centre(), 2.0, [70.0, 200.0, 150.0])]
    {
        let codes = [
            ("mcv", "2A060000001930901", "fL"),
            ("alp", "3B070000002327101", "U/L"),
            ("che", "3B110000002327101", "IU/L"),
        ];
        let at = ago(days);
        for ((name, code, unit), value) in codes.into_iter().zip(values) {
            let payload = Payload::Laboratory(result(jlac10(code), number(value, unit)));
            put(region, of.clone(), &format!("{id}-{name}"), at, payload);
        }
    }
    lab(region, centre(), "c-hba1c", 10.0, result(loinc("4548-4"), number(7.2, "%")));
    // cancelled: done, but of no use
    let cancelled = result(loinc("2345-7"), number(99.0, "mg/dL"));
    lab(region, centre(), "c-glu", 1.0, LabResult { status: LabStatus::Cancelled, ..cancelled });
    // what the clinic must not see: a hidden patient's, and a stranger's
    lab(region, patient(HOSPITAL, 3), "hidden", 1.0, result(loinc("2823-3"), number(7.7, "mmol/L")));
    lab(region, patient(STRANGER, 0), "strange", 1.0, result(loinc("2823-3"), number(8.8, "mmol/L")));
}

#[tokio::test]
async fn results_of_several_sources_are_read_whole() {
    let region = Region::open().await;
    fill(&region);
    crate::sql::check(&region.room, &house::principal(CLINIC), "laboratory.slt").await;
    region.views.store().commit().await.unwrap();
    crate::sql::check(&region.room, &house::principal(CLINIC), "laboratory.slt").await;
}

#[tokio::test]
async fn a_stranger_sees_nothing_of_it_and_no_plan_speaks_of_it() {
    let (with, without) = (Region::open().await, Region::open().await);
    fill(&with);
    let mut stranger = Client::connect(with.postgres, &house::physician(STRANGER)).await.unwrap();
    // its own HbA1c and its own potassium
    assert_eq!(stranger.value("SELECT count(*) FROM lab_results").await, "2");
    for sql in [
        "SELECT count(*) FROM lab_results WHERE item = 'creatinine'",
        "SELECT count(*) FROM lab_trend('clinic-0000', 'creatinine')",
        "SELECT count(*) FROM lab_trend('hospital', 'hospital-0000', 'creatinine')",
        "SELECT count(*) FROM lab_duplicate('potassium', 30)",
    ] {
        assert_eq!(stranger.value(sql).await, "0", "{sql}");
    }
    let research = house::token(CLINIC, Role::Physician, Purpose::Research);
    let mut research = Client::connect(with.postgres, &research).await.unwrap();
    assert_eq!(research.value("SELECT count(*) FROM lab_results").await, "0");
    for sql in [
        "EXPLAIN SELECT flag_computed FROM lab_results WHERE source = 'hospital' AND item = 'creatinine'",
        "EXPLAIN VERBOSE SELECT * FROM lab_results ORDER BY occurred LIMIT 3",
        "EXPLAIN SELECT * FROM lab_duplicate('creatinine')",
        "EXPLAIN SELECT * FROM lab_trend('clinic-0000', 'creatinine')",
    ] {
        let mut plans = Vec::new();
        for region in [&with, &without] {
            let mut client = Client::connect(region.postgres, &house::physician(STRANGER)).await.unwrap();
            let plan = client.query(sql).await.unwrap();
            // A bound of time is in the plan of neither.
            plans.push(format!("{plan:?}"));
        }
        assert_eq!(plans[0], plans[1], "{sql}");
        assert!(!plans[0].contains("centre"), "{sql}");
    }
}

#[tokio::test]
async fn a_withdrawal_takes_results_out_of_the_series_too() {
    let region = Region::open().await;
    fill(&region);
    let mut clinic = Client::connect(region.postgres, &house::physician(CLINIC)).await.unwrap();
    let series = "SELECT count(*) FROM lab_trend('clinic-0000', 'creatinine')";
    assert_eq!(clinic.value(series).await, "3");
    let position = region.withdraw(0);
    clinic.query(&format!("SET ajisai.at_least = '{position}'")).await.unwrap();
    assert_eq!(clinic.value(series).await, "1", "the centre's stays: its consent stands");
    let hospital = "SELECT count(*) FROM lab_results WHERE source = 'hospital' AND patient_id = 'hospital-0000'";
    assert_eq!(clinic.value(hospital).await, "0");
}

/// Views that keep the tally of each.
pub struct Counted {
    pub views: Arc<Views>,
    pub tallies: parking_lot::Mutex<Vec<Arc<Tally>>>,
}

impl ViewSource for Counted {
    fn open(&self, principal: &Principal, moment: Moment, taking: views::Taking) -> Box<dyn OpenView> {
        let view = ViewSource::open(self.views.as_ref(), principal, moment, taking);
        self.tallies.lock().push(view.tally());
        view
    }
    fn frontier(&self) -> Frontier {
        ViewSource::frontier(self.views.as_ref())
    }
    fn reached<'a>(&'a self, frontier: &'a Frontier, wait: Duration) -> futures::future::BoxFuture<'a, bool> {
        ViewSource::reached(self.views.as_ref(), frontier, wait)
    }
    fn witness(&self) -> Option<Arc<dyn views::Witness>> {
        None
    }
}

#[tokio::test]
async fn what_is_read_is_counted_and_demographics_only_where_an_interval_asks() {
    let region = Region::open().await;
    fill(&region);
    // what is in files is read patient by patient
    region.views.store().commit().await.unwrap();
    let counted = Arc::new(Counted { views: Arc::clone(&region.views), tallies: parking_lot::Mutex::default() });
    let source: Arc<dyn ViewSource> = Arc::clone(&counted) as Arc<dyn ViewSource>;
    let room = ReadingRoom::open(source, Limits::default(), Executor::start(2).unwrap()).unwrap();
    let rows = async |sql: &str| {
        counted.tallies.lock().clear();
        let statement = Statement::new(room.read(sql).await.unwrap(), Door::Grpc);
        let answer = room.run(&house::principal(CLINIC), statement).await.unwrap();
        let batches: Vec<arrow::record_batch::RecordBatch> =
            futures::TryStreamExt::try_collect(answer.rows).await.unwrap();
        drop(batches);
        let tally = counted.tallies.lock().pop().unwrap().take();
        let of = |category| tally.iter().filter(|(_, of, _)| *of == category).map(|(_, _, rows)| rows).sum::<u64>();
        (of(Category::Laboratory), of(Category::Patient))
    };
    let (every, none) = rows("SELECT record_id FROM laboratory").await;
    assert_eq!((every, none), (8 + 23, 0));
    assert_eq!(rows("SELECT item, value_number FROM lab_results").await, (every, 0));
    assert_eq!(rows("SELECT flag_computed FROM lab_results").await, (every, 1));
    let other = "SELECT flag_computed FROM lab_results WHERE patient_id = 'hospital-0001'";
    assert_eq!(rows(other).await, (4, 0), "nobody else's demographics are read");
    assert_eq!(rows("SELECT * FROM lab_trend('clinic-0001', 'hba1c')").await, (4, 0));
    let one = "SELECT hba1c FROM diabetes_registry WHERE my_patient_id = 'clinic-0001'";
    assert_eq!(rows(one).await, (4, 0), "nobody else is read for one person's row");
    assert_eq!(rows("SELECT hba1c FROM diabetes_registry").await, (every, 1));
}

#[test]
fn the_readme_of_query_documents_the_table_of_feeds_as_it_is() {
    use std::fmt::Write as _;
    let (name, columns) = query::feed_columns();
    let mut text =
        format!("### `{name}`\n\n| column | type | NULL | meaning | 意味 |\n| --- | --- | --- | --- | --- |\n");
    for views::table::Column { name, kind, nullable, en, ja } in columns {
        let null = if *nullable { "yes" } else { "no" };
        writeln!(text, "| `{name}` | {} | {null} | {en} | {ja} |", kind.sql()).unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let (begin, end) = ("<!-- feeds: begin -->\n", "<!-- feeds: end -->");
    let readme = std::fs::read_to_string(path).expect("query/README.md");
    let (head, rest) = readme.split_once(begin).expect("the mark where the table begins");
    let (found, tail) = rest.split_once(end).expect("the mark where the table ends");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{head}{begin}{text}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(found, text, "run with UPDATE_EXPECT=1 to write the section anew");
}

#[test]
fn the_readme_of_query_documents_the_laboratory_tables_as_they_are() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (name, columns) in query::laboratory_columns() {
        let arguments = if matches!(name, "lab_results" | "lab_unmapped") { "" } else { "(…)" };
        write!(text, "### `{name}{arguments}`\n\n").unwrap();
        text.push_str("| column | type | NULL | meaning | 意味 |\n| --- | --- | --- | --- | --- |\n");
        for column in columns {
            let null = if column.nullable { "yes" } else { "no" };
            let views::table::Column { name, kind, en, ja, .. } = column;
            writeln!(text, "| `{name}` | {} | {null} | {en} | {ja} |", kind.sql()).unwrap();
        }
        text.push('\n');
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let (begin, end) = ("<!-- laboratory: begin -->\n", "<!-- laboratory: end -->");
    let readme = std::fs::read_to_string(path).expect("query/README.md");
    let (head, rest) = readme.split_once(begin).expect("the mark where the tables begin");
    let (found, tail) = rest.split_once(end).expect("the mark where the tables end");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{head}{begin}{text}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(found, text, "run with UPDATE_EXPECT=1 to write the section anew");
}
