//! Why the door could not take events at all. What is refused one by one is a [`Refusal`](crate::Refusal).

use event_log::{AppendError, ReadError};

/// The door is shut, or could not make events durable. Whatever was not answered may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// The disk is full; nothing of the group was stored.
    #[error("the node's disk is full and accepts no events until there is space: {reason}")]
    Full {
        /// What the log said.
        reason: String,
    },
    /// The log or the index did not answer.
    #[error("the node cannot store events now: {reason}; send again")]
    Unavailable {
        /// What it said.
        reason: String,
    },
    /// The node stops.
    #[error("the node is stopping; send again when it is back")]
    Stopping,
    /// Storage failed in a way after which the process must restart; see [`Admission::poisoned`](crate::Admission::poisoned).
    #[error("the node's storage failed and it must restart; send again when it is back")]
    Poisoned,
}

/// Why the door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The index of seen events could not be opened.
    #[error(
        "the index of seen events in `{directory}` could not be opened: {reason}; it may be deleted, it is rebuilt from the log"
    )]
    Index {
        /// Where it is.
        directory: String,
        /// What the storage said.
        reason: String,
    },
    /// The quarantine could not be opened.
    #[error("the quarantine in `{directory}` could not be opened: {reason}")]
    Quarantine {
        /// Where it is.
        directory: String,
        /// What the storage said.
        reason: String,
    },
    /// The log could not be read to bring the index up to date.
    #[error("the log could not be read to bring the index of seen events up to date: {0}")]
    Log(#[from] ReadError),
}

impl From<AppendError> for AdmissionError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full { .. } => Self::Full { reason: error.to_string() },
            AppendError::Closed => Self::Stopping,
            AppendError::Poisoned { .. } => Self::Poisoned,
            // A letter too large alone is refused by itself; this is what is left.
            AppendError::TooLarge { .. } | AppendError::Unavailable { .. } => {
                Self::Unavailable { reason: error.to_string() }
            }
        }
    }
}
