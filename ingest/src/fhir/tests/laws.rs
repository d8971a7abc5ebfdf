//! Laws that hold for any input.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// One sound resource of each type, and a Bundle and a report that hold others.
fn sound() -> Vec<Value> {
    let subject = json!({"reference": "Patient/p1"});
    let inner = lab(json!({"id": "r1"}));
    vec![
        patient(),
        lab(
            json!({"referenceRange": [{"low": {"value": 1}, "high": {"value": 2}}], "specimen": {"reference": "#s"}, "basedOn": [{"reference": "#b"}],
            "interpretation": [{"coding": [{"code": "H"}]}], "meta": {"versionId": "1", "lastUpdated": "2026-03-01T00:00:00Z",
            "security": [{"system": "urn:s", "code": "R"}], "tag": [{"code": "LTS"}], "profile": ["a/JP_Observation_LabResult"]},
            "extension": [{"url": "urn:Department", "valueCodeableConcept": {"coding": [{"code": "08"}]}}],
            "contained": [{"resourceType": "Specimen", "id": "s", "type": {"text": "血清"}}]}),
        ),
        lab(
            json!({"category": [{"coding": [{"code": "vital-signs"}]}], "component": [{"code": {"text": "収縮期"}, "valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 2}}}]}),
        ),
        json!({"resourceType": "Condition", "id": "c", "subject": subject, "code": {"text": "胃癌", "coding": [{"code": "C169"}]},
            "onsetDateTime": "2019", "abatementDateTime": "2020-02", "verificationStatus": {"coding": [{"code": "confirmed"}]}}),
        json!({"resourceType": "AllergyIntolerance", "id": "a", "patient": subject, "recordedDate": "2020", "reaction": [{"substance": {"text": "卵"}, "manifestation": [{"text": "咳"}]}]}),
        json!({"resourceType": "Encounter", "id": "e", "subject": subject, "status": "finished", "class": {"code": "AMB"}, "period": {"start": "2020", "end": "2020"}, "reasonCode": [{"text": "腹痛"}]}),
        json!({"resourceType": "MedicationRequest", "id": "m", "subject": subject, "status": "active", "intent": "order", "authoredOn": "2020-01-01",
            "contained": [{"resourceType": "Medication", "id": "d", "ingredient": [{"itemCodeableConcept": {"text": "a"}}]}], "medicationReference": {"reference": "#d"},
            "dosageInstruction": [{"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "boundsDuration": {"value": 3, "code": "d"}}}}]}),
        json!({"resourceType": "DocumentReference", "id": "d", "subject": subject, "status": "current", "type": {"text": "紹介状"}, "date": "2020-01-01T00:00:00Z",
            "content": [{"attachment": {"contentType": "text/plain", "data": "YQ=="}}]}),
        json!({"resourceType": "DiagnosticReport", "id": "r", "subject": subject, "status": "final", "code": {"text": "報告"}, "issued": "2020-01-01T00:00:00Z", "contained": [inner]}),
        json!({"resourceType": "CarePlan", "id": "cp", "subject": subject, "status": "active", "intent": "plan", "period": {"start": "2020"},
            "category": [{"text": "食事"}], "activity": [{"detail": {"code": {"text": "運動"}, "description": "毎日"}}], "note": [{"text": "続ける"}]}),
        json!({"resourceType": "Immunization", "id": "im", "patient": subject, "status": "completed", "occurrenceDateTime": "2020-01-01", "isSubpotent": false,
            "vaccineCode": {"text": "BCG"}, "doseQuantity": {"value": 1, "unit": "管"}, "protocolApplied": [{"doseNumberPositiveInt": 1}], "note": [{"text": "-"}]}),
        json!({"resourceType": "ImagingStudy", "id": "is", "subject": subject, "status": "available", "started": "2020-01-01", "modality": [{"code": "CT"}],
            "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2"}], "series": [{"modality": {"code": "CT"}, "bodySite": {"code": "b"}}]}),
        json!({"resourceType": "Bundle", "type": "document", "timestamp": "2020-01-01T00:00:00Z", "entry": [
            {"fullUrl": "urn:uuid:c", "resource": {"resourceType": "Composition", "subject": {"reference": "urn:uuid:p"}, "confidentiality": "R"}},
            {"fullUrl": "urn:uuid:p", "resource": patient()}, {"resource": lab(json!({"subject": {"reference": "urn:uuid:p"}}))}, {"resource": {"resourceType": "Encounter", "id": "e", "status": "planned", "class": {"code": "IMP"}}}]}),
    ]
}

fn all(bytes: &[u8]) -> Vec<Result<Vec<Record>, Refusal>> {
    let context = context();
    let mut references = known();
    read(bytes).flatten().for_each(|resource| references.learn(&resource, &context));
    read(bytes).map(|resource| convert(&resource?, &context, &references)).collect()
}

#[test]
fn the_sound_resources_are_all_taken() {
    for resource in sound() {
        for result in all(resource.to_string().as_bytes()) {
            match result {
                Ok(records) => assert!(!records.is_empty()),
                Err(refusal) => assert_eq!(refusal.reason, Reason::UnsupportedResource, "{refusal}"),
            }
        }
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    const WORDS: &[&str] = &[
        "Patient/p1",
        "#s",
        "final",
        "entered-in-error",
        "2020",
        "2020-02-30",
        "R",
        "<",
        "d",
        "laboratory",
        "urn:uuid:p",
        "\u{0}",
        "あ",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
    ]
}

pub(in crate::fhir) fn tree() -> impl Strategy<Value = Value> {
    const KEYS: &[&str] = &[
        "resourceType",
        "id",
        "code",
        "coding",
        "system",
        "value",
        "reference",
        "extension",
        "entry",
        "resource",
        "text",
        "valueQuantity",
    ];
    let key = prop_oneof![prop::sample::select(KEYS).prop_map(str::to_owned), "[a-z]{1,6}"];
    scalar().prop_recursive(4, 40, 5, move |inner| {
        let members = vec((key.clone(), inner.clone()), 0..5);
        prop_oneof![
            vec(inner, 0..5).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect()))
        ]
    })
}

/// Puts `put` at the `at`-th place of the tree, counted depth first; tells how many places there are.
pub(in crate::fhir) fn graft(json: &mut Value, at: &mut usize, put: &Value) {
    if *at == 0 {
        *json = put.clone();
        *at = usize::MAX;
        return;
    }
    *at -= 1;
    match json {
        Value::Array(list) => list.iter_mut().for_each(|inner| {
            if *at != usize::MAX {
                graft(inner, at, put)
            }
        }),
        Value::Object(members) => members.values_mut().for_each(|inner| {
            if *at != usize::MAX {
                graft(inner, at, put)
            }
        }),
        _ => {}
    }
}

pub(in crate::fhir) const SECRET: &str = "SECRETWORD";

pub(in crate::fhir) fn poison(json: &mut Value) {
    match json {
        Value::String(text) => text.insert_str(0, SECRET),
        Value::Array(list) => list.iter_mut().for_each(poison),
        Value::Object(members) => {
            members.iter_mut().filter(|(key, _)| *key != "resourceType").for_each(|(_, inner)| poison(inner))
        }
        _ => {}
    }
}

/// 2,000; `PROPTEST_CASES` for a long run.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn any_json_is_answered_and_never_panics(json in tree()) {
        let _ = all(json.to_string().as_bytes());
        for resource in read(json.to_string().as_bytes()).flatten() {
            for event in events(&resource, &context(), &known()).events {
                prop_assert!(wire::read_event(wire::write_event(&event)).is_ok(), "what comes of it passes the door");
            }
        }
        let _ = convert(&Resource::alone(json), &context(), &References::default());
    }

    #[test]
    fn a_sound_resource_with_anything_put_anywhere_is_answered(which in 0..12_usize, at in 0..60_usize, put in tree()) {
        let mut json = sound().remove(which);
        graft(&mut json, &mut { at }, &put);
        for record in all(json.to_string().as_bytes()).into_iter().flatten().flatten() {
            let event = event(record, context().received);
            prop_assert!(event.is_ok(), "every record has an event id");
            let door = event.map(|event| wire::read_event(wire::write_event(&event)));
            prop_assert!(door.is_ok_and(|read| read.is_ok()), "what comes of it passes the door");
        }
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(read(bytes.as_slice()).count() <= bytes.len() + 1);
    }

    #[test]
    fn the_same_bytes_make_the_same_events(which in 0..12_usize) {
        let bytes = sound().remove(which).to_string();
        prop_assert_eq!(all(bytes.as_bytes()), all(bytes.as_bytes()));
    }

    #[test]
    fn a_refusal_repeats_no_value(which in 0..12_usize, at in 0..60_usize) {
        let mut json = sound().remove(which);
        let mut hidden = Value::String(SECRET.to_owned());
        poison(&mut hidden);
        graft(&mut json, &mut { at }, &hidden);
        for refusal in all(json.to_string().as_bytes()).into_iter().filter_map(Result::err) {
            let shown = format!("{refusal} {refusal:?}");
            prop_assert!(!shown.contains(SECRET), "{}", shown);
        }
        poison(&mut json);
        for refusal in all(json.to_string().as_bytes()).into_iter().filter_map(Result::err) {
            let shown = format!("{refusal} {refusal:?}");
            prop_assert!(!shown.contains(SECRET), "{}", shown);
        }
    }
}
