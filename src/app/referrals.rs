//! `ReferralService`: 紹介, 逆紹介, 搬送.

use super::beds::BedDesk;
use super::node::Node;
use crate::register::{ReferralStanding, RegisterError};
use ingest::{Admission, DirectoryReader as _};
use model::{
    Body, CategorySet, Consent, ConsentChange, ConsentId, ConsentState, DirectoryChange, Done, Exceptions, FacilityId,
    Labels, Link, LinkChange, LinkEvidence, LinkId, MemberId, Moment, OwnWords, Paper, PatientNumber, PatientRef,
    Period, Position, Principal, Purpose, PurposeSet, Referral, ReferralChange, ReferralId, ReferralKind, ReferralStep,
    ReferralTurn, Role, Signer, Unlink, Viewers, Withdrawal,
};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::referral_service_server::{ReferralService, ReferralServiceServer};

/// How long a statement waits to be read back before it is answered all the same: it is durable.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// For at most so many hours a referral opens a view.
const LONGEST_HOURS: u32 = 72;
const HOUR: i64 = 3_600_000_000;

/// Answers `ReferralService`.
#[derive(Clone)]
pub(super) struct ReferralDesk {
    pub(super) node: Arc<Node>,
    pub(super) admission: Arc<Admission>,
    /// Where a watch goes over with a patient.
    pub(super) beds: BedDesk,
}

/// The service over the register and the door.
pub(super) fn service(desk: ReferralDesk) -> ReferralServiceServer<ReferralDesk> {
    ReferralServiceServer::new(desk)
}

impl std::fmt::Debug for ReferralDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReferralDesk").finish_non_exhaustive()
    }
}

/// Who asks, where they are told of referrals.
fn caller<T>(request: &Request<T>) -> Result<Principal, Status> {
    let unknown = || Status::unauthenticated("who asks is not known");
    let caller = request.extensions().get::<Principal>().cloned().ok_or_else(unknown)?;
    if matches!(caller.role, Role::Patient | Role::Auditor | Role::Administrator) {
        return Err(Status::permission_denied("ask as clinical staff, clerk or system of the facility"));
    }
    Ok(caller)
}

fn invalid(field: &str, rule: &dyn Display) -> Status {
    Status::invalid_argument(format!("`{field}`: {rule}"))
}

fn no_such() -> Status {
    Status::not_found("no such referral is known to the caller's facility")
}

fn failed(error: &RegisterError) -> Status {
    tracing::error!(%error, "referrals could not be read");
    Status::unavailable("referrals cannot be read just now; try again")
}

/// The person who speaks, where the message does not name one.
fn speaker(field: &str, said: &str, caller: &Principal) -> Result<MemberId, Status> {
    match &caller.member {
        _ if !said.is_empty() => MemberId::parse(said).map_err(|error| invalid(field, &error)),
        Some(member) => Ok(member.clone()),
        None => Err(invalid(field, &"is required, since the caller is not a person")),
    }
}

/// The consent by proxy that a referral states: everything, for the receiving facility, for so long.
fn opening(referral: &Referral, hours: u32) -> Result<Consent, Status> {
    let id = ConsentId::parse(&format!("rf-{}", uuid::Uuid::now_v7().simple()));
    let until = referral.at.plus_micros(i64::from(hours) * HOUR);
    let period = Period::new(Some(referral.at), Some(until)).map_err(|error| invalid("open_hours", &error))?;
    let done = || Some(Done { by: Some(referral.by.clone()), at: referral.at });
    let explainer = Some(referral.by.clone());
    Ok(Consent {
        id: id.map_err(|error| Status::internal(error.to_string()))?,
        patient: referral.patient().clone(),
        viewers: Viewers::Facilities(vec![referral.to().clone()]),
        state: ConsentState::Active,
        supersedes: None,
        period,
        data_period: Period::ALWAYS,
        categories: CategorySet::all(),
        departments: Vec::new(),
        labels: Labels::NONE,
        purposes: PurposeSet::of(Purpose::Treatment).with(Purpose::EmergencyTreatment),
        exceptions: Exceptions::none(),
        signer: Signer::Patient,
        taken_by: referral.from().clone(),
        signed_at: referral.at,
        form_digest: String::new(),
        paper: Box::new(Paper { explainer, received: done(), activated: done(), ..Paper::default() }),
    })
}

impl ReferralDesk {
    fn now(&self) -> Moment {
        (crate::identity::system_clock())()
    }

    fn find(&self, from: &FacilityId, id: &ReferralId) -> Result<Option<ReferralStanding>, Status> {
        self.node.rooms().register.referral(from, id).map_err(|error| failed(&error))
    }

    /// Makes a statement durable, and waits until it is read back.
    async fn state(
        &self,
        caller: &Principal,
        (body, metadata): (Body, &MetadataMap),
        read: impl Fn(Position) -> Result<bool, Status>,
    ) -> Result<v1::DirectoryResponse, Status> {
        let stated = ingest::service::state(&self.admission, caller, body, "", metadata).await?;
        let begun = tokio::time::Instant::now();
        if let Some(position) = stated.position {
            while !read(position.into())? && begun.elapsed() < READ_WITHIN {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        Ok(stated)
    }

    /// Whether the book has come to a position.
    fn in_book(&self, position: Position) -> bool {
        self.node.rooms().book.read().frontier().includes(position)
    }

    /// A number for the patient at a receiving facility that has none yet. It is new to everybody, so that it makes nobody one
    /// person with anybody else; the receiving facility links its own when it has one.
    fn provisional(&self, referral: &Referral, opens: &ConsentId) -> Result<Option<Link>, Status> {
        let own = |error: model::IdError| Status::internal(error.to_string());
        if self.node.rooms().register.referred_as(referral, referral.to()).is_some() {
            return Ok(None);
        }
        let number = PatientNumber::parse(opens.as_str()).map_err(own)?;
        Ok(Some(Link {
            id: LinkId::parse(opens.as_str()).map_err(own)?,
            a: referral.patient().clone(),
            b: PatientRef::new(referral.to().clone(), number),
            evidence: LinkEvidence::Manual,
            confirmed_by: referral.by.clone(),
            confirmed_at: referral.at,
        }))
    }

    /// Takes back what a referral opened: the consent, and the provisional number where it gave one.
    async fn close(
        &self,
        caller: &Principal,
        metadata: &MetadataMap,
        turn: &ReferralTurn,
        consent: &ConsentId,
    ) -> Result<Option<v1::Frontier>, Status> {
        let withdrawal = Withdrawal { id: consent.clone(), patient: turn.patient.clone(), withdrawn_at: turn.at };
        let body = Body::Consent(ConsentChange::Withdrawn(withdrawal));
        let closed = self.state(caller, (body, metadata), |position| Ok(self.in_book(position))).await?;
        let link = LinkId::parse(consent.as_str()).ok().and_then(|id| self.node.rooms().register.link(&id));
        let Some(link) = link else { return Ok(closed.at_least) };
        let unlink = Unlink { id: link.id, by: turn.by.clone(), at: turn.at };
        let body = Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink)));
        Ok(self.state(caller, (body, metadata), |position| Ok(self.in_book(position))).await?.at_least)
    }

    fn entry(&self, standing: &ReferralStanding, caller: &Principal) -> Result<v1::ReferralEntry, RegisterError> {
        let ReferralStanding { referral, position, turns } = standing;
        let mut sent = v1::Referral::from(referral);
        if let Some(own) = self.node.rooms().register.referred_as(referral, &caller.facility) {
            sent.patient = Some((&own).into());
        }
        let mut turns: Vec<v1::ReferralTurn> = turns.iter().map(|(_, turn)| turn.into()).collect();
        turns.iter_mut().for_each(|turn| turn.patient = sent.patient.clone());
        let from = referral.from().as_str().to_owned();
        let handovers = self.node.rooms().register.handovers(referral.patient(), &referral.id)?;
        Ok(v1::ReferralEntry {
            referral: Some(sent),
            position: Some((*position).into()),
            turns,
            from,
            handovers: handovers.iter().map(Into::into).collect(),
        })
    }
}

#[tonic::async_trait]
impl ReferralService for ReferralDesk {
    async fn send_referral(
        &self,
        request: Request<v1::SendReferralRequest>,
    ) -> Result<Response<v1::SendReferralResponse>, Status> {
        let caller = caller(&request)?;
        let (metadata, _, request) = request.into_parts();
        let v1::SendReferralRequest { referral, open_hours } = request;
        let mut referral = referral.ok_or_else(|| invalid("referral", &"is required"))?;
        if !referral.opens.is_empty() {
            return Err(invalid("referral.opens", &"is the service's to say: use `open_hours`"));
        }
        if open_hours > LONGEST_HOURS {
            return Err(invalid("open_hours", &format!("is at most {LONGEST_HOURS}")));
        }
        if referral.id.is_empty() {
            referral.id = format!("r-{}", uuid::Uuid::now_v7().simple());
        }
        speaker("referral.by", &referral.by, &caller)?.as_str().clone_into(&mut referral.by);
        referral.at_us.get_or_insert(self.now().micros());
        let mut referral = Referral::try_from(referral).map_err(|error| invalid("referral", &error))?;
        let said = |referral: &Referral| Body::Referral(Box::new(ReferralChange::Sent(referral.clone())));
        ingest::service::rehearse(&self.admission, &caller, said(&referral))?;
        if self.find(referral.from(), &referral.id)?.is_some() {
            return Err(Status::already_exists("`referral.id`: a referral of the facility has this id"));
        }
        if open_hours > 0 {
            let consent = opening(&referral, open_hours)?;
            referral.opens = Some(consent.id.clone());
            let link = self.provisional(&referral, &consent.id)?;
            let body = Body::Consent(ConsentChange::Given(consent));
            self.state(&caller, (body, &metadata), |position| Ok(self.in_book(position))).await?;
            if let Some(link) = link {
                let body = Body::Directory(DirectoryChange::Link(LinkChange::Linked(link)));
                self.state(&caller, (body, &metadata), |position| Ok(self.in_book(position))).await?;
            }
        }
        let read = |_| Ok(self.find(referral.from(), &referral.id)?.is_some());
        let stated = self.state(&caller, (said(&referral), &metadata), read).await?;
        let v1::DirectoryResponse { position, at_least, .. } = stated;
        Ok(Response::new(v1::SendReferralResponse {
            id: referral.id.as_str().to_owned(),
            position,
            at_least,
            opened: self.node.rooms().register.referral_reaches(&referral, self.now()),
        }))
    }

    async fn turn_referral(
        &self,
        request: Request<v1::TurnReferralRequest>,
    ) -> Result<Response<v1::TurnReferralResponse>, Status> {
        let caller = caller(&request)?;
        let (metadata, _, request) = request.into_parts();
        let v1::TurnReferralRequest { id, from, step, words, by } = request;
        let id = ReferralId::parse(&id).map_err(|error| invalid("id", &error))?;
        let from = if from.is_empty() { Ok(caller.facility.clone()) } else { FacilityId::parse(&from) };
        let from = from.map_err(|error| invalid("from", &error))?;
        let step = v1::ReferralStep::try_from(step).map_err(|_| invalid("step", &"is no known step"))?;
        let step = ReferralStep::try_from(step).map_err(|rule| invalid("step", &rule))?;
        let words = OwnWords::parse(&words).map_err(|error| invalid("words", &error))?;
        let by = speaker("by", &by, &caller)?;

        let has_part = |standing: &ReferralStanding| {
            [standing.referral.from(), standing.referral.to()].contains(&&caller.facility)
        };
        let standing = self.find(&from, &id)?.filter(has_part).ok_or_else(no_such)?;
        let (patient, to) = (standing.referral.patient().clone(), standing.referral.to().clone());
        let turn = ReferralTurn { id: id.clone(), patient, to, step, by, at: self.now(), words };
        let body = Body::Referral(Box::new(ReferralChange::Turned(turn.clone())));
        ingest::service::rehearse(&self.admission, &caller, body.clone())?;
        let cannot = |now: Option<ReferralStep>| {
            let now = now.map_or("sent", ReferralStep::code);
            Status::failed_precondition(format!("`step`: the referral is {now}; {step} cannot follow"))
        };
        if !step.may_follow(standing.step()) {
            return Err(cannot(standing.step()));
        }
        let taken = |position: Position| {
            let standing = self.find(&from, &id)?;
            Ok(standing.is_some_and(|standing| standing.turns.last().is_some_and(|(at, _)| *at >= position)))
        };
        let stated = self.state(&caller, (body, &metadata), taken).await?;
        let mut response =
            v1::TurnReferralResponse { position: stated.position, at_least: stated.at_least, closed: false };
        // somebody else may have been quicker
        let position = stated.position.map(Position::from);
        let now = self.find(&from, &id)?.ok_or_else(no_such)?;
        if now.turns.iter().all(|(at, _)| Some(*at) != position) && now.step() != standing.step() {
            return Err(cannot(now.step()));
        }
        let goes_over = matches!(step, ReferralStep::Accepted | ReferralStep::Arrived);
        if goes_over && now.referral.kind == ReferralKind::Transfer {
            self.beds.hand_over(&caller, &now.referral, step).await?;
        }
        if let (ReferralStep::Cancelled | ReferralStep::Closed, Some(consent)) = (step, now.opens()) {
            let at_least = self.close(&caller, &metadata, &turn, consent).await?;
            response = v1::TurnReferralResponse { at_least, closed: true, ..response };
        }
        Ok(Response::new(response))
    }

    async fn list_referrals(
        &self,
        request: Request<v1::ListReferralsRequest>,
    ) -> Result<Response<v1::ListReferralsResponse>, Status> {
        let caller = caller(&request)?;
        let v1::ListReferralsRequest { open_only, page_size } = request.into_inner();
        let limit = match page_size {
            0 => 100,
            1..=1000 => page_size as usize,
            _ => return Err(invalid("page_size", &"must be at most 1000")),
        };
        let register = &self.node.rooms().register;
        let (now, mut referrals) = (self.now(), Vec::new());
        let mut unread = None;
        let visited = register.referrals_of(&caller.facility, &mut |standing| {
            let is_wanted = !open_only || standing.is_open();
            if is_wanted && register.shows_referral(&standing.referral, &caller, now) {
                match self.entry(&standing, &caller) {
                    Ok(entry) => referrals.push(entry),
                    Err(error) => unread = Some(error),
                }
            }
            referrals.len() < limit && unread.is_none()
        });
        visited.and(unread.map_or(Ok(()), Err)).map_err(|error| failed(&error))?;
        Ok(Response::new(v1::ListReferralsResponse { referrals }))
    }
}
