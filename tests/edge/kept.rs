//! What an edge itself refused, by each of its ways in, is shown, put right and replayed there, and comes to the view.

use super::*;
use model::FacilityId;

const HAEMOGLOBIN: &str = "718-7";

impl Gateway {
    fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    /// `ajisai quarantine … --edge DIR`.
    fn quarantine(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(program());
        command.arg("quarantine").args(arguments).arg("--edge").arg(self.data()).stdin(Stdio::null());
        command.output().unwrap()
    }

    /// What is listed, by form: the ids.
    fn kept(&self, form: &str) -> Vec<String> {
        let output = self.quarantine(&["list"]);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let rows = text.lines().map(|line| line.split(['│', '┆']).map(str::trim).collect::<Vec<_>>());
        let id = |cells: Vec<&str>| cells.get(1).map(|id| (*id).to_owned());
        rows.filter(|cells| cells.get(4) == Some(&form)).filter_map(id).collect()
    }

    /// Posts to the edge's `/fhir`.
    pub(super) fn post(&self, token: &str, body: &str) -> (u16, serde_json::Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.fhir)).unwrap();
        let head = format!(
            "POST /fhir HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/fhir+json\r\n\
             Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap())
    }
}

pub(super) fn token(region: &Region) -> String {
    region.rig.token(&Rig::system(FacilityId::parse(HOSPITAL).unwrap())).unwrap()
}

/// A patient and two results of theirs; the second has a status that nobody knows when it is written wrong.
pub(super) fn bundle(patient: &str, first: &str, status: &str) -> String {
    let observation = |id: &str, status: &str, code: &str| {
        format!(
            r#"{{"resource":{{"resourceType":"Observation","id":"{id}","status":"{status}",
                "category":[{{"coding":[{{"code":"laboratory"}}]}}],
                "code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},
                "subject":{{"reference":"Patient/p"}},"effectiveDateTime":"2026-04-01T09:00:00+09:00",
                "valueQuantity":{{"value":7.1,"unit":"%"}}}}}}"#
        )
    };
    format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[
          {{"resource":{{"resourceType":"Patient","id":"p","birthDate":"1960-04-01",
            "identifier":[{{"system":"urn:oid:1.2.392.100495.20.3.51.14210000000","value":"{patient}"}}]}}}},
          {},{}]}}"#,
        observation(first, "final", "4548-4"),
        observation(&format!("{first}-2"), status, "2345-7"),
    )
}

fn unreadable(control: u32) -> String {
    result(control, "", 1).replace("PID|||", "PID|||^^")
}

/// Rows of these codes that a facility sees, and whose.
fn seen(region: &Region, who: &str) -> BTreeMap<String, u64> {
    let sql = "SELECT code, count(*) AS n FROM laboratory GROUP BY code";
    let text = region.say(who, &["sql", "--format", "csv", sql]);
    let row = |line: &str| {
        let (code, count) = line.split_once(',').unwrap();
        (code.to_owned(), count.trim().parse().unwrap())
    };
    text.lines().skip(1).map(row).collect()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_edge_refused_is_shown_put_right_and_replayed_there_and_comes_to_the_view() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::prepare_with_tls(program(), directory.path(), "").unwrap();
    let mut region = Region::raise(directory, rig).await;
    let mut gateway = Gateway::prepare(&region.rig.pki(), region.rig.ports().grpc);
    region.register();
    gateway.start();
    let socket = gateway.data().join("quarantine.sock");
    until("the edge answers", || std::fs::metadata(&socket).is_ok(), |there| *there);
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the edge's user alone asks");

    // By each way in something is refused, and kept.
    assert_eq!(send(gateway.mllp, &[unreadable(1)]), ["AE"]);
    let (status, outcome) = gateway.post("nobody's", &bundle(PATIENTS[0], "o1", "final"));
    assert_eq!((status, outcome["resourceType"].as_str()), (401, Some("OperationOutcome")));
    let (status, outcome) = gateway.post(&token(&region), &bundle(PATIENTS[0], "o1", "finall"));
    assert_eq!((status, outcome["resourceType"].as_str()), (422, Some("OperationOutcome")), "{outcome}");
    assert_eq!(outcome["issue"][0]["code"].as_str(), Some("code-invalid"), "{outcome}");
    assert_eq!(outcome["issue"].as_array().map(Vec::len), Some(1), "{outcome}");
    write_file(&gateway.storage(), PATIENTS[1], "20260401103059", "7.1");
    let folder = gateway.storage().join(format!("000/004/{}/20260401/OML-11", PATIENTS[1]));
    let name = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let message = std::fs::read_to_string(folder.join(&name)).unwrap();
    let mixed_up = name.replace("_OML-11_1_", "_OML-11_2_");
    std::fs::write(folder.join(mixed_up), message.replace(PATIENTS[1], CLOSED).replace("OBR|1|1|1|", "OBR|1|2|2|"))
        .unwrap();
    let all_three = |status: &(Option<i32>, EdgeStatus)| status.1.quarantined == 3;
    until("one of each waits", || gateway.status(), all_three);

    // What was right in the body and the storage is there already: FHIR by an edge is a row of the view.
    let first = || seen(&region, CLINIC);
    let came = until("the clinic sees what was right", first, |rows| rows.values().sum::<u64>() == 2);
    assert_eq!(came["4548-4"], 1, "{came:?}");

    // Listed and shown; sent as it is, it is refused as it was.
    let [message] = gateway.kept("hl7v2").try_into().unwrap();
    let [resource] = gateway.kept("fhir").try_into().unwrap();
    let [file] = gateway.kept("ss-mix2").try_into().unwrap();
    let shown = gateway.quarantine(&["show", &message]);
    assert!(text(&shown).contains("MSH|") && text(&shown).contains("PID"), "{shown:?}");
    assert_eq!(gateway.quarantine(&["replay", &message]).status.code(), Some(3));
    assert_eq!(gateway.kept("hl7v2"), std::slice::from_ref(&message), "refused again, it stays, once");
    let stranger = gateway.quarantine(&["show", "01900000-0000-7000-8000-000000000000"]);
    assert_eq!(stranger.status.code(), Some(1));

    // Put right in an editor, which sees HL7 as lines; not changed, nothing is sent.
    assert_eq!(gateway.quarantine(&["edit", &message, "--editor", "true"]).status.code(), Some(1));
    let to = |patient: &str| format!("sed -i 's/^PID|||[^|]*/PID|||{patient}^^^HOSP^PI/'");
    let edited = gateway.quarantine(&["edit", &message, "--editor", &to(PATIENTS[0])]);
    assert!(edited.status.success() && text(&edited).contains("in the queue"), "{}", text(&edited));
    let whose = format!("sed -i 's/^PID|0001||[0-9]*/PID|0001||{}/'", PATIENTS[1]);
    let edited = gateway.quarantine(&["edit", &file, "--editor", &whose]);
    assert!(edited.status.success(), "{}", text(&edited));
    // Or in a file.
    let path = region.path("resource.json");
    assert!(gateway.quarantine(&["show", &resource, "--output", &path]).status.success());
    let mended = std::fs::read_to_string(&path).unwrap().replace("finall", "final");
    std::fs::write(&path, mended).unwrap();
    let replayed = gateway.quarantine(&["replay", &resource, "--replacement", &path]);
    assert!(replayed.status.success(), "{}", text(&replayed));

    let whole = |rows: &BTreeMap<String, u64>| rows.values().sum::<u64>() == 6;
    let rows = until("the clinic sees what was put right", first, whole);
    assert_eq!((rows[HAEMOGLOBIN], rows["2345-7"]), (1, 1), "{rows:?}");
    let lineage = text(&gateway.quarantine(&["replayed"]));
    assert!([&message, &resource, &file].iter().all(|id| lineage.contains(id.as_str())), "{lineage}");
    assert_eq!(lineage.matches("はい yes").count(), 3, "{lineage}");
    assert_eq!(gateway.status().1.quarantined, 0);

    // While the edge is down it is looked at all the same, and replayed when it is up.
    assert_eq!(send(gateway.mllp, &[unreadable(2), unreadable(3)]), ["AE", "AE"]);
    gateway.kill();
    let [second, third] = gateway.kept("hl7v2").try_into().unwrap();
    let refused = gateway.quarantine(&["replay", &second]);
    assert!(refused.status.code() == Some(1) && text(&refused).contains("does not run"), "{}", text(&refused));
    assert!(gateway.quarantine(&["discard", &third]).status.success());
    assert!(text(&gateway.quarantine(&["replayed"])).contains(message.as_str()));
    let nowhere = Command::new(program()).args(["quarantine", "list", "--edge", &region.path("nowhere")]).output();
    assert!(text(&nowhere.unwrap()).contains("holds no edge's data"));
    gateway.start();
    assert_eq!(gateway.kept("hl7v2"), std::slice::from_ref(&second));
    let edited = gateway.quarantine(&["edit", &second, "--editor", &to(PATIENTS[2])]);
    assert!(edited.status.success(), "{}", text(&edited));
    until("the last is seen", first, |rows| rows.get(HAEMOGLOBIN) == Some(&2));
    gateway.stop();
    assert!(!gateway.data().join("quarantine.sock").exists());
    let told = gateway.log();
    assert!(!told.contains("Yamada") && !told.contains(PATIENTS[0]), "the log names a patient");
    region.rig.stop(PATIENCE).await.unwrap();
}
