//! The field's own cases, each as a sentence.

use crate::world::*;
use consent_filter::{Audience, Outcome, Permit, Touched};
use model::*;
use std::collections::BTreeSet;

pub const NOW: i64 = 5;

pub fn clinic() -> Principal {
    principal("clinic-c", Some("dr-1"), Role::Physician)
}
pub fn hospital_patient() -> PatientRef {
    patient("hosp-a", "001")
}
pub fn region_with(consents: impl IntoIterator<Item = Consent>) -> World {
    World::of(region().into_iter().chain(consents.into_iter().map(given)))
}

/// Asks what `viewer` is told of `sample`, three ways: the decision, the visibility, and (for a permit) the audience.
#[track_caller]
pub fn check(world: &mut World, sample: &crate::reference::Sample, viewer: &Principal, expected: Result<(), &str>) {
    let facts = world.facts(sample);
    let reason = world.why_not(sample, viewer, day(NOW));
    assert_eq!(reason.map_or(Ok(()), Err), expected);
    let visibility = world.book.visibility(viewer, day(NOW));
    assert_eq!(visibility.permits(&facts), expected.is_ok());
    assert_eq!(crate::follow::scanned(&world.book, &visibility, &facts), expected.is_ok(), "by column bounds");
    if expected.is_ok() {
        assert!(audience(world, sample).contains(viewer.facility.as_str()));
    }
}

fn audience(world: &mut World, sample: &crate::reference::Sample) -> BTreeSet<String> {
    let facts = world.facts(sample);
    let mut audience = Audience::new();
    world.book.audience(&facts, day(NOW), &mut audience);
    audience.reached().iter().map(|r| world.book.facility_id(r.facility).unwrap().to_string()).collect()
}

#[test]
fn without_a_consent_on_file_nothing_is_seen() {
    check(&mut region_with([]), &lab(hospital_patient()), &clinic(), Err("no_consent"));
}

#[test]
fn a_consent_on_the_edge_opens_the_hospitals_results_to_the_clinic() {
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    check(&mut world, &lab(hospital_patient()), &clinic(), Ok(()));
}

/// The category came when consents and scopes that name others were there already.
#[test]
fn a_vaccination_is_opened_by_what_names_it_or_everything_and_by_nothing_that_names_other_categories() {
    let mut vaccination = lab(hospital_patient());
    vaccination.class.category = Category::Immunization;
    let opens =
        |categories: CategorySet| Consent { categories, ..consent("c-1", hospital_patient(), to(&["clinic-c"])) };
    let shows = |categories: CategorySet| vec![ScopeRule { categories, ..open_rule() }];
    let one = CategorySet::of(Category::Immunization);
    let before: CategorySet =
        CategorySet::all().iter().filter(|category| *category != Category::Immunization).collect();
    let medication = CategorySet::of(Category::Medication);
    for (consented, disclosed, expected) in [
        (CategorySet::all(), CategorySet::all(), Ok(())),
        (one, CategorySet::all(), Ok(())),
        (CategorySet::all(), one, Ok(())),
        // All that there were before is not everything.
        (before, CategorySet::all(), Err("category_not_consented")),
        (medication, CategorySet::all(), Err("category_not_consented")),
        (CategorySet::all(), before, Err("out_of_scope")),
        (CategorySet::all(), medication, Err("out_of_scope")),
    ] {
        let mut world = region_with([opens(consented)]);
        let _ = world.tell(scope("hosp-a", shows(disclosed)));
        check(&mut world, &vaccination, &clinic(), expected);
    }
}

#[test]
fn a_permit_names_the_consent_the_rule_and_the_viewers_own_ref() {
    let closed = ScopeRule { categories: CategorySet::NONE, ..open_rule() };
    let mut world = region_with([
        consent("c-1", hospital_patient(), to(&["pharmacy-d"])),
        consent("c-2", hospital_patient(), to(&["clinic-c"])),
    ]);
    let _ = world.tell(scope("hosp-a", vec![closed, open_rule()]));
    let facts = world.facts(&lab(hospital_patient()));
    let consent_filter::Decision::Permit(Permit::Shared { consent, rule, own_patient }) =
        world.book.decide(&facts, &clinic(), day(NOW))
    else {
        panic!("not shared")
    };
    assert_eq!(world.book.consent_id(consent), Some(cid("c-2")));
    assert_eq!(rule, 1);
    assert_eq!(world.book.patient_ref(own_patient), Some(&patient("clinic-c", "001")));
}

#[test]
fn a_consent_to_one_hospitals_data_does_not_open_anothers() {
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    check(&mut world, &lab(patient("hosp-b", "001")), &clinic(), Err("no_consent"));
}

#[test]
fn consents_from_a_to_b_and_from_a_to_c_do_not_show_bs_data_to_c() {
    let mut world = region_with([
        consent("c-1", hospital_patient(), to(&["hosp-b"])),
        consent("c-2", hospital_patient(), to(&["clinic-c"])),
    ]);
    check(&mut world, &lab(patient("hosp-b", "001")), &clinic(), Err("no_consent"));
}

#[test]
fn a_consent_that_names_one_doctor_does_not_open_to_a_colleague_of_the_same_clinic() {
    let mut world = region_with([consent("c-1", hospital_patient(), Viewers::Practitioners(vec![mid("dr-1")]))]);
    let record = lab(hospital_patient());
    check(&mut world, &record, &clinic(), Ok(()));
    check(&mut world, &record, &principal("clinic-c", Some("dr-2"), Role::Physician), Err("member_not_named"));
    check(&mut world, &record, &principal("clinic-c", None, Role::System), Err("member_not_named"));
    check(&mut world, &record, &principal("pharmacy-d", None, Role::System), Err("no_consent"));
}

#[test]
fn a_named_doctor_who_moves_takes_the_consent_along_and_leaves_nothing_behind() {
    let mut world = region_with([consent("c-1", hospital_patient(), Viewers::Practitioners(vec![mid("dr-1")]))]);
    let record = lab(hospital_patient());
    let applied = world.tell(member("dr-1", "pharmacy-d", Role::Physician, Period::ALWAYS));
    assert!(matches!(applied.touched, Touched::Viewers(facilities) if facilities.len() == 2));
    check(&mut world, &record, &clinic(), Err("member_unknown"));
    check(&mut world, &record, &principal("pharmacy-d", Some("dr-1"), Role::Physician), Ok(()));
    assert_eq!(audience(&mut world, &record), BTreeSet::from(["hosp-a", "pharmacy-d"].map(String::from)));
}

#[test]
fn a_scope_that_keeps_notes_from_pharmacies_shows_them_results_only() {
    let pharmacies = FacilityKindSet::of(FacilityKind::Pharmacy);
    let others = ScopeRule { viewer_kinds: FacilityKindSet::all().without(pharmacies), ..open_rule() };
    let for_pharmacies = ScopeRule {
        viewer_kinds: pharmacies,
        categories: CategorySet::all().without(CategorySet::of(Category::Document)),
        ..open_rule()
    };
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c", "pharmacy-d"]))]);
    let _ = world.tell(scope("hosp-a", vec![others, for_pharmacies]));
    let result = lab(hospital_patient());
    let mut note = lab(hospital_patient());
    note.class.category = Category::Document;
    let pharmacist = principal("pharmacy-d", None, Role::Pharmacist);
    check(&mut world, &result, &pharmacist, Ok(()));
    check(&mut world, &note, &pharmacist, Err("out_of_scope"));
    check(&mut world, &note, &clinic(), Ok(()));
    assert_eq!(audience(&mut world, &note), BTreeSet::from(["hosp-a", "clinic-c"].map(String::from)));
}

#[test]
fn a_scope_for_machines_alone_reaches_the_facility_and_shows_people_nothing() {
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    let _ = world.tell(scope("hosp-a", vec![ScopeRule { viewer_roles: RoleSet::of(Role::System), ..open_rule() }]));
    let record = lab(hospital_patient());
    check(&mut world, &record, &principal("clinic-c", None, Role::System), Ok(()));
    check(&mut world, &record, &clinic(), Err("out_of_scope"));
}

#[test]
fn a_withdrawal_closes_at_once_and_is_final_for_its_id() {
    let granted = consent("c-1", hospital_patient(), to(&["clinic-c"]));
    let mut world = region_with([granted.clone()]);
    let record = lab(hospital_patient());
    let facts = world.facts(&record);
    let mut open = world.book.visibility(&clinic(), day(NOW));
    assert!(open.permits(&facts));

    let applied = world.tell(withdrawn("c-1", hospital_patient()));
    assert_eq!(applied.outcome, Outcome::Applied);
    let clinic_ix = world.book.facility(&fid("clinic-c")).unwrap();
    assert_eq!(world.book.pairs(&applied.touched), [(clinic_ix, facts.patient)]);
    assert!(!open.is_current(&world.book, day(NOW)));
    open.refresh(&world.book, &applied.touched);
    assert!(!open.permits(&facts));
    check(&mut world, &record, &clinic(), Err("consent_withdrawn"));

    assert_eq!(world.tell(given(granted)).outcome, Outcome::ConsentIsWithdrawn);
    check(&mut world, &record, &clinic(), Err("consent_withdrawn"));
    let _ = world.tell(given(consent("c-2", hospital_patient(), to(&["clinic-c"]))));
    check(&mut world, &record, &clinic(), Ok(()));
}

#[test]
fn a_withdrawal_that_comes_before_its_consent_bars_the_consent() {
    let mut world = region_with([]);
    assert_eq!(world.tell(withdrawn("c-1", hospital_patient())).outcome, Outcome::UnknownConsent);
    let late = given(consent("c-1", hospital_patient(), to(&["clinic-c"])));
    assert_eq!(world.tell(late).outcome, Outcome::ConsentIsWithdrawn);
    check(&mut world, &lab(hospital_patient()), &clinic(), Err("no_consent"));
}

#[test]
fn a_result_labelled_hiv_needs_hiv_to_be_said_by_the_consent_and_by_the_scope() {
    let mut record = lab(hospital_patient());
    record.class.labels = Labels::of(Label::Hiv);
    let silent = consent("c-1", hospital_patient(), to(&["clinic-c"]));
    let said = Consent { labels: Labels::of(Label::Hiv), ..silent.clone() };
    let mut world = region_with([silent]);
    check(&mut world, &record, &clinic(), Err("label_not_consented"));
    let _ = world.tell(given(said));
    check(&mut world, &record, &clinic(), Ok(()));
    let _ = world.tell(scope("hosp-a", vec![ScopeRule { labels: Labels::NONE, ..open_rule() }]));
    check(&mut world, &record, &clinic(), Err("scope_label"));
}

#[test]
fn an_undelivered_record_never_leaves_its_source_and_is_seen_there() {
    let mut world =
        region_with([Consent { labels: Labels::all(), ..consent("c-1", hospital_patient(), Viewers::AllMembers) }]);
    let mut record = lab(hospital_patient());
    record.class.labels = Labels::of(Label::Undelivered);
    check(&mut world, &record, &clinic(), Err("undelivered"));
    check(&mut world, &record, &principal("hosp-a", None, Role::Physician), Ok(()));
    assert_eq!(audience(&mut world, &record), BTreeSet::from(["hosp-a".to_owned()]));
}

#[test]
fn an_uninformed_record_is_for_the_clinician_and_not_for_the_patient() {
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    let mut record = lab(hospital_patient());
    record.class.labels = Labels::of(Label::Uninformed);
    check(&mut world, &record, &clinic(), Ok(()));
    check(&mut world, &record, &principal("clinic-c", None, Role::Patient), Err("uninformed"));
    check(&mut world, &lab(hospital_patient()), &principal("clinic-c", None, Role::Patient), Err("role_not_clinical"));
}

#[test]
fn undoing_a_wrong_link_hides_the_person_and_leaves_the_rest() {
    let mut world = region_with([consent("c-1", hospital_patient(), Viewers::AllMembers)]);
    let record = lab(hospital_patient());
    check(&mut world, &record, &clinic(), Ok(()));
    let applied = world.tell(unlink("link-1"));
    let facts = world.facts(&record);
    let clinic_ix = world.book.facility(&fid("clinic-c")).unwrap();
    assert!(world.book.pairs(&applied.touched).contains(&(clinic_ix, facts.patient)));
    check(&mut world, &record, &clinic(), Err("not_linked"));
    check(&mut world, &record, &principal("pharmacy-d", None, Role::Pharmacist), Ok(()));
    let again = link("link-1", hospital_patient(), patient("clinic-c", "001"));
    assert_eq!(world.tell(again).outcome, Outcome::LinkIsUnlinked);
    check(&mut world, &record, &clinic(), Err("not_linked"));
}

#[test]
fn a_chain_of_links_joins_its_ends_until_any_of_it_is_undone() {
    let mut world = region_with([consent("c-1", patient("pharmacy-d", "001"), to(&["clinic-c"]))]);
    let _ = world.tell(scope("pharmacy-d", vec![open_rule()]));
    let record = lab(patient("pharmacy-d", "001"));
    check(&mut world, &record, &clinic(), Ok(()));
    let _ = world.tell(unlink("link-2"));
    check(&mut world, &record, &clinic(), Err("not_linked"));
}

#[test]
fn a_late_record_follows_the_data_period_by_when_it_occurred_and_not_by_when_it_arrived() {
    let from_day_3 = Period::new(Some(day(3)), None).unwrap();
    let mut world =
        region_with([Consent { data_period: from_day_3, ..consent("c-1", hospital_patient(), to(&["clinic-c"])) }]);
    let early =
        crate::reference::Sample { occurred: day(3).plus_micros(-1), recorded: day(5), ..lab(hospital_patient()) };
    let inside = crate::reference::Sample { occurred: day(3), recorded: day(5), ..lab(hospital_patient()) };
    check(&mut world, &early, &clinic(), Err("data_period"));
    check(&mut world, &inside, &clinic(), Ok(()));
}

#[test]
fn a_period_begins_and_ends_by_the_clock_without_an_event() {
    let mut world = region_with([Consent {
        period: Period::new(Some(day(4)), Some(day(6))).unwrap(),
        ..consent("c-1", hospital_patient(), to(&["clinic-c"]))
    }]);
    let record = lab(hospital_patient());
    let before = day(4).plus_micros(-1);
    assert_eq!(world.why_not(&record, &clinic(), before), Some("consent_not_begun"));
    assert_eq!(world.book.next_change_after(before), Some(day(4)));
    assert!(world.sees(&record, &clinic(), day(4)));
    assert_eq!(world.book.next_change_after(day(4)), Some(day(6)));
    assert!(world.sees(&record, &clinic(), day(6).plus_micros(-1)));
    assert_eq!(world.why_not(&record, &clinic(), day(6)), Some("consent_expired"));
    assert_eq!(world.book.next_change_after(day(6)), None);
}

#[test]
fn a_membership_ends_by_the_clock_without_an_event() {
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    let until_day_6 = Period::new(None, Some(day(6))).unwrap();
    let _ = world.tell(member("dr-1", "clinic-c", Role::Physician, until_day_6));
    let record = lab(hospital_patient());
    check(&mut world, &record, &clinic(), Ok(()));
    assert_eq!(world.book.next_change_after(day(NOW)), Some(day(6)));
    assert!(!world.book.visibility(&clinic(), day(NOW)).is_current(&world.book, day(6)));
    assert_eq!(world.why_not(&record, &clinic(), day(6)), Some("member_inactive"));
}

#[test]
fn a_facility_that_becomes_of_another_kind_is_touched_and_one_that_is_renamed_is_not() {
    let mut world = region_with([]);
    let ix = world.book.facility(&fid("clinic-c")).unwrap();
    let before = world.book.visibility(&clinic(), day(NOW));
    let renamed =
        Facility { name_en: "Clinic C".to_owned(), ..world.book.stated_facility(&fid("clinic-c")).unwrap().clone() };
    let applied = world.tell(Body::Directory(DirectoryChange::Facility(renamed)));
    assert_eq!((applied.outcome, applied.touched), (Outcome::Applied, Touched::Nothing));
    assert!(before.is_current(&world.book, day(NOW)));
    let applied = world.tell(facility("clinic-c", FacilityKind::Hospital, FacilityStatus::Active));
    assert_eq!(applied.touched, Touched::Facility(ix));
    assert!(!before.is_current(&world.book, day(NOW)));
}

#[test]
fn a_record_held_back_for_two_days_appears_two_days_after_it_was_recorded() {
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    let _ = world.tell(scope("hosp-a", vec![ScopeRule { hold_back: HoldBack::Days(2), ..open_rule() }]));
    let record = lab(hospital_patient());
    let facts = world.facts(&record);
    let lapse = day(5);
    assert_eq!(world.why_not(&record, &clinic(), lapse.plus_micros(-1)), Some("held_back"));
    assert_eq!(world.book.release_after(&facts, day(4)), Some(lapse));
    let mut visibility = world.book.visibility(&clinic(), day(4));
    assert!(!visibility.permits(&facts));
    assert!(visibility.is_current(&world.book, day(4)) && !visibility.is_current(&world.book, lapse));
    assert!(visibility.advance_to(lapse));
    assert!(visibility.permits(&facts));
    assert!(world.sees(&record, &clinic(), lapse));
    assert_eq!(world.book.release_after(&facts, lapse), None);
}

#[test]
fn every_bound_of_time_is_exact_to_the_microsecond() {
    let data_period = Period::new(Some(day(1)), Some(day(4))).unwrap();
    let mut world = region_with([Consent { data_period, ..consent("c-1", hospital_patient(), to(&["clinic-c"])) }]);
    let rule = ScopeRule { since: Some(day(2)), hold_back: HoldBack::Days(1), ..open_rule() };
    let _ = world.tell(scope("hosp-a", vec![rule]));
    let at = |occurred, recorded| crate::reference::Sample { occurred, recorded, ..lab(hospital_patient()) };
    let just_before = |moment: Moment| moment.plus_micros(-1);
    for (occurred, recorded, expected) in [
        (just_before(day(1)), day(4), Err("data_period")),
        (day(1), day(4), Err("scope_since")),
        (just_before(day(2)), day(4), Err("scope_since")),
        (day(2), day(4), Ok(())),
        (just_before(day(4)), day(4), Ok(())),
        (day(4), day(4), Err("data_period")),
        (day(2), day(4).plus_micros(1), Err("held_back")),
    ] {
        check(&mut world, &at(occurred, recorded), &clinic(), expected);
    }
}

#[test]
fn a_consent_restated_for_another_viewer_touches_both() {
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    let facts = world.facts(&lab(hospital_patient()));
    let applied = world.tell(given(consent("c-1", hospital_patient(), to(&["pharmacy-d"]))));
    let ix = |id| world.book.facility(&fid(id)).unwrap();
    assert_eq!(
        world.book.pairs(&applied.touched),
        [(ix("clinic-c"), facts.patient), (ix("pharmacy-d"), facts.patient)]
    );
    check(&mut world, &lab(hospital_patient()), &clinic(), Err("no_consent"));
}

#[test]
fn a_person_with_two_numbers_at_the_viewer_is_shown_under_the_lower_one_and_reached_once() {
    let links = |one, other| {
        [
            link("l-1", hospital_patient(), patient("clinic-c", one)),
            link("l-2", hospital_patient(), patient("clinic-c", other)),
        ]
    };
    for (one, other) in [("777", "888"), ("888", "777")] {
        let directory = region().into_iter().filter(|body| !matches!(body, Body::Directory(DirectoryChange::Link(_))));
        let mut world = World::of(directory.chain(links(one, other)));
        let _ = world.tell(given(consent("c-1", hospital_patient(), to(&["clinic-c"]))));
        check(&mut world, &lab(hospital_patient()), &clinic(), Ok(()));
        let facts = world.facts(&lab(hospital_patient()));
        let own = world.book.visibility(&clinic(), day(NOW)).own_patient(facts.patient).unwrap();
        assert_eq!(world.book.patient_ref(own), Some(&patient("clinic-c", "777")));
        let mut audience = Audience::new();
        world.book.audience(&facts, day(NOW), &mut audience);
        assert_eq!(audience.reached().len(), 2);
        assert_eq!(audience.reached().iter().filter(|reached| reached.own_patient == own).count(), 1);
    }
}

#[test]
fn consent_to_all_members_follows_the_directory_as_it_stands() {
    let mut world = region_with([consent("c-1", hospital_patient(), Viewers::AllMembers)]);
    let _ = world.tell(link("link-9", hospital_patient(), patient("ghost", "001")));
    let newcomer = principal("ghost", None, Role::Physician);
    check(&mut world, &lab(hospital_patient()), &newcomer, Err("viewer_unknown"));
    let _ = world.tell(facility("ghost", FacilityKind::Clinic, FacilityStatus::Active));
    check(&mut world, &lab(hospital_patient()), &newcomer, Ok(()));
    let _ = world.tell(facility("ghost", FacilityKind::Clinic, FacilityStatus::Inactive));
    check(&mut world, &lab(hospital_patient()), &newcomer, Err("viewer_inactive"));
}

#[test]
fn a_consent_that_names_a_facility_not_yet_in_the_directory_waits_for_it() {
    let mut world = region_with([]);
    let applied = world.tell(given(consent("c-1", hospital_patient(), to(&["ghost"]))));
    assert_eq!(applied.outcome, Outcome::AwaitsDirectory);
    let _ = world.tell(link("link-9", hospital_patient(), patient("ghost", "001")));
    let _ = world.tell(facility("ghost", FacilityKind::Clinic, FacilityStatus::Active));
    check(&mut world, &lab(hospital_patient()), &principal("ghost", None, Role::Nurse), Ok(()));
}

#[test]
fn a_facility_sees_its_own_records_without_consent_scope_or_link() {
    let mut world = region_with([]);
    let mut record = lab(patient("pharmacy-d", "999"));
    record.class.labels = Labels::of(Label::Hiv);
    check(&mut world, &record, &principal("pharmacy-d", None, Role::Pharmacist), Ok(()));
    check(&mut world, &record, &principal("pharmacy-d", None, Role::System), Ok(()));
    check(&mut world, &record, &principal("pharmacy-d", None, Role::Auditor), Err("role_not_clinical"));
    check(&mut world, &record, &principal("pharmacy-d", None, Role::Clerk), Err("role_not_clinical"));
}

#[test]
fn the_digest_knows_the_ids_that_are_barred() {
    let plain = region_with([]);
    let mut unlinked = region_with([]);
    assert_eq!(unlinked.tell(unlink("link-9")).outcome, Outcome::UnknownLink);
    let mut withdrawn_early = region_with([]);
    let _ = withdrawn_early.tell(withdrawn("c-9", hospital_patient()));
    let digests: BTreeSet<String> =
        [&plain, &unlinked, &withdrawn_early].map(|world| world.book.digest().to_string()).into_iter().collect();
    assert_eq!(digests.len(), 3);
}

#[test]
fn one_consent_id_used_for_two_patients_is_two_consents() {
    let other = patient("hosp-a", "002");
    let mut world = region_with([
        consent("c-1", hospital_patient(), to(&["clinic-c"])),
        consent("c-1", other.clone(), to(&["clinic-c"])),
    ]);
    let _ = world.tell(withdrawn("c-1", other));
    check(&mut world, &lab(hospital_patient()), &clinic(), Ok(()));
}

#[test]
fn a_statement_repeated_under_its_id_replaces_the_earlier_one() {
    let narrow = Consent {
        categories: CategorySet::of(Category::Document),
        ..consent("c-1", hospital_patient(), to(&["clinic-c"]))
    };
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"])), narrow]);
    check(&mut world, &lab(hospital_patient()), &clinic(), Err("category_not_consented"));
    assert_eq!(world.book.consents_of(&hospital_patient()).len(), 1);
}

#[test]
fn a_consent_comes_back_as_it_was_stated() {
    let stated = Consent {
        viewers: Viewers::Practitioners(vec![mid("dr-1"), mid("dr-2")]),
        period: Period::new(Some(day(1)), None).unwrap(),
        data_period: Period::new(None, Some(day(9))).unwrap(),
        departments: vec![dept("01"), dept("02")],
        labels: Labels::of(Label::Psy),
        ..consent("0192d7a0-5b1e-7c3a-9f00-00aa11bb22cc", hospital_patient(), Viewers::AllMembers)
    };
    let world = region_with([stated.clone()]);
    let held = world.book.consents_of(&hospital_patient());
    let [held] = held.as_slice() else { panic!("one consent was stated") };
    assert_eq!((&held.id, &held.viewers, &held.departments), (&stated.id, &stated.viewers, &stated.departments));
    assert_eq!((held.period, held.data_period), (stated.period, stated.data_period));
    assert_eq!((held.categories, held.labels, held.purposes), (stated.categories, stated.labels, stated.purposes));
    assert_eq!(held.standing, consent_filter::Standing::Stated(ConsentState::Active));
}

#[test]
fn facts_that_do_not_belong_together_are_withheld() {
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    let right = world.facts(&lab(hospital_patient()));
    let other = world.facts(&lab(patient("hosp-b", "001")));
    let unknown = consent_filter::PatientIx::from_u32(u32::MAX);
    for facts in [
        consent_filter::Facts { class: other.class, ..right },
        consent_filter::Facts { patient: other.patient, ..right },
        consent_filter::Facts { patient: unknown, ..right },
        consent_filter::Facts { class: consent_filter::ClassIx::from_u32(9_999), ..right },
    ] {
        assert_eq!(
            world.book.decide(&facts, &clinic(), day(NOW)).reason().map(consent_filter::Reason::code),
            Some("unknown_record")
        );
        assert!(!world.book.visibility(&clinic(), day(NOW)).permits(&facts));
        world.book.look_ahead(&[facts]);
        let mut audience = Audience::new();
        world.book.audience(&facts, day(NOW), &mut audience);
        assert!(!audience.contains(world.book.facility(&fid("clinic-c")).unwrap()));
    }
}

#[test]
fn what_happens_on_one_edge_leaves_the_visibilities_of_others_current() {
    let mut world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    let pharmacist = principal("pharmacy-d", None, Role::Pharmacist);
    let (clinics, pharmacys) =
        (world.book.visibility(&clinic(), day(NOW)), world.book.visibility(&pharmacist, day(NOW)));
    let _ = world.tell(withdrawn("c-1", hospital_patient()));
    assert!(!clinics.is_current(&world.book, day(NOW)));
    assert!(pharmacys.is_current(&world.book, day(NOW)));
}

#[test]
fn debug_of_a_visibility_and_of_its_viewer_says_nothing_about_patients() {
    let world = region_with([consent("c-1", hospital_patient(), to(&["clinic-c"]))]);
    let shown = format!("{:?}", world.book.visibility(&clinic(), day(NOW)));
    assert!(shown.contains("clinic-c") && !shown.contains("001"), "{shown}");
    let shown = format!("{:?}", world.book);
    assert!(shown.contains("patients: 4") && !shown.contains("001"), "{shown}");
}

#[test]
fn codes_of_reasons_and_outcomes_are_each_their_own() {
    let reasons: BTreeSet<&str> = consent_filter::Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(reasons.len(), consent_filter::Reason::ALL.len());
    let outcomes: BTreeSet<&str> = Outcome::ALL.iter().map(|outcome| outcome.code()).collect();
    assert_eq!(outcomes.len(), Outcome::ALL.len());
}
