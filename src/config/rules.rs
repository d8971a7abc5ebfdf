//! What must hold between keys. Each rule refuses; none repairs.

use super::error::{ConfigError, Rule};
use super::keys::{self, Table};
use super::{Config, EdgeConfig, Identity, KafkaLog, Log, Telemetry, TokenKeys, Ways};
use std::net::{IpAddr, SocketAddr};

/// Adds a fault for each rule that a node breaks.
pub(super) fn check(config: &Config, faults: &mut Vec<ConfigError>) {
    let mut faults = Faults { table: &keys::NODE, faults };
    let listen = &config.listen;
    let named = [
        ("listen.grpc", Some(listen.grpc)),
        ("listen.postgres", listen.postgres),
        ("listen.dashboards", listen.dashboards),
        ("listen.admin", listen.admin),
        ("listen.fhir", listen.fhir),
    ];
    check_ways(&named, &config.ways(), &mut faults);
    if config.identity.keys.is_none() && config.tls.is_none() {
        faults.broken("identity.jwt_keys_file", Rule::NoDoor);
    }
    check_addresses(&config.identity, &config.telemetry, &mut faults);
    if let Log::Kafka(kafka) = &config.log {
        check_kafka(kafka, &mut faults);
    }
}

/// Adds a fault for each rule that an edge breaks.
pub(super) fn check_edge(config: &EdgeConfig, faults: &mut Vec<ConfigError>) {
    let mut faults = Faults { table: &keys::EDGE, faults };
    let listen = &config.listen;
    let ways = config.ways();
    check_ways(&[("listen.admin", listen.admin), ("listen.fhir", listen.fhir)], &ways, &mut faults);
    if listen.fhir.is_some() && config.identity.keys.is_none() && config.tls.is_none() {
        faults.broken("identity.jwt_keys_file", Rule::NoDoor);
    }
    if !config.node.address.starts_with("https://") {
        faults.broken("node.address", Rule::NodeOverTls);
    }
    if ways.mllp.is_empty() && ways.storages.is_empty() && ways.fhir.is_none() {
        faults.broken("mllp.address", Rule::NoWayIn);
    }
    let own = &config.edge.facility;
    for (entry, mllp) in (1..).zip(&ways.mllp) {
        if mllp.facilities.iter().any(|facility| facility != own) {
            faults.broken("mllp.facilities", Rule::OtherFacility { entry });
        }
    }
    for (entry, storage) in (1..).zip(&ways.storages) {
        if storage.facility != *own {
            faults.broken("storage.facility", Rule::OtherFacility { entry });
        }
    }
    for (entry, of) in (1..).zip(&ways.fhir_of) {
        if of.facility != *own {
            faults.broken("fhir.facility", Rule::OtherFacility { entry });
        }
    }
    check_addresses(&config.identity, &config.telemetry, &mut faults);
}

/// The faults of one kind of file.
struct Faults<'f> {
    table: &'static Table,
    faults: &'f mut Vec<ConfigError>,
}

impl Faults<'_> {
    fn broken(&mut self, key: &'static str, rule: Rule) {
        let example = self.table.example(key);
        self.faults.push(ConfigError::Broken { key, rule, example });
    }
}

/// What holds of every listener and storage; `named` are the listeners beside MLLP's.
fn check_ways(named: &[(&'static str, Option<SocketAddr>)], ways: &Ways, faults: &mut Faults<'_>) {
    let named = named.iter().filter_map(|(key, address)| address.map(|address| (*key, address)));
    let listeners: Vec<(&'static str, SocketAddr)> =
        named.chain(ways.mllp.iter().map(|mllp| ("mllp.address", mllp.address))).collect();
    let open = listeners.iter().find(|(key, address)| *key != "mllp.address" && !address.ip().is_loopback());
    if let (Some((listener, _)), None) = (open, &ways.tls) {
        faults.broken("tls.certificate", Rule::TlsOffLoopback { listener });
    }
    for (at, (key, address)) in listeners.iter().enumerate() {
        // Port 0 asks the system for any free port, so two of them are never the same.
        let twin = listeners.iter().take(at).find(|(_, other)| other == address && address.port() != 0);
        if let Some((other, _)) = twin {
            faults.broken(key, Rule::SameAddress { other });
        }
    }
    for (entry, mllp) in (1..).zip(&ways.mllp) {
        match (mllp.tls, &ways.tls) {
            (true, None) => faults.broken("tls.certificate", Rule::MllpTls { entry }),
            (false, _) if !mllp.address.ip().is_loopback() => {
                faults.broken("mllp.tls", Rule::PlainMllpOffLoopback { entry });
            }
            (false, _) if mllp.facilities.len() != 1 => {
                faults.broken("mllp.facilities", Rule::OneFacilityWithoutTls { entry });
            }
            _ => {}
        }
    }
    for (entry, storage) in (1..).zip(&ways.storages) {
        let twin = ways.storages.iter().take(entry - 1).any(|other| other.name == storage.name);
        if twin || ["mllp", "fhir"].contains(&storage.name.as_str()) {
            faults.broken("storage.name", Rule::SameName { entry });
        }
    }
    for (entry, of) in (1..).zip(&ways.fhir_of) {
        if ways.fhir_of.iter().take(entry - 1).any(|other| other.facility == of.facility) {
            faults.broken("fhir.facility", Rule::SameName { entry });
        }
    }
}

fn check_addresses(identity: &Identity, telemetry: &Telemetry, faults: &mut Faults<'_>) {
    if let Some(TokenKeys::Address { url, .. }) = &identity.keys
        && plain_elsewhere(url)
    {
        faults.broken("identity.jwks_url", Rule::PlainAddressOffLoopback);
    }
    if let Some(otlp) = &telemetry.otlp
        && plain_elsewhere(&otlp.endpoint)
    {
        faults.broken("telemetry.otlp_endpoint", Rule::PlainAddressOffLoopback);
    }
}

fn check_kafka(kafka: &KafkaLog, faults: &mut Faults<'_>) {
    if kafka.brokers.is_empty() {
        faults.broken("log.kafka.brokers", Rule::NoBrokers);
    }
    let elsewhere = kafka.brokers.iter().any(|broker| {
        let host = broker.rsplit_once(':').map_or(broker.as_str(), |(host, _)| host);
        !is_loopback(host)
    });
    if elsewhere && !kafka.security.tls {
        faults.broken("log.kafka.security", Rule::PlainKafkaOffLoopback);
    }
}

fn plain_elsewhere(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return true };
    uri.scheme_str() != Some("https") && !uri.host().is_some_and(is_loopback)
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
