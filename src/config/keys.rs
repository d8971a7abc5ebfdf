//! Every key, once: its type, default, example, and what it means in Japanese and English.

use super::value::Kind;

/// A key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// Dotted, as in `log.embedded.dir`.
    pub path: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds when it is not given.
    pub default: Fallback,
    /// A value it takes, as TOML.
    pub example: &'static str,
    /// What it means, in Japanese.
    pub ja: &'static str,
    /// What it means, in English.
    pub en: &'static str,
}

/// What holds when a key is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// This value, as TOML.
    Is(&'static str),
    /// This directory below `node.data_dir`.
    Below(&'static str),
    /// Nothing.
    Absent,
}

/// A section and what it is about.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Dotted, as in `log.embedded`.
    pub path: &'static str,
    /// What it is about, in Japanese.
    pub ja: &'static str,
    /// What it is about, in English.
    pub en: &'static str,
}

use Fallback::{Absent, Below, Is};

const fn key(path: &'static str, kind: Kind, default: Fallback, text: [&'static str; 3]) -> Key {
    let [example, ja, en] = text;
    Key { path, kind, default, example, ja, en }
}

const fn whole(least: u64, most: u64) -> Kind {
    Kind::Integer { least, most }
}

/// Debian's list of the CAs that the system trusts.
const SYSTEM_CA: &str = "\"/etc/ssl/certs/ca-certificates.crt\"";

/// Spellings that a message which names no character set may be in.
const CHARSETS: Kind = Kind::OneOf(&["ISO-2022-JP", "Shift_JIS", "EUC-JP", "UTF-8"]);
/// What `charset` means.
const CHARSET: [&str; 3] = [
    "\"ISO-2022-JP\"",
    "文字コードを名乗らないメッセージ（MSH-18が空）の文字コード。省略時はバイト列から判断する",
    "Character set of messages that name none in `MSH-18`; without it, it is told by their bytes.",
];
/// What `zone` means.
const ZONE: [&str; 3] = [
    "\"+09:00\"",
    "時差のない時刻をどの時差で読むか。+09:00 のような時差、または Asia/Tokyo のような地域名",
    "Zone of times without an offset: an offset, or a name such as `Asia/Tokyo`.",
];

/// Sections that may stand several times, as `[[mllp]]`. They are given in the file only.
const LISTS: &[&str] = &["mllp", "storage"];

impl Section {
    /// Whether it may stand several times.
    pub fn is_list(&self) -> bool {
        is_list(self.path)
    }
    /// How it is headed in a file.
    pub fn head(&self) -> String {
        if self.is_list() { format!("[[{}]]", self.path) } else { format!("[{}]", self.path) }
    }
}

/// Whether a section of this path may stand several times.
pub(super) fn is_list(path: &str) -> bool {
    LISTS.contains(&path)
}

/// The sections in the order in which they are printed.
pub const SECTIONS: &[Section] = &[
    Section { path: "node", ja: "ノードそのもの", en: "The process itself." },
    Section { path: "log", ja: "正本となるログ", en: "The log that is the source of truth." },
    Section {
        path: "log.embedded", ja: "ローカルディスク上の組み込みログ", en: "The embedded log on local disk."
    },
    Section { path: "log.kafka", ja: "Kafka上のログ", en: "The log on Kafka brokers." },
    Section {
        path: "listen",
        ja: "待ち受けるアドレス。ループバック以外ではTLSが必須",
        en: "Where the node listens. Off loopback TLS is required.",
    },
    Section { path: "tls", ja: "ノードの証明書", en: "The node's certificate and whom it trusts." },
    Section { path: "identity", ja: "本人確認", en: "How callers prove who they are." },
    Section { path: "ingest", ja: "受け付け", en: "The door for events." },
    Section {
        path: "mllp",
        ja: "HL7 v2をMLLPで受け取る口。口の数だけ書く",
        en: "HL7 v2 over MLLP: one for each listener.",
    },
    Section {
        path: "storage",
        ja: "読み取って追いかけるSS-MIX2標準化ストレージ。ストレージの数だけ書く",
        en: "An SS-MIX2 storage that is loaded and then followed: one for each.",
    },
    Section { path: "views", ja: "記録の保管", en: "The record store." },
    Section { path: "ledger", ja: "開示の台帳", en: "The ledger of who saw what." },
    Section { path: "query", ja: "問い合わせの上限", en: "Limits of statements." },
    Section { path: "telemetry", ja: "ログ・メトリクス・トレース", en: "Logs, metrics and traces." },
];

/// Every key, in the order in which it is printed.
pub const KEYS: &[Key] = &[
    key(
        "node.name",
        Kind::Text,
        Is("\"ajisai\""),
        [
            "\"ajisai-1\"",
            "ログ・メトリクス・トレースに現れるノードの名前",
            "The node's name in logs, metrics and traces.",
        ],
    ),
    key(
        "node.data_dir",
        Kind::Path,
        Is("\"data\""),
        [
            "\"/var/lib/ajisai\"",
            "データの置き場所。相対パスは、どの項目でも設定ファイルのあるディレクトリから数える",
            "Where everything the node keeps lies. In every key, a relative path starts at the configuration file's directory.",
        ],
    ),
    key(
        "node.drain_seconds",
        whole(0, 3600),
        Is("30"),
        [
            "30",
            "停止の指示を受けてから、処理中の要求が終わるのを待つ秒数",
            "Seconds that a graceful stop waits for requests under way.",
        ],
    ),
    key(
        "log.kind",
        Kind::OneOf(&["embedded", "kafka"]),
        Is("\"embedded\""),
        [
            "\"embedded\"",
            "ログの種類。embedded はこのプロセス内、kafka はKafkaブローカー",
            "Which log: `embedded` in this process, or `kafka` on brokers.",
        ],
    ),
    key(
        "log.embedded.dir",
        Kind::Path,
        Below("log"),
        ["\"/var/lib/ajisai/log\"", "組み込みログのディレクトリ", "Directory of the embedded log."],
    ),
    key(
        "log.embedded.segment_mib",
        whole(1, 4096),
        Is("128"),
        [
            "128",
            "この大きさ（MiB）でセグメントを閉じて次を始める",
            "Size in MiB at which a segment is closed and the next begun.",
        ],
    ),
    key(
        "log.embedded.partitions",
        whole(1, 1024),
        Is("8"),
        [
            "8",
            "データパーティションの数。ログを作るときに決まり、後から変えられない",
            "Number of data partitions; fixed when the log is made.",
        ],
    ),
    key(
        "log.kafka.brokers",
        Kind::Texts,
        Absent,
        ["[\"broker-1:9093\", \"broker-2:9093\"]", "最初に接続するブローカー", "Brokers to ask first."],
    ),
    key(
        "log.kafka.topic_prefix",
        Kind::Text,
        Is("\"ajisai\""),
        [
            "\"ajisai\"",
            "トピックは <prefix>.control と <prefix>.events",
            "Topics are `<prefix>.control` and `<prefix>.events`.",
        ],
    ),
    key(
        "log.kafka.partitions",
        whole(1, 1024),
        Is("8"),
        [
            "8",
            "データパーティションの数。トピックを作るときに決まり、後から変えられない",
            "Number of data partitions; fixed when the topics are made.",
        ],
    ),
    key(
        "log.kafka.replication",
        whole(1, 7),
        Is("3"),
        ["3", "このノードが作るトピックの複製数", "Replicas of the topics that this node makes."],
    ),
    key(
        "log.kafka.security",
        Kind::OneOf(&["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]),
        Is("\"ssl\""),
        [
            "\"ssl\"",
            "ブローカーとの通信。TLSなし（plaintext, sasl_plaintext）はループバックのブローカーに限る",
            "How brokers are spoken to; without TLS (`plaintext`, `sasl_plaintext`) on loopback only.",
        ],
    ),
    key(
        "log.kafka.ca_file",
        Kind::Path,
        Absent,
        [
            "\"kafka-ca.pem\"",
            "ブローカー証明書のCA（PEM）。省略時はシステムのCA",
            "PEM: CA of the brokers' certificates; without it the system's list.",
        ],
    ),
    key(
        "log.kafka.certificate",
        Kind::Path,
        Absent,
        ["\"kafka-client.pem\"", "Kafkaに示すクライアント証明書（PEM）", "PEM: client certificate shown to Kafka."],
    ),
    key("log.kafka.key", Kind::Path, Absent, ["\"kafka-client.key\"", "その秘密鍵（PEM）", "PEM: its private key."]),
    key(
        "log.kafka.sasl_mechanism",
        Kind::OneOf(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
        Is("\"SCRAM-SHA-512\""),
        ["\"SCRAM-SHA-512\"", "SASLの方式", "SASL mechanism."],
    ),
    key("log.kafka.username", Kind::Text, Absent, ["\"ajisai\"", "SASLの利用者名", "SASL user name."]),
    key(
        "log.kafka.password_file",
        Kind::Path,
        Absent,
        [
            "\"kafka-password\"",
            "SASLのパスワードを1行目に書いたファイル",
            "File whose first line is the SASL password.",
        ],
    ),
    key(
        "log.kafka.fetch_wait_ms",
        whole(1, 10_000),
        Is("100"),
        ["100", "新しいイベントを待つ最長のミリ秒", "Longest wait for new events, in milliseconds."],
    ),
    key(
        "listen.grpc",
        Kind::Address,
        Is("\"127.0.0.1:7443\""),
        [
            "\"0.0.0.0:7443\"",
            "gRPC（ajisai.v1）とFlight SQL。同じポートで両方に応える",
            "gRPC of `ajisai.v1` and Flight SQL, on one port.",
        ],
    ),
    key(
        "listen.postgres",
        Kind::AddressOrOff,
        Is("\"127.0.0.1:7432\""),
        ["\"0.0.0.0:7432\"", "PostgreSQLプロトコル。\"off\" で無効", "The Postgres wire protocol; `\"off\"` for none."],
    ),
    key(
        "listen.dashboards",
        Kind::AddressOrOff,
        Is("\"127.0.0.1:7400\""),
        ["\"0.0.0.0:7400\"", "ダッシュボード。\"off\" で無効", "The dashboards; `\"off\"` for none."],
    ),
    key(
        "listen.admin",
        Kind::AddressOrOff,
        Is("\"127.0.0.1:7480\""),
        [
            "\"127.0.0.1:7480\"",
            "/metrics・/health・/ready。\"off\" で無効。ループバック以外ではクライアント証明書を求める",
            "`/metrics`, `/health`, `/ready`; `\"off\"` for none. Off loopback it asks for a client certificate.",
        ],
    ),
    key(
        "listen.fhir",
        Kind::AddressOrOff,
        Is("\"off\""),
        [
            "\"0.0.0.0:7444\"",
            "FHIRの受け口（POST /fhir）。施設のクライアント証明書、またはトークンを求める。\"off\" で無効",
            "The FHIR endpoint, `POST /fhir`: callers show their facility's certificate or a token; `\"off\"` for none.",
        ],
    ),
    key(
        "tls.certificate",
        Kind::Path,
        Absent,
        [
            "\"node.pem\"",
            "ノードの証明書（PEM）。中間証明書はその後ろに続ける",
            "PEM: the node's certificate, then its intermediates.",
        ],
    ),
    key("tls.key", Kind::Path, Absent, ["\"node.key\"", "その秘密鍵（PEM）", "PEM: its private key."]),
    key(
        "tls.client_ca",
        Kind::Path,
        Absent,
        [
            "\"ca.pem\"",
            "施設のクライアント証明書に署名するCA（PEM）",
            "PEM: the CA certificates that sign facilities' client certificates.",
        ],
    ),
    key(
        "tls.client_crl",
        Kind::Path,
        Absent,
        [
            "\"revoked.pem\"",
            "失効したクライアント証明書の一覧（PEM）。起動時に読む",
            "PEM: revocation lists of client certificates. Read at the start.",
        ],
    ),
    key(
        "identity.jwt_keys_file",
        Kind::Path,
        Absent,
        [
            "\"jwks.json\"",
            "トークンを検証する公開鍵。PEMまたはJWKS（ES256・EdDSA・RS256）。変わると読み直す",
            "Public keys that verify tokens: PEM or JWKS (ES256, EdDSA, RS256). Read again when it changes.",
        ],
    ),
    key(
        "identity.jwks_url",
        Kind::Url,
        Absent,
        [
            "\"https://id.example.jp/jwks.json\"",
            "JWKSを返すアドレス。http:// はループバックに限る",
            "Address that answers with a JWKS; `http://` on loopback only.",
        ],
    ),
    key(
        "identity.jwks_ca",
        Kind::Path,
        Is(SYSTEM_CA),
        [
            SYSTEM_CA,
            "jwks_url のサーバー証明書を確かめるCA（PEM）",
            "PEM: CA certificates that `jwks_url` is checked against.",
        ],
    ),
    key(
        "identity.refresh_seconds",
        whole(1, 86_400),
        Is("300"),
        [
            "300",
            "鍵を読み直す間隔（秒）。知らない鍵のトークンが来たときはそれより早く読み直す",
            "Seconds between looks at the keys; a token with an unknown key looks sooner.",
        ],
    ),
    key(
        "identity.issuer",
        Kind::Text,
        Is("\"ajisai\""),
        ["\"https://id.example.jp\"", "トークンの iss", "The `iss` that a token must carry."],
    ),
    key(
        "identity.audience",
        Kind::Text,
        Is("\"ajisai\""),
        ["\"ajisai\"", "トークンの aud", "The `aud` that a token must carry."],
    ),
    key(
        "identity.leeway_seconds",
        whole(0, 300),
        Is("30"),
        ["30", "トークンの期限で許す時計のずれ（秒）", "Seconds by which clocks may differ in a token's times."],
    ),
    key(
        "identity.operators",
        Kind::Texts,
        Is("[]"),
        [
            "[\"office/operator-1\"]",
            "台帳になくても管理者（administrator）として認める者（施設/職員）。最初の施設を登録するために使う",
            "`facility/member` of administrators believed although the directory does not know them: they register the first facility.",
        ],
    ),
    key(
        "ingest.quarantine_mib",
        whole(1, 1_048_576),
        Is("1024"),
        [
            "1024",
            "受け付けられなかったデータを保管する領域（MiB）。一杯になると、その旨を返して拒む",
            "Room in MiB for refused bytes; when it is full they are refused aloud.",
        ],
    ),
    key(
        "ingest.fhir_mib",
        whole(1, 1024),
        Is("64"),
        ["64", "一度に受け取るFHIRの本文の上限（MiB）", "The largest body of one `POST /fhir`, in MiB."],
    ),
    key(
        "mllp.address",
        Kind::Address,
        Absent,
        [
            "\"0.0.0.0:2575\"",
            "待ち受けるアドレス（必須）。ループバック以外ではTLSが必須",
            "Where it listens (required). Off loopback with TLS only.",
        ],
    ),
    key(
        "mllp.facilities",
        Kind::Texts,
        Absent,
        [
            "[\"my-hospital\"]",
            "送ってくる施設（必須）。TLSではクライアント証明書の施設がこの中になければならない。TLSなしでは一つだけ",
            "Who sends here (required). With TLS the facility of the client certificate must be among them; without TLS it is the only one.",
        ],
    ),
    key(
        "mllp.tls",
        Kind::Switch,
        Is("true"),
        [
            "true",
            "TLSとクライアント証明書を求めるか。false はループバックに限る（同じ機器の連携エンジンなど）",
            "Whether TLS and a client certificate are asked for. `false` is for loopback only, such as an engine on the same machine.",
        ],
    ),
    key("mllp.charset", CHARSETS, Absent, CHARSET),
    key("mllp.zone", Kind::Text, Is("\"+09:00\""), ZONE),
    key(
        "mllp.sending_facilities",
        Kind::Texts,
        Is("[]"),
        [
            "[\"HOSP\"]",
            "MSH-4に現れてよい送信施設名。空ならどれでもよい",
            "Names that may stand in `MSH-4`; empty takes any.",
        ],
    ),
    key(
        "mllp.assigning_authorities",
        Kind::Texts,
        Is("[]"),
        [
            "[\"HOSP\"]",
            "PID-3のうち自施設の患者番号に付く発番者名。空なら種別PI・MRのもの、または唯一のもの",
            "Assigning authorities of the facility's own numbers in `PID-3`; empty takes those typed `PI` or `MR`, else the only one.",
        ],
    ),
    key(
        "mllp.take_tests",
        Kind::Switch,
        Is("false"),
        [
            "false",
            "試験用のメッセージ（MSH-11がP以外）も受け取るか",
            "Whether messages for training and debugging (`MSH-11` other than `P`) are taken too.",
        ],
    ),
    key(
        "mllp.largest_mib",
        whole(1, 256),
        Is("16"),
        ["16", "一つのメッセージの上限（MiB）", "The largest message, in MiB."],
    ),
    key(
        "mllp.idle_seconds",
        whole(1, 86_400),
        Is("3600"),
        ["3600", "この秒数だけ何も来ない接続は閉じる", "Seconds without a byte after which a connection is closed."],
    ),
    key(
        "mllp.most_connections",
        whole(1, 100_000),
        Is("1000"),
        ["1000", "同時に開ける接続の数。それ以上は待たせる", "Connections at a time; further ones wait."],
    ),
    key(
        "storage.name",
        Kind::Text,
        Absent,
        [
            "\"std\"",
            "短い名前（必須、英数字と - _）。置き場所が変わっても変えない。`ajisai feeds` に現れる",
            "A short name (required; letters, digits, `-`, `_`) that stays when the storage is mounted elsewhere. `ajisai feeds` shows it.",
        ],
    ),
    key(
        "storage.path",
        Kind::Path,
        Absent,
        [
            "\"/mnt/ssmix2\"",
            "標準化ストレージの根（必須）。読むだけで、書き込まない",
            "The storage's root (required). It is only read.",
        ],
    ),
    key(
        "storage.facility",
        Kind::Text,
        Absent,
        ["\"my-hospital\"", "どの施設のストレージか（必須）", "Whose storage it is (required)."],
    ),
    key(
        "storage.other_patient",
        Kind::OneOf(&["refuse", "take-path"]),
        Is("\"refuse\""),
        [
            "\"refuse\"",
            "パスとメッセージで患者が違うファイルをどうするか。refuse は隔離、take-path はパスの患者とする",
            "A file whose message is about another patient than its path: `refuse` keeps it in quarantine, `take-path` believes the path.",
        ],
    ),
    key("storage.charset", CHARSETS, Absent, CHARSET),
    key("storage.zone", Kind::Text, Is("\"+09:00\""), ZONE),
    key(
        "storage.watch",
        Kind::Switch,
        Is("true"),
        [
            "true",
            "OSの通知で変化を知るか。他の機器が書き込むネットワークドライブでは false（定期的な走査で追う）",
            "Whether the system tells of changes. `false` for a network drive that other machines write to: sweeps follow it.",
        ],
    ),
    key(
        "storage.transactions",
        Kind::Path,
        Absent,
        [
            "\"/mnt/ssmix2-trans\"",
            "トランザクションストレージの根。あれば変化をそこから知る",
            "The transaction storage's root, where there is one: it names what has changed.",
        ],
    ),
    key(
        "storage.sweep_seconds",
        whole(1, 86_400),
        Is("600"),
        [
            "600",
            "全体を走査する間隔（秒）。通知の漏れはここで見つかる",
            "Seconds between sweeps over the whole tree: they find what nothing told of.",
        ],
    ),
    key(
        "storage.settled_seconds",
        whole(0, 3600),
        Is("2"),
        [
            "2",
            "書き込まれてからこの秒数が過ぎたファイルだけを読む",
            "A file is read when it has been left alone for so many seconds.",
        ],
    ),
    key(
        "storage.survey_minutes",
        whole(1, 10_080),
        Is("1440"),
        [
            "1440",
            "全ファイルを読み直して、受け取ったものと突き合わせる間隔（分）。最初は取り込みが一巡した直後。結果は `ajisai feeds`",
            "Minutes between surveys, which read every file anew and compare it with what was taken; the first follows the first load. `ajisai feeds` shows what they find.",
        ],
    ),
    key("storage.threads", whole(1, 256), Is("16"), ["16", "同時に読むファイルの数", "How many threads read files."]),
    key(
        "storage.largest_mib",
        whole(1, 1024),
        Is("16"),
        ["16", "一つのファイルの上限（MiB）", "The largest file, in MiB."],
    ),
    key(
        "views.dir",
        Kind::Path,
        Below("views"),
        ["\"/var/lib/ajisai/views\"", "保管庫のディレクトリ", "Directory of the record store."],
    ),
    key(
        "views.flush_rows",
        whole(1_000, 100_000_000),
        Is("500_000"),
        [
            "500_000",
            "メモリ上の行がこの数になると表ファイルに書き出す",
            "Hot rows at which they are written to table files.",
        ],
    ),
    key(
        "views.flush_seconds",
        whole(1, 3600),
        Is("10"),
        [
            "10",
            "メモリ上の最も古い行がこの秒数を過ぎると書き出す",
            "Age in seconds of the oldest hot row at which they are written.",
        ],
    ),
    key(
        "ledger.disclosures",
        Kind::Switch,
        Is("true"),
        [
            "false",
            "書き出しのたびに、どの施設から何が見えるようになったかを台帳に記す。閲覧の記録は、この設定に関わらず必ず残る",
            "Note in the ledger, per commit of the views, what became visible to which facility. What is read is noted in any case.",
        ],
    ),
    key(
        "query.statement_seconds",
        whole(1, 86_400),
        Is("30"),
        ["30", "一つの問い合わせに許す秒数", "Seconds that a statement may run."],
    ),
    key(
        "query.memory_mib",
        whole(1, 1_048_576),
        Is("512"),
        ["512", "一つの問い合わせに許すメモリ（MiB）", "Memory of one statement, in MiB."],
    ),
    key(
        "query.max_concurrent",
        whole(1, 10_000),
        Is("8"),
        ["8", "一つの施設が同時に実行できる問い合わせの数", "Statements of one facility that may run at once."],
    ),
    key(
        "query.at_least_wait_seconds",
        whole(0, 3600),
        Is("10"),
        [
            "10",
            "「少なくともこの位置まで」を求める問い合わせが待つ最長の秒数",
            "Seconds that a statement asking for \"at least position p\" waits for it.",
        ],
    ),
    key(
        "telemetry.otlp_endpoint",
        Kind::Url,
        Absent,
        [
            "\"http://127.0.0.1:4317\"",
            "OTLP（gRPC）の送り先。省略時は送らない。http:// はループバックに限る",
            "OTLP collector (gRPC); without it nothing is exported. `http://` on loopback only.",
        ],
    ),
    key(
        "telemetry.otlp_ca",
        Kind::Path,
        Is(SYSTEM_CA),
        [
            SYSTEM_CA,
            "https の送り先を確かめるCA（PEM）",
            "PEM: CA certificates that an `https` collector is checked against.",
        ],
    ),
    key(
        "telemetry.otlp_interval_seconds",
        whole(1, 3600),
        Is("15"),
        ["15", "メトリクスを送る間隔（秒）", "Seconds between exports of metrics."],
    ),
    key(
        "telemetry.service_name",
        Kind::Text,
        Is("\"ajisai\""),
        ["\"ajisai\"", "service.name", "`service.name` of metrics and traces."],
    ),
    key(
        "telemetry.log",
        Kind::Text,
        Is("\"info\""),
        [
            "\"info,query=debug\"",
            "書き出すログの水準。部屋ごとに変えられる",
            "Which log lines are written; can differ by room.",
        ],
    ),
    key(
        "telemetry.log_format",
        Kind::OneOf(&["text", "json"]),
        Is("\"text\""),
        ["\"json\"", "ログの書式", "How log lines are written."],
    ),
    key(
        "telemetry.sample",
        Kind::Ratio,
        Is("0.01"),
        ["0.01", "トレースのうち残す割合", "The share of traces that are kept."],
    ),
];

/// The key of this path.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether a section has this path.
pub(super) fn is_section(path: &str) -> bool {
    SECTIONS.iter().any(|section| section.path == path)
}

/// The section and the name of a key: `log.embedded` and `dir`.
pub fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// The known key most like `path`, if one is near enough to be meant.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    let (_, name) = split(path);
    KEYS.iter()
        .map(|key| {
            // The right name under another section is a likelier slip than a likeness of the whole.
            let distance = if split(key.path).1 == name { 1 } else { edits(path, key.path) };
            (distance, key.path)
        })
        .filter(|(distance, path)| *distance <= 2.max(path.len() / 4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, path)| path)
}

/// Edit distance (Levenshtein) over characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = i + 1;
        next.push(left);
        for (to, pair) in b.iter().zip(row.windows(2)) {
            let (diagonal, above) = match pair {
                [diagonal, above] => (*diagonal, *above),
                _ => continue,
            };
            left = (left + 1).min(above + 1).min(diagonal + usize::from(from != *to));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
