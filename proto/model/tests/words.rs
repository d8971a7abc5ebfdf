//! The words keep their promises.

use model::*;
use proptest::prelude::*;

#[test]
fn patient_data_is_redacted_in_debug() {
    let patient = PatientRef::new(FacilityId::parse("h1").unwrap(), PatientNumber::parse("00012345").unwrap());
    let record = RecordRef { source: FacilityId::parse("h1").unwrap(), id: RecordId::parse("00012345.lab.1").unwrap() };
    let key = EventKey { source: FacilityId::parse("h1").unwrap(), id: EventId::parse("00012345-9").unwrap() };
    let payload = Payload::Message(Message { subject: "00012345".into(), text: "00012345".into() });
    let shown = format!("{patient:?} {record:?} {key:?} {payload:?}");
    assert!(!shown.contains("12345"), "{shown}");
    assert!(shown.contains("h1"));
}

#[test]
fn an_identifier_says_its_name_and_fault_but_not_its_text() {
    let error = FacilityId::parse("Nagasaki MC").unwrap_err();
    assert_eq!(error.kind(), "facility_id");
    assert!(error.to_string().contains("byte 0"), "{error}");
    assert!(!error.to_string().contains("Nagasaki"));
    assert!(PatientNumber::parse("").unwrap_err().to_string().contains("is empty"));
    assert!(PatientNumber::parse(" 12").is_err());
    assert!(RecordId::parse(&"x".repeat(129)).unwrap_err().to_string().contains("the limit is 128"));
}

#[test]
fn a_date_is_the_start_of_that_day_in_japan() {
    let date = Moment::parse("2026-04-01").unwrap();
    assert_eq!(date, Moment::parse("2026-03-31T15:00:00Z").unwrap());
    assert_eq!(date, Moment::parse("2026-04-01T00:00:00+09:00").unwrap());
    assert!(Moment::parse("2026-13-01").is_err());
    assert!(Moment::parse("1700-01-01").is_err());
}

#[test]
fn a_period_is_half_open_and_cannot_end_before_it_begins() {
    let at = |text| Moment::parse(text).unwrap();
    let period = Period::new(Some(at("2026-01-01")), Some(at("2026-02-01"))).unwrap();
    assert!(period.contains(at("2026-01-01")));
    assert!(!period.contains(at("2026-02-01")));
    assert!(Period::ALWAYS.contains(at("1999-01-01")));
    assert_eq!(Period::new(Some(at("2026-02-01")), Some(at("2026-01-01"))), Err(PeriodError));
}

#[test]
fn a_record_needs_the_payload_of_its_category() {
    let make = |category, change, payload| {
        Record::new(
            PatientRef::new(FacilityId::parse("h1").unwrap(), PatientNumber::parse("1").unwrap()),
            RecordId::parse("r").unwrap(),
            Version::FIRST,
            category,
            Moment::parse("2026-01-01").unwrap(),
            Moment::parse("2026-01-01").unwrap(),
            Labels::NONE,
            None,
            Author { member: None, role: Role::System },
            change,
            payload,
        )
    };
    let message = || Some(Payload::Message(Message { subject: String::new(), text: String::new() }));
    assert!(make(Category::Message, ChangeKind::Upsert, message()).is_ok());
    assert!(make(Category::Message, ChangeKind::Delete, None).is_ok());
    assert_eq!(
        make(Category::Message, ChangeKind::Correct, None),
        Err(RecordError::PayloadMissing { change: "correct" })
    );
    assert_eq!(
        make(Category::Laboratory, ChangeKind::Upsert, message()),
        Err(RecordError::PayloadMismatch { category: Category::Laboratory, payload: Category::Message })
    );
}

#[test]
fn every_code_of_a_closed_vocabulary_reads_back_and_unknown_text_is_refused_by_name() {
    for category in Category::ALL {
        assert_eq!(category.code().parse(), Ok(*category));
    }
    for label in Label::ALL {
        assert_eq!(label.code().parse(), Ok(*label));
    }
    for role in Role::ALL {
        assert_eq!(role.code().parse(), Ok(*role));
    }
    let error = "lab".parse::<Category>().unwrap_err().to_string();
    assert!(error.contains("`lab` is not a category") && error.contains("laboratory"), "{error}");
}

#[test]
fn the_labels_that_need_saying_are_the_sensitivities_not_the_tags() {
    assert!(Labels::NEED_SAYING.contains(Label::Hiv) && Labels::NEED_SAYING.contains(Label::VeryRestricted));
    assert!(!Labels::NEED_SAYING.contains(Label::Lts) && !Labels::NEED_SAYING.contains(Label::Undelivered));
}

proptest! {
    #[test]
    fn a_position_reads_back_from_its_text(partition: u32, offset: u64) {
        let position = Position::new(partition, offset);
        prop_assert_eq!(position.to_string().parse::<Position>(), Ok(position));
    }

    #[test]
    fn a_frontier_includes_exactly_what_was_taken_in_and_never_goes_back(
        taken in prop::collection::vec((0u32..4, 0u64..50), 0..40), probe in (0u32..4, 0u64..50),
    ) {
        let mut frontier = Frontier::start();
        for (partition, offset) in &taken {
            let before = frontier.clone();
            frontier.include(Position::new(*partition, *offset));
            prop_assert!(frontier.covers(&before));
        }
        let highest = taken.iter().filter(|(p, _)| *p == probe.0).map(|(_, o)| *o).max();
        let expected = highest.is_some_and(|highest| probe.1 <= highest);
        prop_assert_eq!(frontier.includes(Position::new(probe.0, probe.1)), expected);
        prop_assert_eq!(frontier.to_string().parse::<Frontier>(), Ok(frontier));
    }

    #[test]
    fn sets_behave_as_sets(bits_a in 0u16..(1 << 14), bits_b in 0u16..(1 << 14)) {
        let set = |bits: u16| -> CategorySet {
            Category::ALL.iter().copied().filter(|c| bits & (1 << *c as u8) != 0).collect()
        };
        let (a, b) = (set(bits_a), set(bits_b));
        for category in Category::ALL {
            prop_assert_eq!(a.union(b).contains(*category), a.contains(*category) || b.contains(*category));
            prop_assert_eq!(a.intersection(b).contains(*category), a.contains(*category) && b.contains(*category));
            prop_assert_eq!(a.without(b).contains(*category), a.contains(*category) && !b.contains(*category));
        }
        prop_assert_eq!(a.is_subset(b), a.without(b).is_empty());
    }
}

#[test]
fn a_consent_moves_forward_and_its_ends_are_final() {
    use ConsentState::*;
    // The way as domain experts draw it; the ends lie past all of it.
    let way = [Draft, Signed, Received, Activated, Active];
    for (i, now) in way.iter().enumerate() {
        assert!(ConsentState::may_become(None, *now));
        for (j, next) in way.iter().enumerate() {
            assert_eq!(ConsentState::may_become(Some(*now), *next), i <= j, "{now:?} to {next:?}");
        }
        for end in [Rejected, Superseded] {
            assert!(ConsentState::may_become(Some(*now), end));
            assert!(!ConsentState::may_become(Some(end), *now));
        }
    }
    assert!(ConsentState::may_become(None, Rejected));
    assert!(!ConsentState::may_become(None, Superseded));
    assert!(!ConsentState::may_become(Some(Rejected), Superseded));
    assert!(!ConsentState::may_become(Some(Superseded), Rejected));
    assert!(ConsentState::ALL.iter().all(|state| ConsentState::may_become(Some(*state), *state)));
}

#[expect(clippy::unwrap_used, reason = "a helper of tests: what fails here fails the test")]
fn a_consent(viewers: Viewers, taken_by: &str) -> Consent {
    let at = |text| Moment::parse(text).unwrap();
    Consent {
        id: ConsentId::parse("c-1").unwrap(),
        patient: PatientRef::new(FacilityId::parse("hospital").unwrap(), PatientNumber::parse("1").unwrap()),
        viewers,
        state: ConsentState::Active,
        supersedes: None,
        period: Period::ALWAYS,
        data_period: Period::ALWAYS,
        categories: CategorySet::all(),
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::of(Purpose::Treatment),
        exceptions: Exceptions::none(),
        signer: Signer::Representative,
        taken_by: FacilityId::parse(taken_by).unwrap(),
        signed_at: at("2020-01-01"),
        form_digest: String::new(),
        paper: Box::default(),
    }
}

#[test]
fn a_consents_form_follows_from_its_viewers_and_who_took_it() {
    let facilities = |ids: &[&str]| Viewers::Facilities(ids.iter().map(|id| FacilityId::parse(id).unwrap()).collect());
    let named = || Viewers::Practitioners(vec![MemberId::parse("dr").unwrap()]);
    for (viewers, taken_by, form) in [
        (Viewers::AllMembers, "clinic", ConsentForm::Blanket),
        (Viewers::AllMembers, "hospital", ConsentForm::Blanket),
        (facilities(&["clinic"]), "clinic", ConsentForm::Single),
        (facilities(&["clinic", "pharmacy"]), "clinic", ConsentForm::List),
        (named(), "clinic", ConsentForm::Practitioners),
        (facilities(&["clinic"]), "hospital", ConsentForm::Proxy),
        (named(), "hospital", ConsentForm::Proxy),
    ] {
        assert_eq!(a_consent(viewers, taken_by).form(), form);
    }
}

#[test]
fn a_child_comes_of_age_on_the_morning_of_the_eighteenth_birthday() {
    use jiff::civil::date;
    let at = |text| Moment::parse(text).unwrap();
    assert_eq!(majority(date(2008, 4, 1)), Some(at("2026-04-01")));
    assert_eq!(majority(date(2008, 2, 29)), Some(at("2026-03-01")));
    assert_eq!(majority(date(9999, 1, 1)), None);

    let consent = a_consent(Viewers::AllMembers, "clinic");
    let flags = |consent: &Consent, born, died, moment| consent.flags(born, died, moment).collect::<Vec<_>>();
    let born = Some(date(2008, 4, 1));
    let eve = at("2026-04-01").plus_micros(-1);
    assert_eq!(flags(&consent, born, None, eve), []);
    assert_eq!(flags(&consent, born, None, at("2026-04-01")), [ConsentFlag::OfAge]);
    assert_eq!(flags(&consent, None, None, eve), [ConsentFlag::AgeUnknown]);
    assert_eq!(flags(&consent, born, Some(eve), eve), [ConsentFlag::Deceased]);
    assert_eq!(flags(&consent, born, Some(eve), eve.plus_micros(-1)), []);
    // An adult's guardian, and a patient who signed.
    assert_eq!(flags(&consent, Some(date(1940, 1, 1)), None, eve), []);
    let own = Consent { signer: Signer::Patient, ..consent.clone() };
    assert_eq!(flags(&own, None, None, eve), []);
    // What the form says comes before what the demographics say.
    let form = Consent { paper: Box::new(Paper { born, ..Paper::default() }), ..consent };
    assert_eq!(form.of_age_at(Some(date(1940, 1, 1))), Some(at("2026-04-01")));
}

#[test]
fn the_paper_and_the_reason_of_an_emergency_are_redacted_in_debug() {
    let paper = Paper { born: Some(jiff::civil::date(2008, 4, 1)), ..Paper::default() };
    assert!(!format!("{paper:?}").contains("2008"));
    let patient = PatientRef::new(FacilityId::parse("h1").unwrap(), PatientNumber::parse("00012345").unwrap());
    let at = Moment::parse("2026-04-01").unwrap();
    let (id, facility) = (GlassId::parse("b-1").unwrap(), FacilityId::parse("c1").unwrap());
    let member = MemberId::parse("dr").unwrap();
    let glass = BreakGlass::new(id, facility, member, Role::Physician, patient, "overdose".into(), at, at).unwrap();
    let shown = format!("{glass:?}");
    assert!(shown.contains("c1") && !shown.contains("overdose") && !shown.contains("12345"), "{shown}");
}
