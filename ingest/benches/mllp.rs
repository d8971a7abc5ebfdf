//! The MLLP listener under load: real sockets on loopback over the embedded log, on the disk the target directory is on,
//! or in the directory `AJISAI_BENCH_DIR` names. Every answer counted is `AA` after durability. The senders run in the
//! same process and share its cores.
//!
//! `cargo bench -p ingest --bench mllp`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement: it prints, and what fails here fails the measurement"
)]

use event_log::EventLog;
use event_log::embedded::{EmbeddedConfig, EmbeddedLog};
use hl7v2::mllp::frame;
use ingest::completeness::FeedBook;
use ingest::hl7::Feed;
use ingest::mllp::{Line, Settings, Speaker, serve_mllp};
use ingest::{Admission, ConsentQuery, ConsentReader, DirectoryReader, Door, GlassStanding, LocalDoor, Standing};
use model::*;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

/// A message of so many results, in ISO-2022-JP as SS-MIX2 writes it.
fn message(number: u64, results: u64) -> Vec<u8> {
    let mut text = format!(
        "MSH|^~\\&|LIS|HOSP|AJISAI|REGION|20260401093000||OUL^R22^OUL_R22|{number}|P|2.5||||||~ISO IR87||ISO 2022-1994\r\
         PID|0001||{:08}^^^^PI||長崎^花子^^^^^L^I~ナガサキ^ハナコ^^^^^L^P||19700405|F\rPV1|0001|O|01^^^^^C\r\
         SPM|1|{number}||023^血清^JC10|||||||||||||202604010830\rOBR|1|{number}|{number}|E001^生化学検査^99O03|||20260401\r\
         ORC|SC|{number}|{number}||CM\r",
        number % 150_000
    );
    for i in 0..results {
        text +=
            &format!("OBX|{i}|NM|3A0100000023271{i:02}^総蛋白^JC10||7.2|g/dl^g/dl^99XYZ|6.7-8.3||||F|||202604010830\r");
    }
    frame(&hl7v2::Charset::Iso2022Jp.encode(&text))
}

/// Sends messages down one connection, so many ahead of their answers; gives the time of each round trip of a window.
async fn send(address: SocketAddr, messages: Vec<Vec<u8>>, ahead: usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut reading, mut writing) = stream.split();
    let places = tokio::sync::Semaphore::new(ahead);
    let wanted = messages.len();
    let write = async {
        for message in messages {
            places.acquire().await.unwrap().forget();
            writing.write_all(&message).await.unwrap();
        }
    };
    let read = async {
        let (mut chunk, mut answered, mut accepted, mut tail) = (vec![0; 64 << 10], 0, 0, Vec::new());
        while answered < wanted {
            let read = reading.read(&mut chunk).await.unwrap();
            assert_ne!(read, 0, "the listener closed");
            tail.extend_from_slice(&chunk[..read]);
            while let Some(at) = tail.iter().position(|b| *b == hl7v2::mllp::END) {
                let answer: Vec<u8> = tail.drain(..=at).collect();
                accepted += usize::from(answer.windows(7).any(|window| window == b"MSA|AA|"));
                answered += 1;
                places.add_permits(1);
            }
        }
        assert_eq!(accepted, wanted);
    };
    tokio::join!(write, read);
}

async fn run(address: SocketAddr, next: &mut u64, (connections, ahead, results): (u64, usize, u64), total: u64) {
    let each = total / connections;
    let work: Vec<Vec<Vec<u8>>> =
        (0..connections).map(|c| (0..each).map(|i| message(*next + c * each + i, results)).collect()).collect();
    *next += connections * each;
    let bytes: usize = work.iter().flatten().map(Vec::len).sum();
    let begun = Instant::now();
    let senders: Vec<_> = work.into_iter().map(|messages| tokio::spawn(send(address, messages, ahead))).collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let took = begun.elapsed();
    let count = (connections * each) as f64;
    println!(
        "{connections:>4} connections, {ahead:>3} ahead, {results:>2} results each: {:>8.0} messages/s, {:>8.0} events/s, {:>6.1} MB/s",
        count / took.as_secs_f64(),
        count * results as f64 / took.as_secs_f64(),
        bytes as f64 / 1e6 / took.as_secs_f64(),
    );
}

#[tokio::main]
async fn main() {
    let disk = std::env::var("AJISAI_BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    let directory = tempfile::tempdir_in(disk).unwrap();
    let config = EmbeddedConfig::new(directory.path().join("log"), NonZeroU32::new(8).unwrap());
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(&config).unwrap());
    let settings = ingest::Settings {
        index: directory.path().join("index"),
        quarantine: directory.path().join("quarantine"),
        quarantine_share: 1 << 20,
    };
    let clock: event_log::Clock = Arc::new(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Moment::from_micros(i64::try_from(now.as_micros()).unwrap()).unwrap()
    });
    let admission = Admission::open(log, Arc::new(NoBook), &settings, Arc::clone(&clock)).await.unwrap();
    // As in the node, every message is counted in the account of its feed.
    let feeds = FeedBook::open(&directory.path().join("feeds"), Arc::clone(&clock)).unwrap();
    admission.account_for(Arc::new(feeds));
    let principal = Principal { facility: source(), member: None, role: Role::System, purpose: Purpose::Treatment };
    let door: Arc<dyn Door> = Arc::new(LocalDoor::new(Arc::clone(&admission), principal));
    let lines = HashMap::from([(source(), Line { feed: Feed::new(source()), door })]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings::new(Speaker::Port(source()), clock);
    tokio::spawn(serve_mllp(listener, lines, settings, std::future::pending()));

    let mut next = 1;
    run(address, &mut next, (64, 64, 1), 50_000).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("(the line above warmed up)");
    for (shape, total) in [
        ((1, 1, 1), 10_000),
        ((1, 256, 1), 100_000),
        ((64, 1, 1), 200_000),
        ((64, 64, 1), 300_000),
        ((64, 1, 10), 50_000),
        ((64, 64, 10), 50_000),
    ] {
        run(address, &mut next, shape, total).await;
    }
}
