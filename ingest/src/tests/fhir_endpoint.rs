//! `POST /fhir` as callers meet it, over a log in memory.

use super::fixture::*;
use crate::fhir::endpoint::{Endpoint, router};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use model::Principal;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use tower::ServiceExt as _;

fn patient(number: &str) -> Value {
    json!({"resourceType": "Patient", "id": number, "birthDate": "1970-01-01",
        "identifier": [{"system": "urn:oid:1.2.392.100495.20.3.51.14210000000", "value": number}]})
}
fn condition(id: &str, whose: &str) -> Value {
    json!({"resourceType": "Condition", "id": id, "subject": {"reference": format!("Patient/{whose}")},
        "code": {"text": "2型糖尿病"}, "onsetDateTime": "2018"})
}
fn bundle(kind: &str, resources: &[Value]) -> String {
    let entries: Vec<Value> = resources.iter().map(|resource| json!({"resource": resource})).collect();
    json!({"resourceType": "Bundle", "type": kind, "entry": entries}).to_string()
}

async fn post(house: &House, caller: Option<Principal>, kind: &str, body: String) -> (StatusCode, Value) {
    post_to(Endpoint::of(&house.admission, HashMap::new(), 100_000), caller, kind, body).await
}

async fn post_to(endpoint: Endpoint, caller: Option<Principal>, kind: &str, body: String) -> (StatusCode, Value) {
    let mut request = Request::post("/fhir").header("content-type", kind).body(Body::from(body)).unwrap();
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    let response = router(endpoint).oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

const FHIR: &str = "application/fhir+json; charset=utf-8";

#[tokio::test]
async fn a_collection_is_taken_and_again_is_the_same_events() {
    let house = house().await;
    let body = bundle("collection", &[patient("1"), condition("c1", "1")]);
    for _ in 0..2 {
        let (status, outcome) = post(&house, Some(hospital()), FHIR, body.clone()).await;
        assert_eq!((status, outcome["issue"][0]["severity"].as_str()), (StatusCode::OK, Some("information")));
        assert_eq!(letters(&house.log).await, 2);
    }
}

#[tokio::test]
async fn a_transaction_is_taken_whole_or_not_at_all() {
    let house = house().await;
    let bad = bundle("transaction", &[patient("1"), condition("c1", "1"), condition("c2", "nobody")]);
    let (status, outcome) = post(&house, Some(hospital()), FHIR, bad).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let issue = &outcome["issue"][0];
    assert_eq!(
        (issue["code"].as_str(), issue["details"]["text"].as_str()),
        (Some("not-found"), Some("unknown_patient"))
    );
    assert_eq!(issue["expression"][0].as_str(), Some("Condition.subject"));
    assert_eq!((letters(&house.log).await, house.admission.quarantined().events), (0, 0));
    let (status, answer) =
        post(&house, Some(hospital()), FHIR, bundle("transaction", &[patient("1"), condition("c1", "1")])).await;
    assert_eq!((status, answer["type"].as_str()), (StatusCode::OK, Some("transaction-response")));
    assert_eq!(answer["entry"].as_array().unwrap().len(), 2);
    assert_eq!(letters(&house.log).await, 2);
}

#[tokio::test]
async fn a_batch_says_of_each_entry_what_became_of_it() {
    let house = house().await;
    let (status, answer) =
        post(&house, Some(hospital()), FHIR, bundle("batch", &[patient("1"), condition("c2", "nobody")])).await;
    assert_eq!((status, answer["type"].as_str()), (StatusCode::OK, Some("batch-response")));
    let statuses: Vec<&str> =
        answer["entry"].as_array().unwrap().iter().map(|entry| entry["response"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["200 OK", "422 Unprocessable Entity"]);
    assert_eq!((letters(&house.log).await, house.admission.quarantined().events), (1, 1));
}

#[tokio::test]
async fn lines_are_taken_one_by_one() {
    let house = house().await;
    let body = format!("{}\nnot json\n{}\n", patient("1"), condition("c1", "1"));
    let (status, outcome) = post(&house, Some(hospital()), "application/fhir+ndjson", body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(outcome["issue"].as_array().unwrap().len(), 1);
    assert_eq!(outcome["issue"][0]["code"].as_str(), Some("structure"));
    assert_eq!(letters(&house.log).await, 2);
}

#[tokio::test]
async fn who_is_not_known_or_sends_something_else_is_told_so() {
    let house = house().await;
    let body = bundle("collection", &[patient("1")]);
    assert_eq!(post(&house, None, FHIR, body.clone()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&house, Some(hospital()), "text/xml", body.clone()).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(post(&house, Some(hospital()), FHIR, "x".repeat(100_001)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(post(&house, Some(hospital()), FHIR, String::new()).await.0, StatusCode::BAD_REQUEST);
    house.admission.stop();
    let (status, outcome) = post(&house, Some(hospital()), FHIR, body).await;
    assert_eq!((status, outcome["issue"][0]["code"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("transient")));
    assert_eq!(letters(&house.log).await, 0);
}

#[tokio::test]
async fn a_role_that_sends_no_events_is_refused_and_nothing_is_kept() {
    let house = house().await;
    let auditor = Principal { role: model::Role::Auditor, ..hospital() };
    let body = bundle("collection", &[patient("1"), condition("c1", "nobody")]);
    let (status, outcome) = post(&house, Some(auditor), FHIR, body).await;
    assert_eq!((status, outcome["issue"][0]["code"].as_str()), (StatusCode::FORBIDDEN, Some("forbidden")));
    assert_eq!((letters(&house.log).await, house.admission.quarantined().events), (0, 0));
}

#[tokio::test]
async fn what_is_taken_or_kept_aside_is_counted_once_and_a_refused_transaction_is_not() {
    let house = house().await;
    let book = crate::completeness::FeedBook::open(&house.directory.path().join("feeds"), clock()).unwrap();
    let book = Arc::new(book);
    house.admission.account_for(Arc::clone(&book));
    let count = || {
        let page = crate::completeness::Page { skip: 0, limit: 10 };
        let days = book.days(&facility("hospital"), "fhir", page).unwrap();
        days.iter().map(|day| (day.offered, day.dealt_with, day.missing)).collect::<Vec<_>>()
    };
    let resources = [patient("1"), condition("c1", "1"), condition("c2", "nobody")];
    post(&house, Some(hospital()), FHIR, bundle("transaction", &resources)).await;
    assert_eq!(count(), []);
    for _ in 0..2 {
        post(&house, Some(hospital()), FHIR, bundle("collection", &resources)).await;
        assert_eq!(count(), [(3, 3, 0)]);
    }
}

#[tokio::test]
async fn what_is_only_read_for_others_is_no_refusal_and_a_fact_without_a_category_is_one() {
    let house = house().await;
    let organisation = json!({"resourceType": "Organization", "id": "o1", "name": "見本病院"});
    let body = bundle("transaction", &[patient("1"), condition("c1", "1"), organisation.clone()]);
    let (status, answer) = post(&house, Some(hospital()), FHIR, body).await;
    assert_eq!((status, answer["entry"].as_array().map(Vec::len)), (StatusCode::OK, Some(3)));
    assert_eq!((letters(&house.log).await, house.admission.quarantined().events), (2, 0));
    let (status, outcome) =
        post(&house, Some(hospital()), FHIR, bundle("collection", &[patient("1"), organisation])).await;
    let said = outcome["issue"][0]["diagnostics"].as_str();
    assert_eq!((status, said), (StatusCode::OK, Some("resources taken: 1, read for others: 1")));
    // A procedure is a fact of the patient that has no place here: it is said, and kept.
    let procedure = json!({"resourceType": "Procedure", "id": "p1", "subject": {"reference": "Patient/1"}});
    let (status, outcome) =
        post(&house, Some(hospital()), FHIR, bundle("collection", &[patient("1"), procedure])).await;
    assert_eq!(
        (status, outcome["issue"][0]["code"].as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, Some("not-supported"))
    );
    assert_eq!(house.admission.quarantined().events, 1);
}

const HOSPITAL_NO: &str = "4210000000";
const CLINIC_NO: &str = "4219999999";
const INSTITUTION: &str = "http://jpfhir.jp/fhir/core/IdSystem/insurance-medical-institution-no";

/// A patient whose number stands under an institution's system.
fn patient_of(institution: &str, number: &str) -> Value {
    let system = format!("urn:oid:1.2.392.100495.20.3.51.1{institution}");
    json!({"resourceType": "Patient", "id": format!("p{number}"), "birthDate": "1970-01-01",
        "identifier": [{"system": system, "value": number}]})
}
fn organisation(institution: &str) -> Value {
    json!({"resourceType": "Organization", "id": format!("o{institution}"),
        "identifier": [{"system": INSTITUTION, "value": institution}]})
}
fn with(mut resource: Value, key: &str, value: Value) -> Value {
    resource.as_object_mut().unwrap().insert(key.to_owned(), value);
    resource
}
fn at(institution: &str) -> Value {
    json!({"reference": format!("Organization/o{institution}")})
}
fn from(institution: &str) -> Value {
    json!([{"url": "http://jpfhir.jp/fhir/eCS/Extension/StructureDefinition/JP_eCS_InstitutionNumber",
        "valueIdentifier": {"system": INSTITUTION, "value": institution}}])
}

/// Two facilities send to one endpoint, told apart by who authenticated, each with its own institution number.
#[tokio::test]
async fn what_names_another_institution_than_the_senders_is_refused_and_kept() {
    let house = house().await;
    let read = |who: &Principal, institution: &str| {
        let institutions = [institution.to_owned()].into();
        let context = crate::fhir::Context { institutions, ..crate::fhir::Context::new(who.facility.clone(), now()) };
        (who.facility.clone(), context)
    };
    let clinic = Principal { facility: facility("clinic"), ..hospital() };
    let contexts: HashMap<_, _> = [read(&hospital(), HOSPITAL_NO), read(&clinic, CLINIC_NO)].into();
    let endpoint = Endpoint::of(&house.admission, contexts, 100_000);
    let post = async |who: &Principal, kind: &str, body: String| {
        post_to(endpoint.clone(), Some(who.clone()), kind, body).await
    };
    let encounter = |serves: &str| {
        json!({"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"},
            "subject": {"reference": "Patient/p1"}, "period": {"start": "2026-04-01"}, "serviceProvider": at(serves)})
    };
    let whole = |no: &str| {
        bundle(
            "collection",
            &[
                with(patient_of(no, "1"), "managingOrganization", at(no)),
                with(condition("c1", "p1"), "extension", from(no)),
                encounter(no),
                // Who examined may be anybody.
                with(condition("c2", "p1"), "asserter", at("1111111111")),
                organisation(no),
                organisation("1111111111"),
            ],
        )
    };
    // The same ids and numbers from both: two patients, and nothing of one under the other.
    for (who, no) in [(hospital(), HOSPITAL_NO), (clinic.clone(), CLINIC_NO)] {
        let (status, outcome) = post(&who, FHIR, whole(no)).await;
        assert_eq!(status, StatusCode::OK, "{outcome:#}");
    }
    assert_eq!(letters(&house.log).await, 8);
    let sources: Vec<_> = super::storages::records(&house).await.iter().map(|r| r.patient.facility().clone()).collect();
    assert_eq!(sources.iter().filter(|source| **source == clinic.facility).count(), 4);

    // The clinic's, sent by the hospital: everything of it that is a fact is refused, and in the hospital's quarantine.
    let refused = |outcome: &Value| {
        let issues = outcome["issue"].as_array().unwrap().iter();
        let said = |issue: &Value| {
            assert_eq!(issue["details"]["text"], "other_institution", "{issue:#}");
            issue["expression"][0].as_str().unwrap().to_owned()
        };
        issues.map(said).collect::<Vec<_>>()
    };
    let (status, outcome) = post(&hospital(), FHIR, whole(CLINIC_NO)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let everything =
        ["Patient.managingOrganization", "Condition.extension", "Encounter.serviceProvider", "Condition.subject"];
    assert_eq!(refused(&outcome), everything);
    let (own, its) = (hospital().facility, clinic.facility.clone());
    let quarantine = house.admission.quarantine();
    assert_eq!((quarantine.list(&own, "", 10).unwrap().len(), quarantine.list(&its, "", 10).unwrap().len()), (4, 0));

    // By lines, each by what it says alone; a number under another institution's system does not fall back to the id.
    let alone = [
        (vec![patient_of(CLINIC_NO, "2"), condition("c3", "p2")], vec!["Patient.identifier", "Condition.subject"]),
        (
            vec![
                with(patient("3"), "managingOrganization", at(CLINIC_NO)),
                organisation(CLINIC_NO),
                condition("c4", "3"),
            ],
            vec!["Patient.managingOrganization", "Condition.subject"],
        ),
        (
            vec![with(
                patient("4"),
                "managingOrganization",
                json!({"identifier": {"system": "urn:ajisai:facility", "value": "clinic"}}),
            )],
            vec!["Patient.managingOrganization"],
        ),
    ];
    for (lines, places) in alone {
        let body = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let (status, outcome) = post(&hospital(), "application/fhir+ndjson", body).await;
        assert_eq!(
            (status, refused(&outcome)),
            (StatusCode::UNPROCESSABLE_ENTITY, places.iter().map(|at| (*at).to_owned()).collect())
        );
    }
    // A document of another's is another's, whatever is in it.
    let composition = json!({"resourceType": "Composition", "id": "d1", "custodian": at(CLINIC_NO)});
    let document = bundle("document", &[composition, patient("5"), organisation(CLINIC_NO)]);
    let (status, outcome) = post(&hospital(), FHIR, document).await;
    assert_eq!((status, refused(&outcome)), (StatusCode::UNPROCESSABLE_ENTITY, vec!["Patient".to_owned()]));
    assert_eq!(letters(&house.log).await, 8, "nothing of another's is in the log");
}
