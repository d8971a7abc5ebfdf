//! The laws, by name, on generated histories.

use crate::reference::Sample;
use crate::world::*;
use consent_filter::{Audience, Outcome, Touched};
use model::*;
use proptest::prelude::*;

/// Who sees which sample: a permit or not for each of everybody and each sample.
fn seen(world: &mut World, samples: &[Sample], moment: Moment) -> Vec<(Principal, PatientRef, bool)> {
    let mut seen = Vec::new();
    for viewer in everybody() {
        for sample in samples {
            seen.push((viewer.clone(), sample.patient.clone(), world.sees(sample, &viewer, moment)));
        }
    }
    seen
}
fn is_own((viewer, patient, _): &(Principal, PatientRef, bool)) -> bool {
    viewer.facility == *patient.facility()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_account_of_what_was_seen_permits_nothing(history in a_history(), samples in samples(), moment in a_moment()) {
        let mut world = World::of(history);
        let (before, digest) = (seen(&mut world, &samples, moment), world.book.digest());
        for viewer in everybody() {
            let what = What::Query { statement: Digest::from_bytes([1; 32]), seen: Frontier::start() };
            let mut reading = Reading::begin(ActId(1), &viewer, what, moment);
            samples.iter().for_each(|sample| reading.rows(&sample.patient, Category::Laboratory, 1));
            for event in reading.finish(moment, AuditOutcome::Completed, || Salt::from_bytes([2; 32])) {
                let applied = world.tell(Body::Audit(Box::new(event)));
                prop_assert_eq!((applied.outcome, applied.touched), (Outcome::NotForTheBook, Touched::Nothing));
            }
        }
        prop_assert_eq!(seen(&mut world, &samples, moment), before);
        prop_assert_eq!(world.book.digest(), digest);
    }

    #[test]
    fn silence_withholds(history in a_history(), samples in samples(), moment in a_moment()) {
        let consents = |body: &Body| matches!(body, Body::Consent(_));
        let scopes = |body: &Body| matches!(body, Body::Directory(DirectoryChange::Scope(_)));
        let links = |body: &Body| matches!(body, Body::Directory(DirectoryChange::Link(_)));
        let facilities = |body: &Body| matches!(body, Body::Directory(DirectoryChange::Facility(_)));
        let kinds: [&dyn Fn(&Body) -> bool; 4] = [&consents, &scopes, &links, &facilities];
        for kind in kinds {
            let mut world = World::of(history.iter().filter(|body| !kind(body)).cloned());
            for saw in seen(&mut world, &samples, moment) {
                prop_assert!(!saw.2 || is_own(&saw), "{:?}", saw.0);
            }
        }
        let mut empty = World::default();
        prop_assert!(seen(&mut empty, &samples, moment).iter().all(|saw| !saw.2));
    }

    #[test]
    fn refusal_beats_grant(
        history in a_history(), again in proptest::collection::vec(a_consent(), 1..4), samples in samples(), moment in a_moment(),
    ) {
        let mut world = World::of(history);
        for consent in &again {
            let _ = world.tell(withdrawn(consent.id.as_str(), consent.patient.clone()));
        }
        let before = seen(&mut world, &samples, moment);
        let digest = world.book.digest();
        for consent in again {
            prop_assert_eq!(world.tell(given(consent)).outcome, Outcome::ConsentIsWithdrawn);
        }
        prop_assert_eq!(seen(&mut world, &samples, moment), before);
        prop_assert_eq!(world.book.digest(), digest);
    }

    #[test]
    fn an_inactive_facility_discloses_nothing_and_sees_nothing(
        history in a_history(), samples in samples(), moment in a_moment(), at in 0..4_usize,
    ) {
        let mut world = World::of(history);
        let gone = FACILITIES[at];
        let _ = world.tell(facility(gone, FacilityKind::Hospital, FacilityStatus::Inactive));
        for (viewer, patient, saw) in seen(&mut world, &samples, moment) {
            prop_assert!(!saw || (viewer.facility != fid(gone) && *patient.facility() != fid(gone)));
        }
    }

    #[test]
    fn redelivery_changes_nothing(history in a_history(), samples in samples(), moment in a_moment()) {
        let mut once = World::of(history.clone());
        let mut twice = World::default();
        for event in &history {
            let _ = twice.tell(event.clone());
            let digest = twice.book.digest();
            let again = twice.tell(event.clone());
            prop_assert_eq!(again.touched, Touched::Nothing);
            prop_assert_ne!(again.outcome, Outcome::Applied);
            prop_assert_eq!(twice.book.digest(), digest);
        }
        prop_assert_eq!(twice.book.digest(), once.book.digest());
        prop_assert_eq!(seen(&mut twice, &samples, moment), seen(&mut once, &samples, moment));

        // The same letters, read again from the log after a restart.
        let generation = once.book.generation();
        let mut next = [0; 3];
        for event in &history {
            let partition = partition(event);
            let position = Position::new(partition, next[partition as usize]);
            next[partition as usize] += 1;
            prop_assert_eq!(once.book.apply(position, event).outcome, Outcome::AlreadyApplied);
        }
        prop_assert_eq!(once.book.generation(), generation);
        prop_assert_eq!(once.book.digest(), twice.book.digest());
    }

    #[test]
    fn one_patients_wishes_touch_no_other(
        history in a_history(), consent in a_consent(), withdraw in any::<bool>(), samples in samples(), moment in a_moment(),
    ) {
        let mut world = World::of(history);
        let others: Vec<Sample> = samples.into_iter().filter(|sample| sample.patient != consent.patient).collect();
        let before = seen(&mut world, &others, moment);
        let change = if withdraw { withdrawn(consent.id.as_str(), consent.patient.clone()) } else { given(consent) };
        let _ = world.tell(change);
        prop_assert_eq!(seen(&mut world, &others, moment), before);
    }

    #[test]
    fn adding_a_grant_never_hides(history in a_history(), consent in a_consent(), samples in samples(), moment in a_moment()) {
        let mut world = World::of(history);
        let before = seen(&mut world, &samples, moment);
        // But for the consent whose place it takes.
        let _ = world.tell(given(Consent { id: cid("a-fresh-id"), supersedes: None, ..consent }));
        for (before, after) in before.iter().zip(seen(&mut world, &samples, moment)) {
            prop_assert!(!before.2 || after.2);
        }
    }

    #[test]
    fn withdrawal_never_reveals(
        history in a_history(), id in a_consent_id(), patient in a_patient(), samples in samples(), moment in a_moment(),
    ) {
        let mut world = World::of(history);
        let before = seen(&mut world, &samples, moment);
        let _ = world.tell(withdrawn(id, patient));
        for (before, after) in before.iter().zip(seen(&mut world, &samples, moment)) {
            prop_assert!(before.2 || !after.2);
        }
    }

    #[test]
    fn unlinking_never_reveals_and_linking_never_hides(
        history in a_history(), at in 0..5, a in a_patient(), b in a_patient(), samples in samples(), moment in a_moment(),
    ) {
        let mut world = World::of(history);
        let before = seen(&mut world, &samples, moment);
        let _ = world.tell(unlink(&format!("link-{at}")));
        let between = seen(&mut world, &samples, moment);
        for (before, after) in before.iter().zip(&between) {
            prop_assert!(before.2 || !after.2);
        }
        let _ = world.tell(link("a-fresh-link", a, b));
        for (before, after) in between.iter().zip(seen(&mut world, &samples, moment)) {
            prop_assert!(!before.2 || after.2);
        }
    }

    #[test]
    fn adding_a_scope_rule_never_hides_and_an_empty_scope_shows_nothing(
        history in a_history(), samples in samples(), moment in a_moment(), at in 0..4_usize,
    ) {
        let mut world = World::of(history);
        let source = FACILITIES[at];
        let before = seen(&mut world, &samples, moment);
        let known = world.book.scope_of(&fid(source)).cloned();
        let mut known = known.unwrap_or_else(|| DisclosureScope::of(fid(source), Vec::new()));
        known.rules.push(ScopeRule { categories: CategorySet::of(Category::Laboratory), ..open_rule() });
        let _ = world.tell(Body::Directory(DirectoryChange::Scope(known)));
        for (before, after) in before.iter().zip(seen(&mut world, &samples, moment)) {
            prop_assert!(!before.2 || after.2);
        }
        let _ = world.tell(scope(source, Vec::new()));
        for saw in seen(&mut world, &samples, moment) {
            prop_assert!(!saw.2 || is_own(&saw) || *saw.1.facility() != fid(source));
        }
    }

    #[test]
    fn audience_and_visibility_agree(history in a_history(), samples in samples(), moment in a_moment()) {
        let mut world = World::of(history);
        let facts: Vec<_> = samples.iter().map(|sample| world.facts(sample)).collect();
        let visibilities: Vec<_> = everybody().iter().map(|viewer| world.book.visibility(viewer, moment)).collect();
        let mut audience = Audience::new();
        for facts in &facts {
            world.book.audience(facts, moment, &mut audience);
            for at in FACILITIES {
                let somebody = visibilities.iter().any(|v| v.viewer().facility == fid(at) && v.permits(facts));
                let reached = world.book.facility(&fid(at)).is_some_and(|ix| audience.contains(ix));
                prop_assert_eq!(reached, somebody, "{}", at);
            }
        }
    }

    #[test]
    fn consents_kept_across_withdrawals_still_say_whom_they_reached(
        history in a_history(), samples in samples(), moment in a_moment(),
    ) {
        let mut world = World::of(history);
        for sample in &samples {
            let facts = world.facts(sample);
            let (mut before, mut kept) = (Audience::new(), Audience::new());
            world.book.audience(&facts, moment, &mut before);
            let wishes = world.book.wishes(&sample.patient);
            for consent in world.book.consents_of(&sample.patient) {
                let _ = world.tell(withdrawn(consent.id.as_str(), sample.patient.clone()));
            }
            world.book.audience_under(&wishes, &facts, moment, &mut kept);
            prop_assert_eq!(&kept, &before, "as before the withdrawals");
            world.book.audience(&facts, moment, &mut before);
            world.book.audience_under(&world.book.wishes(&sample.patient), &facts, moment, &mut kept);
            prop_assert_eq!(&kept, &before, "as after them");
        }
    }

    #[test]
    fn edges_are_not_transitive(history in a_history(), samples in samples(), moment in a_moment()) {
        // Consents from A to B, from B to C, and from A to everybody's doctors but C's: C sees nothing of A.
        let (a, c) = (fid("hosp-a"), fid("clinic-c"));
        let events = history.into_iter().filter(|body| match body {
            Body::Consent(ConsentChange::Given(consent)) if *consent.patient.facility() == a => match &consent.viewers {
                Viewers::Facilities(ids) => !ids.contains(&c),
                Viewers::AllMembers | Viewers::Practitioners(_) => false,
            },
            // Nor does anybody at C break the glass.
            Body::Consent(ConsentChange::GlassBroken(glass)) => glass.facility != c || *glass.patient.facility() != a,
            _ => true,
        });
        let mut world = World::of(events);
        let _ = world.tell(given(consent("c-ab", patient("hosp-a", "001"), to(&["hosp-b"]))));
        let _ = world.tell(given(consent("c-bc", patient("hosp-b", "001"), to(&["clinic-c"]))));
        for (viewer, patient, saw) in seen(&mut world, &samples, moment) {
            prop_assert!(!saw || viewer.facility != c || *patient.facility() != a);
        }
    }

    #[test]
    fn no_clinical_data_for_a_role_that_is_not_clinical(history in a_history(), samples in samples(), moment in a_moment()) {
        let mut world = World::of(history);
        for (viewer, _, saw) in seen(&mut world, &samples, moment) {
            let clinical = consent_filter::CLINICAL.contains(viewer.role) || viewer.role == Role::System;
            prop_assert!(!saw || clinical);
        }
    }

    #[test]
    fn what_is_undelivered_never_leaves(history in a_history(), samples in samples(), moment in a_moment()) {
        let mut world = World::of(history);
        let tag = |mut sample: Sample| {
            sample.class.labels = sample.class.labels.with(Label::Undelivered);
            sample
        };
        let samples: Vec<Sample> = samples.into_iter().map(tag).collect();
        for saw in seen(&mut world, &samples, moment) {
            prop_assert!(!saw.2 || is_own(&saw));
        }
    }

    #[test]
    fn an_exception_never_reveals_and_the_order_of_siblings_does_not_matter(
        history in a_history(), consent in a_consent(), exceptions in exceptions(), samples in samples(), moment in a_moment(),
    ) {
        let with = |exceptions: Exceptions| {
            let fresh = Consent { id: cid("a-fresh-id"), exceptions, supersedes: None, ..consent.clone() };
            let mut world = World::of(history.iter().cloned().chain([given(fresh)]));
            seen(&mut world, &samples, moment)
        };
        let (without, narrowed) = (with(Exceptions::none()), with(exceptions.clone()));
        for (before, after) in without.iter().zip(&narrowed) {
            prop_assert!(before.2 || !after.2);
        }
        fn turned(nodes: &[Provision]) -> Vec<Provision> {
            nodes.iter().rev().map(|node| Provision { nested: turned(&node.nested), ..node.clone() }).collect()
        }
        prop_assert_eq!(with(Exceptions::new(turned(exceptions.provisions())).unwrap()), narrowed);
    }

    #[test]
    fn a_broken_glass_opens_to_its_breaker_alone_and_closing_it_closes(
        history in a_history(), patient in a_patient(), from in a_moment(), samples in samples(), moment in a_moment(),
    ) {
        prop_assume!(*patient.facility() != fid("clinic-c"));
        let mut world = World::of(history);
        let before = seen(&mut world, &samples, moment);
        let _ = world.tell(glass("a-fresh-id", ("clinic-c", "dr-1", Role::Physician), patient.clone(), from));
        let during = seen(&mut world, &samples, moment);
        for (before, during) in before.iter().zip(&during) {
            let breaker = during.0.member == Some(mid("dr-1"))
                && during.0.facility == fid("clinic-c")
                && during.0.purpose == Purpose::BreakGlass
                && during.1 == patient;
            prop_assert!(before.2 == during.2 || breaker && during.2, "{:?}", during.0);
        }
        let _ = world.tell(glass_closed("a-fresh-id", "clinic-c", patient));
        prop_assert_eq!(seen(&mut world, &samples, moment), before);
    }

    #[test]
    fn kinship_opens_nothing_and_a_release_or_an_agreement_hides_nothing(
        history in a_history(), mother in a_patient(), newborn in a_patient(), samples in samples(), moment in a_moment(),
    ) {
        let mut world = World::of(history);
        let before = seen(&mut world, &samples, moment);
        if mother != newborn {
            let _ = world.tell(kinship("a-fresh-id", mother.clone(), newborn));
        }
        prop_assert_eq!(&seen(&mut world, &samples, moment), &before);
        let _ = world.tell(released(mother, CategorySet::all(), moment));
        let between = seen(&mut world, &samples, moment);
        let _ = world.tell(agreement("a-fresh-id", "clinic-c", "hosp-a", &[], Period::ALWAYS));
        for ((before, between), after) in before.iter().zip(&between).zip(seen(&mut world, &samples, moment)) {
            prop_assert!((!before.2 || between.2) && (!between.2 || after.2));
        }
    }

    #[test]
    fn a_consent_never_moves_back(history in a_history(), again in a_consent(), state in 0..4_usize) {
        let mut world = World::of(history);
        let _ = world.tell(given(Consent { state: ConsentState::Active, ..again.clone() }));
        let digest = world.book.digest();
        let back = [ConsentState::Draft, ConsentState::Signed, ConsentState::Received, ConsentState::Activated][state];
        let outcome = world.tell(given(Consent { state: back, ..again })).outcome;
        prop_assert!(matches!(outcome, Outcome::WrongTransition | Outcome::ConsentIsWithdrawn), "{:?}", outcome);
        prop_assert_eq!(world.book.digest(), digest);
    }

    #[test]
    fn the_same_events_give_the_same_book(history in a_history()) {
        let (one, other) = (World::of(history.clone()), World::of(history));
        prop_assert_eq!(one.book.digest(), other.book.digest());
        prop_assert_eq!(one.book.memory(), other.book.memory());
    }
}
