//! A small region's history, and what each principal must see of it: the log folded under `decide`.

use super::{facility, moment, patient, record, rng};
use crate::View;
use crate::table::table_name;
use arrow::array::{Array, Int64Array, StringArray};
use consent_filter::Book;
use datafusion::prelude::{SessionConfig, SessionContext};
use model::*;
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) log: Vec<(Position, Event)>,
    pub(crate) principals: Vec<Principal>,
    pub(crate) moment: Moment,
}

const SOURCES: [&str; 4] = ["alpha-hospital", "beta-hospital", "gamma-clinic", "delta-pharmacy"];
const CATEGORIES: [Category; 4] = [Category::Laboratory, Category::Medication, Category::Document, Category::Waveform];
const DAY: i64 = 86_400_000_000;

struct Maker {
    rng: StdRng,
    next: BTreeMap<u32, u64>,
    log: Vec<(Position, Event)>,
}

impl Maker {
    fn say(&mut self, body: Body) {
        let key = EventKey {
            source: facility("alpha-hospital"),
            id: EventId::parse(&format!("e{}", self.log.len())).unwrap(),
        };
        let event = Event { key, admitted_at: moment(1_700_000_000_000_000), body };
        let partition = event.patient().map_or(0, |patient| {
            1 + patient.partition_key().iter().fold(0_u32, |hash, byte| hash.wrapping_mul(31) + u32::from(*byte)) % 2
        });
        let offset = self.next.entry(partition).or_default();
        let position = Position::new(partition, *offset);
        *offset += 1;
        self.log.push((position, event));
    }
    fn source(&mut self) -> &'static str {
        SOURCES[self.rng.random_range(0..SOURCES.len())]
    }
    fn any_patient(&mut self) -> PatientRef {
        let source = self.source();
        patient(source, &format!("{:03}", self.rng.random_range(0..4)))
    }
    fn categories(&mut self) -> CategorySet {
        if self.rng.random_bool(0.6) {
            return CategorySet::all();
        }
        CATEGORIES.into_iter().filter(|_| self.rng.random_bool(0.6)).collect()
    }
    fn labels(&mut self) -> Labels {
        if self.rng.random_bool(0.3) { Labels::of(Label::Hiv).with(Label::Psy) } else { Labels::NONE }
    }
    fn departments(&mut self) -> Vec<DepartmentCode> {
        if self.rng.random_bool(0.8) { Vec::new() } else { vec![DepartmentCode::parse("01").unwrap()] }
    }

    fn scope(&mut self, source: &str) {
        let rules = (0..self.rng.random_range(0..3)).map(|_| ScopeRule {
            categories: self.categories(),
            viewer_kinds: FacilityKindSet::all(),
            viewer_roles: RoleSet::all(),
            departments: self.departments(),
            author_roles: RoleSet::all(),
            labels: self.labels(),
            since: self.rng.random_bool(0.2).then(|| moment(1_700_300_000_000_000)),
            hold_back: if self.rng.random_bool(0.2) { HoldBack::Days(7) } else { HoldBack::None },
        });
        let rules = rules.collect();
        self.say(Body::Directory(DirectoryChange::Scope(DisclosureScope::of(facility(source), rules))));
    }

    fn member(id: &str, at: &str, role: Role) -> Body {
        Body::Directory(DirectoryChange::Member(Member {
            id: MemberId::parse(id).unwrap(),
            facility: facility(at),
            role,
            name: id.to_owned(),
            period: Period::ALWAYS,
        }))
    }

    fn consent(&mut self) {
        let patient = self.any_patient();
        let viewers = match self.rng.random_range(0..4) {
            0 => Viewers::AllMembers,
            1 => Viewers::Practitioners(vec![MemberId::parse("dr-gamma").unwrap()]),
            _ => Viewers::Facilities(vec![facility(self.source())]),
        };
        let consent = Consent {
            id: ConsentId::parse(&format!("c{}", self.rng.random_range(0..30))).unwrap(),
            patient: patient.clone(),
            viewers,
            state: ConsentState::Active,
            supersedes: None,
            period: Period::ALWAYS,
            data_period: if self.rng.random_bool(0.3) {
                Period::new(Some(moment(1_700_200_000_000_000)), Some(moment(1_700_800_000_000_000))).unwrap()
            } else {
                Period::ALWAYS
            },
            categories: self.categories(),
            departments: self.departments(),
            labels: self.labels(),
            purposes: PurposeSet::of(Purpose::Treatment),
            exceptions: Exceptions::none(),
            signer: Signer::Patient,
            taken_by: facility("reception"),
            signed_at: moment(1_700_000_000_000_000),
            form_digest: String::new(),
            paper: Box::default(),
        };
        self.say(Body::Consent(ConsentChange::Given(consent)));
    }

    fn withdrawal(&mut self) {
        let given: Vec<Consent> = self.given().collect();
        if given.is_empty() {
            return;
        }
        let consent = &given[self.rng.random_range(0..given.len())];
        self.say(Body::Consent(ConsentChange::Withdrawn(Withdrawal {
            id: consent.id.clone(),
            patient: consent.patient.clone(),
            withdrawn_at: moment(1_700_000_000_000_000),
        })));
    }
    fn given(&self) -> impl Iterator<Item = Consent> + '_ {
        self.log.iter().filter_map(|(_, event)| match &event.body {
            Body::Consent(ConsentChange::Given(consent)) => Some(consent.clone()),
            _ => None,
        })
    }

    fn link(&mut self) {
        let number = format!("{:03}", self.rng.random_range(0..4));
        let (a, b) = (self.source(), self.source());
        if a == b {
            return;
        }
        self.say(Body::Directory(DirectoryChange::Link(LinkChange::Linked(Link {
            id: LinkId::parse(&format!("l{}", self.log.len())).unwrap(),
            a: patient(a, &number),
            b: patient(b, &number),
            evidence: LinkEvidence::ConsentForm,
            confirmed_by: MemberId::parse("dr-gamma").unwrap(),
            confirmed_at: moment(1_700_000_000_000_000),
        }))));
    }

    fn unlink(&mut self) {
        let links: Vec<LinkId> = self
            .log
            .iter()
            .filter_map(|(_, event)| match &event.body {
                Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))) => Some(link.id.clone()),
                _ => None,
            })
            .collect();
        if links.is_empty() {
            return;
        }
        let id = links[self.rng.random_range(0..links.len())].clone();
        self.say(Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(Unlink {
            id,
            by: MemberId::parse("dr-gamma").unwrap(),
            at: moment(1_700_000_000_000_000),
        }))));
    }

    /// A version of one of a few records: so versions meet, in any order, and deletions among them.
    fn version(&mut self) {
        let owner = self.any_patient();
        let number = owner.number().as_str().to_owned();
        let id = format!("r-{number}-{}", self.rng.random_range(0..6));
        let category = CATEGORIES[self.rng.random_range(0..CATEGORIES.len())];
        let made = record(category, owner.facility().as_str(), &number, &id, &mut self.rng);
        let version = Version::new(self.rng.random_range(1..5)).unwrap();
        let (change, payload) = if self.rng.random_bool(0.15) {
            (ChangeKind::Delete, None)
        } else {
            (made.change(), made.payload().cloned())
        };
        let record = Record::new(
            made.patient.clone(),
            made.id.clone(),
            version,
            category,
            made.occurred,
            made.recorded,
            if self.rng.random_bool(0.05) { Labels::of(Label::Undelivered) } else { made.labels },
            made.department.clone(),
            made.author.clone(),
            change,
            payload,
        );
        self.say(Body::Record(Box::new(record.unwrap())));
    }
}

impl World {
    pub(crate) fn new(seed: u64, length: usize) -> Self {
        let mut maker = Maker { rng: rng(seed), next: BTreeMap::new(), log: Vec::new() };
        let kinds = [FacilityKind::Hospital, FacilityKind::Hospital, FacilityKind::Clinic, FacilityKind::Pharmacy];
        for (id, kind) in SOURCES.into_iter().zip(kinds) {
            maker.say(Body::Directory(DirectoryChange::Facility(Facility {
                id: facility(id),
                kind,
                name: id.to_owned(),
                name_en: String::new(),
                status: FacilityStatus::Active,
            })));
            maker.scope(id);
        }
        maker.say(Maker::member("dr-gamma", "gamma-clinic", Role::Physician));
        maker.say(Maker::member("ph-delta", "delta-pharmacy", Role::Pharmacist));
        maker.say(Maker::member("cl-gamma", "gamma-clinic", Role::Clerk));
        while maker.log.len() < length {
            match maker.rng.random_range(0..100) {
                0..10 => maker.consent(),
                10..13 => maker.withdrawal(),
                13..21 => maker.link(),
                21..22 => maker.unlink(),
                22..25 => {
                    let source = maker.source();
                    maker.scope(source);
                }
                _ => maker.version(),
            }
        }
        let who = |at: &str, member: Option<&str>, role| Principal {
            facility: facility(at),
            member: member.map(|id| MemberId::parse(id).unwrap()),
            role,
            purpose: Purpose::Treatment,
        };
        let principals = vec![
            who("gamma-clinic", Some("dr-gamma"), Role::Physician),
            who("gamma-clinic", None, Role::System),
            who("gamma-clinic", Some("cl-gamma"), Role::Clerk),
            who("delta-pharmacy", Some("ph-delta"), Role::Pharmacist),
            who("alpha-hospital", None, Role::System),
            who("nowhere", None, Role::System),
        ];
        Self { seed, log: maker.log, principals, moment: moment(1_701_300_000_000_000 + DAY) }
    }

    /// The log folded: the version of each record that stands.
    pub(crate) fn standing(&self) -> Vec<(Position, &Record)> {
        let mut standing: BTreeMap<RecordRef, (Position, &Record)> = BTreeMap::new();
        for (position, event) in &self.log {
            let Body::Record(record) = &event.body else { continue };
            let order = |(position, record): &(Position, &Record)| (record.version, std::cmp::Reverse(*position));
            let candidate = (*position, record.as_ref());
            let held = standing.entry(record.reference()).or_insert(candidate);
            if order(held) < order(&candidate) {
                *held = candidate;
            }
        }
        standing.into_values().filter(|(_, record)| record.change() != ChangeKind::Delete).collect()
    }

    /// What a principal must see, a line per row.
    pub(crate) fn visible(&self, book: &Book, principal: &Principal) -> BTreeSet<String> {
        let mut known = book.clone();
        let standing = self.standing();
        let permitted = standing.into_iter().filter(|(_, record)| {
            let facts = known.facts(record);
            known.decide(&facts, principal, self.moment).is_permit()
        });
        permitted.map(|(position, record)| line(table_name(record.category()), position, record)).collect()
    }
}

fn line(table: &str, position: Position, record: &Record) -> String {
    let (source, number) = (record.patient.facility(), record.patient.number().as_str());
    format!("{table} {source} {number} {} v{} {}", record.id.as_str(), record.version.get(), position.offset)
}

/// Every row of every table of a view, a line per row; a row that comes twice is an error.
pub(crate) async fn everything(view: &View) -> BTreeSet<String> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(3));
    let mut lines = BTreeSet::new();
    for category in Category::ALL.iter().copied() {
        let table = table_name(category);
        context.register_table(table, view.table(category)).unwrap();
        let batches = context.sql(&format!("SELECT * FROM {table}")).await.unwrap().collect().await.unwrap();
        let mut rows = 0;
        for batch in batches {
            let text = |name: &str| batch.column_by_name(name).unwrap().as_any().downcast_ref::<StringArray>().unwrap();
            let long = |name: &str| batch.column_by_name(name).unwrap().as_any().downcast_ref::<Int64Array>().unwrap();
            let (source, patient, id) = (text("source"), text("patient_id"), text("record_id"));
            let (mine, version, offset) = (text("my_patient_id"), long("version"), long("position_offset"));
            for row in 0..batch.num_rows() {
                assert!(!mine.is_null(row), "a visible row belongs to a patient of the viewer");
                if source.value(row) == view.principal().facility.as_str() {
                    assert_eq!(mine.value(row), patient.value(row), "of its own records the number is its own");
                }
                let line = format!(
                    "{table} {} {} {} v{} {}",
                    source.value(row),
                    patient.value(row),
                    id.value(row),
                    version.value(row),
                    offset.value(row)
                );
                assert!(lines.insert(line), "a row came twice");
                rows += 1;
            }
        }
        let counted = context.sql(&format!("SELECT count(*) FROM {table}")).await.unwrap().collect().await.unwrap();
        let counted = counted[0].column(0).as_any().downcast_ref::<Int64Array>().unwrap().value(0);
        assert_eq!(counted, rows, "a count counts what is shown");
    }
    lines
}
