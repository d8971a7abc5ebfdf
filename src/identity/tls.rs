//! TLS: rustls with `ring`, named explicitly because other crates of the graph bring a second provider.

use crate::config;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// ALPN of a gRPC listener.
pub const ALPN_GRPC: &[&[u8]] = &[b"h2", b"http/1.1"];
/// ALPN of a listener for browsers and Prometheus.
pub const ALPN_HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];
/// ALPN of the Postgres listener, as libpq 17 asks for it; older clients ask for none.
pub const ALPN_POSTGRES: &[&[u8]] = &[b"postgresql"];

/// Whether a client must show a certificate. One that is shown must always be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// A listener that only takes tokens.
    NotAsked,
    /// Persons come with a token instead.
    Optional,
    /// Nobody enters without.
    Required,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("cannot read `{path}`: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A file holds nothing of the kind.
    #[error("`{path}` holds no {what} in PEM")]
    Empty {
        /// The file.
        path: String,
        /// What was sought.
        what: &'static str,
    },
    /// rustls refuses the material.
    #[error("the certificate, key or CA cannot be used: {0}")]
    Material(String),
}

/// Makes `ring` the process's provider, for the libraries that do not take one. May be called again.
pub fn install_provider() {
    // An error means that one is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The configuration of a listener.
///
/// # Errors
/// When a file is missing or unusable.
pub fn server_config(
    tls: &config::Tls,
    clients: ClientCertificates,
    alpn: &[&[u8]],
) -> Result<Arc<ServerConfig>, TlsError> {
    let material = |error: &dyn std::fmt::Display| TlsError::Material(error.to_string());
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| material(&error))?;
    let builder = if clients == ClientCertificates::NotAsked {
        builder.with_no_client_auth()
    } else {
        let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&tls.client_ca)?), provider());
        if let Some(path) = &tls.client_crl {
            verifier = verifier.with_crls(revocation_lists(path)?);
        }
        if clients == ClientCertificates::Optional {
            verifier = verifier.allow_unauthenticated();
        }
        builder.with_client_cert_verifier(verifier.build().map_err(|error| material(&error))?)
    };
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| file(&tls.key, &error))?;
    let mut config =
        builder.with_single_cert(certificates(&tls.certificate)?, key).map_err(|error| material(&error))?;
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// The configuration of a client that trusts the CAs in a PEM file.
///
/// # Errors
/// When the file is missing or holds none.
pub fn client_config(ca: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Material(error.to_string()))?
        .with_root_certificates(roots(ca)?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn file(path: &Path, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { path: path.display().to_string(), reason: error.to_string() }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(|error| file(path, &error))?.collect();
    let found = found.map_err(|error| file(path, &error))?;
    if found.is_empty() {
        return Err(TlsError::Empty { path: path.display().to_string(), what: "certificate" });
    }
    Ok(found)
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // A system's list may hold a certificate that rustls does not parse; the rest still counts.
    let (added, _) = roots.add_parsable_certificates(certificates(path)?);
    if added == 0 {
        return Err(TlsError::Empty { path: path.display().to_string(), what: "usable CA certificate" });
    }
    Ok(roots)
}

fn revocation_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> =
        CertificateRevocationListDer::pem_file_iter(path).map_err(|error| file(path, &error))?.collect();
    let found = found.map_err(|error| file(path, &error))?;
    if found.is_empty() {
        return Err(TlsError::Empty { path: path.display().to_string(), what: "revocation list" });
    }
    Ok(found)
}
