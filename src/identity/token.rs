//! Signed tokens (JWT): `sub` member, `facility`, `role`, `purpose`; `iss`, `aud`, `exp`, `nbf` checked.

use super::jwks::FreshKeys;
use super::keys::{KeySet, KeysError};
use super::{Clock, Refusal};
use crate::config::{self, TokenKeys};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use model::{FacilityId, MemberId, Principal, Purpose, Role};
use parking_lot::Mutex;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Longer texts are not read as tokens, in bytes.
const LONGEST: usize = 16 * 1024;
/// How many verified tokens are remembered.
const REMEMBERED: usize = 10_000;

/// What a token says of its bearer, once its signature and times are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// For which facility they act.
    pub facility: FacilityId,
    /// The person; `None` for a system.
    pub member: Option<MemberId>,
    /// What they do there.
    pub role: Role,
    /// Why they ask.
    pub purpose: Purpose,
}

/// Verifies tokens.
pub struct Tokens {
    keys: FreshKeys,
    issuer: String,
    audience: String,
    leeway: Duration,
    clock: Clock,
    /// Signatures already verified, by digest of the token: a signature costs a hundred times a look-up, and a
    /// client sends the same token with every request. Times are checked again at each use.
    verified: Mutex<HashMap<[u8; 32], Verified>>,
}

#[derive(Clone)]
struct Verified {
    claims: Claims,
    times: Times,
    /// With which keys: when they are renewed, the signature is verified anew.
    keys: Weak<KeySet>,
}

#[derive(Clone, Copy)]
struct Times {
    expires: f64,
    begins: Option<f64>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Body {
    sub: Option<String>,
    facility: Option<String>,
    role: Option<String>,
    purpose: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("issuer", &self.issuer).field("audience", &self.audience).finish_non_exhaustive()
    }
}

// === impl Claims ===

impl Claims {
    /// The bearer.
    pub fn into_principal(self) -> Principal {
        let Self { facility, member, role, purpose } = self;
        Principal { facility, member, role, purpose }
    }
}

// === impl Tokens ===

impl Tokens {
    /// Opens the source of keys.
    ///
    /// # Errors
    /// As [`super::Identity::open`].
    pub async fn open(source: &TokenKeys, config: &config::Identity, clock: Clock) -> Result<Self, KeysError> {
        Ok(Self {
            keys: FreshKeys::open(source.clone()).await?,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            leeway: config.leeway,
            clock,
            verified: Mutex::new(HashMap::new()),
        })
    }

    /// What a token says, if it may be believed.
    ///
    /// # Errors
    /// Why it may not.
    pub async fn verify(&self, token: &str) -> Result<Claims, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::Malformed);
        }
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut keys = self.keys.current();
        if let Some(verified) = self.remembered(&digest, &keys) {
            self.in_time(verified.times)?;
            return Ok(verified.claims);
        }
        let (algorithm, id) = header(token)?;
        if keys.candidates(algorithm, id.as_deref()).next().is_none() {
            keys = self.keys.seek().await;
        }
        let body = self.signed(token, algorithm, id.as_deref(), &keys)?;
        let times = Times { expires: body.exp.ok_or(Refusal::Claim("exp"))?, begins: body.nbf };
        self.in_time(times)?;
        let claims = claims(body)?;
        self.remember(digest, Verified { claims: claims.clone(), times, keys: Arc::downgrade(&keys) });
        Ok(claims)
    }

    /// The claims, if one of the keys signed them for us.
    fn signed(&self, token: &str, algorithm: Algorithm, id: Option<&str>, keys: &KeySet) -> Result<Body, Refusal> {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.required_spec_claims = HashSet::from(["iss", "aud"].map(str::to_owned));
        // Times are compared with our clock, below: the library reads the system's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let mut refusal = Refusal::UnknownKey;
        for key in keys.candidates(algorithm, id) {
            match jsonwebtoken::decode::<Body>(token, &key.key, &validation) {
                Ok(data) => return Ok(data.claims),
                Err(error) => refusal = refused(error.kind()),
            }
            if refusal != Refusal::Signature {
                break;
            }
        }
        Err(refusal)
    }

    fn in_time(&self, times: Times) -> Result<(), Refusal> {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of this age fit a float to the microsecond")]
        let now = (self.clock)().micros() as f64 / 1e6;
        let leeway = self.leeway.as_secs_f64();
        if now >= times.expires + leeway {
            return Err(Refusal::Expired);
        }
        if times.begins.is_some_and(|begins| now + leeway < begins) {
            return Err(Refusal::NotYet);
        }
        Ok(())
    }

    fn remembered(&self, digest: &[u8; 32], keys: &Arc<KeySet>) -> Option<Verified> {
        let mut verified = self.verified.lock();
        let found = verified.get(digest)?;
        if found.keys.upgrade().is_some_and(|with| Arc::ptr_eq(&with, keys)) {
            return Some(found.clone());
        }
        verified.remove(digest);
        None
    }

    fn remember(&self, digest: [u8; 32], verified: Verified) {
        let mut all = self.verified.lock();
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(digest, verified);
    }
}

/// The algorithm and key id that the header claims. Read here and not by the library, so that `none` and the HMACs
/// are refused by name before any key is looked at.
fn header(token: &str) -> Result<(Algorithm, Option<String>), Refusal> {
    let mut parts = token.split('.');
    let (Some(first), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(Refusal::Malformed);
    };
    let bytes = URL_SAFE_NO_PAD.decode(first).map_err(|_| Refusal::Malformed)?;
    let header: Header = serde_json::from_slice(&bytes).map_err(|_| Refusal::Malformed)?;
    if header.crit.is_some() {
        return Err(Refusal::Malformed);
    }
    let algorithm = match header.alg.as_str() {
        "ES256" => Algorithm::ES256,
        "EdDSA" => Algorithm::EdDSA,
        "RS256" => Algorithm::RS256,
        _ => return Err(Refusal::Algorithm),
    };
    Ok((algorithm, header.kid))
}

fn refused(kind: &ErrorKind) -> Refusal {
    match kind {
        ErrorKind::InvalidSignature => Refusal::Signature,
        ErrorKind::InvalidIssuer => Refusal::Issuer,
        ErrorKind::InvalidAudience => Refusal::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => Refusal::Issuer,
        ErrorKind::MissingRequiredClaim(_) => Refusal::Audience,
        ErrorKind::InvalidAlgorithm => Refusal::Algorithm,
        _ => Refusal::Malformed,
    }
}

fn claims(body: Body) -> Result<Claims, Refusal> {
    let facility = body.facility.and_then(|text| FacilityId::parse(&text).ok()).ok_or(Refusal::Claim("facility"))?;
    let role: Role = body.role.and_then(|text| text.parse().ok()).ok_or(Refusal::Claim("role"))?;
    let purpose: Purpose = body.purpose.and_then(|text| text.parse().ok()).ok_or(Refusal::Claim("purpose"))?;
    // A person is never a system, and a system is no person: consents that name a person must not open to it.
    let member = match (role, body.sub) {
        (Role::System, None) => None,
        (Role::System, Some(_)) | (_, None) => return Err(Refusal::Claim("sub")),
        (_, Some(text)) => Some(MemberId::parse(&text).map_err(|_| Refusal::Claim("sub"))?),
    };
    Ok(Claims { facility, member, role, purpose })
}
