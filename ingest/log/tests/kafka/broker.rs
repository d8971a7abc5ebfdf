//! A real broker for one test binary.

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

/// Runs the broker until the other end of its standard input is gone, however that came about, then cleans up.
const UNTIL_INPUT_ENDS: &str = r#"
"$1" broker --silent --listener-url "tcp://$2" --advertised-listener-url "tcp://$2" \
    --storage-engine "sqlite://log.db?maintenance_interval=3s" --group-initial-rebalance-delay 0s >broker.out 2>&1 </dev/null &
broker=$!
cat >/dev/null
kill -9 "$broker"
rm -rf "$3"
"#;

/// The broker's address: that in `AJISAI_TEST_KAFKA`, or that of a broker started here.
pub fn address() -> &'static str {
    &BROKER.address
}

static BROKER: LazyLock<Broker> = LazyLock::new(|| match env::var("AJISAI_TEST_KAFKA") {
    Ok(address) => Broker { address, guardian: None },
    Err(_) => Broker::start(),
});

/// A broker.
pub struct Broker {
    /// Its `host:port`.
    pub address: String,
    /// Holds the input open as long as this process lives.
    guardian: Option<Child>,
}

impl Broker {
    /// Takes the broker away, as a failure would.
    pub fn kill(&mut self) {
        if let Some(mut guardian) = self.guardian.take() {
            drop(guardian.stdin.take());
            guardian.wait().unwrap();
        }
    }
    /// Starts a broker on a free port.
    pub fn start() -> Self {
        let program = find().expect(
            "this test needs a Kafka broker: `make tools` installs nisshi, or name a broker in AJISAI_TEST_KAFKA (host:port)",
        );
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let directory = tempfile::tempdir().unwrap().keep();
        let guardian = Command::new("sh")
            .args(["-c", UNTIL_INPUT_ENDS, "sh"])
            .arg(&program)
            .arg(&address)
            .arg(&directory)
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(&address).is_err() {
            let said = || fs::read_to_string(directory.join("broker.out")).unwrap_or_default();
            assert!(Instant::now() < deadline, "`{}` does not answer at {address}: {}", program.display(), said());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { address, guardian: Some(guardian) }
    }
}

/// nisshi in `.tools/bin` at the repository's root, or in `PATH`.
fn find() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(tools)
        .chain(env::split_paths(&path))
        .map(|directory| directory.join("nisshi"))
        .find(|file| file.is_file())
}
