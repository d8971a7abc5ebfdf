//! The line to the node: mutual TLS, as the facility.

use crate::config::EdgeConfig;
use crate::identity::facility_of;
use model::FacilityId;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::path::Path;
use std::time::Duration;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use wire::v1::ingest_service_client::IngestServiceClient;

/// A client of the node's door.
pub(super) type Client = IngestServiceClient<Channel>;

/// Why the line cannot be set up. That the node does not answer is none of these.
#[derive(Debug, thiserror::Error)]
pub enum LineOpenError {
    /// A file cannot be read.
    #[error("`{key}`: `{path}` cannot be read: {reason}")]
    File {
        /// The configuration key.
        key: &'static str,
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The certificate names no facility.
    #[error("`node.certificate`: `{path}` is not a facility's certificate: {reason}")]
    NotAFacility {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The certificate names another facility.
    #[error(
        "`edge.facility` is `{configured}`, and `node.certificate` is `{certified}`'s: the node would refuse everything"
    )]
    OtherFacility {
        /// As configured.
        configured: FacilityId,
        /// As the certificate says.
        certified: FacilityId,
    },
    /// The address or the certificates cannot be used.
    #[error("`node.address` or its certificates cannot be used: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// A dead line is noticed after so long without an answer to a ping, also when nobody says that it is dead.
const PING: Duration = Duration::from_secs(10);
/// A call that has no answer by then is made again.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client that connects when it is used, and again after each failure.
pub(super) fn open(config: &EdgeConfig) -> Result<Client, LineOpenError> {
    let node = &config.node;
    let certificate = read("node.certificate", &node.certificate)?;
    let not_a_facility = |reason: String| {
        let path = node.certificate.display().to_string();
        LineOpenError::NotAFacility { path, reason }
    };
    let der = CertificateDer::from_pem_slice(&certificate).map_err(|error| not_a_facility(error.to_string()))?;
    let certified = facility_of(&der).map_err(|error| not_a_facility(error.to_string()))?;
    if certified != config.edge.facility {
        return Err(LineOpenError::OtherFacility { configured: config.edge.facility.clone(), certified });
    }
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read("node.ca", &node.ca)?))
        .identity(Identity::from_pem(certificate, read("node.key", &node.key)?));
    let endpoint = Endpoint::from_shared(node.address.clone())?
        .tls_config(tls)?
        .tcp_nodelay(true)
        .connect_timeout(PING)
        .timeout(PATIENCE)
        .http2_keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    // Hospitals' lines are slow, and events are wordy.
    Ok(Client::new(endpoint.connect_lazy())
        .accept_compressed(CompressionEncoding::Zstd)
        .send_compressed(CompressionEncoding::Zstd))
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, LineOpenError> {
    std::fs::read(path).map_err(|error| LineOpenError::File {
        key,
        path: path.display().to_string(),
        reason: error.to_string(),
    })
}
