//! What a hospital emits, by the ways its own systems know, becomes rows that a consented clinic reads: HL7 v2 over MLLP
//! (sent by PyPI's `mllp_send` where it is installed), an SS-MIX2 storage that is only there, FHIR over HTTP.
//!
//! The five patients of `../shared/data` (or `AJISAI_SHARED_DATA`) are in the storage where they are there.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::rig::{OFFICE, Rig, free_port};
use model::{FacilityId, Principal};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const HOSPITAL: &str = "hospital";
const CLINIC: &str = "clinic";
const PATIENCE: Duration = Duration::from_secs(60);

/// Patients of the hospital: by MLLP, by the storage, by FHIR, and one without consent, by MLLP.
const BY_MLLP: &str = "0000042";
const BY_STORAGE: &str = "0000043";
const BY_FHIR: &str = "0000044";
const CLOSED: &str = "0000099";
/// One whose consent names drugs and results, and no vaccinations.
const NARROW: &str = "0000097";
/// The last to come.
const LAST: &str = "0000098";
/// One of the five patients.
const OF_FIVE: &str = "3710076175";

struct Region {
    rig: Rig,
    directory: tempfile::TempDir,
    mllp: u16,
    fhir: u16,
}

impl Region {
    async fn raise() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (mllp, fhir) = (free_port().unwrap(), free_port().unwrap());
        let doors = format!(
            "[[mllp]]\naddress = \"127.0.0.1:{mllp}\"\nfacilities = [\"{HOSPITAL}\"]\ntls = false\n\n\
             [[storage]]\nname = \"std\"\npath = \"ssmix2\"\nfacility = \"{HOSPITAL}\"\nsettled_seconds = 0\n\
             sweep_seconds = 1\nsurvey_minutes = 1\n"
        );
        let mut rig = Rig::prepare(Path::new(env!("CARGO_BIN_EXE_ajisai")), directory.path(), &doors).unwrap();
        let config = std::fs::read_to_string(rig.config()).unwrap();
        let listen = format!("[listen]\nfhir = \"127.0.0.1:{fhir}\"\n");
        std::fs::write(rig.config(), config.replacen("[listen]\n", &listen, 1)).unwrap();
        rig.start(PATIENCE).await.unwrap();
        let region = Self { rig, directory, mllp, fhir };
        region.keep_token(OFFICE, &Rig::operator().unwrap());
        for id in [HOSPITAL, CLINIC] {
            region.keep_token(id, &Rig::system(FacilityId::parse(id).unwrap()));
        }
        region
    }

    /// Registers the facilities and opens all patients but one to the clinic.
    fn register(&self) {
        for (id, kind) in [(HOSPITAL, "hospital"), (CLINIC, "clinic")] {
            self.say(OFFICE, &["directory", "facility", "--id", id, "--kind", kind, "--name", id, "--name-en", id]);
        }
        self.file(
            "scope.toml",
            "[[rules]]\ncategories = [\"all\"]\nviewer_kinds = [\"all\"]\nviewer_roles = [\"clinical\"]\n",
        );
        self.say(HOSPITAL, &["directory", "scope", "--from-file", &self.path("scope.toml")]);
        let (mut links, mut consents) = (String::from("a_number,b,b_number\n"), String::from("patient,viewers\n"));
        for (n, patient) in [BY_MLLP, BY_STORAGE, BY_FHIR, OF_FIVE].into_iter().enumerate() {
            links.push_str(&format!("{patient},{CLINIC},k-{n}\n"));
            consents.push_str(&format!("{patient},{CLINIC}\n"));
        }
        links.push_str(&format!("{NARROW},{CLINIC},k-narrow\n"));
        self.file("narrow.csv", &format!("patient,viewers,categories\n{NARROW},{CLINIC},medication|laboratory\n"));
        self.file("links.csv", &links);
        self.file("consents.csv", &consents);
        self.say(HOSPITAL, &["directory", "link", "--from-file", &self.path("links.csv")]);
        self.say(HOSPITAL, &["consent", "give", "--from-file", &self.path("consents.csv")]);
        self.say(HOSPITAL, &["consent", "give", "--from-file", &self.path("narrow.csv")]);
    }

    /// Who is vaccinated on which day, as a facility sees it.
    fn vaccinations(&self, who: &str) -> Vec<String> {
        let sql =
            "SELECT patient_id, CAST(occurred + INTERVAL '9 hours' AS DATE) AS day FROM immunization ORDER BY 1, 2";
        let text = self.say(who, &["sql", "--format", "csv", sql]);
        text.lines().skip(1).map(str::to_owned).collect()
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }
    fn keep_token(&self, name: &str, principal: &Principal) {
        self.file(&format!("{name}.token"), &self.rig.token(principal).unwrap());
    }
    fn run(&self, who: &str, arguments: &[&str]) -> Output {
        let address = format!("http://127.0.0.1:{}", self.rig.ports().grpc);
        Command::new(env!("CARGO_BIN_EXE_ajisai"))
            .args(arguments)
            .args(["--address", &address, "--token", &self.path(&format!("{who}.token"))])
            .output()
            .unwrap()
    }
    #[track_caller]
    fn say(&self, who: &str, arguments: &[&str]) -> String {
        let output = self.run(who, arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
        text
    }
    /// Laboratory rows by patient.
    fn rows(&self, who: &str) -> BTreeMap<String, u64> {
        let sql = "SELECT patient_id, count(*) AS n FROM laboratory GROUP BY patient_id";
        let text = self.say(who, &["sql", "--format", "csv", sql]);
        let row = |line: &str| {
            let (patient, count) = line.split_once(',').unwrap();
            (patient.to_owned(), count.trim().parse().unwrap())
        };
        text.lines().skip(1).map(row).collect()
    }
    /// Per feed: what the source has, and what was taken. Empty while there are gaps or nothing is known.
    fn feeds(&self) -> BTreeMap<String, (u64, u64)> {
        let output = self.run(HOSPITAL, &["feeds"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let mut sums = BTreeMap::new();
        for line in text.lines().filter(|line| output.status.code() == Some(0) && line.contains("-")) {
            let cells: Vec<&str> = line.split(['│', '┆']).map(str::trim).collect();
            if let [_, feed, _, _, source, ours, ..] = cells.as_slice()
                && let (Ok(source), Ok(ours)) = (source.parse::<u64>(), ours.parse::<u64>())
            {
                let sum: &mut (u64, u64) = sums.entry((*feed).to_owned()).or_default();
                *sum = (sum.0 + source, sum.1 + ours);
            }
        }
        sums
    }

    /// Sends HL7 messages and gives back what was answered: by `mllp_send` where it is, else over a socket of our own.
    fn send(&self, messages: &str) -> String {
        self.file("messages.hl7", messages);
        if let Some(program) = mllp_send() {
            let port = self.mllp.to_string();
            let file = self.path("messages.hl7");
            let arguments = ["--loose", "--port", &port, "--file", &file, "127.0.0.1"];
            let output = Command::new(program).args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return String::from_utf8_lossy(&output.stdout).into_owned();
        }
        println!("mllp_send is not there (make tools): sent over a socket of the test's own");
        let mut stream = TcpStream::connect(("127.0.0.1", self.mllp)).unwrap();
        for message in messages.split_inclusive("\r\n").filter(|message| !message.is_empty()) {
            stream.write_all(format!("\x0b{}\x1c\r", message.trim_end_matches('\n')).as_bytes()).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        answers
    }

    /// Posts a body to `/fhir`: the status and the answer.
    fn post(&self, token: Option<&str>, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.fhir)).unwrap();
        let authorization = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        let head = format!(
            "POST /fhir HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/fhir+json\r\n\
             {authorization}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }
}

fn mllp_send() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain([own]).map(|folder| folder.join("mllp_send")).find(|it| it.is_file())
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
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn result(control: u32, patient: &str) -> String {
    [
        format!("MSH|^~\\&|LIS|HOSP|||20260401093000||ORU^R01|{control}|P|2.5"),
        format!("PID|||{patient}^^^HOSP^PI"),
        "OBR|1|A1||E001^panel".to_owned(),
        "OBX|1|NM|718-7^Hb^LN||13.2|g/dL|11.6-14.8||||F".to_owned(),
    ]
    .join("\r")
        + "\r\n"
}

/// A vaccination; `action` is `A`, `U` or `D`.
fn vaccination(control: u32, patient: &str, (number, day, action): (&str, &str, &str)) -> String {
    [
        format!("MSH|^~\\&|HIS|HOSP|||2026040112{:02}00||VXU^V04|{control}|P|2.5", control % 60),
        format!("PID|||{patient}^^^HOSP^PI"),
        format!("ORC|RE||{number}"),
        format!("RXA|0|1|{day}||08^B型肝炎^CVX|0.5|mL||||||||HB0123|||||CP|{action}"),
    ]
    .join("\r")
        + "\r\n"
}

fn bundle() -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[
          {{"resource":{{"resourceType":"Patient","id":"p","birthDate":"1960-04-01",
            "identifier":[{{"system":"urn:oid:1.2.392.100495.20.3.51.14210000000","value":"{BY_FHIR}"}}]}}}},
          {{"resource":{{"resourceType":"Observation","id":"o1","status":"final",
            "category":[{{"coding":[{{"code":"laboratory"}}]}}],
            "code":{{"coding":[{{"system":"http://loinc.org","code":"4548-4"}}]}},
            "subject":{{"reference":"Patient/p"}},"effectiveDateTime":"2026-04-01T09:00:00+09:00",
            "valueQuantity":{{"value":7.1,"unit":"%"}}}}}}]}}"#
    )
}

/// Writes a storage of one file, and the five patients' where they are there; says how many files there are.
fn write_storage(root: &Path) -> u64 {
    let folder = root.join(format!("000/004/{BY_STORAGE}/20260401/OML-11"));
    std::fs::create_dir_all(&folder).unwrap();
    let message = [
        "MSH|^~\\&|HIS|SEND|GW|RCV|20260401103059||OUL^R22^OUL_R22|8|P|2.5||||||UNICODE UTF-8".to_owned(),
        format!("PID|0001||{BY_STORAGE}||||19640411|M"),
        "SPM|1|1||019^blood^JC10|||||||||||||202604011000".to_owned(),
        "OBR|1|1|1|3^chemistry^JC10|||202604011000".to_owned(),
        "OBX|1|NM|3D046000001920402^HbA1c^JC10||7.1|%|||||F".to_owned(),
    ];
    std::fs::write(
        folder.join(format!("{BY_STORAGE}_20260401_OML-11_1_20260401103059000_01_1")),
        message.join("\r") + "\r",
    )
    .unwrap();
    1 + copy_five(root)
}

fn shared() -> PathBuf {
    std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from)
        .join("ss-mix2/five-patients/ssmix2_root")
}

fn copy_five(root: &Path) -> u64 {
    let from = shared();
    if !from.is_dir() {
        println!("NOT FOUND: {} (set AJISAI_SHARED_DATA); the storage has one file", from.display());
        return 0;
    }
    let (mut folders, mut files) = (vec![from.clone()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let to = root.join(path.strip_prefix(&from).unwrap());
            if path.is_dir() {
                std::fs::create_dir_all(&to).unwrap();
                folders.push(path);
            } else {
                std::fs::copy(&path, &to).unwrap();
                files += 1;
            }
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hospital_emits_is_read_by_a_consented_clinic_and_nothing_comes_twice() {
    let mut region = Region::raise().await;
    let files = write_storage(&region.directory.path().join("ssmix2"));
    let five = files > 1;

    // A line for a facility that the directory does not know takes nothing, and what was sent may be sent again.
    let answers = region.send(&result(7, BY_MLLP));
    assert_eq!(answers.matches("MSA|AR|7").count(), 1, "{answers}");
    assert_eq!(region.post(None, &bundle()).0, 401);
    region.register();

    let answers = region.send(&(result(7, BY_MLLP) + &result(8, CLOSED)));
    assert_eq!(answers.matches("MSA|AA|").count(), 2, "{answers}");
    let token = std::fs::read_to_string(region.path("hospital.token")).unwrap();
    let (status, answer) = region.post(Some(&token), &bundle());
    assert_eq!(status, 200, "{answer}");

    let all = |rows: &BTreeMap<String, u64>| {
        [BY_MLLP, BY_STORAGE, BY_FHIR].iter().all(|patient| rows.get(*patient) == Some(&1))
            && (!five || rows.contains_key(OF_FIVE))
    };
    let clinic = until("the clinic reads what it has consent for", || region.rows(CLINIC), all);
    assert_eq!(clinic.len(), if five { 4 } else { 3 }, "and nothing else: {clinic:?}");

    // What came is counted against what there was to come; the messages before the directory knew the hospital are not lost.
    let feeds =
        until("the feeds are whole", || region.feeds(), |feeds| feeds.len() == 3 && feeds["std"] == (files, files));
    assert_eq!(feeds["std"], (files, files));
    assert_eq!(feeds["mllp"], (2, 2));
    assert_eq!(feeds["fhir"], (2, 2));
    // The same in SQL, for the hospital alone.
    let in_sql = |who: &str| {
        let sql = "SELECT feed, sum(offered), sum(dealt_with), bool_and(is_whole), \
                   bool_and(offered_digest = dealt_with_digest) FROM feed_days GROUP BY feed ORDER BY feed";
        let text = region.say(who, &["sql", "--format", "csv", sql]);
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let std = format!("std,{files},{files},true,true");
    assert_eq!(in_sql(HOSPITAL), ["fhir,2,2,true,true".to_owned(), "mllp,2,2,true,true".to_owned(), std]);
    assert_eq!(in_sql(CLINIC), Vec::<String>::new());
    let gaps = region.say(HOSPITAL, &["feeds", "gaps", "--feed", "std", "--day", "2026-04-01"]);
    assert!(!gaps.contains("missing"), "{gaps}");
    let hospital = region.rows(HOSPITAL);
    assert_eq!(hospital[CLOSED], 1);

    // The same again, before and after a restart: taken for what it is.
    for round in 0..2 {
        let answers = region.send(&result(7, BY_MLLP));
        assert_eq!(answers.matches("MSA|AA|7").count(), 1, "round {round}: {answers}");
        assert_eq!(region.post(Some(&token), &bundle()).0, 200);
        if round == 0 {
            region.rig.stop(PATIENCE).await.unwrap();
            region.rig.start(PATIENCE).await.unwrap();
        }
    }
    // One more, so that what came before it has come.
    assert!(region.send(&result(9, LAST)).contains("MSA|AA|9"));
    let after = until("the last one is there", || region.rows(HOSPITAL), |rows| rows.contains_key(LAST));
    let expected = hospital.into_iter().chain([(LAST.to_owned(), 1)]).collect::<BTreeMap<_, _>>();
    assert_eq!(after, expected, "no row twice");
    assert_eq!(region.rows(CLINIC), clinic);
    let is_whole = |feeds: &BTreeMap<String, (u64, u64)>| feeds["std"] == (files, files) && feeds["mllp"] == (3, 3);
    let again = until("the feeds are whole", || region.feeds(), is_whole);
    assert_eq!((again["std"], again["mllp"], again["fhir"]), ((files, files), (3, 3), (2, 2)));

    // Vaccinations: opened by a consent for everything and by none that names other categories; the day is put right, and what was
    // of another patient is taken back.
    let given =
        vaccination(1000, BY_MLLP, ("V1", "20260401", "A")) + &vaccination(1001, NARROW, ("V2", "20260401", "A"));
    assert_eq!(region.send(&given).matches("MSA|AA|").count(), 2);
    let both = [format!("{BY_MLLP},2026-04-01"), format!("{NARROW},2026-04-01")];
    until("the hospital sees both", || region.vaccinations(HOSPITAL), |seen| *seen == both);
    assert_eq!(region.vaccinations(CLINIC), [format!("{BY_MLLP},2026-04-01")]);
    let corrected = vaccination(1002, BY_MLLP, ("V1", "20260331", "U"))
        + &vaccination(1003, NARROW, ("V2", "20260401", "D"))
        + &vaccination(1004, BY_STORAGE, ("V2", "20260401", "A"));
    assert_eq!(region.send(&corrected).matches("MSA|AA|").count(), 3);
    let right = [format!("{BY_MLLP},2026-03-31"), format!("{BY_STORAGE},2026-04-01")];
    until("it is put right", || region.vaccinations(CLINIC), |seen| *seen == right);
    assert_eq!(region.vaccinations(HOSPITAL), right);

    // What cannot be read is kept aside and, put right, replayed: what it was is listed.
    assert!(region.send(&result(10, "").replace("PID|||", "PID|||^^")).contains("MSA|AE|10"));
    let kept = region.say(HOSPITAL, &["quarantine", "list"]);
    let id = kept.lines().find(|line| line.contains("hl7v2")).unwrap().split(['│', '┆']).nth(1).unwrap().trim();
    region.file("fixed.hl7", &result(10, LAST).replace("OBR|1|A1", "OBR|1|A2"));
    region.say(HOSPITAL, &["quarantine", "replay", id, "--replacement", &region.path("fixed.hl7")]);
    let replayed = region.say(HOSPITAL, &["quarantine", "replayed"]);
    assert!(replayed.contains(id) && replayed.contains("はい yes"), "{replayed}");
    until("what was replayed is there", || region.rows(HOSPITAL), |rows| rows.get(LAST) == Some(&2));
    region.rig.stop(PATIENCE).await.unwrap();
}
