//! A facility defines a table of its own by a SQL-on-FHIR ViewDefinition: it is there at once for that facility alone, follows
//! what is published and withdrawn, and survives the node; what is wrong in a definition is said by place and rule.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::rig::{OFFICE, Rig};
use model::{FacilityId, Principal};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

const HOSPITAL: &str = "hospital";
const CLINIC: &str = "clinic";
const OTHER: &str = "other";

struct House {
    rig: Rig,
    directory: tempfile::TempDir,
}

impl House {
    async fn raise() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut rig = Rig::prepare(Path::new(env!("CARGO_BIN_EXE_ajisai")), directory.path(), "").unwrap();
        rig.start(Duration::from_secs(60)).await.unwrap();
        let house = Self { rig, directory };
        house.keep_token(OFFICE, &Rig::operator().unwrap());
        for (id, kind) in [(HOSPITAL, "hospital"), (CLINIC, "clinic"), (OTHER, "clinic")] {
            house.keep_token(id, &Rig::system(FacilityId::parse(id).unwrap()));
            house.say(OFFICE, &["directory", "facility", "--id", id, "--kind", kind, "--name", id, "--name-en", id]);
        }
        let all =
            "[[rules]]\ncategories = [\"all\"]\nviewer_kinds = [\"all\"]\nviewer_roles = [\"clinical\", \"system\"]\n";
        house.file("scope.toml", all);
        house.say(HOSPITAL, &["directory", "scope", "--from-file", &house.path("scope.toml")]);
        for viewer in [CLINIC, OTHER] {
            house.say(HOSPITAL, &["directory", "link", "--a-number", "p1", "--b", viewer, "--b-number", "k1"]);
            house.say(HOSPITAL, &["consent", "give", "--patient", "p1", "--viewer", viewer, "--id", viewer]);
        }
        house
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }
    fn keep_token(&self, name: &str, principal: &Principal) {
        self.file(&format!("{name}.token"), &self.rig.token(principal).unwrap());
    }
    fn run(&self, who: &str, arguments: &[&str]) -> Output {
        let address = format!("http://127.0.0.1:{}", self.rig.ports().grpc);
        Command::new(env!("CARGO_BIN_EXE_ajisai"))
            .args(arguments)
            .args(["--address", &address, "--token", &self.path(&format!("{who}.token"))])
            .output()
            .unwrap()
    }
    #[track_caller]
    fn say(&self, who: &str, arguments: &[&str]) -> String {
        let output = self.run(who, arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
        text
    }
    /// Why a command fails.
    #[track_caller]
    fn refused(&self, who: &str, arguments: &[&str]) -> String {
        let output = self.run(who, arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
    #[track_caller]
    fn rows(&self, who: &str, sql: &str) -> Vec<String> {
        self.say(who, &["sql", "--format", "csv", sql]).lines().skip(1).map(str::to_owned).collect()
    }
    /// Defines a table as a facility.
    #[track_caller]
    fn create(&self, who: &str, definition: &str) -> String {
        self.file("view.json", definition);
        self.say(who, &["view", "create", "--sql-on-fhir", &self.path("view.json")])
    }
    #[track_caller]
    fn not_created(&self, who: &str, arguments: &[&str], definition: &str) -> String {
        self.file("view.json", definition);
        let file = self.path("view.json");
        self.refused(who, &[&["view", "create", "--sql-on-fhir", &file], arguments].concat())
    }
    #[track_caller]
    fn publish(&self, lines: &[String]) {
        self.file("results.ndjson", &lines.join("\n"));
        self.say(HOSPITAL, &["publish", &self.path("results.ndjson")]);
    }
}

fn observation(id: &str, value: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","category":[{{"coding":[{{"code":"laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"4548-4","display":"HbA1c"}}]}},"subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"2026-04-01T09:00:00+09:00","valueQuantity":{{"value":{value},"unit":"%"}}}}"#
    )
}
fn patient() -> String {
    r#"{"resourceType":"Patient","id":"p1","birthDate":"1960-04-01","gender":"female","name":[{"text":"長崎 花子"}]}"#
        .to_owned()
}

const HBA1C: &str = r#"{
  "resourceType": "ViewDefinition", "name": "HbA1c", "status": "active", "resource": "Observation",
  "constant": [{"name": "code", "valueCode": "4548-4"}, {"name": "limit", "valueDecimal": 7.0}],
  "where": [{"path": "code.coding.exists(code = %code)"}],
  "select": [{"column": [
    {"name": "id", "path": "id", "type": "id"},
    {"name": "patient", "path": "subject.getReferenceKey(Patient)", "type": "string"},
    {"name": "mine", "path": "subject.extension('urn:ajisai:extension:my-patient-number').value.ofType(Identifier).value"},
    {"name": "at", "path": "effective.ofType(dateTime)", "type": "dateTime"},
    {"name": "value", "path": "value.ofType(Quantity).value", "type": "decimal"},
    {"name": "poor", "path": "value.ofType(Quantity).value >= %limit", "type": "boolean"}
  ]}]
}"#;

const PEOPLE: &str = r#"{
  "name": "people", "resource": "Patient",
  "select": [{"column": [
    {"name": "patient", "path": "getResourceKey()", "type": "string"},
    {"name": "born", "path": "birthDate", "type": "date"}
  ]}]
}"#;

const READ: &str = "SELECT id, mine, value, poor FROM hba1c ORDER BY id";

#[tokio::test]
async fn a_table_of_ones_own_lives_with_the_view() {
    let mut house = House::raise().await;
    house.publish(&[patient(), observation("o1", "7.4")]);
    let columns = house.create(CLINIC, HBA1C);
    assert!(columns.contains("poor") && columns.contains("Boolean"), "{columns}");
    assert_eq!(house.rows(CLINIC, READ), ["o1,k1,7.4,true"]);
    assert_eq!(house.rows(CLINIC, "SELECT at FROM hba1c"), ["2026-04-01T00:00:00Z"]);
    assert_eq!(house.rows(CLINIC, "SELECT count(*) FROM hba1c WHERE value > 8"), ["0"]);

    // What is published is in it, at once.
    house.publish(&[patient(), observation("o2", "6.1")]);
    assert_eq!(house.rows(CLINIC, READ), ["o1,k1,7.4,true", "o2,k1,6.1,false"]);

    // Tables join by their keys, with each other and with everybody's.
    house.create(CLINIC, PEOPLE);
    let joined = "SELECT p.born, count(*) FROM hba1c h JOIN people p ON p.patient = h.patient GROUP BY p.born";
    assert_eq!(house.rows(CLINIC, joined), ["1960-04-01,2"]);
    let beside =
        "SELECT h.value, l.unit FROM hba1c h JOIN laboratory l ON l.record_id = 'Observation/' || h.id ORDER BY 1";
    assert_eq!(house.rows(CLINIC, beside), ["6.1,%", "7.4,%"]);
    let listed = "SELECT table_name FROM information_schema.tables WHERE table_name IN ('hba1c', 'people') ORDER BY 1";
    assert_eq!(house.rows(CLINIC, listed), ["hba1c", "people"]);

    // Nobody else has it, not even by name, though they see the same records.
    assert_eq!(house.rows(OTHER, "SELECT count(*) FROM laboratory"), ["2"]);
    let absent = house.refused(OTHER, &["sql", "SELECT * FROM hba1c"]);
    assert!(absent.contains("hba1c") && absent.contains("not found"), "{absent}");
    assert_eq!(house.rows(OTHER, listed), Vec::<String>::new());

    // Another facility's table of the same name is another table.
    house.create(OTHER, &HBA1C.replace("7.0", "5.0"));
    assert_eq!(house.rows(OTHER, READ), ["o1,k1,7.4,true", "o2,k1,6.1,true"]);
    assert_eq!(house.rows(CLINIC, READ), ["o1,k1,7.4,true", "o2,k1,6.1,false"]);

    // What is withdrawn is gone from the one table and stays in the other.
    house.say(HOSPITAL, &["consent", "withdraw", CLINIC, "--patient", "p1"]);
    assert_eq!(house.rows(CLINIC, READ), Vec::<String>::new());
    assert_eq!(house.rows(CLINIC, "SELECT * FROM people"), Vec::<String>::new());
    assert_eq!(house.rows(OTHER, READ).len(), 2);

    // It survives the node, is listed and written back, and is taken away.
    house.rig.stop(Duration::from_secs(30)).await.unwrap();
    house.rig.start(Duration::from_secs(60)).await.unwrap();
    assert_eq!(house.rows(OTHER, READ).len(), 2);
    let list = house.say(CLINIC, &["view", "list"]);
    assert!(list.contains("hba1c") && list.contains("Observation") && list.contains("people"), "{list}");
    assert_eq!(house.say(CLINIC, &["view", "show", "hba1c"]).trim(), HBA1C);
    house.say(CLINIC, &["view", "drop", "hba1c"]);
    assert!(house.refused(CLINIC, &["sql", READ]).contains("not found"));
    assert!(house.refused(CLINIC, &["view", "drop", "hba1c"]).contains("view list"));
    assert_eq!(house.rows(OTHER, READ).len(), 2, "the other's stays");
    assert_eq!(house.say(CLINIC, &["view", "show", "hba1c", "--definition-version", "1"]).trim(), HBA1C);
}

#[tokio::test]
async fn what_is_wrong_in_a_definition_is_said_by_place_and_rule() {
    let house = House::raise().await;
    let wrong =
        house.not_created(CLINIC, &[], &HBA1C.replace("code.coding.exists(code = %code)", "code.coding.exists(code ="));
    assert!(wrong.contains("where[0].path: at character 26:"), "{wrong}");
    let wrong = house.not_created(CLINIC, &[], &HBA1C.replace("\"Observation\"", "\"Questionnaire\""));
    assert!(wrong.contains("no record here takes the form"), "{wrong}");
    for taken in ["laboratory", "lab_results", "lab_trend"] {
        let wrong = house.not_created(CLINIC, &[taken], HBA1C);
        assert!(wrong.contains("is there already"), "{taken}: {wrong}");
    }
    house.file("view.json", HBA1C);
    let file = house.path("view.json");
    let tried = house.say(CLINIC, &["view", "create", "--try", "--sql-on-fhir", &file]);
    assert!(tried.contains("poor"), "{tried}");
    assert!(house.refused(CLINIC, &["sql", READ]).contains("not found"), "trying states nothing");

    // A value that the definition did not foresee ends the statement with the place, and without the value.
    house.publish(&[patient(), observation("o1", "7.4")]);
    let several = r#"{"name": "wrong", "resource": "Observation", "select": [{"column": [
        {"name": "v", "path": "code.coding.code | code.coding.display", "type": "string"}]}]}"#;
    house.create(CLINIC, several);
    let told = house.refused(CLINIC, &["sql", "SELECT * FROM wrong"]);
    assert!(told.contains("select[0].column[0].path") && told.contains("several values"), "{told}");
    assert!(!told.contains("4548-4") && !told.contains("HbA1c"), "{told}");
}
