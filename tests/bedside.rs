//! A monitor that speaks HL7 alone (IHE DEC over MLLP): the facility that watches sees its bed open, live and closed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, also in its helpers"
)]

mod stage;

use ajisai::bench;
use ajisai::bench::region::{self, Size};
use ajisai::rig::{Rig, free_port};
use model::{Moment, Principal};
use stage::now;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wire::v1;
use wire::v1::bed_service_client::BedServiceClient;

const PATIENCE: Duration = Duration::from_secs(30);

/// The time in Japan, as HL7 writes it: `20260401093000.250+0900`.
fn hl7(moment: Moment) -> String {
    let digits: String =
        moment.plus_micros(9 * 3_600_000_000).to_string().chars().filter(char::is_ascii_digit).collect();
    let (whole, part) = digits.split_at(14);
    format!("{whole}.{part:0<4.4}+0900")
}

/// Half a second of a mother's monitor, measured from a moment on.
fn frame(number: u32, from: Moment) -> String {
    let (when, control) = (hl7(from), number);
    let wave = |at: u32| f64::from((number * 7 + at * 3) % 23) / 4.0 + 138.0;
    format!(
        "MSH|^~\\&|CENTRAL|HOSP|||{when}||ORU^R01^ORU_R01|{control}|P|2.6\rPID|||{patient}^^^HOSP^PI\rPV1||I|LDR^1^A\r\
         OBR|1|||182777000^monitoring of patient^SCT|||{when}\r\
         OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||CTG-17\r\
         OBX|2|NA|61643^X_FETAL_RATE^MDC|1.1.1.1001|{}^{}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R\r\
         OBX|3|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1.1001.1|4|264608^MDC_DIM_PER_SEC^MDC|||||R\r",
        wave(0),
        wave(1),
        patient = region::number(0),
    )
}

fn discharge(at: Moment) -> String {
    let when = hl7(at);
    let patient = region::number(0);
    format!(
        "MSH|^~\\&|HIS|HOSP|||{when}||ADT^A03|d|P|2.5\rEVN||{when}\rPID|||{patient}^^^HOSP^PI\rPV1||I|LDR^1^A||||||||||||||||V1\r"
    )
}

/// Sends a message and gives back how it was answered.
fn ask(socket: &mut TcpStream, message: &str) -> String {
    socket.write_all(&[b"\x0b", message.as_bytes(), b"\x1c\r"].concat()).unwrap();
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\x1c\r") {
        socket.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    let text = String::from_utf8(answer).unwrap();
    text.split_once("MSA|").unwrap().1.split('|').next().unwrap().to_owned()
}

fn rows(rig: &Rig, who: &Principal, sql: &str) -> Vec<String> {
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    let token = rig.token(who).unwrap();
    let arguments = ["sql", "--format", "csv", sql, "--address", &address, "--token", &token];
    let output = Command::new(env!("CARGO_BIN_EXE_ajisai")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

/// How many samples of the first trace were on the screen at a moment, as the board says it.
fn seen(rig: &Rig, who: &Principal, bed: &str, at: Moment) -> usize {
    let mut socket = TcpStream::connect(("127.0.0.1", rig.ports().dashboards)).unwrap();
    let (token, at) = (rig.token(who).unwrap(), at.micros());
    let get = format!("GET /api/beds/seen?bed={bed}&at_us={at} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n");
    write!(socket, "{get}Authorization: Bearer {token}\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let told: serde_json::Value = serde_json::from_str(body).unwrap();
    told["samples"]["fhr1"].as_array().map_or(0, |all| all.iter().filter(|sample| !sample.is_null()).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_speaks_hl7_alone_opens_its_bed_streams_and_is_closed_by_the_discharge() {
    let directory = tempfile::tempdir().unwrap();
    let (port, source) = (free_port().unwrap(), region::source(0).unwrap());
    let listener = format!(
        "[[mllp]]\naddress = \"127.0.0.1:{port}\"\nfacilities = [\"{source}\"]\ntls = false\ndevice_channels = [\"61643=fhr1\"]\n"
    );
    let size = Size { sources: 1, viewers: 1, patients: 1, audience: 1 };
    let mut rig =
        bench::raise(Path::new(env!("CARGO_BIN_EXE_ajisai")), directory.path(), size, &listener).await.unwrap();
    let centre = Rig::system(region::viewer(0).unwrap());
    let mut watching = BedServiceClient::new(rig.channel(&centre).await.unwrap());
    let beds = "SELECT session, bed, closed IS NULL, closing, array_to_string(devices, ' '), \
                closed = (SELECT max(occurred) + INTERVAL '500 milliseconds' FROM waveform WHERE kind = 'frame') FROM beds";
    assert!(watching.list_beds(v1::ListBedsRequest {}).await.unwrap().into_inner().beds.is_empty());
    assert!(rows(&rig, &centre, beds).is_empty(), "nothing is monitored");

    let on = Arc::new(AtomicBool::new(true));
    let sends = on.clone();
    let monitor = std::thread::spawn(move || {
        let (mut socket, begun) = (TcpStream::connect(("127.0.0.1", port)).unwrap(), now());
        for number in 0.. {
            if !sends.load(Ordering::Relaxed) {
                return number;
            }
            let from = begun.plus_micros(i64::from(number) * stage::FRAME);
            let due = from.plus_micros(stage::FRAME).since(now());
            std::thread::sleep(Duration::from_micros(u64::try_from(due).unwrap_or(0)));
            assert_eq!(ask(&mut socket, &frame(number, from)), "AA");
        }
        0
    });
    // who watches sees the bed by its ward's name, and its trace live
    let deadline = Instant::now() + PATIENCE;
    loop {
        let all = watching.list_beds(v1::ListBedsRequest {}).await.unwrap().into_inner().beds;
        let live = |bed: &v1::BedInfo| bed.traces.iter().any(|trace| trace.lead == "fhr1" && trace.state == "live");
        if all.iter().any(|bed| bed.named_bed == "LDR-1-A" && live(bed)) {
            break;
        }
        assert!(Instant::now() < deadline, "no live bed: {}", all.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rows(&rig, &centre, beds), ["LDR-1-A,LDR-1-A,true,,CTG-17,"]);

    // the node begins again: the bed that is open goes on, and is no other
    let midst = now();
    tokio::time::sleep(Duration::from_secs(2)).await;
    on.store(false, Ordering::Relaxed);
    let sent = monitor.join().unwrap();
    let end = now();
    rig.stop(PATIENCE).await.unwrap();
    rig.start(PATIENCE).await.unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(ask(&mut socket, &frame(10_000, now())), "AA");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(rows(&rig, &centre, beds), ["LDR-1-A,LDR-1-A,true,,CTG-17,"]);

    // what was on the screen before this life of the node is told from the log, apart from what came since
    let mut watching = BedServiceClient::new(rig.channel(&centre).await.unwrap());
    let bed = watching.list_beds(v1::ListBedsRequest {}).await.unwrap().into_inner().beds.remove(0).bed;
    while now().since(end) < 11_000_000 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(seen(&rig, &centre, &bed, end), usize::try_from(sent).unwrap() * 2);
    let before = seen(&rig, &centre, &bed, midst);
    assert!((1..=usize::try_from(sent).unwrap() * 2 - 6).contains(&before), "{before} of {sent} halves of a second");

    // discharged: closed with its last sample, for who watches too
    assert_eq!(ask(&mut socket, &discharge(end)), "AA");
    let deadline = Instant::now() + PATIENCE;
    while !watching.list_beds(v1::ListBedsRequest {}).await.unwrap().into_inner().beds.is_empty()
        || rows(&rig, &centre, beds) != ["LDR-1-A,LDR-1-A,false,discharge,CTG-17,true"]
    {
        assert!(Instant::now() < deadline, "{:?}", rows(&rig, &centre, beds));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
