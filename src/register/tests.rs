use super::*;
use model::{
    CategorySet, Consent, ConsentState, EventId, EventKey, Exceptions, Labels, LinkEvidence, Moment, PatientNumber,
    Period, Purpose, PurposeSet, Signer, Unlink, Withdrawal,
};

pub(super) fn at(hour: i64) -> Moment {
    Moment::from_micros(1_780_000_000_000_000 + hour * 3_600_000_000).unwrap()
}
pub(super) fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
pub(super) fn patient(at: &str, number: &str) -> PatientRef {
    PatientRef::new(facility(at), PatientNumber::parse(number).unwrap())
}
fn event(body: Body) -> Event {
    let key = EventKey { source: facility("h"), id: EventId::parse("e").unwrap() };
    Event { key, admitted_at: at(0), body }
}
pub(super) fn given(id: &str, patient: PatientRef, viewer: &str) -> Event {
    event(Body::Consent(ConsentChange::Given(Consent {
        id: ConsentId::parse(id).unwrap(),
        taken_by: facility(viewer),
        viewers: Viewers::Facilities(vec![facility(viewer)]),
        patient,
        state: ConsentState::Active,
        supersedes: None,
        period: Period::ALWAYS,
        data_period: Period::ALWAYS,
        categories: CategorySet::all(),
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::of(Purpose::Treatment),
        exceptions: Exceptions::none(),
        signer: Signer::Patient,
        signed_at: at(0),
        form_digest: String::new(),
        paper: Box::default(),
    })))
}
pub(super) fn withdrawn(id: &str, patient: PatientRef) -> Event {
    let id = ConsentId::parse(id).unwrap();
    event(Body::Consent(ConsentChange::Withdrawn(Withdrawal { id, patient, withdrawn_at: at(1) })))
}
fn linked(id: &str, a: PatientRef, b: PatientRef) -> Event {
    event(Body::Directory(DirectoryChange::Link(LinkChange::Linked(Link {
        id: LinkId::parse(id).unwrap(),
        a,
        b,
        evidence: LinkEvidence::Manual,
        confirmed_by: MemberId::parse("m").unwrap(),
        confirmed_at: at(0),
    }))))
}
/// What a random history says of glasses.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said {
    Broken(u8, i64),
    Closed,
    Reviewed(model::ReviewOutcome),
}

pub(super) fn glass_event(said: Said, id: &str, of: &PatientRef, by: &str) -> Event {
    let (id, facility, patient) = (model::GlassId::parse(id).unwrap(), facility(by), of.clone());
    event(Body::Consent(match said {
        Said::Broken(member, hours) => {
            let member = MemberId::parse(&format!("m-{member}")).unwrap();
            let (role, reason) = (model::Role::Physician, format!("理由 {hours}"));
            let (from, until) = (at(hours), at(hours + 3));
            let glass = model::BreakGlass::new(id, facility, member, role, patient, reason, from, until).unwrap();
            ConsentChange::GlassBroken(glass)
        }
        Said::Closed => ConsentChange::GlassClosed(model::BreakGlassEnd { id, facility, patient, at: at(2) }),
        Said::Reviewed(outcome) => ConsentChange::GlassReviewed(model::BreakGlassReview {
            id,
            facility,
            patient,
            reviewer: MemberId::parse("m-9").unwrap(),
            outcome,
            text: String::new(),
            at: at(5),
        }),
    }))
}

fn said() -> impl proptest::strategy::Strategy<Value = Said> {
    use proptest::prelude::*;
    prop_oneof![
        3 => (0..2_u8, 0..3_i64).prop_map(|(member, hour)| Said::Broken(member, hour)),
        1 => Just(Said::Closed),
        1 => Just(Said::Reviewed(model::ReviewOutcome::Justified)),
        1 => Just(Said::Reviewed(model::ReviewOutcome::Unjustified)),
    ]
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn the_glasses_of_the_register_are_those_of_the_book(
        history in proptest::collection::vec((said(), 0..2_u8, 0..2_u8, proptest::bool::ANY), 0..24),
        again in 0..24_usize,
    ) {
        let (_directory, register) = register();
        let mut events = Vec::new();
        for (offset, (said, id, patient_number, other)) in (0..).zip(history) {
            let of = patient("h", &patient_number.to_string());
            let by = if other { "c-2" } else { "c" };
            events.push((Position::new(1, offset), glass_event(said, &format!("g-{id}"), &of, by)));
        }
        // What a restart reads again changes nothing.
        for (position, event) in events.iter().chain(events.iter().take(again)) {
            register.apply(*position, event).unwrap();
        }
        let mut book = Book::new();
        for (position, event) in &events {
            let _ = book.apply(*position, &event.body);
        }
        for by in ["c", "c-2", "h"] {
            let mut listed = Vec::new();
            register.visit_glasses(&facility(by), &mut |standing| {
                listed.push(standing.clone());
                true
            });
            prop_assert_sorted(&listed);
            let patients = [patient("h", "0"), patient("h", "1")];
            let stated = patients.iter().flat_map(|patient| book.glasses_of(patient));
            let mut expected: Vec<_> = stated
                .filter(|glass| glass.member.is_some() && (by == "h" || glass.facility.as_str() == by))
                .map(|glass| (
                    (glass.facility, glass.patient, glass.id), glass.member, glass.from, glass.until, glass.closed, glass.review,
                ))
                .collect();
            let mut found: Vec<_> = listed
                .into_iter()
                .map(|GlassStanding { glass, position: _, end, review, refused }| {
                    let review = review.map(|review| review.outcome);
                    let closed = end.is_some() || refused;
                    let (from, until) = (Some(glass.from()), Some(glass.until()));
                    ((glass.facility, glass.patient, glass.id), Some(glass.member), from, until, closed, review)
                })
                .collect();
            expected.sort_by(|a, b| a.0.cmp(&b.0));
            found.sort_by(|a, b| a.0.cmp(&b.0));
            proptest::prop_assert_eq!(found, expected);
        }
    }
}

#[track_caller]
fn prop_assert_sorted(listed: &[GlassStanding]) {
    assert!(listed.iter().zip(listed.iter().skip(1)).all(|(newer, older)| newer.glass.from() >= older.glass.from()));
}

pub(super) fn register() -> (tempfile::TempDir, Register) {
    let directory = tempfile::tempdir().unwrap();
    let register = Register::open(directory.path(), Arc::new(RwLock::new(Book::new()))).unwrap();
    (directory, register)
}
fn listed(register: &Register, at: &str, of: Option<&PatientRef>) -> Vec<String> {
    let facility = facility(at);
    let query = ConsentQuery { facility: &facility, patient: of, after: None };
    let mut ids = Vec::new();
    register.visit_consents(&query, &mut |standing| {
        ids.push(standing.consent.id.as_str().to_owned());
        true
    });
    ids
}

#[test]
fn a_consent_is_listed_to_its_source_its_viewers_and_by_its_patient_only() {
    let (_directory, register) = register();
    register.apply(Position::new(1, 0), &given("c2", patient("h", "1"), "clinic")).unwrap();
    register.apply(Position::new(1, 1), &given("c1", patient("h", "12"), "clinic")).unwrap();
    assert_eq!(listed(&register, "h", None), ["c1", "c2"]);
    assert_eq!(listed(&register, "clinic", None), ["c1", "c2"]);
    assert_eq!(listed(&register, "clin", None), Vec::<String>::new(), "a facility id that is a prefix of another");
    assert_eq!(listed(&register, "h", Some(&patient("h", "1"))), ["c2"]);
    assert_eq!(listed(&register, "h", Some(&patient("h", "3"))), Vec::<String>::new());
}

#[test]
fn a_withdrawn_consent_stays_withdrawn_and_redelivery_changes_nothing() {
    let (_directory, register) = register();
    let id = ConsentId::parse("c").unwrap();
    let events =
        [given("c", patient("h", "1"), "k"), withdrawn("c", patient("h", "1")), given("c", patient("h", "1"), "k")];
    for _ in 0..2 {
        for (offset, event) in (0..).zip(&events) {
            register.apply(Position::new(1, offset), event).unwrap();
        }
        let standing = register.consent(&id).unwrap();
        assert_eq!((standing.withdrawn_at, standing.position), (Some(at(1)), Position::new(1, 1)));
    }
}

#[test]
fn pages_continue_after_the_id_where_the_last_ended() {
    let (_directory, register) = register();
    for n in 0..5 {
        register.apply(Position::new(1, n), &given(&format!("c{n}"), patient("h", "1"), "k")).unwrap();
    }
    let (h, after) = (facility("h"), ConsentId::parse("c2").unwrap());
    let mut ids = Vec::new();
    register.visit_consents(&ConsentQuery { facility: &h, patient: None, after: Some(&after) }, &mut |standing| {
        ids.push(standing.consent.id.as_str().to_owned());
        false
    });
    assert_eq!(ids, ["c3"]);
}

#[test]
fn a_link_that_was_taken_back_is_gone_and_its_id_is_barred() {
    let (_directory, register) = register();
    let link = linked("l", patient("h", "1"), patient("k", "9"));
    register.apply(Position::new(0, 0), &link).unwrap();
    let id = LinkId::parse("l").unwrap();
    assert_eq!(register.link(&id).unwrap().b, patient("k", "9"));
    let unlink = Unlink { id: id.clone(), by: MemberId::parse("m").unwrap(), at: at(2) };
    register
        .apply(Position::new(0, 1), &event(Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink)))))
        .unwrap();
    register.apply(Position::new(0, 2), &link).unwrap();
    assert_eq!(register.link(&id), None);
    let mut seen = 0;
    register.visit_links(&facility("k"), None, &mut |_| {
        seen += 1;
        true
    });
    assert_eq!(seen, 0);
}

#[test]
fn the_register_is_on_disk_when_opened_again() {
    let (directory, register) = register();
    register.apply(Position::new(1, 0), &given("c", patient("h", "1"), "k")).unwrap();
    drop(register);
    let again = Register::open(directory.path(), Arc::new(RwLock::new(Book::new()))).unwrap();
    assert!(again.consent(&ConsentId::parse("c").unwrap()).is_some());
}
