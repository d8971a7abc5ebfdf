//! How soon a withdrawal holds while everything is at work: feeds open at every facility, statements running, records
//! flowing; and how soon the history of one patient is spliced into an open feed.
//!
//! Counted from the withdrawal's acknowledgement, which says that it is durable, to the last byte that still shows the
//! patient. What was on its way to a viewer at that moment counts.

use crate::bench::load::{self, Stream, count, microseconds, now};
use crate::bench::region::{self, Records, Size};
use crate::bench::report::{Figure, Latency};
use crate::rig::{Bearing, Rig};
use anyhow::{Context, bail};
use arrow::array::{Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use arrow_flight::sql::client::FlightSqlServiceClient;
use bytes::Bytes;
use futures::StreamExt;
use hdrhistogram::Histogram;
use model::Position;
use parking_lot::Mutex;
use prost::Message;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wire::v1;
use wire::v1::feed_item::Item;

/// How much is at work.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Open feeds, spread over the viewers.
    pub feeds: u32,
    /// Viewers that read their whole table over and over.
    pub readers: u32,
    /// Records per second over all sources.
    pub rate: f64,
    /// How many withdrawals.
    pub withdrawals: u32,
    /// Between one and the next.
    pub pause: Duration,
}

/// What was seen of patients, for all feeds and readers.
#[derive(Debug, Default)]
struct Seen {
    /// When a feed was last told of the end of a record, by the withdrawal's position.
    gone: HashMap<Position, Vec<Instant>>,
    /// When a feed last showed a record of the patient.
    shown: HashMap<(String, String), Instant>,
    /// When the last byte of an answer that showed the patient came.
    answered: HashMap<(String, String), Instant>,
    answers: u64,
    items: u64,
}

/// One withdrawal.
struct Withdrawn {
    whom: (String, String),
    position: Position,
    acknowledged: Instant,
}

/// Sets the region up in `rig` to work and withdraws consents one by one.
///
/// # Errors
/// When the node refuses something, or a connection breaks.
pub async fn run(rig: &Rig, size: Size, plan: Load) -> anyhow::Result<Vec<Figure>> {
    // Every patient has some records before anything is taken away.
    fill(rig, size, u64::from(size.patients) * 5).await?;
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for at in 0..plan.feeds {
        let channel = rig.channel(&Rig::system(region::viewer(at % size.viewers)?)).await?;
        tasks.push(tokio::spawn(listen(channel, seen.clone(), (begun.clone(), stop.clone()))));
    }
    for at in 0..plan.readers {
        let channel = rig.channel(&Rig::system(region::viewer(at % size.viewers)?)).await?;
        tasks.push(tokio::spawn(read(channel, seen.clone(), (begun.clone(), stop.clone()))));
    }
    let everybody = u64::from(plan.feeds + plan.readers);
    let patience = Instant::now() + Duration::from_secs(120);
    while begun.load(Ordering::Acquire) < everybody {
        if let Some(ended) = tasks.iter().position(tokio::task::JoinHandle::is_finished) {
            tasks.swap_remove(ended).await??;
        }
        anyhow::ensure!(Instant::now() < patience, "not all feeds and readers began within two minutes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seconds = plan.pause.as_secs_f64() * f64::from(plan.withdrawals) + 4.0;
    let mut streams = Vec::new();
    for n in 0..size.sources {
        let rate = plan.rate / f64::from(size.sources);
        streams.push(tokio::spawn(flow(rig, size, n, (rate, seconds)).await?));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut withdrawn = Vec::new();
    for at in 0..plan.withdrawals {
        withdrawn.push(withdraw(rig, size, at).await?);
        tokio::time::sleep(plan.pause).await;
    }
    let mut sent = 0;
    for stream in streams {
        sent += stream.await??.events;
    }
    // What is still on its way arrives.
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Release);
    for task in tasks {
        task.await??;
    }
    let seen = seen.lock();
    figures(size, plan, (&withdrawn, &seen, sent))
}

fn figures(size: Size, plan: Load, (all, seen, sent): (&[Withdrawn], &Seen, u64)) -> anyhow::Result<Vec<Figure>> {
    let since = |from: Instant, at: Instant| at.saturating_duration_since(from);
    let (mut feeds, mut queries) = (microseconds()?, microseconds()?);
    let mut told = 0_u64;
    for Withdrawn { whom, position, acknowledged } in all {
        for last in seen.gone.get(position).into_iter().flatten() {
            note(&mut feeds, since(*acknowledged, *last));
            told += 1;
        }
        if let Some(last) = seen.shown.get(whom) {
            note(&mut feeds, since(*acknowledged, *last));
        }
        let last = seen.answered.get(whom).map_or(Duration::ZERO, |last| since(*acknowledged, *last));
        note(&mut queries, last);
    }
    anyhow::ensure!(told > 0, "no feed was told of any withdrawal");
    let name = |what: &str| {
        format!(
            "withdrawal, {} facilities, {} feeds, {} readers, {} records/s: {what}",
            size.sources + size.viewers,
            plan.feeds,
            plan.readers,
            plan.rate
        )
    };
    let ms = |micros: u64| count(micros) / 1000.0;
    let mut figures = Vec::new();
    for (what, histogram, target) in [("feeds", &feeds, 100.0), ("queries", &queries, 1000.0)] {
        let latency = Latency::from(histogram);
        figures.push(Figure::at_most(&name(&format!("last byte on {what} p50")), "ms", ms(latency.p50_us), None));
        figures.push(Figure::at_most(
            &name(&format!("last byte on {what} p99")),
            "ms",
            ms(latency.p99_us),
            Some(target),
        ));
        figures.push(Figure::at_most(&name(&format!("last byte on {what} max")), "ms", ms(histogram.max()), None));
    }
    for (what, of) in [
        ("withdrawals", u64::try_from(all.len())?),
        ("feeds told of one", told),
        ("items on feeds", seen.items),
        ("answers to queries", seen.answers),
        ("records sent meanwhile", sent),
    ] {
        figures.push(Figure::at_least(&name(what), "", count(of), None));
    }
    Ok(figures)
}

fn note(histogram: &mut Histogram<u64>, took: Duration) {
    histogram.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
}

/// Events that wait for nothing but their acknowledgement.
async fn publish(rig: &Rig, source: u32, events: Vec<model::Event>) -> anyhow::Result<Vec<Position>> {
    let channel = rig.channel(&Rig::system(region::source(source)?)).await?;
    let mut door = v1::ingest_service_client::IngestServiceClient::new(channel);
    send(&mut door, events).await
}

type Door = v1::ingest_service_client::IngestServiceClient<Bearing>;

async fn send(door: &mut Door, events: Vec<model::Event>) -> anyhow::Result<Vec<Position>> {
    let request = |event: &model::Event| v1::PublishRequest {
        event: Bytes::from(v1::Event::from(event).encode_to_vec()),
        traceparent: String::new(),
    };
    let mut positions = Vec::new();
    for some in events.chunks(2_000) {
        let events = some.iter().map(request).collect();
        let answers = door.publish_batch(v1::PublishBatchRequest { events }).await?.into_inner();
        for answer in answers.responses {
            match answer.outcome.context("an answer without an outcome")? {
                v1::publish_response::Outcome::Accepted(accepted) => {
                    let at = accepted.position.context("an acknowledgement without a position")?;
                    positions.push(Position::new(at.partition, at.offset));
                }
                v1::publish_response::Outcome::Refused(refused) => {
                    bail!("refused: {} {} ({})", refused.reason, refused.field, refused.rule)
                }
            }
        }
    }
    Ok(positions)
}

/// Sends so many records of each source as fast as they are taken, and waits until queries see them.
async fn fill(rig: &Rig, size: Size, records: u64) -> anyhow::Result<()> {
    let mut reached = model::Frontier::start();
    for n in 0..size.sources {
        let made = Records::new(size, n, &format!("before-{n}"), 1024)?;
        let at = now()?;
        let events: anyhow::Result<Vec<v1::Event>> = (0..records).map(|i| made.event(i, at)).collect();
        let events = events?.into_iter().map(model::Event::try_from).collect::<Result<Vec<_>, _>>()?;
        for position in publish(rig, n, events).await? {
            reached.include(position);
        }
    }
    super::wait_until_visible(rig, &reached).await
}

/// Records of one source, at a steady rate, for so many seconds.
async fn flow(
    rig: &Rig,
    size: Size,
    n: u32,
    (rate, seconds): (f64, f64),
) -> anyhow::Result<impl Future<Output = anyhow::Result<load::Acknowledged>> + Send + 'static> {
    let channel = rig.channel(&Rig::system(region::source(n)?)).await?;
    let records = Records::new(size, n, &format!("meanwhile-{n}"), 1024)?;
    let stream = Stream { records, rate, events: super::events(rate * seconds), warm_up: 0 };
    Ok(load::run(v1::ingest_service_client::IngestServiceClient::new(channel), stream))
}

/// Withdraws the consent of the `at`-th patient, source by source in turn.
async fn withdraw(rig: &Rig, size: Size, at: u32) -> anyhow::Result<Withdrawn> {
    let (source, patient) = (at % size.sources, at / size.sources % size.patients);
    let id = region::source(source)?;
    let number = region::number(patient);
    let change = model::ConsentChange::Withdrawn(model::Withdrawal {
        id: model::ConsentId::parse(&format!("c-{source}-{patient}"))?,
        patient: model::PatientRef::new(id.clone(), model::PatientNumber::parse(&number)?),
        withdrawn_at: now()?,
    });
    let key = model::EventKey { source: id.clone(), id: model::EventId::parse(&format!("withdrawn-{at}"))? };
    let event = model::Event { key, admitted_at: now()?, body: model::Body::Consent(change) };
    let positions = publish(rig, source, vec![event]).await?;
    let acknowledged = Instant::now();
    let position = *positions.first().context("a withdrawal without a position")?;
    Ok(Withdrawn { whom: (id.as_str().to_owned(), number), position, acknowledged })
}

/// One open feed: notes when it shows a record and when it is told of the end of one.
async fn listen(
    channel: Bearing,
    seen: Arc<Mutex<Seen>>,
    (begun, stop): (Arc<AtomicU64>, Arc<AtomicBool>),
) -> anyhow::Result<()> {
    let mut feed = open(channel).await?;
    let mut first = true;
    // The end of one publication's retractions, noted when the next thing is said.
    let mut ending: Option<(Position, Instant)> = None;
    while !stop.load(Ordering::Acquire) {
        let item = feed.message().await?.context("a feed ended")?.item;
        let at = Instant::now();
        if let Some(Item::Vanished(vanished)) = &item {
            if let Some(position) = &vanished.position {
                ending = Some((Position::new(position.partition, position.offset), at));
            }
        } else if let Some((position, last)) = ending.take() {
            seen.lock().gone.entry(position).or_default().push(last);
        }
        match item {
            Some(Item::Appeared(v1::Appeared { record: Some(record), .. })) => {
                let mut seen = seen.lock();
                seen.items += 1;
                if let Some(patient) = record.patient {
                    seen.shown.insert((patient.facility, patient.number), at);
                }
            }
            Some(Item::Heartbeat(_)) if std::mem::take(&mut first) => {
                begun.fetch_add(1, Ordering::AcqRel);
            }
            Some(Item::Reset(_)) => bail!("a feed was reset: this machine does not follow so many"),
            _ => {}
        }
    }
    Ok(())
}

async fn open(channel: Bearing) -> anyhow::Result<tonic::Streaming<v1::FeedItem>> {
    let request = v1::WatchRequest {
        from: Some(v1::watch_request::From::Now(v1::Now {})),
        categories: Vec::new(),
        heartbeat_ms: 200,
    };
    Ok(v1::feed_service_client::FeedServiceClient::new(channel).watch(request).await?.into_inner())
}

/// One reader: the whole table, over and over, batch by batch.
async fn read(
    channel: Bearing,
    seen: Arc<Mutex<Seen>>,
    (begun, stop): (Arc<AtomicU64>, Arc<AtomicBool>),
) -> anyhow::Result<()> {
    let flight = arrow_flight::flight_service_client::FlightServiceClient::new(channel);
    let mut client = FlightSqlServiceClient::new_from_inner(flight);
    let mut first = true;
    while !stop.load(Ordering::Acquire) {
        let sql = "SELECT source, patient_id, record_id, occurred, name, value_number FROM laboratory";
        let info = client.execute(sql.to_owned(), None).await?;
        let ticket = info.endpoint.into_iter().next().and_then(|end| end.ticket).context("no ticket")?;
        let mut rows = client.do_get(ticket).await?;
        let mut ended = false;
        while let Some(batch) = rows.next().await {
            // A statement that is ended because its view shrank has shown its last byte.
            let Ok(batch) = batch else {
                ended = true;
                break;
            };
            let patients = patients(&batch)?;
            let at = Instant::now();
            let mut seen = seen.lock();
            for patient in patients {
                seen.answered.insert(patient, at);
            }
        }
        seen.lock().answers += u64::from(!ended);
        if std::mem::take(&mut first) {
            begun.fetch_add(1, Ordering::AcqRel);
        }
    }
    Ok(())
}

/// Whose rows are in a batch.
fn patients(batch: &RecordBatch) -> anyhow::Result<HashSet<(String, String)>> {
    let text = |name: &str| -> anyhow::Result<StringArray> {
        let column = batch.column_by_name(name).with_context(|| format!("no column {name}"))?;
        let text = arrow::compute::cast(column, &DataType::Utf8)?;
        Ok(text.as_any().downcast_ref::<StringArray>().context("not a text")?.clone())
    };
    let (sources, numbers) = (text("source")?, text("patient_id")?);
    Ok((0..batch.num_rows()).map(|row| (sources.value(row).to_owned(), numbers.value(row).to_owned())).collect())
}

// === one patient's history, spliced ===

/// Grants and withdraws the consent of one patient with `records` records again and again, and counts how long an open
/// feed takes to hear of all of them.
///
/// # Errors
/// When the node refuses something, or a connection breaks.
pub async fn splice(rig: &Rig, size: Size, records: u64, rounds: u32) -> anyhow::Result<Vec<Figure>> {
    // Patient 0 alone has records; its consent of the set-up is withdrawn first.
    fill(rig, Size { patients: 1, ..size }, records).await?;
    let begins = withdraw(rig, size, 0).await?;
    let mut frontier = model::Frontier::start();
    frontier.include(begins.position);
    super::wait_until_visible(rig, &frontier).await?;
    let mut feed = open(rig.channel(&Rig::system(region::viewer(0)?)).await?).await?;
    until_beat(&mut feed).await?;
    let channel = rig.channel(&Rig::system(region::source(0)?)).await?;
    let mut door = Door::new(channel);
    let mut figures = Vec::new();
    for (tier, wait) in [("hot", Duration::ZERO), ("in files", Duration::from_secs(15))] {
        // Longer than the store waits before it commits.
        tokio::time::sleep(wait).await;
        let (mut granted, mut withdrawn) = (microseconds()?, microseconds()?);
        for round in 0..rounds {
            let id = format!("spliced-{}-{round}", tier.len());
            let [given, taken] = changes(&id)?;
            for (event, histogram) in [(given, &mut granted), (taken, &mut withdrawn)] {
                let position = *send(&mut door, vec![event]).await?.first().context("no position")?;
                let acknowledged = Instant::now();
                let last = all_of(&mut feed, position, records).await?;
                note(histogram, last.saturating_duration_since(acknowledged));
            }
        }
        for (what, histogram, target) in [("spliced in", &granted, Some(50.0)), ("taken away", &withdrawn, None)] {
            let latency = Latency::from(histogram);
            let name = |which: &str| format!("{records} records ({tier}) of one patient {what}: {which}");
            let ms = |micros: u64| count(micros) / 1000.0;
            figures.push(Figure::at_most(&name("p50"), "ms", ms(latency.p50_us), target));
            figures.push(Figure::at_most(&name("max"), "ms", ms(histogram.max()), None));
        }
    }
    Ok(figures)
}

async fn until_beat(feed: &mut tonic::Streaming<v1::FeedItem>) -> anyhow::Result<()> {
    loop {
        if let Some(Item::Heartbeat(_)) = feed.message().await?.context("the feed ended")?.item {
            return Ok(());
        }
    }
}

/// When the last of so many items with this cause came.
async fn all_of(feed: &mut tonic::Streaming<v1::FeedItem>, cause: Position, items: u64) -> anyhow::Result<Instant> {
    let mut left = items;
    loop {
        let position = match feed.message().await?.context("the feed ended")?.item {
            Some(Item::Appeared(appeared)) => appeared.position,
            Some(Item::Vanished(vanished)) => vanished.position,
            _ => None,
        };
        if position.is_some_and(|at| Position::new(at.partition, at.offset) == cause) {
            left -= 1;
            if left == 0 {
                return Ok(Instant::now());
            }
        }
    }
}

/// A consent of patient 0 of source 0 to the first viewer, and its withdrawal.
fn changes(id: &str) -> anyhow::Result<[model::Event; 2]> {
    let source = region::source(0)?;
    let patient = model::PatientRef::new(source.clone(), model::PatientNumber::parse(&region::number(0))?);
    let consent = model::ConsentId::parse(id)?;
    let given = region::consent(id, patient.clone(), vec![region::viewer(0)?], now()?)?;
    let taken = model::Withdrawal { id: consent, patient, withdrawn_at: now()? };
    let event = |what: &str, change| -> anyhow::Result<model::Event> {
        let id = model::EventId::parse(&format!("{id}-{what}"))?;
        let key = model::EventKey { source: source.clone(), id };
        Ok(model::Event { key, admitted_at: now()?, body: model::Body::Consent(change) })
    };
    Ok([event("given", model::ConsentChange::Given(given))?, event("taken", model::ConsentChange::Withdrawn(taken))?])
}
