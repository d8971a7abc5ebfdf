//! A house for one test: a reading room and its three doors on ports of their own.

use crate::shelf::Shelf;
use async_trait::async_trait;
use model::{FacilityId, MemberId, Principal, Purpose, Role};
use query::{AuthError, Authenticator, Executor, FlightDesk, Limits, PostgresDesk, QueryDesk, ReadingRoom, ViewSource};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Status};

pub struct House {
    pub shelf: Arc<Shelf>,
    pub room: Arc<ReadingRoom>,
    pub grpc: SocketAddr,
    pub postgres: SocketAddr,
}

/// A token of these tests: facility, role and purpose by name.
pub fn token(facility: &str, role: Role, purpose: Purpose) -> String {
    format!("test/{facility}/{}/{}", role.code(), purpose.code())
}

pub fn physician(facility: &str) -> String {
    token(facility, Role::Physician, Purpose::Treatment)
}

pub fn principal(facility: &str) -> Principal {
    recognise(&physician(facility)).unwrap()
}

fn recognise(token: &str) -> Option<Principal> {
    let mut parts = token.strip_prefix("test/")?.split('/');
    let facility = FacilityId::parse(parts.next()?).ok()?;
    let (role, purpose) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let member = MemberId::parse(&format!("dr@{}", facility.as_str())).ok()?;
    Some(Principal { facility, member: Some(member), role, purpose })
}

struct Tokens;

#[async_trait]
impl Authenticator for Tokens {
    async fn token(&self, bearer: &str) -> Result<Principal, AuthError> {
        recognise(bearer).ok_or_else(|| AuthError::Refused { reason: "it is not signed by a known key".to_owned() })
    }
}

pub fn identify(mut request: Request<()>) -> Result<Request<()>, Status> {
    let bearer = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
    if let Some(principal) = bearer.and_then(|bearer| bearer.strip_prefix("Bearer ")).and_then(recognise) {
        request.extensions_mut().insert(principal);
    }
    Ok(request)
}

impl House {
    pub async fn open() -> Self {
        Self::with(Limits { at_least: Duration::from_millis(300), ..Limits::default() }).await
    }

    pub async fn with(limits: Limits) -> Self {
        let shelf = Shelf::new();
        let source: Arc<dyn ViewSource> = Arc::clone(&shelf) as Arc<dyn ViewSource>;
        let room = ReadingRoom::open(source, limits, Executor::start(2).unwrap()).unwrap();
        let (grpc, postgres) = serve(&room).await;
        Self { shelf, room, grpc, postgres }
    }
}

/// Serves a room on ports of its own until the test's runtime ends.
pub async fn serve(room: &Arc<ReadingRoom>) -> (SocketAddr, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let grpc = listener.local_addr().unwrap();
    let flight = InterceptedService::new(FlightDesk::service(Arc::clone(room)), identify);
    let query = InterceptedService::new(QueryDesk::service(Arc::clone(room)), identify);
    let server = Server::builder().add_service(flight).add_service(query);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let postgres = listener.local_addr().unwrap();
    let desk = PostgresDesk::new(Arc::clone(room), Arc::new(Tokens), None);
    tokio::spawn(desk.serve(listener, std::future::pending()));
    (grpc, postgres)
}
