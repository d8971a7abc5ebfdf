//! What listens and serves until it is told to stop.

use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` = {address} cannot be listened on: {source}; is it running already?")]
pub struct ListenError {
    /// The configuration key.
    pub key: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: std::io::Error,
}

/// A bound listener and where.
pub(crate) type Bound = (TcpListener, SocketAddr);

/// Listeners are bound before anything slow is opened: a port in use is said at once.
pub(crate) async fn bind(key: &'static str, address: SocketAddr) -> Result<Bound, ListenError> {
    let listener = TcpListener::bind(address).await.map_err(|source| ListenError { key, address, source })?;
    Ok((listener, address))
}

/// As [`bind`], where something is to be listened on.
pub(crate) async fn bind_if(key: &'static str, address: Option<SocketAddr>) -> Result<Option<Bound>, ListenError> {
    match address {
        Some(address) => bind(key, address).await.map(Some),
        None => Ok(None),
    }
}

/// Servers under way, each by its name.
#[derive(Debug, Default)]
pub(crate) struct Servers(Vec<(&'static str, JoinHandle<Result<(), String>>)>);

impl Servers {
    /// Runs a server until it ends.
    pub(crate) fn spawn<E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        server: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let ended = async move { server.await.map_err(|error| error.to_string()) };
        self.0.push((name, tokio::spawn(ended)));
    }

    /// The first that ends by itself, and why. For ever where there is none.
    pub(crate) async fn first_to_end(&mut self) -> (&'static str, String) {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let waits = self.0.iter_mut().map(|(name, server)| {
            Box::pin(async move {
                let reason = match server.await {
                    Ok(Ok(())) => "it ended early".to_owned(),
                    Ok(Err(reason)) => reason,
                    Err(error) => error.to_string(),
                };
                (*name, reason)
            })
        });
        futures::future::select_all(waits).await.0
    }

    /// Waits until all that were told to stop have ended, until `deadline` at most.
    pub(crate) async fn drain(&mut self, deadline: Instant) {
        for (name, server) in std::mem::take(&mut self.0) {
            if tokio::time::timeout_at(deadline, server).await.is_err() {
                tracing::warn!(server = name, "requests under way were cut off at the end of the drain time");
            }
        }
    }
}
