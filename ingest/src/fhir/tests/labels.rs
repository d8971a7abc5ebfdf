use super::*;
use model::Label;

fn labels_of(more: Value) -> Labels {
    one(lab(more)).labels
}

fn set(labels: &[Label]) -> Labels {
    labels.iter().copied().collect()
}

const INDICATION: &str = "http://jpfhir.jp/fhir/clins/CodeSystem/JP_ehrshrs_indication";

#[test]
fn the_national_tags_are_read_wherever_they_stand() {
    let tag = |code: &str| json!({"system": INDICATION, "code": code});
    assert_eq!(
        labels_of(json!({"meta": {"tag": [tag("LTS"), tag("UNINFORMED")]}})),
        set(&[Label::Lts, Label::Uninformed])
    );
    assert_eq!(labels_of(json!({"meta": {"security": [tag("UNDELIVERED")]}})), set(&[Label::Undelivered]));
    assert_eq!(labels_of(json!({"meta": {"tag": [{"code": "UNDELIVERED"}]}})), set(&[Label::Undelivered]));
    let extension =
        json!({"extension": [{"url": "urn:indication", "valueCodeableConcept": {"coding": [tag("UNDELIVERED")]}}]});
    assert_eq!(labels_of(extension), set(&[Label::Undelivered]));
    let nested =
        json!({"extension": [{"url": "urn:a", "extension": [{"url": "urn:b", "valueCoding": tag("UNINFORMED")}]}]});
    assert_eq!(labels_of(nested), set(&[Label::Uninformed]));
}

#[test]
fn sensitivity_and_confidentiality_become_labels() {
    let act = |code: &str| json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code});
    let security = json!({"meta": {"security": [act("HIV"), act("PSY"), act("ETHUD"), act("SEX")]}});
    assert_eq!(labels_of(security), set(&[Label::Hiv, Label::Psy, Label::Eth, Label::Repro]));
    let confidentiality = |code: &str| {
        labels_of(
            json!({"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code}]}}),
        )
    };
    for normal in ["U", "L", "M", "N"] {
        assert_eq!(confidentiality(normal), Labels::NONE, "{normal}");
    }
    assert_eq!(confidentiality("R"), set(&[Label::Restricted]));
    assert_eq!(confidentiality("V"), set(&[Label::VeryRestricted]));
}

#[test]
fn a_security_label_that_is_not_understood_restricts_and_a_foreign_tag_does_not() {
    assert_eq!(
        labels_of(json!({"meta": {"security": [{"system": "urn:own", "code": "celebrity"}]}})),
        set(&[Label::Restricted])
    );
    assert_eq!(labels_of(json!({"meta": {"tag": [{"system": "urn:colour", "code": "R"}]}})), Labels::NONE);
}

#[test]
fn what_holds_a_record_gives_it_its_labels() {
    let bundle = json!({"resourceType": "Bundle", "type": "document", "meta": {"tag": [{"system": INDICATION, "code": "LTS"}]}, "entry": [
        {"resource": {"resourceType": "Composition", "id": "c", "confidentiality": "V", "subject": {"reference": "Patient/p1"}}},
        {"resource": lab(json!({"meta": {"security": [{"code": "HIV"}]}}))}]})
    .to_string();
    let resource = read(bundle.as_bytes()).last().unwrap().unwrap();
    let records = convert(&resource, &context(), &known()).unwrap();
    assert_eq!(records[0].labels, set(&[Label::Lts, Label::VeryRestricted, Label::Hiv]));

    let document = json!({"resourceType": "DocumentReference", "id": "d", "status": "current", "subject": {"reference": "Patient/p1"},
        "type": {"text": "紹介状"}, "date": "2026-03-01T00:00:00+09:00",
        "securityLabel": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}]});
    assert_eq!(one(document).labels, set(&[Label::Restricted]));
}

#[test]
fn the_department_is_read_and_one_that_cannot_be_read_is_not_dropped() {
    let department = |code: &str| {
        json!({"extension": [{"url": "http://jpfhir.jp/fhir/eCS/Extension/StructureDefinition/JP_eCS_Department",
        "valueCodeableConcept": {"coding": [{"code": code}], "text": "循環器"}}]})
    };
    assert_eq!(one(lab(department("08"))).department.unwrap().as_str(), "08");
    refused(lab(department("循環器")), Reason::InvalidElement, "$.extension");
}
