//! A hospital's gateway as its IT person meets it: `ajisai edge` as a process, with a real node behind a line that is cut, both
//! killed in between. In the end the views say byte for byte what those of a node say that got the same without a cut.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop where it stands, also in its helpers")]

#[path = "edge/full.rs"]
mod full;
#[path = "edge/kept.rs"]
mod kept;

use ajisai::edge::EdgeStatus;
use ajisai::rig::{OFFICE, Rig, free_port};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const HOSPITAL: &str = "hospital";
const CLINIC: &str = "clinic";
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENTS: [&str; 3] = ["0000042", "0000043", "0000044"];
/// The clinic may not see this one.
const CLOSED: &str = "0000099";

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ajisai"))
}

/// The line between the hospital and the node: TCP that is carried on, until it is cut.
struct Cable {
    port: u16,
    node: u16,
    whole: Arc<AtomicBool>,
}

impl Cable {
    fn lay(node: u16) -> Self {
        let cable = Self { port: free_port().unwrap(), node, whole: Arc::default() };
        cable.mend();
        cable
    }

    fn mend(&self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (node, whole) = (self.node, Arc::clone(&self.whole));
        whole.store(true, Ordering::SeqCst);
        std::thread::spawn(move || {
            while whole.load(Ordering::SeqCst) {
                let Ok((near, _)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                };
                let Ok(far) = TcpStream::connect(("127.0.0.1", node)) else { continue };
                near.set_nonblocking(false).unwrap();
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let whole = Arc::clone(&whole);
                    from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
                    std::thread::spawn(move || carry(from, to, &whole));
                }
            }
        });
    }

    fn cut(&self) {
        self.whole.store(false, Ordering::SeqCst);
        // The listener and every connection end within two of their looks.
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, whole: &AtomicBool) {
    let mut chunk = [0; 16 << 10];
    while whole.load(Ordering::SeqCst) {
        match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                if to.write_all(chunk.get(..read).unwrap_or_default()).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    for end in [&from, &to] {
        let _ended_before = end.shutdown(Shutdown::Both);
    }
}

/// A node, and what its people say to it.
struct Region {
    rig: Rig,
    directory: tempfile::TempDir,
}

impl Region {
    async fn raise(directory: tempfile::TempDir, mut rig: Rig) -> Self {
        rig.start(PATIENCE).await.unwrap();
        let region = Self { rig, directory };
        let operator = Rig::operator().unwrap();
        region.file("office.token", &region.rig.token(&operator).unwrap());
        region
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A facility's system shows its certificate over TLS and a token on loopback, the operator a token.
    fn run(&self, who: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program());
        command.args(arguments).args(["--address", &self.rig.address()]);
        let pki = self.rig.pki();
        if who == OFFICE {
            command.args(["--token", &self.path("office.token"), "--ca"]).arg(pki.join("ca.pem"));
        } else {
            command.args(["--as-facility", who, "--dev-dir"]).arg(pki);
        }
        command.output().unwrap()
    }
    #[track_caller]
    fn say(&self, who: &str, arguments: &[&str]) -> String {
        let output = self.run(who, arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Registers the facilities and opens all patients but one to the clinic.
    fn register(&self) {
        for (id, kind) in [(HOSPITAL, "hospital"), (CLINIC, "clinic")] {
            self.say(OFFICE, &["directory", "facility", "--id", id, "--kind", kind, "--name", id, "--name-en", id]);
        }
        let scope = "[[rules]]\ncategories = [\"all\"]\nviewer_kinds = [\"all\"]\nviewer_roles = [\"clinical\"]\n";
        self.file("scope.toml", scope);
        self.say(HOSPITAL, &["directory", "scope", "--from-file", &self.path("scope.toml")]);
        let (mut links, mut consents) = (String::from("a_number,b,b_number\n"), String::from("patient,viewers\n"));
        for patient in PATIENTS {
            links.push_str(&format!("{patient},{CLINIC},k-{patient}\n"));
            consents.push_str(&format!("{patient},{CLINIC}\n"));
        }
        self.file("links.csv", &links);
        self.file("consents.csv", &consents);
        self.say(HOSPITAL, &["directory", "link", "--from-file", &self.path("links.csv")]);
        self.say(HOSPITAL, &["consent", "give", "--from-file", &self.path("consents.csv")]);
    }

    /// Every row that a facility sees, by table, in one order. Places in the log are none of a row's content.
    fn view(&self, who: &str) -> BTreeMap<&'static str, Vec<String>> {
        let rows = |table: &'static str| {
            let sql = format!("SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'");
            let text = self.say(who, &["sql", "--format", "csv", &sql]);
            let columns: Vec<&str> = text.lines().skip(1).filter(|column| !column.starts_with("position_")).collect();
            let sql = format!("SELECT {} FROM {table}", columns.join(", "));
            let text = self.say(who, &["sql", "--format", "csv", &sql]);
            let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
            rows.sort_unstable();
            (table, rows)
        };
        ["patient", "encounter", "laboratory", "condition", "allergy"].into_iter().map(rows).collect()
    }
    fn results(&self, who: &str) -> String {
        self.say(who, &["sql", "--format", "csv", "SELECT count(*) AS n FROM laboratory"])
    }
}

/// The hospital's gateway.
struct Gateway {
    directory: tempfile::TempDir,
    mllp: u16,
    fhir: u16,
    admin: u16,
    child: Option<Child>,
}

impl Gateway {
    fn prepare(pki: &Path, node: u16) -> Self {
        let made =
            Command::new(program()).args(["dev", "ca", "--facility", HOSPITAL, "--dir"]).arg(pki).output().unwrap();
        assert!(made.status.success());
        let directory = tempfile::tempdir().unwrap();
        let (mllp, fhir, admin) = (free_port().unwrap(), free_port().unwrap(), free_port().unwrap());
        let text = format!(
            "[edge]\nfacility = \"{HOSPITAL}\"\nname = \"edge-1\"\nqueue_mib = 1\n\n\
             [node]\naddress = \"https://localhost:{node}\"\nca = {:?}\ncertificate = {:?}\nkey = {:?}\n\n\
             [listen]\nadmin = \"127.0.0.1:{admin}\"\nfhir = \"127.0.0.1:{fhir}\"\n\n\
             [identity]\njwt_keys_file = {:?}\n\n\
             [[mllp]]\naddress = \"127.0.0.1:{mllp}\"\nfacilities = [\"{HOSPITAL}\"]\ntls = false\nsilent_seconds = 2\n\n\
             [[storage]]\nname = \"std\"\npath = \"ssmix2\"\nfacility = \"{HOSPITAL}\"\nsettled_seconds = 0\n\
             sweep_seconds = 1\nsilent_seconds = 30\n",
            pki.join("ca.pem"),
            pki.join("facilities/hospital.pem"),
            pki.join("facilities/hospital.key"),
            pki.join("jwks.json"),
        );
        std::fs::write(directory.path().join("edge.toml"), text).unwrap();
        Self { directory, mllp, fhir, admin, child: None }
    }

    fn config(&self) -> std::path::PathBuf {
        self.directory.path().join("edge.toml")
    }
    fn storage(&self) -> std::path::PathBuf {
        self.directory.path().join("ssmix2")
    }
    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("edge.log")).unwrap_or_default()
    }

    fn start(&mut self) {
        let mut command = Command::new(program());
        command.args(["edge", "--config"]).arg(self.config());
        self.run(command);
        until("the edge takes in", || self.log(), |_| TcpStream::connect(("127.0.0.1", self.mllp)).is_ok());
    }

    /// Runs it by this command.
    fn run(&mut self, mut command: Command) {
        let log = self.directory.path().join("edge.log");
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// As a power switch would: SIGKILL.
    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(asked.success() && child.wait().unwrap().success(), "{}", self.log());
    }

    /// The exit code, and what it says as JSON.
    fn status(&self) -> (Option<i32>, EdgeStatus) {
        let output = Command::new(program()).args(["edge", "status", "--json", "--config"]).arg(self.config()).output();
        let output = output.unwrap();
        let said = serde_json::from_slice(&output.stdout);
        (output.status.code(), said.unwrap_or_else(|_| panic_with(&output, &self.log())))
    }

    fn admin(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}

#[expect(clippy::panic, reason = "a status that cannot be read ends the test with what was said")]
fn panic_with(output: &Output, log: &str) -> EdgeStatus {
    panic!("{} {}\n{log}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Waits until it is so.
#[track_caller]
fn until<T: std::fmt::Debug>(what: &str, look: impl Fn() -> T, good: impl Fn(&T) -> bool) -> T {
    let begun = Instant::now();
    loop {
        let seen = look();
        if good(&seen) {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {seen:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Sends messages over one connection, one after another, each when the one before is answered; gives back the answers' codes.
fn send(port: u16, messages: &[String]) -> Vec<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    messages.iter().map(|message| answer(&mut stream, message)).collect()
}

fn answer(stream: &mut TcpStream, message: &str) -> String {
    stream.write_all(format!("\x0b{message}\x1c\r").as_bytes()).unwrap();
    let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
    while !text.ends_with(b"\x1c\r") {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "closed without an answer");
        text.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    let text = String::from_utf8(text).unwrap();
    text.split("MSA|").nth(1).and_then(|rest| rest.split('|').next()).unwrap().to_owned()
}

/// A result; of one order and item the later one corrects the earlier. `length` makes it long.
fn result(control: u32, patient: &str, length: usize) -> String {
    let minute = control % 60;
    [
        format!("MSH|^~\\&|LIS|HOSP|||2026040109{minute:02}00||ORU^R01|{control}|P|2.5"),
        format!("PID|||{patient}^^^HOSP^PI||Yamada^Taro||19600401|M"),
        format!("OBR|1|A{}||E001^panel|||2026040108{minute:02}00", control / 2),
        format!("OBX|1|NM|718-7^Hb^LN||{}.{minute}|g/dL|11.6-14.8||||C", control % 20),
        format!("OBX|2|ST|X1^remark^L||{control} {}||||||F\r", "x".repeat(length)),
    ]
    .join("\r")
}

fn admission(control: u32, patient: &str) -> String {
    [
        format!("MSH|^~\\&|HIS|HOSP|||20260401090000||ADT^A01|{control}|P|2.5"),
        "EVN|A01|20260401090000".to_owned(),
        format!("PID|||{patient}^^^HOSP^PI||Yamada^Taro||19600401|M"),
        format!("PV1|1|I|32^302^1^^^N||||||||01|||||||||V{control}|||||||||||||||||||||||||20260401090000"),
        "DG1|1||K29^gastritis^I10||20260401".to_owned(),
        "AL1|1|DA|1^penicillin^L|SV|y|20260401\r".to_owned(),
    ]
    .join("\r")
}

/// Writes a file of a storage; a later stamp replaces an earlier one of its place.
fn write_file(root: &Path, patient: &str, stamp: &str, value: &str) {
    let folder = root.join(format!("000/004/{patient}/20260401/OML-11"));
    std::fs::create_dir_all(&folder).unwrap();
    let message = [
        format!("MSH|^~\\&|HIS|SEND|GW|RCV|{stamp}||OUL^R22^OUL_R22|8|P|2.5||||||UNICODE UTF-8"),
        format!("PID|0001||{patient}||||19640411|M"),
        "SPM|1|1||019^blood^JC10|||||||||||||202604011000".to_owned(),
        "OBR|1|1|1|3^chemistry^JC10|||202604011000".to_owned(),
        format!("OBX|1|NM|3D046000001920402^HbA1c^JC10||{value}|%|||||F"),
    ];
    std::fs::write(folder.join(format!("{patient}_20260401_OML-11_1_{stamp}000_01_1")), message.join("\r") + "\r")
        .unwrap();
}

/// What the hospital sends before, during and after the cut.
struct Day {
    before: Vec<String>,
    during: Vec<String>,
    flood: Vec<String>,
    after: Vec<String>,
}

fn day() -> Day {
    let patients = || [PATIENTS[0], PATIENTS[1], PATIENTS[2], CLOSED].into_iter().cycle();
    let results = |from: u32, to: u32, length: usize| -> Vec<String> {
        (from..to).zip(patients()).map(|(control, patient)| result(control, patient, length)).collect()
    };
    let admissions = |from: u32| (from..).zip(patients()).take(4).map(|(control, patient)| admission(control, patient));
    Day {
        before: results(1, 20, 10),
        during: admissions(100).chain(results(20, 60, 10)).collect(),
        // More than the queue holds.
        flood: results(200, 212, 100_000),
        after: results(300, 310, 10),
    }
}

fn all_accepted(answers: &[String]) -> bool {
    answers.iter().all(|answer| answer == "AA")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_line_and_killed_processes_leave_the_views_byte_for_byte_as_without() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::prepare_with_tls(program(), directory.path(), "").unwrap();
    let mut cut = Region::raise(directory, rig).await;
    let cable = Cable::lay(cut.rig.ports().grpc);
    let mut gateway = Gateway::prepare(&cut.rig.pki(), cable.port);
    let checked = Command::new(program()).args(["edge", "config", "--check"]).arg(gateway.config()).output().unwrap();
    assert!(checked.status.success());
    gateway.start();
    let Day { before, during, flood, after } = day();

    // The node's directory does not know the hospital yet: what is taken waits, and the status says why.
    assert!(all_accepted(&send(gateway.mllp, &before)));
    write_file(&gateway.storage(), PATIENTS[1], "20260401103059", "7.1");
    let waits = |(code, status): &(Option<i32>, EdgeStatus)| {
        *code == Some(3) && status.queue.events >= 20 && status.line.reason.is_some()
    };
    let (_, status) = until("what is taken waits", || gateway.status(), waits);
    assert!(status.line.reason.as_ref().is_some_and(|reason| reason.contains("directory")), "{status:?}");
    assert_eq!((status.line.sent, status.queue.oldest.is_some()), (0, true));
    cut.register();
    let empty = |(_, status): &(Option<i32>, EdgeStatus)| status.queue.events == 0 && status.line.down_since.is_none();
    let (_, status) = until("the queue is brought", || gateway.status(), empty);
    assert!(status.line.position.is_some(), "{status:?}");

    // The line is cut. What comes is taken; the edge and the node are killed meanwhile.
    cable.cut();
    let (first, rest) = during.split_at(during.len() / 2);
    assert!(all_accepted(&send(gateway.mllp, first)));
    gateway.kill();
    cut.rig.kill().unwrap();
    write_file(&gateway.storage(), PATIENTS[1], "20260401113059", "7.4");
    write_file(&gateway.storage(), PATIENTS[2], "20260401103059", "6.0");
    gateway.start();
    // The sender did not see its last answers, and sends those again.
    assert!(all_accepted(&send(gateway.mllp, first)));
    assert!(all_accepted(&send(gateway.mllp, rest)));
    let held = |(code, status): &(Option<i32>, EdgeStatus)| *code == Some(3) && status.line.down_since.is_some();
    let (_, status) = until("the cut is said", || gateway.status(), held);
    assert!(status.queue.events >= during.len() as u64 && status.line.position.is_some(), "{status:?}");
    assert!(gateway.admin("/ready").contains(" 200 "), "it takes in");

    // More than the queue holds is not taken, and said so: nothing is lost.
    let answers = send(gateway.mllp, &flood);
    let refused = answers.iter().position(|answer| answer == "AR").unwrap();
    assert!(answers.iter().all(|answer| answer == "AA" || answer == "AR"), "{answers:?}");
    let (taken, turned_away): (Vec<_>, Vec<_>) = flood.iter().zip(&answers).partition(|(_, answer)| *answer == "AA");
    assert!(refused > 0 && !taken.is_empty() && !turned_away.is_empty());

    // All is as before, and the sender brings what was turned away.
    cut.rig.start(PATIENCE).await.unwrap();
    cable.mend();
    let (_, status) = until("it has caught up", || gateway.status(), empty);
    assert!(status.line.sent >= during.len() as u64 && status.line.refused == 0, "{status:?}");
    let again: Vec<String> = turned_away.iter().map(|(message, _)| (*message).clone()).collect();
    assert!(all_accepted(&send(gateway.mllp, &again)));
    assert!(all_accepted(&send(gateway.mllp, &after)));
    until("the last is brought", || gateway.status(), empty);

    // The same without a gateway and without a cut.
    let (directory, mllp) = (tempfile::tempdir().unwrap(), free_port().unwrap());
    let doors = format!(
        "[[mllp]]\naddress = \"127.0.0.1:{mllp}\"\nfacilities = [\"{HOSPITAL}\"]\ntls = false\n\n\
         [[storage]]\nname = \"std\"\npath = \"ssmix2\"\nfacility = \"{HOSPITAL}\"\nsettled_seconds = 0\nsweep_seconds = 1\n"
    );
    let rig = Rig::prepare(program(), directory.path(), &doors).unwrap();
    let whole = Region::raise(directory, rig).await;
    whole.register();
    let storage = whole.directory.path().join("ssmix2");
    assert!(all_accepted(&send(mllp, &before)));
    write_file(&storage, PATIENTS[1], "20260401103059", "7.1");
    until("the first file", || whole.results(HOSPITAL), |count| *count == whole_count(&before, 1));
    assert!(all_accepted(&send(mllp, &during)));
    write_file(&storage, PATIENTS[1], "20260401113059", "7.4");
    write_file(&storage, PATIENTS[2], "20260401103059", "6.0");
    let sorted: Vec<String> = taken.iter().map(|(message, _)| (*message).clone()).chain(again).collect();
    assert!(all_accepted(&send(mllp, &sorted)));
    assert!(all_accepted(&send(mllp, &after)));

    let sent: Vec<String> = [before, during, flood, after].concat();
    let full = whole_count(&sent, 2);
    for region in [&whole, &cut] {
        until("all results are seen", || region.results(HOSPITAL), |count| *count == full);
        until(
            "the corrected file is seen",
            || region.view(HOSPITAL),
            |view| view.values().flatten().any(|row| row.contains("7.4")),
        );
    }
    for who in [HOSPITAL, CLINIC] {
        let (with, without) = (cut.view(who), whole.view(who));
        assert!(without.values().all(|rows| rows.len() > 1), "{who} sees something of each: {without:?}");
        assert_eq!(with, without, "{who}");
    }
    assert!(!cut.view(CLINIC).values().flatten().any(|row| row.contains(CLOSED)));

    silence_is_said(&cut, &gateway);
    what_is_refused_here_is_said(&gateway);
    gateway.stop();
    let output = Command::new(program()).args(["edge", "status", "--config"]).arg(gateway.config()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "nobody answers");
    let told = gateway.log();
    for patient in PATIENTS.into_iter().chain([CLOSED, "Yamada", "A10|"]) {
        assert!(!told.contains(patient), "the log names a patient");
    }
    cut.rig.stop(PATIENCE).await.unwrap();
}

/// As the laboratory's count is printed: two results of each order, of which the later message corrects the earlier, and files.
fn whole_count(messages: &[String], files: usize) -> String {
    let orders: std::collections::BTreeSet<(&str, &str)> = messages
        .iter()
        .filter_map(|message| {
            let patient = message.split("PID|||").nth(1)?.split('^').next()?;
            Some((patient, message.split("OBR|1|").nth(1)?.split('|').next()?))
        })
        .collect();
    format!("n\n{}\n", orders.len() * 2 + files)
}

/// A feed falls silent: the log, the metrics, the status and the node say so within seconds; and that it is back.
fn silence_is_said(region: &Region, gateway: &Gateway) {
    let name = format!("mllp:{}", gateway.mllp);
    let silent = |(code, status): &(Option<i32>, EdgeStatus)| {
        *code == Some(3) && status.feeds.iter().any(|feed| feed.feed == name && feed.silent_since.is_some())
    };
    until("the silence is in the status", || gateway.status(), silent);
    assert!(gateway.log().contains("a feed has gone silent"));
    let metrics = gateway.admin("/metrics");
    let gauge = metrics.lines().find(|line| line.starts_with("ajisai_ingest_feed_silent") && line.contains(&name));
    assert!(gauge.is_some_and(|line| line.trim_end().ends_with(" 1")), "{metrics}");
    let at_node = || {
        let output = region.run(HOSPITAL, &["feeds", "--feed", &format!("edge-1/{name}")]);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    until("the node knows", at_node, |(code, text)| *code == Some(3) && text.contains("silent since"));
    let (_, text) = (0, region.run(HOSPITAL, &["feeds"]).stdout);
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("edge-1/std") && text.contains("edge-1/mllp │") || text.contains("edge-1/mllp ┆"), "{text}");
    // Stay in touch for longer than it may be silent, as a sender does.
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, port) = (Arc::clone(&stop), gateway.mllp);
    let sender = std::thread::spawn(move || {
        let mut control = 1000;
        while !stopped.load(Ordering::SeqCst) {
            control += 1;
            assert_eq!(send(port, &[result(control, CLOSED, 1)]), ["AA"]);
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    until("the node knows that it is back", at_node, |(code, text)| *code == Some(0) && text.contains("well"));
    until("and so does the status", || gateway.status(), |(code, _)| *code == Some(0));
    stop.store(true, Ordering::SeqCst);
    sender.join().unwrap();
}

fn what_is_refused_here_is_said(gateway: &Gateway) {
    let unreadable = result(2000, "", 1).replace("PID|||", "PID|||^^");
    assert_eq!(send(gateway.mllp, &[unreadable]), ["AE"]);
    let (code, status) = gateway.status();
    assert_eq!((code, status.quarantined), (Some(3), 1));
}
