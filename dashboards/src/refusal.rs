//! Who asks, and how a request is refused.

use crate::office::{Declined, Why};
use axum::Json;
use axum::http::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use query::{AuthError, QueryError};

/// Why a request has no answer. Its text is for the caller and speaks of the caller's own world only.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The request carries no token.
    NoToken,
    /// The token does not stand for anyone, or identity cannot be checked just now.
    Identity(AuthError),
    /// A parameter of the path is missing or cannot be one.
    Parameter(&'static str),
    /// The reading room's.
    Query(QueryError),
    /// The office's.
    Declined(Declined),
    /// No such bed is watched by the caller.
    NoBed,
    /// The caller's view shows nothing of such a person.
    NoPerson,
    /// The answer's columns are not the ones asked for.
    Shape,
}

/// The token of a request: `Authorization: Bearer <token>`.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or(Refusal::NoToken)?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => Ok(token.trim()),
        _ => Err(Refusal::NoToken),
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        Self::Identity(error)
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl Refusal {
    /// A code from a closed list, for the page to choose its words by.
    fn code(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::Identity(AuthError::Refused { .. }) => "token_refused",
            Self::Identity(AuthError::Unavailable) => "identity_unavailable",
            Self::Parameter(_) => "parameter",
            Self::Query(error) => error.code(),
            Self::Declined(Declined { why, .. }) => match why {
                Why::Token => "token_refused",
                Why::Role => "not_permitted",
                Why::Invalid => "invalid",
                Why::Nothing => "nothing",
                Why::Busy => "too_many",
                Why::Unavailable => "unavailable",
                Why::Internal => "internal",
            },
            Self::NoBed | Self::NoPerson => "nothing",
            Self::Shape => "internal",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::Identity(AuthError::Refused { .. }) => StatusCode::UNAUTHORIZED,
            Self::Identity(AuthError::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Parameter(_) => StatusCode::BAD_REQUEST,
            // The statements are this room's own: what is wrong with one is never the caller's doing.
            Self::Query(QueryError::TooMany { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Query(QueryError::TooLong { .. } | QueryError::NotFreshEnough { .. }) => StatusCode::GATEWAY_TIMEOUT,
            Self::Query(QueryError::TooMuchMemory { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Declined(Declined { why, .. }) => match why {
                Why::Token => StatusCode::UNAUTHORIZED,
                Why::Role => StatusCode::FORBIDDEN,
                Why::Invalid => StatusCode::BAD_REQUEST,
                Why::Nothing => StatusCode::NOT_FOUND,
                Why::Busy => StatusCode::TOO_MANY_REQUESTS,
                Why::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                Why::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::NoBed | Self::NoPerson => StatusCode::NOT_FOUND,
            // Asked again it is answered.
            Self::Query(QueryError::PermissionsChanged) => StatusCode::CONFLICT,
            Self::Query(_) | Self::Shape => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::NoToken => "who asks is not known: send `authorization: Bearer <token>`".to_owned(),
            Self::Identity(error) => error.to_string(),
            Self::Parameter(what) => (*what).to_owned(),
            Self::Query(error) => error.to_string(),
            Self::Declined(declined) => declined.message.clone(),
            Self::NoBed => "no such bed is watched".to_owned(),
            Self::NoPerson => "nothing is shown of such a patient".to_owned(),
            Self::Shape => "the node could not answer".to_owned(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::json!({ "error": self.code(), "message": self.message() });
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}
