//! Who is asking. There is no anonymous door.
//!
//! A facility's system proves itself by a client certificate that names the facility; a person by a signed token.
//! Either way the directory must still know them at the moment of the request, so a token outlives the end of a
//! membership by no request. The table:
//!
//! | connection | certificate | token | principal |
//! |---|---|---|---|
//! | TLS | facility F | none | the system of F, for treatment |
//! | TLS | facility F | person of F | that person |
//! | TLS | facility F | anyone of another facility | refused |
//! | TLS | none | person | that person |
//! | TLS | any | role `system` | refused: over TLS a system shows its certificate |
//! | loopback without TLS | – | person, or role `system` without a member | that person or system |
//! | any | none | none | refused |
//!
//! Health checks alone are answered without identity; reflection is behind it.

pub mod authority;
mod certificate;
mod connection;
mod directory;
mod jwks;
pub mod keys;
mod layer;
mod refusal;
pub mod tls;
mod token;
mod token_door;

pub use certificate::{CertificateError, URN_PREFIX, facility_of};
pub use connection::{Caller, ClientCertificate, Connection, Connections, Transport};
pub use directory::{DirectoryCheck, Standing};
pub use keys::KeysError;
pub(crate) use layer::bearer;
pub use layer::{IdentityLayer, IdentityService};
pub use refusal::Refusal;
pub use token::{Claims, Tokens};
pub use token_door::TokenDoor;

use crate::config;
use model::{Moment, Principal, Purpose, Role};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// Tells the time; a test passes its own.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// Authenticates every request of every listener.
pub struct Identity {
    tokens: Option<Tokens>,
    operators: HashSet<config::Operator>,
    directory: Arc<dyn DirectoryCheck>,
    clock: Clock,
    admitted: Counter<u64>,
    refused: Counter<u64>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads the keys that verify tokens and keeps them fresh as long as the value lives.
    ///
    /// # Errors
    /// When a key file cannot be read or holds a key that must not verify tokens. A key *address* that does not
    /// answer is no error: tokens are refused until it does.
    pub async fn open(
        config: &config::Identity,
        directory: Arc<dyn DirectoryCheck>,
        clock: Clock,
    ) -> Result<Self, KeysError> {
        let tokens = match &config.keys {
            Some(source) => Some(Tokens::open(source, config, clock.clone()).await?),
            None => None,
        };
        let meter = opentelemetry::global::meter("ajisai.identity");
        Ok(Self {
            tokens,
            operators: config.operators.iter().cloned().collect(),
            directory,
            clock,
            admitted: meter
                .u64_counter("ajisai.identity.admitted")
                .with_description("Requests whose caller was authenticated, by door")
                .build(),
            refused: meter
                .u64_counter("ajisai.identity.refused")
                .with_description("Requests refused for want of identity, by reason")
                .build(),
        })
    }

    /// Who asks on this connection, with this token if they gave one.
    ///
    /// # Errors
    /// The reason to refuse; it may be told to the caller.
    pub async fn authenticate(&self, caller: &Caller, bearer: Option<&str>) -> Result<Principal, Refusal> {
        match self.decide(caller, bearer).await {
            Ok(principal) => {
                let door = if bearer.is_some() { "token" } else { "certificate" };
                self.admitted.add(1, &[KeyValue::new("door", door)]);
                Ok(principal)
            }
            Err(refusal) => {
                self.refused.add(1, &[KeyValue::new("reason", refusal.reason())]);
                tracing::debug!(peer = %caller.peer, reason = refusal.reason(), "caller refused");
                Err(refusal)
            }
        }
    }

    async fn decide(&self, caller: &Caller, bearer: Option<&str>) -> Result<Principal, Refusal> {
        let certificate = match &caller.transport {
            Transport::Loopback | Transport::Tls(ClientCertificate::Absent) => None,
            Transport::Tls(ClientCertificate::Facility(facility)) => Some(facility),
            Transport::Tls(ClientCertificate::Unusable(fault)) => return Err(Refusal::Certificate(fault.clone())),
        };
        let principal = match (bearer, certificate) {
            (None, None) => return Err(Refusal::Anonymous),
            (None, Some(facility)) => {
                Principal { facility: facility.clone(), member: None, role: Role::System, purpose: Purpose::Treatment }
            }
            (Some(bearer), certificate) => {
                let tokens = self.tokens.as_ref().ok_or(Refusal::NoTokensHere)?;
                let principal = tokens.verify(bearer).await?.into_principal();
                if certificate.is_some_and(|facility| *facility != principal.facility) {
                    return Err(Refusal::OtherFacility);
                }
                if principal.role == Role::System && caller.transport != Transport::Loopback {
                    return Err(Refusal::SystemWithoutCertificate);
                }
                principal
            }
        };
        self.believe(principal)
    }

    /// Whether the directory still knows them.
    fn believe(&self, principal: Principal) -> Result<Principal, Refusal> {
        if principal.role == Role::Administrator
            && let Some(member) = &principal.member
        {
            let operator = config::Operator { facility: principal.facility.clone(), member: member.clone() };
            if self.operators.contains(&operator) {
                return Ok(principal);
            }
        }
        match self.directory.standing(&principal, (self.clock)()) {
            Standing::Good => Ok(principal),
            standing => Err(Refusal::Directory(standing)),
        }
    }
}

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(now)
}

#[expect(clippy::expect_used, reason = "clamped to the years 1970 to 2286, which are moments")]
fn now() -> Moment {
    let micros = jiff::Timestamp::now().as_microsecond().clamp(0, 10_000_000_000_000_000);
    Moment::from_micros(micros).expect("a moment")
}

#[cfg(test)]
mod tests;
