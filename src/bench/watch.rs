//! How long until a viewer sees it: a live feed of one clinic, measured from the time each record was meant to leave.

use crate::bench::load::{microseconds, now};
use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::sync::oneshot;
use tonic::transport::Channel;
use wire::v1;

/// What a viewer saw.
#[derive(Debug)]
pub struct Seen {
    /// From the intended send time to the arrival at the viewer, in microseconds.
    pub latency: Histogram<u64>,
    /// Records that appeared.
    pub records: u64,
}

/// Watches one facility's feed until told to stop, and says when it has begun.
///
/// # Errors
/// When the feed cannot be opened, breaks, or is reset because the viewer was too slow.
pub async fn run<I>(
    mut client: v1::feed_service_client::FeedServiceClient<tonic::service::interceptor::InterceptedService<Channel, I>>,
    begun: oneshot::Sender<()>,
    mut stop: oneshot::Receiver<()>,
) -> anyhow::Result<Seen>
where
    I: tonic::service::Interceptor + Send + 'static,
{
    let request = v1::WatchRequest {
        from: Some(v1::watch_request::From::Now(v1::Now {})),
        categories: Vec::new(),
        heartbeat_ms: 100,
    };
    let mut feed = client.watch(request).await?.into_inner();
    let mut begun = Some(begun);
    let mut seen = Seen { latency: microseconds()?, records: 0 };
    loop {
        let item = tokio::select! {
            _ = &mut stop => return Ok(seen),
            item = feed.message() => item?.context("the feed ended")?,
        };
        match item.item {
            Some(v1::feed_item::Item::Heartbeat(_)) => {
                if let Some(begun) = begun.take() {
                    let _ = begun.send(());
                }
            }
            Some(v1::feed_item::Item::Appeared(appeared)) if !appeared.historic => {
                let record = appeared.record.context("a disclosure without a record")?;
                let age = now()?.micros() - record.recorded_us.unwrap_or_default();
                seen.latency.saturating_record(u64::try_from(age).unwrap_or(1).max(1));
                seen.records += 1;
            }
            Some(v1::feed_item::Item::Reset(_)) => anyhow::bail!("the viewer was too slow and its feed was reset"),
            _ => {}
        }
    }
}
