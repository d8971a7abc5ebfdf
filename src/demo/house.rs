//! The node of the demonstration: its directory, keys, tokens, configuration and process.

use crate::client::Connection;
use crate::identity::authority::Authority;
pub use crate::rig::{OFFICE, OPERATOR, Ports};
use crate::simulator::Site;
use anyhow::{Context, bail};
use model::{FacilityId, MemberId, Principal, Purpose, Role};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tonic::transport::Endpoint;

/// The ports people expect (gRPC, PostgreSQL, admin, dashboards); others are taken where these are not free.
pub const USUAL_PORTS: [u16; 4] = [7443, 7432, 7480, 7400];

/// The node with its directory. Dropped, it takes the node down.
#[derive(Debug)]
pub struct House {
    directory: PathBuf,
    ports: Ports,
    child: Option<Child>,
}

impl House {
    /// Makes the directory, the keys and the configuration. What is there is kept.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn furnish(directory: &Path, ports: Ports) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory.join("tokens")).with_context(|| format!("making {}", directory.display()))?;
        // Absolute, so that the printed commands work from anywhere.
        let directory = directory.canonicalize()?;
        let mut facilities = vec![FacilityId::parse(OFFICE)?];
        for site in Site::ALL {
            facilities.push(FacilityId::parse(site.id())?);
        }
        Authority::make(&directory.join("pki"), &[], &facilities)?;
        let house = Self { directory, ports, child: None };
        let text = format!(
            "# `ajisai demo` が作った設定 Written by `ajisai demo`.\n\
             [node]\nname = \"demo\"\ndata_dir = {data:?}\n\n\
             [listen]\ngrpc = \"127.0.0.1:{grpc}\"\npostgres = \"127.0.0.1:{postgres}\"\n\
             admin = \"127.0.0.1:{admin}\"\ndashboards = \"127.0.0.1:{dashboards}\"\n\n\
             [identity]\njwt_keys_file = {keys:?}\noperators = [\"{OFFICE}/{OPERATOR}\"]\n",
            data = house.data(),
            grpc = ports.grpc,
            postgres = ports.postgres,
            admin = ports.admin,
            dashboards = ports.dashboards,
            keys = house.keys().join("jwks.json"),
        );
        std::fs::write(house.config(), text)?;
        Ok(house)
    }

    /// The keys of the demonstration.
    pub fn keys(&self) -> PathBuf {
        self.directory.join("pki")
    }
    /// Where log and views lie.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }
    /// The node's configuration.
    pub fn config(&self) -> PathBuf {
        self.directory.join("ajisai.toml")
    }
    /// The directory of everything.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
    /// Where the node listens.
    pub fn ports(&self) -> Ports {
        self.ports
    }
    /// The address of gRPC.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.grpc)
    }
    /// Who runs the node.
    ///
    /// # Errors
    /// Never in practice: the ids are constants.
    pub fn operator(&self) -> anyhow::Result<(FacilityId, MemberId)> {
        Ok((FacilityId::parse(OFFICE)?, MemberId::parse(OPERATOR)?))
    }
    /// Writes a token for the principal and gives its file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn token(&self, principal: &Principal) -> anyhow::Result<PathBuf> {
        let connection = Connection::with_dev(&self.address(), &self.keys(), principal);
        let text = connection.token_text()?.context("the keys give no token")?;
        let file = self.directory.join("tokens").join(format!("{}-{}.token", principal.facility, principal.role));
        std::fs::write(&file, text)?;
        let mut permissions = std::fs::metadata(&file)?.permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
        std::fs::set_permissions(&file, permissions)?;
        Ok(file)
    }
    /// Writes the tokens of the operator and of each facility's system, for trying more commands.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn usual_tokens(&self) -> anyhow::Result<()> {
        let (facility, member) = self.operator()?;
        let operator =
            Principal { facility, member: Some(member), role: Role::Administrator, purpose: Purpose::Operations };
        self.token(&operator)?;
        for site in Site::ALL {
            let facility = FacilityId::parse(site.id())?;
            self.token(&Principal { facility, member: None, role: Role::System, purpose: Purpose::Treatment })?;
        }
        Ok(())
    }

    /// Starts the node and waits until it serves.
    ///
    /// # Errors
    /// When it ends, or does not serve within a minute; the message holds its last words.
    pub async fn start(&mut self, program: &Path) -> anyhow::Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(self.directory.join("node.log"))?;
        let child = Command::new(program)
            .args(["serve", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting the node")?;
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().transpose()).transpose()? {
                self.child = None;
                bail!("the node ended with {status}:\n{}", self.last_words());
            }
            if serves(&self.address()).await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the node does not serve after a minute:\n{}", self.last_words())
    }

    /// The last lines of the node's own log.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.directory.join("node.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(20);
        lines.into_iter().skip(from).collect::<Vec<_>>().join("\n")
    }

    /// Asks the node to stop and waits for its graceful end.
    ///
    /// # Errors
    /// When it does not end within a minute, or ends with an error.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().context("asking the node to stop")?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait()? {
                if !status.success() {
                    bail!("the node ended with {status}:\n{}", self.last_words());
                }
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        child.kill()?;
        child.wait()?;
        bail!("the node did not stop within a minute:\n{}", self.last_words())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Whether the node says that it serves.
async fn serves(address: &str) -> bool {
    let Ok(endpoint) = Endpoint::from_shared(address.to_owned()) else { return false };
    let Ok(channel) = endpoint.connect_timeout(Duration::from_secs(1)).connect().await else { return false };
    let request = tonic_health::pb::HealthCheckRequest { service: String::new() };
    let answer = tonic_health::pb::health_client::HealthClient::new(channel).check(request).await;
    let serving = tonic_health::pb::health_check_response::ServingStatus::Serving;
    answer.is_ok_and(|answer| answer.into_inner().status == i32::from(serving))
}
