//! What the windows ask besides rows: each question goes to the service that everybody else asks, in the name of whom
//! the token stands for, so that a page shows and does what the same person would by command, and nothing else.

use super::beds::BedDesk;
use super::ledger::LedgerDesk;
use super::notices::NoticeDesk;
use super::publisher::PublisherDesk;
use super::referrals::ReferralDesk;
use super::worklist::WorklistDesk;
use crate::notary::names;
use crate::publisher::{json_of, json_of_summary};
use dashboards::{Acknowledged, Asked, AtBed, Declined, Deed, Office, Review, Transfer, Turn, Why};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use ingest::service::Consents;
use ledger::{Language, Names};
use model::{
    BreakGlass, BreakGlassReview, CriticalAction, FacilityId, FacilityKind, FacilityStatus, GlassId, MemberId, Moment,
    PatientNumber, PatientRef, Principal, ReferralKind, ReferralStep, ReviewOutcome, Role, WorklistAct,
};
use query::{AuthError, Authenticator};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Code, Request, Status};
use wire::v1;
use wire::v1::bed_service_server::BedService as _;
use wire::v1::cohort_service_server::CohortService as _;
use wire::v1::consent_service_server::ConsentService as _;
use wire::v1::ledger_service_server::LedgerService as _;
use wire::v1::notice_service_server::NoticeService as _;
use wire::v1::published_response::Part;
use wire::v1::publisher_service_server::PublisherService as _;
use wire::v1::referral_service_server::ReferralService as _;
use wire::v1::worklist_service_server::WorklistService as _;

/// So many of each are shown.
const SHOWN: u32 = 200;
/// How long a review waits to be seen in the list before it is answered all the same: it is durable.
const SEEN_WITHIN: Duration = Duration::from_secs(2);

/// The services behind the windows.
pub(super) struct Counter {
    pub(super) tokens: Arc<dyn Authenticator>,
    pub(super) consents: Consents,
    pub(super) ledger: LedgerDesk,
    pub(super) notices: NoticeDesk,
    pub(super) publisher: PublisherDesk,
    pub(super) worklists: WorklistDesk,
    pub(super) beds: BedDesk,
    pub(super) referrals: ReferralDesk,
}

impl Office for Counter {
    fn answer<'a>(&'a self, token: &'a str, asked: Asked) -> BoxFuture<'a, Result<Value, Declined>> {
        Box::pin(async move {
            let caller = self.tokens.token(token).await.map_err(of_identity)?;
            let answer = match asked {
                Asked::Notices => self.notices(&caller).await,
                Asked::Acknowledge(said) => self.acknowledge(&caller, said).await,
                Asked::Worklist { cohort } => self.worklist(&caller, cohort).await,
                Asked::WorkOn(deed) => self.work_on(&caller, deed).await,
                Asked::Glasses => self.glasses(&caller).await,
                Asked::Review(review) => self.review(&caller, review).await,
                Asked::AtBed { bed, deed } => self.at_bed(&caller, (bed, deed)).await,
                Asked::Transfer(transfer) => self.transfer(&caller, transfer).await,
                Asked::Referrals => self.referrals(&caller).await,
                Asked::Turn(turn) => self.turn(&caller, turn).await,
                Asked::Published { from_us, until_us } => {
                    self.published(&caller, v1::PublishedRequest { from_us, until_us }).await
                }
            };
            answer.map_err(|status| of_status(&status))
        })
    }
}

fn of_identity(error: AuthError) -> Declined {
    let why = match error {
        AuthError::Refused { .. } => Why::Token,
        AuthError::Unavailable => Why::Unavailable,
    };
    Declined { why, message: error.to_string() }
}

fn of_status(status: &Status) -> Declined {
    let why = match status.code() {
        Code::Unauthenticated => Why::Token,
        Code::PermissionDenied => Why::Role,
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition | Code::AlreadyExists => Why::Invalid,
        Code::NotFound => Why::Nothing,
        Code::ResourceExhausted => Why::Busy,
        Code::Unavailable => Why::Unavailable,
        _ => Why::Internal,
    };
    Declined { why, message: status.message().to_owned() }
}

/// A request in somebody's name, as the identity layer hands it to a service.
fn by<T>(caller: &Principal, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller.clone());
    request
}

fn moment(micros: Option<i64>) -> Value {
    micros.and_then(|micros| Moment::from_micros(micros).ok()).map_or(Value::Null, |at| json!(at.to_string()))
}

fn member(names: &Names, id: &str) -> String {
    MemberId::parse(id).map_or_else(|_| id.to_owned(), |id| names.member(&id).to_owned())
}

fn invalid(field: &'static str) -> impl Fn(&dyn std::fmt::Display) -> Status {
    move |rule| Status::invalid_argument(format!("`{field}`: {rule}"))
}

/// How far a critical result is: until when it is due, when it turned out to be another, what was done.
fn of_critical(names: &Names, critical: v1::CriticalValue) -> Value {
    let acted = critical.acted.map(|acted| {
        json!({
            "action": CriticalAction::try_from(acted.action()).map(CriticalAction::code).unwrap_or_default(),
            "name": member(names, &acted.member),
            "at": moment(Some(acted.at_us)),
            "remark": acted.remark,
        })
    });
    json!({ "due": moment(Some(critical.due_us)), "withdrawn": moment(critical.withdrawn_us), "acted": acted })
}

impl Counter {
    fn names(&self) -> Names {
        names(&self.ledger.node.rooms().book.read())
    }

    async fn notices(&self, caller: &Principal) -> Result<Value, Status> {
        let request = v1::ListNoticesRequest { waiting_only: false, page_size: SHOWN };
        let v1::ListNoticesResponse { notices } = self.notices.list(by(caller, request)).await?.into_inner();
        let names = self.names();
        let one = |notice: v1::Notice| {
            let said = notice
                .acknowledged
                .map(|said| json!({ "name": member(&names, &said.member), "at": moment(Some(said.at_us)) }));
            json!({
                "id": notice.id,
                "kind": notice.kind,
                "raised": moment(Some(notice.raised_us)),
                "text_ja": notice.text_ja,
                "text_en": notice.text_en,
                "acknowledged": said,
                "critical": notice.critical.map(|critical| of_critical(&names, critical)),
            })
        };
        Ok(json!({
            "notices": notices.into_iter().map(one).collect::<Vec<_>>(),
            "may_acknowledge": caller.member.is_some() && caller.role != Role::Auditor,
        }))
    }

    async fn acknowledge(&self, caller: &Principal, said: Acknowledged) -> Result<Value, Status> {
        let Acknowledged { id, action, remark } = said;
        let action = action.map(|action| action.parse::<CriticalAction>()).transpose();
        let action = action.map_err(|rule| invalid("action")(&rule))?.map(v1::CriticalAction::from);
        let action = action.unwrap_or_default().into();
        let request = v1::AcknowledgeNoticeRequest { id, action, remark };
        let v1::AcknowledgeNoticeResponse { duplicate, .. } =
            self.notices.acknowledge(by(caller, request)).await?.into_inner();
        Ok(json!({ "duplicate": duplicate }))
    }

    async fn worklist(&self, caller: &Principal, cohort: Option<String>) -> Result<Value, Status> {
        let request = v1::ListCohortsRequest {};
        let v1::ListCohortsResponse { cohorts } = self.worklists.cohorts.list(by(caller, request)).await?.into_inner();
        let first = || cohorts.first().map(|one| one.name.clone()).unwrap_or_default();
        let cohort = cohort.unwrap_or_else(first);
        let request = v1::ListWorklistRequest { cohort: cohort.clone(), with_done: false, page_size: SHOWN };
        let v1::ListWorklistResponse { entries, waiting } =
            self.worklists.list(by(caller, request)).await?.into_inner();
        let names = self.names();
        let each = entries.into_iter().map(|entry| worklist_entry(&names, entry));
        let named = |one: &v1::CohortInfo| json!({ "name": one.name, "ja": one.ja, "en": one.en });
        Ok(json!({
            "cohorts": cohorts.iter().map(named).collect::<Vec<_>>(),
            "cohort": cohort,
            "entries": each.collect::<Vec<_>>(),
            "waiting": waiting,
            "may_act": caller.member.is_some(),
        }))
    }

    async fn work_on(&self, caller: &Principal, deed: Deed) -> Result<Value, Status> {
        let Deed { cohort, patient, act, remark } = deed;
        let act: WorklistAct = act.parse().map_err(|error: model::UnknownWorklistAct| invalid("act")(&error))?;
        let act = v1::WorklistAct::from(act).into();
        let request = v1::ActOnWorklistRequest { cohort, patient, act, remark };
        let v1::ActOnWorklistResponse { duplicate, .. } = self.worklists.act(by(caller, request)).await?.into_inner();
        Ok(json!({ "duplicate": duplicate }))
    }

    async fn glasses(&self, caller: &Principal) -> Result<Value, Status> {
        let request = v1::ListGlassesRequest { page_size: SHOWN, ..Default::default() };
        let v1::ListGlassesResponse { glasses } = self.consents.list_glasses(by(caller, request)).await?.into_inner();
        let named = glasses.iter().filter_map(|entry| entry.glass.clone()).map(|glass| v1::GlassRef {
            id: glass.id,
            facility: glass.facility,
            patient: glass.patient,
        });
        let request = v1::ReadingsRequest { glasses: named.collect() };
        let v1::ReadingsResponse { readings } = match glasses.is_empty() {
            // Nothing is asked of the ledger, and so nothing is written there.
            true => v1::ReadingsResponse::default(),
            false => self.ledger.readings(by(caller, request)).await?.into_inner(),
        };
        let names = self.names();
        let told = glasses.into_iter().zip(readings).map(|(entry, reading)| glass(caller, &names, entry, &reading));
        Ok(json!({
            "glasses": told.collect::<Result<Vec<Value>, Status>>()?,
            "may_review": caller.member.is_some(),
        }))
    }

    async fn review(&self, caller: &Principal, review: Review) -> Result<Value, Status> {
        let Review { id, viewer, patient, outcome, text } = review;
        let id = GlassId::parse(&id).map_err(|error| invalid("id")(&error))?;
        let facility = FacilityId::parse(&viewer).map_err(|error| invalid("viewer")(&error))?;
        let number = PatientNumber::parse(&patient).map_err(|error| invalid("patient")(&error))?;
        let outcome: ReviewOutcome = outcome.parse().map_err(|error| invalid("outcome")(&error))?;
        let reviewer = caller.member.clone();
        let reviewer = reviewer.ok_or_else(|| Status::permission_denied("a person reviews, each for themselves"))?;
        let patient = PatientRef::new(caller.facility.clone(), number);
        let known = self.ledger.node.rooms().register.glass(&facility, &patient, &id).map_err(|error| {
            tracing::error!(%error, "a broken glass could not be looked up");
            Status::unavailable("broken glasses cannot be read just now; try again")
        })?;
        if known.is_none() {
            return Err(Status::not_found("no such broken glass over a patient of the caller's facility"));
        }
        let at = (self.ledger.clock)();
        let stated = BreakGlassReview { id, facility, patient, reviewer, outcome, text, at };
        let request = v1::ReviewGlassRequest { review: Some((&stated).into()), request_id: String::new() };
        self.consents.review_glass(by(caller, request)).await?;
        self.seen(&stated).await;
        Ok(json!({}))
    }

    /// Waits until the list shows a review that is durable.
    async fn seen(&self, review: &BreakGlassReview) {
        let register = &self.ledger.node.rooms().register;
        let looked = async {
            loop {
                let found = register.glass(&review.facility, &review.patient, &review.id);
                match found {
                    Ok(Some(standing)) if standing.review.as_ref().is_none_or(|held| held.at < review.at) => {}
                    _ => return,
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // What is not seen by then is seen later.
        let _late = tokio::time::timeout(SEEN_WITHIN, looked).await;
    }

    async fn at_bed(&self, caller: &Principal, (bed, deed): (String, AtBed)) -> Result<Value, Status> {
        match deed {
            AtBed::Acknowledge { alarms } => {
                let request = by(caller, v1::AcknowledgeBedRequest { bed, alarms });
                let v1::AcknowledgeBedResponse { alarms } = self.beds.acknowledge_bed(request).await?.into_inner();
                Ok(json!({ "alarms": alarms }))
            }
            AtBed::Note { at_us, text, replaces } => {
                let request = by(caller, v1::NoteBedRequest { bed, at_us, text, replaces });
                let v1::NoteBedResponse { id } = self.beds.note_bed(request).await?.into_inner();
                Ok(json!({ "id": id }))
            }
            AtBed::TakeBack { id } => {
                let request = by(caller, v1::TakeBackBedNoteRequest { bed, id });
                self.beds.take_back_bed_note(request).await?;
                Ok(json!({}))
            }
        }
    }

    async fn transfer(&self, caller: &Principal, transfer: Transfer) -> Result<Value, Status> {
        let Transfer { bed, to, reason, open_hours } = transfer;
        let patient = self.beds.patient_at(caller, &bed).await?;
        if *patient.facility() != caller.facility {
            return Err(Status::permission_denied("a transfer is asked for by the facility the bed is at"));
        }
        let referral = v1::Referral {
            patient: Some((&patient).into()),
            to,
            kind: v1::ReferralKind::Transfer.into(),
            reason,
            ..Default::default()
        };
        let request = by(caller, v1::SendReferralRequest { referral: Some(referral), open_hours });
        let v1::SendReferralResponse { id, opened, .. } = self.referrals.send_referral(request).await?.into_inner();
        Ok(json!({ "id": id, "opened": opened }))
    }

    async fn referrals(&self, caller: &Principal) -> Result<Value, Status> {
        let request = by(caller, v1::ListReferralsRequest { open_only: false, page_size: SHOWN });
        let v1::ListReferralsResponse { referrals } = self.referrals.list_referrals(request).await?.into_inner();
        let names = self.names();
        let (to, book) = (&caller.facility, self.ledger.node.rooms().book.read());
        // whom a patient can be sent to: facilities that take part and view
        let mut others: Vec<(bool, &str, Value)> = book
            .facilities()
            .filter(|one| one.id != *to && one.status == FacilityStatus::Active)
            .map(|one| {
                let told = json!({ "id": one.id.as_str(), "ja": one.name, "en": one.name_en, "kind": one.kind.code() });
                (one.kind != FacilityKind::PerinatalCentre, one.id.as_str(), told)
            })
            .collect();
        others.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        let others: Vec<Value> = others.into_iter().map(|(_, _, told)| told).collect();
        drop(book);
        Ok(json!({
            "referrals": referrals.into_iter().map(|entry| referral(caller, &names, entry)).collect::<Vec<_>>(),
            "facilities": others,
            "may_act": caller.member.is_some(),
        }))
    }

    async fn turn(&self, caller: &Principal, turn: Turn) -> Result<Value, Status> {
        let Turn { id, from, step, words } = turn;
        let step: ReferralStep = step.parse().map_err(|error| invalid("step")(&error))?;
        let step = v1::ReferralStep::from(step).into();
        let request = by(caller, v1::TurnReferralRequest { id, from, step, words, by: String::new() });
        let v1::TurnReferralResponse { closed, .. } = self.referrals.turn_referral(request).await?.into_inner();
        Ok(json!({ "closed": closed }))
    }

    async fn published(&self, caller: &Principal, request: v1::PublishedRequest) -> Result<Value, Status> {
        let mut parts = self.publisher.published(by(caller, request)).await?.into_inner();
        let (mut facilities, mut source) = (Vec::new(), None);
        while let Some(answer) = parts.next().await {
            match answer?.part {
                Some(Part::Facility(to)) => facilities.push(json_of(&to)),
                Some(Part::Summary(summary)) => source = Some(json_of_summary(&summary)),
                Some(Part::Progress(_)) | None => {}
            }
        }
        let ended = || Status::unavailable("the answer ended early; ask again");
        Ok(json!({ "facilities": facilities, "source": source.ok_or_else(ended)? }))
    }
}

/// What a facility is called, in Japanese and English.
fn facility(names: &Names, id: &str) -> Value {
    FacilityId::parse(id).map_or_else(
        |_| json!([id, id]),
        |id| json!([Language::Japanese, Language::English].map(|language| names.facility(&id, language))),
    )
}

/// One referral, as the page shows it.
fn referral(caller: &Principal, names: &Names, entry: v1::ReferralEntry) -> Value {
    let v1::ReferralEntry { referral, position: _, turns, from, handovers } = entry;
    let v1::Referral { id, patient, to, kind, reason, by, at_us, .. } = referral.unwrap_or_default();
    let kind = v1::ReferralKind::try_from(kind).ok().and_then(|kind| ReferralKind::try_from(kind).ok());
    let code = |step: v1::ReferralStep| ReferralStep::try_from(step).map(ReferralStep::code).unwrap_or_default();
    let last = turns.last().and_then(|turn| ReferralStep::try_from(turn.step()).ok());
    let sends = from == caller.facility.as_str();
    let next = ReferralStep::ALL.iter().filter(|step| step.may_follow(last) && step.is_receivers() != sends);
    let turned = turns.iter().map(|turn| {
        json!({ "step": code(turn.step()), "at": moment(turn.at_us), "by": member(names, &turn.by), "words": turn.words })
    });
    let watcher = |one: &v1::BedWatcher| {
        json!({
            "facility": facility(names, &one.facility),
            "name": member(names, &one.member),
            "since": moment(one.since_us),
            "until": moment(one.until_us),
        })
    };
    let handed = handovers.iter().map(
        |one| json!({ "step": code(one.step()), "watchers": one.watchers.iter().map(watcher).collect::<Vec<_>>() }),
    );
    json!({
        "id": id,
        "from": from,
        "from_name": facility(names, &from),
        "to_name": facility(names, &to),
        "kind": kind.map_or("", ReferralKind::code),
        "patient": patient.map(|patient| patient.number).unwrap_or_default(),
        "reason": reason,
        "by": member(names, &by),
        "at": moment(at_us),
        "step": last.map_or("sent", ReferralStep::code),
        "open": !matches!(last, Some(ReferralStep::Cancelled | ReferralStep::Closed)),
        "sends": sends,
        "next": next.map(|step| step.code()).collect::<Vec<_>>(),
        "turns": turned.collect::<Vec<_>>(),
        "handovers": handed.collect::<Vec<_>>(),
    })
}

/// One broken glass, as the page shows it.
fn glass(
    caller: &Principal,
    names: &Names,
    entry: v1::GlassEntry,
    reading: &v1::GlassReading,
) -> Result<Value, Status> {
    let v1::GlassEntry { glass, position: _, open, closed_us, review } = entry;
    let unreadable = || Status::internal("a broken glass cannot be shown");
    let glass = BreakGlass::try_from(glass.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
    let facility = |id: &FacilityId, language| names.facility(id, language).to_owned();
    let source = glass.patient.facility();
    let review = review.map(|review| {
        let outcome =
            v1::ReviewOutcome::try_from(review.outcome).ok().and_then(|said| ReviewOutcome::try_from(said).ok());
        json!({
            "outcome": outcome.map_or("?", ReviewOutcome::code),
            "name": member(names, &review.reviewer),
            "text": review.text,
            "at": moment(review.at_us),
        })
    });
    Ok(json!({
        "id": glass.id.as_str(),
        "viewer": glass.facility.as_str(),
        "viewer_name": facility(&glass.facility, Language::Japanese),
        "viewer_name_en": facility(&glass.facility, Language::English),
        "member_name": names.member(&glass.member),
        "role": glass.role.code(),
        "source": source.as_str(),
        "source_name": facility(source, Language::Japanese),
        "source_name_en": facility(source, Language::English),
        "patient": glass.patient.number().as_str(),
        "own": *source == caller.facility,
        "reason": glass.reason(),
        "from": glass.from().to_string(),
        "until": glass.until().to_string(),
        "open": open,
        "closed": moment(closed_us),
        "review": review,
        "rows": reading.rows.iter().map(|row| row.rows).sum::<u64>(),
        "acts": reading.acts,
        "first": moment(reading.first_us),
        "last": moment(reading.last_us),
    }))
}

/// An entry of a worklist as its page shows it.
fn worklist_entry(names: &Names, entry: v1::WorklistEntry) -> Value {
    let v1::WorklistEntry { cohort: _, member: who, state, last } = entry;
    let v1::CohortMember { patient, since_us, cause, grounds } = who.unwrap_or_default();
    let ground = |ground: v1::CohortGround| {
        let v1::CohortGround { criterion, fact, at_us, sources } = ground;
        json!({ "criterion": criterion, "fact": fact, "at": moment(Some(at_us)), "sources": sources })
    };
    let last = last.map(|last| {
        let act = WorklistAct::try_from(last.act()).map(WorklistAct::code).unwrap_or_default();
        let name = member(names, &last.member);
        json!({ "act": act, "name": name, "at": moment(Some(last.at_us)), "remark": last.remark })
    });
    json!({
        "patient": patient.map(|patient| patient.number).unwrap_or_default(),
        "since": moment(Some(since_us)),
        "cause": cause,
        "grounds": grounds.into_iter().map(ground).collect::<Vec<_>>(),
        "state": state,
        "last": last,
    })
}
