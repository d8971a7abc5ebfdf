//! The rarer cases, each as a sentence: exceptions, proxies, releases, guardians, emergencies, kin.

use crate::reference::Sample;
use crate::vectors::{NOW, check, clinic, hospital_patient, region_with};
use crate::world::*;
use consent_filter::{Decision, Gate, Outcome, Permit, Reason, Touched, Verdict, ViewerAnswer};
use model::*;

fn document(occurred: i64) -> Sample {
    let mut sample = lab(hospital_patient());
    sample.class.category = Category::Document;
    Sample { occurred: day(occurred), ..sample }
}
fn laboratory(occurred: i64) -> Sample {
    Sample { occurred: day(occurred), ..lab(hospital_patient()) }
}
fn deny() -> Provision {
    Provision::all(ProvisionKind::Deny)
}
fn permit() -> Provision {
    Provision::all(ProvisionKind::Permit)
}
/// A consent to the clinic with these exceptions.
fn excepting(provisions: Vec<Provision>) -> Consent {
    let exceptions = Exceptions::new(provisions).unwrap();
    Consent { exceptions, ..consent("c-1", hospital_patient(), to(&["clinic-c"])) }
}
fn from_to(from: i64, until: i64) -> Period {
    Period::new(Some(day(from)), Some(day(until))).unwrap()
}
fn btg(facility: &str, member: &str, role: Role) -> Principal {
    Principal { purpose: Purpose::BreakGlass, ..principal(facility, Some(member), role) }
}
/// The hospital lets physicians of clinics break the glass.
fn a_scope_for_emergencies(rule: ScopeRule) -> Body {
    let break_glass = vec![BreakGlassRule {
        viewer_kinds: FacilityKindSet::of(FacilityKind::Clinic),
        viewer_roles: RoleSet::of(Role::Physician),
    }];
    let scope = DisclosureScope { break_glass, ..DisclosureScope::of(fid("hosp-a"), vec![rule]) };
    Body::Directory(DirectoryChange::Scope(scope))
}
fn broken(from: i64) -> Body {
    glass("b-1", ("clinic-c", "dr-1", Role::Physician), hospital_patient(), day(from))
}

// --- exceptions ---

#[test]
fn of_a_denied_period_only_what_is_excepted_again_is_seen() {
    // The base permits; days 2 and 3 are denied; of them laboratory results are permitted again.
    let labs = Provision { categories: CategorySet::of(Category::Laboratory), ..permit() };
    let mut world =
        region_with([excepting(vec![Provision { data_period: from_to(2, 4), nested: vec![labs], ..deny() }])]);
    check(&mut world, &laboratory(2), &clinic(), Ok(()));
    check(&mut world, &document(2), &clinic(), Err("denied_by_exception"));
    check(&mut world, &document(3), &clinic(), Err("denied_by_exception"));
    check(&mut world, &document(1), &clinic(), Ok(()));
    check(&mut world, &document(4), &clinic(), Ok(()));
}

#[test]
fn siblings_that_disagree_deny_in_either_order() {
    let opens = Provision { categories: CategorySet::of(Category::Laboratory), nested: vec![permit()], ..deny() };
    let closes = Provision { data_period: from_to(3, 4), ..deny() };
    for siblings in [vec![opens.clone(), closes.clone()], vec![closes, opens]] {
        let mut world = region_with([excepting(siblings)]);
        check(&mut world, &laboratory(3), &clinic(), Err("denied_by_exception"));
        check(&mut world, &laboratory(2), &clinic(), Ok(()));
    }
}

#[test]
fn an_exception_permits_nothing_that_the_consent_does_not() {
    let narrow = Consent {
        categories: CategorySet::of(Category::Laboratory),
        ..excepting(vec![Provision { nested: vec![permit()], ..deny() }])
    };
    let mut world = region_with([narrow]);
    check(&mut world, &laboratory(3), &clinic(), Ok(()));
    check(&mut world, &document(3), &clinic(), Err("category_not_consented"));
}

#[test]
fn a_doctor_who_is_denied_is_not_shown_it_by_the_clinics_machine() {
    let named = |provision| Provision { viewers: Some(Viewers::Practitioners(vec![mid("dr-1")])), ..provision };
    let mut world = region_with([excepting(vec![named(deny())])]);
    let record = laboratory(3);
    let colleague = principal("clinic-c", Some("dr-2"), Role::Physician);
    let machine = principal("clinic-c", None, Role::System);
    check(&mut world, &record, &clinic(), Err("denied_by_exception"));
    check(&mut world, &record, &colleague, Ok(()));
    check(&mut world, &record, &machine, Err("denied_by_exception"));
    // And what one doctor is permitted again, the machine is not.
    let mut world = region_with([excepting(vec![Provision { nested: vec![named(permit())], ..deny() }])]);
    check(&mut world, &record, &clinic(), Ok(()));
    check(&mut world, &record, &machine, Err("denied_by_exception"));
}

#[test]
fn a_record_without_a_department_is_denied_with_any_department() {
    let psychiatry = Provision { departments: vec![dept("02")], ..deny() };
    let mut world = region_with([excepting(vec![psychiatry])]);
    check(&mut world, &laboratory(3), &clinic(), Err("denied_by_exception"));
    let mut medicine = laboratory(3);
    medicine.class.department = Some(dept("01"));
    check(&mut world, &medicine, &clinic(), Ok(()));
}

#[test]
fn an_exception_begins_and_ends_by_the_clock() {
    let mut world = region_with([excepting(vec![Provision { period: from_to(6, 8), ..deny() }])]);
    let facts = world.facts(&laboratory(3));
    let permitted = |at: Moment| world.book.decide(&facts, &clinic(), at).is_permit();
    assert!(permitted(day(6).plus_micros(-1)) && !permitted(day(6)) && !permitted(day(8).plus_micros(-1)));
    assert!(permitted(day(8)));
    assert_eq!(world.book.next_change_after(day(NOW)), Some(day(6)));
}

// --- states and proxies ---

#[test]
fn a_consent_goes_its_way_and_opens_only_while_it_is_active() {
    use ConsentState::*;
    let stated = |state| given(Consent { state, ..consent("c-1", hospital_patient(), to(&["clinic-c"])) });
    let mut world = region_with([]);
    for state in [Draft, Signed, Received, Activated] {
        assert_eq!(world.tell(stated(state)).outcome, Outcome::Applied);
        check(&mut world, &laboratory(3), &clinic(), Err("consent_not_active"));
    }
    assert_eq!(world.tell(stated(Active)).outcome, Outcome::Applied);
    check(&mut world, &laboratory(3), &clinic(), Ok(()));
    let back = world.tell(stated(Received));
    assert_eq!((back.outcome, back.touched), (Outcome::WrongTransition, Touched::Nothing));
    check(&mut world, &laboratory(3), &clinic(), Ok(()));
    assert_eq!(world.tell(stated(Rejected)).outcome, Outcome::Applied);
    check(&mut world, &laboratory(3), &clinic(), Err("consent_not_active"));
    assert_eq!(world.tell(stated(Active)).outcome, Outcome::WrongTransition);
}

#[test]
fn a_consent_that_takes_anothers_place_supersedes_it_even_before_it_is_stated() {
    let old = || given(consent("c-old", hospital_patient(), to(&["clinic-c"])));
    let new = || {
        let new = consent("c-new", hospital_patient(), to(&["pharmacy-d"]));
        given(Consent { supersedes: Some(cid("c-old")), ..new })
    };
    let mut world = region_with([]);
    let _ = world.tell(old());
    check(&mut world, &laboratory(3), &clinic(), Ok(()));
    let touched = world.tell(new()).touched;
    let Touched::Patient { viewers, .. } = touched else { panic!("two viewers are touched") };
    assert!(viewers.contain(world.book.facility(&fid("clinic-c")).unwrap()), "who loses it is told");
    check(&mut world, &laboratory(3), &clinic(), Err("consent_superseded"));
    assert_eq!(world.tell(old()).outcome, Outcome::WrongTransition);

    let mut other = region_with([]);
    let _ = other.tell(new());
    assert_eq!(other.tell(old()).outcome, Outcome::WrongTransition);
    check(&mut other, &laboratory(3), &clinic(), Err("no_consent"));
}

#[test]
fn a_consent_by_proxy_waits_for_the_viewers_agreement_and_ends_with_it() {
    let named = Viewers::Practitioners(vec![mid("dr-1"), mid("dr-2")]);
    let by_proxy = Consent { taken_by: fid("hosp-a"), ..consent("c-1", hospital_patient(), named) };
    let mut world = region_with([by_proxy]);
    let colleague = principal("clinic-c", Some("dr-2"), Role::Physician);
    check(&mut world, &laboratory(3), &clinic(), Err("no_viewer_agreement"));
    let _ = world.tell(agreement("a-1", "clinic-c", "hosp-b", &[], Period::ALWAYS));
    check(&mut world, &laboratory(3), &clinic(), Err("no_viewer_agreement"));
    let _ = world.tell(agreement("a-2", "clinic-c", "hosp-a", &["dr-1"], Period::ALWAYS));
    check(&mut world, &laboratory(3), &clinic(), Ok(()));
    check(&mut world, &laboratory(3), &colleague, Err("no_viewer_agreement"));
    let _ = world.tell(agreement_ended("a-2", "clinic-c"));
    check(&mut world, &laboratory(3), &clinic(), Err("no_viewer_agreement"));
    let again = world.tell(agreement("a-2", "clinic-c", "hosp-a", &[], Period::ALWAYS));
    assert_eq!(again.outcome, Outcome::AgreementIsEnded);
}

#[test]
fn consent_to_all_members_is_no_proxy() {
    let blanket = consent("c-1", hospital_patient(), Viewers::AllMembers);
    let mut world = region_with([Consent { taken_by: fid("hosp-a"), ..blanket }]);
    check(&mut world, &laboratory(3), &clinic(), Ok(()));
}

// --- releases ---

#[test]
fn what_is_held_until_released_opens_by_its_own_tag_or_by_a_release_of_its_category() {
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    let _ = world.tell(scope("hosp-a", vec![ScopeRule { hold_back: HoldBack::UntilReleased, ..open_rule() }]));
    check(&mut world, &laboratory(3), &clinic(), Err("held_until_release"));
    let mut tagged = laboratory(3);
    tagged.class.labels = Labels::of(Label::Released);
    check(&mut world, &tagged, &clinic(), Ok(()));

    let labs = || CategorySet::of(Category::Laboratory);
    let _ = world.tell(released(hospital_patient(), labs(), day(3).plus_micros(-1)));
    check(&mut world, &laboratory(3), &clinic(), Err("held_until_release"));
    assert_ne!(world.tell(released(hospital_patient(), labs(), day(3))).touched, Touched::Nothing);
    check(&mut world, &laboratory(3), &clinic(), Ok(()));
    check(&mut world, &document(3), &clinic(), Err("held_until_release"));
    // An earlier release takes nothing back.
    assert_eq!(world.tell(released(hospital_patient(), labs(), day(1))).outcome, Outcome::Unchanged);
    check(&mut world, &laboratory(3), &clinic(), Ok(()));
}

// --- guardians ---

/// A consent a guardian gave, whose patient comes of age at day 4 by Japan's calendar.
fn a_guardians_consent(signed: i64) -> Consent {
    let born = Some(jiff::civil::date(1952, 1, 6));
    Consent {
        signer: Signer::Representative,
        signed_at: day(signed),
        paper: Box::new(Paper { born, relation: "mother".into(), ..Paper::default() }),
        ..consent("c-1", hospital_patient(), to(&["clinic-c"]))
    }
}

#[test]
fn a_parents_consent_goes_on_flagged_at_majority_or_stops_there_as_the_source_has_said() {
    let majority = model::majority(jiff::civil::date(1952, 1, 6)).unwrap();
    assert!(majority < day(NOW));
    let mut world = region_with([a_guardians_consent(0)]);
    check(&mut world, &laboratory(3), &clinic(), Ok(()));
    let consent = a_guardians_consent(0);
    assert_eq!(consent.flags(None, None, day(NOW)).collect::<Vec<_>>(), [ConsentFlag::OfAge]);
    assert_eq!(consent.flags(None, None, majority.plus_micros(-1)).count(), 0);
    assert_eq!(world.book.consents_of(&hospital_patient())[0].of_age, Some(majority));

    let stop = DisclosureScope {
        guardian_consents: GuardianConsents::Stop,
        ..DisclosureScope::of(fid("hosp-a"), vec![open_rule()])
    };
    let _ = world.tell(Body::Directory(DirectoryChange::Scope(stop)));
    check(&mut world, &laboratory(3), &clinic(), Err("guardian_consent_ended"));
    let facts = world.facts(&laboratory(3));
    assert!(world.book.decide(&facts, &clinic(), majority.plus_micros(-1)).is_permit(), "until the birthday");
    assert_eq!(world.book.next_change_after(majority.plus_micros(-1)), Some(majority));
    // An adult's guardian is another matter: signed when the patient was of age already.
    let mut world = region_with([a_guardians_consent(5)]);
    check(&mut world, &laboratory(3), &clinic(), Ok(()));
}

// --- emergencies ---

#[test]
fn a_broken_glass_opens_to_its_breaker_for_a_day_what_the_source_has_allowed() {
    let mut world = region_with([]);
    let _ = world.tell(a_scope_for_emergencies(open_rule()));
    let breaker = btg("clinic-c", "dr-1", Role::Physician);
    check(&mut world, &laboratory(3), &breaker, Err("no_consent"));
    let applied = world.tell(broken(NOW));
    assert_eq!(applied.outcome, Outcome::Applied);
    check(&mut world, &laboratory(3), &breaker, Ok(()));
    // Nobody else, and not for an ordinary purpose.
    check(&mut world, &laboratory(3), &btg("clinic-c", "dr-2", Role::Physician), Err("no_consent"));
    check(&mut world, &laboratory(3), &clinic(), Err("no_consent"));

    let facts = world.facts(&laboratory(3));
    let at = |moment: Moment| world.book.decide(&facts, &breaker, moment);
    assert!(matches!(at(day(NOW)), Decision::Permit(Permit::BrokenGlass { glass: 0, rule: 0, .. })));
    assert_eq!(at(day(NOW).plus_micros(-1)).reason(), Some(Reason::BreakGlassNotBegun));
    assert!(at(day(NOW + 1).plus_micros(-1)).is_permit());
    assert_eq!(at(day(NOW + 1)).reason(), Some(Reason::BreakGlassExpired));
    let visibility = world.book.visibility(&breaker, day(NOW));
    assert_eq!(visibility.holds_until(), Some(day(NOW + 1)), "live feeds close by the clock");
}

#[test]
fn a_broken_glass_respects_the_sources_scope_and_its_permission() {
    let mut world = region_with([]);
    let breaker = btg("clinic-c", "dr-1", Role::Physician);
    let _ = world.tell(broken(NOW));
    check(&mut world, &laboratory(3), &breaker, Err("not_preauthorised_for_break_glass"));
    let _ = world.tell(a_scope_for_emergencies(ScopeRule { labels: Labels::NONE, ..open_rule() }));
    check(&mut world, &laboratory(3), &breaker, Ok(()));
    let mut hiv = laboratory(3);
    hiv.class.labels = Labels::of(Label::Hiv);
    check(&mut world, &hiv, &breaker, Err("scope_label"));
    let nurse = glass("b-1", ("hosp-b", "nurse-3", Role::Nurse), hospital_patient(), day(NOW));
    let _ = world.tell(nurse);
    check(&mut world, &laboratory(3), &btg("hosp-b", "nurse-3", Role::Nurse), Err("not_preauthorised_for_break_glass"));
}

#[test]
fn a_broken_glass_waits_for_its_review_and_one_that_is_unjustified_closes() {
    let mut world = region_with([]);
    let _ = world.tell(a_scope_for_emergencies(open_rule()));
    let _ = world.tell(broken(NOW));
    let breaker = btg("clinic-c", "dr-1", Role::Physician);
    let waiting: Vec<_> = world.book.unreviewed_glasses().collect();
    let [one] = waiting.as_slice() else { panic!("one waits") };
    assert_eq!((one.patient.clone(), one.member.clone()), (hospital_patient(), Some(mid("dr-1"))));
    let reviewed = |outcome| glass_reviewed("b-1", "clinic-c", hospital_patient(), outcome);
    let justified = world.tell(reviewed(ReviewOutcome::Justified));
    assert_eq!((justified.outcome, justified.touched), (Outcome::Applied, Touched::Nothing));
    assert_eq!(world.book.unreviewed_glasses().count(), 0);
    check(&mut world, &laboratory(3), &breaker, Ok(()));
    assert_ne!(world.tell(reviewed(ReviewOutcome::Unjustified)).touched, Touched::Nothing);
    check(&mut world, &laboratory(3), &breaker, Err("break_glass_expired"));
    let unknown = world.tell(glass_reviewed("b-9", "clinic-c", hospital_patient(), ReviewOutcome::Justified));
    assert_eq!(unknown.outcome, Outcome::UnknownGlass);
}

#[test]
fn the_first_statement_of_a_glass_stands_and_a_closed_one_stays_closed() {
    let mut world = region_with([]);
    let _ = world.tell(a_scope_for_emergencies(open_rule()));
    let _ = world.tell(broken(NOW - 1));
    assert_eq!(world.tell(broken(NOW)).outcome, Outcome::FirstStatementStands, "it is not made longer");
    let closed = || glass_closed("b-2", "clinic-c", hospital_patient());
    assert_eq!(world.tell(closed()).outcome, Outcome::UnknownGlass);
    let late = glass("b-2", ("clinic-c", "dr-1", Role::Physician), hospital_patient(), day(NOW));
    assert_eq!(world.tell(late).outcome, Outcome::GlassIsClosed);
    check(&mut world, &laboratory(3), &btg("clinic-c", "dr-1", Role::Physician), Err("break_glass_expired"));
}

// --- kin ---

#[test]
fn mother_and_newborn_are_related_and_stay_two_persons() {
    let (mother, newborn) = (hospital_patient(), patient("hosp-a", "002"));
    let mut world = region_with([consent("c-1", mother.clone(), to(&["clinic-c"]))]);
    let applied = world.tell(kinship("k-1", mother.clone(), newborn.clone()));
    assert_eq!((applied.outcome, applied.touched), (Outcome::Applied, Touched::Nothing));
    check(&mut world, &lab(newborn.clone()), &clinic(), Err("no_consent"));
    let kin = vec![(lid("k-1"), mother.clone(), newborn.clone())];
    assert_eq!(world.book.kin_of(&newborn), kin);
    assert_eq!(world.book.kin_of(&mother), kin);
    let _ = world.tell(kinship_ended("k-1", mother.clone()));
    assert!(world.book.kin_of(&mother).is_empty());
    assert_eq!(world.tell(kinship("k-1", mother, newborn)).outcome, Outcome::KinshipIsEnded);
}

// --- explaining ---

#[test]
fn an_explanation_names_every_consent_and_rule_and_the_viewer_is_told_nothing_of_them() {
    let narrow = ScopeRule { categories: CategorySet::of(Category::Document), ..open_rule() };
    let until = Period::new(None, Some(day(9))).unwrap();
    let mut world = region_with([
        consent("c-other", hospital_patient(), to(&["pharmacy-d"])),
        Consent { period: until, ..consent("c-this", hospital_patient(), to(&["clinic-c"])) },
    ]);
    let _ = world.tell(scope("hosp-a", vec![narrow, open_rule()]));
    let facts = world.facts(&laboratory(3));
    let told = world.book.explain(&facts, &clinic(), day(NOW));
    assert!(matches!(told.decision, Decision::Permit(Permit::Shared { rule: 1, .. })));
    let consents: Vec<_> = told.consents.iter().map(|found| (found.what.as_str(), found.verdict)).collect();
    assert_eq!(consents, [("c-other", Verdict::Shuts(Reason::NoConsent)), ("c-this", Verdict::Opens)]);
    let rules: Vec<_> = told.rules.iter().map(|found| (found.what, found.verdict)).collect();
    assert_eq!(rules, [(0, Verdict::Shuts(Reason::OutOfScope)), (1, Verdict::Opens)]);
    assert_eq!(told.own_patient, Some(patient("clinic-c", "001")));
    assert_eq!(told.links, [lid("link-0"), lid("link-1"), lid("link-2")]);
    assert_eq!((told.since, told.next_change), (None, Some(day(9))));
    assert_eq!(told.for_viewer(), ViewerAnswer::Shared);

    let hidden = world.book.explain(&facts, &principal("hosp-b", None, Role::Physician), day(NOW));
    assert_eq!(
        hidden.gates.iter().find(|found| found.what == Gate::Consent).unwrap().verdict,
        Verdict::Shuts(Reason::NoConsent)
    );
    assert_eq!(hidden.for_viewer(), ViewerAnswer::NothingHere);
    assert_ne!(ViewerAnswer::NothingHere.ja(), ViewerAnswer::NothingHere.en());
}
