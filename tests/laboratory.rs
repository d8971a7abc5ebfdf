//! A laboratory keeps its own tables: what nobody has mapped is listed, a map is tried and stated, and at once results of
//! any age are read by it, at the laboratory and at the clinic that may see them; each statement is a version.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::rig::{OFFICE, Rig};
use model::{FacilityId, MemberId, Principal, Purpose, Role};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

const LAB: &str = "lab";
const CLINIC: &str = "clinic";

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
        for (id, kind) in [(LAB, "laboratory"), (CLINIC, "clinic")] {
            house.keep_token(id, &Rig::system(FacilityId::parse(id).unwrap()));
            house.say(OFFICE, &["directory", "facility", "--id", id, "--kind", kind, "--name", id, "--name-en", id]);
        }
        let all =
            "[[rules]]\ncategories = [\"all\"]\nviewer_kinds = [\"all\"]\nviewer_roles = [\"clinical\", \"system\"]\n";
        house.file("scope.toml", all);
        house.say(LAB, &["directory", "scope", "--from-file", &house.path("scope.toml")]);
        house.say(LAB, &["directory", "link", "--a-number", "p1", "--b", CLINIC, "--b-number", "k1"]);
        house.say(LAB, &["consent", "give", "--patient", "p1", "--viewer", CLINIC]);
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
    /// A table, stated as the laboratory.
    #[track_caller]
    fn put(&self, kind: &str, text: &str) -> String {
        self.file("table.csv", text);
        self.say(LAB, &["lab", "put", kind, "--from-file", &self.path("table.csv")])
    }
}

fn observation(id: &str, code: &str, name: &str, value: &str, unit: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","category":[{{"coding":[{{"code":"laboratory"}}]}}],"code":{{"coding":[{{"system":"urn:lab:codes","code":"{code}","display":"{name}"}}]}},"subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"2026-04-01T09:00:00+09:00","valueQuantity":{{"value":{value},"unit":"{unit}"}}}}"#
    )
}

const READ: &str = "SELECT code, item, value_number, value_unit, code_read, map_version, critical FROM lab_results ORDER BY code, value_number DESC";

#[tokio::test]
async fn a_map_is_tried_stated_and_read_by_at_once() {
    let mut house = House::raise().await;
    let lines = [
        r#"{"resourceType":"Patient","id":"p1","birthDate":"1960-04-01"}"#.to_owned(),
        observation("o1", "K01", "カリウム", "6.2", "mEq/L"),
        observation("o2", "K01", "カリウム", "4.1", "mEq/L"),
        observation("o3", "Z99", "検体コメント", "1", ""),
    ];
    house.file("results.ndjson", &lines.join("\n"));
    house.say(LAB, &["publish", &house.path("results.ndjson")]);

    // What nobody has mapped is listed, the commonest first, with what it most likely is.
    let unmapped = house.run(LAB, &["lab", "unmapped"]);
    assert_eq!(unmapped.status.code(), Some(3));
    let of = "SELECT code, results, patients, suggestion FROM lab_unmapped ORDER BY results DESC";
    assert_eq!(house.rows(LAB, of), ["K01,2,1,potassium", "Z99,1,1,"]);
    assert_eq!(house.rows(CLINIC, of), ["K01,2,1,potassium", "Z99,1,1,"]);
    let map = house.run(LAB, &["lab", "unmapped", "--as-map"]);
    assert!(String::from_utf8(map.stdout).unwrap().contains("# K01,,loinc,2823-3,"));

    // Trying states nothing.
    let codes = "code,specimen,system,target,unit\nK01,,jlac10,3H015000002326101,\nZ99,,nothing,,\n";
    house.file("codes.csv", codes);
    let tried = house.say(LAB, &["lab", "put", "codes", "--from-file", &house.path("codes.csv"), "--try"]);
    assert!(tried.contains("K01,,jlac10,3H015000002326101") && tried.contains("┆ 2 "), "{tried}");
    assert!(house.refused(LAB, &["lab", "get", "codes"]).contains("has stated no such table"));
    let before = ["K01,,,,unmapped,,", "K01,,,,unmapped,,", "Z99,,,,unmapped,,"];
    assert_eq!(house.rows(CLINIC, READ), before);

    // Stated, results are read by it wherever they are seen.
    house.put("codes", codes);
    let after = ["K01,potassium,6.2,mmol/L,map,1,high", "K01,potassium,4.1,mmol/L,map,1,no", "Z99,,,,nothing,1,"];
    for who in [LAB, CLINIC] {
        assert_eq!(house.rows(who, READ), after, "{who}");
    }
    assert_eq!(house.run(LAB, &["lab", "unmapped"]).status.code(), Some(0));

    // Its own limits, intervals and units likewise.
    house.put("critical", "item,low,high,limit_is_critical\npotassium,,6.5,\n");
    assert!(house.rows(CLINIC, READ).iter().all(|row| !row.ends_with(",high")), "6.2 is not beyond 6.5");
    house.put("intervals", "item,sex,from_age,below_age,low,high\npotassium,,0,,4.2,5.0\n");
    let flags =
        "SELECT value_number, flag_computed, reference_from FROM lab_results WHERE item = 'potassium' ORDER BY 1";
    assert_eq!(house.rows(CLINIC, flags), ["4.1,L,laboratory", "6.2,H,laboratory"]);

    // Versions are kept, and survive the node.
    house.put("codes", "code,system,target\nK01,loinc,2823-3\n");
    assert_eq!(house.rows(LAB, "SELECT DISTINCT map_version FROM lab_results WHERE code = 'K01'"), ["2"]);
    house.rig.stop(Duration::from_secs(30)).await.unwrap();
    house.rig.start(Duration::from_secs(60)).await.unwrap();
    assert_eq!(house.rows(CLINIC, "SELECT DISTINCT map_version FROM lab_results WHERE code = 'K01'"), ["2"]);
    let first = house.say(LAB, &["lab", "get", "codes", "--table-version", "1"]);
    assert_eq!(first, codes, "a version is written as it can be stated again");
    assert!(house.refused(LAB, &["lab", "get", "codes", "--table-version", "3"]).contains("the last is 2"));
}

#[tokio::test]
async fn only_the_laboratory_states_its_tables_and_a_wrong_row_is_named() {
    let house = House::raise().await;
    let physician = Principal {
        facility: FacilityId::parse(LAB).unwrap(),
        member: Some(MemberId::parse("lab/doctor").unwrap()),
        role: Role::Physician,
        purpose: Purpose::Treatment,
    };
    house.say(
        OFFICE,
        &["directory", "member", "--id", "lab/doctor", "--facility", LAB, "--role", "physician", "--name", "医師"],
    );
    house.keep_token("doctor", &physician);
    house.file("codes.csv", "code,system,target\nK01,loinc,2823-3\n");
    let put = ["lab", "put", "codes", "--from-file", &house.path("codes.csv")];
    assert!(house.refused("doctor", &put).contains("only the facility's system, laboratory staff or administrator"));
    house.file("codes.csv", "code,system,target\nK01,loinc,2823-3\nNa01,loinc,2951-9\n");
    let wrong = house.refused(LAB, &put);
    assert!(wrong.contains("table.rows") && wrong.contains("row 2"), "{wrong}");
    let nothing = house.refused(LAB, &["lab", "get", "codes"]);
    assert!(nothing.contains("has stated no such table"), "nothing of it was taken: {nothing}");
}
