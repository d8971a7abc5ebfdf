//! Seats: how many statements run at the same time.

use crate::{Limits, QueryError};
use model::FacilityId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Seats of all facilities and of each.
pub(crate) struct Seats {
    all: Arc<Semaphore>,
    each: Mutex<HashMap<FacilityId, Arc<Semaphore>>>,
    per_facility: usize,
    turn: Duration,
}

/// A seat, kept while a statement runs.
pub(crate) struct Seat {
    _facility: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
}

impl Seats {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.concurrent.max(1))),
            each: Mutex::new(HashMap::new()),
            per_facility: limits.concurrent_per_facility.max(1),
            turn: limits.turn,
        }
    }

    /// Waits for the facility's turn. The facility's own seats come first, so that one with many statements waiting
    /// never holds more of the room than its share.
    pub(crate) async fn take(&self, facility: &FacilityId) -> Result<Seat, QueryError> {
        let own = {
            let mut each = self.each.lock();
            Arc::clone(each.entry(facility.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.per_facility))))
        };
        let both = async {
            let facility = own.acquire_owned().await;
            let room = Arc::clone(&self.all).acquire_owned().await;
            (facility, room)
        };
        match tokio::time::timeout(self.turn, both).await {
            Ok((Ok(facility), Ok(room))) => Ok(Seat { _facility: facility, _room: room }),
            Ok(_) => Err(QueryError::internal("seats")),
            Err(_) => Err(QueryError::TooMany { limit: self.per_facility }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(concurrent: usize, per_facility: usize) -> Seats {
        let turn = Duration::from_millis(20);
        Seats::new(&Limits { concurrent, concurrent_per_facility: per_facility, turn, ..Limits::default() })
    }

    #[tokio::test]
    async fn a_facility_over_its_share_is_told_so_and_another_is_not_hurt() {
        let (seats, a, b) = (seats(4, 2), FacilityId::parse("a").unwrap(), FacilityId::parse("b").unwrap());
        let _kept = (seats.take(&a).await.ok().unwrap(), seats.take(&a).await.ok().unwrap());
        assert!(matches!(seats.take(&a).await, Err(QueryError::TooMany { limit: 2 })));
        assert!(seats.take(&b).await.is_ok());
    }

    #[tokio::test]
    async fn a_seat_is_free_again_when_its_statement_ends() {
        let (seats, a) = (seats(1, 1), FacilityId::parse("a").unwrap());
        drop(seats.take(&a).await.ok().unwrap());
        assert!(seats.take(&a).await.is_ok());
    }
}
