//! `NoticeService`: what a facility is told, and that it was.

mod words;

use super::node::Node;
use crate::notary::names;
use crate::pipeline::Clock;
use crate::register::{RegisterError, Told};
use futures::StreamExt as _;
use futures::stream::{BoxStream, unfold};
use ledger::{Language, Names};
use model::{
    ActId, AuditOutcome, FacilityId, Frontier, MemberId, NoticeId, NoticeKind, Principal, Reading, Role, What,
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
    if matches!(caller.role, Role::Patient | Role::Administrator) {
        return Err(Status::permission_denied("this role is told of nothing: ask as staff or system of the facility"));
    }
    Ok(caller)
}

/// Whether a notice is for this caller: for everybody at the facility, or for that person and the facility's system.
fn is_for(caller: &Principal, id: &NoticeId) -> bool {
    let person = |member: &MemberId| caller.member.as_ref().is_none_or(|own| own == member);
    id.facility == caller.facility && id.member.as_ref().is_none_or(person)
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
    matches!(kind, NoticeKind::GlassUnreviewed | NoticeKind::ReconsentDue)
}

impl NoticeDesk {
    /// The caller's notices, the newest first, without the words.
    fn of(&self, caller: &Principal) -> Result<Vec<Told>, Status> {
        let register = &self.node.rooms().register;
        let now = (self.clock)();
        let mut all = register.notices_of(&caller.facility, now).map_err(|error| failed(&error))?;
        all.retain(|told| is_for(caller, &told.id));
        let known = all.into_iter().map(|told| register.as_known_to(caller, told, now));
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
    /// The acknowledgement that stands, once it can be read.
    async fn acknowledged(&self, caller: &Principal, id: &NoticeId) -> Result<Option<v1::Acknowledgement>, Status> {
        let find = || Ok::<_, Status>(self.of(caller)?.into_iter().find(|told| told.id == *id));
        let mut bell = self.node.rooms().register.notice_bell();
        let deadline = tokio::time::Instant::now() + SEEN_WITHIN;
        loop {
            if let Some(said) = find()?.and_then(|told| told.notice.acknowledged) {
                return Ok(Some(said));
            }
            if tokio::time::timeout_at(deadline, bell.recv()).await.is_err() {
                return Ok(None);
            }
        }
    }
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
        let some = self.of(&caller)?.into_iter().filter(wanted).take(limit);
        let notices = some.map(|told| self.worded(told, &names)).collect();
        Ok(Response::new(v1::ListNoticesResponse { notices }))
    }

    async fn list_corrections(
        &self,
        request: Request<v1::ListCorrectionsRequest>,
    ) -> Result<Response<v1::ListCorrectionsResponse>, Status> {
        let caller = caller(&request)?;
        let v1::ListCorrectionsRequest { outstanding_only, page_size } = request.into_inner();
        let limit = limit(page_size)?;
        let all = self.node.rooms().register.corrections_of(&caller.facility).map_err(|error| failed(&error))?;
        let wanted = |one: &v1::Correction| !outstanding_only || (one.acknowledged as usize) < one.told.len();
        let corrections = all.into_iter().filter(wanted).take(limit).collect();
        Ok(Response::new(v1::ListCorrectionsResponse { corrections }))
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
        let v1::AcknowledgeNoticeRequest { id } = request.into_inner();
        let id: NoticeId = id.parse().map_err(|rule| Status::invalid_argument(format!("`id`: {rule}")))?;
        if caller.member.is_none() || caller.role == Role::Auditor {
            return Err(Status::permission_denied(
                "a person of the facility says that they were told, each for themselves",
            ));
        }
        let told = self.of(&caller)?.into_iter().find(|told| told.id == id).ok_or_else(no_such)?;
        if let Some(first) = told.notice.acknowledged {
            return Ok(Response::new(v1::AcknowledgeNoticeResponse { acknowledged: Some(first), duplicate: true }));
        }
        let now = (self.clock)();
        let act = ActId(uuid::Uuid::new_v4().as_u128());
        let reading = Reading::begin(act, &caller, What::Acknowledgement { notice: id.clone() }, now);
        let written = self.witness.end(reading, AuditOutcome::Completed).await;
        written.map_err(|error| Status::unavailable(format!("the ledger could not be written: {error}")))?;
        let acknowledged = self.acknowledged(&caller, &id).await?;
        // Somebody may have been quicker.
        let own = caller.member.as_ref().map(|member| member.as_str());
        let duplicate = acknowledged.as_ref().is_some_and(|first| Some(first.member.as_str()) != own);
        Ok(Response::new(v1::AcknowledgeNoticeResponse { acknowledged, duplicate }))
    }
}

/// Tells one caller what comes.
struct Watcher {
    desk: NoticeDesk,
    caller: Principal,
    after: Option<Frontier>,
    /// What was sent, and whether it was acknowledged then.
    sent: HashMap<NoticeId, bool>,
    bell: broadcast::Receiver<FacilityId>,
    tell: mpsc::Sender<Result<v1::NoticeItem, Status>>,
}

/// The caller went away, or heard why it ends.
struct Ended;

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
            let acknowledged = told.notice.acknowledged.is_some();
            if self.sent.insert(told.id.clone(), acknowledged) == Some(acknowledged)
                || is_first && !is_new(&told, self.after.as_ref())
            {
                continue;
            }
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
