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

/// The patient's consents as last stated while their id was not withdrawn, and whether it now is.
fn consents<'a>(log: &'a [Body], patient: &PatientRef) -> Vec<(&'a Consent, bool)> {
    let mut given: Vec<(&Consent, bool)> = Vec::new();
    let mut withdrawn: Vec<&ConsentId> = Vec::new();
    for body in log {
        match body {
            Body::Consent(ConsentChange::Given(c)) if c.patient == *patient && !withdrawn.contains(&&c.id) => {
                match given.iter_mut().find(|(other, _)| other.id == c.id) {
                    Some(held) => held.0 = c,
                    None => given.push((c, false)),
                }
            }
            Body::Consent(ConsentChange::Withdrawn(w)) if w.patient == *patient => {
                withdrawn.push(&w.id);
                given.iter_mut().filter(|(c, _)| c.id == w.id).for_each(|held| held.1 = true);
            }
            _ => {}
        }
    }
    given
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

/// May this principal see this record, after these events, at this moment?
pub fn decide(log: &[Body], record: &Sample, viewer: &Principal, moment: Moment) -> Result<(), Reason> {
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
        return Ok(());
    }
    if facility(log, &class.source).is_none_or(|source| source.status != FacilityStatus::Active) {
        return Err(SourceInactive);
    }
    if has(Label::Undelivered) {
        return Err(Undelivered);
    }

    let works_here = |id: &MemberId| member(log, id).is_some_and(|m| m.facility == viewer.facility);
    let mut left = consents(log, &record.patient);
    gate(&mut left, NoConsent, |(c, _)| match &c.viewers {
        Viewers::AllMembers => true,
        Viewers::Facilities(ids) => ids.contains(&viewer.facility),
        Viewers::Practitioners(ids) => ids.iter().any(works_here),
    })?;
    gate(&mut left, MemberNotNamed, |(c, _)| match &c.viewers {
        Viewers::Practitioners(ids) => {
            viewer.role != Role::System && viewer.member.as_ref().is_some_and(|id| ids.contains(id))
        }
        _ => true,
    })?;
    gate(&mut left, ConsentWithdrawn, |(_, withdrawn)| !withdrawn)?;
    gate(&mut left, ConsentNotActive, |(c, _)| c.state == ConsentState::Active)?;
    gate(&mut left, ConsentNotBegun, |(c, _)| c.period.from().is_none_or(|from| from <= moment))?;
    gate(&mut left, ConsentExpired, |(c, _)| c.period.until().is_none_or(|until| moment < until))?;
    gate(&mut left, PurposeNotCovered, |(c, _)| c.purposes.contains(viewer.purpose))?;
    gate(&mut left, DataPeriod, |(c, _)| c.data_period.contains(record.occurred))?;
    gate(&mut left, CategoryNotConsented, |(c, _)| c.categories.contains(class.category))?;
    gate(&mut left, DepartmentNotConsented, |(c, _)| in_department(&c.departments))?;
    gate(&mut left, LabelNotConsented, |(c, _)| said(c.labels))?;

    let mut left: Vec<&ScopeRule> = rules(log, &class.source).iter().collect();
    gate(&mut left, NoScope, |_| true)?;
    gate(&mut left, OutOfScope, |rule| {
        let role_fits = |role: &Role| rule.viewer_roles.contains(*role);
        rule.categories.contains(class.category)
            && in_department(&rule.departments)
            && rule.author_roles.contains(class.author_role)
            && rule.viewer_kinds.contains(at.kind)
            && (role_fits(&viewer.role) || viewer.role == Role::System && CLINICAL.iter().any(role_fits))
    })?;
    gate(&mut left, ScopeLabel, |rule| said(rule.labels))?;
    gate(&mut left, ScopeSince, |rule| rule.since.is_none_or(|since| since <= record.occurred))?;
    gate(&mut left, HeldBack, |rule| match rule.hold_back {
        HoldBack::None => true,
        HoldBack::Days(days) => record.recorded.micros() + i64::from(days) * 86_400_000_000 <= moment.micros(),
        HoldBack::UntilReleased => false,
    })?;

    let linked = person(log, &record.patient).iter().any(|other| *other.facility() == viewer.facility);
    if linked { Ok(()) } else { Err(NotLinked) }
}
