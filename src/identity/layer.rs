//! The tower layer before every gRPC service: it puts a [`model::Principal`] into the request's extensions or refuses.

use super::{Caller, Identity, Refusal};
use http::header::AUTHORIZATION;
use http::{Request, Response};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::body::Body;
use tower::{Layer, Service};

/// Answered without identity: it says only whether a service is up, and orchestrators ask it without credentials.
const OPEN: &str = "/grpc.health.v1.Health/";

/// Authenticates each request of a tonic server whose connections are [`super::Connections`].
#[derive(Debug, Clone)]
pub struct IdentityLayer(Arc<Identity>);

/// See [`IdentityLayer`].
#[derive(Debug, Clone)]
pub struct IdentityService<S> {
    identity: Arc<Identity>,
    inner: S,
}

impl IdentityLayer {
    /// The layer over this identity.
    pub fn new(identity: Arc<Identity>) -> Self {
        Self(identity)
    }
}

impl<S> Layer<S> for IdentityLayer {
    type Service = IdentityService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        IdentityService { identity: self.0.clone(), inner }
    }
}

impl<S, B> Service<Request<B>> for IdentityService<S>
where
    S: Service<Request<B>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one to call.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        if request.uri().path().starts_with(OPEN) {
            return Box::pin(inner.call(request));
        }
        // What a `Debug` of the headers shows must not open the door.
        if let Some(value) = request.headers_mut().get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }
        let identity = self.identity.clone();
        // Owned, because a request's body need not be shareable between threads while we wait.
        let caller = request.extensions().get::<Caller>().cloned().ok_or(Refusal::Unwired);
        let bearer = bearer(&request).map(|token| token.map(str::to_owned));
        Box::pin(async move {
            let principal = match (caller, bearer) {
                (Ok(caller), Ok(bearer)) => identity.authenticate(&caller, bearer.as_deref()).await,
                (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
            };
            match principal {
                Ok(principal) => {
                    request.extensions_mut().insert(principal);
                    inner.call(request).await
                }
                Err(refusal) => Ok(tonic::Status::from(&refusal).into_http()),
            }
        })
    }
}

/// The token of the `authorization` header, if there is one.
pub(crate) fn bearer<B>(request: &Request<B>) -> Result<Option<&str>, Refusal> {
    let mut values = request.headers().get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::Malformed);
    }
    let text = value.to_str().map_err(|_| Refusal::Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(Refusal::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim())) } else { Err(Refusal::Malformed) }
}
