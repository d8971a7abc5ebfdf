//! Plays a simulation into a node, each facility by its own credentials, everything through gRPC.

use super::publisher::{Answer, PublishError, Publisher};
use super::{Client, ClientError, Connection};
use crate::simulator::Office;
use model::{
    AgreementChange, Body, ConsentChange, DirectoryChange, Event, FacilityId, Frontier, KinshipChange, LinkChange,
    MemberId, Principal, Purpose, Role,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tonic::Status;
use wire::v1;

/// Calls to the directory and consent services under way at once.
const CALLS: usize = 64;
/// How long a node may take to make known what it has acknowledged.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a simulation cannot be played to its end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// A facility could not connect.
    #[error("`{facility}` cannot connect: {source}")]
    Connect {
        /// Which.
        facility: String,
        /// Why.
        source: ClientError,
    },
    /// A stream of events ended early.
    #[error("`{facility}`: {source}")]
    Publish {
        /// Whose.
        facility: String,
        /// Why.
        source: PublishError,
    },
    /// The node did not show in time what it had acknowledged.
    #[error("the node has not caught up with {at_least} within {PATIENCE:?}: {}: {}", status.code(), status.message())]
    Behind {
        /// What was waited for.
        at_least: Frontier,
        /// The node's last word.
        status: Box<Status>,
    },
    /// The node cannot be asked.
    #[error("the node refused a call it must answer: {}: {}", .0.code(), .0.message())]
    Call(Box<Status>),
}

/// What became of the events of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Stored now.
    pub accepted: u64,
    /// Stored before.
    pub duplicate: u64,
    /// Refused, by reason.
    pub refused: BTreeMap<String, u64>,
}

impl Tally {
    /// All refused.
    pub fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }
    /// Takes in one answer.
    pub fn count(&mut self, answer: Answer) {
        match answer {
            Answer::Accepted(_) => self.accepted += 1,
            Answer::Duplicate(_) => self.duplicate += 1,
            Answer::Refused { reason, field, rule } => {
                let text =
                    if field.is_empty() { format!("{reason}: {rule}") } else { format!("{reason}: {field} {rule}") };
                *self.refused.entry(text).or_default() += 1;
            }
        }
    }
}

/// Tallies by kind of event.
pub type Tallies = BTreeMap<&'static str, Tally>;

type Shared = Arc<Mutex<Tallies>>;

fn count(tallies: &Shared, kind: &'static str, answer: Answer) {
    tallies.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default().count(answer);
}

/// One facility at play.
#[derive(Debug)]
struct Seat {
    client: Client,
    publisher: Publisher,
    kinds: std::sync::mpsc::Sender<&'static str>,
}

/// Plays events into a node.
#[derive(Debug)]
pub struct Player {
    administrator: Client,
    connections: HashMap<FacilityId, Connection>,
    seats: HashMap<FacilityId, Seat>,
    tallies: Shared,
    calls: JoinSet<(&'static str, Result<v1::DirectoryResponse, Status>)>,
    /// Everything the node has acknowledged, and how much of it it is known to show.
    reached: Frontier,
    shown: Frontier,
    /// Consents and links stated, whose next statement must not overtake.
    stated: HashSet<String>,
}

impl Player {
    /// Connects the operator; the facilities connect when they first speak, because the node must know them first.
    /// `dev_dir` holds the keys of `ajisai dev ca`.
    ///
    /// # Errors
    /// When the operator cannot connect.
    pub async fn connect(
        address: &str,
        dev_dir: &Path,
        (office, operator): (&FacilityId, &MemberId),
        offices: &[Office],
    ) -> Result<Self, PlayError> {
        let administrator = Principal {
            facility: office.clone(),
            member: Some(operator.clone()),
            role: Role::Administrator,
            purpose: Purpose::Operations,
        };
        let administrator = open(&Connection::with_dev(address, dev_dir, &administrator), office).await?;
        let system = |office: &Office| {
            let facility = office.id().clone();
            let principal =
                Principal { facility: facility.clone(), member: None, role: Role::System, purpose: Purpose::Treatment };
            (facility, Connection::with_dev(address, dev_dir, &principal))
        };
        Ok(Self {
            administrator,
            connections: offices.iter().map(system).collect(),
            seats: HashMap::new(),
            tallies: Shared::default(),
            calls: JoinSet::new(),
            reached: Frontier::start(),
            shown: Frontier::start(),
            stated: HashSet::new(),
        })
    }

    /// Sends one event by the way that is meant for it.
    ///
    /// # Errors
    /// When the node ends a stream or does not catch up. A refused event is no error: it is tallied.
    pub async fn play(&mut self, event: &Event) -> Result<(), PlayError> {
        match &event.body {
            // The door refuses an audit event; that is tallied like any refusal.
            Body::Record(_) | Body::Referral(_) | Body::Audit(_) | Body::Directory(DirectoryChange::Measure(_)) => {
                let kind = match &event.body {
                    Body::Record(record) => record.category().code(),
                    Body::Referral(_) => "referral",
                    Body::Directory(_) => "measure",
                    _ => "audit",
                };
                let facility = event.key.source.as_str().to_owned();
                let seat = self.seat(&event.key.source).await?;
                // The stream answers in the order of its events, so the kinds wait in a queue.
                seat.kinds.send(kind).ok();
                let sent = seat.publisher.send(event).await;
                sent.map_err(|source| PlayError::Publish { facility, source })?;
            }
            Body::Consent(change) => self.consent(event, change).await?,
            Body::Directory(change) => self.directory(event, change).await?,
        }
        Ok(())
    }

    async fn consent(&mut self, event: &Event, change: &ConsentChange) -> Result<(), PlayError> {
        let (id, last) = match change {
            ConsentChange::Given(consent) => (consent.id.as_str().to_owned(), false),
            ConsentChange::Withdrawn(withdrawal) => (withdrawal.id.as_str().to_owned(), true),
            ConsentChange::Released(_) => (String::new(), true),
            ConsentChange::GlassBroken(glass) => (glass.id.as_str().to_owned(), false),
            ConsentChange::GlassClosed(end) => (end.id.as_str().to_owned(), true),
            ConsentChange::GlassReviewed(review) => (review.id.as_str().to_owned(), true),
        };
        if last || !self.stated.insert(id) {
            self.catch_up().await?;
        }
        let mut service = self.seat(&event.key.source).await?.client.consents();
        let request_id = event.key.id.as_str().to_owned();
        let change = v1::ConsentChange::from(change);
        self.call("consent", async move {
            let response = match change.kind {
                Some(v1::consent_change::Kind::Given(consent)) => {
                    service.give(v1::GiveConsentRequest { consent: Some(*consent), request_id }).await?
                }
                Some(v1::consent_change::Kind::Withdrawn(withdrawal)) => {
                    service.withdraw(v1::WithdrawConsentRequest { withdrawal: Some(withdrawal), request_id }).await?
                }
                Some(v1::consent_change::Kind::Released(release)) => {
                    service.release(v1::ReleaseRequest { release: Some(release), request_id }).await?
                }
                Some(v1::consent_change::Kind::GlassBroken(glass)) => {
                    service.break_glass(v1::BreakGlassRequest { glass: Some(glass), request_id }).await?
                }
                Some(v1::consent_change::Kind::GlassClosed(end)) => {
                    service.close_glass(v1::CloseGlassRequest { end: Some(end), request_id }).await?
                }
                Some(v1::consent_change::Kind::GlassReviewed(review)) => {
                    service.review_glass(v1::ReviewGlassRequest { review: Some(review), request_id }).await?
                }
                None => return Err(Status::internal("a consent change without a change")),
            };
            let v1::ConsentResponse { position, at_least, duplicate } = response.into_inner();
            Ok(v1::DirectoryResponse { position, at_least, duplicate })
        })
        .await
    }

    async fn directory(&mut self, event: &Event, change: &DirectoryChange) -> Result<(), PlayError> {
        let request_id = event.key.id.as_str().to_owned();
        match change {
            DirectoryChange::Facility(facility) => {
                let mut service = self.administrator.directory();
                let facility = Some(facility.into());
                self.call("directory", async move {
                    let request = v1::PutFacilityRequest { facility, request_id };
                    service.put_facility(request).await.map(tonic::Response::into_inner)
                })
                .await?;
                // The members that follow belong to it.
                self.catch_up().await
            }
            DirectoryChange::Member(member) => {
                let mut service = self.administrator.directory();
                let member = Some(member.into());
                self.call("directory", async move {
                    let request = v1::PutMemberRequest { member, request_id };
                    service.put_member(request).await.map(tonic::Response::into_inner)
                })
                .await
            }
            DirectoryChange::Scope(scope) => {
                let mut service = self.seat(&event.key.source).await?.client.directory();
                let scope = Some(scope.into());
                self.call("directory", async move {
                    let request = v1::PutScopeRequest { scope, request_id };
                    service.put_scope(request).await.map(tonic::Response::into_inner)
                })
                .await
            }
            DirectoryChange::Link(LinkChange::Linked(link)) => {
                let mut service = self.seat(&event.key.source).await?.client.directory();
                let link = Some(link.into());
                self.call("link", async move {
                    let request = v1::LinkRequest { link, request_id };
                    service.link(request).await.map(tonic::Response::into_inner)
                })
                .await
            }
            DirectoryChange::Link(LinkChange::Unlinked(unlink)) => {
                self.catch_up().await?;
                let mut service = self.seat(&event.key.source).await?.client.directory();
                let unlink = Some(unlink.into());
                self.call("link", async move {
                    let request = v1::UnlinkRequest { unlink, request_id };
                    service.unlink(request).await.map(tonic::Response::into_inner)
                })
                .await
            }
            DirectoryChange::Agreement(change) => {
                let mut service = self.seat(&event.key.source).await?.client.directory();
                let change = change.clone();
                self.call("agreement", async move {
                    let answer = match &change {
                        AgreementChange::Stated(agreement) => {
                            let agreement = Some(agreement.into());
                            service.put_agreement(v1::PutAgreementRequest { agreement, request_id }).await
                        }
                        AgreementChange::Ended(end) => {
                            let end = Some(end.into());
                            service.end_agreement(v1::EndAgreementRequest { end, request_id }).await
                        }
                    };
                    answer.map(tonic::Response::into_inner)
                })
                .await
            }
            DirectoryChange::Kinship(change) => {
                let mut service = self.seat(&event.key.source).await?.client.directory();
                let change = change.clone();
                self.call("kinship", async move {
                    let answer = match &change {
                        KinshipChange::Stated(kinship) => {
                            let kinship = Some(kinship.into());
                            service.put_kinship(v1::PutKinshipRequest { kinship, request_id }).await
                        }
                        KinshipChange::Ended(end) => {
                            let end = Some(end.into());
                            service.end_kinship(v1::EndKinshipRequest { end, request_id }).await
                        }
                    };
                    answer.map(tonic::Response::into_inner)
                })
                .await
            }
            DirectoryChange::Definition(definition) => {
                let mut service = self.seat(&event.key.source).await?.client.definitions();
                let definition = Some(definition.into());
                self.call("definition", async move {
                    let request = v1::PutDefinitionRequest { definition, request_id, try_only: false };
                    let response = |stated: v1::PutDefinitionResponse| v1::DirectoryResponse {
                        position: stated.position,
                        at_least: stated.at_least,
                        duplicate: stated.duplicate,
                    };
                    service.put_definition(request).await.map(|stated| response(stated.into_inner()))
                })
                .await
            }
            // goes as an event: what the service publishes it counts itself
            DirectoryChange::Measure(_) => Ok(()),
            DirectoryChange::Laboratory(table) => {
                let mut service = self.seat(&event.key.source).await?.client.laboratory();
                let table = Some(table.into());
                self.call("laboratory table", async move {
                    let stated = service.put_table(v1::PutLabTableRequest { table, request_id, try_only: false }).await;
                    let response = |stated: v1::PutLabTableResponse| v1::DirectoryResponse {
                        position: stated.position,
                        at_least: stated.at_least,
                        duplicate: stated.duplicate,
                    };
                    stated.map(|stated| response(stated.into_inner()))
                })
                .await
            }
        }
    }

    /// Starts a call; waits for another to end while too many are under way.
    async fn call(
        &mut self,
        kind: &'static str,
        call: impl Future<Output = Result<v1::DirectoryResponse, Status>> + Send + 'static,
    ) -> Result<(), PlayError> {
        while self.calls.len() >= CALLS {
            self.end_one_call().await;
        }
        self.calls.spawn(async move { (kind, call.await) });
        Ok(())
    }

    async fn end_one_call(&mut self) {
        let Some(Ok((kind, outcome))) = self.calls.join_next().await else { return };
        let answer = match outcome {
            Ok(v1::DirectoryResponse { position, at_least, duplicate }) => {
                let position = position.unwrap_or_default().into();
                self.reached.include(position);
                for (partition, next) in Frontier::from(at_least.unwrap_or_default()).iter() {
                    self.reached.advance(partition, next);
                }
                if duplicate { Answer::Duplicate(position) } else { Answer::Accepted(position) }
            }
            Err(status) => Answer::Refused {
                reason: format!("{:?}", status.code()),
                field: String::new(),
                rule: status.message().to_owned(),
            },
        };
        count(&self.tallies, kind, answer);
    }

    /// Waits until the node shows everything it has acknowledged of directory and consents.
    async fn catch_up(&mut self) -> Result<(), PlayError> {
        while !self.calls.is_empty() {
            self.end_one_call().await;
        }
        if !self.shown.covers(&self.reached) {
            await_frontier(&self.administrator, &self.reached).await?;
            self.shown = self.reached.clone();
        }
        Ok(())
    }

    async fn seat(&mut self, facility: &FacilityId) -> Result<&mut Seat, PlayError> {
        if !self.seats.contains_key(facility) {
            self.catch_up().await?;
            let Some(connection) = self.connections.get(facility) else {
                let source = ClientError::Nobody;
                return Err(PlayError::Connect { facility: facility.as_str().to_owned(), source });
            };
            let client = open(connection, facility).await?;
            let (kinds, waiting) = std::sync::mpsc::channel();
            let tallies = self.tallies.clone();
            let publisher = Publisher::open(&client, move |_, answer| {
                if let Ok(kind) = waiting.recv() {
                    count(&tallies, kind, answer);
                }
            });
            self.seats.insert(facility.clone(), Seat { client, publisher, kinds });
        }
        self.seats
            .get_mut(facility)
            .ok_or_else(|| PlayError::Connect { facility: facility.as_str().to_owned(), source: ClientError::Nobody })
    }

    /// The operator's client.
    pub fn administrator(&self) -> &Client {
        &self.administrator
    }
    /// Counts so far.
    pub fn tallies(&self) -> Tallies {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// Waits until everything sent is answered; gives the counts and how far the log came.
    ///
    /// # Errors
    /// When a stream ended early.
    pub async fn finish(mut self) -> Result<(Tallies, Frontier), PlayError> {
        while !self.calls.is_empty() {
            self.end_one_call().await;
        }
        let mut reached = self.reached.clone();
        for (facility, Seat { publisher, kinds, client: _ }) in self.seats.drain() {
            drop(kinds);
            let end = publisher.finish().await;
            let end = end.map_err(|source| PlayError::Publish { facility: facility.as_str().to_owned(), source })?;
            for (partition, next) in end.iter() {
                reached.advance(partition, next);
            }
        }
        Ok((self.tallies(), reached))
    }
}

async fn open(connection: &Connection, facility: &FacilityId) -> Result<Client, PlayError> {
    let opened = connection.open().await;
    opened.map_err(|source| PlayError::Connect { facility: facility.as_str().to_owned(), source })
}

/// Waits until the node's answers include everything before `at_least`.
///
/// # Errors
/// When it does not come so far in time.
pub async fn await_frontier(client: &Client, at_least: &Frontier) -> Result<(), PlayError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let request = v1::QueryRequest {
            sql: "SELECT 1".to_owned(),
            at_least: Some(at_least.into()),
            wait_ms: 5_000,
            timeout_ms: 0,
        };
        let outcome = async {
            let mut parts = client.query().query(request).await?.into_inner();
            while parts.message().await?.is_some() {}
            Ok::<(), Status>(())
        }
        .await;
        match outcome {
            Ok(()) => return Ok(()),
            Err(status) if tokio::time::Instant::now() >= deadline => {
                return Err(PlayError::Behind { at_least: at_least.clone(), status: Box::new(status) });
            }
            Err(status) if matches!(status.code(), tonic::Code::DeadlineExceeded | tonic::Code::Unavailable) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(status) => return Err(PlayError::Call(Box::new(status))),
        }
    }
}
