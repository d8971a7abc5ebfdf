//! What the door refuses, by field and rule.

use super::arbitrary;
use crate::v1;
use crate::v1::record::Payload;
use crate::v1::value::Kind;
use model::Event;
use rstest::rstest;

fn wire() -> v1::Event {
    v1::Event::from(&arbitrary::example())
}
fn record(event: &mut v1::Event) -> &mut v1::Record {
    match event.body.as_mut() {
        Some(v1::event::Body::Record(record)) => record,
        _ => panic!("the example is a record"),
    }
}
fn laboratory(event: &mut v1::Event) -> &mut v1::LabResult {
    match record(event).payload.as_mut() {
        Some(Payload::Laboratory(laboratory)) => laboratory,
        _ => panic!("the example is a laboratory result"),
    }
}

/// The event, changed, is refused at `field` with words that contain `rule`.
#[track_caller]
fn refused(change: impl FnOnce(&mut v1::Event), field: &str, rule: &str) {
    let mut event = wire();
    change(&mut event);
    let error = Event::try_from(event).unwrap_err();
    assert_eq!(error.field(), field);
    assert!(error.rule().to_string().contains(rule), "`{}` does not say `{rule}`", error.rule());
}

/// A record with this payload is refused at `field` below the payload.
#[track_caller]
fn payload_refused(category: v1::Category, payload: Payload, field: &str, rule: &str) {
    refused(
        |event| {
            record(event).category = category as i32;
            record(event).payload = Some(payload);
        },
        &format!("record.payload.{field}"),
        rule,
    );
}

fn coding() -> Option<v1::Coding> {
    Some(v1::Coding { system: String::new(), code: "x".into(), display: String::new() })
}

#[test]
fn the_example_itself_is_accepted() {
    assert_eq!(Event::try_from(wire()), Ok(arbitrary::example()));
}

#[test]
fn an_envelope_lacks_nothing() {
    refused(|e| e.id.clear(), "id", "`event_id` is empty");
    refused(|e| e.id = "a b".into(), "id", "`event_id` has a character at byte 1");
    refused(|e| e.source.clear(), "source", "`facility_id` is empty");
    refused(|e| e.source = "Nagasaki".into(), "source", "`facility_id` has a character at byte 0");
    refused(|e| e.body = None, "body", "is required");
    refused(|e| e.admitted_us = None, "admitted_us", "is required");
    refused(|e| e.admitted_us = Some(i64::MAX), "admitted_us", "outside the years 1800 to 2300");
}

#[test]
fn a_record_lacks_nothing() {
    refused(|e| record(e).patient = None, "record.patient", "is required");
    refused(
        |e| record(e).patient.as_mut().unwrap().number = "x".repeat(65),
        "record.patient.number",
        "65 bytes long, the limit is 64",
    );
    refused(|e| record(e).patient.as_mut().unwrap().facility.clear(), "record.patient.facility", "is empty");
    refused(|e| record(e).id.clear(), "record.id", "`record_id` is empty");
    refused(|e| record(e).version = 0, "record.version", "above 0");
    refused(|e| record(e).category = 0, "record.category", "is required");
    refused(|e| record(e).category = 99, "record.category", "number 99 is not a known category");
    refused(|e| record(e).occurred_us = None, "record.occurred_us", "is required");
    refused(|e| record(e).recorded_us = Some(i64::MIN), "record.recorded_us", "outside the years");
    refused(|e| record(e).labels = vec![1, 77], "record.labels[1]", "number 77 is not a known label");
    refused(|e| record(e).labels = vec![0], "record.labels[0]", "is required");
    refused(|e| record(e).department = "内科".into(), "record.department", "`department` has a character");
    refused(|e| record(e).author = None, "record.author", "is required");
    refused(|e| record(e).author.as_mut().unwrap().role = 0, "record.author.role", "is required");
    refused(|e| record(e).author.as_mut().unwrap().member = "山".into(), "record.author.member", "`member_id`");
    refused(|e| record(e).change = 9, "record.change", "number 9 is not a known change kind");
}

#[test]
fn a_payload_agrees_with_its_record() {
    refused(|e| record(e).payload = None, "record.payload", "an `upsert` needs a payload");
    refused(
        |e| record(e).category = v1::Category::VitalSign as i32,
        "record.payload",
        "the record's category is `vital-sign` but its payload is `laboratory`",
    );
}

#[test]
fn a_laboratory_result_lacks_nothing() {
    refused(|e| laboratory(e).code = None, "record.payload.laboratory.code", "is required");
    refused(
        |e| laboratory(e).code = Some(v1::Coding { system: "loinc".into(), ..v1::Coding::default() }),
        "record.payload.laboratory.code",
        "neither a code nor a display text",
    );
    refused(|e| laboratory(e).value = None, "record.payload.laboratory.value", "is required");
    refused(
        |e| laboratory(e).value = Some(v1::Value { kind: None }),
        "record.payload.laboratory.value.kind",
        "is required",
    );
    refused(|e| laboratory(e).status = 0, "record.payload.laboratory.status", "is required");
    refused(
        |e| laboratory(e).reference_low = Some(f64::NAN),
        "record.payload.laboratory.reference_low",
        "finite number",
    );
    refused(
        |e| laboratory(e).reference_high = Some(f64::INFINITY),
        "record.payload.laboratory.reference_high",
        "finite number",
    );
}

#[rstest]
#[case(Kind::Quantity(v1::Quantity { value: f64::NAN, ..v1::Quantity::default() }), "quantity.value", "finite number")]
#[case(Kind::Quantity(v1::Quantity { comparator: "~".into(), ..v1::Quantity::default() }), "quantity.comparator", "`<=`")]
#[case(Kind::Coded(v1::Coding::default()), "coded", "neither a code nor a display text")]
#[case(Kind::Absent(String::new()), "absent", "is required")]
fn a_value_is_one_of_four_whole_things(#[case] kind: Kind, #[case] field: &str, #[case] rule: &str) {
    let value = Some(v1::Value { kind: Some(kind) });
    payload_refused(
        v1::Category::VitalSign,
        Payload::VitalSign(v1::VitalSign { code: coding(), value }),
        &format!("vital_sign.value.{field}"),
        rule,
    );
}

#[test]
fn a_waveform_is_whole() {
    fn frame(channel: i32, samples: Vec<f32>, quality: &'static [u8]) -> v1::WaveformFrame {
        v1::WaveformFrame { channel, samples, quality: quality.into() }
    }
    #[track_caller]
    fn check(hertz: f32, frames: Vec<v1::WaveformFrame>, field: &str, rule: &str) {
        let waveform = v1::Waveform { session: "bed-1".into(), hertz, frames, ..v1::Waveform::default() };
        payload_refused(v1::Category::Waveform, Payload::Waveform(waveform), &format!("waveform.{field}"), rule);
    }
    check(0.0, vec![], "hertz", "above 0");
    check(-4.0, vec![], "hertz", "above 0");
    check(f32::NAN, vec![], "hertz", "finite");
    check(4.0, vec![frame(11, vec![], &[])], "frames[0].channel", "number 11 is not a known waveform channel");
    check(4.0, vec![frame(0, vec![], &[])], "frames[0].channel", "is required");
    check(
        4.0,
        vec![frame(1, vec![1.0], &[0]), frame(2, vec![1.0, 2.0], &[0])],
        "frames[1].quality",
        "has 1 entries where `samples` has 2",
    );
    check(4.0, vec![frame(1, vec![1.0], &[3])], "frames[0].quality", "number 3 is not a known sample quality");
    check(4.0, vec![frame(1, vec![f32::INFINITY], &[0])], "frames[0].samples", "finite");
    check(4.0, vec![frame(1, vec![], &[]), frame(1, vec![], &[])], "frames[1].channel", "stated twice");

    let nameless = v1::Waveform { hertz: 4.0, ..v1::Waveform::default() };
    payload_refused(v1::Category::Waveform, Payload::Waveform(nameless), "waveform.session", "is required");
    let timeless =
        v1::Waveform { session: "bed-1".into(), hertz: 4.0, edge_us: Some(i64::MAX), ..v1::Waveform::default() };
    payload_refused(v1::Category::Waveform, Payload::Waveform(timeless), "waveform.edge_us", "microseconds");
}

#[test]
fn a_bed_is_named_and_closes_after_it_opened() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut v1::BedSession), field: &str, rule: &str) {
        let mut bed = v1::BedSession {
            session: "s-1".into(),
            bed: "LDR 2".into(),
            opened_us: Some(10),
            closed_us: Some(20),
            closing: "birth".into(),
            fetuses: vec!["A".into(), "B".into()],
            devices: vec![],
        };
        change(&mut bed);
        payload_refused(v1::Category::Waveform, Payload::Bed(bed), &format!("bed.{field}"), rule);
    }
    check(|bed| bed.session.clear(), "session", "is required");
    check(|bed| bed.bed.clear(), "bed", "is required");
    check(|bed| bed.opened_us = None, "opened_us", "is required");
    check(|bed| bed.closed_us = Some(9), "closed_us", "before");
    check(|bed| bed.closed_us = None, "closed_us", "is required");
    check(|bed| bed.fetuses = vec![String::new(); 4], "fetuses", "at most 3 entries");
}

#[rstest]
#[case(v1::Category::Condition, Payload::Condition(v1::Condition::default()), "condition.code")]
#[case(v1::Category::Allergy, Payload::Allergy(v1::Allergy::default()), "allergy.code")]
#[case(v1::Category::Medication, Payload::Medication(v1::Medication::default()), "medication.code")]
#[case(v1::Category::Encounter, Payload::Encounter(v1::Encounter::default()), "encounter.encounter_class")]
#[case(v1::Category::Document, Payload::Document(v1::Document::default()), "document.kind")]
#[case(v1::Category::Imaging, Payload::Imaging(v1::Imaging::default()), "imaging.modality")]
#[case(v1::Category::Perinatal, Payload::Perinatal(v1::Perinatal::default()), "perinatal.code")]
#[case(v1::Category::CarePlan, Payload::CarePlan(v1::CarePlan::default()), "care_plan.code")]
#[case(v1::Category::Immunization, Payload::Immunization(v1::Immunization::default()), "immunization.code")]
#[case(v1::Category::Patient, Payload::PatientPayload(v1::Demographics::default()), "patient_payload.sex")]
fn an_empty_payload_is_refused(#[case] category: v1::Category, #[case] payload: Payload, #[case] field: &str) {
    payload_refused(category, payload, field, "is required");
}

#[test]
fn odd_parts_of_payloads_are_refused() {
    let medication = v1::Medication { code: coding(), quantity: Some(f64::NEG_INFINITY), ..Default::default() };
    payload_refused(v1::Category::Medication, Payload::Medication(medication), "medication.quantity", "finite");
    let status_not_said = v1::Immunization { code: coding(), ..Default::default() };
    payload_refused(
        v1::Category::Immunization,
        Payload::Immunization(status_not_said),
        "immunization.status",
        "is required",
    );
    let document = v1::Document { kind: coding(), content: "x".into(), ..Default::default() };
    payload_refused(v1::Category::Document, Payload::Document(document), "document.content_type", "is required");
    let condition = v1::Condition { code: coding(), onset_us: Some(i64::MAX), ..Default::default() };
    payload_refused(v1::Category::Condition, Payload::Condition(condition), "condition.onset_us", "outside");
    for birth_date in ["19750401", "1975-02-30", "unknown", "1975-04-01T00:00"] {
        let sex = v1::Sex::Female as i32;
        let who = v1::Demographics { sex, birth_date: birth_date.into(), ..Default::default() };
        payload_refused(v1::Category::Patient, Payload::PatientPayload(who), "patient_payload.birth_date", "a date");
    }
}

fn consent(change: impl FnOnce(&mut v1::Consent)) -> impl FnOnce(&mut v1::Event) {
    let facilities = v1::FacilityList { ids: vec!["clinic-a".into()] };
    let mut consent = v1::Consent {
        id: "c-1".into(),
        patient: Some(v1::PatientRef { facility: "nagasaki-mc".into(), number: "1".into() }),
        viewers: Some(v1::Viewers { kind: Some(v1::viewers::Kind::Facilities(facilities)) }),
        state: v1::ConsentState::Active as i32,
        signer: v1::Signer::Patient as i32,
        taken_by: "clinic-a".into(),
        signed_us: Some(0),
        ..v1::Consent::default()
    };
    change(&mut consent);
    let kind = Some(v1::consent_change::Kind::Given(Box::new(consent)));
    move |event| event.body = Some(v1::event::Body::Consent(v1::ConsentChange { kind }))
}

#[test]
fn a_consent_lacks_nothing() {
    let mut whole = wire();
    consent(|_| {})(&mut whole);
    assert!(Event::try_from(whole).is_ok());

    let none = |event: &mut v1::Event| event.body = Some(v1::event::Body::Consent(v1::ConsentChange { kind: None }));
    refused(none, "consent.kind", "is required");
    refused(consent(|c| c.id.clear()), "consent.given.id", "`consent_id` is empty");
    refused(consent(|c| c.patient = None), "consent.given.patient", "is required");
    refused(consent(|c| c.viewers = None), "consent.given.viewers", "is required");
    let nobody = v1::Viewers { kind: Some(v1::viewers::Kind::Facilities(v1::FacilityList { ids: vec![] })) };
    refused(consent(|c| c.viewers = Some(nobody)), "consent.given.viewers.facilities.ids", "is required");
    let odd = v1::Viewers {
        kind: Some(v1::viewers::Kind::Practitioners(v1::MemberList { ids: vec!["m".into(), "".into()] })),
    };
    refused(consent(|c| c.viewers = Some(odd)), "consent.given.viewers.practitioners.ids[1]", "is empty");
    refused(consent(|c| c.state = 0), "consent.given.state", "is required");
    let backwards = v1::Period { from_us: Some(2), until_us: Some(1) };
    refused(consent(|c| c.period = Some(backwards)), "consent.given.period.until_us", "ends before it begins");
    refused(consent(|c| c.data_period = Some(backwards)), "consent.given.data_period.until_us", "ends before");
    refused(consent(|c| c.categories = vec![15]), "consent.given.categories[0]", "not a known category");
    refused(consent(|c| c.departments = vec!["".into()]), "consent.given.departments[0]", "`department` is empty");
    refused(consent(|c| c.purposes = vec![1, 8]), "consent.given.purposes[1]", "not a known purpose");
    refused(consent(|c| c.signer = 4), "consent.given.signer", "not a known signer");
    refused(consent(|c| c.taken_by.clear()), "consent.given.taken_by", "`facility_id` is empty");
    refused(consent(|c| c.signed_us = None), "consent.given.signed_us", "is required");
    refused(consent(|c| c.form_digest = "A".repeat(64)), "consent.given.form_digest", "64 lower-case hex digits");
}

fn directory(kind: v1::directory_change::Kind) -> impl FnOnce(&mut v1::Event) {
    move |event| event.body = Some(v1::event::Body::Directory(v1::DirectoryChange { kind: Some(kind) }))
}

#[test]
fn a_directory_change_lacks_nothing() {
    use v1::directory_change::Kind;
    let none =
        |event: &mut v1::Event| event.body = Some(v1::event::Body::Directory(v1::DirectoryChange { kind: None }));
    refused(none, "directory.kind", "is required");
    let facility = v1::Facility { id: "a".into(), kind: 1, ..Default::default() };
    refused(directory(Kind::Facility(facility)), "directory.facility.name", "is required");
    let member = v1::Member { id: "m".into(), facility: "a".into(), name: "n".into(), ..Default::default() };
    refused(directory(Kind::Member(member)), "directory.member.role", "is required");
    let rule = v1::ScopeRule { hold_back_days: 65536, ..Default::default() };
    let rules = vec![v1::ScopeRule::default(), rule];
    let scope = v1::DisclosureScope { facility: "a".into(), rules, ..Default::default() };
    refused(directory(Kind::Scope(scope)), "directory.scope.rules[1].hold_back_days", "at most 65535");
    let rules = vec![v1::ScopeRule { hold_back_days: 1, hold_until_released: true, ..Default::default() }];
    let scope = v1::DisclosureScope { facility: "a".into(), rules, ..Default::default() };
    refused(directory(Kind::Scope(scope)), "directory.scope.rules[0].hold_back_days", "`hold_until_released`");
    let break_glass = vec![v1::BreakGlassRule { viewer_kinds: vec![99], ..Default::default() }];
    let scope = v1::DisclosureScope { facility: "a".into(), break_glass, ..Default::default() };
    refused(directory(Kind::Scope(scope)), "directory.scope.break_glass[0].viewer_kinds[0]", "facility kind");
    let scope = v1::DisclosureScope { facility: "a".into(), guardian_consents: 3, ..Default::default() };
    refused(directory(Kind::Scope(scope)), "directory.scope.guardian_consents", "number 3");
    let own = v1::ViewerAgreement { id: "g".into(), facility: "a".into(), source: "a".into(), ..Default::default() };
    refused(directory(Kind::Agreement(own)), "directory.agreement.source", "another facility");
    let ended = v1::AgreementEnd { id: "g".into(), facility: "a".into(), at_us: None };
    refused(directory(Kind::AgreementEnded(ended)), "directory.agreement_ended.at_us", "is required");
    let patient = Some(v1::PatientRef { facility: "a".into(), number: "1".into() });
    let link = v1::Link { id: "l".into(), a: patient.clone(), b: patient, evidence: 1, ..Default::default() };
    refused(directory(Kind::Linked(link)), "directory.linked.b.facility", "another facility");
    let unlink = v1::Unlink { id: "l".into(), by: "m".into(), at_us: None };
    refused(directory(Kind::Unlinked(unlink)), "directory.unlinked.at_us", "is required");
}

fn audit(change: impl FnOnce(&mut v1::AuditEvent)) -> impl FnOnce(&mut v1::Event) {
    move |event| {
        let patient = Some(v1::PatientRef { facility: "a".into(), number: "1".into() });
        let rows = vec![v1::CategoryRows { category: 2, rows: 3 }];
        let seen = Some(v1::Frontier::default());
        let mut audit = v1::AuditEvent {
            id: vec![1; 16].into(),
            facility: "b".into(),
            role: 1,
            purpose: 1,
            began_us: Some(1),
            ended_us: Some(2),
            outcome: 1,
            shown: vec![v1::ShownRows { patient, rows }],
            salt: vec![2; 32].into(),
            what: Some(v1::audit_event::What::Query(v1::AuditedStatement { statement: vec![3; 32].into(), seen })),
            ..Default::default()
        };
        change(&mut audit);
        event.body = Some(v1::event::Body::Audit(Box::new(audit)));
    }
}

#[test]
fn an_audit_event_lacks_nothing_and_says_nothing_twice() {
    use v1::audit_event::What;
    let statement = |statement: Vec<u8>, seen| v1::AuditedStatement { statement: statement.into(), seen };
    let start = Some(v1::Frontier::default());
    refused(audit(|a| a.id = vec![1; 15].into()), "audit.id", "is 15 bytes long, it must be 16");
    refused(audit(|a| a.salt.clear()), "audit.salt", "is 0 bytes long, it must be 32");
    refused(audit(|a| a.facility.clear()), "audit.facility", "`facility_id` is empty");
    refused(audit(|a| a.member = "a b".into()), "audit.member", "not allowed");
    refused(audit(|a| a.role = 0), "audit.role", "is required");
    refused(audit(|a| a.purpose = 8), "audit.purpose", "not a known purpose");
    refused(audit(|a| a.outcome = 7), "audit.outcome", "not a known audit outcome");
    refused(audit(|a| a.began_us = None), "audit.began_us", "is required");
    refused(audit(|a| a.ended_us = Some(0)), "audit.ended_us", "ends before it begins");
    refused(audit(|a| a.what = None), "audit.what", "is required");
    let short = statement(vec![3; 31], start);
    refused(audit(|a| a.what = Some(What::Export(short))), "audit.export.statement", "is 31 bytes long");
    let unseen = statement(vec![3; 32], None);
    refused(audit(|a| a.what = Some(What::MachinePull(unseen))), "audit.machine_pull.seen", "is required");
    let disclosure = v1::AuditedDisclosure { since: None, seen: Some(v1::Frontier::default()) };
    refused(audit(|a| a.what = Some(What::Disclosure(disclosure))), "audit.disclosure.since", "is required");
    let receipt = v1::WithdrawalReceipt { consent: "c".into(), ..Default::default() };
    refused(audit(|a| a.what = Some(What::Receipt(receipt))), "audit.receipt.patient", "is required");
    let receipt = v1::WithdrawalReceipt {
        consent: "c".into(),
        patient: Some(v1::PatientRef { facility: "a".into(), number: "1".into() }),
        position: Some(v1::Position::default()),
        withdrawn_us: Some(1),
        ..Default::default()
    };
    refused(audit(|a| a.what = Some(What::Receipt(receipt))), "audit.shown", "has 1 entries where `receipt` has 0");
    refused(audit(|a| a.shown.push(a.shown[0].clone())), "audit.shown[1].patient", "stated twice");
    refused(audit(|a| a.shown[0].rows.clear()), "audit.shown[0].rows", "is required");
    refused(audit(|a| a.shown[0].rows[0].rows = 0), "audit.shown[0].rows[0].rows", "above 0");
    let twice = |a: &mut v1::AuditEvent| a.shown[0].rows.push(v1::CategoryRows { category: 2, rows: 1 });
    refused(audit(twice), "audit.shown[0].rows[1].category", "stated twice");
    refused(audit(|a| a.shown[0].rows[0].category = 15), "audit.shown[0].rows[0].category", "not a known category");
}

#[test]
fn a_mother_is_not_her_newborn() {
    let patient = Some(v1::PatientRef { facility: "a".into(), number: "1".into() });
    let kinship = v1::Kinship {
        id: "k".into(),
        mother: patient.clone(),
        newborn: patient,
        stated_by: "m".into(),
        stated_us: Some(0),
        fetus: 0,
    };
    let newborn = Some(v1::PatientRef { facility: "a".into(), number: "2".into() });
    let fourth = v1::Kinship { newborn, fetus: 4, ..kinship.clone() };
    refused(directory(v1::directory_change::Kind::Kinship(kinship)), "directory.kinship.newborn", "same patient ref");
    refused(directory(v1::directory_change::Kind::Kinship(fourth)), "directory.kinship.fetus", "1 to 3");
}

#[test]
fn exceptions_alternate_and_are_bounded() {
    fn nest(kinds: &[v1::ProvisionKind]) -> Vec<v1::Provision> {
        let Some((kind, inner)) = kinds.split_first() else { return Vec::new() };
        vec![v1::Provision { kind: *kind as i32, nested: nest(inner), ..Default::default() }]
    }
    fn exceptions(provisions: Vec<v1::Provision>) -> impl FnOnce(&mut v1::Event) {
        consent(|consent| consent.exceptions = provisions)
    }
    use v1::ProvisionKind::{Deny, Permit};
    let mut whole = wire();
    exceptions(nest(&[Deny, Permit, Deny, Permit, Deny, Permit, Deny, Permit]))(&mut whole);
    assert!(Event::try_from(whole).is_ok());

    let field = "consent.given.exceptions";
    refused(exceptions(nest(&[Permit])), field, "inside a `permit` must be a `deny`");
    refused(exceptions(nest(&[Deny, Deny])), field, "inside a `deny` must be a `permit`");
    let deep = [Deny, Permit, Deny, Permit, Deny, Permit, Deny, Permit, Deny];
    refused(exceptions(nest(&deep)), field, "deeper than 8 levels");
    refused(exceptions(nest(&[Deny]).into_iter().cycle().take(65).collect()), field, "more than 64 provisions");
    let mut odd = nest(&[Deny, Permit]);
    odd[0].nested[0].categories = vec![1, 99];
    refused(exceptions(odd), "consent.given.exceptions[0].nested[0].categories[1]", "not a known category");
    refused(exceptions(vec![v1::Provision::default()]), "consent.given.exceptions[0].kind", "is required");
}

#[test]
fn a_consents_paper_is_whole() {
    refused(consent(|c| c.supersedes = "c-1".into()), "consent.given.supersedes", "another consent");
    let paper = |paper: v1::Paper| consent(|c| c.paper = Some(paper));
    let relation = v1::Paper { relation: "mother".into(), ..Default::default() };
    refused(paper(relation), "consent.given.paper.relation", "empty where the patient signed");
    let born = v1::Paper { born: "20080101".into(), ..Default::default() };
    refused(paper(born), "consent.given.paper.born", "is not a date");
    let received = Some(v1::Done { by: "m".into(), at_us: None });
    refused(paper(v1::Paper { received, ..Default::default() }), "consent.given.paper.received.at_us", "is required");
    let long = v1::Paper { relation: "x".repeat(65), ..Default::default() };
    refused(paper(long), "consent.given.paper.relation", "at most 64 bytes");
}

#[test]
fn a_glass_is_broken_with_a_reason_and_for_a_day_at_most() {
    const HOUR: i64 = 3_600_000_000;
    fn glass(change: impl FnOnce(&mut v1::BreakGlass)) -> impl FnOnce(&mut v1::Event) {
        let mut glass = v1::BreakGlass {
            id: "b-1".into(),
            facility: "clinic-a".into(),
            member: "dr".into(),
            role: v1::Role::Physician as i32,
            patient: Some(v1::PatientRef { facility: "nagasaki-mc".into(), number: "1".into() }),
            reason: "unconscious".into(),
            from_us: Some(0),
            until_us: Some(24 * HOUR),
        };
        change(&mut glass);
        let kind = Some(v1::consent_change::Kind::GlassBroken(glass));
        move |event| event.body = Some(v1::event::Body::Consent(v1::ConsentChange { kind }))
    }
    let mut whole = wire();
    glass(|_| {})(&mut whole);
    assert!(Event::try_from(whole).is_ok());
    refused(glass(|g| g.reason = " ".into()), "consent.glass_broken.reason", "the reason is empty");
    refused(glass(|g| g.reason = "x".repeat(2_001)), "consent.glass_broken.reason", "longer than 2000");
    refused(glass(|g| g.until_us = Some(24 * HOUR + 1)), "consent.glass_broken.until_us", "longer than 24 hours");
    refused(glass(|g| g.until_us = Some(-1)), "consent.glass_broken.until_us", "ends before it begins");
    refused(glass(|g| g.facility = "nagasaki-mc".into()), "consent.glass_broken.facility", "own records");
    refused(glass(|g| g.role = 0), "consent.glass_broken.role", "is required");
}

#[test]
fn a_refusal_never_repeats_what_was_said() {
    let mut event = wire();
    record(&mut event).patient.as_mut().unwrap().number = "\u{7}secret".into();
    let error = Event::try_from(event).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}
