//! Beds, live: from the moment a frame leaves its bed to its arrival at each viewer, over the real door and the real feeds; what
//! a viewer that reconnects misses or gets twice; the node's memory meanwhile.

use crate::bench::load::{self, Sends, Stream, count, microseconds, now};
use crate::bench::region::{self, Size};
use crate::bench::report::Figure;
use crate::bench::{chart, rss_mib};
use crate::rig::Rig;
use anyhow::Context;
use hdrhistogram::Histogram;
use model::{
    Author, Category, ChangeKind, FrameQuality, Frontier, Hops, Labels, Moment, PatientNumber, PatientRef, Payload,
    Position, RecordId, Role, Version, Waveform, WaveformChannel, WaveformFrame,
};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use wire::v1;
use wire::v1::feed_service_client::FeedServiceClient;

/// Frames a second of one bed.
const FRAMES: f64 = 2.0;
/// Sources the beds are at.
const SOURCES: u32 = 4;
/// Viewers of one facility: they share its consents, and its connection.
const VIEWERS_OF_ONE: u32 = 20;
/// One viewer in so many reconnects in the midst.
const RECONNECTS: usize = 10;
/// When the node's memory is looked at, as parts of the whole.
const PARTS: [f64; 6] = [1.0 / 6.0, 2.0 / 6.0, 3.0 / 6.0, 4.0 / 6.0, 5.0 / 6.0, 1.0];
const CHANNELS: [WaveformChannel; 8] = [
    WaveformChannel::FetalHeartRate(1),
    WaveformChannel::FetalHeartRate(2),
    WaveformChannel::FetalHeartRate(3),
    WaveformChannel::UterineActivity,
    WaveformChannel::MaternalHeartRate,
    WaveformChannel::Spo2,
    WaveformChannel::SystolicPressure,
    WaveformChannel::Temperature,
];

/// How many beds and viewers, for how long.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Beds, rounded up to whole sources.
    pub beds: u32,
    /// Viewers, rounded up to whole facilities.
    pub viewers: u32,
    /// For how long.
    pub seconds: f64,
}

impl Plan {
    /// The region it needs: each bed is shown to one facility.
    pub fn size(self) -> Size {
        let viewers = self.viewers.div_ceil(VIEWERS_OF_ONE).max(1);
        Size { sources: SOURCES, viewers, patients: self.beds.div_ceil(SOURCES).max(1), audience: 1 }
    }
}

/// Frames of the beds of one source.
#[derive(Debug)]
pub struct Frames {
    source: model::FacilityId,
    beds: u32,
}

impl Sends for Frames {
    fn event(&self, i: u64, sent: Moment) -> anyhow::Result<v1::Event> {
        let beds = u64::from(self.beds);
        let (bed, sequence) = (u32::try_from(i % beds)?, i / beds);
        let id = format!("{bed}/{sequence}");
        // in quarters, as monitors give them, and no two samples alike for a while
        let wave = |channel: u64| u8::try_from((sequence * 7 + channel * 13) % 40).map_or(0.0, f32::from) / 4.0;
        let frame = |(at, channel): (u64, WaveformChannel)| WaveformFrame {
            channel,
            samples: vec![120.0 + wave(at), 120.25 + wave(at)],
            quality: vec![FrameQuality::Good; 2],
        };
        let payload = Payload::Waveform(Waveform {
            session: format!("{}-{bed}", self.source),
            device: "CTG".to_owned(),
            hertz: 4.0,
            sequence,
            frames: (0..).zip(CHANNELS).map(frame).collect(),
            hops: Hops::default(),
            held_back: false,
        });
        let patient = PatientRef::new(self.source.clone(), PatientNumber::parse(&region::number(bed))?);
        let record = model::Record::new(
            patient,
            RecordId::parse(&id)?,
            Version::FIRST,
            Category::Waveform,
            sent.plus_micros(-500_000),
            sent,
            Labels::NONE,
            None,
            Author { member: None, role: Role::System },
            ChangeKind::Upsert,
            Some(payload),
        )?;
        let key = model::EventKey { source: self.source.clone(), id: model::EventId::parse(&id)? };
        let body = model::Body::Record(Box::new(record));
        Ok(v1::Event::from(&model::Event { key, admitted_at: sent, body }))
    }
}

/// What the viewers of a facility saw.
#[derive(Debug)]
struct Seen {
    latency: Histogram<u64>,
}

/// Which frames of a session came, counted from 0: all before one, and some beyond. In an hour they are too many to keep each.
#[derive(Debug, Default)]
struct Numbers {
    before: u64,
    beyond: BTreeSet<u64>,
}

impl Numbers {
    /// Whether it had not come yet.
    fn insert(&mut self, number: u64) -> bool {
        let is_new = number >= self.before && self.beyond.insert(number);
        while self.beyond.remove(&self.before) {
            self.before += 1;
        }
        is_new
    }
    fn count(&self) -> u64 {
        self.before + self.beyond.len() as u64
    }
}

/// What one viewer has.
#[derive(Debug, Default)]
struct Kept {
    /// By session.
    frames: HashMap<String, Numbers>,
    /// What came on this connection beyond the frontier of its last heartbeat; a frame may come before the heartbeat that
    /// includes it.
    beyond: HashSet<Position>,
    /// What the feed was resumed before, although it had come: it comes once more, as the contract says.
    again: HashSet<Position>,
    twice: u64,
    resets: u64,
}

type Feeds = FeedServiceClient<crate::rig::Bearing>;

/// Watches until told to stop; reconnects once, where it is told to, from the last heartbeat.
async fn view(
    mut client: Feeds,
    seen: Arc<Mutex<Seen>>,
    begun: oneshot::Sender<()>,
    mut stop: watch::Receiver<bool>,
    again: Option<Duration>,
) -> anyhow::Result<Kept> {
    let request = |from| v1::WatchRequest {
        from: Some(from),
        categories: vec![v1::Category::Waveform.into()],
        heartbeat_ms: 1000,
    };
    let mut feed = client.watch(request(v1::watch_request::From::Now(v1::Now {}))).await?.into_inner();
    let (mut begun, mut kept, mut heard) = (Some(begun), Kept::default(), None);
    let mut again = again.map(|after| Box::pin(tokio::time::sleep(after)));
    loop {
        let item = tokio::select! {
            () = async { drop(stop.wait_for(|stop| *stop).await) } => return Ok(kept),
            () = async { match &mut again { Some(again) => again.await, None => std::future::pending().await } },
                if heard.is_some() =>
            {
                again = None;
                drop(feed);
                let from = heard.clone().map(v1::watch_request::From::Frontier).context("no heartbeat came")?;
                feed = client.watch(request(from)).await?.into_inner();
                kept.again = std::mem::take(&mut kept.beyond);
                continue;
            }
            item = feed.message() => item?.context("the feed ended")?,
        };
        match item.item {
            Some(v1::feed_item::Item::Heartbeat(heartbeat)) => {
                if let Some(begun) = begun.take() {
                    let _ = begun.send(());
                }
                let frontier = Frontier::from(heartbeat.frontier.clone().context("a heartbeat without a frontier")?);
                kept.beyond.retain(|position| !frontier.includes(*position));
                heard = heartbeat.frontier;
            }
            Some(v1::feed_item::Item::Appeared(appeared)) => {
                let position = Position::from(appeared.position.context("a disclosure without a place")?);
                let record = appeared.record.context("a disclosure without a record")?;
                let Some(v1::record::Payload::Waveform(wave)) = record.payload else { continue };
                kept.beyond.insert(position);
                if kept.again.remove(&position) {
                    continue;
                }
                if !kept.frames.entry(wave.session).or_default().insert(wave.sequence) {
                    kept.twice += 1;
                }
                if !appeared.historic {
                    let age = now()?.micros() - record.recorded_us.unwrap_or_default();
                    seen.lock().latency.saturating_record(u64::try_from(age).unwrap_or(1).max(1));
                }
            }
            Some(v1::feed_item::Item::Reset(_)) => kept.resets += 1,
            _ => {}
        }
    }
}

/// Plays the beds to all viewers.
///
/// # Errors
/// When the node refuses or a connection breaks.
pub async fn run(rig: &Rig, plan: Plan) -> anyhow::Result<Vec<Figure>> {
    let size = plan.size();
    let (stop, stopped) = watch::channel(false);
    let (mut viewers, mut all, mut begin) = (Vec::new(), Vec::new(), Vec::new());
    for facility in 0..size.viewers {
        let client = FeedServiceClient::new(rig.channel(&Rig::system(region::viewer(facility)?)).await?)
            .max_decoding_message_size(64 << 20);
        let seen = Arc::new(Mutex::new(Seen { latency: microseconds()? }));
        all.push(Arc::clone(&seen));
        for _ in 0..VIEWERS_OF_ONE.min(plan.viewers) {
            let (begun, has_begun) = oneshot::channel();
            let again = viewers.len().is_multiple_of(RECONNECTS).then(|| Duration::from_secs_f64(plan.seconds / 2.0));
            let viewer = view(client.clone(), Arc::clone(&seen), begun, stopped.clone(), again);
            viewers.push((facility, tokio::spawn(viewer)));
            begin.push(has_begun);
        }
    }
    for has_begun in begin {
        has_begun.await.context("a feed ended before it began")?;
    }
    let frames = load::whole(plan.seconds * FRAMES);
    let mut streams = Vec::new();
    for source in 0..size.sources {
        let source = region::source(source)?;
        let door =
            v1::ingest_service_client::IngestServiceClient::new(rig.channel(&Rig::system(source.clone())).await?);
        let stream = Stream {
            records: Frames { source, beds: size.patients },
            rate: f64::from(size.patients) * FRAMES,
            events: frames * u64::from(size.patients),
            warm_up: 0,
        };
        streams.push(tokio::spawn(load::run(door, stream)));
    }
    let mut memory = Vec::new();
    for _ in PARTS {
        tokio::time::sleep(Duration::from_secs_f64(plan.seconds / count(PARTS.len() as u64))).await;
        memory.push(rss_mib(rig)?);
    }
    let mut acknowledged = microseconds()?;
    for stream in streams {
        acknowledged.add(&stream.await??.latency)?;
    }
    // the last frames are visible already; their copies get time to arrive
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.send_replace(true);
    let (mut lost, mut twice, mut resets, mut delivered) = (0_u64, 0_u64, 0_u64, 0_u64);
    let count_of_viewers = viewers.len();
    for (facility, viewer) in viewers {
        let kept: Kept = viewer.await??;
        let came: u64 = kept.frames.values().map(Numbers::count).sum();
        let beds = u64::from(region::patients_of_viewer(size, facility)) * u64::from(size.sources);
        lost += (beds * frames).saturating_sub(came);
        (twice, resets, delivered) = (twice + kept.twice, resets + kept.resets, delivered + came);
    }
    let mut latency = microseconds()?;
    for seen in all {
        latency.add(&seen.lock().latency)?;
    }
    let name = |what: &str| {
        let beds = size.patients * size.sources;
        format!("{beds} beds × {} channels × 4 Hz, {count_of_viewers} viewers: {what}", CHANNELS.len())
    };
    let ms = |histogram: &Histogram<u64>, of: f64| chart::milliseconds(histogram.value_at_quantile(of));
    let mut figures = vec![
        Figure::at_most(&name("acknowledgement p99"), "ms", ms(&acknowledged, 0.99), None),
        Figure::at_most(&name("bed to viewer p50"), "ms", ms(&latency, 0.5), None),
        Figure::at_most(&name("bed to viewer p99"), "ms", ms(&latency, 0.99), Some(50.0)),
        Figure::at_least(&name("frames to viewers"), "frames/s", count(delivered) / plan.seconds, None),
        Figure::at_most(&name("frames lost, reconnects included"), "frames", count(lost), Some(0.0)),
        Figure::at_most(&name("frames twice, reconnects included"), "frames", count(twice), Some(0.0)),
        Figure::at_most(&name("feeds that were reset"), "feeds", count(resets), Some(0.0)),
    ];
    for (part, mib) in PARTS.iter().zip(&memory) {
        let what = format!("memory of the node after {:.0} s", plan.seconds * part);
        figures.push(Figure::at_most(&name(&what), "MiB", *mib, None));
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_once_in_whatever_order_they_come() {
        let mut numbers = Numbers::default();
        let came = [2, 0, 1, 1, 5, 0, 3, 5].map(|number| numbers.insert(number));
        assert_eq!(came, [true, true, true, false, true, false, true, false]);
        assert_eq!((numbers.before, numbers.count()), (4, 5));
    }
}
