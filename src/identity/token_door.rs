//! Doors that know only a token: the Postgres wire's password, the dashboards' sign-in.

use super::{Caller, ClientCertificate, Identity, Refusal, Transport};
use model::Principal;
use query::{AuthError, Authenticator};
use std::net::SocketAddr;
use std::sync::Arc;

/// Takes tokens on one listener.
#[derive(Debug, Clone)]
pub struct TokenDoor {
    identity: Arc<Identity>,
    caller: Caller,
}

impl TokenDoor {
    /// For a listener at `address`, with TLS or on loopback without. It must not ask for client certificates
    /// ([`super::tls::ClientCertificates::NotAsked`]): here nobody would compare them with the token.
    pub fn new(identity: Arc<Identity>, address: SocketAddr, tls: bool) -> Self {
        let transport = if tls { Transport::Tls(ClientCertificate::Absent) } else { Transport::Loopback };
        Self { identity, caller: Caller { peer: address, transport } }
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// As [`Identity::authenticate`].
    pub async fn principal(&self, bearer: &str) -> Result<Principal, Refusal> {
        self.identity.authenticate(&self.caller, Some(bearer)).await
    }
}

#[tonic::async_trait]
impl Authenticator for TokenDoor {
    async fn token(&self, bearer: &str) -> Result<Principal, AuthError> {
        self.principal(bearer).await.map_err(|refusal| AuthError::Refused { reason: refusal.to_string() })
    }
}
