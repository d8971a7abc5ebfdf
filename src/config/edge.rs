//! What a hospital's edge is told.

use super::error::{ConfigErrors, Rule};
use super::settings::{MIB, Settings};
use super::{FhirOf, Identity, Ingest, Mllp, Source, Storage, Telemetry, Tls, Ways, keys, rules};
use model::FacilityId;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything an edge is told.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeConfig {
    /// `[edge]`
    pub edge: Edge,
    /// `[node]`
    pub node: Upstream,
    /// `[listen]`
    pub listen: EdgeListen,
    /// `[tls]`; `None` where no certificate is given, which only loopback listeners allow.
    pub tls: Option<Tls>,
    /// `[identity]`: who may post to the FHIR endpoint.
    pub identity: Identity,
    /// `[ingest]`
    pub ingest: Ingest,
    /// `[[mllp]]`
    pub mllp: Vec<Mllp>,
    /// `[[storage]]`
    pub storages: Vec<Storage>,
    /// `[[fhir]]`
    pub fhir_of: Vec<FhirOf>,
    /// `[telemetry]`
    pub telemetry: Telemetry,
}

/// The edge itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Whose edge it is.
    pub facility: FacilityId,
    /// Its name in logs, metrics and at the node.
    pub name: String,
    /// Where everything it keeps lies.
    pub data_dir: PathBuf,
    /// Where what waits for the line lies.
    pub queue_dir: PathBuf,
    /// The most that waits, in bytes.
    pub queue_bytes: u64,
    /// How long a graceful stop waits for what is being taken in.
    pub drain: Duration,
}

/// The node that everything is brought to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// `https://host:port`
    pub address: String,
    /// PEM: the CA certificates that the node's certificate is checked against.
    pub ca: PathBuf,
    /// PEM: the facility's client certificate.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

/// Where an edge listens, beside `[[mllp]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeListen {
    /// `/metrics`, `/health`, `/ready`, `/status`; `None` is off.
    pub admin: Option<SocketAddr>,
    /// `POST /fhir`; `None` is off.
    pub fhir: Option<SocketAddr>,
    /// After how long without a `POST /fhir` the feed is silent; `None`: never.
    pub fhir_silent: Option<Duration>,
}

impl EdgeConfig {
    /// Reads file and environment.
    ///
    /// # Errors
    /// Every fault found: unknown keys, bad values, missing keys, broken rules.
    pub fn read(source: &Source) -> Result<Self, ConfigErrors> {
        let settings = Settings::read(source, &keys::EDGE)?;
        let config = settings.build_edge();
        let mut faults = settings.faults();
        if let Some(config) = &config
            && faults.is_empty()
        {
            rules::check_edge(config, &mut faults);
        }
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(ConfigErrors::new(faults)),
        }
    }

    /// The ways in.
    pub fn ways(&self) -> Ways {
        Ways {
            mllp: self.mllp.clone(),
            storages: self.storages.clone(),
            fhir_of: self.fhir_of.clone(),
            fhir: self.listen.fhir,
            fhir_bytes: self.ingest.fhir_bytes,
            fhir_silent: self.listen.fhir_silent,
            tls: self.tls.clone(),
            data_dir: self.edge.data_dir.clone(),
        }
    }
}

impl Settings {
    /// `None`: what every edge has is missing, and is among the faults.
    pub(super) fn build_edge(&self) -> Option<EdgeConfig> {
        // All is read before anything is missed, so that all faults are told at once.
        let facility = self.needed("edge.facility", self.text("edge.facility"));
        let facility = facility.and_then(|id| self.facility("edge.facility", &id));
        let name = self.text("edge.name").filter(|name| self.is_plain("edge.name", name));
        let address = self.needed("node.address", self.text("node.address"));
        let certificate = self.needed("node.certificate", self.path("node.certificate"));
        let key = self.needed("node.key", self.path("node.key"));
        let ca = self.path("node.ca").unwrap_or_default();
        let data_dir = self.path("edge.data_dir").unwrap_or_default();
        let queue_dir = self.path("edge.queue_dir").unwrap_or_default();
        let queue_bytes = self.integer("edge.queue_mib") * MIB;
        let drain = self.seconds("edge.drain_seconds");
        let listen = EdgeListen {
            admin: self.address("listen.admin"),
            fhir: self.address("listen.fhir"),
            fhir_silent: self.silence("listen.fhir_silent_seconds"),
        };
        let (tls, identity, ingest) = (self.tls(), self.identity(Vec::new()), self.ingest());
        let (mllp, storages) = (self.each("mllp", Settings::mllp), self.each("storage", Settings::storage));
        let fhir_of = self.each("fhir", Settings::fhir_of);
        let telemetry = self.telemetry();
        Some(EdgeConfig {
            edge: Edge { facility: facility?, name: name?, data_dir, queue_dir, queue_bytes, drain },
            node: Upstream { address: address?, ca, certificate: certificate?, key: key? },
            listen,
            tls,
            identity,
            ingest,
            mllp,
            storages,
            fhir_of,
            telemetry,
        })
    }

    fn needed<T>(&self, key: &'static str, given: Option<T>) -> Option<T> {
        given.or_else(|| self.broken(key, Rule::Needed))
    }
}
