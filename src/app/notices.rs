//! `NoticeService`: what a facility is told, and that it was.

mod words;

use super::node::Node;
use crate::notary::names;
use crate::pipeline::Clock;
use crate::register::{RegisterError, Told, sees_clinical_data};
use futures::StreamExt as _;
use futures::stream::{BoxStream, unfold};
use ledger::{Language, Names};
use model::{
    ActId, AuditOutcome, CriticalAction, FacilityId, Frontier, MemberId, NoticeId, NoticeKind, OwnWords, Principal,
    Reading, Role, What,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use views::Witness;
use wire::v1;
use wire::v1::notice_item::Item;
use wire::v1::notice_service_server::{NoticeService, NoticeServiceServer};
use words::words;

/// How often a watcher hears that nothing is lost.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often it is looked for what the clock alone raises.
const BY_THE_CLOCK: Duration = Duration::from_secs(30);
/// How long an acknowledgement waits to be seen before it is answered all the same: it is durable.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// What the answers are taken from. Cheap to clone.
#[derive(Clone)]
pub(super) struct NoticeDesk {
    pub(super) node: Arc<Node>,
    pub(super) witness: Arc<dyn Witness>,
    pub(super) clock: Clock,
    /// Ends what is watched.
    pub(super) stop: CancellationToken,
}

/// The service over the register.
pub(super) fn service(desk: NoticeDesk) -> NoticeServiceServer<NoticeDesk> {
    NoticeServiceServer::new(desk)
}

impl std::fmt::Debug for NoticeDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoticeDesk").finish_non_exhaustive()
    }
}

/// Who asks, if they are told anything at all.
fn caller<T>(request: &Request<T>) -> Result<Principal, Status> {
    let unknown = || Status::unauthenticated("who asks is not known");
    let caller = request.extensions().get::<Principal>().cloned().ok_or_else(unknown)?;
    if caller.role == Role::Patient {
        return Err(Status::permission_denied("this role is told of nothing: ask as staff or system of the facility"));
    }
    Ok(caller)
}

/// Who asks, if they are told of more than what escalates.
fn staff<T>(request: &Request<T>) -> Result<Principal, Status> {
    let caller = caller(request)?;
    if caller.role == Role::Administrator {
        return Err(Status::permission_denied("ask as staff or system of the facility"));
    }
    Ok(caller)
}

/// Whether a notice is for this caller: for everybody at the facility, or for that person and the facility's system. A
/// critical result is for those who see clinical data; that nobody acknowledged it, for all.
fn is_for(caller: &Principal, id: &NoticeId) -> bool {
    let person = |member: &MemberId| caller.member.as_ref().is_none_or(|own| own == member);
    let role = match id.kind {
        NoticeKind::CriticalResult => sees_clinical_data(caller.role),
        NoticeKind::CriticalUnacknowledged => true,
        _ => caller.role != Role::Administrator,
    };
    role && id.facility == caller.facility && id.member.as_ref().is_none_or(person)
}

fn no_such() -> Status {
    Status::not_found("no such notice is known to the caller")
}

fn failed(error: &RegisterError) -> Status {
    tracing::error!(%error, "notices could not be read");
    Status::unavailable("notices cannot be read just now; try again")
}

fn limit(page_size: u32) -> Result<usize, Status> {
    match page_size {
        0 => Ok(100),
        1..=1000 => Ok(usize::try_from(page_size).unwrap_or(1000)),
        _ => Err(Status::invalid_argument("`page_size`: must be at most 1000")),
    }
}

/// Whether a watcher that has seen everything before `after` has not seen this.
fn is_new(told: &Told, after: Option<&Frontier>) -> bool {
    let Some(after) = after else { return told.notice.acknowledged.is_none() };
    match &told.notice.acknowledged {
        Some(said) => said.position.is_none_or(|position| !after.includes(position.into())),
        // A reading may come to the ledger long after what it had shown was corrected. A frontier does not speak of the
        // clock.
        None => {
            let seen_by = told.notice.seen_by;
            !after.includes(told.id.cause)
                || seen_by.is_some_and(|position| !after.includes(position.into()))
                || by_the_clock(told.id.kind)
        }
    }
}

const fn by_the_clock(kind: NoticeKind) -> bool {
    matches!(kind, NoticeKind::GlassUnreviewed | NoticeKind::ReconsentDue | NoticeKind::CriticalUnacknowledged)
}

impl NoticeDesk {
    /// The caller's notices, the newest first, without the words.
    fn of(&self, caller: &Principal) -> Result<Vec<Told>, Status> {
        let register = &self.node.rooms().register;
        let now = (self.clock)();
        let mut all = register.notices_of(&caller.facility, now).map_err(|error| failed(&error))?;
        all.retain(|told| is_for(caller, &told.id));
        let known = all.into_iter().filter_map(|told| register.as_known_to(caller, told, now).transpose());
        known.collect::<Result<_, _>>().map_err(|error| failed(&error))
    }
    /// A notice in words.
    fn worded(&self, told: Told, names: &Names) -> v1::Notice {
        let mut notice = told.notice;
        [notice.text_ja, notice.text_en] =
            [Language::Japanese, Language::English].map(|language| words(told.id.kind, &notice, names, language));
        notice
    }
    fn names(&self) -> Names {
        names(&self.node.rooms().book.read())
    }
    /// How far a watcher that hears of everything rung until now has heard.
    fn heard(&self) -> Result<Frontier, Status> {
        let rooms = self.node.rooms();
        rooms.register.noticed(&rooms.store.frontier()).map_err(|error| failed(&error))
    }
    /// A notice, once it can be read that somebody said so; `None` where that takes too long.
    async fn once(
        &self,
        caller: &Principal,
        id: &NoticeId,
        said: impl Fn(&v1::Notice) -> bool,
    ) -> Result<Option<v1::Notice>, Status> {
        let mut bell = self.node.rooms().register.notice_bell();
        let deadline = tokio::time::Instant::now() + SEEN_WITHIN;
        loop {
            let found = self.of(caller)?.into_iter().find(|told| told.id == *id).map(|told| told.notice);
            if let Some(notice) = found.filter(&said) {
                return Ok(Some(notice));
            }
            if tokio::time::timeout_at(deadline, bell.recv()).await.is_err() {
                return Ok(None);
            }
        }
    }
    /// Writes into the ledger what a person did, or was told.
    async fn record(&self, caller: &Principal, what: What) -> Result<(), Status> {
        let act = ActId(uuid::Uuid::new_v4().as_u128());
        let reading = Reading::begin(act, caller, what, (self.clock)());
        let written = self.witness.end(reading, AuditOutcome::Completed).await;
        written.map_err(|error| Status::unavailable(format!("the ledger could not be written: {error}")))
    }
    /// A critical result comes to a person for the first time: that is in the ledger before they are told.
    async fn deliver(&self, caller: &Principal, told: &Told) -> Result<(), Status> {
        let is_first = told.notice.critical.as_ref().is_some_and(|critical| critical.delivered.is_none());
        if told.id.kind == NoticeKind::CriticalResult && caller.member.is_some() && is_first {
            self.record(caller, What::Delivery { notice: told.id.clone() }).await?;
        }
        Ok(())
    }
}

/// What the caller did about a critical result, if they say so.
fn action_of(id: &NoticeId, action: i32, remark: &str) -> Result<Option<(CriticalAction, OwnWords)>, Status> {
    let invalid = |field: &str, rule: &dyn std::fmt::Display| Status::invalid_argument(format!("`{field}`: {rule}"));
    let remark = OwnWords::parse(remark).map_err(|rule| invalid("remark", &rule))?;
    let action = v1::CriticalAction::try_from(action).map_err(|_| invalid("action", &"is not a known action"))?;
    if action == v1::CriticalAction::Unspecified {
        let alone = || invalid("remark", &"is for an action: say which");
        return if remark.as_str().is_empty() { Ok(None) } else { Err(alone()) };
    }
    if id.kind != NoticeKind::CriticalResult {
        return Err(invalid("action", &"is only for a `critical-result`"));
    }
    let action = CriticalAction::try_from(action).map_err(|rule| invalid("action", &rule))?;
    Ok(Some((action, remark)))
}

#[tonic::async_trait]
impl NoticeService for NoticeDesk {
    type WatchStream = BoxStream<'static, Result<v1::NoticeItem, Status>>;

    async fn list(
        &self,
        request: Request<v1::ListNoticesRequest>,
    ) -> Result<Response<v1::ListNoticesResponse>, Status> {
        let caller = caller(&request)?;
        let v1::ListNoticesRequest { waiting_only, page_size } = request.into_inner();
        let limit = limit(page_size)?;
        let names = self.names();
        let wanted = |told: &Told| !waiting_only || told.notice.acknowledged.is_none();
        let some: Vec<Told> = self.of(&caller)?.into_iter().filter(wanted).take(limit).collect();
        for told in &some {
            self.deliver(&caller, told).await?;
        }
        let notices = some.into_iter().map(|told| self.worded(told, &names)).collect();
        Ok(Response::new(v1::ListNoticesResponse { notices }))
    }

    async fn list_corrections(
        &self,
        request: Request<v1::ListCorrectionsRequest>,
    ) -> Result<Response<v1::ListCorrectionsResponse>, Status> {
        let caller = staff(&request)?;
        let v1::ListCorrectionsRequest { outstanding_only, page_size } = request.into_inner();
        let limit = limit(page_size)?;
        let all = self.node.rooms().register.corrections_of(&caller.facility).map_err(|error| failed(&error))?;
        let wanted = |one: &v1::Correction| !outstanding_only || (one.acknowledged as usize) < one.told.len();
        let corrections = all.into_iter().filter(wanted).take(limit).collect();
        Ok(Response::new(v1::ListCorrectionsResponse { corrections }))
    }

    async fn list_criticals(
        &self,
        request: Request<v1::ListCriticalsRequest>,
    ) -> Result<Response<v1::ListCriticalsResponse>, Status> {
        let caller = caller(&request)?;
        if !sees_clinical_data(caller.role) {
            return Err(Status::permission_denied("this role sees no clinical data: ask as clinical staff or system"));
        }
        let v1::ListCriticalsRequest { outstanding_only, page_size } = request.into_inner();
        let limit = limit(page_size)?;
        let register = &self.node.rooms().register;
        let all = register.criticals_of(&caller.facility, (self.clock)()).map_err(|error| failed(&error))?;
        let is_over = |told: &v1::CriticalTold| matches!(told.state.as_str(), "acted" | "withdrawn");
        let wanted = |one: &v1::Critical| !outstanding_only || !one.told.iter().all(is_over);
        let criticals = all.into_iter().filter(wanted).take(limit).collect();
        Ok(Response::new(v1::ListCriticalsResponse { criticals }))
    }

    async fn watch(&self, request: Request<v1::WatchNoticesRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller = caller(&request)?;
        let v1::WatchNoticesRequest { after } = request.into_inner();
        let (tell, told) = mpsc::channel(64);
        let watcher = Watcher {
            bell: self.node.rooms().register.notice_bell(),
            desk: self.clone(),
            caller,
            after: after.map(Frontier::from),
            sent: HashMap::new(),
            tell,
        };
        tokio::spawn(watcher.run());
        Ok(Response::new(unfold(told, |mut told| async move { told.recv().await.map(|item| (item, told)) }).boxed()))
    }

    async fn acknowledge(
        &self,
        request: Request<v1::AcknowledgeNoticeRequest>,
    ) -> Result<Response<v1::AcknowledgeNoticeResponse>, Status> {
        let caller = caller(&request)?;
        let v1::AcknowledgeNoticeRequest { id, action, remark } = request.into_inner();
        let id: NoticeId = id.parse().map_err(|rule| Status::invalid_argument(format!("`id`: {rule}")))?;
        let action = action_of(&id, action, &remark)?;
        if caller.member.is_none() || caller.role == Role::Auditor {
            return Err(Status::permission_denied(
                "a person of the facility says that they were told, each for themselves",
            ));
        }
        let told = self.of(&caller)?.into_iter().find(|told| told.id == id).ok_or_else(no_such)?;
        let acts = action.is_some();
        if acts && told.notice.critical.is_none() {
            return Err(Status::failed_precondition(
                "the result is shown to you no longer: acknowledge it without an action",
            ));
        }
        let was_said = |notice: &v1::Notice| if acts { acted(notice).is_some() } else { notice.acknowledged.is_some() };
        if was_said(&told.notice) {
            return Ok(Response::new(said(told.notice, true)));
        }
        let what = match action {
            Some((action, remark)) => What::Action { notice: id.clone(), action, remark },
            None => What::Acknowledgement { notice: id.clone() },
        };
        self.record(&caller, what).await?;
        let Some(notice) = self.once(&caller, &id, was_said).await? else {
            return Ok(Response::new(v1::AcknowledgeNoticeResponse::default()));
        };
        // Somebody may have been quicker.
        let own = caller.member.as_ref().map(|member| member.as_str());
        let first = match acted(&notice) {
            Some(acted) if acts => Some(acted.member.as_str()),
            _ => notice.acknowledged.as_ref().map(|said| said.member.as_str()),
        };
        let duplicate = first != own;
        Ok(Response::new(said(notice, duplicate)))
    }
}

/// What was done about a critical result.
fn acted(notice: &v1::Notice) -> Option<&v1::Acted> {
    notice.critical.as_ref().and_then(|critical| critical.acted.as_ref())
}

fn said(notice: v1::Notice, duplicate: bool) -> v1::AcknowledgeNoticeResponse {
    let acted = acted(&notice).cloned();
    v1::AcknowledgeNoticeResponse { acknowledged: notice.acknowledged, duplicate, acted }
}

/// Tells one caller what comes.
struct Watcher {
    desk: NoticeDesk,
    caller: Principal,
    after: Option<Frontier>,
    /// What was sent, and how it stood then.
    sent: HashMap<NoticeId, Sent>,
    bell: broadcast::Receiver<FacilityId>,
    tell: mpsc::Sender<Result<v1::NoticeItem, Status>>,
}

/// The caller went away, or heard why it ends.
struct Ended;

/// How a notice stood when it was sent: it comes again when that changes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sent {
    acknowledged: bool,
    acted: bool,
    withdrawn: bool,
}

impl Sent {
    fn of(notice: &v1::Notice) -> Self {
        let critical = notice.critical.as_ref();
        Self {
            acknowledged: notice.acknowledged.is_some(),
            acted: acted(notice).is_some(),
            withdrawn: critical.is_some_and(|critical| critical.withdrawn_us.is_some()),
        }
    }
}

impl Watcher {
    async fn run(mut self) {
        let stop = self.desk.stop.clone();
        tokio::select! {
            _ended = self.tell_all() => {}
            () = stop.cancelled() => {
                let _ = self.tell.send(Err(Status::unavailable("the node stops; watch again"))).await;
            }
        }
    }

    async fn tell_all(&mut self) -> Result<std::convert::Infallible, Ended> {
        let mut looked: Option<tokio::time::Instant> = None;
        let mut beats = tokio::time::interval(HEARTBEAT);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut rung = false;
        loop {
            // Whatever is before this was rung; so it is looked for before the watcher hears that nothing is lost.
            let heard = self.desk.heard();
            let heard = self.or_end(heard).await?;
            rung |= self.was_rung();
            if rung || looked.is_none_or(|looked| looked.elapsed() >= BY_THE_CLOCK) {
                self.look(looked.is_none()).await?;
                looked = Some(tokio::time::Instant::now());
            }
            let frontier = Some((&heard).into());
            self.send(Item::Heartbeat(v1::NoticeHeartbeat { frontier })).await?;
            rung = loop {
                tokio::select! {
                    ring = self.bell.recv() => match ring {
                        Ok(facility) if facility == self.caller.facility => break true,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => break true,
                        Err(RecvError::Closed) => return Err(Ended),
                    },
                    _ = beats.tick() => break false,
                }
            };
        }
    }

    /// Whether the facility was rung since it was last asked.
    fn was_rung(&mut self) -> bool {
        let mut rung = false;
        loop {
            match self.bell.try_recv() {
                Ok(facility) => rung |= facility == self.caller.facility,
                Err(TryRecvError::Lagged(_)) => rung = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return rung,
            }
        }
    }

    /// Tells what was not told before, the oldest first.
    async fn look(&mut self, is_first: bool) -> Result<(), Ended> {
        let all = self.desk.of(&self.caller);
        let all = self.or_end(all).await?;
        let mut names = None;
        for told in all.into_iter().rev() {
            let state = Sent::of(&told.notice);
            if self.sent.insert(told.id.clone(), state) == Some(state)
                || is_first && !is_new(&told, self.after.as_ref())
            {
                continue;
            }
            let delivered = self.desk.deliver(&self.caller, &told).await;
            self.or_end(delivered).await?;
            let names = names.get_or_insert_with(|| self.desk.names());
            let notice = self.desk.worded(told, names);
            self.send(Item::Notice(Box::new(notice))).await?;
        }
        Ok(())
    }

    async fn send(&self, item: Item) -> Result<(), Ended> {
        self.tell.send(Ok(v1::NoticeItem { item: Some(item) })).await.map_err(|_| Ended)
    }
    async fn or_end<T>(&self, found: Result<T, Status>) -> Result<T, Ended> {
        match found {
            Ok(found) => Ok(found),
            Err(status) => {
                let _ = self.tell.send(Err(status)).await;
                Err(Ended)
            }
        }
    }
}

#[cfg(test)]
mod tests;
