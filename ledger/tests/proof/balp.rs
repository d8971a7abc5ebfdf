//! The export has the shapes of IHE's own examples.

use crate::world::*;
use ledger::*;
use model::*;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn systems() -> Systems {
    Systems::under("https://ajisai.example/", "ajisai-n1")
}

/// IHE's examples: `AJISAI_SHARED_DATA`, or `../shared/data` beside the repository.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the ledger does no I/O; this test reads examples, and says when there are none"
)]
fn examples() -> Vec<Value> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let folder = root.join("fhir/audit-event-examples");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", folder.display());
        return Vec::new();
    };
    let read = files.map(|file| serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap());
    read.filter(|resource: &Value| resource["resourceType"] == "AuditEvent").collect()
}

fn profile(event: &Value) -> Option<&str> {
    event["meta"]["profile"][0].as_str()
}

/// `system|code` of codings below a value, at any depth.
fn codes(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let (Some(system), Some(code)) = (fields.get("system"), fields.get("code")) {
                into.insert(format!("{}|{}", system.as_str().unwrap(), code.as_str().unwrap()));
            }
            fields.values().for_each(|value| codes(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| codes(value, into)),
        _ => {}
    }
}
fn codes_of(event: &Value, field: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    codes(&event[field], &mut found);
    found
}

/// Codes that IHE's examples of disclosures share because they tell one story: a patient's advocate reads a report.
const STORY: &[&str] = &["http://snomed.info/sct|429577009", "http://hl7.org/fhir/restful-interaction|read"];

/// What R4 requires of every AuditEvent, and what BALP requires of those that claim a profile.
fn check_shape(event: &Value) {
    assert_eq!(event["resourceType"], "AuditEvent");
    assert!(event["type"]["system"].is_string() && event["type"]["code"].is_string());
    assert!(["C", "R", "U", "D", "E"].contains(&event["action"].as_str().unwrap()));
    assert!(["0", "4", "8", "12"].contains(&event["outcome"].as_str().unwrap()));
    for moment in [&event["recorded"], &event["period"]["start"], &event["period"]["end"]] {
        assert!(Moment::parse(moment.as_str().unwrap()).is_ok());
    }
    assert!(event["source"]["observer"].is_object());
    let agents = event["agent"].as_array().unwrap();
    assert!(agents.iter().all(|agent| agent["requestor"].is_boolean() && agent["who"].is_object()));
    assert_eq!(agents.iter().filter(|agent| agent["requestor"] == true).count(), 1, "one asked");
    for entity in event["entity"].as_array().unwrap() {
        assert!(entity["type"]["code"].is_string());
        assert!(entity["what"].is_object() || entity["query"].is_string());
        // R4 sev-1: never both a name and a query.
        assert!(!(entity["name"].is_string() && entity["query"].is_string()));
        for detail in entity["detail"].as_array().unwrap_or(&Vec::new()) {
            assert!(detail["type"].is_string() && detail["valueString"].is_string());
        }
    }
}

fn of_act(what: What, with_rows: bool) -> Vec<Value> {
    let mut entry = a_query();
    entry.event.what = what;
    if !with_rows {
        entry.event.shown = Shown::default();
    }
    audit_events(17, &entry, &names(), &systems())
}

fn acts() -> BTreeMap<&'static str, What> {
    let (statement, seen) = (Digest::from_bytes([3; 32]), Frontier::start());
    let since = Frontier::start();
    let receipt = Receipt {
        consent: ConsentId::parse("c-1").unwrap(),
        patient: patient("nmc", "00012345"),
        position: Position::new(1, 1),
        withdrawn_at: moment(0),
        hidden: BTreeMap::new(),
        queries_passed: None,
        feeds_passed: None,
        exports_passed: None,
    };
    let all = [
        What::Query { statement, seen: seen.clone() },
        What::MachinePull { statement, seen: seen.clone() },
        What::Export { statement, seen: seen.clone() },
        What::BreakGlass { reason: statement, seen: seen.clone() },
        What::Feed { statement, since: since.clone(), seen: seen.clone(), seconds: 60 },
        What::Disclosure { since, seen },
        What::Receipt(Box::new(receipt)),
    ];
    all.into_iter().map(|what| (what.act().code(), what)).collect()
}

/// Every code that all of IHE's examples of a profile agree on in type, subtype, agents and entities, ours has too,
/// and our action is one of theirs.
#[test]
fn each_profile_has_what_all_of_ihes_examples_of_it_have() {
    let examples = examples();
    if examples.is_empty() {
        return;
    }
    let mut compared = BTreeSet::new();
    for (act, what) in acts() {
        for with_rows in [true, false] {
            for event in of_act(what.clone(), with_rows) {
                let Some(claimed) = profile(&event) else { continue };
                let alike: Vec<&Value> = examples.iter().filter(|example| profile(example) == Some(claimed)).collect();
                assert!(!alike.is_empty(), "{act} claims {claimed}, of which IHE has no example");
                for field in ["type", "subtype", "agent", "entity"] {
                    let mut common = codes_of(alike[0], field);
                    if claimed.ends_with("PrivacyDisclosure.Source") {
                        common.retain(|code| !STORY.contains(&code.as_str()));
                    }
                    for example in &alike[1..] {
                        let theirs = codes_of(example, field);
                        common.retain(|code| theirs.contains(code));
                    }
                    let ours = codes_of(&event, field);
                    let missing: Vec<&String> = common.difference(&ours).collect();
                    assert!(missing.is_empty(), "{act} as {claimed}: `{field}` lacks {missing:?}");
                }
                let actions: BTreeSet<&str> = alike.iter().map(|example| example["action"].as_str().unwrap()).collect();
                assert!(actions.contains(event["action"].as_str().unwrap()), "{act} as {claimed}: action");
                compared.insert(claimed.rsplit("IHE.").next().unwrap().to_owned());
            }
        }
    }
    let expected = [
        "BasicAudit.PatientQuery",
        "BasicAudit.PatientRead",
        "BasicAudit.PatientUpdate",
        "BasicAudit.PrivacyDisclosure.Source",
        "BasicAudit.Query",
        "BasicAudit.Read",
    ];
    assert_eq!(compared.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

/// The checks themselves hold for IHE's examples, so that they ask nothing of ours that IHE does not do.
#[test]
fn the_checks_hold_for_ihes_own_examples() {
    for example in examples().iter().filter(|example| example["entity"].is_array() && example["outcome"].is_string()) {
        assert!(example["type"]["code"].is_string());
        assert!(example["agent"].as_array().unwrap().iter().all(|agent| agent["requestor"].is_boolean()));
        assert!(Moment::parse(example["recorded"].as_str().unwrap()).is_ok());
    }
}

#[test]
fn there_is_one_event_for_each_patient_with_that_patients_rows_alone() {
    let events = of_act(acts()["query"].clone(), true);
    assert_eq!(events.len(), 2);
    let patients: Vec<(&str, &str, usize)> = events
        .iter()
        .map(|event| {
            let person = event["entity"].as_array().unwrap().iter().find(|e| e["role"]["code"] == "1").unwrap();
            let identifier = &person["what"]["identifier"];
            let rows = person["detail"].as_array().unwrap().len();
            (identifier["system"].as_str().unwrap(), identifier["value"].as_str().unwrap(), rows)
        })
        .collect();
    let system = "https://ajisai.example/patient-number/nmc";
    assert_eq!(patients, [(system, "00012345", 2), (system, "00067890", 1)]);
    let without = of_act(acts()["query"].clone(), false);
    assert_eq!(without.len(), 1);
    assert_eq!(profile(&without[0]).unwrap().rsplit('.').next(), Some("Query"));
}

proptest! {
    #[test]
    fn every_entry_has_the_shape_of_an_audit_event(event in an_event(), index in any::<u64>()) {
        let entry = Entry { position: Position::new(0, 1), event };
        let events = audit_events(index, &entry, &names(), &systems());
        prop_assert_eq!(events.len(), entry.event.patients().count().max(1));
        events.iter().for_each(check_shape);
    }
}
