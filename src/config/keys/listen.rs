//! Where a process listens, and how those who come prove who they are.

use super::Fallback::{Absent, Is};
use super::{Key, Section, key, whole};
use crate::config::value::Kind;

const ADMIN: Key = key(
    "listen.admin",
    Kind::AddressOrOff,
    Is("\"127.0.0.1:7480\""),
    [
        "\"127.0.0.1:7480\"",
        "/metrics・/health・/ready。\"off\" で無効。ループバック以外ではクライアント証明書を求める",
        "`/metrics`, `/health`, `/ready`; `\"off\"` for none. Off loopback it asks for a client certificate.",
    ],
);

const FHIR: Key = key(
    "listen.fhir",
    Kind::AddressOrOff,
    Is("\"off\""),
    [
        "\"0.0.0.0:7444\"",
        "FHIRの受け口（POST /fhir）。施設のクライアント証明書、またはトークンを求める。\"off\" で無効",
        "The FHIR endpoint, `POST /fhir`: callers show their facility's certificate or a token; `\"off\"` for none.",
    ],
);

/// An edge may stand on the same machine as a node: its port is another.
const EDGE_ADMIN: Key = key(
    "listen.admin",
    Kind::AddressOrOff,
    Is("\"127.0.0.1:7481\""),
    [
        "\"127.0.0.1:7481\"",
        "/metrics・/health・/ready・/status（`ajisai edge status`）。\"off\" で無効。ループバック以外ではクライアント証明書を求める",
        "`/metrics`, `/health`, `/ready`, and `/status`, which `ajisai edge status` reads; `\"off\"` for none. Off loopback it asks for a client certificate.",
    ],
);

const FHIR_SILENT: Key = key(
    "listen.fhir_silent_seconds",
    whole(0, 2_678_400),
    Is("0"),
    [
        "3600",
        "この秒数だけFHIRで何も届かなければ、途絶えたと知らせる。0 は知らせない",
        "Seconds without a `POST /fhir` after which the feed is said to be silent; 0 is never.",
    ],
);

/// `[listen]` of a node.
pub(super) const LISTEN: Section = Section {
    path: "listen",
    ja: "待ち受けるアドレス。ループバック以外ではTLSが必須",
    en: "Where the node listens. Off loopback TLS is required.",
    keys: &[
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
            [
                "\"0.0.0.0:7432\"",
                "PostgreSQLプロトコル。\"off\" で無効",
                "The Postgres wire protocol; `\"off\"` for none.",
            ],
        ),
        key(
            "listen.dashboards",
            Kind::AddressOrOff,
            Is("\"127.0.0.1:7400\""),
            ["\"0.0.0.0:7400\"", "ダッシュボード。\"off\" で無効", "The dashboards; `\"off\"` for none."],
        ),
        ADMIN,
        FHIR,
    ],
};

/// `[listen]` of an edge.
pub(super) const EDGE_LISTEN: Section = Section {
    path: "listen",
    ja: "待ち受けるアドレス。ループバック以外ではTLSが必須",
    en: "Where the edge listens, beside `[[mllp]]`. Off loopback TLS is required.",
    keys: &[EDGE_ADMIN, FHIR, FHIR_SILENT],
};

/// `[tls]`
pub(super) const TLS: Section = Section {
    path: "tls",
    ja: "ノードの証明書",
    en: "The node's certificate and whom it trusts.",
    keys: &[
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
    ],
};
