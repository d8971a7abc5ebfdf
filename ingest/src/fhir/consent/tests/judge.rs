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

/// What siblings come to that are exceptions to something of `outer`: each that matches is permit or deny after its own
/// exceptions, and deny wins.
fn decided(exceptions: &[Provision], outer: ProvisionKind, request: &Request) -> ProvisionKind {
    let matching = exceptions.iter().filter(|provision| matches(provision, request));
    let said: Vec<_> = matching.map(|provision| decided(&provision.nested, provision.kind, request)).collect();
    if said.contains(&ProvisionKind::Deny) {
        ProvisionKind::Deny
    } else if said.contains(&ProvisionKind::Permit) {
        ProvisionKind::Permit
    } else {
        outer
    }
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
