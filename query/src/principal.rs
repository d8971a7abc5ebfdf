//! Who is asking: the seam to the hall's identity layer.

use async_trait::async_trait;
use model::Principal;
use tonic::{Request, Status};

/// Why a caller was not recognised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The token was refused. The reason is for the caller and holds no part of the token.
    #[error("the token was refused: {reason}")]
    Refused {
        /// What was wrong with it, and what to do.
        reason: String,
    },
    /// The keys or the directory could not be read just now.
    #[error("identity cannot be checked at the moment; try again")]
    Unavailable,
}

/// Turns a signed token into a principal. The hall implements it over its keys and the directory.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// The principal a bearer token stands for.
    ///
    /// # Errors
    /// When the token is not valid, or the directory does not know its facility and member.
    async fn token(&self, bearer: &str) -> Result<Principal, AuthError>;
}

/// The principal that the identity layer put into a request.
///
/// # Errors
/// `UNAUTHENTICATED` when there is none: there is no anonymous door.
pub(crate) fn caller<T>(request: &Request<T>) -> Result<Principal, Status> {
    request.extensions().get::<Principal>().cloned().ok_or_else(|| {
        Status::unauthenticated(
            "who asks is not known: present a client certificate or `authorization: Bearer <token>`",
        )
    })
}
