//! What the node is told: a TOML file, overridden by the environment, read once into a typed [`Config`].
//!
//! Reading is a pure function of the file's text and the environment's variables ([`Config::read`]); nothing
//! else in the program looks at either. A hospital's edge has an [`EdgeConfig`] of its own, read the same way. Every key
//! stands once in [`keys`], which gives its type, default,
//! example and documentation; `ajisai config` and docs/configuration.md are printed from there. An unknown
//! key or a bad value is refused with its name, place, the expected type and an example.
//!
//! ```
//! use ajisai::config::{Config, Source};
//! let source = Source::new("ajisai.toml", "[identity]\njwt_keys_file = \"keys.json\"\n");
//! assert_eq!(Config::read(&source)?.listen.grpc.port(), 7443);
//!
//! let misspelt = Source::new("ajisai.toml", "[listen]\ngrcp = \"127.0.0.1:9000\"\n");
//! let refused = Config::read(&misspelt).unwrap_err().to_string();
//! assert!(refused.contains("unknown key `listen.grcp` at ajisai.toml line 2; did you mean `listen.grpc`"));
//! # Ok::<(), ajisai::config::ConfigErrors>(())
//! ```

mod document;
mod doors;
mod edge;
mod error;
pub mod keys;
mod rules;
mod settings;
mod source;
mod value;

pub use document::{edge_markdown, markdown, template};
pub use doors::{FhirOf, Mllp, Storage, Text, Ways};
pub use edge::{Edge, EdgeConfig, EdgeListen, Upstream};
pub use error::{ConfigError, ConfigErrors, Rule};
pub use source::{Origin, Source};

use crate::config::settings::Settings;
use model::{FacilityId, MemberId};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything the node is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[node]`
    pub node: Node,
    /// `[log]`
    pub log: Log,
    /// `[listen]`
    pub listen: Listen,
    /// `[tls]`; `None` where no certificate is given, which only loopback listeners allow.
    pub tls: Option<Tls>,
    /// `[identity]`
    pub identity: Identity,
    /// `[ingest]`
    pub ingest: Ingest,
    /// `[[mllp]]`
    pub mllp: Vec<Mllp>,
    /// `[[storage]]`
    pub storages: Vec<Storage>,
    /// `[[fhir]]`
    pub fhir_of: Vec<FhirOf>,
    /// `[views]`
    pub views: Views,
    /// `[ledger]`
    pub ledger: Ledger,
    /// `[query]`
    pub query: Query,
    /// `[telemetry]`
    pub telemetry: Telemetry,
}

/// The process itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name in logs, metrics and traces.
    pub name: String,
    /// Where everything it keeps lies.
    pub data_dir: PathBuf,
    /// How long a graceful stop waits for requests under way.
    pub drain: Duration,
}

/// Which log is the source of truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// In this process, on local disk.
    Embedded(EmbeddedLog),
    /// On Kafka brokers.
    Kafka(KafkaLog),
}

/// The embedded log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedLog {
    /// Its directory.
    pub dir: PathBuf,
    /// Size at which a segment is closed and the next begun, in bytes.
    pub segment_bytes: u64,
    /// Number of data partitions, fixed when the log is made.
    pub partitions: u32,
}

/// The Kafka log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaLog {
    /// `host:port` of the brokers to ask first; at least one.
    pub brokers: Vec<String>,
    /// Topics are `<prefix>.control` and `<prefix>.events`.
    pub topic_prefix: String,
    /// Number of data partitions, fixed when the topics are made.
    pub partitions: u32,
    /// Replicas of a topic that this node makes.
    pub replication: u16,
    /// How the brokers are spoken to.
    pub security: KafkaSecurity,
    /// Longest wait of a fetch for new events.
    pub fetch_wait: Duration,
}

/// How Kafka brokers are spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaSecurity {
    /// Whether TLS is used (`ssl`, `sasl_ssl`).
    pub tls: bool,
    /// The CA of the brokers' certificates; `None` is the system's list.
    pub ca_file: Option<PathBuf>,
    /// This node's client certificate and its private key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Name and password, where SASL is used.
    pub sasl: Option<KafkaSasl>,
}

/// SASL name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaSasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// The user's name.
    pub username: String,
    /// The file whose first line is the password.
    pub password_file: PathBuf,
}

/// Where the node listens. A listener that is not on loopback speaks TLS only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// gRPC of `ajisai.v1` and Flight SQL.
    pub grpc: SocketAddr,
    /// The Postgres wire protocol; `None` is off.
    pub postgres: Option<SocketAddr>,
    /// The dashboards; `None` is off.
    pub dashboards: Option<SocketAddr>,
    /// `/metrics`, `/health`, `/ready`; `None` is off. Off loopback it asks for a client certificate.
    pub admin: Option<SocketAddr>,
    /// `POST /fhir`; `None` is off.
    pub fhir: Option<SocketAddr>,
}

/// The node's certificate and whom it trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM: the node's certificate, then its intermediates.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
    /// PEM: the CA certificates that sign facilities' client certificates.
    pub client_ca: PathBuf,
    /// PEM: revoked client certificates.
    pub client_crl: Option<PathBuf>,
}

/// How callers prove who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Where the keys come from that verify tokens; `None`: only certificates open the door.
    pub keys: Option<TokenKeys>,
    /// The `iss` a token must carry.
    pub issuer: String,
    /// The `aud` a token must carry.
    pub audience: String,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// Administrators that are believed although the directory does not know them: who registers the first facility.
    pub operators: Vec<Operator>,
}

/// Where the keys come from that verify tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKeys {
    /// A file: PEM public keys, or a JWKS. Read again when it changes.
    File {
        /// The file.
        path: PathBuf,
        /// How often it is looked at.
        refresh: Duration,
    },
    /// An address that answers with a JWKS.
    Address {
        /// `https://…`; `http://` on loopback only.
        url: String,
        /// PEM: the CA certificates that the address is checked against.
        ca: PathBuf,
        /// How often it is fetched; an unknown key id fetches it sooner.
        refresh: Duration,
    },
}

/// A person who runs the node, as tokens name them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operator {
    /// The facility in their token.
    pub facility: FacilityId,
    /// The member in their token.
    pub member: MemberId,
}

/// The door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingest {
    /// Room for refused bytes, in bytes.
    pub quarantine_bytes: u64,
    /// The largest body of a `POST /fhir`, in bytes.
    pub fhir_bytes: usize,
}

/// The record store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Views {
    /// Its directory.
    pub dir: PathBuf,
    /// Hot rows at which a flush begins.
    pub flush_rows: usize,
    /// Age of the oldest hot row at which a flush begins.
    pub flush_interval: Duration,
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Whether it is written down, per commit of the views, what became visible to whom.
    pub disclosures: bool,
}

/// Limits of statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// How long a statement may run.
    pub statement: Duration,
    /// Memory of one statement, in bytes.
    pub memory_bytes: usize,
    /// Statements of one facility that may run at once.
    pub max_concurrent: usize,
    /// How long a statement that asks for "at least position p" waits for it.
    pub at_least_wait: Duration,
}

/// How the node tells what it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// The OTLP collector; `None`: nothing is exported.
    pub otlp: Option<Otlp>,
    /// `service.name`.
    pub service_name: String,
    /// Which log lines are written, as in `info,query=debug`.
    pub log: String,
    /// How they are written.
    pub log_format: LogFormat,
    /// The share of traces kept, 0 to 1.
    pub sample: f64,
}

/// An OTLP collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// `http://host:4317` or `https://host:4317`.
    pub endpoint: String,
    /// PEM: the CA certificates that an `https` collector is checked against.
    pub ca: PathBuf,
    /// How often metrics are sent.
    pub interval: Duration,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    Text,
    /// One JSON object a line.
    Json,
}

// === impl Config ===

impl Config {
    /// Reads file and environment.
    ///
    /// # Errors
    /// Every fault found: unknown keys, bad values, missing keys, broken rules.
    pub fn read(source: &Source) -> Result<Self, ConfigErrors> {
        let settings = Settings::read(source, &keys::NODE)?;
        let config = settings.build();
        let mut faults = settings.faults();
        if faults.is_empty() {
            rules::check(&config, &mut faults);
        }
        if faults.is_empty() { Ok(config) } else { Err(ConfigErrors::new(faults)) }
    }

    /// The ways in beside gRPC.
    pub fn ways(&self) -> Ways {
        Ways {
            mllp: self.mllp.clone(),
            storages: self.storages.clone(),
            fhir_of: self.fhir_of.clone(),
            fhir: self.listen.fhir,
            fhir_bytes: self.ingest.fhir_bytes,
            fhir_silent: None,
            tls: self.tls.clone(),
            data_dir: self.node.data_dir.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
