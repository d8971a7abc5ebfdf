use super::*;

fn code_of(codings: Value) -> Coding {
    result(&one(lab(json!({"code": {"coding": codings}})))).code.clone()
}

fn value_of(more: Value) -> Stated {
    let mut observation = lab(more);
    observation.as_object_mut().unwrap().remove("valueQuantity");
    result(&one(observation)).value.clone()
}

#[test]
fn jlac10_is_preferred_to_loinc_and_loinc_to_the_rest() {
    let (local, loinc) =
        (json!({"system": "urn:own", "code": "A1C"}), json!({"system": "http://loinc.org", "code": "4548-4"}));
    let jlac10 = json!({"system": "urn:oid:1.2.392.200119.4.504", "code": "3D046000001920402"});
    assert_eq!(code_of(json!([local, loinc, jlac10])).system, CodeSystem::Jlac10);
    assert_eq!(code_of(json!([local, loinc])).system, CodeSystem::Loinc);
    let kept = code_of(json!([local, {"system": "urn:other", "code": "x"}]));
    assert_eq!(
        (kept.system, kept.code.as_str()),
        (CodeSystem::Other("urn:own".to_owned()), "A1C"),
        "the first of the rest"
    );
}

#[test]
fn jlac10_is_known_by_each_of_its_names_and_only_with_a_code_of_its_shape() {
    for system in [
        "http://medis.or.jp/CodeSystem/master-JLAC10-17digits",
        "urn:oid:1.2.392.200119.4.504",
        "urn:oid:1.2.392.200119.6.1005",
        "http://jpfhir.jp/fhir/clins/CodeSystem/JLAC10/JP_CLINS_ObsLabResult_CoreLabo_CS",
    ] {
        assert_eq!(
            code_of(json!([{"system": system, "code": "3D046000001920402"}])).system,
            CodeSystem::Jlac10,
            "{system}"
        );
        for dummy in ["99999999999999999", "3D046", "A1C"] {
            assert_eq!(
                code_of(json!([{"system": system, "code": dummy}])).system,
                CodeSystem::Other(system.to_owned()),
                "{dummy}"
            );
        }
    }
}

#[test]
fn the_status_says_what_becomes_of_the_record() {
    use ChangeKind::{Correct, Delete, Upsert};
    for (status, change, lab_status) in [
        ("preliminary", Upsert, Some("preliminary")),
        ("final", Upsert, Some("final")),
        ("amended", Correct, Some("corrected")),
        ("corrected", Correct, Some("corrected")),
        ("cancelled", Upsert, Some("cancelled")),
        ("entered-in-error", Delete, None),
    ] {
        let record = one(lab(json!({"status": status})));
        assert_eq!(record.change(), change, "{status}");
        assert_eq!(record.payload().is_some().then(|| result(&record).status.code()), lab_status, "{status}");
    }
    refused(lab(json!({"status": "done"})), Reason::UnknownCode, "$.status");
    refused(lab(json!({"status": null})), Reason::MissingElement, "$.status");
}

#[test]
fn a_correction_without_versions_still_supersedes_and_a_deletion_comes_last() {
    let version = |more| one(lab(more)).version.get();
    assert_eq!(
        [version(json!({})), version(json!({"status": "amended"})), version(json!({"status": "entered-in-error"}))],
        [1, 2, 3]
    );
    assert_eq!(version(json!({"meta": {"versionId": "7", "lastUpdated": "2026-03-01T00:00:00Z"}})), 7);
    let by_time = version(json!({"meta": {"versionId": "W-ab", "lastUpdated": "2026-03-01T00:00:00Z"}}));
    assert_eq!(by_time, u64::try_from(moment("2026-03-01T00:00:00Z").micros()).unwrap());
    refused(lab(json!({"meta": {"versionId": "W-ab"}})), Reason::InvalidElement, "$.meta.versionId");
}

#[test]
fn ids_name_the_type_the_resource_and_the_version() {
    let record = one(lab(json!({"meta": {"versionId": "2"}})));
    assert_eq!(record.id.as_str(), "Observation/o1");
    assert_eq!(event_id(&record).unwrap().as_str(), "Observation/o1/2");
    refused(lab(json!({"id": "with space"})), Reason::InvalidElement, "$.id");
    refused(lab(json!({"id": null})), Reason::InvalidElement, "$.id");
}

fn pressure(more: Value) -> Value {
    let part = |code: &str, value: u32| {
        json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueQuantity": {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}})
    };
    let mut panel = lab(json!({"category": [{"coding": [{"code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "component": [part("8480-6", 128), part("8462-4", 76)]}));
    panel.as_object_mut().unwrap().remove("valueQuantity");
    with(panel, more)
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.id.as_str()).collect()
}

#[test]
fn a_blood_pressure_is_two_records_named_by_their_codes() {
    let records = converted(pressure(json!({}))).unwrap();
    assert_eq!(ids(&records), ["Observation/o1#8480-6", "Observation/o1#8462-4"]);
    assert!(records.iter().all(|record| record.category() == Category::VitalSign));
    let Some(Payload::VitalSign(systolic)) = records[0].payload() else { panic!("a vital sign") };
    assert_eq!(systolic.value, Stated::Quantity { value: 128.0, unit: "mm[Hg]".to_owned(), comparator: String::new() });
    let mut reversed = pressure(json!({}));
    reversed["component"].as_array_mut().unwrap().reverse();
    assert_eq!(ids(&converted(reversed).unwrap()), ["Observation/o1#8462-4", "Observation/o1#8480-6"]);
}

#[test]
fn a_panel_taken_back_takes_its_components_back_even_when_it_no_longer_lists_them() {
    let all = ["Observation/o1", "Observation/o1#8480-6", "Observation/o1#8462-4"];
    for gone in [
        pressure(json!({"status": "entered-in-error"})),
        pressure(json!({"status": "entered-in-error", "component": []})),
    ] {
        let records = converted(gone).unwrap();
        assert_eq!(ids(&records), all);
        assert!(records.iter().all(|record| record.change() == ChangeKind::Delete));
    }
}

#[test]
fn repeated_component_codes_and_text_components_have_ids_of_their_own() {
    let part = |code: Value| json!({"code": code, "valueString": "x"});
    let twice = json!({"coding": [{"code": "A"}]});
    let panel = pressure(json!({"component": [part(twice.clone()), part(twice), part(json!({"text": "所見"}))]}));
    assert_eq!(
        ids(&converted(panel).unwrap()),
        ["Observation/o1#A", "Observation/o1#A.1", "Observation/o1#component.2"]
    );
}

#[test]
fn values_of_each_kind_are_kept_as_the_source_said_them() {
    let text = |text: &str| Stated::Text(text.to_owned());
    assert_eq!(value_of(json!({"valueString": " 1+ "})), text("1+"));
    assert_eq!(value_of(json!({"valueBoolean": true})), text("true"));
    assert_eq!(
        value_of(json!({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}})),
        text("1:128")
    );
    assert_eq!(value_of(json!({"valueRange": {"low": {"value": 5}, "high": {"value": 10}}})), text("5-10"));
    let whole = Stated::Quantity { value: 3.0, unit: String::new(), comparator: String::new() };
    assert_eq!(value_of(json!({"valueInteger": 3})), whole);
    let coded = value_of(json!({"valueCodeableConcept": {"coding": [{"code": "A", "display": "A型"}]}}));
    assert_eq!(
        coded,
        Stated::Coded(Coding { system: CodeSystem::Local, code: "A".to_owned(), display: "A型".to_owned() })
    );
    assert_eq!(
        value_of(json!({"dataAbsentReason": {"coding": [{"code": "error"}]}})),
        Stated::Absent("error".to_owned())
    );
    assert_eq!(value_of(json!({"status": "cancelled"})), Stated::Absent("not-performed".to_owned()));
    let less = one(lab(json!({"valueQuantity": {"value": 0.5, "comparator": "<", "unit": "mg/dL"}})));
    assert_eq!(
        result(&less).value,
        Stated::Quantity { value: 0.5, unit: "mg/dL".to_owned(), comparator: "<".to_owned() }
    );
}

#[test]
fn an_observation_without_a_value_is_refused_but_an_interpretation_alone_is_a_value() {
    let mut silent = lab(json!({}));
    silent.as_object_mut().unwrap().remove("valueQuantity");
    refused(silent.clone(), Reason::MissingElement, "$.value");
    refused(
        with(silent.clone(), json!({"hasMember": [{"reference": "Observation/2"}]})),
        Reason::NotAFact,
        "$.hasMember",
    );
    let system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
    let susceptible = one(with(silent, json!({"interpretation": [{"coding": [{"system": system, "code": "S"}]}]})));
    assert!(matches!(&result(&susceptible).value, Stated::Coded(coding) if coding.code == "S"));
    refused(lab(json!({"valueQuantity": {"value": "6.5"}})), Reason::InvalidElement, "$.valueQuantity.value");
    refused(
        lab(json!({"valueQuantity": {"value": 1, "comparator": "~"}})),
        Reason::InvalidElement,
        "$.valueQuantity.comparator",
    );
}

#[test]
fn range_flag_specimen_order_and_notes_come_along() {
    let record = one(lab(json!({
        "note": [{"text": "溶血あり"}, {"authorString": "nobody"}, {"text": "再検済"}],
        "referenceRange": [{"low": {"value": 4.9}, "high": {"value": 6.0}}, {"type": {"coding": [{"code": "treatment"}]}, "high": {"value": 7.0}}],
        "interpretation": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": "H"}]}],
        "contained": [{"resourceType": "Specimen", "id": "s", "type": {"coding": [
            {"system": "http://jpfhir.jp/fhir/core/CodeSystem/JP_ObservationSampleMaterialCode_CS", "code": "023"}], "text": "血清"}}],
        "specimen": {"reference": "#s"}, "basedOn": [{"identifier": {"value": "order-1"}}], "issued": "2026-03-01T12:00:00+09:00"})));
    let lab = result(&record);
    assert_eq!((lab.reference_low, lab.reference_high), (Some(4.9), Some(6.0)));
    assert_eq!((lab.flag.as_str(), lab.specimen.as_str(), lab.order.as_str()), ("H", "023", "order-1"));
    assert_eq!(record.recorded, moment("2026-03-01T12:00:00+09:00"));
    assert_eq!(lab.note, "溶血あり\n再検済");
    let by_age = one(super::lab(json!({"referenceRange": [{"high": {"value": 1}}, {"high": {"value": 2}}]})));
    assert_eq!(result(&by_age).reference_high, None, "which of two applies is not ours to say");
}

#[test]
fn only_laboratory_and_vital_signs_are_taken() {
    let of = |code: &str| json!({"category": [{"coding": [{"code": code}]}]});
    for other in ["exam", "survey", "social-history", "procedure", "imaging", "vital-sign"] {
        refused(lab(of(other)), Reason::UnsupportedCategory, "$.category");
    }
    assert_eq!(one(lab(of("body-measurement"))).category(), Category::VitalSign);
    refused(lab(json!({"category": []})), Reason::UnsupportedCategory, "$.category");
    let by_profile = |name: &str| {
        lab(
            json!({"category": [], "meta": {"profile": [format!("http://jpfhir.jp/fhir/eCS/StructureDefinition/{name}|1")]}}),
        )
    };
    assert_eq!(one(by_profile("JP_Observation_LabResult_eCS")).category(), Category::Laboratory);
    assert_eq!(one(by_profile("JP_Observation_VitalSigns")).category(), Category::VitalSign);
}

#[test]
fn partial_dates_begin_at_their_start_and_end_at_their_last_day() {
    let occurred = |text: &str| one(lab(json!({"effectiveDateTime": text}))).occurred;
    assert_eq!(occurred("2018"), moment("2018-01-01"));
    assert_eq!(occurred("2018-02"), moment("2018-02-01"));
    assert_eq!(occurred("2018-02-03"), moment("2018-02-03T00:00:00+09:00"));
    assert_eq!(occurred("2018-02-03T04:05:06.789+09:00"), moment("2018-02-02T19:05:06.789Z"));
    assert_eq!(time::end("2018"), Some(moment("2018-12-31")));
    assert_eq!(time::end("2020-02"), Some(moment("2020-02-29")));
    for wrong in ["", "18", "2018-13", "2018-02-30", "2018-02-03T04:05:06", "9999", "0001-01-01", "二〇一八"] {
        refused(lab(json!({"effectiveDateTime": wrong})), Reason::InvalidElement, "$.effectiveDateTime");
    }
}

#[test]
fn a_result_without_a_time_has_that_of_its_last_writing_and_without_any_is_refused() {
    let mut undated = lab(json!({}));
    undated.as_object_mut().unwrap().remove("effectiveDateTime");
    refused(undated.clone(), Reason::Undated, "$.effectiveDateTime");
    let written = with(undated.clone(), json!({"meta": {"lastUpdated": "2026-03-05T00:00:00+09:00"}}));
    assert_eq!(one(written).occurred, moment("2026-03-05"));
    assert_eq!(
        one(with(undated.clone(), json!({"issued": "2026-03-04T00:00:00+09:00"}))).occurred,
        moment("2026-03-04")
    );
    assert_eq!(
        one(with(undated, json!({"status": "entered-in-error"}))).change(),
        ChangeKind::Delete,
        "a deletion is never lost"
    );
}

#[test]
fn a_modifier_that_is_not_understood_is_refused() {
    refused(lab(json!({"modifierExtension": [{"url": "urn:not"}]})), Reason::UnknownModifier, "$.modifierExtension");
    refused(lab(json!({"implicitRules": "urn:rules"})), Reason::UnknownModifier, "$.implicitRules");
    assert_eq!(converted(lab(json!({"modifierExtension": []}))).unwrap().len(), 1);
}
