//! What `POST /fhir` keeps aside is read anew after an edit, whose it was and under which labels included.

use super::fixture::*;
use super::same_rows::post;
use super::storages::records;
use crate::service::Ingest;
use axum::http::StatusCode;
use model::{Label, Labels, Payload};
use serde_json::{Value, json};
use std::sync::Arc;
use tonic::Request;
use wire::v1;
use wire::v1::ingest_service_server::IngestService as _;
use wire::v1::replay_quarantined_response::Outcome;

fn ask_for<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(hospital());
    request
}

async fn kept(house: &House) -> Vec<v1::Quarantined> {
    let service = Ingest::new(Arc::clone(&house.admission));
    service.list_quarantined(ask_for(Default::default())).await.unwrap().into_inner().events
}

async fn bytes_of(house: &House, id: &str) -> Vec<u8> {
    let service = Ingest::new(Arc::clone(&house.admission));
    let wanted = v1::GetQuarantinedRequest { id: id.to_owned() };
    service.get_quarantined(ask_for(wanted)).await.unwrap().into_inner().bytes.to_vec()
}

async fn replay(house: &House, id: &str, replacement: &str) -> Outcome {
    let service = Ingest::new(Arc::clone(&house.admission));
    let wanted = v1::ReplayQuarantinedRequest { id: id.to_owned(), replacement: replacement.to_owned().into() };
    service.replay_quarantined(ask_for(wanted)).await.unwrap().into_inner().outcome.unwrap()
}

fn patient(id: &str, number: &str) -> Value {
    // Without a time of its own: read again at another moment it would be another event under the same id.
    json!({"resourceType": "Patient", "id": id,
        "identifier": [{"system": "urn:oid:1.2.392.100495.20.3.51.14210000000", "value": number}]})
}
fn potassium(id: &str, subject: Value) -> Value {
    json!({"resourceType": "Observation", "id": id, "status": "finall", "subject": subject,
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "urn:oid:1.2.392.200119.4.504", "code": "3H015000002326101"}]},
        "valueQuantity": {"value": 3.5, "unit": "mmol/L"},
        "specimen": {"reference": "Specimen/s1"}})
}
fn specimen() -> Value {
    json!({"resourceType": "Specimen", "id": "s1", "type": {"coding": [{"code": "023",
        "system": "http://jpfhir.jp/fhir/core/CodeSystem/JP_ObservationSampleMaterialCode_CS"}]},
        "collection": {"collectedDateTime": "2026-03-31T08:00:00+09:00"}})
}

/// The one result in the log: number, specimen, labels.
async fn result(house: &House) -> (String, String, Labels) {
    let records = records(house).await;
    let mut results = records.iter().filter_map(|record| match record.payload() {
        Some(Payload::Laboratory(result)) => {
            Some((record.patient.number().as_str().to_owned(), result.specimen.clone(), record.labels))
        }
        _ => None,
    });
    let found = results.next().expect("a result");
    assert!(results.next().is_none());
    found
}

#[tokio::test]
async fn a_result_of_a_document_is_mended_and_keeps_its_patient_specimen_and_labels() {
    let house = house().await;
    let restricted = json!({"security": [{"code": "R"}]});
    let composition = json!({"resourceType": "Composition", "id": "d1", "confidentiality": "V",
        "subject": {"reference": "urn:uuid:p"}});
    let other = json!({"resourceType": "Observation", "id": "other", "status": "final",
        "subject": {"reference": "urn:uuid:p"}, "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"text": "K"}, "valueInteger": 4, "effectiveDateTime": "2026-03-31"});
    // Whose it is, only the document says.
    let mut result_of = potassium("o1", Value::Null);
    result_of.as_object_mut().unwrap().remove("subject");
    let document = json!({"resourceType": "Bundle", "type": "document", "meta": restricted, "entry": [
        {"fullUrl": "urn:uuid:d", "resource": composition},
        {"fullUrl": "urn:uuid:p", "resource": patient("p1", "0042")},
        {"fullUrl": "urn:uuid:s", "resource": specimen()},
        {"fullUrl": "urn:uuid:o", "resource": result_of},
        {"fullUrl": "urn:uuid:x", "resource": other},
    ]});
    let (status, _) = post(&house, "application/fhir+json", document.to_string()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let before = letters(&house.log).await;
    assert_eq!(before, 2, "the patient and the other result");
    let heads = kept(&house).await;
    let [head] = heads.as_slice() else { panic!("{heads:?}") };
    assert_eq!((head.form.as_str(), head.origin.as_str(), head.field.as_str()), ("fhir", "fhir", "$.status"));

    let body = String::from_utf8(bytes_of(&house, &head.id).await).unwrap();
    assert!(!body.contains("\"other\""), "what the result does not refer to is not kept with it");
    assert!(matches!(replay(&house, &head.id, "").await, Outcome::Refused(_)), "as it came it is as bad as it was");
    let mended = body.replace("finall", "final");
    assert!(matches!(replay(&house, &head.id, &mended).await, Outcome::Accepted(_)));
    // Only it was sent: the patient read beside it is not stated anew.
    assert_eq!(letters(&house.log).await, before + 1);
    let records = records(&house).await;
    let mended = records.iter().find(|record| record.id.as_str() == "Observation/o1").unwrap();
    assert_eq!(mended.patient.number().as_str(), "0042");
    assert_eq!(mended.labels, Labels::of(Label::Restricted).with(Label::VeryRestricted));
    let Some(Payload::Laboratory(result)) = mended.payload() else { panic!("a result") };
    assert_eq!(result.specimen, "023");
    assert!(kept(&house).await.is_empty());
}

#[tokio::test]
async fn a_result_among_lines_is_kept_with_the_lines_it_needs() {
    let house = house().await;
    // By an identifier that is not the source's number, as JP-CLINS names its patients.
    let member = json!({"system": "http://jpfhir.jp/fhir/clins/Idsystem/JP_Insurance_memberID", "value": "1:2:3:05"});
    let mut insured = patient("p1", "0042");
    insured["identifier"].as_array_mut().unwrap().push(member.clone());
    let lines = [potassium("o1", json!({"identifier": member})), insured, patient("p2", "0043"), specimen()];
    let body: Vec<String> = lines.iter().map(Value::to_string).collect();
    post(&house, "application/fhir+ndjson", body.join("\n")).await;
    let heads = kept(&house).await;
    let [head] = heads.as_slice() else { panic!("{heads:?}") };
    let body = String::from_utf8(bytes_of(&house, &head.id).await).unwrap();
    assert!(!body.contains("0043"), "another patient is not kept with it");
    assert!(matches!(replay(&house, &head.id, &body.replace("finall", "final")).await, Outcome::Accepted(_)));
    assert_eq!(result(&house).await, ("0042".to_owned(), "023".to_owned(), Labels::NONE));
}

#[tokio::test]
async fn a_line_that_is_no_json_is_kept_and_may_become_one() {
    let house = house().await;
    let broken = r#"{"resourceType": "Condition", "id": "c1", "#;
    let lines = [patient("p1", "0042").to_string(), broken.to_owned()];
    let (status, _) = post(&house, "application/fhir+ndjson", lines.join("\n")).await;
    assert_eq!((status, letters(&house.log).await), (StatusCode::UNPROCESSABLE_ENTITY, 1));
    let heads = kept(&house).await;
    let [head] = heads.as_slice() else { panic!("{heads:?}") };
    assert_eq!(head.reason, "unreadable");
    assert_eq!(bytes_of(&house, &head.id).await, broken.as_bytes());
    let whole = json!({"resourceType": "Condition", "id": "c1", "code": {"text": "2型糖尿病"}, "onsetDateTime": "2018",
        "subject": {"identifier": {"system": "urn:oid:1.2.392.100495.20.3.51.14210000000", "value": "0042"}}});
    assert!(matches!(replay(&house, &head.id, &whole.to_string()).await, Outcome::Accepted(_)));
    assert_eq!(letters(&house.log).await, 2);
    // Nothing at all is nothing to take.
    post(&house, "application/fhir+json", "no json".to_owned()).await;
    let id = &kept(&house).await[0].id;
    assert_eq!(bytes_of(&house, id).await, b"no json");
    assert!(matches!(replay(&house, id, "{}").await, Outcome::Refused(_)));
    assert!(matches!(replay(&house, id, " ").await, Outcome::Refused(_)));
}

#[tokio::test]
async fn a_replay_is_the_callers_own() {
    let house = house().await;
    post(&house, "application/fhir+json", potassium("o1", json!({"reference": "Patient/nobody"})).to_string()).await;
    let heads = kept(&house).await;
    let service = Ingest::new(Arc::clone(&house.admission));
    let mut request = Request::new(v1::ReplayQuarantinedRequest { id: heads[0].id.clone(), replacement: "".into() });
    request.extensions_mut().insert(caller("clinic", model::Role::System));
    assert_eq!(service.replay_quarantined(request).await.unwrap_err().code(), tonic::Code::NotFound);
}
