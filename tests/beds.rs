//! What people do at beds, and who may know of it: alarms that somebody knows of, notes beside the traces, who watches; a
//! permission that ends by the clock; a transfer, from the request to the first live sample at who receives.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands, also in its helpers, and prints what it measured"
)]

mod stage;

use ajisai::bench::region::{self, Size};
use ajisai::rig::Rig;
use model::*;
use serde_json::{Value, json};
use stage::{Stage, now, publish, said, stage};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tonic::Code;
use wire::v1;
use wire::v1::bed_service_client::BedServiceClient;

/// Each patient's consent names both clinics.
const TWO: Size = Size { sources: 1, viewers: 2, patients: 2, audience: 2 };
/// Of two clinics each patient's consent names one.
const ONE: Size = Size { sources: 1, viewers: 2, patients: 1, audience: 1 };
const PATIENCE: Duration = Duration::from_secs(30);
/// A minute of samples before anybody looks.
const BEFORE: i64 = 120;

type Beds = BedServiceClient<ajisai::rig::Bearing>;

fn person(facility: &FacilityId, member: &str) -> Principal {
    let member = Some(MemberId::parse(member).unwrap());
    Principal { facility: facility.clone(), member, role: Role::Physician, purpose: Purpose::Treatment }
}

/// States somebody of a facility, who can then sign in.
fn member(rig: &Rig, facility: &FacilityId, member: &str) -> Principal {
    run(
        rig,
        &Rig::system(facility.clone()),
        &["directory", "member", "--id", member, "--role", "physician", "--name", member],
    );
    person(facility, member)
}

#[track_caller]
fn run(rig: &Rig, who: &Principal, arguments: &[&str]) -> String {
    let address = format!("http://127.0.0.1:{}", rig.ports().grpc);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ajisai"));
    let output =
        command.args(arguments).args(["--address", &address, "--token", &rig.token(who).unwrap()]).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn beds(rig: &Rig, who: &Principal) -> Beds {
    BedServiceClient::new(rig.channel(who).await.unwrap())
}

async fn list(beds: &mut Beds) -> Vec<v1::BedInfo> {
    beds.list_beds(v1::ListBedsRequest {}).await.unwrap().into_inner().beds
}

/// Asks for one of the beds, by its ward's name, until it is as it is to be.
async fn until(beds: &mut Beds, named: &str, fits: impl Fn(&v1::BedInfo) -> bool) -> v1::BedInfo {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let all = list(beds).await;
        let found = all.into_iter().find(|bed| bed.named_bed == named);
        match found {
            Some(bed) if fits(&bed) => return bed,
            found => assert!(Instant::now() < deadline, "{:?}", found.map(|bed| (bed.alarms, bed.presence))),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_live(bed: &v1::BedInfo) -> bool {
    bed.traces.iter().any(|trace| trace.lead == "fhr1" && trace.state == "live")
}

fn alarm<'a>(bed: &'a v1::BedInfo, which: &str) -> Option<&'a v1::BedAlarmInfo> {
    bed.alarms.iter().find(|alarm| alarm.alarm == which)
}

/// Who of the caller's facility knows of an alarm that stands; `None` where it does not.
fn knows(bed: &v1::BedInfo, which: &str) -> Option<Option<String>> {
    alarm(bed, which).map(|alarm| alarm.acknowledged.as_ref().map(|known| known.member.clone()))
}

async fn acknowledge(beds: &mut Beds, bed: &str) -> Result<Vec<String>, Code> {
    let request = v1::AcknowledgeBedRequest { bed: bed.to_owned(), alarms: vec![] };
    let said = beds.acknowledge_bed(request).await;
    said.map(|said| said.into_inner().alarms).map_err(|status| status.code())
}

// --- a page, without a browser ---

/// A page that is open: its lines, and when each came.
struct Open {
    lines: mpsc::Receiver<(Instant, Value)>,
    socket: TcpStream,
}

impl Open {
    fn wall(rig: &Rig, who: &Principal) -> Self {
        let mut socket = TcpStream::connect(("127.0.0.1", rig.ports().dashboards)).unwrap();
        let token = rig.token(who).unwrap();
        write!(socket, "GET /api/beds HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer {token}\r\n\r\n").unwrap();
        let (tell, lines) = mpsc::channel();
        let mut reads = socket.try_clone().unwrap();
        std::thread::spawn(move || {
            let (mut kept, mut some) = (Vec::new(), [0; 65536]);
            while let Ok(count @ 1..) = reads.read(&mut some) {
                kept.extend_from_slice(some.get(..count).unwrap());
                while let Some(end) = kept.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = kept.drain(..=end).collect();
                    // between the lines stand the lengths of chunks
                    let Ok(line) = serde_json::from_slice::<Value>(&line) else { continue };
                    if line.is_object() && tell.send((Instant::now(), line)).is_err() {
                        return;
                    }
                }
            }
        });
        Self { lines, socket }
    }

    /// The first line that is as it is to be, and when it came.
    fn until(&self, fits: impl Fn(&Value) -> bool) -> (Instant, Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (at, line) = self.lines.recv_timeout(PATIENCE).unwrap();
            if fits(&line) {
                return (at, line);
            }
            assert!(Instant::now() < deadline, "{line}");
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

fn asked(rig: &Rig, who: &Principal, path: &str, said: &Value) -> Value {
    let mut socket = TcpStream::connect(("127.0.0.1", rig.ports().dashboards)).unwrap();
    let (token, body) = (rig.token(who).unwrap(), said.to_string());
    write!(
        socket,
        "POST {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body.trim()).unwrap()
}

fn bed_of<'a>(line: &'a Value, named: &str) -> Option<&'a Value> {
    line.get("beds")?.as_array()?.iter().find(|bed| bed.get("named_bed").is_some_and(|name| name == named))
}

// --- the tests ---

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_of_an_alarm_and_what_was_written_is_the_facilitys_and_survives_a_restart() {
    let mut stage = stage(TWO, BEFORE).await;
    let (source, clinic, other) = (region::source(0).unwrap(), region::viewer(0).unwrap(), region::viewer(1).unwrap());
    let [doctor, nurse] = ["dr-a", "nurse-b"].map(|name| member(&stage.rig, &clinic, name));
    let (stranger, midwife) = (member(&stage.rig, &other, "dr-o"), member(&stage.rig, &source, "midwife"));
    let mut all = Vec::new();
    for who in [&doctor, &nurse, &stranger, &midwife, &Rig::system(clinic.clone())] {
        all.push(beds(&stage.rig, who).await);
    }
    let [a, b, o, m, system] = all.as_mut_slice() else { panic!("five were asked for") };
    let bed = until(a, "LDR 1", is_live).await.bed;

    // An alarm: acknowledged once, for the whole facility, and for no other.
    stage.beds[0].on.store(false, Ordering::Relaxed);
    until(a, "LDR 1", |bed| alarm(bed, "lost/1").is_some()).await;
    assert_eq!(acknowledge(system, &bed).await, Err(Code::PermissionDenied));
    assert_eq!(acknowledge(a, "0123456789abcdef").await, Err(Code::NotFound));
    assert_eq!(acknowledge(a, &bed).await, Ok(vec!["lost/1".to_owned()]));
    assert_eq!(knows(&until(b, "LDR 1", |_| true).await, "lost/1"), Some(Some("dr-a".to_owned())), "at once");
    assert_eq!(acknowledge(b, &bed).await, Ok(vec![]), "the first stands");
    until(o, "LDR 1", |bed| knows(bed, "lost/1") == Some(None)).await;

    // Notes: whoever is shown the bed is shown them; each author puts right and takes back their own alone.
    let note = |text: &str, replaces: &str| v1::NoteBedRequest {
        bed: bed.clone(),
        at_us: None,
        text: text.to_owned(),
        replaces: replaces.to_owned(),
    };
    let first = a.note_bed(note("体位変換", "")).await.unwrap().into_inner().id;
    assert_eq!(b.note_bed(note("別人が直す", &first)).await.unwrap_err().code(), Code::NotFound);
    let take = |id: &str| v1::TakeBackBedNoteRequest { bed: bed.clone(), id: id.to_owned() };
    assert_eq!(b.take_back_bed_note(take(&first)).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(a.note_bed(note(" ", "")).await.unwrap_err().code(), Code::InvalidArgument);
    let second = a.note_bed(note("左側臥位へ", &first)).await.unwrap().into_inner().id;
    let third = o.note_bed(note("すぐ消す", "")).await.unwrap().into_inner().id;
    o.take_back_bed_note(take(&third)).await.unwrap();
    for who in [&mut *b, &mut *o, &mut *m] {
        let bed = until(who, "LDR 1", |_| true).await;
        let notes: Vec<_> =
            bed.notes.iter().map(|note| (note.id.as_str(), note.text.as_str(), note.corrected)).collect();
        assert_eq!(notes, [(second.as_str(), "左側臥位へ", true)]);
    }

    // Presence: each facility its own people, the bed's own all; others whether anybody does there.
    let page = Open::wall(&stage.rig, &nurse);
    page.until(|line| bed_of(line, "LDR 1").is_some());
    let lookers = |bed: &v1::BedInfo| {
        let presence = bed.presence.clone().unwrap();
        let members: Vec<String> = presence.lookers.into_iter().map(|one| one.member).collect();
        (members, presence.source_watches)
    };
    let nurse_is_there = || (vec!["nurse-b".to_owned()], false);
    assert_eq!(lookers(&until(a, "LDR 1", |_| true).await), nurse_is_there());
    assert_eq!(lookers(&until(m, "LDR 1", |_| true).await), nurse_is_there());
    assert_eq!(lookers(&until(o, "LDR 1", |_| true).await), (vec![], false));
    let own = Open::wall(&stage.rig, &midwife);
    own.until(|line| bed_of(line, "LDR 1").is_some());
    assert_eq!(lookers(&until(o, "LDR 1", |_| true).await), (vec![], true), "that somebody does, and not who");
    drop(page);
    until(a, "LDR 1", |bed| lookers(bed) == (vec![], true)).await;
    drop(own);

    // A restart: the same alarm is known still, and the note is there.
    stage.beds[1].on.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.rig.stop(PATIENCE).await.unwrap();
    stage.rig.start(PATIENCE).await.unwrap();
    let bed = until(b, "LDR 1", |bed| knows(bed, "lost/1") == Some(Some("dr-a".to_owned()))).await;
    assert_eq!(bed.notes.len(), 1);

    // The signal comes again and is lost again: that is another alarm.
    stage.beds[0].on.store(true, Ordering::Relaxed);
    until(b, "LDR 1", |bed| is_live(bed) && alarm(bed, "lost/1").is_none()).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    stage.beds[0].on.store(false, Ordering::Relaxed);
    until(b, "LDR 1", |bed| knows(bed, "lost/1") == Some(None)).await;
    stage.beds.iter().for_each(|bed| bed.task.abort());
}

/// An entry of a patient's pregnancy: noted 143 days ago, when she was 56 days pregnant.
fn registered(bed: u32) -> v1::PublishRequest {
    let patient = PatientRef::new(region::source(0).unwrap(), PatientNumber::parse(&region::number(bed)).unwrap());
    let at = now().plus_micros(-143 * 86_400_000_000);
    let code = Coding { system: CodeSystem::Local, code: "registration".to_owned(), display: String::new() };
    let value = model::Value::Text("単胎".to_owned());
    let made = Record::new(
        patient,
        RecordId::parse(&format!("pregnancy/{bed}")).unwrap(),
        Version::FIRST,
        Category::Perinatal,
        at,
        at,
        Labels::NONE,
        None,
        Author { member: None, role: Role::Midwife },
        ChangeKind::Upsert,
        Some(Payload::Perinatal(Perinatal { code, gestational_days: Some(56), value })),
    );
    said(&format!("pregnancy-{bed}"), Body::Record(Box::new(made.unwrap())))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bed_says_by_which_week_it_is_read_and_which_way_its_samples_came() {
    let mut stage = stage(TWO, BEFORE).await;
    let doctor = member(&stage.rig, &region::viewer(0).unwrap(), "dr-a");
    let mut a = beds(&stage.rig, &doctor).await;
    let week = |bed: &v1::BedInfo| bed.read_by.clone().unwrap().week;
    let bed = until(&mut a, "LDR 1", is_live).await;
    assert_eq!(week(&bed), "unknown", "nothing dates it");
    let legs: Vec<_> = bed.legs.iter().map(|leg| (leg.from.as_str(), leg.to.as_str())).collect();
    assert_eq!(legs, [("source", "node")], "no hop between says when it took them");
    publish(&mut stage.door, vec![registered(0)]).await;
    let known = until(&mut a, "LDR 1", |bed| week(bed).starts_with("28w")).await;
    assert!(known.read_by.unwrap().little_reserve.is_empty());
    let listed = run(&stage.rig, &doctor, &["beds", "list"]);
    assert!(listed.contains("28w") && listed.contains("として判読"), "{listed}");
    assert!(listed.contains("週数不明"), "of LDR 2 none is known: {listed}");
    stage.beds.iter().for_each(|bed| bed.task.abort());
}

/// The patient's consent, stated again with an end.
fn ending(bed: u32, change: impl FnOnce(&mut Consent)) -> v1::PublishRequest {
    let patient = PatientRef::new(region::source(0).unwrap(), PatientNumber::parse(&region::number(bed)).unwrap());
    let viewers = vec![region::viewer(0).unwrap(), region::viewer(1).unwrap()];
    let mut consent = region::consent(&format!("c-0-{bed}"), patient, viewers, now()).unwrap();
    change(&mut consent);
    said(&format!("ending-{bed}"), Body::Consent(ConsentChange::Given(consent)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_ends_by_the_clock_is_said_before_and_closes_with_a_word() {
    let mut stage = stage(TWO, BEFORE).await;
    let doctor = member(&stage.rig, &region::viewer(0).unwrap(), "dr-a");
    let mut a = beds(&stage.rig, &doctor).await;
    let page = Open::wall(&stage.rig, &doctor);
    for named in ["LDR 1", "LDR 2"] {
        until(&mut a, named, |bed| is_live(bed) && bed.until_us.is_none()).await;
    }
    // One consent ends itself; the other's data period does, which takes nothing of what is there and would only look like silence.
    let until_then = now().plus_micros(6_000_000);
    let period = Period::new(None, Some(until_then)).unwrap();
    let both = vec![ending(0, |consent| consent.period = period), ending(1, |consent| consent.data_period = period)];
    publish(&mut stage.door, both).await;
    for named in ["LDR 1", "LDR 2"] {
        let bed = until(&mut a, named, |bed| bed.until_us.is_some()).await;
        assert_eq!(bed.until_us, Some(until_then.micros()));
        let bed = until(&mut a, named, |bed| alarm(bed, "ending").is_some()).await;
        assert_eq!(acknowledge(&mut a, &bed.bed).await, Ok(vec!["ending".to_owned()]));
    }
    let (_, line) = page.until(|line| {
        bed_of(line, "LDR 1")
            .is_some_and(|bed| bed.get("ways").is_some_and(|ways| *ways == json!(["consent", "transfer"])))
    });
    assert!(bed_of(&line, "LDR 2").is_some());
    let ended = |line: &Value| line.get("ended").and_then(Value::as_array).is_some_and(|ended| ended.len() == 2);
    let (_, line) = page.until(ended);
    let late = now().since(until_then);
    println!("closed {} ms after the permission had ended", late / 1000);
    assert!(late >= 0, "not before");
    let words: Vec<_> =
        line.get("ended").unwrap().as_array().unwrap().iter().map(|one| one.get("why").unwrap()).collect();
    assert_eq!(words, ["expired", "expired"]);
    assert!(list(&mut a).await.is_empty());
    stage.beds.iter().for_each(|bed| bed.task.abort());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_opens_the_bed_at_once_with_its_course_and_the_watch_goes_over_with_a_receipt() {
    let stage = stage(ONE, BEFORE).await;
    let Stage { rig, .. } = &stage;
    let source = region::source(0).unwrap();
    // the patient's own consent names one of the two
    let own = region::number(0).parse::<u32>().unwrap() % ONE.viewers;
    let centre = region::viewer(1 - own).unwrap();
    let (hers, there) = (member(rig, &source, "dr-h"), member(rig, &centre, "dr-c"));
    run(rig, &Rig::system(centre.clone()), &["directory", "agree", "--source", source.as_str()]);
    let (watched, receives) = (Open::wall(rig, &hers), Open::wall(rig, &there));
    let (_, line) = watched.until(|line| bed_of(line, "LDR 1").is_some());
    let bed = bed_of(&line, "LDR 1").unwrap().get("bed").unwrap().clone();
    let (_, line) = receives.until(|line| line.get("beds").is_some());
    assert!(bed_of(&line, "LDR 1").is_none());

    let asks = json!({ "bed": bed, "to": centre.as_str(), "reason": "28週 頭痛 血圧168/112", "open_hours": 2 });
    let begun = Instant::now();
    let sent = asked(rig, &hers, "/api/beds/transfer", &asks);
    let answered = begun.elapsed();
    assert_eq!(sent.get("opened"), Some(&json!(true)));
    let live = |line: &Value| {
        let words = |bed: &Value| {
            bed.get("lines")?.as_array()?.iter().find(|one| one.get("lead").is_some_and(|lead| lead == "fhr1")).cloned()
        };
        bed_of(line, "LDR 1").and_then(words).is_some_and(|one| !one.get("value").unwrap_or(&Value::Null).is_null())
    };
    let shows = |line: &Value| bed_of(line, "LDR 1").is_some();
    let (opened_at, _) = receives.until(shows);
    let (live_at, line) = receives.until(live);
    // she has no number there yet: the transfer's stands for her
    let called = bed_of(&line, "LDR 1").unwrap().get("patient").unwrap().as_str().unwrap().to_owned();
    assert!(called.starts_with("rf-"), "{called}");
    println!(
        "request answered after {} ms; the bed at the receiver after {} ms, its first live sample after {} ms",
        answered.as_millis(),
        opened_at.duration_since(begun).as_millis(),
        live_at.duration_since(begun).as_millis()
    );
    // the whole course is there
    let mut theirs = beds(rig, &there).await;
    let opened = |bed: &v1::BedInfo| is_live(bed) && bed.until_us.is_some();
    assert_eq!(until(&mut theirs, "LDR 1", opened).await.patient, called);
    let counted = run(rig, &there, &["sql", "--format", "csv", "SELECT count(*) FROM waveform"]);
    assert!(counted.lines().nth(1).unwrap().trim().parse::<i64>().unwrap() > BEFORE, "{counted}");

    let id = sent.get("id").unwrap().as_str().unwrap().to_owned();
    let turn = |who: &Principal, step: &str, words: &str| {
        let said = json!({ "id": id, "from": source.as_str(), "step": step, "words": words });
        asked(rig, who, "/api/referrals/turn", &said)
    };
    turn(&there, "accepted", "受け入れ可");
    turn(&hers, "departed", "");
    drop(watched);
    tokio::time::sleep(Duration::from_millis(600)).await;
    turn(&there, "arrived", "");
    let mut client = v1::referral_service_client::ReferralServiceClient::new(rig.channel(&there).await.unwrap());
    let listed = client.list_referrals(v1::ListReferralsRequest::default()).await.unwrap().into_inner().referrals;
    let [accepted, arrived] = listed[0].handovers.as_slice() else { panic!("{:?}", listed[0].handovers) };
    let watchers = |handover: &v1::BedHandover| {
        let mut all: Vec<_> =
            handover.watchers.iter().map(|one| (one.member.clone(), one.until_us.is_some())).collect();
        all.sort();
        all
    };
    assert_eq!(watchers(accepted), [("dr-c".to_owned(), false), ("dr-h".to_owned(), false)]);
    assert_eq!(watchers(arrived), [("dr-c".to_owned(), false), ("dr-h".to_owned(), true)], "hers ended before");
    turn(&there, "completed", "帝王切開 母児とも安定");
    turn(&hers, "closed", "");
    let (_, line) = receives.until(|line| !shows(line));
    assert_eq!(line.pointer("/ended/0/why"), Some(&json!("withheld")));
    stage.beds.iter().for_each(|bed| bed.task.abort());
}

/// The clients of gRPC-web that browsers have speak HTTP/1.1 and send no trailers.
#[tokio::test(flavor = "multi_thread")]
async fn a_web_client_watches_the_feed_and_calls_services_without_http_2() {
    let stage = stage(ONE, BEFORE).await;
    let own = region::number(0).parse::<u32>().unwrap() % ONE.viewers;
    let doctor = member(&stage.rig, &region::viewer(own).unwrap(), "dr-a");
    let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let web = tower::ServiceBuilder::new().layer(tonic_web::GrpcWebClientLayer::new()).service(http);
    let origin: tonic::transport::Uri = stage.rig.address().parse().unwrap();
    let token: tonic::metadata::MetadataValue<_> =
        format!("Bearer {}", stage.rig.token(&doctor).unwrap()).parse().unwrap();
    let mut feeds = v1::feed_service_client::FeedServiceClient::with_origin(web.clone(), origin.clone());
    let asked = || {
        let mut asked = tonic::Request::new(v1::WatchRequest {
            from: Some(v1::watch_request::From::Now(v1::Now {})),
            categories: vec![v1::Category::Waveform.into()],
            heartbeat_ms: 200,
        });
        asked.metadata_mut().insert("authorization", token.clone());
        asked
    };
    let stranger = tonic::Request::new(asked().into_inner());
    assert_eq!(feeds.watch(stranger).await.unwrap_err().code(), Code::Unauthenticated);
    let mut feed = feeds.watch(asked()).await.unwrap().into_inner();
    let (mut frames, mut heartbeats) = (Vec::new(), 0);
    while frames.len() < 6 || heartbeats < 2 {
        match feed.message().await.unwrap().unwrap().item.unwrap() {
            v1::feed_item::Item::Heartbeat(_) => heartbeats += 1,
            v1::feed_item::Item::Appeared(appeared) => {
                let Some(v1::record::Payload::Waveform(wave)) = appeared.record.unwrap().payload else { continue };
                frames.push(wave.sequence);
            }
            other => panic!("nothing else happens: {other:?}"),
        }
    }
    assert!(frames.windows(2).all(|pair| pair[1] == pair[0] + 1), "{frames:?}");
    let mut beds = BedServiceClient::with_origin(web, origin);
    let mut request = tonic::Request::new(v1::ListBedsRequest {});
    request.metadata_mut().insert("authorization", token);
    assert_eq!(beds.list_beds(request).await.unwrap().into_inner().beds.len(), 1);
    stage.beds.iter().for_each(|bed| bed.task.abort());
}
