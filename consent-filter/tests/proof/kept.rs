//! Worlds as JSON: how a failing one is printed and kept. `model` is not serialisable, so this is a twin of what happens
//! in a story; names, evidence and the like, which decide nothing, are what `world.rs` always says.

use super::story::{Beat, Story};
use super::world::{self, aid, cid, dept, fid, gid, lid, mid};
use model::*;
use serde::{Deserialize, Serialize};

/// A kept world: where it came from, what parted on it when it was found, and the world.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What failed, in words.
    pub law: String,
    /// The seed it was drawn from, before it was made small.
    pub seed: u64,
    viewers: Vec<Who>,
    beats: Vec<Step>,
}

impl Kept {
    pub fn of(law: &str, seed: u64, story: &Story) -> Self {
        Self {
            law: law.to_owned(),
            seed,
            viewers: story.viewers.iter().map(Who::of).collect(),
            beats: story.beats.iter().map(Step::of).collect(),
        }
    }
    pub fn story(&self) -> Story {
        Story {
            viewers: self.viewers.iter().map(Who::principal).collect(),
            beats: self.beats.iter().map(Step::beat).collect(),
        }
    }
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap() + "\n"
    }
    pub fn read(json: &str) -> Self {
        serde_json::from_str(json).unwrap()
    }
}

type Micros = i64;
type Ref = String;
type Codes = Vec<String>;

fn moment(micros: Micros) -> Moment {
    Moment::from_micros(micros).unwrap()
}
fn spell(patient: &PatientRef) -> Ref {
    format!("{}/{}", patient.facility(), patient.number().as_str())
}
fn patient(text: &str) -> PatientRef {
    let (facility, number) = text.split_once('/').unwrap();
    world::patient(facility, number)
}
fn codes<T: ToString>(all: impl IntoIterator<Item = T>) -> Codes {
    all.into_iter().map(|one| one.to_string()).collect()
}
/// A closed set's members; `*` for all of them.
macro_rules! listed {
    ($set:expr, $of:ty) => {
        if $set == <$of>::all() { vec!["*".to_owned()] } else { codes($set.iter()) }
    };
}
macro_rules! read {
    ($codes:expr, $of:ty) => {
        match $codes.as_slice() {
            [all] if all == "*" => <$of>::all(),
            codes => codes.iter().map(|code| code.parse().unwrap()).collect::<$of>(),
        }
    };
}
fn ids(all: &[MemberId]) -> Codes {
    all.iter().map(|id| id.as_str().to_owned()).collect()
}
fn members(all: &[String]) -> Vec<MemberId> {
    all.iter().map(|id| mid(id)).collect()
}
fn departments(all: &[DepartmentCode]) -> Codes {
    all.iter().map(|code| code.as_str().to_owned()).collect()
}
fn by_code<T: Copy>(all: &[T], code: impl Fn(T) -> &'static str, wanted: &str) -> T {
    *all.iter().find(|one| code(**one) == wanted).unwrap()
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    facility: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    role: String,
    purpose: String,
}

impl Who {
    fn of(who: &Principal) -> Self {
        Self {
            facility: who.facility.to_string(),
            member: who.member.as_ref().map(|id| id.as_str().to_owned()),
            role: who.role.to_string(),
            purpose: who.purpose.to_string(),
        }
    }
    fn principal(&self) -> Principal {
        Principal {
            facility: fid(&self.facility),
            member: self.member.as_deref().map(mid),
            role: self.role.parse().unwrap(),
            purpose: self.purpose.parse().unwrap(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Micros>,
}

impl Time {
    fn of(period: Period) -> Self {
        Self { from: period.from().map(Moment::micros), until: period.until().map(Moment::micros) }
    }
    fn period(self) -> Period {
        Period::new(self.from.map(moment), self.until.map(moment)).unwrap()
    }
    fn is_always(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Whom {
    AllMembers,
    Facilities(Vec<String>),
    Practitioners(Vec<String>),
}

impl Whom {
    fn of(viewers: &Viewers) -> Self {
        match viewers {
            Viewers::AllMembers => Self::AllMembers,
            Viewers::Facilities(ids) => Self::Facilities(codes(ids)),
            Viewers::Practitioners(list) => Self::Practitioners(ids(list)),
        }
    }
    fn viewers(&self) -> Viewers {
        match self {
            Self::AllMembers => Viewers::AllMembers,
            Self::Facilities(ids) => Viewers::Facilities(ids.iter().map(|id| fid(id)).collect()),
            Self::Practitioners(ids) => Viewers::Practitioners(members(ids)),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    categories: Codes,
    viewer_kinds: Codes,
    viewer_roles: Codes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    departments: Codes,
    author_roles: Codes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Codes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold_days: Option<u16>,
    #[serde(default)]
    until_released: bool,
}

impl Rule {
    fn of(rule: &ScopeRule) -> Self {
        Self {
            categories: listed!(rule.categories, CategorySet),
            viewer_kinds: listed!(rule.viewer_kinds, FacilityKindSet),
            viewer_roles: listed!(rule.viewer_roles, RoleSet),
            departments: departments(&rule.departments),
            author_roles: listed!(rule.author_roles, RoleSet),
            labels: listed!(rule.labels, Labels),
            since: rule.since.map(Moment::micros),
            hold_days: if let HoldBack::Days(days) = rule.hold_back { Some(days) } else { None },
            until_released: rule.hold_back == HoldBack::UntilReleased,
        }
    }
    fn rule(&self) -> ScopeRule {
        ScopeRule {
            categories: read!(&self.categories, CategorySet),
            viewer_kinds: read!(&self.viewer_kinds, FacilityKindSet),
            viewer_roles: read!(&self.viewer_roles, RoleSet),
            departments: self.departments.iter().map(|code| dept(code)).collect(),
            author_roles: read!(&self.author_roles, RoleSet),
            labels: read!(&self.labels, Labels),
            since: self.since.map(moment),
            hold_back: match (self.hold_days, self.until_released) {
                (Some(days), _) => HoldBack::Days(days),
                (None, true) => HoldBack::UntilReleased,
                (None, false) => HoldBack::None,
            },
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    viewers: Option<Whom>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Codes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    purposes: Codes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    categories: Codes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    departments: Codes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    author_roles: Codes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Codes,
    #[serde(default, skip_serializing_if = "Time::is_always")]
    data_period: Time,
    #[serde(default, skip_serializing_if = "Time::is_always")]
    period: Time,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nested: Vec<Node>,
}

impl Node {
    fn of(node: &Provision) -> Self {
        Self {
            kind: node.kind.code().to_owned(),
            viewers: node.viewers.as_ref().map(Whom::of),
            roles: listed!(node.roles, RoleSet),
            purposes: listed!(node.purposes, PurposeSet),
            categories: listed!(node.categories, CategorySet),
            departments: departments(&node.departments),
            author_roles: listed!(node.author_roles, RoleSet),
            labels: listed!(node.labels, Labels),
            data_period: Time::of(node.data_period),
            period: Time::of(node.period),
            nested: node.nested.iter().map(Self::of).collect(),
        }
    }
    fn provision(&self) -> Provision {
        Provision {
            kind: by_code(&ProvisionKind::ALL, ProvisionKind::code, &self.kind),
            viewers: self.viewers.as_ref().map(Whom::viewers),
            roles: read!(&self.roles, RoleSet),
            purposes: read!(&self.purposes, PurposeSet),
            categories: read!(&self.categories, CategorySet),
            departments: self.departments.iter().map(|code| dept(code)).collect(),
            author_roles: read!(&self.author_roles, RoleSet),
            labels: read!(&self.labels, Labels),
            data_period: self.data_period.period(),
            period: self.period.period(),
            nested: self.nested.iter().map(Self::provision).collect(),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    id: String,
    patient: Ref,
    viewers: Whom,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    supersedes: Option<String>,
    #[serde(default, skip_serializing_if = "Time::is_always")]
    period: Time,
    #[serde(default, skip_serializing_if = "Time::is_always")]
    data_period: Time,
    categories: Codes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    departments: Codes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Codes,
    purposes: Codes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exceptions: Vec<Node>,
    signer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born: Option<String>,
    taken_by: String,
    signed_at: Micros,
}

impl Grant {
    fn of(consent: &Consent) -> Self {
        Self {
            id: consent.id.as_str().to_owned(),
            patient: spell(&consent.patient),
            viewers: Whom::of(&consent.viewers),
            state: consent.state.code().to_owned(),
            supersedes: consent.supersedes.as_ref().map(|id| id.as_str().to_owned()),
            period: Time::of(consent.period),
            data_period: Time::of(consent.data_period),
            categories: listed!(consent.categories, CategorySet),
            departments: departments(&consent.departments),
            labels: listed!(consent.labels, Labels),
            purposes: listed!(consent.purposes, PurposeSet),
            exceptions: consent.exceptions.provisions().iter().map(Node::of).collect(),
            signer: consent.signer.code().to_owned(),
            born: consent.paper.born.map(|date| date.to_string()),
            taken_by: consent.taken_by.to_string(),
            signed_at: consent.signed_at.micros(),
        }
    }
    fn consent(&self) -> Consent {
        let born = self.born.as_ref().map(|date| date.parse().unwrap());
        Consent {
            id: cid(&self.id),
            patient: patient(&self.patient),
            viewers: self.viewers.viewers(),
            state: by_code(&ConsentState::ALL, ConsentState::code, &self.state),
            supersedes: self.supersedes.as_deref().map(cid),
            period: self.period.period(),
            data_period: self.data_period.period(),
            categories: read!(&self.categories, CategorySet),
            departments: self.departments.iter().map(|code| dept(code)).collect(),
            labels: read!(&self.labels, Labels),
            purposes: read!(&self.purposes, PurposeSet),
            exceptions: Exceptions::new(self.exceptions.iter().map(Node::provision).collect()).unwrap(),
            signer: by_code(&Signer::ALL, Signer::code, &self.signer),
            taken_by: fid(&self.taken_by),
            signed_at: moment(self.signed_at),
            form_digest: String::new(),
            paper: Box::new(Paper { born, ..Paper::default() }),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    patient: Ref,
    id: String,
    version: u64,
    change: String,
    category: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    department: Option<String>,
    role: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Codes,
    occurred: Micros,
    recorded: Micros,
}

impl Put {
    fn of(record: &Record) -> Self {
        Self {
            patient: spell(&record.patient),
            id: record.id.as_str().to_owned(),
            version: record.version.get(),
            change: record.change().code().to_owned(),
            category: record.category().to_string(),
            department: record.department.as_ref().map(|code| code.as_str().to_owned()),
            role: record.author.role.to_string(),
            labels: listed!(record.labels, Labels),
            occurred: record.occurred.micros(),
            recorded: record.recorded.micros(),
        }
    }
    fn record(&self) -> Record {
        let change =
            by_code(&[ChangeKind::Upsert, ChangeKind::Correct, ChangeKind::Delete], ChangeKind::code, &self.change);
        let category: Category = self.category.parse().unwrap();
        let payload = super::story::payload(category, self.version);
        let record = Record::new(
            patient(&self.patient),
            RecordId::parse(&self.id).unwrap(),
            Version::new(self.version).unwrap(),
            category,
            moment(self.occurred),
            moment(self.recorded),
            read!(&self.labels, Labels),
            self.department.as_deref().map(dept),
            Author { member: None, role: self.role.parse().unwrap() },
            change,
            (change != ChangeKind::Delete).then_some(payload),
        );
        record.unwrap()
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    Clock(Micros),
    Facility { id: String, kind: String, active: bool },
    Member { id: String, at: String, role: String, period: Time },
    Scope { facility: String, rules: Vec<Rule>, break_glass: Vec<(Codes, Codes)>, guardian_consents: String },
    Link { id: String, a: Ref, b: Ref },
    Unlink { id: String },
    Agreement { id: String, facility: String, source: String, members: Codes, period: Time },
    AgreementEnded { id: String, facility: String },
    Kinship { id: String, mother: Ref, newborn: Ref },
    KinshipEnded { id: String, mother: Ref },
    Consent(Grant),
    Withdrawn { id: String, patient: Ref },
    Released { patient: Ref, categories: Codes, recorded_until: Micros },
    Glass { id: String, facility: String, member: String, role: String, patient: Ref, from: Micros },
    GlassClosed { id: String, facility: String, patient: Ref },
    GlassReviewed { id: String, facility: String, patient: Ref, outcome: String },
    Record(Put),
}

impl Step {
    fn of(beat: &Beat) -> Self {
        match beat {
            Beat::Clock(moment) => Self::Clock(moment.micros()),
            Beat::Told(body) => match body.as_ref() {
                Body::Record(record) => Self::Record(Put::of(record)),
                Body::Consent(change) => Self::of_consent(change),
                Body::Directory(change) => Self::of_directory(change),
                Body::Referral(_) | Body::Audit(_) => unreachable!("no story tells of referrals or of what was seen"),
            },
        }
    }

    fn of_consent(change: &ConsentChange) -> Self {
        match change {
            ConsentChange::Given(consent) => Self::Consent(Grant::of(consent)),
            ConsentChange::Withdrawn(withdrawal) => {
                Self::Withdrawn { id: withdrawal.id.to_string(), patient: spell(&withdrawal.patient) }
            }
            ConsentChange::Released(release) => Self::Released {
                patient: spell(&release.patient),
                categories: listed!(release.categories, CategorySet),
                recorded_until: release.recorded_until.micros(),
            },
            ConsentChange::GlassBroken(glass) => Self::Glass {
                id: glass.id.to_string(),
                facility: glass.facility.to_string(),
                member: glass.member.to_string(),
                role: glass.role.to_string(),
                patient: spell(&glass.patient),
                from: glass.from().micros(),
            },
            ConsentChange::GlassClosed(end) => Self::GlassClosed {
                id: end.id.to_string(),
                facility: end.facility.to_string(),
                patient: spell(&end.patient),
            },
            ConsentChange::GlassReviewed(review) => Self::GlassReviewed {
                id: review.id.to_string(),
                facility: review.facility.to_string(),
                patient: spell(&review.patient),
                outcome: review.outcome.to_string(),
            },
        }
    }

    fn of_directory(change: &DirectoryChange) -> Self {
        match change {
            DirectoryChange::Facility(facility) => Self::Facility {
                id: facility.id.to_string(),
                kind: facility.kind.to_string(),
                active: facility.status == FacilityStatus::Active,
            },
            DirectoryChange::Member(member) => Self::Member {
                id: member.id.to_string(),
                at: member.facility.to_string(),
                role: member.role.to_string(),
                period: Time::of(member.period),
            },
            DirectoryChange::Scope(scope) => Self::Scope {
                facility: scope.facility.to_string(),
                rules: scope.rules.iter().map(Rule::of).collect(),
                break_glass: scope
                    .break_glass
                    .iter()
                    .map(|rule| (listed!(rule.viewer_kinds, FacilityKindSet), listed!(rule.viewer_roles, RoleSet)))
                    .collect(),
                guardian_consents: scope.guardian_consents.code().to_owned(),
            },
            DirectoryChange::Link(LinkChange::Linked(link)) => {
                Self::Link { id: link.id.to_string(), a: spell(&link.a), b: spell(&link.b) }
            }
            DirectoryChange::Link(LinkChange::Unlinked(unlink)) => Self::Unlink { id: unlink.id.to_string() },
            DirectoryChange::Agreement(AgreementChange::Stated(agreement)) => Self::Agreement {
                id: agreement.id.to_string(),
                facility: agreement.facility.to_string(),
                source: agreement.source.to_string(),
                members: ids(&agreement.members),
                period: Time::of(agreement.period),
            },
            DirectoryChange::Agreement(AgreementChange::Ended(end)) => {
                Self::AgreementEnded { id: end.id.to_string(), facility: end.facility.to_string() }
            }
            DirectoryChange::Kinship(KinshipChange::Stated(kinship)) => Self::Kinship {
                id: kinship.id.to_string(),
                mother: spell(kinship.mother()),
                newborn: spell(kinship.newborn()),
            },
            DirectoryChange::Kinship(KinshipChange::Ended(end)) => {
                Self::KinshipEnded { id: end.id.to_string(), mother: spell(&end.mother) }
            }
            DirectoryChange::Laboratory(_) | DirectoryChange::Definition(_) | DirectoryChange::Measure(_) => {
                unreachable!("no world states laboratory tables, definitions or measures: they open nothing")
            }
        }
    }

    fn beat(&self) -> Beat {
        Beat::Told(Box::new(match self {
            Self::Clock(micros) => return Beat::Clock(moment(*micros)),
            Self::Record(version) => Body::Record(Box::new(version.record())),
            Self::Consent(grant) => world::given(grant.consent()),
            Self::Withdrawn { id, patient: of } => world::withdrawn(id, patient(of)),
            Self::Released { patient: of, categories, recorded_until } => {
                world::released(patient(of), read!(categories, CategorySet), moment(*recorded_until))
            }
            Self::Glass { id, facility, member, role, patient: of, from } => {
                let who = (facility.as_str(), member.as_str(), role.parse().unwrap());
                world::glass(gid(id).as_str(), who, patient(of), moment(*from))
            }
            Self::GlassClosed { id, facility, patient: of } => world::glass_closed(id, facility, patient(of)),
            Self::GlassReviewed { id, facility, patient: of, outcome } => {
                world::glass_reviewed(id, facility, patient(of), outcome.parse().unwrap())
            }
            directory => directory.directory(),
        }))
    }

    fn directory(&self) -> Body {
        match self {
            Self::Facility { id, kind, active } => {
                let status = if *active { FacilityStatus::Active } else { FacilityStatus::Inactive };
                world::facility(id, kind.parse().unwrap(), status)
            }
            Self::Member { id, at, role, period } => world::member(id, at, role.parse().unwrap(), period.period()),
            Self::Scope { facility, rules, break_glass, guardian_consents } => {
                let rules = rules.iter().map(Rule::rule).collect();
                let glass = |(kinds, roles): &(Codes, Codes)| BreakGlassRule {
                    viewer_kinds: read!(kinds, FacilityKindSet),
                    viewer_roles: read!(roles, RoleSet),
                };
                Body::Directory(DirectoryChange::Scope(DisclosureScope {
                    break_glass: break_glass.iter().map(glass).collect(),
                    guardian_consents: by_code(&GuardianConsents::ALL, GuardianConsents::code, guardian_consents),
                    ..DisclosureScope::of(fid(facility), rules)
                }))
            }
            Self::Link { id, a, b } => world::link(lid(id).as_str(), patient(a), patient(b)),
            Self::Unlink { id } => world::unlink(id),
            Self::Agreement { id, facility, source, members, period } => {
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                world::agreement(aid(id).as_str(), facility, source, &members, period.period())
            }
            Self::AgreementEnded { id, facility } => world::agreement_ended(id, facility),
            Self::Kinship { id, mother, newborn } => world::kinship(id, patient(mother), patient(newborn)),
            Self::KinshipEnded { id, mother } => world::kinship_ended(id, patient(mother)),
            _ => unreachable!("the others are told above"),
        }
    }
}
