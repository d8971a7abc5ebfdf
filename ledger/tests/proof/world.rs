//! Small worlds: a few facilities, people and patients, and what they did.

use ledger::*;
use model::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Worlds tried per law: signing is slow without optimisation.
pub const CASES: u32 = 48;

pub fn facility(id: &str) -> FacilityId {
    FacilityId::parse(id).unwrap()
}
pub fn patient(at: &str, number: &str) -> PatientRef {
    PatientRef::new(facility(at), PatientNumber::parse(number).unwrap())
}
pub fn member(id: &str) -> MemberId {
    MemberId::parse(id).unwrap()
}
pub fn moment(minutes: i64) -> Moment {
    Moment::parse("2026-04-01T09:00:00+09:00").unwrap().plus_micros(minutes * 60_000_000)
}
pub fn key() -> SigningKey {
    SigningKey::from_seed(SignerName::parse("ajisai/n1").unwrap(), &[1; 32])
}
pub fn frontier(text: &str) -> Frontier {
    text.parse().unwrap()
}

pub fn names() -> Names {
    let mut names = Names::default();
    for (id, name, name_en) in [("nmc", "長崎医療センター", "Nagasaki Medical Center"), ("sato", "佐藤医院", "")]
    {
        let (name, name_en) = (name.to_owned(), name_en.to_owned());
        let (kind, status) = (FacilityKind::Hospital, FacilityStatus::Active);
        names.observe(&DirectoryChange::Facility(Facility { id: facility(id), kind, name, name_en, status }));
    }
    let (role, name, period) = (Role::Physician, "佐藤一郎".to_owned(), Period::ALWAYS);
    names.observe(&DirectoryChange::Member(Member {
        id: member("M-1"),
        facility: facility("sato"),
        role,
        name,
        period,
    }));
    names
}

/// A query of one patient's laboratory results and medications by Dr Sato.
pub fn a_query() -> Entry {
    let agent = Principal {
        facility: facility("sato"),
        member: Some(member("M-1")),
        role: Role::Physician,
        purpose: Purpose::Treatment,
    };
    let what = What::Query { statement: Digest::from_bytes([0xab; 32]), seen: frontier("0:5,1:120") };
    let mut reading = Reading::begin(ActId(0x1234), &agent, what, moment(0));
    reading.rows(&patient("nmc", "00012345"), Category::Laboratory, 12);
    reading.rows(&patient("nmc", "00012345"), Category::Medication, 3);
    reading.rows(&patient("nmc", "00067890"), Category::Laboratory, 1);
    let event = reading.finish(moment(1), AuditOutcome::Completed, || Salt::from_bytes([0xcd; 32])).remove(0);
    Entry { position: Position::new(0, 17), event }
}

pub fn a_patient() -> impl Strategy<Value = PatientRef> {
    (prop::sample::select(&["nmc", "omura"][..]), 0..6_u32)
        .prop_map(|(at, number)| patient(at, &format!("{number:03}")))
}
fn a_digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}
pub fn a_frontier() -> impl Strategy<Value = Frontier> {
    (0..30_u64, 0..30_u64).prop_map(|(control, data)| frontier(&format!("0:{control},1:{data}")))
}
fn counts() -> impl Strategy<Value = Counts> {
    prop::collection::vec((prop::sample::select(Category::ALL), 0..9_u64), 0..3).prop_map(Counts::from_iter)
}
fn a_receipt() -> impl Strategy<Value = Receipt> {
    let hidden =
        prop::collection::btree_map(prop::sample::select(&["sato", "ueda"][..]).prop_map(facility), counts(), 0..3);
    (a_patient(), 0..99_u64, hidden, prop::option::of(0..99_i64)).prop_map(|(patient, offset, hidden, passed)| {
        Receipt {
            consent: ConsentId::parse("c-1").unwrap(),
            patient,
            position: Position::new(1, offset),
            withdrawn_at: moment(3),
            hidden,
            queries_passed: passed.map(moment),
            feeds_passed: None,
            exports_passed: passed.map(|minutes| moment(minutes + 1)),
        }
    })
}
fn a_deed() -> impl Strategy<Value = BedDeed> {
    let note = || any::<u128>().prop_map(ActId);
    prop_oneof![
        prop::sample::select(&["lost/1", "level/1/5", "ending"][..])
            .prop_map(|alarm| BedDeed::Acknowledged { alarm: alarm.parse().unwrap() }),
        (0..500_i64, prop::option::of(note())).prop_map(|(at, replaces)| {
            BedDeed::Noted { at: moment(at), text: OwnWords::parse("体位変換").unwrap(), replaces }
        }),
        note().prop_map(|note| BedDeed::NoteTaken { note }),
        (0..500_i64, prop::option::of(0..500_i64), any::<bool>()).prop_map(|(since, until, is_person)| {
            let agent = Agent {
                facility: facility("nmc"),
                member: is_person.then(|| member("M-1")),
                role: if is_person { Role::Midwife } else { Role::System },
            };
            let watchers = vec![BedWatcher { agent, since: moment(since), until: until.map(moment) }];
            let (referral, to) = (ReferralId::parse("t-1").unwrap(), facility("sato"));
            BedDeed::HandedOver(BedHandover { referral, to, step: ReferralStep::Arrived, watchers })
        }),
    ]
}
pub fn a_what() -> impl Strategy<Value = What> {
    let statement = || (a_digest(), a_frontier());
    prop_oneof![
        4 => statement().prop_map(|(statement, seen)| What::Query { statement, seen }),
        1 => statement().prop_map(|(statement, seen)| What::Export { statement, seen }),
        1 => statement().prop_map(|(statement, seen)| What::MachinePull { statement, seen }),
        1 => statement().prop_map(|(reason, seen)| What::BreakGlass { reason, seen }),
        2 => (a_digest(), a_frontier(), a_frontier(), 0..9999_u64)
            .prop_map(|(statement, since, seen, seconds)| What::Feed { statement, since, seen, seconds }),
        2 => (a_frontier(), a_frontier()).prop_map(|(since, seen)| What::Disclosure { since, seen }),
        1 => a_receipt().prop_map(|receipt| What::Receipt(Box::new(receipt))),
        1 => (prop::sample::select(NoticeKind::ALL), 0..99_u64).prop_map(|(kind, offset)| What::Acknowledgement {
            notice: NoticeId { kind, cause: Position::new(1, offset), facility: facility("nmc"), member: None },
        }),
        1 => (0..99_u64, prop::sample::select(CriticalAction::ALL), any::<bool>()).prop_map(|(offset, action, acted)| {
            let (kind, cause, facility) = (NoticeKind::CriticalResult, Position::new(1, offset), facility("nmc"));
            let notice = NoticeId { kind, cause, facility, member: None };
            let remark = OwnWords::parse("再検").unwrap();
            if acted { What::Action { notice, action, remark } } else { What::Delivery { notice } }
        }),
        1 => (a_patient(), prop::sample::select(WorklistAct::ALL)).prop_map(|(patient, act)| What::Worklist {
            entry: WorklistEntry { cohort: DefinitionName::parse("lapsed-180").unwrap(), patient },
            act,
            remark: OwnWords::parse("留守").unwrap(),
        }),
        1 => (a_patient(), a_deed()).prop_map(|(patient, deed)| What::Bed {
            bed: BedPlace { patient, session: "s-1".to_owned() },
            deed,
        }),
    ]
}
pub fn an_event() -> impl Strategy<Value = AuditEvent> {
    let agent = (
        prop::sample::select(&["sato", "ueda", "nmc"][..]),
        prop::option::of(prop::sample::select(&["M-1", "M-2"][..])),
        prop::sample::select(Role::ALL),
    );
    let agent = agent.prop_map(|(at, who, role)| Agent { facility: facility(at), member: who.map(member), role });
    let shown = prop::collection::vec((a_patient(), prop::sample::select(Category::ALL), 0..9_u64), 0..7);
    let when = (0..500_i64, 0..60_i64);
    let rest = (prop::sample::select(Purpose::ALL), prop::sample::select(AuditOutcome::ALL), any::<[u8; 32]>());
    (any::<u128>(), 0..3_u32, agent, a_what(), when, shown, rest).prop_map(
        |(id, part, agent, what, (began, lasted), rows, (purpose, outcome, salt))| {
            let mut shown = Shown::default();
            let rows = if matches!(what, What::Receipt(_) | What::Worklist { .. } | What::Bed { .. }) {
                Vec::new()
            } else {
                rows
            };
            rows.iter().for_each(|(patient, category, rows)| shown.add(patient, *category, *rows));
            AuditEvent {
                id: ActId(id),
                part,
                agent,
                purpose,
                what,
                began: moment(began),
                ended: moment(began + lasted),
                outcome,
                shown,
                salt: Salt::from_bytes(salt),
            }
        },
    )
}

/// A ledger as a node keeps it.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub entries: Vec<Entry>,
    pub nodes: Vec<Digest>,
    pub heads: Vec<TreeHead>,
    pub index: MemoryIndex,
    tree: Tree,
}

impl World {
    pub fn of(events: Vec<AuditEvent>, every: usize) -> Self {
        let mut world = Self::default();
        for (number, event) in events.into_iter().enumerate() {
            // Other letters lie between the audit events.
            world.append(Entry { position: Position::new(0, number as u64 * 3), event });
            if number % every == every - 1 {
                world.sign();
            }
        }
        world.sign();
        world
    }
    pub fn append(&mut self, entry: Entry) {
        self.nodes.extend(self.tree.append(entry.leaf()));
        self.index.insert(self.entries.len() as u64, &entry);
        self.entries.push(entry);
    }
    pub fn sign(&mut self) {
        let next = Offset(self.entries.last().map_or(0, |entry| entry.position.offset.0 + 1));
        let moment = moment(1000 + self.heads.len() as i64);
        self.heads.push(TreeHead { size: self.tree.size(), root: self.tree.root(), next, moment });
    }
    pub fn head(&self) -> TreeHead {
        *self.heads.last().unwrap()
    }
    pub fn proof(&self, index: u64) -> Proof {
        prove_inclusion(&self.nodes, self.head().size, index).unwrap()
    }
    pub fn bundle(&self) -> Bundle {
        let mut heads = Vec::new();
        let mut before = 0;
        for head in &self.heads {
            heads.push(
                head_line(&head.sign(&key()), &prove_consistency(&self.nodes, before, head.size).unwrap()).unwrap(),
            );
            before = head.size;
        }
        let entries = (0..).zip(&self.entries);
        let entries = entries.map(|(index, entry)| entry_line(index, entry, &self.proof(index)).unwrap()).collect();
        Bundle { heads, entries }
    }
    pub fn report(&self, patient: &PatientRef) -> Report {
        let of_patient = self.index.of(Subject::Patient(patient));
        let lines = of_patient
            .map(|index| ReportLine::of(patient, index, &self.entries[index as usize], self.proof(index)).unwrap());
        Report { patient: patient.clone(), note: self.head().sign(&key()), lines: lines.collect() }
    }
}

/// The files of a bundle, by line.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub heads: Vec<String>,
    pub entries: Vec<String>,
}

impl Bundle {
    pub fn verdict(&self) -> Verdict {
        self.verdict_beside(None)
    }
    pub fn verdict_beside(&self, witness: Option<&str>) -> Verdict {
        let mut verifier = Verifier::begin(&key().verifying(), self.heads.iter().map(String::as_str), witness);
        self.entries.iter().for_each(|line| verifier.line(line));
        verifier.finish()
    }
}

pub fn a_world(entries: std::ops::Range<usize>) -> impl Strategy<Value = World> {
    (prop::collection::vec(an_event(), entries), 1..6_usize).prop_map(|(events, every)| World::of(events, every))
}

/// Rows of a patient by category, over some entries.
pub fn totals<'a>(events: impl Iterator<Item = &'a AuditEvent>, patient: &PatientRef) -> BTreeMap<&'static str, u64> {
    let mut totals = BTreeMap::new();
    for event in events {
        for (shown, counts) in event.shown.iter().filter(|(shown, _)| *shown == patient) {
            assert_eq!(shown, patient);
            counts.iter().for_each(|(category, rows)| *totals.entry(category.code()).or_default() += rows);
        }
    }
    totals
}
