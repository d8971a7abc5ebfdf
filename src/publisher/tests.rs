use super::*;
use consent_filter::{Book, Reason, ScopeClass};
use model::{
    Author, Body, Category, CategorySet, ChangeKind, CodeSystem, Coding, Consent, ConsentChange, ConsentId,
    ConsentState, DirectoryChange, DisclosureScope, Exceptions, Facility, FacilityId, FacilityKind, FacilityKindSet,
    FacilityStatus, HoldBack, LabResult, LabStatus, Label, Labels, Link, LinkChange, LinkEvidence, LinkId, MemberId,
    Message, Moment, PatientNumber, PatientRef, Payload, Period, Purpose, PurposeSet, Record, RecordId, Role, RoleSet,
    ScopeRule, Signer, Value, Version, Viewers, Withdrawal,
};

const DAY: i64 = 86_400_000_000;

fn day(number: i64) -> Moment {
    Moment::parse("2026-11-01").unwrap().plus_micros(number * DAY)
}
fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
fn patient(at: &str, number: &str) -> PatientRef {
    PatientRef::new(facility(at), PatientNumber::parse(number).unwrap())
}
fn span() -> Span {
    Span { from: "0:0,1:10".parse().unwrap(), until: "0:9,1:20".parse().unwrap() }
}

/// A laboratory, two clinics that know its patient `1`, and a third that knows nobody of it.
struct House {
    book: Book,
    next: u64,
}

impl House {
    fn new(rules: Vec<ScopeRule>) -> Self {
        let mut house = Self { book: Book::new(), next: 0 };
        for (id, kind) in [
            ("lab", FacilityKind::Laboratory),
            ("sato", FacilityKind::Clinic),
            ("ueda", FacilityKind::Clinic),
            ("kita", FacilityKind::Clinic),
        ] {
            let status = FacilityStatus::Active;
            let stated = Facility { id: facility(id), kind, name: id.to_owned(), name_en: String::new(), status };
            house.say(Body::Directory(DirectoryChange::Facility(stated)));
        }
        for (id, at, number) in [("l-1", "sato", "s1"), ("l-2", "ueda", "u1")] {
            house.say(Body::Directory(DirectoryChange::Link(LinkChange::Linked(Link {
                id: LinkId::parse(id).unwrap(),
                a: patient("lab", "1"),
                b: patient(at, number),
                evidence: LinkEvidence::Manual,
                confirmed_by: MemberId::parse("m").unwrap(),
                confirmed_at: day(0),
            }))));
        }
        house.say(Body::Directory(DirectoryChange::Scope(DisclosureScope::of(facility("lab"), rules))));
        house
    }
    fn say(&mut self, body: Body) {
        let partition = u32::from(matches!(body, Body::Consent(_)));
        let _ = self.book.apply(Position::new(partition, self.next), &body);
        self.next += 1;
    }
    fn consent(&mut self, id: &str, number: &str, viewer: &str) {
        self.say(Body::Consent(ConsentChange::Given(Consent {
            id: ConsentId::parse(id).unwrap(),
            patient: patient("lab", number),
            viewers: Viewers::Facilities(vec![facility(viewer)]),
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
            taken_by: facility(viewer),
            signed_at: day(0),
            form_digest: String::new(),
            paper: Box::default(),
        })));
    }
    /// Folds rows: whose, of which labels, recorded when, at which offset of partition 1.
    fn held(&mut self, rows: &[(&str, Labels, Moment, u64)]) -> Held {
        let mut held = Held::of(facility("lab"), span(), day(10));
        for (number, labels, recorded, offset) in rows {
            let class = ScopeClass {
                source: facility("lab"),
                category: Category::Laboratory,
                department: None,
                author_role: Role::LaboratoryStaff,
                labels: *labels,
            };
            let (patient, class) = (self.book.patient(&patient("lab", number)), self.book.class(&class));
            let facts = consent_filter::Facts { patient, class, occurred: *recorded, recorded: *recorded };
            held.take(&self.book, Position::new(1, *offset), Some(&facts));
        }
        held
    }
    fn told(&self, held: &Held, at: &str) -> Standing {
        let facility = self.book.facility(&facility(at)).unwrap();
        held.standing().find(|(of, _)| *of == facility).map(|(_, standing)| standing.clone()).unwrap_or_default()
    }
}

fn rule(hold_back: HoldBack) -> ScopeRule {
    ScopeRule {
        categories: CategorySet::all(),
        viewer_kinds: FacilityKindSet::all(),
        viewer_roles: RoleSet::all(),
        departments: Vec::new(),
        author_roles: RoleSet::all(),
        labels: Labels::NONE,
        since: None,
        hold_back,
    }
}

#[test]
fn a_row_is_visible_or_held_at_whoever_knows_the_patient_and_nowhere_else() {
    let mut house = House::new(vec![rule(HoldBack::None)]);
    house.consent("c-1", "1", "sato");
    let hiv = Labels::of(Label::Hiv);
    let held = house.held(&[
        ("1", Labels::NONE, day(1), 5),
        ("1", hiv, day(1), 12),
        ("1", hiv, day(1), 20),
        // Nobody knows this patient.
        ("2", Labels::NONE, day(1), 13),
    ]);
    assert_eq!((held.rows(), held.of_period()), (4, 2), "offsets 10 to 19 are the period's");
    let sato = house.told(&held, "sato");
    assert_eq!(sato.visible, 1);
    let labelled = &sato.held[&Reason::LabelNotConsented];
    assert_eq!((labelled.rows, labelled.of_period, labelled.patients.len(), labelled.labels), (2, 1, 1, hiv));
    assert_eq!(sato.held.len(), 1);
    let ueda = house.told(&held, "ueda");
    assert_eq!((ueda.visible, ueda.held[&Reason::NoConsent].rows), (0, 3));
    assert_eq!(house.told(&held, "kita"), Standing::default());
    assert_eq!(house.told(&held, "lab"), Standing::default(), "its own rows are held back from nobody there");
}

#[test]
fn a_hold_back_says_when_the_clock_lets_the_first_and_the_last_row_go() {
    let mut house = House::new(vec![rule(HoldBack::Days(5))]);
    house.consent("c-1", "1", "sato");
    let rows = [("1", Labels::NONE, day(1), 11), ("1", Labels::NONE, day(6), 12), ("1", Labels::NONE, day(8), 13)];
    let held = house.held(&rows);
    let sato = house.told(&held, "sato");
    let back = &sato.held[&Reason::HeldBack];
    assert_eq!((sato.visible, back.rows, back.next, back.last), (1, 2, Some(day(11)), Some(day(13))));
    let ueda = house.told(&held, "ueda");
    assert_eq!(ueda.held[&Reason::NoConsent].next, None, "no clock lets go what lacks a consent");
}

#[test]
fn a_withdrawal_and_a_missing_scope_are_named_as_such() {
    let mut house = House::new(Vec::new());
    house.consent("c-1", "1", "sato");
    house.consent("c-2", "1", "ueda");
    let (id, withdrawn_at) = (ConsentId::parse("c-2").unwrap(), day(2));
    house.say(Body::Consent(ConsentChange::Withdrawn(Withdrawal { id, patient: patient("lab", "1"), withdrawn_at })));
    let held = house.held(&[("1", Labels::NONE, day(1), 11)]);
    assert_eq!(house.told(&held, "sato").held.keys().collect::<Vec<_>>(), [&Reason::NoScope]);
    assert_eq!(house.told(&held, "ueda").held.keys().collect::<Vec<_>>(), [&Reason::ConsentWithdrawn]);
}

fn result(system: CodeSystem, code: &str, display: &str) -> LabResult {
    LabResult {
        code: Coding { system, code: code.to_owned(), display: display.to_owned() },
        value: Value::Text("1".to_owned()),
        reference_low: None,
        reference_high: None,
        flag: String::new(),
        specimen: String::new(),
        status: LabStatus::Final,
        order: String::new(),
        note: String::new(),
    }
}

#[test]
fn codes_that_nobody_knows_are_counted_and_the_known_ones_are_not() {
    let mut codes = Codes::default();
    for (system, code, display) in [
        (CodeSystem::Jlac10, "3D046000001920402", "HbA1c"),
        (CodeSystem::Loinc, "4548-4", "HbA1c"),
        (CodeSystem::Loinc, "4548-5", "HbA1c"),
        (CodeSystem::Local, "K-77", ""),
        (CodeSystem::Local, "K-77", "ｶﾘｳﾑ"),
        (CodeSystem::Jlac10, "3D046", "HbA1c"),
    ] {
        codes.take(&result(system, code, display), None);
    }
    assert_eq!((codes.results(), codes.distinct()), (4, 3));
    let told: Vec<_> = codes.most_frequent(2).iter().map(|one| (one.code.as_str(), one.why, one.results)).collect();
    assert_eq!(told, [("K-77", Unknown::Unmapped, 2), ("3D046", Unknown::BadCode, 1)]);
    assert_eq!(codes.most_frequent(1)[0].display, "ｶﾘｳﾑ", "a name that came with one of them");
    // The facility says what two of its codes are: one means something, one nothing.
    let rows = [["K-77", "", "loinc", "2823-3", ""], ["COMMENT", "", "nothing", "", ""]];
    let map = clinical::lab::LocalMap::read("lab", 1, rows).unwrap();
    let mut codes = Codes::default();
    for code in ["K-77", "COMMENT", "K-78"] {
        codes.take(&result(CodeSystem::Local, code, ""), Some(&map));
    }
    assert_eq!((codes.results(), codes.most_frequent(9)[0].code.as_str()), (1, "K-78"));
}

fn version(number: u64, change: ChangeKind, whose: &str, record: &str) -> Record {
    let says = Payload::Message(Message { subject: String::new(), text: "x".to_owned() });
    let record = Record::new(
        patient("lab", whose),
        RecordId::parse(record).unwrap(),
        Version::new(number).unwrap(),
        Category::Message,
        day(1),
        day(1),
        Labels::NONE,
        None,
        Author { member: None, role: Role::System },
        change,
        (change != ChangeKind::Delete).then_some(says),
    );
    record.unwrap()
}

/// What versions come to: partition and offset, the moment in seconds, the version.
fn corrected(letters: &[((u32, u64), i64, Record)]) -> Corrected {
    let span = Span { from: "1:10,2:10".parse().unwrap(), until: "1:20,2:20".parse().unwrap() };
    let place = |(partition, offset): (u32, u64)| Position::new(partition, offset);
    let mut versions = Versions::default();
    let at = |place: Position, second: i64| (place, day(1).plus_micros(second * 1_000_000));
    let (within, before): (Vec<_>, Vec<_>) = letters.iter().partition(|(place_of, ..)| span.holds(place(*place_of)));
    for (place_of, second, record) in within {
        assert!(versions.take(at(place(*place_of), *second), record, 100));
    }
    if versions.asks_for_earlier() {
        before.into_iter().for_each(|(of, second, record)| versions.take_earlier(at(place(*of), *second), record));
    }
    versions.end(&span)
}

#[test]
fn what_ended_in_the_period_is_counted_once_per_record_and_what_ended_before_is_not() {
    use ChangeKind::{Correct, Delete, Upsert};
    let told = corrected(&[
        ((1, 1), 1, version(1, Upsert, "1", "a")),
        ((1, 2), 2, version(2, Correct, "1", "a")), // ended before the period
        ((1, 11), 11, version(3, Correct, "1", "a")),
        ((1, 12), 12, version(4, Correct, "1", "a")),
        ((1, 13), 13, version(5, Delete, "1", "a")),
        ((1, 14), 14, version(1, Upsert, "1", "new")),
        ((1, 15), 15, version(2, Upsert, "1", "late")),
        ((1, 16), 16, version(1, Upsert, "1", "late")), // no newer: never shown
    ]);
    assert_eq!((told.corrected, told.deleted, told.recalls.len()), (1, 1, 3));
}

#[test]
fn an_only_version_asks_for_earlier_ones_unless_it_is_the_first_and_only_so_many_records_are_taken() {
    let mut versions = Versions::default();
    let at = (Position::new(1, 11), day(1));
    assert!(versions.take(at, &version(1, ChangeKind::Upsert, "1", "a"), 2));
    assert!(!versions.asks_for_earlier(), "nothing can have been before");
    assert!(versions.take(at, &version(1_780_000_000_000, ChangeKind::Upsert, "1", "by-the-clock"), 2));
    assert!(versions.asks_for_earlier());
    assert!(versions.take(at, &version(1, ChangeKind::Upsert, "1", "b"), 2));
    assert!(!versions.take(at, &version(1, ChangeKind::Upsert, "1", "c"), 2), "it says that there is more");
    assert!(versions.take(at, &version(2, ChangeKind::Correct, "1", "b"), 2));
    assert_eq!(versions.end(&Span { from: "1:10".parse().unwrap(), until: "1:20".parse().unwrap() }).corrected, 1);
}

#[test]
fn a_correction_that_moves_a_record_to_another_patient_ends_what_the_first_showed() {
    let told = corrected(&[
        // The later partition was written first.
        ((1, 11), 20, version(2, ChangeKind::Correct, "2", "a")),
        ((2, 3), 10, version(1, ChangeKind::Upsert, "1", "a")),
    ]);
    assert_eq!((told.corrected, told.deleted), (1, 0));
    let (_, recall) = &told.recalls[0];
    assert_eq!(recall.patient, patient("lab", "1"), "who saw it of the first patient must be told");
}

#[test]
fn every_reason_of_the_closed_lists_has_words_and_no_two_have_the_same() {
    use std::collections::BTreeSet;
    let held: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason_words(reason.code())).collect();
    assert_eq!(held.len(), Reason::ALL.len());
    let refused: BTreeSet<_> = ingest::RefusalReason::ALL.iter().map(|reason| refusal_words(reason.code())).collect();
    assert_eq!(refused.len(), ingest::RefusalReason::ALL.len());
    assert_eq!(reason_words("of-a-later-version"), ("of-a-later-version", "of-a-later-version"));
}
