//! Where keys come from and how they stay fresh: a file that is read again, or an address that is asked again.

use super::keys::{KeySet, KeysError};
use crate::config::TokenKeys;
use crate::fetch::fetch;
use arc_swap::ArcSwap;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::task::AbortOnDropHandle;

/// How long the address may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A token with an unknown key id asks again, but not more often than this: else anybody could make the node ask.
const LEAST_PAUSE: Duration = Duration::from_secs(10);

/// The keys in force and the task that renews them.
#[derive(Debug)]
pub(super) struct FreshKeys {
    inner: Arc<Inner>,
    _renewal: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Inner {
    source: TokenKeys,
    keys: ArcSwap<KeySet>,
    asked: tokio::sync::Mutex<Instant>,
    renewed: Counter<u64>,
}

// === impl FreshKeys ===

impl FreshKeys {
    /// Reads the keys. A file must be right; an address may answer later.
    pub(super) async fn open(source: TokenKeys) -> Result<Self, KeysError> {
        let keys = match (read(&source).await, &source) {
            (Ok(keys), _) => keys,
            (Err(error @ KeysError::Fetch { .. }), TokenKeys::Address { .. }) => {
                tracing::warn!(%error, "token keys are not there yet: tokens are refused until they are");
                KeySet::default()
            }
            (Err(error), _) => return Err(error),
        };
        let renewed = opentelemetry::global::meter("ajisai.identity")
            .u64_counter("ajisai.identity.keys.renewals")
            .with_description("Readings of the token keys, by result")
            .build();
        let inner = Arc::new(Inner {
            source,
            keys: ArcSwap::from_pointee(keys),
            asked: tokio::sync::Mutex::new(Instant::now()),
            renewed,
        });
        let worker = inner.clone();
        let renewal = AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                tokio::time::sleep(worker.pause()).await;
                *worker.asked.lock().await = Instant::now();
                worker.renew().await;
            }
        }));
        Ok(Self { inner, _renewal: renewal })
    }

    /// The keys in force.
    pub(super) fn current(&self) -> Arc<KeySet> {
        self.inner.keys.load_full()
    }

    /// Asks the source again because a token names a key that is not known; at once only if the last time is long ago.
    pub(super) async fn seek(&self) -> Arc<KeySet> {
        // Requests that wait here find the keys of the one before them.
        let before = self.current();
        let mut asked = self.inner.asked.lock().await;
        let moved = !Arc::ptr_eq(&before, &self.current());
        if !moved && asked.elapsed() >= LEAST_PAUSE {
            *asked = Instant::now();
            self.inner.renew().await;
        }
        self.current()
    }
}

impl Inner {
    fn pause(&self) -> Duration {
        match &self.source {
            TokenKeys::File { refresh, .. } | TokenKeys::Address { refresh, .. } => *refresh,
        }
    }

    /// Reads the source. On failure the keys stay as they were: an issuer that is down for an hour must not lock
    /// everybody out, and what the tokens may do is decided by the directory anyway.
    async fn renew(&self) {
        let result = match read(&self.source).await {
            Ok(keys) => {
                self.keys.store(Arc::new(keys));
                "renewed"
            }
            Err(error) => {
                tracing::warn!(%error, "token keys not renewed: the last ones stay in force");
                "failed"
            }
        };
        self.renewed.add(1, &[KeyValue::new("result", result)]);
    }
}

async fn read(source: &TokenKeys) -> Result<KeySet, KeysError> {
    match source {
        TokenKeys::File { path, .. } => {
            let text = tokio::fs::read_to_string(path)
                .await
                .map_err(|source| KeysError::File { path: path.display().to_string(), source })?;
            KeySet::parse(&text)
        }
        TokenKeys::Address { url, ca, .. } => {
            let fetched = tokio::time::timeout(PATIENCE, fetch(url, ca)).await;
            let text = match fetched {
                Ok(Ok(text)) => text,
                Ok(Err(reason)) => return Err(KeysError::Fetch { url: url.clone(), reason }),
                Err(_) => return Err(KeysError::Fetch { url: url.clone(), reason: "no answer in time".to_owned() }),
            };
            KeySet::parse(&text)
        }
    }
}
