//! An edge whose disk is full: it says so, takes nothing more, loses nothing that it has answered for, and goes on by itself
//! when there is room.
//!
//! The disk is a file system of a few MiB in a mount namespace of the test's own, which Linux gives to everybody who may make a
//! user namespace. Where that is forbidden the test says so and looks at nothing.

use super::kept::{bundle, token};
use super::*;

/// A small disk, there for as long as this process lives.
struct Disk {
    holder: Child,
    at: std::path::PathBuf,
}

impl Disk {
    fn mount(at: &Path, mib: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let script = format!("mount -t tmpfs -o size={mib}m tmpfs \"$0\" && : > \"$0/mounted\" && exec sleep 600");
        let holder = Command::new("unshare").args(["-rm", "sh", "-c", &script]).arg(at).spawn().ok()?;
        let mut disk = Self { holder, at: at.to_owned() };
        let begun = Instant::now();
        while !disk.inside("mounted").exists() {
            if disk.holder.try_wait().unwrap().is_some() || begun.elapsed() > PATIENCE {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(disk)
    }

    /// A file of the disk, as seen from outside of its namespace.
    fn inside(&self, name: &str) -> std::path::PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(self.at.strip_prefix("/").unwrap()).join(name)
    }

    /// Fills it to the last byte. What the edge gives back of its own files it may take again: fill it again then.
    fn fill(&self) {
        let mut file = std::fs::File::options().create(true).append(true).open(self.inside("filler")).unwrap();
        for size in [64 << 10, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn clear(&self) {
        std::fs::remove_file(self.inside("filler")).unwrap();
    }

    /// The edge, in the disk's namespace.
    fn command(&self, gateway: &Gateway) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.holder.id().to_string(), "-U", "-m", "--preserve-credentials", "--"]);
        command.arg(program()).args(["edge", "--config"]).arg(gateway.config());
        command
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone = self.holder.kill();
        let _gone = self.holder.wait();
    }
}

impl Gateway {
    fn start_on(&mut self, disk: &Disk) {
        self.run(disk.command(self));
        until("the edge takes in", || self.log(), |_| TcpStream::connect(("127.0.0.1", self.mllp)).is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_an_edge_loses_nothing_that_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::prepare_with_tls(program(), directory.path(), "").unwrap();
    let mut region = Region::raise(directory, rig).await;
    region.register();
    let cable = Cable::lay(region.rig.ports().grpc);
    let mut gateway = Gateway::prepare(&region.rig.pki(), cable.port);
    let Some(disk) = Disk::mount(&gateway.directory.path().join("data"), 64) else {
        println!("NOT PERMITTED: a mount namespace of one's own (unshare -rm); the full disk was not tried");
        return;
    };
    cable.cut();
    gateway.start_on(&disk);

    // A sender goes on while the disk fills: what is answered with AA is durable, everything else is AR.
    let messages: Vec<String> =
        (1..200).zip(PATIENTS.into_iter().cycle()).map(|(control, patient)| result(control, patient, 2000)).collect();
    let (before, during) = messages.split_at(50);
    assert!(all_accepted(&send(gateway.mllp, before)));
    disk.fill();
    let answers = send(gateway.mllp, during);
    assert!(answers.iter().all(|answer| answer == "AA" || answer == "AR"), "{answers:?}");
    assert!(answers.iter().any(|answer| answer == "AR"), "{answers:?}");
    let full = |what: &str, answered: &dyn Fn() -> String, expected: &str| {
        let look = || {
            disk.fill();
            answered()
        };
        until(what, look, |answer| answer == expected);
    };
    let fhir = bundle(PATIENTS[0], "full", "final");
    let post = || {
        let (status, outcome) = gateway.post(&token(&region), &fhir);
        format!("{status} {}", outcome["issue"][0]["code"].as_str().unwrap())
    };
    full("FHIR is turned away", &post, "503 transient");
    // What would be refused is not: it could not be kept.
    let refused = result(900, "", 1).replace("PID|||", "PID|||^^");
    full("what is wrong is turned away", &|| send(gateway.mllp, std::slice::from_ref(&refused)).concat(), "AR");
    full("the status says so", &|| format!("{:?}", gateway.status().1.queue.fault.is_some()), "true");
    assert_eq!(gateway.status().0, Some(3));
    full("it takes nothing", &|| gateway.admin("/ready").split(' ').nth(1).unwrap().to_owned(), "503");

    // The power fails while it is full. It need not come up, but what it has answered for is there when it does.
    gateway.kill();
    gateway.run(disk.command(&gateway));
    std::thread::sleep(Duration::from_secs(2));
    let up = TcpStream::connect(("127.0.0.1", gateway.mllp)).is_ok();
    println!("on a full disk the edge {}", if up { "comes up" } else { "does not come up" });
    gateway.kill();
    disk.clear();
    gateway.start_on(&disk);
    let taken = before.len() + answers.iter().filter(|answer| *answer == "AA").count();
    let (_, status) = gateway.status();
    assert!(status.queue.events >= 2 * taken as u64, "{taken} messages of two events: {status:?}");
    assert_eq!(status.queue.fault, None);

    // Full again while it runs; when there is room it goes on by itself.
    let turned_away: Vec<String> =
        during.iter().zip(&answers).filter(|(_, a)| *a == "AR").map(|(m, _)| m.clone()).collect();
    let last = turned_away.last().unwrap();
    full("it is full again", &|| send(gateway.mllp, std::slice::from_ref(last)).concat(), "AR");
    cable.mend();
    full("it says so", &|| format!("{:?}", gateway.status().1.queue.fault.is_some()), "true");
    disk.clear();
    until("there is room", || gateway.status(), |(_, status)| status.queue.fault.is_none());
    assert!(gateway.admin("/ready").contains(" 200 "));
    assert!(all_accepted(&send(gateway.mllp, &turned_away)));
    assert_eq!(send(gateway.mllp, &[refused]), ["AE"]);
    assert_eq!(gateway.post(&token(&region), &fhir).0, 200);
    let brought =
        |(_, status): &(Option<i32>, EdgeStatus)| status.queue.events == 0 && status.line.down_since.is_none();
    until("all is brought", || gateway.status(), brought);
    let rows = || region.results(HOSPITAL);
    let with_fhir: u64 = 2;
    let expected: u64 = whole_count(&messages, 0).lines().nth(1).unwrap().parse::<u64>().unwrap() + with_fhir;
    until("every message is a row, once", rows, |count| *count == format!("n\n{expected}\n"));
    gateway.stop();
    region.rig.stop(PATIENCE).await.unwrap();
}
