//! Why a caller is refused. A closed list: it is the metric's label and the answer's words.

use super::certificate::CertificateError;
use super::directory::Standing;

/// Why a caller is refused. Says what to do; names no person and no other facility.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither certificate nor token.
    #[error("no identity: present a facility's client certificate or `authorization: Bearer <token>`")]
    Anonymous,
    /// The certificate is trusted but names no facility.
    #[error("the client certificate is not a facility's: {0}")]
    Certificate(CertificateError),
    /// Tokens are not configured.
    #[error("this node takes no tokens; present a facility's client certificate")]
    NoTokensHere,
    /// Not three parts of base64, not JSON, too long, or with a critical header we do not know.
    #[error("the token is not a readable JWT")]
    Malformed,
    /// `none`, an HMAC, or another algorithm than a key's own.
    #[error("the token's algorithm is not one of ES256, EdDSA, RS256")]
    Algorithm,
    /// No key of that id verifies tokens here.
    #[error("the token is signed with a key that is not known here")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// Another issuer, or none.
    #[error("the token is from another issuer")]
    Issuer,
    /// For another audience, or none.
    #[error("the token is for another audience")]
    Audience,
    /// Past its `exp`.
    #[error("the token has expired; get a new one")]
    Expired,
    /// Before its `nbf`.
    #[error("the token is not valid yet")]
    NotYet,
    /// A claim is missing or cannot be read.
    #[error("the token's claim `{0}` is missing or cannot be read")]
    Claim(&'static str),
    /// A token of one facility over another's certificate.
    #[error("the token is of another facility than the client certificate")]
    OtherFacility,
    /// A token with role `system` over TLS.
    #[error("a facility's system presents its client certificate; tokens with role `system` are for loopback only")]
    SystemWithoutCertificate,
    /// The directory does not stand behind them.
    #[error("{0}")]
    Directory(Standing),
    /// A listener that authenticates was wired without its connection's facts: our bug.
    #[error("the connection could not be identified")]
    Unwired,
}

impl Refusal {
    /// A word from a closed list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Certificate(_) => "certificate",
            Self::NoTokensHere => "no_tokens_here",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Claim(_) => "claim",
            Self::OtherFacility => "other_facility",
            Self::SystemWithoutCertificate => "system_without_certificate",
            Self::Directory(standing) => standing.reason(),
            Self::Unwired => "unwired",
        }
    }
}

impl From<&Refusal> for tonic::Status {
    fn from(refusal: &Refusal) -> Self {
        Self::unauthenticated(refusal.to_string())
    }
}
