//! Small consents of our own: what each element does, and what is refused.

use super::*;

/// Asserts that the consent is taken and answers as the resource does; gives it.
#[track_caller]
fn agreed(json: &Value) -> Consent {
    let consent = taken(json);
    let requests = grid::requests(&["2026-03-02", "2027-06-01"]);
    let permitted = grid::agree(json, &consent, &requests);
    assert!(permitted > 0 && permitted < requests.len(), "the grid tells: {permitted} of {}", requests.len());
    consent
}

fn permit(more: Value) -> Value {
    let mut provision = json!({"type": "permit"});
    for (key, value) in more.as_object().unwrap() {
        provision[key] = value.clone();
    }
    with_provision(provision)
}

fn set(labels: &[Label]) -> Labels {
    labels.iter().copied().collect()
}

#[test]
fn a_plain_consent_says_who_what_why_and_until_when() {
    let json = permit(json!({
        "actor": [actor("Organization/clinic")],
        "purpose": [purpose("TREAT"), purpose("ETREAT")],
        "class": [coding("http://hl7.org/fhir/resource-types", "Observation")],
        "code": [{"coding": [coding("http://jami.jp/SS-MIX2/CodeSystem/ClinicalDepartment", "01")]}],
        "securityLabel": [level("N")],
        "dataPeriod": {"start": "2022", "end": "2022-12"},
        "period": {"start": "2026-03-01", "end": "2027-02-28"}}));
    let consent = agreed(&json);
    assert_eq!(consent.id.as_str(), "hospital.c1");
    assert_eq!(consent.viewers, Viewers::Facilities(vec![fid("clinic")]));
    assert_eq!(consent.purposes, [Purpose::Treatment, Purpose::EmergencyTreatment].into_iter().collect());
    assert!(consent.categories.contains(Category::Laboratory) && !consent.categories.contains(Category::Document));
    assert_eq!(consent.departments, [DepartmentCode::parse("01").unwrap()]);
    assert_eq!(consent.labels, Labels::NONE);
    assert_eq!(consent.data_period.until(), Some(moment("2023-01-01")), "an end is inside");
    assert_eq!(consent.period.until(), Some(moment("2027-03-01")));
    assert_eq!((consent.signer, consent.state), (Signer::Patient, ConsentState::Active));
    assert_eq!(consent.taken_by, fid(SOURCE));
    assert_eq!(consent.signed_at, moment("2026-03-01"));
    assert!(consent.exceptions.is_empty());
}

#[test]
fn nothing_named_is_everything_and_whoever_sends_it_is_told() {
    let outcome = outcome(&permit(json!({})));
    assert_eq!(outcome.notes, [Note { remark: Remark::EveryLabel, path: "$.provision".to_owned() }]);
    let ConsentChange::Given(consent) = change(outcome) else { panic!("a consent") };
    assert_eq!(consent.viewers, Viewers::AllMembers);
    assert_eq!((consent.purposes, consent.categories), (PurposeSet::all(), CategorySet::all()));
    assert_eq!(consent.labels, Labels::NEED_SAYING);
}

#[test]
fn levels_reach_down_in_a_permit() {
    let labels = |codes: Value| taken(&permit(json!({"securityLabel": codes}))).labels;
    assert_eq!(labels(json!([level("N")])), Labels::NONE);
    assert_eq!(labels(json!([level("R")])), Labels::NEED_SAYING.without(Labels::of(Label::VeryRestricted)));
    assert_eq!(labels(json!([level("N"), level("V")])), Labels::NEED_SAYING);
}

#[test]
fn a_denied_level_is_read_in_pcf_only() {
    let mut json = permit(json!({"provision": [{"type": "deny", "securityLabel": [level("R")]}]}));
    refused(&json, Reason::UnclearConfidentiality, "$.provision.provision[0].securityLabel[0]");
    json["meta"] = json!({"profile": ["https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentAdvanced"]});
    agreed(&json);
}

#[test]
fn exceptions_nest_and_the_inner_one_decides() {
    // Everything, but nothing of 2022, but of 2022 the observations.
    let json = permit(json!({"provision": [{"type": "deny", "dataPeriod": {"start": "2022", "end": "2022"},
        "provision": [{"type": "permit", "class": [coding("http://hl7.org/fhir/resource-types", "Observation")]}]}]}));
    let consent = agreed(&json);
    let [deny] = consent.exceptions.provisions() else { panic!("one exception") };
    assert_eq!((deny.kind, deny.nested.len()), (ProvisionKind::Deny, 1));
    assert_eq!(deny.data_period.from(), Some(moment("2022-01-01")));
}

#[test]
fn of_siblings_that_disagree_deny_wins() {
    let json = permit(json!({"securityLabel": [level("N")], "provision": [
        {"type": "permit", "securityLabel": [sensitive("PSY")]},
        {"type": "deny", "dataPeriod": {"start": "2022"}}]}));
    let consent = agreed(&json);
    assert_eq!(consent.labels, Labels::NEED_SAYING, "as wide as its widest part, closed by its exceptions");
    let inner = with_provision(json!({"type": "deny", "provision": [
        {"type": "permit", "purpose": [purpose("TREAT")], "provision": [{"type": "deny", "securityLabel": [sensitive("HIV")]}]},
        {"type": "deny", "dataPeriod": {"end": "2021"}}]}));
    agreed(&inner);
}

#[test]
fn a_permit_that_an_exception_of_its_own_denies_is_a_deny_to_its_siblings() {
    // Psychiatry to this practitioner but not of 2022; all to the clinic. Of 2022, psychiatry stays closed to them.
    let json = with_provision(json!({"type": "deny", "provision": [
        {"type": "permit", "actor": [actor("Organization/clinic")]},
        {"type": "permit", "actor": [actor("Organization/clinic")], "securityLabel": [sensitive("PSY")],
            "provision": [{"type": "deny", "dataPeriod": {"start": "2022", "end": "2022"}}]}]}));
    agreed(&json);
}

#[test]
fn a_deny_of_every_other_label_cuts_into_a_permit_beside_it() {
    let unsaid = Labels::NEED_SAYING.without(Labels::of(Label::Hiv));
    let others: Vec<Value> =
        unsaid.iter().map(super::super::code::label_code).map(|(system, text)| coding(system, text)).collect();
    let mut json = permit(json!({"securityLabel": [level("N"), sensitive("HIV")], "provision": [
        {"type": "deny", "securityLabel": others},
        {"type": "permit", "securityLabel": [sensitive("PSY")], "actor": [actor("Practitioner/13")]}]}));
    agreed(&json);
    json["provision"]["provision"].as_array_mut().unwrap().pop();
    let alone = agreed(&json);
    assert!(alone.exceptions.is_empty() && alone.labels == Labels::of(Label::Hiv), "said as one set of labels");
}

#[test]
fn permits_up_to_a_level_stand_beside_each_other() {
    let json = permit(json!({"securityLabel": [level("N")], "purpose": [purpose("TREAT")], "provision": [
        {"type": "permit", "securityLabel": [level("R")], "actor": [actor("Organization/clinic")]},
        {"type": "permit", "securityLabel": [level("V")], "actor": [actor("Practitioner/13")]},
        {"type": "deny", "dataPeriod": {"end": "2021"}}]}));
    agreed(&json);
}

#[test]
fn parts_that_are_exceptions_to_each_other_are_worked_out_as_far_as_a_consent_holds() {
    let further: Vec<Value> = ["TREAT", "ETREAT", "BTG", "HRESCH", "PUBHLTH", "PATRQT"]
        .iter()
        .map(|code| json!({"type": "permit", "purpose": [purpose(code)], "securityLabel": [level("R")]}))
        .collect();
    let json = permit(json!({"securityLabel": [level("N")], "purpose": [purpose("HOPERAT")], "provision": further}));
    refused(&json, Reason::TooComplex, "$.provision");
}

#[test]
fn a_nested_permit_reaches_further_with_what_it_says_and_keeps_what_it_does_not() {
    let json = permit(json!({"purpose": [purpose("TREAT")], "securityLabel": [level("N")], "provision": [
        {"type": "permit", "securityLabel": [sensitive("PSY"), sensitive("SDV")], "actor": [actor("Practitioner/13")]},
        {"type": "permit", "purpose": [purpose("BTG")], "securityLabel": [level("R")]}]}));
    agreed(&json);
}

#[test]
fn what_a_permit_denies_is_not_thereby_denied_to_others() {
    let json = permit(json!({"provision": [
        {"type": "deny", "actor": [actor("Practitioner/f204")]},
        {"type": "deny", "actor": [actor("Organization/ex-org-researcher")], "purpose": [purpose("HRESCH")]}]}));
    agreed(&json);
}

#[test]
fn a_denied_base_opens_its_exceptions_alone() {
    let json = with_provision(json!({"type": "deny", "provision": [
        {"type": "permit", "actor": [actor("Organization/clinic")], "purpose": [purpose("TREAT")], "securityLabel": [level("N")]}]}));
    let consent = agreed(&json);
    assert_eq!(consent.viewers, Viewers::Facilities(vec![fid("clinic")]));
    assert!(consent.exceptions.is_empty());
}

#[test]
fn roles_and_authors_at_hand_are_read() {
    let role = |id: &str, code: &str| {
        json!({"resourceType": "PractitionerRole", "id": id,
        "code": [{"coding": [coding("urn:ajisai:role", code)]}]})
    };
    let mut json = permit(json!({"actor": [actor("#nurse"), actor("#physician")], "provision": [
        {"type": "deny", "data": [{"meaning": "authoredby", "reference": {"reference": "#nurse"}}]}]}));
    json["contained"] = json!([role("nurse", "nurse"), role("physician", "physician")]);
    agreed(&json);
    json["contained"][0]["specialty"] = json!([{"text": "小児科"}]);
    refused(&json, Reason::ActorNotRepresentable, "$.provision.actor[0].reference");
}

#[test]
fn facilities_and_practitioners_in_one_consent_are_refused_unless_it_is_for_all() {
    let both = json!([actor("Organization/clinic"), actor("Practitioner/ex-author")]);
    refused(&permit(json!({"actor": both})), Reason::ActorNotRepresentable, "$.provision");
    // As exceptions they stand side by side.
    agreed(&permit(json!({"provision": [{"type": "deny", "actor": both}]})));
}

#[test]
fn what_cannot_be_told_apart_here_is_refused_where_it_stands() {
    let related = |meaning: &str, to: &str| json!({"data": [{"meaning": meaning, "reference": {"reference": to}}]});
    let instance = related("instance", "Observation/1");
    refused(&permit(instance), Reason::DataInstanceNotRepresentable, "$.provision.data[0]");
    let encounter = related("related", "Encounter/1");
    refused(&permit(encounter), Reason::DataRelationNotRepresentable, "$.provision.data[0]");
    let author = related("authoredby", "Practitioner/13");
    refused(&permit(author), Reason::AuthorNotRepresentable, "$.provision.data[0]");
    let action =
        json!({"action": [{"coding": [coding("http://terminology.hl7.org/CodeSystem/consentaction", "disclose")]}]});
    refused(&permit(action), Reason::ActionNotRepresentable, "$.provision.action");
    let finer = json!({"securityLabel": [level("N"), sensitive("ETHUD")]});
    refused(&permit(finer), Reason::LabelNotRepresentable, "$.provision.securityLabel[1]");
    let unknown = json!({"purpose": [purpose("TREAT"), coding("http://example.org", "X")]});
    refused(&permit(unknown), Reason::PurposeNotRepresentable, "$.provision.purpose[1]");
    refused(&permit(json!({"purpose": [purpose("HPAYMT")]})), Reason::PurposeNotRepresentable, "$.provision.purpose");
    let coded = json!({"code": [{"coding": [coding("http://loinc.org", "34133-9")]}]});
    refused(&permit(coded), Reason::CodeNotRepresentable, "$.provision.code[0]");
    let group = json!({"actor": [actor("Organization/clinic"), actor("Group/1")]});
    refused(&permit(group), Reason::ActorNotRepresentable, "$.provision.actor[1].reference");
    let stranger = json!({"actor": [actor("Organization/unheard-of")]});
    refused(&permit(stranger), Reason::UnknownActor, "$.provision.actor[0].reference");
    let mut custodian = actor("Organization/clinic");
    custodian["role"]["coding"][0]["code"] = Value::from("CST");
    refused(&permit(json!({"actor": [custodian]})), Reason::ActorRoleNotRepresentable, "$.provision.actor[0].role");
}

#[test]
fn an_element_that_is_not_known_could_narrow_and_is_refused() {
    refused(&permit(json!({"purposes": [purpose("TREAT")]})), Reason::InvalidElement, "$.provision");
    let extended = json!({"provision": [{"type": "deny", "modifierExtension": [{"url": "urn:x"}]}]});
    refused(&permit(extended), Reason::UnknownModifier, "$.provision.provision[0].modifierExtension");
    refused(&permit(json!({"actor": []})), Reason::InvalidElement, "$.provision.actor");
    let untyped = json!({"provision": [{"dataPeriod": {"end": "2020"}}]});
    refused(&permit(untyped), Reason::MissingElement, "$.provision.provision[0].type");
    let backwards = json!({"period": {"start": "2026-01-02", "end": "2026-01-01"}});
    // A period that ends on the day before it begins ends, by our half-open count, where it begins.
    let nothing = outcome(&permit(backwards));
    assert!(nothing.refusal.is_none() && nothing.notes.iter().any(|note| note.remark == Remark::OpensNothing));
    refused(
        &permit(json!({"period": {"start": "2026-01-02", "end": "2025"}})),
        Reason::InvalidElement,
        "$.provision.period.end",
    );
}

#[test]
fn a_base_rule_that_is_absent_or_contradicted_is_refused() {
    let rule = |json: &mut Value, code: &str| json["policyRule"] = json!({"coding": [sensitive(code)]});
    let mut json = permit(json!({"actor": [actor("Organization/clinic")]}));
    rule(&mut json, "OPTOUT");
    refused(&json, Reason::UnclearBaseRule, "$.provision.type");
    rule(&mut json, "OPTIN");
    agreed(&json);
    rule(&mut json, "EMRGONLY");
    refused(&json, Reason::UnknownPolicy, "$.policyRule");

    let mut untyped = with_provision(json!({"actor": [actor("Organization/clinic")]}));
    refused(&untyped, Reason::UnclearBaseRule, "$.policyRule");
    rule(&mut untyped, "OPTIN");
    refused(&untyped, Reason::UnclearBaseRule, "$.provision");
    untyped["provision"] =
        json!({"period": {"end": "2026"}, "provision": [{"type": "deny", "purpose": [purpose("HRESCH")]}]});
    agreed(&untyped);
    untyped.as_object_mut().unwrap().remove("provision");
    assert_eq!(taken(&untyped).viewers, Viewers::AllMembers);
    rule(&mut untyped, "OPTOUT");
    assert_eq!(taken(&untyped).purposes, PurposeSet::NONE);

    let mut treatment = permit(json!({}));
    treatment["scope"]["coding"][0]["code"] = Value::from("treatment");
    refused(&treatment, Reason::ScopeNotRepresentable, "$.scope");
}

#[test]
fn an_exception_that_changes_nothing_is_refused() {
    let json = permit(json!({"provision": [{"type": "permit", "purpose": [purpose("TREAT")]}]}));
    refused(&json, Reason::ExceptionWithoutEffect, "$.provision.provision[0]");
}

#[test]
fn status_is_where_it_stands() {
    let state = |status: &str| {
        let mut json = permit(json!({}));
        json["status"] = Value::from(status);
        json["meta"] = json!({"lastUpdated": "2026-03-05T00:00:00Z"});
        change(outcome(&json))
    };
    for (status, expected) in [
        ("draft", ConsentState::Draft),
        ("proposed", ConsentState::Signed),
        ("active", ConsentState::Active),
        ("rejected", ConsentState::Rejected),
    ] {
        assert!(matches!(state(status), ConsentChange::Given(consent) if consent.state == expected), "{status}");
    }
    for over in ["inactive", "entered-in-error"] {
        let ConsentChange::Withdrawn(withdrawal) = state(over) else { panic!("{over}: a withdrawal") };
        assert_eq!(withdrawal.id.as_str(), "hospital.c1");
        assert_eq!(withdrawal.withdrawn_at, moment("2026-03-05T00:00:00Z"));
    }
}

#[test]
fn what_is_over_is_withdrawn_though_nothing_else_of_it_could_be_read() {
    let mut json = permit(json!({"actor": [actor("Group/1")], "unheard": true}));
    json["status"] = Value::from("inactive");
    assert!(matches!(change(outcome(&json)), ConsentChange::Withdrawn(_)));
}

#[test]
fn a_version_that_is_refused_closes_what_an_earlier_one_has_opened() {
    let first = taken(&permit(json!({"actor": [actor("Organization/clinic")]})));
    let outcome = outcome(&permit(json!({"actor": [actor("Group/1")]})));
    assert_eq!(outcome.refusal.as_ref().map(|refusal| refusal.reason), Some(Reason::ActorNotRepresentable));
    let ConsentChange::Given(closed) = change(outcome) else { panic!("a consent") };
    assert_eq!((&closed.id, &closed.patient), (&first.id, &first.patient));
    let requests = grid::requests(&["2026-03-02"]);
    assert!(requests.iter().any(|request| judge::permits(&first, request)));
    assert!(!requests.iter().any(|request| judge::permits(&closed, request)));
    assert_eq!(closed.viewers, Viewers::Facilities(vec![fid(SOURCE)]), "nobody else has a part in it");
    assert!(ConsentState::may_become(Some(first.state), closed.state));
    assert!(ConsentState::may_become(Some(closed.state), first.state), "a version that can be read opens it again");
}

#[test]
fn a_draft_that_is_refused_says_nothing() {
    let mut json = permit(json!({"actor": [actor("Group/1")]}));
    json["status"] = Value::from("draft");
    assert!(outcome(&json).events.is_empty());
}

#[test]
fn who_signed_is_read_from_the_performers() {
    let signed = |performers: Value, contained: Value| {
        let mut json = permit(json!({}));
        json["performer"] = performers;
        json["contained"] = contained;
        let consent = taken(&json);
        (consent.signer, consent.paper.relation)
    };
    let related = |code: &str| {
        json!([{"resourceType": "RelatedPerson", "id": "r",
        "relationship": [{"coding": [coding("http://terminology.hl7.org/CodeSystem/v3-RoleCode", code)]}]}])
    };
    let other = json!([{"reference": "#r"}]);
    assert_eq!(signed(other.clone(), related("MTH")), (Signer::Representative, "MTH".to_owned()));
    assert_eq!(signed(other.clone(), related("NBOR")), (Signer::Agent, "NBOR".to_owned()));
    assert_eq!(
        signed(json!([{"reference": "Patient/mother"}]), json!([{"resourceType": "Basic", "id": "b"}])).0,
        Signer::Agent
    );
    let both = json!([{"reference": "#r"}, {"reference": "Patient/0042"}]);
    assert_eq!(signed(both, related("MTH")).0, Signer::Patient);
}

#[test]
fn the_one_custodian_has_taken_it() {
    let mut json = permit(json!({}));
    json["organization"] = json!([{"reference": "Organization/clinic"}]);
    assert_eq!(taken(&json).taken_by, fid("clinic"));
    json["organization"] = json!([{"reference": "Organization/clinic"}, {"reference": "Organization/f001"}]);
    refused(&json, Reason::InvalidElement, "$.organization[1]");
    json["organization"] = json!([{"reference": "Organization/unheard-of"}]);
    refused(&json, Reason::UnknownActor, "$.organization[0]");
}

#[test]
fn organisations_are_known_by_identifiers_learnt_from_files_too() {
    let organization = json!({"resourceType": "Organization", "id": "o9",
        "identifier": [{"system": "http://jpfhir.jp/fhir/core/IdSystem/insurance-medical-institution-no", "value": "4218111111"}]});
    let mut references = References::default();
    let mut context = context();
    context.actors = context.actors.with_facility(
        "http://jpfhir.jp/fhir/core/IdSystem/insurance-medical-institution-no|4218111111",
        fid("clinic"),
    );
    references.learn(&Resource::alone(organization), &context);
    let json = permit(json!({"actor": [actor("https://fhir.example.jp/r4/Organization/o9/_history/3")]}));
    let ConsentChange::Given(consent) = change(events(&Resource::alone(json), &context, &references)) else {
        panic!("a consent")
    };
    assert_eq!(consent.viewers, Viewers::Facilities(vec![fid("clinic")]));
}

#[test]
fn the_same_version_read_alike_is_one_event_and_another_reading_is_another() {
    let key = |json: &Value| outcome(json).events.remove(0).key.id;
    let json = permit(json!({"actor": [actor("Organization/clinic")]}));
    assert_eq!(key(&json), key(&json));
    assert_ne!(key(&json), key(&permit(json!({}))));
    let mut second = json.clone();
    second["meta"] = json!({"versionId": "2"});
    assert_ne!(key(&json), key(&second));
    assert!(key(&second).as_str().starts_with("hospital.c1/2/"));
}

#[test]
fn a_long_id_is_digested_and_one_that_is_none_is_refused() {
    let mut json = permit(json!({}));
    json["id"] = Value::from("a".repeat(64));
    assert!(taken(&json).id.as_str().starts_with('~'));
    json["id"] = Value::from("no id");
    refused(&json, Reason::InvalidElement, "$.id");
    json["patient"] = json!({"identifier": {"system": "urn:ajisai:patient-number:elsewhere", "value": "1"}});
    json["id"] = Value::from("c1");
    refused(&json, Reason::UnknownPatient, "$.patient.identifier");
}

#[test]
fn more_provisions_than_are_worked_out_are_refused() {
    let deny = json!({"type": "deny", "purpose": [purpose("HRESCH")]});
    let many = permit(json!({"provision": vec![deny; 64]}));
    refused(&many, Reason::TooComplex, "$.provision.provision[63]");
    let mut deep = json!({"type": "permit"});
    for level in 0..9 {
        deep = json!({"type": if level % 2 == 0 { "deny" } else { "permit" }, "provision": [deep]});
    }
    assert_eq!(outcome(&with_provision(deep)).refusal.map(|refusal| refusal.reason), Some(Reason::TooComplex));
}

#[test]
fn every_label_of_the_network_can_be_said_alone() {
    for label in Labels::NEED_SAYING.iter() {
        let (system, text) = super::super::code::label_code(label);
        let consent = agreed(&permit(json!({"securityLabel": [level("N")], "provision": [
            {"type": "permit", "securityLabel": [coding(system, text)]}]})));
        assert_eq!(consent.labels, Labels::NEED_SAYING);
    }
    assert_eq!(set(&[Label::Hiv]), Labels::of(Label::Hiv));
}
