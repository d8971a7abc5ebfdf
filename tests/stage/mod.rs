//! A node with beds that are monitored: what tests of beds begin with.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands, also in its helpers")]
#![allow(dead_code, reason = "each test uses what it needs")]

pub mod ward;

use ajisai::bench;
use ajisai::bench::region::{self, Size};
use ajisai::rig::Rig;
use model::*;
use prost::Message as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wire::v1;
use wire::v1::ingest_service_client::IngestServiceClient;

/// Half a second at a time.
pub const FRAME: i64 = 500_000;

pub type Door = IngestServiceClient<ajisai::rig::Bearing>;

pub fn now() -> Moment {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    Moment::from_micros(i64::try_from(micros).unwrap()).unwrap()
}

/// Half a second of a bed: waves about 140, a contraction every three minutes with a deceleration at the first bed; twins at
/// the third.
pub fn frame(bed: u32, number: i64) -> Payload {
    let at = [number * 2, number * 2 + 1].map(|sample| sample as f32 / 4.0);
    let hill = |t: f32, begins: f32, lasts: f32| {
        let along = (t.rem_euclid(180.0) - begins) / lasts;
        if (0.0..1.0).contains(&along) { (along * std::f32::consts::PI).sin() } else { 0.0 }
    };
    let wave = |t: f32| 5.0 * (t * 0.33).sin() + 3.0 * (t * 0.81 + 1.0).sin() + (t * 2.7).sin();
    let fall = if bed == 0 { 38.0 } else { 0.0 };
    let channel = |code: &str, values: [f32; 2]| WaveformFrame {
        channel: WaveformChannel::from_code(code).unwrap(),
        samples: values.to_vec(),
        quality: vec![FrameQuality::Good; 2],
    };
    let mut frames = vec![
        channel("fhr1", at.map(|t| 140.0 + wave(t) - fall * hill(t, 75.0, 60.0))),
        channel("uc", at.map(|t| 10.0 + 55.0 * hill(t, 40.0, 70.0))),
        channel("mhr", at.map(|t| 82.0 + (t * 0.7).sin() * 2.0)),
    ];
    if bed == 2 {
        frames.push(channel("fhr2", at.map(|t| 152.0 + wave(t + 17.0))));
    }
    Payload::Waveform(Waveform {
        session: format!("session-{bed}"),
        device: format!("CTG-{bed}"),
        hertz: 4.0,
        sequence: u64::try_from(number).unwrap(),
        frames,
        hops: Hops::default(),
        held_back: false,
    })
}

pub fn opening(bed: u32, opened: Moment) -> Payload {
    let fetuses = if bed == 2 { vec!["A児".to_owned(), "B児".to_owned()] } else { vec!["児".to_owned()] };
    Payload::Bed(BedSession {
        session: format!("session-{bed}"),
        bed: format!("LDR {}", bed + 1),
        opened,
        closed: None,
        closing: String::new(),
        fetuses,
        devices: vec![format!("CTG-{bed}")],
    })
}

pub fn event(bed: u32, id: &str, at: Moment, payload: Payload) -> v1::PublishRequest {
    let source = region::source(0).unwrap();
    let patient = PatientRef::new(source.clone(), PatientNumber::parse(&region::number(bed)).unwrap());
    let record = Record::new(
        patient,
        RecordId::parse(id).unwrap(),
        Version::FIRST,
        Category::Waveform,
        at,
        at,
        Labels::NONE,
        None,
        Author { member: None, role: Role::System },
        ChangeKind::Upsert,
        Some(payload),
    );
    said(id, Body::Record(Box::new(record.unwrap())))
}

pub fn said(id: &str, body: Body) -> v1::PublishRequest {
    let key = EventKey { source: region::source(0).unwrap(), id: EventId::parse(id).unwrap() };
    let event = v1::Event::from(&Event { key, admitted_at: now(), body });
    v1::PublishRequest { event: event.encode_to_vec().into(), traceparent: String::new() }
}

pub async fn publish(door: &mut Door, events: Vec<v1::PublishRequest>) {
    let answers = door.publish_batch(v1::PublishBatchRequest { events }).await.unwrap().into_inner().responses;
    for answer in answers {
        let Some(v1::publish_response::Outcome::Accepted(_)) = answer.outcome else { panic!("refused: {answer:?}") };
    }
}

pub struct Monitor {
    pub on: Arc<AtomicBool>,
    pub task: tokio::task::JoinHandle<()>,
}

/// The monitor of one bed, twice a second, until it is cut.
pub fn monitor(mut door: Door, bed: u32, before: i64, begun: Moment) -> Monitor {
    let on = Arc::new(AtomicBool::new(true));
    let sends = on.clone();
    let task = tokio::spawn(async move {
        for number in before.. {
            let from = begun.plus_micros(number * FRAME);
            // a stretch is sent when its last sample was measured
            let due = from.plus_micros(FRAME).since(now());
            tokio::time::sleep(Duration::from_micros(u64::try_from(due).unwrap_or(0))).await;
            if sends.load(Ordering::Relaxed) {
                publish(&mut door, vec![event(bed, &format!("{bed}/{number}"), from, frame(bed, number))]).await;
            }
        }
    });
    Monitor { on, task }
}

pub fn withdrawal(bed: u32) -> v1::PublishRequest {
    let patient = PatientRef::new(region::source(0).unwrap(), PatientNumber::parse(&region::number(bed)).unwrap());
    let id = ConsentId::parse(&format!("c-0-{bed}")).unwrap();
    said(
        &format!("withdrawal-{bed}"),
        Body::Consent(ConsentChange::Withdrawn(Withdrawal { id, patient, withdrawn_at: now() })),
    )
}

/// The patient's consent for the first clinic, stated again with an end or without one.
pub fn ending(bed: u32, until: Option<Moment>) -> v1::PublishRequest {
    let patient = PatientRef::new(region::source(0).unwrap(), PatientNumber::parse(&region::number(bed)).unwrap());
    let viewers = vec![region::viewer(0).unwrap()];
    let mut consent = region::consent(&format!("c-0-{bed}"), patient, viewers, now()).unwrap();
    consent.period = Period::new(None, until).unwrap();
    said(&format!("ending-{bed}-{}", until.is_some()), Body::Consent(ConsentChange::Given(consent)))
}

/// A node with a clinic's physician, and a hospital's beds with what was before.
pub struct Stage {
    pub rig: Rig,
    pub physician: Principal,
    pub door: Door,
    pub beds: Vec<Monitor>,
    _directory: tempfile::TempDir,
}

pub async fn stage(size: Size, before: i64) -> Stage {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ajisai"));
    let rig = bench::raise(program, directory.path(), size, "").await.unwrap();
    let clinic = Rig::system(region::viewer(0).unwrap());
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    let member = ["directory", "member", "--id", "dr-sato", "--role", "physician", "--name", "佐藤"];
    let token = rig.token(&clinic).unwrap();
    let stated = Command::new(program).args(member).args(["--address", &address, "--token", &token]).output().unwrap();
    assert!(stated.status.success(), "{stated:?}");
    let physician = Principal { member: Some(MemberId::parse("dr-sato").unwrap()), role: Role::Physician, ..clinic };

    let channel = rig.channel(&Rig::system(region::source(0).unwrap())).await.unwrap();
    let mut door = IngestServiceClient::new(channel);
    let begun = now().plus_micros(-before * FRAME);
    let mut beds = Vec::new();
    for bed in 0..size.patients {
        let mut events = vec![event(bed, &format!("{bed}/bed"), begun, opening(bed, begun))];
        for number in 0..before {
            let from = begun.plus_micros(number * FRAME);
            events.push(event(bed, &format!("{bed}/{number}"), from, frame(bed, number)));
        }
        while !events.is_empty() {
            let some = events.drain(..events.len().min(500)).collect();
            publish(&mut door, some).await;
        }
        beds.push(monitor(door.clone(), bed, before, begun));
    }
    Stage { rig, physician, door, beds, _directory: directory }
}
