//! The public keys that verify tokens. Each key has one algorithm, decided by the key and never by the token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use std::fmt;
use x509_parser::prelude::FromDer as _;

/// RSA keys shorter than this many bits verify nothing.
const RSA_LEAST_BITS: usize = 2048;

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("cannot read the token keys `{path}`: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Neither PEM public keys nor a JWKS.
    #[error("the token keys are neither PEM public keys nor a JWKS: {0}")]
    Unreadable(String),
    /// A private key where public ones belong.
    #[error("the token keys hold a private key; keep it with the issuer and give its public key")]
    Private,
    /// A shared secret: whoever verifies could also sign.
    #[error("the token keys hold a symmetric key (`oct`); tokens are verified with public keys only")]
    Symmetric,
    /// An RSA key too short.
    #[error("the token keys hold an RSA key of {bits} bits; the least is {RSA_LEAST_BITS}")]
    Short {
        /// Its length.
        bits: usize,
    },
    /// No key that could verify a token.
    #[error("the token keys hold no key for ES256, EdDSA or RS256")]
    Empty,
    /// The address did not answer with keys.
    #[error("cannot fetch the token keys from `{url}`: {reason}")]
    Fetch {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
}

/// One key.
#[derive(Clone)]
pub struct Key {
    /// Its id; `None` (PEM) fits any token of its algorithm.
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, {:?})", self.id, self.algorithm)
    }
}

/// The keys in force.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<serde_json::Value>,
}

// === impl KeySet ===

impl KeySet {
    /// Parses a JWKS, or PEM public keys (`BEGIN PUBLIC KEY`), whichever the text is.
    ///
    /// Keys for other uses or algorithms are left out.
    ///
    /// # Errors
    /// When it is neither, holds a private or symmetric key, a short RSA key, or nothing to verify with.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let keys = if text.trim_start().starts_with('{') { from_jwks(text)? } else { from_pem(text)? };
        if keys.is_empty() { Err(KeysError::Empty) } else { Ok(Self { keys }) }
    }

    /// The keys that may have signed a token of this algorithm and key id.
    pub(super) fn candidates<'a>(&'a self, algorithm: Algorithm, id: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
        self.keys.iter().filter(move |key| {
            key.algorithm == algorithm
                && match (&key.id, id) {
                    (Some(own), Some(asked)) => own == asked,
                    (None, _) | (Some(_), None) => true,
                }
        })
    }
}

fn from_jwks(text: &str) -> Result<Vec<Key>, KeysError> {
    let unreadable = |error: String| KeysError::Unreadable(error);
    let jwks: Jwks = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    let mut keys = Vec::new();
    for jwk in jwks.keys {
        if jwk.kty == "oct" {
            return Err(KeysError::Symmetric);
        }
        if jwk.d.is_some() {
            return Err(KeysError::Private);
        }
        if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
            continue;
        }
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let parsed = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some("P-256")) => {
                (Algorithm::ES256, "ES256", DecodingKey::from_ec_components(&part(&jwk.x), &part(&jwk.y)))
            }
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA", DecodingKey::from_ed_components(&part(&jwk.x))),
            ("RSA", _) => {
                long_enough(&part(&jwk.n))?;
                (Algorithm::RS256, "RS256", DecodingKey::from_rsa_components(&part(&jwk.n), &part(&jwk.e)))
            }
            _ => continue,
        };
        let (algorithm, name, key) = parsed;
        if jwk.alg.as_deref().is_some_and(|alg| alg != name) {
            continue;
        }
        let key = key.map_err(|error| unreadable(error.to_string()))?;
        keys.push(Key { id: jwk.kid, algorithm, key });
    }
    Ok(keys)
}

fn long_enough(modulus: &str) -> Result<(), KeysError> {
    let bytes = URL_SAFE_NO_PAD.decode(modulus).map_err(|error| KeysError::Unreadable(error.to_string()))?;
    check_bits(&bytes)
}

fn check_bits(modulus: &[u8]) -> Result<(), KeysError> {
    let significant: Vec<u8> = modulus.iter().copied().skip_while(|byte| *byte == 0).collect();
    let bits = significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize);
    if bits < RSA_LEAST_BITS { Err(KeysError::Short { bits }) } else { Ok(()) }
}

fn from_pem(text: &str) -> Result<Vec<Key>, KeysError> {
    if text.contains("PRIVATE KEY-----") {
        return Err(KeysError::Private);
    }
    let unreadable = |error: &dyn fmt::Display| KeysError::Unreadable(error.to_string());
    let mut keys = Vec::new();
    for der in SubjectPublicKeyInfoDer::pem_slice_iter(text.as_bytes()) {
        let der = der.map_err(|error| unreadable(&error))?;
        let (_, info) = x509_parser::x509::SubjectPublicKeyInfo::from_der(&der).map_err(|error| unreadable(&error))?;
        let raw = info.subject_public_key.data.as_ref();
        let parsed = match (
            info.parsed().map_err(|error| unreadable(&error))?,
            info.algorithm.algorithm.to_id_string().as_str(),
        ) {
            (x509_parser::public_key::PublicKey::EC(point), _) if point.key_size() == 256 => {
                (Algorithm::ES256, DecodingKey::from_ec_der(raw))
            }
            (x509_parser::public_key::PublicKey::RSA(rsa), _) => {
                check_bits(rsa.modulus)?;
                (Algorithm::RS256, DecodingKey::from_rsa_raw_components(rsa.modulus, rsa.exponent))
            }
            (_, "1.3.101.112") => (Algorithm::EdDSA, DecodingKey::from_ed_der(raw)),
            _ => continue,
        };
        keys.push(Key { id: None, algorithm: parsed.0, key: parsed.1 });
    }
    Ok(keys)
}
