//! What runs beside the listeners: the pipeline and the ledger.

use super::AppError;
use crate::config::Config;
use crate::notary::{self, Notary, NotaryError, Reader, Shelf};
use crate::pipeline::{self, PipelineError, Rooms};
use event_log::EventLog;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The pipeline's task, waited for at most once.
#[derive(Debug)]
pub(super) struct Corridor(Option<JoinHandle<Result<(), PipelineError>>>);

impl Corridor {
    pub(super) fn new(task: JoinHandle<Result<(), PipelineError>>) -> Self {
        Self(Some(task))
    }
    pub(super) fn has_ended(&self) -> bool {
        self.0.is_none()
    }
    /// Waits until it ends; for ever when that was said before. Dropping the wait loses nothing.
    pub(super) async fn ended(&mut self) -> Result<(), AppError> {
        let Some(task) = self.0.as_mut() else { return std::future::pending().await };
        let outcome = task.await;
        self.0 = None;
        outcome.map_err(|error| AppError::Server("pipeline", error.to_string()))?.map_err(AppError::from)
    }
}

/// Follows what the ledger's letters tell facilities, until the log is closed.
pub(super) fn follow_notices(rooms: &Rooms) {
    let (register, log) = (Arc::clone(&rooms.register), Arc::clone(&rooms.log));
    tokio::spawn(async move { register.follow_notices(&log).await });
}

/// Folds the ledger from the log and signs it, beside everything else.
#[derive(Debug)]
pub(super) struct Ledger {
    reader: Reader,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// How often the ledger is signed while it grows.
const SIGNED_EVERY: Duration = Duration::from_secs(10);

impl Ledger {
    pub(super) fn begin(config: &Config, log: &Arc<dyn EventLog>, clock: &pipeline::Clock) -> Result<Self, AppError> {
        let notary = Arc::new(Notary::open(&config.node.data_dir, &config.node.name)?);
        let shelf = Arc::new(Shelf::open(&config.node.data_dir).map_err(NotaryError::from)?);
        let reader = Reader::new(Arc::clone(&notary), Arc::clone(&shelf), Arc::clone(log));
        let stop = CancellationToken::new();
        let (log, clock, stopped) = (Arc::clone(log), Arc::clone(clock), stop.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = notary::keep((&notary, &shelf), &log, clock.as_ref(), SIGNED_EVERY, stopped).await {
                tracing::error!(%error, "the ledger is no longer signed; what is read is still written into the log");
            }
        });
        Ok(Self { reader, stop, task })
    }
    /// What answers from it.
    pub(super) fn reader(&self) -> Reader {
        self.reader.clone()
    }
    /// Takes in and signs what was recorded until now.
    pub(super) async fn end(&mut self) {
        self.stop.cancel();
        if (&mut self.task).await.is_err() {
            tracing::error!("the ledger's task ended early");
        }
    }
}
