use super::*;
use base64::Engine as _;
use model::EncounterClass;

fn of(kind: &str, more: Value) -> Value {
    with(
        json!({"resourceType": kind, "id": "x1", "subject": {"reference": "Patient/p1"}, "meta": {"lastUpdated": "2026-03-01T00:00:00+09:00"}}),
        more,
    )
}

fn condition(more: Value) -> Record {
    one(of(
        "Condition",
        with(json!({"code": {"text": "胃癌"}, "onsetDateTime": "2019", "abatementDateTime": "2019"}), more),
    ))
}

fn disease(record: &Record) -> &model::Condition {
    match record.payload() {
        Some(Payload::Condition(condition)) => condition,
        other => panic!("a condition, not {other:?}"),
    }
}

#[test]
fn a_condition_keeps_the_clinicians_words_with_the_preferred_code() {
    let record = condition(
        json!({"clinicalStatus": {"coding": [{"code": "active"}]}, "code": {"text": "胃癌 早期", "coding": [
        {"system": "http://medis.or.jp/CodeSystem/master-disease-keyNumber", "code": "20054178", "display": "胃癌"},
        {"system": "http://jpfhir.jp/fhir/core/mhlw/CodeSystem/ICD10-2013-full", "code": "C169", "display": "胃，部位不明"}]}}),
    );
    let code = &disease(&record).code;
    assert_eq!((&code.system, code.code.as_str(), code.display.as_str()), (&CodeSystem::Icd10, "C169", "胃癌 早期"));
    assert_eq!(disease(&record).clinical_status, "active");
    assert_eq!(record.occurred, moment("2019-01-01"));
    assert_eq!(disease(&record).abated, Some(moment("2019-12-31")), "an end in 2019 is not before a start in 2019");
}

#[test]
fn a_doubted_condition_is_suspected_and_a_refuted_one_is_taken_back() {
    let verified = |code: &str| json!({"verificationStatus": {"coding": [{"code": code}]}});
    assert!(!disease(&condition(verified("confirmed"))).suspected);
    assert!(disease(&condition(verified("provisional"))).suspected);
    assert!(disease(&condition(json!({"code": {"text": "胃癌の疑い"}}))).suspected);
    let modifier =
        json!([{"url": "urn:postfix", "valueCodeableConcept": {"coding": [{"code": "8002", "display": "の疑い"}]}}]);
    assert!(disease(&condition(json!({"code": {"text": "胃癌", "extension": modifier}}))).suspected);
    for gone in ["refuted", "entered-in-error"] {
        assert_eq!(condition(verified(gone)).change(), ChangeKind::Delete, "{gone}");
    }
}

#[test]
fn an_allergy_lists_its_manifestations() {
    let allergy = json!({"resourceType": "AllergyIntolerance", "id": "a1", "patient": {"reference": "Patient/p1"}, "recordedDate": "2022-08-03",
        "criticality": "high", "code": {"text": "こむぎこ", "coding": [{"system": "urn:food", "code": "J9FA15000016", "display": "小麦粉"}]},
        "reaction": [{"manifestation": [{"text": "じん麻疹"}, {"text": "咳"}]}, {"description": "昏倒"}]});
    let record = one(allergy.clone());
    let Some(Payload::Allergy(stated)) = record.payload() else { panic!("an allergy") };
    assert_eq!(
        (stated.code.display.as_str(), stated.reaction.as_str(), stated.criticality.as_str()),
        ("こむぎこ", "じん麻疹; 咳; 昏倒", "high")
    );
    refused(with(allergy.clone(), json!({"criticality": "severe"})), Reason::UnknownCode, "$.criticality");
    refused(with(allergy, json!({"patient": {}})), Reason::UnknownPatient, "$.patient");
}

#[test]
fn encounter_classes_are_a_closed_list() {
    let visit = |code: &str| {
        of(
            "Encounter",
            json!({"status": "finished", "class": {"code": code}, "period": {"start": "2026-02-01", "end": "2026-02"}}),
        )
    };
    for (code, class) in
        [("AMB", EncounterClass::Ambulatory), ("ACUTE", EncounterClass::Inpatient), ("VR", EncounterClass::Virtual)]
    {
        let record = one(visit(code));
        let Some(Payload::Encounter(stated)) = record.payload() else { panic!("an encounter") };
        assert_eq!(stated.class, class);
        assert_eq!((stated.start, stated.end), (Some(moment("2026-02-01")), Some(moment("2026-02-28"))));
    }
    refused(visit("PRENC"), Reason::UnknownCode, "$.class.code");
    refused(
        with(visit("AMB"), json!({"class": {"system": "urn:own", "code": "AMB"}})),
        Reason::UnknownCode,
        "$.class.code",
    );
}

fn order(more: Value) -> Value {
    of(
        "MedicationRequest",
        with(
            json!({"status": "active", "intent": "order", "authoredOn": "2026-03-01T10:00:00+09:00",
        "dosageInstruction": [{"text": "1日1回 朝食後"}, {"timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [{"doseQuantity": {"value": 1.5, "unit": "錠"}}]}],
        "dispenseRequest": {"quantity": {"value": 90, "unit": "錠", "code": "TAB"}, "expectedSupplyDuration": {"value": 2, "code": "wk"}}}),
            more,
        ),
    )
}

fn drugs(records: &[Record]) -> Vec<&model::Medication> {
    let drug = |record| match Record::payload(record) {
        Some(Payload::Medication(drug)) => drug,
        other => panic!("a medication, not {other:?}"),
    };
    records.iter().map(drug).collect()
}

#[test]
fn a_prescription_keeps_drug_dosage_amount_and_days() {
    let records = converted(order(json!({"medicationCodeableConcept": {"text": "アムロジピン", "coding": [
        {"system": "urn:own", "code": "I1"}, {"system": "urn:oid:1.2.392.100495.20.1.73", "code": "2171022F6276"},
        {"system": "urn:oid:1.2.392.200119.4.403.1", "code": "121431401"}]}})))
    .unwrap();
    let drug = drugs(&records)[0];
    assert_eq!(
        (&drug.code.system, drug.code.code.as_str(), drug.code.display.as_str()),
        (&CodeSystem::Hot, "121431401", "アムロジピン")
    );
    assert_eq!(drug.dosage, "1日1回 朝食後; 1.5 錠, 2 / 1 d");
    assert_eq!((drug.quantity, drug.quantity_unit.as_str(), drug.days), (Some(90.0), "錠", Some(14)));
}

#[test]
fn the_drug_is_found_contained_in_the_bundle_in_another_file_or_by_its_display() {
    let medication = json!({"resourceType": "Medication", "id": "m1", "code": {"text": "パンスポリン"}});
    let contained = order(json!({"contained": [medication], "medicationReference": {"reference": "#m1"}}));
    assert_eq!(drugs(&converted(contained).unwrap())[0].code.display, "パンスポリン");

    let elsewhere = order(json!({"medicationReference": {"reference": "Medication/m1"}}));
    refused(elsewhere.clone(), Reason::UnknownReference, "$.medicationReference");
    let mut references = known();
    references.learn(&Resource::alone(medication.clone()), &context());
    let records = convert(&Resource::alone(elsewhere.clone()), &context(), &references).unwrap();
    assert_eq!(drugs(&records)[0].code.display, "パンスポリン");

    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": medication}, {"resource": elsewhere}]}).to_string();
    let last = read(bundle.as_bytes()).last().unwrap().unwrap();
    assert_eq!(drugs(&convert(&last, &context(), &known()).unwrap())[0].code.display, "パンスポリン");

    let shown = order(json!({"medicationReference": {"reference": "Medication/m9", "display": "セファゾリン"}}));
    assert_eq!(drugs(&converted(shown).unwrap())[0].code.display, "セファゾリン");
}

#[test]
fn a_mixture_is_one_record_for_each_ingredient() {
    let part = |text: &str| json!({"itemCodeableConcept": {"text": text}});
    let infusion =
        json!({"resourceType": "Medication", "id": "m1", "ingredient": [part("生理食塩液"), part("パンスポリン")]});
    let records =
        converted(order(json!({"contained": [infusion], "medicationReference": {"reference": "#m1"}}))).unwrap();
    let named: Vec<_> = records
        .iter()
        .map(|record| record.id.as_str())
        .zip(drugs(&records).iter().map(|drug| drug.code.display.as_str()))
        .collect();
    assert_eq!(
        named,
        [("MedicationRequest/x1#ingredient.0", "生理食塩液"), ("MedicationRequest/x1#ingredient.1", "パンスポリン")]
    );
}

#[test]
fn an_order_not_to_give_and_a_mere_plan_are_not_prescriptions() {
    let drug = json!({"medicationCodeableConcept": {"text": "ペニシリン"}});
    refused(with(order(drug.clone()), json!({"doNotPerform": true})), Reason::NotAFact, "$.doNotPerform");
    refused(with(order(drug.clone()), json!({"intent": "plan"})), Reason::NotAFact, "$.intent");
    assert_eq!(one(with(order(drug), json!({"status": "entered-in-error"}))).change(), ChangeKind::Delete);
}

fn note(more: Value) -> Value {
    of(
        "DocumentReference",
        with(
            json!({"status": "current", "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]}, "description": "臨床経過"}),
            more,
        ),
    )
}

fn text_of(record: &Record) -> (&str, &str) {
    match record.payload() {
        Some(Payload::Document(document)) => (&document.content_type, &document.content),
        other => panic!("a document, not {other:?}"),
    }
}

#[test]
fn a_document_carries_its_text_or_where_it_is_kept() {
    let data = base64::engine::general_purpose::STANDARD.encode("経過良好");
    let pdf = json!({"attachment": {"contentType": "application/pdf", "url": "file:///course.pdf"}});
    let plain = |data: &str| json!({"attachment": {"contentType": "text/plain", "data": data}});
    assert_eq!(text_of(&one(note(json!({"content": [pdf, plain(&data)]})))), ("text/plain", "経過良好"));
    assert_eq!(text_of(&one(note(json!({"content": [pdf]})))), ("application/pdf", "file:///course.pdf"));
    refused(note(json!({"content": [plain("??")]})), Reason::InvalidElement, "$.content[0].data");
    assert_eq!(one(note(json!({"status": "superseded"}))).change(), ChangeKind::Delete);
    assert_eq!(one(note(json!({"docStatus": "amended"}))).change(), ChangeKind::Correct);
}

#[test]
fn a_report_is_a_document_and_its_contained_results_are_laboratory_records() {
    let mut inner = lab(json!({"id": "r1"}));
    inner.as_object_mut().unwrap().remove("subject");
    let mut group = lab(json!({"id": "g", "hasMember": [{"reference": "#r1"}]}));
    group.as_object_mut().unwrap().remove("valueQuantity");
    let report = of(
        "DiagnosticReport",
        json!({"status": "final", "code": {"text": "検体検査報告書"}, "conclusion": "異常なし",
        "effectiveDateTime": "2026-03-01", "contained": [inner, group, {"resourceType": "Specimen", "id": "s"}]}),
    );
    let records = converted(report.clone()).unwrap();
    assert_eq!(
        records.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(),
        ["DiagnosticReport/x1", "DiagnosticReport/x1#r1"]
    );
    assert_eq!(text_of(&records[0]), ("text/plain", "異常なし"));
    assert_eq!(result(&records[1]).order, "DiagnosticReport/x1");

    let mut strange = report;
    strange["contained"][0]["status"] = json!("odd");
    refused(strange.clone(), Reason::UnknownCode, "$.contained[0].status");
    strange["contained"][0] = lab(
        json!({"id": "r1", "subject": {"identifier": {"system": "urn:oid:1.2.392.100495.20.3.51.1", "value": "0099"}}}),
    );
    refused(strange, Reason::AmbiguousPatient, "$.contained[0].subject");
}

#[test]
fn other_types_are_refused_by_name_and_a_name_that_is_not_a_type_is_not_repeated() {
    refused(json!({"resourceType": "Procedure", "id": "p"}), Reason::UnsupportedResource, "$.resourceType");
    let refusal = converted(json!({"resourceType": "YamadaHanako"})).unwrap_err();
    assert_eq!((refusal.reason, refusal.resource), (Reason::UnsupportedResource, "?"));
}

#[test]
fn ids_too_long_to_join_are_digested_and_stay_apart() {
    let held = |inner: &str| {
        let inner = lab(json!({"id": inner.repeat(64)}));
        let report = of(
            "DiagnosticReport",
            json!({"id": "r".repeat(64), "status": "final", "code": {"text": "報告"}, "contained": [inner]}),
        );
        converted(report).unwrap().remove(1)
    };
    let (a, b) = (held("a"), held("b"));
    assert!(a.id.as_str().starts_with("DiagnosticReport/~") && a.id.as_str().len() <= 100);
    assert!(a.id != b.id && a.id == held("a").id);
    assert!(event_id(&a).is_ok());
}

fn plan(more: Value) -> Value {
    let base = json!({"status": "active", "intent": "plan", "title": "療養計画", "description": "減塩",
        "category": [{"coding": [{"system": "http://jpfhir.jp/fhir/CarePlan/CodeSystem/category", "code": "followup-plan"}]}],
        "period": {"start": "2024-07-07"}, "created": "2024-07-08",
        "activity": [{"detail": {"code": {"text": "運動"}, "description": "1日30分"}}, {"reference": {"reference": "Task/1"}}]});
    of("CarePlan", with(base, more))
}

fn vaccination(more: Value) -> Value {
    let whole = json!({"resourceType": "Immunization", "id": "i1", "meta": {"lastUpdated": "2026-03-01T00:00:00+09:00"},
        "patient": {"reference": "Patient/p1"}, "status": "completed", "occurrenceDateTime": "2025-11-02", "recorded": "2025-11-03",
        "vaccineCode": {"text": "インフルエンザHAワクチン", "coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "150"}]},
        "contained": [{"resourceType": "Organization", "id": "m", "name": "KMバイオロジクス"}], "manufacturer": {"reference": "#m"},
        "lotNumber": "FL-77", "primarySource": true, "site": {"text": "左上腕"}, "route": {"coding": [{"code": "SQ", "display": "皮下注射"}]},
        "doseQuantity": {"value": 0.5, "unit": "mL"}, "protocolApplied": [{"targetDisease": [{"text": "x"}]}, {"doseNumberPositiveInt": 2}],
        "note": [{"text": "体温36.5"}, {"text": " "}, {"text": "問診済"}]});
    with(whole, more)
}

fn given(record: &Record) -> &model::Immunization {
    match record.payload() {
        Some(Payload::Immunization(given)) => given,
        other => panic!("an immunization, not {other:?}"),
    }
}

#[test]
fn a_vaccination_keeps_what_a_second_dose_turns_on() {
    let record = one(vaccination(json!({})));
    assert_eq!((record.category(), record.occurred), (Category::Immunization, moment("2025-11-02")));
    assert_eq!(record.recorded, moment("2025-11-03"));
    let stated = given(&record);
    assert_eq!((stated.code.code.as_str(), stated.code.display.as_str()), ("150", "インフルエンザHAワクチン"));
    assert_eq!(
        (stated.lot.as_str(), stated.manufacturer.as_str(), stated.dose_number.as_str()),
        ("FL-77", "KMバイオロジクス", "2")
    );
    assert_eq!((stated.quantity, stated.quantity_unit.as_str()), (Some(0.5), "mL"));
    assert_eq!((stated.site.as_str(), stated.route.as_str()), ("左上腕", "皮下注射"));
    assert_eq!(
        (stated.status, stated.reported, stated.subpotent),
        (model::ImmunizationStatus::Completed, false, false)
    );
    assert_eq!(stated.note, "体温36.5\n問診済");

    let handbook = one(vaccination(
        json!({"primarySource": false, "occurrenceDateTime": null, "occurrenceString": "1歳頃", "isSubpotent": true,
        "protocolApplied": [{"doseNumberString": "追加"}]}),
    ));
    let told = given(&handbook);
    assert_eq!((told.reported, told.subpotent, told.dose_number.as_str()), (true, true, "追加"));
    assert!(told.note.starts_with("1歳頃\n"));
    assert_eq!(handbook.occurred, moment("2025-11-03"), "when it was recorded, where no day is known");
}

#[test]
fn a_vaccination_not_done_says_why_and_one_in_error_goes() {
    let refused_by =
        json!({"status": "not-done", "statusReason": {"coding": [{"code": "PATOBJ", "display": "本人の拒否"}]}});
    let record = one(vaccination(refused_by));
    let stated = given(&record);
    assert_eq!((stated.status, stated.reason.as_str()), (model::ImmunizationStatus::NotDone, "本人の拒否"));
    assert_eq!((stated.quantity, stated.quantity_unit.as_str()), (None, ""), "nothing was given");
    assert_eq!(one(vaccination(json!({"status": "entered-in-error"}))).change(), ChangeKind::Delete);
    refused(vaccination(json!({"status": "given"})), Reason::UnknownCode, "$.status");
    refused(vaccination(json!({"isSubpotent": "no"})), Reason::InvalidElement, "$.isSubpotent");
    refused(vaccination(json!({"vaccineCode": null})), Reason::MissingElement, "$.vaccineCode");
}

#[test]
fn a_care_plan_keeps_its_sort_and_says_what_is_to_be_done() {
    let record = one(plan(json!({})));
    let Some(Payload::CarePlan(stated)) = record.payload() else { panic!("a care plan") };
    assert_eq!((stated.code.code.as_str(), stated.status.as_str()), ("followup-plan", "active"));
    assert_eq!(stated.text, "療養計画\n減塩\n運動: 1日30分");
    assert_eq!((record.occurred, record.recorded), (moment("2024-07-07"), moment("2024-07-08")));
    assert_eq!(record.category(), Category::CarePlan);

    let untold = one(plan(json!({"category": []})));
    let Some(Payload::CarePlan(stated)) = untold.payload() else { panic!("a care plan") };
    assert_eq!((&stated.code.system, stated.code.display.as_str()), (&CodeSystem::Local, "療養計画"));
    refused(plan(json!({"category": [], "title": ""})), Reason::MissingElement, "$.category");
}

#[test]
fn what_is_not_agreed_is_no_care_plan_and_a_wrong_one_is_taken_back() {
    refused(plan(json!({"intent": "proposal"})), Reason::NotAFact, "$.intent");
    refused(plan(json!({"status": "draft"})), Reason::NotAFact, "$.status");
    refused(plan(json!({"status": "finished"})), Reason::UnknownCode, "$.status");
    assert_eq!(one(plan(json!({"status": "entered-in-error", "intent": "option"}))).change(), ChangeKind::Delete);
}

fn study(more: Value) -> Value {
    let series = |code: &str| {
        json!({"uid": "1.2.3", "modality": {"code": code}, "description": "胸部",
        "bodySite": {"system": "http://snomed.info/sct", "code": "43799004", "display": "Thoracic cavity"}})
    };
    let base = json!({"status": "available", "started": "2021-01-01T11:01:20+09:00",
        "identifier": [{"system": "urn:other", "value": "7"}, {"system": "urn:dicom:uid", "value": "urn:oid:2.16.124.1"}],
        "series": [series("CT"), series("SR"), series("CT")]});
    of("ImagingStudy", with(base, more))
}

#[test]
fn an_imaging_study_says_how_and_what_was_seen_and_where_its_images_are() {
    let record = one(study(json!({})));
    let Some(Payload::Imaging(stated)) = record.payload() else { panic!("an imaging study") };
    assert_eq!((stated.modality.as_str(), stated.study_uid.as_str()), ("CT\\SR", "2.16.124.1"));
    assert_eq!((stated.procedure.code.as_str(), stated.procedure.display.as_str()), ("43799004", "Thoracic cavity"));
    assert_eq!((record.occurred, record.category()), (moment("2021-01-01T11:01:20+09:00"), Category::Imaging));

    let named = json!({"modality": [{"code": "MR"}], "procedureCode": [{"coding": [{"code": "P1"}]}], "description": "頭部MRI"});
    let record = one(study(named));
    let Some(Payload::Imaging(stated)) = record.payload() else { panic!("an imaging study") };
    assert_eq!(stated.modality, "MR\\CT\\SR");
    assert_eq!((stated.procedure.code.as_str(), stated.procedure.display.as_str()), ("P1", "頭部MRI"));
}

#[test]
fn a_study_that_was_not_done_is_taken_back() {
    assert_eq!(one(study(json!({"status": "cancelled"}))).change(), ChangeKind::Delete);
    refused(study(json!({"status": "done"})), Reason::UnknownCode, "$.status");
}
