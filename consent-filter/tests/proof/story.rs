//! Long worlds: directory, scopes, links, consents of every form, records with their corrections and deletions, and a
//! clock that goes on between them.

use super::world::{
    DAY, FACILITIES, a_history, a_patient, an_event, consent, day, dept, everybody, fid, given, mid, patient,
};
use model::*;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// One step of a world.
#[derive(Clone, PartialEq, Debug)]
pub enum Beat {
    /// It is so late now.
    Clock(Moment),
    /// An event arrived.
    Told(Box<Body>),
}

/// A world and those who look at it.
#[derive(Clone, PartialEq, Debug)]
pub struct Story {
    pub beats: Vec<Beat>,
    pub viewers: Vec<Principal>,
}

impl Story {
    pub fn events(&self) -> usize {
        self.beats.iter().filter(|beat| matches!(beat, Beat::Told(_))).count()
    }
}

/// How a world is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many beats follow the beginning.
    pub beats: (usize, usize),
    /// The clock also stands a microsecond before a day begins.
    pub nudged: bool,
    /// How many look on.
    pub viewers: usize,
}

impl Plan {
    /// A hundred and some events.
    pub const LONG: Self = Self { beats: (110, 150), nudged: true, viewers: 64 };
    /// A few dozen.
    pub const SHORT: Self = Self { beats: (30, 50), nudged: true, viewers: 24 };
}

/// The first moment of every world.
pub fn dawn() -> Moment {
    day(0)
}

/// The world of a seed; the same for ever, as long as the generator is.
pub fn story(seed: u64, plan: Plan) -> Story {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let beats = proptest::collection::vec(a_turn(plan.nudged), plan.beats.0..plan.beats.1);
    let all = panel();
    let viewers = proptest::sample::subsequence(all, plan.viewers);
    let drawn = (a_history(), beats, viewers).new_tree(&mut runner).unwrap().current();
    let (history, turns, viewers) = drawn;
    let mut now = dawn();
    let mut beats: Vec<Beat> = history.into_iter().map(told).collect();
    for turn in turns {
        beats.push(match turn {
            Turn::Later(micros) => {
                now = now.plus_micros(micros);
                Beat::Clock(now)
            }
            // To the next day, or to the last microsecond of this one.
            Turn::Tomorrow(nudge) => {
                let next = (now.micros().div_euclid(DAY) + 1) * DAY + nudge;
                now = if next > now.micros() { Moment::from_micros(next).unwrap() } else { day(next / DAY + 1) };
                Beat::Clock(now)
            }
            Turn::Told(body) => Beat::Told(body),
        });
    }
    Story { beats, viewers }
}

#[derive(Clone, Debug)]
enum Turn {
    Later(i64),
    Tomorrow(i64),
    Told(Box<Body>),
}

fn told(body: Body) -> Beat {
    Beat::Told(Box::new(body))
}

fn a_turn(nudged: bool) -> BoxedStrategy<Turn> {
    let tomorrow = if nudged {
        prop_oneof![2 => Just(Turn::Tomorrow(0)), 1 => Just(Turn::Tomorrow(-1))].boxed()
    } else {
        Just(Turn::Tomorrow(0)).boxed()
    };
    let hours = (1..13_i64).prop_map(|hours| Turn::Later(hours * 3_600_000_000));
    prop_oneof![
        2 => tomorrow,
        2 => hours,
        20 => a_record().prop_map(Box::new).prop_map(Turn::Told),
        26 => an_event().prop_map(Box::new).prop_map(Turn::Told),
        // What would otherwise rarely meet: a consent that opens a patient wide, so that what follows takes something away.
        4 => a_wide_consent().prop_map(Box::new).prop_map(Turn::Told),
    ]
    .boxed()
}

fn a_wide_consent() -> impl Strategy<Value = Body> {
    let id = select(vec!["w-1", "w-2", "w-3", "w-4", "w-5", "w-6"]);
    let labels = prop_oneof![1 => Just(Labels::NONE), 2 => Just(Labels::all())];
    let data_period = prop_oneof![2 => Just(None), 1 => (1..5_i64).prop_map(|until| Some(day(until)))];
    (id, a_patient(), labels, data_period).prop_map(|(id, patient, labels, until)| {
        let data_period = Period::new(None, until).unwrap();
        let purposes = PurposeSet::all();
        given(Consent { labels, data_period, purposes, ..consent(id, patient, Viewers::AllMembers) })
    })
}

const RECORDS: [&str; 9] = ["r-1", "r-2", "r-3", "r-4", "r-5", "r-6", "r-7", "r-8", "r-9"];

/// A version of one of a few records. One id is always of one patient and one category, as at a real source; its class,
/// its times and its labels change from version to version.
pub fn a_record() -> BoxedStrategy<Body> {
    let source = prop_oneof![3 => Just(FACILITIES[0]), 3 => Just(FACILITIES[1]), 2 => Just(FACILITIES[2]),
        1 => Just(FACILITIES[3])];
    let change =
        prop_oneof![6 => Just(ChangeKind::Upsert), 2 => Just(ChangeKind::Correct), 1 => Just(ChangeKind::Delete)];
    let department = proptest::option::of(select(vec!["01", "02", "03"]).prop_map(dept));
    let role = prop_oneof![2 => Just(Role::Physician), 1 => Just(Role::Nurse), 1 => Just(Role::System)];
    let labels = prop_oneof![
        8 => Just(Labels::NONE),
        4 => select(vec![Label::Hiv, Label::Psy, Label::Uninformed, Label::Released]).prop_map(Labels::of),
        1 => Just(Labels::all()),
        1 => Just(Labels::of(Label::Undelivered)),
    ];
    let times = (0..5_i64, 0..5_i64);
    (source, 0..RECORDS.len(), 1..5_u64, change, department, role, (labels, times))
        .prop_map(|(source, at, version, change, department, role, (labels, (occurred, recorded)))| {
            let number = if at < 6 { "001" } else { "002" };
            let category = if at % 2 == 0 { Category::Laboratory } else { Category::Document };
            let record = Record::new(
                patient(source, number),
                RecordId::parse(RECORDS[at]).unwrap(),
                Version::new(version).unwrap(),
                category,
                day(occurred),
                day(recorded),
                labels,
                department,
                Author { member: None, role },
                change,
                (change != ChangeKind::Delete).then(|| payload(category, version)),
            );
            // As from the door: with the labels its department adds.
            Body::Record(Box::new(consent_filter::labelled(record.unwrap())))
        })
        .boxed()
}

/// What a version says: nothing but which version it is.
pub fn payload(category: Category, version: u64) -> Payload {
    let text = format!("v{version}");
    if category == Category::Laboratory {
        return Payload::Laboratory(LabResult {
            code: Coding::default(),
            value: Value::Text(text),
            reference_low: None,
            reference_high: None,
            flag: String::new(),
            specimen: String::new(),
            status: LabStatus::ALL[0],
            order: String::new(),
            note: String::new(),
        });
    }
    let (content_type, content) = (String::new(), String::new());
    Payload::Document(Document { kind: Coding::default(), title: text, content_type, content })
}

/// Those on whom something can turn: people, machines and the unnamed, for each purpose; one who is nobody's.
pub fn panel() -> Vec<Principal> {
    let mut all = Vec::new();
    for purpose in [Purpose::Treatment, Purpose::BreakGlass, Purpose::Research] {
        for facility in &FACILITIES[..4] {
            let facility = fid(facility);
            let unnamed = [Role::Physician, Role::Nurse, Role::System, Role::Patient].map(|role| (None, role));
            let named = [("dr-1", Role::Physician), ("dr-2", Role::Physician), ("nurse-3", Role::Nurse)];
            let named = named.map(|(id, role)| (Some(mid(id)), role));
            for (member, role) in unnamed.into_iter().chain(named) {
                all.push(Principal { facility: facility.clone(), member, role, purpose });
            }
        }
    }
    all.extend(everybody().into_iter().filter(|who| who.facility.as_str() == FACILITIES[4]).take(1));
    all
}
