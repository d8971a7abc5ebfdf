//! How a process tells what it does.

use super::Fallback::{Absent, Is};
use super::{SYSTEM_CA, Section, key, whole};
use crate::config::value::Kind;

/// `[telemetry]`
pub(super) const TELEMETRY: Section = Section {
    path: "telemetry",
    ja: "ログ・メトリクス・トレース",
    en: "Logs, metrics and traces.",
    keys: &[
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
    ],
};
