//! From given values to the typed configuration.

use super::error::{ConfigError, ConfigErrors};
use super::keys::{self, Fallback, Table};
use super::source::{Given, Leaf, Source};
use super::value::Value;
use super::{
    Config, EmbeddedLog, Identity, Ingest, KafkaLog, KafkaSasl, KafkaSecurity, Ledger, Listen, Log, LogFormat, Node,
    Operator, Otlp, Query, Telemetry, Tls, TokenKeys, Views,
};
use model::{FacilityId, MemberId};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const MIB: u64 = 1024 * 1024;

/// Every key with its value: given, or its default.
pub(super) struct Settings {
    table: &'static Table,
    base: PathBuf,
    values: BTreeMap<&'static str, Value>,
    /// The entries of each section that is a list.
    lists: BTreeMap<&'static str, Vec<BTreeMap<&'static str, Value>>>,
    faults: RefCell<Vec<ConfigError>>,
    /// Which keys were asked for, so that a test can say that no documented key is without effect.
    asked: RefCell<BTreeSet<&'static str>>,
}

impl Settings {
    /// Takes the environment over the file over the defaults. Refuses what is unknown or of the wrong kind.
    pub(super) fn read(source: &Source, table: &'static Table) -> Result<Self, ConfigErrors> {
        let mut leaves = source.file_leaves(table).map_err(|fault| ConfigErrors::new(vec![fault]))?;
        leaves.extend(source.env_leaves(table));
        let mut faults = Vec::new();
        let mut values: BTreeMap<&'static str, Value> = BTreeMap::new();
        let mut lists: BTreeMap<&'static str, Vec<BTreeMap<&'static str, Value>>> = BTreeMap::new();
        for leaf in leaves {
            let entry = leaf.entry;
            if let (Given::Entry, Some(section)) = (&leaf.given, table.section(&leaf.key)) {
                lists.entry(section.path).or_default().push(BTreeMap::new());
                continue;
            }
            match accept(leaf, table) {
                Ok((key, value)) => {
                    let list = entry.and_then(|entry| lists.get_mut(keys::split(key).0)?.get_mut(entry));
                    list.unwrap_or(&mut values).insert(key, value);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(ConfigErrors::new(faults));
        }
        for key in table.keys() {
            if let Fallback::Is(toml) = key.default
                && let Some(value) = literal(toml).and_then(|given| key.kind.accept(&given))
            {
                let section = keys::split(key.path).0;
                let own = (!table.is_list(section)).then_some(&mut values);
                for values in lists.get_mut(section).into_iter().flatten().chain(own) {
                    values.entry(key.path).or_insert_with(|| value.clone());
                }
            }
        }
        let base = source.base().to_path_buf();
        let (faults, asked) = (RefCell::new(faults), RefCell::default());
        Ok(Self { table, base, values, lists, faults, asked })
    }

    pub(super) fn faults(&self) -> Vec<ConfigError> {
        self.faults.borrow().clone()
    }

    #[cfg(test)]
    pub(super) fn asked(&self) -> BTreeSet<&'static str> {
        self.asked.borrow().clone()
    }

    pub(super) fn build(&self) -> Config {
        let data_dir = self.path("node.data_dir").unwrap_or_default();
        Config {
            log: self.log(),
            listen: Listen {
                grpc: self.address("listen.grpc").unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
                postgres: self.address("listen.postgres"),
                dashboards: self.address("listen.dashboards"),
                admin: self.address("listen.admin"),
                fhir: self.address("listen.fhir"),
            },
            tls: self.tls(),
            identity: self.identity(self.operators()),
            ingest: self.ingest(),
            mllp: self.each("mllp", Settings::mllp),
            storages: self.each("storage", Settings::storage),
            fhir_of: self.each("fhir", Settings::fhir_of),
            views: Views {
                dir: self.path("views.dir").unwrap_or_default(),
                flush_rows: self.size("views.flush_rows"),
                flush_interval: self.seconds("views.flush_seconds"),
            },
            ledger: Ledger { disclosures: self.switch("ledger.disclosures") },
            query: Query {
                statement: self.seconds("query.statement_seconds"),
                memory_bytes: usize::try_from(self.integer("query.memory_mib") * MIB).unwrap_or(usize::MAX),
                max_concurrent: self.size("query.max_concurrent"),
                at_least_wait: self.seconds("query.at_least_wait_seconds"),
            },
            telemetry: self.telemetry(),
            node: Node {
                name: self.text("node.name").unwrap_or_default(),
                data_dir,
                drain: self.seconds("node.drain_seconds"),
            },
        }
    }

    fn log(&self) -> Log {
        // Both sections are read whatever the kind, so that a fault in the other one is not found a year later.
        let embedded = EmbeddedLog {
            dir: self.path("log.embedded.dir").unwrap_or_default(),
            segment_bytes: self.integer("log.embedded.segment_mib") * MIB,
            partitions: self.count("log.embedded.partitions"),
        };
        let kafka = self.kafka();
        match self.text("log.kind").as_deref() {
            Some("kafka") => Log::Kafka(kafka),
            _ => Log::Embedded(embedded),
        }
    }

    fn kafka(&self) -> KafkaLog {
        let security = self.text("log.kafka.security").unwrap_or_default();
        let username = self.text("log.kafka.username");
        let password_file = self.path("log.kafka.password_file");
        let mechanism = self.text("log.kafka.sasl_mechanism").unwrap_or_default();
        let sasl = match (username, password_file, security.starts_with("sasl")) {
            (Some(username), Some(password_file), true) => Some(KafkaSasl { mechanism, username, password_file }),
            (None, _, true) => self.broken("log.kafka.username", super::Rule::SaslIncomplete),
            (_, None, true) => self.broken("log.kafka.password_file", super::Rule::SaslIncomplete),
            (_, _, false) => None,
        };
        let certificate = match (self.path("log.kafka.certificate"), self.path("log.kafka.key")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (Some(_), None) => self.broken("log.kafka.key", super::Rule::KafkaCertificateIncomplete),
            (None, Some(_)) => self.broken("log.kafka.certificate", super::Rule::KafkaCertificateIncomplete),
            (None, None) => None,
        };
        KafkaLog {
            brokers: self.texts("log.kafka.brokers"),
            topic_prefix: self.text("log.kafka.topic_prefix").unwrap_or_default(),
            partitions: self.count("log.kafka.partitions"),
            replication: u16::try_from(self.integer("log.kafka.replication")).unwrap_or(u16::MAX),
            security: KafkaSecurity {
                tls: security.ends_with("ssl"),
                ca_file: self.path("log.kafka.ca_file"),
                certificate,
                sasl,
            },
            fetch_wait: Duration::from_millis(self.integer("log.kafka.fetch_wait_ms")),
        }
    }

    pub(super) fn identity(&self, operators: Vec<Operator>) -> Identity {
        Identity {
            keys: self.token_keys(),
            issuer: self.text("identity.issuer").unwrap_or_default(),
            audience: self.text("identity.audience").unwrap_or_default(),
            leeway: self.seconds("identity.leeway_seconds"),
            operators,
        }
    }

    pub(super) fn ingest(&self) -> Ingest {
        Ingest {
            quarantine_bytes: self.integer("ingest.quarantine_mib") * MIB,
            fhir_bytes: usize::try_from(self.integer("ingest.fhir_mib") * MIB).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn tls(&self) -> Option<Tls> {
        let certificate = self.path("tls.certificate");
        let key = self.path("tls.key");
        let client_ca = self.path("tls.client_ca");
        let client_crl = self.path("tls.client_crl");
        match (certificate, key, client_ca) {
            (Some(certificate), Some(key), Some(client_ca)) => Some(Tls { certificate, key, client_ca, client_crl }),
            (None, None, None) => None,
            (None, _, _) => self.broken("tls.certificate", super::Rule::TlsWhole),
            (_, None, _) => self.broken("tls.key", super::Rule::TlsWhole),
            (_, _, None) => self.broken("tls.client_ca", super::Rule::TlsWhole),
        }
    }

    fn token_keys(&self) -> Option<TokenKeys> {
        let refresh = self.seconds("identity.refresh_seconds");
        let ca = self.path("identity.jwks_ca").unwrap_or_default();
        match (self.path("identity.jwt_keys_file"), self.text("identity.jwks_url")) {
            (Some(_), Some(_)) => self.broken("identity.jwt_keys_file", super::Rule::TwoKeySources),
            (Some(path), None) => Some(TokenKeys::File { path, refresh }),
            (None, Some(url)) => Some(TokenKeys::Address { url, ca, refresh }),
            (None, None) => None,
        }
    }

    fn operators(&self) -> Vec<Operator> {
        let mut operators = Vec::new();
        for text in self.texts("identity.operators") {
            match operator(&text) {
                Ok(operator) => operators.push(operator),
                Err(reason) => self.bad_item("identity.operators", &text, reason),
            }
        }
        operators
    }

    pub(super) fn telemetry(&self) -> Telemetry {
        let ca = self.path("telemetry.otlp_ca").unwrap_or_default();
        let interval = self.seconds("telemetry.otlp_interval_seconds");
        let log = self.text("telemetry.log").unwrap_or_default();
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log) {
            self.bad_item("telemetry.log", &log, error.to_string());
        }
        Telemetry {
            otlp: self.text("telemetry.otlp_endpoint").map(|endpoint| Otlp { endpoint, ca, interval }),
            service_name: self.text("telemetry.service_name").unwrap_or_default(),
            log,
            log_format: match self.text("telemetry.log_format").as_deref() {
                Some("json") => LogFormat::Json,
                _ => LogFormat::Text,
            },
            sample: match self.value("telemetry.sample") {
                Some(Value::Ratio(share)) => share,
                _ => 0.0,
            },
        }
    }

    /// What each entry of a list says; an entry with a fault says nothing.
    pub(super) fn each<T>(&self, section: &str, read: fn(&Self, usize) -> Option<T>) -> Vec<T> {
        let entries = self.lists.get(section).map(Vec::as_slice).unwrap_or_default();
        let read = entries.iter().enumerate().filter_map(|(at, values)| {
            let entry = Self {
                table: self.table,
                base: self.base.clone(),
                values: values.clone(),
                lists: BTreeMap::new(),
                faults: RefCell::default(),
                asked: RefCell::default(),
            };
            let read = read(&entry, at + 1);
            self.faults.borrow_mut().extend(entry.faults.into_inner());
            self.asked.borrow_mut().extend(entry.asked.into_inner());
            read
        });
        read.collect()
    }

    fn value(&self, key: &'static str) -> Option<Value> {
        self.asked.borrow_mut().insert(key);
        self.values.get(key).cloned()
    }
    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        match self.value(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
    pub(super) fn texts(&self, key: &'static str) -> Vec<String> {
        match self.value(key) {
            Some(Value::Texts(texts)) => texts,
            _ => Vec::new(),
        }
    }
    pub(super) fn path(&self, key: &'static str) -> Option<PathBuf> {
        if let Some(given) = self.text(key) {
            return Some(self.base.join(given));
        }
        match self.table.find(key)?.default {
            Fallback::Below(name) => Some(self.path(self.table.data_dir)?.join(name)),
            Fallback::Is(_) | Fallback::Absent => None,
        }
    }
    pub(super) fn address(&self, key: &'static str) -> Option<SocketAddr> {
        match self.value(key)? {
            Value::Address(address) => address,
            _ => None,
        }
    }
    pub(super) fn integer(&self, key: &'static str) -> u64 {
        match self.value(key) {
            Some(Value::Integer(number)) => number,
            _ => 0,
        }
    }
    pub(super) fn switch(&self, key: &'static str) -> bool {
        matches!(self.value(key), Some(Value::Switch(true)))
    }
    pub(super) fn size(&self, key: &'static str) -> usize {
        usize::try_from(self.integer(key)).unwrap_or(usize::MAX)
    }
    fn count(&self, key: &'static str) -> u32 {
        u32::try_from(self.integer(key)).unwrap_or(u32::MAX)
    }
    pub(super) fn seconds(&self, key: &'static str) -> Duration {
        Duration::from_secs(self.integer(key))
    }

    /// After how long a feed is silent; `None`: never.
    pub(super) fn silence(&self, key: &'static str) -> Option<Duration> {
        Some(self.seconds(key)).filter(|after| !after.is_zero())
    }

    pub(super) fn broken<T>(&self, key: &'static str, rule: super::Rule) -> Option<T> {
        let example = self.table.example(key);
        self.faults.borrow_mut().push(ConfigError::Broken { key, rule, example });
        None
    }
    pub(super) fn bad_item(&self, key: &'static str, found: &str, reason: String) {
        let example = self.table.example(key);
        self.faults.borrow_mut().push(ConfigError::BadItem { key, found: found.to_owned(), reason, example });
    }
}

fn accept(leaf: Leaf, table: &Table) -> Result<(&'static str, Value), ConfigError> {
    let Leaf { key: path, entry, given, origin } = leaf;
    let section = if table.is_list(&path) { path.as_str() } else { keys::split(&path).0 };
    if table.is_list(section) && entry.is_none() {
        return Err(ConfigError::NotAnEntry { section: section.to_owned(), origin });
    }
    let Some(key) = table.find(&path) else {
        let (nearest, command) = (table.nearest(&path), table.command);
        return Err(ConfigError::UnknownKey { key: path, origin, nearest, command });
    };
    match key.kind.accept(&given) {
        Some(value) => Ok((key.path, value)),
        None => Err(ConfigError::BadValue {
            key: key.path,
            found: given.to_string(),
            expected: key.kind,
            origin,
            example: key.example,
        }),
    }
}

/// A TOML value in the table, such as a default.
pub(super) fn literal(toml: &str) -> Option<Given> {
    toml::de::DeValue::parse(toml).ok().map(|value| Given::from_toml(value.get_ref()))
}

fn operator(text: &str) -> Result<Operator, String> {
    let (facility, member) = text.split_once('/').ok_or_else(|| "write it as facility/member".to_owned())?;
    let facility = FacilityId::parse(facility).map_err(|error| error.to_string())?;
    let member = MemberId::parse(member).map_err(|error| error.to_string())?;
    Ok(Operator { facility, member })
}
