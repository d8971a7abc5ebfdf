//! An open-loop load: events leave at the times they were meant to leave, whatever the answers do, and latency is
//! counted from the intended time. A slow node therefore cannot hide its waiting (no coordinated omission).

use crate::bench::region::Records;
use anyhow::{Context, bail};
use bytes::Bytes;
use hdrhistogram::Histogram;
use model::Moment;
use prost::Message;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use wire::v1;

/// What one stream saw.
#[derive(Debug)]
pub struct Acknowledged {
    /// Acknowledgement latency in microseconds from the intended send time.
    pub latency: Histogram<u64>,
    /// Events acknowledged.
    pub events: u64,
    /// Bytes of those events on the wire.
    pub bytes: u64,
    /// From the first intended send to the last acknowledgement.
    pub took: Duration,
    /// The last position of each partition that was acknowledged.
    pub reached: model::Frontier,
}

/// What a stream sends.
pub trait Sends: Send + 'static {
    /// The i-th event, which leaves at `sent`.
    ///
    /// # Errors
    /// When an id cannot be parsed.
    fn event(&self, i: u64, sent: Moment) -> anyhow::Result<v1::Event>;
}

impl Sends for Records {
    fn event(&self, i: u64, sent: Moment) -> anyhow::Result<v1::Event> {
        Self::event(self, i, sent)
    }
}

/// How one stream sends.
#[derive(Debug)]
pub struct Stream<R> {
    /// What it sends.
    pub records: R,
    /// Events per second of this stream.
    pub rate: f64,
    /// How many events.
    pub events: u64,
    /// How many of the first events do not count.
    pub warm_up: u64,
}

/// A histogram of microseconds from 1 µs to a minute, three significant digits.
pub fn microseconds() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

/// Sends one stream and waits for every acknowledgement.
///
/// # Errors
/// When the node refuses an event or the connection breaks.
pub async fn run<I, R: Sends>(
    mut client: v1::ingest_service_client::IngestServiceClient<
        tonic::service::interceptor::InterceptedService<Channel, I>,
    >,
    stream: Stream<R>,
) -> anyhow::Result<Acknowledged>
where
    I: tonic::service::Interceptor + Send + 'static,
{
    let Stream { records, rate, events, warm_up } = stream;
    let (sender, receiver) = mpsc::channel(64 * 1024);
    let mut answers = client.publish(ReceiverStream::new(receiver)).await?.into_inner();
    let begin = Instant::now();
    let begin_wall = now()?;
    let intended = move |i: u64| begin + Duration::from_secs_f64(count(i) / rate);

    // A thread of its own: the runtime's timers wake once a millisecond, which would be counted as the node's latency.
    let sending = tokio::task::spawn_blocking(move || {
        let mut bytes = 0_u64;
        let mut sent = 0_u64;
        while sent < events {
            // The first is due at once. Counted one too low, this would wait for nothing, spinning, until the next is.
            let due = u64::min(events, whole(begin.elapsed().as_secs_f64() * rate) + 1);
            while sent < due {
                let stamp = begin_wall.plus_micros(i64::try_from((intended(sent) - begin).as_micros())?);
                let event = Bytes::from(records.event(sent, stamp)?.encode_to_vec());
                bytes += u64::try_from(event.len())?;
                sender.blocking_send(v1::PublishRequest { event, traceparent: String::new() })?;
                sent += 1;
            }
            std::thread::sleep(intended(sent).saturating_duration_since(Instant::now()));
        }
        anyhow::Ok(bytes)
    });

    let mut latency = microseconds()?;
    let mut acknowledged = 0_u64;
    let mut reached = model::Frontier::start();
    while acknowledged < events {
        let answer = answers.message().await?.context("the node ended the stream before every acknowledgement")?;
        match answer.outcome.context("an answer without an outcome")? {
            v1::publish_response::Outcome::Accepted(accepted) => {
                let position = accepted.position.context("an acknowledgement without a position")?;
                reached.include(model::Position::new(position.partition, position.offset));
            }
            v1::publish_response::Outcome::Refused(refused) => bail!("refused: {} ({})", refused.reason, refused.rule),
        }
        if answer.sequence >= warm_up {
            let waited = Instant::now().saturating_duration_since(intended(answer.sequence));
            latency.saturating_record(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX).max(1));
        }
        acknowledged += 1;
    }
    let took = begin.elapsed();
    let bytes = sending.await??;
    Ok(Acknowledged { latency, events: acknowledged, bytes, took, reached })
}

/// Now, by the wall clock: the bench stamps records with it so that a viewer in the same process can tell their age.
pub fn now() -> anyhow::Result<Moment> {
    Ok(Moment::from_micros(jiff::Timestamp::now().as_microsecond())?)
}

#[expect(clippy::cast_precision_loss, reason = "event counts stay far below 2^52")]
pub(crate) fn count(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative, far below 2^63")]
pub(crate) fn whole(n: f64) -> u64 {
    n as u64
}
