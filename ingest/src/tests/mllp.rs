//! The MLLP listener as senders meet it: a real socket on loopback, over the embedded log.

use super::fixture::*;
use crate::hl7::Feed;
use crate::mllp::{Hl7Replayer, Line, MllpError, Settings, Speaker, serve_mllp};
use crate::{Admission, DoorError, Form, LocalDoor, Published};
use crate::{Aside, Door};
use event_log::EventLog;
use event_log::embedded::{EmbeddedConfig, EmbeddedLog};
use hl7v2::mllp::{Decoder, Frame, frame};
use hl7v2::{Message, Options};
use model::*;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(super) struct Node {
    pub(super) address: SocketAddr,
    pub(super) admission: Arc<Admission>,
    log: Arc<dyn EventLog>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), MllpError>>,
    _directory: tempfile::TempDir,
}

pub(super) fn feed() -> Feed {
    Feed { sending_facilities: vec!["HOSP".to_owned()], ..Feed::new(facility("hospital")) }
}

fn lines(feed: Feed, door: Arc<dyn Door>) -> HashMap<FacilityId, Line> {
    HashMap::from([(facility("hospital"), Line { feed, door })])
}

pub(super) fn set_up() -> Settings {
    Settings::new(Speaker::Port(facility("hospital")), clock())
}

impl Node {
    async fn start(settings: Settings) -> Self {
        Self::with(settings, feed()).await
    }
    pub(super) async fn with(settings: Settings, feed: Feed) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = EmbeddedConfig::new(directory.path().join("log"), NonZeroU32::new(4).unwrap());
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(&config).unwrap());
        let door = crate::Settings { quarantine_share: 1 << 20, ..super::fixture::settings(&directory) };
        let book = Arc::new(TestBook::default());
        let admission = Admission::open(Arc::clone(&log), book as _, &door, clock()).await.unwrap();
        let door: Arc<dyn Door> = Arc::new(LocalDoor::new(Arc::clone(&admission), hospital()));
        let lines = lines(feed, door);
        admission.replay_by(Form::Hl7v2, Arc::new(Hl7Replayer::new(lines.clone(), clock())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve_mllp(listener, lines, settings, async {
            let _ = stopped.await;
        }));
        Self { address, admission, log, stop, served, _directory: directory }
    }
    async fn connect(&self) -> Sender<TcpStream> {
        Sender { stream: TcpStream::connect(self.address).await.unwrap(), decoder: Decoder::new(1 << 20) }
    }
    pub(super) async fn letters(&self) -> u64 {
        self.log.end().await.unwrap().ahead_of(&Frontier::start())
    }
    fn kept(&self) -> u64 {
        self.admission.quarantined().events
    }
}

pub(super) struct Sender<S> {
    pub(super) stream: S,
    pub(super) decoder: Decoder,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sender<S> {
    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }
    /// The next answer; `None` when the listener has closed.
    pub(super) async fn answer(&mut self) -> Option<String> {
        let mut chunk = [0; 4096];
        loop {
            match self.decoder.next_frame() {
                Some(Frame::Message(bytes)) => return Some(String::from_utf8(bytes).unwrap()),
                Some(other) => panic!("{other:?}"),
                None => {}
            }
            let read = tokio::time::timeout(Duration::from_secs(20), self.stream.read(&mut chunk)).await.unwrap();
            // One that is gone without a word is gone.
            let read = read.unwrap_or(0);
            if read == 0 {
                return None;
            }
            self.decoder.feed(&chunk[..read]);
        }
    }
    pub(super) async fn ask(&mut self, message: &str) -> String {
        self.write(&frame(message.as_bytes())).await;
        self.answer().await.unwrap()
    }
}

/// A field of a segment of an answer.
pub(super) fn field(answer: &str, segment: &str, number: u16) -> String {
    let message = Message::parse(answer.as_bytes(), &Options::default()).unwrap();
    message.segment(segment).map(|segment| segment.field(number).raw().to_owned()).unwrap_or_default()
}

pub(super) fn result(control: &str, patient: &str, value: &str) -> String {
    format!(
        "MSH|^~\\&|LIS|HOSP|||20260401093000||ORU^R01|{control}|P|2.5\rPID|||{patient}\rOBR|1|A{control}||E^e^L\rOBX|1|NM|x^x^L||{value}|u|||||F\r"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_answered_when_it_is_durable() {
    let node = Node::start(set_up()).await;
    let mut sender = node.connect().await;
    let answer = sender.ask(&result("7", "1", "5")).await;
    assert_eq!((field(&answer, "MSA", 1), field(&answer, "MSA", 2)), ("AA".to_owned(), "7".to_owned()));
    assert_eq!(field(&answer, "MSH", 6), "HOSP");
    assert_eq!(node.letters().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_at_once_are_answered_in_their_order() {
    let node = Node::start(set_up()).await;
    let mut sender = node.connect().await;
    let stream: Vec<u8> =
        (0..2000).flat_map(|i| frame(result(&i.to_string(), &(i % 7).to_string(), "5").as_bytes())).collect();
    let (mut reading, mut writing) = sender.stream.split();
    let written = async { writing.write_all(&stream).await.unwrap() };
    let read = async {
        let mut chunk = vec![0; 64 << 10];
        let mut answers = Vec::new();
        while answers.len() < 2000 {
            let read = reading.read(&mut chunk).await.unwrap();
            assert_ne!(read, 0);
            sender.decoder.feed(&chunk[..read]);
            while let Some(Frame::Message(bytes)) = sender.decoder.next_frame() {
                answers.push(field(std::str::from_utf8(&bytes).unwrap(), "MSA", 2));
            }
        }
        answers
    };
    let ((), answers) = tokio::join!(written, read);
    assert_eq!(answers, (0..2000).map(|i| i.to_string()).collect::<Vec<_>>());
    assert_eq!(node.letters().await, 2000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_again_is_answered_again_and_is_one_event() {
    let node = Node::start(set_up()).await;
    let (mut one, mut other) = (node.connect().await, node.connect().await);
    for sender in [&mut one, &mut other] {
        for _ in 0..3 {
            assert_eq!(field(&sender.ask(&result("7", "1", "5")).await, "MSA", 1), "AA");
        }
    }
    assert_eq!(node.letters().await, 1);
    // The same control id with another content is another message.
    assert_eq!(field(&one.ask(&result("7", "1", "6")).await, "MSA", 1), "AA");
    assert_eq!(node.letters().await, 2);
    // What is wrong stays wrong, and is kept once.
    for _ in 0..3 {
        assert_eq!(field(&one.ask(&result("8", "", "5")).await, "MSA", 1), "AE");
    }
    assert_eq!(node.kept(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_its_place_and_kept() {
    let node = Node::start(set_up()).await;
    let mut sender = node.connect().await;
    let answer = sender.ask(&format!("{}OBX|2|NM|||5|u|||||F\r", result("7", "1", "5"))).await;
    assert_eq!(field(&answer, "MSA", 1), "AE");
    assert_eq!(field(&answer, "ERR", 2), "OBX^2^3");
    assert_eq!(field(&answer, "ERR", 3), "101^Required field missing^HL70357");
    // The good result beside it is durable.
    assert_eq!((node.letters().await, node.kept()), (1, 1));
    let answer = sender.ask("no message").await;
    assert_eq!((field(&answer, "MSA", 1), field(&answer, "ERR", 2)), ("AE".to_owned(), "MSH^1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_is_turned_away_and_not_kept() {
    let node = Node::start(set_up()).await;
    let mut sender = node.connect().await;
    let answer = sender.ask(&result("7", "1", "5").replace("|HOSP|", "|OTHER|")).await;
    assert_eq!((field(&answer, "MSA", 1), field(&answer, "ERR", 2)), ("AR".to_owned(), "MSH^1^4".to_owned()));
    assert_eq!((node.letters().await, node.kept()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_nothing_is_made_of_is_kept_aside_and_accepted() {
    let node = Node::start(set_up()).await;
    let mut sender = node.connect().await;
    let answer = sender.ask(&result("7", "1", "5").replace("ORU^R01", "SIU^S12")).await;
    assert_eq!((field(&answer, "MSA", 1), field(&answer, "ERR", 4)), ("AA".to_owned(), "I".to_owned()));
    assert_eq!((node.letters().await, node.kept()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enhanced_sender_gets_the_answers_it_wants() {
    let node = Node::start(set_up()).await;
    let mut sender = node.connect().await;
    let wanting = |control: &str, conditions: &str| {
        result(control, "1", "5").replacen("|P|2.5", &format!("|P|2.5|||{conditions}"), 1)
    };
    let both = sender.ask(&wanting("1", "AL|AL")).await;
    assert_eq!(field(&both, "MSA", 1), "CA");
    assert_eq!(field(&sender.answer().await.unwrap(), "MSA", 1), "AA");
    assert_eq!(field(&sender.ask(&wanting("2", "AL|NE")).await, "MSA", 1), "CA");
    // One that wants errors only hears nothing of a success: the next answer is the next message's.
    sender.write(&frame(wanting("3", "ER|ER").as_bytes())).await;
    assert_eq!(field(&sender.ask(&wanting("4", "NE|AL")).await, "MSA", 2), "4");
    assert_eq!(node.letters().await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_does_not_end_the_connection() {
    let node = Node::start(Settings { largest: 10_000, ..set_up() }).await;
    let mut sender = node.connect().await;
    let large = format!("{}NTE|1||{}\r", result("7", "1", "5"), "x".repeat(20_000));
    let answer = sender.ask(&large).await;
    assert_eq!((field(&answer, "MSA", 1), field(&answer, "MSA", 2)), ("AE".to_owned(), "7".to_owned()));
    assert!(field(&answer, "ERR", 3).starts_with("104"), "{answer}");
    assert_eq!(field(&sender.ask(&result("8", "1", "5")).await, "MSA", 1), "AA");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_closed() {
    let node = Node::start(Settings { idle: Duration::from_millis(50), ..set_up() }).await;
    let mut sender = node.connect().await;
    sender.write(b"\x0bMSH|^~").await;
    assert_eq!(sender.answer().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_has_come_and_closes() {
    let node = Node::start(set_up()).await;
    let mut sender = node.connect().await;
    assert_eq!(field(&sender.ask(&result("1", "1", "5")).await, "MSA", 1), "AA");
    node.stop.send(()).unwrap();
    node.served.await.unwrap().unwrap();
    assert_eq!(sender.answer().await, None);
    assert!(TcpStream::connect(node.address).await.is_err());
    // Everything that was acknowledged is there.
    assert_eq!(node.log.end().await.unwrap().ahead_of(&Frontier::start()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_is_shut_lets_the_sender_try_again() {
    let node = Node::start(set_up()).await;
    let mut sender = node.connect().await;
    node.admission.stop();
    let answer = sender.ask(&result("7", "1", "5")).await;
    assert_eq!((field(&answer, "MSA", 1), node.letters().await), ("AR".to_owned(), 0));
    assert!(field(&answer, "ERR", 3).starts_with("207"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_message_can_be_mended_and_read_anew() {
    let node = Node::start(set_up()).await;
    let mut sender = node.connect().await;
    assert_eq!(field(&sender.ask(&result("7", "", "5")).await, "MSA", 1), "AE");
    let replayer = node.admission.replayer(Form::Hl7v2.code()).unwrap();
    let mended = result("7", "1", "5");
    let positions = replayer.replay(&hospital(), "7", mended.clone().into()).await.unwrap().unwrap();
    assert_eq!((positions.len(), node.letters().await), (1, 1));
    let again = replayer.replay(&hospital(), "7", result("7", "", "5").into()).await.unwrap().unwrap_err();
    assert_eq!(again.field, "PID^1^3");
    // Its sender mends it too: one event.
    assert_eq!(field(&sender.ask(&mended).await, "MSA", 1), "AA");
    assert_eq!(node.letters().await, 1);
}

/// A door that never opens.
struct Shut(FacilityId);
#[tonic::async_trait]
impl Door for Shut {
    fn facility(&self) -> &FacilityId {
        &self.0
    }
    async fn publish(&self, _: Vec<bytes::Bytes>) -> Result<Vec<Published>, DoorError> {
        Err(DoorError { reason: "shut".to_owned() })
    }
    async fn republish(&self, _: bytes::Bytes) -> Result<Published, DoorError> {
        Err(DoorError { reason: "shut".to_owned() })
    }
    async fn set_aside(&self, _: Vec<Aside>) -> Result<(), DoorError> {
        Err(DoorError { reason: "shut".to_owned() })
    }
}

#[tokio::test]
async fn a_listener_that_would_show_patients_to_the_network_does_not_listen() {
    let door: Arc<dyn Door> = Arc::new(Shut(facility("hospital")));
    let serve = async |address: &str, settings: Settings| {
        let listener = TcpListener::bind(address).await.unwrap();
        serve_mllp(listener, lines(feed(), Arc::clone(&door)), settings, std::future::ready(())).await
    };
    assert!(matches!(serve("0.0.0.0:0", set_up()).await, Err(MllpError::ClearText { .. })));
    let by_certificate = Settings { speaker: Speaker::Certificate(Arc::new(|_| None)), ..set_up() };
    assert!(matches!(serve("127.0.0.1:0", by_certificate).await, Err(MllpError::NoCertificates)));
    let elsewhere = Settings { speaker: Speaker::Port(facility("clinic")), ..set_up() };
    assert!(matches!(serve("127.0.0.1:0", elsewhere).await, Err(MllpError::UnknownFacility { .. })));
    assert!(serve("127.0.0.1:0", set_up()).await.is_ok());
}
