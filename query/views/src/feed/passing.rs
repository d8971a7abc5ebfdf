//! When all that was open had passed an event.

use super::{Feeds, now};
use crate::opening::{Passage, Passed};
use model::{Moment, Position};
use std::time::Duration;

/// What was open when an event was told of, on its way past it.
#[derive(Clone, Debug)]
pub struct Passing {
    pub(super) position: Position,
    pub(super) passage: Passage,
    /// Feeds were open.
    pub(super) listened_to: bool,
}

/// When the last of what was open had passed; `None` where none was open.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Past {
    /// Statements whose rows are looked at.
    pub queries: Option<Moment>,
    /// Statements whose rows leave in bulk.
    pub exports: Option<Moment>,
    /// Live feeds.
    pub feeds: Option<Moment>,
}

/// The worker's bell may ring for nobody, as when the last listener leaves: then this is how often is looked.
const LOOK: Duration = Duration::from_millis(100);

impl Feeds {
    /// Waits until every statement and every feed that was open has passed the event.
    pub async fn passed(&self, passing: &Passing) -> Past {
        let Passed { queries, exports } = passing.passage.passed().await;
        Past { queries, exports, feeds: self.feeds_passed(passing).await }
    }

    async fn feeds_passed(&self, passing: &Passing) -> Option<Moment> {
        if !passing.listened_to {
            return None;
        }
        let mut bell = self.bell.subscribe();
        // Without listeners nothing is handed out any more: they have all gone.
        while !self.handed().includes(passing.position) && self.is_listened_to() && !self.worker_is_gone() {
            let _ = tokio::time::timeout(LOOK, bell.changed()).await;
        }
        now()
    }
}
