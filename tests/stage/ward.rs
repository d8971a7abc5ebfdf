//! A node, some facilities and the commands they give: what tests of recordings begin with.

use ajisai::rig::{OFFICE, Rig};
use model::FacilityId;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Where the recordings of CTU-UHB are; `None`, and a word of it, where they are not there.
#[expect(clippy::print_stdout, reason = "a test that looks at nothing says so")]
pub fn recordings() -> Option<PathBuf> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let found = root.join("ctg/ctu-uhb-40");
    let there = found.is_dir();
    if !there {
        println!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test then looked at nothing", found.display());
    }
    there.then_some(found)
}

/// A node with facilities that give commands.
pub struct Ward {
    pub rig: Rig,
    directory: tempfile::TempDir,
}

impl Ward {
    /// With facilities, each of a kind.
    pub async fn raise(facilities: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut rig = Rig::prepare(Path::new(env!("CARGO_BIN_EXE_ajisai")), directory.path(), "").unwrap();
        rig.start(Duration::from_secs(60)).await.unwrap();
        let ward = Self { rig, directory };
        ward.keep(OFFICE, &ward.rig.token(&Rig::operator().unwrap()).unwrap());
        for (id, kind) in facilities {
            ward.keep(id, &ward.rig.token(&Rig::system(FacilityId::parse(id).unwrap())).unwrap());
            ward.say(OFFICE, &["directory", "facility", "--id", id, "--kind", kind, "--name", id, "--name-en", id]);
        }
        ward
    }
    /// The path of a file of the test's own.
    pub fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
    fn keep(&self, name: &str, token: &str) {
        std::fs::write(self.path(&format!("{name}.token")), token).unwrap();
    }
    /// Where the node is, and whose token a command carries.
    pub fn whose(&self, who: &str) -> [String; 4] {
        let address = format!("http://127.0.0.1:{}", self.rig.ports().grpc);
        ["--address".to_owned(), address, "--token".to_owned(), self.path(&format!("{who}.token"))]
    }
    pub fn run(&self, who: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ajisai"));
        command.args(arguments).args(self.whose(who)).output().unwrap()
    }
    #[track_caller]
    pub fn say(&self, who: &str, arguments: &[&str]) -> String {
        let output = self.run(who, arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
        text
    }
    #[track_caller]
    pub fn refused(&self, who: &str, arguments: &[&str]) -> String {
        let output = self.run(who, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
    /// The rows of a query, without their header.
    #[track_caller]
    pub fn rows(&self, who: &str, sql: &str) -> Vec<String> {
        self.say(who, &["sql", "--format", "csv", sql]).lines().skip(1).map(|line| line.trim().to_owned()).collect()
    }
    /// Plays recordings, and waits until the node shows so many beds closed: the frames of a bed come before.
    #[track_caller]
    pub fn play(&self, who: &str, arguments: &[&str], beds: usize) -> String {
        let told = self.say(who, arguments);
        self.closed(who, "TRUE", beds);
        told
    }
    /// Waits until the node shows so many beds of some closed.
    #[track_caller]
    pub fn closed(&self, who: &str, which: &str, beds: usize) {
        let closed = format!("SELECT count(*) FROM beds WHERE closed IS NOT NULL AND {which}");
        let start = Instant::now();
        while self.rows(who, &closed) != [beds.to_string()] {
            assert!(start.elapsed() < Duration::from_secs(300), "the node does not show {beds} closed beds");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
