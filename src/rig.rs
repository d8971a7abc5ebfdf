//! A node of its own, in a directory of its own: what measurements and tests run against. It is the same binary with
//! the same configuration file as any other node, as a child process, so that it can be killed.

use anyhow::{Context, bail};
use model::{FacilityId, Principal, Role};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

/// The facility of the person who runs the node and registers the first facilities.
pub const OFFICE: &str = "office";
/// That person.
pub const OPERATOR: &str = "operator-1";

/// A node and its directory.
#[derive(Debug)]
pub struct Rig {
    program: PathBuf,
    directory: PathBuf,
    ports: Ports,
    tls: bool,
    child: Option<Child>,
}

/// Where a node listens, all on loopback.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// gRPC and Flight SQL.
    pub grpc: u16,
    /// Postgres wire.
    pub postgres: u16,
    /// Health and metrics.
    pub admin: u16,
    /// Dashboards.
    pub dashboards: u16,
}

impl Ports {
    /// The wanted ports (gRPC, PostgreSQL, admin, dashboards) where they are free, others where they are taken; 0 wants
    /// any. All are held until the last is found, or the same could come twice.
    ///
    /// # Errors
    /// When no port is free.
    pub fn choose(wanted: [u16; 4]) -> anyhow::Result<Self> {
        let mut held = Vec::with_capacity(wanted.len());
        let mut choose = |wanted: u16| -> anyhow::Result<u16> {
            let listener = listen(wanted)?;
            let port = listener.local_addr()?.port();
            held.push(listener);
            Ok(port)
        };
        let [grpc, postgres, admin, dashboards] = wanted;
        Ok(Self {
            grpc: choose(grpc)?,
            postgres: choose(postgres)?,
            admin: choose(admin)?,
            dashboards: choose(dashboards)?,
        })
    }
}

/// Ports below those that systems give to outgoing connections: one of those could be taken between the moment it is chosen
/// and the moment the node listens.
const FREE: std::ops::Range<u16> = 10_000..30_000;

/// The wanted port, or a free one where it is taken or 0.
fn listen(wanted: u16) -> anyhow::Result<TcpListener> {
    let others = std::iter::repeat_with(|| rand::random_range(FREE)).take(200);
    let mut ports = Some(wanted).filter(|wanted| *wanted != 0).into_iter().chain(others);
    ports.find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).context("no port is free on 127.0.0.1")
}

/// A port on loopback that nobody listens on.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(listen(0)?.local_addr()?.port())
}

/// A channel that carries a bearer token.
pub type Bearing = InterceptedService<Channel, Bearer>;

/// Puts a bearer token into each call.
#[derive(Debug, Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, tonic::Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Rig {
    /// Prepares keys and configuration in `directory` for `program` (this binary); `extra` is appended to the
    /// configuration as it is. Nothing runs yet.
    ///
    /// # Errors
    /// When the directory cannot be written, no port is free or the keys cannot be made.
    pub fn prepare(program: &Path, directory: &Path, extra: &str) -> anyhow::Result<Self> {
        Self::make(program, directory, extra, false)
    }

    /// As [`prepare`](Self::prepare), and the node speaks TLS: facilities show the certificates that `ajisai dev ca` makes.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_with_tls(program: &Path, directory: &Path, extra: &str) -> anyhow::Result<Self> {
        let pki = directory.join("pki");
        let path = |name: &str| pki.join(name);
        let tls = format!(
            "[tls]\ncertificate = {:?}\nkey = {:?}\nclient_ca = {:?}\n\n{extra}",
            path("node.pem"),
            path("node.key"),
            path("ca.pem"),
        );
        Self::make(program, directory, &tls, true)
    }

    fn make(program: &Path, directory: &Path, extra: &str, tls: bool) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let ports = Ports::choose([0; 4])?;
        let rig = Self { program: program.to_owned(), directory: directory.to_owned(), ports, tls, child: None };
        rig.run(&["dev", "ca", "--facility", OFFICE, "--dir"], &[&rig.pki()])?;
        let text = format!(
            "[node]\nname = \"rig\"\ndata_dir = {data:?}\n\n\
             [listen]\ngrpc = \"127.0.0.1:{grpc}\"\npostgres = \"127.0.0.1:{postgres}\"\n\
             admin = \"127.0.0.1:{admin}\"\ndashboards = \"127.0.0.1:{dashboards}\"\n\n\
             [identity]\njwt_keys_file = {keys:?}\noperators = [\"{OFFICE}/{OPERATOR}\"]\n\n{extra}\n",
            data = directory.join("data"),
            grpc = ports.grpc,
            postgres = ports.postgres,
            admin = ports.admin,
            dashboards = ports.dashboards,
            keys = rig.pki().join("jwks.json"),
        );
        std::fs::write(rig.config(), text)?;
        Ok(rig)
    }

    /// Where its keys and certificates are, as `ajisai dev ca` makes them.
    pub fn pki(&self) -> PathBuf {
        self.directory.join("pki")
    }
    /// The node's configuration file.
    pub fn config(&self) -> PathBuf {
        self.directory.join("ajisai.toml")
    }
    /// Where the node keeps everything.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }
    /// Where the node listens.
    pub fn ports(&self) -> Ports {
        self.ports
    }
    /// The node's process id, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    fn run(&self, arguments: &[&str], paths: &[&Path]) -> anyhow::Result<String> {
        let output = Command::new(&self.program).args(arguments).args(paths).output().context("starting ajisai")?;
        if !output.status.success() {
            bail!("ajisai {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// A signed token for a principal, good for a day.
    ///
    /// # Errors
    /// When the keys are missing.
    pub fn token(&self, principal: &Principal) -> anyhow::Result<String> {
        let Principal { facility, member, role, purpose } = principal;
        let mut arguments = vec!["dev", "token", "--facility", facility.as_str(), "--role", role.code()];
        arguments.extend(["--purpose", purpose.code(), "--hours", "24"]);
        if let Some(member) = member {
            arguments.extend(["--member", member.as_str()]);
        }
        arguments.push("--dir");
        Ok(self.run(&arguments, &[&self.pki()])?.trim().to_owned())
    }

    /// The person who runs the node.
    ///
    /// # Errors
    /// Never: the ids are parsed like any others.
    pub fn operator() -> anyhow::Result<Principal> {
        Ok(Principal {
            facility: FacilityId::parse(OFFICE)?,
            member: Some(model::MemberId::parse(OPERATOR)?),
            role: Role::Administrator,
            purpose: model::Purpose::Operations,
        })
    }

    /// A facility's own system.
    pub fn system(facility: FacilityId) -> Principal {
        Principal { facility, member: None, role: Role::System, purpose: model::Purpose::Treatment }
    }

    /// Starts the node and waits until it serves; says how long that took.
    ///
    /// # Errors
    /// When it ends early or is not ready within `patience`.
    pub async fn start(&mut self, patience: Duration) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let log = std::fs::File::options().create(true).append(true).open(self.directory.join("node.log"))?;
        let child = Command::new(&self.program)
            .args(["serve", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting the node")?;
        self.child = Some(child);
        while begun.elapsed() < patience {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().transpose()).transpose()? {
                bail!("the node ended with {status}: {}", self.last_words());
            }
            if self.serves().await {
                return Ok(begun.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("the node was not ready within {patience:?}: {}", self.last_words())
    }

    /// The last lines of the node's own log.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.directory.join("node.log")).unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().rev().take(20).collect();
        lines.reverse();
        lines.join("\n")
    }

    /// Kills the node as a power switch would kill a process: SIGKILL.
    ///
    /// # Errors
    /// When there is nothing to kill.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the node does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Asks the node to stop (SIGTERM) and waits for its graceful end.
    ///
    /// # Errors
    /// When it does not end within `patience`, or ends with an error.
    pub async fn stop(&mut self, patience: Duration) -> anyhow::Result<Duration> {
        let mut child = self.child.take().context("the node does not run")?;
        let begun = Instant::now();
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        if !asked.success() {
            bail!("the node could not be asked to stop");
        }
        while begun.elapsed() < patience {
            if let Some(status) = child.try_wait()? {
                if !status.success() {
                    bail!("the node ended with {status}: {}", self.last_words());
                }
                return Ok(begun.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        child.kill()?;
        bail!("the node did not stop within {patience:?}: {}", self.last_words())
    }

    /// A channel to the node for one principal.
    ///
    /// # Errors
    /// When no token can be made or the node does not answer.
    pub async fn channel(&self, principal: &Principal) -> anyhow::Result<Bearing> {
        let bearer = format!("Bearer {}", self.token(principal)?).parse().context("a token that is not ASCII")?;
        let channel = self
            .endpoint()?
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .tcp_nodelay(true)
            .connect()
            .await?;
        Ok(InterceptedService::new(channel, Bearer(bearer)))
    }
}

impl Rig {
    /// Its gRPC address.
    pub fn address(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.ports.grpc)
    }

    fn endpoint(&self) -> anyhow::Result<Endpoint> {
        let endpoint = Endpoint::from_shared(self.address())?;
        if !self.tls {
            return Ok(endpoint);
        }
        crate::identity::tls::install_provider();
        let ca = Certificate::from_pem(std::fs::read(self.pki().join("ca.pem"))?);
        Ok(endpoint.tls_config(ClientTlsConfig::new().ca_certificate(ca))?)
    }

    /// Whether the node says that it serves, having caught up with its log.
    async fn serves(&self) -> bool {
        let Ok(endpoint) = self.endpoint() else { return false };
        let Ok(channel) = endpoint.connect_timeout(Duration::from_secs(1)).connect().await else { return false };
        let request = tonic_health::pb::HealthCheckRequest { service: String::new() };
        let answer = tonic_health::pb::health_client::HealthClient::new(channel).check(request).await;
        let serving = tonic_health::pb::health_check_response::ServingStatus::Serving;
        answer.is_ok_and(|answer| answer.into_inner().status == i32::from(serving))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
