//! What one of our consents answers to a request, by its documentation alone. Scope, links and the directory are open.

use model::*;

/// One request, in the words of the model.
#[derive(Clone, Debug)]
pub struct Request {
    pub facility: FacilityId,
    pub member: Option<MemberId>,
    pub role: Role,
    pub purpose: Purpose,
    pub category: Category,
    pub department: Option<DepartmentCode>,
    pub author: Role,
    pub labels: Labels,
    pub occurred: Moment,
    pub now: Moment,
}

pub fn permits(consent: &Consent, request: &Request) -> bool {
    consent.state == ConsentState::Active
        && names(&consent.viewers, request)
        && consent.period.contains(request.now)
        && consent.data_period.contains(request.occurred)
        && consent.categories.contains(request.category)
        && in_departments(&consent.departments, request)
        && request.labels.intersection(Labels::NEED_SAYING).is_subset(consent.labels)
        && consent.purposes.contains(request.purpose)
        && decided(consent.exceptions.provisions(), ProvisionKind::Permit, request) == ProvisionKind::Permit
}

/// What stands after these exceptions to something of `kind`.
fn decided(exceptions: &[Provision], kind: ProvisionKind, request: &Request) -> ProvisionKind {
    let mut said = exceptions
        .iter()
        .filter(|provision| matches(provision, request))
        .map(|provision| decided(&provision.nested, provision.kind, request))
        .filter(|said| *said != kind);
    if said.next().is_some() { kind.opposite() } else { kind }
}

fn matches(provision: &Provision, request: &Request) -> bool {
    provision.viewers.as_ref().is_none_or(|viewers| names(viewers, request))
        && (provision.roles.is_empty() || provision.roles.contains(request.role))
        && (provision.purposes.is_empty() || provision.purposes.contains(request.purpose))
        && (provision.categories.is_empty() || provision.categories.contains(request.category))
        && in_departments(&provision.departments, request)
        && (provision.author_roles.is_empty() || provision.author_roles.contains(request.author))
        && (provision.labels.is_empty() || !provision.labels.intersection(request.labels).is_empty())
        && provision.data_period.contains(request.occurred)
        && provision.period.contains(request.now)
}

fn names(viewers: &Viewers, request: &Request) -> bool {
    match viewers {
        Viewers::AllMembers => true,
        Viewers::Facilities(ids) => ids.contains(&request.facility),
        Viewers::Practitioners(ids) => request.member.as_ref().is_some_and(|id| ids.contains(id)),
    }
}

fn in_departments(listed: &[DepartmentCode], request: &Request) -> bool {
    listed.is_empty() || request.department.as_ref().is_some_and(|code| listed.contains(code))
}
