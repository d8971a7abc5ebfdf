//! The log in memory keeps the contract, and its faults are those it names.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test panics when it fails")]

mod contract;

use contract::{Home, letter};
use event_log::{AppendError, EventLog, MemoryLog, ReadLimit};
use model::{Offset, PartitionId};
use std::{num::NonZeroU32, sync::Arc, time::Duration};

struct InMemory(Arc<MemoryLog>);

impl Home for InMemory {
    const LETTER_BYTES: usize = 8 << 20;
    async fn begin(data_partitions: u32) -> Self {
        Self(Arc::new(MemoryLog::new(NonZeroU32::new(data_partitions).unwrap())))
    }
    fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.0) as _
    }
    async fn reopen(self) -> Self {
        Self(Arc::new(self.0.crash()))
    }
}

contract!(InMemory);

#[tokio::test]
async fn a_crash_forgets_what_was_under_way_and_nothing_else() {
    let log = Arc::new(MemoryLog::new(NonZeroU32::MIN));
    log.append(vec![letter(1, 1)]).await.unwrap();
    log.hold();
    let caller = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.append(vec![letter(1, 2)]).await }
    });
    tokio::task::yield_now().await;
    let survived = log.crash();
    assert_eq!(caller.await.unwrap(), Err(AppendError::Closed));
    assert_eq!(survived.end().await.unwrap().next(PartitionId(1)), Offset(1));
    assert_eq!(log.append(vec![letter(1, 3)]).await, Err(AppendError::Closed));
}

#[tokio::test]
async fn what_is_held_is_unreadable_until_released() {
    let log = Arc::new(MemoryLog::new(NonZeroU32::MIN));
    log.hold();
    let caller = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.append(vec![letter(1, 1)]).await }
    });
    tokio::task::yield_now().await;
    let read = || log.read(PartitionId(1), Offset(0), ReadLimit::default(), Duration::ZERO);
    assert_eq!(read().await, Ok(Vec::new()));
    log.release();
    assert_eq!(caller.await.unwrap().map(|at| at.len()), Ok(1));
    assert_eq!(read().await.map(|letters| letters.len()), Ok(1));
}

#[tokio::test]
async fn a_refused_append_leaves_nothing_behind() {
    let log = MemoryLog::new(NonZeroU32::MIN);
    let full = AppendError::Full { bytes: 10 };
    log.refuse_next(full.clone());
    assert_eq!(log.append(vec![letter(1, 1)]).await, Err(full));
    assert_eq!(log.append(vec![letter(1, 1)]).await.map(|at| at[0].offset), Ok(Offset(0)));
}
