//! The quarantine of an edge, asked for by whoever runs it: over a Unix socket in `edge.data_dir`, or, while the edge is down,
//! out of its storage.
//!
//! Who may read the edge's files may ask, and nobody else: they hold the same patient data. The kernel says who has connected.

use event_log::Clock;
use hyper_util::rt::TokioIo;
use ingest::service::AtEdge;
use ingest::{Quarantine, QuarantineError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Endpoint, Server};

/// The socket's name in `edge.data_dir`.
pub const SOCKET: &str = "quarantine.sock";

/// How long an edge may be starting.
const STARTING: Duration = Duration::from_secs(10);
/// The rest between two tries.
const AGAIN: Duration = Duration::from_millis(200);

/// Bound and not yet served.
pub(super) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    owner: u32,
}

/// Binds the socket. The caller holds the edge's storages, so that one left behind is a dead edge's.
pub(super) fn bind(directory: &Path) -> io::Result<Socket> {
    let path = directory.join(SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let owner = std::fs::metadata(&path)?.uid();
    Ok(Socket { listener, path, owner })
}

impl Socket {
    /// Answers until `stopped`.
    pub(super) async fn serve(
        self,
        at_edge: AtEdge,
        stopped: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error> {
        let Self { listener, path, owner } = self;
        // Between bind and chmod others could connect.
        let is_ours =
            move |stream: &UnixStream| stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0);
        let ours = UnixListenerStream::new(listener).filter(move |stream| stream.as_ref().map_or(true, is_ours));
        let served = Server::builder().add_service(at_edge.service()).serve_with_incoming_shutdown(ours, stopped).await;
        // One that stays is removed by the next edge.
        let _gone = std::fs::remove_file(path);
        served
    }
}

/// Why the quarantine of an edge cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// Nothing of an edge is there.
    #[error("`{path}` holds no edge's data: give the `edge.data_dir` of its configuration")]
    NoEdge {
        /// The directory.
        path: String,
    },
    /// The socket is there and may not be used.
    #[error("the edge's socket `{path}` cannot be used: {reason}; ask as the user that runs the edge")]
    Socket {
        /// The socket.
        path: String,
        /// Why.
        reason: String,
    },
    /// Another user than the edge's would leave files there that the edge cannot write.
    #[error("the edge does not run, and `{path}` belongs to another user: ask as the user that runs the edge")]
    OtherUser {
        /// The directory.
        path: String,
    },
    /// The storage.
    #[error(
        "no edge answers at `{path}`, and its quarantine cannot be opened: {source}; is it running and cannot make its socket? Its log says why"
    )]
    Storage {
        /// The directory.
        path: String,
        /// Why.
        source: QuarantineError,
    },
    /// The connection.
    #[error("the edge's socket does not speak: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Whoever answers about the quarantine of the edge whose data are in `directory`: the edge, or while it does not run its storage,
/// opened for as long as the channel lasts.
///
/// # Errors
/// See [`ReachError`].
pub async fn reach(directory: &Path, clock: Clock) -> Result<Channel, ReachError> {
    let path = directory.join(SOCKET);
    let begun = Instant::now();
    loop {
        match UnixStream::connect(&path).await {
            Ok(stream) => return Ok(over(stream).await?),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {}
            Err(error) => {
                return Err(ReachError::Socket { path: path.display().to_string(), reason: error.to_string() });
            }
        }
        match at_rest(directory, Arc::clone(&clock)).await {
            // An edge that is just starting holds its storage and does not answer yet.
            Err(ReachError::Storage { .. }) if begun.elapsed() < STARTING => tokio::time::sleep(AGAIN).await,
            reached => return reached,
        }
    }
}

/// The storage of an edge that does not run.
async fn at_rest(directory: &Path, clock: Clock) -> Result<Channel, ReachError> {
    let path = directory.display().to_string();
    let kept = directory.join("quarantine");
    let (true, Ok(owner)) = (kept.is_dir(), std::fs::metadata(&kept)) else {
        return Err(ReachError::NoEdge { path });
    };
    // Where the system does not say who asks, its own permissions stand alone.
    if std::fs::metadata("/proc/self").is_ok_and(|asks| asks.uid() != owner.uid()) {
        return Err(ReachError::OtherUser { path });
    }
    let opened = tokio::task::spawn_blocking(move || {
        // Nothing is added to it here.
        let quarantine = Quarantine::open(&kept, 0, clock)?;
        let facility = quarantine.facilities()?.into_iter().next();
        Ok((Arc::new(quarantine), facility))
    });
    let opened = opened.await.unwrap_or_else(|error| Err(QuarantineError::Storage { reason: error.to_string() }));
    let (quarantine, facility) = opened.map_err(|source| ReachError::Storage { path: path.clone(), source })?;
    // An empty quarantine is anybody's.
    let facility =
        facility.or_else(|| model::FacilityId::parse("edge").ok()).ok_or(ReachError::NoEdge { path: path.clone() })?;
    let (near, far) = UnixStream::pair().map_err(|error| ReachError::Socket { path, reason: error.to_string() })?;
    let at_edge = AtEdge::new(facility, quarantine, None).service();
    tokio::spawn(
        Server::builder().add_service(at_edge).serve_with_incoming(tokio_stream::once(Ok::<_, io::Error>(far))),
    );
    Ok(over(near).await?)
}

/// A channel over a stream that is there; it ends with it.
async fn over(stream: UnixStream) -> Result<Channel, tonic::transport::Error> {
    let mut once = Some(stream);
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = once.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
        std::future::ready(stream.map(TokioIo::new))
    });
    // The address is that of a header alone.
    Endpoint::from_static("http://edge.invalid").connect_with_connector(connector).await
}
