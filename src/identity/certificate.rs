//! Which facility a client certificate is of: its SAN URI `urn:ajisai:facility:<id>`.

use model::{FacilityId, IdError};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// What the SAN URI begins with; the facility's id follows.
pub const URN_PREFIX: &str = "urn:ajisai:facility:";

/// Why a trusted certificate names no facility.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not an X.509 certificate.
    #[error("it cannot be read")]
    Unreadable,
    /// No SAN URI of ours.
    #[error("it has no SAN URI `{URN_PREFIX}<id>`")]
    Absent,
    /// More than one: it would be open whose request it is.
    #[error("it names more than one facility")]
    Ambiguous,
    /// What follows the prefix is no facility id.
    #[error("its SAN URI: {0}")]
    Id(#[from] IdError),
}

/// The facility that a certificate (DER) names. Whether the certificate is to be trusted is the handshake's question.
///
/// # Errors
/// When it names none, or more than one.
pub fn facility_of(der: &[u8]) -> Result<FacilityId, CertificateError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateError::Unreadable)?;
    let names = certificate.subject_alternative_name().map_err(|_| CertificateError::Unreadable)?;
    let mut found = None;
    for name in names.iter().flat_map(|extension| &extension.value.general_names) {
        let GeneralName::URI(uri) = name else { continue };
        let Some(id) = uri.strip_prefix(URN_PREFIX) else { continue };
        if found.replace(FacilityId::parse(id)?).is_some() {
            return Err(CertificateError::Ambiguous);
        }
    }
    found.ok_or(CertificateError::Absent)
}
