//! The node's process and its log.

use super::Fallback::{Absent, Below, Is};
use super::{Section, key, whole};
use crate::config::value::Kind;

/// `[node]` of a node.
pub(super) const NODE: Section = Section {
    path: "node",
    ja: "ノードそのもの",
    en: "The process itself.",
    keys: &[
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
    ],
};

/// `[log]`
pub(super) const LOG: Section = Section {
    path: "log",
    ja: "正本となるログ",
    en: "The log that is the source of truth.",
    keys: &[key(
        "log.kind",
        Kind::OneOf(&["embedded", "kafka"]),
        Is("\"embedded\""),
        [
            "\"embedded\"",
            "ログの種類。embedded はこのプロセス内、kafka はKafkaブローカー",
            "Which log: `embedded` in this process, or `kafka` on brokers.",
        ],
    )],
};

/// `[log.embedded]`
pub(super) const LOG_EMBEDDED: Section = Section {
    path: "log.embedded",
    ja: "ローカルディスク上の組み込みログ",
    en: "The embedded log on local disk.",
    keys: &[
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
    ],
};

/// `[log.kafka]`
pub(super) const LOG_KAFKA: Section = Section {
    path: "log.kafka",
    ja: "Kafka上のログ",
    en: "The log on Kafka brokers.",
    keys: &[
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
        key(
            "log.kafka.key",
            Kind::Path,
            Absent,
            ["\"kafka-client.key\"", "その秘密鍵（PEM）", "PEM: its private key."],
        ),
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
    ],
};
