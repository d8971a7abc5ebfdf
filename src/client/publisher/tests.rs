use super::*;
use crate::client::Connection;
use event_log::MemoryLog;
use ingest::{Admission, Settings};
use model::{
    Author, Body, Category, ChangeKind, ConsentId, DisclosureScope, EventId, EventKey, Facility, FacilityId, Labels,
    Link, LinkId, Member, MemberId, Message, Moment, PatientNumber, PatientRef, Payload, Principal, Purpose, Record,
    RecordId, Role, Version,
};
use std::num::NonZeroU32;
use tokio_stream::wrappers::TcpListenerStream;

/// A book in which nothing is written: records need none.
#[derive(Debug)]
struct Blank;

impl ingest::DirectoryReader for Blank {
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

impl ingest::ConsentReader for Blank {
    fn consent(&self, _: &ConsentId) -> Option<ingest::Standing> {
        None
    }
    fn visit_consents(&self, _: &ingest::ConsentQuery<'_>, _: &mut dyn FnMut(&ingest::Standing) -> bool) {}
    fn visit_glasses(&self, _: &FacilityId, _: &mut dyn FnMut(&ingest::GlassStanding) -> bool) {}
}

fn hospital() -> Principal {
    Principal {
        facility: FacilityId::parse("hospital").unwrap(),
        member: None,
        role: Role::System,
        purpose: Purpose::Treatment,
    }
}

/// A real door over a log in memory, on a real socket; everybody who knocks is the hospital's system.
async fn door(place: &std::path::Path) -> Client {
    let log = Arc::new(MemoryLog::new(NonZeroU32::new(2).unwrap()));
    let settings =
        Settings { index: place.join("index"), quarantine: place.join("quarantine"), quarantine_share: 1 << 20 };
    let clock: event_log::Clock = Arc::new(|| Moment::parse("2026-04-01").unwrap());
    let admission = Admission::open(log, Arc::new(Blank), &settings, clock).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let layer = tonic::service::InterceptorLayer::new(|mut request: tonic::Request<()>| {
        request.extensions_mut().insert(hospital());
        Ok(request)
    });
    let server = tonic::transport::Server::builder().layer(layer).add_service(ingest::service::ingest(admission));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let asks = Connection::with_dev(&address, place, &hospital());
    Connection { token: Some("a.b.c".to_owned()), dev_dir: None, ..asks }.open().await.unwrap()
}

fn event(source: &str, number: u64) -> Event {
    let source = FacilityId::parse(source).unwrap();
    let moment = Moment::parse("2026-04-01").unwrap();
    let record = Record::new(
        PatientRef::new(source.clone(), PatientNumber::parse("42").unwrap()),
        RecordId::parse(&format!("r-{number}")).unwrap(),
        Version::FIRST,
        Category::Message,
        moment,
        moment,
        Labels::NONE,
        None,
        Author { member: None, role: Role::System },
        ChangeKind::Upsert,
        Some(Payload::Message(Message { subject: "検査".to_owned(), text: number.to_string() })),
    )
    .unwrap();
    let id = EventId::parse(&format!("e-{number}")).unwrap();
    Event { key: EventKey { source, id }, admitted_at: moment, body: Body::Record(Box::new(record)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_answered_in_order_and_a_refused_one_holds_up_no_other() {
    let place = tempfile::tempdir().unwrap();
    let client = door(place.path()).await;
    let answers: Arc<Mutex<Vec<(u64, Answer)>>> = Arc::default();
    let kept = answers.clone();
    let mut publisher = Publisher::open(&client, move |number, answer| kept.lock().unwrap().push((number, answer)));
    for number in 0..3_000 {
        let source = if number == 1_000 { "another-hospital" } else { "hospital" };
        publisher.send(&event(source, number)).await.unwrap();
    }
    publisher.send(&event("hospital", 7)).await.unwrap();
    let reached = publisher.finish().await.unwrap();
    let answers = answers.lock().unwrap();
    assert!(answers.iter().map(|(number, _)| *number).eq(0..3_001));
    for (number, answer) in answers.iter() {
        match number {
            1_000 => assert!(matches!(answer, Answer::Refused { reason, .. } if reason == "wrong_source")),
            3_000 => {
                assert!(matches!(answer, Answer::Duplicate(position) if Some(*position) == answers[7].1.position()))
            }
            _ => assert!(matches!(answer, Answer::Accepted(_)), "{number}: {answer:?}"),
        }
        assert!(answer.position().is_none_or(|position| reached.includes(position)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_goes_away_is_an_error_that_says_how_much_was_answered() {
    let place = tempfile::tempdir().unwrap();
    // A socket that takes the connection and never speaks HTTP/2, then closes.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            drop(socket);
        }
    });
    let asks = Connection::with_dev(&address, place.path(), &hospital());
    let client = Connection { token: Some("a.b.c".to_owned()), dev_dir: None, ..asks }.open().await.unwrap();
    let mut publisher = Publisher::open(&client, |_, _| {});
    publisher.send(&event("hospital", 1)).await.unwrap();
    let ended = publisher.finish().await.unwrap_err();
    assert!(ended.to_string().contains("0 of 1 events"), "{ended}");
}
