//! Real files through the real door: a clinic with consent for some patients sees those patients' rows and no others,
//! and the counts equal the input's.
//!
//! Reads `../shared/data` from the project's root, or `AJISAI_SHARED_DATA`; says so when it is not there.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::rig::{OFFICE, Rig};
use ingest::fhir::{self, Context, References};
use model::{Category, FacilityId, Moment, Principal, Purpose, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

const HOSPITAL: &str = "hospital";
const CLINIC: &str = "clinic";
const STRANGER: &str = "stranger";

fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let found = root.join(folder);
    let there = found.is_dir();
    if !there {
        println!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test then looked at nothing", found.display());
    }
    there.then_some(found)
}

struct Region {
    rig: Rig,
    directory: tempfile::TempDir,
}

impl Region {
    async fn raise() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
        let mut rig = Rig::prepare(program, directory.path(), "").unwrap();
        rig.start(Duration::from_secs(60)).await.unwrap();
        let region = Self { rig, directory };
        let operator = Rig::operator().unwrap();
        region.keep_token(OFFICE, &operator);
        for (id, kind) in [(HOSPITAL, "hospital"), (CLINIC, "clinic"), (STRANGER, "clinic")] {
            region.keep_token(id, &Rig::system(FacilityId::parse(id).unwrap()));
            region.say(OFFICE, &["directory", "facility", "--id", id, "--kind", kind, "--name", id, "--name-en", id]);
        }
        let scope = "[[rules]]\ncategories = [\"all\"]\nviewer_kinds = [\"all\"]\nviewer_roles = [\"clinical\"]\n";
        region.file("scope.toml", scope);
        let scope = region.path("scope.toml");
        region.say(HOSPITAL, &["directory", "scope", "--from-file", &scope]);
        region
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

    /// Runs a command as one facility.
    fn run(&self, who: &str, arguments: &[&str]) -> Output {
        let address = format!("http://127.0.0.1:{}", self.rig.ports().grpc);
        Command::new(env!("CARGO_BIN_EXE_ajisai"))
            .args(arguments)
            .args(["--address", &address, "--token", &self.path(&format!("{who}.token"))])
            .output()
            .unwrap()
    }
    /// Runs a command that must succeed.
    #[track_caller]
    fn say(&self, who: &str, arguments: &[&str]) -> String {
        let output = self.run(who, arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
        text
    }
    fn count(&self, who: &str, table: &str) -> u64 {
        let text = self.say(who, &["sql", "--format", "csv", &format!("SELECT count(*) AS n FROM {table}")]);
        text.lines().nth(1).unwrap().trim().parse().unwrap()
    }
    fn numbers(&self, who: &str) -> BTreeSet<String> {
        let sql = "SELECT DISTINCT patient_id FROM laboratory UNION SELECT patient_id FROM condition";
        self.say(who, &["sql", "--format", "csv", sql]).lines().skip(1).map(str::to_owned).collect()
    }

    /// Opens some patients to the clinic: a link and a consent each.
    fn open(&self, patients: &BTreeSet<String>) {
        let mut links = String::from("a_number,b,b_number\n");
        let mut consents = String::from("patient,viewers\n");
        for (n, patient) in patients.iter().enumerate() {
            links.push_str(&format!("{patient},{CLINIC},k-{n}\n"));
            consents.push_str(&format!("{patient},{CLINIC}\n"));
        }
        self.file("links.csv", &links);
        self.file("consents.csv", &consents);
        self.say(HOSPITAL, &["directory", "link", "--from-file", &self.path("links.csv")]);
        self.say(HOSPITAL, &["consent", "give", "--from-file", &self.path("consents.csv")]);
    }
}

/// What the files hold, counted without any node: rows by category and patient.
fn in_the_files(files: &[PathBuf]) -> BTreeMap<(Category, String), u64> {
    let context = Context::new(FacilityId::parse(HOSPITAL).unwrap(), Moment::parse("2026-11-22").unwrap());
    let mut references = References::default();
    let resources: Vec<_> =
        files.iter().flat_map(|file| fhir::open(file).unwrap().filter_map(Result::ok).collect::<Vec<_>>()).collect();
    for resource in &resources {
        references.learn(resource, &context);
    }
    let mut counts = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for record in resources.iter().filter_map(|resource| fhir::convert(resource, &context, &references).ok()).flatten()
    {
        // The same resource in two files is one record.
        if seen.insert(record.id.clone()) {
            *counts.entry((record.category(), record.patient.number().as_str().to_owned())).or_default() += 1;
        }
    }
    counts
}

fn total(counts: &BTreeMap<(Category, String), u64>, category: Category, of: &BTreeSet<String>) -> u64 {
    counts.iter().filter(|((c, patient), _)| *c == category && of.contains(patient)).map(|(_, n)| n).sum()
}

/// Publishes the files and compares what everybody sees with what the files hold.
async fn check(files: Vec<PathBuf>, every: usize) {
    let counts = in_the_files(&files);
    let patients: BTreeSet<String> = counts.keys().map(|(_, patient)| patient.clone()).collect();
    let chosen: BTreeSet<String> = patients.iter().step_by(every).cloned().collect();
    assert!(!chosen.is_empty() && chosen.len() < patients.len(), "some patients are opened, not all");

    let region = Region::raise().await;
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let mut arguments = vec!["publish"];
    arguments.extend(names.iter().map(String::as_str));
    let published = region.run(HOSPITAL, &arguments);
    let told = String::from_utf8_lossy(&published.stdout).into_owned() + &String::from_utf8_lossy(&published.stderr);
    assert!(matches!(published.status.code(), Some(0 | 3)), "{told}");
    assert!(told.contains("accepted"), "the command ends with a table: {told}");

    assert_eq!(region.count(CLINIC, "laboratory"), 0, "nothing is seen before consent");
    region.open(&chosen);
    let tables = [
        (Category::Laboratory, "laboratory"),
        (Category::VitalSign, "vital_sign"),
        (Category::Condition, "condition"),
        (Category::Medication, "medication"),
        (Category::Encounter, "encounter"),
        (Category::Allergy, "allergy"),
        (Category::Document, "document"),
        (Category::Patient, "patient"),
    ];
    for (category, table) in tables {
        assert_eq!(region.count(HOSPITAL, table), total(&counts, category, &patients), "{table} at the hospital");
        assert_eq!(region.count(CLINIC, table), total(&counts, category, &chosen), "{table} at the clinic");
        assert_eq!(region.count(STRANGER, table), 0, "{table} at a stranger");
    }
    assert!(region.numbers(CLINIC).is_subset(&chosen), "no other patient's rows");

    // Published again, the same files are the same events.
    let again = region.run(HOSPITAL, &arguments);
    assert_eq!(again.status.code(), published.status.code());
    assert_eq!(region.count(HOSPITAL, "laboratory"), total(&counts, Category::Laboratory, &patients));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_sees_the_synthea_patients_it_has_consent_for_and_no_others() {
    let Some(folder) = shared("fhir/synthea-120") else { return };
    let file = |name: &str| folder.join(format!("{name}.ndjson.gz"));
    let types = [
        "Patient",
        "Observation",
        "Condition",
        "MedicationRequest",
        "Encounter",
        "AllergyIntolerance",
        "DiagnosticReport",
    ];
    check(types.map(file).to_vec(), 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_sees_the_jp_clins_patients_it_has_consent_for_and_no_others() {
    let Some(folder) = shared("fhir/jp-clins") else { return };
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    check(files, 2).await;
}

/// A person at the clinic, with a token of their own, sees what the clinic's machine sees; a clerk sees no clinical data.
#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_by_token_and_a_clerk_sees_no_clinical_data() {
    let region = Region::raise().await;
    let ndjson = concat!(
        r#"{"resourceType":"Patient","id":"p1","name":[{"text":"長崎 花子"}],"gender":"female","birthDate":"1960-04-01"}"#,
        "\n",
        r#"{"resourceType":"Observation","id":"o1","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-04-01T09:00:00+09:00","valueQuantity":{"value":7.1,"unit":"%"}}"#,
    );
    region.file("one.ndjson", ndjson);
    region.say(HOSPITAL, &["publish", &region.path("one.ndjson")]);
    region.open(&BTreeSet::from(["p1".to_owned()]));
    for (member, role) in [("dr-sato", Role::Physician), ("clerk-abe", Role::Clerk)] {
        let arguments =
            ["directory", "member", "--id", member, "--facility", CLINIC, "--role", role.code(), "--name", member];
        region.say(OFFICE, &arguments);
        let facility = FacilityId::parse(CLINIC).unwrap();
        let member = Some(model::MemberId::parse(member).unwrap());
        let purpose = Purpose::Treatment;
        region.keep_token(role.code(), &Principal { facility, member, role, purpose });
    }
    assert_eq!(region.count("physician", "laboratory"), 1);
    assert_eq!(region.count("clerk", "laboratory"), 0);
}

/// A consent as FHIR opens, narrows and, when it is over, closes, like one that is given by hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_fhir_consent_opens_what_it_permits_until_it_is_over() {
    let region = Region::raise().await;
    let result = |id: &str, date: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final","category":[{{"coding":[{{"code":"laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"4548-4"}}]}},"subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"{date}T09:00:00+09:00","valueQuantity":{{"value":7.1,"unit":"%"}}}}"#
        )
    };
    let patient = r#"{"resourceType":"Patient","id":"p1","birthDate":"1960-04-01"}"#;
    region.file("records.ndjson", &[patient, &result("o1", "2024-04-01"), &result("o2", "2026-04-01")].join("\n"));
    region.file("links.csv", &format!("a_number,b,b_number\np1,{CLINIC},k-1\n"));
    region.file("actors.csv", &format!("key,facility,member\nOrganization/c,{CLINIC},\nOrganization/h,{HOSPITAL},\n"));
    region.say(HOSPITAL, &["publish", &region.path("records.ndjson")]);
    region.say(HOSPITAL, &["directory", "link", "--from-file", &region.path("links.csv")]);

    let consent = |version: u32, status: &str, provision: &str| {
        format!(
            r#"{{"resourceType":"Consent","id":"c1","meta":{{"versionId":"{version}","lastUpdated":"2026-05-0{version}T00:00:00Z"}},"status":"{status}","scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},"category":[{{"coding":[{{"system":"http://loinc.org","code":"59284-0"}}]}}],"patient":{{"reference":"Patient/p1"}},"dateTime":"2026-05-01","performer":[{{"reference":"Patient/p1"}}],"organization":[{{"reference":"Organization/c"}}],"policy":[{{"uri":"urn:example:policy"}}],"provision":{{"type":"permit","purpose":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}}],"actor":[{{"role":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}}]}},"reference":{{"reference":"Organization/c"}}}}]{provision}}}}}"#
        )
    };
    let publish = |text: &str| {
        region.file("consent.ndjson", &[patient, text].join("\n"));
        region.run(HOSPITAL, &["publish", "--actors", &region.path("actors.csv"), &region.path("consent.ndjson")])
    };
    let seen = || (region.count(CLINIC, "laboratory"), region.count(STRANGER, "laboratory"));
    assert_eq!(seen(), (0, 0));
    assert_eq!(publish(&consent(1, "active", "")).status.code(), Some(0));
    assert_eq!(seen(), (2, 0), "both results, for the clinic alone");
    let except = r#","provision":[{"type":"deny","dataPeriod":{"start":"2024","end":"2024"}}]"#;
    assert_eq!(publish(&consent(2, "active", except)).status.code(), Some(0));
    assert_eq!(seen(), (1, 0), "all but those of 2024");
    // Single resources are not told apart here: refused, and the earlier version does not go on standing for it.
    let single = r#","data":[{"meaning":"instance","reference":{"reference":"Observation/o1"}}]"#;
    let refused = publish(&consent(3, "active", single));
    let told = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains("data_instance_not_representable"), "{told}");
    assert_eq!(seen(), (0, 0), "what is not understood withholds");
    assert_eq!(publish(&consent(4, "active", "")).status.code(), Some(0));
    assert_eq!(seen(), (2, 0));
    let shown = region.say(HOSPITAL, &["consent", "list", "--fhir"]);
    assert!(shown.contains(r#""resourceType":"Consent""#) && shown.contains(r#""status":"active""#), "{shown}");
    assert_eq!(publish(&consent(5, "inactive", "")).status.code(), Some(0));
    assert_eq!(seen(), (0, 0), "over is withdrawn");
    assert!(region.say(HOSPITAL, &["consent", "list", "--fhir"]).contains(r#""status":"inactive""#));
}

/// Organisations, specimens and the like are read for those that refer to them, and are no refusal; what says that it is another
/// institution's is one.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_for_others_is_counted_apart_and_what_is_anothers_is_refused() {
    let region = Region::raise().await;
    let result = r#"{"resourceType":"Observation","id":"o1","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"K"},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-04-01","valueInteger":4,"specimen":{"reference":"Specimen/s1"}}"#;
    let patient = r#"{"resourceType":"Patient","id":"p1","birthDate":"1960-04-01","identifier":[{"system":"urn:oid:1.2.392.100495.20.3.51.14210000000","value":"42"}]}"#;
    let specimen = r#"{"resourceType":"Specimen","id":"s1","type":{"text":"blood"}}"#;
    let organisation = r#"{"resourceType":"Organization","id":"h","name":"見本病院"}"#;
    region.file("all.ndjson", &[patient, result, specimen, organisation].join("\n"));
    // Of each type: read, for others, sent, accepted, duplicate, refused.
    let counts = |output: &Output| -> BTreeMap<String, Vec<u64>> {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let rows = text.lines().map(|line| line.split(['│', '┆']).map(str::trim).collect::<Vec<_>>());
        let row = |cells: Vec<&str>| {
            let numbers = cells.get(2..8)?.iter().map(|cell| cell.parse().ok()).collect::<Option<Vec<u64>>>()?;
            Some(((*cells.get(1)?).to_owned(), numbers))
        };
        rows.filter_map(row).collect()
    };
    let published = region.run(HOSPITAL, &["publish", "--institution", "4210000000", &region.path("all.ndjson")]);
    assert_eq!(published.status.code(), Some(0), "nothing is refused: {published:?}");
    let told = counts(&published);
    for (kind, expected) in [
        ("Patient", [1, 0, 1, 1, 0, 0]),
        ("Observation", [1, 0, 1, 1, 0, 0]),
        ("Specimen", [1, 1, 0, 0, 0, 0]),
        ("Organization", [1, 1, 0, 0, 0, 0]),
        ("計 total", [4, 2, 2, 2, 0, 0]),
    ] {
        assert_eq!(told[kind], expected, "{kind}");
    }
    // A procedure is a fact of the patient that has no place here.
    region.file("fact.ndjson", &[patient, r#"{"resourceType":"Procedure","id":"x"}"#].join("\n"));
    let refused = region.run(HOSPITAL, &["publish", &region.path("fact.ndjson")]);
    assert_eq!((refused.status.code(), &counts(&refused)["Procedure"][..]), (Some(3), &[1, 0, 0, 0, 0, 1][..]));
    let anothers = region.run(HOSPITAL, &["publish", "--institution", "4219999999", &region.path("all.ndjson")]);
    let text = String::from_utf8_lossy(&anothers.stdout).into_owned();
    assert_eq!(anothers.status.code(), Some(3));
    assert!(text.contains("other_institution") && counts(&anothers)["計 total"][2] == 0, "{text}");
}

/// The registry over the synthetic patients through the real door, with the two drug codes of theirs as the hospital's own, is what a
/// second program in Python counts in the same files (query/clinical/tests/synthea_diabetes.rs).
#[tokio::test(flavor = "multi_thread")]
async fn the_registry_of_the_synthea_patients_is_what_a_second_program_counts() {
    let Some(folder) = shared("fhir/synthea-120") else { return };
    let region = Region::raise().await;
    let mut arguments = vec!["publish".to_owned()];
    let types = ["Patient", "Observation", "Condition", "MedicationRequest", "Encounter"];
    arguments.extend(types.map(|name| folder.join(format!("{name}.ndjson.gz")).display().to_string()));
    let published = region.run(HOSPITAL, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(matches!(published.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&published.stderr));
    let rows = |sql: &str| {
        let text = region.say(HOSPITAL, &["sql", "--format", "csv", sql]);
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let day = "diabetes_registry_at('2021-05-31')";
    assert_eq!(rows(&format!("SELECT count(*) FROM {day}")), ["120"]);
    let grounds = format!("SELECT g, count(*) FROM (SELECT unnest(diabetes) AS g FROM {day}) GROUP BY g ORDER BY g");
    assert_eq!(rows(&grounds), ["hba1c-twice,13"], "nobody has said yet what the codes of the drugs mean");

    let text = "version: synthea\ndrugs:\n  codes:\n    - { system: rxnorm, code: '860975', classes: [biguanide] }\n    \
                - { system: rxnorm, code: '106892', classes: [insulin] }\n";
    let machine = Rig::system(FacilityId::parse(HOSPITAL).unwrap());
    let definition = wire::v1::Definition {
        facility: HOSPITAL.to_owned(),
        kind: wire::v1::DefinitionKind::Thresholds.into(),
        name: "diabetes".to_owned(),
        text: text.to_owned(),
    };
    let request = wire::v1::PutDefinitionRequest { definition: Some(definition), ..Default::default() };
    let channel = region.rig.channel(&machine).await.unwrap();
    let mut definitions = wire::v1::definition_service_client::DefinitionServiceClient::new(channel);
    let stated = definitions.put_definition(request).await.unwrap().into_inner();
    assert_eq!(stated.version, 1);
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while rows(&grounds).len() < 2 && std::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(rows(&grounds), ["code-and-drug,29", "hba1c-twice,13"]);
    assert_eq!(rows(&format!("SELECT count(*) FROM {day} WHERE diabetes IS NOT NULL")), ["37"]);
    // Urine albumin comes as `mg/g` under a code that says that it is per creatinine, creatinine under the code of whole blood.
    let stages = format!(
        "SELECT nephropathy_2023, nephropathy_2023_absent, nephropathy_2023_note, count(*) FROM {day} WHERE diabetes IS NOT NULL \
         GROUP BY 1, 2, 3 ORDER BY 1"
    );
    assert_eq!(rows(&stages), ["1.0,,,22", "4.0,,,8", ",not-measured,urine-albumin-creatinine,7"]);
    let risks = format!("SELECT ckd_risk, count(*) FROM {day} WHERE diabetes IS NOT NULL GROUP BY 1 ORDER BY 1");
    assert_eq!(rows(&risks), ["green,6", "orange,5", "red,4", "yellow,11", ",11"]);
    // one patient's row is read without anybody else's
    let one = rows("SELECT DISTINCT patient_id FROM laboratory ORDER BY 1 LIMIT 1");
    assert_eq!(rows(&format!("SELECT my_patient_id FROM diabetes_registry WHERE my_patient_id = '{}'", one[0])), one);
}
