//! The MLLP listener and clients that are not ours: PyPI's `hl7`, and whoever speaks TLS.

use super::fixture::*;
use super::mllp::{Node, Sender, feed, field, result, set_up};
use crate::hl7::Feed;
use crate::mllp::{Settings, Speaker};
use hl7v2::mllp::{Decoder, frame};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// PyPI's `mllp_send` on the path (`make tools` puts it there), or `None`, said aloud.
#[expect(clippy::print_stderr, reason = "a test that looked at nothing says so")]
fn mllp_send() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).chain([beside]).map(|folder| folder.join("mllp_send")).find(|it| it.is_file());
    if found.is_none() {
        eprintln!("mllp_send is not on the path (make tools): nothing was sent by it");
    }
    found
}

/// A day of a hospital: of another project where it is there, else some messages of our own.
fn a_day() -> (PathBuf, usize, tempfile::TempDir) {
    let own = tempfile::tempdir().unwrap();
    let shared = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from)
        .join("hl7v2/simhospital/messages.out");
    if shared.is_file() {
        return (shared, 1013, own);
    }
    let file = own.path().join("messages.hl7");
    let messages: Vec<String> = (0..50).map(|i| result(&i.to_string(), "1", "5")).collect();
    std::fs::write(&file, messages.concat()).unwrap();
    (file, 50, own)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_project_sends_a_hospitals_day() {
    let Some(program) = mllp_send() else { return };
    let (file, wanted, _own) = a_day();
    // It says `T`: it is a training run.
    let node = Node::with(set_up(), Feed { take_tests: true, ..Feed::new(facility("hospital")) }).await;
    let port = node.address.port().to_string();
    let send = async || {
        let mut command = Command::new(&program);
        command.args(["--loose", "--port", &port, "--file"]).arg(&file).arg("127.0.0.1");
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // Those messages ask for a commit acknowledgement (`MSH-15`), our own for the original one.
        said.matches("MSA|CA|").count() + said.matches("MSA|AA|").count()
    };
    assert_eq!(send().await, wanted, "every message is accepted");
    let letters = node.letters().await;
    assert!(letters >= wanted as u64 / 2, "{letters} events of {wanted} messages");
    assert_eq!(send().await, wanted, "and accepted again");
    assert_eq!(node.letters().await, letters, "without a second event");
}

/// A certificate authority of a test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }
    fn issue(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_says_which_facility_speaks() {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let authority = Authority::new();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authority.roots()), Arc::clone(&provider));
    let (certificate, key) = authority.issue("localhost");
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (known, known_key) = authority.issue("hospital");
    let (other, other_key) = authority.issue("clinic");
    let hospital_certificate = known.clone();
    let facility_of = move |der: &[u8]| (der == &*hospital_certificate).then(|| facility("hospital"));
    let settings =
        Settings { tls: Some(Arc::new(server)), speaker: Speaker::Certificate(Arc::new(facility_of)), ..set_up() };
    let node = Node::with(settings, feed()).await;
    let connect = async |certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>| {
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(authority.roots())
            .with_client_auth_cert(vec![certificate], key)
            .unwrap();
        let stream = TcpStream::connect(node.address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        Sender { stream, decoder: Decoder::new(1 << 20) }
    };
    let mut speaking = connect(known, known_key).await;
    assert_eq!(field(&speaking.ask(&result("7", "1", "5")).await, "MSA", 1), "AA");
    assert_eq!(node.letters().await, 1);
    // A good certificate of somebody without a line is shown out.
    let mut turned_away = connect(other, other_key).await;
    let _ = turned_away.stream.write_all(&frame(result("8", "1", "5").as_bytes())).await;
    assert_eq!(turned_away.answer().await, None);
    assert_eq!(node.letters().await, 1);
}
