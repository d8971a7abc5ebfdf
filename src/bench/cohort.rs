//! How soon a clinic that follows a cohort is told that somebody entered or left, while records flow; and how long it takes to
//! find a cohort's members in a whole view.
//!
//! The probes are patients of their own, whose HbA1c goes up and down; everybody else's records are the load. Counted is from
//! sending the event to being told.

use crate::bench::load::{microseconds, now};
use crate::bench::region::{self, Size};
use crate::bench::report::Figure;
use crate::bench::{self, Load};
use crate::rig::Rig;
use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use model::{
    Author, Body, Category, ChangeKind, CodeSystem, Coding, Condition, Event, EventId, EventKey, LabResult, LabStatus,
    Labels, Moment, PatientNumber, PatientRef, Payload, Record, RecordId, Role, Value, Version,
};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use wire::v1;
use wire::v1::cohort_item::Item;

/// How much is at work.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Records per second over all sources.
    pub rate: f64,
    /// For how long, in seconds.
    pub seconds: f64,
    /// How many times the cohort is found in the whole view.
    pub runs: u32,
}

/// Patients of the first source whose membership is turned; records of the load are of the others.
const PROBES: u32 = 20;
/// Between one probe and the next.
const PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(20);
const DAY: i64 = 86_400_000_000;

/// A code, a value and a date.
const ASKED: &str = "name: bench\nversion: '1'\nen: Code, value, date\nwhere:\n  all:\n    - coded: { system: icd10, begins: E11 }\n    \
                     - at-least: { measure: hba1c, value: 8.0, within-days: 180 }\n";

/// The size of a region with one clinic that has so many patients, of several hospitals.
pub fn size(patients: u32) -> Size {
    const SOURCES: u32 = 10;
    Size { sources: SOURCES, viewers: 1, patients: patients.div_ceil(SOURCES) + PROBES, audience: 1 }
}

/// Follows a cohort under load, then finds one in the whole view.
///
/// # Errors
/// When the node refuses something, or a connection breaks.
pub async fn run(rig: &Rig, size: Size, plan: Plan) -> anyhow::Result<Vec<Figure>> {
    let loaded = Size { patients: size.patients - PROBES, ..size };
    diagnose(rig, size).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut watch = v1::cohort_service_client::CohortServiceClient::new(rig.channel(&clinic()?).await?);
    let cohort = Some(v1::CohortRef { of: Some(v1::cohort_ref::Of::Name("poor-control".to_owned())) });
    let begun = Instant::now();
    let mut items = watch.watch(v1::WatchCohortRequest { cohort, after: None }).await?.into_inner();
    loop {
        if let Some(Item::Heartbeat(_)) = items.message().await?.context("the watch ended")?.item {
            break;
        }
    }
    let first = begun.elapsed();
    let watching = tokio::spawn(async move {
        while let Some(item) = items.message().await? {
            if let Some(Item::Step(step)) = item.item
                && let Some(patient) = step.member.and_then(|member| member.patient)
                && tell.send((patient.number, step.way, Instant::now())).is_err()
            {
                break;
            }
        }
        anyhow::Ok(())
    });
    let load = Load {
        rate: plan.rate,
        seconds: plan.seconds,
        warm_up: 0.0,
        event_bytes: 1_000,
        run: "cohort".to_owned(),
        watch: false,
    };
    let (probed, loaded) = tokio::join!(probe(rig, size, plan.seconds, &mut told), bench::load(rig, loaded, &load));
    let (latency, loaded) = (probed?, loaded?);
    watching.abort();
    let persons = size.sources * size.patients;
    let name = |what: &str| format!("cohort watch, {persons} persons, {:.0} events/s: {what}", plan.rate);
    let at = |quantile: f64| bench::load::count(latency.value_at_quantile(quantile)) / 1_000.0;
    let mut figures = vec![
        Figure::at_most(&name("everybody looked at once"), "s", first.as_secs_f64(), None),
        Figure::at_least(&name("events taken"), "events/s", loaded.events_per_second, None),
        Figure::at_most(&name("event to membership change p50"), "ms", at(0.5), None),
        Figure::at_most(&name("event to membership change p95"), "ms", at(0.95), Some(1_000.0)),
        Figure::at_most(&name("event to membership change, longest"), "ms", at(1.0), None),
        Figure::at_least(&name("changes measured"), "", bench::load::count(latency.len()), None),
    ];
    figures.extend(find(rig, persons, plan.runs).await?);
    figures.push(Figure::at_most(&name("peak memory of the node"), "MiB", bench::peak_mib(rig)?, None));
    Ok(figures)
}

fn clinic() -> anyhow::Result<model::Principal> {
    Ok(Rig::system(region::viewer(0)?))
}

/// A record of the n-th source.
fn record(source: u32, patient: u32, id: &str, at: Moment, payload: Payload) -> anyhow::Result<Event> {
    let source = region::source(source)?;
    let category = match payload {
        Payload::Condition(_) => Category::Condition,
        _ => Category::Laboratory,
    };
    let record = Record::new(
        PatientRef::new(source.clone(), PatientNumber::parse(&region::number(patient))?),
        RecordId::parse(id)?,
        Version::FIRST,
        category,
        at,
        at,
        Labels::NONE,
        None,
        Author { member: None, role: Role::LaboratoryStaff },
        ChangeKind::Upsert,
        Some(payload),
    )?;
    let key = EventKey { source, id: EventId::parse(id)? };
    Ok(Event { key, admitted_at: at, body: Body::Record(Box::new(record)) })
}

/// Everybody has diabetes, by a code on two days.
async fn diagnose(rig: &Rig, size: Size) -> anyhow::Result<()> {
    for source in 0..size.sources {
        let mut events = Vec::new();
        for patient in 0..size.patients {
            for days in [400, 500] {
                let code = Coding { system: CodeSystem::Icd10, code: "E11.9".to_owned(), display: String::new() };
                let condition =
                    Condition { code, clinical_status: String::new(), suspected: false, onset: None, abated: None };
                let at = now()?.plus_micros(-days * DAY);
                let id = format!("dx-{source}-{patient}-{days}");
                events.push(record(source, patient, &id, at, Payload::Condition(condition))?);
            }
        }
        send(rig, source, &events).await?;
    }
    Ok(())
}

async fn send(rig: &Rig, source: u32, events: &[Event]) -> anyhow::Result<()> {
    let channel = rig.channel(&Rig::system(region::source(source)?)).await?;
    let mut door = v1::ingest_service_client::IngestServiceClient::new(channel);
    let mut reached = model::Frontier::start();
    for some in events.chunks(2_000) {
        let events = some.iter().map(bench::request_of).collect();
        let answers = door.publish_batch(v1::PublishBatchRequest { events }).await?.into_inner();
        for answer in answers.responses {
            match answer.outcome {
                Some(v1::publish_response::Outcome::Accepted(accepted)) => {
                    let position = accepted.position.context("an acknowledgement without a position")?;
                    reached.include(model::Position::new(position.partition, position.offset));
                }
                _ => bail!("a diagnosis was refused"),
            }
        }
    }
    bench::wait_until_visible(rig, &reached).await
}

/// Turns the membership of one probe after the other.
async fn probe(
    rig: &Rig,
    size: Size,
    seconds: f64,
    told: &mut mpsc::UnboundedReceiver<(String, i32, Instant)>,
) -> anyhow::Result<Histogram<u64>> {
    let channel = rig.channel(&Rig::system(region::source(0)?)).await?;
    let mut door = v1::ingest_service_client::IngestServiceClient::new(channel);
    let mut latency = microseconds()?;
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut turn = 0_u32;
    while Instant::now() < until {
        let (probe, round) = (turn % PROBES, turn / PROBES);
        let patient = size.patients - PROBES + probe;
        let enters = round % 2 == 0;
        let result = LabResult {
            code: Coding { system: CodeSystem::Loinc, code: "4548-4".to_owned(), display: String::new() },
            value: Value::Quantity {
                value: if enters { 9.0 } else { 6.0 },
                unit: "%".to_owned(),
                comparator: String::new(),
            },
            reference_low: None,
            reference_high: None,
            flag: String::new(),
            specimen: String::new(),
            status: LabStatus::Final,
            order: String::new(),
            note: String::new(),
        };
        let event = record(0, patient, &format!("probe-{turn}"), now()?, Payload::Laboratory(result))?;
        let sent = Instant::now();
        door.publish_batch(v1::PublishBatchRequest { events: vec![bench::request_of(&event)] }).await?;
        let number = region::number_at_viewer(size, 0, patient);
        let way = if enters { v1::CohortWay::Enter } else { v1::CohortWay::Leave };
        let came = tokio::time::timeout(PATIENCE, async {
            loop {
                match told.recv().await {
                    Some((whom, which, at)) if whom == number && which == i32::from(way) => return Some(at),
                    Some(_) => {}
                    None => return None,
                }
            }
        });
        let came = came.await.context("nobody was told of a change of membership")?.context("the watch ended")?;
        let took = came.saturating_duration_since(sent).as_micros();
        latency.saturating_record(u64::try_from(took).unwrap_or(u64::MAX).max(1));
        turn += 1;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(latency)
}

/// Finds a cohort by code, value and date in the whole view.
async fn find(rig: &Rig, persons: u32, runs: u32) -> anyhow::Result<Vec<Figure>> {
    let mut client = v1::cohort_service_client::CohortServiceClient::new(rig.channel(&clinic()?).await?);
    let mut latency = microseconds()?;
    let mut members = 0;
    for _ in 0..runs {
        let cohort = Some(v1::CohortRef { of: Some(v1::cohort_ref::Of::File(ASKED.to_owned())) });
        let begun = Instant::now();
        let request = v1::RunCohortRequest { cohort, at_least: None, moment_us: 0 };
        let mut items = client.run(request).await?.into_inner();
        while let Some(item) = items.message().await? {
            if let Some(v1::run_cohort_item::Item::Footer(footer)) = item.item {
                members = footer.members;
            }
        }
        latency.saturating_record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX).max(1));
    }
    let name = |what: &str| format!("cohort by code, value and date, {members} of {persons} persons: {what}");
    let at = |quantile: f64| bench::load::count(latency.value_at_quantile(quantile)) / 1_000.0;
    Ok(vec![
        Figure::at_most(&name("run p50"), "ms", at(0.5), Some(100.0)),
        Figure::at_most(&name("run, longest"), "ms", at(1.0), None),
    ])
}
