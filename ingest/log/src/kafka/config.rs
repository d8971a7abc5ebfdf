//! How the broker is reached.

use rdkafka::ClientConfig;
use std::{fmt, num::NonZeroU32, path::PathBuf, time::Duration};

/// Where the log is and how it is reached.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// Brokers to ask first, as `host:port,host:port`.
    pub brokers: String,
    /// The topics are `<prefix>.control` and `<prefix>.events`.
    pub topic_prefix: String,
    /// How many data partitions. Fixed when the topics are created; opening with another number is refused.
    pub data_partitions: NonZeroU32,
    /// On how many brokers each letter lies before it is acknowledged, when the topics are created.
    pub replication: NonZeroU32,
    /// The largest letter taken, in bytes of [`Letter::size`](crate::Letter::size).
    pub letter_bytes: usize,
    /// How long the broker may hold a fetch back to wait for more (`fetch.wait.max.ms`).
    pub fetch_wait: Duration,
    /// How long an append may take, with its repetitions, before it is [`Unavailable`](crate::AppendError::Unavailable).
    pub delivery_timeout: Duration,
    /// Encryption and authentication.
    pub security: KafkaSecurity,
}

impl KafkaConfig {
    /// The usual values: three replicas, letters of up to 8 MiB, fetches held back up to 50 ms, half a minute to deliver.
    pub fn new(
        brokers: impl Into<String>,
        topic_prefix: impl Into<String>,
        data_partitions: NonZeroU32,
        security: KafkaSecurity,
    ) -> Self {
        Self {
            brokers: brokers.into(),
            topic_prefix: topic_prefix.into(),
            data_partitions,
            replication: NonZeroU32::MIN.saturating_add(2),
            letter_bytes: 8 << 20,
            fetch_wait: Duration::from_millis(50),
            delivery_timeout: Duration::from_secs(30),
            security,
        }
    }
    /// What every client of the broker is configured with.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.brokers).set("client.id", "ajisai");
        match &self.security {
            KafkaSecurity::Plaintext => {
                client.set("security.protocol", "plaintext");
            }
            KafkaSecurity::Tls(tls) => {
                client.set("security.protocol", "ssl");
                tls.configure(&mut client);
            }
            KafkaSecurity::SaslTls(tls, sasl) => {
                client.set("security.protocol", "sasl_ssl");
                tls.configure(&mut client);
                sasl.configure(&mut client);
            }
        }
        client
    }
    /// The largest message, with what Kafka adds to a letter.
    pub(super) fn message_bytes(&self) -> usize {
        self.letter_bytes.saturating_add(64 << 10)
    }
}

/// Encryption and authentication.
#[derive(Clone, Debug)]
pub enum KafkaSecurity {
    /// Neither: for a broker on the loopback interface only, because letters are patient data.
    Plaintext,
    /// TLS, with a client certificate if it names one.
    Tls(KafkaTls),
    /// TLS, and a user name and password inside it.
    SaslTls(KafkaTls, KafkaSasl),
}

/// TLS files, in PEM.
#[derive(Clone, Debug, Default)]
pub struct KafkaTls {
    /// Authorities that vouch for the broker; the system's when absent.
    pub authorities: Option<PathBuf>,
    /// This client's certificate chain.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
}

impl KafkaTls {
    fn configure(&self, client: &mut ClientConfig) {
        let files = [
            ("ssl.ca.location", &self.authorities),
            ("ssl.certificate.location", &self.certificate),
            ("ssl.key.location", &self.key),
        ];
        for (key, path) in files {
            if let Some(path) = path {
                client.set(key, path.display().to_string());
            }
        }
    }
}

/// A user name and password.
#[derive(Clone)]
pub struct KafkaSasl {
    /// How the password is proven.
    pub mechanism: SaslMechanism,
    /// Who.
    pub username: String,
    /// The secret.
    pub password: String,
}

/// How a password is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// `SCRAM-SHA-512`.
    ScramSha512,
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `PLAIN`: the password itself, inside TLS.
    Plain,
}

impl KafkaSasl {
    fn configure(&self, client: &mut ClientConfig) {
        let mechanism = match self.mechanism {
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::Plain => "PLAIN",
        };
        client.set("sasl.mechanism", mechanism);
        client.set("sasl.username", &self.username).set("sasl.password", &self.password);
    }
}

// Redacted: the password is a secret.
impl fmt::Debug for KafkaSasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KafkaSasl({:?}, {}, ******)", self.mechanism, self.username)
    }
}

/// Why the log in Kafka cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum KafkaOpenError {
    /// The client library refuses a value.
    #[error("the Kafka client refuses its configuration: {reason}")]
    Configuration {
        /// What it said.
        reason: String,
    },
    /// No broker answered, or it refused.
    #[error("the Kafka broker could not {action}: {reason}")]
    Unavailable {
        /// What was asked of it.
        action: &'static str,
        /// What it or the client said.
        reason: String,
    },
    /// A topic was created with another number of partitions.
    #[error("topic `{topic}` has {found} partitions where {expected} are configured; configure {found}")]
    Partitions {
        /// The topic.
        topic: String,
        /// What it has.
        found: usize,
        /// What it should have.
        expected: usize,
    },
}

impl KafkaOpenError {
    pub(super) fn configuration(error: rdkafka::error::KafkaError) -> Self {
        Self::Configuration { reason: error.to_string() }
    }
}
