//! How the node stands: `NodeService`, and what health answers.

use crate::app::log;
use crate::config::{Config, Operator};
use crate::pipeline::Rooms;
use crate::telemetry::Readiness;
use ingest::Admission;
use model::{Frontier, Moment, Principal};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::node_service_server::{NodeService, NodeServiceServer};

/// What the node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It reads what the log holds beyond the views; queries are answered and say how fresh they are.
    CatchingUp,
    /// It serves.
    Serving,
    /// It drains.
    Stopping,
}

impl State {
    const fn code(self) -> &'static str {
        match self {
            Self::CatchingUp => "catching-up",
            Self::Serving => "serving",
            Self::Stopping => "stopping",
        }
    }
}

/// The node, for those who run it.
#[derive(Debug)]
pub struct Node {
    rooms: Rooms,
    admission: Arc<Admission>,
    log_kind: &'static str,
    operators: HashSet<Operator>,
    started: Moment,
    state: Mutex<State>,
}

impl Node {
    pub(super) fn new(config: &Config, rooms: Rooms, admission: Arc<Admission>) -> Self {
        Self {
            rooms,
            admission,
            log_kind: log::kind(config),
            operators: config.identity.operators.iter().cloned().collect(),
            started: (crate::identity::system_clock())(),
            state: Mutex::new(State::CatchingUp),
        }
    }
    pub(super) fn rooms(&self) -> &Rooms {
        &self.rooms
    }
    pub(super) fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }
    /// What the node is doing now.
    pub fn get(&self) -> State {
        *self.state.lock()
    }
    /// What `/ready` answers.
    pub(super) fn readiness(&self) -> Readiness {
        match self.get() {
            State::Serving => Readiness::Ready,
            state => Readiness::NotReady(state.code().to_owned()),
        }
    }
    pub(super) fn set(&self, next: State) {
        let mut state = self.state.lock();
        // Stopping is final.
        if *state != State::Stopping {
            *state = next;
        }
    }
    /// Whether this is a person whom the configuration names as running the node.
    pub(super) fn is_operator(&self, principal: &Principal) -> bool {
        principal.is_administrator()
            && principal.member.clone().is_some_and(|member| {
                self.operators.contains(&Operator { facility: principal.facility.clone(), member })
            })
    }
    fn may_ask(&self, principal: &Principal) -> bool {
        principal.is_administrator()
            && principal.member.clone().is_some_and(|member| {
                let operator = Operator { facility: principal.facility.clone(), member };
                self.operators.contains(&operator) || self.rooms.book.read().member(&operator.member).is_some()
            })
    }
}

/// The service over the node.
pub(super) fn service(node: Arc<Node>) -> NodeServiceServer<NodeDesk> {
    NodeServiceServer::new(NodeDesk(node))
}

/// Answers `NodeService`.
#[derive(Debug)]
pub(super) struct NodeDesk(Arc<Node>);

#[tonic::async_trait]
impl NodeService for NodeDesk {
    async fn status(&self, request: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        let caller = request.extensions().get::<Principal>();
        if !caller.is_some_and(|principal| self.0.may_ask(principal)) {
            return Err(Status::permission_denied("an administrator may ask how the node stands"));
        }
        let node = &self.0;
        let end = node.rooms.log.end().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let viewed = node.rooms.store.frontier();
        let moment = (crate::identity::system_clock())();
        let lag = end.ahead_of(&viewed);
        let (facilities, consents) = {
            let book = node.rooms.book.read();
            let active = |facility: &&model::Facility| facility.status == model::FacilityStatus::Active;
            (book.facilities().filter(active).count(), book.memory().grants)
        };
        Ok(Response::new(v1::StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_us: node.started.micros(),
            moment_us: moment.micros(),
            log_kind: node.log_kind.to_owned(),
            data_partitions: node.rooms.log.data_partitions(),
            log_end: Some(frontier(&end)),
            viewed: Some(frontier(&viewed)),
            committed: Some(frontier(&node.rooms.store.committed())),
            lag_letters: lag,
            lag_us: 0,
            records: node.rooms.store.rows(),
            facilities: count(facilities),
            consents: count(consents),
            feeds: count(node.rooms.feeds.listeners()),
            quarantined: node.admission.quarantined().events,
            withheld_letters: node.rooms.withheld.count(),
            state: node.get().code().to_owned(),
        }))
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn frontier(frontier: &Frontier) -> v1::Frontier {
    let next = frontier.iter().map(|(partition, offset)| v1::Position { partition: partition.0, offset: offset.0 });
    v1::Frontier { next: next.collect() }
}
