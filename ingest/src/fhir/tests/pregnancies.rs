use super::*;
use model::Perinatal;

/// An observation of a check-up on 2026-05-20.
fn noted(code: &str, more: Value) -> Value {
    let base = json!({"resourceType": "Observation", "id": "e1", "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "exam"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-05-20T10:00:00+09:00"});
    with(base, more)
}
fn amount(value: f64, unit: &str) -> Value {
    json!({"valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}})
}
#[track_caller]
fn entry(record: &Record) -> &Perinatal {
    assert_eq!(record.category(), Category::Perinatal);
    match record.payload() {
        Some(Payload::Perinatal(entry)) => entry,
        other => panic!("an entry, not {other:?}"),
    }
}
fn entries(json: Value) -> Vec<(String, String, Option<u32>)> {
    let of = |record: &Record| {
        let entry = entry(record);
        let value = match &entry.value {
            Stated::Quantity { value, unit, .. } => format!("{value} {unit}"),
            Stated::Text(text) => text.clone(),
            Stated::Coded(code) => code.code.clone(),
            Stated::Absent(why) => format!("({why})"),
        };
        (entry.code.code.clone(), value, entry.gestational_days)
    };
    converted(json).unwrap().iter().map(of).collect()
}
fn said(code: &str, value: &str, days: Option<u32>) -> (String, String, Option<u32>) {
    (code.to_owned(), value.to_owned(), days)
}

#[test]
fn observations_are_entries_by_their_code_whatever_their_category() {
    for category in ["exam", "survey", "social-history", "vital-signs", "laboratory"] {
        let category = json!({"category": [{"coding": [{"code": category}]}]});
        let one = entries(noted("11881-0", with(category, amount(24.0, "cm"))));
        assert_eq!(one, [said("11881-0", "24 cm", None)]);
    }
    let edd = json!({"category": null, "valueDateTime": "2026-10-08T00:00:00+09:00"});
    assert_eq!(entries(noted("11778-8", edd)), [said("11778-8", "2026-10-08", None)]);
    assert_eq!(entries(noted("18185-9", amount(134.0, "d"))), [said("18185-9", "134 d", Some(134))]);
    assert_eq!(entries(noted("11996-6", json!({"valueInteger": 2}))), [said("11996-6", "2 ", None)]);
    assert_eq!(entries(noted("11727-5", amount(0.32, "kg"))), [said("11727-5", "0.32 kg", None)]);
    // what is no entry's code is what it was
    refused(noted("72166-2", json!({"valueString": "never smoked"})), Reason::UnsupportedCategory, "$.category");
    refused(noted("8665-2", json!({"valueDateTime": "2026-01-01"})), Reason::UnsupportedCategory, "$.category");
}

#[test]
fn the_words_of_this_project_are_codes_too() {
    let word = |word: &str, more: Value| {
        let code = json!({"code": {"text": "胎児", "coding": [{"system": "urn:ajisai:perinatal", "code": word}]}});
        noted("", with(code, more))
    };
    assert_eq!(entries(word("checkup", json!({}))), [said("checkup", "(not-applicable)", None)]);
    assert_eq!(entries(word("bpd/2", amount(52.0, "mm"))), [said("bpd/2", "52 mm", None)]);
    assert_eq!(entries(word("delivery", json!({"valueString": "経腟"}))), [said("delivery", "経腟", None)]);
    assert_eq!(entries(word("registration", json!({"valueString": "双胎"}))), [said("registration", "双胎", None)]);
    let twins = json!({"valueCodeableConcept": {"coding": [{"code": "双胎"}]}});
    assert_eq!(entries(word("registration", twins)), [said("registration", "双胎", None)]);
    assert_eq!(
        entries(word("last-period", json!({"valueDateTime": "2026-01-01"}))),
        [said("last-period", "2026-01-01", None)]
    );
    let record = one(word("bpd", amount(5.2, "cm")));
    assert_eq!((entry(&record).code.system.clone(), entry(&record).code.display.as_str()), (CodeSystem::Local, "胎児"));
    refused(word("para/2", json!({"valueInteger": 1})), Reason::UnsupportedCategory, "$.category");
}

#[test]
fn what_no_patient_has_and_what_nobody_reads_is_refused_by_name() {
    let unit = "$.valueQuantity.unit";
    refused(noted("11727-5", amount(3200.0, "kg")), Reason::InvalidElement, "$.value");
    refused(noted("11727-5", amount(112.0, "[oz_av]")), Reason::InvalidElement, unit);
    refused(noted("11881-0", amount(24.0, "[in_i]")), Reason::InvalidElement, unit);
    refused(noted("11820-8", amount(520.0, "mm")), Reason::InvalidElement, "$.value");
    refused(noted("11727-5", json!({"valueString": "約3000g"})), Reason::InvalidElement, "$.value");
    refused(noted("18185-9", amount(32.3, "wk")), Reason::InvalidElement, "$.value");
    refused(noted("11778-8", json!({"valueDateTime": "2026-10"})), Reason::InvalidElement, "$.value");
    refused(noted("11778-8", json!({"valueDateTime": "2016-10-08"})), Reason::InvalidElement, "$.value");
    refused(noted("11996-6", json!({"valueInteger": 99})), Reason::InvalidElement, "$.value");
    refused(noted("11881-0", json!({})), Reason::MissingElement, "$.value");
    refused(noted("11948-7", json!({"valueSampledData": {"data": "130"}})), Reason::UnsupportedCategory, "$.value");
    let told = converted(noted("11727-5", amount(3200.0, "kg"))).unwrap_err().to_string();
    assert!(told.contains("50 to 7000 g") && !told.contains("3200"), "{told}");
}

#[test]
fn a_panel_makes_an_entry_of_each_part_and_its_age_is_theirs() {
    let part = |code: &str, more: Value| {
        with(json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]}}), more)
    };
    let panel = noted(
        "57075-6",
        json!({"component": [part("49051-6", amount(19.0, "wk")), part("11881-0", amount(180.0, "mm")),
        part("11948-7", amount(150.0, "/min")), part("8480-6", amount(112.0, "mm[Hg]"))]}),
    );
    assert_eq!(
        entries(panel.clone()),
        [
            said("11881-0", "180 mm", Some(133)),
            said("11948-7", "150 /min", Some(133)),
            said("8480-6", "112 mm[Hg]", Some(133))
        ]
    );
    let alone = noted("57075-6", json!({"component": [part("49051-6", amount(19.0, "wk"))]}));
    assert_eq!(entries(alone), [said("49051-6", "19 wk", Some(133))]);
    // taken back, all of it goes, each under its own category
    let gone = converted(with(panel, json!({"status": "entered-in-error"}))).unwrap();
    assert_eq!(gone.len(), 5);
    assert!(
        gone.iter().all(|record| record.change() == ChangeKind::Delete && record.category() == Category::Perinatal)
    );
    // beside vital signs the pressure stays one
    let vitals = with(
        noted(
            "85353-1",
            json!({"component": [part("11881-0", amount(18.0, "cm")), part("8480-6", amount(112.0, "mm[Hg]"))]}),
        ),
        json!({"category": [{"coding": [{"code": "vital-signs"}]}]}),
    );
    let categories: Vec<_> = converted(vitals).unwrap().iter().map(Record::category).collect();
    assert_eq!(categories, [Category::Perinatal, Category::VitalSign]);
}

#[test]
fn a_fetus_is_told_by_number_and_never_guessed() {
    let bpd = |more: Value| noted("11820-8", with(amount(52.0, "mm"), more));
    assert_eq!(entries(bpd(json!({})))[0].0, "11820-8");
    let extension = |n: i64| json!({"extension": [{"url": "urn:ajisai:extension:fetus", "valuePositiveInt": n}]});
    assert_eq!(entries(bpd(extension(2)))[0].0, "bpd/2");
    assert_eq!(entries(bpd(extension(1)))[0].0, "11820-8");
    assert_eq!(entries(bpd(json!({"focus": [{"identifier": {"value": "2"}}]})))[0].0, "bpd/2");
    refused(bpd(extension(7)), Reason::InvalidElement, "$.focus");
    refused(bpd(json!({"focus": [{"reference": "Patient/fetus-b"}]})), Reason::InvalidElement, "$.focus");
    refused(bpd(json!({"focus": [{"identifier": {"value": "b"}}]})), Reason::InvalidElement, "$.focus");
}

#[test]
fn the_status_of_pregnancy_registers_it_and_only_where_she_is() {
    let status = |code: &str| {
        noted(
            "82810-3",
            json!({"valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": code}]}}),
        )
    };
    assert_eq!(entries(status("77386006")), [said("registration", "(not-applicable)", None)]);
    refused(status("60001007"), Reason::UnsupportedCategory, "$.category");
}

#[test]
fn a_man_or_a_newborn_has_no_entries_of_their_own_pregnancy() {
    let of = |who: Value| {
        let inner = with(patient(), who);
        let observation =
            noted("18185-9", with(amount(280.0, "d"), json!({"subject": {"reference": "#p1"}, "contained": [inner]})));
        converted(observation).map(drop).map_err(|refusal| (refusal.reason, refusal.path))
    };
    assert_eq!(of(json!({"gender": "female"})), Ok(()));
    assert_eq!(of(json!({"gender": "male"})), Err((Reason::NotAFact, "$.subject".to_owned())));
    assert_eq!(
        of(json!({"gender": "female", "birthDate": "2026-05-19"})),
        Err((Reason::NotAFact, "$.subject".to_owned()))
    );
}

#[test]
fn corrections_and_withdrawals_meet_the_same_record() {
    let first = one(noted("11778-8", json!({"valueDateTime": "2026-10-08"})));
    let again = one(noted("11778-8", json!({"valueDateTime": "2026-10-10", "status": "corrected"})));
    let gone = one(noted("11778-8", json!({"status": "entered-in-error"})));
    assert!(first.id == again.id && again.id == gone.id);
    assert!(first.version < again.version && again.version < gone.version);
    assert_eq!((gone.change(), gone.category()), (ChangeKind::Delete, Category::Perinatal));
    assert_eq!(one(noted("11881-0", json!({"status": "cancelled"}))).change(), ChangeKind::Delete);
}

fn visit(more: Value) -> Value {
    with(
        json!({"resourceType": "Encounter", "id": "v1", "status": "finished", "class": {"code": "AMB"},
            "subject": {"reference": "Patient/p1"}, "period": {"start": "2026-05-20T10:00:00+09:00"},
            "type": [{"coding": [{"system": "http://snomed.info/sct", "code": "424619006"}]}]}),
        more,
    )
}

#[test]
fn a_prenatal_visit_is_an_encounter_and_a_check_up() {
    let both = converted(visit(json!({}))).unwrap();
    assert_eq!(both.iter().map(Record::category).collect::<Vec<_>>(), [Category::Encounter, Category::Perinatal]);
    assert_eq!(both[1].id.as_str(), "Encounter/v1#checkup");
    assert_eq!(
        (entry(&both[1]).code.code.as_str(), both[1].occurred),
        ("checkup", moment("2026-05-20T10:00:00+09:00"))
    );
    let by_reason = json!({"type": null, "reasonCode": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "Z34.0"}]}]});
    assert_eq!(converted(visit(by_reason)).unwrap().len(), 2);
    assert_eq!(converted(visit(json!({"type": null}))).unwrap().len(), 1);
    assert_eq!(converted(visit(json!({"status": "planned"}))).unwrap().len(), 1, "not yet");
    let cancelled = converted(visit(json!({"status": "cancelled"}))).unwrap();
    assert_eq!(cancelled.iter().map(Record::change).collect::<Vec<_>>(), [ChangeKind::Upsert, ChangeKind::Delete]);
    let wrong = converted(visit(json!({"status": "entered-in-error"}))).unwrap();
    assert!(wrong.len() == 2 && wrong.iter().all(|record| record.change() == ChangeKind::Delete));
}

#[test]
fn a_condition_of_pregnancy_registers_it() {
    let condition = |more: Value| {
        let base = json!({"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}, "onsetDateTime": "2026-02-20",
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "77386006"}]}});
        converted(with(base, more)).unwrap()
    };
    let both = condition(json!({}));
    assert_eq!(both.iter().map(Record::category).collect::<Vec<_>>(), [Category::Condition, Category::Perinatal]);
    assert_eq!(entry(&both[1]).code.code, "registration");
    let status = |code: &str| json!({"verificationStatus": {"coding": [{"code": code}]}});
    assert_eq!(condition(status("provisional"))[1].change(), ChangeKind::Delete, "suspected is none");
    assert_eq!(condition(status("entered-in-error"))[1].change(), ChangeKind::Delete);
    let other = json!({"code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]}});
    assert_eq!(condition(other).len(), 1);
}

#[test]
fn an_episode_of_care_of_a_pregnancy_registers_it_and_another_is_nothing_here() {
    let episode = |more: Value| {
        with(
            json!({"resourceType": "EpisodeOfCare", "id": "s1", "status": "active", "patient": {"reference": "Patient/p1"},
            "period": {"start": "2026-03-01"}, "type": [{"coding": [{"system": "http://snomed.info/sct", "code": "424525001"}]}]}),
            more,
        )
    };
    let record = one(episode(json!({})));
    assert_eq!(
        (entry(&record).code.code.as_str(), record.id.as_str()),
        ("registration", "EpisodeOfCare/s1#registration")
    );
    assert_eq!(one(episode(json!({"status": "cancelled"}))).change(), ChangeKind::Delete);
    refused(episode(json!({"status": "planned"})), Reason::NotAFact, "$.status");
    refused(episode(json!({"status": "begun"})), Reason::UnknownCode, "$.status");
    refused(episode(json!({"type": [{"coding": [{"code": "diab"}]}]})), Reason::UnsupportedResource, "$.type");
    refused(episode(json!({"period": null})), Reason::Undated, "$.period.start");
}
