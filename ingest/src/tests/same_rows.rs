//! The same patients, once as an SS-MIX2 storage and once as their hospital's FHIR export: the laboratory rows are the same.

mod export;

use super::fixture::*;
use super::storages::{load, records, sample};
use crate::fhir::endpoint::{Endpoint, router};
use crate::ss_mix2::OtherPatient;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use clinical::lab::{
    CodeText, CriticalTable, LabInput, LabRow, Patient, Site, UnitSpellings, Written, WrittenInterval, read_result,
};
use export::{Style, resources, text_of};
use model::*;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use tower::ServiceExt as _;

/// All that a laboratory row says, but for what each way in must have of its own: the record's id, version and event id (they
/// come from the source's), and which system of its own a local code is of (HL7 v2 has no owner for `99…`, FHIR has an URI).
#[derive(Debug, PartialEq)]
struct Row {
    patient: PatientRef,
    order: String,
    code: (CodeSystem, String, String),
    value: Value,
    interval: (Option<f64>, Option<f64>),
    flag: String,
    specimen: String,
    status: LabStatus,
    change: ChangeKind,
    times: (Moment, Moment),
    department: Option<DepartmentCode>,
    labels: Labels,
    /// Typed value, normalised unit, interval, flag, doubts: what the tables show.
    read: LabRow,
    /// The same in words, since what may name somebody has no `Debug`.
    shown: String,
}

impl Row {
    fn of(record: &Record, site: &Site<'_>) -> Option<Self> {
        let Some(Payload::Laboratory(result)) = record.payload() else { return None };
        let code = match &result.code.system {
            CodeSystem::Jlac10 => CodeText::Jlac10(&result.code.code),
            CodeSystem::Loinc => CodeText::Loinc(&result.code.code),
            _ => CodeText::Local(&result.code.code),
        };
        let (value, unit) = match &result.value {
            Value::Quantity { value, unit, comparator } => (Written::Number(comparator, *value), unit.as_str()),
            Value::Text(text) => (Written::Text(text), ""),
            Value::Coded(coding) if coding.display.is_empty() => (Written::Text(&coding.code), ""),
            Value::Coded(coding) => (Written::Text(&coding.display), ""),
            Value::Absent(_) => (Written::Absent, ""),
        };
        let read = read_result(
            &LabInput {
                code,
                specimen: &result.specimen,
                value,
                unit,
                interval: WrittenInterval::Bounds(result.reference_low, result.reference_high),
                flag: &result.flag,
                patient: Patient { sex: None, age: None },
            },
            site,
        );
        let system = match &result.code.system {
            CodeSystem::Other(_) | CodeSystem::Local => CodeSystem::Local,
            known => known.clone(),
        };
        Some(Self {
            patient: record.patient.clone(),
            order: result.order.clone(),
            code: (system, result.code.code.clone(), result.code.display.clone()),
            value: without_system(&result.value),
            interval: (result.reference_low, result.reference_high),
            flag: result.flag.clone(),
            specimen: result.specimen.clone(),
            status: result.status,
            change: record.change(),
            times: (record.occurred, record.recorded),
            department: record.department.clone(),
            labels: record.labels,
            shown: format!("{:?} {:?} {:?}", read.value.value, read.normalised, read.doubts),
            read,
        })
    }
    /// What tells the rows of a patient apart, whichever way they came.
    fn place(&self) -> String {
        let (number, (at, _)) = (self.patient.number().as_str(), self.times);
        format!("{number} {} {:?} {} {}", self.order, self.code, self.specimen, at.micros())
    }
}

fn without_system(value: &Value) -> Value {
    match value {
        Value::Coded(Coding { system: CodeSystem::Other(_), code, display }) => {
            Value::Coded(Coding { system: CodeSystem::Local, code: code.clone(), display: display.clone() })
        }
        other => other.clone(),
    }
}

/// The rows of what stands: the last version of each record.
fn rows(records: &[Record]) -> BTreeMap<String, Vec<Row>> {
    let mut standing: HashMap<&RecordId, &Record> = HashMap::new();
    for record in records {
        let last = standing.entry(&record.id).or_insert(record);
        if record.version > last.version {
            *last = record;
        }
    }
    let critical = CriticalTable::shipped();
    let site = Site {
        map: None,
        spellings: UnitSpellings::shipped(),
        intervals: None,
        critical: &critical,
        blank_flag_is_normal: false,
    };
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in standing.into_values().filter_map(|record| Row::of(record, &site)) {
        rows.entry(row.place()).or_default().push(row);
    }
    rows
}

/// The files of a storage that hold laboratory results, with the patients whose folders they lie in.
fn files(root: &Path) -> Vec<(String, PathBuf)> {
    let (mut found, mut next) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = next.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match path.is_dir() {
                true => next.push(path),
                // A superseded or deleted file is not what the hospital says now.
                false if ["_OML-11_", "_ADT-00_"].iter().any(|kind| name.contains(kind)) && name.ends_with("_1") => {
                    found.push((name.split('_').next().unwrap().to_owned(), path));
                }
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// A body of the hospital's own system.
pub(super) async fn post(house: &House, kind: &str, body: String) -> (StatusCode, Json) {
    let endpoint = Endpoint::of(&house.admission, HashMap::new(), 8 << 20);
    let mut request = Request::post("/fhir").header("content-type", kind).body(Body::from(body)).unwrap();
    request.extensions_mut().insert(hospital());
    let response = router(endpoint).oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 8 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

/// How the export travels.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Travel {
    /// One Bundle for each file.
    Bundles,
    /// One body of lines, each resource by itself, results before those they refer to.
    Lines,
}

/// The export through `POST /fhir`, and what the log holds then.
async fn exported(root: &Path, style: Style, travel: Travel) -> Vec<Record> {
    let house = house().await;
    let mut lines = Vec::new();
    for (number, file) in files(root) {
        let all = resources(&text_of(&std::fs::read(file).unwrap()), &number, style);
        if travel == Travel::Lines {
            lines.extend(all.iter().rev().map(Json::to_string));
            continue;
        }
        let entries: Vec<Json> = all.into_iter().map(|resource| json!({"resource": resource})).collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        let (status, outcome) = post(&house, "application/fhir+json", bundle.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{outcome}");
    }
    if !lines.is_empty() {
        let (status, outcome) = post(&house, "application/fhir+ndjson", lines.join("\n")).await;
        assert_eq!(status, StatusCode::OK, "{outcome}");
    }
    assert_eq!(house.admission.quarantined().events, 0);
    records(&house).await
}

const STYLES: [Style; 2] = [
    Style { intervals_as_text: false, local_codes_first: false },
    Style { intervals_as_text: true, local_codes_first: true },
];

/// Both ways, compared row by row and field by field; how many rows.
async fn compare(root: PathBuf) -> usize {
    let storage = rows(&load(root.clone(), OtherPatient::TakePath).await.records);
    for style in STYLES {
        for travel in [Travel::Bundles, Travel::Lines] {
            let export = rows(&exported(&root, style, travel).await);
            let places = |rows: &BTreeMap<String, Vec<Row>>| rows.keys().cloned().collect::<Vec<_>>();
            assert_eq!(places(&export), places(&storage), "{style:?} {travel:?}");
            for (by_storage, by_export) in storage.values().zip(export.values()) {
                assert_eq!(by_export, by_storage, "{style:?} {travel:?}");
            }
        }
    }
    storage.values().map(Vec::len).sum()
}

/// The line of docs/inputs.md that says how many rows were compared.
fn is_written_down(storage: &str, rows: usize) {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/inputs.md")).unwrap();
    let line = format!("| {storage} | {rows} | 0 |\n");
    assert!(page.contains(&line), "docs/inputs.md does not say {line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_five_patients_have_the_same_rows_either_way() {
    let Some(root) = sample("five-patients/ssmix2_root") else { return };
    is_written_down("five-patients", compare(root).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nho_sample_has_the_same_rows_either_way() {
    let Some(root) = sample("nho-sample") else { return };
    is_written_down("nho-sample, by path", compare(root).await);
}

/// What the samples do not have: dirty values, units and intervals of every spelling, flags, each status, two codes, no
/// times of its own, another's department.
#[tokio::test(flavor = "multi_thread")]
async fn awkward_results_have_the_same_rows_either_way() {
    const RESULTS: [&str; 18] = [
        "OBX|1|NM|3A010000002327101^総蛋白^JC10||7.20|g/dl^g/dl^99XYZ|6.70-8.3|N|||F|||202512200815",
        "OBX|2|NM|3D010000002227201^グルコース^JC10||600|mg/dL^mg/dL^99XYZ|70-109|HH|||F",
        "OBX|3|ST|5C070000002306201^CRP^JC10||100<|mg/L^mg/L^99XYZ|<3.0|H|||F",
        "OBX|4|NM|5C215000002305101^プロカルシトニン^JC10||＜0.5|ng/mL^ng/mL^99XYZ|０．０～０．５||||F",
        "OBX|5|ST|1A010000000190111^尿蛋白^JC10||1+||(-)|A|||F",
        "OBX|6|NM|2A010000001930101^白血球数^JC10||5.2|10*3/uL^10*3/uL^99XYZ|3.3-8.6||||P",
        "OBX|7|NM|2A050000001930101^血小板数^JC10||21.5|10*4/uL^10*4/uL^99XYZ|15.8~34.8||||C",
        "OBX|8|NM|3H015000002326101^カリウム^JC10|||mmol/L^mmol/L^99XYZ|3.6-4.8||||X",
        "OBX|9|NM|3H010000002326101^ナトリウム^JC10|||mmol/L^mmol/L^99XYZ|138-145||||P",
        "OBX|10|SN|3F050000002327101^コレステロール^JC10||>^500|mg/dL^mg/dL^99XYZ|142-248|H|||F",
        "OBX|11|SN|5E075000002316111^抗体^JC10||^1^:^128||||||F",
        "OBX|12|SN|1A105000000190113^沈渣^JC10||^5^-^10||||||F",
        "OBX|13|CWE|5H010000001920160^ABO血液型^JC10||A^A型^99BLD||||||F",
        "OBX|14|ST|99123^特殊検査^99LAB||判定保留||||||F",
        "OBX|15|NM|3C015000002327101^クレアチニン^JC10^CRE^クレアチニン^99LAB||0.61|mg/dL^mg/dL^99XYZ|≧0.46||||F",
        "OBX|16|NM|718-7^Hemoglobin^LN||13.2|g/dL^g/dL^99XYZ|11.6-14.8||||F|||20251220",
        "OBX|17|NM|3B035000002327201^AST^JC10||15.50|U/L^U/L^99XYZ|[13 - 30]|L|||F",
        "OBX|18|NM|4A055000002305301^TSH^JC10||1.35|u[IU]/mL^u[IU]/mL^99XYZ|0.5 -5.0||||F",
    ];
    let directory = tempfile::tempdir().unwrap();
    let order = "000000000000042";
    let folder = directory.path().join("123/456/1234567/20251220/OML-11");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "MSH|^~\\&|HIS|HOSP|GW|RCV|20251220130652.00||OUL^R22^OUL_R22|42|P|2.5||||||~ISO IR87||ISO 2022-1994|SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r\
         PID|0001||1234567^^^^PI||見本^花子^^^^^L^I~ミホン^ハナコ^^^^^L^P||19640411|F\r\
         PV1|0001|O|052^^^^^C\r\
         SPM|1|1||023^血清^JC10|||||||||||||202512200830\r\
         OBR|1|{order}|9|E001^検査^99O03|||202512200900|||||||||||||||20251220121500\r\
         ORC|SC|{order}|9||CM||||20251220||||||||01^内科^99XY1\r\
         {}\r\
         SPM|2|2||001^尿^JC10\r\
         OBR|2|{order}|9|E002^尿検査^99O03|||202512200900|||||||||||||||20251220121500\r\
         ORC|SC|{order}|9||CM||||20251220\r\
         OBX|1|ST|1A020000000190111^尿糖^JC10||(2+)||（－）|A|||F\r",
        RESULTS.join("\r")
    );
    let bytes = hl7v2::Charset::Iso2022Jp.encode(&text);
    std::fs::write(folder.join(format!("1234567_20251220_OML-11_{order}_20251220130652000_01_1")), bytes).unwrap();
    let rows = compare(directory.path().to_owned()).await;
    assert_eq!(rows, 19);
    let what =
        "awkward results of our own: dirty values, units and intervals, flags, every status, two codes, no times";
    is_written_down(what, rows);
}
