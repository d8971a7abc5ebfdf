//! Cohorts, the course of a person and published figures as tables: of the caller's own view and definitions, and nobody else's.

use crate::house;
use crate::region::{CLINIC, HOSPITAL, Region, STRANGER, facility};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clinical::diabetes::quality::Figures;
use clinical::lab::Sites;
use futures::TryStreamExt;
use model::*;
use query::{
    Benchmark, Definitions, Door, Executor, Limits, Published, QueryError, ReadingRoom, SiteSource, Statement,
    ViewSource,
};
use std::sync::Arc;

/// What facilities have defined and published, in the place of the register.
struct Stated(Arc<Definitions>, Arc<Benchmark>);

impl SiteSource for Stated {
    fn sites(&self) -> Arc<Sites> {
        Arc::default()
    }
    fn definitions(&self) -> Arc<Definitions> {
        Arc::clone(&self.0)
    }
    fn benchmark(&self) -> Arc<Benchmark> {
        Arc::clone(&self.1)
    }
}

fn at(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

const HIGH: &str = "name: high\nversion: '1'\nen: High\nwhere:\n  at-least: { measure: hba1c, value: 5.5 }\n";
const BY_SQL: &str = "name: by-sql\nversion: '1'\nen: By statement\nsql: |\n  \
     SELECT my_patient_id FROM laboratory WHERE value_number < 5.5\n";
const ITSELF: &str =
    "name: itself\nversion: '1'\nen: Asks for itself\nsql: |\n  SELECT my_patient_id FROM cohort('itself')\n";
const NUMBERS: &str = "name: numbers\nversion: '1'\nen: No text\nsql: |\n  SELECT value_number FROM laboratory\n";
const VIEW: &str = r#"{"resource": "Observation", "select": [{"column": [{"name": "record", "path": "id"}]}]}"#;

struct Desk {
    _region: Region,
    room: Arc<ReadingRoom>,
}

async fn desk() -> Desk {
    let region = Region::open().await;
    let mut definitions = Definitions::default();
    let stated = [
        (DefinitionKind::Cohort, "high", HIGH),
        (DefinitionKind::Cohort, "by-sql", BY_SQL),
        (DefinitionKind::Cohort, "itself", ITSELF),
        (DefinitionKind::Cohort, "numbers", NUMBERS),
        (DefinitionKind::View, "own_results", VIEW),
    ];
    for (offset, (kind, name, text)) in (1..).zip(stated) {
        let name = DefinitionName::parse(name).unwrap();
        let definition = Definition::new(facility(CLINIC), kind, name, text.to_owned()).unwrap();
        definitions.apply(Position::new(0, offset), at("2026-04-01"), &definition).unwrap();
    }
    let mut benchmark = Benchmark::default();
    let measure = |key: &str| DefinitionName::parse(key).unwrap();
    let figures = |denominator, numerator| Published {
        figures: Figures { of: jiff::civil::date(2026, 11, 1), denominator, numerator },
        least: 10,
        at: at("2026-11-02"),
    };
    let ked = measure("hedis-ked-my2024");
    benchmark.add(&facility(CLINIC), (&ked, 2026), figures(30, Some(12)));
    benchmark.add(&facility(HOSPITAL), (&ked, 2026), figures(100, Some(40)));
    benchmark.add(&facility(HOSPITAL), (&ked, 2026), figures(120, None));
    benchmark.add(&facility(HOSPITAL), (&ked, 2025), figures(90, Some(30)));
    let source = Arc::clone(&region.views) as Arc<dyn ViewSource>;
    let sites = Arc::new(Stated(Arc::new(definitions), Arc::new(benchmark)));
    let room = ReadingRoom::open_with(source, sites, Limits::default(), Executor::start(2).unwrap()).unwrap();
    Desk { _region: region, room }
}

impl Desk {
    async fn ask(&self, who: &Principal, sql: &str) -> Result<Vec<String>, QueryError> {
        let statement = Statement::new(self.room.read(sql).await?, Door::Grpc);
        let answer = self.room.run(who, statement).await?;
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

#[tokio::test]
async fn a_cohort_is_a_table_of_its_members_in_the_callers_own_view() {
    let desk = desk().await;
    let (clinic, hospital) = (house::principal(CLINIC), house::principal(HOSPITAL));
    let told = desk.ask(&clinic, "SELECT my_patient_id, cause, reasons, source FROM cohort('high')").await.unwrap();
    assert_eq!(told, ["clinic-0001 result [at-least: hba1c 6 %] [hospital]"]);
    let since =
        "SELECT since = (SELECT min(occurred) FROM laboratory WHERE my_patient_id = 'clinic-0001') FROM cohort('high')";
    assert_eq!(desk.ask(&clinic, since).await.unwrap(), ["true"]);
    let other = "SELECT * FROM cohort('high') WHERE my_patient_id = 'clinic-0000'";
    assert_eq!(desk.ask(&clinic, other).await.unwrap(), Vec::<String>::new());
    assert_eq!(
        desk.ask(&clinic, "SELECT * FROM cohort('high', '2026-03-31')").await.unwrap(),
        Vec::<String>::new(),
        "not yet"
    );
    assert_eq!(
        desk.ask(&clinic, "SELECT * FROM cohort('poor-control')").await.unwrap(),
        Vec::<String>::new(),
        "shipped"
    );

    let refused = desk.ask(&hospital, "SELECT * FROM cohort('high')").await.unwrap_err().to_string();
    assert!(refused.contains("there is no cohort `high`"), "another facility's does not exist: {refused}");
    let nobody = Principal { role: Role::Clerk, ..clinic.clone() };
    assert_eq!(desk.ask(&nobody, "SELECT * FROM cohort('high')").await.unwrap(), Vec::<String>::new());
    for wrong in ["cohort()", "cohort('high', 'today')", "cohort(1)"] {
        assert!(desk.ask(&clinic, &format!("SELECT * FROM {wrong}")).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_cohort_by_a_statement_is_who_the_statement_gives() {
    let desk = desk().await;
    let clinic = house::principal(CLINIC);
    let told = desk.ask(&clinic, "SELECT my_patient_id, since, cause FROM cohort('by-sql')").await.unwrap();
    assert_eq!(told, ["clinic-0000 NULL NULL"], "each once");
    assert_eq!(desk.ask(&clinic, "SELECT count(*) FROM cohort('by-sql')").await.unwrap(), ["1"]);
    let joined = "SELECT count(*) FROM laboratory JOIN cohort('by-sql') USING (my_patient_id)";
    assert_eq!(desk.ask(&clinic, joined).await.unwrap(), ["4"]);
    for (sql, rule) in [
        ("SELECT * FROM cohort('itself')", "cohort"),
        ("SELECT * FROM cohort('numbers')", "first column must be text"),
        ("SELECT * FROM cohort('by-sql', '2026-03-31')", "has no day"),
    ] {
        let refused = desk.ask(&clinic, sql).await.unwrap_err().to_string();
        assert!(refused.contains(rule), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn the_course_of_a_person_is_what_their_view_shows_day_by_day() {
    let desk = desk().await;
    let sql = "SELECT day, item, value, unit, source FROM diabetes_course() WHERE my_patient_id = 'clinic-0001' ORDER BY at LIMIT 1";
    assert_eq!(desk.ask(&house::principal(CLINIC), sql).await.unwrap(), ["2026-04-01 hba1c 6.0 % hospital"]);
    let all = "SELECT DISTINCT my_patient_id FROM diabetes_course() ORDER BY 1";
    assert_eq!(desk.ask(&house::principal(CLINIC), all).await.unwrap(), ["clinic-0000", "clinic-0001"]);
    let stranger = house::principal(STRANGER);
    assert_eq!(desk.ask(&stranger, "SELECT count(*) FROM laboratory").await.unwrap(), ["1"]);
    let none = desk.ask(&stranger, "SELECT count(*) FROM diabetes_course()").await.unwrap();
    assert_eq!(none, ["0"], "a value that no patient has is none");
}

#[tokio::test]
async fn published_figures_are_for_those_who_publish_the_same() {
    let desk = desk().await;
    let sql = "SELECT facility, own, year, denominator, numerator, percent, latest FROM diabetes_benchmark ORDER BY facility, published, denominator";
    let clinic = house::principal(CLINIC);
    assert_eq!(
        desk.ask(&clinic, sql).await.unwrap(),
        [
            "clinic true 2026 30 12 40.0 true",
            "hospital false 2026 100 40 40.0 false",
            "hospital false 2026 120 NULL NULL true"
        ]
    );
    assert_eq!(desk.ask(&house::principal(HOSPITAL), sql).await.unwrap().len(), 4);
    assert_eq!(desk.ask(&house::principal(STRANGER), sql).await.unwrap(), Vec::<String>::new());
    let patient = Principal { role: Role::Patient, ..clinic };
    assert_eq!(desk.ask(&patient, sql).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn clients_of_postgresql_list_a_facilitys_own_tables_to_that_facility_alone() {
    let desk = desk().await;
    let sql = "SELECT c.relname, a.attname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid \
               WHERE c.relname IN ('own_results', 'diabetes_registry') AND a.attname IN ('record', 'my_patient_id') ORDER BY 1, 2";
    assert_eq!(
        desk.ask(&house::principal(CLINIC), sql).await.unwrap(),
        ["diabetes_registry my_patient_id", "own_results record"]
    );
    assert_eq!(desk.ask(&house::principal(HOSPITAL), sql).await.unwrap(), ["diabetes_registry my_patient_id"]);
}
