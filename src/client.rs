//! How the commands reach a node: its address, its certificate authority, and who is asking.
//!
//! Over TLS a facility's system shows its certificate and a person a token; on loopback without TLS everybody shows
//! a token. Nothing here is kept: a connection is made for a command and ends with it.

pub mod player;
pub mod publisher;

use crate::identity::authority::{Authority, TokenRequest};
use clap::Args;
use model::{FacilityId, Frontier, MemberId, Position, Principal, Purpose, Role};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use wire::v1::bed_service_client::BedServiceClient;
use wire::v1::cohort_service_client::CohortServiceClient;
use wire::v1::consent_service_client::ConsentServiceClient;
use wire::v1::definition_service_client::DefinitionServiceClient;
use wire::v1::directory_service_client::DirectoryServiceClient;
use wire::v1::explain_service_client::ExplainServiceClient;
use wire::v1::feed_service_client::FeedServiceClient;
use wire::v1::ingest_service_client::IngestServiceClient;
use wire::v1::laboratory_service_client::LaboratoryServiceClient;
use wire::v1::ledger_service_client::LedgerServiceClient;
use wire::v1::measure_service_client::MeasureServiceClient;
use wire::v1::node_service_client::NodeServiceClient;
use wire::v1::notice_service_client::NoticeServiceClient;
use wire::v1::policy_service_client::PolicyServiceClient;
use wire::v1::publisher_service_client::PublisherServiceClient;
use wire::v1::query_service_client::QueryServiceClient;
use wire::v1::referral_service_client::ReferralServiceClient;
use wire::v1::worklist_service_client::WorklistServiceClient;

/// The largest message taken from a node, in bytes.
const MESSAGE_LIMIT: usize = 64 << 20;

/// Why a node cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not an address.
    #[error("`{0}` is not an address: write http://127.0.0.1:7443 or https://host:port")]
    Address(String),
    /// Plain text to another machine.
    #[error("`{0}` is not on this machine, so it needs TLS: write https:// and give the CA with --ca")]
    Plaintext(String),
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody is asking.
    #[error("say who asks: --token FILE, or --certificate FILE --key FILE, or --dev-dir DIR --as-facility ID")]
    Nobody,
    /// The token has characters that no token has.
    #[error("the token is not one: it has characters that cannot be sent")]
    Token,
    /// The development keys do not give a token.
    #[error("making a development token failed: {0}")]
    DevToken(String),
    /// The development keys do not give a certificate.
    #[error("making a development certificate failed: {0}")]
    DevCertificate(String),
    /// TLS settings that do not work.
    #[error("the certificates cannot be used: {0}")]
    Tls(tonic::transport::Error),
    /// Nobody answers.
    #[error("no node answers at {address}: {reason}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
}

/// Where the node is and who asks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "接続 Connection")]
pub struct Connection {
    /// ノードのアドレス Address of the node.
    #[arg(long, env = "AJISAI_ADDRESS", default_value = "http://127.0.0.1:7443", value_name = "URL")]
    pub address: String,
    /// ノードの証明書を発行した認証局 (PEM) The authority that signed the node's certificate.
    #[arg(long, env = "AJISAI_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// 施設のクライアント証明書 (PEM) The facility's client certificate.
    #[arg(long, visible_alias = "as-certificate", env = "AJISAI_CERTIFICATE", value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
    /// その秘密鍵 (PEM) Its private key.
    #[arg(long, env = "AJISAI_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// 署名済みトークン、またはそれを納めたファイル A signed token, or the file that holds it.
    #[arg(long, visible_alias = "as", env = "AJISAI_TOKEN", hide_env_values = true, value_name = "FILE")]
    pub token: Option<String>,
    /// 開発用の鍵の場所。トークンをその場で作る Directory of `ajisai dev ca`; makes a token on the spot.
    #[arg(long, env = "AJISAI_DEV_DIR", value_name = "DIR", requires = "as_facility")]
    pub dev_dir: Option<PathBuf>,
    /// 開発用トークンの施設 Facility of that token.
    #[arg(long, value_name = "ID")]
    pub as_facility: Option<String>,
    /// 開発用トークンの利用者 Member of that token; none for the facility's system.
    #[arg(long, value_name = "ID")]
    pub as_member: Option<String>,
    /// 開発用トークンの職種 Role of that token.
    #[arg(long, value_name = "ROLE", default_value = "system")]
    pub as_role: Role,
    /// 開発用トークンの利用目的 Purpose of that token.
    #[arg(long, value_name = "CODE", default_value = "TREAT")]
    pub as_purpose: Purpose,
}

impl Connection {
    /// The same node, asked by a principal with a token made from the keys in `dev_dir`.
    pub fn with_dev(address: &str, dev_dir: &Path, principal: &Principal) -> Self {
        Self {
            address: address.to_owned(),
            ca: None,
            certificate: None,
            key: None,
            token: None,
            dev_dir: Some(dev_dir.to_owned()),
            as_facility: Some(principal.facility.as_str().to_owned()),
            as_member: principal.member.as_ref().map(|member| member.as_str().to_owned()),
            as_role: principal.role,
            as_purpose: principal.purpose,
        }
    }

    /// Connects, and proves to be the one who asks.
    ///
    /// # Errors
    /// When the address, the files or the keys do not work, or nobody answers.
    pub async fn open(&self) -> Result<Client, ClientError> {
        let tls = self.address.starts_with("https://");
        if let Some(shown) = self.dev_certificate(tls)? {
            return Box::pin(shown.open()).await;
        }
        let bearer = self.bearer()?;
        if bearer.is_none() && self.certificate.is_none() {
            return Err(ClientError::Nobody);
        }
        let mut endpoint = Endpoint::from_shared(self.address.clone())
            .map_err(|_| ClientError::Address(self.address.clone()))?
            .tcp_nodelay(true)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .connect_timeout(Duration::from_secs(10));
        if tls {
            let mut config = ClientTlsConfig::new();
            if let Some(ca) = &self.ca {
                config = config.ca_certificate(Certificate::from_pem(read(ca)?));
            }
            if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
                config = config.identity(Identity::from_pem(read(certificate)?, read(key)?));
            }
            endpoint = endpoint.tls_config(config).map_err(ClientError::Tls)?;
        } else if !on_loopback(endpoint.uri()) {
            return Err(ClientError::Plaintext(self.address.clone()));
        }
        let channel = endpoint
            .connect()
            .await
            .map_err(|error| ClientError::Unreachable { address: self.address.clone(), reason: innermost(&error) })?;
        Ok(Client { calls: InterceptedService::new(channel, Bearer(bearer)) })
    }

    /// Over TLS the development keys serve as certificates: the CA to everybody, a facility's own to its system.
    fn dev_certificate(&self, tls: bool) -> Result<Option<Self>, ClientError> {
        let (true, Some(directory), Some(facility)) = (tls, &self.dev_dir, &self.as_facility) else { return Ok(None) };
        let mut shown = self.clone();
        shown.ca.get_or_insert_with(|| directory.join("ca.pem"));
        if self.as_role == Role::System && self.token.is_none() {
            let (certificate, key) = dev_facility(directory, facility)?;
            shown.certificate.get_or_insert(certificate);
            shown.key.get_or_insert(key);
        } else {
            shown.token = self.token_text()?;
        }
        shown.dev_dir = None;
        Ok(Some(shown))
    }

    /// The token to show, if there is one.
    fn bearer(&self) -> Result<Option<MetadataValue<Ascii>>, ClientError> {
        let Some(token) = self.token_text()? else { return Ok(None) };
        let value = format!("Bearer {token}").parse().map_err(|_| ClientError::Token)?;
        Ok(Some(value))
    }

    /// The text of the token: as given, from its file, or made from the development keys.
    ///
    /// # Errors
    /// When the file cannot be read or the keys are missing.
    pub fn token_text(&self) -> Result<Option<String>, ClientError> {
        if let Some(given) = &self.token {
            // A JWT has two dots and no separator of paths; whatever exists as a file is a file.
            let path = Path::new(given);
            let text = if path.exists() || given.matches('.').count() != 2 {
                String::from_utf8(read(path)?).map_err(|_| ClientError::Token)?
            } else {
                given.clone()
            };
            return Ok(Some(text.trim().to_owned()));
        }
        let (Some(directory), Some(facility)) = (&self.dev_dir, &self.as_facility) else { return Ok(None) };
        dev_token(directory, facility, self.as_member.as_deref(), (self.as_role, self.as_purpose)).map(Some)
    }

    /// For which facility the caller acts, as far as the command line or the token says so.
    ///
    /// # Errors
    /// As [`token_text`](Self::token_text).
    pub fn facility(&self) -> Result<Option<FacilityId>, ClientError> {
        if let Some(facility) = &self.as_facility {
            return Ok(FacilityId::parse(facility).ok());
        }
        let Some(token) = self.token_text()? else { return Ok(None) };
        Ok(claim(&token, "facility").and_then(|text| FacilityId::parse(&text).ok()))
    }

    /// The member the token names.
    ///
    /// # Errors
    /// As [`token_text`](Self::token_text).
    pub fn member(&self) -> Result<Option<MemberId>, ClientError> {
        let Some(token) = self.token_text()? else { return Ok(None) };
        Ok(claim(&token, "sub").and_then(|text| MemberId::parse(&text).ok()))
    }
}

/// A claim of a token, not verified: only the node's verdict counts, this is for defaults on the command line.
fn claim(token: &str, name: &str) -> Option<String> {
    use base64::Engine as _;
    let body = token.split('.').nth(1)?;
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&json).ok()?;
    claims.get(name)?.as_str().map(str::to_owned)
}

/// Makes a token as `ajisai dev token` does, good for a week.
fn dev_token(
    directory: &Path,
    facility: &str,
    member: Option<&str>,
    (role, purpose): (Role, Purpose),
) -> Result<String, ClientError> {
    let unusable = |error: model::IdError| ClientError::DevToken(error.to_string());
    let request = TokenRequest {
        member: member.map(MemberId::parse).transpose().map_err(unusable)?,
        facility: FacilityId::parse(facility).map_err(unusable)?,
        role,
        purpose,
        hours: 7 * 24,
        issuer: "ajisai".to_owned(),
        audience: "ajisai".to_owned(),
    };
    let made = Authority::open(directory).and_then(|authority| authority.token(&request));
    made.map_err(|error| ClientError::DevToken(error.to_string()))
}

/// A facility's development certificate and key, made now where there are none.
fn dev_facility(directory: &Path, facility: &str) -> Result<(PathBuf, PathBuf), ClientError> {
    let facility = FacilityId::parse(facility).map_err(|error| ClientError::DevCertificate(error.to_string()))?;
    let made = Authority::open(directory).and_then(|authority| {
        authority.make_facility(&facility)?;
        Ok(authority.facility(&facility))
    });
    made.map_err(|error| ClientError::DevCertificate(error.to_string()))
}

fn read(path: &Path) -> Result<Vec<u8>, ClientError> {
    std::fs::read(path).map_err(|source| ClientError::File { path: path.display().to_string(), source })
}

fn on_loopback(uri: &http::Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What lies at the bottom of a transport error: its top says only "transport error".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(cause) = at.source() {
        at = cause;
    }
    at.to_string()
}

/// A position (included) or a frontier (next offsets): `3:1842`, or `0:5,1:120`.
///
/// # Errors
/// When it is neither.
pub fn parse_at_least(text: &str) -> Result<Frontier, model::PositionError> {
    if text.contains(',') {
        return text.parse();
    }
    let mut frontier = Frontier::start();
    frontier.include(text.trim().parse::<Position>()?);
    Ok(frontier)
}

/// Carries the token of a call.
#[derive(Debug, Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, tonic::Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// Calls that prove who asks.
pub type Calls = InterceptedService<Channel, Bearer>;

/// A node, asked by one principal.
#[derive(Debug, Clone)]
pub struct Client {
    calls: Calls,
}

impl Client {
    /// Whoever is at the other end of a channel that needs no proof, such as an edge's own socket.
    pub fn over(channel: Channel) -> Self {
        Self { calls: InterceptedService::new(channel, Bearer(None)) }
    }
    /// The door.
    pub fn ingest(&self) -> IngestServiceClient<Calls> {
        IngestServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// Consents.
    pub fn consents(&self) -> ConsentServiceClient<Calls> {
        ConsentServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// Facilities, members, scopes, links.
    pub fn directory(&self) -> DirectoryServiceClient<Calls> {
        DirectoryServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// A facility's laboratory tables.
    pub fn laboratory(&self) -> LaboratoryServiceClient<Calls> {
        LaboratoryServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// Who belongs to a cohort.
    pub fn cohorts(&self) -> CohortServiceClient<Calls> {
        CohortServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// Figures that facilities publish.
    pub fn measures(&self) -> MeasureServiceClient<Calls> {
        MeasureServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// Who is to be called.
    pub fn worklists(&self) -> WorklistServiceClient<Calls> {
        WorklistServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// What a facility defines for its view.
    pub fn definitions(&self) -> DefinitionServiceClient<Calls> {
        DefinitionServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// Beds that are watched.
    pub fn beds(&self) -> BedServiceClient<Calls> {
        BedServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// Referrals.
    pub fn referrals(&self) -> ReferralServiceClient<Calls> {
        ReferralServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// SQL.
    pub fn query(&self) -> QueryServiceClient<Calls> {
        QueryServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// Live disclosures.
    pub fn feed(&self) -> FeedServiceClient<Calls> {
        FeedServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// Why records are shown or not.
    pub fn explain(&self) -> ExplainServiceClient<Calls> {
        ExplainServiceClient::new(self.calls.clone())
    }
    /// Who saw what.
    pub fn ledger(&self) -> LedgerServiceClient<Calls> {
        LedgerServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// What statements would change.
    pub fn policy(&self) -> PolicyServiceClient<Calls> {
        PolicyServiceClient::new(self.calls.clone())
    }
    /// What became of what was published.
    pub fn publisher(&self) -> PublisherServiceClient<Calls> {
        PublisherServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// What the facility is told.
    pub fn notices(&self) -> NoticeServiceClient<Calls> {
        NoticeServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }
    /// The node itself.
    pub fn node(&self) -> NodeServiceClient<Calls> {
        NodeServiceClient::new(self.calls.clone())
    }
}

#[cfg(test)]
mod tests;
