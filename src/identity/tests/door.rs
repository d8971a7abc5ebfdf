//! The layer before a real tonic server, over real TLS.

use super::*;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_server};

/// Answers with the principal's name instead of a status: what the layer put there is what comes back.
#[derive(Debug, Clone)]
struct WhoAmI;

fn described<T>(request: &Request<T>) -> String {
    request.extensions().get::<Principal>().map_or_else(
        || "nobody".to_owned(),
        |p| format!("{}/{}/{}", p.facility, p.member.as_ref().map_or("-", |m| m.as_str()), p.role),
    )
}

struct Node {
    scene: Scene,
    address: std::net::SocketAddr,
    _server: tokio_util::task::AbortOnDropHandle<()>,
}

/// The health service under another path, so that it lies behind the layer.
#[derive(Debug, Clone)]
struct Renamed<S>(S);

impl<S: tonic::server::NamedService> tonic::server::NamedService for Renamed<S> {
    const NAME: &'static str = "test.WhoAmI";
}

impl<S, B> tower::Service<http::Request<B>> for Renamed<S>
where
    S: tower::Service<http::Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }
    fn call(&mut self, mut request: http::Request<B>) -> S::Future {
        *request.uri_mut() = "/grpc.health.v1.Health/Check".parse().unwrap();
        self.0.call(request)
    }
}

#[tonic::async_trait]
impl health_server::Health for WhoAmI {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<tonic_health::pb::HealthCheckResponse>, Status> {
        Err(Status::already_exists(described(&request)))
    }
    type WatchStream = tokio_stream::Empty<Result<tonic_health::pb::HealthCheckResponse, Status>>;
    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<tonic::Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
}

impl Node {
    async fn start(secure: bool) -> Self {
        tls::install_provider();
        let scene = Scene::set().await;
        let path = |name: &str| scene.authority.path(name);
        let files = crate::config::Tls {
            certificate: path("node.pem"),
            key: path("node.key"),
            client_ca: path("ca.pem"),
            client_crl: None,
        };
        let config =
            secure.then(|| tls::server_config(&files, tls::ClientCertificates::Optional, tls::ALPN_GRPC).unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connections = Connections::open(listener, config).unwrap();
        let address = connections.address();
        let (_, health) = tonic_health::server::health_reporter();
        let router = tonic::transport::Server::builder()
            .layer(IdentityLayer::new(scene.identity.clone()))
            .add_service(health)
            .add_service(Renamed(health_server::HealthServer::new(WhoAmI)));
        let server = tokio::spawn(async move { router.serve_with_incoming(connections).await.unwrap() });
        Self { scene, address, _server: tokio_util::task::AbortOnDropHandle::new(server) }
    }

    fn tls(&self) -> ClientTlsConfig {
        let ca = std::fs::read_to_string(self.scene.authority.path("ca.pem")).unwrap();
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)).domain_name("localhost")
    }

    fn showing(&self, certificate: &std::path::Path, key: &std::path::Path) -> ClientTlsConfig {
        let read = |path| std::fs::read_to_string(path).unwrap();
        self.tls().identity(tonic::transport::Identity::from_pem(read(certificate), read(key)))
    }

    async fn connect(&self, tls: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).unwrap();
        endpoint.tls_config(tls).unwrap().connect().await
    }

    async fn plain(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }
}

/// Whom the server takes us for, or the code and words of its refusal.
async fn who_am_i(channel: Channel, authorization: Option<&str>) -> Result<String, (Code, String)> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let mut request = Request::new(HealthCheckRequest::default());
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", MetadataValue::try_from(value).unwrap());
    }
    let codec: tonic_prost::ProstCodec<HealthCheckRequest, tonic_health::pb::HealthCheckResponse> =
        tonic_prost::ProstCodec::default();
    let path = http::uri::PathAndQuery::from_static("/test.WhoAmI/Check");
    let status = grpc.unary(request, path, codec).await.expect_err("it answers with a status only");
    match status.code() {
        Code::AlreadyExists => Ok(status.message().to_owned()),
        code => Err((code, status.message().to_owned())),
    }
}

fn refused(refusal: &Refusal) -> Result<String, (Code, String)> {
    Err((Code::Unauthenticated, refusal.to_string()))
}

#[tokio::test]
async fn a_client_certificate_opens_the_door_to_its_facilitys_system() {
    let node = Node::start(true).await;
    let (certificate, key) = node.scene.authority.facility(&facility("hospital"));
    let channel = node.connect(node.showing(&certificate, &key)).await.unwrap();
    assert_eq!(who_am_i(channel.clone(), None).await, Ok("hospital/-/system".to_owned()));
    let token = format!("Bearer {}", node.scene.token());
    assert_eq!(who_am_i(channel, Some(&token)).await, refused(&Refusal::OtherFacility));
}

#[tokio::test]
async fn a_person_comes_with_a_token_and_without_a_certificate() {
    let node = Node::start(true).await;
    let channel = node.connect(node.tls()).await.unwrap();
    let token = format!("Bearer {}", node.scene.token());
    assert_eq!(who_am_i(channel.clone(), Some(&token)).await, Ok("clinic/sato/physician".to_owned()));
    assert_eq!(who_am_i(channel.clone(), None).await, refused(&Refusal::Anonymous));
    assert_eq!(who_am_i(channel, Some("Basic c2F0bzpzYXRv")).await, refused(&Refusal::Malformed));
}

#[tokio::test]
async fn a_trusted_certificate_without_a_facility_is_refused() {
    let node = Node::start(true).await;
    let authority = &node.scene.authority;
    let pair = rcgen::KeyPair::generate().unwrap();
    let read = |name: &str| std::fs::read_to_string(authority.path(name)).unwrap();
    let ca = rcgen::KeyPair::from_pem(&read("ca.key")).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_pem(&read("ca.pem"), ca).unwrap();
    let signed = rcgen::CertificateParams::new(vec!["hospital".to_owned()]).unwrap().signed_by(&pair, &issuer).unwrap();
    let identity = tonic::transport::Identity::from_pem(signed.pem(), pair.serialize_pem());
    let channel = node.connect(node.tls().identity(identity)).await.unwrap();
    assert_eq!(who_am_i(channel, None).await, refused(&Refusal::Certificate(CertificateError::Absent)));
}

#[tokio::test]
async fn a_certificate_of_another_ca_does_not_get_past_the_handshake() {
    let node = Node::start(true).await;
    let dir = TempDir::new().unwrap();
    let stranger = Authority::make(dir.path(), &[], &[facility("hospital")]).unwrap();
    let (certificate, key) = stranger.facility(&facility("hospital"));
    // With TLS 1.3 a client learns of the refusal at its first read, so either step may fail; neither may succeed.
    if let Ok(channel) = node.connect(node.showing(&certificate, &key)).await {
        let mut health = HealthClient::new(channel);
        let answer = health.check(HealthCheckRequest::default()).await;
        assert!(answer.is_err(), "even health is not answered on such a connection");
    }
}

#[tokio::test]
async fn on_loopback_without_tls_a_token_is_still_needed() {
    let node = Node::start(false).await;
    assert_eq!(who_am_i(node.plain().await, None).await, refused(&Refusal::Anonymous));
    let token = format!("Bearer {}", node.scene.token());
    assert_eq!(who_am_i(node.plain().await, Some(&token)).await, Ok("clinic/sato/physician".to_owned()));
    let system = TokenRequest { member: None, role: Role::System, ..Scene::request() };
    let token = format!("Bearer {}", node.scene.authority.token(&system).unwrap());
    assert_eq!(who_am_i(node.plain().await, Some(&token)).await, Ok("clinic/-/system".to_owned()));
}

#[tokio::test]
async fn health_is_answered_to_everyone() {
    for secure in [true, false] {
        let node = Node::start(secure).await;
        let channel = if secure { node.connect(node.tls()).await.unwrap() } else { node.plain().await };
        let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
        assert_eq!(answer.into_inner().status, 1, "serving");
    }
}
