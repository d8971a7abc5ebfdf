//! Small worlds, drawn so that everything meets: few facilities, people and days, many changes.

use super::reference::Sample;
use consent_filter::{Applied, Book, Facts, ScopeClass};
use model::*;
use proptest::prelude::*;
use proptest::sample::select;

pub const DAY: i64 = 86_400_000_000;
pub const FACILITIES: [&str; 5] = ["hosp-a", "hosp-b", "clinic-c", "pharmacy-d", "ghost"];
const MEMBERS: [&str; 4] = ["dr-1", "dr-2", "nurse-3", "clerk-4"];
const NUMBERS: [&str; 3] = ["001", "002", "003"];

pub fn fid(text: &str) -> FacilityId {
    FacilityId::parse(text).unwrap()
}
pub fn mid(text: &str) -> MemberId {
    MemberId::parse(text).unwrap()
}
pub fn cid(text: &str) -> ConsentId {
    ConsentId::parse(text).unwrap()
}
pub fn lid(text: &str) -> LinkId {
    LinkId::parse(text).unwrap()
}
pub fn gid(text: &str) -> GlassId {
    GlassId::parse(text).unwrap()
}
pub fn aid(text: &str) -> AgreementId {
    AgreementId::parse(text).unwrap()
}
pub fn dept(text: &str) -> DepartmentCode {
    DepartmentCode::parse(text).unwrap()
}
pub fn patient(facility: &str, number: &str) -> PatientRef {
    PatientRef::new(fid(facility), PatientNumber::parse(number).unwrap())
}
pub fn day(day: i64) -> Moment {
    Moment::from_micros(day * DAY).unwrap()
}

// --- events, spelled out ---

pub fn facility(id: &str, kind: FacilityKind, status: FacilityStatus) -> Body {
    let (name, name_en) = (id.to_owned(), String::new());
    Body::Directory(DirectoryChange::Facility(Facility { id: fid(id), kind, name, name_en, status }))
}
pub fn member(id: &str, at: &str, role: Role, period: Period) -> Body {
    let member = Member { id: mid(id), facility: fid(at), role, name: id.to_owned(), period };
    Body::Directory(DirectoryChange::Member(member))
}
/// A rule that discloses everything, every label too, to everybody.
pub fn open_rule() -> ScopeRule {
    ScopeRule {
        categories: CategorySet::all(),
        viewer_kinds: FacilityKindSet::all(),
        viewer_roles: RoleSet::all(),
        departments: Vec::new(),
        author_roles: RoleSet::all(),
        labels: Labels::all(),
        since: None,
        hold_back: HoldBack::None,
    }
}
pub fn scope(id: &str, rules: Vec<ScopeRule>) -> Body {
    Body::Directory(DirectoryChange::Scope(DisclosureScope::of(fid(id), rules)))
}
pub fn link(id: &str, a: PatientRef, b: PatientRef) -> Body {
    Body::Directory(DirectoryChange::Link(LinkChange::Linked(Link {
        id: lid(id),
        a,
        b,
        evidence: LinkEvidence::ConsentForm,
        confirmed_by: mid("clerk-4"),
        confirmed_at: day(0),
    })))
}
pub fn unlink(id: &str) -> Body {
    let unlink = Unlink { id: lid(id), by: mid("clerk-4"), at: day(0) };
    Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink)))
}
/// A consent to everything normal, for treatment, without end.
pub fn consent(id: &str, patient: PatientRef, viewers: Viewers) -> Consent {
    Consent {
        id: cid(id),
        taken_by: fid("reception"),
        patient,
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
        signer: Signer::Patient,
        signed_at: day(0),
        form_digest: String::new(),
        paper: Box::default(),
    }
}
pub fn to(ids: &[&str]) -> Viewers {
    Viewers::Facilities(ids.iter().map(|id| fid(id)).collect())
}
pub fn given(consent: Consent) -> Body {
    Body::Consent(ConsentChange::Given(consent))
}
pub fn withdrawn(id: &str, patient: PatientRef) -> Body {
    Body::Consent(ConsentChange::Withdrawn(Withdrawal { id: cid(id), patient, withdrawn_at: day(0) }))
}

pub fn released(patient: PatientRef, categories: CategorySet, recorded_until: Moment) -> Body {
    Body::Consent(ConsentChange::Released(Release { patient, categories, recorded_until }))
}
/// A physician of the clinic breaks the glass for the day that begins at `from`.
pub fn glass(id: &str, (facility, member, role): (&str, &str, Role), patient: PatientRef, from: Moment) -> Body {
    let until = from.plus_micros(DAY);
    let glass = BreakGlass::new(gid(id), fid(facility), mid(member), role, patient, "unconscious".into(), from, until);
    Body::Consent(ConsentChange::GlassBroken(glass.unwrap()))
}
pub fn glass_closed(id: &str, facility: &str, patient: PatientRef) -> Body {
    let end = BreakGlassEnd { id: gid(id), facility: fid(facility), patient, at: day(0) };
    Body::Consent(ConsentChange::GlassClosed(end))
}
pub fn glass_reviewed(id: &str, facility: &str, patient: PatientRef, outcome: ReviewOutcome) -> Body {
    let (reviewer, text, at) = (mid("clerk-4"), String::new(), day(0));
    let review = BreakGlassReview { id: gid(id), facility: fid(facility), patient, reviewer, outcome, text, at };
    Body::Consent(ConsentChange::GlassReviewed(review))
}
pub fn agreement(id: &str, facility: &str, source: &str, members: &[&str], period: Period) -> Body {
    let members = members.iter().map(|id| mid(id)).collect();
    let agreement = ViewerAgreement { id: aid(id), facility: fid(facility), source: fid(source), members, period };
    Body::Directory(DirectoryChange::Agreement(AgreementChange::Stated(agreement)))
}
pub fn agreement_ended(id: &str, facility: &str) -> Body {
    let end = AgreementEnd { id: aid(id), facility: fid(facility), at: day(0) };
    Body::Directory(DirectoryChange::Agreement(AgreementChange::Ended(end)))
}
pub fn kinship(id: &str, mother: PatientRef, newborn: PatientRef) -> Body {
    let kinship = Kinship::new(lid(id), mother, newborn, mid("clerk-4"), day(0)).unwrap();
    Body::Directory(DirectoryChange::Kinship(KinshipChange::Stated(kinship)))
}
pub fn kinship_ended(id: &str, mother: PatientRef) -> Body {
    let end = KinshipEnd { id: lid(id), mother, by: mid("clerk-4"), at: day(0) };
    Body::Directory(DirectoryChange::Kinship(KinshipChange::Ended(end)))
}
pub fn lab(patient: PatientRef) -> Sample {
    let source = patient.facility().clone();
    let (category, author_role) = (Category::Laboratory, Role::Physician);
    let class = ScopeClass { source, category, department: None, author_role, labels: Labels::NONE };
    Sample { patient, class, occurred: day(3), recorded: day(3) }
}
pub fn principal(facility: &str, member: Option<&str>, role: Role) -> Principal {
    Principal { facility: fid(facility), member: member.map(mid), role, purpose: Purpose::Treatment }
}

/// The region every vector begins with: four facilities, their people, open scopes, patient 001 linked everywhere.
pub fn region() -> Vec<Body> {
    use FacilityKind::*;
    use FacilityStatus::Active;
    let mut events = vec![
        facility("hosp-a", Hospital, Active),
        facility("hosp-b", Hospital, Active),
        facility("clinic-c", Clinic, Active),
        facility("pharmacy-d", Pharmacy, Active),
        member("dr-1", "clinic-c", Role::Physician, Period::ALWAYS),
        member("dr-2", "clinic-c", Role::Physician, Period::ALWAYS),
        member("nurse-3", "hosp-b", Role::Nurse, Period::ALWAYS),
        member("clerk-4", "clinic-c", Role::Clerk, Period::ALWAYS),
    ];
    events.extend(["hosp-a", "hosp-b", "clinic-c"].map(|id| scope(id, vec![open_rule()])));
    for (at, other) in ["hosp-b", "clinic-c", "pharmacy-d"].into_iter().enumerate() {
        events.push(link(&format!("link-{at}"), patient("hosp-a", "001"), patient(other, "001")));
    }
    events
}

// --- a book and the plain list of what it was told ---

#[derive(Clone, Default)]
pub struct World {
    pub book: Book,
    pub log: Vec<Body>,
    next: [u64; 3],
}

impl World {
    pub fn of(events: impl IntoIterator<Item = Body>) -> Self {
        let mut world = Self::default();
        events.into_iter().for_each(|event| {
            let _ = world.tell(event);
        });
        world
    }
    pub fn tell(&mut self, event: Body) -> Applied {
        let partition = partition(&event);
        let position = Position::new(partition, self.next[partition as usize]);
        self.next[partition as usize] += 1;
        let applied = self.book.apply(position, &event);
        self.log.push(event);
        applied
    }
    pub fn facts(&mut self, sample: &Sample) -> Facts {
        let (patient, class) = (self.book.patient(&sample.patient), self.book.class(&sample.class));
        Facts { patient, class, occurred: sample.occurred, recorded: sample.recorded }
    }
    /// Decides by the book.
    pub fn sees(&mut self, sample: &Sample, viewer: &Principal, moment: Moment) -> bool {
        let facts = self.facts(sample);
        self.book.decide(&facts, viewer, moment).is_permit()
    }
    pub fn why_not(&mut self, sample: &Sample, viewer: &Principal, moment: Moment) -> Option<&'static str> {
        let facts = self.facts(sample);
        self.book.decide(&facts, viewer, moment).reason().map(consent_filter::Reason::code)
    }
}

/// Directory in partition 0; each patient always in the same one of two others.
pub fn partition(event: &Body) -> u32 {
    match event {
        Body::Consent(change) => 1 + u32::from(change.patient().number().as_str() != "001"),
        Body::Record(record) => 1 + u32::from(record.patient.number().as_str() != "001"),
        _ => 0,
    }
}

/// Everybody who could ask.
pub fn everybody() -> Vec<Principal> {
    let mut all = Vec::new();
    for facility in FACILITIES {
        for purpose in [Purpose::Treatment, Purpose::Research, Purpose::BreakGlass] {
            let without = Role::ALL.iter().map(|role| (None, *role));
            let roles = [Role::Physician, Role::Nurse, Role::Clerk, Role::System, Role::Patient];
            let named = MEMBERS.iter().flat_map(|id| roles.iter().map(|role| (Some(mid(id)), *role)));
            all.extend(without.chain(named).map(|(member, role)| Principal {
                facility: fid(facility),
                member,
                role,
                purpose,
            }));
        }
    }
    all
}

// --- drawn at random ---

/// A hundred cases of each law in the quick run; as many as `PROPTEST_CASES` says in a long one.
pub fn cases() -> ProptestConfig {
    const UNSAID: u32 = 256;
    let said = ProptestConfig::default();
    let cases = if said.cases == UNSAID { 100 } else { said.cases };
    ProptestConfig { cases, ..said }
}

fn a_facility() -> impl Strategy<Value = &'static str> {
    prop_oneof![15 => select(&FACILITIES[..4]), 1 => Just(FACILITIES[4])]
}
pub fn a_patient() -> impl Strategy<Value = PatientRef> {
    let number = prop_oneof![6 => Just(NUMBERS[0]), 1 => select(&NUMBERS[1..])];
    (a_facility(), number).prop_map(|(facility, number)| patient(facility, number))
}
pub fn a_moment() -> impl Strategy<Value = Moment> {
    (0..6_i64, prop_oneof![5 => Just(0), 1 => Just(-1)]).prop_map(|(at, nudge)| day(at).plus_micros(nudge))
}
fn a_period() -> impl Strategy<Value = Period> {
    let side = || proptest::option::weighted(0.4, a_moment());
    prop_oneof![
        2 => Just(Period::ALWAYS),
        3 => (side(), side()).prop_map(|(a, b)| match (a, b) {
            (Some(a), Some(b)) => Period::new(Some(a.min(b)), Some(a.max(b))).unwrap(),
            (a, b) => Period::new(a, b).unwrap(),
        }),
    ]
}
fn departments() -> impl Strategy<Value = Vec<DepartmentCode>> {
    prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(select(vec!["01", "02"]), 1..3)
        .prop_map(|codes| codes.into_iter().map(dept).collect())]
}
fn categories() -> impl Strategy<Value = CategorySet> {
    prop_oneof![6 => Just(CategorySet::all()), 2 => Just(CategorySet::of(Category::Laboratory)),
        1 => Just(CategorySet::of(Category::Document)), 1 => Just(CategorySet::NONE)]
}
fn labels() -> impl Strategy<Value = Labels> {
    prop_oneof![3 => Just(Labels::NONE), 2 => select(vec![Label::Hiv, Label::Psy, Label::Uninformed, Label::Released]).prop_map(Labels::of),
        1 => Just(Labels::all())]
}
fn a_rule() -> BoxedStrategy<ScopeRule> {
    let kinds =
        prop_oneof![6 => Just(FacilityKindSet::all()), 1 => select(FacilityKind::ALL).prop_map(FacilityKindSet::of)];
    let roles = || prop_oneof![6 => Just(RoleSet::all()), 1 => select(Role::ALL).prop_map(RoleSet::of)];
    let since = proptest::option::weighted(0.4, a_moment());
    let hold = prop_oneof![4 => Just(HoldBack::None), 2 => (0..6_u16).prop_map(HoldBack::Days),
        1 => Just(HoldBack::UntilReleased)];
    (categories(), kinds, roles(), departments(), roles(), labels(), since, hold)
        .prop_map(|(categories, viewer_kinds, viewer_roles, departments, author_roles, labels, since, hold_back)| {
            ScopeRule { categories, viewer_kinds, viewer_roles, departments, author_roles, labels, since, hold_back }
        })
        .boxed()
}
/// Viewers that name somebody, as provisions must.
fn some_viewers() -> impl Strategy<Value = Viewers> {
    let members = proptest::collection::vec(select(&MEMBERS[..]), 1..3);
    prop_oneof![1 => Just(Viewers::AllMembers), 3 => a_facility().prop_map(|id| to(&[id])),
        3 => members.prop_map(|ids| Viewers::Practitioners(ids.into_iter().map(mid).collect()))]
}
fn viewers() -> impl Strategy<Value = Viewers> {
    let some = |ids: Vec<&'static str>| proptest::collection::vec(select(ids), 0..3);
    prop_oneof![
        3 => Just(Viewers::AllMembers),
        3 => a_facility().prop_map(|id| to(&[id])),
        1 => some(FACILITIES.to_vec()).prop_map(|ids| to(&ids)),
        2 => some(MEMBERS.to_vec()).prop_map(|ids| Viewers::Practitioners(ids.into_iter().map(mid).collect())),
    ]
}
pub fn a_consent_id() -> impl Strategy<Value = &'static str> {
    select(vec!["c-1", "c-2", "c-3", "0192d7a0-5b1e-7c3a-9f00-00aa11bb22cc"])
}
/// Provisions of one kind with exceptions of the other. Mostly narrow, so that neither kind always wins.
fn provisions(kind: ProvisionKind, levels: usize) -> BoxedStrategy<Vec<Provision>> {
    if levels == 0 {
        return Just(Vec::new()).boxed();
    }
    let who = prop_oneof![3 => Just(None), 1 => some_viewers().prop_map(Some)];
    let roles = || {
        prop_oneof![4 => Just(RoleSet::NONE), 1 => Just(consent_filter::CLINICAL),
        1 => select(vec![Role::Physician, Role::Nurse, Role::System]).prop_map(RoleSet::of)]
    };
    let purposes = prop_oneof![4 => Just(PurposeSet::NONE), 1 => Just(PurposeSet::of(Purpose::Treatment))];
    let kinds = prop_oneof![2 => Just(CategorySet::NONE), 1 => Just(CategorySet::of(Category::Laboratory))];
    let labels = prop_oneof![4 => Just(Labels::NONE), 1 => Just(Labels::of(Label::Psy).with(Label::Hiv))];
    let what = (kinds, departments(), roles(), labels);
    let nested = provisions(kind.opposite(), levels - 1);
    let one = (who, roles(), purposes, what, a_period(), a_period(), nested).prop_map(
        move |(
            viewers,
            roles,
            purposes,
            (categories, departments, author_roles, labels),
            data_period,
            period,
            nested,
        )| {
            Provision {
                kind,
                viewers,
                roles,
                purposes,
                categories,
                departments,
                author_roles,
                labels,
                data_period,
                period,
                nested,
            }
        },
    );
    let least = usize::from(levels == LEVELS);
    proptest::collection::vec(one, least..3).boxed()
}
const LEVELS: usize = 3;
pub fn exceptions() -> BoxedStrategy<Exceptions> {
    prop_oneof![3 => Just(Exceptions::none()),
        2 => provisions(ProvisionKind::Deny, LEVELS).prop_map(|tree| Exceptions::new(tree).unwrap())]
    .boxed()
}
pub fn a_consent() -> BoxedStrategy<Consent> {
    let state = prop_oneof![12 => Just(ConsentState::Active), 1 => select(ConsentState::ALL.to_vec())];
    let supersedes = prop_oneof![7 => Just(None), 1 => a_consent_id().prop_map(|id| Some(cid(id)))];
    let taker = prop_oneof![2 => Just("reception"), 1 => select(&FACILITIES[..4])];
    // Of age in the days that happen here: a birthday 18 years before one of them.
    let minor = (0..6_u8, any::<bool>()).prop_map(|(at, born)| {
        let born = born.then(|| jiff::civil::date(1952, 1, 1 + at as i8));
        (Signer::Representative, Box::new(Paper { born, ..Paper::default() }))
    });
    let signed = prop_oneof![4 => Just((Signer::Patient, Box::default())), 1 => minor];
    let beside = (supersedes, taker, signed, exceptions());
    (plain_consent(), state, beside)
        .prop_map(|(plain, state, (supersedes, taken_by, (signer, paper), exceptions))| {
            let taken_by = fid(taken_by);
            Consent { state, supersedes, taken_by, signer, paper, exceptions, signed_at: day(-1), ..plain }
        })
        .boxed()
}
fn plain_consent() -> BoxedStrategy<Consent> {
    let state = Just(ConsentState::Active);
    let purposes = prop_oneof![4 => Just(PurposeSet::all()), 1 => Just(PurposeSet::NONE),
        3 => Just(PurposeSet::of(Purpose::Treatment))];
    let what = (categories(), departments(), labels(), purposes);
    (a_consent_id(), a_patient(), viewers(), state, a_period(), a_period(), what)
        .prop_map(|(id, patient, viewers, state, period, data_period, (categories, departments, labels, purposes))| {
            Consent {
                state,
                period,
                data_period,
                categories,
                departments,
                labels,
                purposes,
                ..consent(id, patient, viewers)
            }
        })
        .boxed()
}
pub fn an_event() -> BoxedStrategy<Body> {
    let kind = || select(vec![FacilityKind::Hospital, FacilityKind::Clinic, FacilityKind::Pharmacy]);
    let status = prop_oneof![7 => Just(FacilityStatus::Active), 1 => Just(FacilityStatus::Inactive)];
    let role = select(vec![Role::Physician, Role::Nurse, Role::Clerk]);
    let link_id = || (0..5).prop_map(|at| format!("link-{at}"));
    prop_oneof![
        8 => a_rare_event(),
        2 => (a_facility(), kind(), status).prop_map(|(id, kind, status)| facility(id, kind, status)),
        2 => (select(&MEMBERS[..]), a_facility(), role, a_period()).prop_map(|(id, at, role, p)| member(id, at, role, p)),
        6 => a_scope(),
        3 => (link_id(), a_patient(), a_patient()).prop_map(|(id, a, b)| link(&id, a, b)),
        1 => link_id().prop_map(|id| unlink(&id)),
        9 => a_consent().prop_map(given),
        2 => (a_consent_id(), a_patient()).prop_map(|(id, patient)| withdrawn(id, patient)),
    ]
    .boxed()
}
fn a_scope() -> BoxedStrategy<Body> {
    let kinds = prop_oneof![2 => Just(FacilityKindSet::all()),
        1 => select(FacilityKind::ALL).prop_map(FacilityKindSet::of)];
    let glass = (kinds, select(vec![Role::Physician, Role::Nurse]))
        .prop_map(|(viewer_kinds, role)| BreakGlassRule { viewer_kinds, viewer_roles: RoleSet::of(role) });
    let glass = proptest::collection::vec(glass, 0..3);
    let guardians = select(GuardianConsents::ALL.to_vec());
    (a_facility(), proptest::collection::vec(a_rule(), 0..3), glass, guardians)
        .prop_map(|(id, rules, break_glass, guardian_consents)| {
            let scope = DisclosureScope { break_glass, guardian_consents, ..DisclosureScope::of(fid(id), rules) };
            Body::Directory(DirectoryChange::Scope(scope))
        })
        .boxed()
}
/// Releases, broken glasses, agreements, kinships.
fn a_rare_event() -> BoxedStrategy<Body> {
    let glass_id = || select(vec!["b-1", "b-2", "b-3"]);
    // Mostly somebody who is there, so that the glass is theirs to break.
    let who = prop_oneof![
        2 => Just(("clinic-c", "dr-1", Role::Physician)), 1 => Just(("hosp-b", "nurse-3", Role::Nurse)),
        1 => (a_facility(), select(&MEMBERS[..]), select(vec![Role::Physician, Role::Nurse, Role::Clerk])),
    ];
    let breaks = (glass_id(), who, a_patient(), a_moment())
        .prop_filter("of another's patient", |(_, (at, ..), patient, _)| fid(at) != *patient.facility())
        .prop_map(|(id, who, patient, from)| glass(id, who, patient, from));
    let outcome = select(ReviewOutcome::ALL);
    let agreement_id = || select(vec!["a-1", "a-2"]);
    let members = prop_oneof![1 => Just(Vec::new()), 1 => proptest::collection::vec(select(&MEMBERS[..]), 1..3)];
    let kin_id = || select(vec!["k-1", "k-2"]);
    prop_oneof![
        6 => breaks,
        1 => (glass_id(), a_facility(), a_patient()).prop_map(|(id, at, patient)| glass_closed(id, at, patient)),
        1 => (glass_id(), a_facility(), a_patient(), outcome)
            .prop_map(|(id, at, patient, outcome)| glass_reviewed(id, at, patient, outcome)),
        2 => (a_patient(), categories(), a_moment()).prop_map(|(patient, what, until)| released(patient, what, until)),
        3 => (agreement_id(), a_facility(), a_facility(), members, a_period())
            .prop_map(|(id, at, source, members, period)| agreement(id, at, source, &members, period)),
        1 => (agreement_id(), a_facility()).prop_map(|(id, at)| agreement_ended(id, at)),
        1 => (kin_id(), a_patient(), a_patient()).prop_filter("two refs", |(_, a, b)| a != b)
            .prop_map(|(id, mother, newborn)| kinship(id, mother, newborn)),
        1 => (kin_id(), a_patient()).prop_map(|(id, mother)| kinship_ended(id, mother)),
    ]
    .boxed()
}
/// Consents of patient 001 that open everything, so that what happens next decides.
fn open_consents() -> Vec<Body> {
    let everything = |consent| Consent { labels: Labels::all(), purposes: PurposeSet::all(), ..consent };
    let open = |id| given(everything(consent("c-open", patient(id, "001"), Viewers::AllMembers)));
    FACILITIES[..4].iter().copied().map(open).collect()
}
/// A region with rarer things under way: guardians' consents near majority, a consent that takes another's place, one
/// withdrawn, and glasses broken by somebody who may and by somebody who may not.
fn a_strained_region() -> impl Strategy<Value = Vec<Body>> {
    let day_of = || (0..5_i64).prop_map(day);
    let kind = select(vec![FacilityKind::Clinic, FacilityKind::Hospital]);
    let guardians = select(GuardianConsents::ALL.to_vec());
    let odds = (proptest::bool::weighted(0.25), proptest::bool::weighted(0.3), any::<bool>());
    (day_of(), day_of(), 2..6_i8, guardians, kind, odds).prop_map(|(one, other, birthday, guardians, kind, odds)| {
        let (holds, closes, ends) = odds;
        let hospital = || patient("hosp-a", "001");
        let mut events = region();
        let glass_rule =
            BreakGlassRule { viewer_kinds: FacilityKindSet::of(kind), viewer_roles: RoleSet::of(Role::Physician) };
        for source in ["hosp-a", "hosp-b"] {
            // One of them keeps what is sensitive even in an emergency.
            let labels = if source == "hosp-a" { Labels::all() } else { Labels::NONE };
            let hold_back = if holds { HoldBack::UntilReleased } else { HoldBack::None };
            let rule = ScopeRule { labels, hold_back, ..open_rule() };
            let scope = DisclosureScope {
                break_glass: vec![glass_rule],
                guardian_consents: guardians,
                ..DisclosureScope::of(fid(source), vec![rule])
            };
            events.push(Body::Directory(DirectoryChange::Scope(scope)));
            for (id, member, later) in [
                ("b-1", "dr-1", 0),
                ("b-4", "dr-1", DAY),
                ("b-5", "dr-1", 2 * DAY),
                ("b-6", "dr-2", 0),
                ("b-7", "dr-2", DAY),
            ] {
                let breaker = ("clinic-c", member, Role::Physician);
                events.push(glass(id, breaker, patient(source, "001"), one.plus_micros(later)));
            }
        }
        events.push(glass_closed("b-3", "clinic-c", hospital()));
        events.push(glass("b-2", ("hosp-b", "nurse-3", Role::Nurse), hospital(), other));
        let born = Some(jiff::civil::date(1952, 1, birthday));
        events.push(given(Consent {
            signer: Signer::Representative,
            paper: Box::new(Paper { born, ..Paper::default() }),
            signed_at: day(-1),
            purposes: PurposeSet::all().without(PurposeSet::of(Purpose::BreakGlass)),
            ..consent("c-guardian", hospital(), to(&["pharmacy-d", "clinic-c"]))
        }));
        // Laboratory results are released, documents are not; a consent by proxy, with an agreement that ends.
        if holds {
            events.push(released(hospital(), CategorySet::of(Category::Laboratory), one));
            events.push(released(patient("hosp-b", "001"), CategorySet::of(Category::Laboratory), other));
        }
        let by_proxy = consent("c-proxy", patient("hosp-b", "001"), to(&["clinic-c"]));
        events.push(given(Consent { taken_by: fid("hosp-b"), ..by_proxy }));
        events.push(agreement("a-1", "clinic-c", "hosp-b", &[], Period::new(None, Some(other)).unwrap()));
        if closes {
            events.push(glass_closed("b-4", "clinic-c", hospital()));
            events.push(glass_reviewed("b-5", "clinic-c", hospital(), ReviewOutcome::Unjustified));
        }
        if ends {
            events.push(agreement_ended("a-1", "clinic-c"));
        }
        events.push(given(consent("c-old", patient("hosp-b", "001"), to(&["pharmacy-d"]))));
        let new = consent("c-new", patient("hosp-b", "001"), to(&["hosp-a"]));
        events.push(given(Consent { supersedes: Some(cid("c-old")), labels: Labels::all(), ..new }));
        events.push(given(consent("c-gone", patient("clinic-c", "001"), to(&["pharmacy-d"]))));
        events.push(withdrawn("c-gone", patient("clinic-c", "001")));
        events
    })
}
/// Mostly a region at work and then what happens to it; sometimes events out of nothing.
pub fn a_history() -> BoxedStrategy<Vec<Body>> {
    let start = prop_oneof![
        5 => Just([region(), open_consents()].concat()),
        5 => Just(region()),
        10 => a_strained_region(),
        1 => Just(Vec::new()),
    ];
    (start, proptest::collection::vec(an_event(), 0..20)).prop_map(|(start, events)| [start, events].concat()).boxed()
}
pub fn a_sample() -> BoxedStrategy<Sample> {
    let category = select(vec![Category::Laboratory, Category::Document]);
    let department = proptest::option::of(select(vec!["01", "02", "03"]).prop_map(dept));
    let author = prop_oneof![2 => Just(Role::Physician), 1 => Just(Role::Nurse)];
    let undelivered = Just(Labels::of(Label::Undelivered));
    let labels =
        prop_oneof![5 => Just(Labels::NONE), 5 => labels(), 1 => Just(Labels::of(Label::Lts)), 1 => undelivered];
    (a_patient(), category, department, author, labels, a_moment(), a_moment())
        .prop_map(|(patient, category, department, author_role, labels, occurred, recorded)| {
            let source = patient.facility().clone();
            let class = ScopeClass { source, category, department, author_role, labels };
            Sample { patient, class, occurred, recorded }
        })
        .boxed()
}
pub fn samples() -> impl Strategy<Value = Vec<Sample>> {
    proptest::collection::vec(a_sample(), 1..8)
}
