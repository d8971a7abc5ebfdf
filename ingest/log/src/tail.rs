//! Reading everything, for ever.

use crate::{EventLog, ReadError, ReadLimit, Stored};
use futures::{Stream, StreamExt, stream};
use model::{Frontier, Offset, PartitionId};
use std::{sync::Arc, time::Duration};

/// How long one read of an idle partition waits before it asks again. Letters arriving end the wait at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// All partitions from a frontier on, for ever, in batches of one partition each. Order is kept within a partition;
/// busy partitions take turns. The stream ends when the log is closed and read to its end, and after an error,
/// which is its last item: nothing is ever skipped. Where the log cannot be reached it is tried again.
pub fn tail(
    log: Arc<dyn EventLog>,
    from: Frontier,
    limit: ReadLimit,
) -> impl Stream<Item = Result<Vec<Stored>, ReadError>> + Send {
    let partitions: Vec<_> = (0..=log.data_partitions())
        .map(|p| tail_partition(Arc::clone(&log), PartitionId(p), from.next(PartitionId(p)), limit).boxed())
        .collect();
    stream::unfold(Some(stream::select_all(partitions)), |partitions| async {
        let mut partitions = partitions?;
        let batch = partitions.next().await?;
        let rest = batch.is_ok().then_some(partitions);
        Some((batch, rest))
    })
}

/// How long after the log could not be reached it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

fn tail_partition(
    log: Arc<dyn EventLog>,
    partition: PartitionId,
    from: Offset,
    limit: ReadLimit,
) -> impl Stream<Item = Result<Vec<Stored>, ReadError>> + Send {
    stream::unfold(Some((log, from)), move |state| async move {
        let (log, mut from) = state?;
        loop {
            match log.read(partition, from, limit, PATIENCE).await {
                Ok(batch) => {
                    let Some(last) = batch.last() else { continue };
                    from = last.position.offset.next();
                    return Some((Ok(batch), Some((log, from))));
                }
                Err(ReadError::Closed) => return None,
                // A broker that cannot be reached now will be again, and nothing was skipped meanwhile.
                Err(ReadError::Unavailable { reason }) => {
                    tracing::warn!(%partition, reason, "the log cannot be read now; tried again");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Some((Err(error), None)),
            }
        }
    })
}
