//! What must hold between keys. Each rule refuses; none repairs.

use super::error::{ConfigError, Rule};
use super::{Config, KafkaLog, Log, TokenKeys, keys};
use std::net::{IpAddr, SocketAddr};

/// Adds a fault for each rule that is broken.
pub(super) fn check(config: &Config, faults: &mut Vec<ConfigError>) {
    let listen = &config.listen;
    let listeners: Vec<(&'static str, SocketAddr)> = [
        ("listen.grpc", Some(listen.grpc)),
        ("listen.postgres", listen.postgres),
        ("listen.dashboards", listen.dashboards),
        ("listen.admin", listen.admin),
        ("listen.fhir", listen.fhir),
    ]
    .into_iter()
    .filter_map(|(key, address)| address.map(|address| (key, address)))
    .chain(config.mllp.iter().map(|mllp| ("mllp.address", mllp.address)))
    .collect();

    let open = listeners.iter().find(|(key, address)| *key != "mllp.address" && !address.ip().is_loopback());
    if let (Some((listener, _)), None) = (open, &config.tls) {
        broken(faults, "tls.certificate", Rule::TlsOffLoopback { listener });
    }
    for (at, (key, address)) in listeners.iter().enumerate() {
        // Port 0 asks the system for any free port, so two of them are never the same.
        let twin = listeners.iter().take(at).find(|(_, other)| other == address && address.port() != 0);
        if let Some((other, _)) = twin {
            broken(faults, key, Rule::SameAddress { other });
        }
    }
    for (entry, mllp) in (1..).zip(&config.mllp) {
        match (mllp.tls, &config.tls) {
            (true, None) => broken(faults, "tls.certificate", Rule::MllpTls { entry }),
            (false, _) if !mllp.address.ip().is_loopback() => {
                broken(faults, "mllp.tls", Rule::PlainMllpOffLoopback { entry });
            }
            (false, _) if mllp.facilities.len() != 1 => {
                broken(faults, "mllp.facilities", Rule::OneFacilityWithoutTls { entry });
            }
            _ => {}
        }
    }
    for (entry, storage) in (1..).zip(&config.storages) {
        let twin = config.storages.iter().take(entry - 1).any(|other| other.name == storage.name);
        if twin || ["mllp", "fhir"].contains(&storage.name.as_str()) {
            broken(faults, "storage.name", Rule::SameName { entry });
        }
    }
    match &config.identity.keys {
        None if config.tls.is_none() => broken(faults, "identity.jwt_keys_file", Rule::NoDoor),
        Some(TokenKeys::Address { url, .. }) if plain_elsewhere(url) => {
            broken(faults, "identity.jwks_url", Rule::PlainAddressOffLoopback);
        }
        _ => {}
    }
    if let Some(otlp) = &config.telemetry.otlp
        && plain_elsewhere(&otlp.endpoint)
    {
        broken(faults, "telemetry.otlp_endpoint", Rule::PlainAddressOffLoopback);
    }
    if let Log::Kafka(kafka) = &config.log {
        check_kafka(kafka, faults);
    }
}

fn check_kafka(kafka: &KafkaLog, faults: &mut Vec<ConfigError>) {
    if kafka.brokers.is_empty() {
        broken(faults, "log.kafka.brokers", Rule::NoBrokers);
    }
    let elsewhere = kafka.brokers.iter().any(|broker| {
        let host = broker.rsplit_once(':').map_or(broker.as_str(), |(host, _)| host);
        !is_loopback(host)
    });
    if elsewhere && !kafka.security.tls {
        broken(faults, "log.kafka.security", Rule::PlainKafkaOffLoopback);
    }
}

fn broken(faults: &mut Vec<ConfigError>, key: &'static str, rule: Rule) {
    let example = keys::find(key).map_or("", |key| key.example);
    faults.push(ConfigError::Broken { key, rule, example });
}

fn plain_elsewhere(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return true };
    uri.scheme_str() != Some("https") && !uri.host().is_some_and(is_loopback)
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
