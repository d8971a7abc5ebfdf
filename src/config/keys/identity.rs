//! How callers prove who they are.

use super::Fallback::{Absent, Is};
use super::{Key, SYSTEM_CA, Section, key, whole};
use crate::config::value::Kind;

const JWT_KEYS_FILE: Key = key(
    "identity.jwt_keys_file",
    Kind::Path,
    Absent,
    [
        "\"jwks.json\"",
        "トークンを検証する公開鍵。PEMまたはJWKS（ES256・EdDSA・RS256）。変わると読み直す",
        "Public keys that verify tokens: PEM or JWKS (ES256, EdDSA, RS256). Read again when it changes.",
    ],
);

const JWKS_URL: Key = key(
    "identity.jwks_url",
    Kind::Url,
    Absent,
    [
        "\"https://id.example.jp/jwks.json\"",
        "JWKSを返すアドレス。http:// はループバックに限る",
        "Address that answers with a JWKS; `http://` on loopback only.",
    ],
);

const JWKS_CA: Key = key(
    "identity.jwks_ca",
    Kind::Path,
    Is(SYSTEM_CA),
    [
        SYSTEM_CA,
        "jwks_url のサーバー証明書を確かめるCA（PEM）",
        "PEM: CA certificates that `jwks_url` is checked against.",
    ],
);

const REFRESH_SECONDS: Key = key(
    "identity.refresh_seconds",
    whole(1, 86_400),
    Is("300"),
    [
        "300",
        "鍵を読み直す間隔（秒）。知らない鍵のトークンが来たときはそれより早く読み直す",
        "Seconds between looks at the keys; a token with an unknown key looks sooner.",
    ],
);

const ISSUER: Key = key(
    "identity.issuer",
    Kind::Text,
    Is("\"ajisai\""),
    ["\"https://id.example.jp\"", "トークンの iss", "The `iss` that a token must carry."],
);

const AUDIENCE: Key = key(
    "identity.audience",
    Kind::Text,
    Is("\"ajisai\""),
    ["\"ajisai\"", "トークンの aud", "The `aud` that a token must carry."],
);

const LEEWAY_SECONDS: Key = key(
    "identity.leeway_seconds",
    whole(0, 300),
    Is("30"),
    ["30", "トークンの期限で許す時計のずれ（秒）", "Seconds by which clocks may differ in a token's times."],
);

const OPERATORS: Key = key(
    "identity.operators",
    Kind::Texts,
    Is("[]"),
    [
        "[\"office/operator-1\"]",
        "台帳になくても管理者（administrator）として認める者（施設/職員）。最初の施設を登録するために使う",
        "`facility/member` of administrators believed although the directory does not know them: they register the first facility.",
    ],
);

/// `[identity]` of a node.
pub(super) const IDENTITY: Section = Section {
    path: "identity",
    ja: "本人確認",
    en: "How callers prove who they are.",
    keys: &[JWT_KEYS_FILE, JWKS_URL, JWKS_CA, REFRESH_SECONDS, ISSUER, AUDIENCE, LEEWAY_SECONDS, OPERATORS],
};

/// `[identity]` of an edge.
pub(super) const EDGE_IDENTITY: Section = Section {
    path: "identity",
    ja: "FHIRの送り手の確認",
    en: "How callers of the FHIR endpoint prove that they are the hospital's own system.",
    keys: &[JWT_KEYS_FILE, JWKS_URL, JWKS_CA, REFRESH_SECONDS, ISSUER, AUDIENCE, LEEWAY_SECONDS],
};
