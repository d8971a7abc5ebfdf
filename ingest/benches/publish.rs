//! The door under load: a real server on loopback over the embedded log, on the disk the target directory is on, or
//! in the directory `AJISAI_BENCH_DIR` names.
//!
//! First 10,000 events/s, each sent when its time has come and its answer's latency counted from then, so that a stall
//! is not hidden by the sender waiting for it; then as fast as it goes, with one stream and with four.
//!
//! `cargo bench -p ingest --bench publish`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement: it prints, and what fails here fails the measurement"
)]

use event_log::EventLog;
use event_log::embedded::{EmbeddedConfig, EmbeddedLog};
use hdrhistogram::Histogram;
use ingest::{Admission, ConsentQuery, ConsentReader, DirectoryReader, GlassStanding, Settings, Standing, service};
use model::*;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Status};
use wire::v1;
use wire::v1::ingest_service_client::IngestServiceClient;

/// Records need nothing of the book.
#[derive(Debug)]
struct NoBook;
impl DirectoryReader for NoBook {
    fn facilities(&self) -> Vec<Facility> {
        Vec::new()
    }
    fn members(&self, _: &FacilityId) -> Vec<Member> {
        Vec::new()
    }
    fn member(&self, _: &MemberId) -> Option<Member> {
        None
    }
    fn scope(&self, _: &FacilityId) -> Option<DisclosureScope> {
        None
    }
    fn link(&self, _: &LinkId) -> Option<Link> {
        None
    }
    fn visit_links(&self, _: &FacilityId, _: Option<&LinkId>, _: &mut dyn FnMut(&Link) -> bool) {}
}
impl ConsentReader for NoBook {
    fn consent(&self, _: &ConsentId) -> Option<Standing> {
        None
    }
    fn visit_consents(&self, _: &ConsentQuery<'_>, _: &mut dyn FnMut(&Standing) -> bool) {}
    fn visit_glasses(&self, _: &FacilityId, _: &mut dyn FnMut(&GlassStanding) -> bool) {}
}

fn source() -> FacilityId {
    FacilityId::parse("nagasaki-mc").unwrap()
}

fn identify(mut request: Request<()>) -> Result<Request<()>, Status> {
    let principal = Principal { facility: source(), member: None, role: Role::System, purpose: Purpose::Treatment };
    request.extensions_mut().insert(principal);
    Ok(request)
}

/// A laboratory result of 1 KB.
fn event(number: u64) -> v1::PublishRequest {
    let at = Moment::from_micros(1_775_000_000_000_000).unwrap();
    let result = LabResult {
        code: Coding { system: CodeSystem::Jlac10, code: "3D046000001920402".into(), display: "HbA1c(NGSP)".into() },
        value: Value::Quantity { value: 6.8, unit: "%".into(), comparator: String::new() },
        reference_low: Some(4.9),
        reference_high: Some(6.0),
        flag: "H".into(),
        specimen: "019".into(),
        status: LabStatus::Final,
        order: "x".repeat(800),
        note: String::new(),
    };
    let patient = PatientRef::new(source(), PatientNumber::parse(&format!("{:08}", number % 150_000)).unwrap());
    let record = Record::new(
        patient,
        RecordId::parse(&format!("Observation/{number:012}")).unwrap(),
        Version::FIRST,
        Category::Laboratory,
        at,
        at,
        Labels::NONE,
        Some(DepartmentCode::parse("01").unwrap()),
        Author { member: None, role: Role::LaboratoryStaff },
        ChangeKind::Upsert,
        Some(Payload::Laboratory(result)),
    );
    let key = EventKey { source: source(), id: EventId::parse(&format!("e-{number:012}")).unwrap() };
    let event = Event { key, admitted_at: at, body: Body::Record(Box::new(record.unwrap())) };
    v1::PublishRequest { event: wire::write_event(&event), traceparent: String::new() }
}

/// Sends events as fast as the stream takes them; answers how long all of it took.
async fn flood(channel: Channel, events: Vec<v1::PublishRequest>) -> Duration {
    let count = events.len();
    let begun = Instant::now();
    let mut answers = IngestServiceClient::new(channel).publish(tokio_stream::iter(events)).await.unwrap().into_inner();
    let mut accepted = 0;
    while let Some(answer) = answers.next().await {
        assert!(matches!(answer.unwrap().outcome, Some(v1::publish_response::Outcome::Accepted(_))));
        accepted += 1;
    }
    assert_eq!(accepted, count);
    begun.elapsed()
}

/// Sends `rate` events a second on time; answers the latencies in microseconds.
async fn steady(channel: Channel, rate: u64, numbers: std::ops::Range<u64>) -> Histogram<u64> {
    let count = numbers.end - numbers.start;
    let ready: Vec<_> = numbers.map(event).collect();
    let (sender, events) = tokio::sync::mpsc::channel(1 << 16);
    let mut answers =
        IngestServiceClient::new(channel).publish(ReceiverStream::new(events)).await.unwrap().into_inner();
    let begun = Instant::now();
    let due = move |i: u64| begun + Duration::from_nanos(i * 1_000_000_000 / rate);
    tokio::spawn(async move {
        for (i, event) in ready.into_iter().enumerate() {
            let due = due(i as u64);
            if due > Instant::now() + Duration::from_millis(1) {
                tokio::time::sleep_until(due.into()).await;
            }
            while Instant::now() < due {
                tokio::task::yield_now().await;
            }
            sender.send(event).await.unwrap();
        }
    });
    let mut latencies = Histogram::new(3).unwrap();
    for i in 0..count {
        answers.next().await.unwrap().unwrap();
        latencies.record(u64::try_from((Instant::now() - due(i)).as_micros()).unwrap()).unwrap();
    }
    latencies
}

/// CPU time this process has used, caller and node together. On a busy machine it says more than the clock does.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields.iter().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

#[tokio::main]
async fn main() {
    let disk = std::env::var("AJISAI_BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    let directory = tempfile::tempdir_in(disk).unwrap();
    let config = EmbeddedConfig::new(directory.path().join("log"), NonZeroU32::new(8).unwrap());
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(&config).unwrap());
    let settings = Settings {
        index: directory.path().join("index"),
        quarantine: directory.path().join("quarantine"),
        quarantine_share: 1 << 20,
    };
    let clock: event_log::Clock = Arc::new(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Moment::from_micros(i64::try_from(now.as_micros()).unwrap()).unwrap()
    });
    let admission = Admission::open(log, Arc::new(NoBook), &settings, clock).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = InterceptedService::new(service::ingest(Arc::clone(&admission)), identify);
    let server = Server::builder()
        .initial_stream_window_size(service::STREAM_WINDOW)
        .initial_connection_window_size(service::CONNECTION_WINDOW)
        .add_service(service)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();

    let mut next = 0;
    let mut take = |count: u64| {
        next += count;
        next - count..next
    };
    println!("event: {} bytes", event(0).event.len());
    flood(endpoint.connect().await.unwrap(), take(20_000).map(event).collect()).await;
    let latencies = steady(endpoint.connect().await.unwrap(), 10_000, take(100_000)).await;
    println!(
        "10,000 events/s: acknowledgement p50 {} us, p99 {} us, p99.9 {} us, max {} us",
        latencies.value_at_quantile(0.5),
        latencies.value_at_quantile(0.99),
        latencies.value_at_quantile(0.999),
        latencies.max()
    );
    for streams in [1, 4] {
        let count = 400_000 / streams;
        let mut ready = Vec::new();
        for _ in 0..streams {
            ready.push((endpoint.connect().await.unwrap(), take(count).map(event).collect()));
        }
        let before = cpu();
        let running: Vec<_> = ready.into_iter().map(|(channel, events)| tokio::spawn(flood(channel, events))).collect();
        let mut longest = Duration::ZERO;
        for run in running {
            longest = longest.max(run.await.unwrap());
        }
        let rate = (count * streams) as f64 / longest.as_secs_f64();
        let each = (cpu() - before).as_secs_f64() * 1e6 / (count * streams) as f64;
        println!("{streams} stream(s): {rate:.0} events/s acknowledged durable, {each:.1} us of CPU each");
    }
    admission.close().await;
}
