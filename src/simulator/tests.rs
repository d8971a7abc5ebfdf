use super::*;
use model::{Body, Category, ChangeKind, ConsentChange, LabStatus, Label, LinkChange, Payload, Purpose, Role, Value};
use std::collections::HashSet;

fn start() -> Moment {
    Moment::parse("2026-04-01T08:00:00+09:00").unwrap()
}

fn options(seed: u64) -> SimulationOptions {
    SimulationOptions { patients: 80, hours: 24, frame_millis: 60_000, ..SimulationOptions::new(seed, start()) }
}

fn play(options: SimulationOptions) -> Vec<Timed> {
    Simulation::new(options).unwrap().collect::<Result<_, _>>().unwrap()
}

fn bytes(events: &[Timed]) -> Vec<u8> {
    use prost::Message;
    events.iter().flat_map(|timed| wire::v1::Event::from(&timed.event).encode_length_delimited_to_vec()).collect()
}

fn records(events: &[Timed]) -> impl Iterator<Item = &model::Record> {
    events.iter().filter_map(|timed| match &timed.event.body {
        Body::Record(record) => Some(record.as_ref()),
        _ => None,
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() {
    let once = bytes(&play(options(7)));
    assert_eq!(once, bytes(&play(options(7))));
    assert_ne!(once, bytes(&play(options(8))));
}

#[test]
fn a_patients_life_does_not_depend_on_how_many_others_there_are() {
    let people = |patients| Simulation::new(SimulationOptions { patients, ..options(3) }).unwrap().people;
    let (few, many) = (people(5), people(50));
    for (a, b) in few.iter().zip(&many) {
        assert!(a.demographics == b.demographics);
        assert_eq!(a.traits, b.traits);
    }
}

#[test]
fn events_come_in_order_of_time_and_no_key_comes_twice() {
    let events = play(options(1));
    assert!(events.is_sorted_by_key(|timed| timed.at));
    let keys: HashSet<u128> = events.iter().map(|timed| timed.event.key.digest()).collect();
    assert_eq!(keys.len(), events.len());
    let two_seeds: HashSet<u128> = play(options(2)).iter().map(|timed| timed.event.key.digest()).collect();
    assert!(keys.is_disjoint(&two_seeds), "two simulations may be played into one node");
}

#[test]
fn every_event_passes_the_door_and_comes_back_the_same() {
    for timed in play(SimulationOptions { patients: 30, ..options(5) }) {
        let spelled = wire::v1::Event::from(&timed.event);
        let read = model::Event::try_from(spelled).unwrap();
        assert!(read == timed.event);
    }
}

#[test]
fn versions_of_a_record_come_in_order_and_nothing_follows_a_deletion() {
    let events = play(options(4));
    let mut last = std::collections::HashMap::new();
    for record in records(&events) {
        if let Some((version, change)) = last.insert(record.reference(), (record.version, record.change())) {
            assert!(version < record.version);
            assert_ne!(change, ChangeKind::Delete);
        } else {
            assert_eq!(record.version, model::Version::FIRST);
        }
    }
}

#[test]
fn the_region_shows_every_kind_of_event_that_its_description_names() {
    let events = play(SimulationOptions { patients: 300, hours: 48, ..options(11) });
    let categories: HashSet<Category> = records(&events).map(|record| record.category()).collect();
    for category in [
        Category::Patient,
        Category::Laboratory,
        Category::VitalSign,
        Category::Condition,
        Category::Allergy,
        Category::Medication,
        Category::Encounter,
        Category::Document,
        Category::Imaging,
        Category::Waveform,
        Category::Perinatal,
    ] {
        assert!(categories.contains(&category), "no {category}");
    }
    let changes: HashSet<&str> = records(&events).map(|record| record.change().code()).collect();
    assert_eq!(changes, HashSet::from(["upsert", "correct", "delete"]));
    let statuses: HashSet<&str> = records(&events)
        .filter_map(|record| match record.payload() {
            Some(Payload::Laboratory(result)) => Some(result.status.code()),
            _ => None,
        })
        .collect();
    assert!(statuses.is_superset(&HashSet::from([
        LabStatus::Preliminary.code(),
        LabStatus::Final.code(),
        LabStatus::Corrected.code()
    ])));
    let labels = records(&events).fold(model::Labels::NONE, |all, record| all.union(record.labels));
    for label in [Label::Hiv, Label::Psy, Label::Undelivered, Label::Uninformed] {
        assert!(labels.contains(label), "no {label}");
    }
    let mut kinds = HashSet::new();
    for timed in &events {
        kinds.insert(match &timed.event.body {
            Body::Record(_) => "record",
            Body::Consent(ConsentChange::Given(consent)) => consent.state.code(),
            Body::Consent(ConsentChange::Withdrawn(_)) => "withdrawn",
            Body::Consent(_) => "another change of consent",
            Body::Directory(DirectoryChange::Agreement(_)) => "agreement",
            Body::Directory(DirectoryChange::Kinship(_)) => "kinship",
            Body::Directory(DirectoryChange::Laboratory(_)) => "laboratory table",
            Body::Directory(DirectoryChange::Definition(_)) => "definition",
            Body::Directory(DirectoryChange::Measure(_)) => "measure",
            Body::Directory(DirectoryChange::Facility(_)) => "facility",
            Body::Directory(DirectoryChange::Member(_)) => "member",
            Body::Directory(DirectoryChange::Scope(_)) => "scope",
            Body::Directory(DirectoryChange::Link(LinkChange::Linked(_))) => "linked",
            Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(_))) => "unlinked",
            Body::Referral(_) => "referral",
            Body::Audit(_) => "audit",
        });
    }
    for kind in ["record", "active", "signed", "withdrawn", "facility", "member", "scope", "linked", "unlinked"] {
        assert!(kinds.contains(kind), "no {kind}");
    }
}

fn quantities(events: &[Timed], key: &str) -> Vec<(model::PatientRef, f64)> {
    records(events)
        .filter_map(|record| match record.payload() {
            Some(Payload::Laboratory(result)) if result.code.code.starts_with(key) => match &result.value {
                Value::Quantity { value, .. } => Some((record.patient.clone(), *value)),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

#[test]
fn diabetics_have_the_higher_hba1c_and_reported_egfr_follows_reported_creatinine() {
    let simulation = Simulation::new(SimulationOptions { patients: 300, hours: 1, ..options(21) }).unwrap();
    let diabetic: HashSet<model::PatientRef> = simulation
        .people
        .iter()
        .filter(|person| person.has(Trait::Diabetes))
        .flat_map(|person| person.refs.iter().map(|(_, patient)| patient.clone()))
        .collect();
    let events: Vec<Timed> = simulation.collect::<Result<_, _>>().unwrap();
    let hba1c = quantities(&events, "3D046");
    assert!(hba1c.len() > 100);
    let mean = hba1c.iter().map(|(_, value)| value).sum::<f64>() / hba1c.len() as f64;
    assert!((6.9..7.8).contains(&mean), "mean HbA1c of diabetics is {mean}");
    assert!(hba1c.iter().all(|(patient, _)| diabetic.contains(patient)));
    let egfr = quantities(&events, "8A065");
    assert!(!egfr.is_empty() && egfr.iter().all(|(_, value)| (3.0..200.0).contains(value)));
}

#[test]
fn a_cardiotocogram_has_four_samples_a_second_a_plausible_heart_rate_and_frames_without_gaps() {
    let events = play(SimulationOptions { hours: 2, frame_millis: 500, ..options(2) });
    let mut next = std::collections::HashMap::new();
    let (mut good, mut lost, mut inside) = (0u32, 0u32, 0u32);
    for record in records(&events) {
        let Some(Payload::Waveform(wave)) = record.payload() else { continue };
        let expected = next.entry(wave.session.clone()).or_insert(0u64);
        assert_eq!(wave.sequence, *expected);
        *expected += 1;
        assert_eq!(wave.frames.len(), 3);
        for frame in &wave.frames {
            assert_eq!((frame.samples.len(), frame.quality.len()), (2, 2));
        }
        for (sample, quality) in wave.frames[0].samples.iter().zip(&wave.frames[0].quality) {
            match quality {
                model::FrameQuality::Lost => lost += 1,
                _ => {
                    good += 1;
                    inside += u32::from((100.0..=180.0).contains(sample));
                }
            }
        }
    }
    assert!(next.len() >= 3, "{} sessions in two hours", next.len());
    assert!(good + lost >= 2 * 3600 * 4 - 8);
    assert!(f64::from(lost) / f64::from(good) > 0.001 && f64::from(lost) / f64::from(good) < 0.1);
    assert!(f64::from(inside) / f64::from(good) > 0.9);
}

#[test]
fn a_simulated_pregnancy_is_read_as_it_was_drawn_and_grows_as_its_tables_say() {
    use clinical::perinatal::OwnPerinatal;
    use clinical::perinatal::chart::{Chart, Outcome};
    use clinical::perinatal::pregnancy::FetalMeasure;
    let simulation = Simulation::new(SimulationOptions { patients: 1500, hours: 1, ..options(5) }).unwrap();
    let centre = model::FacilityId::parse(Site::Perinatal.id()).unwrap();
    let own = OwnPerinatal::parse(&pregnancy::tables(), &centre).unwrap();
    let tables = own.tables();
    let women: Vec<_> = simulation
        .people
        .iter()
        .filter_map(|person| {
            let drawn = person.pregnancy.as_ref()?;
            let number = person.at(Site::Perinatal)?.clone();
            Some((number, person.gestation?, drawn.gravida, drawn.period_off, drawn.fetuses.len()))
        })
        .collect();
    let mut charts: std::collections::HashMap<model::PatientRef, Chart> = std::collections::HashMap::new();
    for timed in simulation {
        let event = timed.unwrap().event;
        let Body::Record(record) = &event.body else { continue };
        let Some(payload @ (Payload::Perinatal(_) | Payload::VitalSign(_))) = record.payload() else { continue };
        if *record.patient.facility() != centre {
            continue;
        }
        let chart = charts.entry(record.patient.clone()).or_default();
        chart.learn(payload, record.occurred, record.patient.facility()).unwrap();
    }
    assert!(women.len() > 15, "{}", women.len());
    let (mut all, mut inside, mut twins, mut moved) = (0, 0, 0, 0);
    for (number, days, gravida, off, fetuses) in women {
        let pregnancies = charts.remove(&number).unwrap().pregnancies(start());
        let [one] = pregnancies.as_slice() else { panic!("{} pregnancies", pregnancies.len()) };
        let registered = one.record.registration.as_ref().unwrap();
        assert_eq!((one.outcome, registered.gravida), (Outcome::Pregnant, Some(gravida)));
        assert_eq!(registered.children.map(usize::from), Some(fetuses));
        // once ultrasound has dated it, the age is the true one
        let told = i64::from(one.age.unwrap().days());
        let is_dated = off == 0 || days > 56 + 14;
        assert_eq!(told, if is_dated { days } else { days + off });
        twins += usize::from(fetuses > 1);
        moved += usize::from(!one.record.due_before.is_empty());
        for visit in &one.visits {
            let age = visit.age.unwrap();
            assert!(visit.checkup.weight.is_some() && visit.checkup.pressure.is_some());
            if age.days() < 18 * 7 {
                continue;
            }
            assert_eq!(visit.fetuses.len(), fetuses);
            for fetus in &visit.fetuses {
                let (grams, by_formula) = fetus.weight.unwrap();
                let deviations = tables.growth_of(FetalMeasure::Weight).unwrap().deviations(age, grams).unwrap();
                assert!(by_formula && deviations.abs() < 5.0, "{age}: {grams} g are {deviations}");
                all += 1;
                inside += usize::from(deviations.abs() < 1.5);
            }
        }
    }
    assert!(twins > 0 && moved > 0 && all > 100, "{twins} {moved} {all}");
    assert!(inside * 100 > all * 70, "{inside} of {all} within 1.5 deviations");
}

fn principal(offices: &[Office], site: Site, role: Role) -> model::Principal {
    let office = offices.iter().find(|office| office.site == site).unwrap();
    let member = office.member(role).map(|member| member.id.clone());
    model::Principal { facility: office.id().clone(), member, role, purpose: Purpose::Treatment }
}

#[test]
fn what_must_be_visible_agrees_with_the_consent_filter_for_every_record_and_viewer() {
    let simulation = Simulation::new(SimulationOptions { patients: 60, hours: 12, ..options(9) }).unwrap();
    let offices = simulation.offices().to_vec();
    let events: Vec<Timed> = simulation.collect::<Result<_, _>>().unwrap();
    let mut expectation = Expectation::new();
    let mut book = consent_filter::Book::new();
    let mut latest = std::collections::HashMap::new();
    for (offset, timed) in (0..).zip(&events) {
        expectation.observe(&timed.event);
        match &timed.event.body {
            Body::Record(record) => {
                latest.insert(record.reference(), record.as_ref());
            }
            body => {
                let partition = u32::from(timed.event.patient().is_some());
                let _applied = book.apply(model::Position::new(partition, offset), body);
            }
        }
    }
    let moment = options(9).end();
    let facts: Vec<_> = latest
        .values()
        .filter(|record| record.change() != ChangeKind::Delete)
        .map(|record| (record.category(), book.facts(record)))
        .collect();
    let mut seen = 0;
    for site in Site::ALL {
        for role in [Role::Physician, Role::Pharmacist, Role::Nurse, Role::System, Role::Clerk] {
            let viewer = principal(&offices, site, role);
            let mut decided: Visible = Category::ALL.iter().map(|category| (*category, 0)).collect();
            for (category, facts) in &facts {
                if book.decide(facts, &viewer, moment).is_permit() {
                    *decided.get_mut(category).unwrap() += 1;
                }
            }
            assert_eq!(expectation.visible(&viewer, moment), decided, "{site:?} {role}");
            seen += decided.values().sum::<u64>();
        }
    }
    assert!(seen > 1_000);
}

#[test]
fn withdrawing_what_is_withdrawable_hides_exactly_the_rows_it_says() {
    let simulation = Simulation::new(SimulationOptions { patients: 60, hours: 12, ..options(9) }).unwrap();
    let clinic = principal(simulation.offices(), Site::Clinic, Role::Physician);
    let mut expectation = Expectation::new();
    for timed in simulation {
        expectation.observe(&timed.unwrap().event);
    }
    let moment = options(9).end();
    let before = expectation.visible(&clinic, moment)[&Category::Laboratory];
    let (consent, rows) = expectation
        .withdrawable(&clinic, Category::Laboratory, moment)
        .into_iter()
        .map(|(consent, rows)| (consent.clone(), rows))
        .next()
        .unwrap();
    let withdrawal =
        model::Withdrawal { id: consent.id.clone(), patient: consent.patient.clone(), withdrawn_at: moment };
    let mut scribe = Scribe::new(1);
    let change = ConsentChange::Withdrawn(withdrawal);
    expectation.observe(&scribe.consent(consent.patient.facility(), moment, change).unwrap());
    assert_eq!(expectation.visible(&clinic, moment)[&Category::Laboratory], before - rows);
}
