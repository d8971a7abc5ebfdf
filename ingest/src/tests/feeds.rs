//! A storage through the whole door: taken, replaced, withdrawn, refused, replayed, and accounted for.

use super::fixture::*;
use crate::completeness::{FeedBook, FeedKind, Item};
use crate::service::Ingest;
use crate::ss_mix2::{
    Body as FileBody, Cursor, FileName, Intake, Interpreter, Outcome, Progress, Reading, Said, Sweeper, Swept, Volume,
    note, survey,
};
use crate::{Form, LocalDoor, Refusal, RefusalReason};
use model::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tonic::{Request, Response};
use wire::v1;
use wire::v1::ingest_service_server::IngestService;

/// A language of one word a line: each is a record of that id.
struct Words;
impl Interpreter for Words {
    fn interpret(&self, name: &FileName, body: &FileBody) -> Result<Said, Refusal> {
        let text = std::str::from_utf8(body.bytes().unwrap()).unwrap();
        if text.contains('?') {
            return Err(Refusal::new(RefusalReason::Invalid, "line", "is a word"));
        }
        let whose = PatientRef::new(facility("hospital"), name.patient.clone());
        let record = |word: &str| {
            let mut record = record_of(&whose, word);
            record.id = RecordId::parse(&format!("{}:{word}", name.data.code())).unwrap();
            record.version = Version::new(u64::try_from(name.stamp.micros() * 1000).unwrap()).unwrap();
            record
        };
        Ok(Said { records: text.split_whitespace().map(record).collect(), kept: None })
    }
}

const FIRST: &str = "20111220103059000";
const SECOND: &str = "20111221103059000";

fn file(stamp: &str, flag: char) -> String {
    format!("9999013_20111220_OML-11_1_{stamp}_01_{flag}")
}

struct Ward {
    house: House,
    cursor: Arc<Cursor>,
    intake: Arc<Intake>,
    root: PathBuf,
}

impl Ward {
    async fn new() -> Self {
        let house = house().await;
        let root = house.directory.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let cursor = Arc::new(Cursor::open(&house.directory.path().join("cursor")).unwrap());
        let intake = Self::intake(&house, &cursor);
        Self { house, cursor, intake, root }
    }
    fn intake(house: &House, cursor: &Arc<Cursor>) -> Arc<Intake> {
        let door = Arc::new(LocalDoor::new(Arc::clone(&house.admission), hospital()));
        let runtime = tokio::runtime::Handle::current();
        let intake = Arc::new(Intake::new(Arc::clone(cursor), Arc::new(Words), door, runtime));
        house.admission.replay_by(Form::SsMix2, Arc::clone(&intake) as _);
        intake
    }
    fn volume(&self) -> Volume {
        Volume { label: "STD".to_owned(), root: self.root.clone() }
    }
    fn folder(&self) -> PathBuf {
        self.root.join("999/901/9999013/20111220/OML-11")
    }
    fn write(&self, name: &str, words: &str) {
        std::fs::create_dir_all(self.folder()).unwrap();
        std::fs::write(self.folder().join(name), words).unwrap();
    }
    fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.folder().join(from), self.folder().join(to)).unwrap();
    }
    async fn sweep(&self) -> Swept {
        let (volume, cursor, taker) = (self.volume(), Arc::clone(&self.cursor), Arc::clone(&self.intake));
        let work = move || {
            let (progress, stop) = (Progress::default(), AtomicBool::new(false));
            let (known, taker) = (cursor.as_ref(), taker.as_ref());
            let reading = Reading { threads: 3, settled: Duration::ZERO, ..Reading::default() };
            let sweeper =
                Sweeper { volume: &volume, known, reading: &reading, taker, progress: &progress, stop: &stop };
            sweeper.run().unwrap()
        };
        tokio::task::spawn_blocking(work).await.unwrap()
    }
    /// What stands, by the highest version of each record; and how many letters there are.
    async fn standing(&self) -> (Vec<String>, u64) {
        use event_log::{EventLog, ReadLimit};
        let mut latest: std::collections::BTreeMap<String, Record> = Default::default();
        for (partition, end) in self.house.log.end().await.unwrap().iter() {
            let mut from = Offset(0);
            while from < end {
                let letters = self.house.log.read(partition, from, ReadLimit::default(), Duration::ZERO).await.unwrap();
                for stored in letters {
                    from = stored.position.offset.next();
                    let Body::Record(record) = wire::read_event(stored.letter.payload).unwrap().body else { continue };
                    let id = record.id.as_str().to_owned();
                    if latest.get(&id).is_none_or(|before| before.version < record.version) {
                        latest.insert(id, *record);
                    }
                }
            }
        }
        let stands = |record: &Record| record.change() != ChangeKind::Delete;
        let ids = latest.into_iter().filter(|(_, record)| stands(record)).map(|(id, _)| id).collect();
        (ids, letters(&self.house.log).await)
    }
    fn service(&self) -> Ingest {
        Ingest::new(Arc::clone(&self.house.admission))
    }
}

fn ask_for<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(hospital());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_file_replaces_all_of_the_older_and_a_rename_to_deleted_withdraws_it() {
    let ward = Ward::new().await;
    ward.write(&file(FIRST, '1'), "na k cl");
    ward.sweep().await;
    assert_eq!(ward.standing().await, (vec!["OML-11:cl".into(), "OML-11:k".into(), "OML-11:na".into()], 3));

    // As the specification has it: the old file's flag turns to 2, the new one comes.
    ward.rename(&file(FIRST, '1'), &file(FIRST, '2'));
    ward.write(&file(SECOND, '1'), "na k ca");
    ward.sweep().await;
    assert_eq!(ward.standing().await, (vec!["OML-11:ca".into(), "OML-11:k".into(), "OML-11:na".into()], 7));

    ward.rename(&file(FIRST, '2'), &file(FIRST, '0'));
    ward.rename(&file(SECOND, '1'), &file(SECOND, '0'));
    ward.sweep().await;
    assert_eq!(ward.standing().await, (Vec::new(), 10));
    assert_eq!(ward.sweep().await.new, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_history_found_at_once_comes_to_the_same() {
    let ward = Ward::new().await;
    ward.write(&file(FIRST, '2'), "na k cl");
    ward.write(&file(SECOND, '1'), "na k ca");
    ward.sweep().await;
    assert_eq!(ward.standing().await, (vec!["OML-11:ca".into(), "OML-11:k".into(), "OML-11:na".into()], 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_of_the_cursor_is_taken_again_and_nothing_is_doubled() {
    let mut ward = Ward::new().await;
    ward.write(&file(FIRST, '2'), "na k cl");
    ward.write(&file(SECOND, '1'), "na k ca");
    ward.sweep().await;
    let before = ward.standing().await;
    ward.cursor = Arc::new(Cursor::open(&ward.house.directory.path().join("another")).unwrap());
    ward.intake = Ward::intake(&ward.house, &ward.cursor);
    assert_eq!(ward.sweep().await.new, 2);
    assert_eq!(ward.standing().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_file_is_kept_with_where_it_came_from_and_replayed_after_a_fix() {
    use v1::replay_quarantined_response::Outcome as Replayed;
    let ward = Ward::new().await;
    ward.write(&file(FIRST, '1'), "na ?");
    ward.write("Thumbs.db", "x");
    ward.sweep().await;
    assert_eq!(
        ward.intake.counts(),
        [(("?".into(), Outcome::Refused), 1), (("OML-11".into(), Outcome::Refused), 1)].into()
    );
    assert_eq!(ward.sweep().await.new, 0, "what is in quarantine does not come again");

    let service = ward.service();
    let listed = service.list_quarantined(ask_for(Default::default())).await.unwrap().into_inner().events;
    let heads: Vec<_> =
        listed.iter().map(|head| (head.form.as_str(), head.origin.as_str(), head.field.as_str())).collect();
    assert_eq!(heads, [("ss-mix2", "STD: ?", "name"), ("ss-mix2", "STD: OML-11 2011-12-20 01 1", "line")]);
    assert!(!format!("{listed:?}").contains("9999013"), "a list names no patient");
    let id = listed[1].id.clone();
    let got =
        service.get_quarantined(ask_for(v1::GetQuarantinedRequest { id: id.clone() })).await.unwrap().into_inner();
    assert_eq!(got.name, format!("STD: 999/901/9999013/20111220/OML-11/{}", file(FIRST, '1')));

    let replay = |replacement: &'static str| {
        ask_for(v1::ReplayQuarantinedRequest { id: id.clone(), replacement: replacement.into() })
    };
    let again = service.replay_quarantined(replay("")).await.unwrap().into_inner();
    assert!(matches!(again.outcome, Some(Replayed::Refused(_))));
    let fixed = service.replay_quarantined(replay("na k")).await.unwrap().into_inner();
    assert!(matches!(fixed.outcome, Some(Replayed::Accepted(_))));
    assert_eq!(ward.standing().await, (vec!["OML-11:k".into(), "OML-11:na".into()], 2));

    let lineage = service.list_replayed(ask_for(Default::default())).await.unwrap().into_inner().replayed;
    let [replayed] = lineage.as_slice() else { panic!("{lineage:?}") };
    assert_eq!(replayed.origin.as_ref().unwrap().id, id);
    assert_eq!((replayed.positions.len(), replayed.came_as == replayed.sent_as), (2, false));
    let left = service.list_quarantined(ask_for(Default::default())).await.unwrap().into_inner().events;
    assert_eq!(left.len(), 1);

    // The file at the source is as bad as it was and does not undo what was fixed; its successor does.
    assert_eq!(ward.sweep().await.new, 0);
    ward.write(&file(SECOND, '1'), "na");
    ward.sweep().await;
    assert_eq!(ward.standing().await.0, ["OML-11:na"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_listed_exactly() {
    let ward = Ward::new().await;
    ward.write(&file(FIRST, '1'), "na");
    ward.write(&file(SECOND, '1'), "k");
    ward.sweep().await;
    // One file that nobody has dealt with, one that says something else now, one that is gone.
    let third = file("20111222103059000", '1');
    ward.write(&third, "cl");
    ward.write(&file(SECOND, '1'), "ca");
    std::fs::remove_file(ward.folder().join(file(FIRST, '1'))).unwrap();

    let book = Arc::new(FeedBook::open(&ward.house.directory.path().join("feeds"), clock()).unwrap());
    ward.house.admission.account_for(Arc::clone(&book));
    let survey_now = || {
        let (progress, stop) = (Progress::default(), AtomicBool::new(false));
        let reading = Reading { settled: Duration::ZERO, ..Reading::default() };
        let found = survey(&ward.volume(), &ward.cursor, &reading, &progress, &stop).unwrap();
        note(&found, &facility("hospital"), &ward.volume(), &book).unwrap();
    };
    survey_now();
    let service = ward.service();
    let days = service.list_feeds(ask_for(Default::default())).await.map(Response::into_inner).unwrap().days;
    let gaps: Vec<_> = days
        .iter()
        .map(|day| (day.day.as_str(), day.offered, day.dealt_with, day.missing, day.differing, day.vanished))
        .collect();
    assert_eq!(gaps, [("2011-12-20", 0, 1, 0, 0, 1), ("2011-12-21", 1, 1, 0, 1, 0), ("2011-12-22", 1, 0, 1, 0, 0),]);
    let request = v1::ListGapsRequest { feed: "STD".into(), day: "2011-12-22".into(), ..Default::default() };
    let listed = service.list_gaps(ask_for(request)).await.unwrap().into_inner().gaps;
    assert_eq!(listed[0].key, format!("999/901/9999013/20111220/OML-11/{third}"));
    assert_eq!(listed[0].kind, "missing");

    ward.sweep().await;
    survey_now();
    let days = service.list_feeds(ask_for(Default::default())).await.unwrap().into_inner().days;
    assert!(days.iter().skip(1).all(|day| day.offered_digest == day.dealt_with_digest && day.missing == 0));
    let stranger = caller("clinic", Role::System);
    let mut other = Request::new(v1::ListFeedsRequest::default());
    other.extensions_mut().insert(stranger);
    assert!(service.list_feeds(other).await.unwrap().into_inner().days.is_empty());
}

/// A door that is shut at first, and keeps its account all the same.
struct ShutAtFirst {
    door: LocalDoor,
    refusals: std::sync::atomic::AtomicU32,
}

#[tonic::async_trait]
impl crate::Door for ShutAtFirst {
    fn facility(&self) -> &FacilityId {
        self.door.facility()
    }
    async fn publish(&self, events: Vec<bytes::Bytes>) -> Result<Vec<crate::Published>, crate::DoorError> {
        use std::sync::atomic::Ordering;
        let shut = self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match shut {
            Ok(_) => Err(crate::DoorError { reason: "the disk is full".to_owned() }),
            Err(_) => self.door.publish(events).await,
        }
    }
    async fn republish(&self, event: bytes::Bytes) -> Result<crate::Published, crate::DoorError> {
        self.door.republish(event).await
    }
    async fn set_aside(&self, refused: Vec<crate::Aside>) -> Result<(), crate::DoorError> {
        self.door.set_aside(refused).await
    }
    async fn note(&self, kind: FeedKind, name: &'static str, step: crate::Step, items: Vec<(jiff::civil::Date, Item)>) {
        self.door.note(kind, name, step, items).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_not_taken_is_a_gap_until_it_is_sent_again() {
    use crate::mllp::{Line, Settings, Speaker, serve_mllp};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = house().await;
    let book = Arc::new(FeedBook::open(&house.directory.path().join("feeds"), clock()).unwrap());
    house.admission.account_for(book);
    let door = LocalDoor::new(Arc::clone(&house.admission), hospital());
    let door = ShutAtFirst { door, refusals: 1.into() };
    let line = Line { feed: crate::hl7::Feed::new(facility("hospital")), door: Arc::new(door) };
    let lines = std::collections::HashMap::from([(facility("hospital"), line)]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings::new(Speaker::Port(facility("hospital")), clock());
    let served = tokio::spawn(serve_mllp(listener, lines, settings, std::future::pending()));
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut ask = async |control: &str| {
        let message = format!(
            "MSH|^~\\&|LIS|HOSP|||20260401093000||ORU^R01|{control}|P|2.5\rPID|||0042^^^^PI\rOBR|1|A1||p\r\
             OBX|1|NM|718-7^Hb^LN||13.2|g/dL|||||F\r"
        );
        socket.write_all(&hl7v2::mllp::frame(message.as_bytes())).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = socket.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    assert!(ask("m-1").await.contains("MSA|AR"));
    assert!(ask("m-2").await.contains("MSA|AA"));

    let service = Ingest::new(Arc::clone(&house.admission));
    let days = service.list_feeds(ask_for(Default::default())).await.unwrap().into_inner().days;
    let [day] = days.as_slice() else { panic!("{days:?}") };
    assert_eq!((day.feed.as_str(), day.day.as_str()), ("mllp", "2026-04-01"));
    assert_eq!((day.offered, day.dealt_with, day.missing), (2, 1, 1));
    let gaps = v1::ListGapsRequest { feed: "mllp".into(), day: "2026-04-01".into(), ..Default::default() };
    let listed = service.list_gaps(ask_for(gaps.clone())).await.unwrap().into_inner().gaps;
    assert_eq!(listed.iter().map(|gap| gap.key.as_str()).collect::<Vec<_>>(), ["m-1"]);

    assert!(ask("m-1").await.contains("MSA|AA"));
    let days = service.list_feeds(ask_for(Default::default())).await.unwrap().into_inner().days;
    assert_eq!((days[0].offered, days[0].dealt_with, days[0].missing), (2, 2, 0));
    assert_eq!(days[0].offered_digest, days[0].dealt_with_digest);
    assert!(service.list_gaps(ask_for(gaps)).await.unwrap().into_inner().gaps.is_empty());
    served.abort();
}
