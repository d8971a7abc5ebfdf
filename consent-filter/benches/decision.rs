//! The conscience at the size of the founding network: 150,000 patients, 38 sources, 366 viewers, one core.
//!
//! `cargo bench -p consent-filter`. Every patient is known at one source and, through links, at five viewing
//! facilities, with one consent for each: 750,000 grants. Ids are UUIDs; most consents share one of a few forms.

#![expect(missing_docs, reason = "criterion's macros make public functions")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may stop where it stands")]

use consent_filter::{Applied, Audience, Book, Facts, Memory, PatientIx, ScopeClass, Visibility};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use model::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::hint::black_box;

const PATIENTS: u32 = 150_000;
const SOURCES: usize = 38;
const FACILITIES: usize = 366;
const LINKS: usize = 5;
/// Records looked ahead at a time.
const BATCH: usize = 96;
const DAY: i64 = 86_400_000_000;

/// The moment of all questions: 2026-04-01.
fn now() -> Moment {
    Moment::from_micros(20_544 * DAY).unwrap()
}
fn days_ago(days: i64) -> Moment {
    now().plus_micros(-days * DAY)
}
fn facility_id(at: usize) -> FacilityId {
    FacilityId::parse(&format!("facility-{at:03}")).unwrap()
}
fn kind(at: usize) -> FacilityKind {
    match at {
        ..SOURCES => FacilityKind::Hospital,
        _ => [FacilityKind::Clinic, FacilityKind::Clinic, FacilityKind::Pharmacy, FacilityKind::HomeNursing][at % 4],
    }
}
fn number(person: u32) -> PatientNumber {
    PatientNumber::parse(&format!("{person:08}")).unwrap()
}
fn uuid(rng: &mut StdRng) -> String {
    let (a, b): (u64, u64) = rng.random();
    format!(
        "{:08x}-{:04x}-7{:03x}-9{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}

struct Region {
    book: Book,
    rng: StdRng,
    next: [u64; 2],
    /// For each person the source and the viewers, by number.
    people: Vec<(usize, [usize; LINKS])>,
    /// Some classes of each source.
    classes: Vec<Vec<consent_filter::ClassIx>>,
    resident: [usize; 4],
}

impl Region {
    fn tell(&mut self, partition: usize, body: &Body) -> Applied {
        let position = Position::new(partition as u32, self.next[partition]);
        self.next[partition] += 1;
        self.book.apply(position, body)
    }

    fn new() -> Self {
        let mut region = Self {
            book: Book::new(),
            rng: StdRng::seed_from_u64(38),
            next: [0; 2],
            people: Vec::new(),
            classes: Vec::new(),
            resident: [resident(); 4],
        };
        for at in 0..FACILITIES {
            let (id, name, name_en) = (facility_id(at), format!("施設{at}"), String::new());
            let facility = Facility { id, kind: kind(at), name, name_en, status: FacilityStatus::Active };
            let _ = region.tell(0, &Body::Directory(DirectoryChange::Facility(facility)));
            let id = MemberId::parse(&format!("dr-{at:03}")).unwrap();
            let (facility, role, name, period) = (facility_id(at), Role::Physician, String::new(), Period::ALWAYS);
            let member = Member { id, facility, role, name, period };
            let _ = region.tell(0, &Body::Directory(DirectoryChange::Member(member)));
        }
        (0..SOURCES).for_each(|at| region.disclose(at));
        for person in 0..PATIENTS {
            let source = region.rng.random_range(0..SOURCES);
            let mut viewers = [0; LINKS];
            for place in 0..LINKS {
                viewers[place] = loop {
                    let viewer = region.rng.random_range(0..FACILITIES);
                    if viewer != source && !viewers[..place].contains(&viewer) {
                        break viewer;
                    }
                };
            }
            region.people.push((source, viewers));
            region.book.patient(&PatientRef::new(facility_id(source), number(person)));
            for viewer in viewers {
                region.book.patient(&PatientRef::new(facility_id(viewer), number(person)));
            }
        }
        region.resident[1] = resident();
        (0..PATIENTS).for_each(|person| region.link(person));
        region.resident[2] = resident();
        (0..PATIENTS).for_each(|person| region.consents(person));
        region.resident[3] = resident();
        region
    }

    /// A scope of four rules, and the classes of records the source makes.
    fn disclose(&mut self, at: usize) {
        let rule = |categories: CategorySet, kinds: FacilityKindSet, hold_back| ScopeRule {
            categories,
            viewer_kinds: kinds,
            viewer_roles: RoleSet::all(),
            departments: Vec::new(),
            author_roles: RoleSet::all(),
            labels: Labels::NONE,
            since: Some(days_ago(3_000)),
            hold_back,
        };
        let notes = CategorySet::of(Category::Document);
        let pharmacies = FacilityKindSet::of(FacilityKind::Pharmacy);
        let rules = vec![
            rule(CategorySet::all().without(notes), FacilityKindSet::all(), HoldBack::None),
            rule(notes, FacilityKindSet::all().without(pharmacies), HoldBack::Days(1)),
            ScopeRule {
                labels: Labels::of(Label::Psy),
                ..rule(CategorySet::all(), FacilityKindSet::all(), HoldBack::Days(7))
            },
        ];
        let scope = DisclosureScope::of(facility_id(at), rules);
        let _ = self.tell(0, &Body::Directory(DirectoryChange::Scope(scope)));
        let mut classes = Vec::new();
        for category in Category::ALL {
            for department in 0..8 {
                for author_role in [Role::Physician, Role::Nurse, Role::LaboratoryStaff] {
                    for labels in [Labels::NONE, Labels::of(Label::Psy)] {
                        let department = Some(DepartmentCode::parse(&format!("{department:02}")).unwrap());
                        let class = ScopeClass {
                            source: facility_id(at),
                            category: *category,
                            department,
                            author_role,
                            labels,
                        };
                        classes.push(self.book.class(&class));
                    }
                }
            }
        }
        self.classes.push(classes);
    }
    fn link(&mut self, person: u32) {
        let (source, viewers) = self.people[person as usize];
        for viewer in viewers {
            let link = Link {
                id: LinkId::parse(&uuid(&mut self.rng)).unwrap(),
                a: PatientRef::new(facility_id(source), number(person)),
                b: PatientRef::new(facility_id(viewer), number(person)),
                evidence: LinkEvidence::ConsentForm,
                confirmed_by: MemberId::parse("dr-000").unwrap(),
                confirmed_at: now(),
            };
            let _ = self.tell(0, &Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))));
        }
    }
    fn consents(&mut self, person: u32) {
        for viewer in self.people[person as usize].1 {
            let consent = self.consent(person, viewer);
            let _ = self.tell(1, &Body::Consent(ConsentChange::Given(consent)));
        }
    }
    /// A form signed on some day of the last ten years; one in four ends after five, one in three says PSY.
    fn consent(&mut self, person: u32, viewer: usize) -> Consent {
        let signed = days_ago(self.rng.random_range(1..3_650));
        let ends = self.rng.random_ratio(1, 4).then(|| signed.plus_micros(5 * 365 * DAY));
        let source = self.people[person as usize].0;
        Consent {
            id: ConsentId::parse(&uuid(&mut self.rng)).unwrap(),
            patient: PatientRef::new(facility_id(source), number(person)),
            viewers: Viewers::Facilities(vec![facility_id(viewer)]),
            state: ConsentState::Active,
            supersedes: None,
            period: Period::new(Some(signed), ends).unwrap(),
            data_period: Period::ALWAYS,
            categories: CategorySet::all(),
            departments: Vec::new(),
            labels: if self.rng.random_ratio(1, 3) { Labels::of(Label::Psy) } else { Labels::NONE },
            purposes: PurposeSet::of(Purpose::Treatment).with(Purpose::EmergencyTreatment),
            exceptions: Exceptions::none(),
            signer: Signer::Patient,
            taken_by: facility_id(viewer),
            signed_at: signed,
            form_digest: String::new(),
            paper: Box::default(),
        }
    }
    fn doctor(at: usize) -> Principal {
        let member = MemberId::parse(&format!("dr-{at:03}")).unwrap();
        Principal {
            facility: facility_id(at),
            member: Some(member),
            role: Role::Physician,
            purpose: Purpose::Treatment,
        }
    }
    /// A record of some patient, and somebody who asks for it: three times in four one the patient consented to.
    fn question(&mut self) -> (Facts, Principal) {
        let person = self.rng.random_range(0..PATIENTS);
        let (source, viewers) = self.people[person as usize];
        let classes = &self.classes[source];
        let class = classes[self.rng.random_range(0..classes.len())];
        let patient = self.book.find_patient(&PatientRef::new(facility_id(source), number(person))).unwrap();
        let occurred = days_ago(self.rng.random_range(0..2_000));
        let viewer = if self.rng.random_ratio(3, 4) {
            viewers[self.rng.random_range(0..LINKS)]
        } else {
            self.rng.random_range(0..FACILITIES)
        };
        (Facts { patient, class, occurred, recorded: occurred }, Self::doctor(viewer))
    }
}

/// Resident bytes of this process, where the system says.
#[expect(clippy::disallowed_methods, reason = "a measurement, not the conscience")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

#[expect(clippy::print_stdout, reason = "the figures are the product of a bench")]
fn report(memory: &Memory, resident: [usize; 4]) {
    let per = |bytes: usize, things: usize| bytes as f64 / things as f64;
    println!("{memory:?}");
    println!(
        "bytes per grant {:.1}, per patient ref {:.1}, per link {:.1} (counted by Book::memory)",
        per(memory.grant_bytes, memory.grants),
        per(memory.patient_bytes, memory.patients),
        per(memory.link_bytes, memory.links),
    );
    let grown = |step: usize| resident[step].saturating_sub(resident[step - 1]);
    println!(
        "bytes per grant {:.1}, per link {:.1} (growth of the resident set while they were applied)",
        per(grown(3), memory.grants),
        per(grown(2), memory.links),
    );
}

/// Nanoseconds this thread has spent on a core, where the system says: on a busy machine wall time measures the neighbours.
#[expect(clippy::disallowed_methods, reason = "a measurement, not the conscience")]
fn on_core() -> u64 {
    // The count is brought up to date when the thread leaves the core.
    std::thread::yield_now();
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedstat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

/// Runs `each` ten times over `count` things and prints how many a core does in a second of its own time.
#[expect(clippy::print_stdout, reason = "the figures are the product of a bench")]
fn on_one_core(what: &str, count: usize, mut each: impl FnMut() -> usize) {
    black_box(each());
    let rates = (0..10).map(|_| {
        let from = on_core();
        black_box(each());
        count as f64 / (on_core() - from).max(1) as f64 * 1e3
    });
    let mut rates: Vec<f64> = rates.collect();
    rates.sort_by(f64::total_cmp);
    let nanos = |rate: f64| 1e3 / rate;
    println!(
        "{what}: {:.3} million/s of core time, {:.0} ns each (median of 10; best {:.0} ns, worst {:.0} ns)",
        rates[5],
        nanos(rates[5]),
        nanos(rates[9]),
        nanos(rates[0]),
    );
}

fn decisions(c: &mut Criterion) {
    let mut region = Region::new();
    report(&region.book.memory(), region.resident);
    let questions: Vec<(Facts, Principal)> = (0..200_000).map(|_| region.question()).collect();
    let facts: Vec<Facts> = questions.iter().map(|(facts, _)| *facts).collect();
    let permitted =
        questions.iter().filter(|(facts, viewer)| region.book.decide(facts, viewer, now()).is_permit()).count();
    let mut audience = Audience::new();
    let mut reached = 0;
    for (facts, _) in &questions {
        region.book.audience(facts, now(), &mut audience);
        reached += audience.reached().len();
    }
    #[expect(clippy::print_stdout, reason = "the figures are the product of a bench")]
    {
        println!("{permitted} of {} permitted, {reached} reached", questions.len());
    }

    let decide = |question: &(Facts, Principal)| region.book.decide(&question.0, &question.1, now()).is_permit();
    on_one_core("decide", questions.len(), || questions.iter().filter(|question| decide(question)).count());
    on_one_core("decide, the same 100 again and again", 200_000, || {
        (0..2_000).map(|_| questions.iter().take(100).filter(|question| decide(question)).count()).sum()
    });
    on_one_core("decide, looking ahead", questions.len(), || {
        let batch = |(facts, questions): (&[Facts], &[(Facts, Principal)])| {
            region.book.look_ahead(facts);
            questions.iter().filter(|question| decide(question)).count()
        };
        facts.chunks(BATCH).zip(questions.chunks(BATCH)).map(batch).sum()
    });
    on_one_core("audience", questions.len(), || {
        facts.iter().for_each(|facts| region.book.audience(facts, now(), &mut audience));
        audience.reached().len()
    });
    on_one_core("audience, the same 100 again and again", 200_000, || {
        let mut again = |_| facts.iter().take(100).for_each(|facts| region.book.audience(facts, now(), &mut audience));
        (0..2_000).for_each(&mut again);
        audience.reached().len()
    });
    on_one_core("audience, looking ahead", questions.len(), || {
        for batch in facts.chunks(BATCH) {
            region.book.look_ahead(batch);
            batch.iter().for_each(|facts| region.book.audience(facts, now(), &mut audience));
        }
        audience.reached().len()
    });

    let mut group = c.benchmark_group("book");
    group.sample_size(20).throughput(Throughput::Elements(questions.len() as u64));
    group.bench_function("decide", |b| {
        b.iter(|| black_box(questions.iter().filter(|question| decide(question)).count()));
    });
    group.bench_function("audience", |b| {
        b.iter(|| {
            let mut reached = 0;
            for (facts, _) in &questions {
                region.book.audience(facts, now(), &mut audience);
                reached += audience.reached().len();
            }
            black_box(reached)
        });
    });
    group.finish();

    let clinic = Region::doctor(200);
    let visibility = region.book.visibility(&clinic, now());
    on_one_core(&format!("visibility of a clinic with {} visible patients", visibility.patient_count()), 50, || {
        (0..50).map(|_| region.book.visibility(&clinic, now()).patient_count()).sum()
    });
    on_one_core("permits, of one visibility", questions.len(), || {
        facts.iter().filter(|facts| visibility.permits(facts)).count()
    });
    let mut group = c.benchmark_group("visibility");
    group.sample_size(20);
    group.bench_function(format!("clinic of {} visible patients", visibility.patient_count()), |b| {
        b.iter(|| black_box(region.book.visibility(&clinic, now())));
    });
    let hospital = Region::doctor(0);
    let linked = region.book.visibility(&hospital, now()).patient_count();
    group.bench_function(format!("hospital of {linked} visible patients"), |b| {
        b.iter(|| black_box(region.book.visibility(&hospital, now())));
    });
    group.throughput(Throughput::Elements(questions.len() as u64));
    group.bench_function("permits", |b| {
        b.iter(|| black_box(questions.iter().filter(|(facts, _)| visibility.permits(facts)).count()));
    });
    group.finish();

    changes(c, region);
}

fn changes(c: &mut Criterion, mut region: Region) {
    let mut book = region.book.clone();
    on_one_core("a consent given, with its parsing and hashing", 50_000, || {
        (0..50_000_u32).for_each(|_| {
            let person = region.rng.random_range(0..PATIENTS);
            let consent = region.consent(person, region.people[person as usize].1[0]);
            let _ = region.tell(1, &Body::Consent(ConsentChange::Given(consent)));
        });
        region.book.memory().grants
    });
    let mut group = c.benchmark_group("changes");
    group.sample_size(20).throughput(Throughput::Elements(2));
    group.bench_function("a consent given and withdrawn", |b| {
        b.iter_batched(
            || {
                let person = region.rng.random_range(0..PATIENTS);
                let viewer = region.people[person as usize].1[0];
                let consent = region.consent(person, viewer);
                let (id, patient) = (consent.id.clone(), consent.patient.clone());
                let withdrawal = Withdrawal { id, patient, withdrawn_at: now() };
                let at = region.next[1];
                region.next[1] += 2;
                (at, Body::Consent(ConsentChange::Given(consent)), Body::Consent(ConsentChange::Withdrawn(withdrawal)))
            },
            |(at, given, withdrawn)| {
                let given = book.apply(Position::new(1, at), &given);
                let withdrawn = book.apply(Position::new(1, at + 1), &withdrawn);
                (given, withdrawn)
            },
            BatchSize::SmallInput,
        );
    });
    told(&mut group, &mut region, book);
    group.throughput(Throughput::Elements(1));
    let mut visibility = region.book.visibility(&Region::doctor(200), now());
    let patients: Vec<PatientIx> = visibility
        .sources()
        .filter_map(|(_, patients)| match patients {
            consent_filter::Patients::Whole => None,
            consent_filter::Patients::Listed(listed) => listed.first().copied(),
        })
        .collect();
    let touched = consent_filter::Touched::Person(patients);
    group.bench_function("a clinic's visibility refreshed for 38 patients", |b| {
        b.iter(|| visibility.refresh(&region.book, &touched));
    });
    group.finish();
}

/// What a change costs where somebody listens at every facility: the pairs it touched, and the visibilities of those
/// viewers brought to where the book stands, each a copy as the feeds make it.
fn told(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    region: &mut Region,
    mut book: Book,
) {
    let listening: Vec<_> = (0..FACILITIES).map(|at| book.visibility(&Region::doctor(at), now())).collect();
    let mut at_facility: HashMap<_, Vec<Visibility>> = HashMap::new();
    for visibility in listening {
        if let Some(at) = book.facility(&visibility.viewer().facility) {
            at_facility.entry(at).or_default().push(visibility);
        }
    }
    group.bench_function("a consent given and withdrawn, every facility listening", |b| {
        b.iter_batched(
            || {
                let person = region.rng.random_range(0..PATIENTS);
                let consent = region.consent(person, region.people[person as usize].1[0]);
                let (id, patient) = (consent.id.clone(), consent.patient.clone());
                let withdrawal = Withdrawal { id, patient, withdrawn_at: now() };
                let given = Body::Consent(ConsentChange::Given(consent));
                [given, Body::Consent(ConsentChange::Withdrawn(withdrawal))]
            },
            |changes| {
                for change in changes {
                    let at = next_place(&book);
                    let applied = book.apply(at, &change);
                    for (facility, _) in book.pairs(&applied.touched) {
                        for held in at_facility.get_mut(&facility).into_iter().flatten() {
                            let mut new = held.clone();
                            new.refresh(&book, &applied.touched);
                            *held = new;
                        }
                    }
                }
            },
            BatchSize::SmallInput,
        );
    });
}

/// The next place in the partition of the consents.
fn next_place(book: &Book) -> Position {
    let next = book.frontier().iter().find(|(partition, _)| partition.0 == 1).map_or(0, |(_, next)| next.0);
    Position::new(1, next)
}

criterion_group!(benches, decisions);
criterion_main!(benches);
