//! `ajisai bench`: the figures of docs/benchmarks.md, measured against a real node over gRPC on loopback.
//!
//! The load is open-loop and latency counts from the intended send time. Nothing here is a test: figures depend on the
//! machine, and every report says which.

pub mod beds;
pub mod chart;
pub mod cohort;
pub mod diabetic;
pub mod load;
pub mod region;
pub mod registry;
pub mod report;
mod watch;
pub mod withdrawal;

use crate::bench::load::{Acknowledged, Stream, count, microseconds, now};
use crate::bench::region::{Records, Size};
use crate::bench::report::{Figure, Latency};
use crate::rig::Rig;
use anyhow::Context;
use bytes::Bytes;
use hdrhistogram::Histogram;
use prost::Message;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tonic::Request;
use wire::v1;

/// What one run of load showed.
#[derive(Debug)]
pub struct LoadOutcome {
    /// Events per second over all streams, from the first intended send to the last acknowledgement.
    pub events_per_second: f64,
    /// From the first intended send to the moment the last event was visible to queries, as events per second.
    pub visible_per_second: f64,
    /// Bytes per event on the wire.
    pub event_bytes: f64,
    /// Acknowledgement.
    pub acknowledged: Latency,
    /// Event to visible, in one viewer's live feed; `None` when nobody watched.
    pub visible: Option<Latency>,
    /// Highest resident memory of the node so far, in MiB.
    pub peak_mib: f64,
}

/// Starts a node in `directory` and sets up a region in it.
///
/// # Errors
/// When the node does not start or refuses the set-up.
pub async fn raise(program: &Path, directory: &Path, size: Size, extra: &str) -> anyhow::Result<Rig> {
    let mut rig = Rig::prepare(program, directory, extra)?;
    rig.start(Duration::from_secs(30)).await?;
    let mut directory =
        v1::directory_service_client::DirectoryServiceClient::new(rig.channel(&Rig::operator()?).await?);
    for facility in region::facilities(size)? {
        let request = v1::PutFacilityRequest { facility: Some(facility), ..Default::default() };
        directory.put_facility(request).await?;
    }
    let mut setups = Vec::new();
    for n in 0..size.sources {
        let channel = rig.channel(&Rig::system(region::source(n)?)).await?;
        let mut door = v1::ingest_service_client::IngestServiceClient::new(channel);
        let events = region::agreements(size, n, now()?)?;
        setups.push(tokio::spawn(async move {
            for some in events.chunks(2_000) {
                let events = some.iter().map(request_of).collect();
                let answers = door.publish_batch(Request::new(v1::PublishBatchRequest { events })).await?.into_inner();
                for answer in answers.responses {
                    if let Some(v1::publish_response::Outcome::Refused(refused)) = answer.outcome {
                        anyhow::bail!("set-up refused: {} {} ({})", refused.reason, refused.field, refused.rule);
                    }
                }
            }
            anyhow::Ok(())
        }));
    }
    for setup in setups {
        setup.await??;
    }
    Ok(rig)
}

pub(crate) fn request_of(event: &model::Event) -> v1::PublishRequest {
    let event = Bytes::from(v1::Event::from(event).encode_to_vec());
    v1::PublishRequest { event, traceparent: String::new() }
}

/// How to load a node.
#[derive(Debug, Clone)]
pub struct Load {
    /// Events per second over all streams.
    pub rate: f64,
    /// For how long, in seconds.
    pub seconds: f64,
    /// The first part that does not count, in seconds.
    pub warm_up: f64,
    /// Bytes per event, about.
    pub event_bytes: usize,
    /// Keeps record ids apart from those of other runs.
    pub run: String,
    /// Whether one viewer watches its live feed.
    pub watch: bool,
}

/// Loads a node whose region is set up.
///
/// # Errors
/// When the node refuses or a connection breaks.
pub async fn load(rig: &Rig, size: Size, plan: &Load) -> anyhow::Result<LoadOutcome> {
    let watching = if plan.watch { Some(watch_one(rig).await?) } else { None };
    let per_stream = plan.rate / f64::from(size.sources);
    let begun = Instant::now();
    let mut streams = Vec::new();
    for n in 0..size.sources {
        let channel = rig.channel(&Rig::system(region::source(n)?)).await?;
        let stream = Stream {
            records: Records::new(size, n, &format!("{}-{n}", plan.run), plan.event_bytes)?,
            rate: per_stream,
            events: events(per_stream * plan.seconds),
            warm_up: events(per_stream * plan.warm_up),
        };
        let door = v1::ingest_service_client::IngestServiceClient::new(channel);
        streams.push(tokio::spawn(load::run(door, stream)));
    }
    let mut all: Vec<Acknowledged> = Vec::new();
    for stream in streams {
        all.push(stream.await??);
    }
    let mut reached = model::Frontier::start();
    for (partition, next) in all.iter().flat_map(|one| one.reached.iter()) {
        reached.advance(partition, next);
    }
    wait_until_visible(rig, &reached).await?;
    let until_visible = begun.elapsed();

    let mut acknowledged = microseconds()?;
    for one in &all {
        acknowledged.add(&one.latency)?;
    }
    let sent: u64 = all.iter().map(|one| one.events).sum();
    let bytes: u64 = all.iter().map(|one| one.bytes).sum();
    let took = all.iter().map(|one| one.took).max().unwrap_or_default();
    let visible = match watching {
        Some(watching) => Some(watching.finish().await?),
        None => None,
    };
    Ok(LoadOutcome {
        events_per_second: count(sent) / took.as_secs_f64(),
        visible_per_second: count(sent) / until_visible.as_secs_f64(),
        event_bytes: count(bytes) / count(sent.max(1)),
        acknowledged: Latency::from(&acknowledged),
        visible: visible.as_ref().map(Latency::from),
        peak_mib: peak_mib(rig)?,
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count far below 2^63")]
fn events(n: f64) -> u64 {
    n.max(0.0) as u64
}

struct Watching {
    stop: oneshot::Sender<()>,
    watcher: tokio::task::JoinHandle<anyhow::Result<watch::Seen>>,
}

async fn watch_one(rig: &Rig) -> anyhow::Result<Watching> {
    let channel = rig.channel(&Rig::system(region::viewer(0)?)).await?;
    let client = v1::feed_service_client::FeedServiceClient::new(channel);
    let (begun, has_begun) = oneshot::channel();
    let (stop, stopped) = oneshot::channel();
    let watcher = tokio::spawn(watch::run(client, begun, stopped));
    if has_begun.await.is_err() {
        watcher.await??;
        anyhow::bail!("the feed ended before it began");
    }
    Ok(Watching { stop, watcher })
}

impl Watching {
    async fn finish(self) -> anyhow::Result<Histogram<u64>> {
        // The last records are visible already; give their copies the time of one heartbeat to arrive.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _ = self.stop.send(());
        Ok(self.watcher.await??.latency)
    }
}

/// Waits until queries see everything up to `frontier`.
///
/// # Errors
/// When the node does not answer or gets there too late.
pub async fn wait_until_visible(rig: &Rig, frontier: &model::Frontier) -> anyhow::Result<()> {
    let channel = rig.channel(&Rig::system(region::source(0)?)).await?;
    let mut query = v1::query_service_client::QueryServiceClient::new(channel);
    let next = frontier.iter().map(|(p, o)| v1::Position { partition: p.0, offset: o.0 }).collect::<Vec<_>>();
    let deadline = Instant::now() + Duration::from_secs(600);
    loop {
        let request = v1::QueryRequest {
            sql: "SELECT 1".to_owned(),
            at_least: Some(v1::Frontier { next: next.clone() }),
            ..Default::default()
        };
        let answer = match query.query(request).await {
            Ok(mut answer) => answer.get_mut().message().await.map(|_| ()),
            Err(status) => Err(status),
        };
        match answer {
            Ok(()) => return Ok(()),
            Err(status) if status.code() == tonic::Code::DeadlineExceeded && Instant::now() < deadline => {}
            Err(status) => return Err(status).context("waiting for the views"),
        }
    }
}

/// The highest resident memory the node has had, in MiB.
///
/// # Errors
/// When the node does not run or the system does not say.
pub fn peak_mib(rig: &Rig) -> anyhow::Result<f64> {
    memory_mib(rig, "VmHWM:")
}

fn memory_mib(rig: &Rig, which: &str) -> anyhow::Result<f64> {
    let process = rig.process().context("the node does not run")?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with(which)).context("the system does not say")?;
    let kib: u64 = line.split_whitespace().nth(1).context("a line without a figure")?.parse()?;
    Ok(count(kib) / 1024.0)
}

/// The resident memory of the node now, in MiB.
///
/// # Errors
/// When the node does not run or the system does not say.
pub fn rss_mib(rig: &Rig) -> anyhow::Result<f64> {
    memory_mib(rig, "VmRSS:")
}

/// The figures of one run of load, beside the targets of docs/benchmarks.md where they apply.
pub fn figures(name: &str, outcome: &LoadOutcome, targets: Targets) -> Vec<Figure> {
    let ms = |micros: u64| count(micros) / 1000.0;
    let mut figures = vec![
        Figure::at_least(&format!("{name}: acknowledged durable"), "events/s", outcome.events_per_second, targets.rate),
        Figure::at_least(
            &format!("{name}: through consent into views"),
            "events/s",
            outcome.visible_per_second,
            targets.rate,
        ),
        Figure::at_most(&format!("{name}: event size"), "bytes", outcome.event_bytes, None),
        Figure::at_most(
            &format!("{name}: acknowledgement p50"),
            "ms",
            ms(outcome.acknowledged.p50_us),
            targets.ack_p50_ms,
        ),
        Figure::at_most(
            &format!("{name}: acknowledgement p99"),
            "ms",
            ms(outcome.acknowledged.p99_us),
            targets.ack_p99_ms,
        ),
    ];
    if let Some(visible) = &outcome.visible {
        figures.push(Figure::at_most(&format!("{name}: event to visible p50"), "ms", ms(visible.p50_us), None));
        figures.push(Figure::at_most(
            &format!("{name}: event to visible p99"),
            "ms",
            ms(visible.p99_us),
            targets.visible_p99_ms,
        ));
    }
    figures.push(Figure::at_most(&format!("{name}: peak memory of the node"), "MiB", outcome.peak_mib, None));
    figures
}

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Targets {
    /// Events per second.
    pub rate: Option<f64>,
    /// Acknowledgement, half.
    pub ack_p50_ms: Option<f64>,
    /// Acknowledgement, 99 of 100.
    pub ack_p99_ms: Option<f64>,
    /// Event to visible, 99 of 100.
    pub visible_p99_ms: Option<f64>,
}
