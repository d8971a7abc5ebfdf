//! Trying a change before it is made, at the size of the founding network: what it costs to copy the book, during which
//! nothing is applied to it, and to find out what changes for whom.
//!
//! `cargo bench -p consent-filter --bench trying`. 150,000 patients at 38 sources, each linked to five of 366 viewing
//! facilities, with one consent for each: 750,000 grants.

#![expect(missing_docs, reason = "criterion's macros make public functions")]
#![expect(clippy::unwrap_used, reason = "a bench may stop where it stands")]

use consent_filter::Book;
use criterion::{Criterion, criterion_group, criterion_main};
use model::*;
use std::hint::black_box;

const PATIENTS: u32 = 150_000;
const SOURCES: u32 = 38;
const FACILITIES: u32 = 366;
const LINKS: u32 = 5;

fn now() -> Moment {
    Moment::parse("2026-04-01").unwrap()
}
fn facility_id(at: u32) -> FacilityId {
    FacilityId::parse(&format!("facility-{at:03}")).unwrap()
}
fn patient(at: u32, person: u32) -> PatientRef {
    PatientRef::new(facility_id(at), PatientNumber::parse(&format!("{person:08}")).unwrap())
}
/// The viewing facilities of a person, each once, none of them a source.
fn viewers(person: u32) -> impl Iterator<Item = u32> {
    (0..LINKS).map(move |link| SOURCES + (person * 7 + link * 61) % (FACILITIES - SOURCES))
}
fn scope(at: u32, categories: CategorySet) -> Body {
    let rule = ScopeRule {
        categories,
        viewer_kinds: FacilityKindSet::all(),
        viewer_roles: RoleSet::all(),
        departments: Vec::new(),
        author_roles: RoleSet::all(),
        labels: Labels::NONE,
        since: None,
        hold_back: HoldBack::None,
    };
    Body::Directory(DirectoryChange::Scope(DisclosureScope::of(facility_id(at), vec![rule])))
}
fn consent(person: u32, source: u32, viewer: u32) -> Body {
    Body::Consent(ConsentChange::Given(Consent {
        id: ConsentId::parse(&format!("0197b2c0-0000-7000-9000-{person:08}{viewer:04}")).unwrap(),
        patient: patient(source, person),
        viewers: Viewers::Facilities(vec![facility_id(viewer)]),
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
        taken_by: facility_id(viewer),
        signed_at: now(),
        form_digest: String::new(),
        paper: Box::default(),
    }))
}

fn region() -> Book {
    let mut book = Book::new();
    let mut next = [0_u64; 2];
    let mut tell = |book: &mut Book, partition: u32, body: Body| {
        let offset = next.get_mut(partition as usize).unwrap();
        let _ = book.apply(Position::new(partition, *offset), &body);
        *offset += 1;
    };
    for at in 0..FACILITIES {
        let kind = if at < SOURCES { FacilityKind::Hospital } else { FacilityKind::Clinic };
        let (id, name, name_en) = (facility_id(at), format!("施設{at}"), String::new());
        let facility = Facility { id, kind, name, name_en, status: FacilityStatus::Active };
        tell(&mut book, 0, Body::Directory(DirectoryChange::Facility(facility)));
    }
    (0..SOURCES).for_each(|at| tell(&mut book, 0, scope(at, CategorySet::all())));
    for person in 0..PATIENTS {
        let source = person % SOURCES;
        for viewer in viewers(person) {
            let link = Link {
                id: LinkId::parse(&format!("0197b2c0-0000-7000-8000-{person:08}{viewer:04}")).unwrap(),
                a: patient(source, person),
                b: patient(viewer, person),
                evidence: LinkEvidence::ConsentForm,
                confirmed_by: MemberId::parse("dr-000").unwrap(),
                confirmed_at: now(),
            };
            tell(&mut book, 0, Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))));
            tell(&mut book, 1, consent(person, source, viewer));
        }
    }
    for at in 0..SOURCES {
        for category in Category::ALL {
            book.class(&consent_filter::ScopeClass {
                source: facility_id(at),
                category: *category,
                department: None,
                author_role: Role::Physician,
                labels: Labels::NONE,
            });
        }
    }
    book
}

fn trying(criterion: &mut Criterion) {
    let book = region();
    let mut group = criterion.benchmark_group("trying");
    group.sample_size(20);
    group.bench_function("copy the book", |bench| bench.iter_with_large_drop(|| book.clone()));
    let mut after = book.clone();
    let at = Position { partition: PartitionId::CONTROL, offset: book.frontier().next(PartitionId::CONTROL) };
    let draft = scope(0, CategorySet::all().without(CategorySet::of(Category::Document)));
    let touched = after.apply(at, &draft).touched;
    group.bench_function("who is touched by a scope", |bench| bench.iter(|| black_box(after.pairs(&touched)).len()));
    let viewer =
        Principal { facility: facility_id(SOURCES), member: None, role: Role::System, purpose: Purpose::Treatment };
    group.bench_function("difference for one viewer", |bench| {
        bench.iter(|| black_box(book.difference(&after, &viewer, now())).patients().len());
    });
    group.finish();
}

criterion_group!(benches, trying);
criterion_main!(benches);
