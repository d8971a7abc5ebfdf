//! Reading anew what was refused before it was an event.

use crate::error::AdmissionError;
use crate::quarantine::Form;
use crate::refusal::Refusal;
use bytes::Bytes;
use model::{Position, Principal};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;

/// Whoever reads bytes of one form, and sends what they come to through the door.
#[tonic::async_trait]
pub trait Replayer: Send + Sync {
    /// Reads the bytes, edited or not, under the name they had at their source. Where its events are in the log, or why
    /// they are refused again.
    ///
    /// # Errors
    /// When they could not be made durable; it may be tried again.
    async fn replay(
        &self,
        principal: &Principal,
        name: &str,
        bytes: Bytes,
    ) -> Result<Result<Vec<Position>, Refusal>, AdmissionError>;
}

/// Who reads which form.
#[derive(Default)]
pub(crate) struct Replayers(RwLock<HashMap<&'static str, Arc<dyn Replayer>>>);

impl std::fmt::Debug for Replayers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.read().keys()).finish()
    }
}

impl Replayers {
    pub(crate) fn set(&self, form: Form, replayer: Arc<dyn Replayer>) {
        self.0.write().insert(form.code(), replayer);
    }
    pub(crate) fn get(&self, form: &str) -> Option<Arc<dyn Replayer>> {
        self.0.read().get(form).cloned()
    }
}
