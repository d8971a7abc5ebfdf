//! Who may post to `/fhir`: the same identities as on the gRPC door, refused in FHIR's words.

use crate::identity::{Caller, Identity, Refusal, bearer};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use ingest::fhir::endpoint::{self, Endpoint};
use std::sync::Arc;
use std::time::Duration;

/// So much of a refused caller's body is read.
const PASSED_OVER: usize = 1 << 20;
/// For so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// The endpoint behind identity. Its connections must be [`crate::identity::Connections`].
pub(super) fn router(endpoint: Endpoint, identity: Arc<Identity>) -> Router {
    endpoint::router(endpoint).layer(middleware::from_fn_with_state(identity, enter))
}

async fn enter(
    State(identity): State<Arc<Identity>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    mut request: Request,
    next: Next,
) -> Response {
    // What a `Debug` of the headers shows must not open the door.
    if let Some(value) = request.headers_mut().get_mut(header::AUTHORIZATION) {
        value.set_sensitive(true);
    }
    // Owned, because a request's body need not be shareable between threads while we wait.
    let token = bearer(&request).map(|token| token.map(str::to_owned));
    let principal = match token {
        Ok(token) => identity.authenticate(&caller, token.as_deref()).await,
        Err(refusal) => Err(refusal),
    };
    match principal {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(refusal) => {
            pass_over(request.into_body()).await;
            refused(&refusal)
        }
    }
}

/// Reads a body away that nobody wants, up to a limit: over HTTP/2 an answer before its end is a reset of the stream, and
/// some callers then never see the answer.
async fn pass_over(mut body: Body) {
    let reading = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, |data| data.len());
            if read > PASSED_OVER {
                break;
            }
        }
    };
    // Whoever sends slower than this is answered without.
    let _slow = tokio::time::timeout(PATIENCE, reading).await;
}

fn refused(refusal: &Refusal) -> Response {
    let issue = serde_json::json!({"severity": "error", "code": "login", "diagnostics": refusal.to_string()});
    let outcome = serde_json::json!({"resourceType": "OperationOutcome", "issue": [issue]});
    let headers =
        [(header::CONTENT_TYPE, "application/fhir+json; charset=utf-8"), (header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, headers, outcome.to_string()).into_response()
}
