//! Which log, from the configuration.

use crate::config::{self, Config};
use event_log::kafka::{KafkaOpenError, KafkaSasl, KafkaSecurity, KafkaTls, SaslMechanism};
use event_log::{EmbeddedConfig, EmbeddedLog, EventLog, KafkaConfig, KafkaLog, OpenError};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogOpenError {
    /// The embedded log.
    #[error(transparent)]
    Embedded(#[from] OpenError),
    /// The log in Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaOpenError),
    /// A secret's file.
    #[error("`{key}`: `{path}` cannot be read: {source}")]
    Secret {
        /// The configuration key.
        key: &'static str,
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A combination that would send patient data in the clear, or that the log does not know.
    #[error("`log.kafka.security`: {0}")]
    Security(&'static str),
    /// The thread that opened it died.
    #[error("opening the log ended early")]
    Interrupted,
}

/// Opens the log that the configuration names.
///
/// # Errors
/// See [`LogOpenError`].
pub async fn open_log(config: &config::Log) -> Result<Arc<dyn EventLog>, LogOpenError> {
    match config {
        config::Log::Embedded(embedded) => {
            let settings = EmbeddedConfig {
                segment_bytes: embedded.segment_bytes,
                ..EmbeddedConfig::new(&embedded.dir, partitions(embedded.partitions))
            };
            let opened = tokio::task::spawn_blocking(move || EmbeddedLog::open(&settings)).await;
            Ok(Arc::new(opened.map_err(|_| LogOpenError::Interrupted)??))
        }
        config::Log::Kafka(kafka) => {
            let settings = KafkaConfig {
                replication: NonZeroU32::new(u32::from(kafka.replication)).unwrap_or(NonZeroU32::MIN),
                fetch_wait: kafka.fetch_wait,
                ..KafkaConfig::new(
                    kafka.brokers.join(","),
                    &kafka.topic_prefix,
                    partitions(kafka.partitions),
                    security(&kafka.security)?,
                )
            };
            Ok(Arc::new(KafkaLog::open(&settings).await?))
        }
    }
}

/// Which log a configuration names, as the status says it.
pub(super) fn kind(config: &Config) -> &'static str {
    match config.log {
        config::Log::Embedded(_) => "embedded",
        config::Log::Kafka(_) => "kafka",
    }
}

fn partitions(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

fn security(config: &config::KafkaSecurity) -> Result<KafkaSecurity, LogOpenError> {
    let (certificate, key) = config.certificate.clone().unzip();
    let tls = KafkaTls { authorities: config.ca_file.clone(), certificate, key };
    match (&config.sasl, config.tls) {
        (None, false) => Ok(KafkaSecurity::Plaintext),
        (None, true) => Ok(KafkaSecurity::Tls(tls)),
        (Some(_), false) => Err(LogOpenError::Security("SASL without TLS would send the password in the clear")),
        (Some(sasl), true) => {
            let mechanism = match sasl.mechanism.as_str() {
                "SCRAM-SHA-512" => SaslMechanism::ScramSha512,
                "SCRAM-SHA-256" => SaslMechanism::ScramSha256,
                "PLAIN" => SaslMechanism::Plain,
                _ => {
                    return Err(LogOpenError::Security(
                        "the mechanism is not one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
                    ));
                }
            };
            let password = std::fs::read_to_string(&sasl.password_file).map_err(|source| LogOpenError::Secret {
                key: "log.kafka.password_file",
                path: sasl.password_file.display().to_string(),
                source,
            })?;
            let password = password.lines().next().unwrap_or_default().to_owned();
            Ok(KafkaSecurity::SaslTls(tls, KafkaSasl { mechanism, username: sasl.username.clone(), password }))
        }
    }
}
