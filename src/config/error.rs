//! Why a configuration is refused: what was wrong, where, and what to write instead. In English and Japanese.

use super::source::Origin;
use super::value::Kind;
use std::fmt;

/// One fault.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigError {
    /// The file is not TOML.
    Unreadable {
        /// Where reading stopped.
        origin: Origin,
        /// What the parser says.
        reason: String,
    },
    /// A key that is not in the table.
    UnknownKey {
        /// As it was written, dotted.
        key: String,
        /// Where it stood.
        origin: Origin,
        /// The known key most like it, if one is.
        nearest: Option<&'static str>,
        /// The command that lists all keys.
        command: &'static str,
    },
    /// A key of a section that is a list, given elsewhere than in an entry of the list.
    NotAnEntry {
        /// The section.
        section: String,
        /// Where it stood.
        origin: Origin,
    },
    /// A value of the wrong type or out of bounds.
    BadValue {
        /// The key.
        key: &'static str,
        /// What was given.
        found: String,
        /// What the key takes.
        expected: Kind,
        /// Where it stood.
        origin: Origin,
        /// A value it would take, as TOML.
        example: &'static str,
    },
    /// A value that reads as its type but not as what it stands for.
    BadItem {
        /// The key.
        key: &'static str,
        /// What was given.
        found: String,
        /// Why it is not one.
        reason: String,
        /// A value it would take, as TOML.
        example: &'static str,
    },
    /// Keys that do not go together.
    Broken {
        /// The key to change.
        key: &'static str,
        /// The rule.
        rule: Rule,
        /// A value that would keep the rule, as TOML.
        example: &'static str,
    },
}

/// What must hold between keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A listener off loopback needs a certificate, its key and the CA of client certificates.
    TlsOffLoopback {
        /// The listener's key.
        listener: &'static str,
    },
    /// Of certificate, key and client CA either all or none are given.
    TlsWhole,
    /// Neither token keys nor client certificates: nobody could enter.
    NoDoor,
    /// Only one source of token keys.
    TwoKeySources,
    /// `http://` is for loopback only.
    PlainAddressOffLoopback,
    /// Kafka on other machines is spoken to over TLS.
    PlainKafkaOffLoopback,
    /// The Kafka log needs brokers.
    NoBrokers,
    /// SASL needs a name and a password file.
    SaslIncomplete,
    /// A client certificate for Kafka needs its key, and a key its certificate.
    KafkaCertificateIncomplete,
    /// Every edge has one.
    Needed,
    /// An edge that takes nothing.
    NoWayIn,
    /// An edge speaks for its own facility alone.
    OtherFacility {
        /// Which entry, from 1.
        entry: usize,
    },
    /// Patient data goes to the node over TLS, and the node knows the facility by its certificate.
    NodeOverTls,
    /// An entry of a list lacks what every entry has.
    Required {
        /// Which entry, from 1.
        entry: usize,
    },
    /// A listener without TLS cannot tell facilities apart.
    OneFacilityWithoutTls {
        /// Which entry, from 1.
        entry: usize,
    },
    /// MLLP over TLS needs the node's certificate.
    MllpTls {
        /// Which entry, from 1.
        entry: usize,
    },
    /// MLLP without TLS is for loopback only.
    PlainMllpOffLoopback {
        /// Which entry, from 1.
        entry: usize,
    },
    /// Two storages have one name.
    SameName {
        /// Which entry, from 1.
        entry: usize,
    },
    /// Two listeners share an address.
    SameAddress {
        /// The other listener's key.
        other: &'static str,
    },
}

/// All the faults of a configuration; never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigErrors(Vec<ConfigError>);

// === impl ConfigErrors ===

impl ConfigErrors {
    pub(super) fn new(faults: Vec<ConfigError>) -> Self {
        Self(faults)
    }
    /// The faults, in the order of the file, then of the environment, then of the rules.
    pub fn faults(&self) -> &[ConfigError] {
        &self.0
    }
    /// The message in Japanese, a line per fault.
    pub fn japanese(&self) -> String {
        self.0.iter().map(ConfigError::japanese).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ConfigError::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

// === impl ConfigError ===

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { origin, reason } => write!(f, "not TOML at {origin}: {reason}"),
            Self::UnknownKey { key, origin, nearest: Some(nearest), command } => {
                write!(f, "unknown key `{key}` at {origin}; did you mean `{nearest}`? `{command}` lists all keys")
            }
            Self::UnknownKey { key, origin, nearest: None, command } => {
                write!(f, "unknown key `{key}` at {origin}; `{command}` lists all keys")
            }
            Self::NotAnEntry { section, origin } => write!(
                f,
                "`{section}` at {origin} may stand several times: write [[{section}]] in the file, once for each"
            ),
            Self::BadValue { key, found, expected, origin, example } => {
                write!(f, "`{key}` at {origin} is {found}; it takes {expected}, for example {example}")
            }
            Self::BadItem { key, found, reason, example } => {
                write!(f, "`{key}` has \"{found}\": {reason}; an example is {example}")
            }
            Self::Broken { key, rule, example } => write!(f, "`{key}`: {rule}; for example {example}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// The message in Japanese.
    pub fn japanese(&self) -> String {
        match self {
            Self::Unreadable { origin, reason } => format!("{} はTOMLとして読めません: {reason}", place(origin)),
            Self::UnknownKey { key, origin, nearest, command } => {
                let hint = nearest.map(|near| format!("`{near}` のことですか。")).unwrap_or_default();
                format!("{} の `{key}` という項目はありません。{hint}`{command}` で全項目を表示します", place(origin))
            }
            Self::NotAnEntry { section, origin } => format!(
                "{} の `{section}` は複数書ける節です。ファイルに [[{section}]] と、必要な数だけ書いてください",
                place(origin)
            ),
            Self::BadValue { key, found, expected, origin, example } => format!(
                "{} の `{key}` の値 {found} は使えません。{} を指定してください（例: {example}）",
                place(origin),
                expected.japanese()
            ),
            Self::BadItem { key, found, reason, example } => {
                format!("`{key}` の \"{found}\" は使えません（{reason}）。例: {example}")
            }
            Self::Broken { key, rule, example } => format!("`{key}`: {}（例: {example}）", rule.japanese()),
        }
    }
}

fn place(origin: &Origin) -> String {
    match origin {
        Origin::File { name, line } => format!("{name} {line}行目"),
        Origin::Env(name) => format!("環境変数 {name}"),
    }
}

// === impl Rule ===

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TlsOffLoopback { listener } => write!(
                f,
                "is needed because `{listener}` is not on loopback: patient data leaves this machine over TLS only; \
                 give it, or listen on 127.0.0.1"
            ),
            Self::TlsWhole => f.write_str("is missing: certificate, key and client_ca are given together"),
            Self::NoDoor => f.write_str(
                "is missing: there is no anonymous door, so give keys for tokens (jwt_keys_file or jwks_url) or, \
                 for client certificates, [tls]",
            ),
            Self::TwoKeySources => f.write_str("and `identity.jwks_url` are both given; keep one"),
            Self::PlainAddressOffLoopback => f.write_str("is `http://` to another machine; use https://"),
            Self::PlainKafkaOffLoopback => {
                f.write_str("is without TLS although a broker is on another machine; use ssl or sasl_ssl")
            }
            Self::NoBrokers => f.write_str("is missing: the Kafka log needs at least one broker"),
            Self::SaslIncomplete => f.write_str("is missing: SASL needs username and password_file"),
            Self::KafkaCertificateIncomplete => {
                f.write_str("is missing: a client certificate for Kafka needs certificate and key")
            }
            Self::Needed => f.write_str("is missing: every edge has one"),
            Self::NoWayIn => f.write_str("is missing: the edge takes nothing; give [[mllp]], [[storage]] or `listen.fhir`"),
            Self::OtherFacility { entry } => write!(
                f,
                "of entry {entry} is not `edge.facility`: an edge speaks for the facility of its certificate alone; run one \
                 edge for each facility"
            ),
            Self::NodeOverTls => f.write_str(
                "is `http://`: patient data goes to the node over TLS, and the node knows the facility by its certificate; \
                 use https://",
            ),
            Self::Required { entry } => write!(f, "is missing in entry {entry}: every entry has one"),
            Self::OneFacilityWithoutTls { entry } => write!(
                f,
                "of entry {entry} has not exactly one facility: without TLS no certificate says who sends, so give each \
                 facility its own port, or set `mllp.tls` = true"
            ),
            Self::MllpTls { entry } => write!(
                f,
                "is missing: `mllp.address` of entry {entry} speaks TLS; give the certificate, or, for an engine on this \
                 machine, set its `mllp.tls` = false"
            ),
            Self::PlainMllpOffLoopback { entry } => write!(
                f,
                "of entry {entry} is false although it does not listen on loopback: patient data leaves this machine \
                 over TLS only; set it to true, or listen on 127.0.0.1"
            ),
            Self::SameName { entry } => write!(f, "of entry {entry} is the name of another feed; give each its own"),
            Self::SameAddress { other } => write!(f, "is the same address as `{other}`; give each its own port"),
        }
    }
}

impl Rule {
    fn japanese(self) -> String {
        match self {
            Self::TlsOffLoopback { listener } => format!(
                "`{listener}` がループバック以外で待ち受けるため必要です。診療データはTLSでのみ外に出ます。\
                 指定するか、127.0.0.1 で待ち受けてください"
            ),
            Self::TlsWhole => "指定がありません。certificate・key・client_ca は揃えて指定します".to_owned(),
            Self::NoDoor => "指定がありません。匿名では入れないため、トークンの鍵（jwt_keys_file か jwks_url）か、\
                 クライアント証明書のための [tls] を指定してください"
                .to_owned(),
            Self::TwoKeySources => {
                "`identity.jwks_url` と同時に指定されています。どちらか一方にしてください".to_owned()
            }
            Self::PlainAddressOffLoopback => {
                "他の機器への `http://` は使えません。https:// を指定してください".to_owned()
            }
            Self::PlainKafkaOffLoopback => {
                "他の機器のブローカーにTLSなしで接続しようとしています。ssl か sasl_ssl を指定してください".to_owned()
            }
            Self::NoBrokers => "指定がありません。Kafkaのログには少なくとも一つのブローカーが必要です".to_owned(),
            Self::SaslIncomplete => "指定がありません。SASLには username と password_file が必要です".to_owned(),
            Self::KafkaCertificateIncomplete => {
                "指定がありません。Kafkaのクライアント証明書には certificate と key が必要です".to_owned()
            }
            Self::Needed => "指定がありません。どのゲートウェイにも必要です".to_owned(),
            Self::NoWayIn => {
                "指定がなく、何も受け取りません。[[mllp]]・[[storage]]・`listen.fhir` のいずれかを指定してください"
                    .to_owned()
            }
            Self::OtherFacility { entry } => format!(
                "{entry}番目が `edge.facility` と違います。ゲートウェイは証明書の施設だけを代表します。\
                 施設ごとにゲートウェイを置いてください"
            ),
            Self::NodeOverTls => {
                "`http://` は使えません。診療データはTLSでノードに届け、ノードは証明書で施設を確かめます。\
                 https:// を指定してください"
                    .to_owned()
            }
            Self::Required { entry } => format!("{entry}番目に指定がありません。どれにも必要です"),
            Self::OneFacilityWithoutTls { entry } => format!(
                "{entry}番目の施設がちょうど一つではありません。TLSなしでは送り手を証明書で区別できないため、\
                 施設ごとにポートを分けるか、`mllp.tls` を true にしてください"
            ),
            Self::MllpTls { entry } => format!(
                "指定がありません。{entry}番目の `mllp.address` はTLSを使います。証明書を指定するか、\
                 同じ機器の連携エンジンからであれば `mllp.tls` を false にしてください"
            ),
            Self::PlainMllpOffLoopback { entry } => format!(
                "{entry}番目が false ですが、ループバック以外で待ち受けています。診療データはTLSでのみ外に出ます。\
                 true にするか、127.0.0.1 で待ち受けてください"
            ),
            Self::SameName { entry } => {
                format!("{entry}番目の名前は他の経路と同じです。別の名前を指定してください")
            }
            Self::SameAddress { other } => {
                format!("`{other}` と同じアドレスです。別のポートを指定してください")
            }
        }
    }
}
