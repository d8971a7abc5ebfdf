use super::*;

fn bundle(kind: &str, entries: Value) -> Vec<Result<Vec<Record>, Refusal>> {
    let bundle =
        json!({"resourceType": "Bundle", "type": kind, "timestamp": "2026-03-02T00:00:00+09:00", "entry": entries});
    let bytes = bundle.to_string();
    let references = References::default();
    read(bytes.as_bytes()).map(|resource| convert(&resource?, &context(), &references)).collect()
}

fn numbers(records: &[Result<Vec<Record>, Refusal>]) -> Vec<String> {
    let number = |record: &Record| record.patient.number().as_str().to_owned();
    records
        .iter()
        .map(|result| result.as_ref().map_or_else(|refusal| refusal.reason.code().to_owned(), |r| number(&r[0])))
        .collect()
}

fn number_of(identifiers: Value, context: &Context) -> Result<String, Reason> {
    let resource = Resource::alone(with(patient(), json!({"identifier": identifiers})));
    let records = convert(&resource, context, &References::default()).map_err(|refusal| refusal.reason)?;
    Ok(records[0].patient.number().as_str().to_owned())
}

#[test]
fn the_medical_record_number_is_taken_and_not_another_identifier() {
    let typed = |code: &str, value: &str| json!({"type": {"coding": [{"code": code}]}, "value": value});
    assert_eq!(number_of(json!([typed("SS", "999-30-7608"), typed("MR", "44ec")]), &context()), Ok("44ec".to_owned()));
    assert_eq!(
        number_of(json!([typed("SS", "999-30-7608")]), &context()),
        Ok("p1".to_owned()),
        "else the resource's id"
    );
    assert_eq!(number_of(json!([typed("MR", "1"), typed("MR", "2")]), &context()), Err(Reason::AmbiguousPatient));
    let old = json!({"use": "old", "type": {"coding": [{"code": "MR"}]}, "value": "1"});
    assert_eq!(number_of(json!([old, typed("MR", "2")]), &context()), Ok("2".to_owned()));
}

#[test]
fn a_configured_system_is_the_only_one_that_counts() {
    let own = Context { patient_number_system: Some("urn:own".to_owned()), ..context() };
    let ids =
        json!([{"system": "urn:oid:1.2.392.100495.20.3.51.1", "value": "other"}, {"system": "urn:own", "value": "7"}]);
    assert_eq!(number_of(ids, &own), Ok("7".to_owned()));
    assert_eq!(number_of(json!([]), &own), Err(Reason::UnknownPatient));
}

#[test]
fn a_patient_that_is_not_at_hand_is_refused_unless_the_source_says_its_ids_are_numbers() {
    let stranger = lab(json!({"subject": {"reference": "Patient/p9"}}));
    refused(stranger.clone(), Reason::UnknownPatient, "$.subject");
    let lenient = Context { unlisted: Unlisted::ReferenceId, ..context() };
    let records = convert(&Resource::alone(stranger), &lenient, &known()).unwrap();
    assert_eq!(records[0].patient.number().as_str(), "p9");
    refused(lab(json!({"subject": {"reference": "Group/p1"}})), Reason::UnknownPatient, "$.subject");
}

#[test]
fn references_are_resolved_by_uuid_by_address_by_history_and_by_identifier() {
    let insured = json!({"system": "urn:insured", "value": "00012345:187:05"});
    let mut listed = patient();
    listed["identifier"].as_array_mut().unwrap().push(insured.clone());
    let subjects = [
        json!({"reference": "urn:uuid:aaaa"}),
        json!({"reference": "Patient/p1"}),
        json!({"reference": "Patient/p1/_history/3"}),
        json!({"identifier": insured}),
        json!({"identifier": {"system": "urn:oid:1.2.392.100495.20.3.51.14210000000", "value": "0042"}}),
        json!({"reference": "urn:uuid:bbbb"}),
    ];
    let mut entries = vec![json!({"fullUrl": "urn:uuid:aaaa", "resource": listed})];
    entries.extend(subjects.into_iter().map(|subject| json!({"resource": lab(json!({"subject": subject}))})));
    let results = bundle("collection", Value::Array(entries));
    assert_eq!(numbers(&results), ["0042", "0042", "0042", "0042", "0042", "0042", "unknown_patient"]);
    let contained = lab(json!({"contained": [with(patient(), json!({"id": "in"}))], "subject": {"reference": "#in"}}));
    assert_eq!(one(contained).patient.number().as_str(), "0042");
    let address = lab(json!({"subject": {"reference": "https://ehr.example/fhir/Patient/p1"}}));
    assert_eq!(one(address).patient.number().as_str(), "0042");
}

#[test]
fn in_a_document_the_composition_names_the_patient_of_what_names_none() {
    let visit = json!({"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"}, "period": {"start": "2026"}});
    let entries = json!([
        {"resource": {"resourceType": "Composition", "id": "c", "subject": {"reference": "urn:uuid:aaaa"}}},
        {"fullUrl": "urn:uuid:aaaa", "resource": patient()},
        {"resource": visit}]);
    assert_eq!(numbers(&bundle("document", entries.clone())), ["unsupported_resource", "0042", "0042"]);
    assert_eq!(numbers(&bundle("collection", entries)), ["unsupported_resource", "0042", "missing_element"]);
}

#[test]
fn one_resource_id_with_two_numbers_is_nobodys() {
    let mut references = known();
    let other = with(patient(), json!({"identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "0043"}]}));
    references.learn(&Resource::alone(other), &context());
    let refusal = convert(&Resource::alone(lab(json!({}))), &context(), &references).unwrap_err();
    assert_eq!(refusal.reason, Reason::AmbiguousPatient);
    assert!(!format!("{references:?}").contains("004"), "numbers are not shown");
}

#[test]
fn demographics_are_read_with_kana_and_a_partial_birth_date_is_left_out() {
    let representation = |code: &str| json!([{"url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation", "valueCode": code}]);
    let record = one(with(
        patient(),
        json!({"gender": "female",
        "name": [{"extension": representation("SYL"), "text": "ヤマダ ハナコ"},
                 {"extension": representation("IDE"), "family": "山田", "given": ["花子"]}],
        "address": [{"postalCode": "8500001", "state": "長崎県", "city": "長崎市", "line": ["1-1"]}],
        "deceasedDateTime": "2025-12"}),
    ));
    let Some(Payload::Patient(person)) = record.payload() else { panic!("demographics") };
    assert_eq!((person.name.as_str(), person.kana.as_str()), ("山田 花子", "ヤマダ ハナコ"));
    assert_eq!((person.address.as_str(), person.postal_code.as_str()), ("長崎県長崎市1-1", "8500001"));
    assert_eq!(person.birth_date, "1970-01-01".parse().ok());
    assert_eq!(person.deceased, Some(moment("2025-12-01")));
    let record = one(with(patient(), json!({"birthDate": "1970"})));
    let Some(Payload::Patient(person)) = record.payload() else { panic!("demographics") };
    assert_eq!(person.birth_date, None);
    refused(with(patient(), json!({"gender": "f"})), Reason::UnknownCode, "$.gender");
}

#[test]
fn an_inactive_patient_record_is_taken_back() {
    assert_eq!(one(with(patient(), json!({"active": false}))).change(), ChangeKind::Delete);
}

#[test]
fn a_patient_without_any_date_has_the_moment_of_receipt() {
    let mut undated = patient();
    undated.as_object_mut().unwrap().remove("birthDate");
    assert_eq!(one(undated).occurred, context().received);
}
