//! `ConsentService`: consents stated, withdrawn and read.

use super::{denied, moment_or_now, of_wire, page_size, principal_of, required, settled, speaker, store, trace_of};
use crate::admission::Admission;
use crate::authority::{has_part, keeps_consents};
use crate::book::{Book, ConsentQuery, GlassStanding, Standing};
use event_log::TraceContext;
use model::{
    Body, BreakGlass, BreakGlassEnd, BreakGlassReview, Consent, ConsentChange, ConsentId, ConsentState, FacilityId,
    Moment, PatientRef, Principal, Release, Withdrawal,
};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::consent_service_server::ConsentService;

/// How often and how long apart it is asked for a glass that is not known yet.
const KNOWN_AFTER: usize = 25;
const KNOWN_STEP: Duration = Duration::from_millis(40);

/// `ConsentService` over the door.
#[derive(Clone, Debug)]
pub struct Consents {
    admission: Arc<Admission>,
}

impl Consents {
    /// The service over this door.
    pub fn new(admission: Arc<Admission>) -> Self {
        Self { admission }
    }

    /// Whether the glass of a review is one the facility has a part in. One that was broken a moment ago is waited for.
    async fn comes_to_know(&self, facility: &FacilityId, review: &BreakGlassReview) -> bool {
        for _ in 0..KNOWN_AFTER {
            let mut known = false;
            self.admission.book().visit_glasses(facility, &mut |standing| {
                let glass = &standing.glass;
                known = (&glass.id, &glass.facility, &glass.patient) == (&review.id, &review.facility, &review.patient);
                !known
            });
            if known {
                return true;
            }
            tokio::time::sleep(KNOWN_STEP).await;
        }
        false
    }

    async fn change(
        &self,
        principal: &Principal,
        change: ConsentChange,
        request_id: &str,
        trace: Option<TraceContext>,
    ) -> Result<Response<v1::ConsentResponse>, Status> {
        let stored = store(&self.admission, principal, Body::Consent(change), request_id, trace).await?;
        Ok(Response::new(stored.into()))
    }
}

/// The caller's facility, where the message does not name one.
pub(super) fn own_facility(said: String, principal: &Principal) -> String {
    if said.is_empty() { principal.facility.as_str().to_owned() } else { said }
}

fn keeper<T>(request: &Request<T>) -> Result<Principal, Status> {
    let principal = principal_of(request)?;
    if keeps_consents(&principal) { Ok(principal) } else { Err(denied("the caller's role reads no consents")) }
}

fn entry(standing: &Standing) -> v1::ConsentEntry {
    let Standing { consent, withdrawn_at, position } = standing;
    v1::ConsentEntry {
        consent: Some(consent.into()),
        withdrawn_us: withdrawn_at.map(Moment::micros),
        position: Some((*position).into()),
    }
}

fn glass_entry(standing: &GlassStanding, now: Moment) -> v1::GlassEntry {
    let GlassStanding { glass, position, end, review, refused: _ } = standing;
    v1::GlassEntry {
        glass: Some(glass.into()),
        position: Some((*position).into()),
        open: standing.is_open(now),
        closed_us: end.as_ref().map(|end| end.at.micros()),
        review: review.as_ref().map(Into::into),
    }
}

fn consent_id(field: &str, text: &str) -> Result<ConsentId, Status> {
    ConsentId::parse(text).map_err(|error| of_wire(&wire::WireError::new(field, error)))
}

fn no_such_glass() -> Status {
    Status::not_found(
        "no glass with this id, facility and patient is known to the caller's facility; `ajisai consent glasses` lists them",
    )
}

fn no_such_consent() -> Status {
    Status::not_found("no such consent is known to the caller's facility")
}

/// Whoever has no part in a consent is not told whether it is there.
pub(super) fn told_of_withdrawal(
    principal: &Principal,
    withdrawal: &Withdrawal,
    known: Option<&Standing>,
    book: &dyn Book,
) -> Result<(), Status> {
    let has_part = |consent| principal.is_administrator() || has_part(&principal.facility, consent, book);
    match known {
        Some(known) if known.consent.patient == withdrawal.patient && has_part(&known.consent) => Ok(()),
        _ => Err(no_such_consent()),
    }
}

#[tonic::async_trait]
impl ConsentService for Consents {
    async fn give(&self, request: Request<v1::GiveConsentRequest>) -> Result<Response<v1::ConsentResponse>, Status> {
        let principal = principal_of(&request)?;
        let trace = trace_of(request.metadata());
        let v1::GiveConsentRequest { consent, request_id } = request.into_inner();
        let consent = Consent::try_from(required("consent", consent)?);
        let consent = consent.map_err(|error| of_wire(&error.within("consent")))?;
        self.change(&principal, ConsentChange::Given(consent), &request_id, trace).await
    }

    async fn withdraw(
        &self,
        request: Request<v1::WithdrawConsentRequest>,
    ) -> Result<Response<v1::ConsentResponse>, Status> {
        let principal = principal_of(&request)?;
        let trace = trace_of(request.metadata());
        let v1::WithdrawConsentRequest { withdrawal, request_id } = request.into_inner();
        let mut withdrawal = required("withdrawal", withdrawal)?;
        let field = "withdrawal.withdrawn_us";
        withdrawal.withdrawn_us = moment_or_now(&self.admission, field, withdrawal.withdrawn_us, &request_id)?;
        let withdrawal = Withdrawal::try_from(withdrawal).map_err(|error| of_wire(&error.within("withdrawal")))?;

        let known = settled(|| self.admission.book().consent(&withdrawal.id)).await;
        told_of_withdrawal(&principal, &withdrawal, known.as_ref(), self.admission.book())?;
        self.change(&principal, ConsentChange::Withdrawn(withdrawal), &request_id, trace).await
    }

    async fn release(&self, request: Request<v1::ReleaseRequest>) -> Result<Response<v1::ConsentResponse>, Status> {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::ReleaseRequest { release, request_id } = request.into_inner();
        let mut release = required("release", release)?;
        let field = "release.recorded_until_us";
        release.recorded_until_us = moment_or_now(&self.admission, field, release.recorded_until_us, &request_id)?;
        let release = Release::try_from(release).map_err(|error| of_wire(&error.within("release")))?;
        self.change(&principal, ConsentChange::Released(release), &request_id, trace).await
    }

    async fn break_glass(
        &self,
        request: Request<v1::BreakGlassRequest>,
    ) -> Result<Response<v1::ConsentResponse>, Status> {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::BreakGlassRequest { glass, request_id } = request.into_inner();
        let mut glass = required("glass", glass)?;
        glass.facility = own_facility(glass.facility, &principal);
        glass.member = speaker("glass.member", glass.member, &principal)?;
        if glass.role == 0 {
            glass.set_role(principal.role.into());
        }
        glass.from_us = moment_or_now(&self.admission, "glass.from_us", glass.from_us, &request_id)?;
        if glass.until_us.is_none() && !request_id.is_empty() {
            return Err(Status::invalid_argument("`glass.until_us`: is required when `request_id` is given"));
        }
        glass.until_us = glass.until_us.or(glass.from_us.map(|from| from.saturating_add(BreakGlass::LONGEST)));
        let glass = BreakGlass::try_from(glass).map_err(|error| of_wire(&error.within("glass")))?;
        self.change(&principal, ConsentChange::GlassBroken(glass), &request_id, trace).await
    }

    async fn close_glass(
        &self,
        request: Request<v1::CloseGlassRequest>,
    ) -> Result<Response<v1::ConsentResponse>, Status> {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::CloseGlassRequest { end, request_id } = request.into_inner();
        let mut end = required("end", end)?;
        end.at_us = moment_or_now(&self.admission, "end.at_us", end.at_us, &request_id)?;
        let end = BreakGlassEnd::try_from(end).map_err(|error| of_wire(&error.within("end")))?;
        self.change(&principal, ConsentChange::GlassClosed(end), &request_id, trace).await
    }

    async fn review_glass(
        &self,
        request: Request<v1::ReviewGlassRequest>,
    ) -> Result<Response<v1::ConsentResponse>, Status> {
        let (principal, trace) = (principal_of(&request)?, trace_of(request.metadata()));
        let v1::ReviewGlassRequest { review, request_id } = request.into_inner();
        let mut review = required("review", review)?;
        review.reviewer = speaker("review.reviewer", review.reviewer, &principal)?;
        review.at_us = moment_or_now(&self.admission, "review.at_us", review.at_us, &request_id)?;
        let review = BreakGlassReview::try_from(review).map_err(|error| of_wire(&error.within("review")))?;
        // To others it is refused as what it is: not theirs to say.
        if review.patient.facility() == &principal.facility && !self.comes_to_know(&principal.facility, &review).await {
            return Err(no_such_glass());
        }
        self.change(&principal, ConsentChange::GlassReviewed(review), &request_id, trace).await
    }

    async fn list_glasses(
        &self,
        request: Request<v1::ListGlassesRequest>,
    ) -> Result<Response<v1::ListGlassesResponse>, Status> {
        let principal = keeper(&request)?;
        let v1::ListGlassesRequest { waiting_only, own_patients_only, page_size: asked } = request.into_inner();
        let limit = page_size(asked)?;
        let own = &principal.facility;
        let now = self.admission.now();
        // Those that wait come first, and all that wait for this facility: a queue hides nothing.
        let (mut queue, mut waiting, mut reviewed) = (Vec::new(), Vec::new(), Vec::new());
        self.admission.book().visit_glasses(own, &mut |standing| {
            let is_source = standing.glass.patient.facility() == own;
            if !is_source && (own_patients_only || standing.glass.facility != *own) {
                return true;
            }
            match (&standing.review, is_source) {
                (None, true) => queue.push(glass_entry(standing, now)),
                (None, false) if waiting.len() < limit => waiting.push(glass_entry(standing, now)),
                (Some(_), _) if !waiting_only && reviewed.len() < limit => reviewed.push(glass_entry(standing, now)),
                _ => {}
            }
            true
        });
        let room = limit.saturating_sub(queue.len());
        queue.extend(waiting.into_iter().chain(reviewed).take(room));
        Ok(Response::new(v1::ListGlassesResponse { glasses: queue }))
    }

    async fn get(&self, request: Request<v1::GetConsentRequest>) -> Result<Response<v1::ConsentEntry>, Status> {
        let principal = keeper(&request)?;
        let v1::GetConsentRequest { id } = request.into_inner();
        let standing = self.admission.book().consent(&consent_id("id", &id)?).ok_or_else(no_such_consent)?;
        if !has_part(&principal.facility, &standing.consent, self.admission.book()) {
            return Err(no_such_consent());
        }
        Ok(Response::new(entry(&standing)))
    }

    async fn list(
        &self,
        request: Request<v1::ListConsentsRequest>,
    ) -> Result<Response<v1::ListConsentsResponse>, Status> {
        let principal = keeper(&request)?;
        let v1::ListConsentsRequest { patient, active_only, page_size: asked, page } = request.into_inner();
        let limit = page_size(asked)?;
        let patient =
            patient.map(PatientRef::try_from).transpose().map_err(|error| of_wire(&error.within("patient")))?;
        let after = if page.is_empty() { None } else { Some(consent_id("page", &page)?) };
        let query = ConsentQuery { facility: &principal.facility, patient: patient.as_ref(), after: after.as_ref() };

        let book = self.admission.book();
        let (mut consents, mut next_page) = (Vec::new(), String::new());
        book.visit_consents(&query, &mut |standing| {
            let consent = &standing.consent;
            let wanted = patient.as_ref().is_none_or(|patient| consent.patient == *patient)
                && (!active_only || (consent.state == ConsentState::Active && standing.withdrawn_at.is_none()))
                && has_part(&principal.facility, consent, book);
            if wanted {
                consents.push(entry(standing));
            }
            if consents.len() == limit {
                next_page = consent.id.as_str().to_owned();
            }
            consents.len() < limit
        });
        Ok(Response::new(v1::ListConsentsResponse { consents, next_page }))
    }
}

impl From<super::Stored> for v1::ConsentResponse {
    fn from(stored: super::Stored) -> Self {
        let super::Stored { position, at_least, duplicate } = stored;
        Self { position: Some(position), at_least: Some(at_least), duplicate }
    }
}
