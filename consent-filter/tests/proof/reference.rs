//! The whole rule, slow and obvious: every answer is worked out anew from the plain list of events.
//! It shares no code with the book.

use consent_filter::Reason::{self, *};
use consent_filter::ScopeClass;
use model::*;

/// One record, as far as decisions go.
#[derive(Clone, Debug)]
pub struct Sample {
    pub patient: PatientRef,
    pub class: ScopeClass,
    pub occurred: Moment,
    pub recorded: Moment,
}

const CLINICAL: [Role; 7] = [
    Role::Physician,
    Role::Dentist,
    Role::Nurse,
    Role::Midwife,
    Role::Pharmacist,
    Role::LaboratoryStaff,
    Role::CareManager,
];

fn facility<'a>(log: &'a [Body], id: &FacilityId) -> Option<&'a Facility> {
    log.iter().rev().find_map(|body| match body {
        Body::Directory(DirectoryChange::Facility(facility)) if facility.id == *id => Some(facility),
        _ => None,
    })
}

fn member<'a>(log: &'a [Body], id: &MemberId) -> Option<&'a Member> {
    log.iter().rev().find_map(|body| match body {
        Body::Directory(DirectoryChange::Member(member)) if member.id == *id => Some(member),
        _ => None,
    })
}

fn rules<'a>(log: &'a [Body], id: &FacilityId) -> &'a [ScopeRule] {
    let scope = log.iter().rev().find_map(|body| match body {
        Body::Directory(DirectoryChange::Scope(scope)) if scope.facility == *id => Some(scope),
        _ => None,
    });
    scope.map(|scope| scope.rules.as_slice()).unwrap_or_default()
}

/// Which state may follow which.
fn may_follow(now: ConsentState, next: ConsentState) -> bool {
    use ConsentState::*;
    match now {
        Draft => true,
        Signed => next != Draft,
        Received => ![Draft, Signed].contains(&next),
        Activated => [Activated, Active, Rejected, Superseded].contains(&next),
        Active => [Active, Rejected, Superseded].contains(&next),
        Rejected => next == Rejected,
        Superseded => next == Superseded,
    }
}

/// A patient's consent and how it stands.
struct Held<'a> {
    id: ConsentId,
    /// As last stated; absent for an id that was superseded before it was stated.
    stated: Option<&'a Consent>,
    state: ConsentState,
    withdrawn: bool,
}

/// The patient's consents as last stated, as far as their states allowed it, while their id was not withdrawn.
fn consents<'a>(log: &'a [Body], patient: &PatientRef) -> Vec<Held<'a>> {
    let mut held: Vec<Held<'a>> = Vec::new();
    let mut withdrawn: Vec<&ConsentId> = Vec::new();
    for body in log {
        match body {
            Body::Consent(ConsentChange::Given(c)) if c.patient == *patient && !withdrawn.contains(&&c.id) => {
                match held.iter_mut().find(|other| other.id == c.id) {
                    Some(other) if !may_follow(other.state, c.state) => continue,
                    Some(other) => (other.stated, other.state) = (Some(c), c.state),
                    None if c.state == ConsentState::Superseded => continue,
                    None => held.push(Held { id: c.id.clone(), stated: Some(c), state: c.state, withdrawn: false }),
                }
                let takes = c.supersedes.as_ref().filter(|id| c.state == ConsentState::Active && **id != c.id);
                let Some(id) = takes else { continue };
                match held.iter_mut().find(|other| other.id == *id) {
                    Some(other) if other.state == ConsentState::Rejected => {}
                    Some(other) => other.state = ConsentState::Superseded,
                    None if withdrawn.contains(&id) => {}
                    None => {
                        let state = ConsentState::Superseded;
                        held.push(Held { id: id.clone(), stated: None, state, withdrawn: false });
                    }
                }
            }
            Body::Consent(ConsentChange::Withdrawn(w)) if w.patient == *patient => {
                withdrawn.push(&w.id);
                held.iter_mut().filter(|other| other.id == w.id).for_each(|other| other.withdrawn = true);
            }
            _ => {}
        }
    }
    held
}

/// Whether a provision matches: what is not known meets a deny's list and no permit's.
fn matches(log: &[Body], node: &Provision, record: &Sample, viewer: &Principal, moment: Moment) -> bool {
    let deny = node.kind == ProvisionKind::Deny;
    let machine = viewer.role == Role::System;
    let person = if machine { None } else { viewer.member.as_ref() };
    let whom = match &node.viewers {
        None | Some(Viewers::AllMembers) => true,
        Some(Viewers::Facilities(ids)) => ids.contains(&viewer.facility),
        Some(Viewers::Practitioners(ids)) => match person {
            Some(person) => ids.contains(person),
            None => deny && ids.iter().any(|id| member(log, id).is_some_and(|m| m.facility == viewer.facility)),
        },
    };
    let role = if node.roles.is_empty() || node.roles.contains(viewer.role) {
        true
    } else if machine && deny {
        CLINICAL.iter().any(|role| node.roles.contains(*role))
    } else {
        machine && CLINICAL.iter().all(|role| node.roles.contains(*role))
    };
    let department = match &record.class.department {
        _ if node.departments.is_empty() => true,
        None => deny,
        Some(code) => node.departments.contains(code),
    };
    let author = node.author_roles.is_empty()
        || node.author_roles.contains(record.class.author_role)
        || (record.class.author_role == Role::System && deny);
    let labels = node.labels.is_empty()
        || Label::ALL.iter().any(|label| node.labels.contains(*label) && record.class.labels.contains(*label));
    whom && role
        && department
        && author
        && labels
        && (node.purposes.is_empty() || node.purposes.contains(viewer.purpose))
        && (node.categories.is_empty() || node.categories.contains(record.class.category))
        && node.data_period.contains(record.occurred)
        && node.period.contains(moment)
}

/// Whether the tree under an outer kind permits: siblings that match are all worked out, and one deny is enough.
fn permits(
    log: &[Body],
    nodes: &[Provision],
    outer: ProvisionKind,
    record: &Sample,
    (viewer, moment): (&Principal, Moment),
) -> bool {
    let matching = nodes.iter().filter(|node| matches(log, node, record, viewer, moment));
    let answers: Vec<bool> =
        matching.map(|node| permits(log, &node.nested, node.kind, record, (viewer, moment))).collect();
    if answers.is_empty() { outer == ProvisionKind::Permit } else { answers.iter().all(|permitted| *permitted) }
}

/// Whether the viewer's facility has agreed to be named in consents that `source` takes.
fn agreed(log: &[Body], source: &FacilityId, viewer: &Principal, moment: Moment) -> bool {
    let mut agreements: Vec<&ViewerAgreement> = Vec::new();
    let mut ended: Vec<&AgreementId> = Vec::new();
    for body in log {
        match body {
            Body::Directory(DirectoryChange::Agreement(AgreementChange::Stated(a)))
                if a.facility == viewer.facility && !ended.contains(&&a.id) =>
            {
                agreements.retain(|other| other.id != a.id);
                agreements.push(a);
            }
            Body::Directory(DirectoryChange::Agreement(AgreementChange::Ended(end)))
                if end.facility == viewer.facility =>
            {
                agreements.retain(|other| other.id != end.id);
                ended.push(&end.id);
            }
            _ => {}
        }
    }
    let person = viewer.member.as_ref().filter(|_| viewer.role != Role::System);
    agreements.iter().any(|a| {
        a.source == *source
            && a.period.contains(moment)
            && (a.members.is_empty() || person.is_some_and(|person| a.members.contains(person)))
    })
}

/// The glasses this viewer has broken over the patient, and whether each is closed. The first statement of an id stands.
fn glasses<'a>(log: &'a [Body], patient: &PatientRef, viewer: &Principal) -> Vec<(&'a BreakGlass, bool)> {
    let mut broken: Vec<(&BreakGlass, bool)> = Vec::new();
    let mut barred: Vec<&GlassId> = Vec::new();
    for body in log {
        match body {
            Body::Consent(ConsentChange::GlassBroken(g))
                if g.patient == *patient
                    && g.facility == viewer.facility
                    && !barred.contains(&&g.id)
                    && broken.iter().all(|(other, _)| other.id != g.id) =>
            {
                broken.push((g, false));
            }
            Body::Consent(ConsentChange::GlassClosed(end))
                if end.patient == *patient && end.facility == viewer.facility =>
            {
                match broken.iter_mut().find(|(g, _)| g.id == end.id) {
                    Some(known) => known.1 = true,
                    None => barred.push(&end.id),
                }
            }
            Body::Consent(ConsentChange::GlassReviewed(r))
                if r.patient == *patient && r.facility == viewer.facility =>
            {
                let known = broken.iter_mut().find(|(g, _)| g.id == r.id);
                if let Some(known) = known.filter(|_| r.outcome == ReviewOutcome::Unjustified) {
                    known.1 = true;
                }
            }
            _ => {}
        }
    }
    broken.retain(|(g, _)| viewer.member.as_ref() == Some(&g.member) && viewer.role == g.role);
    broken
}

/// Whether the source has released the record.
fn is_released(log: &[Body], record: &Sample) -> bool {
    record.class.labels.contains(Label::Released)
        || log.iter().any(|body| {
            matches!(body, Body::Consent(ConsentChange::Released(r))
                if r.patient == record.patient
                    && r.categories.contains(record.class.category)
                    && record.recorded <= r.recorded_until)
        })
}

/// All refs that links join to this one, itself among them.
pub fn person(log: &[Body], patient: &PatientRef) -> Vec<PatientRef> {
    let mut links: Vec<Link> = Vec::new();
    let mut barred: Vec<LinkId> = Vec::new();
    for body in log {
        match body {
            Body::Directory(DirectoryChange::Link(LinkChange::Linked(link))) if !barred.contains(&link.id) => {
                links.retain(|other| other.id != link.id);
                links.push(link.clone());
            }
            Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink))) => {
                links.retain(|other| other.id != unlink.id);
                barred.push(unlink.id.clone());
            }
            _ => {}
        }
    }
    let mut refs = vec![patient.clone()];
    let mut at = 0;
    while at < refs.len() {
        let here = refs[at].clone();
        for link in &links {
            for (from, to) in [(&link.a, &link.b), (&link.b, &link.a)] {
                if *from == here && !refs.contains(to) {
                    refs.push(to.clone());
                }
            }
        }
        at += 1;
    }
    refs
}

/// Keeps what passes a gate; nothing left is the reason.
fn gate<T>(left: &mut Vec<T>, reason: Reason, passes: impl Fn(&T) -> bool) -> Result<(), Reason> {
    left.retain(passes);
    if left.is_empty() { Err(reason) } else { Ok(()) }
}

/// On which grounds a record is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Grounds {
    /// It is the viewing facility's own.
    Own,
    /// The earliest stated consent that permits, and the first rule that does.
    Shared { consent: ConsentId, rule: usize },
    /// The earliest broken glass that permits, and the first rule that does.
    BrokenGlass { glass: GlassId, rule: usize },
}

/// May this principal see this record, after these events, at this moment?
pub fn decide(log: &[Body], record: &Sample, viewer: &Principal, moment: Moment) -> Result<(), Reason> {
    judge(log, record, viewer, moment).map(|_| ())
}

/// May they, and on which grounds or for which reason not?
pub fn judge(log: &[Body], record: &Sample, viewer: &Principal, moment: Moment) -> Result<Grounds, Reason> {
    let class = &record.class;
    let has = |label: Label| class.labels.contains(label);
    let said = |labels: Labels| {
        Label::ALL.iter().all(|l| !has(*l) || !Labels::NEED_SAYING.contains(*l) || labels.contains(*l))
    };
    let in_department =
        |listed: &[DepartmentCode]| listed.is_empty() || class.department.as_ref().is_some_and(|d| listed.contains(d));

    let at = facility(log, &viewer.facility).ok_or(ViewerUnknown)?;
    if at.status != FacilityStatus::Active {
        return Err(ViewerInactive);
    }
    if let Some(id) = &viewer.member {
        let person = member(log, id).filter(|m| m.facility == viewer.facility).ok_or(MemberUnknown)?;
        if !person.period.contains(moment) {
            return Err(MemberInactive);
        }
        if person.role != viewer.role {
            return Err(RoleNotHeld);
        }
    }
    if viewer.role == Role::Patient && has(Label::Uninformed) {
        return Err(Uninformed);
    }
    if viewer.role != Role::System && !CLINICAL.contains(&viewer.role) {
        return Err(RoleNotClinical);
    }
    if class.source == viewer.facility {
        return Ok(Grounds::Own);
    }
    if facility(log, &class.source).is_none_or(|source| source.status != FacilityStatus::Active) {
        return Err(SourceInactive);
    }
    if has(Label::Undelivered) {
        return Err(Undelivered);
    }

    let opened = match consented(log, record, viewer, moment) {
        Ok(consent) => Ok(consent),
        Err(unconsented) => {
            Err(broken_glass(log, record, viewer, moment).map_err(|reason| reason.unwrap_or(unconsented))?)
        }
    };

    let mut left: Vec<(usize, &ScopeRule)> = rules(log, &class.source).iter().enumerate().collect();
    gate(&mut left, NoScope, |_| true)?;
    gate(&mut left, OutOfScope, |(_, rule)| {
        let role_fits = |role: &Role| rule.viewer_roles.contains(*role);
        rule.categories.contains(class.category)
            && in_department(&rule.departments)
            && rule.author_roles.contains(class.author_role)
            && rule.viewer_kinds.contains(at.kind)
            && (role_fits(&viewer.role) || viewer.role == Role::System && CLINICAL.iter().any(role_fits))
    })?;
    gate(&mut left, ScopeLabel, |(_, rule)| said(rule.labels))?;
    gate(&mut left, ScopeSince, |(_, rule)| rule.since.is_none_or(|since| since <= record.occurred))?;
    gate(&mut left, HeldBack, |(_, rule)| match rule.hold_back {
        HoldBack::None => true,
        HoldBack::Days(days) => record.recorded.micros() + i64::from(days) * 86_400_000_000 <= moment.micros(),
        HoldBack::UntilReleased => true,
    })?;
    gate(&mut left, HeldUntilRelease, |(_, rule)| {
        rule.hold_back != HoldBack::UntilReleased || is_released(log, record)
    })?;

    let linked = person(log, &record.patient).iter().any(|other| *other.facility() == viewer.facility);
    let rule = left[0].0;
    match (linked, opened) {
        (false, _) => Err(NotLinked),
        (true, Ok(consent)) => Ok(Grounds::Shared { consent, rule }),
        (true, Err(glass)) => Ok(Grounds::BrokenGlass { glass, rule }),
    }
}

fn scope<'a>(log: &'a [Body], id: &FacilityId) -> Option<&'a DisclosureScope> {
    log.iter().rev().find_map(|body| match body {
        Body::Directory(DirectoryChange::Scope(scope)) if scope.facility == *id => Some(scope),
        _ => None,
    })
}

/// The first day of somebody's 19th year of life, in Japan; 1 March for a 29 February.
fn birthday_18(born: jiff::civil::Date) -> Moment {
    let (month, day) = if (born.month(), born.day()) == (2, 29) { (3, 1) } else { (born.month(), born.day()) };
    Moment::parse(&format!("{:04}-{month:02}-{day:02}", born.year() + 18)).unwrap()
}

/// The patient's gate.
fn consented(log: &[Body], record: &Sample, viewer: &Principal, moment: Moment) -> Result<ConsentId, Reason> {
    let class = &record.class;
    let said = |labels: Labels| {
        let needs = |label: &&Label| class.labels.contains(**label) && Labels::NEED_SAYING.contains(**label);
        Label::ALL.iter().filter(needs).all(|label| labels.contains(*label))
    };
    let in_department =
        |listed: &[DepartmentCode]| listed.is_empty() || class.department.as_ref().is_some_and(|d| listed.contains(d));
    let works_here = |id: &MemberId| member(log, id).is_some_and(|m| m.facility == viewer.facility);
    let held = consents(log, &record.patient);
    let mut left: Vec<(&Consent, ConsentState, bool)> =
        held.iter().filter_map(|held| Some((held.stated?, held.state, held.withdrawn))).collect();
    gate(&mut left, NoConsent, |(c, ..)| match &c.viewers {
        Viewers::AllMembers => true,
        Viewers::Facilities(ids) => ids.contains(&viewer.facility),
        Viewers::Practitioners(ids) => ids.iter().any(works_here),
    })?;
    gate(&mut left, MemberNotNamed, |(c, ..)| match &c.viewers {
        Viewers::Practitioners(ids) => {
            viewer.role != Role::System && viewer.member.as_ref().is_some_and(|id| ids.contains(id))
        }
        _ => true,
    })?;
    gate(&mut left, NoViewerAgreement, |(c, ..)| {
        let by_proxy = c.taken_by == *c.patient.facility() && c.viewers != Viewers::AllMembers;
        !by_proxy || agreed(log, c.patient.facility(), viewer, moment)
    })?;
    gate(&mut left, ConsentWithdrawn, |(_, _, withdrawn)| !withdrawn)?;
    gate(&mut left, ConsentSuperseded, |(_, state, _)| *state != ConsentState::Superseded)?;
    gate(&mut left, ConsentNotActive, |(_, state, _)| *state == ConsentState::Active)?;
    gate(&mut left, ConsentNotBegun, |(c, ..)| c.period.from().is_none_or(|from| from <= moment))?;
    gate(&mut left, ConsentExpired, |(c, ..)| c.period.until().is_none_or(|until| moment < until))?;
    gate(&mut left, GuardianConsentEnded, |(c, ..)| {
        let stops = scope(log, &class.source).is_some_and(|s| s.guardian_consents == GuardianConsents::Stop);
        let majority = c.paper.born.filter(|_| c.signer == Signer::Representative).map(birthday_18);
        !(stops && majority.is_some_and(|majority| c.signed_at < majority && majority <= moment))
    })?;
    gate(&mut left, PurposeNotCovered, |(c, ..)| c.purposes.contains(viewer.purpose))?;
    gate(&mut left, DataPeriod, |(c, ..)| c.data_period.contains(record.occurred))?;
    gate(&mut left, CategoryNotConsented, |(c, ..)| c.categories.contains(class.category))?;
    gate(&mut left, DepartmentNotConsented, |(c, ..)| in_department(&c.departments))?;
    gate(&mut left, LabelNotConsented, |(c, ..)| said(c.labels))?;
    gate(&mut left, DeniedByException, |(c, ..)| {
        permits(log, c.exceptions.provisions(), ProvisionKind::Permit, record, (viewer, moment))
    })?;
    Ok(left[0].0.id.clone())
}

/// What stands in for consent in an emergency; without a glass of this viewer there is no reason of its own.
fn broken_glass(log: &[Body], record: &Sample, viewer: &Principal, moment: Moment) -> Result<GlassId, Option<Reason>> {
    if viewer.purpose != Purpose::BreakGlass {
        return Err(None);
    }
    let mut left = glasses(log, &record.patient, viewer);
    if left.is_empty() {
        return Err(None);
    }
    let kind = facility(log, &viewer.facility).map(|at| at.kind);
    let rules = scope(log, &record.class.source).map(|s| s.break_glass.clone()).unwrap_or_default();
    gate(&mut left, BreakGlassNotBegun, |(g, _)| g.from() <= moment)?;
    gate(&mut left, BreakGlassExpired, |(g, closed)| !closed && moment < g.until())?;
    gate(&mut left, NotPreauthorisedForBreakGlass, |(g, _)| {
        let allows = |rule: &BreakGlassRule| {
            kind.is_some_and(|kind| rule.viewer_kinds.contains(kind)) && rule.viewer_roles.contains(g.role)
        };
        rules.iter().any(allows)
    })?;
    Ok(left[0].0.id.clone())
}

/// A record as far as decisions go.
pub fn sample(record: &Record) -> Sample {
    let class = ScopeClass {
        source: record.patient.facility().clone(),
        category: record.category(),
        department: record.department.clone(),
        author_role: record.author.role,
        labels: record.labels,
    };
    Sample { patient: record.patient.clone(), class, occurred: record.occurred, recorded: record.recorded }
}

/// The records that stand: of each id the highest version, the earlier letter of two with the same one; none that was
/// taken back. In the order in which the ids came first, with the place in the log of the letter that holds.
pub fn standing(log: &[Body]) -> Vec<(usize, &Record)> {
    let mut held: Vec<(usize, &Record)> = Vec::new();
    for (at, body) in log.iter().enumerate() {
        let Body::Record(record) = body else { continue };
        match held.iter_mut().find(|(_, other)| other.reference() == record.reference()) {
            None => held.push((at, record)),
            Some((_, other)) if record.version <= other.version => {}
            Some(other) => *other = (at, record),
        }
    }
    held.retain(|(_, record)| record.change() != ChangeKind::Delete);
    held
}
