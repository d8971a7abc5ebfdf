//! A hospital's edge: the ways in of a node, a queue on disk in the place of the log, and a line to the node.
//!
//! ```text
//! MLLP, storages, FHIR ─▶ EdgeDoor ─▶ queue (disk) ─▶ forwarder ─▶ the node's gRPC door
//!           └─ watch ─▶ log, metrics, /status, and told to the node
//! ```
//!
//! Opening: queue → quarantine → account of the feeds → ways in → line → listeners. Closing: listeners stop and drain, then the
//! line is let go. What was answered is on disk before its answer; there is nothing else to bring to safety.

mod line;
mod socket;
mod status;
mod teller;

pub use line::LineOpenError;
pub use socket::{ReachError, SOCKET, reach};
pub use status::{EdgeStatus, FeedStatus, LineStatus, QueueStatus};

use crate::config::EdgeConfig;
use crate::doors::{self, DoorListeners, Doors, DoorsError, House};
use crate::identity::tls::{self, ALPN_HTTP, ClientCertificates, TlsError, server_config};
use crate::identity::{self, Connections, DirectoryCheck, Identity, KeysError, Standing};
use crate::servers::{Bound, ListenError, Servers, bind_if};
use crate::telemetry;
use ingest::edge::{EdgeDoor, Forwarded, Forwarder, GrpcLine, Pace, Queue, QueueError};
use ingest::fhir::endpoint::Endpoint;
use ingest::service::{AtEdge, Sending};
use ingest::watch::{Watch, WatchedDoor};
use ingest::{Door, Form, Quarantine, QuarantineError};
use model::{FacilityId, Moment, Principal};
use status::Inside;
use std::sync::Arc;
use teller::Teller;
use tokio_util::sync::CancellationToken;

/// Why the edge could not start, or stopped before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// A directory could not be made.
    #[error("`{path}` cannot be used as a directory: {source}")]
    Directory {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The queue.
    #[error("`edge.queue_dir`, `{path}`: {source}; is another edge running?")]
    Queue {
        /// Where.
        path: String,
        /// Why.
        source: QueueError,
    },
    /// The quarantine.
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    /// A way in.
    #[error(transparent)]
    Doors(#[from] DoorsError),
    /// The line to the node.
    #[error(transparent)]
    Line(#[from] LineOpenError),
    /// The keys that verify tokens.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A server ended by itself.
    #[error("the {0} server ended: {1}")]
    Server(&'static str, String),
}

/// A running edge.
#[derive(Debug)]
pub struct Edge {
    config: EdgeConfig,
    stop: CancellationToken,
    servers: Servers,
}

/// Whom an edge lets in: its own facility's system. The node asks its directory when it takes what is brought.
#[derive(Debug)]
struct OwnFacility(FacilityId);

impl DirectoryCheck for OwnFacility {
    fn standing(&self, principal: &Principal, _: Moment) -> Standing {
        match &principal.member {
            _ if principal.facility != self.0 => Standing::UnknownFacility,
            Some(_) => Standing::UnknownMember,
            None => Standing::Good,
        }
    }
}

impl Edge {
    /// Opens everything and begins to take in and to forward. That the node does not answer is no error.
    ///
    /// # Errors
    /// See [`EdgeError`].
    pub async fn start(config: EdgeConfig, registry: prometheus::Registry) -> Result<Self, EdgeError> {
        tls::install_provider();
        let clock = identity::system_clock();
        let facility = config.edge.facility.clone();
        let ways = config.ways();
        make(&config.edge.data_dir)?;
        make(&config.edge.queue_dir)?;
        let admin = bind_if("listen.admin", config.listen.admin).await?;
        let listeners = DoorListeners::bind(&ways).await?;
        let client = line::open(&config)?;
        let queue = Queue::open(&config.edge.queue_dir, config.edge.queue_bytes, Arc::clone(&clock));
        let path = config.edge.queue_dir.display().to_string();
        let queue = Arc::new(queue.map_err(|source| EdgeError::Queue { path, source })?);
        let (kept, share) = (config.edge.data_dir.join("quarantine"), config.ingest.quarantine_bytes);
        let quarantine = Arc::new(Quarantine::open(&kept, share, Arc::clone(&clock))?);
        let (watch, book) = (Watch::new(Arc::clone(&clock)), doors::open_book(&ways, &clock)?);
        let door = EdgeDoor::new(facility.clone(), Arc::clone(&queue), Arc::clone(&quarantine), Arc::clone(&book));
        // The configuration names no other facility, and no other comes in.
        let of = |_: &FacilityId| Arc::new(door.clone()) as Arc<dyn Door>;
        let house = House { door: &of, book: Arc::clone(&book), watch: watch.clone(), clock: Arc::clone(&clock) };
        let opened = Doors::open(ways.clone(), &house)?;
        let alive = doors::fhir_alive(&ways, &house, &facility);
        let directory = Arc::new(OwnFacility(facility.clone()));
        let identity = Arc::new(Identity::open(&config.identity, directory, Arc::clone(&clock)).await?);

        let forwarded = Arc::new(Forwarded::default());
        let waiting = queue.waiting().map_err(|source| EdgeError::Queue { path: String::new(), source })?;
        tracing::info!(%facility, waiting = waiting.events, "the edge opens");
        let inside = Inside {
            config: config.clone(),
            started: clock(),
            queue: Arc::clone(&queue),
            forwarded: Arc::clone(&forwarded),
            quarantine: Arc::clone(&quarantine),
            watch: watch.clone(),
        };
        let mut edge = Self { config, stop: CancellationToken::new(), servers: Servers::default() };
        let through = door.clone();
        let fhir = move |_| Arc::new(WatchedDoor::new(Arc::new(through.clone()), Arc::clone(&alive))) as Arc<dyn Door>;
        let largest = edge.config.ingest.fhir_bytes;
        let contexts = doors::fhir_contexts(&ways, &clock);
        let endpoint = Endpoint { door: Arc::new(fhir), clock: Arc::clone(&clock), contexts, largest };
        let anew = opened.replayers().into_iter().chain([(Form::Fhir, endpoint.replayer())]);
        let sending = Sending::new(door, anew);
        edge.answer(AtEdge::new(facility.clone(), quarantine, Some(sending)));
        opened.serve(listeners, (endpoint, &identity), &edge.stop, &mut edge.servers)?;
        if let Some(admin) = admin {
            edge.admin(admin, inside, registry)?;
        }
        let forwarder = Forwarder::new(queue, GrpcLine::new(client.clone()), Pace::default(), forwarded);
        edge.until_stopped("forwarding", forwarder.run());
        edge.until_stopped("watch", doors::keep_watch(watch.clone(), Arc::clone(&book), edge.stop.clone()));
        let name = edge.config.edge.name.clone();
        edge.until_stopped("telling", Teller { client, name, facility, watch, book }.run());
        tracing::info!("the edge takes in");
        Ok(edge)
    }

    /// Answers about the quarantine to whoever runs the edge. Where that is not possible, it is said and the edge runs on: it is
    /// there to take in.
    fn answer(&mut self, at_edge: AtEdge) {
        let directory = &self.config.edge.data_dir;
        match socket::bind(directory) {
            Ok(bound) => {
                let (stop, stopped) = (self.stop.clone(), self.stop.clone().cancelled_owned());
                self.servers.spawn("quarantine", async move {
                    if let Err(error) = bound.serve(at_edge, stopped).await {
                        tracing::warn!(%error, "the edge's quarantine is not shown any more");
                        stop.cancelled().await;
                    }
                    Ok::<_, String>(())
                });
            }
            Err(error) => {
                let path = directory.join(SOCKET).display().to_string();
                tracing::warn!(%error, path, "the edge's quarantine can be counted and not shown: the socket is not there");
            }
        }
    }

    /// Runs what has no end of its own until the edge stops.
    fn until_stopped(&mut self, name: &'static str, running: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.servers.spawn(name, async move {
            tokio::select! {
                () = running => Err("it ended early"),
                () = stop.cancelled() => Ok(()),
            }
        });
    }

    fn admin(
        &mut self,
        (listener, address): Bound,
        inside: Inside,
        registry: prometheus::Registry,
    ) -> Result<(), EdgeError> {
        // On this machine whoever runs the edge asks without a certificate.
        let certificates = self.config.tls.as_ref().filter(|_| !address.ip().is_loopback());
        let tls = certificates.map(|tls| server_config(tls, ClientCertificates::Required, ALPN_HTTP)).transpose()?;
        let connections =
            Connections::open(listener, tls).map_err(|source| ListenError { key: "listen.admin", address, source })?;
        let inside = Arc::new(inside);
        let asked = Arc::clone(&inside);
        let router = telemetry::router(registry, Arc::new(move || asked.readiness())).merge(status::router(inside));
        let stopped = self.stop.clone().cancelled_owned();
        self.servers.spawn("admin", axum::serve(connections, router).with_graceful_shutdown(stopped).into_future());
        Ok(())
    }

    /// Runs until `asked` resolves, then stops gracefully. Ends early, with the reason, when a part of the edge fails.
    ///
    /// # Errors
    /// See [`EdgeError`].
    pub async fn run(mut self, asked: impl Future<Output = ()>) -> Result<(), EdgeError> {
        let failed = tokio::select! {
            () = asked => None,
            (name, reason) = self.servers.first_to_end() => Some(EdgeError::Server(name, reason)),
        };
        tracing::info!("stopping");
        self.stop.cancel();
        self.servers.drain(tokio::time::Instant::now() + self.config.edge.drain).await;
        tracing::info!("stopped");
        failed.map_or(Ok(()), Err)
    }
}

fn make(directory: &std::path::Path) -> Result<(), EdgeError> {
    std::fs::create_dir_all(directory)
        .map_err(|source| EdgeError::Directory { path: directory.display().to_string(), source })
}
