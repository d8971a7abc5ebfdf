//! Records and whole histories made up for tests, from a seed.

pub(crate) mod clock;
mod proof;
pub(crate) mod world;

use model::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub(crate) fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}

pub(crate) fn patient(source: &str, number: &str) -> PatientRef {
    PatientRef::new(facility(source), PatientNumber::parse(number).unwrap())
}

pub(crate) fn moment(micros: i64) -> Moment {
    Moment::from_micros(micros).unwrap()
}

fn text(rng: &mut StdRng) -> String {
    let words = ["", "a", "グルコース", "HbA1c (NGSP)", "複数の 語", "x\"y'z"];
    words[rng.random_range(0..words.len())].to_owned()
}

fn coding(rng: &mut StdRng) -> Coding {
    let systems = [CodeSystem::Jlac10, CodeSystem::Loinc, CodeSystem::Local, CodeSystem::Other("urn:x".into())];
    let codes = ["3D045000001906202", "4548-4", "", "17"];
    Coding {
        system: systems[rng.random_range(0..systems.len())].clone(),
        code: codes[rng.random_range(0..codes.len())].to_owned(),
        display: text(rng),
    }
}

fn value(rng: &mut StdRng) -> Value {
    match rng.random_range(0..4) {
        0 => Value::Quantity { value: rng.random_range(-9.0..900.0), unit: text(rng), comparator: "<".into() },
        1 => Value::Coded(coding(rng)),
        2 => Value::Text(text(rng)),
        _ => Value::Absent("not-performed".into()),
    }
}

fn time(rng: &mut StdRng) -> Option<Moment> {
    rng.random_bool(0.5).then(|| moment(rng.random_range(-1_000_000_000_000..1_900_000_000_000_000)))
}

pub(crate) fn payload(category: Category, rng: &mut StdRng) -> Payload {
    match category {
        Category::Patient => Payload::Patient(Demographics {
            name: text(rng),
            kana: text(rng),
            birth_date: rng.random_bool(0.8).then(|| jiff::civil::date(rng.random_range(1900..2026), 2, 28)),
            sex: Sex::ALL[rng.random_range(0..4)],
            postal_code: text(rng),
            address: text(rng),
            deceased: time(rng),
        }),
        Category::Laboratory => Payload::Laboratory(LabResult {
            code: coding(rng),
            value: value(rng),
            reference_low: rng.random_bool(0.5).then_some(1.5),
            reference_high: rng.random_bool(0.5).then_some(9.5),
            flag: text(rng),
            specimen: text(rng),
            status: LabStatus::ALL[rng.random_range(0..4)],
            order: text(rng),
            // Drawn aside, so that the worlds of a seed stay what they were.
            note: text(&mut rng.clone()),
        }),
        Category::VitalSign => Payload::VitalSign(VitalSign { code: coding(rng), value: value(rng) }),
        Category::Condition => Payload::Condition(Condition {
            code: coding(rng),
            clinical_status: text(rng),
            suspected: rng.random_bool(0.5),
            onset: time(rng),
            abated: time(rng),
        }),
        Category::Allergy => Payload::Allergy(Allergy {
            code: coding(rng),
            criticality: text(rng),
            reaction: text(rng),
            clinical_status: text(rng),
        }),
        Category::Medication => Payload::Medication(Medication {
            code: coding(rng),
            status: text(rng),
            dosage: text(rng),
            quantity: rng.random_bool(0.5).then_some(28.0),
            quantity_unit: text(rng),
            days: rng.random_bool(0.5).then_some(28),
        }),
        Category::Encounter => Payload::Encounter(Encounter {
            class: EncounterClass::ALL[rng.random_range(0..5)],
            status: text(rng),
            reason: coding(rng),
            start: time(rng),
            end: time(rng),
        }),
        Category::Document => Payload::Document(Document {
            kind: coding(rng),
            title: text(rng),
            content_type: text(rng),
            content: text(rng),
        }),
        Category::Imaging => Payload::Imaging(Imaging {
            modality: text(rng),
            procedure: coding(rng),
            study_uid: text(rng),
            report: text(rng),
        }),
        Category::Waveform if rng.random_bool(0.1) => {
            let closed = time(rng);
            Payload::Bed(BedSession {
                session: text(rng),
                bed: text(rng),
                opened: moment(1_600_000_000_000_000),
                closed,
                closing: text(rng),
                fetuses: vec!["A児".to_owned(), "B児".to_owned()],
                devices: (0..rng.random_range(0..3)).map(|n| format!("CTG-{n}")).collect(),
            })
        }
        Category::Waveform => Payload::Waveform(Waveform {
            session: text(rng),
            device: text(rng),
            hertz: 4.0,
            sequence: rng.random_range(0..1_000_000),
            hops: Hops { device: time(rng), gateway: time(rng), edge: time(rng) },
            held_back: rng.random_bool(0.1),
            frames: WaveformChannel::ALL
                .into_iter()
                .filter(|_| rng.random_bool(0.5))
                .map(|channel| WaveformFrame {
                    channel,
                    samples: vec![140.0, 141.5, 0.0],
                    quality: vec![FrameQuality::Good, FrameQuality::Fair, FrameQuality::Lost],
                })
                .collect(),
        }),
        Category::Perinatal => Payload::Perinatal(Perinatal {
            code: coding(rng),
            gestational_days: rng.random_bool(0.5).then_some(231),
            value: value(rng),
        }),
        Category::CarePlan => Payload::CarePlan(CarePlan { code: coding(rng), status: text(rng), text: text(rng) }),
        Category::Message => Payload::Message(Message { subject: text(rng), text: text(rng) }),
        Category::Immunization => Payload::Immunization(Immunization {
            code: coding(rng),
            status: ImmunizationStatus::ALL[rng.random_range(0..2)],
            reason: text(rng),
            lot: text(rng),
            manufacturer: text(rng),
            dose_number: text(rng),
            quantity: rng.random_bool(0.5).then_some(0.5),
            quantity_unit: text(rng),
            site: text(rng),
            route: text(rng),
            reported: rng.random_bool(0.5),
            subpotent: rng.random_bool(0.5),
            note: text(rng),
        }),
    }
}

/// A record of the category, all its optional parts there or not by chance.
pub(crate) fn record(category: Category, source: &str, number: &str, id: &str, rng: &mut StdRng) -> Record {
    let departments = [None, Some("01"), Some("14")];
    let labels = [Labels::NONE, Labels::NONE, Labels::of(Label::Hiv), Labels::of(Label::Lts).with(Label::Psy)];
    let payload = payload(category, rng);
    Record::new(
        patient(source, number),
        RecordId::parse(id).unwrap(),
        Version::FIRST,
        category,
        moment(1_700_000_000_000_000 + rng.random_range(0..1_000_000) * 1_000_000),
        moment(1_701_000_000_000_000 + rng.random_range(0..1_000_000) * 1_000_000),
        labels[rng.random_range(0..labels.len())],
        departments[rng.random_range(0..departments.len())].map(|code| DepartmentCode::parse(code).unwrap()),
        Author {
            member: rng.random_bool(0.5).then(|| MemberId::parse("dr-sato").unwrap()),
            role: [Role::Physician, Role::Nurse, Role::System][rng.random_range(0..3)],
        },
        if rng.random_bool(0.9) { ChangeKind::Upsert } else { ChangeKind::Correct },
        Some(payload),
    )
    .unwrap()
}

/// The record, in a version that says something else.
pub(crate) fn saying(record: &Record, version: Version, payload: Payload) -> Record {
    Record::new(
        record.patient.clone(),
        record.id.clone(),
        version,
        record.category(),
        record.occurred,
        record.recorded,
        record.labels,
        record.department.clone(),
        record.author.clone(),
        record.change(),
        Some(payload),
    )
    .unwrap()
}
