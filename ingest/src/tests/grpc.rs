//! The services as callers meet them: a real server on loopback, over the embedded log.

use super::fixture::*;
use crate::service;
use crate::{Admission, Settings};
use event_log::EventLog;
use event_log::embedded::{EmbeddedConfig, EmbeddedLog};
use model::*;
use prost::Message as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Status};
use wire::v1;
use wire::v1::consent_service_client::ConsentServiceClient;
use wire::v1::directory_service_client::DirectoryServiceClient;
use wire::v1::ingest_service_client::IngestServiceClient;
use wire::v1::publish_response::Outcome;

/// Stands where the hall's identity layer will: the principal from `caller: facility/role`.
#[derive(Clone)]
struct Identity;

impl Interceptor for Identity {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let caller = request.metadata().get("caller").and_then(|value| value.to_str().ok()).map(str::to_owned);
        if let Some((at, role)) = caller.as_deref().and_then(|caller| caller.split_once('/')) {
            let mut principal = caller_as(at, role);
            principal.member = (principal.role == Role::Clerk).then(|| member_id("m-clerk"));
            request.extensions_mut().insert(principal);
        }
        Ok(request)
    }
}
fn caller_as(at: &str, role: &str) -> Principal {
    caller(at, role.parse().unwrap())
}

/// Says who calls.
#[derive(Clone)]
struct As(&'static str);

impl Interceptor for As {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if !self.0.is_empty() {
            request.metadata_mut().insert("caller", MetadataValue::from_static(self.0));
        }
        Ok(request)
    }
}

struct Node {
    channel: Channel,
    admission: Arc<Admission>,
    book: Arc<TestBook>,
    log: Arc<dyn EventLog>,
    _directory: tempfile::TempDir,
}

type Client = InterceptedService<Channel, As>;

impl Node {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = EmbeddedConfig::new(directory.path().join("log"), NonZeroU32::new(4).unwrap());
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(&config).unwrap());
        let book = Arc::new(TestBook::default());
        let settings = Settings { quarantine_share: 1 << 20, ..settings(&directory) };
        let admission = Admission::open(Arc::clone(&log), Arc::clone(&book) as _, &settings, clock()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder()
            .add_service(InterceptedService::new(service::ingest(Arc::clone(&admission)), Identity))
            .add_service(InterceptedService::new(service::consents(Arc::clone(&admission)), Identity))
            .add_service(InterceptedService::new(service::directory(Arc::clone(&admission)), Identity))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { channel, admission, book, log, _directory: directory }
    }
    fn ingest(&self, who: &'static str) -> IngestServiceClient<Client> {
        IngestServiceClient::with_interceptor(self.channel.clone(), As(who))
    }
    fn consents(&self, who: &'static str) -> ConsentServiceClient<Client> {
        ConsentServiceClient::with_interceptor(self.channel.clone(), As(who))
    }
    fn directory(&self, who: &'static str) -> DirectoryServiceClient<Client> {
        DirectoryServiceClient::with_interceptor(self.channel.clone(), As(who))
    }
    async fn publish(&self, events: Vec<v1::PublishRequest>) -> Vec<v1::PublishResponse> {
        let mut answers =
            self.ingest("hospital/system").publish(tokio_stream::iter(events)).await.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(answer) = answers.message().await.unwrap() {
            all.push(answer);
        }
        all
    }
}

fn request(event: &Event) -> v1::PublishRequest {
    v1::PublishRequest { event: wire::write_event(event), traceparent: String::new() }
}
fn garbage() -> v1::PublishRequest {
    v1::PublishRequest { event: "garbage".into(), traceparent: String::new() }
}
#[track_caller]
fn accepted(response: &v1::PublishResponse) -> (v1::Position, bool) {
    match &response.outcome {
        Some(Outcome::Accepted(v1::Accepted { position, duplicate })) => (position.unwrap(), *duplicate),
        other => panic!("{other:?}"),
    }
}
#[track_caller]
fn refused(response: &v1::PublishResponse) -> &v1::Refused {
    match &response.outcome {
        Some(Outcome::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_answers_every_event_in_order() {
    let node = Node::start().await;
    let sent: Vec<Event> = (0..5000).map(|i| event(&format!("e-{}", i % 4000), "x")).collect();
    let answers = node.publish(sent.iter().map(request).collect()).await;
    assert_eq!(answers.iter().map(|answer| answer.sequence).collect::<Vec<_>>(), (0..5000).collect::<Vec<_>>());
    for (i, answer) in answers.iter().enumerate() {
        let (position, duplicate) = accepted(answer);
        // One patient, one partition: offsets count the events in the order they were sent.
        assert_eq!((position.offset, duplicate), ((i % 4000) as u64, i >= 4000));
    }
    assert_eq!(node.log.end().await.unwrap().ahead_of(&Frontier::start()), 4000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_answered_while_the_stream_stays_open() {
    let node = Node::start().await;
    let (sender, events) = tokio::sync::mpsc::channel(1);
    let events = tokio_stream::wrappers::ReceiverStream::new(events);
    let mut answers = node.ingest("hospital/system").publish(events).await.unwrap().into_inner();
    for i in 0..3 {
        sender.send(request(&event(&format!("e-{i}"), "x"))).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(5), answers.message()).await.unwrap().unwrap().unwrap();
        assert_eq!(answer.sequence, i);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_event_gets_its_own_answer_and_the_stream_goes_on() {
    let node = Node::start().await;
    let events = vec![request(&event("e-1", "x")), garbage(), request(&event("e-2", "x"))];
    let answers = node.publish(events).await;
    accepted(&answers[0]);
    let refusal = refused(&answers[1]);
    assert_eq!((refusal.reason.as_str(), refusal.field.as_str()), ("unreadable", "event"));
    accepted(&answers[2]);

    let mut client = node.ingest("hospital/physician");
    let listed = client.list_quarantined(v1::ListQuarantinedRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.events.len(), 1);
    assert_eq!((&listed.events[0].id, &listed.events[0].reason), (&refusal.quarantine_id, &refusal.reason));
    let id = refusal.quarantine_id.clone();
    let kept = client.get_quarantined(v1::GetQuarantinedRequest { id }).await.unwrap().into_inner();
    assert_eq!(kept.bytes, "garbage");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantined_event_is_replayed_after_a_fix() {
    use v1::replay_quarantined_response::Outcome as Replayed;
    let node = Node::start().await;
    let refusal = refused(&node.publish(vec![garbage()]).await[0]).clone();
    let mut client = node.ingest("hospital/system");

    let as_it_is = v1::ReplayQuarantinedRequest { id: refusal.quarantine_id.clone(), replacement: "".into() };
    let again = client.replay_quarantined(as_it_is).await.unwrap().into_inner();
    assert_eq!(again.outcome, Some(Replayed::Refused(refusal.clone())));

    let mut versionless = v1::Event::from(&event("e-1", "x"));
    if let Some(v1::event::Body::Record(record)) = versionless.body.as_mut() {
        record.version = 0;
    }
    let replacement = versionless.encode_to_vec().into();
    let half = v1::ReplayQuarantinedRequest { id: refusal.quarantine_id.clone(), replacement };
    client.replay_quarantined(half).await.unwrap();
    let listed = client.list_quarantined(v1::ListQuarantinedRequest::default()).await.unwrap().into_inner();
    assert_eq!((listed.events[0].reason.as_str(), listed.events[0].field.as_str()), ("invalid", "record.version"));

    let fixed =
        v1::ReplayQuarantinedRequest { id: refusal.quarantine_id, replacement: request(&event("e-1", "x")).event };
    let admitted = client.replay_quarantined(fixed).await.unwrap().into_inner();
    assert!(matches!(admitted.outcome, Some(Replayed::Accepted(v1::Accepted { duplicate: false, .. }))));
    let listed = client.list_quarantined(v1::ListQuarantinedRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.events, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_shows_its_own_facility_only() {
    let node = Node::start().await;
    let id = refused(&node.publish(vec![garbage()]).await[0]).quarantine_id.clone();
    let get = || v1::GetQuarantinedRequest { id: id.clone() };
    let code =
        |result: Result<_, Status>| result.map(|_: tonic::Response<v1::GetQuarantinedResponse>| ()).unwrap_err().code();
    assert_eq!(code(node.ingest("clinic/system").get_quarantined(get()).await), Code::NotFound);
    for who in ["hospital/clerk", "hospital/administrator", "hospital/auditor", "hospital/patient"] {
        assert_eq!(code(node.ingest(who).get_quarantined(get()).await), Code::PermissionDenied, "{who}");
    }
    let discard = || v1::DiscardQuarantinedRequest { id: id.clone() };
    let status = node.ingest("hospital/physician").discard_quarantined(discard()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    node.ingest("hospital/system").discard_quarantined(discard()).await.unwrap();
    assert_eq!(code(node.ingest("hospital/system").get_quarantined(get()).await), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_anonymous_door() {
    let node = Node::start().await;
    let status = node.ingest("").publish(tokio_stream::iter([request(&event("e-1", "x"))])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let status = node.ingest("").publish_batch(v1::PublishBatchRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let status = node.consents("").list(v1::ListConsentsRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let status = node.directory("").list_facilities(v1::ListFacilitiesRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let status = node.ingest("hospital/patient").publish(tokio_stream::iter([])).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_answered_one_by_one() {
    let node = Node::start().await;
    let events = vec![request(&event("e-1", "x")), garbage(), request(&event("e-1", "x"))];
    let batch = v1::PublishBatchRequest { events };
    let responses = node.ingest("hospital/system").publish_batch(batch).await.unwrap().into_inner().responses;
    assert!(!accepted(&responses[0]).1);
    refused(&responses[1]);
    assert_eq!(accepted(&responses[2]), (accepted(&responses[0]).0, true));
    let many = v1::PublishBatchRequest { events: vec![garbage(); 10_001] };
    let status = node.ingest("hospital/system").publish_batch(many).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_node_answers_what_is_under_way_and_ends_the_stream() {
    let node = Node::start().await;
    let (sender, events) = tokio::sync::mpsc::channel(16);
    let events = tokio_stream::wrappers::ReceiverStream::new(events);
    let mut answers = node.ingest("hospital/system").publish(events).await.unwrap().into_inner();
    sender.send(request(&event("e-1", "x"))).await.unwrap();
    accepted(&answers.message().await.unwrap().unwrap());
    node.admission.stop();
    let end = tokio::time::timeout(Duration::from_secs(5), answers.message()).await.unwrap();
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_may_carry_its_own_trace() {
    let node = Node::start().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let own = v1::PublishRequest { traceparent: parent.into(), ..request(&event("e-1", "x")) };
    let malformed = v1::PublishRequest { traceparent: "nonsense".into(), ..request(&event("e-2", "x")) };
    let answers = node.publish(vec![own, malformed]).await;
    let at = Position::from(accepted(&answers[0]).0);
    let read = node.log.read(at.partition, at.offset, event_log::ReadLimit::default(), Duration::ZERO).await.unwrap();
    assert_eq!(read[0].letter.trace.as_ref().unwrap().traceparent(), parent);
    assert_eq!(read[1].letter.trace, None);
}

// === consents and the directory ===

async fn body_at(node: &Node, position: v1::Position) -> Body {
    let at = Position::from(position);
    let read = node.log.read(at.partition, at.offset, event_log::ReadLimit::default(), Duration::ZERO).await.unwrap();
    wire::read_event(read[0].letter.payload.clone()).unwrap().body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_given_once_per_request_and_says_where_it_lies() {
    let node = Node::start().await;
    let given = consent("c-1", ConsentState::Active);
    let request = v1::GiveConsentRequest { consent: Some((&given).into()), request_id: "form 7".replace(' ', "-") };
    let first = node.consents("hospital/clerk").give(request.clone()).await.unwrap().into_inner();
    let position = first.position.unwrap();
    assert_eq!(body_at(&node, position).await, Body::Consent(ConsentChange::Given(given)));
    assert!(Frontier::from(first.at_least.unwrap()).includes(position.into()));

    let again = node.consents("hospital/clerk").give(request.clone()).await.unwrap().into_inner();
    assert_eq!((again.position, again.duplicate), (Some(position), true));
    let other = v1::GiveConsentRequest { consent: Some((&consent("c-2", ConsentState::Active)).into()), ..request };
    let status = node.consents("hospital/clerk").give(other).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_consent_names_field_and_rule() {
    let node = Node::start().await;
    let give = |consent: Option<v1::Consent>| v1::GiveConsentRequest { consent, request_id: String::new() };
    let status = node.consents("hospital/clerk").give(give(None)).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "`consent`: is required"));
    let mut odd = v1::Consent::from(&consent("c-1", ConsentState::Active));
    odd.categories = vec![99];
    let status = node.consents("hospital/clerk").give(give(Some(odd))).await.unwrap_err();
    assert_eq!(status.message(), "`consent.categories[0]`: number 99 is not a known category");
    let active = v1::Consent::from(&consent("c-1", ConsentState::Active));
    let status = node.consents("clinic/clerk").give(give(Some(active))).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("not_discloser"), "{}", status.message());
}

fn withdrawal(id: &str) -> v1::Withdrawal {
    let patient = Some((&patient("hospital", "1")).into());
    v1::Withdrawal { id: id.into(), patient, withdrawn_us: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_waits_for_the_book_to_know_the_consent() {
    let node = Node::start().await;
    let book = Arc::clone(&node.book);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        book.0.lock().consents.push(standing(consent("c-1", ConsentState::Active)));
    });
    let request = v1::WithdrawConsentRequest { withdrawal: Some(withdrawal("c-1")), request_id: String::new() };
    let stored = node.consents("clinic/clerk").withdraw(request).await.unwrap().into_inner();
    let expected =
        Withdrawal { id: ConsentId::parse("c-1").unwrap(), patient: patient("hospital", "1"), withdrawn_at: now() };
    assert_eq!(body_at(&node, stored.position.unwrap()).await, Body::Consent(ConsentChange::Withdrawn(expected)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_by_a_stranger_finds_nothing() {
    let node = Node::start().await;
    node.book.0.lock().consents.push(standing(consent("c-1", ConsentState::Active)));
    let request = |id| v1::WithdrawConsentRequest { withdrawal: Some(withdrawal(id)), request_id: String::new() };
    for (who, id) in [("pharmacy/system", "c-1"), ("hospital/clerk", "c-unknown")] {
        let status = node.consents(who).withdraw(request(id)).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{who} {id}");
    }
    let mut repeatable = request("c-1");
    repeatable.request_id = "r-1".into();
    let status = node.consents("hospital/clerk").withdraw(repeatable).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::InvalidArgument, "`withdrawal.withdrawn_us`: is required when `request_id` is given")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn consents_are_read_by_those_with_a_part_in_them() {
    let node = Node::start().await;
    {
        let mut lists = node.book.0.lock();
        for i in 0..5 {
            lists.consents.push(standing(consent(&format!("c-{i}"), ConsentState::Active)));
        }
        let taken_elsewhere = Consent { taken_by: facility("pharmacy"), ..consent("c-5", ConsentState::Draft) };
        lists.consents.push(standing(taken_elsewhere));
        let gone = Standing { withdrawn_at: Some(now()), ..standing(consent("c-6", ConsentState::Active)) };
        lists.consents.push(gone);
    }
    use crate::Standing;
    async fn ids(node: &Node, who: &'static str, mut request: v1::ListConsentsRequest) -> Vec<String> {
        let mut ids = Vec::new();
        loop {
            let page = node.consents(who).list(request.clone()).await.unwrap().into_inner();
            ids.extend(page.consents.into_iter().map(|entry| entry.consent.unwrap().id));
            if page.next_page.is_empty() {
                return ids;
            }
            request.page = page.next_page;
        }
    }
    let all = v1::ListConsentsRequest { page_size: 2, ..Default::default() };
    assert_eq!(ids(&node, "hospital/clerk", all.clone()).await, ["c-0", "c-1", "c-2", "c-3", "c-4", "c-5", "c-6"]);
    assert_eq!(ids(&node, "clinic/nurse", all.clone()).await.len(), 7);
    assert_eq!(ids(&node, "pharmacy/pharmacist", all.clone()).await, ["c-5"]);
    assert!(ids(&node, "stranger/physician", all.clone()).await.is_empty());
    let active = v1::ListConsentsRequest { active_only: true, ..Default::default() };
    assert_eq!(ids(&node, "hospital/clerk", active).await.len(), 5);
    let other = v1::ListConsentsRequest { patient: Some((&patient("hospital", "2")).into()), ..Default::default() };
    assert!(ids(&node, "hospital/clerk", other).await.is_empty());

    for who in ["hospital/administrator", "hospital/auditor", "hospital/patient"] {
        let status = node.consents(who).list(all.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{who}");
    }
    let get = || v1::GetConsentRequest { id: "c-5".into() };
    assert!(node.consents("pharmacy/system").get(get()).await.is_ok());
    assert_eq!(node.consents("stranger/system").get(get()).await.unwrap_err().code(), Code::NotFound);
}

fn glass(id: &str, at: &str, of: &PatientRef, review: Option<ReviewOutcome>) -> crate::GlassStanding {
    let (member, until) = (member_id("dr-sato"), now().plus_micros(BreakGlass::LONGEST));
    let (id, at) = (GlassId::parse(id).unwrap(), facility(at));
    let reviewed = |outcome| BreakGlassReview {
        id: id.clone(),
        facility: at.clone(),
        patient: of.clone(),
        reviewer: member_id("m-clerk"),
        outcome,
        text: String::new(),
        at: now(),
    };
    let review = review.map(reviewed);
    let reason = "意識障害".to_owned();
    let glass = BreakGlass::new(id, at, member, Role::Physician, of.clone(), reason, now(), until).unwrap();
    let refused = review.as_ref().is_some_and(|review| review.outcome == ReviewOutcome::Unjustified);
    crate::GlassStanding { glass, position: Position::new(1, 0), end: None, review, refused }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_glasses_are_listed_to_both_ends_and_the_review_queue_first() {
    use ReviewOutcome::{Justified, Unjustified};
    let node = Node::start().await;
    let (ours, theirs) = (patient("hospital", "1"), patient("pharmacy", "1"));
    node.book.0.lock().glasses = vec![
        glass("g-0", "clinic", &ours, Some(Justified)),
        glass("g-1", "clinic", &ours, None),
        glass("g-2", "hospital", &theirs, None),
        glass("g-3", "clinic", &ours, Some(Unjustified)),
        glass("g-4", "clinic", &ours, None),
        glass("g-5", "clinic", &theirs, None),
    ];
    let list = async |who: &'static str, request: v1::ListGlassesRequest| {
        let listed = node.consents(who).list_glasses(request).await.unwrap().into_inner();
        listed.glasses.into_iter().map(|entry| (entry.glass.unwrap().id, entry.open)).collect::<Vec<_>>()
    };
    let told = |told: &[(&str, bool)]| told.iter().map(|(id, open)| ((*id).to_owned(), *open)).collect::<Vec<_>>();
    let all = v1::ListGlassesRequest::default();
    let whole = [("g-1", true), ("g-4", true), ("g-2", true), ("g-0", true), ("g-3", false)];
    assert_eq!(list("hospital/clerk", all).await, told(&whole));
    assert_eq!(list("clinic/physician", all).await.len(), 5);
    assert_eq!(list("stranger/physician", all).await, []);
    let queue = v1::ListGlassesRequest { waiting_only: true, own_patients_only: true, page_size: 1 };
    assert_eq!(list("hospital/clerk", queue).await, told(&whole[..2]), "a queue hides nothing");
    assert_eq!(list("clinic/clerk", queue).await, [], "none was broken over its own patients");
    let one = v1::ListGlassesRequest { page_size: 3, ..all };
    assert_eq!(list("hospital/clerk", one).await, told(&whole[..3]));
    let refused = node.consents("hospital/patient").list_glasses(all).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_glass_that_was_broken_is_reviewed() {
    let node = Node::start().await;
    let ours = patient("hospital", "1");
    let stated = |id: &str, of: &PatientRef| {
        let review = glass(id, "clinic", of, Some(ReviewOutcome::Justified)).review.unwrap();
        let review = v1::BreakGlassReview { reviewer: String::new(), ..(&review).into() };
        v1::ReviewGlassRequest { review: Some(review), request_id: String::new() }
    };
    let review = async |request| node.consents("hospital/clerk").review_glass(request).await.map(|_| ());
    // It may come to be known while it is asked about.
    let book = node.book.clone();
    let (known, later) = (glass("g-1", "clinic", &ours, None), std::time::Duration::from_millis(200));
    tokio::spawn(async move {
        tokio::time::sleep(later).await;
        book.0.lock().glasses = vec![known];
    });
    review(stated("g-1", &ours)).await.unwrap();
    for unknown in [stated("g-2", &ours), stated("g-1", &patient("hospital", "2"))] {
        assert_eq!(review(unknown).await.unwrap_err().code(), Code::NotFound);
    }
    let others = review(stated("g-1", &patient("pharmacy", "1"))).await.unwrap_err();
    assert_eq!(others.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_is_changed_and_read() {
    let node = Node::start().await;
    let hospital = Facility {
        id: facility("hospital"),
        kind: FacilityKind::Hospital,
        name: "病院".into(),
        name_en: String::new(),
        status: FacilityStatus::Active,
    };
    let put = v1::PutFacilityRequest { facility: Some((&hospital).into()), request_id: String::new() };
    let stored = node.directory("operator/administrator").put_facility(put.clone()).await.unwrap().into_inner();
    let position = stored.position.unwrap();
    assert_eq!(position.partition, 0);
    let expected = Body::Directory(DirectoryChange::Facility(hospital.clone()));
    assert_eq!(body_at(&node, position).await, expected);
    let status = node.directory("hospital/system").put_facility(put).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);

    node.book.0.lock().facilities.push(hospital.clone());
    let listed = node.directory("hospital/patient").list_facilities(v1::ListFacilitiesRequest {}).await.unwrap();
    assert_eq!(listed.into_inner().facilities, [v1::Facility::from(&hospital)]);

    let get = || v1::GetScopeRequest { facility: "hospital".into() };
    let status = node.directory("clinic/system").get_scope(get()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(node.directory("hospital/system").get_scope(get()).await.unwrap_err().code(), Code::NotFound);
    let scope = DisclosureScope::of(facility("hospital"), Vec::new());
    node.book.0.lock().scopes.push(scope.clone());
    let read = node.directory("operator/administrator").get_scope(get()).await.unwrap().into_inner();
    assert_eq!(read, v1::DisclosureScope::from(&scope));

    let list = || v1::ListMembersRequest { facility: "hospital".into() };
    assert!(node.directory("hospital/nurse").list_members(list()).await.is_ok());
    let status = node.directory("clinic/nurse").list_members(list()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_made_taken_back_and_listed_by_their_ends() {
    let node = Node::start().await;
    let made = link("l-1", &patient("hospital", "1"), &patient("clinic", "9"));
    let mut unsigned = v1::Link::from(&made);
    unsigned.confirmed_by.clear();
    unsigned.confirmed_us = None;
    let request = v1::LinkRequest { link: Some(unsigned), request_id: String::new() };
    let status = node.directory("clinic/system").link(request.clone()).await.unwrap_err();
    assert!(status.message().contains("`link.confirmed_by`: is required"), "{}", status.message());
    let stored = node.directory("clinic/clerk").link(request).await.unwrap().into_inner();
    let expected = Link { confirmed_by: member_id("m-clerk"), ..made.clone() };
    let expected = Body::Directory(DirectoryChange::Link(LinkChange::Linked(expected)));
    assert_eq!(body_at(&node, stored.position.unwrap()).await, expected);

    node.book.0.lock().links.push(made);
    node.book.0.lock().links.push(link("l-2", &patient("hospital", "2"), &patient("pharmacy", "9")));
    async fn ids(node: &Node, who: &'static str) -> Vec<String> {
        let page = node.directory(who).list_links(v1::ListLinksRequest::default()).await.unwrap().into_inner();
        page.links.into_iter().map(|link| link.id).collect()
    }
    assert_eq!(ids(&node, "hospital/clerk").await, ["l-1", "l-2"]);
    assert_eq!(ids(&node, "clinic/clerk").await, ["l-1"]);
    let status =
        node.directory("operator/administrator").list_links(v1::ListLinksRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);

    let unlink = v1::Unlink { id: "l-1".into(), by: String::new(), at_us: None };
    let request = v1::UnlinkRequest { unlink: Some(unlink), request_id: String::new() };
    let status = node.directory("pharmacy/clerk").unlink(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    node.directory("hospital/clerk").unlink(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_brings_what_it_held_and_learns_what_the_node_keeps_aside() {
    use crate::edge::{Answered, GrpcLine, Held, Line};
    let node = Node::start().await;
    let mut line = GrpcLine::new(node.ingest("hospital/system"));
    let held = |place, event| Held { place, since: now(), event };
    let batch = [held(0, request(&event("e-1", "x")).event), held(1, garbage().event)];
    let answers = line.send(&batch, true).await.unwrap();
    assert!(matches!(answers[..], [Answered::Durable(_), Answered::Refused]), "{answers:?}");
    // Sent again, as after a lost answer: the same event once, and what was refused is refused again.
    assert_eq!(line.send(&batch, true).await.unwrap(), answers);
    assert_eq!(node.log.end().await.unwrap().ahead_of(&Frontier::start()), 1);
    let mut stranger = GrpcLine::new(node.ingest("hospital/patient"));
    assert!(stranger.send(&batch, false).await.is_err());
}

#[tokio::test]
async fn what_is_rehearsed_is_refused_in_the_words_of_the_real_thing_and_stores_nothing() {
    let node = Node::start().await;
    let known = consent("c-1", ConsentState::Active);
    node.book.0.lock().consents.push(standing(known.clone()));
    let linked = link("l-1", &patient("hospital", "1"), &patient("clinic", "1"));
    node.book.0.lock().links.push(linked.clone());
    let rehearse = |who: &str, body: Body| {
        let (at, role) = who.split_once('/').unwrap();
        let said = service::rehearse(&node.admission, &caller_as(at, role), body);
        said.map(|_| ()).map_err(|status| (status.code(), status.message().to_owned()))
    };
    let real = |status: Status| (status.code(), status.message().to_owned());

    let given = Body::Consent(ConsentChange::Given(known.clone()));
    for who in ["stranger/system", "clinic/system", "hospital/patient"] {
        let request = v1::GiveConsentRequest { consent: Some((&known).into()), request_id: String::new() };
        let refused = real(node.consents(who).give(request).await.unwrap_err());
        assert_eq!(rehearse(who, given.clone()), Err(refused), "{who}");
    }
    for (who, id) in [("stranger/system", "c-1"), ("hospital/system", "c-9")] {
        let mut said = withdrawal(id);
        said.withdrawn_us = Some(now().micros());
        let body = Body::Consent(ConsentChange::Withdrawn(Withdrawal::try_from(said.clone()).unwrap()));
        let request = v1::WithdrawConsentRequest { withdrawal: Some(said), request_id: String::new() };
        let refused = real(node.consents(who).withdraw(request).await.unwrap_err());
        assert_eq!(rehearse(who, body), Err(refused), "{who} {id}");
    }
    let unlink = Unlink { id: linked.id.clone(), by: member_id("m-1"), at: now() };
    let body = Body::Directory(DirectoryChange::Link(LinkChange::Unlinked(unlink.clone())));
    let request = v1::UnlinkRequest { unlink: Some((&unlink).into()), request_id: String::new() };
    let refused = real(node.directory("stranger/system").unlink(request).await.unwrap_err());
    assert_eq!(rehearse("stranger/system", body.clone()), Err(refused));

    assert_eq!(rehearse("hospital/system", given), Ok(()));
    assert_eq!(rehearse("clinic/system", body), Ok(()));
    let stored: u64 = node.log.end().await.unwrap().iter().map(|(_, next)| next.0).sum();
    assert_eq!(stored, 0, "nothing is stored");
}
