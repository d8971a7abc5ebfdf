//! Who may say what, case by case.

use super::fixture::*;
use crate::authority::authorise;
use crate::refusal::RefusalReason;
use model::*;
use rstest::rstest;

fn book() -> TestBook {
    let book = TestBook::default();
    {
        let mut lists = book.0.lock();
        for (id, at) in [("m-clinic", "clinic"), ("m-hospital", "hospital")] {
            lists.members.push(member(id, at));
        }
        lists.consents.push(standing(consent("active", ConsentState::Active)));
        lists.consents.push(standing(consent("signed", ConsentState::Signed)));
        lists.links.push(link("l-1", &patient("hospital", "1"), &patient("clinic", "9")));
    }
    book
}

fn member(id: &str, at: &str) -> Member {
    Member {
        id: member_id(id),
        facility: facility(at),
        role: Role::Physician,
        name: "x".into(),
        period: Period::ALWAYS,
    }
}

/// What the door says when the caller states this in the name of their own facility.
#[track_caller]
fn check(caller: &Principal, body: Body, expected: Result<(), RefusalReason>) {
    let event = event_of(caller.facility.as_str(), "e-1", body);
    assert_eq!(authorise(caller, &event, &book()).map_err(|refusal| refusal.reason), expected);
}

fn record(whose: &PatientRef) -> Body {
    Body::Record(Box::new(record_of(whose, "x")))
}
fn given(consent: Consent) -> Body {
    Body::Consent(ConsentChange::Given(consent))
}
fn withdrawn(id: &str, whose: &PatientRef) -> Body {
    let id = ConsentId::parse(id).unwrap();
    Body::Consent(ConsentChange::Withdrawn(Withdrawal { id, patient: whose.clone(), withdrawn_at: now() }))
}
fn states_facility() -> Body {
    let kind = FacilityKind::Clinic;
    let (name, name_en) = ("x".into(), String::new());
    let facility = Facility { id: facility("new"), kind, name, name_en, status: FacilityStatus::Active };
    Body::Directory(DirectoryChange::Facility(facility))
}
fn states_member(id: &str, at: &str) -> Body {
    Body::Directory(DirectoryChange::Member(member(id, at)))
}
fn states_scope(of: &str) -> Body {
    Body::Directory(DirectoryChange::Scope(DisclosureScope::of(facility(of), Vec::new())))
}
fn linked(id: &str, a: &PatientRef, b: &PatientRef) -> Body {
    Body::Directory(DirectoryChange::Link(LinkChange::Linked(link(id, a, b))))
}
fn unlinked(id: &str) -> Body {
    let unlink = Unlink { id: LinkId::parse(id).unwrap(), by: member_id("m-1"), at: now() };
    Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink)))
}

fn audited(by: &Principal) -> Body {
    let what = What::Query { statement: Digest::from_bytes([1; 32]), seen: Frontier::start() };
    let reading = Reading::begin(ActId(1), by, what, now());
    let event = reading.finish(now(), AuditOutcome::Completed, || Salt::from_bytes([2; 32])).remove(0);
    Body::Audit(Box::new(event))
}

fn glass(id: &str, member: &str, role: Role) -> Body {
    let (id, facility) = (model::GlassId::parse(id).unwrap(), facility("clinic"));
    let (patient, from) = (patient("hospital", "1"), now());
    let reason = "unconscious".to_owned();
    let glass = BreakGlass::new(id, facility, member_id(member), role, patient, reason, from, from);
    Body::Consent(ConsentChange::GlassBroken(glass.unwrap()))
}

use RefusalReason::{NotDiscloser, NotPermitted, RoleNotPermitted, WrongSource};

#[test]
fn nobody_writes_into_the_ledger_by_the_door() {
    for role in Role::ALL {
        let caller = caller("hospital", *role);
        let event = event_of("hospital", "e-1", audited(&caller));
        let refused = authorise(&caller, &event, &book()).unwrap_err();
        assert_eq!((refused.reason, refused.field.as_str()), (NotPermitted, "audit"), "{role}");
    }
}

#[rstest]
fn nobody_speaks_for_another_facility(#[values(0, 1, 2)] which: usize) {
    let bodies = [record(&patient("clinic", "1")), withdrawn("active", &patient("clinic", "1")), states_facility()];
    let event = event_of("clinic", "e-1", bodies[which].clone());
    for role in Role::ALL {
        let refused = authorise(&caller("hospital", *role), &event, &book()).unwrap_err();
        assert_eq!((refused.reason, refused.field.as_str()), (WrongSource, "source"));
    }
}

#[test]
fn systems_and_clinical_staff_send_records_and_nobody_else_does() {
    let mut senders = Vec::new();
    for role in Role::ALL {
        let event = event_of("hospital", "e-1", record(&patient("hospital", "1")));
        if authorise(&caller("hospital", *role), &event, &book()).is_ok() {
            senders.push(role.code());
        }
    }
    let expected =
        ["physician", "dentist", "nurse", "midwife", "pharmacist", "laboratory-staff", "care-manager", "system"];
    assert_eq!(senders, expected);
}

#[test]
fn a_facility_sends_records_of_its_own_patients_only() {
    check(&hospital(), record(&patient("clinic", "1")), Err(WrongSource));
}

#[test]
fn only_the_disclosing_facility_activates_and_rejects() {
    for state in [ConsentState::Active, ConsentState::Rejected] {
        check(&hospital(), given(consent("new", state)), Ok(()));
        check(&caller("clinic", Role::System), given(consent("new", state)), Err(NotDiscloser));
    }
}

#[test]
fn a_viewing_facility_that_takes_a_consent_submits_it_up_to_received() {
    for state in [ConsentState::Draft, ConsentState::Signed, ConsentState::Received] {
        check(&caller("clinic", Role::Clerk), given(consent("new", state)), Ok(()));
        check(&caller("clinic", Role::Clerk), given(consent("signed", state)), Ok(()));
        check(&caller("pharmacy", Role::System), given(consent("new", state)), Err(NotPermitted));
        let by_pharmacy = Consent { taken_by: facility("pharmacy"), ..consent("new", state) };
        check(&caller("pharmacy", Role::System), given(by_pharmacy), Err(NotPermitted));
    }
}

#[test]
fn a_viewing_facility_cannot_undo_what_the_discloser_decided() {
    check(&caller("clinic", Role::System), given(consent("active", ConsentState::Draft)), Err(NotDiscloser));
}

#[test]
fn a_consent_id_is_not_taken_over_for_another_patient() {
    let stolen = Consent { patient: patient("clinic", "7"), ..consent("active", ConsentState::Active) };
    check(&caller("clinic", Role::System), given(stolen), Err(NotPermitted));
}

#[test]
fn named_practitioners_make_their_facility_a_viewer() {
    let viewers = Viewers::Practitioners(vec![member_id("m-clinic")]);
    let named = Consent { viewers, ..consent("new", ConsentState::Signed) };
    check(&caller("clinic", Role::Physician), given(named), Ok(()));
    let others = Consent {
        viewers: Viewers::Practitioners(vec![member_id("m-hospital"), member_id("m-unknown")]),
        ..consent("new", ConsentState::Signed)
    };
    check(&caller("clinic", Role::Physician), given(others), Err(NotPermitted));
}

#[test]
fn discloser_taker_and_administrator_withdraw_and_nobody_else_does() {
    let whose = patient("hospital", "1");
    check(&hospital(), withdrawn("active", &whose), Ok(()));
    check(&hospital(), withdrawn("unknown", &whose), Ok(()));
    check(&caller("clinic", Role::Clerk), withdrawn("active", &whose), Ok(()));
    check(&caller("operator", Role::Administrator), withdrawn("active", &whose), Ok(()));
    check(&caller("pharmacy", Role::System), withdrawn("active", &whose), Err(NotPermitted));
    check(&caller("clinic", Role::Clerk), withdrawn("unknown", &whose), Err(NotPermitted));
    check(&hospital(), withdrawn("active", &patient("hospital", "2")), Err(NotPermitted));
}

#[rstest]
#[case(Role::Patient)]
#[case(Role::Auditor)]
fn patients_and_auditors_change_nothing(#[case] role: Role) {
    let here = caller("hospital", role);
    let (one, nine) = (patient("hospital", "1"), patient("clinic", "9"));
    for body in [
        record(&one),
        given(consent("new", ConsentState::Active)),
        withdrawn("active", &one),
        states_facility(),
        states_member("m-new", "hospital"),
        states_scope("hospital"),
        linked("l-2", &one, &nine),
        unlinked("l-1"),
    ] {
        check(&here, body, Err(RoleNotPermitted));
    }
}

#[test]
fn facilities_are_stated_by_administrators() {
    check(&caller("operator", Role::Administrator), states_facility(), Ok(()));
    check(&hospital(), states_facility(), Err(RoleNotPermitted));
}

#[test]
fn members_are_stated_by_their_facility_or_an_administrator() {
    check(&hospital(), states_member("m-new", "hospital"), Ok(()));
    check(&hospital(), states_member("m-new", "clinic"), Err(NotPermitted));
    check(&hospital(), states_member("m-clinic", "hospital"), Err(NotPermitted));
    check(&caller("hospital", Role::Physician), states_member("m-new", "hospital"), Err(RoleNotPermitted));
    check(&caller("operator", Role::Administrator), states_member("m-clinic", "hospital"), Ok(()));
}

#[test]
fn a_scope_is_stated_by_its_own_facility_and_not_even_by_an_administrator_elsewhere() {
    check(&hospital(), states_scope("hospital"), Ok(()));
    check(&caller("hospital", Role::Administrator), states_scope("hospital"), Ok(()));
    check(&caller("operator", Role::Administrator), states_scope("hospital"), Err(NotPermitted));
    check(&caller("clinic", Role::System), states_scope("hospital"), Err(NotPermitted));
    check(&caller("hospital", Role::Physician), states_scope("hospital"), Err(RoleNotPermitted));
}

#[test]
fn links_belong_to_the_facilities_at_their_ends() {
    let (one, nine) = (patient("hospital", "1"), patient("clinic", "9"));
    for at in ["hospital", "clinic"] {
        check(&caller(at, Role::Clerk), linked("l-2", &one, &nine), Ok(()));
        check(&caller(at, Role::Clerk), unlinked("l-1"), Ok(()));
    }
    check(&caller("pharmacy", Role::Clerk), linked("l-2", &one, &nine), Err(NotPermitted));
    check(&caller("pharmacy", Role::Clerk), unlinked("l-1"), Err(NotPermitted));
    check(&hospital(), unlinked("l-unknown"), Err(NotPermitted));
    check(&hospital(), linked("l-1", &patient("hospital", "2"), &nine), Err(NotPermitted));
    check(&caller("hospital", Role::Administrator), linked("l-2", &one, &nine), Err(RoleNotPermitted));
}

#[test]
fn a_glass_is_broken_by_a_person_for_themselves() {
    let doctor = || Principal { member: Some(member_id("dr")), ..caller("clinic", Role::Physician) };
    check(&doctor(), glass("b-1", "dr", Role::Physician), Ok(()));
    check(&doctor(), glass("b-1", "other", Role::Physician), Err(NotPermitted));
    check(&doctor(), glass("b-1", "dr", Role::Nurse), Err(NotPermitted));
    let elsewhere = Principal { facility: facility("pharmacy"), ..doctor() };
    check(&elsewhere, glass("b-1", "dr", Role::Physician), Err(NotPermitted));
    check(&caller("clinic", Role::System), glass("b-1", "dr", Role::System), Err(RoleNotPermitted));
    check(&caller("clinic", Role::Clerk), glass("b-1", "dr", Role::Clerk), Err(RoleNotPermitted));
}

#[test]
fn a_glass_is_closed_by_either_side_and_reviewed_by_the_disclosing_one() {
    let id = || model::GlassId::parse("b-1").unwrap();
    let end = BreakGlassEnd { id: id(), facility: facility("clinic"), patient: patient("hospital", "1"), at: now() };
    let closed = || Body::Consent(ConsentChange::GlassClosed(end.clone()));
    check(&caller("clinic", Role::Physician), closed(), Ok(()));
    check(&caller("hospital", Role::Clerk), closed(), Ok(()));
    check(&caller("pharmacy", Role::Physician), closed(), Err(NotDiscloser));
    let review = BreakGlassReview {
        id: id(),
        facility: facility("clinic"),
        patient: patient("hospital", "1"),
        reviewer: member_id("reviewer"),
        outcome: model::ReviewOutcome::Justified,
        text: String::new(),
        at: now(),
    };
    let reviewed = || Body::Consent(ConsentChange::GlassReviewed(review.clone()));
    check(&caller("hospital", Role::Clerk), reviewed(), Ok(()));
    check(&caller("clinic", Role::Physician), reviewed(), Err(NotDiscloser));
    let other = Principal { member: Some(member_id("other")), ..caller("hospital", Role::Physician) };
    check(&other, reviewed(), Err(NotPermitted));
}

#[test]
fn a_release_is_the_disclosing_facilitys_and_an_agreement_the_viewing_ones() {
    let release =
        Release { patient: patient("hospital", "1"), categories: model::CategorySet::all(), recorded_until: now() };
    let released = || Body::Consent(ConsentChange::Released(release.clone()));
    check(&hospital(), released(), Ok(()));
    check(&caller("clinic", Role::Physician), released(), Err(NotDiscloser));
    check(&caller("hospital", Role::Patient), released(), Err(RoleNotPermitted));

    let agreement = ViewerAgreement {
        id: model::AgreementId::parse("a-1").unwrap(),
        facility: facility("clinic"),
        source: facility("hospital"),
        members: Vec::new(),
        period: model::Period::ALWAYS,
    };
    let agreed = || Body::Directory(DirectoryChange::Agreement(AgreementChange::Stated(agreement.clone())));
    check(&caller("clinic", Role::System), agreed(), Ok(()));
    check(&caller("clinic", Role::Physician), agreed(), Err(RoleNotPermitted));
    check(&hospital(), agreed(), Err(NotPermitted));
}

#[test]
fn a_kinship_is_stated_where_the_mother_is() {
    let (mother, newborn) = (patient("hospital", "1"), patient("hospital", "2"));
    let id = model::LinkId::parse("k-1").unwrap();
    let kinship = Kinship::new(id, mother, newborn, member_id("m"), now()).unwrap();
    let stated = || Body::Directory(DirectoryChange::Kinship(KinshipChange::Stated(kinship.clone())));
    check(&caller("hospital", Role::Midwife), stated(), Ok(()));
    check(&caller("clinic", Role::Midwife), stated(), Err(NotPermitted));
    check(&caller("hospital", Role::Administrator), stated(), Err(RoleNotPermitted));
}

#[rstest]
#[case(DefinitionKind::Thresholds, Role::Physician, Ok(()))]
#[case(DefinitionKind::Thresholds, Role::Administrator, Ok(()))]
#[case(DefinitionKind::Thresholds, Role::Nurse, Err(RoleNotPermitted))]
#[case(DefinitionKind::Perinatal, Role::Midwife, Err(RoleNotPermitted))]
#[case(DefinitionKind::Cohort, Role::Nurse, Ok(()))]
#[case(DefinitionKind::View, Role::Clerk, Ok(()))]
#[case(DefinitionKind::View, Role::Auditor, Err(RoleNotPermitted))]
#[case(DefinitionKind::View, Role::Patient, Err(RoleNotPermitted))]
fn limits_are_defined_by_physicians_and_cohorts_by_all_who_work_with_them(
    #[case] kind: DefinitionKind,
    #[case] role: Role,
    #[case] expected: Result<(), RefusalReason>,
) {
    let name = DefinitionName::parse("a").unwrap();
    let defined = |at| {
        let definition = Definition::new(facility(at), kind, name.clone(), "x".into()).unwrap();
        Body::Directory(DirectoryChange::Definition(definition))
    };
    check(&caller("hospital", role), defined("hospital"), expected);
    check(&caller("hospital", role), defined("clinic"), expected.and(Err(NotPermitted)));
}

#[test]
fn a_facilitys_figures_are_published_by_its_physicians_and_its_system() {
    let release = |at| {
        Body::Directory(DirectoryChange::Measure(MeasureRelease {
            facility: facility(at),
            measure: DefinitionName::parse("hedis-ked-my2024").unwrap(),
            year: 2026,
            of: jiff::civil::date(2026, 11, 23),
            least: 10,
            counted: std::collections::BTreeMap::new(),
        }))
    };
    for (role, expected) in [
        (Role::System, Ok(())),
        (Role::Physician, Ok(())),
        (Role::Nurse, Err(RoleNotPermitted)),
        (Role::Clerk, Err(RoleNotPermitted)),
        (Role::Administrator, Err(RoleNotPermitted)),
    ] {
        check(&caller("hospital", role), release("hospital"), expected);
    }
    check(&caller("hospital", Role::System), release("clinic"), Err(NotPermitted));
}

#[test]
fn a_referral_is_sent_by_the_patients_facility_and_answered_by_the_one_it_goes_to() {
    let whose = patient("clinic", "9");
    let by = || (member_id("dr"), now());
    let ends = || (whose.clone(), facility("hospital"));
    let id = || ReferralId::parse("r-1").unwrap();
    let said = |change| Body::Referral(Box::new(change));
    let sent =
        || said(ReferralChange::Sent(Referral::new(id(), ends(), ReferralKind::Transfer, "x".into(), by()).unwrap()));
    let turned = |step| {
        let (patient, to) = ends();
        let (by, at) = by();
        said(ReferralChange::Turned(ReferralTurn { id: id(), patient, to, step, by, at, words: OwnWords::default() }))
    };
    let doctor = |at| Principal { member: Some(member_id("dr")), ..caller(at, Role::Physician) };
    check(&doctor("clinic"), sent(), Ok(()));
    check(&doctor("hospital"), sent(), Err(NotPermitted));
    check(&caller("clinic", Role::Clerk), sent(), Ok(()));
    check(&caller("clinic", Role::Auditor), sent(), Err(RoleNotPermitted));
    let other = Principal { member: Some(member_id("other")), ..doctor("clinic") };
    check(&other, sent(), Err(NotPermitted));
    for step in ReferralStep::ALL {
        let [theirs, ours] = if step.is_receivers() { ["hospital", "clinic"] } else { ["clinic", "hospital"] };
        check(&doctor(theirs), turned(*step), Ok(()));
        check(&doctor(ours), turned(*step), Err(NotPermitted));
        check(&doctor("pharmacy"), turned(*step), Err(NotPermitted));
    }
}
