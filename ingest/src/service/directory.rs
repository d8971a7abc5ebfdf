//! `DirectoryService`: facilities, members, scopes and links.

use super::consent::own_facility;
use super::{denied, moment_or_now, of_wire, page_size, principal_of, required, settled, speaker, store, trace_of};
use crate::admission::Admission;
use crate::authority::{keeps_consents, reads_directory_of};
use event_log::TraceContext;
use model::{
    AgreementChange, AgreementEnd, Body, DirectoryChange, DisclosureScope, Facility, FacilityId, Kinship,
    KinshipChange, KinshipEnd, Link, LinkChange, LinkId, Member, PatientRef, Principal, Unlink, ViewerAgreement,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};
use wire::v1::directory_service_server::DirectoryService;
use wire::{WireError, v1};

/// `DirectoryService` over the door.
#[derive(Clone, Debug)]
pub struct Directory {
    admission: Arc<Admission>,
}

type Answer = Result<Response<v1::DirectoryResponse>, Status>;

impl Directory {
    /// The service over this door.
    pub fn new(admission: Arc<Admission>) -> Self {
        Self { admission }
    }

    async fn change(
        &self,
        principal: &Principal,
        change: DirectoryChange,
        request_id: &str,
        trace: Option<TraceContext>,
    ) -> Answer {
        let stored = store(&self.admission, principal, Body::Directory(change), request_id, trace).await?;
        Ok(Response::new(stored.into()))
    }
}

/// The facility a read asks for; the caller's where it does not say.
fn facility_of(principal: &Principal, asked: &str) -> Result<FacilityId, Status> {
    if asked.is_empty() {
        return Ok(principal.facility.clone());
    }
    let facility = FacilityId::parse(asked).map_err(|error| of_wire(&WireError::new("facility", error)))?;
    if reads_directory_of(principal, &facility) {
        Ok(facility)
    } else {
        Err(denied("`facility`: only the facility itself or an administrator may read this"))
    }
}

fn within(field: &'static str) -> impl Fn(WireError) -> Status {
    move |error| of_wire(&error.within(field))
}

fn link_id(field: &str, text: &str) -> Result<LinkId, Status> {
    LinkId::parse(text).map_err(|error| of_wire(&WireError::new(field, error)))
}

/// Whoever has no end of a link is not told whether it is there.
pub(super) fn told_of_unlink(principal: &Principal, known: Option<&Link>) -> Result<(), Status> {
    let ends_here = |link: &Link| [&link.a, &link.b].iter().any(|end| *end.facility() == principal.facility);
    if known.is_some_and(ends_here) {
        Ok(())
    } else {
        Err(Status::not_found("no such link is known to the caller's facility"))
    }
}

#[tonic::async_trait]
impl DirectoryService for Directory {
    async fn put_facility(&self, request: Request<v1::PutFacilityRequest>) -> Answer {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::PutFacilityRequest { facility, request_id } = request.into_inner();
        let facility = Facility::try_from(required("facility", facility)?).map_err(within("facility"))?;
        self.change(&principal, DirectoryChange::Facility(facility), &request_id, trace).await
    }

    async fn put_member(&self, request: Request<v1::PutMemberRequest>) -> Answer {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::PutMemberRequest { member, request_id } = request.into_inner();
        let member = Member::try_from(required("member", member)?).map_err(within("member"))?;
        self.change(&principal, DirectoryChange::Member(member), &request_id, trace).await
    }

    async fn put_scope(&self, request: Request<v1::PutScopeRequest>) -> Answer {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::PutScopeRequest { scope, request_id } = request.into_inner();
        let scope = DisclosureScope::try_from(required("scope", scope)?).map_err(within("scope"))?;
        self.change(&principal, DirectoryChange::Scope(scope), &request_id, trace).await
    }

    async fn link(&self, request: Request<v1::LinkRequest>) -> Answer {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::LinkRequest { link, request_id } = request.into_inner();
        let mut link = required("link", link)?;
        link.confirmed_by = speaker("link.confirmed_by", link.confirmed_by, &principal)?;
        link.confirmed_us = moment_or_now(&self.admission, "link.confirmed_us", link.confirmed_us, &request_id)?;
        let link = Link::try_from(link).map_err(within("link"))?;
        self.change(&principal, DirectoryChange::Link(LinkChange::Linked(link)), &request_id, trace).await
    }

    async fn unlink(&self, request: Request<v1::UnlinkRequest>) -> Answer {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::UnlinkRequest { unlink, request_id } = request.into_inner();
        let mut unlink = required("unlink", unlink)?;
        unlink.by = speaker("unlink.by", unlink.by, &principal)?;
        unlink.at_us = moment_or_now(&self.admission, "unlink.at_us", unlink.at_us, &request_id)?;
        let unlink = Unlink::try_from(unlink).map_err(within("unlink"))?;

        let known = settled(|| self.admission.book().link(&unlink.id)).await;
        told_of_unlink(&principal, known.as_ref())?;
        self.change(&principal, DirectoryChange::Link(LinkChange::Unlinked(unlink)), &request_id, trace).await
    }

    async fn put_agreement(&self, request: Request<v1::PutAgreementRequest>) -> Answer {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::PutAgreementRequest { agreement, request_id } = request.into_inner();
        let mut agreement = required("agreement", agreement)?;
        agreement.facility = own_facility(agreement.facility, &principal);
        let agreement = AgreementChange::Stated(ViewerAgreement::try_from(agreement).map_err(within("agreement"))?);
        self.change(&principal, DirectoryChange::Agreement(agreement), &request_id, trace).await
    }

    async fn end_agreement(&self, request: Request<v1::EndAgreementRequest>) -> Answer {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::EndAgreementRequest { end, request_id } = request.into_inner();
        let mut end = required("end", end)?;
        end.facility = own_facility(end.facility, &principal);
        end.at_us = moment_or_now(&self.admission, "end.at_us", end.at_us, &request_id)?;
        let end = AgreementChange::Ended(AgreementEnd::try_from(end).map_err(within("end"))?);
        self.change(&principal, DirectoryChange::Agreement(end), &request_id, trace).await
    }

    async fn put_kinship(&self, request: Request<v1::PutKinshipRequest>) -> Answer {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::PutKinshipRequest { kinship, request_id } = request.into_inner();
        let mut kinship = required("kinship", kinship)?;
        kinship.stated_by = speaker("kinship.stated_by", kinship.stated_by, &principal)?;
        kinship.stated_us = moment_or_now(&self.admission, "kinship.stated_us", kinship.stated_us, &request_id)?;
        let kinship = KinshipChange::Stated(Kinship::try_from(kinship).map_err(within("kinship"))?);
        self.change(&principal, DirectoryChange::Kinship(kinship), &request_id, trace).await
    }

    async fn end_kinship(&self, request: Request<v1::EndKinshipRequest>) -> Answer {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::EndKinshipRequest { end, request_id } = request.into_inner();
        let mut end = required("end", end)?;
        end.by = speaker("end.by", end.by, &principal)?;
        end.at_us = moment_or_now(&self.admission, "end.at_us", end.at_us, &request_id)?;
        let end = KinshipChange::Ended(KinshipEnd::try_from(end).map_err(within("end"))?);
        self.change(&principal, DirectoryChange::Kinship(end), &request_id, trace).await
    }

    async fn list_facilities(
        &self,
        request: Request<v1::ListFacilitiesRequest>,
    ) -> Result<Response<v1::ListFacilitiesResponse>, Status> {
        principal_of(&request)?;
        let v1::ListFacilitiesRequest {} = request.into_inner();
        let facilities = self.admission.book().facilities().iter().map(Into::into).collect();
        Ok(Response::new(v1::ListFacilitiesResponse { facilities }))
    }

    async fn list_members(
        &self,
        request: Request<v1::ListMembersRequest>,
    ) -> Result<Response<v1::ListMembersResponse>, Status> {
        let principal = principal_of(&request)?;
        let v1::ListMembersRequest { facility } = request.into_inner();
        let facility = facility_of(&principal, &facility)?;
        let members = self.admission.book().members(&facility).iter().map(Into::into).collect();
        Ok(Response::new(v1::ListMembersResponse { members }))
    }

    async fn get_scope(&self, request: Request<v1::GetScopeRequest>) -> Result<Response<v1::DisclosureScope>, Status> {
        let principal = principal_of(&request)?;
        let v1::GetScopeRequest { facility } = request.into_inner();
        let facility = facility_of(&principal, &facility)?;
        let scope = self.admission.book().scope(&facility);
        let scope = scope.ok_or_else(|| Status::not_found("the facility has stated no scope and discloses nothing"))?;
        Ok(Response::new((&scope).into()))
    }

    async fn list_links(
        &self,
        request: Request<v1::ListLinksRequest>,
    ) -> Result<Response<v1::ListLinksResponse>, Status> {
        let principal = principal_of(&request)?;
        if !keeps_consents(&principal) {
            return Err(denied("the caller's role reads no links"));
        }
        let v1::ListLinksRequest { patient, page_size: asked, page } = request.into_inner();
        let limit = page_size(asked)?;
        let patient = patient.map(PatientRef::try_from).transpose().map_err(within("patient"))?;
        let after = if page.is_empty() { None } else { Some(link_id("page", &page)?) };
        let (mut links, mut next_page) = (Vec::<v1::Link>::new(), String::new());
        self.admission.book().visit_links(&principal.facility, after.as_ref(), &mut |link| {
            let ends = [&link.a, &link.b];
            let wanted = ends.iter().any(|end| *end.facility() == principal.facility)
                && patient.as_ref().is_none_or(|patient| ends.contains(&patient));
            if wanted {
                links.push(link.into());
            }
            if links.len() == limit {
                next_page = link.id.as_str().to_owned();
            }
            links.len() < limit
        });
        Ok(Response::new(v1::ListLinksResponse { links, next_page }))
    }
}

impl From<super::Stored> for v1::DirectoryResponse {
    fn from(stored: super::Stored) -> Self {
        let super::Stored { position, at_least, duplicate } = stored;
        Self { position: Some(position), at_least: Some(at_least), duplicate }
    }
}
