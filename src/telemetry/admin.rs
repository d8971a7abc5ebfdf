//! The admin listener: `/metrics`, `/health`, `/ready`.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::TextEncoder;
use std::sync::Arc;

/// Whether the node serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// Not yet or no more; the words say why: `catching up: 1200 events behind`, `draining`.
    NotReady(String),
}

#[derive(Clone)]
struct Admin {
    registry: prometheus::Registry,
    ready: Arc<dyn Fn() -> Readiness + Send + Sync>,
}

/// `/metrics` (Prometheus text), `/health` (200 while the process answers), `/ready` (200 or 503 with the reason).
pub fn router(registry: prometheus::Registry, ready: Arc<dyn Fn() -> Readiness + Send + Sync>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(readiness))
        .with_state(Admin { registry, ready })
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match TextEncoder::new().encode_to_string(&admin.registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics not encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn readiness(State(admin): State<Admin>) -> Response {
    match (admin.ready)() {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::NotReady(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}
