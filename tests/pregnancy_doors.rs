//! A clinic's own system brings a pregnancy by the ways it knows, FHIR over HTTP and HL7 v2 over MLLP, and the perinatal centre
//! reads it in `pregnancies` and `pregnancy_checkups`; what no patient has is kept in the clinic's quarantine, with a reason.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands, also in its helpers")]

use ajisai::rig::{OFFICE, Rig, free_port};
use model::{FacilityId, Principal};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const CLINIC: &str = "clinic";
const CENTRE: &str = "centre";
const PATIENCE: Duration = Duration::from_secs(60);
/// By FHIR, and by HL7.
const WOMEN: [&str; 2] = ["0000044", "0000042"];

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
        let door = format!("[[mllp]]\naddress = \"127.0.0.1:{mllp}\"\nfacilities = [\"{CLINIC}\"]\ntls = false\n");
        let mut rig = Rig::prepare(Path::new(env!("CARGO_BIN_EXE_ajisai")), directory.path(), &door).unwrap();
        let config = std::fs::read_to_string(rig.config()).unwrap();
        let listen = format!("[listen]\nfhir = \"127.0.0.1:{fhir}\"\n");
        std::fs::write(rig.config(), config.replacen("[listen]\n", &listen, 1)).unwrap();
        rig.start(PATIENCE).await.unwrap();
        let region = Self { rig, directory, mllp, fhir };
        region.keep_token(OFFICE, &Rig::operator().unwrap());
        for (id, kind) in [(CLINIC, "clinic"), (CENTRE, "perinatal-centre")] {
            region.keep_token(id, &Rig::system(FacilityId::parse(id).unwrap()));
            region.say(OFFICE, &["directory", "facility", "--id", id, "--kind", kind, "--name", id, "--name-en", id]);
        }
        region.file(
            "scope.toml",
            "[[rules]]\ncategories = [\"all\"]\nviewer_kinds = [\"all\"]\nviewer_roles = [\"clinical\"]\n",
        );
        region.say(CLINIC, &["directory", "scope", "--from-file", &region.path("scope.toml")]);
        let (mut links, mut consents) = (String::from("a_number,b,b_number\n"), String::from("patient,viewers\n"));
        for (n, woman) in WOMEN.iter().enumerate() {
            links.push_str(&format!("{woman},{CENTRE},c-{n}\n"));
            consents.push_str(&format!("{woman},{CENTRE}\n"));
        }
        region.file("links.csv", &links);
        region.file("consents.csv", &consents);
        region.say(CLINIC, &["directory", "link", "--from-file", &region.path("links.csv")]);
        region.say(CLINIC, &["consent", "give", "--from-file", &region.path("consents.csv")]);
        region
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
        let token = self.path(&format!("{who}.token"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_ajisai"));
        command.args(arguments).args(["--address", &address, "--token", &token]).output().unwrap()
    }
    #[track_caller]
    fn say(&self, who: &str, arguments: &[&str]) -> String {
        let output = self.run(who, arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
        text
    }
    #[track_caller]
    fn rows(&self, sql: &str) -> Vec<String> {
        let text = self.say(CENTRE, &["sql", "--format", "csv", sql]);
        text.lines().skip(1).map(|line| line.trim().to_owned()).collect()
    }
    /// Waits until a question has this answer.
    #[track_caller]
    fn until(&self, sql: &str, expected: &[&str]) {
        let begun = Instant::now();
        loop {
            let told = self.rows(sql);
            if told == expected {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{sql}: {told:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    fn send(&self, message: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.mllp)).unwrap();
        stream.write_all(format!("\x0b{message}\x1c\r").as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        answers
    }
    fn post(&self, body: &str) -> (u16, String) {
        let token = std::fs::read_to_string(self.path(&format!("{CLINIC}.token"))).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", self.fhir)).unwrap();
        let head = format!(
            "POST /fhir HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/fhir+json\r\n\
             Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            token.trim(),
            body.len()
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }
}

/// The day in Japan so many days from today.
fn day(from_today: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seconds = i64::try_from(now).unwrap() + 9 * 3_600 + from_today * 86_400;
    jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y-%m-%d").to_string()
}
fn plain(day: &str) -> String {
    day.replace('-', "")
}

/// A resource of the first woman.
fn resource(kind: &str, id: &str, rest: &str) -> String {
    format!(r#"{{"resource":{{"resourceType":"{kind}","id":"{id}","subject":{{"reference":"Patient/p"}},{rest}}}}}"#)
}
fn observation(id: &str, (code, on): (&str, &str), value: &str) -> String {
    let rest = format!(
        r#""status":"final","category":[{{"coding":[{{"code":"exam"}}]}}],
           "code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},
           "effectiveDateTime":"{on}T10:00:00+09:00",{value}"#
    );
    resource("Observation", id, &rest)
}
fn quantity(value: &str, unit: &str) -> String {
    format!(
        r#""valueQuantity":{{"value":{value},"unit":"{unit}","system":"http://unitsofmeasure.org","code":"{unit}"}}"#
    )
}
fn bundle(entries: &[String]) -> String {
    let patient = format!(
        r#"{{"resource":{{"resourceType":"Patient","id":"p","birthDate":"1994-04-01","gender":"female",
           "identifier":[{{"system":"urn:oid:1.2.392.100495.20.3.51.14210000000","value":"{}"}}]}}}}"#,
        WOMEN[0]
    );
    let entries: Vec<&str> = std::iter::once(&patient).chain(entries).map(String::as_str).collect();
    format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(","))
}

const PREGNANCY: &str = "SELECT my_patient_id, outcome, gravida, para, due_date, due_basis, gestational_age, checkups, sources \
                         FROM pregnancies ORDER BY 1";
const CHECKUPS: &str = "SELECT my_patient_id, at::DATE, gestational_age, fetus, fundal_height, estimated_weight, heart_rate, systolic \
                        FROM pregnancy_checkups ORDER BY 1, 2, 4";

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_that_speaks_fhir_or_hl7_brings_a_pregnancy_to_the_centre() {
    let region = Region::raise().await;
    // 30 weeks and 0 days today; 26 weeks and 0 days four weeks ago
    let (due, visited) = (day(70), day(-28));

    // === FHIR ===
    let pressure = format!(
        r#""status":"final","category":[{{"coding":[{{"code":"vital-signs"}}]}}],"effectiveDateTime":"{visited}T10:05:00+09:00",
           "code":{{"coding":[{{"system":"http://loinc.org","code":"85354-9"}}]}},"component":[
             {{"code":{{"coding":[{{"system":"http://loinc.org","code":"8480-6"}}]}},{}}},
             {{"code":{{"coding":[{{"system":"http://loinc.org","code":"8462-4"}}]}},{}}}]"#,
        quantity("118", "mm[Hg]"),
        quantity("70", "mm[Hg]")
    );
    let visit = format!(
        r#""status":"finished","class":{{"code":"AMB"}},"period":{{"start":"{visited}T10:00:00+09:00"}},
           "type":[{{"coding":[{{"system":"http://snomed.info/sct","code":"424619006"}}]}}]"#
    );
    let body = bundle(&[
        resource("Encounter", "v1", &visit),
        observation("edd", ("11778-8", &visited), &format!(r#""valueDateTime":"{due}""#)),
        observation("gravida", ("11996-6", &visited), r#""valueInteger":2"#),
        observation("para", ("11977-6", &visited), r#""valueInteger":1"#),
        observation("fundus", ("11881-0", &visited), &quantity("245", "mm")),
        observation("weight", ("11727-5", &visited), &quantity("0.91", "kg")),
        observation("heart", ("11948-7", &visited), &quantity("146", "/min")),
        resource("Observation", "pressure", &pressure),
    ]);
    let (status, answer) = region.post(&body);
    assert_eq!(status, 200, "{answer}");
    let by_fhir = format!("c-0,pregnant,2,1,{due},written,30w0d,1,[{CLINIC}]");
    region.until(PREGNANCY, &[&by_fhir]);
    let visit_by_fhir = format!("c-0,{visited},26w0d,1,24.5,910.0,146.0,118.0");
    region.until(CHECKUPS, &[&visit_by_fhir]);

    // what no patient has is kept aside with a reason that names no value, and nothing of it is shown
    let wrong = bundle(&[
        observation("wrong", ("11727-5", &visited), &quantity("910", "kg")),
        observation("date", ("11778-8", &visited), r#""valueDateTime":"2016-13-40""#),
        observation("unit", ("11881-0", &visited), &quantity("10", "[in_i]")),
    ]);
    let (status, answer) = region.post(&wrong);
    assert!((200..500).contains(&status), "{answer}");
    assert!(
        answer.contains("50 to 7000 g") && answer.contains("a whole day") && !answer.contains("2016-13-40"),
        "{answer}"
    );
    let kept = region.say(CLINIC, &["quarantine", "list"]);
    assert_eq!(kept.matches("invalid_element").count(), 3, "{kept}");
    assert_eq!(region.rows(PREGNANCY), [by_fhir.as_str()]);

    // === HL7 v2 ===
    let message = |control: u32, observations: &[String]| {
        let head = [
            format!("MSH|^~\\&|EMR|CLINIC|||{}103000||ORU^R01|{control}|P|2.5", plain(&visited)),
            format!("PID|||{}^^^CLINIC^PI||||19950401|F", WOMEN[1]),
            format!("OBR|1|A{control}||OB^checkup^L|||{}100000", plain(&visited)),
        ];
        let all: Vec<&str> = head.iter().chain(observations).map(String::as_str).collect();
        all.join("\r") + "\r"
    };
    let answer = region.send(&message(
        1,
        &[
            "OBX|1|ST|checkup^^99AJISAI||||||||F".to_owned(),
            format!("OBX|2|DT|11778-8^EDD^LN||{}||||||F", plain(&due)),
            "OBX|3|NM|11996-6^gravida^LN||1||||||F".to_owned(),
            "OBX|4|NM|11977-6^para^LN||0||||||F".to_owned(),
            "OBX|5|NM|11881-0^FH^LN||24.5|cm|||||F".to_owned(),
            "OBX|6|NM|11727-5^EFW^LN|1|880|g|||||F".to_owned(),
            "OBX|7|NM|11727-5^EFW^LN|2|0.79|kg|||||F".to_owned(),
            "OBX|8|NM|9A751000000000001^SBP^JC10||112|mmHg|||||F".to_owned(),
            "OBX|9|NM|9A761000000000001^DBP^JC10||64|mmHg|||||F".to_owned(),
        ],
    ));
    assert!(answer.contains("MSA|AA|1"), "{answer}");
    let by_hl7 = format!("c-1,pregnant,1,0,{due},written,30w0d,1,[{CLINIC}]");
    region.until(PREGNANCY, &[&by_fhir, &by_hl7]);
    let of = |fetus: u8, weight: &str| format!("c-1,{visited},26w0d,{fetus},24.5,{weight},,112.0");
    region.until(CHECKUPS, &[&visit_by_fhir, &of(1, "880.0"), &of(2, "790.0")]);
    let answer = region.send(&message(2, &["OBX|1|NM|11727-5^EFW^LN||880|kg|||||F".to_owned()]));
    assert!(answer.contains("MSA|AE|2") && !answer.contains("880"), "{answer}");

    // === a bedside monitor (IHE DEC) ===
    let warned = "SELECT rule, limit_key, measured_by, age_seconds BETWEEN 0 AND 120 FROM maternal_warnings \
                  WHERE my_patient_id = 'c-1' AND limit_key IS NOT NULL ORDER BY 1, 2";
    assert_eq!(region.rows(warned), [] as [&str; 0], "nothing is reached by what was written down");
    let now = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9)))
        .strftime("%Y%m%d%H%M%S")
        .to_string();
    let answer = region.send(
        &[
            format!("MSH|^~\\&|MON|CLINIC|||{now}||ORU^R01|3|P|2.6"),
            format!("PID|||{}^^^CLINIC^PI||||19950401|F", WOMEN[1]),
            "PV1|1|I|LDR^1^2".to_owned(),
            format!("OBR|1||M3^MON|69837^MDC_DEV_METER_PHYSIO_MULTI_PARAM_MDS^MDC|||{now}"),
            format!(
                "OBX|1|NM|149546^MDC_PULS_RATE_NON_INV^MDC|1.1.1.1|124|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||{now}"
            ),
            format!("OBX|2|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.1.1.2|80|266016^MDC_DIM_MMHG^MDC|||||F|||{now}"),
            format!("OBX|3|NM|150022^MDC_PRESS_BLD_NONINV_DIA^MDC|1.1.1.3|50|266016^MDC_DIM_MMHG^MDC|||||F|||{now}"),
            String::new(),
        ]
        .join("\r"),
    );
    assert!(answer.contains("MSA|AA|3"), "{answer}");
    region.until(
        warned,
        &[
            "early-warning,merc-pulse-high,monitor,true",
            "early-warning,merc-systolic-low,monitor,true",
            "haemorrhage,shock-abnormal,monitor,true",
            "haemorrhage,shock-critical,monitor,true",
            "meows,meows-red-pulse,monitor,true",
            "meows,meows-red-systolic,monitor,true",
        ],
    );
    assert_eq!(region.rows(PREGNANCY), [by_fhir.as_str(), &by_hl7], "a monitor changes no pregnancy");

    // a correction takes the place of what it corrects; a withdrawal of consent shows nothing any more
    let corrected = bundle(&[observation("edd", ("11778-8", &visited), &format!(r#""valueDateTime":"{}""#, day(77)))
        .replace("\"final\"", "\"corrected\"")]);
    assert_eq!(region.post(&corrected).0, 200);
    region.until(PREGNANCY, &[&by_fhir.replace(&due, &day(77)).replace("30w0d", "29w0d"), &by_hl7]);
}
