//! The adapter over files that nobody on this project wrote: each resource becomes records or a refusal with a
//! reason, and the counts are written out here. What is refused is explained in `docs/fhir-mapping.md`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops where its input is not as it should be, and says when it found none"
)]

use ingest::fhir::{self, Context, Reason, References, Refusal, Resource};
use model::{CodeSystem, DepartmentCode, FacilityId, Label, Labels, Moment, Payload, Record, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// The folder of shared test data: `AJISAI_SHARED_DATA`, or `../shared/data` beside the repository.
fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let folder = root.join("fhir").join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", folder.display());
    None
}

/// The FHIR files under `folder`, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("its entries can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(".json") || path.to_string_lossy().ends_with(".ndjson.gz") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn context() -> Context {
    Context::new(FacilityId::parse("nagasaki-mc").unwrap(), Moment::parse("2026-04-01").unwrap())
}

struct Published {
    resources: BTreeMap<String, usize>,
    records: Vec<Record>,
    refused: Vec<Refusal>,
    references: References,
}

fn publish(folder: &Path) -> Published {
    let files = files(folder);
    let context = context();
    let mut references = References::default();
    for file in &files {
        fhir::open(file).unwrap().flatten().for_each(|resource| references.learn(&resource, &context));
    }
    let mut published = Published { resources: BTreeMap::new(), records: Vec::new(), refused: Vec::new(), references };
    for file in &files {
        for resource in fhir::open(file).unwrap() {
            let kind = resource.as_ref().map_or("?", Resource::resource_type).to_owned();
            *published.resources.entry(kind).or_default() += 1;
            match resource.and_then(|resource| fhir::convert(&resource, &context, &published.references)) {
                Ok(records) => {
                    assert!(!records.is_empty(), "a resource that is not refused makes a record");
                    published.records.extend(records);
                }
                Err(refusal) => published.refused.push(refusal),
            }
        }
    }
    published
}

impl Published {
    /// One line per resource type, then one per refusal, then one per category of record.
    fn table(&self) -> String {
        let mut table = String::new();
        let mut refused: BTreeMap<(&str, Reason, &str), usize> = BTreeMap::new();
        let any_index = |path: &str| path.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        let paths: Vec<String> = self.refused.iter().map(|refusal| any_index(&refusal.path)).collect();
        for (refusal, path) in self.refused.iter().zip(&paths) {
            *refused.entry((refusal.resource, refusal.reason, path)).or_default() += 1;
        }
        for (kind, count) in &self.resources {
            let of_kind: usize =
                refused.iter().filter(|((resource, ..), _)| resource == kind).map(|(_, count)| count).sum();
            table += &format!("{kind}: {count} read, {} taken, {of_kind} refused\n", count - of_kind);
        }
        for ((kind, reason, path), count) in &refused {
            table += &format!("refused {kind} {reason} at {path}: {count}\n");
        }
        let mut categories: BTreeMap<&str, usize> = BTreeMap::new();
        for record in &self.records {
            *categories.entry(record.category().code()).or_default() += 1;
        }
        for (category, count) in &categories {
            table += &format!("records {category}: {count}\n");
        }
        let ids: BTreeSet<String> =
            self.records.iter().map(|record| fhir::event_id(record).unwrap().as_str().to_owned()).collect();
        table
            + &format!(
                "events: {} ({} ids), patients: {}\n",
                self.records.len(),
                ids.len(),
                self.references.numbers().len()
            )
    }
}

#[track_caller]
fn check(folder: &str, expected: &str) {
    let Some(folder) = shared(folder) else { return };
    let published = publish(&folder);
    let table = published.table();
    assert_eq!(table.trim(), expected.trim(), "the table is now:\n{table}");
    // One id is one event: a second sighting must say the same, or the door would refuse it.
    let mut seen: HashMap<String, &Record> = HashMap::new();
    for record in &published.records {
        let id = fhir::event_id(record).unwrap().as_str().to_owned();
        if let Some(earlier) = seen.insert(id, record) {
            assert!(earlier == record, "two events of one id differ, both of category {}", record.category());
        }
    }
}

#[test]
fn synthea_ndjson_becomes_these_records_and_no_others() {
    check(
        "synthea-120",
        "
AllergyIntolerance: 32 read, 32 taken, 0 refused
CarePlan: 419 read, 419 taken, 0 refused
Condition: 1186 read, 1186 taken, 0 refused
DiagnosticReport: 1762 read, 1762 taken, 0 refused
Encounter: 3744 read, 3744 taken, 0 refused
Immunization: 1312 read, 1312 taken, 0 refused
MedicationRequest: 743 read, 743 taken, 0 refused
Observation: 21531 read, 20223 taken, 1308 refused
Organization: 76 read, 0 taken, 76 refused
Patient: 120 read, 120 taken, 0 refused
Practitioner: 76 read, 0 taken, 76 refused
Procedure: 3993 read, 0 taken, 3993 refused
refused Observation unsupported_category at $.category: 1308
refused Organization unsupported_resource at $.resourceType: 76
refused Practitioner unsupported_resource at $.resourceType: 76
refused Procedure unsupported_resource at $.resourceType: 3993
records allergy: 32
records care-plan: 419
records condition: 1186
records document: 1762
records encounter: 3744
records immunization: 1312
records laboratory: 14654
records medication: 743
records patient: 120
records perinatal: 718
records vital-sign: 6662
events: 31352 (31352 ids), patients: 120
",
    );
}

#[test]
fn synthea_bundles_become_these_records_and_no_others() {
    check(
        "synthea-bundles",
        "
CarePlan: 9 read, 9 taken, 0 refused
Claim: 95 read, 0 taken, 95 refused
Condition: 41 read, 41 taken, 0 refused
DiagnosticReport: 44 read, 44 taken, 0 refused
Encounter: 74 read, 74 taken, 0 refused
ExplanationOfBenefit: 74 read, 0 taken, 74 refused
Goal: 15 read, 0 taken, 15 refused
Immunization: 31 read, 31 taken, 0 refused
MedicationRequest: 21 read, 21 taken, 0 refused
Observation: 473 read, 451 taken, 22 refused
Organization: 5 read, 0 taken, 5 refused
Patient: 4 read, 4 taken, 0 refused
Practitioner: 5 read, 0 taken, 5 refused
Procedure: 33 read, 0 taken, 33 refused
refused Claim unsupported_resource at $.resourceType: 95
refused ExplanationOfBenefit unsupported_resource at $.resourceType: 74
refused Goal unsupported_resource at $.resourceType: 15
refused Observation unsupported_category at $.category: 22
refused Organization unsupported_resource at $.resourceType: 5
refused Practitioner unsupported_resource at $.resourceType: 5
refused Procedure unsupported_resource at $.resourceType: 33
records care-plan: 9
records condition: 41
records document: 44
records encounter: 74
records immunization: 31
records laboratory: 338
records medication: 21
records patient: 4
records perinatal: 4
records vital-sign: 135
events: 701 (701 ids), patients: 4
",
    );
}

#[test]
fn jp_clins_becomes_these_records_and_no_others() {
    check(
        "jp-clins",
        "
AllergyIntolerance: 12 read, 12 taken, 0 refused
CarePlan: 2 read, 2 taken, 0 refused
Composition: 6 read, 0 taken, 6 refused
Condition: 25 read, 25 taken, 0 refused
Coverage: 2 read, 0 taken, 2 refused
DocumentReference: 4 read, 3 taken, 1 refused
Encounter: 13 read, 8 taken, 5 refused
MedicationRequest: 17 read, 17 taken, 0 refused
Observation: 55 read, 23 taken, 32 refused
Organization: 18 read, 0 taken, 18 refused
Patient: 10 read, 10 taken, 0 refused
Practitioner: 19 read, 0 taken, 19 refused
Specimen: 2 read, 0 taken, 2 refused
refused Composition unsupported_resource at $.resourceType: 6
refused Coverage unsupported_resource at $.resourceType: 2
refused DocumentReference missing_element at $.subject: 1
refused Encounter missing_element at $.subject: 4
refused Encounter undated at $.period.start: 1
refused Observation unsupported_category at $.category: 32
refused Organization unsupported_resource at $.resourceType: 18
refused Practitioner unsupported_resource at $.resourceType: 19
refused Specimen unsupported_resource at $.resourceType: 2
records allergy: 12
records care-plan: 2
records condition: 25
records document: 3
records encounter: 8
records laboratory: 17
records medication: 17
records patient: 10
records vital-sign: 6
events: 100 (96 ids), patients: 3
",
    );
}

#[test]
fn jp_core_becomes_these_records_and_no_others() {
    check(
        "jp-core",
        "
AllergyIntolerance: 1 read, 1 taken, 0 refused
Condition: 1 read, 1 taken, 0 refused
Coverage: 1 read, 0 taken, 1 refused
DiagnosticReport: 4 read, 4 taken, 0 refused
Encounter: 1 read, 1 taken, 0 refused
Endpoint: 1 read, 0 taken, 1 refused
FamilyMemberHistory: 1 read, 0 taken, 1 refused
ImagingStudy: 2 read, 2 taken, 0 refused
Immunization: 1 read, 1 taken, 0 refused
Location: 3 read, 0 taken, 3 refused
Media: 1 read, 0 taken, 1 refused
Medication: 2 read, 0 taken, 2 refused
MedicationAdministration: 4 read, 0 taken, 4 refused
MedicationDispense: 2 read, 0 taken, 2 refused
MedicationRequest: 4 read, 4 taken, 0 refused
Observation: 5 read, 3 taken, 2 refused
Organization: 4 read, 0 taken, 4 refused
Patient: 1 read, 1 taken, 0 refused
Practitioner: 4 read, 0 taken, 4 refused
PractitionerRole: 1 read, 0 taken, 1 refused
Procedure: 1 read, 0 taken, 1 refused
Specimen: 3 read, 0 taken, 3 refused
refused Coverage unsupported_resource at $.resourceType: 1
refused Endpoint unsupported_resource at $.resourceType: 1
refused FamilyMemberHistory unsupported_resource at $.resourceType: 1
refused Location unsupported_resource at $.resourceType: 3
refused Media unsupported_resource at $.resourceType: 1
refused Medication unsupported_resource at $.resourceType: 2
refused MedicationAdministration unsupported_resource at $.resourceType: 4
refused MedicationDispense unsupported_resource at $.resourceType: 2
refused Observation unsupported_category at $.category: 2
refused Organization unsupported_resource at $.resourceType: 4
refused Practitioner unsupported_resource at $.resourceType: 4
refused PractitionerRole unsupported_resource at $.resourceType: 1
refused Procedure unsupported_resource at $.resourceType: 1
refused Specimen unsupported_resource at $.resourceType: 3
records allergy: 1
records condition: 1
records document: 4
records encounter: 1
records imaging: 2
records immunization: 1
records laboratory: 28
records medication: 5
records patient: 1
records vital-sign: 2
events: 46 (46 ids), patients: 1
",
    );
}

/// The record of one id in a folder; `None` when the folder was not found.
fn record(folder: &str, id: &str) -> Option<Record> {
    let published = publish(&shared(folder)?);
    Some(published.records.into_iter().find(|record| record.id.as_str() == id).expect("the record is there"))
}

#[test]
fn an_albumin_of_jp_clins_keeps_code_specimen_department_label_and_patient() {
    let Some(record) = record("jp-clins", "Observation/Example-JP-Obs-LabResult-eCS-Alb") else { return };
    let Some(Payload::Laboratory(result)) = record.payload() else { panic!("a laboratory result") };
    assert_eq!((&result.code.system, result.code.code.as_str()), (&CodeSystem::Jlac10, "3A015000001827101"));
    assert_eq!(result.value, Value::Quantity { value: 3.9, unit: "mg/L".to_owned(), comparator: String::new() });
    assert_eq!(result.specimen, "023");
    assert_eq!(record.occurred, Moment::parse("2021-07-05T11:19:41+09:00").unwrap());
    assert_eq!(record.recorded, Moment::parse("2021-07-05T15:38:59+09:00").unwrap());
    assert_eq!(record.labels, Labels::of(Label::Lts));
    assert_eq!(record.department.as_ref().map(DepartmentCode::as_str), Some("08"));
    assert_eq!(record.patient.number().as_str(), "000999739");
}

#[test]
fn a_cancer_the_patient_has_not_been_told_of_carries_the_national_tag() {
    let Some(record) = record("jp-clins", "Condition/Example-JP-Condition-eCS-02") else { return };
    assert_eq!(record.labels, Labels::of(Label::Lts).with(Label::Uninformed));
    let Some(Payload::Condition(condition)) = record.payload() else { panic!("a condition") };
    assert_eq!((&condition.code.system, condition.code.code.as_str()), (&CodeSystem::Icd10, "C169"));
}

#[test]
fn each_refusal_of_a_supported_type_names_element_and_rule() {
    for folder in ["synthea-120", "synthea-bundles", "jp-clins", "jp-core"] {
        let Some(folder) = shared(folder) else { return };
        for refusal in publish(&folder).refused {
            assert!(refusal.path.starts_with('$') && !refusal.rule.is_empty(), "{refusal}");
            assert_ne!(refusal.resource, "?", "{refusal}");
        }
    }
}

#[test]
fn every_record_passes_the_door_of_the_wire_unchanged() {
    for folder in ["synthea-120", "jp-clins", "jp-core"] {
        let Some(folder) = shared(folder) else { return };
        for record in publish(&folder).records {
            let category = record.category();
            let event = fhir::event(record, context().received).unwrap();
            let sent = wire::v1::Event::from(&event);
            let admitted = model::Event::try_from(sent).unwrap_or_else(|refusal| panic!("{category}: {refusal}"));
            assert!(admitted == event, "a {category} changed on its way");
        }
    }
}
